"""DEEP R: a fixed number of synapses wander through all pairs, by noise, a pull to zero, and whatever learns.

Asks projections in arrays; knows no engine.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_positive, names_checked
from neurosim.errors import ParameterError
from neurosim.structural.scores import Keys

if TYPE_CHECKING:
    from neurosim.network import Network

SIGNS = ("projection", "source", "pair")


@names_checked
class DeepR:
    """Deep rewiring: exactly K synapses at all times; one whose weight passes zero dies, and another is born elsewhere.

    Every synapse has a sign s that never changes and a strength theta = s w.  Every `every` ms

        theta <- theta - eta alpha + sqrt(2 eta T) N(0, 1),

    those with theta < 0 are removed, and as many pairs, drawn uniformly from all that have no synapse, get one at theta = 0.
    What learns meanwhile (any plasticity of the projection, an e-prop rule, a callback) changes w; a weight that it drives
    past zero is a synapse that dies.

    Parameters
    ----------
    projection : Projection
    every : float
        ms.
    temperature : float
        T: exploration.
    l1 : float
        alpha: the pull to zero.
    learning_rate : float
        eta.
    budget : int, optional
        K; default the number of synapses when the process is added.  Fewer are filled up, of more the lowest theta go.
    sign : str, or function of uids
        "projection": one sign for all, that of the weights when the process is added.  "source": each source has that of its
        weights (Dale's law); one without synapses that of the majority.  "pair": each pair has its own, at random but fixed;
        synapses that are there keep theirs.  Or f(pre, post) -> +1 or -1 for each.
    delay : optional
        Of new synapses; default that given to `connect`.
    in_flight : {"drop", "deliver"}

    Notes
    -----
    Bounds of the plasticity hold: |w| stops at the outer one, and new synapses begin at the inner one if that is not 0.  A
    new synapse of negative sign begins at the largest negative number of its data type.
    The noise depends on seed, time and pair, not on the order of synapses.

    References
    ----------
    Bellec, Kappel, Maass & Legenstein (2018) ICLR, arXiv:1711.05136, algorithm 1.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> pop = net.add_population("pop", ns.LIF(), 20)
    >>> ee = net.connect(pop, pop, ns.random(0.2), weight=ns.uniform(0, 1))
    >>> before = len(ee)
    >>> _ = net.add(ns.DeepR(ee, every=10.0, temperature=0.1, l1=1.0, learning_rate=0.05))
    >>> net.run(100.0)
    >>> len(ee) == before, bool((ee.weight >= 0).all()), net.history.died > 0
    (True, True, True)
    """

    def __init__(
        self, projection: Any, every: float = 1000.0, *, temperature: float, l1: float, learning_rate: float, budget: int | None = None,
        sign: str | Callable[[np.ndarray, np.ndarray], np.ndarray] = "projection", delay: Any = None, in_flight: str = "drop",
    ) -> None:  # fmt: skip
        if not hasattr(projection, "has_edge"):
            raise ParameterError(
                f"DeepR(projection): needs one projection, got {projection!r}; of a group or list, each has its own number of synapses: "
                f"for p in group: net.add(ns.DeepR(p, temperature=1e-4, l1=1e-3, learning_rate=1e-2))"
            )
        if projection.parallel:
            raise ParameterError(
                f"DeepR(projection): {projection.name!r} allows parallel synapses, and a pair has one strength; connect it without parallel=True"
            )
        self.projection = projection
        self.every = check_positive("DeepR.every", every, "ms")
        self.temperature = check_not_negative("DeepR.temperature", temperature)
        self.l1 = check_not_negative("DeepR.l1", l1)
        self.learning_rate = check_positive("DeepR.learning_rate", learning_rate)
        self.budget = None if budget is None else check_count("DeepR.budget", budget, least=1)
        if not callable(sign) and sign not in SIGNS:
            raise ParameterError(
                f"DeepR.sign: must be one of {', '.join(SIGNS)} or a function f(pre, post) -> +1 or -1, got {sign!r}"
            )
        if in_flight not in ("drop", "deliver"):
            raise ParameterError(f"DeepR.in_flight: must be 'drop' or 'deliver', got {in_flight!r}")
        self.sign, self.delay, self.in_flight = sign, delay, in_flight
        self.name = "DeepR"
        self.count = 0
        self._uid, self._own = np.zeros(0, np.int64), np.zeros(0)
        self._kept = np.zeros(0, np.int64)

    @property
    def parts(self) -> list[Any]:
        """The projection, while it exists."""
        return [self.projection] if self.projection.alive else []

    # ---- signs ------------------------------------------------------------------------------------------------------

    def start(self, net: "Network") -> None:
        """Learn the signs and the number of what is there."""
        p = self.projection
        edges = p.edges()
        self.count = len(edges) if self.budget is None else self.budget
        pairs = len(p.source) * len(p.target) - (0 if p.autapses else np.intersect1d(p.source.uid, p.target.uid).size)
        if not 0 < self.count <= pairs:
            raise ParameterError(
                f"DeepR.budget: {self.count} synapses on {pairs} pairs of {p.name!r}; give a number in between, as budget={max(1, pairs // 10)}"
            )
        negative = edges.weight < 0
        if self.sign == "projection":
            self._uid, self._own = np.zeros(0, np.int64), np.array([-1.0 if 2 * negative.sum() > len(edges) else 1.0])
        elif self.sign == "source":
            majority = -1.0 if 2 * negative.sum() > len(edges) else 1.0
            self._uid = np.array(p.source.uid)
            place = np.searchsorted(self._uid, edges.pre)
            votes = np.bincount(place, np.sign(edges.weight), self._uid.size)
            self._own = np.append(np.where(votes == 0, majority, np.sign(votes)), majority)
        elif self.sign == "pair":
            other = (edges.weight != 0) & (negative != (self._drawn(net, edges.pre, edges.post) < 0))
            self._kept = np.unique(_code(edges.pre[other], edges.post[other]))
        own = self.signs(net, edges.pre, edges.post)
        self._limits(np.unique(own))
        wrong = own * edges.weight < 0
        if wrong.any():
            k = int(np.flatnonzero(wrong)[0])
            raise ParameterError(
                f"DeepR.sign: {int(wrong.sum())} of {len(edges)} weights of {p.name!r} have another sign than their {'pair' if callable(self.sign) else self.sign}, "
                f"as {edges.weight[k]:g} of {edges.pre[k]} -> {edges.post[k]}; make them agree, or take sign='pair'"
            )

    def reset(self, net: "Network") -> None:
        """Signs and number stay, as the graph does."""

    def _drawn(self, net: "Network", pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """A sign for each pair, from the seed and the uids alone."""
        from neurosim.kernels.rng import hash_pairs, stream_key

        out = np.zeros(pre.size)
        hash_pairs(
            stream_key(net.seed, "deep r sign", self.projection.name), pre, post, np.zeros(pre.size, np.int64), out
        )
        return np.where(out < 0.5, -1.0, 1.0)

    def signs(self, net: "Network", pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """The sign of each pair of uids, +1.0 or -1.0."""
        if self.sign == "projection":
            return np.full(pre.size, self._own[0])
        if self.sign == "source":
            place = np.searchsorted(self._uid, pre)
            there = self._uid[np.minimum(place, self._uid.size - 1)] == pre
            return self._own[np.where(there, place, self._uid.size)]
        if self.sign == "pair":
            return np.where(np.isin(_code(pre, post), self._kept), -1.0, 1.0) * self._drawn(net, pre, post)
        assert callable(self.sign)
        given = np.broadcast_to(np.asarray(self.sign(pre, post), np.float64), pre.shape)
        if not np.isin(given, (-1.0, 1.0)).all():
            raise ParameterError(
                "DeepR.sign(pre, post): must give +1 or -1 for each pair; np.where(pre < 80, 1, -1) does"
            )
        return given

    def _limits(self, sign: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest strength that the plasticity allows for each of these signs."""
        rules = getattr(self.projection.plasticity, "rules", (self.projection.plasticity,))
        low = max([-np.inf, *[r.w_min for r in rules if getattr(r, "w_min", None) is not None]])
        high = min([np.inf, *[r.w_max for r in rules if getattr(r, "w_max", None) is not None]])
        least = np.maximum(np.where(sign > 0, low, -high), 0.0)
        most = np.where(sign > 0, high, -low)
        if (most <= least).any():
            raise ParameterError(
                f"DeepR.sign: weights of sign {sign[most <= least][0]:+g} lie outside the bounds [{low:g}, {high:g}] of the plasticity of "
                f"{self.projection.name!r}; give it other bounds, or another sign"
            )
        return least, most

    # ---- one call ---------------------------------------------------------------------------------------------------

    def advance(self, net: "Network") -> None:
        """Pull, shake, remove what has passed zero, and fill up."""
        from neurosim.distributions import normal

        p = self.projection
        keys = Keys(net, self, "deep r")
        edges = p.edges()
        sign = self.signs(net, edges.pre, edges.post)
        least, most = self._limits(sign)
        theta = sign * edges.weight
        drift = self.learning_rate * self.l1
        if self.temperature > 0 or drift > 0:
            noise = (
                np.asarray(normal(0.0, 1.0).draw(keys(p), edges.pre, edges.post, 0)) if self.temperature > 0 else 0.0
            )
            theta = np.minimum(theta - drift + np.sqrt(2 * self.learning_rate * self.temperature) * noise, most)
        alive = theta >= least
        surplus = int(alive.sum()) - self.count
        if surplus > 0:
            own = np.flatnonzero(alive)
            alive[own[np.argsort(theta[own], kind="stable")[:surplus]]] = False
        if (self.temperature > 0 or drift > 0) and alive.any():
            edges[alive].set_weight(self._weights(sign[alive], theta[alive]))
        edges[~alive].remove(rule=self.name, in_flight=self.in_flight)
        missing = self.count - int(alive.sum())
        if missing > 0:
            pre, post = p.sample_non_edges(missing, keys(p, "new"))
            sign = self.signs(net, pre, post)
            p.insert(pre, post, weight=self._weights(sign, self._limits(sign)[0]), delay=self.delay, rule=self.name)

    def _weights(self, sign: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Weights that keep their sign also at theta = 0."""
        dtype = self.projection.pool.weight.dtype
        tiny = float(np.finfo(dtype).tiny) if dtype.kind == "f" else 0.0
        return sign * np.where(sign < 0, np.maximum(theta, tiny), theta)

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return {"count": np.array([self.count]), "uid": self._uid, "own": self._own, "kept": self._kept}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.count = int(arrays["count"][0])
        self._uid, self._own, self._kept = (np.array(arrays[name]) for name in ("uid", "own", "kept"))

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        names = ("projection", "every", "temperature", "l1", "learning_rate", "budget", "sign", "delay", "in_flight")
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        name = self.projection.name
        return (
            f"DeepR({name!r}, K={self.count}, T={self.temperature:g}, l1={self.l1:g}, eta={self.learning_rate:g}, "
            f"sign by {getattr(self.sign, '__name__', self.sign)}, every {self.every:g} ms)"
        )


def _code(pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """One number for each pair of uids."""
    return (pre << 32) | post
