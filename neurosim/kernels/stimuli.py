"""Input that needs no synapse: Poisson drive and currents, added to the ring before the neurons advance.

Each stimulus is one line of the tables, so that one call serves all stimuli of a kind and adding one compiles nothing.
Every draw is keyed by (stimulus key, step, neuron uid).
"""

import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.mathematics import cos_turns, exp, normal_of
from neurosim.kernels.rng import fill_pairs, philox, uniform, word

# columns of the integer table `line`, one row a stimulus
KIND, START, STOP, FIRST, LAST, GUIDE, CUMULATIVE, VALUE, COURSE, COURSE_LENGTH, COURSE_EVERY = range(11)
# kinds of Poisson input
SAME_RATE, OWN_RATE, SHARED = range(3)
# kinds of current
CONSTANT, SINE, COURSED, WHITE, ORNSTEIN_UHLENBECK = range(5)
# columns of the float table `number`
WEIGHT, SHARE, FREQUENCY, PHASE, DECAY, MEAN, SPREAD = range(7)

GUIDE_SIZE = 4096
_GUIDE_SHIFT = np.uint32(20)
_TO_UNIT = 1.0 / 4294967296.0


@kernel
def poisson(first_step, n_steps, line, number, key, uid, column, value, guide, cumulative, course, pairs, ring):
    """Add the Poisson events of every stimulus for the steps first_step ... first_step + n_steps - 1."""
    mask = ring.shape[0] - 1
    for s in range(n_steps):
        step = first_step + s
        slot = ring[step & mask]
        for m in range(line.shape[0]):
            if line[m, START] <= step < line[m, STOP]:
                kind = line[m, KIND]
                if kind == SAME_RATE:
                    _same_rate(step, line[m], number[m, WEIGHT], key[m], uid, column, guide, cumulative, pairs, slot)
                elif kind == OWN_RATE:
                    _own_rate(step, line[m], number[m, WEIGHT], key[m], uid, column, value, course, slot)
                else:
                    _shared(step, line[m], number[m], key[m], uid, column, guide, cumulative, slot)


@kernel
def _same_rate(step, line, weight, key, uid, column, guide, cumulative, pairs, slot):
    """One rate for all: the count is looked up.  `guide[u >> 20]` is where the search in `cumulative` starts.

    cumulative[k] is the largest 32-bit word that means at most k events; the last entry is 2**32 - 1.
    """
    first = line[FIRST]
    n = line[LAST] - first
    g = line[GUIDE]
    c = line[CUMULATIVE]
    if n == 0:
        return
    if uid[first + n - 1] - uid[first] == n - 1 and column[first + n - 1] - column[first] == n - 1:
        pair0 = uid[first] >> 1
        fill_pairs(key, step, pair0, pairs[: (uid[first + n - 1] >> 1) - pair0 + 1])
        words = pairs.view(np.uint32)
        w0 = uid[first] - 2 * pair0
        c0 = column[first]
        for i in range(n):
            u = words[w0 + i]
            k = np.int64(guide[g + np.int64(u >> _GUIDE_SHIFT)])
            while u > cumulative[c + k]:
                k += 1
            slot[c0 + i] += weight * k
    else:
        for i in range(first, first + n):
            u = np.uint32(word(key, step, uid[i]))
            k = np.int64(guide[g + np.int64(u >> _GUIDE_SHIFT)])
            while u > cumulative[c + k]:
                k += 1
            slot[column[i]] += weight * k


@kernel
def _own_rate(step, line, weight, key, uid, column, value, course, slot):
    """A mean of its own for each neuron (events a step), times a course over time, or chosen by a course of pattern numbers."""
    first = line[FIRST]
    n = line[LAST] - first
    factor = 1.0
    v = line[VALUE]
    if line[COURSE_LENGTH] > 0:
        at = min((step - line[START]) // line[COURSE_EVERY], line[COURSE_LENGTH] - 1)
        now = course[line[COURSE] + at]
        if now < 0.0:  # -1 - pattern number; -1e9 means silence
            if now < -1e8:
                return
            v += np.int64(-1.0 - now) * n
        else:
            factor = now
    for i in range(n):
        mean = value[v + i] * factor
        if mean > 0.0:
            u = (np.float64(word(key, step, uid[first + i])) + 0.5) * _TO_UNIT
            p = exp(-mean)
            total = p
            k = 0
            while u > total and p > 1e-18:
                k += 1
                p *= mean / k
                total += p
            slot[column[first + i]] += weight * k


@kernel
def _shared(step, line, number, key, uid, column, guide, cumulative, slot):
    """Correlated input: every neuron copies each event of one common process with probability `share` (Kuhn et al. 2003)."""
    u = np.uint32(word(key, step, 4294967295))
    k = np.int64(guide[line[GUIDE] + np.int64(u >> _GUIDE_SHIFT)])
    while u > cumulative[line[CUMULATIVE] + k]:
        k += 1
    if k == 0:
        return
    for i in range(line[FIRST], line[LAST]):
        copied = 0
        for event in range(k):
            bits = philox(np.uint64(uid[i]), np.uint64(step), key + np.uint64(1 + event))
            copied += np.int64(np.float64(bits >> np.uint64(11)) * (1.0 / 9007199254740992.0) < number[SHARE])
        slot[column[i]] += number[WEIGHT] * copied


@kernel
def current(first_step, n_steps, dt, line, number, key, uid, column, value, course, memory, ring):
    """Add the current of every stimulus (pA, held through each step) to the current columns.

    `memory[i]` is the state of an Ornstein-Uhlenbeck current, advanced exactly (Gillespie 1996).
    """
    mask = ring.shape[0] - 1
    for s in range(n_steps):
        step = first_step + s
        slot = ring[step & mask]
        for m in range(line.shape[0]):
            if not line[m, START] <= step < line[m, STOP]:
                continue
            kind = line[m, KIND]
            first = line[m, FIRST]
            last = line[m, LAST]
            v = line[m, VALUE] - first
            if kind == CONSTANT or kind == SINE:
                factor = 1.0
                if kind == SINE:
                    factor = cos_turns(number[m, FREQUENCY] * 1e-3 * dt * (step - line[m, START]) + number[m, PHASE] - 0.25)
                for i in range(first, last):
                    slot[column[i]] += value[v + i] * factor
            elif kind == COURSED:
                at = min((step - line[m, START]) // line[m, COURSE_EVERY], line[m, COURSE_LENGTH] - 1)
                now = course[line[m, COURSE] + at]
                for i in range(first, last):
                    slot[column[i]] += value[v + i] * now
            elif kind == WHITE:
                for i in range(first, last):
                    bits = philox(np.uint64(uid[i]), np.uint64(step), key[m])
                    slot[column[i]] += number[m, MEAN] + value[v + i] * normal_of(bits)
            else:
                for i in range(first, last):
                    bits = philox(np.uint64(uid[i]), np.uint64(step), key[m])
                    x = memory[v + i]
                    slot[column[i]] += number[m, MEAN] + x
                    memory[v + i] = x * number[m, DECAY] + value[v + i] * number[m, SPREAD] * normal_of(bits)


@kernel
def fill_uniform(key, step, uid, first, last, draws):
    """draws[i] = a uniform number of neuron uid[i] in [0, 1)."""
    for i in range(first, last):
        draws[i] = uniform(key, step, uid[i])


@kernel
def fill_normal(key, step, uid, first, last, draws):
    """draws[i] = a standard normal number of neuron uid[i]."""
    for i in range(first, last):
        draws[i] = normal_of(philox(np.uint64(uid[i]), np.uint64(step), key))
