"""A pool of growable rows of synapses: how they are filled, edited and kept.  Knows arrays only, no Population.

A *row* holds the synapses of one source neuron in one projection, in order of birth, side by side in memory.  A
*column* is a place in the spike ring: a target neuron and receptor.  Rows are found by number, synapses by (row, slot).
Rows have room to grow; a full row moves to a larger block and leaves its old one to rows of that size.  When the
columns are full, rows slide together if an eighth of the places would be won, else the columns are lengthened.  What a pool is
asked is in `questions`.
"""

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ParameterError
from neurosim.kernels import batches
from neurosim.kernels import rows as edits
from neurosim.mapped import Files
from neurosim.questions import Questions

MOST_HOLES = 0.125  # share of holes that is tolerated while columns are full
_NEVER = -(2**62)  # a step before all others
_NO_MAP = np.empty(0, np.int64)


class RowPool(Questions):
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
    def places(self) -> int:
        """Length of the columns: synapses that could be held without lengthening them."""
        return self.packed.size

    @property
    def columns(self) -> tuple[np.ndarray, ...]:
        """(packed, weight, ident, extra, more), as kernels take it."""
        return self.packed, self.weight, self.ident, self.extra, self.more

    @property
    def store(self) -> str:
        """Name of the type in which weights are stored."""
        return str(self.weight.dtype.name)

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

    # ---- the border: check and convert -------------------------------------------------------------------------------

    def _pack_part(
        self, row: np.ndarray, column: np.ndarray, delay: np.ndarray, row0: int, n_rows: int, cut: slice
    ) -> np.ndarray:
        """A piece of what is built, packed."""
        row, column, delay = (batches.whole(a[cut]) for a in (row, column, delay))
        return batches.pack("build", row, column, delay, row0, n_rows, self.column_bits, cut.start)[0]

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
