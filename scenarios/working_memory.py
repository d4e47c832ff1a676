"""A memory that nobody sees firing: an item stays for seconds in facilitated synapses (Mongillo, Barak & Tsodyks 2008).

2,000 excitatory cells hold items in pools of 200.  A cue of 350 ms raises u, the share of transmitter that a spike of the pool
releases, and u falls back within 1.5 s.  While all cells get a little more input than they need, the pool refreshes u by a
burst of a few milliseconds every 0.2-0.5 s and is silent in between.  With less input there are no bursts: the item is in u
alone, and an input to all cells alike brings it back, if it does not come too late.

Above: cues of two items, silence, and the unspecific pulse.  Below: how many items are held two and a half seconds after the last
cue.  Three to five fit, since their bursts take turns.

    neurosim run working_memory --set loads=3
"""

import json
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.memory.silent import Silent, SilentMemory
from neurosim.plot import canvas

# What happens when, as parts of the run.
CUES, OFF, PULSE = {"first": 0.1, "second": 0.3}, 0.6, 0.75
COLOURS = {"first": canvas.VERMILLION, "second": canvas.BLUE}


def main(
    duration: float = 6_000.0, seed: int = 1, out: str | Path = "runs/working_memory", progress: bool | None = None, *,
    drive: float = 24.0, loads: int = 4, every: float = 20.0,
) -> list[str]:  # fmt: skip
    """Cue, silence, recall and draw; then count.

    `drive` is the mean input (mV), `loads` how many loads are tried (2, 4, 6, ... items), `every` the time between two looks at u.
    """
    net = ns.Network(seed=seed)
    memory = SilentMemory(net, ["first", "second", "third", "fourth", "fifth"], parameters=Silent(drive=drive))
    spikes, course = net.record(memory.exc, "spikes"), []
    net.add(ns.Callback(lambda net: course.append([net.now, *(memory.use(item) for item in CUES)]), every=every))
    when = [(part, lambda item=item: memory.write(item)) for item, part in CUES.items()]
    report, after = {"seed": seed, "drive": drive, "seen": {}}, ("in turn", "silent", "recalled")
    for part, act in (*when, (OFF, memory.silence), (PULSE, memory.reactivate), (1.0, None)):
        net.run(round(part * duration) - net.now, progress=progress)
        if (
            part >= OFF
        ):  # bursts before the input is lowered; after it, but for the last that were on their way; in the pulse
            window = {OFF: 0.25, PULSE: PULSE - OFF - 0.05, 1.0: 1.0 - PULSE}[part] * duration
            held = {one.item: [one.state, one.spikes, round(one.u, 3)] for one in memory.contents(window)}
            report["seen"][after[len(report["seen"])]] = held
        if act is not None:
            act()
    report["held"] = {load: held_of(seed, load, drive, duration, progress) for load in range(2, 2 * loads + 1, 2)}
    Path(out).mkdir(parents=True, exist_ok=True)
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    told = f"seed {seed}, neurosim {ns.__version__}"
    draw(Path(out) / "working_memory.png", memory, spikes, course, report["held"], duration, told)
    lines = [f"{name}: {', '.join(f'{i} {s[0]}, u {s[2]:.2f}' for i, s in held.items()) or 'nothing'}" for name, held in report["seen"].items()]  # fmt: skip
    lines.append("held of written: " + ", ".join(f"{held} of {load}" for load, (held, _) in report["held"].items()))
    lines.append(f"items held that nobody wrote: {sum(wrong for _, wrong in report['held'].values())}")
    return lines


def held_of(seed: int, load: int, drive: float, duration: float, progress: bool | None) -> tuple[int, int]:
    """How many of `load` items fire bursts at the end of the delay, and how many others do; nine pools."""
    net = ns.Network(seed=seed)
    memory = SilentMemory(net, max(9, load), parameters=Silent(drive=drive, coding=0.9 / max(9, load)))
    net.run(round(duration / 12.0), progress=progress)
    for item in range(load):
        memory.write(item)
        net.run(round(duration / 12.0), progress=progress)
    net.run(round(duration * 0.39), progress=progress)
    active = [one.item for one in memory.contents(0.25 * duration) if one.state == "active"]
    return sum(item < load for item in active), sum(item >= load for item in active)


def draw(
    path: Path, memory: SilentMemory, spikes: object, course: list, held: dict, duration: float, told: str
) -> None:
    """Raster of the two pools, their u and x, and held against written."""
    figure = canvas.new_figure(10.0, 8.0)
    above, below = figure.subfigures(2, 1, height_ratios=[2.2, 1.0])
    axes = above.subplots(3, 1, sharex=True, height_ratios=[1.6, 1.0, 1.0])
    t = [one[0] for one in course]
    for row, (item, colour) in enumerate(COLOURS.items()):
        mine = np.isin(spikes.uid, memory.pool(item).uid)
        place = np.searchsorted(memory.pool(item).uid, spikes.uid[mine]) + row * memory.pool_size
        axes[0].plot(spikes.t[mine], place, ".", ms=1.5, color=colour)
        axes[row + 1].plot(t, [one[row + 1][0] for one in course], color=colour, lw=2, label="u, share released")
        axes[row + 1].plot(t, [one[row + 1][1] for one in course], color=canvas.GREY, lw=1, label="x, resources")
        axes[row + 1].set(ylabel=f"{item} item", ylim=(0.0, 1.05))
        axes[0].axvspan(CUES[item] * duration, CUES[item] * duration + 350.0, color=colour, alpha=0.15, lw=0)
    for ax in axes:
        canvas.open_frame(ax)
        ax.axvspan(PULSE * duration, PULSE * duration + 250.0, color=canvas.INK, alpha=0.1, lw=0)
        ax.axvline(OFF * duration, color=canvas.GREY, ls=":")
    axes[0].set(
        ylabel="cell of either pool", title="cues (coloured), less input (dotted line), a pulse to all cells (grey)"
    )
    axes[1].legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    canvas.time_axis(axes[-1], 0.0, duration)
    ax = below.subplots()
    ax.plot([0, max(held)], [0, max(held)], ":", color=canvas.GREY)
    ax.plot([*held], [n for n, _ in held.values()], "o-", color=canvas.INK, label="held")
    ax.plot([*held], [n for _, n in held.values()], "s--", color=canvas.VERMILLION, label="held, but never written")
    ax.set(xlabel="items written", ylabel="items held")
    ax.legend(frameon=False)
    canvas.open_frame(ax)
    figure.supxlabel(told, fontsize=8)
    canvas.save(figure, path, 100)


if __name__ == "__main__":
    print(*main(), sep="\n")
