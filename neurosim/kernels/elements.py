"""Synaptic elements: the trace of each neuron's firing, growth along a curve of it, and partners drawn by distance.

Knows arrays only.  `place[uid]` is a neuron's place, or -1; the spikes of neuron i are stamp[first[i]] ... stamp[first[i + 1] - 1],
ascending.  A curve's shape is a function of x = (trace - centre) / width.
"""

import numpy as np

from neurosim.kernels.compiled import kernel, scalar
from neurosim.kernels.mathematics import exp, log
from neurosim.kernels.prefetch import prefetch
from neurosim.kernels.rng import uniform

LINEAR, GAUSSIAN, SIGMOID = 0, 1, 2
#: |x| from which a shape is constant to 1e-17, and where the integration begins again below it.
FLAT_GAUSSIAN, FLAT_SIGMOID = 7.0, 42.0
STEP_X, STEP_T = 1.0, 1.0  # a piece of 10 nodes covers at most this much of x, and of t / tau
SHORT = 0.05  # below this in both, three nodes are exact to 1e-12
NODE_3, WEIGHT_0, WEIGHT_3 = 0.7745966692414834, 0.8888888888888888, 0.5555555555555556
NODE_A, NODE_B, NODE_C, NODE_D, NODE_E = (
    0.14887433898163122, 0.4333953941292472, 0.6794095682990244, 0.8650633666889845, 0.9739065285171717,
)  # fmt: skip
WEIGHT_A, WEIGHT_B, WEIGHT_C, WEIGHT_D, WEIGHT_E = (
    0.2955242247147528, 0.2692667193099965, 0.219086362515982, 0.1494513491505804, 0.06667134430868814,
)  # fmt: skip


# ---- the trace -------------------------------------------------------------------------------------------------------


@kernel
def observe(since, step, dt, tau, stamp, uid, place, before, rate, integral):
    """rate = the trace `before`, advanced by the spikes in (since, step]; integral = its integral meanwhile (Hz ms)."""
    jump = 1e3 / tau
    decay = exp(-(step - since) * dt / tau)
    for i in range(rate.size):
        integral[i] = before[i]
        rate[i] = before[i] * decay
    last, left = since, decay
    for s in range(stamp.size):
        if stamp[s] > since and uid[s] < place.size and place[uid[s]] >= 0:
            if stamp[s] != last:  # spikes come step by step
                last = stamp[s]
                left = exp(-(step - last) * dt / tau)
            i = place[uid[s]]
            integral[i] += jump
            rate[i] += jump * left
    for i in range(rate.size):
        integral[i] = tau * (integral[i] - rate[i])


@kernel
def by_neuron(since, stamp, uid, place, first, ordered):
    """Counting sort of the spikes after `since` by neuron; first has one entry more than there are neurons, all 0."""
    n = first.size - 1
    for s in range(stamp.size):
        if stamp[s] > since and uid[s] < place.size and place[uid[s]] >= 0:
            first[place[uid[s]]] += 1
    total = 0
    for i in range(n):
        total += first[i]
        first[i] = total
    first[n] = total
    for s in range(stamp.size - 1, -1, -1):
        if stamp[s] > since and uid[s] < place.size and place[uid[s]] >= 0:
            first[place[uid[s]]] -= 1
            ordered[first[place[uid[s]]]] = stamp[s]


# ---- growth ----------------------------------------------------------------------------------------------------------


@scalar
def shape(kind, x):
    """Growth at x, in units of the growth rate: 2 exp(-x^2) - 1 (Gaussian) or 2 / (1 + exp(x)) - 1 (sigmoid)."""
    return 2.0 * exp(-x * x) - 1.0 if kind == GAUSSIAN else 2.0 / (1.0 + exp(x)) - 1.0


@kernel
def shape_over(kind, centre, width, rate, time):
    """Integral of the shape over `time` (in units of tau) while the trace decays from `rate`.

    Where the shape is flat its constant is taken; elsewhere Gauss-Legendre nodes lie in pieces so short that the error is
    below 1e-12 of the time, for any curve and any time.
    """
    if rate * time <= SHORT * width and time <= SHORT:
        half = 0.5 * time
        middle = shape(kind, (rate * exp(-half) - centre) / width)
        early = shape(kind, (rate * exp(-half * (1.0 - NODE_3)) - centre) / width)
        late = shape(kind, (rate * exp(-half * (1.0 + NODE_3)) - centre) / width)
        return half * (WEIGHT_0 * middle + WEIGHT_3 * (early + late))
    flat = FLAT_GAUSSIAN if kind == GAUSSIAN else FLAT_SIGMOID
    inside = centre + 0.98 * flat * width
    total = 0.0
    done = 0.0
    while done < time:
        now = rate * exp(-done)
        x = (now - centre) / width
        rest = time - done
        if x < -flat or now <= 1e-18 * width:  # x only falls
            return total + rest * shape(kind, x)
        if x > flat:
            piece = min(rest, log(now / inside)) if inside > 0.0 else rest
            total -= piece
        else:
            drop = STEP_X * width / now
            piece = min(rest, STEP_T)
            if drop < 1.0 - 1e-9:
                piece = min(piece, drop if drop < 1e-4 else -log(1.0 - drop))
            total += nodes(kind, centre, width, now, piece)
        if piece >= rest:
            return total
        done += piece
    return total


@scalar
def nodes(kind, centre, width, rate, time):
    """Ten Gauss-Legendre nodes over one piece."""
    half = 0.5 * time
    total = 0.0
    for k in range(5):
        node = NODE_A if k == 0 else NODE_B if k == 1 else NODE_C if k == 2 else NODE_D if k == 3 else NODE_E
        weight = (
            WEIGHT_A if k == 0 else WEIGHT_B if k == 1 else WEIGHT_C if k == 2 else WEIGHT_D if k == 3 else WEIGHT_E
        )
        early = shape(kind, (rate * exp(-half * (1.0 - node)) - centre) / width)
        late = shape(kind, (rate * exp(-half * (1.0 + node)) - centre) / width)
        total += weight * (early + late)
    return half * total


@kernel
def grow_linear(elapsed, integral, growth, target, bound, z, grown):
    """grown = z after dz/dt = growth (1 - r / target) over `elapsed` ms, r having this integral (Hz ms), at least 0.

    Returns what `vacant_range` does.
    """
    least = 0
    most = 0
    for i in range(z.size):
        grown[i] = max(z[i] + growth[i] * (elapsed - integral[i] / target[i]), 0.0)
        vacant = int(grown[i]) - bound[i]
        least = min(least, vacant)
        most = max(most, vacant)
    return least, most


@kernel
def vacant_range(z, bound):
    """The smallest number of vacant elements floor(z) - bound, or 0, and the largest, or 0."""
    least = 0
    most = 0
    for i in range(z.size):
        vacant = int(z[i]) - bound[i]
        least = min(least, vacant)
        most = max(most, vacant)
    return least, most


@kernel
def lose_vacant(decay, bound, z, left):
    """left = z without this share of the vacant elements."""
    for i in range(z.size):
        vacant = int(z[i]) - bound[i]
        left[i] = z[i] - decay * vacant if vacant > 0 else z[i]


@kernel
def grow(kind, since, step, dt, tau, first, stamp, trace, at, growth, centre, width, z):
    """dz/dt = growth * shape of each neuron, from spike to spike; then z is at least 0.  `growth` is per ms."""
    jump = 1e3 / tau
    for i in range(z.size):
        rate = trace[at[i]]
        total = 0.0
        last = since
        for s in range(first[at[i]], first[at[i] + 1]):
            time = (stamp[s] - last) * dt / tau
            total += shape_over(kind, centre[i], width[i], rate, time)
            rate = rate * exp(-time) + jump
            last = stamp[s]
        total += shape_over(kind, centre[i], width[i], rate, (step - last) * dt / tau)
        z[i] = max(z[i] + growth[i] * tau * total, 0.0)


@scalar
def euler(kind, steps, dt, tau, rate, growth, centre, width, z):
    """Forward Euler: in each step the trace first, then z with the new trace.  The linear curve (1 - r / centre) is exact."""
    if kind == LINEAR:
        left = tau * rate * (1.0 - exp(-steps * dt / tau))
        return max(z + growth * (steps * dt - left / centre), 0.0)
    for _ in range(steps):
        rate = rate - rate / tau * dt
        z = z + dt * growth * shape(kind, (rate - centre) / width)
    return max(z, 0.0)


@kernel
def grow_euler(kind, since, step, dt, tau, first, stamp, trace, at, growth, centre, width, z):
    """As `grow`, in the steps of NEST; z is at least 0 after each spike and at the end."""
    jump = 1e3 / tau
    for i in range(z.size):
        rate = trace[at[i]]
        value = z[i]
        last = since
        for s in range(first[at[i]], first[at[i] + 1]):
            value = euler(kind, stamp[s] - last, dt, tau, rate, growth[i], centre[i], width[i], value)
            rate = rate * exp(-(stamp[s] - last) * dt / tau) + jump
            last = stamp[s]
        z[i] = euler(kind, step - last, dt, tau, rate, growth[i], centre[i], width[i], value)


# ---- partners by distance --------------------------------------------------------------------------------------------


@scalar
def closeness(gaussian, length, square):
    """Weight of a pair whose squared distance is `square`."""
    return exp(-square / (2.0 * length * length)) if gaussian else exp(-(square**0.5) / length)


@kernel
def gap(low, high, other_low, other_high):
    """Squared distance of two boxes."""
    total = 0.0
    for k in range(low.size):
        apart = max(0.0, max(other_low[k] - high[k], low[k] - other_high[k]))
        total += apart * apart
    return total


@kernel
def draw_partners(
    gaussian,
    length,
    ask_first,
    ask,
    source,
    ask_low,
    ask_high,
    slot_first,
    slot,
    target,
    low,
    high,
    key,
    tries,
    bound,
    sums,
    chosen,
):
    """chosen[e] = the vacant slot that asking element e draws in proportion to closeness, or -1 if all have weight 0.

    Elements and slots are sorted by cell: those of cell a are ask[ask_first[a]] ... , at source[ask], and lie in the box
    ask_low[a] ... ask_high[a]; slots likewise.  A cell is drawn by its number of slots times the weight at the gap of the
    boxes, a slot in it uniformly, and kept with the chance weight / weight at the gap: exact.  After `tries` failures one
    draw from the whole list, exact as well.  bound and sums have an entry for each cell of slots.
    """  # fmt: skip
    for a in range(ask_first.size - 1):
        total = 0.0
        for b in range(slot_first.size - 1):
            bound[b] = closeness(gaussian, length, gap(ask_low[a], ask_high[a], low[b], high[b]))
            total += bound[b] * (slot_first[b + 1] - slot_first[b])
            sums[b] = total
        for e in range(ask_first[a], ask_first[a + 1]):
            chosen[ask[e]] = -1
            if total <= 0.0:
                continue
            here = source[ask[e]]
            found = False
            for t in range(tries):
                b = cell_of(sums, uniform(key, 3 * t, ask[e]) * total)
                n = slot_first[b + 1] - slot_first[b]
                s = slot[slot_first[b] + min(n - 1, int(uniform(key, 3 * t + 1, ask[e]) * n))]
                weight = closeness(gaussian, length, gap(here, here, target[s], target[s]))
                if uniform(key, 3 * t + 2, ask[e]) * bound[b] < weight:
                    chosen[ask[e]] = s
                    found = True
                    break
            if not found:
                chosen[ask[e]] = from_all(gaussian, length, here, slot, target, uniform(key, 3 * tries, ask[e]))


@kernel
def cell_of(sums, value):
    """The first entry of the ascending `sums` above value."""
    low = 0
    high = sums.size - 1
    while low < high:
        middle = (low + high) // 2
        if sums[middle] > value:
            high = middle
        else:
            low = middle + 1
    return low


@kernel
def from_all(gaussian, length, here, slot, target, draw):
    """One slot of the whole list in proportion to closeness, or -1 if all have weight 0."""
    total = 0.0
    for e in range(slot.size):
        total += closeness(gaussian, length, gap(here, here, target[slot[e]], target[slot[e]]))
    rest = draw * total
    last = -1
    for e in range(slot.size):
        weight = closeness(gaussian, length, gap(here, here, target[slot[e]], target[slot[e]]))
        if weight > 0.0:
            last = slot[e]
            rest -= weight
            if rest < 0.0:
                return last
    return last


# ---- synapses of a few targets ---------------------------------------------------------------------------------------


@kernel
def probe_inputs(key, uid, column, k, row0, n_rows, tries, mask, table, packed, row, slot, held):
    """k[i] different synapses onto column[i], uniformly, by looking into random rows; no pair may have two.
    The rows that may lead to column[i] are row0[i] ... row0[i] + n_rows - 1.

    They are written one target after the other; held[i] says how many `tries` looks found.  Cheaper than a pass over all
    synapses where few targets are asked for.
    """
    start, length, _ = table
    first = 0
    for i in range(column.size):
        n = 0
        wanted = np.uint32(column[i])
        after = row0[i] + min(n_rows - 1, int(uniform(key, 0, uid[i]) * n_rows))
        later = row0[i] + min(n_rows - 1, int(uniform(key, 1, uid[i]) * n_rows))
        for t in range(tries):
            if n == k[i]:
                break
            r, after = after, later
            later = row0[i] + min(n_rows - 1, int(uniform(key, t + 2, uid[i]) * n_rows))
            for ahead in range(0, min(length[later], 128), 16):  # the row after next comes while this one is looked at
                prefetch(packed, start[later] + ahead)
            here = packed[start[r] : start[r] + length[r]]
            least = mask
            for s in range(here.size):
                least = min(least, (here[s] ^ wanted) & mask)  # 0: here it is
            if least:
                continue
            known = False
            for other in range(first, first + n):
                known = known or row[other] == r
            if not known:
                row[first + n] = r
                for s in range(here.size):
                    if (here[s] & mask) == wanted:
                        slot[first + n] = s
                n += 1
        held[i] = n
        first += k[i]
