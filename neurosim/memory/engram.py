"""What is said about one memory and one answer: labels, times, counters and where its cells and synapses are.

Knows an index store to look cells and synapses up; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from neurosim.edges import Edges
    from neurosim.memory.indexed import IndexStore
    from neurosim.projection import Projection


@dataclass(eq=False)
class Engram:
    """A memory: who it is, and the cells and synapses that it lives in.

    Attributes
    ----------
    id : int
    label : hashable
    tags : tuple
    value : float
        What it is worth.
    stored, last : float
        ms of the simulation: when it was stored, and last strengthened or used.
    uses : int
        How often it was recalled and the answer used.
    status : str
        "new" or "strengthened": what the last storing did.
    overlap : float
        Share of the pattern that spoke for the nearest memory when it was stored; novelty is 1 - overlap.
    nearest : int
        That memory, -1 for none.
    """

    id: int
    label: Hashable = None
    tags: tuple[Hashable, ...] = ()
    value: float = 1.0
    stored: float = 0.0
    last: float = 0.0
    uses: int = 0
    status: str = "new"
    overlap: float = 0.0
    nearest: int = -1
    born_with: int = 0
    store: IndexStore | None = field(default=None, repr=False)

    @property
    def novelty(self) -> float:
        """1 - overlap."""
        return 1.0 - self.overlap

    @property
    def neurons(self) -> np.ndarray:
        """Uids of its index cell and of all cells that have a synapse with it, int64, ascending."""
        edges = self.synapses.values()
        return np.unique(np.concatenate([self._cell, *(e.pre for e in edges), *(e.post for e in edges)]))

    @property
    def synapses(self) -> dict[str, Edges]:
        """Its key and value synapses, by the name of their projection."""
        assert self.store is not None
        found = {}
        for p in (*self.store.key.values(), *self.store.value.values()):
            edges = p.edges()
            found[p.name] = edges[np.isin(edges.post if p.target is self.store.index.cells else edges.pre, self._cell)]
        return found

    def picture(self, slow: Projection | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What ``ns.plot.engram`` draws: content cells, whether a value synapse reaches each, and the slow synapses among them.

        Parameters
        ----------
        slow : Projection, optional
            Within the content, such as ``mem.longterm.projection``.

        Returns
        -------
        places int64 [cells], bool [cells], int64 [synapses, 2]
        """
        assert self.store is not None
        layer = self.store.values["what"]
        woken = self.synapses[self.store.value["what"].name]
        inside = np.searchsorted(layer.uid, woken.post)
        keys = self.synapses[self.store.key["what"].name].pre if self.store.keys["what"] is layer else woken.post
        cells = np.union1d(inside, np.searchsorted(layer.uid, keys))
        pairs = np.zeros((0, 2), np.int64)
        if slow is not None:
            pairs = pairs_among(slow, layer.uid, cells)
        return cells, np.isin(cells, inside[woken.weight > 0]), pairs

    @property
    def p_eff(self) -> float:
        """Effectual connectivity: share of the synapses it was stored with that are there and not silent."""
        strong = sum(int((e.weight > 0).sum()) for e in self.synapses.values())
        return strong / self.born_with if self.born_with else 0.0

    @property
    def _cell(self) -> np.ndarray:
        assert self.store is not None
        return np.asarray(self.store.index.uid[self.store.cell(self.id)])


def pairs_among(slow: Projection, uid: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Places of the cells that each strong synapse among some cells joins, int64 [synapses, 2]; `uid` are those of the places."""
    edges = slow.edges()
    i, j = (np.searchsorted(uid, ends) for ends in (edges.pre, edges.post))
    mine = np.isin(i, cells) & np.isin(j, cells) & (edges.weight > 0)
    return np.stack([i[mine], j[mine]], axis=1)


@dataclass(frozen=True)
class Item:
    """One memory in an answer.

    Attributes
    ----------
    id : int
        -1 where a store answered that does not tell memories apart.
    label : hashable
    pattern : int64 [cells]
        Places of the content cells that fired, ascending.
    overlap : float
        Share of the cue's cells that spoke for it.
    confidence : float
        0 at the threshold (one less than theta), 1 if all cells of the cue spoke for it.
    latency : float
        ms from the read to its spike.
    source : str
        "working", "episodic" or "long-term".
    """

    id: int
    label: Hashable
    pattern: np.ndarray
    overlap: float
    confidence: float
    latency: float
    source: str


@dataclass(frozen=True)
class Remembered:
    """The answer to a cue.

    Attributes
    ----------
    status : {"ok", "no_memory", "ambiguous", "timeout"}
        "no_memory": nothing reached the threshold; "ambiguous": the two best had equal support; "timeout": nothing fired
        within the budget, though it might have later.
    items : tuple of Item
        The strongest first.
    pattern : int64 [cells]
        What the content cells did: the value of the best, or the blend of all that answered together.
    threshold, false_alarm_rate : float
        Support that an answer needs, and the share of random cues that reach it; nan where nothing was rejected.
    """

    status: str
    items: tuple[Item, ...]
    pattern: np.ndarray
    threshold: float
    false_alarm_rate: float

    def __bool__(self) -> bool:
        return self.status == "ok"

    @property
    def best(self) -> Item | None:
        """The first item."""
        return self.items[0] if self.items else None
