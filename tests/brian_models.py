"""Neuron models in Brian2's language, for the comparison with Brian2 itself: those of its documentation and examples.

Written for these tests after the published models; each is a `Case`.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2 import (
    Hz,
    Mohm,
    TimedArray,
    amp,
    check_units,
    cm,
    metre,
    mmolar,
    ms,
    msiemens,
    mV,
    nA,
    nS,
    pF,
    second,
    siemens,
    ufarad,
    umetre,
)

SEEDED = np.random.RandomState(0)


@dataclass
class Case:
    """A model, the ranges of its random start (in the units that a user reads), and the parameters likewise."""

    name: str
    equations: str
    options: dict[str, Any] = field(default_factory=dict)
    namespace: dict[str, Any] = field(default_factory=dict)
    start: dict[str, tuple[float, float]] = field(default_factory=dict)
    dt: float = 0.1  # ms

    @property
    def noisy(self) -> bool:
        text = " ".join([self.equations, *map(str, self.options.values())])
        return "rand" in text or "xi" in text


TAU = {"tau": 10 * ms}
AREA = 20000 * umetre**2
HH = """
dv/dt = (gl*(El-v) - g_na*(m*m*m)*h*(v-ENa) - g_kd*(n*n*n*n)*(v-EK) + I)/Cm : volt
dm/dt = 0.32*(mV**-1)*4*mV/exprel((13.*mV-v+VT)/(4*mV))/ms*(1-m)-0.28*(mV**-1)*5*mV/exprel((v-VT-40.*mV)/(5*mV))/ms*m : 1
dn/dt = 0.032*(mV**-1)*5*mV/exprel((15.*mV-v+VT)/(5*mV))/ms*(1.-n)-.5*exp((10.*mV-v+VT)/(40.*mV))/ms*n : 1
dh/dt = 0.128*exp((17.*mV-v+VT)/(18.*mV))/ms*(1.-h)-4./(1+exp((40.*mV-v+VT)/(5.*mV)))/ms*h : 1
I : amp
"""
HH_NUMBERS = {
    "Cm": 1 * ufarad * cm**-2 * AREA, "gl": 5e-5 * siemens * cm**-2 * AREA, "El": -65 * mV, "EK": -90 * mV, "ENa": 50 * mV,
    "g_na": 100 * msiemens * cm**-2 * AREA, "g_kd": 30 * msiemens * cm**-2 * AREA, "VT": -63 * mV,
}  # fmt: skip
HH_START = {"v": (-66.0, -64.0), "I": (100.0, 700.0), "m": (0.0, 0.05), "n": (0.0, 0.3), "h": (0.5, 1.0)}
HH_OPTIONS = {"threshold": "v > -40*mV", "refractory": "v > -40*mV"}


@check_units(x=1, result=1)
def squash(x):
    return x / (1.0 + abs(x))


CASES = [
    Case(
        "LIF, exact, refractory time",
        "dv/dt = (g + El - v)/tau : volt (unless refractory)\ndg/dt = -g/taug : volt",
        {"threshold": "v > Vt", "reset": "v = Vr; g += 8*mV", "refractory": 2 * ms, "method": "exact"},
        {"tau": 10 * ms, "taug": 5 * ms, "El": -48 * mV, "Vt": -50 * mV, "Vr": -65 * mV},
        {"v": (-70.0, -45.0), "g": (0.0, 80.0)},
    ),
    Case(
        "LIF, default integrator, time constant per neuron",
        "dv/dt = (I - v)/tau : volt\nI : volt (constant)\ntau : second (constant)",
        {"threshold": "v > 10*mV", "reset": "v = 0*mV"},
        {},
        {"v": (0.0, 10.0), "I": (5.0, 30.0), "tau": (5.0, 30.0)},
    ),
    Case(
        "CUBA: two currents",
        "dv/dt = (ge+gi-(v-El))/taum : volt (unless refractory)\ndge/dt = -ge/taue : volt\ndgi/dt = -gi/taui : volt",
        {"threshold": "v > Vt", "reset": "v = Vr", "refractory": "5*ms"},
        {"taum": 20 * ms, "taue": 5 * ms, "taui": 10 * ms, "Vt": -50 * mV, "Vr": -60 * mV, "El": -49 * mV},
        {"v": (-60.0, -49.0), "ge": (0.0, 20.0), "gi": (-20.0, 0.0)},
    ),
    Case(
        "COBA: exponential Euler",
        "dv/dt = (gl*(El-v)+ge*(Ee-v)+gi*(Ei-v)+I)/C : volt (unless refractory)\ndge/dt = -ge/(5*ms) : siemens\ndgi/dt = -gi/(10*ms) : siemens\nI : amp",
        {"threshold": "v > -50*mV", "reset": "v = -60*mV", "refractory": "5*ms", "method": "exponential_euler"},
        {"gl": 10 * nS, "C": 200 * pF, "El": -60 * mV, "Ee": 0 * mV, "Ei": -80 * mV},
        {"v": (-60.0, -49.0), "ge": (0.0, 20.0), "gi": (0.0, 20.0), "I": (0.0, 300.0)},
    ),
    Case(
        "adaptive threshold",
        "dv/dt = (5*mV + I - v)/(10*ms) : volt\ndvt/dt = (10*mV-vt)/(15*ms) : volt\nI : volt",
        {"threshold": "v > vt", "reset": "v = 0*mV\nvt += 3*mV"},
        {},
        {"v": (0.0, 12.0), "vt": (8.0, 20.0), "I": (0.0, 30.0)},
    ),
    Case("Hodgkin-Huxley, exponential Euler", HH, HH_OPTIONS | {"method": "exponential_euler"}, HH_NUMBERS, HH_START, dt=0.01),
    Case("Hodgkin-Huxley, rk4", HH, HH_OPTIONS | {"method": "rk4"}, HH_NUMBERS, HH_START, dt=0.01),
    Case("Hodgkin-Huxley, rk2", HH, HH_OPTIONS | {"method": "rk2"}, HH_NUMBERS, HH_START, dt=0.01),
    Case(
        "adaptive exponential",
        "dvm/dt = (gL*(EL-vm) + gL*DeltaT*exp((vm-VT)/DeltaT) + I - w)/C : volt\ndw/dt = (a*(vm-EL)-w)/tauw : amp\nI : amp",
        {"threshold": "vm > Vcut", "reset": "vm = Vr; w += b", "method": "euler"},
        {"C": 281 * pF, "gL": 30 * nS, "EL": -70.6 * mV, "VT": -50.4 * mV, "DeltaT": 2 * mV, "tauw": 144 * ms, "a": 4 * nS,
         "b": 0.0805 * nA, "Vr": -70.6 * mV, "Vcut": -40.4 * mV},
        {"vm": (-70.0, -45.0), "w": (0.0, 100.0), "I": (400.0, 1000.0)},
    ),
    Case(
        "Izhikevich, with a boolean switch and a counter",
        "dv/dt = (0.04*v**2/mV + 5*v + 140*mV - u + I*(1 + int(on)))/ms : volt\ndu/dt = a*(b*v - u)/ms : volt\nI : volt\non : boolean\nk : integer",
        {"threshold": "v >= 30*mV", "reset": "v = c; u += d*mV; on = not on; k += 1", "method": "euler"},
        {"a": 0.02, "b": 0.2, "c": -65 * mV, "d": 8.0},
        {"v": (-70.0, -50.0), "u": (-14.0, -12.0), "I": (5.0, 15.0), "on": (0.0, 1.0)},
    ),
    Case(
        "noise xi, refractory",
        "dv/dt = -v/tau + sigma*xi*tau**-0.5 : volt (unless refractory)",
        {"threshold": "v > 10*mV", "reset": "v = 0*mV", "refractory": 1 * ms, "method": "euler"},
        TAU | {"sigma": 8 * mV},
        {"v": (-10.0, 12.0)},
    ),
    Case(
        "noise xi_1 and xi_2",
        "dv/dt = (w-v)/tau + s*xi_1*tau**-0.5 : 1\ndw/dt = -w/tau + s*xi_2*tau**-0.5 : 1",
        {"method": "euler"},
        TAU | {"s": 0.3},
        {"v": (-1.0, 1.0), "w": (-1.0, 1.0)},
    ),
    Case("multiplicative noise, heun", "dx/dt = mu*x + s*x*xi : 1", {"method": "heun"}, {"mu": 0.1 * Hz, "s": 0.5 * Hz**0.5}, {"x": (0.5, 1.0)}),
    Case("multiplicative noise, milstein", "dx/dt = mu*x + s*x*xi : 1", {"method": "milstein"}, {"mu": 0.1 * Hz, "s": 0.5 * Hz**0.5}, {"x": (0.5, 1.0)}),
    Case("rand() in the threshold", "rates : Hz (constant)", {"threshold": "rand() < rates*dt"}, {}, {"rates": (5.0, 3000.0)}),
    Case(
        "rand() and randn() in the reset",
        "dv/dt = (I-v)/tau : 1\ndth/dt = (1-th)/(5*tau) : 1\nI : 1",
        {"threshold": "v > th", "reset": "v = 0.1*rand(); th += 0.2*(1+randn()*0.1)", "method": "exact"},
        TAU,
        {"v": (0.0, 1.5), "I": (1.1, 3.0), "th": (1.0, 1.5)},
    ),
    Case("one draw a step, (constant over dt)", "dv/dt = -v/tau + n/tau : 1\nn = randn() : 1 (constant over dt)", {"method": "rk4"}, TAU, {"v": (-1.0, 1.0)}),
    Case(
        "TimedArray, exact",
        "dv/dt = (I(t)-v)/tau : 1",
        {"threshold": "v > 1", "reset": "v = 0", "method": "exact"},
        TAU | {"I": TimedArray(SEEDED.rand(20) * 3, dt=2 * ms)},
        {"v": (0.0, 1.2)},
    ),
    Case(
        "TimedArray with a column per neuron, rk4",
        "dv/dt = (I(t, i % 30)*R - v)/tau : volt",
        {"threshold": "v > 10*mV", "reset": "v = 0*mV", "method": "rk4"},
        TAU | {"I": TimedArray(SEEDED.rand(20, 30) * 0.3 * nA, dt=2 * ms), "R": 100 * Mohm},
        {"v": (0.0, 11.0)},
    ),
    Case(
        "refractory expression per neuron",
        "dv/dt = (2-v)/tau : 1 (unless refractory)\nref : second (constant)",
        {"threshold": "v > 1", "reset": "v = 0", "refractory": "ref + 1*ms", "method": "exact"},
        TAU,
        {"v": (0.0, 1.2), "ref": (0.0, 10.0)},
    ),
    Case(
        "refractory variable, with noise",
        "dv/dt = (2-v)/tau + xi*tau**-.5 : 1 (unless refractory)\ndr/dt = -r/tau : second",
        {"threshold": "v > 1", "reset": "v = 0; r += 2*ms", "refractory": "r", "method": "euler"},
        TAU,
        {"v": (0.0, 1.2), "r": (0.0, 4.0)},
    ),
    Case(
        "shared parameters and subexpressions",
        "dv/dt = (gain*drive - v)/tau : volt\ngain : 1 (shared)\nlevel = gain*2 : 1 (shared)\n"
        "drive = level*amp0*sin(2*pi*f*t) + i*mV/N : volt\namp0 : volt (constant)\nf : Hz (shared, constant)",
        {"method": "euler"},
        TAU,
        {"v": (0.0, 10.0), "gain": (1.5, 1.5), "amp0": (1.0, 10.0), "f": (17.0, 17.0)},
    ),
    Case(
        "arithmetic of whole numbers and steps",
        "dv/dt = (clip(floor(5*sin(2*pi*t/(20*ms))), -1, 1) - sign(v)*abs(v) + (i % 3) - (i//7)*0.001 + ceil(v))/tau : 1",
        {"method": "euler"},
        TAU,
        {"v": (-2.0, 2.0)},
    ),
    Case("a function of the user", "dv/dt = (squash(I)-v)/tau : 1\nI : 1", {"method": "euler"}, TAU | {"squash": squash}, {"v": (-1.0, 1.0), "I": (-3.0, 3.0)}),
    Case(
        "quadratic integrate-and-fire, rk2",
        "dv/dt = k*(v - vr)*(v - vt)/ms + I/C : volt\nI : amp",
        {"threshold": "v > 0*mV", "reset": "v = vr", "method": "rk2"},
        {"k": 0.05 / mV, "vr": -65 * mV, "vt": -50 * mV, "C": 200 * pF},
        {"v": (-70.0, -45.0), "I": (0.0, 2000.0)},
    ),
    Case(
        "Morris-Lecar, rk4",
        "dv/dt = (I - gL*(v-EL) - gCa*m_inf*(v-ECa) - gK*w*(v-EK))/C : volt\ndw/dt = phi*(w_inf - w)*cosh((v - V3)/(2*V4)) : 1\n"
        "m_inf = 0.5*(1 + tanh((v - V1)/V2)) : 1\nw_inf = 0.5*(1 + tanh((v - V3)/V4)) : 1\nI : amp",
        {"threshold": "v > 0*mV", "refractory": "v > -10*mV", "method": "rk4"},
        {"gL": 2 * nS, "gCa": 4 * nS, "gK": 8 * nS, "EL": -60 * mV, "ECa": 120 * mV, "EK": -84 * mV, "C": 20 * pF, "phi": 0.04 / ms,
         "V1": -1.2 * mV, "V2": 18 * mV, "V3": 2 * mV, "V4": 30 * mV},
        {"v": (-60.0, 10.0), "w": (0.0, 0.4), "I": (40.0, 150.0)},
    ),
    Case(
        "time since the last spike",
        "dv/dt = (I + 0.5*exp(-(t - lastspike)/(20*ms)) - v)/tau : 1 (unless refractory)\nI : 1",
        {"threshold": "v > 1 + exp(-(t - lastspike)/(5*ms))", "reset": "v *= 0.2", "refractory": "1*ms", "method": "euler"},
        TAU,
        {"v": (0.0, 1.5), "I": (0.8, 3.0)},
    ),
    Case(
        "powers, logarithms and a temporary value in the reset",
        "dx/dt = (x0 - sign(x)*abs(x)**1.7 + 0.1*log(1 + x**2) + log10(2 + sqrt(abs(x))) + expm1(-x**2) + arctan(x))/tau : 1\nx0 : 1",
        {"threshold": "x > 1.2 and t_in_timesteps % 2 == 0", "reset": "old = x - 1.2\nx = -old/2", "method": "rk4"},
        TAU,
        {"x": (-1.0, 1.5), "x0": (0.0, 3.0)},
    ),
    Case(
        "calcium: base units of SI",
        "dCa/dt = (Ca0 - Ca)/tau - k*J : mmolar\nJ = g*(v - E) : amp/meter**2\nv : volt\ng : siemens/meter**2 (constant)",
        {"method": "exact"},
        TAU | {"Ca0": 0.1 * mmolar, "k": 0.4 * mmolar / second / (amp / metre**2), "E": 120 * mV},
        {"Ca": (0.0, 1.0), "v": (-70.0, 20.0), "g": (0.0, 5.0)},
    ),
]  # fmt: skip
