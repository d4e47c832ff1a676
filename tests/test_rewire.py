"""Rewiring: the number of synapses stays, what goes is the plain selection, what comes is drawn as it is said."""

import math

import numpy as np
import pytest
from wired import QUIET, clocked, pairs, with_weights

import neurosim as ns
from neurosim.errors import ParameterError

# ---- what goes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choose", ["weakest", "random", "each sign", "function"])
def test_rewiring_keeps_the_number_and_the_rules_of_the_projection(choose):
    net, _, p = with_weights(30)
    total = len(p)
    before = dict(zip(pairs(p), p.weight.tolist(), strict=True))
    how = (lambda edges: edges.pre - 100.0 * edges.post) if choose == "function" else choose
    net.add(ns.Rewire(p, n=11, choose=how, every=10.0, weight=0.77))
    net.run(10.0)
    assert len(p) == total
    after = dict(zip(pairs(p), p.weight.tolist(), strict=True))
    assert len(after) == total  # no parallel one
    kept = {pair for pair, w in after.items() if w != 0.77}
    assert all(after[pair] == before[pair] for pair in kept)
    assert total - len(kept) == 11
    assert all(i != j for i, j in after)
    gone = {pair for pair in before if pair not in kept}
    if choose == "weakest":
        assert sorted(abs(before[pair]) for pair in gone) == sorted(np.abs(list(before.values())))[:11]
    if choose == "function":
        assert gone == set(sorted(before, key=lambda pair: pair[0] - 100 * pair[1])[:11])
    if choose == "each sign":
        positive, negative = (sorted(abs(w) for w in before.values() if (w >= 0) == side) for side in (True, False))
        share = math.floor(11 * len(positive) / total + 0.5)
        assert sorted(before[pair] for pair in gone if before[pair] >= 0) == positive[:share]
        assert sorted(-before[pair] for pair in gone if before[pair] < 0) == negative[: 11 - share]
        assert 3 < share < 8
    net.run(290.0)
    assert len(p) == total
    assert net.history.born == net.history.died == 30 * 11


def test_shares_and_numbers_may_change_with_time():
    net, _, p = with_weights(30)
    total = len(p)
    cosine = ns.structural.schedules.cosine(0.3, 200.0)
    net.add(ns.Rewire(p, fraction=cosine, every=50.0))
    net.run(300.0)
    right = [round(0.15 * (1 + math.cos(math.pi * min(ms, 200.0) / 200.0)) * total) for ms in range(50, 301, 50)]
    assert [int((net.history.t[net.history.kind == 1] == ms).sum()) for ms in range(50, 301, 50)] == right
    assert right[:2] == [round(0.256066 * total), round(0.15 * total)] and right[3:] == [0, 0, 0]
    net.add(ns.Rewire(p, n=lambda ms: ms / 100.0, every=50.0))
    net.run(100.0)
    assert net.history.born - sum(right) == round(3.5) + 4
    assert len(p) == total


# ---- what comes ------------------------------------------------------------------------------------------------------


def test_rewiring_by_share_draws_new_pairs_uniformly():
    made = np.zeros((15, 15))
    for seed in range(60):
        net, _, p = with_weights(15, seed, p=0.2, weight=1.0)
        n = len(p)
        net.add(ns.Rewire(p, fraction=1.0, choose="random", every=10.0))
        net.run(10.0)
        assert len(p) == n
        made[p.pre, p.post] += 1
    assert not made.diagonal().any()
    off = made[~np.eye(15, dtype=bool)]
    q = off.mean() / 60
    assert abs(((off - off.mean()) ** 2).sum() / (60 * q * (1 - q)) - off.size) < 4.5 * math.sqrt(2 * off.size)


def test_a_function_draws_in_proportion_or_takes_the_best():
    """One synapse each time, all pairs candidates: chances 1 : 2 : 3 by target, none onto the others; or the largest."""
    made = np.zeros(6)

    def ramp(pre, post):
        return np.where(post < 3, post + 1.0, 0.0) * (pre == 5)

    net, _, p = with_weights(6, weight=0.5)
    p.remove()
    p.insert(3, 4, weight=0.5)
    for _ in range(200):
        net.engine.step += 1
        ns.Rewire(p, n=1, grow=ramp, candidates=40).advance(net)
        assert p.pre.tolist() == [5]
        made[p.post] += 1
    assert np.abs(made / 200 - np.array([1, 2, 3, 0, 0, 0]) / 6).max() < 4.5 * math.sqrt(0.25 / 200)
    ns.Rewire(p, n=1, grow=ramp, pick="best", candidates=40).advance(net)
    assert pairs(p) == [(5, 2)]


def test_where_fewer_pairs_are_allowed_fewer_are_rewired():
    net, _, p = with_weights(10, weight=ns.uniform(0.1, 1.0))
    total = len(p)
    free = [(i, j) for i in range(10) for j in range(10) if i != j and (i, j) not in pairs(p)]
    weights = np.sort(p.weight)
    ns.Rewire(p, n=20, grow=lambda pre, post: post == 3, weight=5.0, candidates=100).advance(net)
    allowed = sum(j == 3 for _, j in free)
    assert len(p) == total
    assert (p.post[p.weight == 5.0] == 3).all()
    assert 1 < (p.weight == 5.0).sum() == allowed
    assert np.array_equal(np.sort(p.weight)[:-allowed], weights[allowed:])
    ns.Rewire(p, n=20, grow=lambda pre, post: 0.0 * post).advance(net)
    assert len(p) == total


def two_assemblies():
    """(network, projection): 20 neurons, the even and the odd ones driven by a train each of 12 spikes in a second."""
    net = ns.Network(seed=3)
    rng = np.random.default_rng(1)
    trains = [np.sort(rng.choice(np.arange(1, 50), 12, replace=False)) * 20.0 - 10.0 for _ in range(2)]
    source = net.add_population("source", ns.SpikeSource(index=np.repeat([0, 1], 12), time=np.concatenate(trains)), 2)
    pop = net.add_population("pop", ns.LIF(v_th=10.0, v_reset=0.0, e_l=0.0), 20)
    net.connect(source, pop, ns.condition(lambda i, j: j % 2 == i), weight=100.0, delay=0.1)
    return net, net.connect(pop, pop, ns.random(0.2), weight=0.01)


def test_coincident_firing_attracts_synapses():
    """All new synapses of a run join neurons that fire together, and the score is the covariance of counts in bins."""
    net, p = two_assemblies()
    total, first = len(p), p.source.uid[0]
    rewire = net.add(ns.Rewire(p, n=10, grow="coincidence", every=1000.0, weight=0.0, candidates=20))
    spikes = net.record("pop", "spikes")
    net.run(1000.0)
    born = p.weight == 0.0
    assert len(p) == total
    assert born.sum() == 10
    assert ((p.pre[born] - p.post[born]) % 2 == 0).all()
    counts = np.zeros((20, 50))
    np.add.at(counts, (spikes.uid - first, ((spikes.t - 0.1) // 20.0).astype(int)), 1)
    assert counts.sum() == 240
    rewire.step, rewire._spikes = 0, (spikes.step, spikes.uid)
    i, j = np.divmod(np.arange(400), 20)
    right = np.cov(counts, bias=True).ravel()
    assert rewire._covariance(net, first + i, first + j) == pytest.approx(right)


def test_rewiring_keeps_the_number_where_hardly_a_pair_is_free():
    net, _, p = with_weights(20, 1, p=1.0, weight=ns.uniform(0.0, 1.0))
    net.add(ns.Rewire(p, n=30, every=10.0, weight=2.0))
    net.run(10.0)
    assert len(p) == 380
    assert (p.weight == 2.0).sum() == 30  # only the pairs that were lost are free
    net.add(ns.Rewire(p, n=7, every=10.0, weight=3.0, grow=lambda pre, post: 1.0 + 0 * pre))
    p.remove(np.arange(60))
    net.run(100.0)
    assert len(p) == 320
    assert (p.pre != p.post).all()
    assert len(set(pairs(p))) == 320


def test_rewiring_of_parallel_synapses_keeps_their_number():
    net = ns.Network(seed=1)
    pop = net.add_population("pop", QUIET, 6)
    i = np.repeat(np.arange(5), 10)
    p = net.connect(pop, pop, ns.from_edges((i, i + 1)), weight=1.0, parallel=True)
    net.add(ns.Rewire(p, n=20, choose="random", every=10.0))
    net.add(ns.Rewire(p, n=5, every=10.0, grow=lambda pre, post: pre + 1.0))
    net.run(50.0)
    assert len(p) == 50
    assert (p.pre != p.post).all()
    assert len(set(pairs(p))) > 15


# ---- saving, mistakes ------------------------------------------------------------------------------------------------


def nearby(pre, post):
    return np.exp(-np.abs(pre - post + 8) / 3.0)


def by_number(edges):
    return (edges.pre * 7 + edges.post * 3) % 5


@pytest.mark.parametrize(
    "options",
    [
        {"fraction": 0.1, "choose": "each sign"},
        {"n": 5, "choose": by_number, "grow": nearby},
        {"fraction": ns.structural.schedules.cosine(0.2, 300.0), "grow": "coincidence", "bin": 5.0, "weight": 0.0},
    ],
    ids=["set", "functions", "rigl"],
)
def test_rewiring_is_the_same_cut_saved_and_loaded(options, tmp_path):
    def build():
        if options.get("grow") == "coincidence":
            net, p = two_assemblies()
            net.add(ns.Rewire(p, every=20.0, **options))
            return net, p
        net, p = clocked([0.0, 5.0, 10.0, 20.0, 40.0, 80.0, 25.0, 50.0], 1000.0, n=30, weight=ns.uniform(-1.0, 1.0))
        ns.Prune(p, score="random", budget=150).advance(net)
        net.add(ns.Rewire(p, every=20.0, **options))
        return net, p

    def events(net):
        h = net.history
        return [np.array(getattr(h, name)).tolist() for name in ("step", "kind", "pre", "post", "weight")]

    whole, cut = build()[0], build()[0]
    whole.run(300.0)
    assert whole.history.born > 70
    for piece in (13.1, 86.9, 27.3):
        cut.run(piece)
    cut.save(str(tmp_path / "saved"))
    loaded = ns.load(str(tmp_path / "saved"), functions={"nearby": nearby, "by_number": by_number})
    for net in (cut, loaded):
        net.run(172.7)
        assert events(net) == events(whole)


def test_rewire_says_what_it_needs():
    net, pop, p = with_weights(3)
    for options, said in (
        ({}, r"Rewire: give either fraction=0.1 or n=100"),
        (
            {"n": 3, "choose": "oldest"},
            r"Rewire.choose: must be a function f\(edges\) or one of weakest, each sign, random, got 'oldest'",
        ),
        ({"n": 3, "choose": "wakest"}, r"Did you mean 'weakest'\?"),
        ({"n": 3, "grow": "near"}, r"Rewire.grow: must be 'random', 'coincidence' or a function"),
        ({"n": 3, "grow": "coincidence", "pick": "likely"}, r"Rewire.pick: a covariance may be negative"),
        ({"n": 3, "pick": "all"}, r"Rewire.pick: must be 'best' or 'likely'"),
        ({"n": 3, "in_flight": "keep"}, r"Rewire.in_flight: must be 'drop' or 'deliver'"),
        ({"fraction": 1.5}, r"Rewire.fraction: a probability must lie in"),
        ({"share": 0.1}, r"Rewire has no parameter 'share'"),
    ):
        with pytest.raises(ParameterError, match=said):
            ns.Rewire(p, **options)
    with pytest.raises(ParameterError, match=r"Rewire\(projection\): needs one projection"):
        ns.Rewire([p], n=1)
    for grow, said in (
        (lambda i, j: -1.0 * i - 1, "finite and not negative"),
        (lambda i, j: np.ones(2), r"one weight for each of \d+ pairs"),
    ):
        with pytest.raises(ParameterError, match=said):
            ns.Rewire(p, n=1, grow=grow).advance(net)
