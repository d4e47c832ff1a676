"""The living network of the invariants: everything that grows, learns, is noisy or late, in one small network."""

from collections.abc import Callable
from typing import Any

import numpy as np

import neurosim as ns
from neurosim.kernels.compiled import JIT

WHOLE = 1000.0 if JIT else 24.0  # ms of the run that is cut, saved and restored
N = 80 if JIT else 20


def living(seed: int = 7, *, late: bool = False) -> ns.Network:
    """Excitatory and inhibitory neurons, Poisson sources, listed spikes, noise, and three processes that edit the graph.

    `late`: one plastic projection has an axonal delay and nothing behind it.
    """
    net = ns.Network(dt=0.1, seed=seed)
    exc = net.add_population("exc", ns.LIF(tau_m=20.0, e_l=-65.0, v_th=-50.0, v_reset=-65.0), N, region="cortex/a")
    inh = net.add_population("inh", ns.LIF(tau_m=10.0, e_l=-65.0, v_th=-50.0, v_reset=-65.0), N // 4, region="cortex/b")
    source = net.add_population("source", ns.PoissonSource(rate=500.0), 10)
    index, time = np.arange(60) % 5, np.arange(1, 61) * 0.3
    listed = net.add_population("listed", ns.SpikeSource(index=index, time=net.now + time), 5)
    exc.v = ns.uniform(-65.0, -50.0)
    delays = np.array([1.0, 1.5, 3.0])  # on the grid, so that nothing has to be rounded
    stdp = ns.PairSTDP(a_plus=0.02, a_minus=0.02, w_max=1.0)
    pairs = np.array([(i, j) for i in range(N) for j in range(N) if (7 * i + 11 * j) % 13 == 0 and i != j]).T
    wiring = ns.from_edges((*pairs, None, delays[pairs.sum(0) % 3]))
    ee = net.connect(exc, exc, wiring, weight=ns.uniform(0.2, 0.8), plasticity=stdp, dtype="float32", name="ee")
    late = {} if late else {"delay": 0.6}
    net.connect(exc, inh, ns.random(0.2), weight=0.5, axonal_delay=0.8, plasticity=stdp, name="ei", **late)
    ie = net.connect(inh, exc, ns.random(0.2), weight=-1.0, delay=1.2, release=0.6, parallel=True, name="ie")
    net.connect(source, exc, ns.fixed_indegree(4), weight=0.2, delay=0.5, name="se")
    net.connect(listed, exc, ns.random(0.5), weight=5.0, delay=2.5, name="le")
    net.stimulate(exc, ns.PoissonInput(rate=8000.0, weight=0.08))
    net.stimulate(inh, ns.PoissonInput(rate=6000.0, weight=0.2))
    net.stimulate(exc[: N // 2], ns.OrnsteinUhlenbeck(sd=100.0, tau=5.0))
    every = 20.0 if JIT else 4.0
    net.add(ns.HomeostaticGrowth(ee, target_rate=60.0, every=every, growth_rate=40.0, tau_calcium=200.0))
    net.add(ns.Prune(net.projections["ei"], threshold=0.45, every=every))
    net.add(ns.Rewire(ie, n=3, choose="random", every=every / 2))
    return net


def state(net: ns.Network) -> dict[str, np.ndarray]:
    """Everything that a run changes, as arrays."""
    out = {"step": np.array([net.step])}
    for population in net.populations.values():
        out[f"{population.name}.uid"] = population.uid
        for name in population._variables:
            out[f"{population.name}.{name}"] = getattr(population, name)
    for projection in net.projections.values():
        edges = projection.edges()
        for name in ("pre", "post", "weight", "delay"):
            out[f"{projection.name}.{name}"] = getattr(edges, name)
    for name in ("step", "kind", "pre", "post", "weight", "delay"):
        out[f"history.{name}"] = np.array(getattr(net.history, name))
    return out


def trains(recorder: Any) -> np.ndarray:
    """(step, uid) of a spike recorder."""
    return np.stack([recorder.step, recorder.uid])


def assert_same(
    one: dict[str, np.ndarray], other: dict[str, np.ndarray], but: Callable[[str], bool] = lambda name: False
) -> None:
    """Bit for bit."""
    assert one.keys() == other.keys()
    for name, array in one.items():
        if not but(name):
            assert array.dtype == other[name].dtype and array.shape == other[name].shape, name
            assert array.tobytes() == other[name].tobytes(), name
