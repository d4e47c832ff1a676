"""Who attends to a network: which processes may be added, and how processes and recorders leave.

Knows processes and recorders by what they offer; nothing of when they are called, which is the run loop's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from neurosim import values
from neurosim.errors import ParameterError, WiringError
from neurosim.projection import Projection

if TYPE_CHECKING:
    from neurosim.network import Network


def check(net: Network, process: Any) -> None:
    """Refuse what is no process, or no process for this network."""
    if isinstance(process, type):
        raise ParameterError(f"net.add: {process.__name__} is a class; make one: net.add({process.__name__}(...))")
    every = getattr(process, "every", None)
    if every is None or not hasattr(process, "advance"):
        raise ParameterError(
            f"net.add: needs a process with `every` (ms) and `advance(net)`, such as ns.Prune(...), got {process!r}"
        )
    values.duration(net, f"{type(process).__name__}.every", every, least=1)
    projection = getattr(process, "projection", None)
    if isinstance(projection, Projection):
        projection._check_alive()
        if projection.network is not net:
            raise WiringError(f"net.add: {projection.name!r} belongs to another network")
    for one in projection if isinstance(projection, Sequence) else [projection]:
        if isinstance(one, Projection):
            one.check_stored(f"net.add({type(process).__name__})")
    if process in net.processes:
        raise ParameterError(f"net.add: {process!r} has been added already")


def dismiss(net: Network, one: Any) -> None:
    """Take a process or recorder away."""
    if one in net.processes:
        net.processes.remove(one)
        net._pending.pop(id(one), None)
        if hasattr(one, "stop"):
            one.stop(net)
    elif one in net.recorders:
        net.recorders.remove(one)
        for watch in net.engine.watches:
            watch.alive &= getattr(watch.take, "__self__", None) is not one
        net.engine.watches = [w for w in net.engine.watches if w.alive]
        one.close()
    else:
        raise ParameterError(f"net.remove: {one!r} is not a process or recorder of this network")
