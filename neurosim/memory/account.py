"""How a memory system is doing: how full, how alike its memories, what it recalls, what it refuses, and what that costs.

Measures by letting cues fire; nothing is learned and nothing forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from neurosim.memory.engram import Remembered
from neurosim.memory.layer import Volleys, volleys
from neurosim.memory.reference import auroc

if TYPE_CHECKING:
    from neurosim.memory.system import System


@dataclass(frozen=True)
class MemoryStats:
    """The state of a memory system.

    Attributes
    ----------
    memories, cells : int
        Episodes, and index cells for them.
    fill, capacity_used : float
        Share of the index cells in use; of all that limits the episodic memory, the scarcest.
    capacity_left : int
        Episodes that still fit.
    slow_fill, slow_capacity_used : float
        Share of the potential slow synapses that are strong, and of what may be strong.
    synapses, bytes : int
        Of the whole network; bytes with what Python keeps.
    overlap : float64 [3]
        Median, 90 % quantile and maximum of the overlap (Jaccard) of each memory with the one most like it.
    age, kept : float64 [memories]
        ms since each was stored, and the share of its synapses that it still has (`p_eff`).
    probes : int
        Memories cued with half of their cells, and as many unknown cues.
    recalled, precision, f1 : float
        Share of the known cues that brought back their memory; of all answers, the share that was right; harmonic mean.
    auroc : float
        How well support tells known from unknown cues: 1 perfectly, 0.5 not at all.
    threshold, false_alarms : float
        Mean threshold of the answers, and the share of unknown cues that were taken for known.
    matrix : float64 [probes, probes]
        Overlap (Jaccard) of what each known cue brought back with each probed memory.
    spikes_per_recall : float
        Spikes of content and index cells for each cue.
    """

    memories: int
    cells: int
    fill: float
    capacity_used: float
    capacity_left: int
    slow_fill: float
    slow_capacity_used: float
    synapses: int
    bytes: int
    overlap: np.ndarray
    age: np.ndarray
    kept: np.ndarray
    probes: int
    recalled: float
    precision: float
    f1: float
    auroc: float
    threshold: float
    false_alarms: float
    matrix: np.ndarray
    spikes_per_recall: float

    def __str__(self) -> str:
        alike = ", ".join(f"{x:.2f}" for x in self.overlap)
        return (
            f"{self.memories} episodes on {self.cells} index cells ({self.capacity_used:.0%} used, {self.capacity_left} still fit); "
            f"slow store {self.slow_fill:.3f} full ({self.slow_capacity_used:.0%} used)\n"
            f"{self.synapses:,} synapses, {self.bytes / 1e6:.1f} MB; overlap with the most similar memory (median, 90 %, most): {alike}\n"
            f"{self.probes} half cues: recalled {self.recalled:.2f}, precision {self.precision:.2f}, AUROC {self.auroc:.3f}, "
            f"false alarms {self.false_alarms:.3f} at threshold {self.threshold:.1f}; {self.spikes_per_recall:.0f} spikes a recall"
        )


def account(system: System, probes: int = 50) -> MemoryStats:
    """Measure a system; see `MemoryStats`."""
    index, net = system.episodic.index, system.net
    ids = index.ids
    shown = index.read(ids)["what"] if ids.size else volleys("none", np.zeros((0, 1), np.int64), system.content.n)
    engrams = [system.episodic.engrams[k] for k in ids.tolist()]
    counts = system.episodic.counts(ids)
    kept = np.array([c / e.born_with if e.born_with else 0.0 for c, e in zip(counts, engrams, strict=True)])
    age = np.array([net.now - e.stored for e in engrams])
    measured = _probed(system, ids, shown, probes)
    return MemoryStats(
        ids.size, index.n, index.fill, system.episodic.fill, index.free, system.longterm.fill, system.longterm.capacity_used,
        net.n_synapses, int(net.estimate()["bytes"]) + index.nbytes + system.longterm.nbytes, _alike(shown), age, kept, *measured,
    )  # fmt: skip


def _probed(
    system: System, ids: np.ndarray, shown: Volleys, probes: int
) -> tuple[int, float, float, float, float, float, float, np.ndarray, float]:
    """Cue some memories by half, and as many strangers; everything from `probes` on."""
    net, content = system.net, system.content
    rng = np.random.default_rng([net.seed, 77])
    chosen = np.sort(rng.permutation(ids.size)[:probes])
    if not chosen.size:
        return 0, *(np.nan,) * 6, np.zeros((0, 0)), np.nan
    wholes = [shown[i] for i in chosen.tolist()]
    halves = [np.sort(rng.permutation(w)[: max(1, w.size // 2)]) for w in wholes]
    strangers = [np.sort(rng.choice(content.n, h.size, replace=False)) for h in halves]
    spikes = net.record(content.cells), net.record(system.episodic.index.index.cells)
    known = system.recall_many(halves)
    cost = sum(len(r.step) for r in spikes) / len(halves)
    for r in spikes:
        net.remove(r)
    unknown = system.recall_many(strangers)
    right = [a.best is not None and a.best.id == k for a, k in zip(known, ids[chosen].tolist(), strict=True)]
    answered = sum(a.best is not None for a in (*known, *unknown))
    recalled, precision = float(np.mean(right)), sum(right) / max(answered, 1)
    f1 = 2 * recalled * precision / (recalled + precision) if recalled + precision else 0.0
    scores = [
        np.array([x.best.overlap if x.best else 0.0 for x in _unrejected(system, cues)]) for cues in (halves, strangers)
    ]
    alarms = float(np.mean([a.best is not None for a in unknown]))
    matrix = _matrix([a.pattern for a in known], wholes, content.n)
    limit = float(np.mean([a.threshold for a in known]))
    return chosen.size, recalled, precision, f1, auroc(*scores), limit, alarms, matrix, cost


def _unrejected(system: System, cues: list[np.ndarray]) -> list[Remembered]:
    return system.episodic.recall_many(cues, reject=False)


def _alike(shown: Volleys) -> np.ndarray:
    """Median, 90 % quantile and maximum of the overlap of each memory with the nearest other."""
    if len(shown) < 2:
        return np.zeros(3)
    table = _matrix(list(shown), list(shown), shown.n)
    np.fill_diagonal(table, 0.0)
    return np.quantile(table.max(1), [0.5, 0.9, 1.0])


def _matrix(first: list[np.ndarray], second: list[np.ndarray], n: int) -> np.ndarray:
    """Jaccard of each of the first with each of the second."""
    a, b = (
        volleys("patterns", [np.asarray(p) for p in rows], n).dense().astype(np.float32) for rows in (first, second)
    )
    common = a @ b.T
    either = a.sum(1)[:, None] + b.sum(1)[None] - common
    return np.asarray(np.where(either > 0, common / np.maximum(either, 1.0), 0.0), np.float64)
