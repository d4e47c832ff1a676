"""Images as bursts: a pixel's rate, at constant contrast, is the share of a presentation's volleys in which its sensor fires.

Knows arrays only: no network, no cells.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ParameterError
from neurosim.memory.layer import Volleys


def bursts(name: str, images: ArrayLike, pixels: int, volleys: int, contrast: float) -> np.ndarray:
    """Volleys in which each sensor fires, int64 [images, pixels].

    Parameters
    ----------
    name : str
        What errors call the images.
    images : float [images, pixels]
        Not negative.
    contrast : float
        The squares of the rates of an image sum to contrast^2 (divisive normalisation), but no rate exceeds 1.

    References
    ----------
    Carandini & Heeger (2012) Nat. Rev. Neurosci. 13:51.
    """
    table = np.atleast_2d(np.asarray(images, np.float64))
    if table.ndim != 2 or table.shape[1] != pixels:
        raise ParameterError(f"{name}: need {pixels} columns, one per sensor, got shape {np.shape(images)}")
    if not np.isfinite(table).all() or (table < 0).any():
        raise ParameterError(f"{name}: pixels must be finite and not negative; images - images.min() is not negative")
    length = np.sqrt((table**2).sum(1, keepdims=True))
    rate = contrast * np.divide(table, length, out=np.zeros_like(table), where=length > 0)
    return np.minimum(np.rint(volleys * rate), volleys).astype(np.int64)


def spread(counts: np.ndarray, at: np.ndarray, volleys: int) -> tuple[np.ndarray, Volleys]:
    """Bursts as volleys, each sensor's spikes evenly over the presentation: steps, and who fires in them.

    Parameters
    ----------
    counts : int64 [images, pixels]
    at : int64 [images]
        Step of the first volley of each image.
    """
    image, place = np.nonzero(counts)
    times = counts[image, place]
    nth = np.arange(times.sum()) - np.repeat(np.cumsum(times) - times, times)
    volley = ((nth + 0.5) * volleys / np.repeat(times, times)).astype(np.int64)
    step, place = np.repeat(at[image], times) + volley, np.repeat(place, times)
    order = np.lexsort((place, step))
    when, which = np.unique(step[order], return_inverse=True)
    return when, Volleys(which, place[order], when.size, counts.shape[1])
