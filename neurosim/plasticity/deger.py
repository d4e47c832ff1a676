"""Plasticity of single contacts by second- and fourth-order terms of slow correlations: the description, and its functions.

A rule knows nothing of populations, wiring or pools; the functions are not called from here: kernels/events.py takes their
source into compiled loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neurosim.checks import check_not_negative, check_positive, check_probability, names_checked, settle
from neurosim.errors import ParameterError
from neurosim.plasticity.mechanism import Mechanism, Variable
from neurosim.plasticity.parameters import check_sees

if TYPE_CHECKING:
    from math import exp

    from neurosim.kernels.source import exprel

AMPLITUDES = ("a2", "a4", "a4_post", "alpha")


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class DegerSTDP:
    """The weight of a contact follows the slow correlation of its two neurons: correlated contacts stay, others die out.

    With traces r of the spikes that this contact transmits and q of the postsynaptic ones, the slow trace g of the latter,
    all in Hz, and their filtered product c::

        tau dr/dt = -r + spikes that are transmitted      tau dq/dt = -q + postsynaptic spikes
        tau_slow dg/dt = -g + postsynaptic spikes         tau_slow dc/dt = -c + r q
        dw/dt = a2 c - a4 c**2 - a4_post g**4 - alpha w

    solved exactly between spikes.  A weight that is 0 at a spike (or when it is looked at) stays 0: this contact is dead, and
    ``ns.MultiContact(..., remove_below=0.0)`` takes it away and forms new ones with a small weight.  Each contact fails to
    transmit a spike with probability `p_fail`, which then leaves no trace in it.

    Parameters
    ----------
    a2 : float
        Amplitude of the correlation (units of the weight, times s).
    a4, a4_post : float
        Amplitudes of its square and of the fourth power of the postsynaptic rate (units of the weight, times s**3).
    alpha : float
        Decay of the weight (1/s).
    tau, tau_slow : float
        Time constants (ms) of the fast traces, and of the correlation and the postsynaptic rate.
    p_fail : float
        Probability of failure of each contact at each spike.
    w_max : float
        Upper bound of the weight.
    sees : {"delay", "spikes"}
        When the synapse sees spikes, as in `PairSTDP`.

    Notes
    -----
    Defaults are those of the authors' NEST module (flinz/nest-module-STDPStructplast), which takes its time constants in
    seconds but has 20 and 2000 as their defaults; here they are 20 and 2000 ms.  The module forms contacts at 0.028 per day
    with weight 0.01.  Variables are `projection.variable("c")`, "r", "q" and "g".  Weights change by parts in a million in a
    second with these amplitudes: use dtype="float64" (the default).

    Examples
    --------
    >>> rule = DegerSTDP()
    >>> rule.drift(2.0, 2.0) > 0 > rule.drift(8.0, 8.0)
    True

    References
    ----------
    Deger, Seeholzer & Gerstner (2018) Cereb. Cortex 28:1396 (arXiv:1609.05730).
    """

    a2: float = 1e-6
    a4: float = 0.02453e-6
    a4_post: float = 0.0163e-6
    alpha: float = 1.27142e-6
    tau: float = 20.0
    tau_slow: float = 2000.0
    p_fail: float = 0.2
    w_max: float = float("inf")
    sees: str = "delay"

    evaluation: ClassVar[str] = "lazy"
    w_min: ClassVar[float] = 0.0

    def __post_init__(self) -> None:
        for name in AMPLITUDES:
            settle(self, name, check_not_negative)
        for name in ("tau", "tau_slow"):
            settle(self, name, check_positive, "ms")
        settle(self, "p_fail", check_probability)
        settle(self, "w_max", check_positive, allow_infinite=True)
        check_sees(self)
        if self.tau_slow <= self.tau:
            raise ParameterError(
                f"DegerSTDP.tau_slow: must be above tau = {self.tau:g} ms, got {self.tau_slow:g}; for example tau_slow={100 * self.tau:g}"
            )

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _CERTAIN if self.p_fail == 0.0 else _FAILING

    def correlation(self, pre_rate: float, post_rate: float) -> tuple[float, float]:
        """Mean (Hz**2) and variance of c if both neurons fire as independent Poisson processes (Hz)."""
        x, y, tau, slow = pre_rate * (1.0 - self.p_fail), post_rate, self.tau * 1e-3, self.tau_slow * 1e-3
        # covariance of r q at lag s: x y ((x + y) exp(-s / tau) / (2 tau) + exp(-2 s / tau) / (4 tau**2)), through the slow filter
        variance = x * y * ((x + y) / (2 * (slow + tau)) + 1 / (4 * tau * (2 * slow + tau)))
        return x * y, variance

    def drift(self, pre_rate: float, post_rate: float) -> float:
        """Mean dw/dt + alpha w (1/s) if both neurons fire as independent Poisson processes.

        Parameters
        ----------
        pre_rate, post_rate : float
            Rates (Hz).
        """
        mean, variance = self.correlation(pre_rate, post_rate)
        k1, k2, k3, k4 = (post_rate * (self.tau_slow * 1e-3) ** (1 - n) / n for n in (1, 2, 3, 4))  # cumulants of g
        fourth = k4 + 4 * k3 * k1 + 3 * k2**2 + 6 * k2 * k1**2 + k1**4
        return self.a2 * mean - self.a4 * (variance + mean**2) - self.a4_post * fourth


def faded(alpha, rate, t):
    """The integral over u from 0 to t of exp(-alpha (t - u)) exp(-rate u)."""
    return t * exp(-min(alpha, rate) * t) * exprel(-abs(alpha - rate) * t)


def contact_weight(w, c, r, q, g, t, a2, a4, a4_post, alpha, fast, slow):
    """w after t s without a spike; fast = 1 / tau, slow = 1 / tau_slow (1/s).  c is kept by two exponentials."""
    quick = r * q * slow / (slow - 2.0 * fast)
    lasting = c - quick
    growth = a2 * (lasting * faded(alpha, slow, t) + quick * faded(alpha, 2.0 * fast, t))
    square = lasting * lasting * faded(alpha, 2.0 * slow, t) + quick * quick * faded(alpha, 4.0 * fast, t)
    square += 2.0 * lasting * quick * faded(alpha, slow + 2.0 * fast, t)
    return exp(-alpha * t) * w + growth - a4 * square - a4_post * g**4 * faded(alpha, 4.0 * slow, t)


def contact_moved(w, c, r, q, g, elapsed, a2, a4, a4_post, alpha, tau, tau_slow):
    """(w, c, r, q, g) after `elapsed` ms without a spike."""
    t, fast, slow = 1e-3 * elapsed, 1e3 / tau, 1e3 / tau_slow
    moved = contact_weight(w, c, r, q, g, t, a2, a4, a4_post, alpha, fast, slow) if w > 0.0 else 0.0
    e_fast, e_slow = exp(-fast * t), exp(-slow * t)
    quick = r * q * slow / (slow - 2.0 * fast)
    return max(moved, 0.0), (c - quick) * e_slow + quick * e_fast * e_fast, r * e_fast, q * e_fast, g * e_slow


def certain_between(w, c, r, q, g, elapsed, a2, a4, a4_post, alpha, tau, tau_slow):
    return contact_moved(w, c, r, q, g, elapsed, a2, a4, a4_post, alpha, tau, tau_slow)


def certain_pre(w, c, r, q, g, tau):
    return w, c, r + 1e3 / tau, q, g


def certain_post(w, c, r, q, g, tau, tau_slow):
    return w, c, r, q + 1e3 / tau, g + 1e3 / tau_slow


def failing_between(w, c, r, q, g, sent, elapsed, a2, a4, a4_post, alpha, tau, tau_slow):
    w, c, r, q, g = contact_moved(w, c, r, q, g, elapsed, a2, a4, a4_post, alpha, tau, tau_slow)
    return w, c, r, q, g, sent


def failing_pre(w, c, r, q, g, uniform, p_fail, tau):
    sent = 1.0 if uniform >= p_fail else 0.0
    return w, c, r + sent * 1e3 / tau, q, g, sent


def failing_post(w, c, r, q, g, sent, tau, tau_slow):
    return w, c, r, q + 1e3 / tau, g + 1e3 / tau_slow, sent


def failing_transmit(w, sent):
    return w * sent


_VARIABLES = tuple((name, Variable(0.0)) for name in ("c", "r", "q", "g"))
_HELPERS = (faded, contact_weight, contact_moved)
_CERTAIN = Mechanism(
    "deger", variables=_VARIABLES, parameters=(*AMPLITUDES, "tau", "tau_slow"), on_pre=certain_pre, on_post=certain_post,
    between=certain_between, helpers=_HELPERS,
)  # fmt: skip
_FAILING = Mechanism(
    "deger_failing", variables=(*_VARIABLES, ("sent", Variable(0.0))), parameters=(*AMPLITUDES, "tau", "tau_slow", "p_fail"),
    on_pre=failing_pre, on_post=failing_post, between=failing_between, transmit=failing_transmit, helpers=_HELPERS,
)  # fmt: skip
