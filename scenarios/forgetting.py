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
from neurosim.plot import canvas, retention
from neurosim.plot.spaced import spaced
from neurosim.plot.streams import streams

PER_DAY = 15.375  # items
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
    gaps, tests = (GAPS[::2], TESTS[[0, 2]]) if short else (GAPS, TESTS)
    table = spacing(seed, gaps, tests, items=items // 2 if short else items)
    Path(out).mkdir(parents=True, exist_ok=True)
    draw(Path(out), stream, outcomes, curve, table, f"seed {seed}, neurosim {ns.__version__}")
    report = {
        "seed": seed, "items": len(stream), "stream": {p: o.figures() for p, o in outcomes.items()},
        "retention": {"delay_days": (curve.delay / DAY).tolist(), "recalled": curve.recalled.tolist(), "power": curve.fit.power.parameters},
        "spacing": {"gap_days": (table.gap / DAY).tolist(), "delay_days": (table.delay / DAY).tolist(), "recalled": table.recalled.tolist()},
    }  # fmt: skip
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    return [*told_stream(stream, outcomes), *told_curves(curve, table)]


def told_stream(stream: Stream, outcomes: dict[str, Outcome]) -> list[str]:
    """What the stream showed, with verdicts."""
    lines = [
        f"{len(stream)} items for {stream.capacity} places, {stream.useful.sum()} useful, {stream.late.sum()} of them asked for late"
    ]
    lines += [f"{NAMES[policy]}: {one}" for policy, one in outcomes.items()]
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


def draw(
    out: Path, stream: Stream, outcomes: dict[str, Outcome], curve: RetentionCurve, table: Spacing, told: str
) -> None:
    """Who is known at the end of the stream; retention with its fits, and recall after two sessions by gap."""
    known, fill, nbytes = (
        {NAMES[policy]: getattr(one, what) for policy, one in outcomes.items()} for what in ("known", "fill", "nbytes")
    )
    above = streams(known, stream.kinds, fill, nbytes, days=80.0, limit=0.4)
    below = canvas.new_figure(11.0, 4.8)
    left, right = below.subplots(1, 2)
    retention(curve.delay, curve.recalled, curve.fit, ax=left)
    left.plot(EBBINGHAUS_AGE / DAY, EBBINGHAUS_SAVINGS, "x", color=canvas.GREY, label="Ebbinghaus 1885 (savings)")
    left.set_xticks([one / DAY for one in TICKS.values()], list(TICKS), minor=False)
    exponent = curve.fit.power.parameters["b"]
    left.set_xlabel(f"time since {curve.items} items were studied (exponent of the power law {exponent:.2f})")
    left.minorticks_off()
    canvas.legend_above(left, left.get_legend_handles_labels()[0], columns=2)
    spaced(table.gap, table.recalled, table.delay, table.best(), ax=right)
    for figure, name in ((above, "stream.png"), (below, "curves.png")):
        figure.supxlabel(told, fontsize=8)
        canvas.save(figure, out / name, 100)


if __name__ == "__main__":
    print(*main(), sep="\n")
