"""A projection in other forms: a sparse matrix, a graph, a table, and the lines that repr and notebooks show.

Knows projections by what they offer; nothing of how their synapses are kept or made, beyond what the lines tell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neurosim.engine.coded_pool import CodedPool
from neurosim.plasticity.mechanism import as_parts

if TYPE_CHECKING:
    import networkx
    import pandas
    import scipy.sparse

    from neurosim.projection import Projection


def to_scipy(p: Projection) -> scipy.sparse.csr_array:
    """As `Projection.to_scipy`."""
    import scipy.sparse

    edges = p.edges()
    i, j = np.searchsorted(p.source.uid, edges.pre), np.searchsorted(p.target.uid, edges.post)
    return scipy.sparse.coo_array((edges.weight, (i, j)), (len(p.source), len(p.target))).tocsr()


def to_networkx(p: Projection) -> networkx.MultiDiGraph:
    """As `Projection.to_networkx`."""
    import networkx

    graph = networkx.MultiDiGraph()
    for population in (p.source, p.target):
        graph.add_nodes_from(population.uid.tolist(), population=population.name, region=population.region)
    e = p.edges()
    graph.add_edges_from(
        (i, j, {"weight": w, "delay": d})
        for i, j, w, d in zip(e.pre.tolist(), e.post.tolist(), e.weight.tolist(), e.delay.tolist(), strict=True)
    )
    return graph


def to_pandas(p: Projection) -> pandas.DataFrame:
    """As `Projection.to_pandas`."""
    import pandas

    e = p.edges()
    return pandas.DataFrame({"pre": e.pre, "post": e.post, "weight": e.weight, "delay": e.delay})


def card(p: Projection) -> dict[str, str]:
    """As `Projection.card`."""
    w, dt = p.wire, p.network.dt
    delays = (
        "none"
        if w.most_delay < 0
        else f"{w.least_delay * dt:g} ms"
        if w.least_delay == w.most_delay
        else f"{w.least_delay * dt:g} ... {w.most_delay * dt:g} ms"
    )
    rows = {"from": p.source.name, "to": p.target.name, "synapses": f"{len(p):,}", "delay": delays}
    levels = getattr(getattr(p.pool, "plan", None), "levels", 0)
    grid = f" on a grid of {levels + 1} values" if levels else ""
    if isinstance(p.pool, CodedPool) and p.pool.bits < 16:
        grid = f", {w.low:g}" if w.low == w.high else f" on a grid from {w.low:g} to {w.high:g}"
    rows["weights"] = (
        "procedural, drawn again for every spike: 0 bytes a synapse"
        if p.procedural
        else f"{p.pool.store}{grid}, {p.pool.bytes_per_synapse:.1f} bytes a synapse in its pool"
    )
    if p.plasticity is not None:
        where = "firing times" if p.plasticity.sees == "spikes" else "axonal" if w.axonal else "dendritic"
        names = " + ".join(getattr(rule, "name", type(rule).__name__) for rule in as_parts(p.plasticity))
        rows["plasticity"] = f"{names} ({p.plasticity.evaluation}, delay: {where})"
        if p.variables:
            rows["variables"] = ", ".join(p.variables)
    if w.axonal:
        rows["axonal delay"] = f"{w.axonal * dt:g} ms"
    if w.release < 1:
        rows["release"] = f"{w.release:g}"
    return rows
