"""Sequences stored in one presentation as chains of cells, predicted from what came before, and replayed in compressed time.

Knows layers, the projection between their cells and the timetable.  What follows what stands in synapses alone; the ledger names
the cells of each stored sequence, is read only to find free cells and to delete, and never answers a cue.

Hawkins & Ahmad (2016) Front. Neural Circuits 10:23; Bouhadjar, Wouters, Diesmann & Tetzlaff (2022) PLoS Comput. Biol. 18:e1010233.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim import wiring
from neurosim.checks import check_count, check_positive, check_probability, did_you_mean
from neurosim.errors import ParameterError
from neurosim.kernels.rng import stream_key
from neurosim.memory.associative import Freed, empty_projection
from neurosim.memory.failures import CapacityFull, IncompatibleSnapshot
from neurosim.memory.layer import LOOP, Layer, Spikes, Timetable, Volleys

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.projection import Projection


@dataclass(frozen=True)
class Prediction:
    """What a prefix made the cells expect.

    Attributes
    ----------
    status : {"ok", "ambiguous", "no_prediction"}
        One element, several, or none.
    elements : tuple
        Elements of which at least the share `theta` of a pattern fired without input, the most cells first.
    share : float64 [elements]
        Cells of each that fired, in parts of a pattern: above 1 where several occurrences of an element are expected.
    cells : int64
        Places of all that fired.
    expected : bool [prefix]
        Whether each element of the prefix had been expected: primed cells fired, before the rest of the column could.
    latency : float
        ms from the read to the first spike; inf without one.
    """

    status: str
    elements: tuple[Hashable, ...]
    share: np.ndarray
    cells: np.ndarray
    expected: np.ndarray
    latency: float


@dataclass(frozen=True)
class Replay:
    """What a cue played.

    Attributes
    ----------
    status : {"ok", "ambiguous", "no_prediction"}
        "ambiguous" where in some step several elements fired.
    steps : tuple of tuple
        Elements that fired in each step after the cue, the most cells first.
    share : tuple of float64 array
        Cells of each that fired, in parts of a pattern.
    latency : float64 [steps]
        ms from the volley before to the first spike of each step.
    interval : float
        ms between elements as they are presented.
    cells : Volleys
        Who fired in each step.
    """

    status: str
    steps: tuple[tuple[Hashable, ...], ...]
    share: tuple[np.ndarray, ...]
    latency: np.ndarray
    interval: float
    cells: Volleys

    @property
    def elements(self) -> tuple[Hashable, ...]:
        """The element of each step; of several the one with most cells."""
        return tuple(step[0] for step in self.steps)

    @property
    def compression(self) -> float:
        """Presentation interval over the mean time between volleys of the replay, the cue aside; nan with less than two."""
        return float(self.interval / self.latency[1:].mean()) if self.latency.size > 1 else float("nan")


class SequenceMemory:
    """Sequences of elements, where an element that occurs several times has other cells each time.

    Each element has a column of cells, all of which hear its input.  An occurrence of an element in a stored sequence has `k`
    cells of the column to itself, and one-shot synapses go from the cells of an occurrence to those of the next.  A volley of
    the one primes the other: when the element comes, primed cells have more support than the rest of the column, fire first,
    and an inhibitory cell ends the race.  Where nothing is primed all cells of a column fire together, and prime whatever
    followed the element anywhere: without context the memory expects everything it knows, and says so.  Primed cells that
    get a pacemaker's read instead of an element fire nonetheless: that is the prediction, and, read after read, the replay.

    Parameters
    ----------
    net : Network
    elements : iterable of hashable
        Labels of the elements, each once; "ABCDE" or range(100).
    cells : int
        Cells of a column; it has room for ``cells // k`` occurrences of its element.
    k : int
        Cells of an occurrence.
    interval : float
        ms between elements as `store` presents them (a theta cycle).
    theta : float
        Share of `k` whose support makes a primed cell fire in prediction and replay.
    name, region : str
        Name of the cells; "`name`.elements" are the input cells, one for each element.

    Attributes
    ----------
    layer, inputs : Layer
        Cells of all columns, element after element; input cells.
    links, drive : Projection
        Within the layer: the sequences; from an input cell to its column.
    elements : tuple

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.sequences import SequenceMemory
    >>> memory = SequenceMemory(ns.Network(dt=1.0), "ABCDEFGH")
    >>> memory.store(["ABCDE", "FBCGH"])
    array([0, 1])
    >>> memory.predict(["ABC"])[0].elements, memory.predict(["FBC"])[0].elements, memory.predict(["BC"])[0].elements
    (('D',), ('G',), ('D', 'G'))
    >>> memory.replay("A").elements
    ('B', 'C', 'D', 'E')
    """

    def __init__(
        self, net: Network, elements: Iterable[Hashable], *, cells: int = 100, k: int = 10, interval: float = 100.0,
        theta: float = 0.6, name: str = "sequence", region: str | None = None,
    ) -> None:  # fmt: skip
        self.net, self.name = net, name
        what = f"SequenceMemory({name!r})"
        cells, k = check_count(f"{what}.cells", cells, least=1), check_count(f"{what}.k", k, least=1)
        if k > cells:
            raise ParameterError(f"{what}.k: an occurrence has at most the {cells} cells of a column, got {k}")
        self._label(elements)
        self.interval = check_positive(f"{what}.interval", interval, "ms")
        self.theta = check_positive(f"{what}.theta", check_probability(f"{what}.theta", theta))
        self.layer = Layer(net, name, len(self.elements) * cells, k, region=region)
        self.inputs = Layer(net, f"{name}.elements", len(self.elements), 1, region=region)
        pre = np.repeat(np.arange(len(self.elements)), cells)
        fibres = wiring.from_edges((pre, np.arange(pre.size)))
        self.drive: Projection = net.connect(
            self.inputs.cells, self.layer.cells, fibres, weight=k + 1.0, delay=net.dt, receptor="support", name=f"{name}.drive"
        )  # fmt: skip
        self.links = empty_projection(net, self.layer, self.layer, net.dt, f"{name}.links")
        self._begin()
        if self._steps(self.interval) < self._shown + 1:
            raise ParameterError(
                f"{what}.interval: a race takes {self._shown} steps of {net.dt:g} ms, got {interval:g} ms; "
                f"interval={self._shown * net.dt + 10:g} is long enough"
            )

    def _label(self, elements: Iterable[Hashable]) -> None:
        self.elements = tuple(elements)
        self._number = {one: i for i, one in enumerate(self.elements)}
        if not self.elements or len(self._number) < len(self.elements):
            raise ParameterError(
                f"SequenceMemory(elements): needs labels, each once, got {self.elements!r}; sorted(set(labels)) names each once"
            )

    def _begin(self) -> None:
        """What is not in the network."""
        self._ledger: dict[int, tuple[np.ndarray, list[np.ndarray]]] = {}
        self._next = 0
        edges = self.drive.edges()
        self.column = np.zeros(self.layer.n, np.int64)
        self.column[np.searchsorted(self.layer.uid, edges.post)] = np.searchsorted(self.inputs.uid, edges.pre)

    @classmethod
    def attach(
        cls, net: Network, elements: Iterable[Hashable], *, name: str = "sequence", arrays: Mapping[str, np.ndarray]
    ) -> SequenceMemory:
        """The memory of this name in a network that was loaded, with what `arrays` gave when it was saved."""
        memory = cls.__new__(cls)
        memory.net, memory.name = net, name
        memory._label(elements)
        memory.layer = Layer.attach(net, name, arrays["uid"])
        memory.inputs = Layer.attach(net, f"{name}.elements", arrays["input_uid"])
        memory.drive, memory.links = net.projections[f"{name}.drive"], net.projections[f"{name}.links"]
        memory._begin()
        memory.set_arrays(arrays)
        return memory

    # ---- how full ---------------------------------------------------------------------------------------------------

    @property
    def k(self) -> int:
        """Cells of an occurrence."""
        return self.layer.k

    @property
    def ids(self) -> np.ndarray:
        """Numbers of the stored sequences, int64, ascending."""
        return np.array(sorted(self._ledger), np.int64)

    def __len__(self) -> int:
        return len(self._ledger)

    @property
    def fill(self) -> float:
        """Share of the cells that belong to an occurrence."""
        return float(self._taken().mean())

    @property
    def nbytes(self) -> int:
        """Bytes of the ledger; those of the synapses are in `net.estimate`."""
        return sum(a.nbytes + sum(c.nbytes for c in cells) for a, cells in self._ledger.values())

    def free(self, element: Hashable) -> int:
        """Occurrences of an element for which there are still cells."""
        return int(self._room(self._places([element])[0]).size // self.k)

    def _taken(self) -> np.ndarray:
        taken = np.zeros(self.layer.n, np.bool_)
        for _, cells in self._ledger.values():
            for one in cells:
                taken[one] = True
        return taken

    def _room(self, element: int, taken: np.ndarray | None = None) -> np.ndarray:
        """Places of the living cells of a column that belong to no occurrence."""
        alive = np.isin(self.layer.uid, self.layer.cells.uid)
        return np.flatnonzero((self.column == element) & alive & ~(self._taken() if taken is None else taken))

    def _places(self, sequence: Sequence[Hashable] | Iterable[Hashable]) -> np.ndarray:
        """Numbers of elements."""
        given = list(sequence)
        for one in given:
            if one not in self._number:
                known = [str(e) for e in self.elements]
                raise ParameterError(
                    f"{self.name}: no element {one!r}; known: {', '.join(known[:20])}{' ...' if len(known) > 20 else ''}."
                    f"{did_you_mean(str(one), known)}"
                )
        return np.array([self._number[one] for one in given], np.int64)

    def grow(self, element: Hashable, cells: int) -> None:
        """Add cells to the column of an element."""
        number = int(self._places([element])[0])
        places = self.layer.grow(check_count(f"{self.name}.grow(cells)", cells, least=1))
        uid = self.layer.uid[places]
        self.drive.insert(np.full(uid.size, self.inputs.uid[number]), uid, weight=self.k + 1.0)
        self.column = np.concatenate([self.column, np.full(uid.size, number)])

    # ---- storing and forgetting -------------------------------------------------------------------------------------

    def store(self, sequences: Sequence[Sequence[Hashable]]) -> np.ndarray:
        """Present sequences once, element by element; cells of an element get synapses onto those that fire at the next one.

        Parameters
        ----------
        sequences : list of sequences of elements
            Each of at least two.

        Returns
        -------
        int64 [sequences]
            Numbers by which they can be forgotten.

        Raises
        ------
        CapacityFull
            If a column has too few free cells; nothing is stored then.
        """
        if isinstance(sequences, str):
            raise ParameterError(
                f"{self.name}.store: needs a list of sequences, got {sequences!r}; store([{sequences!r}])"
            )
        given = [self._places(one) for one in sequences]
        short = [one for one in given if one.size < 2]
        if short:
            raise ParameterError(
                f"{self.name}.store: a sequence needs two elements at least, got one of {short[0].size}"
            )
        cells = self._allocate(given)
        ids = np.arange(self._next, self._next + len(given))
        if not given:
            return ids
        fired = iter(self._present(given, cells))
        for number, elements in zip(ids.tolist(), given, strict=True):
            mine = [next(fired) for _ in elements]
            for a, b in zip(mine[:-1], mine[1:], strict=True):
                pre, post = np.repeat(a, b.size), np.tile(b, a.size)
                self.links.insert(self.layer.uid[pre], self.layer.uid[post], rule="one-shot growth")
            self._ledger[number] = elements, [one.astype(np.uint32) for one in mine]
        self._next += ids.size
        return ids

    def _allocate(self, given: list[np.ndarray]) -> list[np.ndarray]:
        """Free cells for each occurrence, drawn by the seed."""
        taken, out = self._taken(), []
        key = int(stream_key(self.net.seed, "sequence", self.name, self._next))
        rng = np.random.Generator(np.random.Philox(key=key))
        for element in np.concatenate([np.zeros(0, np.int64), *given]).tolist():
            room = self._room(element, taken)
            if room.size < self.k:
                need = sum(int((one == element).sum()) for one in given)
                label = self.elements[element]
                raise CapacityFull(
                    f"{self.name}.store: {label!r} occurs {need} times more, but its column has cells for {self.free(label)}; nothing was "
                    f"stored. Forget some (memory.forget(memory.ids[:1])) or memory.grow({label!r}, {self.k * need})",
                    fill=self.fill, max_fill=1.0,
                )  # fmt: skip
            out.append(np.sort(rng.choice(room, self.k, replace=False)))
            taken[out[-1]] = True
        return out

    def _present(self, given: list[np.ndarray], cells: list[np.ndarray]) -> Volleys:
        """Let the occurrences fire, with their elements' input cells, one every `interval`; who fired."""
        table, every = Timetable(self.net), self._steps(self.interval)
        at = every * np.arange(len(cells))
        table.cue(self.inputs, at, np.concatenate(given)[:, None])
        table.cue(self.layer, at + 1, cells)
        table.flush(self.layer, at + 3)  # nothing stays primed from one sequence to the next
        spikes = table.run(int(every * len(cells)))[self.layer]
        return spikes.winners(at + 1, 1, self.layer.n, self.net.dt)

    def forget(self, ids: ArrayLike) -> Freed:
        """Remove the synapses of these sequences, and give their cells and memory back.

        Parameters
        ----------
        ids : int or array of int
            As `store` gave them.
        """
        wanted = np.unique(np.atleast_1d(np.asarray(ids)))
        unknown = [one for one in wanted.tolist() if one not in self._ledger]
        if unknown:
            raise ParameterError(
                f"{self.name}.forget: no sequence of number {unknown[0]!r} is stored; memory.ids lists what is"
            )
        mine = np.concatenate([np.zeros(0, np.uint32), *(c for one in wanted.tolist() for c in self._ledger[one][1])])
        self.net.compact()
        before = self.net.estimate()["bytes"]
        edges = self.links.edges()
        gone = np.isin(edges.pre, self.layer.uid[mine])  # an occurrence has cells of its own, and so has its synapses
        if gone.any():
            edges[gone].remove(rule="forgetting")
        for one in wanted.tolist():
            del self._ledger[one]
        self.net.compact()
        return Freed(int(gone.sum()), 0, int(before - self.net.estimate()["bytes"]))

    def occurrences(self) -> list[np.ndarray]:
        """Places (int64) of the cells of each element of each stored sequence, in the order in which they were stored."""
        return [one.astype(np.int64) for number in self.ids.tolist() for one in self._ledger[number][1]]

    # ---- predicting and replaying -----------------------------------------------------------------------------------

    def predict(self, prefixes: Sequence[Sequence[Hashable]]) -> list[Prediction]:
        """Present prefixes, each from nothing, and read which cells fire next without input; all in one run.

        Parameters
        ----------
        prefixes : list of sequences of elements
        """
        if isinstance(prefixes, str):
            raise ParameterError(
                f"{self.name}.predict: needs a list of prefixes, got {prefixes!r}; predict([{prefixes!r}])"
            )
        given = [self._places(one) for one in prefixes]
        empty = [i for i, one in enumerate(given) if not one.size]
        if empty:
            raise ParameterError(f"{self.name}.predict: prefix {empty[0]} is empty; needs one element at least")
        self._tune(self._top)
        table, read = Timetable(self.net), self.layer.race_steps(self._bar)
        begin, t = [], 0
        for one in given:
            begin.append(self._show(table, t, one))
            t = int(begin[-1][-1]) + self._shown + read + 2
        reads = np.array([int(b[-1]) + self._shown + 1 for b in begin], np.int64)
        table.go(self.layer, reads)
        spikes = table.run(t)[self.layer]
        found = spikes.winners(reads, read, self.layer.n, self.net.dt)
        seen = spikes.winners(np.concatenate([np.zeros(0, np.int64), *begin]), self._shown, self.layer.n, self.net.dt)
        early = seen.latency <= LOOP * (self.k - self._bar) * self.net.dt
        expected = np.bincount(seen.which[early], minlength=len(seen)) > 0
        parts = np.split(expected, np.cumsum([one.size for one in given])[:-1])
        return [self._told(found.take(np.array([i])), parts[i]) for i in range(len(given))]

    def _told(self, found: Volleys, expected: np.ndarray) -> Prediction:
        elements, share = self._decoded(found.place)
        status = ("no_prediction", "ok")[len(elements)] if len(elements) < 2 else "ambiguous"
        return Prediction(status, elements, share, found.place, expected, float(found.latency.min(initial=np.inf)))

    def replay(self, cue: Sequence[Hashable] = (), *, sequence: int | None = None, compression: float = 8.0, most: int = 20) -> Replay:  # fmt: skip
        """Present a cue, then let the chain run by itself, a read of the pacemaker for each step.

        Parameters
        ----------
        cue : sequence of elements
            One is often enough; several, where the first occurs in more than one sequence.
        sequence : int, optional
            Or the number of a stored sequence, whose first cells fire.
        compression : float
            Presentation interval over the time between two reads.
        most : int
            Steps at most; the replay ends by itself where nothing is primed.
        """
        every = self._pace(compression)
        most = check_count(f"{self.name}.replay(most)", most, least=1)
        cells = self._places(cue)
        if (sequence is None) == (cells.size == 0):
            raise ParameterError(
                f"{self.name}.replay: needs a cue or the number of a sequence: replay('A') or replay(sequence=0)"
            )
        before = self._cue(cells) if sequence is None else self._cue_of(sequence)
        self._tune(float(self.k))
        table, at = Timetable(self.net), every * np.arange(most)
        table.go(self.layer, at)
        return self._played(table.run(every * most)[self.layer], at, before)

    def _cue(self, cells: np.ndarray) -> int:
        """Present a cue; step of its last volley, counted from the first read of the replay."""
        self._tune(self._top)
        table = Timetable(self.net)
        begin, race = self._show(table, 0, cells), self._shown
        steps = int(begin[-1]) + race
        last = table.run(steps)[self.layer].winners(begin[-1:], race, self.layer.n, 1.0)
        return int(begin[-1] + (last.latency.min() if last.place.size else 0.0)) - steps - 1

    def _cue_of(self, sequence: int) -> int:
        """Let the first cells of a stored sequence fire; as `_cue`."""
        if sequence not in self._ledger:
            raise ParameterError(
                f"{self.name}.replay(sequence): no number {sequence!r}; memory.ids lists what is stored"
            )
        table = Timetable(self.net)
        table.flush(self.layer, 0)
        table.cue(self.layer, np.array([1]), self._ledger[sequence][1][0][None])
        table.run(1)
        return -1

    def _played(self, spikes: Spikes, at: np.ndarray, before: int) -> Replay:
        """Decode the steps up to the first in which nobody fired."""
        race = self.layer.race_steps(self._bar)
        found, dt = spikes.winners(at, race, self.layer.n, self.net.dt), self.net.dt
        ends = np.append(np.flatnonzero(found.sizes == 0), len(found))[0]
        found = found.take(np.arange(ends))
        told = [self._decoded(cells) for cells in found]
        first = np.array([at[i] * dt + found.latency[found.which == i].min() for i in range(ends)])
        latency = np.diff(np.concatenate([[before * dt], first]))
        steps, share = tuple(one[0] for one in told), tuple(one[1] for one in told)
        status = "no_prediction" if not ends else ("ambiguous" if any(len(one) > 1 for one in steps) else "ok")
        return Replay(status, steps, share, latency, self.interval, found)

    def _decoded(self, cells: np.ndarray) -> tuple[tuple[Hashable, ...], np.ndarray]:
        """Elements in whose columns at least `theta` of a pattern fired."""
        count = np.bincount(self.column[cells], minlength=len(self.elements))
        order = np.argsort(-count, kind="stable")
        order = order[count[order] >= self._bar]
        return tuple(self.elements[i] for i in order), count[order] / self.k

    # ---- races ------------------------------------------------------------------------------------------------------

    @property
    def _top(self) -> float:
        """Support of a primed cell when its element comes."""
        return 2.0 * self.k + 1.0

    @property
    def _bar(self) -> float:
        """Support with which a primed cell fires without input."""
        return float(max(1, np.ceil(self.theta * self.k - 1e-9)))

    @property
    def _shown(self) -> int:
        """Steps of a race of a presented element: from `_top` to the support of the input alone."""
        return LOOP * (self.k + 1)

    def _steps(self, ms: float) -> int:
        return max(1, round(ms / self.net.dt))

    def _tune(self, top: float) -> None:
        self.layer.tune(ceiling=top, theta=min(self.k + 1.0, top), least=self._bar)

    def _show(self, table: Timetable, start: int, elements: np.ndarray) -> np.ndarray:
        """Present elements from a step on, as fast as their races allow; the steps of the reads."""
        read = start + 2 + (self._shown + 1) * np.arange(elements.size)
        table.flush(self.layer, start)
        table.cue(self.inputs, read - 1, elements[:, None])
        table.go(self.layer, read, judge=True)
        return np.asarray(read, np.int64)

    def _pace(self, compression: float) -> int:
        compression = check_positive(f"{self.name}.replay(compression)", compression)
        least = LOOP * (self.k - int(self._bar) + 1) + 1
        every = self._steps(self.interval / compression)
        if every < least:
            most = self.interval / (least * self.net.dt)
            raise ParameterError(
                f"{self.name}.replay(compression): a step takes {least * self.net.dt:g} ms at least, so at most {most:.3g}, got {compression:g}"
            )
        return every

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What Python knows beside the network, as arrays."""
        cells = [one for k in self.ids.tolist() for one in self._ledger[k][1]]
        elements = [self._ledger[k][0] for k in self.ids.tolist()]
        return {
            "uid": self.layer.uid, "input_uid": self.inputs.uid, "ids": self.ids,
            "shape": np.array([len(self.elements), self.k, self._next]), "settings": np.array([self.interval, self.theta]),
            "lengths": np.array([one.size for one in elements], np.int64),
            "elements": np.concatenate([np.zeros(0, np.int64), *elements]),
            "sizes": np.array([one.size for one in cells], np.int64), "cells": np.concatenate([np.zeros(0, np.uint32), *cells]),
        }  # fmt: skip

    def set_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what `arrays` gave; the synapses come with the network."""
        number, k, following = arrays["shape"].tolist()
        if (number, k) != (len(self.elements), self.k):
            raise IncompatibleSnapshot(
                f"{self.name}: saved with {number} elements and {k} cells of an occurrence, this one has {len(self.elements)} and {self.k}"
            )
        self._next, (self.interval, self.theta) = following, arrays["settings"].tolist()
        cells = iter(np.split(arrays["cells"], np.cumsum(arrays["sizes"])[:-1]))
        elements = np.split(arrays["elements"], np.cumsum(arrays["lengths"])[:-1])
        self._ledger = {
            key: (np.array(one), [np.array(next(cells)) for _ in one])
            for key, one in zip(arrays["ids"].tolist(), elements, strict=False)
        }

    def __repr__(self) -> str:
        return (
            f"SequenceMemory({self.name!r}: {len(self)} sequences of {len(self.elements)} elements in {len(self.links):,} synapses, "
            f"fill {self.fill:.2f})"
        )
