"""Sleep: index cells of the fast store fire by noise alone, wake what they stand for, and the slow store learns from those spikes.

Knows a fast store with index cells, a slow store and the layer that both share; no labels, no times of storage.  Nothing is
replayed from an array: without noise there is no replay and nothing is learned.

McClelland, McNaughton & O'Reilly (1995) Psychol. Rev. 102:419; Squire & Alvarez (1995) Curr. Opin. Neurobiol. 5:169.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim import wiring
from neurosim.checks import check_count, check_finite_array, check_not_negative, check_positive, check_probability
from neurosim.errors import ParameterError
from neurosim.memory.associative import Patterns
from neurosim.memory.failures import CapacityFull, NotCalibrated
from neurosim.memory.indexed import IndexStore
from neurosim.memory.layer import Layer, Timetable, Volleys, volleys
from neurosim.memory.longterm import Rested, SlowStore, fade
from neurosim.neurons.sources import PoissonSource

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.projection import Projection

SCHEDULES = ("strength", "uniform", "usefulness", "surprise")
#: Steps of a cycle of sleep in which the spikes of the noise cells count.
GATHER = 3
#: How far the threshold of the index cells falls at a time in sleep: so fine that two hardly ever fire together.
FINE = 0.03
#: Cycles in one run, and cycles in a row without a spike after which sleep ends.
MOST_CYCLES, STILL = 2000, 100
#: Gain of the mean P_eff in one step of sleep below which there is nothing left to gain.
LEAST_GAIN = 0.005


@dataclass(frozen=True)
class SleepReport:
    """What a sleep did.

    Attributes
    ----------
    ids, replays : int64 [memories]
        Memories of the fast store, and how often the index cell of each has fired.
    mixed : int
        Replays in which two or more index cells fired together.
    p_eff_before, p_eff_after : float64 [memories]
        Share of the pairs of the cells that a memory wakes which the slow store joins.
    formed, removed : int
        Strong synapses of the slow store that came and went.
    recall_before, recall_after : float
        Mean share of the cells of a memory not in its cue that both stores together bring back; nan without probes.
    slow_before, slow_after : float
        The same with the slow store alone.
    probes : int
        Memories probed.
    duration, seconds : float
        ms of the network; seconds of the computer, probes included.
    stopped : {"replays", "settled", "no replay", "full"}
        As many as asked; no gain any more; no cell fired by itself; the slow store is full.
    """

    ids: np.ndarray
    replays: np.ndarray
    mixed: int
    p_eff_before: np.ndarray
    p_eff_after: np.ndarray
    formed: int
    removed: int
    recall_before: float
    recall_after: float
    slow_before: float
    slow_after: float
    probes: int
    duration: float
    seconds: float
    stopped: str

    def __str__(self) -> str:
        used = self.replays > 0
        gain = f"{_mean(self.p_eff_before[used]):.2f} -> {_mean(self.p_eff_after[used]):.2f}"
        text = f"{int(self.replays.sum())} replays of {int(used.sum())} memories, P_eff {gain}, +{self.formed} -{self.removed} synapses"
        if self.probes:
            text += f", recall {self.recall_before:.2f} -> {self.recall_after:.2f} (slow store {self.slow_before:.2f} -> {self.slow_after:.2f})"
        return f"{text}; ended: {self.stopped}"


@dataclass(frozen=True)
class JointRecall:
    """What cues brought back from both stores.

    Attributes
    ----------
    winners : Volleys
        Cells of the content layer.
    ids : int64 [cues]
        Memory of the fast store whose index cell fired; -1 where none did.
    by : str [cues]
        "fast" where an index cell passed its threshold (the slow store completes what it woke), "slow" where only the slow store
        answered, "none" where it was not accepted either.
    accepted : bool [cues]
    """

    winners: Volleys
    ids: np.ndarray
    by: np.ndarray
    accepted: np.ndarray


class Consolidation:
    """A fast and a slow store that share a content layer, and the sleep in which one teaches the other.

    In each cycle of sleep a few of the noise cells, one for each index cell, fire at random.  The index cells that they excite
    race; the first fires, its value synapses wake cells of the content layer, and these fire together.  The slow store learns
    from that volley as it was, whatever the fast store has lost of it since.  The rates of the noise cells are the schedule.

    Parameters
    ----------
    fast : IndexStore
    slow : LongTermMemory or another SlowStore
        Within the value layer of `field`.
    field : str
        The value field of the fast store that is replayed.
    schedule : {"strength", "uniform", "usefulness", "surprise"}
        Which index cells are excitable: those with most synapses left, above the share `floor`; all alike; by
        `usefulness`; those that the slow store joins least.
    usefulness : function of ids, optional
        f(int64 [memories]) -> numbers from 0 on.
    replays : int
        In one `sleep`, by default.
    noise : float
        Spikes of the noise cells that fall into a cycle (mean); 0, and the index cells are silent.
    floor : float
        Share of its synapses below which a memory is not replayed by strength.
    set_point : float, optional
        Share of its potential synapses above which a cell of the content layer lets go, at the end of sleep, strong synapses
        that have not been replayed in it (homeostasis).  Default 0.9 of what the slow store may hold; inf for never.
    fast_loss : float
        Probability per day that a key or value synapse of the fast store is lost, in `rest`.
    fa : float
        Rate of false alarms at which the fast store may answer in `recall`.
    inputs : list of Projection, optional
        What sleep gates off; default: all onto the content layer that belong to neither store.
    encode : function of Volleys, optional
        What makes of a cue of the content one of the fast store's keys, where these are not the content itself.

    Attributes
    ----------
    noise_cells : Population
    onto_index : Projection

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.consolidation import Consolidation
    >>> from neurosim.memory.indexed import IndexStore
    >>> from neurosim.memory.layer import Layer
    >>> from neurosim.memory.longterm import LongTermMemory
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> content = Layer(net, "content", 40, 4)
    >>> fast, slow = IndexStore(net, content, n=10), LongTermMemory(net, content, p_learn=0.3)
    >>> ids = fast.store([[0, 1, 2, 3], [7, 8, 11, 30]])
    >>> both = Consolidation(fast, slow)
    >>> report = both.sleep(40)
    >>> both.recall([[8, 30]], stores="slow").winners.place
    array([ 7,  8, 11, 30])
    """

    def __init__(
        self, fast: IndexStore, slow: SlowStore, *, field: str = "what", schedule: str = "strength",
        usefulness: Callable[[np.ndarray], ArrayLike] | None = None, replays: int = 200, noise: float = 0.5, floor: float = 0.3,
        set_point: float | None = None, fast_loss: float = 0.0, fa: float = 0.01, inputs: Sequence[Projection] | None = None,
        encode: Callable[[Volleys], Volleys] | None = None,
    ) -> None:  # fmt: skip
        if field not in fast.values:
            raise ParameterError(
                f"Consolidation.field: value fields of the fast store are {', '.join(map(repr, fast.values))}, got {field!r}"
            )
        if fast.values[field] is not slow.content:
            raise ParameterError(
                f"Consolidation: the slow store lies within {slow.content.name!r}, but field {field!r} wakes {fast.values[field].name!r}; give "
                f"LongTermMemory(net, content) the layer of that field"
            )
        self.fast, self.slow, self.field = fast, slow, field
        self.net: Network = fast.net
        self.usefulness = usefulness
        self.schedule = schedule
        self.replays = check_count("Consolidation.replays", replays, least=1)
        self.noise = check_not_negative("Consolidation.noise", noise)
        self.floor = check_probability("Consolidation.floor", floor)
        default = 0.9 * slow.max_fill
        self.set_point = (
            default if set_point is None else check_positive("Consolidation.set_point", set_point, allow_infinite=True)
        )
        self.fast_loss = check_probability("Consolidation.fast_loss", fast_loss)
        self.fa = check_positive("Consolidation.fa", check_probability("Consolidation.fa", fa))
        self.inputs, self.encode = inputs, encode
        self._rests = 0
        name = f"{fast.name}.noise"
        if name in self.net.populations:  # after a load
            self.noise_cells, self.onto_index = self.net.populations[name], self.net.projections[f"{name}->{fast.name}"]
        else:
            self.noise_cells = self.net.add_population(name, PoissonSource(rate=0.0), fast.index.n)
            made = self.net.connect(
                self.noise_cells, fast.index.cells, wiring.one_to_one(), receptor="support", name=f"{name}->{fast.name}"
            )
            self.onto_index = made

    @property
    def schedule(self) -> str:
        """Which index cells are excitable in sleep; settable."""
        return self._schedule

    @schedule.setter
    def schedule(self, value: str) -> None:
        if value not in SCHEDULES:
            raise ParameterError(f"Consolidation.schedule: must be one of {', '.join(SCHEDULES)}, got {value!r}")
        if value == "usefulness" and self.usefulness is None:
            raise ParameterError(
                "Consolidation.schedule: 'usefulness' needs a function of ids: Consolidation(..., usefulness=lambda ids: value[ids])"
            )
        self._schedule = value

    @property
    def content(self) -> Layer:
        """The layer that both stores share."""
        return self.slow.content

    # ---- what the fast store still holds ----------------------------------------------------------------------------

    def strength(self, ids: ArrayLike) -> np.ndarray:
        """Share of its key and value synapses that each memory still has, float64 [memories], from the graph."""
        place = self.fast.cell(ids)
        value = self.fast.value[self.field]
        counts, k = self._degrees(value.out_degree()), self.fast.values[self.field].k
        if self.field in self.fast.key:
            counts, k = counts + self._degrees(self.fast.key[self.field].in_degree()), k + self.fast.keys[self.field].k
        return np.minimum(counts[place] / k, 1.0)

    def _degrees(self, living: np.ndarray) -> np.ndarray:
        """Degrees of the index cells by place; those that have died have none."""
        index = self.fast.index
        degree = np.zeros(index.n)
        degree[np.searchsorted(index.uid, index.cells.uid)] = living
        return degree

    def traces(self, ids: ArrayLike) -> Volleys:
        """Cells of the content layer that each memory would wake now: the targets of its value synapses."""
        place, index, content = self.fast.cell(ids), self.fast.index, self.content
        edges = self.fast.value[self.field].edges()
        row = np.full(index.n, -1)
        row[place] = np.arange(place.size)
        which = row[np.searchsorted(index.uid, edges.pre)]
        cell = np.searchsorted(content.uid, edges.post)
        mine = which >= 0
        order = np.lexsort((cell[mine], which[mine]))
        return Volleys(which[mine][order], cell[mine][order], place.size, content.n)

    def excitability(self, ids: ArrayLike) -> np.ndarray:
        """By the schedule, how often each memory fires in relation to the others, float64 [memories]."""
        ids = np.atleast_1d(np.asarray(ids, np.int64))
        left = self.strength(ids)
        if self.schedule == "strength":
            return np.maximum(left - self.floor, 0.0)
        if self.schedule == "surprise":
            return left * (1.0 - self.slow.p_eff(self.traces(ids)))
        if self.schedule == "usefulness" and self.usefulness is not None:
            given = check_finite_array("Consolidation.usefulness(ids)", self.usefulness(ids), ids.size)
            if (given < 0).any():
                raise ParameterError(f"Consolidation.usefulness(ids): from 0 on, got {float(given.min()):g}")
            return np.broadcast_to(given, ids.shape) * (left > 0)
        return np.asarray(left > 0, np.float64)

    # ---- sleep ------------------------------------------------------------------------------------------------------

    def sleep(self, replays: int | None = None, *, step: int | None = None, probes: int = 0) -> SleepReport:
        """Let the fast store fire by itself until `replays` volleys have been learned, or nothing is gained any more.

        Parameters
        ----------
        replays : int, optional
            About how many (they come at random); default as given to the class.
        step : int, optional
            Replays between two looks at P_eff; default: one for each memory that can be replayed.
        probes : int
            Memories that are recalled from a random half of their cells, before and after.
        """
        begin, now = time.perf_counter(), self.net.now
        name = f"{self.fast.name}: sleep"
        wanted = self.replays if replays is None else check_count(f"{name}(replays)", replays, least=1)
        step = None if step is None else check_count(f"{name}(step)", step, least=1)
        probe = self._probe(check_count(f"{name}(probes)", probes))
        ids, night = self.fast.ids, _Night(self.fast.ids)
        traces = self.traces(ids)
        before, p_before = probe(), self.slow.p_eff(traces)
        p_eff, stopped = p_before, ""
        with self._asleep():
            while not stopped:
                drive = self._excite(ids)
                size = max(10, int(np.count_nonzero(drive))) if step is None else step
                done, stopped = self._step(night, min(size, wanted - night.done))
                last, p_eff = p_eff, self.slow.p_eff(traces)
                gain = _mean(p_eff[drive > 0]) - _mean(last[drive > 0])
                if not stopped and night.done >= wanted:
                    stopped = "replays"
                elif not stopped and done >= size and gain < LEAST_GAIN:
                    stopped = "settled"
        if night.fired and np.isfinite(self.set_point):
            night.removed = self.slow.scale_down(self.set_point, _joined(night.fired))
            p_eff = self.slow.p_eff(traces)
        after = probe()
        return SleepReport(
            ids, night.replays, night.mixed, p_before, p_eff, night.formed, night.removed, before[0], after[0], before[1], after[1],
            min(probes, ids.size), self.net.now - now, time.perf_counter() - begin, stopped,
        )  # fmt: skip

    def _step(self, night: _Night, wanted: int) -> tuple[int, str]:
        """Cycles until about `wanted` replays have been learned; how many, and why there are no more."""
        done = 0
        if not len(self.fast.index.cells):
            return 0, "no replay"
        while done < wanted:
            owners, shown = self._cycles(wanted - done)
            if not owners:
                return done, "no replay"
            try:
                learned = self.slow.learn(shown, owners)
            except CapacityFull:
                return done, "full"
            night.note(owners, learned.formed + learned.woken)
            night.fired.append(shown)
            done += len(shown)
        return done, ""

    def _excite(self, ids: np.ndarray) -> np.ndarray:
        """Set the rates of the noise cells by the schedule; return the excitability of each memory."""
        drive = self.excitability(ids) if ids.size else np.zeros(0)
        if not len(self.fast.index.cells):
            return np.zeros_like(drive)
        rate = np.zeros(self.fast.index.n)
        if drive.sum() > 0:
            share = drive / drive.sum()
            rate[self.fast.cell(ids)] = np.minimum(share * self.noise / GATHER, 1.0) * 1e3 / self.net.dt
        self.noise_cells.rate = rate
        return drive

    def _cycles(self, wanted: int) -> tuple[list[tuple[int, ...]], Volleys]:
        """Run as many cycles as should bring so many replays; who fired in each that brought one, and the volleys of the content layer."""
        number = STILL
        if self.noise > 0:
            number = min(MOST_CYCLES, max(1, round(wanted / -np.expm1(-self.noise))))
        still = 0
        while still < STILL:
            owners, shown = self._run(number)
            if owners:
                return owners, shown
            still += number  # a few cycles may stay silent by chance
            number = min(2 * number, STILL)
        return [], Volleys(np.zeros(0, np.int64), np.zeros(0, np.int64), 0, self.content.n)

    def _run(self, cycles: int) -> tuple[list[tuple[int, ...]], Volleys]:
        """Run cycles of sleep: noise, the race of the index cells, the read of the content cells."""
        index, content = self.fast.index, self.content
        to_content = int(self.fast.value[self.field].default_delay)
        back = max([int(p.default_delay) for p in self.fast.key.values()] + [int(self.slow.projection.default_delay)])
        race = index.race_steps(1.0)
        last = race - 1 + to_content  # from the read of the index cells to that of the content cells
        period = GATHER + last + back
        at = period * np.arange(cycles)
        table, read = Timetable(self.net), at + GATHER - 1
        table.flush(index, at)
        table.go(index, read)
        table.flush(content, read + to_content)
        table.go(content, read + last)
        spikes = table.run(period * cycles)
        who = spikes[index].winners(read, race, index.n, self.net.dt)
        shown = spikes[content].winners(read + last, 1, content.n, self.net.dt)
        rows = np.flatnonzero((who.sizes > 0) & (shown.sizes > 0))
        owner = np.full(index.n, -1, np.int64)
        owner[self.fast.cell(self.fast.ids)] = self.fast.ids
        return [tuple(owner[places].tolist()) for places in who.take(rows)], shown.take(rows)

    @contextmanager
    def _asleep(self) -> Iterator[None]:
        """Input gated off; index cells race for themselves, one at a time; content cells answer to a single value synapse."""
        index, content = self.fast.index, self.content
        self._match()
        if not len(index.cells):  # a lesion: nobody is there to fire
            yield
            return
        k, rise = index.k, index.rise
        shut = [(p, p.weight.copy()) for p in self._inputs()]
        for projection, weight in shut:
            projection.weight = np.zeros_like(weight)
        spread = float(getattr(index.cells, "noise", [0.0])[0])
        index.k = 1
        index.cells.rise = FINE if spread else rise
        index.tune(ceiling=1.0 + spread, theta=1.0, least=1.0)
        content.tune(ceiling=1.0, theta=1.0, least=1.0)
        try:
            self.net.run(self._echo([p for p, _ in shut]) * self.net.dt)  # what was on its way is over
            yield
        finally:
            self.noise_cells.rate = 0.0
            index.k = k
            index.cells.rise = rise
            for projection, weight in shut:
                projection.weight = weight

    def _inputs(self) -> list[Projection]:
        """What is gated off: projections onto the content layer from elsewhere."""
        if self.inputs is not None:
            return list(self.inputs)
        content = self.content
        inner = (content.cells, content.cue, content.clock, content.counter, self.fast.index.cells)
        onto = [p for p in self.net.projections.values() if p.target is content.cells]
        return [p for p in onto if not any(p.source is one for one in inner)]

    def _echo(self, shut: Sequence[Projection]) -> int:
        """Steps until spikes that were on their way, and those that they cause, have arrived."""
        inner = [*self.fast.key.values(), *self.fast.value.values(), self.slow.projection]
        longest = max([float(p.delay.max()) for p in shut if len(p)] + [0.0]) / self.net.dt
        return round(longest) + 2 * max(int(p.default_delay) for p in inner)

    def _match(self) -> None:
        """As many noise cells as index cells."""
        missing = self.fast.index.n - len(self.noise_cells)
        if missing > 0:
            new = self.noise_cells.add(missing).uid
            self.onto_index.insert(new, self.fast.index.uid[-missing:])

    # ---- time -------------------------------------------------------------------------------------------------------

    def rest(self, days: float) -> tuple[int, Rested]:
        """Let `days` pass: the fast store loses synapses fast, the slow one slowly.

        Returns
        -------
        int, Rested
            Synapses that the fast store has lost; what became of those of the slow one.
        """
        days = check_not_negative(f"{self.fast.name}: rest(days)", days, "days")
        p = 1.0 - (1.0 - self.fast_loss) ** days
        fields = [*self.fast.key.values(), *self.fast.value.values()]
        lost = sum(fade(projection, p, self._rests) for projection in fields) if p else 0
        self._rests += 1
        return lost, self.slow.rest(days)

    def arrays(self) -> dict[str, np.ndarray]:
        """What Python knows beside the network and the two stores."""
        return {"rests": np.array([self._rests])}

    def set_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self._rests = int(arrays["rests"][0])

    # ---- recall -----------------------------------------------------------------------------------------------------

    def recall(
        self,
        cues: Patterns,
        *,
        stores: str = "both",
        steps: int = 1,
        reject: bool = False,
        gated: bool = True,
        learn: bool = False,
    ) -> JointRecall:
        """Let cues fire; the fast store answers where it is sure, and the slow store completes.

        Where an index cell passes the threshold that random cues pass with the rate `fa`, the cells that its value synapses wake
        join the cue.  Cue and joined cells then fire together, and the slow store brings the rest, up to k cells.

        Parameters
        ----------
        cues : bool [cues, n], places [cues, k], or list of lists of places
        stores : {"both", "slow", "fast"}
            Which are heard.
        steps : int
            Races of the slow store.
        reject : bool
            Whether a cue that no index cell answers must pass the calibrated threshold of the slow store too.
        gated : bool
            False, and the best index cell joins in, however little support it has.  Where a threshold is lacking or no longer
            holds, random cues are fired first to find it.
        learn : bool
            Whether the slow store learns from the cells that fire where an index cell has answered (consolidation while awake).
        """
        name = f"{self.fast.name}: recall"
        if stores not in ("both", "slow", "fast"):
            raise ParameterError(f"{name}(stores): must be 'both', 'slow' or 'fast', got {stores!r}")
        shown = volleys(f"{name}(cues)", cues, self.content.n)
        ids, woken = np.full(len(shown), -1), Volleys(np.zeros(0, np.int64), np.zeros(0, np.int64), len(shown), shown.n)
        if stores != "slow" and len(self.fast.index.cells):
            keys = shown if self.encode is None else self.encode(shown)
            rows = np.flatnonzero(self._judged(keys.sizes)) if gated else np.arange(len(shown))
            heard = self.fast.recall({self.field: keys.take(rows)}, k=1, reject=gated)
            ids[rows] = heard.ids[:, 0]
            found = heard.values[self.field]
            woken = Volleys(rows[found.which], found.place, len(shown), shown.n)
        cue = _union(shown, woken)
        if stores == "fast":
            return JointRecall(cue, ids, np.where(ids >= 0, "fast", "none"), ids >= 0)
        winners = self.slow.recall(cue, steps=steps).winners
        accepted, alone = np.ones(len(shown), np.bool_), np.flatnonzero(ids < 0)
        if reject and alone.size:
            accepted[alone] = self.slow.recall(shown.take(alone), clamp=False, reject=True).accepted
        if learn and alone.size < len(shown):
            known = np.flatnonzero(ids >= 0)
            self.slow.learn(winners.take(known), ids[known])
        by = np.where(ids >= 0, "fast", np.where(accepted, "slow", "none"))
        return JointRecall(winners, ids, by, accepted)

    def _judged(self, sizes: np.ndarray) -> np.ndarray:
        """Whether there is a threshold for a cue of each size, found anew where it no longer holds; tiny cues have none."""
        judged = np.zeros(sizes.size, np.bool_)
        for size in np.unique(sizes[sizes > 0]).tolist():
            try:
                if not self.fast.calibrated({self.field: size}):
                    self.fast.calibrate(self.fa, size={self.field: size})
            except NotCalibrated:
                continue
            judged[sizes == size] = True
        return judged

    def calibrate(self, fa: float | None = None, *, size: int) -> None:
        """Find the thresholds of both stores for cues of `size` cells, by letting random cues fire."""
        fa = self.fa if fa is None else fa
        if len(self.fast.index.cells):
            self.fast.calibrate(fa, size={self.field: size})
        self.slow.calibrate(fa, size=size, clamp=False)

    def _probe(self, number: int) -> Callable[[], tuple[float, float]]:
        """A function that recalls some memories from half of their cells, in both stores and in the slow one alone."""
        ids = self.fast.ids
        if not number or not ids.size:
            return lambda: (np.nan, np.nan)
        rng = self.net.rng("probe", self.fast.name)
        shown = self.fast.read(np.sort(rng.permutation(ids)[:number]))[self.field]
        orders = [rng.permutation(cells) for cells in shown if cells.size > 1]
        if not orders:
            return lambda: (np.nan, np.nan)
        cues, rest = [o[: o.size // 2] for o in orders], [o[o.size // 2 :] for o in orders]
        return lambda: (
            completed(self.recall(cues).winners, rest),
            completed(self.recall(cues, stores="slow").winners, rest),
        )

    def __repr__(self) -> str:
        return f"Consolidation({self.fast.name!r} -> {self.content.name!r}, by {self.schedule}, {self.replays} replays)"


def completed(winners: Volleys, rest: Sequence[ArrayLike]) -> float:
    """Mean share of the cells that a cue left out which have fired."""
    return _mean(np.array([np.isin(np.asarray(cells), w).mean() for cells, w in zip(rest, winners, strict=True)]))


class _Night:
    """What has happened since sleep began."""

    def __init__(self, ids: np.ndarray) -> None:
        self.ids, self.replays = ids, np.zeros(ids.size, np.int64)
        self.fired: list[Volleys] = []
        self.mixed = self.formed = self.removed = self.done = 0

    def note(self, owners: Sequence[tuple[int, ...]], formed: int) -> None:
        for key in owners:
            self.replays[np.searchsorted(self.ids, [k for k in key if k >= 0])] += 1
            self.mixed += len(key) > 1
        self.done += len(owners)
        self.formed += formed


def _union(first: Volleys, second: Volleys) -> Volleys:
    """Both sets of each presentation together."""
    code = np.unique(np.concatenate([first.which * first.n + first.place, second.which * first.n + second.place]))
    return Volleys(code // first.n, code % first.n, first.number, first.n)


def _joined(parts: Sequence[Volleys]) -> Volleys:
    """Presentations of several runs one after another; at least one run."""
    start = np.cumsum([0, *(len(p) for p in parts)])
    which = np.concatenate([p.which + s for p, s in zip(parts, start, strict=False)])
    return Volleys(which, np.concatenate([p.place for p in parts]), int(start[-1]), parts[0].n)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float("nan")
