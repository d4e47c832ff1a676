"""The numbers of the cortical microcircuit of Potjans & Diesmann (2014): who there is, who connects to whom, how fast they fire.

Order: excitatory and inhibitory neurons of layers 2/3, 4, 5 and 6; tables are [target, source].

References
----------
Potjans & Diesmann (2014), Cerebral Cortex 24:785-806, tables 4 and 5; potentials at the start: its implementation for NEST.
"""

import numpy as np

NAMES = ["L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I"]
SIZES = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])  # neurons
PROBABILITY = np.array(  # [target, source], of at least one synapse
    [
        [0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0000, 0.0076, 0.0000],
        [0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0000, 0.0042, 0.0000],
        [0.0077, 0.0059, 0.0497, 0.1350, 0.0067, 0.0003, 0.0453, 0.0000],
        [0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0000, 0.1057, 0.0000],
        [0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0000],
        [0.0548, 0.0269, 0.0257, 0.0022, 0.0600, 0.3158, 0.0086, 0.0000],
        [0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252],
        [0.0364, 0.0010, 0.0034, 0.0005, 0.0277, 0.0080, 0.0658, 0.1443],
    ]
)
#: Synapses onto a neuron [target, source]: as many draws of a pair as leave a pair without one with 1 - PROBABILITY.
IN_DEGREE = np.log1p(-PROBABILITY) / np.log1p(-1.0 / np.outer(SIZES, SIZES)) / SIZES[:, None]
EXTERNAL = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])  # synapses onto a neuron from elsewhere
EXTERNAL_RATE = 8.0  # Hz of each
PARAMETERS = {
    "tau_m": 10.0,  # ms
    "c_m": 250.0,  # pF
    "tau_exc": 0.5,  # ms
    "tau_inh": 0.5,  # ms
    "e_l": -65.0,  # mV
    "v_th": -50.0,  # mV
    "v_reset": -65.0,  # mV
    "t_ref": 2.0,  # ms
}
WEIGHT = np.tile([87.8, -4 * 87.8], (8, 4))  # pA [target, source], the mean; 87.8 pA depolarise by 0.15 mV
WEIGHT[0, 2] *= 2.0  # L4E to L23E
WEIGHT_SPREAD = 0.1  # standard deviation over mean
DELAY, DELAY_SPREAD = np.tile([1.5, 0.75], 4), 0.5  # ms by source, standard deviation over mean
START = np.array([-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43])  # mV, mean at time 0
START_SD = np.array([5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48])  # mV
#: Mean rates (Hz) of the full network in three published simulations.
RATES = {
    "reference": np.array([0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829]),
    "a run of NEST": np.array([0.943, 3.026, 4.368, 5.882, 7.733, 8.664, 1.096, 7.851]),
    "an older set": np.array([0.971, 2.868, 4.746, 5.396, 8.142, 9.078, 0.991, 7.523]),
}


def mean_input(rates: np.ndarray) -> np.ndarray:
    """Mean current into a neuron of each population (pA) while the populations fire at `rates` (Hz), outside input included.

    Examples
    --------
    >>> from neurosim.datasets import cortex
    >>> cortex.mean_input(cortex.RATES["reference"]).round().tolist()[:2]
    [42.0, 164.0]
    """
    charge = PARAMETERS["tau_exc"] * 1e-3  # pA at 1 Hz: a spike of weight w carries the charge w tau
    return np.asarray(charge * ((WEIGHT * IN_DEGREE) @ rates + WEIGHT[0, 0] * EXTERNAL * EXTERNAL_RATE))


__all__ = [
    "DELAY",
    "DELAY_SPREAD",
    "EXTERNAL",
    "EXTERNAL_RATE",
    "IN_DEGREE",
    "NAMES",
    "PARAMETERS",
    "PROBABILITY",
    "RATES",
    "SIZES",
    "START",
    "START_SD",
    "WEIGHT",
    "WEIGHT_SPREAD",
    "mean_input",
]
