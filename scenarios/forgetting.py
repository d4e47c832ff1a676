"""Forgetting: a stream of three times what a store can hold, of which a tenth is ever asked for; and the curves of forgetting.

Memories are index cells with synapses.  Items come one after another; useful ones are asked for five times, some of them soon, some
of them late.  The store keeps itself at 80 % of what it can hold by removing the synapses of the memories of least use (value x
retrievability, FSRS-6), of those that were not used for longest (LRU), or of any (random).  Who is still known at the end is asked by
cues, and answered by spikes or not at all.

Beside it a list of items whose synapses fade by themselves, at rates that differ by a factor of 4 from level to level: what is
recalled after 20 minutes to a year, with the laws fitted to it; and what two study sessions give, by the gap between them.
No formula says whether a recall succeeds.

    neurosim run forgetting --set useful=0.05

`duration` says how long the stream is: 15 items for each day of it.  It always takes 80 days, for the policy.
"""

import json
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.memory.retention import EBBINGHAUS_AGE, EBBINGHAUS_SAVINGS
from neurosim.memory.stream import POLICIES, Outcome, Stream, StreamRun, index_store
from neurosim.memory.strength import DAY
from neurosim.memory.studying import GAPS, TESTS, RetentionCurve, Spacing, retention_curve, spacing
from neurosim.plot import canvas

PER_DAY = 15.375  # items
COLOURS = dict(zip(POLICIES, (canvas.BLUE, canvas.VERMILLION, canvas.GREY), strict=True))
NAMES = {"useful": "least useful goes", "lru": "least recent goes (LRU)", "random": "anybody goes"}
TICKS = {"20 min": DAY / 72, "3 h": DAY / 8, "1 day": DAY, "week": 7 * DAY, "month": 30 * DAY, "year": 365 * DAY}


def main(
    duration: float = 80.0 * DAY, seed: int = 1, out: str | Path = "runs/forgetting", progress: bool | None = None, *,
    useful: float = 0.1, items: int = 300,
) -> list[str]:  # fmt: skip
    """Run the stream with three policies, then the two experiments; draw, and say what was reached.

    `useful` is the share of items of the stream that are asked for, `items` the length of the studied list.
    """
    number = max(60, round(duration / DAY * PER_DAY))
    cells = round(number / 3 / 0.4)
    outcomes: dict[str, Outcome] = {}
    for policy in POLICIES:
        store, capacity = index_store(seed, cells=cells)
        stream = Stream.draw(seed, capacity, 1024, 20, useful=useful)
        batch = max(1, round(len(stream) / 123))
        outcomes[policy] = StreamRun(store, stream, policy, batch=batch).run()
    short = duration < 40.0 * DAY
    curve = retention_curve(seed, items=items // 2 if short else items)
    table = spacing(
        seed, GAPS[::2] if short else GAPS, TESTS[[0, 2]] if short else TESTS, items=items // 2 if short else items
    )
    Path(out).mkdir(parents=True, exist_ok=True)
    told = f"seed {seed}, neurosim {ns.__version__}"
    draw_stream(Path(out) / "stream.png", stream, outcomes, told)
    draw_curves(Path(out) / "curves.png", curve, table, told)
    report = {
        "seed": seed, "items": len(stream), "stream": {p: numbers(o) for p, o in outcomes.items()},
        "retention": {"delay_days": (curve.delay / DAY).tolist(), "recalled": curve.recalled.tolist(), "power": curve.fit.power.parameters},
        "spacing": {"gap_days": (table.gap / DAY).tolist(), "delay_days": (table.delay / DAY).tolist(), "recalled": table.recalled.tolist()},
    }  # fmt: skip
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    return [*told_stream(stream, outcomes), *told_curves(curve, table)]


def numbers(outcome: Outcome) -> dict[str, float]:
    """Figures of a stream for the report."""
    names = ("useful", "useless", "late", "late_cues", "precision", "flat", "forgotten")
    return {name: float(getattr(outcome, name)) for name in names} | {"max_fill": float(outcome.fill.max())}


def told_stream(stream: Stream, outcomes: dict[str, Outcome]) -> list[str]:
    """What the stream showed, with verdicts."""
    lines = [
        f"{len(stream)} items for {stream.capacity} places, {stream.useful.sum()} useful, {stream.late.sum()} of them asked for late"
    ]
    for policy, one in outcomes.items():
        lines.append(
            f"{NAMES[policy]}: useful {one.useful:.2f}, late ones {one.late:.2f}, useless {one.useless:.2f}, precision {one.precision:.2f}, "
            f"fill at most {one.fill.max():.2f}, bytes within {one.flat:.1%}"
        )
    kept, lru = outcomes["useful"], outcomes["lru"]
    asked = {
        "useful >= 0.95": kept.useful >= 0.95, "useless <= 0.2": kept.useless <= 0.2, "precision >= 0.95": kept.precision >= 0.95,
        "fill <= 0.4": kept.fill.max() <= 0.4, "bytes within 2 %": kept.flat <= 0.02, "LRU loses 0.2 of the late ones": kept.late - lru.late >= 0.2,
    }  # fmt: skip
    missed = [name for name, fine in asked.items() if not fine]
    lines.append("the stream: all that was asked" if not missed else "the stream MISSED " + ", ".join(missed))
    return lines


def told_curves(curve: RetentionCurve, table: Spacing) -> list[str]:
    """What the studied lists showed, with verdicts."""
    fit, b = curve.fit, curve.fit.power.parameters["b"]
    fine = fit.power.r2 >= 0.95 and fit.delta_aic > 10.0 and 0.05 <= b <= 0.3
    best = ", ".join(
        f"{gap / DAY:.1f} d for {delay / DAY:.0f} d ({ratio:.2f})"
        for gap, delay, ratio in zip(table.best(), table.delay, table.ratio, strict=True)
    )
    falls = (np.diff(table.ratio) < 0).all()
    return [
        f"retention: power law R2 {fit.power.r2:.3f}, exponent {b:.3f}, exponential R2 {fit.exponential.r2:.2f}, delta AIC {fit.delta_aic:.0f}: "
        + ("as asked" if fine else "MISSED"),
        f"best gap between two sessions: {best}: the ratio " + ("falls, as asked" if falls else "does NOT fall"),
        "in people the ratio is 0.2-0.4 at a week and 0.05-0.1 at a year (Cepeda et al. 2008)",
    ]


def draw_stream(path: Path, stream: Stream, outcomes: dict[str, Outcome], told: str) -> None:
    """Who is known at the end, by place in the stream; fill and bytes while it ran."""
    figure = canvas.new_figure(10.0, 8.0)
    above, below = figure.subfigures(2, 1, height_ratios=[1.5, 1.0])
    axes = above.subplots(3, 1, sharex=True)
    at = np.arange(len(stream))
    kinds = {
        "useless": (~stream.useful, canvas.GREY),
        "useful, asked for soon": (stream.useful & ~stream.late, canvas.BLUE),
        "useful, asked for late": (stream.late, canvas.VERMILLION),
    }
    for ax, (policy, one) in zip(axes, outcomes.items(), strict=True):
        for row, (mine, colour) in enumerate(kinds.values()):
            for kept, mark in ((False, "_"), (True, "|")):
                some = at[mine & (one.known == kept)]
                shade = colour if kept else "#dddddd"
                ax.plot(some, np.full(some.size, row), mark, ms=11 if kept else 3, color=shade, mew=1.0)
            share = one.known[mine].mean() if mine.any() else float("nan")
            ax.text(len(stream) * 1.01, row, f"{share:.2f}", va="center", fontsize=9, color=colour)
        ax.set(yticks=range(3), yticklabels=list(kinds), ylim=(-0.6, 2.6), xlim=(0, len(stream)))
        ax.set_title(NAMES[policy], loc="left", fontsize=10)
        canvas.open_frame(ax)
    axes[0].text(len(stream) * 1.01, 2.75, "known", fontsize=9, color=canvas.INK)
    axes[-1].set_xlabel("place in the stream (a bar: recalled at the end)")
    left, right = below.subplots(1, 2)
    for line, (policy, one) in enumerate(outcomes.items()):
        look = {"color": COLOURS[policy], "ls": canvas.dash(line), "lw": 3.0 - line}
        time = np.linspace(0.0, 80.0, one.fill.size)
        left.plot(time, one.fill, label=NAMES[policy], **look)
        right.plot(time, one.nbytes / 1e6, **look)
    left.axhline(0.4, color=canvas.INK, ls=":", lw=1)
    left.text(0.0, 0.41, "limit", fontsize=8, color=canvas.INK)
    left.set(xlabel="day", ylabel="share of index cells in use", ylim=(0, 0.5))
    left.legend(frameon=False, fontsize=8, loc="lower right")
    right.set(xlabel="day", ylabel="network and lists (MB)")
    right.set_ylim(0.0, 1.15 * max(one.nbytes.max() for one in outcomes.values()) / 1e6)
    for ax in (left, right):
        canvas.open_frame(ax)
    figure.supxlabel(told, fontsize=8)
    canvas.save(figure, path, 100)


def draw_curves(path: Path, curve: RetentionCurve, table: Spacing, told: str) -> None:
    """Retention with its fits; recall after two sessions by gap, with the best gaps."""
    figure = canvas.new_figure(10.0, 4.8)
    left, right = figure.subplots(1, 2)
    t = np.geomspace(curve.delay[0], curve.delay[-1], 200)
    fit = curve.fit
    left.plot(
        t,
        fit.power(t),
        color=canvas.BLUE,
        label=f"power law, exponent {fit.power.parameters['b']:.2f}, R2 {fit.power.r2:.2f}",
    )
    left.plot(t, fit.exponential(t), "--", color=canvas.VERMILLION, label=f"exponential, R2 {fit.exponential.r2:.2f}")
    left.plot(curve.delay, curve.recalled, "o", color=canvas.INK, label=f"recalled of {curve.items} items (spikes)")
    left.plot(EBBINGHAUS_AGE, EBBINGHAUS_SAVINGS, "x", color=canvas.GREY, label="Ebbinghaus 1885 (savings)")
    left.set(xscale="log", xlabel="time since the study session", ylabel="recalled", ylim=(0, 1.05))
    left.set_xticks(list(TICKS.values()), list(TICKS), minor=False)
    left.minorticks_off()
    left.legend(frameon=False, fontsize=8, loc="upper right")
    colours = (canvas.BLUE, canvas.GREEN, canvas.VERMILLION, canvas.PURPLE)
    for d, (delay, best) in enumerate(zip(table.delay, table.best(), strict=True)):
        colour = colours[d % 4]
        right.plot(
            table.gap / DAY, table.recalled[:, d], "o-", ms=4, color=colour, label=f"test after {delay / DAY:.0f} d"
        )
        right.plot(
            best / DAY, np.interp(np.log(best), np.log(table.gap), table.recalled[:, d]) + 0.03, "v", color=colour, ms=9
        )
    right.set(xscale="log", xlabel="gap between the two sessions (days)", ylabel="recalled", ylim=(0.3, 0.9))
    right.set_xticks([0.25, 1, 4, 11, 35, 70], ["1/4", "1", "4", "11", "35", "70"])
    right.minorticks_off()
    right.legend(frameon=False, fontsize=8, title="triangle: best gap", title_fontsize=8)
    for ax in (left, right):
        canvas.open_frame(ax)
    figure.supxlabel(told, fontsize=8)
    canvas.save(figure, path, 100)


if __name__ == "__main__":
    print(*main(), sep="\n")
