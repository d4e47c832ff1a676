"""Homeostatic structural plasticity: neurons grow synaptic elements while they fire too little, and retract them above."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_finite_array, check_not_negative, check_number, check_positive, check_probability
from neurosim.errors import NeurosimWarning, ParameterError
from neurosim.structural.calcium import Calcium
from neurosim.structural.partners import PartnerRule, pair_elements

if TYPE_CHECKING:
    from neurosim.network import Network


#: A number for all neurons, or a function of their uids (int64 array) that gives one number each.
PerNeuron = float | Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class LinearGrowth:
    """dz/dt = rate (1 - r / target): elements grow below the target rate and retract above, integrated exactly.

    Parameters
    ----------
    rate : float, or function of uids
        Elements per second at r = 0; negative: elements grow above the target and retract below.
    target : float, or function of uids
        Hz.
    """

    rate: PerNeuron
    target: PerNeuron

    def __post_init__(self) -> None:
        if not callable(self.rate):
            check_number("LinearGrowth.rate", self.rate, "1/s")
        if not callable(self.target):
            check_positive("LinearGrowth.target", self.target, "Hz")

    def grown(self, elapsed: float, integral: np.ndarray, uid: np.ndarray) -> np.ndarray:
        """Elements grown in `elapsed` ms, given the integral of the rate over them (Hz ms), of the neurons `uid`."""
        rate = per_neuron("LinearGrowth.rate", self.rate, uid)
        target = per_neuron("LinearGrowth.target", self.target, uid)
        if (target <= 0).any():
            raise ParameterError(
                f"LinearGrowth.target: must be positive (Hz), got {target[target <= 0][0]:g} for neuron {uid[target <= 0][0]}"
            )
        return rate * 1e-3 * (elapsed - integral / target)


def per_neuron(name: str, value: PerNeuron, uid: np.ndarray) -> np.ndarray:
    """`value` for each of the neurons `uid`, float64 [neurons]."""
    return check_finite_array(name, value(uid) if callable(value) else value, uid.size)


class HomeostaticGrowth:
    """Synapses form and vanish so that neurons fire at their target rate (Butz & van Ooyen 2013).

    Each source neuron has axonal elements z, each target neuron dendritic elements; both follow the growth curve, driven
    by a trace r of the neuron's firing over `tau_calcium`.  Every `every` ms: neurons with more synapses than floor(z)
    lose the surplus, chosen at random, first by their axonal, then by their dendritic elements; then vacant axonal and
    dendritic elements are paired (`partner`), autapses and parallel synapses only if the projection allows them; what
    stays vacant decays.  Synapses that exist are adopted as elements, so the projection may start with any wiring.

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
    pre, post : LinearGrowth, optional
        Curves of their own for axonal and dendritic elements.
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

    Attributes
    ----------
    rate : float64 [neurons of both populations]
        The trace (Hz), ascending uid as in `neurons`.

    References
    ----------
    Butz & van Ooyen (2013) PLoS Comput. Biol. 9:e1003259; Diaz-Pier et al. (2016) Front. Neuroanat. 10:57 (NEST).
    """

    def __init__(
        self, projection: Any, target_rate: PerNeuron = 5.0, every: float = 100.0, *, growth_rate: float = 1.0, tau_calcium: float = 1000.0,
        pre: LinearGrowth | None = None, post: LinearGrowth | None = None, rate_at_start: PerNeuron = 0.0, vacant: float = 0.0, vacant_decay: float = 0.1,
        partner: PartnerRule | None = None, weight: Any = None, delay: Any = None, in_flight: str = "drop",
    ) -> None:  # fmt: skip
        parts = (
            [projection]
            if hasattr(projection, "has_edge")
            else list(projection)
            if hasattr(projection, "__iter__")
            else []
        )
        if not parts or not all(hasattr(p, "has_edge") for p in parts):
            raise ParameterError(
                f"HomeostaticGrowth(projection): needs projections as net.connect gives them, got {projection!r}"
            )
        self.projection = projection
        self._parts = parts
        self.every = check_positive("HomeostaticGrowth.every", every, "ms")
        if not callable(target_rate):
            check_positive("HomeostaticGrowth.target_rate", target_rate, "Hz")
        self.tau_calcium = check_positive("HomeostaticGrowth.tau_calcium", tau_calcium, "ms")
        self.pre = pre or LinearGrowth(growth_rate, target_rate)
        self.post = post or LinearGrowth(growth_rate, target_rate)
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
        self.name = "HomeostaticGrowth"
        if self.every > self.tau_calcium / 5:
            import warnings

            warnings.warn(
                f"HomeostaticGrowth.every: {self.every:g} ms is long beside tau_calcium = {self.tau_calcium:g} ms, the network may oscillate; "
                f"take every={self.tau_calcium / 10:g}", NeurosimWarning, stacklevel=2,
            )  # fmt: skip

    def start(self, net: "Network") -> None:
        """Adopt the synapses that exist."""
        self.calcium = Calcium(self.tau_calcium, net.dt, net.step)
        self.uid_pre, self.uid_post = self._uids("source"), self._uids("target")
        self._trace_all()
        self.z_pre = self._degree("pre") + self.vacant
        self.z_post = self._degree("post") + self.vacant

    def reset(self, net: "Network") -> None:
        """Start anew with the synapses that exist."""
        self.start(net)

    @property
    def parts(self) -> list[Any]:
        """The projections that still exist."""
        return [p for p in self._parts if p.alive]

    @property
    def neurons(self) -> np.ndarray:
        """Uids of all source and target neurons, ascending."""
        return self.calcium.uid

    @property
    def rate(self) -> np.ndarray:
        return self.calcium.rate

    def _uids(self, side: str) -> np.ndarray:
        """Uids of all sources or targets, ascending."""
        parts = self.parts
        if len(parts) == 1:
            return np.asarray(getattr(parts[0], side).uid)
        populations = {id(population): population for population in (getattr(p, side) for p in parts)}
        return np.unique(
            np.concatenate([np.zeros(0, np.int64), *[population.uid for population in populations.values()]])
        )

    def _degree(self, side: str) -> np.ndarray:
        """Synapses of each source ("pre") or target ("post") over all projections."""
        return np.asarray(sum(self._degrees(side)))

    def _degrees(self, side: str) -> list[np.ndarray]:
        """The same for each projection, int64 [neurons of that side]."""
        uid = self.uid_pre if side == "pre" else self.uid_post
        out = []
        for p in self.parts:
            own, degree = (p.source.uid, p.out_degree()) if side == "pre" else (p.target.uid, p.in_degree())
            whole = np.zeros(uid.size, np.int64)
            whole[np.searchsorted(uid, own)] = degree
            out.append(whole)
        return out

    def _follow(self) -> None:
        """Neurons may have come or gone since the last update."""
        for side, end in (("pre", "source"), ("post", "target")):
            old, uid = getattr(self, f"uid_{side}"), self._uids(end)
            if not np.array_equal(uid, old):
                setattr(self, f"uid_{side}", uid)
                z = self._degree(side) + self.vacant
                _, new, kept = np.intersect1d(uid, old, return_indices=True)
                z[new] = getattr(self, f"z_{side}")[kept]
                setattr(self, f"z_{side}", z)
        self._trace_all()

    def _trace_all(self) -> None:
        """Follow all neurons; new ones begin with `rate_at_start`."""
        known = self.calcium.uid
        self.calcium.follow(np.union1d(self.uid_pre, self.uid_post))
        new = ~np.isin(self.calcium.uid, known)
        if new.any():
            self.calcium.rate[new] = per_neuron(
                "HomeostaticGrowth.rate_at_start", self.rate_at_start, self.calcium.uid[new]
            )

    def observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Advance the trace and the elements by the spikes since the last update."""
        elapsed = (net.step - self.calcium.step) * net.dt
        self._follow()
        integral = self.calcium.observe(net.step, stamp, uid)
        at_pre = np.searchsorted(self.calcium.uid, self.uid_pre)
        at_post = np.searchsorted(self.calcium.uid, self.uid_post)
        self.z_pre = np.maximum(self.z_pre + self.pre.grown(elapsed, integral[at_pre], self.uid_pre), 0.0)
        self.z_post = np.maximum(self.z_post + self.post.grown(elapsed, integral[at_post], self.uid_post), 0.0)

    def advance(self, net: "Network") -> None:
        """One update of the wiring."""
        parts = self.parts
        if not parts:
            return
        name = "+".join(p.name for p in parts)
        for side in ("pre", "post"):
            self._retract(net, parts, name, side)
        free_pre = np.maximum(np.floor(self.z_pre).astype(np.int64) - self._degree("pre"), 0)
        free_post = np.maximum(np.floor(self.z_post).astype(np.int64) - self._degree("post"), 0)
        rng = net.rng("growth", name)
        pre, post = pair_elements(
            np.repeat(self.uid_pre, free_pre), np.repeat(self.uid_post, free_post), self.partner, rng
        )
        for p in parts:
            mine = np.isin(pre, p.source.uid) & np.isin(post, p.target.uid)
            ours_pre, ours_post = allowed_pairs(p, pre[mine], post[mine])
            if ours_pre.size:
                p.insert(ours_pre, ours_post, weight=self.weight, delay=self.delay, rule=self.name)
            pre, post = pre[~mine], post[~mine]
        if self.vacant_decay:
            self.z_pre -= self.vacant_decay * np.maximum(np.floor(self.z_pre) - self._degree("pre"), 0)
            self.z_post -= self.vacant_decay * np.maximum(np.floor(self.z_post) - self._degree("post"), 0)

    def _retract(self, net: "Network", parts: list[Any], name: str, side: str) -> None:
        """Remove the synapses that neurons have above the elements of one side, at random over all projections."""
        degrees = self._degrees(side)
        z, uid = (self.z_pre, self.uid_pre) if side == "pre" else (self.z_post, self.uid_post)
        surplus = np.maximum(sum(degrees) - np.floor(z).astype(np.int64), 0)
        if not surplus.any():
            return
        rng = net.rng("growth", name, side)
        rest = np.asarray(sum(degrees))
        for k, (p, degree) in enumerate(zip(parts, degrees, strict=True)):
            rest = rest - degree
            share = surplus if k == len(parts) - 1 else rng.hypergeometric(degree, rest, surplus)
            surplus, hit = surplus - share, share > 0
            if hit.any():
                sample = p.sample_out if side == "pre" else p.sample_in
                sample(uid[hit], share[hit], net.key("growth", p.name, side)).remove(
                    rule=self.name, in_flight=self.in_flight
                )

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        names = ("z_pre", "z_post", "uid_pre", "uid_post")
        own = {name: getattr(self, name) for name in names}
        return own | {"uid": self.calcium.uid, "rate": self.calcium.rate, "step": np.array([self.calcium.step])}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        for name in ("z_pre", "z_post", "uid_pre", "uid_post"):
            setattr(self, name, np.array(arrays[name]))
        self.calcium.uid, self.calcium.rate = np.array(arrays["uid"]), np.array(arrays["rate"])
        self.calcium.step = int(arrays["step"][0])

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        return {
            "projection": self.projection if len(self._parts) == 1 else self.parts, "every": self.every, "tau_calcium": self.tau_calcium, "pre": self.pre, "post": self.post,
            "rate_at_start": self.rate_at_start,
            "vacant": self.vacant, "vacant_decay": self.vacant_decay, "partner": self.partner, "weight": self.weight,
            "delay": self.delay, "in_flight": self.in_flight,
        }  # fmt: skip

    def __repr__(self) -> str:
        target = "per neuron" if callable(self.post.target) else f"{self.post.target:g} Hz"
        return f"HomeostaticGrowth({'+'.join(p.name for p in self.parts)!r}, target {target}, every {self.every:g} ms)"


def allowed_pairs(projection: Any, pre: np.ndarray, post: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Those pairs that the projection may join: no autapse, no parallel synapse unless it allows them."""
    if pre.size == 0:
        return pre, post
    fine = np.ones(pre.size, np.bool_)
    if not projection.autapses:
        fine &= pre != post
    if not projection.parallel:
        first = np.zeros(pre.size, np.bool_)
        first[np.unique(np.stack([pre, post]), axis=1, return_index=True)[1]] = True
        fine &= first & ~projection.has_edge(pre, post)
    return pre[fine], post[fine]
