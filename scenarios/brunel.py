"""Four ways for a random network to fire: in step or not, each neuron like a clock or by chance (Brunel 2000, model A).

10,000 excitatory and 2,500 inhibitory leaky integrate-and-fire neurons, each with 1,000 synapses of 0.1 mV and 250 of -g 0.1 mV from
neurons drawn at random, and a Poisson input of eta times the rate that alone would hold the potential at the threshold.  Two numbers
make the state:

    SR       g 3, eta 2       excitation wins: in step, regular, at two thirds of what the refractory time allows
    AI       g 5, eta 2       inhibition wins: asynchronous, irregular, the population at a steady rate
    SI fast  g 6, eta 4       neurons fire by chance at a third of a rhythm of about 180 Hz, which the delay makes
    SI slow  g 4.5, eta 0.9   less input than the threshold needs: a rhythm of about 22 Hz, in which each neuron rarely takes part

    neurosim run brunel --set states=AI              or several: "states=AI,SI fast"
    neurosim run brunel --set g=4 eta=1.5            a state of your own
    neurosim run brunel --set scale=0.4              fewer neurons with as many synapses on each: more in common, more in step

Delay 1.5 ms.  Bounds of rates and rhythms are around the simulations of the paper (figure 8); parallel synapses are allowed, as in
NEST's version of the network.
"""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np

import neurosim as ns
from neurosim import analysis
from neurosim.checks import check_not_negative, check_positive, did_you_mean
from neurosim.plot.rhythms import rhythms

SIZES, INPUTS = {"exc": 10_000, "inh": 2_500}, {"exc": 1_000, "inh": 250}  # neurons, synapses on each neuron
J, DELAY, WARM_UP, BIN = 0.1, 1.5, 100.0, 0.5  # mV, ms, ms before anything is counted, ms
CELL = ns.LIF(tau_m=20.0, v_th=20.0, v_reset=10.0, t_ref=2.0)
RATE = 1000.0 * CELL.v_th / (J * CELL.tau_m)  # Hz, of all inputs of a neuron: their mean alone is the threshold
STATES = {  # g, eta; what is asked; what the paper's simulation and others have; part of the duration
    "SR": (3.0, 2.0, {"rate": (320.0, 350.0)}, "paper: near saturation; bounds: our own reference runs", 0.25),
    "AI": (5.0, 2.0, {"rate": (36.0, 39.0), "CV": (0.6, 2.0)}, "paper: 37.7 Hz; NEST 3.10, 0.5 s: CV 0.41", 1.0),
    "SI fast": (6.0, 4.0, {"rate": (55.0, 62.0), "rhythm": (160.0, 210.0)}, "paper: 60.7 Hz, rhythm 180 Hz", 1.0),
    "SI slow": (4.5, 0.9, {"rate": (4.8, 6.8), "rhythm": (15.0, 28.0)}, "paper: 5.5 Hz, rhythm 22 Hz", 1.0),
}
WORDS = {"rate": "{:.2f} Hz", "CV": "CV {:.2f}", "swing": "swing {:.2f}", "rhythm": "strongest rhythm {:.0f} Hz"}


def main(
    duration: float = 6_000.0, seed: int = 1, out: str | Path = "runs/brunel", progress: bool | None = None, *,
    states: str = "all", g: float | None = None, eta: float | None = None, scale: float = 1.0,
) -> list[str]:  # fmt: skip
    """Run each state for `duration` (ms, after 0.1 s; SR a quarter of it), and judge rates and rhythms.

    `states` are names with commas between, `g` and `eta` a state of your own instead, `scale` the neurons in parts of 12,500.
    """
    chosen, scale = choose(states, g, eta), check_positive("brunel(scale)", scale)
    if duration < 40.0:
        raise ns.ParameterError(f"brunel(duration): must be at least 40 ms, got {duration:g}")
    if not 0.1 <= scale <= 10.0:
        raise ns.ParameterError(f"brunel(scale): must be from 0.1, where all hear all, to 10, got {scale:g}")
    net = ns.Network(dt=0.1, seed=seed)
    cells = [net.add_population(name, CELL, round(n * scale)) for name, n in SIZES.items()]
    wiring = {"delay": DELAY, "parallel": True, "autapses": True, "dtype": "float32"}
    net.connect(cells[0], cells, ns.fixed_indegree(INPUTS["exc"]), weight=J, **wiring)
    inhibition = net.connect(cells[1], cells, ns.fixed_indegree(INPUTS["inh"]), weight=-J, **wiring)
    size = f"{net.n_neurons:,} neurons, {net.n_synapses:,} synapses"
    print(f"{size}, 1,000 + 250 on each, {net.estimate()['bytes'] / 1e6:.0f} MB, seed {seed}", flush=True)
    if scale != 1.0:
        share = f"{sum(INPUTS.values()) / net.n_neurons:.3g} of all, not 0.1: they share more or less input"
        print(f"scaled by {scale:g}: neurons only; each hears as many, which is {share}", flush=True)
    # All inputs are there from the start and take turns, so that a state is the same whichever others are run.
    rates = {name: state[1] * RATE for name, state in (STATES | chosen).items()}
    drives = {name: net.stimulate(cells, ns.PoissonInput(rate=rate, weight=J)) for name, rate in rates.items()}
    recorder, spikes, seen, lines = net.record(cells, "spikes"), {}, {}, []
    for name, (g, eta, asked, paper, part) in chosen.items():
        net.reset()
        for population in cells:
            population.v = net.rng(population.name).uniform(0.0, CELL.v_th, len(population))
        for wire in inhibition:
            wire.weight = -g * J
        for other, drive in drives.items():
            drive.active = other == name
        net.run(WARM_UP + round(part * duration), progress=progress)
        t, index, late = recorder.t, recorder.index, recorder.t > WARM_UP
        spikes[name] = SimpleNamespace(t=t[late], index=index[late], n=recorder.n, span=(WARM_UP, net.now))
        seen[name] = measure(spikes[name], asked)
        lines.append(f"{name} (g {g:g}, eta {eta:g}): {told(seen[name], asked)}{paper and '; '}{paper}")
        if name == ("AI" if "AI" in chosen else next(iter(chosen))):
            ns.keep_run(out, net, spikes=recorder, title=f"Brunel's network, state {name}", notes=lines[-1])
    Path(out).mkdir(parents=True, exist_ok=True)
    report = {"seed": seed, "scale": scale, "neurons": net.n_neurons, "synapses": net.n_synapses, "states": seen}
    (Path(out) / "report.json").write_text(json.dumps(report, indent=1))
    figure = rhythms(spikes, width=BIN, bands={name: state[2].get("rhythm") for name, state in chosen.items()})
    figure.supxlabel(f"{size}, seed {seed}, neurosim {ns.__version__}; grey: asked of the rhythm", fontsize=8)
    figure.savefig(Path(out) / "brunel.png", dpi=100)
    judged = {f"{key} of {name}": fine for name, row in seen.items() for key, fine in row["within"].items()}
    known, missed = sum(one is not None for one in judged.values()), [key for key in judged if judged[key] is False]
    lines.append("CV of intervals: 0 for a clock, 1 for chance; swing: SD over mean of the rate of all in 0.5 ms")
    if known:
        lines.append(f"{known - len(missed)} of {known} as asked; MISSED: {', '.join(missed) or 'nothing'}")
    return lines


def choose(states: object, g: float | None, eta: float | None) -> dict[str, tuple]:
    """The states to run: by name, or one of g and eta."""
    if (g is None) != (eta is None):
        raise ns.ParameterError("brunel(g, eta): a state of your own needs both; for example --set g=4 eta=1.5")
    if g is not None:
        g, eta = check_not_negative("brunel(g)", g), check_not_negative("brunel(eta)", eta)
        return {"yours": (g, eta, {}, "", 1.0)}
    names = list(STATES) if states == "all" else [one.strip() for one in str(states).split(",")]
    for name in (one for one in names if one not in STATES):
        close = did_you_mean(name, STATES)
        raise ns.ParameterError(f"brunel(states): no state {name!r}; known: {', '.join(STATES)}, all.{close}")
    return {name: STATES[name] for name in names}


def measure(spikes: SimpleNamespace, asked: dict[str, tuple]) -> dict:
    """Rate, irregularity, swing and rhythm; whether they are within what is asked, None if the run is too short to tell."""
    rate = analysis.population_rate(spikes.t, spikes.n, spikes.span, BIN)[1]
    if not rate.any():
        return {"rate": 0.0, "within": dict.fromkeys(asked, False)}
    cv = analysis.interval_cv(spikes.t, spikes.index, spikes.n)
    piece = min(500.0, (spikes.span[1] - spikes.span[0]) / 3)  # ms, of spectra
    peak = analysis.spectrum_peak(spikes.t, spikes.n, spikes.span, width=BIN, segment=piece, lowest=10.0, highest=500.0)
    seen = {"rate": float(rate.mean()), "CV": float(np.nanmean(cv)) if np.isfinite(cv).any() else None}
    seen |= {"swing": float(rate.std() / rate.mean()), "rhythm": peak}
    within = {key: None if seen[key] is None else low <= seen[key] <= high for key, (low, high) in asked.items()}
    if "rhythm" in asked and piece < 3000.0 / asked["rhythm"][0]:  # not three periods of the slowest
        within["rhythm"] = None
    return seen | {"within": within}


def told(seen: dict, asked: dict[str, tuple]) -> str:
    """What was measured, each with its verdict."""
    words = {key: form.format(seen[key]) for key, form in WORDS.items() if seen.get(key) is not None}
    verdicts = {True: "within", False: "NOT within", None: "too short to tell whether within"}
    for key, (low, high) in asked.items():
        words[key] = f"{words.get(key, key)} ({verdicts[seen['within'][key]]} {low:g}-{high:g})"
    return ", ".join(words.values())


if __name__ == "__main__":
    print(*main(), sep="\n")
