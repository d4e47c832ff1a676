"""Structural consolidation: silent synapses come and go at random places, and stay where their cells fire together in replay.

Knows one projection and spikes; no patterns, no store.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, check_positive, check_probability, names_checked
from neurosim.errors import ParameterError

if TYPE_CHECKING:
    from neurosim.network import Network

#: Draws of free pairs before a process gives up to find potential ones.
MOST_DRAWS = 200


@names_checked
class StructuralConsolidation:
    """Every `every` ms, at a constant number of synapses: consolidate, prune silent synapses, grow as many elsewhere.

    A potential synapse (a pair of cells near enough) is absent, silent (weight 0) or consolidated (weight `weight`).  A silent one
    whose cells have fired together since the last call is consolidated.  Each of the others then is removed with
    probability `p_eliminate`, and as many silent ones are made at random free potential places.  A consolidated one whose
    cells have not fired together falls silent with probability `p_decay`.

    Parameters
    ----------
    projection : Projection
        Of static synapses.
    every : float
        ms.
    p_eliminate, p_decay : float
        Per call.
    bin : float, optional
        Cells that fire in the same bin of so many ms fire together; default one step.
    weight : float
        Of a consolidated synapse.
    potential : function of uids, optional
        f(pre, post) -> bool for each pair, such as ``store.may_grow``; default all.

    Attributes
    ----------
    active : bool
        Settable: False, and nothing is seen or changed (recall without learning).
    consolidated, pruned : int
        Synapses so far.

    References
    ----------
    Knoblauch, Koerner, Koerner & Sommer (2014) PLoS ONE 9:e96485.

    Examples
    --------
    >>> import neurosim as ns
    >>> from neurosim.memory.turnover import StructuralConsolidation
    >>> net = ns.Network(dt=1.0, seed=1)
    >>> pre, post = (net.add_population(name, ns.Parrot(), 20) for name in ("pre", "post"))
    >>> p = net.connect(pre, post, ns.random(0.3), weight=0.0)
    >>> before = len(p)
    >>> process = net.add(StructuralConsolidation(p, every=10.0, p_eliminate=0.5))
    >>> net.run(30.0)
    >>> len(p) == before, process.pruned > 0
    (True, True)
    """

    def __init__(
        self, projection: Any, every: float = 1000.0, *, p_eliminate: float = 0.2, p_decay: float = 0.0, bin: float | None = None,
        weight: float = 1.0, potential: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
    ) -> None:  # fmt: skip
        if not hasattr(projection, "has_edge"):
            raise ParameterError(f"StructuralConsolidation(projection): needs one projection, got {projection!r}")
        if projection.parallel or projection.plasticity is not None:
            raise ParameterError(
                f"StructuralConsolidation(projection): {projection.name!r} must have static synapses and none in parallel; connect it without "
                f"plasticity=... and parallel=True"
            )
        self.projection = projection
        self.every = check_positive("StructuralConsolidation.every", every, "ms")
        self.p_eliminate = check_probability("StructuralConsolidation.p_eliminate", p_eliminate)
        self.p_decay = check_probability("StructuralConsolidation.p_decay", p_decay)
        self.bin = None if bin is None else check_positive("StructuralConsolidation.bin", bin, "ms")
        self.weight = check_positive("StructuralConsolidation.weight", weight)
        self.potential = potential
        self.active = True
        self.consolidated = self.pruned = 0
        self._seen: list[tuple[np.ndarray, np.ndarray]] = []

    def observe(self, net: Network, stamp: np.ndarray, uid: np.ndarray) -> None:
        """Keep the spikes since the last call, if active."""
        if self.active:
            p = self.projection
            mine = np.isin(uid, p.source.uid) | np.isin(uid, p.target.uid)
            self._seen.append((stamp[mine], uid[mine]))

    def together(self, net: Network) -> np.ndarray:
        """Pairs (source place * targets + target place) that have fired in the same bin since the last call, ascending."""
        p = self.projection
        stamp = np.concatenate([np.zeros(0, np.int64), *(s for s, _ in self._seen)])
        uid = np.concatenate([np.zeros(0, np.int64), *(u for _, u in self._seen)])
        width = 1 if self.bin is None else max(1, round(self.bin / net.dt))
        at = stamp // width
        pre, post = np.isin(uid, p.source.uid), np.isin(uid, p.target.uid)
        found = []
        for one in np.intersect1d(at[pre], at[post]):
            i = np.searchsorted(p.source.uid, np.unique(uid[pre & (at == one)]))
            j = np.searchsorted(p.target.uid, np.unique(uid[post & (at == one)]))
            found.append((i[:, None] * len(p.target) + j).ravel())
        return np.unique(np.concatenate([np.zeros(0, np.int64), *found]))

    def advance(self, net: Network) -> None:
        """Consolidate what fired together, let others fall silent, and move silent synapses."""
        if not self.active:
            return
        p, code = self.projection, self.together(net)
        self._seen.clear()
        edges = p.edges()
        own = np.searchsorted(p.source.uid, edges.pre) * len(p.target) + np.searchsorted(p.target.uid, edges.post)
        used, silent = np.isin(own, code), edges.weight == 0.0
        key = net.key("structural consolidation", p.name)
        chance = p.chance(edges, key)
        gain = used & silent
        fades = ~used & ~silent & (chance < self.p_decay)
        gone = ~used & silent & (chance < self.p_eliminate)
        for which, weight in ((gain, self.weight), (fades, 0.0)):
            if which.any():
                edges[which].set_weight(weight)
        n = int(gone.sum())
        if n:
            edges[gone].remove(rule="silent")
            self.grow(net, n)
        self.consolidated += int(gain.sum())
        self.pruned += n

    def grow(self, net: Network, n: int) -> int:
        """Make `n` silent synapses at random free potential places; return how many there were."""
        p, left = self.projection, check_count("StructuralConsolidation.grow(n)", n)
        for attempt in range(MOST_DRAWS):
            if not left:
                break
            pre, post = p.sample_non_edges(left, net.key("structural consolidation", p.name, attempt))
            if self.potential is not None:
                fine = np.asarray(self.potential(pre, post), np.bool_)
                pre, post = pre[fine], post[fine]
            p.insert(pre, post, weight=0.0, rule="silent")
            left -= pre.size
        return n - left

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        stamp = np.concatenate([np.zeros(0, np.int64), *(s for s, _ in self._seen)])
        uid = np.concatenate([np.zeros(0, np.int64), *(u for _, u in self._seen)])
        return {"counts": np.array([self.active, self.consolidated, self.pruned]), "stamp": stamp, "uid": uid}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        active, self.consolidated, self.pruned = (int(x) for x in arrays["counts"])
        self.active = bool(active)
        self._seen = [(np.array(arrays["stamp"]), np.array(arrays["uid"]))]

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        names = ("projection", "every", "p_eliminate", "p_decay", "bin", "weight", "potential")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        return f"StructuralConsolidation({self.projection.name!r}, p_eliminate={self.p_eliminate:g}, every {self.every:g} ms)"


def effectual_connectivity(projection: Any, pre: np.ndarray, post: np.ndarray) -> float:
    """Share of required pairs of uids (each once) that have a synapse that is not silent.

    References
    ----------
    Knoblauch & Sommer (2016) Front. Neuroanat. 10:63.
    """
    edges = projection.edges()
    strong = edges.weight > 0
    linked = np.isin((pre << 32) | post, (edges.pre[strong] << 32) | edges.post[strong])
    return float(linked.mean())
