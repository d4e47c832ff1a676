"""How a graph is knit, over time: communities, mutual connections, triangles, each beside what chance gives."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim.analysis.temporal import GraphStatistics
from neurosim.analysis.temporal import graph_statistics as statistics_of
from neurosim.checks import check_positive
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# (attribute, label, colour, line style) of each panel; chance is grey and dashed.
_PANELS: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (
    ("modularity", (("modularity", "found", canvas.BLUE, "-"), ("modularity_shuffled", "shuffled", canvas.GREY, "--"))),
    (
        "share",
        (
            ("reciprocity", "reciprocity", canvas.VERMILLION, "-"),
            ("transitivity", "transitivity", canvas.GREEN, "-."),
            ("density", "density", canvas.GREY, "--"),
        ),
    ),
    (
        "triangles\n(1: chance)",
        (("feedforward", "feed-forward", canvas.PURPLE, "-"), ("cycles", "cycles", canvas.ORANGE, "-.")),
    ),
)


def graph_statistics(
    source: object,
    times: ArrayLike | int | None = None,
    *,
    projection: str | None = None,
    seed: int = 1,
    path: object = None,
    title: str = "",
    caption: str = "",
    dpi: float = 150.0,
) -> "Figure":
    """Draw modularity, reciprocity, transitivity and triangles of the graph over time.

    Parameters
    ----------
    source : network, `net.history`, its lifetimes, or what ``ns.analysis.graph_statistics`` gave
    times : array of float, or int, optional
        ms, or how many from the start until now.  Left out: 11.
    projection : str, optional
        Its synapses only.
    seed : int
        Of the communities and of the shuffling.
    path : str or path, optional
        Save the picture there.
    title, caption : str
        Above and below.
    dpi : float
        Of the saved file.

    Returns
    -------
    matplotlib figure
        Its axes from top to bottom: modularity, shares of pairs, triangles per number expected by chance.

    Raises
    ------
    ParameterError
        If there is no history in what is given, or a time lies in the future.

    Examples
    --------
    ::

        net.run(10_000.0)
        ns.plot.graph_statistics(net, path="statistics.png")
    """
    check_positive("plot.graph_statistics(dpi=)", dpi)
    found = (
        source
        if isinstance(source, GraphStatistics)
        else statistics_of(source, times, projection=projection, seed=seed)
    )
    figure = canvas.new_figure(8.0, 6.0)
    pages = figure.subplots(len(_PANELS), 1, sharex=True)
    t = found.t
    for page, (label, lines) in zip(pages, _PANELS, strict=True):
        _panel(page, found, label, lines)
        start, stop = float(t[0]), float(t[-1])
        canvas.time_axis(page, start, stop if stop > start else start + 1.0, label=page is pages[-1])
        page.tick_params(labelbottom=page is pages[-1])
    figure.align_ylabels(list(pages))
    if title:
        figure.suptitle(title, fontsize=12, weight="bold")
    if caption:
        figure.supxlabel(caption, fontsize=8, color=canvas.GREY)
    figure.draw_without_rendering()  # settles where the axes lie, for the labels beside the lines
    for page, (_, lines) in zip(pages, _PANELS, strict=True):
        canvas.label_right(page, [(y, text, paint) for y, text, paint in _ends(found, lines)])
    canvas.save(figure, path, dpi)
    return figure


def _panel(page: "Axes", found: GraphStatistics, label: str, lines: tuple[tuple[str, str, str, str], ...]) -> None:
    peak = 0.0
    for name, text, paint, style in lines:
        values = np.asarray(getattr(found, name), np.float64)
        page.plot(found.t, values, style, color=paint, linewidth=1.6, label=text, marker="o", markersize=2.5)
        peak = max(peak, float(np.nanmax(values, initial=0.0)))
    if "chance" in label:
        page.axhline(1.0, color=canvas.GREY, linestyle="--", linewidth=1.2, zorder=1.0)
    page.set_ylim(0.0, 1.1 * peak if peak > 0 else 1.0)
    page.set_ylabel(label)
    canvas.open_frame(page)
    if peak == 0.0:
        canvas.say(page, "none")


def _ends(found: GraphStatistics, lines: tuple[tuple[str, str, str, str], ...]) -> list[tuple[float, str, str]]:
    """Last number of each line, its name and its colour."""
    ends = []
    for name, text, paint, _ in lines:
        values = np.asarray(getattr(found, name), np.float64)
        known = values[np.isfinite(values)]
        if known.size:
            ends.append((float(known[-1]), f"{text} {known[-1]:.2g}", paint))
    return ends
