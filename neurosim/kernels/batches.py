"""A batch of edits on its way to the rows: converted, checked, packed and sorted.

Every error of a row pool about single entries is worded here; it names the method, the argument, the value, where in
the batch it stands, and what is allowed.
"""

from typing import NoReturn

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ParameterError
from neurosim.kernels.compiled import JIT, kernel

CHUNK = 1 << 20  # synapses converted at a time while a pool is built


# ---- convert ---------------------------------------------------------------------------------------------------------


def integers(what: str, values: ArrayLike) -> np.ndarray:
    """Any whole numbers as an array; an empty list counts."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu" and array.size:
        raise ParameterError(f"RowPool.{what}: must be whole numbers, got {array.dtype}")
    return array


def together(what: str, **values: ArrayLike) -> list[np.ndarray]:
    """Arrays of whole numbers of one length; single numbers are repeated (without memory)."""
    arrays = {name: integers(f"{what}({name})", value) for name, value in values.items()}
    sizes = {a.size for a in arrays.values() if a.ndim == 1}
    if len(sizes) > 1 or any(a.ndim > 1 for a in arrays.values()):
        shapes = ", ".join(f"{name} {a.shape}" for name, a in arrays.items())
        raise ParameterError(f"RowPool.{what}: needs arrays of one length (single numbers are repeated), got {shapes}")
    n = sizes.pop() if sizes else 1
    return [a if a.ndim else np.broadcast_to(a, n) for a in arrays.values()]


def whole(values: np.ndarray) -> np.ndarray:
    """Contiguous, writable int64, copied only if it is something else."""
    return np.require(values, np.int64, ("C", "W"))


def wholes(what: str, **values: ArrayLike) -> list[np.ndarray]:
    """Contiguous int64 arrays of one length; single numbers are repeated."""
    given = [a for a in values.values() if type(a) is np.ndarray and a.dtype == np.int64 and a.ndim == 1]
    if len(given) == len(values) and all(a.size == given[0].size for a in given):
        return [np.ascontiguousarray(a) for a in given]
    return [whole(a) for a in together(what, **values)]


def weights(what: str, weight: ArrayLike, n: int, dtype: np.dtype) -> np.ndarray:
    """n weights in the type of the pool; a single number is repeated without memory."""
    array = np.asarray(weight)
    if array.ndim > 1 or (array.ndim == 1 and array.size != n) or array.dtype.kind not in "fiub":
        raise ParameterError(
            f"RowPool.{what}(weight): needs one number or {n} of them, got {array.dtype} of shape {array.shape}"
        )
    array = array.astype(dtype, copy=False)
    return array if array.ndim else np.broadcast_to(array, n)


def chunks(n: int) -> list[slice]:
    """Pieces of a large batch."""
    return [slice(at, min(n, at + CHUNK)) for at in range(0, n, CHUNK)]


# ---- check -----------------------------------------------------------------------------------------------------------


def check_rows(what: str, row: np.ndarray, n_rows: int, at: int = 0) -> None:
    """Refuse rows that are not there."""
    i = first_outside(row, n_rows)
    if i >= 0:
        raise ParameterError(f"RowPool.{what}(row): must lie in 0 ... {n_rows - 1}, got {row[i]} at position {at + i}")


def check_columns(what: str, column: np.ndarray, column_bits: int) -> None:
    """Refuse columns that a pool cannot hold."""
    i = first_outside(column, 1 << column_bits)
    if i >= 0:
        most = (1 << column_bits) - 1
        raise ParameterError(f"RowPool.{what}(column): must lie in 0 ... {most}, got {column[i]} at position {i}")


@kernel
def first_outside(values, end):
    """Position of the first value that is not in 0 ... end - 1, or -1."""
    for i in range(values.size):
        if values[i] < 0 or values[i] >= end:
            return i
    return -1


@kernel
def locate(row, slot, start, length, place):
    """place = where each synapse lies; returns the position of the first one that is not there, or -1."""
    for i in range(row.size):
        r = row[i]
        if r < 0 or r >= length.size or slot[i] < 0 or slot[i] >= length[r]:
            return i
        place[i] = start[r] + slot[i]
    return -1


def refuse_slot(what: str, row: np.ndarray, slot: np.ndarray, length: np.ndarray, i: int) -> NoReturn:
    """Word the error about synapse i of a batch, which is not there."""
    check_rows(what, row[i : i + 1], length.size, i)
    n = length[row[i]]
    raise ParameterError(
        f"RowPool.{what}(slot): row {row[i]} has {n} synapses, slots 0 ... {n - 1}; got {slot[i]} at position {i}"
    )


def pack(
    what: str, row: np.ndarray, column: np.ndarray, delay: np.ndarray, row0: int, n_rows: int, column_bits: int,
    at: int = 0,
) -> tuple[np.ndarray, int, bool]:  # fmt: skip
    """(packed, largest row, whether rows ascend), or the error about the first entry that does not fit."""
    packed, seen = np.empty(row.size, np.uint32), np.empty(3, np.int64)
    pack_fitting(row, column, delay, row0, n_rows, column_bits, packed, seen)
    i = int(seen[0])
    if i < 0:
        return packed, int(seen[1]), bool(seen[2])
    where = f"at position {at + i}"
    if not row0 <= row[i] < row0 + n_rows:
        raise ParameterError(f"RowPool.{what}(row): must lie in {row0} ... {row0 + n_rows - 1}, got {row[i]} {where}")
    name, value, bits = "column", column[i], column_bits
    if 0 <= column[i] < 1 << column_bits:
        name, value, bits = "delay", delay[i], 32 - column_bits
    raise ParameterError(
        f"RowPool.{what}({name}): {value} {where} does not fit; the pool keeps {bits} of 32 bits for it, "
        f"0 ... {(1 << bits) - 1}; see RowPool(column_bits={column_bits})"
    )


def sorted_slots(
    what: str, row: np.ndarray, slot: np.ndarray, length: np.ndarray
) -> tuple[np.ndarray, int, np.ndarray]:
    """(sorted keys row << bits | slot, bits, order) of distinct synapses, or the error about one that is not."""
    key, seen = np.empty(row.size, np.int64), np.empty(4, np.int64)
    slot_keys(row, slot, length, key, seen)
    if seen[0] >= 0:
        refuse_slot(what, row, slot, length, int(seen[0]))
    bits = int(seen[1])
    if seen[3]:
        return key, bits, np.arange(row.size)
    key, order = sort_keys(key, int(seen[2]))
    again = key[1:] == key[:-1]
    if again.any():
        twice = int(key[int(np.argmax(again))])
        raise ParameterError(
            f"RowPool.{what}: row {twice >> bits}, slot {twice & ((1 << bits) - 1)} is named twice; name it once"
        )
    return key, bits, order


# ---- pack and sort ---------------------------------------------------------------------------------------------------


def sort_keys(key: np.ndarray, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """(sorted, order) of int64 keys in [0, largest], equal keys in the order given."""
    if key.size < 64 or not JIT:
        order = np.argsort(key, kind="stable")
        return key[order], order
    bits = max(1, int(largest).bit_length())
    passes = -(-bits // 11)
    digit = -(-bits // passes)
    order, other_key, other_order = (np.empty(key.size, np.int64) for _ in range(3))
    count = np.empty(1 << digit, np.int64)
    for i in range(passes):
        sort_digit(key, order, other_key, other_order, count, i * digit, i == 0)
        key, other_key = other_key, (np.empty_like(key) if i == 0 else key)
        order, other_order = other_order, order
    return key, order


@kernel
def sort_digit(key, order, sorted_key, sorted_order, count, shift, fresh):
    """One stable pass of a radix sort; a fresh one starts from the order 0, 1, 2, ..."""
    mask = count.size - 1
    for b in range(count.size):
        count[b] = 0
    for i in range(key.size):
        count[(key[i] >> shift) & mask] += 1
    total = 0
    for b in range(count.size):
        here = count[b]
        count[b] = total
        total += here
    for i in range(key.size):
        b = (key[i] >> shift) & mask
        to = count[b]
        sorted_key[to] = key[i]
        sorted_order[to] = i if fresh else order[i]
        count[b] = to + 1


@kernel
def pack_fitting(row, column, delay, row0, n_rows, column_bits, packed, seen):
    """packed = delay << column_bits | column; seen = (first position that does not fit or -1, largest row, sorted)."""
    columns = np.int64(1) << column_bits
    delays = np.int64(1) << (32 - column_bits)
    largest = np.int64(0)
    before = np.int64(0)
    ascending = 1
    seen[0] = -1
    for i in range(row.size):
        r = row[i]
        fits = row0 <= r < row0 + n_rows and 0 <= column[i] < columns and 0 <= delay[i] < delays
        if not fits:
            seen[0] = i
            return
        packed[i] = np.uint32((delay[i] << column_bits) | column[i])
        largest = max(largest, r)
        if r < before:
            ascending = 0
        before = r
    seen[1] = largest
    seen[2] = ascending


@kernel
def slot_keys(row, slot, length, key, seen):
    """key = row << bits | slot; seen = (first position that is no synapse or -1, bits, largest key, keys rise)."""
    largest = np.int64(0)
    seen[0] = -1
    for i in range(row.size):
        r = row[i]
        if r < 0 or r >= length.size or slot[i] < 0 or slot[i] >= length[r]:
            seen[0] = i
            return
        largest = max(largest, slot[i])
    bits = np.int64(0)
    while (largest >> bits) > 0:
        bits += 1
    largest = np.int64(-1)
    rising = 1
    before = np.int64(-1)
    for i in range(row.size):
        here = (row[i] << bits) | slot[i]
        key[i] = here
        largest = max(largest, here)
        if here <= before:
            rising = 0
        before = here
    seen[1] = bits
    seen[2] = largest
    seen[3] = rising
