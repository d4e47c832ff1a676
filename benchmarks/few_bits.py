"""Few-bit synapses (spec/scenarios.md, section 7): accuracy of an 8 x 8 digits readout by the bits of its weights and their rounding.

Each row stores the weights of a readout of 5,000 cells in the engine's own store of that type, learns 1,300 digits ten times by
a local rule, and answers 497 others by spikes.  `table(seeds)` gives the figures, `python benchmarks/few_bits.py` prints them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence

import numpy as np

from neurosim.memory.few_bits import FLIP, RATE, FewBits, expand, read_digits

Row = tuple[str, str | None, float, float | None, bool]
#: (dtype, rounding, step, points below float64 that are allowed or None, at chance)
SMALL: tuple[Row, ...] = (
    ("float64", None, RATE, None, False),
    ("float32", None, RATE, 0.5, False),
    ("float16", "stochastic", RATE, 0.5, False),
    ("float16", "nearest", RATE, 0.5, False),
    ("int8", "stochastic", RATE, 0.5, False),
    ("int8", "nearest", RATE, 0.5, False),
    ("4bit", "stochastic", RATE, 1.0, False),
    ("4bit", "nearest", RATE, None, True),
    ("2bit", "stochastic", RATE, 4.0, False),
    ("2bit", "nearest", RATE, None, True),
    ("1bit", "stochastic", FLIP, 5.0, False),
    ("1bit", "nearest", FLIP, None, True),
)
#: The control: a step as large as the grid is one that nearest rounding does not erase.
LARGE: tuple[Row, ...] = (
    ("4bit", "stochastic", 1 / 7, None, False),
    ("4bit", "nearest", 1 / 7, None, False),
    ("2bit", "stochastic", 1.0, None, False),
    ("2bit", "nearest", 1.0, None, False),
    ("1bit", "stochastic", 2.0, None, False),
    ("1bit", "nearest", 2.0, None, False),
)


def digits() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images, labels, numbers of those to learn (1,300) and to test (497): the split of the specification."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    train, test = train_test_split(np.arange(labels.size), test_size=497, stratify=labels, random_state=0)
    return images, labels, train, test


def table(
    seeds: int = 5, quick: bool = False, rows: Sequence[Row] = (*SMALL, *LARGE)
) -> dict[tuple[str, str | None, float], list[FewBits]]:
    """What each row did, seed by seed; `quick`: 1,000 cells, 400 digits, three passes."""
    images, labels, train, test = digits()
    cells, active, passes = (1_000, 50, 3) if quick else (5_000, 250, 10)
    train, test = (train[:400], test[:200]) if quick else (train, test)
    found: dict[tuple[str, str | None, float], list[FewBits]] = {}
    for seed in range(1, seeds + 1):
        codes = expand(images, seed, cells, active)
        for dtype, rounding, rate, _, _ in rows:
            one = read_digits(
                codes, labels, train, test, dtype, seed, rounding=rounding, rate=rate, passes=passes, cells=cells
            )
            found.setdefault((dtype, rounding, rate), []).append(one)
    return found


def told(found: dict[tuple[str, str | None, float], list[FewBits]]) -> list[str]:
    """The table as text, with what was asked and whether it was reached."""
    best = 100 * np.mean([one.accuracy for one in found["float64", None, RATE]])
    lines = [
        f"{'store':8} {'rounding':10} {'step':>6} {'accuracy %':>14} {'bytes':>8} {'a synapse':>9} {'mean kept':>9} {'error':>6}"
    ]
    for dtype, rounding, rate, below, chance in (*SMALL, *LARGE):
        if (dtype, rounding, rate) not in found:
            continue
        ones = found[dtype, rounding, rate]
        accuracy = 100 * np.array([one.accuracy for one in ones])
        verdict = ""
        if below is not None:
            verdict = f"{best - accuracy.mean():+.1f} below float, asked {below:g}: " + (
                "yes" if accuracy.mean() >= best - below else "NO"
            )
        if chance:
            verdict = "at chance, asked: " + ("yes" if accuracy.mean() < 15.0 else "NO")
        mean = [
            np.mean([getattr(one, name) for one in ones]) for name in ("nbytes", "bytes_per_synapse", "kept", "error")
        ]
        lines.append(
            f"{dtype:8} {rounding or '-':10} {rate:6.3f} {accuracy.mean():7.1f} +- {accuracy.std():3.1f} {mean[0]:8.0f} {mean[1]:9.2f} "
            f"{mean[2]:9.2f} {mean[3]:6.2f}  {verdict}"
        )
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    asked = parser.parse_args()
    begin = time.perf_counter()
    print(*told(table(asked.seeds, asked.quick)), sep="\n")
    print(
        f"{asked.seeds} seeds, {time.perf_counter() - begin:.0f} s; bytes are those of the weights of 50,000 synapses in rows of 10"
    )


if __name__ == "__main__":
    main()
