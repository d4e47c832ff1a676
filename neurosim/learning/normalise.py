"""Normalisation: the weights onto (or from) each neuron are brought to one sum or norm, as if they shared a resource."""

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_positive, did_you_mean, names_checked
from neurosim.errors import ParameterError
from neurosim.learning import weights
from neurosim.learning.passes import PerNeuron, ProjectionPass, find, per_neuron

if TYPE_CHECKING:
    from neurosim.network import Network


@names_checked
class Normalise(ProjectionPass):
    """Every `every` ms the weights of each neuron's synapses are brought to sum |w| = total, or to sum w**2 = total**2.

    Multiplicative: all are multiplied by one factor, total / norm.  Subtractive: one amount is taken from every |w| (or
    added), which makes synapses compete until few are left; those that would pass 0 or their bounds stop there, and the
    others take the rest, so that the sum is `total` wherever the bounds allow it.  A neuron without synapses, or whose
    weights are all 0, is left alone by the multiplicative mode.  Heterosynaptic: a synapse that grew takes from the others.

    Parameters
    ----------
    projection : Projection, ProjectionGroup or list of projections
        The synapses of several projections share one sum.
    total : float, or function of uids
        What the sum or norm shall be (unit of the weights).
    norm : {"sum", "l2"}
        Sum of |w|, or square root of the sum of squares (multiplicative only).
    mode : {"multiplicative", "subtractive"}
    side : {"post", "pre"}
        Incoming or outgoing synapses of each neuron.
    every : float
        ms between passes.

    Notes
    -----
    Bounds of the projection's plasticity are kept; after a multiplication they are applied last.

    References
    ----------
    Multiplicative and subtractive: Miller & MacKay (1994) Neural Comput. 6:100; Diehl & Cook (2015) Front. Comput.
    Neurosci. 9:99 (sum of the weights onto a neuron 78); Lazar, Pipa & Triesch (2009) Front. Comput. Neurosci. 3:23.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> pop = net.add_population("pop", ns.LIF(), 10)
    >>> ee = net.connect(pop, pop, ns.all_to_all(), weight=ns.uniform(0, 1))
    >>> _ = net.add(ns.Normalise(ee, total=2.0, every=10.0))
    >>> net.run(10.0)
    >>> float(ee.weight[ee.post == 3].sum().round(9))
    2.0
    """

    shown = ("projection", "total", "norm", "mode", "side", "every")

    def __init__(
        self, projection: Any, total: PerNeuron, norm: str = "sum", mode: str = "multiplicative", side: str = "post", every: float = 1000.0,
    ) -> None:  # fmt: skip
        self._take(projection)
        self.total = total if callable(total) else check_positive("Normalise.total", total)
        self.norm = _one_of("norm", norm, ("sum", "l2"))
        self.mode = _one_of("mode", mode, ("multiplicative", "subtractive"))
        self.side = _one_of("side", side, ("post", "pre"))
        if (self.norm, self.mode) == ("l2", "subtractive"):
            raise ParameterError(
                "Normalise.norm: 'l2' goes with mode='multiplicative' only; take norm='sum' to subtract the same from all weights"
            )
        self.every = check_positive("Normalise.every", every, "ms")

    def start(self, net: "Network") -> None:
        """Nothing to keep."""
        self._check_network(net)

    def advance(self, net: "Network") -> None:
        """One normalisation."""
        uid = self.neurons("target" if self.side == "post" else "source")
        total = per_neuron("Normalise.total", self.total, uid)
        if (total <= 0).any():
            raise ParameterError(
                f"Normalise.total: must be positive, got {total[total <= 0][0]:g} for neuron {uid[total <= 0][0]}"
            )
        (self._multiply if self.mode == "multiplicative" else self._subtract)(uid, total)

    def _own(self, projection: Any) -> np.ndarray:
        return np.asarray((projection.target if self.side == "post" else projection.source).uid)

    def _multiply(self, uid: np.ndarray, total: np.ndarray) -> None:
        norm = np.zeros(uid.size)
        for p in self.parts:
            norm[find(uid, self._own(p))[0]] += weights.sums(p, self.side, self.norm == "l2")
        norm = np.sqrt(norm) if self.norm == "l2" else norm
        factor = np.divide(total, norm, out=np.ones(uid.size), where=norm > 0)
        for p in self.parts:
            weights.scale(p, self.side, factor[find(uid, self._own(p))[0]], *weights.bounds(p))

    def _subtract(self, uid: np.ndarray, total: np.ndarray) -> None:
        from neurosim.kernels.learning import shift_to

        parts = self.parts
        edges = [p.edges() for p in parts]
        at = np.concatenate([find(uid, e.post if self.side == "post" else e.pre)[0] for e in edges])
        held = [_magnitudes(p, e) for p, e in zip(parts, edges, strict=True)]
        sign, size, low, high = (np.concatenate([h[k] for h in held]) for k in range(4))
        first = np.concatenate([[0], np.cumsum(np.bincount(at, minlength=uid.size))])
        shift_to(first, np.argsort(at, kind="stable"), total, low, high, size)
        cuts = np.cumsum([len(e) for e in edges])[:-1]
        for e, weight in zip(edges, np.split(sign * size, cuts), strict=True):
            e.set_weight(weight)


def _magnitudes(projection: Any, edges: Any) -> tuple[np.ndarray, ...]:
    """(sign, |w|, least and largest |w|) of each edge; a weight of 0 has the sign that its bounds leave it."""
    low, high = (np.broadcast_to(one, len(edges)) for one in weights.limits(projection, edges))
    negative = (edges.weight < 0) | ((edges.weight == 0) & (high <= 0))
    least = np.where(negative, np.maximum(-high, 0.0), np.maximum(low, 0.0))
    most = np.where(negative, -low, high)
    return np.where(negative, -1.0, 1.0), np.abs(edges.weight), least, most


def _one_of(name: str, value: str, known: tuple[str, ...]) -> str:
    if value not in known:
        raise ParameterError(
            f"Normalise.{name}: must be {' or '.join(map(repr, known))}, got {value!r}.{did_you_mean(str(value), known)}"
        )
    return value
