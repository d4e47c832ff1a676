"""Parallel edges: their running numbers."""

import numpy as np


def nth_among_parallels(pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """For each edge, how many edges before it join the same pair: 0 for the first, 1 for the second, ...

    Parameters
    ----------
    pre, post : int[n]
        Source and target of each edge (places or uids), in any order; fastest if one of them ascends.

    Returns
    -------
    int32[n]

    Examples
    --------
    >>> from neurosim import wiring
    >>> wiring.nth_among_parallels([0, 1, 0, 0], [5, 5, 5, 6]).tolist()
    [0, 0, 1, 0]
    """
    pre, post = np.asarray(pre), np.asarray(post)
    if pre.size == 0:
        return np.empty(0, np.int32)
    from neurosim.kernels.wiring import number_parallels

    group, member, order = post, pre, None
    if not _ascends(post):
        if _ascends(pre):
            group, member = pre, post
        else:
            order = np.argsort(post, kind="stable")
            group, member = post[order], pre[order]
    if int(member.max()) > 4 * member.size + 1_000_000 or int(member.min()) < 0:
        member = np.unique(member, return_inverse=True)[1]
    most = int(member.max()) + 1
    nth = np.empty(member.size, np.int32)
    number_parallels(
        np.require(group, np.int64, ("C", "W")),
        np.require(member, np.int64, ("C", "W")),
        np.full(most, np.iinfo(np.int64).min, np.int64),
        np.zeros(most, np.int32),
        nth,
    )
    if order is None:
        return nth
    back = np.empty_like(nth)
    back[order] = nth
    return back


def _ascends(values: np.ndarray) -> bool:
    return bool((values[1:] >= values[:-1]).all())
