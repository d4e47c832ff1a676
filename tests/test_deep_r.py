"""DEEP R: exactly K synapses after every call, signs that stay, noise of the given size, and what it is good for."""

import math

import numpy as np
import pytest
from scipy import stats
from wired import QUIET, clocked, pairs, with_weights

import neurosim as ns
from neurosim.errors import ParameterError


def call(net, *processes):
    """A step in which nobody fires, and then these processes: much faster than a run for each call."""
    net.engine.step += 1
    for process in processes:
        process.advance(net)


def signs_by_pair(p):
    return {pair: math.copysign(1.0, w) for pair, w in zip(pairs(p), p.weight, strict=True)}


@pytest.mark.parametrize(
    ("sign", "calls"),
    [
        ("projection", 100),
        ("source", 100),
        ("pair", 100),
        ("function", 100),
        pytest.param("pair", 10_000, marks=pytest.mark.slow),
    ],
)
def test_the_number_is_exact_after_every_call_and_no_sign_ever_changes(sign, calls, sized):
    """Looked at after each call: K synapses, no pair twice, no autapse, each pair with the one sign it ever had."""
    calls = sized(calls, 30)
    net = ns.Network(dt=1.0, seed=4)
    pop = net.add_population("pop", QUIET, 12)
    p = net.connect(pop, pop, ns.random(0.3), weight=ns.uniform(0.1, 1.0))
    if sign == "projection":
        p.weight = -p.weight
    elif sign == "source":
        p.weight = np.where(p.pre < 5, -1.0, 1.0) * p.weight
    elif sign != "projection":
        p.weight = np.where((p.pre + p.post) % 3 == 0, -1.0, 1.0) * p.weight
    given = (lambda pre, post: np.where((pre + post) % 3 == 0, -1, 1)) if sign == "function" else sign
    k, known = len(p), {}
    deep = net.add(ns.DeepR(p, every=1.0, temperature=0.05, l1=0.2, learning_rate=0.1, sign=given))

    def look(net):
        now = signs_by_pair(p)
        assert len(p) == len(now) == k
        assert all(i != j for i, j in now)
        assert all(known.setdefault(pair, one) == one for pair, one in now.items())

    look(net)
    for _ in range(calls):
        call(net, deep)
        look(net)
    assert net.history.died == net.history.born > 2 * calls
    if calls >= 100:
        assert len(known) > 0.9 * 132  # it has been nearly everywhere
    if sign == "projection":
        assert set(known.values()) == {-1.0}
    if sign == "source":
        assert all((one < 0) == (i < 5) for (i, _), one in known.items())
    if sign == "pair":
        assert abs(np.mean(list(known.values()))) < 0.6
    assert repr(deep).startswith(f"DeepR('pop->pop', K={k}, T=0.05, l1=0.2, eta=0.1, sign by ")


def test_one_call_is_the_equation():
    """Far from zero nobody dies: the step is -eta alpha + sqrt(2 eta T) N(0, 1), whose sample passes a Kolmogorov-Smirnov test."""
    net, _, p = with_weights(60, p=0.9, weight=-5.0)
    net.add(ns.DeepR(p, every=1.0, temperature=0.02, l1=0.5, learning_rate=0.3))
    before = pairs(p)
    net.run(1.0)
    assert pairs(p) == before
    step = np.abs(p.weight) - 5.0
    assert stats.kstest((step + 0.15) / math.sqrt(2 * 0.3 * 0.02), "norm").pvalue > 1e-3
    first = p.weight
    net.run(1.0)
    assert abs(np.corrcoef(first + 5.0, p.weight - first)[0, 1]) < 4.5 / math.sqrt(len(p))


def test_without_noise_exactly_those_die_that_the_pull_takes_and_newborns_are_anywhere():
    net, _, p = with_weights(20, weight=ns.uniform(0.0, 1.0))
    before = dict(zip(pairs(p), p.weight.tolist(), strict=True))
    ns_deep = net.add(ns.DeepR(p, every=10.0, temperature=0.0, l1=1.0, learning_rate=0.3))
    net.run(10.0)
    after = dict(zip(pairs(p), p.weight.tolist(), strict=True))
    assert len(after) == len(before) == ns_deep.count
    old = {pair: w - 0.3 for pair, w in before.items() if w >= 0.3}
    assert {pair: after[pair] for pair in old} == pytest.approx(old)
    assert all(after[pair] == 0.0 for pair in set(after) - set(old))
    assert 30 < len(set(after) - set(old)) < 90


def test_newborns_are_uniform_over_the_pairs_without_a_synapse():
    made = np.zeros((10, 10))
    calls = 150
    net, _, p = with_weights(10, p=0.3, weight=0.1)
    k = len(p)
    deep = net.add(ns.DeepR(p, every=1.0, temperature=0.0, l1=1.0, learning_rate=1.0))
    for _ in range(calls):  # all die at every call
        call(net, deep)
        made[p.pre, p.post] += 1
    off = made[~np.eye(10, dtype=bool)]
    q = k / 90
    assert not made.diagonal().any()
    assert abs(((off - calls * q) ** 2).sum() / (calls * q * (1 - q)) - 89) < 4.5 * math.sqrt(2 * 89)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_plastic_projection_learns_between_calls_within_its_bounds(dtype):
    """Depression takes synapses of sources that fire across zero, so that they die; those of silent sources stay."""
    net, p = clocked([0.0] * 5 + [50.0] * 5, 2000.0, n=8)
    pop, source = net.populations["pop"], net.populations["source"]
    net.disconnect(p)
    rule = ns.PairSTDP(a_plus=0.0, a_minus=0.02, w_min=0.0, w_max=1.0)
    p = net.connect(source, pop, ns.random(0.5), weight=ns.uniform(0.5, 1.0), plasticity=rule, dtype=dtype, delay=1.0)
    k, deep = len(p), ns.DeepR(p, every=10.0, temperature=0.002, l1=0.2, learning_rate=0.05)
    net.add(deep)
    seen = []
    net.add(ns.Callback(lambda net: seen.append((len(p), p.weight.min(), p.weight.max())), every=10.0))
    net.run(1000.0)
    assert {n for n, _, _ in seen} == {k}
    assert min(low for _, low, _ in seen) >= 0.0
    assert max(high for _, _, high in seen) <= 1.0
    assert net.history.died > 50
    p.remove(np.arange(5))
    free = [(i, j) for i in source.uid for j in pop.uid if (i, j) not in pairs(p)]
    p.insert([free[0][0], free[1][0]], [free[0][1], free[1][1]], weight=0.5)
    net.run(10.0)
    assert len(p) == k  # filled up
    i, j = np.array([(i, j) for i in source.uid for j in pop.uid if (i, j) not in pairs(p)][:12]).T
    p.insert(i, j, weight=0.9)
    net.run(10.0)
    assert len(p) == k  # the surplus has gone
    assert (p.weight[p.weight > 0.8]).size >= 8
    with pytest.raises(ParameterError, match=r"DeepR.sign: weights of sign -1 lie outside the bounds \[0, 1\]"):
        net.add(
            ns.DeepR(p, every=10.0, temperature=0.1, l1=0.1, learning_rate=0.1, sign=lambda pre, post: -1.0 + 0 * pre)
        )


def test_what_learning_drives_across_zero_dies():
    net, _, p = with_weights(20, weight=ns.uniform(0.5, 1.0))
    k = len(p)
    marked = set(pairs(p)[:30])
    net.add(
        ns.Callback(
            lambda net: setattr(p, "weight", np.where(np.arange(k) < 30, -0.2, p.weight)) if net.now == 5.0 else None,
            every=5.0,
        )
    )
    net.add(ns.DeepR(p, every=10.0, temperature=0.0, l1=0.0, learning_rate=0.1))
    net.run(10.0)
    assert len(p) == k
    assert net.history.died == 30
    h = net.history
    assert {(i, j) for i, j, kind in zip(h.pre.tolist(), h.post.tolist(), h.kind, strict=True) if kind == -1} == marked
    assert p.weight.min() >= 0.0


@pytest.mark.slow
def test_negative_newborns_find_their_receptor():
    """With a receptor for each sign a newborn inhibitory synapse must be one, though its weight is as good as zero."""
    net = ns.Network(seed=2)
    pop = net.add_population("pop", ns.LIFExp(v_th=math.inf), 12)
    p = net.connect(pop, pop, ns.random(0.3), weight=ns.uniform(0.1, 1.0))
    p.remove()
    i, j = np.divmod(np.arange(144), 12)
    use = (i != j) & ((i * 5 + j) % 3 == 0)
    p.insert(i[use], j[use], weight=np.where(i[use] < 4, -1.0, 1.0) * 0.3)
    net.add(ns.DeepR(p, every=1.0, temperature=0.05, l1=0.1, learning_rate=0.1, sign="source"))
    k = len(p)
    net.run(100.0)
    assert len(p) == k
    assert net.history.died > 100
    assert (np.sign(p.weight[p.weight != 0]) == np.where(p.pre[p.weight != 0] < 4, -1, 1)).all()


@pytest.mark.parametrize("sign", ["pair", "source"])
def test_deep_rewiring_is_the_same_cut_saved_and_loaded(sign, tmp_path):
    def build():
        net, pop, p = with_weights(20, p=0.2, weight=ns.uniform(0.1, 1.0))
        p.weight = np.where(p.pre % 3 == 0, -1.0, 1.0) * p.weight
        net.add(ns.DeepR(p, every=10.0, temperature=0.05, l1=0.2, learning_rate=0.1, sign=sign))
        net.add(ns.Callback(coming_and_going, every=70.0))
        return net, p

    def events(net):
        h, p = net.history, net.projections["pop->pop"]
        graph = [p.pre.tolist(), p.post.tolist(), p.weight.tolist()]
        return graph + [np.array(getattr(h, name)).tolist() for name in ("step", "kind", "pre", "post", "weight")]

    whole, cut = build()[0], build()[0]
    whole.run(300.0)
    assert whole.history.born > 70
    for piece in (13.1, 86.9, 27.3):
        cut.run(piece)
    cut.save(str(tmp_path / "saved"))
    loaded = ns.load(str(tmp_path / "saved"), functions={"coming_and_going": coming_and_going})
    for net in (cut, loaded):
        net.run(172.7)
        assert events(net) == events(whole)


def coming_and_going(net):
    pop = net.populations["pop"]
    pop.remove(pop.uid[3:5])
    pop.add(1)


def regression(seed, how, calls):
    """Squared error of a sparse linear map, 24 of 240 weights, learnt by gradient steps on the 36 synapses that exist."""
    rng = np.random.default_rng(seed)
    teacher = np.zeros((12, 20))
    teacher.flat[rng.choice(240, 24, replace=False)] = 1.0
    net = ns.Network(dt=1.0, seed=seed)
    pre, post = net.add_population("pre", QUIET, 20), net.add_population("post", QUIET, 12)
    p = net.connect(pre, post, ns.fixed_total(36), weight=0.0)

    def student():
        edges, whole = p.edges(), np.zeros((12, 20))
        at = edges.post - post.uid[0], edges.pre - pre.uid[0]
        whole[at] = edges.weight
        return edges, at, whole

    def learn(net):
        """One step of gradient descent on 8 examples; only weights of synapses that exist change."""
        x = net.rng("examples").normal(size=(8, 20))
        edges, at, now = student()
        gradient = (x @ (now - teacher).T).T @ x / 8
        edges.set_weight(edges.weight - 0.05 * gradient[at])

    processes = [net.add(ns.Callback(learn, every=1.0))]
    if how == "deep":
        processes.append(net.add(ns.DeepR(p, every=1.0, temperature=1e-5, l1=0.02, learning_rate=0.05)))
    for k in range(1, calls + 1):
        call(net, *processes)
        if how == "random" and k % 10 == 0 and k <= 0.9 * calls:
            ns.Rewire(p, n=2, choose="random", weight=0.0).advance(net)
        if how == "weakest" and k % 10 == 0 and k <= 0.9 * calls:
            ns.Rewire(p, n=2, choose="weakest", weight=0.0).advance(net)
    assert len(p) == 36
    return ((student()[2] - teacher) ** 2).sum()


def test_deep_rewiring_finds_the_connections_that_a_task_needs(sized):
    """More than random rewiring, and more than none, by far more than 3 standard errors."""
    n, calls = sized(4, 3), 60
    error = {how: np.array([regression(seed, how, calls) for seed in range(n)]) for how in ("deep", "random", "none")}
    for how in ("random", "none"):
        better = error[how] - error["deep"]
        assert better.mean() > 3 * better.std(ddof=1) / math.sqrt(n)
