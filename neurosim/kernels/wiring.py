"""Loops that draw edges: a target (or source) has its own counters, so its edges depend on no other.  Arrays only.

Counters: Philox of (number of the draw, uid) under the key of the connection.  Arrays: uids int64, own int64
(place of the target itself among the sources, -1 if it is not there or may be chosen), outputs int32.
"""

import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.mathematics import log
from neurosim.kernels.rng import pair_hash, philox, uniform, word

_LOW = np.uint64(0xFFFFFFFF)
_11 = np.uint64(11)
_32 = np.uint64(32)
_TO_UNIT = 1.0 / 9007199254740992.0


@kernel
def below(number, uid, key, n, spill):
    """An integer in [0, n) from the word `number` of `uid`, -1 if that word must be passed over (Lemire 2019: no bias).

    `spill` is 2**32 mod n.
    """
    product = word(key, uid, number) * n
    return np.int64(product >> _32) if (product & _LOW) >= spill else np.int64(-1)


@kernel
def draw_random(first_target, scale, n_pre, uid, own, key, jump, pre, post):
    """Each source with probability p for each target, by geometric jumps: floor(log(u) * scale), scale = 1/log(1 - p).

    Starts at `first_target`, stops before the target that no longer fits; `jump` is float64 scratch for draws made at
    once (the loop that fills it vectorises; its size changes no result).  Returns (next target, edges written).
    """
    used = 0
    for target in range(first_target, uid.size):
        begin = used
        place = np.int64(-1)
        drawn = 0
        high = np.uint64(uid[target])
        going = True
        while going:
            for m in range(jump.size):
                bits = philox(np.uint64(drawn + m), high, key)
                jump[m] = log((np.float64(bits >> _11) + 1.0) * _TO_UNIT) * scale
            drawn += jump.size
            for m in range(jump.size):
                if jump[m] >= n_pre - 1 - place:
                    going = False
                    break
                place += 1 + np.int64(jump[m])
                if place != own[target]:
                    if used == pre.size:
                        return target, begin
                    pre[used] = place
                    post[used] = target
                    used += 1
    return uid.size, used


@kernel
def draw_repeated(k, n_pre, uid, own, key, pre, post):
    """k sources for each target, with replacement."""
    n = np.uint64(n_pre)
    spill = (np.uint64(1) << _32) % n
    used = 0
    for target in range(uid.size):
        number = np.int64(0)
        end = used + k
        while used < end:
            source = below(number, uid[target], key, n, spill)
            number += 1
            if source >= 0 and source != own[target]:
                pre[used] = source
                post[used] = target
                used += 1


@kernel
def draw_distinct(k, n_pre, uid, own, key, stamp, pre, post):
    """k different sources for each target; above half of those available, the ones left out are drawn instead.

    `stamp` is int32[n_pre] of zeros: target + 1 where a source is taken.
    """
    n = np.uint64(n_pre)
    spill = (np.uint64(1) << _32) % n
    used = 0
    for target in range(uid.size):
        mark = target + 1
        available = n_pre
        if own[target] >= 0:
            stamp[own[target]] = mark
            available -= 1
        leave_out = 2 * k > available
        wanted = available - k if leave_out else k
        number = np.int64(0)
        while wanted > 0:
            source = below(number, uid[target], key, n, spill)
            number += 1
            if source >= 0 and stamp[source] != mark:
                stamp[source] = mark
                wanted -= 1
                if not leave_out:
                    pre[used] = source
                    post[used] = target
                    used += 1
        if leave_out:
            for source in range(n_pre):
                if stamp[source] != mark:
                    pre[used] = source
                    post[used] = target
                    used += 1


@kernel
def draw_ring(k, p, n_pre, uid, ring, autapses, parallel, key, stamp, pre, post):
    """k nearest neighbours of each target, at place ring[target]; each gives way to a random source with probability p.

    `stamp` as in `draw_distinct`.
    """
    n = np.uint64(n_pre)
    spill = (np.uint64(1) << _32) % n
    used = 0
    for target in range(uid.size):
        mark = target + 1
        end = used + k
        if not autapses:
            stamp[ring[target]] = mark
        for neighbour in range(k):
            far = neighbour // 2 + 1
            if uniform(key, uid[target], neighbour) >= p:
                source = (ring[target] + (far if neighbour % 2 else n_pre - far)) % n_pre
                if not parallel:
                    stamp[source] = mark
                pre[used] = source
                post[used] = target
                used += 1
        number = 2 * k  # the words before share their Philox calls with the k uniforms above
        while used < end:
            source = below(number, uid[target], key, n, spill)
            number += 1
            if source >= 0 and stamp[source] != mark:
                if not parallel:
                    stamp[source] = mark
                pre[used] = source
                post[used] = target
                used += 1


@kernel
def draw_total(n_pre, own, key, first, pre, post):
    """Pairs with replacement, from draw `first` on; returns the number of the next draw."""
    n = np.uint64(n_pre)
    m = np.uint64(own.size)
    spill_n = (np.uint64(1) << _32) % n
    spill_m = (np.uint64(1) << _32) % m
    draw = first
    used = 0
    while used < pre.size:
        source = below(2 * (draw & 0x7FFFFFFF), draw >> 31, key, n, spill_n)
        target = below(2 * (draw & 0x7FFFFFFF) + 1, draw >> 31, key, m, spill_m)
        draw += 1
        if source >= 0 and target >= 0 and own[target] != source:
            pre[used] = source
            post[used] = target
            used += 1
    return draw


@kernel
def keep_new(n_pre, pre, post, table, used):
    """Move the pairs not yet in the hash table to the front, from `used` on; returns how many pairs are now in front.

    `table` is int64[2**m] of -1, at least twice the pairs.  Pairs are uniform already, so the code is its own hash.
    """
    mask = np.int64(table.size - 1)
    for e in range(used, pre.size):
        code = np.int64(post[e]) * n_pre + np.int64(pre[e])
        place = code & mask
        while table[place] >= 0 and table[place] != code:
            place = (place + 1) & mask
        if table[place] < 0:
            table[place] = code
            pre[used] = pre[e]
            post[used] = post[e]
            used += 1
    return used


@kernel
def all_but(n_pre, own, table, pre, post):
    """Every pair that is neither in the hash table nor an own pair."""
    mask = np.int64(table.size - 1)
    used = 0
    for target in range(own.size):
        for source in range(n_pre):
            code = np.int64(target) * n_pre + source
            place = code & mask
            while table[place] >= 0 and table[place] != code:
                place = (place + 1) & mask
            if table[place] < 0 and own[target] != source:
                pre[used] = source
                post[used] = target
                used += 1


@kernel
def sort_by(value, other, first, value_out, other_out):
    """Stable counting sort of (value, other) by value; `first` is int64[largest value + 2] of zeros."""
    for e in range(value.size):
        first[value[e] + 1] += 1
    for v in range(1, first.size):
        first[v] += first[v - 1]
    for e in range(value.size):
        place = first[value[e]]
        first[value[e]] += 1
        value_out[place] = value[e]
        other_out[place] = other[e]


@kernel
def number_parallels(group, member, seen, count, nth):
    """nth[e] = how many earlier edges have the same (group, member); `group` ascends.

    `seen` is int64[largest member + 1] of -1, `count` int32 of the same size.
    """
    for e in range(group.size):
        m = member[e]
        if seen[m] != group[e]:
            seen[m] = group[e]
            count[m] = 0
        nth[e] = count[m]
        count[m] += 1


@kernel
def accept(probability, pre_uid, post_uid, key, keep):
    """keep[e] = a uniform number of the pair lies below its probability."""
    for e in range(keep.size):
        bits = pair_hash(key, pre_uid[e], post_uid[e], 0)
        keep[e] = np.float64(bits >> _11) * _TO_UNIT < probability[e]
