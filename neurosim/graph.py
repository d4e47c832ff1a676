"""A pool of growable rows of synapses, and what an editable graph is asked.  Knows arrays only, no Population.

A *row* holds the synapses of one source neuron in one projection, in order of birth, side by side in memory.  A
*column* is a place in the spike ring: a target neuron and receptor.  Rows are found by number, synapses by (row, slot).
Rows have room to grow; a full row moves to a larger block and leaves its old one to rows of that size.  When the
columns are full, rows slide together if an eighth of the places would be won, else the columns are lengthened.
"""

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ParameterError
from neurosim.kernels import batches, queries
from neurosim.kernels import rows as edits
from neurosim.mapped import Files

MOST_HOLES = 0.125  # share of holes that is tolerated while columns are full
_NEVER = -(2**62)  # a step before all others
_NO_MAP = np.empty(0, np.int64)


class RowPool:
    """Growable rows of synapses of one rule and one weight type.

    Kernels take the arrays afresh after every edit, because edits lengthen and replace them; nobody keeps a view.

    Parameters
    ----------
    column_bits : int
        Bits of the 32 of a synapse that hold its column; the others hold its delay in steps.  24 bits allow 16.7
        million columns and delays up to 255 steps.
    dtype : str
        Type of the weights: "float64" or "float32".
    n_rows : int
        Empty rows to begin with.
    more : int
        Further numbers of the weights' type for each synapse, 0 at birth.

    Attributes
    ----------
    start, length, room : int64, int32, uint8 [n_rows]
        Where each row begins, how many synapses it has, and the size class of its block.
    packed : uint32 [places]
        delay << column_bits | column.
    weight : float [places]
    ident : int64 [places], or [0] before `want_ident`
        Number of each synapse, never used again.
    extra : float64 [places], or [0] before `want_extra`
        One more number for each synapse, for processes that keep one.
    more : float [places, n]
        The numbers that a plasticity rule keeps.
    note_step, note_row, note_first, note_length, amount, note_used
        Notes of what earlier spikes carried, see `note`.

    Examples
    --------
    >>> pool = RowPool(n_rows=2)
    >>> pool.insert(row=[0, 1, 0], column=[5, 5, 6], delay=1, weight=[0.1, 0.2, 0.3])
    array([0, 0, 1], dtype=int32)
    >>> pool.remove(row=[0], slot=[0])[1]
    array([0.1])
    """

    keeps_weights = True  # else `weight` has size 0, and a subclass keeps them in another way
    tight = False  # whether `compact` leaves rows no room at all
    #: Where the columns lie if not in memory.
    files: Files | None = None

    def __init__(self, column_bits: int = 24, *, dtype: str = "float64", n_rows: int = 0, more: int = 0) -> None:
        if not 1 <= column_bits <= 31:
            raise ParameterError(f"RowPool.column_bits: must lie in 1 ... 31, got {column_bits!r}")
        if np.dtype(dtype) not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise ParameterError(f"RowPool.dtype: must be 'float64' or 'float32', got {dtype!r}")
        self.column_bits = int(column_bits)
        self.start = np.zeros(0, np.int64)
        self.length = np.zeros(0, np.int32)
        self.room = np.zeros(0, np.uint8)
        self.packed = np.zeros(0, np.uint32)
        self.weight = np.zeros(0, dtype)
        self.ident = np.zeros(0, np.int64)
        self.extra = np.zeros(0, np.float64)
        self.more = np.zeros((0, more), dtype)
        self.free = np.full(edits.SIZES.size, edits.NONE, np.uint32)
        self.used = np.zeros(3, np.int64)
        self.n_synapses = 0
        self.next_ident = 0
        self.note_step = np.zeros(0, np.int64)
        self.note_row = np.zeros(0, np.int64)
        self.note_first = np.zeros(0, np.int64)
        self.note_length = np.zeros(0, np.int32)
        self.amount = np.zeros(0, np.float64)
        self.note_used = np.zeros(2, np.int64)
        self._extra_fill = 0.0
        self._wants_ident = self._wants_extra = False
        self.add_rows(n_rows)

    # ---- size --------------------------------------------------------------------------------------------------------

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.start.size

    @property
    def places(self) -> int:
        """Length of the columns: synapses that could be held without lengthening them."""
        return self.packed.size

    @property
    def table(self) -> tuple[np.ndarray, ...]:
        """(start, length, room), as kernels take it."""
        return self.start, self.length, self.room

    @property
    def columns(self) -> tuple[np.ndarray, ...]:
        """(packed, weight, ident, extra, more), as kernels take it."""
        return self.packed, self.weight, self.ident, self.extra, self.more

    @property
    def store(self) -> str:
        """Name of the type in which weights are stored."""
        return str(self.weight.dtype.name)

    @property
    def mask(self) -> np.uint32:
        """The bits of `packed` that hold the column."""
        return np.uint32((1 << self.column_bits) - 1)

    @property
    def most_delay(self) -> int:
        """Longest delay that fits, in steps."""
        return (1 << (32 - self.column_bits)) - 1

    @property
    def holes(self) -> float:
        """Share of the used places that `compact` would win back."""
        return float(1.0 - edits.tight_places(self.table) / self.used[0]) if self.used[0] else 0.0

    @property
    def nbytes(self) -> int:
        """Memory of all arrays, in bytes."""
        notes = (self.note_step, self.note_row, self.note_first, self.note_length, self.amount)
        return sum(a.nbytes for a in (*self.table, *self.columns, *notes, self.free))

    @property
    def disk_bytes(self) -> int:
        """How much of `nbytes` lies in files."""
        return sum(a.nbytes for a in self.columns) if self.files is not None else 0

    @property
    def bytes_per_synapse(self) -> float:
        """Memory of all arrays over the number of synapses."""
        return self.nbytes / max(1, self.n_synapses)

    def places_of(self, row: ArrayLike, slot: ArrayLike) -> np.ndarray:
        """Where synapses lie in `packed`, `weight`, ...: int64, good until the next edit."""
        row, slot = batches.wholes("places_of", row=row, slot=slot)
        place = np.empty(row.size, np.int64)
        absent = batches.locate(row, slot, self.start, self.length, place)
        if absent >= 0:
            batches.refuse_slot("places_of", row, slot, self.length, absent)
        return place

    # ---- filling and editing -----------------------------------------------------------------------------------------

    def add_rows(self, n: int) -> int:
        """Append `n` empty rows at the end of the row table; return the number of the first."""
        first = self.n_rows
        if n < 0:
            raise ParameterError(f"RowPool.add_rows(n): must not be negative, got {n!r}")
        for array in self.table:
            array.resize(first + n, refcheck=False)  # lengthens with zeros
        return first

    def build(
        self, row0: int, n_rows: int, row: ArrayLike, column: ArrayLike, delay: ArrayLike, weight: ArrayLike
    ) -> None:
        """Fill the empty rows row0 ... row0 + n_rows - 1 with synapses given in any order.

        Within a row the order given is the order of birth.  `delay` (steps) and `weight` may be single numbers.
        Much faster than `insert`, and leaves no more room than the block sizes do.
        """
        self._check_range("build", row0, n_rows)
        if self.length[row0 : row0 + n_rows].any():
            full = row0 + int(np.argmax(self.length[row0 : row0 + n_rows] > 0))
            raise ParameterError(f"RowPool.build: row {full} already has synapses; use insert")
        row, column, delay = batches.together("build", row=row, column=column, delay=delay)
        weight = batches.weights("build", weight, row.size, self.weight.dtype)
        count = np.zeros(n_rows, np.int64)
        for cut in batches.chunks(row.size):
            self._pack_part(row, column, delay, row0, n_rows, cut)
            edits.count_rows(batches.whole(row[cut]), row0, count)
        self.reserve(row0, n_rows, count)
        self._fill(row0, n_rows, row, column, delay, weight)

    def reserve(self, row0: int, n_rows: int, count: np.ndarray) -> None:
        """Give the empty rows row0 ... row0 + n_rows - 1 blocks that hold `count` (int64 [n_rows]) synapses each."""
        if count.size and count.max() > edits.LONGEST:
            raise ParameterError(f"RowPool.build: a row can hold {edits.LONGEST} synapses, got {count.max()}")
        for r in np.flatnonzero(self.room[row0 : row0 + n_rows]) + row0:  # emptied rows keep a block
            edits.give_back(r, self.table, self.packed, self.free, self.used)
        self._lay_out(row0, count)

    def append(
        self, row0: int, n_rows: int, row: ArrayLike, column: ArrayLike, delay: ArrayLike, weight: ArrayLike, *,
        extra: float | None = None,
    ) -> None:  # fmt: skip
        """Put synapses at the ends of rows whose blocks were reserved for them; several calls fill the same rows.

        `extra` is their further number, where one is kept.
        """
        row, column, delay = batches.together("build", row=row, column=column, delay=delay)
        weight = batches.weights("build", weight, row.size, self.weight.dtype)
        self._fill(row0, n_rows, row, column, delay, weight, extra)

    def empty_rows(self, row0: int, n_rows: int) -> None:
        """Take back what `append` has put into rows that carried no spike yet; they keep their blocks."""
        self.n_synapses -= self._synapses(row0, n_rows)
        self.length[row0 : row0 + n_rows] = 0

    def _fill(
        self, row0: int, n_rows: int, row: np.ndarray, column: np.ndarray, delay: np.ndarray, weight: np.ndarray,
        extra: float | None = None,
    ) -> None:  # fmt: skip
        extra = self._extra_fill if extra is None else extra
        for cut in batches.chunks(row.size):
            packed = self._pack_part(row, column, delay, row0, n_rows, cut)
            w = np.require(weight[cut], None, ("C", "W"))
            number = self.next_ident + cut.start
            edits.fill(batches.whole(row[cut]), packed, w, number, extra, self.table, self.columns)
        self.next_ident += row.size
        self.n_synapses += row.size

    def lay_out_rows(self, count: np.ndarray) -> None:
        """Give each row of an empty pool a block for so many synapses, for a kernel that fills them."""
        self._lay_out(0, count)

    def _lay_out(self, row0: int, count: np.ndarray) -> None:
        """Blocks for empty rows; the columns are lengthened before, so that no row points past them if that fails."""
        wanted = int(self.used[0]) + int(edits.SIZES[edits.GROWN[np.searchsorted(edits.SIZES, count)]].sum())
        if wanted > self.places:
            self._resize(wanted)
        edits.lay_out(row0, count, self.table, self.used)
        assert self.used[0] == wanted, "lay_out took other blocks"

    def insert(self, row: ArrayLike, column: ArrayLike, delay: ArrayLike, weight: ArrayLike) -> np.ndarray:
        """Append synapses at the ends of their rows; return their slots (int32) in the order given.

        Parameters
        ----------
        row, column : int [n]
            Any order; synapses of the same row are appended in the order given.  Parallel ones are allowed.
        delay : int [n] or int
            Steps, from 0 to `most_delay`.
        weight : float [n] or float
        """
        row, column, delay = batches.wholes("insert", row=row, column=column, delay=delay)
        weight = np.ascontiguousarray(batches.weights("insert", weight, row.size, self.weight.dtype))
        packed, last, ascending = batches.pack("insert", row, column, delay, 0, self.n_rows, self.column_bits)
        n = row.size
        if n + self.n_synapses > edits.LONGEST and n and (self.length[row].max() + n) > edits.LONGEST:
            raise ParameterError(f"RowPool.insert: a row can hold {edits.LONGEST} synapses")
        sorted_row, order = (row, np.arange(n)) if ascending else batches.sort_keys(row, last)
        slot = np.empty(n, np.int32)
        done = 0
        while True:
            done = self._insert_sorted(done, sorted_row, order, packed, weight, slot)
            if done == n:
                break
            try:
                self._make_room(int(self.used[2]))
            except BaseException:  # no memory or disk: those that are in come last in their rows
                np.subtract.at(self.length, sorted_row[:done], 1)
                raise
        self.next_ident += n
        self.n_synapses += n
        return slot

    def _insert_sorted(
        self, done: int, row: np.ndarray, order: np.ndarray, packed: np.ndarray, weight: np.ndarray, slot: np.ndarray
    ) -> int:
        """Append from entry `done` of a sorted batch on; return how far it came before the columns were full."""
        return int(edits.insert_sorted(
            done, row, order, packed, weight, self.next_ident, self._extra_fill, self.table, self.columns, self.free,
            self.used, slot,
        ))  # fmt: skip

    def remove(self, row: ArrayLike, slot: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Remove synapses; return their (packed, weight) in the order given.

        The rows close up, so the synapses that stay keep their order.  Any order is accepted, ascending (row, slot)
        is fastest.  A synapse named twice is refused.
        """
        row, slot = batches.wholes("remove", row=row, slot=slot)
        key, bits, order = batches.sorted_slots("remove", row, slot, self.length)
        packed, weight = np.empty(row.size, np.uint32), np.empty(row.size, self.weight.dtype)
        self._remove_sorted(key, bits, order, packed, weight)
        if self.note_used[0]:
            notes = self.note_row, self.note_first, self.note_length
            edits.close_notes(key, bits, self.note_used[0], *notes, self.amount)
        self.n_synapses -= row.size
        return packed, weight

    def _remove_sorted(
        self, key: np.ndarray, bits: int, order: np.ndarray, packed: np.ndarray, weight: np.ndarray
    ) -> None:
        """Remove a sorted batch and say what it was."""
        edits.remove_sorted(key, bits, order, self.table, self.columns, packed, weight)

    def remap(self, column_map: ArrayLike, new_column_bits: int | None = None) -> tuple[np.ndarray, ...]:
        """Give every synapse a new column, and remove those whose target is gone.

        Parameters
        ----------
        column_map : int [old columns]
            New column of each old one; -1 for a target that was removed.
        new_column_bits : int, optional
            Bits for the column from now on.  Refused, with nothing changed, if a column or delay would not fit.

        Returns
        -------
        row, packed, weight
            What was removed, in row order; `packed` in the old code.
        """
        column_map = batches.whole(batches.integers("remap(column_map)", column_map))
        bits = self.column_bits if new_column_bits is None else int(new_column_bits)
        if not 1 <= bits <= 31:
            raise ParameterError(f"RowPool.remap(new_column_bits): must lie in 1 ... 31, got {new_column_bits!r}")
        gone, column, _, delay, old_column = self._survey(column_map, 0, self.n_rows)
        if old_column >= column_map.size:
            raise ParameterError(
                f"RowPool.remap(column_map): has {column_map.size} entries, but a synapse has column {old_column}"
            )
        if column >= 1 << bits:
            raise ParameterError(
                f"RowPool.remap: column {column} does not fit into {bits} bits, 0 ... {(1 << bits) - 1}"
            )
        if delay >= 1 << (32 - bits):
            raise ParameterError(
                f"RowPool.remap: a delay of {delay} steps does not fit beside {bits} column bits; "
                f"{32 - bits} bits are left, 0 ... {(1 << (32 - bits)) - 1} steps"
            )
        row, slot = np.empty(gone, np.int64), np.empty(gone, np.int64)
        if gone:
            edits.list_gone(column_map, self.column_bits, self.table, self.packed, row, slot)
        packed, weight = self.remove(row, slot)
        edits.recode(column_map, self.column_bits, bits, self.table, self.packed)
        self.column_bits = bits
        return row, packed, weight

    def move_rows(self, row_map: ArrayLike, n_rows: int | None = None) -> None:
        """Renumber rows: row r becomes row_map[r], or is dropped with its synapses if that is -1.

        Only the row table changes.  There are `n_rows` rows afterwards (default: up to the largest number given);
        those that no old row becomes are empty.  Notes follow their rows.
        """
        row_map = batches.whole(batches.integers("move_rows(row_map)", row_map))
        if row_map.size != self.n_rows:
            raise ParameterError(
                f"RowPool.move_rows(row_map): needs {self.n_rows} entries, one per row, got {row_map.size}"
            )
        kept = np.flatnonzero(row_map >= 0)
        least = int(row_map.max(initial=-1)) + 1
        n_rows = least if n_rows is None else int(n_rows)
        if n_rows < least:
            raise ParameterError(f"RowPool.move_rows(n_rows): row_map goes up to row {least - 1}, got n_rows={n_rows}")
        target = row_map[kept]
        if np.unique(target).size != target.size:
            raise ParameterError("RowPool.move_rows(row_map): two rows cannot become the same row")
        self.n_synapses -= int(edits.drop_rows(row_map, self.table, self.packed, self.free, self.used))
        for name in ("start", "length", "room"):
            old = getattr(self, name)
            new = np.zeros(n_rows, old.dtype)
            new[target] = old[kept]
            setattr(self, name, new)
        self._keep_notes(_NEVER, row_map)

    def want_ident(self) -> None:
        """Give every synapse a number for ever: the present ones in row order, then each new one the next."""
        if not self._wants_ident:
            self._wants_ident = True
            self._lengthen("ident", self.places)
            self.next_ident = self.n_synapses
            edits.number(0, self.table, self.ident)

    def want_extra(self, fill: float = 0.0) -> None:
        """Keep one more float64 for each synapse, `fill` in the present ones and at birth."""
        if not self._wants_extra:
            self._wants_extra = True
            self._lengthen("extra", self.places)
            self.extra[:] = fill
        self._extra_fill = float(fill)

    def compact(self) -> None:
        """Slide the rows together in place, and give the memory that is won back to the system."""
        self._slide(tight=self.tight)
        self._resize(int(self.used[0]))

    # ---- questions ---------------------------------------------------------------------------------------------------

    def find(self, row: ArrayLike, column: ArrayLike) -> np.ndarray:
        """Slot (int32) of the first, that is oldest, synapse of each row onto each column, or -1."""
        row, column = batches.wholes("find", row=row, column=column)
        self._check_rows("find", row)
        batches.check_columns("find", column, self.column_bits)
        slot = np.empty(row.size, np.int32)
        queries.find_columns(row, column, self.mask, self.table, self.packed, slot)
        return slot

    def count_in_row(self, row: ArrayLike, column: ArrayLike) -> np.ndarray:
        """How many synapses (int32) each row has onto each column."""
        row, column = batches.wholes("count_in_row", row=row, column=column)
        self._check_rows("count_in_row", row)
        batches.check_columns("count_in_row", column, self.column_bits)
        count = np.empty(row.size, np.int32)
        queries.count_columns(row, column, self.mask, self.table, self.packed, count)
        return count

    def find_ident(self, row: ArrayLike, ident: ArrayLike) -> np.ndarray:
        """Slot (int32) of the synapse with this number in each row, or -1.  Needs `want_ident`."""
        if not self._wants_ident:
            raise ParameterError("RowPool.find_ident: synapses have no numbers yet; call want_ident() first")
        row, ident = batches.wholes("find_ident", row=row, ident=ident)
        self._check_rows("find_ident", row)
        slot = np.empty(row.size, np.int32)
        queries.find_idents(row, ident, self.table, self.ident, slot)
        return slot

    def edges(self, row0: int = 0, n_rows: int | None = None) -> tuple[np.ndarray, ...]:
        """(row int64, slot int32, column int64, delay int64, weight) of these rows' synapses, in row order; copies."""
        row0, n_rows = self._check_range("edges", row0, n_rows)
        n = self._synapses(row0, n_rows)
        row, column, delay = (self.array_for(n, np.int64) for _ in range(3))
        slot, weight = self.array_for(n, np.int32), self.array_for(n, self.weight.dtype)
        queries.list_edges(
            row0, n_rows, self.column_bits, self.table, self.packed, self.weight, row, slot, column, delay, weight
        )
        return row, slot, column, delay, weight

    def weights_of(self, row: ArrayLike, slot: ArrayLike) -> np.ndarray:
        """Stored weights of these synapses."""
        return np.asarray(self.weight[self.places_of(row, slot)])

    def delay_range(self, row0: int = 0, n_rows: int | None = None) -> tuple[int, int]:
        """(shortest, longest) delay of these rows in steps; (0, -1) if they hold no synapse."""
        row0, n_rows = self._check_range("delay_range", row0, n_rows)
        seen = self._survey(_NO_MAP, row0, n_rows)
        return (seen[2], seen[3]) if seen[3] >= 0 else (0, -1)

    def degrees_out(self, row0: int = 0, n_rows: int | None = None) -> np.ndarray:
        """Number of synapses of each row (int64)."""
        row0, n_rows = self._check_range("degrees_out", row0, n_rows)
        return self.length[row0 : row0 + n_rows].astype(np.int64)

    def degrees_in(self, row0: int, n_rows: int | None, column0: int, n_columns: int) -> np.ndarray:
        """Number of synapses of these rows onto each column column0 ... column0 + n_columns - 1 (int64)."""
        row0, n_rows = self._check_range("degrees_in", row0, n_rows)
        degree = np.zeros(n_columns, np.int64)
        queries.degrees_in(row0, n_rows, column0, self.mask, self.table, self.packed, degree)
        return degree

    def transpose(self, row0: int, n_rows: int | None, column0: int, n_columns: int) -> tuple[np.ndarray, ...]:
        """In-index of a range of columns: (first int64[n_columns + 1], row int64, slot int32).

        The synapses onto column column0 + j are row[first[j]:first[j + 1]], slot[...], ascending.  Good until the
        next edit.
        """
        degree = self.degrees_in(row0, n_rows, column0, n_columns)
        row0, n_rows = self._check_range("transpose", row0, n_rows)
        first = np.zeros(n_columns + 1, np.int64)
        np.cumsum(degree, out=first[1:])
        row, slot = np.empty(first[-1], np.int64), np.empty(first[-1], np.int32)
        queries.transpose(row0, n_rows, column0, self.mask, self.table, self.packed, first[:-1].copy(), row, slot)
        return first, row, slot

    def weaker_than(self, bound: float, row0: int = 0, n_rows: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """(row, slot) of all synapses of these rows with abs(weight) < bound, ascending."""
        row0, n_rows = self._check_range("weaker_than", row0, n_rows)
        n = queries.count_weak(float(bound), row0, n_rows, self.table, self.weight)
        row, slot = np.empty(n, np.int64), np.empty(n, np.int32)
        queries.list_weak(float(bound), row0, n_rows, self.table, self.weight, row, slot)
        return row, slot

    def weakest_in(
        self, columns: ArrayLike, k: ArrayLike, row0: int = 0, n_rows: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(row, slot) of the k[i] synapses onto columns[i] with the smallest abs(weight), one column after the other.

        Within a column from weak to strong; ties go to the smaller (row, slot).  Fewer if there are fewer.
        """
        row0, n_rows = self._check_range("weakest_in", row0, n_rows)
        columns, k, place, bits = self._asked("weakest_in", columns, k, row0, n_rows)
        heaps = queries.empty_heaps(k, np.float64)
        queries.offer_weak(place, bits, row0, n_rows, self.mask, self.table, self.packed, self.weight, heaps)
        return queries.unload(heaps)

    def sample_in(
        self, columns: ArrayLike, k: ArrayLike, row0: int, n_rows: int | None, key: int, row_uid: ArrayLike,
        column_uid: ArrayLike,
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """(row, slot) of k[i] random synapses of these rows onto each of the (distinct) columns[i].

        One pass over the rows.  `row_uid` has the uid of every row of the pool, `column_uid` of every column.
        The choice is that of the smallest hashes of (key, pre uid, post uid, nth among parallels); it does not
        depend on where synapses lie or came from.  Within a column in order of the hash; fewer if there are fewer.
        """
        row0, n_rows = self._check_range("sample_in", row0, n_rows)
        row_uid, column_uid = self._uids("sample_in", row_uid, column_uid)
        columns, k, place, bits = self._asked("sample_in", columns, k, row0, n_rows)
        if columns.size and columns.max() >= column_uid.size:
            self._refuse_column("sample_in", columns.max(), column_uid)
        heaps = queries.empty_heaps(k, np.uint64)
        seen, rank = np.full(columns.size, -1, np.int64), np.zeros(columns.size, np.int32)
        queries.offer_inputs(
            place, bits, row0, n_rows, np.uint64(key), row_uid, column_uid, self.mask, self.table, self.packed, seen,
            rank, heaps,
        )  # fmt: skip
        return queries.unload(heaps)

    def sample_out(
        self, rows: ArrayLike, k: ArrayLike, key: int, row_uid: ArrayLike, column_uid: ArrayLike
    ) -> tuple[np.ndarray, np.ndarray]:
        """(row, slot) of k[i] random synapses of each rows[i], one row after the other, chosen as in `sample_in`.

        `rows` may be [asked, n]: then the choice is among the synapses of all rows of rows[i].
        """
        together = np.shape(rows)[1] if np.ndim(rows) == 2 else 1
        if together > 1:
            rows, k = np.ravel(rows), np.repeat(np.broadcast_to(k, np.shape(rows)[0]), together)
        rows, k = batches.wholes("sample_out", rows=np.ravel(rows), k=k)
        row_uid, column_uid = self._uids("sample_out", row_uid, column_uid)
        self._check_rows("sample_out", rows)
        held = self.length[rows].reshape(-1, together).sum(axis=1, dtype=np.int64)
        most = np.maximum(np.minimum(k[::together], held), 0)
        heaps = queries.empty_heaps(most, np.uint64)
        seen, rank = np.full(column_uid.size, -1, np.int32), np.zeros(column_uid.size, np.int32)
        lost = queries.offer_rows(
            rows, together, np.uint64(key), row_uid, column_uid, self.mask, self.table, self.packed, seen,
            rank, heaps,
        )  # fmt: skip
        if lost >= 0:
            self._refuse_column("sample_out", lost, column_uid)
        return queries.unload(heaps)

    def sample_edges(
        self, n: int, row0: int, n_rows: int | None, key: int, row_uid: ArrayLike, column_uid: ArrayLike
    ) -> tuple[np.ndarray, np.ndarray]:
        """(row, slot) of n distinct random synapses of these rows, chosen as in `sample_in`, in order of the hash."""
        row0, n_rows = self._check_range("sample_edges", row0, n_rows)
        row_uid, column_uid = self._uids("sample_edges", row_uid, column_uid)
        total = self._synapses(row0, n_rows)
        n = min(int(n), total)
        where, lost = queries.smallest_hashes(
            n, total, row0, n_rows, np.uint64(key), row_uid, column_uid, self.mask, self.table, self.packed
        )
        if lost >= 0:
            self._refuse_column("sample_edges", lost, column_uid)
        return queries.split(where)

    # ---- notes: what earlier spikes carried --------------------------------------------------------------------------

    def note(self, rows: ArrayLike, steps: ArrayLike) -> None:
        """Note the present weights of each row as what the spike of steps[i] carried.

        Needed before the weights of a row change, or synapses are inserted, while spikes of its source are on their
        way.  A spike that already has a note keeps it.  Removals keep the notes in step.
        """
        rows, steps = batches.wholes("note", rows=rows, steps=steps)
        self._check_rows("note", rows)
        fresh = self._find_notes(rows, steps) < 0
        rows, steps = rows[fresh], steps[fresh]
        if rows.size == 0:
            return
        self.reserve_notes(rows.size, int(self.length[rows].sum(dtype=np.int64)))
        edits.write_notes(
            rows, steps, self.table, self.weight, self.note_step, self.note_row, self.note_first, self.note_length,
            self.amount, self.note_used,
        )  # fmt: skip

    def reserve_notes(self, notes: int, amounts: int) -> None:
        """Make room for this many more notes and amounts, for a kernel that writes them."""
        wanted = int(self.note_used[0]) + int(notes)
        if wanted > self.note_step.size:
            for array in (self.note_step, self.note_row, self.note_first, self.note_length):
                array.resize(max(wanted, 2 * array.size), refcheck=False)
        wanted = int(self.note_used[1]) + int(amounts)
        if wanted > self.amount.size:
            self.amount.resize(max(wanted, self.amount.size * 3 // 2), refcheck=False)

    def sent(self, row: ArrayLike, slot: ArrayLike, step: ArrayLike) -> np.ndarray:
        """What each synapse carried for the spike of that step (float64).

        The noted amount if that spike has a note (0 if the synapse was born after it), else the stored weight.
        """
        row, slot, step = batches.wholes("sent", row=row, slot=slot, step=step)
        self.places_of(row, slot)
        carried = np.empty(row.size, np.float64)
        edits.read_sent(
            row, slot, self._find_notes(row, step), self.table, self.weight, self.note_first, self.note_length,
            self.amount, carried,
        )  # fmt: skip
        return carried

    def drop_notes(self, before_step: int) -> None:
        """Forget the notes on spikes of steps before `before_step`."""
        self._keep_notes(int(before_step), _NO_MAP)

    def _find_notes(self, row: np.ndarray, step: np.ndarray) -> np.ndarray:
        """Number of the earliest note on each (row, step), or -1."""
        found = np.full(row.size, -1, np.int64)
        n = int(self.note_used[0])
        if n and row.size:
            noted, order = batches.sort_keys(self.note_row[:n].copy(), self.n_rows)
            edits.find_notes(row, step, noted, order, self.note_step, found)
        return found

    def _keep_notes(self, before_step: int, row_map: np.ndarray) -> None:
        if self.note_used[0]:
            edits.keep_notes(
                before_step, row_map, self.note_step, self.note_row, self.note_first, self.note_length, self.amount,
                self.note_used,
            )  # fmt: skip

    # ---- memory ------------------------------------------------------------------------------------------------------

    def _make_room(self, need: int) -> None:
        """Win at least `need` places at the end: slide if an eighth is won, else lengthen by an eighth."""
        if self.holes > MOST_HOLES:
            self._slide()
            if self.places - self.used[0] >= max(need, self.places // 16):
                return
        self._resize(max(self.places * 9 // 8, int(self.used[0]) + need, 1024))

    def _slide(self, *, tight: bool = False) -> None:
        """Close all holes in place; rows keep the order in which they lie."""
        held = np.flatnonzero(self.room)
        _, order = batches.sort_keys(self.start[held], self.places)
        self.used[0] = edits.slide(held[order], tight, self.table, self.columns)
        self.used[1] = 0
        self.free[:] = edits.NONE

    def _resize(self, places: int) -> None:
        """Set the length of the columns; memory pages are moved, not copied."""
        places = -(-places // edits.UNIT) * edits.UNIT
        if places // edits.UNIT >= int(edits.NONE):
            raise ParameterError(f"RowPool: a pool can hold {int(edits.NONE) * edits.UNIT} places, {places} are needed")
        names = ["packed", *["weight"] * self.keeps_weights, "more"]
        names += [name for name in ("ident", "extra") if getattr(self, f"_wants_{name}")]
        old = self.places
        try:
            for name in names:
                self._lengthen(name, places)
        except BaseException:  # no memory or disk left: all columns are as long as before
            for name in names:
                if getattr(self, name).shape[0] > old:
                    self._lengthen(name, old)
            raise

    def _lengthen(self, name: str, places: int) -> None:
        """Set the length of one column, in memory or in its file."""
        column: np.ndarray = getattr(self, name)
        shape = (places, *column.shape[1:])
        if self.files is None:
            column.resize(shape, refcheck=False)
        else:
            setattr(self, name, self.files.resized(name, column, shape))

    def keep_in(self, files: Files) -> None:
        """Keep the columns in files from now on; only while there are no synapses."""
        if self.places:
            raise ParameterError("RowPool.keep_in: the pool has synapses already")
        self.files = files

    def array_for(self, n: int, dtype: type[np.generic] | np.dtype) -> np.ndarray:
        """An array as long as a list of synapses: in memory, or on disk where the columns are."""
        return np.zeros(n, dtype) if self.files is None or n <= batches.CHUNK else self.files.scratch(n, dtype)

    # ---- the border: check and convert -------------------------------------------------------------------------------

    def _pack_part(
        self, row: np.ndarray, column: np.ndarray, delay: np.ndarray, row0: int, n_rows: int, cut: slice
    ) -> np.ndarray:
        """A piece of what is built, packed."""
        row, column, delay = (batches.whole(a[cut]) for a in (row, column, delay))
        return batches.pack("build", row, column, delay, row0, n_rows, self.column_bits, cut.start)[0]

    def _check_rows(self, what: str, row: np.ndarray) -> None:
        batches.check_rows(what, row, self.n_rows)

    def _refuse_column(self, what: str, column: int, column_uid: np.ndarray) -> None:
        raise ParameterError(
            f"RowPool.{what}(column_uid): names {column_uid.size} columns, but column {column} is asked for"
        )

    def _check_range(self, what: str, row0: int, n_rows: int | None) -> tuple[int, int]:
        row0 = int(row0)
        n_rows = self.n_rows - row0 if n_rows is None else int(n_rows)
        if row0 < 0 or n_rows < 0 or row0 + n_rows > self.n_rows:
            raise ParameterError(
                f"RowPool.{what}(row0, n_rows): rows {row0} ... {row0 + n_rows - 1} are not all there; "
                f"the pool has {self.n_rows} rows"
            )
        return row0, n_rows

    def _uids(self, what: str, row_uid: ArrayLike, column_uid: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        row_uid = batches.whole(batches.integers(f"{what}(row_uid)", row_uid))
        if row_uid.size != self.n_rows:
            raise ParameterError(
                f"RowPool.{what}(row_uid): needs {self.n_rows} uids, one for each row of the pool, got {row_uid.size}"
            )
        return row_uid, batches.whole(batches.integers(f"{what}(column_uid)", column_uid))

    def _asked(
        self, what: str, columns: ArrayLike, k: ArrayLike, row0: int, n_rows: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """(columns, k, place of each column among the asked, bit set of the asked)."""
        column, most = batches.wholes(what, columns=columns, k=k)
        batches.check_columns(what, column, self.column_bits)
        size = int(column.max(initial=-1)) + 1
        most = np.maximum(most, 0)
        if most.sum() > self.n_synapses:
            most = np.minimum(most, self.degrees_in(row0, n_rows, 0, size)[column])
        place = np.full(size, -1, np.int64)
        place[column] = np.arange(column.size)
        twice = np.flatnonzero(place[column] != np.arange(column.size))
        if twice.size:
            raise ParameterError(f"RowPool.{what}(columns): column {column[twice[0]]} is named twice; name each once")
        return column, most, place, np.packbits(place >= 0, bitorder="little")

    def _survey(self, column_map: np.ndarray, row0: int, n_rows: int) -> tuple[int, ...]:
        """(synapses with a lost target, largest new column, shortest delay, longest delay, largest column)."""
        seen = np.empty(5, np.int64)
        edits.survey(column_map, row0, n_rows, self.column_bits, self.table, self.packed, seen)
        return tuple(int(x) for x in seen)

    def _synapses(self, row0: int, n_rows: int) -> int:
        return int(self.length[row0 : row0 + n_rows].sum(dtype=np.int64))

    # ---- for tests ---------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise AssertionError if blocks overlap, free lists are not exact, or counters disagree; slow."""
        edits.check_blocks(self.table, self.packed, self.free, self.used)
        assert self.n_synapses == self._synapses(0, self.n_rows), "n_synapses is not the sum of the lengths"
        assert self.weight.size == (self.places if self.keeps_weights else 0), "weight differs in length"
        assert self.more.shape[0] == self.places, "columns differ in length"
        assert self.ident.size == (self.places if self._wants_ident else 0), "ident differs in length"
        assert self.extra.size == (self.places if self._wants_extra else 0), "extra differs in length"
        if self._wants_ident:
            row, slot = self.edges()[:2]
            idents = self.ident[self.places_of(row, slot)]
            assert np.unique(idents).size == idents.size and (idents < self.next_ident).all(), "an ident is used twice"
        n, m = (int(x) for x in self.note_used)
        stop = self.note_first[:n] + self.note_length[:n]
        assert (stop <= m).all() and (self.note_first[1:n] >= stop[:-1]).all(), "notes overlap"
        assert (self.note_length[:n] <= self.length[self.note_row[:n]]).all(), "a note is longer than its row"
