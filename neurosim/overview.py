"""What a network tells of itself: its regions, its memory, and the card that repr and notebooks show.

Knows networks by what they offer; changes nothing, and knows nothing of how they run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurosim import connecting
from neurosim.checks import did_you_mean
from neurosim.errors import WiringError
from neurosim.population import Region

if TYPE_CHECKING:
    from neurosim.network import Network


def regions(net: Network) -> list[str]:
    """See `Network.regions`."""
    paths = set()
    for population in net.populations.values():
        labels = population.region.split("/") if population.region else []
        paths |= {"/".join(labels[: k + 1]) for k in range(len(labels))}
    return sorted(paths)


def region(net: Network, path: str) -> Region:
    """See `Network.region`."""
    paths = regions(net)
    if path not in paths:
        known = ", ".join(paths) or "none yet; net.add_population(..., region=...) makes one"
        raise WiringError(f"net.region({path!r}): no such region; known: {known}.{did_you_mean(path, paths)}")
    return Region(net, path)


def estimate(net: Network, pre: Any, post: Any, rule: Any, dtype: str, parallel: bool) -> dict[str, float]:
    """See `Network.estimate`."""
    free = connecting.available_memory()
    if rule is None and pre is None:
        held = [*net.engine.called, *net.engine.blocks, net.engine.ring]
        held += [p for p in net.processes if hasattr(p, "nbytes")]
        edges, size = float(net.n_synapses), float(sum(one.nbytes for one in held) - _disk_bytes(net))
        return {"synapses": edges, "bytes": size, "peak_bytes": size, "free_bytes": free}
    edges, size, peak = connecting.foreseen(net, pre, post, rule, dtype, parallel)
    return {"synapses": edges, "bytes": size, "peak_bytes": peak, "free_bytes": free}


def _disk_bytes(net: Network) -> int:
    return sum(int(getattr(pool, "disk_bytes", 0)) for pool in net.engine.pools)


def card(net: Network) -> dict[str, str]:
    """See `Network.card`."""
    size, store = net.estimate()["bytes"], net.engine.store
    return {
        "time": f"{net.now:g} ms", "dt": f"{net.dt:g} ms", "seed": str(net.seed),
        "neurons": f"{net.n_neurons:,} in {len(net.populations)} populations",
        "synapses": f"{net.n_synapses:,} in {len(net.projections)} projections",
        **({"gap junctions": f"{net.n_gap_junctions:,}"} if net.gap_junctions else {}),
        "regions": ", ".join(net.regions) or "none", "threads": str(net.threads_used), "memory": f"{size / 1e6:,.1f} MB",
        **({"on disk": f"{_disk_bytes(net) / 1e6:,.1f} MB in {store.path}"} if store is not None else {}),
        "born / died": f"{net.history.born:,} / {net.history.died:,}",
    }  # fmt: skip
