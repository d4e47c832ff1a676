"""Who is joined to whom: pairing by weight, elements that several projections share, targets of each neuron's own."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ParameterError
from neurosim.structural.partners import pair_elements


def test_partners_are_drawn_in_proportion_to_weight_times_vacant_elements():
    rng = np.random.default_rng(1)
    post = np.array([0, 1, 1, 2, 3])  # target 1 has two vacant elements
    weights = np.array([[1.0, 1.0, 0.0, 2.0]])
    count = np.zeros(4)
    for _ in range(3000):
        _, chosen = pair_elements(np.array([9]), post, lambda pre, post: weights, rng)
        count[chosen[0]] += 1
    # 1 x 1, 2 x 1, 1 x 0, 1 x 2 of 5; three standard deviations of 3000 draws are 0.027
    assert np.abs(count / 3000 - [0.2, 0.4, 0.0, 0.4]).max() < 0.03


def test_every_element_is_used_at_most_once():
    rng = np.random.default_rng(2)
    pre, post = np.repeat(np.arange(50), 3), np.repeat(np.arange(100, 140), 2)
    one, two = pair_elements(pre, post, lambda i, j: 1.0 + (i + j) % 3, rng)
    assert one.size == two.size == post.size  # the shorter side is used up
    assert np.bincount(one).max() <= 3
    assert np.bincount(two).max() <= 2


def test_where_no_weight_is_positive_nobody_is_joined():
    rng = np.random.default_rng(3)
    one, two = pair_elements(np.arange(5), np.arange(5), lambda i, j: 0.0 * (i + j), rng)
    assert one.size == two.size == 0
    with pytest.raises(ParameterError, match="must be finite and not negative"):
        pair_elements(np.arange(5), np.arange(5), lambda i, j: 0.0 * (i + j) - 1.0, rng)


def sides(pre, post):
    return np.where((pre < 30) == (post < 30), 1.0, 0.2)


def two_regions(seed=1, **options):
    """30 + 20 neurons in two regions, four projections that share their elements."""
    net = ns.Network(dt=0.5, seed=seed)
    model = ns.EscapeLIF(v_th=-53.0)
    pops = [net.add_population(name, model, n, region=f"r/{name}") for name, n in (("a", 30), ("b", 20))]
    group = net.connect(pops, net.region("r"), ns.random(0.1), weight=50.0, name="g")
    growth = net.add(
        ns.HomeostaticGrowth(
            group, **({"target_rate": 8.0, "growth_rate": 5.0, "partner": sides} | options), every=50.0
        )
    )
    return net, group, growth


def edges(net):
    return [(p.name, p.pre.tolist(), p.post.tolist()) for p in net.projections.values()]


def test_projections_of_a_group_share_their_elements():
    net, group, growth = two_regions()
    net.run(2000.0)
    assert net.history.born > 100
    out = np.zeros(50)
    for p in group:
        np.add.at(out, p.pre, 1)
    assert (out <= np.floor(growth.z_pre)).all()
    inside = sum(int(((p.pre < 30) == (p.post < 30)).sum()) for p in group) / group.n_edges
    assert inside > 0.55  # uniform: (30 * 30 + 20 * 20) / 2500 = 0.52, with the rule up to 0.84


def test_growth_of_a_group_is_the_same_cut_saved_and_loaded(tmp_path):
    whole, cut = two_regions()[0], two_regions()[0]
    whole.run(2000.0)
    for piece in (13.5, 986.5, 500.0):
        cut.run(piece)
    cut.save(str(tmp_path / "saved"))
    loaded = ns.load(str(tmp_path / "saved"), functions={"sides": sides})
    for net in (cut, loaded):
        net.run(500.0)
        assert edges(net) == edges(whole)
    assert edges(two_regions(seed=2)[0]) != edges(two_regions()[0])


def test_surplus_is_taken_from_all_projections_alike():
    """Above the target synapses go; neurons may come and go meanwhile, and so may projections."""
    net, group, growth = two_regions(target_rate=0.5, growth_rate=0.1, rate_at_start=20.0)
    before = [len(p) for p in group]
    net.run(300.0)
    after = [len(p) for p in group]
    assert all(0 < a < b for a, b in zip(after, before, strict=True))
    net.populations["a"].add(3)
    net.populations["b"].remove(net.populations["b"].uid[:2])
    net.run(1000.0)
    net.disconnect(group[1])
    net.run(2000.0)
    assert group.n_edges < sum(after) / 2
    net.disconnect(group)
    assert growth not in net.processes


def test_each_neuron_may_have_a_target_of_its_own():
    def goal(uid):
        return np.where(uid < 30, 4.0, 1e6)

    net, group, growth = two_regions(target_rate=goal, rate_at_start=goal, growth_rate=2.0, partner=None)
    assert growth.rate[:30] == pytest.approx(4.0)
    assert growth.rate[30:] == pytest.approx(1e6)
    net.run(500.0)
    with pytest.raises(ParameterError, match=r"LinearGrowth\.target: must be positive \(Hz\), got 0 for neuron 0"):
        two_regions(target_rate=lambda uid: 0.0 * uid)[0].run(50.0)
    with pytest.raises(ParameterError, match="needs projections"):
        ns.HomeostaticGrowth([1, 2])


def test_a_negative_growth_rate_grows_above_the_target():
    """Inhibitory elements: they form on neurons that fire too much."""
    curve = ns.LinearGrowth(-1.0, 5.0)
    uid = np.arange(3)
    grown = curve.grown(1000.0, np.array([0.0, 5000.0, 10_000.0]), uid)  # one second at 0, 5 and 10 Hz
    assert grown == pytest.approx([-1.0, 0.0, 1.0])
