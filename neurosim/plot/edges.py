"""Directed edges: their ends from whatever holds them, and curves that show where they go.

Knows arrays and matplotlib collections only.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosim.errors import ParameterError
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection

_EDGES = "a projection, an edge recorder, (pre, post) arrays, a list of (pre, post) pairs or a networkx graph"
_POINTS = 13  # places along a curve


def pairs_of(name: str, given: object) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Ends and weights (None without) of edges, from any of the things a user has in hand."""
    if hasattr(given, "pre") and hasattr(given, "post"):
        return _checked(name, given.pre, given.post, getattr(given, "weight", None), recorder=hasattr(given, "t"))
    if hasattr(given, "nodes") and hasattr(given, "edges") and callable(given.edges):
        return _of_networkx(name, given)
    if isinstance(given, tuple) and len(given) in (2, 3) and all(np.ndim(one) == 1 for one in given):
        return _checked(name, given[0], given[1], given[2] if len(given) == 3 else None)
    if isinstance(given, (list, tuple)) and given and all(hasattr(one, "pre") for one in given):
        parts = [pairs_of(name, one) for one in given]
        ends = [np.concatenate([part[side] for part in parts]) for side in (0, 1)]
        if any(part[2] is None for part in parts):
            return ends[0], ends[1], None
        return ends[0], ends[1], np.concatenate([np.asarray(part[2]) for part in parts])
    if isinstance(given, (list, set, frozenset, np.ndarray)) and len(given):
        try:
            table = np.array(sorted(given) if isinstance(given, (set, frozenset)) else given)
        except (ValueError, TypeError):
            table = np.zeros(0)
        if table.ndim == 2 and table.shape[1] == 2:
            return _checked(name, table[:, 0], table[:, 1], None)
    got = (
        "nothing"
        if isinstance(given, (list, set, tuple, np.ndarray)) and not len(given)
        else f"a {type(given).__name__}"
    )
    raise ParameterError(f"plot.{name}: needs {_EDGES}, got {got}")


def merged(
    pre: np.ndarray, post: np.ndarray, weight: np.ndarray | None, n: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One edge per ordered pair of node places; parallel synapses add their weights (1 each without)."""
    amount = np.ones(pre.size) if weight is None else weight
    keys, where = np.unique(pre.astype(np.int64) * n + post, return_inverse=True)
    return keys // n, keys % n, np.bincount(where, amount, minlength=keys.size)


def curves(start: np.ndarray, stop: np.ndarray, *, bend: float, short: float, loop: float) -> np.ndarray:
    """Points (edges, points, 2) of curves that bend to the left of their direction and end `short` of the target.

    An edge from a node to itself is a circle of radius `loop` above it.  Lengths are those of the positions.
    """
    way = stop - start
    length = np.hypot(way[:, 0], way[:, 1])
    itself = length < 1e-12
    across = np.stack((-way[:, 1], way[:, 0]), axis=1)
    knee = 0.5 * (start + stop) + bend * across
    last = 1.0 - np.minimum(short / np.where(itself, 1.0, length), 0.4)
    s = np.linspace(0.0, 1.0, _POINTS)[None, :, None] * last[:, None, None]
    line: np.ndarray = (1 - s) ** 2 * start[:, None] + 2 * s * (1 - s) * knee[:, None] + s**2 * stop[:, None]
    if itself.any():
        angle = np.linspace(-0.5 * np.pi, 1.5 * np.pi, _POINTS)
        ring = loop * np.stack((np.cos(angle), 1.0 + np.sin(angle)), axis=1)
        line[itself] = start[itself][:, None] + ring[None]
    return line


def draw(
    ax: "Axes",
    lines: np.ndarray,
    *,
    color: str | Sequence[str],
    width: np.ndarray | float,
    alpha: np.ndarray | float,
    dashed: bool = False,
    zorder: float = 1.0,
    label: str = "",
) -> "LineCollection":
    """All curves as one collection, each with its own width (points), alpha and, if there is one each, colour."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba_array

    paint = np.empty((len(lines), 4))
    paint[:] = to_rgba_array(color)
    paint[:, 3] = alpha
    collection = LineCollection(
        list(lines),
        colors=paint,
        linewidths=np.broadcast_to(np.asarray(width, np.float64), len(lines)),
        linestyles=(0, (2.5, 1.8)) if dashed else "-",
        capstyle="butt" if dashed else "round",
        zorder=zorder,
        label=label,
    )
    ax.add_collection(collection, autolim=False)
    return collection


def heads(
    ax: "Axes", lines: np.ndarray, *, color: str, size: np.ndarray, alpha: np.ndarray | float, zorder: float
) -> None:
    """Arrow heads of length `size` (one each, in positions) at the ends of curves."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgb

    if not len(lines):
        return
    tip, before = lines[:, -1], lines[:, -3]
    way = tip - before
    way = way / np.maximum(np.hypot(way[:, 0], way[:, 1]), 1e-12)[:, None] * size[:, None]
    side = 0.4 * np.stack((-way[:, 1], way[:, 0]), axis=1)
    paint = np.empty((len(lines), 4))
    paint[:, :3] = to_rgb(color)
    paint[:, 3] = alpha
    corners = np.stack((tip + 0.25 * way, tip - way + side, tip - way - side), axis=1)
    ax.add_collection(PolyCollection(list(corners), facecolors=paint, linewidths=0.0, zorder=zorder), autolim=False)


def faded(weight: np.ndarray, crowd: int) -> tuple[np.ndarray, np.ndarray]:
    """Line width (points) and alpha of edges: strong ones thick and dark, all paler in a crowd."""
    size = np.abs(weight)
    top = float(np.percentile(size, 97)) if size.size else 0.0
    part = np.clip(size / top, 0.0, 1.0) if top > 0 else np.zeros(size.size)
    alpha = np.clip(13.0 / np.sqrt(max(crowd, 1)), 0.05, 0.85)
    thick = np.clip(30.0 / np.sqrt(max(crowd, 1)), 0.5, 1.8)
    return thick * (0.35 + 0.65 * part), alpha * (0.35 + 0.65 * part)


def _checked(
    name: str, pre: object, post: object, weight: object, *, recorder: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    if recorder and (pre is None or post is None):
        raise ParameterError(
            f'plot.{name}: the recorder holds no edges; record them with net.record(ee, "edges", keep_edges=True)'
        )
    if (
        recorder and isinstance(pre, (list, tuple)) and isinstance(post, (list, tuple))
    ):  # one array per sample: the last
        weight = weight[-1] if isinstance(weight, (list, tuple)) and len(weight) else None
        pre, post = (pre[-1], post[-1]) if len(pre) and len(post) else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    ends = np.asarray(pre), np.asarray(post)
    if ends[0].ndim != 1 or ends[0].shape != ends[1].shape or ends[0].dtype.kind not in "iufUS":
        raise ParameterError(
            f"plot.{name}: pre and post must be rows of equal length, got shapes {ends[0].shape} and {ends[1].shape}"
        )
    if weight is None or callable(weight):
        return ends[0], ends[1], None
    return ends[0], ends[1], canvas.column(f"{name}: weight", weight, size=ends[0].size).astype(np.float64)


def _of_networkx(name: str, given: object) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    rows = list(given.edges(data="weight"))  # type: ignore[attr-defined]
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), None
    weight = None if any(row[2] is None for row in rows) else [float(row[2]) for row in rows]
    return _checked(name, np.array([row[0] for row in rows]), np.array([row[1] for row in rows]), weight)
