"""How many synapses go, or which share of them is rewired, as the time passes: functions of ms for budgets and fractions.

Budgets have an exact total: however the rates fall or rise, their whole numbers add up to it.  Knows numbers only.
"""

import math
from dataclasses import dataclass

from neurosim.checks import check_count, check_number, check_positive, check_probability, settle
from neurosim.errors import ParameterError


@dataclass(frozen=True)
class Budget:
    """See `constant`, `increasing`, `decreasing`: the number for the look at `ms`, of those every `every` ms."""

    total: int
    duration: float
    every: float
    growth: float
    start: float = 0.0

    def __post_init__(self) -> None:
        settle(self, "total", check_count)
        settle(self, "duration", check_positive, "ms")
        settle(self, "every", check_positive, "ms")
        settle(self, "growth", check_number)
        settle(self, "start", check_number, "ms")
        if self.every > self.duration:
            raise ParameterError(
                f"Budget.every: {self.every:g} ms is longer than the whole duration of {self.duration:g} ms; for example "
                f"every={self.duration / 10:g}"
            )

    def until(self, ms: float) -> int:
        """How many in all until `ms`."""
        x = min(max((ms - self.start) / self.duration, 0.0), 1.0)
        share = x if self.growth == 0 else math.expm1(self.growth * x) / math.expm1(self.growth)
        return math.floor(self.total * share + 0.5)

    def __call__(self, ms: float) -> int:
        """How many at the look at `ms`."""
        return self.until(ms) - self.until(ms - self.every)


def constant(total: int, duration: float, every: float, *, start: float = 0.0) -> Budget:
    """The same number at each look, `total` in all.

    Parameters
    ----------
    total : int
        How many from `start` to `start + duration`.
    duration : float
        ms.
    every : float
        ms between looks: that of the process.
    start : float
        ms.

    Examples
    --------
    >>> budget = constant(total=10, duration=400.0, every=100.0)
    >>> [budget(ms) for ms in (100.0, 200.0, 300.0, 400.0, 500.0)]
    [3, 2, 3, 2, 0]
    """
    return Budget(total, duration, every, 0.0, start)


def decreasing(total: int, duration: float, every: float, *, tau: float | None = None, start: float = 0.0) -> Budget:
    """Many at first and ever fewer: the rate falls as exp(-t / tau), `total` in all.

    Parameters
    ----------
    total, duration, every, start
        As of `constant`.
    tau : float, optional
        ms; default a quarter of the duration.

    References
    ----------
    Navlakha, Barth & Bar-Joseph (2015) PLoS Comput. Biol. 11:e1004347: so it is in the developing cortex, and such networks
    are the more efficient and robust ones.

    Examples
    --------
    >>> budget = decreasing(total=100, duration=400.0, every=100.0, tau=144.27)
    >>> [budget(ms) for ms in (100.0, 200.0, 300.0, 400.0)]
    [53, 27, 13, 7]
    """
    tau = duration / 4 if tau is None else check_positive("decreasing.tau", tau, "ms")
    return Budget(total, duration, every, -duration / tau, start)


def increasing(total: int, duration: float, every: float, *, tau: float | None = None, start: float = 0.0) -> Budget:
    """Few at first and ever more: the rate rises as exp(t / tau), `total` in all; arguments as of `decreasing`.

    Examples
    --------
    >>> budget = increasing(total=100, duration=400.0, every=100.0, tau=144.27)
    >>> [budget(ms) for ms in (100.0, 200.0, 300.0, 400.0)]
    [7, 13, 27, 53]
    """
    tau = duration / 4 if tau is None else check_positive("increasing.tau", tau, "ms")
    return Budget(total, duration, every, duration / tau, start)


@dataclass(frozen=True)
class Cosine:
    """See `cosine`."""

    share: float
    duration: float
    start: float = 0.0

    def __post_init__(self) -> None:
        settle(self, "share", check_probability)
        settle(self, "duration", check_positive, "ms")
        settle(self, "start", check_number, "ms")

    def __call__(self, ms: float) -> float:
        """The share at `ms`."""
        x = min(max((ms - self.start) / self.duration, 0.0), 1.0)
        return 0.5 * self.share * (1.0 + math.cos(math.pi * x))


def cosine(share: float, duration: float, *, start: float = 0.0) -> Cosine:
    """A share that falls as half a cosine from `share` at `start` to 0 at `start + duration` (ms), for `Rewire(fraction=)`.

    References
    ----------
    Evci et al. (2020) ICML (RigL), there 0.3 over three quarters of the training.

    Examples
    --------
    >>> f = cosine(0.3, 1000.0)
    >>> [round(f(ms), 4) for ms in (0.0, 500.0, 1000.0, 2000.0)]
    [0.3, 0.15, 0.0, 0.0]
    """
    return Cosine(share, duration, start)
