"""What formulas predict for the rules that have one: the change by given spikes, and the mean drift between Poisson trains.

Written from the papers, on plain numbers: nothing of the engine or of a rule's own functions is used here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from neurosim.lab.trains import Pair

#: Moments (ms since the one before, whether pre fires, whether post fires) in order.
Moments = list[tuple[float, bool, bool]]
#: Replays spikes on one synapse: (rule, moments, weight) -> weight at the end.
Replay = Callable[[Any, Moments, float], float]
#: Mean drift per ms: (rule, rates in 1/ms, weight, common rate in 1/ms, lag in ms).
Drift = Callable[[Any, float, float, float, float, float], float]


def change(rule: Any, pair: Pair, step: float, w0: float, *, level: float = 0.0, wait: float = 0.0) -> float:
    """Change of a weight by spikes that the synapse sees at these steps; NaN where no formula is known.

    Every change is clipped to the bounds, and a coincident pair comes as post, then pre, neither counting the other.
    For rules with a third factor `level` is that of the modulator above the baseline, and `wait` (ms) how long after the
    last spike the weight is asked for.
    """
    rule = _alone(rule)
    name = type(rule).__name__
    if name in GATED:
        return _replay_gated(rule, _moments(pair, step), w0, level, wait) - w0
    return REPLAYS[name](rule, _moments(pair, step), w0) - w0 if name in REPLAYS else math.nan


def drift(
    rule: Any, pre_rate: float, post_rate: float, weight: float, *, common: float = 0.0, lag: float = 0.0,
    level: float = 0.0,
) -> float:  # fmt: skip
    """Mean change of a weight per second between Poisson trains; NaN where no formula is known.

    Parameters
    ----------
    rule : plasticity rule
        A method `drift(pre_rate, post_rate)` of the rule is asked where this module knows nothing (without common spikes).
    pre_rate, post_rate : float
        Hz.
    weight : float
        The weight at which the drift is asked.
    common : float
        Rate (Hz) of the spikes of both trains that belong together.
    lag : float
        By how much (ms) the postsynaptic one of these is later.
    level : float
        For rules with a third factor: level of the modulator above the baseline.

    References
    ----------
    Kempter, Gerstner & van Hemmen (1999) Phys. Rev. E 59:4498; Pfister & Gerstner (2006) J. Neurosci. 26:9673.
    """
    rule = _alone(rule)
    name = type(rule).__name__
    rates = pre_rate * 1e-3, post_rate * 1e-3, weight, common * 1e-3, lag
    if name in GATED:
        return 1e3 * level * GATED[name](rule, *rates)
    if name in DRIFTS:
        return 1e3 * DRIFTS[name](rule, *rates)
    own = getattr(rule, "drift", None)
    if callable(own) and common == 0.0:
        return float(own(pre_rate, post_rate))
    return math.nan


def balance(rule: Any, pre_rate: float, post_rate: float, low: float, high: float) -> float:
    """The weight between the bounds at which the drift of independent trains vanishes and is restoring; else NaN."""
    weights = np.linspace(low, high, 402)[1:-1]
    slope = np.array([drift(rule, pre_rate, post_rate, float(w)) for w in weights])
    falls = np.flatnonzero((slope[:-1] > 0.0) & (slope[1:] <= 0.0))
    if not falls.size:
        return math.nan
    k = int(falls[0])
    return float(weights[k] + (weights[k + 1] - weights[k]) * slope[k] / (slope[k] - slope[k + 1]))


def _alone(rule: Any) -> Any:
    """Of several rules the only one that changes the weight, if there is one; else the rule itself."""
    parts = list(rule) if isinstance(rule, list | tuple) else list(getattr(rule, "rules", (rule,)))
    changing = [one for one in parts if type(one).__name__ not in PASSIVE]
    return changing[0] if len(changing) == 1 else rule


def _moments(pair: Pair, step: float) -> Moments:
    """Moments at which at least one of the two fires."""
    pre, post = (set(one.tolist()) for one in pair)
    found, last = [], None
    for t in sorted(pre | post):
        found.append((0.0 if last is None else (t - last) * step, t in pre, t in post))
        last = t
    return found


def _clip(rule: Any, w: float) -> float:
    return min(max(w, rule.w_min), rule.w_max)


def _meetings(
    pre: float, post: float, common: float, lag: float, tau_plus: float, tau_minus: float
) -> tuple[float, float]:
    """Rates (1/ms) at which post spikes collect the trace of pre spikes, and pre spikes that of post spikes.

    Independent spikes meet at every distance alike; common ones once more each, at the distance of the lag.
    """
    after = common * math.exp(-lag / tau_plus) if lag > 0.0 else 0.0
    before = common * math.exp(lag / tau_minus) if lag < 0.0 else 0.0
    return pre * post * tau_plus + after, pre * post * tau_minus + before


# ---- pairs ----------------------------------------------------------------------------------------------------------


def _pair_steps(rule: Any, w: float) -> tuple[float, float]:
    """Potentiation and depression by a pair at distance 0, at this weight."""
    if type(rule).__name__ == "PowerLawSTDP":
        return rule.lam * rule.w0 * (w / rule.w0) ** rule.mu, rule.alpha * rule.lam * w
    span = rule.w_max - rule.w_min
    up = 1.0 if rule.mu_plus == 0.0 else ((rule.w_max - w) / span) ** rule.mu_plus
    down = 1.0 if rule.mu_minus == 0.0 else ((w - rule.w_min) / span) ** rule.mu_minus
    return rule.a_plus * up, rule.a_minus * down


def _replay_pairs(rule: Any, moments: Moments, w: float) -> float:
    """At a post spike w += A+ sum exp(-s/tau+) over all earlier pre spikes; at a pre spike the reverse."""
    x = y = 0.0
    for elapsed, pre, post in moments:
        x *= math.exp(-elapsed / rule.tau_plus)
        y *= math.exp(-elapsed / rule.tau_minus)
        if post:
            w = _clip(rule, w + _pair_steps(rule, w)[0] * x)
        if pre:
            w = _clip(rule, w - _pair_steps(rule, w)[1] * y)
        x, y = x + pre, y + post
    return w


def _drift_of_pairs(rule: Any, pre: float, post: float, w: float, common: float, lag: float) -> float:
    up, down = _pair_steps(rule, w)
    after, before = _meetings(pre, post, common, lag, rule.tau_plus, rule.tau_minus)
    return up * after - down * before


def _replay_nearest(rule: Any, moments: Moments, w: float) -> float:
    """Pairs of nearest spikes, by the scheme; ages (ms) of the last spikes instead of traces."""
    since_pre = since_post = math.inf
    waiting: list[float] = []  # ages of the pre spikes since the last post spike
    lonely = True  # no post spike since the last pre spike
    for elapsed, pre, post in moments:
        since_pre, since_post, waiting = since_pre + elapsed, since_post + elapsed, [age + elapsed for age in waiting]
        if post:
            ages = {"symmetric": [since_pre], "presynaptic": waiting, "restricted": [since_pre] if lonely else []}
            met = sum(math.exp(-age / rule.tau_plus) for age in ages[rule.scheme])
            w = _clip(rule, w + _pair_steps(rule, w)[0] * met)
            waiting, lonely = [], False
        if pre:
            if rule.scheme != "restricted" or not lonely:
                w = _clip(rule, w - _pair_steps(rule, w)[1] * math.exp(-since_post / rule.tau_minus))
            waiting, lonely = [*waiting, 0.0], True
        since_pre, since_post = (0.0 if pre else since_pre), (0.0 if post else since_post)
    return w


def _drift_of_nearest(rule: Any, pre: float, post: float, w: float, common: float, lag: float) -> float:
    """The age of the spike that a pair needs is exponentially distributed; common spikes: not derived."""
    if common != 0.0:
        return math.nan
    a, b = 1.0 / rule.tau_plus, 1.0 / rule.tau_minus
    before, after = {
        "symmetric": (pre / (pre + a), post / (post + b)),
        "presynaptic": (pre / (post + a), post / (post + b)),
        "restricted": (pre / (pre + post + a), post / (pre + post + b)),
    }[rule.scheme]
    up, down = _pair_steps(rule, w)
    return post * up * before - pre * down * after


# ---- triplets -------------------------------------------------------------------------------------------------------


def _replay_triplets(rule: Any, moments: Moments, w: float) -> float:
    """At a post spike w += r1 (A2+ + A3+ o2), at a pre spike w -= o1 (A2- + A3- r2); traces of all or of the last spike."""
    nearest = rule.pairing == "nearest"
    taus = (rule.tau_plus, rule.tau_x, rule.tau_minus, rule.tau_y)
    r1 = r2 = o1 = o2 = 0.0
    for elapsed, pre, post in moments:
        r1, r2, o1, o2 = (m * math.exp(-elapsed / tau) for m, tau in zip((r1, r2, o1, o2), taus, strict=True))
        if post:
            w = _clip(rule, w + r1 * (rule.a2_plus + rule.a3_plus * o2))
        if pre:
            w = _clip(rule, w - o1 * (rule.a2_minus + rule.a3_minus * r2))
        if nearest:
            r1, r2, o1, o2 = (1.0 if fires else m for m, fires in ((r1, pre), (r2, pre), (o1, post), (o2, post)))
        else:
            r1, r2, o1, o2 = r1 + pre, r2 + pre, o1 + post, o2 + post
    return w


def _drift_of_triplets(rule: Any, pre: float, post: float, w: float, common: float, lag: float) -> float:
    """Means of products of traces; with common spikes each of r1 o2 and o1 r2 has the term of a common pair before."""
    if rule.pairing == "nearest":
        if common != 0.0:
            return math.nan
        r1, r2 = (pre / (pre + 1.0 / tau) for tau in (rule.tau_plus, rule.tau_x))
        o1, o2 = (post / (post + 1.0 / tau) for tau in (rule.tau_minus, rule.tau_y))
        return post * r1 * (rule.a2_plus + rule.a3_plus * o2) - pre * o1 * (rule.a2_minus + rule.a3_minus * r2)
    after, before = _meetings(pre, post, common, lag, rule.tau_plus, rule.tau_minus)
    fades = (
        (rule.tau_plus, rule.tau_x) if lag >= 0.0 else (rule.tau_y, rule.tau_minus)
    )  # of the earlier one, over the lag
    both = [common * math.exp(-abs(lag) / tau) for tau in fades]
    r1_o2 = after * post * rule.tau_y + post * both[0] / (1.0 / rule.tau_plus + 1.0 / rule.tau_y)
    o1_r2 = before * pre * rule.tau_x + pre * both[1] / (1.0 / rule.tau_minus + 1.0 / rule.tau_x)
    return rule.a2_plus * after + rule.a3_plus * r1_o2 - rule.a2_minus * before - rule.a3_minus * o1_r2


# ---- inhibitory plasticity ------------------------------------------------------------------------------------------


def _replay_vogels(rule: Any, moments: Moments, w: float) -> float:
    """The strength grows by eta x at a post spike and by eta (y - alpha) at a pre spike."""
    x = y = 0.0
    alpha = 2.0 * rule.target_rate * 1e-3 * rule.tau
    sign = -1.0 if rule.w_max <= 0.0 else 1.0
    for elapsed, pre, post in moments:
        x, y = (m * math.exp(-elapsed / rule.tau) for m in (x, y))
        if post:
            w = _clip(rule, w + sign * rule.eta * x)
        if pre:
            w = _clip(rule, w + sign * rule.eta * (y - alpha))
        x, y = x + pre, y + post
    return w


def _drift_of_vogels(rule: Any, pre: float, post: float, w: float, common: float, lag: float) -> float:
    """Vanishes at the target rate of the postsynaptic neuron, whatever the presynaptic one does."""
    sign = -1.0 if rule.w_max <= 0.0 else 1.0
    met = sum(_meetings(pre, post, common, lag, rule.tau, rule.tau))
    return sign * rule.eta * (met - 2.0 * pre * rule.tau * rule.target_rate * 1e-3)


# ---- three factors --------------------------------------------------------------------------------------------------


def _replay_gated(rule: Any, moments: Moments, w: float, level: float, wait: float) -> float:
    """Pairs feed an eligibility that fades with tau; w grows by it times the level, which is held."""
    rate, tau, single_pre, single_post = _gating(rule)
    x = y = e = 0.0
    for elapsed, pre, post in [*moments, (wait, False, False)]:
        w = _clip(rule, w + level * e * tau * -math.expm1(-elapsed / tau))
        x *= math.exp(-elapsed / rule.tau_plus)
        y *= math.exp(-elapsed / rule.tau_minus)
        e *= math.exp(-elapsed / tau)
        e += rate * (post * (single_post + rule.a_plus * x) + pre * (single_pre - rule.a_minus * y))
        x, y = x + pre, y + post
    return w


def _drift_of_gated(rule: Any, pre: float, post: float, w: float, common: float, lag: float) -> float:
    """Mean eligibility: what is fed in per ms, times its time constant."""
    rate, tau, single_pre, single_post = _gating(rule)
    after, before = _meetings(pre, post, common, lag, rule.tau_plus, rule.tau_minus)
    return rate * tau * (rule.a_plus * after - rule.a_minus * before + single_pre * pre + single_post * post)


def _gating(rule: Any) -> tuple[float, float, float, float]:
    """(learning rate, time constant of the eligibility, terms of a single pre and a single post spike)."""
    if type(rule).__name__ == "RewardSTDP":
        return rule.eta, rule.tau_e, rule.a_pre, rule.a_post
    return 1.0, rule.tau_c, 0.0, 0.0


#: Rules that change what is delivered, not the weight.
PASSIVE = ("ShortTerm", "Facilitation")
REPLAYS: dict[str, Replay] = {
    "PairSTDP": _replay_pairs, "PowerLawSTDP": _replay_pairs, "NearestSTDP": _replay_nearest,
    "TripletSTDP": _replay_triplets, "VogelsSTDP": _replay_vogels,
}  # fmt: skip
DRIFTS: dict[str, Drift] = {
    "PairSTDP": _drift_of_pairs, "PowerLawSTDP": _drift_of_pairs, "NearestSTDP": _drift_of_nearest,
    "TripletSTDP": _drift_of_triplets, "VogelsSTDP": _drift_of_vogels,
}  # fmt: skip
#: Drifts of rules with a third factor, per unit of the level above the baseline.
GATED: dict[str, Drift] = {"DopamineSTDP": _drift_of_gated, "RewardSTDP": _drift_of_gated}
