"""B5 of the memory specification, measured: activity-silent memory, its capacity, wandering bumps, distractors, slots.

Every function takes a seed and returns figures by name; `quick` takes fewer trials.  Knows the working memories only.

    python -m benchmarks.memory_working b5_mongillo b5_slots --seeds 5
"""

import argparse
import json

import numpy as np

import neurosim as ns
from neurosim.memory.bump import Bump, BumpMemory, diffusion
from neurosim.memory.rate_ring import RateRing
from neurosim.memory.silent import Silent, SilentMemory, population_spikes
from neurosim.memory.slots import SlotMemory

GAINS, DISTANCES = (0.0, 0.125, 0.25, 0.5, 1.0), (30.0, 90.0, 150.0)
#: Displacements (degrees) by distractors in the specification: rows are distances, columns gains.
DISPLACED = np.array([[0.0, 3.9, 5.7, 11.6, 16.5], [0.8, 3.6, 8.5, 17.7, 40.8], [1.5, 0.3, 0.4, 0.4, 0.6]])
#: Standard deviation of the error (degrees) after 1, 2, 3 s in the specification, by number of cells.
SPREAD = {128: (4.37, 6.02, 7.25), 256: (3.17, 4.28, 5.39), 512: (2.17, 2.92, 3.73), 1024: (1.50, 2.09, 2.43)}


# ---- facilitated synapses --------------------------------------------------------------------------------------------


def bursts(spikes, memory, start, stop):
    """Times of the population spikes of each pool."""
    n, t, pool = memory.pool_size, spikes.t, spikes.index // memory.pool_size
    return [population_spikes(t[pool == k], n, start, stop) for k in range(len(memory.items))]


def b5_mongillo(seed, quick, drives=(23.7, 24.3)):
    """(i)-(iii), (v): `held_item` by drive (mV); 23.7 is the published "bistable, synchronous" one, 24.3 has the capacity of 4."""
    return {
        f"{name}_{drive:g}": value
        for drive in (drives[:1] if quick else drives)
        for name, value in held_item(seed, drive, quick).items()
    }


def held_item(seed, drive, quick=False):
    """An item of five is cued for 350 ms at 1 s and held for 1.5 s; then the drive is lowered to 22.8 mV.

    Returns
    -------
    dict
        Population spikes of the cued pool and of the others in 1.5 s, mean ms between two, Hz of the pool, u of the pool, the
        largest u of another pool and the ratio of both; Hz of all other cells before the cue, and what is left of it afterwards;
        the same relative to a twin that was not cued; population spikes in the first second after the drive fell, and in 1.5 s
        after it.
    """
    net = ns.Network(seed=seed)
    memory = SilentMemory(net, 5, parameters=Silent(drive=drive))
    spikes = net.record(memory.exc, "spikes")
    net.run(1000.0, progress=False)
    n, figures, others = memory.pool_size, {}, {}
    net.store()
    for cued in (True,) if quick else (False, True):
        net.restore()
        if cued:
            memory.write(0)
        net.run(1850.0, progress=False)
        others[cued] = _others(spikes, memory, 1350.0, 2850.0)
    held, base = bursts(spikes, memory, 1350.0, 2850.0), _others(spikes, memory, 200.0, 1000.0)
    figures = {
        "ps": held[0].size,
        "ps_interval": float(np.diff(held[0]).mean()) if held[0].size > 1 else np.nan,
        "ps_others": sum(one.size for one in held[1:]),
        "rate": np.sum((spikes.t > 1350.0) & (spikes.index < n)) / n / 1.5,
        "u": memory.use(0)[0],
        "u_others": max(memory.use(k)[0] for k in range(1, 5)),
        "base": base,
        "others_rate": others[True] / base,
    }
    if not quick:
        figures["others_rate_twin"] = others[True] / others[False]
    figures["u_ratio"] = figures["u"] / figures["u_others"]
    memory.silence()
    net.run(1000.0 if quick else 2500.0, progress=False)
    figures["ps_off_first_second"] = bursts(spikes, memory, 2850.0, 3850.0)[0].size
    if not quick:
        figures["ps_off_later"] = sum(one.size for one in bursts(spikes, memory, 3850.0, net.now))
    return {name: float(value) for name, value in figures.items()}


def _others(spikes, memory, start, stop):
    """Mean rate (Hz) of all cells outside the first pool."""
    n = memory.pool_size
    count = np.sum((spikes.t > start) & (spikes.t <= stop) & (spikes.index >= n))
    return 1e3 * count / (len(memory.exc) - n) / (stop - start)


def b5_silent(seed, quick, gains=(1.06, 1.08)):
    """(iv): at 22.8 mV a pulse for all brings the item back, or nothing; two items, each in a fresh network.

    Returns
    -------
    dict
        By gain of the pulse and gap since the cue (s): the share recalled, and of the chances of other pools those that fired;
        population spikes before the pulse.
    """
    items, gaps = (1 if quick else 2), (500.0, 1500.0, 3000.0)
    net = ns.Network(seed=seed)
    memory = SilentMemory(net, 5, parameters=Silent(drive=22.8))
    net.run(300.0, progress=False)
    right = dict.fromkeys([(gain, gap) for gain in gains for gap in gaps], 0)
    wrong, before = dict.fromkeys(gains, 0), 0
    net.store("fresh")
    for item in range(items):
        net.restore("fresh")
        memory.write(item)
        net.run(400.0, progress=False)
        for gap in gaps:
            net.run(650.0 + gap - net.now, progress=False)
            before += sum(one.state == "active" for one in memory.contents(gap - 60.0))
            net.store("waiting")
            for gain in gains:
                memory.reactivate(gain=gain)
                net.run(300.0, progress=False)
                back = [one.item for one in memory.contents(300.0) if one.state == "active"]
                right[gain, gap] += item in back
                wrong[gain] += len(set(back) - {item})
                net.restore("waiting")
        net.run(100.0, progress=False)
    figures = {f"recalled_{gain:g}_{gap / 1e3:g}s": count / items for (gain, gap), count in right.items()}
    figures |= {f"wrong_{gain:g}": count / (items * len(gaps) * 4) for gain, count in wrong.items()}
    return figures | {"ps_before_pulse": float(before)}


def b5_capacity(seed, quick):
    """Items held at the end of 2.5 s, of so many that were cued every 500 ms; nine pools; also with tau_rec twice as long.

    Returns
    -------
    dict
        By drive (mV) and load, and for 24.3 mV and tau_rec 400 ms: items held, and pools that fire and were not cued.
    """
    tried = [(24.3, 200.0, (2, 8) if quick else (2, 4, 6, 8))]
    if not quick:
        tried += [
            (23.7, 200.0, (8,)),
            (24.0, 200.0, (8,)),
            (25.0, 200.0, (6, 8)),
            (25.7, 200.0, (6, 8)),
            (24.3, 400.0, (8,)),
        ]
    figures = {}
    for drive, tau, loads in tried:
        net = ns.Network(seed=seed)
        memory = SilentMemory(net, 9, parameters=Silent(tau_rec=tau, drive=drive))
        net.store()
        for load in loads:
            net.restore()
            net.run(500.0, progress=False)
            for item in range(load):
                memory.write(item)
                net.run(500.0, progress=False)
            net.run(2350.0, progress=False)
            active = [one.item for one in memory.contents(1500.0) if one.state == "active"]
            label = f"{drive:g}_{load}" + ("" if tau == 200.0 else "_tau400")
            figures[f"held_{label}"] = float(sum(item < load for item in active))
            figures[f"intruders_{label}"] = float(sum(item >= load for item in active))
    return figures


# ---- bumps -----------------------------------------------------------------------------------------------------------


def apart(angle, cue):
    """Degrees from a cue to an angle, in [-180, 180)."""
    return (angle - cue + 180.0) % 360.0 - 180.0


def linear(errors, times=(1.0, 2.0, 3.0)):
    """Slope of the variance over the delay (degrees^2/s) and R^2 of the line, from errors [trials, 3]."""
    variance = np.var(errors, axis=0)
    return float(np.polyfit(times, variance, 1)[0]), float(np.corrcoef(times, variance)[0, 1] ** 2)


def held_bumps(net, memory, trials, delay=3000.0, distance=0.0, gain=0.0):
    """Errors [trials, readings] after 1, 2, ... s and courses of bumps cued at random angles; NaN where none was left."""
    rng, errors, courses = net.rng("angles"), [], []
    for _ in range(trials):
        net.run(300.0, progress=False)
        cue = rng.uniform(0.0, 360.0)
        memory.write(cue)
        net.run(250.0 + (1000.0 if gain else delay), progress=False)
        if gain:
            memory.write(cue + distance, gain=gain)
            net.run(delay - 1000.0, progress=False)
        course = memory.course(every=250.0, last=delay)
        there = memory.read() is not None
        errors.append(apart(course[3::4], cue) if there else np.full(int(delay // 1000), np.nan))
        courses.append(course)
        if gain:
            errors[-1] = np.array([apart(memory.read(), cue) if there else np.nan])
        memory.clear()
        net.run(400.0, progress=False)
    return np.array(errors), np.array(courses)


def b5_bump(seed, quick):
    """Bumps of the spiking ring: error after 1, 2, 3 s, variance over the delay, and diffusion over the number of cells."""
    sizes, many = ((256, 1024), (8, 8)) if quick else ((256, 512, 1024), (40, 40, 25))
    figures, found = {}, []
    for n, trials in zip(sizes, many, strict=True):
        net = ns.Network(dt=0.25, seed=seed)
        errors, courses = held_bumps(net, BumpMemory(net, parameters=Bump(n=n)), trials)
        kept = ~np.isnan(errors[:, 0])
        figures |= {f"sd_{n}_{k + 1}s": float(np.std(errors[kept, k])) for k in range(3)}
        figures[f"lost_{n}"] = float(1.0 - kept.mean())
        figures[f"r2_{n}"] = linear(errors[kept])[1]
        figures[f"drift_{n}"] = float(errors[kept, 2].mean() / (errors[kept, 2].std() / np.sqrt(kept.sum())))
        found.append(diffusion(courses[kept], 250.0))
        figures[f"d_{n}"] = found[-1]
    return figures | {"slope": float(np.polyfit(np.log(sizes), np.log(found), 1)[0])}


def b5_rate_ring(seed, quick):
    """The same of the rate ring, 200 trials in one matrix."""
    sizes = (128, 256) if quick else tuple(SPREAD)
    figures, found = {}, []
    for n in sizes:
        errors = RateRing(n=n).errors(3000.0, trials=200, seed=seed, every=1000.0)
        sd = errors.std(0)
        figures |= {f"sd_{n}_{k + 1}s": float(sd[k]) for k in range(3)}
        figures |= {f"relative_{n}_{k + 1}s": float(sd[k] / SPREAD[n][k]) for k in range(3)}
        figures[f"r2_{n}"] = linear(errors)[1]
        figures[f"drift_{n}"] = float(errors[:, 2].mean() / (sd[2] / np.sqrt(len(errors))))
        found.append(float(sd[2] ** 2 / 3.0))  # as in the specification's table
        figures[f"d_{n}"] = found[-1]
    return figures | {"slope": float(np.polyfit(np.log(sizes), np.log(found), 1)[0])}


def b5_distractor_rate(seed, quick):
    """Displacement towards a distractor in the rate ring of 256 cells, and the largest difference from the specification's table."""
    trials = 40 if quick else 100
    table = np.array([
        [
            RateRing(n=256).errors(2500.0, trials=trials, seed=seed, every=2500.0, distance=distance, gain=gain).mean()
            for gain in GAINS
        ]
        for distance in DISTANCES
    ])  # fmt: skip
    return _displacements(table) | {
        "off_most": float(np.abs(table - DISPLACED).max()),
        "monotone": float((np.diff(table[:2], axis=1) > 0.0).all()),
        "far_most": float(np.abs(table[2]).max()),
    }


def b5_distractor_bump(seed, quick):
    """The same in the spiking ring of 512 cells; bumps that are lost are counted."""
    trials, gains = (3, (1.0,)) if quick else (8, GAINS[1:])
    net = ns.Network(dt=0.25, seed=seed)
    memory, lost = BumpMemory(net, parameters=Bump(n=512)), []
    table = np.full((3, len(GAINS)), np.nan)
    for row, distance in enumerate(DISTANCES):
        for gain in gains:
            moved = held_bumps(net, memory, trials, 2500.0, distance, gain)[0][:, -1]
            table[row, GAINS.index(gain)] = np.nanmean(moved) if not np.isnan(moved).all() else np.nan
            lost.append(np.isnan(moved).mean())
    lost = np.mean(lost)
    return _displacements(table) | {"lost": float(lost)}


def _displacements(table):
    named = {f"{d:g}deg_{g:g}": float(table[i, j]) for i, d in enumerate(DISTANCES) for j, g in enumerate(GAINS)}
    return {name: value for name, value in named.items() if not np.isnan(value)}  # what was not tried is left out


# ---- slots -----------------------------------------------------------------------------------------------------------


def b5_slots(seed, quick):
    """Four slots: items of 10 of 100 cells, written, held for 2 s with three distractors and read; then one item too many.

    Returns
    -------
    dict
        Share of items read exactly, at a load of four; of fifth items, the share after which exactly one label was reported lost and
        the four others were read exactly; items.
    """
    rounds = 4 if quick else 250
    net = ns.Network(dt=0.5, seed=seed)
    memory, rng = SlotMemory(net, 4), np.random.default_rng(seed)
    exact, one_lost = 0, 0

    def written(label):
        items[label] = np.sort(rng.choice(100, 10, replace=False))
        lost = memory.write(label, items[label])
        net.run(memory.write_time, progress=False)
        return lost

    for trial in range(rounds):
        items = {}
        for k in range(4):
            written((trial, k))
        for _ in range(3):
            net.run(500.0, progress=False)
            cells = np.sort(rng.choice(100, 10, replace=False))
            noise = net.stimulate(memory.content[cells], ns.Current(1000.0, start=net.now, stop=net.now + 100.0))
            net.run(166.0, progress=False)
            noise.remove()
        exact += sum(np.array_equal(memory.recall(label), cells) for label, cells in items.items())
        lost = written((trial, "more"))
        left = {label: cells for label, cells in items.items() if label != lost}
        fine = lost in items and set(memory.labels) == set(left)
        one_lost += fine and all(np.array_equal(memory.recall(label), cells) for label, cells in left.items())
    return {"exact": exact / (4 * rounds), "one_lost": one_lost / rounds, "items": 4.0 * rounds}


MEASURES = {
    one.__name__: one
    for one in (
        b5_mongillo, b5_silent, b5_capacity, b5_bump, b5_rate_ring, b5_distractor_rate, b5_distractor_bump, b5_slots,
    )
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measures", nargs="*", help=f"of {', '.join(MEASURES)}; all by default")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    for name in asked.measures or MEASURES:
        runs = [MEASURES[name](seed, asked.quick) for seed in range(1, asked.seeds + 1)]
        names = dict.fromkeys(key for run in runs for key in run)
        table = {key: [run.get(key, np.nan) for run in runs] for key in names}
        if asked.json:
            print(json.dumps({name: table}), flush=True)
            continue
        print(f"{name}: mean, standard deviation, least and most of {asked.seeds} seeds")
        for key, values in table.items():
            print(
                f"  {key:24s} {np.mean(values):9.3f} {np.std(values):8.3f} {min(values):9.3f} {max(values):9.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
