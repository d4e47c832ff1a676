"""How long synapses live, by when they were born."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosim.analysis.temporal import survival as survival_curves
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_TICKS = 80  # marks of those alive


def survival(
    source: object,
    cohorts: int | Sequence[float] = 4,
    *,
    projection: str | None = None,
    log: bool = False,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw Kaplan-Meier curves: the share of synapses alive at each age, with 95 % confidence bands.

    Parameters
    ----------
    source : network, `net.history` or its lifetimes
    cohorts : int, or sequence of float
        Number of spans of birth times, or their bounds (ms).  The wiring that `connect` made is one of its own.
    projection : str, optional
        Its synapses only.
    log : bool
        Logarithmic share: a constant hazard is a straight line.
    ax : matplotlib axes, optional
        Where to draw.  Left out: a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ParameterError
        If there is no history in what is given, or the bounds do not ascend.

    Examples
    --------
    ::

        net.run(10_000.0)
        ns.plot.survival(net, cohorts=[0.0, 2_000.0, 5_000.0, 10_000.0])
    """
    curves = survival_curves(source, cohorts, projection=projection)
    ax = canvas.axes_or_new("survival", ax, 7.5, 4.0)
    canvas.open_frame(ax)
    ax.set_ylabel("share of synapses alive")
    longest = max([c.longest for c in curves], default=0.0)
    canvas.time_axis(ax, 0.0, longest if longest > 0 else 1.0)
    ax.set_xlabel(ax.get_xlabel().replace("time", "age"))
    if not curves:
        ax.set_yticks([])
        canvas.say(ax, "no synapses")
        return ax
    handles, low = [], 1.0
    for k, c in enumerate(curves):
        paint = canvas.colour(k)
        age = np.append(c.age, c.longest)
        share, below, above = (np.append(one, one[-1]) for one in (c.survival, c.low, c.high))
        ax.fill_between(age, below, above, step="post", color=paint, alpha=0.15, linewidth=0.0)
        (line,) = ax.step(age, share, where="post", color=paint, linestyle=canvas.dash(k), linewidth=1.7)
        line.set_label(f"{c.label}: {c.n:,}, {c.died:,} died")
        handles.append(line)
        if c.censored.size:
            few = np.unique(c.censored)
            few = few[np.unique(np.linspace(0, few.size - 1, min(few.size, _MOST_TICKS)).astype(int))]
            ax.plot(few, c.at(few), "|", color=paint, markersize=5.0, markeredgewidth=0.8)
        low = min(low, float(share[share > 0].min()))
    if log:
        ax.set_yscale("log")
        ax.set_ylim(0.8 * low, 1.15)
        from matplotlib.ticker import FuncFormatter, NullFormatter

        ax.yaxis.set_major_formatter(FuncFormatter(_share))
        ax.yaxis.set_minor_formatter(FuncFormatter(_share) if low > 0.12 else NullFormatter())
    else:
        ax.set_ylim(0.0, 1.03)
    canvas.legend_above(ax, handles, 2)
    ax.text(
        1.0, 0.985, "ticks: alive when last seen", transform=ax.transAxes, ha="right", va="top", fontsize=canvas.SMALL, color=canvas.GREY,
    )  # fmt: skip
    return ax


def _share(value: float, _place: object = None) -> str:
    return f"{value:g}"
