"""Numbers with a unit at the border: a Brian2 quantity is converted to ms, mV, pA, nS, pF, Hz; a plain number passes."""

import sys
from types import ModuleType
from typing import Any

from neurosim.errors import ParameterError

#: Base units of SI as they are written in "mol m^-3", in the order of Brian2's dimensions.
BASES = {"m": "metre", "kg": "kilogram", "s": "second", "A": "amp", "K": "kelvin", "mol": "mole", "cd": "candela"}


def plain(name: str, value: object, unit: str) -> object:
    """`value` as a plain number or array in `unit`; quantities of another dimension are refused.

    Examples
    --------
    >>> plain("tau_m", 20.0, "ms")
    20.0
    """
    if isinstance(value, list | tuple) and any(is_quantity(one) for one in value):
        return [plain(name, one, unit) for one in value]
    if not is_quantity(value):
        return value
    import numpy as np

    b2 = brian2().units  # imported only when somebody hands in a quantity

    known = {
        "ms": b2.ms, "mV": b2.mV, "pA": b2.pA, "nS": b2.nS, "pF": b2.pF, "Hz": b2.Hz, "pA/ms": b2.pA / b2.ms,
        "mV/ms": b2.mV / b2.ms, "1/ms": 1 / b2.ms, "": 1,
    }  # fmt: skip
    target = known.get(unit) or _base(unit)
    if target is None or not b2.have_same_dimensions(value, target):
        raise ParameterError(f"{name}: needs a number in {unit or 'plain units'}, got {value!r}")
    return np.asarray(value / target, np.float64)[()]


def brian2() -> ModuleType:
    """Brian2, imported when it is first needed, without the hook for uncaught errors that it would leave behind."""
    if "brian2" not in sys.modules:
        hook = sys.excepthook
        try:
            import brian2  # noqa: F401
        finally:
            sys.excepthook = hook
    return sys.modules["brian2"]


def is_quantity(value: object) -> bool:
    """Whether the value is Brian2's; does not import it."""
    return any(kind.__module__.startswith("brian2") for kind in type(value).__mro__)


def _base(unit: str) -> Any:
    """The quantity 1 in base units of SI such as "mol m^-3", or None."""
    units = brian2().units.allunits
    target = 1
    for part in unit.split():
        base, _, power = part.partition("^")
        if base not in BASES:
            return None
        target = target * getattr(units, BASES[base]) ** float(power or 1)
    return target
