"""Procedural projections: the same synapses as their naive twin, the same spikes as stored ones, and nothing kept."""

import math
import warnings

import naive
import numpy as np
import pytest
from scipy import stats

import neurosim as ns
from neurosim.engine import blocks
from neurosim.engine.implicit_pool import ImplicitPool
from neurosim.errors import NeurosimWarning, ParameterError, WiringError
from neurosim.kernels.compiled import JIT
from neurosim.kernels.implicit import deliver_implicit

SEED = 5


def two(n_source=40, n_target=300, seed=SEED, model=None):
    net = ns.Network(dt=0.1, seed=seed)
    model = model or ns.LIF()
    return net, net.add_population("a", model, n_source), net.add_population("b", model, n_target)


def quietly(net, *given, **options):
    """Connect without the words about rounded delays."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurosimWarning)
        return net.connect(*given, procedural=True, **options)


def columns(projection):
    e = projection.edges()
    return e.pre.tolist(), e.post.tolist(), e.weight.tolist(), e.steps.tolist()


def twin_targets(p, key, uid, n_target, own=-1):
    """Targets of one source from the rule: geometric gaps within blocks of a size that p and the targets give."""
    bits = max(8, min(round(math.log2(128 / p)), (n_target // 4).bit_length() - 1, 16))
    found = []
    for first in range(0, n_target, 1 << bits):
        place, drawn = first - 1, 2 * first
        while True:
            u = ((naive.philox(drawn, uid, key) >> 11) + 1) * 2.0**-53
            place += 1 + (math.floor(math.log(u) / math.log1p(-p)) if p < 1 else 0)
            drawn += 1
            if place >= min(first + (1 << bits), n_target):
                break
            found.append(place)
    return [j for j in found if j != own]


# ---- what is drawn ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("p", "n_target"), [(0.1, 300), (0.01, 2000), (0.7, 300), (1.0, 270)])
def test_the_synapses_are_those_of_the_naive_twin(p, n_target):
    net, a, b = two(12, n_target)
    projection = net.connect(a, b, ns.random(p), weight=0.5, delay=1.5, procedural=True)
    key = naive.stream_key(SEED, "procedural", "a->b")
    expected = [(i, int(b.uid[j])) for i in a.uid.tolist() for j in twin_targets(p, key, i, n_target)]
    pre, post, weight, steps = columns(projection)
    assert list(zip(pre, post, strict=True)) == expected
    assert set(weight) == {0.5} and set(steps) == {15}
    assert len(projection) == net.n_synapses == len(expected)


def test_drawn_weights_and_delays_are_those_of_the_pair():
    net, a, b = two(10, 300)
    weight, delay = ns.normal(0.2, 0.15, low=0.0), ns.normal(1.0, 0.6, low=0.3, high=2.4, outside="clip")
    projection = quietly(net, a, b, ns.random(0.2), weight=weight, delay=delay)
    e = projection.edges()
    w, d = (
        law.draw(naive.stream_key(SEED, s, "a->b"), e.pre, e.post, 0)
        for s, law in (("weight", weight), ("delay", delay))
    )
    assert np.array_equal(e.weight, w)
    assert e.steps.tolist() == [max(3, round(float(x) / 0.1)) for x in d]
    assert e.weight.min() >= 0 and {3, 24} <= set(e.steps.tolist())


@pytest.mark.parametrize(
    "weight",
    [ns.lognormal(0.4, 0.2), ns.uniform(-0.2, 0.3), ns.normal(0.2, 0.2, low=0.0, high=0.3, outside="clip"), -0.3],
)
def test_every_distribution_is_the_stored_one(weight):
    net, a, b = two(8, 260, model=ns.LIFExp())
    e = net.connect(a, b, ns.random(0.3), weight=weight, procedural=True).edges()
    expected = (
        weight if np.isscalar(weight) else weight.draw(naive.stream_key(SEED, "weight", "a->b"), e.pre, e.post, 0)
    )
    assert np.array_equal(e.weight, np.broadcast_to(expected, e.weight.shape)) and len(e) > 300


def test_no_autapse_unless_asked_for():
    for autapses in (False, True):
        net, a, _ = two(60, 1)
        e = net.connect(a, a, ns.all_to_all(), autapses=autapses, procedural=True).edges()
        assert len(e) == 60 * (60 if autapses else 59) and (e.pre == e.post).any() == autapses
    net, a, _ = two(60, 1)
    e = net.connect(a[10:30], a[20:60], ns.all_to_all(), procedural=True).edges()
    assert set(zip(e.pre.tolist(), e.post.tolist(), strict=True)) == {
        (i, j) for i in range(10, 30) for j in range(20, 60) if i != j
    }


def test_degrees_are_binomial_and_pairs_independent():
    n, m, p = (1500, 2000, 0.03) if JIT else (60, 80, 0.2)
    net, a, b = two(n, m)
    projection = net.connect(a, b, ns.random(p), procedural=True)
    assert abs(len(projection) - n * m * p) < 5 * math.sqrt(n * m * p * (1 - p))
    for degree, trials in ((projection.in_degree(), n), (projection.out_degree(), m)):
        assert degree.sum() == len(projection)
        law = stats.binom(trials, p)
        bounds = np.unique(law.ppf(np.linspace(0.1, 0.9, 9 if JIT else 4)))
        expected = np.diff(np.concatenate([[0.0], law.cdf(bounds), [1.0]])) * degree.size
        seen = np.bincount(np.searchsorted(bounds, degree), minlength=bounds.size + 1)
        assert stats.chisquare(seen, expected).pvalue > 1e-3
    e = (
        projection.edges()
    )  # neighbours in the list of targets are joined independently of each other, also across a block
    joined = np.zeros((n, m), np.bool_)
    joined[e.pre - a.uid[0], e.post - b.uid[0]] = True
    both = int((joined[:, 1:] & joined[:, :-1]).sum())
    assert abs(both - n * (m - 1) * p * p) < 5 * math.sqrt(n * m) * p


def test_synapses_depend_on_seed_and_name_and_on_nothing_else():
    def made(seed=SEED, before=False, name=None):
        net, a, b = two(seed=seed)
        if before:
            net.connect(b, b, ns.random(0.1), procedural=True)
            b.add(7)
        return columns(net.connect(a, b[:300], ns.random(0.1), procedural=True, name=name))

    assert made() == made(before=True)
    assert made() != made(seed=SEED + 1) and made() != made(name="other")


# ---- spikes ----------------------------------------------------------------------------------------------------------


def balanced(procedural, edges=None, pieces=(60.0,), threads=None):
    """Two populations with four projections that fire by themselves; `edges` are those of the procedural network."""
    n = 200 if JIT else 40
    net = ns.Network(dt=0.1, seed=SEED)
    exc = net.add_population("exc", ns.LIF(tau_m=20.0), n)
    inh = net.add_population("inh", ns.LIF(tau_m=10.0), n // 4)
    wired = [
        (exc, exc, {"weight": ns.normal(0.6, 0.2, low=0.0), "delay": ns.uniform(0.5, 2.5)}),
        (exc, inh, {"weight": 0.7, "delay": 1.5}),
        (inh, exc, {"weight": ns.uniform(-2.0, -1.0), "delay": 0.8, "axonal_delay": 0.5}),
        (exc[: n // 2], inh[3:], {"weight": 0.3, "delay": 0.3}),
    ]
    for k, (pre, post, options) in enumerate(wired):
        if procedural:
            quietly(net, pre, post, ns.random(0.2), **options)
        else:
            e = edges[k]
            first = pre.population.uid[0], post.population.uid[0]
            net.connect(pre.population, post.population, (e.pre - first[0], e.post - first[1], e.weight, e.delay))
    net.stimulate(exc, ns.PoissonInput(rate=9000.0, weight=0.2))
    spikes = net.record([exc, inh], "spikes")
    for k, part in enumerate(pieces):
        net.run(part, threads=None if threads is None else threads[k])
    return net, spikes


def test_spikes_are_those_of_stored_synapses_bit_by_bit():
    net, spikes = balanced(True)
    edges = [p.edges() for p in net.projections.values()]
    other, expected = balanced(False, edges)
    assert np.array_equal(spikes.step, expected.step) and np.array_equal(spikes.uid, expected.uid)
    assert np.array_equal(net.engine.ring, other.engine.ring)
    assert expected.step.size > (500 if JIT else 60)
    cut, cut_spikes = balanced(True, pieces=(0.7, 30.0, 29.3))
    assert np.array_equal(spikes.step, cut_spikes.step) and np.array_equal(net.engine.ring, cut.engine.ring)


@pytest.fixture
def fine_cuts(monkeypatch):
    """Few neurons are cut too; else every shard but the last has whole cache lines of them."""
    monkeypatch.setattr(blocks, "PLACES", 4)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_nothing(threads, fine_cuts):
    """Each draws the synapses onto its own targets, and passes over the others."""
    pieces = (30.0, 20.0, 10.0)
    net, spikes = balanced(True, pieces=pieces, threads=[1, 1, 1])
    for order in ([threads] * 3, [threads, 1, 3]):
        other, heard = balanced(True, pieces=pieces, threads=order)
        assert other.threads_used == order[-1] == other.engine.shards
        assert np.array_equal(spikes.step, heard.step) and np.array_equal(spikes.uid, heard.uid)
        check_ring(net, other)
        for name, projection in net.projections.items():
            twin = other.projections[name]
            assert columns(projection) == columns(twin) and len(projection) == len(twin)
            for asked in ("out_degree", "in_degree"):
                assert np.array_equal(getattr(projection, asked)(), getattr(twin, asked)())
            e = projection.edges()
            assert twin.has_edge(e.pre, e.post).all()
    assert heard.step.size > (500 if JIT else 60)


def check_ring(net, other):
    """The same sums on their way to each neuron; columns may lie elsewhere."""
    for p, q in zip(net.projections.values(), other.projections.values(), strict=True):
        for c, d in zip(p.wire.columns, q.wire.columns, strict=True):
            n = p.wire.post_n
            assert np.array_equal(net.engine.ring[:, c : c + n], other.engine.ring[:, d : d + n])


def test_parts_of_the_targets_deliver_what_the_whole_does(fine_cuts):
    net, _ = balanced(True, pieces=(5.0,), threads=[1])
    spikes = np.concatenate([b.place0 + np.arange(0, b.n_neurons, 3) for b in net.engine.blocks])
    pool = next(p for p in net.engine.pools if isinstance(p, ImplicitPool))
    rings = [np.zeros_like(net.engine.ring) for _ in range(3)]
    deliver_implicit(7, spikes, 0, spikes.size, *pool.arguments(), rings[0])
    net.engine.divide(3)
    for shard in range(3):
        rings[2][:] = 0.0
        deliver_implicit(7, spikes, 0, spikes.size, *pool.arguments(shard), rings[2])
        assert rings[2].any() and not np.any((rings[1] != 0) & (rings[2] != 0))
        rings[1] += rings[2]
    assert np.array_equal(rings[0], rings[1])


def test_positive_and_negative_weights_go_to_their_receptors():
    net = ns.Network(dt=0.1, seed=SEED)
    a = net.add_population("a", ns.SpikeSource(index=[0, 1, 2], time=[1.0, 1.0, 1.0]), 3)
    b = net.add_population("b", ns.LIFCond(), 300)
    projection = net.connect(a, b, ns.random(0.5), weight=ns.normal(0.0, 1.0), procedural=True)
    e = projection.edges()
    net.run(1.1)
    sums = net.engine.ring.sum(0)
    for column, sign in zip(projection.wire.columns, b.model.physics.receptors.values(), strict=True):
        for j in (0, 7, 299):
            hit = (e.post == b.uid[j]) & (e.weight * sign > 0)
            assert sums[column + j] == pytest.approx(e.weight[hit].sum())
    assert projection.in_degree().sum() == len(projection) and projection.has_edge(e.pre, e.post).all()


# ---- reading, memory, saving -----------------------------------------------------------------------------------------


def test_nothing_is_kept_for_a_synapse():
    size = {}
    for p in (0.1, 0.4, 0.8):
        net, a, b = two()
        projection = net.connect(a, b, ns.random(p), weight=ns.normal(0.1, 0.01), procedural=True)
        size[p] = projection.pool.nbytes
        assert not any(isinstance(v, np.ndarray) and v.size >= len(projection) for v in vars(projection.pool).values())
        assert "0 bytes a synapse" in repr(projection) and f"synapses {len(projection):,}" in repr(projection)
    assert size[0.1] == size[0.4] == size[0.8] < 300  # bytes for 1,200, 4,800 and 9,600 synapses


def test_reads_draw_the_synapses_again():
    net, a, b = two()
    projection = net.connect(a[5:], b[:280], ns.random(0.1), weight=0.5, procedural=True)
    e = projection.edges()
    pairs = set(zip(e.pre.tolist(), e.post.tolist(), strict=True))
    n = len(projection)
    assert len(pairs) == n == net.n_synapses == projection.to_scipy().nnz == len(projection.to_pandas())
    assert projection.to_networkx().number_of_edges() == n
    assert np.array_equal(projection.out_degree(), np.bincount(e.pre - a.uid[0], minlength=40))
    assert np.array_equal(projection.in_degree(), np.bincount(e.post - b.uid[0], minlength=300))
    asked = [(i, j) for i in a.uid[:9].tolist() for j in b.uid[::30].tolist()]
    assert projection.has_edge(*zip(*asked, strict=True)).tolist() == [pair in pairs for pair in asked]
    assert set(projection.weight) == {0.5} and set(projection.delay) == {1.0}
    assert len(projection.select(e.pre == 7)) == int((e.pre == 7).sum()) == projection.out_degree()[7]
    assert net.region_matrix().matrix.sum() == n


def test_a_save_keeps_the_recipe_and_no_synapse(tmp_path):
    net, spikes = balanced(True, pieces=(20.0,))
    net.store()
    net.save(str(tmp_path / "save"))
    assert not [f.name for f in (tmp_path / "save").iterdir() if "pool" in f.name]
    other = ns.load(str(tmp_path / "save"))
    heard = other.record(list(other.populations.values()), "spikes")
    net.run(20.0)
    other.run(20.0)
    late = spikes.step > 200
    assert np.array_equal(heard.step, spikes.step[late]) and np.array_equal(heard.uid, spikes.uid[late])
    assert heard.step.size > 0 and other.n_synapses == net.n_synapses
    for name, projection in net.projections.items():
        assert columns(projection) == columns(other.projections[name]) and other.projections[name].procedural
    ring = net.engine.ring.copy()
    net.restore()
    net.run(20.0)
    assert np.array_equal(ring, net.engine.ring)


# ---- populations that change, and what is refused --------------------------------------------------------------------


def test_newborn_neurons_have_no_procedural_synapse_and_the_others_keep_theirs():
    net, a, b = two()
    projection = net.connect(a, b, ns.random(0.1), procedural=True)
    before = columns(projection)
    a.add(500)
    b.add(900)
    assert columns(projection) == before
    assert projection.out_degree()[40:].tolist() == [0] * 500 and projection.in_degree()[300:].sum() == 0


def test_disconnecting_takes_back_what_is_on_its_way():
    net = ns.Network(dt=0.1, seed=SEED)
    a = net.add_population("a", ns.SpikeSource(index=[0, 1, 1], time=[1.0, 1.2, 1.5]), 2)
    b = net.add_population("b", ns.LIF(tau_m=math.inf, v_th=math.inf), 300)
    projection = quietly(net, a, b, ns.random(0.5), weight=0.25, delay=ns.uniform(0.2, 3.0))
    net.run(1.6)
    arrived, on_its_way = b.v.sum(), net.engine.ring.sum()
    assert arrived > 0 and on_its_way > 0
    n = len(projection)
    assert net.disconnect(projection) == n and net.n_synapses == 0
    assert not net.engine.ring.any()
    net.run(5.0)
    assert b.v.sum() == arrived
    assert not [p for p in net.engine.pools if isinstance(p, ImplicitPool)]


@pytest.mark.parametrize(
    ("rule", "options", "message"),
    [
        (
            ns.fixed_indegree(5),
            {},
            r"procedural=True draws ns.random\(p\) or ns.all_to_all\(\), got fixed_indegree\(5\)",
        ),
        (ns.random(0.1), {"plasticity": ns.PairSTDP()}, "keeps no synapses, so it cannot have plasticity="),
        (ns.random(0.1), {"dtype": "float32"}, "cannot have dtype='float32'; leave out dtype"),
        (ns.random(0.1), {"release": 0.5}, "cannot have release=0.5"),
        (ns.random(0.1), {"weight": [0.1, 0.2]}, r"a->b|a -> b\)\.weight: procedural=True takes one number"),
        (ns.random(0.1), {"delay": ns.normal(1.0, 0.1)}, "needs to know the longest delay; .* such as high=5.0"),
        (ns.random(0.1), {"delay": 0.05}, "must be at least 0.1 ms"),
        (ns.random(0.1), {"delay": 1e9}, "is too long at dt = 0.1 ms"),
    ],
)
def test_what_needs_stored_synapses_is_refused(rule, options, message):
    net, a, b = two()
    with pytest.raises((ParameterError, WiringError), match=message):
        net.connect(a, b, rule, procedural=True, **options)
    assert not net.projections and not net.engine.pools


def test_a_sign_that_the_receptor_does_not_take_is_refused():
    net, a, b = two(model=ns.LIFCond())
    name = next(k for k, sign in b.model.physics.receptors.items() if sign > 0)
    with pytest.raises(ParameterError, match=r"takes positive weights .* may be negative; give it low=0.0"):
        net.connect(a, b, ns.random(0.1), weight=ns.normal(0.5, 0.2), receptor=name, procedural=True)
    with pytest.raises(WiringError, match="take the whole population or a slice"):
        net.connect(a[::2], b, ns.random(0.1), procedural=True)


def test_edits_are_refused_where_they_are_asked_for():
    net, a, b = two()
    projection = net.connect(a, b, ns.random(0.1), procedural=True)
    before = columns(projection)
    for edit in (
        lambda: projection.insert(a.uid[0], b.uid[0]),
        lambda: projection.insert_allowed(a.uid[0], b.uid[0]),
        lambda: projection.remove([0]),
        lambda: setattr(projection, "weight", 0.3),
        lambda: setattr(projection, "delay", 0.3),
        lambda: a.remove(a.uid[:1]),
        lambda: b.remove(b.uid[:1]),
        lambda: net.add(ns.Prune(projection, threshold=0.1, every=10.0)),
        lambda: net.add(ns.HomeostaticGrowth(net.connect([a, b], b, ns.random(0.2), procedural=True), target_rate=5.0)),
        lambda: net.disconnect(a[:3], b),
    ):
        with pytest.raises(WiringError, match="procedural, drawn again for every spike and not stored"):
            edit()
    for question in (
        lambda: projection.sample(3, 1),
        lambda: projection.synapse(int(before[0][0]), int(before[1][0])),
        lambda: projection.number(projection.edges()),
        lambda: projection.want_birth(),
        lambda: projection.weakest(1),
    ):
        with pytest.raises(WiringError, match="a procedural projection keeps no synapses"):
            question()
    net.run(1.0)
    assert columns(projection) == before and not hasattr(projection.pool, "packed")


def test_a_projection_without_synapses_is_said():
    net, a, b = two()
    with pytest.warns(NeurosimWarning, match=r"random\(0\) made no synapse|made no synapse"):
        assert len(net.connect(a, b, ns.random(0.0), procedural=True)) == 0
    net.run(1.0)
