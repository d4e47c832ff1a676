"""Recorders: what they keep, when they listen, and that they follow neurons that come and go."""

import math

import numpy as np
import pytest

import neurosim as ns

EAR = ns.LIF(tau_m=math.inf, e_l=0.0, v_th=math.inf, v_reset=0.0, c_m=1.0)


@pytest.fixture
def net():
    """Ten neurons, uids 3 ... 12; neuron k fires at k + 1, and at k + 11 ms, and so on."""
    net = ns.Network(dt=0.1, seed=1)
    net.add_population("others", EAR, 3, region="r/x")
    index, time = np.tile(np.arange(10), 5), np.arange(1, 51) * 1.0
    net.add_population("pop", ns.SpikeSource(index=index, time=time), 10, region="r/y")
    return net


def test_spikes(net):
    spikes = net.record("pop")
    assert spikes.t.dtype == np.float64 and spikes.t.size == spikes.count == 0 and spikes.rate() == 0.0
    net.run(20.0)
    assert spikes.t == pytest.approx(np.arange(1.0, 21.0)) and spikes.step.tolist() == list(range(10, 210, 10))
    assert spikes.step.dtype == spikes.uid.dtype == spikes.index.dtype == np.int64
    assert spikes.uid.tolist() == [*range(3, 13)] * 2 and spikes.index.tolist() == [*range(10)] * 2
    assert (spikes.label, spikes.n, spikes.segments) == ("pop", 10, [("pop", 0, 10)])
    assert spikes.span == pytest.approx((0.0, 20.0)) and spikes.rate() == pytest.approx(100.0)
    assert spikes.rates() == pytest.approx([100.0] * 10)
    assert "20 spikes of 10 neurons, 100 Hz" in repr(spikes)
    frame = spikes.to_pandas()
    assert list(frame.columns) == ["t", "uid", "index"] and len(frame) == 20


def test_windows_and_rings(net):
    window = net.record("pop", window=(3.0, 5.0))
    ring = net.record("pop", ring=4.0)
    late = net.record("pop", window=(15.0, 99.0))
    for _ in range(20):
        net.run(1.0)
    assert window.t.tolist() == pytest.approx([3.0, 4.0, 5.0]) and window.span == pytest.approx((3.0, 5.0))
    assert ring.t.tolist() == pytest.approx([17.0, 18.0, 19.0, 20.0]) and ring.span == pytest.approx((16.0, 20.0))
    assert late.t.tolist() == pytest.approx([15.0, 16.0, 17.0, 18.0, 19.0, 20.0])
    assert ring.rate() == pytest.approx(100.0)


def test_a_recorder_begins_when_it_is_made_and_ends_when_it_is_removed(net):
    net.run(5.5)
    spikes = net.record("pop")
    v = net.record("others", "v", every=1.0)
    net.run(4.0)
    net.remove(spikes)
    net.remove(v)
    net.run(5.0)
    assert spikes.t.tolist() == pytest.approx([6.0, 7.0, 8.0, 9.0]) and spikes.span == pytest.approx((5.5, 9.5))
    assert v.t.tolist() == pytest.approx([6.0, 7.0, 8.0, 9.0])


def test_views_lists_and_regions(net):
    pop = net.populations["pop"]
    view, both, region = net.record(pop[3:7]), net.record([pop[:2], pop[1:4]]), net.record(net.region("r"))
    named = net.record("r/y")
    net.run(10.0)
    assert view.uid.tolist() == [6, 7, 8, 9] and view.index.tolist() == [0, 1, 2, 3] and view.label == "pop[4 of 10]"
    assert both.uid.tolist() == [3, 4, 5, 6] and both.n == 4
    assert region.segments == [("others", 0, 3), ("pop", 3, 10)] and region.index.tolist() == list(range(3, 13))
    assert region.label == "r" and named.count == 10


def test_newborns_of_a_recorded_population_are_recorded():
    net = ns.Network(seed=1)
    pop = net.add_population("pop", ns.LIF(i_e=2000.0), 2, region="r")
    whole, view, region = net.record(pop), net.record(pop[:1]), net.record(net.region("r"))
    rates = net.record(pop, "rates", every=5.0)
    net.run(10.0)
    born = pop.add(1)
    late = net.add_population("late", ns.LIF(i_e=2000.0), 1, region="r")
    pop.remove(pop.uid[0])
    net.run(10.0)
    assert set(whole.uid) == {0, 1, born.uid[0]} and whole.neurons.tolist() == [0, 1, 2]
    assert whole.neurons[whole.index].tolist() == whole.uid.tolist()
    assert set(view.uid) == {0} and whole.uid[whole.step > 110].min() == 1
    assert set(region.uid) == {0, 1, 2, late.uid[0]} and region.segments == [("pop", 0, 3), ("late", 3, 1)]
    assert rates.t.tolist() == pytest.approx([2.5, 7.5, 12.5, 17.5]) and (rates.rate[1:] > 0).all()


def test_states():
    net = ns.Network(dt=0.1, seed=1)
    pop = net.add_population("pop", EAR, 4)
    net.stimulate(pop, ns.Current(amplitude=np.arange(4.0)))  # v grows by 0, 1, 2, 3 mV a ms
    every = net.record(pop, "v")
    slow = net.record(pop[1:3], "v", every=0.5)
    window, ring = net.record(pop, "v", every=0.3, window=(1.0, 2.0)), net.record(pop, "v", every=0.5, ring=1.0)
    net.run(0.7)
    for _ in range(23):
        net.run(0.1)
    assert every.t == pytest.approx(np.arange(1, 31) * 0.1)
    assert every.values == pytest.approx(np.outer(np.arange(1, 31) * 0.1, np.arange(4)))
    assert slow.t == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5, 3.0]) and slow.values.shape == (6, 2)
    assert slow.values[-1] == pytest.approx([3.0, 6.0]) and slow.uid.tolist() == [1, 2]
    assert (slow.variable, slow.unit, slow.label) == ("v", "mV", "pop[2 of 4]")
    assert window.t == pytest.approx([1.2, 1.5, 1.8]) and ring.t == pytest.approx([2.5, 3.0])
    frame = slow.to_pandas()
    assert frame.columns.tolist() == [1, 2] and frame.index.name == "t"
    pop.remove(pop.uid[1])
    net.run(0.5)
    assert np.isnan(slow.values[-1, 0]) and slow.values[-1, 1] == pytest.approx(7.0)  # who is gone has no value
    pop.remove(pop.uid)
    net.run(0.5)
    assert np.isnan(slow.values[-1]).all() and slow.t[-1] == pytest.approx(4.0)


def test_rates(net):
    rates = net.record("pop", "rates", every=4.0)
    window = net.record("pop", "rates", every=4.0, window=(4.0, 12.0))
    ring = net.record("pop", "rates", every=4.0, ring=9.0)
    for piece in (1.3, 4.7, 6.0, 6.5):
        net.run(piece)
    assert rates.t.tolist() == pytest.approx([2.0, 6.0, 10.0, 14.0]) and rates.width == pytest.approx(4.0)
    assert rates.rate == pytest.approx([100.0] * 4)  # a spike at the end of a bin belongs to it
    assert window.t.tolist() == pytest.approx([6.0, 10.0])
    assert ring.t.tolist() == pytest.approx([14.0])
    assert rates.to_pandas().columns.tolist() == ["t", "rate"] and "4 bins of 4 ms" in repr(rates)


def test_weights_and_edges():
    net = ns.Network(dt=0.1, seed=1)
    pop = net.add_population("pop", EAR, 4)
    p = net.connect(pop, pop, ns.from_edges(([0, 1], [1, 2])), weight=0.5)
    weights, edges = net.record(p, "weights", every=1.0), net.record(p, "edges", every=1.0, keep_edges=True)
    ring, plain = net.record(p, "weights", every=1.0, ring=2.0), net.record(p, "edges", every=2.0, window=(2.0, 3.0))
    net.run(1.0)
    p.weight = [0.1, 0.2]
    net.run(1.0)
    assert weights.matrix().tolist() == [[0.5, 0.5], [0.1, 0.2]]
    p.insert(2, 3)
    p.remove([0])
    net.run(2.0)
    assert (
        weights.t.tolist() == [1.0, 2.0, 3.0, 4.0]
        and [w.tolist() for w in weights.weight] == [[0.5, 0.5], [0.1, 0.2]] + [[0.2, 0.5]] * 2
    )
    assert weights.pre[2].tolist() == [1, 2] and weights.post[2].tolist() == [2, 3]
    assert (
        edges.count.tolist() == [2, 2, 2, 2]
        and edges.born.tolist() == [0, 0, 1, 1]
        and edges.died.tolist() == [0, 0, 1, 1]
    )
    assert [e.tolist() for e in edges.pre] == [[0, 1]] * 2 + [[1, 2]] * 2
    assert ring.t.tolist() == [3.0, 4.0] and plain.t.tolist() == [2.0] and plain.pre == [None]
    with pytest.raises(ValueError, match="came or went"):
        weights.matrix()
    assert len(weights.to_pandas()) == 8 and edges.to_pandas().columns.tolist() == ["t", "count", "born", "died"]


def test_all_recorders_survive_a_save(net, tmp_path):
    pop, others = net.populations["pop"], net.populations["others"]
    p = net.connect(pop, others, ns.all_to_all(), weight=0.5, name="p")
    made = [
        net.record(pop[2:5]), net.record(net.region("r"), ring=7.0), net.record([others, pop], window=(2.0, 9.0)),
        net.record(others, "v", every=0.5), net.record(others[1:], "v", every=0.3, window=(1.0, 9.0)), net.record(pop, "rates", every=3.0),
        net.record(p, "weights", every=2.0), net.record(p, "edges", every=2.5, keep_edges=True), net.record(p, "edges", every=2.0),
    ]  # fmt: skip
    net.run(4.2)
    others.remove(others.uid[0])
    net.run(0.1)
    net.save(tmp_path / "save")
    loaded = ns.load(tmp_path / "save")
    assert [type(r) for r in loaded.recorders] == [type(r) for r in made]
    for one in (net, loaded):
        one.run(6.0)
    for a, b in zip(made, loaded.recorders, strict=True):
        assert (a.label, a.span, repr(a)) == (b.label, b.span, repr(b))
        one, other = a.arrays(), b.arrays()
        assert one.keys() == other.keys()
        for name in one:
            assert one[name].tobytes() == other[name].tobytes(), (a, name)
    assert loaded.recorders[2].segments == made[2].segments == [("others", 0, 3), ("pop", 3, 10)]


def test_recorders_of_what_is_gone_do_not_stop_a_save(net, tmp_path):
    pop, others = net.populations["pop"], net.populations["others"]
    spikes, region = net.record([others, pop]), net.record("r")
    net.record(others, "v")
    net.run(1.5)
    net.remove_population(others)
    assert net.recorders == [spikes, region]
    net.save(tmp_path / "save")
    loaded = ns.load(tmp_path / "save")
    net.store()
    for one in (net, loaded):
        one.run(2.0)
    assert np.array_equal(loaded.recorders[0].step, spikes.step)
    assert loaded.recorders[0].segments == spikes.segments
    net.restore()
    assert spikes.count == 1
    net.remove_population(pop)
    net.save(tmp_path / "save")
    assert ns.load(tmp_path / "save").recorders[0].count == 1
