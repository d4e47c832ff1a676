"""The history of births and deaths: one fixed schema."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.history import COLUMNS, History


def test_schema():
    assert {name: np.dtype(kind).name for name, kind in COLUMNS.items()} == {
        "step": "int64", "kind": "int8", "rule": "int32", "projection": "int32", "pre": "int64", "post": "int64",
        "weight": "float64", "delay": "float64",
    }  # fmt: skip
    history = History(0.1)
    assert len(history) == 0
    for name, kind in COLUMNS.items():
        assert getattr(history, name).dtype == kind and getattr(history, name).shape == (0,)
    with pytest.raises(AttributeError, match="no attribute 'births'; columns: step, kind"):
        history.births  # noqa: B018


def test_events_of_a_life():
    net = ns.Network(dt=0.1, seed=1)
    a = net.add_population("a", ns.LIF(), 3)
    p = net.connect(a, a, ns.from_edges(([0], [1])), weight=0.5, delay=2.0, name="aa")
    assert len(net.history) == 0  # the wiring that connect makes is not an event
    net.run(1.0)
    p.insert([1, 2], [2, 0], weight=[0.1, 0.2], delay=1.0)
    net.run(1.0)
    p.weight = 0.3
    p.remove(pre=1, post=2, rule="mine")
    born = a.add(2)
    net.run(1.0)
    a.remove(born.uid[0])
    late = net.add_population("late", ns.LIF(), 1)
    net.remove_population(late)
    h = net.history
    assert h.kind.tolist() == [1, 1, -1, 2, 2, -2, 2, -2]
    assert h.step.tolist() == [10, 10, 20, 20, 20, 30, 30, 30]
    assert h.t.tolist() == pytest.approx([1.0, 1.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0])
    assert h.pre.tolist() == [1, 2, 1, 3, 4, 3, 5, 5]
    assert h.post.tolist() == [2, 0, 2, -1, -1, -1, -1, -1]
    assert h.weight.tolist() == [0.1, 0.2, 0.3, 0, 0, 0, 0, 0]
    assert h.delay.tolist() == [1.0, 1.0, 1.0, 0, 0, 0, 0, 0]
    assert h.rules == ["user", "mine"] and [h.rules[k] for k in h.rule] == ["user"] * 2 + ["mine"] + ["user"] * 5
    assert h.projections == ["aa"] and h.projection.tolist() == [0, 0, 0, -1, -1, -1, -1, -1]
    assert (h.born, h.died) == (2, 1) == h.counts("aa") and h.counts("other") == (0, 0)
    assert repr(h) == "History(8 events: 2 synapses born, 1 died)"
    frame = h.to_pandas()
    assert frame["rule"].tolist()[2] == "mine" and frame["projection"].tolist()[-1] == ""
    assert list(frame.columns) == ["t", *COLUMNS]


def test_arrays_and_back():
    one = History(0.1)
    one.add(3, 1, "growth", "p", np.array([1, 2]), np.array([3, 4]), 0.5, 1.0)
    one.add(4, -1, "prune", "q", np.array([1]), np.array([3]))
    one.add(4, 2, "user", "", np.array([9]), np.array([-1]))
    other = History(0.1)
    other.set_arrays(one.arrays(), one.rules, one.projections)
    for name in COLUMNS:
        assert np.array_equal(getattr(one, name), getattr(other, name))
    assert (other.born, other.died, other.counts("p"), other.counts("q")) == (2, 1, (2, 0), (0, 1))
    other.add(5, -1, "prune", "p", np.array([1]), np.array([3]))
    assert other.counts("p") == (2, 1) and len(other) == 5
