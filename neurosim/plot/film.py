"""A film of a network that grows: neurons and synapses, or regions and bundles when there are many.

Knows lifetimes of synapses and positions only.  What a frame shows is here, where neurons lie in plot/places.py, how
it is written in plot/reel.py.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.analysis.temporal import lifetimes_of, looks, region_labels
from neurosim.checks import check_count, check_positive
from neurosim.errors import ParameterError
from neurosim.lifetimes import Lifetimes, Members
from neurosim.plot import canvas, edges, reel
from neurosim.plot.graphs import bundles, dot_handle, line_handle, paint_of
from neurosim.plot.places import places

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = {"there": 3_000, "fresh": 500}  # synapses drawn at a time; of more, a fixed share
_POINTED = 400  # synapses up to which they have arrow heads
_MOST_GROUPS = 8  # populations in the legend
_FADES = 4  # frames over which what is new or gone fades


def film(
    source: object,
    path: str | os.PathLike[str],
    times: ArrayLike | int | None = None,
    *,
    positions: Mapping[int, ArrayLike] | None = None,
    groups: Mapping[str, object] | None = None,
    projection: str | None = None,
    fps: float = 8.0,
    aggregate_above: int = 2_000,
    level: int | None = None,
    title: str = "",
    caption: str = "",
    seed: int = 1,
    dpi: float = 100.0,
) -> str:
    """Write a film of the network growing: new synapses in colour, pruned ones as fading ghosts, neurons where they stay.

    Below the network, the number of synapses over time and a mark that moves.  With many neurons, regions are circles
    sized by neurons, and arrows are sized by synapses.

    Parameters
    ----------
    source : network, `net.history` or its lifetimes
    path : str or path
        ``.gif`` is always possible, ``.mp4`` with ffmpeg (the program, or the package imageio-ffmpeg).
    times : array of float, or int, optional
        ms of the frames, or how many from the start until now.  Left out: 60.
    positions : mapping {uid: (x, y)}, optional
        Left out: those of the populations (the first two coordinates), else a spring layout of all synapses that ever were,
        or, where there are very many, a disc a group.
    groups : mapping {name: uids, or a population or view}, optional
        Neurons with a colour of their own; the others have that of their population.
    projection : str, optional
        Its synapses and its populations only.
    fps : float
        Frames per second; the last one stays for two seconds.
    aggregate_above : int
        Draw regions instead of neurons above so many neurons; populations without a region stand for themselves.
    level : int, optional
        How many labels of "cortex/vision/v1" make a region.
    title, caption : str
        Above and below.
    seed : int
        Of the layout.
    dpi : float
        The picture is 10 inches wide.

    Returns
    -------
    str
        The path.

    Raises
    ------
    ParameterError
        An ending other than .gif and .mp4; .mp4 without ffmpeg; no history; a time in the future; no neurons.

    Examples
    --------
    ::

        net.run(10_000.0)
        ns.plot.film(net, "growth.gif", title="grown from nothing")
    """
    ending = reel.checked_ending(path)
    check_positive("plot.film(fps=)", fps, "Hz")
    check_positive("plot.film(dpi=)", dpi)
    lived = lifetimes_of("plot.film", source, projection)
    t = looks("plot.film(times)", lived, times, 60)
    if t[-1] > lived.until * lived.dt + 1e-6:
        lived.at(float(t[-1]))  # refuses: it lies in the future
    if projection is not None:
        lived = _of_its_populations(lived)
    if not lived.members.uid.size:
        raise ParameterError("plot.film: there are no neurons; give it the network, or the history of one")
    step = np.floor(t / lived.dt + 1e-6).astype(np.int64)
    if lived.members.uid.size > check_count("plot.film(aggregate_above=)", aggregate_above):
        regions = region_labels(lived.members.population, lived.members.region, level)
        scene: _Scene = _Regions(lived, step, _grouped(lived, regions, groups))
    else:
        names = _grouped(lived, lived.members.population.copy(), groups)
        scene = _Neurons(lived, step, names, places(source, lived, names, positions, seed))
    frames = _frames(scene, lived, t, step, title, caption, dpi)
    reel.write(path, ending, frames, fps=float(fps), hold=2.0)
    return os.fspath(path)


def _frames(
    scene: "_Scene", lived: Lifetimes, t: np.ndarray, step: np.ndarray, title: str, caption: str, dpi: float
) -> Iterator[np.ndarray]:
    """One picture (rows, columns, 3) after the other."""
    figure = canvas.new_figure(10.0, 8.6)
    figure.set_layout_engine("none")
    figure.set_dpi(dpi)
    page = figure.add_axes((0.02, 0.235, 0.96, 0.675))
    strip = figure.add_axes((0.09, 0.075, 0.8, 0.095))
    total = np.array([_there(lived, one).size for one in step])
    mark = _strip(strip, t, total)
    if title:
        figure.text(0.5, 0.985, title, ha="center", va="top", fontsize=13, weight="bold")
    if caption:
        figure.text(0.5, 0.006, caption, ha="center", va="bottom", fontsize=8, color=canvas.GREY)
    head = figure.text(0.5, 0.95, "", ha="center", va="top", fontsize=12, color=canvas.INK)
    clock = canvas.moments(t.tolist())
    for k in range(t.size):
        page.clear()
        page.set_axis_off()
        born, died = scene.draw(page, k)
        neurons = int(np.count_nonzero((lived.members.born <= step[k]) & (step[k] < lived.members.died)))
        head.set_text(
            f"{clock[k]}    {neurons:,} neurons    {total[k]:,} synapses    +{born:,} new    −{died:,} pruned"
        )
        mark.set_data([t[k]], [total[k]])
        yield _picture(figure)


def _picture(figure: "Figure") -> np.ndarray:
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[:, :, :3].copy()  # type: ignore[attr-defined]


def _strip(ax: "Axes", t: np.ndarray, total: np.ndarray) -> Any:
    """The number of synapses over time; returns the mark that moves."""
    ax.plot(t, total, color=canvas.GREY, linewidth=1.4)
    ax.set_ylim(0, 1.15 * max(int(total.max()), 1))
    ax.set_ylabel("synapses", fontsize=9)
    ax.tick_params(labelsize=canvas.SMALL)
    ax.locator_params(axis="y", nbins=3)
    canvas.thousands(ax.yaxis)
    canvas.open_frame(ax)
    canvas.time_axis(ax, float(t[0]), float(t[-1]))
    ax.xaxis.label.set_fontsize(9)
    (mark,) = ax.plot([], [], "o", color=canvas.INK, markersize=6, clip_on=False, zorder=5)
    return mark


def _there(lived: Lifetimes, step: int) -> np.ndarray:
    """Places of the synapses that exist."""
    return np.flatnonzero((lived.table.born <= step) & (step < lived.table.died))


def _changes(lived: Lifetimes, step: np.ndarray, k: int) -> tuple[int, int]:
    """Births and deaths since the frame before; what is there in the first one is not new."""
    if k == 0:
        return 0, 0
    c, before, now = lived.table, step[k - 1], step[k]
    return int(((before < c.born) & (c.born <= now)).sum()), int(((before < c.died) & (c.died <= now)).sum())


class _Scene:
    """What is drawn into each frame."""

    def draw(self, page: "Axes", k: int) -> tuple[int, int]:
        """Draw frame k; births and deaths since the one before."""
        raise NotImplementedError


class _Neurons(_Scene):
    """Every neuron and its synapses, at most some thousands of each kind."""

    def __init__(self, lived: Lifetimes, step: np.ndarray, names: np.ndarray, at: np.ndarray) -> None:
        self.lived, self.step, self.at = lived, step, at
        m, c = lived.members, lived.table
        self.pre, self.post = (np.searchsorted(m.uid, one) for one in (c.pre, c.post))
        self.groups = list(dict.fromkeys(names.tolist()))
        self.group = np.array([self.groups.index(one) for one in names.tolist()])
        self.frame = np.searchsorted(step, c.born)  # frame in which a synapse is first seen, and first not seen
        self.gone = np.searchsorted(step, c.died)
        # One curve a pair, and of very many pairs a fixed share, the same ones in all frames.
        self.pair = np.unique(self.pre * m.uid.size + self.post, return_inverse=True)[1]
        shown = [self._kinds(k) for k in range(step.size)]
        crowd = {"there": max(self._pairs(one[0]) for one in shown)}
        changes = [max(self._pairs(which) for which in one[1:]) for one in shown]
        crowd["fresh"] = max(int(np.quantile(changes, 0.75)), max(changes) // 3)  # a burst may be dense
        self.share = {kind: min(1.0, _MOST[kind] / max(n, 1)) for kind, n in crowd.items()}
        draw = np.random.default_rng(1).random(int(self.pair.max(initial=0)) + 1)[self.pair]
        self.kept = {kind: draw < share for kind, share in self.share.items()}
        self.crowd, self.fresh = (min(crowd[kind], _MOST[kind]) for kind in ("there", "fresh"))
        size = np.abs(c.weight[np.isfinite(c.weight)])
        self.strong = float(np.percentile(size, 97)) if size.size else 1.0

    def _kinds(self, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which synapses are there in frame k, which of them are new, and which have gone a short while ago."""
        now = (self.frame <= k) & (k < self.gone)
        young = now & (k - self.frame < _FADES) & (self.frame > 0)
        ghost = (self.gone <= k) & (k - self.gone < _FADES) & (self.frame < self.gone) & (self.gone > 0)
        return now, young, ghost

    def _pairs(self, which: np.ndarray) -> int:
        return int(np.count_nonzero(np.bincount(self.pair[which])))

    def _curves(self, which: np.ndarray, kind: str, first: np.ndarray) -> np.ndarray:
        """Places of the synapses to draw: of each pair the one that comes first."""
        place = np.flatnonzero(which & self.kept[kind])
        place = place[np.argsort(first[place], kind="stable")]
        return place[np.unique(self.pair[place], return_index=True)[1]]

    def draw(self, page: "Axes", k: int) -> tuple[int, int]:
        now, young, ghost = self._kinds(k)
        age = k - self.frame
        still = self._curves(now, "there", -np.abs(np.nan_to_num(self.lived.table.weight)))
        fresh, lost = self._curves(young, "fresh", age), self._curves(ghost, "fresh", -self.gone)
        unit = self._open(page)
        size = float(np.clip(4500.0 / self.at.shape[0], 14.0, 110.0))
        radius = 0.5 * np.sqrt(size) * unit
        pale = float(np.clip(11.0 / np.sqrt(max(self.crowd, 1)), 0.10, 0.75))
        strength = np.clip(np.abs(np.nan_to_num(self.lived.table.weight)) / max(self.strong, 1e-300), 0.25, 1.0)
        thin = float(np.clip(26.0 / np.sqrt(max(self.crowd, 1)), 0.45, 1.5))
        self._lines(page, still, canvas.DARK, thin * (0.5 + 0.5 * strength[still]), pale * strength[still], 2.0, radius)
        bold = float(np.clip(22.0 / np.sqrt(max(self.fresh, 1)), 0.8, 1.8))
        fade = 0.55 ** (k - self.gone[lost])
        self._lines(page, lost, canvas.SKY, bold * (0.5 + 0.5 * fade), 0.9 * fade, 2.5, radius, dashed=True)
        fade = 0.55 ** age[fresh]
        self._lines(page, fresh, canvas.VERMILLION, bold * (0.5 + 0.5 * fade), 0.9 * fade, 3.0, radius)
        self._dots(page, k, size)
        self._legend(page, k)
        return _changes(self.lived, self.step, k)

    def _open(self, page: "Axes") -> float:
        """Limits that stay, equal scales; what one point of paper is in positions."""
        low, high = self.at.min(axis=0), self.at.max(axis=0)
        span = np.maximum(high - low, 1e-9 + 0.02 * float((high - low).max()))
        low, high = low - 0.04 * span.max(), high + 0.04 * span.max()
        page.set_xlim(low[0], high[0])
        page.set_ylim(low[1], high[1])
        page.set_aspect("equal")
        box = page.get_window_extent()
        pixels = min(box.width / (high[0] - low[0]), box.height / (high[1] - low[1]))
        return float(page.figure.dpi / 72.0 / pixels)

    def _lines(
        self, page: "Axes", which: np.ndarray, paint: str, width: np.ndarray, alpha: np.ndarray, layer: float,
        radius: float, *, dashed: bool = False,
    ) -> None:  # fmt: skip
        ends = self.at[self.pre[which]], self.at[self.post[which]]
        if not which.size:
            return
        lines = edges.curves(*ends, bend=0.1, short=radius, loop=1.7 * radius)
        edges.draw(page, lines, color=paint, width=width, alpha=np.clip(alpha, 0.0, 1.0), dashed=dashed, zorder=layer)
        if self.crowd <= _POINTED and not dashed:
            head = np.full(which.size, 0.9 * radius)
            edges.heads(page, lines, color=paint, size=head, alpha=np.clip(1.2 * alpha, 0.0, 1.0), zorder=layer)

    def _dots(self, page: "Axes", k: int, size: float) -> None:
        """Neurons alive; the newborn have a rim in the colour of what is new, the dead leave an empty ring."""
        m, step = self.lived.members, self.step
        alive = (m.born <= step[k]) & (step[k] < m.died)
        recent = step[max(0, k - _FADES)]
        for g in range(len(self.groups)):
            mine = alive & (self.group == g)
            fresh = (m.born > recent)[mine]
            rims = np.where(fresh, canvas.VERMILLION, "white").tolist()
            x, y = self.at[mine].T
            page.scatter(
                x, y, s=size, c=paint_of(g), edgecolors=rims, linewidths=np.where(fresh, 1.6, 0.6).tolist(), zorder=6
            )
        dead = (m.died <= step[k]) & (m.died > recent)
        x, y = self.at[dead].T
        page.scatter(x, y, s=size, facecolors="none", edgecolors=canvas.SKY, linewidths=1.2, zorder=5)

    def _legend(self, page: "Axes", k: int) -> None:
        m = self.lived.members
        alive = (m.born <= self.step[k]) & (self.step[k] < m.died)
        handles: list[Artist] = []
        words = {"there": "synapse", "fresh": "new", "gone": "pruned"}
        for kind, paint, dashed in (
            ("there", canvas.DARK, False),
            ("fresh", canvas.VERMILLION, False),
            ("gone", canvas.SKY, True),
        ):
            share = self.share["there" if kind == "there" else "fresh"]
            handles.append(
                line_handle(paint, words[kind] + (f" (1 in {1 / share:.2g} drawn)" if share < 0.95 else ""), dashed)
            )
        for g, name in enumerate(self.groups[:_MOST_GROUPS]):
            handles.append(dot_handle(paint_of(g), "o", f"{name} ({int((alive & (self.group == g)).sum()):,})"))
        if len(self.groups) > _MOST_GROUPS:
            handles.append(line_handle("none", f"and {len(self.groups) - _MOST_GROUPS} more populations", False))
        _below(page, handles)


class _Regions(_Scene):
    """Regions and the bundles between them."""

    def __init__(self, lived: Lifetimes, step: np.ndarray, names: np.ndarray) -> None:
        self.lived, self.step = lived, step
        m, c = lived.members, lived.table
        self.names = sorted(set(names.tolist()))
        self.of = np.array([self.names.index(one) for one in names.tolist()], np.int64)
        self.pre, self.post = (self.of[np.searchsorted(m.uid, one)] for one in (c.pre, c.post))
        self.most = max([int(self._count(_there(lived, one)).max(initial=0)) for one in step])
        self.largest = int(np.bincount(self.of).max())

    def _count(self, which: np.ndarray) -> np.ndarray:
        n = len(self.names)
        return np.bincount(self.pre[which] * n + self.post[which], minlength=n * n)

    def draw(self, page: "Axes", k: int) -> tuple[int, int]:
        m, c, now = self.lived.members, self.lived.table, self.step[k]
        before = self.step[k - 1] if k else now
        alive = (m.born <= now) & (now < m.died)
        sizes = np.bincount(self.of[alive], minlength=len(self.names))
        groups = [
            _there(self.lived, now),
            np.flatnonzero((before < c.born) & (c.born <= now)),
            np.flatnonzero((before < c.died) & (c.died <= now)),
        ]
        links = [(self.pre[one], self.post[one]) for one in groups]
        bundles(page, self.names, sizes, links, legend=False, most=self.most, largest=self.largest)
        page.text(
            0.5, -0.01, "circles: neurons per region; arrows, in the colour of their source: synapses (+ born, − pruned since the last frame)",
            transform=page.transAxes, ha="center", va="top", fontsize=canvas.SMALL + 1, color=canvas.DARK,
        )  # fmt: skip
        return _changes(self.lived, self.step, k)


def _below(page: "Axes", handles: "list[Artist]") -> None:
    page.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.005), bbox_transform=page.transAxes,
        ncols=min(6, len(handles)), frameon=False, fontsize=9, columnspacing=1.4, handlelength=1.6, borderaxespad=0.0,
    )  # fmt: skip


def _of_its_populations(lived: Lifetimes) -> Lifetimes:
    """Without the neurons of populations that have none of the synapses."""
    m = lived.members
    ends = np.unique(np.concatenate([lived.pre, lived.post]))
    if not ends.size:
        return lived
    used = np.isin(m.population, np.unique(m.population[np.searchsorted(m.uid, ends)].astype(str)))
    return replace(lived, members=Members(*(column[used] for column in m)))


def _grouped(lived: Lifetimes, names: np.ndarray, groups: Mapping[str, object] | None) -> np.ndarray:
    """Names of the neurons' groups, where there are some, instead of those given."""
    for name, members in (groups or {}).items():
        uid = np.atleast_1d(np.asarray(getattr(members, "uid", members), np.int64))
        unknown = uid[~np.isin(uid, lived.members.uid)]
        if unknown.size:
            raise ParameterError(f"plot.film(groups={{{name!r}: ...}}): there is no neuron with uid {unknown[0]}")
        names[np.searchsorted(lived.members.uid, uid)] = name
    return names
