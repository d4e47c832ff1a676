"""Which neurons lie near each other: pairs by position, in boxes that may close on themselves."""

from collections.abc import Iterator

import numpy as np

BLOCK = 1 << 20  # pairs looked at together by rules that ask about pairs


def near(
    pre_at: np.ndarray, post_at: np.ndarray, radius: float, wrap: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of places that are within the radius (and perhaps a rounding error more), some targets at a time."""
    from scipy.spatial import cKDTree

    box = wrap if wrap.any() else None
    sources = cKDTree(_folded(pre_at, wrap), boxsize=box)
    targets_at = _folded(post_at, wrap)
    reach = radius * (1.0 + 1e-9)
    first, targets = 0, 256
    while first < len(targets_at):
        last = min(first + targets, len(targets_at))
        found = cKDTree(targets_at[first:last], boxsize=box).sparse_distance_matrix(
            sources, reach, output_type="ndarray"
        )
        yield found["j"].astype(np.int64), found["i"].astype(np.int64) + first
        targets = max(1, min(BLOCK * (last - first) // max(found.size, 1), 4 * targets))
        first = last


def _folded(at: np.ndarray, wrap: np.ndarray) -> np.ndarray:
    """Positions brought into the box along the axes that wrap."""
    folded = at.copy()
    for axis in np.flatnonzero(wrap):
        column = np.mod(at[:, axis], wrap[axis])
        folded[:, axis] = np.where(column >= wrap[axis], 0.0, column)
    return folded


def apart_of(pre_at: np.ndarray, post_at: np.ndarray, i: np.ndarray, j: np.ndarray, wrap: np.ndarray) -> np.ndarray:
    """Distance of each pair, the shortest way round along axes that wrap."""
    squared = np.zeros(i.size)
    for axis in range(pre_at.shape[1]):
        step = post_at[j, axis] - pre_at[i, axis]
        if wrap[axis]:
            step -= wrap[axis] * np.rint(step / wrap[axis])
        squared += step * step
    return np.sqrt(squared)
