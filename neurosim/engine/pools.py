"""Pools of synapses as the driver calls them: rows, and the tables that lead from a spike to its rows."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from neurosim import ranks
from neurosim.engine import event_pool
from neurosim.engine.driver import PoolCalls
from neurosim.engine.event_pool import EventPool, parallel_ranks
from neurosim.engine.lanes import Lane
from neurosim.engine.lazy_pool import CLOCKED, HISTORY, ROW_STATE, LazyPool
from neurosim.graph import RowPool
from neurosim.kernels.events import LEVEL_BLOCK, LEVEL_PLACE, POST_BLOCK, POST_FIRST, PUSHED, READS, EventPlan
from neurosim.kernels.history import LEDGER, ROOM, SHARD, SHARDS
from neurosim.kernels.rng import hash_pairs, stream_key

OWN = (*ROW_STATE, *HISTORY, *CLOCKED)


@dataclass
class Wire:
    """One projection as its pool sees it.

    `pre` and `post` number populations.  Each shard of targets has `rows` rows, one for each place of the source population;
    those of shard s begin at row0 + s * rows.  `cuts` are the targets (local index) at which the shards after the first begin,
    `columns` the ring columns of the first target for each receptor (current layout).  Of several ranks this one has the
    targets `first_own` to `end_own` (local index); `was_first` is `first_own` before the last layout.  Of weights of few bits:
    `low` and `high` are their bounds, `said` is the largest rounding error that was reported, `draws` counts what was rounded by
    chance, `rounding` is the way in which weights are set.
    """

    number: int
    pre: int
    post: int
    row0: int
    rows: int
    pre_first: int = 0
    pre_n: int = 0
    post_first: int = 0
    post_n: int = 0
    post_room: int = 0
    receptor: int = 0
    columns: list[int] = field(default_factory=list)
    axonal: int = 0
    back: int = 0
    release: float = 1.0
    rule: Any = None
    least_delay: int = -1
    most_delay: int = -1
    modulator: int = -1
    modulator_index: int = 0
    low: float = 0.0
    high: float = 0.0
    said: float = 0.0
    draws: int = 0
    rounding: str = "nearest"
    shards: int = 1
    cuts: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    first_own: int = 0
    end_own: int = 0
    was_first: int = 0

    @property
    def n_rows(self) -> int:
        """Rows of all shards."""
        return self.rows * self.shards

    def source_of(self, row: np.ndarray) -> np.ndarray:
        """Source (local index) of each row."""
        return (row - self.row0) % self.rows if self.shards > 1 else row - self.row0

    def row_of(self, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """Row that holds the synapses of each pair of a source and a target (local indices)."""
        if self.shards == 1:
            return self.row0 + pre
        return self.row0 + np.searchsorted(self.cuts, post, side="right") * self.rows + pre

    def rows_of_sources(self, pre: np.ndarray) -> np.ndarray:
        """All rows of these sources, shard after shard."""
        if self.shards == 1:
            return self.row0 + pre
        return (self.row0 + self.rows * np.arange(self.shards)[:, None] + pre).ravel()

    def owns(self, post: np.ndarray) -> np.ndarray:
        """Whether this rank has each target (local index)."""
        return (post >= self.first_own) & (post < self.end_own)

    def part(self, shard: int) -> tuple[int, int]:
        """(first, last + 1) of the places of the targets of a shard, counted from the first target; rooms are the last one's."""
        edges = [self.first_own, *self.cuts.tolist(), self.end_own]
        return min(edges[shard], self.post_room), min(edges[shard + 1], self.post_room)


@dataclass
class Gone:
    """Synapses that a layout removed because their source or target is gone."""

    wire: Wire
    pre_uid: np.ndarray
    post_uid: np.ndarray
    weight: np.ndarray
    delay: np.ndarray
    late: bool = False  # lost its target


@dataclass
class Moved:
    """How a layout moved things: old place -> new place, and per population the old local indices that live on."""

    place_map: np.ndarray
    kept: dict[int, np.ndarray]


class Places(Protocol):
    """What a pool may ask the engine after a new layout."""

    population: np.ndarray
    uid_of_place: np.ndarray
    uid_of_column: np.ndarray
    step: int
    ring: np.ndarray
    seed: int
    max_fired: int
    blocks: list[Any]
    home: dict[int, tuple[Any, Any]]
    shards: int


def _name_rows(wire: Wire, places: Places, row_uid: np.ndarray) -> None:
    """Write the uids of the sources of a wire's rows."""
    own = places.uid_of_place[wire.pre_first : wire.pre_first + wire.pre_n]
    for shard in range(wire.shards):
        row0 = wire.row0 + shard * wire.rows
        row_uid[row0 : row0 + wire.pre_n] = own


class StaticPool(RowPool):
    """Rows of synapses that only the user, growth and pruning change; with `released`, each transmits by chance."""

    def __init__(self, *, dtype: str, released: bool = False) -> None:
        super().__init__(dtype=dtype)
        self.released = released
        self.wires: list[Wire] = []
        self.fan_first = np.zeros(1, np.int64)
        self.fan_row = np.zeros((1, 0), np.int64)
        self.listed = [np.zeros(0, np.int64)]
        self.population = np.zeros(0, np.int32)
        self.probability = np.zeros(0)
        self.row_uid = np.zeros(0, np.int64)
        self.column_uid = np.zeros(0, np.int64)
        self.rank = np.zeros(0, np.uint8)
        self.key = np.uint64(0)

    def add_rows_for(self, wire: Wire, places: Places) -> int:
        """Empty rows for the sources of a new wire; return the first."""
        return self.add_rows(wire.n_rows)

    def drop_wire(self, wire: Wire) -> None:
        """Forget a wire whose rows are empty; its rows go at the next move of rows."""
        self.wires.remove(wire)

    def settle(self, places: Places, moved: Moved | None = None) -> None:
        """Take a new layout: recompute the tables that lead from a place to its rows."""
        self.population = places.population
        most = max([int(places.population.max(initial=-1)), *[wire.pre for wire in self.wires]])
        count = np.zeros(most + 2, np.int64)
        for wire in self.wires:
            count[wire.pre + 1] += 1
        self.fan_first = np.cumsum(count)
        self.fan_row = np.zeros((places.shards, len(self.wires)), np.int64)
        at = self.fan_first.copy()
        for wire in self.wires:
            self.fan_row[:, at[wire.pre]] = wire.row0 - wire.pre_first + wire.rows * np.arange(places.shards)
            at[wire.pre] += 1
        widest = int(count.max(initial=0))
        self.listed = [np.zeros(max(1, places.max_fired * widest), np.int64) for _ in range(places.shards)]
        if self.released:
            self.key = stream_key(places.seed, "release")
            self.probability = np.zeros(self.n_rows)
            self.row_uid = np.zeros(self.n_rows, np.int64)
            for wire in self.wires:
                self.probability[wire.row0 : wire.row0 + wire.n_rows] = wire.release
                _name_rows(wire, places, self.row_uid)
            self.column_uid = places.uid_of_column
            self.edited()

    def edited(self) -> None:
        """After any edit: what depends on the synapses themselves."""
        if self.released:
            self.rank = parallel_ranks(self)

    def silence(self, row: np.ndarray, slot: np.ndarray, step: np.ndarray) -> None:
        """Say in the notes on these spikes that these synapses have nothing of them on its way."""
        note = self._find_notes(row, step)
        held = (note >= 0) & (slot < self.note_length[np.maximum(note, 0)])
        self.amount[self.note_first[note[held]] + slot[held]] = 0.0

    def was_released(self, row: np.ndarray, slot: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Whether each synapse transmitted the spike of that step, as `kernels.delivery.released` says it."""
        place = self.places_of(row, slot)
        post = self.column_uid[(self.packed[place] & self.mask).astype(np.int64)]
        pre, nth = self.row_uid[row], self.rank[place].astype(np.int64)
        sent = np.zeros(row.size, np.bool_)
        for now in np.unique(step):
            hit = step == now
            draw = np.zeros(int(hit.sum()))
            hash_pairs(self.key ^ np.uint64(int(now) & 0xFFFFFFFF), pre[hit], post[hit], nth[hit], draw)
            sent[hit] = draw < self.probability[row[hit]]
        return sent

    @property
    def same_delay(self) -> int:
        """The one delay (steps) of all synapses, or 0 if there are several."""
        low = {w.least_delay for w in self.wires if w.most_delay >= 0}
        high = {w.most_delay for w in self.wires if w.most_delay >= 0}
        return low.pop() if len(low) == 1 and low == high else 0

    def calls(self) -> PoolCalls:
        """How the driver calls this pool."""
        name = "deliver_released" if self.released else "deliver_static"
        call = name, "now, record, first, last, {a}, ring"
        return PoolCalls("neurosim.kernels.delivery", (call,), 14 if self.released else 10)

    def gather(self) -> None:
        """After threads have run: nothing, they write the ring only."""

    def arguments(self, shard: int = 0) -> tuple[object, ...]:
        """The tuple of the thread that owns a shard, taken afresh at each entry."""
        first = (
            self.population,
            self.fan_first,
            self.fan_row[shard],
            self.listed[shard],
            self.start,
            self.length,
            self.packed,
            self.weight,
        )
        if self.released:
            return (*first, self.column_bits, self.rank, self.probability, self.key, self.row_uid, self.column_uid)
        return (*first, self.column_bits, self.same_delay)

    def set_weights(self, row: np.ndarray, slot: np.ndarray, weight: np.ndarray) -> None:
        """Set weights now; what is on its way must have been noted."""
        self.weight[self.places_of(row, slot)] = weight


def chosen(fields: tuple[str, ...], names: tuple[str, ...]) -> str:
    """Text of the tuple of these of a pool's arguments."""
    return "(" + ", ".join(f"pool{{p}}[{fields.index(name)}]" for name in names) + ")"


class _Wired:
    """What the engine asks of a lazy pool: wire w and shard s are its projection w * shards + s."""

    wires: list[Wire]
    lanes: list[Lane]
    own: tuple[str, ...] = OWN

    def add_rows_for(self: Any, wire: Wire, places: Places) -> int:
        """Projections with empty rows for a new wire; return the first row."""
        first = self.n_rows
        for shard in range(wire.shards):
            self.add_projection(
                wire.rule, pre_lo=wire.pre_first, axonal=wire.axonal, back=wire.back, step=places.step,
                **self._targets_of(wire, shard), **self._more_of(wire, places),
            )  # fmt: skip
        return int(first)

    def numbers_of(self, wire: Wire) -> list[int]:
        """The projections of a wire, shard after shard."""
        w = self.wires.index(wire)
        return list(range(w * wire.shards, (w + 1) * wire.shards))

    def _targets_of(self, wire: Wire, shard: int) -> dict[str, int]:
        """Where the rows and targets of a shard lie."""
        low, high = wire.part(shard)
        column0 = wire.columns[wire.receptor]
        return {
            "n_sources": wire.rows, "n_targets": high - low, "post_lo": wire.post_first + low, "column0": column0 + low,
        }  # fmt: skip

    def _more_of(self, wire: Wire, places: Places) -> dict[str, Any]:
        """Further arguments of add_projection."""
        return {}

    def drop_wire(self: Any, wire: Wire) -> None:
        """Forget a wire whose rows are empty, with the history of its targets."""
        for k in reversed(self.numbers_of(wire)):
            self.remove_projection(k)
        self.wires.remove(wire)

    def settle(self: Any, places: Places, moved: Moved | None = None) -> None:
        """Take a new layout."""
        if moved is None:
            return
        self.move_places(moved.place_map)
        for wire in self.wires:
            keep = moved.kept.get(wire.post)
            numbers = self.numbers_of(wire)
            old = [self.target_range(k) for k in numbers]
            for shard, k in enumerate(numbers):
                targets = None
                low, high = wire.part(shard)
                if keep is not None:
                    before = np.full(wire.post_room, -1, np.int64)  # old local index of each target
                    before[: keep.size] = keep
                    targets = before[low:high]
                    targets = np.where(targets >= 0, targets - wire.was_first - (old[shard][0] - old[0][0]), -1)
                self.move_projection(
                    k, pre_lo=wire.pre_first, row0=wire.row0 + shard * wire.rows, targets=targets, **self._targets_of(wire, shard)
                )  # fmt: skip

    def edited(self) -> None:
        """After any edit: nothing, the pool keeps itself."""

    def own_arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps besides the synapses themselves."""
        return {name: getattr(self, name).copy() for name in self.own}

    def set_own_arrays(self: Any, arrays: dict[str, np.ndarray]) -> None:
        """Take what `own_arrays` gave; the rows are there already."""
        for name in self.own:
            if name != "line":
                setattr(self, name, np.array(arrays[name], order="C"))
        self._set_lines(arrays["line"].reshape(-1, self.words))
        if self.ledger.size < len(LEDGER):  # a save from before there were threads
            self.ledger = np.append(self.ledger, np.zeros(len(LEDGER) - self.ledger.size, np.int64))
        self.counted = np.zeros(self.n_rows, np.int32)
        self._fill_decays()

    def calls(self: Any) -> PoolCalls:
        """How the driver calls this pool."""
        return PoolCalls(
            self.kernels.__name__,
            (("push", self.pushes), ("deliver", "now, 0, ring, {a}")),
            early=("deliver", "step, 1, ring, {a}") if self.late else None,
            room=("room_needed", f"step, n, record, record_bounds[step - origin:], {self.room_needs}"),
        )

    def arguments(self: Any, shard: int = 0) -> Any:
        """The tuple of the thread that owns a shard, taken afresh at each entry."""
        given = self.driver_arguments()
        shards = self.wires[0].shards
        self.ledger[SHARD], self.ledger[SHARDS] = 0, shards
        if shard == 0:
            return given
        while len(self.lanes) < shard:
            self.lanes.append(Lane())
        own = self.lanes[shard - 1].take(self, shard)
        return tuple(
            own.get(name, a) if isinstance(a, np.ndarray) else a for name, a in zip(self.FIELDS, given, strict=True)
        )

    def alike(self: Any) -> None:
        """Give the histories of targets as many places as those of other ranks have."""
        places = ranks.most(self.log.shape[1])
        while self.log.shape[1] < places:
            self._double_logs()
        if hasattr(self, "past") and self.past.shape[0]:
            slots = ranks.most(self.past.shape[1])
            if slots > self.past.shape[1]:
                self._lengthen_past(slots)

    def gather(self) -> None:
        """After threads have run: take what each has kept for itself."""
        for lane in self.lanes[: self.wires[0].shards - 1]:
            lane.give_back(self)


class PlasticPool(_Wired, LazyPool):
    """A lazy pool of the pair rule with the wires of the engine."""

    pushes = "now, record, first, last, {a}"
    room_needs = chosen(LazyPool.FIELDS, ROOM)

    def __init__(self, rule: Any, *, uniform: bool, dt: float, dtype: str, step: int) -> None:
        super().__init__(rule.functions, uniform=uniform, dt=dt, dtype=dtype)
        self.reset(step)
        self.wires = []
        self.lanes = []


class RulePool(_Wired, EventPool):
    """A pool of general rules with the wires of the engine."""

    own = event_pool.OWN

    def __init__(self, plan: EventPlan, *, dt: float, step: int) -> None:
        super().__init__(plan, dt=dt)
        self.reset(step)
        self.wires = []
        self.lanes = []

    @property
    def pushes(self) -> str:
        """What push takes: the states of neurons too, where the rule looks at them."""
        if self.plan.needs_states:
            return "now, record, first, last, {s}, {a}"
        return f"now, record, first, last, True, {chosen(self.FIELDS, PUSHED)}"

    @property
    def room_needs(self) -> str:
        """What room_needed takes."""
        return "{a}" if self.plan.third is not None else chosen(self.FIELDS, ROOM)

    def _more_of(self, wire: Wire, places: Places) -> dict[str, Any]:
        self._take_uids(places)
        if wire.modulator < 0:
            return {}
        block, piece = places.home[wire.modulator]
        tau = np.broadcast_to(piece.parameters["tau"], (piece.n,))
        return {"level_tau": float(tau[wire.modulator_index])}

    def settle(self, places: Places, moved: Moved | None = None) -> None:
        """Take a new layout."""
        super().settle(places, moved)
        self._take_uids(places)
        states = [block for block in places.blocks if not block.plays]
        for wire in self.wires:
            block, piece = places.home[wire.post]
            for shard, k in enumerate(self.numbers_of(wire)):
                self.where[k, POST_BLOCK], self.where[k, POST_FIRST] = (
                    states.index(block),
                    piece.first + wire.part(shard)[0],
                )
                if wire.modulator >= 0:
                    source, held = places.home[wire.modulator]
                    self.where[k, LEVEL_BLOCK] = states.index(source)
                    self.where[k, LEVEL_PLACE] = held.first + wire.modulator_index
                for q, name in enumerate((*self.plan.reads, *self.plan.watches)):
                    self.where[k, READS + q] = block.variables.index(name)

    def looks_at(self, places: Places) -> np.ndarray:
        """Block (of those with a state), variable and place of each level of a modulator; targets' states are read by their owner."""
        levels = self.where[[k for wire in self.wires if wire.modulator >= 0 for k in self.numbers_of(wire)]]
        return np.stack([levels[:, LEVEL_BLOCK], np.zeros(levels.shape[0], np.int64), levels[:, LEVEL_PLACE]], axis=1)

    def _take_uids(self, places: Places) -> None:
        """Uids of rows and columns, where synapses draw random numbers."""
        initial = [v.initial for _, _, v in self.plan.variables]  # a name may stand for a distribution
        if not self.plan.draws and not any(isinstance(one, str) or hasattr(one, "draw") for one in initial):
            return
        self.keys = np.array([stream_key(places.seed, "synapse", i) for i in range(self.keys.size)], np.uint64)
        self.row_uid = np.zeros(self.n_rows, np.int64)
        for wire in self.wires:
            _name_rows(wire, places, self.row_uid)
        self.column_uid = places.uid_of_column
        self.edited()

    def edited(self) -> None:
        """After any edit: the number of each synapse among its parallels, where synapses draw random numbers."""
        if self.plan.draws:
            self.rank = parallel_ranks(self)
