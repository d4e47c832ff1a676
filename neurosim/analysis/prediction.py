"""Predicting which connections will appear: average precision, and the scores a model has to beat (nulls).

Knows arrays only.  A score is a matrix [n, n] of numbers, rows presynaptic: the larger, the sooner a connection is
expected.  Nulls are computed from the wiring at birth alone.
"""

import numpy as np

from neurosim.analysis.graphs import square, without_autapses
from neurosim.checks import check_count
from neurosim.errors import ParameterError


def average_precision(truth: np.ndarray, score: np.ndarray) -> float:
    r"""Average precision of a ranking, ties grouped: all items of one score are taken together.

    .. math:: AP = \sum_k (R_k - R_{k-1})\, P_k

    over the distinct scores from largest to smallest, with precision P and recall R of all items at or above that
    score.  This is the definition of scikit-learn's `average_precision_score`.  A constant score has the share of
    true items; infinite scores are allowed.

    Parameters
    ----------
    truth : ndarray of bool [items]
        Which items are true; at least one.
    score : ndarray of float [items]
        Not NaN.

    Returns
    -------
    float
        In (0, 1].

    Examples
    --------
    >>> average_precision([False, True, False, True], [0.1, 0.4, 0.35, 0.8])
    1.0
    """
    truth, score = np.asarray(truth).ravel().astype(bool), np.asarray(score).ravel()
    if truth.size != score.size:
        raise ParameterError(
            f"average_precision: needs one score per item, got {truth.size} items and {score.size} scores"
        )
    if not truth.any():
        raise ParameterError(
            "average_precision(truth): nothing is true, so there is nothing to find; needs at least one True"
        )
    if np.issubdtype(score.dtype, np.floating) and np.isnan(score).any():
        where = int(np.flatnonzero(np.isnan(score))[0])
        raise ParameterError(
            f"average_precision(score): must not be NaN, got NaN at position {where}; use np.nan_to_num(score)"
        )
    order = np.argsort(score, kind="stable")[::-1]
    ranked = score[order]
    last = np.append(
        np.flatnonzero(ranked[1:] != ranked[:-1]), ranked.size - 1
    )  # last item of each group of equal scores
    found = np.cumsum(truth[order])[last]
    gained = np.diff(found, prepend=0)
    return float((gained * (found / (last + 1.0))).sum() / found[-1])


def chance_precision(n_true: int, n_items: int, *, seed: int = 0, draws: int = 400) -> tuple[float, float, float]:
    """Average precision of `draws` random rankings without ties: mean, and the bounds within which 95 % of them lie.

    A score inside these bounds is no better than drawing lots.
    """
    n_items = check_count("chance_precision.n_items", n_items, least=1)
    n_true = check_count("chance_precision.n_true", n_true, least=1)
    if n_true > n_items:
        raise ParameterError(f"chance_precision.n_true: must be at most n_items = {n_items}, got {n_true}")
    rng = np.random.default_rng(seed)
    found = np.arange(1, n_true + 1)
    values = np.empty(check_count("chance_precision.draws", draws, least=2))
    for i in range(values.size):
        rank = np.sort(rng.choice(n_items, n_true, replace=False, shuffle=False)) + 1.0
        values[i] = (found / rank).mean()
    low, high = np.quantile(values, [0.025, 0.975])
    return float(values.mean()), float(low), float(high)


def new_connections(birth: np.ndarray, *later: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where a connection can be new, and where it is.

    Parameters
    ----------
    birth : ndarray [n, n]
        Contacts at birth.
    *later : ndarray [n, n]
        Contacts of one or more later brains.

    Returns
    -------
    candidates, new : ndarray of bool [n, n]
        Ordered pairs of two different neurons without a contact at birth; those of them that have one in *all* later
        brains.
    """
    birth = square("new_connections.birth", birth)
    if not later:
        raise ParameterError(
            "new_connections: needs at least one later brain, for example new_connections(birth, adult)"
        )
    candidates = without_autapses(birth == 0)
    new = candidates.copy()
    for matrix in later:
        if np.shape(matrix) != birth.shape:
            raise ParameterError(
                f"new_connections.later: needs the shape of birth, {birth.shape}, got {np.shape(matrix)}"
            )
        new &= np.asarray(matrix) > 0
    return candidates, new


def uniform(matrix: np.ndarray) -> np.ndarray:
    """All pairs alike."""
    return np.ones(square("uniform.matrix", matrix).shape)


def degree_product(matrix: np.ndarray) -> np.ndarray:
    """(Contacts sent + 1) times (contacts received + 1): the rich get richer (preferential attachment)."""
    matrix = square("degree_product.matrix", matrix)
    return np.outer(matrix.sum(axis=1) + 1.0, matrix.sum(axis=0) + 1.0)


def reciprocal(matrix: np.ndarray) -> np.ndarray:
    """Contacts in the opposite direction."""
    return square("reciprocal.matrix", matrix).T.astype(np.float64)


def common_neighbours(matrix: np.ndarray) -> np.ndarray:
    """Paths of length two from pre to post: B B on the binary matrix B without autapses."""
    binary = _binary(matrix)
    return np.asarray(binary @ binary)


def shared_targets(matrix: np.ndarray) -> np.ndarray:
    """B B^T B on the binary matrix B without autapses: neurons that share targets with pre and contact post.

    The directed form of the paths of length three of Kovács et al. (2019), Nature Communications 10:1240, without
    their weights.
    """
    binary = _binary(matrix)
    return np.asarray(binary @ binary.T @ binary)


def mirror_image(matrix: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    """Contacts of the bilateral mirror pair; `mirror`, int[n], has each neuron's partner on the other side."""
    matrix, mirror = square("mirror_image.matrix", matrix), np.asarray(mirror)
    n = matrix.shape[0]
    if (
        mirror.shape != (n,)
        or not np.issubdtype(mirror.dtype, np.integer)
        or mirror.min(initial=0) < 0
        or mirror.max(initial=0) >= n
    ):
        raise ParameterError(f"mirror_image.mirror: needs {n} places from 0 to {n - 1}, got {mirror!r}")
    return np.asarray(matrix[np.ix_(mirror, mirror)], np.float64)


def coupled_partners(matrix: np.ndarray, coupled: np.ndarray) -> np.ndarray:
    """Contacts that the electrically coupled partners of pre make onto post, and pre onto the partners of post.

    `coupled`, [n, n], symmetric, is not 0 where two neurons share gap junctions; how many does not matter.
    """
    matrix, partners = square("coupled_partners.matrix", matrix), _binary(coupled)
    if partners.shape != matrix.shape:
        raise ParameterError(
            f"coupled_partners.coupled: needs the shape of matrix, {matrix.shape}, got {partners.shape}"
        )
    return np.asarray(partners @ matrix + matrix @ partners)


def null_scores(
    matrix: np.ndarray, mirror: np.ndarray | None = None, coupled: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """All nulls by name, float64[n, n] each, from the wiring at birth; the last two only if `mirror`, `coupled` are given."""
    scores = {
        "uniform": uniform(matrix),
        "degree product": degree_product(matrix),
        "reciprocal contacts": reciprocal(matrix),
        "common neighbours": common_neighbours(matrix),
        "shared targets": shared_targets(matrix),
    }
    if mirror is not None:
        scores["bilateral mirror image"] = mirror_image(matrix, mirror)
    if coupled is not None:
        scores["coupled partners"] = coupled_partners(matrix, coupled)
    return scores


def _binary(matrix: np.ndarray) -> np.ndarray:
    """1.0 where connected, autapses left out."""
    connected: np.ndarray = square("matrix", matrix) != 0
    return without_autapses(connected).astype(np.float64)
