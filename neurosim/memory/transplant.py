"""Carrying memories into another network, of another size: each is replayed there and stored anew, no weight is copied.

Knows two content layers and a bridge of fixed random synapses from the cells of the one to the cells of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurosim import wiring
from neurosim.checks import check_count
from neurosim.distributions import uniform
from neurosim.errors import ParameterError
from neurosim.memory.associative import Patterns
from neurosim.memory.layer import Layer, Timetable, Volleys, volleys

if TYPE_CHECKING:
    from neurosim.memory.system import System
    from neurosim.network import Network

#: Synapses of the bridge differ in strength, so that hardly two cells have equal support.
SPREAD = 0.25
#: How finely the race at the other side tells supports apart.
FINE = 0.1


class Bridge:
    """From the cells of a content layer elsewhere to those of one here, region by region.

    Each cell here hears `fan_in` cells of the same region there, drawn at random; the winners of the race are the pattern in
    the new code.  Equal patterns get equal codes and similar ones similar codes, whatever the two sizes are.

    Parameters
    ----------
    net : Network
        Of the content layer that receives.
    content : Layer
    there, here : dict of region to places
        Of the content elsewhere, and of `content`.
    fan_in : int
        At most all cells of the region there.
    name : str
        Of the layer that stands for the cells elsewhere.

    Attributes
    ----------
    arrivals : Layer
    """

    def __init__(
        self, net: Network, content: Layer, there: Mapping[str, np.ndarray], here: Mapping[str, np.ndarray], *, fan_in: int = 20,
        name: str = "bridge",
    ) -> None:  # fmt: skip
        self.net, self.content = net, content
        fan_in = check_count("Bridge.fan_in", fan_in, least=1)
        self.arrivals = Layer(net, name, sum(p.size for p in there.values()), 1)
        rng, pre, post = net.rng("bridge", name), [], []
        for region, places in here.items():
            source = there[region]
            heard = min(fan_in, source.size)
            pre.append(source[np.argsort(rng.random((places.size, source.size)), axis=1)[:, :heard]].ravel())
            post.append(np.repeat(places, heard))
        pairs = wiring.from_edges((np.concatenate(pre), np.concatenate(post)))
        self.synapses = net.connect(
            self.arrivals.cells, content.cells, pairs, weight=uniform(1.0 - SPREAD, 1.0 + SPREAD), receptor="support"
        )  # fmt: skip

    def cross(self, patterns: Patterns) -> Volleys:
        """Let volleys of the other network arrive, one after another; return the content cells that win here."""
        shown, content = volleys("Bridge.cross(patterns)", patterns, self.arrivals.n), self.content
        delay, rise = int(self.synapses.default_delay), content.rise
        content.cells.rise = FINE
        most = float(np.ceil(np.bincount(self.synapses.post).max() * (1.0 + SPREAD)))
        content.tune(ceiling=min(most, 12.0), theta=FINE, least=FINE)
        length = content.race_steps(FINE)
        period = length + 2 * delay + 1
        at = period * np.arange(len(shown))
        table = Timetable(self.net)
        table.cue(self.arrivals, at, shown)
        table.flush(content, at)
        table.go(content, at + delay)
        found = table.run(period * len(shown))[content].winners(at + delay, length, content.n, self.net.dt)
        content.cells.rise = rise
        return found


@dataclass(frozen=True)
class Transplanted:
    """A system in another network, the bridge to it, and which engram became which."""

    system: System
    bridge: Bridge
    ids: dict[int, int]


def carry(here: System, there: System, fan_in: int) -> Transplanted:
    """Let each episode fire here, cross the bridge and be stored there."""
    if set(here.slices) != set(there.slices):
        raise ParameterError(
            f"{here.name}.transplant(regions): regions here are {', '.join(map(repr, here.slices))}, there {', '.join(map(repr, there.slices))}; "
            f"both need the same names"
        )
    bridge = Bridge(
        there.net, there.content, here.episodic.regions, there.episodic.regions, fan_in=fan_in, name=f"{there.name}.bridge"
    )  # fmt: skip
    engrams = [here.episodic.engrams[k] for k in here.episodic.index.ids.tolist()]
    if not engrams:
        return Transplanted(there, bridge, {})
    arrived = bridge.cross(here.episodic.index.read([e.id for e in engrams])["what"])
    stored = there.store_many(
        arrived.dense(), labels=[e.label for e in engrams], tags=[e.tags for e in engrams], values=[e.value for e in engrams]
    )  # fmt: skip
    return Transplanted(there, bridge, {a.id: b.id for a, b in zip(engrams, stored, strict=True)})
