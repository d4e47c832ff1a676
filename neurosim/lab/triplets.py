"""Three and four spikes: what pairs alone cannot explain.

Differences are t_post - t_pre of neighbouring spikes as the synapse sees them, in ms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_positive
from neurosim.errors import ParameterError
from neurosim.lab import data, drawing, trains
from neurosim.lab.bench import at_bound, change_after, check_rule, conditions, deviation, repeats_of, title_of
from neurosim.lab.pairs import predicted
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Distance of the spikes in each pair of a quadruplet (ms).
APART = 5.0
INTERVALS = np.concatenate([np.arange(-100.0, -9.0, 5.0), np.arange(10.0, 101.0, 5.0)])


@dataclass(frozen=True, eq=False, repr=False)
class Triplets:
    """Change of a weight by triplets and quadruplets; made by `triplets`.

    Attributes
    ----------
    pre_post_pre, post_pre_post : float64 [triplets, 2]
        Differences t_post - t_pre (ms) of the first and of the second pair of neighbours.
    change_pre_post_pre, change_post_pre_post : float64 [triplets]
    interval : float64 [quadruplets]
        From the middle of the post-pre pair to that of the pre-post pair (ms); below 0 the latter comes first.
    change_quadruplet : float64 [quadruplets]
    theory : dict of str to float64
        The same three changes by the formula; NaN where there is none.
    error : dict of str to float64
        Standard errors of the three changes: 0 unless the rule draws random numbers.
    repeats, w0 : int, float
    """

    rule: Any
    pre_post_pre: np.ndarray
    change_pre_post_pre: np.ndarray
    post_pre_post: np.ndarray
    change_post_pre_post: np.ndarray
    interval: np.ndarray
    change_quadruplet: np.ndarray
    theory: Mapping[str, np.ndarray]
    error: Mapping[str, np.ndarray]
    repeats: int
    w0: float

    def plot(self, ax: Axes | None = None, *, published: bool | None = None) -> Axes:
        """Draw triplets beside quadruplets, the formula behind.

        `published`: with the data of Wang et al. (2005), changes relative to the weight; default: where the changes are of
        their size.
        """
        seen = np.concatenate([self.change_pre_post_pre, self.change_post_pre_post, self.change_quadruplet])
        published = drawing.comparable(self.rule, seen, self.repeats) if published is None else published
        ax = canvas.axes_or_new("triplets", ax, 9.0, 3.8)
        left, right = drawing.beside(ax, (1.0, 1.0))
        for one in (left, right):
            drawing.zero_lines(one, vertical=one is right)
            canvas.open_frame(one)
        self._draw_triplets(left, published)
        self._draw_quadruplets(right, published)
        every = [left.dataLim.intervaly, right.dataLim.intervaly]
        for one in (left, right):
            drawing.room(one, every)
        left.set_ylabel(f"change of weight, {self.repeats:,} times")
        return ax

    def _draw_triplets(self, ax: Axes, published: bool) -> None:
        groups = (
            ("pre-post-pre", self.pre_post_pre, self.change_pre_post_pre, data.WANG_PRE_POST_PRE),
            ("post-pre-post", self.post_pre_post, self.change_post_pre_post, data.WANG_POST_PRE_POST),
        )
        at, ticks = 0, []
        keys: list[object] = []
        known = False
        for i, (name, differences, change, points) in enumerate(groups):
            x = at + np.arange(len(differences))
            for k, value in zip(x, self.theory[name], strict=True):
                if np.isfinite(value):
                    known = True
                    drawing.theory(ax, np.array([k - 0.3, k + 0.3]), np.array([value, value]), i)
            for k, pair in zip(x, differences, strict=True):
                ticks.append((k, "({:g}, {:g})".format(*pair).replace("-", "\N{MINUS SIGN}")))
                if published and tuple(pair) in points:
                    mean, error = points[tuple(pair)]
                    drawing.published(ax, np.array([k]), np.array([mean]), np.array([error]), i, "")
            keys.append(drawing.measured(ax, x, change, i, name, self.error[name]))
            stuck = at_bound(self.rule, self.w0, change)
            drawing.bounded(ax, x[stuck], change[stuck], i)
            at = at + len(differences) + 1
        if known:
            keys.append(drawing.sample_line("formula"))
        ax.set_xticks(
            [k for k, _ in ticks], [text for _, text in ticks], rotation=60, ha="right", rotation_mode="anchor"
        )
        ax.tick_params(axis="x", labelsize=canvas.SMALL)
        ax.set_xlabel("differences post $-$ pre (ms)")
        drawing.key(ax, keys, 3)

    def _draw_quadruplets(self, ax: Axes, published: bool) -> None:
        keys: list[object] = []
        if np.isfinite(self.theory["quadruplet"]).any():
            for side in (self.interval < 0, self.interval > 0):
                drawing.theory(ax, self.interval[side], self.theory["quadruplet"][side], 2)
        keys.append(
            drawing.measured(ax, self.interval, self.change_quadruplet, 2, "quadruplets", self.error["quadruplet"])
        )
        stuck = at_bound(self.rule, self.w0, self.change_quadruplet)
        drawing.bounded(ax, self.interval[stuck], self.change_quadruplet[stuck], 2)
        if stuck.any():
            keys.append(drawing.sample_bound())
        if published:
            drawing.published(ax, data.WANG_INTERVAL, *data.WANG_QUADRUPLET, 2, "")
            keys.append(drawing.sample_square("Wang et al. (2005)"))
        ax.set_xlabel("interval from post-pre to pre-post pair (ms)")
        drawing.key(ax, keys, 2)

    def __repr__(self) -> str:
        seen = np.concatenate([self.change_pre_post_pre, self.change_post_pre_post, self.change_quadruplet])
        expected = np.concatenate([self.theory[k] for k in ("pre-post-pre", "post-pre-post", "quadruplet")])
        return (
            f"Triplets({title_of(self.rule)}, {self.repeats:,} times: pre-post-pre {_listed(self.change_pre_post_pre)}; "
            f"post-pre-post {_listed(self.change_post_pre_post)}; {self.interval.size} quadruplets; {deviation(seen, expected)})"
        )


def triplets(
    rule: Any, pre_post_pre: ArrayLike = tuple(data.WANG_PRE_POST_PRE), post_pre_post: ArrayLike = tuple(data.WANG_POST_PRE_POST),
    interval: ArrayLike = INTERVALS, *, repeats: int | None = None, frequency: float = 1.0, w0: float | None = None,
    wait: float | None = None, level: float = 0.001, resolution: float | None = None, seed: int = 0,
) -> Triplets:  # fmt: skip
    """Measure the change by triplets and quadruplets of spikes, as in Pfister & Gerstner (2006).

    Parameters
    ----------
    rule : plasticity rule, or a list of them
    pre_post_pre : array [n, 2]
        Differences t_post - t_pre (ms) to the first (above 0) and to the second pre spike (below 0).
    post_pre_post : array [n, 2]
        The same for the first (below 0) and the second post spike (above 0).
    interval : array of float
        From the middle of a post-pre pair to that of a pre-post pair (ms), both 5 ms apart: above 0 the spikes come as
        post-pre-pre-post, below as pre-post-post-pre.
    repeats : int, optional
        How many times; default 60, 5 for rules that read a voltage.
    frequency : float
        How often (Hz).
    w0, wait, level, resolution, seed
        As in `window`.

    Returns
    -------
    Triplets

    Examples
    --------
    >>> import neurosim as ns
    >>> seen = ns.lab.triplets(ns.PairSTDP(), repeats=1)
    >>> seen.change_pre_post_pre.size, seen.change_quadruplet.size
    (4, 38)

    References
    ----------
    Wang, Gerkin, Nauen & Bi (2005) Nat. Neurosci. 8:187; Pfister & Gerstner (2006) J. Neurosci. 26:9673.
    """
    check_rule("triplets", rule)
    ppp = _two_columns("triplets(pre_post_pre)", pre_post_pre, first=1)
    qqq = _two_columns("triplets(post_pre_post)", post_pre_post, first=-1)
    between = trains.numbers("triplets(interval)", interval, "ms")
    if (np.abs(between) <= APART).any():
        close = between[np.abs(between) <= APART][0]
        raise ParameterError(
            f"triplets(interval): the pairs would overlap; more than {APART:g} ms on either side, got {close:g} ms"
        )
    count = repeats_of("triplets(repeats)", rule, repeats)
    period = 1e3 / check_positive("triplets(frequency)", frequency, "Hz")
    times = np.concatenate([ppp.ravel(), qqq.ravel(), between])
    at = conditions("triplets", rule, times, w0=w0, wait=wait, level=level, resolution=resolution, seed=seed)
    patterns = [([0.0, a - b], [a]) for a, b in ppp] + [([0.0], [a, b]) for a, b in qqq]
    patterns += [([APART, t], [0.0, t + APART]) for t in between]
    protocols = trains.aligned([_played(pre, post, count, period, at.step) for pre, post in patterns])
    change, error = change_after(rule, protocols, at)
    cuts = np.cumsum([len(ppp), len(qqq)])
    names = ("pre-post-pre", "post-pre-post", "quadruplet")
    seen, formula, errors = (
        dict(zip(names, np.split(one, cuts), strict=True)) for one in (change, predicted(rule, protocols, at), error)
    )
    return Triplets(
        rule, ppp, seen[names[0]], qqq, seen[names[1]], between, seen[names[2]], formula, errors, count, at.w0
    )


def _played(
    pre: Sequence[float], post: Sequence[float], repeats: int, period: float, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """A pattern of spikes (ms) again and again."""
    first, second = (np.round(np.asarray(one) / step).astype(np.int64).tolist() for one in (pre, post))
    return trains.repeated(first, repeats, period, step), trains.repeated(second, repeats, period, step)


def _two_columns(name: str, given: ArrayLike, *, first: int) -> np.ndarray:
    """Differences of triplets [n, 2], the first column of one sign and the second of the other."""
    array = np.atleast_2d(np.asarray(given, np.float64))
    if array.ndim != 2 or array.shape[1] != 2:
        raise ParameterError(
            f"{name}: needs pairs of differences (ms) such as [({5 * first}, {-5 * first})], got {given!r}"
        )
    wrong = ~((array[:, 0] * first > 0) & (array[:, 1] * first < 0))
    if wrong.any():
        a, b = array[wrong][0]
        order = "pre-post-pre" if first > 0 else "post-pre-post"
        raise ParameterError(
            f"{name}: ({a:g}, {b:g}) is no {order} triplet; the first difference must be {'above' if first > 0 else 'below'} 0 "
            f"and the second {'below' if first > 0 else 'above'}, for example ({5 * first}, {-5 * first})"
        )
    return array


def _listed(values: np.ndarray) -> str:
    return ", ".join(f"{value:+.3g}" for value in values)
