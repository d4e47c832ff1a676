"""A local rule for a readout: each output changes its own synapses from what just fired, and only when its margin is missed.

It reads and writes the weights of an ordinary static projection, in whatever type they are stored.
"""

from typing import Any

import numpy as np

from neurosim import ranks
from neurosim.checks import check_positive
from neurosim.errors import ParameterError
from neurosim.learning.weights import few_bits

ROUNDINGS = ("nearest", "stochastic")


class MarginRule:
    """Delta rule with a margin: w += rate * t on the active synapses of an output whose t * s is below the margin.

    s is the sum of the weights of the active synapses over the root of their number, t is +1 for the output that should
    answer and -1 for the others.  Weights of few bits stay within their bounds and are rounded at each update.

    Parameters
    ----------
    projection : Projection
        Static, every source to every target once, such as ``net.connect(cells, outputs, ns.all_to_all(), dtype="4bit", ...)``.
    rate : float
        Step of a weight, in its unit.
    margin : float
    rounding : {"nearest", "stochastic"}, optional
        How an update is rounded if weights take few bits; "stochastic" by default.

    Attributes
    ----------
    updates : int
        Weights that were asked to change.
    wanted, done : float
        Sums of what they were asked to change by, and of what they did in that direction; their ratio is 1 if rounding keeps
        the mean, and 0 if it erases every update.
    squared : float
        Sum of the squares of the differences.

    References
    ----------
    Widrow & Hoff (1960); Gutig & Sompolinsky (2006) for a margin in spiking readouts; Gupta et al. (2015) ICML for
    stochastic rounding.
    """

    def __init__(self, projection: Any, rate: float = 0.02, margin: float = 1.0, rounding: str | None = None) -> None:
        self.projection, self.rate, self.margin = projection, rate, margin
        check_positive(f"MarginRule({projection.name!r}).rate", rate)
        check_positive(f"MarginRule({projection.name!r}).margin", margin)
        self.coded = few_bits(projection)
        if projection.plasticity is not None:
            raise ParameterError(f"MarginRule: {projection.name!r} is plastic; connect without plasticity")
        if self.coded is not None and self.coded.bits == 0:
            raise ParameterError(
                f"MarginRule: {projection.name!r} keeps one weight for all synapses (dtype='one'); connect(..., dtype='int8')"
            )
        if rounding is not None and (rounding not in ROUNDINGS or self.coded is None):
            raise ParameterError(
                f"MarginRule(rounding): must be 'nearest' or 'stochastic' for weights of few bits, None for floats; got {rounding!r} "
                f"for {projection.pool.store}"
            )
        self.rounding = (rounding or "stochastic") if self.coded is not None else None
        self.n_pre, self.n_post = len(projection.source), len(projection.target)
        self.edges = projection.edges()
        if len(self.edges) != self.n_pre * self.n_post or projection.parallel:
            raise ParameterError(
                f"MarginRule: {projection.name!r} must join every source to every target once, ns.all_to_all(); it has "
                f"{len(self.edges)} synapses for {self.n_pre} x {self.n_post} neurons"
            )
        self.updates, self.wanted, self.done, self.squared = 0, 0.0, 0.0, 0.0

    def _weights(self, edges: Any) -> np.ndarray:
        """Weights of these edges as they are now."""
        mine = edges.mine
        own = self.projection.pool.weights_of(edges.row[mine], edges.slot[mine])
        return ranks.fill(edges.owner, np.asarray(own, np.float64))

    def score(self, active: np.ndarray) -> np.ndarray:
        """Sum of the weights from these sources (places) onto each target over the root of their number; float64 [targets]."""
        edges = self.edges[(active[:, None] * self.n_post + np.arange(self.n_post)).ravel()]
        return np.asarray(self._weights(edges).reshape(-1, self.n_post).sum(axis=0) / np.sqrt(max(1, active.size)))

    def learn(self, active: np.ndarray, label: int) -> int:
        """See one example: the sources (places) that fired and the target that should answer; returns how many missed."""
        sign = np.where(np.arange(self.n_post) == label, 1.0, -1.0)
        missed = np.flatnonzero(sign * self.score(active) < self.margin)
        if missed.size == 0:
            return 0
        edges = self.edges[(active[:, None] * self.n_post + missed).ravel()]
        before, sign = self._weights(edges), np.tile(sign[missed], active.size)
        wanted = before + self.rate * sign
        if self.coded is not None:
            wanted = np.clip(wanted, self.projection.wire.low, self.projection.wire.high)
            edges.set_weight(wanted, rounding=self.rounding)
        else:
            edges.set_weight(wanted)
        self.updates += wanted.size
        self.wanted += float(np.abs(wanted - before).sum())
        self.done += float((sign * (edges.weight - before)).sum())
        self.squared += float(((edges.weight - wanted) ** 2).sum())
        return int(missed.size)
