"""Pictures of growth: what is drawn is what the history says, of a network or of its history."""

import doctest
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import neurosim as ns
from neurosim import plot
from neurosim.errors import ParameterError
from neurosim.plot import reel


@pytest.fixture(scope="module")
def net():
    """50 neurons in two regions that grow, prune, come and go; nobody fires."""
    rng = np.random.default_rng(1)
    net = ns.Network(seed=1)
    exc = net.add_population("exc", ns.LIF(), 30, region="cortex/a")
    inh = net.add_population("inh", ns.LIF(), 20, region="cortex/b")
    ee = net.connect(exc, exc, ns.random(0.03), weight=0.1, name="ee")
    ei = net.connect(exc, inh, ns.random(0.03), weight=0.1, parallel=True, name="ei")
    for k in range(6):
        pre, post = ee.sample_non_edges(15, k)
        ee.insert(pre, post, rule="grow")
        ei.insert(rng.choice(exc.uid, 5), rng.choice(inh.uid, 5), rule="grow")
        edges = ee.edges()
        edges[rng.random(len(edges)) < 0.1].remove(rule="prune")
        if k == 3:
            exc.add(4)
            inh.remove(inh.uid[:2])
        net.run(1.0)
    return net


def test_degrees_are_one_ridge_a_time(net):
    ax = plot.degrees(net, [0.0, 3.0, 6.0])
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0 ms", "3 ms", "6 ms"]
    words = [text.get_text() for text in ax.texts]
    assert words[0].startswith("50 neurons") and words[2].startswith("52 neurons")
    mean = len(net.history.graph_at(6.0)) / 52
    assert words[2] == f"52 neurons\nmean {mean:.3g}"
    assert ax.get_xlabel() == "synapses per neuron"
    inward = np.bincount(ns.analysis.degrees_over_time(net, [6.0]).inward[0])
    ridge = ax.patches[4].get_data()
    heights = (ridge.values - ridge.baseline)[: inward.size]
    assert heights / heights.sum() == pytest.approx(inward / inward.sum())
    assert plot.degrees(net.history, 2, projection="ee", ax=ax) is ax


def test_survival_draws_a_curve_a_cohort(net):
    ax = plot.survival(net, [0.0, 2.0, 6.0])
    curves = ns.analysis.survival(net, [0.0, 2.0, 6.0])
    lines = [line for line in ax.lines if line.get_drawstyle() == "steps-post"]
    assert len(lines) == len(curves) == 3 and curves[0].label == "made by connect"
    for line, curve in zip(lines, curves, strict=True):
        assert np.array_equal(line.get_ydata()[:-1], curve.survival) and line.get_xdata()[-1] == curve.longest
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend[0] == f"made by connect: {curves[0].n}, {curves[0].died} died"
    assert ax.get_xlabel() == "age (ms)" and plot.survival(net, log=True).get_yscale() == "log"
    empty = plot.survival(ns.Network().history)
    assert [text.get_text() for text in empty.texts] == ["no synapses"]


def test_graph_statistics_are_three_panels_beside_chance(net, tmp_path):
    found = ns.analysis.graph_statistics(net, 3)
    figure = plot.graph_statistics(net, 3, path=tmp_path / "s.png", title="grown", caption="seed 1")
    assert (tmp_path / "s.png").stat().st_size > 5_000
    assert [ax.get_ylabel().split("\n")[0] for ax in figure.axes] == ["modularity", "share", "triangles"]
    top = figure.axes[0].lines
    assert np.array_equal(top[0].get_ydata(), found.modularity)
    assert np.array_equal(top[1].get_ydata(), found.modularity_shuffled)
    assert f"reciprocity {found.reciprocity[-1]:.2g}" in [text.get_text() for text in figure.axes[1].texts]
    assert len(plot.graph_statistics(found).axes) == 3


def test_regions_are_a_matrix_or_pathways_over_time(net):
    ax = plot.regions(net.region_matrix())
    m = net.region_matrix()
    assert [text.get_text() for text in ax.texts] == [f"{x:,}" for x in m.matrix.ravel()]
    assert [tick.get_text() for tick in ax.get_yticklabels()] == m.labels
    ax = plot.regions(net, [0.0, 3.0, 6.0])
    assert [tick.get_text() for tick in ax.get_yticklabels()][0] == "cortex/a → cortex/a"
    (mesh,) = ax.collections[:1]
    assert mesh.get_array().shape == (2, 3) and mesh.get_array()[0, -1] == m.matrix[0, 0]
    assert ax.get_xlabel() == "time (ms)" and [text.get_text() for text in ax.texts][0] == f"{m.matrix[0, 0]:,}"
    many = plot.regions(np.arange(400).reshape(20, 20))
    assert not many.texts and len(many.figure.axes) == 2
    for wrong in ([[1, 2]], [1, 2]):
        with pytest.raises(ParameterError, match="needs a square matrix and one name per region"):
            plot.regions(wrong)
    with pytest.raises(ParameterError, match="2 names"):
        plot.regions(np.eye(3), names=["a", "b"])


def test_growth_knows_what_connect_made(net):
    ax = plot.growth(net)
    assert ax.total_axes.get_ylabel() == "synapses in all"
    total = ax.total_axes.lines[0].get_ydata()
    made = sum(one.synapses for one in net.history.wirings)
    assert total[0] >= made and total.min() == total[0] and total[-1] == net.n_synapses
    late = ns.Network()
    a = late.add_population("a", ns.LIF(), 4)
    aa = late.connect(a, a, [(0, 1)], name="aa")
    late.run(1.0)
    aa.insert(1, 2)
    late.run(1.0)
    late.connect(a, a, [(0, 2), (2, 3)], name="more")  # no births, but they count
    late.run(1.0)
    aa.remove(pre=1)
    line = plot.growth(late).total_axes.lines[0]
    at = np.searchsorted(line.get_xdata(), [0.5, 1.5, 2.5], side="right") - 1
    assert line.get_ydata()[at].tolist() == [1, 2, 4]
    late.reset()  # the picture begins anew, with what is there
    late.run(1.0)
    aa.insert(2, 1)
    ax = plot.growth(late)
    assert ax.total_axes.lines[0].get_ydata().tolist() == [3, 3, 3, 4] and ax.get_xlim()[0] == 0.0
    assert ns.analysis.turnover(late, 2).t.tolist() == [0.0, 1.0]


# ---- films -----------------------------------------------------------------------------------------------------------


def frames_of(path):
    from PIL import Image

    with Image.open(path) as film:
        found = []
        for k in range(film.n_frames):
            film.seek(k)
            found.append((np.asarray(film.convert("RGB"), np.int64), film.info["duration"]))
    return found


def near(picture, colour, within=40):
    """Pixels of about this colour."""
    wanted = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)])
    return int((np.abs(picture - wanted).max(axis=2) < within).sum())


def test_a_film_shows_what_is_new_and_what_is_gone(net, tmp_path):
    path = plot.film(net, tmp_path / "f.gif", [0.9, 3.0, 6.0], dpi=50.0, title="grown", caption="seed 1", fps=4.0)
    assert path == str(tmp_path / "f.gif") and [one.name for one in tmp_path.iterdir()] == ["f.gif"]
    (first, tick), (second, _), (last, hold) = frames_of(path)
    assert first.shape == (430, 500, 3) and (tick, hold) == (250, 2000)
    page = slice(80, 300)  # without the legend
    vermillion = [near(one[page], plot.canvas.VERMILLION) for one in (first, second, last)]
    assert vermillion[0] < 40 and vermillion[1] > 300  # what is there in the first frame is not new
    assert [near(one[page], "#0072B2", 20) > 50 for one in (first, second, last)] == [True] * 3  # the neurons stay
    corner = first[5, 5]
    assert corner.tolist() == [255, 255, 255]  # white is white
    assert not np.array_equal(second[355:400], last[355:400])  # the mark moves


def test_a_film_of_many_is_of_regions(net, tmp_path):
    plot.film(net.history, tmp_path / "r.gif", 2, dpi=50.0, aggregate_above=10)
    (first, _), (last, _) = frames_of(tmp_path / "r.gif")
    assert near(last, "#0072B2", 20) > 400 and not np.array_equal(first, last)
    purple = near(last, plot.canvas.PURPLE, 20)
    groups = {
        "s": net.populations["exc"][:5],
        "t": np.arange(5, 25),
    }  # with two regions: the fourth colour is that of t
    plot.film(net, tmp_path / "r.gif", 1, dpi=50.0, aggregate_above=10, groups=groups)
    assert near(frames_of(tmp_path / "r.gif")[0][0], plot.canvas.PURPLE, 20) > 100 + purple
    with pytest.raises(ParameterError, match="no neuron with uid 999"):
        plot.film(net, tmp_path / "r.gif", groups={"s": [999]})


def test_positions_of_a_film(net, tmp_path):
    from neurosim.plot.places import _discs, places

    lived = net.history.lifetimes()
    uid, names = lived.members.uid, lived.members.population
    given = {int(one): (one, -one) for one in uid}
    assert np.array_equal(places(net, lived, names, given, 1), np.stack((uid, -uid), axis=1))
    assert np.array_equal(
        places(net, lived, names, None, 1), places(net.history, lived, names, None, 1)
    )  # the same layout again
    with pytest.raises(ParameterError, match=f"no position for neuron {uid[-1]} and 0 others"):
        plot.film(net, tmp_path / "f.gif", positions=dict(list(given.items())[:-1]))
    placed = ns.Network()
    a = placed.add_population("a", ns.LIF(), 3, positions=np.array([[0.0, 1.0, 9.0], [2.0, 3.0, 9.0], [4.0, 5.0, 9.0]]))
    placed.connect(a, a, [(0, 2), (2, 1)])
    placed.run(0.1)
    a.remove(0)
    lived = placed.history.lifetimes()
    at = places(placed, lived, lived.members.population, None, 1)
    assert at[1:].tolist() == [[2.0, 3.0], [4.0, 5.0]] and np.abs(at[0] - [4.0, 5.0]).max() < 0.5  # beside its partner
    who = np.array(["a"] * 90 + ["b"] * 40 + ["c"] * 10)
    at = _discs(who, 1)
    centre, far = (
        [at[who == one].mean(axis=0) for one in "abc"],
        [np.ptp(at[who == one], axis=0).max() / 2 for one in "abc"],
    )
    assert all(np.hypot(*(centre[i] - centre[j])) > far[i] + far[j] for i, j in ((0, 1), (1, 2)))  # apart
    assert far[0] / far[1] == pytest.approx(1.5, rel=0.1) and len(np.unique(at.round(6), axis=0)) == 140


def test_what_a_film_refuses(net, tmp_path, monkeypatch):
    monkeypatch.setattr(reel, "ffmpeg", lambda: None)
    for wrong, words in (
        ("f.avi", "must end in .gif or .mp4, got 'f.avi'"),
        ("f.mp4", "no ffmpeg here; `pip install imageio-ffmpeg` brings one, or write 'f.gif'"),
    ):
        with pytest.raises(ParameterError, match=words):
            plot.film(net, wrong)
    with pytest.raises(ParameterError, match="lies in the future"):
        plot.film(net, tmp_path / "f.gif", [1.0, 100.0])
    with pytest.raises(ParameterError, match="there are no neurons"):
        plot.film(ns.Network(), tmp_path / "f.gif")
    with pytest.raises(ParameterError, match="needs a network"):
        plot.film([1], tmp_path / "f.gif")
    assert not list(tmp_path.iterdir())


def test_frames_reach_ffmpeg_whole_and_even(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text(f'#!{sys.executable}\nimport sys\nopen(sys.argv[-1], "wb").write(sys.stdin.buffer.read())\n')
    program.chmod(0o755)
    monkeypatch.setattr(reel, "ffmpeg", lambda: str(program))
    frames = [np.full((5, 7, 3), 10 * k, np.uint8) for k in range(3)]
    reel.write(tmp_path / "f.mp4", ".mp4", iter(frames), fps=2.0, hold=1.5)
    written = np.frombuffer((tmp_path / "f.mp4").read_bytes(), np.uint8).reshape(-1, 4, 6, 3)
    assert written[:, 0, 0, 0].tolist() == [0, 10, 20, 20, 20]  # the last one stays
    program.write_text(f'#!{sys.executable}\nimport sys\nsys.exit("no codec")\n')
    with pytest.raises(ns.SaveError, match="ffmpeg could not write .* no codec"):
        reel.write(tmp_path / "g.mp4", ".mp4", iter(frames), fps=2.0, hold=1.0)
    assert not list(tmp_path.glob("*g.*"))


def test_the_examples_run():
    import importlib

    for name in ("degrees_over_time", "survival", "statistics", "regions", "film", "reel"):
        assert doctest.testmod(importlib.import_module(f"neurosim.plot.{name}")).failed == 0
    assert doctest.testmod(importlib.import_module("neurosim.analysis.temporal")).failed == 0
    assert doctest.testmod(importlib.import_module("neurosim.history")).failed == 0
