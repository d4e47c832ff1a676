"""The bench on which rules are measured: many separate synapses in one network, between neurons whose spikes are given.

A presynaptic `SpikeSource` drives a `Puppet` through one plastic synapse each; further sources pull the puppets' strings.
For rules that read a voltage an `AdExClopath` takes the place of the puppet, and is made to fire by a jump of its voltage.
Steps are those at which the SYNAPSE sees a spike: the bench lets the postsynaptic neurons fire so much earlier as their
spikes take back to it, so that no delay is left in the results.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_number
from neurosim.errors import ParameterError
from neurosim.kernels.plain import arguments_of
from neurosim.lab.catalogue import title
from neurosim.lab.trains import Pair, grid_of
from neurosim.network import Network
from neurosim.neurons.modulator import Modulator
from neurosim.neurons.puppet import Puppet
from neurosim.neurons.sources import SpikeSource
from neurosim.plasticity.mechanism import value_of
from neurosim.wiring import one_to_one

#: Delay of all connections (steps): the engine then advances so many steps at once.
DELAY = 32
COPIES = 100  # synapses for each pair of trains, for rules that draw random numbers
TWO_VALUED = ("Cascade",)  # rules whose weights are at one of the two bounds
MANY, FEW = 60, 5  # repeats of a pattern, see `repeats_of`
PULL = 200.0  # mV: fires a neuron with a voltage at once
FOREVER = 1e30  # ms: time constant of a modulator that is held


class Bench:
    """Synapses of one rule, one for each pair of trains; time 0 is the step 0 of the trains.

    Parameters
    ----------
    rule : plasticity rule, or a list of them
    trains : list of (pre, post)
        Steps (int64) at which each synapse sees spikes.
    w0 : float or float64 [synapses]
        Weight at the start.
    step : float
        Length of a step (ms).
    level : float
        Of the modulator of rules with a third factor: by how much it is held above the baseline.
    seed : int
    """

    def __init__(
        self, rule: Any, trains: Sequence[Pair], *, w0: Any, step: float, level: float = 0.0, seed: int = 0
    ) -> None:
        n = len(trains)
        self.rule, self.step = rule, step
        neuron = neuron_for("bench", rule)
        late = 1 if reads(rule) else DELAY  # so that an input finds the voltage that it would find without delay
        back = 0 if sees(rule) == "spikes" else late
        first = min((int(t.min()) for pair in trains for t in pair if t.size), default=0)
        self.origin = 2 * late + 1 - min(first, 0)  # step of the network that is step 0 of the trains
        self.net = Network(dt=step, seed=seed)
        pre = self._source("pre", [pair[0] for pair in trains], 0)
        strings = self._source("strings", [pair[1] for pair in trains], back + late)
        post = self.net.add_population("post", neuron.model, n)
        delay = late * step
        self.net.connect(
            strings, post, one_to_one(), weight=neuron.pull, delay=delay, receptor=neuron.told, name="pull"
        )
        self.projection = self.net.connect(
            pre, post, one_to_one(), weight=w0, delay=delay, receptor=neuron.heard, plasticity=rule, name="plastic",
            **held(self.net, rule, level),
        )  # fmt: skip
        self.fired = self.net.record(post, "spikes") if reads(rule) else None

    def _source(self, name: str, trains: Sequence[np.ndarray], earlier: int) -> Any:
        """A population that fires at the steps of the trains, `earlier` steps before."""
        index = np.repeat(np.arange(len(trains)), [t.size for t in trains])
        stamps = np.concatenate([np.zeros(0, np.int64), *trains]) + self.origin - earlier
        order = np.lexsort((index, stamps))  # the engine sorts at every run, which costs little where all is sorted
        spikes = SpikeSource(index=index[order], time=stamps[order] * self.step)
        return self.net.add_population(name, spikes, len(trains))

    def run_to(self, step: int) -> None:
        """Advance until everything has happened that happens up to this step of the trains."""
        self.net.run((self.origin + step - self.net.step) * self.step, progress=False)

    @property
    def weight(self) -> np.ndarray:
        """Weight of each synapse now, float64 [synapses]."""
        return np.asarray(self.projection.weight)

    def variable(self, name: str) -> np.ndarray:
        """A variable of each synapse now, float64 [synapses]."""
        return np.asarray(self.projection.variable(name))


@dataclass(frozen=True)
class Conditions:
    """Under which all synapses of an experiment are measured: see `conditions`."""

    w0: float
    step: float
    wait: int  # steps from the last spike to the look at the weight
    level: float
    seed: int


def conditions(
    name: str,
    rule: Any,
    times: np.ndarray,
    *,
    w0: object,
    wait: object,
    level: object,
    resolution: object,
    seed: object,
) -> Conditions:
    """Check what the experiments have in common; `times` (ms) must lie on the grid."""
    step = grid_of(name, times, resolution, fine=bool(reads(rule)))
    if wait is None:
        memory = max((value_of(one, tau) for one in parts(rule) for tau in _decays(one)), default=0.0)
        wait = max(100.0, 10.0 * memory if third_factor(rule) else 0.0)
    return Conditions(
        w0=start_weight(name, rule, w0), step=step, level=check_number(f"{name}(level)", level),
        wait=max(1, round(check_not_negative(f"{name}(wait)", wait, "ms") / step)), seed=check_count(f"{name}(seed)", seed),
    )  # fmt: skip


def change_after(rule: Any, trains: Sequence[Pair], at: Conditions) -> tuple[np.ndarray, np.ndarray]:
    """Change of the weight by each pair of trains, `at.wait` steps after the last spike of all; and its standard error.

    Rules that draw random numbers are measured on many synapses each, others on one.  float64 [trains] both.
    """
    copies = COPIES if is_random(rule) else 1
    every = [pair for pair in trains for _ in range(copies)]
    start = np.resize(bounds(rule), len(every)) if two_valued(rule) else np.full(len(every), at.w0)
    bench = Bench(rule, every, w0=start, step=at.step, level=at.level, seed=at.seed)
    last = max((int(t.max()) for pair in trains for t in pair if t.size), default=0)
    bench.run_to(last + at.wait)
    if bench.fired is not None:
        check_fired(rule, bench.fired.count, sum(pair[1].size for pair in every))
    change = (bench.weight - start).reshape(len(trains), copies)
    error = change.std(axis=1, ddof=1) / math.sqrt(copies) if copies > 1 else np.zeros(len(trains))
    return change.mean(axis=1), error


def is_random(rule: Any) -> bool:
    """Whether a rule draws random numbers at its events."""
    mechanisms = [getattr(one, "mechanism", None) for one in parts(rule)]
    return any("uniform" in arguments_of(f) for m in mechanisms if m is not None for f in m.functions.values())


def two_valued(rule: Any) -> bool:
    """Whether weights of a rule are at one of its bounds, so that half of the synapses begin at each."""
    return any(type(one).__name__ in TWO_VALUED for one in parts(rule))


def at_bound(rule: Any, w0: float, change: np.ndarray) -> np.ndarray:
    """Whether weights have ended on a bound of the rule, bool."""
    low, high = bounds(rule)
    return np.asarray(((w0 + change <= low) | (w0 + change >= high)) & (not is_random(rule)))


def _decays(rule: Any) -> list[Any]:
    """Time constants of the variables of a rule (ms, or names of parameters)."""
    variables = getattr(getattr(rule, "mechanism", None), "variables", ())
    return [variable.tau for _, variable in variables if variable.tau is not None]


@dataclass(frozen=True)
class Neuron:
    """A postsynaptic neuron that fires when told: its model, its two receptors, and the weight that makes it fire at once."""

    model: Any
    told: str
    heard: str
    pull: float


def neuron_for(name: str, rule: Any) -> Neuron:
    """A puppet, or for rules that read a voltage a neuron that has one; refuses rules that read something else."""
    wanted = reads(rule)
    if not wanted:
        return Neuron(Puppet(), "told", "heard", 1.0)
    from neurosim.neurons.clopath import AdExClopath

    known = AdExClopath.physics.state
    if not wanted <= set(known):
        raise ParameterError(
            f"lab.{name}(rule): {title_of(rule)} reads {', '.join(sorted(wanted - set(known)))} of the postsynaptic neuron, that of "
            f"the laboratory (AdExClopath) has {', '.join(known)}; measure it in a network with a neuron of its own"
        )
    return Neuron(AdExClopath(), "delta", "delta", PULL)


def check_fired(rule: Any, seen: int, told: int) -> None:
    """Refuse experiments in which a neuron with a voltage did not fire when told, or fired by itself."""
    if seen != told:
        raise ParameterError(
            f"lab: {title_of(rule)} reads a voltage, and its neuron (AdExClopath) fired {seen:,} times instead of {told:,}: it cannot "
            f"fire again within 2 ms, and weights of many mV make it fire; take spikes further apart, or smaller weights"
        )


def reads(rule: Any) -> set[str]:
    """State variables of the postsynaptic neuron that a rule reads."""
    found: set[str] = set()
    for one in parts(rule):
        mechanism = getattr(one, "mechanism", None)
        event = getattr(mechanism, "post_event", None)
        names = list(getattr(mechanism, "reads", ()))
        if mechanism is not None and event is not None:
            names += [n for n in arguments_of(event) if n not in (*mechanism.parameters, "dt")]
        found |= {n.removeprefix("late_") for n in names}
    return found


def repeats_of(name: str, rule: Any, given: object) -> int:
    """How often a pattern is played: as given, or 60 times as in the experiments, for rules that read a voltage 5 times."""
    return check_count(name, (FEW if reads(rule) else MANY) if given is None else given, least=1)


def third_factor(rule: Any) -> bool:
    """Whether a rule needs a modulator."""
    return any(getattr(getattr(one, "mechanism", None), "third_factor", None) is not None for one in parts(rule))


def held(net: Network, rule: Any, above: float) -> dict[str, Any]:
    """What `connect` needs beside a rule: a modulator that stays `above` the baseline, if the rule has a third factor."""
    if not third_factor(rule):
        return {}
    baseline = next(float(getattr(one, "baseline", 0.0)) for one in parts(rule) if third_factor(one))
    modulator = net.add_population("modulator", Modulator(tau=FOREVER), 1)
    modulator.level = baseline + above
    return {"modulator": modulator}


def check_rule(name: str, rule: Any) -> None:
    """Refuse what is no rule of a synapse, and rules whose neuron the bench does not have."""
    label = f"lab.{name}(rule)"
    for one in parts(rule):
        if isinstance(one, type):
            raise ParameterError(f"{label}: {one.__name__} is a class; make a rule: ns.lab.{name}(ns.{one.__name__}())")
        if hasattr(one, "advance") and hasattr(one, "every"):
            raise ParameterError(
                f"{label}: {type(one).__name__} is a process that acts on a whole network (net.add); the laboratory measures rules "
                f"of single synapses, those of net.connect(plasticity=...)"
            )
        if getattr(one, "mechanism", None) is None and not hasattr(one, "functions"):
            raise ParameterError(f"{label}: must be a plasticity rule such as ns.PairSTDP(), got {one!r}")
    if not parts(rule):
        raise ParameterError(f"{label}: got an empty list; give a rule such as ns.PairSTDP()")
    neuron_for(name, rule)


def parts(rule: Any) -> tuple[Any, ...]:
    """The rules of which a plasticity consists: a list of them, a composition, or itself."""
    if isinstance(rule, list | tuple):
        return tuple(rule)
    return tuple(getattr(rule, "rules", (rule,)))


def sees(rule: Any) -> str:
    """Whether the synapse sees spikes when they are fired ("spikes") or a dendritic delay later ("delay")."""
    return str(getattr(parts(rule)[0], "sees", "delay"))


def bounds(rule: Any) -> tuple[float, float]:
    """(w_min, w_max) that all parts of a rule allow."""
    low = max(float(getattr(one, "w_min", -math.inf)) for one in parts(rule))
    high = min(float(getattr(one, "w_max", math.inf)) for one in parts(rule))
    return low, high


def start_weight(name: str, rule: Any, w0: object) -> float:
    """The weight given, or the middle of the bounds; with one infinite bound 1 away from the other, with two 1."""
    low, high = bounds(rule)
    if w0 is None:
        if math.isfinite(low) and math.isfinite(high):
            return 0.5 * (low + high)
        return low + 1.0 if math.isfinite(low) else high - 1.0 if math.isfinite(high) else 1.0
    weight = check_number(f"{name}(w0)", w0)
    if not low <= weight <= high:
        raise ParameterError(
            f"{name}(w0): must lie within the bounds of the rule, {low:g} ... {high:g}, got {weight:g}"
        )
    return weight


def title_of(rule: Any) -> str:
    """Name of a rule, or of several together."""
    return " + ".join(title(one) for one in parts(rule))


def deviation(seen: np.ndarray, expected: np.ndarray) -> str:
    """How far measurement and formula lie apart, in words."""
    known = np.isfinite(expected)
    if not known.any():
        return "no formula known"
    return f"largest deviation from the formula {np.abs(seen - expected)[known].max():.2g}"
