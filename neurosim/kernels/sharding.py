"""Cutting rows of synapses by the shard of their targets, or joining the parts again.  Knows arrays only.

`table` has one line for each projection: its first row, rows of a shard, shards; then its first row and shards afterwards.
"""

import numpy as np

from neurosim.kernels.compiled import kernel


@kernel
def count(table, shard_of_column, mask, start, length, packed, out):
    """out[row] = synapses of each new row."""
    for w in range(table.shape[0]):
        row0, rows, before, to, shards = table[w]
        for r in range(rows * before):
            here = start[row0 + r]
            for e in range(here, here + length[row0 + r]):
                shard = np.int64(shard_of_column[packed[e] & mask]) if shards > 1 else np.int64(0)
                out[to + shard * rows + r % rows] += 1


@kernel
def move(table, n_ages, ages, shard_of_column, mask, old, columns, new, new_columns, to_row, to_slot):
    """Copy all synapses into the new rows (whose lengths are 0 yet): for each source the old parts in order, younger births
    (`ages`, where there are any) behind.  to_row and to_slot, if not empty, say where each went.
    """
    start, length = old
    new_start, new_length = new
    packed, weight, ident, extra, more = columns
    new_packed, new_weight, new_ident, new_extra, new_more = new_columns
    for w in range(table.shape[0]):
        row0, rows, before, first, shards = table[w]
        for source in range(rows):
            for age in range(n_ages):
                for part in range(before):
                    r = row0 + part * rows + source
                    for e in range(start[r], start[r] + length[r]):
                        if ages.size > 0 and ages[e] != age:
                            continue
                        shard = np.int64(shard_of_column[packed[e] & mask]) if shards > 1 else np.int64(0)
                        to = first + shard * rows + source
                        slot = new_length[to]
                        new_length[to] += 1
                        place = new_start[to] + slot
                        new_packed[place] = packed[e]
                        new_weight[place] = weight[e]
                        if ident.size > 0:
                            new_ident[place] = ident[e]
                        if extra.size > 0:
                            new_extra[place] = extra[e]
                        for q in range(more.shape[1]):
                            new_more[place, q] = more[e, q]
                        if to_row.size > 0:
                            to_row[e] = to
                            to_slot[e] = slot


@kernel
def count_age(age, ages, start, length, to_row, out):
    """out[r] += how many synapses of this age the new row r has."""
    for r in range(start.size):
        for e in range(start[r], start[r] + length[r]):
            if ages[e] == age:
                out[to_row[e]] += 1
