"""B4 and B10: interference between two lists, and the nearest memory or none under noise, in spikes."""

from __future__ import annotations

import numpy as np

import neurosim as ns
from neurosim.memory import EpisodicMemory, Hippocampus, IndexStore, Layer
from neurosim.memory.reference import rejection


def b4(seed: int, quick: bool = False) -> dict[str, float]:
    """AB-AC lists: share of AB and of AC pairs recalled from A and the list's context, after both lists were stored once.

    Once with index cells keyed by the content itself, once through a hippocampus of the size of Leabra's medium model
    (CA3 900, dentate 1350), where all pairs share two associative stores.
    """
    pairs = 20 if quick else 100
    rng = np.random.default_rng([4, seed])
    first, second, a, b, c = _lists(rng, pairs)
    found = {}
    for name in ("index", "hippocampus"):
        net = ns.Network(dt=1.0, seed=seed)
        content = Layer(net, "content", 700, 30)
        area = Hippocampus(net, content, granule=1350, ca3=900, k=18, mossy=0.1) if name == "hippocampus" else None
        memory = EpisodicMemory(net, content, n=2 * pairs, hippocampus=area)
        for context, reply in ((first, b), (second, c)):
            memory.store_many(np.hstack([a, context, reply]))
        for label, context, reply in (("AB", first, b), ("AC", second, c)):
            answers = memory.recall_many(np.hstack([a, context]), reject=False)
            right = [np.isin(reply[i], x.pattern).all() for i, x in enumerate(answers)]
            found[f"{name} {label}"] = float(np.mean(right))
    return found


def _lists(rng: np.random.Generator, pairs: int) -> tuple[np.ndarray, ...]:
    """Cells of A (300), context (100, drifting: a new cell of ten for every fifth pair), B and C (300)."""
    places = [np.sort(np.argsort(rng.random((pairs, 300)), axis=1)[:, :10], axis=1) for _ in range(3)]
    contexts = []
    for _ in range(2):
        active = list(rng.permutation(100)[:10])
        rows = []
        for i in range(pairs):
            if i and i % 5 == 0:
                active[rng.integers(10)] = rng.choice(np.setdiff1d(np.arange(100), active))
            rows.append(np.sort(active))
        contexts.append(300 + np.array(rows))
    return contexts[0], contexts[1], places[0], 400 + places[1], 400 + places[2]


def b10(seed: int, quick: bool = False) -> dict[str, float]:
    """Nearest neighbour and rejection: 1,024 memories on 256 key cells, a fifth of each cue's cells wrong.

    "top-1": share of cues whose first index cell is the memory of largest overlap, as sorting in NumPy finds it;
    "accepted": known cues that pass the threshold, whose measured rate of false alarms on fresh cues is "false alarms";
    "top-8": largest difference between softmax attention over the eight memories that fired and over all.
    """
    found = {}
    for memories in (64,) if quick else (64, 1024):
        rng = np.random.default_rng([10, seed, memories])
        net = ns.Network(dt=1.0, seed=seed)
        store = IndexStore(net, Layer(net, "content", 256, 26), n=memories)
        patterns = _patterns(rng, memories, 256, 26)
        store.store(patterns)
        table = store.calibrate(0.01, cues=300 if quick else 500)
        trials = 100 if quick else 300
        which = rng.integers(0, memories, trials)
        cues = np.array([_distorted(rng, p, 256, 5) for p in patterns[which]])
        overlaps = _dense(cues, 256) @ _dense(patterns, 256).T
        answer = store.recall(cues, k=8, least=2.0, read=False)
        best = overlaps.max(1)
        same = np.take_along_axis(overlaps, np.maximum(answer.ids[:, :1], 0), 1)[:, 0] == best
        judged = store.recall(cues, reject=True, read=False)
        unknown = store.recall(_patterns(rng, trials, 256, 26), reject=True, read=False)
        heard = np.nan_to_num(store.recall(_patterns(rng, trials, 256, 26), read=False).support[:, 0])
        found |= {
            f"top-1 of {memories}": float(same.mean()),
            f"right of {memories}": float((judged.ids[:, 0] == which).mean()),
            f"accepted of {memories}": float(judged.accepted.mean()),
            f"false alarms of {memories}": float(unknown.accepted.mean()),
            f"AUROC of {memories}": rejection(best, heard).auroc,
            f"theta of {memories}": table.theta,
            f"top-8 of {memories}": _softmax_gap(answer.ids, overlaps, patterns),
        }
    return found


def _softmax_gap(ids: np.ndarray, overlaps: np.ndarray, patterns: np.ndarray, beta: float = 1.0) -> float:
    dense, gap = _dense(patterns, 256), 0.0
    for m, row in enumerate(overlaps):
        full = attention_weights(beta * row) @ dense
        few = ids[m][ids[m] >= 0]
        gap = max(gap, float(np.abs(attention_weights(beta * row[few]) @ dense[few] - full).max()))
    return gap


def attention_weights(score: np.ndarray) -> np.ndarray:
    """Softmax."""
    weight = np.exp(score - score.max())
    return np.asarray(weight / weight.sum())


def _patterns(rng: np.random.Generator, number: int, n: int, k: int) -> np.ndarray:
    return np.sort(np.argsort(rng.random((number, n)), axis=1)[:, :k], axis=1)


def _distorted(rng: np.random.Generator, pattern: np.ndarray, n: int, wrong: int) -> np.ndarray:
    others = np.setdiff1d(np.arange(n), pattern)
    return np.sort(np.concatenate([rng.permutation(pattern)[wrong:], rng.choice(others, wrong, replace=False)]))


def _dense(places: np.ndarray, n: int) -> np.ndarray:
    table = np.zeros((len(places), n))
    np.put_along_axis(table, places, 1.0, 1)
    return table
