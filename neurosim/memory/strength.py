"""How strong a memory is now: ACT-R base level, FSRS-6, a power law, and the exponential as null model.

Closed forms in plain NumPy.  They know numbers per engram and times in ms: no network, no synapse, no pattern.  What a
strength decides (which synapses stay) is done elsewhere, and whether a recall *succeeds* is measured, never computed here.

A policy is a frozen description.  The state of an engram is a row of float64, one number for each name in
`policy.columns`; many engrams are an array [engrams, columns], so that states can be saved, joined (`np.concatenate`)
and thinned (`state[keep]`) like any array.  Every method takes one row or many.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_number, check_positive, names_checked, settle
from neurosim.errors import ParameterError

DAY = 86_400_000.0  # ms
LEAST_AGE = 1.0  # ms; t^-d has no value at t = 0, so a use counts as at least this old
GOOD = 3
Numbers = float | np.ndarray  # one for all engrams, or an array [engrams]
Flags = bool | np.ndarray

#: Default parameters of FSRS-6: py-fsrs, fsrs/scheduler.py, DEFAULT_PARAMETERS (open-spaced-repetition, MIT).
FSRS6 = (
    *(0.212, 1.2931, 2.3065, 8.2956, 6.4133, 0.8334, 3.0194, 0.001, 1.8722, 0.1666, 0.796),
    *(1.4835, 0.0614, 0.2629, 1.6483, 0.6014, 1.8729, 0.5425, 0.0912, 0.0658, 0.1542),
)
LEAST_STABILITY = 0.001  # days; the floor of py-fsrs


class Strength(Protocol):
    """What every policy offers: a state per engram, made at the first use, changed by uses, read at any time."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Name of each number in the state of an engram."""
        ...

    def first(self, t: Numbers, grade: Numbers = GOOD) -> np.ndarray:
        """State of engrams stored at `t` (ms): float64 [columns], or [engrams, columns] for an array of times."""
        ...

    def used(self, state: np.ndarray, t: Numbers, success: Flags = True, grade: Numbers = GOOD) -> np.ndarray:
        """State after a recall at `t` (ms) that succeeded or failed; a new array."""
        ...

    def retrievability(self, state: np.ndarray, t: Numbers) -> np.ndarray:
        """Probability in [0, 1] that a recall at `t` (ms) would succeed, float64 [engrams]."""
        ...


def usefulness(policy: Strength, state: np.ndarray, t: Numbers, value: Numbers = 1.0) -> np.ndarray:
    """Value of a memory times the probability that it can be recalled: the rank by which forgetting chooses.

    Parameters
    ----------
    policy : Strength
    state : ndarray of float64 [engrams, columns]
    t : float or ndarray
        Now (ms).
    value : float or ndarray [engrams]
        Reward, novelty or number of recalls that were accepted and used; not negative.

    Examples
    --------
    >>> law = PowerLaw()
    >>> usefulness(law, law.first(np.zeros(2)), 0.0, np.array([1.0, 3.0]))
    array([1., 3.])
    """
    worth = np.asarray(value, np.float64)
    if not (np.isfinite(worth) & (worth >= 0)).all():
        raise ParameterError(f"usefulness.value: must be finite and not negative, got {value!r}; for example value=1.0")
    return worth * policy.retrievability(state, t)


def recall_after_gap(policy: Strength, gap: Numbers, delay: float) -> np.ndarray:
    """Expected recall at a test when two study sessions lie `gap` apart and the test comes `delay` after the second.

    The second session itself succeeds with the retrievability R after the gap, so that
    P = R(gap) P(delay | success) + (1 - R(gap)) P(delay | failure): the spacing effect of a policy.

    Parameters
    ----------
    gap : float or ndarray
        ms between the sessions.
    delay : float
        ms between the second session and the test.

    References
    ----------
    Cepeda et al. (2008), Psychological Science 19:1095: the best gap is 20-40 % of a delay of a week, 5-10 % of a year.
    """
    gap = np.asarray(gap, np.float64)
    wait = check_not_negative("recall_after_gap.delay", delay, "ms")
    state = policy.first(np.zeros(gap.shape))
    known = policy.retrievability(state, gap)
    after_success = policy.retrievability(policy.used(state, gap, True), gap + wait)
    after_failure = policy.retrievability(policy.used(state, gap, False), gap + wait)
    return known * after_success + (1.0 - known) * after_failure


# ------------------------------------------------------------------------------------------------ ACT-R


def base_level(age: np.ndarray, decay: float = 0.5) -> np.ndarray:
    """Exact base-level activation of ACT-R, B = ln sum_j t_j^-d, over the last axis.

    Parameters
    ----------
    age : ndarray [..., uses]
        Seconds since each use; nan for none.
    decay : float
        d, in (0, 1).

    Examples
    --------
    >>> float(base_level(np.array([10.0, 100.0, 1000.0])).round(4))
    -0.8033

    References
    ----------
    Anderson & Lebiere (1998), The Atomic Components of Thought.
    """
    exponent = check_positive("base_level.decay", decay)
    age = np.asarray(age, np.float64)
    if (age <= 0).any():
        raise ParameterError(f"base_level.age: must be positive (s), got {age[age <= 0][0]}")
    total: np.ndarray = np.nansum(age**-exponent, axis=-1)
    return _log(total)


def base_level_optimised(uses: Numbers, life: Numbers, decay: float = 0.5) -> np.ndarray:
    """Base level of `uses` spread evenly over the `life` of a memory, B = ln(n / (1 - d)) - d ln L: two numbers suffice.

    It equals the exact sum in the limit of many even uses, and is ln(1 / (1 - d)) too high for a single one.

    Parameters
    ----------
    uses : float or ndarray
        n, at least 1.
    life : float or ndarray
        L, seconds since the first use.
    decay : float
        d, in (0, 1).

    References
    ----------
    Anderson & Lebiere (1998); the formula is quoted in Petrov (2006), ICCM, eq. 2.
    """
    exponent = _check_decay("base_level_optimised.decay", decay)
    life = np.asarray(life, np.float64)
    if (life <= 0).any():
        raise ParameterError(f"base_level_optimised.life: must be positive (s), got {life.min()}")
    return _log(np.asarray(uses, np.float64) / (1.0 - exponent)) - exponent * np.log(life)


def spreading_activation(weight: np.ndarray, fan: np.ndarray, most: float) -> float:
    """Activation that a memory gets from its context, sum_k W_k (S_max - ln fan_k): the fan effect.

    Parameters
    ----------
    weight : ndarray [sources]
        W_k, attention on each source that is linked with the memory; ACT-R shares a sum of 1 out evenly.
    fan : ndarray [sources]
        Number of memories that each source is linked with, at least 1.
    most : float
        S_max, the association of a source with a single memory.

    References
    ----------
    Anderson (1974), Cognitive Psychology 6:451; Anderson & Lebiere (1998).
    """
    fan = np.asarray(fan, np.float64)
    if (fan < 1).any():
        raise ParameterError(f"spreading_activation.fan: each source has at least 1 memory, got {fan.min()}")
    return float(
        np.sum(np.asarray(weight, np.float64) * (check_number("spreading_activation.most", most) - np.log(fan)))
    )


@names_checked
@dataclass(frozen=True)
class ActR:
    """ACT-R: activation is the log of a sum of powers of the ages of all uses; recall is a logistic of the activation.

    B = ln sum_j t_j^-d; A = B + context; P = 1 / (1 + exp((threshold - A) / noise)); latency = F exp(-A).
    The last `keep` uses are kept and enter exactly; older ones enter by their number, spread evenly between the first
    use and the oldest one kept.  So B is exact as long as there were at most `keep` uses, and `keep=0` is "optimised
    learning" with two numbers an engram (see `base_level_optimised`).  A recall that fails leaves no trace.

    Parameters
    ----------
    decay : float
        d, in (0, 1).
    noise : float
        s of the logistic noise on the activation; 0: a sharp threshold.
    threshold : float
        Activation that is recalled in half of all cases.  -2.0: one use is forgotten half after e^4 = 55 s.
    latency_factor : float
        F, seconds.
    keep : int
        Times of last uses kept for each engram.
    second : float
        ms of the simulation that stand for one second; less than 1000 makes memories age faster.

    References
    ----------
    Anderson & Lebiere (1998), The Atomic Components of Thought; Petrov (2006), ICCM 391-392, for the mixed form.

    Examples
    --------
    >>> rule = ActR()
    >>> float(rule.activation(rule.first(0.0), 100_000.0).round(3))
    -2.303
    """

    decay: float = 0.5
    noise: float = 0.25
    threshold: float = -2.0
    latency_factor: float = 0.1
    keep: int = 8
    second: float = 1000.0

    def __post_init__(self) -> None:
        _check_decay("ActR.decay", self.decay)
        settle(self, "noise", check_not_negative)
        settle(self, "threshold", check_number)
        settle(self, "latency_factor", check_positive)
        settle(self, "keep", check_count)
        settle(self, "second", check_positive, "ms")

    @property
    def columns(self) -> tuple[str, ...]:
        return ("uses", "first_use", *(f"use_{j + 1}" for j in range(self.keep)))

    def first(self, t: Numbers, grade: Numbers = GOOD) -> np.ndarray:
        """State after one use at `t` (ms); `grade` says nothing to this policy.  Times not yet there are nan."""
        t = _times("ActR.first.t", t)
        state = np.full((*t.shape, 2 + self.keep), np.nan)
        state[..., 0] = 1.0
        state[..., 1:3] = t[..., None]
        return state

    def used(self, state: np.ndarray, t: Numbers, success: Flags = True, grade: Numbers = GOOD) -> np.ndarray:
        """State with a use at `t` (ms) added where `success`."""
        state = _rows(self, state)
        t, success = np.broadcast_arrays(_times("ActR.used.t", t), np.asarray(success, bool))
        state = np.broadcast_to(state, (*np.broadcast_shapes(state.shape[:-1], t.shape), state.shape[-1]))
        _age("ActR.used.t", t, state[..., 2] if self.keep else state[..., 1])
        after = state.copy()
        after[..., 0] += 1.0
        if self.keep:
            after[..., 3:] = state[..., 2:-1]
            after[..., 2] = t
        return np.where(success[..., None], after, state)

    def base_level(self, state: np.ndarray, t: Numbers) -> np.ndarray:
        """Base-level activation at `t` (ms), float64 [engrams]."""
        state = _rows(self, state)
        t = _times("ActR.base_level.t", t)
        d = self.decay
        _age("ActR.base_level.t", t, state[..., 2] if self.keep else state[..., 1])
        life = np.maximum(t - state[..., 1], LEAST_AGE) / self.second
        kept = state[..., 2:]
        age = np.maximum(t[..., None] - kept, LEAST_AGE) / self.second
        recent = np.nansum(age**-d, axis=-1)
        older = state[..., 0] - np.isfinite(kept).sum(axis=-1)
        oldest = np.nanmax(age, axis=-1, initial=0.0)  # 0 where nothing is kept: the plain approximation
        span = life - oldest
        spread = span > 1e-9 * life
        mean = np.where(
            spread,
            (life ** (1 - d) - oldest ** (1 - d)) / ((1 - d) * np.where(spread, span, 1.0)),
            life**-d,
        )
        return _log(recent + older * mean)

    def activation(self, state: np.ndarray, t: Numbers, context: Numbers = 0.0) -> np.ndarray:
        """Base level plus what the context adds (`spreading_activation`), float64 [engrams]."""
        return self.base_level(state, t) + np.asarray(context, np.float64)

    def retrievability(self, state: np.ndarray, t: Numbers, context: Numbers = 0.0) -> np.ndarray:
        """Probability that the activation plus logistic noise is above the threshold at `t` (ms)."""
        return self.probability(self.activation(state, t, context))

    def probability(self, activation: Numbers) -> np.ndarray:
        """Probability of recall of an activation, 1 / (1 + exp((threshold - A) / noise))."""
        over = np.asarray(activation, np.float64) - self.threshold
        if self.noise == 0.0:
            return np.heaviside(over, 0.5)
        return 0.5 + 0.5 * np.tanh(over / (2.0 * self.noise))  # the logistic without overflow

    def latency(self, state: np.ndarray, t: Numbers, context: Numbers = 0.0) -> np.ndarray:
        """Time that a recall takes, F exp(-A), in ms."""
        return self.latency_factor * self.second * np.exp(-self.activation(state, t, context))


# ------------------------------------------------------------------------------------------------ FSRS-6


@names_checked
@dataclass(frozen=True)
class Fsrs:
    """FSRS-6: a stability S (days until R = 0.9) and a difficulty D, both changed by every review; R falls as a power.

    R = (1 + F t / S)^-w20 with F = 0.9^(-1/w20) - 1.
    Success: S' = S (1 + e^w8 (11 - D) S^-w9 (e^(w10 (1 - R)) - 1) [w15 if hard] [w16 if easy]).
    Failure: S' = min(w11 D^-w12 ((S + 1)^w13 - 1) e^(w14 (1 - R)), S e^(-w17 w18)).
    Less than a day after the last review: S' = S e^(w17 (g - 3 + w18)) S^-w19, not below S for grades 3 and 4.
    D' = w7 D0(4) + (1 - w7) (D - w6 (g - 3)(10 - D) / 9), in 1..10.
    A review that fails counts as relearned, so that the clock starts again.  Grades: 1 again, 2 hard, 3 good, 4 easy.
    Time is continuous here; py-fsrs takes whole days.

    Parameters
    ----------
    weights : tuple of 21 floats
        w0..w20.
    day : float
        ms of the simulation that stand for one day; less makes memories age faster.

    References
    ----------
    Ye, Su & Cao (2022), KDD 4381; formulas and weights of version 6 as in py-fsrs, fsrs/scheduler.py.

    Examples
    --------
    >>> rule = Fsrs()
    >>> [float(rule.retrievability(rule.first(0.0), t * rule.day).round(4)) for t in (1, 7, 30, 365)]
    [0.9468, 0.8083, 0.6675, 0.4589]
    """

    weights: tuple[float, ...] = FSRS6
    day: float = DAY

    def __post_init__(self) -> None:
        if len(self.weights) != len(FSRS6):
            raise ParameterError(f"Fsrs.weights: needs {len(FSRS6)} numbers, got {len(self.weights)}; weights=FSRS6")
        numbers = tuple(check_number(f"Fsrs.weights[{i}]", w) for i, w in enumerate(self.weights))
        for i in (0, 1, 2, 3, 20):
            check_positive(f"Fsrs.weights[{i}]", numbers[i])
        object.__setattr__(self, "weights", numbers)
        settle(self, "day", check_positive, "ms")

    @property
    def columns(self) -> tuple[str, ...]:
        return ("stability", "difficulty", "last_use")

    @property
    def factor(self) -> float:
        """F, which makes R = 0.9 at t = S."""
        return float(0.9 ** (-1.0 / self.weights[20]) - 1.0)

    def initial_difficulty(self, grade: Numbers = GOOD) -> np.ndarray:
        """D0(g) = w4 - e^(w5 (g - 1)) + 1 before it is held in 1..10."""
        w = self.weights
        return w[4] - np.exp(w[5] * (_grades("Fsrs.initial_difficulty.grade", grade) - 1.0)) + 1.0

    def first(self, t: Numbers, grade: Numbers = GOOD) -> np.ndarray:
        """State after storing at `t` (ms): S0 = w[grade - 1], D0(grade)."""
        t, g = np.broadcast_arrays(_times("Fsrs.first.t", t), _grades("Fsrs.first.grade", grade))
        stability = np.maximum(np.asarray(self.weights)[g.astype(np.int64) - 1], LEAST_STABILITY)
        return np.stack([stability, np.clip(self.initial_difficulty(g), 1.0, 10.0), t], axis=-1)

    def used(self, state: np.ndarray, t: Numbers, success: Flags = True, grade: Numbers = GOOD) -> np.ndarray:
        """State after a review at `t` (ms); a failure is grade 1 whatever `grade` says, a success is 2, 3 or 4."""
        state = _rows(self, state)
        t = _times("Fsrs.used.t", t)
        g, success = np.broadcast_arrays(_grades("Fsrs.used.grade", grade), np.asarray(success, bool))
        if (success & (g == 1)).any():
            raise ParameterError("Fsrs.used.grade: grade 1 means failure; use success=False, or grade 2, 3 or 4")
        g = np.where(success, g, 1.0)
        stability, difficulty = state[..., 0], state[..., 1]
        elapsed = _age("Fsrs.used.t", t, state[..., 2]) / self.day
        recall = self._recall(elapsed, stability)
        reviewed = np.where(
            g > 1, self._succeed(stability, difficulty, recall, g), self._fail(stability, difficulty, recall)
        )
        after = np.where(elapsed < 1.0, self._same_day(stability, g), reviewed)
        parts = np.maximum(after, LEAST_STABILITY), self._harder(difficulty, g), t
        return np.stack(np.broadcast_arrays(*parts), axis=-1)

    def retrievability(self, state: np.ndarray, t: Numbers) -> np.ndarray:
        """R at `t` (ms), float64 [engrams]."""
        state = _rows(self, state)
        age = _age("Fsrs.retrievability.t", _times("Fsrs.retrievability.t", t), state[..., 2])
        return self._recall(age / self.day, state[..., 0])

    def interval(self, state: np.ndarray, level: float = 0.9) -> np.ndarray:
        """ms after the last use until R has fallen to `level`, in (0, 1)."""
        state = _rows(self, state)
        wanted = check_number("Fsrs.interval.level", level)
        if not 0.0 < wanted < 1.0:
            raise ParameterError(f"Fsrs.interval.level: must lie in (0, 1), got {level!r}; for example level=0.9")
        return state[..., 0] * self.day * (wanted ** (-1.0 / self.weights[20]) - 1.0) / self.factor

    def _recall(self, days: np.ndarray, stability: np.ndarray) -> np.ndarray:
        return (1.0 + self.factor * days / stability) ** -self.weights[20]

    def _succeed(
        self, stability: np.ndarray, difficulty: np.ndarray, recall: np.ndarray, grade: np.ndarray
    ) -> np.ndarray:
        w = self.weights
        how = np.where(grade == 2, w[15], np.where(grade == 4, w[16], 1.0))
        gain = np.exp(w[8]) * (11.0 - difficulty) * stability ** -w[9] * np.expm1(w[10] * (1.0 - recall))
        return stability * (1.0 + gain * how)

    def _fail(self, stability: np.ndarray, difficulty: np.ndarray, recall: np.ndarray) -> np.ndarray:
        w = self.weights
        relearned = w[11] * difficulty ** -w[12] * ((stability + 1.0) ** w[13] - 1.0) * np.exp(w[14] * (1.0 - recall))
        return np.minimum(relearned, stability * np.exp(-w[17] * w[18]))

    def _same_day(self, stability: np.ndarray, grade: np.ndarray) -> np.ndarray:
        w = self.weights
        gain = np.exp(w[17] * (grade - 3.0 + w[18])) * stability ** -w[19]
        return stability * np.where(grade >= GOOD, np.maximum(gain, 1.0), gain)

    def _harder(self, difficulty: np.ndarray, grade: np.ndarray) -> np.ndarray:
        w = self.weights
        moved = difficulty - w[6] * (grade - 3.0) * (10.0 - difficulty) / 9.0
        return np.clip(w[7] * self.initial_difficulty(4) + (1.0 - w[7]) * moved, 1.0, 10.0)


# ------------------------------------------------------------------------------------------------ two plain curves


@names_checked
@dataclass(frozen=True)
class PowerLaw:
    """Wickelgren's power law, R = (1 + t / scale)^-exponent since the last use; a success starts it again, more slowly.

    Parameters
    ----------
    scale : float
        ms.  The defaults are a least-squares fit to Ebbinghaus's savings (R2 .973).
    exponent : float
        Human curves lie between .05 and .3.
    growth : float
        Factor on the scale of an engram at each success, at least 1.

    References
    ----------
    Wickelgren (1974), Memory & Cognition 2:775; Wixted & Carpenter (2007), Psychological Science 18:133.
    """

    scale: float = 13_900.0
    exponent: float = 0.131
    growth: float = 2.0

    def __post_init__(self) -> None:
        settle(self, "scale", check_positive, "ms")
        settle(self, "exponent", check_positive)
        _check_growth("PowerLaw.growth", self.growth)

    @property
    def columns(self) -> tuple[str, ...]:
        return ("scale", "last_use")

    def first(self, t: Numbers, grade: Numbers = GOOD) -> np.ndarray:
        """State after storing at `t` (ms); `grade` says nothing to this policy."""
        return _clock("PowerLaw.first.t", t, self.scale)

    def used(self, state: np.ndarray, t: Numbers, success: Flags = True, grade: Numbers = GOOD) -> np.ndarray:
        """State with the clock at `t` (ms) and the scale times `growth` where `success`; else as it was."""
        return _restart("PowerLaw.used.t", _rows(self, state), t, success, self.growth)

    def retrievability(self, state: np.ndarray, t: Numbers) -> np.ndarray:
        """R at `t` (ms), float64 [engrams]."""
        state = _rows(self, state)
        age = _age("PowerLaw.retrievability.t", _times("PowerLaw.retrievability.t", t), state[..., 1])
        return (1.0 + age / state[..., 0]) ** -self.exponent


@names_checked
@dataclass(frozen=True)
class Exponential:
    """The null model, R = exp(-t / tau) since the last use: what forgetting is not (R2 .40 on Ebbinghaus's savings).

    Parameters
    ----------
    tau : float
        ms.
    growth : float
        Factor on the time constant of an engram at each success, at least 1; 1: each use only starts the clock again.
    """

    tau: float = DAY
    growth: float = 1.0

    def __post_init__(self) -> None:
        settle(self, "tau", check_positive, "ms")
        _check_growth("Exponential.growth", self.growth)

    @property
    def columns(self) -> tuple[str, ...]:
        return ("tau", "last_use")

    def first(self, t: Numbers, grade: Numbers = GOOD) -> np.ndarray:
        """State after storing at `t` (ms); `grade` says nothing to this policy."""
        return _clock("Exponential.first.t", t, self.tau)

    def used(self, state: np.ndarray, t: Numbers, success: Flags = True, grade: Numbers = GOOD) -> np.ndarray:
        """State with the clock at `t` (ms) and the time constant times `growth` where `success`; else as it was."""
        return _restart("Exponential.used.t", _rows(self, state), t, success, self.growth)

    def retrievability(self, state: np.ndarray, t: Numbers) -> np.ndarray:
        """R at `t` (ms), float64 [engrams]."""
        state = _rows(self, state)
        age = _age("Exponential.retrievability.t", _times("Exponential.retrievability.t", t), state[..., 1])
        return np.exp(-age / state[..., 0])


# ------------------------------------------------------------------------------------------------ checks and shared steps


def _clock(name: str, t: Numbers, scale: float) -> np.ndarray:
    """Rows (scale, time of the last use)."""
    time = _times(name, t)
    return np.stack([np.full(time.shape, scale), time], axis=-1)


def _restart(name: str, state: np.ndarray, t: Numbers, success: Flags, growth: float) -> np.ndarray:
    """Rows (scale, time of the last use) after a recall: longer and anew where it succeeded."""
    t = _times(name, t)
    _age(name, t, state[..., 1])
    after = np.stack(np.broadcast_arrays(state[..., 0] * growth, t), axis=-1)
    return np.where(np.asarray(success, bool)[..., None], after, state)


def _rows(policy: Strength, state: np.ndarray) -> np.ndarray:
    """The state as float64 [..., columns]."""
    rows = np.asarray(state, np.float64)
    width = len(policy.columns)
    if rows.ndim == 0 or rows.shape[-1] != width:
        kind = type(policy).__name__
        raise ParameterError(
            f"{kind}.state: needs {width} numbers an engram ({', '.join(policy.columns[:4])}{', ...' if width > 4 else ''}), "
            f"got shape {rows.shape}; make it with {kind}(...).first(t)"
        )
    return rows


def _times(name: str, t: Numbers) -> np.ndarray:
    """Times as float64; finite."""
    time = np.asarray(t, np.float64)
    if not np.isfinite(time).all():
        raise ParameterError(f"{name}: must be finite (ms), got {time[~np.isfinite(time)].flat[0]}")
    return time


def _age(name: str, t: np.ndarray, last: np.ndarray) -> np.ndarray:
    """ms since `last`; time does not run backwards."""
    age = t - last
    if (age < 0).any():
        late = np.broadcast_to(last, age.shape)[age < 0].flat[0]
        raise ParameterError(
            f"{name}: {np.broadcast_to(t, age.shape)[age < 0].flat[0]} ms is before the last use at {late} ms"
        )
    return age


def _grades(name: str, grade: Numbers) -> np.ndarray:
    """Grades 1, 2, 3, 4 as float64."""
    grades = np.asarray(grade, np.float64)
    if not np.isin(grades, (1.0, 2.0, 3.0, 4.0)).all():
        raise ParameterError(f"{name}: must be 1 (again), 2 (hard), 3 (good) or 4 (easy), got {grade!r}")
    return grades


def _check_decay(name: str, decay: float) -> float:
    number = check_number(name, decay)
    if not 0.0 < number < 1.0:
        raise ParameterError(f"{name}: must lie in (0, 1), got {decay!r}; for example decay=0.5")
    return number


def _check_growth(name: str, growth: float) -> None:
    if check_number(name, growth) < 1.0:
        raise ParameterError(
            f"{name}: a success must not weaken a memory: at least 1, got {growth!r}; for example growth=2.0"
        )


def _log(number: np.ndarray) -> np.ndarray:
    """Natural logarithm with log(0) = -inf and no warning."""
    with np.errstate(divide="ignore"):
        return np.log(number)
