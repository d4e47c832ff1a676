"""Inhibitory plasticity in networks (Vogels et al. 2011): rates, the law behind them, and the balance of currents.

The networks are those of scenarios/inhibitory_balance.py; the recurrent one is a quarter as large, with as many synapses a neuron.
"""

import sys

import numpy as np
import pytest

from neurosim import cli

TARGET, DURATION, DT = 3.0, 12_000.0, 0.1  # Hz, ms, ms


@pytest.fixture(scope="module")
def scenario():
    return sys.modules[cli.scenario_main(cli.find_scenario("inhibitory_balance")).__module__]


def settled(scenario, contacts):
    """Rates of excitatory neurons without inhibition and in the second half, the plastic projection, both populations' spikes."""
    plastic, spikes = scenario.recurrent(DURATION, 1, TARGET, 0.3, contacts, 2_500)
    rates = [scenario.rate(spikes[0], *span) for span in ((0.0, scenario.RACING), (0.5 * DURATION, DURATION))]
    return *rates, plastic, spikes


def coincidences(plastic, exc, inh, tau=20.0, sample=20_000):
    """Sum of exp(-|lag| / tau) over pairs of spikes at a sample of synapses in the second half, relative to chance."""
    late = round(0.5 * DURATION / DT)
    trains = []
    for spikes in (inh, exc):
        here = spikes.step > late
        order = np.lexsort((spikes.step[here], spikes.index[here]))
        step, index = spikes.step[here][order], spikes.index[here][order]
        trains.append(np.split(step, np.searchsorted(index, np.arange(1, spikes.n))))
    edges = plastic.edges()
    pre, post = edges.pre - edges.pre.min(), edges.post - edges.post.min()
    found = chance = 0.0
    for synapse in np.random.default_rng(1).choice(pre.size, sample, replace=False):
        one, other = trains[0][pre[synapse]], trains[1][post[synapse]]
        lag = DT * np.abs(one[:, None] - other)
        found += np.exp(-lag[lag < 15.0 * tau] / tau).sum()
        chance += 2.0 * tau * one.size * other.size / (0.5 * DURATION)
    return found / chance


@pytest.mark.slow
@pytest.mark.compiled
def test_plastic_inhibition_calms_a_racing_network(scenario):
    """The rule holds coincidences at what the target rate gives by chance: rate x coincidences is 3 Hz within 6 %.

    With the published 40 synapses a neuron a spike that inhibits is followed by fewer, and the rate lies above the target.
    So it does in Brian2 2.9: on one wiring of 2,000 and 500 neurons, eta 0.1 nS, from 10 to 20 s, it fires at 4.00 Hz and
    neurosim at 4.11, with weights of -2.09 +- 1.76 nS in both.
    """
    race, rate, plastic, (exc, inh) = settled(scenario, 40)
    assert race > 100.0
    factor = coincidences(plastic, exc, inh)
    assert factor < 0.95
    assert rate * factor == pytest.approx(TARGET, rel=0.06)
    assert TARGET < rate < 1.4 * TARGET
    assert (plastic.weight <= 0.0).all()


@pytest.mark.slow
@pytest.mark.compiled
def test_the_rate_of_a_network_with_weaker_inhibitory_synapses_is_the_target(scenario):
    """Twice as many inhibitory synapses, 3 Hz within 20 %."""
    _, rate, plastic, (exc, inh) = settled(scenario, 80)
    assert rate == pytest.approx(TARGET, rel=0.2)
    assert rate * coincidences(plastic, exc, inh) == pytest.approx(TARGET, rel=0.06)


@pytest.mark.slow
@pytest.mark.compiled
def test_detailed_balance(scenario):
    """Single neurons: the target rate within 20 %, less than 5 % of the excitation left over, and each channel balanced.

    The mean of all currents cannot be 0: a spike takes c_m 10 mV from reset to threshold, 5 pA at 2.6 Hz, and in the 5 ms after
    it the currents flow at the reset potential for nothing, 16 pA here.  Measured: 23 of 1,217 pA.
    """
    (exc, inh, leak), (excitatory, before, after), rate = scenario.feedforward(30_000.0, 1, TARGET, 0.004)
    assert rate == pytest.approx(TARGET, rel=0.2)
    left = (exc + inh + leak) / exc
    assert (left > 0.0).all()
    assert (left < 0.05).all()
    assert np.ptp(before) < 1e-9
    assert np.corrcoef(excitatory.ravel(), after.ravel())[0, 1] > 0.97
    assert after.sum() == pytest.approx(excitatory.sum(), rel=0.1)


@pytest.mark.slow
@pytest.mark.compiled
def test_the_scenario_in_short(scenario, tmp_path):
    lines = scenario.main(duration=1_000.0, out=tmp_path / "runs", size=500)
    assert len(lines) == 4
    assert all(len(line) <= 120 for line in lines)
    assert (tmp_path / "runs" / "inhibitory_balance.png").read_bytes().startswith(b"\x89PNG")
