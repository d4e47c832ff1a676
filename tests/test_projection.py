"""Projections: edges as arrays, edits with spikes in flight, handles, other forms."""

import math

import numpy as np
import pytest

import neurosim as ns
from neurosim.kernels.compiled import JIT

EAR = ns.LIF(tau_m=math.inf, e_l=0.0, v_th=math.inf, v_reset=0.0)  # no leak, never fires: v is the sum of what arrived


def listed(net, times, name="pre", n=1):
    return net.add_population(name, ns.SpikeSource(index=[0] * len(times), time=times), n)


@pytest.fixture
def net():
    return ns.Network(dt=0.1, seed=1)


@pytest.fixture
def pair(net):
    """Two populations whose uids are not places."""
    net.add_population("others", ns.LIF(), 5)
    return net.add_population("a", ns.LIF(), 6), net.add_population("b", ns.LIF(), 4)


# ---- arrays ----------------------------------------------------------------------------------------------------------


def test_edges_are_arrays_in_one_order(net, pair):
    a, b = pair
    edges = ([3, 0, 3, 0], [1, 2, 0, 2], [0.1, 0.2, 0.3, 0.4], [1.0, 2.0, 3.0, 4.0])
    p = net.connect(a, b, ns.from_edges(edges), parallel=True)
    assert (p.pre - a.uid[0]).tolist() == [0, 0, 3, 3] and (p.post - b.uid[0]).tolist() == [2, 2, 0, 1]
    assert p.weight.tolist() == [0.2, 0.4, 0.3, 0.1] and p.delay.tolist() == [2.0, 4.0, 3.0, 1.0]  # parallels by birth
    assert p.pre.dtype == p.post.dtype == np.int64 and p.weight.dtype == np.float64
    p.weight = [1.0, 2.0, 3.0, 4.0]
    p.delay = [0.5, 0.6, 0.7, 0.8]
    assert p.weight.tolist() == [1.0, 2.0, 3.0, 4.0] and p.delay == pytest.approx([0.5, 0.6, 0.7, 0.8])
    p.weight = 7.0
    p.delay = 0.9
    assert p.weight.tolist() == [7.0] * 4 and p.delay == pytest.approx([0.9] * 4)
    assert p.out_degree().tolist() == [2, 0, 0, 2, 0, 0] and p.in_degree().tolist() == [1, 1, 2, 0]
    assert p.has_edge(a.uid[[0, 0]], b.uid[[2, 1]]).tolist() == [True, False]
    assert p.multiplicity(a.uid[0], b.uid).tolist() == [0, 0, 2, 0]


def test_insert_and_remove(net, pair):
    a, b = pair
    p = net.connect(a, b, ns.from_edges(([0], [0])), weight=0.5, delay=1.5, name="ab")
    assert p.insert(a.uid[1], b.uid[1]) == 1
    assert p.insert(a.uid[2:4], b.uid[:2], weight=[0.1, 0.2], delay=2.0) == 2
    assert p.insert(a.uid[5], b.uid, weight=ns.uniform(0.0, 1.0)) == 4
    assert p.weight[:4].tolist() == [0.5, 0.5, 0.1, 0.2] and p.delay[:4].tolist() == [1.5, 1.5, 2.0, 2.0]
    assert np.unique(p.weight[4:]).size == 4 and (p.delay[4:] == 1.5).all()
    assert p.remove([0, 2]) == 2 and p.weight[:2].tolist() == [0.5, 0.2]
    assert p.remove(p.weight == 0.2) == 1
    assert p.remove(pre=a.uid[5], post=b.uid[:2]) == 2
    assert p.remove(post=b.uid[2]) == 1
    assert p.remove(pre=a.uid[1]) == 1
    assert len(p) == 1 and p.remove() == 1 and len(p) == 0 and p.remove() == 0
    assert net.history.born == 7 and net.history.died == 8


def test_what_is_drawn_later_is_drawn_anew(net, pair):
    a, b = pair
    with pytest.warns(ns.NeurosimWarning, match="rounded to multiples of dt"):
        p = net.connect(a, b, ns.from_edges(([0], [0])), weight=ns.uniform(0.0, 1.0), delay=ns.uniform(1.0, 9.0))
    p.insert(a.uid[1:], b.uid[0])  # and says nothing again
    p.remove(pre=a.uid[1], post=b.uid[0])
    first = p.weight[1]
    p.insert(a.uid[1], b.uid[0])
    assert p.weight[1] != first
    assert np.unique(p.weight).size == 6 and np.unique(p.delay).size > 3
    assert p.delay.min() >= 1.0 and p.delay.max() <= 9.0


def test_distributions_of_parallel_synapses_differ(net, pair):
    a, b = pair
    p = net.connect(a, b, ns.from_edges(([0, 0, 0], [0, 0, 0])), weight=ns.uniform(0.0, 1.0), parallel=True)
    assert np.unique(p.weight).size == 3
    p.weight = ns.normal(1.0, 0.1)
    assert np.unique(p.weight).size == 3
    p.insert(a.uid[[1, 1]], b.uid[[1, 1]])
    assert np.unique(p.weight).size == 5


@pytest.mark.parametrize("dtype", ["float32", "float64", np.float32])
def test_types_of_weights(net, pair, dtype):
    a, b = pair
    p = net.connect(a, b, ns.all_to_all(), weight=0.1, dtype=dtype, plasticity=ns.PairSTDP(w_max=0.1))
    assert p.weight.dtype == np.float64 and p.pool.weight.dtype == dtype
    p.weight = p.weight  # 0.1 as float32 is above 0.1; it is not refused
    assert p.weight[0] == np.dtype(dtype).type(0.1)


# ---- choosing --------------------------------------------------------------------------------------------------------


def test_selections_stay_right_while_other_things_move(net, pair):
    a, b = pair
    other = net.connect(b, a, ns.all_to_all(), weight=9.0)
    p = net.connect(a, b, ns.all_to_all(), weight=np.arange(24.0))
    edges = p.select(np.array([3, 5]))
    wanted = list(zip(edges.pre, edges.post, strict=True))
    net.disconnect(other)
    net.add_population("more", ns.LIF(), 100)
    net.stimulate(a, ns.Current(amplitude=1.0))
    assert len(edges) == 2 and "2 of 'a->b'" in repr(edges)
    assert edges.remove() == 2 and len(p) == 22
    assert not p.has_edge(*np.array(wanted).T).any()
    fresh = p.edges()
    assert len(fresh[fresh.weight > 20.0]) == 3
    a.add(1)
    with pytest.raises(ns.WiringError, match="select again"):
        fresh.remove()


def test_samples_depend_on_key_and_uids_only(net, pair):
    a, b = pair
    p = net.connect(a, b, ns.all_to_all(), weight=ns.uniform(0.0, 1.0))
    one = p.sample(7, key=5)
    pairs = sorted(zip(one.pre.tolist(), one.post.tolist(), strict=True))
    assert len(set(pairs)) == 7
    outs, ins = p.sample_out(a.uid[:2], [1, 3], key=6), p.sample_in(b.uid[1:3], 2, key=7)
    assert np.bincount(outs.pre - a.uid[0], minlength=6).tolist() == [1, 3, 0, 0, 0, 0]
    assert np.bincount(ins.post - b.uid[0], minlength=4).tolist() == [0, 2, 2, 0]
    weak = p.weakest(2, b.uid[:1])
    assert sorted(weak.weight) == sorted(p.weight[p.post == b.uid[0]])[:2]
    assert len(p.sample_in(b.uid[0], 99, key=7)) == 6
    assert (p.weaker_than(0.5).weight < 0.5).all() and len(p.weaker_than(0.5)) == (p.weight < 0.5).sum()
    order = np.random.default_rng(0).permutation(24)
    pre, post, weight = p.pre[order], p.post[order], p.weight[order]
    p.remove()
    p.insert(pre, post, weight=weight)  # the same synapses in other places
    again = p.sample(7, key=5)
    assert sorted(zip(again.pre.tolist(), again.post.tolist(), strict=True)) == pairs
    assert np.array_equal(np.sort(p.sample_out(a.uid[:2], [1, 3], key=6).post), np.sort(outs.post))
    assert p.chance(p.edges(), 3).size == 24 and 0 <= p.chance(p.edges(), 3).min() <= p.chance(p.edges(), 3).max() < 1


def test_sample_of_non_edges(net):
    a = net.add_population("a", ns.LIF(), 6)
    p = net.connect(a, a, ns.from_edges(([0, 1], [1, 2])))
    pre, post = p.sample_non_edges(28, key=3)
    assert len(set(zip(pre.tolist(), post.tolist(), strict=True))) == 28
    assert not p.has_edge(pre, post).any() and not (pre == post).any()
    assert p.sample_non_edges(100, key=3)[0].size == 28
    p.insert(pre, post)
    assert p.sample_non_edges(5, key=1)[0].size == 0


def test_ages(net, pair):
    a, b = pair
    p = net.connect(a, b, ns.all_to_all())
    net.run(1.0)
    assert (p.age(p.edges()) == 0.0).all()  # nobody asked before
    net.run(2.0)
    p.remove([0])
    p.insert(a.uid[0], b.uid[0])
    q = net.connect(b, a, ns.all_to_all())  # in the same pool
    net.run(1.5)
    assert sorted(set(p.age(p.edges()).tolist())) == pytest.approx([1.5, 3.5])
    assert q.age(q.edges()) == pytest.approx([1.5] * 24)


# ---- handles on synapses ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plastic", [False, True])
def test_a_handle_means_exactly_one_of_parallel_synapses(net, pair, plastic):
    a, b = pair
    rule = ns.PairSTDP() if plastic else None
    edges = ([0, 0, 0, 1], [0, 0, 0, 1], [0.1, 0.2, 0.3, 0.4])
    p = net.connect(a, b, ns.from_edges(edges), parallel=True, plasticity=rule)
    pre, post = int(a.uid[0]), int(b.uid[0])
    first, second, third = (p.synapse(pre, post, k) for k in range(3))
    assert [s.weight for s in (first, second, third)] == [0.1, 0.2, 0.3]
    assert second.alive and second.delay == 1.0 and (second.pre, second.post) == (pre, post)
    second.weight = 0.9
    p.insert(pre, post, weight=0.5)
    net.add_population("more", ns.LIF(), 50)
    first.remove()
    assert not first.alive and "gone" in repr(first)
    assert [second.weight, third.weight, p.synapse(pre, post, 2).weight] == [0.9, 0.3, 0.5]
    assert p.weight.tolist() == [0.9, 0.3, 0.5, 0.4]
    with pytest.raises(ns.WiringError, match=rf"synapse {first.ident} \({pre} -> {post}\) is gone"):
        first.weight  # noqa: B018
    a.remove(pre)
    assert not second.alive
    other = p.synapse(int(a.uid[0]), int(b.uid[1]))
    net.store()
    other.remove()
    assert not other.alive
    net.restore()
    assert other.alive and other.weight == 0.4
    net.disconnect(p)
    assert not other.alive


def test_a_handle_is_not_mistaken_after_going_back_before_it(net, pair):
    a, b = pair
    p = net.connect(a, b, ns.from_edges(([0, 0], [0, 0], [0.1, 0.2])), parallel=True)
    net.store()
    handle = p.synapse(int(a.uid[0]), int(b.uid[0]), 1)
    net.restore()
    assert not handle.alive
    again = p.synapse(int(a.uid[0]), int(b.uid[0]), 0)
    assert again.weight == 0.1 and not handle.alive


# ---- delays, and what is in flight -----------------------------------------------------------------------------------


def run_and_hear(net, ear, duration):
    """{stamp in steps: what arrived} while the network runs."""
    v = net.record(ear, "v")
    before = np.r_[0.0 if not net.step else float(ear.v[0]), 0.0][:1]
    net.run(duration)
    jump = np.diff(np.r_[before, v.values[:, 0]])
    net.remove(v)
    return {int(round(v.t[k] / 0.1)): float(jump[k]) for k in np.flatnonzero(jump)}


def test_delays_longer_than_the_first_bits(net, sized):
    ear = net.add_population("ear", EAR, 1)
    pre = listed(net, [1.0, 5.0])
    p = net.connect(pre, ear, ns.all_to_all(), weight=1.0, delay=10.0)
    q = net.connect(pre, ear, ns.all_to_all(), weight=8.0, delay=1.0)
    net.run(3.0)
    p.delay = 30.0  # 300 steps, while a spike is on its way
    long = sized(20_000.0, 60.0)
    p2 = net.connect(pre, ear, ns.all_to_all(), weight=2.0, delay=long)
    net.run(2.0)
    assert run_and_hear(net, ear, 40.0) == {60: 8.0, 310: 1.0, 350: 1.0}
    assert p.delay[0] == 30.0 and p2.delay[0] == long and q.delay[0] == 1.0
    assert run_and_hear(net, ear, long) == {round(long / 0.1) + 50: 2.0}


def test_delays_that_do_not_fit_are_refused_and_change_nothing(net):
    ear = net.add_population("ear", EAR, 1)
    pre = listed(net, [1.0])
    p = net.connect(pre, ear, ns.all_to_all(), weight=1.0, delay=5.0)
    with pytest.raises(ns.ParameterError, match=r"pre->ear: a delay of 1e\+06 ms is too long; at most .* ms fit"):
        p.delay = 1e6
    with pytest.raises(ns.ParameterError, match="too long"):
        p.insert(pre.uid[0], ear.uid[0], delay=1e6) if p.remove() else None
    p.insert(pre.uid[0], ear.uid[0])
    assert run_and_hear(net, ear, 10.0) == {60: 1.0}
    wide = net.connect(pre, ear, ns.all_to_all(), delay=13_000.0)
    with pytest.raises(ns.WiringError, match="receptors do not fit beside delays of 13000 ms"):
        net.add_population("many", ns.LIF(), 1 << 15)
    assert list(net.populations) == ["ear", "pre"] and len(wide) == 1
    net.run(1.0)


def test_changed_delays_move_what_is_in_flight(net):
    ear = net.add_population("ear", EAR, 1)
    p = net.connect(listed(net, [1.0, 2.0]), ear, ns.all_to_all(), weight=1.0, delay=5.0)
    net.run(3.0)
    p.delay = 1.5  # the first would have arrived at 2.5: it arrives in the next step; the second at 3.5
    assert run_and_hear(net, ear, 10.0) == {31: 1.0, 35: 1.0}


def test_a_new_synapse_carries_nothing_that_was_fired_before(net):
    ear = net.add_population("ear", EAR, 1)
    pre = listed(net, [1.0, 4.0])
    p = net.connect(pre, ear, ns.from_edges(([0], [0])), weight=1.0, delay=5.0, parallel=True)
    net.run(2.0)
    p.insert(pre.uid[0], ear.uid[0], weight=10.0)
    new = net.connect(pre, ear, ns.all_to_all(), weight=100.0, delay=5.0)
    net.run(1.0)
    p.synapse(int(pre.uid[0]), int(ear.uid[0]), 1).remove()  # nor takes its removal back what it never sent
    assert new.remove() == 1
    new.insert(pre.uid[0], ear.uid[0])
    assert run_and_hear(net, ear, 10.0) == {60: 1.0, 90: 101.0}


@pytest.mark.parametrize("options", [
    {}, {"release": 0.999999}, {"plasticity": ns.PairSTDP(w_max=1e3, sees="spikes")}, {"plasticity": ns.PairSTDP(w_max=1e3)},
    {"plasticity": ns.PairSTDP(w_max=1e3), "axonal_delay": 2.0, "delay": 3.0}, {"plasticity": ns.PairSTDP(w_max=1e3), "axonal_delay": 5.0, "delay": 0.0},
    {"plasticity": ns.PairSTDP(w_max=1e3), "axonal_delay": 4.9, "delay": 0.1},
])  # fmt: skip
def test_edits_of_every_kind_of_synapse_with_spikes_in_flight(net, options):
    """New ones carry nothing old, changed weights nothing new, removed ones nothing at all; whatever is done in between."""
    ear = net.add_population("ear", EAR, 1)
    pre = listed(net, [1.0, 3.0, 4.5])
    p = net.connect(pre, ear, ns.from_edges(([0, 0], [0, 0])), weight=1.0, parallel=True, **({"delay": 5.0} | options))
    ids = int(pre.uid[0]), int(ear.uid[0])
    on_the_axon = options.get("axonal_delay", 0.0) > 1.5  # a spike carries the weight that it finds at the synapse
    net.run(2.0)
    p.insert(*ids, weight=100.0)
    net.run(0.5)
    third = p.synapse(*ids, 2)
    p.synapse(*ids, 0).weight = 7.0
    net.run(1.0)  # the second spike is on its way too
    third.remove()
    p.insert(*ids, weight=50.0)
    p.synapse(*ids, 2).remove()
    net.run(0.5)
    repr(p), p.weight  # noqa: B018
    heard = run_and_hear(net, ear, 10.0)
    assert heard == {60: 8.0 if on_the_axon else 2.0, 80: 8.0, 95: 8.0}
    p.insert(*ids, weight=3.0)
    p.remove()
    net.run(10.0)
    assert ear.v[0] == sum(heard.values())


def test_a_weight_that_is_set_counts_for_later_spikes_only(net):
    ear = net.add_population("ear", EAR, 1)
    p = net.connect(listed(net, [1.0, 4.0]), ear, ns.all_to_all(), weight=1.0, delay=5.0)
    net.run(3.0)
    p.weight = 10.0
    net.run(0.5)
    p.weight = 100.0
    net.run(2.0)
    p.remove()  # takes back 1 and 100
    net.run(10.0)
    assert ear.v.tolist() == [0.0]


def test_release(net, sized):
    n = sized(400, 40)
    ear = net.add_population("ear", EAR, n)
    pre = net.add_population("pre", ns.SpikeSource(index=[0] * 20, time=np.arange(1, 21) * 0.5), 1)
    p = net.connect(pre, ear, ns.all_to_all(), weight=1.0, delay=2.0, release=0.25)
    edges = ([0, 0], [0, 0])
    net.connect(pre, ear, ns.from_edges(edges), weight=100.0, delay=2.0, release=0.5, parallel=True)
    net.run(15.0)
    heard = ear.v[1:]
    assert abs(heard.mean() - 5.0) < 6 * math.sqrt(20 * 0.25 * 0.75 / n)
    assert abs(heard.var() - 20 * 0.25 * 0.75) < (1.0 if JIT else 3.0)
    assert "release 0.25" in repr(p)
    pairs = ear.v[0] // 100
    assert 8 <= pairs <= 32  # parallel synapses draw for themselves, or it would be even ...


def test_removing_parallel_synapses_that_release_by_chance_takes_back_exactly_what_they_sent(net):
    ear = net.add_population("ear", EAR, 30)
    pre = net.add_population("pre", ns.SpikeSource(index=[0] * 9, time=np.arange(1, 10) * 0.5), 1)
    edges = (np.zeros(90, int), np.repeat(np.arange(30), 3))
    p = net.connect(pre, ear, ns.from_edges(edges), weight=1.0, delay=20.0, release=0.5, parallel=True)
    net.run(3.0)
    p.remove(np.arange(90) % 3 == 0)
    net.run(0.7)
    p.weight = 5.0
    p.remove(np.arange(60) % 2 == 0)
    net.run(0.3)
    p.remove()
    net.run(30.0)
    assert not ear.v.any()


# ---- receptors -------------------------------------------------------------------------------------------------------


def test_the_sign_chooses_the_receptor(net):
    pop = net.add_population("pop", ns.LIFCond(), 3)
    pre = listed(net, [1.0])
    p = net.connect(pre, pop, ns.all_to_all(), weight=[1.0, -2.0, 0.5], delay=1.0)
    net.connect(
        pre,
        pop[2],
        ns.all_to_all(),
        weight=-4.0,
        delay=1.0,
        receptor="inh",
        plasticity=ns.PairSTDP(w_min=-9.0, w_max=0.0),
    )
    net.run(2.0)
    assert (pop.g_exc > 0).tolist() == [True, False, True] and (pop.g_inh > 0).tolist() == [False, True, True]
    assert p.in_degree().tolist() == [1, 1, 1] and p.has_edge(pre.uid, pop.uid).all()
    with pytest.raises(ns.WiringError, match="several receptors"):
        p.sample_in(pop.uid, 1, key=0)
    assert p.weight.tolist() == [1.0, -2.0, 0.5] and "nS" in p.unit
    p.weight = [2.0, -1.0, 0.0]
    p.insert(pre.uid, pop.uid[0], weight=-1.0) if p.remove([0]) else None
    assert p.weight.tolist() == [-1.0, -1.0, 0.0]


# ---- wiring as users write it ----------------------------------------------------------------------------------------


def test_conditions_and_other_forms_of_edges(net):
    import networkx
    import pandas
    import scipy.sparse

    a, b = net.add_population("a", ns.LIF(), 4), net.add_population("b", ns.LIF(), 5)
    triangle = net.connect(a, b, lambda i, j: i < j, weight=0.5)
    matrix = triangle.to_scipy()
    assert matrix.shape == (4, 5) and np.array_equal(matrix.toarray(), np.triu(np.full((4, 5), 0.5), 1))
    again = net.connect(a, b, matrix)
    assert np.array_equal(again.weight, triangle.weight) and np.array_equal(again.post, triangle.post)
    graph = triangle.to_networkx()
    assert isinstance(graph, networkx.MultiDiGraph) and graph.number_of_edges() == 10 and graph.number_of_nodes() == 9
    assert graph.nodes[0]["population"] == "a" and graph[0][5][0] == {"weight": 0.5, "delay": 1.0}
    table = triangle.to_pandas()
    assert list(table.columns) == ["pre", "post", "weight", "delay"] and len(table) == 10
    places = pandas.DataFrame({"pre": table["pre"], "post": table["post"] - 4, "weight": table["weight"]})
    assert np.array_equal(net.connect(a, b, places).to_scipy().toarray(), matrix.toarray())
    sparse = scipy.sparse.coo_array(([1.0, 2.0], ([0, 3], [4, 0])), (4, 5))
    assert net.connect(a, b, sparse).weight.tolist() == [1.0, 2.0]
    with pytest.raises(ns.WiringError, match="bring their own weights"):
        net.connect(a, b, sparse, weight=3.0)
    with pytest.raises(ns.WiringError, match="bring their own delays"):
        net.connect(a, b, ns.from_edges(([0], [0], None, [2.0])), delay=3.0)
    both = net.connect(a, a, ns.from_edges(([0, 1, 1], [1, 2, 2])), weight=0.5, parallel=True)
    assert both.to_scipy().toarray()[1, 2] == 1.0  # parallel synapses are summed


def test_views_are_wired_by_their_places(net):
    pop = net.add_population("pop", ns.LIF(), 10, positions=np.arange(10.0)[:, None] * [1.0, 0.0])
    p = net.connect(pop[2:5], pop[6:9], ns.one_to_one())
    assert p.pre.tolist() == [2, 3, 4] and p.post.tolist() == [6, 7, 8]
    q = net.connect(pop[[1, 4]], pop[1:5], ns.all_to_all())
    assert list(zip(q.pre.tolist(), q.post.tolist(), strict=True)) == [(1, 2), (1, 3), (1, 4), (4, 1), (4, 2), (4, 3)]
    near = net.connect(pop[:5], pop[5:], ns.distance(lambda d: d < 1.5))
    assert (near.pre.tolist(), near.post.tolist()) == ([4], [5])


# ---- plastic ---------------------------------------------------------------------------------------------------------


def test_plastic_synapses_with_one_delay_keep_it(net, pair):
    a, b = pair
    p = net.connect(a, b, ns.from_edges(([0], [0])), weight=0.5, delay=1.5, plasticity=ns.PairSTDP())
    p.insert(a.uid[1], b.uid[0])
    with pytest.raises(ns.ParameterError, match="share one delay of 1.5 ms, got 2 ms"):
        p.insert(a.uid[2], b.uid[0], delay=2.0)
    with pytest.raises(ns.ParameterError, match="fixed"):
        p.delay = 2.0
    axonal = net.connect(
        a, b, ns.from_edges(([0], [0])), weight=0.5, delay=1.5, axonal_delay=1.0, plasticity=ns.PairSTDP()
    )
    assert axonal.axonal_delay == 1.0 and axonal.delay.tolist() == [1.5]
    with pytest.raises(ns.ParameterError, match="share one delay of 1.5 ms behind the axon, got 2 ms"):
        axonal.insert(a.uid[2], b.uid[0], delay=2.0)
    several = net.connect(a, b, ns.from_edges(([0, 1], [0, 0], None, [1.0, 2.0])), weight=0.5, plasticity=ns.PairSTDP())
    several.insert(a.uid[2], b.uid[0], delay=3.0)
    assert several.delay.tolist() == [1.0, 2.0, 3.0]
    free = net.connect(a, b, ns.from_edges(([0], [0])), weight=0.5, delay=1.5, plasticity=ns.PairSTDP(sees="spikes"))
    free.insert(a.uid[2], b.uid[0], delay=3.0)
    texts = [repr(x) for x in (p, axonal, several, free)]
    assert ["delay: dendritic" in t for t in texts] == [True, False, True, False]
    assert "delay: axonal" in texts[1] and "axonal delay 1 ms" in texts[1] and "delay: firing times" in texts[3]


def test_empty_plastic_projections_grow(net, pair):
    a, b = pair
    with pytest.warns(ns.NeurosimWarning, match="no synapse"):
        p = net.connect(a, b, ns.random(0.0), weight=0.5, delay=2.5, plasticity=ns.PairSTDP())
    net.run(1.0)
    p.insert(a.uid[:3], b.uid[:3])
    net.run(1.0)
    assert p.delay.tolist() == [2.5] * 3 and p.weight.tolist() == [0.5] * 3
    with pytest.warns(ns.NeurosimWarning, match="no synapse"):
        q = net.connect(a, b, ns.random(0.0), weight=0.5, delay=ns.uniform(1.0, 3.0), plasticity=ns.PairSTDP())
    q.insert(a.uid, b.uid[0])
    assert np.unique(q.delay).size > 1


def test_cards(net, pair):
    a, b = pair
    p = net.connect(a, b, ns.all_to_all(), weight=0.5, delay=2.0, name="ab")
    for word in ("'ab'", "from a", "to b", "synapses 24", "delay 2 ms", "float64", "bytes a synapse"):
        assert word in repr(p)
    assert "projection ab" in p._repr_html_()
    group = net.connect([a, b], b, ns.random(0.5), name="g")
    assert len(group) == 2 and group[0].name == "g:a->b" and "2 projections" in repr(group)
    assert group.remove_edges() == net.history.died and group.n_edges == 0


def test_holes_are_closed_while_the_network_runs(net):
    a = net.add_population("a", ns.LIF(), 700 if JIT else 40)
    p = net.connect(a, a, ns.all_to_all(), dtype="float32")
    before = p.weight

    def cut(net):
        p.remove(np.arange(len(p)) % 4 != 0)

    net.add(ns.Callback(cut, every=1.0))
    net.run(1.0)
    assert np.array_equal(p.weight, before[::4])
    if JIT:
        assert p.pool.used[0] <= 1.25 * len(p) + 65_536
    net.compact()
    assert p.pool.used[0] <= 1.25 * len(p) + 8 * len(a)
    assert np.array_equal(p.weight, before[::4])
    p.pool.check()


def test_an_array_of_weights_is_in_the_order_of_the_projection():
    net = ns.Network(dt=0.1, seed=1)
    a, b = (net.add_population(name, ns.LIF(), n) for name, n in (("a", 3), ("b", 4)))
    matrix = np.arange(12.0).reshape(3, 4)
    whole = net.connect(a, b, ns.all_to_all(), weight=matrix.ravel(), delay=np.arange(1, 13) * 0.1)
    np.testing.assert_array_equal(whole.weight, matrix.ravel())
    np.testing.assert_array_equal(whole.to_scipy().toarray(), matrix)
    np.testing.assert_allclose(whole.delay, np.arange(1, 13) * 0.1)
    drawn = net.connect(a, b, ns.random(0.5), weight=1.0)
    given = np.arange(len(drawn)) + 1.0
    again = net.connect(a, b, ns.fixed_total(len(drawn)), weight=given, name="again")
    np.testing.assert_array_equal(again.weight, given)
    listed = net.connect(a, b, ns.from_edges(([2, 0], [1, 1])), weight=[5.0, 6.0], name="listed")
    np.testing.assert_array_equal(listed.weight, [6.0, 5.0])
