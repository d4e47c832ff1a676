"""Input that needs no synapse: Poisson drive and currents, added to the ring before the neurons advance.

Each stimulus is one line of the tables, so that one call serves all stimuli of a kind and adding one compiles nothing.
Every draw is keyed by (stimulus key, step, neuron uid).
"""

import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.mathematics import cos_turns, exp, normal_of
from neurosim.kernels.rng import fill_quads, philox, uniform, word

# columns of the integer table `line`, one row a stimulus
KIND, START, STOP, FIRST, LAST, GUIDE, CUMULATIVE, VALUE, COURSE, COURSE_LENGTH, COURSE_EVERY, STRIDE = range(12)
# kinds of Poisson input
SAME_RATE, OWN_RATE, SHARED = range(3)
# kinds of current
CONSTANT, SINE, COURSED, WHITE, ORNSTEIN_UHLENBECK = range(5)
# columns of the float table `number`
WEIGHT, SHARE, FREQUENCY, PHASE, DECAY, MEAN, SPREAD = range(7)

GUIDE_SIZE = 4096
MOST_MEAN = 16.0  # events a step; a larger mean of its own is drawn in parts
_MORE = np.uint64(0x5BD1E995)
_TO_UNIT = 1.0 / 4294967296.0


@kernel
def poisson(first_step, n_steps, line, number, key, uid, column, value, guide, cumulative, course, quads, ring):
    """Add the Poisson events of every stimulus for the steps first_step ... first_step + n_steps - 1."""
    mask = ring.shape[0] - 1
    for s in range(n_steps):
        step = first_step + s
        slot = ring[step & mask]
        for m in range(line.shape[0]):
            if line[m, START] <= step < line[m, STOP]:
                kind = line[m, KIND]
                if kind == SAME_RATE:
                    _same_rate(step, line[m], number[m, WEIGHT], key[m], uid, column, guide, cumulative, quads, slot)
                elif kind == OWN_RATE:
                    _own_rate(step, line[m], number[m, WEIGHT], key[m], uid, column, value, course, slot)
                else:
                    _shared(step, line[m], number[m], key[m], uid, column, guide, cumulative, slot)


@kernel
def _same_rate(step, line, weight, key, uid, column, guide, cumulative, quads, slot):
    """One rate for all: 16 of the 64 bits of a Philox call say the count of a neuron, or, once in some 300 draws, that more
    bits are needed.  Neighbours (equal uid >> 2) share a call."""
    first = line[FIRST]
    n = line[LAST] - first
    if n == 0:
        return
    g = np.uint64(line[GUIDE])
    if uid[first + n - 1] - uid[first] == n - 1 and column[first + n - 1] - column[first] == n - 1:
        quad0 = uid[first] >> 2
        fill_quads(key, step, quad0, quads[: (uid[first + n - 1] >> 2) - quad0 + 1])
        words = quads.view(np.uint16)
        w0 = np.uint64(uid[first] - 4 * quad0)
        c0 = np.uint64(column[first])
        for i in range(np.uint64(n)):
            k = np.int64(guide[g + np.uint64(words[w0 + i] >> np.uint16(4))])
            if k < 0:
                k = _count_beyond(
                    k, np.uint64(words[w0 + i]), step, line[CUMULATIVE], key, uid[first + np.int64(i)], cumulative
                )
            slot[c0 + i] += weight * k
    else:
        for i in range(first, first + n):
            bits = philox(np.uint64(uid[i]) >> np.uint64(2), np.uint64(step), key)
            u = (bits >> (np.uint64(16) * (np.uint64(uid[i]) & np.uint64(3)))) & np.uint64(0xFFFF)
            k = np.int64(guide[g + (u >> np.uint64(4))])
            if k < 0:
                k = _count_beyond(k, u, step, line[CUMULATIVE], key, uid[i], cumulative)
            slot[column[i]] += weight * k


@kernel
def _count_beyond(least, high, step, first, key, uid, cumulative):
    """The count where 12 bits do not tell: `high` are the first 16 of 48 bits, `-1 - least` is where to start.

    cumulative[k] is the largest 48-bit number that means at most k events; the last entry is 2**48 - 1.
    """
    low = philox(np.uint64(uid), np.uint64(step), key ^ _MORE) & np.uint64(0xFFFFFFFF)
    u = (high << np.uint64(32)) | low
    k = -1 - least
    while u > cumulative[first + k]:
        k += 1
    return k


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
            v += np.int64(-1.0 - now) * line[STRIDE]
        else:
            factor = now
    for i in range(n):
        mean = value[v + i] * factor
        parts = 1 + np.int64(
            mean * (1.0 / MOST_MEAN)
        )  # a sum of Poisson numbers is one: exp(-mean / parts) stays far above 0
        k = 0
        for part in range(parts if mean > 0.0 else 0):
            u = (np.float64(word(key + np.uint64(part), step, uid[first + i])) + 0.5) * _TO_UNIT
            p = exp(-mean / parts)
            total = p
            j = 0
            while u > total and p > 1e-18:
                j += 1
                p *= mean / (parts * j)
                total += p
            k += j
        slot[column[first + i]] += weight * k


@kernel
def _shared(step, line, number, key, uid, column, guide, cumulative, slot):
    """Correlated input: every neuron copies each event of one common process with probability `share` (Kuhn et al. 2003)."""
    bits = philox(np.uint64(4294967295), np.uint64(step), key)
    k = np.int64(guide[line[GUIDE] + np.int64(bits >> np.uint64(52))])
    if k < 0:
        k = _count_beyond(k, bits >> np.uint64(48), step, line[CUMULATIVE], key, 4294967295, cumulative)
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
            if kind in (CONSTANT, SINE):
                factor = 1.0
                if kind == SINE:
                    factor = cos_turns(
                        number[m, FREQUENCY] * 1e-3 * dt * (step - line[m, START]) + number[m, PHASE] - 0.25
                    )
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
