"""Neurons with exponential conductances: leaky integrate-and-fire, and the adaptive exponential model."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from neurosim.checks import names_checked
from neurosim.neurons.lif import at_threshold, to_reset
from neurosim.neurons.parameters import check_model
from neurosim.neurons.physics import Array, Physics, Stage

if TYPE_CHECKING:  # the generated module imports it
    from neurosim.kernels.mathematics import exp


def _conductances(p: dict[str, Array], dt: float) -> dict[str, Array]:
    """Decay over a step and mean over a step of the two conductances."""
    numbers = {
        "g_l": p["g_l"],
        "e_exc": p["e_exc"],
        "e_inh": p["e_inh"],
        "per_c": -dt / p["c_m"],
        "v_th": p["v_th"],
        "v_reset": p["v_reset"],
        "wait": np.round(p["t_ref"] / dt),
    }
    for name in ("exc", "inh"):
        tau = p[f"tau_{name}"]
        numbers[f"decay_{name}"] = np.exp(-dt / tau)
        numbers[f"mean_{name}"] = -np.expm1(-dt / tau) * tau / dt
    return numbers


def _lif(p: dict[str, Array], dt: float) -> dict[str, Array]:
    return _conductances(p, dt) | {"inflow": p["g_l"] * p["e_l"] + p["i_e"]}


def relax(v, g_exc, g_inh, current, waiting, g_l, inflow, e_exc, e_inh, mean_exc, mean_inh, per_c):
    from_exc = g_exc * mean_exc
    from_inh = g_inh * mean_inh
    g = g_l + from_exc + from_inh
    goal = (inflow + from_exc * e_exc + from_inh * e_inh + current) / g
    return v if waiting > 0 else goal + (v - goal) * exp(g * per_c)


def decay_exc_conductance(g_exc, exc, decay_exc):
    return g_exc * decay_exc + exc


def decay_inh_conductance(g_inh, inh, decay_inh):
    return g_inh * decay_inh - inh


@names_checked
@dataclass(frozen=True)
class LIFCond:
    """Leaky integrate-and-fire neuron with exponential conductances.

    c_m dv/dt = g_l (e_l - v) + g_exc (e_exc - v) + g_inh (e_inh - v) + i_e + I; dg/dt = -g / tau; a spike adds the size of
    its weight (nS).  Positive weights go to g_exc, negative to g_inh: an inhibitory weight is a negative number in every
    model.  Each step is solved exactly with the conductances at their mean over the step (second order in dt).
    NEST: `iaf_cond_exp`; Brian2: `exponential_euler` (first order).

    Parameters
    ----------
    g_l : float
        Leak conductance (nS).
    c_m : float
        Capacitance (pF).
    e_l, e_exc, e_inh, v_th, v_reset : float
        Resting and reversal potentials, threshold, reset (mV).
    tau_exc, tau_inh : float
        Time constants of the conductances (ms).
    t_ref : float
        Shortest interval between two spikes (ms).
    i_e : float
        Constant current (pA).
    """

    g_l: float = 10.0
    c_m: float = 200.0
    e_l: float = -60.0
    e_exc: float = 0.0
    e_inh: float = -80.0
    v_th: float = -50.0
    v_reset: float = -60.0
    tau_exc: float = 5.0
    tau_inh: float = 10.0
    t_ref: float = 5.0
    i_e: float = 0.0

    physics: ClassVar[Physics] = Physics(
        name="lif_cond",
        state={"v": ("e_l", "mV"), "g_exc": (0.0, "nS"), "g_inh": (0.0, "nS")},
        receptors={"exc": 1, "inh": -1},
        coefficients=(
            "g_l", "inflow", "e_exc", "e_inh", "mean_exc", "mean_inh", "per_c", "decay_exc", "decay_inh",
            "v_th", "v_reset", "wait",
        ),
        derive=_lif,
        stages=(
            Stage(("v",), relax),
            Stage(("g_exc",), decay_exc_conductance),
            Stage(("g_inh",), decay_inh_conductance),
        ),
        fires=at_threshold,
        reset=Stage(("v",), to_reset),
        receptor_unit="nS",
        resolved=("tau_exc", "tau_inh"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_model(self)


def _adex(p: dict[str, Array], dt: float) -> dict[str, Array]:
    return _conductances(p, dt) | {
        "inflow": p["g_l"] * p["e_l"] + p["i_e"],
        "e_l": p["e_l"],
        "v_t": p["v_t"],
        "delta_t": p["delta_t"],
        "a": p["a"],
        "b": p["b"],
        "keep_w": np.exp(-dt / p["tau_w"]),
    }


def adapt(v, w, waiting, e_l, a, keep_w):
    goal = a * (v - e_l)
    return goal + (w - goal) * keep_w


def upswing(
    v, w_old, g_exc, g_inh, current, waiting, g_l, inflow, e_exc, e_inh, mean_exc, mean_inh, per_c, v_t, delta_t, v_th
):
    from_exc = g_exc * mean_exc
    from_inh = g_inh * mean_inh
    g = g_l + from_exc + from_inh
    spike = g_l * delta_t * exp((min(v, v_th) - v_t) / delta_t)
    goal = (inflow + from_exc * e_exc + from_inh * e_inh + spike - w_old + current) / g
    return v if waiting > 0 else goal + (v - goal) * exp(g * per_c)


def remember_w(w):
    return w


def reset_adex(w, v_reset, b):
    return v_reset, w + b


@names_checked
@dataclass(frozen=True)
class AdEx:
    """Adaptive exponential integrate-and-fire neuron (Brette & Gerstner 2005) with exponential conductances.

    c_m dv/dt = g_l (e_l - v) + g_l delta_t exp((v - v_t) / delta_t) + g_exc (e_exc - v) + g_inh (e_inh - v) - w + i_e + I;
    tau_w dw/dt = a (v - e_l) - w; at v >= v_th: v = v_reset, w += b.  Exponential Euler, first order in dt: the spike's
    upswing is resolved to about one step.  NEST: `aeif_cond_exp` (v_th is its V_peak).

    Parameters
    ----------
    g_l : float
        Leak conductance (nS).
    c_m : float
        Capacitance (pF).
    e_l, v_t, v_th, v_reset, e_exc, e_inh : float
        Rest, threshold of the upswing, peak at which the spike is counted, reset, reversal potentials (mV).
    delta_t : float
        Sharpness of the upswing (mV).
    a : float
        Subthreshold adaptation (nS).
    b : float
        Adaptation per spike (pA).
    tau_w, tau_exc, tau_inh : float
        Time constants (ms).
    t_ref : float
        Shortest interval between two spikes (ms).
    i_e : float
        Constant current (pA).
    """

    g_l: float = 30.0
    c_m: float = 281.0
    e_l: float = -70.6
    v_t: float = -50.4
    delta_t: float = 2.0
    v_th: float = 0.0
    v_reset: float = -70.6
    a: float = 4.0
    b: float = 80.5
    tau_w: float = 144.0
    e_exc: float = 0.0
    e_inh: float = -85.0
    tau_exc: float = 5.0
    tau_inh: float = 10.0
    t_ref: float = 0.0
    i_e: float = 0.0

    physics: ClassVar[Physics] = Physics(
        name="adex",
        state={"v": ("e_l", "mV"), "w": (0.0, "pA"), "g_exc": (0.0, "nS"), "g_inh": (0.0, "nS"), "w_old": (0.0, "pA")},
        receptors={"exc": 1, "inh": -1},
        coefficients=(
            "g_l", "inflow", "e_l", "e_exc", "e_inh", "mean_exc", "mean_inh", "per_c", "decay_exc", "decay_inh",
            "v_t", "delta_t", "a", "b", "keep_w", "v_th", "v_reset", "wait",
        ),
        derive=_adex,
        stages=(
            Stage(("w_old",), remember_w),
            Stage(("w",), adapt),
            Stage(("v",), upswing),
            Stage(("g_exc",), decay_exc_conductance),
            Stage(("g_inh",), decay_inh_conductance),
        ),
        fires=at_threshold,
        reset=Stage(("v", "w"), reset_adex),
        receptor_unit="nS",
        units={"a": "nS", "b": "pA"},
        resolved=("tau_w", "tau_exc", "tau_inh"),
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_model(self)
