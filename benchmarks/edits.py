"""Edits of a row pool: deletes and inserts a second, what they do to memory and to the speed of delivery.

Each measurement holds 10 M synapses of float32.  Edges to delete are drawn uniformly, and each is given as (row,
column) like a user's (pre, post), so it is first found, then removed; then as many new pairs are drawn, each is first
checked not to exist yet, then inserted.  Drawing is not timed; all of `find`, `count_in_row`, `remove` and `insert` is,
with their checks and sorts.  `--by-slot` deletes without finding, as a pruning rule does.  A shared machine stretches
wall time: rates per CPU second are given beside it, and delivery is timed in CPU seconds.

    python benchmarks/edits.py [--rows-of 100] [--batch 1000] [--edits 10_000_000] [--json]
"""

import argparse
import json
import resource
import time

import numpy as np

from neurosim.graph import RowPool
from neurosim.kernels.compiled import kernel
from neurosim.kernels.prefetch import prefetch


@kernel
def deliver(spikes, step, start, length, packed, weight, mask, bits, ring):
    """Stream rows into the ring; ask for the row after next."""
    slots = ring.shape[0] - 1
    for q in range(spikes.size):
        if q + 2 < spikes.size:
            ahead = start[spikes[q + 2]]
            for k in range(0, 64, 16):
                prefetch(packed, ahead + k)
                prefetch(weight, ahead + k)
        r = spikes[q]
        for e in range(start[r], start[r] + length[r]):
            x = np.int64(packed[e])
            ring[(step + (x >> bits)) & slots, x & mask] += weight[e]


def delivery_speed(pool, rng, columns, events=20_000_000, repeats=5):
    """Million synapses streamed a second, the best of some repeats over fresh random rows."""
    ring = np.zeros((16, columns))
    per_row = max(1, pool.n_synapses // pool.n_rows)
    best = 0.0
    for _ in range(repeats):
        spikes = rng.integers(0, pool.n_rows, events // repeats // per_row)
        arguments = pool.start, pool.length, pool.packed, pool.weight, int(pool.mask), pool.column_bits, ring
        deliver(spikes[:2], 0, *arguments)
        begun = time.thread_time()
        deliver(spikes, 3, *arguments)
        taken = time.thread_time() - begun
        best = max(best, pool.length[spikes].sum() / taken / 1e6)
    return best


def random_pool(rng, n_rows, rows_of, columns):
    """(pool of uniformly drawn distinct pairs, seconds its build took), as arrays sorted by target."""
    total = n_rows * rows_of
    share = total / (n_rows * columns)
    drawn = -np.log1p(-share) / share * total  # so many with repeats leave `total` distinct ones
    pair = np.unique(rng.integers(0, n_rows * columns, int(1.005 * drawn) + 1000))
    pair = rng.permutation(pair)[:total]
    pair.sort()
    column, row = np.divmod(pair, n_rows)
    delay = rng.integers(1, 16, total)
    weight = rng.random(total)
    pool = RowPool(column_bits=24, dtype="float32", n_rows=n_rows)
    begun = time.perf_counter()
    pool.build(0, n_rows, row, column, delay, weight)
    return pool, time.perf_counter() - begun


def draw_edges(pool, rng, n):
    """n distinct edges, each synapse of the pool equally likely: (row, slot, column)."""
    total = np.cumsum(pool.length, dtype=np.int64)
    number = rng.choice(int(total[-1]), n, replace=False, shuffle=False) if n * 20 > total[-1] else None
    if number is None:
        number = np.unique(rng.integers(0, total[-1], n))
        while number.size < n:
            number = np.unique(np.concatenate([number, rng.integers(0, total[-1], n - number.size)]))
        number = rng.permutation(number)
    row = np.searchsorted(total, number, side="right")
    slot = number - (total[row] - pool.length[row])
    return row, slot, (pool.packed[pool.start[row] + slot] & pool.mask).astype(np.int64)


def edit(pool, rng, columns, batch, edits, by_slot):
    """(edits, CPU seconds by method, wall seconds): a batch of deletes, then a batch of inserts, and so on."""
    parts = dict.fromkeys(("find", "remove", "count_in_row", "insert"), 0.0)
    done, wall = 0, 0.0
    clock = time.thread_time
    while done < edits:
        row, slot, column = draw_edges(pool, rng, batch)
        new_row, new_column = rng.integers(0, pool.n_rows, batch), rng.integers(0, columns, batch)
        delay, weight = rng.integers(1, 16, batch), rng.random(batch)
        begun = time.perf_counter()
        t0 = clock()
        if not by_slot:
            slot = pool.find(row, column)
        t1 = clock()
        pool.remove(row, slot)
        t2 = clock()
        fresh = pool.count_in_row(new_row, new_column) == 0
        t3 = clock()
        pool.insert(new_row[fresh], new_column[fresh], delay[fresh], weight[fresh])
        t4 = clock()
        wall += time.perf_counter() - begun
        for name, taken in zip(parts, (t1 - t0, t2 - t1, t3 - t2, t4 - t3), strict=True):
            parts[name] += taken
        done += batch + int(fresh.sum())
    return done, parts, wall


def warm_up(rng):
    """Compile everything."""
    pool, _ = random_pool(rng, 100, 10, 200)
    edit(pool, rng, 200, 200, 400, False)
    pool.compact()
    delivery_speed(pool, rng, 200, 10_000)


def measure(rows_of, batch, edits, by_slot, synapses=10_000_000, columns=100_000):
    """One row of the table."""
    rng = np.random.default_rng(1)
    warm_up(rng)
    n_rows = synapses // rows_of
    pool, built = random_pool(rng, n_rows, rows_of, columns)
    result = {"rows_of": rows_of, "batch": batch, "by_slot": by_slot, "build_s": built}
    result["bytes_built"] = pool.bytes_per_synapse
    result["deliver_before"] = delivery_speed(pool, rng, columns)
    done, parts, wall = edit(pool, rng, columns, batch, edits, by_slot)
    result["edits"] = done
    result["M_edits_per_s"] = done / wall / 1e6
    result["M_edits_per_cpu_s"] = done / sum(parts.values()) / 1e6
    result["ns_per_edit"] = {name: round(taken / done * 1e9, 1) for name, taken in parts.items()}
    result["deliver_after"] = delivery_speed(pool, rng, columns)
    result["deliver_ratio"] = result["deliver_after"] / result["deliver_before"]
    result["bytes_after"], result["holes"] = pool.bytes_per_synapse, pool.holes
    begun = time.perf_counter()
    pool.compact()
    result["compact_s"] = time.perf_counter() - begun
    result["bytes_compacted"] = pool.bytes_per_synapse
    result["deliver_compacted"] = delivery_speed(pool, rng, columns)
    return result


def small_batches(edits=100, synapses=1_000_000):
    """Median and worst milliseconds of `edits` edits on 1 M synapses."""
    rng = np.random.default_rng(2)
    pool, _ = random_pool(rng, synapses // 100, 100, 10_000)
    taken = []
    for _ in range(500):
        taken.append(1e3 * edit(pool, rng, 10_000, edits // 2, edits, False)[2])
    return {"small_edits": edits, "median_ms": float(np.median(taken)), "worst_ms": max(taken)}


def build_large(n_rows=12_500, rows_of=1_250):
    """Seconds and peak memory of building 15.6 M synapses from arrays sorted by target."""
    rng = np.random.default_rng(3)
    pool, built = random_pool(rng, n_rows, rows_of, n_rows)
    return {"build_synapses": pool.n_synapses, "build_s": built, "bytes_per_synapse": pool.bytes_per_synapse}


def main():
    """Print one table, or JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows-of", type=int, nargs="*", default=[100, 1000])
    parser.add_argument("--batch", type=int, nargs="*", default=[1_000, 100_000])
    parser.add_argument("--edits", type=int, default=10_000_000)
    parser.add_argument("--by-slot", action="store_true", help="delete by (row, slot), without finding the edge first")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    results = [
        measure(rows_of, batch, arguments.edits, arguments.by_slot)
        for rows_of in arguments.rows_of
        for batch in arguments.batch
    ]
    results += [small_batches(), build_large()]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if arguments.json:
        print(json.dumps({"benchmark": "edits", "peak_MB": peak, "results": results}))
        return
    for result in results:
        print("  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in result.items()))
    print(f"peak {peak:.0f} MB")


if __name__ == "__main__":
    main()
