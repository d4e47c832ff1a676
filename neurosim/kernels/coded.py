"""Weights of few bits: several codes in one 32-bit word, moved with their rows, decoded while a spike is delivered.

Knows arrays only.  The code of the synapse at a place takes `bits` (1, 2, 4, 8 or 16; 0: no code, all alike) of
words[place * bits // 32], from the lowest upwards, so a word holds neighbours of a row.  Up to 8 bits the weight is
values[grid[row], code], at 16 bits it is the half-precision number with these bits and values[0] are powers of two.
"""

import numpy as np

from neurosim.kernels.compiled import kernel, scalar
from neurosim.kernels.delivery import released, rows_of
from neurosim.kernels.prefetch import prefetch
from neurosim.kernels.queries import SLOT_BITS, offer

HALF = 16  # bits of a code that is a half-precision number: sign, 5 of the exponent, 10 of the fraction


def half_scales() -> np.ndarray:
    """What the fraction (with its hidden bit) of a half-precision number is multiplied by, by sign and exponent; float64 [1, 64].

    The exponent 31, infinity and what is no number, is never stored.
    """
    exponent = np.maximum(np.arange(32), 1)
    scale = np.ldexp(1.0, exponent - 25)
    return np.concatenate([scale, -scale])[None, :]


@scalar
def code_at(words, bits, place):
    """The code at a place."""
    if bits == 0:
        return 0
    at = place * bits
    return (np.int64(words[at >> 5]) >> (at & 31)) & ((1 << bits) - 1)


@scalar
def value_of(code, bits, values, row):
    """The weight that a code means; `values` is the table of the row's projection."""
    if bits == HALF:
        return np.float64((code & 1023) + (1024 if code & 0x7C00 else 0)) * values[0, code >> 10]
    return values[row, code]


@kernel
def put_codes(place, code, bits, words):
    """Write codes to places."""
    most = (np.int64(1) << bits) - 1
    for i in range(place.size if bits > 0 else 0):
        at = place[i] * bits
        shift = at & 31
        word = np.int64(words[at >> 5])
        words[at >> 5] = np.uint32((word & ~(most << shift)) | (np.int64(code[i]) << shift))


@kernel
def get_codes(place, bits, words, code):
    """Read the codes at places."""
    for i in range(place.size):
        code[i] = code_at(words, bits, place[i])


@kernel
def get_values(place, row, bits, words, values, grid, out):
    """Read the weights at places of rows."""
    for i in range(place.size):
        out[i] = value_of(code_at(words, bits, place[i]), bits, values, grid[row[i]])


@kernel
def fill_codes(row, code, bits, words, start, row0, held):
    """Append codes to rows; held counts those of each row from row0 on."""
    most = (np.int64(1) << bits) - 1
    for i in range(row.size if bits > 0 else 0):
        r = row[i]
        at = (start[r] + held[r - row0]) * bits
        held[r - row0] += 1
        shift = at & 31
        word = np.int64(words[at >> 5])
        words[at >> 5] = np.uint32((word & ~(most << shift)) | (np.int64(code[i]) << shift))


@kernel
def move_codes(words, bits, to, at, n):
    """Move n codes to lower places, or to others that do not overlap them; a word is put together at a time."""
    source = at * bits
    target = to * bits
    left = n * bits
    while left > 0:
        shift = target & 31
        take = min(32 - shift, left)
        back = source & 31
        got = np.int64(words[source >> 5]) >> back
        if back + take > 32:
            got |= np.int64(words[(source >> 5) + 1]) << (32 - back)
        these = ((np.int64(1) << take) - 1) << shift
        word = np.int64(words[target >> 5])
        words[target >> 5] = np.uint32((word & ~these) | ((got << shift) & these))
        source += take
        target += take
        left -= take


@kernel
def follow_rows(rows, old_start, n, start, bits, words):
    """Codes follow their rows, in the order in which these moved; n counts the synapses that each row had then."""
    for i in range(rows.size):
        if start[rows[i]] != old_start[i]:
            move_codes(words, bits, start[rows[i]], old_start[i], n[i])


@kernel
def close_codes(key, slot_bits, start, length, bits, words):
    """Take the codes of the sorted batch out of their rows, which close up, as `rows.remove_sorted` does."""
    slots = (np.int64(1) << slot_bits) - 1
    low = 0
    while low < key.size:
        r = key[low] >> slot_bits
        gone = np.int64(0)
        q = low
        while q < key.size and (key[q] >> slot_bits) == r:
            at = key[q] & slots
            q += 1
            stop = np.int64(length[r])
            if q < key.size and (key[q] >> slot_bits) == r:
                stop = key[q] & slots
            move_codes(words, bits, start[r] + at - gone, start[r] + at + 1, stop - at - 1)
            gone += 1
        low = q


@kernel
def list_values(rows, start, length, bits, words, values, grid, first, out):
    """Weights of all synapses of these rows, row after row, into out[first:]."""
    n = first
    for i in range(rows.size):
        r = rows[i]
        for e in range(start[r], start[r] + length[r]):
            out[n] = value_of(code_at(words, bits, e), bits, values, grid[r])
            n += 1


@kernel
def list_weak_codes(bound, row0, n_rows, start, length, bits, words, values, grid, row, slot):
    """(row, slot) of the synapses with |weight| < bound, ascending, as far as there is room; return their number."""
    n = 0
    for r in range(row0, row0 + n_rows):
        for s in range(np.int64(length[r])):
            if abs(value_of(code_at(words, bits, start[r] + s), bits, values, grid[r])) < bound:
                if n < row.size:
                    row[n] = r
                    slot[n] = s
                n += 1
    return n


@kernel
def offer_weak_codes(place, asked, row0, n_rows, mask, start, length, packed, bits, words, values, grid, heaps):
    """As `queries.offer_weak`: heap place[c] gets the synapses onto each asked column c by |weight|, in one pass."""
    bound = heaps[5]
    for r in range(row0, row0 + n_rows):
        for s in range(np.int64(length[r])):
            e = start[r] + s
            c = np.int64(packed[e] & mask)
            if c < place.size and (asked[c >> 3] >> (c & 7)) & 1:
                i = place[c]
                v = abs(value_of(code_at(words, bits, e), bits, values, grid[r]))
                if v <= bound[i]:
                    offer(v, (r << SLOT_BITS) | s, heaps, i)


# ---- delivery: as `delivery.deliver_static`, in the same order of sums ---------------------------------------------------


@kernel
def deliver_codes(
    now, spikes, first, last, population, fan_first, fan_row, rows, start, length, packed, words, values, grid, bits,
    column_bits, same_delay, ring,
):  # fmt: skip
    """ring[now + delay, column] += the weight that its code of at most 8 bits means; a word is read once."""
    n_rows = rows_of(spikes, first, last, population, fan_first, fan_row, rows)
    mask = ring.shape[0] - 1
    shift = np.uint32(column_bits)
    columns = np.uint32((1 << column_bits) - 1)
    flat = ring.reshape(-1)  # one unsigned index takes a third less time than two
    across, around, begin = np.uint64(ring.shape[1]), np.uint64(mask), np.uint64(now & mask)
    width = np.uint32(bits)
    most = np.uint32((1 << bits) - 1)
    per_word = 32 // bits
    for q in range(n_rows):
        if q + 2 < n_rows:
            ahead = start[rows[q + 2]]
            for k in range(0, 64, 16):
                prefetch(packed, ahead + k)
            prefetch(words, ahead // per_word)
        row = rows[q]
        value = values[grid[row]]
        e = start[row]
        end = e + length[row]
        slot = ring[(now + same_delay) & mask]
        while e < end:
            inside = e & (per_word - 1)
            word = words[e // per_word] >> np.uint32(inside * bits)
            e0 = np.uint64(e)
            e = min(end, e + per_word - inside)
            e1 = np.uint64(e)
            if same_delay > 0:
                for i in range(e0, e1):
                    slot[packed[i] & columns] += value[word & most]
                    word >>= width
            else:
                for i in range(e0, e1):
                    x = packed[i]
                    flat[((begin + np.uint64(x >> shift)) & around) * across + np.uint64(x & columns)] += value[
                        word & most
                    ]
                    word >>= width


@kernel
def deliver_bytes(
    now, spikes, first, last, population, fan_first, fan_row, rows, start, length, packed, codes, values, grid, bits,
    column_bits, same_delay, ring,
):  # fmt: skip
    """The same for codes of 8 bits, given as bytes."""
    n_rows = rows_of(spikes, first, last, population, fan_first, fan_row, rows)
    mask = ring.shape[0] - 1
    shift = np.uint32(column_bits)
    columns = np.uint32((1 << column_bits) - 1)
    flat = ring.reshape(-1)  # one unsigned index takes a third less time than two
    across, around, begin = np.uint64(ring.shape[1]), np.uint64(mask), np.uint64(now & mask)
    for q in range(n_rows):
        if q + 2 < n_rows:
            ahead = start[rows[q + 2]]
            for k in range(0, 64, 16):
                prefetch(packed, ahead + k)
            prefetch(codes, ahead)
        row = rows[q]
        value = values[grid[row]]
        e0 = np.uint64(start[row])
        e1 = np.uint64(start[row] + length[row])
        if same_delay > 0:
            slot = ring[(now + same_delay) & mask]
            for e in range(e0, e1):
                slot[packed[e] & columns] += value[codes[e]]
        else:
            for e in range(e0, e1):
                x = packed[e]
                flat[((begin + np.uint64(x >> shift)) & around) * across + np.uint64(x & columns)] += value[codes[e]]


@kernel
def deliver_halves(
    now, spikes, first, last, population, fan_first, fan_row, rows, start, length, packed, codes, values, grid, bits,
    column_bits, same_delay, ring,
):  # fmt: skip
    """The same for half-precision numbers, given as their 16 bits."""
    n_rows = rows_of(spikes, first, last, population, fan_first, fan_row, rows)
    mask = ring.shape[0] - 1
    shift = np.uint32(column_bits)
    columns = np.uint32((1 << column_bits) - 1)
    flat = ring.reshape(-1)  # one unsigned index takes a third less time than two
    across, around, begin = np.uint64(ring.shape[1]), np.uint64(mask), np.uint64(now & mask)
    scale = values[0]
    for q in range(n_rows):
        if q + 2 < n_rows:
            ahead = start[rows[q + 2]]
            for k in range(0, 64, 16):
                prefetch(packed, ahead + k)
            prefetch(codes, ahead)
            prefetch(codes, ahead + 32)
        row = rows[q]
        e0 = np.uint64(start[row])
        e1 = np.uint64(start[row] + length[row])
        if same_delay > 0:
            slot = ring[(now + same_delay) & mask]
            for e in range(e0, e1):
                h = np.uint32(codes[e])
                hidden = np.uint32(1024) if h & np.uint32(0x7C00) else np.uint32(0)
                slot[packed[e] & columns] += np.float64((h & np.uint32(1023)) + hidden) * scale[h >> np.uint32(10)]
        else:
            for e in range(e0, e1):
                x = packed[e]
                h = np.uint32(codes[e])
                hidden = np.uint32(1024) if h & np.uint32(0x7C00) else np.uint32(0)
                w = np.float64((h & np.uint32(1023)) + hidden) * scale[h >> np.uint32(10)]
                flat[((begin + np.uint64(x >> shift)) & around) * across + np.uint64(x & columns)] += w


@kernel
def deliver_one(
    now, spikes, first, last, population, fan_first, fan_row, rows, start, length, packed, words, values, grid, bits,
    column_bits, same_delay, ring,
):  # fmt: skip
    """The same where all synapses of a projection have one weight."""
    n_rows = rows_of(spikes, first, last, population, fan_first, fan_row, rows)
    mask = ring.shape[0] - 1
    shift = np.uint32(column_bits)
    columns = np.uint32((1 << column_bits) - 1)
    flat = ring.reshape(-1)  # one unsigned index takes a third less time than two
    across, around, begin = np.uint64(ring.shape[1]), np.uint64(mask), np.uint64(now & mask)
    for q in range(n_rows):
        if q + 2 < n_rows:
            ahead = start[rows[q + 2]]
            for k in range(0, 64, 16):
                prefetch(packed, ahead + k)
        row = rows[q]
        w = values[grid[row], 0]
        e0 = np.uint64(start[row])
        e1 = np.uint64(start[row] + length[row])
        if same_delay > 0:
            slot = ring[(now + same_delay) & mask]
            for e in range(e0, e1):
                slot[packed[e] & columns] += w
        else:
            for e in range(e0, e1):
                x = packed[e]
                flat[((begin + np.uint64(x >> shift)) & around) * across + np.uint64(x & columns)] += w


@kernel
def deliver_codes_released(
    now, spikes, first, last, population, fan_first, fan_row, rows, start, length, packed, words, values, grid, bits,
    column_bits, rank, probability, key, row_uid, column_uid, ring,
):  # fmt: skip
    """As `delivery.deliver_released`, for codes of any width."""
    n_rows = rows_of(spikes, first, last, population, fan_first, fan_row, rows)
    mask = ring.shape[0] - 1
    shift = np.uint32(column_bits)
    columns = np.uint32((1 << column_bits) - 1)
    for q in range(n_rows):
        row = rows[q]
        for e in range(start[row], start[row] + length[row]):
            x = packed[e]
            column = np.int64(x & columns)
            if released(key, now, row_uid[row], column_uid[column], rank[e], probability[row]):
                w = value_of(code_at(words, bits, e), bits, values, grid[row])
                ring[(now + np.int64(x >> shift)) & mask, column] += w
