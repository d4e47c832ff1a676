"""A pool of plastic synapses that are touched only when their source spikes, or somebody looks.  Knows arrays only.

How a driver calls the kernels in the module `LazyPool.kernels` (`pool` is the tuple `driver_arguments()`, taken afresh
whenever Python was entered; `spikes` are global places, int64, ascending within a step)::

    before the spikes of a chunk go in, once they are known:
        if room_needed(now, n_steps, spikes, bounds, pool): leave to Python, which calls make_room(), takes
            driver_arguments() again and re-enters *at this point* (it asks again; nothing was delivered yet)
    for each step `now` of the chunk, in order, also if nobody fired:
        push(now, spikes, first, last, pool)      # spikes[first:last] were fired in step `now`
        deliver(now, 0, ring, pool)               # adds to ring[(now + delay) & mask, column]

`bounds` is int64[n_steps + 1]: step now + s has spikes[bounds[s]:bounds[s + 1]].  Projections with an axonal delay and no
delay behind it (`pool.late`) act in the step in which their spikes arrive: with such a projection a chunk is one step
long, and `deliver(now, 1, ring, pool)` is called before the neurons advance.  A ring slot is summed in the order (step of
arrival, pool, projection, place of the source, place in the row).

push comes before deliver because a postsynaptic spike that arrives together with a presynaptic one goes first.  The pool
keeps the recent spikes itself, so nothing depends on how a run is cut.  The pool's clock is the last step pushed.

Laziness: `seen[row]` is the step to which a row's synapses were replayed; it is at least `last_pre[row]`.  Reading
computes; catching up writes, but changes no later bit.  Before the weights of a row change while its last spike is on its
way, they are noted (see RowPool.note): the *step* of a note is that at which the row was streamed (fired + axonal delay).
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike

from neurosim.engine.histories import NEVER, Histories, L, P, shift_steps
from neurosim.errors import ParameterError
from neurosim.graph import RowPool
from neurosim.kernels import history, lazy

ROW_STATE = ("last_pre", "seen", "noted", "pre_trace", "row_projection")
HISTORY = ("line", "log", "log_trace", "logged")
ROWS = ("start", "length", "room", "packed", "weight", "ident", "extra", "free", "used")
NOTES = ("note_step", "note_row", "note_first", "note_length", "amount", "note_used")
CLOCKED = ("place", "parameters", "rates", "recent", "recent_bounds", "births", "ledger")
LEAST_LOG = 16  # spikes a target's log holds at least; a power of two
LONGEST_TABLE = 1 << 26  # entries of a decay table: 32 time constants


class LazyRule(Protocol):
    """What a rule must offer; its parameters are attributes named as the functions' arguments."""

    @property
    def functions(self) -> tuple[Callable[..., float], Callable[..., float], bool]:
        """(potentiate, depress, whether the first never lowers and the second never raises a weight)."""

    tau_plus: float
    tau_minus: float


class LazyPool(Histories, RowPool):
    """Growable rows of synapses under one lazy rule (its two functions), one weight type and one flavour.

    Parameters
    ----------
    functions : tuple
        `rule.functions`: potentiate, depress, and whether they are one-sided.
    uniform : bool
        True if in every projection all synapses see postsynaptic spikes equally late (`sees="spikes"`, an axonal delay,
        or one dendritic delay); False if each sees them as late as its own delay.
    dt : float
        Step (ms).
    column_bits, dtype
        As for RowPool.

    Attributes
    ----------
    last_pre, seen, noted : int32 [rows]
        Steps since the epoch of a row's last presynaptic arrival, of its replay, and of the last arrival with a note.
    pre_trace : float [rows]
        Presynaptic trace just after `last_pre`.
    line, log, log_trace, logged
        History of each target of each projection, see kernels/lazy.py.
    kernels : module
        push, deliver, room_needed for the driver.
    """

    FIELDS: ClassVar[tuple[str, ...]] = history.FIELDS

    def __init__(
        self, functions: tuple[Callable[..., float], Callable[..., float], bool] | None, *, uniform: bool, dt: float,
        column_bits: int = 24, dtype: str = "float64", more: int = 0,
    ) -> None:  # fmt: skip
        self.functions = functions
        self.uniform = bool(uniform)
        self.dt = float(dt)
        name = np.dtype(dtype).name
        if (self.uniform, name) not in history.LAYOUT:
            raise ParameterError(f"LazyPool.dtype: must be 'float64' or 'float32', got {dtype!r}")
        self.kernels, self.parameter_names = self._program(name)
        self.words, self.times, self.trace0, self.traces = history.LAYOUT[self.uniform, name]
        self.last_pre, self.seen, self.noted = (np.zeros(0, np.int32) for _ in range(3))
        self.counted, self.row_projection = (np.zeros(0, np.int32) for _ in range(2))
        self.pre_trace = np.zeros(0, dtype)
        super().__init__(column_bits, dtype=name, more=more)
        self.logged = np.zeros(0, np.int64)
        self.log = np.full((0, LEAST_LOG), NEVER, np.int32)
        self.log_trace = np.zeros((0, 1 if uniform else LEAST_LOG), dtype)
        self._set_lines(np.zeros((0, self.words), np.int32))
        self.place = np.zeros((0, len(history.PLACE)), np.int64)
        self.parameters = np.zeros((0, len(self.parameter_names)), dtype)
        self.rates = np.zeros((0, 2))  # dt / tau_plus, dt / tau_minus
        self.decay_plus = self.decay_minus = np.zeros((0, 1), dtype)
        self.recent = np.zeros(64, np.int64)
        self.recent_bounds = np.full((1, 3), NEVER, np.int64)
        self.births = np.zeros((0, 3), np.int64)  # step, row, length before
        self.later, self.scratch = np.zeros(1, np.int64), np.zeros((3, 1), dtype)
        self.ledger = np.zeros(len(history.LEDGER), np.int64)
        self.ledger[L["CLOCK"]] = -1
        self.ledger[L["SAFE"]] = NEVER
        self.ledger[L["AHEAD"]] = LEAST_LOG // 4
        self.ledger[L["SWEPT"]] = NEVER
        self.ledger[L["SHARDS"]] = 1
        self.sweeps = 0

    def _program(self, dtype: str) -> tuple[ModuleType, tuple[str, ...]]:
        """The kernels for weights of this type, and the columns of `parameters`."""
        assert self.functions is not None
        potentiate, depress, one_sided = self.functions
        module = lazy.lazy_module(potentiate, depress, self.uniform, dtype, one_sided)
        return module, lazy.rule_parameters(potentiate, depress)

    # ---- projections -------------------------------------------------------------------------------------------------

    @property
    def late(self) -> bool:
        """Whether a projection needs deliver(now, 1, ...) before the neurons advance: an axonal delay with nothing behind it."""
        return bool(self.place[:, P["LATE"]].any())

    def add_projection(
        self, rule: LazyRule, *, n_sources: int, pre_lo: int, n_targets: int, post_lo: int, column0: int,
        axonal: int = 0, back: int = 0, step: int | None = None,
    ) -> tuple[int, int]:  # fmt: skip
        """Add the empty rows of a projection; return (number of the projection, first row).

        Parameters
        ----------
        rule : a rule with this pool's functions
        n_sources, pre_lo : int
            Source neurons and the global place of the first.
        n_targets, post_lo, column0 : int
            Target neurons, the global place of the first, and its column.
        axonal : int
            Steps from firing to the arrival at the synapse.
        back : int
            uniform pools: steps from a postsynaptic spike to its arrival at the synapse (0: the rule sees firing; else
            the dendritic delay that all synapses share, with an axonal delay the rest behind it).
        step : int, optional
            First step whose spikes count; default the one after the clock.

        Notes
        -----
        The history is empty: spikes of the targets before `step` leave no trace.
        """
        self._check_rule(rule)
        if axonal < 0 or back < 0 or (not self.uniform and (axonal or back)):
            raise ParameterError(
                f"LazyPool.add_projection: axonal and back are steps >= 0, and 0 where each synapse has its own delay; "
                f"got axonal={axonal}, back={back}"
            )
        k, line0 = self.place.shape[0], self.logged.size
        row0 = self.add_rows(n_sources)
        self.row_projection[row0:] = k
        if step is None:
            step = self.clock + 1
        entry = np.zeros((1, len(history.PLACE)), np.int64)
        named = {
            "PRE_LO": pre_lo, "PRE_HI": pre_lo + n_sources, "ROW0": row0, "POST_LO": post_lo,
            "POST_HI": post_lo + n_targets, "COLUMN0": column0, "LINE0": line0, "AXONAL": axonal, "BACK": back,
            "LEAST": 1 << 32, "BORN": max(0, int(step)), "LATE": int(axonal > 0 and back == 0 and getattr(rule, "sees", "delay") == "delay"),
        }  # fmt: skip
        for name, value in named.items():
            entry[0, P[name]] = value
        self.place = np.concatenate([self.place, entry])
        self.parameters = np.concatenate(
            [self.parameters, np.zeros((1, self.parameters.shape[1]), self.parameters.dtype)]
        )
        self.rates = np.concatenate([self.rates, np.ones((1, 2))])
        self._add_lines(n_targets)
        self._lay_recent(self._kept())
        self.set_rule(k, rule)
        return k, row0

    def set_rule(self, k: int, rule: LazyRule) -> None:
        """New parameters for projection k from now on: what came before is replayed with the old ones."""
        self._check_rule(rule)
        rates = self.dt / np.array([rule.tau_plus, rule.tau_minus])
        if (32.0 / rates > LONGEST_TABLE).any():
            slow = "tau_plus" if rule.tau_plus >= rule.tau_minus else "tau_minus"
            raise ParameterError(
                f"{type(rule).__name__}.{slow}: at most {LONGEST_TABLE / 32.0 * self.dt:g} ms at dt = {self.dt:g} ms, "
                f"got {getattr(rule, slow):g}; take a larger dt"
            )
        self.catch_up(self.rows_of(k))
        self.rates[k] = rates
        self.parameters[k] = [getattr(rule, name) for name in self.parameter_names]
        self._fill_decays()

    def _check_rule(self, rule: Any) -> None:
        if rule.functions != self.functions:
            raise ParameterError("LazyPool(rule): this pool holds another rule; make a pool for it")

    def rows_of(self, k: int) -> np.ndarray:
        """The rows of projection k."""
        row0, n = self.place[k, P["ROW0"]], self.place[k, P["PRE_HI"]] - self.place[k, P["PRE_LO"]]
        return np.arange(row0, row0 + n)

    def move_projection(
        self, k: int, *, n_sources: int, pre_lo: int, row0: int, n_targets: int, post_lo: int, column0: int,
        targets: ArrayLike | None = None,
    ) -> None:  # fmt: skip
        """Tell where projection k lies after neurons were added or removed (after move_rows and remap).

        `targets[i]` is the old number (within the target population) of its new neuron i, -1 for a newborn; None: the
        old ones in place, newborns behind them.  Newborns have no history.
        """
        entry = self.place[k]
        n_old = int(entry[P["POST_HI"]] - entry[P["POST_LO"]])
        if targets is None:
            targets = np.where(np.arange(n_targets) < n_old, np.arange(n_targets), -1)
        targets = np.asarray(targets, np.int64)
        line0 = int(entry[P["LINE0"]])
        old = np.where(targets >= 0, line0 + targets, -1)
        lines = np.arange(self.logged.size)
        self._take_lines(np.concatenate([lines[:line0], old, lines[line0 + n_old :]]))
        self.place[self.place[:, P["LINE0"]] > line0, P["LINE0"]] += n_targets - n_old
        named = {
            "PRE_LO": pre_lo, "PRE_HI": pre_lo + n_sources, "ROW0": row0,
            "POST_LO": post_lo, "POST_HI": post_lo + n_targets, "COLUMN0": column0,
        }  # fmt: skip
        for name, value in named.items():
            entry[P[name]] = value
        self.row_projection[row0 : row0 + n_sources] = k

    def target_range(self, k: int) -> tuple[int, int]:
        """(first, last + 1) of the places of the targets of projection k."""
        return int(self.place[k, P["POST_LO"]]), int(self.place[k, P["POST_HI"]])

    def remove_projection(self, k: int) -> None:
        """Forget projection k, whose rows are empty; the numbers of later ones fall by 1.  Its rows stay, empty, for all."""
        if self.length[self.rows_of(k)].any():
            raise ParameterError(f"LazyPool.remove_projection: projection {k} still has synapses; remove them first")
        line0, n = self.place[k, P["LINE0"]], self.place[k, P["POST_HI"]] - self.place[k, P["POST_LO"]]
        lines = np.arange(self.logged.size)
        self._take_lines(np.concatenate([lines[:line0], lines[line0 + n :]]))
        self.place[self.place[:, P["LINE0"]] > line0, P["LINE0"]] -= n
        for name in ("place", "parameters", "rates"):
            setattr(self, name, np.delete(getattr(self, name), k, axis=0))
        self.row_projection[self.row_projection == k] = 0
        self.row_projection[self.row_projection > k] -= 1
        self._fill_decays()
        self._lay_recent(self._kept())

    # ---- editing and reading -----------------------------------------------------------------------------------------

    def add_rows(self, n: int) -> int:
        """As RowPool.add_rows; the rows have had no spike and belong to no projection yet."""
        first = super().add_rows(n)
        for name, fill in _ROW_FILL.items():
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.full(n, fill, old.dtype)]))
        return first

    def build(
        self, row0: int, n_rows: int, row: ArrayLike, column: ArrayLike, delay: ArrayLike, weight: ArrayLike
    ) -> None:
        """As RowPool.build; the synapses are born now."""
        self._check_bounds("build", row, weight)
        before = self.length[row0 : row0 + n_rows].copy()
        super().build(row0, n_rows, row, column, delay, weight)
        rows = row0 + np.flatnonzero(self.length[row0 : row0 + n_rows])
        self._born(rows, before[rows - row0], np.broadcast_to(row, (np.size(row),)), delay)

    def append(
        self, row0: int, n_rows: int, row: ArrayLike, column: ArrayLike, delay: ArrayLike, weight: ArrayLike, *,
        extra: float | None = None,
    ) -> None:  # fmt: skip
        """As RowPool.append; the synapses are born now."""
        self._check_bounds("append", row, weight)
        before = self.length[row0 : row0 + n_rows].copy()
        super().append(row0, n_rows, row, column, delay, weight, extra=extra)
        grown = np.flatnonzero(self.length[row0 : row0 + n_rows] > before)
        self._born(row0 + grown, before[grown], row, delay)

    def insert(self, row: ArrayLike, column: ArrayLike, delay: ArrayLike, weight: ArrayLike) -> np.ndarray:
        """As RowPool.insert; the rows are brought up to date first, the synapses are born now."""
        rows = np.unique(np.asarray(row, np.int64))
        self._check_rows("insert", rows)
        self._check_bounds("insert", row, weight)
        self.catch_up(rows)
        before = self.length[rows].copy()
        slots = super().insert(row, column, delay, weight)
        self._born(rows, before, row, delay)
        return slots

    def remove(self, row: ArrayLike, slot: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """As RowPool.remove; the rows are brought up to date first.  Ask `sent` before."""
        row, slot = np.atleast_1d(np.asarray(row, np.int64)), np.atleast_1d(np.asarray(slot, np.int64))
        self.places_of(row, slot)
        self.catch_up(np.unique(row))
        removed = super().remove(row, slot)
        for birth in np.flatnonzero(np.isin(self.births[:, 1], row)):
            _, r, n = self.births[birth]
            self.births[birth, 2] = n - np.count_nonzero((row == r) & (slot < n))
        return removed

    def sent(self, row: ArrayLike, slot: ArrayLike, step: ArrayLike) -> np.ndarray:
        """As RowPool.sent (`step`: when the row was streamed); nothing if the synapse was born after the spike was fired."""
        row, slot, step = np.broadcast_arrays(*(np.atleast_1d(np.asarray(a, np.int64)) for a in (row, slot, step)))
        carried = super().sent(row, slot, step)
        fired = step - self.place[self.row_projection[row], P["AXONAL"]]
        for born, r, n in self.births[np.isin(self.births[:, 1], row)]:
            carried[(row == r) & (slot >= n) & (fired < born)] = 0.0
        return carried

    def set_weights(self, row: ArrayLike, slot: ArrayLike, weight: ArrayLike) -> None:
        """Set weights now: what is on its way is noted, and the past is replayed, first."""
        row = np.asarray(row, np.int64)
        self._check_bounds("set_weights", row, weight)
        self.note_in_flight(np.unique(row))
        self.catch_up(np.unique(row))
        self.weight[self.places_of(row, slot)] = weight

    def read_weights(self, rows: ArrayLike | None = None) -> np.ndarray:
        """Weights as of the clock, row after row; computes without writing."""
        rows = np.arange(self.n_rows) if rows is None else np.asarray(rows, np.int64)
        self._check_rows("read_weights", rows)
        length = self.length[rows].astype(np.int64)
        out = np.empty(int(length.sum()), self.weight.dtype)
        self._replay(rows, np.cumsum(length) - length, out)
        return out

    def edges(self, row0: int = 0, n_rows: int | None = None) -> tuple[np.ndarray, ...]:
        """As RowPool.edges, with the weights as of the clock; computes without writing."""
        row, slot, column, delay, _ = super().edges(row0, n_rows)
        row0, n_rows = self._check_range("edges", row0, n_rows)
        return row, slot, column, delay, self.read_weights(np.arange(row0, row0 + n_rows))

    def weaker_than(self, bound: float, row0: int = 0, n_rows: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """As RowPool.weaker_than; the rows are brought up to date first."""
        row0, n_rows = self._check_range("weaker_than", row0, n_rows)
        self.catch_up(np.arange(row0, row0 + n_rows))
        return super().weaker_than(bound, row0, n_rows)

    def weakest_in(
        self, columns: ArrayLike, k: ArrayLike, row0: int = 0, n_rows: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As RowPool.weakest_in; the rows are brought up to date first."""
        row0, n_rows = self._check_range("weakest_in", row0, n_rows)
        self.catch_up(np.arange(row0, row0 + n_rows))
        return super().weakest_in(columns, k, row0, n_rows)

    def move_rows(self, row_map: ArrayLike, n_rows: int | None = None) -> None:
        """As RowPool.move_rows; what a row knows of its spikes goes with it.  move_projection comes next."""
        row_map = np.asarray(row_map, np.int64)
        super().move_rows(row_map, n_rows)
        kept = np.flatnonzero(row_map >= 0)
        for name, fill in _ROW_FILL.items():
            old = getattr(self, name)
            new = np.full(self.n_rows, fill, old.dtype)
            new[row_map[kept]] = old[kept]
            setattr(self, name, new)
        births = self.births.copy()
        births[:, 1] = row_map[births[:, 1]]
        self._set_births(births[births[:, 1] >= 0])

    def catch_up(self, rows: ArrayLike | None = None) -> None:
        """Bring rows up to the clock; changes no bit of what a later reading or spike will find."""
        asked = np.arange(self.n_rows) if rows is None else np.unique(np.asarray(rows, np.int64))
        asked = asked[self.seen[asked] < self._present]
        if asked.size:
            self.note_in_flight(asked)
            self._replay(asked, self.start[asked], self.weight)
            self.seen[asked] = self._present

    def _replay(self, rows: np.ndarray, to: np.ndarray, out: np.ndarray) -> None:
        """out[to[i] + s] = weight of synapse s of rows[i] as of the clock."""
        self.kernels.bring_up(self._present, rows, to, out, self.driver_arguments())

    def note_in_flight(self, rows: ArrayLike) -> None:
        """Note what the last spike of each of these (distinct) rows carries, where some of it may not have arrived."""
        asked = np.asarray(rows, np.int64)
        asked = asked[self.length[asked] > 0]
        last = self.last_pre[asked].astype(np.int64)
        window = self.place[self.row_projection[asked], P["WINDOW"]]
        flying = (self._present - last < window) & (self.noted[asked] != last)
        self.note(asked[flying], last[flying] + self.ledger[L["EPOCH"]])
        self.noted[asked[flying]] = last[flying]

    def arrivals(self, row: int) -> np.ndarray:
        """Steps at which spikes of the row were streamed that may still be on their way, ascending."""
        window = int(self.place[self.row_projection[row], P["WINDOW"]])
        n = int(self.note_used[0])
        steps = np.append(self.note_step[:n][self.note_row[:n] == row], self.last_pre[row] + self.ledger[L["EPOCH"]])
        return np.unique(steps[steps + window > self.clock])

    # ---- room --------------------------------------------------------------------------------------------------------

    def driver_arguments(self) -> tuple[np.ndarray, ...]:
        """The tuple that the kernels take; good until the next edit, catch_up or make_room."""
        if self.births.size:
            self._set_births(self.births)
        self.ledger[L["BITS"]] = self.column_bits
        self.ledger[history.LAYOUT_AT : history.SHARD] = history.LAYOUT[self.uniform, self.weight.dtype.name]
        longest = int(self.length.max(initial=0))
        if (self.later.size - history.MOST_ROUNDS - 1) // 5 <= longest:  # five lists of synapses, and places in them
            self.later = np.zeros(5 * (2 * longest + 1) + history.MOST_ROUNDS + 1, np.int64)
            self.scratch = np.zeros((3, 2 * longest + 1), self.weight.dtype)
        if self.note_step.size == 0:
            self.reserve_notes(64, 1024)
        return tuple(getattr(self, name) for name in self.FIELDS)

    def room_arguments(self) -> tuple[np.ndarray, ...]:
        """What `room_needed` takes."""
        return tuple(getattr(self, name) for name in history.ROOM)

    def make_room(self) -> None:
        """What `room_needed` asked for: forget what no one needs, else lengthen notes, recent spikes and logs."""
        longest = int(self.place[:, P["WINDOW"]].max(initial=0))
        self.drop_notes(self.clock + 1 - longest)
        for used, size, entry, name in (
            (self.note_used[0], self.note_step.size, "NOTES_NEEDED", "notes"),
            (self.note_used[1], self.amount.size, "AMOUNTS_NEEDED", "amounts"),
        ):
            wanted = int(self.ledger[L[entry]])
            if used + 2 * wanted > size:  # twice the need, so that not every chunk must ask
                self.reserve_notes(**{"notes": 0, "amounts": 0, name: 2 * wanted})
        need = int(self.ledger[L["RECENT_NEEDED"]])
        if self.ledger[L["HEAD"]] - self._oldest() + need > self.recent.size // 2:
            self._lay_recent(self._kept(), 2 * need)
        steps = int(self.ledger[L["STEPS_NEEDED"]])
        if self.clock + 1 + steps - self.ledger[L["EPOCH"]] > history.LIMIT:
            self.rebase()
        self.ledger[L["AHEAD"]] = max(self.ledger[L["AHEAD"]], steps)
        self._clear_logs()

    def sweep(self) -> None:
        """Bring all rows far enough that every log may drop half of what it holds (some may have nothing to drop)."""
        longest = 0 if self.uniform else int(self.place[:, P["WINDOW"]].max(initial=0))
        until = min(int(history.halfway(longest, self.log, self.logged)), self._present)
        self.catch_up(np.flatnonzero(self.seen < until))
        self.ledger[L["SAFE"]] = max(NEVER, int(self.seen.min(initial=until)) - longest)
        self.ledger[L["SWEPT"]] = self.clock
        self.sweeps += 1

    def rebase(self) -> None:
        """Count steps from the clock on, so that they fit 32 bits for ever; changes no bit of a result."""
        self.catch_up()
        shift = self.clock - int(self.ledger[L["EPOCH"]])
        for name in ("last_pre", "seen", "noted", "log"):
            shift_steps(getattr(self, name), shift)
        lines = self.line.reshape(-1, self.words)[:, : self.times]
        shift_steps(lines, shift)
        self.ledger[L["EPOCH"]] += shift
        self.ledger[L["SAFE"]] = max(self.ledger[L["SAFE"]] - shift, NEVER)

    def reset(self, step: int = 0) -> None:
        """Forget all spikes: the next step pushed is `step`.  Weights stay as of the clock."""
        self.catch_up()
        self.drop_notes(1 << 62)
        for name, fill in _ROW_FILL.items():
            if name != "row_projection":
                getattr(self, name)[:] = fill
        self._take_lines(np.full(self.logged.size, -1))
        self.recent_bounds[:] = NEVER
        self._set_births(self.births[:0])
        self.place[:, P["BORN"]] = step
        for name, value in (("EPOCH", step), ("CLOCK", step - 1), ("SAFE", NEVER), ("WANTED", 0), ("HEAD", 0)):
            self.ledger[L[name]] = value
        self.ledger[L["SWEPT"]] = NEVER

    # ---- saving ------------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that must be saved, by name; copies."""
        names = (*ROWS, *NOTES, *ROW_STATE, *HISTORY, *CLOCKED)
        counters = np.array([self.n_synapses, self.next_ident, self.column_bits], np.int64)
        return {name: getattr(self, name).copy() for name in names} | {"counters": counters}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take the state that `arrays` gave, in a pool made with the same functions, flavour and dtype."""
        for name in (*ROWS, *NOTES, *ROW_STATE, *HISTORY, *CLOCKED):
            if name != "line":
                setattr(self, name, np.array(arrays[name], order="C"))
        self._set_lines(arrays["line"].reshape(-1, self.words))
        self.n_synapses, self.next_ident, self.column_bits = (int(x) for x in arrays["counters"])
        self._wants_ident, self._wants_extra = self.ident.size > 0, self.extra.size > 0
        self.counted = np.zeros(self.n_rows, np.int32)
        self._fill_decays()

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _check_bounds(self, what: str, row: ArrayLike, weight: ArrayLike) -> None:
        """Weights must lie within their rule's bounds: every replay clips, also one that finds nothing to do."""
        low, high = self.parameters[self.row_projection[np.asarray(row, np.int64)], :2].astype(self.weight.dtype).T
        weight = np.asarray(weight).astype(self.weight.dtype)
        wrong = ~((low <= weight) & (weight <= high))
        if wrong.any():
            i = int(np.argmax(wrong))
            value = weight if weight.ndim == 0 else weight[i]
            raise ParameterError(
                f"LazyPool.{what}(weight): must lie within the rule's w_min ... w_max, {low[i]:g} ... {high[i]:g}, "
                f"got {value:g} at position {i}; widen the bounds, for example w_max={max(1.0, abs(float(value))):g}"
            )

    def _born(self, rows: np.ndarray, before: np.ndarray, row: ArrayLike, delay: ArrayLike) -> None:
        """Synapses were appended to `rows`, which had `before` synapses: they are up to date, and ignore earlier spikes."""
        self.seen[rows] = np.maximum(self.seen[rows], self._present)
        row, delay = np.broadcast_arrays(np.asarray(row, np.int64), np.asarray(delay, np.int64))
        np.maximum.at(self.place[:, P["WINDOW"]], self.row_projection[row], delay)
        np.minimum.at(self.place[:, P["LEAST"]], self.row_projection[row], delay)
        k = self.row_projection[rows]
        window, axonal = self.place[k, P["WINDOW"]], self.place[k, P["AXONAL"]]
        recent = (self._present - self.last_pre[rows] < window) | (axonal > 0)  # spikes that they must not carry
        new = np.stack([np.full(rows.size, self.clock + 1), rows, before], axis=1).astype(np.int64)
        self._set_births(np.concatenate([self.births, new[recent]]))

    def _set_births(self, births: np.ndarray) -> None:
        """Keep those of these births that happened while spikes fired before may still be on their way."""
        longest = int((self.place[:, P["WINDOW"]] + self.place[:, P["AXONAL"]]).max(initial=0))
        births = births[births[:, 0] + longest > self.clock]
        self.births = np.ascontiguousarray(births)
        self.ledger[L["BIRTHS"]] = births.shape[0]

    def _clear_logs(self) -> None:
        """Let every log take the next chunk: sweep, and grow the logs where sweeps come too often or do not help."""
        if not self.ledger[L["WANTED"]] and self.ledger[L["AHEAD"]] < self.log.shape[1] // 2:
            return
        small = self.log.nbytes * 8 < self.n_synapses * (4 + self.weight.itemsize)
        often = self.clock - self.ledger[L["SWEPT"]] < 1000
        while self.ledger[L["AHEAD"]] >= self.log.shape[1] // 2 or (self._crowded() and (small or often)):
            self._double_logs()
            small = often = False
        if self._crowded():
            self.sweep()
        while self._crowded():
            self._double_logs()
        self.ledger[L["WANTED"]] = 0


_ROW_FILL: dict[str, Any] = {
    "last_pre": NEVER, "seen": NEVER // 2, "noted": NEVER, "counted": 0, "pre_trace": 0.0, "row_projection": 0,
}  # fmt: skip
