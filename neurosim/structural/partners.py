"""Who is joined to whom when vacant elements find each other.

A partner rule is a function ``f(pre, post) -> weights`` of two uid arrays that broadcast against each other (pre [n, 1],
post [1, m]); larger means likelier, 0 never.  None is uniform.  A rule may also have a method ``draw``, as `ByDistance`
does, which is asked where a table of all weights would be too large.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.checks import check_positive
from neurosim.errors import ParameterError

PartnerRule = Callable[[np.ndarray, np.ndarray], np.ndarray]
#: Pairs whose weights are held at once.  Above, a rule with `draw` is asked for partners; of another rule each source
#: looks at this many random candidates, which is not exact.
MOST_PAIRS = 4_000_000
CANDIDATES = 256
#: Cells of the grid in which `ByDistance` looks for partners, at most; and draws before it looks at everybody.
MOST_CELLS = 4096
TRIES = 100


def pair_elements(
    pre: np.ndarray, post: np.ndarray, partner: PartnerRule | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Pair vacant elements one to one.

    With a partner rule each axonal element, in random order, asks a target in proportion to its weight times its vacant
    elements (Butz & van Ooyen 2013); a target takes as many as it has room for, and the others ask again.

    Parameters
    ----------
    pre, post : int64
        Uid of the neuron of each vacant element (a neuron may stand several times).
    partner : function or None
    rng : Generator

    Returns
    -------
    pre, post : int64 arrays of equal length
        At most as long as the shorter list.
    """
    if pre.size == 0 or post.size == 0:
        return pre[:0], post[:0]
    if partner is None:
        pre, post = rng.permutation(pre), rng.permutation(post)
        n = min(pre.size, post.size)
        return pre[:n], post[:n]
    targets, vacant = np.unique(post, return_counts=True)
    draw = getattr(partner, "draw", None)
    if pre.size * targets.size > MOST_PAIRS and draw is None:
        return _pair_among_candidates(rng.permutation(pre), post, partner, rng)
    sources, at = np.unique(pre, return_inverse=True)
    weight: np.ndarray | None = None
    waiting = rng.permutation(at)
    chosen_pre, chosen_post = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    while waiting.size and vacant.any():
        rows, row = np.unique(waiting, return_inverse=True)
        columns = np.flatnonzero(vacant)
        if draw is not None and rows.size * columns.size > MOST_PAIRS:
            slots = np.repeat(columns, vacant[columns])
            j = draw(sources[waiting], targets[slots], int(rng.integers(1 << 32)))
            asks: np.ndarray = np.asarray(j >= 0)
            waiting, j = waiting[asks], slots[j[asks]]
        else:
            if weight is None:  # of those who are left
                sources, waiting = sources[rows], row
                targets, vacant = targets[columns], vacant[columns]
                weight = _weights(partner, sources, targets)
                rows, row, columns = np.arange(sources.size), waiting, np.arange(targets.size)
            j = _proposals(weight[np.ix_(rows, columns)] * vacant[columns], row, rng.random(waiting.size))
            asks = np.asarray(j >= 0)
            waiting, j = waiting[asks], columns[j[asks]]
        accepted = _rank_among_equals(j) < vacant[j]
        vacant = vacant - np.bincount(j[accepted], minlength=vacant.size)
        chosen_pre.append(sources[waiting[accepted]])
        chosen_post.append(targets[j[accepted]])
        waiting = waiting[~accepted]
    return np.concatenate(chosen_pre), np.concatenate(chosen_post)


def _proposals(chance: np.ndarray, row: np.ndarray, draw: np.ndarray) -> np.ndarray:
    """A column for each entry of `row`, drawn in proportion to that row of `chance`; -1 where the row is empty."""
    total = np.cumsum(chance)
    end = total[chance.shape[1] - 1 :: chance.shape[1]]
    begin = np.append(0.0, end[:-1])
    k = np.searchsorted(total, begin[row] + draw * (end - begin)[row], side="right")
    k = np.clip(k - row * chance.shape[1], 0, chance.shape[1] - 1)
    last = chance.shape[1] - 1 - np.argmax(chance[:, ::-1] > 0, axis=1)  # where rounding goes past the end of a row
    k = np.minimum(k, last[row])
    return np.where(end[row] > begin[row], k, -1)


def _rank_among_equals(values: np.ndarray) -> np.ndarray:
    """How many equal values stand before each."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.append(True, ordered[1:] != ordered[:-1])[: values.size]
    rank = np.empty(values.size, np.int64)
    rank[order] = np.arange(values.size) - np.flatnonzero(first)[np.cumsum(first) - 1]
    return rank


def _pair_among_candidates(
    pre: np.ndarray, post: np.ndarray, partner: PartnerRule, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """As above, each source choosing among CANDIDATES random vacant elements."""
    free = np.ones(post.size, np.bool_)
    chosen_pre, chosen_post = [], []
    for source in pre:
        candidates = rng.integers(0, post.size, CANDIDATES)
        weight = _weights(partner, np.array([source]), post[candidates])[0] * free[candidates]
        total = weight.cumsum()
        if total[-1] <= 0:
            continue
        k = candidates[int(np.searchsorted(total, rng.random() * total[-1], side="right"))]
        free[k] = False
        chosen_pre.append(source)
        chosen_post.append(post[k])
    return np.array(chosen_pre, np.int64), np.array(chosen_post, np.int64)


def _weights(partner: PartnerRule, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    weight = np.asarray(partner(pre[:, None], post[None, :]), np.float64)
    try:
        weight = np.broadcast_to(weight, (pre.size, post.size))
    except ValueError:
        raise ParameterError(
            f"partner: f(pre, post) of uid arrays [n, 1] and [1, m] must give [n, m] weights, got shape {weight.shape} for n={pre.size}, m={post.size}"
        ) from None
    if not np.isfinite(weight).all() or (weight < 0).any():
        raise ParameterError("partner: weights must be finite and not negative")
    return weight


def by_score(uid_pre: np.ndarray, uid_post: np.ndarray, score: np.ndarray) -> PartnerRule:
    """Partners in proportion to a score matrix [len(uid_pre), len(uid_post)]; uids outside never pair.

    Examples
    --------
    >>> import numpy as np
    >>> f = by_score(np.array([5, 6]), np.array([7, 8]), np.array([[0.0, 1.0], [2.0, 0.0]]))
    >>> f(np.array([[5]]), np.array([[7, 8]]))
    array([[0., 1.]])
    """
    uid_pre, uid_post = np.asarray(uid_pre, np.int64), np.asarray(uid_post, np.int64)
    padded = np.zeros((uid_pre.size + 1, uid_post.size + 1))
    padded[:-1, :-1] = score

    def places(own: np.ndarray, uid: np.ndarray) -> np.ndarray:
        order = np.argsort(own)
        at = np.minimum(np.searchsorted(own[order], uid), own.size - 1)
        return np.where(own[order][at] == uid, order[at], own.size)

    def by_score(pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        return np.asarray(padded[places(uid_pre, pre), places(uid_post, post)])

    return by_score


@dataclass(frozen=True, eq=False)
class ByDistance:
    """What `by_distance` makes: a partner rule, and a way to draw partners without a table of all pairs."""

    source: Any
    target: Any
    length: float
    kernel: str = "gaussian"

    def __post_init__(self) -> None:
        for population in (self.source, self.target):
            if population.positions is None:
                raise ParameterError(
                    f"by_distance: {population.name!r} has no positions; net.add_population(..., positions=array) gives them"
                )
        check_positive("by_distance(length)", self.length)
        if self.kernel not in ("gaussian", "exponential"):
            raise ParameterError(f"by_distance(kernel): must be 'gaussian' or 'exponential', got {self.kernel!r}")

    def __call__(self, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """Weights of pairs of uids."""
        square = ((self._where(self.source, pre) - self._where(self.target, post)) ** 2).sum(-1)
        if self.kernel == "gaussian":
            return np.asarray(np.exp(-square / (2 * self.length**2)))
        return np.asarray(np.exp(-np.sqrt(square) / self.length))

    @staticmethod
    def _where(population: Any, uid: np.ndarray) -> np.ndarray:
        return np.asarray(population.positions[np.searchsorted(population.uid, uid)], np.float64)

    def draw(self, pre: np.ndarray, post: np.ndarray, key: int) -> np.ndarray:
        """For each of `pre` a place in `post`, in proportion to the weight of the pair, or -1; int64.

        Both are laid out in cells of about `length`.  A cell is drawn by a bound on its weights, a target in it uniformly,
        and kept with the chance weight / bound, so the distribution is exact; see `kernels.elements.draw_partners`.
        """
        from neurosim.kernels import elements

        source, target = self._where(self.source, pre), self._where(self.target, post)
        ask_first, ask, ask_low, ask_high = cells_of(source, self.length)
        slot_first, slot, low, high = cells_of(target, self.length)
        chosen = np.full(pre.size, -1, np.int64)
        bound, sums = np.empty(slot_first.size - 1), np.empty(slot_first.size - 1)
        elements.draw_partners(
            self.kernel == "gaussian", self.length, ask_first, ask, source, ask_low, ask_high, slot_first, slot, target, low, high,
            np.uint64(key), TRIES, bound, sums, chosen,
        )  # fmt: skip
        return chosen


def cells_of(where: np.ndarray, length: float) -> tuple[np.ndarray, ...]:
    """A grid of cells of about `length`, at most MOST_CELLS: (first [cells + 1], places by cell, low and high [cells, d])."""
    low = where.min(axis=0)
    extent = np.maximum(where.max(axis=0) - low, 1e-300)
    side = length
    while np.prod(np.maximum(np.ceil(extent / side), 1.0)) > MOST_CELLS:
        side *= 1.2
    shape = np.maximum(np.ceil(extent / side), 1.0).astype(np.int64)
    index = np.minimum(((where - low) / extent * shape).astype(np.int64), shape - 1)
    cell = np.ravel_multi_index(tuple(index.T), tuple(shape))
    order = np.argsort(cell, kind="stable")
    first = np.append(np.flatnonzero(np.diff(cell[order], prepend=-1)), cell.size)
    ordered = where[order]
    return first, order, np.minimum.reduceat(ordered, first[:-1]), np.maximum.reduceat(ordered, first[:-1])


def by_distance(source: Any, target: Any, length: float, *, kernel: str = "gaussian") -> ByDistance:
    """Partners by the distance of their positions: exp(-d^2 / 2 length^2) ("gaussian") or exp(-d / length) ("exponential").

    A function f(pre, post) of uids, whatever their number: 100,000 neurons need no table of all pairs.

    Parameters
    ----------
    source, target : Population
        With positions.
    length : float
        In the unit of the positions.
    kernel : {"gaussian", "exponential"}

    References
    ----------
    Butz & van Ooyen (2013) PLoS Comput. Biol. 9:e1003259 (a gaussian kernel chooses partners).
    """
    return ByDistance(source, target, length, kernel)
