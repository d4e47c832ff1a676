"""Writes rules_nest.npz: spike trains, and what NEST's plastic synapses sent at every presynaptic spike.

Needs NEST 3.10; the tests read the file only.  One pair of irregular trains on the grid of 0.1 ms with bursts, pauses and
coincidences at every delay; dendritic delays of 1, 1.5 and 10 ms.  Two parrot neurons: port 0 makes them fire, port 1
carries the synapses and is ignored.  The train begins with a presynaptic spike: NEST's nearest-neighbour synapses take
time 0 for one.  Vogels' postsynaptic trace decays with the neuron's tau_minus, so that is what its tau is here.  The
dopamine synapse is brought up to date in every step, because the smallest delay is one step; with a larger one NEST
processes its spikes out of order.
"""

from pathlib import Path

import nest
import numpy as np

DT, DURATION = 0.1, 12_000.0  # ms
DELAYS = (1.0, 1.5, 10.0)
W_0, W_MAX, TAU_PLUS, TAU_MINUS, TAU_Y = 0.9, 2.0, 20.0, 25.0, 110.0
PAIR = {"lambda": 0.02, "alpha": 1.05, "Wmax": W_MAX, "tau_plus": TAU_PLUS}
TRIPLET = {
    "tau_plus": TAU_PLUS, "tau_plus_triplet": 101.0, "Aplus": 4e-3, "Aminus": 7e-3, "Aplus_triplet": 6.2e-3,
    "Aminus_triplet": 2.3e-3, "Wmax": W_MAX,
}  # fmt: skip
VOGELS = {"tau": TAU_MINUS, "eta": 4e-3, "alpha": 1.15, "Wmax": -W_MAX}
TSODYKS = {"U": 0.35, "tau_rec": 130.0, "tau_fac": 530.0}
DOPAMINE = {
    "A_plus": 0.01, "A_minus": 0.011, "tau_plus": TAU_PLUS, "tau_c": 400.0, "tau_n": 150.0, "b": 0.002, "Wmin": -50.0,
    "Wmax": 50.0,
}  # fmt: skip
DOPAMINE_DELAY = 2.3  # ms
NEAREST = {
    "symmetric": "stdp_nn_symm_synapse",
    "presynaptic": "stdp_nn_pre_centered_synapse",
    "restricted": "stdp_nn_restr_synapse",
}


def trains(rng):
    """Steps of pre- and postsynaptic spikes."""
    steps = round(DURATION / DT) - 400
    pre = np.flatnonzero(rng.random(steps) < 25.0 * DT / 1e3) + 150
    post = np.flatnonzero(rng.random(steps) < 25.0 * DT / 1e3) + 200
    for at in rng.choice(steps, 6, replace=False):  # bursts, single steps apart in part
        pre = np.append(pre, at + 160 + np.cumsum(rng.integers(1, 60, 6)))
        post = np.append(post, at + 170 + np.cumsum(rng.integers(1, 60, 6)))
    for delay in DELAYS:  # coincidences at the synapse
        post = np.append(post, rng.choice(pre, 12, replace=False) - round(delay / DT))
    post = post[(post < 60_000) | (post > 68_000)]  # a pause
    pre = pre[(pre < 90_000) | (pre > 95_000)]
    pre = np.unique(np.append(pre, 100))
    return pre, np.unique(post[post > 150])


def build(pre, post):
    """Two parrots that fire in these steps."""
    nest.ResetKernel()
    nest.set_verbosity("M_ERROR")
    nest.resolution = DT
    neurons = [
        nest.Create("parrot_neuron"),
        nest.Create("parrot_neuron", params={"tau_minus": TAU_MINUS, "tau_minus_triplet": TAU_Y}),
    ]
    for neuron, steps in zip(neurons, (pre, post), strict=True):
        generator = nest.Create("spike_generator", params={"spike_times": np.round((steps - 1) * DT, 1)})
        nest.Connect(generator, neuron, syn_spec={"delay": DT, "receptor_type": 0})
    return neurons


def synapse(neurons, model, delay, weight, parameters, common=None):
    """A synapse with a recorder of its weights."""
    recorder = nest.Create("weight_recorder")
    name = f"{model}_{recorder.global_id}"
    nest.CopyModel(model, name, {"weight_recorder": recorder} | (common or {}))
    spec = {"synapse_model": name, "weight": weight, "delay": delay, "receptor_type": 1} | parameters
    nest.Connect(*neurons, syn_spec=spec)
    return recorder


def sent(recorder, n):
    """What was sent at each spike."""
    events = recorder.events
    weights = events["weights"][np.argsort(events["times"], kind="stable")]
    assert weights.size == n, (weights.size, n)
    return weights


def all_but_dopamine(pre, post):
    """name -> float64[delays, presynaptic spikes]."""
    neurons = build(pre, post)
    recorders = {}
    for delay in DELAYS:
        for mu in (0.0, 0.4, 1.0):
            for scheme, model in NEAREST.items():
                parameters = PAIR | {"mu_plus": mu, "mu_minus": mu}
                recorders[f"{scheme}_{mu}", delay] = synapse(neurons, model, delay, W_0, parameters)
        recorders["triplet", delay] = synapse(neurons, "stdp_triplet_synapse", delay, W_0, TRIPLET)
        recorders["vogels", delay] = synapse(neurons, "vogels_sprekeler_synapse", delay, -W_0, VOGELS)
        rested = TSODYKS | {"u": TSODYKS["U"], "x": 1.0}  # else u is 0.5, whatever U is
        recorders["tsodyks2", delay] = synapse(neurons, "tsodyks2_synapse", delay, W_0, rested)
        at_once = TSODYKS | {"tau_psc": 1e-9}  # what was released begins to recover at once
        recorders["tsodyks", delay] = synapse(neurons, "tsodyks_synapse", delay, W_0, at_once)
    nest.Simulate(DURATION + 20.0)
    names = dict.fromkeys(name for name, _ in recorders)
    return {name: np.array([sent(recorders[name, delay], pre.size) for delay in DELAYS]) for name in names}


def dopamine(pre, post, reward):
    """float64[delays, presynaptic spikes] of the dopamine synapse."""
    out = []
    for delay in DELAYS:
        neurons = build(pre, post)
        source = nest.Create("spike_generator", params={"spike_times": np.round((reward - 1) * DT, 1)})
        cell, transmitter = nest.Create("parrot_neuron"), nest.Create("volume_transmitter")
        nest.Connect(source, cell, syn_spec={"delay": DT})
        nest.Connect(cell, transmitter, syn_spec={"delay": DOPAMINE_DELAY})
        common = DOPAMINE | {"volume_transmitter": transmitter}
        recorder = synapse(neurons, "stdp_dopamine_synapse", delay, W_0, {}, common)
        nest.Simulate(DURATION + 20.0)
        out.append(sent(recorder, pre.size))
    return np.array(out)


def main() -> None:
    """Run and write."""
    rng = np.random.default_rng(4)
    pre, post = trains(rng)
    reward = np.unique(rng.integers(300, round(DURATION / DT), 60))
    results = all_but_dopamine(pre, post)
    results["dopamine"] = dopamine(pre, post, reward)
    numbers = {f"pair_{k}": v for k, v in PAIR.items()} | {f"triplet_{k}": v for k, v in TRIPLET.items()}
    numbers |= {f"vogels_{k}": v for k, v in VOGELS.items()} | {f"tsodyks_{k}": v for k, v in TSODYKS.items()}
    numbers |= {f"dopamine_{k}": v for k, v in DOPAMINE.items()}
    np.savez_compressed(
        Path(__file__).with_name("rules_nest.npz"), version=nest.__version__, pre=pre.astype(np.int32),
        post=post.astype(np.int32), reward=reward.astype(np.int32), dt=DT, delays=np.round(np.array(DELAYS) / DT).astype(int),
        dopamine_delay=round(DOPAMINE_DELAY / DT), w_0=W_0, tau_minus=TAU_MINUS, tau_y=TAU_Y, **numbers, **results,
    )  # fmt: skip
    for delay in DELAYS:
        print("delay", delay, "coincidences:", np.intersect1d(pre, post + round(delay / DT)).size)
    print("spikes:", pre.size, post.size, reward.size)
    for name, values in results.items():
        print(f"{name:20s} {values.min():9.4f} .. {values.max():9.4f}   at the end {values[:, -1]}")


if __name__ == "__main__":
    main()
