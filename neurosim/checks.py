"""Checks at the border: each names the object, the value, what is allowed, and where possible a line to paste."""

import difflib
import functools
import inspect
import math
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from neurosim.errors import ParameterError, RunError
from neurosim.units import plain

C = TypeVar("C", bound=type)


def names_checked(described: C) -> C:
    """Class decorator: a keyword that the class does not have is a ParameterError that lists what it has."""
    make = described.__init__  # type: ignore[misc]
    known = [name for name in inspect.signature(make).parameters if name != "self"]

    @functools.wraps(make)
    def __init__(self: object, *values: object, **named: object) -> None:
        for name in named:
            if name not in known:
                kind = type(self).__name__
                raise ParameterError(
                    f"{kind} has no parameter {name!r}; known: {', '.join(known) or 'none'}.{did_you_mean(name, known)}"
                )
        make(self, *values, **named)

    described.__init__ = __init__  # type: ignore[misc]
    return described


def settle(described: object, name: str, check: Callable[..., Any], *arguments: object, **options: object) -> Any:
    """Check a field of a frozen description and keep what the check gives, so that quantities become numbers."""
    value = check(f"{type(described).__name__}.{name}", getattr(described, name), *arguments, **options)
    object.__setattr__(described, name, value)
    return value


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """' Did you mean ...?' for a close name, else ''."""
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def check_number(name: str, value: object, unit: str = "", *, allow_infinite: bool = False) -> float:
    """A real number, not NaN, or a Brian2 quantity of this unit; returns it as float."""
    value = plain(name, value, unit)
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ParameterError(f"{name}: must be a number{_in(unit)}, got {value!r}") from None
    if math.isnan(number) or (math.isinf(number) and not allow_infinite):
        raise ParameterError(f"{name}: must be a finite number{_in(unit)}, got {value!r}")
    return number


def check_positive(name: str, value: object, unit: str = "", *, allow_infinite: bool = False) -> float:
    """A number above 0."""
    number = check_number(name, value, unit, allow_infinite=allow_infinite)
    if number <= 0:
        raise ParameterError(
            f"{name}: must be positive{_in(unit)}, got {value!r}; for example {name.split('.')[-1]}=10.0"
        )
    return number


def check_not_negative(name: str, value: object, unit: str = "") -> float:
    """A number at or above 0."""
    number = check_number(name, value, unit)
    if number < 0:
        raise ParameterError(f"{name}: must not be negative{_in(unit)}, got {value!r}")
    return number


def check_probability(name: str, value: object) -> float:
    """A number in [0, 1]."""
    number = check_number(name, value)
    if not 0.0 <= number <= 1.0:
        raise ParameterError(f"{name}: a probability must lie in [0, 1], got {value!r}")
    return number


def check_count(name: str, value: object, *, least: int = 0) -> int:
    """A whole number at or above `least`."""
    number = check_number(name, value)
    if number != int(number) or number < least:
        raise ParameterError(f"{name}: must be a whole number, at least {least}, got {value!r}")
    return int(number)


def check_finite_array(name: str, values: object, size: int, unit: str = "") -> np.ndarray:
    """A float64 array of `size` finite numbers; a scalar is repeated."""
    array = np.asarray(plain(name, values, unit), np.float64)
    if array.ndim == 0:
        array = np.full(size, float(array))
    if array.shape != (size,):
        raise ParameterError(f"{name}: needs one number or {size} of them, got an array of shape {array.shape}")
    if not np.isfinite(array).all():
        where = int(np.flatnonzero(~np.isfinite(array))[0])
        raise ParameterError(f"{name}: must be finite{_in(unit)}, got {array[where]} at position {where}")
    return np.ascontiguousarray(array)


def steps_of(name: str, time: object, dt: float, *, least: int = 0) -> int:
    """The number of steps in `time` (ms); off the grid is refused with the two nearest values."""
    number = check_number(name, time, "ms")
    steps = round(number / dt)
    if number / dt < least - 1e-6:
        raise ParameterError(f"{name}: must be at least {least * dt:.10g} ms (dt = {dt:g} ms), got {number:g} ms")
    if abs(number / dt - steps) > 1e-6 * max(1.0, abs(steps) * 1e-3):
        low = math.floor(number / dt)
        raise ParameterError(
            f"{name}: {number:g} ms is not a multiple of dt = {dt:g} ms; the nearest are {low * dt:.10g} and {(low + 1) * dt:.10g} ms"
        )
    return steps


def duration_steps(duration: object, dt: float) -> int:
    """Steps in a run; the error of a duration off the grid is a RunError."""
    try:
        return steps_of("run(duration)", duration, dt)
    except ParameterError as error:
        raise RunError(str(error)) from None


def _in(unit: str) -> str:
    return f" ({unit})" if unit else ""
