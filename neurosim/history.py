"""The history of the graph: every birth and death of a synapse or neuron, as data, and every graph that there was.

The schema is fixed: one row an event, columns `step, kind, rule, projection, pre, post, weight, delay`.  The wiring that
`connect` makes is not in it, only a note when it was made: it is what is there now, less what was born, plus what died.
Knows arrays and files; of the network it knows a function that lists the present synapses.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neurosim.checks import check_count, check_number, did_you_mean
from neurosim.errors import ParameterError, SaveError
from neurosim.lifetimes import LONG_AGO, NEVER, Lifetimes, Members, PastGraph, Rows, matched, names_at

if TYPE_CHECKING:
    import networkx
    import pandas

SYNAPSE_BORN, SYNAPSE_DIED, NEURON_BORN, NEURON_DIED = 1, -1, 2, -2
COLUMNS = {
    "step": np.int64, "kind": np.int8, "rule": np.int32, "projection": np.int32, "pre": np.int64, "post": np.int64,
    "weight": np.float64, "delay": np.float64,
}  # fmt: skip
RECORD = np.dtype(list(COLUMNS.items()))
FORMAT, INDEX = 1, "index.json"

# Step of the network, and (projection, pre, post, weight, delay in ms) of each projection now.
Present = tuple[int, list[tuple[str, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]]


class Wiring(NamedTuple):
    """A projection was made: its populations, the synapses it began with, the step, and the events before it."""

    name: str
    source: str
    target: str
    synapses: int
    step: int
    events: int


class Segment(NamedTuple):
    """A part of the history on disk: file, events, and steps to add (the clock has been put back since)."""

    path: str
    n: int
    shift: int


class Changes(NamedTuple):
    """Synapses born or died in a span of time: one entry each.  Projections and rules are names, times ms."""

    t: np.ndarray
    rule: np.ndarray
    projection: np.ndarray
    pre: np.ndarray
    post: np.ndarray
    weight: np.ndarray
    delay: np.ndarray


class BornAndDied(NamedTuple):
    """What `History.born_and_died` gives."""

    born: Changes
    died: Changes


class History:
    """Births and deaths in the order in which they happened.

    Times are those of the network's clock.  `Network.reset` puts it back: what happened before then has steps before the
    first one, and so that the two can be told apart the reset counts as one step more.
    Parallel synapses of a pair cannot be told apart: the oldest is taken to die first.

    Attributes
    ----------
    step : int64 [events]
        Step of the network; time is `t`, in ms.
    kind : int8 [events]
        1 a synapse was born, -1 it died, 2 a neuron was born, -2 it died.
    rule, projection : int32 [events]
        Places in `rules` and `projections`; projection is -1 for neurons.
    pre, post : int64 [events]
        Uids; post is -1 for neurons.
    weight, delay : float64 [events]
        At birth or at death; delay in ms.
    wirings : list of Wiring
        The projections that `connect` made.
    began : int
        Step to which the last reset put the clock back; far in the past if there was none.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> a = net.add_population("a", ns.LIF(), 3)
    >>> aa = net.connect(a, a, [(0, 1)])
    >>> net.run(10.0)
    >>> aa.insert(1, 2), aa.remove(pre=0)
    (1, 1)
    >>> graph = net.history.graph_at(5.0)
    >>> graph.pre.tolist(), graph.post.tolist()
    ([0], [1])
    """

    def __init__(self, dt: float) -> None:
        self.dt = dt
        self.present: Callable[[], Present] | None = None
        self.wirings: list[Wiring] = []
        self.began = int(LONG_AGO)
        self._neurons: list[tuple[int, int, str, str]] = []  # first uid, number, population, region
        self._name([], [])
        self._hold({name: np.zeros(0, dtype) for name, dtype in COLUMNS.items()}, [])
        self._folder: Path | None = None
        self._most = 0

    def _name(self, rules: list[str], projections: list[str]) -> None:
        self.rules, self.projections = list(rules), list(projections)
        self._rule_number = {name: k for k, name in enumerate(self.rules)}
        self._projection_number = {name: k for k, name in enumerate(self.projections)}

    def _hold(self, tail: dict[str, np.ndarray], segments: list[Segment]) -> None:
        """Take these events, and count them."""
        self._tail, self._n = {name: np.array(tail[name], dtype) for name, dtype in COLUMNS.items()}, tail["step"].size
        self._room = self._n
        self._segments = list(segments)
        self.born = self.died = 0
        self._counts: dict[int, list[int]] = {}
        for part in self._parts("kind", "projection"):
            for number in np.unique(part["projection"]).tolist():
                kind = part["kind"][part["projection"] == number]
                self._count(number, int((kind == SYNAPSE_BORN).sum()), int((kind == SYNAPSE_DIED).sum()))

    def _count(self, projection: int, born: int, died: int) -> None:
        count = self._counts.setdefault(projection, [0, 0])
        count[0] += born
        count[1] += died
        self.born += born
        self.died += died

    # ---- writing ----------------------------------------------------------------------------------------------------

    def add(
        self, step: int, kind: int, rule: str, projection: str, pre: np.ndarray, post: np.ndarray,
        weight: np.ndarray | float = 0.0, delay: np.ndarray | float = 0.0,
    ) -> None:  # fmt: skip
        """Append events of one kind and cause at one step."""
        n = pre.size
        if n == 0:
            return
        r = _number(self._rule_number, self.rules, rule)
        p = _number(self._projection_number, self.projections, projection) if projection else -1
        first, last = self._n, self._n + n
        if last > self._room:
            self._make_room(last)
        tail = self._tail
        for name, value in zip(COLUMNS, (step, kind, r, p, pre, post, weight, delay), strict=True):
            tail[name][first:last] = value
        self._n = last
        self._count(p, n if kind == SYNAPSE_BORN else 0, n if kind == SYNAPSE_DIED else 0)
        if self._folder is not None and last > self._most:
            self.flush()

    def _make_room(self, events: int) -> None:
        """Room that doubles: adding costs the same however long the history is."""
        room = max(1024, 2 * events)
        for name, dtype in COLUMNS.items():
            wider = np.empty(room, dtype)
            wider[: self._n] = self._tail[name][: self._n]
            self._tail[name] = wider
        self._room = room

    def wired(self, name: str, source: str, target: str, synapses: int, step: int) -> None:
        """Note that a projection was made."""
        self.wirings.append(Wiring(name, source, target, synapses, step, len(self)))

    def settled(self, uid: np.ndarray, population: str, region: str) -> None:
        """Note to which population neurons belong; uids are consecutive."""
        if not uid.size:
            return
        first, n = int(uid[0]), int(uid.size)
        if self._neurons and self._neurons[-1][2:] == (population, region):
            begin, held = self._neurons[-1][:2]
            if begin + held == first:
                self._neurons[-1] = (begin, held + n, population, region)
                return
        self._neurons.append((first, n, population, region))

    def rewind(self, steps: int, first: int) -> None:
        """The clock was put back by so many steps, to `first`."""
        steps += 1
        self.began = first
        self._tail["step"] = self._tail["step"] - steps
        self._segments = [one._replace(shift=one.shift - steps) for one in self._segments]
        self.wirings = [one._replace(step=one.step - steps) for one in self.wirings]
        self._write_index()

    # ---- reading ----------------------------------------------------------------------------------------------------

    def counts(self, projection: str) -> tuple[int, int]:
        """(born, died) so far in a projection."""
        born, died = self._counts.get(self._projection_number.get(projection, -2), [0, 0])
        return born, died

    def __len__(self) -> int:
        return self._n + sum(one.n for one in self._segments)

    def __getattr__(self, name: str) -> np.ndarray:
        if name not in COLUMNS:
            raise AttributeError(f"History has no attribute {name!r}; columns: {', '.join(COLUMNS)}, t")
        parts = [part[name] for part in self._parts(name)]
        whole = parts[0] if len(parts) == 1 else np.concatenate(parts)
        whole.flags.writeable = False
        return whole

    def _parts(self, *names: str) -> Iterator[dict[str, np.ndarray]]:
        """Columns of the segments on disk, one after the other, then of what is in memory."""
        for one in self._segments:
            try:
                table = np.load(one.path, mmap_mode="r", allow_pickle=False)
            except (OSError, ValueError) as error:
                raise SaveError(
                    f"history: the segment {one.path} is missing or damaged ({error}); put its folder back, it holds {one.n:,} events"
                ) from None
            yield {name: table[name] + one.shift if name == "step" else np.asarray(table[name]) for name in names}
        yield {name: self._tail[name][: self._n] for name in names}

    @property
    def t(self) -> np.ndarray:
        """Time of each event (ms)."""
        return self.step * self.dt

    def to_pandas(self) -> "pandas.DataFrame":
        """One row an event, with the names of rules and projections."""
        import pandas

        frame = pandas.DataFrame({"t": self.t} | {name: getattr(self, name) for name in COLUMNS})
        frame["rule"] = names_at(self.rules, self.rule)
        frame["projection"] = names_at(self.projections, self.projection)
        return frame

    def born_and_died(self, start: float, stop: float) -> BornAndDied:
        """Synapses born and died after `start` up to `stop` (ms), in the order in which it happened.

        Both are accepted where edges are: ``ns.plot.graph(net, new=born, ghosts=died)``.
        """
        first, last = (self._step_at(f"history.born_and_died({name})", one) for name, one in (("start", start), ("stop", stop)))  # fmt: skip
        found: list[dict[str, np.ndarray]] = []
        for part in self._parts(*COLUMNS):
            low, high = np.searchsorted(part["step"], [first, last], side="right")
            found.append({name: np.asarray(column[low:high]) for name, column in part.items()})
        whole = {name: np.concatenate([one[name] for one in found]) for name in COLUMNS}
        changes = []
        for kind in (SYNAPSE_BORN, SYNAPSE_DIED):
            c = {name: column[whole["kind"] == kind] for name, column in whole.items()}
            rule, projection = names_at(self.rules, c["rule"]), names_at(self.projections, c["projection"])
            changes.append(Changes(c["step"] * self.dt, rule, projection, *(c[n] for n in list(COLUMNS)[4:])))
        return BornAndDied(*changes)

    def lifetimes(self, projection: str | None = None) -> Lifetimes:
        """Every synapse that there ever was, with its birth and its death; those alive are censored.

        Parameters
        ----------
        projection : str, optional
            Of this one only.

        Returns
        -------
        Lifetimes
            Kaplan-Meier curves by ``ns.analysis.survival``; the graph at any time by its `at(t)`.
        """
        known = [one.name for one in self.wirings] + self.projections
        if projection is not None and projection not in known:
            raise ParameterError(
                f"history.lifetimes(projection={projection!r}): no such projection; known: {', '.join(dict.fromkeys(known)) or 'none'}."
                f"{did_you_mean(projection, known)}"
            )
        step, listed = self.present() if self.present is not None else (None, [])
        columns = {name: getattr(self, name) for name in COLUMNS}
        until = step if step is not None else int(columns["step"][-1]) if columns["step"].size else 0
        members = self._members(columns)
        chosen = np.abs(columns["kind"]) == SYNAPSE_BORN
        if projection is not None:
            chosen &= columns["projection"] == self._projection_number.get(projection, -2)
            listed = [one for one in listed if one[0] == projection]
        place = np.flatnonzero(chosen)
        c = {name: column[place] for name, column in columns.items()}
        names, begun, latest = self._generations([one[0] for one in listed])
        sign = c["kind"] == SYNAPSE_BORN
        wire = self._generation_of(c["projection"], place, latest)
        born, died = (
            Rows(wire[s], *(c[n][s] for n in ("pre", "post", "step", "rule", "weight", "delay"))) for s in (sign, ~sign)
        )
        alive = None
        if step is not None:
            sizes = [one[1].size for one in listed]
            ends = [np.concatenate([one[k] for one in listed] or [np.zeros(0)]) for k in (1, 2, 3, 4)]
            none = np.zeros(sum(sizes), np.int64)
            where = np.repeat(np.array([latest[one[0]] for one in listed], np.int64), sizes)
            alive = Rows(where, ends[0].astype(np.int64), ends[1].astype(np.int64), none, none, ends[2], ends[3])
        table = matched(born, died, alive, np.array(begun, np.int64))
        return Lifetimes(names, self.rules, table, members, self.dt, until, self.began)

    def _generations(self, listed: list[str]) -> tuple[list[str], list[int], dict[str, int]]:
        """Name and first step of each projection that there was (a name may come again), and the newest of each name."""
        names = [one.name for one in self.wirings]
        begun = [one.step for one in self.wirings]
        latest = {name: k for k, name in enumerate(names)}
        for name in [*self.projections, *listed]:
            if name not in latest:
                latest[name] = len(names)
                names.append(name)
                begun.append(int(LONG_AGO))
        return names, begun, latest

    def _generation_of(self, projection: np.ndarray, place: np.ndarray, latest: dict[str, int]) -> np.ndarray:
        """Which projection of that name each event (its place in the history) belongs to."""
        found = np.array([latest[name] for name in self.projections], np.int64)[projection]
        made: dict[str, list[int]] = {}
        for k, one in enumerate(self.wirings):
            made.setdefault(one.name, []).append(k)
        for number, name in enumerate(self.projections):
            several = made.get(name, [])
            if len(several) > 1:
                here = np.flatnonzero(projection == number)
                before = np.array([self.wirings[k].events for k in several])
                which = np.maximum(np.searchsorted(before, place[here], side="right") - 1, 0)
                found[here] = np.array(several)[which]
        return found

    def _members(self, columns: dict[str, np.ndarray]) -> Members:
        """Every neuron that there ever was."""
        spans = sorted(self._neurons)
        uid = np.concatenate([np.arange(first, first + n) for first, n, _, _ in spans] or [np.zeros(0, np.int64)])
        which = np.repeat(np.arange(len(spans)), [n for _, n, _, _ in spans])
        born, died = np.full(uid.size, LONG_AGO), np.full(uid.size, NEVER)
        for kind, steps in ((NEURON_BORN, born), (NEURON_DIED, died)):
            here = np.flatnonzero(columns["kind"] == kind)
            place = np.searchsorted(uid, columns["pre"][here])
            known = (place < uid.size) & (uid[np.minimum(place, uid.size - 1)] == columns["pre"][here]) if uid.size else here < 0  # fmt: skip
            steps[place[known]] = columns["step"][here][known]
        population, region = names_at([one[2] for one in spans], which), names_at([one[3] for one in spans], which)
        return Members(uid, population, region, born, died)

    def _step_at(self, name: str, t: object) -> int:
        return int(np.floor(check_number(name, t, "ms") / self.dt + 1e-6))

    def graph_at(self, t: float) -> PastGraph:
        """The synapses that existed at time `t` (ms), after everything that happened at that time.

        For many times, ``lifetimes = net.history.lifetimes()`` once and ``lifetimes.at(t)`` for each.

        Raises
        ------
        ParameterError
            `t` lies in the future.
        """
        return self.lifetimes().at(t)

    def to_networkx(self, projection: str | None = None) -> "networkx.MultiDiGraph[int]":
        """The temporal graph: one edge a synapse that ever was, with the times `born` and `died`; see `Lifetimes.to_networkx`."""
        return self.lifetimes(projection).to_networkx()

    # ---- on disk ----------------------------------------------------------------------------------------------------

    def stream(self, folder: str | os.PathLike[str], every: int = 1_000_000) -> None:
        """Keep at most `every` events in memory from now on, the older ones in files.

        A file is written under another name, synced and renamed, so that after a kill it is there whole or not at all;
        ``index.json`` names those that count, and what was in memory only is lost (`flush` writes it).  Everything that can
        be asked of a history can still be asked; what is needed is read then.  ``np.load`` reads the files: one table of
        events each.  `Network.save` copies all events into the save; a network loaded from it holds them in memory until
        it is told to stream again, to a new folder.

        Parameters
        ----------
        folder : str or path
            New or empty.
        every : int
            46 bytes each, and up to twice that.

        Raises
        ------
        ParameterError
            The folder holds something, or the history is streamed already.
        """
        if self._folder is not None:
            raise ParameterError(f"history.stream: it is streamed to {str(self._folder)!r} already")
        self._most = check_count("history.stream(every)", every, least=1)
        place = Path(folder).absolute()
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise ParameterError(f"history.stream({str(folder)!r}): holds something; give a new or an empty folder")
        place.mkdir(parents=True, exist_ok=True)
        self._folder = place
        if self._n > self._most:
            self.flush()
        else:
            self._write_index()

    def flush(self) -> None:
        """Write what is in memory to the folder of `stream`."""
        if self._folder is None:
            raise ParameterError('history.flush: there is no folder; net.history.stream("folder") gives one')
        if self._n:
            table = np.empty(self._n, RECORD)
            for name in COLUMNS:
                table[name] = self._tail[name][: self._n]
            number = 1 + max((int(one.stem) for one in self._folder.glob("*.npy")), default=-1)
            path = self._folder / f"{number:08d}.npy"  # never used before: what `store` keeps may name the older ones
            _write_whole(path, lambda out: np.save(out, table, allow_pickle=False))
            self._segments.append(Segment(str(path), self._n, 0))
            self._tail, self._n, self._room = {name: np.empty(0, dtype) for name, dtype in COLUMNS.items()}, 0, 0
        self._write_index()

    def _write_index(self) -> None:
        if self._folder is None:
            return
        entry = {"kind": "neurosim history", "format": FORMAT, "dt": self.dt} | self.describe(whole=True)
        entry["segments"] = [[Path(one.path).name, one.n, one.shift] for one in self._segments]
        _write_whole(self._folder / INDEX, lambda out: out.write(json.dumps(entry, indent=1).encode()))

    @classmethod
    def read(cls, folder: str | os.PathLike[str]) -> "History":
        """The history that `stream` wrote, also after the process that wrote it was killed.

        Without the network, synapses that `connect` made and that never died are not known.
        """
        place = Path(folder)
        try:
            entry = json.loads((place / INDEX).read_text())
            known = entry["kind"] == "neurosim history" and entry["format"] == FORMAT
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SaveError(f"History.read({str(folder)!r}): no history there ({error})") from None
        if not known:
            raise SaveError(
                f"History.read({str(folder)!r}): {entry['kind']!r} of format {entry['format']!r} is not known here"
            )
        history = cls(entry["dt"])
        entry["segments"] = [[str(place / name), n, shift] for name, n, shift in entry["segments"]]
        history.set_arrays({name: np.zeros(0, dtype) for name, dtype in COLUMNS.items()}, entry)
        return history

    def describe(self, *, whole: bool) -> dict[str, Any]:
        """What `save` (whole) and `store` keep beside the arrays; `store` refers to the files, which never change."""
        segments = [] if whole else [list(one) for one in self._segments]
        return {
            "rules": list(self.rules), "projections": list(self.projections), "wirings": [list(one) for one in self.wirings],
            "neurons": [list(one) for one in self._neurons], "segments": segments,
            "began": self.began,
        }  # fmt: skip

    def arrays(self, *, whole: bool = True) -> dict[str, np.ndarray]:
        """What `save` (whole: all events) and `store` (those in memory) keep."""
        return {name: getattr(self, name) if whole else self._tail[name][: self._n] for name in COLUMNS}

    def set_arrays(self, arrays: dict[str, np.ndarray], entry: dict[str, Any]) -> None:
        """Take what `arrays` and `describe` gave."""
        self._name(entry["rules"], entry["projections"])
        self.wirings = [Wiring(*one) for one in entry.get("wirings", [])]
        self._neurons = [(int(first), int(n), str(p), str(r)) for first, n, p, r in entry.get("neurons", [])]
        self.began = int(entry.get("began", LONG_AGO))
        self._hold(arrays, [Segment(*one) for one in entry.get("segments", [])])
        self._write_index()

    def __repr__(self) -> str:
        return f"History({len(self)} events: {self.born} synapses born, {self.died} died)"


def _number(numbers: dict[str, int], names: list[str], name: str) -> int:
    number = numbers.get(name)
    if number is None:
        number = numbers[name] = len(names)
        names.append(name)
    return number


def _write_whole(path: Path, write: Callable[[Any], object]) -> None:
    """Write a file so that it is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    with open(temporary, "wb") as out:
        write(out)
        out.flush()
        os.fsync(out.fileno())
    os.replace(temporary, path)
