"""Pairs of spikes: how a weight changes with their difference in time, and with how often they come.

Differences are t_post - t_pre as the synapse sees them, in ms: no delay is left in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import check_positive
from neurosim.errors import ParameterError
from neurosim.lab import data, drawing, theory, trains
from neurosim.lab.bench import (
    Conditions,
    at_bound,
    change_after,
    check_rule,
    conditions,
    deviation,
    repeats_of,
    title_of,
)
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Points at which the curve of a formula is drawn.
FINE = 401


@dataclass(frozen=True, eq=False, repr=False)
class Window:
    """Change of a weight against the spike-time difference; made by `window`.

    Attributes
    ----------
    dt : float64 [differences]
        t_post - t_pre (ms).
    change : float64 [differences]
        Change of the weight after all pairs.
    theory : float64 [differences]
        What the formula gives; NaN where there is none.
    pairs, frequency : int, float
        How many pairs, how often (Hz).
    w0 : float
        Weight before.
    error : float64 [differences]
        Standard error of the change: 0 unless the rule draws random numbers.
    curve : float64 [2, points]
        Differences and changes of the formula, finely.
    """

    rule: Any
    dt: np.ndarray
    change: np.ndarray
    theory: np.ndarray
    pairs: int
    frequency: float
    w0: float
    error: np.ndarray
    curve: np.ndarray

    @property
    def at_bound(self) -> np.ndarray:
        """Whether the weight ended on a bound of the rule, bool [differences]."""
        return at_bound(self.rule, self.w0, self.change)

    @property
    def per_pair(self) -> np.ndarray:
        """Mean change by one pair, float64 [differences]."""
        return self.change / self.pairs

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the measured window, and the formula behind it."""
        ax = canvas.axes_or_new("window", ax, 5.5, 3.8)
        drawing.zero_lines(ax)
        keys: list[object] = []
        for side in (self.curve[:, self.curve[0] < 0.0], self.curve[:, self.curve[0] > 0.0]):
            if np.isfinite(side[1]).any():
                line = drawing.theory(ax, side[0], side[1], label="formula")
                keys = [line]
        keys.append(
            drawing.measured(ax, self.dt, self.change, 0, f"measured, {_times(self.pairs, 'pair')}", self.error)
        )
        if self.at_bound.any():
            drawing.bounded(ax, self.dt[self.at_bound], self.change[self.at_bound])
            keys.append(drawing.sample_bound())
        ax.set_xlabel("spike-time difference, post $-$ pre (ms)")
        ax.set_ylabel("change of weight")
        canvas.open_frame(ax)
        drawing.key(ax, keys)
        return ax

    def __repr__(self) -> str:
        most, least = int(self.change.argmax()), int(self.change.argmin())
        return (
            f"Window({title_of(self.rule)}: {self.dt.size} differences {self.dt.min():g} ... {self.dt.max():g} ms, "
            f"{_times(self.pairs, 'pair')} at {self.frequency:g} Hz; largest {self.change[most]:+.4g} at {self.dt[most]:g} ms, "
            f"smallest {self.change[least]:+.4g} at {self.dt[least]:g} ms; {deviation(self.change, self.theory)})"
        )


def window(
    rule: Any, dt: ArrayLike | None = None, *, pairs: int | None = None, frequency: float = 1.0, w0: float | None = None,
    formula: Callable[[np.ndarray], ArrayLike] | None = None, wait: float | None = None, level: float = 0.001,
    resolution: float | None = None, seed: int = 0,
) -> Window:  # fmt: skip
    """Measure the learning window: the change of the weight by pairs of spikes, for many differences at once.

    Each difference has a synapse of its own, all in one run.  A coincident pair (0 ms) counts as the rule has it: for
    trace rules neither spike sees the other.

    Parameters
    ----------
    rule : plasticity rule, or a list of them
    dt : float or array of float, optional
        Spike-time differences t_post - t_pre at the synapse (ms); default -80, -78, ... 80.
    pairs : int, optional
        Default 60; 5 for rules that read a voltage, which take longer.
    frequency : float
        Pairs per second (Hz).
    w0 : float, optional
        Weight before; default: the middle of the bounds.
    formula : callable, optional
        Change by ONE pair as a function of dt (ms, array), for rules that the laboratory has no formula for.
    wait : float, optional
        Time from the last spike to the look at the weight (ms), for rules that go on changing; default: 100 ms, with a third
        factor ten time constants of the eligibility.
    level : float
        For rules with a third factor: by how much the modulator is held above the baseline.  0.001 is the mean of one
        spike per second of weight 1 / tau onto a modulator with time constant tau.
    resolution : float, optional
        Step of the simulation (ms); default: the coarsest of 1, 0.5, 0.2 and 0.1 on which all differences lie.
    seed : int

    Returns
    -------
    Window

    Raises
    ------
    ParameterError
        No rule; a difference off the grid; a frequency that is not positive; a weight outside the bounds.

    Examples
    --------
    >>> import neurosim as ns
    >>> seen = ns.lab.window(ns.PairSTDP(a_plus=0.01, tau_plus=20.0), dt=[-10.0, 10.0], pairs=1)
    >>> print(f"{seen.change[1]:.6f}")  # 0.01 * exp(-10 / 20)
    0.006065

    References
    ----------
    Bi & Poo (1998) J. Neurosci. 18:10464.
    """
    check_rule("window", rule)
    differences = np.arange(-80.0, 80.5, 2.0) if dt is None else trains.numbers("window(dt)", dt, "ms")
    repeats = repeats_of("window(pairs)", rule, pairs)
    rate = check_positive("window(frequency)", frequency, "Hz")
    at = conditions("window", rule, differences, w0=w0, wait=wait, level=level, resolution=resolution, seed=seed)
    protocols = trains.aligned(_pair_trains(differences, repeats, np.array([rate]), at.step))
    change, error = change_after(rule, protocols, at)
    fine = np.linspace(differences.min(), differences.max(), FINE) if differences.size > 2 else differences
    if formula is None:
        expected = predicted(rule, protocols, at)
        fine = np.unique(np.round(fine, 1))
        drawn = predicted(rule, _pair_trains(fine, repeats, np.array([rate]), 0.1), at, 0.1)
    else:
        expected, drawn = (_by_formula(formula, x) * repeats for x in (differences, fine))
    return Window(rule, differences, change, expected, repeats, rate, at.w0, error, np.array([fine, drawn]))


@dataclass(frozen=True, eq=False, repr=False)
class Pairing:
    """Change of a weight by trains of pairs against their frequency; made by `pairing`.

    Attributes
    ----------
    frequency : float64 [frequencies]
        Hz.
    dt : float64 [differences]
        t_post - t_pre (ms).
    change : float64 [differences, frequencies]
    theory : float64 [differences, frequencies]
        What the formula gives; NaN where there is none.
    repeats, w0 : int, float
        Pairs in each train; weight before.
    error : float64 [differences, frequencies]
        Standard error of the change: 0 unless the rule draws random numbers.
    curve : float64 [1 + differences, points]
        Frequencies, and the formula for each difference, finely.
    """

    rule: Any
    frequency: np.ndarray
    dt: np.ndarray
    change: np.ndarray
    theory: np.ndarray
    repeats: int
    w0: float
    error: np.ndarray
    curve: np.ndarray

    @property
    def at_bound(self) -> np.ndarray:
        """Whether the weight ended on a bound of the rule, bool [differences, frequencies]."""
        return at_bound(self.rule, self.w0, self.change)

    def plot(self, ax: Axes | None = None, *, published: bool | None = None) -> Axes:
        """Draw change against frequency, the formula behind it.

        `published`: with the data of Sjoestroem et al. (2001), changes relative to the weight; default: where the changes
        are of their size.
        """
        published = drawing.comparable(self.rule, self.change, self.repeats) if published is None else published
        ax = canvas.axes_or_new("pairing", ax, 5.5, 3.8)
        drawing.zero_lines(ax, vertical=False)
        keys: list[object] = []
        shown = False
        for k, dt in enumerate(self.dt):
            if np.isfinite(self.theory[k]).any():
                drawing.theory(ax, self.curve[0], self.curve[1 + k], k)
            points = data.SJOSTROM.get(float(dt)) if published else None
            if points is not None:
                shown = True
                drawing.published(ax, data.SJOSTROM_FREQUENCY, *points, k, "")
            keys.append(
                drawing.measured(ax, self.frequency, self.change[k], k, f"post $-$ pre = ${dt:+g}$ ms", self.error[k])
            )
            drawing.bounded(ax, self.frequency[self.at_bound[k]], self.change[k][self.at_bound[k]], k)
        if np.isfinite(self.theory).any():
            keys.append(drawing.sample_line("formula"))
        if self.at_bound.any():
            keys.append(drawing.sample_bound())
        if shown:
            keys.append(drawing.sample_square("Sjöström et al. (2001)"))
        ax.set_xlabel("frequency of pairs (Hz)")
        ax.set_ylabel(f"change of weight, {_times(self.repeats, 'pair')}")
        canvas.open_frame(ax)
        drawing.key(ax, keys, 2)
        return ax

    def __repr__(self) -> str:
        lines = [
            f"{dt:+g} ms: " + ", ".join(f"{value:+.3g}" for value in row)
            for dt, row in zip(self.dt, self.change, strict=True)
        ]
        at = ", ".join(f"{f:g}" for f in self.frequency)
        return (
            f"Pairing({title_of(self.rule)}: {_times(self.repeats, 'pair')} at {at} Hz; {'; '.join(lines)}; "
            f"{deviation(self.change, self.theory)})"
        )


def pairing(
    rule: Any, dt: ArrayLike = (10.0, -10.0), frequency: ArrayLike = (0.1, 10.0, 20.0, 40.0, 50.0), *, repeats: int | None = None,
    w0: float | None = None, wait: float | None = None, level: float = 0.001, resolution: float | None = None, seed: int = 0,
) -> Pairing:  # fmt: skip
    """Measure how the change by pairs depends on how often they come.

    One train of `repeats` pairs for each difference and frequency, as Pfister & Gerstner (2006) model the experiments of
    Sjoestroem, Turrigiano & Nelson (2001); all in one run, and all trains end together.

    Parameters
    ----------
    rule : plasticity rule, or a list of them
    dt : float or array of float
        Spike-time differences t_post - t_pre at the synapse (ms).
    frequency : float or array of float
        Pairs per second (Hz).  The pairs begin on the grid: 30 Hz is 33 or 34 ms at a step of 1 ms.
    repeats : int, optional
        Pairs in each train; default 60, for rules that read a voltage 5: one of the 15 bursts of the experiments, between
        which the neuron recovers.
    w0, wait, level, resolution, seed
        As in `window`.

    Returns
    -------
    Pairing

    Examples
    --------
    >>> import neurosim as ns
    >>> ns.lab.pairing(ns.PairSTDP(), frequency=[1.0, 50.0], repeats=5).change.shape
    (2, 2)

    References
    ----------
    Sjoestroem, Turrigiano & Nelson (2001) Neuron 32:1149; Pfister & Gerstner (2006) J. Neurosci. 26:9673.
    """
    check_rule("pairing", rule)
    differences = trains.numbers("pairing(dt)", dt, "ms")
    rates = trains.frequencies("pairing(frequency)", frequency)
    count = repeats_of("pairing(repeats)", rule, repeats)
    periods = 1e3 / rates
    times = np.concatenate([differences, periods[np.abs(periods * 10 - np.round(periods * 10)) < 1e-6]])
    at = conditions("pairing", rule, times, w0=w0, wait=wait, level=level, resolution=resolution, seed=seed)
    if 1e3 / rates.max() < 2.0 * at.step:
        raise ParameterError(
            f"pairing(frequency): {rates.max():g} Hz is more than every second step of {at.step:g} ms; take lower frequencies, "
            f"or resolution={at.step / 10:g}"
        )
    protocols = trains.aligned(_pair_trains(differences, count, rates, at.step))
    shape = (differences.size, rates.size)
    change, error = (one.reshape(shape) for one in change_after(rule, protocols, at))
    fine = np.linspace(rates.min(), rates.max(), 61) if rates.size > 1 else rates
    curve = predicted(rule, _pair_trains(differences, count, fine, 0.1), at, 0.1).reshape(-1, fine.size)
    return Pairing(
        rule, rates, differences, change, predicted(rule, protocols, at).reshape(shape), count, at.w0, error,
        np.concatenate([fine[None], curve]),
    )  # fmt: skip


def _pair_trains(differences: np.ndarray, repeats: int, rates: np.ndarray, step: float) -> list[trains.Pair]:
    """Trains of pairs for each difference (ms), and within it for each rate (Hz)."""
    found = []
    for difference in np.round(differences / step).astype(np.int64):
        for rate in rates:
            begins = trains.repeated([0], repeats, 1e3 / rate, step)
            found.append((begins - min(difference, 0), begins + max(difference, 0)))
    return found


def predicted(rule: Any, protocols: Sequence[trains.Pair], at: Conditions, step: float | None = None) -> np.ndarray:
    """What the formula gives for each pair of trains; `step` (ms) if theirs is not that of the measurement."""
    return np.array(
        [theory.change(rule, one, step or at.step, at.w0, level=at.level, wait=at.wait * at.step) for one in protocols]
    )


def _by_formula(formula: Callable[[np.ndarray], ArrayLike], x: np.ndarray) -> np.ndarray:
    """The user's formula at these differences."""
    values = np.asarray(formula(x), np.float64)
    if values.shape != x.shape:
        raise ParameterError(
            f"window(formula): must return one number for each difference, got shape {values.shape} for {x.shape}; "
            f"for example formula=lambda dt: 0.01 * np.exp(-np.abs(dt) / 20.0)"
        )
    return values


def _times(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
