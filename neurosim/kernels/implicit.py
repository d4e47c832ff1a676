"""Synapses that are never stored: their targets, weights and delays are drawn again for every spike.  Knows arrays only.

The targets of a projection are cut into blocks of 2**BITS.  The synapses of one source in one block depend on (key of the
projection, uid of the source, number of the block) alone, so whoever owns some of the targets draws its own blocks and passes
over the others.  Within a block the gap to the next target is geometric, floor(log(u) / log(1 - p)).  Weights and delays
come from the same draws per pair of uids as those of stored synapses.

A projection is one line of three tables: `whole` (int64), `real` (float64) and `keys` (uint64: targets, weights, delays).
"""

import numpy as np

from neurosim.kernels.compiled import kernel
from neurosim.kernels.draws import LOGNORMAL, NORMAL, UNIFORM, redrawn, shaped
from neurosim.kernels.mathematics import exp, log, normal_of
from neurosim.kernels.rng import philox

#: Columns of `whole`: place of the first source, number of sources and of targets, targets that are wanted (from, to), ring column of the
#: first target for weights >= 0 and < 0, place of the first target where an autapse is left out (else -1).
(PRE_FIRST, N_PRE, N_POST, FROM, TO, POSITIVE, NEGATIVE, OWN) = range(8)
#: What no layout changes: log2 of the size of a block and the jumps drawn for it at first, the kinds of distribution of weight and
#: delay (-1: a number) and whether they redraw, the delay that all have, or the least drawn one and what comes on top of it (steps).
(BITS, N_FIRST, WEIGHT_KIND, WEIGHT_REDRAW, DELAY_KIND, DELAY_REDRAW, DELAY, FOLDED) = range(8, 16)
N_WHOLE = 16
#: Columns of `real`: 1 / log(1 - p), and of weight and delay the two numbers of the distribution and its bounds; the step (ms).
(SCALE, WEIGHT, DELAYED, DT) = (0, 1, 5, 9)
N_REAL = 10
#: Jumps that are drawn at once: the most, and after the first time.
GROUP, MORE = 256, 16

_11 = np.uint64(11)
_TO_UNIT = 1.0 / 9007199254740992.0
_ROUND = 6755399441055744.0  # 1.5 * 2**52: adding and subtracting it rounds to a whole number


@kernel
def fill_jumps(counter, uid, key, scale, n, jump):
    """jump[:n] = log(u) / log(1 - p) of the draws from `counter` on; two loops, because one alone is not vectorised."""
    high = np.uint64(uid)
    for m in range(n):
        jump[m] = np.float64(philox(np.uint64(counter + m), high, key) >> _11)
    for m in range(n):
        jump[m] = log((jump[m] + 1.0) * _TO_UNIT) * scale


@kernel
def block_targets(key, uid, block, bits, scale, n_post, own, n_first, jump, found):
    """found[:n] = the targets of source `uid` in this block, ascending, without `own`; returns n.

    `jump` is float64[GROUP] scratch, `found` holds a block.  How many jumps are drawn at once, `n_first` and then MORE,
    changes no result.
    """
    base = block << bits
    end = min(base + (1 << bits), n_post)
    counter = 2 * base  # a block of n targets has at most n + 1 jumps
    place = base - 1
    n = 0
    drawn = n_first
    while True:
        fill_jumps(counter, uid, key, scale, drawn, jump)
        counter += drawn
        for m in range(drawn):
            if jump[m] >= end - 1 - place:
                return n
            place += 1 + np.int64(jump[m])
            found[n] = place
            n += place != own
        drawn = MORE


@kernel
def wanted_targets(w, place, block, uid_of_place, tables, scratch):
    """(begin, end): scratch[1][begin:end] are the targets of the source at `place` in this block that are wanted."""
    whole, real, keys = tables
    jump, found = scratch[0], scratch[1]
    own = place - whole[w, OWN] if whole[w, OWN] >= 0 else -1
    end = block_targets(
        keys[w, 0], uid_of_place[place], block, whole[w, BITS], real[w, SCALE], whole[w, N_POST], own, whole[w, N_FIRST], jump,
        found,
    )  # fmt: skip
    begin = 0
    while begin < end and found[begin] < whole[w, FROM]:
        begin += 1
    while begin < end and found[end - 1] >= whole[w, TO]:
        end -= 1
    return begin, end


@kernel
def hash_block(key, uid, post, begin, end, bits):
    """bits[k] = the random bits of the synapse uid -> post[k]."""
    low = np.uint64(uid)
    for k in range(begin, end):
        bits[k] = philox(low, np.uint64(post[k]), key)  # pair_hash of the first synapse of a pair


@kernel
def shape_block(kind, one, two, bits, begin, end, out):
    """out[k] = a value of the distribution without its bounds; a plain loop for each kind, so that it is vectorised."""
    if kind == NORMAL:
        for k in range(begin, end):
            out[k] = shaped(NORMAL, one, two, bits[k])
    elif kind == LOGNORMAL:
        for k in range(begin, end):
            out[k] = normal_of(bits[k])
        for k in range(begin, end):
            out[k] = one * exp(two * out[k])
    else:
        for k in range(begin, end):
            out[k] = shaped(UNIFORM, one, two, bits[k])


@kernel
def draw_block(kind, redraw, w, first, key, uid, begin, end, tables, scratch, out):
    """out[begin:end] = the value of the synapse from `uid` onto each uid scratch[2][k], as `draws.draw_pairs` has it."""
    real, post, bits = tables[1], scratch[2], scratch[3]
    one, two, low, high = real[w, first], real[w, first + 1], real[w, first + 2], real[w, first + 3]
    hash_block(key, uid, post, begin, end, bits)
    shape_block(kind, one, two, bits, begin, end, out)
    for k in range(begin, end):
        if not low <= out[k] <= high:
            if redraw:
                out[k] = redrawn(kind, one, two, low, high, key, uid, post[k], 0)
            else:
                out[k] = low if out[k] < low else high


@kernel
def round_block(drawn, dt, least, folded, begin, end, delay):
    """delay[k] = the steps nearest to drawn[k] ms (half to even), at least `least`, and `folded` on top."""
    for k in range(begin, end):
        drawn[k] = (drawn[k] / dt + _ROUND) - _ROUND
    for k in range(begin, end):
        delay[k] = max(np.int64(drawn[k]), least) + folded


@kernel
def draw_weights(w, place, begin, end, uid_of_place, uid_of_column, tables, scratch):
    """Weights of the targets found, into scratch[4]; the uids of these go into scratch[2]."""
    whole, real, keys = tables
    found, post, weight = scratch[1], scratch[2], scratch[4]
    for k in range(begin, end):
        post[k] = uid_of_column[whole[w, POSITIVE] + found[k]]
    if whole[w, WEIGHT_KIND] < 0:
        for k in range(begin, end):
            weight[k] = real[w, WEIGHT]
    else:
        kind, redraw = whole[w, WEIGHT_KIND], whole[w, WEIGHT_REDRAW] != 0
        draw_block(kind, redraw, w, WEIGHT, keys[w, 1], uid_of_place[place], begin, end, tables, scratch, weight)


@kernel
def draw_delays(w, place, begin, end, uid_of_place, tables, scratch):
    """Delays (steps) of the targets found, into scratch[6], after `draw_weights`."""
    whole, real, keys = tables
    drawn, delay = scratch[5], scratch[6]
    if whole[w, DELAY_KIND] < 0:
        for k in range(begin, end):
            delay[k] = whole[w, DELAY]
        return
    kind, redraw = whole[w, DELAY_KIND], whole[w, DELAY_REDRAW] != 0
    draw_block(kind, redraw, w, DELAYED, keys[w, 2], uid_of_place[place], begin, end, tables, scratch, drawn)
    round_block(drawn, real[w, DT], whole[w, DELAY], whole[w, FOLDED], begin, end, delay)


@kernel
def deliver_implicit(
    now, spikes, first, last, population, fan_first, fan_wire, uid_of_place, uid_of_column, tables, scratch, ring
):
    """ring[now + delay, column] += weight for every synapse of every spike, drawn afresh.

    Projections fan_wire[f], fan_first[p] <= f < fan_first[p + 1], start from population p.
    """
    whole, real, keys = tables
    found, weight, delay = scratch[1], scratch[4], scratch[6]
    mask = ring.shape[0] - 1
    for q in range(first, last):
        place = spikes[q]
        p = population[place]
        for f in range(fan_first[p], fan_first[p + 1]):
            w = fan_wire[f]
            source = place - whole[w, PRE_FIRST]
            if source < 0 or source >= whole[w, N_PRE] or whole[w, FROM] >= whole[w, TO]:
                continue
            amount, positive, negative = real[w, WEIGHT], whole[w, POSITIVE], whole[w, NEGATIVE]
            to = np.uint64(positive if amount >= 0 else negative)
            slot = ring[(now + whole[w, DELAY]) & mask]
            for block in range(whole[w, FROM] >> whole[w, BITS], ((whole[w, TO] - 1) >> whole[w, BITS]) + 1):
                begin, end = wanted_targets(w, place, block, uid_of_place, tables, scratch)
                if whole[w, WEIGHT_KIND] < 0 and whole[w, DELAY_KIND] < 0:
                    for k in range(begin, end):
                        slot[to + np.uint64(found[k])] += amount
                    continue
                draw_weights(w, place, begin, end, uid_of_place, uid_of_column, tables, scratch)
                if whole[w, DELAY_KIND] < 0:
                    for k in range(begin, end):
                        slot[np.uint64(found[k] + (positive if weight[k] >= 0 else negative))] += weight[k]
                    continue
                draw_delays(w, place, begin, end, uid_of_place, tables, scratch)
                for k in range(begin, end):
                    column = found[k] + (positive if weight[k] >= 0 else negative)
                    ring[np.uint64((now + delay[k]) & mask), np.uint64(column)] += weight[k]


@kernel
def count_implicit(w, begin, end, uid_of_place, tables, scratch, degree):
    """degree[i - begin] = synapses of source i of the projection, for begin <= i < end."""
    whole = tables[0]
    for i in range(begin, end):
        n = 0
        if whole[w, FROM] < whole[w, TO]:
            for block in range(whole[w, FROM] >> whole[w, BITS], ((whole[w, TO] - 1) >> whole[w, BITS]) + 1):
                low, high = wanted_targets(w, whole[w, PRE_FIRST] + i, block, uid_of_place, tables, scratch)
                n += high - low
        degree[i - begin] = n


@kernel
def list_implicit(w, begin, end, uid_of_place, uid_of_column, tables, scratch, source, slot, column, delay, weight):
    """The synapses of sources begin ... end - 1, source by source, ascending in the target; the arrays hold them all."""
    whole = tables[0]
    n = 0
    if whole[w, FROM] >= whole[w, TO]:
        return
    for i in range(begin, end):
        row = n
        place = whole[w, PRE_FIRST] + i
        for block in range(whole[w, FROM] >> whole[w, BITS], ((whole[w, TO] - 1) >> whole[w, BITS]) + 1):
            low, high = wanted_targets(w, place, block, uid_of_place, tables, scratch)
            draw_weights(w, place, low, high, uid_of_place, uid_of_column, tables, scratch)
            draw_delays(w, place, low, high, uid_of_place, tables, scratch)
            for k in range(low, high):
                source[n] = i
                slot[n] = n - row
                column[n] = scratch[1][k] + (whole[w, POSITIVE] if scratch[4][k] >= 0 else whole[w, NEGATIVE])
                weight[n] = scratch[4][k]
                delay[n] = scratch[6][k]
                n += 1


@kernel
def count_pairs(w, source, target, column, uid_of_place, uid_of_column, tables, scratch, count):
    """count[e] = synapses (0 or 1) of source[e] onto the target[e]-th, onto the ring column column[e]."""
    whole = tables[0]
    for e in range(source.size):
        count[e] = 0
        if source[e] < 0 or source[e] >= whole[w, N_PRE] or target[e] < whole[w, FROM] or target[e] >= whole[w, TO]:
            continue
        place = whole[w, PRE_FIRST] + source[e]
        low, high = wanted_targets(w, place, target[e] >> whole[w, BITS], uid_of_place, tables, scratch)
        draw_weights(w, place, low, high, uid_of_place, uid_of_column, tables, scratch)
        for k in range(low, high):
            to = scratch[1][k] + (whole[w, POSITIVE] if scratch[4][k] >= 0 else whole[w, NEGATIVE])
            if to == column[e]:
                count[e] = 1
