"""Arrays that begin with a cache line, so that threads that write side by side share none.  Knows sizes only."""

import math

import numpy as np
from numpy.typing import DTypeLike

LINE = 64  # bytes
PLACES = 64  # neurons after which lines of all arrays begin, those of one byte a neuron too


def zeros(shape: int | tuple[int, ...], dtype: DTypeLike = np.float64) -> np.ndarray:
    """As np.zeros."""
    shape = (shape,) if isinstance(shape, int) else shape
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    raw = np.zeros(size + LINE, np.uint8)
    skip = -raw.ctypes.data % LINE
    return raw[skip : skip + size].view(kind).reshape(shape)
