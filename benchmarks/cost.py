"""Cost as work grows: ns per synaptic event of networks of 1 M to 300 M synapses, beside the limit of the machine.

    python -m benchmarks.cost [--sizes 1 3 10 30 100 300] [--delays one drawn] [--threads N] [--time MS] [--dry]

A network of n million synapses has 1,000 n neurons, each with 1,000 float32 synapses onto it (800 excitatory, 200 inhibitory,
as Brunel's: delta synapses, asynchronous and irregular, about 35 Hz whatever the size), and one delay of 1.5 ms or normal ones,
1.5 +- 0.75 ms.  Each size runs in a fresh process:

- whole: wall time of `net.run` over the synaptic events in it, so neurons, their Poisson input and recording spikes count too;
- delivery: the spikes just recorded once more through the kernel `deliver_static`, on the same pool and ring, on one thread;
- limit: the loop of limits.c on a float64 target of the size of that ring, in the same process (one thread).

Asked: at each size the delivery's time per event is at most 1.5 x the limit.  Writes the table between two marks in
benchmarks/RESULTS.md and the plot benchmarks/cost.png; `--dry` prints only.  Sizes that do not fit into the free memory are
skipped, with a message.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np

from benchmarks import limits, measure

HERE = Path(__file__).parent
RESULTS, PLOT = HERE / "RESULTS.md", HERE / "cost.png"
MARKS = "<!-- cost.py writes from here -->", "<!-- to here -->"
SIZES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)  # million synapses
DELAYS = {"one": "one delay of 1.5 ms", "drawn": "delays of 1.5 +- 0.75 ms"}
K_EXC, K_INH, J, G, ETA = (
    800,
    200,
    0.125,
    5.0,
    2.0,
)  # synapses onto a neuron, mV, 1, external rate over that of the threshold
WARM_UP = 50.0  # ms
ASKED = 1.5
#: Bytes for each synapse at the most, and besides for the arrays of the limit and the interpreter.
NEED, BESIDES = 18.0, 0.6e9


def build(millions: float, delays: str) -> tuple:
    """(network, its two populations): exc and inh."""
    import neurosim as ns

    net, neurons = ns.Network(dt=0.1, seed=1), round(1000 * millions)
    model = ns.LIF(tau_m=20.0, v_th=20.0, v_reset=10.0, e_l=0.0, t_ref=2.0)
    cells = [net.add_population("exc", model, neurons * 4 // 5), net.add_population("inh", model, neurons // 5)]
    delay = 1.5 if delays == "one" else ns.normal(1.5, 0.75, low=0.05)
    for population in cells:
        population.v = ns.uniform(0.0, 20.0)
        net.stimulate(population, ns.PoissonInput(rate=1000.0 * ETA * 20.0 / (J * 20.0), weight=J))
    for source, k, weight in zip(cells, (K_EXC, K_INH), (J, -G * J), strict=True):
        for target in cells:
            rule, options = ns.fixed_indegree(k), {"autapses": True, "parallel": True, "dtype": "float32"}
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", ".*drawn delays are rounded", ns.NeurosimWarning)
                net.connect(source, target, rule, weight=weight, delay=delay, **options)
    return net, cells


def deliver_again(
    net, cells: list, spikes: list, began: float, *, repeat: int = 3, ring: np.ndarray | None = None
) -> tuple[float, int]:
    """(ns per event, events) of the recorded spikes after `began` (ms) through the kernel, step by step.

    They are added to `ring`, or to one like the engine's.
    """
    from neurosim.kernels.delivery import deliver_static

    pool = net.engine.pools[0]
    first = {wire.pre: wire.pre_first for wire in pool.wires}
    place = np.concatenate(
        [first[cell.number] + one.index[one.t > began] for cell, one in zip(cells, spikes, strict=True)]
    )
    step = np.concatenate([np.round(one.t[one.t > began] / net.dt).astype(np.int64) for one in spikes])
    order = np.lexsort((place, step))
    place, step = np.ascontiguousarray(place[order], np.int64), step[order]
    now, at = np.unique(step, return_index=True)
    bounds, least = [*at.tolist(), step.size], float("inf")
    ring = np.zeros_like(net.engine.ring) if ring is None else ring
    shards = getattr(net.engine, "shards", 1)
    arguments = [pool.arguments(k) for k in range(shards)] if shards > 1 else [pool.arguments()]
    for _ in range(repeat):
        begun = time.thread_time()
        for part in arguments:
            for k, when in enumerate(now.tolist()):
                deliver_static(when, place, bounds[k], bounds[k + 1], *part, ring)
        least = min(least, time.thread_time() - begun)
    events = out_events(net, cells, spikes, began)
    return least / max(events, 1) * 1e9, events


def out_events(net, cells: list, spikes: list, began: float) -> int:
    """Synapses that the recorded spikes after `began` (ms) reach."""
    return sum(
        int(p.out_degree()[one.index[one.t > began]].sum())
        for p in net.projections.values()
        for cell, one in zip(cells, spikes, strict=True)
        if p.source is cell
    )


def one(millions: float, delays: str, duration: float) -> dict:
    """One size in this process, on as many threads as NEUROSIM_THREADS says: what it took."""
    import neurosim as ns

    net, cells = build(0.02, delays)  # compile
    net.run(20.0)
    net.record(cells[0], "spikes")
    net.run(1.0)
    begun = time.monotonic()
    net, cells = build(millions, delays)
    built = time.monotonic() - begun
    net.run(WARM_UP)
    spikes = [net.record(cell, "spikes") for cell in cells]
    start = measure.now()
    net.run(duration)
    stop = measure.now()
    peak = measure.peak_memory()
    events = out_events(net, cells, spikes, 0.0)
    again, _ = deliver_again(net, cells, spikes, net.now - min(duration, max(2.0, duration * 3e8 / max(events, 1))))
    line = {
        "synapses": net.n_synapses, "neurons": net.n_neurons, "delays": delays, "threads": net.threads_used,
        "build_s": built, "rate_hz": sum(s.t.size for s in spikes) / net.n_neurons / duration * 1000, "events": events,
        "wall_per_bio_s": (stop.wall - start.wall) / duration * 1000, "peak_mb": peak, "ring_mb": net.engine.ring.nbytes / 1e6,
        "bytes_per_synapse": net.engine.pools[0].bytes_per_synapse, "other_load": measure.other_load(start, stop),
        "whole_ns": (stop.wall - start.wall) / events * 1e9, "delivery_ns": again, "version": ns.__version__,
    }  # fmt: skip
    size = net.engine.ring.nbytes
    del net, cells, spikes
    if limits.compiler():
        limit = limits.Limit(size, "float64", 8_000_000)
        line["limit_ns"] = limits.least_times([limit.calls()], 5)[0] / limit.events * 1e9
    return line


def fresh(millions: float, delays: str, threads: int, duration: float) -> dict | None:
    """One size in a process of its own; None, with a message, where it fails or does not fit."""
    from neurosim.connecting import available_memory

    need, free = NEED * millions * 1e6 + BESIDES, available_memory()
    name = f"{millions:g} M synapses, {DELAYS[delays]}"
    if need > free:
        print(f"{name}: skipped, needs about {need / 1e9:.2g} GB and {free / 1e9:.2g} GB are free", file=sys.stderr)
        return None
    print(name, file=sys.stderr)
    words = ["--one", str(millions), delays, "--time", str(duration)]
    environment = os.environ | {"NEUROSIM_THREADS": str(threads)}
    environment |= {"PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "benchmarks.cost", *words]
    done = subprocess.run(command, cwd=HERE.parent, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"{name}: failed with exit code {done.returncode}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def within(line: dict) -> str:
    """Delivery over the limit, and whether that is as asked."""
    if "limit_ns" not in line:
        return "no gcc"
    over = line["delivery_ns"] / line["limit_ns"]
    return f"{over:.2f}{'' if over <= ASKED else ' (more than asked)'}"


def table(lines: list[dict]) -> str:
    """The rows in Markdown."""
    heads = (
        "synapses",
        "delays",
        "ring MB",
        "rate Hz",
        "build s",
        "peak GB",
        "whole ns",
        "delivery ns",
        "limit ns",
        "whole / limit",
        "delivery / limit",
    )
    rows = [heads, ["---:", ":---", *["---:"] * 9]]
    for line in lines:
        limit = f"{line['limit_ns']:.2f}" if "limit_ns" in line else "-"
        rows.append([
            f"{line['synapses'] / 1e6:,.0f} M", line["delays"], f"{line['ring_mb']:,.2g}" if line["ring_mb"] < 10 else f"{line['ring_mb']:,.0f}",
            f"{line['rate_hz']:.1f}", f"{line['build_s']:.1f}", f"{line['peak_mb'] / 1024:.2f}", f"{line['whole_ns']:.2f}",
            f"{line['delivery_ns']:.2f}", limit,
            f"{line['whole_ns'] / line['limit_ns']:.2f}" if "limit_ns" in line else "-", within(line),
        ])  # fmt: skip
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write(lines: list[dict]) -> None:
    """The table into RESULTS.md, between the marks, and the plot beside it."""
    plot(lines)
    threads, load = lines[0]["threads"], max(line["other_load"] for line in lines)
    told = f"`python -m benchmarks.cost`, {threads} thread{'s' * (threads > 1)}; the rest of the machine used up to {load:.0%} of it meanwhile."
    says = (
        "Whole: wall time of the simulation for each synaptic event. Delivery: the kernel alone, one thread. Limit: the loop of\n"
        f"limits.c on a float64 array of the ring's size, same process. Asked: delivery at most {ASKED:g} x the limit.\n\n"
        "![ns per synaptic event against synapses](cost.png)"
    )
    measure.put_between(RESULTS, MARKS, "Cost as work grows", f"{told}\n\n{table(lines)}\n\n{says}")


def plot(lines: list[dict]) -> None:
    """ns per event against synapses, a panel for each kind of delays."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    kinds = [kind for kind in DELAYS if any(line["delays"] == kind for line in lines)]
    figure = Figure(figsize=(4.2 * len(kinds) + 0.6, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    pages = figure.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    for page, kind in zip(pages, kinds, strict=True):
        some = sorted((line for line in lines if line["delays"] == kind), key=lambda line: line["synapses"])
        x = [line["synapses"] for line in some]
        page.plot(x, [line["whole_ns"] for line in some], "o-", color="0.55", label="whole simulation")
        page.plot(x, [line["delivery_ns"] for line in some], "s-", color="C0", label="delivery alone")
        known = [line for line in some if "limit_ns" in line]
        if known:
            bound = np.array([[line["synapses"], line["limit_ns"]] for line in known]).T
            page.plot(bound[0], bound[1], "-", color="C3", label="limit of the machine")
            page.plot(bound[0], ASKED * bound[1], "--", color="C3", label=f"{ASKED:g} x the limit, as asked")
        page.set(title=DELAYS[kind], xlabel="million synapses", xscale="log")
        page.set_xticks(x, [f"{n / 1e6:g}" for n in x])
        page.set_xticks([], minor=True)
        page.spines[["top", "right"]].set_visible(False)
    pages[0].set_ylim(0, 1.05 * max(max(line["whole_ns"], ASKED * line.get("limit_ns", 0.0)) for line in lines))
    pages[0].set_ylabel("ns per synaptic event")
    figure.legend(*pages[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(PLOT, dpi=130)


def main() -> None:
    """Measure all sizes and write, or one of them and print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=float, nargs="+", default=SIZES, metavar="M", help="million synapses")
    parser.add_argument("--delays", nargs="+", choices=DELAYS, default=list(DELAYS))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--time", type=float, default=200.0, help="simulated time (ms) behind a warm-up")
    parser.add_argument("--dry", action="store_true", help="print the table and write nothing")
    parser.add_argument("--one", nargs=2, metavar=("M", "DELAYS"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(float(asked.one[0]), asked.one[1], asked.time)))
        return
    runs = (fresh(size, delays, asked.threads, asked.time) for delays in asked.delays for size in asked.sizes)
    lines = [line for line in runs if line is not None]
    if not lines:
        raise SystemExit("no size was measured")
    print(table(lines))
    if not asked.dry:
        write(lines)
        print(f"written to {RESULTS} and {PLOT}")


if __name__ == "__main__":
    main()
