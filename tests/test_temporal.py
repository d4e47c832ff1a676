"""A graph that changes, in numbers: against hand-made tables, closed forms, networkx, and counting one by one."""

import itertools
import math

import networkx as nx
import numpy as np
import pytest

from neurosim import analysis
from neurosim.analysis.temporal import TRIADS
from neurosim.errors import ParameterError
from neurosim.history import History


def history(events, neurons=(("a", "", 4),), until=None):
    """A history of (step, kind, pre, post) at dt = 1 ms with these neurons (population, region, number)."""
    h = History(1.0)
    first = 0
    for name, region, n in neurons:
        h.settled(np.arange(first, first + n), name, region)
        first += n
    for step, kind, pre, post in events:
        h.add(step, kind, "r", "p", np.array([pre]), np.array([post]), 1.0, 1.0)
    if until is not None:
        h.add(until, 2, "user", "", np.array([first]), np.array([-1]))
    return h


# ---- how long synapses live ------------------------------------------------------------------------------------------


def test_kaplan_meier_against_a_table_made_by_hand():
    # Weeks of remission under 6-mercaptopurine, + censored (Freireich et al. 1963, Blood 21:699), the textbooks' example.
    told = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
    text = told.split()
    curve = analysis.kaplan_meier([float(x.rstrip("+")) for x in text], [not x.endswith("+") for x in text])
    by_hand = np.cumprod([1.0, 18 / 21, 16 / 17, 14 / 15, 11 / 12, 10 / 11, 6 / 7, 5 / 6])
    assert curve.age.tolist() == [0, 6, 7, 10, 13, 16, 22, 23]
    assert curve.at_risk.tolist() == [21, 21, 17, 15, 12, 11, 7, 6]
    assert curve.deaths.tolist() == [0, 3, 1, 1, 1, 1, 1, 1]
    assert np.allclose(curve.survival, by_hand, rtol=1e-14)
    assert (curve.n, curve.died, curve.median, curve.longest) == (21, 9, 23.0, 35.0)
    assert np.allclose(
        curve.at([0, 5.9, 6, 30, 35, 35.1, -1]),
        [1, 1, by_hand[1], by_hand[7], by_hand[7], np.nan, np.nan],
        equal_nan=True,
    )
    # Greenwood at 7 weeks: sum of d / n (n - d) = 3/(21*18) + 1/(17*16), on the scale log(-log S)
    spread = math.sqrt(3 / (21 * 18) + 1 / (17 * 16)) / -math.log(by_hand[2])
    assert curve.low[2] == pytest.approx(by_hand[2] ** math.exp(1.959964 * spread), rel=1e-12)
    assert curve.high[2] == pytest.approx(by_hand[2] ** math.exp(-1.959964 * spread), rel=1e-12)


def test_kaplan_meier_of_a_constant_hazard_is_an_exponential_whatever_is_censored():
    rng = np.random.default_rng(3)
    n, tau = 4000, 20.0
    life, seen = rng.exponential(tau, n), rng.uniform(5.0, 60.0, n)
    curve = analysis.kaplan_meier(np.minimum(life, seen), life <= seen)
    expected = np.exp(-curve.age / tau)
    early = curve.age < 40.0
    assert np.abs(curve.survival - expected)[early].max() < 4.0 * 0.5 / math.sqrt(n)
    inside = ((curve.low <= expected) & (expected <= curve.high))[early & (curve.age > 0)]
    assert inside.mean() > 0.9
    ignoring = np.mean(np.minimum(life, seen)[:, None] > np.array([30.0]), axis=0)
    assert abs(ignoring - math.exp(-1.5)) > 0.04  # what one gets without the censoring


def test_survival_by_cohort():
    h = history([(10, 1, 0, 1), (10, 1, 0, 2), (12, -1, 0, 1), (30, 1, 1, 0), (35, -1, 1, 0), (40, 1, 2, 0)], until=50)
    h.wired("q", "a", "a", 0, 0)
    first, second = analysis.survival(h, [0.0, 20.0, 60.0])
    assert (first.label, first.n, first.died, first.age.tolist()) == ("born 0–20 ms", 2, 1, [0.0, 2.0])
    assert first.survival.tolist() == [1.0, 0.5] and first.censored.tolist() == [40.0] and first.median == 2.0
    assert (second.n, second.died, second.censored.tolist(), second.median) == (2, 1, [10.0], 5.0)
    whole = analysis.survival(h, 1)
    assert [(c.n, c.died) for c in whole] == [(4, 2)] and sum(c.n for c in analysis.survival(h, 3)) == 4
    with pytest.raises(ParameterError, match="ascending bounds"):
        analysis.survival(h, [3.0, 1.0])
    with pytest.raises(ParameterError, match="needs a network, net.history"):
        analysis.survival([1, 2])
    with pytest.raises(ParameterError, match="one finite duration"):
        analysis.kaplan_meier([1.0], [True, False])


def test_turnover_counts_what_an_observer_sees():
    h = history(
        [(1, 1, 0, 1), (1, 1, 0, 2), (4, 1, 1, 2), (6, -1, 1, 2), (7, -1, 0, 1), (8, 1, 2, 3), (15, -1, 0, 2)], until=20
    )
    found = analysis.turnover(h, [2.0, 10.0, 20.0])
    assert found.count.tolist() == [2, 2, 1]
    assert found.gained.tolist() == [1, 0] and found.lost.tolist() == [1, 1]  # the one from 4 to 6 ms was not seen
    assert found.born.tolist() == [2, 0] and found.died.tolist() == [2, 1]
    assert found.ratio.tolist() == [0.5, 1 / 3] and found.rate.tolist() == pytest.approx([4 / 4 / 0.008, 1 / 3 / 0.01])
    assert analysis.turnover(h, 3).t.tolist() == [1.0, 10.5, 20.0]
    for wrong in ([3.0, 1.0], [], [[1.0]]):
        with pytest.raises(ParameterError, match="ascending times"):
            analysis.turnover(h, wrong)


# ---- the graph at many times -----------------------------------------------------------------------------------------


def test_degrees_over_time_count_the_unconnected_and_the_parallel():
    h = history([(1, 1, 0, 1), (2, 1, 0, 1), (3, 1, 2, 1), (5, -1, 0, 1)], until=6)
    found = analysis.degrees_over_time(h, [0.0, 4.0, 6.0])
    assert [d.tolist() for d in found.inward] == [[0] * 4, [0, 3, 0, 0], [0, 2, 0, 0]]
    assert [d.tolist() for d in found.outward] == [[0] * 4, [2, 0, 1, 0], [1, 0, 1, 0]]
    assert [n.tolist() for n in found.neurons] == [[0, 1, 2, 3]] * 3


def test_region_matrices_over_time():
    who = (("a", "cortex/v1", 2), ("b", "cortex/v2", 1), ("c", "", 1))
    h = history([(1, 1, 0, 1), (2, 1, 0, 2), (3, 1, 3, 2), (4, -1, 0, 2)], who, until=5)
    found = analysis.region_matrices(h, [0.0, 3.0, 5.0])
    assert found.labels == ["c", "cortex/v1", "cortex/v2"] and found.sizes[0].tolist() == [1, 2, 1]
    assert found.matrix[1].tolist() == [[0, 0, 1], [0, 1, 1], [0, 0, 0]]
    assert found.matrix.sum(axis=(1, 2)).tolist() == [0, 3, 2]
    coarse = analysis.region_matrices(h, [3.0], level=1)
    assert coarse.labels == ["c", "cortex"] and coarse.matrix[0].tolist() == [[0, 1], [0, 2]]


def random_history(n=14, m=60, seed=2):
    rng = np.random.default_rng(seed)
    events = [(1, 1, int(i), int(j)) for i, j in rng.integers(0, n, (m, 2))]
    return history(events, (("a", "", n),), until=2)


def test_statistics_are_those_of_networkx_and_of_counting():
    h = random_history()
    found = analysis.graph_statistics(h, [2.0])
    g = nx.DiGraph(h.graph_at(2.0).to_networkx())
    g.remove_edges_from(nx.selfloop_edges(g))
    n, m = g.number_of_nodes(), g.number_of_edges()
    assert (found.neurons[0], found.synapses[0], found.connections[0]) == (n, 60, m)
    assert found.density[0] == pytest.approx(nx.density(g)) and found.reciprocity[0] == pytest.approx(nx.reciprocity(g))
    assert found.transitivity[0] == pytest.approx(nx.transitivity(g.to_undirected()))
    triples = list(itertools.permutations(g.nodes, 3))
    expected = len(triples) * nx.density(g) ** 3
    forward = sum(g.has_edge(i, j) and g.has_edge(j, k) and g.has_edge(i, k) for i, j, k in triples)
    around = sum(g.has_edge(i, j) and g.has_edge(j, k) and g.has_edge(k, i) for i, j, k in triples)
    assert found.feedforward[0] == pytest.approx(forward / expected) and found.cycles[0] == pytest.approx(
        around / expected
    )
    census = nx.triadic_census(g)
    assert found.triads[0].tolist() == [census[name] for name in TRIADS] and found.triads[0].sum() == math.comb(n, 3)
    assert analysis.graph_statistics(h, [2.0], census_up_to=5).triads is None


def test_modularity_of_two_cliques_that_one_synapse_joins():
    cliques = [(0, 1, i, j) for k in (0, 5) for i in range(k, k + 5) for j in range(k, k + 5) if i < j]
    h = history([*cliques, (2, 1, 0, 5), (3, -1, 0, 5)], (("a", "", 10),), until=4)
    found = analysis.graph_statistics(h, [0.0, 2.0])
    # Q = sum over communities of L_c / m - (d_c / 2m)^2: two of 10 links; with the bridge m = 21 and d_c = 21
    assert found.modularity.tolist() == pytest.approx([0.5, 2 * (10 / 21 - 0.25)]) and found.communities.tolist() == [
        2,
        2,
    ]
    assert (found.modularity_shuffled < found.modularity).all()
    again = analysis.graph_statistics(h, [0.0, 2.0])
    assert np.array_equal(found.modularity_shuffled, again.modularity_shuffled)


def test_an_empty_graph_has_no_statistics():
    found = analysis.graph_statistics(history([], until=3), [3.0])
    assert found.synapses[0] == 0 and np.isnan(found.reciprocity[0]) and np.isnan(found.modularity[0])
    assert analysis.survival(history([], until=3)) == []
