"""Part of a sheet of neurons loses its input; whether it comes back to life depends on one ordering (Butz & van Ooyen 2013).

Neurons grow axonal and dendritic elements while they fire below a set-point, unless they fire less than `eta`, where elements
retract: each growth curve is a bump between eta and the set-point.  Elements that find each other, by distance, are synapses.
A grown network is at rest at its set-point.  Then the lesion projection zone (LPZ) in its middle loses most of its input.

If dendritic elements grow at less activity than axonal ones (eta_dend < eta_axon), the silent neurons offer places to hear, and
lose their own voices; neurons around them, which now hear less, sprout axons (and keep most of them), and activity returns from the
border inward.  The other way round the LPZ retracts its dendrites, and stays silent although it sprouts axons.

    neurosim run lesion --set eta_dend=3 eta_axon=5

Excitatory neurons only, with escape noise; input is a current.  It is the ordering that is the authors' claim, not the numbers;
theirs have inhibitory neurons and elements too.
"""

import json
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim.plot import canvas

SIDE = 24
AT = np.stack(np.divmod(np.arange(SIDE**2), SIDE), axis=1).astype(float)
APART = np.hypot(*(AT - AT.mean(0)).T)  # distance from the middle
LPZ, AROUND = APART < 6.5, (APART >= 6.5) & (APART < 9.5)
PARTS = {"LPZ": LPZ, "border": LPZ & (APART >= 3.5), "centre": APART < 3.5}
CELL = ns.EscapeLIF(c_m=200.0, tau_m=20.0, e_l=-65.0, v_th=-50.0, v_reset=-65.0, rho_0=100.0, delta_u=4.0)
INPUT, WEIGHT = 50.0, 30.0  # pA; the input alone makes a neuron fire at two thirds of the set-point
BEGIN = 0.25  # the part of the run after which the input goes
RUNS = {"dendrites first": canvas.VERMILLION, "axons first": canvas.BLUE, "no lesion": canvas.GREY}


def main(
    duration: float = 100_000.0, seed: int = 1, out: str | Path = "runs/lesion", progress: bool | None = None, *,
    eta_dend: float = 1.0, eta_axon: float = 6.0, set_point: float = 10.0, growth: float = 4.0, width: float = 2.5, left: float = 0.2,
) -> list[str]:  # fmt: skip
    """Grow the network, take the input away, and watch; then with the two etas exchanged; and without a lesion.

    `eta_dend`, `eta_axon` and `set_point` are in Hz, `growth` is elements per second at most, `width` that of the gaussian by which
    elements find each other, in steps of the sheet, `left` the share of its input that the LPZ keeps.
    """
    begin, every, seen = round(BEGIN * duration), max(100, round(duration / 125)), {}  # ms, ms
    etas = {run: (eta_axon, eta_dend) if run == "axons first" else (eta_dend, eta_axon) for run in RUNS}
    for run, (dend, axon) in etas.items():
        net = ns.Network(dt=1.0, seed=seed, default_delay=1.0)
        exc = net.add_population("exc", CELL, SIDE**2, positions=AT)
        exc.i_e = INPUT
        synapses = net.connect(exc, exc, ns.random(0.003), weight=WEIGHT, parallel=True)
        curves = [ns.GaussianGrowth(growth, eta, set_point) for eta in (axon, dend)]
        near = ns.structural.by_distance(exc, exc, width)
        trace = {"every": 100.0, "tau_calcium": 1500.0, "rate_at_start": 0.7 * set_point}
        rule = net.add(ns.HomeostaticGrowth(synapses, pre=curves[0], post=curves[1], partner=near, **trace))
        seen[run] = []

        def look(net, rule=rule, samples=seen[run]):
            samples.append((rule.rate.copy(), rule.z_pre.copy()))

        net.add(ns.Callback(look, every=every))
        spikes = net.record(exc, "spikes")
        net.run(begin, progress=progress)
        if run != "no lesion":
            exc[np.flatnonzero(LPZ)].i_e = left * INPUT
        net.run(round(duration) - begin, progress=progress)
        if run == "dendrites first":
            ns.keep_run(out, net, spikes=spikes, title="A lesion projection zone recovers")
    seen = {run: np.array(samples) for run, samples in seen.items()}  # [time, rate and axonal elements, neuron]
    report, lines = {"seed": seed, "set_point": set_point, "etas": etas}, []
    for run, (dend, axon) in etas.items():
        row = report[run] = measure(seen[run], seen["no lesion"], begin // every, every, set_point)
        told = [f"{name} {a['least']:.0%}, {a['last']:.0%}, {a['back']}" for name, a in row.items() if name in PARTS]
        lines.append(f"{run} (eta_dend {dend:g}, eta_axon {axon:g} Hz): {'; '.join(told)}; {row['overshoot']:.1f} SD")
    Path(out).mkdir(parents=True, exist_ok=True)
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    draw(Path(out) / "lesion.png", seen, begin, every, set_point, f"seed {seed}, neurosim {ns.__version__}")
    head = "rate in parts of the set-point: least after the lesion, at last, seconds until it was 80 % again;"
    return [head, "and by how much axonal elements around the LPZ exceed those without a lesion at most", *lines[:2]]


def measure(samples: np.ndarray, control: np.ndarray, begin: int, every: float, set_point: float) -> dict:
    """What came after the lesion: of each part rates in parts of the set-point; the overshoot of axonal elements in SD."""
    axons, usual = (one[begin:, 1][:, AROUND].mean(1) for one in (samples, control))
    out = {"overshoot": float((axons.max() - usual.mean()) / usual.std())}
    for name, part in PARTS.items():
        course = samples[begin:, 0][:, part].mean(1) / set_point
        back = [every * k / 1000 for k in range(course.argmin(), course.size) if course[k] >= 0.8]
        late = float(course[-max(1, len(samples) // 10) :].mean())
        out[name] = {"least": float(course.min()), "last": late, "back": back[0] if back else None}
    return out


def draw(path: Path, seen: dict, begin: float, every: float, set_point: float, told: str) -> None:
    """Maps of activity over time for both orderings; rates of the LPZ, and axonal elements around it."""
    figure = canvas.new_figure(10.0, 8.0)
    above, below = figure.subfigures(2, 1, height_ratios=[1.35, 1.0])
    t = every * np.arange(1, 1 + len(seen["no lesion"]))
    moments = begin + np.array([-0.03, 0.03, 0.08, 0.16, 0.7]) * t[-1]
    panels = above.subplots(2, moments.size, sharex=True, sharey=True)
    for row, run in zip(panels, RUNS, strict=False):
        for ax, moment in zip(row, moments, strict=True):
            near = np.abs(t - moment) <= 0.015 * t[-1]
            picture = ax.imshow(seen[run][near, 0].mean(0).reshape(SIDE, SIDE), vmin=0.0, vmax=1.3 * set_point)
            ax.contour(LPZ.reshape(SIDE, SIDE), [0.5], colors="w", linewidths=1.0)
            when = f"{abs(moment - begin) / 1000:.3g} s {'before' if moment < begin else 'after'}"
            ax.set(xticks=[], yticks=[], title=when)
        row[0].set_ylabel(run)
    above.colorbar(picture, ax=panels, label="rate (Hz); white: the LPZ", shrink=0.8)
    rates, axons = below.subplots(1, 2)
    for run, colour in RUNS.items():
        for name, style in (("centre", "-"), ("border", ":")):
            rates.plot(t, seen[run][:, 0][:, PARTS[name]].mean(1), style, color=colour)
        axons.plot(t, seen[run][:, 1][:, AROUND].mean(1), color=colour, label=run)
    rates.axhline(0.8 * set_point, color=canvas.INK, lw=0.8, ls="--", label="80 % of the set-point")
    rates.set(ylabel="rate of the LPZ (Hz)\ncentre solid, border dotted", ylim=(0, 1.3 * set_point))
    axons.set(ylabel="axonal elements of a neuron\naround the LPZ", ylim=(0, None))
    for ax in (rates, axons):
        ax.axvline(begin, color=canvas.PALE, lw=4, zorder=0)
        canvas.time_axis(ax, 0.0, t[-1])
        canvas.open_frame(ax)
    handles = [*axons.get_lines()[:3], rates.get_lines()[6]]
    below.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False)
    figure.supxlabel(told, fontsize=8)
    canvas.save(figure, path, 100)


if __name__ == "__main__":
    print(*main(), sep="\n")
