"""Layers of coincidence cells: volleys go in, the cells of the largest support fire first, an inhibitory cell ends the race.

Knows populations, projections and the clock of a network; no memory and no rule of storage.  A pattern is a set of cells
that fire together (a volley).  What volleys carry stands in spikes and synapses; Python only keeps a timetable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import floor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim import wiring
from neurosim.checks import check_count, check_not_negative, check_number, check_positive
from neurosim.errors import ParameterError
from neurosim.memory.racing import FLUSH, GO, JUDGE, Coincidence, Counter, NoisyCoincidence
from neurosim.neurons.sources import SpikeSource

if TYPE_CHECKING:
    from neurosim.network import Network

#: Steps from a winner's spike to the silence that its inhibitory cell imposes.
LOOP = 2
_SLACK = 1e-9
_PARTS = ("cue", "clock", "counter")


@dataclass(frozen=True)
class Volleys:
    """Sets of cells, one for each presentation: cell `place[j]` belongs to presentation `which[j]`.

    Attributes
    ----------
    which, place : int64 [spikes]
        Ascending by presentation, then by place.
    number, n : int
        Presentations, and cells of the layer.
    latency : float64 [spikes]
        ms from the read (0 for what was given).
    """

    which: np.ndarray
    place: np.ndarray
    number: int
    n: int
    latency: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def __len__(self) -> int:
        return self.number

    def __getitem__(self, m: int) -> np.ndarray:
        """Places of one presentation."""
        low, high = np.searchsorted(self.which, [m, m + 1])
        return np.asarray(self.place[low:high])

    def __iter__(self) -> Iterator[np.ndarray]:
        return iter(np.split(self.place, np.cumsum(self.sizes)[:-1]) if self.number else ())

    @property
    def sizes(self) -> np.ndarray:
        """Cells of each presentation, int64 [presentations]."""
        return np.bincount(self.which, minlength=self.number)

    def dense(self) -> np.ndarray:
        """The same as a bool array [presentations, n]."""
        mask = np.zeros((self.number, self.n), np.bool_)
        mask[self.which, self.place] = True
        return mask

    def take(self, rows: np.ndarray) -> Volleys:
        """Some presentations, in this order."""
        sizes = self.sizes[rows]
        start = np.searchsorted(self.which, rows)
        j = np.repeat(start - np.cumsum(sizes) + sizes, sizes) + np.arange(sizes.sum())
        latency = self.latency[j] if self.latency.size else self.latency
        return Volleys(np.repeat(np.arange(rows.size), sizes), self.place[j], rows.size, self.n, latency)


def volleys(name: str, patterns: Volleys | ArrayLike | Sequence[ArrayLike], n: int) -> Volleys:
    """Patterns as a user gives them: bool [presentations, n], places [presentations, k], or a list of lists of places."""
    if isinstance(patterns, Volleys):
        if patterns.n != n:
            raise ParameterError(f"{name}: patterns of a layer of {patterns.n} cells, but this one has {n}")
        return patterns
    if isinstance(patterns, list | tuple):
        rows = [np.asarray(p) for p in patterns]
        if len({(r.shape, r.dtype.kind) for r in rows}) == 1:
            return volleys(name, np.stack(rows), n)
        which = np.repeat(np.arange(len(rows)), [r.size for r in rows])
        place = np.concatenate([np.zeros(0, np.int64), *(r.ravel() for r in rows if r.size)])
        number = len(rows)
    else:
        table = np.atleast_2d(np.asarray(patterns))
        number = len(table)
        if table.dtype == np.bool_:
            if table.shape[1] != n:
                raise ParameterError(f"{name}: a mask needs {n} columns, one per cell, got {table.shape[1]}")
            which, place = np.nonzero(table)
        else:
            which, place = np.repeat(np.arange(number), table.shape[1]), table.ravel()
    if place.size and not np.issubdtype(place.dtype, np.integer):
        raise ParameterError(f"{name}: needs a bool mask [patterns, {n}] or places (whole numbers), got {place.dtype}")
    place = place.astype(np.int64)
    if place.size and (place.min() < 0 or place.max() >= n):
        bad = place[(place < 0) | (place >= n)][0]
        raise ParameterError(f"{name}: places are 0 ... {n - 1}, got {bad}")
    order = np.lexsort((place, which))
    which, place = which[order], place[order]
    if ((which[1:] == which[:-1]) & (place[1:] == place[:-1])).any():
        raise ParameterError(f"{name}: a pattern names a cell twice; np.unique(places) names each once")
    return Volleys(which, place, number, n)


class Layer:
    """A population of coincidence cells with what it needs to hold a race: cue fibres, pacemakers, an inhibitory counter.

    The cells of largest support fire first; when `k` have fired the counter silences the rest, before cells of the next
    lower support can fire.  Cells of equal support fire together, so a few more than `k` may win; `noise` breaks ties.

    Parameters
    ----------
    net : Network
    name : str
        Name of the cells; the other populations are `name`.cue, `name`.clock and `name`.counter.
    n : int
        Cells.
    k : int
        Winners.
    region : str, optional
        Label of the populations.
    rise : float
        How far the threshold falls at a time: 1 for synapses of weight 1, less where supports are no whole numbers.
    noise : float
        Width of what is added to each support in each race (uniform); below 1 it breaks ties only.
    model : neuron model, optional
        Of cells that do more than these, with at least their receptors; it then says itself what rise and noise are.

    Attributes
    ----------
    cells, cue, clock, counter : Population
    uid : int64 [n]
        Uids of the cells: place i is neuron uid[i], also when others have been removed.

    Examples
    --------
    >>> import numpy as np
    >>> import neurosim as ns
    >>> from neurosim.memory.layer import Layer, Timetable
    >>> net = ns.Network(dt=1.0)
    >>> layer = Layer(net, "ca3", 8, 2)
    >>> table = Timetable(net)
    >>> table.cue(layer, np.array([0, 4]), [[1, 2], [5, 7]])
    >>> table.run(8)[layer].place.tolist()
    [1, 2, 5, 7]
    """

    def __init__(
        self, net: Network, name: str, n: int, k: int, *, region: str | None = None, rise: float = 1.0, noise: float = 0.0,
        model: Any = None,
    ) -> None:  # fmt: skip
        self.net, self.name = net, name
        n = check_count(f"Layer({name!r}).n", n, least=1)
        self._k = check_count(f"Layer({name!r}).k", k, least=1)
        if self._k > n:
            raise ParameterError(f"Layer({name!r}).k: at most n = {n} cells can win, got {k}")
        options: dict[str, Any] = {
            "ceiling": float(k), "rise": check_positive(f"Layer({name!r}).rise", rise), "hold": LOOP * net.dt,
        }  # fmt: skip
        noise = check_not_negative(f"Layer({name!r}).noise", noise)
        if model is None:
            model = NoisyCoincidence(noise=noise, **options) if noise else Coincidence(**options)
        dt = net.dt
        self.cells = net.add_population(name, model, n, region)
        self.cue = net.add_population(f"{name}.cue", SpikeSource(), n, region)
        self.clock = net.add_population(f"{name}.clock", SpikeSource(), 3, region)
        self.counter = net.add_population(f"{name}.counter", Counter(quorum=float(k)), 1, region)
        self.uid = self.cells.uid
        every = wiring.all_to_all()
        pace = np.repeat([FLUSH, GO, JUDGE], n)
        self._wires = [
            net.connect(self.cue, self.cells, wiring.one_to_one(), delay=dt, receptor="detonate"),
            net.connect(self.clock, self.cells, every, weight=pace, delay=dt, receptor="go"),
            net.connect(self.cells, self.counter, every, delay=dt, receptor="heard"),
            net.connect(self.counter, self.cells, every, weight=-1.0, delay=dt, receptor="stop"),
            net.connect(self.clock, self.counter, every, delay=dt, receptor="go"),
        ]

    @classmethod
    def attach(cls, net: Network, name: str, uid: np.ndarray | None = None) -> Layer:
        """The layer of this name in a network that was loaded.

        Parameters
        ----------
        uid : int64 [n], optional
            `uid` of the layer when it was saved, if cells had died.
        """
        layer = cls.__new__(cls)
        layer.net, layer.name = net, name
        missing = [one for one in (name, *(f"{name}.{part}" for part in _PARTS)) if one not in net.populations]
        if missing:
            raise ParameterError(
                f"Layer.attach({name!r}): the network has no population {missing[0]!r}; Layer(net, {name!r}, n, k) makes one"
            )
        layer.cells = net.populations[name]
        layer.cue, layer.clock, layer.counter = (net.populations[f"{name}.{part}"] for part in _PARTS)
        layer._k = int(layer.counter.quorum[0])
        layer.uid = layer.cells.uid if uid is None else np.array(uid, np.int64)
        ends = [("cue", ""), ("clock", ""), ("", "counter"), ("counter", ""), ("clock", "counter")]
        full = [[f"{name}.{part}" if part else name for part in pair] for pair in ends]
        layer._wires = [net.projections[f"{pre}->{post}"] for pre, post in full]
        return layer

    @property
    def k(self) -> int:
        """How many cells win; settable: the strength of the inhibition."""
        return self._k

    @k.setter
    def k(self, value: int) -> None:
        self._k = check_count(f"{self.name}.k", value, least=1)
        self.counter.quorum = float(self._k)

    @property
    def n(self) -> int:
        """Cells, those that have died included."""
        return int(self.uid.size)

    @property
    def rise(self) -> float:
        """How far the threshold falls at a time."""
        return self._of("rise", 1.0)

    def _of(self, name: str, otherwise: float) -> float:
        """A parameter that all cells share; something else where all have died."""
        values = getattr(self.cells, name)
        return float(values[0]) if values.size else otherwise

    def tune(self, *, ceiling: float | None = None, theta: float | None = None, least: float | None = None) -> None:
        """Set where the threshold begins, and the support below which no cell answers when judged, or at all."""
        for name, value in (("ceiling", ceiling), ("theta", theta), ("least", least)):
            if value is not None:
                number = check_number(f"{self.name}.{name}", value)
                if self._of(name, number) != number:
                    setattr(self.cells, name, number)

    def race_steps(self, bar: float) -> int:
        """Steps that the threshold takes from the ceiling to `bar`."""
        levels = floor((self._of("ceiling", bar) - bar) / self.rise + _SLACK) + 1
        return LOOP * max(1, levels)

    def level(self, latency: np.ndarray) -> np.ndarray:
        """Where the threshold stood `latency` steps after a read: the support of a cell that fired then, rounded down."""
        return np.asarray(self._of("ceiling", 0.0) - self.rise * (latency // LOOP), np.float64)

    def grow(self, n: int) -> np.ndarray:
        """Add `n` cells with their cue fibres; return their places."""
        old = self.n
        cells = self.cells.add(check_count(f"{self.name}.grow(n)", n, least=1)).uid
        fibres = self.cue.add(n).uid
        cue, pace, heard, stop, _ = self._wires
        cue.insert(fibres, cells)
        for clock, weight in zip(self.clock.uid, (FLUSH, GO, JUDGE), strict=True):
            pace.insert(np.full(n, clock), cells, weight=weight)
        heard.insert(cells, self.counter.uid)
        stop.insert(self.counter.uid, cells)
        self.uid = np.concatenate([self.uid, cells])
        return np.arange(old, old + n)

    def __repr__(self) -> str:
        return f"Layer({self.name!r}: {self.n} cells, {self.k} win)"


@dataclass(frozen=True)
class Spikes:
    """What a layer did in one run: steps since its begin and places of the cells, in order; and the counter's steps."""

    step: np.ndarray
    place: np.ndarray
    counter: np.ndarray

    def winners(self, read: np.ndarray, steps: int, n: int, dt: float) -> Volleys:
        """Cells that fired in the `steps` steps from each read on (ascending steps, not overlapping)."""
        which = np.searchsorted(read, self.step, side="right") - 1
        late = self.step - read[np.maximum(which, 0)]
        fine = (which >= 0) & (late < steps)
        which, place, late = which[fine], self.place[fine], late[fine]
        order = np.lexsort((place, which))
        return Volleys(which[order], place[order], read.size, n, late[order] * dt)

    def quorum(self, read: np.ndarray, steps: int) -> np.ndarray:
        """Steps from each read to the spike of the counter, less its delay; -1 where it did not fire."""
        which = np.searchsorted(read, self.counter - 1, side="right") - 1
        late = self.counter - 1 - read[np.maximum(which, 0)]
        fine = (which >= 0) & (late < steps)
        first = np.full(read.size, -1)
        first[which[fine][::-1]] = late[fine][::-1]
        return first


class Timetable:
    """When cues and pacemakers of some layers fire in the next run.  Step 0 is the first in which a cell can fire.

    Parameters
    ----------
    net : Network
    """

    def __init__(self, net: Network) -> None:
        self.net = net
        self._cues: dict[Layer, list[tuple[np.ndarray, np.ndarray]]] = {}
        self._paces: dict[Layer, list[tuple[np.ndarray, np.ndarray]]] = {}

    def cue(self, layer: Layer, step: np.ndarray, patterns: Any) -> None:
        """Make the cells of pattern m fire together in step[m]."""
        shown = volleys(f"{layer.name}: patterns", patterns, layer.n)
        self._cues.setdefault(layer, []).append((np.asarray(step)[shown.which], shown.place))

    def flush(self, layer: Layer, step: ArrayLike) -> None:
        """Begin a new cycle in these steps: nothing gathered."""
        self._pace(layer, step, 0)

    def go(self, layer: Layer, step: ArrayLike, *, judge: bool = False) -> None:
        """Begin a race in these steps, down to `least`, or to `theta` if judged."""
        self._pace(layer, step, 2 if judge else 1)

    def _pace(self, layer: Layer, step: ArrayLike, who: int) -> None:
        at = np.atleast_1d(np.asarray(step, np.int64))
        self._paces.setdefault(layer, []).append((at, np.full(at.size, who)))

    def run(self, steps: int) -> dict[Layer, Spikes]:
        """Run the network for `steps` steps from step 0 on, and one before; return the spikes of each layer."""
        net = self.net
        base = net.step  # a source that fires in engine step base is heard one step later: that is step 0
        layers = list({**self._cues, **self._paces})
        for layer in layers:
            for population, events in ((layer.cue, self._cues), (layer.clock, self._paces)):
                population.play(_spikes(events.get(layer, []), base + 1, net.dt))
        heard = {layer: (net.record(layer.cells), net.record(layer.counter)) for layer in layers}
        net.run((steps + 1) * net.dt)
        spikes = {}
        for layer, (cells, counter) in heard.items():
            place = np.searchsorted(layer.uid, cells.uid)
            spikes[layer] = Spikes(cells.step - base - 2, place, counter.step - base - 2)
            for recorder in (cells, counter):
                net.remove(recorder)
            for population in (layer.cue, layer.clock):
                population.play(SpikeSource())
        return spikes


def _spikes(events: list[tuple[np.ndarray, np.ndarray]], base: int, dt: float) -> SpikeSource:
    """What a source has to play: who, at the end of step base + step; a neuron that is asked twice in a step fires once."""
    if not events:
        return SpikeSource()
    step, who = (np.concatenate(part) for part in zip(*events, strict=True))
    n = int(who.max(initial=0)) + 1
    step, who = np.divmod(np.unique(step * n + who), n)
    return SpikeSource(who, (base + step) * dt)
