"""Recruiting: a young cell waits with silent synapses; when novelty makes it fire, it is an engram and the next one is made young.

Knows the layers and projections of a class memory; decides nothing: who fires is decided by the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosim import wiring

if TYPE_CHECKING:
    from neurosim.memory.classes import ClassMemory
    from neurosim.network import Network
    from neurosim.projection import Projection


class Recruiting:
    """Every `every` ms: if the young cell has fired, grow its synapse to the name that fired with it, and make another one young.

    A young cell has silent synapses from and to all sensors and one synapse by which novelty makes it fire.

    Parameters
    ----------
    memory : ClassMemory
    every : float
        ms.
    calling : Projection, optional
        From the novelty cell to the young cell, if there is one already, as after ``ns.load``.

    Attributes
    ----------
    candidate : int
        Place of the young cell, -1 if no cell is free.
    refused : int
        How often something was new and no cell was free, since `begin`.
    """

    def __init__(self, memory: ClassMemory, *, every: float, calling: Projection | None = None) -> None:
        self.memory, self.every = memory, every
        if calling is None:
            calling = memory.net.connect(
                memory.novelty, memory.engrams.cells, wiring.from_edges(([0], [0])), delay=2 * memory.net.dt, receptor="detonate",
                name=f"{memory.name}.calling",
            )  # fmt: skip
        self.calling = calling
        young = np.searchsorted(memory.engrams.uid, calling.post)
        self.candidate = int(young[0]) if young.size else -1
        self.refused = 0
        self._seen: list[tuple[np.ndarray, np.ndarray]] = []

    def observe(self, net: Network, stamp: np.ndarray, uid: np.ndarray) -> None:
        """Spikes since the last call."""
        self._seen.append((stamp, uid))

    def begin(self) -> None:
        """A new day: what was seen and refused before counts no more."""
        self._seen.clear()
        self.refused = 0

    def advance(self, net: Network) -> None:
        """Look whether the young cell has fired."""
        stamp, uid = (np.concatenate([np.zeros(0, np.int64), *(one[k] for one in self._seen)]) for k in (0, 1))
        self._seen.clear()
        memory = self.memory
        if self.candidate < 0:
            self.refused += int(np.isin(uid, memory.novelty.uid).sum())
            return
        young = memory.engrams.uid[self.candidate]
        fired = stamp[uid == young]
        if not fired.size:
            return
        named = np.intersect1d(uid[stamp == fired[0]], memory.names.uid)
        memory.naming.insert(np.full(named.size, young), named, weight=1.0, rule="one-shot growth")
        self.calling.edges().remove(rule="recruited")
        self.next()

    def next(self) -> None:
        """Make the first free cell young."""
        memory = self.memory
        used = memory.engrams.cells.wins > 0
        free = np.flatnonzero(~used)
        self.candidate = int(free[0]) if free.size else -1
        if self.candidate < 0:
            return
        n = memory.sensors.n
        cell = np.full(n, memory.engrams.uid[self.candidate])
        memory.keys.insert(memory.sensors.uid, cell, weight=0.0, rule="young")
        memory.values.insert(cell, memory.sensors.uid, weight=0.0, rule="young")
        self.calling.insert(memory.novelty.uid, cell[:1], weight=1.0, rule="young")
