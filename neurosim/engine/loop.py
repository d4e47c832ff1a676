"""The engine: blocks of neurons, pools of synapses, the spike ring, and the loop that runs them.

Knows arrays and descriptions; the objects that users hold (`Network`, `Population`, `Projection`) stand above it.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurosim import ranks
from neurosim.engine import aligned, exchange, flight, shards
from neurosim.engine.blocks import Block, Slice
from neurosim.engine.driver import BAD_BLOCK, BAD_PLACE, BAD_VARIABLE, PENDING, WAITING_POOL, DriverPlan, load_driver
from neurosim.engine.gap_pool import GapPool
from neurosim.engine.inputs import PER_NEURON, Applied, current_tables, poisson_tables, scatter_memory, shard_tables
from neurosim.engine.pools import Gone, Moved, Wire
from neurosim.engine.team import Team
from neurosim.errors import ParameterError, WiringError
from neurosim.graph import RowPool
from neurosim.kernels.blocks import spikes_of
from neurosim.mapped import Store
from neurosim.stimuli import CURRENTS, POISSON

NOBODY = np.zeros(0, np.int64)
#: A stretch between two looks at Python (signals, progress) lasts about this long, in seconds.
STRETCH_S = 0.05
#: Steps that the neurons may advance at once, however long the delays are.
LONGEST_CHUNK = 64
#: Samples of state that one stretch may hold, in numbers.
MOST_SAMPLES = 1 << 22
#: Spikes that the record of a stretch holds at least, beyond the worst case of one chunk.
LEAST_RECORD = 1000


@dataclass
class Watch:
    """A state recorder as the engine sees it: a variable of some neurons of one population, every `every` steps."""

    population: int
    variable: str
    index: np.ndarray
    every: int
    take: Callable[[np.ndarray, np.ndarray], None]
    alive: bool = True


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


class Engine:
    """State of one network and the loop that advances it.

    Attributes
    ----------
    step : int
        Steps done; time is step * dt.
    ring : float64 [slots, columns]
        What is on its way; a spike of step k with delay d lies in slot (k + d) & (slots - 1).
    shards : int
        Parts into which targets, with all synapses onto them, are divided: one for each thread; see `divide`.
    population, uid_of_place : int [places]
        Population number (last number + 1 where no neuron lives) and uid (-1) of each place.
    """

    def __init__(self, dt: float, seed: int, first_step: int = 0) -> None:
        self.dt = dt
        self.seed = seed
        self.store: Store | None = None
        self.step = first_step
        self.blocks: list[Block] = []
        self.pools: list[Any] = []
        self.gaps = GapPool()
        self.applied: list[Applied] = []
        self.watches: list[Watch] = []
        self.ring = aligned.zeros((1, 0))
        self.population = np.zeros(0, np.int32)
        self.uid_of_place = np.zeros(0, np.int64)
        self.uid_of_column = np.zeros(0, np.int64)
        self.recent_step = NOBODY
        self.recent_place = NOBODY
        self.home: dict[int, tuple[Block, Slice]] = {}
        self.entries = 0
        self.mail: tuple[np.ndarray, ...] = ()  # what the driver exchanges spikes with
        self.shards = 1
        self.team: Team | None = None
        self._n_populations = 0
        self._stale = True
        self._steps_per_s = 1e4
        self._spikes_per_step = 1.0
        self._ready: Ready | None = None
        self._record = np.empty(0, np.int64)  # who fired in a stretch; the next uses it again

    # ---- neurons ----------------------------------------------------------------------------------------------------

    def add_slice(self, number: int, physics: Any, parameters: dict[str, np.ndarray], uid: np.ndarray) -> None:
        """A new population of `uid.size` neurons in the block of its model."""
        block = next((b for b in self.blocks if b.physics is physics), None)
        if block is None:
            block = Block(physics, self.dt, self.seed)
            self.blocks.append(block)
        piece = Slice(number, uid.size, parameters, uid=uid)
        piece.cut(self.shards)
        block.slices.append(piece)
        self.home[number] = block, piece
        self._n_populations = max(self._n_populations, number + 1)
        self.lay_out(block, {s.number: np.arange(s.n) for s in block.slices if s.number != number})

    def resize_slice(self, number: int, keep: np.ndarray, uid: np.ndarray) -> list[Gone]:
        """Keep the neurons `keep` (old indices, ascending) of a population, then newborns: `uid` is the new list of all."""
        block, piece = self.home[number]
        kept = {s.number: np.arange(s.n) for s in block.slices}
        kept[number] = keep
        old_n = piece.n
        piece.n, piece.uid = uid.size, uid
        newborn = uid.size - keep.size
        for name, value in piece.parameters.items():
            piece.parameters[name] = _per_neuron(value, keep, newborn)
        if piece.spontaneous.ndim:
            piece.spontaneous = np.append(piece.spontaneous[keep], np.zeros(newborn))
        if number in block.lists:
            step, index = block.lists[number]
            new = np.full(old_n, -1)
            new[keep] = np.arange(keep.size)
            index = np.where(index < old_n, new[np.minimum(index, old_n - 1)], index)
            block.lists[number] = step[index >= 0], index[index >= 0]
        for one in self.applied:
            if one.population == number:
                place = np.full(old_n, -1)
                place[keep] = np.arange(keep.size)
                alive = place[one.index] >= 0
                all_alike = one.index.size == old_n and not any(
                    np.ndim(getattr(one.stimulus, n, 0)) for n in PER_NEURON
                )
                hear = np.arange(keep.size, uid.size if all_alike else keep.size)  # newborns hear what all hear alike
                if one.memory.size == one.index.size:
                    one.memory = np.append(one.memory[alive], np.zeros(hear.size))
                one.index = np.append(place[one.index][alive], hear)
        for watch in self.watches:
            if watch.population == number:
                place = np.append(np.full(old_n, -1), -1)
                place[keep] = np.arange(keep.size)
                watch.index = place[watch.index]
        return self.lay_out(block, kept)

    def remove_slice(self, number: int) -> list[Gone]:
        """Remove a population with all its neurons."""
        gone = self.resize_slice(number, NOBODY, NOBODY)
        block, piece = self.home.pop(number)
        block.slices.remove(piece)
        self.applied = [a for a in self.applied if a.population != number]
        for watch in self.watches:
            watch.alive &= watch.population != number
        if not block.slices:
            self.blocks.remove(block)
        self._lay_out_all()
        return gone

    def want_current(self, number: int) -> None:
        """Give the block of a population a ring column for currents."""
        block, _ = self.home[number]
        if not block.current:
            self.lay_out(block, {s.number: np.arange(s.n) for s in block.slices}, current=True)

    def lay_out(self, block: Block, kept: dict[int, np.ndarray], *, current: bool = False) -> list[Gone]:
        """Place the neurons of a block anew, and move ring, rows, columns and everything else with them."""
        gone = self._silence(kept)
        old_places = [(b, b.place0, b.room, b.column0, len(b.columns)) for b in self.blocks]
        old_uids = self.uid_of_place, self.uid_of_column
        moved = block.relayout(kept)
        block.current |= current
        place_map = np.full(self.uid_of_place.size, -1, np.int64)
        column_map = np.full(self.uid_of_column.size, -1, np.int64)
        self._number_places()
        for b, place0, room, column0, n_columns in old_places:
            inside = moved if b is block else np.arange(room)
            alive = np.flatnonzero(inside >= 0)
            place_map[place0 + alive] = b.place0 + inside[alive]
            for k in range(n_columns):
                column_map[column0 + k * room + alive] = b.column0 + k * b.room + inside[alive]
        self._move_ring(column_map)
        gone += self._move_pools(column_map, kept, *old_uids)
        place = place_map[self.recent_place]
        self.recent_step, self.recent_place = self.recent_step[place >= 0], place[place >= 0]
        self.settle(Moved(place_map, kept))
        return gone

    def check_room(self, label: str, more: int) -> None:
        """Refuse `more` ring columns that would not fit beside the delays into the 32 bits of a synapse."""
        columns = self.uid_of_column.size + more + 64
        bits = (columns - 1).bit_length()
        for pool in self.pools:
            longest = max((w.most_delay for w in pool.wires), default=0)
            if bits > pool.column_bits and longest.bit_length() > 32 - bits:
                raise WiringError(
                    f"{label}: {columns:,} receptors do not fit beside delays of {longest * self.dt:g} ms (dt = {self.dt:g} ms); "
                    f"take fewer neurons, shorter delays or a longer dt"
                )

    def _silence(self, kept: dict[int, np.ndarray]) -> list[Gone]:
        """Take away the synapses of the sources that are about to go, with what they have on its way."""
        gone: list[Gone] = []
        for pool in self.pools:
            for wire in pool.wires:
                keep = kept.get(wire.pre)
                if keep is None or keep.size == wire.pre_n:
                    continue
                dying = np.ones(wire.pre_n, np.bool_)
                dying[keep] = False
                rows = wire.rows_of_sources(np.flatnonzero(dying))
                if not pool.length[rows].any():
                    continue
                row, slot, column, delay, weight = _edges_of(pool, rows)
                flight.note_in_flight(self, pool, wire, np.unique(row), only_released=True)
                flight.take_back(self, pool, wire, row, slot)
                pool.remove(row, slot)
                pre = self.uid_of_place[wire.pre_first + wire.source_of(row)]
                gone.append(Gone(wire, pre, self.uid_of_column[column], np.asarray(weight, np.float64), delay))
        return gone

    def _lay_out_all(self) -> None:
        """After a block or population is gone: nothing lives there, so only numbers move."""
        if self.blocks:
            block = self.blocks[0]
            self.lay_out(block, {s.number: np.arange(s.n) for s in block.slices})
        else:
            self._number_places()
            self.ring = aligned.zeros((self.ring.shape[0], 0))
            self.recent_step = self.recent_place = NOBODY
            self.settle()

    def relabel(self, n_populations: int) -> None:
        """Blocks have been put in place as they were saved: number their places and columns."""
        self._n_populations = n_populations
        self._number_places()

    def _number_places(self) -> None:
        place = column = 0
        for b in self.blocks:
            b.place0, b.column0 = place, column
            place += b.room
            column += b.n_columns
        self.uid_of_place = np.full(place, -1, np.int64)
        self.population = np.full(place, self._n_populations, np.int32)
        self.uid_of_column = np.full(column, -1, np.int64)
        for b in self.blocks:
            for s in b.slices:
                here = slice(b.place0 + s.first, b.place0 + s.first + s.n)
                self.uid_of_place[here] = s.uid
                self.population[here] = s.number
            for k in range(len(b.columns)):
                self.uid_of_column[b.column0 + k * b.room : b.column0 + (k + 1) * b.room] = b.uid

    def _move_ring(self, column_map: np.ndarray) -> None:
        old = self.ring
        self.ring = aligned.zeros((old.shape[0], self.uid_of_column.size))
        source = np.flatnonzero(column_map >= 0)
        self.ring[:, column_map[source]] = old[:, source]

    def _move_pools(
        self, column_map: np.ndarray, kept: dict[int, np.ndarray], old_uid_of_place: np.ndarray, old_uid: np.ndarray
    ) -> list[Gone]:
        """Rows follow their sources, columns their targets; returns the synapses that lost their target."""
        gone: list[Gone] = []
        still = np.array_equal(column_map, np.where(old_uid >= 0, np.arange(old_uid.size), -1))
        for pool in self.pools:
            bits = pool.column_bits
            wanted = max(bits, (max(1, self.uid_of_column.size) - 1).bit_length())
            if still and wanted == bits:  # newborns took free places: no synapse knows of it
                self._move_rows(pool, kept)
                continue
            row, packed, weight = pool.remap(column_map, wanted)
            for wire in pool.wires if row.size else ():
                hit = (row >= wire.row0) & (row < wire.row0 + wire.n_rows)
                if hit.any():
                    column = (packed[hit] & np.uint32((1 << bits) - 1)).astype(np.int64)
                    delay = (packed[hit] >> np.uint32(bits)).astype(np.int64)
                    pre = old_uid_of_place[wire.pre_first + wire.source_of(row[hit])]
                    gone.append(Gone(wire, pre, old_uid[column], np.asarray(weight[hit], np.float64), delay, late=True))
            self._move_rows(pool, kept)
        return gone

    def _move_rows(self, pool: Any, kept: dict[int, np.ndarray]) -> None:
        """Rows of a projection: for each shard one for each place of the source population, in order."""
        row_map = np.full(pool.n_rows, -1, np.int64)
        at = 0
        for wire in pool.wires:
            _, piece = self.home[wire.pre]
            keep = kept.get(wire.pre, np.arange(wire.pre_n))
            for shard in range(wire.shards):
                row_map[wire.row0 + shard * wire.rows + keep] = at + shard * piece.room + np.arange(keep.size)
            wire.row0, wire.rows = at, piece.room
            at += wire.n_rows
        if (
            at != pool.n_rows
            or not np.array_equal(row_map[row_map >= 0], np.flatnonzero(row_map >= 0))
            or (row_map < 0).any()
        ):
            pool.move_rows(row_map, at)

    # ---- synapses ---------------------------------------------------------------------------------------------------

    def add_wire(self, pool: Any, wire: Wire) -> None:
        """A new projection in `pool`, without synapses yet."""
        wire.shards = self.shards
        self._place_wire(wire)
        wire.rows = self.home[wire.pre][1].room
        if pool not in self.pools:
            pool.column_bits = max(pool.column_bits, (max(1, self.uid_of_column.size) - 1).bit_length())
            self.keep(pool)
            self.pools.append(pool)
        wire.row0 = pool.add_rows_for(wire, self)
        pool.wires.append(wire)
        self.settle()

    def keep(self, pool: Any) -> None:
        """A pool that is still empty: keep its synapses where the network keeps them."""
        if self.store is not None and isinstance(pool, RowPool):
            if not pool.keeps_weights:
                raise ParameterError(
                    f"Network.store: static weights of dtype={pool.store!r} cannot lie on disk; take dtype='float32', or leave out store"
                )
            pool.keep_in(self.store.files())

    def remove_wire(self, pool: Any, wire: Wire) -> None:
        """Remove a projection that has no synapses any more."""
        pool.drop_wire(wire)
        if pool.wires:
            self._move_rows(pool, {})
            nothing = Moved(np.arange(self.population.size), {})
        else:
            self.pools.remove(pool)
            nothing = None
        self.settle(nothing)

    def _place_wire(self, wire: Wire) -> None:
        block, piece = self.home[wire.pre]
        wire.pre_first, wire.pre_n = block.place0 + piece.first, piece.n
        block, piece = self.home[wire.post]
        wire.post_first, wire.post_n, wire.post_room = block.place0 + piece.first, piece.n, piece.room
        wire.cuts = piece.cuts
        wire.was_first = wire.first_own
        wire.first_own, wire.end_own = piece.own()
        if ranks.RANK == ranks.SIZE - 1:
            wire.end_own = piece.room
        wire.columns = [block.column0 + k * block.room + piece.first for k in range(len(block.physics.receptors))]

    def note_delays(self, wire: Wire, least: int, most: int) -> None:
        """Synapses with these delays are about to be added to the wire."""
        if wire.least_delay <= least and most <= wire.most_delay:
            return
        wire.least_delay = min(wire.least_delay, least) if wire.most_delay >= 0 else least
        wire.most_delay = max(wire.most_delay, most)
        self._fit_ring()
        self._stale = True

    def settle(self, moved: Moved | None = None) -> None:
        """After any change of layout, wiring or stimuli: recompute what leads from places to rows and columns."""
        for pool in self.pools:
            for wire in pool.wires:
                self._place_wire(wire)
            pool.settle(self, moved)
        self.gaps.settle(self)
        for one in self.applied:
            self._settle_input(one)
        self._stale = True

    def _settle_input(self, one: Applied) -> None:
        block, piece = self.home[one.population]
        one.uid = piece.uid[one.index]
        if isinstance(one.stimulus, CURRENTS):
            k = len(block.physics.receptors)
            if one.memory.size != one.index.size:
                one.memory = np.zeros(one.index.size)
        else:
            k = list(block.physics.receptors).index(one.receptor) if one.receptor else 0
        one.column = block.column0 + k * block.room + piece.first + one.index

    @property
    def max_fired(self) -> int:
        """The most neurons that can fire in one step."""
        return sum(b.n_neurons for b in self.blocks)

    @property
    def most_delay(self) -> int:
        """Longest time (steps) that a spike can be on its way, axon included."""
        return max((w.most_delay + w.axonal for p in self.pools for w in p.wires if w.most_delay >= 0), default=1)

    @property
    def called(self) -> list[Any]:
        """What the driver calls between the neurons: pools of synapses, then the gap junctions if there are any."""
        return [*self.pools, *([self.gaps] if len(self.gaps) else [])]

    @property
    def chunk(self) -> int:
        """Steps that the neurons can advance without hearing each other: the smallest delay, 1 if somebody reads their state."""
        if any(getattr(p, "reads_state", False) for p in self.called):
            return 1
        shortest = min((w.least_delay for p in self.pools for w in p.wires if w.most_delay >= 0), default=16)
        return max(1, min(shortest, LONGEST_CHUNK))

    def _fit_ring(self) -> None:
        """Lengthen the ring to hold the longest delay.

        Before a chunk, what is on its way lies in the slots of the next `longest` steps; after it the slots of the chunk are
        empty, and its spikes go to the `longest` slots behind it.
        """
        longest = max((w.most_delay for p in self.pools for w in p.wires), default=1)
        need = 1 << (max(longest, self.chunk, 2) - 1).bit_length()
        if need > self.ring.shape[0]:
            old, slots = self.ring, self.ring.shape[0]
            self.ring = aligned.zeros((need, old.shape[1]))
            for k in range(slots):
                self.ring[(self.step + k) & (need - 1)] = old[(self.step + k) & (slots - 1)]

    def tidy(self) -> None:
        """Close the holes that edits left, where a pool lies a quarter larger than its synapses; changes no order and no sum."""
        for pool in self.pools:
            if pool.used[0] > 1.25 * pool.n_synapses + 65_536:
                pool.compact()

    # ---- running ----------------------------------------------------------------------------------------------------

    def divide(self, among: int, *, anew: bool = False) -> bool:
        """Divide targets and synapses among so many threads; changes nothing that can be seen.  Whether it was needed."""
        return shards.divide(self, among, anew=anew)

    def imbalance(self) -> float:
        """Likely work of the shard with most to do over the mean: 1 is even."""
        return shards.imbalance(self)

    def shard_of_places(self) -> np.ndarray:
        """Shard of the neuron at each place, if this rank has it; int64 [places]."""
        return self._of_places(lambda s: s.shard_of(np.arange(s.n)))

    def rank_of_places(self) -> np.ndarray:
        """Rank that has the neuron at each place, int64 [places]."""
        return self._of_places(lambda s: s.rank_of(np.arange(s.n)))

    def _of_places(self, ask: Callable[[Slice], np.ndarray]) -> np.ndarray:
        out = np.zeros(self.population.size, np.int64)
        for b in self.blocks:
            for s in b.slices:
                here = b.place0 + s.first
                out[here : here + s.n] = ask(s)
        return out

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


def _edges_of(pool: Any, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """(row, slot, column, delay, weight now) of the synapses of these rows, in row order."""
    length = pool.length[rows].astype(np.int64)
    row = np.repeat(rows, length)
    slot = np.arange(row.size) - np.repeat(np.cumsum(length) - length, length)
    place = pool.places_of(row, slot)
    packed = pool.packed[place]
    column, delay = (packed & pool.mask).astype(np.int64), (packed >> np.uint32(pool.column_bits)).astype(np.int64)
    return (
        row,
        slot,
        column,
        delay,
        pool.read_weights(rows) if hasattr(pool, "read_weights") else pool.weights_of(row, slot),
    )


def _per_neuron(value: np.ndarray, keep: np.ndarray, newborn: int) -> np.ndarray:
    """Values of those who stay, and their mean for newborns; one number for all stays one, also when nobody is left."""
    if not value.ndim:
        return value
    kept = value[keep]
    if kept.size + newborn == 0:
        return np.asarray(value.mean()) if value.size else np.asarray(0.0)
    return np.append(kept, np.full(newborn, kept.mean() if kept.size else value.mean()))
