"""Targets of supervised learning: the forms in which they are given, the error of an output, and its loss."""

from typing import Any

import numpy as np

from neurosim.errors import ParameterError


def check_target(value: np.ndarray, steps: int, readouts: int, loss: str) -> None:
    """Refuse a target that fits neither the steps of an interval nor the readouts."""
    target_of(value, 0, steps, readouts, loss)
    if not np.isfinite(np.asarray(value, np.float64)).all():
        raise ParameterError("EProp.target: must be finite, got a number that is not")


def target_of(value: Any, number: int, steps: int, readouts: int, loss: str, *, called: bool = False) -> np.ndarray:
    """The target of interval `number`, float64 [steps, readouts]; `called`: a function gave `value` for this interval."""
    array = np.asarray(value)
    classes = loss == "cross_entropy" and (array.ndim == 1 or (called and array.ndim == 0))
    if classes:
        chosen = np.atleast_1d(array)
        if (
            not chosen.size
            or not np.issubdtype(chosen.dtype, np.integer)
            or (chosen < 0).any()
            or (chosen >= readouts).any()
        ):
            raise ParameterError(
                f"EProp.target: classes are whole numbers from 0 to {readouts - 1}, one per readout, got {value!r}"
            )
        whole = np.zeros((steps, readouts))
        whole[:, chosen[number % chosen.size]] = 1.0
        return whole
    if array.ndim == 1 and readouts == 1:
        array = array[:, None]
    if array.ndim == 3 and array.shape[0] and not called:
        array = array[number % array.shape[0]]
    if array.shape != (steps, readouts) or not np.issubdtype(array.dtype, np.number):
        raise ParameterError(
            f"EProp.target: needs an array of shape ({steps}, {readouts}) (steps of an interval, readouts), or several of them, got "
            f"{'shape ' + str(np.shape(value)) if np.ndim(value) else repr(value)}"
        )
    return np.ascontiguousarray(array, np.float64)


def errors_of(voltage: np.ndarray, target: np.ndarray, loss: str, window: int) -> tuple[np.ndarray, np.ndarray, float]:
    """(output, dloss/dvoltage, loss), the first two float64 [steps, readouts]; errors count in the last `window` steps."""
    if loss == "squared_error":
        output = voltage
        value = 0.5 * float(((output - target)[-window:] ** 2).sum())
    else:
        shifted = voltage - voltage.max(axis=1, keepdims=True)
        total = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        output = np.exp(shifted - total)
        value = -float((target * (shifted - total))[-window:].sum())
    error = output - target
    error[: error.shape[0] - window] = 0.0
    return output, error, value
