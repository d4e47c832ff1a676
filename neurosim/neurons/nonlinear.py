"""Integrate-and-fire neurons with a nonlinear upswing: exponential and quadratic, with exponential currents."""

from math import exp

import numpy as np

from neurosim.neurons.custom import State, neuron_model
from neurosim.neurons.lif import leak, through_exponential


def _currents(tau_exc, tau_inh, dt):
    """Decay of the two currents over a step, and their mean over it."""
    numbers = {}
    for name, tau in (("exc", tau_exc), ("inh", tau_inh)):
        numbers[f"decay_{name}"] = np.exp(-dt / tau)
        numbers[f"mean_{name}"] = -np.expm1(-dt / tau) * tau / dt
    return numbers


def reset_voltage(i_exc, i_inh, v_reset):
    return v_reset, i_exc, i_inh


_CURRENTS = {"v": State("e_l", "mV"), "i_exc": State(0.0, "pA"), "i_inh": State(0.0, "pA")}


def _eif(g_l, c_m, e_l, v_th, v_reset, t_ref, i_e, tau_exc, tau_inh, dt):
    tau_m = c_m / g_l
    membrane = leak(
        {"tau_m": tau_m, "c_m": c_m, "e_l": e_l, "v_th": v_th, "v_reset": v_reset, "t_ref": t_ref, "i_e": i_e}, dt
    )
    return _currents(tau_exc, tau_inh, dt) | {
        "decay": membrane["decay"],
        "drive": membrane["drive"],
        "current_to_v": membrane["current_to_v"],
        "exc_to_v": through_exponential(tau_m, tau_exc, c_m, dt),
        "inh_to_v": through_exponential(tau_m, tau_inh, c_m, dt),
        "upswing": membrane["current_to_v"] * g_l,
    }


@neuron_model(
    state=_CURRENTS, receptors={"exc": 1, "inh": -1}, reset=reset_voltage, derive=_eif, receptor_unit="pA",
    params={
        "g_l": 30.0, "c_m": 281.0, "e_l": -70.6, "v_t": -50.4, "delta_t": 2.0, "v_th": 0.0, "v_reset": -60.0, "tau_exc": 5.0,
        "tau_inh": 10.0, "t_ref": 0.0, "i_e": 0.0,
    },
)  # fmt: skip
def EIF(
    v, i_exc, i_inh, exc, inh, current, waiting, decay, drive, current_to_v, exc_to_v, inh_to_v, decay_exc, decay_inh,
    upswing, v_t, delta_t, v_th,
):  # fmt: skip
    """Exponential integrate-and-fire neuron (Fourcaud-Trocme et al. 2003) with exponential currents.

    c_m dv/dt = g_l (e_l - v) + g_l delta_t exp((v - v_t) / delta_t) + I_exc + I_inh + i_e + I; at v >= v_th: spike and
    v = v_reset.  It fires steadily above the rheobase g_l (v_t - e_l - delta_t).  Leak and synaptic currents are integrated
    exactly, the exponential is held at its value through each step: first order in dt, the upswing is resolved to about one
    step.  The defaults are those of NEST's `aeif_psc_exp` (Brette & Gerstner 2005), whose a and b are 0 here; the time
    constants of the currents are those of `LIFExp`.

    Parameters
    ----------
    g_l : float
        Leak conductance (nS).
    c_m : float
        Capacitance (pF).
    e_l, v_t, v_th, v_reset : float
        Rest, threshold of the upswing, peak at which the spike is counted, reset (mV).
    delta_t : float
        Sharpness of the upswing (mV).
    tau_exc, tau_inh : float
        Time constants of the currents (ms).
    t_ref : float
        Shortest interval between two spikes (ms).
    i_e : float
        Constant current (pA).
    """
    spike = upswing * delta_t * exp(min((v - v_t) / delta_t, 50.0))
    free = v * decay + drive + i_exc * exc_to_v + i_inh * inh_to_v + current * current_to_v + spike
    new = v if waiting > 0 else free
    return new, i_exc * decay_exc + exc, i_inh * decay_inh + inh, new >= v_th


def _qif(tau_m, c_m, a_0, e_l, v_c, i_e, tau_exc, tau_inh, dt):
    curvature = a_0 / tau_m
    return _currents(tau_exc, tau_inh, dt) | {
        "centre": 0.5 * (e_l + v_c),
        "curvature": curvature,
        "offset": i_e / c_m - curvature * (0.5 * (v_c - e_l)) ** 2,
        "per_c": 1.0 / c_m,
    }


def tangent(z):
    """tan(x) / x with x**2 = z, and tanh(x) / x with x**2 = -z: a continued fraction, within 1e-9 for |z| <= 2."""
    return 1.0 / (1.0 - z / (3.0 - z / (5.0 - z / (7.0 - z / (9.0 - z / 11.0)))))


@neuron_model(
    state=_CURRENTS, receptors={"exc": 1, "inh": -1}, reset=reset_voltage, derive=_qif, receptor_unit="pA",
    units={"a_0": "1/mV"}, limits={"a_0": "positive"},
    params={
        "tau_m": 10.0, "c_m": 1000.0, "a_0": 0.1, "e_l": -70.0, "v_c": -55.0, "v_th": -40.0, "v_reset": -70.0, "tau_exc": 5.0,
        "tau_inh": 10.0, "t_ref": 0.0, "i_e": 0.0,
    },
)  # fmt: skip
def QIF(
    v, i_exc, i_inh, exc, inh, current, waiting, dt, decay_exc, decay_inh, mean_exc, mean_inh, centre, curvature, offset,
    per_c, v_th,
):  # fmt: skip
    """Quadratic integrate-and-fire neuron (Latham et al. 2000) with exponential currents.

    tau_m dv/dt = a_0 (v - e_l) (v - v_c) + (tau_m / c_m) (I_exc + I_inh + i_e + I); at v >= v_th: spike and v = v_reset.
    v_th may be `inf`: then the spike is where v escapes.  It fires steadily above the rheobase
    a_0 (v_c - e_l)**2 / 4 c_m / tau_m.  Each step is the exact solution for the current at its mean over the step (a Riccati
    equation), so the upswing costs no accuracy; a current so large that v escapes from anywhere within two steps is
    bounded.  The defaults of the membrane are usual in teaching (Gerstner et al. 2014, section 5.3, gives the equation).

    Parameters
    ----------
    tau_m, tau_exc, tau_inh : float
        Time constants of membrane and currents (ms).
    c_m : float
        Capacitance (pF); tau_m / c_m is the resistance.
    a_0 : float
        Curvature (1/mV).
    e_l, v_c, v_th, v_reset : float
        Rest, voltage above which v escapes without input, peak at which the spike is counted, reset (mV).
    t_ref : float
        Shortest interval between two spikes (ms).
    i_e : float
        Constant current (pA).
    """
    w = v - centre
    push = offset + (current + i_exc * mean_exc + i_inh * mean_inh) * per_c
    h = dt * tangent(min(curvature * push * dt * dt, 2.0))
    left = 1.0 - curvature * w * h  # 0 or less: it has escaped within the step
    free = centre + (w + push * h) / left if left > 1e-9 else v
    new = v if waiting > 0 else free
    fires = (waiting == 0) & ((left <= 1e-9) | (new >= v_th))
    return new, i_exc * decay_exc + exc, i_inh * decay_inh + inh, fires
