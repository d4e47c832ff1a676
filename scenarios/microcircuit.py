"""A square millimetre of early sensory cortex: four layers, 77,169 neurons, 299 million synapses (Potjans & Diesmann 2014).

In each layer (2/3, 4, 5, 6) an excitatory and an inhibitory population of leaky integrate-and-fire neurons; who connects to whom,
and how often, comes from a table of anatomy and physiology; every neuron hears its own Poisson input.  Nothing is fitted to the
rates, and yet they come out as in animals: few spikes in layers 2/3E and 6E, more in 4 and 5, and inhibitory cells faster.

By default a tenth of it.  At scale s neurons, synapses of a neuron and external inputs are s times as many; weights are 1 / sqrt(s)
times as large, which keeps the variance of the input, and a constant current for each population makes up for the lost part of its
mean at the rates of the full network (van Albada, Helias & Diesmann 2015).  Rates stay about the same; correlations do not.

    neurosim run microcircuit --scale 0.2
    neurosim run microcircuit --full          the whole: says first what memory it will take

All numbers, and the rates of three published simulations of the whole, are in neurosim/datasets/cortex.py.
"""

import json
import warnings
from pathlib import Path

import numpy as np

import neurosim as ns
from neurosim import analysis
from neurosim.checks import check_positive
from neurosim.datasets import cortex
from neurosim.plot.layered import layered_summary

DT, WARM_UP = 0.1, 500.0  # ms, ms before anything is counted
SPIKE = 48  # bytes of a recorded spike, with its time and its place
ASKED = cortex.RATES["reference"]  # Hz


def main(
    duration: float = 10_000.0, seed: int = 1, out: str | Path = "runs/microcircuit", progress: bool | None = None, *,
    scale: float = 0.1, full: bool = False,
) -> list[str]:  # fmt: skip
    """Build, run, and put the rates of the eight populations over `duration` (ms, after half a second) beside published ones.

    `scale` is the size in parts of the whole, 0.01 to 1; `full` the whole.
    """
    if not isinstance(full, bool):
        raise ns.ParameterError(f"microcircuit(full): must be True or False, got {full!r}; for example --full")
    scale = 1.0 if full else check_positive("microcircuit(scale)", scale)
    if not 0.01 <= scale <= 1.0:
        raise ns.ParameterError(f"microcircuit(scale): must be from 0.01 to 1, the whole, got {scale:g}")
    if duration < 100.0:
        raise ns.ParameterError(f"microcircuit(duration): must be at least 100 ms, got {duration:g}")
    sizes, root = np.round(cortex.SIZES * scale).astype(int), np.sqrt(scale)
    synapses = np.round(cortex.IN_DEGREE * scale * sizes[:, None]).astype(int)  # [target, source]
    # The rates that make up for the lost input are those that NEST's implementation takes, not the newest.
    current, weight = (1 - root) * cortex.mean_input(cortex.RATES["an older set"]), cortex.WEIGHT / root
    external, net, cells = cortex.EXTERNAL * scale * cortex.EXTERNAL_RATE, ns.Network(dt=DT, seed=seed), []
    for k, name in enumerate(cortex.NAMES):
        cells.append(net.add_population(name, ns.LIFExp(**cortex.PARAMETERS, i_e=current[k]), sizes[k]))
        cells[k].v = ns.normal(cortex.START[k], cortex.START_SD[k])
        net.stimulate(cells[k], ns.PoissonInput(rate=external[k], weight=weight[0, 0]))
    wiring = [(cells[s], cells[t], ns.fixed_total(synapses[t, s]), weight[t, s], cortex.DELAY[s]) for t, s in np.argwhere(synapses)]  # fmt: skip
    size = f"{net.n_neurons:,} of 77,169 neurons, {synapses.sum():,} of 298,880,970 synapses, seed {seed}"
    print(size, room(net, wiring, ASKED @ sizes * (duration + WARM_UP) / 1000), sep="\n", flush=True)
    if scale < 1.0:
        amount = (
            f"weights x {1 / root:.3g} (variance), currents of {current.min():.0f} to {current.max():.0f} pA (mean)"
        )
        print(f"scaled by {scale:g}: neurons, synapses of a neuron (connection probabilities stay) and external inputs")
        print(f"made up for, in the input of a neuron: {amount}", flush=True)
    else:
        print("nothing is scaled: every neuron has all its synapses", flush=True)
    for pre, post, rule, w, d in wiring:
        bound = {"low": 0.0} if w > 0 else {"high": 0.0}
        w, d = ns.normal(w, cortex.WEIGHT_SPREAD * abs(w), **bound), ns.normal(d, cortex.DELAY_SPREAD * d, low=0.5 * DT)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*drawn delays are rounded", ns.NeurosimWarning)  # as the paper's are
            net.connect(pre, post, rule, weight=w, delay=d, dtype="float32", autapses=True, parallel=True)
    print(f"built: {net.n_synapses:,} synapses, {net.estimate()['bytes'] / 1e9:.3g} GB", flush=True)
    net.run(WARM_UP, progress=progress)
    spikes = [net.record(population, "spikes") for population in cells]
    net.run(duration, progress=progress)
    Path(out).mkdir(parents=True, exist_ok=True)
    seen, spreads = measure(spikes, scale, (WARM_UP, net.now))
    report = {"seed": seed, "scale": scale, "neurons": sizes.tolist(), "synapses": synapses.tolist()}
    (Path(out) / "report.json").write_text(json.dumps(report | {"current": current.tolist()} | seen, indent=1))
    look = {"names": cortex.NAMES, "allowed": seen["allowed"], "window": (max(WARM_UP, net.now - 400.0), net.now)}
    look |= {"caption": f"scale {scale:g}, seed {seed}, neurosim {ns.__version__}"}
    page = layered_summary(spikes, seen["rates"], cortex.RATES, spreads, **look)
    page.savefig(Path(out) / "microcircuit.png", dpi=110)
    ns.keep_run(out, net, spikes=spikes, title="Cortical microcircuit", notes="\n".join(told(seen, scale)))
    return told(seen, scale)


def room(net: ns.Network, wiring: list, spikes: float) -> str:
    """The memory that the network will take, in words; a `RunError` if there is less."""
    built = most = net.estimate()["bytes"] + SPIKE * spikes
    for pre, post, rule, *_ in wiring:
        one = net.estimate(pre, post, rule, dtype="float32", parallel=True)
        most, built = max(most, built + one["peak_bytes"]), built + one["bytes"]
    most, free = max(most, built), net.estimate()["free_bytes"]
    words = f"{built / 1e9:.3g} GB when built, up to {most / 1e9:.3g} GB on the way; {free / 1e9:.3g} GB are free"
    if most > free:
        raise ns.RunError(f"microcircuit: needs about {words}. Take a smaller one, for example --scale 0.2")
    return f"memory: about {words}"


def measure(spikes: list, scale: float, span: tuple[float, float]) -> tuple[dict, dict]:
    """Rates and whether they are within what is asked, irregularity; the CV of each neuron, correlations of pairs."""
    rates = np.array([one.t.size / one.n for one in spikes]) * 1000 / (span[1] - span[0])
    allowed = np.maximum(0.12 * ASKED, 0.25) if scale == 1.0 else np.maximum(0.25 * ASKED, 0.5)
    cvs = [analysis.interval_cv(one.t, one.index, one.n) for one in spikes]
    counts = (analysis.spike_counts(one.t, one.index, one.n, span, 10.0)[:200] for one in spikes)
    every = np.concatenate(cvs)[np.isfinite(np.concatenate(cvs))]
    seen = {
        "rates": rates.tolist(), "allowed": allowed.tolist(), "within": (np.abs(rates - ASKED) <= allowed).tolist(),
        "rank": bool((np.argsort(rates) == np.argsort(ASKED)).all()), "mean_cv": float(every.mean()) if every.size else 0.0,
    }  # fmt: skip
    return seen, {"CV of intervals": cvs, "correlation in 10 ms": [*map(analysis.pairwise_correlation, counts)]}


def told(seen: dict, scale: float) -> list[str]:
    """Rates beside the published ones, and verdicts."""
    lines = [f"{'Hz':6}{'here':>7}" + "".join(f"{name:>15}" for name in cortex.RATES) + "   verdict"]
    for k, name in enumerate(cortex.NAMES):
        published = "".join(f"{one[k]:15.3f}" for one in cortex.RATES.values())
        verdict = f"{'' if seen['within'][k] else 'NOT '}within +-{seen['allowed'][k]:.2f}"
        lines.append(f"{name:6}{seen['rates'][k]:7.3f}{published}   {verdict}")
    fine, rule = sum(seen["within"]), "12 %, 0.25 Hz" if scale == 1.0 else "25 %, 0.5 Hz"
    lines.append(f"rates: {fine} of 8 within max({rule}) of the reference: {'' if fine == 8 else 'NOT '}as asked")
    cv, rank = ("" if one else "NOT " for one in (0.7 <= seen["mean_cv"] <= 1.1, seen["rank"]))
    lines.append(
        f"CV of intervals {seen['mean_cv']:.2f}, {cv}within 0.7-1.1; order of rates {rank}that of the reference"
    )
    note = "(the CV and the order are asked of the full network over 10 s only; a short run has too low a CV)"
    return [*lines, note] if scale < 1.0 else lines


if __name__ == "__main__":
    print(*main(), sep="\n")
