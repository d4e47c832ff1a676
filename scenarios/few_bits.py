"""Synapses of few bits: a readout of digits whose weights take 64 to 1 bits, and why they must be rounded by chance.

5,000 cells, each wired to a tenth of the pixels of an 8 x 8 digit; the 250 with the largest drive fire.  Ten outputs learn by a local
rule: where an output misses its margin, the weights of the cells that just fired move by 0.02.  The weights lie in the engine's own
store of each type, and the test digits are answered by spikes.

A step of 0.02 is less than half of the distance 1/7 of two 4-bit weights: rounded to the nearest, every update is erased; rounded to
one of the two neighbours by chance, their mean is kept.  With a step as large as the grid both learn: that is the control.

    neurosim run few_bits --set duration=3000

`duration` (ms) says how often the 1,300 digits are seen: once a second.  `cells` are 5,000, or 1,000 where they are seen once.
"""

import json
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.memory.few_bits import FLIP, RATE, expand, read_digits
from neurosim.plot.few_bits import few_bits

FLOATS = [("float64", None, RATE), ("float32", None, RATE)]
CODES = [
    (store, how, FLIP if store == "1bit" else RATE)
    for store in ("float16", "int8", "4bit", "2bit", "1bit")
    for how in ("stochastic", "nearest")
]
CONTROL = [("4bit", how, 1 / 7) for how in ("stochastic", "nearest")] + [
    ("2bit", how, 1.0) for how in ("stochastic", "nearest")
]
#: Points below float64 that the specification allows.
ASKED = {
    ("int8", "stochastic"): 0.5,
    ("int8", "nearest"): 0.5,
    ("4bit", "stochastic"): 1.0,
    ("2bit", "stochastic"): 4.0,
    ("1bit", "stochastic"): 5.0,
}


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images, labels, and which are learnt (1,300) and tested (497)."""
    try:
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split
    except ImportError:
        raise ns.ParameterError("few_bits: the digits come with scikit-learn; pip install scikit-learn") from None
    images, labels = load_digits(return_X_y=True)
    train, test = train_test_split(np.arange(labels.size), test_size=497, stratify=labels, random_state=0)
    return images, labels, train, test


def main(
    duration: float = 10_000.0, seed: int = 1, out: str | Path = "runs/few_bits", progress: bool | None = None, *,
    cells: int | None = None,
) -> list[str]:  # fmt: skip
    """Learn and test with each store and rounding; draw, and say what was reached."""
    images, labels, train, test = digits()
    passes = max(1, round(duration / 1_000.0))
    cells = cells or (5_000 if passes > 1 else 1_000)  # a look at one pass needs no more
    codes = expand(images, seed, cells, max(1, cells // 20))
    results = {}
    for store, how, rate in FLOATS + CODES + CONTROL:
        one = read_digits(codes, labels, train, test, store, seed, rounding=how, rate=rate, passes=passes, cells=cells)
        results[store, how, rate] = one
        if progress is not False:
            print(f"{store}, {how or 'no rounding'}, step {rate:.3g}: {100 * one.accuracy:.1f} %", flush=True)
    small = {key[:2]: results[key] for key in FLOATS + CODES}
    best = small["float64", None].accuracy
    lines = []
    for (store, how, rate), one in results.items():
        line = f"{store} {how or ''} step {rate:.3g}: {100 * one.accuracy:.1f} %, {one.nbytes:,} bytes of weights, {one.kept:.2f} of the change kept"
        allowed = ASKED.get((store, how)) if rate in (RATE, FLIP) else None
        if allowed is not None and passes >= 10 and cells >= 5_000:
            line += f"; within {allowed:g} points of float64: " + (
                "yes" if 100 * (best - one.accuracy) <= allowed else "MISSED"
            )
        lines.append(line)
    Path(out).mkdir(parents=True, exist_ok=True)
    figure = few_bits(small)
    figure.supxlabel(
        f"digits 8 x 8, {passes} passes, {cells:,} cells, seed {seed}, neurosim {ns.__version__}", fontsize=8
    )
    figure.savefig(Path(out) / "few_bits.png", dpi=100)
    report = {"seed": seed, "passes": passes, "cells": cells, "results": [
        {"store": s, "rounding": h, "step": r, "accuracy": o.accuracy, "bytes": o.nbytes, "bytes_per_synapse": o.bytes_per_synapse,
         "kept": o.kept, "error": o.error} for (s, h, r), o in results.items()
    ]}  # fmt: skip
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    lines.append("rounded to the nearest, steps below half of the grid are lost; rounded by chance, their mean is kept")
    return lines


if __name__ == "__main__":
    print(*main(), sep="\n")
