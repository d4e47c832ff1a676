"""Rate units: a rate follows a function of the input, and spikes are drawn from it."""

from math import exp

import numpy as np

from neurosim.neurons.custom import State, neuron_model

_STATE = {"r": State(0.0, "Hz"), "s": State(0.0, "Hz")}
_UNITS = {"theta": "Hz", "r_max": "Hz", "i_e": "Hz"}


def _rate(tau_r, tau_s, dt):
    return {
        "keep_r": np.exp(-dt / tau_r),
        "keep_s": np.exp(-dt / tau_s),
        "per_spike": 1e3 / tau_s,
        "chance": np.full_like(tau_r, dt * 1e-3),
    }


@neuron_model(
    state=_STATE, derive=_rate, receptor_unit="", units=_UNITS | {"gain": ""}, limits={"r_max": "any"}, spontaneous=False,
    params={"tau_r": 10.0, "tau_s": 5.0, "gain": 1.0, "theta": 0.0, "r_max": np.inf, "i_e": 0.0},
)  # fmt: skip
def RateNeuron(r, s, delta, current, uniform, keep_r, keep_s, per_spike, chance, gain, theta, r_max, i_e):
    """Rate unit with a threshold-linear response: tau_r dr/dt = -r + f(s + i_e + I), f(x) = gain (x - theta) from 0 to r_max.

    Input arrives as spikes: tau_s ds/dt = -s, and a spike adds 1000 ms/s * weight / tau_s, so that a source of rate q with
    weight w gives s = w q on average: a weight is a number (Hz per Hz).  It fires at random with the rate r, in a step with
    the probability r dt (at most 1).  With many inputs the mean obeys r = f(sum w r + i_e), the rate equations of Wilson &
    Cowan (1972) without refractory terms.  r relaxes exactly, with f at its value at the beginning of each step.  Currents
    that are injected count as input (Hz).

    Parameters
    ----------
    tau_r, tau_s : float
        Time constants of the rate and of the input (ms).
    gain : float
        Slope of the response (Hz per Hz).
    theta : float
        Threshold of the response (Hz).
    r_max : float
        Largest rate (Hz); may be `inf`.
    i_e : float
        Constant input (Hz).
    """
    goal = min(max(gain * (s + i_e + current - theta), 0.0), r_max)
    new = goal + (r - goal) * keep_r
    return new, s * keep_s + delta * per_spike, uniform < new * chance


@neuron_model(
    state=_STATE, derive=_rate, receptor_unit="", units=_UNITS | {"width": "Hz"},
    limits={"width": "positive", "r_max": "not negative"},
    params={"tau_r": 10.0, "tau_s": 5.0, "r_max": 100.0, "theta": 50.0, "width": 10.0, "i_e": 0.0}, spontaneous=False,
)  # fmt: skip
def SigmoidRateNeuron(r, s, delta, current, uniform, keep_r, keep_s, per_spike, chance, theta, width, r_max, i_e):
    """Rate unit with a sigmoid response: as `RateNeuron` with f(x) = r_max / (1 + exp(-(x - theta) / width)).

    Parameters
    ----------
    tau_r, tau_s : float
        Time constants of the rate and of the input (ms).
    r_max : float
        Largest rate (Hz).
    theta : float
        Input at which half the largest rate is reached (Hz).
    width : float
        Width of the response (Hz).
    i_e : float
        Constant input (Hz).
    """
    goal = r_max / (1.0 + exp(-(s + i_e + current - theta) / width))
    new = goal + (r - goal) * keep_r
    return new, s * keep_s + delta * per_spike, uniform < new * chance
