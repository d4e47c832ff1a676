"""Synaptic sampling: every potential synapse has a parameter that wanders and is drawn; it is a synapse while that is above 0.

Asks the projection in arrays; knows no engine, and of plasticity only the weights that it leaves.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_finite_array, check_not_negative, check_number, check_positive, names_checked
from neurosim.distributions import normal, uniform
from neurosim.errors import ParameterError
from neurosim.structural.potential import Pairs, PotentialPairs, check_projection, within_bounds

if TYPE_CHECKING:
    from neurosim.network import Network

_BELL, _EVEN = normal(0.0, 1.0), uniform(0.0, 1.0)
#: f(pre, post, theta) -> slope of the log likelihood, one for each potential synapse.
Drift = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@names_checked
class SynapticSampling:
    """Each potential synapse has a parameter theta; w = scale exp(theta - theta_0) while theta > 0, else it is retracted.

    ::

        dtheta = b ((mu - theta) / sigma**2 + drift) dt + sqrt(2 b temperature) dW

    The first term is the slope of a log-normal prior of the weights (normal in theta); `drift` that of a log likelihood.  In
    `every` ms this is solved exactly, with the drift held.  Without drift theta is an Ornstein-Uhlenbeck process: normal with
    mean mu and variance sigma**2 temperature in the long run, of which the share Phi(mu / (sigma sqrt(temperature))) are
    synapses; its autocorrelation falls as exp(-b t / sigma**2).

    What plasticity does to a weight between two calls is drift of the likelihood: theta of a synapse whose weight has changed
    is read back as theta_0 + ln(w / scale).  A retracted synapse leaves the graph; its theta goes on and may form it again.

    Parameters
    ----------
    projection : Projection
        One synapse a pair at most (not parallel).
    every : float
        ms.
    b : float
        Learning rate (1/s).
    mu, sigma : float
        Mean and standard deviation of the prior of theta.
    theta_0 : float
        Offset: a new synapse begins with about scale exp(-theta_0).
    temperature : float
        Factor on the variance of the noise.
    potential : "existing", "all", int, (pre, post) or function, optional
        Potential synapses: those that exist when this is added (default, as "existing"); all pairs; so many in all, drawn at
        random beside those that exist; two arrays of uids beside those that exist; a function f(pre, post) -> bool of uid
        arrays.  A synapse that somebody else makes later becomes one of them.
    drift : function, optional
        f(pre, post, theta) -> float64 [potential synapses].
    scale : float
        Weight at theta = theta_0 (units of the weight); negative for inhibitory synapses.
    initial : float, optional
        theta of potential synapses that do not exist at first; default drawn from the part of the prior below 0.
    theta_min : float
        Lowest theta that is read back from a weight; a weight of 0, and a synapse that somebody else has removed, give it.
    delay : optional
        Of new synapses; default that given to `connect`.
    in_flight : {"drop", "deliver"}

    Attributes
    ----------
    pre, post : int64 [potential synapses]
        Uids.
    theta : float64 [potential synapses]
        As of the last call.

    Notes
    -----
    Weights keep the bounds of the projection's plasticity.  Where the upper one is reached, theta stays at its value; where a
    weight is lifted to the lower one, theta is what it was.  Weights of few bits are rounded, theta is not.  Noise depends on
    the seed, the step and the uids of a pair alone.

    References
    ----------
    Kappel, Habenschuss, Legenstein & Maass (2015) PLoS Comput. Biol. 11:e1004485; Kappel et al. (2018) eNeuro 5(2), whose
    public NEST module (IGITUGraz/spore-nest-module) has this equation, theta_0 = 3 and theta_min = -2.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> pop = net.add_population("pop", ns.LIF(), 40)
    >>> ee = net.connect(pop, pop, ns.random(0.5), weight=0.1)
    >>> sampling = net.add(ns.SynapticSampling(ee, every=1000.0, b=1.0, potential="all"))
    >>> net.run(5000.0)
    >>> len(sampling.theta), bool(0.6 < len(ee) / 1560 < 0.8)
    (1560, True)
    """

    def __init__(
        self, projection: Any, every: float = 1000.0, *, b: float, mu: float = 0.5, sigma: float = 1.0, theta_0: float = 3.0,
        temperature: float = 1.0, potential: Pairs | None = None, drift: Drift | None = None, scale: float = 1.0,
        initial: float | None = None, theta_min: float = -2.0, delay: Any = None, in_flight: str = "drop",
    ) -> None:  # fmt: skip
        check_projection("SynapticSampling", projection)
        if projection.parallel:
            raise ParameterError(
                f"SynapticSampling: {projection.name!r} allows parallel synapses, here a pair has one theta; leave parallel=True out "
                f"of net.connect(...), or see ns.MultiContact"
            )
        self.projection = projection
        self.every = check_positive("SynapticSampling.every", every, "ms")
        self.b = check_positive("SynapticSampling.b", b, "1/s")
        self.mu = check_number("SynapticSampling.mu", mu)
        self.sigma = check_positive("SynapticSampling.sigma", sigma)
        self.theta_0 = check_number("SynapticSampling.theta_0", theta_0)
        self.temperature = check_not_negative("SynapticSampling.temperature", temperature)
        self.scale = check_number("SynapticSampling.scale", scale)
        if self.scale == 0:
            raise ParameterError("SynapticSampling.scale: must not be 0; for example scale=1.0, or -1.0 for inhibition")
        self.initial = None if initial is None else check_number("SynapticSampling.initial", initial)
        self.theta_min = check_number("SynapticSampling.theta_min", theta_min)
        if drift is not None and not callable(drift):
            raise ParameterError(
                f"SynapticSampling.drift: needs a function f(pre, post, theta) -> slopes, got {drift!r}"
            )
        self.potential = PotentialPairs(
            "SynapticSampling.potential", projection, "existing" if potential is None else potential
        )
        self.drift, self.delay, self.in_flight = drift, delay, in_flight
        self.name = "SynapticSampling"
        self._theta = self._written = np.zeros(0)
        self._key = 0

    @property
    def pre(self) -> np.ndarray:
        self._follow()
        return self.potential.pre

    @property
    def post(self) -> np.ndarray:
        self._follow()
        return self.potential.post

    @property
    def theta(self) -> np.ndarray:
        self._follow()
        return self._theta

    @property
    def nbytes(self) -> int:
        """What it holds."""
        return self.potential.nbytes + int(self._theta.nbytes + self._written.nbytes)

    def start(self, net: "Network") -> None:
        """Make the table: theta from the weights that are there, from the prior below 0 for the others."""
        p = self.projection
        edges = p.edges()
        if (edges.weight * self.scale < 0).any():
            raise ParameterError(
                f"SynapticSampling.scale: {p.name!r} has weights of the other sign, got scale={self.scale:g}; "
                f"for example scale={-self.scale:g}"
            )
        self._key = net.key("sampling", p.name, "initial")
        self.potential.start(net.key("sampling", p.name, "potential"))
        self._theta = self._retracted(self.potential.pre, self.potential.post)
        self._written = np.full(len(self.potential), np.nan)
        place = self.potential.find(edges.pre, edges.post)
        known = place >= 0
        if not known.all():
            self._join(self.potential.add(edges.pre[~known], edges.post[~known]))
            place = self.potential.find(edges.pre, edges.post)
        self._theta[place] = self._theta_of(edges.weight)
        self._written[place] = edges.weight

    def reset(self, net: "Network") -> None:
        """The parameters stay, as the graph does."""

    def advance(self, net: "Network") -> None:
        """Read weights back, take one step of every theta, retract and form."""
        p = self.projection
        self._follow()
        edges = p.edges()
        place = self._read(edges)
        self._step(net)
        theta = self._theta
        up = theta > 0
        there = np.zeros(theta.size, np.bool_)
        there[place] = True
        keep = up[place]
        edges[keep].set_weight(self._weight(place[keep]))
        edges[~keep].remove(rule=self.name, in_flight=self.in_flight)
        new = np.flatnonzero(up & ~there)
        if new.size:
            pre, post = self.potential.pre[new], self.potential.post[new]
            p.insert(pre, post, weight=self._weight(new), delay=self.delay, rule=self.name)
        edges = p.edges()
        self._written = np.full(theta.size, np.nan)
        self._written[self.potential.find(edges.pre, edges.post)] = edges.weight  # as stored: rounded to its bits

    # ---- its parts --------------------------------------------------------------------------------------------------

    def _read(self, edges: Any) -> np.ndarray:
        """Take what others did to the weights into theta; return the place of each edge in the table."""
        place = self.potential.find(edges.pre, edges.post)
        if (place < 0).any():
            other = place < 0
            self._join(self.potential.add(edges.pre[other], edges.post[other]))
            place = self.potential.find(edges.pre, edges.post)
        gone = np.isfinite(self._written)
        gone[place] = False
        self._theta[gone] = self.theta_min
        changed = edges.weight != self._written[place]
        self._theta[place[changed]] = np.maximum(self._theta_of(edges.weight[changed]), self.theta_min)
        return place

    def _step(self, net: "Network") -> None:
        """Exact step of the Ornstein-Uhlenbeck process, with the drift held."""
        pre, post = self.potential.pre, self.potential.post
        mean: Any = self.mu
        if self.drift is not None:
            slope = check_finite_array("SynapticSampling.drift", self.drift(pre, post, self._theta.copy()), pre.size)
            mean = self.mu + self.sigma**2 * slope
        rate = self.b * self.every * 1e-3 / self.sigma**2
        sd = self.sigma * math.sqrt(-self.temperature * math.expm1(-2 * rate))
        noise = sd * _BELL.draw(net.key("sampling", self.projection.name), pre, post, 0) if sd else 0.0
        self._theta = mean + (self._theta - mean) * math.exp(-rate) + noise

    def _weight(self, place: np.ndarray) -> np.ndarray:
        """Weights of these places, within the bounds; theta is held where the weight is as large as it may be."""
        free = self.scale * np.exp(self._theta[place] - self.theta_0)
        weight = within_bounds(self.projection, free)
        held = np.abs(weight) < np.abs(free)
        self._theta[place[held]] = self._theta_of(weight[held])
        return weight

    def _theta_of(self, weight: np.ndarray) -> np.ndarray:
        """theta_0 + ln(w / scale); `theta_min` for a weight of 0."""
        ratio = weight / self.scale
        out = np.full(weight.size, self.theta_min)
        return np.log(ratio, out=out, where=ratio > 0) + np.where(ratio > 0, self.theta_0, 0.0)

    def _retracted(self, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """theta of potential synapses that do not exist at first."""
        if self.initial is not None:
            return np.full(pre.size, self.initial)
        sd = self.sigma * math.sqrt(self.temperature)
        if sd == 0.0:
            return np.full(pre.size, min(self.mu, 0.0))
        from scipy.special import ndtr, ndtri

        draw = np.maximum(_EVEN.draw(self._key, pre, post, 0), 2.0**-54)
        return np.asarray(self.mu + sd * ndtri(draw * ndtr(-self.mu / sd)))

    def _follow(self) -> None:
        """Neurons may have come or gone."""
        place = self.potential.follow()
        if place is not None:
            self._join(place)

    def _join(self, place: np.ndarray) -> None:
        """The table has new rows: `place` tells where each was, -1 for a new one."""
        old = place >= 0
        theta, written = np.zeros(place.size), np.full(place.size, np.nan)
        theta[old], written[old] = self._theta[place[old]], self._written[place[old]]
        theta[~old] = self._retracted(self.potential.pre[~old], self.potential.post[~old])
        self._theta, self._written = theta, written

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        own = {"theta": self._theta, "written": self._written, "key": np.array([self._key])}
        return self.potential.arrays() | own

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.potential.set_arrays(arrays)
        self._theta, self._written = np.array(arrays["theta"]), np.array(arrays["written"])
        self._key = int(arrays["key"][0])

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        names = (
            "projection", "every", "b", "mu", "sigma", "theta_0", "temperature", "drift", "scale", "initial", "theta_min", "delay",
            "in_flight",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {"potential": self.potential.describe()}

    def __repr__(self) -> str:
        return (
            f"SynapticSampling({self.projection.name!r}, {len(self.potential):,} potential synapses, b {self.b:g}/s, mu {self.mu:g}, "
            f"sigma {self.sigma:g}, temperature {self.temperature:g}, every {self.every:g} ms)"
        )
