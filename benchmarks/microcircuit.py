"""Cortical microcircuit (Potjans & Diesmann 2014): at full scale 77,169 neurons and 299 M synapses.

Below full scale, neurons and synapses per neuron shrink by the same factor, weights grow by its root, and a constant
current restores the mean input (van Albada et al. 2015).
"""

import numpy as np

from benchmarks.description import Network, Population, Projection

NAMES = ["L23E", "L23I", "L4E", "L4I", "L5E", "L5I", "L6E", "L6I"]
SIZES = np.array([20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948])
PROBABILITY = np.array(  # [target, source], Potjans & Diesmann 2014, table 5
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
EXTERNAL_SYNAPSES = np.array([1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100])
EXTERNAL_RATE = 8.0  # Hz per external synapse
RATES = np.array([0.971, 2.868, 4.746, 5.396, 8.142, 9.078, 0.991, 7.523])  # Hz, of the full network
START_MEAN = np.array([-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43])  # mV
START_SD = np.array([5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48])  # mV
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
WEIGHT, G, WEIGHT_SPREAD = 87.8, -4.0, 0.1  # pA, 1, sd over mean
DELAY_EXC, DELAY_INH, DELAY_SPREAD = 1.5, 0.75, 0.5  # ms, ms, sd over mean


def network(scale: float) -> Network:
    """The network with `scale` times the neurons, and as many synapses onto each of them less."""
    pairs = np.outer(SIZES, SIZES).astype(float)
    per_neuron = np.log(1.0 - PROBABILITY) / np.log1p(-1.0 / pairs) / SIZES[:, None]  # synapses, full scale
    sizes = np.round(SIZES * scale).astype(int)
    number = np.round(per_neuron * scale * sizes[:, None]).astype(int)
    weight = np.tile(np.where(np.arange(8) % 2 == 0, WEIGHT, G * WEIGHT), (8, 1))
    weight[0, 2] *= 2.0  # L4E -> L23E
    charge = PARAMETERS["tau_exc"] * 1e-3  # pA of mean current for 1 pA at 1 Hz
    mean_input = charge * ((weight * per_neuron) @ RATES + WEIGHT * EXTERNAL_SYNAPSES * EXTERNAL_RATE)
    root = np.sqrt(scale)
    populations = [
        Population(
            name,
            int(sizes[k]),
            ("normal", float(START_MEAN[k]), float(START_SD[k])),
            poisson_rate=float(EXTERNAL_SYNAPSES[k] * scale * EXTERNAL_RATE),
            i_e=float((1.0 - root) * mean_input[k]),
        )
        for k, name in enumerate(NAMES)
    ]
    projections = []
    for t, target in enumerate(NAMES):
        for s, source in enumerate(NAMES):
            if number[t, s]:
                w = float(weight[t, s] / root)
                delay = DELAY_EXC if s % 2 == 0 else DELAY_INH
                spread = {"weight_sd": abs(w) * WEIGHT_SPREAD, "delay_sd": delay * DELAY_SPREAD}
                projections.append(Projection(source, target, "fixed_total", int(number[t, s]), w, delay, **spread))
    return Network("exp", PARAMETERS, populations, projections, poisson_weight=float(WEIGHT / root))
