"""Lists that are studied, left alone for days and tested by cues: curves of retention and of spacing, measured in spikes.

Knows two layers, a store between them and fading synapses.  A test counts which cell fires; no formula for retrievability
decides whether a recall succeeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.checks import check_count
from neurosim.errors import ParameterError
from neurosim.memory.associative import AssociativeStore
from neurosim.memory.fading import FadingSynapses
from neurosim.memory.layer import Layer
from neurosim.memory.retention import MINUTE, Retention, fit_retention
from neurosim.memory.strength import DAY
from neurosim.network import Network

#: Delays of tests (ms): from 20 minutes to a year, as many for each factor of time.
RETENTION = np.geomspace(20.0 * MINUTE, 365.0 * DAY, 12)
#: Delays after the second study session, and gaps before it (ms), as in Cepeda et al. (2008): a week to a year.
TESTS = np.array([7.0, 35.0, 350.0]) * DAY
GAPS = np.array([0.25, 0.5, 1.0, 2.0, 4.0, 7.0, 11.0, 16.0, 24.0, 35.0, 70.0]) * DAY


class StudiedList:
    """A list of items, each a set of content cells and an index cell, whose synapses fade.

    Parameters
    ----------
    seed : int
    items : int
        Index cells.
    n, k : int
        Content cells, and those of an item.
    **options
        Of `FadingSynapses`.

    Attributes
    ----------
    net, store, fading
        The network, its store (content -> index) and the process.
    patterns : int64 [items, k]
    """

    def __init__(self, seed: int, items: int = 500, n: int = 1024, k: int = 20, **options: Any) -> None:
        self.items = check_count("StudiedList.items", items, least=2)
        self.net = net = Network(dt=1.0, seed=seed)
        self.store = AssociativeStore(net, Layer(net, "content", n, k), Layer(net, "index", self.items, 1))
        self.fading = FadingSynapses(self.store.projection, **({"density": 0.3, "every": 100.0, "bin": 2.0} | options))
        net.add(self.fading)
        self.fading.active = False
        self.patterns = np.sort(np.argsort(net.rng("studied list").random((self.items, n)), axis=1)[:, :k], axis=1)

    def study(self, items: np.ndarray | None = None) -> None:
        """Let items (default all) fire once with their index cells; synapses that are there become strong or more lasting."""
        chosen = np.arange(self.items) if items is None else np.asarray(items)
        with self.fading.learning():
            self.store.present(self.patterns[chosen], chosen[:, None])

    def silence(self, items: np.ndarray) -> int:
        """Soft forgetting: all synapses onto the index cells of these items fall silent; return how many were strong."""
        edges = self.store.projection.edges()
        mine = np.isin(edges.post, self.store.target.uid[items]) & (edges.weight != 0.0)
        if mine.any():
            edges[mine].set_weight(0.0)
        return int(mine.sum())

    def wait(self, time: float) -> None:
        """Let `time` ms pass."""
        self.fading.elapse(time)

    def test(self) -> np.ndarray:
        """Cue every item and learn nothing: whether its index cell fired and no other, bool [items]."""
        answer = self.store.recall(self.patterns).winners
        alone = answer.sizes[answer.which] == 1
        right = np.zeros(self.items, np.bool_)
        right[answer.which[alone & (answer.place == answer.which)]] = True
        return right


@dataclass(frozen=True)
class RetentionCurve:
    """Share of a list recalled at each delay, and the laws fitted to it.

    Attributes
    ----------
    delay : float64 [delays]
        ms since the study.
    recalled : float64 [delays]
    items : int
    fit : Retention
    """

    delay: np.ndarray
    recalled: np.ndarray
    items: int
    fit: Retention


def retention_curve(seed: int, delays: np.ndarray = RETENTION, items: int = 500, **options: Any) -> RetentionCurve:
    """Study a list once and test it at each delay; the tests teach nothing.

    Examples
    --------
    >>> from neurosim.memory.studying import retention_curve
    >>> curve = retention_curve(1, items=100)
    >>> bool((curve.recalled[0] > 0.5) & (curve.recalled[-1] < 0.4))
    True
    """
    one, now, recalled = StudiedList(seed, items, **options), 0.0, []
    one.study()
    for delay in delays:
        one.wait(float(delay) - now)
        now = float(delay)
        recalled.append(one.test().mean())
    share = np.array(recalled)
    return RetentionCurve(np.asarray(delays), share, items, fit_retention(delays, share))


@dataclass(frozen=True)
class Spacing:
    """Share recalled after two sessions, by the gap between them and the delay of the test after the second.

    Attributes
    ----------
    gap, delay : float64
        ms.
    recalled : float64 [gaps, delays]
    """

    gap: np.ndarray
    delay: np.ndarray
    recalled: np.ndarray

    def best(self) -> np.ndarray:
        """Best gap for each delay (ms), float64 [delays]: the top of a parabola in log gap through the points near the best."""
        x = np.log(self.gap)
        return np.array([np.exp(_top(x, y)) for y in self.recalled.T])

    @property
    def ratio(self) -> np.ndarray:
        """Best gap over delay, float64 [delays]."""
        return self.best() / self.delay


def _top(x: np.ndarray, y: np.ndarray, reach: int = 3) -> float:
    """Where a parabola through the points within `reach` places of the largest has its top, within these points."""
    best = int(y.argmax())
    near = slice(max(0, best - reach), best + reach + 1)
    c2, c1, _ = np.polyfit(x[near], y[near], 2)
    return float(np.clip(-c1 / (2.0 * c2), x[near][0], x[near][-1])) if c2 < 0 else float(x[best])


def spacing(
    seed: int, gaps: np.ndarray = GAPS, delays: np.ndarray = TESTS, items: int = 500, **options: Any
) -> Spacing:
    """Study a list twice, a gap apart, and test it after several delays; a new network of the same seed for each gap.

    What a longer gap does: synapses that faded become strong again in the second session, and turnover brings silent synapses to
    places where there was none in the first; but what faded is not protected by being used twice.  About half of the gain at a
    year is turnover (``turnover=1e9 * DAY`` takes it away).

    References
    ----------
    Cepeda et al. (2008) Psychological Science 19:1095: the best gap is 20-40 % of a delay of a week, 5-10 % of a year.
    Knoblauch et al. (2014) PLoS ONE 9:e96485.
    """
    gaps, delays = np.asarray(gaps, np.float64), np.asarray(delays, np.float64)
    if (np.diff(delays) <= 0).any() or (np.diff(gaps) <= 0).any():
        raise ParameterError("spacing(gaps, delays): must ascend; np.sort(gaps)")
    table = np.zeros((gaps.size, delays.size))
    for g, gap in enumerate(gaps):
        one, now = StudiedList(seed, items, **options), 0.0
        one.study()
        one.wait(float(gap))
        one.study()
        for d, delay in enumerate(delays):
            one.wait(float(delay) - now)
            now = float(delay)
            table[g, d] = one.test().mean()
    return Spacing(gaps, delays, table)


@dataclass(frozen=True)
class Savings:
    """Study sessions until items were recalled, for new ones and for ones that were known, silenced and left for a while.

    Attributes
    ----------
    new, old : float
        Mean sessions.
    known, silenced : float
        Share of the old items recalled before and after they were silenced.
    """

    new: float
    old: float
    known: float
    silenced: float

    @property
    def saved(self) -> float:
        """1 - old / new, Ebbinghaus's measure."""
        return 1.0 - self.old / self.new


def savings(
    seed: int,
    delay: float = DAY,
    *,
    items: int = 400,
    sessions: int = 8,
    most: int = 12,
    density: float = 0.1,
    **options: Any,
) -> Savings:
    """Teach half of a list, silence it, wait, and study everything once a day until it is recalled; tests teach nothing.

    Parameters
    ----------
    delay : float
        ms from the silencing to the first session.
    sessions : int
        That the old half had.
    most : int
        Sessions after which an item counts as learnt in `most` + 1.
    """
    one = StudiedList(seed, items, density=density, **options)
    old = np.arange(one.items) < one.items // 2
    for _ in range(sessions):
        one.study(np.flatnonzero(old))
        one.wait(DAY)
    known = one.test()[old].mean()
    one.silence(np.flatnonzero(old))
    gone = one.test()[old].mean()
    one.wait(delay)
    needed = np.full(one.items, most + 1.0)
    for session in range(1, most + 1):
        one.study(np.flatnonzero(needed > most))
        needed[one.test() & (needed > most)] = session
        if (needed <= most).all():
            break
        one.wait(DAY)
    return Savings(float(needed[~old].mean()), float(needed[old].mean()), float(known), float(gone))
