"""Intrinsic plasticity: the threshold of each neuron follows its own firing."""

from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_number, check_positive, did_you_mean, names_checked
from neurosim.errors import ParameterError, WiringError
from neurosim.learning.passes import Pass, PerNeuron, find, kept, per_neuron
from neurosim.neurons.parameters import parameter_names

if TYPE_CHECKING:
    from neurosim.network import Network

#: Which parameter is the threshold, where it is not v_th.
THRESHOLD = {"AdEx": "v_t"}


@names_checked
class IntrinsicPlasticity(Pass):
    """The threshold of each neuron is its own base plus theta, which grows when the neuron fires.

    One of two rules, exact at every pass; between passes the threshold stands still.

    `jump`: theta += jump at each spike, tau dtheta/dt = -theta (Diehl & Cook 2015).

    `target_rate`: theta += eta (n - target), for n spikes where `target` were expected: the integral of the error, so that
    the rate comes to its target exactly, in every neuron (SORN: T += eta (x - H), Lazar et al. 2009).

    Parameters
    ----------
    population : Population or View
        The neurons; of one model with a threshold.
    every : float
        ms between passes; one is enough every few spikes.
    jump : float, optional
        mV at each spike; 0.05 in Diehl & Cook's program.
    tau : float
        Decay of theta with `jump` (ms); 1e7 in Diehl & Cook's program.
    target_rate : float, or function of uids, optional
        Hz.
    eta : float
        mV for each spike too many, with `target_rate`; SORN's 0.001 of thresholds that lie in 0 ... 0.5 is 0.04 mV of 20 mV.
    parameter : str, optional
        The model's parameter that is the threshold; by default "v_th", of `AdEx` "v_t".
    low, high : float, optional
        Bounds of the threshold (mV); without them a neuron that is never driven lowers its own for ever.

    Attributes
    ----------
    uid, theta, base : [neurons]
        Ascending uid; theta and base in mV.  A threshold set by the user moves the base.

    Notes
    -----
    Newborn neurons begin with theta 0 on the mean base of the others.  Setting parameters costs about as much as a short
    run, so choose `every` no smaller than needed.

    References
    ----------
    Diehl & Cook (2015) Front. Comput. Neurosci. 9:99 (constants from their published program); Lazar, Pipa & Triesch (2009)
    Front. Comput. Neurosci. 3:23 (eta 0.001, H 0.1 as in the authors' group's published programs).

    Examples
    --------
    >>> import neurosim as ns
    >>> net = ns.Network(seed=1)
    >>> pop = net.add_population("pop", ns.LIF(i_e=300.0), 3)
    >>> rule = net.add(ns.IntrinsicPlasticity(pop, jump=0.05, tau=1e7, every=10.0))
    >>> net.run(100.0)
    >>> bool((pop.v_th > 20.0).all())
    True
    """

    shown = ("population", "every", "jump", "tau", "target_rate", "eta", "parameter", "low", "high")

    def __init__(
        self, population: Any, every: float = 100.0, *, jump: float | None = None, tau: float = 1e7, target_rate: PerNeuron | None = None,
        eta: float = 0.04, parameter: str | None = None, low: float | None = None, high: float | None = None,
    ) -> None:  # fmt: skip
        whole = getattr(population, "population", None)
        if whole is None or not hasattr(population, "uid"):
            raise ParameterError(
                f"IntrinsicPlasticity(population): needs a population or view such as net.populations['exc'], got {population!r}"
            )
        if (jump is None) == (target_rate is None):
            raise ParameterError(
                "IntrinsicPlasticity: give either jump=0.05 (mV at each spike) or target_rate=5.0 (Hz)"
            )
        kind = type(whole.model).__name__
        known = parameter_names(whole.model)
        parameter = THRESHOLD.get(kind, "v_th") if parameter is None else parameter
        if parameter not in known:
            raise ParameterError(
                f"IntrinsicPlasticity.parameter: {kind} has no parameter {parameter!r}; known: {', '.join(known)}.{did_you_mean(parameter, known)}"
            )
        self.population, self.parameter = population, parameter
        self.every = check_positive("IntrinsicPlasticity.every", every, "ms")
        self.jump = None if jump is None else check_number("IntrinsicPlasticity.jump", jump, "mV")
        self.tau = check_positive("IntrinsicPlasticity.tau", tau, "ms")
        self.target_rate = (
            target_rate
            if target_rate is None or callable(target_rate)
            else check_positive("IntrinsicPlasticity.target_rate", target_rate, "Hz")
        )
        self.eta = check_positive("IntrinsicPlasticity.eta", eta, "mV")
        self.low = None if low is None else check_number("IntrinsicPlasticity.low", low, "mV")
        self.high = None if high is None else check_number("IntrinsicPlasticity.high", high, "mV")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ParameterError(
                f"IntrinsicPlasticity.high: must not be below low = {self.low:g} mV, got {self.high:g}; for example low=5.0, high=50.0"
            )

    @property
    def subject(self) -> str:
        whole = self.population.population
        return str(self.population.label) if whole.alive else f"{whole.name}, removed"

    def _alive(self) -> np.ndarray:
        """Uids of the neurons that still live."""
        whole = self.population.population
        if not whole.alive:
            return np.zeros(0, np.int64)
        own = np.asarray(whole.uid)
        if self.population is whole:
            return own
        return np.asarray(self.population.where[np.isin(self.population.where, own)])

    def _neurons(self) -> Any:
        """The living neurons, to read and set."""
        whole = self.population.population
        return whole if self.population is whole else whole[np.searchsorted(whole.uid, self.uid)]

    def start(self, net: "Network") -> None:
        """Take the present thresholds as the base."""
        if self.population.network is not net:
            raise WiringError(f"net.add: {self.population.label!r} belongs to another network")
        self.step = net.step
        self.uid, self.theta, self.base, self.written = np.zeros(0, np.int64), np.zeros(0), np.zeros(0), np.zeros(0)
        self._follow()

    def reset(self, net: "Network") -> None:
        """The clock begins anew; thresholds stay, as weights do."""
        self.step = net.step

    def _follow(self) -> None:
        """Neurons may have come or gone, and thresholds may have been set."""
        uid = self._alive()
        if not np.array_equal(uid, self.uid):
            old, known = self.uid, self.base.size > 0
            born = float(self.base.mean()) if known else 0.0
            self.uid = uid
            now = np.array(getattr(self._neurons(), self.parameter)) if uid.size else np.zeros(0)
            self.written = kept(uid, old, self.written, now)
            self.base = kept(uid, old, self.base, born if known else now)
            self.theta = kept(uid, old, self.theta, 0.0)
        if uid.size:
            now = np.asarray(getattr(self._neurons(), self.parameter))
            by_user = now != self.written
            self.base[by_user] += now[by_user] - self.written[by_user]

    def observe(self, net: "Network", stamp: np.ndarray, uid: np.ndarray) -> None:
        """Advance theta by the spikes since the last pass."""
        from neurosim.kernels.learning import leaky_sum

        self._follow()
        elapsed = (net.step - self.step) * net.dt
        place, mine = find(self.uid, uid)
        if self.jump is not None:
            grown = np.zeros(self.uid.size)
            leaky_sum(elapsed, self.tau, place, (net.step - stamp[mine]) * net.dt, grown)
            self.theta = self.theta * np.exp(-elapsed / self.tau) + self.jump * grown
        elif self.target_rate is not None:
            goal = per_neuron("IntrinsicPlasticity.target_rate", self.target_rate, self.uid)
            self.theta += self.eta * (np.bincount(place, minlength=self.uid.size) - goal * elapsed * 1e-3)
        self.step = net.step

    def advance(self, net: "Network") -> None:
        """Set the thresholds."""
        if not self.uid.size:
            return
        low, high = -np.inf if self.low is None else self.low, np.inf if self.high is None else self.high
        threshold = np.clip(self.base + self.theta, low, high)
        self.theta = np.where(
            (threshold == low) | (threshold == high), threshold - self.base, self.theta
        )  # does not wind up
        if not np.array_equal(threshold, self.written):
            setattr(self._neurons(), self.parameter, threshold)
        self.written = threshold

    def arrays(self) -> dict[str, np.ndarray]:
        """What `save` keeps."""
        return {n: getattr(self, n) for n in ("uid", "theta", "base", "written")} | {"step": np.array([self.step])}

    def set_arrays(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` gave."""
        for name in ("uid", "theta", "base", "written"):
            setattr(self, name, np.array(arrays[name]))
        self.step = int(arrays["step"][0])
