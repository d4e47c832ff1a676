"""Synaptic tagging and capture: early changes fade in hours, unless their neuron makes proteins that they can capture.

The model of Luboeinski & Tetzlaff (2021), with the calcium of Graupner & Brunel (2012) and the constants of Li et al. (2016).
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_not_negative, check_number, check_positive, names_checked, steps_of
from neurosim.errors import ParameterError
from neurosim.learning import weights
from neurosim.learning.passes import ProjectionPass, find, kept
from neurosim.process import joined

if TYPE_CHECKING:
    from neurosim.network import Network

Z_MIN, Z_MAX = -0.5, 1.0
#: What a synapse keeps: early weight in units of h0, late weight, calcium, weight as last written, step of birth.
KEPT = ("h", "z", "calcium", "written", "born")
POSITIVE = {
    "h0": "", "tau_calcium": "ms", "theta_p": "", "theta_d": "", "tau_h": "ms", "h_max": "", "theta_tag": "", "theta_pro": "",
    "tau_p": "ms", "tau_z": "ms",
}  # fmt: skip
NOT_NEGATIVE = {
    "c_pre": "",
    "c_post": "",
    "calcium_delay": "ms",
    "gamma_p": "",
    "gamma_d": "",
    "fading": "",
    "noise": "",
}


@dataclass
class Held:
    """The synapses of one projection: what they keep, in the order of its edges, and who they are."""

    projection: Any
    version: int = -1
    ident: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    h: np.ndarray = field(default_factory=lambda: np.zeros(0))
    z: np.ndarray = field(default_factory=lambda: np.zeros(0))
    calcium: np.ndarray = field(default_factory=lambda: np.zeros(0))
    written: np.ndarray = field(default_factory=lambda: np.zeros(0))
    born: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    edges: Any = None
    at_pre: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    at_post: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    nth: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))

    def follow(self, h0: float, clock: int) -> None:
        """Synapses may have come or gone, and weights may have been set; a newborn begins with its weight as early weight."""
        p = self.projection
        self.edges = edges = p.edges()
        if p.version != self.version:
            ident = p.number(edges)
            order = np.argsort(self.ident)
            place, there = find(self.ident[order], ident)
            old = {name: getattr(self, name)[order[place]] for name in KEPT}
            self.h, self.z, self.calcium = edges.weight / h0, np.zeros(len(edges)), np.zeros(len(edges))
            self.written, self.born = edges.weight.copy(), np.full(len(edges), clock)
            for name in KEPT:
                getattr(self, name)[there] = old[name]
            self.ident, self.version = np.array(ident), p.version
            self.at_pre, self.at_post = weights.ends(p, edges, "pre"), weights.ends(p, edges, "post")
            self.nth = p.nth(edges) if p.parallel else np.zeros(len(edges), np.int64)
        self.h += (edges.weight - self.written) / h0  # what others changed since
        self.written = edges.weight.copy()

    def write(self, h0: float) -> None:
        """Set the weights to h + h0 z, within the bounds."""
        if len(self.edges):
            low, high = weights.limits(self.projection, self.edges)
            self.edges.set_weight(np.clip((self.h + self.z) * h0, low, high))
        self.written = weights.stored(self.projection, self.edges)
        self.edges = None  # large, and only good for one pass


@names_checked
class TaggingCapture(ProjectionPass):
    """Early-phase weight h by calcium, tag, protein synthesis and late-phase weight z; the total weight is h + h0 z.

    Calcium of a synapse: + c_pre `calcium_delay` after each presynaptic spike, + c_post at each postsynaptic one, decaying
    with tau_calcium.  With T = 1 where its condition holds, else 0 ::

        tau_h dh/dt = fading (h0 - h) + gamma_p (h_max - h) T(c > theta_p) - gamma_d h T(c > theta_d) + noise
        tau_p dp/dt = -p + T(sum of |h - h0| over the neuron's synapses > theta_pro h0)
        tau_z dz/dt = p (1 - z) T(h - h0 > theta_tag h0) - p (z + 1/2) T(h0 - h > theta_tag h0)

    h and c are solved exactly from event to event.  p and z are solved exactly while the calcium of all synapses of a neuron
    is below theta_d, tags and synthesis ending at the right moment; else tags and synthesis are those at the last pass, an
    error of `every` beside tau_p.  So hours without spikes may be jumped over: see `fast_forward`.

    Parameters
    ----------
    projection : Projection, ProjectionGroup or list of projections
        The synapses of several projections onto a neuron share its proteins.
    every : float
        ms between passes.
    h0 : float
        Weight of a synapse at rest (unit of the weights); negative for inhibitory ones.
    tau_calcium, calcium_delay : float
        ms.
    c_pre, c_post : float
        Of a single synapse; in networks the authors take 0.6 and 0.1655.
    theta_p, theta_d : float
        Thresholds of calcium.
    tau_h, tau_p, tau_z : float
        ms.
    fading, gamma_p, gamma_d : float
        So an early change fades with tau_h / fading = 6884 s.
    h_max : float
        In units of h0: where potentiation alone would lead; 10 mV / 4.20075 mV.
    theta_tag, theta_pro : float
        In units of h0.
    noise : float
        sigma in sqrt(tau_h n) sigma xi, n the number of the two conditions on calcium that hold; in units of h0.  The
        authors' program has 2.90436 mV, 0.691 h0.  0 by default, which makes the rule deterministic.

    Attributes
    ----------
    uid, protein : [target neurons]
        Ascending uid, and p.

    Notes
    -----
    A weight that something else changes (another rule, the user) counts as a change of h.  `net.reset` keeps h, z and p, as
    it keeps weights, and clears the calcium.

    References
    ----------
    Luboeinski & Tetzlaff (2021) Commun. Biol. 4:275 (constants from the authors' published programs, which agree); Li,
    Kulvicius & Tetzlaff (2016) PLoS ONE 11:e0161679; Graupner & Brunel (2012) PNAS 109:3991.

    Examples
    --------
    >>> import numpy as np
    >>> import neurosim as ns
    >>> net = ns.Network(dt=0.2, seed=1)
    >>> times = 5.0 + 10.0 * np.arange(100)
    >>> pre = net.add_population("pre", ns.SpikeSource(index=np.zeros(100, int), time=times), 1)
    >>> post = net.add_population("post", ns.LIF(v_th=float("inf")), 1)
    >>> wire = net.connect(pre, post, ns.one_to_one(), weight=4.20075)
    >>> rule = net.add(ns.TaggingCapture(wire, every=100.0))
    >>> net.run(1100.0)
    >>> bool(rule.early(wire)[0] > 1.5)
    True
    >>> rule.fast_forward(8 * 3600e3)
    >>> bool(wire.weight[0] > 1.5 * 4.20075)
    True
    """

    shown = ("projection", "every", *POSITIVE, *NOT_NEGATIVE)

    def __init__(
        self, projection: Any, every: float = 100.0, *, h0: float = 4.20075, tau_calcium: float = 48.8, calcium_delay: float = 18.8,
        c_pre: float = 1.0, c_post: float = 0.2758, theta_p: float = 3.0, theta_d: float = 1.2, tau_h: float = 688_400.0,
        fading: float = 0.1, gamma_p: float = 1645.6, gamma_d: float = 313.1, h_max: float = 10.0 / 4.20075, theta_tag: float = 0.2,
        theta_pro: float = 0.5, tau_p: float = 3_600_000.0, tau_z: float = 3_600_000.0, noise: float = 0.0,
    ) -> None:  # fmt: skip
        given = dict(locals())
        self._take(projection)
        self.every = check_positive("TaggingCapture.every", every, "ms")
        for names, check in ((POSITIVE, check_positive), (NOT_NEGATIVE, check_not_negative)):
            checked: Callable[..., float] = check
            for name, unit in names.items():
                checker = check_number if name == "h0" else checked
                setattr(self, name, checker(f"TaggingCapture.{name}", given[name], unit))
        self.h0: float
        if self.h0 == 0:
            raise ParameterError("TaggingCapture.h0: must not be 0, it is the unit of h; for example h0=4.20075")
        if given["theta_p"] < given["theta_d"]:
            raise ParameterError(
                f"TaggingCapture.theta_p: must be at least theta_d = {theta_d:g}, got {theta_p:g}; for example theta_p=3.0, theta_d=1.2"
            )
        if given["fading"] == 0:
            raise ParameterError("TaggingCapture.fading: must be positive, got 0; for example fading=0.1")
        self._law = (
            self.tau_calcium, self.theta_p, self.theta_d, self.tau_h, self.fading, self.gamma_p, self.gamma_d, self.h_max, self.noise
        )  # fmt: skip

    tau_calcium: float
    calcium_delay: float
    c_pre: float
    c_post: float
    theta_p: float
    theta_d: float
    tau_h: float
    fading: float
    gamma_p: float
    gamma_d: float
    h_max: float
    theta_tag: float
    theta_pro: float
    tau_p: float
    tau_z: float
    noise: float

    # ---- the process ------------------------------------------------------------------------------------------------

    def start(self, net: "Network") -> None:
        """Take the present weights as early weights."""
        self._check_network(net)
        self.network = net
        self._lag = steps_of("TaggingCapture.calcium_delay", self.calcium_delay, net.dt)
        self.clock = net.step  # in steps; ahead of the network by what was jumped over
        self.skipped = 0
        self.late_step, self.late_uid = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self.uid, self.protein = np.zeros(0, np.int64), np.zeros(0)
        self._seen = None
        self._held = []
        for p in self._parts:
            self._held.append(Held(p))
        self._follow(self.clock)

    def reset(self, net: "Network") -> None:
        """The clock begins anew; early and late weights and proteins stay."""
        self.clock, self.skipped = net.step, 0
        self.late_step, self.late_uid = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._follow(self.clock)
        for one in self._living():
            one.calcium[:] = 0.0
            one.born[:] = self.clock

    def _living(self) -> list[Held]:
        return [one for one in self._held if one.projection.alive]

    def _follow(self, now: int) -> None:
        """Neurons and synapses may have come or gone; newborns begin at step `now`."""
        if self._edited():
            uid = self.neurons("target")
            self.protein = kept(uid, self.uid, self.protein, 0.0)
            self.uid = uid
        for one in self._living():
            one.follow(self.h0, now)

    def observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Advance all synapses and proteins by the spikes since the last pass."""
        end = net.step + self.skipped
        self._follow(end)
        self._move(end, stamp + self.skipped, uid)

    def advance(self, net: "Network") -> None:
        """Write the weights."""
        for one in self._living():
            one.write(self.h0)

    def _move(self, end: int, stamp: np.ndarray, uid: np.ndarray) -> None:
        """Advance to step `end` with these spikes and those still on their way to the calcium."""
        from neurosim.kernels import learning

        begin, dt = self.clock, self.network.dt
        if end == begin:
            return
        elapsed, tau_back = (end - begin) * dt, self.tau_h / self.fading
        step, sender = np.concatenate([self.late_step, stamp + self._lag]), np.concatenate([self.late_uid, uid])
        arrived = step <= end
        self.late_step, self.late_uid = step[~arrived], sender[~arrived]
        change, n = np.zeros(self.uid.size), self.uid.size
        busy, held = np.zeros(n, np.bool_), self._living()
        work = []
        for one in held:
            at = find(self.uid, one.projection.target.uid)[0][one.at_post]
            learning.change_of(at, one.h, change)
            before, own = one.h.copy(), np.zeros(at.size, np.bool_)
            self._early(one, begin, end, (step[arrived], sender[arrived]), (stamp, uid), own)
            learning.flag(at, own, busy)
            work.append((one, at, before, own))
        made = np.zeros(n)
        learning.synthesise(elapsed, change, busy, self.theta_pro, tau_back, made)
        for one, at, before, own in work:
            learning.capture(
                elapsed, at, before, own, made, self.protein, self.theta_tag, tau_back, self.tau_p, self.tau_z, Z_MIN, Z_MAX, one.z
            )  # fmt: skip
        learning.keep_protein(elapsed, made, self.tau_p, self.protein)
        self.clock = end

    def _early(
        self, one: Held, begin: int, end: int, pre: tuple[np.ndarray, np.ndarray], post: tuple[np.ndarray, np.ndarray], busy: np.ndarray
    ) -> None:  # fmt: skip
        """Advance the early weights and calcium of one projection."""
        from neurosim.kernels.learning import early
        from neurosim.kernels.rng import stream_key

        p, edges = one.projection, one.edges
        first_pre, pre_step = _by_neuron(p.source.uid, *pre)
        first_post, post_step = _by_neuron(p.target.uid, *post)
        key = stream_key(self.network.seed, "tagging", p.name)
        early(
            begin, end, self.network.dt, first_pre, pre_step, first_post, post_step, one.at_pre, one.at_post, one.born,
            one.born + self._lag, self.c_pre, self.c_post, self._law, key, self.noise > 0, edges.pre, edges.post, one.nth, one.h,
            one.calcium, busy,
        )  # fmt: skip

    # ---- what users ask ---------------------------------------------------------------------------------------------

    def early(self, projection: Any) -> np.ndarray:
        """h / h0 of each edge of a projection as of the last pass, in the order of its edges; 1 is rest."""
        return self._of(projection).h.copy()

    def late(self, projection: Any) -> np.ndarray:
        """z of each edge of a projection as of the last pass, in the order of its edges: -1/2 ... 1, 0 is rest."""
        return self._of(projection).z.copy()

    def tagged(self, projection: Any) -> np.ndarray:
        """Tag of each edge as of the last pass: 1 for potentiation, -1 for depression, 0 for none; int64."""
        h = self._of(projection).h - 1.0
        return np.where(np.abs(h) > self.theta_tag, np.sign(h), 0.0).astype(np.int64)

    def _of(self, projection: Any) -> Held:
        for one in self._living():
            if one.projection is projection:
                if one.version != projection.version:  # looking must not write
                    one = replace(one)
                    one.follow(self.h0, self.clock)
                return one
        raise ParameterError(f"TaggingCapture: {projection!r} is not one of its projections; it has {self.subject}")

    def fast_forward(self, duration: float) -> None:
        """Age all synapses and proteins by `duration` ms without a spike, in closed form; the network's clock stands still.

        Calcium that is high and spikes on their way to it run out first, within one small step.  Only this rule ages:
        membranes, other rules and the clock stay as they are, so do it when the network is silent.

        Parameters
        ----------
        duration : float
            ms, on the grid of dt.
        """
        net = self.network
        steps = steps_of("TaggingCapture.fast_forward(duration)", duration, net.dt)
        pending = net._pending.get(id(self), [])
        stamp, uid = joined(pending)
        pending.clear()
        self.observe(net, stamp, uid)
        highest = max([float(one.calcium.max(initial=0.0)) for one in self._living()], default=0.0)
        highest += self.c_pre * self.late_step.size
        settle = self._lag + int(self.tau_calcium * np.log(max(1.0, highest / self.theta_d)) / net.dt) + 1
        begin, nobody = self.clock, np.zeros(0, np.int64)
        for end in (min(settle, steps), steps):
            self._move(begin + end, nobody, nobody)
        self.skipped += steps
        self.advance(net)

    # ---- saving -----------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        own = {"uid": self.uid, "protein": self.protein, "late_step": self.late_step, "late_uid": self.late_uid}
        own["clock"] = np.array([self.clock, self.skipped])
        for k, one in enumerate(self._living()):
            own |= {f"{k}_{name}": getattr(one, name) for name in ("ident", *KEPT)}
        return own

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        for name in ("uid", "protein", "late_step", "late_uid"):
            setattr(self, name, np.array(arrays[name]))
        self.clock, self.skipped = (int(x) for x in arrays["clock"])
        self._held = [Held(p) for p in self.parts]
        self._seen = None
        for k, one in enumerate(self._held):
            for name in ("ident", *KEPT):
                setattr(one, name, np.array(arrays[f"{k}_{name}"]))


def _by_neuron(own: np.ndarray, step: np.ndarray, uid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(first int64 [neurons + 1], steps): neuron i's spikes are steps[first[i]:first[i + 1]], in the order given."""
    place, mine = find(own, uid)
    order = np.argsort(place, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(place, minlength=own.size))]).astype(np.int64)
    return first, step[mine][order]
