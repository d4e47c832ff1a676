"""Voltage-based STDP: the description, and its scalar functions.

The functions are not called from here: kernels/events.py takes their source into compiled loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurosim.checks import check_not_negative, check_number, check_positive, names_checked, settle
from neurosim.plasticity.mechanism import Mechanism, Trace
from neurosim.plasticity.parameters import check_bounds, check_sees


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class ClopathSTDP:
    """The voltage of the target decides: low-passed at a presynaptic spike for depression, momentary for potentiation.

    With the voltage u and its averages u_bar_plus, u_bar_minus and u_bar_bar of the target (`AdExClopath`), and a
    presynaptic trace x that grows by 1 / tau_x at each spike ([.]+ is the positive part)::

        pre spike at the synapse:  w -= A * [u_bar_minus - theta_minus]+
        every step:                w += a_ltp * x * [u - theta_plus]+ * [u_bar_plus - theta_minus]+ * dt
        A = a_ltd,  or  a_ltd * (u_bar_bar - u_rest)**2 / u_ref2  where u_ref2 is given (homeostasis)

    u_bar_plus and u_bar_minus are those of `delay_u_bars` before.  All voltages are seen at the synapse with its dendritic
    delay.  After every change w is clipped to [w_min, w_max].  The target may be any model that has these four variables
    (u is `v`); only the steps with u above theta_plus are kept.  NEST: `clopath_synapse`, where all but tau_x and the
    bounds are parameters of the neuron, u_rest is 0, and the delayed averages begin at 0 mV.

    Parameters
    ----------
    a_ltd : float
        Amplitude of depression (units of the weight per mV, not negative).
    a_ltp : float
        Amplitude of potentiation (units of the weight per mV**2, not negative).
    theta_minus, theta_plus : float
        Thresholds of the averages, and of the voltage (mV).
    tau_x : float
        Time constant of the presynaptic trace (ms).
    delay_u_bars : float
        By how much the averages are late (ms, a multiple of dt): not in the paper, but in the authors' code, so that a
        spike does not potentiate with its own upswing.
    u_ref2 : float, optional
        Square of the depolarisation at which A is a_ltd (mV**2); 60 in the paper.  None: A does not depend on it.
    u_rest : float
        Voltage from which the depolarisation u_bar_bar - u_rest is counted (mV).
    w_min, w_max : float
        Bounds of the weight.
    sees : {"delay", "spikes"}
        When the synapse sees spikes and voltages, as in `PairSTDP`.

    Examples
    --------
    >>> ClopathSTDP(u_ref2=60.0, w_max=3.0).mechanism.post_event.__name__
    'depolarised'

    References
    ----------
    Clopath, Buesing, Vasilaki & Gerstner (2010) Nat. Neurosci. 13:344; authors' code: ModelDB 144566.
    """

    a_ltd: float = 14e-5
    a_ltp: float = 8e-5
    theta_minus: float = -70.6
    theta_plus: float = -45.3
    tau_x: float = 15.0
    delay_u_bars: float = 5.0
    u_ref2: float | None = None
    u_rest: float = -70.6
    w_min: float = 0.0
    w_max: float = 1.0
    sees: str = "delay"

    evaluation: ClassVar[str] = "stepwise history"

    def __post_init__(self) -> None:
        for name in ("a_ltd", "a_ltp"):
            settle(self, name, check_not_negative)
        for name in ("theta_minus", "theta_plus", "u_rest"):
            settle(self, name, check_number, "mV")
        settle(self, "tau_x", check_positive, "ms")
        settle(self, "delay_u_bars", check_not_negative, "ms")
        if self.u_ref2 is not None:
            settle(self, "u_ref2", check_positive)
        check_bounds(self)
        check_sees(self)

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _CONSTANT if self.u_ref2 is None else _HOMEOSTATIC


def depolarised(v, late_u_bar_plus, a_ltp, theta_plus, theta_minus, dt):
    """What a step at this voltage potentiates, but for the presynaptic trace; 0 in most steps."""
    return a_ltp * max(v - theta_plus, 0.0) * max(late_u_bar_plus - theta_minus, 0.0) * dt


def clopath_post(w, x, value, tau_x):
    """The weight after a step of depolarisation."""
    return w + value * x / tau_x


def clopath_pre(w, post_late_u_bar_minus, a_ltd, theta_minus):
    """The weight after a presynaptic spike."""
    return w - a_ltd * max(post_late_u_bar_minus - theta_minus, 0.0)


def homeostatic_pre(w, post_late_u_bar_minus, post_u_bar_bar, a_ltd, theta_minus, u_ref2, u_rest):
    """The weight after a presynaptic spike, where depression depends on the mean depolarisation."""
    amplitude = a_ltd * (post_u_bar_bar - u_rest) * (post_u_bar_bar - u_rest) / u_ref2
    return w - amplitude * max(post_late_u_bar_minus - theta_minus, 0.0)


def _mechanism(name, on_pre, *more):
    return Mechanism(
        name,
        traces=(("x", Trace("pre", "tau_x")),),
        parameters=("a_ltd", "a_ltp", "theta_minus", "theta_plus", "tau_x", *more),
        on_pre=on_pre,
        on_post=clopath_post,
        post_event=depolarised,
        lag="delay_u_bars",
    )


_CONSTANT = _mechanism("clopath", clopath_pre)
_HOMEOSTATIC = _mechanism("clopath_homeostatic", homeostatic_pre, "u_ref2", "u_rest")
