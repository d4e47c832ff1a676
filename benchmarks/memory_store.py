"""B1, B2, B3 and carrying over: how much binary synapses hold, what rewiring adds, separation and completion, in spikes."""

from __future__ import annotations

import numpy as np

import neurosim as ns
from neurosim.memory import AssociativeStore, Layer, Separation, StructuralConsolidation, System, volleys
from neurosim.memory import effectual_connectivity as p_eff
from neurosim.memory.reference import bits_per_synapse
from neurosim.memory.separation import jaccard, overlap


def drawn(rng: np.random.Generator, number: int, n: int, k: int) -> np.ndarray:
    """Random patterns, places [number, k]."""
    return np.sort(np.argsort(rng.random((number, n)), axis=1)[:, :k], axis=1)


def b1(seed: int, quick: bool = False) -> dict[str, float]:
    """Bits per synapse of hetero-association (n 1024, k 10) at fill 0.4 and 0.5; autoassociation from half cues (n 2048, k 22)."""
    n, k, found = (256, 8, {}) if quick else (1024, 10, {})
    rng = np.random.default_rng([1, seed])
    for fill in (0.4,) if quick else (0.4, 0.5):
        pairs = int(np.log1p(-fill) / np.log1p(-((k / n) ** 2)))
        net = ns.Network(dt=1.0, seed=seed)
        store = AssociativeStore(net, Layer(net, "a", n, k), Layer(net, "b", n, k), max_fill=0.65)
        x, y = drawn(rng, pairs, n, k), drawn(rng, pairs, n, k)
        store.store(x, y)
        fired, true = store.recall(x, mode="threshold").winners.dense(), volleys("y", y, n).dense()
        missed, false = float(np.mean(~fired[true])), float(np.mean(fired[~true]))
        bits = bits_per_synapse(pairs, n, n, k, false_alarms=false, misses=missed)
        found |= {f"bits at {fill}": bits, f"bits per existing synapse at {fill}": bits * n * n / len(store.projection)}
    return found | {"half cues at 0.4": _completed(rng, seed, *((512, 16) if quick else (2048, 22)), wrong=0)}


def _completed(rng: np.random.Generator, seed: int, n: int, k: int, wrong: int) -> float:
    """Mean Jaccard of what half cues, `wrong` cells of them wrong, bring back at fill 0.4."""
    number = int(np.log(0.6) / np.log1p(-k * (k - 1) / (n * (n - 1))))
    net = ns.Network(dt=1.0, seed=seed)
    store = AssociativeStore(net, Layer(net, "a", n, k), max_fill=0.41)
    x = drawn(rng, number, n, k)
    store.store(x)
    cues = np.array([rng.permutation(p)[: k // 2] for p in x[:100]])
    for row, pattern in zip(cues, x, strict=False):
        row[:wrong] = rng.choice(np.setdiff1d(np.arange(n), pattern), wrong, replace=False)
    answer = store.recall(cues, steps=3, least=np.ceil(0.6 * (k // 2))).winners
    return float(jaccard(answer, volleys("x", x[:100], n)).mean())


def b2(seed: int, quick: bool = False) -> dict[str, float]:
    """Hits of half cues and effectual connectivity before and after 40 steps of turnover, at a constant number of synapses."""
    n, k, number, steps = (300, 15, 30, 10) if quick else (1000, 50, 100, 40)
    rng = np.random.default_rng([2, seed])
    net = ns.Network(dt=1.0, seed=seed)
    store = AssociativeStore(net, Layer(net, "a", n, k), Layer(net, "b", n, k, noise=0.999, rise=1 / 32))
    process = StructuralConsolidation(store.projection, every=300.0)
    budget = round(0.22 * n * n)
    process.grow(net, budget)
    net.add(process)
    x, y = (volleys("p", drawn(rng, number, n, k), n) for _ in range(2))
    need = np.nonzero((x.dense().T.astype(np.float32) @ y.dense().astype(np.float32)) > 0)
    uids = store.source.uid[need[0]], store.target.uid[need[1]]
    half, found = [rng.permutation(p)[: k // 2] for p in x], {}
    for step in range(steps + 1):
        store.present(x, y)
        net.run(-net.step % 300 * 1.0)
        if step in (0, steps):
            process.active = False
            fired = store.recall(half, least=max(1.0, k // 12)).winners.dense()
            net.run(-net.step % 300 * 1.0)
            process.active = True
            when = "before" if step == 0 else "after"
            found |= {
                f"hits {when}": float((fired & y.dense()).sum() / (number * k)),
                f"P_eff {when}": p_eff(store.projection, *uids),
            }
    hits, wrong = found["hits after"], 1.0 - found["hits after"]
    bits = bits_per_synapse(number, n, n, k, false_alarms=wrong * k / (n - k), misses=1.0 - hits) * n * n
    return found | {
        "synapses changed by": float(len(store.projection) - budget),
        "bits per existing synapse": bits / len(store.projection),
    }


def b3(seed: int, quick: bool = False) -> dict[str, float]:
    """Overlap behind the dentate layer of patterns that overlap by 0.3 and 0.7; completion of half cues with a tenth of wrong cells."""
    rng = np.random.default_rng([3, seed])
    net = ns.Network(dt=1.0, seed=seed)
    dentate, found = Separation(net, Layer(net, "ec", 1000, 100)), {}
    for share in (0.3, 0.7):
        first, second = [], []
        for _ in range(5 if quick else 30):
            order = rng.permutation(1000)
            common = round(100 * share)
            first.append(order[:100])
            second.append(np.concatenate([order[:common], order[100 : 200 - common]]))
        codes = dentate.separate(first), dentate.separate(second)
        found[f"out({share})"] = float(overlap(*codes).mean())
    n, k = (512, 16) if quick else (2048, 22)
    return found | {"completion": _completed(rng, seed, n, k, wrong=1)}


def carried(seed: int, quick: bool = False) -> dict[str, float]:
    """Recall from half cues after memories were carried from 1024 content cells to 2048, and back to 1024."""
    n, number = (200, 15) if quick else (1024, 200)
    rng = np.random.default_rng([12, seed])
    sizes = {"vision": n // 2, "language": n // 2}
    bigger = {r: 2 * size for r, size in sizes.items()}
    options = {"active": 0.02 if not quick else 0.05, "items": 0, "n": 2 * number}
    first = System(ns.Network(dt=1.0, seed=seed), sizes, **options)
    k = first.content.k // 2
    first.store_many(
        [{r: drawn(rng, 1, s, k)[0] for r, s in sizes.items()} for _ in range(number)], labels=list(range(number))
    )
    there = first.transplant(ns.Network(dt=1.0, seed=seed + 100), bigger, **options).system
    back = there.transplant(ns.Network(dt=1.0, seed=seed + 200), sizes, **options).system
    return {f"recall {name}": _half(mem, rng) for name, mem in (("before", first), ("there", there), ("back", back))}


def _half(mem: System, rng: np.random.Generator) -> float:
    ids = mem.episodic.index.ids
    halves = [rng.permutation(p)[: p.size // 2] for p in mem.episodic.index.read(ids)["what"]]
    answers = mem.recall_many(halves)
    return float(
        np.mean(
            [
                a.status == "ok" and a.best is not None and a.best.id == k
                for a, k in zip(answers, ids.tolist(), strict=True)
            ]
        )
    )
