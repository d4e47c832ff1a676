"""Counter-based random numbers: value = f(key, step, uid).  No state, so no order, thread count or run cut can matter.

Philox-2x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"); the three known-answer vectors of
Random123 are in the tests.  A key is 32 bits made of (seed, stream name); the counter is (uid or pair, step).
"""

import hashlib

import numpy as np

from neurosim.kernels.compiled import kernel, scalar

_ROUND = np.uint64(0xD256D193)
_WEYL = np.uint64(0x9E3779B9)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_1 = np.uint64(1)


def stream_key(seed: int, *names: object) -> np.uint64:
    """32-bit key of a named stream (held in a uint64), from the seed and the stream's name."""
    text = "\x1f".join([str(int(seed)), *map(str, names)])
    return np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little"))


@scalar
def philox(low, high, key):
    """64 random bits for the counter (low, high) under `key`; all three hold 32 bits in a uint64.  High word first."""
    x = np.uint64(low) & _LOW
    y = np.uint64(high) & _LOW
    k = np.uint64(key) & _LOW
    for _ in range(10):
        product = _ROUND * x
        x = (product >> _32) ^ k ^ y
        y = product & _LOW
        k = (k + _WEYL) & _LOW
    return (x << _32) | y


@scalar
def uniform(key, step, uid):
    """A float64 in [0, 1) with 53 random bits."""
    return np.float64(philox(np.uint64(uid), np.uint64(step), key) >> np.uint64(11)) * (1.0 / 9007199254740992.0)


@scalar
def word(key, step, uid):
    """32 random bits of one neuron at one step, as a uint64; neighbours (uid and uid ^ 1) share a Philox call."""
    bits = philox(np.uint64(uid) >> _1, np.uint64(step), key)
    return (bits >> (_32 * (np.uint64(uid) & _1))) & _LOW


@kernel
def fill_quads(key, step, quad0, quads):
    """quads[i] = the 64 bits that neurons 4 (quad0 + i) ... + 3 share, 16 each, lowest first."""
    high = np.uint64(step)
    for i in range(quads.size):
        quads[i] = philox(np.uint64(quad0 + i), high, key)


@scalar
def pair_hash(key, pre, post, nth):
    """64 random bits of the nth synapse pre -> post (uids): a choice by hash depends on no storage order."""
    return philox(np.uint64(pre), np.uint64(post), (np.uint64(key) + np.uint64(nth) * _WEYL) & _LOW)


@kernel
def hash_pairs(key, pre, post, nth, out):
    """out[i] = pair_hash(key, pre[i], post[i], nth[i]), as float64 in [0, 1)."""
    for i in range(out.size):
        out[i] = np.float64(pair_hash(key, pre[i], post[i], nth[i]) >> np.uint64(11)) * (1.0 / 9007199254740992.0)
