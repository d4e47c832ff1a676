"""How a pass reads and writes the weights of a projection: within their bounds, and without touching what is on its way.

Static pools are changed in place by one loop over their rows; all others through `Edges.set_weight`, which brings plastic
synapses up to date first.
"""

from typing import Any

import numpy as np

from neurosim import ranks
from neurosim.engine import flight
from neurosim.engine.coded_pool import CodedPool
from neurosim.engine.pools import StaticPool

INF = float("inf")


def bounds(projection: Any, low: float | None = None, high: float | None = None) -> tuple[float, float]:
    """Least and largest weight that the plasticity of a projection, and the rule's own bounds, allow."""
    rules = projection.plasticity
    rules = [rules] if not isinstance(rules, list | tuple) else rules
    least = max([-INF if low is None else low, *[r.w_min for r in rules if getattr(r, "w_min", None) is not None]])
    most = min([INF if high is None else high, *[r.w_max for r in rules if getattr(r, "w_max", None) is not None]])
    return least, most


def limits(projection: Any, edges: Any, low: float | None = None, high: float | None = None) -> tuple[Any, Any]:
    """As `bounds`, for each edge: a synapse also keeps its sign where that decides on its receptor."""
    least, most = bounds(projection, low, high)
    signs = list(projection.target.model.physics.receptors.values())
    if not any(signs) or not len(edges):
        return least, most
    p = projection
    row, slot = edges.row[edges.mine], edges.slot[edges.mine]
    column = ranks.fill(edges.owner, (p.pool.packed[p.pool.places_of(row, slot)] & p.pool.mask).astype(np.int64))
    sign = np.zeros(len(edges))
    for first, one in zip(p.wire.columns, signs, strict=True):
        sign[(column >= first) & (column < first + p.wire.post_n)] = one
    return np.where(sign > 0, max(least, 0.0), least), np.where(sign < 0, min(most, 0.0), most)


def stored(projection: Any, edges: Any) -> np.ndarray:
    """Weights that were just set, as they lie in the pool; those on a grid of few bits have been rounded at random."""
    on_a_grid = getattr(getattr(projection.pool, "plan", None), "levels", 0)
    return np.array(projection.edges().weight if on_a_grid else edges.weight)


def few_bits(projection: Any) -> CodedPool | None:
    """The pool, if its static weights are codes of few bits (or one weight for all)."""
    return projection.pool if isinstance(projection.pool, CodedPool) else None


def in_place(projection: Any) -> bool:
    """Whether the weights lie in the pool as they are, so that a loop over its rows may change them."""
    return isinstance(projection.pool, StaticPool) and projection.pool.keeps_weights


def neuron_of_column(projection: Any) -> np.ndarray:
    """Place of the target neuron of each ring column, int64 (0 for columns of others)."""
    wire = projection.wire
    place = np.zeros(max(1, projection.network.engine.uid_of_column.size), np.int64)
    for column in wire.columns:
        place[column : column + wire.post_n] = np.arange(wire.post_n)
    return place


def shard_rows(wire: Any) -> range:
    """First row of each shard of a projection."""
    return range(wire.row0, wire.row0 + wire.n_rows, wire.rows) if wire.rows else range(0)


def sums(projection: Any, side: str, squares: bool) -> np.ndarray:
    """Sum of |w|, or of w**2, over the synapses of each target (side "post") or source ("pre"); float64 [neurons]."""
    from neurosim.kernels.learning import add_up

    n = len(projection.target if side == "post" else projection.source)
    out = np.zeros(n)
    if side == "post" and in_place(projection):  # a target's inputs stand in one order, however its shard is cut
        pool, wire = projection.pool, projection.wire
        rows = (pool.mask, pool.start, pool.length, pool.packed, pool.weight)
        for row0 in shard_rows(wire):
            add_up(row0, wire.pre_n, False, squares, neuron_of_column(projection), *rows, out)
        return np.asarray(ranks.total(out))  # others have nothing of this rank's targets
    edges = projection.edges()
    size = edges.weight**2 if squares else np.abs(edges.weight)
    return np.bincount(ends(projection, edges, side), size, n)


def scale(projection: Any, side: str, factor: np.ndarray, low: float, high: float) -> None:
    """Multiply the weights of the synapses of each target or source by its factor, within low ... high."""
    from neurosim.kernels import learning

    if not len(projection):
        return
    if in_place(projection):
        pool, wire, engine = projection.pool, projection.wire, projection.network.engine
        flight.note_in_flight(engine, pool, wire, wire.rows_of_sources(np.arange(wire.pre_n)))
        rows = (pool.mask, pool.start, pool.length, pool.packed, pool.weight)
        for row0 in shard_rows(wire):
            learning.scale(row0, wire.pre_n, side == "pre", factor, low, high, neuron_of_column(projection), *rows)
        return
    edges = projection.edges()
    edges.set_weight(np.clip(edges.weight * factor[ends(projection, edges, side)], low, high))


def ends(projection: Any, edges: Any, side: str) -> np.ndarray:
    """Place of the target ("post") or source ("pre") of each edge in its population, int64 [edges]."""
    if side == "post":
        return np.searchsorted(projection.target.uid, edges.post)
    return np.searchsorted(projection.source.uid, edges.pre)
