"""The procedural projections of a network as the driver calls them: what to draw the synapses from, and no synapse.

Answers what the engine and `Projection` ask of a pool of stored rows, as far as it can be answered by drawing the synapses
again; everything else is refused.  Knows places, columns and uids; knows no population.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.engine import aligned, flight
from neurosim.engine.driver import PoolCalls
from neurosim.engine.pools import Moved, Places, Wire
from neurosim.errors import WiringError
from neurosim.kernels import implicit

#: Synapses of one source that a block of targets holds on average, if that leaves so many blocks; bounds of log2 of its size.
BLOCK_SYNAPSES, LEAST_BLOCKS, LEAST_BITS, MOST_BITS = 128, 4, 8, 16


Tables = tuple[np.ndarray, np.ndarray, np.ndarray]


class NotStoredError(WiringError, AttributeError):
    """Something was asked of procedural synapses that only stored ones can do; `hasattr` is false."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the synapses of one procedural projection are drawn from.

    Attributes
    ----------
    p : float
        Probability of a synapse.
    first_source, n_sources, first_target, n_targets : int
        Neurons of the two populations that take part, by index.
    weight : float or distribution
    delay : int or distribution
        Steps, axon included; or ms, without `folded`.
    least, folded : int
        Steps: the shortest drawn delay, and what comes on top of a drawn one.
    positive, negative : int
        Numbers of the receptors for weights >= 0 and < 0.
    without_own : bool
        Whether autapses are left out.
    keys : sequence of 3 int
        Keys of targets, weights and delays.
    """

    p: float
    first_source: int
    n_sources: int
    first_target: int
    n_targets: int
    weight: Any
    delay: Any
    least: int
    folded: int
    positive: int
    negative: int
    without_own: bool
    keys: Any

    @property
    def bits(self) -> int:
        """log2 of the number of targets in a block: the synapses depend on it, so it depends on the recipe alone."""
        wanted = round(math.log2(BLOCK_SYNAPSES / self.p)) if self.p > 0 else MOST_BITS
        wanted = min(wanted, (self.n_targets // LEAST_BLOCKS).bit_length() - 1, MOST_BITS)
        return max(wanted, LEAST_BITS)

    def numbers(self, dt: float) -> tuple[list[int], list[float]]:
        """The parts of `whole` and `real` that no layout changes: from BITS on, and all."""
        kinds, laws = [], []
        for value in (self.weight, self.delay):
            if hasattr(value, "_law"):
                kind, *law, redraw = value._law()
                kinds += [kind, int(redraw)]
                laws += law
            else:
                kinds += [-1, 0]
                laws += [float(value), 0.0, 0.0, 0.0]
        drawn = hasattr(self.delay, "_law")
        mean = self.p * (1 << self.bits)
        first = min(8 * math.ceil((mean + math.sqrt(mean) + 1.0) / 8.0), implicit.GROUP)
        scale = 1.0 / math.log1p(-self.p) if 0 < self.p < 1 else -0.0
        return [self.bits, first, *kinds, self.least if drawn else int(self.delay), self.folded], [scale, *laws, dt]


class ImplicitPool:
    """All procedural projections of a network.

    The synapses of a source count as those of its row in the first shard, though each shard draws its own.

    Attributes
    ----------
    recipes : dict of int to Recipe
        By the number of the wire.
    counts : dict of int to int
        Synapses of each wire, counted once.
    """

    column_bits = 31  # targets and delays are packed nowhere

    def __init__(self, dt: float) -> None:
        self.dt = dt
        self.wires: list[Wire] = []
        self.recipes: dict[int, Recipe] = {}
        self.counts: dict[int, int] = {}
        self.n_rows = 0
        self.used = self.note_used = np.zeros(3, np.int64)  # no place, no note, ever
        self.extra = np.zeros(0)
        self.fan_first = np.zeros(1, np.int64)
        self.fan_wire = np.zeros(0, np.int64)
        self.population = np.zeros(0, np.int32)
        self.uid_of_place = self.uid_of_column = np.zeros(0, np.int64)
        self.tables = _no_tables(0)
        self.scratch = scratch_for(LEAST_BITS)
        self.parts = [(self.tables, self.scratch)]

    def __getattr__(self, name: str) -> Any:
        raise NotStoredError(
            f"a procedural projection keeps no synapses (asked for {name!r}): they can be read, but not chosen one by one, numbered, "
            f"changed or made plastic; for that, connect(..., procedural=False)"
        )

    # ---- what the engine asks ---------------------------------------------------------------------------------------

    @property
    def n_synapses(self) -> int:
        """Synapses of all projections."""
        return sum(self.count(wire) for wire in self.wires)

    @property
    def nbytes(self) -> int:
        """Memory that is kept for the synapses: three lines of numbers for each projection."""
        return sum(table.nbytes for table in self.tables)

    @property
    def bytes_per_synapse(self) -> float:
        """The same over their number."""
        return self.nbytes / max(1, self.n_synapses)

    def add_rows_for(self, wire: Wire, places: Places) -> int:
        """Numbers for the sources of a new wire, whose recipe is in `recipes`; return the first."""
        self.n_rows += wire.n_rows
        return self.n_rows - wire.n_rows

    def drop_wire(self, wire: Wire) -> None:
        """Forget a wire."""
        self.wires.remove(wire)
        del self.recipes[wire.number]
        self.counts.pop(wire.number, None)

    def settle(self, places: Places, moved: Moved | None = None) -> None:
        """Take a new layout."""
        self.population, self.uid_of_place = places.population, places.uid_of_place
        self.uid_of_column = places.uid_of_column
        most = max([int(places.population.max(initial=-1)), *[wire.pre for wire in self.wires]])
        first = np.zeros(most + 2, np.int64)
        for wire in self.wires:
            first[wire.pre + 1] += 1
        self.fan_first = np.cumsum(first)
        order = sorted(range(len(self.wires)), key=lambda k: self.wires[k].pre)  # stable: projections in order of birth
        self.fan_wire = np.array(order, np.int64)
        self.tables = self._tables()
        self.parts = [self._part(shard) for shard in range(places.shards)]
        self.scratch = self.parts[0][1]

    def _part(self, shard: int) -> tuple[Tables, tuple[np.ndarray, ...]]:
        """(tables, scratch) of a shard: what all shards deliver together is what the whole does."""
        whole, real, keys = self.tables[0].copy(), *self.tables[1:]
        for w, wire in enumerate(self.wires):
            shifted = np.array(wire.part(shard)) - self.recipes[wire.number].first_target
            whole[w, implicit.FROM], whole[w, implicit.TO] = np.clip(shifted, 0, whole[w, implicit.TO])
        return (whole, real, keys), scratch_for(max([LEAST_BITS, *[self.recipes[w.number].bits for w in self.wires]]))

    def _tables(self) -> Tables:
        whole, real, keys = _no_tables(len(self.wires))
        for w, wire in enumerate(self.wires):
            recipe = self.recipes[wire.number]
            source, target = wire.pre_first + recipe.first_source, wire.post_first + recipe.first_target
            whole[w, implicit.PRE_FIRST], whole[w, implicit.N_PRE] = source, recipe.n_sources
            whole[w, implicit.N_POST] = recipe.n_targets
            whole[w, implicit.TO] = recipe.n_targets if recipe.p > 0 else 0
            whole[w, implicit.POSITIVE] = wire.columns[recipe.positive] + recipe.first_target
            whole[w, implicit.NEGATIVE] = wire.columns[recipe.negative] + recipe.first_target
            whole[w, implicit.OWN] = target if recipe.without_own else -1
            whole[w, implicit.BITS :], real[w] = recipe.numbers(self.dt)
            keys[w] = recipe.keys
        return whole, real, keys

    def remap(self, column_map: np.ndarray, bits: int) -> tuple[np.ndarray, ...]:
        """Columns have moved: nothing here names one; (row, packed, weight) of what is lost are empty."""
        return np.zeros(0, np.int64), np.zeros(0, np.uint32), np.zeros(0)

    def move_rows(self, row_map: np.ndarray, n_rows: int) -> None:
        """Rows have other numbers."""
        self.n_rows = n_rows

    def edited(self) -> None:
        """After any change of the populations: nothing."""

    def compact(self) -> None:
        """Nothing to win."""

    def drop_notes(self, before_step: int) -> None:
        """There are none: weights never change."""

    def calls(self) -> PoolCalls:
        """How the driver calls this pool."""
        call = "deliver_implicit", "now, record, first, last, {a}, ring"
        return PoolCalls("neurosim.kernels.implicit", (call,), 7)

    def gather(self) -> None:
        """After threads have run: nothing, they write the ring only."""

    def divide(self, shards: int) -> None:
        """Rows for so many shards, with nothing to move: `settle` takes the new cuts."""
        self.n_rows = 0
        for wire in self.wires:
            wire.row0, wire.shards = self.n_rows, shards
            self.n_rows += wire.n_rows

    def arguments(self, shard: int = 0) -> tuple[Any, ...]:
        """The driver's tuple for the thread that owns a shard: its targets, and arrays of its own to draw into."""
        return (
            self.population, self.fan_first, self.fan_wire, self.uid_of_place, self.uid_of_column, *self.parts[shard],
        )  # fmt: skip

    # ---- what a projection asks -------------------------------------------------------------------------------------

    def count(self, wire: Wire) -> int:
        """Number of synapses of a wire; they are drawn once for it."""
        if wire.number not in self.counts:
            self.counts[wire.number] = int(self.degrees_out(wire.row0, wire.rows).sum())
        return self.counts[wire.number]

    def likely(self, wire: Wire) -> np.ndarray:
        """About how many synapses each shard has (float64), without drawing them."""
        recipe = self.recipes[wire.number]
        bounds = np.array([wire.part(shard) for shard in range(wire.shards)]) - recipe.first_target
        wanted = np.diff(np.clip(bounds, 0, recipe.n_targets), axis=1)[:, 0]
        return recipe.p * recipe.n_sources * wanted.astype(np.float64)

    def degrees_out(self, row0: int, n_rows: int) -> np.ndarray:
        """Number of synapses of each of these rows of one wire (int64)."""
        w, begin, end, offset = self._sources(row0, n_rows)
        degree = np.zeros(n_rows, np.int64)
        given = self.uid_of_place, self.tables, self.scratch
        implicit.count_implicit(w, begin, end, *given, degree[offset : offset + end - begin])
        return degree

    def edges(self, row0: int, n_rows: int) -> tuple[np.ndarray, ...]:
        """(row int64, slot int32, column int64, delay int64, weight) of these rows of one wire, in row order."""
        w, begin, end, _ = self._sources(row0, n_rows)
        wire = self.wires[w]
        n = int(self.degrees_out(row0, n_rows).sum())
        row, slot, column, delay, weight = (
            np.empty(n, t) for t in (np.int64, np.int32, np.int64, np.int64, np.float64)
        )
        given = self.uid_of_place, self.uid_of_column, self.tables, self.scratch
        implicit.list_implicit(w, begin, end, *given, row, slot, column, delay, weight)
        return row + (wire.row0 + self.recipes[wire.number].first_source), slot, column, delay, weight

    def degrees_in(self, row0: int, n_rows: int, column0: int, n_columns: int) -> np.ndarray:
        """Number of synapses of these rows onto each column column0 ... column0 + n_columns - 1 (int64)."""
        degree = np.zeros(n_columns, np.int64)
        step = max(1, int(n_rows * 4_000_000 / max(1, self.count(self.wires[self._sources(row0, n_rows)[0]]))))
        for first in range(row0, row0 + n_rows, step):  # in parts, so that the synapses are never there all at once
            column = self.edges(first, min(step, row0 + n_rows - first))[2] - column0
            degree += np.bincount(column[(column >= 0) & (column < n_columns)], minlength=n_columns)
        return degree

    def count_in_row(self, row: np.ndarray, column: np.ndarray) -> np.ndarray:
        """How many synapses (int32) each row has onto each column."""
        row, column = (np.array(a, np.int64) for a in np.broadcast_arrays(row, column))
        count = np.zeros(row.size, np.int32)
        if not row.size:
            return count
        w = self._wire_of(int(row.min()), int(row.max()) + 1)
        wire, whole = self.wires[w], self.tables[0]
        source = wire.source_of(row) - self.recipes[wire.number].first_source
        for first in {int(whole[w, implicit.POSITIVE]), int(whole[w, implicit.NEGATIVE])}:
            found = np.zeros(row.size, np.int32)
            given = self.uid_of_place, self.uid_of_column, self.tables, self.scratch
            implicit.count_pairs(w, source, column - first, column, *given, found)
            count += found
        return count

    def withdraw(self, engine: Any, wire: Wire) -> None:
        """Take back from the ring what the synapses of a wire have sent and not yet delivered."""
        row, step = flight._recent_of(engine, wire)
        for one in np.unique(row[row < wire.row0 + wire.rows]):
            _, _, column, delay, weight = self.edges(int(one), 1)
            for streamed in step[row == one]:
                due = streamed + delay
                late = due >= engine.step
                np.subtract.at(engine.ring, (due[late] & (engine.ring.shape[0] - 1), column[late]), weight[late])

    def _wire_of(self, first: int, last: int) -> int:
        """Number of the wire that holds rows first ... last - 1."""
        return next(w for w, o in enumerate(self.wires) if o.row0 <= first and last <= o.row0 + o.n_rows)

    def _sources(self, row0: int, n_rows: int) -> tuple[int, int, int, int]:
        """(wire, first source, end, row of that source after row0) of what takes part in these rows."""
        w = self._wire_of(row0, row0 + n_rows)
        wire, recipe = self.wires[w], self.recipes[self.wires[w].number]
        before = row0 - wire.row0 - recipe.first_source
        begin, end = (int(i) for i in np.clip([before, before + n_rows], 0, recipe.n_sources))
        return w, begin, end, begin - before


def scratch_for(bits: int) -> tuple[np.ndarray, ...]:
    """What a kernel needs to draw a block: jumps, targets, their uids, random bits, weights, drawn delays, delays in steps."""
    kinds: tuple[type[np.generic], ...] = (np.int64, np.int64, np.uint64, np.float64, np.float64, np.int64)
    return aligned.zeros(implicit.GROUP), *(aligned.zeros(1 << bits, kind) for kind in kinds)


def _no_tables(n: int) -> Tables:
    return np.zeros((n, implicit.N_WHOLE), np.int64), np.zeros((n, implicit.N_REAL)), np.zeros((n, 3), np.uint64)
