"""Stimuli: input that needs no synapse.  Frozen descriptions; the engine turns them into tables.

Every stimulus has `start` and `stop` (ms): it acts on the steps in [start, stop).
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from neurosim.checks import (
    check_finite_array,
    check_not_negative,
    check_number,
    check_positive,
    check_probability,
    names_checked,
    settle,
)
from neurosim.errors import ParameterError
from neurosim.units import plain


def _check_window(stimulus: object) -> None:
    name = type(stimulus).__name__
    start = settle(stimulus, "start", check_number, "ms")
    stop = settle(stimulus, "stop", check_number, "ms", allow_infinite=True)
    if stop < start:
        raise ParameterError(f"{name}.stop: must not be before start = {start:g} ms, got {stop:g} ms")


def _check_numbers(name: str, value: ArrayLike, unit: str, *, negative: bool) -> float | np.ndarray:
    """One number as a float, or one per neuron as an array."""
    array = np.asarray(plain(name, value, unit), np.float64)
    if array.ndim > 1:
        raise ParameterError(f"{name}: needs one number or one per neuron, got an array of shape {array.shape}")
    if not np.isfinite(array).all() or (not negative and (array < 0).any()):
        raise ParameterError(f"{name}: must be finite{'' if negative else ' and not negative'}, got {value!r}")
    return float(array) if array.ndim == 0 else array


@names_checked
@dataclass(frozen=True, eq=False)
class PoissonInput:
    """Independent Poisson spikes onto each neuron: `rate` in Hz, each adding `weight`.

    Counts per step may exceed one.  A time course multiplies the rate: `course[k]` acts from start + k * every.  With
    `correlation` c all neurons copy events of one common process of rate / c with probability c, so that any two inputs
    have the count correlation c (Kuhn, Aertsen & Rotter 2003).

    Parameters
    ----------
    rate : float or array of float
        Hz, for all or for each neuron of the target.
    weight : float
        In the unit of the receptor (mV, pA or nS); its sign chooses the receptor unless `receptor` is given.
    course : array of float, optional
        Factors of the rate over time, one every `every` ms; the last one stays.
    every : float
        Length of one entry of the course (ms).
    correlation : float
        Pairwise correlation of the inputs, in [0, 1); needs one rate for all and no course.
    receptor : str, optional
    start, stop : float
        Window (ms).
    """

    rate: ArrayLike
    weight: float = 1.0
    course: ArrayLike | None = None
    every: float = 1.0
    correlation: float = 0.0
    receptor: str | None = None
    start: float = 0.0
    stop: float = math.inf

    def __post_init__(self) -> None:
        _check_window(self)
        settle(self, "rate", _check_numbers, "Hz", negative=False)
        settle(self, "weight", check_number)
        settle(self, "every", check_positive, "ms")
        settle(self, "correlation", check_probability)
        if self.course is not None:
            object.__setattr__(
                self, "course", np.atleast_1d(settle(self, "course", _check_numbers, "", negative=False))
            )
        if self.correlation and (np.ndim(self.rate) or self.course is not None or self.correlation == 1.0):
            raise ParameterError(
                "PoissonInput.correlation: needs one rate for all neurons, no course, and a value in [0, 1)"
            )


@names_checked
@dataclass(frozen=True, eq=False)
class PatternInput:
    """Poisson drive whose rates are patterns: pattern `which[k]` acts from start + k * every; -1 is silence.

    Parameters
    ----------
    patterns : array of float, shape (patterns, neurons)
        Rates (Hz).
    which : array of int
        The sequence of pattern numbers; after its end there is silence.
    every : float
        How long each is shown (ms).
    weight : float
        Added by each event, in the unit of the receptor.
    receptor : str, optional
    start, stop : float
        Window (ms).
    """

    patterns: ArrayLike
    which: ArrayLike
    every: float = 100.0
    weight: float = 1.0
    receptor: str | None = None
    start: float = 0.0
    stop: float = math.inf

    def __post_init__(self) -> None:
        _check_window(self)
        patterns = np.atleast_2d(np.asarray(plain("PatternInput.patterns", self.patterns, "Hz"), np.float64))
        which = np.atleast_1d(np.asarray(self.which))
        if patterns.ndim != 2 or not np.isfinite(patterns).all() or (patterns < 0).any():
            raise ParameterError(
                "PatternInput.patterns: needs rates (Hz, finite, not negative) of shape (patterns, neurons)"
            )
        if not np.issubdtype(which.dtype, np.integer) or (which < -1).any() or (which >= len(patterns)).any():
            raise ParameterError(
                f"PatternInput.which: needs pattern numbers 0 ... {len(patterns) - 1}, or -1 for silence, got {self.which!r}"
            )
        settle(self, "every", check_positive, "ms")
        settle(self, "weight", check_number)
        object.__setattr__(self, "patterns", patterns)
        object.__setattr__(self, "which", which.astype(np.int64))


@names_checked
@dataclass(frozen=True, eq=False)
class Current:
    """A current into each neuron (pA), held through each step: constant, or `amplitude` times a course over time.

    Parameters
    ----------
    amplitude : float or array of float
        pA, for all or for each neuron.
    course : array of float, optional
        Factors over time, one every `every` ms; the last one stays.
    every : float
        ms.
    start, stop : float
        Window (ms).
    """

    amplitude: ArrayLike
    course: ArrayLike | None = None
    every: float = 1.0
    start: float = 0.0
    stop: float = math.inf

    def __post_init__(self) -> None:
        _check_window(self)
        settle(self, "amplitude", _check_numbers, "pA", negative=True)
        settle(self, "every", check_positive, "ms")
        if self.course is not None:
            object.__setattr__(self, "course", np.atleast_1d(settle(self, "course", _check_numbers, "", negative=True)))


@names_checked
@dataclass(frozen=True, eq=False)
class SineCurrent:
    """amplitude * sin(2 pi frequency (t - start) + phase), in pA, sampled at the start of each step.

    Parameters
    ----------
    amplitude : float or array of float
        pA.
    frequency : float
        Hz.
    phase : float
        Radians.
    start, stop : float
        Window (ms).
    """

    amplitude: ArrayLike
    frequency: float
    phase: float = 0.0
    start: float = 0.0
    stop: float = math.inf

    def __post_init__(self) -> None:
        _check_window(self)
        settle(self, "amplitude", _check_numbers, "pA", negative=True)
        settle(self, "frequency", check_not_negative, "Hz")
        settle(self, "phase", check_number)


@names_checked
@dataclass(frozen=True, eq=False)
class WhiteNoise:
    """A noise current: mean + sd * standard normal, drawn anew for each neuron and step and held through the step (pA).

    Free membrane potentials then vary with the standard deviation sd R sqrt((1 - q) / (1 + q)), q = exp(-dt / tau_m), R =
    tau_m / c_m (NEST's `noise_generator` with its dt equal to the step).

    Parameters
    ----------
    sd : float or array of float
        pA.
    mean : float
        pA.
    start, stop : float
        Window (ms).
    """

    sd: ArrayLike
    mean: float = 0.0
    start: float = 0.0
    stop: float = math.inf

    def __post_init__(self) -> None:
        _check_window(self)
        settle(self, "sd", _check_numbers, "pA", negative=False)
        settle(self, "mean", check_number, "pA")


@names_checked
@dataclass(frozen=True, eq=False)
class OrnsteinUhlenbeck:
    """A noise current with memory: mean + x, dx/dt = -x / tau + sd sqrt(2 / tau) xi, advanced exactly (Gillespie 1996).

    Each neuron has its own; it starts at the mean, and its stationary standard deviation is `sd`.

    Parameters
    ----------
    sd : float or array of float
        pA.
    tau : float
        Correlation time (ms).
    mean : float
        pA.
    start, stop : float
        Window (ms).
    """

    sd: ArrayLike
    tau: float = 10.0
    mean: float = 0.0
    start: float = 0.0
    stop: float = math.inf

    def __post_init__(self) -> None:
        _check_window(self)
        settle(self, "sd", _check_numbers, "pA", negative=False)
        settle(self, "tau", check_positive, "ms")
        settle(self, "mean", check_number, "pA")


@names_checked
@dataclass(frozen=True, eq=False)
class SpontaneousRate:
    """Neurons fire by themselves at this rate, at random, whatever their membrane does (not while refractory).

    Parameters
    ----------
    rate : float or array of float
        Hz; at most 1/dt.
    """

    rate: ArrayLike
    start: float = field(default=0.0, init=False)
    stop: float = field(default=math.inf, init=False)

    def __post_init__(self) -> None:
        settle(self, "rate", _check_numbers, "Hz", negative=False)


Stimulus = PoissonInput | PatternInput | Current | SineCurrent | WhiteNoise | OrnsteinUhlenbeck | SpontaneousRate
POISSON = (PoissonInput, PatternInput)
CURRENTS = (Current, SineCurrent, WhiteNoise, OrnsteinUhlenbeck)


def values_of(name: str, value: ArrayLike, n: int) -> np.ndarray:
    """One number per neuron of a target of `n`; an array of another length is refused."""
    return check_finite_array(name, value, n)
