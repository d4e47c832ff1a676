"""Rules against closed forms and brute force, exact counts, edges that do not depend on other targets, and wording."""

import doctest
import math

import networkx
import numpy as np
import pandas
import pytest
import scipy.sparse

from neurosim import wiring
from neurosim.distributions import normal
from neurosim.errors import ParameterError, WiringError
from neurosim.wiring import (
    all_to_all,
    as_rule,
    condition,
    distance,
    fixed_indegree,
    fixed_outdegree,
    fixed_total,
    from_edges,
    nth_among_parallels,
    one_to_one,
    random,
    small_world,
)

KEY = 987


def within(rule, n, *, key=KEY, autapses=False, parallel=False, positions=None):
    """Edges of a population with itself."""
    uid = np.arange(n) + 1000
    return rule.draw(key, n, n, uid, uid, True, autapses, parallel, positions, positions)


def between(rule, n_pre, n_post, *, key=KEY, parallel=False, pre_positions=None, post_positions=None):
    """Edges from one population to another."""
    pre, post = np.arange(n_pre), np.arange(n_post) + n_pre
    return rule.draw(key, n_pre, n_post, pre, post, False, False, parallel, pre_positions, post_positions)


def pairs(edges):
    return list(zip(edges.pre.tolist(), edges.post.tolist(), strict=True))


def spread(count, n, p):
    """How many standard deviations a Binomial(n, p) count lies from its mean."""
    return abs(count - n * p) / math.sqrt(n * p * (1 - p))


def chi_square(counts, expected):
    """Standardised chi-square of counts with one common expectation: about N(0, 1)."""
    freedom = counts.size - 1
    return (((counts - expected) ** 2 / expected).sum() - freedom) / math.sqrt(2 * freedom)


ON_ONE = [
    all_to_all(),
    random(0.1),
    random(0.9),
    fixed_indegree(3),
    fixed_indegree(25),
    fixed_outdegree(3),
    fixed_total(100),
    fixed_total(800),
    small_world(4, 0.3),
    condition(lambda i, j: (i + j) % 3 == 0),
    condition(lambda i, j: np.full(i.size, 0.3)),
]


@pytest.mark.parametrize("rule", ON_ONE, ids=repr)
def test_no_autapse_no_parallel_in_range_sorted_and_repeatable(rule):
    edges = within(rule, 30)
    assert edges.pre.dtype == edges.post.dtype == np.int32
    assert edges.weight is None
    assert edges.delay is None
    listed = pairs(edges)
    assert len(listed) == len(set(listed)) == len(edges) > 0
    assert all(i != j and 0 <= i < 30 and 0 <= j < 30 for i, j in listed)
    assert (np.diff(edges.post) >= 0).all()
    assert pairs(within(rule, 30)) == listed
    if not isinstance(rule, wiring.AllToAll) and "lambda" not in repr(rule):
        assert pairs(within(rule, 30, key=KEY + 1)) != listed


@pytest.mark.parametrize("rule", ON_ONE, ids=repr)
def test_autapses_come_only_when_allowed(rule):
    found = [i == j for key in range(5) for i, j in pairs(within(rule, 30, key=key, autapses=True))]
    assert any(found)


@pytest.mark.parametrize(
    "rule",
    [
        all_to_all(),
        random(0.2),
        fixed_indegree(4),
        fixed_indegree(30),
        small_world(6, 0.5),
        condition(lambda i, j: np.full(i.size, 0.2)),
        distance("gaussian", 0.3),
        distance("gaussian", 0.3, radius=0.4, wrap=1.0),
    ],
    ids=repr,
)
@pytest.mark.parametrize("parallel", [False, True])
def test_edges_of_a_target_do_not_depend_on_other_targets(rule, parallel):
    n = 40
    uid, where = np.arange(n) + 5, np.random.default_rng(2).random((n, 2))
    whole = rule.draw(KEY, n, n, uid, uid, True, False, parallel, where, where)
    half = np.arange(1, n, 2)
    part = rule.draw(KEY, n, half.size, uid, uid[half], True, False, parallel, where, where[half])
    assert pairs(part) == [(i, j // 2) for i, j in pairs(whole) if j % 2]


def test_edges_of_a_source_do_not_depend_on_other_sources():
    uid, half = np.arange(40) + 5, np.arange(1, 40, 2)
    whole = fixed_outdegree(6).draw(KEY, 40, 40, uid, uid, True, False, False)
    part = fixed_outdegree(6).draw(KEY, half.size, 40, uid[half], uid, True, False, False)
    assert sorted(pairs(part)) == sorted((i // 2, j) for i, j in pairs(whole) if i % 2)


def test_a_mixture_of_overlapping_views_knows_its_autapses():
    pre, post = np.arange(10, 20), np.array([25, 12, 19, 3])
    edges = all_to_all().draw(KEY, 10, 4, pre, post, True, False, False)
    assert len(edges) == 38
    for rule in (fixed_indegree(9), fixed_indegree(5), random(0.8), fixed_total(38), fixed_outdegree(3)):
        edges = rule.draw(KEY, 10, 4, pre, post, True, False, False)
        assert (pre[edges.pre] != post[edges.post]).all()
    assert len(one_to_one().draw(KEY, 4, 4, pre[:4], pre[1:5], True, False, False)) == 4


# ------------------------------------------------------------------------------------------------------ each by itself


def test_one_to_one():
    assert pairs(between(one_to_one(), 3, 3)) == [(0, 0), (1, 1), (2, 2)]
    assert pairs(within(one_to_one(), 2, autapses=True)) == [(0, 0), (1, 1)]
    with pytest.raises(WiringError, match=r"one_to_one\(\): needs as many sources as targets, got 3 and 2.*pre\[:2\]"):
        between(one_to_one(), 3, 2)
    with pytest.raises(WiringError, match=r"one_to_one\(\): 2 of 2 edges join a neuron to itself.*autapses=True"):
        within(one_to_one(), 2)


def test_all_to_all():
    assert pairs(between(all_to_all(), 2, 2)) == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert pairs(within(all_to_all(), 2)) == [(1, 0), (0, 1)]
    assert len(between(all_to_all(), 0, 5)) == len(between(all_to_all(), 5, 0)) == 0


@pytest.mark.parametrize("p", [0.001, 0.03, 0.5, 0.97])
def test_random_is_binomial(p, sized):
    n = sized(1500, 60)
    edges = within(random(p), n)
    assert spread(len(edges), n * (n - 1), p) < 4
    if p * n > 10:
        for end in (edges.pre, edges.post):  # degrees are Binomial(n - 1, p): mean and variance
            degrees = np.bincount(end, minlength=n)
            variance = (n - 1) * p * (1 - p)
            assert abs(degrees.var() / variance - 1) < 4.5 * math.sqrt(2 / n)
        assert abs(np.corrcoef(np.bincount(edges.pre, minlength=n), np.bincount(edges.post, minlength=n))[0, 1]) < 0.6


@pytest.mark.compiled
def test_random_hits_every_place_alike_whatever_the_first_guess_of_room():
    hits = np.zeros(50)
    for key in range(400):
        edges = between(random(0.2), 50, 20, key=key)
        hits += np.bincount(edges.pre, minlength=50)
    assert abs(((hits - 1600) ** 2 / (8000 * 0.2 * 0.8)).sum() - 50) < 4.5 * math.sqrt(100)


def test_random_at_the_ends():
    assert len(within(random(0.0), 10)) == 0
    assert pairs(within(random(1.0), 10)) == pairs(within(all_to_all(), 10))
    assert len(within(random(1e-18), 10)) == 0
    assert len(between(random(0.5), 0, 3)) == len(between(random(0.5), 3, 0)) == 0
    with pytest.raises(ParameterError, match=r"random.p: a probability must lie in \[0, 1\], got 1.5"):
        random(1.5)


def test_the_room_first_made_for_random_changes_nothing(monkeypatch):
    expected = pairs(between(random(0.5), 200, 20))
    monkeypatch.setattr(wiring.rules, "_room", lambda mean, deviations: 3)
    assert pairs(between(random(0.5), 200, 20)) == expected


@pytest.mark.parametrize("k", [1, 7, 30, 44])
@pytest.mark.parametrize("parallel", [False, True])
def test_fixed_indegree_is_exact_and_even(k, parallel, sized):
    n, repeats = 45, sized(200, 2)
    hits = np.zeros((n, n))
    for key in range(repeats):
        edges = within(fixed_indegree(k), n, key=key, parallel=parallel)
        assert (np.bincount(edges.post, minlength=n) == k).all()
        assert parallel or len(set(pairs(edges))) == n * k
        np.add.at(hits, (edges.post, edges.pre), 1)
    assert (np.diag(hits) == 0).all()
    if repeats * k / (n - 1) > 4 and k < n - 1:
        m = n - 1  # each source of a target: hypergeometric share k/m, or k throws at 1/m
        variance = repeats * (k / m * (1 - 1 / m) if parallel else k / m * (1 - k / m))
        others = hits[~np.eye(n, dtype=bool)]
        assert abs(((others - repeats * k / m) ** 2).mean() / variance - 1) < 4.5 * math.sqrt(2 / (n * (m - 1)))


def test_fixed_indegree_with_parallel_repeats_as_often_as_draws_with_replacement(sized):
    n, k = sized(2000, 60), 20
    edges = between(fixed_indegree(k), 50, n, parallel=True)
    different = len(set(pairs(edges)))
    assert abs(different / (n * 50) - (1 - (1 - 1 / 50) ** k)) < 4.5 * math.sqrt(0.1 / (n * 50))
    assert chi_square(np.bincount(edges.pre, minlength=50), n * k / 50) < 4.5


@pytest.mark.parametrize("parallel", [False, True])
def test_fixed_outdegree_is_exact(parallel, sized):
    n = sized(500, 40)
    edges = within(fixed_outdegree(10), n, parallel=parallel)
    assert (np.bincount(edges.pre, minlength=n) == 10).all()
    assert (edges.pre != edges.post).all()
    assert (np.diff(edges.post) >= 0).all()
    indegree = np.bincount(edges.post, minlength=n)
    assert abs(indegree.var() / 10 - 1) < 4.5 * math.sqrt(2 / n)  # nearly Poisson


@pytest.mark.parametrize("n", [0, 1, 300, 600, 1190])
@pytest.mark.parametrize("parallel", [False, True])
def test_fixed_total_is_exact_and_even(n, parallel):
    edges = within(fixed_total(n), 35, parallel=parallel)
    assert len(edges) == n
    assert (edges.pre != edges.post).all()
    if parallel:
        assert n < 100 or len(set(pairs(edges))) < n
    else:
        assert len(set(pairs(edges))) == n
    listed = [(j, i) for i, j in pairs(edges)]
    assert listed == sorted(listed)
    if n >= 300:
        assert chi_square(np.bincount(edges.pre, minlength=35), n / 35) < 4.5
        assert chi_square(np.bincount(edges.post, minlength=35), n / 35) < 4.5


@pytest.mark.compiled
def test_fixed_total_takes_each_pair_equally_often():
    for n in (30, 90):  # drawn, and drawn as what is left out, of 120
        hits = np.zeros((12, 10))
        for key in range(2000):
            edges = between(fixed_total(n), 12, 10, key=key)
            hits[edges.pre, edges.post] += 1
        share = n / 120
        scaled = ((hits - 2000 * share) ** 2).sum() / (2000 * share * (1 - share))
        assert abs(scaled - 120) < 4.5 * math.sqrt(240)


@pytest.mark.parametrize(
    ("draw", "said"),
    [
        (
            lambda: within(fixed_indegree(100), 80),
            r"fixed_indegree\(k=100\): each target needs 100 different sources, but there are only 79 besides itself;"
            r" allowed: fixed_indegree\(79\) at most; or draw with replacement: connect\(\.\.\., parallel=True\)",
        ),
        (lambda: between(fixed_indegree(5), 4, 3), "only 4; allowed: fixed_indegree"),
        (lambda: between(fixed_indegree(5), 0, 3, parallel=True), r"needs 5 sources, but there are only 0"),
        (lambda: within(fixed_indegree(1), 1, parallel=True), "only 0 besides itself"),
        (lambda: between(fixed_outdegree(5), 3, 4), r"fixed_outdegree\(k=5\): each source needs 5 different targets"),
        (
            lambda: within(fixed_total(91), 10),
            r"fixed_total\(n=91\).*only 90 pairs besides autapses.*fixed_total\(90\)",
        ),
        (
            lambda: between(fixed_total(1), 0, 10, parallel=True),
            r"make only 0 pairs; allowed: fixed_total\(0\) at most",
        ),
        (lambda: within(small_world(10, 0.1), 10), r"small_world\(k=10\).*only 9 neighbours.*small_world\(8, 0.1\)"),
        (
            lambda: between(small_world(2, 0.1), 10, 10),
            r"ring over one population.*connect\(exc, exc, small_world\(2, 0.1\)\)",
        ),
    ],
)
def test_what_cannot_be_met_is_refused(draw, said):
    with pytest.raises(WiringError, match=said):
        draw()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: fixed_indegree(-1), "fixed_indegree.k: must be a whole number, at least 0, got -1"),
        (lambda: fixed_outdegree(1.5), "fixed_outdegree.k: must be a whole number"),
        (lambda: fixed_total("many"), "fixed_total.n: must be a number"),
        (lambda: small_world(3, 0.1), r"small_world.k: must be even.*got 3; write small_world\(4, 0.1\)"),
        (lambda: small_world(4, -0.1), "small_world.p: a probability"),
        (lambda: distance("gauss", 1.0), 'must be "gaussian", "exponential" or a function.*Did you mean \'gaussian\''),
        (lambda: distance("gaussian"), r'distance.length: needed by "gaussian".*distance\("gaussian", 0.2\)'),
        (lambda: distance("gaussian", 0.0), "distance.length: must be positive"),
        (lambda: distance(lambda d: d, 1.0), "distance.length: belongs to the named kernels"),
        (lambda: distance(3.0), "distance.kernel"),
        (lambda: distance("gaussian", 1.0, p_max=2), "distance.p_max: a probability"),
        (lambda: distance("gaussian", 1.0, radius=-1), "distance.radius: must be positive"),
        (lambda: distance("gaussian", 1.0, wrap=(1, -1)), "distance.wrap: must not be negative"),
    ],
)
def test_parameters_are_checked_at_once(make, said):
    with pytest.raises(ParameterError, match=said):
        make()


# ---------------------------------------------------------------------------------------------------------- small world


def graph_of(edges, n):
    graph = networkx.DiGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(pairs(edges))
    return graph


@pytest.mark.parametrize(("n", "k"), [(20, 2), (20, 6), (21, 8), (9, 8)])
def test_small_world_without_rewiring_is_the_ring_of_networkx(n, k):
    graph = graph_of(within(small_world(k, 0.0), n), n)
    ring = networkx.watts_strogatz_graph(n, k, 0.0)
    assert set(graph.edges) == set(ring.to_directed().edges)
    if 3 * k < 2 * n:  # else the ring is closed and the formula does not hold
        expected = 3 * (k - 2) / (4 * (k - 1))
        assert networkx.average_clustering(graph.to_undirected()) == pytest.approx(expected)


@pytest.mark.compiled
@pytest.mark.parametrize("p", [0.05, 0.3, 1.0])
def test_small_world_rewires_the_share_it_says(p):
    n, k = 1000, 10
    edges = within(small_world(k, p), n)
    assert (np.bincount(edges.post) == k).all()
    around = (edges.pre - edges.post) % n
    local = (np.minimum(around, n - around) <= k // 2).sum()
    stay = 1 - p + p * p * k / n  # those that moved may land near by chance
    assert abs(local - n * k * stay) < 4.5 * math.sqrt(n * k * max(stay * (1 - stay), k / n))
    # directed clustering of Fagiolo, as networkx: both ends of an edge between two neighbours of a node
    clustering = networkx.average_clustering(graph_of(edges, n))
    ring = networkx.average_clustering(graph_of(within(small_world(k, 0.0), n), n))
    if p < 1:
        assert clustering == pytest.approx(ring * (1 - p) ** 3, abs=0.05)
    else:
        assert clustering < 3 * k / n
        outdegree = np.bincount(edges.pre, minlength=n)
        assert abs(outdegree.var() / (k * (1 - k / n)) - 1) < 4.5 * math.sqrt(2 / n)
        assert chi_square(np.bincount(around[around > 0], minlength=n)[1:], n * k / (n - 1)) < 4.5


def test_small_world_with_parallel_may_repeat():
    edges = within(small_world(20, 1.0), 30, parallel=True)
    assert len(set(pairs(edges))) < len(edges) == 600
    assert (edges.pre != edges.post).all()


# --------------------------------------------------------------------------------------------------------------- pairs


def test_condition_by_bool_and_by_probability(sized):
    n = sized(1200, 50)  # more than one block of pairs, compiled
    edges = within(condition(lambda i, j: np.abs(i - j) <= 2), n)
    assert pairs(edges) == [(i, j) for j in range(n) for i in range(j - 2, j + 3) if 0 <= i < n and i != j]
    edges = within(condition(lambda i, j: np.where(i < j, 0.25, 0.0)), n)
    assert (edges.pre < edges.post).all()
    assert spread(len(edges), n * (n - 1) // 2, 0.25) < 4
    assert len(within(condition(lambda i, j: True), 5)) == 20
    assert len(within(condition(lambda i, j: 1), 5, autapses=True)) == 25
    assert len(between(condition(lambda i, j: 0.0), 5, 5)) == 0
    assert len(between(condition(lambda i, j: True), 0, 5)) == 0


@pytest.mark.parametrize(
    ("function", "kind", "said"),
    [
        (lambda i, j: i + 0.5, ParameterError, r"probability must lie in \[0, 1\], got 1.5 \(12 of 16"),
        (lambda i, j: np.full(i.size, np.nan), ParameterError, "got nan"),
        (lambda i, j: np.zeros(3), ParameterError, r"one for each of 16 pairs, got an array of shape \(3,\)"),
        (lambda i, j: "yes", ParameterError, "must return one number"),
        (lambda i, j: i < 2 and j < 2, WiringError, "two int64 arrays.*failed.*`&` and `|`"),
        (lambda i: True, WiringError, "failed: .*positional argument"),
    ],
)
def test_wording_of_conditions(function, kind, said):
    with pytest.raises(kind, match=said):
        between(condition(function), 4, 4)


def brute_distances(a, b, wrap):
    """[targets, sources], every image within one box looked at."""
    dimensions = a.shape[1]
    sizes = np.zeros(dimensions) + (0.0 if wrap is None else wrap)
    best = np.full((len(b), len(a)), np.inf)
    for image in np.ndindex(*(3,) * dimensions):
        shift = (np.array(image) - 1) * sizes
        best = np.minimum(best, np.sqrt((((a + shift)[None] - b[:, None]) ** 2).sum(axis=2)))
    return best


@pytest.mark.parametrize("wrap", [None, 1.0, (1.0, 0.0)])
@pytest.mark.parametrize("radius", [None, 0.31])
def test_distance_with_a_step_finds_exactly_the_neighbours(wrap, radius):
    draw = np.random.default_rng(3)
    a, b = draw.random((60, 2)), draw.random((50, 2))
    rule = distance(lambda d: d < 0.31, radius=radius, wrap=wrap)
    edges = between(rule, 60, 50, pre_positions=a, post_positions=b)
    post, pre = np.nonzero(brute_distances(a, b, wrap) < 0.31)
    assert pairs(edges) == list(zip(pre.tolist(), post.tolist(), strict=True))


@pytest.mark.parametrize("wrap", [None, 2.0, (2.0, 0.0, 1.0)])
def test_a_radius_changes_nothing_within_it(wrap):
    draw = np.random.default_rng(4)
    a, b = draw.random((70, 3)) * [2.0, 2.0, 1.0] - 0.3, draw.random((60, 3)) * [2.0, 2.0, 1.0] + 0.1
    free = between(distance("exponential", 0.3, wrap=wrap), 70, 60, pre_positions=a, post_positions=b)
    near = between(distance("exponential", 0.3, radius=0.5, wrap=wrap), 70, 60, pre_positions=a, post_positions=b)
    far = between(distance("exponential", 0.3, radius=9.0, wrap=wrap), 70, 60, pre_positions=a, post_positions=b)
    apart = brute_distances(a, b, wrap)
    assert pairs(near) == [(i, j) for i, j in pairs(free) if apart[j, i] <= 0.5]
    assert pairs(far) == pairs(free)
    assert 0 < len(near) < len(free)


@pytest.mark.compiled
@pytest.mark.parametrize("radius", [None, 0.4])
@pytest.mark.parametrize("wrap", [None, 1.0])
@pytest.mark.parametrize(
    ("rule", "law"),
    [
        (("gaussian", 0.15), lambda d: 0.8 * np.exp(-(d**2) / (2 * 0.15**2))),
        (("exponential", 0.1), lambda d: 0.8 * np.exp(-d / 0.1)),
        ((lambda d: 1 / (1 + 10 * d),), lambda d: 0.8 / (1 + 10 * d)),
    ],
)
def test_distance_has_its_probability_in_every_bin(rule, law, wrap, radius):
    n = 900
    where = np.random.default_rng(5).random((n, 2))
    edges = within(distance(*rule, p_max=0.8, radius=radius, wrap=wrap), n, positions=where)
    apart = brute_distances(where, where, wrap)
    expected = np.where(apart <= (radius or np.inf), law(apart), 0.0)
    np.fill_diagonal(expected, 0.0)
    got = np.zeros((n, n))
    got[edges.post, edges.pre] = 1
    bins = np.digitize(apart, np.linspace(0.0, 1.0, 21))
    for b in np.unique(bins):
        chances = expected[bins == b]
        deviation = abs(got[bins == b].sum() - chances.sum())
        assert deviation <= 4.5 * math.sqrt((chances * (1 - chances)).sum()) + 1


def test_wording_of_distances():
    where = np.zeros((4, 2))
    with pytest.raises(WiringError, match=r"pre has no positions.*shape \[4, 2\] or \[4, 3\].*positions=np\.random"):
        within(distance("gaussian", 1.0), 4)
    with pytest.raises(WiringError, match=r"pre positions need shape \[4, 2\] or \[4, 3\], got \[3, 2\]"):
        within(distance("gaussian", 1.0), 4, positions=where[:3])
    with pytest.raises(WiringError, match="positions must be finite.*neuron 0"):
        within(distance("gaussian", 1.0), 4, positions=where * np.nan)
    with pytest.raises(WiringError, match="sources have 2 columns, those of targets 3"):
        between(distance("gaussian", 1.0), 4, 4, pre_positions=where, post_positions=np.zeros((4, 3)))
    with pytest.raises(WiringError, match=r"wrap needs one size, or one for each of 2 axes"):
        within(distance("gaussian", 1.0, wrap=(1, 2, 3)), 4, positions=where)
    with pytest.raises(ParameterError, match=r"distance\(<lambda>\): a probability must lie in \[0, 1\], got 2"):
        within(distance(lambda d: d + 2), 4, positions=where)


# ------------------------------------------------------------------------------------------------------------ as listed


def test_edges_as_columns_keep_their_order_weights_and_delays():
    edges = between(from_edges(([2, 0, 1], [0, 1, 1], [0.1, 0.2, 0.3], [1.0, 2.0, 1.5])), 3, 2)
    assert pairs(edges) == [(2, 0), (0, 1), (1, 1)]
    assert edges.weight.tolist() == [0.1, 0.2, 0.3]
    assert edges.delay.tolist() == [1.0, 2.0, 1.5]
    edges = between(from_edges((np.array([0], np.uint8), [1], None, 1.5)), 3, 2)
    assert edges.weight is None
    assert edges.delay.tolist() == [1.5]
    assert pairs(between(from_edges(np.array([[0, 1], [2, 0]])), 3, 2)) == [(0, 1), (2, 0)]
    assert pairs(between(from_edges([(0, 1), (2, 0)]), 3, 2)) == [(0, 1), (2, 0)]
    assert len(between(from_edges([]), 3, 2)) == 0
    assert pairs(between(from_edges([("a", "c"), ("b", "a")], nodes="abc"), 3, 3)) == [(0, 2), (1, 0)]


def test_a_rule_of_edges_owns_its_arrays():
    pre, weight = np.array([0, 1]), np.array([1.0, 2.0])
    rule = from_edges((pre, [1, 0], weight))
    pre[:], weight[:] = 9, 9
    rule_edges = between(rule, 2, 2)
    rule_edges.weight[:] = 5
    assert between(rule, 2, 2).weight.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("form", ["coo", "csr", "csc"])
def test_scipy_round_trip(form):
    matrix = scipy.sparse.random(8, 5, density=0.4, format=form, rng=np.random.default_rng(1))
    edges = between(from_edges(matrix), 8, 5)
    back = scipy.sparse.coo_array((edges.weight, (edges.pre, edges.post)), shape=(8, 5))
    assert (back.toarray() == matrix.toarray()).all()
    assert len(edges) == matrix.nnz
    assert between(from_edges(matrix.astype(bool)), 8, 5).weight is None


def test_scipy_doubles_are_parallels_and_zeros_are_edges():
    matrix = scipy.sparse.coo_array(([0.5, 0.7, 0.0], ([0, 0, 1], [1, 1, 0])), shape=(2, 2))
    edges = between(from_edges(matrix), 2, 2, parallel=True)
    assert pairs(edges) == [(0, 1), (0, 1), (1, 0)]
    assert edges.weight.tolist() == [0.5, 0.7, 0.0]
    with pytest.raises(WiringError, match=r"matrix has shape \(2, 2\), but there are 3 sources \(rows\) and 2 targets"):
        between(from_edges(matrix), 3, 2)


def test_networkx_round_trip_with_parallels_and_delays():
    graph = networkx.MultiDiGraph()
    graph.add_nodes_from(range(4))
    listed = [(0, 1, 0.5, 1.0), (0, 1, 0.6, 2.0), (3, 2, -0.7, 1.5)]
    for u, v, weight, delay in listed:
        graph.add_edge(u, v, weight=weight, delay=delay)
    edges = within(as_rule(graph), 4, parallel=True)
    back = sorted(
        zip(edges.pre.tolist(), edges.post.tolist(), edges.weight.tolist(), edges.delay.tolist(), strict=True)
    )
    assert back == sorted(listed)
    plain = within(as_rule(networkx.gnp_random_graph(10, 0.3, seed=1, directed=True)), 10)
    assert plain.weight is None
    assert set(pairs(plain)) == set(networkx.gnp_random_graph(10, 0.3, seed=1, directed=True).edges)


def test_networkx_labels_want_an_order():
    graph = networkx.DiGraph([("AVAL", "DA1"), ("AVAR", "DA1")])
    with pytest.raises(WiringError, match=r"whole numbers.*'AVAL'.*nodes=\[\.\.\.\]"):
        from_edges(graph)
    rule = from_edges(graph, nodes=["DA1", "AVAL", "AVAR"])
    assert pairs(within(rule, 3)) == [(1, 0), (2, 0)]
    with pytest.raises(WiringError, match="pre 'AVAR' is not among the 2 nodes. Did you mean 'AVAL'"):
        from_edges(graph, nodes=["DA1", "AVAL"])
    with pytest.raises(WiringError, match="'DA1' comes more than once"):
        from_edges(graph, nodes=["DA1", "AVAL", "AVAR", "DA1"])
    with pytest.raises(WiringError, match=r"no directions.*graph.to_directed\(\)"):
        from_edges(graph.to_undirected())
    graph.add_edge("AVAL", "AVAR", weight=1.0)
    with pytest.raises(WiringError, match="2 of 3 edges have no weight, the first is 'AVAL' -> 'DA1'"):
        from_edges(graph, nodes=list(graph))


def test_pandas_round_trip():
    frame = pandas.DataFrame({"post": [1, 1, 0], "pre": [0, 0, 2], "delay": [1.0, 1.5, 2.0], "note": ["a", "b", "c"]})
    edges = between(as_rule(frame), 3, 2, parallel=True)
    assert pairs(edges) == [(0, 1), (0, 1), (2, 0)]
    assert edges.delay.tolist() == [1.0, 1.5, 2.0]
    assert edges.weight is None
    named = pandas.DataFrame({"pre": ["a", "b"], "post": ["b", "a"], "weight": [1, 2]})
    assert pairs(within(from_edges(named, nodes=["b", "a"]), 2)) == [(1, 0), (0, 1)]
    with pytest.raises(WiringError, match=r'no column \'pre\', only source, target; frame.rename.*"target": "post"'):
        from_edges(pandas.DataFrame({"source": [0], "target": [1]}))
    with pytest.raises(WiringError, match=r"column 'weights' has no meaning; did you mean 'weight'"):
        from_edges(pandas.DataFrame({"pre": [0], "post": [1], "weights": [1.0]}))


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        (([0, 7, 5], [0, 1, 1]), r"pre\[1\] is 7, and 2 of 3 are out of range; allowed: places 0 to 2.*not uids"),
        (([0, 1], [0, -1]), r"post\[1\] is -1"),
        (([0, 1, 1, 1], [1, 0, 0, 0]), r"2 of 4 edges repeat.*first is edge 2 \(1 -> 0\).*parallel=True"),
        (
            ([0, 1, 2], [1, 1, 2]),
            r"2 of 3 edges join a neuron to itself, the first is edge 1 \(1 -> 1\).*autapses=True",
        ),
    ],
)
def test_impossible_edges_are_refused_and_none_dropped(edges, said):
    with pytest.raises(WiringError, match=said):
        within(from_edges(edges), 3)


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        (([0, 1], [0, 1], [1.0, math.nan]), r"weight must be finite numbers, got nan at edge 1 \(1 of 2 are wrong\)"),
        (([0, 1], [0, 1], None, [1.0, 0.0]), r"delay must be positive \(ms\), got 0.0 at edge 1"),
        (([0, 1], [0, 1], ["x", "y"]), "weight must hold numbers"),
        (([0, 1], [0, 1], [1.0]), r"weight needs one number for each of 2 edges, got shape \(1,\)"),
        (([0, 1], [0]), "pre has 2 entries and post 1"),
        (([0.5, 1.0], [0, 1]), "pre must hold whole numbers.*got 0.5"),
        (([[0, 1]], [0, 1]), "pre must have one axis"),
        (np.eye(4), r"array of shape \(4, 4\).*scipy.sparse.coo_array\(matrix\)"),
        (np.zeros((5, 3)), r"for weights give columns: from_edges\(\(e\[:, 0\].astype\(int\)"),
        ([(0, 1), (1, 2, 3)], "cannot read edges"),
        (np.zeros((2, 2)), "cannot read edges"),
        (7, "cannot read edges from int 7; allowed: a tuple of arrays"),
    ],
)
def test_wording_of_edges(edges, said):
    with pytest.raises(WiringError, match=said):
        from_edges(edges)


# ------------------------------------------------------------------------------------------------------------ as_rule


def test_as_rule_takes_what_users_have():
    rule = random(0.1)
    assert as_rule(rule) is rule
    assert pairs(between(as_rule(lambda i, j: i == j), 3, 3)) == [(0, 0), (1, 1), (2, 2)]
    for given in (
        ([0], [1]),
        np.array([[0, 1]]),
        [(0, 1)],
        scipy.sparse.coo_array(([1.0], ([0], [1])), shape=(3, 3)),
        networkx.DiGraph([(0, 1)]),
        pandas.DataFrame({"pre": [0], "post": [1]}),
    ):
        assert pairs(between(as_rule(given), 3, 3)) == [(0, 1)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (all_to_all, r"all_to_all must be called: write all_to_all\(\)"),
        (random, r"random must be called: write random\(0.1\)"),
        (
            "all_to_al",
            r"text does not name a rule, got 'all_to_al'; did you mean all_to_all\(\)\? allowed: one_to_one\(\), ",
        ),
        ("xxxxxx", "got 'xxxxxx'; allowed"),
        (0.2, r"a number is not a rule, got 0.2; did you mean random\(0.2\)"),
        (20, r"did you mean fixed_indegree\(20\)"),
        (wiring.Random, "a class is not a rule"),
        (None, "cannot use NoneType None; allowed: one_to_one"),
        (normal(0, 1), r"cannot use Normal normal\(0, 1\)"),
    ],
)
def test_wording_of_what_is_no_rule(given, said):
    with pytest.raises(WiringError, match=said):
        as_rule(given)


def test_rules_show_how_to_write_them():
    for rule in (*ON_ONE[:9], one_to_one(), distance("gaussian", 0.2, p_max=0.5, radius=1.0, wrap=(1.0, 0.0))):
        assert eval(repr(rule), vars(wiring)) == rule
    assert repr(random(0.123456789)) == "random(0.123456789)"
    assert repr(from_edges(([0], [1], [1.0], [1.0]))) == "from_edges(1 edges with weight and delay)"


# ----------------------------------------------------------------------------------------------------------- parallels


@pytest.mark.parametrize("order", ["post", "pre", "none"])
@pytest.mark.parametrize("far", [False, True])
def test_nth_among_parallels_counts_like_a_dictionary(order, far):
    draw = np.random.default_rng(6)
    pre, post = draw.integers(0, 6, 200), draw.integers(0, 5, 200)
    by = np.argsort({"post": post, "pre": pre, "none": np.zeros(200)}[order], kind="stable")
    pre, post = pre[by], post[by]
    if far:
        pre, post = pre + 4_000_000_000, post + 4_000_000_000
    seen, expected = {}, []
    for pair in zip(pre.tolist(), post.tolist(), strict=True):
        expected.append(seen.get(pair, 0))
        seen[pair] = expected[-1] + 1
    nth = nth_among_parallels(pre, post)
    assert nth.dtype == np.int32
    assert nth.tolist() == expected
    assert nth_among_parallels([], []).size == 0


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (fixed_indegree(2), [(14, 0), (1, 0), (10, 1), (5, 1), (6, 2), (8, 2), (9, 3), (0, 3)]),
        (fixed_total(4), [(14, 0), (5, 1), (0, 2), (13, 2)]),
        (small_world(2, 0.5), [(3, 0), (17, 0), (2, 1), (12, 1), (0, 2), (19, 2), (4, 3), (1, 3)]),
    ],
)
def test_edges_are_the_same_with_and_without_compiler_and_in_every_version(rule, expected):
    uid = np.arange(20)
    uid.flags.writeable = False
    assert pairs(rule.draw(KEY, 20, 4, uid, uid[:4], True, False, False)) == expected


def test_uids_are_checked_for_their_number():
    with pytest.raises(WiringError, match="one uid for each of 3 sources and 2 targets"):
        random(0.5).draw(KEY, 3, 2, [0, 1], [0, 1], False, False, False)


def test_examples_in_the_docstrings_run():
    assert doctest.testmod(wiring).failed == 0
