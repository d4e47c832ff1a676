"""Budgets of pathways: how many synapses may go from one region to another.

Asks projections in arrays; knows no engine.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, check_positive, did_you_mean
from neurosim.errors import ParameterError

if TYPE_CHECKING:
    from neurosim.network import Network


class RegionBudget:
    """Every `every` ms removes the weakest synapses that a pathway has above its budget.

    Parameters
    ----------
    budgets : dict
        ``{(from, to): most}``: regions (with all that is nested in them) or populations, by name or as handles, and how many
        synapses may go from the one to the other, over all projections.
    every : float
        ms.
    in_flight : {"drop", "deliver"}
        What becomes of spikes on their way.

    Notes
    -----
    Weakest is smallest |weight|; among equals those of earlier projections, and in them of lower uids, go first.  Pathways
    that overlap ("cortex" and "cortex/a") are cut one after the other, in the order given.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> left, right = (net.add_population(name, ns.LIF(), 10, region=name) for name in ("left", "right"))
    >>> _ = net.connect(left, right, ns.all_to_all(), weight=ns.uniform(0.0, 1.0))
    >>> _ = net.add(ns.RegionBudget({("left", "right"): 30}, every=10.0))
    >>> net.run(10.0)
    >>> int(net.region_matrix()["left", "right"])
    30
    """

    def __init__(
        self, budgets: Mapping[tuple[Any, Any], int] | list[Any], every: float = 1000.0, *, in_flight: str = "drop"
    ) -> None:
        line = "for example RegionBudget({('left', 'right'): 1000}, every=1000.0)"
        rows = [(*pair, most) for pair, most in budgets.items()] if isinstance(budgets, Mapping) else list(budgets)
        if not rows or any(len(row) != 3 for row in rows):
            raise ParameterError(
                f"RegionBudget(budgets): needs pairs (from, to) and a number each, got {budgets!r}; {line}"
            )
        self.budgets = [
            (_name(a, line), _name(b, line), check_count(f"RegionBudget({_name(a, line)} -> {_name(b, line)})", most))
            for a, b, most in rows
        ]
        self.every = check_positive("RegionBudget.every", every, "ms")
        if in_flight not in ("drop", "deliver"):
            raise ParameterError(f"RegionBudget.in_flight: must be 'drop' or 'deliver', got {in_flight!r}")
        self.in_flight = in_flight
        self.name = "RegionBudget"

    def start(self, net: "Network") -> None:
        """Check the names against the network."""
        known = [*net.regions, *net.populations]
        for name in {end for a, b, _ in self.budgets for end in (a, b)}:
            if name not in known:
                raise ParameterError(
                    f"RegionBudget: no region or population {name!r}; known: {', '.join(known) or 'none yet'}.{did_you_mean(name, known)}"
                )

    def advance(self, net: "Network") -> None:
        """Count each pathway; cut what is too much."""
        for source, target, most in self.budgets:
            parts = [p for p in net.projections.values() if _lies_in(p.source, source) and _lies_in(p.target, target)]
            surplus = sum(len(p) for p in parts) - most
            if surplus > 0:
                self._cut(parts, surplus)

    def _cut(self, parts: list[Any], surplus: int) -> None:
        edges = [p.edges() for p in parts]
        size = np.abs(np.concatenate([e.weight for e in edges]))
        bound = np.partition(size, surplus - 1)[surplus - 1]
        dying = size < bound
        dying[np.flatnonzero(size == bound)[: surplus - int(dying.sum())]] = True
        ends = np.cumsum([len(e) for e in edges])
        for part, hit in zip(edges, np.split(dying, ends[:-1]), strict=True):
            part[hit].remove(rule=self.name, in_flight=self.in_flight)

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        return {"budgets": self.budgets, "every": self.every, "in_flight": self.in_flight}

    def __repr__(self) -> str:
        told = ", ".join(f"{a} -> {b}: {most:,}" for a, b, most in self.budgets)
        return f"RegionBudget({told}; every {self.every:g} ms)"


def _name(end: Any, line: str) -> str:
    """Name of a region or population."""
    name = end if isinstance(end, str) else getattr(end, "path", getattr(end, "name", None))
    if not isinstance(name, str) or not name:
        raise ParameterError(f"RegionBudget: needs regions or populations, got {end!r}; {line}")
    return name.strip("/")


def _lies_in(population: Any, name: str) -> bool:
    return name in (population.name, population.region) or str(population.region).startswith(name + "/")
