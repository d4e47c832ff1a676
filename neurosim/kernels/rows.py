"""Edits of a row pool: insert, remove, slide together, renumber columns, and keep notes in step.

Knows arrays only.  `table` is (start, length, room) with one entry a row; `columns` is (packed, weight, ident, extra, more)
with one entry a place (of `more` one row), of which weight, ident, extra and more may have size 0.  `used` is (first place never used, places in free
blocks, size of the block that was asked for in vain).  Kernels trust their arguments: batches.py checks them.

What is done for every edit is written out in its loop: a call that takes arrays counts references, atomically, 5 ns
each, and made searching a row of 100 four times slower.
"""

import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.prefetch import move, prefetch

UNIT = 4  # places; blocks start at multiples of it, free-list links count in it
NONE = np.uint32(0xFFFFFFFF)  # end of a free list
AHEAD = 4  # edits; how far ahead a row's lines are asked for
LINE = 16  # packed entries in a cache line of 64 bytes
LONGEST = 2**31 - 1  # synapses in a row: lengths are int32


def size_classes() -> tuple[np.ndarray, np.ndarray]:
    """(sizes of blocks, for each class the one that a row which may grow takes).

    Rows take 0, 4, 8, ... 32, 40, 48, 56, 64, 80, ...: four an octave, so a block wastes at most a fifth.  The sizes between
    (16 an octave up to 2,048, 8 up to 16,384) are for `slide` with `tight`, where a block wastes 2 % on average.
    """
    coarse, step = [0], UNIT
    while coarse[-1] <= LONGEST:
        for _ in range(8 if step == UNIT else 4):
            coarse.append(coarse[-1] + step)
        step *= 2
    sizes = set(coarse)
    for low in (32, 64, 128, 256, 512, 1024, 2048, 4096, 8192):
        sizes |= set(range(low, 2 * low, max(UNIT, low // (16 if low < 2048 else 8))))
    fine = np.array(sorted(sizes), np.int64)
    return fine, np.searchsorted(fine, np.array(coarse)[np.searchsorted(coarse, fine)])


SIZES, GROWN = size_classes()


# ---- filling, inserting, removing ------------------------------------------------------------------------------------


@kernel
def count_rows(row, row0, count):
    """count[r - row0] += 1 for each entry."""
    for i in range(row.size):
        count[row[i] - row0] += 1


@kernel
def lay_out(row0, count, table, used):
    """Give each empty row a block that holds count synapses, one after the other, and set its length to 0."""
    start, length, room = table
    for i in range(count.size):
        c = 0
        while SIZES[c] < count[i]:
            c += 1
        c = GROWN[c]
        start[row0 + i] = used[0] if c > 0 else 0
        length[row0 + i] = 0
        room[row0 + i] = c
        used[0] += SIZES[c]


@kernel
def fill(row, new_packed, new_weight, first_ident, new_extra, table, columns):
    """Append to rows that have the room."""
    start, length, _ = table
    packed, weight, ident, extra, more = columns
    for i in range(row.size):
        r = row[i]
        e = start[r] + length[r]
        length[r] += 1
        packed[e] = new_packed[i]
        if weight.size > 0:
            weight[e] = new_weight[i]
        if ident.size > 0:
            ident[e] = first_ident + i
        if extra.size > 0:
            extra[e] = new_extra
        for q in range(more.shape[1]):
            more[e, q] = 0.0


@kernel
def move_row(r, c, table, columns, free, used):
    """Move row r to a block of class c; False (and the size in used[2]) if the columns are too short."""
    start, length, room = table
    packed, weight, ident, extra, more = columns
    if free[c] != NONE:
        to = np.int64(free[c]) * UNIT
        free[c] = packed[to]
        used[1] -= SIZES[c]
    elif used[0] + SIZES[c] <= packed.size:
        to = used[0]
        used[0] += SIZES[c]
    else:
        used[2] = SIZES[c]
        return False
    at = start[r]
    n = np.int64(length[r])
    for e in range(n):
        packed[to + e] = packed[at + e]
    if weight.size > 0:
        for e in range(n):
            weight[to + e] = weight[at + e]
    if ident.size > 0:
        for e in range(n):
            ident[to + e] = ident[at + e]
    if extra.size > 0:
        for e in range(n):
            extra[to + e] = extra[at + e]
    for q in range(more.shape[1]):
        for e in range(n):
            more[to + e, q] = more[at + e, q]
    give_back(r, table, packed, free, used)
    start[r] = to
    room[r] = c
    return True


@kernel
def give_back(r, table, packed, free, used):
    """Hang the block of row r into the free list of its class."""
    start, _, room = table
    if room[r] > 0:
        packed[start[r]] = free[room[r]]
        free[room[r]] = np.uint32(start[r] // UNIT)
        used[1] += SIZES[room[r]]


@kernel
def insert_sorted(done, row, order, new_packed, new_weight, first_ident, new_extra, table, columns, free, used, slot):
    """Append entries done, done + 1, ... of the sorted batch; return how far it came before the columns were full."""
    start, length, room = table
    packed, weight, ident, extra, more = columns
    while done < row.size:
        if done + 2 * AHEAD < row.size:
            far = row[done + 2 * AHEAD]
            prefetch(start, far)
            prefetch(length, far)
            prefetch(room, far)
            near = row[done + AHEAD]
            prefetch(packed, start[near] + length[near])
            prefetch(weight, start[near] + length[near])
        r = row[done]
        last = done + 1
        while last < row.size and row[last] == r:
            last += 1
        need = np.int64(length[r]) + last - done
        if need > SIZES[room[r]]:
            c = np.int64(room[r])
            while SIZES[c] < need:
                c += 1
            c = GROWN[c]
            if not move_row(r, c, table, columns, free, used):
                return done
        e = start[r] + length[r]
        for q in range(done, last):
            i = order[q]
            packed[e] = new_packed[i]
            if weight.size > 0:
                weight[e] = new_weight[i]
            if ident.size > 0:
                ident[e] = first_ident + i
            if extra.size > 0:
                extra[e] = new_extra
            for k in range(more.shape[1]):
                more[e, k] = 0.0
            slot[i] = e - start[r]
            e += 1
        length[r] = need
        done = last
    return done


@kernel
def remove_sorted(key, bits, order, table, columns, old_packed, old_weight):
    """Remove the synapses of the sorted batch; what they were goes to the old_ arrays in the order asked.

    Between one removed slot and the next a row moves down by as many places as were removed before.
    """
    start, length, _ = table
    packed, weight, ident, extra, more = columns
    slots = (np.int64(1) << bits) - 1
    low = 0
    while low < key.size:
        if low + 2 * AHEAD < key.size:
            prefetch(start, key[low + 2 * AHEAD] >> bits)
            prefetch(length, key[low + 2 * AHEAD] >> bits)
        if low + AHEAD < key.size:
            ahead = start[key[low + AHEAD] >> bits] + (key[low + AHEAD] & slots)
            for k in range(0, 4 * LINE, LINE):
                prefetch(packed, ahead + k)
                prefetch(weight, ahead + k)
        r = key[low] >> bits
        first = start[r]
        n = np.int64(length[r])
        gone = np.int64(0)
        q = low
        while q < key.size and (key[q] >> bits) == r:
            at = key[q] & slots
            old_packed[order[q]] = packed[first + at]
            if weight.size > 0:
                old_weight[order[q]] = weight[first + at]
            q += 1
            stop = n
            if q < key.size and (key[q] >> bits) == r:
                stop = key[q] & slots
            move(packed, first + at - gone, first + at + 1, stop - at - 1)
            if weight.size > 0:
                move(weight, first + at - gone, first + at + 1, stop - at - 1)
            if ident.size > 0:
                move(ident, first + at - gone, first + at + 1, stop - at - 1)
            if extra.size > 0:
                move(extra, first + at - gone, first + at + 1, stop - at - 1)
            for k in range(more.shape[1]):
                for e in range(first + at + 1, first + stop):
                    more[e - gone - 1, k] = more[e, k]
            gone += 1
        length[r] = n - gone
        low = q


# ---- the whole pool --------------------------------------------------------------------------------------------------


@kernel
def tight_places(table):
    """Places that the rows would take after `slide`."""
    _, length, room = table
    total = np.int64(0)
    for r in range(length.size):
        c = np.int64(room[r])
        while c > 0 and SIZES[c - 1] >= length[r]:
            c -= 1
        total += SIZES[min(GROWN[c], np.int64(room[r]))]
    return total


@kernel
def slide(order, tight, table, columns):
    """Move rows down in the order they lie, each into the smallest block that holds it; return the places in use.

    `tight`: of all sizes, else of those that rows grow into.
    """
    start, length, room = table
    packed, weight, ident, extra, more = columns
    to = np.int64(0)
    for q in range(order.size):
        r = order[q]
        at = start[r]
        n = np.int64(length[r])
        c = np.int64(room[r])
        while c > 0 and SIZES[c - 1] >= n:
            c -= 1
        if not tight:
            c = min(GROWN[c], np.int64(room[r]))
        if to != at and n > 0:
            move(packed, to, at, n)
            if weight.size > 0:
                move(weight, to, at, n)
            if ident.size > 0:
                move(ident, to, at, n)
            if extra.size > 0:
                move(extra, to, at, n)
            for k in range(more.shape[1]):
                for e in range(n):
                    more[to + e, k] = more[at + e, k]
        start[r] = to if c > 0 else 0
        room[r] = c
        to += SIZES[c]
    return to


def check_blocks(table: tuple, packed: np.ndarray, free: np.ndarray, used: np.ndarray) -> None:
    """AssertionError if the blocks of rows and free lists do not fill the used places exactly."""
    start, length, room = table
    sizes = SIZES[room]
    assert (length >= 0).all() and (length <= sizes).all(), "a row is longer than its block"
    begin, size = list(start[room > 0]), list(sizes[room > 0])
    in_free = 0
    for c in range(SIZES.size):
        link = int(free[c])
        while link != int(NONE):
            begin.append(link * UNIT)
            size.append(SIZES[c])
            in_free += int(SIZES[c])
            assert in_free <= used[0], "a free list runs in a circle"
            link = int(packed[link * UNIT])
    assert in_free == used[1], "the places in free blocks are miscounted"
    order = np.argsort(np.array(begin, np.int64))
    first, extent = np.array(begin, np.int64)[order], np.array(size, np.int64)[order]
    assert (first % UNIT == 0).all() and packed.size % UNIT == 0, "a block is not aligned"
    assert np.array_equal(first, np.cumsum(extent) - extent), "blocks overlap or leave gaps"
    assert extent.sum() == used[0] <= packed.size, "blocks do not fill the used places"


@kernel
def drop_rows(row_map, table, packed, free, used):
    """Give back the blocks of all rows that row_map sends to -1; return the synapses lost."""
    _, length, _ = table
    lost = np.int64(0)
    for r in range(row_map.size):
        if row_map[r] < 0:
            lost += length[r]
            give_back(r, table, packed, free, used)
    return lost


@kernel
def survey(column_map, row0, n_rows, column_bits, table, packed, seen):
    """seen = (synapses whose column maps to -1, largest new column, least delay, largest delay, largest column)."""
    start, length, _ = table
    columns = (np.int64(1) << column_bits) - 1
    gone = np.int64(0)
    new_column = np.int64(-1)
    least = np.int64(1) << 32
    longest = np.int64(-1)
    column = np.int64(-1)
    for r in range(row0, row0 + n_rows):
        for e in range(start[r], start[r] + length[r]):
            x = np.int64(packed[e])
            d = x >> column_bits
            c = x & columns
            least = min(least, d)
            longest = max(longest, d)
            column = max(column, c)
            if c < column_map.size:
                new_column = max(new_column, column_map[c])
                if column_map[c] < 0:
                    gone += 1
    seen[0] = gone
    seen[1] = new_column
    seen[2] = least
    seen[3] = longest
    seen[4] = column


@kernel
def list_gone(column_map, column_bits, table, packed, row, slot):
    """(row, slot) of all synapses whose column maps to -1, ascending."""
    start, length, _ = table
    columns = (np.int64(1) << column_bits) - 1
    n = 0
    for r in range(start.size):
        for s in range(np.int64(length[r])):
            if column_map[np.int64(packed[start[r] + s]) & columns] < 0:
                row[n] = r
                slot[n] = s
                n += 1


@kernel
def recode(column_map, old_bits, new_bits, table, packed):
    """Give every synapse its new column, the delay at its new place in the word."""
    start, length, _ = table
    columns = (np.int64(1) << old_bits) - 1
    for r in range(start.size):
        for e in range(start[r], start[r] + length[r]):
            x = np.int64(packed[e])
            packed[e] = np.uint32(((x >> old_bits) << new_bits) | column_map[x & columns])


@kernel
def number(next_ident, table, ident):
    """Give every synapse a running number in row order."""
    start, length, _ = table
    for r in range(start.size):
        for e in range(start[r], start[r] + length[r]):
            ident[e] = next_ident
            next_ident += 1


# ---- notes: what earlier spikes carried ------------------------------------------------------------------------------


@kernel
def write_notes(rows, steps, table, weight, note_step, note_row, note_first, note_length, amount, note_used):
    """Note the present weights of each row as carried by the spike of its step."""
    start, length, _ = table
    for i in range(rows.size):
        at = note_used[0]
        to = note_used[1]
        n = np.int64(length[rows[i]])
        note_step[at] = steps[i]
        note_row[at] = rows[i]
        note_first[at] = to
        note_length[at] = n
        for s in range(n):
            amount[to + s] = weight[start[rows[i]] + s] if weight.size > 0 else 0.0
        note_used[0] = at + 1
        note_used[1] = to + n


@kernel
def first_at_least(key, bound):
    """Number of entries of an ascending array that are below the bound."""
    low = np.int64(0)
    high = np.int64(key.size)
    while low < high:
        middle = (low + high) // 2
        if key[middle] < bound:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def find_notes(row, step, sorted_row, order, note_step, found):
    """found = number of the earliest note on each (row, step), or -1; order lists the notes by row, then age."""
    for i in range(row.size):
        found[i] = -1
        q = first_at_least(sorted_row, row[i])
        while q < order.size and sorted_row[q] == row[i]:
            if note_step[order[q]] == step[i]:
                found[i] = order[q]
                break
            q += 1


@kernel
def close_notes(key, bits, n_notes, note_row, note_first, note_length, amount):
    """Take the removed synapses of the sorted batch out of the notes on their rows."""
    slots = (np.int64(1) << bits) - 1
    for i in range(n_notes):
        q = first_at_least(key, note_row[i] << bits)
        n = np.int64(note_length[i])
        gone = np.int64(0)
        while q < key.size and (key[q] >> bits) == note_row[i] and (key[q] & slots) < n:
            at = key[q] & slots
            q += 1
            stop = n
            if q < key.size and (key[q] >> bits) == note_row[i]:
                stop = min(n, key[q] & slots)
            move(amount, note_first[i] + at - gone, note_first[i] + at + 1, stop - at - 1)
            gone += 1
        note_length[i] = n - gone


@kernel
def keep_notes(before_step, row_map, note_step, note_row, note_first, note_length, amount, note_used):
    """Forget notes of steps before before_step and of rows mapped to -1, and move the rest together."""
    notes = 0
    amounts = np.int64(0)
    for i in range(note_used[0]):
        r = note_row[i]
        if row_map.size > 0:
            r = row_map[r]
        if note_step[i] < before_step or r < 0:
            continue
        n = np.int64(note_length[i])
        if n > 0:
            move(amount, amounts, note_first[i], n)
        note_step[notes] = note_step[i]
        note_row[notes] = r
        note_first[notes] = amounts
        note_length[notes] = n
        notes += 1
        amounts += n
    note_used[0] = notes
    note_used[1] = amounts


@kernel
def read_sent(row, slot, note, table, weight, note_first, note_length, amount, sent):
    """What each synapse carried: the noted amount, 0 if it was born later, the stored weight without a note."""
    start, _, _ = table
    for i in range(row.size):
        if note[i] < 0:
            sent[i] = weight[start[row[i]] + slot[i]] if weight.size > 0 else 0.0
        elif slot[i] < note_length[note[i]]:
            sent[i] = amount[note_first[note[i]] + slot[i]]
        else:
            sent[i] = 0.0
