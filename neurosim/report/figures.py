"""The still pictures of the page, as data that an <img> takes.

Knows the arrays of a run, and draws with `neurosim.plot`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.plot import canvas, growth, raster, rates
from neurosim.report.bundles import bundles
from neurosim.runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE = 9.0  # inches
DPI = 160.0  # of the dots, which are pixels inside a drawing of lines
MOST_LINES = 8  # in one picture


@dataclass(frozen=True)
class Picture:
    """A picture, what it shows in words, and what to know of it."""

    source: str
    told: str
    caption: str = ""


def drawn(figure: Figure, told: str, caption: str = "") -> Picture:
    """The figure as an SVG in a data address."""
    from matplotlib import rc_context

    page = io.BytesIO()
    with rc_context({"svg.hashsalt": "neurosim"}):  # the same run, the same page
        figure.savefig(page, format="svg", dpi=DPI, metadata={"Date": None})
    return Picture("data:image/svg+xml;base64," + base64.b64encode(page.getvalue()).decode("ascii"), told, caption)


def draw_raster(run: Run) -> Picture | None:
    """Spikes as dots, or None where none were recorded."""
    trains, captions = [], []
    for k, one in enumerate(run.manifest["spikes"]):
        neurons = run.arrays[f"spikes/{k}/neurons"]
        place = np.zeros(int(neurons.max(initial=-1)) + 1, np.int64)
        place[neurons] = np.arange(neurons.size)
        trains.append(
            SimpleNamespace(
                t=run.arrays[f"spikes/{k}/t"], index=place[run.arrays[f"spikes/{k}/uid"]], n=neurons.size,
                segments=[tuple(part) for part in one["segments"]], span=tuple(one["span"]), label=one["label"],
            )
        )  # fmt: skip
        if one["kept"] < one["count"]:
            captions.append(f"{one['kept']:,} of {one['count']:,} spikes of {one['label']}, chosen at random.")
    if not trains:
        return None
    figure = canvas.new_figure(WIDE, 4.4)
    raster(trains, ax=figure.add_subplot(), rate=False)
    return drawn(figure, "Each spike is a dot: neurons upward, time to the right.", " ".join(captions))


def draw_rates(run: Run) -> Picture | None:
    """Mean rates over time."""
    told = run.manifest["rates"]
    if not told:
        return None
    lines = [
        SimpleNamespace(label=one["label"], t=run.arrays[f"rates/{k}/t"], rate=run.arrays[f"rates/{k}/rate"], width=one["width"])
        for k, one in enumerate(told)
    ]  # fmt: skip
    figure = canvas.new_figure(WIDE, 3.2)
    rates(lines[: 2 * MOST_LINES], ax=figure.add_subplot())
    widths = sorted({one["width"] for one in told})
    caption = "Means over " + " and ".join(canvas.duration(width) for width in widths[:3]) + "."
    left = len(lines) - 2 * MOST_LINES
    return drawn(figure, "Mean firing rate over time.", caption + (f" {left} more are not drawn." if left > 0 else ""))


def draw_growth(run: Run) -> Picture | None:
    """Synapses over time with births and deaths."""
    born, died = (run.arrays[f"growth/{word}"].sum(axis=(1, 2)) for word in ("born", "died"))
    if not born.any() and not died.any():
        return None
    t = run.arrays["growth/step"] * run.dt
    so_far = [np.concatenate([[0], np.cumsum(one)]) for one in (born, died)]
    found = bundles(run)
    count = found.count.sum(axis=(1, 2)) if found.names else so_far[0] - so_far[1]
    edges = SimpleNamespace(t=t, count=count, born=so_far[0], died=so_far[1])
    figure = canvas.new_figure(WIDE, 3.8)
    growth(edges, ax=figure.add_subplot())
    return drawn(figure, "Synapses in all, and births and deaths per interval.")


def draw_rules(run: Run) -> Picture | None:
    """Births and deaths so far of each rule."""
    rules = run.manifest["history"]["rules"]
    t = run.arrays["growth/step"] * run.dt
    lines = []
    for word, style in (("born", "-"), ("died", "--")):
        per_rule = run.arrays[f"growth/{word}"].sum(axis=2)
        lines += [(k, word, style, per_rule[:, k]) for k in range(len(rules)) if per_rule[:, k].any()]
    if len(lines) < 2:
        return None
    figure = canvas.new_figure(WIDE, 2.9)
    ax = figure.add_subplot()
    for k, word, style, events in lines[:MOST_LINES]:
        label = f"{rules[k]}: {word}"
        ax.plot(t, np.concatenate([[0], np.cumsum(events)]), style, color=canvas.colour(k), linewidth=1.4, label=label)
    canvas.time_axis(ax, float(t[0]), float(t[-1]))
    canvas.thousands(ax.yaxis)
    canvas.open_frame(ax)
    ax.set_ylim(bottom=0.0)
    ax.set_ylabel("synapses so far")
    canvas.legend_above(ax, ax.get_legend_handles_labels()[0], 3)
    return drawn(figure, "Births and deaths so far, by the rule that made them.")


def draw_weights(run: Run) -> list[Picture]:
    """Weights at the end, and over time where they were recorded."""
    found = [_weights_at_end(run)]
    found += [_weights_over_time(run, k, one) for k, one in enumerate(run.manifest["weights"]) if one["samples"] > 1]
    return [one for one in found if one is not None]


def _weights_at_end(run: Run) -> Picture | None:
    weight, projection = run.arrays["edges/weight"].astype(np.float64), run.arrays["edges/projection"]
    told = run.manifest["projections"]
    units = list(dict.fromkeys(p["unit"] for p in told if p["kept"]))
    if not units:
        return None
    figure = canvas.new_figure(WIDE, 2.9)
    for unit, ax in zip(units, np.atleast_1d(figure.subplots(1, len(units))), strict=True):
        here = np.isin(projection, [k for k, p in enumerate(told) if p["unit"] == unit])
        marks = []
        values = weight[here]
        low, high = float(values.min()), float(values.max())
        if high - low < 1e-9 * max(abs(low), abs(high), 1e-300):
            low, high = low - 0.5 * max(abs(low), 1.0), high + 0.5 * max(abs(high), 1.0)
        edges = np.linspace(low, high, 61)
        for word, part, paint in (("excitatory", values[values >= 0], canvas.BLUE),
                                  ("inhibitory", values[values < 0], canvas.VERMILLION)):  # fmt: skip
            if part.size:
                label = f"{part.size:,} {word}, mean {part.mean():.3g}"
                marks.append(
                    ax.stairs(
                        np.histogram(part, edges)[0], edges, fill=True, color=paint, alpha=0.75, label=label
                    )
                )  # fmt: skip
        ax.set_xlabel(f"weight ({unit})" if unit else "weight")
        ax.set_ylabel("synapses (count)")
        canvas.thousands(ax.yaxis)
        canvas.open_frame(ax)
        canvas.legend_above(ax, marks, 2 if len(units) == 1 else 1)
    all_of = sum(p["synapses"] for p in told)
    caption = f"A random {weight.size:,} of {all_of:,} synapses." if weight.size < all_of else ""
    return drawn(figure, "Distribution of the weights at the end of the run.", caption)


def _weights_over_time(run: Run, k: int, told: dict[str, Any]) -> Picture | None:
    from matplotlib.colors import LogNorm

    t, edges, count = (run.arrays[f"weights/{k}/{name}"] for name in ("t", "edges", "count"))
    share = 100.0 * count.T / np.maximum(count.sum(axis=1), 1)
    if not share.any():
        return None
    middle = 0.5 * (t[1:] + t[:-1])
    columns = np.concatenate([[1.5 * t[0] - 0.5 * t[1]], middle, [1.5 * t[-1] - 0.5 * t[-2]]])
    figure = canvas.new_figure(WIDE, 3.2)
    ax = figure.add_subplot()
    most = float(share.max())
    norm = LogNorm(min(float(share[share > 0].min()), most / 10.0), most)
    mesh = ax.pcolormesh(
        columns, edges, np.where(share > 0, share, np.nan), cmap="cividis_r", norm=norm, rasterized=True
    )
    bar = figure.colorbar(mesh, ax=ax, pad=0.02)
    bar.set_label("synapses (% per bin)")
    style: dict[str, Any] = {"color": canvas.VERMILLION, "linewidth": 1.4, "path_effects": canvas.halo()}
    marks = ax.plot(t, run.arrays[f"weights/{k}/median"], label=f"median of {told['label']}", **style)
    canvas.time_axis(ax, float(columns[0]), float(columns[-1]))
    ax.set_ylabel(f"weight ({told['unit']})" if told["unit"] else "weight")
    canvas.open_frame(ax)
    canvas.legend_above(ax, marks)
    return drawn(figure, f"Weights of {told['label']} over time: share of the synapses in each bin, and the median.")


def draw_degrees(run: Run) -> Picture | None:
    """Synapses that neurons receive and send, at the end and (dashed) at the start."""
    a = run.arrays
    living = a["neurons/died"] > run.manifest["step"]
    if not living.any() or not run.manifest["synapses"]:
        return None
    first = run.manifest["first_step"]
    there = (a["neurons/born"] <= first) & (a["neurons/died"] > first)
    figure = canvas.new_figure(WIDE, 2.9)
    for ax, side, word in zip(figure.subplots(1, 2, sharey=True), ("in", "out"), ("receives", "sends"), strict=True):
        now = a[f"neurons/{side}"][living]
        samples: list[tuple[str, np.ndarray, str, str]] = [("at the end", now, canvas.BLUE, "-")]
        if run.manifest["history"]["whole"]:
            ends = a["lives/post" if side == "in" else "lives/pre"][a["lives/born"] <= first]
            then = np.bincount(np.searchsorted(a["neurons/uid"], ends), minlength=there.size)[there]
            if then.size and not np.array_equal(then, now):
                samples.append(("at the start", then, canvas.ORANGE, "--"))
        _draw_counts(ax, samples)
        ax.set_xlabel(f"synapses that a neuron {word}")
    figure.axes[0].set_ylabel("neurons (count)")
    return drawn(figure, "How many synapses neurons receive and send.")


def _draw_counts(ax: Any, samples: Sequence[tuple[str, np.ndarray, str, str]]) -> None:
    """Histograms of whole numbers over common bins."""
    most = max(int(counts.max()) for _, counts, _, _ in samples)
    step = max(1, int(canvas.nice(max((most + 1) / 40.0, 1.0))))
    edges = np.arange(0, most + 1 + step, step) - 0.5
    for label, counts, paint, dash in samples:
        heights = np.histogram(counts, edges)[0]
        text = f"{label}: mean {counts.mean():.3g}"
        ax.stairs(heights, edges, color=paint, linestyle=dash, linewidth=1.4, label=text)
        ax.stairs(heights, edges, color=paint, fill=True, alpha=0.18)
    ax.set_xlim(edges[0], edges[-1])
    canvas.thousands(ax.yaxis)
    canvas.open_frame(ax)
    canvas.legend_above(ax, ax.get_legend_handles_labels()[0], 2)
