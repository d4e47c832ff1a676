"""Values drawn from a distribution, one for each pair of neurons or each neuron.  Knows numbers and arrays only."""

import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.mathematics import exp, normal_of
from neurosim.kernels.rng import pair_hash, philox

NORMAL = 0  # first + second * z
LOGNORMAL = 1  # first * exp(second * z)
UNIFORM = 2  # first + (second - first) * u
MOST_REDRAWS = 30_000  # a mass of 1/1000 inside the bounds is missed by all of them once in 10**13 values

_LOW = np.uint64(0xFFFFFFFF)
_REDRAW = np.uint64(0x7E64A317)  # high counter word of the keys of redraws
_NEURON = np.uint64(0xFFFFFFFF)  # stands where a pair has its target


@kernel
def shaped(kind, first, second, bits):
    """A value of the distribution, without bounds, from 64 random bits."""
    if kind == NORMAL:
        return first + second * normal_of(bits)
    if kind == LOGNORMAL:
        return first * exp(second * normal_of(bits))
    return min(first + (second - first) * (np.float64(bits >> np.uint64(11)) * (1.0 / 9007199254740992.0)), second)


@kernel
def redrawn(kind, first, second, low, high, key, pre, post, nth):
    """A value within [low, high], each attempt under a key of its own; NaN if all fail."""
    for attempt in range(MOST_REDRAWS):
        attempt_key = philox(np.uint64(attempt), _REDRAW, key) & _LOW
        value = shaped(kind, first, second, pair_hash(attempt_key, pre, post, nth))
        if low <= value <= high:
            return value
    return np.nan


@kernel
def draw_pairs(kind, first, second, low, high, redraw, key, pre, post, nth, out):
    """out[i] = the value of the nth[i]-th synapse pre[i] -> post[i] (uids).

    Returns how many values no redraw could bring within [low, high].
    """
    if kind == NORMAL:  # plain loops for each kind, so that they vectorise; bounds come after
        for i in range(out.size):
            out[i] = shaped(NORMAL, first, second, pair_hash(key, pre[i], post[i], nth[i]))
    elif kind == LOGNORMAL:
        for i in range(out.size):
            out[i] = normal_of(pair_hash(key, pre[i], post[i], nth[i]))
        for i in range(out.size):
            out[i] = first * exp(second * out[i])
    else:
        for i in range(out.size):
            out[i] = shaped(UNIFORM, first, second, pair_hash(key, pre[i], post[i], nth[i]))
    failed = 0
    for i in range(out.size):
        if not low <= out[i] <= high:
            if redraw:
                out[i] = redrawn(kind, first, second, low, high, key, pre[i], post[i], nth[i])
                failed += out[i] != out[i]
            else:
                out[i] = low if out[i] < low else high
    return failed


@kernel
def draw_each(kind, first, second, low, high, redraw, key, uid, out):
    """out[i] = the value of neuron uid[i]; returns how many no redraw could bring within [low, high]."""
    failed = 0
    for i in range(out.size):
        out[i] = shaped(kind, first, second, pair_hash(key, uid[i], _NEURON, 0))
        if not low <= out[i] <= high:
            if redraw:
                out[i] = redrawn(kind, first, second, low, high, key, uid[i], _NEURON, 0)
                failed += out[i] != out[i]
            else:
                out[i] = low if out[i] < low else high
    return failed
