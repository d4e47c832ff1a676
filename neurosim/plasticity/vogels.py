"""Inhibitory plasticity that balances excitation: the description, and its two scalar functions.

The functions are not called from here: kernels/events.py takes their source into compiled loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurosim.checks import check_not_negative, check_positive, names_checked, settle
from neurosim.errors import ParameterError
from neurosim.plasticity.mechanism import Mechanism, Trace
from neurosim.plasticity.parameters import check_bounds, check_sees


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class VogelsSTDP:
    """Near-coincident spikes strengthen an (inhibitory) synapse, lonely presynaptic ones weaken it.

    With traces x (pre) and y (post) that grow by 1 at each spike and decay with `tau`, and s the strength (w itself, or -w
    where w_max <= 0: an inhibitory weight is a negative number)::

        post spike at the synapse:  s += eta * x
        pre spike at the synapse:   s += eta * (y - alpha),  alpha = 2 * target_rate * tau

    so that the postsynaptic neuron is driven to `target_rate`.  After every change w is clipped to [w_min, w_max].
    NEST: `vogels_sprekeler_synapse`, which clips once more between y and alpha.

    Parameters
    ----------
    eta : float
        Learning rate (units of the weight).
    tau : float
        Time constant of the traces (ms).
    target_rate : float
        Rate to which the rule drives the postsynaptic neuron (Hz).
    w_min, w_max : float
        Bounds of the weight: of one sign.
    sees : {"delay", "spikes"}
        When the synapse sees spikes, as in `PairSTDP`.

    Examples
    --------
    >>> VogelsSTDP(target_rate=3.0, tau=20.0).alpha
    0.12

    References
    ----------
    Vogels, Sprekeler, Zenke, Clopath & Gerstner (2011) Science 334:1569.
    """

    eta: float = 0.001
    tau: float = 20.0
    target_rate: float = 3.0
    w_min: float = -1.0
    w_max: float = 0.0
    sees: str = "delay"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        settle(self, "eta", check_not_negative)
        settle(self, "tau", check_positive, "ms")
        settle(self, "target_rate", check_not_negative, "Hz")
        check_bounds(self)
        check_sees(self)
        if self.w_min < 0.0 < self.w_max:
            raise ParameterError(
                f"VogelsSTDP.w_max: weights must keep their sign, got w_min = {self.w_min:g} and w_max = {self.w_max:g}; "
                "for inhibitory synapses for example w_min=-1.0, w_max=0.0"
            )

    @property
    def alpha(self) -> float:
        """Depression at each presynaptic spike in units of eta: 2 target_rate tau."""
        return 2.0 * self.target_rate * self.tau / 1000.0

    @property
    def direction(self) -> float:
        """Sign of the weights: -1 where they are inhibitory."""
        return -1.0 if self.w_max <= 0.0 else 1.0

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _MECHANISM


def vogels_post(w, x, eta, direction):
    """The weight after a postsynaptic spike."""
    return w + direction * eta * x


def vogels_pre(w, y, eta, alpha, direction):
    """The weight after a presynaptic spike."""
    return w + direction * eta * (y - alpha)


_MECHANISM = Mechanism(
    "vogels",
    traces=(("x", Trace("pre", "tau")), ("y", Trace("post", "tau"))),
    parameters=("eta", "alpha", "direction"),
    on_pre=vogels_pre,
    on_post=vogels_post,
)
