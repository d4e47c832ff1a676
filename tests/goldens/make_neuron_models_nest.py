"""Makes `neuron_models_nest.npz` beside this file: NEST's `iaf_cond_alpha`, `iaf_cond_beta` and `gif_psc_exp`.

Run it with an interpreter that has NEST 3.10: ``python tests/goldens/make_neuron_models_nest.py``.  dt 0.1 ms.

v_alpha, v_beta : float64[steps], V_m at the end of each step, no threshold; inputs of +20 nS at 5.0 and -30 nS at 12.0 ms
    (one after the other onto one neuron), delay 0.1 ms
step_alpha, step_beta : int32[spikes], stamps in steps for I_e 600 pA, and the same inputs every 20 ms
v_gif, stc_gif, sfa_gif : float64[1000 steps]; step_gif : int32[spikes].  The hazard is a sharp threshold: Delta_V 1e-5 mV.
    t_ref 3.9 ms (4.0 in neurosim); an input of +300 pA at 50.0 ms, -200 pA at 250.0 ms, delay 0.2 ms (0.1 in neurosim)
"""

from pathlib import Path

import nest
import numpy as np

TIME = 400.0
CONDUCTANCES = {
    "alpha": ("iaf_cond_alpha", {"tau_syn_ex": 2.0, "tau_syn_in": 5.0}),
    "beta": ("iaf_cond_beta", {"tau_rise_ex": 1.0, "tau_decay_ex": 6.0, "tau_rise_in": 2.0, "tau_decay_in": 8.0}),
}
GIF = {
    "g_L": 3.7, "C_m": 83.1, "E_L": -67.0, "V_reset": -36.7 - 20.0, "V_T_star": -39.6, "Delta_V": 1e-5, "lambda_0": 1000.0,
    "t_ref": 3.9, "q_stc": [56.7, -6.9], "tau_stc": [57.8, 218.2], "q_sfa": [11.7, 1.8], "tau_sfa": [53.8, 640.0],
    "tau_syn_ex": 10.0, "tau_syn_in": 7.0, "I_e": 200.0, "V_m": -67.0,
}  # fmt: skip


def run(model, parameters, inputs, delay, record):
    """Trace of a neuron with inputs [(time, weight)], and stamps of its spikes in steps."""
    nest.ResetKernel()
    nest.resolution = 0.1
    neuron = nest.Create(model, params=parameters)
    for weight in sorted({w for _, w in inputs}):
        times = [t for t, w in inputs if w == weight]
        generator = nest.Create("spike_generator", params={"spike_times": times})
        nest.Connect(generator, neuron, syn_spec={"weight": weight, "delay": delay})
    meter = nest.Create("multimeter", params={"record_from": record, "interval": 0.1})
    spikes = nest.Create("spike_recorder")
    nest.Connect(meter, neuron)
    nest.Connect(neuron, spikes)
    nest.Simulate(TIME + 0.1)
    traces = [np.asarray(meter.events[name])[: round(TIME * 10)] for name in record]
    assert np.allclose(meter.events["times"][:3], [0.1, 0.2, 0.3])
    step = np.rint(spikes.events["times"] * 10).astype(np.int32)
    return traces, step[step <= TIME * 10]


nest.set_verbosity("M_ERROR")
found = {"time": TIME}
for name, (model, shape) in CONDUCTANCES.items():
    parameters = {"V_th": 1e3} | shape
    (v,), _ = run(model, parameters, [(5.0, 20.0), (12.0, -30.0)], 0.1, ["V_m"])
    found[f"v_{name}"] = v[:600]
    inputs = [(t0 + t, w) for t0 in np.arange(0.0, 380.0, 20.0) for t, w in ((5.0, 20.0), (12.0, -30.0))]
    _, found[f"step_{name}"] = run(model, shape | {"I_e": 600.0}, inputs, 0.1, ["V_m"])
traces, found["step_gif"] = run("gif_psc_exp", GIF, [(50.0, 300.0), (250.0, -200.0)], 0.2, ["V_m", "I_stc", "E_sfa"])
found |= {name: trace[:1000] for name, trace in zip(("v_gif", "stc_gif", "sfa_gif"), traces, strict=True)}
np.savez_compressed(Path(__file__).parent / "neuron_models_nest.npz", **found)
