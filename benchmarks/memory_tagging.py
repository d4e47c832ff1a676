"""Graded long-term synapses: recall after hours by tagging and capture, chains of Benna & Fusi, stages of Roxin & Fusi.

    python -m benchmarks.memory_tagging [--nets 10] [--repeats 3] [--quick] [--json]

prints, for the network of Luboeinski & Tetzlaff (2021), the recall quality Q at 10 s and at 8 h over networks with a paired test, with
protein synthesis blocked, and the seconds of one network; then slopes and lifetimes of memories under ongoing storage, and
what the two graded stores of a content layer bring back from half cues as time passes.  Each measuring function takes a seed
and whether to be quick, and gives figures by name.
"""

import argparse
import json
import math
import time

import numpy as np

from neurosim.memory.graded import BennaFusiMemory, GradedMemory, TaggingMemory
from neurosim.memory.layer import Layer
from neurosim.memory.stages import (
    StagedMemory,
    bounded_snr,
    chain_run,
    chain_snr,
    lifetime,
    slope,
    staged_snr,
)
from neurosim.memory.tagging import consolidate
from neurosim.network import Network

#: The authors' means over 50 networks of this size (memory-consolidation-stc, notebook simulator_comparison_memory_recall).
PUBLISHED = {"q_10s": 0.0307, "q_8h": 0.0340}
DECADES = np.unique(np.round(np.logspace(0.6, 2.1, 25)).astype(int))  # 1.5 decades of ages
TRANSFER = 0.5 * 2.0 ** -np.arange(1, 9)
DAYS = {"8h": 1 / 3, "1d": 1.0, "7d": 7.0}


def stc(seed: int, quick: bool = False, repeats: int | None = None) -> dict[str, float]:
    """One network of 2,000 cells: Q at 10 s, at 8 h and at 8 h without proteins, and the seconds that it took."""
    begin = time.perf_counter()
    found = consolidate(seed, repeats=repeats or (1 if quick else 3), before=1000.0 if quick else 2000.0)
    figures = {
        "q_10s": float(found.fresh.mean()), "q_8h": float(found.later.mean()), "q_blocked": float(found.blocked.mean()),
        "seconds": time.perf_counter() - begin,
    }  # fmt: skip
    for name, rates in found.rates.items():
        figures |= {f"{name}_{who}": rate for who, rate in zip(("cue", "members", "others", "inh"), rates, strict=True)}
    return figures


def paired(many: list[dict[str, float]]) -> dict[str, float]:
    """Means and spreads over networks, and the one-sided probability that Q(8 h) is no better than Q(10 s)."""
    from scipy import stats

    table = {name: np.array([one[name] for one in many]) for name in ("q_10s", "q_8h", "q_blocked", "seconds")}
    figures = {f"{name}_mean": float(values.mean()) for name, values in table.items()}
    figures |= {f"{name}_sd": float(values.std(ddof=1)) for name, values in table.items()} if len(many) > 1 else {}
    if len(many) > 1:
        better = stats.ttest_rel(table["q_8h"], table["q_10s"], alternative="greater")
        figures |= {
            "p_better": float(better.pvalue),
            "p_positive": float(stats.ttest_1samp(table["q_10s"], 0.0, alternative="greater").pvalue),
        }
    figures["blocked_ratio"] = figures["q_blocked_mean"] / figures["q_10s_mean"]
    return figures


def chains(seed: int, quick: bool = False) -> dict[str, float]:
    """Benna-Fusi chains, N = 1e4, m = 8, after 2**10 patterns: slope, lifetime, and both against a single variable of equal SNR."""
    n, m, age = 10_000, 8, np.arange(3000)
    snr = chain_snr(age, n, m)
    rates = np.logspace(-2, 0, 200)
    equal = rates[np.argmin([abs(math.log(chain_snr(0, n, 1, rate=r, stored=1000) / snr[0])) for r in rates])]
    one = chain_snr(age, n, 1, rate=float(equal), stored=1000)
    measured = chain_run(seed, n, m, DECADES, patterns=20 if quick else 80)
    return {
        "slope": slope(snr[DECADES], DECADES), "slope_measured": slope(measured, DECADES), "snr_first": float(snr[0]),
        "lifetime": lifetime(snr), "lifetime_one": lifetime(one), "lifetime_ratio": lifetime(snr) / lifetime(one),
    }  # fmt: skip


def stages(seed: int, quick: bool = False) -> dict[str, float]:
    """Eight stages of 4,096 synapses: expectation (slope, lifetime, which stage is best) and a run in synapses of a network."""
    n, age = 64, np.arange(300)
    snr = staged_snr(age, n * n, TRANSFER)
    best, where = snr.max(axis=1), snr.argmax(axis=1)
    life = lifetime(best)
    figures = {
        "slope": slope(best[6:61], age[6:61]), "lifetime": life, "first": float(best[0]),
        "ratio_q.3": life / lifetime(bounded_snr(age, n * n, 0.3)), "ratio_q.25": life / lifetime(bounded_snr(age, n * n, 0.25)),
        "moves": float((np.diff(where[best > 1.0]) >= 0).all()), "last_stage": float(where[best > 1.0][-1] + 1),
    }  # fmt: skip
    net = Network(dt=1.0, seed=seed)
    memory = StagedMemory(net, Layer(net, "a", n, n // 2), Layer(net, "b", n, n // 2), TRANSFER)
    rng = np.random.default_rng(seed)
    events = 30 if quick else 80
    patterns = [(rng.permutation(n)[: n // 2], rng.permutation(n)[: n // 2]) for _ in range(events)]
    sums, counts = np.zeros((events, TRANSFER.size)), np.zeros(events)
    for t, (a, b) in enumerate(patterns):
        memory.store([a], [b])
        for born in range(t + 1) if t % 4 == 3 else ():
            sums[t - born] += memory.overlap(*patterns[born]) * n
            counts[t - born] += 1
    seen = counts >= 5
    found = sums[seen] / counts[seen][:, None]
    error = np.abs(found - staged_snr(np.flatnonzero(seen), n * n, TRANSFER))
    return figures | {"synapses_error_mean": float(error.mean()), "synapses_error_max": float(error.max())}


def completion(memory: GradedMemory, patterns: np.ndarray) -> float:
    """Share of the cells of patterns that half cues bring back, less that of cells which should not have come."""
    half = patterns.shape[1] // 2
    answer = memory.recall(patterns[:, :half]).winners.dense()
    rest = np.take_along_axis(answer, patterns[:, half:], axis=1).sum(axis=1)
    extra = answer.sum(axis=1) - half - rest
    return float(np.mean(np.maximum(rest - extra, 0) / (patterns.shape[1] - half)))


def graded(seed: int, quick: bool = False) -> dict[str, float]:
    """40 (20) patterns of 12 of 240 cells in either store: what half cues bring back after a while."""
    number, n, k = (20 if quick else 40), 240, 12
    rng = np.random.default_rng(seed)
    patterns = np.argsort(rng.random((number, n)), axis=1)[:, :k]
    figures = {}
    for proteins in (True, False):
        net = Network(dt=1.0, seed=seed)
        memory = TaggingMemory(net, Layer(net, "content", n, k, noise=0.1))
        memory.proteins = proteins
        memory.learn(patterns, ids=range(number))
        label, last = "tagging" if proteins else "blocked", 0.0
        figures[f"{label}_0"] = completion(memory, patterns)
        for name, days in DAYS.items():
            memory.rest(days - last)
            last = days
            figures[f"{label}_{name}"] = completion(memory, patterns)
    net = Network(dt=1.0, seed=seed)
    chain = BennaFusiMemory(net, Layer(net, "content", n, k, noise=0.01), tau=100.0)
    chain.study(patterns, every=100.0)
    young, old = patterns[-number // 4 :], patterns[: number // 4]
    return figures | {"chain_young": completion(chain, young), "chain_old": completion(chain, old)}


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nets", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    nets = 1 if given.quick else given.nets
    many = [stc(seed, given.quick, 1 if given.quick else given.repeats) for seed in range(1, nets + 1)]
    results = {"stc": paired(many) | {f"{name}_published": value for name, value in PUBLISHED.items()}}
    for name, measure in (("chains", chains), ("stages", stages), ("graded", graded)):
        runs = [measure(seed, given.quick) for seed in range(1, (1 if given.quick else given.seeds) + 1)]
        results[name] = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
        results[name] |= {f"{key}_sd": float(np.std([run[key] for run in runs])) for key in runs[0] if len(runs) > 1}
    if given.json:
        print(json.dumps(results))
        return
    for name, figures in results.items():
        print(name)
        for key, value in figures.items():
            if not key.endswith("_sd"):
                spread = figures.get(f"{key.removesuffix('_mean')}_sd")
                print(f"  {key:24s} {value:9.4g}" + (f" +- {spread:.2g}" if spread else ""))


if __name__ == "__main__":
    main()
