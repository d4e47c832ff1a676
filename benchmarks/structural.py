"""Homeostatic rewiring (Butz & van Ooyen 2013) of 10,000 neurons that start with 1 M synapses; NEST only among the
peers.

After NEST's example of structural plasticity, but growth is ten times faster and synapses are updated every 100 ms,
so that a second shows much of it, and the growth curve is the linear one, which both simulators integrate exactly.  In NEST every
neuron starts with 100 vacant elements on either side, of which the first update makes 100 synapses a neuron; neurosim
starts with these synapses.
"""

from benchmarks.description import Element, Growth, Network, Population

N_EXC, N_INH = 8_000, 2_000
SYNAPSES = 100  # elements that every neuron starts with, on either side
BOOST = 10.0  # growth against NEST's example
WEIGHT_EXC, WEIGHT_INH, DELAY = 1000.0 / SYNAPSES, -5000.0 / SYNAPSES, 1.0  # pA, pA, ms
EXTERNAL_RATE, EXTERNAL_WEIGHT = 10_000.0, 6.2  # Hz, pA
PARAMETERS = {
    "tau_m": 10.0,  # ms
    "c_m": 250.0,  # pF
    "tau_exc": 2.0,  # ms
    "tau_inh": 2.0,  # ms
    "e_l": -70.0,  # mV
    "v_th": -55.0,  # mV
    "v_reset": -70.0,  # mV
    "t_ref": 2.1,  # ms
}
SET_POINT_EXC, SET_POINT_INH = 0.05, 0.2  # calcium: 5 and 20 Hz with NEST's tau_Ca = 10 s, beta_Ca = 0.001


def network() -> Network:
    """The whole network."""
    k_exc = SYNAPSES * N_EXC // (N_EXC + N_INH)
    k_inh = SYNAPSES - k_exc
    slow, fast = 1e-4 * BOOST, 4e-4 * BOOST  # elements per ms
    exc = {
        "dendrite_exc": Element(slow, SET_POINT_EXC, k_exc),
        "dendrite_inh": Element(slow, SET_POINT_EXC, k_inh),
        "axon_exc": Element(slow, SET_POINT_EXC, SYNAPSES),
    }
    inh = {
        "dendrite_exc": Element(fast, SET_POINT_INH, k_exc),
        "dendrite_inh": Element(slow, SET_POINT_INH, k_inh),
        "axon_inh": Element(slow, SET_POINT_INH, SYNAPSES),
    }
    populations = [
        Population("exc", N_EXC, ("uniform", -70.0, -55.0), EXTERNAL_RATE, elements=exc),
        Population("inh", N_INH, ("uniform", -70.0, -55.0), EXTERNAL_RATE, elements=inh),
    ]
    growth = (
        Growth("axon_exc", "dendrite_exc", WEIGHT_EXC, DELAY),
        Growth("axon_inh", "dendrite_inh", WEIGHT_INH, DELAY),
    )
    return Network(
        "alpha",
        PARAMETERS,
        populations,
        [],
        poisson_weight=EXTERNAL_WEIGHT,
        growth=growth,
        update_every=100.0,
        warm_up=210.0,  # two updates: the first makes the synapses
    )
