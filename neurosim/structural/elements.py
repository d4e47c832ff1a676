"""Synaptic elements of one type: what each neuron has grown, how much of it is bound, and whose growth processes use it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurosim.checks import check_not_negative, check_positive, check_probability
from neurosim.errors import ParameterError
from neurosim.structural.calcium import Calcium, table_of
from neurosim.structural.curves import GrowthCurve, PerNeuron, per_neuron

if TYPE_CHECKING:
    from neurosim.network import Network


@dataclass(eq=False)
class Elements:
    """One type of axonal or dendritic elements, which several `HomeostaticGrowth` may share.

    Every neuron has z elements, a real number that follows the growth curve.  Of these as many are bound as it has synapses
    in all processes that use the type; the others, floor(z) - bound, are vacant.  Growth and decay happen once per update,
    however many processes share the type; neurons with more synapses than elements lose them from all projections of all
    these processes alike.

    Parameters
    ----------
    curve : LinearGrowth, GaussianGrowth or SigmoidGrowth
    start : float, or function of uids
        Vacant elements of each neuron at the start.
    decay : float
        Share of the vacant elements that is lost at each update.
    tau_calcium : float
        ms; of the trace of firing that drives growth.
    rate_at_start : float, or function of uids
        What the trace of a neuron begins with (Hz).
    nest_compat : bool
        Grow as NEST does; see `HomeostaticGrowth`.

    Attributes
    ----------
    uid : int64 [neurons]
        Ascending: the sources (or targets) of all processes that use the type.
    z : float64 [neurons]

    Examples
    --------
    >>> import neurosim as ns
    >>> axons = ns.structural.Elements(ns.LinearGrowth(rate=1.0, target=5.0))
    >>> axons.uid.size
    0

    Then ``ns.HomeostaticGrowth(near, pre=axons)`` and ``ns.HomeostaticGrowth(far, pre=axons)``.
    """

    #: Saves name it once, so that processes that share it share it again.
    __neurosim_shared__: ClassVar[bool] = True

    curve: GrowthCurve
    start: PerNeuron = 0.0
    decay: float = 0.1
    tau_calcium: float = 1000.0
    rate_at_start: PerNeuron = 0.0
    nest_compat: bool = False

    def __post_init__(self) -> None:
        check_curve("Elements.curve", self.curve)
        if not callable(self.start):
            self.start = check_not_negative("Elements.start", self.start)
        self.decay = check_probability("Elements.decay", self.decay)
        self.tau_calcium = check_positive("Elements.tau_calcium", self.tau_calcium, "ms")
        if not callable(self.rate_at_start):
            self.rate_at_start = check_not_negative("Elements.rate_at_start", self.rate_at_start, "Hz")
        self.side = ""  # "pre" or "post", when a process has taken it
        self.owner: Any = None  # the one process that made it; None: anybody may share it
        self.network: Any = None
        self.calcium: Calcium | None = None
        self.uid, self.z = np.zeros(0, np.int64), np.zeros(0)
        self._forget()

    def _forget(self) -> None:
        """What can be found again from the projections and the curve."""
        self._seen: list[np.ndarray] = []
        self._followed: dict[int, int] | None = None
        self._placed: np.ndarray | None = None
        self._bound, self._versions = np.zeros(0, np.int64), dict[int, int]()
        self._asked: tuple[Any, ...] = (None, None)
        self._traced: tuple[Any, ...] = (None, None, None, None)
        self._values: tuple[np.ndarray, ...] = ()

    def taken_as(self, side: str, owner: Any = None) -> "Elements":
        """Remember the side of the synapse; a type has one."""
        if self.side and self.side != side:
            raise ParameterError(
                f"HomeostaticGrowth.{side}: these elements are used as {self.side}= elsewhere; make a type of its own: "
                f"ns.structural.Elements(...)"
            )
        self.side, self.owner = side, owner
        return self

    # ---- whose it is -------------------------------------------------------------------------------------------------

    def users(self, net: "Network", joining: Any = None) -> list[Any]:
        """The processes that use it, in the order in which they are called."""
        if self.owner is not None:  # nobody else may
            return [self.owner]
        known = [*net.processes, *([joining] if joining is not None and joining not in net.processes else [])]
        return [p for p in known if getattr(p, "element_types", {}).get(self.side) is self]

    def parts(self, net: "Network", joining: Any = None) -> list[Any]:
        """The projections whose synapses it binds."""
        if self.owner is not None:
            return list(self.owner.parts)
        found = {id(p): p for user in self.users(net, joining) for p in user.parts}
        return list(found.values())

    def is_last(self, net: "Network", process: Any) -> bool:
        """Whether no other user is called after this one at this step."""
        due = [p for p in self.users(net) if net.step % round(p.every / net.dt) == 0]
        return not due or due[-1] is process

    # ---- neurons -----------------------------------------------------------------------------------------------------

    def begin(self, net: "Network", joining: Any, calcium: Calcium | None = None) -> None:
        """Start anew: each neuron has an element for each synapse, and `start` vacant ones."""
        self.network = net
        self.calcium = calcium or Calcium(self.tau_calcium, net.dt, net.step)
        self.uid, self.z = np.zeros(0, np.int64), np.zeros(0)
        self._forget()
        self.follow(net, joining)

    def adopt(self, net: "Network", process: Any) -> None:
        """A further process begins to use it: the synapses that it brings bring their elements."""
        kept = self.uid
        self.follow(net, process)
        others = {id(p) for user in self.users(net) if user is not process for p in user.parts}
        old = np.isin(self.uid, kept)
        for p in process.parts:
            if id(p) not in others:
                uid, degree = self._degree_in(p)
                self.z[self.place[uid]] += np.where(old[self.place[uid]], degree, 0)

    def follow(self, net: "Network", joining: Any = None) -> None:
        """Neurons may have come or gone; new ones have `start` vacant elements."""
        parts = self.parts(net, joining)
        versions = {id(p): p.version for p in parts}
        if versions == self._followed:  # with its neurons a projection gets another version
            return
        self._followed = versions
        end = "source" if self.side == "pre" else "target"
        ends = {id(one): one for one in (getattr(p, end) for p in parts)}
        seen = [one._uid for one in ends.values()]
        if len(seen) == len(self._seen) and all(map(same_neurons, seen, self._seen)):
            return
        self._seen = seen
        uid = seen[0].copy() if len(seen) == 1 else np.unique(np.concatenate([np.zeros(0, np.int64), *seen]))
        if np.array_equal(uid, self.uid):
            return
        old, z = self.uid, self.z
        self.uid = uid
        self.z = self.bound(net, joining) + per_neuron("Elements.start", self.start, uid)
        _, new, kept = np.intersect1d(uid, old, return_indices=True)
        self.z[new] = z[kept]

    @property
    def place(self) -> np.ndarray:
        """Place of each uid among ours, or -1; int64 [largest uid + 1]."""
        if self._placed is not self.uid:
            self._placed, self._table = self.uid, table_of(self.uid)
        return self._table

    def places_in(self, calcium: Calcium) -> tuple[np.ndarray, np.ndarray | slice]:
        """Where our neurons stand among those of the trace, int64; the same again, a slice if they stand side by side."""
        if self._traced[0] is not self.uid or self._traced[1] is not calcium.uid:
            at = calcium.place[self.uid]
            side_by_side = at.size and at[-1] - at[0] == at.size - 1
            part = slice(int(at[0]), int(at[-1]) + 1) if side_by_side else at
            self._traced = (self.uid, calcium.uid, at, part)
        return self._traced[2:]

    # ---- synapses ----------------------------------------------------------------------------------------------------

    def _degree_in(self, p: Any) -> tuple[np.ndarray, np.ndarray]:
        """(uids, synapses of each) of one projection on our side."""
        return (p.source._uid, p.out_degree()) if self.side == "pre" else (p.target._uid, p.in_degree())

    def degrees(self, parts: list[Any]) -> list[np.ndarray]:
        """Synapses of each neuron in each of these projections, int64 [neurons]."""
        out = []
        for p in parts:
            uid, degree = self._degree_in(p)
            whole = np.zeros(self.uid.size, np.int64)
            whole[self.place[uid]] = degree
            out.append(whole)
        return out

    def bound(self, net: "Network", joining: Any = None) -> np.ndarray:
        """Synapses of each neuron over all projections, int64 [neurons]; not to be written to.

        Counted anew only if somebody else has edited the projections since.
        """
        parts = self.parts(net, joining)
        versions = {id(p): p.version for p in parts}
        if versions != self._versions or self._bound.size != self.uid.size:
            self._bound = np.asarray(sum(self.degrees(parts), np.zeros(self.uid.size, np.int64)))
            self._versions = versions
        return self._bound

    def count(self, p: Any, uid: np.ndarray, by: int) -> None:
        """One edit of a projection, just made, has added (or removed) a synapse of each of these uids."""
        if self._versions.get(id(p), -1) == p.version - 1:
            np.add.at(self._bound, self.place[uid], by)
            self._versions[id(p)] = p.version

    def vacant(self, net: "Network") -> np.ndarray:
        """Vacant elements of each neuron, int64 [neurons]; negative: synapses too many."""
        return self.z.astype(np.int64) - self.bound(net)

    def vacant_range(self, net: "Network") -> tuple[int, int]:
        """The smallest number of vacant elements, or 0, and the largest, or 0."""
        from neurosim.kernels import elements

        return elements.vacant_range(self.z, self.bound(net))

    def lose(self, net: "Network") -> None:
        """Decay of what stayed vacant at this update."""
        from neurosim.kernels import elements

        if self.decay:
            left = np.empty(self.z.size)
            elements.lose_vacant(self.decay, self.bound(net), self.z, left)
            self.z = left

    # ---- growth ------------------------------------------------------------------------------------------------------

    @property
    def is_linear(self) -> bool:
        """Whether the integral of the trace is all that growth needs."""
        return self.curve.kind == 0 and not self.nest_compat

    def parameters(self) -> tuple[np.ndarray, ...]:
        """Growth per ms, centre and width of each neuron; functions are asked when neurons or the curve change."""
        if self._asked[0] is not self.curve or self._asked[1] is not self.uid:
            self._values, self._asked = self.curve.parameters(self.uid), (self.curve, self.uid)
        return self._values

    def grow_linearly(self, elapsed: float, integral: np.ndarray, bound: np.ndarray) -> tuple[int, int]:
        """By the integral of each neuron's rate over `elapsed` ms (Hz ms); returns what `vacant_range` does."""
        from neurosim.kernels import elements

        growth, target, _ = self.parameters()
        z = np.empty(self.z.size)  # the old array may be in somebody's hands
        found = elements.grow_linear(elapsed, integral, growth, target, bound, self.z, z)
        self.z = z
        return found

    def grow(
        self, since: int, step: int, first: np.ndarray, stamp: np.ndarray, trace: np.ndarray, at: np.ndarray
    ) -> None:
        """From spike to spike between two steps, the trace of neuron i beginning with trace[at[i]]."""
        from neurosim.kernels import elements

        assert self.calcium is not None
        z = self.z.copy()
        advance = elements.grow_euler if self.nest_compat else elements.grow
        tau, dt = self.calcium.tau, self.calcium.dt
        growth, centre, width = self.parameters()
        advance(self.curve.kind, since, step, dt, tau, first, stamp, trace, at, growth, centre, width, z)
        self.z = z

    # ---- saving ------------------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        calcium = self.calcium
        assert calcium is not None
        state = {"z": self.z, "uid": self.uid, "trace_uid": calcium.uid, "rate": calcium.rate}
        return state | {"step": np.array([calcium.step])}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        calcium = self.calcium
        assert calcium is not None
        self._forget()
        calcium.asked = []
        self.z, self.uid = np.array(arrays["z"]), np.array(arrays["uid"])
        calcium.uid, calcium.rate = np.array(arrays["trace_uid"]), np.array(arrays["rate"])
        calcium.step = int(arrays["step"][0])


def same_neurons(uid: np.ndarray, other: np.ndarray) -> bool:
    """Whether an ascending list of uids is still the same: who joins has a uid above all that were there."""
    return uid.size == other.size and (not uid.size or bool(uid[-1] == other[-1]))


def check_curve(name: str, curve: Any) -> GrowthCurve:
    """A growth curve."""
    if not hasattr(curve, "parameters") or not hasattr(curve, "kind"):
        raise ParameterError(
            f"{name}: needs a growth curve, got {curve!r}; for example ns.LinearGrowth(rate=1.0, target=5.0)"
        )
    return curve


def trace_and_grow(net: "Network", types: list[Elements], stamp: np.ndarray, uid: np.ndarray) -> list[tuple[int, int]]:
    """Bring types that share a trace to this step, by the spikes since the last time (more are passed over).

    Returns the `vacant_range` of each.
    """
    calcium = types[0].calcium
    assert calcium is not None
    for one in types:
        one.follow(net)
    trace_all(calcium, types)
    if calcium.step == net.step:  # another process has done it
        return [one.vacant_range(net) for one in types]
    since, elapsed = calcium.step, (net.step - calcium.step) * net.dt
    curved = [one for one in types if not one.is_linear]
    spikes = calcium.by_neuron(stamp, uid) if curved else None
    before = calcium.rate
    integral = calcium.observe(net.step, stamp, uid)
    found = []
    for one in types:
        at, part = one.places_in(calcium)
        if spikes is None or one.is_linear:
            found.append(one.grow_linearly(elapsed, integral[part], one.bound(net)))
        else:
            one.grow(since, net.step, *spikes, before, at)
            found.append(one.vacant_range(net))
    return found


def trace_all(calcium: Calcium, types: list[Elements]) -> None:
    """Follow the neurons of these types; new ones begin with `rate_at_start`."""
    asked = [one.uid for one in types]
    if len(asked) == len(calcium.asked) and all(one is other for one, other in zip(asked, calcium.asked, strict=True)):
        return
    calcium.asked = asked
    known = calcium.uid
    uid = types[0].uid
    for one in types[1:]:
        if one.uid is not uid and not np.array_equal(one.uid, uid):
            uid = np.union1d(uid, one.uid)
    if np.array_equal(uid, known):
        return
    calcium.follow(uid)
    new = ~np.isin(uid, known)
    if new.any():
        calcium.rate = np.array(calcium.rate)
        calcium.rate[new] = per_neuron("HomeostaticGrowth.rate_at_start", types[0].rate_at_start, uid[new])
