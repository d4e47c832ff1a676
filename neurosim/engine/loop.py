"""The engine: the loop that runs the blocks of neurons and pools of synapses of one network, stretch by stretch.

Knows the layout and the compiled driver; the objects that users hold (`Network`, `Population`, `Projection`) stand above it.
"""

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosim import ranks
from neurosim.engine import aligned, exchange, shards
from neurosim.engine.blocks import Block
from neurosim.engine.driver import BAD_BLOCK, BAD_PLACE, BAD_VARIABLE, PENDING, WAITING_POOL, DriverPlan, load_driver
from neurosim.engine.inputs import Applied, current_tables, poisson_tables, scatter_memory, shard_tables
from neurosim.engine.layout import NOBODY, Layout, Watch
from neurosim.engine.team import Team
from neurosim.kernels.blocks import spikes_of
from neurosim.stimuli import CURRENTS, POISSON

#: A stretch between two looks at Python (signals, progress) lasts about this long, in seconds.
STRETCH_S = 0.05
#: Samples of state that one stretch may hold, in numbers.
MOST_SAMPLES = 1 << 22
#: Spikes that the record of a stretch holds at least, beyond the worst case of one chunk.
LEAST_RECORD = 1000


@dataclass
class BadNumber:
    """Where a state stopped being a number."""

    population: int
    uid: int
    variable: str
    value: float
    step: int


@dataclass
class Stretch:
    """What one entry of the driver produced: spikes in order of (step, place)."""

    first_step: int
    last_step: int
    step: np.ndarray = field(default_factory=lambda: NOBODY)
    place: np.ndarray = field(default_factory=lambda: NOBODY)
    uid: np.ndarray = field(default_factory=lambda: NOBODY)
    bad: BadNumber | None = None


@dataclass
class Ready:
    """The driver of a network as it is, and what it is called with, for each shard where it is a list.

    `fired[shard, fired_first[b]:]` takes the spikes of block b in a chunk, `fired_bounds[shard, b]` where its steps begin.
    """

    drive: Any
    chunk: int
    worst: int
    noisy: list[Applied]
    fired_first: np.ndarray
    fired: np.ndarray
    fired_bounds: np.ndarray
    tables: list[list[tuple[Any, ...]]] = field(default_factory=list)
    drives: list[tuple[np.ndarray, ...]] = field(default_factory=list)
    currents: list[tuple[Any, ...]] = field(default_factory=list)
    memory: Any = None
    shown: tuple[np.ndarray, ...] = ()


class Engine(Layout):
    """State of one network and the loop that advances it; see `Layout` for where everything lies.

    Attributes
    ----------
    entries : int
        Stretches so far.
    mail : tuple of arrays
        What the driver exchanges spikes with, of several ranks; see `exchange.fitting`.
    """

    def __init__(self, dt: float, seed: int, first_step: int = 0) -> None:
        super().__init__(dt, seed, first_step)
        self.entries = 0
        self.mail: tuple[np.ndarray, ...] = ()
        self.team: Team | None = None
        self._steps_per_s = 1e4
        self._spikes_per_step = 1.0
        self._ready: Ready | None = None
        self._record = np.empty(0, np.int64)  # who fired in a stretch; the next uses it again

    def divide(self, among: int, *, anew: bool = False) -> bool:
        """Divide targets and synapses among so many threads; changes nothing that can be seen.  Whether it was needed."""
        return shards.divide(self, among, anew=anew)

    def imbalance(self) -> float:
        """Likely work of the shard with most to do over the mean: 1 is even."""
        return shards.imbalance(self)

    def prepare(self) -> "Ready":
        """The driver and its arguments for the network as it is."""
        if self._ready is not None and not self._stale:
            return self._ready
        self._fit_ring()
        drives = [a for a in self.applied if isinstance(a.stimulus, POISSON)]
        currents = [a for a in self.applied if isinstance(a.stimulus, CURRENTS)]
        derived = [b.play_list() if b.plays else b.derive() for b in self.blocks]
        shown = exchange.looked_at(self)
        plan = DriverPlan(
            tuple(b.module() for b in self.blocks), tuple(p.calls() for p in self.called), bool(drives), bool(currents), self.shards > 1,
            ranks.SIZE > 1, bool(shown),
        )  # fmt: skip
        chunk = self.chunk
        size = [max(1, b.n_neurons * chunk) for b in self.blocks]
        first = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        self._ready = Ready(
            load_driver(plan), chunk, self.max_fired, currents, first[:-1].copy(),
            aligned.zeros((self.shards, -(-int(first[-1]) // 8) * 8), np.int64),
            aligned.zeros((self.shards, len(self.blocks), -(-(chunk + 1) // 8) * 8), np.int64),
        )  # fmt: skip
        poisson, current = poisson_tables(drives, self.dt, self.seed), current_tables(currents, self.dt, self.seed)
        self._ready.memory, self._ready.shown = current[-1], shown
        for shard in range(self.shards):
            tables: list[tuple[Any, ...]] = []
            for b, own in zip(self.blocks, derived, strict=True):
                if b.plays:  # one thread plays for all
                    tables.append(own if shard == 0 and ranks.once() else (NOBODY, NOBODY))
                else:
                    tables.append((*b.bounds(shard), *own))
            self._ready.tables.append(tables)
            self._ready.drives.append(shard_tables(poisson, drives, self.home, shard, line=0))
            self._ready.currents.append(shard_tables(current, currents, self.home, shard, line=1))
        self._stale = False
        return self._ready

    def refresh(self) -> None:
        """Parameters or stimuli have changed."""
        self._stale = True

    def advance(self, end: int) -> Stretch:
        """Run until `end` or for about STRETCH_S seconds; the network is in a whole state afterwards."""
        ready = self.prepare()
        chunk, worst, begin = ready.chunk, ready.worst, self.step
        end = min(end, begin + max(chunk, int(self._steps_per_s * STRETCH_S)))
        end, watched = self._watch_tables(begin, ranks.of_first("net.run, the next stretch", end))
        capacity = int(worst * chunk + max(LEAST_RECORD, 1.3 * self._spikes_per_step * (end - begin)))
        if self._record.size < capacity:
            self._record = np.empty(capacity, np.int64)
        record, bounds = self._record, np.zeros(end - begin + 1, np.int64)
        if ranks.SIZE > 1:
            self.mail = exchange.fitting(self.mail, chunk, self._spikes_per_step, ready.shown)
            exchange.show(self, ready.shown)
        status = aligned.zeros((self.shards, 8), np.int64)
        status[:, BAD_BLOCK] = -1
        self.entries += 1
        clock = time.perf_counter()
        step = begin
        while True:
            status[:, WAITING_POOL] = -1
            step = self._drive(ready, step, end, begin, status, record, bounds, watched)
            if not status[0, PENDING]:
                break
            for p in np.unique(status[:, WAITING_POOL]):
                if p >= 0:
                    self.pools[p].make_room()
        self.step = step
        exchange.share_bad(self, status)
        elapsed = max(time.perf_counter() - clock, 1e-6)
        if step > begin:
            self._steps_per_s = 0.5 * self._steps_per_s + 0.5 * (step - begin) / elapsed
            self._spikes_per_step = max(0.5 * self._spikes_per_step, bounds[step - begin] / (step - begin))
        scatter_memory(ready.noisy, ready.memory)
        result = self._stretch(begin, record, bounds, status)
        self._give_samples(begin, self.step, watched)
        return result

    def _drive(
        self, ready: "Ready", step: int, end: int, begin: int, status: np.ndarray, record: np.ndarray, bounds: np.ndarray,
        watched: list[list[tuple[Any, ...]]],
    ) -> int:  # fmt: skip
        """Enter the driver, in as many threads as there are shards; return the step reached."""
        given = []
        together: tuple[Any, ...] = ()
        others = (*self.mail, ready.shown) if ready.shown else self.mail
        if self.shards > 1:
            if self.team is None or self.team.threads != self.shards:
                self.team = Team(self.shards)
            heads = np.zeros(self.shards, np.int64)
            together = (self.team.board, ready.fired, ready.fired_first, ready.fired_bounds, heads)
        for shard in range(self.shards):
            blocks = [self._block_arguments(ready, shard, k, watched[shard][k]) for k in range(len(self.blocks))]
            pools = [p.arguments(shard) for p in self.called]
            given.append(
                (step, end, ready.chunk, ready.worst, status[shard], record, bounds, begin, self.ring, ready.drives[shard],
                 ready.currents[shard], *together, *others, *blocks, *pools)
            )  # fmt: skip
        if self.team is None or self.shards == 1:
            return int(ready.drive(*given[0]))
        try:
            return self.team.run(ready.drive, given)
        finally:
            for pool in self.pools:
                pool.gather()

    def _block_arguments(self, ready: "Ready", shard: int, k: int, watched: tuple[Any, ...]) -> tuple[Any, ...]:
        b = self.blocks[k]
        stop = ready.fired_first[k + 1] if k + 1 < len(self.blocks) else ready.fired.shape[1]
        found = ready.fired[shard, ready.fired_first[k] : stop], ready.fired_bounds[shard, k]
        if b.plays:
            return (*ready.tables[shard][k], *found)
        return (
            self.dt, *ready.tables[shard][k], b.state, b.waiting, b.fired, b.uid, b.draws, b.place0, b.column0, b.room,
            b.keys, b.physics.tables, *watched[:7], *found,
        )  # fmt: skip

    def _watch_tables(self, begin: int, end: int) -> tuple[int, list[list[tuple[Any, ...]]]]:
        """Tables of the state recorders for each shard and block, and an end that keeps their samples in memory."""
        if not self.watches:
            nothing: tuple[Any, ...] = (
                NOBODY,
                NOBODY,
                np.zeros(1, np.int64),
                NOBODY,
                NOBODY,
                begin,
                np.zeros(0),
                [],
                [],
            )
            return end, [[nothing] * len(self.blocks)] * self.shards
        mine = [[w for w in self.watches if w.alive and self.home[w.population][0] is b] for b in self.blocks]
        per_step = sum(w.index.size / w.every for one in mine for w in one)
        if per_step:
            end = min(end, begin + max(1, int(MOST_SAMPLES / per_step)))
        return end, [
            [self._watch_table(b, watches, shard, begin, end) for b, watches in zip(self.blocks, mine, strict=True)]
            for shard in range(self.shards)
        ]

    def _watch_table(self, b: Block, watches: list[Watch], shard: int, begin: int, end: int) -> tuple[Any, ...]:
        """What `kernels.blocks.sample` takes, then the recorders and which of their neurons the shard owns."""
        held = []
        for w in watches:
            low, high = self.home[w.population][1].part(shard)
            held.append(np.flatnonzero((w.index >= low) & (w.index < high)))
        place = [self.home[w.population][1].first + w.index[h] for w, h in zip(watches, held, strict=True)]
        counts = [(end // w.every - begin // w.every) * p.size for w, p in zip(watches, place, strict=True)]
        base = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return (
            np.array([w.every for w in watches], np.int64),
            np.array([b.variables.index(w.variable) for w in watches], np.int64),
            np.concatenate([[0], np.cumsum([p.size for p in place])]).astype(np.int64),
            np.concatenate([NOBODY, *place]),
            base[:-1].copy(),
            begin,
            np.zeros(int(base[-1])),
            watches,
            held,
        )

    def _give_samples(self, begin: int, step: int, tables: list[list[tuple[Any, ...]]]) -> None:
        for k in range(len(self.blocks)):
            for r, watch in enumerate(tables[0][k][7]):
                n = step // watch.every - begin // watch.every
                if not n:
                    continue
                values = np.full((n, watch.index.size), np.nan)  # of neurons that are gone
                for shard in range(self.shards):
                    _, _, _, _, base, _, out, _, held = tables[shard][k]
                    size = held[r].size
                    values[:, held[r]] = out[base[r] : base[r] + n * size].reshape(n, size)
                values = exchange.of_all(self, watch, values)
                watch.take((begin // watch.every + 1 + np.arange(n)) * watch.every, values)

    def _stretch(self, begin: int, record: np.ndarray, bounds: np.ndarray, status: np.ndarray) -> Stretch:
        bounds = bounds[: self.step - begin + 1]
        n = int(bounds[-1])
        step, place, uid = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
        oldest = self.step - self.most_delay - 1
        new = spikes_of(begin, bounds, record, self.uid_of_place, oldest, step, place, uid)
        if oldest > begin:
            self.recent_step, self.recent_place = step[new:], place[new:]
        else:
            kept = int(np.searchsorted(self.recent_step, oldest))
            self.recent_step = np.concatenate([self.recent_step[kept:], step])
            self.recent_place = np.concatenate([self.recent_place[kept:], place])
        for pool in self.pools:
            if pool.note_used[0]:
                pool.drop_notes(oldest)
        bad = None
        found = [tuple(int(x) for x in one[[BAD_BLOCK, BAD_VARIABLE, BAD_PLACE]]) for one in status]
        if any(one[0] >= 0 for one in found):
            k, v, at = min(one for one in found if one[0] >= 0)
            block = self.blocks[k]
            piece = next(s for s in block.slices if s.first <= at < s.first + s.n)
            bad = BadNumber(piece.number, int(block.uid[at]), block.variables[v], float(block.state[v, at]), self.step)
        return Stretch(begin, self.step, step, place, uid, bad)
