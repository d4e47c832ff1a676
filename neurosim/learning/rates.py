"""Hebb's, Oja's and BCM's rules as differential equations on the rates of the two neurons of a synapse.

Scheme: between two passes both rates are held, and the equation is solved exactly.  Two traces of spikes are held at their
exact means over the time since the last pass; if one of the rates is a state variable, both are held at their values at the
pass.  So a pass is exact for constant rates, and its error for changing ones is of first order in every / tau.
"""

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurosim.checks import check_not_negative, check_number, check_positive, did_you_mean, names_checked
from neurosim.errors import ParameterError
from neurosim.learning import weights
from neurosim.learning.passes import ProjectionPass, RateTrace, find, kept

if TYPE_CHECKING:
    from neurosim.network import Network


def hebb_update(weight: np.ndarray, x: Any, y: Any, *, eta: float, elapsed: float, decay: float = 0.0) -> np.ndarray:
    """Weights `elapsed` ms on under dw/dt = eta x y - decay w, for constant rates.

    Parameters
    ----------
    weight : array
        Any shape.
    x, y : array_like
        Rates before and behind each synapse; they broadcast against `weight`.
    eta, decay : float
        1/s.
    elapsed : float
        ms.

    Returns
    -------
    float64 array of the shape of `weight`
    """
    from neurosim.kernels.learning import hebb

    w, at, x, y = _synapses(weight, x, y)
    hebb(eta * elapsed * 1e-3, decay * elapsed * 1e-3, at, at, x, y, w)
    return w.reshape(np.shape(weight))


def oja_update(weight: np.ndarray, x: Any, y: Any, *, eta: float, elapsed: float, alpha: float = 1.0) -> np.ndarray:
    """Weights `elapsed` ms on under dw/dt = eta y (x - alpha y w), for constant rates; arguments as for `hebb_update`.

    References
    ----------
    Oja (1982) J. Math. Biol. 15:267.
    """
    from neurosim.kernels.learning import oja

    w, at, x, y = _synapses(weight, x, y)
    oja(eta * elapsed * 1e-3, alpha, at, at, x, y, w)
    return w.reshape(np.shape(weight))


def bcm_update(
    weight: np.ndarray, x: Any, y: Any, theta: Any, *, eta: float, elapsed: float, tau_theta: float, y0: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """(weights, thresholds) `elapsed` ms on under dw/dt = eta x y (y - theta), tau dtheta/dt = y**2 / y0 - theta.

    Arguments as for `hebb_update`; `theta` broadcasts against `y`, `tau_theta` is in ms.

    References
    ----------
    Bienenstock, Cooper & Munro (1982) J. Neurosci. 2:32; Intrator & Cooper (1992) Neural Netw. 5:3 (this threshold).
    """
    from neurosim.kernels.learning import bcm, slide

    shape = np.broadcast_shapes(np.shape(y), np.shape(theta))
    new = np.array(np.broadcast_to(np.asarray(theta, np.float64), shape)).reshape(-1)
    mean = np.empty(new.size)
    slide(elapsed / tau_theta, y0, np.broadcast_to(np.asarray(y, np.float64), shape).reshape(-1), new, mean)
    w, at, x, y, mean = _synapses(weight, x, y, mean.reshape(shape))
    bcm(eta * elapsed * 1e-3, at, at, x, y, mean, w)
    return w.reshape(np.shape(weight)), new.reshape(shape)


def _synapses(weight: Any, *values: Any) -> tuple[np.ndarray, ...]:
    """(weights, numbers, values) of synapses one after the other; float64, copies."""
    w = np.array(weight, np.float64)
    flat = [np.array(np.broadcast_to(np.asarray(v, np.float64), w.shape)).reshape(-1) for v in values]
    return w.reshape(-1), np.arange(w.size), *flat


class RateRule(ProjectionPass):
    """What Hebb, Oja and BCM share: the two rates of each synapse, and the bounds of the weights."""

    shown: ClassVar[tuple[str, ...]] = ("projection", "eta", "every", "tau", "of", "unit", "w_min", "w_max")

    def _settle(
        self, projection: Any, eta: float, every: float, tau: float, of: Any, unit: float, w_min: Any, w_max: Any
    ) -> None:
        kind = self.name
        self._take(projection)
        self.eta = check_number(f"{kind}.eta", eta)
        self.every = check_positive(f"{kind}.every", every, "ms")
        self.tau = check_positive(f"{kind}.tau", tau, "ms")
        self.unit = check_positive(f"{kind}.unit", unit, "Hz")
        self.of = of if isinstance(of, str) else tuple(of) if isinstance(of, list | tuple) else of
        pair = (self.of, self.of) if isinstance(self.of, str) else self.of
        if not isinstance(pair, tuple) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
            raise ParameterError(
                f"{kind}.of: must be 'spikes', a state variable, or two of them for source and target, got {of!r}; "
                f"for example of=('spikes', 'v')"
            )
        self.of_pre, self.of_post = pair
        for p in self._parts:
            for end, one in ((p.source, self.of_pre), (p.target, self.of_post)):
                known = ["spikes", *end.model.physics.state]
                if one not in known:
                    raise ParameterError(
                        f"{kind}.of: {end.name!r} ({type(end.model).__name__}) has no state variable {one!r}; known: "
                        f"{', '.join(known)}.{did_you_mean(one, known)}"
                    )
        self.w_min = None if w_min is None else check_number(f"{kind}.w_min", w_min)
        self.w_max = None if w_max is None else check_number(f"{kind}.w_max", w_max)
        if self.w_min is not None and self.w_max is not None and self.w_min >= self.w_max:
            raise ParameterError(
                f"{kind}.w_max: must be above w_min = {self.w_min:g}, got {self.w_max:g}; for example w_min=0.0, w_max=1.0"
            )

    def start(self, net: "Network") -> None:
        """Begin with all traces at 0."""
        self._check_network(net)
        self.trace = RateTrace(self.tau, net.dt, net.step)
        self.rate = np.zeros(0)
        self.elapsed = 0.0
        self._seen = None
        self._follow()

    def _follow(self) -> None:
        """Neurons may have come or gone."""
        if self._edited():
            self._keep()

    def _keep(self) -> None:
        """Keep the values of the neurons that there are now."""
        uid = np.zeros(0, np.int64)
        for side, of in (("source", self.of_pre), ("target", self.of_post)):
            if of == "spikes":
                uid = np.union1d(uid, self.neurons(side))
        self.rate = kept(uid, self.trace.uid, self.rate, 0.0)
        self.trace.follow(uid)

    def observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Rates of spikes: means since the last pass, or as they are now beside a state variable."""
        self._follow()
        self.elapsed = (net.step - self.trace.step) * net.dt
        area, _ = self.trace.observe(net.step, stamp, uid)
        self.rate = self.trace.rate / self.unit
        if (self.of_pre, self.of_post) == ("spikes", "spikes") and self.elapsed > 0:
            self.rate = area / (self.elapsed * self.unit)

    def _rates(self, population: Any, of: str) -> np.ndarray:
        """The rate of each neuron of a population, in the rule's unit."""
        if of != "spikes":
            return np.asarray(getattr(population, of), np.float64)
        return self.rate[find(self.trace.uid, population.uid)[0]]

    def advance(self, net: "Network") -> None:
        """Move the weights by what the rates since the last pass ask for."""
        if self.elapsed <= 0:
            return
        for p in self.parts:
            edges = p.edges()
            if not len(edges):
                continue
            x, y = self._rates(p.source, self.of_pre), self._rates(p.target, self.of_post)
            at_pre, at_post = weights.ends(p, edges, "pre"), weights.ends(p, edges, "post")
            weight = edges.weight.copy()
            self._move(p, at_pre, at_post, x, y, weight)
            edges.set_weight(np.clip(weight, *weights.limits(p, edges, self.w_min, self.w_max)))

    def _move(
        self, projection: Any, at_pre: np.ndarray, at_post: np.ndarray, x: np.ndarray, y: np.ndarray, weight: np.ndarray
    ) -> None:
        """Advance the weights in place by `elapsed` ms."""
        raise NotImplementedError

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return self.trace.arrays("trace") | {"rate": self.rate, "elapsed": np.array([self.elapsed])}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        self.trace.set_arrays("trace", arrays)
        self.rate, self.elapsed = np.array(arrays["rate"]), float(arrays["elapsed"][0])
        self._seen = None


@names_checked
class Hebb(RateRule):
    """dw/dt = eta (x - x0) (y - y0) - decay w: what fires together wires together.

    x and y are the rates of source and target.  With x0 and y0 the mean rates, the weights follow the covariance.  Without
    decay or bounds they grow without end: as exp(eta lambda t) along the leading eigenvector of the input correlation, if
    the target is linear.

    Parameters
    ----------
    projection : Projection, ProjectionGroup or list of projections
    eta : float
        Learning rate (1/s, per unit of x and of y).
    every : float
        ms between passes; keep it well below tau.
    tau : float
        Time constant (ms) of the traces of spikes that are the rates: tau dr/dt = -r, and 1000 / tau (Hz) more at each spike.
    of : str or (str, str)
        "spikes", or the state variable of the neurons that is their rate; two for source and target.
    unit : float
        Hz that count as 1 in a rate of spikes; 1000 / tau makes each spike a jump of 1.
    x0, y0 : float
        Taken from x and y (in their units).
    decay : float
        1/s.
    w_min, w_max : float, optional
        Bounds, besides those of the projection's plasticity; where its sign decides on the receptor, a weight stops at 0.

    References
    ----------
    Gerstner & Kistler (2002) Spiking Neuron Models, ch. 10.

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> source = net.add_population("source", ns.PoissonSource(rate=20.0), 5)
    >>> unit = net.add_population("unit", ns.LIF(v_th=float("inf")), 1)
    >>> wire = net.connect(source, unit, ns.all_to_all(), weight=0.5)
    >>> _ = net.add(ns.Hebb(wire, eta=1e-4, every=10.0, of=("spikes", "v")))
    >>> net.run(100.0)
    >>> bool((wire.weight >= 0.5).all())
    True
    """

    shown = (*RateRule.shown, "x0", "y0", "decay")

    def __init__(
        self, projection: Any, eta: float, every: float = 10.0, *, tau: float = 100.0, of: Any = "spikes", unit: float = 1.0,
        x0: float = 0.0, y0: float = 0.0, decay: float = 0.0, w_min: float | None = None, w_max: float | None = None,
    ) -> None:  # fmt: skip
        self._settle(projection, eta, every, tau, of, unit, w_min, w_max)
        self.x0, self.y0 = check_number("Hebb.x0", x0), check_number("Hebb.y0", y0)
        self.decay = check_not_negative("Hebb.decay", decay, "1/s")

    def _move(
        self, projection: Any, at_pre: np.ndarray, at_post: np.ndarray, x: np.ndarray, y: np.ndarray, weight: np.ndarray
    ) -> None:
        from neurosim.kernels.learning import hebb

        seconds = self.elapsed * 1e-3
        hebb(self.eta * seconds, self.decay * seconds, at_pre, at_post, x - self.x0, y - self.y0, weight)


@names_checked
class Oja(RateRule):
    """dw/dt = eta y (x - alpha y w): Hebb's rule that keeps the norm of a neuron's weights (Oja 1982).

    The weights of a linear neuron, y = sum w x, turn to the leading eigenvector of <x x> with norm 1 / sqrt(alpha); if its
    gain is g, y = g sum w x, the norm is 1 / sqrt(alpha g).

    Parameters
    ----------
    projection : Projection, ProjectionGroup or list of projections
        Each is normalised for itself, if several end at one neuron.
    eta : float
        Learning rate (1/s, per unit of x and of y).
    every, tau, of, unit, w_min, w_max
        As for `Hebb`.
    alpha : float
        Strength of the normalisation.

    References
    ----------
    Oja (1982) J. Math. Biol. 15:267.
    """

    shown = (*RateRule.shown, "alpha")

    def __init__(
        self, projection: Any, eta: float, every: float = 10.0, *, tau: float = 100.0, of: Any = "spikes", unit: float = 1.0,
        alpha: float = 1.0, w_min: float | None = None, w_max: float | None = None,
    ) -> None:  # fmt: skip
        self._settle(projection, eta, every, tau, of, unit, w_min, w_max)
        self.alpha = check_not_negative("Oja.alpha", alpha)

    def _move(
        self, projection: Any, at_pre: np.ndarray, at_post: np.ndarray, x: np.ndarray, y: np.ndarray, weight: np.ndarray
    ) -> None:
        from neurosim.kernels.learning import oja

        oja(self.eta * self.elapsed * 1e-3, self.alpha, at_pre, at_post, x, y, weight)


@names_checked
class BCM(RateRule):
    """dw/dt = eta x y (y - theta), tau_theta dtheta/dt = y**2 / y0 - theta: a threshold that slides makes neurons selective.

    A neuron that gets one of K orthogonal patterns at a time comes to answer one of them only, with y = y0 / p where p is
    that pattern's share of the time.

    Parameters
    ----------
    projection : Projection, ProjectionGroup or list of projections
        Those onto one neuron share its theta.
    eta : float
        Learning rate (1/s, per unit of x and squared unit of y).
    every, tau, of, unit, w_min, w_max
        As for `Hebb`.
    tau_theta : float
        ms; it must average over all patterns, and be short beside the time in which weights change (Udeigwe, Munro &
        Ermentrout 2017: else the weights oscillate).  Default as in ANNarchy's `IBCM`.
    y0 : float
        Scale of the threshold (unit of y).
    theta_at_start : float

    Attributes
    ----------
    uid, theta : [target neurons]
        Ascending uid, and its threshold.

    References
    ----------
    Bienenstock, Cooper & Munro (1982) J. Neurosci. 2:32; Intrator & Cooper (1992) Neural Netw. 5:3; Udeigwe et al. (2017)
    J. Math. Neurosci. 7:2.
    """

    shown = (*RateRule.shown, "tau_theta", "y0", "theta_at_start")

    def __init__(
        self, projection: Any, eta: float, every: float = 10.0, *, tau: float = 100.0, of: Any = "spikes", unit: float = 1.0,
        tau_theta: float = 2000.0, y0: float = 1.0, theta_at_start: float = 0.0, w_min: float | None = None, w_max: float | None = None,
    ) -> None:  # fmt: skip
        self._settle(projection, eta, every, tau, of, unit, w_min, w_max)
        self.tau_theta = check_positive("BCM.tau_theta", tau_theta, "ms")
        self.y0 = check_positive("BCM.y0", y0)
        self.theta_at_start = check_not_negative("BCM.theta_at_start", theta_at_start)

    def start(self, net: "Network") -> None:
        """Begin with all traces at 0 and all thresholds at `theta_at_start`."""
        self.uid, self.theta, self.over = np.zeros(0, np.int64), np.zeros(0), np.zeros(0)
        super().start(net)

    def _keep(self) -> None:
        super()._keep()
        uid = self.neurons("target")
        self.theta = kept(uid, self.uid, self.theta, self.theta_at_start)
        self.uid = uid

    def advance(self, net: "Network") -> None:
        """Slide the thresholds, then move the weights."""
        from neurosim.kernels.learning import slide

        if self.elapsed <= 0:
            return
        y = np.zeros(self.uid.size)
        for p in self.parts:
            y[find(self.uid, p.target.uid)[0]] = self._rates(p.target, self.of_post)
        self.over = np.empty(y.size)
        slide(self.elapsed / self.tau_theta, self.y0, y, self.theta, self.over)
        super().advance(net)

    def _move(
        self, projection: Any, at_pre: np.ndarray, at_post: np.ndarray, x: np.ndarray, y: np.ndarray, weight: np.ndarray
    ) -> None:
        from neurosim.kernels.learning import bcm

        theta = self.over[find(self.uid, projection.target.uid)[0]]
        bcm(self.eta * self.elapsed * 1e-3, at_pre, at_post, x, y, theta, weight)

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return super().arrays() | {"uid": self.uid, "theta": self.theta}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        super().set_arrays(arrays)
        self.uid, self.theta = np.array(arrays["uid"]), np.array(arrays["theta"])
