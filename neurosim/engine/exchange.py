"""A stretch of a network that lies on several ranks: chunks of neurons here, spikes of all, delivery here.

Knows the driver's states and `ranks`; knows neither models nor rules.  Every rank takes the same path through `run`: what
one alone decides (room for its synapses, a number that is none) is either its own matter or told to all.
"""

from typing import Any

import numpy as np

from neurosim import ranks
from neurosim.engine.driver import (
    BAD_BLOCK,
    BAD_PLACE,
    BAD_VARIABLE,
    DELIVERY,
    EXCHANGE,
    LOOKED,
    NOTHING,
    PENDING,
    WAITING_POOL,
)

STEP = 0  # place of the step among the arguments of the driver


def run(
    engine: Any, ready: Any, begin: int, end: int, status: np.ndarray, record: np.ndarray, bounds: np.ndarray,
    watched: list[list[tuple[Any, ...]]],
) -> int:  # fmt: skip
    """Advance from `begin` until `end`, or until the record is full or a number is none; return the step reached."""
    step, given = begin, None
    while True:
        if given is None:
            status[:, WAITING_POOL] = -1
            given = engine._given(ready, step, end, begin, status, record, bounds, watched)
        else:
            given = [(step, *one[STEP + 1 :]) for one in given]
        step = engine._enter(ready, given, last=False)
        state = int(status[0, PENDING])
        if state == EXCHANGE:
            n = min(ready.chunk, end - step)
            join_spikes(engine, record, bounds, step - begin, n)
            status[:, PENDING] = DELIVERY
        elif state == LOOKED:
            status[:, PENDING] = NOTHING
            if _bad(engine, status):
                break
        elif state == DELIVERY:  # a pool needs room; that is this rank's own matter
            engine.join_lanes()
            for p in np.unique(status[:, WAITING_POOL]):
                if p >= 0:
                    engine.pools[p].make_room()
            given = None
        else:
            break
    engine.join_lanes()
    return step


def join_spikes(engine: Any, record: np.ndarray, bounds: np.ndarray, at: int, n: int) -> None:
    """Give every rank the spikes of all in `n` steps behind bounds[at], in each step in order of place."""
    first = int(bounds[at])
    count = np.diff(bounds[at : at + n + 1])
    place = record[first : first + int(count.sum())]
    key = (np.repeat(np.arange(n), count) << 40) | place
    keys = np.sort(ranks.joined(key), kind="stable")
    record[first : first + keys.size] = keys & ((1 << 40) - 1)
    bounds[at + 1 : at + n + 1] = first + np.searchsorted(keys >> 40, np.arange(n), side="right")
    engine.exchanged["chunks"] += 1
    engine.exchanged["bytes"] += 8 * (place.size + 2)  # sent by this rank: its spikes, how many, and what it calls


def _bad(engine: Any, status: np.ndarray) -> bool:
    """Whether a number of a state is none on any rank; then all ranks hold the first of them."""
    mine = [tuple(int(x) for x in one[[BAD_BLOCK, BAD_VARIABLE, BAD_PLACE]]) for one in status if one[BAD_BLOCK] >= 0]
    if not ranks.some(mine):
        return False
    own = min(mine) if mine else None
    value = float(engine.blocks[own[0]].state[own[1:]]) if own else 0.0
    found = [one for one in ranks.objects((own, value)) if one[0] is not None]
    (block, variable, place), value = min(found, key=lambda one: one[0])
    status[:, BAD_BLOCK], status[0, [BAD_BLOCK, BAD_VARIABLE, BAD_PLACE]] = -1, (block, variable, place)
    engine.blocks[block].state[variable, place] = value
    return True
