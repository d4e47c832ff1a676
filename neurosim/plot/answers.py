"""How a question is answered: spikes of each layer in short windows, and the answers that are left as synapses are lost.

Knows arrays only: no Network.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neurosim.errors import ParameterError
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure


def layer_spikes(
    spikes: Mapping[str, tuple[ArrayLike, ArrayLike, int]],
    windows: Sequence[tuple[str, str, float, float]],
    *,
    figure: "Figure | SubFigure | None" = None,
) -> "Figure | SubFigure":
    """Draw volleys layer below layer, in one column for each short stretch of time.

    Parameters
    ----------
    spikes : dict of str to (float [spikes], int [spikes], int)
        By the name of a layer: when (ms), which cell, and how many cells there are.
    windows : sequence of (title, label, begin, length)
        `label` says what the time axis counts from, which is `begin` (ms); `length` in ms.
    figure : matplotlib figure or part of one, optional

    Returns
    -------
    matplotlib figure

    Examples
    --------
    >>> from neurosim.plot.answers import layer_spikes
    >>> spikes = {"word": ([0.0, 0.0], [1, 5], 8), "fact": ([1.0, 11.0], [3, 3], 8)}
    >>> figure = layer_spikes(spikes, [("asked", "ms from the question", 0.0, 3.0), ("recalled", "ms", 10.0, 5.0)])
    >>> [ax.get_title() for ax in figure.axes[:2]]
    ['asked', 'recalled']
    """
    if not spikes or not windows:
        raise ParameterError(
            "plot.layer_spikes: needs at least one layer and one window, such as {'word': (t, index, 64)} and "
            "[('asked', 'ms', 0.0, 5.0)]"
        )
    figure = canvas.new_figure(10.0, 0.8 * len(spikes) + 0.4) if figure is None else figure
    axes = figure.subplots(
        len(spikes), len(windows), sharex="col", squeeze=False, width_ratios=[length for *_, length in windows]
    )
    for i, (name, (t, cell, n)) in enumerate(spikes.items()):
        t = canvas.column(f"layer_spikes(spikes[{name!r}])", t)
        cell = canvas.column(f"layer_spikes(spikes[{name!r}])", cell, size=t.size)
        for ax, (_, _, begin, length) in zip(axes[i], windows, strict=True):
            inside = (t >= begin - 1.0) & (t < begin + length)
            ax.plot(t[inside] - begin, cell[inside], "o", ms=2.5, mew=0, color=canvas.colour(i))
            ax.set(ylim=(-0.05 * n, 1.05 * n), yticks=[], xlim=(-0.7, length))
            canvas.open_frame(ax)
        axes[i, 0].set_ylabel(name, rotation=0, ha="right", va="center")
    for k, (title, label, _, _) in enumerate(windows):
        axes[0, k].set_title(title, fontsize=9)
        axes[-1, k].set_xlabel(label)
    return figure


def answers_left(lost: ArrayLike, answers: Mapping[str, ArrayLike], *, ax: "Axes | None" = None) -> "Axes":
    """Draw how many answers are right, and how many false, as synapses are lost; the rest was refused.

    Parameters
    ----------
    lost : float [losses]
        Shares of the synapses that are gone.
    answers : dict of str to float [losses, 2] or [losses]
        By who was asked: shares of right and of false answers, or of right ones alone (dotted).
    ax : matplotlib axes, optional

    Returns
    -------
    matplotlib axes

    Examples
    --------
    >>> from neurosim.plot.answers import answers_left
    >>> ax = answers_left([0.0, 0.5, 1.0], {"index": [[1.0, 0.0], [0.4, 0.1], [0.0, 0.0]], "used": [1.0, 0.9, 0.9]})
    >>> [line.get_label() for line in ax.lines]
    ['index: right', 'index: false', 'used: right']
    """
    x = canvas.column("answers_left(lost)", lost)
    if not answers:
        raise ParameterError("plot.answers_left(answers): needs at least one course, such as {'index': [right, false]}")
    ax = canvas.axes_or_new("answers_left", ax, 10.0, 3.5)
    canvas.open_frame(ax)
    for k, (name, values) in enumerate(answers.items()):
        y = np.asarray(values, np.float64)
        if y.shape not in ((x.size,), (x.size, 2)):
            raise ParameterError(
                f"plot.answers_left(answers[{name!r}]): must have one row of (right, false), or one share, for each of "
                f"{x.size} losses, got an array of shape {y.shape}"
            )
        if y.ndim == 1:
            ax.plot(x, y, ":", color=canvas.INK, label=f"{name}: right")
            continue
        ax.plot(x, y[:, 0], "o-", color=canvas.colour(k), label=f"{name}: right")
        ax.plot(x, y[:, 1], "s--", ms=4, color=canvas.colour(k), label=f"{name}: false")
    ax.set(xlabel="share of the synapses that is lost", ylabel="share of questions", ylim=(-0.03, 1.05))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    return ax


__all__ = ["answers_left", "layer_spikes"]
