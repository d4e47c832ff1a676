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


def unit_of(model: object, name: str) -> str:
    """Unit of a parameter of a model: what the model says (`Physics.units`), else what the start of the name says."""
    said = getattr(getattr(model, "physics", None), "units", {})
    if name in said:
        return str(said[name])
    return next((unit for start, unit in UNITS.items() if name.startswith(start)), "")


def _allowed(model: object, name: str) -> str:
    """What a parameter may be: what the model says (`Physics.limits`), else what its name says."""
    said = getattr(getattr(model, "physics", None), "limits", {})
    if name in said:
        return str(said[name])
    if name in POSITIVE or name.startswith(POSITIVE_PREFIXES):
        return "positive"
    return "not negative" if name in NOT_NEGATIVE else "finite"


def parameter_names(model: object) -> list[str]:
    """Names of the parameters of a model, in order: its fields, or what it says itself (`parameters`)."""
    own = getattr(model, "parameters", None)
    return [f.name for f in fields(model)] if own is None else list(own)  # type: ignore[arg-type]


def parameter_values(model: Any) -> dict[str, np.ndarray]:
    """The parameters of a model as it was made, float64 without dimension each."""
    own = getattr(model, "parameters", None)
    named = {f.name: getattr(model, f.name) for f in fields(model)} if own is None else own
    return {name: np.asarray(float(value)) for name, value in named.items()}


def check_parameter(model: object, name: str, value: object, size: int | None = None) -> np.ndarray:
    """The value of one parameter of `model` as a float64 scalar array, or of `size` numbers; NaN and impossible ones are refused."""
    kind = type(model).__name__
    if hasattr(model, "check_parameter"):  # it knows its own
        return np.asarray(model.check_parameter(name, value, size))
    value = plain(f"{kind}.{name}", value, unit_of(model, name))
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise ParameterError(f"{kind}.{name}: must be a number, got {value!r}") from None
    if array.ndim > 1 or (array.ndim == 1 and size is not None and array.size != size):
        raise ParameterError(f"{kind}.{name}: needs one number or {size} of them, got an array of shape {array.shape}")
    if array.ndim == 1 and size is None:
        raise ParameterError(
            f"{kind}.{name}: give one number here; for a value per neuron set it on the population: pop.{name} = values"
        )
    allowed = _allowed(model, name)
    bad = np.isnan(array) | (np.isinf(array) & (name not in INFINITE) & (allowed != "any"))
    if allowed == "positive":
        bad = bad | (array <= 0)
    elif allowed == "not negative":
        bad = bad | (array < 0)
    if bad.any():
        worst = array if array.ndim == 0 else array[bad][0]
        shown = float(worst)
        allowed = "a number" if allowed == "any" else allowed
        raise ParameterError(
            f"{kind}.{name}: must be {allowed}, got {shown!r}; for example {kind}({name}={_example(name)})"
        )
    return array


def check_model(model: Any) -> None:
    """Check every field of a model dataclass when it is made."""
    for field in fields(model):
        value = check_parameter(model, field.name, getattr(model, field.name))
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
