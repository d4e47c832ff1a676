"""Feedback weights: what the error of each readout means to each recurrent neuron, and how they follow the neurons.

Knows populations and the projections to the readout; knows no gradient.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.errors import ParameterError

if TYPE_CHECKING:
    from neurosim.network import Network

RULES = ("random", "symmetric", "adaptive")


class Feedback:
    """B, a row for each recurrent neuron and a column for each readout.

    Attributes
    ----------
    rule : str
        "random", "symmetric", "adaptive" or "given".
    uid : int64 [neurons]
        Whose rows they are.
    values : float64 [neurons, readouts]
    """

    def __init__(self, rule: str, given: np.ndarray | None, readout: Any, recurrent: Callable[[], list[Any]]) -> None:
        self.rule, self.given, self.readout, self.recurrent = rule, given, readout, recurrent
        self.uid = np.zeros(0, np.int64)
        self.values = np.zeros((0, 0))
        self.sd = 1.0

    def start(self, net: "Network") -> None:
        """Draw, or take what was given."""
        self.net = net
        self.uid = self._now()
        self.sd = 1.0 / float(np.sqrt(max(1, self.uid.size)))
        self.values = self._drawn(self.uid)
        if self.given is not None:
            if self.given.shape != self.values.shape or not np.isfinite(self.given).all():
                names = ", ".join(p.name for p in self.recurrent()) or "none"
                raise ParameterError(
                    f"EProp.feedback: needs finite numbers in an array of shape {self.values.shape} (neurons of {names}; readouts), got "
                    f"shape {self.given.shape}"
                )
            self.values = self.given.copy()

    @property
    def table(self) -> np.ndarray:
        """B of the neurons that there are now."""
        if self.rule == "symmetric":
            return np.concatenate([np.zeros((0, len(self.readout))), *[self.of(p, p.uid) for p in self.recurrent()]])
        self._follow()
        return self.values.copy()

    def of(self, population: Any, uid: np.ndarray) -> np.ndarray:
        """B of these neurons of a population, float64 [neurons, readouts]."""
        if self.rule == "symmetric":
            return self._weights_out(population, uid)
        self._follow()
        order = np.argsort(self.uid)
        return np.ascontiguousarray(self.values[order[np.searchsorted(self.uid[order], uid)]])

    def mirror(self, changed: list[tuple[Any, np.ndarray]], decay: float) -> None:
        """Adaptive feedback: B changes as the weights to the readout do (edges and changes), and both lose the part `decay`."""
        order = np.argsort(self.uid)
        for edges, change in changed:
            if edges.projection.target is not self.readout:
                continue
            row = places(self.uid[order], edges.pre)
            mine = row < order.size
            column = np.searchsorted(self.readout.uid, edges.post[mine])
            np.add.at(self.values, (order[row[mine]], column), change[mine])
            if decay and mine.any():
                edges.set_weight(edges.weight * np.where(mine, 1.0 - decay, 1.0))
        self.values *= 1.0 - decay

    def _now(self) -> np.ndarray:
        return np.concatenate([np.zeros(0, np.int64), *[p.uid for p in self.recurrent()]])

    def _drawn(self, uid: np.ndarray) -> np.ndarray:
        """Rows for these neurons, from the seed and the uids alone."""
        from neurosim.distributions import normal
        from neurosim.kernels.rng import stream_key

        one = normal(0.0, self.sd)
        keys = [int(stream_key(self.net.seed, "eprop feedback", int(k))) for k in self.readout.uid]
        return np.stack([np.zeros(uid.size), *[one.draw_neurons(key, uid) for key in keys]], axis=1)[:, 1:].copy()

    def _follow(self) -> None:
        """Rows for the neurons that there are now; newborns get rows of their own."""
        now = self._now()
        if not np.array_equal(now, self.uid):
            order = np.argsort(self.uid)
            place = places(self.uid[order], now)
            new = place == self.uid.size
            self.values = np.concatenate([self.values[order], np.zeros((1, self.values.shape[1]))])[place]
            self.values[new] = self._drawn(now[new])
            self.uid = now

    def _weights_out(self, population: Any, uid: np.ndarray) -> np.ndarray:
        """Weights from these neurons to the readouts; parallel synapses summed."""
        weight = np.zeros((uid.size + 1, len(self.readout)))
        for p in self.net.projections.values():
            if p.source is population and p.target is self.readout:
                edges = p.edges()
                np.add.at(weight, (places(uid, edges.pre), np.searchsorted(self.readout.uid, edges.post)), edges.weight)
        return weight[: uid.size]

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return {"feedback": self.values, "feedback_uid": self.uid, "feedback_sd": np.array([self.sd])}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.values, self.uid = np.array(arrays["feedback"]), np.array(arrays["feedback_uid"])
        self.sd = float(arrays["feedback_sd"][0])


def places(uid: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Place of each asked uid among the ascending `uid`, or `uid.size` where it is not there."""
    place = np.searchsorted(uid, asked)
    if uid.size:
        place[uid[np.minimum(place, uid.size - 1)] != asked] = uid.size
    return place
