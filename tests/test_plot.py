"""Pictures: what is drawn, what is written on the axes, and that pyplot never notices."""

import doctest
import importlib
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from neurosim import plot
from neurosim.errors import ParameterError


def spikes_of(n=4, t=(1.0, 2.0, 2.0, 9.0), index=(0, 1, 3, 2), span=(0.0, 10.0), label="exc", segments=None):
    t = np.array(t, np.float64)
    return SimpleNamespace(
        t=t,
        step=np.round(t / 0.1).astype(np.int64),
        uid=np.array(index, np.int64) + 100,
        index=np.array(index, np.int64),
        label=label,
        n=n,
        span=span,
        segments=segments if segments is not None else [(label, 0, n)],
        rate=lambda: 1000.0 * t.size / (n * (span[1] - span[0])),
    )


def nothing(**changes):
    return spikes_of(t=(), index=(), **changes)


def rate_of(values=(4.0, 5.0, 6.0), label="exc"):
    values = np.array(values)
    return SimpleNamespace(t=5.0 + 10.0 * np.arange(values.size), rate=values, width=10.0, label=label)


def edges_of(count=(100, 105, 103, 110), born=(0, 8, 9, 20), died=(0, 3, 6, 10), t=(0.0, 100.0, 200.0, 300.0)):
    arrays = (np.array(one, np.int64) for one in (count, born, died))
    return SimpleNamespace(
        t=np.array(t, np.float64), **dict(zip(("count", "born", "died"), arrays, strict=True)), label="ee"
    )


def history_of(t=(10.0, 20.0, 30.0, 40.0, 50.0), kind=(1, 1, -1, 2, 1)):
    return SimpleNamespace(t=np.array(t, np.float64), kind=np.array(kind, np.int8))


def state_of(steps=50, n=8):
    t = 0.1 * np.arange(1, steps + 1)
    values = -65.0 + np.arange(n)[None, :] + np.sin(t)[:, None]
    return SimpleNamespace(t=t, values=values, variable="v", unit="mV", uid=np.arange(n) + 10, label="exc")


def weights_of(samples=5, n=100):
    rng = np.random.default_rng(1)
    return SimpleNamespace(
        t=100.0 * np.arange(samples),
        weight=[np.clip(rng.normal(0.5, 0.1 + 0.1 * k, n), 0.0, 1.0) for k in range(samples)],
        pre=[np.arange(n)] * samples,
        post=[np.arange(n)] * samples,
        label="ee",
    )


def projection_of():
    return SimpleNamespace(
        pre=np.array([0, 0, 1, 2, 2]), post=np.array([1, 2, 2, 0, 2]), weight=np.array([1.0, 2.0, -1.0, 0.5, 3.0])
    )


def words_of(ax):
    return [text.get_text() for text in ax.texts]


def points_of(ax):
    return sum(line.get_xdata().size for line in ax.lines if line.get_linestyle() == "None")


@pytest.fixture(autouse=True)
def _pyplot_never_notices():
    import matplotlib

    plt = pytest.importorskip("matplotlib.pyplot")
    before, settings = plt.get_fignums(), dict(matplotlib.rcParams)
    yield
    assert plt.get_fignums() == before
    assert dict(matplotlib.rcParams) == settings
    plt.close("all")


# --- spikes -----------------------------------------------------------------------------------------------------------


def test_raster_draws_every_spike_and_a_rate_strip():
    ax = plot.raster(spikes_of())
    assert points_of(ax) == 4
    assert ax.get_xlabel() == "" and ax.rate_axes.get_xlabel() == "time (ms)"
    assert ax.rate_axes.get_ylabel() == "rate (Hz)"
    assert ax.get_ylabel().startswith("neuron")
    assert ax.figure.axes == [ax, ax.rate_axes]


def test_raster_returns_the_same_kind_of_thing_without_strip():
    ax = plot.raster(spikes_of(), rate=False)
    assert ax.rate_axes is None and ax.get_xlabel() == "time (ms)"
    assert type(ax) is type(plot.raster(spikes_of()))


def test_the_strip_counts_spikes_per_neuron_and_second_and_an_edge_counts_to_the_left():
    (line,) = plot.raster(spikes_of(), width=2.0).rate_axes.lines
    assert np.allclose(line.get_xdata(), [1, 3, 5, 7, 9])
    assert np.allclose(line.get_ydata(), np.array([3, 0, 0, 0, 1]) * 1000.0 / (2.0 * 4))


def test_a_last_bin_that_is_cut_short_still_shows_the_rate():
    (line,) = plot.raster(spikes_of(), width=4.0).rate_axes.lines
    assert np.allclose(line.get_ydata(), np.array([3 / 4.0, 0.0, 1 / 2.0]) * 1000.0 / 4)


def test_raster_stacks_recorders_and_colours_populations():
    both = spikes_of(segments=[("exc", 0, 3), ("inh", 3, 1)])
    ax = plot.raster(both, spikes_of(label="CA3"))
    assert [line.get_label() for line in ax.lines] == ["exc", "inh", "CA3"]
    assert len({line.get_color() for line in ax.lines}) == 3
    assert ax.lines[2].get_ydata().min() == 4
    assert set(words_of(ax)) == {"exc", "inh", "CA3"}
    assert points_of(plot.raster([both, spikes_of()])) == 8
    assert len({line.get_color() for line in plot.raster(both, color_by="recorder").lines}) == 1


def test_raster_window_and_neuron_limit():
    assert points_of(plot.raster(spikes_of(), window=(1.5, 5.0))) == 2
    ax = plot.raster(spikes_of(), max_neurons=2)
    assert points_of(ax) == 2  # neurons 0 and 2
    assert "every 2nd" in ax.get_ylabel()
    assert ax.rate_axes.lines[0].get_ydata().sum() > 0


def test_an_empty_recording_says_so():
    ax = plot.raster(nothing())
    assert "no spikes" in words_of(ax)
    assert "no spikes" in words_of(plot.raster(nothing(n=0, span=(0.0, 0.0))))
    assert points_of(ax) == 0


def test_many_spikes_are_pixels_in_a_bitmap():
    rng = np.random.default_rng(0)
    many = spikes_of(
        n=1000, t=np.sort(rng.uniform(0, 1000, 50_000)), index=rng.integers(0, 1000, 50_000), span=(0, 1000)
    )
    (dots,) = plot.raster(many).lines
    assert dots.get_marker() == "," and dots.get_rasterized()


def test_raster_in_given_axes_keeps_the_users_figure_as_it_was():
    import matplotlib.pyplot as plt

    numbers = plt.get_fignums()
    figure, (left, right) = plt.subplots(1, 2)
    plt.sca(right)
    assert plot.raster(spikes_of(), ax=left) is left
    strip = left.rate_axes
    assert strip in figure.axes and plt.gca() is right
    assert plot.raster(spikes_of(), ax=left).rate_axes is strip  # again into the same axes
    free = figure.add_axes((0.1, 0.1, 0.3, 0.3))
    assert plot.raster(spikes_of(), ax=free).rate_axes.get_position().y1 < free.get_position().y0
    plt.close(figure)
    assert plt.get_fignums() == numbers


def test_rates_takes_both_kinds_of_recorder():
    ax = plot.rates([rate_of(), spikes_of(label="inh")], width=5.0, target=5.0)
    assert ax.get_xlabel() == "time (ms)" and ax.get_ylabel() == "rate (Hz per neuron)"
    recorded, counted, target = ax.lines
    assert np.array_equal(recorded.get_ydata(), [4.0, 5.0, 6.0])
    assert np.allclose(counted.get_ydata(), [3 * 1000 / 20.0, 1000 / 20.0])
    assert target.get_ydata()[0] == 5.0
    assert {"exc", "inh", "target 5 Hz"} <= set(words_of(ax))
    assert "no rates yet" in words_of(plot.rates(rate_of(())))


def test_long_times_are_shown_in_larger_units():
    assert plot.raster(nothing(span=(0.0, 20_000.0)), rate=False).get_xlabel() == "time (s)"
    ax = plot.raster(nothing(span=(0.0, 45 * 3.6e6)), rate=False)
    assert ax.get_xlabel() == "time (h)"
    assert ax.xaxis.get_major_formatter()(7.2e6, 0) == "2"


# --- structure --------------------------------------------------------------------------------------------------------


def test_growth_shows_births_up_deaths_down_and_the_total():
    ax = plot.growth(edges_of(), every=100.0)
    up, down = ax.containers
    assert [bar.get_height() for bar in up] == [8, 1, 11]
    assert [bar.get_height() for bar in down] == [-3, -3, -4]
    (line,) = ax.total_axes.lines
    assert np.array_equal(line.get_ydata(), [100, 105, 103, 110])
    assert ax.get_xlabel() == "time (ms)"
    assert "synapses per 100 ms" in ax.get_ylabel()
    assert ax.total_axes.get_ylabel() == "synapses in all"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["born", "died", "in all"]
    assert ax.yaxis.get_major_formatter()(-3.0, 0) == "3"


def test_growth_bins_add_up_whatever_their_width():
    for every in (70.0, 100.0, 1000.0, None):
        up, down = plot.growth(edges_of(), every=every).containers
        assert sum(bar.get_height() for bar in up) == 20
        assert sum(bar.get_height() for bar in down) == -10


def test_growth_of_a_history_counts_synapses_and_not_neurons():
    ax = plot.growth(history_of(), every=25.0, start=7)
    up, down = ax.containers
    assert [bar.get_height() for bar in up] == [2, 1]
    assert [bar.get_height() for bar in down] == [0, -1]
    assert ax.total_axes.lines[0].get_ydata().tolist() == [7, 8, 9, 8, 9]
    assert "change" in plot.growth(history_of()).total_axes.get_ylabel()


def test_growth_draws_real_points_with_labels():
    ax = plot.growth(edges_of(), real=([0.0, 300.0, 300.0], [100, 112, 111]))
    dots = ax.total_axes.lines[1]
    assert dots.get_ydata().tolist() == [100, 112, 111]
    written = ", ".join(words_of(ax.total_axes))
    assert all(number in written for number in ("100", "112", "111"))
    named = plot.growth(edges_of(), real=([0.0, 300.0], [100, 112], ["birth", "adult"]))
    assert words_of(named.total_axes) == ["birth", "adult"]


def test_growth_without_events_says_so():
    assert "no samples" in words_of(plot.growth(edges_of((), (), (), ())))
    assert "no structural events" in words_of(plot.growth(history_of((), ())))
    assert plot.growth(edges_of((5,), (0,), (0,), (0.0,))).total_axes.lines[0].get_ydata().tolist() == [5]


def test_growth_summary_stacks_panels_on_one_time_axis(tmp_path):
    path = tmp_path / "growth.png"
    figure = plot.growth_summary(
        edges_of(),
        [spikes_of(span=(0.0, 300.0))],
        rate_of(),
        target=5.0,
        real=([0.0], [100]),
        path=path,
        caption="seed 1",
    )
    growth_axes, raster_axes, rate_axes, total_axes = figure.axes
    assert growth_axes.total_axes is total_axes
    assert growth_axes.get_xlim() == raster_axes.get_xlim() == rate_axes.get_xlim()
    assert rate_axes.get_xlabel() == "time (ms)" and growth_axes.get_xlabel() == ""
    assert figure.get_supxlabel() == "seed 1"
    assert path.read_bytes().startswith(b"\x89PNG")
    assert len(plot.growth_summary(edges_of()).axes) == 2
    assert len(plot.growth_summary(edges_of(), spikes_of()).axes) == 4  # rates counted from spikes


# --- synapses and states ----------------------------------------------------------------------------------------------


def test_weights_of_a_recorder_over_time():
    ax = plot.weights(weights_of(), bounds=(0.0, 1.0), unit="nS", bins=20)
    assert ax.get_xlabel() == "time (ms)" and ax.get_ylabel() == "weight (nS)"
    assert ax.share_axes.get_ylabel() == "synapses (% per bin)"
    mesh = ax.collections[0].get_array()
    assert mesh.size == 20 * 5 and np.allclose(np.nansum(mesh, axis=0), 100.0)
    assert any("upper bound" in text.get_text() for text in ax.get_legend().get_texts())


def test_weights_now_marks_the_share_at_the_bounds():
    values = np.array([0.0, 0.0, 0.25, 0.5, 1.0])
    for given in (values, SimpleNamespace(weight=values, pre=values, post=values)):
        ax = plot.weights(given, bounds=(0.0, 1.0), unit="pA")
        texts = [text.get_text() for text in ax.get_legend().get_texts()]
        assert "lower bound: 40.0%" in texts and "upper bound: 20.0%" in texts
        assert ax.get_xlabel() == "weight (pA)" and ax.get_ylabel() == "synapses (count)"
        assert ax.patches[0].get_data().values.sum() == 5
    assert "at 100 ms" in plot.weights(weights_of(), at=120.0).get_legend().get_texts()[0].get_text()


def test_weights_without_synapses_or_without_spread():
    assert "no synapses" in words_of(plot.weights(SimpleNamespace(weight=np.zeros(0))))
    assert "no synapses" in words_of(plot.weights(SimpleNamespace(t=np.zeros(0), weight=[])))
    assert plot.weights(np.full(10, 2.0)).patches[0].get_data().values.sum() == 10


def test_degree_counts_neurons_without_synapses_when_told_of_them():
    ax = plot.degree(projection_of(), pre_uid=np.arange(4), post_uid=np.arange(4))
    assert ax.get_xlabel() == "degree (synapses per neuron)" and ax.get_ylabel() == "neurons (count)"
    into, out = (patch.get_data().values.tolist() for patch in ax.patches if not patch.get_fill())
    assert into == [1, 2, 0, 1] and out == [1, 1, 2, 0]
    alone = plot.degree((np.array([0, 0]), np.array([1, 2])))
    assert [text.get_text() for text in alone.get_legend().get_texts()] == ["in-degree, mean 1", "out-degree, mean 2"]
    assert "no synapses" in words_of(plot.degree((np.zeros(0, int), np.zeros(0, int))))
    assert plot.degree(projection_of(), log=True).get_yscale() == "log"


def test_state_shows_the_unit_and_the_neurons_asked_for():
    ax = plot.state(state_of())
    assert ax.get_ylabel() == "v (mV)" and ax.get_xlabel() == "time (ms)"
    assert len(ax.lines) == 5
    chosen = plot.state(state_of(), neurons=[0, 3])
    assert [line.get_label() for line in chosen.lines] == ["neuron 10", "neuron 13"]
    assert "no samples" in words_of(plot.state(state_of(steps=0)))
    assert len(plot.state(state_of(n=2)).lines) == 2


# --- graphs -----------------------------------------------------------------------------------------------------------


def lines_in(ax, label):
    return sum(len(one.get_segments()) for one in ax.collections if one.get_label() == label)


def test_graph_draws_edges_new_ones_and_ghosts():
    ax = plot.graph(projection_of(), new=[(0, 1)], ghosts={(1, 0), (0, 2)}, labels=True)
    assert lines_in(ax, "excitatory") == 3 and lines_in(ax, "inhibitory") == 1
    assert lines_in(ax, "new") == 1
    assert lines_in(ax, "pruned") == 1  # (0, 2) still exists
    assert words_of(ax) == ["0", "1", "2"]
    assert not ax.axison


def test_graph_takes_many_forms_of_edges():
    nx = pytest.importorskip("networkx")
    pairs = [(0, 1), (1, 2)]
    pre, post = np.array([0, 1]), np.array([1, 2])
    recorder = SimpleNamespace(t=np.zeros(2), pre=[pre[:1], pre], post=[post[:1], post])
    for form in (pairs, set(pairs), np.array(pairs), (pre, post), nx.DiGraph(pairs), recorder, [recorder, recorder]):
        assert lines_in(plot.graph(form), "synapses") == 2, form
    assert lines_in(plot.graph([("AVAL", "AVAR"), ("AVAR", "AVBL")], labels=True), "synapses") == 2
    assert lines_in(plot.graph((np.array([0, 0]), np.array([1, 1]))), "synapses") == 1  # parallel ones are merged


def test_graph_positions_are_used_and_the_layout_repeats():
    at = {0: (0.0, 0.0), 1: (1.0, 0.0), 2: (0.0, 1.0), 3: (1.0, 1.0)}
    ax = plot.graph(projection_of(), at)
    dots = ax.collections[-1].get_offsets()
    assert np.array_equal(np.asarray(dots), list(at.values()))
    one, two = (np.asarray(plot.graph(projection_of(), seed=3).collections[-1].get_offsets()) for _ in range(2))
    assert np.array_equal(one, two)
    large = np.random.default_rng(0).integers(0, 450, (2, 1500))
    one, two = (np.asarray(plot.graph(tuple(large)).collections[-1].get_offsets()) for _ in range(2))
    assert np.array_equal(one, two) and np.isfinite(one).all()


def test_graph_classes_have_a_colour_a_marker_and_a_legend():
    ax = plot.graph(projection_of(), color={0: "exc", 1: "exc", 2: "inh"})
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert "exc (2)" in texts and "inh (1)" in texts
    assert plot.graph(projection_of(), color="black", legend=False).get_legend() is None


def test_many_neurons_are_drawn_as_regions():
    rng = np.random.default_rng(0)
    pre, post = rng.integers(0, 300, (2, 2000))
    region = {"cortex": np.arange(200), "CA3": np.arange(200, 300)}
    ax = plot.graph((pre, post), regions=region, new=(pre[:9], post[:9]))
    texts = words_of(ax)
    assert "cortex\n200" in texts and "CA3\n100" in texts
    from matplotlib.patches import FancyArrowPatch

    assert sum(isinstance(one, FancyArrowPatch) for one in ax.patches) == 4
    within = int(((pre < 200) & (post < 200)).sum())
    assert any(text.startswith(f"{within:,}") for text in texts)
    few = plot.graph((pre, post), regions=region, aggregate_above=300, positions="spring")
    assert lines_in(few, "synapses") > 1000


def test_a_network_without_edges_or_neurons_is_still_a_picture():
    none = np.zeros(0, np.int64)
    assert "no neurons" in words_of(plot.graph((none, none)))
    assert plot.graph((none, none), {0: (0.0, 0.0), 1: (1.0, 1.0)}).collections[-1].get_offsets().shape == (2, 2)


# --- development ------------------------------------------------------------------------------------------------------

NAMES = ["ASEL", "ASER", "AIYL", "AIYR", "AVL", "RMDL", "RMDR"]
CLASSES = ["sensory", "sensory", "inter", "inter", "inter", "motor", "motor"]


def contacts(*edges):
    matrix = np.zeros((len(NAMES), len(NAMES)))
    for pre, post, count in edges:
        matrix[NAMES.index(pre), NAMES.index(post)] = count
    return matrix


BIRTH = contacts(("ASEL", "AIYL", 2), ("ASER", "AIYR", 1), ("AIYL", "RMDL", 1))
GROWN = contacts(("ASEL", "AIYL", 4), ("ASER", "AIYR", 1), ("AIYR", "RMDR", 3), ("AVL", "AVL", 1))


def test_development_compares_every_panel_with_the_first(tmp_path):
    path = tmp_path / "brain.png"
    figure = plot.development(
        [("birth", BIRTH), ("grown", GROWN), ("real", GROWN)],
        NAMES,
        CLASSES,
        path=path,
        caption="seed 1, 0.1.0",
        dpi=40,
    )
    assert len(figure.axes) == 3
    assert figure.get_size_inches().tolist() == [15.0, 5.5]
    first, second, _ = (ax.get_title() for ax in figure.axes)
    assert "5 neurons, 3 connections, 4 contacts" in first
    assert "7 neurons, 4 connections, 9 contacts" not in second  # ASEL ASER AIYL AIYR RMDR AVL
    assert "6 neurons, 4 connections, 9 contacts" in second and "+2 new, −1 pruned" in second
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts[:3] == ["sensory neuron", "inter neuron", "motor neuron"] and "pruned" in texts
    assert "seed 1, 0.1.0" in [text.get_text() for text in figure.texts]
    ghosts, lines = figure.axes[1].collections[:2]
    assert len(ghosts.get_segments()) == 1 and len(lines.get_segments()) == 4
    assert len(np.unique(lines.get_colors()[:, :3], axis=0)) == 2  # old and new
    assert path.read_bytes().startswith(b"\x89PNG")


def test_development_takes_sparse_matrices_and_other_classes():
    sparse = pytest.importorskip("scipy.sparse")
    figure = plot.development(
        [("a", sparse.csr_matrix(BIRTH))], NAMES, ["glia"] * 7, np.random.default_rng(0).normal(size=(7, 2))
    )
    assert len(figure.axes) == 1
    assert "3 connections" in figure.axes[0].get_title()


def test_development_draws_gap_junctions_in_every_panel():
    none = np.zeros((7, 7))
    some = contacts(("ASEL", "ASER", 1), ("ASER", "ASEL", 1), ("AVL", "AIYL", 2), ("AVL", "AVL", 1))
    figure = plot.development([("a", BIRTH), ("b", GROWN)], NAMES, CLASSES, coupled=[none, some])
    assert "0 pairs with gap junctions" in figure.axes[0].get_title()
    assert "2 pairs with gap junctions" in figure.axes[1].get_title()
    straight = [len(c.get_segments()) for c in figure.axes[1].collections if hasattr(c, "get_segments")]
    assert straight[-1] == 2
    assert "gap junctions" in [text.get_text() for text in figure.legends[0].get_texts()]
    with pytest.raises(ParameterError, match=r"coupled\): needs 2 matrices of shape \(7, 7\).* got \(7, 7\)"):
        plot.development([("a", BIRTH), ("b", GROWN)], NAMES, CLASSES, coupled=[none])


def test_worm_layout_mirrors_partners_orders_classes_and_keeps_distance():
    rng = np.random.default_rng(5)
    names = [f"N{k}{side}" for k in range(40) for side in "LR"] + ["AVL", "DVA"]
    classes = [("sensory", "inter", "motor")[k % 3] for k in range(40) for _ in "LR"] + ["inter", "motor"]
    matrix = rng.poisson(0.1, (82, 82))
    at = plot.worm_layout(names, classes, matrix, seed=2)
    assert np.array_equal(at, plot.worm_layout(names, classes, matrix, seed=2))
    left, right = at[0:80:2], at[1:80:2]
    assert np.allclose(left[:, 0], -right[:, 0]) and np.allclose(left[:, 1], right[:, 1]) and (left[:, 0] < 0).all()
    assert np.all(at[80:, 0] == 0.0)
    height = {kind: at[np.array(classes) == kind, 1].mean() for kind in ("sensory", "inter", "motor")}
    assert height["sensory"] > height["inter"] > height["motor"]
    far = np.hypot(*(at[:, None] - at[None]).transpose(2, 0, 1))
    assert far[np.triu_indices(82, 1)].min() > 0.1


def test_worm_layout_of_one_and_of_unconnected_neurons():
    assert plot.worm_layout(["AVL"], ["inter"], [[0]]).shape == (1, 2)
    at = plot.worm_layout(["AL", "AR", "B", "C"], ["inter"] * 4, np.zeros((4, 4)))
    assert np.isfinite(at).all() and len(np.unique(at, axis=0)) == 4


# --- wording and house rules ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "wording"),
    [
        (lambda: plot.raster(42), "plot.raster.*spike recorder.*record"),
        (lambda: plot.raster([]), "plot.raster.*empty list"),
        (lambda: plot.raster(spikes_of(), window=(5.0, 5.0)), "start must lie before stop"),
        (lambda: plot.raster(spikes_of(), window=3), r"\(start, stop\) in ms"),
        (lambda: plot.raster(spikes_of(), color_by="region"), "color_by"),
        (lambda: plot.raster(spikes_of(), max_neurons=0), "max_neurons"),
        (lambda: plot.raster(spikes_of(), ax="axes"), "matplotlib axes"),
        (lambda: plot.raster(SimpleNamespace(t=np.zeros(3), index=np.zeros(2), n=1)), "must have 3 entries"),
        (lambda: plot.rates("exc"), "plot.rates.*rate or spike recorder"),
        (lambda: plot.rates(rate_of(), width=0.0), "width"),
        (lambda: plot.growth(spikes_of()), "plot.growth.*edge recorder.*history"),
        (lambda: plot.growth(edges_of(), every=-1.0), "every"),
        (lambda: plot.growth(edges_of(), every=1e-4), "bars"),
        (lambda: plot.growth(edges_of(), real=[1.0]), r"\(t, count\)"),
        (lambda: plot.growth_summary(None), "edge recorder"),
        (lambda: plot.weights(None), "plot.weights.*weight recorder"),
        (lambda: plot.weights([]), "plot.weights.*empty"),
        (lambda: plot.weights(np.ones(3), bounds=(1.0, 0.0)), "lowest must lie below highest"),
        (lambda: plot.weights(np.ones(3), at=5.0), "weight recorder"),
        (lambda: plot.degree(3), "plot.degree.*projection"),
        (lambda: plot.degree(projection_of(), post_uid=[0, 1]), "post_uid"),
        (lambda: plot.state(spikes_of()), "plot.state.*state recorder"),
        (lambda: plot.state(state_of(), neurons=[99]), "places from 0 to 7"),
        (lambda: plot.graph(None), "plot.graph.*projection.*networkx"),
        (lambda: plot.graph([]), "got nothing"),
        (lambda: plot.graph(SimpleNamespace(t=[0], pre=None, post=None)), "keep_edges=True"),
        (lambda: plot.graph(projection_of(), {0: (0.0, 0.0)}), "no position for neuron 1"),
        (lambda: plot.graph(projection_of(), "circle"), "kamada_kawai"),
        (lambda: plot.graph(projection_of(), color=["a", "b"]), "3 entries"),
        (lambda: plot.graph(projection_of(), regions=3), "regions"),
        (lambda: plot.graph([("a", "b")], new=[(0, 1)]), "numbers in some"),
        (lambda: plot.development([], NAMES, CLASSES), "panels"),
        (lambda: plot.development([("a", np.zeros((2, 2)))], NAMES, CLASSES), r"shape \(7, 7\)"),
        (lambda: plot.development([("a", BIRTH)], NAMES, CLASSES[:3]), "classes"),
        (lambda: plot.worm_layout(["A"], [], [[0]]), "as many classes"),
    ],
)
def test_what_is_wrong_is_named(call, wording):
    with pytest.raises(ParameterError, match=wording):
        call()


def test_every_picture_can_be_written_and_shown_in_a_notebook():
    pictures = [
        plot.raster(spikes_of()),
        plot.rates(rate_of()),
        plot.growth(edges_of()),
        plot.graph(projection_of()),
        plot.weights(weights_of()),
        plot.degree(projection_of()),
        plot.state(state_of()),
        plot.development([("a", BIRTH)], NAMES, CLASSES),
    ]
    for picture in pictures:
        assert picture._repr_png_().startswith(b"\x89PNG")


def test_importing_the_plots_imports_neither_matplotlib_nor_networkx():
    code = "import sys, neurosim.plot; assert not {'matplotlib', 'networkx', 'scipy', 'numba'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_drawing_never_imports_pyplot():
    code = (
        "import sys; from neurosim import plot; plot.graph([(0, 1)]); plot.weights([1.0, 2.0]);"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["brains", "graphs", "layout", "synapses", "spikes", "states", "structure"])
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(f"neurosim.plot.{name}")).failed == 0


def test_every_function_has_an_example():
    for name in plot.__all__:
        assert "Examples\n" in getattr(plot, name).__doc__, name
