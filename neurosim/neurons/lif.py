"""Leaky integrate-and-fire neurons, integrated exactly: with delta, exponential-current and alpha-current synapses."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurosim.checks import names_checked
from neurosim.neurons.parameters import check_model
from neurosim.neurons.physics import Array, Physics, Stage


def leak(p: dict[str, Array], dt: float) -> dict[str, Array]:
    """Coefficients of the membrane that all linear LIF models share; tau_m = inf means no leak."""
    rate = dt / p["tau_m"]
    lost = -np.expm1(-rate)
    with np.errstate(divide="ignore", invalid="ignore"):
        to_v = np.where(rate > 0, lost * p["tau_m"], dt) / p["c_m"]
    return {
        "decay": np.exp(-rate),
        "drive": lost * p["e_l"] + to_v * p["i_e"],
        "current_to_v": to_v,
        "v_th": p["v_th"],
        "v_reset": p["v_reset"],
        "wait": np.round(p["t_ref"] / dt),
    }


def at_threshold(v, v_th):
    return v >= v_th


def to_reset(v_reset):
    return v_reset


def jump(v, delta, current, waiting, decay, drive, current_to_v):
    return v if waiting > 0 else v * decay + drive + delta + current * current_to_v


@names_checked
@dataclass(frozen=True)
class LIF:
    """Leaky integrate-and-fire neuron with delta synapses: a spike moves the membrane by the weight (mV) at once.

    tau_m dv/dt = -(v - e_l) + (tau_m / c_m) (i_e + I); v >= v_th: spike, v = v_reset, and nothing for t_ref.  Input that
    arrives in the refractory period is lost.  Integrated exactly (Rotter & Diesmann 1999).  NEST: `iaf_psc_delta` with
    t_ref shorter by dt.

    Parameters
    ----------
    tau_m : float
        Membrane time constant (ms); `inf` for no leak.
    c_m : float
        Capacitance (pF); matters for currents only.
    e_l, v_th, v_reset : float
        Resting, threshold and reset potential (mV).
    t_ref : float
        Shortest interval between two spikes (ms); 0 allows one spike a step.
    i_e : float
        Constant current (pA).

    Examples
    --------
    >>> import neurosim as ns
    >>> ns.LIF(tau_m=10.0).tau_m
    10.0
    """

    tau_m: float = 20.0
    c_m: float = 250.0
    e_l: float = 0.0
    v_th: float = 20.0
    v_reset: float = 0.0
    t_ref: float = 2.0
    i_e: float = 0.0

    physics: ClassVar[Physics] = Physics(
        name="lif",
        state={"v": ("e_l", "mV")},
        receptors={"delta": 0},
        coefficients=("decay", "drive", "current_to_v", "v_th", "v_reset", "wait"),
        derive=leak,
        stages=(Stage(("v",), jump),),
        fires=at_threshold,
        reset=Stage(("v",), to_reset),
        receptor_unit="mV",
    )

    def __post_init__(self) -> None:
        check_model(self)


def through_exponential(tau_m: Array, tau_s: Array, c_m: Array, dt: float) -> Array:
    """Voltage (mV) after dt from 1 pA of a current that decays with tau_s: the propagator P21, also where tau_s = tau_m.

    (1 / C) exp(-dt / tau_m) * integral of exp(s (1/tau_m - 1/tau_s)) ds over the step.
    """
    leak_rate = 1.0 / tau_m
    difference = leak_rate - 1.0 / tau_s
    x = difference * dt
    with np.errstate(divide="ignore", invalid="ignore"):
        integral = np.where(np.abs(x) < 1e-9, dt * (1.0 + 0.5 * x), np.expm1(x) / difference)
    return np.exp(-dt * leak_rate) * integral / c_m


def _exponential(p: dict[str, Array], dt: float) -> dict[str, Array]:
    return leak(p, dt) | {
        "decay_exc": np.exp(-dt / p["tau_exc"]),
        "decay_inh": np.exp(-dt / p["tau_inh"]),
        "exc_to_v": through_exponential(p["tau_m"], p["tau_exc"], p["c_m"], dt),
        "inh_to_v": through_exponential(p["tau_m"], p["tau_inh"], p["c_m"], dt),
    }


def flow(v, i_exc, i_inh, current, waiting, decay, drive, exc_to_v, inh_to_v, current_to_v):
    return v if waiting > 0 else v * decay + drive + i_exc * exc_to_v + i_inh * inh_to_v + current * current_to_v


def decay_exc_current(i_exc, exc, decay_exc):
    return i_exc * decay_exc + exc


def decay_inh_current(i_inh, inh, decay_inh):
    return i_inh * decay_inh + inh


@names_checked
@dataclass(frozen=True)
class LIFExp:
    """Leaky integrate-and-fire neuron with exponential currents: a spike adds its weight (pA) to a decaying current.

    c_m dv/dt = -c_m (v - e_l) / tau_m + I_exc + I_inh + i_e; dI/dt = -I / tau.  Positive weights go to I_exc, negative to
    I_inh.  Currents go on decaying in the refractory period.  Integrated exactly, also where tau_exc or tau_inh equals
    tau_m.  NEST: `iaf_psc_exp` with t_ref shorter by dt.

    Parameters
    ----------
    tau_m, tau_exc, tau_inh : float
        Time constants of membrane and currents (ms); tau_m may be `inf`.
    c_m : float
        Capacitance (pF).
    e_l, v_th, v_reset : float
        Resting, threshold and reset potential (mV).
    t_ref : float
        Shortest interval between two spikes (ms).
    i_e : float
        Constant current (pA).
    """

    tau_m: float = 20.0
    tau_exc: float = 5.0
    tau_inh: float = 10.0
    c_m: float = 250.0
    e_l: float = -65.0
    v_th: float = -50.0
    v_reset: float = -65.0
    t_ref: float = 2.0
    i_e: float = 0.0

    physics: ClassVar[Physics] = Physics(
        name="lif_exp",
        state={"v": ("e_l", "mV"), "i_exc": (0.0, "pA"), "i_inh": (0.0, "pA")},
        receptors={"exc": 1, "inh": -1},
        coefficients=(
            "decay",
            "drive",
            "current_to_v",
            "v_th",
            "v_reset",
            "wait",
            "decay_exc",
            "decay_inh",
            "exc_to_v",
            "inh_to_v",
        ),  # fmt: skip
        derive=_exponential,
        stages=(Stage(("v",), flow), Stage(("i_exc",), decay_exc_current), Stage(("i_inh",), decay_inh_current)),
        fires=at_threshold,
        reset=Stage(("v",), to_reset),
        receptor_unit="pA",
    )

    def __post_init__(self) -> None:
        check_model(self)


def through_alpha(tau_m: Array, tau_s: Array, c_m: Array, dt: float) -> tuple[Array, Array]:
    """Voltage after dt from the two state variables of an alpha current, (rise, current): P31 and P32.

    P31 = (1 / C) exp(-dt/tau_m) * integral of s exp(s d) ds, d = 1/tau_m - 1/tau_s, by a series where d dt is small,
    since the closed form cancels there.
    """
    difference = 1.0 / tau_m - 1.0 / tau_s
    x = difference * dt
    with np.errstate(divide="ignore", invalid="ignore"):
        exact = (np.exp(x) * (x - 1.0) + 1.0) / difference**2
    series = dt**2 * sum(x**k / (math.factorial(k) * (k + 2)) for k in range(10))  # |x| < 0.1: error below 1e-16
    rise = np.exp(-dt / tau_m) * np.where(np.abs(x) < 0.1, series, exact) / c_m
    return rise, through_exponential(tau_m, tau_s, c_m, dt)


def _alpha(p: dict[str, Array], dt: float) -> dict[str, Array]:
    numbers = leak(p, dt)
    for name in ("exc", "inh"):
        tau = p[f"tau_{name}"]
        numbers[f"decay_{name}"] = np.exp(-dt / tau)
        numbers[f"rise_{name}"] = dt * np.exp(-dt / tau)
        numbers[f"peak_{name}"] = np.e / tau
        numbers[f"rise_{name}_to_v"], numbers[f"{name}_to_v"] = through_alpha(p["tau_m"], tau, p["c_m"], dt)
    return numbers


def flow_alpha(
    v,
    d_exc,
    i_exc,
    d_inh,
    i_inh,
    current,
    waiting,
    decay,
    drive,
    current_to_v,
    rise_exc_to_v,
    exc_to_v,
    rise_inh_to_v,
    inh_to_v,
):
    free = v * decay + drive + d_exc * rise_exc_to_v + i_exc * exc_to_v + d_inh * rise_inh_to_v + i_inh * inh_to_v
    return v if waiting > 0 else free + current * current_to_v


def rise_and_fall_exc(d_exc, i_exc, exc, decay_exc, rise_exc, peak_exc):
    return d_exc * decay_exc + peak_exc * exc, d_exc * rise_exc + i_exc * decay_exc


def rise_and_fall_inh(d_inh, i_inh, inh, decay_inh, rise_inh, peak_inh):
    return d_inh * decay_inh + peak_inh * inh, d_inh * rise_inh + i_inh * decay_inh


@names_checked
@dataclass(frozen=True)
class LIFAlpha:
    """Leaky integrate-and-fire neuron with alpha-shaped currents: a spike's current peaks at its weight (pA) after tau.

    I(t) = w (e t / tau) exp(-t / tau).  Otherwise as `LIFExp`.  NEST: `iaf_psc_alpha` with t_ref shorter by dt.

    Parameters
    ----------
    tau_m, tau_exc, tau_inh : float
        Time constants of membrane and currents (ms).
    c_m : float
        Capacitance (pF).
    e_l, v_th, v_reset : float
        Resting, threshold and reset potential (mV).
    t_ref : float
        Shortest interval between two spikes (ms).
    i_e : float
        Constant current (pA).
    """

    tau_m: float = 10.0
    tau_exc: float = 2.0
    tau_inh: float = 2.0
    c_m: float = 250.0
    e_l: float = -70.0
    v_th: float = -55.0
    v_reset: float = -70.0
    t_ref: float = 2.0
    i_e: float = 0.0

    physics: ClassVar[Physics] = Physics(
        name="lif_alpha",
        state={
            "v": ("e_l", "mV"), "d_exc": (0.0, "pA/ms"), "i_exc": (0.0, "pA"), "d_inh": (0.0, "pA/ms"), "i_inh": (0.0, "pA"),
        },
        receptors={"exc": 1, "inh": -1},
        coefficients=(
            "decay", "drive", "current_to_v", "v_th", "v_reset", "wait",
            "decay_exc", "rise_exc", "peak_exc", "rise_exc_to_v", "exc_to_v",
            "decay_inh", "rise_inh", "peak_inh", "rise_inh_to_v", "inh_to_v",
        ),
        derive=_alpha,
        stages=(
            Stage(("v",), flow_alpha),
            Stage(("d_exc", "i_exc"), rise_and_fall_exc),
            Stage(("d_inh", "i_inh"), rise_and_fall_inh),
        ),
        fires=at_threshold,
        reset=Stage(("v",), to_reset),
        receptor_unit="pA",
    )  # fmt: skip

    def __post_init__(self) -> None:
        check_model(self)
