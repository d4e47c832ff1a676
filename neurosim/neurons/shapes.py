"""Leaky integrate-and-fire neurons with conductances that rise: alpha, bi-exponential, and NMDA with its magnesium block.

Each step is solved exactly with the conductances at their mean over the step (second order in dt), as `LIFCond`.
"""

from math import exp

import numpy as np

from neurosim.neurons.custom import State, neuron_model
from neurosim.neurons.lif import through_alpha, through_exponential

_INF, _ONE = np.asarray(np.inf), np.asarray(1.0)
_UNITS = {"e_exc": "mV", "e_inh": "mV"}
_STATE = {
    "v": State("e_l", "mV"), "d_exc": State(0.0, "nS/ms"), "g_exc": State(0.0, "nS"), "d_inh": State(0.0, "nS/ms"),
    "g_inh": State(0.0, "nS"),
}  # fmt: skip


def exponential(name, tau, dt):
    """Decay over a step of an exponential conductance, and its mean over the step."""
    return {f"decay_{name}": np.exp(-dt / tau), f"mean_{name}": through_exponential(_INF, tau, _ONE, dt) / dt}


def alpha(name, tau, dt):
    """The same of an alpha conductance with the variables d (its slope at once) and g; a unit arrival adds `peak` to d."""
    rise, mean = through_alpha(_INF, tau, _ONE, dt)
    return {
        f"keep_{name}": np.exp(-dt / tau),
        f"decay_{name}": np.exp(-dt / tau),
        f"rise_{name}": dt * np.exp(-dt / tau),
        f"mean_{name}": mean / dt,
        f"mean_d_{name}": rise / dt,
        f"peak_{name}": np.e / tau,
    }


def beta(name, tau_rise, tau_decay, dt):
    """The same of a difference of exponentials: d decays with tau_rise, dg/dt = d - g / tau_decay; also where the two are equal."""
    rise, fall = 1.0 / tau_rise, 1.0 / tau_decay
    difference = rise - fall
    equal = np.abs(difference) * dt < 1e-5
    safe = np.where(equal, 1.0, difference)
    tau = 2.0 / (rise + fall)
    same = alpha(name, tau, dt)
    means = [through_exponential(_INF, 1.0 / rate, _ONE, dt) / dt for rate in (fall, rise)]
    top = np.log(np.where(equal, np.e, rise / fall)) / safe  # time of the peak
    height = np.where(equal, 1.0, (np.exp(-fall * top) - np.exp(-rise * top)) / safe)
    return {
        f"keep_{name}": np.exp(-dt * rise),
        f"decay_{name}": np.exp(-dt * fall),
        f"rise_{name}": np.where(equal, same[f"rise_{name}"], (np.exp(-dt * fall) - np.exp(-dt * rise)) / safe),
        f"mean_{name}": means[0],
        f"mean_d_{name}": np.where(equal, same[f"mean_d_{name}"], (means[0] - means[1]) / safe),
        f"peak_{name}": np.where(equal, same[f"peak_{name}"], 1.0 / height),
    }


def _alphas(g_l, c_m, e_l, i_e, tau_exc, tau_inh, dt):
    return alpha("exc", tau_exc, dt) | alpha("inh", tau_inh, dt) | {"inflow": g_l * e_l + i_e, "per_c": -dt / c_m}


def _betas(g_l, c_m, e_l, i_e, tau_rise_exc, tau_decay_exc, tau_rise_inh, tau_decay_inh, dt):
    shapes = beta("exc", tau_rise_exc, tau_decay_exc, dt) | beta("inh", tau_rise_inh, tau_decay_inh, dt)
    return shapes | {"inflow": g_l * e_l + i_e, "per_c": -dt / c_m}


def relaxed(v, g, pull, per_c):
    """v after dt with the conductance g (nS), drawn towards pull / g."""
    goal = pull / g
    return goal + (v - goal) * exp(g * per_c)


def rising(
    v, d_exc, g_exc, d_inh, g_inh, exc, inh, current, waiting, inflow, per_c, g_l, e_exc, e_inh, keep_exc, decay_exc, rise_exc,
    mean_exc, mean_d_exc, peak_exc, keep_inh, decay_inh, rise_inh, mean_inh, mean_d_inh, peak_inh, v_th,
):  # fmt: skip
    """One step of both shapes: v, the pair of each conductance, and whether it fires."""
    from_exc = g_exc * mean_exc + d_exc * mean_d_exc
    from_inh = g_inh * mean_inh + d_inh * mean_d_inh
    free = relaxed(v, g_l + from_exc + from_inh, inflow + from_exc * e_exc + from_inh * e_inh + current, per_c)
    new = v if waiting > 0 else free
    return (
        new, d_exc * keep_exc + peak_exc * exc, g_exc * decay_exc + d_exc * rise_exc, d_inh * keep_inh - peak_inh * inh,
        g_inh * decay_inh + d_inh * rise_inh, new >= v_th,
    )  # fmt: skip


def reset_rising(d_exc, g_exc, d_inh, g_inh, v_reset):
    return v_reset, d_exc, g_exc, d_inh, g_inh


@neuron_model(
    state=_STATE, receptors={"exc": 1, "inh": -1}, reset=reset_rising, derive=_alphas, receptor_unit="nS",
    resolved=("tau_exc", "tau_inh"),
    params={
        "g_l": 16.6667, "c_m": 250.0, "e_l": -70.0, "e_exc": 0.0, "e_inh": -85.0, "v_th": -55.0, "v_reset": -60.0,
        "tau_exc": 0.2, "tau_inh": 2.0, "t_ref": 2.0, "i_e": 0.0,
    },
)  # fmt: skip
def LIFCondAlpha(
    v, d_exc, g_exc, d_inh, g_inh, exc, inh, current, waiting, inflow, per_c, g_l, e_exc, e_inh, keep_exc, decay_exc, rise_exc,
    mean_exc, mean_d_exc, peak_exc, keep_inh, decay_inh, rise_inh, mean_inh, mean_d_inh, peak_inh, v_th,
):  # fmt: skip
    """Leaky integrate-and-fire neuron with alpha-shaped conductances: a spike's conductance peaks at its weight (nS) after tau.

    c_m dv/dt = g_l (e_l - v) + g_exc (e_exc - v) + g_inh (e_inh - v) + i_e + I; g(t) = w (e t / tau) exp(-t / tau).
    Otherwise as `LIFCond`: an inhibitory weight is a negative number.  NEST: `iaf_cond_alpha`, whose defaults these are,
    with t_ref shorter by dt.

    Parameters
    ----------
    g_l : float
        Leak conductance (nS).
    c_m : float
        Capacitance (pF).
    e_l, e_exc, e_inh, v_th, v_reset : float
        Resting and reversal potentials, threshold, reset (mV).
    tau_exc, tau_inh : float
        Times to the peak of the conductances (ms).
    t_ref : float
        Shortest interval between two spikes (ms).
    i_e : float
        Constant current (pA).
    """
    return rising(
        v, d_exc, g_exc, d_inh, g_inh, exc, inh, current, waiting, inflow, per_c, g_l, e_exc, e_inh, keep_exc, decay_exc,
        rise_exc, mean_exc, mean_d_exc, peak_exc, keep_inh, decay_inh, rise_inh, mean_inh, mean_d_inh, peak_inh, v_th,
    )  # fmt: skip


@neuron_model(
    state=_STATE, receptors={"exc": 1, "inh": -1}, reset=reset_rising, derive=_betas, receptor_unit="nS",
    resolved=("tau_decay_exc", "tau_decay_inh"),
    params={
        "g_l": 16.6667, "c_m": 250.0, "e_l": -70.0, "e_exc": 0.0, "e_inh": -85.0, "v_th": -55.0, "v_reset": -60.0,
        "tau_rise_exc": 0.2, "tau_decay_exc": 0.2, "tau_rise_inh": 2.0, "tau_decay_inh": 2.0, "t_ref": 2.0, "i_e": 0.0,
    },
)  # fmt: skip
def LIFCondBeta(
    v, d_exc, g_exc, d_inh, g_inh, exc, inh, current, waiting, inflow, per_c, g_l, e_exc, e_inh, keep_exc, decay_exc, rise_exc,
    mean_exc, mean_d_exc, peak_exc, keep_inh, decay_inh, rise_inh, mean_inh, mean_d_inh, peak_inh, v_th,
):  # fmt: skip
    """Leaky integrate-and-fire neuron with bi-exponential conductances: a spike's conductance peaks at its weight (nS).

    As `LIFCondAlpha` with g(t) proportional to exp(-t / tau_decay) - exp(-t / tau_rise); where the two are equal it is the
    alpha shape.  NEST: `iaf_cond_beta`, whose defaults these are, with t_ref shorter by dt.

    Parameters
    ----------
    g_l : float
        Leak conductance (nS).
    c_m : float
        Capacitance (pF).
    e_l, e_exc, e_inh, v_th, v_reset : float
        Resting and reversal potentials, threshold, reset (mV).
    tau_rise_exc, tau_decay_exc, tau_rise_inh, tau_decay_inh : float
        Time constants of the conductances (ms).
    t_ref : float
        Shortest interval between two spikes (ms).
    i_e : float
        Constant current (pA).
    """
    return rising(
        v, d_exc, g_exc, d_inh, g_inh, exc, inh, current, waiting, inflow, per_c, g_l, e_exc, e_inh, keep_exc, decay_exc,
        rise_exc, mean_exc, mean_d_exc, peak_exc, keep_inh, decay_inh, rise_inh, mean_inh, mean_d_inh, peak_inh, v_th,
    )  # fmt: skip


# ---- NMDA ------------------------------------------------------------------------------------------------------------


def magnesium(v, mg):
    """Fraction of NMDA channels that magnesium leaves open at v (mV), for mg (mM): Jahr & Stevens (1990)."""
    return 1.0 / (1.0 + mg * exp(-0.062 * v) / 3.57)


def _nmda(g_l, c_m, e_l, i_e, tau_ampa, tau_nmda_rise, tau_nmda_decay, tau_gabaa, dt):
    shapes = exponential("ampa", tau_ampa, dt) | beta("nmda", tau_nmda_rise, tau_nmda_decay, dt)
    return shapes | exponential("gabaa", tau_gabaa, dt) | {"inflow": g_l * e_l + i_e, "per_c": -dt / c_m}


def reset_nmda(g_ampa, d_nmda, g_nmda, g_gabaa, v_reset):
    return v_reset, g_ampa, d_nmda, g_nmda, g_gabaa


@neuron_model(
    state={
        "v": State("e_l", "mV"), "g_ampa": State(0.0, "nS"), "d_nmda": State(0.0, "nS/ms"), "g_nmda": State(0.0, "nS"),
        "g_gabaa": State(0.0, "nS"),
    },
    receptors={"ampa": 1, "nmda": 1, "gabaa": -1}, reset=reset_nmda, derive=_nmda, receptor_unit="nS",
    resolved=("tau_ampa", "tau_nmda_decay", "tau_gabaa"), units={"mg": ""}, limits={"mg": "not negative"},
    params={
        "g_l": 25.0, "c_m": 500.0, "e_l": -70.0, "e_exc": 0.0, "e_inh": -70.0, "v_th": -50.0, "v_reset": -55.0, "t_ref": 2.0,
        "tau_ampa": 2.0, "tau_nmda_rise": 2.0, "tau_nmda_decay": 100.0, "tau_gabaa": 10.0, "mg": 1.0, "i_e": 0.0,
    },
)  # fmt: skip
def LIFNMDA(
    v, g_ampa, d_nmda, g_nmda, g_gabaa, ampa, nmda, gabaa, current, waiting, inflow, per_c, g_l, e_exc, e_inh, decay_ampa,
    mean_ampa, keep_nmda, decay_nmda, rise_nmda, mean_nmda, mean_d_nmda, peak_nmda, decay_gabaa, mean_gabaa, mg, v_th,
):  # fmt: skip
    """Leaky integrate-and-fire neuron with AMPA, NMDA and GABA-A conductances; magnesium blocks NMDA below about -20 mV.

    c_m dv/dt = g_l (e_l - v) + (g_ampa + B(v) g_nmda) (e_exc - v) + g_gabaa (e_inh - v) + i_e + I, with
    B(v) = 1 / (1 + mg exp(-0.062 v) / 3.57) (Jahr & Stevens 1990).  AMPA and GABA-A are exponential, NMDA is bi-exponential;
    a spike's conductance peaks at its weight (nS, for NMDA before the block); NMDA does not saturate.  Receptors: "ampa"
    (where positive weights go), "nmda" (``net.connect(..., receptor="nmda")``), and "gabaa" (negative weights).  B is held
    through each step.  Defaults: the pyramidal cells of Brunel & Wang (2001), as in Brian2's example of that name.

    Parameters
    ----------
    g_l : float
        Leak conductance (nS).
    c_m : float
        Capacitance (pF).
    e_l, e_exc, e_inh, v_th, v_reset : float
        Resting and reversal potentials, threshold, reset (mV).
    t_ref : float
        Shortest interval between two spikes (ms).
    tau_ampa, tau_nmda_rise, tau_nmda_decay, tau_gabaa : float
        Time constants of the conductances (ms).
    mg : float
        Magnesium outside (mM); 0 for no block.
    i_e : float
        Constant current (pA).
    """
    from_exc = g_ampa * mean_ampa + (g_nmda * mean_nmda + d_nmda * mean_d_nmda) * magnesium(v, mg)
    from_inh = g_gabaa * mean_gabaa
    free = relaxed(v, g_l + from_exc + from_inh, inflow + from_exc * e_exc + from_inh * e_inh + current, per_c)
    new = v if waiting > 0 else free
    return (
        new, g_ampa * decay_ampa + ampa, d_nmda * keep_nmda + peak_nmda * nmda, g_nmda * decay_nmda + d_nmda * rise_nmda,
        g_gabaa * decay_gabaa - gabaa, new >= v_th,
    )  # fmt: skip
