"""How the laboratory draws: theory as a broad pale line, measurements as points on it, published data as open marks.

Knows axes and arrays, and of a rule only its bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosim.lab.bench import MANY, bounds
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer

#: Pale versions of the first colours of the palette, for theory behind points of the same colour.
TINTS = ("#9CC8E3", "#F3BE99", "#99D8C7", "#EBC9DC")


def tint(i: int) -> str:
    """The pale version of the i-th colour."""
    return TINTS[i % len(TINTS)]


def zero_lines(ax: Axes, *, vertical: bool = True) -> None:
    """Thin lines through 0."""
    ax.axhline(0.0, color=canvas.PALE, linewidth=0.8, zorder=0)
    if vertical:
        ax.axvline(0.0, color=canvas.PALE, linewidth=0.8, zorder=0)


def theory(ax: Axes, x: np.ndarray, y: np.ndarray, i: int = 0, label: str = "theory") -> Artist:
    """A formula, behind what was measured."""
    return ax.plot(x, y, color=tint(i), linewidth=5.0, solid_capstyle="round", zorder=1, label=label)[0]


def measured(
    ax: Axes, x: np.ndarray, y: np.ndarray, i: int = 0, label: str = "measured", error: np.ndarray | None = None
) -> ErrorbarContainer:
    """Measurements, with their standard errors if there are any."""
    bars = error if error is not None and np.any(error) else None
    return ax.errorbar(
        x, y, yerr=bars, color=canvas.colour(i), linestyle="none", marker="o", markersize=3.5, elinewidth=1.0,
        capsize=2.0, zorder=3, label=label,
    )  # fmt: skip


def comparable(rule: object, change: np.ndarray, repeats: int) -> bool:
    """Whether changes may be compared with those of excitatory synapses by 60 repeats, relative to their weight."""
    largest = float(np.abs(change).max(initial=0.0))
    return repeats == MANY and 0.02 < largest < 5.0 and bounds(rule)[1] > 0.0


def published(ax: Axes, x: np.ndarray, y: np.ndarray, error: np.ndarray, i: int, label: str) -> ErrorbarContainer:
    """Data of an experiment: open squares with standard errors."""
    return ax.errorbar(
        x, y, yerr=error, color=canvas.colour(i), linestyle="none", marker="s", markersize=6.0,
        markerfacecolor="white", elinewidth=0.8, capsize=2.5, alpha=0.75, zorder=2, label=label,
    )  # fmt: skip


def bounded(ax: Axes, x: np.ndarray, y: np.ndarray, i: int = 0) -> None:
    """Hollow points over those whose weight ended on a bound."""
    ax.plot(x, y, "o", markersize=3.5, markerfacecolor="white", color=canvas.colour(i), zorder=4)


def sample_bound() -> Artist:
    """The mark of `bounded` for the key."""
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], color=canvas.GREY, linestyle="none", marker="o", markersize=3.5, markerfacecolor="white",
        label="at a bound",
    )  # fmt: skip


def sample_line(label: str) -> Artist:
    """A mark for the key: theory of any colour."""
    from matplotlib.lines import Line2D

    return Line2D([], [], color=canvas.PALE, linewidth=5.0, label=label)


def sample_square(label: str) -> Artist:
    """A mark for the key: published data of any colour."""
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], color=canvas.GREY, linestyle="none", marker="s", markersize=6.0, markerfacecolor="white", label=label
    )


def key(ax: Axes, handles: Sequence[object], columns: int = 3) -> None:
    """The legend, above the axes."""
    canvas.legend_above(ax, [one for one in handles if one is not None], columns)  # type: ignore[misc]


def room(ax: Axes, values: Sequence[np.ndarray]) -> None:
    """Limits of the y axis around finite values and 0, with a margin."""
    every = np.concatenate([np.ravel(one) for one in values])
    every = every[np.isfinite(every)]
    low, high = (float(every.min()), float(every.max())) if every.size else (0.0, 1.0)
    low, high = min(low, 0.0), max(high, 0.0)
    span = high - low if high - low > 1e-12 else 1.0
    ax.set_ylim(low - 0.06 * span, high + 0.06 * span)


def beside(ax: Axes, widths: Sequence[float], gap: float = 0.13) -> list[Axes]:
    """Axes next to each other in the place of `ax`, which is made invisible."""
    ax.set_axis_off()
    total = 1.0 - gap * (len(widths) - 1)
    at, found = 0.0, []
    for width in widths:
        part = total * width / sum(widths)
        found.append(ax.inset_axes((at, 0.0, part, 1.0)))
        at += part + gap
    return found


def stacked(ax: Axes, heights: Sequence[float], gap: float = 0.06) -> list[Axes]:
    """Axes on top of each other in the place of `ax`, the first on top, with one common x axis."""
    ax.set_axis_off()
    total = 1.0 - gap * (len(heights) - 1)
    at, found = 1.0, []
    for height in heights:
        part = total * height / sum(heights)
        found.append(ax.inset_axes((0.0, at - part, 1.0, part)))
        at -= part + gap
    for one in found[:-1]:
        one.tick_params(labelbottom=False)
    return found
