"""The two-variable model of Izhikevich (2003), written through the same door as users' models."""

from neurosim.neurons.custom import State, neuron_model


def recovered(b, c):
    return b * c


def reset_izhikevich(u, c, d):
    return c, u + d


@neuron_model(
    state={"v": State("c", "mV"), "u": State(recovered, "mV/ms")}, reset=reset_izhikevich,
    units={"v_th": "mV", "c": "mV", "a": "1/ms", "b": "", "d": "mV/ms", "i_e": ""},
    params={"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0, "v_th": 30.0, "i_e": 0.0},
)  # fmt: skip
def Izhikevich(v, u, delta, current, dt, a, b, i_e, v_th):
    """Simple model of spiking neurons (Izhikevich 2003): dv/dt = 0.04 v^2 + 5 v + 140 - u + I, du/dt = a (b v - u).

    At v >= v_th: v = c, u += d.  A spike moves v by the weight (mV).  Forward Euler with dt, both from the old values, as
    NEST's `izhikevich` with consistent_integration.

    Parameters
    ----------
    a : float
        Rate of recovery (1/ms).
    b : float
        Sensitivity of the recovery to v.
    c : float
        Reset of v (mV).
    d : float
        Step of u at a spike (mV/ms).
    v_th : float
        Peak at which the spike is counted (mV).
    i_e : float
        Constant input (mV/ms; the paper's I); currents that are injected count the same way, in these units.
    """
    new = v + dt * (0.04 * v * v + 5.0 * v + 140.0 - u + i_e + current) + delta
    return new, u + dt * a * (b * v - u), new >= v_th
