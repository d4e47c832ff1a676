"""Pictures of memories: what is drawn is what was given."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ParameterError
from neurosim.memory import System
from neurosim.memory.retention import EBBINGHAUS_AGE, EBBINGHAUS_SAVINGS, fit_retention


@pytest.fixture(scope="module")
def slept():
    net = ns.Network(dt=1.0, seed=1)
    mem = System(net, {"vision": 60, "language": 60}, n=20, active=0.1, items=0, longterm={"p_learn": 0.5})
    rng = np.random.default_rng(0)
    for i in range(5):
        mem.store({r: np.argsort(rng.random(60))[:6] for r in mem.slices}, label=i)
        net.run(200.0)
    return mem, mem.sleep(40, probes=0)


@pytest.mark.compiled
def test_memory_draws_fill_age_and_recall(slept):
    mem, _ = slept
    stats = mem.stats(probes=5)
    left, middle, right = ns.plot.memory(stats).axes[:3]
    heights = [bar.get_height() for bar in left.patches]
    assert heights == pytest.approx([stats.capacity_used, stats.slow_capacity_used])
    points = middle.lines[0]
    assert points.get_xdata().tolist() == stats.age.tolist()
    assert points.get_ydata().tolist() == stats.kept.tolist()
    assert np.array_equal(right.images[0].get_array(), stats.matrix)
    assert ns.plot.memory(System(ns.Network(dt=1.0), {"a": 20}, items=0)) is not None
    with pytest.raises(ParameterError, match="stats of a memory system"):
        ns.plot.memory(3)


@pytest.mark.compiled
def test_an_engram_is_a_graph_of_its_synapses(slept):
    mem, report = slept
    engram = mem.episodic.engrams[2]
    cells, joined, slow = engram.picture(mem.longterm.projection)
    assert cells.size == 12
    assert joined.all()
    assert len(slow) == pytest.approx(mem.longterm.p_eff([cells])[0] * 12 * 11)
    panels = ns.plot.engram((cells, joined, []), (cells, joined, slow), regions=mem.slices).axes
    assert [len(ax.lines) for ax in panels] == [12, 12 + len(slow)]
    with pytest.raises(ParameterError, match="cells, index, slow"):
        ns.plot.engram((cells, joined))


def test_stores_and_retention_draw_what_was_measured():
    age = [1.0, 10.0, 50.0]
    ax = ns.plot.stores(age, {"both": [0.9, 0.8, 0.7], "lesioned": [[0.1, 0.5, 0.6], [0.3, 0.5, 0.8]]}, chance=0.02)
    assert ax.lines[0].get_ydata().tolist() == [0.9, 0.8, 0.7]
    assert ax.lines[1].get_ydata() == pytest.approx([0.2, 0.5, 0.7])
    with pytest.raises(ParameterError, match="2 values for 3 ages"):
        ns.plot.stores(age, {"both": [1.0, 2.0]})
    fit = fit_retention(EBBINGHAUS_AGE, EBBINGHAUS_SAVINGS)
    ax = ns.plot.retention(EBBINGHAUS_AGE, EBBINGHAUS_SAVINGS, fit)
    laws = [line for line in ax.lines if line.get_label().startswith(("power", "exponential"))]
    assert laws[0].get_ydata()[-1] == pytest.approx(float(fit.power(EBBINGHAUS_AGE)[-1]))
    assert "R² = 0.97" in laws[0].get_label()
    with pytest.raises(ParameterError, match="ages above 0"):
        ns.plot.retention([0.0, 1.0], [1.0, 0.5])
