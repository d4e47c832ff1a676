"""A Hebbian synapse that learns and unlearns within one burst, and fades in seconds: the rule of gated slots.

Knows no memory.  The functions are not called from here: kernels/events.py takes their source into compiled loops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neurosim.checks import check_positive, check_probability, names_checked, settle
from neurosim.plasticity.mechanism import Mechanism, Trace
from neurosim.plasticity.parameters import check_bounds, check_sees

if TYPE_CHECKING:
    from neurosim.kernels.mathematics import exp


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class FastHebb:
    """Spikes of both sides in one burst bring the weight towards w_max, bursts of the source alone take it away.

    A postsynaptic spike within about 11 ms after a presynaptic one: w += learn (w_max - w).  A presynaptic spike whose target
    has been silent for about 46 ms: w -= forget w, unless it is the first of its burst, which so can show what the synapse has
    learnt.  Between: dw/dt = -w / tau_w.

    Parameters
    ----------
    learn, forget : float
        Shares, in [0, 1].
    burst : float
        A presynaptic spike that comes later than this (ms) after the one before begins a burst.
    tau_w : float
        Time constant of fading (ms).
    w_min, w_max : float
        Bounds of the weight.
    sees : {"delay", "spikes"}
        As for `PairSTDP`.
    """

    learn: float = 0.5
    forget: float = 0.7
    burst: float = 25.0
    tau_w: float = 10_000.0
    w_min: float = 0.0
    w_max: float = 1.0
    sees: str = "delay"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        settle(self, "learn", check_probability)
        settle(self, "forget", check_probability)
        settle(self, "burst", check_positive, "ms")
        settle(self, "tau_w", check_positive, "ms")
        check_bounds(self)
        check_sees(self)

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _MECHANISM


def unlearn(w, y, elapsed, forget, burst):  # type: ignore[no-untyped-def]
    """A presynaptic spike whose target has been silent takes a share, unless it is the first of its burst."""
    return w if y > 0.1 or elapsed > burst else w * (1.0 - forget)


def bind(w, x, learn, w_max):  # type: ignore[no-untyped-def]
    """A postsynaptic spike in a presynaptic burst brings the weight nearer to its upper bound."""
    return w + learn * (w_max - w) if x > 0.1 else w


def fade(w, elapsed, tau_w):  # type: ignore[no-untyped-def]
    """Weights fade by themselves."""
    return w * exp(-elapsed / tau_w)


_MECHANISM = Mechanism(
    "fast_hebb",
    traces=(("x", Trace("pre", 5.0)), ("y", Trace("post", 20.0))),
    parameters=("learn", "forget", "burst", "tau_w", "w_min", "w_max"),
    on_pre=unlearn,
    on_post=bind,
    between=fade,
)
