"""Parameters of a neuron model: their names, their checks, and the error for a name that does not exist."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from neurosim.checks import did_you_mean
from neurosim.errors import ParameterError
from neurosim.units import plain

#: Parameters that may be infinite.
INFINITE = {"tau_m", "v_th"}
#: Parameters that must not be negative (times, capacitances, rates); those in POSITIVE must be above 0.
NOT_NEGATIVE = {"t_ref", "rate", "rho_0", "a_ref"}
POSITIVE_PREFIXES = ("tau",)
POSITIVE = {"c_m", "g_l", "delta_t", "delta_u"}

#: Units by the start of the name.
UNITS = {
    "tau": "ms",
    "t_ref": "ms",
    "c_m": "pF",
    "g_l": "nS",
    "i_e": "pA",
    "rate": "Hz",
    "rho_0": "Hz",
    "e_": "mV",
    "v_": "mV",
    "delta_": "mV",
}


def unit_of(kind: str, name: str) -> str:
    """Unit of a parameter; Izhikevich's and AdEx's own letters have theirs in the docstring."""
    if kind == "AdEx" and name in ("a", "b"):
        return {"a": "nS", "b": "pA"}[name]
    if kind == "Izhikevich":
        return {"v_th": "mV", "c": "mV", "a": "1/ms", "d": "mV/ms"}.get(name, "")
    return next((unit for start, unit in UNITS.items() if name.startswith(start)), "")


def parameter_names(model: object) -> list[str]:
    """Names of the parameters of a model, in order."""
    return [f.name for f in fields(model)]  # type: ignore[arg-type]


def check_parameter(model: str, name: str, value: object, size: int | None = None) -> np.ndarray:
    """The value of one parameter as a float64 scalar array, or of `size` numbers; NaN, infinite and impossible ones are refused."""
    value = plain(f"{model}.{name}", value, unit_of(model, name))
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise ParameterError(f"{model}.{name}: must be a number, got {value!r}") from None
    if array.ndim > 1 or (array.ndim == 1 and size is not None and array.size != size):
        raise ParameterError(f"{model}.{name}: needs one number or {size} of them, got an array of shape {array.shape}")
    if array.ndim == 1 and size is None:
        raise ParameterError(
            f"{model}.{name}: give one number here; for a value per neuron set it on the population: pop.{name} = values"
        )
    bad = np.isnan(array) | (np.isinf(array) & (name not in INFINITE))
    if name in POSITIVE or name.startswith(POSITIVE_PREFIXES):
        allowed, bad = "positive", bad | (array <= 0)
    elif name in NOT_NEGATIVE:
        allowed, bad = "not negative", bad | (array < 0)
    else:
        allowed = "finite"
    if bad.any():
        worst = array if array.ndim == 0 else array[bad][0]
        shown = float(worst)
        raise ParameterError(
            f"{model}.{name}: must be {allowed}, got {shown!r}; for example {model}({name}={_example(name)})"
        )
    return array


def check_model(model: Any) -> None:
    """Check every field of a model dataclass when it is made."""
    kind = type(model).__name__
    for field in fields(model):
        value = check_parameter(kind, field.name, getattr(model, field.name))
        object.__setattr__(model, field.name, float(value))


def unknown_parameter(model: object, name: str, more: Mapping[str, object] | None = None) -> ParameterError:
    """The error for a parameter or variable that the model does not have."""
    known = [*parameter_names(model), *(more or {})]
    kind = type(model).__name__
    return ParameterError(
        f"{kind} has no parameter or variable {name!r}; known: {', '.join(known)}.{did_you_mean(name, known)}"
    )


def _example(name: str) -> str:
    return {"t_ref": "2.0", "c_m": "250.0", "rate": "10.0"}.get(name, "20.0" if name.startswith("tau") else "1.0")
