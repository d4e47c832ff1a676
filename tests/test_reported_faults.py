"""Faults that users reported in other simulators: each with its right value, from arithmetic (shared/cases/reported_faults.md)."""

import hashlib
import math

import numpy as np
import pytest

import neurosim as ns
from neurosim.kernels.compiled import JIT

EAR = ns.LIF(tau_m=math.inf, e_l=0.0, v_th=math.inf, v_reset=0.0)  # no leak, never fires: v is the sum of what arrived


def listed(net, times, name="pre", n=1):
    """Neurons of which the first fires at these times (ms)."""
    return net.add_population(name, ns.SpikeSource(index=[0] * len(times), time=times), n)


def arrivals(v):
    """{stamp step: jump} of a recorded no-leak neuron."""
    jump = np.diff(np.concatenate([np.zeros((1, v.values.shape[1])), v.values]), axis=0)
    return [{int(round(v.t[k] / 0.1)): jump[k, i] for k in np.flatnonzero(jump[:, i])} for i in range(jump.shape[1])]


@pytest.mark.parametrize("t0", [0.0, 1000.0])
def test_a01_refractory_clamp_is_closed_on_the_left_and_open_on_the_right(t0, sized):
    net = ns.Network(dt=0.1, seed=1, t0=t0)
    pop = net.add_population("pop", ns.LIF(e_l=0.0, v_th=-1.0, v_reset=0.0), 5)
    pop.t_ref = [0.3, 0.7, 1.0, 2.9, 3.0]
    spikes = net.record(pop)
    net.run(sized(1000.0, 60.0))
    intervals = [np.unique(np.diff(spikes.step[spikes.index == i])) for i in range(5)]
    assert [i.tolist() for i in intervals] == [[3], [7], [10], [29], [30]]
    if JIT:
        assert np.bincount(spikes.index).tolist() == [3334, 1429, 1000, 345, 334]


@pytest.mark.parametrize("t0", [0.0, 1000.0])
def test_a01_an_input_just_after_the_refractory_period_is_heard(t0):
    net = ns.Network(dt=0.1, seed=1, t0=t0)
    pre = listed(net, [t0 + t for t in (2, 3, 4, 5, 6, 7)])
    pop = net.add_population("pop", ns.LIF(t_ref=1.0), 1)
    net.connect(pre, pop, ns.all_to_all(), weight=50.0, delay=0.1)
    spikes = net.record(pop)
    net.run(10.0)
    first = spikes.step[0]
    assert (spikes.step - first).tolist() == [0, 10, 20, 30, 40, 50]
    assert first == round((t0 + 2.0) / 0.1) + 1  # the input acts in the step after its delay of one step


DELAYS = [1, 2, 5, 10, 20, 37, 200, 300, 5000]


def test_a02_delays_are_exact_alone_and_together(sized):
    delays = DELAYS[: sized(9, 6)]
    last = delays[-1] * 0.1 + 7.0
    alone = []
    for d in delays:
        net = ns.Network(dt=0.1, seed=1)
        ear = net.add_population("ear", EAR, 1)
        net.connect(listed(net, [5.0]), ear, ns.all_to_all(), weight=1.0, delay=d * 0.1)
        v = net.record(ear, "v")
        net.run(last)
        alone += arrivals(v)
    net = ns.Network(dt=0.1, seed=1)
    ear = net.add_population("ear", EAR, len(delays))
    edges = (np.zeros(len(delays), int), np.arange(len(delays)), np.ones(len(delays)), np.array(delays) * 0.1)
    net.connect(listed(net, [5.0]), ear, ns.from_edges(edges))
    v = net.record(ear, "v")
    net.run(last)
    assert alone == arrivals(v) == [{50 + d: 1.0} for d in delays]


def test_a02_a_delay_off_the_grid_is_refused():
    net = ns.Network(dt=0.1)
    ear = net.add_population("ear", EAR, 1)
    with pytest.raises(
        ns.ParameterError, match=r"0\.15 ms is not a multiple of dt = 0\.1 ms; the nearest are 0\.1 and 0\.2"
    ):
        net.connect(ear, ear, ns.all_to_all(), delay=0.15, autapses=True)


@pytest.mark.parametrize("axonal", [0.0, 2.0, 5.0])
def test_a03_restoring_does_not_consume_what_is_on_its_way(axonal):
    net = ns.Network(dt=0.1, seed=1)
    ear = net.add_population("ear", EAR, 1)
    rule = ns.PairSTDP(w_max=2.0, sees="spikes" if axonal == 0 else "delay")
    p = net.connect(
        listed(net, [1.0]),
        ear,
        ns.all_to_all(),
        weight=1.0,
        delay=5.0 - axonal,
        axonal_delay=axonal or None,
        plasticity=rule,
    )
    v, spikes = net.record(ear, "v"), net.record("pre")
    net.run(3.0)
    net.store()
    for _ in range(3):
        net.run(7.0)
        assert arrivals(v) == [{60: 1.0}]  # 5.0 ms after the stamp of the spike
        assert v.t.size == 100 and spikes.step.tolist() == [10]
        assert p.weight.tolist() == [1.0]
        net.restore()
        assert v.t.size == 30 and net.now == pytest.approx(3.0)


def test_a04_how_a_run_is_cut_is_not_part_of_the_model():
    def run(pieces):
        net = ns.Network(dt=0.1, seed=4)
        sources = net.add_population("sources", ns.PoissonSource(rate=500.0), 20)
        pop = net.add_population("pop", ns.LIF(), 100)
        net.connect(sources, pop, ns.all_to_all(), weight=0.2, delay=1.0)
        rule = ns.PairSTDP(w_max=0.6)
        p = net.connect(pop, pop, ns.random(0.1), weight=ns.uniform(0.1, 0.5), delay=1.5, plasticity=rule)
        spikes = net.record([sources, pop])
        for piece in pieces:
            net.run(piece)
        return spikes.step, spikes.uid, p.weight, pop.v

    one = run([100.0] if JIT else [10.0])
    for pieces in ([1.0] * 100, [33.3, 33.3, 33.4]) if JIT else ([0.5] * 20, [3.3, 3.3, 3.4]):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(one, run(pieces), strict=True))
    assert np.unique(one[2]).size > 20 or not JIT


def pair(pre, post, *, dt=0.1, w0=0.5, until=None, **rule):
    """The network of one pre and one post neuron that fire at given times, joined by one plastic synapse."""
    net = ns.Network(dt=dt, seed=1)
    source = listed(net, pre)
    target = net.add_population("post", ns.LIF(tau_m=math.inf, v_th=1000.0, t_ref=0.0), 1)
    net.connect(listed(net, [t - dt for t in post], "teacher"), target, ns.one_to_one(), weight=5000.0, delay=dt)
    rule = ns.PairSTDP(a_plus=0.01, a_minus=0.012, tau_plus=20.0, tau_minus=20.0, sees="spikes", **rule)
    p = net.connect(source, target, ns.one_to_one(), weight=w0, plasticity=rule, delay=dt)
    return net, p


@pytest.mark.parametrize(
    ("pre", "post", "change"),
    [([10.0], [20.0], 0.0060653066), ([20.0], [10.0], -0.0072783679), ([10.0, 30.0], [20.0, 40.0], 0.0070835469)],
)
def test_a05_pair_rule_counts_all_pairs_and_is_readable_at_once(pre, post, change):
    net, p = pair(pre, post)
    spikes = net.record("post")
    net.run(max(pre + post))  # no step more
    assert spikes.t == pytest.approx(post)
    assert p.weight[0] - 0.5 == pytest.approx(change, abs=1e-9)


@pytest.mark.parametrize(
    ("w0", "bounds", "first", "bound", "from_pair"),
    [(0.5, (0.1, 1.0), "post", 0.1, 55), (0.5, (0.1, 1.0), "pre", 1.0, 83), (-0.5, (-1.0, 0.0), "pre", 0.0, 83),
     (-0.5, (-1.0, 0.0), "post", -1.0, 69)],
)  # fmt: skip
def test_a06_bounds_hold_after_every_update(w0, bounds, first, bound, from_pair, sized):
    n = sized(300, 5)
    early, late = 1000.0 * np.arange(n) + 100.0, 1000.0 * np.arange(n) + 110.0
    pre, post = (early, late) if first == "pre" else (late, early)
    net, p = pair(pre.tolist(), post.tolist(), dt=1.0, w0=w0, w_min=bounds[0], w_max=bounds[1])
    weights = net.record(p, "weights", every=1000.0)
    net.run(1000.0 * n)
    seen = weights.matrix()[:, 0]
    hand, w = [], w0
    for _ in range(n):
        w += 0.01 * math.exp(-0.5) if first == "pre" else -0.012 * math.exp(-0.5)
        w = min(max(w, bounds[0]), bounds[1])
        hand.append(w)
    assert seen == pytest.approx(np.array(hand), abs=1e-9)
    assert (seen >= bounds[0]).all() and (seen <= bounds[1]).all()
    if JIT:
        assert (seen[from_pair - 1 :] == bound).all() and seen[from_pair - 2] != bound


KINDS = {
    "static": {},
    "float32": {"dtype": "float32"},
    "release": {"release": 0.999999},
    "dendritic": {"plasticity": ns.PairSTDP(w_max=9.0)},
    "spikes": {"plasticity": ns.PairSTDP(w_max=9.0, sees="spikes")},
    "axonal": {"plasticity": ns.PairSTDP(w_max=9.0), "axonal_delay": 1.0, "delay": 4.0},
    "axonal, on its way down the axon": {"plasticity": ns.PairSTDP(w_max=9.0), "axonal_delay": 4.5, "delay": 0.5},
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("which", [0, 1])
def test_a07_a_pruned_synapse_delivers_nothing_and_its_parallel_still_does(kind, which):
    net = ns.Network(dt=0.1, seed=1, default_delay=5.0)
    ear = net.add_population("ear", EAR, 3)
    options = {"delay": 5.0} | KINDS[kind]
    p = net.connect(
        listed(net, [1.0]),
        ear,
        ns.from_edges(([0, 0, 0], [0, 1, 1])),
        weight=5.0,
        parallel=True,
        autapses=True,
        **options,
    )
    v = net.record(ear, "v")
    net.run(3.0)
    doomed = p.synapse(int(p.source.uid[0]), int(ear.uid[1]), which)
    doomed.remove()
    assert not doomed.alive and len(p) == 2
    net.run(10.0)
    assert v.values[-1].tolist() == [5.0, 5.0, 0.0]
    assert np.flatnonzero(v.values[:, 1])[0] == np.flatnonzero(v.values[:, 0])[0]
    if kind != "axonal, on its way down the axon":
        assert arrivals(v)[1] == {60: 5.0}
    p.remove()
    assert len(p) == 0


def test_a07_what_is_in_flight_may_be_delivered_on_request():
    net = ns.Network(dt=0.1, seed=1)
    ear = net.add_population("ear", EAR, 1)
    p = net.connect(listed(net, [1.0, 4.0]), ear, ns.all_to_all(), weight=5.0, delay=5.0)
    v = net.record(ear, "v")
    net.run(3.0)
    p.remove(in_flight="deliver")
    net.run(10.0)
    assert arrivals(v) == [{60: 5.0}]


def test_a08_views_record_their_neurons_and_know_the_way_back():
    net = ns.Network(dt=0.1, seed=1)
    net.add_population("others", ns.PoissonSource(), 7)  # so that uids are not places
    pop = net.add_population("pop", ns.SpikeSource(index=np.arange(10), time=(np.arange(10) + 10) * 0.1), 10)
    recorders = [net.record(part) for part in (pop, pop[3:7], pop[:5], pop[5:])]
    net.run(3.0)
    assert [r.count for r in recorders] == [10, 4, 5, 5]
    view = recorders[1]
    assert (view.step - 10).tolist() == [3, 4, 5, 6]
    assert view.uid.tolist() == pop.uid[3:7].tolist()  # ids are global uids
    assert view.index.tolist() == [0, 1, 2, 3]  # and index is the place among the recorded
    assert view.neurons[view.index].tolist() == view.uid.tolist()


def test_a09_learning_makes_no_edges(sized):
    n = sized(200, 20)
    net = ns.Network(dt=0.1, seed=9)
    pre = net.add_population("pre", ns.PoissonSource(rate=20.0), n)
    post = net.add_population("post", ns.LIF(), n)
    net.stimulate(post, ns.SpontaneousRate(20.0))
    p = net.connect(pre, post, ns.random(0.1), weight=0.5, plasticity=ns.PairSTDP(), delay=1.0)
    before = p.pre, p.post
    net.run(sized(1000.0, 30.0))
    assert np.array_equal(p.pre, before[0]) and np.array_equal(p.post, before[1])
    assert p.weight.size == len(p) == before[0].size
    matrix = p.to_scipy().toarray()
    present = np.zeros((n, n), bool)
    present[before[0] - pre.uid[0], before[1] - post.uid[0]] = True
    assert not matrix[~present].any()
    assert np.unique(p.weight).size > 100 or not JIT


def resident():
    """Resident memory of this process (bytes)."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.filterwarnings("error")
def test_a10_a_cell_can_be_run_again_and_again(sized):
    def cell():
        net = ns.Network(dt=0.1, seed=10)
        pop = net.add_population("pop", ns.LIF(), sized(500, 30))
        p = net.connect(pop, pop, ns.random(0.1), weight=0.3, delay=1.0, plasticity=ns.PairSTDP())
        net.stimulate(pop, ns.PoissonInput(rate=10_000.0, weight=0.15))
        net.add(ns.Prune(p, threshold=0.25, every=5.0))
        spikes = net.record(pop)
        net.run(sized(100.0, 6.0))
        digest = hashlib.sha256(spikes.step.tobytes() + spikes.uid.tobytes() + p.weight.tobytes()).hexdigest()
        return digest, net.n_neurons, net.n_synapses

    runs, memory = [], []
    for _ in range(sized(50, 6)):
        runs.append(cell())
        memory.append(resident())
    assert len(set(runs)) == 1
    assert memory[-1] - memory[min(5, len(memory) - 1)] < 20e6
