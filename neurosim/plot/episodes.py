"""What cues bring back: letters to be shown, completed pictures, chains of cells as lived and as replayed, contexts that drift, lags of recall.

Knows arrays only: pixels by their places, spikes by time and row, a matrix of overlaps, probabilities by lag.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_count
from neurosim.errors import ParameterError
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

Picture = tuple[str, ArrayLike, ArrayLike]
UNKNOWN = "unknown"
_MISSING, _FIRES = (1.0, 0.6, 0.55), 0.1


def glyph(letter: str, size: int) -> np.ndarray:
    """The shape of a letter as pixels, a thing to be shown to a network; from where the pen begins, it is stretched to a square.

    Parameters
    ----------
    letter : str
    size : int
        Pixels of the side.

    Returns
    -------
    bool [size, size]

    Examples
    --------
    >>> from neurosim.plot.episodes import glyph
    >>> print(*("".join(".#"[on] for on in row) for row in glyph("L", 4).tolist()), sep="\\n")
    .#..
    .#..
    .#..
    .###
    """
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    if not letter.strip():
        raise ParameterError(f"plot.glyph(letter): needs a letter with a shape, got {letter!r}; 'A' has one")
    size = check_count("plot.glyph(size)", size, least=1)
    path = TextPath((0, 0), letter, size=12, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    low, high = path.vertices.min(0), path.vertices.max(0)
    y, x = np.divmod(np.arange(size * size), size)
    at = (np.stack([x, size - 1 - y], axis=1) + 0.5) / size * (high - low) + low
    return np.asarray(path.contains_points(at).reshape(size, size))


def completed(
    cues: Sequence[Picture], answers: Sequence[Picture], *, shape: tuple[int, int], figure: "FigureBase | None" = None
) -> np.ndarray:
    """Draw cues in a row and what each brought back below it: pixels that fire black, those of the whole that do not red.

    Parameters
    ----------
    cues, answers : list of (name, fires, whole)
        Places (int64) of the pixels that fire, and of those of the whole picture.  The name of an answer is red if it is neither
        that of its cue nor "unknown".
    shape : (int, int)
        Rows and columns of a picture.
    figure : matplotlib figure or subfigure, optional

    Returns
    -------
    matplotlib axes [2, cues]

    Examples
    --------
    ::

        from neurosim.plot.episodes import completed
        completed([("A", [0, 1], [0, 1, 2])], [("A", [0, 1, 2], [0, 1, 2])], shape=(2, 2))
    """
    if not cues or len(cues) != len(answers):
        raise ParameterError(f"plot.completed: needs an answer to each cue, got {len(answers)} to {len(cues)} cues")
    figure = figure or canvas.new_figure(0.85 * len(cues) + 0.5, 2.6)
    axes = figure.subplots(2, len(cues), squeeze=False)
    for row, pictures in zip(axes, (cues, answers), strict=True):
        for ax, (name, fires, whole), cue in zip(row, pictures, cues, strict=True):
            image = np.ones((shape[0] * shape[1], 3))
            image[_places("completed", whole, shape)] = _MISSING
            image[_places("completed", fires, shape)] = _FIRES
            ax.imshow(image.reshape(*shape, 3))
            ax.set(xticks=[], yticks=[])
            ax.set_title(name, fontsize=9, color=canvas.INK if name in (cue[0], UNKNOWN) else canvas.VERMILLION)
    axes[0, 0].set_ylabel("cue")
    axes[1, 0].set_ylabel("fires")
    return axes


def chains(
    t: ArrayLike, row: ArrayLike, windows: Mapping[str, tuple[float, float]], labels: Sequence[object], *,
    pictures: Mapping[str, tuple[str, Sequence[ArrayLike]]] | None = None, shape: tuple[int, int] = (1, 1),
    figure: "FigureBase | None" = None,
) -> "list[Axes]":  # fmt: skip
    """Draw the spikes of a chain of cells in several windows of time side by side, each from its own zero.

    Parameters
    ----------
    t : float64 [spikes]
        ms.
    row : float64 [spikes]
        Where the cell stands: from i to i + 1 for the cells of element i.
    windows : dict of title to (start, stop)
        ms; the first, as a rule a longer one, gets a wider panel.
    labels : list
        Names of the elements.
    pictures : dict of title to (text, list of places), optional
        Drawn below the panel of that title: black pixels, one picture after the other.
    shape : (int, int)
        Rows and columns of such a picture.
    figure : matplotlib figure or subfigure, optional

    Returns
    -------
    list of matplotlib axes
        Of the rasters.

    Examples
    --------
    ::

        from neurosim.plot.episodes import chains
        chains([1.0, 2.0, 11.0], [0.2, 1.7, 0.2], {"lived": (0, 10), "replayed": (10, 20)}, ["A", "B"])
    """
    t = canvas.column("chains(t)", t)
    row = canvas.column("chains(row)", row, size=t.size)
    colours = np.array(canvas.PALETTE)[row.astype(np.int64) % len(canvas.PALETTE)]
    figure, below = figure or canvas.new_figure(11.0, 4.5), pictures or {}
    spans = {title: canvas.pair_of_times(f"chains(windows[{title!r}])", window) for title, window in windows.items()}
    wide, high = [2.2, *[1.0] * (len(spans) - 1)], [3.0, 1.0] if below else [1.0]
    grid, axes = figure.add_gridspec(len(high), len(wide), width_ratios=wide, height_ratios=high), []
    for i, (title, (start, stop)) in enumerate(spans.items()):
        ax, inside = figure.add_subplot(grid[0, i]), (t > start) & (t <= stop)
        long = float(t[inside].max(initial=start)) + 5.0 - start
        ax.scatter(t[inside] - start, row[inside], s=6, c=colours[inside].tolist(), linewidths=0)
        ax.set(yticks=np.arange(len(labels)) + 0.5, yticklabels=[str(one) for one in labels], ylim=(len(labels), 0))
        ax.set(xlabel="ms", xlim=(-0.03 * long, long))
        ax.set_title(title, fontsize=10)
        canvas.open_frame(ax)
        axes.append(ax)
        if title in below:
            _strip(figure.add_subplot(grid[1, i]), *below[title], shape)
    return axes


def drifting(
    common: ArrayLike, expected: ArrayLike, *, apart: str = "scenes", axes: "Sequence[Axes] | None" = None
) -> "tuple[Axes, Axes]":
    """Draw how alike contexts are: each with each, and those of the first episode by their distance, with the closed form.

    Parameters
    ----------
    common : float64 [contexts, contexts]
        Share of cells that two contexts have in common, in the order of time.
    expected : float64 [contexts of the first episode - 1]
        The share that is expected 1, 2, ... steps apart.
    apart : str
        What contexts belong to.
    axes : two matplotlib axes, optional

    Returns
    -------
    two matplotlib axes

    Examples
    --------
    ::

        from neurosim.plot.episodes import drifting
        drifting(overlaps(contexts), context.expected_overlap(np.arange(1, len(contexts))))
    """
    common, expected = np.asarray(common, np.float64), canvas.column("drifting(expected)", expected)
    first = expected.size + 1
    if common.ndim != 2 or common.shape[0] != common.shape[1] or len(common) < first:
        raise ParameterError(
            f"plot.drifting(common): must be square with {first} rows at least, one more than expected, got {common.shape}"
        )
    left, right = axes if axes is not None else canvas.new_figure(8.0, 3.5).subplots(1, 2)
    image = left.imshow(common, vmin=0.0, vmax=1.0, cmap="viridis")
    left.figure.colorbar(image, ax=left, label="share of cells in common")
    left.set(title="contexts", xlabel=f"{apart} in order", ylabel=f"{apart} in order")
    lag = np.arange(1, first)
    right.plot(lag, expected, color=canvas.INK, label="closed form")
    seen = [np.diagonal(common[:first, :first], x) for x in lag]
    right.plot(np.repeat(lag, first - lag), np.concatenate([*seen, []]), "o", color=canvas.BLUE, label="first episode")
    right.set(xlabel=f"{apart} apart", ylabel="share of cells in common", ylim=(0, 1), xticks=lag)
    right.legend(frameon=False)
    canvas.open_frame(right)
    return left, right


def lags(lag: ArrayLike, probability: ArrayLike, *, most: int = 5, ax: "Axes | None" = None) -> "Axes":
    """Draw what is recalled after what in a list: the probability of the next recall by its distance (lag-CRP).

    Parameters
    ----------
    lag : int64 [lags]
        Ascending; 0 is not drawn.
    probability : float64 [lags]
        nan where it is not known.
    most : int
        Largest distance drawn.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Examples
    --------
    ::

        from neurosim.plot.episodes import lags
        crp = ns.memory.lag_crp(recalls, items=12)
        lags(crp.lag, crp.probability)

    References
    ----------
    Kahana (1996) Mem. Cognit. 24:103.
    """
    lag = canvas.column("lags(lag)", lag)
    probability = canvas.column("lags(probability)", probability, size=lag.size)
    ax = canvas.axes_or_new("lags", ax, 5.0, 3.5)
    for side in (lag < 0, lag > 0):
        near = side & (np.abs(lag) <= most)
        ax.plot(lag[near], probability[near], "o-", color=canvas.VERMILLION)
    ax.set(xlabel="lag in the list", ylabel="probability of the next recall", ylim=(0, None), title="free recall")
    canvas.open_frame(ax)
    return ax


def _strip(ax: "Axes", text: str, pictures: Sequence[ArrayLike], shape: tuple[int, int]) -> None:
    """Pictures side by side, with two columns of white between them."""
    high, wide = shape
    page = np.ones((high, (wide + 2) * max(len(pictures), 1)))
    for j, places in enumerate(pictures):
        y, x = np.divmod(_places("chains(pictures)", places, shape), wide)
        page[y, x + j * (wide + 2)] = _FIRES
    ax.imshow(page, cmap="gray", vmin=0.0, vmax=1.0)
    ax.set_axis_off()
    ax.set_title(text, fontsize=9)


def _places(name: str, given: ArrayLike, shape: tuple[int, int]) -> np.ndarray:
    """Places of pixels, int64, that lie in the picture."""
    places = canvas.column(name, given).astype(np.int64)
    if places.size and not 0 <= places.min() <= places.max() < shape[0] * shape[1]:
        raise ParameterError(
            f"plot.{name}: places are 0 ... {shape[0] * shape[1] - 1} in a picture of {shape[0]} x {shape[1]} pixels, "
            f"got {places.min()} ... {places.max()}; shape=(rows, columns) sets its size"
        )
    return places
