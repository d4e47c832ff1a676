"""Neurons are born and die while the network runs, at a rate, on demand, or because nothing needs them.

The processes ask populations and projections in arrays; they know no engine.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_positive, check_probability, did_you_mean
from neurosim.errors import ParameterError
from neurosim.neurons.parameters import parameter_names, unknown_parameter
from neurosim.structural.calcium import Calcium
from neurosim.wiring import FixedIndegree, FixedOutdegree, FromEdges, OneToOne, SmallWorld, as_rule

if TYPE_CHECKING:
    from neurosim.network import Network

#: Which die first, where not all may.
CHOICES = ("random", "silent", "oldest", "youngest", "unconnected")


class Neurogenesis:
    """Adds neurons to a population every `every` ms and joins them to others.

    Parameters
    ----------
    population : Population
    every : float
        ms.
    rate : float, optional
        Neurons per second; each call adds a Poisson number.  Or
    trigger : function, optional
        ``f(net)`` gives how many are wanted now, such as ``ns.structural.novelty(...)`` or ``ns.structural.saturation(...)``;
        True is one.  Or
    size : int, optional
        As many as the population lacks of this size: with an `Apoptosis` added before, turnover at a constant number.
    wire : list, optional
        How newborns are joined: pairs ``(projection, rule)`` or triples ``(projection, rule, weight)`` with a wiring rule as
        `connect` takes it, and functions ``f(net, newborns)`` that make synapses themselves (``projection.insert``).
        ``ns.fixed_indegree(k)`` gives each newborn k synapses onto it, ``ns.fixed_outdegree(k)`` k from it; other rules go
        both ways where the population is both source and target.  Between two newborns synapses arise on the way in only.
    initial : dict, optional
        Parameters and states of newborns by name: numbers or distributions.  Others: as `Population.add` says.
    at_most : int, optional
        No more than this many at a time.
    most : int, optional
        None while the population has this many neurons.
    positions : layout or function, optional
        Where newborns lie, if not where the layout of the population puts them; a function ``f(net, n)`` gives an array.

    References
    ----------
    Becker (2005) Hippocampus 15:722; Aimone, Wiles & Gage (2009) Neuron, doi:10.1016/j.neuron.2008.11.026 (new granule cells
    in models of the dentate gyrus).

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> entorhinal, granule = (net.add_population(name, ns.LIF(), 100) for name in ("entorhinal", "granule"))
    >>> path = net.connect(entorhinal, granule, ns.fixed_indegree(10), weight=0.5)
    >>> _ = net.add(ns.Apoptosis(granule, every=100.0, fraction=0.05, choose="oldest"))
    >>> _ = net.add(ns.Neurogenesis(granule, every=100.0, size=100, wire=[(path, ns.fixed_indegree(10))]))
    >>> net.run(200.0)
    >>> len(granule), len(path), int((granule.age < 150.0).sum())
    (100, 1000, 10)
    """

    def __init__(
        self, population: Any, every: float = 1000.0, *, rate: float | None = None,
        trigger: Callable[["Network"], float] | None = None, size: int | None = None, wire: Sequence[Any] = (),
        initial: Mapping[str, Any] | None = None, at_most: int | None = None, most: int | None = None, positions: Any = None,
    ) -> None:  # fmt: skip
        self.population = _population("Neurogenesis", population)
        if sum(x is not None for x in (rate, trigger, size)) != 1:
            raise ParameterError(
                "Neurogenesis: give one of rate=2.0 (neurons per second), trigger=ns.structural.novelty(...) and size=1000"
            )
        if trigger is not None and not callable(trigger):
            raise ParameterError(f"Neurogenesis.trigger: needs a function f(net) that gives a number, got {trigger!r}")
        self.every = check_positive("Neurogenesis.every", every, "ms")
        self.rate = None if rate is None else check_not_negative("Neurogenesis.rate", rate, "1/s")
        self.trigger: Any = trigger
        self.size = None if size is None else check_count("Neurogenesis.size", size)
        self.wire = [self._entry(one) for one in wire]
        self.initial = dict(initial or {})
        for name in self.initial:
            if name not in (*parameter_names(population.model), *population._variables):
                raise unknown_parameter(population.model, name, population._variables)
        self.at_most = None if at_most is None else check_count("Neurogenesis.at_most", at_most)
        self.most = None if most is None else check_count("Neurogenesis.most", most)
        self.positions = positions
        if population.positions is not None and population.placement is None and positions is None:
            raise ParameterError(
                f"Neurogenesis: {population.name!r} has positions, given as an array; say where newborns lie, for example "
                f"positions=ns.positions.ball(100.0)"
            )
        self.name = "Neurogenesis"
        if hasattr(trigger, "observe"):
            self.observe: Any = getattr(trigger, "observe")  # noqa: B009

    def _entry(self, entry: Any) -> Any:
        """One entry of `wire`, checked: a function, or [projection, rule, weight]."""
        if callable(entry):
            return entry
        line = "for example wire=[(path, ns.fixed_indegree(20))]"
        if not isinstance(entry, Sequence) or len(entry) not in (2, 3) or not hasattr(entry[0], "has_edge"):
            raise ParameterError(
                f"Neurogenesis.wire: needs (projection, rule) or a function f(net, newborns), got {entry!r}; {line}"
            )
        projection, rule = entry[0], as_rule(entry[1])
        if isinstance(rule, FromEdges | OneToOne | SmallWorld):
            raise ParameterError(f"Neurogenesis.wire: {rule!r} says nothing of newborns; {line}")
        sides = [projection.target, projection.source]
        if isinstance(rule, FixedIndegree | FixedOutdegree):
            sides = sides[:1] if isinstance(rule, FixedIndegree) else sides[1:]
        if self.population not in sides:
            raise ParameterError(
                f"Neurogenesis.wire: {rule!r} joins nobody of {self.population.name!r} through {projection.name!r}; {line}"
            )
        return [projection, rule, entry[2] if len(entry) == 3 else None]

    def start(self, net: "Network") -> None:
        """Let the trigger begin to listen."""
        if hasattr(self.trigger, "start"):
            self.trigger.start(net)

    def advance(self, net: "Network") -> None:
        """How many, born, joined."""
        n = self._wanted(net)
        if self.at_most is not None:
            n = min(n, self.at_most)
        if self.most is not None:
            n = min(n, self.most - len(self.population))
        if n <= 0:
            return
        where = self.positions
        if callable(where):
            where = where(net, n)
        newborns = self.population.add(n, where, rule=self.name)
        for name, value in self.initial.items():
            setattr(newborns, name, value)
        for k, entry in enumerate(self.wire):
            if callable(entry):
                entry(net, newborns)
            elif entry[0].alive:
                self._join(net, k, newborns, *entry)

    def _wanted(self, net: "Network") -> int:
        if self.size is not None:
            return self.size - len(self.population)
        if self.rate is not None:
            return int(net.rng("neurogenesis", self.population.name).poisson(self.rate * self.every * 1e-3))
        number = float(self.trigger(net))
        if not np.isfinite(number) or number < 0:
            raise ParameterError(f"Neurogenesis.trigger: must give a number of neurons, got {number!r}")
        return round(number)

    def _join(self, net: "Network", k: int, newborns: Any, projection: Any, rule: Any, weight: Any) -> None:
        """Draw the synapses of newborns in one projection, onto them and from them, and make them."""
        young, source, target = newborns.uid, projection.source, projection.target
        onto = target is self.population and not isinstance(rule, FixedOutdegree)
        pairs = []
        if onto:
            pairs.append((source.uid, young))
        if source is self.population and not isinstance(rule, FixedIndegree):
            old = target.uid
            pairs.append((young, old[~np.isin(old, young)]))
        for side, (pre, post) in enumerate(pairs):
            at = [self._at(source, pre), self._at(target, post)]
            drawn = rule.draw(
                net.key("neurogenesis", k, side, projection.name), pre.size, post.size, pre, post,
                bool(np.intersect1d(pre, post).size), projection.autapses, projection.parallel, *at,
            )  # fmt: skip
            pre, post = pre[drawn.pre], post[drawn.post]
            if pre.size and not projection.parallel:
                free = ~projection.has_edge(pre, post)
                pre, post = pre[free], post[free]
            if pre.size:
                projection.insert(pre, post, weight=weight, rule=self.name)

    @staticmethod
    def _at(population: Any, uid: np.ndarray) -> np.ndarray | None:
        where = population.positions
        return None if where is None else np.asarray(where[np.searchsorted(population.uid, uid)])

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps: the state of the trigger."""
        return self.trigger.arrays() if hasattr(self.trigger, "arrays") else {}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.trigger.set_arrays(arrays)

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        names = ("population", "every", "rate", "trigger", "size", "initial", "at_most", "most", "positions")
        wire = [one if callable(one) else tuple(one[: 2 + (one[2] is not None)]) for one in self.wire]
        return {name: getattr(self, name) for name in names} | {"wire": wire}

    def __repr__(self) -> str:
        how = f"rate={self.rate:g}" if self.rate is not None else f"size={self.size}"
        if self.trigger is not None:
            how = f"trigger={getattr(self.trigger, '__qualname__', type(self.trigger).__name__)}"
        return f"Neurogenesis({self.population.name!r}, {how}, every {self.every:g} ms)"


class Apoptosis:
    """Removes those neurons of a population, with all their synapses, that meet all given conditions.

    Parameters
    ----------
    population : Population
    every : float
        ms between looks.
    silent_below : float, optional
        Fires fewer spikes per second (Hz) than this, over `tau`.
    tau : float
        ms.
    unconnected : bool or {"in", "out"}
        Has no synapse at all; none onto it; none from it.
    older_than, younger_than : float, optional
        Age (ms) above, below this: a critical window is ``older_than=7 * DAY, younger_than=28 * DAY``.
    rate : float, optional
        Rate (1/s) at which those that meet the conditions die, each by chance; without it all do, as far as the limits allow.
    fraction : float, optional
        No more than this share of the population at a time.
    at_most : int, optional
        No more than this many at a time.
    keep : int
        So many stay, whatever they are.
    choose : {"random", "silent", "oldest", "youngest", "unconnected"} or function
        Who dies first where not all may: at random, those with the lowest rate, the oldest, the youngest, those with the
        fewest synapses (in and out); ``f(net, view)`` gives a score of each neuron, the lowest die first.

    Notes
    -----
    Newborns begin with the mean rate of the population, and at least with twice `silent_below`, so that they have time to fire.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> pop = net.add_population("pop", ns.PoissonSource(rate=5.0), 100)
    >>> _ = net.add(ns.Apoptosis(pop, every=100.0, silent_below=1.0, tau=500.0, keep=20))
    >>> _ = net.add(ns.Apoptosis(pop, every=100.0, rate=0.1))
    """

    def __init__(
        self, population: Any, every: float = 1000.0, *, silent_below: float | None = None, tau: float = 1000.0,
        unconnected: bool | str = False, older_than: float | None = None, younger_than: float | None = None,
        rate: float | None = None, fraction: float | None = None, at_most: int | None = None, keep: int = 0,
        choose: str | Callable[["Network", Any], Any] = "random",
    ) -> None:  # fmt: skip
        self.population = _population("Apoptosis", population)
        if unconnected not in (False, True, "in", "out"):
            raise ParameterError(f"Apoptosis.unconnected: must be True, False, 'in' or 'out', got {unconnected!r}")
        if not callable(choose) and choose not in CHOICES:
            raise ParameterError(
                f"Apoptosis.choose: must be one of {', '.join(CHOICES)} or a function f(net, view) that gives scores, got "
                f"{choose!r}.{did_you_mean(str(choose), CHOICES)}"
            )
        given = {"silent_below": silent_below, "older_than": older_than, "younger_than": younger_than, "rate": rate}
        if not unconnected and all(x is None for x in (*given.values(), fraction, at_most)):
            raise ParameterError(
                "Apoptosis: says nothing of who dies; give silent_below=0.1 (Hz), unconnected=True, older_than=1e5 (ms), "
                "rate=0.01 (1/s), fraction=0.05 or at_most=10"
            )
        for name, value in given.items():
            setattr(self, name, None if value is None else check_not_negative(f"Apoptosis.{name}", value))
        self.silent_below, self.rate = silent_below, rate
        self.older_than, self.younger_than = older_than, younger_than
        self.every = check_positive("Apoptosis.every", every, "ms")
        self.tau = check_positive("Apoptosis.tau", tau, "ms")
        self.fraction = None if fraction is None else check_probability("Apoptosis.fraction", fraction)
        self.at_most = None if at_most is None else check_count("Apoptosis.at_most", at_most)
        self.keep = check_count("Apoptosis.keep", keep)
        self.unconnected, self.choose = unconnected, choose
        self.name = "Apoptosis"
        if silent_below is not None or choose == "silent":
            self.usage = Calcium(self.tau, 1.0, 0)
            self.observe = self._observe

    def start(self, net: "Network") -> None:
        """Begin to listen, if silence is asked for."""
        if hasattr(self, "usage"):
            self.usage = Calcium(self.tau, net.dt, net.step)
            self._follow()

    def _follow(self) -> None:
        mean = float(self.usage.rate.mean()) if self.usage.rate.size else 0.0
        self.usage.follow(self.population.uid, max(mean, 2 * (self.silent_below or 0.0)))

    def _observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Spikes since the last look."""
        self._follow()
        self.usage.observe(net.step, stamp, uid)

    def advance(self, net: "Network") -> None:
        """Look, choose, remove."""
        population = self.population
        uid, age = population.uid, population.age
        if hasattr(self, "usage"):
            self._follow()  # another process may have changed the population at this step
        hit = np.ones(uid.size, np.bool_)
        if self.silent_below is not None:
            hit &= self.usage.rate < self.silent_below
        if self.older_than is not None:
            hit &= age > self.older_than
        if self.younger_than is not None:
            hit &= age < self.younger_than
        if self.unconnected:
            hit &= self._degree(net, str(self.unconnected)) == 0
        if self.rate is not None:
            hit &= self._chance(net, "dies", uid) < -np.expm1(-self.rate * self.every * 1e-3)
        limit = uid.size - self.keep
        if self.at_most is not None:
            limit = min(limit, self.at_most)
        if self.fraction is not None:
            limit = min(limit, round(self.fraction * uid.size))
        dying = np.flatnonzero(hit)
        if limit <= 0 or not dying.size:
            return
        if dying.size > limit:
            score = self._score(net)[dying]
            order = np.lexsort((self._chance(net, "first", uid[dying]), score))
            dying = np.sort(dying[order[:limit]])
        population.remove(uid[dying], rule=self.name)

    def _score(self, net: "Network") -> np.ndarray:
        """A number for each neuron; the lowest die first."""
        population = self.population
        if callable(self.choose):
            score = np.asarray(self.choose(net, population[:]), np.float64)
            if score.shape != (len(population),):
                raise ParameterError(
                    f"Apoptosis.choose: f(net, view) must give one number for each of {len(population)} neurons, got shape {score.shape}"
                )
            return score
        if self.choose == "silent":
            return self.usage.rate
        if self.choose == "unconnected":
            return self._degree(net, "True")
        if self.choose in ("oldest", "youngest"):
            return np.asarray(population.age * (-1.0 if self.choose == "oldest" else 1.0))
        return np.zeros(len(population))

    def _degree(self, net: "Network", side: str) -> np.ndarray:
        """Synapses of each neuron, over all projections: onto it ("in"), from it ("out"), or both."""
        degree = np.zeros(len(self.population), np.int64)
        for p in net.projections.values():
            if p.target is self.population and side != "out":
                degree += p.in_degree()
            if p.source is self.population and side != "in":
                degree += p.out_degree()
        return degree

    def _chance(self, net: "Network", what: str, uid: np.ndarray) -> np.ndarray:
        """A number in [0, 1) for each neuron, from (seed, step, uid) alone."""
        from neurosim.kernels.rng import hash_pairs

        out = np.zeros(uid.size)
        same = np.zeros(uid.size, np.int64)
        hash_pairs(np.uint64(net.key("apoptosis", what, self.population.name)), uid, same, same, out)
        return out

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        if not hasattr(self, "usage"):
            return {}
        return {"uid": self.usage.uid, "rate": self.usage.rate, "step": np.array([self.usage.step])}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.usage.uid, self.usage.rate = np.array(arrays["uid"]), np.array(arrays["rate"])
        self.usage.step = int(arrays["step"][0])

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        names = (
            "population", "every", "silent_below", "tau", "unconnected", "older_than", "younger_than", "rate", "fraction",
            "at_most", "keep", "choose",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names}

    def __repr__(self) -> str:
        skip = ("population", "every", "tau") + (("choose",) if self.choose == "random" else ())
        given = [
            f"{n}={v if isinstance(v, str | bool) else getattr(v, '__qualname__', v)}"
            for n, v in self.describe().items()
            if n not in skip and v
        ]
        return f"Apoptosis({self.population.name!r}, {', '.join(given)}, every {self.every:g} ms)"


def _population(kind: str, population: Any) -> Any:
    """A whole population, not a view or a name."""
    if getattr(population, "population", None) is not population:
        raise ParameterError(
            f"{kind}(population): needs a population as net.add_population gives it, got {population!r}"
        )
    return population
