"""STDP gated by dopamine through an eligibility trace: the description, and its two scalar functions.

The functions are not called from here: kernels/events.py takes their source into compiled loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurosim.checks import check_not_negative, check_number, check_positive, names_checked, settle
from neurosim.plasticity.mechanism import Mechanism, Trace, Variable
from neurosim.plasticity.parameters import check_bounds, check_sees


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class DopamineSTDP:
    """Spike pairs leave an eligibility trace c, and dopamine turns it into a change of the weight.

    With traces x (pre) and y (post) that grow by 1 at each spike, and n the level of the modulator::

        post spike at the synapse:  c += a_plus * x
        pre spike at the synapse:   c -= a_minus * y
        between spikes:             dc/dt = -c / tau_c,   dw/dt = c * (n - baseline)

    solved exactly.  The level is that of ``connect(..., modulator=population)``, a population of one `Modulator`; with its
    time constant tau_n and spikes of weight 1 / tau_n this is NEST's `stdp_dopamine_synapse`.  w is clipped to
    [w_min, w_max] at every event of the synapse.

    Parameters
    ----------
    a_plus, a_minus : float
        What a pair adds to c (units of the weight, per unit of the level and ms; not negative).
    tau_plus, tau_minus : float
        Time constants of the traces (ms).
    tau_c : float
        Time constant of the eligibility trace (ms).
    baseline : float
        Level at which nothing changes (units of the level).
    w_min, w_max : float
        Bounds of the weight.
    sees : {"delay", "spikes"}
        When the synapse sees spikes, as in `PairSTDP`.

    Examples
    --------
    >>> DopamineSTDP(tau_c=500.0).mechanism.third_factor
    'c'

    References
    ----------
    Izhikevich (2007) Cereb. Cortex 17:2443; Potjans, Morrison & Diesmann (2010) Front. Comput. Neurosci. 4:141.
    """

    a_plus: float = 1.0
    a_minus: float = 1.5
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    tau_c: float = 1000.0
    baseline: float = 0.0
    w_min: float = 0.0
    w_max: float = 200.0
    sees: str = "delay"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        for name in ("a_plus", "a_minus"):
            settle(self, name, check_not_negative)
        for name in ("tau_plus", "tau_minus", "tau_c"):
            settle(self, name, check_positive, "ms")
        settle(self, "baseline", check_number)
        check_bounds(self)
        check_sees(self)

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _MECHANISM


def eligible_post(w, c, x, a_plus):
    """Weight and eligibility after a postsynaptic spike."""
    return w, c + a_plus * x


def eligible_pre(w, c, y, a_minus):
    """Weight and eligibility after a presynaptic spike."""
    return w, c - a_minus * y


_MECHANISM = Mechanism(
    "dopamine",
    traces=(("x", Trace("pre", "tau_plus")), ("y", Trace("post", "tau_minus"))),
    variables=(("c", Variable(0.0, tau="tau_c")),),
    parameters=("a_plus", "a_minus"),
    on_pre=eligible_pre,
    on_post=eligible_post,
    third_factor="c",
)
