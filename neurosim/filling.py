"""Filling a new projection: weights and delays of drawn edges, made and stored some edges at a time.

Knows values, and pools by what they offer; chooses no pool and refuses no combination, `connecting` did that.  Between the
drawing of the edges (8 bytes each) and their place in the pool nothing is held for all of them at once: a full
microcircuit has 40 million edges in one projection, and uids, weights, delays and sort keys of all take 80 bytes each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import inserting, ranks, values
from neurosim.engine import flight
from neurosim.errors import WiringError
from neurosim.kernels.rng import stream_key
from neurosim.kernels.rows import count_rows
from neurosim.wiring import nth_among_parallels

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.population import Neurons
    from neurosim.projection import Projection

ANY_DELAY = 1 << 31  # steps: the delays are not known yet
PART = 1 << 18  # edges that are drawn and stored together, and more until the next target begins
#: Bytes for each edge of a part while it is drawn and stored: uids, places, weights, delays, and what is made of them.
PART_BYTES = 75


class Planned:
    """Edges of one connection on their way to a pool.

    Attributes
    ----------
    edges : wiring.Edges
        Places among sources and targets, as the rule drew them.
    weights : float64, 0-d or [edges], or None
        None if they are drawn from a distribution.
    steps : int64, 0-d or [edges], or None
        Delays; None if they are drawn or come from distances.
    """

    portioned = False  # whether only some edges are there at a time

    def __init__(
        self, net: Network, label: str, edges: Any, pre: Neurons, post: Neurons, *, weight: Any, unit: str, delay: Any, least: int,
        name: str, parallel: bool,
    ) -> None:  # fmt: skip
        if edges.weight is not None:
            if hasattr(weight, "draw") or not np.isscalar(weight) or weight != 1.0:
                raise WiringError(
                    f"{label}: the edges bring their own weights; leave out weight=, or scale them before"
                )
            weight = edges.weight
        if edges.delay is not None:
            if delay is not None:
                raise WiringError(f"{label}: the edges bring their own delays; leave out delay=")
            delay = edges.delay
        self.net, self.label, self.edges = net, label, edges
        self.places_in, self.uids = (pre.index, post.index), (pre.uid, post.uid)
        self.weight, self.delay, self.least, self.name, self.parallel = weight, delay, least, name, parallel
        self.weights: Any = None
        self.steps: Any = None
        if not hasattr(weight, "draw"):
            self.weights = values.edge_weights(net, f"{label}.weight", weight, unit, edges.pre, edges.post, ())
        if not hasattr(delay, "draw"):
            self.steps = values.edge_delays(net, f"{label}.delay", delay, edges.pre, edges.post, (), least=least)
        self.low, self.rounded = 0, False
        self._drawn(slice(0, 1), 0)  # what cannot be drawn at all is refused before anything is made

    def keep(self, piece: Any) -> None:
        """Forget the edges whose targets other ranks have."""
        low, high = piece.own()
        place = self.places_in[1][self.edges.post]
        mine = (place >= low) & (place < high)
        self.edges = replace(self.edges, pre=self.edges.pre[mine], post=self.edges.post[mine])
        if self.weights is not None and self.weights.ndim:
            self.weights = self.weights[mine]
        if self.steps is not None and self.steps.ndim:
            self.steps = self.steps[mine]

    def whole(self) -> tuple[np.ndarray, np.ndarray]:
        """(weights, delays in steps) of all edges: 0-d if one number was given."""
        self.low, self.rounded, every = 0, False, slice(0, len(self.edges))
        weights, steps = self._drawn(every, self._nth(every) if self._asks else 0)
        self.tell()
        return weights, steps

    def places(self, cut: slice) -> tuple[np.ndarray, np.ndarray]:
        """Places of some edges in the source and the target population, int64."""
        return self.places_in[0][self.edges.pre[cut]], self.places_in[1][self.edges.post[cut]]

    def pairs(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Places of all edges, some at a time."""
        for cut in self.cuts():
            yield self.places(cut)

    def cuts(self) -> Iterator[slice]:
        """Parts of the edges, in order; each holds all parallels of its pairs if the targets ascend."""
        at, n = 0, len(self.edges)
        while at < n:
            stop = self._next_target(min(at + PART, n))
            yield slice(at, stop)
            at = stop

    def _next_target(self, at: int) -> int:
        """The first edge from `at` on that has another target than the one before it; the number of edges if none has."""
        post, width = self.edges.post, 1024
        while at < post.size:
            other = post[at : at + width] != post[at - 1]
            if other.any():
                return at + int(np.argmax(other))
            at, width = at + width, 4 * width
        return int(post.size)

    def parts(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """(source places, target places, weights, delays in steps) of some edges at a time, in order."""
        self.low, self.rounded, whole = 0, False, None
        if self._asks and self.parallel and (self.edges.post[1:] < self.edges.post[:-1]).any():
            whole = nth_among_parallels(self.edges.pre, self.edges.post)
        for cut in self.cuts():
            nth: Any = 0
            if self._asks and self.parallel:
                nth = self._nth(cut) if whole is None else whole[cut]
            weights, steps = self._drawn(cut, nth)
            yield *self.places(cut), weights, steps

    @property
    def _asks(self) -> bool:
        return self.weights is None or self.steps is None

    def _nth(self, cut: slice) -> np.ndarray | int:
        """Number of each of these edges among its parallels."""
        return nth_among_parallels(self.edges.pre[cut], self.edges.post[cut]) if self.parallel else 0

    def _drawn(self, cut: slice, nth: Any) -> tuple[np.ndarray, np.ndarray]:
        """(weights, steps) of some edges."""
        weights, steps, net = self.weights, self.steps, self.net
        if self._asks:
            uids = self.uids[0][self.edges.pre[cut]], self.uids[1][self.edges.post[cut]]
        if weights is None:
            weights = np.asarray(
                self.weight.draw(int(stream_key(net.seed, "weight", self.name)), *uids, nth), np.float64
            )
        elif weights.ndim:
            weights = weights[cut]
        if steps is None:
            key = ("delay", self.name)
            steps, low, rounded = values.drawn_steps(net, self.delay, *uids, key, least=self.least, nth=nth)
            self.low, self.rounded = self.low + low, self.rounded or rounded
        elif steps.ndim:
            steps = steps[cut]
        return weights, steps

    def tell(self, *, together: bool = False) -> None:
        """Say once that drawn delays were rounded, where the user called connect; of several ranks, when all are there."""
        if self.steps is None and ranks.SIZE > 1 and together:
            low, n, rounded = ranks.total(np.array([self.low, len(self.edges), self.rounded], np.int64)).tolist()
        else:
            low, n, rounded = self.low, len(self.edges), self.rounded and ranks.SIZE == 1
        if self.steps is None and rounded:
            values.tell_rounding(f"{self.label}.delay", self.net, low, n, self.least, stacklevel=6)


def fill(projection: Projection, planned: Planned, folded: int) -> float:
    """Put the edges into the empty rows of a projection; `folded` steps are added to all delays.

    Returns the largest error of weights of few bits, which several ranks tell of together.  Raises what a weight or a delay
    does not allow, with the rows empty again: the caller then removes the wire.
    """
    engine, pool, wire = projection.network.engine, projection.pool, projection.wire
    count = np.zeros(wire.n_rows, np.int64)
    for places in planned.pairs():
        count_rows(wire.row_of(*places), wire.row0, count)
    if not count.any():
        return 0.0
    rows = np.arange(wire.row0, wire.row0 + wire.n_rows)
    flight.note_in_flight(engine, pool, replace(wire, most_delay=ANY_DELAY), rows)  # they carry nothing fired before
    pool.reserve(wire.row0, rows.size, count)
    label, error = f"{projection.name}.weight", 0.0
    try:
        for i, j, weight, steps in planned.parts():
            steps = steps + folded
            if hasattr(pool, "admit"):
                error = max(error, pool.admit(label, wire, weight))
            column = inserting.columns_for(projection, inserting.checked_weights(projection, weight)) + j
            inserting.check_delays(projection, steps)
            engine.note_delays(wire, int(np.min(steps)), int(np.max(steps)))
            pool.append(wire.row0, rows.size, wire.row_of(i, j), column, steps, weight, extra=float(engine.step))
    except BaseException:  # such as no memory for the next part
        pool.empty_rows(wire.row0, rows.size)
        raise
    planned.tell()
    if hasattr(pool, "admit") and ranks.SIZE == 1:
        pool.tell(label, wire, error, stacklevel=5)
    projection._edited(np.zeros(0, np.int64), 1)
    return error
