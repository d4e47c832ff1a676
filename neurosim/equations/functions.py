"""Brian2's standard functions as plain scalar functions: compiled into the generated modules, and run by NumPy.

Knows numbers only.  What the generated modules import anyway (`kernels/mathematics.py` and `kernels/elementary.py`) is used
under its name there.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:  # the generated module imports them
    from neurosim.kernels.mathematics import cos_turns, log, power


def ln(x: float) -> float:
    return log(x) if x > 1e-300 else (-np.inf if x == 0.0 else np.nan)


def log10(x: float) -> float:
    return np.log10(x)


def sine(x: float) -> float:
    k = np.round(x * 0.15915494309189535)
    # k turns taken away in three parts, the first two without error for |x| below 6e6
    return cos_turns(
        (((x - k * 6.28125) - k * 0.0019353071795649157) - k * 2.1561211432632476e-14) * 0.15915494309189535 - 0.25
    )


def cosine(x: float) -> float:
    k = np.round(x * 0.15915494309189535)
    return cos_turns(
        (((x - k * 6.28125) - k * 0.0019353071795649157) - k * 2.1561211432632476e-14) * 0.15915494309189535
    )


def tan(x: float) -> float:
    return np.tan(x)


def sinh(x: float) -> float:
    return np.sinh(x)


def cosh(x: float) -> float:
    return np.cosh(x)


def arcsin(x: float) -> float:
    return np.arcsin(x)


def arccos(x: float) -> float:
    return np.arccos(x)


def arctan(x: float) -> float:
    return np.arctan(x)


def log1p(x: float) -> float:
    return np.log1p(x)


def sqrt(x: float) -> float:
    return np.sqrt(x)


def sign(x: float) -> float:
    return np.sign(x)


def ceil(x: float) -> float:
    return np.ceil(x)


def floor(x: float) -> float:
    return np.floor(x)


def clip(x: float, low: float, high: float) -> float:
    return min(max(x, low), high)


def timestep(t: float, dt: float) -> int:
    return int((t + 1e-3 * dt) / dt)


def raised(x: float, y: float) -> float:
    return power(x, y) if x >= 0.0 else np.power(x, y)


def sampled(tables: np.ndarray, first: float, rows: float, grain: float, fine: float, t: float) -> float:
    k = int(np.round(t / grain) / fine)
    return tables[int(first) + min(max(k, 0), int(rows) - 1)]


def sampled_column(
    tables: np.ndarray, first: float, rows: float, columns: float, grain: float, fine: float, t: float, column: int
) -> float:
    k = int(np.round(t / grain) / fine)
    inside = (column >= 0) & (column < columns)
    at = int(first) + min(max(k, 0), int(rows) - 1) * int(columns) + (int(column) if inside else 0)
    return tables[at] if inside else np.nan


def _exprel(x: float) -> float:
    return np.expm1(x) / x if abs(x) > 1e-16 else 1.0


#: Functions of the language by their name in it, and how they are called here.
CALLED = {name: name for name in (
    "exp", "log10", "tan", "sinh", "cosh", "tanh", "arcsin", "arccos", "arctan", "expm1", "log1p", "sqrt", "exprel", "sign",
    "ceil", "floor", "clip", "timestep", "abs", "int",
)} | {"log": "ln", "sin": "sine", "cos": "cosine"}  # fmt: skip
#: What a generated module must contain if it calls them.
SOURCES: dict[str, Callable[..., Any]] = {f.__name__: f for f in (
    ln, log10, sine, cosine, tan, sinh, cosh, arcsin, arccos, arctan, log1p, sqrt, sign, ceil, floor, clip, timestep, raised,
    sampled, sampled_column,
)}  # fmt: skip
#: The same for the numbers that are computed once per population, by NumPy.
BY_NUMPY: dict[str, Callable[..., Any]] = {name: getattr(np, name) for name in CALLED.values() if hasattr(np, name)} | {
    "exprel": _exprel, "ln": np.log, "sine": np.sin, "cosine": np.cos, "raised": np.power, "timestep": timestep, "clip": clip,
    "int": int, "abs": abs,
}  # fmt: skip
