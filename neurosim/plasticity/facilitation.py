"""Facilitating synapses whose use of resources rests at U (Mongillo, Barak & Tsodyks 2008): description and scalar functions.

Knows no projection.  The functions are not called from here: kernels/events.py takes their source into compiled loops, where
`exp` exists.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from neurosim.checks import check_number, check_positive, names_checked, settle
from neurosim.errors import ParameterError
from neurosim.plasticity.mechanism import Mechanism, Variable
from neurosim.plasticity.parameters import check_bounds, check_sees

if TYPE_CHECKING:
    from neurosim.kernels.mathematics import exp


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Facilitation:
    """A synapse that facilitates and tires: u relaxes to U, x to 1, and a spike delivers w u x with the raised u.

    ::

        du/dt = (U - u) / tau_fac,   u -> u + U (1 - u)   at a spike,
        dx/dt = (1 - x) / tau_rec,   x -> x - u x         after it.

    u and x belong to the presynaptic neuron and cost nothing per synapse; between spikes they are not touched, and
    ``projection.source_variable("u")`` says what they are now.  In `ShortTerm` (Tsodyks & Markram 1997) u relaxes to 0.  With
    the same spikes and parameters u here is U + (1 - U) u there, so that a rested synapse delivers w U (2 - U) and not w U; no
    choice of parameters makes the two the same, since resources are used by u.

    Parameters
    ----------
    U : float
        Share of the resources at rest, between 0 and 1.
    tau_rec, tau_fac : float
        Time constants of x (depression) and u (facilitation), ms.
    w_min, w_max : float
        Bounds of the weight; none by default.
    sees : {"delay", "spikes"}
        Makes no difference here; a rule next to it must say the same.

    Examples
    --------
    >>> rule = Facilitation(U=0.2, tau_rec=200.0, tau_fac=1500.0)
    >>> round(rule.steady(20.0)[0], 3)  # u while its neuron fires at 20 Hz
    0.886

    References
    ----------
    Mongillo, Barak & Tsodyks (2008) Science 319:1543.
    """

    U: float = 0.2
    tau_rec: float = 200.0
    tau_fac: float = 1500.0
    w_min: float = -math.inf
    w_max: float = math.inf
    sees: str = "delay"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        if not 0.0 < settle(self, "U", check_number) < 1.0:
            raise ParameterError(f"Facilitation.U: must be between 0 and 1, got {self.U!r}; for example U=0.2")
        settle(self, "tau_rec", check_positive, "ms")
        settle(self, "tau_fac", check_positive, "ms")
        check_bounds(self)
        check_sees(self)

    @property
    def rate_rec(self) -> float:
        """1 / tau_rec (1/ms)."""
        return 1.0 / self.tau_rec

    @property
    def rate_fac(self) -> float:
        """1 / tau_fac (1/ms)."""
        return 1.0 / self.tau_fac

    @property
    def rested(self) -> float:
        """What is kept as x of a neuron that has not fired: with u = U nothing is missing."""
        return 1.0 / (1.0 - self.U)

    def relaxed(self, elapsed: np.ndarray, u: np.ndarray, x: np.ndarray) -> dict[str, np.ndarray]:
        """u and x `elapsed` ms after the spike that left these behind (arrays)."""
        stays, missing = np.exp(-elapsed * self.rate_fac), np.exp(-elapsed * self.rate_rec)
        return {"u": self.U + (u - self.U) * stays, "x": 1.0 + (x - x * u - 1.0) * missing}

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _MECHANISM

    def steady(self, rate: float) -> tuple[float, float]:
        """u and x in the mean-field equations at a constant rate (Hz).

        Parameters
        ----------
        rate : float
            Rate (Hz); u = U (1 + tau_fac rate) / (1 + U tau_fac rate), x = 1 / (1 + u tau_rec rate), rate in 1/ms.
        """
        per_ms = 1e-3 * rate
        u = self.U * (1.0 + self.tau_fac * per_ms) / (1.0 + self.U * self.tau_fac * per_ms)
        return u, 1.0 / (1.0 + u * self.tau_rec * per_ms)


def use_row(u, x, elapsed, U, rate_rec, rate_fac):
    """u (raised) and x at a spike; `elapsed`: since the one before, of which u and x are."""
    before = U + (u - U) * exp(-elapsed * rate_fac)
    return before + U * (1.0 - before), 1.0 + (x - x * u - 1.0) * exp(-elapsed * rate_rec)


def delivered(w, u, x):
    """What a spike delivers."""
    return w * u * x


_MECHANISM = Mechanism(
    "facilitation_row",
    row=(("u", Variable("U")), ("x", Variable("rested"))),
    parameters=("U", "rate_rec", "rate_fac"),
    on_row=use_row,
    transmit=delivered,
)
