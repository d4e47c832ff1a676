"""What the rules of class "pass" share: their form as processes, and the trace of a neuron's firing rate."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurosim.checks import check_finite_array
from neurosim.errors import ParameterError, WiringError

if TYPE_CHECKING:
    from neurosim.network import Network

#: A number for all neurons, or a function of their uids (int64 array) that gives one number each.
PerNeuron = float | Callable[[np.ndarray], np.ndarray]


def per_neuron(name: str, value: PerNeuron, uid: np.ndarray) -> np.ndarray:
    """`value` for each of the neurons `uid`, float64 [neurons]."""
    return check_finite_array(name, value(uid) if callable(value) else value, uid.size)


def find(uid: np.ndarray, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(places in the ascending `uid` of those of `asked` that are there, mask of those in `asked`)."""
    place = np.searchsorted(uid, asked)
    if not uid.size:
        return place[:0], np.zeros(asked.size, np.bool_)
    there = (place < uid.size) & (uid[np.minimum(place, uid.size - 1)] == asked)
    return place[there], there


def kept(uid: np.ndarray, old_uid: np.ndarray, old: np.ndarray, newborn: np.ndarray | float) -> np.ndarray:
    """Values of the neurons `uid`: the old ones keep theirs, the others get `newborn`."""
    value = np.array(np.broadcast_to(np.asarray(newborn, old.dtype), uid.shape))
    place, there = find(old_uid, uid)
    value[there] = old[place]
    return value


class Pass:
    """A rule that acts every `every` ms and is exact at those instants.

    A subclass names in `shown` the arguments of its __init__ that are kept as attributes of the same name.
    """

    evaluation: ClassVar[str] = "pass"
    shown: ClassVar[tuple[str, ...]] = ()
    every: float

    @property
    def name(self) -> str:
        """What the history and the errors call it."""
        return type(self).__name__

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        return {name: getattr(self, name) for name in self.shown}

    def card(self) -> dict[str, str]:
        """What repr shows, with everything that was given."""
        rows = {"rule": f"{self.name} ({self.evaluation}, every {self.every:g} ms)", "on": self.subject}
        for name in self.shown:
            value = getattr(self, name)
            if name not in ("projection", "population", "every") and value is not None:
                rows[name] = f"{value:g}" if isinstance(value, float) else getattr(value, "__name__", str(value))
        return rows

    @property
    def subject(self) -> str:
        """Names of what it works on."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{k} {v}' for k, v in self.card().items() if k != 'rule')}, every {self.every:g} ms)"


class ProjectionPass(Pass):
    """A pass over the synapses of one or several projections."""

    projection: Any

    def _take(self, projection: Any) -> None:
        """Keep the projections that a user gave: one, a group, or a list."""
        if hasattr(projection, "has_edge"):
            parts = [projection]
        else:
            parts = (
                list(projection) if isinstance(projection, list | tuple) or hasattr(projection, "projections") else []
            )
        if not parts or not all(hasattr(p, "has_edge") for p in parts):
            raise ParameterError(
                f"{self.name}(projection): needs a projection as net.connect gives it, or a list of them, got {projection!r}"
            )
        if len({id(p) for p in parts}) < len(parts):
            raise ParameterError(f"{self.name}(projection): names a projection twice, got {projection!r}")
        self.projection = parts[0] if len(parts) == 1 else projection
        self._parts = parts
        self._seen: list[tuple[int, int]] | None = None

    def _edited(self) -> bool:
        """Whether synapses or neurons of the projections may have come or gone since this was asked last."""
        now = [(id(p), p.version) for p in self.parts]
        if now == self._seen:
            return False
        self._seen = now
        return True

    @property
    def parts(self) -> list[Any]:
        """The projections that still exist."""
        return [p for p in self._parts if p.alive]

    @property
    def subject(self) -> str:
        return "+".join(p.name for p in self.parts) or "no projection any more"

    def describe(self) -> dict[str, object]:
        """Parameters, as `save` keeps them."""
        return super().describe() | {"projection": self._parts[0] if len(self._parts) == 1 else self.parts}

    def _check_network(self, net: "Network") -> None:
        for p in self.parts:
            if p.network is not net:
                raise WiringError(f"net.add: {p.name!r} belongs to another network")

    def neurons(self, side: str) -> np.ndarray:
        """Uids of all sources or targets of the projections, ascending."""
        populations = {id(one): one for one in (getattr(p, side) for p in self.parts)}
        return np.unique(np.concatenate([np.zeros(0, np.int64), *[one.uid for one in populations.values()]]))


class RateTrace:
    """dr/dt = -r / tau, and 1000 / tau (Hz) more at each spike: the firing rate of each neuron over the last tau ms.

    Attributes
    ----------
    uid : int64 [neurons]
        Ascending.
    rate : float64 [neurons]
        Hz, at `step`.
    """

    def __init__(self, tau: float, dt: float, step: int) -> None:
        self.tau, self.dt, self.step = tau, dt, step
        self.uid = np.zeros(0, np.int64)
        self.rate = np.zeros(0)

    def follow(self, uid: np.ndarray, newborn: np.ndarray | float = 0.0) -> None:
        """Keep these neurons; newborns start at the rate `newborn` (Hz)."""
        if not np.array_equal(uid, self.uid):
            self.rate = kept(uid, self.uid, self.rate, newborn)
            self.uid = uid

    def observe(self, step: int, stamp: np.ndarray, uid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Advance to `step` with the spikes since the last time; return the integral of the rate (Hz ms) and its integral (Hz ms**2)."""
        from neurosim.kernels.learning import low_pass

        place, mine = find(self.uid, uid)
        age = (step - stamp[mine]) * self.dt
        area, area_of_area = np.zeros(self.uid.size), np.zeros(self.uid.size)
        low_pass((step - self.step) * self.dt, self.tau, place, age, self.rate, area, area_of_area)
        self.step = step
        return area, area_of_area

    def arrays(self, prefix: str) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return {f"{prefix}_uid": self.uid, f"{prefix}_rate": self.rate, f"{prefix}_step": np.array([self.step])}

    def set_arrays(self, prefix: str, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.uid, self.rate = np.array(arrays[f"{prefix}_uid"]), np.array(arrays[f"{prefix}_rate"])
        self.step = int(arrays[f"{prefix}_step"][0])
