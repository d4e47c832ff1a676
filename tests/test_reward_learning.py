"""Learning from reward: the pulse of dopamine in closed form, the drift of the general rule, and the distal reward problem."""

import math
import re

import numpy as np
import pytest
from marks import compiled_slowly

import neurosim as ns
from neurosim import cli

PNG = b"\x89PNG"
TAU_N, TAU_C = 200.0, 1000.0  # ms


@compiled_slowly
def test_a_pulse_of_dopamine_changes_the_weight_by_the_closed_form():
    """A pair leaves c, which is c1 at the pulse: dw = c1 / tau_n (1 - exp(-K t)) / K, K = 1 / tau_c + 1 / tau_n, less baseline.

    The mapping to NEST's `stdp_dopamine_synapse`: there a spike of the volume transmitter raises n by 1 / tau_n; here the
    level rises by what arrives, so the weight of the synapse onto the modulator is 1 / tau_n.  A_plus and A_minus are the
    a_plus and a_minus here, b is `baseline`.
    """
    dt, t_pre, t_post, t_reward, delay = 1.0, 10.0, 18.0, 500.0, 3.0
    net = ns.Network(dt=dt, seed=1)
    pre = net.add_population("pre", ns.SpikeSource(index=[0], time=[t_pre]), 1)
    string = net.add_population("string", ns.SpikeSource(index=[0], time=[t_post - dt]), 1)
    vta = net.add_population("vta", ns.SpikeSource(index=[0], time=[t_reward]), 1)
    post = net.add_population("post", ns.lab.Puppet(), 1)
    dopamine = net.add_population("dopamine", ns.Modulator(tau=TAU_N), 1)
    net.connect(string, post, ns.one_to_one(), weight=1.0, delay=dt, receptor="told")
    net.connect(vta, dopamine, ns.one_to_one(), weight=1.0 / TAU_N, delay=delay)
    baselines, learned = (0.0, 0.002), []
    for b in baselines:
        rule = ns.DopamineSTDP(a_plus=0.3, a_minus=0.4, tau_c=TAU_C, baseline=b, w_min=-1e3, w_max=1e3)
        to = {"receptor": "heard", "delay": 2.0, "weight": 1.0, "modulator": dopamine}
        learned.append(net.connect(pre, post, ns.one_to_one(), plasticity=rule, name=f"b={b}", **to))

    c_0, begin = (
        0.3 * math.exp(-(t_post + 2.0 - t_pre) / 20.0),
        t_post + 2.0,
    )  # the synapse sees the post spike 2 ms late
    pulse, rate = t_reward + delay, 1.0 / TAU_C + 1.0 / TAU_N
    c_1 = c_0 * math.exp(-(pulse - begin) / TAU_C)
    for now in (300.0, pulse, 700.0, 1500.0, 5500.0):
        net.run(now - net.now)
        since_pair, since_pulse = now - begin, max(0.0, now - pulse)
        gain = c_1 / TAU_N * -math.expm1(-rate * since_pulse) / rate
        loss = c_0 * TAU_C * -math.expm1(-since_pair / TAU_C)
        for b, projection in zip(baselines, learned, strict=True):
            assert projection.weight[0] == pytest.approx(1.0 + gain - b * loss, abs=1e-10)
            assert projection.variable("c")[0] == pytest.approx(c_0 * math.exp(-since_pair / TAU_C), abs=1e-12)
    assert learned[0].weight[0] == pytest.approx(1.0 + c_1 / TAU_N / rate, abs=1e-10)  # 1e-13 of it is left to come


@pytest.mark.slow
@pytest.mark.compiled
def test_reward_that_is_what_was_expected_teaches_nothing():
    """Reward independent of the spikes, Poisson spikes: E[dw/dt] = E[e] (E[R] - baseline), so 0 with baseline = E[R].

    E[e] = tau_e eta (a_post r_post + a_pre r_pre + (a_plus tau_plus - a_minus tau_minus) r_pre r_post).
    """
    n, trials, seconds, rate, pulses, tau = 50, 40, 60.0, 20.0, 2.0, 100.0  # rates in Hz
    net = ns.Network(dt=1.0, seed=7)
    pre, strings = (net.add_population(name, ns.PoissonSource(rate=rate), n) for name in ("pre", "strings"))
    post = net.add_population("post", ns.lab.Puppet(), n)
    net.connect(strings, post, ns.one_to_one(), delay=1.0, receptor="told")
    given = net.add_population("given", ns.PoissonSource(rate=pulses), trials)
    reward = net.add_population("reward", ns.Modulator(tau=tau), trials)
    net.connect(given, reward, ns.one_to_one(), weight=1.0, delay=1.0)
    # The level is integrated over each step from what it is at the beginning: its mean is that of the exact process.
    expected = 1e-3 * pulses * tau
    reward.level = expected
    terms = {"eta": 1e-4, "a_plus": 1.0, "a_minus": 0.8, "a_post": 0.3, "tau_e": 400.0, "w_min": -1e3, "w_max": 1e3}
    learned = {}
    for b in (0.0, expected):
        rule = ns.RewardSTDP(baseline=b, **terms)
        for k in range(trials):
            learned[b, k] = net.connect(
                pre,
                post,
                ns.one_to_one(),
                weight=0.0,
                delay=1.0,
                receptor="heard",
                plasticity=rule,
                modulator=reward[k],
            )
    net.run(1e3 * seconds, progress=False)
    r = 1e-3 * rate
    trace = terms["tau_e"] * terms["eta"] * (0.3 * r + 20.0 * (1.0 - 0.8) * r * r)
    for b in (0.0, expected):
        change = np.array([learned[b, k].weight.mean() for k in range(trials)])  # one number for each course of reward
        error = change.std(ddof=1) / math.sqrt(trials)
        drift = trace * (expected - b) * 1e3 * seconds
        assert abs(change.mean() - drift) < 4.0 * error + 0.02 * abs(drift)  # pairs in one step do not count
    assert drift == 0.0 and error < 0.05 * trace * expected * 1e3 * seconds  # the zero is seen sharply
    before = np.array([learned[0.0, k].weight.mean() for k in range(trials)])
    assert before.mean() > 10.0 * error


# ---- the distal reward problem ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def distal():
    return cli.scenario_main(cli.find_scenario("distal_reward"))


def told(lines):
    """What the scenario says: weight of the chosen synapse, its rank (%), number of others above 3, rewards."""
    text = " ".join(lines)
    weight, rank = re.search(r"0 -> ([\d.]+) of 4, above ([\d.]+)%", text).groups()
    others = re.search(r"began at 0: mean ([\d.]+), (\d+) above 3", text).groups()
    rewards = re.search(r"(\d+) rewards; .* of the run: (.*?) \d", text).group(1)
    return float(weight), float(rank), float(others[0]), int(others[1]), int(rewards)


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize("reward", ["paired", "random", "none"])
def test_only_the_synapse_that_is_rewarded_grows(distal, tmp_path, reward):
    """After a quarter of the hour: near its maximum and above 99% of all synapses; with the same dopamine at random times, or
    with none, it is as the hundred others that began at 0."""
    lines = distal(duration=900_000.0, seed=1, out=tmp_path, reward=reward, rate=0.05)
    weight, rank, others, above, rewards = told(lines)
    if reward == "none":
        assert rewards == 0
    else:
        assert 30 <= rewards <= 65  # 45 expected in random mode
    assert others < 0.6 and above <= 3
    if reward == "paired":
        assert weight > 3.0 and rank > 99.0
    else:
        assert weight < 1.5 and rank < 95.0


@pytest.mark.slow
@pytest.mark.compiled
def test_distal_reward_in_short(distal, tmp_path):
    out = tmp_path / "runs" / "distal_reward"
    lines = distal(duration=20_000.0, seed=3, out=out)
    assert len(lines) <= 10 and all(len(line) <= 100 for line in lines)
    assert (out / "distal_reward.png").read_bytes().startswith(PNG)
    weight, _, others, above, _ = told(lines)
    assert 0.0 <= weight < 2.0 and others < 0.3 and above == 0
    assert 0.8 < float(lines[-1].split()[0]) < 1.8  # Hz


def test_distal_reward_refuses_an_unknown_reward(distal, tmp_path):
    with pytest.raises(ns.ParameterError, match="distal_reward\\(reward\\): must be 'paired', 'random' or 'none'"):
        distal(out=tmp_path, reward="pared")
