"""Time of a synaptic event of procedural connectivity beside stored synapses, and the bytes of each; one process.

    python -m benchmarks.procedural

10,000 sources of which five fire in each step, 10,000 targets.  The time of the network without synapses is taken off.
"""

import time
import warnings
from typing import Any

import numpy as np

import neurosim as ns

SIZE, STEPS, PER_STEP, ROUNDS = 10_000, 2000, 5, 4
VALUES: dict[str, tuple[Any, Any]] = {
    "one weight, one delay": (0.001, 1.5),
    "normal weights, one delay": (ns.normal(0.001, 1e-4, low=0.0), 1.5),
    "normal weights, uniform delays": (ns.normal(0.001, 1e-4, low=0.0), ns.uniform(1.0, 2.0)),
}


def network(p: float, weight: Any, delay: Any, procedural: bool) -> Any:
    """A network that plays spikes; without synapses if p is 0."""
    net = ns.Network(dt=0.1, seed=3)
    rng = np.random.default_rng(1)
    index = np.concatenate([rng.choice(SIZE, PER_STEP, replace=False) for _ in range(STEPS)])
    source = ns.SpikeSource(index=index, time=np.repeat(np.arange(1, STEPS + 1), PER_STEP) * 0.1)
    pre, post = net.add_population("pre", source, SIZE), net.add_population("post", ns.LIF(), SIZE)
    if p:
        net.connect(pre, post, ns.random(p), weight=weight, delay=delay, procedural=procedural)
    net.run(0.1)  # compiles
    return net


def main() -> None:
    """Measure and print a table."""
    warnings.simplefilter("ignore", ns.NeurosimWarning)
    part = (STEPS - 1) // ROUNDS
    print(f"{'':32} {'p':>6} {'procedural':>11} {'stored':>8} {'ratio':>6} {'bytes a synapse':>22}")
    for name, (weight, delay) in VALUES.items():
        for p in (0.01, 0.1):
            nets = [network(q, weight, delay, way) for q, way in ((0.0, False), (p, True), (p, False))]
            best = [np.inf] * 3
            for _ in range(ROUNDS):
                for k, net in enumerate(nets):
                    begin = time.process_time()
                    net.run(round(part * 0.1, 1))
                    best[k] = min(best[k], time.process_time() - begin)
            procedural, stored = ((t - best[0]) / (part * PER_STEP * SIZE * p) * 1e9 for t in best[1:])
            size = [net.engine.pools[0].bytes_per_synapse for net in nets[1:]]
            print(
                f"{name:32} {p:6g} {procedural:8.2f} ns {stored:5.2f} ns {procedural / stored:6.2f} {size[0]:12.5f} / {size[1]:5.2f}"
            )


if __name__ == "__main__":
    main()
