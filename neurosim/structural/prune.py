"""Pruning: of the synapses that qualify, those of lowest score go; at once, a share, or each with a hazard.

Asks projections in arrays; knows no engine.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_number, check_positive, names_checked
from neurosim.errors import ParameterError, WiringError
from neurosim.structural.calcium import Calcium
from neurosim.structural.scores import (
    Keys,
    Score,
    check_parts,
    check_score,
    checked,
    lowest,
    lowest_share,
    score_of,
)

if TYPE_CHECKING:
    from neurosim.network import Network

#: A number, or a function of the time (ms) that gives one.
Schedule = float | Callable[[float], float]
ALWAYS_GIVEN = ("projection", "every", "score", "tau_usage", "in_flight")


@names_checked
class Prune:
    """Every `every` ms some synapses are removed: those that qualify, the ones of lowest score first.

    Qualify: `where`, `older_than`, `protect_age`.  Of these go, in this order, the ones below `threshold` or the lowest
    `quantile`; of these, with a `hazard`, each by chance; of these no more than `budget`, and never below `keep`.
    So ``Prune(ee, threshold=0.1)`` removes the weak ones, ``Prune(ee, threshold=0.1, hazard=0.5)`` lets them vanish one by
    one, ``Prune(ee, quantile=0.05, per_target=True)`` takes the weakest twentieth of each neuron, ``Prune(ee, budget=100)``
    the 100 weakest.

    Parameters
    ----------
    projection : Projection, ProjectionGroup or list of projections
        Several projections are pruned as one: they share quantile and budget, and compete on the same targets.
    every : float
        ms between looks.
    score : str, or function of edges
        What a synapse is worth; the low are pruned.  "weight": \\|w\\|.  "usage": rate of its source (Hz) over `tau_usage`.
        "silence": rate of its target (Hz), so that silent targets lose theirs.  "eligibility": \\|trace that waits for a third
        factor\\|.  Any variable of the plasticity by its name.  "random".  Or f(edges) -> a number for each
        (edges.pre, edges.post, edges.weight, edges.delay, edges.projection).
    where : function of edges, or ns.condition, optional
        Which may be pruned at all: f(edges) -> bool for each.
    threshold : float, optional
        Those with a score below it, in its unit.
    quantile : float, optional
        The lowest share, rounded to whole synapses; equal scores are told apart by chance.
    hazard : float, or function of the score, optional
        Rate (1/s) at which each vanishes; a function takes the scores and gives rates, as lambda s: 0.1 * np.exp(-s / 5).
    per_target : bool
        Competition: the quantile is taken within each target neuron; a hazard function gets each score divided by the mean
        over the synapses of its target.
    older_than : float, optional
        Only those of an age above this (ms).
    protect_age : float
        Synapses younger than this (ms) are spared.
    budget : int, or function of the time (ms), optional
        The most that are removed at one look, over all projections; numbers are rounded.  See `ns.structural.schedules`.
    keep : int
        No projection is left with fewer synapses than this.
    tau_usage : float
        ms.
    in_flight : {"drop", "deliver"}
        What becomes of spikes on their way.

    Notes
    -----
    Ages count from birth; synapses that were there when the first rule that asks for ages was added count from then.  A
    neuron that is born later begins with a usage of twice the threshold, so that it has time to fire; without a threshold,
    with the mean of the others.

    References
    ----------
    Minimal value: Chechik, Meilijson & Ruppin (1998) Neural Comput. 10:1759.  Budgets over time: Navlakha, Barth &
    Bar-Joseph (2015) PLoS Comput. Biol. 11:e1004347.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> pop = net.add_population("pop", ns.LIF(), 10)
    >>> ee = net.connect(pop, pop, ns.all_to_all(), weight=ns.uniform(0, 1))
    >>> _ = net.add(ns.Prune(ee, threshold=0.5, every=10.0))
    >>> net.run(10.0)
    >>> bool(ee.weight.min() >= 0.5)
    True
    """

    #: There only if a trace of firing is needed: else the network keeps no spikes for it.
    observe: Callable[["Network", np.ndarray, np.ndarray], None]

    def __init__(
        self, projection: Any, every: float = 1000.0, *, score: Score = "weight", where: Any = None, threshold: float | None = None,
        quantile: float | None = None, hazard: float | Callable[[np.ndarray], np.ndarray] | None = None, per_target: bool = False,
        older_than: float | None = None, protect_age: float = 0.0, budget: Schedule | None = None, keep: int = 0,
        tau_usage: float = 1000.0, in_flight: str = "drop",
    ) -> None:  # fmt: skip
        self._parts = check_parts("Prune", projection)
        self.projection = self._parts[0] if len(self._parts) == 1 else projection
        self.every = check_positive("Prune.every", every, "ms")
        self.score = check_score("Prune.score", score, self._parts)
        if where is not None and not callable(where) and not hasattr(where, "function"):
            raise ParameterError(
                f"Prune.where: must be a function of edges, got {where!r}; for example where=lambda edges: edges.weight > 0"
            )
        self.where = where
        self.threshold = None if threshold is None else check_number("Prune.threshold", threshold)
        self.quantile = None if quantile is None else check_number("Prune.quantile", quantile)
        self.hazard = (
            hazard if hazard is None or callable(hazard) else check_not_negative("Prune.hazard", hazard, "1/s")
        )
        self.per_target = bool(per_target)
        self.older_than = None if older_than is None else check_not_negative("Prune.older_than", older_than, "ms")
        self.protect_age = check_not_negative("Prune.protect_age", protect_age, "ms")
        self.budget = budget if budget is None or callable(budget) else check_count("Prune.budget", budget)
        self.keep = check_count("Prune.keep", keep)
        self.tau_usage = check_positive("Prune.tau_usage", tau_usage, "ms")
        self.in_flight = in_flight
        self.name = "Prune"
        self._check_sense()
        if self._traced:
            self.observe = self._observe

    def _check_sense(self) -> None:
        """Arguments that say nothing together, or contradict each other."""
        if self.in_flight not in ("drop", "deliver"):
            raise ParameterError(f"Prune.in_flight: must be 'drop' or 'deliver', got {self.in_flight!r}")
        asked = (self.threshold, self.quantile, self.hazard, self.budget, self.older_than, self.where)
        if all(one is None for one in asked):
            raise ParameterError(
                "Prune: says nothing to prune by; give threshold=0.02 (weights below it), quantile=0.05 (the lowest share), "
                "hazard=0.1 (1/s), budget=100 (the 100 lowest) or older_than=1e4 (ms)"
            )
        if self.threshold is not None and self.quantile is not None:
            raise ParameterError(
                f"Prune: threshold={self.threshold:g} and quantile={self.quantile:g} contradict each other; leave one out, or add "
                f"two: net.add(ns.Prune(p, threshold={self.threshold:g})), net.add(ns.Prune(p, quantile={self.quantile:g}))"
            )
        if self.quantile is not None and not 0 < self.quantile <= 1:
            raise ParameterError(
                f"Prune.quantile: a share must lie in (0, 1], got {self.quantile:g}; quantile=0.05 is 5 %"
            )
        if (
            self.threshold is not None
            and self.threshold <= 0
            and self.score in ("weight", "usage", "silence", "random", "eligibility")
        ):
            raise ParameterError(
                f"Prune.threshold: no score {self.score!r} lies below {self.threshold:g}; give a positive threshold, as threshold=0.02"
            )
        compared = (
            self.threshold is not None or self.quantile is not None or self.budget is not None or callable(self.hazard)
        )
        if not compared and self.score != "weight" and self.keep == 0:
            raise ParameterError(
                f"Prune.score: {self.score!r} is compared with nothing; give threshold=, quantile=0.05, budget=100 or a function, "
                f"hazard=lambda score: 0.1 * np.exp(-score)"
            )
        if self.per_target and self.quantile is None and not callable(self.hazard):
            raise ParameterError(
                "Prune.per_target: competition needs a share or a function; give quantile=0.05 or hazard=lambda score: 0.1 * np.exp(-score)"
            )

    @property
    def parts(self) -> list[Any]:
        """The projections that still exist."""
        return [p for p in self._parts if p.alive]

    @property
    def _traced(self) -> bool:
        return self.score in ("usage", "silence")

    @property
    def _asks_age(self) -> bool:
        return self.older_than is not None or self.protect_age > 0

    # ---- firing -----------------------------------------------------------------------------------------------------

    def start(self, net: "Network") -> None:
        """Begin to watch ages and firing, if they are asked for."""
        for p in self.parts:
            if p.network is not net:
                raise WiringError(f"net.add: {p.name!r} belongs to another network")
            if self._asks_age:
                p.want_birth()
        if self._traced:
            self.trace = Calcium(self.tau_usage, net.dt, net.step)
            self._follow()

    def _follow(self) -> None:
        """Neurons may have come or gone."""
        side = "source" if self.score == "usage" else "target"
        uids = [getattr(p, side).uid for p in self.parts]
        uid = uids[0] if len(uids) == 1 else np.unique(np.concatenate([np.zeros(0, np.int64), *uids]))
        mean = float(self.trace.rate.mean()) if self.trace.rate.size else 0.0
        self.trace.follow(uid, mean if self.threshold is None else 2 * self.threshold)

    def _observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Spikes since the last look."""
        self._follow()
        self.trace.observe(net.step, stamp, uid)

    # ---- choosing ---------------------------------------------------------------------------------------------------

    def advance(self, net: "Network") -> None:
        """Look, choose, remove."""
        parts = self.parts
        if not parts:
            return
        edges = [p.edges() for p in parts]
        place = [self._qualified(p, e) for p, e in zip(parts, edges, strict=True)]
        keys = Keys(net, self, "prune")
        scored = [
            score_of("Prune.score", self.score, p, e, keys(p, "random"), getattr(self, "trace", None))[at]
            for p, e, at in zip(parts, edges, place, strict=True)
        ]
        looked = _Looked(parts, edges, place, np.concatenate(scored), keys)
        looked.narrow(self._chosen(looked))
        if self.keep:
            looked.narrow(self._spare(looked))
        if self.budget is not None:
            looked.narrow(lowest(looked.score, self._allowed(net.now), lambda which: looked.chance("tie", which)))
        for e, at in zip(edges, looked.place, strict=True):
            if at.size:
                e[at].remove(rule=self.name, in_flight=self.in_flight)

    def _qualified(self, p: Any, edges: Any) -> np.ndarray:
        """Places of the edges that may be pruned at all."""
        if self.where is None and not self._asks_age:
            return np.arange(len(edges))
        fine = np.ones(len(edges), np.bool_)
        if self.where is not None:
            if hasattr(self.where, "function"):
                i, j = np.searchsorted(p.source.uid, edges.pre), np.searchsorted(p.target.uid, edges.post)
                fine = np.asarray(self.where.function(i, j))
            else:
                fine = np.asarray(self.where(edges))
            if fine.dtype != np.bool_ or fine.shape != (len(edges),):
                raise ParameterError(
                    f"Prune.where(edges): must give a bool for each of {len(edges)} edges, got {fine.dtype} of shape {fine.shape}; "
                    f"for example where=lambda edges: edges.weight > 0"
                )
        if self._asks_age:
            age = p.age(edges)
            fine = fine & (age >= self.protect_age)
            if self.older_than is not None:
                fine &= age > self.older_than
        return np.flatnonzero(fine)

    def _chosen(self, looked: "_Looked") -> np.ndarray:
        """Which of those that were looked at go: by threshold or quantile, then by chance."""
        score = looked.score
        which = np.arange(score.size)
        if self.threshold is not None:
            which = np.flatnonzero(score < self.threshold)
        elif self.quantile is not None and self.per_target:
            which = lowest_share(score, self.quantile, looked.post, looked.chance("tie", which))
        elif self.quantile is not None:
            n = math.floor(self.quantile * score.size + 0.5)
            which = lowest(score, n, lambda which: looked.chance("tie", which))
        if self.hazard is None or not which.size:
            return which
        rate: Any = self.hazard
        if callable(self.hazard):
            worth = score / looked.mean_of_target() if self.per_target else score
            rate = checked("Prune.hazard(score)", self.hazard(worth[which]), which.size)
            if (rate < 0).any():
                raise ParameterError(f"Prune.hazard(score): a rate (1/s) must not be negative, got {rate.min():g}")
        return which[looked.chance("", which) < -np.expm1(-rate * self.every * 1e-3)]

    def _spare(self, looked: "_Looked") -> np.ndarray:
        """Which may go if no projection is to fall below `keep`."""
        which = []
        for k, p in enumerate(looked.parts):
            own = np.flatnonzero(looked.part == k)
            most = max(0, len(p) - self.keep)
            which.append(own[lowest(looked.score[own], most, lambda at, own=own: looked.chance("tie", own[at]))])  # type: ignore[misc]
        return np.concatenate(which)

    def _allowed(self, now: float) -> int:
        """How many may go at this look."""
        if not callable(self.budget):
            return int(self.budget or 0)
        n = check_not_negative("Prune.budget(ms)", self.budget(now))
        return round(n)

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        if not self._traced:
            return {}
        return {"uid": self.trace.uid, "rate": self.trace.rate, "step": np.array([self.trace.step])}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.trace.uid, self.trace.rate = np.array(arrays["uid"]), np.array(arrays["rate"])
        self.trace.step = int(arrays["step"][0])

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        names = (
            "every",
            "score",
            "where",
            "threshold",
            "quantile",
            "hazard",
            "per_target",
            "older_than",
            "protect_age",
        )
        own = {name: getattr(self, name) for name in (*names, "budget", "keep", "tau_usage", "in_flight")}
        return {"projection": self._parts[0] if len(self._parts) == 1 else self.parts} | own

    def __repr__(self) -> str:
        given = {n: v for n, v in self.describe().items() if n not in ALWAYS_GIVEN and v}
        said = [
            f"{n}={v:g}" if isinstance(v, float | int) else f"{n}={getattr(v, '__name__', v)}" for n, v in given.items()
        ]
        by = [] if self.score == "weight" else [f"score={getattr(self.score, '__name__', self.score)}"]
        return f"Prune({'+'.join(p.name for p in self.parts)!r}, {', '.join([*by, *said])}, every {self.every:g} ms)"


class _Looked:
    """The edges of all projections that are looked at, as one list."""

    def __init__(
        self, parts: list[Any], edges: list[Any], place: list[np.ndarray], score: np.ndarray, keys: Keys
    ) -> None:
        self.parts, self.edges, self.place, self.score, self.keys = parts, edges, place, score, keys
        self.part = np.repeat(np.arange(len(parts)), [at.size for at in place])

    def narrow(self, which: np.ndarray) -> None:
        """Keep these only (ascending)."""
        if which.size == self.score.size:
            return
        at, part = np.concatenate(self.place)[which], self.part[which]
        self.score, self.part = self.score[which], part
        self.place = [at[part == k] for k in range(len(self.parts))]

    @property
    def post(self) -> np.ndarray:
        return np.concatenate([e.post[at] for e, at in zip(self.edges, self.place, strict=True)])

    def chance(self, what: str, which: np.ndarray) -> np.ndarray:
        """A number in [0, 1) for each of these (ascending)."""
        at, part = np.concatenate(self.place)[which], self.part[which]
        out = np.zeros(which.size)
        for k, (p, e) in enumerate(zip(self.parts, self.edges, strict=True)):
            own = part == k
            if own.any():
                out[own] = p.chance(e[at[own]], self.keys(p, what))
        return out

    def mean_of_target(self) -> np.ndarray:
        """Mean score of the synapses of the same target, for each; 1 where it is 0."""
        _, group = np.unique(self.post, return_inverse=True)
        mean = np.bincount(group, self.score) / np.bincount(group)
        return np.where(mean == 0, 1.0, mean)[group]
