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
from neurosim.memory.fact_rules import Rule
from neurosim.memory.facts import Facts
from neurosim.plot import canvas

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

# Layers of the picture; of those with codes the first blocks are shown.
LAYERS = {"subject": "Ada", "relation": "works at", "index": "index cells", "fact": "fact", "object": "object, role off", "known": "known words"}  # fmt: skip
SHOWN = 8


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
    lines = []
    for *triple, year in TOLD:
        told = facts.tell(*triple, at=year)
        lines.append(
            f"{year}: {' '.join(triple)}.  [{told.status}{'' if told.replaced is None else f' fact {told.replaced}'}]"
        )
    lines += [f"It follows: {' '.join(d.triple)}." for d in facts.infer([GRANDPARENT], at=1870)]
    right = 0
    for text, pattern, at, truth in ASKED:
        answer = facts.ask(*pattern, at=at)
        right += set(answer.symbols) == truth
        lines.append(f"{text}  {said(answer)}")
    where = facts.chain("Ada", ["works at", "lies in"])
    right += where.symbol == "Bern"
    lines.append(f"In which place does Ada work?  {said(where)}")
    lines.append(f"{right} of {len(ASKED) + 1} answers are right.")
    raster = watch(facts, ASKED[0][1])
    used = strangers[: len(strangers) // 2]
    for _ in range(3):
        facts.ask_many([(s, r, None) for s, r, _ in used])
    lines.append(f"Asleep: {facts.sleep()}.")
    course = lose(facts, strangers, [float(share) for share in losses.split(",")], used)
    lines += verdict(facts, course, len(used), len(strangers))
    Path(out).mkdir(parents=True, exist_ok=True)
    (Path(out) / "report.json").write_text(json.dumps({"seed": seed, "lines": lines, "course": course}, indent=1))
    draw(Path(out) / "facts.png", raster, course, f"{len(facts)} facts, seed {seed}, neurosim {ns.__version__}")
    return lines


def some(rng: np.random.Generator, number: int) -> list[tuple[str, str, str]]:
    """Facts about strangers: 30 people, 6 relations, one object each."""
    pairs = [(f"person {i}", f"relation {j}") for i in range(30) for j in range(6)]
    return [(*pairs[k], f"person {rng.integers(30)}") for k in rng.permutation(len(pairs))[:number]]


def said(answer) -> str:
    """An answer in words."""
    if not answer.symbols:
        return (
            f"I do not know (nobody had {answer.theta:.0f} key synapses; false alarms {answer.false_alarm_rate:.2%})."
        )
    since = f", since {answer.valid_from:.0f}" + ("" if answer.valid_to == np.inf else f" until {answer.valid_to:.0f}")
    return f"{', '.join(answer.symbols)} ({answer.source}{since if len(answer.facts) == 1 else ''}, {answer.latency:.0f} ms)."


def watch(facts: Facts, question) -> dict:
    """The spikes of one question: ms from its words on, and place, by layer."""
    circuit = facts.circuit
    layers = {role: circuit.words[role].cells for role in ("subject", "relation")}
    layers |= {
        "index": facts.store.index.cells,
        "fact": circuit.fact.cells,
        "object": circuit.clean["object"].layer.units,
    }
    layers["known"] = circuit.clean["object"].cells
    heard = {name: facts.net.record(cells) for name, cells in layers.items()}
    facts.ask(*question)
    begin = min(r.t.min() for r in heard.values() if r.t.size)
    spikes = {name: (r.t - begin, r.index, len(layers[name])) for name, r in heard.items()}
    for recorder in heard.values():
        facts.net.remove(recorder)
    return spikes


def lose(facts: Facts, told: list, losses: list[float], used: list) -> list[dict]:
    """Take synapses of the index away, at random; how many questions each store answers rightly, falsely and not at all."""
    rng, kept, course = np.random.default_rng(7), 1.0, []
    questions = [(s, r, None) for s, r, _ in told]
    for share in [0.0, *losses, 1.0]:
        for p in (*facts.store.key.values(), *facts.store.value.values()):
            edges = p.edges()
            gone = rng.random(len(edges)) < 1.0 - (1.0 - share) / kept
            if gone.any():
                edges[gone].remove(rule="lesion")
        kept = max(1.0 - share, 1e-9)
        row: dict = {"lost": share}
        for store in ("index", "both"):
            row[store] = tally(facts.ask_many(questions, stores=store), told)
        row["used"] = tally(facts.ask_many(questions[: len(used)]), used)[0]
        course.append(row)
    return course


def tally(answers: list, told: list) -> list[float]:
    """Shares of right and of false answers; the rest was refused."""
    fine = [a.symbols == (object,) for a, (_, _, object) in zip(answers, told, strict=True)]
    return [float(np.mean(fine)), float(np.mean([bool(a.symbols) for a in answers])) - float(np.mean(fine))]


def verdict(facts: Facts, course: list[dict], used: int, told: int) -> list[str]:
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


def draw(path: Path, raster: dict, course: list[dict], told: str) -> None:
    """The spikes of a question above; below, answers as synapses are lost."""
    figure = canvas.new_figure(10.0, 8.5)
    above, below = figure.subfigures(2, 1, height_ratios=[1.5, 1.0])
    again = raster["known"][0].min() - 4.0  # the index cell speaks: its word is known four steps later
    axes = above.subplots(len(LAYERS), 2, sharex="col", width_ratios=[1.0, 1.6])
    for i, (key, name) in enumerate(LAYERS.items()):
        t, place, n = raster[key]
        top = min(n, SHOWN * 16) if n > 600 else n
        for ax, begin, late in zip(axes[i], (0.0, again), (4.5, 7.5), strict=True):
            fine = (place < top) & (t >= begin - 1.0) & (t < begin + late)
            ax.plot(t[fine] - begin, place[fine], "o", ms=2.5, mew=0, color=canvas.colour(i))
            ax.set(ylim=(-0.05 * n if n == top else -2, 1.05 * top), yticks=[], xlim=(-0.7, late))
            canvas.open_frame(ax)
        axes[i, 0].set_ylabel(name, rotation=0, ha="right", va="center")
    axes[0, 0].set_title("Where does Ada work?  Two words find a cell", fontsize=9)
    axes[0, 1].set_title("The cell wakes its fact; a role is taken off; a word is known", fontsize=9)
    axes[-1, 0].set_xlabel("ms from the question")
    axes[-1, 1].set_xlabel("ms from the index cell's spike")
    ax = below.subplots()
    x = [row["lost"] for row in course]
    for store, colour, label in (("index", canvas.BLUE, "index alone"), ("both", canvas.GREEN, "index and slow store")):
        ax.plot(x, [row[store][0] for row in course], "o-", color=colour, label=f"{label}: right")
        ax.plot(x, [row[store][1] for row in course], "s--", ms=4, color=colour, label=f"{label}: false")
    ax.plot(x, [row["used"] for row in course], ":", color=canvas.INK, label="both, used three times: right")
    ax.set(xlabel="share of the synapses of the index that is lost", ylabel="share of questions", ylim=(-0.03, 1.05))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    canvas.open_frame(ax)
    figure.supxlabel(told, fontsize=8)
    canvas.save(figure, path, 100)


if __name__ == "__main__":
    print(*main(), sep="\n")
