"""Homeostatic rewiring (Butz & van Ooyen 2013) of 10,000 neurons that start with 1 M synapses, or of 1,000 that start with
none; NEST only among the peers.

After NEST's example of structural plasticity, but growth is ten times faster and synapses are updated every 100 ms, so that a
second shows much of it.  The growth curve is the linear one, which both simulators integrate exactly, or the Gaussian one of
the example, in which NEST takes a step of Euler for every element and dt.  In NEST every neuron starts with vacant elements on
either side, of which the first update makes synapses; neurosim starts with these synapses.

    export NEST_PYTHON=...
    python -m benchmarks.structural [--repeat 3] [--alone]

times neurosim and NEST on the three networks, then what one update of 100 edits costs on 1 M synapses, and what rewiring adds
to the run of 10,000 neurons at updates every 100, 10 and 1 ms.  `--alone` leaves NEST and the comparison out.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.description import Element, Growth, Network, Population

SYNAPSES = 100  # elements that every neuron starts with, on either side
BOOST = 10.0  # growth against NEST's example
WEIGHT_EXC, WEIGHT_INH, DELAY = 1000.0, -5000.0, 1.0  # pA shared by the synapses of a neuron, pA, ms
ALONE_EXC, ALONE_INH = 585.0, -585.0  # pA, where neurons start without synapses (NEST's example)
EXTERNAL_RATE, EXTERNAL_WEIGHT = 10_000.0, 6.2  # Hz, pA
PARAMETERS = {
    "tau_m": 10.0,  # ms
    "c_m": 250.0,  # pF
    "tau_exc": 2.0,  # ms
    "tau_inh": 2.0,  # ms
    "e_l": -70.0,  # mV
    "v_th": -55.0,  # mV
    "v_reset": -70.0,  # mV
    "t_ref": 2.1,  # ms
}
SET_POINT_EXC, SET_POINT_INH = 0.05, 0.2  # calcium: 5 and 20 Hz with NEST's tau_Ca = 10 s, beta_Ca = 0.001
MODELS = ("structural_1000", "structural_10000", "structural")
EDITS = 100
WINDOW = 100.0  # ms of one comparison with and without rewiring


def network(
    size: int = 10_000,
    synapses: int = SYNAPSES,
    curve: str = "linear",
    time: float = 1000.0,
    update_every: float = 100.0,
    boost: float = BOOST,
) -> Network:
    """The whole network; `curve` is "linear" or "gaussian"."""
    n_exc = size * 4 // 5
    k_exc = synapses * 4 // 5
    k_inh = synapses - k_exc
    slow, fast = 1e-4 * boost, 4e-4 * boost  # elements per ms
    least = None if curve == "linear" else 0.0
    exc = {
        "dendrite_exc": Element(slow, SET_POINT_EXC, k_exc, least),
        "dendrite_inh": Element(slow, SET_POINT_EXC, k_inh, least),
        "axon_exc": Element(slow, SET_POINT_EXC, synapses, least),
    }
    inh = {
        "dendrite_exc": Element(fast, SET_POINT_INH, k_exc, least),
        "dendrite_inh": Element(slow, SET_POINT_INH, k_inh, least),
        "axon_inh": Element(slow, SET_POINT_INH, synapses, least),
    }
    start = ("uniform", -70.0, -55.0)
    populations = [
        Population("exc", n_exc, start, EXTERNAL_RATE, elements=exc),
        Population("inh", size - n_exc, start, EXTERNAL_RATE, elements=inh),
    ]
    weights = (WEIGHT_EXC / synapses, WEIGHT_INH / synapses) if synapses else (ALONE_EXC, ALONE_INH)
    growth = (
        Growth("axon_exc", "dendrite_exc", weights[0], DELAY),
        Growth("axon_inh", "dendrite_inh", weights[1], DELAY),
    )
    return Network(
        "alpha",
        PARAMETERS,
        populations,
        [],
        poisson_weight=EXTERNAL_WEIGHT,
        growth=growth,
        update_every=update_every,
        warm_up=210.0,  # two updates: the first makes the synapses
        time=time,
    )


def time_updates(repeats: int = 200) -> tuple[float, float, float]:
    """(wall ms, CPU ms, edits) of one update that takes and makes 50 synapses each among 1 M; medians."""
    import neurosim as ns

    net = ns.Network(seed=1)
    pop = net.add_population("pop", ns.LIF(), 10_000)
    net.stimulate(pop, ns.PoissonInput(rate=8000.0, weight=0.1))
    p = net.connect(pop, pop, ns.fixed_indegree(100), weight=0.01, delay=1.5, dtype="float32")
    growth = net.add(ns.HomeostaticGrowth(p, growth_rate=0.0, every=1e6, tau_calcium=1e7))
    net.run(50.0)
    rng = np.random.default_rng(3)
    wall, cpu, edits = [], [], []
    for _ in range(repeats):
        for side in growth.element_types.values():
            side.z = side.bound(net) + 0.5
            chosen = rng.choice(side.uid.size, EDITS // 2, replace=False)
            side.z[chosen[::2]] -= 1.0
            side.z[chosen[1::2]] += 1.0
        before = net.history.born + net.history.died
        begin = time.perf_counter(), time.process_time()
        growth.advance(net)
        wall.append(1e3 * (time.perf_counter() - begin[0]))
        cpu.append(1e3 * (time.process_time() - begin[1]))
        edits.append(net.history.born + net.history.died - before)
    return median(wall), median(cpu), median(edits)


def time_overhead(every: float, boost: float, states: int = 10, pairs: int = 6) -> tuple[float, float, float]:
    """(share that rewiring adds to the CPU time, its standard error, edits a second) of 10,000 neurons with 1 M synapses.

    A pair is 100 ms from one state, once with rewiring and once with nobody called, one right after the other: both have the
    same synapses in the same order, and fire nearly the same spikes.  The clock begins after an update, when what the return to
    the state left to be done is done.  The states lie 100 ms apart, since elements that began alike come of age in waves; of
    the pairs of each the median counts.
    """
    from benchmarks.peer_neurosim import build

    net = build(network(update_every=every, boost=boost), 1, 1, "float32")[0]
    net.run(1500.0)  # until synapses have formed, and what makes them is loaded
    processes, spent, edits = net.processes, np.zeros((states, pairs, 2)), 0
    for state in range(states):
        net.store("begin")
        for k in range(pairs):
            for grows in (1, 0) if (state + k) % 2 else (0, 1):
                net.restore("begin")
                net.processes = processes if grows else []
                net.run(max(every, 10.0))
                before = net.history.born + net.history.died
                begin = time.process_time()
                net.run(WINDOW)
                spent[state, k, grows] = time.process_time() - begin
                edits += net.history.born + net.history.died - before
                net.processes = processes
        net.restore("begin")
        net.run(WINDOW)
    alone, added = np.median(spent[:, :, 0], axis=1).sum(), spent[:, :, 1] - spent[:, :, 0]
    low, middle, high = np.percentile(added, [25, 50, 75], axis=1)
    error = 1.25 * np.sqrt((((high - low) / 1.35) ** 2).sum() / pairs)  # of a sum of medians, by the quartiles
    return middle.sum() / alone, error / alone, edits / states / pairs / WINDOW * 1e3


def main() -> None:
    """Compare, then look inside."""
    parser = argparse.ArgumentParser(description="Time homeostatic rewiring.")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each in the comparison")
    parser.add_argument("--alone", action="store_true", help="leave the comparison with NEST out")
    asked = parser.parse_args()
    if not asked.alone:
        compare = Path(__file__).with_name("compare.py")
        peers = {k: v for k, v in os.environ.items() if k not in ("BRIAN2_PYTHON", "GENN_PYTHON")}
        for model in MODELS:
            command = [sys.executable, str(compare), model, "--repeat", str(asked.repeat)]
            subprocess.run(command, env=peers, check=True)
    wall, cpu, edits = time_updates()
    print(f"an update of {edits:.0f} edits on 1 M synapses: {wall:.2f} ms ({cpu:.2f} ms of CPU)")
    for boost in (1.0, BOOST):
        for every in (100.0, 10.0, 1.0):
            share, error, rate = time_overhead(every, boost)
            print(
                f"growth x {boost:g}, updates every {every:g} ms: rewiring adds {share:+.1%} +- {error:.1%} "
                f"({rate:,.0f} edits per biological second)"
            )


if __name__ == "__main__":
    main()
