"""Pictures of memories by age, of a stream that is longer than its store, and of two study sessions."""

import doctest
import importlib

import numpy as np
import pytest

import neurosim as ns
from neurosim.memory.retention import mean_by_age
from neurosim.memory.stream import Stream
from neurosim.plot.by_age import by_age
from neurosim.plot.spaced import spaced
from neurosim.plot.streams import streams

DAY = 86_400_000.0


@pytest.mark.parametrize("name", ["by_age", "spaced", "streams"])
def test_the_examples_run(name):
    assert doctest.testmod(importlib.import_module(f"neurosim.plot.{name}")).failed == 0


def test_mean_and_spread_are_those_of_each_age():
    age, share = np.array([3, 0, 3, 0, 0, 7]), np.array([0.2, 1.0, 0.4, 0.7, 0.4, 0.5])
    ax = by_age(age, {"fast": share, "slow": 1.0 - share}, unit="nights")
    for line, values in zip(ax.lines, (share, 1.0 - share), strict=True):
        assert np.array_equal(line.get_xdata(), [0, 3, 7])
        assert np.allclose(line.get_ydata(), [values[age == one].mean() for one in (0, 3, 7)])
    band = ax.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(0.7 + share[age == 0].std())
    assert ax.get_xlabel() == "age of the memory (nights)"


def test_means_of_bins_of_ages():
    found = mean_by_age(np.array([1.0, 0.0, 0.5]), np.array([0, 2, 4]), np.array([0, 3, 4, 5, 9]))
    assert np.array_equal(found, [0.5, np.nan, 0.5, np.nan], equal_nan=True)


def test_a_bar_for_each_item_that_is_known():
    stream = Stream.draw(1, 20, 64, 5)
    known = {"useful": stream.useful, "random": np.arange(len(stream)) % 2 == 0}
    looks = {name: np.linspace(0.0, 0.3, 7) for name in known}
    figure = streams(known, stream.kinds, looks, {name: 1e6 * one for name, one in looks.items()}, days=80.0)
    assert len(figure.axes) == 4
    for ax, kept in zip(figure.axes, known.values(), strict=False):
        bars = [line.get_xdata() for line in ax.lines if line.get_marker() == "|"]
        for at, mine in zip(bars, stream.kinds.values(), strict=True):
            assert np.array_equal(at, np.flatnonzero(mine & kept))
    assert figure.axes[2].lines[0].get_xdata()[-1] == 80.0
    assert figure.axes[3].lines[0].get_ydata()[-1] == pytest.approx(0.3)
    assert sum(stream.kinds.values()).tolist() == [1] * len(stream)  # each item is of one kind


def test_the_best_gap_lies_on_its_curve():
    gap = np.array([1.0, 4.0, 16.0]) * DAY
    ax = spaced(gap, [[0.4], [0.8], [0.6]], [7.0 * DAY], best=[8.0 * DAY])
    assert ax.get_xscale() == "log"
    assert (ax.lines[1].get_xdata()[0], ax.lines[1].get_ydata()[0]) == (pytest.approx(8.0), pytest.approx(0.7))


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda: by_age([0, 1], {}), "at least one measurement"),
        (lambda: by_age([0, 1], {"fast": [1.0]}), "must have 2 entries, got 1"),
        (lambda: spaced([1.0, 2.0], [[0.5]], [7.0]), "a row for each of 2 gaps"),
        (lambda: streams({}, {}, {}, {}), "at least one policy"),
        (lambda: streams({"lru": [True]}, {"all": [True, False]}, {}, {}), "must have 1 entries, got 2"),
        (lambda: streams({"lru": [True]}, {"all": [True]}, {}, {}), "fill.*lru"),
    ],
)
def test_what_cannot_be_drawn_is_named(draw, told):
    with pytest.raises(ns.ParameterError, match=told):
        draw()
