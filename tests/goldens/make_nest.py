"""Makes the `nest_*.npz` beside this file: spikes of small networks run by NEST.

Run it with an interpreter that has NEST 3.10: ``python tests/goldens/make_nest.py``; the tests only read the files.

Conventions.  A spike is stamped at the END of the step in which it is fired, in NEST and in neurosim alike, so
`spike_step` compares as it is: stamp (ms) = spike_step * dt.  The times of a `spike_generator` are stamps too: an
input train with a spike at `input_step` s acts like a neuron fired in step s - 1, and over a delay of d steps its
weight arrives in step s - 1 + d.  neurosim's refractory time counts from spike to first possible spike, NEST's counts
the frozen updates between: NEST's `t_ref` is ours minus dt.  The files hold ours.

Each file holds one case:

====================  ================================================================================================
parameters            JSON: model, weight_unit, dt, time, tau_m, c_m, e_l, v_th, v_reset, t_ref, and tau_exc, tau_inh
                      where there are synaptic currents (ms, mV, pF)
pre, post             int32[synapses], neurons 0..99 (80..99 are inhibitory); some are autapses, some parallel
weight, delay         float64[synapses], mV (delta model) or pA, negative: inhibitory; ms
i_e, v0               float64[100], constant current (pA), membrane potential at the start (mV)
input_source          int32[input spikes], train that fires
input_step            int32[input spikes], its stamp in steps
input_synapse_source  int32[input synapses], train; input_synapse_post: neuron; input_weight, input_delay as above
spike_step            int32[spikes], stamp in steps, ascending
spike_sender          int16[spikes], neuron, ascending within a step
nest_version          NEST that made the file
====================  ================================================================================================
"""

import json
from pathlib import Path

import numpy as np

DT = 0.1  # ms
TIME = 1000.0  # ms
N_NEURONS, N_INHIBITORY = 100, 20
N_SYNAPSES, N_AUTAPSES = 1000, 12
N_TRAINS, N_INPUT_SYNAPSES, TRAIN_RATE = 20, 200, 100.0  # trains, synapses, Hz

MEMBRANE = {
    "tau_m": 10.0,
    "c_m": 250.0,
    "e_l": -65.0,
    "v_th": -50.0,
    "v_reset": -65.0,
    "t_ref": 2.0,
}  # ms, pF, mV, mV, mV, ms

# what a spike should do to the membrane, in mV at once (delta) or in pA at the peak of the current
CASES = {
    "delta": ("iaf_psc_delta", {}, 1.0),
    "delta_short_refractory": ("iaf_psc_delta", {"t_ref": 0.1, "v_reset": -70.0}, 1.0),
    "exp": ("iaf_psc_exp", {"tau_exc": 2.0, "tau_inh": 5.0}, 150.0),
    "exp_short_refractory": ("iaf_psc_exp", {"t_ref": 0.1, "tau_exc": 0.5, "tau_inh": 1.0}, 150.0),
    "exp_singular": ("iaf_psc_exp", {"tau_exc": 10.0, "tau_inh": 10.0}, 60.0),
    "alpha": ("iaf_psc_alpha", {"tau_exc": 2.0, "tau_inh": 5.0}, 100.0),
    "alpha_short_refractory": ("iaf_psc_alpha", {"t_ref": 0.1, "tau_exc": 0.5, "tau_inh": 1.0}, 150.0),
    "alpha_singular": ("iaf_psc_alpha", {"tau_exc": 10.0, "tau_inh": 10.0}, 30.0),
}


def draw(seed: int, size: float) -> dict[str, np.ndarray]:
    """Synapses, currents and inputs of one case; `size` is the typical weight."""
    rng = np.random.default_rng(seed)
    pre, post = rng.integers(0, N_NEURONS, (2, N_SYNAPSES))
    pre[:N_AUTAPSES] = post[:N_AUTAPSES] = rng.choice(N_NEURONS, N_AUTAPSES, replace=False)
    pre[N_AUTAPSES : 2 * N_AUTAPSES], post[N_AUTAPSES : 2 * N_AUTAPSES] = (
        pre[-N_AUTAPSES:],
        post[-N_AUTAPSES:],
    )  # parallel
    weight = size * rng.uniform(0.2, 1.8, N_SYNAPSES)
    weight[pre >= N_NEURONS - N_INHIBITORY] *= -3.0
    fires = rng.random((N_TRAINS, round(TIME / DT))) < TRAIN_RATE * DT * 1e-3
    input_source, input_step = np.nonzero(fires)
    input_weight = size * rng.uniform(0.5, 2.5, N_INPUT_SYNAPSES)
    input_weight[: N_INPUT_SYNAPSES // 5] *= -1.0
    return {
        "pre": pre.astype(np.int32),
        "post": post.astype(np.int32),
        "weight": weight,
        "delay": np.round(rng.integers(10, 31, N_SYNAPSES) * DT, 1),
        "i_e": rng.uniform(330.0, 800.0, N_NEURONS),  # 375 pA reach the threshold
        "v0": rng.uniform(-65.0, -50.0, N_NEURONS),
        "input_source": input_source.astype(np.int32),
        "input_step": (input_step + 1).astype(np.int32),
        "input_synapse_source": rng.integers(0, N_TRAINS, N_INPUT_SYNAPSES).astype(np.int32),
        "input_synapse_post": rng.integers(0, N_NEURONS // 2, N_INPUT_SYNAPSES).astype(np.int32),
        "input_weight": input_weight,
        "input_delay": np.round(rng.integers(10, 31, N_INPUT_SYNAPSES) * DT, 1),
    }


def run(model: str, parameters: dict[str, float], case: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Stamps (steps) and senders of all spikes, in order of (step, sender)."""
    import nest

    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution = DT
    theirs = {
        "tau_m": parameters["tau_m"],
        "C_m": parameters["c_m"],
        "E_L": parameters["e_l"],
        "V_th": parameters["v_th"],
        "V_reset": parameters["v_reset"],
        "t_ref": round(parameters["t_ref"] - DT, 6),
    }
    if "tau_exc" in parameters:
        theirs |= {"tau_syn_ex": parameters["tau_exc"], "tau_syn_in": parameters["tau_inh"]}
    neurons = nest.Create(model, N_NEURONS, theirs)
    neurons.V_m = case["v0"]
    neurons.I_e = case["i_e"]
    trains = nest.Create("spike_generator", N_TRAINS)
    for k in range(N_TRAINS):
        trains[k].spike_times = np.round(case["input_step"][case["input_source"] == k] * DT, 1)

    def connect(sources, pre, post, weight, delay):
        nodes, targets = np.array(sources.tolist()), np.array(neurons.tolist())
        synapse = {"weight": weight, "delay": delay}
        nest.Connect(nodes[pre], targets[post], "one_to_one", synapse)

    connect(neurons, case["pre"], case["post"], case["weight"], case["delay"])
    connect(trains, case["input_synapse_source"], case["input_synapse_post"], case["input_weight"], case["input_delay"])
    recorder = nest.Create("spike_recorder")
    nest.Connect(neurons, recorder)
    nest.Simulate(TIME)
    step = np.round(np.asarray(recorder.events["times"]) / DT).astype(np.int32)
    sender = (np.asarray(recorder.events["senders"]) - neurons.tolist()[0]).astype(np.int16)
    order = np.lexsort((sender, step))
    return step[order], sender[order]


def main() -> None:
    """Write every case."""
    import nest

    for seed, (name, (model, changes, size)) in enumerate(CASES.items(), start=1):
        parameters = MEMBRANE | changes
        case = draw(seed, size)
        step, sender = run(model, parameters, case)
        alone, _ = run(model, parameters, case | {"weight": 0.0 * case["weight"]})
        assert step.size >= 5000, f"{name}: {step.size} spikes, at least 5,000 are wanted"
        assert not np.array_equal(step, alone), f"{name}: the synapses change nothing"
        described = {"model": model, "weight_unit": "mV" if model == "iaf_psc_delta" else "pA", "dt": DT, "time": TIME}
        np.savez_compressed(
            Path(__file__).with_name(f"nest_{name}.npz"),
            parameters=json.dumps(described | parameters),
            nest_version=nest.__version__,
            spike_step=step,
            spike_sender=sender,
            **case,
        )
        print(f"{name}: {step.size} spikes ({alone.size} without recurrent synapses)")


if __name__ == "__main__":
    main()
