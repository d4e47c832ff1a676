"""Makes `brette_brian2.npz` beside this file: the three networks of Brette et al. (2007) in Brian2.

Run it with the project's interpreter: ``python tests/goldens/make_brette_brian2.py`` (some minutes).  Wiring, start and
equations come from tests/brette.py, here as in the tests; the file holds what Brian2 made of them.  Conventions: Brian2
stamps the start of a step, we its end; ``refractory`` is our t_ref; delays are one step in both; thresholds are ``>=``.

Networks: cuba (exact), coba (exponential_euler), hh (exponential_euler; gates start at 0; a neuron that stays above the
threshold counts a spike every 3 ms), and coba_mean: exponential_euler with conductances at their mean over the step.

{name}_step, {name}_neuron : int16[spikes], stamps in steps and neurons of the first 100 ms, ordered by both
{name}_rate, {name}_cv, {name}_mark : of the first second (rate_and_cv and mark of tests/brette.py)
coba_rates, coba_cvs : float64[4], over 3 s, of coba from seeds 1 to 4
edges_mark : of the wiring of seed 1, from which all but these start
"""

import sys
from pathlib import Path

import brian2 as b2
import numpy as np
from brian2 import ms, mV, nS

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
import brette  # noqa: E402

SEEDS = (1, 2, 3, 4)


def spikes(name: str, seed: int, time: float) -> tuple[np.ndarray, np.ndarray]:
    """(stamps in steps, neurons), ordered by both."""
    b2.defaultclock.dt = brette.DT * ms
    kind = name.removesuffix("_mean")
    p = brette.PARAMETERS[kind]
    unit, scale = (mV, 10.0) if kind == "cuba" else (nS, 1.0)
    neurons = b2.NeuronGroup(
        brette.N,
        brette.EQUATIONS[name],
        threshold=f"v >= {p['v_th']}*mV",
        reset=f"v = {p['v_reset']}*mV" if "v_reset" in p else "",
        refractory=p["t_ref"] * ms,
        method="exact" if kind == "cuba" else "exponential_euler",
    )
    begin = brette.start(kind, seed)
    neurons.v = begin["v"] * mV
    if "g_exc" in begin:
        neurons.ge, neurons.gi = begin["g_exc"] * nS, begin["g_inh"] * nS
    pre, post = brette.edges(seed)
    objects = [neurons]
    for variable, mine, weight in zip(
        ("ge", "gi"), (pre < brette.N_EXC, pre >= brette.N_EXC), brette.WEIGHTS[kind], strict=True
    ):
        size = weight / scale if kind == "cuba" else abs(weight)
        synapses = b2.Synapses(neurons, neurons, on_pre=f"{variable}_post += jump", namespace={"jump": size * unit})
        synapses.connect(i=pre[mine], j=post[mine])
        synapses.delay = brette.DT * ms
        objects.append(synapses)
    monitor = b2.SpikeMonitor(neurons)
    b2.Network(*objects, monitor).run(time * ms)
    step = np.rint(np.asarray(monitor.t / ms) / brette.DT).astype(np.int64) + 1
    neuron = np.asarray(monitor.i).astype(np.int64)
    order = np.lexsort((neuron, step))
    step, neuron = step[order], neuron[order]
    kept = step <= round(time / brette.DT)
    return step[kept], neuron[kept]


def main() -> None:
    """Run all and write the file."""
    b2.prefs.codegen.target = "numpy"
    found = {"edges_mark": brette.mark(*brette.edges(1))}
    for name in brette.EQUATIONS:
        step, neuron = spikes(name, 1, 1000.0)
        found[f"{name}_rate"], found[f"{name}_cv"] = brette.rate_and_cv(step, neuron, 1000.0)
        found[f"{name}_mark"] = brette.mark(step, neuron)
        early = step <= 1000
        found[f"{name}_step"], found[f"{name}_neuron"] = step[early].astype(np.int16), neuron[early].astype(np.int16)
        print(name, step.size, found[f"{name}_rate"], found[f"{name}_cv"])
    longer = [brette.rate_and_cv(*spikes("coba", seed, 3000.0), 3000.0) for seed in SEEDS]
    found["coba_rates"], found["coba_cvs"] = np.array(longer).T
    print(longer)
    np.savez_compressed(HERE / "brette_brian2.npz", **found)


if __name__ == "__main__":
    main()
