"""Synapses between regions: counted as a dictionary counts them, kept within budgets, and grown by rules between regions."""

import numpy as np
import pytest

import neurosim as ns


@pytest.fixture
def net():
    net = ns.Network(dt=0.1, seed=1)
    for name, n, region in (("a", 9, "cortex/a"), ("b", 7, "cortex/b"), ("b2", 5, "cortex/b"), ("out", 6, None)):
        net.add_population(name, ns.LIF(), n, region=region)
    net.connect("cortex", "cortex", ns.random(0.4), weight=ns.uniform(0.1, 2.0), parallel=True)
    net.connect(net.populations["out"], "cortex", ns.random(0.5), weight=-0.5)
    net.connect("cortex/a", net.populations["out"], ns.random(0.5), weight=ns.uniform(0.1, 2.0))
    net.connect("cortex/a", "cortex/b", ns.random(0.2), weight=1.0)  # a second projection between the same populations
    return net


def slow_matrix(net, label):
    """The same by a dictionary and one synapse at a time."""
    of = {int(u): label(p) for p in net.populations.values() for u in p.uid}
    count, weight = {}, {}
    for p in net.projections.values():
        for i, j, w in zip(p.pre.tolist(), p.post.tolist(), p.weight.tolist(), strict=True):
            count[of[i], of[j]] = count.get((of[i], of[j]), 0) + 1
            weight[of[i], of[j]] = weight.get((of[i], of[j]), 0.0) + w
    return count, weight


def test_the_matrix_counts_as_a_dictionary_does(net):
    for level, label in (
        (None, lambda p: p.region or p.name),
        (1, lambda p: p.region.split("/")[0] or p.name),
        (5, lambda p: p.region or p.name),
    ):
        count, weight = slow_matrix(net, label)
        matrix = net.region_matrix(level=level)
        assert matrix.labels == sorted({label(p) for p in net.populations.values()})
        assert matrix.matrix.sum() == net.n_synapses
        size = {name: sum(len(p) for p in net.populations.values() if label(p) == name) for name in matrix.labels}
        for a in matrix.labels:
            for b in matrix.labels:
                assert matrix[a, b] == count.get((a, b), 0)
                assert np.isclose(net.region_matrix("weight", level)[a, b], weight.get((a, b), 0.0), rtol=1e-12)
                density = net.region_matrix("density", level)[a, b]
                assert np.isclose(density, count.get((a, b), 0) / size[a] / size[b], rtol=1e-12)


def test_the_matrix_is_readable(net):
    matrix = net.region_matrix()
    lines = repr(matrix).splitlines()
    assert len(lines) == 2 + len(matrix.labels) and len({len(line) for line in lines[1:]}) == 1
    assert lines[1].split() == ["cortex/a", "cortex/b", "out"]
    assert lines[2].split() == ["cortex/a", *[str(x) for x in matrix.matrix[0]]]
    frame = matrix.to_pandas()
    assert frame.loc["cortex/a", "out"] == matrix["cortex/a", "out"] and frame.index.name == "from"
    with pytest.raises(ns.ParameterError, match="Did you mean 'cortex/"):
        matrix["cortex", "cortex/a"]
    with pytest.raises(ns.ParameterError, match="must be one of synapses, weight, density"):
        net.region_matrix("weights")
    with pytest.raises(ns.ParameterError, match="level"):
        net.region_matrix(level=0)


def test_a_budget_is_exact_and_takes_the_weakest(net, tmp_path):
    parts = [p for p in net.projections.values() if p.source.name == "a" and p.target.region == "cortex/b"]
    assert len(parts) == 4
    weights = np.sort(np.concatenate([p.weight for p in parts]))
    others = {name: len(p) for name, p in net.projections.items() if p not in parts}
    budget = ns.RegionBudget(
        {("cortex/a", "cortex/b"): 30, (net.populations["out"], net.region("cortex")): 10**6}, every=5.0
    )
    net.add(budget)
    net.save(tmp_path / "save")
    for one in (net, ns.load(tmp_path / "save")):
        one.run(5.0)
        left = np.sort(np.concatenate([one.projections[p.name].weight for p in parts]))
        assert left.size == 30 and np.array_equal(left, weights[-30:])
        assert {name: len(one.projections[name]) for name in others} == others
        assert one.history.rules == ["RegionBudget"]
    p = parts[0]
    p.insert(p.source.uid[:4], p.target.uid[:4], weight=[0.0, 5.0, 5.0, 0.0])
    net.run(5.0)
    assert sum(map(len, parts)) == 30 and p.weight.max() == 5.0 and p.weight.min() > 0.0
    assert repr(budget) == "RegionBudget(cortex/a -> cortex/b: 30, out -> cortex: 1,000,000; every 5 ms)"


def test_budgets_that_make_no_sense_are_refused(net):
    with pytest.raises(ns.ParameterError, match="no region or population 'cortx'; known: cortex"):
        net.add(ns.RegionBudget({("cortx", "out"): 3}))
    for wrong, told in (
        ({}, "needs pairs"),
        ({("a", "b"): -1}, "RegionBudget\\(a -> b\\)"),
        ({("a", 3): 1}, "needs regions"),
    ):
        with pytest.raises(ns.ParameterError, match=told):
            ns.RegionBudget(wrong)


def test_structural_rules_between_regions(net):
    """The group that `connect` gives for two regions grows as one, and is pruned to a budget meanwhile."""
    group = net.connect("cortex/b", "cortex/a", ns.random(0.05), weight=0.5, name="path")
    before = group.n_edges
    net.add(ns.HomeostaticGrowth(group, 5.0, every=5.0, growth_rate=200.0))
    net.run(20.0)
    assert group.n_edges > before + 20
    grown = int(net.region_matrix()["cortex/b", "cortex/a"])
    net.add(ns.RegionBudget({("cortex/b", "cortex/a"): grown - 15}, every=5.0))
    net.run(5.0)
    assert net.region_matrix()["cortex/b", "cortex/a"] == grown - 15
    before = group.n_edges
    for p in group:
        p.weight = np.arange(len(p)) * 0.1
    ns.Prune(group, threshold=0.25, every=5.0).advance(net)
    assert all(p.weight.min() > 0.25 for p in group) and group.n_edges == before - 3 * len(group)
