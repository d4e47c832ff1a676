"""Growth curves of synaptic elements: how fast they grow or retract at a firing rate.  They know no network and no time."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from neurosim.checks import check_finite_array, check_not_negative, check_number, check_positive
from neurosim.errors import ParameterError

#: A number for all neurons, or a function of their uids (int64 array) that gives one number each.  The function is asked
#: when neurons join, not again while they live.
PerNeuron = float | Callable[[np.ndarray], np.ndarray]


class GrowthCurve(Protocol):
    """dz/dt = growth * shape((r - centre) / width), r being the trace of a neuron's firing (Hz)."""

    kind: ClassVar[int]  # as the kernels number the shapes

    def parameters(self, uid: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(growth in elements per ms, centre, width) of each neuron, float64; for the linear curve the centre is the target."""
        ...


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

    kind: ClassVar[int] = 0
    rate: PerNeuron
    target: PerNeuron

    def __post_init__(self) -> None:
        if not callable(self.rate):
            check_number("LinearGrowth.rate", self.rate, "1/s")
        if not callable(self.target):
            check_positive("LinearGrowth.target", self.target, "Hz")

    def parameters(self, uid: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        target = per_neuron("LinearGrowth.target", self.target, uid)
        refuse("LinearGrowth.target: must be positive (Hz)", target, target <= 0, uid)
        return per_neuron("LinearGrowth.rate", self.rate, uid) * 1e-3, target, np.ones(uid.size)

    def grown(self, elapsed: float, integral: np.ndarray, uid: np.ndarray) -> np.ndarray:
        """Elements grown in `elapsed` ms, given the integral of the rate over them (Hz ms), of the neurons `uid`."""
        growth, target, _ = self.parameters(uid)
        return growth * (elapsed - integral / target)


@dataclass(frozen=True)
class GaussianGrowth:
    """dz/dt = rate (2 exp(-((r - xi) / zeta)^2) - 1): elements grow between two firing rates and retract outside.

    xi = (eta + eps) / 2 and zeta = (eps - eta) / (2 sqrt(ln 2)), so that growth is 0 exactly at eta and at eps.

    Parameters
    ----------
    rate : float, or function of uids
        Elements per second midway between eta and eps.
    eta : float, or function of uids
        Hz; below it elements retract.
    eps : float, or function of uids
        Hz, above eta: the set point, above it elements retract.

    Notes
    -----
    NEST's eta and eps are in units of its calcium, Ca = r tau beta / 1000: with its tau_Ca = 10,000 ms and beta_Ca = 0.001
    a Ca of 0.05 is 5 Hz.

    References
    ----------
    Butz & van Ooyen (2013) PLoS Comput. Biol. 9:e1003259.
    """

    kind: ClassVar[int] = 1
    rate: PerNeuron
    eta: PerNeuron
    eps: PerNeuron

    def __post_init__(self) -> None:
        if not callable(self.rate):
            check_number("GaussianGrowth.rate", self.rate, "1/s")
        if not callable(self.eta):
            check_not_negative("GaussianGrowth.eta", self.eta, "Hz")
        if not callable(self.eps):
            check_positive("GaussianGrowth.eps", self.eps, "Hz")
        if not callable(self.eta) and not callable(self.eps) and self.eps <= self.eta:
            raise ParameterError(
                f"GaussianGrowth.eps: must be above eta = {self.eta:g} Hz, got {self.eps:g}; for example eps={self.eta + 5:g}"
            )

    def parameters(self, uid: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        eta, eps = per_neuron("GaussianGrowth.eta", self.eta, uid), per_neuron("GaussianGrowth.eps", self.eps, uid)
        refuse("GaussianGrowth.eps: must be above eta (Hz)", eps, eps <= eta, uid)
        growth = per_neuron("GaussianGrowth.rate", self.rate, uid) * 1e-3
        return growth, 0.5 * (eta + eps), (eps - eta) / (2.0 * math.sqrt(math.log(2.0)))


@dataclass(frozen=True)
class SigmoidGrowth:
    """dz/dt = rate (2 / (1 + exp((r - eps) / psi)) - 1): grows below eps, retracts above, never faster than `rate`.

    Parameters
    ----------
    rate : float, or function of uids
        Elements per second, far below eps.
    eps : float, or function of uids
        Hz; the set point.
    psi : float, or function of uids
        Hz; how gradual the change is.
    """

    kind: ClassVar[int] = 2
    rate: PerNeuron
    eps: PerNeuron
    psi: PerNeuron

    def __post_init__(self) -> None:
        if not callable(self.rate):
            check_number("SigmoidGrowth.rate", self.rate, "1/s")
        if not callable(self.eps):
            check_not_negative("SigmoidGrowth.eps", self.eps, "Hz")
        if not callable(self.psi):
            check_positive("SigmoidGrowth.psi", self.psi, "Hz")

    def parameters(self, uid: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        psi = per_neuron("SigmoidGrowth.psi", self.psi, uid)
        refuse("SigmoidGrowth.psi: must be positive (Hz)", psi, psi <= 0, uid)
        growth = per_neuron("SigmoidGrowth.rate", self.rate, uid) * 1e-3
        return growth, per_neuron("SigmoidGrowth.eps", self.eps, uid), psi


def per_neuron(name: str, value: PerNeuron, uid: np.ndarray) -> np.ndarray:
    """`value` for each of the neurons `uid`, float64 [neurons]."""
    return check_finite_array(name, value(uid) if callable(value) else value, uid.size)


def refuse(said: str, value: np.ndarray, wrong: np.ndarray, uid: np.ndarray) -> None:
    """Raise if a neuron's value is wrong."""
    if wrong.any():
        raise ParameterError(f"{said}, got {value[wrong][0]:g} for neuron {uid[wrong][0]}")
