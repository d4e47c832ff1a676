"""Pictures of weights of few bits: accuracy against bytes, what the weights became, and what rounding does to an update.

Takes results by name (`memory.few_bits.FewBits` or anything with its attributes); knows no network.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.plot.canvas import colour, new_figure, open_frame

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BITS = {"float64": 64, "float32": 32, "float16": 16, "int8": 8, "4bit": 4, "2bit": 2, "1bit": 1}
NUMBER = {None: 0, "stochastic": 1, "nearest": 2}
MARK = {None: "s", "stochastic": "o", "nearest": "x"}
LABEL = {None: "floats", "stochastic": "rounded by chance", "nearest": "rounded to the nearest"}


def few_bits(
    results: Mapping[tuple[str, str | None], Any], shown: tuple[str, ...] = ("float64", "int8", "4bit", "2bit", "1bit")
) -> "Figure":
    """Three panels for results by (store, rounding): accuracy against bytes, weights after learning, error of an update against bits.

    Examples
    --------
    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> one = SimpleNamespace(accuracy=0.9, nbytes=100, weight=np.zeros(8), kept=1.0, error=0.5)
    >>> len(few_bits({("4bit", "nearest"): one, ("4bit", "stochastic"): one}).axes)
    3
    """
    figure = new_figure(12.0, 3.8)
    bytes_, weights, rounded = figure.subplots(1, 3)
    for rounding, k in NUMBER.items():
        mine = [(store, one) for (store, how), one in results.items() if how == rounding]
        if not mine:
            continue
        style = {"marker": MARK[rounding], "color": colour(k), "ms": 7, "lw": 1.0, "label": LABEL[rounding]}
        mine.sort(key=lambda pair: BITS[pair[0]])
        bytes_.plot([one.nbytes for _, one in mine], [100.0 * one.accuracy for _, one in mine], **style)
        for store, one in mine if rounding != "nearest" else []:
            bytes_.annotate(
                store, (one.nbytes, 100.0 * one.accuracy), (0, -14), textcoords="offset points", ha="center", fontsize=8
            )
        if rounding is not None:
            rounded.plot([BITS[store] for store, _ in mine], [one.kept for _, one in mine], **style)
    bytes_.set(xscale="log", xlabel="bytes of the weights", ylabel="right answers (%)", ylim=(0.0, 105.0))
    bytes_.margins(x=0.15)
    bytes_.legend(frameon=False, fontsize=8, loc="center right")
    rounded.axhline(1.0, color="0.7", lw=0.8)
    rounded.set(xscale="log", xlabel="bits of a weight", ylabel="change of weights, done / asked for")
    rounded.set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    rounded.minorticks_off()
    kept = [(store, results[store, how]) for store in shown for how in (None, "stochastic") if (store, how) in results]
    edges = np.linspace(-1.05, 1.05, 43)
    for row, (_, one) in enumerate(kept):
        share, _ = np.histogram(np.clip(one.weight, -1.0, 1.0), edges)
        low = len(kept) - 1 - row
        weights.fill_between(
            edges[:-1] + 0.025, low, low + 0.85 * np.sqrt(share / share.max()), step="mid", color=colour(1), lw=0
        )
    weights.set(xlabel="weight after learning", ylim=(0.0, float(len(kept))))
    weights.set_yticks(np.arange(len(kept)) + 0.3, [store for store, _ in kept][::-1])
    for ax in (bytes_, weights, rounded):
        open_frame(ax)
    return figure
