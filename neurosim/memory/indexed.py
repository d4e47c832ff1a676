"""An index store: one cell for each memory, with key synapses onto it from what was there and value synapses to what it wakes.

Knows layers, the projections between them and spikes; no labels, no times, no policy.  Which cells answer and what they wake
is decided by spikes and synapses; Python keeps which index cell carries which number.

Teyler & DiScenna (1986) Behav. Neurosci. 100:147; Kanerva (1988) Sparse Distributed Memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim import wiring
from neurosim.checks import check_count, check_positive
from neurosim.errors import ParameterError
from neurosim.memory import thresholds
from neurosim.memory.associative import Calibration, Freed, Patterns, empty_projection
from neurosim.memory.failures import CapacityFull, IncompatibleSnapshot
from neurosim.memory.layer import Layer, Timetable, Volleys, volleys

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.projection import Projection

#: What a gate cell takes from the support of its index cell: more than any cue can give.
SHUT = -1e6
Fields = Mapping[str, Patterns] | Patterns


@dataclass(frozen=True)
class Recollection:
    """What cues brought back from an index store.

    Attributes
    ----------
    ids : int64 [cues, k]
        Memories whose cells fired, the strongest first; -1 where fewer than k fired.
    support : float64 [cues, k]
        Key synapses that had spoken for each, as its latency tells; nan where nobody fired.
    latency : float64 [cues, k]
        ms from the read.
    accepted : bool [cues]
        Whether any cell fired before the deadline that theta sets; without one, whether any fired.
    tied : bool [cues]
        Whether more than k cells fired because the last of them had equal support.
    values : dict of str to Volleys
        What the value synapses of the first memory of each cue woke, by field; nothing where none was accepted.
    theta, false_alarm_rate : float64 [cues]
        Threshold, and its share of false alarms; nan where nothing was rejected.
    """

    ids: np.ndarray
    support: np.ndarray
    latency: np.ndarray
    accepted: np.ndarray
    tied: np.ndarray
    values: dict[str, Volleys]
    theta: np.ndarray
    false_alarm_rate: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)


class IndexStore:
    """Memories as index cells: a cue fires key cells, the index cells of largest support fire first and wake their values.

    A memory costs as many synapses as its keys and values have cells, and is deleted exactly, by removing those of its cell.

    Parameters
    ----------
    net : Network
    keys : Layer or dict of str to Layer
        Where cues are shown, by field ("what", "where", ...); a layer alone is the field "what".
    values : Layer or dict of str to Layer, optional
        Where recalled patterns appear; default: the keys.
    n : int
        Index cells, and so memories.
    name, region : str
        Name of the index layer (and, with ".gate", of the cells that hold others back), and its region.

    Attributes
    ----------
    index, gate : Layer
    keys, values : dict of str to Layer
    key, value : dict of str to Projection
    calibrations : dict
        By the sizes of the cue in each field, in the order of `keys`, and the cells that it was drawn from.

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory import IndexStore, Layer
    >>> net = ns.Network(dt=1.0)
    >>> store = IndexStore(net, Layer(net, "content", 40, 4), n=10)
    >>> store.store([[0, 1, 2, 3], [3, 8, 11, 30]])
    array([0, 1])
    >>> answer = store.recall([[8, 30]])
    >>> answer.ids, answer.values["what"].place
    (array([[1]]), array([ 3,  8, 11, 30]))
    """

    def __init__(
        self, net: Network, keys: Layer | Mapping[str, Layer], values: Layer | Mapping[str, Layer] | None = None, *, n: int,
        name: str = "index", region: str | None = None,
    ) -> None:  # fmt: skip
        n = check_count(f"IndexStore({name!r}).n", n, least=1)
        self._begin(net, name, keys, values)
        self.index = Layer(net, name, n, 1, region=region, noise=0.5)  # below 1 noise changes no race of whole supports
        self.gate = Layer(net, f"{name}.gate", n, n, region=region)
        self._shut = net.connect(
            self.gate.cells, self.index.cells, wiring.one_to_one(), weight=SHUT, receptor="support"
        )  # fmt: skip
        self.key = {
            f: empty_projection(net, layer, self.index, None, f"{name}.key.{f}") for f, layer in self.keys.items()
        }
        self.value = {
            f: empty_projection(net, self.index, layer, None, f"{name}.value.{f}") for f, layer in self.values.items()
        }
        self._owner = np.full(n, -1, np.int64)
        self._delay = int(self._shut.default_delay)

    def _begin(
        self, net: Network, name: str, keys: Layer | Mapping[str, Layer], values: Layer | Mapping[str, Layer] | None
    ) -> None:
        self.net, self.name = net, name
        self.keys = {"what": keys} if isinstance(keys, Layer) else dict(keys)
        chosen = self.keys if values is None else values
        self.values = {"what": chosen} if isinstance(chosen, Layer) else dict(chosen)
        if not self.keys:
            raise ParameterError(f"IndexStore({name!r}).keys: needs at least one field, such as {{'what': layer}}")
        self._place: dict[int, int] = {}
        self._next = 0
        self.calibrations: dict[tuple[int, ...], Calibration] = {}

    @classmethod
    def attach(
        cls, net: Network, keys: Layer | Mapping[str, Layer], values: Layer | Mapping[str, Layer] | None = None, *,
        name: str = "index", arrays: Mapping[str, np.ndarray],
    ) -> IndexStore:  # fmt: skip
        """The store of this name in a network that was loaded, with what `arrays` gave when it was saved."""
        store = cls.__new__(cls)
        store._begin(net, name, keys, values)
        store.index = Layer.attach(net, name, arrays["uid"])
        store.gate = Layer.attach(net, f"{name}.gate", arrays["gate_uid"])
        store.key = {f: net.projections[f"{name}.key.{f}"] for f in store.keys}
        store.value = {f: net.projections[f"{name}.value.{f}"] for f in store.values}
        store._shut = net.projections[f"{name}.gate->{name}"]
        store._owner = np.full(store.index.n, -1, np.int64)
        store._delay = int(store._shut.default_delay)
        store.set_arrays(arrays)
        return store

    # ---- how full ---------------------------------------------------------------------------------------------------

    @property
    def ids(self) -> np.ndarray:
        """Numbers of the memories, int64, ascending."""
        return np.array(sorted(self._place), np.int64)

    @property
    def n(self) -> int:
        """Index cells, those that have died included."""
        return self.index.n

    @property
    def free(self) -> int:
        """Living index cells without a memory."""
        return int(self._free().size)

    @property
    def fill(self) -> float:
        """Share of the index cells that carry a memory."""
        return len(self._place) / self.n

    @property
    def synapses(self) -> int:
        """Key and value synapses."""
        return sum(len(p) for p in self._projections())

    @property
    def nbytes(self) -> int:
        """Bytes of what Python keeps; those of the synapses are in `net.estimate`."""
        return int(self._owner.nbytes) + 16 * len(self._place)

    def __len__(self) -> int:
        return len(self._place)

    def cell(self, ids: ArrayLike) -> np.ndarray:
        """Places of the index cells of these memories, int64."""
        wanted = np.atleast_1d(np.asarray(ids))
        unknown = [k for k in wanted.tolist() if k not in self._place]
        if unknown:
            raise ParameterError(f"{self.name}: there is no memory of number {unknown[0]!r}; store.ids lists them")
        return np.array([self._place[k] for k in wanted.tolist()], np.int64)

    def _free(self) -> np.ndarray:
        alive = np.isin(self.index.uid, self.index.cells.uid, assume_unique=True)
        return np.flatnonzero(alive & (self._owner < 0))

    def _projections(self) -> Iterator[Projection]:
        yield from self.key.values()
        yield from self.value.values()

    # ---- storing ----------------------------------------------------------------------------------------------------

    def store(self, keys: Fields, values: Fields | None = None) -> np.ndarray:
        """Let keys, values and a free index cell fire together, once; the cells that fired get synapses.

        Parameters
        ----------
        keys, values : dict of field to patterns, or patterns of the field "what"
            Patterns: bool [memories, n], places [memories, k], or a list of lists of places.  Default of `values`: the keys.

        Returns
        -------
        int64 [memories]
            Numbers by which they are known; none is ever used twice.

        Raises
        ------
        CapacityFull
            If there are not so many free index cells; nothing is stored then.
        """
        shown = self._fields("store(keys)", keys, self.keys)
        woken = shown if values is None else self._fields("store(values)", values, self.values)
        number, free = _length(f"{self.name}.store", [*shown.values(), *woken.values()]), self._free()
        if values is None and (wrong := [f for f in shown if self.values.get(f) is not self.keys[f]]):
            raise ParameterError(f"{self.name}.store: key field {wrong[0]!r} is no value field; give the values too")
        if number > free.size:
            raise CapacityFull(
                f"{self.name}.store: {number} more memories, but {free.size} of {self.n} index cells are free; nothing was stored. Forget some "
                f"(store.forget(store.ids[:{number}])) or add cells (store.grow({number}))",
                fill=(len(self._place) + number) / self.n, max_fill=1.0,
            )  # fmt: skip
        places = free[:number]
        self._learn(places, shown, self.key, before=True)
        self._learn(places, woken, self.value, before=False)
        ids = np.arange(self._next, self._next + number)
        self._next += number
        self._owner[places] = ids
        self._place.update(zip(ids.tolist(), places.tolist(), strict=True))
        return ids

    def strengthen(self, ids: ArrayLike, keys: Fields, values: Fields | None = None) -> int:
        """Let these index cells fire again with keys and values: silent synapses wake, missing ones grow; how many grew.

        Parameters
        ----------
        ids : int or array of int
            One for each pattern.
        keys, values
            As in `store`.
        """
        cells, before = self.cell(ids), self.synapses
        shown = self._fields("strengthen(keys)", keys, self.keys)
        woken = shown if values is None else self._fields("strengthen(values)", values, self.values)
        number = _length(f"{self.name}.strengthen", [*shown.values(), *woken.values()])
        if number != cells.size:
            raise ParameterError(f"{self.name}.strengthen: {cells.size} memories and {number} patterns; one for each")
        self._learn(cells, shown, self.key, before=True)
        self._learn(cells, {f: v for f, v in woken.items() if f in self.value}, self.value, before=False)
        return self.synapses - before

    def _learn(
        self, places: np.ndarray, patterns: dict[str, Volleys], onto: Mapping[str, Projection], *, before: bool
    ) -> None:
        """Fire index cells with patterns, one every other step, and join the cells that did fire where they are not yet."""
        layers = self.keys if before else self.values
        table, at = Timetable(self.net), 2 * np.arange(places.size)
        table.cue(self.index, at, places[:, None])
        for f, shown in patterns.items():
            table.cue(layers[f], at, shown)
        spikes = table.run(2 * places.size + self._delay)
        who = spikes[self.index].winners(at, 1, self.n, self.net.dt)
        cell = np.full(places.size, -1)
        cell[who.which] = who.place
        for f in patterns:
            fired = spikes[layers[f]].winners(at, 1, layers[f].n, self.net.dt)
            there = cell[fired.which] >= 0
            pre, post = layers[f].uid[fired.place[there]], self.index.uid[cell[fired.which[there]]]
            pre, post = (pre, post) if before else (post, pre)
            code = np.unique((pre << 32) | post)
            pre, post = code >> 32, code & 0xFFFFFFFF
            new = ~onto[f].has_edge(pre, post)
            onto[f].insert(pre[new], post[new], rule="one-shot growth")
            if not new.all():
                _wake(onto[f], code)

    def forget(self, ids: ArrayLike) -> Freed:
        """Remove all synapses of these memories; their index cells are free again."""
        cells = self.cell(np.unique(np.atleast_1d(np.asarray(ids))))
        self.net.compact()
        before = self.net.estimate()["bytes"]
        uid, removed = self.index.uid[cells], 0
        for p in self._projections():
            edges = p.edges()
            mine = np.isin(edges.post if p.target is self.index.cells else edges.pre, uid)
            removed += edges[mine].remove(rule="forgetting") if mine.any() else 0
        for k in self._owner[cells].tolist():
            del self._place[k]
        self._owner[cells] = -1
        self.net.compact()
        return Freed(removed, 0, int(before - self.net.estimate()["bytes"]))

    def grow(self, n: int) -> None:
        """Add `n` index cells."""
        new = self.index.grow(check_count(f"{self.name}.grow(n)", n, least=1))
        gates = self.gate.grow(n)
        self.gate.k = self.gate.n
        self._shut.insert(self.gate.uid[gates], self.index.uid[new], weight=SHUT)
        self._owner = np.concatenate([self._owner, np.full(n, -1, np.int64)])

    # ---- recall -----------------------------------------------------------------------------------------------------

    def recall(
        self, cues: Fields, *, k: int = 1, reject: bool = False, mask: ArrayLike | None = None,
        gain: Mapping[str, int] | None = None, least: float = 1.0, most: float | None = None, rise: float = 1.0, read: bool = True,
        blend: bool = False,
        among: Mapping[str, ArrayLike] | None = None,
    ) -> Recollection:  # fmt: skip
        """Let cues fire, all in one run; the index cells of largest support answer.

        Parameters
        ----------
        cues : dict of field to patterns, or patterns of the field "what"
        k : int
            How many memories may answer each cue: the strength of the inhibition.
        reject : bool
            Whether the race ends at the threshold that `calibrate` found for cues of these sizes.
        mask : bool [memories] in the order of `ids`, or array of numbers, optional
            The memories that may answer; the gate cells of all others fire and hold theirs back.
        gain : dict of field to int, optional
            How many times the volley of a field is fired: its spikes count so many times.
        least : float
            Support below which no cell answers.
        most : float, optional
            Support from which on cells answer at once, as if it were this; a smaller one shortens the run.  Default: the cue's cells.
        rise : float
            Supports closer than this count as equal: how far the threshold falls between two looks of the inhibition.
        read : bool
            Whether the value synapses of the first memory of each cue are read.
        blend : bool
            Read what all that fired wake together (the winners of the summed support) instead of the first alone.
        among : dict of field to places, optional
            The cells from which these cues are drawn, as in `calibrate`.

        Returns
        -------
        Recollection

        Raises
        ------
        NotCalibrated
            `reject` without a calibration for cues of this size, or after the number of memories has changed by a tenth.
        """
        shown = self._fields("recall(cues)", cues, self.keys)
        number = _length(f"{self.name}.recall", list(shown.values()))
        self.index.k = check_count(f"{self.name}.recall(k)", k, least=1)
        gains = {f: check_count(f"{self.name}.recall(gain)[{f!r}]", g, least=1) for f, g in (gain or {}).items()}
        if reject and any(g != 1 for g in gains.values()):
            raise ParameterError(f"{self.name}.recall(reject=True): thresholds are found for gain 1, got {gain!r}")
        rise = check_positive(f"{self.name}.recall(rise)", rise)
        barred, drawn = self._barred(mask), thresholds.digest(among)
        sizes = np.array([shown[f].sizes if f in shown else np.zeros(number, np.int64) for f in self.keys])
        found = _Found(number, k)
        for size in np.unique(sizes, axis=1).T:
            rows = np.flatnonzero((sizes == size[:, None]).all(0))
            if not len(self.index.cells):  # a lesion: nobody is there to fire
                break
            table = thresholds.held(self, (*size.tolist(), drawn)) if reject else None
            top = float(sum(s * gains.get(f, 1) for f, s in zip(self.keys, size.tolist(), strict=True)))
            top = top if most is None else min(top, check_positive(f"{self.name}.recall(most)", most))
            self._tune(top, max(table.theta, least) if table else least, rise)
            part = {f: v.take(rows) for f, v in shown.items()}
            self._race(found, rows, part, gains, barred, table)
        ids = np.where(found.place >= 0, self._owner[found.place], -1)
        groups = found.fired if blend else [p[:1][p[:1] >= 0] for p in found.place]
        values = self._read(groups) if read else {}
        accepted = found.place[:, 0] >= 0
        return Recollection(ids, found.support, found.latency, accepted, found.tied, values, found.theta, found.rate)

    def _race(
        self, found: _Found, rows: np.ndarray, cues: dict[str, Volleys], gains: dict[str, int], barred: np.ndarray, table: Calibration | None,
    ) -> None:  # fmt: skip
        """One run: present cues of equal sizes one after another, and read who fires."""
        index, layers = self.index, self.keys
        length = index.race_steps(float(index.cells.least[0]))
        most = max([gains.get(f, 1) for f in cues], default=1)
        wait = self._delay + most - 1
        period = wait + length + self._delay + 1
        at = period * np.arange(rows.size)
        timetable = Timetable(self.net)
        for f, shown in cues.items():
            for again in range(gains.get(f, 1)):
                timetable.cue(layers[f], at + again, shown)
        if barred.size:
            timetable.cue(self.gate, at, np.tile(barred, (rows.size, 1)))
        timetable.flush(index, at)
        timetable.go(index, at + wait, judge=table is not None)
        winners = timetable.run(period * rows.size)[index].winners(at + wait, length, self.n, 1.0)
        found.take(rows, winners, index.level(winners.latency), self.net.dt)
        if table:
            found.theta[rows], found.rate[rows] = table.theta, table.false_alarm_rate

    def _tune(self, top: float, bar: float, rise: float) -> None:
        """Let the threshold fall from `top`, or a little above it, exactly to `bar`."""
        index = self.index
        if index.rise != rise:
            index.cells.rise = rise
        steps = np.ceil(max(top - bar, 0.0) / rise - 1e-9)
        index.tune(ceiling=float(bar + rise * steps), theta=bar, least=bar)

    def read(self, ids: ArrayLike) -> dict[str, Volleys]:
        """Fire the index cells of these memories, one after another, and read what their value synapses wake."""
        return self._read([np.array([place]) for place in self.cell(ids)])

    def _read(self, groups: Sequence[np.ndarray]) -> dict[str, Volleys]:
        """Fire groups of index cells; the cells of each value layer of largest support answer."""
        top = max((g.size for g in groups), default=1)
        table, layers = Timetable(self.net), self.values
        for layer in layers.values():
            layer.tune(ceiling=float(max(top, 1)), theta=1.0, least=1.0)
        length = max([layer.race_steps(1.0) for layer in layers.values()], default=1)
        period = length + 2 * self._delay + 1
        at = period * np.arange(len(groups))
        table.cue(self.index, at, _ragged(groups, self.n))
        for layer in layers.values():
            table.flush(layer, at)
            table.go(layer, at + self._delay)
        spikes = table.run(period * len(groups))
        return {f: spikes[v].winners(at + self._delay, length, v.n, self.net.dt) for f, v in layers.items()}

    def _barred(self, mask: ArrayLike | None) -> np.ndarray:
        """Places of the index cells that a mask shuts out."""
        if mask is None:
            return np.zeros(0, np.int64)
        ids, chosen = self.ids, np.asarray(mask)
        if chosen.dtype == np.bool_:
            if chosen.shape != ids.shape:
                raise ParameterError(f"{self.name}.recall(mask): {chosen.shape} for {ids.size} memories; one each")
            chosen = ids[chosen]
        open_ = np.zeros(self.n, np.bool_)
        if chosen.size:
            open_[self.cell(chosen)] = True
        return np.flatnonzero(~open_)

    def _fields(self, what: str, given: Fields, layers: Mapping[str, Layer]) -> dict[str, Volleys]:
        by_name = given if isinstance(given, Mapping) else {"what": given}
        unknown = [f for f in by_name if f not in layers]
        if unknown or not by_name:
            raise ParameterError(f"{self.name}.{what}: fields are {', '.join(map(repr, layers))}, got {[*by_name]!r}")
        return {f: volleys(f"{self.name}.{what}[{f!r}]", p, layers[f].n) for f, p in by_name.items()}

    # ---- rejection --------------------------------------------------------------------------------------------------

    def calibrate(
        self, fa: float = 0.01, *, size: int | Mapping[str, int] | None = None, cues: int = 500,
        among: Mapping[str, ArrayLike] | None = None,
    ) -> Calibration:  # fmt: skip
        """Find the threshold that random cues pass with a rate of at most `fa`, by letting them fire.

        Parameters
        ----------
        fa : float
            Accepted rate of false alarms.
        size : int or dict of field to int, optional
            Cells of a cue; a number alone is that of the first field.  Default: k of each key layer.
        cues : int
            Random cues, at least 200, that set the threshold; as many fresh ones measure its rate.
        among : dict of field to places, optional
            Draw them from these cells of a key layer, such as those of one region; default from all.

        Raises
        ------
        NotCalibrated
            If no threshold has this rate.
        """
        return thresholds.find(self, fa, size, cues, among)

    def calibrated(self, size: Mapping[str, int], among: Mapping[str, ArrayLike] | None = None) -> bool:
        """Whether there is a threshold that still holds for cues of so many cells in each field."""
        found = self.calibrations.get((*(int(size.get(f, 0)) for f in self.keys), thresholds.digest(among)))
        return found is not None and thresholds.holds(self, found)

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What Python knows beside the network, as arrays."""
        return {
            "uid": self.index.uid, "gate_uid": self.gate.uid, "owner": self._owner, "next": np.array([self._next]),
            "calibrations": thresholds.as_table(self.calibrations, len(self.keys)),
        }  # fmt: skip

    def set_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what `arrays` gave; the synapses come with the network."""
        owner, fields = np.array(arrays["owner"], np.int64), len(self.keys)
        if owner.size != self.n or arrays["calibrations"].shape[1] != fields + 5:
            raise IncompatibleSnapshot(
                f"{self.name}: saved for {owner.size} index cells and {arrays['calibrations'].shape[1] - 5} fields, this has {self.n} and {fields}"
            )
        self._owner, self._next = owner, int(arrays["next"][0])
        used = np.flatnonzero(owner >= 0)
        self._place = dict(zip(owner[used].tolist(), used.tolist(), strict=True))
        self.calibrations = thresholds.from_table(arrays["calibrations"])

    def __repr__(self) -> str:
        fields = ", ".join(self.keys)
        return f"IndexStore({self.name!r}: {len(self)} memories of {self.n}, {self.synapses:,} synapses, keys {fields})"


class _Found:
    """Who fired for each cue, in order of latency."""

    def __init__(self, number: int, k: int) -> None:
        self.place = np.full((number, k), -1, np.int64)
        self.support, self.latency = np.full((number, k), np.nan), np.full((number, k), np.nan)
        self.tied = np.zeros(number, np.bool_)
        self.theta, self.rate = np.full(number, np.nan), np.full(number, np.nan)
        self.fired = [np.zeros(0, np.int64)] * number

    def take(self, rows: np.ndarray, winners: Volleys, level: np.ndarray, dt: float) -> None:
        """Note the winners of some cues; cells of equal support in the order of their places."""
        order = np.lexsort((winners.place, winners.latency, winners.which))
        which = winners.which[order]
        rank = np.arange(which.size) - np.searchsorted(which, which)
        k = self.place.shape[1]
        self.tied[rows[which[rank >= k]]] = True
        fine = rank < k
        to = rows[which[fine]], rank[fine]
        self.place[to] = winners.place[order][fine]
        self.support[to] = level[order][fine]
        self.latency[to] = winners.latency[order][fine] * dt
        for row, places in zip(rows.tolist(), winners, strict=True):
            self.fired[row] = places


def _wake(projection: Projection, code: np.ndarray) -> None:
    """Give silent synapses between these pairs of uids (pre << 32 | post) their weight back."""
    edges = projection.edges()
    silent = (edges.weight == 0.0) & np.isin((edges.pre << 32) | edges.post, code)
    if silent.any():
        edges[silent].set_weight(projection.default_weight)


def _length(name: str, patterns: Sequence[Volleys]) -> int:
    lengths = {len(p) for p in patterns}
    if len(lengths) != 1:
        raise ParameterError(
            f"{name}: fields hold {', '.join(map(str, sorted(lengths)))} patterns; give as many of each"
        )
    return lengths.pop()


def _ragged(groups: Sequence[np.ndarray], n: int) -> Volleys:
    sizes = np.array([g.size for g in groups], np.int64)
    place = np.concatenate([np.zeros(0, np.int64), *(np.sort(g) for g in groups)])
    return Volleys(np.repeat(np.arange(len(groups)), sizes), place, len(groups), n)
