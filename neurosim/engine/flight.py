"""What is on its way: taken back when a synapse goes, moved when its delay changes, noted before its weight does.

The ring holds sums, so what a synapse has sent is computed again: from the recent spikes of its source, its delay, and the
weight that it had (the stored one, or what a note says).
"""

from typing import Any, Protocol

import numpy as np

from neurosim.engine.pools import Wire
from neurosim.kernels import flying


class Flying(Protocol):
    """What is asked of the engine."""

    step: int
    ring: np.ndarray
    recent_step: np.ndarray
    recent_place: np.ndarray


def take_back(engine: Flying, pool: Any, wire: Wire, row: np.ndarray, slot: np.ndarray) -> None:
    """Subtract from the ring what these synapses (about to be removed) have sent and not yet delivered."""
    edge, column, streamed, due = _sendings(engine, pool, wire, row, slot)
    late = due >= engine.step
    if late.any():
        amount = _amounts(engine, pool, wire, row[edge[late]], slot[edge[late]], streamed[late])
        np.subtract.at(engine.ring, (due[late] & (engine.ring.shape[0] - 1), column[late]), amount)


def change_delays(engine: Flying, pool: Any, wire: Wire, row: np.ndarray, slot: np.ndarray, steps: np.ndarray) -> None:
    """Set the delays of static synapses; what is on its way moves to the new slot, at the earliest to the next step."""
    edge, column, streamed, due = _sendings(engine, pool, wire, row, slot)
    new, mask = streamed + steps[edge], engine.ring.shape[0] - 1
    late = due >= engine.step
    amount = _amounts(engine, pool, wire, row[edge[late]], slot[edge[late]], streamed[late])
    np.subtract.at(engine.ring, (due[late] & mask, column[late]), amount)
    np.add.at(engine.ring, (np.maximum(new[late], engine.step) & mask, column[late]), amount)
    landed = (due < engine.step) & (new >= engine.step)  # would look as if they were still to come
    if landed.any():
        note_in_flight(engine, pool, wire, np.unique(row[edge[landed]]))
        pool.silence(row[edge[landed]], slot[edge[landed]], streamed[landed])
    place = pool.places_of(row, slot)
    pool.packed[place] = (steps.astype(np.uint32) << np.uint32(pool.column_bits)) | (pool.packed[place] & pool.mask)


def _sendings(engine: Flying, pool: Any, wire: Wire, row: np.ndarray, slot: np.ndarray) -> tuple[np.ndarray, ...]:
    """(number in `row`, column, step of streaming, step of arrival) of the recent spikes through these synapses."""
    source, step = _recent_of(engine, wire)
    order = np.argsort(source, kind="stable")
    source, step = source[order], step[order]
    first, last = np.empty(row.size, np.int64), np.empty(row.size, np.int64)
    n = flying.count_sendings(row, source, first, last)
    found = tuple(np.empty(n, np.int64) for _ in range(4))
    if n:
        flying.list_sendings(row, slot, first, last, step, pool.start, pool.packed, pool.column_bits, *found)
    return found


def _amounts(
    engine: Flying, pool: Any, wire: Wire, row: np.ndarray, slot: np.ndarray, streamed: np.ndarray
) -> np.ndarray:
    """What each of these synapses carried for the spike that was streamed at that step."""
    if getattr(pool, "released", False) and row.size:
        note_in_flight(engine, pool, wire, np.unique(row))  # the notes hold what was transmitted
    return np.asarray(pool.sent(row, slot, streamed))


def _recent_of(engine: Flying, wire: Wire) -> tuple[np.ndarray, np.ndarray]:
    """(row, step of streaming) of the spikes of a projection that may still be on their way behind the axon."""
    row, step = np.empty(engine.recent_step.size, np.int64), np.empty(engine.recent_step.size, np.int64)
    n = flying.list_recent(
        engine.recent_step, engine.recent_place, wire.pre_first, wire.pre_n, wire.row0, wire.axonal, engine.step,
        wire.most_delay, row, step,
    )  # fmt: skip
    row, step = row[:n], step[:n]
    if wire.shards > 1 and n:
        return wire.rows_of_sources(row - wire.row0), np.tile(step, wire.shards)
    return row, step


def note_in_flight(engine: Flying, pool: Any, wire: Wire, rows: np.ndarray, *, only_released: bool = False) -> None:
    """These rows are about to be edited: note what their spikes on the way carry, unless that is noted.

    A removal needs it only where synapses transmit by chance, because the draw depends on the number among parallels.
    """
    released = getattr(pool, "released", False)
    if only_released and not released:
        return
    row, step = _recent_of(engine, wire)
    if not row.size:
        return
    edited = np.zeros(pool.n_rows, np.bool_)
    edited[rows] = True
    hit = edited[row]
    if not hit.any():
        return
    first, amounts = (int(x) for x in pool.note_used)
    pool.note(row[hit], step[hit])
    if released:
        new = slice(first, int(pool.note_used[0]))
        length = pool.note_length[new].astype(np.int64)
        slot = np.arange(int(length.sum())) - np.repeat(np.cumsum(length) - length, length)
        sent = pool.was_released(np.repeat(pool.note_row[new], length), slot, np.repeat(pool.note_step[new], length))
        pool.amount[amounts : int(pool.note_used[1])] *= sent
