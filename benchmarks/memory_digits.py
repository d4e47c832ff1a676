"""B6 of the memory benchmarks: class-incremental split digits, 8 x 8, no stored samples, beside replay buffers and other learners.

scikit-learn's 1,797 digits (Alpaydin & Kaynak 1998), 70 % to learn and 30 % to test, five tasks of two classes in order, one head.
`b6(seed, quick)` gives the figures by name; `python benchmarks/memory_digits.py` runs five seeds and prints mean and spread.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

import neurosim as ns
from neurosim.memory.classes import AwakeCortex, Classes, ClassMemory
from neurosim.memory.incremental import Perceptron, one_after_another, rivals

TASKS = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
#: Final accuracy in table 9.2 of the specification (another implementation); nearest mean from the issue.
TABLE = {
    "joint": 0.971, "naive": 0.191, "nearest mean": 0.897, "replay 10": 0.642, "replay 20": 0.797, "replay 50": 0.880,
    "replay 100": 0.910, "replay 200": 0.937,
}  # fmt: skip


def digits(seed: int, quick: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Images, labels, and which samples are learnt (in their order) and tested; 900 samples if quick."""
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    order = np.random.default_rng([seed, 64]).permutation(len(labels))[: 900 if quick else None]
    cut = round(0.7 * order.size)
    return images, labels, order[:cut], order[cut:]


def b6(seed: int, quick: bool) -> dict[str, float]:
    """Final accuracy, forgetting and bytes of each learner, and what sleep changes, by name."""
    images, labels, train, test = digits(seed, quick)
    pixels, epochs = images.shape[1], 5 if quick else 20
    found: dict[str, float] = {}

    def keep(name: str, learner: Any, tasks: list[list[int]] = TASKS, look: Any = None) -> None:
        course = one_after_another(learner, images, labels, train, test, tasks, look=look)
        kept = learner.retained()
        found.update(
            {
                f"{name}: accuracy": course.final,
                f"{name}: forgetting": course.forgetting,
                f"{name}: backward transfer": course.backward_transfer,
                f"{name}: samples": kept["samples"],
                f"{name}: numbers": kept["numbers"],
                f"{name}: bytes": kept["bytes"],
            }
        )
        if name == "memory":
            found["unreachable"] = float(course.unreachable)

    keep("joint", Perceptron(pixels, 10, epochs=epochs, seed=seed), [list(range(10))])
    for name, learner in rivals(pixels, 10, seed=seed, epochs=epochs).items():
        keep(name, learner)
    parameters = Classes(replays=150, keep=2) if quick else Classes()
    memory, nights = ClassMemory(ns.Network(dt=1.0, seed=seed), pixels, 10, parameters=parameters), []
    begin = time.perf_counter()
    keep("memory", memory, look=lambda task, day, night: nights.append((day, night)))
    found["seconds"] = time.perf_counter() - begin
    for by in ("episodic", "cortex"):
        found[f"{by}: accuracy"] = float((memory.answer(images[test], by=by) == labels[test]).mean())
    found["engrams"] = float(memory.places.size)
    found["recruited"] = float(sum(day.recruited for day, _ in nights))
    found["replays"] = float(sum(night.replays for _, night in nights))
    found["simulated hours"] = memory.net.now / 3.6e6
    keep("awake cortex", AwakeCortex(ClassMemory(ns.Network(dt=1.0, seed=seed), pixels, 10)))
    return found


def main() -> None:
    """Five seeds, a row for each learner."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="900 samples, few replays")
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2, 3, 4])
    given = parser.parse_args()
    runs = [b6(seed, given.quick) for seed in given.seeds]

    def figure(name: str) -> tuple[float, float]:
        values = np.array([run[name] for run in runs])
        return float(values.mean()), float(values.std(ddof=min(1, values.size - 1)))

    print(
        f"{'learner':>14} {'accuracy':>15} {'table 9.2':>9} {'forgetting':>10} {'samples':>8} {'numbers':>8} {'bytes':>9}"
    )
    names = dict.fromkeys(name.split(":")[0] for name in runs[0] if name.endswith(": samples"))
    for name in names:
        mean, sd = figure(f"{name}: accuracy")
        rest = [figure(f"{name}: {what}")[0] for what in ("forgetting", "samples", "numbers", "bytes")]
        told = f"{TABLE[name]:.3f}" if name in TABLE else "-"
        print(
            f"{name:>14} {mean:.3f} +- {sd:.3f}  {told:>9} {rest[0]:>10.3f} {rest[1]:>8.0f} {rest[2]:>8.0f} {rest[3]:>9.0f}"
        )
    for name in (
        "episodic: accuracy",
        "cortex: accuracy",
        "engrams",
        "recruited",
        "replays",
        "simulated hours",
        "seconds",
        "unreachable",
    ):
        mean, sd = figure(name)
        print(f"{name}: {mean:.3f} +- {sd:.3f}")


if __name__ == "__main__":
    main()
