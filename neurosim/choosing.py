"""How the edges that rules ask for are chosen: at random by a key, by weight, or among the pairs that have none.

Knows projections by what they offer, and their pools; changes no synapse.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim import ranks, spread
from neurosim.edges import Edges
from neurosim.errors import WiringError
from neurosim.wiring import nth_among_parallels

if TYPE_CHECKING:
    from neurosim.projection import Projection

Found = tuple[np.ndarray, np.ndarray]  # row and slot of each edge


def sample(p: Projection, n: int, key: int) -> Edges:
    """As `Projection.sample`."""
    if p.spread:
        return spread.sample(p, n, key)
    return p._found(*p.pool.sample_edges(min(n, len(p)), p.wire.row0, p.wire.n_rows, np.uint64(key), *p._uids()))


def sample_out(p: Projection, i: np.ndarray, k: np.ndarray, key: int) -> Edges:
    """As `Projection.sample_out`, of places."""
    if p.spread:
        return spread.sample_out(p, i, k, key)
    rows = p.wire.rows_of_sources(i).reshape(p.wire.shards, -1)
    k = np.minimum(k, p.pool.length[rows].sum(axis=0, dtype=np.int64))
    return p._found(*p.pool.sample_out(rows.T, k, np.uint64(key), *p._uids()))


def sample_in(p: Projection, j: np.ndarray, k: ArrayLike, key: int) -> Edges:
    """As `Projection.sample_in`, of places."""

    def ask(columns: np.ndarray, k: np.ndarray, mine: Any) -> Found:
        found = None if p.parallel else probe(p, columns, k, key, mine)
        if ranks.SIZE > 1:  # all look into random rows, or none
            found = None if ranks.some(found is None) else found
        return found or p.pool.sample_in(columns[mine], k[mine], p.wire.row0, p.wire.n_rows, np.uint64(key), *p._uids())

    return _per_target(p, j, k, ask)


def probe(p: Projection, columns: np.ndarray, k: np.ndarray, key: int, mine: Any) -> Found | None:
    """`sample_in` for a few targets of many inputs each, or None; no pair has two edges.  Those asked here are `mine`."""
    w = p.wire
    first = next((c for c in w.columns if columns.size and c <= columns[0] < c + w.post_n), -1)
    if first < 0:
        return None
    degree = p._inputs()[w.columns.index(first)][columns - first]
    expected = w.pre_n * (np.log(np.maximum(degree, 1)) - np.log(np.maximum(degree - k, 0.5)))
    if 80.0 * expected.sum() > len(p):  # a look costs as much as streaming 80 synapses
        return None
    from neurosim.kernels import elements

    tries = 20 * int(expected.max(initial=0.0)) + 100
    columns, k = columns[mine], k[mine]
    row, slot, held = np.empty(k.sum(), np.int64), np.empty(k.sum(), np.int64), np.empty(k.size, np.int64)
    row0 = w.row_of(np.zeros(columns.size, np.int64), columns - first)
    uid = p.target._uid[columns - first]
    elements.probe_inputs(
        np.uint64(key), uid, columns, k, row0, w.pre_n, tries, p.pool.mask, p.pool.table, p.pool.packed, row, slot, held
    )  # fmt: skip
    return (row, slot) if np.array_equal(held, k) else None


def weakest(p: Projection, j: np.ndarray, k: ArrayLike) -> Edges:
    """As `Projection.weakest`, of places."""
    return _per_target(
        p, j, k, lambda columns, k, mine: p.pool.weakest_in(columns[mine], k[mine], p.wire.row0, p.wire.n_rows)
    )


def _per_target(
    p: Projection, j: np.ndarray, k: ArrayLike, ask: Callable[[np.ndarray, np.ndarray, Any], Found]
) -> Edges:
    """What `ask` finds for targets of these places and so many edges of each; of several ranks, each asks for its own."""
    k = np.broadcast_to(np.asarray(k, np.int64), j.shape)
    columns = _used_columns(p)
    if len(columns) > 1:
        raise WiringError(
            f"{p.name}: its synapses go to several receptors; connect them as two projections to ask per target"
        )
    degree = p._inputs()[p.wire.columns.index(columns[0])]
    many = np.minimum(k, degree[j])
    if ranks.SIZE > 1:
        mine = np.flatnonzero(p.wire.owns(j))
        return p._found(*ask(columns[0] + j, many, mine), np.repeat(mine, np.maximum(many[mine], 0)))
    return p._found(*ask(columns[0] + j, many, slice(None)))


def _used_columns(p: Projection) -> list[int]:
    """First ring column of each receptor that synapses go to."""
    used = [c for c, degree in zip(p.wire.columns, p._inputs(), strict=True) if degree.any()]
    return used or p.wire.columns[:1]


def sample_non_edges(p: Projection, n: int, key: int) -> tuple[np.ndarray, np.ndarray]:
    """As `Projection.sample_non_edges`."""
    rng = np.random.Generator(np.random.Philox(int(key)))
    source, target = p.source.uid, p.target.uid
    total = source.size * target.size
    if 2 * (len(p) + n) > total:  # draws would mostly hit what is taken: list what is free
        edges = p.edges()
        free = np.ones(total, np.bool_)
        free[np.searchsorted(source, edges.pre) * target.size + np.searchsorted(target, edges.post)] = False
        if not p.autapses:
            own = np.intersect1d(source, target)
            free[np.searchsorted(source, own) * target.size + np.searchsorted(target, own)] = False
        pairs = np.flatnonzero(free)
        taken = rng.choice(pairs, min(n, pairs.size), replace=False)
    else:
        taken = np.zeros(0, np.int64)
        while taken.size < n:
            draw = rng.integers(0, total, 2 * (n - taken.size) + 16)
            pre, post = source[draw // target.size], target[draw % target.size]
            fine = ~p.has_edge(pre, post)
            if not p.autapses:
                fine &= pre != post
            taken = np.concatenate([taken, draw[fine]])
            taken = taken[np.sort(np.unique(taken, return_index=True)[1])]
    return source[taken[:n] // target.size], target[taken[:n] % target.size]


def nth(p: Projection, edges: Edges) -> np.ndarray:
    """As `Projection.nth`."""
    number = np.zeros(len(edges), np.int64)
    if p.parallel:
        order = np.lexsort((edges.slot, edges.post, edges.pre))
        number[order] = nth_among_parallels(edges.pre[order], edges.post[order])
    return number


def chance(p: Projection, edges: Edges, key: int) -> np.ndarray:
    """As `Projection.chance`."""
    from neurosim.kernels.rng import hash_pairs

    out = np.zeros(len(edges))
    hash_pairs(np.uint64(key), edges.pre, edges.post, nth(p, edges), out)
    return out
