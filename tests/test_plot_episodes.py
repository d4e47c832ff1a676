"""Pictures of episodes: what is drawn is what was given."""

import numpy as np
import pytest

from neurosim.errors import ParameterError
from neurosim.plot import canvas
from neurosim.plot.episodes import chains, completed, drifting, glyph, lags


def test_completed_shows_what_fires_and_what_is_missing():
    axes = completed([("A", [0], [0, 1]), ("B", [3], [3])], [("A", [0, 1], [0, 1]), ("A", [1], [0, 1])], shape=(2, 2))
    cue, back = (ax.images[0].get_array() for ax in axes[:, 0])
    assert cue[0, 0].max() < 0.2 and cue[0, 1].tolist() == [1.0, 0.6, 0.55] and (cue[1] == 1.0).all()
    assert back[0].max() < 0.2
    assert [ax.title.get_color() for ax in axes[1]] == [canvas.INK, canvas.VERMILLION]  # B was taken for A
    with pytest.raises(ParameterError, match="0 to 1 cues"):
        completed([("A", [0], [0])], [], shape=(2, 2))
    with pytest.raises(ParameterError, match=r"places are 0 ... 3 .* got 4 ... 4"):
        completed([("A", [4], [0])], [("A", [0], [0])], shape=(2, 2))


def test_chains_begin_each_window_at_zero():
    windows, pictures = {"lived": (0.0, 10.0), "replayed": (10.0, 20.0)}, {"replayed": ("B", [[0], [3]])}
    first, second = chains([1.0, 2.0, 11.0], [0.2, 1.7, 0.2], windows, "AB", pictures=pictures, shape=(2, 2))
    assert first.collections[0].get_offsets().tolist() == [[1.0, 0.2], [2.0, 1.7]]
    assert second.collections[0].get_offsets().tolist() == [[1.0, 0.2]]
    (strip,) = (ax for ax in first.figure.axes if ax.images)
    assert np.argwhere(strip.images[0].get_array() < 0.5).tolist() == [[0, 0], [1, 5]]
    with pytest.raises(ParameterError, match="start must lie before stop"):
        chains([1.0], [0.0], {"lived": (5.0, 5.0)}, "A")


def test_contexts_and_lags_draw_what_was_measured():
    common = np.array([[1.0, 0.8, 0.6, 0.0], [0.8, 1.0, 0.7, 0.0], [0.6, 0.7, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
    left, right = drifting(common, [0.8, 0.64])
    assert np.array_equal(left.images[0].get_array(), common)
    assert right.lines[1].get_xydata().tolist() == [[1.0, 0.8], [1.0, 0.7], [2.0, 0.6]]
    with pytest.raises(ParameterError, match="square with 6 rows"):
        drifting(common, [0.8] * 5)
    ax = lags([-2, -1, 1, 2], [np.nan, 0.2, 0.5, 0.1], most=1)
    assert [line.get_xydata().tolist() for line in ax.lines] == [[[-1.0, 0.2]], [[1.0, 0.5]]]


def test_a_glyph_stands_on_the_lowest_row():
    shape = glyph("L", 8)
    assert shape[-1, -1] and not shape[0, -1] and shape.any(axis=1).all()
    assert np.array_equal(shape[:-2, 1:4], np.broadcast_to(shape[0, 1:4], (6, 3)))
    with pytest.raises(ParameterError, match="a letter with a shape"):
        glyph(" ", 8)
