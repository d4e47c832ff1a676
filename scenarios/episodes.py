"""Two mornings are lived through once: scenes come back from a part of them, strange ones are unknown, and mornings replay.

A scene is a picture, a thing at a place.  Its pixels drive the dentate gyrus, whose code gets synapses with an index cell at once, as
does the context of the moment, which drifts by four of its twenty cells from scene to scene.  A cue is rejected if it has no more
support than random cues have; a strange thing that covers many pixels of a known one passes now and then.  The order of scenes is kept by
chains of cells: two mornings that share the scenes B and C use other cells for them, so that what is expected after C depends on
where it began.

episodes.png: cues and what fires; in red, pixels of the picture that do not.  Then the spikes of the chain as it is lived, and as it
replays from its first scene, eight times as fast; from the shared scene B it plays both mornings at once, and says so.  Last, how
alike contexts are, and what is recalled after what, by its distance in the list, when context alone is the cue (lag-CRP).

    neurosim run episodes --set mornings=ABCDE,FBCGH,ACE
"""

import json
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.memory.associative import AssociativeStore
from neurosim.memory.context import FreeRecall, LagCrp, TemporalContext
from neurosim.memory.episodic import EpisodicMemory
from neurosim.memory.layer import Layer, volleys
from neurosim.memory.separation import Separation, overlaps
from neurosim.memory.sequences import SequenceMemory
from neurosim.plot import canvas
from neurosim.plot.episodes import chains, completed, drifting, glyph, lags

SIDE, THING, ITEMS = 28, 12, 12  # pixels of the side of a picture, of a thing in it; items of a list
STRANGE = "KQSXZ"
LIST = 100.0  # ms of the scenario's duration that stand for a list


def main(
    duration: float = 4_000.0, seed: int = 1, out: str | Path = "runs/episodes", progress: bool | None = None, *,
    mornings: str = "ABCDE,FBCGH", part: float = 0.7,
) -> list[str]:  # fmt: skip
    """Live the mornings, cue, reject, replay; then study and recall a list for every 100 ms of `duration`.

    `mornings` are sequences of letters, whose shapes are the scenes; `part` is the share of a picture, from the left, in a cue.
    """
    lived = mornings.split(",")
    scenes = sorted({*"".join(lived)})
    strange = [s for s in STRANGE if s not in scenes]
    pictures = {name: picture(name, seed) for name in [*scenes, *strange]}
    net = ns.Network(dt=1.0, seed=seed)
    pixels = Layer(net, "pixels", SIDE**2, 60)
    dentate = Separation(net, pixels, 3000, 30)
    context, order = TemporalContext(net), SequenceMemory(net, scenes)
    memory = EpisodicMemory(net, dentate.target, n=64, context=context.layer)
    look, imagine = (AssociativeStore(net, one, pixels, name=f"{one.name} to pixels") for one in (dentate.target, order.layer))  # fmt: skip
    spikes, contexts, told = net.record(order.layer.cells, "spikes"), [], []
    order.store(lived)
    windows, played = {"as lived": (0.0, net.now)}, {}
    for one in lived:
        context.renew()
        now, codes = context.drift(len(one)), dentate.separate([pictures[s] for s in one])
        told += memory.store_many(codes, contexts=now, labels=[*one])
        look.store(codes, [pictures[s] for s in one])
        contexts += [*now]
    imagine.store(order.occurrences(), [pictures[s] for s in "".join(lived)])
    shared = next((s for s in lived[0] if sum(s in one for one in lived) > 1), lived[0][0])
    report = {"seed": seed, "lists": max(2, round(duration / LIST)), "scenes": scenes, "strange": strange, "replay": {}}
    for cue in dict.fromkeys([lived[0][0], lived[-1][0], shared]):
        begin, r = net.now, order.replay(cue, most=8)
        windows[title := f"replay from {cue}: {r.status}"] = (begin, net.now)
        seen = imagine.recall(r.cells, mode="threshold", threshold=order.k).winners
        played[title] = (" ".join("/".join(step) for step in r.steps), [*seen])
        report["replay"][cue] = {"steps": r.steps, "status": r.status, "compression": r.compression}
    cues = {name: left(one, part) for name, one in pictures.items()}
    answers = dict(zip(cues, memory.recall_many(dentate.separate([*cues.values()])), strict=True))
    back = look.recall([a.pattern for a in answers.values()], mode="threshold").winners
    best = {s: a.best for s, a in answers.items() if a.best is not None}
    report["recalled"] = [s for s in scenes if answers[s].status == "ok" and best[s].label == s]
    report["taken_for_known"] = {s: [best[s].label, best[s].overlap] for s in strange if s in best}
    report["strengthened"] = [e.label for e in dict.fromkeys(told) if e.status == "strengthened"]
    other = ns.Network(dt=1.0, seed=seed)
    crp = FreeRecall(other, TemporalContext(other, levels=32), ITEMS).lags(report["lists"])
    report["lag_crp"] = dict(zip(crp.lag.tolist(), np.nan_to_num(crp.probability).round(3).tolist(), strict=True))
    Path(out).mkdir(parents=True, exist_ok=True)
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    figure = canvas.new_figure(11.0, 11.0)
    above, middle, below = figure.subfigures(3, 1, height_ratios=[1.0, 1.6, 1.2])
    names = [best[s].label if s in best else "unknown" for s in cues]
    replies = [(name, fires, pictures.get(name, [])) for name, fires in zip(names, back, strict=True)]
    completed([(s, cues[s], pictures[s]) for s in cues], replies, shape=(SIDE, SIDE), figure=above)
    row = np.searchsorted(order.layer.uid, spikes.uid) * len(scenes) / order.layer.n
    chains(spikes.t, row, windows, scenes, pictures=played, shape=(SIDE, SIDE), figure=middle)
    *two, last = below.subplots(1, 3, width_ratios=[1.0, 1.2, 1.2])
    expected = context.expected_overlap(np.arange(1, len(lived[0])))
    drifting(overlaps(volleys("contexts", contexts, context.n)), expected, axes=two)[0].set_title(
        "contexts of all mornings"
    )
    lags(crp.lag, crp.probability, ax=last).set_title("free recall of lists of twelve")
    figure.supxlabel(f"seed {seed}, neurosim {ns.__version__}", fontsize=8)
    canvas.save(figure, Path(out) / "episodes.png", 100)
    return lines(report, crp)


def picture(letter: str, seed: int) -> np.ndarray:
    """Pixels of a letter somewhere in the field, as places of the content."""
    row, column = np.random.default_rng([seed, ord(letter)]).integers(0, SIDE - THING + 1, 2)
    y, x = np.nonzero(glyph(letter, THING))
    return (y + row) * SIDE + x + column


def left(places: np.ndarray, part: float) -> np.ndarray:
    """The leftmost pixels."""
    order = np.lexsort((places, places % SIDE))
    return np.sort(places[order[: max(1, round(part * places.size))]])


def lines(report: dict, crp: LagCrp) -> list[str]:
    """What came out, and whether it is what was promised."""
    fooled, strange, ahead, back = report["taken_for_known"], report["strange"], crp.at(1), crp.at(-1)
    taken = ", ".join(f"{s} for {label} ({share:.0%} of its cells)" for s, (label, share) in fooled.items())
    replays = [
        f"replay from {cue}: {' '.join('/'.join(step) for step in r['steps']) or 'nothing'} "
        f"({r['status']}, {r['compression']:.1f} times as fast)"
        for cue, r in report["replay"].items()
    ]
    return [
        f"scenes recalled from a part: {len(report['recalled'])} of {len(report['scenes'])}; "
        f"met again and strengthened: {' '.join(report['strengthened']) or 'none'}",
        f"strange scenes rejected: {len(strange) - len(fooled)} of {len(strange)}{'; TAKEN: ' if taken else ''}{taken}",
        *replays,
        f"free recall: lag +1 {ahead:.2f}, -1 {back:.2f}, ratio {ahead / max(back, 1e-9):.2f} (people: about 2)"
        f"{'' if ahead > back else ', NOT forward'}",
    ]


if __name__ == "__main__":
    print(*main(), sep="\n")
