"""Synapses between regions: a matrix, or each pathway over time."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim.analysis.temporal import region_matrices
from neurosim.errors import ParameterError
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_PATHWAYS = 40
_MOST_NUMBERS = 14  # regions up to which the numbers are written into the cells


def regions(
    source: object,
    times: ArrayLike | int | None = None,
    *,
    names: Sequence[str] | None = None,
    level: int | None = None,
    projection: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the region matrix as a heat map; of a history, one row a pathway over time, the strongest on top.

    Parameters
    ----------
    source : region matrix, array [sources, targets], network, `net.history`, its lifetimes or region matrices over time
        ``ns.plot.regions(net.region_matrix())`` draws the matrix, ``ns.plot.regions(net)`` its development.
    times : array of float, or int, optional
        For a history: ms, or how many from the start until now.  Left out: 51.
    names : sequence of str, optional
        Of the regions of an array.
    level : int, optional
        For a history: how many labels of "cortex/vision/v1" count.
    projection : str, optional
        For a history: its synapses only.
    ax : matplotlib axes, optional
        Where to draw.  Left out: a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ParameterError
        If it is neither a matrix nor something with a history.

    Examples
    --------
    >>> from neurosim import plot
    >>> ax = plot.regions([[10, 2], [0, 7]], names=["cortex", "thalamus"])
    >>> ax.get_ylabel()
    'from'
    """
    matrix = source if isinstance(source, (list, tuple, np.ndarray)) else getattr(source, "matrix", None)
    if matrix is None:
        source = region_matrices(source, times, level=level, projection=projection)
        matrix = source.matrix
    table = np.asarray(matrix, np.float64)
    labels = list(names) if names is not None else list(getattr(source, "labels", []))
    n = table.shape[-1] if table.ndim else 0
    if table.ndim not in (2, 3) or table.shape[-2] != n or not n or (labels and len(labels) != n):
        raise ParameterError(
            f"plot.regions: needs a square matrix and one name per region, got shape {table.shape} and {len(labels)} names"
        )
    labels = labels or [str(k) for k in range(n)]
    if table.ndim == 2:
        return _heat_map(ax, table, labels, str(getattr(source, "what", "synapses")))
    return _pathways(ax, np.asarray(source.t, np.float64), table, labels)  # type: ignore[attr-defined]


def _heat_map(ax: "Axes | None", table: np.ndarray, labels: list[str], what: str) -> "Axes":
    n = len(labels)
    side = float(np.clip(1.9 + 0.65 * n, 3.2, 9.0))
    ax = canvas.axes_or_new("regions", ax, side + 1.2, side)
    image = ax.imshow(np.abs(table), cmap="Blues", vmin=0.0, aspect="equal")
    flat = 0.085 * max(len(one) for one in labels) * n < side - 1.2  # inches: labels fit beside each other
    ax.set_xticks(range(n), labels, rotation=0 if flat else 45, ha="center" if flat else "right")
    ax.set_yticks(range(n), labels)
    ax.tick_params(length=0, labelsize=canvas.SMALL + 1)
    ax.set_xlabel("to")
    ax.set_ylabel("from")
    ax.spines[:].set_visible(False)
    if n <= _MOST_NUMBERS:
        top = max(float(np.abs(table).max()), 1e-300)
        for i, j in np.ndindex(n, n):
            text = f"{table[i, j]:,.0f}" if (table == np.round(table)).all() else f"{table[i, j]:.3g}"
            dark = abs(table[i, j]) > 0.55 * top
            ax.text(j, i, text, ha="center", va="center", fontsize=canvas.SMALL, color="white" if dark else canvas.INK)
        ax.set_title(what, fontsize=10, loc="left")
    else:
        with canvas.current_kept(ax):
            bar = ax.figure.colorbar(image, ax=ax, pad=0.02, shrink=0.8)
        bar.set_label(what)
        bar.outline.set_visible(False)
    return ax


def _pathways(ax: "Axes | None", t: np.ndarray, table: np.ndarray, labels: list[str]) -> "Axes":
    n = len(labels)
    flat = table.reshape(t.size, n * n)
    used = np.flatnonzero(flat.max(axis=0) > 0)
    order = used[np.argsort(-flat[-1, used], kind="stable")]
    left_out = max(0, order.size - _MOST_PATHWAYS)
    order = order[:_MOST_PATHWAYS]
    ax = canvas.axes_or_new("regions", ax, 8.0, 1.5 + 0.32 * max(order.size, 4))
    ax.spines[:].set_visible(False)
    if not order.size:
        canvas.time_axis(ax, float(t[0]), float(t[-1]))
        ax.set_yticks([])
        canvas.say(ax, "no synapses")
        return ax
    rows = order.size
    middle = 0.5 * (t[1:] + t[:-1])
    first, last = (float(t[0]), float(t[-1])) if t.size > 1 else (float(t[0]) - 0.5, float(t[0]) + 0.5)
    columns = np.concatenate(([first], middle, [last]))
    image = ax.pcolormesh(columns, np.arange(rows + 1) - 0.5, flat[:, order].T, cmap="Blues", vmin=0.0, rasterized=True)
    ax.hlines(np.arange(1, rows) - 0.5, first, last, color="white", linewidth=1.2)
    ax.set_ylim(rows - 0.5, -0.5)
    ax.set_yticks(range(rows), [f"{labels[k // n]} → {labels[k % n]}" for k in order.tolist()])
    ax.tick_params(axis="y", length=0, labelsize=canvas.SMALL + 1)
    canvas.time_axis(ax, first, last)
    with canvas.current_kept(ax):
        bar = ax.figure.colorbar(image, ax=ax, pad=0.11, fraction=0.05, aspect=30)
    bar.set_label("synapses")
    bar.outline.set_visible(False)
    canvas.thousands(bar.ax.yaxis)
    ax.share_axes = bar.ax  # type: ignore[attr-defined]
    for k in range(rows):
        ax.annotate(
            f"{flat[-1, order[k]]:,.0f}",
            xy=(1.0, k),
            xycoords=ax.get_yaxis_transform(),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=canvas.SMALL,
            color=canvas.DARK,
            annotation_clip=False,
        )
    note = "synapses of each pathway; at the end: the number now"
    ax.set_title(
        note + (f"; {left_out:,} weaker ones left out" if left_out else ""), fontsize=9, loc="left", color=canvas.DARK
    )
    return ax
