"""Where the neurons of a network, their synapses, and what is on its way to them lie, and how all of it moves when it changes.

Knows blocks, pools and inputs as arrays and descriptions; advances nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim import ranks
from neurosim.engine import aligned, flight
from neurosim.engine.blocks import Block, Slice
from neurosim.engine.gap_pool import GapPool
from neurosim.engine.inputs import PER_NEURON, Applied
from neurosim.engine.pools import Gone, Moved, Wire
from neurosim.errors import ParameterError, WiringError
from neurosim.graph import RowPool
from neurosim.mapped import Store
from neurosim.stimuli import CURRENTS

NOBODY = np.zeros(0, np.int64)
#: Steps that the neurons may advance at once, however long the delays are.
LONGEST_CHUNK = 64


@dataclass
class Watch:
    """A state recorder as the engine sees it: a variable of some neurons of one population, every `every` steps."""

    population: int
    variable: str
    index: np.ndarray
    every: int
    take: Callable[[np.ndarray, np.ndarray], None]
    alive: bool = True


class Layout:
    """The parts of one network and their places.

    Attributes
    ----------
    step : int
        Steps done; time is step * dt.
    ring : float64 [slots, columns]
        What is on its way; a spike of step k with delay d lies in slot (k + d) & (slots - 1).
    shards : int
        Parts into which targets, with all synapses onto them, are divided: one for each thread; see `Engine.divide`.
    population, uid_of_place : int [places]
        Population number (last number + 1 where no neuron lives) and uid (-1) of each place.
    recent_step, recent_place : int64 [spikes]
        Who fired so late that it may still be on its way.
    """

    def __init__(self, dt: float, seed: int, first_step: int) -> None:
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
        self.shards = 1
        self._n_populations = 0
        self._stale = True

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
