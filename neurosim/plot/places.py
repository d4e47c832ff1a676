"""Where neurons lie in a film: given places, those of the populations, springs, or a disc a group.

Knows lifetimes of synapses and positions only.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ParameterError
from neurosim.lifetimes import Lifetimes
from neurosim.plot.layout import spring_layout

_WIDE = np.array([1.5, 1.0])  # a spring layout fills the page
_FEW, _DENSE = 60, 0.2  # neurons, and share of pairs ever joined, above which springs tell nothing


def places(
    source: Any, lived: Lifetimes, names: np.ndarray, given: Mapping[int, ArrayLike] | None, seed: int
) -> np.ndarray:
    """Where each neuron stays, float64 [neurons, 2]: given, or of the populations of a network, or by its synapses.

    `names` are the groups of the neurons.
    """
    uid = lived.members.uid
    known: dict[int, Any] = {}
    if given is not None:
        known = {int(one): place for one, place in given.items()}
        missing = [one for one in uid.tolist() if one not in known]
        if missing:
            raise ParameterError(
                f"plot.film(positions=): no position for neuron {missing[0]} and {len(missing) - 1} others"
            )
    else:
        for population in getattr(source, "populations", {}).values():
            if population.positions is not None:
                known |= dict(zip(population.uid.tolist(), population.positions, strict=True))
    at = np.full((uid.size, 2), np.nan)
    for k, one in enumerate(uid.tolist()):
        if one in known:
            place = np.asarray(known[one], np.float64).ravel()
            at[k, : min(2, place.size)] = place[:2]
            at[k, place.size :] = 0.0
    placed = np.isfinite(at).all(axis=1)
    pre, post = (np.searchsorted(uid, end) for end in (lived.pre, lived.post))
    if placed.sum() >= max(1, uid.size // 2):
        return _beside(at, placed, pre, post, seed)
    code = np.unique((np.minimum(pre, post) * uid.size + np.maximum(pre, post))[pre != post])
    if uid.size > _FEW and 2 * code.size > _DENSE * uid.size * (uid.size - 1):
        return _discs(names, seed)
    return _gathered(spring_layout(uid.size, code // uid.size, code % uid.size, seed=seed, how="spring"), pre, post)


def _discs(names: np.ndarray, seed: int) -> np.ndarray:
    """Each group a disc, in a row or, if there are many, around a circle: where everyone is joined, springs tell nothing."""
    rng = np.random.default_rng(seed)
    groups = list(dict.fromkeys(names.tolist()))
    members = [np.flatnonzero(names == one) for one in groups]
    radius = np.array([np.sqrt(one.size) for one in members])
    gap = 0.25 * radius.max()
    if len(groups) <= 4:
        x = np.cumsum(2.0 * radius + gap) - radius
        centre = np.stack((x, np.zeros(x.size)), axis=1)
    else:
        around = np.cumsum(2.0 * radius + gap) - radius
        angle = 2.0 * np.pi * around / (2.0 * radius + gap).sum()
        far = (2.0 * radius + gap).sum() / (2.0 * np.pi) * 1.1
        centre = far * np.stack((np.sin(angle), np.cos(angle)), axis=1)
    at = np.empty((names.size, 2))
    for k, mine in enumerate(members):
        order = rng.permutation(mine.size)
        turn, far_out = order * np.pi * (3.0 - np.sqrt(5.0)), np.sqrt((order + 0.5) / mine.size)  # a sunflower
        at[mine] = centre[k] + radius[k] * far_out[:, None] * np.stack((np.cos(turn), np.sin(turn)), axis=1)
    return at


def _gathered(at: np.ndarray, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """A spring layout that fills the page, in which those with few synapses stay near the others."""
    ends = np.unique(np.concatenate([pre, post]))
    ends = ends if ends.size else np.arange(len(at))
    way = at - np.median(at[ends], axis=0)
    far = np.hypot(way[:, 0], way[:, 1])
    most = 1.4 * float(np.median(far[ends])) or 1.0  # the radius of a disc that is filled evenly
    out = np.maximum(far / most - 1.0, 0.0)
    near = np.where(out > 0, (1.0 + 0.25 * (1.0 - np.exp(-out))) / (1.0 + out), 1.0)
    return way * near[:, None] * _WIDE


def _beside(at: np.ndarray, placed: np.ndarray, pre: np.ndarray, post: np.ndarray, seed: int) -> np.ndarray:
    """Neurons whose place is not known (they died) lie among their partners, or in the middle."""
    rng = np.random.default_rng(seed)
    span = np.ptp(at[placed], axis=0).max(initial=0.0) or 1.0
    middle = at[placed].mean(axis=0)
    for k in np.flatnonzero(~placed):
        partners = np.array(list(itertools.chain(post[pre == k], pre[post == k])), np.int64)
        partners = partners[placed[partners]]
        where = at[partners].mean(axis=0) if partners.size else middle
        at[k] = where + 0.03 * span * rng.standard_normal(2)
    return at
