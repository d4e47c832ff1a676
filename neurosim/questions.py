"""What growable rows of synapses are asked, and the checks of what is asked.

Knows the arrays of a pool and changes none; how rows are filled, edited and kept in memory is `graph`'s.
"""

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ParameterError
from neurosim.kernels import batches, queries
from neurosim.kernels import rows as edits
from neurosim.mapped import Files


class Questions:
    """What a `RowPool` answers: where synapses are, how many, which are weak, and samples.  Abstract, without a state of its own.

    The arrays are those of the pool, described there.
    """

    start: np.ndarray
    length: np.ndarray
    room: np.ndarray
    packed: np.ndarray
    weight: np.ndarray
    ident: np.ndarray
    column_bits: int
    n_synapses: int
    files: Files | None
    _wants_ident: bool

    # ---- where -------------------------------------------------------------------------------------------------------

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.start.size

    @property
    def table(self) -> tuple[np.ndarray, ...]:
        """(start, length, room), as kernels take it."""
        return self.start, self.length, self.room

    @property
    def mask(self) -> np.uint32:
        """The bits of `packed` that hold the column."""
        return np.uint32((1 << self.column_bits) - 1)

    def places_of(self, row: ArrayLike, slot: ArrayLike) -> np.ndarray:
        """Where synapses lie in `packed`, `weight`, ...: int64, good until the next edit."""
        row, slot = batches.wholes("places_of", row=row, slot=slot)
        place = np.empty(row.size, np.int64)
        absent = batches.locate(row, slot, self.start, self.length, place)
        if absent >= 0:
            batches.refuse_slot("places_of", row, slot, self.length, absent)
        return place

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
        seen = self._survey(np.empty(0, np.int64), row0, n_rows)
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

    # ---- the border: check and convert -------------------------------------------------------------------------------

    def array_for(self, n: int, dtype: type[np.generic] | np.dtype) -> np.ndarray:
        """An array as long as a list of synapses: in memory, or on disk where the columns are."""
        return np.zeros(n, dtype) if self.files is None or n <= batches.CHUNK else self.files.scratch(n, dtype)

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
