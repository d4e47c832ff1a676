"""The error a newcomer meets first: where the mistake is made, with object, value, what is allowed, and a line to paste."""

import math
import re

import numpy as np
import pytest

import neurosim as ns
from neurosim import connecting


@pytest.fixture
def net():
    net = ns.Network(dt=0.1, seed=1)
    net.add_population("exc", ns.LIF(), 10, region="cortex/a")
    net.add_population("inh", ns.LIF(), 5, region="cortex/b")
    return net


def refused(kind, *words):
    """Raises `kind` with all these words, in one readable message."""
    pattern = "".join(f"(?=.*{re.escape(word)})" for word in words)
    return pytest.raises(kind, match="(?s)" + pattern)


# ---- section 5 of the issue ------------------------------------------------------------------------------------------


def test_unknown_parameter(net):
    exc = net.populations["exc"]
    with refused(ns.ParameterError, "LIF", "'tau_mm'", "Did you mean 'tau_m'?", "known:"):
        exc.tau_mm = 3.0
    with refused(AttributeError, "LIF", "'tau_mm'", "Did you mean 'tau_m'?"):
        exc.tau_mm  # noqa: B018
    with refused(ns.ParameterError, "LIF", "'tau_mm'", "Did you mean 'tau_m'?", "known: tau_m, c_m"):
        ns.LIF(tau_mm=3.0)
    with refused(ns.ParameterError, "PairSTDP", "'tau_plsu'", "Did you mean 'tau_plus'?"):
        ns.PairSTDP(tau_plsu=3.0)
    with refused(ns.ParameterError, "PoissonInput", "'rat'", "Did you mean 'rate'?"):
        ns.PoissonInput(rat=3.0)


@pytest.mark.parametrize("value", [-1.0, 0.0, math.nan])
def test_time_constants(net, value):
    with refused(ns.ParameterError, "LIF.tau_m", repr(value), "positive", "LIF(tau_m=20.0)"):
        ns.LIF(tau_m=value)
    with refused(ns.ParameterError, "LIF.tau_m", repr(value), "positive"):
        net.populations["exc"].tau_m = value
    assert (net.populations["exc"].tau_m == ns.LIF().tau_m).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"weight": np.ones(7)}, ["exc -> inh", "weight", "50", "(7,)"]),
        ({"delay": np.ones(7)}, ["exc -> inh", "delay", "50", "(7,)"]),
        ({"weight": math.nan}, ["weight", "finite", "nan"]),
        ({"weight": "strong"}, ["weight", "'strong'", "ns.normal"]),
        ({"weight": [1.0, "a"]}, ["weight", "numbers"]),
        ({"delay": 0.05}, ["delay", "0.05 ms", "0.1 ms"]),
        ({"delay": 0.0}, ["delay", "at least 0.1 ms", "got 0 ms"]),
        ({"delay": -1.0}, ["delay", "at least 0.1 ms", "-1 ms"]),
        ({"delay": 0.25}, ["delay", "0.25 ms is not a multiple of dt = 0.1 ms", "0.2 and 0.3 ms"]),
        ({"delay": np.r_[np.ones(49), 0.25]}, ["delay", "0.25 ms is not a multiple"]),
        ({"delay": 1e9}, ["exc->inh", "1e+09 ms is too long", "at most"]),
        ({"axonal_delay": 0.05}, ["axonal_delay", "0.05"]),
        ({"axonal_delay": -1.0}, ["axonal_delay"]),
        ({"release": 1.5}, ["release", "[0, 1]", "1.5"]),
        ({"receptor": "gaba"}, ["LIF", "'gaba'", "known: delta"]),
        ({"dtype": "int16"}, ["dtype", "float64, float32, float16, int8, 4bit, 2bit, 1bit, one", "int16"]),
        ({"dtype": "int8", "weight": ns.normal(1.0, 0.1)}, ["dtype='int8'", "bounds", "w_min=0.0, w_max=1.0"]),
        ({"plasticity": "stdp"}, ["plasticity", "ns.PairSTDP()", "'stdp'"]),
        ({"plasticity": ns.PairSTDP(), "weight": 2.0}, ["weight", "2", "[0, 1]", "w_max"]),
        ({"plasticity": ns.PairSTDP(), "release": 0.5}, ["release", "static"]),
    ],
)
def test_connect(net, given, words):
    before = len(net.engine.pools), dict(net.projections), net.n_synapses
    with refused((ns.ParameterError, ns.WiringError), *words):
        net.connect("exc", "inh", ns.all_to_all(), **given)
    assert (len(net.engine.pools), dict(net.projections), net.n_synapses) == before
    net.run(1.0)


@pytest.mark.parametrize("p", [-0.1, 1.1, math.nan])
def test_probabilities(p):
    with refused(ns.ParameterError, "random", "p", repr(p)):
        ns.random(p)


def test_removed_population(net):
    inh = net.populations["inh"]
    view = inh[:2]
    net.remove_population(inh)
    for target in (inh, view):
        with refused(ns.WiringError, "'inh'", "removed", "net.add_population"):
            net.connect("exc", target, ns.random(0.1))
    with refused(ns.WiringError, "'inh'", "known: exc"):
        net.connect("exc", "inh", ns.random(0.1))
    for use in (lambda: inh.v, lambda: inh.uid, lambda: inh.add(2), lambda: net.record(inh), lambda: len(inh)):
        with refused(ns.WiringError, "'inh'", "removed"):
            use()
    assert "removed" in repr(inh)


def test_no_synapse_is_a_warning(net):
    with pytest.warns(ns.NeurosimWarning, match="exc -> inh.*made no synapse"):
        p = net.connect("exc", "inh", ns.random(0.0))
    assert len(p) == 0
    net.run(1.0)


def test_rates_above_one_spike_a_step(net):
    with refused(ns.ParameterError, "PoissonSource.rate", "once a step", "10000 Hz", "20000 Hz", "PoissonInput"):
        net.add_population("source", ns.PoissonSource(rate=20_000.0), 3)
    assert "source" not in net.populations
    with refused(ns.ParameterError, "SpontaneousRate.rate", "10000 Hz"):
        net.stimulate("exc", ns.SpontaneousRate(20_000.0))
    net.stimulate("exc", ns.PoissonInput(rate=200_000.0, weight=0.01))  # counts may exceed one
    net.run(1.0)


@pytest.mark.parametrize(
    ("duration", "words"),
    [(0.25, ["0.25 ms", "0.2 and 0.3"]), (-1.0, ["-1 ms"]), (math.nan, ["nan"]), ("1 s", ["'1 s'"])],
)
def test_durations(net, duration, words):
    with refused(ns.RunError, "run(duration)", *words):
        net.run(duration)
    assert net.step == 0


def test_unknown_names_list_the_known(net):
    with refused(ns.WiringError, "'cortx'", "known: cortex, cortex/a, cortex/b", "Did you mean 'cortex'?"):
        net.region("cortx")
    with refused(ns.WiringError, "connect(post)", "'exx'", "known: exc, inh, cortex", "Did you mean 'exc'?"):
        net.connect("exc", "exx", ns.random(0.1))
    with refused(ns.WiringError, "record", "'cortex/aa'", "Did you mean"):
        net.record("cortex/aa")
    with refused(ns.WiringError, "'inhh'", "known: exc, inh", "Did you mean 'inh'?"):
        net.remove_population("inhh")
    with refused(ns.ParameterError, "'nothing'", "known: none", "net.store()"):
        net.restore("nothing")
    with refused(AttributeError, "Netwrk", "Did you mean 'Network'?"):
        ns.Netwrk  # noqa: B018


def test_memory_is_foreseen(net, monkeypatch):
    monkeypatch.setattr(connecting, "available_memory", lambda: 1e5)
    net.connect("exc", "inh", ns.all_to_all())
    many = net.add_population("many", ns.LIF(), 1000)
    told = net.estimate(many, many, ns.all_to_all())
    assert told["synapses"] == pytest.approx(1e6, rel=0.01)
    assert told["peak_bytes"] > told["bytes"] > 8e6 > told["free_bytes"]
    with refused(ns.RunError, "many -> many", "1e+06 synapses", "GB", "fixed_indegree", "net.estimate"):
        net.connect(many, many, ns.all_to_all())
    assert list(net.projections) == ["exc->inh"]
    with refused(ns.ParameterError, "net.estimate", "needs pre, post and a rule"):
        net.estimate(many)
    net.run(1.0)


# ---- further mistakes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [({"dt": 0.0}, ["Network.dt", "positive"]), ({"dt": math.nan}, ["Network.dt", "nan"]), ({"seed": 1.5}, ["Network.seed", "whole"]),
     ({"seed": -1}, ["Network.seed", "-1"]), ({"t0": 0.05}, ["Network.t0", "0.05"]), ({"default_delay": 0.25}, ["Network.default_delay"]),
     ({"default_delay": 0.0}, ["Network.default_delay"])],
)  # fmt: skip
def test_networks(options, words):
    with refused(ns.ParameterError, *words):
        ns.Network(**options)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("exc", ns.LIF(), 3), ["'exc'", "there is one already", ".add("]), (("x", ns.LIF, 3), ["LIF()", "brackets"]),
     (("x", "LIF", 3), ["neuron model", "ns.LIF()"]), (("x", ns.LIF(), 2.5), ["'x'", "n", "2.5"]), (("x", ns.LIF(), -1), ["-1"]),
     (("", ns.LIF(), 3), ["name"]), (("x", ns.LIF(), 3, 7), ["region", "7"]), (("x", ns.LIF(t_ref=0.25), 3), ["LIF.t_ref", "0.25"]),
     (("x", ns.LIF(t_ref=1e5), 3), ["LIF.t_ref", "3276.7 ms"]), (("x", ns.LIF(), 3, None, np.ones((2, 2))), ["positions", "(3, 2)", "(2, 2)"]),
     (("x", ns.LIFCond(tau_exc=0.1), 3), ["LIFCond.tau_exc", "0.1 ms", "ns.Network(dt="])],
)  # fmt: skip
def test_populations(net, arguments, words):
    with refused(ns.ParameterError, *words):
        net.add_population(*arguments)
    assert list(net.populations) == ["exc", "inh"]
    net.run(0.5)


@pytest.mark.parametrize(
    ("index", "time", "words"),
    [([0], [0.05], ["0.05 ms is not a multiple"]), ([0], [0.0], ["0 ms is past", "0.1 ms"]), ([3], [1.0], ["3", "there are 3"]),
     ([0, 0], [1.0, 1.0], ["two spikes of one neuron in one step"]), ([0], [1.0, 2.0], ["equally long"]), ([0], [math.nan], ["finite"]),
     ([-1], [1.0], ["whole numbers"])],
)  # fmt: skip
def test_spike_lists(net, index, time, words):
    with refused(ns.ParameterError, "SpikeSource", *words):
        net.add_population("x", ns.SpikeSource(index=index, time=time), 3)


def test_spike_lists_of_the_past():
    net = ns.Network(t0=1000.0)
    with refused(ns.ParameterError, "SpikeSource.time 5 ms is past", "1000 ms now"):
        net.add_population("x", ns.SpikeSource(index=[0], time=[5.0]), 1)
    net.run(1.0)
    with refused(ns.ParameterError, "1001 ms is past", "1001.1 ms"):
        net.add_population("x", ns.SpikeSource(index=[0], time=[1001.0]), 1)
    net.add_population("x", ns.SpikeSource(index=[0], time=[1001.1]), 1)


def test_states_and_parameters(net):
    exc = net.populations["exc"]
    with refused(ns.ParameterError, "exc.v", "10", "(3,)"):
        exc.v = [1.0, 2.0, 3.0]
    with refused(ns.ParameterError, "exc.v", "finite", "mV"):
        exc.v = math.inf
    with refused(ns.ParameterError, "exc.v", "'high'"):
        exc.v = "high"
    with refused(ns.ParameterError, "LIF.t_ref", "0.25"):
        exc.t_ref = 0.25
    with refused(ns.ParameterError, "LIF.t_ref", "3276.7"):
        exc[:3].t_ref = 1e5
    with refused(ns.ParameterError, "LIF.c_m", "3", "(2,)"):
        exc[:3].c_m = [1.0, 2.0]
    assert np.array_equal(exc.t_ref, np.full(10, ns.LIF().t_ref))


def test_views(net):
    exc = net.populations["exc"]
    with refused(ns.ParameterError, "exc[99]", "10 neurons", "0 ... 9"):
        exc[99]
    for which in ([5, 3], [2, 2], slice(None, None, -1)):
        with refused(ns.ParameterError, "ascending", "np.unique"):
            exc[which]
    with refused(ns.ParameterError, "exc['v']"):
        exc["v"]
    view = exc[3:6]
    exc.remove(exc.uid[4])
    with refused(ns.WiringError, "neuron 4 has been removed", "new view of 'exc'"):
        view.v  # noqa: B018
    with refused(ns.WiringError, "exc.remove", "99", "0 ... 9"):
        exc.remove(99)
    with refused(ns.ParameterError, "exc.remove", "whole numbers"):
        exc.remove(1.5)
    with refused(ns.ParameterError, "exc.add(n)", "-2"):
        exc.add(-2)


def test_edits(net):
    p = net.connect("exc", "inh", ns.from_edges(([0, 1], [0, 1])))
    inh = net.populations["inh"].uid
    with refused(ns.WiringError, "0 -> 10", "parallel", "parallel=True"):
        p.insert(0, inh[0])
    with refused(ns.WiringError, "parallel"):
        p.insert([2, 2], inh[[0, 0]])
    with refused(ns.WiringError, "(source)", "'exc' has no neuron with uid 77", "0 ... 9"):
        p.insert(77, inh[0])
    with refused(ns.WiringError, "whole numbers"):
        p.insert(1.5, inh[0])
    with refused(ns.WiringError, "2 sources and 3 targets"):
        p.insert([0, 1], inh[:3])
    with refused(ns.WiringError, "no edge between"):
        p.remove(pre=3, post=inh[0])
    with refused(ns.ParameterError, "in_flight", "'drop' or 'deliver'", "'keep'"):
        p.remove([0], in_flight="keep")
    with refused(ns.ParameterError, "mask has 3 entries", "2 edges"):
        p.remove(np.ones(3, bool))
    with refused(ns.ParameterError, "0 ... 1", "5"):
        p.remove([5])
    with refused(ns.ParameterError, "names an edge twice"):
        p.remove([0, 0])
    with refused(ns.ParameterError, "weight", "2", "(3,)"):
        p.weight = [1.0, 2.0, 3.0]
    with refused(ns.ParameterError, "delay", "0.25"):
        p.delay = 0.25
    same = net.connect("exc", "exc", ns.random(0.3))
    with refused(ns.WiringError, "3 -> 3 is an autapse", "autapses=True"):
        same.insert(3, 3)
    with refused(ns.WiringError, "no synapse number 1", "there are 1"):
        p.synapse(0, int(inh[0]), 1)
    assert len(p) == 2


def test_signs_and_receptors():
    net = ns.Network()
    pop = net.add_population("pop", ns.LIFCond(), 4)
    with refused(
        ns.ParameterError, "receptor 'inh'", "negative", "nS", "got 1", "inhibitory weight is a negative number"
    ):
        net.connect(pop, pop, ns.all_to_all(), weight=1.0, receptor="inh")
    with refused(ns.ParameterError, "[-1, 1]", "exc, inh", "receptor='exc'"):
        net.connect(pop, pop, ns.all_to_all(), weight=0.5, plasticity=ns.PairSTDP(w_min=-1.0))
    p = net.connect(pop, pop, ns.all_to_all(), weight=-1.0)
    with refused(ns.ParameterError, "cannot change its sign", "insert"):
        p.weight = 1.0
    p.weight = 0.0  # nothing is no sign
    p.weight = -2.0
    source = net.add_population("source", ns.PoissonSource(), 3)
    with refused(ns.WiringError, "PoissonSource takes no input"):
        net.connect(pop, source, ns.all_to_all())


@pytest.mark.parametrize(
    ("target", "what", "options", "words"),
    [("exc", "w", {}, ["'w'", "LIF has no such variable", "known: spikes, rates, v"]), ("exc", "weights", {}, ["needs a projection"]),
     ("exc", "v", {"every": 0.0}, ["record(every)", "at least 0.1"]), ("exc", "v", {"every": 0.25}, ["record(every)", "0.25"]),
     ("exc", "spikes", {"window": 5.0}, ["record(window)", "(from, to)"]), ("exc", "spikes", {"window": (5.0, 2.0)}, ["window"]),
     ("exc", "spikes", {"ring": 0.0}, ["record(ring)"]), (["exc", "inh"], "v", {}, ["one population or view"]), (3, "v", {}, ["3", "known"]),
     ("exc", 7, {}, ["record(what)", "7"])],
)  # fmt: skip
def test_recorders(net, target, what, options, words):
    with refused(ns.NeurosimError, *words):
        net.record(target, what, **options)
    assert net.recorders == []


def test_recorders_of_projections(net):
    p = net.connect("exc", "inh", ns.all_to_all())
    with refused(ns.ParameterError, "'weights' and 'edges'"):
        net.record(p, "spikes")
    net.disconnect(p)
    with refused(ns.WiringError, "has been removed", "net.connect"):
        net.record(p, "weights")


def test_processes(net):
    with refused(ns.ParameterError, "net.add", "advance", "ns.Prune"):
        net.add(lambda net: None)
    p = net.connect("exc", "exc", ns.random(0.5))
    prune = ns.Prune(p, threshold=0.1, every=0.25)
    with refused(ns.ParameterError, "Prune.every", "0.25"):
        net.add(prune)
    prune = net.add(ns.Prune(p, threshold=0.1))
    with refused(ns.ParameterError, "added already"):
        net.add(prune)
    with refused(ns.ParameterError, "Prune is a class"):
        net.add(ns.Prune)
    with refused(ns.WiringError, "another network"):
        ns.Network().add(ns.Prune(p, threshold=0.1))
    net.remove(prune)
    with refused(ns.ParameterError, "not a process or recorder"):
        net.remove(prune)
    net.disconnect(p)
    with refused(ns.WiringError, "removed"):
        net.add(prune)


def test_two_networks(net):
    other = ns.Network()
    foreign = other.add_population("foreign", ns.LIF(), 2)
    with refused(ns.WiringError, "'foreign' belongs to another network"):
        net.connect("exc", foreign, ns.random(0.5))
    p = net.connect("exc", "inh", ns.all_to_all())
    with refused(ns.WiringError, "another network"):
        other.disconnect(p)
    with refused(ns.ParameterError, "another network"):
        other.record(p, "weights")


def test_disconnect(net):
    with refused(ns.WiringError, "no projection between"):
        net.disconnect("exc", "inh")
    p = net.connect("exc", "inh", ns.all_to_all())
    net.disconnect(p)
    with refused(ns.WiringError, "'exc->inh' has been removed", "net.connect"):
        net.disconnect(p)
    for use in (lambda: len(p), lambda: p.weight, lambda: p.insert(0, 10), lambda: p.in_degree()):
        with refused(ns.WiringError, "'exc->inh' has been removed"):
            use()
    assert "removed" in repr(p) and "removed" in p._repr_html_()


def test_runs(net):
    for threads in (0, -1, 1.5, True, "2", 256):
        with refused(ns.ParameterError, "run(threads)", repr(threads), "1 to 255", "threads=2"):
            net.run(1.0, threads=threads)
    with refused(ns.ParameterError, "Network.threads", "0"):
        ns.Network(threads=0)
    for name in ("run", "reset", "restore", "store"):
        call = (lambda net: net.run(1.0)) if name == "run" else (lambda net, name=name: getattr(net, name)())
        net.processes.clear()
        net.add(ns.Callback(call, every=1.0))
        with refused(ns.RunError, name, "must not call"):
            net.run(5.0)
    net.processes.clear()
    net.run(1.0)


def test_names_of_projections(net):
    net.connect("exc", "inh", ns.all_to_all(), name="a")
    with refused(ns.ParameterError, "'a'", "there is one already", "net.disconnect"):
        net.connect("exc", "inh", ns.all_to_all(), name="a")
    assert net.connect("exc", "inh", ns.all_to_all()).name == "exc->inh"
    assert net.connect("exc", "inh", ns.all_to_all()).name == "exc->inh#2"


def test_stale_edges(net):
    p = net.connect("exc", "inh", ns.all_to_all())
    edges = p.edges()
    p.remove([0])
    for use in (edges.remove, lambda: edges.set_weight(1.0), lambda: edges.set_delay(1.0)):
        with refused(ns.WiringError, "come or gone", "select again"):
            use()
