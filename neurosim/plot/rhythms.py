"""States of a network side by side: spikes of some neurons, the rate of all, and the spectrum of that rate."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from neurosim.analysis import population_rate, rate_spectrum
from neurosim.checks import check_count, check_positive
from neurosim.errors import ParameterError
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SPIKES = 'spike recorders by name, {"AI": net.record(exc, "spikes")}'
NEURONS = 100  # drawn


def rhythms(
    states: Mapping[str, object],
    *,
    width: float = 0.5,
    segment: float = 500.0,
    highest: float = 400.0,
    bands: Mapping[str, tuple[float, float] | None] | None = None,
) -> "Figure":
    """Draw a column for each state: the spikes of its first hundred neurons, the rate of all, and its power spectrum.

    Shown is the end of a recording: 400 ms if neurons fire less than 20 Hz, else 100 ms.  Spectra are of the whole.

    Parameters
    ----------
    states : dict of str to spike recorder
    width : float
        Bin of the rate (ms).
    segment : float
        Length of the pieces of which spectra are averaged (ms), at most a third of a recording.
    highest : float
        Of the frequencies shown (Hz).
    bands : dict of str to (float, float), optional
        Frequencies (Hz) to mark in grey, by state.

    Returns
    -------
    matplotlib figure

    Raises
    ------
    ParameterError
        If there is no state, or one is no spike recorder.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> import numpy as np
    >>> from neurosim.plot.rhythms import rhythms
    >>> clock = SimpleNamespace(t=np.arange(1.0, 200.0, 10.0), index=np.arange(20) % 4, n=4, span=(0.0, 200.0))
    >>> figure = rhythms({"clock": clock}, bands={"clock": (90.0, 110.0)})
    >>> [ax.get_title() for ax in figure.axes[:2]]
    ['clock', '25.0 Hz']
    """
    if not states:
        raise ParameterError(f"plot.rhythms: needs {_SPIKES}, got none")
    check_positive("plot.rhythms(width=)", width, "ms")
    figure = canvas.new_figure(max(5.0, 3.6 * len(states)), 8.0)
    axes = figure.subplots(3, len(states), squeeze=False, height_ratios=[1.6, 1.0, 1.0])
    for k, (column, (name, recorder)) in enumerate(zip(axes.T, states.items(), strict=True)):
        times, places, neurons, span = canvas.attributes("rhythms(states)", recorder, "t index n span", _SPIKES)
        t = canvas.column(f"rhythms(states[{name!r}]).t", times)
        index = canvas.column(f"rhythms(states[{name!r}]).index", places, size=t.size)
        n = check_count(f"plot.rhythms(states[{name!r}]).n", neurons, least=1)
        start, stop = canvas.pair_of_times(f"rhythms(states[{name!r}]).span", span)
        at, rate = population_rate(t, n, (start, stop), width)
        begin = max(start, stop - (400.0 if rate.mean() < 20.0 else 100.0))
        raster, course, spectrum = column
        few, near = (t > begin) & (index < NEURONS), at > begin
        mark = "|" if rate.mean() < 200.0 else "."
        raster.plot(t[few], index[few], mark, ms=3, mew=0.8, color=canvas.colour(k), rasterized=True)
        raster.set(title=name, ylim=(-1, min(n, NEURONS)), xticklabels=[], xlim=(begin, stop))
        course.fill_between(at[near], rate[near], step="mid", color=canvas.colour(k))
        course.set(title=f"{rate.mean():.1f} Hz", ylim=(0.0, None if rate[near].any() else 1.0))
        canvas.time_axis(course, begin, stop)
        course.locator_params(axis="x", nbins=4)
        length = min(check_positive("plot.rhythms(segment=)", segment, "ms"), (stop - start) / 3.0)
        _spectrum(spectrum, *rate_spectrum(rate, width, segment=length), canvas.colour(k), (bands or {}).get(name))
        spectrum.set(xlim=(0.0, highest), xlabel="frequency (Hz)")
        for ax in column:
            canvas.open_frame(ax)
    for ax, label in zip(axes[:, 0], ("neuron", "rate of all (Hz)", "power (Hz² / Hz)"), strict=True):
        ax.set_ylabel(label)
    return figure


def _spectrum(
    ax: "Axes", frequency: np.ndarray, power: np.ndarray, colour: str, band: tuple[float, float] | None
) -> None:
    """Power against frequency, 0 Hz left out, and a band in grey."""
    if power[1:].any():
        ax.semilogy(frequency[1:], power[1:], color=colour)
    else:
        canvas.say(ax, "no spikes")
    if band is not None:
        ax.axvspan(*band, color=canvas.PALE, alpha=0.6, zorder=0)


__all__ = ["rhythms"]
