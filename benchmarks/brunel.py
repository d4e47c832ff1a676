"""Brunel (2000), model A, asynchronous irregular (g = 5, eta = 2): 12,500 neurons, 15.6 M delta synapses, 37.5 Hz."""

from benchmarks.description import Network, Population, Projection

N_EXC, N_INH = 10_000, 2_500
K_EXC, K_INH = 1_000, 250  # synapses onto each neuron
J, G, DELAY = 0.1, 5.0, 1.5  # mV, 1, ms
ETA = 2.0  # external rate over the rate that alone would reach the threshold
PARAMETERS = {
    "tau_m": 20.0,
    "c_m": 1.0,
    "e_l": 0.0,
    "v_th": 20.0,
    "v_reset": 10.0,
    "t_ref": 2.0,
}  # ms, pF, mV, mV, mV, ms
EXTERNAL_RATE = 1000.0 * ETA * PARAMETERS["v_th"] / (J * PARAMETERS["tau_m"])  # Hz per neuron: 20,000


def network() -> Network:
    """The whole network."""
    populations = [
        Population("exc", N_EXC, ("uniform", 0.0, 20.0), EXTERNAL_RATE),
        Population("inh", N_INH, ("uniform", 0.0, 20.0), EXTERNAL_RATE),
    ]
    projections = [
        Projection(source, target, "fixed_indegree", k, weight, DELAY)
        for source, k, weight in (("exc", K_EXC, J), ("inh", K_INH, -G * J))
        for target in ("exc", "inh")
    ]
    return Network("delta", PARAMETERS, populations, projections, poisson_weight=J)
