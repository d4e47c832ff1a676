"""Runs a benchmark network in GeNN.

    python -m benchmarks.peer_genn MODEL [--time MS] [--seed S]

PyGeNN 5, single-threaded CPU backend, single precision (GeNN's default), -O3 -ffast-math -march=native.  STDP sees a
presynaptic spike when it arrives (the delay is axonal).

UNTESTED here: PyGeNN is not on PyPI and has to be built from its sources.
"""

import os
import shutil
import tempfile
import time

import numpy as np
import pygenn

from benchmarks import describe, measure
from benchmarks.description import DT, Network, Population, Projection, draw_synapses, kick_trains, start_potentials

DRAW = """
    scalar chance = 1.0; unsigned int events = 0; const scalar none = exp(-expected);
    do { events++; chance *= gennrand_uniform(); } while (chance > none);
    events--;"""
JUMP = "V = Rest + (V - Rest)*Decay + Isyn + {drive};"
FLOW = "const scalar goal = (Isyn + {drive} + current)*Resistance + Rest; V = goal - Decay*(goal - V);"


def neuron_model(network: Network, *, poisson: bool):
    """Leaky integrate-and-fire with, if asked for, Poisson input of its own (nA, nF, MOhm, mV)."""
    delta = network.neuron == "delta"
    drive, after = "0.0", ""
    if poisson:
        drive = "PoissonWeight*events" if delta else "X*MeanX"
        after = "" if delta else "X = X*DecayX + PoissonWeight*events;"
    update = (JUMP if delta else FLOW).format(drive=drive)
    return pygenn.create_neuron_model(
        "leaky",
        params=["C", "Tau", "Rest", "Reset", "Threshold", "Frozen", "PoissonWeight", "TauX"],
        vars=[("V", "scalar"), ("wait", "int"), ("expected", "scalar"), ("current", "scalar"), ("X", "scalar")],
        derived_params=[
            ("Decay", lambda p, dt: float(np.exp(-dt / p["Tau"]))),
            ("Resistance", lambda p, dt: p["Tau"] / p["C"]),
            ("DecayX", lambda p, dt: float(np.exp(-dt / p["TauX"]))),
            ("MeanX", lambda p, dt: float((1.0 - np.exp(-dt / p["TauX"])) * p["TauX"] / dt)),  # over one step
        ],
        sim_code=f"{DRAW if poisson else ''}\nif (wait <= 0) {{ {update} }} else {{ wait--; }}\n{after}",
        threshold_condition_code="wait <= 0 && V >= Threshold",
        reset_code="V = Reset; wait = (int)Frozen;",
    )


def scale(network: Network) -> float:
    """GeNN's unit of weights over ours: nA and microsiemens for pA and nS, mV for mV."""
    return 1.0 if network.neuron == "delta" else 1e-3


def make_population(model, population: Population, network: Network, rng: np.random.Generator):
    """Neurons of one population."""
    p = network.parameters
    values = {
        "C": p["c_m"] * 1e-3,
        "Tau": p.get("tau_m") or p["c_m"] / p["g_l"],
        "Rest": p["e_l"],
        "Reset": p["v_reset"],
        "Threshold": p["v_th"],
        "Frozen": round(p["t_ref"] / DT) - 1,
        "PoissonWeight": network.poisson_weight * scale(network),
        "TauX": p.get("tau_exc", 1.0),
    }
    state = {
        "V": start_potentials(population, rng),
        "wait": 0,
        "expected": population.poisson_rate * DT * 1e-3,
        "current": population.i_e * 1e-3,
        "X": 0.0,
    }
    kind = neuron_model(network, poisson=population.poisson_rate > 0.0)
    neurons = model.add_neuron_population(population.name, population.size, kind, values, state)
    neurons.spike_recording_enabled = True
    return neurons


def receptor(network: Network, target, *, inhibitory: bool):
    """What arriving weights do to a neuron."""
    if network.neuron == "delta":
        return pygenn.init_postsynaptic(
            pygenn.create_postsynaptic_model("jump", sim_code="injectCurrent(inSyn); inSyn = 0.0;")
        )
    p, sign = network.parameters, "inh" if inhibitory else "exc"
    if network.neuron == "exp":
        return pygenn.init_postsynaptic("ExpCurr", {"tau": p[f"tau_{sign}"]})
    values = {"tau": p[f"tau_{sign}"], "E": p[f"e_{sign}"]}
    return pygenn.init_postsynaptic("ExpCond", values, var_refs={"V": pygenn.create_var_ref(target, "V")})


def plastic_weight(network: Network, weight: float):
    """The weight update of pair STDP; weights inside are nA."""
    rule = network.stdp
    if rule["rule"] == "additive":
        down, up = "g = fmax(0.0, g - aMinus*post);", "g = fmin(wMax, g + aPlus*pre);"
        values = {"aPlus": rule["a_plus"] * 1e-3, "aMinus": rule["a_minus"] * 1e-3, "wMax": rule["w_max"] * 1e-3}
    else:  # w^mu is meant for w in pA
        down, up = "g = fmax(0.0, g - rate*alpha*g*post);", "g += 1e-3*rate*pow(g*1e3, mu)*pre;"
        values = {"rate": rule["rate"], "alpha": rule["alpha"], "mu": rule["mu"]}
    model = pygenn.create_weight_update_model(
        "pair",
        params=[*values, "tauPlus", "tauMinus"],
        vars=[("g", "scalar")],
        pre_vars=[("pre", "scalar")],
        post_vars=[("post", "scalar")],
        derived_params=[
            ("keepPre", lambda p, dt: float(np.exp(-dt / p["tauPlus"]))),
            ("keepPost", lambda p, dt: float(np.exp(-dt / p["tauMinus"]))),
        ],
        pre_spike_code="pre += 1.0;",
        post_spike_code="post += 1.0;",
        pre_dynamics_code="pre *= keepPre;",
        post_dynamics_code="post *= keepPost;",
        pre_spike_syn_code=f"{down} addToPost(g);",
        post_spike_syn_code=up,
    )
    values |= {"tauPlus": rule["tau_plus"], "tauMinus": rule["tau_minus"]}
    return pygenn.init_weight_update(model, values, {"g": weight}, {"pre": 0.0}, {"post": 0.0})


def make_projection(model, projection: Projection, network: Network, neurons: dict, rng: np.random.Generator) -> None:
    """Synapses between two populations; delays that differ are dendritic, one for all is axonal."""
    source, target = neurons[projection.source], neurons[projection.target]
    pre, post, weight, steps = draw_synapses(projection, source.num_neurons, target.num_neurons, rng)
    weight = weight * scale(network)
    inhibitory = projection.weight < 0
    if network.neuron == "cond":
        weight = np.abs(weight)
    if projection.plastic:
        update = plastic_weight(network, weight[0])
    elif projection.delay_sd:
        delay = np.minimum(steps - 1, 62).astype(np.uint8)
        update = pygenn.init_weight_update("StaticPulseDendriticDelay", {}, {"g": weight, "d": delay})
    else:
        update = pygenn.init_weight_update("StaticPulse", {}, {"g": weight if projection.weight_sd else weight[0]})
    name = f"{projection.source}_{projection.target}"
    synapses = model.add_synapse_population(
        name, "SPARSE", source, target, update, receptor(network, target, inhibitory=inhibitory)
    )
    if projection.delay_sd:
        synapses.max_dendritic_delay_timesteps = 64
    else:
        synapses.axonal_delay_steps = int(steps[0]) - 1
    synapses.set_sparse_connections(pre, post)


def make_kick(model, network: Network, neurons: dict, rng: np.random.Generator) -> None:
    """The trains that set the network going."""
    kick = network.kick
    neuron, t = kick_trains(kick, rng)
    ends = np.cumsum(np.bincount(neuron, minlength=kick.size))
    window = {"startSpike": np.concatenate([[0], ends[:-1]]), "endSpike": ends}
    trains = model.add_neuron_population("kick", kick.size, "SpikeSourceArray", {}, window)
    trains.extra_global_params["spikeTimes"].set_init_values(t)
    update = pygenn.init_weight_update("StaticPulse", {}, {"g": kick.weight * scale(network)})
    target = neurons[kick.target]
    synapses = model.add_synapse_population(
        "kick_on", "SPARSE", trains, target, update, receptor(network, target, inhibitory=False)
    )
    synapses.set_sparse_connections(np.arange(kick.size), np.arange(kick.size))


def main() -> None:
    """Generate, compile, run, report."""
    asked = measure.arguments("GeNN")
    begin = time.monotonic()
    network = describe(asked.model)
    if network.growth:
        raise SystemExit("GeNN has no structural plasticity of this kind")
    if asked.threads > 1:
        raise SystemExit("GeNN's CPU backend has one thread")
    duration = asked.time or network.time
    os.environ["CXX"] = "g++ -march=native"  # PyGeNN offers no other door for compiler flags
    model = pygenn.GeNNModel("float", "benchmark", backend="single_threaded_cpu", optimize_code=True)
    model.dt = DT
    model.seed = asked.seed
    model.fuse_postsynaptic_models = True
    rng = np.random.default_rng(asked.seed)
    neurons = {p.name: make_population(model, p, network, rng) for p in network.populations}
    for projection in network.projections:
        make_projection(model, projection, network, neurons, rng)
    if network.kick:
        make_kick(model, network, neurons, rng)
    folder = tempfile.mkdtemp(prefix="genn_")
    try:
        model.build(os.path.join(folder, ""))
        warm_up, steps = round(network.warm_up / DT), round(duration / DT)
        model.load(num_recording_timesteps=warm_up + steps)
        for _ in range(warm_up):
            model.step_time()
        start = measure.now()
        for _ in range(steps):
            model.step_time()
        stop = measure.now()
        model.pull_recording_buffers_from_device()
        stamps = [
            neurons[p.name].spike_recording_data[0][0] + DT for p in network.populations
        ]  # GeNN stamps the start of a step
        model.unload()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    measure.report(
        network,
        stamps,
        peer=f"genn {pygenn.__version__}",
        threads=1,
        dtype="float32",
        duration=duration,
        begin=begin,
        start=start,
        stop=stop,
        peak_rss_mb=measure.peak_memory(),
        note="axonal delay" if network.stdp else "",
    )


if __name__ == "__main__":
    main()
