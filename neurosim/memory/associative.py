"""A binary associative store: synapses of weight 1 that grow in one shot between cells that fire together, and recall by race.

Knows layers and one projection between them; no engrams, no times, no labels.  What is stored is in the synapses alone; the
ledger beside them names the cells of each stored pair, is read only to delete, and never answers a cue.

Willshaw, Buneman & Longuet-Higgins (1969) Nature 222:960; Palm (1980) Biol. Cybern. 36:19.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import ArrayLike

from neurosim import ranks, wiring
from neurosim.checks import check_count, check_positive, check_probability
from neurosim.errors import NeurosimWarning, ParameterError
from neurosim.kernels.rng import hash_pairs, stream_key
from neurosim.memory.failures import CapacityFull, IncompatibleSnapshot, NotCalibrated
from neurosim.memory.layer import Layer, Timetable, Volleys, volleys

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.projection import Projection

Patterns = Volleys | ArrayLike | Sequence[ArrayLike]
#: Relative change of the fill after which a calibration no longer holds.
DRIFT = 0.1
#: Weight below which a synapse is silent.
SILENT = 1e-9


@dataclass(frozen=True)
class Calibration:
    """A threshold and how often noise passes it.

    Attributes
    ----------
    theta : float
        Support that the last of k winners needs.
    false_alarm_rate : float
        Share of fresh random cues that were accepted.
    cues : int
        How many they were.
    fill : float
        Fill of the store at that time.
    """

    theta: float
    false_alarm_rate: float
    cues: int
    fill: float


@dataclass(frozen=True)
class Recall:
    """What cues brought back.

    Attributes
    ----------
    winners : Volleys
        Cells that fired in the last race, with their latencies (ms).
    support : float64 [spikes]
        Support of each winner, as its latency tells.
    familiarity : float64 [cues]
        Support of the cell that completed the quorum of k in the first race; -inf where too few cells fired.
    latency : float64 [cues]
        ms from the first read to the quorum; inf without one.
    accepted : bool [cues]
        Whether the counter fired before the deadline that theta sets; without one, whether it fired.
    theta, false_alarm_rate : float
        Threshold, and its share of false alarms; nan where nothing was rejected.
    """

    winners: Volleys
    support: np.ndarray
    familiarity: np.ndarray
    latency: np.ndarray
    accepted: np.ndarray
    theta: float
    false_alarm_rate: float


@dataclass(frozen=True)
class Freed:
    """What forgetting gave back: synapses removed, synapses that others still need, bytes of the network."""

    synapses: int
    shared: int
    bytes: int


class AssociativeStore:
    """Associations from one layer to another, or within one, in binary synapses that exist or do not.

    Parameters
    ----------
    net : Network
    source : Layer
    target : Layer, optional
        Default: the source; the store then completes patterns (autoassociation).
    p_potential : float
        Share of pairs of cells that are near enough to grow a synapse.
    max_fill : float
        Share of these that may exist before `CapacityFull` (recall collapses between 0.4 and 0.6).
    delay : float, optional
        ms; default that of the network.
    name : str, optional
        Of the projection; default "source->target".
    projection : Projection, optional
        One that is there already, as after ``ns.load``: ``net.projections["a->b"]``; `delay` and `name` are its own.

    Attributes
    ----------
    projection : Projection

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.associative import AssociativeStore
    >>> from neurosim.memory.layer import Layer
    >>> net = ns.Network(dt=1.0)
    >>> store = AssociativeStore(net, Layer(net, "question", 20, 3), Layer(net, "answer", 20, 3))
    >>> store.store([[0, 1, 2], [5, 6, 7]], [[9, 11, 13], [2, 4, 8]])
    array([0, 1])
    >>> store.recall([[5, 6, 7]]).winners.place
    array([2, 4, 8])
    """

    def __init__(
        self, net: Network, source: Layer, target: Layer | None = None, *, p_potential: float = 1.0, max_fill: float = 0.4,
        delay: float | None = None, name: str | None = None, projection: Projection | None = None,
    ) -> None:  # fmt: skip
        self.net, self.source, self.target = net, source, source if target is None else target
        self.p_potential = check_positive(
            "AssociativeStore.p_potential", check_probability("AssociativeStore.p_potential", p_potential)
        )
        self.max_fill = check_positive(
            "AssociativeStore.max_fill", check_probability("AssociativeStore.max_fill", max_fill)
        )
        if self.max_fill >= 1.0:
            raise ParameterError("AssociativeStore.max_fill: must be below 1, got 1; the default is 0.4")
        if projection is None:
            projection = empty_projection(net, source, self.target, delay, name)
        elif projection.source is not source.cells or projection.target is not self.target.cells:
            raise ParameterError(
                f"AssociativeStore.projection: {projection.name!r} joins {projection.source.name!r} to {projection.target.name!r}, not "
                f"{source.name!r} to {self.target.name!r}"
            )
        self.projection = projection
        self._delay = int(projection.default_delay)
        self._key = np.uint64(stream_key(net.seed, "potential", self.projection.name))
        self._shared = _Shared()
        self._ledger: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._next = 0
        self.calibrations: dict[tuple[int, bool], Calibration] = {}

    # ---- how full ---------------------------------------------------------------------------------------------------

    @property
    def auto(self) -> bool:
        """Whether source and target are the same layer."""
        return self.source is self.target

    @property
    def potential(self) -> float:
        """Pairs of living cells that may have a synapse (expected number)."""
        pairs = len(self.source.cells) * len(self.target.cells) - (len(self.source.cells) if self.auto else 0)
        return pairs * self.p_potential

    def may_grow(self, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """Whether each pair of uids is near enough to have a synapse, bool [pairs]: fixed by the seed."""
        chance = np.zeros(pre.size)
        hash_pairs(self._key, pre, post, np.zeros(pre.size, np.int64), chance)
        return chance < self.p_potential

    @property
    def fill(self) -> float:
        """Share p1 of the potential synapses that exist."""
        return len(self.projection) / max(self.potential, 1.0)

    @property
    def capacity_used(self) -> float:
        """ln(1 - p1) / ln(1 - max_fill): grows in proportion to the number of random pairs stored; 1 is full."""
        return float(np.log1p(-min(self.fill, 1.0 - 1e-12)) / np.log1p(-self.max_fill))

    @property
    def nbytes(self) -> int:
        """Bytes of the counter of shared synapses and of the ledger; those of the synapses are in `net.estimate`."""
        return self._shared.nbytes + sum(a.nbytes + b.nbytes for a, b in self._ledger.values())

    @property
    def ids(self) -> np.ndarray:
        """Numbers of what is stored, int64."""
        return np.array(sorted(self._ledger), np.int64)

    # ---- storing and forgetting -------------------------------------------------------------------------------------

    def store(self, sources: Patterns, targets: Patterns | None = None) -> np.ndarray:
        """Let patterns fire once, each in its source and its target together; cells that fired together get synapses.

        Parameters
        ----------
        sources, targets : bool [patterns, n], places [patterns, k], or list of lists of places
            For a store within one layer only `sources`.

        Returns
        -------
        int64 [patterns]
            Numbers by which they can be forgotten.

        Raises
        ------
        CapacityFull
            If they would fill the store beyond `max_fill`; nothing is stored then.
        """
        given = self._pair_of(sources, targets)
        self._check_room(*given)
        fired = self._fire(*given)
        codes, counts = self._pairs(*fired)
        self._wake(codes)
        new = ~self._exists(codes)
        pre, post = self._uids(codes[new])
        self.projection.insert(pre, post, rule="one-shot growth")
        self._shared.add(codes, counts - new)
        ids = np.arange(self._next, self._next + len(fired[0]))
        self._next += ids.size
        for k, a, b in zip(ids.tolist(), fired[0], fired[1], strict=True):
            mine = a.astype(np.uint32)
            self._ledger[k] = mine, mine if self.auto else b.astype(np.uint32)
        return ids

    def present(self, sources: Patterns, targets: Patterns | None = None) -> tuple[Volleys, Volleys]:
        """Let patterns fire once, each in its source and its target together, and store nothing; return who fired."""
        return self._fire(*self._pair_of(sources, targets))

    def forget(self, ids: ArrayLike) -> Freed:
        """Remove the synapses of these pairs that belong to no other, and give their memory back.

        Parameters
        ----------
        ids : int or array of int
            As `store` gave them.
        """
        wanted = np.unique(np.atleast_1d(np.asarray(ids)))
        unknown = [k for k in wanted.tolist() if k not in self._ledger]
        if unknown:
            raise ParameterError(
                f"{self.projection.name}.forget: nothing of number {unknown[0]!r} is stored; store.ids lists what is"
            )
        entries = [self._ledger.pop(k) for k in wanted.tolist()]
        sides = [_ragged([e[k] for e in entries], layer.n) for k, layer in enumerate((self.source, self.target))]
        return self._release(*self._pairs(sides[0], sides[1]))

    def _release(self, codes: np.ndarray, counts: np.ndarray) -> Freed:
        self.net.compact()  # so that the bytes are those of the synapses, not what earlier edits left unused
        before = self.net.estimate()["bytes"]
        lone = self._shared.release(codes, counts)
        there = lone & self._exists(codes)
        pre, post = self._uids(codes[there])
        if pre.size:
            edges = self.projection.edges()
            own = (edges.pre << 32) | edges.post  # ascending, as edges are
            edges[np.searchsorted(own, np.sort((pre << 32) | post))].remove(rule="forgetting")
        self.net.compact()
        return Freed(int(pre.size), int((~lone).sum()), int(before - self.net.estimate()["bytes"]))

    def cells(self, ids: ArrayLike) -> tuple[Volleys, Volleys]:
        """Source and target cells of these pairs as the ledger names them: to delete and to test, never to answer."""
        wanted = np.atleast_1d(np.asarray(ids))
        unknown = [k for k in wanted.tolist() if k not in self._ledger]
        if unknown:
            raise ParameterError(
                f"{self.projection.name}: nothing of number {unknown[0]!r} is stored; store.ids lists what is"
            )
        entries = [self._ledger[k] for k in wanted.tolist()]
        first, second = ([e[k] for e in entries] for k in (0, 1))
        return _ragged(first, self.source.n), _ragged(second, self.target.n)

    def _wake(self, codes: np.ndarray) -> None:
        """Silent synapses (weight 0) between cells that fired together become as strong as new ones."""
        p = self.projection
        if ranks.some(p.pool.weaker_than(SILENT, p.wire.row0, p.wire.n_rows)[0].size):
            silent = p.weaker_than(SILENT)
            held = np.searchsorted(self.source.uid, silent.pre) * self.target.n + np.searchsorted(
                self.target.uid, silent.post
            )
            silent[np.isin(held, codes)].set_weight(p.default_weight)

    def _pair_of(self, sources: Patterns, targets: Patterns | None) -> tuple[Volleys, Volleys]:
        name = self.projection.name
        if self.auto != (targets is None):
            need = "one list of patterns, source and target are one layer" if self.auto else "sources and targets"
            raise ParameterError(f"{name}.store: needs {need}")
        first = volleys(f"{name}.store(sources)", sources, self.source.n)
        second = first if targets is None else volleys(f"{name}.store(targets)", targets, self.target.n)
        if len(first) != len(second):
            raise ParameterError(f"{name}.store: {len(first)} sources and {len(second)} targets; give pairs")
        return first, second

    def _check_room(self, first: Volleys, second: Volleys) -> None:
        codes, _ = self._pairs(first, second)
        fill = (len(self.projection) + int((~self._exists(codes)).sum())) / max(self.potential, 1.0)
        if fill > self.max_fill:
            raise CapacityFull(
                f"{self.projection.name}.store: {len(first)} more would raise the fill from {self.fill:.3f} to {fill:.3f}, above max_fill = "
                f"{self.max_fill:g}; nothing was stored. Forget some (store.forget(store.ids[:10])) or grow a layer (layer.grow(100))",
                fill=fill, max_fill=self.max_fill,
            )  # fmt: skip

    def _fire(self, first: Volleys, second: Volleys) -> tuple[Volleys, Volleys]:
        """Let both fire in the same step, one pattern every other step; who fired (dead cells do not)."""
        table, at = Timetable(self.net), 2 * np.arange(len(first))
        table.cue(self.source, at, first)
        if not self.auto:
            table.cue(self.target, at, second)
        spikes = table.run(int(2 * len(first) + self._delay))
        a = spikes[self.source].winners(at, 1, self.source.n, self.net.dt)
        return a, a if self.auto else spikes[self.target].winners(at, 1, self.target.n, self.net.dt)

    def _pairs(self, first: Volleys, second: Volleys) -> tuple[np.ndarray, np.ndarray]:
        """Codes (source place * n + target place) of the potential pairs of cells that are active together, and how often."""
        ka, kb = first.sizes[first.which], second.sizes
        times = kb[first.which]  # each source cell meets all target cells of its presentation
        pre = np.repeat(first.place, times)
        start = np.concatenate([[0], np.cumsum(kb)])[first.which]
        within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        post = second.place[np.repeat(start, times) + within] if ka.size else np.zeros(0, np.int64)
        codes, counts = np.unique(pre * self.target.n + post, return_counts=True)
        fine = np.ones(codes.size, np.bool_)
        if self.auto:
            fine &= codes // self.target.n != codes % self.target.n
        if self.p_potential < 1.0:
            fine &= self.may_grow(*self._uids(codes))
        return codes[fine], counts[fine]

    def _uids(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.source.uid[codes // self.target.n], self.target.uid[codes % self.target.n]

    def _exists(self, codes: np.ndarray) -> np.ndarray:
        """Whether there is a synapse for each code; cells that have died have none."""
        pre, post = self._uids(codes)
        found = np.isin(pre, self.source.cells.uid) & np.isin(post, self.target.cells.uid)
        found[found] = self.projection.has_edge(pre[found], post[found])
        return found

    # ---- recall -----------------------------------------------------------------------------------------------------

    def recall(
        self, cues: Patterns, *, mode: str = "winners", threshold: float | None = None, steps: int = 1, clamp: bool = True,
        least: float = 1.0, reject: bool = False,
    ) -> Recall:  # fmt: skip
        """Let cues fire, all in one run, and read who answers.

        Parameters
        ----------
        cues : bool [cues, n], places [cues, k], or list of lists of places
        mode : {"winners", "threshold"}
            The k cells of largest support (and what equals the last of them), or all cells with at least `threshold`.
        threshold : float, optional
            Default: the number of cells of the cue (Willshaw).
        steps : int
            Races; in those after the first the winners are the cue (autoassociation).
        clamp : bool
            Whether, within one layer, the cells of the cue win the first race in any case.
        least : float
            Support below which no cell answers; a larger one shortens the run.
        reject : bool
            Whether the first race ends at the threshold that `calibrate` found: where k cells do not reach it, the cue is not
            accepted, whatever still fires.

        Returns
        -------
        Recall

        Raises
        ------
        NotCalibrated
            `reject` without a calibration for cues of this size, or after the fill has changed by a tenth.
        """
        name = self.projection.name
        shown = volleys(f"{name}.recall(cues)", cues, self.source.n)
        if mode not in ("winners", "threshold"):
            raise ParameterError(f"{name}.recall(mode): must be 'winners' or 'threshold', got {mode!r}")
        steps = check_count(f"{name}.recall(steps)", steps, least=1)
        if steps > 1 and (mode == "threshold" or not self.auto):
            raise ParameterError(f"{name}.recall(steps={steps}): several races need one layer and mode='winners'")
        if reject and mode == "threshold":
            raise ParameterError(f"{name}.recall(reject=True): needs mode='winners', where a counter decides")
        parts, tables = [], []
        sizes, clamp = shown.sizes, clamp and self.auto
        for size in np.unique(sizes):
            rows = np.flatnonzero(sizes == size)
            tables += [self._table(int(size), clamp)] if reject else []
            theta = tables[-1].theta if reject else least
            ceiling = max(float(size), least)
            if steps > 1:  # ties may let more than k win
                ceiling = float(max(ceiling, math.ceil(1.25 * self.target.k)))
            if mode == "threshold":
                ceiling = least = theta = max(1.0, float(size)) if threshold is None else float(threshold)
            self.target.tune(ceiling=ceiling, theta=theta, least=min(least, ceiling))
            parts.append((rows, self._race(shown.take(rows), steps, clamp, reject)))
        return self._gathered(len(shown), parts, tables)

    def _race(self, cues: Volleys, steps: int, clamp: bool, judge: bool) -> tuple[Any, ...]:
        """Present equal-sized cues one after another; read the quorum of the first and the winners of the last race."""
        target, delay = self.target, self._delay
        free = target.race_steps(float(target.cells.least[0]))
        first = target.race_steps(float(target.cells.theta[0])) if judge else free
        length = np.array([first, *[free] * (steps - 1)])
        read = delay + np.concatenate([[0], np.cumsum(length[:-1] + delay)])  # steps of the reads within a presentation
        period = int(read[-1] + length[-1]) + delay + 1
        at = period * np.arange(len(cues))
        table = Timetable(self.net)
        table.cue(self.source, at, cues)
        table.flush(target, at)
        if clamp:
            table.cue(target, at + read[0], cues)
        for r in read:
            table.go(target, at + r, judge=judge and r == read[0])
        spikes = table.run(period * len(cues))[target]
        winners = spikes.winners(at + read[-1], int(length[-1]), target.n, 1.0)
        quorum = spikes.quorum(at + read[0], first)
        familiarity = np.where(quorum >= 0, target.level(quorum), -np.inf)
        return winners, target.level(winners.latency), familiarity, np.where(quorum >= 0, quorum, np.inf)

    def _gathered(
        self, number: int, parts: list[tuple[np.ndarray, tuple[Any, ...]]], tables: list[Calibration]
    ) -> Recall:
        """The answers to groups of cues, in the order of the cues."""
        which = np.concatenate([np.zeros(0, np.int64), *(rows[p[0].which] for rows, p in parts)])
        place = np.concatenate([np.zeros(0, np.int64), *(p[0].place for _, p in parts)])
        late = np.concatenate([np.zeros(0), *(p[0].latency for _, p in parts)]) * self.net.dt
        support = np.concatenate([np.zeros(0), *(p[1] for _, p in parts)])
        order = np.lexsort((place, which))
        familiarity, latency = np.full(number, -np.inf), np.full(number, np.inf)
        for rows, p in parts:
            familiarity[rows], latency[rows] = p[2], p[3] * self.net.dt
        winners = Volleys(which[order], place[order], number, self.target.n, late[order])
        theta = min((t.theta for t in tables), default=np.nan)
        rate = max((t.false_alarm_rate for t in tables), default=np.nan)
        accepted = np.isfinite(latency)
        return Recall(winners, support[order], familiarity, latency, accepted, theta, rate)

    # ---- rejection --------------------------------------------------------------------------------------------------

    def calibrate(
        self, fa: float = 0.01, *, size: int | None = None, cues: int = 500, clamp: bool = True
    ) -> Calibration:
        """Find the threshold that random cues pass with a rate of at most `fa`, by letting them fire.

        Parameters
        ----------
        fa : float
            Accepted rate of false alarms.
        size : int, optional
            Cells of a cue; default k of the source.
        cues : int
            Random cues, at least 200, that set the threshold; as many fresh ones measure its rate.
        clamp : bool
            As in the recalls that it shall serve.

        Raises
        ------
        NotCalibrated
            If no threshold has this rate: the store is too full for such cues.
        """
        name = self.projection.name
        fa = check_positive(f"{name}.calibrate(fa)", check_probability(f"{name}.calibrate(fa)", fa))
        size = self.source.k if size is None else check_count(f"{name}.calibrate(size)", size, least=1)
        if self.auto and clamp and size >= self.target.k:
            raise ParameterError(
                f"{name}.calibrate(size={size}): with clamp=True a cue of {self.target.k} cells or more wins by itself, and nothing is rejected; "
                f"calibrate(size={size}, clamp=False), recall(cues, clamp=False, reject=True)"
            )
        cues = check_count(f"{name}.calibrate(cues)", cues, least=200)
        rng = self.net.rng("calibrate", name, size)
        noise = np.argsort(rng.random((2 * cues, self.source.n)), axis=1)[:, :size]
        heard = self.recall(noise, clamp=clamp).familiarity
        rise, top = self.target.rise, float(self.target.cells.ceiling[0])
        levels = np.arange(top, 1.0 - 1e-9, -rise)
        passing = np.array([np.mean(heard[:cues] >= level - 1e-9) for level in levels])
        low = levels[passing <= fa]
        if not low.size:
            raise NotCalibrated(
                f"{name}.calibrate: {passing[0]:.1%} of random cues of {size} cells reach the highest support, more than fa = {fa:g}, at fill "
                f"{self.fill:.3f}; no threshold rejects them. Take larger cues, forget some, or allow fa={passing[0]:.2g}"
            )
        theta = float(low[-1])
        found = Calibration(theta, float(np.mean(heard[cues:] >= theta - 1e-9)), cues, self.fill)
        self.calibrations[size, clamp and self.auto] = found
        return found

    def calibrated(self, size: int, *, clamp: bool = True) -> bool:
        """Whether there is a threshold that still holds for cues of so many cells."""
        found = self.calibrations.get((size, clamp and self.auto))
        return found is not None and abs(self.fill - found.fill) <= DRIFT * found.fill

    def _table(self, size: int, clamp: bool) -> Calibration:
        name, found = self.projection.name, self.calibrations.get((size, clamp))
        line = f"store.calibrate(size={size}{', clamp=False' if self.auto and not clamp else ''})"
        if found is None:
            raise NotCalibrated(f"{name}.recall(reject=True): no threshold for cues of {size} cells: {line}")
        if abs(self.fill - found.fill) > DRIFT * found.fill:
            raise NotCalibrated(
                f"{name}.recall(reject=True): the fill was {found.fill:.3f} when the threshold was found and is {self.fill:.3f} now: {line}"
            )
        return found

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What Python knows beside the network: ledger, counter, calibrations, as arrays."""
        ids = self.ids
        sides = [[self._ledger[k][s] for k in ids.tolist()] for s in (0, 1)]
        empty = [np.zeros(0, np.uint32)]
        table = [[*key, c.theta, c.false_alarm_rate, c.cues, c.fill] for key, c in self.calibrations.items()]
        return {
            "shape": np.array([self.source.n, self.target.n, self._next]), "ids": ids,
            "source_sizes": np.array([a.size for a in sides[0]], np.int64), "source": np.concatenate(empty + sides[0]),
            "target_sizes": np.array([a.size for a in sides[1]], np.int64), "target": np.concatenate(empty + sides[1]),
            "shared": self._shared.code, "times": self._shared.times,
            "calibrations": np.array(table, np.float64).reshape(-1, 6),
        }  # fmt: skip

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave; the synapses come with the network."""
        n, m, following = arrays["shape"].tolist()
        if (n, m) != (self.source.n, self.target.n):
            raise IncompatibleSnapshot(
                f"{self.projection.name}: saved for layers of {n} and {m} cells, these have {self.source.n} and {self.target.n}"
            )
        sides = [np.split(arrays[s], np.cumsum(arrays[f"{s}_sizes"])[:-1]) for s in ("source", "target")]
        self._next = following
        self._ledger = dict(zip(arrays["ids"].tolist(), zip(*sides, strict=True), strict=False))
        self._shared.code, self._shared.times = np.array(arrays["shared"]), np.array(arrays["times"])
        self.calibrations = {
            (int(r[0]), bool(r[1])): Calibration(float(r[2]), float(r[3]), int(r[4]), float(r[5]))
            for r in arrays["calibrations"]
        }

    def __repr__(self) -> str:
        return (
            f"AssociativeStore({self.projection.name!r}: {len(self._ledger)} pairs in {len(self.projection):,} synapses, fill {self.fill:.3f}, "
            f"{self.capacity_used:.0%} used)"
        )


def empty_projection(net: Network, source: Layer, target: Layer, delay: float | None, name: str | None) -> Projection:
    """A projection between two layers without synapses, onto the gathering receptor."""
    nobody = wiring.from_edges(np.zeros((0, 2), np.int64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurosimWarning)  # that there is no synapse yet is the point
        made = net.connect(source.cells, target.cells, nobody, weight=1.0, delay=delay, receptor="support", name=name)
    return cast("Projection", made)


class _Shared:
    """How many further owners a synapse has: only those with more than one are listed, by ascending code."""

    def __init__(self) -> None:
        self.code, self.times = np.zeros(0, np.int64), np.zeros(0, np.uint16)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.code.nbytes + self.times.nbytes

    def add(self, code: np.ndarray, more: np.ndarray) -> None:
        """`more` further owners for these synapses."""
        fine = more > 0
        joined = np.concatenate([self.code, code[fine]])
        times = np.concatenate([self.times.astype(np.int64), more[fine]])
        self.code, back = np.unique(joined, return_inverse=True)
        self.times = np.bincount(back, times, self.code.size).astype(np.uint16)

    def release(self, code: np.ndarray, owners: np.ndarray) -> np.ndarray:
        """Take so many owners away from each; return which of these (ascending, distinct) have none left."""
        place = np.searchsorted(self.code, code)
        listed = np.isin(code, self.code, assume_unique=True)
        held = np.ones(code.size, np.int64)
        held[listed] += self.times[place[listed]]
        left = held - owners
        times = self.times.astype(np.int64)
        times[place[listed]] = np.maximum(left[listed] - 1, 0)
        self.code, self.times = self.code[times > 0], times[times > 0].astype(np.uint16)
        return np.asarray(left <= 0)


def _ragged(rows: Sequence[np.ndarray], n: int) -> Volleys:
    sizes = [r.size for r in rows]
    place = np.concatenate([np.zeros(0, np.int64), *(r.astype(np.int64) for r in rows)])
    return Volleys(np.repeat(np.arange(len(rows)), sizes), place, len(rows), n)
