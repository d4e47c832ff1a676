"""Weights of few bits: pools of codes against lists, networks against float64 twins, bytes from the arrays, and few-bit learning."""

import warnings

import numpy as np
import pytest
from marks import compiled_slowly
from test_graph import Fuzz, Twin

import neurosim as ns
from neurosim.engine.coded_pool import STORES, CodedPool, grid
from neurosim.engine.pools import Wire
from neurosim.errors import NeurosimWarning, ParameterError
from neurosim.kernels.compiled import JIT
from neurosim.learning.margin import MarginRule
from neurosim.memory import few_bits

GRIDS = ("int8", "4bit", "2bit", "1bit")
NAMED = {
    "int8": (-1.0, 0.5),
    "4bit": (-1.1, 1.1),
    "2bit": (0.0, 3.1),
    "1bit": (-0.3, 0.75),
}  # no weight of test_graph lies halfway


# ---- the pool --------------------------------------------------------------------------------------------------------


def nearest(store):
    """The weight that a store keeps for a number, found by looking at all that it has."""
    if store == "float16":
        return lambda w: float(np.float16(w))
    low, high = NAMED.get(store, (0.25, 0.25))
    has = grid(store, low, high)
    return lambda w: float(has[np.argmin(np.abs(has - w))])


class CodedTwin(Twin):
    def __init__(self, store):
        super().__init__("float64")
        self.dtype = nearest(store)


class CodedFuzz(Fuzz):
    """The edits and questions of test_graph, to a pool of codes."""

    def __init__(self, seed, store, batch, most, columns=200, n_rows=40):
        super().__init__(seed, "float64", batch, most, columns, n_rows)
        self.pool, self.twin = coded_pool(store, n_rows, 20), CodedTwin(store)
        self.twin.rows = [[] for _ in range(n_rows)]

    def set_values(self):
        row, slot = self.some_edges(20)
        weight = self.rng.normal(size=row.size)
        if self.pool.bits == 0:
            weight[:] = 0.25
        if row.size:
            self.pool.set_weights(row, slot, weight)
        for r, s, w in zip(row, slot, weight, strict=True):
            edge = self.twin.rows[r][s]
            self.twin.rows[r][s] = (*edge[:2], self.twin.dtype(w), *edge[3:])
        if self.pool.extra.size:
            self.pool.extra[self.pool.places_of(row, slot)] = 2.0
            for r, s in zip(row, slot, strict=True):
                self.twin.rows[r][s] = (*self.twin.rows[r][s][:4], 2.0)


def coded_pool(store, n_rows, column_bits=24):
    """A pool with one wire, as the engine would set it up."""
    pool = CodedPool(store=store)
    pool.column_bits = column_bits
    low, high = NAMED.get(store, (0.25, 0.25))
    pool.wires = [Wire(0, 0, 0, 0, n_rows, low=low, high=high)]
    if pool.bits < 16:
        has = grid(store, low, high)
        pool.levels, pool.values = np.array([has.size]), np.full((1, 1 << pool.bits), has[-1])
        pool.values[0, : has.size] = has
    pool.add_rows(n_rows)
    return pool


@pytest.mark.parametrize("store", STORES)
def test_fuzz_any_edits_leave_what_lists_leave(store):
    batch, most, count = (100, 1_000, 8_000) if JIT else (30, 100, 800)
    CodedFuzz(2, store, batch, most).run(count)


@pytest.mark.slow
@pytest.mark.parametrize("store", STORES)
def test_fuzz_many_more_edits(store):
    batch, most, count = (3_000, 12_000, 150_000) if JIT else (50, 300, 3_000)
    CodedFuzz(3, store, batch, most, columns=20).run(count)


def test_grids_hold_what_they_promise():
    assert grid("4bit", -1.0, 1.0).tolist() == [k / 7 for k in range(-7, 8)]
    assert grid("2bit", -1.0, 1.0).tolist() == [-1.0, 0.0, 1.0] and grid("1bit", -1.0, 1.0).tolist() == [-1.0, 1.0]
    assert grid("2bit", 0.0, 3.0).tolist() == [0.0, 1.0, 2.0, 3.0] and grid("int8", 0.0, 1.0).size == 256
    for store in GRIDS:
        low, high = 0.1, 0.7
        has = grid(store, low, high)
        assert has[0] == low and has[-1] == high and (np.diff(has) > 0).all()


def test_every_half_precision_number_is_decoded_exactly():
    half = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    half = half[np.isfinite(half)][:: 1 if JIT else 97]
    pool = CodedPool(store="float16")
    pool.wires = [Wire(0, 0, 0, 0, 1)]
    pool.add_rows(1)
    pool.build(0, 1, np.zeros(half.size, int), 1, 1, half.astype(np.float64))
    assert np.array_equal(pool.edges()[4], half.astype(np.float64))


def test_stochastic_rounding_keeps_the_mean_and_nearest_does_not():
    """Mean of 20,000 roundings of a weight 0.3 of the way between two values: 0.3 +- 4 sigma."""
    n = 20_000
    for store in (*GRIDS, "float16"):
        pool = coded_pool(store, 1)
        low, high = (grid(store, *NAMED[store])[:2]) if store in NAMED else (1.0, 1.0 + 2.0**-10)
        weight = np.full(n, low + 0.3 * (high - low))
        chance = np.random.default_rng(5).random(n)
        share = (pool.decode(0, pool.encode(0, weight, chance)) - low) / (high - low)
        assert set(np.round(share, 9)) == {0.0, 1.0} and abs(share.mean() - 0.3) < 4 * np.sqrt(0.21 / n)
        assert (pool.decode(0, pool.encode(0, weight)) == low).all()


@pytest.mark.parametrize(
    ("store", "most"), [("float16", 6.5), ("int8", 5.5), ("4bit", 5.0), ("2bit", 4.75), ("1bit", 4.5), ("one", 4.5)]
)
def test_bytes_of_a_static_synapse(store, most):
    """After compact(), from the arrays, in rows of about 100 (random) and of 129 (one more than a power of two)."""
    rng = np.random.default_rng(7)
    n_rows = 1_000 if JIT else 60
    for n in (rng.poisson(100, n_rows), np.full(n_rows, 129), rng.poisson(1_000, n_rows // 10)):
        pool = coded_pool(store, n.size)
        row = np.repeat(np.arange(n.size), n)
        weight = 0.25 if store == "one" else rng.uniform(*NAMED.get(store, (0.0, 1.0)), row.size)
        pool.build(0, n.size, row, rng.integers(0, 500, row.size), 1, weight)
        before = pool.edges()
        pool.compact()
        pool.check()
        assert all(np.array_equal(a, b) for a, b in zip(before, pool.edges(), strict=True))
        held = (*pool.table, *pool.columns, pool.words, pool.grid, pool.values, pool.free)
        assert pool.nbytes == sum(a.nbytes for a in held)
        small = 1_000 / n.sum() if not JIT else 0.0  # the tables of a pool count where there are few synapses
        assert pool.bytes_per_synapse - (pool.values.nbytes + pool.free.nbytes) / n.sum() * (not JIT) <= most + small


# ---- networks --------------------------------------------------------------------------------------------------------


def network(dtype, weight, n=60, p=0.3, delay=None, seed=3, model=None, **options):
    """A noisy recurrent network; weights that are rounded are not complained about."""
    net = ns.Network(dt=0.1, seed=seed)
    cells = net.add_population("cells", model or ns.LIF(tau_m=10.0), n)
    net.stimulate(cells, ns.PoissonInput(rate=4000.0, weight=1.5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NeurosimWarning)
        synapses = net.connect(
            cells, cells, ns.random(p), weight=weight, delay=delay or ns.uniform(1.0, 3.0), dtype=dtype, **options
        )
    return net, cells, synapses


def weights_for(dtype):
    return 0.4 if dtype == "one" else ns.uniform(-0.5, 0.8)


@pytest.mark.parametrize("dtype", STORES)
@pytest.mark.parametrize(("release", "delay"), [(1.0, None), (1.0, 1.5), (0.5, None)])
def test_spikes_are_those_of_a_float64_network_with_the_decoded_weights(dtype, release, delay):
    if not JIT and (release, delay) != (1.0, None):
        pytest.skip("the compiler is off: once is enough")
    runs = []
    for one in (dtype, "float64"):
        net, cells, synapses = network(one, weights_for(one if one == dtype else dtype), release=release, delay=delay)
        if one == "float64":
            synapses.weight = runs[0][1]
        decoded, spikes = synapses.weight.copy(), net.record(cells, "spikes")
        net.run(60.0 if JIT else 8.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NeurosimWarning)
            synapses.remove(np.arange(len(synapses)) % 3 == 0)  # with spikes on their way
            if dtype != "one":
                synapses.edges()[np.arange(0, len(synapses), 2)].set_weight(decoded[3])
        net.run(40.0 if JIT else 4.0)
        runs.append((spikes, decoded, net.engine.ring.copy(), synapses.weight))
    (a, decoded, ring, left), (b, _, twin_ring, twin_left) = runs
    assert len(a.t) > (500 if JIT else 20) and np.array_equal(a.t, b.t) and np.array_equal(a.uid, b.uid)
    assert np.array_equal(ring, twin_ring) and np.array_equal(left, twin_left)
    assert np.unique(decoded).size == {"one": 1, "1bit": 2, "2bit": 4, "4bit": 16}.get(dtype, np.unique(decoded).size)


@compiled_slowly
@pytest.mark.parametrize("dtype", STORES)
def test_two_threads_deliver_what_one_does(dtype):
    """Rows are cut in two, and joined again, with spikes on their way and notes on them."""
    runs = []
    for threads in ((1, 1, 1), (2, 1, 2)):
        net, cells, synapses = network(dtype, weights_for(dtype))
        spikes, duration = net.record(cells, "spikes"), 20.0 if JIT else 3.0
        for many in threads:
            net.run(duration, threads=many)
            assert net.threads_used == many
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NeurosimWarning)
                synapses.weight = 0.3 if dtype == "one" else np.roll(synapses.weight, 1)
            synapses.remove(np.arange(len(synapses)) % 9 == 0)
            net.engine.pools[0].check()
        runs.append((spikes.t, spikes.uid, synapses.weight, synapses.post))
    assert runs[0][0].size > (100 if JIT else 5)
    assert all(np.array_equal(a, b) for a, b in zip(*runs, strict=True))


def living(dtype):
    """Growth, pruning and DeepR on one projection each, neurons that come and go, a save in between."""
    net, cells, synapses = network(dtype, ns.uniform(-1.0, 1.0) if dtype != "one" else 0.5, p=0.2)
    more = net.connect(cells, cells, ns.random(0.1), weight=0.5, dtype=dtype, name="more")
    net.add(ns.HomeostaticGrowth(more, target_rate=40.0, every=5.0, weight=0.5))
    net.add(ns.Prune(synapses, threshold=0.1, every=10.0))
    return net, cells, synapses, more


@pytest.mark.parametrize("dtype", ["int8", "4bit", "1bit", "one", "float16"])
def test_structural_rules_and_saves(dtype, tmp_path):
    net, cells, synapses, more = living(dtype)
    born = len(more)
    net.run(30.0 if JIT else 6.0)
    cells.remove(cells.uid[::7])
    cells.add(5)
    assert len(more) != born
    for pool in net.engine.pools:
        pool.check()
    net.save(tmp_path / "kept")
    again = ns.load(tmp_path / "kept")
    spikes = [one.record(one.populations["cells"], "spikes") for one in (net, again)]
    for one in (net, again):
        one.run(20.0 if JIT else 4.0)
    assert np.array_equal(spikes[0].t, spikes[1].t) and np.array_equal(spikes[0].uid, spikes[1].uid)
    for p in net.projections.values():
        q = again.projections[p.name]
        assert q.pool.store == dtype and np.array_equal(p.weight, q.weight) and np.array_equal(p.post, q.post)


def test_deep_r_moves_weights_on_the_grid():
    net = ns.Network(dt=0.1, seed=1)
    a, b = net.add_population("a", ns.LIF(), 20), net.add_population("b", ns.LIF(), 20)
    p = net.connect(a, b, ns.random(0.4), weight=64 / 127, dtype="int8", w_min=-1.0, w_max=1.0)
    p.rounding, n = "stochastic", len(p)
    net.add(ns.DeepR(p, every=1.0, temperature=1e-3, l1=1e-3, learning_rate=1.0))
    net.run(5.0)
    assert len(p) == n and np.isin(p.weight, grid("int8", -1.0, 1.0)).all() and np.unique(p.weight).size > 3


def test_weakest_and_weaker_are_those_of_the_decoded_weights():
    for dtype in (*GRIDS, "float16"):
        _, _, p = network(dtype, weights_for(dtype), model=ns.LIF(tau_m=10.0))
        w = np.abs(p.weight)
        assert len(p.weaker_than(0.2)) == (w < 0.2).sum() == p.pool.weaker_than(0.2)[0].size
        post = int(p.post[0])
        found = p.weakest(3, [post])
        assert np.array_equal(np.abs(found.weight), np.sort(w[p.post == post])[:3])


def test_reads_sets_and_handles():
    net, _, p = network("4bit", 0.0, w_min=-1.0, w_max=1.0)
    with pytest.warns(
        NeurosimWarning, match=r"15 values from -1 to 1, 0.142857 apart; rounded to the nearest, by up to 0.05"
    ):
        p.weight = 0.48
    assert (p.weight == 3 / 7).all()
    p.weight = 3 / 7  # on the grid: nothing to say
    p.edges().set_weight(0.5, rounding="stochastic")
    share = (p.weight == 4 / 7).mean()
    assert set(p.weight) == {3 / 7, 4 / 7} and abs(share - 0.5) < 4 * 0.5 / np.sqrt(len(p))
    first = p.weight
    p.edges().set_weight(0.5, rounding="stochastic")
    assert not np.array_equal(first, p.weight)  # another draw at the same step
    other = network("4bit", 0.0, w_min=-1.0, w_max=1.0)[2]
    other.edges().set_weight(0.5, rounding="stochastic")
    assert np.array_equal(other.weight, first)  # keyed by seed, step and pair
    handle = p.synapse(int(p.pre[5]), int(p.post[5]))
    handle.weight = 1.0
    p.remove(np.arange(5))
    net.compact()
    assert handle.weight == 1.0 and p.weight[0] == 1.0
    p.delay = 2.0
    assert (p.delay == 2.0).all() and "on a grid from -1 to 1" in p.card()["weights"] and "4bit" in p.card()["weights"]


def test_weights_of_one_projection_do_not_touch_those_of_another():
    net = ns.Network(dt=0.1, seed=1)
    a = net.add_population("a", ns.LIF(), 30)
    p = net.connect(a, a, ns.random(0.3), weight=0.7, dtype="2bit")
    q = net.connect(a, a, ns.random(0.3), weight=-3.0, dtype="2bit")
    assert p.pool is q.pool and (p.weight == 0.7).all() and (q.weight == -3.0).all()
    q.weight = -1.0
    net.disconnect(p)
    assert (q.weight == -1.0).all()


def test_one_weight_for_a_projection():
    net, _, p = network("one", 0.4)
    assert p.pool.words.nbytes == p.pool.weight.nbytes == 0 and (p.weight == 0.4).all()
    net.run(10.0)
    p.weight = 0.6
    assert (p.weight == 0.6).all() and p.insert(
        [0], [int(np.setdiff1d(np.arange(1, 60), p.post[p.pre == 0])[0])], weight=0.6
    ) == 1
    for act in (
        lambda: setattr(p, "weight", np.arange(len(p)) * 0.1), lambda: p.edges()[[0, 1, 2]].set_weight(0.5),
        lambda: network("one", ns.uniform(0.0, 1.0)),
        lambda: p.insert([1], [int(np.setdiff1d(np.arange(2, 60), p.post[p.pre == 1])[0])], weight=0.5),
    ):  # fmt: skip
        with pytest.raises(ParameterError, match="dtype='one' keeps one weight for the whole projection"):
            act()


def test_estimates_count_bits():
    net = ns.Network()
    a = net.add_population("a", ns.LIF(), 100)
    size = {d: net.estimate(a, a, ns.random(0.5), dtype=d)["bytes"] for d in ("float64", *STORES)}
    per = {d: s / (5_000 * 1.1) for d, s in size.items()}
    assert per == pytest.approx(
        {"float64": 12, "float16": 6, "int8": 5, "4bit": 4.5, "2bit": 4.25, "1bit": 4.125, "one": 4}, rel=0.02
    )


# ---- wording ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "4bit", "weight": ns.normal(0.5, 0.1)}, ["no bounds", "4bit", "w_min=0.0, w_max=1.0"]),
        ({"dtype": "int8", "weight": 2.0, "w_min": 0.0, "w_max": 1.0}, ["2 lies outside [0, 1]", "w_min", "int8"]),
        ({"dtype": "int8", "weight": 0.0}, ["two finite bounds", "w_min=0.0"]),
        ({"dtype": "1bit", "w_min": 1.0, "w_max": 0.0}, ["w_min below w_max", "w_min=1.0"]),
        ({"dtype": "float32", "w_min": 0.0}, ["w_min and w_max are for dtype 'int8'", "float32"]),
        ({"dtype": "float16", "weight": 1e5}, ["100000 lies outside", "float16", "dtype='float32'"]),
        ({"dtype": "one", "w_max": 1.0}, ["leave them out"]),
        ({"dtype": "one", "plasticity": ns.PairSTDP()}, ["is for static synapses", "float32"]),
        ({"dtype": "float16", "plasticity": ns.PairSTDP()}, ["is for static synapses"]),
        ({"dtype": "4bit", "plasticity": ns.PairSTDP(), "w_max": 1.0}, ["those of the rule", "ns.PairSTDP(w_min=..., w_max=...)"]),
        ({"dtype": "3bit"}, ["float64, float32, float16, int8, 4bit, 2bit, 1bit, one", "3bit"]),
    ],
)  # fmt: skip
def test_what_a_store_cannot_hold_is_refused(options, words):
    net = ns.Network()
    a = net.add_population("a", ns.LIF(), 10)
    with pytest.raises(ParameterError) as error:
        net.connect(a, a, ns.random(0.5), **options)
    assert not [word for word in words if word not in str(error.value)], str(error.value)


def test_rounding_is_said_once_and_other_stores_do_not_round():
    net = ns.Network()
    a = net.add_population("a", ns.LIF(), 30)
    with pytest.warns(NeurosimWarning) as said:
        p = net.connect(a, a, ns.random(0.5), weight=ns.uniform(0.0, 1.0), dtype="2bit")
    assert len(said) == 1 and "4 values from 0 to 1, 0.333333 apart; rounded to the nearest, by up to 0.16" in str(
        said[0].message
    )
    p.weight = 0.34  # a smaller error: said already
    with pytest.raises(ParameterError, match="must be 'nearest' or 'stochastic', got 'up'"):
        p.rounding = "up"
    q = net.connect(a, a, ns.random(0.5))
    with pytest.raises(
        ParameterError, match=r"is for static weights of few bits \(or float16\), and these are float64; leave it out"
    ):
        q.edges().set_weight(0.5, rounding="nearest")


# ---- learning --------------------------------------------------------------------------------------------------------


def test_the_margin_rule_is_its_formula():
    """One example: every output whose margin is missed moves its active weights by the rate, the others stay."""
    net, p = few_bits.readout(4, "float64", 1, 30)
    start = np.random.default_rng(1).normal(size=(30, 4))
    p.weight = start.ravel()
    rule, active = MarginRule(p, 0.1), np.array([2, 5, 11, 29])
    score = start[active].sum(axis=0) / 2.0
    assert np.allclose(rule.score(active), score, rtol=0, atol=1e-14)
    missed = np.where(np.arange(4) == 2, score, -score) < 1.0
    assert rule.learn(active, 2) == missed.sum() > 0
    expected = start.copy()
    for i in active:
        expected[i, missed] += 0.1 * np.where(np.arange(4) == 2, 1.0, -1.0)[missed]
    assert np.array_equal(p.weight.reshape(30, 4), expected)
    shown = few_bits.scores(net, np.stack([active, active + 0]))
    assert np.allclose(shown, expected[active].sum(axis=0), rtol=0, atol=1e-12)


def test_stochastic_rounding_learns_where_nearest_rounding_erases_every_update():
    rng = np.random.default_rng(4)
    cells, kinds = (400, 4) if JIT else (60, 3)
    middle = [rng.permutation(cells)[: cells // 10] for _ in range(kinds)]
    labels = np.tile(np.arange(kinds), 30 if JIT else 8)
    codes = np.stack(
        [
            np.sort(rng.permutation(np.union1d(middle[k], rng.permutation(cells)[: cells // 10]))[: cells // 10])
            for k in labels
        ]
    )
    half = labels.size // 2
    train, test = np.arange(half), np.arange(half, labels.size)
    found = {
        rounding: few_bits.read_digits(codes, labels, train, test, "4bit", 1, rounding=rounding, passes=5, cells=cells)
        for rounding in ("stochastic", "nearest")
    }  # fmt: skip
    assert (
        found["nearest"].kept == 0.0
        and not found["nearest"].weight.any()
        and found["nearest"].error == pytest.approx(1.0)
    )
    assert abs(found["stochastic"].kept - 1.0) < 0.1
    assert found["stochastic"].accuracy > found["nearest"].accuracy + 0.3


@pytest.mark.skipif(not JIT, reason="takes 20 s without the compiler")
def test_the_quick_benchmark_shows_what_the_full_one_does():
    pytest.importorskip("sklearn")
    from benchmarks import few_bits as bench

    rows = [row for row in bench.SMALL if row[0] in ("float64", "4bit")]
    found = bench.table(1, quick=True, rows=rows)
    right = {key[:2]: ones[0].accuracy for key, ones in found.items()}
    assert right["4bit", "nearest"] < 0.2 < 0.75 < right["4bit", "stochastic"]
    assert len(bench.told(found)) == 4 and right["float64", None] > 0.85
