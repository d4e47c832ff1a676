"""Pruning: against plain selections, closed forms of survival, and what the theories of pruning found."""

import math

import numpy as np
import pytest
from scipy import stats
from wired import QUIET, clocked, pairs, with_weights

import neurosim as ns
from neurosim.errors import ParameterError, WiringError

# ---- scores ----------------------------------------------------------------------------------------------------------


def test_pruning_by_weight_is_the_plain_selection():
    net, _, p = with_weights()
    right = sorted((i, j, w) for (i, j), w in zip(pairs(p), p.weight.tolist(), strict=True) if abs(w) >= 0.3)
    net.add(ns.Prune(p, threshold=0.3, every=10.0))
    net.run(10.0)
    assert sorted((i, j, w) for (i, j), w in zip(pairs(p), p.weight.tolist(), strict=True)) == right
    assert 50 < len(right) < 190


def test_a_budget_takes_the_weakest_first_and_keep_stops_it():
    net, _, p = with_weights()
    ranked = sorted(np.abs(p.weight))
    net.add(ns.Prune(p, threshold=0.3, budget=7, every=10.0))
    net.run(30.0)
    assert sorted(np.abs(p.weight)) == ranked[21:]
    net, _, p = with_weights()
    net.add(ns.Prune(p, budget=7, keep=len(p) - 17, every=10.0))
    net.run(50.0)
    assert sorted(np.abs(p.weight)) == ranked[17:]


def test_a_function_scores_and_a_function_or_a_condition_qualifies():
    net, _, p = with_weights()
    right = [(i, j) for i, j in pairs(p) if (i + 2 * j) % 10 >= 4 or j < 5]

    def wheel(edges):
        return (edges.pre + 2 * edges.post) % 10

    net.add(ns.Prune(p, score=wheel, where=lambda edges: edges.post >= 5, threshold=4.0, every=10.0))
    net.run(10.0)
    assert pairs(p) == right
    net.add(ns.Prune(p, where=ns.condition(lambda i, j: i > j), every=10.0))
    net.run(10.0)
    assert pairs(p) == [(i, j) for i, j in right if i < j]


@pytest.mark.parametrize("group", [False, True])
def test_a_quantile_is_the_lowest_share_of_all_or_of_each_target(group):
    """Against sorting in plain Python; a list of projections is pruned as one."""
    net, pop, p = with_weights()
    parts = [p, net.connect(pop, pop, ns.random(0.2), weight=ns.uniform(0.0, 0.5))] if group else [p]

    def listed():
        return [
            (abs(w), j, k, i) for k, one in enumerate(parts) for (i, j), w in zip(pairs(one), one.weight, strict=True)
        ]

    before = listed()
    net.add(one := ns.Prune(parts if group else p, quantile=0.3, every=10.0))
    net.run(10.0)
    after = sorted(before)[math.floor(0.3 * len(before) + 0.5) :]
    assert sorted(listed()) == after
    net.remove(one)
    net.add(ns.Prune(parts if group else p, quantile=0.3, per_target=True, every=10.0))
    net.run(10.0)
    right = []
    for target in range(20):
        own = sorted(e for e in after if e[1] == target)
        right += own[math.floor(0.3 * len(own) + 0.5) :]
    assert sorted(listed()) == sorted(right)


def test_equal_scores_are_told_apart_by_chance():
    """A quarter of equal synapses: each place is as likely to go (chi-square), and not the first ones."""
    gone = np.zeros((10, 10))
    for seed in range(60):
        net, _, p = with_weights(10, seed, p=1.0, weight=1.0)
        net.add(ns.Prune(p, quantile=0.25, per_target=bool(seed % 2), every=10.0))
        net.run(10.0)
        assert len(p) == 90 - (20 if seed % 2 else 23)  # 9 onto each: round(2.25) = 2
        gone += 1
        gone[p.pre, p.post] -= 1
    off = gone[~np.eye(10, dtype=bool)]
    q = off.mean() / 60
    spread = ((off - off.mean()) ** 2).sum() / (60 * q * (1 - q))
    assert abs(spread - off.size) < 4.5 * math.sqrt(2 * off.size)


def test_pruning_of_what_is_not_used():
    """Sources at 0, 5 and 50 Hz, pruned below 20 Hz; the trace starts at twice the threshold, so that all have time to fire."""
    net, p = clocked([0.0, 5.0, 50.0], 3000.0)
    net.add(ns.Prune(p, score="usage", threshold=20.0, tau_usage=500.0, every=100.0))
    net.run(200.0)
    assert len(p) == 12
    net.run(1800.0)
    assert set(p.pre.tolist()) == {2}
    assert len(p) == 4
    net, pop, p = with_weights(2, p=1.0)
    net.add(ns.Prune(p, score="usage", threshold=1.0, every=100.0))
    net.run(2_000.0)
    assert len(p) == 0
    born = pop.add(1)
    p.insert(born.uid, pop.uid[:2], weight=0.5)
    net.run(100.0)
    assert len(p) == 2
    net.run(2_000.0)
    assert len(p) == 0


@pytest.mark.parametrize(("score", "side"), [("usage", "pre"), ("silence", "post")])
def test_usage_ranks_sources_and_silence_ranks_targets(score, side):
    """Neurons fire 20, 5, 40 and 10 times; the budget of one neuron's synapses goes through them from below."""
    net = ns.Network(seed=1)
    four, three = (net.add_population(name, QUIET, n) for name, n in (("four", 4), ("three", 3)))
    p = net.connect(*((four, three) if side == "pre" else (three, four)), ns.all_to_all(), weight=0.5)
    prune = net.add(ns.Prune(p, score=score, budget=3))
    net.run(10.0)
    uid = np.random.default_rng(1).permutation(np.repeat(four.uid, [20, 5, 40, 10]))
    prune.observe(net, np.arange(1, 76), uid)  # as if they had fired within 7.5 ms
    for left in ([0, 2, 3], [0, 2], [2], []):
        prune.advance(net)
        assert np.unique(getattr(p, side)).tolist() == left
    assert not hasattr(ns.Prune(p, threshold=0.1), "observe")  # the network keeps no spikes for those that need none


@pytest.mark.slow
def test_the_variables_of_a_rule_are_scores():
    rule = ns.RewardSTDP(w_max=2.0)
    net = ns.Network(seed=1)
    pop = net.add_population("pop", QUIET, 12)
    dopamine = net.add_population("dopamine", ns.Modulator(tau=200.0), 1)
    p = net.connect(pop, pop, ns.all_to_all(), weight=0.5, plasticity=rule, modulator=dopamine)
    e = np.random.default_rng(3).normal(size=len(p))
    for score, right in (("eligibility", np.abs(e) >= 0.7), ("e", e >= 0.7)):
        net.store()
        p.set_variable("e", e)
        before = pairs(p)
        ns.Prune(p, score=score, threshold=0.7).advance(net)
        assert pairs(p) == [pair for pair, stays in zip(before, right, strict=True) if stays]
        net.restore()
    with pytest.raises(ParameterError, match=r"one of weight, .*random, e for 'pop->pop', got 'ee'"):
        ns.Prune(p, score="ee", threshold=1.0)


# ---- ages, hazards, spikes on their way ------------------------------------------------------------------------------


def test_pruning_by_age_and_its_protection():
    net, _, p = with_weights(6)
    net.add(ns.Prune(p, older_than=25.0, every=10.0))
    p.remove(pre=0)
    net.run(8.0)
    p.insert(0, [1, 2, 3], weight=0.01)
    net.run(14.0)  # 22 ms: the others are 22 old
    assert len(p) > 3
    net.run(10.0)  # at 30 ms the first are 30 old, the newborn 22
    assert pairs(p) == [(0, 1), (0, 2), (0, 3)]
    net.run(10.0)  # at 40: 32 old
    assert len(p) == 0
    net, _, p = with_weights(6)
    net.add(ns.Prune(p, threshold=10.0, protect_age=20.0, every=10.0))
    total = len(p)
    net.run(10.0)
    assert len(p) == total
    net.run(10.0)
    assert len(p) == 0


def test_conditions_must_all_be_met():
    net, _, p = with_weights()
    weak = np.abs(p.weight) < 0.5
    net.add(ns.Prune(p, threshold=0.5, older_than=15.0, every=10.0))
    net.run(10.0)
    assert len(p) == weak.size
    net.run(10.0)
    assert len(p) == (~weak).sum()


def test_a_hazard_takes_its_share_and_only_of_what_qualifies():
    net, _, p = with_weights(80, 7, p=1.0, weight=ns.uniform(0.0, 1.0))
    strong = int((p.weight >= 0.5).sum())
    weak = len(p) - strong
    net.add(ns.Prune(p, threshold=0.5, hazard=4.0, every=50.0))
    counts = net.record(p, "edges", every=50.0)
    net.run(500.0)
    alive = counts.count - strong
    chance = np.exp(-4.0 * 0.05 * np.arange(1, alive.size + 1))
    assert np.abs(alive - weak * chance).max() < 4.5 * math.sqrt(weak) / 2
    dead = -np.diff(np.append(weak, alive))
    left = np.append(weak, alive[:-1])
    q = -math.expm1(-0.2)
    assert stats.chi2.sf((((dead - left * q) ** 2) / (left * q * (1 - q))).sum(), dead.size) > 1e-3
    assert (p.weight >= 0.5).sum() == strong


def test_two_hazards_on_one_projection_add_up():
    """Two processes that drew alike would take max(q, q') of the synapses instead of q + q' - q q'."""
    net, _, p = with_weights(80, 7, p=1.0)
    total = len(p)
    for _ in range(2):
        net.add(ns.Prune(p, hazard=10.0, every=50.0))
    net.run(50.0)
    right = math.exp(-1.0)
    assert abs(len(p) / total - right) < 4.5 * math.sqrt(right * (1 - right) / total)


@pytest.mark.parametrize("per_target", [False, True])
def test_microglia_let_the_less_used_afferents_fade_at_the_analytic_rate(per_target, sized):
    """Afferents A fire at 20 Hz and B at 5 Hz, hazard lam exp(-score / s0): the share b of B obeys
    logit b(t) = logit b(0) - (h_B - h_A) t.  The score is the usage (Hz); in competition, usage over the mean of the target.
    """
    n = sized(60, 40)
    net, p = clocked([20.0] * 20 + [5.0] * 20, 2100.0, n=n)
    lam, s0, rates = 0.8, 1.0 if per_target else 8.0, np.array([20.0, 5.0])
    how = {"score": "usage", "tau_usage": 5000.0, "per_target": per_target, "every": 250.0}
    prune = net.add(ns.Prune(p, hazard=lambda score: lam * np.exp(-score / s0), **how))
    prune.trace.rate = np.repeat(rates, 20)  # as if they had long fired
    seen, expected, alive = [], [], np.full(2, 20.0 * n)
    for _ in range(8):
        net.run(250.0)
        b = (p.pre >= 20).sum()
        seen.append([len(p) - b, b])
        mean = (alive * rates).sum() / alive.sum() if per_target else 1.0
        alive = alive * np.exp(-lam * np.exp(-rates / mean / s0) * 0.25)
        expected.append(alive)
    seen, expected = np.array(seen), np.array(expected)
    assert (np.abs(seen - expected) < 4.0 * np.sqrt(expected * (1 - expected / (20.0 * n)))).all()
    if not per_target:  # exactly exponential
        rate = lam * (math.exp(-5.0 / s0) - math.exp(-20.0 / s0))
        logit, se = np.log(seen[:, 1] / seen[:, 0]), np.sqrt((1.0 / seen).sum(axis=1))
        assert (np.abs(logit + rate * 0.25 * np.arange(1, 9)) < 4.0 * se).all()
        assert logit[-1] < -10 * se[-1]


def test_pruned_synapses_deliver_as_is_asked():
    for in_flight, arrives in (("drop", 0.0), ("deliver", 3.0)):
        net = ns.Network()
        source = net.add_population("source", ns.SpikeSource(index=[0], time=[9.0]), 1)
        pop = net.add_population("pop", ns.LIF(tau_m=math.inf, v_th=math.inf), 1)
        p = net.connect(source, pop, ns.all_to_all(), weight=3.0, delay=5.0)
        net.add(ns.Prune(p, threshold=4.0, every=10.0, in_flight=in_flight))
        net.run(20.0)
        assert len(p) == 0
        assert pop.v[0] == arrives


def test_pruning_goes_on_after_a_reset_and_ends_with_its_projections():
    net, _, p = with_weights(8)
    net.add(ns.Prune(p, score="usage", threshold=1.0, tau_usage=100.0, every=50.0))
    net.run(40.0)
    before = len(p)
    net.reset()
    net.run(50.0)
    assert len(p) == before
    net.run(200.0)
    assert len(p) == 0
    net, pop, p = with_weights(8)
    q = net.connect(pop, pop, ns.random(0.5), weight=1.0)
    prune = net.add(ns.Prune([p, q], budget=5, every=10.0))
    net.disconnect(p)
    net.run(10.0)
    assert net.history.counts(q.name) == (0, 5)
    net.disconnect(q)
    assert prune not in net.processes


# ---- budgets over time -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "tau"), [("constant", None), ("decreasing", None), ("increasing", 70.0), ("decreasing", 2000.0)]
)
def test_budgets_have_an_exact_total_and_exponential_rates(kind, tau):
    make = getattr(ns.structural.schedules, kind)
    for total, every in ((1000, 10.0), (7, 25.0), (333, 70.0)):  # 70 ms does not divide the duration
        budget = make(total, 500.0, every, start=50.0, **({} if tau is None else {"tau": tau}))
        ms = 50.0 + every * np.arange(1, math.ceil(500.0 / every) + 3)
        n = np.array([budget(one) for one in ms])
        assert n.sum() == total
        assert (n >= 0).all()
        assert budget(50.0) == budget(0.0) == budget(1e6) == 0
        growth = {"constant": 0.0, "decreasing": -1.0, "increasing": 1.0}[kind] / (tau or 125.0)
        whole = int(500.0 // every)
        right = np.exp(growth * every * np.arange(whole)) / (
            np.expm1(growth * 500.0) / np.expm1(growth * every) if growth else 500.0 / every
        )
        assert np.abs(n[:whole] - total * right).max() <= 1.0


def test_a_budget_over_time_removes_its_total():
    net, _, p = with_weights(30, p=1.0)
    total = len(p)
    net.add(ns.Prune(p, budget=ns.structural.schedules.decreasing(400, 200.0, 10.0), every=10.0))
    left = net.record(p, "edges", every=10.0)
    net.run(300.0)
    assert len(p) == total - 400
    gone = -np.diff(np.append(total, left.count))
    assert gone[0] == 74  # 400 (1 - exp(-1/5)) / (1 - exp(-4)) = 73.86
    assert (np.diff(gone[:20]) <= 1).all()  # ever fewer, up to rounding
    assert not gone[20:].any()


# ---- what the theories of pruning found ------------------------------------------------------------------------------


def above_zero(differences):
    """Whether the mean of each column is positive by more than 3 standard errors."""
    mean, sd = differences.mean(axis=0), differences.std(axis=0, ddof=1)
    return mean > 3 * sd / math.sqrt(len(differences))


def recalled(weights, patterns, rng):
    """Mean share of a pattern that comes back from a cue with a third of its neurons exchanged; a tenth of all may be active."""
    n, k, shares = len(weights), int(patterns[0].sum()), []
    for pattern in patterns:
        on, off = np.flatnonzero(pattern), np.flatnonzero(~pattern)
        active = pattern.copy()
        active[rng.choice(on, k // 3, replace=False)] = False
        active[rng.choice(off, k // 3, replace=False)] = True
        for _ in range(10):
            active = np.isin(np.arange(n), np.argsort(-(weights @ active), kind="stable")[:k])
        shares.append((active & pattern).sum() / k)
    return np.mean(shares)


def memory(score, seed, n, left):
    """Recall of an associative memory for sparse patterns (Tsodyks & Feigelman), pruned ever further by this score."""
    rng = np.random.default_rng(seed)
    patterns = np.zeros((3 * n // 10, n), bool)
    for pattern in patterns:
        pattern[rng.choice(n, n // 10, replace=False)] = True
    stored = (patterns - 0.1).T @ (patterns - 0.1)
    net, _, p = with_weights(n, seed, p=1.0, weight=1.0)
    p.weight = stored[p.post, p.pre]
    total, shares = len(p), []
    for share in left:
        ns.Prune(p, score=score, quantile=1.0, keep=round(share * total)).advance(net)
        assert len(p) == round(share * total)
        weights = np.zeros((n, n))
        weights[p.post, p.pre] = p.weight
        shares.append(recalled(weights, patterns[:20], np.random.default_rng(seed)))
    return shares


def test_deletion_of_the_smallest_keeps_memories_that_random_deletion_loses(sized):
    """Chechik, Meilijson & Ruppin (1998): at 50 to 5 % remaining synapses recall is better, each by more than 3 SE."""
    left, n, seeds = (0.5, 0.3, 0.2, 0.1, 0.05), sized(150, 60), range(5)
    smallest, chance = (np.array([memory(score, seed, n, left) for seed in seeds]) for score in ("weight", "random"))
    assert above_zero(smallest - chance).all()
    assert smallest[:, 0].mean() > 0.8  # half of the synapses are hardly missed


def distances(graph):
    """Steps from each node to each along the edges of a bool matrix, inf where there is no way."""
    reached = front = np.eye(len(graph), dtype=bool)
    steps, k = np.where(reached, 0.0, np.inf), 0
    while front.any():
        front = (front.astype(float) @ graph > 0) & ~reached
        reached, k = reached | front, k + 1
        steps[front] = k
    return steps


def developed(kind, seed, n=40, looks=20):
    """(efficiency, robustness) of a network that prunes what messages do not use (Navlakha, Barth & Bar-Joseph 2015).

    All pairs are connected at first.  Messages from a random node of the first half to one of the second take a shortest way,
    and count on the edges that they use; 20 times the least used edges go, at a rate that falls, stays or rises, until 3 per
    node are left.  Efficiency: mean of 1 / distance over all pairs of the halves.  Robustness: the share of pairs with a way
    when one node is missing.
    """
    net, _, p = with_weights(n, seed, p=1.0, weight=1.0)
    rng, half, used = np.random.default_rng(seed), n // 2, np.zeros((n, n))
    budget = getattr(ns.structural.schedules, kind)(len(p) - 3 * n, float(looks), 1.0)

    def graph():
        whole = np.zeros((n, n), bool)
        whole[p.pre, p.post] = True
        return whole

    prune = ns.Prune(p, score=lambda edges: used[edges.pre, edges.post], budget=budget)
    for k in range(looks):
        edges = graph()
        steps = distances(edges)
        for _ in range(50):
            at, target = int(rng.integers(half)), half + int(rng.integers(half))
            while at != target and np.isfinite(steps[at, target]):
                after = rng.choice(np.flatnonzero(edges[at] & (steps[:, target] == steps[at, target] - 1)))
                used[at, after] += 1
                at = after
        net.engine.step = round((k + 1) / net.dt)
        prune.advance(net)
    assert len(p) == 3 * n
    robust = []
    for gone in range(n):
        edges, stays = graph(), np.arange(n) != gone
        edges[gone] = edges[:, gone] = False
        robust.append(
            np.isfinite(distances(edges)[stays & (np.arange(n) < half)][:, stays & (np.arange(n) >= half)]).mean()
        )
    return (1 / distances(graph())[:half, half:]).mean(), np.mean(robust)


def test_pruning_at_a_falling_rate_makes_the_most_efficient_and_robust_networks(sized):
    """Falling beats constant and rising in both, each by more than 3 SE, at the same final number of edges."""
    n, seeds = sized(40, 20), range(6)
    falling, constant, rising = (
        np.array([developed(kind, s, n) for s in seeds]) for kind in ("decreasing", "constant", "increasing")
    )
    assert above_zero(falling - constant).all()
    assert above_zero(falling - rising).all()


# ---- saving, cutting, mistakes ---------------------------------------------------------------------------------------


def fading(score):
    return 5.0 * np.exp(-score / 0.2)


def odd(edges):
    return edges.pre % 2 == 1


def coming_and_going(net):
    """Two targets die; one is born, and hears four sources."""
    pop, p = net.populations["pop"], net.projections["source->pop"]
    pop.remove(pop.uid[3:5])
    p.insert(np.arange(4), np.full(4, pop.add(1).uid[0]), weight=0.3)


@pytest.mark.parametrize(
    "options",
    [
        {"score": "usage", "hazard": 2.0, "threshold": 30.0, "tau_usage": 200.0},
        {"score": "random", "quantile": 0.02, "protect_age": 40.0},
        {"hazard": fading, "where": odd, "per_target": True},
        {"budget": ns.structural.schedules.increasing(60, 400.0, 20.0), "keep": 20},
        {"score": "silence", "quantile": 0.05},
    ],
    ids=["usage", "random", "hazard", "budget", "silence"],
)
def test_pruning_is_the_same_cut_saved_and_loaded(options, tmp_path):
    def build():
        net, p = clocked([0.0, 5.0, 10.0, 20.0, 40.0, 80.0], 1000.0, n=30, weight=ns.uniform(0.1, 1.0))
        net.add(ns.Prune(p, every=20.0, **options))
        net.add(ns.Callback(coming_and_going, every=90.0))
        return net, p

    def events(net):
        h = net.history
        return [np.array(getattr(h, name)).tolist() for name in ("step", "kind", "pre", "post", "weight")]

    whole, cut = build()[0], build()[0]
    whole.run(400.0)
    assert whole.history.died > 5
    for piece in (13.1, 186.9, 27.3):
        cut.run(piece)
    cut.save(str(tmp_path / "saved"))
    loaded = ns.load(str(tmp_path / "saved"), functions={one.__name__: one for one in (fading, odd, coming_and_going)})
    for net in (cut, loaded):
        net.run(172.7)
        assert events(net) == events(whole)


def test_prune_says_what_it_needs():
    _, pop, p = with_weights(3)
    for options, said in (
        ({}, r"Prune: says nothing to prune by; give threshold=0.02"),
        ({"keep": 5}, r"says nothing to prune by"),
        ({"threshold": -1.0}, r"Prune.threshold: no score 'weight' lies below -1; .*threshold=0.02"),
        (
            {"threshold": 0.1, "quantile": 0.1},
            r"threshold=0.1 and quantile=0.1 contradict each other; .*net.add\(ns.Prune",
        ),
        ({"quantile": 5}, r"Prune.quantile: a share must lie in \(0, 1\], got 5; quantile=0.05 is 5 %"),
        ({"score": "usage", "older_than": 5.0}, r"Prune.score: 'usage' is compared with nothing; .*budget=100"),
        ({"threshold": 0.1, "per_target": True}, r"Prune.per_target: competition needs a share.*quantile=0.05"),
        ({"hazard": -0.1}, r"Prune.hazard: must not be negative \(1/s\), got -0.1"),
        ({"budget": 1.5}, r"Prune.budget: must be a whole number"),
        ({"where": 3}, r"Prune.where: must be a function of edges, got 3; for example where=lambda edges"),
        (
            {"score": "eligibility", "threshold": 1.0},
            r"the plasticity of 'pop->pop' keeps no eligibility trace; .*RewardSTDP",
        ),
        ({"score": "wieght", "threshold": 1.0}, r"got 'wieght'. Did you mean 'weight'\?"),
        ({"threshold": 1.0, "in_flight": "keep"}, r"Prune.in_flight: must be 'drop' or 'deliver'"),
        ({"below": 1.0}, r"Prune has no parameter 'below'; known: projection, every, score"),
    ):
        with pytest.raises(ParameterError, match=said):
            ns.Prune(p, **options)
    with pytest.raises(ParameterError, match=r"Prune\(projection\): needs a projection"):
        ns.Prune(pop, threshold=1.0)
    with pytest.raises(ParameterError, match=r"names a projection twice"):
        ns.Prune([p, p], threshold=1.0)
    for options, said in (
        (
            {"score": lambda e: e.weight[:2], "threshold": 1.0},
            r"Prune.score\(edges\): must give one number for each of \d edges, got .*\(2,\)",
        ),
        ({"score": lambda e: e.weight * np.nan, "threshold": 1.0}, r"Prune.score\(edges\): gave NaN for"),
        ({"where": lambda e: e.weight}, r"Prune.where\(edges\): must give a bool for each of \d edges, got float64"),
        ({"hazard": lambda s: -s}, r"Prune.hazard\(score\): a rate \(1/s\) must not be negative"),
        ({"budget": lambda ms: -ms - 1}, r"Prune.budget\(ms\): must not be negative"),
    ):
        with pytest.raises(ParameterError, match=said):
            ns.Prune(p, **options).advance(p.network)
    with pytest.raises(WiringError, match="belongs to another network"):
        ns.Network().add(ns.Prune([p, with_weights(3)[2]], threshold=1.0))
