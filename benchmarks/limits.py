"""Delivery against the limit of the machine: ns per synaptic event, and the share of what a loop in C reaches.

    python -m benchmarks.limits [--threads 1 2] [--kb 50 400 4000 40000 400000] [--events 8_000_000] [--repeat 7] [--json]

The limit is `w[idx[k]] += g[k]` of limits.c (gcc -O3 -march=native): idx and g streamed from arrays of `events` numbers, w in
random order.  Measured in turn with it, in the same process and with arrays from the same allocator, is neurosim's kernel
`deliver_static` on a `StaticPool` of as many synapses (float32), in rows of 100, 300 and 1,000, all of whose sources fire once,
in random order.  Its target is the ring, always float64:

- one delay: all synapses add to the same slot of the ring, and that slot has the size named;
- delays of 1 to 15 steps: the whole ring has the size named.

Within a row targets ascend, as `connect` lays them.  With two threads each has a pool and half of the target, as shards do.
`share` is the limit for float64 over the kernel's time (processor time of the slowest thread, least of the repeats); at least
70 % is asked.
"""

import argparse
import ctypes
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np

SIZES = (50, 400, 4_000, 40_000, 400_000)  # KB of the target
ROWS = (100, 300, 1000)  # synapses of a row
ASKED = 0.7
SLOTS = 16  # of a ring for delays of 1 to 15 steps


def compiler() -> str | None:
    """The C compiler, or None."""
    return shutil.which("gcc")


@cache
def library() -> ctypes.CDLL:
    """limits.c, compiled for this machine; RuntimeError without gcc."""
    gcc = compiler()
    if gcc is None:
        raise RuntimeError("the limit needs gcc, and there is none; install gcc, or compare on another machine")
    folder = Path(tempfile.mkdtemp(prefix="neurosim-limits-"))
    try:
        source, made = Path(__file__).with_name("limits.c"), folder / "limits.so"
        subprocess.run([gcc, "-O3", "-march=native", "-shared", "-fPIC", "-o", made, source], check=True)
        return ctypes.CDLL(str(made))
    finally:
        shutil.rmtree(folder)


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """Where an array begins."""
    return ctypes.c_void_p(array.ctypes.data)


def least_times(calls: Sequence[Sequence[Callable[[], object]]], repeat: int) -> list[float]:
    """Least time (s) of each way, the ways in turn; a way is a list of calls, one for each thread.

    Counted is the processor time of the slowest thread: the wall time of a machine that has nothing else to do.
    """
    least = [float("inf")] * len(calls)
    spent = [0.0] * max(map(len, calls))

    def timed(call: Callable[[], object], thread: int) -> None:
        begun = time.thread_time()
        call()
        spent[thread] = time.thread_time() - begun

    for trial in range(repeat + 1):
        for k, way in enumerate(calls):
            others = [threading.Thread(target=timed, args=(call, q)) for q, call in enumerate(way[1:], 1)]
            for thread in others:
                thread.start()
            timed(way[0], 0)
            for thread in others:
                thread.join()
            if trial:  # the first touches pages and compiles
                least[k] = min(least[k], max(spent[: len(way)]))
    return least


class Limit:
    """The loop in C on a target of so many bytes, cut into one part for each thread."""

    def __init__(self, size: float, dtype: str, events: int, threads: int = 1) -> None:
        rng, width = np.random.default_rng(1), np.dtype(dtype).itemsize
        places = max(1, round(size / width / threads))
        self.events = events // threads
        self.function = getattr(library(), f"add_{dtype}")
        self.arrays = [
            (
                np.zeros(places, dtype),
                rng.integers(0, places, self.events, dtype=np.uint32),
                rng.random(self.events, np.float32),
            )
            for _ in range(threads)
        ]

    def calls(self) -> list[Callable[[], object]]:
        """What each thread does."""
        n = ctypes.c_int64(self.events)
        return [partial(self.function, *map(pointer, arrays), n) for arrays in self.arrays]


class Delivery:
    """neurosim's kernel on a pool and a ring; one of each for each thread."""

    def __init__(self, size: float, row: int, events: int, threads: int = 1, *, one_delay: bool) -> None:
        slots = 2 if one_delay else SLOTS
        columns = max(1, round(size / 8 / threads / (1 if one_delay else slots)))
        self.sources = max(1, events // threads // row)
        self.events = self.sources * row
        self.parts = [self.part(columns, row, slots, one_delay, k) for k in range(threads)]

    def part(self, columns: int, row: int, slots: int, one_delay: bool, seed: int) -> tuple:
        """(arguments of the kernel before, and after, those of the pool; the pool)."""
        from neurosim.engine.pools import StaticPool, Wire

        n, rng = self.sources, np.random.default_rng(seed)
        pool = StaticPool(dtype="float32")
        pool.column_bits = max(24, (columns - 1).bit_length())
        pool.add_rows(n)
        for at in range(0, n, max(1, 1_000_000 // row)):
            here = min(max(1, 1_000_000 // row), n - at)
            column = np.sort(rng.integers(0, columns, (here, row)), axis=1).reshape(-1)
            delay = 1 if one_delay else rng.integers(1, slots, column.size)
            weight = rng.random(column.size, np.float32)
            pool.build(at, here, np.repeat(np.arange(at, at + here), row), column, delay, weight)
        wire = Wire(0, pre=0, post=0, row0=0, rows=n, pre_first=0, pre_n=n)
        wire.least_delay, wire.most_delay = (1, 1) if one_delay else (1, slots - 1)
        pool.wires.append(wire)
        pool.settle(SimpleNamespace(population=np.zeros(n, np.int32), max_fired=n, shards=1))
        return (0, rng.permutation(n), 0, n), np.zeros((slots, columns)), pool

    def calls(self) -> list[Callable[[], object]]:
        """What each thread does."""
        from neurosim.kernels.delivery import deliver_static

        return [partial(deliver_static, *before, *pool.arguments(), ring) for before, ring, pool in self.parts]


def measure(size: float, threads: int, events: int, repeat: int) -> dict:
    """One row of the table for a target of `size` bytes: ns per event of each way, and shares of the limit."""
    limits = {dtype: Limit(size, dtype, events, threads) for dtype in ("float32", "float64")}
    ways = {
        (kind, row): Delivery(size, row, events, threads, one_delay=kind == "one delay")
        for kind in ("one delay", "delays")
        for row in ROWS
    }
    everything = [*limits.values(), *ways.values()]
    spent = least_times([one.calls() for one in everything], repeat)
    ns = [s / (one.events * threads) * 1e9 for s, one in zip(spent, everything, strict=True)]
    line: dict = {"kb": size / 1000, "threads": threads, "limit32_ns": ns[0], "limit_ns": ns[1]}
    for (kind, row), one in zip(ways, ns[2:], strict=True):
        line[f"{kind}, rows of {row}"] = {"ns": one, "share": ns[1] / one}
    return line


def table(lines: list[dict]) -> str:
    """The rows as aligned text."""
    kinds = [key for key in lines[0] if "rows of" in key]
    head = ["target", "threads", "float32", "float64", *(key.replace(", rows of", "") for key in kinds)]
    cells = [head]
    for line in lines:
        cells.append(
            [f"{line['kb']:,.0f} KB", str(line["threads"]), f"{line['limit32_ns']:.2f}", f"{line['limit_ns']:.2f}"]
            + [f"{line[key]['ns']:.2f} ({line[key]['share']:.0%})" for key in kinds]
        )
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(x.rjust(w) for x, w in zip(row, widths, strict=True)) for row in cells)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--kb", type=float, nargs="+", default=list(SIZES), metavar="KB", help="sizes of the target")
    parser.add_argument("--events", type=int, default=8_000_000, help="synaptic events in one call")
    parser.add_argument("--repeat", type=int, default=7)
    parser.add_argument("--json", action="store_true", help="print one object instead of the table")
    asked = parser.parse_args()
    if compiler() is None:
        print("skipped: the limit needs gcc, and there is none; install gcc, or compare on another machine")
        return
    lines = []
    for threads in asked.threads:
        for kb in asked.kb:
            print(f"{kb:,.0f} KB, {threads} thread{'s' * (threads > 1)}", file=sys.stderr)
            lines.append(measure(1000 * kb, threads, asked.events, asked.repeat))
    if asked.json:
        print(json.dumps(lines))
        return
    print("ns per event: limit of the machine for a target of that size, and neurosim's delivery (share of float64)")
    print(table(lines))
    shares = [line[key]["share"] for line in lines for key in line if "rows of" in key]
    met = sum(share >= ASKED for share in shares)
    print(f"{met} of {len(shares)} at least {ASKED:.0%} of the limit, as asked; the least is {min(shares):.0%}")


if __name__ == "__main__":
    main()
