"""A class-incremental learner in live neurons: engrams by day, and a cortex that learns in sleep from what engrams replay.

Knows layers, projections and their rules; no data set and no task.  Images are rates of sensors.  What is learnt stands in
synapses; Python keeps counts and which cells are free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim import wiring
from neurosim.checks import check_count
from neurosim.distributions import uniform
from neurosim.errors import ParameterError
from neurosim.memory.class_parameters import Classes, Day, Night
from neurosim.memory.failures import CapacityFull, IncompatibleSnapshot
from neurosim.memory.layer import LOOP, Layer, Spikes, Timetable
from neurosim.memory.printing import Echo, Engram, Gate, Mean, Name, Sensor, Taught
from neurosim.memory.recruiting import Recruiting
from neurosim.memory.sensing import bursts, spread

if TYPE_CHECKING:
    from neurosim.network import Network

READ_OUTS = ("both", "episodic", "cortex")
#: Bytes of a synapse: address and float32 weight, and what else its rule keeps.
BYTES = {"keys": 8, "values": 12, "naming": 12, "evidence": 8}
_LAYERS = ("sensors", "engrams", "mixed", "names", "labels", "now")
_PROJECTIONS = ("keys", "values", "naming", "mixing", "evidence")
_TOLD = 4  # steps from a name to the teacher's; a recruit fires with that
_BEFORE_PRINT = 6  # steps from the name to the pacemaker `now`
_LAG = 2  # steps by which sensors print after engrams


class ClassMemory:
    """Learns classes one after another, each image shown once, and keeps no image.

    By day an image fires the sensors in a few volleys; the engram cell with the largest support answers and wakes its name.  If
    the name is right, the engram moves its synapses towards the image; if it is wrong, or nobody is vigilant enough to
    answer, a free cell becomes an engram: it grows synapses from and to the sensors and to the name that fires with it.
    By night there is no input: engrams fire by chance, their synapses make sensors fire, these the mixed cells, and the cortical
    synapses from mixed cells to names learn the difference between the name that the engram tells and their own guess.  Since all
    engrams replay, old classes are interleaved with new ones.  Engrams that won too rarely are forgotten.

    Parameters
    ----------
    net : Network
    sensors : int
        Pixels of an image.
    names : int
        Classes.
    name : str
        Prefix of the populations.
    parameters : Classes, optional

    Attributes
    ----------
    sensors, engrams, mixed, names : Layer
    keys, values, naming, evidence : Projection
        Sensors to engrams, engrams to sensors, engrams to names; mixed cells to names (the cortex).

    References
    ----------
    Carpenter, Grossberg & Reynolds (1991) Neural Networks 4:565 (recruiting where the name is wrong or nobody answers).

    Examples
    --------
    >>> import numpy as np
    >>> import neurosim as ns
    >>> from neurosim.memory.classes import Classes, ClassMemory
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> memory = ClassMemory(net, 8, 2, parameters=Classes(contrast=1.5, mixed=40, active=5, inputs=3, keep=1))
    >>> images = np.repeat([[1, 1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1, 1]], 2, axis=0)
    >>> memory.learn(images, [0, 0, 1, 1]).recruited
    2
    >>> memory.answer(images[1:3], by="episodic").tolist()
    [0, 1]
    """

    def __init__(
        self, net: Network, sensors: int, names: int, *, name: str = "classes", parameters: Classes | None = None
    ) -> None:
        self.net, self.name, self.parameters = net, name, parameters or Classes()
        p, dt = self.parameters, net.dt
        if dt != 1.0:
            raise ParameterError(
                f"ClassMemory: works in steps of 1 ms, got a network of dt = {dt:g}: ns.Network(dt=1.0)"
            )
        n = check_count("ClassMemory.sensors", sensors, least=1)
        check_count("ClassMemory.names", names, least=1)
        if p.active > p.mixed or p.inputs > n:
            raise ParameterError(
                f"Classes: active = {p.active} of mixed = {p.mixed} cells, each with inputs = {p.inputs} of {n} sensors: take less"
            )
        self.full = p.volleys * p.contrast**2  # support of an engram by what it was made of
        hold = LOOP * dt
        self.sensors = Layer(net, f"{name}.sensors", n, n, model=Sensor())
        self.engrams = Layer(net, f"{name}.engrams", p.engrams, 1, model=Engram(hold=hold))
        self.mixed = Layer(net, f"{name}.mixed", p.mixed, p.active)
        self.names = Layer(net, f"{name}.names", names, 1, model=Name(hold=hold))
        self.labels = Layer(net, f"{name}.labels", names, names)
        self.match = net.add_population(f"{name}.match", Gate(quorum=2.0), names)
        self.novelty = net.add_population(f"{name}.novelty", Gate(), 1)
        self.now = Layer(net, f"{name}.now", 3, 3)
        self._tune()
        self._wire()

    @classmethod
    def attach(cls, net: Network, *, name: str = "classes", parameters: Classes | None = None) -> ClassMemory:
        """The memory of this name in a network that was loaded.

        Parameters
        ----------
        parameters : Classes
            Those with which it was made.
        """
        memory = cls.__new__(cls)
        memory.net, memory.name, memory.parameters = net, name, parameters or Classes()
        p = memory.parameters
        for part in _LAYERS:
            setattr(memory, part, Layer.attach(net, f"{name}.{part}"))
        have = memory.engrams.n, memory.mixed.n, memory.mixed.k
        if have != (p.engrams, p.mixed, p.active):
            raise IncompatibleSnapshot(
                f"ClassMemory.attach({name!r}): the network has engrams, mixed, active = {have}, the parameters {(p.engrams, p.mixed, p.active)}; "
                f"give those with which it was made: parameters=Classes(engrams={have[0]}, mixed={have[1]}, active={have[2]})"
            )
        memory.match, memory.novelty = net.populations[f"{name}.match"], net.populations[f"{name}.novelty"]
        for part in _PROJECTIONS:
            setattr(memory, part, net.projections[f"{name}.{part}"])
        memory.full = p.volleys * p.contrast**2
        memory._tune()
        memory.recruiting = Recruiting(
            memory, every=memory._day_length() * net.dt, calling=net.projections[f"{name}.calling"]
        )
        return memory

    # ---- the circuit --------------------------------------------------------------------------------------------------

    def _tune(self) -> None:
        """What the races cover, and how long they last (steps)."""
        p = self.parameters
        top = 1.08 * self.full
        self.engrams.cells.rise = self.full / 200.0
        self.engrams.tune(ceiling=top, theta=p.vigilance * self.full, least=0.7 * self.full)
        self._day = self.engrams.race_steps(p.vigilance * self.full)
        self._episodic = self.engrams.race_steps(0.7 * self.full)
        # A mixed cell hears `inputs` sensors of mean square (volleys contrast)^2 / n; few have more than 4.5 standard deviations
        mean_square = (p.volleys * p.contrast) ** 2 / self.sensors.n
        mean = 0.8 * np.sqrt(mean_square)
        sd = np.sqrt(p.inputs * (mean_square - mean**2))
        self.mixed.tune(ceiling=p.inputs * mean + 4.5 * sd, least=max(1.0, 0.85 * p.inputs * mean))
        self._expand = self.mixed.race_steps(float(self.mixed.cells.least[0]))
        self._guessing()

    def _wire(self) -> None:
        net, p, dt, prefix = self.net, self.parameters, self.net.dt, self.name
        sensors, engrams, mixed, names = (x.cells for x in (self.sensors, self.engrams, self.mixed, self.names))
        first = np.zeros(n := len(sensors), np.int64)  # the first candidate has silent synapses already
        inward, outward = wiring.from_edges((np.arange(n), first)), wiring.from_edges((first, np.arange(n)))
        age = self._until_print() - np.arange(p.volleys)  # ms from each volley to the moment of learning
        tau = float(age[0]) / 5.0
        mean = Mean(gain=1.0 / float(np.exp(-age / tau).sum()), tau=tau, decay=0.9)
        one: dict[str, Any] = {"weight": 0.0, "delay": dt, "dtype": "float32"}
        self.keys = net.connect(
            sensors, engrams, inward, receptor="support", plasticity=mean, name=f"{prefix}.keys", **one
        )
        echo = Echo(cycles=float(p.volleys))
        self.values = net.connect(
            engrams, sensors, outward, receptor="support", plasticity=echo, name=f"{prefix}.values", **one
        )
        self.naming = net.connect(
            engrams, names, wiring.from_edges(([0], [0])), delay=dt, receptor="teach", name=f"{prefix}.naming"
        )  # fmt: skip
        self.naming.edges().remove()
        self.mixing = net.connect(
            sensors, mixed, wiring.fixed_indegree(p.inputs), weight=uniform(0.75, 1.25), delay=dt, receptor="support",
            name=f"{prefix}.mixing",
        )  # fmt: skip
        window = self._cortical() + 6.0  # ms back to the race of the mixed cells; that of the cycle before was earlier
        taught = Taught(up=p.up, down=p.down, tau=window / 2.0, recent=float(np.exp(-2.0)))
        self.evidence = net.connect(
            mixed, names, wiring.all_to_all(), weight=0.5, delay=dt, dtype="float32", receptor="support", plasticity=taught,
            name=f"{prefix}.evidence",
        )  # fmt: skip
        for who, cells, delay in ((0, engrams, dt), (0, sensors, (1 + _LAG) * dt), (1, names, dt)):
            pairs = np.full(len(cells), who), np.arange(len(cells))
            net.connect(self.now.cells, cells, wiring.from_edges(pairs), delay=delay, receptor="now")
        self._wire_verdict()

    def _wire_verdict(self) -> None:
        """Teacher and name: a match cell fires when they agree, the novelty cell at its tick unless a match cell did."""
        net, dt, each, names = self.net, self.net.dt, wiring.one_to_one(), self.names.cells
        labels = self.labels.cells
        net.connect(labels, names, each, delay=dt, receptor="teach", name=f"{self.name}.teaching")
        net.connect(labels, names, each, delay=_TOLD * dt, receptor="detonate", name=f"{self.name}.telling")
        net.connect(labels, self.match, each, delay=dt, receptor="heard")
        net.connect(names, self.match, each, delay=dt, receptor="heard", name=f"{self.name}.agreeing")
        others = np.nonzero(~np.eye(len(names), dtype=np.bool_))
        if others[0].size:
            net.connect(
                names, self.match, wiring.from_edges(others), weight=-1.0, delay=dt, receptor="hushed", name=f"{self.name}.disagreeing"
            )  # fmt: skip
        net.connect(self.match, self.novelty, wiring.all_to_all(), weight=-1.0, delay=dt, receptor="hushed")
        net.connect(self.now.cells, self.novelty, wiring.from_edges(([2], [0])), delay=dt, receptor="heard")
        net.connect(
            self.novelty, self.engrams.cells, wiring.all_to_all(), weight=-1.0, delay=dt, receptor="go", name=f"{self.name}.dismissing"
        )  # fmt: skip
        self.recruiting = Recruiting(self, every=self._day_length() * dt)

    def _read(self) -> int:
        """Steps from the first volley of an image by day to the race of the names."""
        return self.parameters.volleys + self._day + 2

    def _until_print(self) -> int:
        """Steps from the first volley to the moment at which the engrams learn."""
        return self._read() + _BEFORE_PRINT + 1

    def _day_length(self) -> int:
        """Steps for each image by day."""
        return self._until_print() + _LAG + 6

    # ---- what a day, a night and a question are -------------------------------------------------------------------------

    def learn(self, images: ArrayLike, labels: ArrayLike) -> Day:
        """Show each image once, listen to its name, and let the engram that answered, or a new one, learn it.

        Parameters
        ----------
        images : float [images, sensors]
            Not negative.
        labels : int [images]
            Places of the names.

        Raises
        ------
        CapacityFull
            If no cell was free for some images; the others have been learnt.
        """
        counts = self._counts(images)
        labels = self._labels(labels, len(counts))
        self._awake(bonus=1.0)
        self._range(1.0, 1.0)
        period, read = self._day_length(), self._read()
        first = -(self.net.step + 2 + period - 1) % period + 1  # the recruiter comes when a cycle is over
        at = first + period * np.arange(len(counts))
        table = Timetable(self.net)
        self._cue(table, at, counts)
        for layer in (self.engrams, self.names):
            table.flush(layer, at)
        table.go(self.engrams, at + self.parameters.volleys, judge=True)
        table.go(self.names, at + read)
        table.cue(self.labels, at + read, labels[:, None])
        table.cue(self.now, at + read + 1, np.full((at.size, 1), 2))
        table.cue(self.now, at + read + _BEFORE_PRINT, np.zeros((at.size, 1), np.int64))
        self.recruiting.begin()
        self.net.add(self.recruiting)
        try:
            spikes = table.run(first + period * len(counts))
        finally:
            self.net.remove(self.recruiting)
        heard = _first(spikes[self.names], at + read, 1, -1)
        if self.recruiting.refused:
            n = self.engrams.n
            raise CapacityFull(
                f"{self.name}.learn: all {n} engram cells are in use, and {self.recruiting.refused} images were new; they have not been "
                f"learnt, the others have. memory.sleep() forgets weak engrams, Classes(engrams={2 * n}) has more", fill=1.0, max_fill=1.0,
            )  # fmt: skip
        return Day(int((heard == labels).sum()), int(((heard >= 0) & (heard != labels)).sum()), int((heard < 0).sum()))

    def study(self, images: ArrayLike, labels: ArrayLike) -> float:
        """Let the cortex learn awake, from images and a teacher: what forgets old classes.  Share of right guesses.

        Parameters
        ----------
        images, labels
            As for `learn`.
        """
        counts = self._counts(images)
        labels = self._labels(labels, len(counts))
        self._guessing()
        begin = self.parameters.volleys
        period = begin + self._cortical() + 4
        at = period * np.arange(len(counts))
        table = Timetable(self.net)
        self._cue(table, at, counts)
        for layer in (self.mixed, self.names):
            table.flush(layer, at)
        table.cue(self.labels, at + 1, labels[:, None])
        names = self._name_from(table, at + begin, learn=True)
        return float(np.mean(_first(table.run(period * len(counts))[self.names], names, self._decide, 0) == labels))

    def sleep(self, replays: int | None = None) -> Night:
        """No input: forget engrams that won too rarely, then let the others replay by chance and the cortex learn from them.

        Parameters
        ----------
        replays : int, optional
            How often they may begin; a few times nobody does.  Default: that of the parameters.
        """
        replays = self.parameters.replays if replays is None else replays
        replays = check_count("ClassMemory.sleep(replays)", replays, least=1)
        gone, synapses = self._forget()
        began, agreed = 0, 0
        if not self.places.size:
            return Night(0, float("nan"), gone, synapses)
        self._guessing()
        self._asleep()
        for part in np.diff(np.append(np.arange(0, replays, 250), replays)):
            told, guessed, _ = self._replay(int(part), learn=True)
            began += int((told >= 0).sum())
            agreed += int(((told == guessed) & (told >= 0)).sum())
        self._awake(bonus=0.0)
        return Night(began, agreed / max(began, 1), gone, synapses)

    def dream(self, replays: int) -> np.ndarray:
        """Replay without learning: how often each sensor fires, int64 [replays, sensors]; a row of zeros where no engram fired."""
        replays = check_count("ClassMemory.dream(replays)", replays, least=1)
        if not self.places.size:
            return np.zeros((replays, self.sensors.n), np.int64)
        self._guessing()
        self._asleep()
        counts = self._replay(replays, learn=False)[2]
        self._awake(bonus=0.0)
        return counts

    def answer(self, images: ArrayLike, *, by: str = "both") -> np.ndarray:
        """Which name fires first after each image; nothing is learnt.

        Parameters
        ----------
        images : float [images, sensors]
        by : {"both", "episodic", "cortex"}
            Whose race is begun: that of the engrams, that of the mixed cells, or both.

        Returns
        -------
        int64 [images]
            Place of the name, -1 where none or several fired first.
        """
        if by not in READ_OUTS:
            raise ParameterError(f"{self.name}.answer(by): must be 'both', 'episodic' or 'cortex', got {by!r}")
        counts, p = self._counts(images), self.parameters
        self._awake(bonus=1.0 if by == "episodic" else p.bonus)
        self._range(*((1.0, 1.0) if by == "episodic" else (p.active / 150.0, 0.3)))
        begin, races = p.volleys, {"episodic": self._episodic, "cortex": self._expand}
        wait = max(steps for one, steps in races.items() if by in (one, "both"))
        period = begin + wait + self._decide + 6
        parts = [np.zeros(0, np.int64)]
        for low in range(0, len(counts), 200):
            some = counts[low : low + 200]
            at = period * np.arange(len(some))
            table = Timetable(self.net)
            self._cue(table, at, some)
            for layer in (self.engrams, self.mixed, self.names):
                table.flush(layer, at)
            for layer, one in ((self.engrams, "episodic"), (self.mixed, "cortex")):
                if by in (one, "both"):
                    table.go(layer, at + begin)
            table.go(self.names, at + begin + wait + 3)
            spikes = table.run(period * len(some))[self.names]
            parts.append(_first(spikes, at + begin + wait + 3, self._decide, -1))
        return np.concatenate(parts)

    # ---- what is kept -----------------------------------------------------------------------------------------------------

    @property
    def places(self) -> np.ndarray:
        """Cells that are engrams, int64 [engrams]: those that have won."""
        return np.flatnonzero(self.engrams.cells.wins > 0)

    def echoes(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights of each engram onto the sensors, float64 [engrams, sensors], and the place of its name, int64 [engrams]."""
        weight, edges = np.zeros((self.engrams.n, self.sensors.n)), self.values.edges()
        weight[np.searchsorted(self.engrams.uid, edges.pre), np.searchsorted(self.sensors.uid, edges.post)] = (
            edges.weight
        )
        return weight[self.places], self._named()[self.places]

    def retained(self) -> dict[str, int]:
        """What was learnt, in numbers (weights of synapses) and bytes (with addresses, and what else rules and engrams keep).

        The random synapses onto mixed cells are as they were drawn from the seed, those of the young cell are silent; neither counts.
        """
        young = self.sensors.n if self.recruiting.candidate >= 0 else 0
        silent = {"keys": young, "values": young}
        found = {part: len(getattr(self, part)) - silent.get(part, 0) for part in BYTES}
        numbers, size = sum(found.values()), sum(BYTES[part] * n for part, n in found.items())
        return {**found, "samples": 0, "numbers": numbers, "bytes": size + 8 * self.places.size}

    # ---- night ------------------------------------------------------------------------------------------------------------

    def _forget(self) -> tuple[int, int]:
        """Free the cells that won too rarely, and remove silent synapses; how many of both."""
        wins, mine = self.engrams.cells.wins, (self.keys, self.values, self.naming)
        weak = np.flatnonzero((wins > 0) & (wins < self.parameters.keep))
        before = sum(len(p) for p in mine)
        if weak.size:
            self.engrams.cells[weak].wins = 0.0
        candidate = self.recruiting.candidate
        young = self.engrams.uid[candidate] if candidate >= 0 else -1
        for p in mine:
            edges = p.edges()
            end = edges.post if p is self.keys else edges.pre
            gone = (np.isin(end, self.engrams.uid[weak]) | (edges.weight < 0.02)) & (end != young)
            if gone.any():
                edges[gone].remove(rule="forgetting")
        if candidate < 0 and weak.size:
            self.recruiting.next()
        self.net.compact()
        return int(weak.size), before - sum(len(p) for p in mine)

    def _asleep(self) -> None:
        """Engrams fire by noise, the largest first; name cells are noisy, so that a guess must be clearly right."""
        places = self.places
        noise = np.zeros(self.engrams.n)
        noise[places] = 100.0
        self.engrams.cells.noise = noise
        self.engrams.cells.rise = 7.0 / places.size  # two fire together in one of fifteen
        self.engrams.tune(ceiling=100.0, least=max(1.0, 100.0 * 0.03 ** (1.0 / places.size)))
        self.names.cells.noise = self.parameters.margin

    def _awake(self, *, bonus: float) -> None:
        """No noise; names hear engrams with this support."""
        self.engrams.cells.noise = 0.0
        self.names.cells.noise, self.names.cells.bonus = 0.0, bonus
        self.engrams.cells.rise = self.full / 200.0
        self.engrams.tune(ceiling=1.08 * self.full, theta=self.parameters.vigilance * self.full, least=0.7 * self.full)

    def _replay(self, cycles: int, *, learn: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Some cycles: the name that the engram tells, that which the cortex guesses (-1: none or several), and sensors' spikes."""
        p, spontaneous = self.parameters, self.engrams.race_steps(float(self.engrams.cells.least[0]))
        gate = 1 + spontaneous + 2
        period = gate + p.volleys + self._cortical() + 4
        at = period * np.arange(cycles)
        table = Timetable(self.net)
        for layer in (self.sensors, self.engrams, self.names):
            table.flush(layer, at)
        table.go(self.engrams, at + 1)
        table.flush(self.mixed, at + gate)
        for volley in range(p.volleys):
            table.go(self.sensors, at + gate + volley)
        names = self._name_from(table, at + gate + p.volleys, learn=learn)
        spikes = table.run(period * cycles)
        who = _first(spikes[self.engrams], at + 1, spontaneous, -1)
        heard = spikes[self.sensors]
        counts = np.zeros((cycles, self.sensors.n), np.int64)
        np.add.at(counts, (np.minimum(heard.step // period, cycles - 1), heard.place), 1)
        return self._named()[who], _first(spikes[self.names], names, self._decide, -1), counts

    def _named(self) -> np.ndarray:
        """Place of the name of each engram cell, -1 where there is none and at the end."""
        edges, of = self.naming.edges(), np.full(self.engrams.n + 1, -1)
        of[np.searchsorted(self.engrams.uid, edges.pre)] = np.searchsorted(self.names.uid, edges.post)
        return of

    # ---- cortex -----------------------------------------------------------------------------------------------------------

    def _guessing(self) -> None:
        """Names hear the cortex alone and race in coarse steps."""
        self._awake(bonus=0.0)
        self._range(self.parameters.active / 100.0, 0.36)

    def _range(self, rise: float, least: float) -> None:
        k = self.parameters.active
        self.names.cells.rise = rise
        if least == 1.0:
            self.names.tune(ceiling=1.0, least=1.0)
        else:
            self.names.tune(ceiling=0.76 * k, least=max(1.0, least * k))
        self._decide = self.names.race_steps(float(self.names.cells.least[0]))

    def _cortical(self) -> int:
        """Steps from the end of the volleys to the moment at which the cortex learns."""
        return self._expand + 3 + self._decide + 2

    def _name_from(self, table: Timetable, at: np.ndarray, *, learn: bool) -> np.ndarray:
        """Begin the race of the mixed cells, then that of the names; return when that begins."""
        table.go(self.mixed, at)
        read = at + self._expand + 3
        table.go(self.names, read)
        if learn:
            table.cue(self.now, read + self._decide + 1, np.ones((at.size, 1), np.int64))
        return read

    # ---- images -----------------------------------------------------------------------------------------------------------

    def _counts(self, images: ArrayLike) -> np.ndarray:
        return bursts(f"{self.name}: images", images, self.sensors.n, self.parameters.volleys, self.parameters.contrast)

    def _labels(self, labels: ArrayLike, number: int) -> np.ndarray:
        found = np.atleast_1d(np.asarray(labels))
        if found.shape != (number,) or not np.issubdtype(found.dtype, np.integer):
            raise ParameterError(f"{self.name}: needs {number} labels (whole numbers), got {labels!r}")
        if found.size and (found.min() < 0 or found.max() >= self.names.n):
            bad = found[(found < 0) | (found >= self.names.n)][0]
            raise ParameterError(
                f"{self.name}: labels are 0 ... {self.names.n - 1}, got {bad}; ClassMemory(net, sensors, names)"
            )
        return found.astype(np.int64)

    def _cue(self, table: Timetable, at: np.ndarray, counts: np.ndarray) -> None:
        table.flush(self.sensors, at)
        table.cue(self.sensors, *spread(counts, at, self.parameters.volleys))

    def __repr__(self) -> str:
        return f"ClassMemory({self.name!r}: {self.places.size} engrams of {self.engrams.n} cells, {self.names.n} names)"


class AwakeCortex:
    """The cortex of a class memory that learns from images and a teacher while awake, and never sleeps: for comparison.

    Parameters
    ----------
    memory : ClassMemory
        Whose engrams stay unused.
    """

    def __init__(self, memory: ClassMemory) -> None:
        self.memory = memory

    def learn(self, images: ArrayLike, labels: ArrayLike) -> float:
        """Each image once; share of right guesses."""
        return self.memory.study(images, labels)

    def answer(self, images: ArrayLike) -> np.ndarray:
        """Names by the cortex."""
        return self.memory.answer(images, by="cortex")

    def retained(self) -> dict[str, int]:
        """The synapses of the cortex."""
        n = len(self.memory.evidence)
        return {"samples": 0, "numbers": n, "bytes": BYTES["evidence"] * n}


def _first(spikes: Spikes, read: np.ndarray, steps: int, several: int) -> np.ndarray:
    """Who fired first in the `steps` steps from each read on; -1 for nobody, `several` (-1) or the first of those that did so together."""
    which = np.searchsorted(read, spikes.step, side="right") - 1
    late = spikes.step - read[np.maximum(which, 0)]
    fine = (which >= 0) & (late < steps)
    which, late, place = which[fine], late[fine], spikes.place[fine]
    order = np.lexsort((place, late, which))
    which, late, place = which[order], late[order], place[order]
    start = np.flatnonzero(np.append(True, which[1:] != which[:-1])) if which.size else np.zeros(0, np.int64)
    found = np.full(read.size, -1)
    found[which[start]] = place[start]
    if several < 0 and start.size:
        follow = np.minimum(start + 1, which.size - 1)
        tied = (follow > start) & (which[follow] == which[start]) & (late[follow] == late[start])
        found[which[start[tied]]] = -1
    return found
