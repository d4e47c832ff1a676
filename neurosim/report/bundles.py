"""How many synapses there were between regions over time.

Knows the arrays of a run only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.runs import Run


@dataclass(frozen=True)
class Bundles:
    """Synapses between regions, or between populations where there are not two regions, over time.

    Attributes
    ----------
    names : list of str
    neurons : list of int
        In each group at the end.
    step : int64 [times]
    count : int64 [times, groups, groups]
        From row to column.
    born, died : int64 [times - 1, groups, groups]
        Between two times.
    inhibitory : bool [groups, groups]
        Whether most synapses are.
    """

    names: list[str]
    neurons: list[int]
    step: np.ndarray
    count: np.ndarray
    born: np.ndarray
    died: np.ndarray
    inhibitory: np.ndarray


def bundles(run: Run, *, by_region: bool = True) -> Bundles:
    """Count synapses between groups at the times at which the run counted births and deaths."""
    populations, projections = run.manifest["populations"], run.manifest["projections"]
    regions = {p["region"] for p in populations}
    by_region = by_region and len(regions) > 1
    group = {p["name"]: (p["region"] or p["name"]) if by_region else p["name"] for p in populations}
    names = list(dict.fromkeys(group.values()))
    neurons = [sum(p["neurons"] for p in populations if group[p["name"]] == name) for name in names]
    step = run.arrays["growth/step"]
    shape = (step.size - 1, len(names), len(names))
    born, died = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
    count = np.zeros((step.size, *shape[1:]), np.int64)
    below = np.zeros(shape[1:], np.int64)
    known = run.manifest["history"]["projections"]
    for p in projections:
        i, j = names.index(group[p["source"]]), names.index(group[p["target"]])
        below[i, j] += p["synapses"] if p["weight"] and p["weight"][0] < 0 else 0
        change = np.zeros(step.size, np.int64)
        if p["name"] in known:
            k = known.index(p["name"])
            gains, losses = (run.arrays[f"growth/{word}"][:, :, k].sum(axis=1) for word in ("born", "died"))
            born[:, i, j] += gains
            died[:, i, j] += losses
            change[1:] = np.cumsum(gains - losses)
        then = np.maximum(p["synapses"] - change[-1] + change, 0)
        count[:, i, j] += np.where(step >= p["made"], then, 0)
    return Bundles(names, neurons, step, count, born, died, 2 * below > count[-1])
