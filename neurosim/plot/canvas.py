"""The paper of every plot: figures without pyplot, a colour-blind-safe palette, time axes, labels that stay apart.

Knows matplotlib objects and arrays only: nothing about spikes or synapses.
"""

import contextlib
import functools
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosim import ranks
from neurosim.errors import ParameterError

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.figure import Figure

# Okabe & Ito (2008), Color universal design; yellow is left out, it vanishes on white paper.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
INK, DARK, GREY, PALE = "#1A1A1A", "#404040", "#6E6E6E", "#BFC5CA"
PALETTE = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INK)
DASHES = ("-", "--", "-.", ":")  # lines stay apart in a grey print
SMALL = 8.0  # points: labels inside and beside the axes


def colour(i: int) -> str:
    """The i-th colour of the palette, round and round."""
    return PALETTE[i % len(PALETTE)]


def dash(i: int) -> str:
    """The i-th line style."""
    return DASHES[i % len(DASHES)]


def new_figure(width: float, height: float) -> "Figure":
    """A figure (inches) with an Agg canvas that pyplot does not know of."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure._repr_png_ = functools.partial(_png, figure)  # type: ignore[attr-defined]  # notebooks show it without pyplot
    return figure


def axes_or_new(name: str, ax: "Axes | None", width: float, height: float) -> "Axes":
    """The axes given, or the only axes of a new figure (inches)."""
    from matplotlib.axes import Axes

    if ax is None:
        figure = new_figure(width, height)
        ax = figure.add_subplot()
        ax._repr_png_ = functools.partial(_png, figure)  # type: ignore[attr-defined]
    elif not isinstance(ax, Axes):
        raise ParameterError(
            f"plot.{name}(ax=): must be matplotlib axes, got {_kind(ax)}; leave it out for a new figure"
        )
    return ax


def root(ax: "Axes") -> "Figure":
    """The whole figure of axes, also where they lie in a part of it."""
    return ax.figure.canvas.figure


@contextlib.contextmanager
def current_kept(ax: "Axes") -> Iterator[None]:
    """Axes may be added inside; the current axes of a user's figure stay what they were."""
    before = ax.figure.gca()
    yield
    ax.figure.sca(before)


def open_frame(ax: "Axes") -> None:
    """No lines above and to the right of the data."""
    ax.spines[["top", "right"]].set_visible(False)


def attributes(name: str, given: object, needed: str, expected: str) -> list[object]:
    """The attributes of `given` named in `needed` (blank separated), or an error that says what was expected."""
    missing = [one for one in needed.split() if not hasattr(given, one)]
    if missing:
        raise ParameterError(f"plot.{name}: needs {expected}, got {_kind(given)} without {', '.join(missing)}")
    return [getattr(given, one) for one in needed.split()]


def column(name: str, values: object, *, size: int | None = None) -> np.ndarray:
    """A one-dimensional array of numbers, of `size` if given."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise ParameterError(f"plot.{name}: must be one row of numbers, got {_kind(values)}") from None
    if array.ndim != 1 or array.dtype.kind not in "biuf":
        raise ParameterError(
            f"plot.{name}: must be one row of numbers, got an array of shape {array.shape} and type {array.dtype}"
        )
    if size is not None and array.size != size:
        raise ParameterError(f"plot.{name}: must have {size} entries, got {array.size}")
    return array


def as_list(name: str, given: object, more: Sequence[object], expected: str) -> list[object]:
    """One object, several, or a list of them: a list that is not empty."""
    first = list(given) if isinstance(given, (list, tuple)) else [given]
    every = first + list(more)
    if not every:
        raise ParameterError(f"plot.{name}: needs {expected}, got an empty list")
    return every


def pair_of_times(name: str, window: object) -> tuple[float, float]:
    """(start, stop) in ms with start before stop."""
    try:
        start, stop = (float(one) for one in window)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise ParameterError(
            f"plot.{name}: must be (start, stop) in ms, got {window!r}; for example (0.0, 500.0)"
        ) from None
    if not start < stop:
        raise ParameterError(f"plot.{name}: start must lie before stop (ms), got {window!r}")
    return start, stop


def say(ax: "Axes", text: str) -> None:
    """One sentence in the middle of axes that have nothing else to show."""
    ax.text(0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=GREY, fontsize=11)


def nice(value: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is not below `value`."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((factor * power for factor in (1.0, 2.0, 5.0) if factor * power >= value * (1 - 1e-9)), 10.0 * power)


def round_interval(ms: float) -> float:
    """The smallest interval that people count in and that is not below `ms`."""
    if ms <= 10_000.0:
        return nice(ms)
    steps = (15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
    return next((1000.0 * one for one in steps if 1000.0 * one >= ms), 86_400_000.0 * nice(ms / 86_400_000.0))


def duration(ms: float) -> str:
    """A time in the unit that reads best."""
    size, unit = next((one, unit) for one, unit in _UNITS if ms >= one or unit == "ms")
    return f"{ms / size:.6g} {unit}"


def moments(times: Iterable[float]) -> list[str]:
    """Times (ms) in one unit for all and with equally many digits, so that words that follow each other do not jump."""
    held = list(times)
    far = max([abs(one) for one in held], default=0.0)
    size, unit = next((one, unit) for one, unit in _UNITS if far >= 10.0 * one or unit == "ms")
    digits = next((d for d in range(3) if all(abs(round(one / size, d) - one / size) < 1e-6 for one in held)), 2)
    digits = min(digits, 0 if far / size >= 1000.0 else 1 if far / size >= 20.0 else 2)
    return [f"{one / size:,.{digits}f} {unit}" for one in held]


_UNITS = ((3_600_000.0, "h"), (60_000.0, "min"), (1000.0, "s"), (1.0, "ms"))


def time_axis(ax: "Axes", start: float, stop: float, *, label: bool = True) -> None:
    """The x axis in ms, shown in the largest unit of which it holds ten; the data stay in ms."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, MultipleLocator

    stop = stop if stop > start else start + 1.0
    ax.set_xlim(start, stop)
    size, unit = next((one, unit) for one, unit in _UNITS if stop - start >= 10.0 * one or unit == "ms")
    if size > 1000.0:
        ax.xaxis.set_major_locator(MultipleLocator(size * nice((stop - start) / size / 10.0)))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(functools.partial(_scaled, size)))
    if label:
        ax.set_xlabel(f"time ({unit})")


def thousands(axis: object) -> None:
    """Ticks of counts: 1,500 instead of 1500, no sign."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(_size))  # type: ignore[attr-defined]


def label_right(ax: "Axes", entries: Sequence[tuple[float, str, str]]) -> None:
    """(height in data, text, colour) written right of the axes, moved apart where they would overlap."""
    bottom, top = ax.get_ylim()
    low, high = min(bottom, top), max(bottom, top)
    points = ax.get_position().height * root(ax).get_figheight() * 72.0
    gap = (high - low) * 1.25 * SMALL / max(points, 1.0)
    entries = [entry for entry in entries if low <= entry[0] <= high]
    if not entries:
        return
    room = max(1, int((high - low) / gap))
    if len(entries) > room:
        keep = np.unique(np.linspace(0, len(entries) - 1, room).astype(int))
        entries = [entries[k] for k in keep]
    order = sorted(range(len(entries)), key=lambda k: entries[k][0])
    heights = moved_apart([entries[k][0] for k in order], gap, low, high)
    for k, height in zip(order, heights, strict=True):
        ax.annotate(
            entries[k][1],
            xy=(1.0, height),
            xycoords=ax.get_yaxis_transform(),
            xytext=(5, 0),
            textcoords="offset points",
            color=entries[k][2],
            fontsize=SMALL,
            va="center",
            ha="left",
            annotation_clip=False,
        )


def moved_apart(heights: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Ascending heights moved as little as needed so that neighbours are `gap` apart and all lie in [low, high]."""
    # Clusters of touching labels share one centre (pool adjacent violators).
    clusters: list[list[float]] = []  # [sum of (height - k gap), members]
    for k, height in enumerate(heights):
        clusters.append([height - k * gap, 1.0])
        while len(clusters) > 1 and clusters[-2][0] / clusters[-2][1] > clusters[-1][0] / clusters[-1][1]:
            total, members = clusters.pop()
            clusters[-1][0] += total
            clusters[-1][1] += members
    base = [total / members for total, members in clusters for _ in range(int(members))]
    ceiling = high - gap * (len(base) - 1)
    return [min(max(one, low), max(ceiling, low)) + k * gap for k, one in enumerate(base)]


def mosaic(images: np.ndarray) -> np.ndarray:
    """Images [n, height, width] side by side with gaps of NaN, about 1.4 times as wide as high."""
    n, height, width = images.shape
    across = max(1, int(np.ceil(np.sqrt(n * 1.4 * height / width))))
    sheet = np.full((-(-n // across) * (height + 1) - 1 if n else 1, across * (width + 1) - 1), np.nan)
    for k, image in enumerate(images):
        row, column = divmod(k, across)
        sheet[row * (height + 1) :, column * (width + 1) :][:height, :width] = image
    return sheet


def halo() -> list[object]:
    """A white rim that keeps lines and texts legible on top of other things."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=3.0, foreground="white"), Normal()]


def legend_above(ax: "Axes", handles: Sequence["Artist | BarContainer"], columns: int = 4) -> None:
    """A legend over the axes, where it hides nothing."""
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0.0, 1.0),
        ncols=columns,
        frameon=False,
        fontsize=SMALL,
        borderaxespad=0.2,
        columnspacing=1.4,
        handlelength=1.8,
    )


def save(figure: "Figure", path: object, dpi: float) -> None:
    """Write the figure if there is a path."""
    if path is not None and ranks.once():
        figure.savefig(path, dpi=dpi)  # type: ignore[arg-type]


def _kind(given: object) -> str:
    return "None" if given is None else f"a {type(given).__name__}"


def _png(figure: "Figure") -> bytes:
    page = io.BytesIO()
    figure.savefig(page, format="png")
    return page.getvalue()


def _scaled(size: float, value: float, _place: object = None) -> str:
    return f"{value / size:,.10g}"


def _size(value: float, _place: object = None) -> str:
    return f"{abs(value):,.10g}"
