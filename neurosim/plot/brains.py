"""One brain at several ages side by side: at birth, grown, real."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosim.checks import check_positive
from neurosim.errors import ParameterError
from neurosim.plot import canvas, edges
from neurosim.plot.layout import worm_layout

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LOOKS = {
    "sensory": (canvas.BLUE, "^", 36.0),
    "inter": (canvas.INK, "o", 26.0),
    "motor": (canvas.GREEN, "s", 27.0),
}
_OTHER = (canvas.ORANGE, "D", 24.0)


def development(
    panels: Sequence[tuple[str, object]],
    names: Sequence[str],
    classes: Sequence[str],
    positions: object = None,
    *,
    coupled: Sequence[object] | None = None,
    path: object = None,
    title: str = "",
    caption: str = "",
    seed: int = 1,
    dpi: float = 150.0,
) -> "Figure":
    """Draw the same neurons side by side at several moments: what was there, what is new, what was pruned.

    Every panel is compared with the first: connections that the first has not are drawn in colour, those only the
    first has as pale ghosts.  Curves bend to the left of their direction; width grows with contacts.

    Parameters
    ----------
    panels : sequence of (title, matrix)
        Matrix (neurons, neurons) of contacts from row to column, dense or scipy sparse; the first is the start.
    names, classes : sequence of str
        Per neuron; classes "sensory", "inter", "motor" or other.
    positions : array, shape (neurons, 2), optional
        Left out: `worm_layout` on the sum of the panels.
    coupled : sequence of arrays (neurons, neurons), optional
        Per panel, not 0 where two neurons share gap junctions: drawn as straight lines, whatever their number.
    path : str or path, optional
        Save the picture there (15 x 5.5 inches for three panels).
    title, caption : str
        Above and below; put seed and version into the caption.
    seed : int
        Of the layout.
    dpi : float
        Of the saved file.

    Returns
    -------
    matplotlib figure
        With one axes per panel.

    Raises
    ------
    ParameterError
        If the panels are empty or their shapes differ.

    Examples
    --------
    >>> from neurosim import plot
    >>> birth, grown = [[0, 1], [0, 0]], [[0, 2], [1, 0]]
    >>> figure = plot.development([("birth", birth), ("grown", grown)], ["ASEL", "ASER"], ["sensory", "sensory"])
    >>> len(figure.axes)
    2
    """
    check_positive("plot.development(dpi=)", dpi)
    drawn = _panels(panels, len(names))
    n = len(names)
    if len(classes) != n:
        raise ParameterError(f"plot.development(classes): must have {n} entries, one per name, got {len(classes)}")
    at = (
        worm_layout(names, classes, sum(one for _, one in drawn), seed)
        if positions is None
        else np.asarray(positions, np.float64)
    )
    if at.shape != (n, 2):
        raise ParameterError(f"plot.development(positions): must have shape ({n}, 2), got {at.shape}")

    joined = _joined(coupled, len(drawn), n)
    figure = canvas.new_figure(5.0 * len(drawn), 5.5)
    figure.set_layout_engine("none")
    top = 0.94 if title else 0.995
    pages = [figure.add_axes((k / len(drawn), 0.09, 1.0 / len(drawn), top - 0.225)) for k in range(len(drawn))]
    first = drawn[0][1]
    largest = max(float(one.max()) for _, one in drawn)
    crowd = max(int((one > 0).sum()) for _, one in drawn)
    for page, (text, contacts), pairs in zip(pages, drawn, joined, strict=True):
        _panel(page, at, classes, contacts, first, largest, crowd)
        thin = float(np.clip(8.0 / np.sqrt(max(len(pairs), 1)), 0.45, 1.2))
        edges.draw(page, at[pairs], color=canvas.PURPLE, width=thin, alpha=0.5 + 0.3 * thin, zorder=4.0)
        said = f"; {len(pairs)} pairs with gap junctions" if coupled is not None else ""
        page.set_title(f"{text}\n{_counts(contacts, first)}{said}", fontsize=10, linespacing=1.35)
    _legend(figure, classes, len(drawn) > 1, coupled is not None, caption)
    if title:
        figure.suptitle(title, fontsize=12, weight="bold", y=0.985)
    canvas.save(figure, path, dpi)
    return figure


def _panels(panels: Sequence[tuple[str, object]], n: int) -> list[tuple[str, np.ndarray]]:
    expected = "(title, matrix) pairs with one row and one column per name"
    if not isinstance(panels, (list, tuple)) or not panels or n == 0:
        raise ParameterError(f"plot.development(panels): needs {expected} and at least one name")
    out = []
    for one in panels:
        if not isinstance(one, (list, tuple)) or len(one) != 2:
            raise ParameterError(f"plot.development(panels): needs {expected}, got a {type(one).__name__}")
        matrix = one[1].toarray() if hasattr(one[1], "toarray") else one[1]
        contacts = np.asarray(matrix, np.float64)
        if contacts.shape != (n, n):
            raise ParameterError(
                f"plot.development(panels): {one[0]!r} must have shape ({n}, {n}), got {contacts.shape}"
            )
        out.append((str(one[0]), contacts))
    return out


def _joined(coupled: Sequence[object] | None, panels: int, n: int) -> list[np.ndarray]:
    """Pairs of places (pairs, 2) that share gap junctions, per panel."""
    if coupled is None:
        return [np.zeros((0, 2), np.int64)] * panels
    matrices = [np.asarray(one.toarray() if hasattr(one, "toarray") else one) for one in coupled]
    if len(matrices) != panels or any(one.shape != (n, n) for one in matrices):
        shapes = ", ".join(str(one.shape) for one in matrices)
        raise ParameterError(
            f"plot.development(coupled): needs {panels} matrices of shape ({n}, {n}), one per panel, got {shapes}"
        )
    return [np.argwhere(np.triu((one != 0) | (one.T != 0), 1)) for one in matrices]


def _counts(contacts: np.ndarray, first: np.ndarray) -> str:
    there = contacts > 0
    neurons = int((there.any(axis=0) | there.any(axis=1)).sum())
    text = f"{neurons} neurons, {int(there.sum()):,} connections, {contacts.sum():,.0f} contacts"
    if contacts is first:
        return text + "\nstarting point of the comparison"
    return text + f"\n+{int((there & (first <= 0)).sum()):,} new, −{int((~there & (first > 0)).sum()):,} pruned"


def _panel(
    page: "Axes",
    at: np.ndarray,
    classes: Sequence[str],
    contacts: np.ndarray,
    first: np.ndarray,
    largest: float,
    crowd: int,
) -> None:
    there, before = contacts > 0, first > 0
    pale = float(np.clip(5.0 / np.sqrt(max(crowd, 1)), 0.08, 0.6))  # of the weakest connection
    a, b = np.nonzero(before & ~there)
    lines = edges.curves(at[a], at[b], bend=0.13, short=0.03, loop=0.05)
    edges.draw(page, lines, color=canvas.PALE, width=0.9, alpha=0.9, dashed=True, zorder=3.0)
    a, b = np.nonzero(there)
    order = np.argsort(contacts[a, b], kind="stable")  # strong ones on top, old or new
    a, b = a[order], b[order]
    part = np.sqrt(contacts[a, b] / max(largest, 1.0))
    paints = [canvas.DARK if old else canvas.VERMILLION for old in before[a, b]]
    lines = edges.curves(at[a], at[b], bend=0.13, short=0.03, loop=0.05)
    shade = pale + (0.85 - pale) * np.minimum(1.5 * part**1.5, 1.0)
    edges.draw(page, lines, color=paints, width=0.25 + 2.6 * part, alpha=shade, zorder=2.0)
    scale = float(np.clip(180.0 / len(at), 0.3, 2.0))
    active = there.any(axis=0) | there.any(axis=1)
    for kind in sorted(set(classes)):
        paint, marker, size = _LOOKS.get(kind, _OTHER)
        for on in (True, False):
            here = np.array([one == kind for one in classes]) & (active == on)
            face = paint if on else "white"
            rim = "white" if on else canvas.PALE
            page.scatter(
                at[here, 0],
                at[here, 1],
                s=size * scale,
                marker=marker,
                facecolors=face,
                edgecolors=rim,
                linewidths=0.6,
                zorder=5,
            )
    margin = 0.11  # room for the circle of an autapse
    page.set_xlim(at[:, 0].min() - margin, at[:, 0].max() + margin)
    page.set_ylim(at[:, 1].min() - margin, at[:, 1].max() + margin)
    page.set_aspect("equal")
    page.set_axis_off()


def _legend(figure: "Figure", classes: Sequence[str], compared: bool, coupled: bool, caption: str) -> None:
    from matplotlib.lines import Line2D

    order = [one for one in (*_LOOKS, *sorted(set(classes) - set(_LOOKS))) if one in set(classes)]
    handles = []
    for kind in order:
        paint, marker, _ = _LOOKS.get(kind, _OTHER)
        handles.append(
            Line2D([], [], color=paint, marker=marker, linestyle="none", markersize=6, label=f"{kind} neuron")
        )
    if coupled:
        handles.append(Line2D([], [], color=canvas.PURPLE, linewidth=1.8, label="gap junctions"))
    if compared:
        handles.append(Line2D([], [], color=canvas.DARK, linewidth=1.8, label="there from the start"))
        handles.append(Line2D([], [], color=canvas.VERMILLION, linewidth=1.8, label="new"))
        handles.append(Line2D([], [], color=canvas.PALE, linewidth=1.4, linestyle=(0, (2.5, 1.8)), label="pruned"))
        handles.append(
            Line2D(
                [],
                [],
                color=canvas.PALE,
                marker="o",
                markerfacecolor="white",
                linestyle="none",
                markersize=6,
                label="not connected",
            )
        )
    figure.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.5, 0.03), ncols=len(handles), frameon=False, fontsize=9
    )
    if caption:
        figure.text(0.5, 0.012, caption, ha="center", va="bottom", fontsize=8, color=canvas.GREY)
