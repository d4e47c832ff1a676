"""The wiring of a connection on several ranks: each draws the edges onto its own targets, where the rule can.

Knows rules and neurons; stores nothing.  Rules whose draws are keyed by the target, or by the pair, are asked for this
rank's targets only; those that count by source or in total are drawn in parts.  The others (fixed_total without parallels,
small rings, listed edges, functions of indices) draw all edges, 8 bytes each, and `filling` forgets those of other ranks
before it makes anything of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import filling, inserting, ranks
from neurosim.errors import NeurosimError
from neurosim.wiring import AllToAll, Distance, FixedIndegree, Random, Rule
from neurosim.wiring.shares import share

if TYPE_CHECKING:
    from neurosim.filling import Planned
    from neurosim.network import Network
    from neurosim.population import Neurons
    from neurosim.projection import Projection


def draw(
    net: Network, rule: Rule, key: int, pre: Neurons, post: Neurons, autapses: bool, parallel: bool,
    positions: Callable[[Neurons], Any], given: tuple[Any, Any],
) -> tuple[Any, bool]:  # fmt: skip
    """(edges, whether they are those of all ranks): `given` are weights and delays, which may list one number an edge."""
    same = bool(np.intersect1d(pre.uid, post.uid).size)
    at, uid = positions(post), post.uid
    listed = any(np.ndim(one) and not hasattr(one, "draw") for one in given)
    if ranks.SIZE == 1 or listed:
        return rule.draw(
            key, len(pre), uid.size, pre.uid, uid, same, autapses, parallel, positions(pre), at
        ), ranks.SIZE > 1
    low, high = net.engine.home[post.population.number][1].own()
    here = (post.index >= low) & (post.index < high)
    if not isinstance(rule, AllToAll | Distance | FixedIndegree | Random):
        some = share(rule, here, key, pre.uid, uid, same, autapses, parallel)
        if some is not None:
            return some, False
        return rule.draw(key, len(pre), uid.size, pre.uid, uid, same, autapses, parallel, positions(pre), at), True
    mine = np.flatnonzero(here)
    edges = rule.draw(
        key, len(pre), mine.size, pre.uid, uid[mine], same, autapses, parallel, positions(pre), None if at is None else at[mine]
    )  # fmt: skip
    return replace(edges, post=mine[edges.post].astype(edges.post.dtype)), False


def listed(rule: Rule, edges: Any, whole: bool) -> tuple[Any, ...]:
    """What all ranks must have drawn alike: all edges, or the rule."""
    return (edges.pre, edges.post, edges.weight, edges.delay) if whole else (rule,)


def none(edges: Any) -> bool:
    """Whether no rank has drawn an edge."""
    return not ranks.some(len(edges))


def extremes(weights: np.ndarray) -> np.ndarray:
    """The smallest and the largest weight of all ranks: of those that are drawn only the signs matter before they are stored."""
    size = np.size(weights)
    low = ranks.least(float(np.min(weights)) if size else np.inf)
    high = ranks.most(float(np.max(weights)) if size else -np.inf)
    return np.array([low, high]) if low <= high else np.zeros(0)


def fill(projection: Projection, planned: Planned, folded: int) -> None:
    """Store this rank's edges; what one rank finds wrong with its own is raised on all."""
    error: Exception | None = None
    rounded = 0.0
    try:
        if projection.plasticity is None or planned.portioned:
            rounded = filling.fill(projection, planned, folded)
        else:
            weights, steps = planned.whole()
            inserting.put(projection, *planned.places(slice(None)), weights, steps + folded, None)
    except NeurosimError as one:
        error = one
    told = [one for one in ranks.objects(None if error is None else (type(error), str(error))) if one is not None]
    if told:
        raise told[0][0](told[0][1])
    planned.tell(together=True)
    if hasattr(projection.pool, "admit"):
        projection.pool.tell(f"{projection.name}.weight", projection.wire, ranks.most(rounded), stacklevel=5)
    inserting.agree_delays(projection)
    projection.version += 1
