"""Sizes of spines that fluctuate by themselves: additive, proportional and Kesten noise, and the logarithm as a random walk.

Asks the projection in arrays; knows no engine, and of plasticity only the weights that it leaves.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from neurosim.checks import check_not_negative, check_number, check_positive, names_checked, settle
from neurosim.distributions import Lognormal, Normal, normal
from neurosim.errors import ParameterError
from neurosim.structural.contacts import switched
from neurosim.structural.potential import check_projection, rates_of, within_bounds

if TYPE_CHECKING:
    from neurosim.network import Network

_BELL = normal(0.0, 1.0)
#: draw(distribution) gives one value for each synapse, independent of those of earlier calls.
Draw = Callable[[Any], np.ndarray]


class SizeDynamics(Protocol):
    """How sizes change by themselves; write `moved` for one of your own."""

    def moved(self, size: np.ndarray, elapsed: float, draw: Draw) -> np.ndarray:
        """Sizes after `elapsed` ms, float64 [synapses]; ``draw(ns.normal(0, 1))`` gives a number for each synapse."""
        ...


@names_checked
@dataclass(frozen=True)
class LinearNoise:
    """Noise that grows linearly with the size w, around a slow return: a model of the intrinsic fluctuations of spines.

    ::

        dw = (rest - w) / tau dt + (additive + proportional w) dW      (Ito)

    Without return (tau infinite), and for proportional = 0 (an Ornstein-Uhlenbeck process), the step is exact for any
    `every`; else noise and return are composed (half, whole, half), of which the mean is exact and the error of the
    variance of second order in every / tau.

    Parameters
    ----------
    additive : float
        Standard deviation of a small synapse's change (units of the weight per square root of a second).
    proportional : float
        The same per size (1 / square root of a second).  A standard deviation of x per day is x / sqrt(86400) here.
    rest : float
        Size to which it returns.
    tau : float
        ms; infinite: it does not return.

    References
    ----------
    Yasumatsu, Matsuzaki, Miyazaki, Noguchi & Kasai (2008) J. Neurosci. 28:13592.
    """

    additive: float = 0.0
    proportional: float = 0.0
    rest: float = 0.0
    tau: float = math.inf

    def __post_init__(self) -> None:
        for name in ("additive", "proportional"):
            settle(self, name, check_not_negative)
        settle(self, "rest", check_number)
        settle(self, "tau", check_positive, "ms", allow_infinite=True)

    def moved(self, size: np.ndarray, elapsed: float, draw: Draw) -> np.ndarray:
        """Sizes after `elapsed` ms."""
        seconds, z = elapsed * 1e-3, draw(_BELL)
        back = elapsed / self.tau
        if self.proportional == 0.0:
            sd = math.sqrt(-math.expm1(-2 * back) * self.tau * 1e-3 / 2) if back else math.sqrt(seconds)
            return self.rest + (size - self.rest) * math.exp(-back) + self.additive * sd * z
        half = math.exp(-back / 2)
        size = self.rest + (size - self.rest) * half
        shift = self.additive / self.proportional
        walk = np.exp(self.proportional * math.sqrt(seconds) * z - self.proportional**2 * seconds / 2)
        size = (size + shift) * walk - shift
        return self.rest + (size - self.rest) * half


@names_checked
@dataclass(frozen=True)
class Kesten:
    """One map w -> a w + b at each call, with a and b drawn anew for each synapse: many small sizes and a heavy tail.

    If E[ln a] < 0 sizes have a stationary distribution, and if a may exceed 1 its tail is a power law,
    P(w > x) ~ x**-k with E[a**k] = 1 (`tail`).

    Parameters
    ----------
    a, b : number or distribution
        For example ``ns.lognormal(0.95, 0.2)`` and ``ns.normal(0.05, 0.01)``; their scale belongs to the `every` that is used.

    References
    ----------
    Statman, Kaufman, Minerbi, Ziv & Brenner (2014) PLoS Comput. Biol. 10:e1003846; Kesten (1973) Acta Math. 131:207.

    Examples
    --------
    >>> import neurosim as ns
    >>> round(Kesten(ns.lognormal(0.9, 0.4), 0.1).tail, 3)
    2.169
    """

    a: Any
    b: Any

    def __post_init__(self) -> None:
        for name in ("a", "b"):
            if not hasattr(getattr(self, name), "draw"):
                settle(self, name, check_number)

    @property
    def tail(self) -> float:
        """Exponent k of the tail, for a log-normal or normal (not cut) `a`; inf if there is none."""
        if isinstance(self.a, Lognormal) and self.a.low is None and self.a.high is None:
            return max(0.0, -2 * math.log(self.a.median) / self.a.sigma**2) if self.a.sigma else math.inf
        if isinstance(self.a, Normal) and self.a.low is None and self.a.high is None and self.a.sd > 0:
            return _normal_tail(self.a.mean, self.a.sd)
        if not hasattr(self.a, "draw"):
            return math.inf
        raise ParameterError(f"Kesten.tail: known for a log-normal or normal a without bounds, got {self.a!r}")

    def moved(self, size: np.ndarray, elapsed: float, draw: Draw) -> np.ndarray:
        """Sizes after one map."""
        a, b = (draw(one) if hasattr(one, "draw") else one for one in (self.a, self.b))
        return np.asarray(a * size + b)


def _normal_tail(mean: float, sd: float) -> float:
    """k > 0 with E|a|**k = 1 for a normal a."""
    from scipy.optimize import brentq
    from scipy.special import hyp1f1, loggamma

    def excess(k: float) -> float:
        moment = hyp1f1(-k / 2, 0.5, -((mean / sd) ** 2) / 2)
        return float((k / 2) * math.log(2 * sd**2) + loggamma((k + 1) / 2) - loggamma(0.5) + math.log(moment))

    if excess(1e-6) >= 0:
        return 0.0
    high = 1.0
    while excess(high) < 0:
        high *= 2.0
    return float(brentq(excess, 1e-6, high))


@names_checked
@dataclass(frozen=True)
class LogOU:
    """ln w is an Ornstein-Uhlenbeck process, so that sizes are log-normal in the long run; the step is exact.

    Parameters
    ----------
    mean, sd : float
        Of ln w in the long run (w in units of the weight).
    tau : float
        Time constant (ms) with which ln w forgets.

    References
    ----------
    Loewenstein, Kuras & Rumpel (2011) J. Neurosci. 31:9481.
    """

    mean: float
    sd: float
    tau: float

    def __post_init__(self) -> None:
        settle(self, "mean", check_number)
        settle(self, "sd", check_not_negative)
        settle(self, "tau", check_positive, "ms")

    def moved(self, size: np.ndarray, elapsed: float, draw: Draw) -> np.ndarray:
        """Sizes after `elapsed` ms."""
        old = np.log(np.maximum(size, np.finfo(np.float64).tiny))
        sd = self.sd * math.sqrt(-math.expm1(-2 * elapsed / self.tau))
        return np.asarray(np.exp(self.mean + (old - self.mean) * math.exp(-elapsed / self.tau) + sd * draw(_BELL)))


@names_checked
class SizeFluctuation:
    """The size (|weight|) of every synapse fluctuates by itself; those that become too small vanish, others may form.

    Parameters
    ----------
    projection : Projection
    every : float
        ms.
    dynamics : LinearNoise, Kesten, LogOU, or an object with their `moved`
        How sizes change.
    remove_below : float
        Synapses of this size or smaller vanish (units of the weight).
    remove : float, or function of sizes
        A hazard besides (1/s); f(size) -> rates of a float64 array.
    form : float
        New synapses per second onto each target neuron, Poisson, between uniformly drawn pairs that have none.
    weight, delay : optional
        Of new synapses; default those given to `connect`.
    in_flight : {"drop", "deliver"}

    Notes
    -----
    Signs are kept, and the bounds of the projection's plasticity, whose changes go on besides.  A size is compared with
    `remove_below` once each `every` ms: one that falls below and comes back within it is not noticed.  float32 weights
    resolve changes of 1e-7 of their size, weights of few bits are rounded at random with the right mean: take `every` so
    long that steps are larger.  Noise depends on the seed, the step, the uids of a pair and the number among its parallels.

    References
    ----------
    See `LinearNoise`, `Kesten` and `LogOU`.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> pop = net.add_population("pop", ns.LIF(), 40)
    >>> ee = net.connect(pop, pop, ns.all_to_all(), weight=1.0)
    >>> _ = net.add(ns.SizeFluctuation(ee, every=1000.0, dynamics=ns.LogOU(mean=-1.0, sd=0.5, tau=1000.0)))
    >>> net.run(5000.0)
    >>> import numpy as np
    >>> bool(abs(np.log(ee.weight).mean() + 1.0) < 0.05)
    True
    """

    def __init__(
        self, projection: Any, every: float = 1000.0, *, dynamics: SizeDynamics, remove_below: float = 0.0,
        remove: float | Callable[[np.ndarray], np.ndarray] = 0.0, form: float = 0.0, weight: Any = None, delay: Any = None,
        in_flight: str = "drop",
    ) -> None:  # fmt: skip
        check_projection("SizeFluctuation", projection)
        if isinstance(dynamics, type) or not hasattr(dynamics, "moved"):
            raise ParameterError(
                f"SizeFluctuation.dynamics: needs e.g. ns.LinearNoise(...), ns.Kesten(...) or ns.LogOU(...), got {dynamics!r}; "
                f"for example ns.LogOU(mean=0.0, sd=0.5, tau=1e5)"
            )
        self.projection = projection
        self.every = check_positive("SizeFluctuation.every", every, "ms")
        self.dynamics = dynamics
        self.remove_below = check_not_negative("SizeFluctuation.remove_below", remove_below)
        self.remove = remove if callable(remove) else check_not_negative("SizeFluctuation.remove", remove, "1/s")
        self.form = check_not_negative("SizeFluctuation.form", form, "1/s")
        self.weight, self.delay, self.in_flight = weight, delay, in_flight
        self.name = "SizeFluctuation"

    def advance(self, net: "Network") -> None:
        """Move all sizes, take away, make new ones."""
        p = self.projection
        edges = p.edges()
        size = self._moved(net, edges)
        stays = size > self.remove_below
        if callable(self.remove) or self.remove > 0:
            rate = rates_of("SizeFluctuation.remove", self.remove, np.abs(edges.weight))
            chance = p.chance(edges, net.key("fluctuation", p.name, "vanish"))
            stays &= chance >= switched(rate, 0.0, self.every * 1e-3)
        sign = _signs(edges.weight)
        edges[stays].set_weight(within_bounds(p, sign[stays] * size[stays]))
        edges[~stays].remove(rule=self.name, in_flight=self.in_flight)
        if self.form > 0:
            self._form(net)

    def _moved(self, net: "Network", edges: Any) -> np.ndarray:
        """The new size of each edge."""
        p = self.projection
        nth = p.nth(edges) if p.parallel else 0
        drawn = 0

        def draw(distribution: Any) -> np.ndarray:
            nonlocal drawn
            drawn += 1
            key = net.key("fluctuation", p.name, "size", drawn)
            return np.asarray(distribution.draw(key, edges.pre, edges.post, nth))

        size = np.asarray(self.dynamics.moved(np.abs(edges.weight), self.every, draw), np.float64)
        if size.shape != edges.weight.shape or not np.isfinite(size).all():
            raise ParameterError(
                f"SizeFluctuation.dynamics: moved() must return a finite size for each of {len(edges)} synapses, got shape {size.shape}"
            )
        return size

    def _form(self, net: "Network") -> None:
        p = self.projection
        n = int(net.rng("fluctuation", p.name, "form").poisson(self.form * len(p.target) * self.every * 1e-3))
        if n:
            pre, post = p.sample_non_edges(n, net.key("fluctuation", p.name, "pairs"))
            p.insert(pre, post, weight=self.weight, delay=self.delay, rule=self.name)

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        names = ("projection", "every", "dynamics", "remove_below", "remove", "form", "weight", "delay", "in_flight")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        return f"SizeFluctuation({self.projection.name!r}, {self.dynamics!r}, form {self.form:g}/s, every {self.every:g} ms)"


def _signs(weight: np.ndarray) -> np.ndarray:
    """1 or -1 for each weight; zeros take that of the others."""
    rest = -1.0 if (weight < 0).any() and not (weight > 0).any() else 1.0
    return np.where(weight > 0, 1.0, np.where(weight < 0, -1.0, rest))
