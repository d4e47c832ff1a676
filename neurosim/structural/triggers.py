"""When new neurons are wanted: measures of a running network that `Neurogenesis` asks at each call.

A trigger is a function of the network that gives a number of neurons; one that needs spikes also has `observe`, as a process
has it.
"""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count, check_positive, check_probability
from neurosim.errors import ParameterError

if TYPE_CHECKING:
    from neurosim.network import Network


@dataclass(eq=False)
class Novelty:
    """See `novelty`."""

    population: Any
    n: int = 1
    expected: float | None = None
    tolerance: float = 0.5
    tau: float = 1000.0
    tau_expected: float = 30_000.0
    rate: float = field(default=0.0, init=False)
    usual: float = field(default=0.0, init=False)
    step: int = field(default=0, init=False)
    begun: int = field(default=0, init=False)

    def start(self, net: "Network") -> None:
        """Begin to listen."""
        self.rate = self.usual = 0.0
        self.step = self.begun = net.step

    def observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Spikes since the last look: advance the rate of the population, and what is usual."""
        mine = np.isin(uid, self.population.uid)
        before, elapsed = (net.step - stamp[mine]) * net.dt, (net.step - self.step) * net.dt
        for name, tau in (("rate", self.tau), ("usual", self.tau_expected)):
            more = 1e3 / tau * np.exp(-before / tau).sum() / max(1, len(self.population))
            setattr(self, name, getattr(self, name) * math.exp(-elapsed / tau) + more)
        self.step = net.step

    def __call__(self, net: "Network") -> int:
        """`n` if the rate is unexpected, else 0; 0 too until there was time to know."""
        heard = (net.step - self.begun) * net.dt
        if heard < (self.tau if self.expected is not None else self.tau_expected):
            return 0
        rate = self.rate / -math.expm1(-heard / self.tau)  # as if the silence before the start had not been heard
        expected = self.expected
        if expected is None:
            expected = self.usual / -math.expm1(-heard / self.tau_expected)
        return self.n if abs(rate - expected) > self.tolerance * expected else 0

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return {"rates": np.array([self.rate, self.usual]), "steps": np.array([self.step, self.begun])}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.rate, self.usual = (float(x) for x in arrays["rates"])
        self.step, self.begun = (int(x) for x in arrays["steps"])


@dataclass(frozen=True)
class Saturation:
    """See `saturation`."""

    projection: Any
    n: int = 1
    degree: float | None = None
    weight: float | None = None
    fraction: float = 0.9

    def level(self) -> float:
        """How much of the bound is used: mean in-degree or mean |weight| over it."""
        p = self.projection
        if self.degree is not None:
            return len(p) / max(1, len(p.target)) / self.degree
        weight = p.weight
        return float(np.abs(weight).mean() / self.weight) if weight.size and self.weight else 0.0

    def __call__(self, net: "Network") -> int:
        """`n` if the bound is near, else 0."""
        return self.n if self.level() >= self.fraction else 0


def novelty(
    population: Any, n: int = 1, *, expected: float | None = None, tolerance: float = 0.5, tau: float = 1000.0,
    tau_expected: float = 30_000.0,
) -> Novelty:  # fmt: skip
    """`n` neurons at each call while a population fires at another rate than expected.

    Parameters
    ----------
    population : Population
        The one that is watched; often another one than that which grows.
    n : int
    expected : float, optional
        Hz for one neuron; by default its own mean over `tau_expected` ms.
    tolerance : float
        Relative deviation, either way, that is nothing new.
    tau : float
        ms over which the rate is taken.
    tau_expected : float
        ms.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> sense, granule = (net.add_population(name, ns.LIF(), 10) for name in ("sense", "granule"))
    >>> surprise = ns.structural.novelty(sense, n=5, expected=8.0)
    >>> net.add(ns.Neurogenesis(granule, every=500.0, trigger=surprise))
    Neurogenesis('granule', trigger=Novelty, every 500 ms)
    """
    if not hasattr(population, "uid"):
        raise ParameterError(f"novelty(population): needs a population or view, got {population!r}")
    if expected is not None:
        check_positive("novelty.expected", expected, "Hz")
    check_positive("novelty.tolerance", tolerance)
    times = check_positive("novelty.tau", tau, "ms"), check_positive("novelty.tau_expected", tau_expected, "ms")
    return Novelty(population, check_count("novelty.n", n, least=1), expected, tolerance, *times)


def saturation(
    projection: Any, n: int = 1, *, degree: float | None = None, weight: float | None = None, fraction: float = 0.9
) -> Saturation:
    """`n` neurons at each call while a projection has no room left to learn.

    Parameters
    ----------
    projection : Projection
    n : int
    degree : float, optional
        Mean in-degree that counts as full, or
    weight : float, optional
        mean |weight| that does (default: the bound of the plasticity rule).
    fraction : float
        Share of it at which neurons are wanted.
    """
    if not hasattr(projection, "has_edge"):
        raise ParameterError(
            f"saturation(projection): needs one projection as net.connect gives it, got {projection!r}"
        )
    if degree is not None and weight is not None:
        raise ParameterError("saturation: give either degree=100 or weight=1.0")
    if degree is None and weight is None:
        rule = projection.plasticity
        bounds = [abs(x) for x in (getattr(rule, "w_min", math.inf), getattr(rule, "w_max", math.inf))]
        weight = max(bounds)
        if not math.isfinite(weight):
            raise ParameterError(
                f"saturation: {projection.name!r} has no bound of its weights; give degree=100 or weight=1.0"
            )
    for name, value in (("degree", degree), ("weight", weight)):
        if value is not None:
            check_positive(f"saturation.{name}", value)
    number, share = check_count("saturation.n", n, least=1), check_probability("saturation.fraction", fraction)
    return Saturation(projection, number, degree, weight, share)
