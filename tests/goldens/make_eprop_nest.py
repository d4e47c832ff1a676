"""Writes eprop_nest.npz: NEST's own two e-prop tests (regression and evidence accumulation), with what they begin from and what happens.

Needs NEST 3.10; the tests read the file only.  Networks, parameters and the order of the draws from NumPy's legacy generator
(seed 1) are those of testsuite/pytests/synapses/test_eprop_bsshslm_2020_plasticity.py, which compares the losses with the
TensorFlow code of Bellec et al. (2020).  Steps in the file count from the beginning of the first interval: input spikes by
the step in which recurrent neurons hear them, recurrent spikes by the step in which they are fired.
"""

from pathlib import Path

import nest
import numpy as np

N_ITERATIONS = 5
LEAD = 4  # ms; generator, parrot, recurrent neuron and normalisation are one step apart


def begin(interval: int, window: int) -> None:
    """An empty kernel."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.set(
        resolution=1.0, total_num_virtual_procs=1, eprop_update_interval=float(interval), eprop_learning_window=float(window),
        eprop_reset_neurons_on_update=True,
    )  # fmt: skip


def float32(array: np.ndarray) -> np.ndarray:
    """As the original code keeps its weights."""
    return np.ascontiguousarray(array, np.float32)


def glorot(fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform, with variance 2 / (fan_in + fan_out)."""
    limit = np.sqrt(3.0 / max(1.0, (fan_in + fan_out) / 2.0))
    return np.random.uniform(low=-limit, high=limit, size=(fan_in, fan_out))  # noqa: NPY002


def neuron(tau_m: float, v_th: float, t_ref: float, interval: int, *, regular: bool) -> dict[str, object]:
    """Parameters of a recurrent neuron."""
    return {
        "C_m": 1.0, "E_L": 0.0, "I_e": 0.0, "V_m": 0.0, "tau_m": tau_m, "V_th": v_th, "t_ref": t_ref, "c_reg": 300.0, "f_target": 10.0,
        "regular_spike_arrival": regular, "surrogate_gradient_function": "piecewise_linear",
        "surrogate_gradient_height": 0.3 / v_th, "surrogate_gradient_width": v_th, "flush_event_send_interval": float(interval),
    }  # fmt: skip


def run(
    populations: list[object], readout: object, weights: dict[str, np.ndarray], heard: np.ndarray, target: np.ndarray, optimizer: dict,
    *, average: bool, tau_out: float,
) -> dict[str, np.ndarray]:  # fmt: skip
    """Connect, simulate and read: `heard` [steps, inputs] bool, `target` [steps, readouts]."""
    steps, n_in = heard.shape
    recurrent = sum(populations[1:], populations[0])
    generators, inputs = nest.Create("spike_generator", n_in), nest.Create("parrot_neuron", n_in)
    generators.set([{"spike_times": 1.0 + np.flatnonzero(heard[:, i])} for i in range(n_in)])
    targets = nest.Create("step_rate_generator", len(readout))
    times = LEAD + np.arange(float(steps))
    targets.set([{"amplitude_times": times, "amplitude_values": target[:, k]} for k in range(len(readout))])
    spikes = nest.Create("spike_recorder")
    meter = nest.Create(
        "multimeter",
        params={
            "interval": 1.0,
            "start": float(LEAD),
            "stop": float(LEAD + steps),
            "record_from": ["readout_signal", "target_signal"],
        },
    )
    closer = nest.Create(
        "multimeter",
        params={
            "interval": 1.0,
            "start": 2.0,
            "stop": 2.0 + steps,
            "record_from": ["V_m", "surrogate_gradient", "learning_signal"],
        },
    )
    last = (
        LEAD + steps - steps // N_ITERATIONS + 1.0
    )  # weights are told when they transmit, so those of the last iteration
    scale = nest.Create("weight_recorder", params={"start": last})
    nest.SetDefaults(
        "eprop_synapse_bsshslm_2020", {"optimizer": optimizer, "average_gradient": average, "weight_recorder": scale}
    )
    learning = {"synapse_model": "eprop_synapse_bsshslm_2020", "delay": 1.0, "tau_m_readout": tau_out}
    everyone = {"rule": "all_to_all", "allow_autapses": False}
    nest.Connect(generators, inputs, "one_to_one", {"delay": 1.0})
    nest.Connect(inputs, recurrent, everyone, learning | {"weight": weights["in_rec"].T})
    nest.Connect(recurrent, recurrent, everyone, learning | {"weight": weights["rec_rec"].T})
    nest.Connect(recurrent, readout, everyone, learning | {"weight": weights["rec_out"].T})
    back = {"synapse_model": "eprop_learning_signal_connection_bsshslm_2020", "delay": 1.0}
    nest.Connect(readout, recurrent, everyone, back | {"weight": weights["feedback"]})
    rates = {"synapse_model": "rate_connection_delayed", "delay": 1.0}
    nest.Connect(targets, readout, "one_to_one", rates | {"receptor_type": 2})
    if len(readout) > 1:
        nest.Connect(readout, readout, everyone, rates | {"receptor_type": 1, "weight": 1.0})
    nest.Connect(recurrent, spikes)
    nest.Connect(meter, readout)
    first = nest.NodeCollection([population[0].global_id for population in populations])
    nest.Connect(closer, first)
    nest.Simulate(float(LEAD + steps + 1))
    order = np.lexsort((spikes.events["senders"], spikes.events["times"]))
    times, senders = spikes.events["times"][order] - 3.0, spikes.events["senders"][order] - recurrent[0].global_id
    inside = (times >= 0) & (times < steps)
    found = {"spike_step": times[inside].astype(np.int32), "spike_neuron": senders[inside].astype(np.int16)}
    for name in ("readout_signal", "target_signal"):
        found[name] = np.array([meter.events[name][meter.events["senders"] == g] for g in readout.tolist()]).T
    for name in ("V_m", "surrogate_gradient", "learning_signal"):
        found[name] = np.array([closer.events[name][closer.events["senders"] == g] for g in first.tolist()]).T
    sender, aim, weight = (scale.events[name] for name in ("senders", "targets", "weights"))
    n_rec, aim = len(recurrent), aim - recurrent[0].global_id
    row = np.where(sender >= inputs[0].global_id, sender - inputs[0].global_id, n_in + sender - recurrent[0].global_id)
    final = np.full((n_in + n_rec, n_rec + len(readout)), np.nan)
    final[row, aim] = weight
    late = found["spike_step"] >= steps - steps // N_ITERATIONS
    final[n_in + np.setdiff1d(np.arange(n_rec), found["spike_neuron"][late])] = (
        np.nan
    )  # told by flush events, before the update
    return found | {"final_weights": final}


def sines(steps: int, periods: list[int]) -> np.ndarray:
    """A sum of sines that begins at 0, scaled to a largest size of 1."""
    amplitude = np.random.uniform(low=0.5, high=2.0, size=len(periods))  # noqa: NPY002
    phase = np.random.uniform(low=0.0, high=2.0 * np.pi, size=len(periods))  # noqa: NPY002
    waves = [
        a * np.sin(np.linspace(f, f + 2.0 * np.pi * (steps // period), steps))
        for a, f, period in zip(amplitude, phase, periods, strict=True)
    ]
    total = sum(waves)
    total -= total[0]
    return total / max(np.abs(total).max(), 1e-6)


def regression() -> dict[str, np.ndarray]:
    """100 inputs with one frozen pattern, 100 LIF neurons, one readout; gradient descent."""
    steps, n = 1000, 100
    np.random.seed(1)  # noqa: NPY002
    begin(steps, steps)
    readout_parameters = {"C_m": 1.0, "E_L": 0.0, "I_e": 0.0, "V_m": 0.0, "tau_m": 30.0, "regular_spike_arrival": False}
    recurrent = nest.Create("eprop_iaf_bsshslm_2020", n, neuron(30.0, 0.03, 0.0, steps, regular=False))
    readout = nest.Create("eprop_readout_bsshslm_2020", 1, readout_parameters | {"loss": "mean_squared_error"})
    draw = np.random.randn  # noqa: NPY002
    weights = {"in_rec": float32(draw(n, n) / np.sqrt(n)), "rec_rec": float32(draw(n, n) / np.sqrt(n))}
    np.fill_diagonal(weights["rec_rec"], 0.0)
    weights |= {"rec_out": float32(draw(n, 1) / np.sqrt(n)), "feedback": float32(draw(n, 1) / np.sqrt(n))}
    heard = np.random.rand(steps, n) < 0.05  # noqa: NPY002
    heard[0] = False
    target = sines(steps, [1000, 500, 333, 200])[:, None]
    optimizer = {"type": "gradient_descent", "batch_size": 1, "eta": 1e-4, "Wmin": -100.0, "Wmax": 100.0}
    found = run(
        [recurrent], readout, weights, np.tile(heard, (N_ITERATIONS, 1)), np.tile(target, (N_ITERATIONS, 1)), optimizer,
        average=False, tau_out=30.0,
    )  # fmt: skip
    error = (found["readout_signal"] - found["target_signal"]).reshape(N_ITERATIONS, steps)
    loss = 0.5 * (error**2).sum(axis=1)
    return weights | found | {"heard": np.packbits(heard), "heard_shape": heard.shape, "target": target, "loss": loss}


def trials(batch: int, n_in: int, cue: int, spacing: int, noise: int, recall: int) -> tuple[np.ndarray, np.ndarray]:
    """One batch of the evidence task: (spikes heard [trials, steps, inputs], the side with more cues [trials])."""
    cues, group = 7, n_in // 4
    steps = cues * (cue + spacing) + noise + recall
    chance = np.array([0.3, 0.7], dtype=np.float32)
    side = np.random.choice([0, 1], batch)  # noqa: NPY002
    both = np.stack([chance[side], chance[1 - side]], axis=1)
    shown = np.array([np.random.choice([0, 1], cues, p=both[b]) for b in range(batch)])  # noqa: NPY002
    probability = np.zeros((batch, steps, n_in))
    for b in range(batch):
        for c in range(cues):
            start = c * (cue + spacing) + spacing
            probability[b, start : start + cue, shown[b, c] * group : (shown[b, c] + 1) * group] = 0.04
    probability[:, -recall:, 2 * group : 3 * group] = 0.04
    probability[:, :, 3 * group :] = 0.04 / 4.0
    heard = probability > np.random.rand(probability.size).reshape(probability.shape)  # noqa: NPY002
    heard[:, 0] = False
    return heard, (shown.sum(axis=1) > cues // 2).astype(np.int64)


def evidence(batch: int) -> dict[str, np.ndarray]:
    """40 inputs, 50 LIF and 50 adaptive neurons, two readouts; Adam."""
    n_in, n_lif, n_alif, n_out = 40, 50, 50, 2
    cue, spacing, noise, recall = 100, 50, 1050, 150
    steps, n_rec = 7 * (cue + spacing) + noise + recall, n_lif + n_alif
    np.random.seed(1)  # noqa: NPY002
    begin(steps, recall)
    readout_parameters = {"C_m": 1.0, "E_L": 0.0, "I_e": 0.0, "V_m": 0.0, "tau_m": 20.0, "regular_spike_arrival": False}
    plain = neuron(20.0, 0.6, 5.0, steps, regular=True)
    beta = 1.7 * ((1.0 - np.exp(-1.0 / 2000.0)) / (1.0 - np.exp(-1.0 / 20.0)))
    adaptive = plain | {"adapt_tau": 2000.0, "adaptation": 0.0, "adapt_beta": beta}
    recurrent = [
        nest.Create("eprop_iaf_bsshslm_2020", n_lif, plain),
        nest.Create("eprop_iaf_adapt_bsshslm_2020", n_alif, adaptive),
    ]
    readout = nest.Create("eprop_readout_bsshslm_2020", n_out, readout_parameters | {"loss": "cross_entropy"})
    draw = np.random.randn  # noqa: NPY002
    weights = {
        "in_rec": float32(draw(n_in, n_rec) / np.sqrt(n_in)),
        "rec_rec": float32(draw(n_rec, n_rec) / np.sqrt(n_rec)),
    }
    np.fill_diagonal(weights["rec_rec"], 0.0)
    weights |= {"rec_out": float32(glorot(n_rec, n_out)), "feedback": float32(draw(n_rec, n_out))}
    made = [trials(batch, n_in, cue, spacing, noise, recall) for _ in range(N_ITERATIONS)]
    heard = np.concatenate([h.reshape(-1, n_in) for h, _ in made])
    side = np.concatenate([s for _, s in made])
    target = np.repeat(np.eye(n_out)[side], steps, axis=0)
    optimizer = {
        "type": "adam", "batch_size": batch, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8, "eta": 5e-3, "Wmin": -100.0, "Wmax": 100.0,
    }  # fmt: skip
    found = run(recurrent, readout, weights, heard, target, optimizer, average=True, tau_out=20.0)
    output, wanted = (
        found[n].reshape(N_ITERATIONS, batch, steps, n_out)[:, :, -recall:] for n in ("readout_signal", "target_signal")
    )
    loss = -(wanted * np.log(output)).sum(axis=3).mean(axis=(1, 2))
    return (
        weights
        | found
        | {"heard": np.packbits(heard), "heard_shape": heard.shape, "side": side, "beta": beta, "loss": loss}
    )


KEPT = {
    "regression": ("in_rec", "rec_rec", "rec_out", "feedback", "heard", "heard_shape", "target", "spike_step", "spike_neuron", "loss"),
    "evidence1": ("in_rec", "rec_rec", "rec_out", "feedback", "heard", "heard_shape", "side", "beta", "spike_step", "spike_neuron", "loss"),
    "evidence2": ("heard", "heard_shape", "side", "spike_step", "spike_neuron", "loss"),
}  # fmt: skip


def main() -> None:
    """Run the three and write."""
    found = {"regression": regression(), "evidence1": evidence(1), "evidence2": evidence(2)}
    kept = {f"{task}/{name}": found[task][name] for task, names in KEPT.items() for name in names}
    for task, steps in (("regression", 1000), ("evidence1", 2250)):
        for name in ("V_m", "surrogate_gradient", "learning_signal"):
            kept[f"{task}/{name}"] = found[task][name][: steps if name != "learning_signal" else steps + 3]
        kept[f"{task}/readout_signal"] = found[task]["readout_signal"][:steps]
        n_rec = found[task]["rec_rec"].shape[0]
        told = [*range(0, n_rec, 10), *range(n_rec, n_rec + found[task]["rec_out"].shape[1])]
        kept[f"{task}/final_weights"] = float32(found[task]["final_weights"][:, told])
        kept[f"{task}/final_columns"] = np.array(told)
    np.savez_compressed(Path(__file__).with_name("eprop_nest.npz"), version=nest.__version__, **kept)
    for task, one in found.items():
        print(
            task,
            one["loss"],
            "spikes:",
            one["spike_step"].size,
            "final weights:",
            np.isfinite(one["final_weights"]).sum(),
        )


if __name__ == "__main__":
    main()
