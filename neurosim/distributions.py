"""Distributions of weights, delays, parameters and initial states: normal, lognormal, uniform.  Knows no Network.

A value is a function of (key, uids, number among parallels): the same neuron or synapse gets the same value whatever
else is drawn, in any order and on any number of threads.
"""

import math
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np

from neurosim.checks import check_not_negative, check_number, check_positive, did_you_mean
from neurosim.errors import ParameterError

_LEAST_MASS = 1e-3
Bounds = tuple[float | None, float | None]
Outside = Literal["redraw", "clip"]


@runtime_checkable
class Distribution(Protocol):
    """What `weight=`, `delay=` and initial values accept besides numbers and arrays."""

    @property
    def bounds(self) -> Bounds:
        """Smallest and largest possible value; None where there is no limit."""
        ...

    def draw(self, key: int, pre_uid: np.ndarray, post_uid: np.ndarray, nth: np.ndarray | int) -> np.ndarray:
        """float64[n]: one value for each synapse, from (key, pre uid, post uid, number among parallels) alone."""
        ...

    def draw_neurons(self, key: int, uid: np.ndarray) -> np.ndarray:
        """float64[n]: one value for each neuron, from (key, uid) alone."""
        ...


class _Drawn:
    """The two ways to draw, in terms of `_law()`: kind, two numbers, bounds, whether to redraw."""

    __slots__ = ()

    def draw(self, key: int, pre_uid: np.ndarray, post_uid: np.ndarray, nth: np.ndarray | int) -> np.ndarray:
        """One value for each synapse.

        Parameters
        ----------
        key : int
            32-bit key of the stream (`kernels.rng.stream_key`).
        pre_uid, post_uid : int64[n]
            Uids of source and target.
        nth : int32[n] or int
            Running number among synapses of the same pair (`wiring.nth_among_parallels`); 0 if there is one each.

        Returns
        -------
        float64[n]

        Raises
        ------
        ParameterError
            No redraw brought a value within the bounds.
        """
        from neurosim.kernels.draws import draw_pairs

        pre, post = np.require(pre_uid, np.int64, ("C", "W")), np.require(post_uid, np.int64, ("C", "W"))
        number = np.require(np.broadcast_to(np.asarray(nth, np.int32), pre.shape), np.int32, ("C", "W"))
        out = np.empty(pre.size)
        if draw_pairs(*self._law(), np.uint64(key), pre, post, number, out):
            raise ParameterError(_never_inside(self))
        return out

    def draw_neurons(self, key: int, uid: np.ndarray) -> np.ndarray:
        """One value for each neuron: float64[n] for int64[n] uids.

        Raises
        ------
        ParameterError
            No redraw brought a value within the bounds.
        """
        from neurosim.kernels.draws import draw_each

        uids = np.require(uid, np.int64, ("C", "W"))
        out = np.empty(uids.size)
        if draw_each(*self._law(), np.uint64(key), uids, out):
            raise ParameterError(_never_inside(self))
        return out

    def _law(self) -> tuple[int, float, float, float, float, bool]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, repr=False)
class Normal(_Drawn):
    """See `normal`."""

    mean: float
    sd: float
    low: float | None
    high: float | None
    outside: Outside

    @property
    def bounds(self) -> Bounds:
        """Smallest and largest possible value; None where there is no limit."""
        return (self.low, self.high) if self.sd > 0.0 else _point(self.mean, self.low, self.high)

    def _law(self) -> tuple[int, float, float, float, float, bool]:
        from neurosim.kernels.draws import NORMAL

        return NORMAL, self.mean, self.sd, *_closed(self.low, self.high), self.outside == "redraw"

    def __repr__(self) -> str:
        return f"normal({self.mean:.12g}, {self.sd:.12g}{_repr_bounds(self.low, self.high, self.outside)})"


@dataclass(frozen=True, slots=True, repr=False)
class Lognormal(_Drawn):
    """See `lognormal`."""

    mean: float
    sd: float
    low: float | None
    high: float | None
    outside: Outside

    @property
    def median(self) -> float:
        """exp(mu), with the sign of the mean."""
        return self.mean / math.sqrt(1.0 + (self.sd / self.mean) ** 2)

    @property
    def sigma(self) -> float:
        """Standard deviation of the logarithm."""
        return math.sqrt(math.log1p((self.sd / self.mean) ** 2))

    @property
    def bounds(self) -> Bounds:
        """Smallest and largest possible value; None where there is no limit."""
        low, high = self.low, self.high
        if self.sd == 0.0:
            return _point(self.mean, low, high)
        if self.mean > 0:
            return 0.0 if low is None else max(low, 0.0), high
        return low, 0.0 if high is None else min(high, 0.0)

    def _law(self) -> tuple[int, float, float, float, float, bool]:
        from neurosim.kernels.draws import LOGNORMAL

        return LOGNORMAL, self.median, self.sigma, *_closed(self.low, self.high), self.outside == "redraw"

    def __repr__(self) -> str:
        return f"lognormal({self.mean:.12g}, {self.sd:.12g}{_repr_bounds(self.low, self.high, self.outside)})"


@dataclass(frozen=True, slots=True, repr=False)
class Uniform(_Drawn):
    """See `uniform`."""

    low: float
    high: float

    @property
    def bounds(self) -> Bounds:
        """Smallest and largest possible value."""
        return self.low, self.high

    def _law(self) -> tuple[int, float, float, float, float, bool]:
        from neurosim.kernels.draws import UNIFORM

        return UNIFORM, self.low, self.high, -math.inf, math.inf, False

    def __repr__(self) -> str:
        return f"uniform({self.low:.12g}, {self.high:.12g})"


def normal(
    mean: float, sd: float, low: float | None = None, high: float | None = None, outside: Outside = "redraw"
) -> Normal:
    """Normal distribution, optionally within bounds.

    Parameters
    ----------
    mean, sd : float
        Mean and standard deviation before bounds are applied, in the unit of the variable.
    low, high : float, optional
        Smallest and largest value (both included).
    outside : {"redraw", "clip"}
        What becomes of a value outside: drawn again (a truncated normal distribution, the default) or set to the bound.

    Raises
    ------
    ParameterError
        Negative `sd`, `low` not below `high`, or bounds that hold less than a thousandth of the distribution while
        outside="redraw".

    Notes
    -----
    Truncated to a = (low - mean)/sd and b = (high - mean)/sd, the mean is mean + sd (φ(a) - φ(b)) / (Φ(b) - Φ(a)).

    References
    ----------
    Box & Muller (1958), Ann. Math. Stat. 29:610.

    Examples
    --------
    >>> from neurosim import distributions
    >>> v = distributions.normal(-65.0, 3.0, high=-50.0)  # mV
    >>> v
    normal(-65, 3, high=-50)
    >>> v.bounds
    (None, -50.0)
    """
    low, high = _check_bounds("normal", low, high, outside)
    made = Normal(check_number("normal.mean", mean), check_not_negative("normal.sd", sd), low, high, outside)
    below, above = _closed(low, high)
    _check_mass(made, _normal_mass(below - made.mean, above - made.mean, made.sd))
    return made


def lognormal(
    mean: float, sd: float, low: float | None = None, high: float | None = None, outside: Outside = "redraw"
) -> Lognormal:
    """Lognormal distribution, given by the mean and standard deviation of the variable itself (not of its logarithm).

    Parameters
    ----------
    mean, sd : float
        Mean and standard deviation of the variable, in its unit, before bounds are applied.  A negative mean mirrors
        the distribution at 0: `lognormal(-1.2, 0.3)` is minus `lognormal(1.2, 0.3)`, for inhibitory weights.
    low, high : float, optional
        Smallest and largest value (both included).
    outside : {"redraw", "clip"}
        What becomes of a value outside: drawn again (the default) or set to the bound.

    Raises
    ------
    ParameterError
        `mean` of 0, negative `sd`, `low` not below `high`, or bounds that hold less than a thousandth of the
        distribution while outside="redraw".

    Notes
    -----
    The logarithm is normal with sigma² = log(1 + (sd/mean)²) and mu = log(mean) - sigma²/2.  From a paper that gives mu
    and sigma: mean = exp(mu + sigma²/2), sd = mean sqrt(exp(sigma²) - 1).

    References
    ----------
    Song et al. (2005), PLoS Biol. 3:e68 (synaptic weights of cortex are close to lognormal).

    Examples
    --------
    >>> from neurosim import distributions
    >>> weight = distributions.lognormal(0.4, 0.2)
    >>> weight, weight.bounds
    (lognormal(0.4, 0.2), (0.0, None))
    """
    low, high = _check_bounds("lognormal", low, high, outside)
    mean = check_number("lognormal.mean", mean)
    if mean == 0.0:
        raise ParameterError(
            "lognormal.mean: must not be 0 (it is the mean of the variable itself, not of its logarithm);"
            " mu = 0, sigma = 1 is lognormal(1.649, 2.161)"
        )
    made = Lognormal(mean, check_not_negative("lognormal.sd", sd), low, high, outside)
    sign = math.copysign(1.0, mean)
    below, above = sorted(sign * bound for bound in _closed(low, high))
    middle = math.log(sign * made.median)
    _check_mass(made, _normal_mass(_log(below) - middle, _log(above) - middle, made.sigma))
    return made


def uniform(low: float, high: float) -> Uniform:
    """Uniform distribution over [low, high).

    Parameters
    ----------
    low, high : float
        The limits, in the unit of the variable.

    Raises
    ------
    ParameterError
        `low` above `high`.

    Examples
    --------
    >>> from neurosim import distributions
    >>> delay = distributions.uniform(0.5, 2.0)  # ms
    >>> bool(delay.draw_neurons(1, [10, 11]).min() >= 0.5)
    True
    """
    low, high = check_number("uniform.low", low), check_number("uniform.high", high)
    if low > high:
        raise ParameterError(
            f"uniform.low: must not be above high = {high:.12g}, got {low:.12g}; write uniform({high:.12g}, {low:.12g})"
        )
    return Uniform(low, high)


@dataclass(frozen=True, slots=True, repr=False)
class DistanceDelay:
    """See `delay_by_distance`."""

    speed: float
    base: float

    def of_distance(self, distance: np.ndarray) -> np.ndarray:
        """Delays (ms) for these distances."""
        return self.base + distance / self.speed

    def draw(self, key: int, pre_uid: np.ndarray, post_uid: np.ndarray, nth: np.ndarray | int) -> np.ndarray:
        """Refused: this is no random number."""
        raise ParameterError(
            f"{self!r}: is for delays; take a number or a distribution such as ns.normal(1.0, 0.1) here"
        )

    def __repr__(self) -> str:
        return f"delay_by_distance({self.speed:.12g}, base={self.base:.12g})"


def delay_by_distance(speed: float, base: float = 0.0) -> DistanceDelay:
    """Delays from the distance of the two neurons: base + distance / speed, rounded to the grid of dt, at least dt.

    Synapses that are formed later get theirs in the same way.

    Parameters
    ----------
    speed : float
        Units of position per ms; 300 for 0.3 m/s (an unmyelinated axon of cortex) and positions in micrometres.
    base : float
        ms; what the synapse itself takes.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> row = net.add_population("row", ns.LIF(), 3, positions=ns.positions.grid((3, 1), spacing=300.0))
    >>> net.connect(row, row, ns.all_to_all(), delay=ns.delay_by_distance(300.0, base=0.5)).delay.tolist()
    [1.5, 2.5, 1.5, 1.5, 2.5, 1.5]
    """
    given = check_positive("delay_by_distance.speed", speed), check_not_negative("delay_by_distance.base", base, "ms")
    return DistanceDelay(*given)


def _check_bounds(name: str, low: float | None, high: float | None, outside: str) -> Bounds:
    """The bounds as floats or None, in order; `outside` is a known word."""
    if outside not in ("redraw", "clip"):
        raise ParameterError(
            f'{name}.outside: must be "redraw" or "clip", got {outside!r}.{did_you_mean(outside, ["redraw", "clip"])}'
        )
    low = None if low is None else check_number(f"{name}.low", low)
    high = None if high is None else check_number(f"{name}.high", high)
    if low is not None and high is not None and low >= high:
        raise ParameterError(
            f"{name}.low: must be below high = {high:.12g}, got {low:.12g};"
            f" for example {name}(..., low={high:.12g}, high={low:.12g})"
        )
    return low, high


def _check_mass(made: Normal | Lognormal, mass: float) -> None:
    """Refuse bounds that redrawing cannot meet."""
    if made.outside == "redraw" and mass < _LEAST_MASS:
        raise ParameterError(_never_inside(made, f" (only {mass:.2g} of the distribution lies there)"))


def _never_inside(made: object, why: str = "") -> str:
    low, high = made.bounds if isinstance(made, Distribution) else (None, None)
    between = f"[{'-inf' if low is None else f'{low:.12g}'}, {'inf' if high is None else f'{high:.12g}'}]"
    return (
        f"{made!r}: redrawing cannot bring every value into {between}{why};"
        f' widen low and high, or set values to the nearest bound with outside="clip"'
    )


def _normal_mass(below: float, above: float, sd: float) -> float:
    """Mass of a centred normal distribution between two values."""
    if sd == 0.0:
        return float(below <= 0.0 <= above)
    a, b = below / (sd * math.sqrt(2.0)), above / (sd * math.sqrt(2.0))
    # erfc of the smaller tails keeps its precision where erf is 1
    return 0.5 * (math.erfc(a) - math.erfc(b) if a > 0 else math.erfc(-b) - math.erfc(-a))


def _log(value: float) -> float:
    return math.log(value) if value > 0.0 else -math.inf


def _closed(low: float | None, high: float | None) -> tuple[float, float]:
    return -math.inf if low is None else low, math.inf if high is None else high


def _point(mean: float, low: float | None, high: float | None) -> Bounds:
    """Bounds of a distribution without spread."""
    below, above = _closed(low, high)
    value = min(max(mean, below), above)
    return value, value


def _repr_bounds(low: float | None, high: float | None, outside: str) -> str:
    given = [f", {name}={value:.12g}" for name, value in (("low", low), ("high", high)) if value is not None]
    return "".join(given) + (f', outside="{outside}"' if outside != "redraw" else "")
