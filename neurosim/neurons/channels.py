"""Neurons with ion channels and exponential conductances: Hodgkin-Huxley after Traub & Miles, and Wang & Buzsaki."""

from math import exp

import numpy as np

from neurosim.kernels.source import exprel
from neurosim.neurons.custom import State, neuron_model


def _membrane(c_m, g_l, e_l, g_na, e_na, g_k, e_k, e_exc, e_inh, i_e, tau_exc, tau_inh, dt):
    """Everything divided by the capacitance, and the decay of the conductances."""
    return {
        "leak": g_l / c_m,
        "na": g_na / c_m,
        "k": g_k / c_m,
        "at_leak": e_l * g_l / c_m,
        "at_na": e_na * g_na / c_m,
        "at_k": e_k * g_k / c_m,
        "at_exc": e_exc / c_m,
        "at_inh": e_inh / c_m,
        "per_c": 1.0 / c_m,
        "constant": i_e / c_m,
        "decay_exc": np.exp(-dt / tau_exc),
        "decay_inh": np.exp(-dt / tau_inh),
    }


# ---- rates (1/ms) at a voltage (mV) ----------------------------------------------------------------------------------


def m_opens(u):
    return 1.28 / exprel((13.0 - u) / 4.0)


def m_closes(u):
    return 1.4 / exprel((u - 40.0) / 5.0)


def h_opens(u):
    return 0.128 * exp((17.0 - u) / 18.0)


def h_closes(u):
    return 4.0 / (1.0 + exp((40.0 - u) / 5.0))


def n_opens(u):
    return 0.16 / exprel((15.0 - u) / 5.0)


def n_closes(u):
    return 0.5 * exp((10.0 - u) / 40.0)


def gate(x, opens, closes, dt):
    """A gate after dt, with its rates as they were: exponential Euler."""
    rate = -opens - closes
    goal = opens / rate
    return -goal + (goal + x) * exp(dt * rate)


def _at_rest(opens, closes):
    """Initial value of a gate: its steady state at e_l."""

    def steady(e_l, v_t):
        return _steady(opens, closes, e_l - v_t)

    return steady


def _steady(opens, closes, u):
    a, b = (np.vectorize(f, otypes=[float])(u) for f in (opens, closes))
    return a / (a + b)


@neuron_model(
    state={
        "v": State("e_l", "mV"), "m": State(_at_rest(m_opens, m_closes), ""), "n": State(_at_rest(n_opens, n_closes), ""),
        "h": State(_at_rest(h_opens, h_closes), ""), "g_exc": State(0.0, "nS"), "g_inh": State(0.0, "nS"),
    },
    receptors={"exc": 1, "inh": -1}, derive=_membrane, receptor_unit="nS", units={"g_na": "nS", "g_k": "nS"},
    limits={"g_na": "not negative", "g_k": "not negative", "crossing": "not negative"},
    params={
        "g_l": 10.0, "c_m": 200.0, "e_l": -60.0, "g_na": 20_000.0, "e_na": 50.0, "g_k": 6_000.0, "e_k": -90.0, "v_t": -63.0,
        "e_exc": 0.0, "e_inh": -80.0, "tau_exc": 5.0, "tau_inh": 10.0, "v_th": -20.0, "t_ref": 3.0, "i_e": 0.0,
        "crossing": 1.0,
    },
)  # fmt: skip
def HodgkinHuxley(
    v, m, n, h, g_exc, g_inh, exc, inh, current, dt, leak, na, k, at_leak, at_na, at_k, at_exc, at_inh, per_c, constant,
    decay_exc, decay_inh, v_t, v_th, crossing,
):  # fmt: skip
    """Hodgkin-Huxley neuron after Traub & Miles (1991) as in Brette et al. (2007), with exponential conductances.

    c_m dv/dt = g_l (e_l - v) + g_na m^3 h (e_na - v) + g_k n^4 (e_k - v) + g_exc (e_exc - v) + g_inh (e_inh - v) + i_e + I;
    dx/dt = opens_x(v - v_t) (1 - x) - closes_x(v - v_t) x for the gates m, h and n.  A spike is the upward crossing of
    v_th; while v stays above, and for t_ref, there is no other (see `crossing`).  Nothing is reset.  Positive weights go to g_exc, negative
    to g_inh.  Exponential Euler with everything at the beginning of the step, in the order of operations of Brian2's
    `exponential_euler`; first order in dt.  Defaults: Brian2's example COBAHH, whose gates start at 0; here they start at
    their steady state for e_l.  NEST: `hh_cond_exp_traub` (adaptive Runge-Kutta; its spike is the local maximum above
    v_t + 30 mV).

    Parameters
    ----------
    g_l, g_na, g_k : float
        Conductances of leak and of all sodium and potassium channels when open (nS).
    c_m : float
        Capacitance (pF).
    e_l, e_na, e_k, e_exc, e_inh : float
        Reversal potentials (mV).
    v_t : float
        Shift of the rates along the voltage (mV).
    tau_exc, tau_inh : float
        Time constants of the conductances (ms).
    v_th : float
        Voltage that a spike crosses (mV).
    t_ref : float
        Shortest interval between two spikes (ms).
    i_e : float
        Constant current (pA).
    crossing : float
        1: v must come from below v_th.  0: v above v_th is a spike whenever t_ref is over, also where it stayed above, as in
        Brian2 with ``threshold="v > v_th", refractory=t_ref``: under strong excitation it counts more spikes.
    """
    u = v - v_t
    m3h = h * (m * m * m)
    n4 = n * n * n * n
    rate = (-leak - k * n4) - (na * m3h + per_c * g_exc + per_c * g_inh)
    goal = (at_leak + (at_k * n4 + at_na * m3h + at_exc * g_exc + at_inh * g_inh) + (constant + current * per_c)) / rate
    new = -goal + (goal + v) * exp(dt * rate)
    return (
        new, gate(m, m_opens(u), m_closes(u), dt), gate(n, n_opens(u), n_closes(u), dt), gate(h, h_opens(u), h_closes(u), dt),
        decay_exc * g_exc + exc, decay_inh * g_inh - inh, (new >= v_th) & ((v < v_th) | (crossing == 0.0)),
    )  # fmt: skip


# ---- Wang & Buzsaki --------------------------------------------------------------------------------------------------


def wb_m_steady(v):
    opens = 1.0 / exprel(-0.1 * (v + 35.0))
    return opens / (opens + 4.0 * exp(-(v + 60.0) / 18.0))


def wb_h_opens(v):
    return 0.07 * exp(-(v + 58.0) / 20.0)


def wb_h_closes(v):
    return 1.0 / (exp(-0.1 * (v + 28.0)) + 1.0)


def wb_n_opens(v):
    return 0.1 / exprel(-0.1 * (v + 34.0))


def wb_n_closes(v):
    return 0.125 * exp(-(v + 44.0) / 80.0)


def _wb_at_rest(opens, closes):
    def steady(e_l):
        return _steady(opens, closes, e_l)

    return steady


def _wb_membrane(c_m, g_l, g_na, g_k, i_e, tau_exc, tau_inh, dt):
    return {
        "leak": g_l / c_m, "na": g_na / c_m, "k": g_k / c_m, "per_c": 1.0 / c_m, "constant": i_e / c_m,
        "half_exc": np.exp(-0.5 * dt / tau_exc), "half_inh": np.exp(-0.5 * dt / tau_inh),
    }  # fmt: skip


def wb_slope(v, h, n, exc, inh, flow, leak, na, k, e_l, e_na, e_k, e_exc, e_inh, phi):
    """dv/dt (mV/ms), dh/dt and dn/dt (1/ms); exc, inh, leak, na and k are conductances over the capacitance (1/ms)."""
    m = wb_m_steady(v)
    sodium, potassium = na * (m * m * m) * h, k * (n * n * n * n)
    ionic = sodium * (e_na - v) + potassium * (e_k - v) + exc * (e_exc - v) + inh * (e_inh - v)
    return (
        flow + leak * (e_l - v) + ionic, phi * (wb_h_opens(v) * (1.0 - h) - wb_h_closes(v) * h),
        phi * (wb_n_opens(v) * (1.0 - n) - wb_n_closes(v) * n),
    )  # fmt: skip


@neuron_model(
    state={
        "v": State("e_l", "mV"), "h": State(_wb_at_rest(wb_h_opens, wb_h_closes), ""),
        "n": State(_wb_at_rest(wb_n_opens, wb_n_closes), ""), "g_exc": State(0.0, "nS"), "g_inh": State(0.0, "nS"),
    },
    receptors={"exc": 1, "inh": -1}, derive=_wb_membrane, receptor_unit="nS",
    units={"g_na": "nS", "g_k": "nS", "phi": ""},
    limits={"g_na": "not negative", "g_k": "not negative", "phi": "positive"},
    params={
        "g_l": 10.0, "c_m": 100.0, "e_l": -65.0, "g_na": 3_500.0, "e_na": 55.0, "g_k": 900.0, "e_k": -90.0, "phi": 5.0,
        "e_exc": 0.0, "e_inh": -75.0, "tau_exc": 5.0, "tau_inh": 10.0, "v_th": 0.0, "i_e": 0.0,
    },
)  # fmt: skip
def WangBuzsaki(
    v, h, n, g_exc, g_inh, exc, inh, current, dt, leak, na, k, per_c, constant, half_exc, half_inh, e_l, e_na, e_k, e_exc,
    e_inh, phi, v_th,
):  # fmt: skip
    """Fast-spiking hippocampal interneuron (Wang & Buzsaki 1996) with exponential conductances.

    c_m dv/dt = g_l (e_l - v) + g_na m^3 h (e_na - v) + g_k n^4 (e_k - v) + g_exc (e_exc - v) + g_inh (e_inh - v) + i_e + I;
    dx/dt = phi (opens_x(v) (1 - x) - closes_x(v) x) for the gates h and n; m is at its steady state for v.  A spike is the
    upward crossing of v_th.  Positive weights go to g_exc, negative to g_inh.  The classical Runge-Kutta method of fourth
    order, as Brian2's `rk4`; its rate is right within 0.1 % at dt = 0.1 ms up to 300 Hz, and it needs total conductances
    below 25 c_m (in nS and pF) there.  100 pF are 10^-4 cm^2 of the paper's membrane, so 1 uA/cm^2 is 100 pA.  Defaults:
    the paper's, as in NESTML's `wb_cond_exp_neuron`; tau_exc is that of `HodgkinHuxley`, since the paper has no excitation.

    Parameters
    ----------
    g_l, g_na, g_k : float
        Conductances of leak and of all sodium and potassium channels when open (nS).
    c_m : float
        Capacitance (pF).
    e_l, e_na, e_k, e_exc, e_inh : float
        Reversal potentials (mV).
    phi : float
        Speed of the gates.
    tau_exc, tau_inh : float
        Time constants of the conductances (ms).
    v_th : float
        Voltage that a spike crosses (mV).
    i_e : float
        Constant current (pA).
    """
    flow = constant + current * per_c
    exc_1, inh_1 = per_c * g_exc, per_c * g_inh
    exc_2, inh_2 = exc_1 * half_exc, inh_1 * half_inh
    exc_3, inh_3 = exc_2 * half_exc, inh_2 * half_inh
    half = 0.5 * dt
    v_1, h_1, n_1 = wb_slope(v, h, n, exc_1, inh_1, flow, leak, na, k, e_l, e_na, e_k, e_exc, e_inh, phi)
    v_2, h_2, n_2 = wb_slope(
        v + half * v_1, h + half * h_1, n + half * n_1, exc_2, inh_2, flow, leak, na, k, e_l, e_na, e_k, e_exc, e_inh, phi,
    )  # fmt: skip
    v_3, h_3, n_3 = wb_slope(
        v + half * v_2, h + half * h_2, n + half * n_2, exc_2, inh_2, flow, leak, na, k, e_l, e_na, e_k, e_exc, e_inh, phi,
    )  # fmt: skip
    v_4, h_4, n_4 = wb_slope(
        v + dt * v_3, h + dt * h_3, n + dt * n_3, exc_3, inh_3, flow, leak, na, k, e_l, e_na, e_k, e_exc, e_inh, phi,
    )  # fmt: skip
    sixth = dt / 6.0
    new = v + sixth * (v_1 + 2.0 * (v_2 + v_3) + v_4)
    return (
        new, h + sixth * (h_1 + 2.0 * (h_2 + h_3) + h_4), n + sixth * (n_1 + 2.0 * (n_2 + n_3) + n_4),
        g_exc * half_exc * half_exc + exc, g_inh * half_inh * half_inh - inh, (new >= v_th) & (v < v_th),
    )  # fmt: skip
