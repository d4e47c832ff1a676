"""What a benchmark network consists of, without a simulator; draws for peers that have no wiring rules of their own.

Units: ms, mV, pA, nS, pF, Hz.  Time constants carry neurosim's names.  A refractory time is neurosim's (and
Brian2's): from a spike to the first step in which the next may be fired; NEST's is one step less.
"""

from dataclasses import dataclass, field

import numpy as np

DT = 0.1  # ms


@dataclass(frozen=True, slots=True)
class Element:
    """Synaptic elements of one kind on every neuron (Butz & van Ooyen 2013): the linear curve, or the Gaussian above `least`."""

    rate: float  # growth of a silent neuron, elements per ms
    set_point: float  # calcium at which growth stops
    start: float  # elements at time 0
    least: float | None = None  # calcium below which elements retract (eta)


@dataclass(frozen=True, slots=True)
class Population:
    """Neurons of one kind: `start` is ("uniform", low, high) or ("normal", mean, sd) of the membrane potential (mV)."""

    name: str
    size: int
    start: tuple[str, float, float]
    poisson_rate: float = 0.0  # Hz, independent for every neuron
    i_e: float = 0.0  # pA
    elements: dict[str, Element] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Projection:
    """Random synapses, self and parallel ones too: `number` per target ("fixed_indegree") or in all ("fixed_total").

    With `weight_sd` or `delay_sd` above 0 values are normal; a weight keeps its sign, a delay is at least half a step
    (then rounded).
    """

    source: str
    target: str
    rule: str
    number: int
    weight: float  # mV (delta), pA (exp, alpha) or nS (cond); negative: inhibitory
    delay: float  # ms
    weight_sd: float = 0.0
    delay_sd: float = 0.0
    plastic: bool = False


@dataclass(frozen=True, slots=True)
class Growth:
    """Synapses that are made from vacant elements at every update, and dropped when elements vanish."""

    pre_element: str
    post_element: str
    weight: float  # pA
    delay: float  # ms


@dataclass(frozen=True, slots=True)
class Kick:
    """Independent Poisson trains that set a network going, one for each of the first `size` neurons of `target`."""

    target: str
    size: int
    rate: float  # Hz
    start: float  # ms
    stop: float  # ms
    weight: float


@dataclass(frozen=True, slots=True)
class Network:
    """A benchmark network, how long it is timed, and over which part of that its rate is reported."""

    neuron: str  # "delta", "exp", "alpha" (currents) or "cond" (exponential conductances)
    parameters: dict[str, float]
    populations: list[Population]
    projections: list[Projection]
    poisson_weight: float = 0.0
    stdp: dict[str, object] | None = None
    kick: Kick | None = None
    growth: tuple[Growth, ...] = ()
    update_every: float = 0.0  # ms between updates of the synapses that grow
    warm_up: float = 100.0  # ms, not timed
    time: float = 1000.0  # ms, timed
    rate_window: float = float("inf")  # ms at the end of the timed part

    @property
    def size(self) -> int:
        """Neurons in all."""
        return sum(p.size for p in self.populations)

    def first(self) -> dict[str, int]:
        """Place of each population's first neuron when all stand in one line."""
        ends = np.cumsum([p.size for p in self.populations])
        return {p.name: int(end) - p.size for p, end in zip(self.populations, ends, strict=True)}


def start_potentials(population: Population, rng: np.random.Generator) -> np.ndarray:
    """Membrane potentials at time 0 (mV), float64[size]."""
    shape, a, b = population.start
    return rng.uniform(a, b, population.size) if shape == "uniform" else rng.normal(a, b, population.size)


def kick_trains(kick: Kick, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """(neuron, time in ms) of the kick's spikes, by neuron and then time, at most one a step."""
    n_steps = round((kick.stop - kick.start) / DT)
    neuron, step = np.nonzero(rng.random((kick.size, n_steps)) < kick.rate * DT * 1e-3)
    return neuron, np.round(kick.start + step * DT, 1)


def draw_synapses(
    projection: Projection, n_source: int, n_target: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(source, target, weight, delay in steps) of every synapse, by source and then target.

    int32, int32, float64 and int32 arrays.
    """
    n = projection.number * (n_target if projection.rule == "fixed_indegree" else 1)
    source = rng.integers(0, n_source, n, dtype=np.int64)
    fixed = projection.rule == "fixed_indegree"
    target = (
        np.repeat(np.arange(n_target), projection.number) if fixed else rng.integers(0, n_target, n, dtype=np.int64)
    )
    pair = np.sort(source * n_target + target)
    weight = _normal(rng, abs(projection.weight), projection.weight_sd, 0.0, n) * np.sign(projection.weight)
    delay = _normal(rng, projection.delay, projection.delay_sd, 0.5 * DT, n)
    steps = np.maximum(np.round(delay / DT), 1).astype(np.int32)
    return (pair // n_target).astype(np.int32), (pair % n_target).astype(np.int32), weight, steps


def _normal(rng: np.random.Generator, mean: float, sd: float, low: float, n: int) -> np.ndarray:
    """Normal values, drawn again below `low`."""
    if sd == 0.0:
        return np.full(n, mean)
    values = rng.normal(mean, sd, n)
    while (below := values < low).any():
        values[below] = rng.normal(mean, sd, int(below.sum()))
    return values
