"""Runs a benchmark network in neurosim.

    python -m benchmarks.peer_neurosim MODEL [--threads N] [--time MS] [--seed S] [--dtype float32]

Weights in float32 unless asked otherwise; all else is float64.
"""

import time

from benchmarks import describe, measure
from benchmarks.description import DT, Network, Population, Projection

TAU_CALCIUM, BETA_CALCIUM = 10_000.0, 0.001  # ms, per spike: NEST's defaults
MODELS = {"delta": "LIF", "exp": "LIFExp", "alpha": "LIFAlpha", "cond": "LIFCond"}


def build(network: Network, seed: int, threads: int, dtype: str) -> tuple:
    """Make the network; returns it and the spike recorder of each population."""
    import neurosim as ns

    net = ns.Network(dt=DT, seed=seed, threads=threads)
    populations = {p.name: make_population(net, p, network) for p in network.populations}
    for projection in network.projections:
        make_projection(net, projection, network, populations, dtype)
    if network.kick:
        kick = network.kick
        trains = ns.PoissonInput(rate=kick.rate, weight=kick.weight, start=kick.start, stop=kick.stop)
        net.stimulate(populations[kick.target][: kick.size], trains)
    if network.growth:
        grow(net, network, populations)
    return net, [net.record(population, "spikes") for population in populations.values()]


def make_population(net, population: Population, network: Network):
    """Neurons, their potentials at the start, and their Poisson input."""
    import neurosim as ns

    model = getattr(ns, MODELS[network.neuron])(**network.parameters, i_e=population.i_e)
    neurons = net.add_population(population.name, model, population.size)
    shape, a, b = population.start
    neurons.v = ns.uniform(a, b) if shape == "uniform" else ns.normal(a, b)
    if population.poisson_rate:
        net.stimulate(neurons, ns.PoissonInput(rate=population.poisson_rate, weight=network.poisson_weight))
    return neurons


def make_projection(net, projection: Projection, network: Network, populations: dict, dtype: str) -> None:
    """Synapses between two populations."""
    import neurosim as ns

    rule = ns.fixed_indegree if projection.rule == "fixed_indegree" else ns.fixed_total
    weight, delay = projection.weight, projection.delay
    if projection.weight_sd:
        bound = {"low": 0.0} if weight > 0 else {"high": 0.0}
        weight = ns.normal(weight, projection.weight_sd, **bound)
    if projection.delay_sd:
        delay = ns.normal(delay, projection.delay_sd, low=0.5 * DT)
    net.connect(
        populations[projection.source],
        populations[projection.target],
        rule(projection.number),
        weight=weight,
        delay=delay,
        plasticity=stdp(network) if projection.plastic else None,
        dtype=dtype,
        autapses=True,
        parallel=True,
    )


def stdp(network: Network):
    """The plasticity of a projection."""
    import neurosim as ns

    rule = dict(network.stdp)
    if rule.pop("rule") == "additive":
        return ns.PairSTDP(**rule)
    return ns.PowerLawSTDP(lam=rule.pop("rate"), **rule)


def grow(net, network: Network, populations: dict) -> None:
    """Synapses that grow from vacant elements; those that NEST makes of its first elements are there from the start."""
    import numpy as np

    import neurosim as ns

    to_hz = 1e3 / (TAU_CALCIUM * BETA_CALCIUM)
    for g in network.growth:
        sources = [p for p in network.populations if g.pre_element in p.elements]
        targets = [p for p in network.populations if g.post_element in p.elements]
        first = int(targets[0].elements[g.post_element].start)
        wiring = {"weight": g.weight, "delay": g.delay, "autapses": True, "parallel": True, "dtype": "float32"}
        made = net.connect(
            [populations[p.name] for p in sources],
            [populations[p.name] for p in targets],
            ns.fixed_indegree(first) if first else ns.random(0.0),
            **wiring,
        )
        curves = []
        for name, side in ((g.pre_element, sources), (g.post_element, targets)):
            rate, goal, least = np.zeros(net.n_neurons), np.ones(net.n_neurons), np.zeros(net.n_neurons)  # by uid
            for p in side:
                own, element = populations[p.name].uid, p.elements[name]
                rate[own], goal[own] = 1e3 * element.rate, to_hz * element.set_point
                least[own] = to_hz * (element.least or 0.0)
            if element.least is None:
                curves.append(ns.LinearGrowth(rate.__getitem__, goal.__getitem__))
            else:
                curves.append(ns.GaussianGrowth(rate.__getitem__, least.__getitem__, goal.__getitem__))
        net.add(
            ns.HomeostaticGrowth(
                made, pre=curves[0], post=curves[1], every=network.update_every, tau_calcium=TAU_CALCIUM
            )
        )


def main() -> None:
    """Build, warm up, run, report."""
    asked = measure.arguments("neurosim")
    begin = time.monotonic()
    network = describe(asked.model)
    duration = asked.time or network.time
    net, recorders = build(network, asked.seed, asked.threads, asked.dtype)
    net.run(network.warm_up, threads=asked.threads)
    start = measure.now()
    net.run(duration, threads=asked.threads)
    stop = measure.now()
    measure.report(
        network,
        [recorder.t for recorder in recorders],
        peer="neurosim",
        threads=asked.threads,
        dtype=asked.dtype,
        duration=duration,
        begin=begin,
        start=start,
        stop=stop,
        peak_rss_mb=measure.peak_memory(),
    )


if __name__ == "__main__":
    main()
