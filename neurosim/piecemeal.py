"""Edges made portion by portion, for networks whose synapses lie on disk: memory holds one portion at a time.

Each portion is drawn whenever it is asked for: to see how long the rows become, to fill them, and before that where the pool
depends on drawn values.  The synapses are those that `connecting` would make at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import ranks, values
from neurosim.filling import Planned
from neurosim.kernels.rng import stream_key
from neurosim.population import Neurons
from neurosim.wiring import Rule
from neurosim.wiring.portions import in_portions, portions
from neurosim.wiring.rules import Edges

if TYPE_CHECKING:
    from neurosim.network import Network


def possible(net: Network, rule: Rule, weight: Any, delay: Any) -> bool:
    """Whether a connection is made portion by portion: on disk, by a rule of single targets, with drawn values or one for all."""
    plain = all(hasattr(value, "draw") or np.ndim(value) == 0 for value in (weight, delay))
    return net.engine.store is not None and in_portions(rule) and plain


class Pieces(Planned):
    """As `Planned`; `edges` are those of the present portion."""

    portioned = True

    def __init__(
        self, net: Network, label: str, rule: Rule, pre: Neurons, post: Neurons, *, expected: float, autapses: bool, parallel: bool,
        name: str, **given: Any,
    ) -> None:  # fmt: skip
        self.none = Edges(np.zeros(0, np.int32), np.zeros(0, np.int32))
        super().__init__(net, label, self.none, pre, post, parallel=parallel, name=name, **given)
        same = bool(np.intersect1d(pre.uid, post.uid).size)
        key = int(stream_key(net.seed, "wiring", name))
        self._draw = lambda: portions(rule, key, pre.uid, post.uid, same, autapses, parallel, expected)
        self._n, self._told = 0, False
        self._home = net.engine.home[post.population.number][1]

    def _take(self, edges: Edges) -> None:
        """Take the next portion: of several ranks each draws all of it, and keeps its own."""
        self.edges = edges
        if ranks.SIZE > 1:
            self.keep(self._home)

    def pairs(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Places of all edges, some at a time."""
        for edges in self._draw():
            self._take(edges)
            yield from super().pairs()
        self.edges = self.none

    def parts(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """(source places, target places, weights, delays in steps) of some edges at a time, in order."""
        n, low, rounded = 0, 0, False
        for edges in self._draw():
            self._take(edges)
            yield from super().parts()
            n, low, rounded = n + len(edges), low + self.low, rounded or self.rounded
        self.edges, self._n, self.low, self.rounded = self.none, n, low, rounded

    def whole(self) -> tuple[np.ndarray, np.ndarray]:
        """(weights, delays in steps) as far as a pool depends on them: the one of all, or the smallest and the largest."""
        if not self._asks:
            return self.weights, self.steps
        weights, steps = np.zeros(0), np.zeros(0, np.int64)
        for _, _, *more in self.parts():
            weights, steps = (_range(known, new) for known, new in zip((weights, steps), more, strict=True))
        self.tell()
        return (weights if self.weights is None else self.weights), (steps if self.steps is None else self.steps)

    def tell(self, *, together: bool = False) -> None:
        """Say once that drawn delays were rounded, where the user called connect; of several ranks, when all are there."""
        if self.steps is not None or self._told or (ranks.SIZE > 1 and not together):
            return
        low, n, rounded = ranks.total(np.array([self.low, self._n, self.rounded], np.int64)).tolist()
        if rounded:
            self._told = True
            values.tell_rounding(f"{self.label}.delay", self.net, low, n, self.least, stacklevel=6)


def _range(known: np.ndarray, more: np.ndarray) -> np.ndarray:
    """(smallest, largest) of all, or nothing."""
    both = np.append(known, more)
    return np.array([both.min(), both.max()]) if both.size else both
