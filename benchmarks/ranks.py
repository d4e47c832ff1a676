"""Several processes: how time, memory and messages grow when every rank gets as much work as before (weak scaling).

    python -m benchmarks.ranks [--ranks 1 2] [--millions 10 20] [--time MS] [--dry]

Each rank has n million synapses of the network of `cost.py` (1,000 n neurons with 1,000 float32 synapses onto each, whatever
the number of ranks, so that in-degrees and rates stay).  The same networks run on one rank with as many threads, for comparison.
Each run is a job of its own (`mpirun -n R`); counted on every rank, and the largest is printed:

- whole: wall time of `net.run` for a second of the network, and building;
- exchanges: meetings of all ranks, the bytes that one rank sends in them, and how long such a meeting takes with nothing else
  to do (`kernels.exchanging.gather`, messages of the same size);
- the spikes: one fingerprint for each size of network, whatever the ranks and threads.

More ranks than cores say nothing about scaling; the bytes and the fingerprint are right all the same.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time

from benchmarks import cost, measure

MARKS = "<!-- ranks.py writes from here -->", "<!-- to here -->"
WARM_UP = 50.0  # ms
MEETINGS = 2000


def one(millions: float, duration: float) -> dict | None:
    """The network of so many million synapses, divided among the ranks of this job; what it took, on the first rank."""
    import neurosim as ns
    from neurosim import ranks
    from neurosim.engine import exchange

    net, cells = cost.build(0.02, "one")  # compile
    net.record(cells)
    net.run(20.0)
    ranks.wait()
    begun = time.monotonic()
    net, cells = cost.build(millions, "one")
    built = time.monotonic() - begun
    net.run(WARM_UP)
    spikes = net.record(cells)
    before = exchange.sent(net.engine.mail)
    ranks.wait()
    start = measure.now()
    net.run(duration)
    stop = measure.now()
    after = exchange.sent(net.engine.mail)
    mark = hashlib.blake2b(spikes.step.tobytes() + spikes.uid.tobytes(), digest_size=6).hexdigest()
    ranks.agree("the same spikes on all ranks", mark)
    line = {
        "ranks": ranks.SIZE, "threads": net.threads_used, "synapses": net.n_synapses, "neurons": net.n_neurons,
        "rate_hz": spikes.step.size / net.n_neurons / duration * 1000, "build_s": ranks.most(built),
        "wall_per_bio_s": ranks.most((stop.wall - start.wall) / duration * 1000), "peak_mb": ranks.most(measure.peak_memory()),
        "other_load": measure.other_load(start, stop), "spikes": mark, "exchanges": 0, "bytes": 0, "meeting_us": 0.0, "version": ns.__version__,
    }  # fmt: skip
    if after:
        line |= {name: ranks.most((after[name] - before[name]) / duration * 1000) for name in ("exchanges", "bytes")}
        line["meeting_us"] = ranks.most(_meeting(net.engine.mail))
    return line if ranks.once() else None


def _meeting(mail: tuple) -> float:
    """µs that ranks with nothing else to do take to exchange messages of this size."""
    from neurosim.kernels.exchanging import gather

    begun = time.perf_counter()
    for _ in range(MEETINGS):
        gather(*mail, mail[1].size)
    return (time.perf_counter() - begun) / MEETINGS * 1e6


def job(ranks: int, threads: int, millions: float, duration: float) -> dict:
    """The same in a job of its own."""
    from neurosim.launching import mpirun

    command = [sys.executable, "-m", "benchmarks.ranks", "--one", str(millions), "--time", str(duration)]
    print(f"{millions:g} M synapses, {ranks} ranks of {threads} threads", file=sys.stderr)
    environment = os.environ | {"NEUROSIM_THREADS": str(threads)}
    environment |= {"PYTHONPATH": os.pathsep.join([str(cost.HERE.parent), os.environ.get("PYTHONPATH", "")])}
    command = [mpirun(), "-n", str(ranks), *command] if ranks > 1 else command
    done = subprocess.run(command, cwd=cost.HERE.parent, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def table(lines: list[dict]) -> str:
    """The rows in Markdown."""
    heads = "synapses|ranks x threads|rate Hz|build s|peak GB a rank|s a second|exchanges a second|MB sent a rank a second|µs a meeting|spikes"
    rows = [heads.split("|"), ["---:"] * 9 + [":---"]]
    for x in lines:
        alone = x["ranks"] == 1
        sent = ["-"] * 3 if alone else [f"{x['exchanges']:,.0f}", f"{x['bytes'] / 1e6:.2f}", f"{x['meeting_us']:.1f}"]
        row = [
            f"{x['synapses'] / 1e6:,.0f} M",
            f"{x['ranks']} x {x['threads']}",
            f"{x['rate_hz']:.1f}",
            f"{x['build_s']:.1f}",
        ]
        row += [f"{x['peak_mb'] / 1024:.2f}", f"{x['wall_per_bio_s']:.2f}", *sent, f"`{x['spikes']}`"]
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def write(lines: list[dict]) -> None:
    """The table into RESULTS.md, between the marks."""
    load = max(line["other_load"] for line in lines if line["ranks"] == 1)
    told = f"`python -m benchmarks.ranks` on {os.cpu_count()} cores; the rest of the machine used up to {load:.0%} of it meanwhile."
    says = (
        "Every rank sends its spikes once per chunk of 1.5 ms (the delay) and hears those of all others; a meeting is one\n"
        "MPI_Allgather inside the compiled loop. One row of fingerprints for each size: ranks and threads change no spike."
    )
    measure.put_between(cost.RESULTS, MARKS, "Several processes", f"{told}\n\n{table(lines)}\n\n{says}")


def main() -> None:
    """Measure all and write, or one of them and print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2], metavar="R")
    parser.add_argument(
        "--millions", type=float, nargs="+", default=[1.0, 10.0, 40.0], metavar="M", help="synapses of each rank"
    )
    parser.add_argument("--time", type=float, default=500.0, help="simulated time (ms) behind a warm-up")
    parser.add_argument("--dry", action="store_true", help="print the table and write nothing")
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        line = one(asked.one, asked.time)
        print(*([json.dumps(line)] if line else []), end="\n" if line else "")
        return
    lines = []
    for millions in asked.millions:
        for ranks in asked.ranks:
            lines.append(job(ranks, 1, millions * ranks, asked.time))
            if ranks > 1:
                lines.append(job(1, ranks, millions * ranks, asked.time))
    print(table(lines))
    if not asked.dry:
        write(lines)
        print(f"written to {cost.RESULTS}")


if __name__ == "__main__":
    main()
