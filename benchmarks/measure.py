"""What every peer script shares: its command line, its clocks, and the JSON line that it prints.

Two clocks are read, wall and CPU, and what the rest of the machine used: a time means something only when that was
near zero.
"""

import argparse
import json
import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import MODELS
from benchmarks.description import DT, Network


def arguments(peer: str) -> argparse.Namespace:
    """model, threads, time (ms or None), seed and dtype from the command line."""
    parser = argparse.ArgumentParser(description=f"Run one benchmark network in {peer} and print one JSON line.")
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--time", type=float, help="timed part (ms); each network has its own default")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--dtype", choices=["float32", "float64"], default="float32", help="weights, where the peer lets one choose"
    )
    return parser.parse_args()


class Instant(NamedTuple):
    """A moment: wall clock, CPU time of this process, CPU time of the whole machine (s)."""

    wall: float
    cpu: float
    machine: float


def now() -> Instant:
    """The present moment."""
    with open("/proc/stat") as file:
        return Instant(time.monotonic(), time.process_time(), machine_time(file.readline()))


def machine_time(line: str) -> float:
    """CPU time spent by the whole machine (s) from the first line of /proc/stat: user, nice, system, irq, softirq."""
    ticks = [int(x) for x in line.split()[1:]]
    return (ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]) / os.sysconf("SC_CLK_TCK")


def other_load(start: Instant, stop: Instant) -> float:
    """CPU used by everybody else between two moments, as a fraction of all cores."""
    others = stop.machine - start.machine - (stop.cpu - start.cpu)
    return max(0.0, others) / ((os.cpu_count() or 1) * (stop.wall - start.wall))


def peak_memory() -> float:
    """Largest resident memory of this process so far (MB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def put_between(path: Path, marks: tuple[str, str], title: str, text: str) -> None:
    """Put a text between two marks of a Markdown file, in place of what stands there; under a new title if they are not there."""
    whole = path.read_text(encoding="utf-8") if path.exists() else "# Results\n"
    if marks[0] not in whole:
        whole = f"{whole.rstrip()}\n\n## {title}\n\n{marks[0]}\n{marks[1]}\n"
    before, _, rest = whole.partition(marks[0])
    behind = rest.partition(marks[1])[2]
    path.write_text(f"{before}{marks[0]}\n\n{text}\n\n{marks[1]}{behind}", encoding="utf-8")


def report(
    network: Network,
    stamps: Sequence[np.ndarray],
    *,
    peer: str,
    threads: int,
    dtype: str,
    duration: float,
    begin: float,
    start: Instant,
    stop: Instant,
    peak_rss_mb: float,
    note: str = "",
) -> None:
    """Print one JSON line.

    Parameters
    ----------
    stamps : list of float64 arrays
        Spikes of each population (ms, end of the step).
    dtype : str
        Type in which the peer stores its weights.
    duration : float
        Length of the timed part (ms).
    begin : float
        When the script began (s, time.monotonic); building, compiling and the warm-up lie between it and `start`.
    """
    end = network.warm_up + duration
    window = min(network.rate_window, duration)
    counts = [int(((t > end - window + DT / 2) & (t < end + DT / 2)).sum()) for t in stamps]
    line = {
        "peer": peer,
        "threads": threads,
        "build_s": start.wall - begin,
        "wall_per_bio_s": (stop.wall - start.wall) / duration * 1e3,
        "cpu_per_bio_s": (stop.cpu - start.cpu) / duration * 1e3,
        "rate_hz": sum(counts) / network.size / window * 1e3,
        "rates_hz": [n / p.size / window * 1e3 for n, p in zip(counts, network.populations, strict=True)],
        "peak_rss_mb": peak_rss_mb,
        "other_load": other_load(start, stop),
        "dtype": dtype,
        "note": note,
    }
    print(json.dumps(line), flush=True)
