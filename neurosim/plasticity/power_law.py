"""Spike-timing dependent plasticity whose potentiation grows with a power of the weight: the description, and its functions.

The functions are not called from here: kernels/lazy.py inlines their source into compiled loops, where `power` exists.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neurosim.checks import check_not_negative, check_positive, names_checked, settle
from neurosim.plasticity.mechanism import Mechanism, Trace
from neurosim.plasticity.parameters import check_bounds, check_sees

if TYPE_CHECKING:
    from neurosim.kernels.mathematics import power


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLawSTDP:
    """Pair STDP in which strong synapses are potentiated more in absolute, less in relative terms, and depressed in proportion.

    All pairs count.  With traces x (pre) and y (post) that grow by 1 at each spike and decay with `tau_plus` and
    `tau_minus`::

        post spike at the synapse:  w += lam * w0**(1 - mu) * w**mu * x
        pre spike at the synapse:   w -= alpha * lam * w * y

    and after every single change w is clipped to [w_min, w_max].  Order and coincident pairs are those of `PairSTDP`.
    With `mu` below 1 both drifts balance at one weight, so that weights have a distribution with a single peak.

    Parameters
    ----------
    lam : float
        Learning rate (not negative).
    alpha : float
        Depression over potentiation (not negative).
    mu : float
        Exponent of potentiation (not negative); below 1 it is sublinear in the weight.
    tau_plus, tau_minus : float
        Time constants of the traces (ms).
    w0 : float
        The weight (same unit) at which potentiation is `lam` times the weight for any `mu`.
    w_min, w_max : float
        Bounds of the weight; `w_min` at least 0, `w_max` may be infinite.
    sees : {"delay", "spikes"}
        When the synapse sees spikes, as in `PairSTDP`.

    Notes
    -----
    NEST's `stdp_pl_synapse_hom`, in which w0 is 1 and the weight has no upper bound.  A synapse at exactly 0 stays there
    for ever if mu > 0; one that grows from nothing should start at a small positive weight.

    With dtype="float32" the power itself has a relative error below 1.6e-7 (mu up to 1).

    Examples
    --------
    >>> PowerLawSTDP(alpha=0.1, w0=1.0).growth
    0.1

    References
    ----------
    Morrison, Aertsen & Diesmann (2007) Neural Comput. 19:1437.
    """

    lam: float = 0.1
    alpha: float = 1.0
    mu: float = 0.4
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    w0: float = 1.0
    w_min: float = 0.0
    w_max: float = math.inf
    sees: str = "delay"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        for name in ("lam", "alpha", "mu", "w_min"):
            settle(self, name, check_not_negative)
        for name in ("tau_plus", "tau_minus"):
            settle(self, name, check_positive, "ms")
        settle(self, "w0", check_positive)
        check_bounds(self)
        check_sees(self)

    @property
    def growth(self) -> float:
        """Potentiation of a synapse of weight 1 by one pair without delay: lam * w0**(1 - mu)."""
        return float(self.lam * self.w0 ** (1.0 - self.mu))

    @property
    def loss(self) -> float:
        """Share of the weight that one pair without delay takes away: alpha * lam."""
        return float(self.alpha * self.lam)

    @property
    def functions(self) -> tuple[Callable[..., float], Callable[..., float], bool]:
        """(potentiate, depress, one-sided) as kernels/lazy.py takes them; rules with the same can share a pool."""
        up = potentiate_evenly if self.mu == 0.0 else potentiate_in_proportion if self.mu == 1.0 else potentiate
        return up, depress, True

    @property
    def mechanism(self) -> Mechanism:
        """The same rule for the general engine, which composes it with others and rounds to few bits."""
        up, down, _ = self.functions
        return Mechanism(
            name="power_law_stdp",
            traces=(("x", Trace("pre", "tau_plus")), ("y", Trace("post", "tau_minus"))),
            parameters=("w_min", "w_max", "growth", "loss", "mu"),
            on_pre=down,
            on_post=up,
        )


def potentiate(w: float, x: float, growth: float, mu: float) -> float:
    """The weight after a postsynaptic spike that sees the presynaptic trace x."""
    return w + growth * power(w, mu) * x


def potentiate_evenly(w: float, x: float, growth: float) -> float:
    """As potentiate, with mu = 0."""
    return w + growth * x


def potentiate_in_proportion(w: float, x: float, growth: float) -> float:
    """As potentiate, with mu = 1."""
    return w + growth * w * x


def depress(w: float, y: float, loss: float) -> float:
    """The weight after a presynaptic spike that sees the postsynaptic trace y."""
    return w - loss * w * y
