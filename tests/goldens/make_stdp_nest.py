"""Writes stdp_nest.npz: spike trains, and the weights that NEST's stdp_synapse sent at every presynaptic spike.

Needs NEST 3.10; the tests read the file only.  Poisson trains of 100 s at 30 and 40 Hz on the grid of 0.1 ms, dendritic
delay 1.5 ms, mu = 0, 0.5 and 1.  Two parrot neurons: port 0 makes them fire, port 1 carries the synapse and is ignored.
"""

from pathlib import Path

import nest
import numpy as np

DT, DELAY, DURATION = 0.1, 1.5, 100_000.0  # ms
MU = (0.0, 0.5, 1.0)
LAMBDA, ALPHA, W_MAX, W_0, TAU_PLUS, TAU_MINUS = 0.01, 1.05, 2.0, 0.9, 20.0, 25.0


def main() -> None:
    """Run and write."""
    rng = np.random.default_rng(20)
    nest.ResetKernel()
    nest.set_verbosity("M_ERROR")
    nest.resolution = DT
    times = [
        DT * (1 + np.flatnonzero(rng.random(round(DURATION / DT) - 100) < rate * DT / 1e3)) for rate in (30.0, 40.0)
    ]
    generators = [nest.Create("spike_generator", params={"spike_times": np.round(t, 1)}) for t in times]
    pre, post = nest.Create("parrot_neuron", 1), nest.Create("parrot_neuron", params={"tau_minus": TAU_MINUS})
    recorders = [nest.Create("spike_recorder") for _ in range(2)]
    for generator, neuron, recorder in zip(generators, (pre, post), recorders, strict=True):
        nest.Connect(generator, neuron, syn_spec={"delay": DT, "receptor_type": 0})
        nest.Connect(neuron, recorder)
    weight_recorders = []
    for i, mu in enumerate(MU):
        weight_recorders.append(nest.Create("weight_recorder"))
        nest.CopyModel("stdp_synapse", f"stdp_{i}", {"weight_recorder": weight_recorders[-1]})
        nest.Connect(
            pre, post,
            syn_spec={
                "synapse_model": f"stdp_{i}", "weight": W_0, "delay": DELAY, "receptor_type": 1, "lambda": LAMBDA,
                "alpha": ALPHA, "mu_plus": mu, "mu_minus": mu, "Wmax": W_MAX, "tau_plus": TAU_PLUS,
            },
        )  # fmt: skip
    nest.Simulate(DURATION)
    steps = [np.round(np.sort(r.events["times"]) / DT).astype(np.int64) for r in recorders]
    weights = [r.events["weights"][np.argsort(r.events["times"], kind="stable")] for r in weight_recorders]
    np.savez_compressed(
        Path(__file__).with_name("stdp_nest.npz"), version=nest.__version__, pre=steps[0].astype(np.int32),
        post=steps[1].astype(np.int32), weights=np.array(weights), mu=MU, dt=DT, delay=round(DELAY / DT),
        a_plus=LAMBDA * W_MAX, a_minus=ALPHA * LAMBDA * W_MAX, w_max=W_MAX, w_0=W_0, tau_plus=TAU_PLUS, tau_minus=TAU_MINUS,
    )  # fmt: skip
    print(
        "coincidences:", np.intersect1d(steps[0], steps[1] + round(DELAY / DT)).size, "spikes:", [s.size for s in steps]
    )


if __name__ == "__main__":
    main()
