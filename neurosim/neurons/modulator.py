"""A neuromodulator: not a neuron, but a concentration that spikes raise and that decays; third factors read it."""

import numpy as np

from neurosim.neurons.custom import State, neuron_model


def _decay(tau, dt):
    return {"keep": np.exp(-dt / tau)}


@neuron_model(
    state={"level": State(0.0, "")}, derive=_decay, params={"tau": 200.0}, receptor_unit="", spontaneous=False
)
def Modulator(level, delta, keep):
    """A concentration, such as that of dopamine: d level/dt = -level / tau, and an arriving spike adds its weight.

    It never fires and takes no current.  One neuron is one pool of the modulator; learning rules with a third factor read
    its `level` (``net.connect(..., modulator=population)``).  The default is that of Izhikevich (2007) for dopamine, as in
    Brian2's example of the same name.

    Parameters
    ----------
    tau : float
        Time constant of the decay (ms).
    """
    return level * keep + delta, False
