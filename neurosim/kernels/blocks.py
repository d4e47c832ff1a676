"""What every neuron block shares: collecting spikes, sampling for recorders, looking for numbers that are none."""

import numpy as np

from neurosim.kernels.compiled import kernel


@kernel
def sample(stamp, every, variable, first, place, base, origin, state, out):
    """Copy what the recorders of this block asked for at the end of a step.

    Recorder r wants state[variable[r], place[first[r]:first[r + 1]]] at every stamp that `every[r]` divides; its samples
    since `origin` lie in `out` from base[r], one row a sample.
    """
    for r in range(every.size):
        if stamp % every[r] == 0:
            n = first[r + 1] - first[r]
            at = base[r] + (stamp // every[r] - origin // every[r] - 1) * n
            for q in range(n):
                out[at + q] = state[variable[r], place[first[r] + q]]


@kernel
def find_bad(state, first, last, block, status):
    """Whether a number of the state is none or infinite; if so, status[1:4] says which: block, variable, place."""
    for k in range(state.shape[0]):
        total = 0.0
        for p in range(first.size):
            for i in range(first[p], last[p]):
                total += state[k, i] * 0.0
        if total != 0.0 or total != total:
            for p in range(first.size):
                for i in range(first[p], last[p]):
                    if not np.isfinite(state[k, i]):
                        status[1], status[2], status[3] = block, k, i
                        return True
    return False


@kernel
def play(first_step, n_steps, list_step, list_place, spikes, bounds):
    """Spikes from a list sorted by (step, place): those of the steps first_step ... first_step + n_steps - 1."""
    found = 0
    at = np.searchsorted(list_step, first_step)
    bounds[0] = 0
    for s in range(n_steps):
        while at < list_step.size and list_step[at] == first_step + s:
            spikes[found] = list_place[at]
            found += 1
            at += 1
        bounds[s + 1] = found


@kernel
def spikes_of(begin, bounds, record, uid_of_place, oldest, step, place, uid):
    """Step, place and uid of each spike of a stretch: record[bounds[k]:bounds[k + 1]] fired in step begin + k.

    Returns the first spike from the step `oldest` on.
    """
    first = 0
    for k in range(bounds.size - 1):
        if begin + k < oldest:
            first = bounds[k + 1]
        for s in range(bounds[k], bounds[k + 1]):
            step[s] = begin + k
            place[s] = record[s]
            uid[s] = uid_of_place[record[s]]
    return first


@kernel
def merge_spikes(n_steps, at, fired, first, bounds, heads, record, record_bounds):
    """Join what the threads found in a chunk: in each step the spikes of all in order of place, behind record_bounds[at].

    Thread t found fired[t, first[b] + bounds[t, b, s] : first[b] + bounds[t, b, s + 1]] in block b and step s, ascending.
    """
    threads = fired.shape[0]
    found = record_bounds[at]
    for s in range(n_steps):
        for b in range(first.size):
            left = 0
            for t in range(threads):
                heads[t] = first[b] + bounds[t, b, s]
                left += bounds[t, b, s + 1] - bounds[t, b, s]
            while left > 0:
                who = -1
                least = np.int64(0)
                for t in range(threads):
                    if heads[t] < first[b] + bounds[t, b, s + 1]:
                        place = fired[t, heads[t]]
                        if who < 0 or place < least:
                            who, least = t, place
                record[found] = least
                found += 1
                heads[who] += 1
                left -= 1
        record_bounds[at + s + 1] = found
