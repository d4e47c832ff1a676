"""Homeostatic structural plasticity: neurons grow synaptic elements while they fire too little, and retract them above."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_not_negative, check_number, check_positive
from neurosim.errors import NeurosimWarning, ParameterError
from neurosim.structural.calcium import Calcium
from neurosim.structural.partners import PartnerRule, pair_elements

if TYPE_CHECKING:
    from neurosim.network import Network


@dataclass(frozen=True)
class LinearGrowth:
    """dz/dt = rate (1 - r / target): elements grow below the target rate and retract above, integrated exactly.

    Parameters
    ----------
    rate : float
        Elements per second at r = 0.
    target : float
        Hz.
    """

    rate: float
    target: float

    def __post_init__(self) -> None:
        check_number("LinearGrowth.rate", self.rate, "1/s")
        check_positive("LinearGrowth.target", self.target, "Hz")

    def grown(self, elapsed: float, integral: np.ndarray) -> np.ndarray:
        """Elements grown in `elapsed` ms, given the integral of the rate over them (Hz ms)."""
        return self.rate * 1e-3 * (elapsed - integral / self.target)


class HomeostaticGrowth:
    """Synapses form and vanish so that neurons fire at their target rate (Butz & van Ooyen 2013).

    Each source neuron has axonal elements z, each target neuron dendritic elements; both follow the growth curve, driven
    by a trace r of the neuron's firing over `tau_calcium`.  Every `every` ms: neurons with more synapses than floor(z)
    lose the surplus, chosen at random, first by their axonal, then by their dendritic elements; then vacant axonal and
    dendritic elements are paired (`partner`), autapses and parallel synapses only if the projection allows them; what
    stays vacant decays.  Synapses that exist are adopted as elements, so the projection may start with any wiring.

    Parameters
    ----------
    projection : Projection
    target_rate : float
        Hz; used by both curves unless they are given.
    every : float
        ms between updates; keep it well below tau_calcium.
    growth_rate : float
        Elements per second of a silent neuron.
    tau_calcium : float
        ms.
    pre, post : LinearGrowth, optional
        Curves of their own for axonal and dendritic elements.
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
        self, projection: Any, target_rate: float = 5.0, every: float = 100.0, *, growth_rate: float = 1.0, tau_calcium: float = 1000.0,
        pre: LinearGrowth | None = None, post: LinearGrowth | None = None, vacant: float = 0.0, vacant_decay: float = 0.1,
        partner: PartnerRule | None = None, weight: Any = None, delay: Any = None, in_flight: str = "drop",
    ) -> None:  # fmt: skip
        if not hasattr(projection, "insert"):
            raise ParameterError(f"HomeostaticGrowth(projection): needs one projection as net.connect gives it, got {projection!r}")
        self.projection = projection
        self.every = check_positive("HomeostaticGrowth.every", every, "ms")
        check_positive("HomeostaticGrowth.target_rate", target_rate, "Hz")
        self.tau_calcium = check_positive("HomeostaticGrowth.tau_calcium", tau_calcium, "ms")
        self.pre = pre or LinearGrowth(growth_rate, target_rate)
        self.post = post or LinearGrowth(growth_rate, target_rate)
        self.vacant = check_not_negative("HomeostaticGrowth.vacant", vacant)
        self.vacant_decay = check_not_negative("HomeostaticGrowth.vacant_decay", vacant_decay)
        if partner is not None and not callable(partner):
            raise ParameterError(f"HomeostaticGrowth.partner: needs a function f(pre, post) -> weights, got {partner!r}")
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
        self.calcium.follow(self._neurons())
        self.z_pre = self.projection.out_degree() + self.vacant
        self.z_post = self.projection.in_degree() + self.vacant
        self.uid_pre, self.uid_post = self.projection.source.uid, self.projection.target.uid

    def reset(self, net: "Network") -> None:
        """Start anew with the synapses that exist."""
        self.start(net)

    @property
    def neurons(self) -> np.ndarray:
        """Uids of both populations, ascending."""
        return self.calcium.uid

    @property
    def rate(self) -> np.ndarray:
        return self.calcium.rate

    def _neurons(self) -> np.ndarray:
        return np.union1d(self.projection.source.uid, self.projection.target.uid)

    def _follow(self) -> None:
        """Neurons may have come or gone since the last update."""
        for side, uid, degree in (
            ("pre", self.projection.source.uid, self.projection.out_degree),
            ("post", self.projection.target.uid, self.projection.in_degree),
        ):
            old = getattr(self, f"uid_{side}")
            if not np.array_equal(uid, old):
                z = degree() + self.vacant
                _, new, kept = np.intersect1d(uid, old, return_indices=True)
                z[new] = getattr(self, f"z_{side}")[kept]
                setattr(self, f"z_{side}", z)
                setattr(self, f"uid_{side}", uid)

    def observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Advance the trace and the elements by the spikes since the last update."""
        elapsed = (net.step - self.calcium.step) * net.dt
        self.calcium.follow(self._neurons())
        self._follow()
        integral = self.calcium.observe(net.step, stamp, uid)
        at_pre = np.searchsorted(self.calcium.uid, self.uid_pre)
        at_post = np.searchsorted(self.calcium.uid, self.uid_post)
        self.z_pre = np.maximum(self.z_pre + self.pre.grown(elapsed, integral[at_pre]), 0.0)
        self.z_post = np.maximum(self.z_post + self.post.grown(elapsed, integral[at_post]), 0.0)

    def advance(self, net: "Network") -> None:
        """One update of the wiring."""
        p = self.projection
        surplus = p.out_degree() - np.floor(self.z_pre).astype(np.int64)
        if (surplus > 0).any():
            hit = surplus > 0
            p.sample_out(self.uid_pre[hit], surplus[hit], net.key("growth", p.name, "pre")).remove(rule=self.name, in_flight=self.in_flight)
        surplus = p.in_degree() - np.floor(self.z_post).astype(np.int64)
        if (surplus > 0).any():
            hit = surplus > 0
            p.sample_in(self.uid_post[hit], surplus[hit], net.key("growth", p.name, "post")).remove(rule=self.name, in_flight=self.in_flight)
        free_pre = np.maximum(np.floor(self.z_pre).astype(np.int64) - p.out_degree(), 0)
        free_post = np.maximum(np.floor(self.z_post).astype(np.int64) - p.in_degree(), 0)
        rng = net.rng("growth", p.name)
        pre, post = pair_elements(np.repeat(self.uid_pre, free_pre), np.repeat(self.uid_post, free_post), self.partner, rng)
        pre, post = allowed_pairs(p, pre, post)
        if pre.size:
            p.insert(pre, post, weight=self.weight, delay=self.delay, rule=self.name)
        if self.vacant_decay:
            self.z_pre -= self.vacant_decay * np.maximum(np.floor(self.z_pre) - p.out_degree(), 0)
            self.z_post -= self.vacant_decay * np.maximum(np.floor(self.z_post) - p.in_degree(), 0)

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
            "projection": self.projection, "every": self.every, "tau_calcium": self.tau_calcium, "pre": self.pre, "post": self.post,
            "vacant": self.vacant, "vacant_decay": self.vacant_decay, "partner": self.partner, "weight": self.weight,
            "delay": self.delay, "in_flight": self.in_flight,
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"HomeostaticGrowth({self.projection.name!r}, target {self.post.target:g} Hz, every {self.every:g} ms)"


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
