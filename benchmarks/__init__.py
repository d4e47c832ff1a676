"""Benchmark networks, described once and run by neurosim, NEST, Brian2 and GeNN.  `compare.py` is the front door."""

from importlib import import_module

from benchmarks.description import Network

# name on the command line: module that describes the network, options of its `network()`
MODELS: dict[str, tuple[str, dict[str, object]]] = {
    "brunel": ("brunel", {}),
    "brunel_stdp": ("brunel_stdp", {"rule": "additive"}),
    "brunel_stdp_power": ("brunel_stdp", {"rule": "power"}),
    "cuba": ("cuba", {"scale": 1}),
    "cuba20k": ("cuba", {"scale": 5}),
    "coba": ("coba", {"scale": 1}),
    "coba20k": ("coba", {"scale": 5}),
    "microcircuit": ("microcircuit", {"scale": 0.1}),
    "microcircuit_x0.2": ("microcircuit", {"scale": 0.2}),
    "microcircuit_full": ("microcircuit", {"scale": 1.0}),
    "structural": ("structural", {}),
    "structural_10000": ("structural", {"curve": "gaussian"}),
    "structural_1000": ("structural", {"size": 1000, "synapses": 0, "curve": "gaussian", "time": 10_000.0}),
}


def describe(model: str) -> Network:
    """The network of that name; ValueError lists the names there are."""
    if model not in MODELS:
        raise ValueError(f"no benchmark {model!r}; known: {', '.join(MODELS)}")
    module, options = MODELS[model]
    return import_module(f"benchmarks.{module}").network(**options)
