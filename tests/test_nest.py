"""Spike for spike with NEST 3.10: goldens made by tests/goldens/make_nest.py."""

import json
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from neurosim.kernels.compiled import JIT

GOLDENS = Path(__file__).parent / "goldens"
MODELS = {"iaf_psc_delta": "LIF", "iaf_psc_exp": "LIFExp", "iaf_psc_alpha": "LIFAlpha"}
CASES = sorted(path.stem.removeprefix("nest_") for path in GOLDENS.glob("nest_*.npz"))
NAMES = ("tau_m", "c_m", "e_l", "v_th", "v_reset", "t_ref", "tau_exc", "tau_inh")


def build(case):
    golden = np.load(GOLDENS / f"nest_{case}.npz")
    given = json.loads(str(golden["parameters"]))
    net = ns.Network(dt=given["dt"], seed=1)
    model = getattr(ns, MODELS[given["model"]])(**{name: given[name] for name in NAMES if name in given})
    neurons = net.add_population("neurons", model, 100)
    neurons.i_e = golden["i_e"]
    neurons.v = golden["v0"]
    source = ns.SpikeSource(index=golden["input_source"].astype(int), time=golden["input_step"] * given["dt"])
    inputs = net.add_population("inputs", source, int(golden["input_source"].max()) + 1)
    edges = (golden["pre"], golden["post"], golden["weight"], golden["delay"])
    net.connect(neurons, neurons, ns.from_edges(edges), autapses=True, parallel=True)
    edges = tuple(golden[f"input_{name}"] for name in ("synapse_source", "synapse_post", "weight", "delay"))
    net.connect(inputs, neurons, ns.from_edges(edges), parallel=True)
    return net, neurons, golden, given


@pytest.mark.parametrize("case", CASES)
def test_identical_trains(case):
    net, neurons, golden, given = build(case)
    spikes = net.record(neurons, "spikes")
    duration = given["time"] if JIT else 20.0
    net.run(duration)
    wanted = golden["spike_step"] <= round(duration / given["dt"])
    seen = np.stack([spikes.step, spikes.index])
    right = np.stack([golden["spike_step"][wanted], golden["spike_sender"][wanted]])
    assert seen.shape == right.shape
    assert np.array_equal(seen, right)
    assert not JIT or seen.shape[1] >= 5000
