"""Synaptic scaling: all synapses onto a neuron are multiplied alike until it fires at its target rate."""

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_number, check_positive, names_checked
from neurosim.errors import ParameterError
from neurosim.learning import weights
from neurosim.learning.passes import PerNeuron, ProjectionPass, RateTrace, kept, per_neuron

if TYPE_CHECKING:
    from neurosim.network import Network

#: Least change of ln w that is written to weights of fewer than 53 bits; smaller ones would be lost in rounding, so they wait.
LEAST_CHANGE = 1e-4


@names_checked
class SynapticScaling(ProjectionPass):
    """dw/dt = beta w (a0 - a) + gamma w int (a0 - a) dt: proportional and integral control of a neuron's rate a.

    a is a trace of the target neuron's firing: tau da/dt = -a, and 1000 / tau (Hz) more at each spike.  Between two passes
    the spikes are known, so a, its integral and the integral of that are exact, and each weight is multiplied by ::

        exp(beta int (a0 - a) dt + gamma int int (a0 - a) dt dt)

    which is exact at the passes whatever `every` is, and preserves the ratios of the weights onto a neuron.  Composes with
    any plasticity of the projection, whose w_min and w_max hold.

    Parameters
    ----------
    projection : Projection, ProjectionGroup or list of projections
        Several projections onto a neuron are scaled alike.
    target_rate : float, or function of uids
        a0 (Hz).
    every : float
        ms between passes.
    tau : float
        Time constant of the trace (ms).
    beta : float
        Proportional gain (1/s per Hz); negative for inhibitory synapses, which are to shrink in a silent neuron.
    gamma : float
        Integral gain (1/s**2 per Hz).
    rate_at_start : float, or function of uids, optional
        What the trace of a neuron begins with (Hz); default its target rate.
    w_min, w_max : float, optional
        Bounds of the weights, besides those of the projection's plasticity.

    Attributes
    ----------
    rate : float64 [neurons]
        The trace (Hz), ascending uid as in `uid`.

    Notes
    -----
    Defaults are those of the paper: tau 100 s, beta 4e-5 1/(s Hz), gamma 1e-7 1/(s**2 Hz).  Weights of fewer bits than
    float64 are written when the factor that is due differs by more than 1e-4 from 1, since smaller steps would be rounded
    away.

    References
    ----------
    van Rossum, Bi & Turrigiano (2000) J. Neurosci. 20:8812, eq. 3; Turrigiano et al. (1998) Nature 391:892.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> pop = net.add_population("pop", ns.LIF(), 10)
    >>> source = net.add_population("source", ns.PoissonSource(rate=100.0), 50)
    >>> drive = net.connect(source, pop, ns.all_to_all(), weight=0.5)
    >>> net.add(ns.SynapticScaling(drive, target_rate=5.0, every=100.0, tau=1000.0, beta=0.1, gamma=0.0))
    SynapticScaling(on source->pop, target_rate 5, tau 1000, beta 0.1, gamma 0, every 100 ms)
    """

    shown = ("projection", "target_rate", "every", "tau", "beta", "gamma", "rate_at_start", "w_min", "w_max")

    def __init__(
        self, projection: Any, target_rate: PerNeuron = 5.0, every: float = 1000.0, *, tau: float = 100_000.0, beta: float = 4e-5,
        gamma: float = 1e-7, rate_at_start: PerNeuron | None = None, w_min: float | None = None, w_max: float | None = None,
    ) -> None:  # fmt: skip
        self._take(projection)
        self.target_rate = (
            target_rate if callable(target_rate) else check_positive("SynapticScaling.target_rate", target_rate, "Hz")
        )
        self.every = check_positive("SynapticScaling.every", every, "ms")
        self.tau = check_positive("SynapticScaling.tau", tau, "ms")
        self.beta = check_number("SynapticScaling.beta", beta)
        self.gamma = check_number("SynapticScaling.gamma", gamma)
        self.rate_at_start = (
            rate_at_start
            if rate_at_start is None or callable(rate_at_start)
            else check_number("SynapticScaling.rate_at_start", rate_at_start, "Hz")
        )
        self.w_min = None if w_min is None else check_number("SynapticScaling.w_min", w_min)
        self.w_max = None if w_max is None else check_number("SynapticScaling.w_max", w_max)
        if self.w_min is not None and self.w_max is not None and self.w_min >= self.w_max:
            raise ParameterError(
                f"SynapticScaling.w_max: must be above w_min = {self.w_min:g}, got {self.w_max:g}; for example w_min=0.0, w_max=1.0"
            )

    def start(self, net: "Network") -> None:
        """Begin with all traces at `rate_at_start`."""
        self._check_network(net)
        self.trace = RateTrace(self.tau, net.dt, net.step)
        self.error = np.zeros(0)  # integral of a0 - a (Hz s)
        self.due = np.zeros(0)  # ln of the factor that has not been written yet
        self._seen = None
        self._follow()

    @property
    def uid(self) -> np.ndarray:
        """Uids of the target neurons, ascending."""
        return self.trace.uid

    @property
    def rate(self) -> np.ndarray:
        return self.trace.rate

    def _follow(self) -> None:
        """Neurons may have come or gone."""
        if not self._edited():
            return
        old, uid = self.trace.uid, self.neurons("target")
        begin = self.target_rate if self.rate_at_start is None else self.rate_at_start
        self.trace.follow(uid, per_neuron("SynapticScaling.rate_at_start", begin, uid))
        self.error, self.due = (kept(uid, old, value, 0.0) for value in (self.error, self.due))

    def observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Advance the traces and the factors that are due."""
        self._follow()
        time = (net.step - self.trace.step) * net.dt * 1e-3  # s
        goal = per_neuron("SynapticScaling.target_rate", self.target_rate, self.uid)
        area, area_of_area = self.trace.observe(net.step, stamp, uid)
        error = goal * time - area * 1e-3
        self.due += self.beta * error
        self.due += self.gamma * (self.error * time + 0.5 * goal * time * time - area_of_area * 1e-6)
        self.error += error

    def advance(self, net: "Network") -> None:
        """Write the factors that are due."""
        parts = self.parts
        least = 0.0 if all(p.pool.weight.dtype == np.float64 for p in parts) else LEAST_CHANGE
        ready = np.abs(self.due) > least
        if not ready.any():
            return
        factor = np.exp(np.where(ready, self.due, 0.0))
        self.due[ready] = 0.0
        for p in parts:
            weights.scale(
                p, "post", factor[np.searchsorted(self.uid, p.target.uid)], *weights.bounds(p, self.w_min, self.w_max)
            )

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return self.trace.arrays("trace") | {"error": self.error, "due": self.due}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.trace.set_arrays("trace", arrays)
        self.error, self.due = np.array(arrays["error"]), np.array(arrays["due"])
        self._seen = None
