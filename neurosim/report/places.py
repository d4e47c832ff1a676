"""Where the picture of the graph puts neurons: where the run says, or each group in a disc of its own.

Knows the arrays of a run only.
"""

from __future__ import annotations

import numpy as np

from neurosim.plot.layout import spring_layout
from neurosim.runs import Run

FEW = 400  # neurons of a single group up to which the layout follows the synapses
TURN = 2.399963229728653  # the golden angle: a sunflower fills a disc evenly


def places(run: Run) -> np.ndarray:
    """Place of each neuron, float64 [neurons, 2], within about [-1, 1]; y upwards."""
    group = run.arrays["neurons/population"]
    if not group.size:
        return np.zeros((0, 2))
    given = run.arrays.get("neurons/position")
    if given is not None and np.isfinite(given[:, :2]).all(axis=1).any():
        at = np.array(given[:, :2])
        unknown = ~np.isfinite(at).all(axis=1)
        if unknown.any():
            low, high = np.nanmin(at, axis=0), np.nanmax(at, axis=0)
            at[unknown] = np.stack(
                [np.linspace(low[0], high[0], int(unknown.sum())),
                 np.full(int(unknown.sum()), low[1] - 0.1 * (high[1] - low[1]))], axis=1)  # fmt: skip
        return _centred(at)
    if np.unique(group).size == 1 and group.size <= FEW:
        uid = run.arrays["neurons/uid"]
        pre, post = (np.searchsorted(uid, run.arrays[f"edges/{name}"]) for name in ("pre", "post"))
        return _centred(spring_layout(group.size, pre, post, seed=1, how="spring"))
    return _centred(discs([int((group == k).sum()) for k in np.unique(group)], np.argsort(group, kind="stable")))


def circle(sizes: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """(centres [groups, 2], radii [groups]) of discs with areas as the sizes, that do not touch."""
    radius = np.sqrt(np.maximum(np.array(sizes, np.float64), 1.0))
    if len(sizes) < 2:
        return np.zeros((len(sizes), 2)), radius
    if len(sizes) == 2:
        gap = 0.25 * radius.mean()
        return np.array([[-radius[0] - gap, 0.0], [radius[1] + gap, 0.0]]), radius
    room = radius + 0.3 * radius.mean()
    ring = max(room.sum() / np.pi, 1.2 * room.max())  # long enough for all diameters along it
    angle = np.cumsum(2 * np.pi * room / room.sum()) - np.pi * room / room.sum()
    return ring * np.stack([-np.cos(angle), np.sin(angle)], axis=1), radius


def discs(sizes: list[int], order: np.ndarray) -> np.ndarray:
    """Neurons, listed group by group in `order`, each group a sunflower in its disc."""
    centre, radius = circle(sizes)
    at = np.zeros((order.size, 2))
    first = 0
    for k, n in enumerate(sizes):
        i = np.arange(n)
        shuffled = np.random.Generator(np.random.Philox(k)).permutation(n)
        out = radius[k] * np.sqrt((i + 0.5) / max(n, 1))
        spot = np.stack([out * np.cos(TURN * i), out * np.sin(TURN * i)], axis=1)
        at[order[first : first + n][shuffled]] = centre[k] + spot
        first += n
    return at


def _centred(at: np.ndarray) -> np.ndarray:
    """Moved and scaled, alike in both directions, into [-1, 1]."""
    low, high = at.min(axis=0), at.max(axis=0)
    half = max(float((high - low).max()) / 2.0, 1e-9)
    return np.asarray((at - (low + high) / 2.0) / half)
