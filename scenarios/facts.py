"""Questions and answers about a few people, in spikes: what was told, what follows, what holds no more, and "I do not know".

A fact is one index cell.  Three words fire in three layers; roles move their spikes, so that in the fact layer they are one volley, and
the index cell gets key synapses from the words and value synapses to the volley.  A question fires two words: the index cell of which
all key synapses speak wakes its fact, roles are taken off, and a clean-up names the third.  Python keeps times and counters, no words.

Then used facts are replayed in sleep, and the index loses its synapses, some at a time, until nothing is left of it: answers become
fewer, not false.  What was used three times can still be asked, of the slow store.

facts.png: spikes of one question (eight of 64 blocks); right, false and refused answers as synapses are lost; what the slow store still knows.

    neurosim run facts --set losses=0.2,0.4,0.6
"""

import json
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.memory import Facts, Rule
from neurosim.memory.fact_answers import graded
from neurosim.memory.fact_trials import lose_synapses, spikes_of
from neurosim.plot import canvas
from neurosim.plot.answers import answers_left, layer_spikes

STRANGER = 20.0  # ms of the scenario's duration that stand for a fact about strangers
TOLD = [
    ("Ada", "works at", "the mill", 1830), ("Bob", "works at", "the mill", 1831), ("Cy", "works at", "the lab", 1831),
    ("the mill", "lies in", "Kent", 1800), ("the lab", "lies in", "Bern", 1800), ("Eve", "parent of", "Ada", 1800),
    ("Ada", "parent of", "Dan", 1840), ("Dan", "parent of", "Fay", 1870), ("Ada", "works at", "the lab", 1842),
]  # fmt: skip
GRANDPARENT = Rule([("?x", "parent of", "?y"), ("?y", "parent of", "?z")], ("?x", "grandparent of", "?z"))
# What is asked, in words, as a pattern and a time; and the answers that are right.
ASKED = [
    ("Where does Ada work?", ("Ada", "works at", None), None, {"the lab"}),
    ("Where did she work in 1835?", ("Ada", "works at", None), 1835, {"the mill"}),
    ("Who works at the lab?", (None, "works at", "the lab"), None, {"Ada", "Cy"}),
    ("What is Eve to Ada?", ("Eve", None, "Ada"), None, {"parent of"}),
    ("Of whom is Eve a grandparent?", ("Eve", "grandparent of", None), None, {"Dan"}),
    ("Where does Zoe work?", ("Zoe", "works at", None), None, set()),
    ("Where does Fay work?", ("Fay", "works at", None), None, set()),
    ("Whom does Ada envy?", ("Ada", "envies", None), None, set()),
]


def main(
    duration: float = 2_000.0, seed: int = 1, out: str | Path = "runs/facts", progress: bool | None = None, *,
    losses: str = "0.1,0.2,0.3,0.4,0.5,0.6,0.7", n_slow: int = 4096,
) -> list[str]:  # fmt: skip
    """Tell, ask, infer, sleep, take synapses away, ask again; draw, and say what was right.

    `duration` has 20 ms for each fact about strangers, `losses` are shares of the synapses of the index, `n_slow` cells of the slow store.
    """
    facts = Facts(ns.Network(dt=1.0, seed=seed), n_facts=400, functional=["works at"], n_slow=n_slow)
    strangers = some(np.random.default_rng(seed), max(20, round(duration / STRANGER)))
    facts.tell_many(strangers, at=1800)
    lines = [tell(facts, *told) for told in TOLD]
    lines += [f"It follows: {' '.join(d.triple)}." for d in facts.infer([GRANDPARENT], at=1870)]
    answers = [facts.ask(*pattern, at=at) for _, pattern, at, _ in ASKED]
    answers.append(facts.chain("Ada", ["works at", "lies in"]))
    asked = [(text, truth) for text, _, _, truth in ASKED] + [("In which place does Ada work?", {"Bern"})]
    lines += [f"{text}  {answer}" for (text, _), answer in zip(asked, answers, strict=True)]
    right = sum(set(answer.symbols) == truth for (_, truth), answer in zip(asked, answers, strict=True))
    lines.append(f"{right} of {len(asked)} answers are right.")
    spikes = spikes_of(facts, ASKED[0][1], blocks=8)
    used = strangers[: len(strangers) // 2]
    for _ in range(3):
        facts.ask_many([(s, r, None) for s, r, _ in used])
    lines.append(f"Asleep: {facts.sleep()}.")
    course = lose(facts, strangers, sorted(float(share) for share in losses.split(",")), used)
    lines += verdict(course, len(used), len(strangers))
    Path(out).mkdir(parents=True, exist_ok=True)
    (Path(out) / "report.json").write_text(json.dumps({"seed": seed, "lines": lines, "course": course}, indent=1))
    draw(Path(out) / "facts.png", spikes, course, f"{len(facts)} facts, seed {seed}, neurosim {ns.__version__}")
    return lines


def some(rng: np.random.Generator, number: int) -> list[tuple[str, str, str]]:
    """Facts about strangers: 30 people, 6 relations, one object each."""
    pairs = [(f"person {i}", f"relation {j}") for i in range(30) for j in range(6)]
    return [(*pairs[k], f"person {rng.integers(30)}") for k in rng.permutation(len(pairs))[:number]]


def tell(facts: Facts, subject: str, relation: str, object: str, year: int) -> str:
    """Tell one fact; what became of it, in words."""
    told = facts.tell(subject, relation, object, at=year)
    old = "" if told.replaced is None else f" fact {told.replaced}"
    return f"{year}: {subject} {relation} {object}.  [{told.status}{old}]"


def lose(facts: Facts, told: list, losses: list[float], used: list) -> list[dict]:
    """Take synapses of the index away, at random; how many questions each store answers rightly, falsely and not at all."""
    rng, kept, course = np.random.default_rng(7), 1.0, []
    questions, objects = [(s, r, None) for s, r, _ in told], [o for _, _, o in told]
    for share in [0.0, *losses, 1.0]:
        lose_synapses(facts, 1.0 - (1.0 - share) / kept, rng)
        kept = max(1.0 - share, 1e-9)
        row: dict = {"lost": share}
        for store in ("index", "both"):
            row[store] = graded(facts.ask_many(questions, stores=store), objects)
        row["used"] = graded(facts.ask_many(questions[: len(used)]), objects[: len(used)])[0]
        course.append(row)
    return course


def verdict(course: list[dict], used: int, told: int) -> list[str]:
    """What was lost, what was false, and what a table would have done."""
    last, half = course[-1], min(course, key=lambda row: abs(row["lost"] - 0.3))
    wrong = max(row[store][1] for row in course for store in ("index", "both"))
    return [
        f"With {half['lost']:.0%} of the synapses of the index gone it answers {half['index'][0]:.0%} of the questions about strangers.",
        f"With all gone it answers {last['index'][0]:.0%}.",
        f"The slow store then answers {last['used']:.0%} of the {used} used three times, of {told}; it does not know since when.",
        f"False answers, at most: {wrong:.1%} of the questions.",
        "A table of triples gives all of these answers in microseconds, without a doubt and without a loss.",
        "What synapses add: what is lost is missing, not false, and what was used is kept elsewhere.",
    ]  # fmt: skip


def draw(path: Path, spikes: dict, course: list[dict], told: str) -> None:
    """The spikes of a question above; below, answers as synapses are lost."""
    figure = canvas.new_figure(10.0, 8.5)
    above, below = figure.subfigures(2, 1, height_ratios=[1.5, 1.0])
    again = spikes["known words"][0].min() - 4.0  # the index cell speaks: its word is known four steps later
    found = ("Where does Ada work?  Two words find a cell", "ms from the question", 0.0, 4.5)
    woken = "The cell wakes its fact; a role is taken off; a word is known"
    layer_spikes(spikes, [found, (woken, "ms from the index cell's spike", again, 7.5)], figure=above)
    names = {"index": "index alone", "both": "index and slow store", "used": "both, used three times"}
    curves = {name: [row[store] for row in course] for store, name in names.items()}
    ax = answers_left([row["lost"] for row in course], curves, ax=below.subplots())
    ax.set_xlabel("share of the synapses of the index that is lost")
    figure.supxlabel(told, fontsize=8)
    canvas.save(figure, path, 100)


if __name__ == "__main__":
    print(*main(), sep="\n")
