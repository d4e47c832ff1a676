"""Parameters that depend on the age of each neuron: young neurons are more excitable and learn faster.

Asks populations and projections in arrays; knows no engine and no plasticity rule.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_positive
from neurosim.errors import ParameterError
from neurosim.neurons.parameters import parameter_names, unknown_parameter
from neurosim.structural.neurogenesis import _population

if TYPE_CHECKING:
    from neurosim.network import Network

AgeFunction = Callable[[np.ndarray], Any]


class Ageing:
    """Sets parameters of neurons from their ages, every `every` ms.

    Parameters
    ----------
    population : Population
    every : float
        ms.
    plasticity : (projection or several, function), optional
        ``f(age)`` gives a factor by which weights change faster (above 1) or slower: what any rule has changed since the last
        call at synapses onto the neurons is multiplied by it, within the bounds of the rule.  Where the population is the
        source of a projection only, the ages are those of the sources.
    **parameters : function
        By name: ``f(age)`` gives the values for an array of ages (ms), or one for all.

    Notes
    -----
    Add it after `Neurogenesis`, with the same period: newborns then have their parameters at once.

    A factor acts at the calls, not at each spike: a weight is corrected to ``last + f(age) (now - last)``, so between two calls the
    synapse transmits the uncorrected weight.  `every` should be short against the time in which a weight changes much.
    Only weights of synapses with a factor other than 1 are kept, with numbers that are never used again, so parallel synapses are
    told apart.  A synapse that was made after the last call is corrected from the next call on.  Changes that are no plasticity
    (a user's ``projection.weight = ...``) are not told apart.

    References
    ----------
    Finnegan & Becker (2015) Front. Syst. Neurosci. 9:136 (young granule cells are more excitable and more plastic; its numbers
    are not used here).

    Examples
    --------
    >>> import numpy as np
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> granule = net.add_population("granule", ns.LIF(v_th=-50.0), 10)
    >>> _ = net.add(ns.Ageing(granule, every=10.0, v_th=lambda age: -50.0 - 5.0 * np.exp(-age / 100.0)))
    >>> net.run(100.0)
    >>> float(granule.v_th[0].round(2))
    -51.84
    """

    def __init__(
        self, population: Any, every: float = 1000.0, *, plasticity: tuple[Any, AgeFunction] | None = None,
        **parameters: AgeFunction,
    ) -> None:  # fmt: skip
        self.population = _population("Ageing", population)
        self.every = check_positive("Ageing.every", every, "ms")
        if not parameters and plasticity is None:
            raise ParameterError(
                "Ageing: nothing depends on age; for example v_th=lambda age: -50 - 5 * np.exp(-age / 1e4)"
            )
        for name, function in parameters.items():
            if name not in parameter_names(population.model):
                raise unknown_parameter(population.model, name, None)
            if not callable(function):
                raise ParameterError(f"Ageing.{name}: needs a function of age (ms), got {function!r}")
        self.parameters = parameters
        self.factor: AgeFunction | None = None
        self.projections: list[Any] = []
        if plasticity is not None:
            if not isinstance(plasticity, Sequence) or len(plasticity) != 2 or not callable(plasticity[1]):
                raise ParameterError(
                    f"Ageing.plasticity: needs (projection or several, function of age), got {plasticity!r}; for example "
                    f"plasticity=(path, lambda age: 1 + 4 * np.exp(-age / 1e4))"
                )
            several, self.factor = plasticity
            self.projections = [several] if hasattr(several, "has_edge") else list(several)
            for p in self.projections:
                if not hasattr(p, "has_edge") or population not in (p.source, p.target):
                    raise ParameterError(f"Ageing.plasticity: {p!r} is no projection onto or from {population.name!r}")
        self.name = "Ageing"
        self._kept: list[tuple[np.ndarray, np.ndarray]] = []

    def start(self, net: "Network") -> None:
        """Remember the weights of the young."""
        nothing = np.zeros(0, np.int64), np.zeros(0)
        self._kept = [nothing for _ in self.projections]
        self._learn()

    def advance(self, net: "Network") -> None:
        """Parameters from ages; changes of weights by their factors."""
        population = self.population
        if not len(population):
            return
        age = population.age
        for name, function in self.parameters.items():
            values = self._of_age(name, function, age)
            if not np.array_equal(values, getattr(population, name)):
                setattr(population, name, values)
        self._learn()

    def _learn(self) -> None:
        """Multiply what rules have changed by the factor of each young neuron."""
        if self.factor is None or not len(self.population):
            return
        factor = self._of_age("plasticity", self.factor, self.population.age)
        if not np.isfinite(factor).all() or (factor < 0).any():
            raise ParameterError("Ageing.plasticity: factors must be finite and not negative")
        for k, p in enumerate(self.projections):
            if p.alive:
                self._kept[k] = self._correct(p, factor, self._kept[k])

    def _of_age(self, name: str, function: AgeFunction, age: np.ndarray) -> np.ndarray:
        values = np.asarray(function(age), np.float64)
        if values.shape not in ((), age.shape):
            raise ParameterError(
                f"Ageing.{name}: f(age) must give one number or {age.size} of them, got shape {values.shape}"
            )
        return np.broadcast_to(values, age.shape)

    def _correct(
        self, p: Any, factor: np.ndarray, kept: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Multiply what has changed since the last call; return (number, weight) of the synapses of the young, by number."""
        own = self.population.uid

        def young() -> tuple[Any, np.ndarray]:
            edges = p.edges()
            of = factor[np.searchsorted(own, edges.post if p.target is self.population else edges.pre)]
            return edges[of != 1.0], of[of != 1.0]

        edges, of = young()
        if not len(edges):
            return np.zeros(0, np.int64), np.zeros(0)
        number = p.number(edges)
        at = np.minimum(np.searchsorted(kept[0], number), max(0, kept[0].size - 1))
        known = kept[0][at] == number if kept[0].size else np.zeros(number.size, np.bool_)
        now = edges.weight
        last = np.where(known, kept[1][at] if kept[1].size else 0.0, now)
        low, high = getattr(p.plasticity, "w_min", -np.inf), getattr(p.plasticity, "w_max", np.inf)
        new = np.clip(last + of * (now - last), low, high)
        new = np.where(now >= 0, np.maximum(new, 0.0), np.minimum(new, 0.0)) if not low < 0 < high else new
        changed = now != last
        if changed.any():
            edges[changed].set_weight(new[changed])
            now = young()[0].weight  # as they are stored: rounded to the type of the weights
        order = np.argsort(number)
        return number[order], now[order]

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        out: dict[str, np.ndarray] = {}
        for k, (number, weight) in enumerate(self._kept):
            out |= {f"{k}/number": number, f"{k}/weight": weight}
        return out

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        n = len(self.projections)
        self._kept = [(np.array(arrays[f"{k}/number"]), np.array(arrays[f"{k}/weight"])) for k in range(n)]

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them; functions are named, not saved."""
        plasticity = None if self.factor is None else (self.projections, self.factor)
        return {"population": self.population, "every": self.every, "plasticity": plasticity} | self.parameters

    def __repr__(self) -> str:
        named = [*self.parameters, *(["plasticity"] if self.factor is not None else [])]
        return f"Ageing({self.population.name!r}, {', '.join(named)}, every {self.every:g} ms)"
