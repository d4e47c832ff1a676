"""Classes one after another, no image kept: engrams by day, a cortex that learns in sleep, and what others need for the same.

1,797 digits of 8 x 8 pixels, five tasks of two classes, each image seen once, in its task only.  A network that learns them
in this order by gradient descent knows the last two at the end.  Usually stored samples are mixed in (replay buffers).  Here
an image makes sensors fire, and an engram cell that is near enough moves its synapses towards it, or a new one is recruited;
then the image is dropped.  In the night engrams fire by chance and their synapses make the sensors fire: what they replay are
means, no samples, of old and new classes alike, and from these the synapses of the cortex learn.

Above: accuracy on all classes seen so far; and at the end against the bytes that each learner keeps.  Below: the synapses from
engrams to sensors, as images; and what the sensors do in some replays of the last night.

    neurosim run continual --set images=600
"""

import json
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.memory.classes import AwakeCortex, Classes, ClassMemory
from neurosim.memory.incremental import Course, one_after_another, ranked, rivals
from neurosim.plot import canvas

TASKS = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
CYCLE = 240.0  # ms of a replay, about
SHOWN = {"memory": canvas.VERMILLION, "streaming LDA": canvas.BLUE, "nearest mean": canvas.SKY, "replay 50": canvas.GREEN,
         "replay 200": canvas.PURPLE, "naive": canvas.GREY, "awake cortex": canvas.ORANGE}  # fmt: skip


def main(
    duration: float = 360_000.0, seed: int = 1, out: str | Path = "runs/continual", progress: bool | None = None, *,
    images: int = 1797, epochs: int = 20,
) -> list[str]:  # fmt: skip
    """Learn, sleep for `duration` ms after each task, test, compare and draw.

    `images` is how many of the data set are used, 70 % of them to learn; `epochs` how often the perceptrons see them.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError("the digits come with scikit-learn: pip install 'neurosim[data]'") from None
    pixels, labels = load_digits(return_X_y=True)
    order = np.random.default_rng([seed, 64]).permutation(len(labels))[:images]
    train, test = np.split(order, [round(0.7 * order.size)])
    replays = max(1, round(duration / CYCLE))
    memory, awake = (
        ClassMemory(ns.Network(dt=1.0, seed=seed), 64, 10, parameters=Classes(replays=replays)) for _ in range(2)
    )
    learners = {"memory": memory, "awake cortex": AwakeCortex(awake), **rivals(64, 10, seed=seed, epochs=epochs)}
    courses, days, nights, dreams = {}, [], [], []

    def look(task: int, day: object, night: object) -> None:
        days.append(day)
        nights.append(night)

    for name, learner in learners.items():
        courses[name] = one_after_another(
            learner, pixels, labels, train, test, TASKS, look=look if learner is memory else None
        )
    parts = {by: float((memory.answer(pixels[test], by=by) == labels[test]).mean()) for by in ("episodic", "cortex")}
    dreams = memory.dream(20)
    kept = {name: learner.retained() for name, learner in learners.items()}
    rows = {
        name: {"accuracy": course.final, "forgetting": course.forgetting, "samples": kept[name]["samples"], "bytes": kept[name]["bytes"]}
        for name, course in courses.items()
    }  # fmt: skip
    recruited, forgotten = sum(day.recruited for day in days), sum(night.forgotten for night in nights)
    report = {"seed": seed, "images": int(train.size), "learners": rows, "by": parts, "recruited": recruited, "forgotten": forgotten,
              "images unreachable after their task": courses["memory"].unreachable}  # fmt: skip
    Path(out).mkdir(parents=True, exist_ok=True)
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    draw(Path(out) / "continual.png", memory, courses, rows, dreams, f"seed {seed}, neurosim {ns.__version__}")
    return told(report)


def told(report: dict) -> list[str]:
    """The result in words: who is better, whatever it is."""
    rows = report["learners"]
    mine, parts = rows["memory"]["accuracy"], report["by"]
    lines = [f"accuracy on ten classes {mine:.3f}: engrams alone {parts['episodic']:.3f}, cortex alone {parts['cortex']:.3f} "
             f"(awake, without sleep, {rows['awake cortex']['accuracy']:.3f})"]  # fmt: skip
    lines.append(
        f"engrams recruited {report['recruited']}, forgotten in sleep {report['forgotten']}; bytes {rows['memory']['bytes']:,}"
    )
    lines += ranked(rows, "memory", beside=("awake cortex",))
    gone = "gone" if report["images unreachable after their task"] else "NOT gone"
    lines.append(
        f"images are {gone} after their task; each of {report['images']} was seen once, by perceptrons in epochs"
    )
    return lines


def draw(
    path: Path, memory: ClassMemory, courses: dict[str, Course], rows: dict, dreams: np.ndarray, note: str
) -> None:
    """Accuracy by task and by bytes; engrams and replays as images."""
    figure = canvas.new_figure(11.0, 9.0)
    above, below = figure.subfigures(2, 1, height_ratios=[1.0, 1.15])
    left, right = above.subfigures(1, 2)
    tasks = left.subplots(2, 1, sharex=True, height_ratios=[1.4, 1.0])
    price = right.subplots()
    for name, colour in SHOWN.items():
        seen = [np.nanmean(row) for row in courses[name].accuracy]
        for ax in tasks:
            ax.plot(range(2, 11, 2), seen, "o-", color=colour, lw=2.5 if name == "memory" else 1.2, label=name)
    tasks[0].set(ylabel="accuracy on all of them", ylim=(0.85, 1.005), title="the best, enlarged")
    tasks[1].set(xlabel="classes seen", ylabel="all", ylim=(0.0, 1.05), xticks=range(2, 11, 2))
    tasks[0].legend(frameon=False, fontsize=7, loc="lower left", ncols=2)
    for name, row in rows.items():
        if row["accuracy"] > 0.6:
            size = 9 if name == "memory" else 6
            price.semilogx(row["bytes"] / 1000.0, row["accuracy"], "o", color=SHOWN.get(name, canvas.INK), ms=size)
            at = (row["bytes"] / 1000.0, row["accuracy"])
            price.annotate(name, at, (6, -3), textcoords="offset points", fontsize=8)
    price.set(xlabel="kB retained (model and samples)", ylabel="accuracy on ten classes", xlim=(1.5, 900.0))
    price.set_title("replay n: a perceptron and n stored samples; others store none", fontsize=9)
    for ax in (*tasks, price):
        canvas.open_frame(ax)
    left, right = below.subplots(1, 2)
    means, of = memory.echoes()
    order = np.argsort(of, kind="stable")
    tile(left, means[order] / max(means.max(initial=0.0), 1e-9), f"{len(of)} engrams: synapses onto the sensors")
    tile(right, dreams / memory.parameters.volleys, "sensors in replays of the night")
    figure.supxlabel(note, fontsize=8)
    canvas.save(figure, path, 100)


def tile(ax: object, images: np.ndarray, title: str) -> None:
    """Images of 8 x 8 side by side."""
    ax.imshow(canvas.mosaic(images.reshape(-1, 8, 8)), cmap="Greys", vmin=0.0, vmax=1.0)
    ax.set(title=title, xticks=[], yticks=[])


if __name__ == "__main__":
    print(*main(), sep="\n")
