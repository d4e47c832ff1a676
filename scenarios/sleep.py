"""Sixty days of four episodes each, and what a lesion of the fast store takes: the new, not the old.

Each episode is stored in one shot, by an index cell with synapses from and to twelve content cells, and these synapses are lost at 6 %
a day.  At night no input comes in; index cells fire by noise alone, the more the more synapses they have left, and wake what is
left of their episode.  Each time two content cells fire together a slow synapse between them forms with a chance of 6 %.

sleep.png: recall from half a cue by age, with both stores, without the fast one, and without sleep (the same life, but no noise at
night), mean and spread of the lives; where the memory is at which age (the very oldest had the first nights to themselves); the
spikes of the last night.  engram.png: one episode before its first night and at last.

    neurosim run sleep --set replays=30
"""

import json
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.memory.consolidation import Consolidation
from neurosim.memory.engram import pairs_among
from neurosim.memory.indexed import IndexStore
from neurosim.memory.layer import Layer
from neurosim.memory.longterm import LongTermMemory
from neurosim.memory.retention import mean_by_age
from neurosim.plot import canvas, engram, raster, stores
from neurosim.plot.by_age import by_age

N, K, A_DAY = 512, 12, 4  # cells, cells of an episode, episodes a day
DAY = 1000.0  # ms of the scenario's duration that stand for a day
AGES = np.array([0, 2, 5, 10, 20, 30, 45, 60])


def main(
    duration: float = 60_000.0, seed: int = 1, out: str | Path = "runs/sleep", progress: bool | None = None, *,
    lives: int = 3, replays: int = 60, p_learn: float = 0.06, fast_loss: float = 0.06, noise: float = 0.5,
) -> list[str]:  # fmt: skip
    """Live, with and without sleep; recall everything; lesion the fast store; recall everything again.

    `duration` has 1,000 ms for a day, `lives` are seeds from `seed` on, `replays` those of a night, `p_learn` is the chance of a slow
    synapse in one replay, `fast_loss` the share of the fast synapses lost in a day, `noise` the mean spikes of the noise cells in a
    cycle of sleep.
    """
    days, recall = max(2, round(duration / DAY)), {}
    bounds = np.unique(np.minimum(AGES, days))
    kept: dict = {}
    for one in range(seed, seed + lives):
        for name, level in (("sleep", noise), ("no sleep", 0.0)):
            seen = live(begin(one, days, level, replays, p_learn, fast_loss), days, bounds)
            recall.setdefault(name, []).append(seen["recall"])
            recall.setdefault(f"{name}, fast store lesioned", []).append(seen["lesioned"])
            kept = seen if level and one == seed else kept
    report = {"seed": seed, "days": days, "age": bounds.tolist(), "replays": kept["replays"]}
    report["recall"] = {name: np.round(rows, 3).tolist() for name, rows in recall.items()}
    Path(out).mkdir(parents=True, exist_ok=True)
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    titles = ("an episode before its first night", f"after {days - days // 3} days")
    engram(*kept["engram"], titles=titles).savefig(Path(out) / "engram.png")
    text = f"seeds {seed} ... {seed + lives - 1}, neurosim {ns.__version__}"
    draw(Path(out) / "sleep.png", bounds, recall, kept, text)
    return told(bounds, recall, report)


def live(life: tuple[Consolidation, np.ndarray], days: int, bounds: np.ndarray) -> dict:
    """Days and nights, then a test of all episodes, a lesion and the same test; and what there was to see meanwhile."""
    (both, episodes), some = life, A_DAY * (days // 3)
    course, replays, first, night = [], 0, None, []
    for day in range(days):
        both.rest(1.0)
        both.fast.store(episodes[A_DAY * day : A_DAY * (day + 1)])
        first = picture(both, episodes[some], some) if day == days // 3 else first
        night = [both.net.record(cells) for cells in (both.fast.index.cells, both.content.cells)]
        replays += int(both.sleep().replays.sum())
        for one in night:
            both.net.remove(one)
        ids = both.fast.ids
        course.append([day - ids // A_DAY, both.strength(ids), both.slow.p_eff(episodes[: ids.size])])
    out = {"replays": replays, "course": np.concatenate(course, axis=1), "night": night}
    out |= {"recall": recalled(both, episodes, bounds), "engram": (first, picture(both, episodes[some], some))}
    both.fast.index.cells.remove(both.fast.index.cells.uid)  # the lesion
    return out | {"lesioned": recalled(both, episodes, bounds)}


def begin(
    seed: int, days: int, noise: float, replays: int, p_learn: float, fast_loss: float
) -> tuple[Consolidation, np.ndarray]:
    """Two stores that share a content layer, and all the episodes to come."""
    net = ns.Network(dt=1.0, seed=seed)
    content = Layer(net, "content", N, K, rise=0.1, noise=0.99)
    fast, slow = IndexStore(net, content, n=A_DAY * days), LongTermMemory(net, content, p_learn=p_learn)
    both = Consolidation(fast, slow, replays=replays, noise=noise, fast_loss=fast_loss)
    return both, np.argsort(net.rng("episodes").random((A_DAY * days, N)), axis=1)[:, :K]


def recalled(both: Consolidation, episodes: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Share of the cells not in the cue that fire (of those that fire, if more do), by age."""
    half, rest = episodes[:, : K // 2], episodes[:, K // 2 :]
    new = [np.setdiff1d(won, cue) for won, cue in zip(both.recall(half).winners, half, strict=True)]
    found = np.array([np.isin(r, w).sum() / max(r.size, w.size) for r, w in zip(rest, new, strict=True)])
    return mean_by_age(found, (len(episodes) - 1 - np.arange(len(episodes))) // A_DAY, bounds)


def picture(both: Consolidation, cells: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells of an episode, which of them its index cell still wakes, and the slow synapses among them."""
    return cells, np.isin(cells, both.traces(number)[0]), pairs_among(both.slow.projection, both.content.uid, cells)


def told(bounds: np.ndarray, recall: dict[str, list], report: dict) -> list[str]:
    """What came out, and whether it is what was promised."""
    mean = {name: np.mean(rows, axis=0) for name, rows in recall.items()}
    intact, lesioned, awake, never = mean.values()
    ages = [f"{low}-{high}" for low, high in zip(bounds, bounds[1:], strict=False)]
    lines = [f"{report['replays']} replays in {report['days']} nights; recall by age ({', '.join(ages)} d):"]
    lines += [f"  {name}: {' '.join(f'{x:.2f}' for x in row)}" for name, row in mean.items()]
    ratio, loss = lesioned[-1] / max(lesioned[0], 1e-9), (intact - awake).min()
    lines.append(f"lesioned, oldest over newest: {ratio:.1f} ({'' if ratio >= 3 else 'NOT '}as asked: at least 3)")
    lines.append(
        f"sleep costs at most {max(0.0, -loss):.2f} at any age ({'' if loss >= -0.03 else 'NOT '}as asked: at most 0.03)"
    )
    lines.append(f"no sleep, lesioned: at most {never.max():.2f} (chance {K / 2 / (N - K / 2):.2f})")
    return lines


def draw(path: Path, bounds: np.ndarray, recall: dict, kept: dict, text: str) -> None:
    """Recall by age; where memories are at which age; the last night."""
    figure = canvas.new_figure(11.0, 7.5)
    above, below = figure.subfigures(2, 1, height_ratios=[1.3, 1.0])
    left, right = above.subplots(1, 2)
    stores((bounds[1:] + bounds[:-1]) / 2, recall, chance=K / 2 / (N - K / 2), ax=left)
    age, fast, slow = kept["course"]
    by_age(age, {"fast: synapses left": fast, "slow: pairs of cells joined": slow}, ax=right)
    axes = below.subplots(2, 1, sharex=True)
    for ax, one, label in zip(axes, kept["night"], ("index cells\n(one a memory)", "content cells"), strict=True):
        raster(one, ax=ax, rate=False, color_by="none").set(ylabel=label)
    axes[0].set_title("the last night: no input, replays begin by noise", fontsize=9)
    axes[0].set_xlabel("")
    figure.supxlabel(text, fontsize=8)
    canvas.save(figure, path, 100)


if __name__ == "__main__":
    print(*main(), sep="\n")
