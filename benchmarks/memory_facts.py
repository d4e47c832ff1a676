"""B11 of the memory benchmarks: 500 facts, asked, chained, contradicted, and asked again when the episodic store is gone.

`b11(seed, quick)` gives the figures by name; `python benchmarks/memory_facts.py` runs five seeds and prints mean and spread.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict

import numpy as np

import neurosim as ns
from neurosim.memory.associative import AssociativeStore
from neurosim.memory.facts import Facts
from neurosim.memory.failures import CapacityFull

Fact = tuple[str, str, str]
#: Relations that have one object at a time, of ten.
FUNCTIONAL = tuple(f"relation {k}" for k in range(4))


class World:
    """Facts drawn at random, and what follows from them: the truth that answers are compared with."""

    def __init__(self, seed: int, facts: int, entities: int, relations: int) -> None:
        rng = np.random.default_rng([seed, 11])
        self.entities = [f"entity {k}" for k in range(entities)]
        self.relations = [f"relation {k}" for k in range(relations)]
        self.objects: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.subjects: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.facts: list[Fact] = []
        while len(self.facts) < facts:
            s, r, o = (str(rng.choice(n)) for n in (self.entities, self.relations, self.entities))
            if o not in self.objects[s, r] and not (r in FUNCTIONAL and self.objects[s, r]):
                self.facts.append((s, r, o))
                self.objects[s, r].add(o)
                self.subjects[r, o].add(s)
        self.rng = rng

    def chains(self, number: int) -> list[tuple[str, tuple[str, str], set[str]]]:
        """Chains of two relations that lead somewhere, and where."""
        out: list[tuple[str, tuple[str, str], set[str]]] = []
        while len(out) < number:
            s, r, o = self.facts[self.rng.integers(len(self.facts))]
            second = str(self.rng.choice(self.relations))
            ends = {end for middle in self.objects[s, r] for end in self.objects.get((middle, second), ())}
            if ends:
                out.append((s, (r, second), ends))
        return out

    def unknown(self, number: int) -> list[tuple[str | None, str | None, str | None]]:
        """Questions without an answer: half of known words, a quarter each with a new subject and a new relation."""
        pairs = [(s, r) for s in self.entities for r in self.relations if not self.objects.get((s, r))]
        chosen = self.rng.permutation(len(pairs))[: number // 2]
        out: list[tuple[str | None, str | None, str | None]] = [(*pairs[k], None) for k in chosen]
        for k in range(number - number // 2):
            s, r, _ = self.facts[self.rng.integers(len(self.facts))]
            out.append((f"stranger {k}", r, None) if k % 2 else (s, f"never heard {k}", None))
        return out


def b11(seed: int, quick: bool = False) -> dict[str, float]:
    """Facts in spikes: accuracy by hops, rejection, contradiction, seconds.

    Parameters
    ----------
    seed : int
    quick : bool
        60 facts instead of 500.
    """
    began, cpu = time.perf_counter(), time.process_time()
    n, entities, relations = (60, 15, 6) if quick else (500, 50, 10)
    world = World(seed, n, entities, relations)
    net = ns.Network(dt=1.0, seed=seed)
    facts = Facts(net, n_facts=round(1.5 * n), functional=FUNCTIONAL)
    told = facts.tell_many(world.facts, at=1.0)
    figures = {"stored": float(np.mean([one.status == "new" for one in told]))}
    pairs = [p for p, o in world.objects.items() if o]
    answers = facts.ask_many([(s, r, None) for s, r in pairs])
    figures["one_hop"] = share(set(a.symbols) == world.objects[p] for a, p in zip(answers, pairs, strict=True))
    who = [p for p, s in world.subjects.items() if s][: len(pairs) // 2]
    answers = facts.ask_many([(None, r, o) for r, o in who])
    figures["one_hop_who"] = share(set(a.symbols) == world.subjects[p] for a, p in zip(answers, who, strict=True))
    chains = world.chains(20 if quick else 200)
    answers = facts.chain_many([(s, rel) for s, rel, _ in chains])
    figures["two_hops"] = share(set(a.symbols) == ends for a, (_, _, ends) in zip(answers, chains, strict=True))
    unknown = world.unknown(40 if quick else 400)
    for name, check in (("rejected", True), ("rejected_by_theta_alone", False)):
        answers = facts.ask_many(unknown, check=check)
        figures[name] = share(a.status == "no_memory" for a in answers)
    figures |= contradicted(facts, world)
    figures["seconds_asking"] = time.perf_counter() - began
    figures |= survival(seed, quick)
    figures["seconds"], figures["seconds_cpu"] = time.perf_counter() - began, time.process_time() - cpu
    return figures | {"auto_association_holds": auto_association(seed)}


def auto_association(seed: int) -> float:
    """How many of these facts auto-association within the fact layer takes until 0.4 of its synapses exist."""
    net = ns.Network(dt=1.0, seed=seed)
    facts = Facts(net, n_facts=60)
    facts.tell_many(World(seed, 500, 50, 10).facts[:60])
    shown, held = facts.store.read(facts.ids)["fact"], 0
    store = AssociativeStore(net, facts.circuit.fact, name="auto")
    with contextlib.suppress(CapacityFull):
        for k in range(len(shown)):
            store.store(shown.take(np.array([k])))
            held += 1
    return float(held)


def survival(seed: int, quick: bool = False) -> dict[str, float]:
    """Facts that answered three questions, asked again after a sleep and the loss of all synapses of the index store.

    Half of 150 questions in three rounds, 100 others once; a fact that shares subject and relation with others counts as
    surviving if the answer is one of theirs, since the slow store gives only the strongest.
    """
    n, entities, relations, often, once = (60, 15, 6, 15, 15) if quick else (500, 50, 10, 150, 100)
    world = World(seed, n, entities, relations)
    net = ns.Network(dt=1.0, seed=seed)
    facts = Facts(net, n_facts=n, functional=FUNCTIONAL, n_slow=2048 if quick else 8192)
    ids = [one.id for one in facts.tell_many(world.facts, at=1.0)]
    chosen = [world.facts[k] for k in world.rng.permutation(n)[: often + once]]
    for questions in (chosen, chosen[:often], chosen[:often]):
        facts.ask_many([(s, r, None) for s, r, _ in questions])
    uses = np.array([facts.uses[k] for k in ids])
    began = time.perf_counter()
    report = facts.sleep()
    slept = time.perf_counter() - began
    lesion(facts)
    asked = [(s, r, None) for s, r, _ in world.facts]
    lost = facts.ask_many(asked[:50], stores="index")
    answers = facts.ask_many(asked, stores="slow")
    right = np.array(
        [bool(a.symbols) and set(a.symbols) <= world.objects[q[:2]] for a, q in zip(answers, asked, strict=True)]
    )
    alone = np.array([len(world.objects[s, r]) == 1 for s, r, _ in world.facts])
    answered = np.array([bool(a.symbols) for a in answers])
    strangers = facts.ask_many(world.unknown(40 if quick else 200))
    return {
        "used_3_times": float(np.sum(uses >= 3)), "survive_used": share(right[uses >= 3]),
        "survive_used_only_object": share(right[(uses >= 3) & alone]), "survive_used_once": share(right[(uses == 1)]),
        "survive_unused": share(right[(uses == 0) & alone]), "slow_wrong": share(answered & ~right),
        "index_after_lesion": share(bool(a.symbols) for a in lost),
        "slow_rejected": share(a.status == "no_memory" for a in strangers), "replays": float(report.replays.sum()),
        "slow_fill": facts.slow.cortex.fill if facts.slow else 0.0, "seconds_asleep": slept,
    }  # fmt: skip


def lesion(facts: Facts) -> None:
    """Remove all synapses of the index store."""
    for projection in (*facts.store.key.values(), *facts.store.value.values()):
        projection.edges().remove(rule="lesion")


def contradicted(facts: Facts, world: World) -> dict[str, float]:
    """Give half of the functional facts another object; the newest must win, and the old one be there at its time."""
    old = [f for f in world.facts if f[1] in FUNCTIONAL][::2]
    new = [(s, r, str(world.rng.choice([e for e in world.entities if e != o]))) for s, r, o in old]
    told = facts.tell_many(new, at=2.0)
    questions = [(s, r, None) for s, r, _ in new]
    now, then = facts.ask_many(questions), facts.ask_many(questions, at=1.5)
    return {
        "replaced": share(one.status == "replaces" for one in told),
        "newest_wins": share(a.symbols == (f[2],) for a, f in zip(now, new, strict=True)),
        "old_kept": share(a.symbols == (f[2],) and a.valid_to == 2.0 for a, f in zip(then, old, strict=True)),
    }


def share(right) -> float:  # type: ignore[no-untyped-def]
    """Share of true ones."""
    return float(np.mean(list(right)))


def main(seeds: int = 5, quick: bool = False) -> None:
    """Run all seeds, print mean and spread of each figure."""
    rows = [b11(seed, quick) for seed in range(1, seeds + 1)]
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        print(
            f"{name:28} {values.mean():.4f} +- {values.std(ddof=1) if seeds > 1 else 0.0:.4f}   {np.round(values, 4).tolist()}"
        )


if __name__ == "__main__":
    main()
