"""How connections are taken away: what `Network.disconnect` finds, and what leaves a network with a projection.

Knows networks, projections and the spikes on their way; not how connections are made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim import joining
from neurosim.connecting import ProjectionGroup
from neurosim.edges import Edges
from neurosim.engine import flight
from neurosim.errors import WiringError
from neurosim.history import SYNAPSE_DIED
from neurosim.junctions import GapJunctions
from neurosim.population import View, parts_of
from neurosim.projection import Projection

if TYPE_CHECKING:
    from neurosim.network import Network


def disconnect(net: Network, projection: Any, post: Any = None) -> int:
    """See `Network.disconnect`."""
    if isinstance(projection, GapJunctions):
        return joining.separate(net, projection)
    if isinstance(projection, ProjectionGroup):
        return sum(net.disconnect(p) for p in list(projection) if p.alive)
    if not isinstance(projection, Projection):
        return _between(net, projection, post)
    projection._check_alive()
    if projection.network is not net:
        raise WiringError(f"disconnect: {projection.name!r} belongs to another network")
    edges = projection.edges()
    weight, delay = edges.weight, edges.delay
    forget(net, projection, edges)
    net.history.add(net.step, SYNAPSE_DIED, "user", projection.name, edges.pre, edges.post, weight, delay)
    return len(edges)


def _between(net: Network, pre: Any, post: Any) -> int:
    """Remove everything between what `connect` took: whole projections, or the edges between views."""
    sources = parts_of(pre, net, "disconnect(pre)")
    targets = parts_of(post, net, "disconnect(post)")
    found = [
        (p, s, t)
        for p in net.projections.values()
        for s in sources
        for t in targets
        if p.source is s.population and p.target is t.population
    ]
    if not found:
        raise WiringError("disconnect: no projection between these populations; net.projections lists them")
    removed = 0
    for p, s, t in found:
        if isinstance(s, View) or isinstance(t, View):
            edges = p.edges()
            removed += edges[np.isin(edges.pre, s.uid) & np.isin(edges.post, t.uid)].remove()
        else:
            removed += net.disconnect(p)
    return removed


def forget(net: Network, projection: Projection, edges: Edges) -> None:
    """Take a projection and all its edges away, with the processes and recorders that were there for it."""
    row, slot = edges.row[edges.mine], edges.slot[edges.mine]
    engine, pool, wire = net.engine, projection.pool, projection.wire
    if projection.procedural:
        pool.withdraw(engine, wire)
    else:
        flight.note_in_flight(engine, pool, wire, np.unique(row), only_released=True)
        flight.take_back(engine, pool, wire, row, slot)
        pool.remove(row, slot)
    engine.remove_wire(pool, wire)
    projection.alive = False
    del net.projections[projection.name]
    for process in list(net.processes):
        if getattr(process, "projection", None) is projection or getattr(process, "parts", None) == []:
            net.remove(process)
    net.recorders = [r for r in net.recorders if getattr(r, "projection", None) is not projection]
