"""The gap junctions of a network as the driver calls them: pairs of uids, and the tables that lead from voltage to current.

Knows uids, blocks and ring columns; knows no population.  What is kept are uids and conductances, so it survives any new
layout: places, columns and rows are worked out again whenever something moves.
"""

from typing import Any, Protocol

import numpy as np

from neurosim import ranks
from neurosim.engine.driver import PoolCalls

#: What is kept, one entry per junction, ascending in (owner, pre, post), among parallels in order of birth.
KEPT = {
    "owner": np.int64, "pre": np.int64, "post": np.int64, "conductance": np.float64, "one_way": np.bool_,
}  # fmt: skip
VOLTAGE = "v"


class Blocks(Protocol):
    """What is asked of the engine."""

    blocks: list[Any]
    uid_of_place: np.ndarray
    shards: int

    def shard_of_places(self) -> np.ndarray:
        """Shard of the neuron at each place, if this rank has it."""

    def rank_of_places(self) -> np.ndarray:
        """Rank that has the neuron at each place."""


class GapPool:
    """Junctions of all `GapJunctions` of a network; `owner` is the number of the one that each belongs to.

    The current of a step is computed from the voltages at its beginning and added to the ring before the neurons advance.
    A neuron's junctions are summed in the order (owner, uid of the partner, birth), whatever the layout.  All ranks know all
    junctions; each computes the currents into its own neurons, and is shown the voltages of those that they are joined to.

    Attributes
    ----------
    pre, post : int64 [junctions]
        Uids; a one-way junction lets current pass from pre to post only.
    conductance : float64 [junctions]
        nS.
    """

    def __init__(self) -> None:
        self.owner, self.pre, self.post = (np.zeros(0, np.int64) for _ in range(3))
        self.conductance = np.zeros(0)
        self.one_way = np.zeros(0, np.bool_)
        self.blocks: list[Any] = []
        self.uid = np.zeros(0, np.int64)  # of the coupled neurons, in order of place
        self.first = np.zeros(1, np.int64)
        self.place = np.zeros(0, np.int64)
        self.column = np.zeros(0, np.int64)
        self.voltage = np.zeros(0)
        self.mine = [np.zeros(0, np.int64)]  # for each shard, its neurons among the coupled ones
        self.rank = np.zeros(0, np.int64)
        self.start = np.zeros(1, np.int64)
        self.partner = np.zeros(0, np.int64)
        self.weight = np.zeros(0)
        self.way = np.zeros(0, np.int8)

    def __len__(self) -> int:
        return int(self.pre.size)

    @property
    def reads_state(self) -> bool:
        """Whether the network must advance step by step, because somebody looks at the state in between."""
        return bool(self.pre.size)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        arrays = (self.uid, self.place, self.column, self.voltage, self.start, self.partner, self.weight, self.way)
        return sum(a.nbytes for a in (*arrays, *(getattr(self, name) for name in KEPT)))

    # ---- what is kept -----------------------------------------------------------------------------------------------

    def of(self, owner: int) -> slice:
        """Where the junctions of one owner stand."""
        return slice(*np.searchsorted(self.owner, [owner, owner + 1]).tolist())

    def add(
        self, owner: int, pre: np.ndarray, post: np.ndarray, conductance: np.ndarray, one_way: bool, engine: Blocks
    ) -> None:
        """New junctions between pairs of uids, already checked; the parts that came first stay first among parallels."""
        new: dict[str, Any] = {
            "owner": owner, "pre": pre, "post": post, "conductance": conductance, "one_way": one_way,
        }  # fmt: skip
        for name, dtype in KEPT.items():
            more: np.ndarray = np.full(pre.shape, new[name], dtype)
            setattr(self, name, np.concatenate([getattr(self, name), more]))
        self._keep(np.lexsort((self.post, self.pre, self.owner)))
        self.settle(engine)

    def remove(self, which: np.ndarray, engine: Blocks) -> None:
        """Take junctions away: bool [junctions]."""
        self._keep(np.flatnonzero(~which))
        self.settle(engine)

    def _keep(self, which: np.ndarray) -> None:
        for name in KEPT:
            setattr(self, name, getattr(self, name)[which])

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return {name: getattr(self, name).copy() for name in KEPT}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave; the tables come with the next layout."""
        for name, dtype in KEPT.items():
            setattr(self, name, np.array(arrays.get(name, ()), dtype))  # a save from before there were any has none

    # ---- tables -----------------------------------------------------------------------------------------------------

    def settle(self, engine: Blocks) -> None:
        """Take a new layout: drop the junctions of neurons that are gone, and work out places, columns and rows."""
        if not self.pre.size and not self.uid.size:
            return
        alive = np.isin(self.pre, engine.uid_of_place) & np.isin(self.post, engine.uid_of_place)
        if not alive.all():
            self._keep(np.flatnonzero(alive))
        coupled = np.isin(engine.uid_of_place, np.concatenate([self.pre, self.post])) & (engine.uid_of_place >= 0)
        where = np.flatnonzero(coupled)
        self.uid = engine.uid_of_place[where]
        self._find_columns(engine, where)
        self._make_rows()

    def _find_columns(self, engine: Blocks, where: np.ndarray) -> None:
        """Local places of the coupled neurons, block by block, and the ring columns of their currents."""
        self.blocks, first = [], [0]
        self.place, self.column = np.zeros(where.size, np.int64), np.zeros(where.size, np.int64)
        for block in engine.blocks:
            low, high = np.searchsorted(where, [block.place0, block.place0 + block.room])
            if low < high:
                self.blocks.append(block)
                first.append(int(high))
                self.place[low:high] = where[low:high] - block.place0
                currents = block.column0 + block.columns.index("current") * block.room
                self.column[low:high] = currents + self.place[low:high]
        self.first = np.array(first, np.int64)
        self.voltage = np.zeros(where.size)
        shard, self.rank = engine.shard_of_places()[where], engine.rank_of_places()[where]
        self.mine = [np.flatnonzero((shard == s) & (self.rank == ranks.RANK)) for s in range(engine.shards)]

    def _make_rows(self) -> None:
        """Each junction once at either end, in the order in which a neuron's currents are summed."""
        order = np.argsort(self.uid, kind="stable")
        ends = order[np.searchsorted(self.uid, np.concatenate([self.post, self.pre]), sorter=order)]
        others = np.concatenate([self.pre, self.post])
        junction = np.tile(np.arange(self.pre.size), 2)
        row = np.lexsort((junction, others, self.owner[junction], ends))
        self.start = np.searchsorted(ends[row], np.arange(self.uid.size + 1)).astype(np.int64)
        self.partner = order[np.searchsorted(self.uid, others[row], sorter=order)].astype(np.int64)
        self.weight = self.conductance[junction[row]]
        way = np.repeat(np.array([1, -1], np.int8), self.pre.size)
        self.way = np.where(self.one_way[junction], way, 0).astype(np.int8)[row]

    def total(self) -> np.ndarray:
        """Conductance of all junctions of each neuron in `uid` (nS)."""
        return np.add.reduceat(self.weight, self.start[:-1]) if self.uid.size else np.zeros(0)

    # ---- the driver -------------------------------------------------------------------------------------------------

    def looks_at(self, engine: Blocks) -> np.ndarray:
        """Block (of those with a state), variable and place of each voltage that a rank without the neuron reads."""
        row = np.repeat(np.arange(self.uid.size), np.diff(self.start))
        abroad = np.zeros(self.uid.size, np.bool_)
        abroad[self.partner[self.rank[row] != self.rank[self.partner]]] = True
        states = [block for block in engine.blocks if not block.plays]
        found = [np.zeros((0, 3), np.int64)]
        for b, block in enumerate(self.blocks):
            place = self.place[self.first[b] : self.first[b + 1]][abroad[self.first[b] : self.first[b + 1]]]
            which = states.index(block), block.variables.index(VOLTAGE)
            found.append(np.column_stack([np.tile(which, (place.size, 1)), place]))
        return np.concatenate(found)

    def calls(self) -> PoolCalls:
        """How the driver calls this pool: before the neurons advance, and in no step of the delivery."""
        return PoolCalls("neurosim.kernels.gaps", (), 10, early=("couple", "step, {a}, ring"), looks=True)

    def arguments(self, shard: int = 0) -> tuple[object, ...]:
        """The tuple of the thread that owns a shard, taken afresh at each entry."""
        volts = tuple(block.state[block.variables.index(VOLTAGE)] for block in self.blocks)
        voltage = self.voltage if shard == 0 else np.zeros_like(self.voltage)
        return (
            volts, self.first, self.place, voltage, self.start, self.partner, self.weight, self.way, self.column,
            self.mine[shard],
        )  # fmt: skip
