"""Writes power_law_nest.npz: spike trains, and the weights that NEST's stdp_pl_synapse_hom sent at every presynaptic spike.

Needs NEST 3.10; the tests read the file only.  Poisson trains of 100 s at 30 and 40 Hz on the grid of 0.1 ms, dendritic
delay 1.5 ms; exponents 0.2, 0.4 and 0.8, and a case whose depression brings the weight to 0.  Two parrot
neurons: port 0 makes them fire, port 1 carries the synapse and is ignored.
"""

from pathlib import Path

import nest
import numpy as np

DT, DELAY, DURATION = 0.1, 1.5, 100_000.0  # ms
TAU_PLUS, TAU_MINUS = 15.0, 30.0  # ms
CASES = (
    (0.1, 0.4, 0.0513, 45.0),
    (0.01, 0.2, 1.05, 0.9),
    (0.02, 0.8, 0.6, 2.0),
    (0.1, 0.4, 3.0, 45.0),
)  # lam, mu, alpha, w


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
    for i, (lam, mu, alpha, weight) in enumerate(CASES):
        weight_recorders.append(nest.Create("weight_recorder"))
        common = {
            "lambda": lam,
            "mu": mu,
            "alpha": alpha,
            "tau_plus": TAU_PLUS,
            "weight_recorder": weight_recorders[-1],
        }
        nest.CopyModel("stdp_pl_synapse_hom", f"power_{i}", common)
        synapse = {"synapse_model": f"power_{i}", "weight": weight, "delay": DELAY, "receptor_type": 1}
        nest.Connect(pre, post, syn_spec=synapse)
    nest.Simulate(DURATION)
    steps = [np.round(np.sort(r.events["times"]) / DT).astype(np.int32) for r in recorders]
    weights = [r.events["weights"][np.argsort(r.events["times"], kind="stable")] for r in weight_recorders]
    np.savez_compressed(
        Path(__file__).with_name("power_law_nest.npz"), version=nest.__version__, pre=steps[0], post=steps[1],
        weights=np.array(weights), cases=np.array(CASES), dt=DT, delay=round(DELAY / DT), tau_plus=TAU_PLUS,
        tau_minus=TAU_MINUS,
    )  # fmt: skip
    print("spikes:", [s.size for s in steps], "lowest and highest weights:", [(w.min(), w.max()) for w in weights])


if __name__ == "__main__":
    main()
