"""Nearest-neighbour variants of pair STDP: the description, and its scalar functions.

The functions are not called from here: kernels/events.py takes their source into compiled loops, where `power` exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from neurosim.checks import check_not_negative, check_positive, names_checked, settle
from neurosim.plasticity.mechanism import Mechanism, Trace, Variable
from neurosim.plasticity.parameters import check_bounds, check_choice, check_sees

if TYPE_CHECKING:
    from neurosim.kernels.mathematics import power

SCHEMES = ("symmetric", "presynaptic", "restricted")


@names_checked
@dataclass(frozen=True, slots=True, kw_only=True)
class NearestSTDP:
    """Pair STDP in which a spike does not meet all spikes of the other side, but the nearest.

    A pair that counts changes the weight as in `PairSTDP`, dt being the distance of its spikes::

        pre before post:  w += a_plus  * ((w_max - w) / (w_max - w_min))**mu_plus  * exp(-dt / tau_plus)
        post before pre:  w -= a_minus * ((w - w_min) / (w_max - w_min))**mu_minus * exp(-dt / tau_minus)

    Which pairs count is the scheme (Morrison, Diesmann & Gerstner 2008, figure 7):

    "symmetric"
        Each presynaptic spike with the last postsynaptic one, each postsynaptic spike with the last presynaptic one.
        NEST: `stdp_nn_symm_synapse`.
    "presynaptic"
        Each presynaptic spike with the last postsynaptic spike before it and with the first one after it.
        NEST: `stdp_nn_pre_centered_synapse`.
    "restricted"
        As "symmetric", but only neighbours: no spike is the later one of two pairs of the same kind, so that of several
        postsynaptic spikes in a row the first is paired, of several presynaptic ones too.  NEST: `stdp_nn_restr_synapse`.

    A coincident pair does not count; its spikes are paired with those before.

    Parameters
    ----------
    scheme : {"symmetric", "presynaptic", "restricted"}
        Which pairs count.
    a_plus, a_minus : float
        Size of potentiation and of depression (both in units of the weight, not negative).
    tau_plus, tau_minus : float
        Time constants (ms).
    w_min, w_max : float
        Bounds of the weight.
    mu_plus, mu_minus : float
        Dependence on the weight, as in `PairSTDP`: 0 additive, 1 multiplicative.
    sees : {"delay", "spikes"}
        When the synapse sees spikes, as in `PairSTDP`.

    Examples
    --------
    >>> NearestSTDP(scheme="restricted").mechanism.variables[0][0]
    'met'

    References
    ----------
    Morrison, Diesmann & Gerstner (2008) Biol. Cybern. 98:459; Izhikevich & Desai (2003) Neural Comput. 15:1511.
    """

    scheme: str = "symmetric"
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
        check_choice(self, "scheme", SCHEMES)
        for name in ("a_plus", "a_minus", "mu_plus", "mu_minus"):
            settle(self, name, check_not_negative)
        for name in ("tau_plus", "tau_minus"):
            settle(self, name, check_positive, "ms")
        check_bounds(self)
        check_sees(self)

    @property
    def mechanism(self) -> Mechanism:
        """The rule as the engine takes it."""
        return _MECHANISMS[self.scheme]


def grown(w, x, w_min, w_max, a_plus, mu_plus):
    """The weight after a pair with the presynaptic spike first; x fades with their distance."""
    room = (w_max - w) / (w_max - w_min)
    share = 1.0 if mu_plus == 0.0 else (room if mu_plus == 1.0 else power(room, mu_plus))
    return w + a_plus * share * x


def shrunk(w, y, w_min, w_max, a_minus, mu_minus):
    """The weight after a pair with the postsynaptic spike first."""
    room = (w - w_min) / (w_max - w_min)
    share = 1.0 if mu_minus == 0.0 else (room if mu_minus == 1.0 else power(room, mu_minus))
    return w - a_minus * share * y


def centred_post(w, before, w_min, w_max, a_plus, mu_plus):
    """`before`: the presynaptic spikes since the last postsynaptic one, which this one meets and ends."""
    return grown(w, before, w_min, w_max, a_plus, mu_plus), 0.0


def centred_pre(w, before, y, w_min, w_max, a_minus, mu_minus):
    return shrunk(w, y, w_min, w_max, a_minus, mu_minus), before + 1.0


def restricted_post(w, met, x, w_min, w_max, a_plus, mu_plus):
    """`met`: 1 if there has been a postsynaptic spike since the last presynaptic one."""
    return (w if met > 0.0 else grown(w, x, w_min, w_max, a_plus, mu_plus)), 1.0


def restricted_pre(w, met, y, w_min, w_max, a_minus, mu_minus):
    return (shrunk(w, y, w_min, w_max, a_minus, mu_minus) if met > 0.0 else w), 0.0


_BOUNDED = ("w_min", "w_max", "a_plus", "a_minus", "mu_plus", "mu_minus")
_LAST_PRE, _LAST_POST = ("x", Trace("pre", "tau_plus", "set")), ("y", Trace("post", "tau_minus", "set"))
_MECHANISMS = {
    "symmetric": Mechanism(
        "nearest_symmetric", traces=(_LAST_PRE, _LAST_POST), parameters=_BOUNDED, on_pre=shrunk, on_post=grown
    ),
    "presynaptic": Mechanism(
        "nearest_presynaptic",
        traces=(_LAST_POST,),
        variables=(("before", Variable(0.0, tau="tau_plus")),),
        parameters=_BOUNDED,
        on_pre=centred_pre,
        on_post=centred_post,
        helpers=(grown, shrunk),
    ),
    "restricted": Mechanism(
        "nearest_restricted",
        traces=(_LAST_PRE, _LAST_POST),
        variables=(("met", Variable(0.0)),),
        parameters=_BOUNDED,
        on_pre=restricted_pre,
        on_post=restricted_post,
        helpers=(grown, shrunk),
    ),
}
