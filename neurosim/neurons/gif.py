"""The generalised integrate-and-fire neuron: escape noise, a threshold that rises with each spike, a current after each spike."""

from math import exp

import numpy as np

from neurosim.neurons.custom import State, neuron_model
from neurosim.neurons.lif import leak, through_exponential


def _gif(
    g_l, c_m, e_l, v_reset, t_ref, i_e, tau_exc, tau_inh, lambda_0, delta_v, tau_stc, tau_stc_2, tau_sfa, tau_sfa_2, dt
):
    tau_m = c_m / g_l
    membrane = leak(
        {"tau_m": tau_m, "c_m": c_m, "e_l": e_l, "v_th": e_l, "v_reset": v_reset, "t_ref": t_ref, "i_e": i_e}, dt
    )
    return {
        "decay": membrane["decay"],
        "drive": membrane["drive"],
        "current_to_v": membrane["current_to_v"],
        "exc_to_v": through_exponential(tau_m, tau_exc, c_m, dt),
        "inh_to_v": through_exponential(tau_m, tau_inh, c_m, dt),
        "decay_exc": np.exp(-dt / tau_exc),
        "decay_inh": np.exp(-dt / tau_inh),
        "keep_stc": np.exp(-dt / tau_stc),
        "keep_stc_2": np.exp(-dt / tau_stc_2),
        "keep_sfa": np.exp(-dt / tau_sfa),
        "keep_sfa_2": np.exp(-dt / tau_sfa_2),
        "hazard": -lambda_0 * 1e-3 * dt,
        "per_delta": 1.0 / delta_v,
    }


def after_spike(i_exc, i_inh, stc, stc_2, sfa, sfa_2, v_reset, q_stc, q_stc_2, q_sfa, q_sfa_2):
    return v_reset, i_exc, i_inh, stc + q_stc, stc_2 + q_stc_2, sfa + q_sfa, sfa_2 + q_sfa_2


@neuron_model(
    state={
        "v": State("e_l", "mV"), "i_exc": State(0.0, "pA"), "i_inh": State(0.0, "pA"), "stc": State(0.0, "pA"),
        "stc_2": State(0.0, "pA"), "sfa": State(0.0, "mV"), "sfa_2": State(0.0, "mV"),
    },
    receptors={"exc": 1, "inh": -1}, reset=after_spike, derive=_gif, receptor_unit="pA",
    units={"lambda_0": "Hz", "q_stc": "pA", "q_stc_2": "pA", "q_sfa": "mV", "q_sfa_2": "mV"},
    limits={"lambda_0": "not negative", "delta_v": "positive"},
    params={
        "g_l": 3.7, "c_m": 83.1, "e_l": -67.0, "v_reset": -36.7, "v_t": -39.6, "delta_v": 1.4, "lambda_0": 1.0, "t_ref": 4.0,
        "q_stc": 56.7, "tau_stc": 57.8, "q_stc_2": -6.9, "tau_stc_2": 218.2,
        "q_sfa": 11.7, "tau_sfa": 53.8, "q_sfa_2": 1.8, "tau_sfa_2": 640.0,
        "tau_exc": 10.0, "tau_inh": 10.0, "i_e": 0.0,
    },
)  # fmt: skip
def GIF(
    v, i_exc, i_inh, stc, stc_2, sfa, sfa_2, exc, inh, current, waiting, uniform, decay, drive, current_to_v, exc_to_v,
    inh_to_v, decay_exc, decay_inh, keep_stc, keep_stc_2, keep_sfa, keep_sfa_2, hazard, per_delta, v_t,
):  # fmt: skip
    """Generalised integrate-and-fire neuron (Mensi et al. 2012, Pozzorini et al. 2015) with exponential currents.

    c_m dv/dt = g_l (e_l - v) - stc - stc_2 + I_exc + I_inh + i_e + I.  It fires with the hazard
    lambda_0 exp((v - v_t - sfa - sfa_2) / delta_v), in a step with the probability 1 - exp(-hazard dt).  A spike puts v to
    v_reset for t_ref and adds q_stc to the spike-triggered currents stc and q_sfa to the threshold's rises sfa, two of each,
    which decay exponentially all the time.  As in NEST's `gif_psc_exp`, the spike-triggered currents are held through each
    step, and the hazard at the end of a step sees the threshold of its beginning.  NEST's t_ref is ours less dt, and its
    synaptic currents act one step earlier: a NEST delay of d + dt is ours of d.  The defaults are those of a cortical
    neuron fitted by Mensi et al. (2012), as in NEST's example `gif_population`.

    Parameters
    ----------
    g_l : float
        Leak conductance (nS).
    c_m : float
        Capacitance (pF).
    e_l, v_reset, v_t : float
        Rest, reset, resting threshold (mV).
    delta_v : float
        Softness of the threshold (mV).
    lambda_0 : float
        Rate of firing at the threshold (Hz).
    t_ref : float
        Shortest interval between two spikes (ms).
    q_stc, q_stc_2 : float
        What a spike adds to the spike-triggered currents (pA; positive ones hyperpolarise).
    tau_stc, tau_stc_2, tau_sfa, tau_sfa_2, tau_exc, tau_inh : float
        Time constants of spike-triggered currents, of the threshold's rises, and of synaptic currents (ms).
    q_sfa, q_sfa_2 : float
        What a spike adds to the threshold (mV).
    i_e : float
        Constant current (pA).
    """
    after = (current - stc - stc_2) * current_to_v
    free = v * decay + drive + i_exc * exc_to_v + i_inh * inh_to_v + after
    new = v if waiting > 0 else free
    fires = uniform < 1.0 - exp(hazard * exp(min((new - v_t - sfa - sfa_2) * per_delta, 60.0)))
    return (
        new, i_exc * decay_exc + exc, i_inh * decay_inh + inh, stc * keep_stc, stc_2 * keep_stc_2, sfa * keep_sfa,
        sfa_2 * keep_sfa_2, fires,
    )  # fmt: skip
