"""A memory is written into the wiring: neurons that were stimulated together end up joined to one another (Gallinaro & Rotter 2018).

400 excitatory neurons grow synapses among themselves until they fire at their target rate.  Then 40 of them (S) are stimulated:
they fire too much, and retract synapses, at last all that they had among themselves.  When the stimulus ends they fire too
little and grow anew; and because hardly anybody else has vacant elements, they find each other.  An assembly remains, four times
as densely wired as chance, though no synapse has a weight of its own and nobody steers but each neuron's calcium.  It fades, but
far more slowly than it came.

The authors' reduced network: 100 inhibitory neurons with fixed wiring, delta synapses, both ends of a synapse with the same
growth curve.  The target is the rate of the same network with a fixed wiring of 10 %.  A run has five parts: growth,
stimulation, growing again, and two parts of decay.

    neurosim run assemblies --set stimulus=1.2
"""

import json
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.plot import canvas

EXC, INH, STIMULATED = 400, 100, 40
CELL = ns.LIF(tau_m=20.0, e_l=0.0, v_th=20.0, v_reset=10.0, t_ref=2.0)
WEIGHT, DRIVE = 0.1, 15_000.0  # mV, Hz: one and a half times what brings the mean of the membrane to threshold
# Where each phase ends, as a part of the run; and the groups of synapses, E being the excitatory neurons that are not S.
PHASES = {"growth": 0.2, "stimulation": 0.4, "growing again": 0.6, "decay": 1.0}
GROUPS = {"S → S": (1, 1), "S → E": (1, 0), "E → S": (0, 1), "E → E": (0, 0)}
COLOURS = canvas.VERMILLION, canvas.ORANGE, canvas.INK, canvas.BLUE


def main(
    duration: float = 100_000.0, seed: int = 1, out: str | Path = "runs/assemblies", progress: bool | None = None, *,
    stimulus: float = 1.1, growth: float = 0.5, every: float = 100.0,
) -> list[str]:  # fmt: skip
    """Grow, stimulate, wait and draw.

    `stimulus` is the drive of S relative to that of all others, `growth` how many elements a second a silent neuron grows per Hz of
    its target, `every` the time between two updates of the wiring (ms).
    """
    net, exc, _ = network(seed)
    net.connect(exc, exc, ns.fixed_indegree(EXC // 10), weight=WEIGHT)
    spikes = net.record(exc, "spikes")
    net.run(6000.0, progress=False)
    target = float((spikes.t > 1000.0).sum() / EXC / 5.0)

    net, exc, inh = network(seed)
    around = net.rng("begin").permutation(EXC)
    ring = ns.from_edges((around, np.roll(around, 1)))  # one synapse a neuron, to begin with
    ee = net.connect(exc, exc, ring, weight=WEIGHT, parallel=True, name="exc -> exc")
    net.add(ns.HomeostaticGrowth(ee, target, every=every, growth_rate=growth * target))
    ends = {phase: round(end * duration) for phase, end in PHASES.items()}  # ms
    parts, bins = {"S": exc[:STIMULATED], "E": exc[STIMULATED:], "I": inh}, max(every, round(duration / 200.0))
    when = {"start": ends["growth"], "stop": ends["stimulation"]}
    net.stimulate(parts["S"], ns.PoissonInput((stimulus - 1.0) * DRIVE, WEIGHT, **when))
    rates = {name: net.record(part, "rates", every=bins) for name, part in parts.items()}
    spikes, course = net.record(exc, "spikes"), []

    def look(net: ns.Network) -> None:
        """Synapses per ordered pair in each group, now."""
        edges = ee.edges()
        pre, post = np.isin(edges.pre, parts["S"].uid), np.isin(edges.post, parts["S"].uid)
        size = EXC - STIMULATED, STIMULATED
        course.append([net.now, *[((pre == a) & (post == b)).sum() / (size[a] * size[b]) for a, b in GROUPS.values()]])

    net.add(ns.Callback(look, every=bins))
    matrices, report = [], {"seed": seed, "target": target, "phases": {}}
    for phase, end in ends.items():
        net.run(end - net.now, progress=progress)
        look(net)
        late = {name: float(r.rate[-8:].mean()) for name, r in rates.items()}
        now = dict(zip(GROUPS, map(float, course[-1][1:]), strict=True))
        report["phases"][phase] = {"t": net.now, **now, "Hz": late}
        matrices.append(np.histogram2d(ee.post, ee.pre, 40, [[0, 120]] * 2)[0] / 9.0)  # S and twice as many others
    Path(out).mkdir(parents=True, exist_ok=True)
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    told = f"seed {seed}, neurosim {ns.__version__}"
    draw(Path(out) / "assemblies.png", np.array(course), rates, matrices, ends, target, told)
    lines = [f"synapses per ordered pair (S: the {STIMULATED} stimulated neurons); target {target:.2f} Hz"]
    for phase, seen in report["phases"].items():
        groups = ", ".join(f"{name} {seen[name]:.4f}" for name in GROUPS)
        hertz = ", ".join(f"{name} {rate:.1f}" for name, rate in seen["Hz"].items())
        lines.append(f"{seen['t'] / 1000:g} s, end of {phase}: {groups}; {hertz} Hz")
    kept = {"spikes": spikes, "rates": [*rates.values()], "notes": "\n".join(lines)}
    ns.keep_run(out, net, title="A memory in the wiring", **kept)
    return lines


def network(seed: int) -> tuple:
    """The network without synapses among excitatory neurons; (net, exc, inh)."""
    net = ns.Network(dt=0.1, seed=seed, default_delay=1.0)
    exc, inh = net.add_population("exc", CELL, EXC), net.add_population("inh", CELL, INH)
    net.connect(exc, inh, ns.fixed_indegree(EXC // 10), weight=WEIGHT)
    net.connect(inh, [exc, inh], ns.fixed_indegree(INH // 10), weight=-12.0 * WEIGHT)
    for part in (exc, inh):
        net.stimulate(part, ns.PoissonInput(rate=DRIVE, weight=WEIGHT))
    return net, exc, inh


def draw(path: Path, course: np.ndarray, rates: dict, matrices: list, ends: dict, target: float, told: str) -> None:
    """Connectivity and rates over time, and who is joined to whom at the end of each phase."""
    figure = canvas.new_figure(10.0, 8.0)
    above, below = figure.subfigures(2, 1, height_ratios=[2.1, 1.0])
    wiring, firing = above.subplots(2, 1, sharex=True, height_ratios=[1.4, 1.0])
    for name, colour, dash, values in zip(GROUPS, COLOURS, ("-", "-", "--", "-"), course[:, 1:].T, strict=True):
        wiring.plot(course[:, 0], values, dash, color=colour, lw=2, label=name)
    for (name, recorder), colour in zip(rates.items(), COLOURS[::3] + COLOURS[2:3], strict=True):
        firing.plot(recorder.t, recorder.rate, color=colour, label=name)
    firing.axhline(target, color=canvas.GREY, ls=":", label="target")
    top = 1.15 * course[:, 1:].max()
    wiring.set(ylabel="synapses per ordered pair", ylim=(0.0, top))
    firing.set(ylabel="rate (Hz)", ylim=(0.6 * target, None))
    canvas.time_axis(firing, 0.0, ends["decay"])
    for ax in (wiring, firing):
        canvas.open_frame(ax)
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        ax.axvspan(ends["growth"], ends["stimulation"], color=canvas.VERMILLION, alpha=0.12, lw=0)
    for begin, (phase, end) in zip((0, *ends.values()), ends.items(), strict=False):
        wiring.text((begin + end) / 2, top, phase, ha="center", va="top")
    panels = below.subplots(1, len(matrices))
    for ax, matrix, (phase, end) in zip(panels, matrices, ends.items(), strict=True):
        picture = ax.imshow(matrix, cmap="magma_r", vmin=0.0, vmax=0.6, extent=(0, 120, 120, 0))
        ax.set(title=f"{end / 1000:g} s, end of\n{phase}", xticks=[0, STIMULATED, 120], yticks=[0, STIMULATED, 120])
    panels[0].set(xlabel="presynaptic neuron", ylabel="postsynaptic neuron")
    below.colorbar(picture, ax=panels, label="synapses per pair", shrink=0.8)
    figure.supxlabel(told, fontsize=8)
    canvas.save(figure, path, 100)


if __name__ == "__main__":
    print(*main(), sep="\n")
