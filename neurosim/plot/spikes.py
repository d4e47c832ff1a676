"""Spikes in time: dot rasters and firing rates."""

from typing import TYPE_CHECKING

import numpy as np

from neurosim.checks import check_count, check_not_negative, check_positive
from neurosim.errors import ParameterError
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SPIKES = 'a spike recorder, spikes = net.record(exc, "spikes"), or a list of them'
_RATES = 'a rate or spike recorder, net.record(exc, "rate"), or a list of them'


def raster(
    spikes: object,
    *more: object,
    ax: "Axes | None" = None,
    rate: bool = True,
    window: tuple[float, float] | None = None,
    width: float | None = None,
    max_neurons: int | None = None,
    color_by: str = "population",
) -> "Axes":
    """Draw each spike as a dot, neurons upward and time to the right, with the mean firing rate in a strip below.

    Parameters
    ----------
    spikes, *more : spike recorders, or one list of them
        Several are stacked in the order given.
    ax : matplotlib axes, optional
        Where to draw; the strip takes a quarter of its place.  Left out: a new figure.
    rate : bool
        Draw the strip.  The axes returned are those of the dots either way; the strip is `ax.rate_axes` (None without).
    window : (start, stop), optional
        Part of the recording to show (ms).
    width : float, optional
        Bin of the rate strip (ms).  Left out: a round number, about 150 bins.
    max_neurons : int, optional
        Draw dots of at most so many evenly spaced neurons; the rate is of all.
    color_by : "population", "recorder" or "none"
        What shares a colour.

    Returns
    -------
    matplotlib axes
        Of the dots.  An empty recording says "no spikes".

    Raises
    ------
    ParameterError
        If something given is no spike recorder, or an option is out of range.

    Examples
    --------
    ::

        spikes = net.record(exc, "spikes")
        net.run(1000.0)
        ax = ns.plot.raster(spikes, window=(0.0, 500.0))
        ax.figure.savefig("raster.png")
    """
    recorders = canvas.as_list("raster(spikes)", spikes, more, _SPIKES)
    parts = [_spikes("raster(spikes)", one) for one in recorders]
    if color_by not in ("population", "recorder", "none"):
        raise ParameterError(f'plot.raster(color_by=): must be "population", "recorder" or "none", got {color_by!r}')
    limit = None if max_neurons is None else check_count("plot.raster(max_neurons=)", max_neurons, least=1)
    start, stop = _span(parts) if window is None else canvas.pair_of_times("raster(window=)", window)
    strip_width = (
        canvas.round_interval(max((stop - start) / 150.0, 1.0))
        if width is None
        else check_positive("plot.raster(width=)", width, "ms")
    )

    ax = canvas.axes_or_new("raster", ax, 8.0, 5.0)
    with canvas.current_kept(ax):
        strip = _strip_below(ax) if rate else None
    ax.rate_axes = strip  # type: ignore[attr-defined]
    neurons = sum(part.n for part in parts)
    stride = 1 if limit is None else max(1, -(-neurons // limit))
    shown = sum(int(part.inside(start, stop).sum()) for part in parts)
    marker, size = _marker(ax, max(neurons // stride, 1), shown // stride)

    names: list[tuple[float, str, str]] = []
    lines = []
    base, group = 0, 0
    for number, part in enumerate(parts):
        inside = part.inside(start, stop)
        t, index = part.t[inside], part.index[inside]
        for label, first, n in part.segments:
            paint = {"population": canvas.colour(group), "recorder": canvas.colour(number), "none": canvas.INK}[
                color_by
            ]
            here = (index >= first) & (index < first + n)
            place = index[here] + base
            drawn = place % stride == 0
            ax.plot(
                t[here][drawn],
                place[drawn],
                linestyle="none",
                marker=marker,
                markersize=size,
                markeredgewidth=0.8 if marker == "|" else 0.0,
                color=paint,
                label=label,
                rasterized=True,
            )
            names.append((base + first + 0.5 * (n - 1), label, paint))
            lines.append((label, t[here], n, paint))
            group += 1
        base += part.n
    ax.set_ylim(-0.5, max(neurons, 1) - 0.5)
    ax.set_ylabel("neuron (place in recording)" if stride == 1 else f"neuron (every {_ordinal(stride)} shown)")
    canvas.thousands(ax.yaxis)
    _whole_ticks(ax)
    canvas.open_frame(ax)
    canvas.time_axis(ax, start, stop, label=strip is None)
    if len(names) > 1 or names[0][1]:
        canvas.label_right(ax, names)
    if not shown:
        canvas.say(ax, "no spikes")
    if strip is not None:
        ax.tick_params(labelbottom=False)
        for i, (label, t, n, paint) in enumerate(lines):
            centres, hz = _binned(t, n, start, stop, strip_width)
            strip.plot(centres, hz, canvas.dash(i), color=paint, linewidth=1.0, label=label)
        strip.set_ylabel("rate (Hz)")
        strip.set_ylim(0.0, None if shown else 1.0)
        canvas.open_frame(strip)
        canvas.time_axis(strip, start, stop)
    return ax


def rates(
    recorders: object,
    *more: object,
    ax: "Axes | None" = None,
    width: float = 10.0,
    target: float | None = None,
) -> "Axes":
    """Draw mean firing rates (Hz per neuron) over time.

    Parameters
    ----------
    recorders, *more : rate or spike recorders, or one list of them
        Rates are drawn as recorded; spikes are counted in bins, one line per population.
    ax : matplotlib axes, optional
        Where to draw.  Left out: a new figure.
    width : float
        Bin for spike recorders (ms).
    target : float, optional
        Draw a dotted line at this rate (Hz), as for homeostatic rules.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ParameterError
        If something given is neither kind of recorder, or `width` is not positive.

    Examples
    --------
    ::

        rate = net.record(exc, "rate", every=10.0)
        net.run(1000.0)
        ns.plot.rates(rate, target=5.0)
    """
    every = canvas.as_list("rates(recorders)", recorders, more, _RATES)
    bin_width = check_positive("plot.rates(width=)", width, "ms")
    goal = None if target is None else check_not_negative("plot.rates(target=)", target, "Hz")
    lines: list[tuple[str, np.ndarray, np.ndarray]] = []
    spans = []
    for one in every:
        if hasattr(one, "rate") and not callable(one.rate):
            given = canvas.attributes("rates(recorders)", one, "t rate", _RATES)
            t = canvas.column("rates: RateRecorder.t", given[0])
            hz = canvas.column("rates: RateRecorder.rate", given[1], size=t.size)
            half = 0.5 * float(getattr(one, "width", 0.0))
            lines.append((str(getattr(one, "label", "")), t, hz))
            spans.append((float(t[0]) - half, float(t[-1]) + half) if t.size else (np.inf, -np.inf))
            continue
        part = _spikes("rates(recorders)", one, _RATES)
        start, stop = part.span
        spans.append((start, stop))
        for label, first, n in part.segments:
            here = (part.index >= first) & (part.index < first + n)
            lines.append((label, *_binned(part.t[here], n, start, stop, bin_width)))

    ax = canvas.axes_or_new("rates", ax, 8.0, 3.2)
    ends = []
    for i, (label, t, hz) in enumerate(lines):
        ax.plot(t, hz, canvas.dash(i), color=canvas.colour(i), linewidth=1.2, label=label)
        if hz.size and label:
            ends.append((float(hz[-max(1, hz.size // 20) :].mean()), label, canvas.colour(i)))
    if goal is not None:
        ax.axhline(goal, color=canvas.INK, linestyle=":", linewidth=1.2, zorder=1.5)
        ends.append((goal, f"target {goal:g} Hz", canvas.INK))
    peak = max([float(hz.max()) for _, _, hz in lines if hz.size] + [goal or 0.0])
    ax.set_ylim(0.0, 1.08 * peak if peak > 0 else 1.0)
    ax.set_ylabel("rate (Hz per neuron)")
    canvas.open_frame(ax)
    start, stop = min(one[0] for one in spans), max(one[1] for one in spans)
    canvas.time_axis(ax, *((start, stop) if start < stop else (0.0, 1.0)))
    canvas.label_right(ax, ends)
    if not any(hz.size for _, _, hz in lines):
        canvas.say(ax, "no rates yet")
    return ax


class _Spikes:
    """What a raster needs of one recorder, checked."""

    __slots__ = ("index", "n", "segments", "span", "t")

    def __init__(
        self,
        t: np.ndarray,
        index: np.ndarray,
        n: int,
        segments: list[tuple[str, int, int]],
        span: tuple[float, float],
    ) -> None:
        self.t, self.index, self.n, self.segments, self.span = t, index, n, segments, span

    def inside(self, start: float, stop: float) -> np.ndarray:
        """Which spikes lie in (start, stop], or on start."""
        return (self.t >= start) & (self.t <= stop)


def _spikes(name: str, recorder: object, expected: str = _SPIKES) -> _Spikes:
    """The spikes of one recorder, or an error that says what was expected."""
    given = canvas.attributes(name, recorder, "t index n", expected)
    t = canvas.column(f"{name}: SpikeRecorder.t", given[0])
    index = canvas.column(f"{name}: SpikeRecorder.index", given[1], size=t.size)
    n = check_count(f"plot.{name}: SpikeRecorder.n", given[2])
    label = str(getattr(recorder, "label", ""))
    segments = [(str(one[0]), int(one[1]), int(one[2])) for one in getattr(recorder, "segments", None) or []]
    span = getattr(recorder, "span", None)
    if span is None:
        span = (0.0, float(t.max()) if t.size else 0.0)
    return _Spikes(t, index, n, segments or [(label, 0, n)], (float(span[0]), float(span[1])))


def _span(parts: list[_Spikes]) -> tuple[float, float]:
    """From the first start to the last stop (ms)."""
    start, stop = min(part.span[0] for part in parts), max(part.span[1] for part in parts)
    return (start, stop) if start < stop else (start, start + 1.0)


def _binned(t: np.ndarray, n: int, start: float, stop: float, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Bin centres (ms) and mean rate per neuron (Hz); a spike on an edge ends its step, so it counts to the left."""
    if not stop > start:
        return np.zeros(0), np.zeros(0)
    n_bins = max(1, int(np.ceil((stop - start) / width - 1e-9)))
    edges = np.minimum(start + width * np.arange(n_bins + 1), stop)
    place = np.ceil((t - start) / width - 1e-9).astype(np.int64) - 1
    counts = np.bincount(np.clip(place, 0, n_bins - 1), minlength=n_bins)
    return 0.5 * (edges[1:] + edges[:-1]), counts * 1000.0 / (np.diff(edges) * max(n, 1))


def _marker(ax: "Axes", rows: int, dots: int) -> tuple[str, float]:
    """Ticks for few neurons, points for few spikes, single pixels for many."""
    height = ax.get_position().height * canvas.root(ax).get_figheight() * 72.0
    if rows <= 60:
        return "|", float(np.clip(0.6 * height / rows, 2.0, 14.0))
    if dots <= 4_000:
        return ".", 3.2
    return (".", 2.2) if dots <= 30_000 else (",", 1.0)


def _strip_below(ax: "Axes") -> "Axes":
    """Axes under `ax` that share its time; `ax` shrinks to make room.  Drawn before: the same again."""
    strip: Axes | None = getattr(ax, "rate_axes", None)
    if strip is not None and strip in ax.figure.axes:
        return strip
    figure = ax.figure
    place = ax.get_subplotspec()
    if place is not None:
        halves = place.subgridspec(2, 1, height_ratios=[3.2, 1.0], hspace=0.08)
        ax.set_subplotspec(halves[0])
        strip = figure.add_subplot(halves[1], sharex=ax)
    else:
        box = ax.get_position()
        ax.set_position((box.x0, box.y0 + 0.27 * box.height, box.width, 0.73 * box.height))
        strip = figure.add_axes((box.x0, box.y0, box.width, 0.22 * box.height), sharex=ax)
    return strip


def _whole_ticks(ax: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))


def _ordinal(n: int) -> str:
    ending = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"
