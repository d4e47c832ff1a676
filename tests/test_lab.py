"""The laboratory: every experiment against a formula worked out apart from it, the twin of the rules, and its command line."""

import dataclasses
import doctest
import importlib
import math
import re
import sys

import naive_rules
import numpy as np
import pytest
from marks import compiled_slowly

import neurosim as ns
from neurosim import cli
from neurosim.errors import ParameterError
from neurosim.kernels.compiled import JIT
from neurosim.lab import catalogue, theory
from neurosim.lab.competition import bimodality
from neurosim.plasticity.cascade import Cascade
from neurosim.plasticity.clopath import ClopathSTDP
from neurosim.plasticity.dopamine import DopamineSTDP
from neurosim.plasticity.nearest import NearestSTDP
from neurosim.plasticity.triplet import TripletSTDP
from neurosim.plasticity.vogels import VogelsSTDP

PAIR = ns.PairSTDP(a_plus=0.001, a_minus=0.0012, tau_plus=17.0, tau_minus=34.0)
TRIPLET = TripletSTDP(w_max=2.0)


# ---- pairs ----------------------------------------------------------------------------------------------------------


def all_pairs(rule, pre, post):
    """Change by the additive pair rule: every pair of spikes by its distance, in no order."""
    s = np.subtract.outer(np.asarray(post, float), np.asarray(pre, float))
    up = rule.a_plus * np.exp(-s[s > 0] / rule.tau_plus).sum()
    return up - rule.a_minus * np.exp(s[s < 0] / rule.tau_minus).sum()


@pytest.mark.parametrize("sees", ["delay", "spikes"])
def test_window_is_the_formula(sees):
    rule = dataclasses.replace(PAIR, sees=sees)
    dt = np.array([-60.0, -7.0, -1.0, 0.0, 1.0, 3.0, 12.0, 55.0])
    n = 60 if JIT else 3
    seen = ns.lab.window(rule, dt, pairs=n, frequency=20.0)
    train = 50.0 * np.arange(n)
    expected = [all_pairs(rule, train, train + d) for d in dt]
    np.testing.assert_allclose(seen.change, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(seen.theory, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(seen.per_pair * n, seen.change)
    assert seen.w0 == 0.5 and not seen.at_bound.any()


def test_window_of_one_pair_is_the_textbooks():
    dt = np.array([-20.0, -5.0, 5.0, 20.0])
    seen = ns.lab.window(PAIR, dt, pairs=1, resolution=0.5)
    up, down = 0.001 * np.exp(-dt[2:] / 17.0), -0.0012 * np.exp(dt[:2] / 34.0)
    np.testing.assert_allclose(seen.change, [*down, *up], rtol=1e-12)
    np.testing.assert_allclose(seen.curve[1][[0, -1]], [down[0], up[1]], rtol=1e-12)


def test_a_bound_is_reached_and_said():
    seen = ns.lab.window(ns.PairSTDP(a_plus=0.4), [5.0, 60.0], pairs=2)
    assert seen.change[0] == 0.5
    assert seen.at_bound.tolist() == [True, False]


def test_a_formula_of_ones_own_stands_behind_the_window():
    seen = ns.lab.window(PAIR, [5.0, 20.0], pairs=2, formula=lambda dt: 0.001 * np.exp(-dt / 17.0))
    np.testing.assert_allclose(seen.change, seen.theory, rtol=1e-9)
    np.testing.assert_array_equal(seen.curve[0], [5.0, 20.0])


def triplet_train(rule, pre, post, w):
    """Change by the triplet rule: at each spike sums over all earlier ones, in order of time."""
    start = w
    for t, kind in sorted([(t, "post") for t in post] + [(t, "pre") for t in pre]):

        def past(spikes, tau, now=t):
            return sum(math.exp(-(now - s) / tau) for s in spikes if s < now)

        if kind == "post":
            w += past(pre, rule.tau_plus) * (rule.a2_plus + rule.a3_plus * past(post, rule.tau_y))
        else:
            w -= past(post, rule.tau_minus) * (rule.a2_minus + rule.a3_minus * past(pre, rule.tau_x))
        w = min(max(w, rule.w_min), rule.w_max)
    return w - start


@compiled_slowly
def test_pairing_of_triplets_is_the_sum_over_each_train():
    rates, n = ([0.1, 10.0, 20.0, 40.0, 50.0], 60) if JIT else ([10.0, 50.0], 3)
    seen = ns.lab.pairing(TRIPLET, frequency=rates, repeats=n)
    for k, dt in enumerate((10.0, -10.0)):
        for j, rate in enumerate(rates):
            train = np.arange(n) * 1e3 / rate
            expected = triplet_train(TRIPLET, train, train + dt, 1.0)
            assert seen.change[k, j] == pytest.approx(expected, abs=1e-12)
            assert seen.theory[k, j] == pytest.approx(expected, abs=1e-12)


@compiled_slowly
@pytest.mark.compiled
def test_the_triplet_rule_fits_the_data_that_it_was_made_for():
    """Pfister & Gerstner (2006): within twice the standard error of nearly every point; pair rules are not."""
    from neurosim.lab import data

    def misfits(rule):
        seen = ns.lab.pairing(rule)
        return sum(
            int((np.abs(seen.change[k] - data.SJOSTROM[dt][0]) > 2 * data.SJOSTROM[dt][1]).sum())
            for k, dt in enumerate(seen.dt.tolist())
        )

    assert misfits(TRIPLET) == 0
    assert misfits(ns.PairSTDP(a_plus=0.01, a_minus=0.01, w_max=2.0)) >= 4


@compiled_slowly
def test_triplets_and_quadruplets():
    n = 20 if JIT else 2
    seen = ns.lab.triplets(TRIPLET, interval=[-40.0, 20.0], repeats=n)
    begins = 1e3 * np.arange(n)

    def expected(pre, post):
        trains = [np.sort(np.add.outer(begins, np.asarray(one, float)).ravel()) for one in (pre, post)]
        return triplet_train(TRIPLET, *trains, 1.0)

    for (a, b), change in zip(seen.pre_post_pre, seen.change_pre_post_pre, strict=True):
        assert change == pytest.approx(expected([0, a - b], [a]), abs=1e-12)
    for (a, b), change in zip(seen.post_pre_post, seen.change_post_pre_post, strict=True):
        assert change == pytest.approx(expected([0], [a, b]), abs=1e-12)
    post_first = expected([5, 20], [0, 25])  # post-pre, and 20 ms later pre-post
    pre_first = expected([0, 45], [5, 40])  # pre-post, and 40 ms later post-pre
    np.testing.assert_allclose(seen.change_quadruplet, [pre_first, post_first], atol=1e-12)


# ---- the formulas themselves ----------------------------------------------------------------------------------------

FORMULAS = {
    "pair": PAIR, "multiplicative": ns.PairSTDP(mu_plus=0.7, mu_minus=1.0), "triplet": TRIPLET,
    "triplet nearest": TripletSTDP.visual_cortex(pairing="nearest", w_max=2.0), "symmetric": NearestSTDP(),
    "presynaptic": NearestSTDP(scheme="presynaptic"), "restricted": NearestSTDP(scheme="restricted"),
    "vogels": VogelsSTDP(), "dopamine": DopamineSTDP(),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMULAS)
def test_replays_are_the_twins(name):
    """The formulas of the laboratory and the interpreter of mechanisms, two independent texts, on random spikes."""
    rule, rng = FORMULAS[name], np.random.default_rng(5)
    pre, post = (np.flatnonzero(rng.random(4000) < chance) for chance in (0.01, 0.012))
    post = np.union1d(post, pre[[3, 10, 20]])  # coincidences count too
    level, wait = 0.002, 300
    end = max(pre.max(), post.max()) + wait
    held = naive_rules.Level(1e30, {-1: level})
    w0 = 0.5 * (rule.w_min + rule.w_max)
    course = naive_rules.run(rule, pre.tolist(), post.tolist(), 0, 0.5, w0, sees="spikes", level=held, end=end + 1)
    change = theory.change(rule, (pre, post), 0.5, w0, level=level, wait=0.5 * wait)
    assert change == pytest.approx(course.weight - w0, rel=1e-9, abs=1e-12)
    assert abs(change) > 1e-3


def simulated_drift(rule, pre_rate, post_rate, w, common, lag, seconds, seed):
    """Mean change per second, and its standard error, by the replay on Poisson trains; the weight is put back often."""
    from neurosim.lab.trains import poisson_pair

    rng, found = np.random.default_rng(seed), []
    for _ in range(200):
        steps = round(seconds * 1e3 / 200 / 0.1)
        pair = poisson_pair(rng, steps, 0.1, pre_rate, post_rate, common, round(lag / 0.1))
        found.append(theory.change(rule, pair, 0.1, w) / (seconds / 200))
    return np.mean(found), np.std(found, ddof=1) / math.sqrt(len(found))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FORMULAS if name not in ("dopamine", "multiplicative")])
@pytest.mark.parametrize(("common", "lag"), [(0.0, 0.0), (6.0, 5.0), (6.0, -5.0), (6.0, 0.0)])
def test_drifts_are_the_means_of_replays(name, common, lag):
    rule = FORMULAS[name]
    small = {
        f.name: getattr(rule, f.name) * 1e-3
        for f in dataclasses.fields(rule)
        if f.name.startswith(("a_", "a2", "a3", "eta"))
    }
    rule = dataclasses.replace(rule, **small)
    w = 0.5 * (rule.w_min + rule.w_max)
    expected = theory.drift(rule, 30.0, 20.0, w, common=common, lag=lag)
    if math.isnan(expected):
        assert common > 0.0
        return
    mean, error = simulated_drift(rule, 30.0, 20.0, w, common, lag, 2000.0, 1)
    assert mean == pytest.approx(expected, abs=4 * error + 0.01 * abs(expected))


# ---- Poisson trains -------------------------------------------------------------------------------------------------


def test_trains_have_their_rates_and_correlation():
    from neurosim.lab.trains import poisson_pair

    rng = np.random.default_rng(2)
    pre, post = poisson_pair(rng, 1_000_000, 0.1, 40.0, 30.0, 10.0, 50)
    for spikes, rate in ((pre, 40.0), (post, 30.0)):
        assert (np.diff(spikes) > 0).all()
        assert spikes.size / 100.0 == pytest.approx(rate, abs=4 * math.sqrt(rate / 100.0))
    together = np.intersect1d(pre + 50, post).size / 100.0
    by_chance = 40.0 * 30.0 * 1e-4
    assert together == pytest.approx(10.0 + by_chance, abs=4 * math.sqrt(10.0 / 100.0))
    assert np.intersect1d(pre + 20, post).size / 100.0 == pytest.approx(by_chance, abs=4 * math.sqrt(by_chance / 100.0))


@compiled_slowly
@pytest.mark.compiled
@pytest.mark.parametrize(
    ("rule", "correlation"),
    [
        (PAIR, 0.0),
        (PAIR, 0.2),
        (ns.PairSTDP(a_plus=0.002, a_minus=0.002, mu_plus=1.0, mu_minus=1.0), 0.0),
        (TRIPLET, 0.0),
    ],
    ids=["additive", "correlated", "multiplicative", "triplet"],
)
def test_drift_is_that_of_the_formula(rule, correlation):
    seen = ns.lab.poisson_drift(rule, [20.0], [10.0, 40.0], correlation, duration=5000.0, w0=0.4)
    pre, post = 0.020, np.array([0.010, 0.040])
    if isinstance(rule, TripletSTDP):
        up = rule.tau_plus * (rule.a2_plus + rule.a3_plus * rule.tau_y * post)
        down = rule.tau_minus * (rule.a2_minus + rule.a3_minus * rule.tau_x * pre)
    else:
        up = rule.a_plus * rule.tau_plus * (0.6 if rule.mu_plus else 1.0)
        down = rule.a_minus * rule.tau_minus * (0.4 if rule.mu_minus else 1.0)
    expected = 1e3 * pre * post * (up - down)
    if correlation:
        expected += 1e3 * correlation * np.sqrt(pre * post) * rule.a_plus * math.exp(-5.0 / rule.tau_plus)
    np.testing.assert_allclose(seen.theory[0], expected, rtol=1e-12)
    # a bin of 0.1 ms takes dt / (2 tau) from each trace: half a percent at most
    slack = 4 * seen.error[0] + 0.005 * 1e3 * pre * post * (up + down)
    assert (np.abs(seen.drift[0] - expected) < slack).all()
    assert (seen.error[0] < 0.1 * 1e3 * pre * post * (up + down)).all()  # so that this says something


@compiled_slowly
def test_a_held_third_factor_scales_the_drift():
    rule = DopamineSTDP(tau_c=200.0)
    assert theory.drift(rule, 20.0, 10.0, 1.0, level=0.002) == pytest.approx(
        1e3 * 0.002 * 200.0 * 0.02 * 0.01 * (1.0 - 1.5) * 20.0
    )


def test_a_rule_may_bring_its_own_drift():
    class Own:
        def drift(self, pre_rate, post_rate):
            return pre_rate - post_rate

    assert theory.drift(Own(), 3.0, 1.0, 0.5) == 2.0
    assert math.isnan(theory.drift(Own(), 3.0, 1.0, 0.5, common=0.5))
    assert theory.drift(TRIPLET, 20.0, 30.0, 0.5) == pytest.approx(TRIPLET.drift(20.0, 30.0))


# ---- competition ----------------------------------------------------------------------------------------------------


@compiled_slowly
@pytest.mark.compiled
def test_additive_inputs_split_and_multiplicative_ones_do_not():
    additive = ns.lab.competition(ns.PairSTDP(a_plus=0.01, a_minus=0.0105))
    assert additive.bimodal
    assert additive.fraction_outside > 0.6
    assert additive.bimodality > 5 / 9
    assert math.isnan(additive.balance)
    multiplicative = ns.lab.competition(ns.PairSTDP(a_plus=0.01, a_minus=0.0105, mu_plus=1.0, mu_minus=1.0))
    assert not multiplicative.bimodal
    assert multiplicative.fraction_outside < 0.05
    assert multiplicative.bimodality < 5 / 9
    # A+ (1 - w) tau+ = A- w tau-, but for the inputs that made the neuron fire
    assert multiplicative.balance == pytest.approx(0.01 / (0.01 + 0.0105), abs=1e-6)
    assert multiplicative.weight.mean() == pytest.approx(multiplicative.balance, abs=0.06)
    assert additive.rate[1] < additive.rate[0]


@compiled_slowly
def test_competition_scales_with_n_and_the_unit_of_the_weight():
    one = ns.lab.competition(ns.PairSTDP(), n=20, duration=400.0)
    other = ns.lab.competition(ns.PairSTDP(a_plus=0.04, a_minus=0.048, w_max=4.0), n=20, duration=400.0)
    np.testing.assert_allclose(4.0 * one.weight, other.weight, rtol=1e-9)
    np.testing.assert_array_equal(one.rate, other.rate)


def test_bimodality_of_known_distributions():
    assert bimodality(np.array([0.0, 1.0] * 50)) == pytest.approx(1.0)
    assert bimodality(np.linspace(0.0, 1.0, 100_001)) == pytest.approx(5 / 9, abs=1e-6)
    assert bimodality(np.random.default_rng(0).normal(size=200_000)) == pytest.approx(1 / 3, abs=0.02)
    assert math.isnan(bimodality(np.ones(5)))


# ---- protocols ------------------------------------------------------------------------------------------------------


@compiled_slowly
@pytest.mark.parametrize(
    ("rule", "delay", "rewards"),
    [(PAIR, 1.0, ()), (dataclasses.replace(PAIR, sees="spikes"), 2.5, ()), (TRIPLET, 0.1, ()),
     (DopamineSTDP(), 1.0, [(60.0, 0.005), (75.5, -0.002)])],
    ids=["pair", "spikes", "triplet", "dopamine"],
)  # fmt: skip
def test_protocol_is_the_twin(rule, delay, rewards):
    rng = np.random.default_rng(3)
    steps = 2000 if JIT else 300
    pre, post = (1 + np.flatnonzero(rng.random(steps) < 0.02) for _ in range(2))
    course = ns.lab.protocol(rule, 0.1 * pre, 0.1 * post, delay=delay, rewards=rewards, every=1.0)
    level = naive_rules.Level(200.0, {round(10 * t): size for t, size in rewards})
    w0 = course.weight[0]
    d = round(10 * delay)
    twin = naive_rules.run(rule, pre.tolist(), post.tolist(), d, 0.1, w0, level=level)
    after = {t: (w, variables) for t, _, w, variables in twin.events}  # the last of a step counts
    assert len(after) > 10
    for t, (w, variables) in after.items():
        assert course.at(0.1 * t) == pytest.approx(w, abs=1e-10)
        k = int(np.searchsorted(course.t, 0.1 * t - 1e-6))
        for name, value in variables.items():
            assert course.variables[name][k] == pytest.approx(value, abs=1e-10)
    np.testing.assert_allclose(course.delivered, twin.sent, atol=1e-10)
    back = 0.0 if rule.sees == "spikes" else delay
    np.testing.assert_allclose(course.post_seen, 0.1 * post + back)


def test_traces_of_a_protocol_are_as_declared():
    course = ns.lab.protocol(PAIR, [10.0, 20.0], [15.0], delay=2.0, every=0.5, duration=40.0)
    x = [sum(math.exp(-(t - s) / 17.0) for s in (10.0, 20.0) if s <= t + 1e-9) for t in course.t]
    y = [math.exp(-(t - 17.0) / 34.0) if t >= 17.0 - 1e-9 else 0.0 for t in course.t]
    np.testing.assert_allclose(course.traces["x"], x, atol=1e-12)
    np.testing.assert_allclose(course.traces["y"], y, atol=1e-12)


def test_a_puppet_hears_without_consequences():
    net = ns.Network(dt=0.1, seed=0)
    loud = net.add_population("loud", ns.SpikeSource(index=[0, 0], time=[1.0, 2.0]), 1)
    puppet = net.add_population("puppet", ns.lab.Puppet(), 2)
    net.connect(loud, puppet[:1], ns.one_to_one(), weight=7.0, delay=0.5, receptor="heard")
    net.connect(loud, puppet[1:], ns.one_to_one(), weight=1.0, delay=0.5, receptor="told")
    spikes = net.record(puppet, "spikes")
    net.run(5.0)
    assert spikes.uid.tolist() == [puppet.uid[1]] * 2
    np.testing.assert_allclose(spikes.t, [1.5, 2.5])
    assert puppet.total.tolist() == [14.0, 0.0]


# ---- rules of other kinds -------------------------------------------------------------------------------------------


@compiled_slowly
@pytest.mark.compiled
def test_a_rule_that_draws_is_measured_on_many_synapses():
    seen = ns.lab.window(Cascade(levels=1, a_plus=0.5), [10.0, 30.0], pairs=1)
    chance = 0.5 * np.exp(-np.array([10.0, 30.0]) / 20.0)
    assert (seen.error > 0.0).all()
    # half of the synapses begin weak, and only those can rise
    np.testing.assert_allclose(seen.change, 0.5 * chance, atol=4 * seen.error.max())


@compiled_slowly
@pytest.mark.compiled
def test_a_rule_of_the_voltage_has_a_neuron_with_one():
    """Clopath et al. (2010), figure 2: post-pre depresses at low frequencies and potentiates at high ones."""
    seen = ns.lab.pairing(ClopathSTDP(w_max=2.0), frequency=[10.0, 50.0])
    assert seen.repeats == 5
    assert seen.change[1, 0] < 0.0 < seen.change[1, 1]
    assert 10 * abs(seen.change[0, 0]) < seen.change[0, 1]


@compiled_slowly
def test_two_rules_together():
    seen = ns.lab.window([PAIR, PAIR], [10.0], pairs=1)
    assert seen.change[0] == pytest.approx(2 * 0.001 * math.exp(-10 / 17.0))
    assert math.isnan(seen.theory[0])
    tired = ns.lab.window([PAIR, ns.ShortTerm()], [10.0], pairs=1)
    assert tired.change[0] == pytest.approx(tired.theory[0]) == pytest.approx(0.001 * math.exp(-10 / 17.0))


@compiled_slowly
def test_what_a_tired_synapse_delivers():
    course = ns.lab.protocol([PAIR, ns.ShortTerm(U=0.5, tau_rec=800.0)], [10.0, 60.0], [], w0=0.4)
    left = 1.0 - 0.5 * math.exp(-50.0 / 800.0)
    np.testing.assert_allclose(course.delivered, [0.4 * 0.5, 0.4 * 0.5 * left], rtol=1e-9)
    assert (course.weight == 0.4).all()


# ---- reports and the command line -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.compiled
def test_a_whole_report():
    found = ns.lab.report(PAIR)
    assert list(found.results) == ["window", "pairing", "triplets", "poisson_drift", "competition", "protocol"]
    assert not found.refused
    assert found.results["window"].change.size == 81
    assert len(repr(found).splitlines()) == 7


@pytest.mark.compiled
def test_every_result_draws_itself_and_says_what_it_is():
    from matplotlib.axes import Axes

    results = [
        ns.lab.window(PAIR, [-10.0, 0.0, 10.0], pairs=2), ns.lab.pairing(PAIR, frequency=[10.0, 20.0], repeats=3),
        ns.lab.triplets(PAIR, repeats=2), ns.lab.poisson_drift(PAIR, 10.0, [10.0, 20.0], synapses=5, duration=500.0),
        ns.lab.competition(PAIR, n=20, duration=500.0), ns.lab.protocol(PAIR, [10.0], [15.0]),
    ]  # fmt: skip
    for one in results:
        axes = one.plot()
        assert isinstance(axes, Axes)
        assert one.plot(axes) is axes
        assert repr(one).startswith(f"{type(one).__name__}(PairSTDP")
    assert results[0].plot().get_xlabel() == "spike-time difference, post $-$ pre (ms)"


RULES_FILE = """import neurosim as ns


def potentiate(w, x, a_plus):
    return w + a_plus * x


def depress(w, y, a_minus):
    return w - a_minus * y


mine = ns.PlasticityRule(
    "mine", on_pre=depress, on_post=potentiate, traces={"x": ns.Trace("pre", 20.0), "y": ns.Trace("post", 20.0)},
    params={"a_plus": 0.01, "a_minus": 0.0105}, w_max=1.0,
)
Pair = ns.PairSTDP
"""


def run(*arguments, capsys):
    code = cli.main(["lab", *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out, told.err


@compiled_slowly
@pytest.mark.compiled
def test_reports_from_the_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.py").write_text(RULES_FILE)
    code, told, _ = run("VogelsSTDP", "--set", "eta=0.002", "--only", "window", "competition", capsys=capsys)
    assert code == 0
    assert "competing inputs are excitatory" in told  # an experiment that does not apply is said, not hidden
    assert (tmp_path / "VogelsSTDP.png").read_bytes().startswith(b"\x89PNG")
    code, told, _ = run(
        "rules.py:mine",
        "--set",
        "a_plus=0.02",
        "--only",
        "window",
        "protocol",
        "--out",
        "deep/mine.html",
        capsys=capsys,
    )
    assert code == 0
    assert told.splitlines()[-1].startswith("saved deep/mine.html")
    page = (tmp_path / "deep" / "mine.html").read_text(encoding="utf-8")
    assert len(page) > 50_000 and "data:image/png;base64," in page
    assert not re.search(r"https?:|src=\"(?!data:)|href=", page)
    assert "def potentiate" in page and "a_plus</td><td>0.02" in page


def test_the_list_of_rules(capsys):
    code, told, _ = run(capsys=capsys)
    assert code == 0
    names = [line.split()[0] for line in told.splitlines()]
    assert names == sorted(names) and {"PairSTDP", "TripletSTDP", "VogelsSTDP", "DopamineSTDP"} <= set(names)
    assert set(names) == set(catalogue.built_in())


def test_cards_of_rules():
    assert catalogue.equation(ns.PairSTDP()).startswith("post spike at the synapse:  w += a_plus")
    assert catalogue.parameters(TRIPLET)["a3_plus"] == "0.0062"
    assert catalogue.references(TRIPLET).startswith("Pfister & Gerstner (2006)")
    assert catalogue.summary(VogelsSTDP()).endswith("weaken it.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["TripletSDP"], ["no rule 'TripletSDP'", "PairSTDP", "Did you mean 'TripletSTDP'"]),
        (["nowhere.py:mine"], ["no file 'nowhere.py'"]),
        (["rules.py"], ["say which object", "rules.py:my_rule"]),
        (["rules.py:mien"], ["has no 'mien'", "Did you mean 'mine'"]),
        (["broken.py:x"], ["cannot be run", "NameError"]),
        (["rules.py:potentiate"], ["must be a plasticity rule"]),
        (["PairSTDP", "--set", "a_plos=1"], ["no parameter 'a_plos'", "Did you mean 'a_plus'"]),
        (["PairSTDP", "--set", "a_plus"], ["write key=value"]),
        (["PairSTDP", "--set", "a_plus=-1"], ["PairSTDP.a_plus: must not be negative"]),
        (["PairSTDP", "--out", "x.gif"], ["must end in .png, .html"]),
        (["PairSTDP", "--only", "windo"], ["no experiment 'windo'", "Did you mean 'window'"]),
    ],
)
def test_a_command_not_understood_says_what_would_be(arguments, words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.py").write_text(RULES_FILE)
    (tmp_path / "broken.py").write_text("x = y\n")
    code, _, told = run(*arguments, capsys=capsys)
    assert code in (1, 2)
    assert all(word in told for word in words), told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda lab: lab.window(3), "must be a plasticity rule"),
        (lambda lab: lab.window(ns.PairSTDP), "is a class; make a rule"),
        (lambda lab: lab.window([]), "empty list"),
        (lambda lab: lab.window(ns.Callback(print, every=1.0)), "process that acts on a whole network"),
        (lambda lab: lab.window(PAIR, dt=[10.03]), "10.03 ms is not a multiple of dt = 0.1 ms; the nearest are 10 and 10.1"),
        (lambda lab: lab.window(PAIR, dt=[10.5], resolution=1.0), "not a multiple of dt = 1 ms"),
        (lambda lab: lab.window(PAIR, dt=[math.nan]), "must be finite"),
        (lambda lab: lab.window(PAIR, dt=[]), "row of numbers"),
        (lambda lab: lab.window(PAIR, frequency=-1.0), "window(frequency): must be positive (Hz)"),
        (lambda lab: lab.window(PAIR, pairs=0), "at least 1"),
        (lambda lab: lab.window(PAIR, w0=1.5), "within the bounds of the rule, 0 ... 1"),
        (lambda lab: lab.window(PAIR, dt=[5.0], pairs=1, formula=lambda dt: 1.0), "one number for each difference"),
        (lambda lab: lab.pairing(PAIR, frequency=[10.0, 0.0]), "pairing(frequency): must be positive"),
        (lambda lab: lab.pairing(PAIR, frequency=900.0, resolution=1.0), "more than every second step"),
        (lambda lab: lab.triplets(PAIR, pre_post_pre=[(5.0, 5.0)]), "is no pre-post-pre triplet"),
        (lambda lab: lab.triplets(PAIR, post_pre_post=[5.0]), "needs pairs of differences"),
        (lambda lab: lab.triplets(PAIR, interval=[3.0]), "would overlap"),
        (lambda lab: lab.poisson_drift(PAIR, post_rate=[-1.0]), "must be positive"),
        (lambda lab: lab.poisson_drift(PAIR, 10.0, 40.0, correlation=0.9), "at most a correlation of 0.5"),
        (lambda lab: lab.poisson_drift(PAIR, 9000.0, 40.0), "every second step"),
        (lambda lab: lab.poisson_drift(Cascade(), 10.0, 10.0), "have two values"),
        (lambda lab: lab.competition(VogelsSTDP()), "competing inputs are excitatory"),
        (lambda lab: lab.competition(ns.PairSTDP(w_max=5.0), duration=0.0), "at least"),
        (lambda lab: lab.competition(ClopathSTDP()), "reads u_bar_minus"),
        (lambda lab: lab.protocol(PAIR, [1.0, 1.0], []), "got 1 ms twice"),
        (lambda lab: lab.protocol(PAIR, [0.0], []), "at least 0.1 ms"),
        (lambda lab: lab.protocol(PAIR, [5.0], [], rewards=[(1.0, 1.0)]), "has no third factor"),
        (lambda lab: lab.protocol(DopamineSTDP(), [5.0], [], rewards=[3.0]), "needs (time in ms, size)"),
        (lambda lab: lab.report(PAIR, only=["windw"]), "no experiment 'windw'"),
        (lambda lab: lab.report(PAIR, "nowhere/x.png"), "there is no folder 'nowhere'"),
        pytest.param(
            lambda lab: lab.protocol(ClopathSTDP(), [], [5.0, 6.0]), "fired 1 times instead of 2", marks=pytest.mark.slow
        ),
        (lambda lab: lab.report(PAIR, "there.doc"), "must end in .png, .html"),
    ],
)  # fmt: skip
def test_bad_input_is_told_in_words(call, words):
    with pytest.raises(ParameterError, match=re.escape(words)):
        call(ns.lab)


@compiled_slowly
@pytest.mark.compiled
@pytest.mark.parametrize("name", ["pairs", "triplets", "poisson", "competition", "protocol", "catalogue"])
def test_examples_in_docstrings(name):
    importlib.import_module(f"neurosim.lab.{name}")
    assert doctest.testmod(sys.modules[f"neurosim.lab.{name}"]).failed == 0
