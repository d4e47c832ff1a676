"""Growth of a network: synapses born and pruned over time, alone or with the activity that drove them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosim.checks import check_count, check_positive
from neurosim.errors import ParameterError
from neurosim.plot import canvas
from neurosim.plot.spikes import raster
from neurosim.plot.spikes import rates as draw_rates

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    _Points = tuple[np.ndarray, np.ndarray, list[str]]  # times (ms), counts, texts

_MOST_BARS = 20_000
_GROWTH = 'an edge recorder, net.record(ee, "edges", every=100.0), a network, or net.history'


def growth(
    edges: object,
    *,
    ax: "Axes | None" = None,
    every: float | None = None,
    real: Sequence[object] | None = None,
    start: int | None = None,
) -> "Axes":
    """Draw synapses born (up) and pruned (down) per interval, and how many there are in all.

    Parameters
    ----------
    edges : edge recorder, network or history
        `net.history` holds every birth and death with its time, and what `connect` made and when.
    ax : matplotlib axes, optional
        Where to draw.  Left out: a new figure.
    every : float, optional
        Interval of the bars (ms).  Left out: a round number, about 60 bars.
    real : (t, count) or (t, count, texts), optional
        Measured numbers of synapses at times t (ms), drawn as points with labels (left out: the numbers).
    start : int, optional
        For a history: synapses before its first event.  Left out: what `connect` made (the line shows the change if the
        history does not know).

    Returns
    -------
    matplotlib axes
        Of the bars; those of the total are `ax.total_axes`.

    Raises
    ------
    ParameterError
        If it is neither an edge recorder nor a history, or `every` is not positive.

    Examples
    --------
    ::

        edges = net.record(ee, "edges", every=100.0)
        net.run(10_000.0)
        ns.plot.growth(edges)
        ns.plot.growth(net.history, every=500.0)
    """
    ax, labelled = _draw_growth(edges, ax, every=every, real=real, start=start)
    if labelled:
        _label_points(*labelled)
    return ax


def _draw_growth(
    edges: object, ax: "Axes | None", *, every: float | None, real: Sequence[object] | None, start: int | None
) -> tuple["Axes", tuple["Axes", "_Points", "Line2D"] | None]:
    """`growth`, and what is needed to write the texts of the real points once the axes have their final place."""
    t, born, died, total, words = _events(edges, start)
    points = None if real is None else _real(real)
    ax = canvas.axes_or_new("growth", ax, 8.0, 4.0)
    known = getattr(ax, "total_axes", None)
    with canvas.current_kept(ax):
        line_axes: Axes = known if known is not None else ax.twinx()
    ax.total_axes = line_axes  # type: ignore[attr-defined]
    ax.spines["top"].set_visible(False)
    line_axes.spines["top"].set_visible(False)
    first, last = (float(t[0]), float(t[-1])) if t.size else (0.0, 1.0)
    interval = (
        canvas.round_interval(max((last - first) / 60.0, 1.0))
        if every is None
        else check_positive("plot.growth(every=)", every, "ms")
    )
    per = canvas.duration(interval).removeprefix("1 ")
    ax.set_ylabel(f"synapses per {per}\ndied (down), born (up)")
    line_axes.set_ylabel(words)
    if points is not None and points[0].size:
        first, last = min(first, float(points[0].min())), max(last, float(points[0].max()))
        first, last = first - 0.015 * (last - first), last + 0.015 * (last - first)
    canvas.time_axis(ax, first, last)
    if not t.size:
        canvas.say(ax, "no samples" if hasattr(edges, "count") else "no structural events")
        ax.set_yticks([])
        line_axes.set_yticks([])
        return ax, None

    n_bars = max(1, int(np.ceil((float(t[-1]) - float(t[0])) / interval - 1e-6)))
    if n_bars > _MOST_BARS:
        raise ParameterError(
            f"plot.growth(every=): {interval:g} ms gives {n_bars:,} bars, at most {_MOST_BARS:,} can be drawn"
        )
    edge_times = np.minimum(float(t[0]) + interval * np.arange(n_bars + 1), float(t[-1]))
    births, deaths = (np.diff(_at(edge_times, t, one)) for one in (born, died))
    middle, wide = 0.5 * (edge_times[1:] + edge_times[:-1]), 0.9 * np.diff(edge_times)
    up = ax.bar(middle, births, color=canvas.SKY, width=wide, linewidth=0.0, zorder=2.0, label="born")
    down = ax.bar(middle, -deaths, color=canvas.ORANGE, width=wide, linewidth=0.0, zorder=2.0, label="died")
    ax.axhline(0.0, color=canvas.INK, linewidth=0.8, zorder=2.5)
    peak = max(float(births.max(initial=0.0)), 1.0)
    depth = float(deaths.max(initial=0.0))
    ax.set_ylim(-1.15 * max(depth, 0.08 * peak), 1.15 * peak)
    canvas.thousands(ax.yaxis)
    shown = t if t.size <= 4000 else np.linspace(float(t[0]), float(t[-1]), 4000)
    (line,) = line_axes.plot(
        shown,
        _at(shown, t, total),
        color=canvas.INK,
        linewidth=1.6,
        drawstyle="steps-post",
        label="in all",
        path_effects=canvas.halo(),
    )
    handles: list[Artist | BarContainer] = [up, down, line]
    counts = total
    if points is not None:
        (dots,) = line_axes.plot(
            points[0],
            points[1],
            "D",
            color=canvas.VERMILLION,
            markersize=5.5,
            markeredgecolor="white",
            label="real",
            zorder=6,
            clip_on=False,
        )
        handles.append(dots)
        counts = np.concatenate((total, points[1]))
    spread = max(float(counts.max() - counts.min()), 1.0)
    line_axes.set_ylim(float(counts.min()) - 0.12 * spread, float(counts.max()) + 0.18 * spread)
    if words == "synapses in all":
        canvas.thousands(line_axes.yaxis)
    canvas.legend_above(ax, handles)
    return ax, None if points is None else (line_axes, points, line)


def growth_summary(
    edges: object,
    spikes: object = None,
    rates: object = None,
    *,
    real: Sequence[object] | None = None,
    target: float | None = None,
    every: float | None = None,
    width: float | None = None,
    start: int | None = None,
    path: object = None,
    title: str = "",
    caption: str = "",
    dpi: float = 150.0,
) -> "Figure":
    """Draw growth, spikes and rates above each other on one time axis.

    Parameters
    ----------
    edges : edge recorder, network or history
        As in `growth`, with `real`, `every` and `start`.
    spikes : spike recorder or list of them, optional
        Drawn as dots, and as rates if `rates` is left out.
    rates : rate recorder or list of them, optional
    real : (t, count) or (t, count, texts), optional
        Measured numbers of synapses (t in ms).
    target : float, optional
        Rate that a homeostatic rule steers to (Hz).
    every, width : float, optional
        Intervals of births and deaths, and of the rates counted from spikes (ms).
    start : int, optional
        For a history: synapses before its first event.
    path : str or path, optional
        Save the picture there.
    title, caption : str
        Above and below; put seed and version into the caption.
    dpi : float
        Of the saved file.

    Returns
    -------
    matplotlib figure
        Its axes from top to bottom: growth (and its `total_axes`), spikes, rates.

    Raises
    ------
    ParameterError
        If something given is not the recorder it should be.

    Examples
    --------
    ::

        edges, spikes = net.record(ee, "edges", every=100.0), net.record(exc, "spikes")
        net.run(10_000.0)
        ns.plot.growth_summary(edges, spikes, target=5.0, path="growth.png", caption="seed 1")
    """
    check_positive("plot.growth_summary(dpi=)", dpi)
    sources = [one for one in (spikes, rates) if one is not None]
    heights = [1.5] + ([1.4] if spikes is not None else []) + ([0.9] if sources else [])
    figure = canvas.new_figure(10.0, 1.2 + 1.75 * sum(heights))
    pages = figure.subplots(len(heights), 1, sharex=True, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    _, labelled = _draw_growth(edges, pages[0], every=every, real=real, start=start)
    low, high = pages[0].get_xlim()
    if spikes is not None:
        raster(spikes, ax=pages[1], rate=False)
        low, high = min(low, pages[1].get_xlim()[0]), max(high, pages[1].get_xlim()[1])
    if sources:
        bin_width = canvas.round_interval(max((high - low) / 200.0, 1.0)) if width is None else width
        draw_rates(rates if rates is not None else spikes, ax=pages[-1], width=bin_width, target=target)
        low, high = min(low, pages[-1].get_xlim()[0]), max(high, pages[-1].get_xlim()[1])
    for page in pages:
        canvas.time_axis(page, low, high, label=page is pages[-1])
        if page is not pages[-1]:
            page.set_xlabel("")
            page.tick_params(labelbottom=False)
    figure.align_ylabels(list(pages))
    if title:
        figure.suptitle(title, fontsize=12, weight="bold")
    if caption:
        figure.supxlabel(caption, fontsize=8, color=canvas.GREY)
    if labelled:
        _label_points(*labelled)
    canvas.save(figure, path, dpi)
    return figure


def _events(edges: object, start: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, str]:
    """Times, cumulative births and deaths, number of synapses, and what to call that number."""
    edges = getattr(edges, "history", edges)
    if hasattr(edges, "kind") and hasattr(edges, "t"):
        before = 0 if start is None else check_count("plot.growth(start=)", start)
        t = canvas.column("growth: History.t", edges.t).astype(np.float64)
        kind = canvas.column("growth: History.kind", edges.kind, size=t.size)
        order = np.argsort(t, kind="stable")
        t, kind = t[order], kind[order]
        began = getattr(edges, "began", -np.inf) * getattr(edges, "dt", 1.0)  # the last reset
        keep = np.abs(kind) == 1  # synapses; neurons have kind 2
        before += int(kind[keep & (t < began - 1e-9)].sum())
        keep &= t >= began - 1e-9
        t, kind = t[keep], kind[keep]
        wirings = [] if start is not None else list(getattr(edges, "wirings", []))
        known = start is not None or bool(wirings)
        made = np.zeros(t.size, np.int64)
        if t.size and wirings:  # they are no births, but they count
            when = np.array([max(one.step * edges.dt, began) for one in wirings])  # type: ignore[attr-defined]
            place = np.searchsorted(t, when - 1e-9)
            t, kind = np.insert(t, place, when), np.insert(kind, place, 0)
            made = np.insert(made, place, [one.synapses for one in wirings])
        born, died, made = np.cumsum(kind == 1), np.cumsum(kind == -1), np.cumsum(made)
        if t.size:
            t = np.concatenate(([min(0.0, float(t[0]))], t))
            born, died, made = (np.concatenate(([0], one)) for one in (born, died, made))
            made = np.maximum(made, made[t <= t[0]].max(initial=0))  # what was there from the start is no step
        words = "synapses in all" if known else "synapses, change since start"
        return t, born, died, before + made + born - died, words
    given = canvas.attributes("growth(edges)", edges, "t count born died", _GROWTH)
    t = canvas.column("growth: EdgeRecorder.t", given[0]).astype(np.float64)
    count, born, died = (
        canvas.column(f"growth: EdgeRecorder.{name}", one, size=t.size)
        for name, one in zip(("count", "born", "died"), given[1:], strict=True)
    )
    return t, born, died, count, "synapses in all"


def _at(times: np.ndarray, t: np.ndarray, cumulative: np.ndarray) -> np.ndarray:
    """A cumulative count as it stood at `times`: the last value at or before each."""
    return np.asarray(cumulative)[np.clip(np.searchsorted(t, times + 1e-9, side="right") - 1, 0, t.size - 1)]


def _real(real: Sequence[object]) -> "_Points":
    """Measured points, checked: times, counts, texts."""
    if not isinstance(real, (tuple, list)) or len(real) not in (2, 3):
        raise ParameterError(f"plot.growth(real=): must be (t, count) or (t, count, texts) with t in ms, got {real!r}")
    t = canvas.column("growth(real=) t", real[0]).astype(np.float64)
    count = canvas.column("growth(real=) count", real[1], size=t.size).astype(np.float64)
    texts = [f"{one:,.0f}" for one in count] if len(real) == 2 else [str(one) for one in real[2]]
    if len(texts) != t.size:
        raise ParameterError(f"plot.growth(real=) texts: must have {t.size} entries, got {len(texts)}")
    return t, count, texts


def _label_points(ax: "Axes", points: "_Points", line: "Line2D") -> None:
    """Write a text beside each point where it covers neither a point nor another text, nor the line if possible."""
    t, count, texts = points
    line_t, total = np.asarray(line.get_xdata(), np.float64), np.asarray(line.get_ydata(), np.float64)
    figure = canvas.root(ax)
    figure.draw_without_rendering()  # settles where the axes lie
    to_points = 72.0 / figure.dpi
    spots = ax.transData.transform(np.stack((t, count), axis=1)) * to_points
    box = ax.get_window_extent()
    frame = np.array([box.x0, box.y0, box.x1, box.y1]) * to_points
    taken = [np.array([x - 4, y - 4, x + 4, y + 4]) for x, y in spots]
    along = np.linspace(line_t[0], line_t[-1], 120)
    path = ax.transData.transform(np.stack((along, np.interp(along, line_t, total)), axis=1)) * to_points
    taken += [np.array([x - 2, y - 2, x + 2, y + 2]) for x, y in path]
    written: list[int] = []
    for k in np.lexsort((-count, t)).tolist():
        if any(np.hypot(*(spots[k] - spots[j])) < 8.0 for j in written):
            continue  # its text went with that of a point that it nearly covers
        written.append(k)
        near = [j for j in range(t.size) if np.hypot(*(spots[k] - spots[j])) < 8.0]
        text = ", ".join(texts[j] for j in sorted(near, key=lambda j: (t[j], -count[j])))
        w, h = 0.66 * canvas.SMALL * len(text) + 4.0, 1.1 * canvas.SMALL
        best, least = None, np.inf
        for dx, dy in (
            (0, 9),
            (-w / 2 - 6, 5),
            (0, -10),
            (w / 2 + 7, -4),
            (-w / 2 - 6, -6),
            (w / 2 + 7, 5),
            (w / 2 + 2, -12),
            (0, 19),
            (0, -20),
        ):
            x, y = spots[k] + (dx, dy)
            mine = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
            cost = sum(_overlap(mine, one) for one in taken) + 9.0 * (w * h - _overlap(mine, frame))
            if cost < least - 1e-9:
                best, least = (dx, dy, mine), cost
        if best is not None:
            taken.append(best[2])
            ax.annotate(
                text,
                (t[k], count[k]),
                best[:2],
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=canvas.SMALL,
                color=canvas.INK,
                zorder=7,
                path_effects=canvas.halo(),
            )


def _overlap(one: np.ndarray, two: np.ndarray) -> float:
    """Shared area of two boxes (x0, y0, x1, y1)."""
    wide = min(one[2], two[2]) - max(one[0], two[0])
    high = min(one[3], two[3]) - max(one[1], two[1])
    return max(float(wide), 0.0) * max(float(high), 0.0)
