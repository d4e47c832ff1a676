"""Pruning: synapses that are weak, unused or old are removed, at once or with a hazard."""

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_positive
from neurosim.errors import ParameterError
from neurosim.structural.calcium import Calcium

if TYPE_CHECKING:
    from neurosim.network import Network


class Prune:
    """Removes the synapses that meet all given conditions.

    Parameters
    ----------
    projection : Projection
    every : float
        ms between looks.
    below : float, optional
        |weight| less than this.
    unused : float, optional
        Carries fewer spikes per second (Hz) than this: the firing of its source over `tau_usage`.
    older_than : float, optional
        Age above this (ms).
    protect_age : float
        Synapses younger than this (ms) are spared.
    hazard : float, optional
        Rate (1/s) at which those that meet the conditions vanish, each by chance; without it all go at once.
    at_most : int, optional
        No more than this many at a time, the weakest first.
    tau_usage : float
        ms.
    in_flight : {"drop", "deliver"}
        What becomes of spikes on their way.

    Notes
    -----
    Ages count from birth; synapses that were there when the first rule that asks for ages was added count from then.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> pop = net.add_population("pop", ns.LIF(), 10)
    >>> ee = net.connect(pop, pop, ns.all_to_all(), weight=ns.uniform(0, 1))
    >>> _ = net.add(ns.Prune(ee, below=0.5, every=10.0))
    >>> net.run(10.0)
    >>> bool(ee.weight.min() >= 0.5)
    True
    """

    def __init__(
        self, projection: Any, every: float = 1000.0, *, below: float | None = None, unused: float | None = None,
        older_than: float | None = None, protect_age: float = 0.0, hazard: float | None = None, at_most: int | None = None,
        tau_usage: float = 1000.0, in_flight: str = "drop",
    ) -> None:  # fmt: skip
        if not hasattr(projection, "has_edge"):
            raise ParameterError(f"Prune(projection): needs one projection as net.connect gives it, got {projection!r}")
        if below is None and unused is None and older_than is None and hazard is None:
            raise ParameterError(
                "Prune: says nothing to prune by; give below=0.02 (weight), unused=0.1 (Hz), older_than=1e4 (ms) or hazard=0.1 (1/s)"
            )
        for name, value in (("below", below), ("unused", unused), ("older_than", older_than), ("hazard", hazard)):
            if value is not None:
                check_not_negative(f"Prune.{name}", value)
        self.projection = projection
        self.every = check_positive("Prune.every", every, "ms")
        self.below, self.unused, self.older_than, self.hazard = below, unused, older_than, hazard
        self.protect_age = check_not_negative("Prune.protect_age", protect_age, "ms")
        self.at_most = None if at_most is None else check_count("Prune.at_most", at_most)
        self.tau_usage = check_positive("Prune.tau_usage", tau_usage, "ms")
        self.in_flight = in_flight
        self.name = "Prune"

    @property
    def _asks_age(self) -> bool:
        return self.older_than is not None or self.protect_age > 0

    @property
    def _newborn(self) -> float:
        """Usage (Hz) that a source is given at first, so that it has time to fire."""
        return 2 * (self.unused or 0.0)

    def start(self, net: "Network") -> None:
        """Begin to watch ages and usage, if they are asked for."""
        self.usage = Calcium(self.tau_usage, net.dt, net.step)
        self.usage.follow(self.projection.source.uid, self._newborn)
        if self._asks_age:
            self.projection.want_birth()

    def observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Spikes since the last look."""
        self.usage.follow(self.projection.source.uid, self._newborn)
        self.usage.observe(net.step, stamp, uid)

    def advance(self, net: "Network") -> None:
        """Look, choose, remove."""
        edges = self.projection.edges()
        hit = np.ones(len(edges), np.bool_)
        if self.below is not None:
            hit &= np.abs(edges.weight) < self.below
        if self.unused is not None:
            hit &= self.usage.rate[np.searchsorted(self.usage.uid, edges.pre)] < self.unused
        if self._asks_age:
            age = self.projection.age(edges)
            hit &= age >= self.protect_age
            if self.older_than is not None:
                hit &= age > self.older_than
        edges = edges[hit]
        if self.hazard is not None and len(edges):
            edges = edges[
                self.projection.chance(edges, net.key("prune", self.projection.name))
                < -np.expm1(-self.hazard * self.every * 1e-3)
            ]
        if self.at_most is not None and len(edges) > self.at_most:
            edges = edges[np.sort(np.argsort(np.abs(edges.weight), kind="stable")[: self.at_most])]
        edges.remove(rule=self.name, in_flight=self.in_flight)

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return {"uid": self.usage.uid, "rate": self.usage.rate, "step": np.array([self.usage.step])}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.usage.uid, self.usage.rate = np.array(arrays["uid"]), np.array(arrays["rate"])
        self.usage.step = int(arrays["step"][0])

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        names = (
            "projection",
            "every",
            "below",
            "unused",
            "older_than",
            "protect_age",
            "hazard",
            "at_most",
            "tau_usage",
            "in_flight",
        )
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        given = {n: v for n, v in self.describe().items() if n not in ("projection", "in_flight", "tau_usage") and v}
        return f"Prune({self.projection.name!r}, {', '.join(f'{n}={v:g}' for n, v in given.items())})"
