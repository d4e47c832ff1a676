"""Homeostatic structural plasticity: neurons grow synaptic elements while they fire too little, and retract them above."""

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_not_negative, check_positive, check_probability
from neurosim.errors import NeurosimWarning, ParameterError
from neurosim.process import joined
from neurosim.structural.calcium import Calcium
from neurosim.structural.curves import GrowthCurve, LinearGrowth, PerNeuron
from neurosim.structural.elements import Elements, check_curve, trace_all, trace_and_grow
from neurosim.structural.partners import PartnerRule, pair_elements

if TYPE_CHECKING:
    from neurosim.network import Network

SIDES = ("pre", "post")


class HomeostaticGrowth:
    """Synapses form and vanish so that neurons fire at their target rate (Butz & van Ooyen 2013).

    Each source neuron has axonal elements z, each target neuron dendritic elements; both follow a growth curve, driven by a
    trace r of the neuron's firing over `tau_calcium`.  Every `every` ms: neurons with more synapses than floor(z) lose the
    surplus, chosen at random, first by their axonal, then by their dendritic elements; then vacant axonal and dendritic
    elements are paired (`partner`); what stays vacant decays.  Pairs that the projection does not allow (an autapse, a
    parallel synapse) are shuffled among themselves once more, and stay vacant if that does not help.  Synapses that exist
    are adopted as elements, so the projection may start with any wiring, of any plasticity.

    Parameters
    ----------
    projection : Projection, ProjectionGroup or list of projections
        Several projections share their elements: an axonal element finds its partner in any population that the neuron
        projects to, and a neuron loses surplus synapses from all of them alike.  Of a projection made between views, all
        neurons of the two populations take part; a partner rule can give pairs outside the views the weight 0.
    target_rate : float, or function of uids
        Hz; used by both curves unless they are given.
    every : float
        ms between updates; keep it well below tau_calcium.
    growth_rate : float
        Elements per second of a silent neuron.
    tau_calcium : float
        ms.
    pre, post : LinearGrowth, GaussianGrowth, SigmoidGrowth or Elements, optional
        Curves of their own for axonal and dendritic elements; or a type of elements that several processes share, which
        brings its own `start`, `decay`, `tau_calcium` and `rate_at_start`.
    rate_at_start : float, or function of uids
        What the trace of a neuron begins with (Hz); 0 is a neuron that has been silent.
    vacant : float
        Vacant elements of each neuron at the start.
    vacant_decay : float
        Share of the vacant elements that is lost at each update.
    partner : function, optional
        f(pre, post) -> weights of uid arrays; default uniform.  See `ns.structural.by_distance`.
    weight, delay : optional
        Of new synapses; default those given to `connect`.
    in_flight : {"drop", "deliver"}
    nest_compat : bool
        Grow as NEST 3.10 does: forward Euler at every dt for the Gaussian and sigmoid curves, z at least 0 after every
        spike; a pair that is not allowed stays vacant at once.  By default growth is integrated between spikes by
        Gauss-Legendre nodes, to 1e-10 of what ever smaller steps converge to (the linear curve exactly), and z is kept
        from falling below 0 at updates.

    Attributes
    ----------
    neurons : int64 [neurons of both populations]
        Ascending uids.
    rate, calcium : float64 [neurons of both populations]
        The trace in Hz, and as NEST's Ca = rate * tau_calcium * 1e-6 (0.001 for each spike).
    uid_pre, uid_post : int64
        Ascending uids of the sources and of the targets.
    z_pre, z_post : float64
        Elements of each.
    bound_pre, bound_post : int64
        Synapses of each, in all processes that share the type.
    vacant_pre, vacant_post : int64
        floor(z) - bound; negative: synapses too many, which go at the next update.

    Examples
    --------
    Vacant elements over time, every second:

    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> pop = net.add_population("pop", ns.LIF(), 20)
    >>> synapses = net.connect(pop, pop, ns.random(0.2), weight=0.1)
    >>> growth = net.add(ns.HomeostaticGrowth(synapses, target_rate=5.0, every=100.0))
    >>> kept = []
    >>> watch = net.add(ns.Callback(lambda net: kept.append(growth.vacant_pre.sum()), every=1000.0))

    References
    ----------
    Butz & van Ooyen (2013) PLoS Comput. Biol. 9:e1003259; Diaz-Pier et al. (2016) Front. Neuroanat. 10:57 (NEST).
    """

    def __init__(
        self, projection: Any, target_rate: PerNeuron = 5.0, every: float = 100.0, *, growth_rate: float = 1.0, tau_calcium: float = 1000.0,
        pre: GrowthCurve | Elements | None = None, post: GrowthCurve | Elements | None = None, rate_at_start: PerNeuron = 0.0, vacant: float = 0.0,
        vacant_decay: float = 0.1, partner: PartnerRule | None = None, weight: Any = None, delay: Any = None, in_flight: str = "drop",
        nest_compat: bool = False,
    ) -> None:  # fmt: skip
        self.projection = projection
        self._parts = projections_of(projection)
        self.every = check_positive("HomeostaticGrowth.every", every, "ms")
        if not callable(target_rate):
            check_positive("HomeostaticGrowth.target_rate", target_rate, "Hz")
        self.tau_calcium = check_positive("HomeostaticGrowth.tau_calcium", tau_calcium, "ms")
        self.rate_at_start = (
            rate_at_start
            if callable(rate_at_start)
            else check_not_negative("HomeostaticGrowth.rate_at_start", rate_at_start, "Hz")
        )
        self.vacant = check_not_negative("HomeostaticGrowth.vacant", vacant)
        self.vacant_decay = check_probability("HomeostaticGrowth.vacant_decay", vacant_decay)
        if partner is not None and not callable(partner):
            raise ParameterError(
                f"HomeostaticGrowth.partner: needs a function f(pre, post) -> weights, got {partner!r}"
            )
        self.partner, self.weight, self.delay, self.in_flight = partner, weight, delay, in_flight
        self.nest_compat = bool(nest_compat)
        self.name = "HomeostaticGrowth"
        self.element_types: dict[str, Elements] = {}
        self._found: list[tuple[int, int]] | None = None  # the vacant ranges that `observe` leaves to `advance`
        for side, given in zip(SIDES, (pre, post), strict=True):
            if isinstance(given, Elements):
                self.element_types[side] = given.taken_as(side)
                continue
            curve = LinearGrowth(growth_rate, target_rate) if given is None else given
            check_curve(f"HomeostaticGrowth.{side}", curve)
            own = (vacant, vacant_decay, self.tau_calcium, self.rate_at_start, self.nest_compat)
            self.element_types[side] = Elements(curve, *own).taken_as(side, owner=self)
        self._warn_if_slow()

    def _warn_if_slow(self) -> None:
        tau = min(one.tau_calcium for one in self.element_types.values())
        if self.every > tau / 5:
            import warnings

            warnings.warn(
                f"HomeostaticGrowth.every: {self.every:g} ms is long beside tau_calcium = {tau:g} ms, the network may oscillate; "
                f"take every={tau / 10:g}", NeurosimWarning, stacklevel=3,
            )  # fmt: skip

    # ---- life --------------------------------------------------------------------------------------------------------

    def start(self, net: "Network") -> None:
        """Adopt the synapses that exist."""
        calcium = Calcium(self.tau_calcium, net.dt, net.step)
        for one in self.element_types.values():
            if one.owner is None and one.network is net and one.calcium is not None:
                others = [net._pending[id(p)] for p in one.users(net) if p is not self]
                stamp, uid = joined(others[0] if others else [])
                trace_and_grow(net, [one], stamp, uid)
                one.adopt(net, self)
            else:
                one.begin(net, self, calcium if one.owner is self else None)
        for trace, types in self._traces():
            trace_all(trace, types)

    def reset(self, net: "Network") -> None:
        """Start anew with the synapses that exist."""
        for one in self.element_types.values():
            one.network = None
        self.start(net)

    def _traces(self) -> list[tuple[Calcium, list[Elements]]]:
        """The traces, each with the types that it drives."""
        pre, post = self.element_types["pre"], self.element_types["post"]
        assert pre.calcium is not None and post.calcium is not None
        return (
            [(pre.calcium, [pre, post])]
            if pre.calcium is post.calcium
            else [(pre.calcium, [pre]), (post.calcium, [post])]
        )

    # ---- reading -----------------------------------------------------------------------------------------------------

    @property
    def parts(self) -> list[Any]:
        """The projections that still exist."""
        return [p for p in self._parts if p.alive]

    @property
    def pre(self) -> GrowthCurve | Elements:
        """Curve of the axonal elements, settable; or the shared type."""
        return self._curve("pre")

    @pre.setter
    def pre(self, curve: GrowthCurve) -> None:
        self.element_types["pre"].curve = check_curve("HomeostaticGrowth.pre", curve)

    @property
    def post(self) -> GrowthCurve | Elements:
        """Curve of the dendritic elements, settable; or the shared type."""
        return self._curve("post")

    @post.setter
    def post(self, curve: GrowthCurve) -> None:
        self.element_types["post"].curve = check_curve("HomeostaticGrowth.post", curve)

    def _curve(self, side: str) -> GrowthCurve | Elements:
        one = self.element_types[side]
        return one.curve if one.owner is self else one

    @property
    def neurons(self) -> np.ndarray:
        """Uids of all source and target neurons, ascending."""
        traces = self._traces()
        return traces[0][0].uid if len(traces) == 1 else np.union1d(self.uid_pre, self.uid_post)

    @property
    def rate(self) -> np.ndarray:
        return self._traced(1.0, 1.0)

    @property
    def calcium(self) -> np.ndarray:
        return self._traced(*(1e-6 * trace.tau for trace, _ in self._traces()))

    def _traced(self, *factors: float) -> np.ndarray:
        """The trace of each of `neurons`, times the factor of the type that it belongs to."""
        traces, factors = self._traces(), factors[: len(self._traces())]
        if len(traces) == 1:
            return traces[0][0].rate * factors[0]
        out = np.zeros(self.neurons.size)
        for (trace, _), factor in zip(traces[::-1], factors[::-1], strict=True):
            own = np.isin(trace.uid, self.neurons)
            out[np.searchsorted(self.neurons, trace.uid[own])] = trace.rate[own] * factor
        return out

    def _uids(self, side: str) -> np.ndarray:
        """Uids of our own sources or targets, ascending."""
        one = self.element_types[side]
        if one.owner is self or one.network is None:
            return one.uid
        end = "source" if side == "pre" else "target"
        own = [one.uid[:0], *(getattr(p, end).uid for p in self.parts)]
        return np.intersect1d(one.uid, np.concatenate(own))

    def _own(self, side: str, values: np.ndarray) -> np.ndarray:
        """Those values of a type that belong to our own neurons."""
        one = self.element_types[side]
        return values if one.owner is self else values[one.place[self._uids(side)]]

    @property
    def uid_pre(self) -> np.ndarray:
        return self._uids("pre")

    @property
    def uid_post(self) -> np.ndarray:
        return self._uids("post")

    @property
    def z_pre(self) -> np.ndarray:
        return self._own("pre", self.element_types["pre"].z)

    @property
    def z_post(self) -> np.ndarray:
        return self._own("post", self.element_types["post"].z)

    @property
    def bound_pre(self) -> np.ndarray:
        return self._own("pre", self._bound("pre")).copy()

    @property
    def bound_post(self) -> np.ndarray:
        return self._own("post", self._bound("post")).copy()

    @property
    def vacant_pre(self) -> np.ndarray:
        return np.floor(self.z_pre).astype(np.int64) - self.bound_pre

    @property
    def vacant_post(self) -> np.ndarray:
        return np.floor(self.z_post).astype(np.int64) - self.bound_post

    def _bound(self, side: str) -> np.ndarray:
        one = self.element_types[side]
        one.follow(one.network)
        return one.bound(one.network)

    # ---- one update --------------------------------------------------------------------------------------------------

    def observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Advance the traces and the elements by the spikes since the last update."""
        self._found = [one for _, types in self._traces() for one in trace_and_grow(net, types, stamp, uid)]

    def advance(self, net: "Network") -> None:
        """One update of the wiring."""
        parts, found, self._found = self.parts, self._found, None
        if not parts:
            return
        name = "+".join(p.name for p in parts)
        types = [self.element_types[side] for side in SIDES]
        ranges = found or [one.vacant_range(net) for one in types]
        for k, one in enumerate(types):
            if ranges[k][0] < 0:
                self._retract(net, name, one)
                ranges[1 - k] = types[1 - k].vacant_range(
                    net
                )  # of its own only the smallest has changed, which is done
        if all(most > 0 for _, most in ranges):
            pre, post = (self._free(net, one) for one in types)
            rng = net.rng("growth", name)
            for _ in range(1 if self.nest_compat else 2):
                pre, post = pair_elements(pre, post, self.partner, rng)
                pre, post = self._join(parts, pre, post)
                if pre.size < 2:  # one pair cannot be shuffled
                    break
        for one, (_, most) in zip(types, ranges, strict=True):
            if most > 0 and one.is_last(net, self):
                one.lose(net)

    def _free(self, net: "Network", one: Elements) -> np.ndarray:
        """Uid of each vacant element of our own neurons."""
        vacant = one.vacant(net)
        some = np.flatnonzero(vacant > 0)
        if one.owner is not self:
            some = some[is_among(one.uid[some], self._uids(one.side))]
        return np.repeat(one.uid[some], vacant[some])

    def _join(self, parts: list[Any], pre: np.ndarray, post: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Make synapses of these pairs; return those that no projection joins."""
        for p in parts:
            if not pre.size:
                break
            fine = np.ones(pre.size, np.bool_)
            if len(parts) > 1:
                fine = is_among(pre, p.source.uid) & is_among(post, p.target.uid)
            fine[fine] = p.insert_allowed(pre[fine], post[fine], weight=self.weight, delay=self.delay, rule=self.name)
            if fine.any():
                self._count(p, pre[fine], post[fine], 1)
                pre, post = pre[~fine], post[~fine]
        return pre, post

    def _retract(self, net: "Network", name: str, one: Elements) -> None:
        """Remove synapses of neurons that have more than elements of one type, at random over all projections."""
        parts, vacant = one.parts(net), one.vacant(net)
        some = np.flatnonzero(vacant < 0)
        uid, surplus = one.uid[some], -vacant[some]
        degrees = [one.bound(net)[some]] if len(parts) == 1 else [degree[some] for degree in one.degrees(parts)]
        rest = np.asarray(sum(degrees))
        for k, (p, degree) in enumerate(zip(parts, degrees, strict=True)):
            rest, share = rest - degree, surplus
            if k < len(parts) - 1:
                share = net.rng("growth", p.name, name, one.side).hypergeometric(degree, rest, surplus)
            surplus, hit = surplus - share, share > 0
            if hit.any():
                sample = p.sample_out if one.side == "pre" else p.sample_in
                edges = sample(uid[hit], share[hit], net.key("growth", p.name, one.side))
                edges.remove(rule=self.name, in_flight=self.in_flight)
                self._count(p, edges.pre, edges.post, -1)

    def _count(self, p: Any, pre: np.ndarray, post: np.ndarray, by: int) -> None:
        """Both types have more or fewer synapses."""
        self.element_types["pre"].count(p, pre, by)
        self.element_types["post"].count(p, post, by)

    # ---- saving ------------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return {f"{side}/{name}": a for side, one in self.element_types.items() for name, a in one.arrays().items()}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        for side, one in self.element_types.items():
            one.set_arrays({n.removeprefix(f"{side}/"): a for n, a in arrays.items() if n.startswith(f"{side}/")})

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        return {
            "projection": self.projection if len(self._parts) == 1 else self.parts, "every": self.every, "tau_calcium": self.tau_calcium, "pre": self.pre, "post": self.post,
            "rate_at_start": self.rate_at_start,
            "vacant": self.vacant, "vacant_decay": self.vacant_decay, "partner": self.partner, "weight": self.weight,
            "delay": self.delay, "in_flight": self.in_flight, "nest_compat": self.nest_compat,
        }  # fmt: skip

    def __repr__(self) -> str:
        curve = self.element_types["post"].curve
        target = getattr(curve, "target", None)
        said = (
            type(curve).__name__
            if target is None
            else "target per neuron"
            if callable(target)
            else f"target {target:g} Hz"
        )
        return f"HomeostaticGrowth({'+'.join(p.name for p in self.parts)!r}, {said}, every {self.every:g} ms)"


def projections_of(given: Any) -> list[Any]:
    """The projections that a user names, one or several."""
    parts = [given] if hasattr(given, "has_edge") else list(given) if hasattr(given, "__iter__") else []
    if not parts or not all(hasattr(p, "has_edge") for p in parts):
        raise ParameterError(
            f"HomeostaticGrowth(projection): needs projections as net.connect gives them, got {given!r}"
        )
    return parts


def is_among(uid: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Which of these uids are in an ascending list; bool."""
    if not own.size:
        return np.zeros(uid.size, np.bool_)
    if own[-1] - own[0] == own.size - 1:
        return np.asarray((uid >= own[0]) & (uid <= own[-1]))
    place = np.searchsorted(own, uid)
    return np.asarray(own[np.minimum(place, own.size - 1)] == uid)
