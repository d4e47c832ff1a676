"""Runs a benchmark network in NEST 3.

    python -m benchmarks.peer_nest MODEL [--threads N] [--time MS] [--seed S]

Weights and delays per synapse ("static_synapse"), drawn by NEST's own rules; NEST's t_ref is the network's minus one
step.
"""

import os
import time

os.environ.setdefault("PYNEST_QUIET", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "active")  # threads spin between steps: the fastest choice on a quiet machine

import nest  # noqa: E402
import numpy as np  # noqa: E402

from benchmarks import describe, measure  # noqa: E402
from benchmarks.description import DT, Network, Population, kick_trains, start_potentials  # noqa: E402

NEURONS = {"delta": "iaf_psc_delta", "exp": "iaf_psc_exp", "alpha": "iaf_psc_alpha", "cond": "iaf_cond_exp"}
THEIR_NAMES = {
    "tau_m": "tau_m",
    "c_m": "C_m",
    "g_l": "g_L",
    "e_l": "E_L",
    "e_exc": "E_ex",
    "e_inh": "E_in",
    "tau_exc": "tau_syn_ex",
    "tau_inh": "tau_syn_in",
    "v_th": "V_th",
    "v_reset": "V_reset",
    "t_ref": "t_ref",
}


def build(network: Network, seed: int, threads: int) -> list:
    """Make the network; returns the spike recorder of each population."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = DT
    nest.local_num_threads = threads
    nest.rng_seed = seed
    if network.growth:
        allow_growth(network)
    rng = np.random.default_rng(seed)
    nodes = {p.name: make_population(p, network, rng) for p in network.populations}
    for (
        p
    ) in network.populations:  # after all neurons: NEST finds a neuron by its number far faster with none in between
        drive(p, network, nodes[p.name])
    for p in network.populations:
        nest.CopyModel("static_synapse", f"from_{p.name}")  # NEST holds at most 2^27 synapses of one model on a thread
    if network.stdp:
        make_stdp(network)
    for p in network.projections:
        weight = (
            spread(p.weight, p.weight_sd, 0.0, np.inf) if p.weight >= 0 else spread(p.weight, p.weight_sd, -np.inf, 0.0)
        )
        synapse = {
            "synapse_model": "plastic" if p.plastic else f"from_{p.source}",
            "weight": weight,
            "delay": spread(p.delay, p.delay_sd, 0.5 * DT, np.inf),
        }
        number = {"fixed_indegree": "indegree", "fixed_total": "N"}[p.rule]
        rule = {"fixed_indegree": "fixed_indegree", "fixed_total": "fixed_total_number"}[p.rule]
        nest.Connect(nodes[p.source], nodes[p.target], {"rule": rule, number: p.number}, synapse)
    if network.kick:
        neuron, t = kick_trains(network.kick, rng)
        trains = nest.Create("spike_generator", network.kick.size)
        for k in range(network.kick.size):
            trains[k].spike_times = t[neuron == k]
        targets = nodes[network.kick.target][: network.kick.size]
        nest.Connect(trains, targets, "one_to_one", {"weight": network.kick.weight, "delay": DT})
    if network.growth:
        nest.EnableStructuralPlasticity()
    recorders = []
    for p in network.populations:
        recorders.append(nest.Create("spike_recorder"))
        nest.Connect(nodes[p.name], recorders[-1])
    return recorders


def make_population(population: Population, network: Network, rng: np.random.Generator):
    """Neurons, and their potentials at the start."""
    parameters = {THEIR_NAMES[k]: value for k, value in network.parameters.items()} | {"I_e": population.i_e}
    parameters["t_ref"] = round(network.parameters["t_ref"] - DT, 6)
    if network.stdp:
        parameters["tau_minus"] = network.stdp["tau_minus"]
    if population.elements:
        parameters["synaptic_elements"] = {
            name: {
                "growth_curve": "linear" if element.least is None else "gaussian",
                "growth_rate": element.rate,
                "eps": element.set_point,
                "continuous": False,
                "z": float(element.start),
            }
            | ({} if element.least is None else {"eta": element.least})
            for name, element in population.elements.items()
        }
    neurons = nest.Create(NEURONS[network.neuron], population.size, parameters)
    neurons.V_m = start_potentials(population, rng)
    return neurons


def drive(population: Population, network: Network, neurons) -> None:
    """Its Poisson input, if it has one."""
    if population.poisson_rate:
        source = nest.Create("poisson_generator", params={"rate": population.poisson_rate})
        nest.Connect(source, neurons, "all_to_all", {"weight": network.poisson_weight, "delay": 1.5})


def make_stdp(network: Network) -> None:
    """The synapse model "plastic"."""
    rule = network.stdp
    if rule["rule"] == "additive":
        name = "stdp_synapse_hom"
        values = {
            "lambda": rule["a_plus"] / rule["w_max"],
            "alpha": rule["a_minus"] / rule["a_plus"],
            "mu_plus": 0.0,
            "mu_minus": 0.0,
            "Wmax": rule["w_max"],
        }
    else:
        name = "stdp_pl_synapse_hom"
        values = {"lambda": rule["rate"], "alpha": rule["alpha"], "mu": rule["mu"]}
    nest.CopyModel(name, "plastic", values | {"tau_plus": rule["tau_plus"]})


def allow_growth(network: Network) -> None:
    """Synapses that grow from vacant elements."""
    nest.structural_plasticity_update_interval = network.update_every
    for g in network.growth:
        nest.CopyModel("static_synapse", f"growing_{g.pre_element}", {"weight": g.weight, "delay": g.delay})
    nest.structural_plasticity_synapses = {
        f"growing_{g.pre_element}": {
            "synapse_model": f"growing_{g.pre_element}",
            "pre_synaptic_element": g.pre_element,
            "post_synaptic_element": g.post_element,
        }
        for g in network.growth
    }


def spread(mean: float, sd: float, low: float, high: float):
    """A number, or NEST's normal distribution drawn again outside [low, high]."""
    return nest.math.redraw(nest.random.normal(mean, sd), min=low, max=high) if sd else mean


def main() -> None:
    """Build, warm up, run, report."""
    asked = measure.arguments("NEST")
    begin = time.monotonic()
    network = describe(asked.model)
    duration = asked.time or network.time
    recorders = build(network, asked.seed, asked.threads)
    nest.Prepare()
    nest.Run(network.warm_up)
    start = measure.now()
    nest.Run(duration)
    stop = measure.now()
    nest.Cleanup()
    measure.report(
        network,
        [np.asarray(r.events["times"]) for r in recorders],
        peer=f"nest {nest.__version__}",
        threads=asked.threads,
        dtype="float64",
        duration=duration,
        begin=begin,
        start=start,
        stop=stop,
        peak_rss_mb=measure.peak_memory(),
    )


if __name__ == "__main__":
    main()
