"""A recurrent network whose assemblies outlast hours by tagging and capture, and are recalled from a part (Luboeinski & Tetzlaff 2021).

Knows populations, the rule `TaggingCapture` and the clock; nothing of stores or patterns of other parts.  What is remembered
stands in the early and late weights; Python knows which cells somebody stimulated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim import wiring
from neurosim.checks import (
    check_count,
    check_not_negative,
    check_number,
    check_positive,
    names_checked,
    settle,
    steps_of,
)
from neurosim.errors import ParameterError, WiringError
from neurosim.learning.tagging import TaggingCapture
from neurosim.memory.attaching import found, listened
from neurosim.neurons.lif import LIFExp
from neurosim.stimuli import OrnsteinUhlenbeck

if TYPE_CHECKING:
    from neurosim.network import Network
    from neurosim.stimulating import StimulusHandle

RESISTANCE = 10.0  # MOhm: 1 mV of the authors is 100 pA here
NEVER = 1e12  # a threshold of protein synthesis that no neuron reaches
PULSE = 100.0  # ms, each pulse of a stimulus
TRIPLET = (0.0, 500.0, 1000.0)  # ms, begins of the pulses for learning
#: The rates of a recall are those of the 500 ms around the end of its pulse, as the authors read them.
BEFORE, AFTER = 150.0, 250.0
KEPT = 2.0 * (PULSE + BEFORE + AFTER)  # ms for which spikes are kept for reading
SLOW, FAST = 500.0, 10.0  # ms between passes of the rule: in the background, and near a stimulus
SETTLE = 1000.0  # ms that the network runs at either end of a jump


@names_checked
@dataclass(frozen=True, kw_only=True)
class Assembly:
    """Parameters of a `TaggedNetwork`; defaults are those of the authors' programs.

    Parameters
    ----------
    n_exc, n_inh : int
        Excitatory and inhibitory cells.
    p : float
        Chance that a cell has a synapse onto another.
    h0 : float
        Weight (mV, of the input V_psp of tau_m dV/dt = -(V - V_rest) + V_psp) of an excitatory synapse at rest.
    w_ei, w_ie, w_ii : float
        Weights exc -> inh, inh -> exc and inh -> inh, in units of h0.
    mean, sd : float
        Background current of each cell (pA): Ornstein-Uhlenbeck with the time constant of the synapses.
    inputs, rate : float
        A stimulus is the diffusion of `inputs` Poisson trains of `rate` Hz with a charge of h0 s / R each, which drives
        cells to their highest rate.
    c_pre, c_post : float
        Calcium of a pre- and of a postsynaptic spike.
    noise : float
        Of the early phase, in units of h0.

    References
    ----------
    Luboeinski & Tetzlaff (2021) Commun. Biol. 4:275; values from the configuration files of the authors' public programs
    (jlubo/arbor_network_consolidation, jlubo/brian_network_plasticity), which agree.
    """

    n_exc: int = 1600
    n_inh: int = 400
    p: float = 0.1
    h0: float = 4.20075
    w_ei: float = 2.0
    w_ie: float = 4.0
    w_ii: float = 4.0
    mean: float = 150.0
    sd: float = 500.0
    inputs: float = 25.0
    rate: float = 100.0
    c_pre: float = 0.6
    c_post: float = 0.1655
    noise: float = 2.90436 / 4.20075

    def __post_init__(self) -> None:
        for name in ("n_exc", "n_inh"):
            check_count(f"Assembly.{name}", getattr(self, name), least=1)
        settle(self, "h0", check_positive, "mV")
        settle(self, "mean", check_number, "pA")
        settle(self, "sd", check_not_negative, "pA")
        for name in ("w_ei", "w_ie", "w_ii", "inputs", "rate", "c_pre", "c_post", "noise"):
            settle(self, name, check_not_negative)
        wiring.random(self.p)


@dataclass(frozen=True)
class Completion:
    """What a network did when a part of an assembly was stimulated.

    Attributes
    ----------
    rates : float64 [n_exc]
        Of each excitatory cell in the 500 ms around the end of the pulse (Hz).
    inhibition : float
        Mean rate of the inhibitory cells (Hz).
    """

    rates: np.ndarray
    inhibition: float

    def quality(self, cue: ArrayLike, members: ArrayLike) -> float:
        """Q = (rate of members without cue - rate of the others) / rate of the cued: 0 without completion, 1 if it is perfect.

        Parameters
        ----------
        cue, members : int [cells]
            Places of the cells that were cued, and of the whole assembly.
        """
        of_cue, of_rest, of_others = self.groups(cue, members)
        return (of_rest - of_others) / of_cue if of_cue else 0.0

    def groups(self, cue: ArrayLike, members: ArrayLike) -> tuple[float, float, float]:
        """Mean rates (Hz) of the cued, of the members without a cue, and of the others."""
        cued, member = np.zeros(self.rates.size, np.bool_), np.zeros(self.rates.size, np.bool_)
        cued[np.asarray(cue)] = True
        member[np.asarray(members)] = True
        groups = [self.rates[mask] for mask in (cued, member & ~cued, ~member & ~cued)]
        if not all(one.size for one in groups):
            raise ParameterError(
                f"Completion.quality(cue, members): needs cells that are cued, members that are not, and others, got "
                f"{', '.join(str(one.size) for one in groups)}; for example cue=members[: len(members) // 2]"
            )
        first, second, third = (float(one.mean()) for one in groups)
        return first, second, third


class TaggedNetwork:
    """Excitatory and inhibitory cells at random, with tagging and capture at the synapses among the excitatory ones.

    A strong stimulus makes its cells an assembly: early weights grow and are tagged; with the proteins that these cells then
    make, the tags capture late weights within hours.  Adds populations ``<name>.exc`` and ``<name>.inh``, four projections,
    background currents, two recorders (the last second), and the rule as a process.

    Near stimuli the network runs spike by spike; hours between them are jumped over: early weights, tags, proteins and late
    weights are solved in closed form, so 8 h take seconds.  Background firing (a fraction of a Hz, below the thresholds of
    calcium) is left out there, as in the authors' programs.

    Parameters
    ----------
    net : Network
        The authors have dt=0.2.
    name : str
    parameters : Assembly, optional

    Attributes
    ----------
    exc, inh : Population
    synapses : Projection
        Those with tagging and capture.
    rule : TaggingCapture

    Notes
    -----
    Integrated exactly, where the authors take Euler steps; weights follow h and z every 10 ms near a stimulus, every 500 ms else.

    Examples
    --------
    >>> import numpy as np
    >>> import neurosim as ns
    >>> memory = TaggedNetwork(ns.Network(dt=0.2, seed=1), parameters=Assembly(n_exc=80, n_inh=20))
    >>> memory.learn(np.arange(20))
    >>> within = memory.mean_weights(np.arange(20))["within"]
    >>> within[0] > 1.3  # early weights have grown, late ones not yet
    True
    >>> within[1] < 0.01
    True
    """

    def __init__(self, net: Network, *, name: str = "stc", parameters: Assembly | None = None) -> None:
        self._describe(net, name, parameters)
        p = self.parameters
        model = LIFExp(
            tau_m=10.0, c_m=1e4 / RESISTANCE, e_l=-65.0, v_th=-55.0, v_reset=-70.0, t_ref=2.0 + net.dt, tau_exc=5.0, tau_inh=5.0
        )  # fmt: skip
        self.exc = net.add_population(f"{name}.exc", model, p.n_exc)
        self.inh = net.add_population(f"{name}.inh", model, p.n_inh)
        wires = {}
        for pre, post, weight in (
            (self.exc, self.exc, 1.0), (self.exc, self.inh, p.w_ei), (self.inh, self.exc, -p.w_ie), (self.inh, self.inh, -p.w_ii)
        ):  # fmt: skip
            wires[pre, post] = net.connect(pre, post, wiring.random(p.p), weight=weight * self.unit, delay=3.0)
        self.synapses = wires[self.exc, self.exc]
        for population in (self.exc, self.inh):
            net.stimulate(population, OrnsteinUhlenbeck(sd=p.sd, tau=5.0, mean=p.mean))
        self.rule = net.add(
            TaggingCapture(self.synapses, every=SLOW, h0=self.unit, c_pre=p.c_pre, c_post=p.c_post, noise=p.noise)
        )
        self._spikes = [net.record(one, ring=KEPT) for one in (self.exc, self.inh)]
        self._threshold = self.rule.theta_pro

    @classmethod
    def attach(cls, net: Network, *, name: str = "stc", parameters: Assembly | None = None) -> TaggedNetwork:
        """The memory of this name in a network that has one already, as after `ns.load`; arguments as when it was made."""
        self = cls.__new__(cls)
        self._describe(net, name, parameters)
        sizes = {"exc": self.parameters.n_exc, "inh": self.parameters.n_inh}
        self.exc, self.inh = found(net, "TaggedNetwork", name, sizes)
        self.synapses = net.projections[f"{self.exc.name}->{self.exc.name}"]
        self.rule = rule_of(net, self.synapses)
        self._spikes = [listened(net, one, KEPT) for one in (self.exc, self.inh)]
        self._threshold = self.rule.theta_pro if self.rule.theta_pro < NEVER else 0.5
        return self

    def _describe(self, net: Network, name: str, parameters: Assembly | None) -> None:
        self.net, self.name, self.parameters = net, name, parameters or Assembly()
        self.unit = self.parameters.h0 * 1e3 / RESISTANCE  # pA

    @property
    def proteins(self) -> bool:
        """Whether neurons make proteins; False blocks the synthesis (as anisomycin does)."""
        return self.rule.theta_pro < NEVER

    @proteins.setter
    def proteins(self, value: bool) -> None:
        self.rule.theta_pro = self._threshold if value else NEVER

    # ---- what a user does --------------------------------------------------------------------------------------------

    def learn(self, members: ArrayLike) -> None:
        """Stimulate these cells (places) with three pulses of 100 ms, 500 ms apart, from now on; takes 1.5 s of the network."""
        cells, start = self._cells("learn(members)", members), self.net.now
        pulses = [self._pulse(cells, start + begin) for begin in TRIPLET]
        self._run_fast(TRIPLET[-1] + PULSE, pulses)
        self._run(TRIPLET[1] - PULSE)

    def rest(self, duration: float) -> None:
        """Let `duration` ms pass: spike by spike up to some seconds, else a second at either end and the rest in one jump."""
        steps_of(f"{self.name}.rest(duration)", duration, self.net.dt)
        if duration <= 20.0 * SETTLE:
            self._run(duration)
            return
        self._run(SETTLE)
        self.rule.fast_forward(duration - 2.0 * SETTLE)
        self._run(SETTLE)

    def recall(self, cue: ArrayLike) -> Completion:
        """Stimulate these cells (places) for 100 ms, beginning in 150 ms, and see who fires; takes 500 ms of the network.

        Synapses learn from a recall as from everything else: `net.store` and `net.restore` take it back.
        """
        cells, start = self._cells("recall(cue)", cue), self.net.now
        pulse = self._pulse(cells, start + BEFORE)
        self._run(BEFORE)
        self._run_fast(PULSE + AFTER, [pulse])
        length = self.net.now - start
        counts = []
        for recorder, population in zip(self._spikes, (self.exc, self.inh), strict=True):
            fresh = recorder.t > start
            counts.append(np.bincount(recorder.index[fresh], minlength=len(population)) * 1e3 / length)
        return Completion(counts[0].astype(np.float64), float(counts[1].mean()))

    def mean_weights(self, members: ArrayLike) -> dict[str, tuple[float, float]]:
        """Mean early weight h / h0 and late weight z, of the synapses within an assembly, from it, onto it, and among the others."""
        member = np.zeros(len(self.exc), np.bool_)
        member[self._cells("mean_weights(members)", members)] = True
        edges = self.synapses.edges()
        uid = self.exc.uid
        pre, post = member[np.searchsorted(uid, edges.pre)], member[np.searchsorted(uid, edges.post)]
        h, z = self.rule.early(self.synapses), self.rule.late(self.synapses)
        groups = {"within": pre & post, "from": pre & ~post, "onto": ~pre & post, "others": ~pre & ~post}
        return {
            name: (float(h[mask].mean()), float(z[mask].mean())) if mask.any() else (float("nan"), float("nan"))
            for name, mask in groups.items()
        }

    def _cells(self, what: str, places: ArrayLike) -> np.ndarray:
        cells = np.asarray(places)
        if cells.dtype == np.bool_ and cells.shape == (len(self.exc),):
            cells = np.flatnonzero(cells)
        whole = cells.ndim == 1 and cells.size and np.issubdtype(cells.dtype, np.integer)
        if not whole or cells.min() < 0 or cells.max() >= len(self.exc) or np.unique(cells).size < cells.size:
            raise ParameterError(
                f"{self.name}.{what}: needs places 0 ... {len(self.exc) - 1} of excitatory cells, each once, got {places!r}; "
                "for example np.arange(150)"
            )
        return cells.astype(np.int64)

    def _pulse(self, cells: np.ndarray, start: float) -> StimulusHandle:
        """A current as of many Poisson trains, for 100 ms."""
        many = self.parameters.inputs * self.parameters.rate
        sd = float(np.sqrt(many / (2.0 * 5e-3))) * self.unit
        return self.net.stimulate(
            self.exc[cells], OrnsteinUhlenbeck(sd=sd, tau=5.0, mean=many * self.unit, start=start, stop=start + PULSE)
        )

    def _run(self, duration: float) -> None:
        self.rule.every = SLOW
        self.net.run(duration)

    def _run_fast(self, duration: float, pulses: list[StimulusHandle]) -> None:
        self.rule.every = FAST
        try:
            self.net.run(duration)
        finally:
            self.rule.every = SLOW
            for pulse in pulses:
                pulse.remove()

    def __repr__(self) -> str:
        blocked = "" if self.proteins else ", no protein synthesis"
        return f"TaggedNetwork({self.name!r}: {len(self.exc)} + {len(self.inh)} cells{blocked})"


def rule_of(net: Network, projection: Any) -> TaggingCapture:
    """The rule that tags the synapses of a projection in a network that was loaded."""
    for process in net.processes:
        if isinstance(process, TaggingCapture) and any(part is projection for part in process.parts):
            return process
    raise WiringError(
        f"{projection.name!r} has no TaggingCapture in its network; add one: net.add(ns.TaggingCapture(net.projections[{projection.name!r}]))"
    )


@dataclass(frozen=True)
class Consolidated:
    """Recall qualities of one network: each the mean of `repeats` recalls from the same state at slightly different times.

    Attributes
    ----------
    fresh, later, blocked : float64 [repeats]
        Q after `short`, after `long`, and after `long` with protein synthesis blocked since learning.
    rates : dict of str to (float, float, float, float)
        Mean rates (Hz) of cued, other members, others, and inhibitory cells under each of the three.
    """

    fresh: np.ndarray
    later: np.ndarray
    blocked: np.ndarray
    rates: dict[str, tuple[float, float, float, float]]


def consolidate(
    seed: int, *, parameters: Assembly | None = None, size: int = 150, before: float = 2000.0, short: float = 10e3, long: float = 8 * 3600e3,
    repeats: int = 3,
) -> Consolidated:  # fmt: skip
    """Teach a network an assembly, and recall it with half of its cells after `short` and after `long`, with and without proteins.

    Parameters
    ----------
    seed : int
        Of the network: its wiring and its noise.
    size : int
        Cells of the assembly.
    before, short, long : float
        ms: background before learning, and from the begin of learning to the recalls.
    repeats : int
        Recalls of each kind, all from the same state but with other noise: each begins 600 ms later than the one before.
    """
    from neurosim.network import Network

    memory = TaggedNetwork(Network(dt=0.2, seed=seed), parameters=parameters)
    members = np.arange(size)
    cue, net = members[: size // 2], memory.net
    net.run(before)
    memory.learn(members)
    net.store("learnt")
    q, rates = [], {}
    for name, delay, proteins in (("fresh", short, True), ("later", long, True), ("blocked", long, False)):
        net.restore("learnt")
        memory.proteins = proteins
        memory.rest(delay - 1500.0 - BEFORE)
        seen = []
        for _ in range(repeats):
            net.store("now")
            seen.append(memory.recall(cue))
            net.restore("now")
            net.run(600.0)
        memory.proteins = True
        q.append(np.array([one.quality(cue, members) for one in seen]))
        means = np.mean([(*one.groups(cue, members), one.inhibition) for one in seen], axis=0)
        rates[name] = (float(means[0]), float(means[1]), float(means[2]), float(means[3]))
    return Consolidated(q[0], q[1], q[2], rates)
