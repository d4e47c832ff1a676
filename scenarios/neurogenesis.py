"""Newborn neurons keep old and new memories apart: patterns stored one after the other, with and without turnover.

A small model in the manner of the dentate gyrus.  Sensory trains drive 200 granule cells, which inhibit each other, so that a
dozen answer to a pattern; what they answer to is learnt (a cell that fires strengthens the trains that drove it).  They in turn
learn to call up the pattern's partner, which a teacher shows at the output: a synapse grows when both ends fire, and shrinks when
its source fires alone.  Excitabilities differ, so the same few cells answer to many patterns, and each pattern overwrites what
its cells had learnt before.  With turnover, the least active `fraction` of the cells is replaced after each pattern by newborns,
which are easier to excite and learn faster until they have grown up.  A pattern then finds cells that know nothing yet, and the
grown-up ones fall silent and keep what they know.  At the end each pattern is shown once more, a fifth of its trains missing,
without the teacher: recall is the correlation of the output with the partner.

    neurosim run neurogenesis --set fraction=0.02 choose=random

With 24 patterns and seeds 1 to 5, recall of the older half is 0.55 to 0.72 with turnover and 0.25 to 0.35 without, of the newer
half 0.77 to 0.94 and 0.51 to 0.62.  For the older half it takes all three parts (seeds 1 to 3): replacing random cells gives 0.22
to 0.30 and the oldest 0.30 to 0.47; newborns that are not easier to excite (excitable=0) 0.21 to 0.39, that do not learn faster
(plastic=0) 0.14 to 0.36.  And there must be cells to spare: with 40 patterns, which want more cells than there are, only the newer
half gains.

The idea is that of Becker (2005) Hippocampus 15:722 (turnover in a layer of fixed size improves recall), and of Finnegan & Becker
(2015) Front. Syst. Neurosci. 9:136 (young cells that are more excitable and more plastic reduce interference both ways; there
their codes overlap more than without them, here less).  Network, rules and numbers are made for this script.
"""

import json
from pathlib import Path

import numpy as np

import neurosim as ns

TRAINS, GRANULES, OUTPUTS, ACTIVE = 100, 200, 100, 15  # so many of the trains, and of the outputs, belong to a pattern
PERIOD, CUE = 400.0, 200.0  # ms that a pattern is shown to be learnt, and to be recalled
CELL = ns.LIF(tau_m=20.0, e_l=0.0, v_th=15.0, v_reset=0.0)


def compete(w, x, eta, level):
    """A granule cell fires: trains that were active gain, the others lose."""
    return w + eta * (x - level)


def associate(w, y, eta, level):
    """A granule cell fires: synapses onto active outputs gain, those onto silent ones lose."""
    return w + eta * (y - level)


PRE, POST = {"x": ns.Trace("pre", 20.0)}, {"y": ns.Trace("post", 20.0)}
COMPETE = ns.PlasticityRule("compete", None, compete, PRE, params={"eta": 0.1, "level": 0.3}, w_max=5.0)
ASSOCIATE = ns.PlasticityRule("associate", associate, None, POST, params={"eta": 0.5, "level": 0.5}, w_max=5.0)


def main(
    duration: float = 9_600.0, seed: int = 1, out: str | Path = "runs/neurogenesis", progress: bool | None = None, *,
    fraction: float = 0.05, choose: str = "silent", excitable: float = 6.0, plastic: float = 4.0, grown_up: float = 800.0,
) -> list[str]:  # fmt: skip
    """Store a pattern each 400 ms for `duration`, without and with turnover, recall them all, and draw it.

    `fraction` of the granule cells is replaced after each pattern, by `choose` (silent, random, oldest, unconnected).  A newborn's
    threshold is `excitable` mV lower, its learning 1 + `plastic` times as fast; both fade with `grown_up` (ms).
    """
    Path(out).mkdir(parents=True, exist_ok=True)
    n, options = max(4, round(duration / PERIOD)), (choose, excitable, plastic, grown_up)
    arms = {name: run(n, seed, f, *options, progress) for name, f in (("no turnover", 0.0), ("turnover", fraction))}
    lines = [f"{n} patterns, {GRANULES} granule cells, {round(fraction * GRANULES)} replaced after each pattern"]
    report = {"seed": seed, "patterns": n, "fraction": fraction, "choose": choose}
    for name, (recall, code) in arms.items():
        (old, new), alike = halves(recall), overlap(code)[1:].mean()
        report[name] = {"old": old, "new": new, "overlap": alike, "recall": recall.tolist()}
        lines.append(
            f"{name}: recall of the older half {old:.2f}, of the newer {new:.2f}; codes correlate by {alike:.2f}"
        )
    told = f"seed {seed}, {fraction:.1%} replaced after each pattern ({choose} first), neurosim {ns.__version__}"
    draw(Path(out) / "neurogenesis.png", arms, told)
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    return lines


def run(n, seed, fraction, choose, excitable, plastic, grown_up, progress=False):
    """Recall of each of `n` patterns after all were stored, and the spikes of each granule cell during each [patterns, cells]."""
    net, rng = ns.Network(dt=0.5, seed=seed), np.random.default_rng(seed)
    trains = net.add_population("trains", ns.Parrot(), TRAINS)
    outputs, granules = net.add_population("outputs", CELL, OUTPUTS), net.add_population("granules", CELL, GRANULES)
    granules.age = 1e6  # ms; grown up long ago
    granules.i_e = differ = ns.normal(0.0, 25.0)  # pA; moves the membrane by 2 mV
    path = net.connect(trains, granules, ns.fixed_indegree(50), weight=ns.uniform(1.0, 3.0), plasticity=COMPETE)
    memory = net.connect(granules, outputs, ns.all_to_all(), weight=0.0, plasticity=ASSOCIATE)
    calm = net.connect(granules, granules, ns.all_to_all(), weight=-3.0)
    net.connect(outputs, outputs, ns.all_to_all(), weight=-0.3)
    patterns, partners = (rng.random((n, k)).argsort(1) < ACTIVE for k in (TRAINS, OUTPUTS))
    net.stimulate(trains, ns.PatternInput(40.0 * patterns + 1.0, np.arange(n), every=PERIOD))
    net.stimulate(outputs, ns.PatternInput(80.0 * partners, np.arange(n), every=PERIOD, weight=60.0))

    if fraction:
        wire = [(path, ns.fixed_indegree(50)), (memory, ns.all_to_all()), (calm, ns.all_to_all())]
        net.add(ns.Apoptosis(granules, PERIOD, fraction=fraction, choose=choose, tau=10 * PERIOD))
        net.add(ns.Neurogenesis(granules, PERIOD, size=GRANULES, wire=wire, initial={"i_e": differ}))

    def youth(age: np.ndarray) -> np.ndarray:
        return np.where(age < 5 * grown_up, np.exp(-age / grown_up), 0.0)

    learns = path, lambda age: 1.0 + plastic * youth(age)
    net.add(ns.Ageing(granules, 100.0, v_th=lambda age: 15.0 - excitable * youth(age), plasticity=learns))
    spikes = net.record(granules)
    net.run(n * PERIOD, progress=progress)
    code = np.zeros((n, max(granules.uid.max(), spikes.uid.max()) + 1 - TRAINS - OUTPUTS))
    np.add.at(code, (((spikes.t - net.dt) / PERIOD).astype(int), spikes.uid - TRAINS - OUTPUTS), 1)
    recall = np.zeros(n)
    cues = 40.0 * (patterns & (rng.random(patterns.shape) > 0.2))
    net.store()
    for k in range(n):
        net.restore()  # no recall disturbs another
        net.stimulate(trains, ns.PatternInput(cues[k : k + 1], [0], every=CUE, start=net.now))
        answer = net.record(outputs)
        net.run(CUE, progress=False)
        count = np.bincount(answer.uid - outputs.uid[0], minlength=OUTPUTS)
        recall[k] = np.corrcoef(count, partners[k])[0, 1] if count.any() else 0.0
    return recall, code


def halves(recall):
    """Mean of the older and of the newer half."""
    return recall[: len(recall) // 2].mean(), recall[len(recall) // 2 :].mean()


def overlap(code):
    """Mean correlation of the codes of two patterns, by how many patterns after the first the second was stored."""
    alike = np.corrcoef(code)
    return np.array([np.diagonal(alike, lag).mean() for lag in range(len(code))])


def draw(path, arms, told):
    """Recall, overlap of codes, and the codes themselves."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 8), layout="constrained")
    (course, shared), below = figure.subplots(2, 2)
    for (name, (recall, code)), colour, ax in zip(arms.items(), ("0.45", "C2"), below, strict=True):
        n, (old, new) = len(code), halves(recall)
        course.plot(
            np.arange(1, n + 1), recall, "o-", color=colour, label=f"{name}: older half {old:.2f}, newer {new:.2f}"
        )
        shared.plot(np.arange(1, n), overlap(code)[1:], "o-", color=colour, label=name)
        ax.pcolormesh(np.arange(n + 1) + 0.5, np.arange(code.shape[1] + 1), code.T, cmap="Greys", vmin=0, vmax=10)
        ax.set(xlabel="pattern, in order of storing", ylabel="granule cell, in order of birth", ylim=(0, code.shape[1]))
        ax.set_title(f"{name}: who answers to what (black: 10 spikes or more)")
        if code.shape[1] > GRANULES:
            ax.axhline(GRANULES, color="C3")
            ax.text(0.02, 0.93, "above the red line: born meanwhile", color="C3", transform=ax.transAxes)
    course.set(xlabel="pattern, in order of storing", ylabel="recall", ylim=(-0.3, 1.45), yticks=(0, 0.5, 1))
    course.set_title("Correlation of output and partner, after all were stored")
    shared.set(xlabel="patterns later", ylabel="correlation of codes", title="Do two patterns share their cells?")
    for ax in (course, shared):
        ax.axhline(0.0, color="k", lw=0.5)
        ax.legend(frameon=False, loc="upper left" if ax is course else "best")
    figure.supxlabel(told, fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    print(*main(), sep="\n")
