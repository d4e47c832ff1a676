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
from neurosim.memory.context import FreeRecall, LagCrp, TemporalContext, lag_crp
from neurosim.memory.engram import Remembered
from neurosim.memory.episodic import EpisodicMemory
from neurosim.memory.layer import Layer, Volleys
from neurosim.memory.separation import Separation
from neurosim.memory.sequences import Replay, SequenceMemory
from neurosim.plot import canvas

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
    look = [AssociativeStore(net, one, pixels, name=f"{one.name} to pixels") for one in (dentate.target, order.layer)]
    spikes, contexts, told = net.record(order.layer.cells, "spikes"), [], []
    order.store(lived)
    times = {"lived": (0.0, net.now)}
    for one in lived:
        context.renew()
        contexts.append(context.drift(len(one)))
        seen, codes = [pictures[s] for s in one], dentate.separate([pictures[s] for s in one])
        told += memory.store_many(codes, contexts=contexts[-1], labels=[*one])
        look[0].store(codes, seen)
    state = order.arrays()
    cells = np.split(state["cells"].astype(int), np.cumsum(state["sizes"])[:-1])
    look[1].store(cells, [pictures[s] for one in lived for s in one])
    replays, played = {}, {}
    for cue in dict.fromkeys([lived[0][0], lived[-1][0], shared(lived)]):
        begin = net.now
        replays[cue] = order.replay(cue, most=8)
        times[cue] = (begin, net.now)
        played[cue] = look[1].recall(replays[cue].cells, mode="threshold", threshold=order.k).winners
    cues = {name: left(one, part) for name, one in pictures.items()}
    answers = dict(zip(cues, memory.recall_many(dentate.separate([*cues.values()])), strict=True))
    back = look[0].recall([a.pattern for a in answers.values()], mode="threshold").winners
    lists = max(2, round(duration / LIST))
    crp = recalled(seed, lists)
    known = judged(answers, scenes, strange) | {
        "strengthened": [e.label for e in dict.fromkeys(told) if e.status == "strengthened"]
    }
    chains = {c: {"steps": r.steps, "status": r.status, "compression": r.compression} for c, r in replays.items()}
    lags = {int(lag): round(float(p), 3) for lag, p in zip(crp.lag, np.nan_to_num(crp.probability), strict=True)}
    report = {"seed": seed, "lists": lists} | known | {"replay": chains, "lag_crp": lags}
    Path(out).mkdir(parents=True, exist_ok=True)
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    figure = canvas.new_figure(11.0, 11.0)
    above, middle, below = figure.subfigures(3, 1, height_ratios=[1.0, 1.6, 1.2])
    gallery(above, pictures, cues, answers, back)
    chain(middle, replays, played, order, spikes, times)
    time(below, contexts, crp)
    figure.supxlabel(f"seed {seed}, neurosim {ns.__version__}", fontsize=8)
    canvas.save(figure, Path(out) / "episodes.png", 100)
    return lines(known, replays, crp)


def judged(answers: dict[str, Remembered], scenes: list[str], strange: list[str]) -> dict[str, object]:
    """How many scenes were named rightly, and which strange ones were taken for what, with the share of the cue that spoke."""
    right = [s for s in scenes if answers[s].status == "ok" and answers[s].best.label == s]
    fooled = {s: [answers[s].best.label, answers[s].best.overlap] for s in strange if answers[s].best is not None}
    return {"scenes": scenes, "recalled": right, "strange": strange, "taken_for_known": fooled}


def picture(letter: str, seed: int) -> np.ndarray:
    """Pixels of a letter somewhere in the field, as places of the content."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    path = TextPath((0, 0), letter, size=THING, prop=FontProperties(family="DejaVu Sans", weight="bold"))
    low, high = path.vertices.min(0), path.vertices.max(0)
    row, column = np.random.default_rng([seed, ord(letter)]).integers(0, SIDE - THING + 1, 2)
    y, x = np.divmod(np.arange(SIDE**2), SIDE)
    at = (np.stack([x - column, THING - 1 - (y - row)], axis=1) + 0.5) / THING * (high - low) + low
    return np.flatnonzero(path.contains_points(at))


def left(places: np.ndarray, part: float) -> np.ndarray:
    """The leftmost pixels."""
    order = np.lexsort((places, places % SIDE))
    return np.sort(places[order[: max(1, round(part * places.size))]])


def shared(lived: list[str]) -> str:
    """A scene of more than one morning, or the first."""
    return next((s for s in lived[0] if sum(s in one for one in lived) > 1), lived[0][0])


def recalled(seed: int, lists: int) -> LagCrp:
    """Lists of twelve items, studied and recalled in a network of their own."""
    net = ns.Network(dt=1.0, seed=seed)
    model, out = FreeRecall(net, TemporalContext(net, levels=32), ITEMS), []
    for _ in range(lists):
        model.study()
        out.append(model.recall())
    return lag_crp(out, ITEMS)


def lines(known: dict, replays: dict[str, Replay], crp: LagCrp) -> list[str]:
    """What came out, and whether it is what was promised."""
    fooled, strange = known["taken_for_known"], known["strange"]
    taken = ", ".join(f"{s} for {label} ({share:.0%} of its cells)" for s, (label, share) in fooled.items())
    out = [
        f"scenes recalled from a part: {len(known['recalled'])} of {len(known['scenes'])}; "
        f"met again and strengthened: {' '.join(known['strengthened']) or 'none'}",
        f"strange scenes rejected: {len(strange) - len(fooled)} of {len(strange)}{'; TAKEN: ' if taken else ''}{taken}",
    ]
    for cue, r in replays.items():
        steps = " ".join("/".join(step) for step in r.steps)
        out.append(f"replay from {cue}: {steps or 'nothing'} ({r.status}, {r.compression:.1f} times as fast)")
    fine = "" if crp.at(1) > crp.at(-1) else ", NOT forward"
    ratio = crp.at(1) / max(crp.at(-1), 1e-9)
    out.append(f"free recall: lag +1 {crp.at(1):.2f}, -1 {crp.at(-1):.2f}, ratio {ratio:.2f} (people: about 2){fine}")
    return out


def gallery(figure: object, pictures: dict, cues: dict, answers: dict, back: Volleys) -> None:
    """Cues, and what fires: pixels that fire black, those of the whole picture that do not red."""
    for i, (name, panels) in enumerate(zip(cues, figure.subplots(2, len(cues)).T, strict=True)):
        best = answers[name].best
        label = "unknown" if best is None else str(best.label)
        rows = ((name, cues[name], pictures[name]), (label, back[i], pictures.get(label, [])))
        for ax, (title, fires, whole) in zip(panels, rows, strict=True):
            image = np.ones((SIDE**2, 3))
            image[np.asarray(whole, int)] = (1.0, 0.6, 0.55)
            image[fires] = 0.1
            ax.imshow(image.reshape(SIDE, SIDE, 3))
            ax.set(xticks=[], yticks=[])
            ax.set_title(title, fontsize=9, color=canvas.INK if title in (name, "unknown") else canvas.VERMILLION)
            if not i:
                ax.set_ylabel("cue" if ax is panels[0] else "fires")


def time(figure: object, contexts: list[Volleys], crp: LagCrp) -> None:
    """How alike contexts are; what is recalled after what."""
    axes = figure.subplots(1, 3, width_ratios=[1.0, 1.2, 1.2])
    active = np.concatenate([one.dense() for one in contexts]).astype(float)
    common = active @ active.T / np.sqrt(np.outer(active.sum(1), active.sum(1)))
    image = axes[0].imshow(common, vmin=0.0, vmax=1.0, cmap="viridis")
    figure.colorbar(image, ax=axes[0], label="share of cells in common")
    axes[0].set(title="contexts of all mornings", xlabel="scene", ylabel="scene")
    first = len(contexts[0])
    lag = np.arange(1, first)
    axes[1].plot(lag, 0.02 + 0.98 * 0.8**lag, color=canvas.INK, label="closed form")
    seen = [np.diagonal(common[:first, :first], x) for x in lag]
    axes[1].plot(np.repeat(lag, first - lag), np.concatenate(seen), "o", color=canvas.BLUE, label="first morning")
    axes[1].set(xlabel="scenes apart", ylabel="share of cells in common", ylim=(0, 1), xticks=lag)
    axes[1].legend(frameon=False)
    near = np.abs(crp.lag) <= 5
    for side in (crp.lag < 0, crp.lag > 0):
        axes[2].plot(crp.lag[near & side], crp.probability[near & side], "o-", color=canvas.VERMILLION)
    axes[2].set(xlabel="lag in the list", ylabel="probability of the next recall", ylim=(0, None))
    axes[2].set_title("free recall of lists of twelve")
    for ax in axes[1:]:
        canvas.open_frame(ax)


def chain(figure: object, replays: dict, played: dict, order: SequenceMemory, spikes: object, times: dict) -> None:
    """Rasters of the chain's cells, all to the same scale of time but for the first, and the pictures that replays wake."""
    width = [2.2, *[1.0] * len(replays)]
    grid = figure.add_gridspec(2, len(width), width_ratios=width, height_ratios=[3.0, 1.0])
    place = np.searchsorted(order.layer.uid, spikes.uid)
    size = order.layer.n / len(order.elements)
    for i, (name, (start, stop)) in enumerate(times.items()):
        ax = figure.add_subplot(grid[0, i])
        inside = (spikes.t > start) & (spikes.t <= stop)
        last = spikes.t[inside].max(initial=start) + 5.0
        colours = np.array(canvas.PALETTE)[order.column[place[inside]] % len(canvas.PALETTE)]
        ax.scatter(spikes.t[inside] - start, place[inside] / size, s=6, c=colours, linewidths=0)
        ax.set(yticks=np.arange(len(order.elements)) + 0.5, yticklabels=order.elements, ylim=(len(order.elements), 0))
        ax.set(xlabel="ms", xlim=(-0.03 * (last - start), last - start))
        ax.set_title("as lived" if name == "lived" else f"replay from {name}: {replays[name].status}", fontsize=10)
        canvas.open_frame(ax)
        if name == "lived":
            continue
        pictures = figure.add_subplot(grid[1, i])
        both = np.ones((SIDE, (SIDE + 2) * max(len(played[name]), 1)))
        for j, cells in enumerate(played[name]):
            both[cells // SIDE, cells % SIDE + j * (SIDE + 2)] = 0.1
        pictures.imshow(both, cmap="gray", vmin=0.0, vmax=1.0)
        pictures.set_axis_off()
        pictures.set_title(" ".join("/".join(step) for step in replays[name].steps), fontsize=9)


if __name__ == "__main__":
    print(*main(), sep="\n")
