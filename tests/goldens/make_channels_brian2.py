"""Makes `channels_brian2.npz` beside this file: spikes of two models with ion channels in Brian2.

Run it with the project's interpreter: ``python tests/goldens/make_channels_brian2.py``.  dt 0.1 ms.  Hodgkin-Huxley: the
equations of Brian2's example COBAHH, exponential_euler, v -65 mV, gates 0.  Wang-Buzsaki: those of its example
Wang_Buszaki_1996 with an inhibitory conductance, rk4, v -64 mV, h 0.8, n 0.1.

hh_current, wb_current : float64[4], pA; hh_g_exc, hh_g_inh, wb_g_inh : float64[4], nS at the start
hh_step, wb_step : int32[spikes], stamps in steps (end of the step); hh_neuron, wb_neuron : int16[spikes]; time : ms
hh_v : float64[1000], v of the last neuron at the end of the first steps
"""

from pathlib import Path

import brian2 as b2
import numpy as np
from brian2 import ms, mV, nS, pA, pF

TIME = 1000.0
HH = """
dv/dt = (gl*(El-v)+ge*(Ee-v)+gi*(Ei-v)-g_na*(m*m*m)*h*(v-ENa)-g_kd*(n*n*n*n)*(v-EK)+I)/Cm : volt
dm/dt = alpha_m*(1-m)-beta_m*m : 1
dn/dt = alpha_n*(1-n)-beta_n*n : 1
dh/dt = alpha_h*(1-h)-beta_h*h : 1
dge/dt = -ge*(1./taue) : siemens
dgi/dt = -gi*(1./taui) : siemens
alpha_m = 0.32*(mV**-1)*4*mV/exprel((13*mV-v+VT)/(4*mV))/ms : Hz
beta_m = 0.28*(mV**-1)*5*mV/exprel((v-VT-40*mV)/(5*mV))/ms : Hz
alpha_h = 0.128*exp((17*mV-v+VT)/(18*mV))/ms : Hz
beta_h = 4./(1+exp((40*mV-v+VT)/(5*mV)))/ms : Hz
alpha_n = 0.032*(mV**-1)*5*mV/exprel((15*mV-v+VT)/(5*mV))/ms : Hz
beta_n = .5*exp((10*mV-v+VT)/(40*mV))/ms : Hz
I : amp
"""
HH_SPACE = {
    "gl": 10 * nS, "El": -60 * mV, "Ee": 0 * mV, "Ei": -80 * mV, "g_na": 20000 * nS, "ENa": 50 * mV, "g_kd": 6000 * nS,
    "EK": -90 * mV, "Cm": 200 * pF, "taue": 5 * ms, "taui": 10 * ms, "VT": -63 * mV,
}  # fmt: skip
WB = """
dv/dt = (-gNa*m**3*h*(v-ENa)-gK*n**4*(v-EK)-gL*(v-EL)-gi*(v-Ei)+I)/Cm : volt
dgi/dt = -gi/taui : siemens
m = alpha_m/(alpha_m+beta_m) : 1
alpha_m = 0.1/mV*10*mV/exprel(-(v+35*mV)/(10*mV))/ms : Hz
beta_m = 4*exp(-(v+60*mV)/(18*mV))/ms : Hz
dh/dt = 5*(alpha_h*(1-h)-beta_h*h) : 1
alpha_h = 0.07*exp(-(v+58*mV)/(20*mV))/ms : Hz
beta_h = 1./(exp(-0.1/mV*(v+28*mV))+1)/ms : Hz
dn/dt = 5*(alpha_n*(1-n)-beta_n*n) : 1
alpha_n = 0.01/mV*10*mV/exprel(-(v+34*mV)/(10*mV))/ms : Hz
beta_n = 0.125*exp(-(v+44*mV)/(80*mV))/ms : Hz
I : amp
"""
WB_SPACE = {
    "gL": 10 * nS, "EL": -65 * mV, "gNa": 3500 * nS, "ENa": 55 * mV, "gK": 900 * nS, "EK": -90 * mV, "Cm": 100 * pF,
    "taui": 10 * ms, "Ei": -75 * mV,
}  # fmt: skip
CURRENTS = {"hh": np.array([0.0, 100.0, 300.0, 800.0]), "wb": np.array([0.0, 50.0, 100.0, 300.0])}  # pA
G_EXC, G_INH = np.array([0.0, 20.0, 40.0, 10.0]), np.array([0.0, 30.0, 60.0, 0.0])  # nS
WB_G_INH = np.array([0.0, 5.0, 20.0, 100.0])


def spikes(monitor, dt):
    """(stamps in steps, neurons), sorted."""
    step = np.rint(np.asarray(monitor.t / ms) / dt).astype(np.int32) + 1
    neuron = np.asarray(monitor.i).astype(np.int16)
    order = np.lexsort((neuron, step))
    return step[order], neuron[order]


def main():
    """Run both and write the file."""
    b2.prefs.codegen.target = "numpy"
    hh = b2.NeuronGroup(
        4, HH, threshold="v>-20*mV", refractory=3 * ms, method="exponential_euler", namespace=HH_SPACE, dt=0.1 * ms
    )
    hh.v, hh.I, hh.ge, hh.gi = -65 * mV, CURRENTS["hh"] * pA, G_EXC * nS, G_INH * nS
    wb = b2.NeuronGroup(4, WB, threshold="v>0*mV", refractory="v>0*mV", method="rk4", namespace=WB_SPACE, dt=0.1 * ms)
    wb.v, wb.h, wb.n, wb.I, wb.gi = -64 * mV, 0.8, 0.1, CURRENTS["wb"] * pA, WB_G_INH * nS
    monitors = [b2.SpikeMonitor(hh), b2.SpikeMonitor(wb)]
    trace = b2.StateMonitor(hh, "v", record=[3], when="end")
    b2.Network(hh, wb, trace, *monitors).run(TIME * ms)
    found = {
        "time": TIME,
        "hh_current": CURRENTS["hh"],
        "wb_current": CURRENTS["wb"],
        "hh_g_exc": G_EXC,
        "hh_g_inh": G_INH,
    }
    found["wb_g_inh"] = WB_G_INH
    found["hh_step"], found["hh_neuron"] = spikes(monitors[0], 0.1)
    found["wb_step"], found["wb_neuron"] = spikes(monitors[1], 0.1)
    found["hh_v"] = np.asarray(trace.v[0] / mV)[:1000]
    np.savez_compressed(Path(__file__).parent / "channels_brian2.npz", **found)


if __name__ == "__main__":
    main()
