"""Cases worked out by hand: when things happen, in which order, and what is left in a weight.  `neurosim check` runs them.

What is expected is a literal; the comment above it says how one gets there with pencil and paper.  Nothing expected is
computed by the engine.  Conventions: step k runs from k dt to (k + 1) dt, and a spike is stamped with the end of its step.
"""

import math
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.network import Network, load
from neurosim.neurons.lif import LIF, LIFExp
from neurosim.neurons.sources import Parrot, SpikeSource
from neurosim.plasticity.pair import PairSTDP
from neurosim.wiring import all_to_all, from_edges

TOLERANCE = 1e-9  # relative, above 1 absolute below: times are whole numbers of steps, voltages are exact solutions


@dataclass(frozen=True)
class Case:
    """One fact: `measure()` gives what the engine does, as a list of numbers."""

    id: str
    says: str
    expected: list[float]
    measure: Callable[[], list[float]]


@dataclass(frozen=True)
class Outcome:
    """What was expected and what was seen; `seen` is a text where the case ended in an error."""

    id: str
    expected: list[float]
    seen: list[float] | str
    ok: bool

    def to_dict(self) -> dict[str, object]:
        """Ready for JSON."""
        return {"id": self.id, "expected": self.expected, "seen": self.seen, "ok": self.ok}


CASES: list[Case] = []


def run_cases() -> list[Outcome]:
    """Run every case; an error in one is its result and does not stop the others."""
    outcomes = []
    for case in CASES:
        try:
            seen: list[float] | str = [round(float(value), 12) for value in case.measure()]
        except Exception as error:
            seen = f"{type(error).__name__}: {error}"
        outcomes.append(Outcome(case.id, case.expected, seen, isinstance(seen, list) and _same(case.expected, seen)))
    return outcomes


def _same(expected: list[float], seen: list[float]) -> bool:
    return len(expected) == len(seen) and all(
        math.isclose(one, two, rel_tol=TOLERANCE, abs_tol=TOLERANCE) for one, two in zip(expected, seen, strict=True)
    )


def _case(says: str, expected: list[float]) -> Callable[[Callable[[], list[float]]], Callable[[], list[float]]]:
    """Make the decorated function a case; its name with dashes is the id."""

    def add(measure: Callable[[], list[float]]) -> Callable[[], list[float]]:
        CASES.append(Case(measure.__name__.replace("_", "-"), says, expected, measure))
        return measure

    return add


# A membrane without leak: 250 pA into 250 pF are 1 mV each ms.
def _integrator(**changes: float) -> LIF:
    return LIF(**({"tau_m": math.inf, "c_m": 250.0, "v_th": 10.0} | changes))


def _sender(net: Network, *times: float, name: str = "source") -> Any:
    return net.add_population(name, SpikeSource(np.zeros(len(times), np.int64), np.array(times)), 1)


# ---- when a neuron fires --------------------------------------------------------------------------------------------


# 10 mV at 1 mV/ms: 80 steps of 0.125 ms, the spike is stamped 10.  Then 2 ms = 16 steps of refractoriness: in the 16th
# step after the spike it integrates again and needs 80 steps as before, so intervals are 15 + 80 = 95 steps = 11.875 ms.
@_case("no leak, constant current: intervals are t_ref - dt + (threshold / slope)", [10.0, 21.875, 33.75])
def constant_current_without_leak() -> list[float]:
    net = Network(dt=0.125)
    spikes = net.record(net.add_population("n", _integrator(i_e=250.0, t_ref=2.0), 1))
    net.run(40.0)
    return list(spikes.t)


# v = 40 mV (1 - exp(-t / 20 ms)) crosses 20 mV at t = 20 ms ln 2 = 13.863 ms, in the step that ends at 13.9 ms.
@_case("leaky membrane: first spike in the step in which the exact solution crosses", [13.9])
def crossing_time_with_leak() -> list[float]:
    net = Network(dt=0.1)
    spikes = net.record(net.add_population("n", LIF(tau_m=20.0, c_m=250.0, v_th=20.0, i_e=500.0), 1))
    net.run(20.0)
    return list(spikes.t)


# v = 20 mV (1 - exp(-t / 20 ms)) at t = 20 ms: 20 (1 - 1/e) = 20 * 0.632120558828558 = 12.64241117657115 mV.
@_case("leaky membrane: the voltage is the exact solution", [12.64241117657115])
def voltage_of_a_constant_current() -> list[float]:
    net = Network(dt=0.1)
    pop = net.add_population("n", LIF(tau_m=20.0, c_m=250.0, v_th=1000.0, i_e=250.0), 1)
    net.run(20.0)
    return list(pop.v)


# A current far above threshold: it fires in the first step (stamp 0.1) and then as soon as it may, every t_ref = 2 ms.
@_case("shortest interval is t_ref", [0.1, 2.1, 4.1, 6.1])
def shortest_interval() -> list[float]:
    net = Network(dt=0.1)
    spikes = net.record(net.add_population("n", LIF(i_e=1e6, t_ref=2.0), 1))
    net.run(7.0)
    return list(spikes.t)


# With t_ref = 0 it fires in every step.
@_case("t_ref = 0: a spike in every step", [0.1, 0.2, 0.3, 0.4])
def no_refractoriness() -> list[float]:
    net = Network(dt=0.1)
    spikes = net.record(net.add_population("n", LIF(i_e=1e6, t_ref=0.0), 1))
    net.run(0.4)
    return list(spikes.t)


# ---- when a spike arrives -------------------------------------------------------------------------------------------


# 1.0 ms + 1.5 ms; 10 mV on a membrane at 0 are exactly the threshold, and v >= v_th fires.
@_case("a spike of 1.0 ms with delay 1.5 ms reaching threshold exactly: fires at 2.5 ms", [2.5])
def delay_and_inclusive_threshold() -> list[float]:
    return _answer([1.0], weight=10.0, delay=1.5)


# 1.0 ms + one step.
@_case("the shortest delay is one step", [1.1])
def delay_of_one_step() -> list[float]:
    return _answer([1.0], weight=10.0, delay=0.1)


# 1.0 ms + 1.3 ms along the axon + 0.7 ms along the dendrite.
@_case("axonal and dendritic delay add up", [3.0])
def axonal_delay_adds() -> list[float]:
    return _answer([1.0], weight=10.0, delay=0.7, axonal_delay=1.3)


# 1.0 + 2.0 = 3.0, then 3.0 + 2.3 = 5.3.
@_case("a chain of two parrots, delays 2.0 and 2.3 ms", [3.0, 5.3])
def parrot_chain() -> list[float]:
    net = Network(dt=0.1)
    first, second = net.add_population("first", Parrot(), 1), net.add_population("second", Parrot(), 1)
    net.connect(_sender(net, 1.0), first, all_to_all(), weight=1.0, delay=2.0)
    net.connect(first, second, all_to_all(), weight=1.0, delay=2.3)
    spikes = net.record([first, second])
    net.run(8.0)
    return list(spikes.t)


# Fires at 2.0 (1.0 + 1.0).  What arrives before 2.0 + t_ref = 7.0 is lost: 5.9 + 1.0 = 6.9 is, 6.0 + 1.0 = 7.0 is not.
@_case("input is lost until exactly t_ref after a spike: at 6.9 ms lost, at 7.0 ms it fires", [2.0, 7.0])
def refractory_border() -> list[float]:
    return _answer([1.0, 5.9, 6.0], weight=10.0, delay=1.0, t_ref=5.0)


# Without leak, 4 mV at 2.0, 3.0 and 4.0 ms: 4, 8, 12 >= 10, so it fires at 4.0.
@_case("three inputs of 4 mV add up to a threshold of 10 mV", [4.0])
def inputs_add_up() -> list[float]:
    return _answer([1.0, 2.0, 3.0], weight=4.0, delay=1.0)


# 250 pA decaying with 10 ms into 250 pF, tau_m 20 ms: v = 20 mV (exp(-t / 20 ms) - exp(-t / 10 ms)), t from the arrival at
# 1.0 + 1.0 = 2.0 ms.  At 12.0 ms: 20 (exp(-1/2) - exp(-1)) = 20 (0.6065306597126334 - 0.3678794411714423).
@_case("an exponential current: the voltage 10 ms after its arrival", [4.773024370823822])
def voltage_of_an_exponential_current() -> list[float]:
    net = Network(dt=0.1)
    model = LIFExp(tau_m=20.0, tau_exc=10.0, c_m=250.0, e_l=0.0, v_reset=0.0, v_th=1000.0)
    pop = net.add_population("n", model, 1)
    net.connect(_sender(net, 1.0), pop, all_to_all(), weight=250.0, delay=1.0)
    net.run(12.0)
    return list(pop.v)


def _answer(
    times: list[float], *, weight: float, delay: float, axonal_delay: float | None = None, t_ref: float = 2.0
) -> list[float]:
    """Spikes of a membrane without leak (threshold 10 mV) that one synapse drives."""
    net = Network(dt=0.1)
    pop = net.add_population("n", _integrator(t_ref=t_ref), 1)
    net.connect(_sender(net, *times), pop, all_to_all(), weight=weight, delay=delay, axonal_delay=axonal_delay)
    spikes = net.record(pop)
    net.run(12.0)
    return list(spikes.t)


# ---- pair STDP ------------------------------------------------------------------------------------------------------
# a_plus = 0.01, a_minus = 0.012, both time constants 20 ms, weight 0.5 at the start, additive.


# Pre 10, post 15: 0.5 + 0.01 exp(-5/20) = 0.5 + 0.01 * 0.7788007830714049.
@_case("pre 5 ms before post potentiates", [0.507788007830714])
def stdp_pre_before_post() -> list[float]:
    return _learnt(pre=10.0, post=15.0, sees="spikes", delay=1.0)


# Post 15, pre 20: 0.5 - 0.012 exp(-5/20) = 0.5 - 0.012 * 0.7788007830714049.
@_case("pre 5 ms after post depresses", [0.4906543906031431])
def stdp_post_before_pre() -> list[float]:
    return _learnt(pre=20.0, post=15.0, sees="spikes", delay=1.0)


# Both fire at 15; neither finds a trace of an earlier spike.
@_case("a coincident pair does not count itself", [0.5])
def stdp_coincident() -> list[float]:
    return _learnt(pre=15.0, post=15.0, sees="spikes", delay=1.0)


# The delay of 2 ms is dendritic: the postsynaptic spike is back at the synapse at 17, 7 ms after the presynaptic one:
# 0.5 + 0.01 exp(-7/20) = 0.5 + 0.01 * 0.7046880897187134.
@_case("dendritic delay: the synapse sees the post spike 2 ms later", [0.5070468808971871])
def stdp_dendritic_delay() -> list[float]:
    return _learnt(pre=10.0, post=15.0, sees="delay", delay=2.0)


# The delay of 2 ms is axonal: the presynaptic spike reaches the synapse at 12, 3 ms before the postsynaptic one:
# 0.5 + 0.01 exp(-3/20) = 0.5 + 0.01 * 0.8607079764250578.
@_case("axonal delay: the synapse sees the pre spike 2 ms later", [0.5086070797642506])
def stdp_axonal_delay() -> list[float]:
    return _learnt(pre=10.0, post=15.0, sees="delay", delay=None, axonal_delay=2.0)


def _learnt(
    *, pre: float, post: float, sees: str, delay: float | None, axonal_delay: float | None = None
) -> list[float]:
    """The weight after one spike on each side."""
    net = Network(dt=0.1)
    source, teacher = _sender(net, pre), _sender(net, post - 1.0, name="teacher")
    pop = net.add_population("n", _integrator(), 1)
    net.connect(teacher, pop, all_to_all(), weight=100.0, delay=1.0)
    rule = PairSTDP(a_plus=0.01, a_minus=0.012, tau_plus=20.0, tau_minus=20.0, sees=sees)
    learning = net.connect(
        source, pop, all_to_all(), weight=0.5, delay=delay, axonal_delay=axonal_delay, plasticity=rule
    )
    net.run(30.0)
    return list(learning.weight)


# ---- a graph that changes -------------------------------------------------------------------------------------------


# The spike of 1.0 ms would arrive at 4.0; its synapse goes at 2.0, so nothing arrives: no spike, v = 0.
@_case("a removed synapse delivers nothing, not even what was on its way", [0.0, 0.0])
def removed_in_flight() -> list[float]:
    return _in_flight("drop")


# The same with in_flight="deliver": 5 mV arrive at 4.0 (below the threshold of 10).
@_case("unless it is asked to deliver what it had sent", [0.0, 5.0])
def removed_but_delivers() -> list[float]:
    return _in_flight("deliver")


def _in_flight(what: str) -> list[float]:
    net = Network(dt=0.1)
    pop = net.add_population("n", _integrator(), 1)
    synapses = net.connect(_sender(net, 1.0), pop, all_to_all(), weight=5.0, delay=3.0)
    spikes = net.record(pop)
    net.run(2.0)
    synapses.remove([0], in_flight=what)
    net.run(4.0)
    return [spikes.count, *pop.v]


# Spikes of 1.0 and 3.0 ms, delay 2; the synapse is born at 2.0, so it carries only the second: at 5.0, not at 3.0.
@_case("a newborn synapse carries no spike from before its birth", [5.0])
def newborn_synapse() -> list[float]:
    net = Network(dt=0.1)
    source, pop = _sender(net, 1.0, 3.0), net.add_population("n", _integrator(), 1)
    other = net.add_population("other", _integrator(), 1)
    net.connect(source, other, all_to_all(), weight=10.0, delay=2.0)
    synapses = net.connect(source, pop, all_to_all(), weight=10.0, delay=2.0)
    synapses.remove([0])
    spikes = net.record(pop)
    net.run(2.0)
    synapses.insert(source.uid, pop.uid)
    net.run(6.0)
    return list(spikes.t)


# Parallel synapses of 1, 2 and 3 mV; the one of 2 mV goes; the spike brings 1 + 3 = 4 mV.
@_case("of three parallel synapses exactly the one that is meant is removed", [1.0, 3.0, 4.0])
def one_of_three_parallel() -> list[float]:
    net = Network(dt=0.1)
    pop = net.add_population("n", _integrator(), 1)
    edges = from_edges(([0, 0, 0], [0, 0, 0], [1.0, 2.0, 3.0]))
    synapses = net.connect(_sender(net, 1.0), pop, edges, delay=1.0, parallel=True)
    synapses.synapse(int(synapses.pre[0]), int(synapses.post[0]), nth=1).remove()
    net.run(3.0)
    return [*synapses.weight, *pop.v]


# Five neurons 0 ... 4; 1 and 4 go, two come: they are 5 and 6, since a uid is never used again.
@_case("uids are never used again", [0, 2, 3, 5, 6])
def uids_stay() -> list[float]:
    net = Network(dt=0.1)
    pop = net.add_population("n", LIF(), 5)
    pop.remove([1, 4])
    pop.add(2)
    return list(pop.uid)


# ---- saving, going back, cutting ------------------------------------------------------------------------------------


# The spike of 1.0 ms with delay 3 is on its way when the network is saved at 2.0; it arrives at 4.0 in the loaded one.
@_case("a spike in flight survives save and load", [2.0, 4.0])
def saved_in_flight() -> list[float]:
    net = Network(dt=0.1)
    pop = net.add_population("n", _integrator(), 1)
    net.connect(_sender(net, 1.0), pop, all_to_all(), weight=10.0, delay=3.0)
    net.record(pop)
    net.run(2.0)
    with tempfile.TemporaryDirectory() as folder:
        net.save(str(Path(folder) / "saved"))
        again = load(str(Path(folder) / "saved"))
    begin = again.now
    again.run(4.0)
    return [begin, *again.recorders[0].t]


# Pre 10, post 15, as above, but saved and loaded between the two spikes.
@_case("a pair whose spikes lie on both sides of a save", [0.507788007830714])
def saved_between_a_pair() -> list[float]:
    net = Network(dt=0.1)
    source, teacher = _sender(net, 10.0), _sender(net, 14.0, name="teacher")
    pop = net.add_population("n", _integrator(), 1)
    net.connect(teacher, pop, all_to_all(), weight=100.0, delay=1.0)
    net.connect(source, pop, all_to_all(), weight=0.5, delay=1.0, plasticity=PairSTDP(sees="spikes"), name="learning")
    net.run(12.0)
    with tempfile.TemporaryDirectory() as folder:
        net.save(str(Path(folder) / "saved"))
        net = load(str(Path(folder) / "saved"))
    net.run(18.0)
    return list(net.projections["learning"].weight)


# Stored at 2.0, then run on (it fires at 4.0); back at 2.0 it fires at 4.0 once more.
@_case("restore goes back, and the same future follows", [4.0, 2.0, 4.0])
def restored() -> list[float]:
    net = Network(dt=0.1)
    pop = net.add_population("n", _integrator(), 1)
    net.connect(_sender(net, 1.0), pop, all_to_all(), weight=10.0, delay=3.0)
    spikes = net.record(pop)
    net.run(2.0)
    net.store()
    net.run(4.0)
    seen = list(spikes.t)
    net.restore()
    seen.append(net.now)
    net.run(4.0)
    return [*seen, *spikes.t]


# As `constant_current_without_leak`, cut at 9.875 (a step before the first spike), 10 and 21 ms.
@_case("a run cut into pieces is the same run", [10.0, 21.875, 33.75])
def cut_into_pieces() -> list[float]:
    net = Network(dt=0.125)
    spikes = net.record(net.add_population("n", _integrator(i_e=250.0, t_ref=2.0), 1))
    for piece in (9.875, 0.125, 11.0, 19.0):
        net.run(piece)
    return list(spikes.t)
