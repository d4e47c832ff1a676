"""CUBA (Vogels & Abbott 2005): 4,000 or 20,000 neurons with exponential currents, 80 synapses onto each, no input.

As benchmarked by Brette et al. (2007); delays of one step.
"""

from benchmarks.description import DT, Network, Population, Projection

N_EXC, N_INH = 3_200, 800  # at scale 1
K_EXC, K_INH = 64, 16  # synapses onto each neuron, at any scale
PARAMETERS = {
    "tau_m": 20.0,  # ms
    "c_m": 200.0,  # pF
    "tau_exc": 5.0,  # ms
    "tau_inh": 10.0,  # ms
    "e_l": -49.0,  # mV, above the threshold: the neurons fire by themselves
    "v_th": -50.0,  # mV
    "v_reset": -60.0,  # mV
    "t_ref": 5.0,  # ms
}
MV = PARAMETERS["c_m"] / PARAMETERS["tau_m"]  # pA for 1 mV of the published weights
WEIGHT_EXC, WEIGHT_INH = 1.62 * MV, -9.0 * MV  # pA


def network(scale: int) -> Network:
    """The network with `scale` times 4,000 neurons."""
    populations = [
        Population("exc", scale * N_EXC, ("uniform", -60.0, -50.0)),
        Population("inh", scale * N_INH, ("uniform", -60.0, -50.0)),
    ]
    projections = [
        Projection(source, target, "fixed_indegree", k, weight, DT)
        for source, k, weight in (("exc", K_EXC, WEIGHT_EXC), ("inh", K_INH, WEIGHT_INH))
        for target in ("exc", "inh")
    ]
    return Network("exp", PARAMETERS, populations, projections, time=5000.0)
