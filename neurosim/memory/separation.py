"""Pattern separation: a large, sparse layer behind a random projection makes similar patterns less similar.

Knows two layers and the projection between them; nothing is stored here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosim import wiring
from neurosim.checks import check_positive, check_probability, steps_of
from neurosim.distributions import uniform
from neurosim.memory.associative import Patterns
from neurosim.memory.layer import Layer, Timetable, Volleys, volleys

if TYPE_CHECKING:
    from neurosim.network import Network


class Separation:
    """Entorhinal cells onto many granule cells, of which few win (the dentate gyrus).

    Each granule cell hears `fan_in` of the source at random, through synapses of somewhat different strength, so that hardly
    two cells have equal support.

    Parameters
    ----------
    net : Network
    source : Layer
    n, k : int
        Granule cells, and winners; by default five times the source, and one in a hundred.
    fan_in : float
        Share of the source that a granule cell hears.
    spread : float
        Weights are drawn between 1 - spread and 1 + spread.
    rise : float
        How finely the race tells supports apart.
    delay : float, optional
        ms; default that of the network.
    name : str
        Of the granule layer.

    Attributes
    ----------
    source, target : Layer
    projection : Projection

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.layer import Layer
    >>> from neurosim.memory.separation import Separation
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> dentate = Separation(net, Layer(net, "ec", 100, 10), fan_in=0.2)
    >>> codes = dentate.separate([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]])
    >>> codes.n, len(codes)
    (500, 1)
    """

    def __init__(
        self, net: Network, source: Layer, n: int | None = None, k: int | None = None, *, fan_in: float = 0.04, spread: float = 0.25,
        rise: float = 0.1, delay: float | None = None, name: str = "dentate",
    ) -> None:  # fmt: skip
        n = 5 * source.n if n is None else n
        k = max(1, round(n / 100)) if k is None else k
        self.net, self.source = net, source
        fan_in = check_positive("Separation.fan_in", check_probability("Separation.fan_in", fan_in))
        spread = check_probability("Separation.spread", spread)
        self.target = Layer(net, name, n, k, rise=rise)
        self.inputs = max(1, round(fan_in * source.n))
        weight = uniform(1.0 - spread, 1.0 + spread) if spread else 1.0
        self.projection = net.connect(
            source.cells, self.target.cells, wiring.fixed_indegree(self.inputs), weight=weight, delay=delay, receptor="support"
        )  # fmt: skip
        self._delay = steps_of("Separation.delay", net.default_delay if delay is None else delay, net.dt, least=1)

    @classmethod
    def attach(cls, net: Network, source: Layer, name: str = "dentate") -> Separation:
        """The separation onto the layer of this name in a network that was loaded."""
        one = cls.__new__(cls)
        one.net, one.source, one.target = net, source, Layer.attach(net, name)
        one.projection = net.projections[f"{source.name}->{name}"]
        one.inputs = int(one.projection.in_degree().max(initial=1))
        one._delay = int(one.projection.default_delay)
        return one

    def separate(self, patterns: Patterns) -> Volleys:
        """Let patterns fire in the source, all in one run; return the granule cells that answer."""
        shown, target = volleys("Separation.separate(patterns)", patterns, self.source.n), self.target
        self._tune(int(shown.sizes.max(initial=1)))
        length = target.race_steps(float(target.cells.least[0]))
        period = length + 2 * self._delay + 1
        at = period * np.arange(len(shown))
        table = Timetable(self.net)
        table.cue(self.source, at, shown)
        table.flush(target, at)
        table.go(target, at + self._delay)
        return table.run(period * len(shown))[target].winners(at + self._delay, length, target.n, self.net.dt)

    def _tune(self, active: int) -> None:
        """The race covers what supports are likely: from the mean to six standard deviations above it."""
        f = active / self.source.n
        mean, sd = self.inputs * f, np.sqrt(self.inputs * f * (1 - f)) + 1.0
        most = float(min(mean + 6 * sd, 1.25 * min(self.inputs, active)))
        self.target.tune(ceiling=most, least=max(self.target.rise, mean * (self.target.k < self.target.n / 4)))

    def __repr__(self) -> str:
        return f"Separation({self.source.name!r} -> {self.target.name!r}: {self.source.n} to {self.target.n} cells, {self.target.k} win)"


def overlap(first: Volleys, second: Volleys) -> np.ndarray:
    """Cells in common, as a share of the geometric mean of both sizes (1 the same, 0 apart); float64 [presentations]."""
    a, b = (v.which * v.n + v.place for v in (first, second))
    common = np.bincount(first.which[np.isin(a, b)], minlength=first.number)
    return np.asarray(common / np.sqrt(np.maximum(first.sizes * second.sizes, 1.0)))


def overlaps(patterns: Volleys) -> np.ndarray:
    """`overlap` of each presentation with each, float64 [presentations, presentations]."""
    active = patterns.dense().astype(np.float64)
    return np.asarray(active @ active.T / np.sqrt(np.maximum(np.outer(patterns.sizes, patterns.sizes), 1.0)))


def jaccard(first: Volleys, second: Volleys) -> np.ndarray:
    """Cells in common, as a share of the cells in either; float64 [presentations], 1 where both are empty."""
    a, b = (v.which * v.n + v.place for v in (first, second))
    common = np.bincount(first.which[np.isin(a, b)], minlength=first.number)
    either = first.sizes + second.sizes - common
    return np.where(either > 0, common / np.maximum(either, 1), 1.0)
