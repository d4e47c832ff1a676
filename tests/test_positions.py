"""Where neurons lie, and delays that follow from it."""

import numpy as np
import pytest

import neurosim as ns
from neurosim import positions


def place(layout, n=20_000, key=7):
    return layout.place(key, np.arange(n), np.zeros((0, 0)))


# ---- layouts --------------------------------------------------------------------------------------------------------


def test_a_box_is_filled_evenly(sized):
    n = sized(20_000, 2000)
    at = place(positions.uniform((2.0, 10.0, 4.0), low=(1.0, -5.0, 0.0)), n)
    unit = (at - [1.0, -5.0, 0.0]) / [2.0, 10.0, 4.0]
    assert unit.min() >= 0.0 and unit.max() < 1.0
    assert (np.abs(unit.mean(0) - 0.5) < 5 / np.sqrt(12 * n)).all()
    cells = np.histogramdd(unit, bins=4)[0]  # 64 boxes, chi square with 63 degrees of freedom
    expected = n / 64
    assert abs(((cells - expected) ** 2 / expected).sum() - 63) < 5 * np.sqrt(2 * 63)


@pytest.mark.parametrize("dim", [2, 3])
def test_a_ball_is_filled_evenly(dim, sized):
    """(r / R)^dim is uniform, and so is every direction: the mean of each coordinate is 0, its variance R^2 / (dim + 2)."""
    n = sized(20_000, 2000)
    at = place(positions.ball(3.0, centre=np.arange(dim) * 1.0), n) - np.arange(dim)
    r = np.sqrt((at**2).sum(1)) / 3.0
    share = np.sort(r**dim)
    assert r.max() <= 1.0
    assert np.abs(share - (np.arange(n) + 0.5) / n).max() < 1.95 / np.sqrt(n)  # Kolmogorov-Smirnov, p < 0.001
    assert np.allclose(np.cov(at.T), np.eye(dim) * 9.0 / (dim + 2), atol=9.0 * 5 / np.sqrt(n))


def test_a_cloud_has_its_centre_and_spread(sized):
    n = sized(20_000, 2000)
    at = place(positions.around((5.0, -2.0), (1.0, 3.0)), n)
    assert (np.abs(at.mean(0) - [5.0, -2.0]) < 5 * np.array([1.0, 3.0]) / np.sqrt(n)).all()
    assert np.allclose(at.std(0), [1.0, 3.0], rtol=5 / np.sqrt(2 * n))


def test_a_grid_gives_its_free_sites_also_those_of_the_dead():
    net = ns.Network(seed=1)
    grid = positions.grid((2, 3), spacing=(10.0, 1.0), origin=(5.0, 0.0))
    pop = net.add_population("pop", ns.LIF(), 5, positions=grid)
    assert pop.positions.tolist() == [[5, 0], [5, 1], [5, 2], [15, 0], [15, 1]]
    pop.remove(pop.uid[1:3])
    born = pop.add(3)
    assert born.positions.tolist() == [[5, 1], [5, 2], [15, 2]]
    with pytest.raises(ns.ParameterError, match="0 of 6 sites free"):
        pop.add(1)
    assert len(pop) == 6 and pop.uid.max() == 7  # nothing was done
    pop.add(1, positions=[[0.0, 0.0]])
    assert pop.positions[-1].tolist() == [0.0, 0.0] and pop.uid.max() == 8


@pytest.mark.parametrize("layout", [positions.uniform(10.0), positions.ball(10.0), positions.around((0.0, 1.0), 2.0)])
def test_newborns_lie_where_they_would_have_lain_from_the_beginning(layout, tmp_path):
    one, other = ns.Network(seed=3), ns.Network(seed=3)
    whole = one.add_population("pop", ns.LIF(), 9, positions=layout)
    pop = other.add_population("pop", ns.LIF(), 4, positions=layout)
    pop.remove(pop.uid[:1])
    pop.add(2)
    other.save(tmp_path / "save")
    for net in (other, ns.load(tmp_path / "save")):
        pop = net.populations["pop"]
        pop.add(3)
        assert np.array_equal(pop.positions, whole.positions[1:])
    assert np.unique(whole.positions[:, 0]).size == 9
    assert not np.array_equal(
        ns.Network(seed=4).add_population("pop", ns.LIF(), 9, positions=layout).positions, whole.positions
    )


def test_a_region_is_placed_together():
    net = ns.Network(seed=1)
    a = net.add_population("a", ns.LIF(), 3, region="cortex/a")
    b = net.add_population("b", ns.LIF(), 4, region="cortex/b")
    net.place("cortex", positions.grid((3, 3)))
    together = np.concatenate([a.positions, b.positions])
    assert np.unique(together, axis=0).shape == (7, 2)
    a.add(1)
    b.add(1)
    together = np.concatenate([a.positions, b.positions])
    assert np.unique(together, axis=0).shape == (9, 2)
    with pytest.raises(ns.ParameterError, match="places whole populations"):
        net.place(a[:2], positions.ball(1.0))
    with pytest.raises(ns.ParameterError, match="needs a layout"):
        net.place(a, np.zeros((4, 2)))


def test_layouts_say_what_they_are():
    made = [
        positions.grid((2, 3), spacing=2.0),
        positions.uniform(4.0, dim=3),
        positions.ball(2.0, dim=2),
        positions.around((1.0, 2.0), 3.0),
    ]
    assert [repr(one) for one in made] == [
        "positions.grid((2, 3), spacing=(2, 2), origin=(0, 0))",
        "positions.uniform((4, 4, 4), low=(0, 0, 0), dim=3)",
        "positions.ball(2, centre=(0, 0))",
        "positions.around((1, 2), (3, 3))",
    ]
    for make, told in [
        (lambda: positions.grid((2, 3, 4, 5)), "2 or 3 whole numbers"),
        (lambda: positions.grid((2, 0)), "shape"),
        (lambda: positions.grid((2, 3), spacing=(1.0, 2.0, 3.0)), "one number or 2"),
        (lambda: positions.uniform((1.0, 2.0), dim=3), "2 or 3 coordinates"),
        (lambda: positions.uniform(-1.0), "size"),
        (lambda: positions.ball(0.0), "radius"),
        (lambda: positions.around((1.0,), 2.0), "2 or 3 coordinates"),
    ]:
        with pytest.raises(ns.ParameterError, match=told):
            make()


# ---- delays from distance -------------------------------------------------------------------------------------------


def expected_delays(net, edges, speed, base):
    where = {}
    for population in net.populations.values():
        where |= dict(zip(population.uid.tolist(), population.positions, strict=True))
    apart = [np.linalg.norm(where[i] - where[j]) for i, j in zip(edges.pre.tolist(), edges.post.tolist(), strict=True)]
    return np.maximum(np.round((base + np.array(apart) / speed) / net.dt), 1) * net.dt


@pytest.mark.filterwarnings("ignore:.*rounded to multiples")
def test_delays_follow_from_distance_also_of_synapses_that_are_made_later(tmp_path):
    net = ns.Network(dt=0.1, seed=2)
    a = net.add_population("a", ns.LIF(), 12, positions=positions.ball(30.0, dim=3))
    b = net.add_population("b", ns.LIF(), 8, positions=positions.uniform((50.0, 50.0, 5.0)))
    rule = ns.delay_by_distance(12.0, base=0.4)
    p = net.connect(a, b, ns.random(0.5), delay=rule, plasticity=ns.PairSTDP(w_max=2.0))
    still = net.connect(b, a, ns.random(0.5), delay=ns.delay_by_distance(200.0))
    near = net.connect(a, a, ns.random(0.3), delay=1.0)
    assert np.allclose(p.delay, expected_delays(net, p.edges(), 12.0, 0.4))
    assert np.unique(p.delay).size > 5
    assert (
        np.allclose(still.delay, expected_delays(net, still.edges(), 200.0, 0.0)) and still.delay.min() >= 0.1 - 1e-12
    )
    near.delay = rule
    assert np.allclose(near.delay, expected_delays(net, near.edges(), 12.0, 0.4))
    net.save(tmp_path / "save")
    for one in (net, ns.load(tmp_path / "save")):
        p, source = one.projections["a->b"], one.populations["a"]
        born = source.add(3)
        p.insert(*p.sample_non_edges(10, key=1))
        one.projections["b->a"].insert(one.populations["b"].uid[:3], born.uid)
        one.projections["a->a"].insert(born.uid[:1], source.uid[:1], delay=rule)
        for name, speed, base in (("a->b", 12.0, 0.4), ("b->a", 200.0, 0.0), ("a->a", 12.0, 0.4)):
            edges = one.projections[name].edges()
            assert np.allclose(edges.delay, expected_delays(one, edges, speed, base))


def test_distances_and_what_is_refused():
    net = ns.Network(seed=1)
    a = net.add_population("a", ns.LIF(), 2, positions=[[0.0, 0.0], [3.0, 4.0]])
    b = net.add_population("b", ns.LIF(), 1, positions=[[0.0, 4.0]])
    none = net.add_population("none", ns.LIF(), 1)
    deep = net.add_population("deep", ns.LIF(), 1, positions=[[0.0, 0.0, 0.0]])
    assert net.distance([*a.uid, a.uid[0]], [b.uid[0], b.uid[0], a.uid[1]]).tolist() == [4.0, 3.0, 5.0]
    with pytest.raises(ns.ParameterError, match="'none' has no positions; net.place"):
        net.connect(a, none, ns.all_to_all(), delay=ns.delay_by_distance(1.0))
    with pytest.raises(ns.ParameterError, match="2 and 3 coordinates"):
        net.connect(a, deep, ns.all_to_all(), delay=ns.delay_by_distance(1.0))
    with pytest.raises(ns.ParameterError, match="is for delays"):
        net.connect(a, b, ns.all_to_all(), weight=ns.delay_by_distance(1.0))
    with pytest.raises(ns.ParameterError, match="speed: must be positive"):
        ns.delay_by_distance(0.0)
    with pytest.raises(ns.ParameterError, match="no neuron has uid 99"):
        net.distance(99, a.uid[0])
    assert not net.projections
