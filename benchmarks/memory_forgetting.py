"""Figures of forgetting for the table of memory: B8 retention and spacing, B9 adaptive forgetting, B13 residue, and savings.

Each function takes a seed and whether to be quick, and gives figures by name; `python -m benchmarks.memory_forgetting` prints them
over five seeds.
"""

import sys

import numpy as np

from neurosim.memory.belonging import jaccard
from neurosim.memory.forgetting import Forgetting, Residue
from neurosim.memory.layer import volleys
from neurosim.memory.retention import MINUTE
from neurosim.memory.stream import POLICIES, Stream, StreamRun, associative_store, index_store
from neurosim.memory.strength import DAY
from neurosim.memory.studying import GAPS, TESTS, retention_curve, savings, spacing

#: What the mean of a figure over seeds must be.
TARGETS = {
    "power_r2": (">=", 0.95), "delta_aic": (">", 10.0), "exponent": ("in", (0.05, 0.3)), "ratio_falls": ("==", 1.0),
    "useful": (">=", 0.95), "useless": ("<=", 0.2), "max_fill": ("<=", 0.4), "flat": ("<=", 0.02), "precision": (">=", 0.95),
    "lru_late_loss": (">=", 0.2), "residue_excess": ("<=", 0.0), "saved_20_min": (">=", 0.3),
}  # fmt: skip


def b8(seed: int, quick: bool) -> dict[str, float]:
    """Retention after one study session, and the best gap between two, by recalls in spikes."""
    curve = retention_curve(seed, items=200 if quick else 500)
    fit = curve.fit
    found = {
        "power_r2": fit.power.r2, "delta_aic": fit.delta_aic, "exponent": fit.power.parameters["b"], "exponential_r2": fit.exponential.r2,
        "recalled_20_min": curve.recalled[0], "recalled_365_d": curve.recalled[-1],
    }  # fmt: skip
    table = spacing(seed, GAPS[::3] if quick else GAPS, TESTS[[0, 2]] if quick else TESTS, items=150 if quick else 400)
    for delay, best, ratio in zip(table.delay, table.best(), table.ratio, strict=True):
        days = round(float(delay) / DAY)
        found |= {f"best_gap_{days}_d": best / DAY, f"ratio_{days}_d": ratio}
    found["ratio_falls"] = float((np.diff(table.ratio) < 0).all())
    found["gap_rises"] = float((np.diff(table.best()) > 0).all())
    return {name: float(value) for name, value in found.items()}


def b9(seed: int, quick: bool, kind: str = "associative") -> dict[str, float]:
    """A stream three times the capacity: usefulness against the least recently used (and, unless quick, chance)."""
    make = {"associative": associative_store, "index": index_store}[kind]
    options = {"n": 256, "k": 12} if quick else {}
    if quick and kind == "index":
        options["cells"] = 256
    found: dict[str, float] = {}
    late = {}
    for policy in POLICIES[:2] if quick else POLICIES:
        store, capacity = make(seed, **options)
        stream = Stream.draw(seed, capacity, options.get("n", 1024), options.get("k", 20))
        result = StreamRun(store, stream, policy, batch=8 if quick else 40 if kind == "associative" else 10).run()
        late[policy] = result.late
        if policy == "useful":
            found = {
                "useful": result.useful, "useless": result.useless, "precision": result.precision, "max_fill": float(result.fill.max()),
                "flat": result.flat, "late": result.late, "items": float(len(stream)),
            }  # fmt: skip
        else:
            found |= {f"{policy}_useful": result.useful, f"{policy}_late": result.late}
    return found | {"lru_late_loss": late["useful"] - late["lru"]}


def b13(seed: int, quick: bool, kind: str = "associative") -> dict[str, float]:
    """Delete half of what is stored, one batch after another, and cue it again; random cues beside it."""
    make = {"associative": associative_store, "index": index_store}[kind]
    n, k = (256, 12) if quick else (1024, 20)
    store, capacity = make(seed, n=n, k=k)
    stream = Stream.draw(seed, round(0.8 * capacity), n, k, length=1.0)
    ids = store.store(stream.source, stream.target)
    gone = np.random.default_rng(seed).permutation(ids)[: len(ids) // 2]
    done = Forgetting(store).forget(gone, dry_run=False, residue_check=True, probes=100)
    assert isinstance(done.residue, Residue)
    noise = np.sort(np.argsort(np.random.default_rng([seed, 1]).random((len(gone), n)), axis=1)[:, :k], axis=1)
    answer = store.recall(noise, reject=True)
    left = store.recall(stream.source[np.isin(ids, store.ids)], reject=True)
    back = left.winners if hasattr(left, "winners") else left.values["what"]
    kept = jaccard(back, volleys("kept", stream.target[np.isin(ids, store.ids)], back.n))
    return {
        "hits": done.residue.hits, "accepted": done.residue.accepted, "noise_accepted": float(answer.accepted.mean()),
        "false_alarms": done.residue.false_alarms, "residue_excess": max(0.0, done.residue.hits - done.residue.false_alarms),
        "collateral": done.collateral, "others": float(np.mean((kept >= 0.9) & left.accepted)), "bytes": float(done.bytes),
    }  # fmt: skip


def relearning(seed: int, quick: bool) -> dict[str, float]:
    """Study sessions that silenced memories save against new ones, by how long they were silent."""
    waits = {"20_min": 20.0 * MINUTE} if quick else {"20_min": 20.0 * MINUTE, "1_d": DAY, "7_d": 7.0 * DAY}
    found: dict[str, float] = {}
    for name, delay in waits.items():
        one = savings(seed, delay, items=100 if quick else 400)
        found |= {
            f"saved_{name}": one.saved,
            f"new_{name}": one.new,
            f"old_{name}": one.old,
            f"known_{name}": one.known,
            f"silenced_{name}": one.silenced,
        }
    return found


def b9_index(seed: int, quick: bool) -> dict[str, float]:
    """B9 on an index store."""
    return b9(seed, quick, "index")


def b13_index(seed: int, quick: bool) -> dict[str, float]:
    """B13 on an index store."""
    return b13(seed, quick, "index")


PARTS = {"b8": b8, "b9": b9, "b9_index": b9_index, "b13": b13, "b13_index": b13_index, "relearning": relearning}


def main(names: list[str], seeds: int = 5) -> None:
    """Print mean and spread of each figure."""
    quick = "--quick" in names
    for name in [one for one in names if one in PARTS] or list(PARTS):
        rows = [PARTS[name](seed, quick) for seed in range(1, seeds + 1)]
        print(name)
        for figure in rows[0]:
            values = np.array([row[figure] for row in rows])
            print(
                f"  {figure:18} {values.mean():10.4g} +- {values.std(ddof=1):.2g}   {values.min():.4g} ... {values.max():.4g}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
