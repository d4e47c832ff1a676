"""Back to the start: what `Network.reset` sets back, and what it leaves.

Knows networks and their parts; the graph, the weights and the history stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosim import populating

if TYPE_CHECKING:
    from neurosim.network import Network


def reset(net: Network) -> None:
    """See `Network.reset`."""
    for recorder in net.recorders:
        recorder.check_clear()
    engine, elapsed = net.engine, net.engine.step - net.first_step
    for pool in engine.pools:
        if hasattr(pool, "reset"):
            pool.reset(net.first_step)
        pool.drop_notes(1 << 62)
        if pool.extra.size:
            pool.extra -= elapsed  # synapses keep their age
    for population in net.populations.values():
        population.birth = population.birth - elapsed  # and so do neurons
    net._todo.clear()
    net.history.rewind(elapsed, net.first_step)
    engine.step = net.first_step
    engine.ring[:] = 0.0
    engine.recent_step = engine.recent_place = np.zeros(0, np.int64)
    for population in net.populations.values():
        populating.start_state(net, population, np.arange(len(population)))
    for one in engine.applied:
        one.memory = np.zeros_like(one.memory)
    for pending in net._pending.values():
        pending.clear()
    for recorder in net.recorders:
        recorder.clear(net.first_step)
    for process in net.processes:
        begin = getattr(process, "reset", None) or getattr(process, "start", None)
        if begin is not None:
            begin(net)
    engine.refresh()
