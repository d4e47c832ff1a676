"""Spike delivery: stream the rows of the neurons that fired in one step into the ring.  Knows arrays only.

The ring is `ring[slot, column]`, float64; a spike of step k with a delay of d steps is added to slot (k + d) & mask and
consumed by the neurons in step k + d.  A column is one receptor of one neuron.  A slot is summed in the order
(firing step, pool, place of the source, place in the row), however the run is cut.
"""

import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.prefetch import prefetch
from neurosim.kernels.rng import pair_hash

LINE = 16  # packed entries in a cache line of 64 bytes
STRETCH = 64  # synapses that are streamed between two looks ahead
FAR = 8  # rows; how far ahead the tables of rows are asked for


@kernel
def rows_of(spikes, first, last, population, fan_first, fan_row, rows):
    """List the rows of the spikes, source by source; return their number.

    `population[place]` numbers the populations; projection f starts from population p if fan_first[p] <= f < fan_first[p + 1],
    and its row for the neuron at `place` is fan_row[f] + place.
    """
    n = 0
    for q in range(first, last):
        place = spikes[q]
        p = population[place]
        for f in range(fan_first[p], fan_first[p + 1]):
            rows[n] = fan_row[f] + place
            n += 1
    return n


@kernel
def deliver_static(
    now,
    spikes,
    first,
    last,
    population,
    fan_first,
    fan_row,
    rows,
    start,
    length,
    packed,
    weight,
    bits,
    same_delay,
    ring,
):
    """ring[now + delay, column] += weight for every synapse of every spike.

    While a stretch of a row is streamed, the memory is asked for the same stretch of the row after next, and once a row for
    the place of a later one: the processor itself looks ahead within a row only.
    """
    n_rows = rows_of(spikes, first, last, population, fan_first, fan_row, rows)
    shift = np.uint32(bits)
    columns = np.uint32((1 << bits) - 1)
    mask = np.uint32(ring.shape[0] - 1)
    present = np.uint32(now & (ring.shape[0] - 1))
    width = np.uint64(ring.shape[1])
    flat = ring.reshape(-1)  # unsigned places in it take one product and no test for wrap-around
    slot = ring[(now + same_delay) & (ring.shape[0] - 1)]
    for q in range(n_rows):
        far = rows[min(q + FAR, n_rows - 1)]
        prefetch(start, far)
        prefetch(length, far)
        ahead = start[rows[min(q + 2, n_rows - 1)]]
        row = rows[q]
        here = start[row]
        n = np.int64(length[row])
        for at in range(0, n, STRETCH):
            for k in range(at, at + STRETCH, LINE):
                prefetch(packed, ahead + k)
                prefetch(weight, ahead + k)
            e0 = np.uint64(here + at)
            e1 = np.uint64(here + min(at + STRETCH, n))
            if same_delay > 0:
                for e in range(e0, e1):
                    slot[packed[e] & columns] += weight[e]
            else:
                for e in range(e0, e1):
                    x = packed[e]
                    flat[np.uint64((present + (x >> shift)) & mask) * width + np.uint64(x & columns)] += weight[e]


@kernel
def deliver_released(
    now,
    spikes,
    first,
    last,
    population,
    fan_first,
    fan_row,
    rows,
    start,
    length,
    packed,
    weight,
    bits,
    rank,
    probability,
    key,
    row_uid,
    column_uid,
    ring,
):
    """As deliver_static, but each synapse transmits with its row's `probability`; the draw is keyed by step and the pair of uids."""
    n_rows = rows_of(spikes, first, last, population, fan_first, fan_row, rows)
    mask = ring.shape[0] - 1
    shift = np.uint32(bits)
    columns = np.uint32((1 << bits) - 1)
    for q in range(n_rows):
        row = rows[q]
        for e in range(start[row], start[row] + length[row]):
            x = packed[e]
            column = np.int64(x & columns)
            if released(key, now, row_uid[row], column_uid[column], rank[e], probability[row]):
                ring[(now + np.int64(x >> shift)) & mask, column] += weight[e]


@kernel
def released(key, now, pre_uid, post_uid, rank, probability):
    """Whether the synapse transmits the spike of step `now`: a draw from (key, step, pair of uids, number among parallels)."""
    bits = pair_hash(
        np.uint64(key) ^ (np.uint64(now) & np.uint64(0xFFFFFFFF)),
        np.uint64(pre_uid),
        np.uint64(post_uid),
        np.uint64(rank),
    )
    return np.float64(bits >> np.uint64(11)) * (1.0 / 9007199254740992.0) < probability
