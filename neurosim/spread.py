"""Edges of a projection that lie on several ranks, put together: every rank gets the same selection.

Knows projections by what they offer, and `ranks`.  Each rank finds the edges onto its own targets; where it is chosen among
all of them by hash, each rank offers its own smallest, and the choice is made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosim import ranks
from neurosim.edges import Edges
from neurosim.engine.event_pool import parallel_ranks
from neurosim.kernels.rng import hash_pairs

if TYPE_CHECKING:
    from neurosim.projection import Projection


def of_all_ranks(*arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """(owner, the arrays of all ranks one behind the other)."""
    sizes = ranks.gather(np.array([arrays[0].size], np.int64))
    owner = np.repeat(np.arange(ranks.SIZE), np.concatenate(sizes))
    return owner, *(ranks.joined(np.asarray(one)) for one in arrays)


def edges_found(
    p: Projection, asked: np.ndarray, row: np.ndarray, slot: np.ndarray, pre: np.ndarray, post: np.ndarray, weight: np.ndarray,
    steps: np.ndarray,
) -> Edges:  # fmt: skip
    """The edges that all ranks found, in order of `asked`."""
    owner, asked, *found = of_all_ranks(asked, row, slot, pre, post, weight, steps)
    order = np.argsort(asked, kind="stable")
    return _owned(p, owner[order], [one[order] for one in found])


def _owned(p: Projection, owner: np.ndarray, arrays: list[np.ndarray]) -> Edges:
    row, slot, pre, post, weight, steps = arrays
    return Edges(p, row, slot, pre, post, weight, steps, owner)


def multiplicity(p: Projection, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """Number of edges between each pair of places."""
    w, mine = p.wire, p.wire.owns(j)
    count = np.zeros(np.shape(j), np.int64)
    row = w.row_of(i[mine], j[mine])
    for column in w.columns:
        count[mine] += np.asarray(p.pool.count_in_row(row, column + j[mine]), np.int64)
    return np.asarray(ranks.total(count))


def sample(p: Projection, n: int, key: int) -> Edges:
    """As `Projection.sample`."""
    held = int(p.pool.length[p.wire.row0 : p.wire.row0 + p.wire.n_rows].sum(dtype=np.int64))
    row, slot = p.pool.sample_edges(min(n, held), p.wire.row0, p.wire.n_rows, np.uint64(key), *p._uids())
    return _smallest(p, np.zeros(row.size, np.int64), row, slot, key, np.array([n]))


def sample_out(p: Projection, i: np.ndarray, k: np.ndarray, key: int) -> Edges:
    """As `Projection.sample_out`, of places."""
    rows = p.wire.rows_of_sources(i).reshape(p.wire.shards, -1)
    k = np.broadcast_to(k, i.shape)
    own = np.maximum(np.minimum(k, p.pool.length[rows].sum(axis=0, dtype=np.int64)), 0)
    row, slot = p.pool.sample_out(rows.T, own, np.uint64(key), *p._uids())
    return _smallest(p, np.repeat(np.arange(i.size), own), row, slot, key, k)


def _smallest(p: Projection, asked: np.ndarray, row: np.ndarray, slot: np.ndarray, key: int, k: np.ndarray) -> Edges:
    """Of all ranks' candidates for question asked[e] the k[asked] with the smallest hashes, in that order."""
    row, slot = np.asarray(row, np.int64), np.asarray(slot, np.int64)
    found = p._found(row, slot)
    nth = np.zeros(row.size, np.int64)
    if p.parallel and row.size:
        nth = parallel_ranks(p.pool)[p.pool.places_of(row, slot)].astype(np.int64)
    chance = np.zeros(row.size)
    hash_pairs(np.uint64(key), found.pre, found.post, nth, chance)
    owner, asked, chance, *every = of_all_ranks(
        asked, chance, row, slot, found.pre, found.post, found.weight, found.steps
    )
    order = np.lexsort((chance, asked))
    asked = asked[order]
    first = np.searchsorted(asked, asked, side="left")
    order = order[np.arange(order.size) - first < k[asked]]
    return _owned(p, owner[order], [one[order] for one in every])
