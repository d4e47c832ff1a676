"""Who is joined to whom when vacant elements find each other.

A partner rule is a function ``f(pre, post) -> weights`` of two uid arrays that broadcast against each other (pre [n, 1],
post [1, m]); larger means likelier, 0 never.  None is uniform.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from neurosim.errors import ParameterError

PartnerRule = Callable[[np.ndarray, np.ndarray], np.ndarray]
#: Pairs that are looked at together; above, each source looks at this many random candidates.
MOST_PAIRS = 4_000_000
CANDIDATES = 256


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
    if pre.size * np.unique(post).size > MOST_PAIRS:
        return _pair_among_candidates(rng.permutation(pre), post, partner, rng)
    sources, at = np.unique(pre, return_inverse=True)
    targets, vacant = np.unique(post, return_counts=True)
    weight = _weights(partner, sources, targets)
    waiting = rng.permutation(at)
    chosen_pre, chosen_post = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    while waiting.size and vacant.any():
        rows, row = np.unique(waiting, return_inverse=True)
        columns = np.flatnonzero(vacant)
        j = _proposals(weight[np.ix_(rows, columns)] * vacant[columns], row, rng.random(waiting.size))
        asks: np.ndarray = np.asarray(j >= 0)
        waiting, j = waiting[asks], columns[j[asks]]
        accepted = _rank_among_equals(j) < vacant[j]
        vacant -= np.bincount(j[accepted], minlength=vacant.size)
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


def by_distance(source: Any, target: Any, length: float, *, kernel: str = "gaussian") -> PartnerRule:
    """Partners by the distance of their positions: exp(-d^2 / 2 length^2) ("gaussian") or exp(-d / length) ("exponential").

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
    for population in (source, target):
        if population.positions is None:
            raise ParameterError(
                f"by_distance: {population.name!r} has no positions; net.add_population(..., positions=array) gives them"
            )
    if kernel not in ("gaussian", "exponential"):
        raise ParameterError(f"by_distance(kernel): must be 'gaussian' or 'exponential', got {kernel!r}")

    def by_distance(pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        i, j = np.searchsorted(source.uid, pre), np.searchsorted(target.uid, post)
        d = np.sqrt(((source.positions[i] - target.positions[j]) ** 2).sum(-1))
        return np.exp(-(d**2) / (2 * length**2)) if kernel == "gaussian" else np.exp(-d / length)

    return by_distance
