"""Writes clopath_nest.npz: what NEST's clopath_synapse sent, the voltages of its neuron, and six pairing protocols.

Needs NEST 3.10; the tests read the file only.  `irregular`: one presynaptic train onto two neurons (amplitude of depression
constant, and with the square of u_bar_bar), dendritic delays of 0.1, 1 and 10 ms, strong input of the neurons' own; all
voltages of every step are kept, so that the rule can be checked apart from the neuron; no presynaptic spike before NEST's
delayed averages exist (they begin at 0 mV).  `pairing`: five pairs at +-10 ms and
10, 30, 50 Hz, as in NEST's own test; the weight at the last presynaptic spike.
"""

from pathlib import Path

import nest
import numpy as np

DT, DURATION = 0.1, 400.0  # ms
DELAYS = (0.1, 1.0, 10.0)
NEURON = {
    "V_m": -70.6, "E_L": -70.6, "V_peak": 33.0, "C_m": 281.0, "theta_minus": -70.6, "theta_plus": -45.3, "A_LTD": 14e-5,
    "A_LTP": 8e-5, "tau_u_bar_minus": 10.0, "tau_u_bar_plus": 7.0, "delay_u_bars": 4.0, "a": 4.0, "b": 0.0805,
    "V_reset": -49.6, "V_clamp": 33.0, "t_clamp": 2.0, "t_ref": 0.0,
}  # fmt: skip
W_0, W_PULSE = 0.5, 80.0
FIRST = (29.0, 29.0, 29.0, 129.0, 62.3, 49.0)  # ms, presynaptic
RATES = (10.0, 30.0, 50.0, 10.0, 30.0, 50.0)
LAGS = (-10.0, -10.0, -10.0, 10.0, 10.0, 10.0)
RECORDED = ("V_m", "u_bar_plus", "u_bar_minus", "u_bar_bar")


def start():
    """A fresh kernel."""
    nest.ResetKernel()
    nest.set_verbosity("M_ERROR")
    nest.resolution = DT


def parrot(times):
    """A neuron that fires a step after each of these times."""
    generator, neuron = nest.Create("spike_generator", params={"spike_times": times}), nest.Create("parrot_neuron")
    nest.Connect(generator, neuron, syn_spec={"delay": DT})
    return neuron


def plastic(pre, neuron, delay, weight):
    """A Clopath synapse with a recorder."""
    recorder = nest.Create("weight_recorder")
    name = f"clopath_{recorder.global_id}"
    nest.CopyModel("clopath_synapse", name, {"weight_recorder": recorder})
    nest.Connect(pre, neuron, syn_spec={"synapse_model": name, "weight": weight, "delay": delay})
    return recorder


def pulses(neuron, times):
    """Pulses that make the neuron fire at once."""
    generator = nest.Create("spike_generator", params={"spike_times": times})
    nest.Connect(generator, neuron, syn_spec={"delay": DT, "weight": W_PULSE})


def irregular():
    """Two neurons under irregular input."""
    start()
    rng = np.random.default_rng(9)
    pre = np.unique(rng.integers(160, round(DURATION / DT) - 200, 40))
    post = np.sort(rng.choice(np.arange(100, round(DURATION / DT) - 200), 18, replace=False))
    source, out = parrot(np.round((pre - 1) * DT, 1)), {}
    meters, recorders = [], []
    for constant in (True, False):
        # u_bar_bar is a voltage, not one above rest: at -70 mV the square is 80 times u_ref_squared
        amplitude = {} if constant else {"A_LTD": 14e-5 / 80.0}
        neuron = nest.Create("aeif_psc_delta_clopath", params=NEURON | {"A_LTD_const": constant} | amplitude)
        pulses(neuron, np.round(post * DT, 1))
        meters.append(nest.Create("multimeter", params={"record_from": RECORDED, "interval": DT}))
        nest.Connect(meters[-1], neuron)
        recorders.append([plastic(source, neuron, delay, W_0) for delay in DELAYS])
    nest.Simulate(DURATION)
    for name in RECORDED:
        out[name] = np.array([meter.events[name] for meter in meters])  # [neuron, step]: entry i at (i + 1) dt
    assert np.allclose(meters[0].events["times"], DT * np.arange(1, out["V_m"].shape[1] + 1))
    out["sent"] = np.array(
        [[r.events["weights"][np.argsort(r.events["times"], kind="stable")] for r in row] for row in recorders]
    )
    return out | {"pre": pre.astype(np.int32), "post": post.astype(np.int32)}


def pairing():
    """Weight at the last presynaptic spike of each protocol, and the spikes of the neuron."""
    out, spikes = [], []
    for first, rate, lag in zip(FIRST, RATES, LAGS, strict=True):
        start()
        pre = np.round(first + np.arange(5 + (lag > 0)) * 1e3 / rate, 1)
        neuron = nest.Create("aeif_psc_delta_clopath", params=NEURON)
        pulses(neuron, np.round(pre + lag, 1))
        recorder, seen = plastic(parrot(pre), neuron, DT, W_0), nest.Create("spike_recorder")
        nest.Connect(neuron, seen)
        nest.Simulate(pre[-1] + 30.0)
        out.append(recorder.events["weights"][-1])
        spikes.append(len(seen.events["times"]))
    return np.array(out), np.array(spikes)


def main() -> None:
    """Run and write."""
    results = irregular()
    results["pairing"], results["pairing_spikes"] = pairing()
    np.savez_compressed(
        Path(__file__).with_name("clopath_nest.npz"), version=nest.__version__, dt=DT, w_0=W_0, w_pulse=W_PULSE,
        delays=np.round(np.array(DELAYS) / DT).astype(int), first=FIRST, rate=RATES, lag=LAGS, **results,
        **{f"neuron_{k}": v for k, v in NEURON.items()},
    )  # fmt: skip
    print("in percent:", 1500.0 * (results["pairing"] - W_0) / W_0 + 100.0, results["pairing_spikes"])
    print("spikes:", results["pre"].size, results["post"].size, "weights", results["sent"][:, :, -1])


if __name__ == "__main__":
    main()
