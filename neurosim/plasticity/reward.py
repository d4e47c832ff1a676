"""Reward-modulated STDP, the general three-factor rule: the description, and its two scalar functions.

The functions are not called from here: kernels/events.py takes their source into compiled loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurosim.checks import check_number, check_positive, names_checked, settle
from neurosim.plasticity.mechanism import Mechanism, Trace, Variable
from neurosim.plasticity.parameters import check_bounds, check_sees


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class RewardSTDP:
    """What the synapse did is remembered in an eligibility trace e, and reward decides what becomes of it.

    With traces x (pre) and y (post) that grow by 1 at each spike, and R the level of the modulator::

        post spike at the synapse:  e += eta * (a_post + a_plus * x)
        pre spike at the synapse:   e += eta * (a_pre - a_minus * y)
        between spikes:             de/dt = -e / tau_e,   dw/dt = e * (R - baseline)

    solved exactly.  With R - baseline of mean 0 and independent of e the weight does not drift; with `baseline` the
    expected reward, what is followed by more reward than expected is learned.  The four amplitudes may have any sign:
    a_minus < 0 is a symmetric (Hebbian) window, a_pre and a_post are terms of single spikes.  The level is that of
    ``connect(..., modulator=population)``, a population of one `Modulator`.

    Parameters
    ----------
    eta : float
        Learning rate.
    a_plus, a_minus : float
        What a pair pre-post adds to e, and a pair post-pre takes from it.
    a_pre, a_post : float
        What a single presynaptic (postsynaptic) spike adds to e.
    tau_plus, tau_minus : float
        Time constants of the traces (ms).
    tau_e : float
        Time constant of the eligibility trace (ms); 100 to 10 000 in the literature.
    baseline : float
        Expected reward (units of the level).
    w_min, w_max : float
        Bounds of the weight.
    sees : {"delay", "spikes"}
        When the synapse sees spikes, as in `PairSTDP`.

    Examples
    --------
    >>> RewardSTDP(baseline=0.5).mechanism.third_factor
    'e'

    References
    ----------
    Fremaux & Gerstner (2016) Front. Neural Circuits 9:85.
    """

    eta: float = 1.0
    a_plus: float = 0.01
    a_minus: float = 0.01
    a_pre: float = 0.0
    a_post: float = 0.0
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    tau_e: float = 500.0
    baseline: float = 0.0
    w_min: float = 0.0
    w_max: float = 1.0
    sees: str = "delay"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        for name in ("eta", "a_plus", "a_minus", "a_pre", "a_post", "baseline"):
            settle(self, name, check_number)
        for name in ("tau_plus", "tau_minus", "tau_e"):
            settle(self, name, check_positive, "ms")
        check_bounds(self)
        check_sees(self)

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _MECHANISM


def reward_post(w, e, x, eta, a_plus, a_post):
    """Weight and eligibility after a postsynaptic spike."""
    return w, e + eta * (a_post + a_plus * x)


def reward_pre(w, e, y, eta, a_minus, a_pre):
    """Weight and eligibility after a presynaptic spike."""
    return w, e + eta * (a_pre - a_minus * y)


_MECHANISM = Mechanism(
    "reward",
    traces=(("x", Trace("pre", "tau_plus")), ("y", Trace("post", "tau_minus"))),
    variables=(("e", Variable(0.0, tau="tau_e")),),
    parameters=("eta", "a_plus", "a_minus", "a_pre", "a_post"),
    on_pre=reward_pre,
    on_post=reward_post,
    third_factor="e",
)
