"""Drawings of a network: neurons and directed edges, or regions and bundles when there are many."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import check_count
from neurosim.errors import ParameterError
from neurosim.plot import canvas, edges
from neurosim.plot.layout import spring_layout

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

# Vermillion marks new edges and sky blue inhibitory ones: the neurons come in the others first.
_PAINTS = (canvas.BLUE, canvas.ORANGE, canvas.GREEN, canvas.PURPLE, canvas.INK, canvas.SKY)
_MOST_NUMBERS = 24  # arrows between regions that have room for their numbers
_NAMES = 7.5  # points: names beside neurons
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def graph(
    connections: object,
    positions: object = None,
    *,
    ax: "Axes | None" = None,
    color: object = None,
    new: object = None,
    ghosts: object = None,
    labels: bool | Mapping[object, str] = False,
    legend: bool = True,
    regions: object = None,
    aggregate_above: int = 200,
    seed: int = 1,
) -> "Axes":
    """Draw neurons as dots and synapses as curves that bend to the left of their direction.

    Strong edges are thick and dark, new ones coloured, pruned ones pale ghosts.  Parallel synapses are one curve.
    With many neurons and `regions` known, regions are circles sized by neurons and arrows are sized by edges.

    Parameters
    ----------
    connections : projection, list of projections, edge recorder, (pre, post[, weight]) arrays, pairs or networkx graph
        The edges that exist.
    positions : mapping {neuron: (x, y)}, array (neurons, 2), "spring" or "kamada_kawai", optional
        Rows of an array are the neurons in ascending order.  Left out: kamada_kawai up to 60 neurons, else spring.
    ax : matplotlib axes, optional
        Where to draw.  Left out: a new figure.
    color : colour, mapping {neuron: colour or class} or sequence in ascending order of neurons, optional
        Names that are not colours are classes, with a colour and a marker each.  Left out: the regions.
    new, ghosts : edges, optional
        Edges born (drawn in colour) and edges pruned (pale, dashed), in any form that `connections` takes.
    labels : bool or mapping {neuron: text}
        Write names beside the dots.
    legend : bool
        Explain colours below the picture.
    regions : mapping {neuron: region} or {region: neurons}, or list of populations, optional
    aggregate_above : int
        With `regions`: draw regions instead of neurons above so many neurons.
    seed : int
        Of the layout.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ParameterError
        If there are no edges in what is given, or a neuron has no position.

    Examples
    --------
    >>> from neurosim import plot
    >>> ax = plot.graph([(0, 1), (1, 2), (2, 0)], new=[(0, 2)], labels=True)
    >>> len(ax.collections) > 0
    True
    """
    limit = check_count("plot.graph(aggregate_above=)", aggregate_above)
    pre, post, weight = edges.pairs_of("graph(connections)", connections)
    born = _optional("graph(new=)", new, pre)
    gone = _optional("graph(ghosts=)", ghosts, pre)
    places = positions if isinstance(positions, Mapping) else {}
    ends = [one for one in (pre, post, *born, *gone, _keys(places), _keys_of_graph(connections)) if one.size]
    region_of = _regions(regions)
    if region_of:
        ends.append(np.array(list(region_of)))
    nodes = np.unique(np.concatenate(ends)) if ends else np.zeros(0, np.int64)
    if not nodes.size:
        ax = canvas.axes_or_new("graph", ax, 6.5, 6.0)
        ax.set_axis_off()
        canvas.say(ax, "no neurons")
        return ax
    if any((one.dtype.kind in "US") != (nodes.dtype.kind in "US") for one in ends):
        raise ParameterError(
            "plot.graph: neurons are numbers in some of the arguments and names in others; use one of them"
        )
    index = {node: k for k, node in enumerate(nodes.tolist())}
    if region_of and nodes.size > limit:
        which = [str(region_of.get(node, "elsewhere")) for node in nodes.tolist()]
        names = sorted(set(which), key=which.index)
        member = np.array([names.index(one) for one in which])
        links = [(member[_place(index, one)], member[_place(index, two)]) for one, two in ((pre, post), born, gone)]
        ax = canvas.axes_or_new("graph", ax, 6.5, 6.0)
        bundles(ax, names, np.bincount(member, minlength=len(names)), links, legend=legend)
        return ax

    n = nodes.size
    a, b, strength = edges.merged(_place(index, pre), _place(index, post), weight, n)
    fresh, lost = (np.unique(_place(index, one) * n + _place(index, two)) for one, two in (born, gone))
    key = a * n + b
    lost = np.setdiff1d(lost, key)
    absent = np.setdiff1d(fresh, key)
    typical = float(np.median(np.abs(strength))) if strength.size else 1.0
    a, b = np.append(a, absent // n), np.append(b, absent % n)
    strength = np.append(strength, np.full(absent.size, typical))
    is_new = np.isin(a * n + b, fresh)

    at = _positions(positions, nodes, index, (np.append(a, lost // n), np.append(b, lost % n)), seed)
    ax = canvas.axes_or_new("graph", ax, 6.5, 6.0)
    unit = _frame(ax, at)  # one point of paper in units of the positions
    size = float(np.clip(2600.0 / n, 8.0, 130.0))
    radius = 0.5 * np.sqrt(size) * unit
    width, alpha = edges.faded(strength, a.size)
    pointed = a.size <= 700
    handles: list[Artist] = []
    ghost_lines = edges.curves(at[lost // n], at[lost % n], bend=0.12, short=radius, loop=1.6 * radius)
    one = np.ones(len(ghost_lines))
    groups = [
        ("pruned", canvas.PALE, ghost_lines, 0.9 * one, 0.75 * one, 1.0),
        *_grouped(at, a, b, strength, is_new, width, alpha, radius),
    ]
    for text, paint, lines, thick, opaque, layer in groups:
        if not len(lines):
            continue
        dashed = text == "pruned"
        edges.draw(ax, lines, color=paint, width=thick, alpha=opaque, dashed=dashed, zorder=layer, label=text)
        if pointed and not dashed:
            head = np.maximum(0.5 * radius, (2.0 + 2.2 * thick) * unit)
            edges.heads(ax, lines, color=paint, size=head, alpha=np.minimum(1.0, 1.3 * opaque), zorder=layer)
        handles.append(line_handle(paint, f"{text} ({len(lines):,})", dashed))
    handles += _dots(ax, at, nodes, index, region_of if color is None and region_of else color, size)
    if labels:
        texts = labels if isinstance(labels, Mapping) else {node: str(node) for node in index}
        for node, text in texts.items():
            if node in index:
                x, y = at[index[node]]
                shift = 0.5 * np.sqrt(size) + 1.5
                ax.annotate(text, (x, y), (shift, shift), textcoords="offset points", fontsize=_NAMES, zorder=9)
    if legend:
        _legend_below(ax, handles)
    return ax


def _grouped(
    at: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    strength: np.ndarray,
    is_new: np.ndarray,
    width: np.ndarray,
    alpha: np.ndarray,
    radius: float,
) -> list[tuple[str, str, np.ndarray, np.ndarray, np.ndarray, float]]:
    """Edges by what they are, weak ones first so that strong ones lie on top."""
    order = np.argsort(np.abs(strength), kind="stable")
    lines = edges.curves(at[a], at[b], bend=0.12, short=radius, loop=1.6 * radius)
    negative = strength < 0
    kinds = [
        ("excitatory" if negative.any() else "synapses", canvas.DARK, ~is_new & ~negative, 2.0),
        ("inhibitory", canvas.SKY, ~is_new & negative, 2.1),
        ("new", canvas.VERMILLION, is_new, 3.0),
    ]
    out = []
    for text, paint, which, layer in kinds:
        chosen = order[which[order]]
        bold = 1.35 if text == "new" else 1.0
        out.append((text, paint, lines[chosen], width[chosen] * bold, np.minimum(0.95, bold * alpha[chosen]), layer))
    return out


def _optional(name: str, given: object, like: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of edges that need not be there."""
    none = np.zeros(0, like.dtype if like.size else np.int64)
    if given is None or (hasattr(given, "__len__") and not len(given)):
        return none, none
    return edges.pairs_of(name, given)[:2]


def _keys(places: Mapping[object, object]) -> np.ndarray:
    return np.array(list(places))


def _keys_of_graph(given: object) -> np.ndarray:
    if hasattr(given, "nodes") and hasattr(given, "edges") and callable(given.edges):
        return np.array(list(given.nodes))
    return np.zeros(0)


def _place(index: Mapping[object, int], nodes: np.ndarray) -> np.ndarray:
    return np.array([index[node] for node in nodes.tolist()], np.int64)


def _regions(given: object) -> dict[object, str]:
    """{neuron: region} of whatever tells regions."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        if all(isinstance(one, str) for one in given.values()):
            return dict(given)
        return {node: str(name) for name, members in given.items() for node in np.atleast_1d(members).tolist()}
    if isinstance(given, Sequence) and all(hasattr(one, "uid") for one in given):
        return {
            node: str(getattr(one, "region", None) or getattr(one, "name", "region"))
            for one in given
            for node in np.asarray(one.uid).tolist()
        }
    raise ParameterError(
        "plot.graph(regions=): must be {neuron: region}, {region: neurons} or a list of populations, "
        f"got a {type(given).__name__}"
    )


def _positions(
    given: object, nodes: np.ndarray, index: Mapping[object, int], links: tuple[np.ndarray, np.ndarray], seed: int
) -> np.ndarray:
    n = nodes.size
    if given is None or isinstance(given, str):
        how = given or ("kamada_kawai" if n <= 60 else "spring")
        if how not in ("spring", "kamada_kawai"):
            raise ParameterError(
                f'plot.graph(positions=): must be "spring", "kamada_kawai", a mapping or an array, got {given!r}'
            )
        return spring_layout(n, *links, seed=seed, how=how)
    if isinstance(given, Mapping):
        missing = [node for node in index if node not in given]
        if missing:
            raise ParameterError(
                f"plot.graph(positions=): no position for neuron {missing[0]!r} and {len(missing) - 1} others"
            )
        given = [given[node] for node in index]
    at = np.asarray(given, np.float64)
    if at.shape != (n, 2) or not np.isfinite(at).all():
        raise ParameterError(
            f"plot.graph(positions=): must be {n} finite (x, y) rows, one per neuron, got shape {at.shape}"
        )
    return at


def _frame(ax: "Axes", at: np.ndarray) -> float:
    """Limits around the positions, equal scales, no frame; returns what one point of paper is in positions."""
    low, high = at.min(axis=0), at.max(axis=0)
    span = float(max((high - low).max(), 1e-9))
    margin = 0.07 * span
    ax.set_xlim(low[0] - margin, high[0] + margin)
    ax.set_ylim(low[1] - margin, high[1] + margin)
    ax.set_aspect("equal")
    ax.set_axis_off()
    box = ax.get_window_extent()
    pixels = min(box.width / (high[0] - low[0] + 2 * margin), box.height / (high[1] - low[1] + 2 * margin))
    return float(ax.figure.dpi / 72.0 / pixels)


def _dots(
    ax: "Axes", at: np.ndarray, nodes: np.ndarray, index: Mapping[object, int], color: object, size: float
) -> "list[Artist]":
    """Draw the neurons; returns legend entries of classes."""
    from matplotlib.colors import is_color_like

    def scatter(where: np.ndarray, paint: str | list[Any], marker: str) -> None:
        ax.scatter(
            at[where, 0],
            at[where, 1],
            s=size,
            c=paint,
            marker=marker,
            edgecolors="white",
            linewidths=0.6 if size > 12.0 else 0.3,
            zorder=8,
        )

    everyone = np.arange(nodes.size)
    if color is None or (isinstance(color, (str, tuple)) and is_color_like(color)):
        scatter(everyone, canvas.BLUE if color is None else [color], "o")
        return []
    if isinstance(color, Mapping):
        values = [color.get(node, "other") for node in index]
    elif isinstance(color, (Sequence, np.ndarray)) and not isinstance(color, str) and len(color) == nodes.size:
        values = list(color)
    else:
        raise ParameterError(
            f"plot.graph(color=): must be a colour, a mapping or {nodes.size} entries, one per neuron, got {color!r}"
        )
    if all(is_color_like(one) for one in values):
        scatter(everyone, values, "o")
        return []
    handles: list[Artist] = []
    classes = sorted({str(one) for one in values}, key=[str(one) for one in values].index)
    for k, name in enumerate(classes):
        where = np.array([i for i, one in enumerate(values) if str(one) == name])
        marker = _MARKERS[k % len(_MARKERS)]
        scatter(where, paint_of(k), marker)
        handles.append(dot_handle(paint_of(k), marker, f"{name} ({where.size:,})"))
    return handles


def line_handle(paint: str, text: str, dashed: bool) -> "Artist":
    from matplotlib.lines import Line2D

    return Line2D([], [], color=paint, linestyle="--" if dashed else "-", linewidth=1.6, label=text)


def dot_handle(paint: str, marker: str, text: str) -> "Artist":
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], color=paint, marker=marker, linestyle="none", markersize=6, markeredgecolor="white", label=text
    )


def _legend_below(ax: "Axes", handles: "Sequence[Artist]") -> None:
    if handles:
        ax.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, 0.0),
            ncols=min(4, len(handles)),
            frameon=False,
            fontsize=canvas.SMALL,
        )


def bundles(
    ax: "Axes",
    names: Sequence[str],
    sizes: np.ndarray,
    links: Sequence[tuple[np.ndarray, np.ndarray]],
    *,
    legend: bool,
    most: int | None = None,
    largest: int | None = None,
) -> None:
    """Regions on a circle, arrows with the number of edges between them, and of those born and pruned.

    `most` edges make the widest arrow, `largest` is the number of neurons of the widest circle: by default what there is.
    Of very many arrows between regions the numbers would cover each other, and only the widths tell.
    """
    from matplotlib.patches import FancyArrowPatch

    n = len(names)
    angle = 0.5 * np.pi - 2.0 * np.pi * np.arange(n) / n
    at = np.stack((np.cos(angle), np.sin(angle)), axis=1) if n > 1 else np.zeros((1, 2))
    counts, born, gone = (np.bincount(one * n + two, minlength=n * n).reshape(n, n) for one, two in links)
    ax.set_aspect("equal")
    ax.set_axis_off()
    reach = 1.6 if n > 1 else 0.9
    ax.set_xlim(-reach, reach)
    ax.set_ylim(-reach, reach)
    box = ax.get_window_extent()
    unit = 2.0 * reach * ax.figure.dpi / 72.0 / min(box.width, box.height)  # one point of paper
    widest = 36.0 * min(1.0, 6.0 / n)
    radius = np.maximum(widest * np.sqrt(sizes / max(largest or int(sizes.max()), 1)), 9.0)
    most = most or max(int(counts.max()), 1)
    crowded = np.count_nonzero((counts + gone > 0) & ~np.eye(n, dtype=np.bool_)) > _MOST_NUMBERS
    for i, j in np.argwhere(counts + gone > 0).tolist():
        width = 0.7 + 4.5 * np.sqrt(counts[i, j] / most)
        text = f"{counts[i, j]:,}"
        if born[i, j] or gone[i, j]:
            text += "\n" + " ".join(f"{sign}{one[i, j]:,}" for sign, one in (("+", born), ("−", gone)) if one[i, j])
        if i == j:
            out = at[i] if n > 1 else np.array([0.0, 1.0])
            side = np.array([-out[1], out[0]])
            foot, half = at[i] + 0.75 * out * radius[i] * unit, 0.6 * side * radius[i] * unit
            begin, end, bend, gaps = foot + half, foot - half, -1.7, (0.0, 0.0)
            where = foot + out * (1.02 * radius[i] + 12.0 + width) * unit
        else:
            begin, end, bend, gaps = at[i], at[j], -0.16, (radius[i] + 1.0, radius[j] + 3.0)
            way = end - begin
            length = float(np.hypot(*way))
            s = min((radius[i] + 34.0) * unit / length, 0.45)  # the number stands near the source, on the arrow
            where = begin + s * way + 2.0 * s * (1.0 - s) * 0.16 * np.array([-way[1], way[0]])
        arrow = FancyArrowPatch(
            begin,
            end,
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle=f"-|>,head_length={4.0 + width:.1f},head_width={2.0 + 0.5 * width:.1f}",
            mutation_scale=1.0,
            shrinkA=gaps[0],
            shrinkB=gaps[1],
            color=paint_of(i),
            linewidth=width,
            alpha=0.6,
            zorder=2.0,
            clip_on=False,
        )
        ax.add_patch(arrow)
        if crowded and i != j:
            continue
        ax.text(
            where[0],
            where[1],
            text,
            fontsize=canvas.SMALL,
            ha="center",
            va="center",
            color=canvas.INK,
            zorder=4,
            linespacing=0.95,
            path_effects=canvas.halo(),
        )
    for i, name in enumerate(names):
        ax.scatter(
            at[i, 0],
            at[i, 1],
            s=(2.0 * radius[i]) ** 2,
            color=paint_of(i),
            edgecolors="white",
            linewidths=1.2,
            zorder=5,
        )
        ax.text(
            at[i, 0],
            at[i, 1],
            f"{name}\n{sizes[i]:,}",
            ha="center",
            va="center",
            color=canvas.INK,
            fontsize=float(np.clip(3.2 * radius[i] / max(len(name), 1), 6.0, canvas.SMALL + 1)),  # inside the circle
            zorder=6,
            weight="bold",
            path_effects=canvas.halo(),
        )
    if legend:
        words = "circles: neurons per region; arrows, in the colour of their source: synapses"
        if born.any() or gone.any():
            words += " (+ born, − pruned)"
        ax.text(
            0.5, 0.0, words, transform=ax.transAxes, ha="center", va="top", fontsize=canvas.SMALL, color=canvas.GREY
        )


def paint_of(k: int) -> str:
    """Colour of the k-th class or region."""
    return _PAINTS[k % len(_PAINTS)]
