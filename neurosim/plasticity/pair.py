"""Pair-based spike-timing dependent plasticity: the description, and its two scalar functions.

The functions are not called from here: kernels/lazy.py inlines their source into compiled loops, where `power` exists.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neurosim.checks import check_not_negative, check_number, check_positive, did_you_mean, names_checked, settle
from neurosim.errors import ParameterError
from neurosim.plasticity.mechanism import Mechanism, Trace

if TYPE_CHECKING:
    from neurosim.kernels.mathematics import power

SEES = ("delay", "spikes")


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class PairSTDP:
    """Each pair of a presynaptic and a postsynaptic spike changes the weight, by an amount that fades with their distance.

    All pairs count.  With traces x (pre) and y (post) that grow by 1 at each spike and decay with `tau_plus` and
    `tau_minus`::

        post spike at the synapse:  w += a_plus  * ((w_max - w) / (w_max - w_min))**mu_plus  * x
        pre spike at the synapse:   w -= a_minus * ((w - w_min) / (w_max - w_min))**mu_minus * y

    and after every single change w is clipped to [w_min, w_max].  A coincident pair does not count itself: the post
    spike sees the older x and comes first, the pre spike sees the older y (as in NEST's `stdp_synapse`).

    Parameters
    ----------
    a_plus, a_minus : float
        Size of potentiation and of depression (both in units of the weight, not negative).
    tau_plus, tau_minus : float
        Time constants of the traces (ms).
    w_min, w_max : float
        Bounds of the weight; for inhibitory synapses for instance -1 and 0.
    mu_plus, mu_minus : float
        Dependence on the weight, in [0, 1] usually: 0 additive (Song et al. 2000), 1 multiplicative (Rubin et al. 2001),
        between them Guetig et al. (2003).
    sees : {"delay", "spikes"}
        "delay": the synapse sees a postsynaptic spike as much later as its delay is dendritic, and a presynaptic one
        when it has travelled down its axon.  "spikes": it sees both when they are fired, the delay acts on transmission
        only; this is what the literature calls "no delay".

    Examples
    --------
    >>> PairSTDP(a_plus=0.005, a_minus=0.00525).additive
    True

    References
    ----------
    Song, Miller & Abbott (2000) Nat. Neurosci. 3:919; Morrison, Diesmann & Gerstner (2008) Biol. Cybern. 98:459.
    """

    a_plus: float = 0.01
    a_minus: float = 0.012
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    w_min: float = 0.0
    w_max: float = 1.0
    mu_plus: float = 0.0
    mu_minus: float = 0.0
    sees: str = "delay"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        for name in ("a_plus", "a_minus", "mu_plus", "mu_minus"):
            settle(self, name, check_not_negative)
        for name in ("tau_plus", "tau_minus"):
            settle(self, name, check_positive, "ms")
        low, high = (settle(self, name, check_number) for name in ("w_min", "w_max"))
        if low >= high:
            raise ParameterError(
                f"PairSTDP.w_max: must be above w_min = {low:g}, got {high:g}; for example w_min=0.0, w_max=1.0"
            )
        if self.sees not in SEES:
            raise ParameterError(
                f"PairSTDP.sees: must be 'delay' or 'spikes', got {self.sees!r}.{did_you_mean(str(self.sees), SEES)}"
            )

    @property
    def additive(self) -> bool:
        """Whether changes do not depend on the weight."""
        return self.mu_plus == 0.0 and self.mu_minus == 0.0

    @property
    def functions(self) -> tuple[Callable[..., float], Callable[..., float], bool]:
        """(potentiate, depress, one-sided) as kernels/lazy.py takes them; rules with the same can share a pool."""
        up = (
            potentiate_additive
            if self.mu_plus == 0.0
            else potentiate_multiplicative
            if self.mu_plus == 1.0
            else potentiate_power
        )
        down = (
            depress_additive
            if self.mu_minus == 0.0
            else depress_multiplicative
            if self.mu_minus == 1.0
            else depress_power
        )
        return up, down, True

    @property
    def mechanism(self) -> Mechanism:
        """The same rule for the general engine, which composes it with others and rounds to few bits."""
        up, down, _ = self.functions
        return Mechanism(
            name="pair_stdp",
            traces=(("x", Trace("pre", "tau_plus")), ("y", Trace("post", "tau_minus"))),
            parameters=("w_min", "w_max", "a_plus", "a_minus", "mu_plus", "mu_minus"),
            on_pre=down,
            on_post=up,
        )


def potentiate_additive(w: float, x: float, a_plus: float) -> float:
    """The weight after a postsynaptic spike that sees the presynaptic trace x; mu_plus = 0."""
    return w + a_plus * x


def potentiate_multiplicative(w: float, x: float, w_min: float, w_max: float, a_plus: float) -> float:
    """As potentiate_additive, times the share of room left above; mu_plus = 1."""
    return w + a_plus * ((w_max - w) / (w_max - w_min)) * x


def potentiate_power(w: float, x: float, w_min: float, w_max: float, a_plus: float, mu_plus: float) -> float:
    """As potentiate_additive, times the share of room left above to the power of mu_plus."""
    return w + a_plus * power((w_max - w) / (w_max - w_min), mu_plus) * x


def depress_additive(w: float, y: float, a_minus: float) -> float:
    """The weight after a presynaptic spike that sees the postsynaptic trace y; mu_minus = 0."""
    return w - a_minus * y


def depress_multiplicative(w: float, y: float, w_min: float, w_max: float, a_minus: float) -> float:
    """As depress_additive, times the share of room left below; mu_minus = 1."""
    return w - a_minus * ((w - w_min) / (w_max - w_min)) * y


def depress_power(w: float, y: float, w_min: float, w_max: float, a_minus: float, mu_minus: float) -> float:
    """As depress_additive, times the share of room left below to the power of mu_minus."""
    return w - a_minus * power((w - w_min) / (w_max - w_min), mu_minus) * y
