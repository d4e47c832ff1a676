"""Statistics of spike trains: rates, irregularity, rhythms, correlations.  Knows arrays only.

Spikes are two arrays of equal length: `t` in ms and `index`, the place 0..n-1 of the neuron that fired
(`SpikeRecorder.t` and `.index`); `span` is (start, stop) in ms.  A spike is stamped at the *end* of its step, so a
bin holds its right edge and not its left one: bin j holds the spikes with start + j*width < t <= start + (j+1)*width.
"""

import numpy as np

from neurosim.analysis.graphs import pearson
from neurosim.checks import check_count, check_number, check_positive
from neurosim.errors import ParameterError

ROUNDING = 1e-6  # ms; times are step * dt, which is off by less than this, and steps are longer than this


def places(uid: np.ndarray, neurons: np.ndarray) -> np.ndarray:
    """Place of each spike's `uid` within `neurons` (the uids recorded, any order), int64[spikes]."""
    uid, neurons = np.asarray(uid, np.int64), np.asarray(neurons, np.int64)
    order = np.argsort(neurons, kind="stable")
    at = np.searchsorted(neurons, uid, sorter=order)
    known = at < neurons.size
    known[known] = neurons[order[at[known]]] == uid[known]
    if not known.all():
        raise ParameterError(f"places.uid: {uid[~known][0]} is not among the {neurons.size} neurons given")
    return order[at]


def mean_rates(t: np.ndarray, index: np.ndarray, n: int, span: tuple[float, float]) -> np.ndarray:
    """Mean firing rate of each neuron in `span`, Hz, float64[n]; their mean is the rate of the population.

    Parameters
    ----------
    t : ndarray
        Spike times (ms).
    index : ndarray of int
        Place of the neuron that fired, 0..n-1.
    n : int
        Number of neurons, silent ones included.
    span : (float, float)
        Start and stop (ms); counted are spikes with start < t <= stop.

    Examples
    --------
    >>> mean_rates([10.0, 20.0, 500.0], [0, 0, 2], 3, (0.0, 1000.0))
    array([2., 0., 1.])
    """
    t, index, n = _spikes(t, index, n)
    start, stop = _span(span)
    inside = (t > start + ROUNDING) & (t <= stop + ROUNDING)
    return np.bincount(index[inside], minlength=n) * 1000.0 / (stop - start)


def interval_cv(t: np.ndarray, index: np.ndarray, n: int, *, fewest: int = 3) -> np.ndarray:
    """Coefficient of variation of the inter-spike intervals of each neuron: 0 for a clock, 1 for a Poisson process.

    CV = standard deviation / mean of the intervals (standard deviation with divisor N).

    Parameters
    ----------
    t : ndarray
        Spike times (ms), in any order.
    index : ndarray of int
        Place of the neuron that fired, 0..n-1.
    n : int
        Number of neurons.
    fewest : int
        Neurons with fewer intervals get nan: the CV of few intervals is biased low.

    Returns
    -------
    ndarray of float64 [n]

    References
    ----------
    Softky & Koch (1993), Journal of Neuroscience 13:334-350.
    """
    interval, index = _intervals(t, index, n)
    count = np.bincount(index, minlength=n)
    mean = _divide(np.bincount(index, interval, minlength=n), count)
    variance = _divide(np.bincount(index, (interval - mean[index]) ** 2, minlength=n), count)
    cv = _divide(np.sqrt(variance), mean)
    cv[count < check_count("interval_cv.fewest", fewest, least=1)] = np.nan
    return cv


def local_variation(t: np.ndarray, index: np.ndarray, n: int, *, fewest: int = 3) -> np.ndarray:
    """Local variation of the inter-spike intervals: 1 for a Poisson process, blind to slow changes of the rate.

    LV = mean over neighbouring intervals of 3 (I_i - I_{i+1})^2 / (I_i + I_{i+1})^2; nan with fewer than `fewest`
    intervals.

    References
    ----------
    Shinomoto, Shima & Tanji (2003), Neural Computation 15:2823-2842.
    """
    interval, index = _intervals(t, index, n)
    same = index[1:] == index[:-1]
    ratio = _divide((interval[1:] - interval[:-1])[same], (interval[1:] + interval[:-1])[same])
    pairs = np.bincount(index[1:][same], minlength=n)
    result = _divide(np.bincount(index[1:][same], 3 * ratio**2, minlength=n), pairs)
    result[np.bincount(index, minlength=n) < max(2, check_count("local_variation.fewest", fewest))] = np.nan
    return result


def population_rate(t: np.ndarray, n: int, span: tuple[float, float], width: float) -> tuple[np.ndarray, np.ndarray]:
    """Firing rate of a population over time, per neuron.

    Parameters
    ----------
    t : ndarray
        Spike times (ms) of all its neurons.
    n : int
        Number of neurons.
    span : (float, float)
        Start and stop (ms).
    width : float
        Width of a bin (ms); what does not fill a bin at the end of the span is left out.

    Returns
    -------
    centre : ndarray of float64 [bins]
        Centres of the bins (ms).
    rate : ndarray of float64 [bins]
        Hz per neuron.
    """
    n = check_count("population_rate.n", n, least=1)
    start, _ = _span(span)
    bins = _bins(span, width)
    place = _bin_of(np.asarray(t, np.float64).ravel(), start, width)
    counts = np.bincount(place[(place >= 0) & (place < bins)], minlength=bins)
    return start + (np.arange(bins) + 0.5) * width, counts * (1000.0 / (width * n))


def spike_counts(t: np.ndarray, index: np.ndarray, n: int, span: tuple[float, float], width: float) -> np.ndarray:
    """Spikes of each neuron in bins of `width` (ms) of `span` (ms), int64[n, bins]."""
    t, index, n = _spikes(t, index, n)
    bins = _bins(span, width)
    place = _bin_of(t, _span(span)[0], width)
    inside = (place >= 0) & (place < bins)
    return np.bincount(index[inside] * bins + place[inside], minlength=n * bins).reshape(n, bins)


def fano_factor(counts: np.ndarray) -> np.ndarray:
    """Variance over mean of the counts [n, bins] of each neuron, float64[n]: 1 for a Poisson process, nan if silent."""
    counts = np.asarray(counts, np.float64)
    return _divide(counts.var(axis=1), counts.mean(axis=1))


def rate_spectrum(rate: np.ndarray, width: float, *, segment: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Power spectrum of a population rate: mean periodogram of half-overlapping segments under a Hann window (Welch).

    Parameters
    ----------
    rate : ndarray [bins]
        Firing rate (Hz).
    width : float
        Width of a bin (ms).
    segment : float, optional
        Length of a segment (ms): frequencies are resolved to 1000 / segment Hz.  An eighth of the whole if left out.

    Returns
    -------
    frequency : ndarray of float64
        Hz, from 0 to 500 / width.
    power : ndarray of float64
        One-sided density, Hz^2 per Hz; the mean of each segment is removed.

    References
    ----------
    Welch (1967), IEEE Transactions on Audio and Electroacoustics 15:70-73.
    """
    rate = np.asarray(rate, np.float64).ravel()
    width = check_positive("rate_spectrum.width", width, "ms")
    if rate.size < 8:
        raise ParameterError(
            f"rate_spectrum.rate: needs at least 8 bins, got {rate.size}; use a longer span or a smaller width"
        )
    asked = rate.size // 8 if segment is None else round(check_positive("rate_spectrum.segment", segment, "ms") / width)
    size = int(np.clip(asked, 8, rate.size))
    window = np.hanning(size + 1)[:-1]  # periodic Hann window
    starts = np.arange(0, rate.size - size + 1, max(1, size // 2))
    pieces = rate[starts[:, None] + np.arange(size)]
    transform = np.fft.rfft((pieces - pieces.mean(axis=1, keepdims=True)) * window, axis=1)
    power = (np.abs(transform) ** 2).mean(axis=0) * (width / 1000.0) / (window**2).sum()
    power[1 : (size + 1) // 2] *= 2.0  # all but 0 Hz and the highest of an even size stand for two frequencies
    return np.fft.rfftfreq(size, width / 1000.0), power


def spectrum_peak(
    t: np.ndarray,
    n: int,
    span: tuple[float, float],
    *,
    width: float = 1.0,
    segment: float | None = None,
    lowest: float = 1.0,
    highest: float = float("inf"),
) -> float:
    """Frequency (Hz) of most power in the rate of a population, between `lowest` and `highest` (Hz); nan without power.

    Parameters as in `population_rate` and `rate_spectrum`.
    """
    _, rate = population_rate(t, n, span, width)
    frequency, power = rate_spectrum(rate, width, segment=segment)
    chosen = (frequency >= lowest) & (frequency <= highest)
    if not chosen.any():
        raise ParameterError(
            f"spectrum_peak: no frequency between {lowest:g} and {highest:g} Hz is resolved by width = {width:g} ms; "
            f"resolved are {frequency[1]:g} to {frequency[-1]:g} Hz"
        )
    best = int(np.argmax(power[chosen]))
    return float(frequency[chosen][best]) if power[chosen][best] > 0 else float("nan")


def pairwise_correlation(counts: np.ndarray, *, pairs: int = 2000, seed: int = 0) -> np.ndarray:
    """Pearson correlations of the spike counts of pairs of neurons; their mean is 0 for independent neurons.

    Parameters
    ----------
    counts : ndarray [n, bins]
        From `spike_counts`; neurons whose count never changes are left out.
    pairs : int
        At most so many pairs, drawn at random if there are more.
    seed : int
        For that draw.

    Returns
    -------
    ndarray of float64 [pairs]
        Empty if fewer than two neurons fire.
    """
    counts = np.asarray(counts, np.float64)
    if counts.ndim != 2:
        raise ParameterError(
            f"pairwise_correlation.counts: needs [neurons, bins], got an array of shape {counts.shape}"
        )
    counts = counts - counts.mean(axis=1, keepdims=True)
    size = np.sqrt((counts**2).sum(axis=1))
    counts = counts[size > 0] / size[size > 0, None]
    n, pairs = counts.shape[0], check_count("pairwise_correlation.pairs", pairs, least=1)
    total = n * (n - 1) // 2
    rng = np.random.default_rng(seed)
    if total <= pairs:
        one, other = np.triu_indices(n, 1)
    else:  # the k-th pair of the upper triangle, row by row
        k = np.sort(rng.choice(total, pairs, replace=False, shuffle=False))
        row_end = np.cumsum(np.arange(n - 1, 0, -1))
        one = np.searchsorted(row_end, k, side="right")
        other = k - (row_end[one] - (n - 1 - one)) + one + 1
    return np.asarray((counts[one] * counts[other]).sum(axis=1))


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson correlation of two equally long arrays; nan if one of them does not vary."""
    one, other = np.asarray(one).ravel(), np.asarray(other).ravel()
    if one.size != other.size:
        raise ParameterError(f"correlation: needs two arrays of one length, got {one.size} and {other.size}")
    return pearson(one, other)


def _spikes(t: np.ndarray, index: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Spikes as float64 and int64 arrays of equal length, places checked."""
    t, index = np.asarray(t, np.float64).ravel(), np.asarray(index, np.int64).ravel()
    n = check_count("n", n, least=1)
    if t.size != index.size:
        raise ParameterError(
            f"spikes: needs one time per neuron that fired, got {t.size} times and {index.size} places"
        )
    if index.size and (index.min() < 0 or index.max() >= n):
        raise ParameterError(
            f"spikes.index: places run from 0 to n - 1 = {n - 1}, got {index.min()} to {index.max()}; "
            "see places(uid, neurons)"
        )
    return t, index, n


def _span(span: tuple[float, float]) -> tuple[float, float]:
    """Start and stop (ms) of a span that is not empty."""
    start, stop = (check_number("span", edge, "ms") for edge in span)
    if stop <= start:
        raise ParameterError(f"span: must end after it starts (ms), got ({start:g}, {stop:g})")
    return start, stop


def _bins(span: tuple[float, float], width: float) -> int:
    """Whole bins in a span."""
    start, stop = _span(span)
    bins = int(np.floor((stop - start) / check_positive("width", width, "ms") + 1e-6))
    if bins < 1:
        raise ParameterError(f"width: a bin of {width:g} ms does not fit into the span of {stop - start:g} ms")
    return bins


def _bin_of(t: np.ndarray, start: float, width: float) -> np.ndarray:
    """Bin of each time; a bin holds its right edge."""
    return np.ceil((t - start - ROUNDING) / width).astype(np.int64) - 1


def _intervals(t: np.ndarray, index: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Length and neuron of every inter-spike interval, by neuron and time."""
    t, index, _ = _spikes(t, index, n)
    order = np.lexsort((t, index))
    t, index = t[order], index[order]
    same = index[1:] == index[:-1]
    return (t[1:] - t[:-1])[same], index[1:][same]


def _divide(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, nan where below is 0."""
    result = np.full(np.shape(above), np.nan)
    np.divide(above, below, out=result, where=np.asarray(below) != 0)
    return result
