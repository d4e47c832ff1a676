"""B7 of the memory benchmarks: sleep moves memories from the fast to the slow store, and a lesion shows where they are.

`b7(seed, quick)` gives the figures by name; `python benchmarks/memory_sleep.py` runs five seeds and prints mean and spread.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import neurosim as ns
from neurosim.memory.consolidation import Consolidation
from neurosim.memory.indexed import IndexStore
from neurosim.memory.layer import Layer, Volleys
from neurosim.memory.longterm import LongTermMemory

N, K, A_DAY = 512, 12, 4  # cells, cells of an episode, episodes a day
FAST_LOSS, SLOW_LOSS = 0.06, 0.002  # of each synapse, a day
NIGHTLY, P_LEARN, NOISE = 60, 0.06, 0.5  # replays; a pair gets a synapse in one; spikes of the noise cells in a cycle
AGES = np.array([0, 2, 5, 10, 20, 30, 45, 60])  # days, bounds of the bins
#: A run of half the days, in which everything goes twice as fast.
QUICK = 2


def life(seed: int, days: int, faster: int, noise: float) -> tuple[Consolidation, np.ndarray]:
    """So many days of four episodes and a night; without noise nothing is replayed at night."""
    net = ns.Network(dt=1.0, seed=seed)
    content = Layer(net, "content", N, K, rise=0.1, noise=0.99)  # noise below 1 breaks ties
    fast = IndexStore(net, content, n=A_DAY * days)
    slow = LongTermMemory(net, content, p_learn=1 - (1 - P_LEARN) ** faster, p_loss=1 - (1 - SLOW_LOSS) ** faster)
    loss = 1 - (1 - FAST_LOSS) ** faster
    both = Consolidation(fast, slow, fast_loss=loss, replays=NIGHTLY // faster, noise=noise)
    episodes = np.argsort(net.rng("episodes").random((A_DAY * days, N)), axis=1)[:, :K]
    for day in range(days):
        both.rest(1.0)
        fast.store(episodes[A_DAY * day : A_DAY * (day + 1)])
        both.sleep()
    return both, episodes


def scores(winners: Volleys, cue: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """For each cue the share of the cells left out that fired, or of the cells that fired that had been left out, if that is less."""
    out = np.zeros(len(cue))
    for m, (given, missing) in enumerate(zip(cue, rest, strict=True)):
        found = np.setdiff1d(winners[m], given)
        out[m] = np.isin(missing, found).sum() / max(missing.size, found.size)
    return out


def by_age(both: Consolidation, episodes: np.ndarray, faster: int, *, gated: bool = True) -> np.ndarray:
    """Mean score of half cues in each bin of ages."""
    cue, rest = episodes[:, : K // 2], episodes[:, K // 2 :]
    age = (len(episodes) - 1 - np.arange(len(episodes))) // A_DAY * faster
    found = scores(both.recall(cue, gated=gated).winners, cue, rest)
    return np.array([found[(age >= low) & (age < high)].mean() for low, high in zip(AGES, AGES[1:], strict=False)])


def b7(seed: int, quick: bool = False) -> dict[str, float]:
    """Recall by age, with and without sleep, with and without the fast store; and blocked against interleaved replay."""
    faster = QUICK if quick else 1
    begin, rows, fill = time.perf_counter(), {}, 0.0
    for name, noise in (("sleep", NOISE), ("no sleep", 0.0)):
        both, episodes = life(seed, int(AGES[-1]) // faster, faster, noise)
        both.fast.calibrate(both.fa, size={"what": K // 2})  # anew: its synapses have faded since
        rows[name] = by_age(both, episodes, faster)
        rows[f"{name}, best cell"] = by_age(both, episodes, faster, gated=False)
        fill = fill or both.slow.fill
        both.fast.index.cells.remove(both.fast.index.cells.uid)
        rows[f"{name}, lesioned"] = by_age(both, episodes, faster)
    intact, lesioned = rows["sleep"], rows["sleep, lesioned"]
    out = {
        "lesioned, 45-60 d over 0-2 d": lesioned[-1] / max(lesioned[0], 1e-9),
        "lesioned, 10-20 d over 0-2 d": lesioned[3] / max(lesioned[0], 1e-9),
        "intact less no sleep, least of all ages": (intact - rows["no sleep"]).min(),
        "the same, no-sleep read-out not gated": (intact - rows["no sleep, best cell"]).min(),
        "intact, 45-60 d": intact[-1],
        "no sleep, lesioned, most of all ages": rows["no sleep, lesioned"].max(),
        "chance": (K // 2) / (N - K // 2),
        "fill of the slow store": fill,
    }
    for name, row in rows.items():
        out |= {f"{name}, {low}-{high} d": x for low, high, x in zip(AGES, AGES[1:], row, strict=False)}
    out |= interleaving(seed, lists=20, n=180) if quick else interleaving(seed)
    return {name: float(x) for name, x in out.items()} | {"seconds": time.perf_counter() - begin}


def interleaving(seed: int, *, lists: int = 40, n: int = 256, k: int = 8, nights: int = 5) -> dict[str, float]:
    """Two lists, one after the other: how much of A is lost while B is replayed alone, or in turn with A.

    The cells of the slow store may not hear more than the share 0.05 of the others: homeostasis makes room for what is replayed
    at the cost of what is not.  Each night has as many replays in either case.
    """
    lost, learned = {}, {}
    for case in ("blocked", "interleaved"):
        net = ns.Network(dt=1.0, seed=seed)
        content = Layer(net, "content", n, k, rise=0.1, noise=0.99)
        fast, slow = IndexStore(net, content, n=2 * lists), LongTermMemory(net, content, p_learn=0.35)
        useful = {"A": 1.0, "B": 1.0}
        both = Consolidation(
            fast, slow, schedule="usefulness", set_point=0.05, replays=4 * lists,
            usefulness=lambda ids, useful=useful: np.where(ids < lists, useful["A"], useful["B"]),
        )  # fmt: skip
        words = np.argsort(net.rng("lists").random((2 * lists, n)), axis=1)[:, :k]
        cue, rest = words[:, : k // 2], words[:, k // 2 :]
        seen = []
        for begin in (0, lists):
            fast.store(words[begin : begin + lists])
            useful["A"] = float(begin == 0 or case == "interleaved")
            for _ in range(nights):
                both.sleep()
                both.rest(1.0)
            seen.append(scores(both.recall(cue, stores="slow").winners, cue, rest))
        lost[case] = float(seen[0][:lists].mean() - seen[1][:lists].mean())
        learned[case] = float(seen[1][lists:].mean())
    out = {f"list A lost, {case}": x for case, x in lost.items()} | {
        f"list B, {case}": x for case, x in learned.items()
    }
    return out | {"forgetting, blocked over interleaved": lost["blocked"] / max(lost["interleaved"], 0.01)}


def main(quick: bool = False, seeds: int = 5) -> None:
    """Run all seeds; print mean and standard deviation of each figure."""
    runs = [b7(seed, quick) for seed in range(seeds)]
    for name in runs[0]:
        values = np.array([run[name] for run in runs])
        print(f"{name:45s} {values.mean():7.3f} +- {values.std():.3f}")


if __name__ == "__main__":
    main("--quick" in sys.argv)
