"""A pool of synapses under general event rules: what `LazyPool` does for the pair rule, with variables, traces and signals.

Knows arrays and mechanisms only.  Rows are replayed lazily as there; a rule with a third factor or with decaying variables
also keeps the step of each synapse's last event, and evolves from it.  Reading computes; catching up stores events, never
the evolution after the last one, so it changes no later bit.
"""

from __future__ import annotations

import zlib
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import steps_of
from neurosim.engine.histories import NEVER, L, P, shift_steps
from neurosim.engine.lazy_pool import CLOCKED, HISTORY, ROW_STATE, LazyPool
from neurosim.errors import ParameterError
from neurosim.graph import RowPool
from neurosim.kernels import events
from neurosim.kernels.events import EventPlan, events_module
from neurosim.plasticity.mechanism import as_parts, value_of

#: What `save` keeps besides the synapses, beyond what lazy pools keep.
OWN = (*ROW_STATE, *HISTORY, *CLOCKED, "row_state", "traced", "post_rate", "signal", "past", "where", "level_rate")
MOST_SIGNAL = 1 << 24  # steps of the running integral of a modulator


class EventPool(LazyPool):
    """Growable rows of synapses under the same parts of rules, one weight type and one flavour.

    Parameters
    ----------
    plan : EventPlan
    dt : float
        Step (ms).
    column_bits : int

    Attributes
    ----------
    row_state : float64 [rows, n]
        Presynaptic traces just after and just before the row's last arrival, then its own variables.
    traced : float64 [targets, log, n]
        Postsynaptic traces just before each event of the history, and its value where events have one.
    signal : float64 [projections, slots]
        Running integral of each projection's modulator since the last settlement.
    past : float64 [variables read, slots, targets]
        State of the targets in the last steps.
    """

    FIELDS: ClassVar[tuple[str, ...]] = events.FIELDS

    def __init__(self, plan: EventPlan, *, dt: float, column_bits: int = 24) -> None:
        self.plan = plan
        self.row_state = np.zeros((0, 2 * len(plan.pre_traces) + len(plan.row)))
        self.traced = np.zeros((0, 0, 0))
        super().__init__(None, uniform=plan.uniform, dt=dt, column_bits=column_bits, dtype=plan.dtype, more=plan.width)
        self.parameters = np.zeros((0, len(self.parameter_names)))
        self.traced = np.zeros((0, self.log.shape[1], self._n_traced))
        self.post_rate = np.zeros((0, len(plan.post_traces)))
        self.post_jump = np.array([trace.jump == "set" for _, _, trace in plan.post_traces], np.int64)
        self.where = np.zeros((0, events.READS + len(plan.reads) + len(plan.watches)), np.int64)
        self.signal = np.zeros((0, 1))
        self.level_rate = np.zeros(0)
        self.past = np.zeros((len(plan.reads), 1, 0))
        self.row_uid, self.column_uid = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.rank = np.zeros(0, np.uint8)
        self.keys = np.zeros(2 * len(plan.parts) + 2, np.uint64)
        self.rules: list[tuple[Any, ...]] = []

    @property
    def _n_traced(self) -> int:
        return len(self.plan.post_traces) + (self.plan.event is not None)

    @property
    def reads_state(self) -> bool:
        """Whether the network must advance step by step."""
        return self.plan.needs_states

    @property
    def stamp(self) -> np.ndarray:
        """The bits of `more` as whole numbers."""
        return self.more.view(np.int32 if self.more.itemsize == 4 else np.int64)

    def _program(self, dtype: str) -> tuple[ModuleType, tuple[str, ...]]:
        return events_module(self.plan), self.plan.columns

    def _check_rule(self, rule: Any) -> None:
        if tuple(one.mechanism for one in as_parts(rule)) != self.plan.parts:
            raise ParameterError("EventPool(rule): this pool holds another rule; make a pool for it")

    # ---- projections -------------------------------------------------------------------------------------------------

    def add_projection(self, rule: Any, *, level_tau: float = np.inf, **places: Any) -> tuple[int, int]:
        """As LazyPool.add_projection; `level_tau` (ms) is that of the modulator, for a rule with a third factor."""
        self.rules.append(as_parts(rule))
        self.where = np.concatenate([self.where, np.zeros((1, self.where.shape[1]), np.int64)])
        self.post_rate = np.concatenate([self.post_rate, np.zeros((1, self.post_rate.shape[1]))])
        self.signal = np.concatenate([self.signal, np.zeros((1, self.signal.shape[1]))])
        self.level_rate = np.append(self.level_rate, self.dt / level_tau)
        k, row0 = super().add_projection(rule, **places)
        self._fill_rows(k, self.rows_of(k))
        return k, row0

    def remove_projection(self, k: int) -> None:
        super().remove_projection(k)
        del self.rules[k]
        for name in ("where", "post_rate", "signal", "level_rate"):
            setattr(self, name, np.delete(getattr(self, name), k, axis=0))

    def set_rule(self, k: int, rule: Any) -> None:
        """New parameters for projection k from now on: what came before is replayed, and evolves, with the old ones."""
        self._check_rule(rule)
        rows = self.rows_of(k)
        if self.length[rows].any():
            self.settle_rows(rows)
        self.rules[k] = parts = as_parts(rule)
        named = {"w_min": rule.w_min, "w_max": rule.w_max, "dt": self.dt} | self._third(k, parts)
        for n, one in enumerate(parts):
            named |= {f"{n}:{name}": getattr(one, name) for name in one.mechanism.parameters}
            lag = one.mechanism.lag
            label = f"{type(one).__name__}.{lag if isinstance(lag, str) else 'lag'}"
            named[f"{n}:lag"] = steps_of(label, value_of(one, lag), self.dt)
            kept = (*one.mechanism.traces, *one.mechanism.variables)
            named |= {f"{n}:rate:{name}": self.dt / value_of(one, x.tau) for name, x in kept if x.tau is not None}
        self.parameters[k] = [float(named[name]) for name in self.parameter_names]
        self.post_rate[k] = [self.dt / value_of(parts[n], trace.tau) for n, _, trace in self.plan.post_traces]

    def _third(self, k: int, parts: tuple[Any, ...]) -> dict[str, float]:
        """What the running integral of the modulator needs: ds counted in ms, the level fades within a step."""
        if self.plan.third is None:
            return {}
        n, name = self.plan.third
        tau = dict(parts[n].mechanism.variables)[name].tau
        rate = self.dt / value_of(parts[n], tau) if tau is not None else 0.0
        both = rate + float(self.level_rate[k])
        gain = self.dt * (-np.expm1(-both) / both if both > 0 else 1.0)
        base = self.dt * (-np.expm1(-rate) / rate if rate > 0 else 1.0) * float(getattr(parts[n], "baseline", 0.0))
        steps = events.SETTLE_AFTER / rate if rate > 0 else 1e4
        period = 1 << max(0, int(np.floor(np.log2(min(max(steps, 1.0), MOST_SIGNAL)))))
        if self.signal.shape[1] < 2 * period:
            self.signal = np.pad(self.signal, ((0, 0), (0, 2 * period - self.signal.shape[1])))
        return {"third:rate": rate, "third:gain": gain, "third:base": base, "third:period": period}

    def move_projection(self, k: int, **places: Any) -> None:
        super().move_projection(k, **places)
        rows = self.rows_of(k)
        self._fill_rows(k, rows[self.last_pre[rows] == NEVER])

    def _fill_rows(self, k: int, rows: np.ndarray) -> None:
        """Rows that have had no spike begin with the initial values of their variables."""
        at = 2 * len(self.plan.pre_traces)
        for q, (n, _, variable) in enumerate(self.plan.row):
            self.row_state[rows, at + q] = value_of(self.rules[k][n], variable.initial)

    # ---- rows and history --------------------------------------------------------------------------------------------

    def add_rows(self, n: int) -> int:
        first = super().add_rows(n)
        self.row_state = np.concatenate([self.row_state, np.zeros((n, self.row_state.shape[1]))])
        return first

    def move_rows(self, row_map: ArrayLike, n_rows: int | None = None) -> None:
        row_map = np.asarray(row_map, np.int64)
        super().move_rows(row_map, n_rows)
        kept = np.flatnonzero(row_map >= 0)
        old, self.row_state = self.row_state, np.zeros((self.n_rows, self.row_state.shape[1]))
        self.row_state[row_map[kept]] = old[kept]

    def _take_lines(self, old: np.ndarray) -> None:
        kept = old >= 0
        traced, past = self.traced, self.past
        self.traced = np.zeros((old.size, self.log.shape[1], self._n_traced))
        self.traced[kept] = traced[old[kept]]
        self.past = np.zeros((past.shape[0], past.shape[1], old.size))
        self.past[:, :, kept] = past[:, :, old[kept]]
        super()._take_lines(old)

    def _double_logs(self) -> None:
        lines, size = self.log.shape
        at = np.arange(size)
        count = self.logged[:, None]
        event = count - 1 - ((count - 1 - at) & (size - 1))
        line, held = np.nonzero(event >= 0)
        traced = np.zeros((lines, 2 * size, self._n_traced))
        traced[line, event[line, held] & (2 * size - 1)] = self.traced[line, held]
        self.traced = traced
        super()._double_logs()

    def _born(self, rows: np.ndarray, before: np.ndarray, row: ArrayLike, delay: ArrayLike) -> None:
        super()._born(rows, before, row, delay)
        if not self.plan.width and not self.plan.levels:
            return
        many = self.length[rows].astype(np.int64) - before
        at = (
            np.repeat(self.start[rows] + before, many) + np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
        )
        self._fill_synapses(np.repeat(rows, many), at)
        self._round(np.repeat(rows, many), at)

    def _round(self, row: np.ndarray, place: np.ndarray) -> None:
        """Weights that came from outside are rounded to the grid, keyed by the synapse and the clock."""
        if not self.plan.levels:
            return
        low, high = np.ascontiguousarray(self.parameters[self.row_projection[row], :2].T)
        self.rank = parallel_ranks(self)
        events.round_places(
            place, row, self.column_bits, low, high, float(self.plan.levels), self.clock + 1, self.keys[-2], self.packed,
            self.row_uid, self.column_uid, self.rank, self.weight,
        )  # fmt: skip

    def _fill_synapses(self, row: np.ndarray, place: np.ndarray) -> None:
        """Initial values of the variables of synapses that are born at the clock."""
        k = self.row_projection[row]
        for q, (n, name, variable) in enumerate(self.plan.variables):
            for j in np.unique(k):
                mine = k == j
                initial = variable.initial
                initial = getattr(self.rules[j][n], initial) if isinstance(initial, str) else initial
                if hasattr(initial, "draw"):
                    column = (self.packed[place[mine]] & self.mask).astype(np.int64)
                    key = int(self.keys[-1]) ^ hash_of(name)
                    rank = parallel_ranks(self)[place[mine]]
                    initial = initial.draw(key, self.row_uid[row[mine]], self.column_uid[column], rank)
                self.more[place[mine], q] = initial
        if self.plan.evolves:
            self.stamp[place, self.plan.width - 1] = self._present

    # ---- reading and editing -----------------------------------------------------------------------------------------

    def _replay(self, rows: np.ndarray, to: np.ndarray, out: np.ndarray) -> None:
        self._bring_up(rows, to, out, np.zeros((0, 1)), out is not self.weight)

    def _bring_up(self, rows: np.ndarray, to: np.ndarray, out: np.ndarray, more: np.ndarray, looks: bool) -> None:
        self.kernels.bring_up(self._present, rows, to, out, more, looks, self.driver_arguments())

    def read_variable(self, name: str, rows: ArrayLike) -> np.ndarray:
        """A variable of all synapses of these rows as of the clock, row after row; computes without writing."""
        q = next(i for i, (_, known, _) in enumerate(self.plan.variables) if known == name)
        rows = np.asarray(rows, np.int64)
        length = self.length[rows].astype(np.int64)
        out, more = np.empty(int(length.sum()), self.weight.dtype), np.empty((int(length.sum()), self.plan.width))
        self._bring_up(rows, np.cumsum(length) - length, out, more, True)
        return np.array(more[:, q])

    def read_row(self, part: int, rows: np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray]:
        """Variables of these rows under a part of the rule, as their last spikes left them, and ms since those (inf: none)."""
        at = 2 * len(self.plan.pre_traces)
        kept = {name: self.row_state[rows, at + q] for q, (n, name, _) in enumerate(self.plan.row) if n == part}
        last = self.last_pre[rows].astype(np.int64)
        return kept, np.where(last == NEVER, np.inf, (self._present - last) * self.dt)

    def rest_rows(self, k: int, rows: np.ndarray) -> None:
        """Variables of these rows of projection k begin anew; what is on its way stays as it was sent."""
        self.note_in_flight(rows)
        self.catch_up(rows)
        self._fill_rows(k, rows)

    def set_variable(self, name: str, row: ArrayLike, slot: ArrayLike, value: ArrayLike) -> None:
        """Set a variable of synapses now; the past is replayed first."""
        q = next(i for i, (_, known, _) in enumerate(self.plan.variables) if known == name)
        row, slot = np.atleast_1d(np.asarray(row, np.int64)), np.atleast_1d(np.asarray(slot, np.int64))
        self._settle(row, slot)
        self.more[self.places_of(row, slot), q] = value

    def set_weights(self, row: ArrayLike, slot: ArrayLike, weight: ArrayLike) -> None:
        row, slot = np.atleast_1d(np.asarray(row, np.int64)), np.atleast_1d(np.asarray(slot, np.int64))
        self._check_bounds("set_weights", row, weight)
        self._settle(row, slot)
        super().set_weights(row, slot, weight)
        self._round(row, self.places_of(row, slot))

    def settle_rows(self, rows: np.ndarray) -> None:
        """Bring all synapses of these rows up to the clock, evolution included."""
        row = np.repeat(rows, self.length[rows])
        first = np.cumsum(self.length[rows], dtype=np.int64) - self.length[rows]
        self._settle(row, np.arange(row.size) - np.repeat(first, self.length[rows]))

    def _settle(self, row: np.ndarray, slot: np.ndarray) -> None:
        rows = np.unique(row)
        self.note_in_flight(rows)
        self.catch_up(rows)
        if self.plan.evolves and row.size:
            self.kernels.settle_slots(self._present, row, slot, self.driver_arguments())

    def note(self, rows: ArrayLike, steps: ArrayLike) -> None:
        """As RowPool.note; what a row carries is what its synapses transmit."""
        first, amounts = int(self.note_used[0]), int(self.note_used[1])
        super().note(rows, steps)
        if self.plan.transmits is None or int(self.note_used[0]) == first:
            return
        noted = self.note_row[first : int(self.note_used[0])].copy()
        to = self.note_first[first : int(self.note_used[0])].copy()
        out = self.amount.copy()
        self.kernels.write_carried(noted, to, out, self.driver_arguments())
        self.amount[amounts : int(self.note_used[1])] = out[amounts : int(self.note_used[1])]

    def sent(self, row: ArrayLike, slot: ArrayLike, step: ArrayLike) -> np.ndarray:
        if self.plan.transmits is not None:
            asked = np.unique(np.stack(np.broadcast_arrays(np.atleast_1d(row), np.atleast_1d(step))), axis=1)
            self.note(asked[0], asked[1])
        return super().sent(row, slot, step)

    # ---- room --------------------------------------------------------------------------------------------------------

    def driver_arguments(self) -> tuple[np.ndarray, ...]:
        if self.plan.reads:
            longest = int(self.place[:, [P["WINDOW"], P["BACK"]]].max(initial=0))
            lags = [i for i, name in enumerate(self.parameter_names) if name.endswith(":lag")]
            longest += int(self.parameters[:, lags].max(initial=0))
            slots = 1 << int(longest + 2).bit_length()
            if self.past.shape[1] < slots:
                self._lengthen_past(slots)
        arguments = zip(self.FIELDS, super().driver_arguments(), strict=True)
        used = self.plan.fields
        return tuple(array if name in used else 0 for name, array in arguments)  # type: ignore[misc]

    def room_arguments(self) -> tuple[np.ndarray, ...]:
        """What `room_needed` takes: everything, where it looks for settlements too."""
        return self.driver_arguments() if self.plan.third is not None else super().room_arguments()

    def pushed(self) -> tuple[np.ndarray, ...]:
        """What push_log takes, where no state is looked at."""
        return tuple(getattr(self, name) for name in events.PUSHED)

    def _lengthen_past(self, slots: int) -> None:
        old, had = self.past, self.past.shape[1]
        self.past = np.zeros((old.shape[0], slots, old.shape[2]))
        for back in range(slots):
            self.past[:, (self.clock - back) & (slots - 1)] = old[:, (self.clock - min(back, had - 1)) & (had - 1)]

    def rebase(self) -> None:
        before = int(self.ledger[L["EPOCH"]])
        super().rebase()
        if self.plan.evolves:
            shift_steps(self.stamp[:, self.plan.width - 1], int(self.ledger[L["EPOCH"]]) - before)

    def reset(self, step: int = 0) -> None:
        super().reset(step)
        self.row_state[:] = 0.0
        self.signal[:] = 0.0
        for k in range(self.place.shape[0]):
            self._fill_rows(k, self.rows_of(k))
        row = np.repeat(np.arange(self.n_rows), self.length)
        if row.size and self.plan.width:
            first = np.cumsum(self.length, dtype=np.int64) - self.length
            slot = np.arange(row.size) - np.repeat(first, self.length)
            self._fill_synapses(row, self.places_of(row, slot))

    def _fill_decays(self) -> None:
        """Nothing: exponentials are computed where they are needed."""

    def arrays(self) -> dict[str, np.ndarray]:
        """The whole state by name; copies."""
        return super().arrays() | {name: getattr(self, name).copy() for name in (*OWN, "more")}


def hash_of(name: str) -> int:
    """32 bits of a name."""
    return zlib.crc32(name.encode())


def parallel_ranks(pool: RowPool) -> np.ndarray:
    """Number of each synapse among its parallels, by place in the columns (uint8)."""
    row, slot, column, _, _ = RowPool.edges(pool)
    rank = np.zeros(pool.places, np.uint8)
    if row.size:
        order = np.lexsort((slot, column, row))
        new = np.ones(row.size, np.bool_)
        new[1:] = (row[order][1:] != row[order][:-1]) | (column[order][1:] != column[order][:-1])
        start = np.maximum.accumulate(np.where(new, np.arange(row.size), 0))
        rank[pool.places_of(row[order], slot[order])] = (np.arange(row.size) - start) & 255
    return rank
