"""A day in the life of a small network: is memory flat, is speed flat?

    python -m benchmarks.endurance [--hours 24] [--pieces 24] [--folder FOLDER]

100 neurons that fire throughout grow towards their target rate while the weakest synapses vanish and others are moved, a
million edits in all; the history goes to disk.  After each piece the network is compacted; prints one line a piece: rate,
wall seconds per hour, edits, resident memory, and a last one with the largest deviations from the second piece.
"""

import argparse
import gc
import json
import os
import shutil
import tempfile
import time

import neurosim as ns


def resident_mib() -> float:
    """Memory that this process has now (MiB)."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def build(seed: int = 1) -> tuple[ns.Network, object]:
    """The network and its projection."""
    net = ns.Network(dt=1.0, seed=seed)
    pop = net.add_population("pop", ns.LIF(tau_m=20.0), 100)
    wires = net.connect(
        pop,
        pop,
        ns.random(0.1),
        weight=ns.uniform(0.2, 1.0),
        delay=2.0,
        plasticity=ns.PairSTDP(w_max=2.0),
    )
    net.stimulate(pop, ns.PoissonInput(rate=720.0, weight=1.0))
    net.add(ns.HomeostaticGrowth(wires, target_rate=8.0, every=1000.0, tau_calcium=10_000.0, growth_rate=0.2))
    net.add(ns.Rewire(wires, every=1000.0, n=6))
    return net, wires


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--pieces", type=int, default=24)
    parser.add_argument("--folder", default=None, help="where the history goes (default: a temporary folder)")
    given = parser.parse_args()
    folder = given.folder or tempfile.mkdtemp(prefix="neurosim-history-")
    net, wires = build()
    net.history.stream(folder, every=100_000)
    pop = net.populations["pop"]
    lines = []
    for piece in range(given.pieces):
        rates = net.record(pop, "rates", every=60_000.0)
        begun, ms = time.process_time(), given.hours / given.pieces * 3.6e6
        net.run(ms)
        taken = time.process_time() - begun
        rate = float(rates.rate.mean())
        lowest = float(rates.rate.min())
        net.remove(rates)
        del rates
        wires.pool.compact()
        gc.collect()
        lines.append(
            {
                "hour": round((piece + 1) * given.hours / given.pieces, 2), "rate_hz": round(rate, 2), "lowest_hz": round(lowest, 2),
                "cpu_s_per_hour": round(taken / ms * 3.6e6, 2), "synapses": len(wires),
                "edits": net.history.born + net.history.died, "mib": round(resident_mib(), 1),
            }
        )  # fmt: skip
        print(json.dumps(lines[-1]), flush=True)
    first, later = lines[1], lines[1:]
    print(
        json.dumps(
            {
                "memory": max(abs(one["mib"] / first["mib"] - 1.0) for one in later),
                "speed": max(abs(one["cpu_s_per_hour"] / first["cpu_s_per_hour"] - 1.0) for one in later),
                "edits": lines[-1]["edits"],
                "disk_mib": sum(e.stat().st_size for e in os.scandir(folder)) / 2**20,
            }
        )
    )
    if given.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
