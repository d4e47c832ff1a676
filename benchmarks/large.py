"""One million neurons and 100 million synapses: built, rewired, run; what each part costs.

    python -m benchmarks.large [--neurons 1_000_000] [--indegree 100] [--fraction 0.01] [--updates 3]

Neurons are `LIF` under Poisson drive, weights float32, delays 1.5 ms.  Every 20 ms `Rewire` moves `fraction` of the synapses,
randomly chosen, to uniformly drawn other pairs.  Prints seconds and the peak of the process's memory after each part.
"""

import argparse
import json
import resource
import time

import neurosim as ns


def peak_gib() -> float:
    """Most memory that this process has had (GiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--neurons", type=int, default=1_000_000)
    parser.add_argument("--indegree", type=int, default=100)
    parser.add_argument("--fraction", type=float, default=0.01)
    parser.add_argument("--updates", type=int, default=5)
    given = parser.parse_args()
    line: dict[str, float] = {}

    def note(part: str, begun: float) -> None:
        line[f"{part}_s"] = round(time.perf_counter() - begun, 2)
        line[f"{part}_peak_gib"] = round(peak_gib(), 2)

    begun = time.perf_counter()
    net = ns.Network(dt=0.1, seed=1)
    pop = net.add_population("pop", ns.LIF(), given.neurons)
    pop.v = ns.uniform(0.0, 20.0)
    weight = 20.0 / given.indegree  # mV
    wires = net.connect(
        pop,
        pop,
        ns.fixed_indegree(given.indegree),
        weight=weight,
        delay=1.5,
        dtype="float32",
        parallel=True,
        autapses=True,
    )
    net.stimulate(pop, ns.PoissonInput(rate=9000.0, weight=0.1))
    spikes = net.record(pop, "rates", every=10.0)
    note("build", begun)
    net.run(1.0)
    begun = time.perf_counter()
    net.run(100.0)
    note("run_100ms", begun)
    rewire = net.add(ns.Rewire(wires, every=20.0, fraction=given.fraction, choose="random"))
    begun = time.perf_counter()
    for _ in range(given.updates):
        rewire.advance(net)
    note("updates", begun)
    line["s_per_update"] = round(line["updates_s"] / given.updates, 2)
    begun = time.perf_counter()
    net.run(100.0)
    note("rewired_run_100ms", begun)
    line |= {
        "synapses": len(wires),
        "edits": net.history.born + net.history.died,
        "rate_hz": round(float(spikes.rate.mean()), 2),
        "bytes_per_synapse": round(wires.pool.bytes_per_synapse, 2),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
