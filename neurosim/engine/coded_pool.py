"""Pools of static synapses whose weights take few bits: float16, int8, 4, 2 or 1 bit, or one weight for a projection.

Codes lie side by side in 32-bit words (`kernels.coded`); the weights of a projection are a grid between the bounds that its
wire names.  What a code means stands in one table, so what is read, noted, saved and delivered is the same number.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.engine.driver import PoolCalls
from neurosim.engine.pools import Moved, Places, StaticPool, Wire
from neurosim.errors import NeurosimWarning, ParameterError
from neurosim.kernels import batches, coded, queries

#: Bits of a weight in each store; None of them is a type of NumPy but float16 and int8.
STORES = {"float16": 16, "int8": 8, "4bit": 4, "2bit": 2, "1bit": 1, "one": 0}
MOST_HALF = 65504.0  # the largest half-precision number
LEAST_HALF = 2.0**-14  # below it half-precision numbers lose digits
_SNAP = 1e-9  # of a step: what lies that near to a value of the grid is that value


def grid(store: str, low: float, high: float) -> np.ndarray:
    """The weights that a store can hold between two bounds, ascending.

    There are 2**bits of them at equal distances.  One less if the bounds are opposite (but for 1 bit), so that 0 is among them.
    """
    bits = STORES[store]
    if bits == 0:
        return np.array([low])
    if bits > 1 and low == -high:
        half = 2 ** (bits - 1) - 1
        return high * (np.arange(-half, half + 1) / half)
    n = 2**bits - 1
    values = low + (high - low) * (np.arange(n + 1) / n)
    values[n] = high
    return values


def bounds_of(
    label: str, store: str, given: Any, weights: np.ndarray, w_min: float | None, w_max: float | None
) -> tuple[float, float]:
    """Least and largest weight that a projection can hold: what the user says, else what its weights need.

    Those are the bounds of a distribution, else the smallest and largest weight; a single weight lies between 0 and itself.
    """
    line = "connect(..., w_min=0.0, w_max=1.0)"
    if store in ("one", "float16"):
        if w_min is not None or w_max is not None:
            raise ParameterError(
                f"{label}: w_min and w_max are for dtype 'int8', '4bit', '2bit' and '1bit'; leave them out"
            )
        if store == "float16":
            return -MOST_HALF, MOST_HALF
        held = np.ravel(weights if np.size(weights) else 0.0 if hasattr(given, "draw") else given).astype(np.float64)
        if hasattr(given, "draw") or (held != held[0]).any():
            raise ParameterError(
                f"{label}.weight: dtype='one' keeps one weight for the whole projection, got several; "
                f"give one number, or dtype='float32'"
            )
        return float(held[0]), float(held[0])
    own: tuple[float | None, float | None] = (None, None)
    if hasattr(given, "draw"):
        own = tuple(given.bounds) if hasattr(given, "bounds") else own
        if (own[0] is None and w_min is None) or (own[1] is None and w_max is None):
            raise ParameterError(
                f"{label}.weight: {given!r} has no bounds, and dtype={store!r} is a grid between two; name them: {line}"
            )
    elif np.size(weights):
        own = float(np.min(weights)), float(np.max(weights))
    elif np.ndim(given) == 0:
        own = float(given), float(given)
    low, high = (a if a is not None else b for a, b in zip((w_min, w_max), own, strict=True))
    if low == high and w_min is None and w_max is None and low is not None:
        low, high = min(low, 0.0), max(low, 0.0)
    if low is None or high is None or not low < high or not np.isfinite([low, high]).all():
        raise ParameterError(
            f"{label}: dtype={store!r} is a grid between two finite bounds, w_min below w_max, got w_min={low!r}, w_max={high!r}; "
            f"for example {line}"
        )
    return float(low), float(high)


class CodedPool(StaticPool):
    """Static synapses of one store.

    Attributes
    ----------
    words : uint32
        The codes, see `kernels.coded`.
    values : float64 [wires, codes]
        What the codes of each wire mean.
    grid : int32 [n_rows]
        Number of the wire of each row.
    """

    keeps_weights = False
    tight = True

    def __init__(self, *, store: str, released: bool = False) -> None:
        self.bits = STORES[store]
        self._store = store
        self.words = np.zeros(0, np.uint32)
        self.grid = np.zeros(0, np.int32)
        self.values = coded.half_scales() if self.bits == coded.HALF else np.zeros((0, 1 << self.bits))
        self.levels = np.zeros(0, np.int64)  # values on the grid of each wire
        self._given_codes = False
        super().__init__(dtype="float64", released=released)

    @property
    def store(self) -> str:
        return self._store

    @property
    def nbytes(self) -> int:
        return super().nbytes + self.words.nbytes + self.values.nbytes + self.grid.nbytes

    @property
    def coding(self) -> tuple[int, np.ndarray, np.ndarray, np.ndarray]:
        """(bits, words, values, grid), as kernels take it."""
        return self.bits, self.words, self.values, self.grid

    # ---- what the engine asks ----------------------------------------------------------------------------------------

    def settle(self, places: Places, moved: Moved | None = None) -> None:
        super().settle(places, moved)
        self.grid = np.zeros(self.n_rows, np.int32)
        self.levels = np.zeros(len(self.wires), np.int64)
        if self.bits < coded.HALF:
            self.values = np.zeros((len(self.wires), 1 << self.bits))
        for k, wire in enumerate(self.wires):
            if self.bits < coded.HALF:
                values = grid(self._store, wire.low, wire.high)
                self.grid[wire.row0 : wire.row0 + wire.n_rows] = k
                self.levels[k] = values.size
                self.values[k] = values[-1]
                self.values[k, : values.size] = values

    def calls(self) -> PoolCalls:
        names = {0: "deliver_one", 8: "deliver_bytes", 16: "deliver_halves"}
        name = "deliver_codes_released" if self.released else names.get(self.bits, "deliver_codes")
        call = name, "now, record, first, last, {a}, ring"
        return PoolCalls("neurosim.kernels.coded", (call,), 17 if self.released else 13)

    def arguments(self, shard: int = 0) -> tuple[object, ...]:
        given = super().arguments(shard)  # population ... packed, weight, column bits, ...
        words = self.words
        if not self.released and self.bits in (8, 16):
            words = words.view(np.uint8 if self.bits == 8 else np.uint16)
        return (*given[:7], words, self.values, self.grid, self.bits, *given[8:])

    # ---- coding ------------------------------------------------------------------------------------------------------

    def encode(self, k: np.ndarray | int, weight: np.ndarray, chance: np.ndarray | None = None) -> np.ndarray:
        """Codes (uint16) of weights of the wires k: of the nearest value, or by `chance` in [0, 1) of one of the two around it.

        The mean of the second is the weight.
        """
        weight = np.asarray(weight, np.float64)
        if self.bits == 0:
            return np.zeros(weight.shape, np.uint16)
        if self.bits == coded.HALF:
            return _halves(weight, chance).view(np.uint16)
        low, top = self.values[k, 0], self.levels[k] - 1
        x = (weight - low) / (self.values[k, top] - low) * top
        near = np.rint(x)
        if chance is not None:
            x = np.where(np.abs(x - near) < _SNAP, near, x)
            near = np.floor(x)
            near += chance < x - near
        return np.clip(near, 0, top).astype(np.uint16)

    def decode(self, k: np.ndarray | int, code: np.ndarray) -> np.ndarray:
        """Weights (float64) that codes of the wires k mean."""
        if self.bits == coded.HALF:
            return code.view(np.float16).astype(np.float64)
        return np.asarray(self.values[k, code])

    def admit(self, label: str, wire: Wire, weight: ArrayLike, *, whole: bool = False) -> float:
        """Refuse weights that a wire cannot hold; return the largest error of the others, rounded to the nearest.

        `whole`: they are one number for all synapses of the wire.
        """
        weight = np.atleast_1d(np.asarray(weight, np.float64))
        if self.bits == 0:
            if not whole and (weight != wire.low).any():
                raise ParameterError(
                    f"{label}: dtype='one' keeps one weight for the whole projection, {wire.low:g}; got {weight[weight != wire.low][0]:g}. "
                    f"Give one number for all its synapses, or connect(..., dtype='float32')"
                )
            return 0.0
        half = self.bits == coded.HALF
        outside = (weight < wire.low) | (weight > wire.high)
        if outside.any():
            name = "what float16 can hold" if half else f"w_min and w_max of its grid (dtype={self._store!r})"
            raise ParameterError(
                f"{label}: {weight[outside][0]:g} lies outside [{wire.low:g}, {wire.high:g}], {name}; give weights inside, or "
                + ("dtype='float32'" if half else "connect(..., w_min=..., w_max=...)")
            )
        k, error = self.wires.index(wire), 0.0
        for cut in batches.chunks(weight.size):
            off = np.abs(self.decode(k, self.encode(k, weight[cut])) - weight[cut])
            if half:  # rounding to 11 digits is what a float does
                off[np.abs(weight[cut]) >= LEAST_HALF] = 0.0
            error = max(error, float(off.max(initial=0.0)))
        return error

    def tell(self, label: str, wire: Wire, error: float, *, stacklevel: int) -> None:
        """Say by how much weights were rounded, unless as much was said before."""
        if self.bits == 0 or error <= wire.said * (1 + _SNAP):
            return
        if self.bits == coded.HALF:
            text, least = f"weights below {LEAST_HALF:g} lose digits in float16", 0.0
        else:
            k = self.wires.index(wire)
            step = float(self.values[k, 1] - self.values[k, 0])
            text, least = (
                f"dtype={self._store!r} keeps {self.levels[k]} values from {wire.low:g} to {wire.high:g}, {step:g} apart",
                _SNAP * step,
            )
        if error > least:
            wire.said = error
            text += f"; rounded to the nearest, by up to {error:.3g} (rounding='stochastic' keeps the mean of updates)"
            warnings.warn(f"{label}: {text}", NeurosimWarning, stacklevel=stacklevel + 1)

    def set_weights(
        self, row: np.ndarray, slot: np.ndarray, weight: np.ndarray, chance: np.ndarray | None = None
    ) -> None:
        """Set weights now, as `encode` rounds them; what is on its way must have been noted."""
        place = self.places_of(row, slot)
        weight = np.broadcast_to(np.asarray(weight, np.float64), place.shape)
        if self.bits == 0 and place.size:
            self.set_one(self.wires[int(self.grid[row[0]])], float(weight[0]))
            return
        coded.put_codes(place, self.encode(self.grid[row], weight, chance), self.bits, self.words)

    def set_one(self, wire: Wire, weight: float) -> None:
        """Set the one weight of a whole wire."""
        wire.low = wire.high = self.values[self.wires.index(wire), 0] = weight

    def weights_of(self, row: ArrayLike, slot: ArrayLike) -> np.ndarray:
        row, slot = batches.wholes("weights_of", row=row, slot=slot)
        out = np.empty(row.size)
        coded.get_values(self.places_of(row, slot), row, *self.coding, out)
        return out

    def codes_of(self, row: np.ndarray, slot: np.ndarray) -> np.ndarray:
        """Codes of these synapses, uint8 (uint16 for float16), as `save` keeps them."""
        code = np.zeros(row.size, np.uint16 if self.bits == coded.HALF else np.uint8)
        coded.get_codes(self.places_of(row, slot), self.bits, self.words, code)
        return code

    # ---- edits: the rows are a row pool's, the codes follow ------------------------------------------------------------

    def add_rows(self, n: int) -> int:
        first = super().add_rows(n)
        self.grid = np.append(self.grid, np.zeros(self.n_rows - first, np.int32))
        return first

    def _fill(
        self, row0: int, n_rows: int, row: np.ndarray, column: np.ndarray, delay: np.ndarray, weight: np.ndarray,
        extra: float | None = None,
    ) -> None:  # fmt: skip
        held = self.length[row0 : row0 + n_rows].astype(np.int64)
        super()._fill(row0, n_rows, row, column, delay, np.broadcast_to(0.0, row.shape), extra)
        for cut in batches.chunks(row.size):
            rows = batches.whole(row[cut])
            code = weight[cut].astype(np.uint16) if self._given_codes else self.encode(self.grid[rows], weight[cut])
            coded.fill_codes(rows, code, self.bits, self.words, self.start, row0, held)

    def build_codes(
        self, row0: int, n_rows: int, row: ArrayLike, column: ArrayLike, delay: ArrayLike, code: ArrayLike
    ) -> None:
        """As `build`, from codes."""
        self._given_codes = True
        try:
            self.build(row0, n_rows, row, column, delay, code)
        finally:
            self._given_codes = False

    def unpack(self) -> None:
        """Put the codes into `weight`, one number a place, for somebody who moves all synapses to other places; then `pack`."""
        code = np.empty(self.places, np.uint16)
        coded.get_codes(np.arange(self.places), self.bits, self.words, code)
        self.weight = code.astype(np.float32)

    def pack(self) -> None:
        """Take the codes out of `weight`."""
        self.words = np.zeros(-(-self.places * self.bits // 32), np.uint32)
        coded.put_codes(np.arange(self.places), self.weight.astype(np.uint16), self.bits, self.words)
        self.weight = np.zeros(0, np.float64)

    def insert(self, row: ArrayLike, column: ArrayLike, delay: ArrayLike, weight: ArrayLike) -> np.ndarray:
        row, column, delay = batches.wholes("insert", row=row, column=column, delay=delay)
        weight = batches.weights("insert", weight, row.size, np.dtype(np.float64))
        slot = super().insert(row, column, delay, 0.0)
        coded.put_codes(self.places_of(row, slot), self.encode(self.grid[row], weight), self.bits, self.words)
        return slot

    def _insert_sorted(
        self, done: int, row: np.ndarray, order: np.ndarray, packed: np.ndarray, weight: np.ndarray, slot: np.ndarray
    ) -> int:
        todo = row[done:]
        rows = todo[np.flatnonzero(np.diff(todo, prepend=-1))]
        start, n = self.start[rows], self.length[rows]
        done = super()._insert_sorted(done, row, order, packed, weight, slot)
        coded.follow_rows(rows, start, n, self.start, self.bits, self.words)
        return done

    def _remove_sorted(
        self, key: np.ndarray, bits: int, order: np.ndarray, packed: np.ndarray, weight: np.ndarray
    ) -> None:
        weight[order] = self.weights_of(key >> bits, key & ((1 << bits) - 1))
        coded.close_codes(key, bits, self.start, self.length, self.bits, self.words)
        super()._remove_sorted(key, bits, order, packed, weight)

    def move_rows(self, row_map: ArrayLike, n_rows: int | None = None) -> None:
        super().move_rows(row_map, n_rows)
        row_map = np.asarray(row_map, np.int64)
        old, self.grid = self.grid, np.zeros(self.n_rows, np.int32)
        self.grid[row_map[row_map >= 0]] = old[row_map >= 0]

    def _slide(self, *, tight: bool = False) -> None:
        start = self.start.copy()
        super()._slide(tight=tight)
        held = np.flatnonzero(self.length)
        rows = held[np.argsort(start[held], kind="stable")]
        coded.follow_rows(rows, start[rows], self.length[rows], self.start, self.bits, self.words)

    def _resize(self, places: int) -> None:
        super()._resize(places)
        self.words.resize(-(-self.places * self.bits // 32), refcheck=False)

    # ---- questions ---------------------------------------------------------------------------------------------------

    def edges(self, row0: int = 0, n_rows: int | None = None) -> tuple[np.ndarray, ...]:
        row, slot, column, delay, weight = super().edges(row0, n_rows)
        rows = np.arange(row0, self.n_rows if n_rows is None else row0 + n_rows)
        coded.list_values(rows, self.start, self.length, *self.coding, 0, weight)
        return row, slot, column, delay, weight

    def weaker_than(self, bound: float, row0: int = 0, n_rows: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        row0, n_rows = self._check_range("weaker_than", row0, n_rows)
        row, slot = np.empty(0, np.int64), np.empty(0, np.int32)
        for _ in range(2):
            n = coded.list_weak_codes(float(bound), row0, n_rows, self.start, self.length, *self.coding, row, slot)
            if row.size < n:
                row, slot = np.empty(n, np.int64), np.empty(n, np.int32)
        return row, slot

    def weakest_in(
        self, columns: ArrayLike, k: ArrayLike, row0: int = 0, n_rows: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        row0, n_rows = self._check_range("weakest_in", row0, n_rows)
        columns, k, place, asked = self._asked("weakest_in", columns, k, row0, n_rows)
        heaps = queries.empty_heaps(k, np.float64)
        coded.offer_weak_codes(
            place, asked, row0, n_rows, self.mask, self.start, self.length, self.packed, *self.coding, heaps
        )
        return queries.unload(heaps)

    def note(self, rows: ArrayLike, steps: ArrayLike) -> None:
        first, amounts = int(self.note_used[0]), int(self.note_used[1])
        super().note(rows, steps)
        noted = self.note_row[first : int(self.note_used[0])].copy()
        coded.list_values(noted, self.start, self.length, *self.coding, amounts, self.amount)

    def sent(self, row: ArrayLike, slot: ArrayLike, step: ArrayLike) -> np.ndarray:
        row, slot, step = batches.wholes("sent", row=row, slot=slot, step=step)
        carried = super().sent(row, slot, step)
        bare = self._find_notes(row, step) < 0
        carried[bare] = self.weights_of(row[bare], slot[bare])
        return carried

    def check(self) -> None:
        super().check()
        assert self.words.size == -(-self.places * self.bits // 32), "words differ in length"
        assert self.grid.size == self.n_rows, "grid differs in length"


def _halves(weight: np.ndarray, chance: np.ndarray | None) -> np.ndarray:
    """Half-precision numbers nearest to weights, or by chance one of the two around each."""
    near = weight.astype(np.float16)
    if chance is None:
        return near
    below = np.where(near <= weight, near, np.nextafter(near, np.float16(-np.inf)))
    above = np.where(near >= weight, near, np.nextafter(near, np.float16(np.inf)))
    low, high = below.astype(np.float64), above.astype(np.float64)
    share = np.where(high > low, (weight - low) / np.where(high > low, high - low, 1.0), 0.0)
    return np.where(chance < share, above, below)
