"""The slow store: binary synapses within the content layer that a replay makes only with a small probability.

Knows one layer, the projection within it and volleys that have fired; not where they came from, no sleep, no fast store.  A
potential synapse is absent, silent (weight 0) or consolidated (weight 1).  What is recalled is decided by spikes and synapses; the
ledger names the cells of each memory, is read to forget and to measure, and never answers a cue.

McClelland, McNaughton & O'Reilly (1995) Psychol. Rev. 102:419; Knoblauch, Koerner, Koerner & Sommer (2014) PLoS ONE 9:e96485.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_count, check_not_negative, check_positive, check_probability
from neurosim.errors import ParameterError
from neurosim.kernels.rng import hash_pairs, stream_key
from neurosim.memory.associative import DRIFT, AssociativeStore, Calibration, Freed, Patterns, Recall
from neurosim.memory.failures import CapacityFull, IncompatibleSnapshot, NotCalibrated
from neurosim.memory.layer import Layer, Volleys, volleys
from neurosim.memory.turnover import StructuralConsolidation

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.projection import Projection

#: To whom volleys belong: a number each, or where several memories fired together, their numbers.
Owners = ArrayLike | Sequence[Sequence[int]]


@dataclass(frozen=True)
class Learned:
    """What volleys changed: synapses made, silent synapses that became strong, pairs that fired together (each once)."""

    formed: int
    woken: int
    together: int


@dataclass(frozen=True)
class Rested:
    """What time changed: strong synapses that fell silent, silent ones that were removed, silent ones that grew."""

    silenced: int
    removed: int
    grown: int


class SlowStore(Protocol):
    """What `Consolidation` asks of a slow store, whatever its synapses are.

    `learn` takes volleys that have fired; `p_eff` is the share of the pairs of a pattern's cells that strong synapses join (or its
    graded counterpart, 0 ... 1); `fill` and `max_fill` bound what may be learned.
    """

    content: Layer
    projection: Projection
    max_fill: float

    def learn(self, volleys: Volleys, ids: Owners | None = None) -> Learned:
        """Change the synapses between cells that fired together."""

    def recall(self, cues: Patterns, *, steps: int = 1, clamp: bool = True, reject: bool = False) -> Recall:
        """Let cues fire and read who answers."""

    def calibrate(self, fa: float = 0.01, *, size: int | None = None, clamp: bool = True) -> Calibration:
        """Find the threshold at which random cues of `size` cells are accepted with the rate `fa`."""

    def forget(self, ids: ArrayLike) -> Freed:
        """Remove what belongs to these memories alone."""

    def rest(self, days: float) -> Rested:
        """Let time pass."""

    def scale_down(self, fill: float, spare: Volleys | None = None) -> int:
        """Let cells that hear more than this share of what they could lose some synapses; return how many went."""

    def p_eff(self, patterns: Patterns) -> np.ndarray:
        """Effectual connectivity of patterns, float64 [patterns]."""

    @property
    def fill(self) -> float:
        """Share of what can be used that is."""


class LongTermMemory:
    """Auto-association within a content layer, in binary synapses that need many replays to form.

    Each time two cells fire together, a potential synapse between them that is absent becomes strong with probability `p_learn`: so
    what is replayed often is kept, what fires once leaves hardly a trace, and memories that are replayed in turn do not overwrite
    each other.  A silent synapse becomes strong for certain.  Strong ones fall silent by themselves with `p_loss` per day, silent
    ones disappear with `p_eliminate` per day, and as many grow elsewhere at random that a share `silent` of the potential synapses
    is always silent.

    Parameters
    ----------
    net : Network
    content : Layer
    synapse : {"binary"}
        Graded synapses are in `neurosim.memory.graded`.
    p_potential : float
        Share of pairs of cells that are near enough to grow a synapse.
    p_learn : float
        Probability that a pair that fires together once gets a strong synapse.
    p_loss, p_eliminate : float
        Per day.
    silent : float
        Share of the potential synapses that `rest` keeps silent by growth at random places.
    max_fill : float
        Share of the potential synapses that may be strong before `CapacityFull`.
    name : str
        Of the projection.
    projection : Projection, optional
        One that is there already, as after ``ns.load``.

    Attributes
    ----------
    store : AssociativeStore
        The projection with its recall; nothing is stored in one shot.
    projection : Projection

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.layer import Layer
    >>> from neurosim.memory.longterm import LongTermMemory
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> slow = LongTermMemory(net, Layer(net, "content", 40, 4), p_learn=0.5)
    >>> slow.study([[3, 8, 11, 30]], times=8).together
    12
    >>> slow.recall([[8, 30]]).winners.place
    array([ 3,  8, 11, 30])
    """

    def __init__(
        self, net: Network, content: Layer, synapse: str = "binary", *, p_potential: float = 1.0, p_learn: float = 0.05,
        p_loss: float = 0.002, p_eliminate: float = 0.2, silent: float = 0.0, max_fill: float = 0.4, name: str = "slow",
        projection: Projection | None = None,
    ) -> None:  # fmt: skip
        if synapse != "binary":
            raise ParameterError(
                f"LongTermMemory.synapse: 'binary' is the kind of this class, got {synapse!r}; neurosim.memory.graded has TaggingMemory(net, "
                f"content) and BennaFusiMemory(net, content)"
            )
        self.net, self.content = net, content
        for label, value in (
            ("p_learn", p_learn),
            ("p_loss", p_loss),
            ("p_eliminate", p_eliminate),
            ("silent", silent),
        ):
            check_probability(f"LongTermMemory.{label}", value)
        self.p_learn, self.p_loss, self.p_eliminate = float(p_learn), float(p_loss), float(p_eliminate)
        if silent + max_fill > 1.0:
            raise ParameterError(
                f"LongTermMemory.silent: at most 1 - max_fill = {1.0 - max_fill:g} of the potential synapses can be silent, got {silent!r}"
            )
        self.silent = float(silent)
        self.store = AssociativeStore(
            net, content, p_potential=p_potential, max_fill=max_fill, name=name, projection=projection
        )
        self.projection = self.store.projection
        self.p_potential, self.max_fill = self.store.p_potential, self.store.max_fill
        self.turnover = StructuralConsolidation(self.projection, potential=self.store.may_grow)
        self.ledger: dict[tuple[int, ...], np.ndarray] = {}
        self._replays = self._rests = 0
        self._fill_then: dict[tuple[int, bool], float] = {}
        if silent:
            self.turnover.grow(net, round(silent * self.store.potential))

    # ---- how full ---------------------------------------------------------------------------------------------------

    @property
    def strong(self) -> int:
        """Consolidated synapses."""
        return int(np.count_nonzero(self.projection.weight))

    @property
    def fill(self) -> float:
        """Share of the potential synapses that are consolidated."""
        return self.strong / max(self.store.potential, 1.0)

    @property
    def capacity_used(self) -> float:
        """ln(1 - fill) / ln(1 - max_fill): 1 is full."""
        return float(np.log1p(-min(self.fill, 1.0 - 1e-12)) / np.log1p(-self.max_fill))

    @property
    def ids(self) -> np.ndarray:
        """Numbers of the memories that have been learned, int64, ascending."""
        return np.unique(np.array([k for key in self.ledger for k in key], np.int64))

    @property
    def nbytes(self) -> int:
        """Bytes of the ledger; those of the synapses are in `net.estimate`."""
        return sum(a.nbytes + 8 * len(key) for key, a in self.ledger.items())

    def cells(self, ids: ArrayLike) -> Volleys:
        """The cells that have fired in the replays of each memory alone, for measurements."""
        wanted = np.atleast_1d(np.asarray(ids, np.int64)).tolist()
        rows = [self.ledger.get((k,), np.zeros(0, np.uint32)).astype(np.int64) for k in wanted]
        sizes = [r.size for r in rows]
        place = np.concatenate([np.zeros(0, np.int64), *rows])
        return Volleys(np.repeat(np.arange(len(rows)), sizes), place, len(rows), self.content.n)

    def p_eff(self, patterns: Patterns) -> np.ndarray:
        """Effectual connectivity of each pattern: share of the pairs of its cells that have a consolidated synapse.

        Parameters
        ----------
        patterns : bool [patterns, n], places [patterns, k], list of lists of places, or what `cells` gives

        Returns
        -------
        float64 [patterns]
            0 where a pattern has fewer than two cells.

        References
        ----------
        Knoblauch & Sommer (2016) Front. Neuroanat. 10:63.
        """
        shown = volleys(f"{self.projection.name}.p_eff(patterns)", patterns, self.content.n)
        edges = self.projection.edges()
        i, j = (np.searchsorted(self.content.uid, uid[edges.weight > 0]) for uid in (edges.pre, edges.post))
        there = np.zeros((self.content.n, self.content.n), np.bool_)
        there[i, j] = True
        sizes = shown.sizes
        joined = np.array([np.count_nonzero(there[np.ix_(cells, cells)]) for cells in shown], np.float64)
        return np.asarray(joined / np.maximum(sizes * (sizes - 1), 1))

    # ---- learning ---------------------------------------------------------------------------------------------------

    def learn(self, volleys: Volleys, ids: Owners | None = None) -> Learned:
        """Change the synapses between cells that have fired together, each volley once, in this order.

        Parameters
        ----------
        volleys : Volleys
            Cells that fired together, as a run has shown them; `study` lets patterns fire.
        ids : int [volleys], or for each volley the numbers of all memories in it, optional
            To whom the cells belong, for `forget`; -1, or nothing, for nobody.

        Raises
        ------
        CapacityFull
            If the strong synapses would be more than `max_fill`; nothing has changed then.
        """
        name, n = self.projection.name, self.content.n
        if volleys.n != n:
            raise ParameterError(
                f"{name}.learn: volleys of a layer of {volleys.n} cells, {self.content.name!r} has {n}"
            )
        owners = owners_of(f"{name}.learn(ids)", ids, len(volleys))
        codes, replay = self._pairs(volleys)
        edges = self.projection.edges()
        held = np.searchsorted(self.content.uid, edges.pre) * n + np.searchsorted(self.content.uid, edges.post)
        lucky = self._chance(codes, replay) < self.p_learn
        together = np.unique(codes)
        silent = np.isin(held, together) & (edges.weight == 0.0)
        new = np.setdiff1d(codes[lucky], held)
        woken = int(silent.sum())
        strong = np.count_nonzero(edges.weight) + woken + new.size
        fill = strong / max(self.store.potential, 1.0)
        if fill > self.max_fill:
            raise CapacityFull(
                f"{name}.learn: {len(volleys)} volleys would raise the fill from {self.fill:.3f} to {fill:.3f}, above max_fill = "
                f"{self.max_fill:g}; nothing was learned. Forget some ({name}.forget(ids)) or let it rest ({name}.rest(days=30))",
                fill=fill, max_fill=self.max_fill,
            )  # fmt: skip
        if woken:
            edges[silent].set_weight(1.0)
        if new.size:
            self.projection.insert(self.content.uid[new // n], self.content.uid[new % n], weight=1.0, rule="replay")
        self._replays += len(volleys)
        for key, cells in zip(owners, volleys, strict=True):
            if key:
                self.ledger[key] = np.union1d(self.ledger.get(key, np.zeros(0, np.uint32)), cells.astype(np.uint32))
        return Learned(int(new.size), woken, int(together.size))

    def study(self, patterns: Patterns, ids: Owners | None = None, *, times: int = 1) -> Learned:
        """Let patterns fire, one after another, `times` times over, and learn from what fired."""
        shown = volleys(f"{self.projection.name}.study(patterns)", patterns, self.content.n)
        owners = owners_of(f"{self.projection.name}.study(ids)", ids, len(shown))
        again = np.tile(np.arange(len(shown)), check_count(f"{self.projection.name}.study(times)", times, least=1))
        fired, _ = self.store.present(shown.take(again))
        return self.learn(fired, [owners[k] for k in again.tolist()])

    def _pairs(self, fired: Volleys) -> tuple[np.ndarray, np.ndarray]:
        """Codes (place * n + place) of the potential pairs in each volley, and the number of the replay."""
        sizes = fired.sizes
        times = sizes[fired.which]
        pre = np.repeat(fired.place, times)
        start = (np.cumsum(sizes) - sizes)[fired.which]
        within = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
        post = fired.place[np.repeat(start, times) + within]
        replay = self._replays + np.repeat(fired.which, times)
        fine = pre != post
        if self.p_potential < 1.0:
            fine &= self.store.may_grow(self.content.uid[pre], self.content.uid[post])
        return (pre * self.content.n + post)[fine], replay[fine]

    def _chance(self, codes: np.ndarray, replay: np.ndarray) -> np.ndarray:
        """A number in [0, 1) for each pair in each replay, from the seed, the two uids and the number of the replay."""
        key = np.uint64(stream_key(self.net.seed, "learn", self.projection.name))
        out = np.zeros(codes.size)
        pre, post = self.content.uid[codes // self.content.n], self.content.uid[codes % self.content.n]
        hash_pairs(key, pre, post, replay, out)
        return out

    # ---- forgetting and time ----------------------------------------------------------------------------------------

    def forget(self, ids: ArrayLike, *, mode: str = "delete", dry_run: bool = False) -> Freed:
        """Take the synapses between the cells of these memories away that belong to no other.

        Parameters
        ----------
        ids : int or array of int
            Memories that have been learned under these numbers.
        mode : {"delete", "silence"}
            Silent synapses are ready to become strong at the next replay: relearning is faster (savings).
        dry_run : bool
            Only say what would go.
        """
        name, wanted = self.projection.name, set(np.atleast_1d(np.asarray(ids, np.int64)).tolist())
        if mode not in ("delete", "silence"):
            raise ParameterError(f"{name}.forget(mode): must be 'delete' or 'silence', got {mode!r}")
        unknown = sorted(wanted - set(self.ids.tolist()))
        if unknown:
            raise ParameterError(
                f"{name}.forget: nothing of number {unknown[0]!r} has been learned; slow.ids lists what has"
            )
        gone = {key: cells for key, cells in self.ledger.items() if wanted & set(key)}
        left = [cells for key, cells in self.ledger.items() if key not in gone]
        if not dry_run:
            self.net.compact()
        before = self.net.estimate()["bytes"]
        edges = self.projection.edges()
        i, j = (np.searchsorted(self.content.uid, uid) for uid in (edges.pre, edges.post))
        mine = self._within([*gone.values()], i, j)
        mine[mine] &= edges.weight[mine] > 0
        lone = mine.copy()
        lone[mine] = ~self._within(left, i[mine], j[mine])
        chosen = edges[lone]
        if dry_run:
            size = self.projection.pool.bytes_per_synapse if mode == "delete" else 0.0
            return Freed(len(chosen), int(mine.sum() - lone.sum()), round(len(chosen) * size))
        for key in gone:
            del self.ledger[key]
        if len(chosen) and mode == "silence":
            chosen.set_weight(0.0)
        elif len(chosen):
            chosen.remove(rule="forgetting")
        self.net.compact()
        return Freed(int(lone.sum()), int(mine.sum() - lone.sum()), int(before - self.net.estimate()["bytes"]))

    def _within(self, sets: Sequence[np.ndarray], i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """Whether any of these sets of cells holds both ends of each pair of places, bool [pairs]."""
        found, member = np.zeros(i.size, np.bool_), np.zeros(self.content.n, np.bool_)
        for cells in sets:
            member[:] = False
            member[cells] = True
            found |= member[i] & member[j]
        return found

    def rest(self, days: float) -> Rested:
        """Let `days` pass: strong synapses fall silent, silent ones disappear, silent ones grow at random places."""
        name = self.projection.name
        days = check_not_negative(f"{name}.rest(days)", days, "days")
        edges = self.projection.edges()
        chance = self.projection.chance(edges, self.net.key("rest", name, self._rests))
        self._rests += 1
        strong = edges.weight > 0
        fades = strong & (chance < -np.expm1(days * np.log1p(-self.p_loss)) if self.p_loss < 1.0 else strong)
        goes = ~strong & (chance < (1.0 - (1.0 - self.p_eliminate) ** days))
        if fades.any():
            edges[fades].set_weight(0.0)
        if goes.any():
            edges[goes].remove(rule="turnover")
        left = len(self.projection) - int(strong.sum() - fades.sum())
        lacking = round(self.silent * self.store.potential) - left
        grown = self.turnover.grow(self.net, lacking) if lacking > 0 else 0
        return Rested(int(fades.sum()), int(goes.sum()), grown)

    def scale_down(self, fill: float, spare: Volleys | None = None) -> int:
        """Homeostasis: cells that hear more than the share `fill` of their potential synapses let some fall silent.

        Parameters
        ----------
        fill : float
        spare : Volleys, optional
            Cells that have fired together of late keep their synapses.

        Returns
        -------
        int
            Synapses that fell silent.
        """
        name, n = self.projection.name, self.content.n
        most = check_positive(f"{name}.scale_down(fill)", check_probability(f"{name}.scale_down(fill)", fill))
        edges = self.projection.edges()
        i, j = (np.searchsorted(self.content.uid, uid) for uid in (edges.pre, edges.post))
        strong = edges.weight > 0
        allowed = most * self.store.potential / n
        heard = np.bincount(j[strong], minlength=n)
        free = strong.copy()
        if spare is not None:
            free[np.isin(i * n + j, np.unique(self._pairs(spare)[0]))] = False
        surplus = np.maximum(heard - allowed, 0.0) / np.maximum(np.bincount(j[free], minlength=n), 1)
        chance = self.projection.chance(edges, self.net.key("scale down", name, self._rests))
        self._rests += 1
        falls = free & (chance < surplus[j])
        if falls.any():
            edges[falls].set_weight(0.0)
        return int(falls.sum())

    # ---- recall -----------------------------------------------------------------------------------------------------

    def recall(self, cues: Patterns, *, steps: int = 1, clamp: bool = True, reject: bool = False) -> Recall:
        """Let cues fire, all in one run, and read the k cells of largest support; see `AssociativeStore.recall`.

        Raises
        ------
        NotCalibrated
            `reject` without a calibration for cues of this size, or after the fill has changed by a tenth.
        """
        if reject:
            now, name = self.fill, self.projection.name
            for size in np.unique(volleys(f"{name}.recall(cues)", cues, self.content.n).sizes).tolist():
                then = self._fill_then.get((size, clamp), now)
                if abs(now - then) > DRIFT * then:
                    raise NotCalibrated(
                        f"{name}.recall(reject=True): the fill was {then:.3f} when the threshold was found and is {now:.3f} now: "
                        f"slow.calibrate(size={size}{'' if clamp else ', clamp=False'})"
                    )
        return self.store.recall(cues, steps=steps, clamp=clamp, reject=reject)

    def calibrate(
        self, fa: float = 0.01, *, size: int | None = None, cues: int = 500, clamp: bool = True
    ) -> Calibration:
        """Find the threshold that random cues pass with a rate of at most `fa`; see `AssociativeStore.calibrate`."""
        size = self.content.k if size is None else check_count(f"{self.projection.name}.calibrate(size)", size, least=1)
        found = self.store.calibrate(fa, size=size, cues=cues, clamp=clamp)
        self._fill_then[size, clamp] = self.fill
        return found

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What Python knows beside the network: ledger, counters, calibrations, as arrays."""
        keys, cells = [np.array(k, np.int64) for k in self.ledger], [*self.ledger.values()]
        then = [[size, clamp, fill] for (size, clamp), fill in self._fill_then.items()]
        return {f"store.{name}": a for name, a in self.store.arrays().items()} | {
            "counts": np.array([self.content.n, self._replays, self._rests]),
            "key_sizes": np.array([k.size for k in keys], np.int64), "keys": np.concatenate([np.zeros(0, np.int64), *keys]),
            "cell_sizes": np.array([c.size for c in cells], np.int64), "cells": np.concatenate([np.zeros(0, np.uint32), *cells]),
            "fill_then": np.array(then, np.float64).reshape(-1, 3),
        }  # fmt: skip

    def set_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what `arrays` gave; the synapses come with the network."""
        n, self._replays, self._rests = (int(x) for x in arrays["counts"])
        if n != self.content.n:
            raise IncompatibleSnapshot(
                f"{self.projection.name}: saved for {n} content cells, this has {self.content.n}"
            )
        self.store.set_arrays({name[6:]: a for name, a in arrays.items() if name.startswith("store.")})
        keys = np.split(arrays["keys"], np.cumsum(arrays["key_sizes"])[:-1])
        cells = np.split(arrays["cells"], np.cumsum(arrays["cell_sizes"])[:-1])
        number = arrays["key_sizes"].size
        self.ledger = {tuple(k.tolist()): np.array(c) for k, c in zip(keys[:number], cells[:number], strict=True)}
        self._fill_then = {(int(r[0]), bool(r[1])): float(r[2]) for r in arrays["fill_then"]}

    def __repr__(self) -> str:
        return (
            f"LongTermMemory({self.projection.name!r}: {self.ids.size} memories, {self.strong:,} strong synapses, fill {self.fill:.3f}, "
            f"{self.capacity_used:.0%} used)"
        )


def fade(projection: Any, p: float, *names: object) -> int:
    """Remove each synapse of a projection with probability `p`: what time does to a fast store; return how many went.

    What goes depends on the seed, on `names` (such as the number of the day) and on the cells, not on the clock: so that two
    networks that have slept differently can lose the same.
    """
    p = check_probability("fade(p)", p)
    edges = projection.edges()
    goes = projection.chance(edges, int(stream_key(projection.network.seed, "fade", projection.name, *names))) < p
    return int(edges[goes].remove(rule="fading")) if goes.any() else 0


def owners_of(name: str, ids: Owners | None, number: int) -> list[tuple[int, ...]]:
    """For each volley the memories that it belongs to, ascending."""
    rows: list[Any] = [()] * number if ids is None else list(ids)  # type: ignore[arg-type]
    if len(rows) != number:
        raise ParameterError(
            f"{name}: {len(rows)} owners for {number} volleys; give one number, or one tuple, for each"
        )
    keys = [np.unique(np.atleast_1d(np.asarray(row, np.int64))) for row in rows]
    return [tuple(int(k) for k in key if k >= 0) for key in keys]
