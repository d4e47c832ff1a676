"""Binary synapses that become reluctant to change: the cascade model, its description and its scalar functions.

The functions are not called from here: kernels/events.py takes their source into compiled loops, where `power` exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_number, check_positive, names_checked, settle
from neurosim.errors import ParameterError
from neurosim.plasticity.mechanism import Mechanism, Trace, Variable
from neurosim.plasticity.parameters import check_bounds, check_sees

if TYPE_CHECKING:
    from neurosim.kernels.mathematics import power


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class Cascade:
    """A weight of two values, each with a cascade of levels: the deeper a synapse, the less readily it switches.

    Spikes propose: with traces x and y of the last pre- and postsynaptic spike (1 at the spike, decaying with `tau_plus`
    and `tau_minus`), a postsynaptic spike is a candidate for potentiation with probability min(1, a_plus x), a presynaptic
    one a candidate for depression with probability min(1, a_minus y).  A candidate against the present strength switches
    the synapse, to the top level of the other strength; one in favour of it moves it down by a level::

        switch from level k:  ratio**(k - 1),  from the last level ratio**(levels - 1) / (1 - ratio)
        move down from k:     ratio**k / (1 - ratio)

    so that with as many candidates of either kind all levels are equally occupied.  A synapse is strong where w is above the
    middle of w_min and w_max, and what switches becomes w_max or w_min: begin with weights of these two values.  The level
    is `projection.variable("level")`, 1 on top.

    Parameters
    ----------
    levels : int
        Number of levels of each strength; 1 is a plain binary synapse.
    ratio : float
        x in the paper, in (0, 0.5].
    a_plus, a_minus : float
        Probability of a candidate at a coincidence (may be above 1: certain up to some distance).
    tau_plus, tau_minus : float
        Time constants of the traces (ms).
    first_level : int
        Level of a newborn synapse.
    w_min, w_max : float
        The two weights.
    sees : {"delay", "spikes"}
        When the synapse sees spikes, as in `PairSTDP`.

    Examples
    --------
    >>> Cascade(levels=3).chances
    ((1.0, 0.5, 0.5), (1.0, 0.5, 0.0))

    References
    ----------
    Fusi, Drew & Abbott (2005) Neuron 45:599.
    """

    levels: int = 8
    ratio: float = 0.5
    a_plus: float = 1.0
    a_minus: float = 1.0
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    first_level: int = 1
    w_min: float = 0.0
    w_max: float = 1.0
    sees: str = "delay"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        settle(self, "levels", check_count, least=1)
        settle(self, "first_level", check_count, least=1)
        settle(self, "ratio", check_number)
        for name in ("a_plus", "a_minus"):
            settle(self, name, check_not_negative)
        for name in ("tau_plus", "tau_minus"):
            settle(self, name, check_positive, "ms")
        check_bounds(self)
        check_sees(self)
        if not 0.0 < self.ratio <= 0.5:
            raise ParameterError(
                f"Cascade.ratio: must be above 0 and at most 0.5, got {self.ratio:g}; the paper has 0.5"
            )
        if self.first_level > self.levels:
            raise ParameterError(f"Cascade.first_level: at most levels = {self.levels}, got {self.first_level}")
        if not (np.isfinite(self.w_min) and np.isfinite(self.w_max)):
            raise ParameterError("Cascade.w_max: needs two weights, for example w_min=0.0, w_max=1.0")

    @property
    def chances(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """What a candidate does at each level, from the top: probabilities to switch, and to move down."""
        k = range(1, self.levels + 1)
        r = self.ratio
        down = tuple(r**i / (1.0 - r) if i < self.levels else 0.0 for i in k)
        return tuple(r ** (i - 1) if i < self.levels else min(1.0, r ** (i - 1) / (1.0 - r)) for i in k), down

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _MECHANISM


def moved(w, level, up, uniform, chance, levels, ratio, w_min, w_max):
    """Weight and level after a candidate of probability `chance`, for potentiation if `up`."""
    strong = w > 0.5 * (w_min + w_max)
    deep = power(ratio, level - 1.0)
    if strong == up:
        goes = level < levels and uniform < chance * deep * ratio / (1.0 - ratio)
        return w, (level + 1.0 if goes else level)
    goes = uniform < chance * (deep if level < levels else min(1.0, deep / (1.0 - ratio)))
    return ((w_max if up else w_min) if goes else w), (1.0 if goes else level)


def cascade_post(w, level, x, uniform, a_plus, levels, ratio, w_min, w_max):
    return moved(w, level, True, uniform, min(1.0, a_plus * x), levels, ratio, w_min, w_max)


def cascade_pre(w, level, y, uniform, a_minus, levels, ratio, w_min, w_max):
    return moved(w, level, False, uniform, min(1.0, a_minus * y), levels, ratio, w_min, w_max)


_MECHANISM = Mechanism(
    "cascade",
    traces=(("x", Trace("pre", "tau_plus", "set")), ("y", Trace("post", "tau_minus", "set"))),
    variables=(("level", Variable("first_level")),),
    parameters=("a_plus", "a_minus", "levels", "ratio", "w_min", "w_max"),
    on_pre=cascade_pre,
    on_post=cascade_post,
    helpers=(moved,),
)
