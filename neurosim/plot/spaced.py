"""What two study sessions give, by the gap between them."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ParameterError
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def spaced(
    gap: ArrayLike, recalled: ArrayLike, delay: ArrayLike, best: ArrayLike | None = None, *, unit: float = 86_400_000.0,
    name: str = "days", ax: "Axes | None" = None,
) -> "Axes":  # fmt: skip
    """Draw recall over the logarithm of the gap between two sessions, a curve for each delay of the test.

    Parameters
    ----------
    gap : float [gaps]
        ms, ascending.
    recalled : float [gaps, delays]
        Share recalled.
    delay : float [delays]
        ms from the second session to the test.
    best : float [delays], optional
        Best gap for each delay (ms), marked by a triangle.
    unit : float
        ms in one unit of the axis, and its `name`.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ParameterError
        If the table of recall does not have a row for each gap and a column for each delay.

    Examples
    --------
    >>> import numpy as np
    >>> from neurosim.plot.spaced import spaced
    >>> day = 86_400_000.0
    >>> share = [[0.7, 0.4], [0.8, 0.5], [0.6, 0.6]]
    >>> ax = spaced(np.array([1, 4, 16]) * day, share, np.array([7, 350]) * day, best=np.array([3, 16]) * day)
    >>> [one.get_label() for one in ax.lines if not one.get_label().startswith("_")]
    ['test after 7 days', 'test after 350 days']
    """
    at, late = canvas.column("spaced(gap)", gap) / unit, canvas.column("spaced(delay)", delay) / unit
    table = np.asarray(recalled, np.float64)
    if table.shape != (at.size, late.size) or not table.size or (at <= 0).any():
        raise ParameterError(
            f"plot.spaced(recalled): needs a row for each of {at.size} gaps (above 0) and a column for each of {late.size} delays, "
            f"got shape {table.shape}"
        )
    tops = None if best is None else canvas.column("spaced(best)", best, size=late.size) / unit
    ax = canvas.axes_or_new("spaced", ax, 7.0, 4.0)
    canvas.open_frame(ax)
    handles = []
    for d in range(late.size):
        paint = canvas.colour(d)
        (line,) = ax.plot(
            at, table[:, d], color=paint, linestyle=canvas.dash(d), marker="o", markersize=4.0, linewidth=1.7
        )
        line.set_label(f"test after {late[d]:.3g} {name}")
        handles.append(line)
        if tops is not None:
            height = float(np.interp(np.log(tops[d]), np.log(at), table[:, d]))
            ax.plot(tops[d], height, "v", markersize=10.0, color=paint, markeredgecolor="white", label="_best")
    ax.set_xscale("log")
    ax.set_xticks(at, [f"{one:.3g}" for one in at], minor=False)
    ax.minorticks_off()
    low, high = table.min(), table.max()
    ax.set_ylim(max(0.0, low - 0.1), min(1.05, high + 0.1))
    ax.set_xlabel(f"gap between the two sessions ({name})" + ("" if tops is None else "; triangle: best"))
    ax.set_ylabel("recalled")
    canvas.legend_above(ax, handles, columns=3)
    return ax
