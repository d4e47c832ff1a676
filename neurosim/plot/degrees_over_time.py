"""How synapses are shared among the neurons, at several times: one ridge a time."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim.analysis.temporal import degrees_over_time
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_BARS = 60  # degrees drawn one by one
_TALL = 0.86  # of the room of a ridge


def degrees(
    source: object,
    times: ArrayLike | int | None = None,
    *,
    projection: str | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the distributions of in- and out-degree at several times, the first on top.

    Parameters
    ----------
    source : network, `net.history` or its lifetimes
    times : array of float, or int, optional
        ms, or how many from the start until now.  Left out: 5.
    projection : str, optional
        Count its synapses only.
    ax : matplotlib axes, optional
        Where to draw.  Left out: a new figure.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ParameterError
        If there is no history in what is given, or a time lies in the future.

    Examples
    --------
    ::

        net.run(10_000.0)
        ns.plot.degrees(net, [0.0, 1_000.0, 10_000.0])
    """
    found = degrees_over_time(source, times, projection=projection)
    n = found.t.size
    ax = canvas.axes_or_new("degrees", ax, 7.0, 1.3 + 0.75 * n)
    top = max([int(d.max(initial=0)) for d in (*found.inward, *found.outward)])
    width = max(1, int(np.ceil((top + 1) / _MOST_BARS)))
    edges = np.arange(-0.5, top + width + 0.5, width)
    shares = [[np.histogram(d, edges)[0] / max(d.size, 1) for d in side] for side in (found.inward, found.outward)]
    for k in range(n):
        base = float(n - 1 - k)
        peak = max(float(max(side[k].max() for side in shares)), 1e-9)
        inward, outward = (base + _TALL * side[k] / peak for side in shares)
        ax.stairs(inward, edges, baseline=base, fill=True, color=canvas.BLUE, alpha=0.55, zorder=2.0, label="in-degree")
        there = np.flatnonzero(outward > base)
        low, high = (there[0], there[-1] + 1) if there.size else (0, 0)
        ax.stairs(
            outward[low:high], edges[low : high + 1], baseline=base, color=canvas.VERMILLION, linewidth=1.4, zorder=3.0, label="out-degree",
        )  # fmt: skip
        ax.axhline(base, color=canvas.PALE, linewidth=0.8, zorder=1.0)
        neurons = found.neurons[k].size
        mean = float(found.inward[k].mean()) if neurons else 0.0
        ax.annotate(
            f"{neurons:,} neurons\nmean {mean:.3g}",
            xy=(1.0, base + 0.3),
            xycoords=ax.get_yaxis_transform(),
            xytext=(5, 0),
            textcoords="offset points",
            color=canvas.DARK,
            fontsize=canvas.SMALL,
            va="center",
            annotation_clip=False,
        )
    ax.set_yticks([n - 1 - k + 0.3 for k in range(n)], canvas.moments(found.t.tolist()))
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(-0.08, n - 1 + 1.02)
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylabel("share of neurons at each time")
    ax.set_xlabel("synapses per neuron")
    canvas.thousands(ax.xaxis)
    ax.spines["left"].set_visible(False)
    canvas.open_frame(ax)
    canvas.legend_above(ax, ax.get_legend_handles_labels()[0][:2], 2)
    return ax
