"""Slow rules of plasticity as loops: traces of rates, scaling, normalisation, rate rules, tagging and capture.

Knows arrays only.  Times are ms unless a name says steps; `at`, `at_pre`, `at_post` number the neuron of each synapse.
"""

import numpy as np

from neurosim.kernels.compiled import kernel, scalar
from neurosim.kernels.mathematics import exp, log, normal_of
from neurosim.kernels.rng import pair_hash, philox

_LOW = np.uint64(0xFFFFFFFF)


# ---- exponentials that keep their digits where little happens --------------------------------------------------------


@scalar
def lag(x):
    """x - (1 - exp(-x)) for x >= 0, to rounding: what a low pass lags behind after x time constants of a constant input."""
    if x > 0.3:
        return x - 1.0 + exp(-x)
    term = 0.5 * x * x
    total = 0.0
    for n in range(3, 16):
        total += term
        term *= -x / n
    return total


@scalar
def gone(x):
    """1 - exp(-x) for x >= 0, to rounding."""
    return 1.0 - exp(-x) if x > 0.3 else x - lag(x)


@scalar
def mean_kept(x):
    """(1 - exp(-x)) / x: the mean of a decay over x time constants; 1 at x = 0, above it for x < 0 (growth)."""
    if x < 0.0:
        return exp(-x) * gone(-x) / -x
    return gone(x) / x if x > 0.0 else 1.0


# ---- rates -----------------------------------------------------------------------------------------------------------


@kernel
def low_pass(elapsed, tau, place, age, rate, area, area_of_area):
    """Advance traces dr/dt = -r / tau + 1000 / tau at each spike (Hz) over `elapsed` ms, in place.

    `place[k]` fired `age[k]` ms before the end.  `area` becomes the integral of r over the time (Hz ms), `area_of_area` the
    integral of that running integral (Hz ms**2).  All three are exact.
    """
    jump = 1e3 / tau
    x = elapsed / tau
    decay, once, twice = exp(-x), tau * gone(x), tau * tau * lag(x)
    for j in range(rate.size):
        area[j] = rate[j] * once
        area_of_area[j] = rate[j] * twice
        rate[j] *= decay
    for k in range(place.size):
        j = place[k]
        x = age[k] / tau
        rate[j] += jump * exp(-x)
        area[j] += jump * tau * gone(x)
        area_of_area[j] += jump * tau * tau * lag(x)


@kernel
def leaky_sum(elapsed, tau, place, age, value):
    """Decay each value over `elapsed` ms and add, for each spike, 1 as it has decayed since."""
    decay = exp(-elapsed / tau)
    for j in range(value.size):
        value[j] *= decay
    for k in range(place.size):
        value[place[k]] += exp(-age[k] / tau)


# ---- sums and factors over the rows of a pool ------------------------------------------------------------------------


@kernel
def add_up(row0, n_rows, by_source, squares, place, mask, start, length, packed, weight, out):
    """out[neuron] += |w| (or w**2) over the synapses of the rows; the neuron is the row's, or place[column]."""
    for r in range(row0, row0 + n_rows):
        for e in range(start[r], start[r] + length[r]):
            j = r - row0 if by_source else place[packed[e] & mask]
            w = np.float64(weight[e])
            out[j] += w * w if squares else abs(w)


@kernel
def scale(row0, n_rows, by_source, factor, low, high, place, mask, start, length, packed, weight):
    """w = w * factor[neuron], within low ... high, for all synapses of the rows."""
    for r in range(row0, row0 + n_rows):
        for e in range(start[r], start[r] + length[r]):
            j = r - row0 if by_source else place[packed[e] & mask]
            weight[e] = min(max(np.float64(weight[e]) * factor[j], low), high)


@kernel
def shift_to(first, member, total, low, high, value):
    """Shift the values of each group alike, within low ... high of each, until they sum to total[group] (or all are at a bound).

    Group g is value[member[first[g]:first[g + 1]]].  Those that reach a bound stay there and the others take the rest: the
    nearest point (in the Euclidean sense) with that sum.
    """
    for g in range(total.size):
        for _ in range(first[g + 1] - first[g]):
            excess = -total[g]
            for k in range(first[g], first[g + 1]):
                excess += value[member[k]]
            free = 0
            for k in range(first[g], first[g + 1]):
                e = member[k]
                free += value[e] > low[e] if excess > 0 else value[e] < high[e]
            if free == 0:
                break
            step = excess / free
            stopped = False
            for k in range(first[g], first[g + 1]):
                e = member[k]
                if value[e] > low[e] if excess > 0 else value[e] < high[e]:
                    value[e] -= step
                    if value[e] < low[e]:
                        value[e] = low[e]
                        stopped = True
                    elif value[e] > high[e]:
                        value[e] = high[e]
                        stopped = True
            if not stopped:
                break


# ---- rules on rates: x and y are held over the time, the equation is solved exactly ----------------------------------


@kernel
def hebb(gain, decay, at_pre, at_post, x, y, weight):
    """dw = gain x y - decay w, over one unit of time."""
    kept, mean = exp(-decay), mean_kept(decay)
    for e in range(weight.size):
        weight[e] = weight[e] * kept + gain * x[at_pre[e]] * y[at_post[e]] * mean


@kernel
def oja(gain, alpha, at_pre, at_post, x, y, weight):
    """dw = gain y (x - alpha y w), over one unit of time (Oja 1982)."""
    for e in range(weight.size):
        out = y[at_post[e]]
        rate = gain * alpha * out * out
        weight[e] = weight[e] * exp(-rate) + gain * out * x[at_pre[e]] * mean_kept(rate)


@kernel
def slide(times, scale_y, y, theta, mean):
    """theta' = y**2 / scale_y - theta over `times` time constants, in place; `mean` becomes its mean over them."""
    for j in range(theta.size):
        goal = y[j] * y[j] / scale_y
        mean[j] = goal + (theta[j] - goal) * mean_kept(times)
        theta[j] = goal + (theta[j] - goal) * exp(-times)


@kernel
def bcm(gain, at_pre, at_post, x, y, theta, weight):
    """dw = gain x y (y - theta), over one unit of time; theta is the mean over it."""
    for e in range(weight.size):
        j = at_post[e]
        weight[e] += gain * x[at_pre[e]] * y[j] * (y[j] - theta[j])


# ---- tagging and capture ---------------------------------------------------------------------------------------------


@scalar
def drift(h, c, time, key, noisy, pre, post, nth, law):
    """The early weight `time` ms on, while calcium decays from c: potentiated above theta_p, depressed above theta_d.

    In each of the three stretches the equation is linear, so h (and its noise) is exact.  h is in units of h_0.
    """
    tau_c, theta_p, theta_d, tau_h, back, gamma_p, gamma_d, most, sigma = law
    left = time
    for stretch in range(3):
        if stretch == 0:
            if c <= theta_p:
                continue
            span = min(left, tau_c * log(c / theta_p))
            rate, goal, sources = back + gamma_p + gamma_d, back + gamma_p * most, 2.0
        elif stretch == 1:
            if c <= theta_d:
                continue
            span = min(left, tau_c * log(min(c, theta_p) / theta_d))
            rate, goal, sources = back + gamma_d, back, 1.0
        else:
            span, rate, goal, sources = left, back, back, 0.0
        x = rate * span / tau_h
        goal /= rate
        h = goal + (h - goal) * exp(-x)
        if noisy and sources > 0.0:
            bits = pair_hash(philox(np.uint64(stretch), np.uint64(0x7A66), key) & _LOW, pre, post, nth)
            h += sigma * (sources / (2.0 * rate) * gone(2.0 * x)) ** 0.5 * normal_of(bits)
        left -= span
        if left <= 0.0:
            break
    return h


@kernel
def early(
    begin, end, dt, first_pre, pre_step, first_post, post_step, at_pre, at_post, born, heard_from, c_pre, c_post, law,
    key, noisy, pre_uid, post_uid, nth, h, calcium, busy,
):  # fmt: skip
    """Advance the early weight and the calcium of each synapse from step `begin` to step `end`, event by event.

    Neuron i's spikes reach its synapses at the steps pre_step[first_pre[i]:first_pre[i + 1]], ascending and in (begin, end];
    so for post.  A synapse hears postsynaptic ones after `born`, presynaptic ones after `heard_from`.  `busy` tells whether
    calcium was above theta_d, or any spike came.
    """
    tau_c, theta_d = law[0], law[2]
    for e in range(h.size):
        p, last_p = first_pre[at_pre[e]], first_pre[at_pre[e] + 1]
        q, last_q = first_post[at_post[e]], first_post[at_post[e] + 1]
        while p < last_p and pre_step[p] <= heard_from[e]:
            p += 1
        while q < last_q and post_step[q] <= born[e]:
            q += 1
        c, value, now = calcium[e], h[e], begin
        busy[e] = c > theta_d or p < last_p or q < last_q
        while now < end:
            then = end
            if p < last_p:
                then = min(then, pre_step[p])
            if q < last_q:
                then = min(then, post_step[q])
            span = (then - now) * dt
            stretch_key = philox(np.uint64(now) & _LOW, np.uint64(0x57C), key) & _LOW if noisy else key
            value = drift(value, c, span, stretch_key, noisy, pre_uid[e], post_uid[e], nth[e], law)
            c *= exp(-span / tau_c)
            while p < last_p and pre_step[p] == then:
                c += c_pre
                p += 1
            while q < last_q and post_step[q] == then:
                c += c_post
                q += 1
            now = then
        h[e], calcium[e] = value, c


@kernel
def change_of(at_post, h, out):
    """out[neuron] += |h - 1| over its synapses."""
    for e in range(h.size):
        out[at_post[e]] += abs(h[e] - 1.0)


@kernel
def flag(at_post, busy, out):
    """out[neuron] is set where one of its synapses is busy."""
    for e in range(busy.size):
        if busy[e]:
            out[at_post[e]] = True


@scalar
def while_above(change, theta, fading, time, tau):
    """How long (of `time` ms) a change stays above theta: fading with tau, or as it is at the start."""
    if change <= theta:
        return 0.0
    return min(time, tau * log(change / theta)) if fading else time


@scalar
def protein_after(p, made, time, tau):
    """(amount, its integral) after `time` ms of tau p' = 1 - p while made (ms from the start on), of tau p' = -p behind."""
    on = min(time, made)
    x, y = on / tau, (time - on) / tau
    area = on + (p - 1.0) * tau * gone(x)
    p = 1.0 + (p - 1.0) * exp(-x) if on > 0.0 else p
    return p * exp(-y), area + p * tau * gone(y)


@kernel
def synthesise(elapsed, change, busy, theta_pro, tau_back, made):
    """made[j] = for how long neuron j makes proteins in the next `elapsed` ms."""
    for j in range(made.size):
        made[j] = while_above(change[j], theta_pro, not busy[j], elapsed, tau_back)


@kernel
def capture(elapsed, at_post, h, busy, made, p, theta_tag, tau_back, tau_p, tau_z, z_min, z_max, z):
    """The late weight after `elapsed` ms: while tagged it goes to z_max (h > 1) or z_min, as fast as there is protein.

    h and p are those at the start, `busy` is that of each synapse.  The equation is linear in z, so its solution needs the integral of the protein only.
    """
    for e in range(z.size):
        j = at_post[e]
        tagged = while_above(abs(h[e] - 1.0), theta_tag, not busy[e], elapsed, tau_back)
        if tagged > 0.0:
            area = protein_after(p[j], made[j], tagged, tau_p)[1]
            goal = z_max if h[e] > 1.0 else z_min
            z[e] = goal + (z[e] - goal) * exp(-area / tau_z)


@kernel
def keep_protein(elapsed, made, tau_p, p):
    """Advance the amount of protein of each neuron."""
    for j in range(p.size):
        p[j] = protein_after(p[j], made[j], elapsed, tau_p)[0]
