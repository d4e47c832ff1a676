"""Where Brian2's SI meets neurosim's units: dimensions as seven exponents, numbers and tables of a namespace.

Knows no Brian2: its quantities and timed arrays are recognised by what they carry, so nothing is imported for them.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurosim.errors import ParameterError
from neurosim.units import is_quantity

#: Exponents of metre, kilogram, second, ampere, kelvin, mole, candela.
Dimension = tuple[float, ...]
BASES = ("m", "kg", "s", "A", "K", "mol", "cd")
_UNIT_NAMES = ("metre", "kilogram", "second", "amp", "kelvin", "mole", "candle")
NONE: Dimension = (0.0,) * 7
SECOND: Dimension = (0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0)
#: Unit in which neurosim reads and writes a dimension, and its size in SI.
UNITS: dict[Dimension, tuple[str, float]] = {
    NONE: ("", 1.0),
    SECOND: ("ms", 1e-3),
    (0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0): ("Hz", 1.0),
    (2.0, 1.0, -3.0, -1.0, 0.0, 0.0, 0.0): ("mV", 1e-3),
    (0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0): ("pA", 1e-12),
    (-2.0, -1.0, 3.0, 2.0, 0.0, 0.0, 0.0): ("nS", 1e-9),
    (-2.0, -1.0, 4.0, 2.0, 0.0, 0.0, 0.0): ("pF", 1e-12),
}


def unit_of(dimension: Dimension) -> tuple[str, float]:
    """(unit, its size in SI): mV, pA, nS, pF, ms, Hz, "" for plain numbers, else base SI such as "mol m^-3".

    Examples
    --------
    >>> unit_of((-3.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    ('m^-3 mol', 1.0)
    """
    if tuple(dimension) in UNITS:
        return UNITS[tuple(dimension)]
    named = [(base, power) for base, power in zip(BASES, dimension, strict=True) if power]
    return " ".join(base if power == 1 else f"{base}^{power:g}" for base, power in named), 1.0


@dataclass(frozen=True, slots=True)
class Number:
    """A constant of a namespace: its value in SI and its dimension."""

    value: float
    dimension: Dimension = NONE

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", tuple(float(power) for power in self.dimension))


@dataclass(frozen=True, eq=False)
class Table:
    """A function of time (and column) given by its values every `dt` seconds: Brian2's `TimedArray`, in SI."""

    values: np.ndarray
    dt: float
    dimension: Dimension = NONE

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.ascontiguousarray(self.values, np.float64))
        object.__setattr__(self, "dimension", tuple(float(power) for power in self.dimension))


Named = Number | Table | Callable[..., Any]


def named_value(owner: str, name: str, value: Any) -> Named:
    """One entry of a namespace, free of Brian2; what has no meaning here is refused by name."""
    label = f"{owner}.namespace[{name!r}]"
    kind = type(value).__name__
    if isinstance(value, Number | Table):
        return value
    if isinstance(value, bool | np.bool_):
        return Number(bool(value))
    if is_quantity(value) and hasattr(value, "_dims"):
        raise ParameterError(f"{label}: is a dimension, not a number")
    if kind == "TimedArray" and is_quantity(value):
        return Table(np.asarray(value.values), float(value.dt), value.dim._dims)
    if kind == "BinomialFunction":
        raise ParameterError(
            f"{label}: BinomialFunction is not supported; add int(rand() < p), or draw the numbers in a ns.Callback"
        )
    if any(base.__name__ == "BrianObject" for base in type(value).__mro__):
        raise ParameterError(
            f"{label}: {kind} is an object of a Brian2 simulation; neurosim runs the equations only. What a network_operation does, do in "
            f"net.add(ns.Callback(function, every=1.0))"
        )
    if callable(value) and not isinstance(value, np.ndarray):
        return _function(label, name, value)
    if np.ndim(value):
        raise ParameterError(
            f"{label}: is an array of shape {np.shape(value)}; for a value per neuron declare it in the equations, "
            f"'{name} : 1 (constant)', and set pop.{name} = values; for a course in time take brian2.TimedArray"
        )
    dimension = value.dim._dims if is_quantity(value) and hasattr(value, "dim") else NONE
    number = np.asarray(value)
    if number.dtype.kind not in "iuf":
        raise ParameterError(f"{label}: needs a number, a quantity, a TimedArray or a function, got {value!r}")
    return Number(number.item(), dimension)


def _function(label: str, name: str, value: Any) -> Callable[..., Any]:
    """A plain Python function that says its units."""
    function = getattr(value, "pyfunc", value)  # brian2.Function holds one
    if not hasattr(function, "_arg_units"):
        raise ParameterError(
            f"{label}: a function must say its units; write @brian2.check_units(x=1, result=1) above def {name}(x)"
        )
    function.__qualname__ = getattr(function, "_orig_func", function).__qualname__  # a save names it
    return function


def chosen(owner: str, namespace: Mapping[str, Any], used: set[str]) -> dict[str, Named]:
    """Those entries of a namespace that the texts name."""
    return {name: named_value(owner, name, namespace[name]) for name in sorted(used & set(namespace))}


def text_of(equations: Any) -> str:
    """The text of a `brian2.Equations` object, which prints units that it would not read again."""
    lines = []
    for one in equations.values():
        powers = zip(_UNIT_NAMES, one.dim._dims, strict=True)
        unit = one.var_type if one.var_type != "float" else "*".join(f"{n}**{p:g}" for n, p in powers if p) or "1"
        left = f"d{one.varname}/dt" if one.type == "differential equation" else one.varname
        right = "" if one.expr is None else f" = {one.expr.code}"
        flags = f" ({', '.join(one.flags)})" if one.flags else ""
        lines.append(f"{left}{right} : {unit}{flags}")
    return "\n".join(lines)


def words_of(*texts: str | None) -> set[str]:
    """All names in some texts."""
    return {word for text in texts if text for word in re.findall(r"[A-Za-z_]\w*", re.sub(r"#.*", "", text))}


def declared_in(equations: str) -> list[str]:
    """Names that the equations define, as far as a look at their lines tells."""
    found = re.findall(r"^\s*(?:d(\w+)\s*/\s*dt\s*=|(\w+)\s*[=:])", re.sub(r"#.*", "", equations), re.MULTILINE)
    return [slope or name for slope, name in found]
