"""Triplet STDP: the description, its published parameter sets, and its two scalar functions.

The functions are not called from here: kernels/events.py takes their source into compiled loops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from neurosim.checks import check_not_negative, check_positive, names_checked, settle
from neurosim.plasticity.mechanism import Mechanism, Trace
from neurosim.plasticity.parameters import check_bounds, check_choice, check_sees

PAIRINGS = ("all", "nearest")
AMPLITUDES = ("a2_plus", "a3_plus", "a2_minus", "a3_minus")

# Pfister & Gerstner 2006, tables 3 and 4: a2_plus, a3_plus, a2_minus, a3_minus, tau_x, tau_y by (pairing, minimal).
# tau_x plays no part in the minimal sets.
_VISUAL_CORTEX = {
    ("all", False): (5e-10, 6.2e-3, 7e-3, 2.3e-4, 101.0, 125.0),
    ("nearest", False): (8.8e-11, 5.3e-2, 6.6e-3, 3.1e-3, 714.0, 40.0),
    ("all", True): (0.0, 6.5e-3, 7.1e-3, 0.0, 101.0, 114.0),
    ("nearest", True): (0.0, 5e-2, 8e-3, 0.0, 714.0, 40.0),
}
_HIPPOCAMPUS = {
    ("all", False): (6.1e-3, 6.7e-3, 1.6e-3, 1.4e-3, 946.0, 27.0),
    ("nearest", False): (4.6e-3, 9.1e-3, 3e-3, 7.5e-9, 575.0, 47.0),
    ("all", True): (5.3e-3, 8e-3, 3.5e-3, 0.0, 946.0, 40.0),
    ("nearest", True): (4.6e-3, 9.1e-3, 3e-3, 0.0, 575.0, 48.0),
}


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class TripletSTDP:
    """Pairs and triplets of spikes change the weight, which makes the outcome depend on the frequency of pairing.

    With fast and slow traces r1, r2 of the presynaptic spikes (`tau_plus`, `tau_x`) and o1, o2 of the postsynaptic ones
    (`tau_minus`, `tau_y`)::

        post spike at the synapse:  w += r1 * (a2_plus  + a3_plus  * o2)
        pre spike at the synapse:   w -= o1 * (a2_minus + a3_minus * r2)

    where every trace is taken just before the spike.  With pairing "all" a trace grows by 1 at a spike, with "nearest" it
    becomes 1.  After every change w is clipped to [w_min, w_max].  Defaults: `TripletSTDP.visual_cortex()`.
    NEST: `stdp_triplet_synapse` ("all" only), whose tau_minus and tau_minus_triplet are set on the neuron.

    Parameters
    ----------
    a2_plus, a3_plus : float
        Potentiation by pairs, and by triplets post-pre-post (units of the weight, not negative).
    a2_minus, a3_minus : float
        Depression by pairs, and by triplets pre-post-pre.
    tau_plus, tau_x : float
        Time constants of the presynaptic traces (ms).
    tau_minus, tau_y : float
        Time constants of the postsynaptic traces (ms).
    pairing : {"all", "nearest"}
        Whether all spikes count or the nearest.
    w_min, w_max : float
        Bounds of the weight.
    sees : {"delay", "spikes"}
        When the synapse sees spikes, as in `PairSTDP`.

    Examples
    --------
    >>> TripletSTDP.hippocampus(pairing="nearest").tau_y
    47.0

    References
    ----------
    Pfister & Gerstner (2006) J. Neurosci. 26:9673, equations 3 and 4, tables 3 and 4.
    """

    a2_plus: float = 5e-10
    a3_plus: float = 6.2e-3
    a2_minus: float = 7e-3
    a3_minus: float = 2.3e-4
    tau_plus: float = 16.8
    tau_minus: float = 33.7
    tau_x: float = 101.0
    tau_y: float = 125.0
    pairing: str = "all"
    w_min: float = 0.0
    w_max: float = 1.0
    sees: str = "delay"

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        for name in AMPLITUDES:
            settle(self, name, check_not_negative)
        for name in ("tau_plus", "tau_minus", "tau_x", "tau_y"):
            settle(self, name, check_positive, "ms")
        check_choice(self, "pairing", PAIRINGS)
        check_bounds(self)
        check_sees(self)

    @classmethod
    def visual_cortex(
        cls, *, pairing: str = "all", minimal: bool = False, scale: float = 1.0, w_min: float = 0.0, w_max: float = 1.0
    ) -> TripletSTDP:
        """The fit to visual cortex (Sjoestroem et al. 2001); changes are relative to a weight of `scale`.

        Parameters
        ----------
        pairing : {"all", "nearest"}
            Which of the two fits.
        minimal : bool
            The fit with the fewest terms (a2_plus = a3_minus = 0).
        scale : float
            Factor on the four amplitudes, in units of the weight.
        w_min, w_max : float
            Bounds of the weight.
        """
        return _fitted(cls, _VISUAL_CORTEX, pairing, minimal, scale, w_min, w_max)

    @classmethod
    def hippocampus(
        cls, *, pairing: str = "all", minimal: bool = False, scale: float = 1.0, w_min: float = 0.0, w_max: float = 1.0
    ) -> TripletSTDP:
        """The fit to hippocampal culture (Wang et al. 2005); parameters as in `visual_cortex`, minimal: a3_minus = 0."""
        return _fitted(cls, _HIPPOCAMPUS, pairing, minimal, scale, w_min, w_max)

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _MECHANISMS[self.pairing]

    def drift(self, pre_rate: float, post_rate: float) -> float:
        """Mean change of the weight per second if both neurons fire as independent Poisson processes, all pairs counting.

        Parameters
        ----------
        pre_rate, post_rate : float
            Rates (Hz).
        """
        rho_x, rho_y = pre_rate * 1e-3, post_rate * 1e-3
        up = self.tau_plus * (self.a2_plus + self.a3_plus * self.tau_y * rho_y)
        down = self.tau_minus * (self.a2_minus + self.a3_minus * self.tau_x * rho_x)
        return 1e3 * rho_x * rho_y * (up - down)


def _fitted(
    cls: type[TripletSTDP],
    fits: Mapping[tuple[str, bool], tuple[float, ...]],
    pairing: str,
    minimal: bool,
    scale: float,
    w_min: float,
    w_max: float,
) -> TripletSTDP:
    """The rule with a row of the published tables."""
    if pairing not in PAIRINGS:
        cls(pairing=pairing)  # the error that says what is allowed
    *amplitudes, tau_x, tau_y = fits[pairing, bool(minimal)]
    a2_plus, a3_plus, a2_minus, a3_minus = (scale * a for a in amplitudes)
    return cls(
        a2_plus=a2_plus, a3_plus=a3_plus, a2_minus=a2_minus, a3_minus=a3_minus, tau_x=tau_x, tau_y=tau_y,
        pairing=pairing, w_min=w_min, w_max=w_max,
    )  # fmt: skip


def triplet_post(w, r1, o2, a2_plus, a3_plus):
    """The weight after a postsynaptic spike."""
    return w + r1 * (a2_plus + a3_plus * o2)


def triplet_pre(w, o1, r2, a2_minus, a3_minus):
    """The weight after a presynaptic spike."""
    return w - o1 * (a2_minus + a3_minus * r2)


_MECHANISMS = {
    pairing: Mechanism(
        f"triplet_{pairing}",
        traces=(
            ("r1", Trace("pre", "tau_plus", jump)),
            ("r2", Trace("pre", "tau_x", jump)),
            ("o1", Trace("post", "tau_minus", jump)),
            ("o2", Trace("post", "tau_y", jump)),
        ),
        parameters=AMPLITUDES,
        on_pre=triplet_pre,
        on_post=triplet_post,
    )
    for pairing, jump in (("all", "add"), ("nearest", "set"))
}
