"""What the interactive graph of the page needs, as compact JSON: neurons and lifetimes of synapses, or groups and counts.

Knows the arrays of a run only; `graph.js` reads it.
"""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from neurosim.report.bundles import Bundles, bundles
from neurosim.report.places import circle, places
from neurosim.runs import Run

MOST_NEURONS = 2000  # above, groups are drawn
MOST_SYNAPSES = 200_000  # that ever were


def shows_neurons(run: Run) -> bool:
    """Whether the page draws single neurons, and not groups of them."""
    few = run.arrays["neurons/uid"].size <= MOST_NEURONS
    return few and run.manifest["history"]["whole"] and run.arrays["lives/pre"].size <= MOST_SYNAPSES


def graph_data(run: Run) -> dict[str, Any]:
    """The graph over time."""
    common = {"dt": run.dt, "first": run.manifest["first_step"], "last": run.manifest["step"]}
    return common | (_of_neurons(run) if shows_neurons(run) else _of_groups(bundles(run)))


def _of_neurons(run: Run) -> dict[str, Any]:
    a = run.arrays
    at = places(run)
    told = run.manifest["populations"]
    names = a["neurons/label"].tolist() if "neurons/label" in a else []
    return {
        "kind": "neurons",
        "populations": [{"name": p["name"], "region": p["region"]} for p in told],
        "labels": names,
        "uid": _words(a["neurons/uid"], "<i4"),
        "population": _words(a["neurons/population"], "<i2"),
        "x": _words(np.round(at[:, 0], 5), "<f4"),
        "y": _words(np.round(at[:, 1], 5), "<f4"),
        "born": _words(a["neurons/born"], "<i4"),
        "died": _words(a["neurons/died"], "<i4"),
        "pre": _words(np.searchsorted(a["neurons/uid"], a["lives/pre"]), "<u2"),
        "post": _words(np.searchsorted(a["neurons/uid"], a["lives/post"]), "<u2"),
        "begin": _words(a["lives/born"], "<i4"),
        "end": _words(a["lives/died"], "<i4"),
        "negative": _words(a["lives/weight"] < 0, "<u1"),
    }


def _of_groups(b: Bundles) -> dict[str, Any]:
    centre, radius = circle(b.neurons)
    reach = float(np.abs(centre).max(initial=0.0) + radius.max(initial=1e-9))
    ever = (b.count.max(axis=0) > 0) | b.born.any(axis=0)
    pairs = np.argwhere(ever)
    i, j = pairs[:, 0], pairs[:, 1]
    return {
        "kind": "groups",
        "names": b.names,
        "neurons": b.neurons,
        "x": (centre[:, 0] / reach).round(5).tolist(),
        "y": (centre[:, 1] / reach).round(5).tolist(),
        "radius": (radius / reach).round(5).tolist(),
        "steps": _words(b.step, "<i4"),
        "pairs": pairs.tolist(),
        "negative": [int(one) for one in b.inhibitory[i, j]],
        "count": _words(b.count[:, i, j], "<i4"),
        "born": _words(b.born[:, i, j], "<i4"),
        "died": _words(b.died[:, i, j], "<i4"),
    }


def _words(values: np.ndarray, dtype: str) -> str:
    """The numbers as text: little-endian words in base 64; steps that 32 bits do not hold are the first or last."""
    array = np.asarray(values)
    if np.dtype(dtype).kind in "iu" and array.dtype.kind in "iu":
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        array = np.clip(array, low, high)
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode("ascii")


def as_json(data: object) -> str:
    """JSON that may stand inside a script element."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c").replace("\u2028", "\\u2028")
