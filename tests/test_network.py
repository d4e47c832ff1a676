"""The network: live, re-runnable, resettable, stoppable, and readable."""

import math
import os
import signal
import threading
import time
import warnings

import numpy as np
import pytest
from living import assert_same, living, state, trains

import neurosim as ns
from neurosim.kernels.compiled import JIT

EAR = ns.LIF(tau_m=math.inf, e_l=0.0, v_th=math.inf, v_reset=0.0)  # no leak, never fires


def busy(seed=1, n=50):
    """Neurons that fire, on synapses that do not learn."""
    net = ns.Network(dt=0.1, seed=seed)
    pop = net.add_population("pop", ns.LIF(), n, region="cortex")
    net.connect(pop, pop, ns.random(0.1), weight=0.5, delay=1.0)
    net.stimulate(pop, ns.PoissonInput(rate=12_000.0, weight=0.15))
    return net, pop


def test_the_first_example_of_the_architecture(sized):
    n = sized(400, 20)
    net = ns.Network(dt=0.1, seed=42)
    exc = net.add_population("exc", ns.LIF(tau_m=20.0), n, region="cortex")
    inh = net.add_population("inh", ns.LIF(tau_m=10.0), n // 4, region="cortex")
    ee = net.connect(exc, exc, ns.random(0.05), weight=0.4, delay=1.5, plasticity=ns.PairSTDP())
    net.connect(exc, inh, ns.random(0.10), weight=0.5)
    group = net.connect(inh, net.region("cortex"), ns.random(0.10), weight=-1.2)
    net.stimulate(exc, ns.PoissonInput(rate=8000.0, weight=0.15))
    net.add(ns.HomeostaticGrowth(ee, target_rate=5.0, every=100.0))
    net.add(ns.Prune(ee, threshold=0.02, every=1000.0))
    spikes = net.record(exc, "spikes")
    growth = net.record(ee, "edges", every=sized(100.0, 5.0))
    net.run(sized(300.0, 10.0))
    assert spikes.count > 100 or not JIT
    assert growth.count.size == sized(3, 2)
    assert [p.name for p in group] == ["inh->exc", "inh->inh"]
    assert group.n_edges == sum(len(p) for p in group)


def test_an_empty_network_runs():
    net = ns.Network()
    net.run(5.0)
    assert net.now == pytest.approx(5.0) and net.n_neurons == net.n_synapses == 0
    assert "0 in 0 populations" in repr(net)


def test_populations_without_neurons():
    net = ns.Network()
    empty = net.add_population("empty", ns.LIF(), 0)
    full = net.add_population("full", ns.LIF(), 3)
    with pytest.warns(ns.NeurosimWarning, match="no synapse"):
        p = net.connect(full, empty, ns.all_to_all())
    with pytest.warns(ns.NeurosimWarning, match="no synapse"):
        net.connect(empty, full, ns.all_to_all())
    v = net.record(empty, "v")
    net.run(1.0)
    assert v.values.shape == (10, 0)
    born = empty.add(2)
    p.insert(full.uid[:2], born.uid)
    net.run(1.0)
    assert len(p) == 2
    empty.remove(born)
    full.remove(full.uid)
    net.run(1.0)
    assert len(p) == len(empty) == len(full) == net.n_neurons == 0


def test_default_delay_suits_any_dt():
    for dt, delay in ((0.1, 1.0), (0.3, 0.9), (2.0, 2.0), (0.025, 1.0)):
        net = ns.Network(dt=dt)
        pop = net.add_population("pop", ns.LIF(t_ref=4 * dt), 2)
        assert net.connect(pop, pop, ns.all_to_all()).delay == pytest.approx([delay] * 2)
    net = ns.Network(default_delay=2.5)
    pop = net.add_population("pop", ns.LIF(), 2)
    assert net.connect(pop, pop, ns.all_to_all()).delay == pytest.approx([2.5] * 2)


def test_everything_is_live():
    net, pop = busy()
    spikes = net.record(net.region("cortex"))
    net.run(5.0)
    late = net.add_population("late", ns.Izhikevich(), 20, region="cortex/new")
    p = net.connect(pop, late, ns.random(0.5), weight=5.0)
    again = net.connect(pop, late, ns.random(0.5), weight=5.0)
    assert (p.name, again.name) == ("pop->late", "pop->late#2")
    net.run(10.0)
    third = net.add_population("third", ns.LIF(i_e=500.0), 3)
    net.connect(third, [pop, late], ns.all_to_all(), weight=1.0)
    net.run(20.0)
    net.disconnect(again)
    net.run(10.0)
    assert net.regions == ["cortex", "cortex/new"]
    assert [s[0] for s in spikes.segments] == ["pop", "late"]  # a region is what lies in it now
    assert net.now == pytest.approx(45.0)
    assert not JIT or set(spikes.uid) & set(late.uid)


def test_regions_are_nested_labels():
    net = ns.Network()
    for name, region in (
        ("a", "cortex/vision"),
        ("b", "cortex/motor"),
        ("c", "thalamus"),
        ("d", None),
        ("e", "cortexes"),
    ):
        net.add_population(name, ns.LIF(), 2, region=region)
    assert net.regions == ["cortex", "cortex/motor", "cortex/vision", "cortexes", "thalamus"]
    assert [p.name for p in net.region("cortex").populations] == ["a", "b"]
    assert len(net.region("cortex")) == 4 and net.region("cortex").uid.tolist() == [0, 1, 2, 3]
    group = net.connect("cortex", net.region("thalamus"), ns.all_to_all(), name="up")
    assert [p.name for p in group] == ["up:a->c", "up:b->c"]
    assert net.connect("d", "e", ns.all_to_all()).name == "d->e"  # names of populations give one projection
    assert net.disconnect(group) == 8 and list(net.projections) == ["d->e"]


def test_a_group_is_made_whole_or_not_at_all():
    net = ns.Network()
    net.add_population("a", ns.LIF(), 2, region="r")
    net.add_population("b", ns.PoissonSource(), 2, region="r")
    with pytest.raises(ns.WiringError, match="takes no input"):
        net.connect("a", "r", ns.all_to_all())
    assert net.projections == {} and net.n_synapses == 0 and net.engine.pools == []


def test_disconnect_takes_what_connect_took():
    net = ns.Network()
    a, b = (net.add_population(name, ns.LIF(), 4) for name in "ab")
    first = net.connect(a, b, ns.all_to_all())
    second = net.connect(a, b, ns.one_to_one())
    net.connect(b, a, ns.one_to_one())
    assert net.disconnect(a[:2], b) == 10
    assert len(first) == 8 and len(second) == 2
    assert net.disconnect("a", "b") == 10
    assert list(net.projections) == ["b->a"]
    assert len(net.history) == net.history.died == 20


def test_reset_goes_back_to_the_start():
    net, pop = busy()
    listed = net.add_population("listed", ns.SpikeSource(index=[0, 0], time=[1.0, 3.0]), 1)
    p = net.connect(listed, pop, ns.all_to_all(), weight=1.0, delay=4.0, plasticity=ns.PairSTDP(w_max=2.0))
    net.stimulate(pop[:10], ns.OrnsteinUhlenbeck(sd=50.0))
    ages = net.add(ns.Prune(p, older_than=1e6, every=2.0))
    spikes, v = net.record([pop, listed]), net.record(pop, "v", every=1.0)
    net.run(12.0)
    first, weight, potential = trains(spikes), p.weight, v.values
    age = p.age(p.edges())
    net.reset()
    assert net.now == 0.0 and spikes.count == 0 and v.t.size == 0 and not net.engine.ring.any()
    assert np.array_equal(p.weight, weight)  # graph and weights stay
    assert np.array_equal(p.age(p.edges()), age)
    p.weight = 1.0
    net.run(12.0)
    assert np.array_equal(trains(spikes), first)
    assert np.array_equal(v.values, potential)
    assert np.array_equal(p.weight, weight)
    assert ages in net.processes


def test_store_has_names_and_brings_everything_back():
    net, pop = busy()
    spikes = net.record(pop)
    net.run(5.0)
    net.store("early")
    then = state(net)
    inside = net.add_population("inside", ns.LIF(), 3)
    p = net.connect(pop, inside, ns.random(0.5))
    v = net.record(inside, "v")
    handle = net.stimulate(pop, ns.Current(amplitude=100.0))
    pop.tau_m = np.linspace(5.0, 10.0, len(pop))
    net.run(5.0)
    net.store("late")
    late = state(net), trains(spikes)
    net.restore("early")
    assert_same(state(net), then)
    assert (pop.tau_m == ns.LIF().tau_m).all()
    for one in (inside, p):
        assert not one.alive
    assert net.recorders == [spikes] and len(net.stimuli) == 1
    net.restore("late")
    assert_same(state(net), late[0])
    assert np.array_equal(trains(spikes), late[1])
    assert inside.alive and p.alive and net.recorders == [spikes, v] and net.stimuli[1] is handle
    net.run(1.0)
    assert v.t.size == 60
    handle.remove()


def test_processes_are_called_in_order_and_may_come_and_go():
    calls = []
    net = ns.Network()
    net.add_population("pop", ns.LIF(), 2)

    class Watch:
        def __init__(self, every, name):
            self.every, self.name = every, name

        def observe(self, net, stamp, uid):
            calls.append((self.name, "observe", net.step))

        def advance(self, net):
            calls.append((self.name, "advance", net.step))

    def swap(net):
        net.remove(second)
        net.add(third)

    first = net.add(Watch(1.0, "first"))
    swapping = net.add(ns.Callback(swap, every=2.0))
    second, third = net.add(Watch(1.0, "second")), Watch(1.0, "third")
    net.run(1.0)
    net.run(1.0)
    net.remove(swapping)
    net.run(1.0)
    assert calls == [
        ("first", "observe", 10), ("first", "advance", 10), ("second", "observe", 10), ("second", "advance", 10),
        ("first", "observe", 20), ("first", "advance", 20),  # second is gone, third begins after this
        ("first", "observe", 30), ("first", "advance", 30), ("third", "observe", 30), ("third", "advance", 30),
    ]  # fmt: skip
    assert net.processes == [first, third]


def test_observed_spikes_come_in_one_piece_however_the_run_is_cut():
    def watch(pieces):
        seen = []

        class Watch:
            every = 4.0

            def observe(self, net, stamp, uid):
                seen.append((net.step, stamp.tolist(), uid.tolist()))

            def advance(self, net):
                pass

        net, _ = busy()
        net.add(Watch())
        for piece in pieces:
            net.run(piece)
        return seen

    assert watch([12.0]) == watch([0.5, 3.0, 0.7, 7.8])


def test_an_error_in_a_process_leaves_the_network_usable():
    net, pop = busy()
    calls = []

    def fail(net):
        if net.now < 3.0:
            raise ZeroDivisionError("mine")

    net.add(ns.Callback(fail, every=2.0))
    net.add(ns.Callback(lambda net: calls.append(net.step), every=2.0))
    with pytest.raises(ZeroDivisionError):
        net.run(10.0)
    assert net.now == pytest.approx(2.0) and calls == []
    net.run(2.0)
    assert calls == [20, 40]  # what was due behind the error was not lost


def test_rng_depends_on_seed_name_and_step_only():
    net = ns.Network(seed=5)
    net.add_population("pop", ns.LIF(), 1)
    one = net.rng("a").random(5000)
    assert np.array_equal(one, net.rng("a").random(5000))
    assert not np.array_equal(one, net.rng("b").random(5000))
    net.run(0.1)
    later = net.rng("a").random(5000)
    assert not np.intersect1d(one, later).size  # another stream, not the same one a little further on
    assert net.key("a") != ns.Network(seed=5).key("a") == ns.Network(seed=5).key("a") != ns.Network(seed=6).key("a")


# ---- stopping --------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings(
    "ignore:overflow encountered:RuntimeWarning", "ignore:invalid value:RuntimeWarning"
)  # interpreted
def test_infinite_state_stops_and_is_named():
    net = ns.Network(dt=0.1, seed=1)
    net.add_population("first", ns.LIF(), 3)
    pop = net.add_population("pop", EAR, 4)
    source = net.add_population("source", ns.SpikeSource(index=[0, 0], time=[1.0, 2.0]), 1)
    net.connect(source, pop[2], ns.all_to_all(), weight=1.5e308)
    spikes, v = net.record(source), net.record(pop, "v")
    calls = []
    net.add(ns.Callback(lambda net: calls.append(net.step), every=0.1))
    with pytest.raises(ns.RunError, match=rf"pop\.v of neuron {pop.uid[2]} is (inf|nan) at .* ms.*stays usable"):
        net.run(20.0)
    assert 2.9 <= net.now <= 6.0
    assert spikes.step.tolist() == [10, 20] and v.t[-1] == pytest.approx(net.now)
    stopped = net.step
    with pytest.raises(ns.RunError, match="pop.v"):
        net.run(20.0)
    pop.v = 0.0
    net.run(1.0)
    assert np.isfinite(pop.v).all()
    assert calls[-1] == net.step > stopped and calls == list(range(1, net.step + 1))  # no call was lost
    net.reset()
    assert net.now == 0.0


@pytest.mark.compiled
def test_ctrl_c_stops_at_a_boundary_and_leaves_the_network_usable():
    net, pop = busy()
    spikes = net.record(pop)
    reference, pop2 = busy()
    spikes2 = reference.record(pop2)
    net.run(1.0)
    reference.run(1.0)
    before = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        net.run(1e6)
    assert time.perf_counter() - begin < 10.0
    assert signal.getsignal(signal.SIGINT) is before
    assert 1.0 < net.now < 1e6
    timer.join()
    net.run(5.0)
    reference.run(round(net.now - 1.0, 6))
    assert np.array_equal(trains(spikes), trains(spikes2))


def test_runs_in_a_thread():
    net, _ = busy()
    thread = threading.Thread(target=net.run, args=(2.0,))
    thread.start()
    thread.join()
    assert net.now == pytest.approx(2.0) and net.threads_used == 1


def test_progress_line(capsys):
    from neurosim import running

    net, _ = busy()
    patience, running.PATIENCE_S = running.PATIENCE_S, 0.0
    try:
        net.run(5.0, progress=True)
    finally:
        running.PATIENCE_S = patience
    err = capsys.readouterr().err
    assert "spikes/s" in err and "50 neurons" in err and "synapses" in err
    net.run(5.0)
    assert capsys.readouterr().err == ""


# ---- looks -----------------------------------------------------------------------------------------------------------


def test_cards():
    net = living()
    net.run(5.0)
    text, html = repr(net), net._repr_html_()
    for word in (
        "time 5 ms",
        "dt 0.1 ms",
        "seed 7",
        "in 4 populations",
        "in 5 projections",
        "MB",
        "cortex/a",
        "born / died",
    ):
        assert word in text
    assert html.startswith("<table>") and "neurosim network" in html and "cortex/a" in html
    assert "&lt;" in ns.Network().add_population("<b>", ns.LIF(), 1)._repr_html_()


def test_estimate():
    net, _ = busy()
    told = net.estimate()
    assert told["synapses"] == net.n_synapses and told["bytes"] > 4000 and told["free_bytes"] > 0
    for rule, many in (
        (ns.random(0.1), 250.0), (ns.fixed_indegree(7), 350.0), (ns.fixed_outdegree(7), 350.0), (ns.fixed_total(99), 99.0),
        (ns.one_to_one(), 50.0), (ns.all_to_all(), 2500.0), (ns.small_world(4, 0.1), 200.0), (ns.from_edges(([0], [1])), 1.0),
    ):  # fmt: skip
        assert net.estimate("pop", "pop", rule)["synapses"] == many
    assert net.estimate("pop", "pop", ns.all_to_all(), dtype="float32")["bytes"] == pytest.approx(2500 * 8 * 1.1)


@pytest.mark.compiled
def test_brian2_quantities_are_taken_at_the_border():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import brian2 as b2
    net = ns.Network(dt=0.0001 * b2.second, t0=1 * b2.second, default_delay=2 * b2.ms)
    assert net.dt == 0.1 and net.now == pytest.approx(1000.0) and net.default_delay == pytest.approx(2.0)
    pop = net.add_population("pop", ns.LIF(tau_m=0.02 * b2.second, v_th=-0.05 * b2.volt, c_m=0.25 * b2.nfarad), 3)
    assert pop.tau_m[0] == 20.0 and pop.v_th[0] == -50.0 and pop.c_m[0] == pytest.approx(250.0)
    pop.v = [-0.07, -0.06, -0.065] * b2.volt
    assert pop.v == pytest.approx([-70.0, -60.0, -65.0])
    pop.v = [-0.07 * b2.volt, -60 * b2.mvolt, -65 * b2.mvolt]
    assert pop.v == pytest.approx([-70.0, -60.0, -65.0])
    pop[:1].t_ref = 3 * b2.ms
    assert pop.t_ref.tolist() == [3.0, 2.0, 2.0]
    p = net.connect(pop, pop, ns.all_to_all(), weight=400 * b2.uvolt, delay=1.5 * b2.ms)
    assert p.weight[0] == pytest.approx(0.4) and p.delay[0] == 1.5
    p.weight = 0.001 * b2.volt
    p.delay = 2 * b2.ms
    p.remove([0])
    p.insert(0, 1, weight=2 * b2.mvolt, delay=3 * b2.ms)
    assert p.weight.max() == pytest.approx(2.0) and p.delay.max() == pytest.approx(3.0)
    assert ns.Prune(p, every=3 * b2.second, threshold=0.1).every == 3000.0
    v = net.record(pop, "v", every=1 * b2.ms, window=(1.002 * b2.second, 1.004 * b2.second))
    net.record(pop, "rates", every=1 * b2.ms, ring=5 * b2.ms)
    net.run(0.005 * b2.second)
    assert v.t == pytest.approx([1002.0, 1003.0, 1004.0])
    for wrong in (
        lambda: net.connect(pop, pop, ns.all_to_all(), weight=400 * b2.pA),
        lambda: net.connect(pop, pop, ns.all_to_all(), delay=1.5 * b2.mV),
        lambda: setattr(pop, "v", 3 * b2.ms), lambda: setattr(pop, "tau_m", 3 * b2.mV), lambda: net.run(3 * b2.mV),
        lambda: ns.LIF(tau_m=3 * b2.mV), lambda: net.record(pop, "v", every=3 * b2.Hz), lambda: ns.Prune(p, every=3 * b2.mV, threshold=1),
        lambda: ns.PairSTDP(tau_plus=20 * b2.mV), lambda: ns.normal(-65 * b2.mV, 3 * b2.mV), lambda: ns.random(3 * b2.ms),
    ):  # fmt: skip
        with pytest.raises(ns.ParameterError, match="needs a number in"):
            wrong()
