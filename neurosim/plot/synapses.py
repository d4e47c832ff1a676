"""Distributions over synapses: weights now and over time, synapses per neuron."""

from typing import TYPE_CHECKING

import numpy as np

from neurosim.checks import check_count, check_number
from neurosim.errors import ParameterError
from neurosim.plot import canvas
from neurosim.plot.edges import pairs_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WEIGHTS = 'a weight recorder, net.record(ee, "weight", every=100.0), a projection, or an array of weights'


def weights(
    recorder: object,
    *,
    ax: "Axes | None" = None,
    at: float | None = None,
    bounds: tuple[float, float] | None = None,
    bins: int = 50,
    unit: str = "",
) -> "Axes":
    """Draw the distribution of weights: a histogram, or a heat map over time for a weight recorder.

    Parameters
    ----------
    recorder : weight recorder, projection or array
        A recorder with two samples or more gives a heat map; everything else the histogram of now.
    ax : matplotlib axes, optional
        Where to draw.  Left out: a new figure.
    at : float, optional
        For a recorder: the histogram of the sample nearest to this time (ms) instead.
    bounds : (lowest, highest), optional
        Limits of the rule, in the unit of the weights: drawn, with the share of synapses that lie on each.
    bins : int
        Number of bins.
    unit : str
        Unit of the weights (pA, nS, mV).  Left out: the recorder's or projection's, where it has one.

    Returns
    -------
    matplotlib axes
        In a heat map `ax.share_axes` is the colour bar.

    Raises
    ------
    ParameterError
        If there are no weights in what is given.

    Examples
    --------
    >>> import numpy as np
    >>> from neurosim import plot
    >>> ax = plot.weights(np.linspace(0.0, 1.0, 101), bounds=(0.0, 1.0), unit="nS")
    >>> ax.get_xlabel()
    'weight (nS)'
    """
    n_bins = check_count("plot.weights(bins=)", bins, least=2)
    times, samples = _samples(recorder)
    unit = unit or str(getattr(recorder, "unit", ""))
    axis_label = f"weight ({unit})" if unit else "weight (unit of the receptor)"
    limits = None if bounds is None else _bounds(bounds)
    if at is not None:
        if times is None:
            raise ParameterError("plot.weights(at=): needs a weight recorder; an array or a projection has only now")
        moment = check_number("plot.weights(at=)", at, "ms")
        if samples:
            nearest = int(np.abs(times - moment).argmin())
            times, samples = times[nearest : nearest + 1], [samples[nearest]]
    heat = len(samples) > 1
    ax = canvas.axes_or_new("weights", ax, 7.0 if heat else 5.5, 3.8)
    ax.share_axes = None  # type: ignore[attr-defined]
    pooled = np.concatenate(samples) if samples else np.zeros(0)
    pooled = pooled[np.isfinite(pooled)]
    if not pooled.size:
        ax.set_xlabel("time (ms)" if heat else axis_label)
        ax.set_ylabel(axis_label if heat else "synapses (count)")
        canvas.open_frame(ax)
        canvas.say(ax, "no synapses")
        return ax
    low, high = float(pooled.min()), float(pooled.max())
    if limits is not None:
        low, high = min(low, limits[0]), max(high, limits[1])
    if not high > low:
        low, high = low - 0.5 * max(abs(low), 1.0), high + 0.5 * max(abs(high), 1.0)
    edges = np.linspace(low, high, n_bins + 1)
    if heat and times is not None:
        _heat_map(ax, times, samples, edges, limits)
        ax.set_ylabel(axis_label)
    else:
        when = f", at {canvas.duration(float(times[0]))}" if times is not None and times.size else ""
        _histogram(ax, pooled, edges, limits, when)
        ax.set_xlabel(axis_label)
    return ax


def degree(
    edges: object,
    *,
    ax: "Axes | None" = None,
    pre_uid: object = None,
    post_uid: object = None,
    log: bool = False,
) -> "Axes":
    """Draw how many synapses neurons receive (in-degree) and send (out-degree).

    Parameters
    ----------
    edges : projection, (pre, post) arrays, or anything that `graph` takes
    ax : matplotlib axes, optional
        Where to draw.  Left out: a new figure.
    pre_uid, post_uid : array of int, optional
        All neurons that could send or receive, so that those without a synapse count as 0.
        Left out: only neurons with at least one.
    log : bool
        Logarithmic count axis, for heavy tails.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ParameterError
        If there are no pre and post ends in what is given.

    Examples
    --------
    >>> import numpy as np
    >>> from neurosim import plot
    >>> ax = plot.degree((np.array([0, 0, 1]), np.array([1, 2, 2])), post_uid=np.arange(3))
    >>> ax.get_xlabel()
    'degree (synapses per neuron)'
    """
    pre, post, _ = pairs_of("degree(edges)", edges)
    ax = canvas.axes_or_new("degree", ax, 5.5, 3.6)
    ax.set_xlabel("degree (synapses per neuron)")
    ax.set_ylabel("neurons (count)")
    canvas.open_frame(ax)
    kinds = [("in", _degrees("post_uid", post, post_uid)), ("out", _degrees("pre_uid", pre, pre_uid))]
    most = max((int(counts.max()) for _, counts in kinds if counts.size), default=0)
    if not most:
        canvas.say(ax, "no synapses")
        return ax
    step = max(1, int(canvas.nice(max((most + 1) / 40.0, 1.0))))
    bin_edges = np.arange(0, most + 1 + step, step) - 0.5
    for i, (kind, counts) in enumerate(kinds):
        paint = canvas.colour(i)
        heights, _ = np.histogram(counts, bin_edges)
        text = f"{kind}-degree, mean {counts.mean():.3g}"
        ax.stairs(heights, bin_edges, color=paint, linestyle=canvas.dash(i), linewidth=1.4, fill=False, label=text)
        ax.stairs(heights, bin_edges, color=paint, fill=True, alpha=0.18)
        ax.axvline(counts.mean(), color=paint, linestyle=canvas.dash(i), linewidth=0.8, alpha=0.7)
    ax.set_xlim(bin_edges[0], bin_edges[-1])
    if log:
        ax.set_yscale("log")
        ax.set_ylim(bottom=0.7)
    canvas.thousands(ax.yaxis)
    canvas.legend_above(ax, ax.get_legend_handles_labels()[0], 2)
    return ax


def _samples(given: object) -> tuple[np.ndarray | None, list[np.ndarray]]:
    """Sample times (ms; None without) and the weights at each."""
    if hasattr(given, "weight") and hasattr(given, "t"):
        t = canvas.column("weights: WeightRecorder.t", given.t)
        samples = [canvas.column("weights: WeightRecorder.weight", one) for one in given.weight]
        if len(samples) != t.size:
            raise ParameterError(
                f"plot.weights: WeightRecorder has {t.size} times and {len(samples)} samples; must be equal"
            )
        return t, samples
    if hasattr(given, "weight"):
        return None, [canvas.column("weights: Projection.weight", given.weight)]
    if isinstance(given, (list, tuple, np.ndarray)):
        array = canvas.column("weights(recorder)", given)
        if array.size:
            return None, [array]
    got = "an empty array" if isinstance(given, (list, tuple, np.ndarray)) else f"a {type(given).__name__}"
    raise ParameterError(f"plot.weights(recorder): needs {_WEIGHTS}, got {got}")


def _bounds(bounds: object) -> tuple[float, float]:
    try:
        low, high = (float(one) for one in bounds)  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        raise ParameterError(f"plot.weights(bounds=): must be (lowest, highest), got {bounds!r}") from None
    if not low < high:
        raise ParameterError(f"plot.weights(bounds=): lowest must lie below highest, got {bounds!r}")
    return low, high


def _shares(values: np.ndarray, limits: tuple[float, float]) -> tuple[float, float]:
    """Share of the weights that lie on (or past) each limit."""
    near = 1e-6 * (limits[1] - limits[0])
    size = max(values.size, 1)
    return float((values <= limits[0] + near).sum()) / size, float((values >= limits[1] - near).sum()) / size


def _histogram(
    ax: "Axes", values: np.ndarray, edges: np.ndarray, limits: tuple[float, float] | None, when: str
) -> None:
    heights, _ = np.histogram(values, edges)
    ax.stairs(heights, edges, fill=True, color=canvas.BLUE, alpha=0.75)
    ax.set_ylabel("synapses (count)")
    canvas.thousands(ax.yaxis)
    canvas.open_frame(ax)
    mean = float(values.mean())
    marks = [
        ax.axvline(mean, color=canvas.INK, linewidth=1.2, label=f"mean {mean:.3g} of {values.size:,} synapses{when}")
    ]
    if limits is not None:
        shares = _shares(values, limits)
        for word, limit, share in zip(("lower", "upper"), limits, shares, strict=True):
            text = f"{word} bound: {share:.1%}"
            marks.append(
                ax.axvline(limit, color=canvas.VERMILLION, linestyle=":" if word == "lower" else "--", label=text)
            )
    canvas.legend_above(ax, marks, 2 if limits is None else 1 + len(marks) // 3)


def _heat_map(
    ax: "Axes", t: np.ndarray, samples: list[np.ndarray], edges: np.ndarray, limits: tuple[float, float] | None
) -> None:
    from matplotlib.colors import LogNorm

    share = np.array([np.histogram(one, edges)[0] / max(one.size, 1) for one in samples]).T * 100.0
    middle = 0.5 * (t[1:] + t[:-1])
    columns = np.concatenate(([t[0] - (middle[0] - t[0])], middle, [t[-1] + (t[-1] - middle[-1])]))
    least = float(share[share > 0].min())
    norm = LogNorm(least, max(float(share.max()), least * 10.0))
    mesh = ax.pcolormesh(
        columns, edges, np.where(share > 0.0, share, np.nan), cmap="cividis_r", norm=norm, rasterized=True
    )
    with canvas.current_kept(ax):
        bar = ax.figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.set_label("synapses (% per bin)")
    from matplotlib.ticker import FuncFormatter

    bar.ax.yaxis.set_major_formatter(FuncFormatter(_percent))
    ax.share_axes = bar.ax  # type: ignore[attr-defined]
    median = [float(np.median(one)) if one.size else np.nan for one in samples]
    marks = ax.plot(t, median, color=canvas.VERMILLION, linewidth=1.4, label="median", path_effects=canvas.halo())
    if limits is not None:
        shares = _shares(samples[-1], limits)
        for word, limit, part in zip(("lower", "upper"), limits, shares, strict=True):
            text = f"{word} bound: {part:.1%} at the end"
            style = ":" if word == "lower" else "--"
            marks.append(ax.axhline(limit, color=canvas.INK, linestyle=style, linewidth=1.0, label=text))
    canvas.time_axis(ax, float(columns[0]), float(columns[-1]))
    canvas.open_frame(ax)
    canvas.legend_above(ax, marks, 3)


def _percent(value: float, _place: object = None) -> str:
    return f"{value:g}"


def _degrees(name: str, ends: np.ndarray, every: object) -> np.ndarray:
    """Synapses per neuron."""
    if every is None:
        return np.unique(ends, return_counts=True)[1]
    known = np.unique(np.asarray(every))
    place = np.searchsorted(known, ends)
    if known.size == 0 or (place >= known.size).any() or (known[place] != ends).any():
        raise ParameterError(
            f"plot.degree({name}=): must hold every neuron with a synapse; some ends are missing in it"
        )
    return np.bincount(place, minlength=known.size)
