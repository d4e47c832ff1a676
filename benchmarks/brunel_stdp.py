"""Balanced network with STDP on all excitatory-to-excitatory synapses: 8.1 M of 12.7 M.

After NEST's hpc_benchmark (Morrison et al. 2007): 11,250 neurons as there, but a tenth of the in-degree with J up by
sqrt(10), and exponential currents, which every peer has. The delay is dendritic in NEST (and neurosim's default),
axonal in Brian2 and GeNN.
"""

import math

from benchmarks.description import Network, Population, Projection

N_EXC, N_INH = 9_000, 2_250
K_EXC, K_INH = 900, 225  # synapses onto each neuron
J, G, DELAY = 0.45, 5.0, 1.5  # mV at the peak of the potential, 1, ms
ETA = 1.685  # external rate over the rate that alone would reach the threshold
PARAMETERS = {
    "tau_m": 10.0,  # ms
    "c_m": 250.0,  # pF
    "tau_exc": 0.5,  # ms
    "tau_inh": 0.5,  # ms
    "e_l": 0.0,  # mV
    "v_th": 20.0,  # mV
    "v_reset": 0.0,  # mV
    "t_ref": 0.5,  # ms
}


def peak_potential(tau_m: float, tau_syn: float, c_m: float) -> float:
    """Peak of the potential (mV) that an exponential current of 1 pA causes."""
    t = math.log(tau_m / tau_syn) * tau_m * tau_syn / (tau_m - tau_syn)
    return tau_m * tau_syn / (c_m * (tau_m - tau_syn)) * (math.exp(-t / tau_m) - math.exp(-t / tau_syn))


WEIGHT = J / peak_potential(PARAMETERS["tau_m"], PARAMETERS["tau_exc"], PARAMETERS["c_m"])  # pA
EXTERNAL_RATE = (  # Hz per neuron
    1000.0 * ETA * PARAMETERS["v_th"] * PARAMETERS["c_m"] / (WEIGHT * PARAMETERS["tau_exc"] * PARAMETERS["tau_m"])
)
RULES: dict[str, dict[str, object]] = {
    # dw+ = a_plus * x,  dw- = -a_minus * y,  0 <= w <= w_max (pA); a_minus: depression 5 % stronger in area
    "additive": {
        "rule": "additive",
        "tau_plus": 15.0,
        "tau_minus": 30.0,
        "a_plus": 0.001 * WEIGHT,
        "a_minus": 1.05 * 0.001 * WEIGHT * 15.0 / 30.0,
        "w_max": 2.0 * WEIGHT,
    },
    # dw+ = rate * w^mu * x,  dw- = -rate * alpha * w * y,  w >= 0 (w in pA): Morrison et al. 2007
    "power": {"rule": "power", "tau_plus": 15.0, "tau_minus": 30.0, "rate": 0.1, "mu": 0.4, "alpha": 0.0513},
}


def network(rule: str) -> Network:
    """The whole network; `rule` is one of RULES."""
    populations = [
        Population("exc", N_EXC, ("normal", 5.7, 7.2), EXTERNAL_RATE),
        Population("inh", N_INH, ("normal", 5.7, 7.2), EXTERNAL_RATE),
    ]
    projections = [
        Projection(source, target, "fixed_indegree", k, weight, DELAY, plastic=source == target == "exc")
        for source, k, weight in (("exc", K_EXC, WEIGHT), ("inh", K_INH, -G * WEIGHT))
        for target in ("exc", "inh")
    ]
    return Network("exp", PARAMETERS, populations, projections, poisson_weight=WEIGHT, stdp=RULES[rule])
