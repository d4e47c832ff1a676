"""Rewiring with a constant number of synapses: some are taken away, as many are made elsewhere.

Asks projections in arrays; knows no engine.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import (
    check_count,
    check_not_negative,
    check_positive,
    check_probability,
    did_you_mean,
    names_checked,
)
from neurosim.errors import ParameterError
from neurosim.structural.scores import Keys, check_score, lowest, score_of

if TYPE_CHECKING:
    from neurosim.network import Network

CHOICES = ("weakest", "each sign", "random")
#: Counts of a block of pairs in bins of time that are looked at together.
MOST_COUNTS = 4_000_000


@names_checked
class Rewire:
    """Every `every` ms removes some synapses and makes exactly as many between other pairs.

    SET is ``Rewire(p, fraction=0.3, choose="each sign")``; RigL, with coincident firing in the place of the gradient,
    ``Rewire(p, fraction=ns.structural.schedules.cosine(0.3, 75_000.0), grow="coincidence", weight=0.0)``.

    Parameters
    ----------
    projection : Projection
    every : float
        ms.
    fraction : float, or function of the time (ms), optional
        Share of the synapses, or
    n : int, or function of the time (ms), optional
        how many.
    choose : str, or function of edges
        Which are removed.  "weakest": those of smallest \\|weight\\|.  "each sign": the same share of the smallest positive and
        of the largest negative ones (SET).  "random".  "eligibility" or any variable of the plasticity: the lowest.  Or
        f(edges) -> a number for each: the lowest.
    grow : str, or function of uids
        Where new ones are made, among pairs without a synapse, those that just lost theirs included.  "random": uniformly.
        "coincidence": where the numbers of spikes of source and target in bins of `bin` ms since the last call have the
        largest covariance.  Or f(pre, post) -> a weight for each pair, larger is likelier, 0 never; so ``grow=
        ns.structural.by_distance(pop, pop, 0.1)``.
    pick : {"best", "likely"}, optional
        Of the candidates the best, or drawn in proportion; default "best" for coincidence and "likely" for a function.
    candidates : int
        Random pairs that are looked at for each new synapse, unless grow="random".
    bin : float
        ms.
    weight, delay : optional
        Of new synapses; default those given to `connect`.
    in_flight : {"drop", "deliver"}

    Notes
    -----
    The number of synapses is the same after every call.  If a function allows fewer pairs than were to be rewired, fewer are.
    If the projection allows parallel synapses, pairs that have one may be drawn too.
    Of a projection made between views, new pairs are drawn from all neurons of the two populations.

    References
    ----------
    SET: Mocanu et al. (2018) Nat. Commun. 9:2383.  RigL: Evci et al. (2020) ICML.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> pop = net.add_population("pop", ns.LIF(), 20)
    >>> ee = net.connect(pop, pop, ns.random(0.2), weight=ns.uniform(0, 1))
    >>> before = len(ee)
    >>> _ = net.add(ns.Rewire(ee, fraction=0.3, every=10.0))
    >>> net.run(10.0)
    >>> len(ee) == before
    True
    """

    #: There only if firing is looked at: else the network keeps no spikes for it.
    observe: Callable[["Network", np.ndarray, np.ndarray], None]

    def __init__(
        self, projection: Any, every: float = 1000.0, *, fraction: float | Callable[[float], float] | None = None,
        n: int | Callable[[float], float] | None = None, choose: str | Callable[[Any], np.ndarray] = "weakest",
        grow: str | Callable[[np.ndarray, np.ndarray], np.ndarray] = "random", pick: str | None = None, candidates: int = 10,
        bin: float = 20.0, weight: Any = None, delay: Any = None, in_flight: str = "drop",
    ) -> None:  # fmt: skip
        if not hasattr(projection, "has_edge"):
            raise ParameterError(
                f"Rewire(projection): needs one projection, got {projection!r}; of a group or list, each has its own number of synapses: "
                f"for p in group: net.add(ns.Rewire(p, fraction=0.1))"
            )
        if (fraction is None) == (n is None):
            raise ParameterError("Rewire: give either fraction=0.1 or n=100")
        self.projection = projection
        self.every = check_positive("Rewire.every", every, "ms")
        self.fraction = (
            fraction if fraction is None or callable(fraction) else check_probability("Rewire.fraction", fraction)
        )
        self.n = n if n is None or callable(n) else check_count("Rewire.n", n)
        self.choose = _check_choose(choose, projection)
        if not callable(grow) and grow not in ("random", "coincidence"):
            raise ParameterError(
                f"Rewire.grow: must be 'random', 'coincidence' or a function f(pre, post) of uids, got {grow!r}; for example "
                f"grow=lambda pre, post: np.exp(-np.abs(pre - post) / 10)"
            )
        if pick not in (None, "best", "likely"):
            raise ParameterError(f"Rewire.pick: must be 'best' or 'likely', got {pick!r}")
        if pick == "likely" and grow == "coincidence":
            raise ParameterError(
                "Rewire.pick: a covariance may be negative and is no weight to draw by; take pick='best', or grow=f(pre, post)"
            )
        if in_flight not in ("drop", "deliver"):
            raise ParameterError(f"Rewire.in_flight: must be 'drop' or 'deliver', got {in_flight!r}")
        self.grow, self.pick = grow, pick
        self.candidates = check_count("Rewire.candidates", candidates, least=1)
        self.bin = check_positive("Rewire.bin", bin, "ms")
        self.weight, self.delay, self.in_flight = weight, delay, in_flight
        self.name = "Rewire"
        self.step = 0
        if grow == "coincidence":
            self.observe = self._observe

    @property
    def parts(self) -> list[Any]:
        """The projection, while it exists."""
        return [self.projection] if self.projection.alive else []

    def start(self, net: "Network") -> None:
        """Count spikes from now on."""
        self.step = net.step
        self._spikes = (np.zeros(0, np.int64), np.zeros(0, np.int64))

    def _observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Spikes since the last call; `advance` follows at once."""
        self._spikes = (stamp, uid)

    def advance(self, net: "Network") -> None:
        """Take away, make elsewhere."""
        p = self.projection
        keys = Keys(net, self, "rewire")
        n = self._how_many(net.now, len(p))
        if n > 0:
            lost = self._lost(n, keys)
            if self.grow == "random":
                lost.remove(rule=self.name, in_flight=self.in_flight)
                pre, post = self._free(n, net, keys)
            else:
                pre, post = self._pairs(n, lost, net, keys)
                if pre.size < n:  # fewer pairs are allowed: nobody goes for nothing
                    new = ~np.isin(_code(p, pre, post), _code(p, lost.pre, lost.post))
                    pre, post = pre[new], post[new]
                    lost = self._lost(pre.size, keys)
                lost.remove(rule=self.name, in_flight=self.in_flight)
            p.insert(pre, post, weight=self.weight, delay=self.delay, rule=self.name)
        self.step = net.step
        self._spikes = (np.zeros(0, np.int64), np.zeros(0, np.int64))

    # ---- taking away ------------------------------------------------------------------------------------------------

    def _how_many(self, now: float, total: int) -> int:
        if self.n is not None:
            n = check_not_negative("Rewire.n(ms)", self.n(now)) if callable(self.n) else self.n
            return min(total, round(n))
        share = (
            check_probability("Rewire.fraction(ms)", self.fraction(now)) if callable(self.fraction) else self.fraction
        )
        return round((share or 0.0) * total)

    def _lost(self, n: int, keys: Keys) -> Any:
        """The `n` edges that go."""
        p = self.projection
        if self.choose == "random":
            return p.sample(n, keys(p))
        edges = p.edges()

        def chance(which: np.ndarray) -> np.ndarray:
            return np.asarray(p.chance(edges[which], keys(p, "tie")))

        if self.choose == "each sign":
            sides = [np.flatnonzero(edges.weight >= 0), np.flatnonzero(edges.weight < 0)]
            share = int(np.floor(n * sides[0].size / len(edges) + 0.5))
            parts = []
            for own, k in zip(sides, (share, n - share), strict=True):
                parts.append(own[lowest(np.abs(edges.weight[own]), k, lambda at, own=own: chance(own[at]))])  # type: ignore[misc]
            return edges[np.sort(np.concatenate(parts))]
        score = "weight" if self.choose == "weakest" else self.choose
        return edges[lowest(score_of("Rewire.choose", score, p, edges, 0), n, chance)]

    # ---- making -----------------------------------------------------------------------------------------------------

    def _free(self, n: int, net: "Network", keys: Keys) -> tuple[np.ndarray, np.ndarray]:
        """(pre, post) uids of `n` random pairs that may be joined."""
        p = self.projection
        if p.parallel:
            return any_pairs(p, n, net.rng(*keys.names(p)))
        pre, post = p.sample_non_edges(n, keys(p, "new"))
        return pre, post

    def _pairs(self, n: int, lost: Any, net: "Network", keys: Keys) -> tuple[np.ndarray, np.ndarray]:
        """The best, or likely, `n` of many random pairs and of those that lose their synapse."""
        p = self.projection
        pre, post = self._free(n * self.candidates, net, keys)
        pre, post = np.concatenate([pre, lost.pre]), np.concatenate([post, lost.post])
        once = np.unique(_code(p, pre, post), return_index=True)[1]
        pre, post = pre[once], post[once]
        draw = net.rng(*keys.names(p, "grow")).random(pre.size)
        if callable(self.grow):
            score = _weights(self.grow, pre, post)
            fine = np.flatnonzero(score > 0)
            pre, post, score, draw = pre[fine], post[fine], score[fine], draw[fine]
            if (
                self.pick != "best"
            ):  # the n smallest of exponential times with these rates: drawn in proportion, one by one
                score, draw = np.log1p(-draw) / score, np.zeros(draw.size)
        else:
            score = self._covariance(net, pre, post)
        best = np.sort(np.lexsort((draw, -score))[:n])
        return pre[best], post[best]

    def _covariance(self, net: "Network", pre: np.ndarray, post: np.ndarray) -> np.ndarray:
        """Covariance of the spike counts of each pair, over bins of time since the last call."""
        stamp, uid = self._spikes
        bins = max(1, int(np.ceil((net.step - self.step) * net.dt / self.bin)))
        neurons = np.union1d(pre, post)
        place = np.searchsorted(neurons, uid)
        mine = (place < neurons.size) & (neurons[np.minimum(place, neurons.size - 1)] == uid)
        bin_of = np.minimum(((stamp - self.step - 1) * net.dt / self.bin).astype(np.int64), bins - 1)
        fired, at = np.unique(place[mine], return_inverse=True)
        counts = np.zeros((fired.size + 1, bins), np.float32)  # the last row: neurons that did not fire
        np.add.at(counts, (at, bin_of[mine]), 1.0)
        mean = counts.mean(axis=1, dtype=np.float64)
        row = np.full(neurons.size, fired.size)
        row[fired] = np.arange(fired.size)
        i, j = row[np.searchsorted(neurons, pre)], row[np.searchsorted(neurons, post)]
        out = -mean[i] * mean[j]
        block = max(1, MOST_COUNTS // bins)
        for first in range(0, pre.size, block):
            one = slice(first, first + block)
            out[one] += np.einsum("ij,ij->i", counts[i[one]], counts[j[one]], dtype=np.float64) / bins
        return out

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return {"step": np.array([self.step])}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.step = int(arrays["step"][0])

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        names = (
            "projection",
            "every",
            "fraction",
            "n",
            "choose",
            "grow",
            "pick",
            "candidates",
            "bin",
            "weight",
            "delay",
        )
        return {name: getattr(self, name) for name in (*names, "in_flight")}

    def __repr__(self) -> str:
        what, share = ("fraction", self.fraction) if self.fraction is not None else ("n", self.n)
        how = f"{what}={share:g}" if isinstance(share, float | int) else f"{what}={_called(share)}"
        grow = "" if self.grow == "random" else f", grow={_called(self.grow)}"
        return f"Rewire({self.projection.name!r}, {how}, {_called(self.choose)}{grow}, every {self.every:g} ms)"


def _code(projection: Any, pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """One number for each pair of uids."""
    return np.searchsorted(projection.source.uid, pre) * len(projection.target) + np.searchsorted(
        projection.target.uid, post
    )


def _called(value: Any) -> str:
    return str(getattr(value, "__name__", value))


def _check_choose(choose: Any, projection: Any) -> Any:
    """A choice that the projection has."""
    known = [*CHOICES, *projection.variables]
    if callable(choose) or choose in known:
        return choose
    if choose == "eligibility":
        return check_score("Rewire.choose", choose, [projection])
    raise ParameterError(
        f"Rewire.choose: must be a function f(edges) or one of {', '.join(known)}, got {choose!r}.{did_you_mean(str(choose), known)}"
    )


def _weights(grow: Callable[[np.ndarray, np.ndarray], np.ndarray], pre: np.ndarray, post: np.ndarray) -> np.ndarray:
    """What a user's function of pairs gave, checked."""
    score = np.asarray(grow(pre, post), np.float64)
    if score.shape not in ((), (pre.size,)):
        raise ParameterError(
            f"Rewire.grow(pre, post): must give one weight for each of {pre.size} pairs, got an array of shape {score.shape}"
        )
    if not np.isfinite(score).all() or (score < 0).any():
        raise ParameterError(
            "Rewire.grow(pre, post): weights must be finite and not negative; np.maximum(..., 0.0) helps"
        )
    return np.broadcast_to(score, (pre.size,))


def any_pairs(projection: Any, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(pre, post) uids of `n` pairs, uniformly, whatever is there already; no autapse unless the projection allows it."""
    source, target = projection.source.uid, projection.target.uid
    taken = np.zeros(0, np.int64)
    while taken.size < n:
        draw = rng.integers(0, source.size * target.size, 2 * (n - taken.size) + 16)
        fine = source[draw // target.size] != target[draw % target.size]
        taken = np.concatenate([taken, draw if projection.autapses else draw[fine]])
    return source[taken[:n] // target.size], target[taken[:n] % target.size]
