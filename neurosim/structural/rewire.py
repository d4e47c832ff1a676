"""Rewiring with a constant number of synapses: some are taken away, as many are made elsewhere."""

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, check_positive, check_probability
from neurosim.errors import ParameterError

if TYPE_CHECKING:
    from neurosim.network import Network


class Rewire:
    """Every `every` ms removes some synapses and makes exactly as many between uniformly drawn other pairs.

    Parameters
    ----------
    projection : Projection
    every : float
        ms.
    fraction : float, optional
        Share of the synapses, or
    n : int, optional
        how many.
    choose : {"weakest", "random"}
        Which are removed: those of smallest |weight| (as SET, Mocanu et al. 2018), or any.
    weight, delay : optional
        Of new synapses; default those given to `connect`.
    in_flight : {"drop", "deliver"}

    Notes
    -----
    The number of synapses is the same after every call.  A pair that lost its synapse may be drawn again.  If the projection
    allows parallel synapses, pairs that have one may be drawn too.
    Of a projection made between views, new pairs are drawn from all neurons of the two populations.

    References
    ----------
    Mocanu et al. (2018) Nat. Commun. 9:2383; Bellec et al. (2018) ICLR (constant number of connections).
    """

    def __init__(
        self, projection: Any, every: float = 1000.0, *, fraction: float | None = None, n: int | None = None,
        choose: str = "weakest", weight: Any = None, delay: Any = None, in_flight: str = "drop",
    ) -> None:  # fmt: skip
        if not hasattr(projection, "has_edge"):
            raise ParameterError(
                f"Rewire(projection): needs one projection as net.connect gives it, got {projection!r}"
            )
        if (fraction is None) == (n is None):
            raise ParameterError("Rewire: give either fraction=0.1 or n=100")
        if choose not in ("weakest", "random"):
            raise ParameterError(f"Rewire.choose: must be 'weakest' or 'random', got {choose!r}")
        self.projection = projection
        self.every = check_positive("Rewire.every", every, "ms")
        self.fraction = None if fraction is None else check_probability("Rewire.fraction", fraction)
        self.n = None if n is None else check_count("Rewire.n", n)
        self.choose, self.weight, self.delay, self.in_flight = choose, weight, delay, in_flight
        self.name = "Rewire"

    def advance(self, net: "Network") -> None:
        """Take away, make elsewhere."""
        p = self.projection
        total = len(p)
        n = min(total, self.n if self.n is not None else round((self.fraction or 0.0) * total))
        if n == 0:
            return
        if self.choose == "random":
            edges = p.sample(n, net.key("rewire", p.name))
        else:
            edges = p.edges()
            edges = edges[np.sort(np.argsort(np.abs(edges.weight), kind="stable")[:n])]
        edges.remove(rule=self.name, in_flight=self.in_flight)
        if p.parallel:
            pre, post = any_pairs(p, n, net.rng("rewire", p.name))
        else:
            pre, post = p.sample_non_edges(n, net.key("rewire", p.name, "new"))
        p.insert(pre, post, weight=self.weight, delay=self.delay, rule=self.name)

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        return {
            n: getattr(self, n)
            for n in ("projection", "every", "fraction", "n", "choose", "weight", "delay", "in_flight")
        }

    def __repr__(self) -> str:
        how = f"fraction={self.fraction:g}" if self.fraction is not None else f"n={self.n}"
        return f"Rewire({self.projection.name!r}, {how}, {self.choose}, every {self.every:g} ms)"


def any_pairs(projection: Any, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(pre, post) uids of `n` pairs, uniformly, whatever is there already; no autapse unless the projection allows it."""
    source, target = projection.source.uid, projection.target.uid
    taken = np.zeros(0, np.int64)
    while taken.size < n:
        draw = rng.integers(0, source.size * target.size, 2 * (n - taken.size) + 16)
        fine = source[draw // target.size] != target[draw % target.size]
        taken = np.concatenate([taken, draw if projection.autapses else draw[fine]])
    return source[taken[:n] // target.size], target[taken[:n] % target.size]
