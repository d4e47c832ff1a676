"""The memory benchmarks B1 to B13, beside what theory allows and others have published.

    python benchmarks/memory.py [B1 B9 ...] [--seeds 5] [--quick] [--json FILE]

runs each over some seeds and prints mean, spread, what is asked, the theoretical limit and the best published number.  `--quick`
takes one seed and small sizes (about a minute): it shows that everything runs, and its figures are judged by what small sizes
can reach.  `--json` writes {id: {value, target, ok}}.
"""

from __future__ import annotations

import argparse
import importlib
import json
import pathlib
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))  # a script finds its package from anywhere

LN2 = "ln 2 = 0.693"


@dataclass(frozen=True)
class Asked:
    """One figure of a measurement, and what is asked of it."""

    figure: str
    least: float = -np.inf
    most: float = np.inf
    small: bool = True  # whether the quick form is held to it

    def met(self, value: float, quick: bool) -> bool | None:
        """None where nothing is asked."""
        if np.isinf(self.least) and np.isinf(self.most) or quick and not self.small:
            return None
        return bool(self.least - 1e-9 <= value <= self.most + 1e-9)

    @property
    def target(self) -> str:
        """In words."""
        low, high = np.isfinite(self.least), np.isfinite(self.most)
        if low and high:
            return f"{self.least:g} ... {self.most:g}"
        return f">= {self.least:g}" if low else f"<= {self.most:g}" if high else "-"


@dataclass(frozen=True)
class Row:
    """A measurement: module.function, what is asked, the limit in theory, the best published number."""

    name: str
    what: str
    function: str
    asked: tuple[Asked, ...]
    limit: str = "-"
    published: str = "-"
    slow: bool = False  # left out by --quick
    seeds: int = field(default=99)  # at most


ROWS = (
    Row("B1", "capacity, hetero-association, bit a synapse", "memory_store.b1", (
        Asked("bits at 0.4", 0.389, 0.430), Asked("bits at 0.5", 0.50, 0.56, small=False), Asked("half cues at 0.4", 0.995),
        Asked("bits per existing synapse at 0.4", 0.69)), LN2, "0.41 (Willshaw matrix of this size)"),
    Row("B2", "turnover at a constant number of synapses", "memory_store.b2", (
        Asked("hits after", 0.97, small=False), Asked("P_eff after", 0.69, 0.75, small=False), Asked("synapses changed by", 0.0, 0.0),
        Asked("hits before"), Asked("bits per existing synapse")), "P_eff <= P / p1 = 0.99", "Knoblauch 2014, model"),
    Row("B3", "separation and completion", "memory_store.b3", (
        Asked("out(0.3)", most=0.08), Asked("out(0.7)", most=0.32), Asked("completion", 0.95, small=False)), "-", "-"),
    Row("B4", "AB-AC lists: AB kept", "memory_recall.b4", (
        Asked("index AB", 0.5), Asked("hippocampus AB", 0.5), Asked("hippocampus AC", 0.5)), "1", "about 0 (Leabra hip_bench)"),
    Row("B5 i-iii, v", "activity-silent memory, an item held", "memory_working.b5_mongillo", (
        Asked("rate_23.7", most=10.0), Asked("ps_interval_23.7", 300.0, 600.0), Asked("u_23.7", 0.6), Asked("u_ratio_23.7", 2.0),
        Asked("others_rate_23.7", 0.8, 1.2, small=False), Asked("ps_off_first_second_23.7", most=1.0)), "-", "Mongillo 2008"),
    Row("B5 iv", "activity-silent memory, brought back by a pulse", "memory_working.b5_silent", (
        Asked("recalled_1.06_0.5s", 0.75), Asked("recalled_1.06_1.5s", 0.75), Asked("recalled_1.06_3s", most=0.25, small=False),
        Asked("wrong_1.06", most=0.02)), "-", "Mongillo 2008"),
    Row("B5 load", "items held of those cued", "memory_working.b5_capacity", (
        Asked("held_24.3_8", 2.0, 7.0), Asked("intruders_24.3_8", most=0.1, small=False), Asked("held_24.3_8_tau400")),
        "-", "9 with facilitation (Rolls 2013); 4 in people", slow=True),
    Row("B5 bump", "diffusion of spiking bumps over size", "memory_working.b5_bump", (
        Asked("slope", -1.2, -0.8),), "-1", "-1 (Compte 2000)", slow=True),
    Row("B5 ring", "the same, rate ring", "memory_working.b5_rate_ring", (Asked("slope", -1.2, -0.8, small=False),), "-1", "-1.05", slow=True),
    Row("B5 distractor", "displacement by distractors, rate ring", "memory_working.b5_distractor_rate", (
        Asked("off_most", most=3.0, small=False), Asked("monotone", 1.0, small=False), Asked("far_most", most=3.0, small=False)), "-", "-"),
    Row("B5 slots", "gated slots, exact items", "memory_working.b5_slots", (
        Asked("exact", 0.99), Asked("one_lost", 0.99)), "1", "-"),
    Row("B6", "class-incremental digits, no stored samples", "memory_digits.b6", (
        Asked("memory: accuracy", 0.897, small=False), Asked("nearest mean: accuracy"), Asked("streaming LDA: accuracy"),
        Asked("replay 50: accuracy"), Asked("replay 200: accuracy"), Asked("memory: samples", 0.0, 0.0), Asked("memory: bytes")),
        "0.971 (joint)", "0.60 (SRC), 0.88 (replay of 50)", slow=True),
    Row("B7", "sleep: the gradient of a lesion", "memory_sleep.b7", (
        Asked("lesioned, 10-20 d over 0-2 d", 3.0, small=False), Asked("lesioned, 45-60 d over 0-2 d", 3.0, small=False),
        Asked("intact less no sleep, least of all ages", -0.03, small=False), Asked("intact, 45-60 d", 0.5, small=False),
        Asked("no sleep, lesioned, most of all ages", most=0.05)), "-", "graded amnesia (Squire & Alvarez 1995)"),
    Row("B8", "retention and spacing, by recalls", "memory_forgetting.b8", (
        Asked("power_r2", 0.95, small=False), Asked("delta_aic", 10.0, small=False), Asked("exponent", 0.05, 0.3, small=False),
        Asked("ratio_falls", 1.0, small=False)), "-", "R2 0.972, exponent 0.126 (Ebbinghaus)"),
    Row("B9", "adaptive forgetting, Willshaw store", "memory_forgetting.b9", (
        Asked("useful", 0.95), Asked("useless", most=0.2), Asked("precision", 0.95, small=False), Asked("max_fill", most=0.4),
        Asked("flat", most=0.02, small=False), Asked("lru_late_loss", 0.2)), "1", "LRU"),
    Row("B9 index", "the same, index cells", "memory_forgetting.b9_index", (
        Asked("useful", 0.95), Asked("useless", most=0.2), Asked("precision", 0.95, small=False), Asked("flat", most=0.02, small=False),
        Asked("lru_late_loss", 0.2)), "1", "LRU", slow=True),
    Row("B10", "nearest memory or none, 20 % of the cue wrong", "memory_recall.b10", (
        Asked("accepted of 1024", 0.95, small=False), Asked("false alarms of 1024", most=0.02, small=False),
        Asked("top-1 of 1024", 0.98, small=False), Asked("top-8 of 1024", most=0.01, small=False), Asked("accepted of 64", 0.95)),
        "impossible at 65,536 of d = 64", "-"),
    Row("B11", "facts", "memory_facts.b11", (
        Asked("one_hop", 0.98), Asked("two_hops", 0.95), Asked("rejected", 0.95), Asked("newest_wins", 1.0), Asked("old_kept", 1.0),
        Asked("survive_used", 0.9, small=False), Asked("seconds_asking", most=60.0)), "1", "-"),
    Row("B12", "sequences and free recall", "memory_sequences.b12", (
        Asked("next_step_error", most=0.1), Asked("replay_correct", 0.9), Asked("compression", 5.0, 10.0),
        Asked("lag_crp_ratio", 1.2, 3.0, small=False)), "-", "lag-CRP about 2 (people)"),
    Row("B13", "residue after deletion", "memory_forgetting.b13", (Asked("residue_excess", most=0.0), Asked("hits"), Asked("false_alarms")), "0", "-"),
    Row("B13 index", "the same, index cells", "memory_forgetting.b13_index", (Asked("residue_excess", most=0.0), Asked("hits")), "0", "-"),
    Row("tagging", "recall hours later, by tagging and capture", "memory_tagging.stc", (
        Asked("q_10s", 0.0), Asked("q_8h", 0.0), Asked("q_blocked", most=0.006), Asked("seconds", most=120.0)),
        "-", "Q 0.0307 and 0.0340 (Luboeinski & Tetzlaff 2021, 50 nets)", slow=True),
    Row("carried", "1024 -> 2048 -> 1024 cells, recall of half cues", "memory_store.carried", (
        Asked("recall there", 0.9), Asked("recall back", 0.9)), "1", "-"),
)  # fmt: skip


def measured(row: Row, seeds: range, quick: bool) -> dict[str, np.ndarray]:
    """Figures of a row, by name, one value for each seed."""
    module, name = row.function.split(".")
    function = getattr(importlib.import_module(f"benchmarks.{module}"), name)
    runs = [function(seed, quick) for seed in seeds[: row.seeds]]
    return {figure: np.array([run.get(figure, np.nan) for run in runs], np.float64) for figure in runs[0]}


def lines(row: Row, found: dict[str, np.ndarray], quick: bool) -> Iterator[tuple[str, dict[str, object], str]]:
    """For each figure asked: its id, what goes into the JSON file, and a line of the table."""
    for k, asked in enumerate(one for one in row.asked if one.figure in found):
        values = found[asked.figure]
        mean = float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")
        spread = float(np.nanstd(values, ddof=1)) if np.isfinite(values).sum() > 1 else 0.0
        met = asked.met(mean, quick)
        mark = {True: "yes", False: "NO", None: "-"}[met]
        ident = row.name if k == 0 else f"{row.name}: {asked.figure}"
        kept = {"value": mean, "spread": spread, "seeds": values.size, "target": asked.target, "ok": met}
        head = f"{row.name:14}" if k == 0 else " " * 14
        edge = f"  limit {row.limit}; published {row.published}" if k == 0 else ""
        yield ident, kept, f"{head} {asked.figure:40} {mean:9.4g} +- {spread:<8.2g} {asked.target:>14}  {mark:3}{edge}"


def main() -> None:
    """Run what is asked for, print the table, write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", help=f"of {', '.join(row.name for row in ROWS)}; all by default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one seed, small sizes")
    parser.add_argument("--json", metavar="FILE")
    asked = parser.parse_args()
    wanted = [row for row in ROWS if any(row.name == one or row.name.split()[0] == one for one in asked.rows)]
    if asked.rows and not wanted:
        parser.error(f"no row {asked.rows[0]!r}; rows are {', '.join(row.name for row in ROWS)}")
    rows = wanted or [row for row in ROWS if not (asked.quick and row.slow)]
    seeds = range(1, 2 if asked.quick else asked.seeds + 1)
    kept: dict[str, dict[str, object]] = {}
    for row in rows:
        begin = time.perf_counter()
        found = measured(row, seeds, asked.quick)
        print(f"-- {row.what} ({time.perf_counter() - begin:.0f} s)")
        for ident, values, line in lines(row, found, asked.quick):
            kept[ident] = values
            print(line, flush=True)
    missed = [ident for ident, values in kept.items() if values["ok"] is False]
    print(
        f"\n{sum(v['ok'] is True for v in kept.values())} met, {len(missed)} missed"
        + (": " + ", ".join(missed) if missed else "")
    )
    if asked.json:
        pathlib.Path(asked.json).write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
