"""What an engine that lies on several ranks must tell the others besides what the driver exchanges itself.

Knows engines and `ranks`; knows neither models nor rules.  All functions must be called by all ranks; of one rank they
return what they were given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosim import ranks
from neurosim.engine.driver import BAD_BLOCK, BAD_PLACE, BAD_VARIABLE
from neurosim.engine.pools import Gone
from neurosim.kernels.exchanging import EXCHANGES, WORDS, new_mpi

if TYPE_CHECKING:
    from neurosim.engine.blocks import Block
    from neurosim.engine.layout import Watch
    from neurosim.engine.loop import Engine

LEAST_ROOM = 64  # places of spikes in a message


def fitting(
    mail: tuple[np.ndarray, ...], chunk: int, spikes: float, shown: tuple[np.ndarray, ...]
) -> tuple[np.ndarray, ...]:
    """(mpi, send, recv), see `kernels.exchanging`: the ones there are, or larger, for so many spikes of all ranks in a step."""
    least = 1 + chunk + LEAST_ROOM + int(1.1 * spikes * chunk / ranks.SIZE)
    least += 2 * int(np.diff(shown[0]).max()) if shown else 0
    if mail and least <= mail[1].size <= 1.5 * least:
        return mail
    width = least + least // 5
    mpi = mail[0] if mail else new_mpi()
    return mpi, np.zeros(width, np.int32), np.zeros(width * ranks.SIZE, np.int32)


def looked_at(engine: Engine) -> tuple[np.ndarray, ...]:
    """(first, where) of `kernels.exchanging.exchange_both`: states that are read on other ranks than their neuron's; () if none."""
    if ranks.SIZE == 1:
        return ()
    asked = [pool.looks_at(engine) for pool in engine.called if hasattr(pool, "looks_at")]
    where = np.unique(np.concatenate([np.zeros((0, 3), np.int64), *asked]), axis=0)
    if not where.size:
        return ()
    begin = np.array([block.place0 for block in engine.blocks if not block.plays], np.int64)
    owner = engine.rank_of_places()[begin[where[:, 0]] + where[:, 2]]
    order = np.argsort(owner, kind="stable")
    return np.searchsorted(owner[order], np.arange(ranks.SIZE + 1)).astype(np.int64), where[order]


def show(engine: Engine, shown: tuple[np.ndarray, ...]) -> None:
    """What the driver does after each step, before the first one: Python, or another layout, may have changed anything."""
    if not shown:
        return
    states, (first, where) = [block.state for block in engine.blocks if not block.plays], shown
    here = slice(*first[ranks.RANK : ranks.RANK + 2].tolist())
    value = np.zeros(where.shape[0])
    held = [(state, np.flatnonzero(where[:, 0] == k)) for k, state in enumerate(states)]
    for state, at in held:
        value[at] = state[where[at, 1], where[at, 2]]
    value = ranks.joined(value[here])
    for state, at in held:
        state[where[at, 1], where[at, 2]] = value[at]


def sent(mail: tuple[np.ndarray, ...]) -> dict[str, int]:
    """Exchanges so far, and the bytes that this rank sent in them."""
    return {"exchanges": int(mail[0][EXCHANGES]), "bytes": 4 * int(mail[0][WORDS])} if mail else {}


def share_bad(engine: Engine, status: np.ndarray) -> None:
    """Where a number of a state is none on any rank, give all ranks the first of them."""
    if ranks.SIZE == 1:
        return
    mine = [tuple(int(x) for x in one[[BAD_BLOCK, BAD_VARIABLE, BAD_PLACE]]) for one in status if one[BAD_BLOCK] >= 0]
    if not ranks.some(mine):
        return
    own = min(mine) if mine else None
    value = float(engine.blocks[own[0]].state[own[1:]]) if own else 0.0
    found = [one for one in ranks.objects((own, value)) if one[0] is not None]
    (block, variable, place), value = min(found, key=lambda one: one[0])
    status[:, BAD_BLOCK], status[0, [BAD_BLOCK, BAD_VARIABLE, BAD_PLACE]] = -1, (block, variable, place)
    engine.blocks[block].state[variable, place] = value


def of_all(engine: Engine, watch: Watch, values: np.ndarray) -> np.ndarray:
    """Samples [n, neurons] of a recorder, each from the rank that has the neuron."""
    if ranks.SIZE == 1:
        return values
    owner = np.where(watch.index >= 0, engine.home[watch.population][1].rank_of(watch.index), -1)
    every = ranks.fill(np.tile(owner, (values.shape[0], 1)).ravel(), values[:, owner == ranks.RANK].ravel())
    return every.reshape(values.shape)


def know(engine: Engine, block: Block) -> None:
    """Give this rank the state of all neurons of a block."""
    if ranks.SIZE == 1 or block.known == engine.entries:
        return
    owner = np.full(block.room, -1)
    for s in block.slices:
        owner[s.first : s.first + s.n] = s.rank_of(np.arange(s.n))
    mine, there = np.flatnonzero(owner == ranks.RANK), np.flatnonzero(owner >= 0)
    for array in (block.state, block.waiting[None]):
        for line in array:
            line[there] = ranks.fill(owner[there], line[mine])
    block.known = engine.entries


def know_all(engine: Engine) -> None:
    """Give this rank all states, memories of noise, and what is on its way; and make the histories of pools alike."""
    if ranks.SIZE == 1:
        return
    column = np.full(engine.uid_of_column.size, -1)
    for block in engine.blocks:
        know(engine, block)
        for s in block.slices:
            for k in range(len(block.columns)):
                first = block.column0 + k * block.room + s.first
                column[first : first + s.n] = s.rank_of(np.arange(s.n))
    there = np.flatnonzero(column >= 0)
    for slot in engine.ring:
        slot[there] = ranks.fill(column[there], slot[column == ranks.RANK])
    for one in engine.applied:
        if one.memory.size:
            owner = engine.home[one.population][1].rank_of(one.index)
            one.memory = ranks.fill(owner, one.memory[owner == ranks.RANK])
    for pool in engine.pools:
        if hasattr(pool, "alike"):
            pool.alike()


def all_gone(engine: Engine, gone: list[Gone]) -> list[Gone]:
    """The synapses that went on all ranks, in the order in which one rank alone would have found them."""
    if ranks.SIZE == 1:
        return gone
    told = ranks.objects([(g.late, g.wire.number, g.pre_uid, g.post_uid, g.weight, g.delay) for g in gone])
    out = []
    for late in (False, True):
        for wire in (w for pool in engine.pools for w in pool.wires):
            parts = [one[2:] for rank in told for one in rank if one[:2] == (late, wire.number)]
            if parts:
                pre, post, weight, delay = (np.concatenate(p) for p in zip(*parts, strict=True))
                out.append(Gone(wire, pre, post, weight, delay, late))
    return out
