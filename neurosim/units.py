"""Numbers with a unit at the border: a Brian2 quantity is converted to ms, mV, pA, nS, pF or Hz; a plain number passes."""

from neurosim.errors import ParameterError


def plain(name: str, value: object, unit: str) -> object:
    """`value` as a plain number or array in `unit`; quantities of another dimension are refused.

    Examples
    --------
    >>> plain("tau_m", 20.0, "ms")
    20.0
    """
    if isinstance(value, list | tuple) and any(_is_quantity(one) for one in value):
        return [plain(name, one, unit) for one in value]
    if not _is_quantity(value):
        return value
    import numpy as np
    from brian2 import units as b2  # imported only when somebody hands in a quantity

    known = {
        "ms": b2.ms, "mV": b2.mV, "pA": b2.pA, "nS": b2.nS, "pF": b2.pF, "Hz": b2.Hz, "pA/ms": b2.pA / b2.ms,
        "mV/ms": b2.mV / b2.ms, "1/ms": 1 / b2.ms, "": 1,
    }  # fmt: skip
    target = known.get(unit)
    if target is None or not b2.have_same_dimensions(value, target):
        raise ParameterError(f"{name}: needs a number in {unit or 'plain units'}, got {value!r}")
    return np.asarray(value / target, np.float64)[()]


def _is_quantity(value: object) -> bool:
    return any(kind.__module__.startswith("brian2") for kind in type(value).__mro__)
