"""Models written as functions beside the built-in ones, in turns in one run: ``python -m benchmarks.custom_models``.

Neurons: 10,000 without synapses that fire at some 20 Hz.  Rules: additive pair STDP on 2 M synapses (float32, one delay)
between Poisson sources and neurons at 20 Hz.  Of each the best CPU time of several rounds counts, so that what else runs on
the machine falls on both alike.  Prints one JSON line: ns per neuron and step, ns per plastic event, their ratios, and the
first run of the function in this process (s), which is the compilation if it is new.
"""

import argparse
import json
import time

import numpy as np

import neurosim as ns
from neurosim.neurons.puppet import Puppet

N, STEPS, ROUNDS = 10_000, 1_000, 12


def to_reset(v_reset=0.0):
    """What a spike leaves."""
    return v_reset


def propagators(tau_m, c_m, e_l, i_e, dt):
    """Coefficients of the exact solution."""
    lost = -np.expm1(-dt / tau_m)
    to_v = lost * tau_m / c_m
    return {"decay": np.exp(-dt / tau_m), "drive": lost * e_l + to_v * i_e, "current_to_v": to_v}


@ns.neuron_model(
    state={"v": ns.State("e_l", "mV")}, reset=to_reset, derive=propagators,
    params={"tau_m": 20.0, "c_m": 250.0, "e_l": 0.0, "t_ref": 2.0, "i_e": 0.0},
)  # fmt: skip
def FunctionLIF(v, delta, current, waiting, decay, drive, current_to_v, v_th=20.0):
    """The built-in `LIF` as a function."""
    if waiting == 0:
        v = v * decay + drive + delta + current * current_to_v
    return v, v >= v_th


@ns.neuron_model(state={"v": ns.State("e_l", "mV")}, reset=to_reset)
def EulerLIF(v, delta, waiting, dt, tau_m=20.0, e_l=0.0, v_th=20.0, t_ref=2.0):
    """The same by forward Euler, as one writes it first."""
    if waiting == 0:
        v = v + dt * (e_l - v) / tau_m + delta
    return v, v >= v_th


def network(model: object) -> tuple[ns.Network, float]:
    """A network that is ready to be timed, and the CPU time of its first step (s)."""
    net = ns.Network(dt=0.1, seed=1)
    pop = net.add_population("pop", model, N)
    pop.v = np.linspace(0.0, 19.0, N)
    begin = time.process_time()
    net.run(0.1)
    return net, time.process_time() - begin


def potentiate(w, x, gain):
    """A postsynaptic spike."""
    return w + gain * x


def depress(w, y, gain):
    """A presynaptic spike."""
    return w - 1.05 * gain * y


def potentiate_also(w, n, x, gain):
    """The same, and a count."""
    return w + gain * x, n + 1.0


def depress_also(w, n, y, gain):
    """The same."""
    return w - 1.05 * gain * y, n


TRACES = {"x": ns.Trace("pre", 20.0), "y": ns.Trace("post", 20.0)}
RULES = {
    "built_in_rule": ns.PairSTDP(a_plus=1e-3, a_minus=1.05e-3),
    "rule": ns.PlasticityRule(
        "pair", on_post=potentiate, on_pre=depress, traces=TRACES, params={"gain": 1e-3}, w_max=1.0
    ),
    "rule_with_a_variable": ns.PlasticityRule(  # which the loop for any rule runs
        "general", on_post=potentiate_also, on_pre=depress_also, traces=TRACES, params={"gain": 1e-3}, w_max=1.0, variables={"n": 0.0}
    ),
}  # fmt: skip


def plastic(rule: object) -> tuple[ns.Network, float]:
    """A plastic projection that is ready to be timed, and the CPU time of its first step (s)."""
    net = ns.Network(dt=0.1, seed=1)
    pre = net.add_population("pre", ns.PoissonSource(rate=20.0), 2_000)
    post = net.add_population("post", ns.PoissonSource(rate=20.0), 2_000)
    target = net.add_population("target", Puppet(), 2_000)
    net.connect(post, target, ns.one_to_one(), weight=1.0, delay=1.0, receptor="told")
    net.connect(
        pre,
        target,
        ns.fixed_indegree(1000),
        weight=ns.uniform(0.0, 1.0),
        delay=1.0,
        receptor="heard",
        plasticity=rule,
        dtype="float32",
    )
    begin = time.process_time()
    net.run(0.1)
    return net, time.process_time() - begin


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    models = {"built_in": ns.LIF(i_e=300.0), "function": FunctionLIF(i_e=300.0), "euler": EulerLIF(e_l=24.0)}
    ready = {name: network(model) for name, model in models.items()}
    best = dict.fromkeys(models, np.inf)
    for _ in range(rounds):
        for name, (net, _) in ready.items():
            begin = time.process_time()
            net.run(STEPS * 0.1)
            best[name] = min(best[name], (time.process_time() - begin) / (N * STEPS) * 1e9)
    rules = {name: plastic(rule) for name, rule in RULES.items()}
    for name in rules:
        best[name] = np.inf
    for _ in range(rounds):
        for name, (net, _) in rules.items():
            begin = time.process_time()
            net.run(50.0)
            best[name] = min(best[name], (time.process_time() - begin) / (20.0 * 0.05 * 2e6) * 1e9)
    line = {f"{name}_ns": round(value, 3) for name, value in best.items()}
    line |= {"ratio": round(best["function"] / best["built_in"], 3), "first_run_s": round(ready["function"][1], 3)}
    line |= {
        "rule_ratio": round(best["rule"] / best["built_in_rule"], 3),
        "rule_first_run_s": round(rules["rule"][1], 3),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
