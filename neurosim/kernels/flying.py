"""Spikes on their way to given synapses: which they are, and through which synapse each goes.  Knows arrays only."""

import numpy as np

from neurosim.kernels.compiled import kernel


@kernel
def list_recent(recent_step, recent_place, place0, n, row0, axonal, now, most_delay, row, step):
    """Row and step of streaming of the recent spikes of n sources that may still be behind the axon; returns their number."""
    found = 0
    for s in range(recent_step.size):
        source = recent_place[s] - place0
        streamed = recent_step[s] + axonal
        if 0 <= source < n and streamed < now <= streamed + most_delay:
            row[found] = row0 + source
            step[found] = streamed
            found += 1
    return found


@kernel
def count_sendings(row, spike_row, first, last):
    """The spikes of row[e] are first[e] ... last[e] - 1 of the ascending spike_row; returns the sum of their numbers."""
    total = 0
    for e in range(row.size):
        first[e] = np.searchsorted(spike_row, row[e])
        last[e] = first[e]
        while last[e] < spike_row.size and spike_row[last[e]] == row[e]:
            last[e] += 1
        total += last[e] - first[e]
    return total


@kernel
def list_sendings(row, slot, first, last, spike_step, start, packed, bits, edge, column, streamed, due):
    """For each synapse and each spike of its row: number of the synapse, column, step of streaming, step of arrival."""
    found = 0
    for e in range(row.size):
        synapse = packed[start[row[e]] + slot[e]]
        for s in range(first[e], last[e]):
            edge[found] = e
            column[found] = synapse & np.uint32((1 << bits) - 1)
            streamed[found] = spike_step[s]
            due[found] = spike_step[s] + (synapse >> np.uint32(bits))
            found += 1
