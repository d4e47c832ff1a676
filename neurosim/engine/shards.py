"""Dividing a network among threads: targets are cut into shards, and every row of synapses into one part for each shard.

Nothing that can be seen changes: a shard holds the same synapses, histories and notes, in the same order for each target.
"""

from typing import Any

import numpy as np

from neurosim.engine import flight
from neurosim.engine.coded_pool import CodedPool
from neurosim.engine.histories import L, P
from neurosim.engine.implicit_pool import ImplicitPool
from neurosim.engine.lazy_pool import LazyPool
from neurosim.engine.pools import StaticPool, Wire
from neurosim.errors import RunError
from neurosim.graph import RowPool
from neurosim.kernels import sharding

#: Arrays of a lazy pool with one entry for each projection; for each row.
PER_PROJECTION = ("place", "parameters", "rates", "where", "post_rate", "signal", "level_rate")
PER_ROW = ("last_pre", "seen", "noted", "pre_trace", "row_state")


#: Likely events a second of a synapse, and what an event costs beside one step of a neuron.
LIKELY_RATE, EVENT_COST = 10.0, 0.3


def divide(engine: Any, shards: int, *, anew: bool = False) -> bool:
    """Cut all targets into so many shards; returns whether anything has changed.  `anew`: also if they are so many already."""
    if (shards == engine.shards and not anew) or not _room(engine, shards):
        return False
    before = [s.cuts for block in engine.blocks for s in block.slices]
    inputs = _inputs(engine)
    for block in engine.blocks:
        cost = [1.0 + inputs.get(s.number, 0.0) * LIKELY_RATE * 1e-3 * engine.dt * EVENT_COST for s in block.slices]
        block.cut(shards, cost)
    after = [s.cuts for block in engine.blocks for s in block.slices]
    if shards == engine.shards and all(np.array_equal(a, b) for a, b in zip(before, after, strict=True)):
        return False
    for pool in engine.pools:
        if isinstance(pool, LazyPool):
            pool.catch_up()
        if pool.note_used[0]:
            _complete_notes(engine, pool)
    engine.shards = shards
    for pool in engine.pools:
        _divide_pool(engine, pool, shards)
    engine.settle()
    return True


def _room(engine: Any, shards: int) -> bool:
    """Whether the disk has room for the synapses of a pool twice, and for where they go; an error if they have to go there."""
    need = max([getattr(p, "disk_bytes", 0) + 13 * getattr(p, "places", 0) for p in engine.pools], default=0)
    if engine.store is None or not need or need <= engine.store.free:
        return True
    if shards == engine.shards:
        return False
    raise RunError(
        f"run: dividing the synapses on disk among threads needs {need / 1e9:.3g} GB more there for a moment; "
        f"{str(engine.store.path)!r} has {engine.store.free / 1e9:.3g} GB left. Say the number before they are made: "
        f"ns.Network(threads=..., store=...), or keep the present one: net.run(..., threads={engine.shards})"
    )


def _inputs(engine: Any) -> dict[int, float]:
    """Synapses onto a neuron of each population, by its number."""
    found: dict[int, float] = {}
    for pool in engine.pools:
        for wire in pool.wires:
            n = float(_synapses(pool, wire).sum())
            found[wire.post] = found.get(wire.post, 0.0) + n / max(1, wire.post_n)
    return found


def _synapses(pool: Any, wire: Wire) -> np.ndarray:
    """Synapses of a projection in each shard; about as many if they are not stored."""
    if isinstance(pool, ImplicitPool):
        return pool.likely(wire)
    return np.asarray(
        pool.length[wire.row0 : wire.row0 + wire.n_rows].reshape(wire.shards, -1).sum(axis=1, dtype=np.int64)
    )


def imbalance(engine: Any) -> float:
    """Cost of the shard with most to do over the mean: 1 is even."""
    cost = np.zeros(engine.shards)
    for block in engine.blocks:
        for s in block.slices:
            cost += np.diff([*(s.part(k)[0] for k in range(engine.shards)), s.own()[1]])
    for pool in engine.pools:
        for wire in pool.wires:
            cost += _synapses(pool, wire) * (LIKELY_RATE * 1e-3 * engine.dt * EVENT_COST)
    return float(cost.max() / cost.mean()) if cost.any() else 1.0


def _complete_notes(engine: Any, pool: Any) -> None:
    """A spike that is noted in one shard's part of a row is noted in the others too."""
    n = int(pool.note_used[0])
    for wire in pool.wires:
        if wire.shards == 1:
            continue
        mine = (pool.note_row[:n] >= wire.row0) & (pool.note_row[:n] < wire.row0 + wire.n_rows)
        source, step = wire.source_of(pool.note_row[:n][mine]), pool.note_step[:n][mine]
        if not source.size:
            continue
        if isinstance(pool, StaticPool) and pool.released:
            flight.note_in_flight(engine, pool, wire, wire.rows_of_sources(np.unique(source)))
        else:
            pool.note(wire.rows_of_sources(source), np.tile(step, wire.shards))


def _divide_pool(engine: Any, pool: Any, shards: int) -> None:
    """Rows, notes, births and what is kept for each row and projection, for the new cuts."""
    shard_of_column = _shard_of_columns(engine)
    if isinstance(pool, ImplicitPool):
        pool.divide(shards)
        return
    old_wires = [(wire.row0, wire.rows, wire.shards) for wire in pool.wires]
    at = 0
    table = np.zeros(
        (len(old_wires), 5), np.int64
    )  # old first row, rows of a shard, old shards, new first row, new shards
    for k, (row0, rows, before) in enumerate(old_wires):
        table[k] = row0, rows, before, at, shards
        at += rows * shards
    ages, steps = _ages(pool)
    if isinstance(pool, CodedPool):
        pool.unpack()
    new = _rearranged(pool, table, at, shard_of_column, ages, max(1, steps.size + 1))
    notes = _moved_notes(pool, new)
    births = _moved_births(pool, new, ages, steps)
    per_row = _moved_rows(pool, table, at)
    _adopt(pool, new)
    if isinstance(pool, CodedPool):
        pool.pack()
    for name, value in per_row.items():
        setattr(pool, name, value)
    _set_notes(pool, notes)
    for wire, entry in zip(pool.wires, table, strict=True):
        wire.row0, wire.shards = int(entry[3]), shards
    for wire in pool.wires:
        engine._place_wire(wire)
    if isinstance(pool, LazyPool):
        _divide_projections(pool, old_wires, shards)
        pool._set_births(births)
    pool.edited()


def _shard_of_columns(engine: Any) -> np.ndarray:
    """Shard of the target of each ring column, uint8."""
    shard = np.zeros(max(1, engine.uid_of_column.size), np.uint8)
    for block in engine.blocks:
        for k in range(len(block.columns)):
            for piece in block.slices:
                first = block.column0 + k * block.room + piece.first
                shard[first : first + piece.n] = piece.shard_of(np.arange(piece.n))
    return shard


def _ages(pool: Any) -> tuple[np.ndarray, np.ndarray]:
    """For each place the number of the birth that its synapse belongs to (0: none that is remembered), and their steps."""
    births = getattr(pool, "births", np.zeros((0, 3), np.int64))
    if not births.size:
        return np.zeros(0, np.uint8), np.zeros(0, np.int64)
    steps = np.unique(births[:, 0])
    ages = pool.array_for(pool.places, np.uint8)
    for step, row, before in births[np.argsort(births[:, 0], kind="stable")]:
        first = int(pool.start[row])
        ages[first + before : first + int(pool.length[row])] = 1 + np.searchsorted(steps, step)
    return ages, steps


class _Rearranged:
    """Columns of a pool in their new order, and where each old synapse went."""

    def __init__(self, pool: Any, n_rows: int, count: np.ndarray) -> None:
        self.fresh = RowPool(pool.column_bits, dtype=pool.weight.dtype.name, n_rows=n_rows, more=pool.more.shape[1])
        if pool.files is not None:
            self.fresh.keep_in(pool.files.store.files())
        self.count = count
        wanted = pool.note_used[0] or getattr(pool, "births", np.zeros(0)).size
        self.slot = pool.array_for(pool.places if wanted else 0, np.int32)
        self.row = pool.array_for(self.slot.size, np.int64)


def _rearranged(
    pool: Any, table: np.ndarray, n_rows: int, shard_of_column: np.ndarray, ages: np.ndarray, n_ages: int
) -> _Rearranged:
    count = np.zeros(n_rows, np.int64)
    sharding.count(table, shard_of_column, pool.mask, pool.start, pool.length, pool.packed, count)
    new = _Rearranged(pool, n_rows, count)
    fresh = new.fresh
    fresh._wants_ident, fresh._wants_extra = pool._wants_ident, pool._wants_extra
    fresh.lay_out_rows(count)
    sharding.move(
        table, n_ages, ages, shard_of_column, pool.mask, (pool.start, pool.length), pool.columns,
        (fresh.start, fresh.length), fresh.columns, new.row, new.slot,
    )  # fmt: skip
    return new


def _moved_notes(pool: Any, new: _Rearranged) -> list[tuple[int, int, np.ndarray]]:
    """(step, row, amounts) of each note in the new order; what was born after a noted spike carried nothing of it."""
    moved: dict[tuple[int, int], np.ndarray] = {}
    for q in range(int(pool.note_used[0])):
        step, row = int(pool.note_step[q]), int(pool.note_row[q])
        first, length = int(pool.note_first[q]), int(pool.note_length[q])
        places = pool.start[row] + np.arange(length)
        amounts = pool.amount[first : first + length]
        rows, slots = new.row[places], new.slot[places]
        for to in np.unique(rows):
            mine = rows == to
            held = moved.setdefault((step, int(to)), np.zeros(int(new.count[to])))
            held[slots[mine]] = amounts[mine]
    return [(step, row, amounts) for (step, row), amounts in moved.items()]


def _set_notes(pool: Any, notes: list[tuple[int, int, np.ndarray]]) -> None:
    pool.note_used[:] = 0
    pool.reserve_notes(len(notes), sum(amounts.size for _, _, amounts in notes))
    at = 0
    for q, (step, row, amounts) in enumerate(notes):
        pool.note_step[q], pool.note_row[q], pool.note_first[q], pool.note_length[q] = step, row, at, amounts.size
        pool.amount[at : at + amounts.size] = amounts
        at += amounts.size
    pool.note_used[:] = len(notes), at


def _moved_births(pool: Any, new: _Rearranged, ages: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Births for the new rows: step, row, synapses that are older.  Newborns stand behind the others in every row."""
    found = []
    if ages.size:
        fresh = new.fresh
        held = np.zeros(fresh.n_rows, np.int64)
        for age in range(steps.size + 1):
            born = np.zeros(fresh.n_rows, np.int64)
            sharding.count_age(age, ages, pool.start, pool.length, new.row, born)
            if age:
                rows = np.flatnonzero(born)
                found.append(np.stack([np.full(rows.size, steps[age - 1]), rows, held[rows]], axis=1))
            held += born
    return np.concatenate([np.zeros((0, 3), np.int64), *found])


def _moved_rows(pool: Any, table: np.ndarray, n_rows: int) -> dict[str, np.ndarray]:
    """What is kept for each row: all parts of a row have had the same spikes, and are up to date."""
    moved = {}
    for name in PER_ROW:
        old = getattr(pool, name, None)
        if old is None:
            continue
        fresh = np.zeros((n_rows, *old.shape[1:]), old.dtype)
        for row0, rows, before, at, shards in table:
            parts = old[row0 : row0 + rows * before].reshape(before, rows, *old.shape[1:])
            one = parts.max(axis=0) if name in ("seen", "noted") else parts[0]
            fresh[at : at + rows * shards] = np.concatenate([one] * shards)
        moved[name] = fresh
    return moved


def _adopt(pool: Any, new: _Rearranged) -> None:
    fresh = new.fresh
    for name in ("start", "length", "room", "packed", "weight", "ident", "extra", "more", "free", "used", "files"):
        setattr(pool, name, getattr(fresh, name))


def _divide_projections(pool: Any, old_wires: list[tuple[int, int, int]], shards: int) -> None:
    """Each projection stands once for every shard; lines of history stay where they are."""
    first = np.cumsum([0, *[before for _, _, before in old_wires]])[:-1]
    which = np.repeat(first, shards)
    before = pool.place
    for name in PER_PROJECTION:
        if hasattr(pool, name):
            setattr(pool, name, getattr(pool, name)[which].copy())
    for entry, over in (("WINDOW", np.maximum), ("LEAST", np.minimum)) if first.size else ():
        pool.place[:, P[entry]] = np.repeat(
            over.reduceat(before[:, P[entry]], first), shards
        )  # each knew its own delays
    if hasattr(pool, "rules"):
        pool.rules = [pool.rules[k] for k in which]
    pool.row_projection = np.zeros(pool.n_rows, np.int32)
    pool.counted = np.zeros(pool.n_rows, np.int32)
    for w, wire in enumerate(pool.wires):
        line0 = int(pool.place[w * shards, P["LINE0"]])
        _place_shards(pool, wire, range(w * shards, (w + 1) * shards), line0)
    pool._fill_decays()
    pool.ledger[L["SHARD"]], pool.ledger[L["SHARDS"]] = 0, shards


def _place_shards(pool: Any, wire: Wire, numbers: range, line0: int) -> None:
    for shard, k in enumerate(numbers):
        where = pool._targets_of(wire, shard)
        low = wire.part(shard)[0]
        row0 = wire.row0 + shard * wire.rows
        entry = pool.place[k]
        named = {
            "ROW0": row0, "POST_LO": where["post_lo"], "POST_HI": where["post_lo"] + where["n_targets"],
            "COLUMN0": where["column0"], "LINE0": line0 + low - wire.first_own,
        }  # fmt: skip
        for name, value in named.items():
            entry[P[name]] = value
        pool.row_projection[row0 : row0 + wire.rows] = k
