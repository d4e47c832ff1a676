"""Optimisers: how a gradient becomes a change of a weight, with the few numbers that a synapse keeps for it.

They know arrays only, one entry per synapse; who keeps them while synapses come and go is `SynapseMemory`.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from neurosim.checks import check_not_negative, check_number, check_positive, names_checked
from neurosim.errors import ParameterError


class Optimizer(Protocol):
    """A rule from gradients to changes; `kept` counts the numbers that each synapse keeps between updates (0 at birth)."""

    kept: ClassVar[int]

    def change(self, gradient: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Changes of the weights, float64 [synapses]; `kept` [kept, synapses] is updated in place."""
        ...


@names_checked
@dataclass(frozen=True)
class GradientDescent:
    """dw = -eta * gradient.

    Parameters
    ----------
    eta : float
        Learning rate, at least 0.
    """

    eta: float = 1e-4

    kept: ClassVar[int] = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta", check_not_negative("GradientDescent.eta", self.eta))

    def change(self, gradient: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Changes of the weights, float64 [synapses]."""
        return -self.eta * gradient


@names_checked
@dataclass(frozen=True)
class Adam:
    """Steps by the mean of recent gradients over the root of their mean square; 24 bytes a synapse.

    m' = beta_1 m + (1 - beta_1) g; s' = beta_2 s + (1 - beta_2) g^2; dw = -eta sqrt(1 - beta_2^n) / (1 - beta_1^n) * m /
    (sqrt(s) + epsilon), n the number of updates of this synapse.  epsilon stands where TensorFlow and NEST put it.

    Parameters
    ----------
    eta : float
        Learning rate, at least 0.
    beta_1, beta_2 : float
        In [0, 1).
    epsilon : float
        Positive; keeps the step finite.

    References
    ----------
    Kingma & Ba (2015) ICLR, the variant before their section 2.1.
    """

    eta: float = 1e-3
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    kept: ClassVar[int] = 3

    def __post_init__(self) -> None:
        object.__setattr__(self, "eta", check_not_negative("Adam.eta", self.eta))
        object.__setattr__(self, "epsilon", check_positive("Adam.epsilon", self.epsilon))
        for name in ("beta_1", "beta_2"):
            value = check_number(f"Adam.{name}", getattr(self, name))
            if not 0.0 <= value < 1.0:
                raise ParameterError(f"Adam.{name}: must lie in [0, 1), got {value!r}; for example Adam({name}=0.9)")
            object.__setattr__(self, name, value)

    def change(self, gradient: np.ndarray, kept: np.ndarray) -> np.ndarray:
        """Changes of the weights, float64 [synapses]; keeps m, s and n."""
        m, s, n = kept
        n += 1.0
        m += (1.0 - self.beta_1) * (gradient - m)
        s += (1.0 - self.beta_2) * (gradient * gradient - s)
        rate = self.eta * np.sqrt(1.0 - self.beta_2**n) / (1.0 - self.beta_1**n)
        return -rate * m / (np.sqrt(s) + self.epsilon)


class SynapseMemory:
    """Numbers that belong to synapses and follow them by their identity, whatever is born and dies between two looks.

    Attributes
    ----------
    ident : int64 [synapses]
    table : float64 [numbers, synapses]
    """

    def __init__(self, numbers: int) -> None:
        self.ident = np.zeros(0, np.int64)
        self.table = np.zeros((numbers, 0))

    def of(self, ident: np.ndarray) -> np.ndarray:
        """The numbers of these synapses, 0 for those not seen before; what is written into them is kept, others are forgotten."""
        if not np.array_equal(ident, self.ident):
            order = np.argsort(self.ident)
            place = np.searchsorted(self.ident[order], ident)
            place[place == self.ident.size] = 0
            known = self.ident[order][place] == ident if self.ident.size else np.zeros(ident.size, np.bool_)
            table = np.zeros((self.table.shape[0], ident.size))
            table[:, known] = self.table[:, order[place[known]]]
            self.ident, self.table = ident, table
        return self.table

    @property
    def nbytes(self) -> int:
        """Memory (bytes)."""
        return self.ident.nbytes + self.table.nbytes
