"""Traces of a state variable, such as the membrane potential."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurosim.checks import check_count
from neurosim.errors import ParameterError
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STATE = 'a state recorder, net.record(exc[:5], "v")'


def state(recorder: object, *, ax: "Axes | None" = None, neurons: int | Sequence[int] = 5) -> "Axes":
    """Draw a state variable of a few neurons over time.

    Parameters
    ----------
    recorder : state recorder
        With `t` (ms), `values` (time, neuron), `variable` and `unit`.
    ax : matplotlib axes, optional
        Where to draw.  Left out: a new figure.
    neurons : int or list of int
        How many (evenly spaced over the recorded ones), or which places of the recording.

    Returns
    -------
    matplotlib axes

    Raises
    ------
    ParameterError
        If it is no state recorder, or a place is not recorded.

    Examples
    --------
    ::

        v = net.record(exc[:10], "v")
        net.run(200.0)
        ns.plot.state(v, neurons=[0, 3])
    """
    given = canvas.attributes("state(recorder)", recorder, "t values variable unit", _STATE)
    t = canvas.column("state: StateRecorder.t", given[0])
    values = np.asarray(given[1])
    if values.ndim != 2 or values.shape[0] != t.size:
        raise ParameterError(
            f"plot.state: StateRecorder.values must have shape ({t.size}, neurons), got {values.shape}"
        )
    n = values.shape[1]
    if isinstance(neurons, (int, np.integer)):
        wanted = check_count("plot.state(neurons=)", neurons, least=1)
        places = np.unique(np.linspace(0, max(n - 1, 0), min(wanted, max(n, 1))).round().astype(int))[:n]
    else:
        places = np.asarray(neurons, np.int64)
        outside = places[(places < 0) | (places >= n)]
        if outside.size or places.ndim != 1 or not places.size:
            raise ParameterError(
                f"plot.state(neurons=): must be places from 0 to {n - 1}, got {list(np.atleast_1d(neurons))}"
            )
    uid = np.asarray(getattr(recorder, "uid", np.arange(n)))

    ax = canvas.axes_or_new("state", ax, 8.0, 3.6)
    ends = []
    for i, place in enumerate(places):
        trace = values[:, place]
        ax.plot(t, trace, color=canvas.colour(i), linewidth=1.0, label=f"neuron {uid[place]}")
        if trace.size:
            ends.append((float(trace[-1]), f"neuron {uid[place]}", canvas.colour(i)))
    ax.set_ylabel(f"{given[2]} ({given[3]})" if given[3] else f"{given[2]} (no unit)")
    canvas.open_frame(ax)
    canvas.time_axis(ax, *((float(t[0]), float(t[-1])) if t.size else (0.0, 1.0)))
    ax.margins(y=0.05)
    canvas.label_right(ax, ends)
    if not t.size or not n:
        canvas.say(ax, "no samples")
    return ax
