"""Populations that lie in layers: their spikes from the first at the top down, and their rates beside published ones."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_count
from neurosim.errors import ParameterError
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SPIKES = 'a list of spike recorders, [net.record(one, "spikes") for one in populations]'
KINDS = (canvas.BLUE, canvas.VERMILLION)  # excitatory and inhibitory, by turns
MARKS = "_xo^v"


def layered(
    spikes: Sequence[object],
    *,
    names: Sequence[str] | None = None,
    window: tuple[float, float],
    max_neurons: int = 4000,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw each spike as a dot, the first population at the top, time to the right; two colours take turns.

    Parameters
    ----------
    spikes : list of spike recorders
        One for each population: excitatory, inhibitory, excitatory, ... from the surface down.
    names : list of str, optional
        Written at the left.  Left out: the labels of the recorders.
    window : (start, stop)
        ms.
    max_neurons : int
        Dots are drawn of about so many neurons in all, the same share of each population.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ParameterError
        If something given is no spike recorder, or the names are not as many.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from neurosim.plot.layered import layered
    >>> spikes = [SimpleNamespace(t=np.array([2.0, 5.0]), index=np.array([0, 1]), n=n) for n in (8, 2)]
    >>> ax = layered(spikes, names=["E", "I"], window=(0.0, 10.0))
    >>> [one.get_text() for one in ax.get_yticklabels()]
    ['E', 'I']
    """
    start, stop = canvas.pair_of_times("layered(window=)", window)
    parts = [canvas.attributes("layered(spikes)", one, "t index n", _SPIKES) for one in spikes]
    labels = [str(getattr(one, "label", "")) for one in spikes] if names is None else [str(one) for one in names]
    if not parts or len(labels) != len(parts):
        raise ParameterError(f"plot.layered: needs {_SPIKES}, and a name for each; got {len(parts)} and {len(labels)}")
    sizes = [check_count("plot.layered: SpikeRecorder.n", n) for _, _, n in parts]
    every = max(1, round(sum(sizes) / check_count("plot.layered(max_neurons=)", max_neurons, least=1)))
    ax = canvas.axes_or_new("layered", ax, 6.0, 8.0)
    top, ticks = 0.0, []
    for k, ((times, places, _), n) in enumerate(zip(parts, sizes, strict=True)):
        t = canvas.column("layered: SpikeRecorder.t", times)
        index = canvas.column("layered: SpikeRecorder.index", places, size=t.size)
        some = (t >= start) & (t <= stop) & (index % every == 0)
        ax.plot(t[some], top - index[some] // every, ".", ms=2.6, mew=0, color=KINDS[k % 2], rasterized=True)
        ticks.append(top - n / every / 2)
        top -= n / every
        ax.axhline(top, color=canvas.PALE if k % 2 == 0 else canvas.INK, linewidth=0.6)
    ax.set_yticks(ticks, labels)
    ax.set_ylim(min(top, -1.0), 1.0)
    ax.set_title("spikes" if every == 1 else f"spikes of one neuron in {every}")
    canvas.open_frame(ax)
    canvas.time_axis(ax, start, stop)
    return ax


def rates_beside(
    rates: ArrayLike,
    published: Mapping[str, ArrayLike],
    *,
    names: Sequence[str],
    allowed: ArrayLike | None = None,
    ax: "Axes | None" = None,
) -> "Axes":
    """Draw the rate of each population as a bar, with published rates as marks on it.

    Parameters
    ----------
    rates : array of float
        Hz, of each population.
    published : dict of str to array of float
        Hz, by source; the first is the one to compare with.
    names : list of str
    allowed : array of float, optional
        How far from the first published rate is still within bounds (Hz), drawn as a line with ends.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Examples
    --------
    >>> from neurosim.plot.layered import rates_beside
    >>> ax = rates_beside([0.8, 3.1], {"paper": [0.9, 3.0]}, names=["E", "I"], allowed=[0.5, 0.75])
    >>> len(ax.patches)
    2
    """
    hz = canvas.column("rates_beside(rates)", rates, size=len(names))
    if not 0 < len(published) <= len(MARKS):
        raise ParameterError(f"plot.rates_beside(published): needs 1 to {len(MARKS)} sources, got {len(published)}")
    ax = canvas.axes_or_new("rates_beside", ax, 6.0, 3.2)
    at = np.arange(hz.size)
    ax.bar(at, hz, color=[KINDS[k % 2] for k in at], alpha=0.75)
    for k, (source, values) in enumerate(published.items()):
        there = canvas.column(f"rates_beside(published[{source!r}])", values, size=hz.size)
        reach = None if k or allowed is None else canvas.column("rates_beside(allowed)", allowed, size=hz.size)
        look = {"fmt": MARKS[k], "ms": 5, "mfc": "none", "color": canvas.INK, "capsize": 3, "lw": 1}
        ax.errorbar(at, there, reach, label=source, **look)  # type: ignore[arg-type]
    ax.set_xticks(at, names)
    ax.set_ylabel("rate (Hz)")
    ax.legend(frameon=False, fontsize=canvas.SMALL, loc="upper left")
    canvas.open_frame(ax)
    return ax


def layered_summary(
    spikes: Sequence[object], rates: ArrayLike, published: Mapping[str, ArrayLike], spreads: Mapping[str, Sequence[ArrayLike]],
    *, names: Sequence[str], window: tuple[float, float], allowed: ArrayLike | None = None, caption: str = "",
) -> "Figure":  # fmt: skip
    """Draw a layered network on one page: spikes, rates beside published ones, and how numbers spread over its neurons.

    Parameters
    ----------
    spikes, rates, published, names, window, allowed
        As in `layered` and `rates_beside`.
    spreads : dict of str to list of arrays
        For each histogram its label and the numbers of each population, excitatory and inhibitory by turns; nan is left out.
    caption : str

    Returns
    -------
    matplotlib figure

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from neurosim.plot.layered import layered_summary
    >>> spikes = [SimpleNamespace(t=np.array([2.0, 5.0]), index=np.array([0, 1]), n=n) for n in (8, 2)]
    >>> spreads = {"CV of intervals": [np.array([0.8, np.nan]), np.array([0.9])]}
    >>> figure = layered_summary(spikes, [1.0, 3.0], {"paper": [0.9, 3.1]}, spreads, names=["E", "I"], window=(0.0, 9.0))
    >>> figure.axes[-1].get_xlabel()
    'CV of intervals'
    """
    figure = canvas.new_figure(12.0, 8.5)
    left, right = figure.subfigures(1, 2, width_ratios=[1.25, 1.0], squeeze=False)[0]
    layered(spikes, names=names, window=window, ax=left.subplots())
    panels = right.subplots(1 + len(spreads), 1, height_ratios=[1.5, *[1.0] * len(spreads)], squeeze=False)[:, 0]
    rates_beside(rates, published, names=names, allowed=allowed, ax=panels[0])
    panels[0].set_title("bars: here; lines: what is asked" if allowed is not None else "bars: here")
    for ax, (label, groups) in zip(panels[1:], spreads.items(), strict=True):
        kinds = [np.concatenate([np.ravel(one) for one in groups[k::2]] or [np.zeros(0)]) for k in (0, 1)]
        kinds = [one[np.isfinite(one)] for one in kinds]
        every = np.concatenate(kinds)
        low, high = np.quantile(every, [0.002, 0.998]) if every.size else (0.0, 1.0)
        edges = np.linspace(low, high if high > low else low + 1.0, 61)
        for values, paint, kind in zip(kinds, KINDS, ("excitatory", "inhibitory"), strict=True):
            share = np.histogram(values, edges)[0] / max(1, values.size)
            ax.stairs(share, edges, color=paint, linewidth=1.5, label=kind)
        ax.set_xlabel(label)
        ax.set_ylabel("share")
        ax.legend(frameon=False, fontsize=canvas.SMALL)
        canvas.open_frame(ax)
    figure.supxlabel(caption, fontsize=canvas.SMALL)
    return figure


__all__ = ["layered", "layered_summary", "rates_beside"]
