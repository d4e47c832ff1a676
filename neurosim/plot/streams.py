"""A stream of items that is longer than a store can hold: who is still known at the end, and how full the store was."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ParameterError
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def streams(
    known: Mapping[str, ArrayLike], kinds: Mapping[str, ArrayLike], fill: Mapping[str, ArrayLike], nbytes: Mapping[str, ArrayLike],
    *, days: float = 1.0, limit: float | None = None,
) -> "Figure":  # fmt: skip
    """Draw which items of a stream are known at the end, by policy and kind of item; below, fill and bytes while it ran.

    Parameters
    ----------
    known : dict of str to bool [items]
        For each policy of forgetting, whether each item was recalled at the end.
    kinds : dict of str to bool [items]
        Which items are of each kind, such as {"useless": ..., "useful": ...}: a row each, from below.
    fill, nbytes : dict of str to float [looks]
        For each policy the share of the store in use, and its bytes, at looks evenly spread over the stream.
    days : float
        That the stream takes.
    limit : float, optional
        Of the fill, drawn as a line.

    Returns
    -------
    matplotlib figure

    Raises
    ------
    ParameterError
        If there is no policy or no kind, or the lists are not of one size.

    Examples
    --------
    >>> import numpy as np
    >>> from neurosim.plot.streams import streams
    >>> useful = np.arange(40) % 4 == 0
    >>> known = {"least useful goes": useful, "least recent goes": np.arange(40) >= 30}
    >>> fill = {name: np.linspace(0.0, 0.3, 9) for name in known}
    >>> figure = streams(known, {"useless": ~useful, "useful": useful}, fill, fill, days=80.0, limit=0.4)
    >>> [ax.get_title(loc="left") for ax in figure.axes[:2]]
    ['least useful goes', 'least recent goes']
    """
    if not known or not kinds:
        raise ParameterError("plot.streams: needs at least one policy in `known` and one kind of item in `kinds`")
    size = canvas.column(f"streams(known[{next(iter(known))!r}])", next(iter(known.values()))).size
    rows = {
        name: canvas.column(f"streams(kinds[{name!r}])", mine, size=size).astype(np.bool_)
        for name, mine in kinds.items()
    }
    for what, given in (("fill", fill), ("nbytes", nbytes)):
        if missing := [name for name in known if name not in given]:
            raise ParameterError(f"plot.streams({what}): nothing for the policies {', '.join(missing)}")
    figure = canvas.new_figure(10.0, 2.6 + 0.6 * len(known) * len(kinds))
    parts = figure.subfigures(2, 1, height_ratios=[0.5 * len(known) * len(kinds), 3.0], squeeze=False)
    above, below = parts[:, 0]
    axes = above.subplots(len(known), 1, sharex=True, squeeze=False)[:, 0]
    for ax, (policy, kept) in zip(axes, known.items(), strict=True):
        _survivors(ax, canvas.column(f"streams(known[{policy!r}])", kept, size=size).astype(np.bool_), rows)
        ax.set_title(policy, loc="left", fontsize=canvas.SMALL + 2)
    axes[0].annotate("known", (1.01, 1.0), xycoords="axes fraction", va="bottom", fontsize=canvas.SMALL)
    axes[-1].set_xlabel("place in the stream (a bar: recalled at the end)")
    left, right = below.subplots(1, 2)
    for k, policy in enumerate(known):
        look = {"color": canvas.colour(k), "linestyle": canvas.dash(k), "linewidth": max(1.0, 3.0 - k)}
        for ax, values in ((left, fill[policy]), (right, np.asarray(nbytes[policy]) / 1e6)):
            line = canvas.column(f"streams({policy!r})", values)
            ax.plot(np.linspace(0.0, days, line.size), line, label=policy, **look)
    if limit is not None:
        left.axhline(limit, color=canvas.INK, linestyle=":", linewidth=1.0)
        left.annotate("limit", (0.0, limit), va="bottom", fontsize=canvas.SMALL, color=canvas.INK)
    canvas.legend_above(left, left.lines[: len(known)], columns=2)
    for ax, label in ((left, "share of the store in use"), (right, "network and lists (MB)")):
        canvas.open_frame(ax)
        ax.set_xlabel("day")
        ax.set_ylabel(label)
        ax.set_ylim(0.0, 1.15 * ax.dataLim.y1 or 1.0)
    return figure


def _survivors(ax: "Axes", known: np.ndarray, kinds: Mapping[str, np.ndarray]) -> None:
    """A row for each kind: bars where items are known, dashes where they are not, and the share at the right."""
    canvas.open_frame(ax)
    for row, (name, mine) in enumerate(kinds.items()):
        paint = canvas.GREY if row == 0 else canvas.colour(row - 1)
        for some, mark, length, shade in (
            (mine & ~known, "_", 3.0, canvas.PALE),
            (mine & known, "|", 11.0, paint),
        ):
            at = np.flatnonzero(some)
            ax.plot(at, np.full(at.size, row), mark, markersize=length, color=shade, markeredgewidth=1.0, label=name)
        share = f"{known[mine].mean():.2f}" if mine.any() else "none"
        ax.annotate(
            share, (1.01, row), xycoords=("axes fraction", "data"), va="center", fontsize=canvas.SMALL + 1, color=paint
        )
    ax.set_yticks(range(len(kinds)), list(kinds))
    ax.set_ylim(-0.6, len(kinds) - 0.4)
    ax.set_xlim(0, known.size)
