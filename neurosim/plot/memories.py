"""How full a memory is, what it recalls and how it ages, which store answers at which age, and what an engram looks like."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ParameterError
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BINS = 8  # of age
_MOST_NODES = 400


def memory(stats: object) -> "Figure":
    """Draw how a memory system is doing: its fill, what memories keep with age, and what cues bring back.

    Parameters
    ----------
    stats : MemoryStats
        From ``mem.stats()``, or the system itself.

    Returns
    -------
    matplotlib figure

    Examples
    --------
    ::

        figure = ns.plot.memory(mem)
        figure.savefig("memory.png")
    """
    if hasattr(stats, "stats"):
        stats = stats.stats()
    needed = "capacity_used fill slow_capacity_used age kept matrix recalled precision false_alarms threshold"
    used, _, slow, age, kept, matrix, recalled, precision, alarms, theta = canvas.attributes(
        "memory", stats, needed, "the stats of a memory system"
    )
    figure = canvas.new_figure(11.0, 3.5)
    left, middle, right = figure.subplots(1, 3, width_ratios=[1.0, 1.5, 1.25])
    _fill(left, {"episodes": float(used), "slow store": float(slow)})  # type: ignore[arg-type]
    _by_age(middle, np.asarray(age), np.asarray(kept))
    _matrix(right, np.asarray(matrix))
    if np.asarray(matrix).size:
        right.set_title(
            f"recalled {recalled:.0%}, precision {precision:.0%},\nfalse alarms {alarms:.1%} at threshold {theta:.3g}", fontsize=canvas.SMALL
        )  # fmt: skip
    return figure


def _fill(ax: "Axes", used: dict[str, float]) -> None:
    canvas.open_frame(ax)
    for k, (name, share) in enumerate(used.items()):
        ax.bar(k, share, width=0.6, color=canvas.VERMILLION if share > 1.0 else canvas.colour(k))
        ax.annotate(
            f"{share:.0%}", (k, share), xytext=(0, 3), textcoords="offset points", ha="center", fontsize=canvas.SMALL
        )
        ax.annotate(
            name,
            (k, 0.0),
            xytext=(0, -12),
            textcoords="offset points",
            ha="center",
            fontsize=canvas.SMALL,
            annotation_clip=False,
        )
    ax.axhline(1.0, color=canvas.GREY, linewidth=1.0, linestyle="--")
    ax.set_xticks([])
    ax.set_xlim(-0.6, len(used) - 0.4)
    ax.set_ylim(0.0, max(1.12, 1.12 * max(used.values())))
    ax.set_ylabel("capacity used")


def _by_age(ax: "Axes", age: np.ndarray, kept: np.ndarray) -> None:
    canvas.open_frame(ax)
    ax.set_ylabel("share of synapses kept")
    ax.set_ylim(0.0, 1.05)
    longest = float(age.max(initial=0.0)) or 1.0
    canvas.time_axis(ax, 0.0, longest)
    ax.set_xlabel(ax.get_xlabel().replace("time", "age"))
    if not age.size:
        canvas.say(ax, "no memories")
        return
    ax.plot(age, kept, ".", color=canvas.PALE, markersize=5.0)
    edges = np.linspace(0.0, longest, _BINS + 1)
    where = np.clip(np.digitize(age, edges) - 1, 0, _BINS - 1)
    full = np.unique(where)
    mean = [kept[where == b].mean() for b in full]
    ax.plot((edges[full] + edges[full + 1]) / 2, mean, "o-", color=canvas.BLUE, markersize=4.0, label="mean")


def _matrix(ax: "Axes", matrix: np.ndarray) -> None:
    if not matrix.size:
        ax.set_xticks([])
        ax.set_yticks([])
        canvas.say(ax, "no memories to cue")
        return
    image = ax.imshow(matrix, cmap="Greys", vmin=0.0, vmax=1.0, interpolation="nearest", aspect="equal")
    ax.set_xlabel("memory")
    ax.set_ylabel("half cue of memory")
    canvas.root(ax).colorbar(image, ax=ax, shrink=0.8, label="overlap (Jaccard)")


def stores(
    age: ArrayLike,
    recall: Mapping[str, ArrayLike],
    *,
    chance: float | None = None,
    unit: str = "days",
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw recall by age with each store intact or lesioned: the memory moving from store to store.

    Parameters
    ----------
    age : float [ages]
    recall : dict of str to float [ages] or [seeds, ages]
        Share recalled under each condition, such as {"both": ..., "without the fast store": ...}.  Rows are seeds: their
        spread (standard deviation) is shaded.
    chance : float, optional
        Drawn as a line.
    unit : str
        Of the ages.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Examples
    --------
    ::

        ns.plot.stores([1.0, 10.0, 50.0], {"both": [0.97, 0.74, 0.56], "without the fast store": [0.15, 0.58, 0.68]}, chance=0.02)
    """
    at = canvas.column("stores(age)", age)
    if not recall:
        raise ParameterError("plot.stores(recall): needs at least one curve, such as {'both': share}")
    ax = canvas.axes_or_new("stores", ax, 7.0, 4.0)
    canvas.open_frame(ax)
    handles = []
    for k, (name, values) in enumerate(recall.items()):
        rows = np.atleast_2d(np.asarray(values, np.float64))
        if rows.shape[1] != at.size:
            raise ParameterError(f"plot.stores(recall[{name!r}]): {rows.shape[1]} values for {at.size} ages")
        mean, paint = rows.mean(0), canvas.colour(k)
        if len(rows) > 1:
            ax.fill_between(at, mean - rows.std(0), mean + rows.std(0), color=paint, alpha=0.15, linewidth=0.0)
        (line,) = ax.plot(
            at, mean, color=paint, linestyle=canvas.dash(k), marker="o", markersize=4.0, linewidth=1.7, label=name
        )
        handles.append(line)
    if chance is not None:
        ax.axhline(chance, color=canvas.GREY, linewidth=1.0, linestyle=":")
        ax.annotate(" chance", (at.max(), chance), va="bottom", ha="right", fontsize=canvas.SMALL, color=canvas.GREY)
    ax.set_ylim(-0.02, 1.05)
    ax.set_xlabel(f"age of the memory ({unit})")
    ax.set_ylabel("recalled")
    canvas.legend_above(ax, handles, columns=2)
    return ax


def retention(
    age: ArrayLike,
    share: ArrayLike,
    fit: object | None = None,
    *,
    unit: float = 86_400_000.0,
    name: str = "days",
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw a forgetting curve over the logarithm of age, with the laws fitted to it.

    Parameters
    ----------
    age : float [ages]
        ms.
    share : float [ages] or [seeds, ages]
        Share retained; of rows the mean is drawn, with their spread.
    fit : Retention, optional
        What ``ns.memory.retention.fit_retention`` found: the power law and the exponential are drawn.
    unit : float
        ms in one unit of the axis, and its `name`.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Examples
    --------
    ::

        ns.plot.retention(delays, recalled, ns.memory.retention.fit_retention(delays, recalled))
    """
    at = canvas.column("retention(age)", age) / unit
    rows = np.atleast_2d(np.asarray(share, np.float64))
    if rows.shape[1] != at.size or (at <= 0).any():
        raise ParameterError(
            f"plot.retention: needs one share for each age and ages above 0, got {rows.shape[1]} for {at.size} ages from {at.min(initial=0.0):g}"
        )
    ax = canvas.axes_or_new("retention", ax, 7.0, 4.0)
    canvas.open_frame(ax)
    mean, spread = rows.mean(0), rows.std(0) if len(rows) > 1 else None
    points = ax.errorbar(at, mean, spread, fmt="o", color=canvas.INK, markersize=4.0, linewidth=1.0, label="measured")
    handles: list[Any] = [points]
    if fit is not None:
        power, single = canvas.attributes("retention", fit, "power exponential", "fits as of fit_retention")
        fine = np.geomspace(at.min(), at.max(), 200)
        for k, law in enumerate((power, single)):
            (line,) = ax.plot(fine, law(fine * unit), color=canvas.colour(k), linestyle=canvas.dash(k), linewidth=1.7)  # type: ignore[operator]
            line.set_label(f"{law.name}: R² = {law.r2:.3f}, AIC = {law.aic:.1f}")  # type: ignore[attr-defined]
            handles.append(line)
    ax.set_xscale("log")
    ax.set_ylim(-0.02, 1.05)
    ax.set_xlabel(f"age ({name})")
    ax.set_ylabel("retained")
    canvas.legend_above(ax, handles, columns=3)
    return ax


def engram(
    before: Sequence[ArrayLike], after: Sequence[ArrayLike] | None = None, *, titles: tuple[str, str] = ("before sleep", "after sleep"),
    regions: Mapping[str, slice] | None = None,
) -> "Figure":  # fmt: skip
    """Draw a memory as a graph: its cells on a circle, its index cell in the middle, and the synapses between them.

    Parameters
    ----------
    before, after : (cells, index, slow)
        `cells`: places of the content cells; `index`: bool for each, whether a synapse joins it to the index cell;
        `slow`: pairs [synapses, 2] of places that a slow synapse joins.  Without `after` there is one picture.
    titles : tuple of str
    regions : dict of str to slice, optional
        Cells of each region get a colour of their own.

    Returns
    -------
    matplotlib figure

    Examples
    --------
    ::

        before = engram.picture(mem.longterm.projection)
        mem.sleep(replays=200)
        ns.plot.engram(before, engram.picture(mem.longterm.projection), regions=mem.slices)
    """
    panels = [before] if after is None else [before, after]
    figure = canvas.new_figure(4.6 * len(panels), 4.4)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for ax, panel, title in zip(axes, panels, titles, strict=False):
        _ring(ax, panel, regions or {})
        ax.set_title(title, fontsize=canvas.SMALL + 2)
    return figure


def _ring(ax: "Axes", panel: Sequence[ArrayLike], regions: Mapping[str, slice]) -> None:
    try:
        cells, joined, slow = (np.asarray(one) for one in panel)
    except ValueError:
        raise ParameterError("plot.engram: needs (cells, index, slow) for each picture") from None
    if cells.size > _MOST_NODES:
        raise ParameterError(
            f"plot.engram: draws up to {_MOST_NODES} cells, got {cells.size}; choose some: cells[:100]"
        )
    angle = np.pi / 2 + 2 * np.pi * np.arange(cells.size) / max(cells.size, 1)
    x, y = np.cos(angle), np.sin(angle)
    order = np.argsort(cells)
    for pre, post in np.asarray(slow).reshape(-1, 2):
        i, j = (order[np.searchsorted(cells[order], one)] for one in (pre, post))
        ax.plot([x[i], x[j]], [y[i], y[j]], color=canvas.GREEN, alpha=0.35, linewidth=0.8, zorder=1.0)
    for i in np.flatnonzero(joined):
        ax.plot([0.0, x[i]], [0.0, y[i]], color=canvas.VERMILLION, alpha=0.7, linewidth=1.0, zorder=2.0)
    paint = np.full(cells.size, canvas.BLUE, object)
    for k, (name, part) in enumerate(regions.items()):
        mine = (cells >= part.start) & (cells < part.stop)
        paint[mine] = canvas.colour(0 if k == 0 else k + 2)
        if mine.any():
            at = np.angle(np.mean(np.exp(1j * angle[mine])))
            ax.annotate(name, (1.22 * np.cos(at), 1.22 * np.sin(at)), ha="center", va="center", fontsize=canvas.SMALL)
    ax.scatter(x, y, c=list(paint), s=28, zorder=3.0, edgecolors="white", linewidths=0.6)
    ax.scatter([0.0], [0.0], c=canvas.VERMILLION, s=90, marker="s", zorder=4.0, edgecolors="white")
    pairs = max(cells.size * (cells.size - 1), 1)
    text = f"{int(np.count_nonzero(joined))} index synapses, {len(np.asarray(slow).reshape(-1, 2))} slow ({len(np.asarray(slow).reshape(-1, 2)) / pairs:.0%} of the pairs)"
    ax.annotate(text, (0.0, -1.38), ha="center", fontsize=canvas.SMALL, color=canvas.DARK)
    ax.set_xlim(-1.45, 1.45)
    ax.set_ylim(-1.5, 1.4)
    ax.set_aspect("equal")
    ax.axis("off")
