"""Silent neurons with synapses of given weights: what pruning and rewiring are tested on."""

import math

import numpy as np

import neurosim as ns

QUIET = ns.LIF(v_th=math.inf)  # never fires


def with_weights(n=20, seed=2, *, p=0.5, weight=ns.uniform(-1.0, 1.0), **options):  # noqa: B008
    """(network, population, projection): random synapses among neurons that never fire."""
    net = ns.Network(seed=seed)
    pop = net.add_population("pop", QUIET, n)
    return net, pop, net.connect(pop, pop, ns.random(p), weight=weight, **options)


def pairs(projection):
    """(pre, post) uids of each synapse."""
    return list(zip(projection.pre.tolist(), projection.post.tolist(), strict=True))


def clocked(rates, duration, n=4, seed=1, **options):
    """(network, projection): sources that fire at these regular rates (Hz) until `duration` (ms), each onto all of `n` neurons."""
    net = ns.Network(seed=seed)
    trains = [np.arange(1e3 / r, duration, 1e3 / r).round(1) if r else np.zeros(0) for r in rates]
    index = np.repeat(np.arange(len(rates)), [t.size for t in trains])
    source = net.add_population("source", ns.SpikeSource(index=index, time=np.concatenate(trains)), len(rates))
    pop = net.add_population("pop", QUIET, n)
    return net, net.connect(source, pop, ns.all_to_all(), **({"weight": 0.5} | options))
