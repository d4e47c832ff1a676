"""Questions to a row pool: find, count, list, choose by hash or by weight, transpose.  Nothing here writes to the pool.

Knows arrays only.  `table` is (start, length, room) with one entry a row, packed = delay << column_bits | column.
Row r has uid row_uid[r], column c has column_uid[c].  A choice orders its candidates by pair_hash(key, pre uid,
post uid, nth among the parallel synapses of the pair in order of birth).
"""

import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.prefetch import prefetch
from neurosim.kernels.rng import pair_hash

AHEAD = 5  # rows; how far ahead a searched row is asked for
LINE = 16  # packed entries in a cache line of 64 bytes
LINES_AHEAD = 8  # cache lines of it; after these the processor has seen the pattern
BLOCK = 512  # entries searched before looking whether one was found
SLOT_BITS = 31  # a candidate is remembered as row << 31 | slot


# ---- one synapse -----------------------------------------------------------------------------------------------------


@kernel
def find_columns(row, column, mask, table, packed, slot):
    """slot = place of the first synapse row -> column, or -1.

    A minimum over a block of the row is vector code, several times faster than a loop that stops at the hit.
    """
    start, length, _ = table
    nowhere = np.int32(2**31 - 1)
    for q in range(row.size):
        if q + 3 * AHEAD < row.size:
            prefetch(start, row[q + 3 * AHEAD])
            prefetch(length, row[q + 3 * AHEAD])
        if q + AHEAD < row.size:
            ahead = start[row[q + AHEAD]]
            for k in range(LINES_AHEAD):
                prefetch(packed, ahead + k * LINE)
        wanted = np.uint32(column[q])
        first = start[row[q]]
        n = np.int64(length[row[q]])
        slot[q] = -1
        for at in range(0, n, BLOCK):
            here = packed[first + at : first + min(n, at + BLOCK)]
            best = nowhere
            for s in range(here.size):
                best = min(best, np.int32(s) if (here[s] & mask) == wanted else nowhere)
            if best != nowhere:
                slot[q] = at + best
                break


@kernel
def count_columns(row, column, mask, table, packed, count):
    """count = number of synapses row -> column."""
    start, length, _ = table
    for q in range(row.size):
        if q + 3 * AHEAD < row.size:
            prefetch(start, row[q + 3 * AHEAD])
            prefetch(length, row[q + 3 * AHEAD])
        if q + AHEAD < row.size:
            ahead = start[row[q + AHEAD]]
            for k in range(LINES_AHEAD):
                prefetch(packed, ahead + k * LINE)
        wanted = np.uint32(column[q])
        first = start[row[q]]
        here = packed[first : first + length[row[q]]]
        total = np.int32(0)
        for s in range(here.size):
            total += np.int32((here[s] & mask) == wanted)
        count[q] = total


@kernel
def find_idents(row, wanted, table, ident, slot):
    """slot = place in the row of the synapse with that ident, or -1."""
    start, length, _ = table
    for q in range(row.size):
        slot[q] = -1
        here = ident[start[row[q]] : start[row[q]] + length[row[q]]]
        for s in range(here.size):
            if here[s] == wanted[q]:
                slot[q] = s
                break


# ---- lists -----------------------------------------------------------------------------------------------------------


@kernel
def list_edges(row0, n_rows, column_bits, table, packed, weight, row, slot, column, delay, copied):
    """Everything about the synapses of a range of rows, in row order."""
    start, length, _ = table
    mask = (np.int64(1) << column_bits) - 1
    n = 0
    for r in range(row0, row0 + n_rows):
        for s in range(np.int64(length[r])):
            x = np.int64(packed[start[r] + s])
            row[n] = r
            slot[n] = s
            column[n] = x & mask
            delay[n] = x >> column_bits
            if weight.size > 0:
                copied[n] = weight[start[r] + s]
            n += 1


@kernel
def count_weak(bound, row0, n_rows, table, weight):
    """Number of synapses with |weight| < bound."""
    start, length, _ = table
    total = np.int64(0)
    for r in range(row0, row0 + n_rows):
        for e in range(start[r], start[r] + length[r]):
            total += np.int64(abs(weight[e]) < bound)
    return total


@kernel
def list_weak(bound, row0, n_rows, table, weight, row, slot):
    """(row, slot) of the synapses with |weight| < bound, ascending."""
    start, length, _ = table
    n = 0
    for r in range(row0, row0 + n_rows):
        for s in range(np.int64(length[r])):
            if abs(weight[start[r] + s]) < bound:
                row[n] = r
                slot[n] = s
                n += 1


@kernel
def degrees_in(row0, n_rows, column0, mask, table, packed, degree):
    """Number of synapses onto each column column0, column0 + 1, ...; others are passed over."""
    start, length, _ = table
    for r in range(row0, row0 + n_rows):
        for e in range(start[r], start[r] + length[r]):
            c = np.int64(packed[e] & mask) - column0
            if 0 <= c < degree.size:
                degree[c] += 1


@kernel
def add_to_degrees(column, column0, by, degree):
    """So many synapses more (or fewer) onto each of these columns; those outside of `degree` are passed over."""
    for e in range(column.size):
        c = column[e] - column0
        if 0 <= c < degree.size:
            degree[c] += by


@kernel
def transpose(row0, n_rows, column0, mask, table, packed, cursor, row, slot):
    """Counting sort by column: cursor holds where each column's list begins, and ends where it ends."""
    start, length, _ = table
    for r in range(row0, row0 + n_rows):
        for s in range(np.int64(length[r])):
            c = np.int64(packed[start[r] + s] & mask) - column0
            if 0 <= c < cursor.size:
                to = cursor[c]
                row[to] = r
                slot[to] = s
                cursor[c] = to + 1


# ---- the k smallest --------------------------------------------------------------------------------------------------


def empty_heaps(k: np.ndarray, dtype: type) -> tuple[np.ndarray, ...]:
    """(value, where, first, k, held, bound): room for one heap of k[i] candidates after the other.

    Heap i begins at first[i] and holds held[i]; what is above bound[i] need not be offered to it.
    """
    total, most = int(k.sum()), np.inf if dtype is np.float64 else np.iinfo(dtype).max
    bound = np.where(k > 0, np.array(most, dtype), np.array(0, dtype))
    return np.empty(total, dtype), np.empty(total, np.int64), np.cumsum(k) - k, k, np.zeros(k.size, np.int64), bound


def unload(heaps: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(row, slot) of what the heaps hold, one after the other, each from small to large."""
    held = heaps[4]
    row, slot = np.empty(held.sum(), np.int64), np.empty(held.sum(), np.int32)
    unload_heaps(heaps, row, slot)
    return row, slot


def split(where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row, slot) of remembered candidates."""
    return where >> SLOT_BITS, (where & ((1 << SLOT_BITS) - 1)).astype(np.int32)


def smallest_hashes(
    n: int, total: int, row0: int, n_rows: int, key: np.uint64, row_uid: np.ndarray, column_uid: np.ndarray,
    mask: np.uint32, table: tuple, packed: np.ndarray,
) -> tuple[np.ndarray, int]:  # fmt: skip
    """(the n of `total` synapses with the smallest hashes, in order of the hash; -1 or a column without uid)."""
    most = n + 6.0 * np.sqrt(n) + 12.0  # hashes below the bound: too few once in a billion
    capacity = 0
    found = np.zeros(2, np.int64)
    while n > 0:
        bound = np.uint64(min(int(most / total * 2.0**64), 2**64 - 1))
        capacity = min(total, max(capacity, int(most + 6.0 * np.sqrt(most))))
        value, where = np.empty(capacity, np.uint64), np.empty(capacity, np.int64)
        seen, rank = np.full(column_uid.size, -1, np.int64), np.zeros(column_uid.size, np.int64)
        list_below(bound, row0, n_rows, key, row_uid, column_uid, mask, table, packed, seen, rank, value, where, found)
        if found[1] >= 0:
            return where[:0], int(found[1])
        if n <= found[0] <= capacity:
            return where[np.argsort(value[: found[0]], kind="stable")[:n]], -1
        most = 2.0 * most if found[0] < n else most
        capacity = int(found[0])
    return np.empty(0, np.int64), -1


@kernel
def sink(value, where, first, at, n):
    """Let entry `at` of the heap [first, first + n) sink to its place; the largest (value, where) is on top."""
    v = value[first + at]
    w = where[first + at]
    while True:
        child = 2 * at + 1
        if child >= n:
            break
        c = first + child
        if child + 1 < n and (value[c + 1] > value[c] or (value[c + 1] == value[c] and where[c + 1] > where[c])):
            child += 1
            c += 1
        if value[c] < v or (value[c] == v and where[c] < w):
            break
        value[first + at] = value[c]
        where[first + at] = where[c]
        at = child
    value[first + at] = v
    where[first + at] = w


@kernel
def offer(v, w, heaps, i):
    """Keep (v, w) in heap i if it is among the k[i] smallest so far; candidates must come with rising w."""
    value, where, first, k, held, bound = heaps
    f = first[i]
    n = held[i]
    if n < k[i]:
        value[f + n] = v
        where[f + n] = w
        n += 1
        held[i] = n
        if n < k[i]:
            return
        for at in range(n // 2 - 1, -1, -1):
            sink(value, where, f, at, n)
        bound[i] = value[f]
    elif n > 0 and v < value[f]:
        value[f] = v
        where[f] = w
        sink(value, where, f, 0, n)
        bound[i] = value[f]


@kernel
def unload_heaps(heaps, row, slot):
    """Sort each heap from small to large and write its candidates one heap after the other."""
    value, where, first, k, held, _ = heaps
    to = 0
    for i in range(held.size):
        n = held[i]
        f = first[i]
        if n < k[i]:
            for at in range(n // 2 - 1, -1, -1):
                sink(value, where, f, at, n)
        for last in range(n - 1, 0, -1):
            value[f], value[f + last] = value[f + last], value[f]
            where[f], where[f + last] = where[f + last], where[f]
            sink(value, where, f, 0, last)
        for at in range(n):
            row[to] = where[f + at] >> SLOT_BITS
            slot[to] = where[f + at] & ((1 << SLOT_BITS) - 1)
            to += 1


@kernel
def offer_rows(rows, per_heap, key, row_uid, column_uid, mask, table, packed, seen, rank, heaps):
    """Heap i // per_heap gets rows[i] by hash; seen and rank count parallels.  Returns a column without uid, or -1."""
    start, length, _ = table
    bound = heaps[5]
    for i in range(rows.size):
        r = rows[i]
        pre = np.uint64(row_uid[r])
        for s in range(np.int64(length[r])):
            c = np.int64(packed[start[r] + s] & mask)
            if c >= column_uid.size:
                return c
            rank[c] = rank[c] + 1 if seen[c] == i else 0
            seen[c] = i
            h = pair_hash(key, pre, np.uint64(column_uid[c]), np.uint64(rank[c]))
            if h <= bound[i // per_heap]:
                offer(h, (r << SLOT_BITS) | s, heaps, i // per_heap)
    return np.int64(-1)


@kernel
def offer_inputs(place, bits, row0, n_rows, key, row_uid, column_uid, mask, table, packed, seen, rank, heaps):
    """Heap place[c] gets the synapses onto each asked column c by hash, in one pass.

    A bit per column says whether it is asked for; the bits stay in the nearest cache.
    """
    start, length, _ = table
    bound = heaps[5]
    for r in range(row0, row0 + n_rows):
        pre = np.uint64(row_uid[r])
        for s in range(np.int64(length[r])):
            c = np.int64(packed[start[r] + s] & mask)
            if c < place.size and (bits[c >> 3] >> (c & 7)) & 1:
                i = place[c]
                rank[i] = rank[i] + 1 if seen[i] == r else 0
                seen[i] = r
                h = pair_hash(key, pre, np.uint64(column_uid[c]), np.uint64(rank[i]))
                if h <= bound[i]:
                    offer(h, (r << SLOT_BITS) | s, heaps, i)


@kernel
def offer_weak(place, bits, row0, n_rows, mask, table, packed, weight, heaps):
    """Heap place[c] gets the synapses onto each asked column c by |weight|, in one pass."""
    start, length, _ = table
    bound = heaps[5]
    for r in range(row0, row0 + n_rows):
        for s in range(np.int64(length[r])):
            c = np.int64(packed[start[r] + s] & mask)
            if c < place.size and (bits[c >> 3] >> (c & 7)) & 1:
                i = place[c]
                v = np.float64(abs(weight[start[r] + s]))
                if v <= bound[i]:
                    offer(v, (r << SLOT_BITS) | s, heaps, i)


@kernel
def list_below(bound, row0, n_rows, key, row_uid, column_uid, mask, table, packed, seen, rank, value, where, found):
    """List the synapses whose hash is at most the bound; found = (how many, a column without uid or -1)."""
    start, length, _ = table
    n = np.int64(0)
    found[1] = -1
    for r in range(row0, row0 + n_rows):
        pre = np.uint64(row_uid[r])
        for s in range(np.int64(length[r])):
            c = np.int64(packed[start[r] + s] & mask)
            if c >= column_uid.size:
                found[1] = c
                return
            rank[c] = rank[c] + 1 if seen[c] == r else 0
            seen[c] = r
            h = pair_hash(key, pre, np.uint64(column_uid[c]), np.uint64(rank[c]))
            if h <= bound:
                if n < value.size:
                    value[n] = h
                    where[n] = (r << SLOT_BITS) | s
                n += 1
    found[0] = n
