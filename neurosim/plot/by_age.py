"""What memories of each age have in common: one measurement per memory, mean and spread over those of an age."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ParameterError
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def by_age(age: ArrayLike, shares: Mapping[str, ArrayLike], *, unit: str = "days", ax: "Axes | None" = None) -> "Axes":
    """Draw the mean of each measurement at each age, and its spread (standard deviation) over the memories of that age.

    Parameters
    ----------
    age : int or float [measurements]
        As often as it was measured; ages that are equal are drawn as one point.
    shares : dict of str to float [measurements]
        Such as the synapses that each memory has left in one store, and in another.
    unit : str
        Of the ages.
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ParameterError
        If there is nothing to draw, or not one share for each age.

    Examples
    --------
    >>> from neurosim.plot.by_age import by_age
    >>> ax = by_age([0, 0, 1, 1], {"fast": [1.0, 0.9, 0.6, 0.5], "slow": [0.0, 0.1, 0.3, 0.5]})
    >>> [round(float(y), 2) for y in ax.lines[0].get_ydata()]
    [0.95, 0.55]
    """
    at, which = np.unique(canvas.column("by_age(age)", age), return_inverse=True)
    if not at.size or not shares:
        raise ParameterError("plot.by_age: needs ages and at least one measurement, such as {'fast': share}")
    ax = canvas.axes_or_new("by_age", ax, 7.0, 4.0)
    canvas.open_frame(ax)
    number, handles = np.bincount(which), []
    for k, (name, values) in enumerate(shares.items()):
        share = canvas.column(f"by_age(shares[{name!r}])", values, size=which.size)
        mean = np.bincount(which, share) / number
        spread = np.sqrt(np.bincount(which, (share - mean[which]) ** 2) / number)
        paint = canvas.colour(k + 1)
        ax.fill_between(at, mean - spread, mean + spread, color=paint, alpha=0.15, linewidth=0.0)
        (line,) = ax.plot(at, mean, color=paint, linestyle=canvas.dash(k), linewidth=1.7, label=name)
        handles.append(line)
    ax.set_ylim(-0.02, 1.05)
    ax.set_xlabel(f"age of the memory ({unit})")
    ax.set_ylabel("share")
    canvas.legend_above(ax, handles, columns=2)
    return ax
