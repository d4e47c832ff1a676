"""Neurons that are born, die and grow old: nobody else notices, counts follow theory, and everything saves."""

import json

import numpy as np
import pytest
from living import assert_same, state

import neurosim as ns
from neurosim import cli

STDP = ns.PairSTDP(a_plus=0.02, a_minus=0.02, w_max=2.0)


def small_world(n, seed=3):
    """Noisy plastic neurons; `zero` holds static synapses of weight 0 from everyone to everyone."""
    net = ns.Network(dt=0.1, seed=seed)
    source = net.add_population("source", ns.PoissonSource(rate=400.0), n // 2)
    cells = net.add_population("cells", ns.LIF(tau_m=20.0, e_l=-65.0, v_th=-50.0, v_reset=-65.0), n)
    net.connect(source, cells, ns.fixed_indegree(4), weight=0.8, delay=0.5, plasticity=STDP, name="path")
    net.connect(cells, cells, ns.fixed_indegree(3), weight=0.6, delay=1.5, plasticity=STDP, name="ee")
    net.connect(cells, cells, ns.fixed_indegree(3), weight=0.0, delay=2.5, name="zero")
    net.stimulate(cells, ns.PoissonInput(rate=8000.0, weight=0.1))
    net.stimulate(cells, ns.OrnsteinUhlenbeck(sd=60.0, tau=5.0))
    cells.v_th = -50.0 - np.arange(n) % 2
    return net


def sources(dt, seed, **sizes):
    """Populations that fire by chance."""
    net = ns.Network(dt=dt, seed=seed)
    for name, n in sizes.items():
        net.add_population(name, ns.PoissonSource(rate=1.0), n)
    return net


def alike(net, spikes, among):
    """What those of these uids did: spikes (step, uid), potentials, and weights between them."""
    out = [np.stack([spikes.step, spikes.uid])[:, np.isin(spikes.uid, among)]]
    cells = net.populations["cells"]
    out.append(cells.v[np.isin(cells.uid, among)])
    for name in ("path", "ee"):
        edges = net.projections[name].edges()
        both = np.isin(edges.pre, among) & np.isin(edges.post, among)
        out += [edges.pre[both], edges.post[both], edges.weight[both]]
    return out


# ---- nobody else notices --------------------------------------------------------------------------------------------


def test_adding_and_removing_neurons_with_silent_outputs_changes_nothing_else(sized):
    """1,000 neurons come in the middle of a run, hear, learn, fire and go; all others do as if they had never been."""
    n, many, time = sized(60, 12), sized(1000, 8), float(sized(60, 16))
    seen = []
    for come in (False, True):
        net = small_world(n)
        cells, source = net.populations["cells"], net.populations["source"]
        among = np.concatenate([source.uid, cells.uid])
        spikes = net.record([source, cells])
        net.run(time)
        if come:
            born = cells.add(many)
            rng = np.random.default_rng(1)
            old = cells.uid[:n]
            for name in ("path", "ee"):  # they learn from the others
                p = net.projections[name]
                p.insert(rng.choice(p.source.uid[: n // 2], many), born.uid, weight=1.5)
            net.projections["zero"].insert(born.uid, rng.choice(old, many))
        net.run(time)
        if come:
            assert np.isin(spikes.uid, born.uid).sum() > many / 4  # they did fire
            cells.remove(born)
        net.run(time)
        seen.append(alike(net, spikes, among))
    assert all(one.tobytes() == other.tobytes() for one, other in zip(*seen, strict=True))


def test_removing_neurons_whose_outputs_have_weight_0_changes_nothing_else(sized):
    n, time = sized(60, 12), float(sized(80, 10))
    seen = []
    for go in (False, True):
        net = small_world(n)
        cells, source = net.populations["cells"], net.populations["source"]
        victims = cells.uid[2::5]
        net.projections["ee"].remove(pre=victims)
        among = np.setdiff1d(np.concatenate([source.uid, cells.uid]), victims)
        spikes = net.record([source, cells])
        net.run(time)
        assert np.isin(net.projections["zero"].pre, victims).any()
        if go:
            cells.remove(victims)
        net.run(time)
        seen.append(alike(net, spikes, among))
    assert all(one.tobytes() == other.tobytes() for one, other in zip(*seen, strict=True))


# ---- births and ages ------------------------------------------------------------------------------------------------


def test_ages_follow_the_neurons(tmp_path):
    net = sources(0.1, 1, pop=4)
    pop = net.populations["pop"]
    pop[:2].age = [50.0, 20.0]
    net.run(5.0)
    pop.add(2)
    net.run(1.0)
    pop.remove(pop.uid[1:2])
    assert np.allclose(pop.age, [56.0, 6.0, 6.0, 1.0, 1.0], atol=1e-9)
    assert np.allclose(pop.born, [-50.0, 0.0, 0.0, 5.0, 5.0], atol=1e-9)
    assert np.allclose(pop[2:4].age, [6.0, 1.0], atol=1e-9)
    net.save(tmp_path / "save")
    again = ns.load(tmp_path / "save").populations["pop"]
    assert np.array_equal(again.birth, pop.birth)
    net.reset()
    assert net.now == 0.0 and np.allclose(pop.age, [56.0, 6.0, 6.0, 1.0, 1.0], atol=1e-9)
    with pytest.raises(ns.ParameterError, match="age"):
        pop.age = "old"


def test_a_save_of_an_older_version_counts_births_from_the_beginning(tmp_path):
    from neurosim import checkpoint, snapshot

    net = sources(0.1, 1, pop=4)
    net.run(5.0)
    net.populations["pop"].add(1)
    manifest, arrays, _ = snapshot.export(net, lasting=True)
    for entry in manifest["populations"]:
        del entry["birth"], entry["placement"]
    checkpoint.write(tmp_path / "old", manifest, arrays)
    assert np.allclose(ns.load(tmp_path / "old").populations["pop"].age, 5.0)


# ---- births and deaths against theory -------------------------------------------------------------------------------


def test_births_are_a_poisson_process_and_deaths_exponential(sized):
    """Births: mean rate * time, variance equal to it; survivors of a hazard: binomial with exp(-hazard * time)."""
    calls, begun = sized(200, 30), sized(3000, 400)
    net = sources(1.0, 5, growing=2, dying=begun)
    growing, dying = net.populations["growing"], net.populations["dying"]
    net.add(ns.Neurogenesis(growing, every=10.0, rate=500.0))
    net.add(ns.Apoptosis(dying, every=10.0, rate=0.7))
    net.run(calls * 10.0)
    h = net.history
    born = np.bincount(h.step[h.kind == 2] // 10 - 1, minlength=calls)
    mean = 500.0 * 10e-3
    assert abs(born.sum() - calls * mean) < 4 * np.sqrt(calls * mean)
    assert abs(born.var() / born.mean() - 1.0) < 5 * np.sqrt((2 + 1 / mean) / calls)
    stay = np.exp(-0.7 * calls * 10e-3)
    assert abs(len(dying) - begun * stay) < 4 * np.sqrt(begun * stay * (1 - stay))
    assert len(growing) == 2 + born.sum()
    assert h.rules[h.rule[h.kind == -2][0]] == "Apoptosis"


def test_births_and_deaths_balance_where_theory_says(sized):
    """Immigration at rate b, death with hazard d: the number settles at b every / (1 - exp(-d every)), Poisson."""
    net = sources(1.0, 2, pop=60)
    pop = net.populations["pop"]
    net.add(ns.Apoptosis(pop, every=20.0, rate=5.0))
    net.add(ns.Neurogenesis(pop, every=20.0, rate=300.0))
    number = []
    net.add(ns.Callback(lambda net: number.append(len(pop)), every=20.0))
    calls = sized(400, 60)
    net.run(calls * 20.0)
    settled = np.array(number[10:])
    stay = np.exp(-5.0 * 20e-3)
    expected = 300.0 * 20e-3 / (1 - stay)
    independent = settled.size * (1 - stay) / (1 + stay)  # samples worth, of a series that forgets by `stay` a call
    assert abs(settled.mean() - expected) < 4 * np.sqrt(expected / independent)


# ---- who dies, who is born ------------------------------------------------------------------------------------------


def test_the_silent_the_unconnected_and_the_young_die():
    net = small_world(60)
    pop = net.populations["source"]
    for name in ("path", "ee", "zero"):
        p = net.projections[name]
        p.remove(pre=p.source.uid[20:])
    first = pop.uid
    pop[10:16].age = 1000.0
    spikes = net.record(pop)
    silent = net.add(ns.Apoptosis(pop, every=20.0, silent_below=400.0, tau=10.0, older_than=500.0))
    net.run(20.0)
    rate = np.full(30, 800.0 * np.exp(-20.0 / 10.0))  # twice the bound at first, and 1/tau more at each spike
    for t, who in zip(spikes.t, spikes.uid, strict=True):
        rate[who - first[0]] += 100.0 * np.exp(-(20.0 - t) / 10.0)
    dead = first[10:16][rate[10:16] < 400.0]
    assert 0 < dead.size < 6 and np.array_equal(np.setdiff1d(first, pop.uid), dead)
    net.remove(silent)
    pop.remove(np.setdiff1d(first[10:16], dead)[: 3 - dead.size])
    alone = net.add(ns.Apoptosis(pop, every=10.0, unconnected=True, at_most=4, keep=20))
    net.run(10.0)
    assert len(pop) == 23
    net.run(20.0)
    assert len(pop) == 20 and np.isin(net.projections["path"].pre, pop.uid).all()
    net.remove(alone)
    last = pop.uid[3:5]
    pop[3:5].age = 1.0
    net.add(ns.Apoptosis(pop, every=10.0, at_most=2, choose="youngest"))
    net.run(10.0)
    assert not np.isin(last, pop.uid).any() and len(pop) == 18
    assert repr(net.processes[0]) == "Apoptosis('source', at_most=2, choose=youngest, every 10 ms)"


def test_turnover_at_a_constant_number_wires_newborns(sized):
    n = sized(60, 12)
    net = small_world(n)
    cells, source = net.populations["cells"], net.populations["source"]
    path, ee = net.projections["path"], net.projections["ee"]
    calls = []

    def more(net, newborns):
        calls.append(len(newborns))
        net.projections["zero"].insert(newborns.uid, cells.uid[:1], weight=0.0, rule="Neurogenesis")

    wire = [(path, ns.fixed_indegree(4), 0.7), (ee, ns.fixed_indegree(3)), (ee, ns.fixed_outdegree(2)), more]
    net.add(ns.Apoptosis(cells, every=5.0, fraction=0.1, choose="oldest"))
    net.add(
        ns.Neurogenesis(cells, every=5.0, size=n, wire=wire, initial={"v": -51.0, "v_th": ns.uniform(-49.0, -48.0)})
    )
    old = cells.uid
    net.run(5.0)
    k = round(0.1 * n)
    young = np.setdiff1d(cells.uid, old)
    assert len(cells) == n and young.size == k and calls == [k]
    e = path.edges()
    assert (np.bincount(np.searchsorted(cells.uid, e.post), minlength=n)[-k:] == 4).all()
    assert np.allclose(e.weight[np.isin(e.post, young)], 0.7)
    e = ee.edges()
    assert (np.bincount(np.searchsorted(cells.uid, e.post), minlength=n)[-k:] == 3).all()
    out = e.pre[~np.isin(e.post, young)]
    assert (np.bincount(np.searchsorted(cells.uid, out), minlength=n)[-k:] == 2).all()
    assert np.allclose(cells[-k:].v, -51.0) and cells[-k:].v_th.min() >= -49.0
    h = net.history
    causes = {h.rules[r] for r in h.rule[(h.kind == 1) | (h.kind == 2)]}
    assert causes == {"Neurogenesis"}
    assert len(source) == n // 2


def test_triggers_measure_what_they_say(sized):
    net = sources(1.0, 1, sense=sized(200, 60), grow=2)
    sense, grow = net.populations["sense"], net.populations["grow"]
    sense.rate = 20.0
    surprise = ns.structural.novelty(sense, n=2, expected=20.0, tolerance=0.4, tau=100.0)
    usual = ns.structural.novelty(sense, n=2, tolerance=0.4, tau=100.0, tau_expected=400.0)
    net.add(ns.Neurogenesis(grow, every=50.0, trigger=surprise, most=10))
    net.add(ns.Neurogenesis(grow, every=50.0, trigger=usual))
    net.run(1000.0)
    assert len(grow) == 2
    assert surprise.rate == pytest.approx(20.0, rel=0.3) and usual.usual == pytest.approx(
        20.0 * (1 - np.exp(-2.5)), rel=0.2
    )
    sense.rate = 60.0
    net.run(200.0)
    by = np.bincount(net.history.step[net.history.kind == 2], minlength=1201)
    assert len(grow) == 14 and by[1200] == 2  # the first stops at 10, the second goes on while the rate is unusual
    net.run(2000.0)
    size = len(grow)
    net.run(200.0)
    assert len(grow) == size  # 60 Hz is usual by now

    ear = net.add_population("ear", ns.LIF(), 4)
    full = net.connect(sense, ear, ns.fixed_indegree(5), weight=0.5)
    half = ns.structural.saturation(full, n=3, degree=10)
    assert half.level() == pytest.approx(0.5) and half(net) == 0
    assert ns.structural.saturation(full, n=3, degree=5.5)(net) == 3
    assert ns.structural.saturation(full, n=3, weight=0.55)(net) == 3
    with pytest.raises(ns.ParameterError, match="no bound"):
        ns.structural.saturation(full)


# ---- parameters that follow age -------------------------------------------------------------------------------------


def test_parameters_follow_age():
    net = small_world(12)
    cells = net.populations["cells"]
    cells.age = np.arange(12) * 10.0
    net.add(ns.Ageing(cells, every=5.0, v_th=lambda age: -50.0 - 5.0 * np.exp(-age / 40.0)))
    net.run(10.0)
    assert np.allclose(cells.v_th, -50.0 - 5.0 * np.exp(-(np.arange(12) * 10.0 + 10.0) / 40.0), atol=1e-12)


def learning(n, time, **options):
    """Weights (before, after) of a network in which they move no spike: they are 1e-9 of a millivolt."""
    net = small_world(n)
    cells, path = net.populations["cells"], net.projections["path"]
    path.remove()
    rule = ns.PairSTDP(a_plus=2e-12, a_minus=1e-12, w_max=1e-9)
    net.disconnect(path)
    tiny = net.connect(
        net.populations["source"], cells, ns.fixed_indegree(4), weight=5e-10, delay=0.5, plasticity=rule, name="tiny"
    )
    cells[: n // 2].age = 1e6
    before = tiny.weight
    if options:
        net.add(ns.Ageing(cells, every=4.0, plasticity=(tiny, options["factor"])))
    net.run(time)
    return before, tiny.weight, np.isin(tiny.post, cells.uid[n // 2 :])


def test_young_neurons_learn_faster_by_their_factor(sized):
    """An additive rule between its bounds changes each weight by the same amounts whatever it is, so factors are exact."""
    n, time = sized(40, 12), float(sized(120, 24))
    before, plain, _ = learning(n, time)
    assert np.abs(plain - before).max() > 4e-12
    _, fast, young = learning(n, time, factor=lambda age: np.where(age < 1e5, 3.0, 1.0))
    assert np.allclose((fast - before)[young], 3.0 * (plain - before)[young], rtol=1e-9, atol=1e-16)
    assert np.array_equal(fast[~young], plain[~young])
    _, still, _ = learning(n, time, factor=lambda age: np.where(age < 1e5, 0.0, 1.0))
    assert np.array_equal(still[young], before[young]) and np.array_equal(still[~young], plain[~young])


def test_factors_respect_the_bounds_and_tell_parallel_synapses_apart():
    net = small_world(12)
    cells, path = net.populations["cells"], net.projections["path"]
    path.remove()
    path.parallel = True
    path.insert(np.repeat(net.populations["source"].uid[0], 3), np.repeat(cells.uid[0], 3), weight=[0.5, 1.0, 1.9])
    ageing = net.add(ns.Ageing(cells, every=1000.0, plasticity=(path, lambda age: 3.0)))
    path.edges()[[0]].remove()  # the others keep what was known of them, though they are now number 0 and 1
    path.edges().set_weight([1.1, 1.95])
    ageing.advance(net)
    assert np.allclose(path.weight, [1.3, 2.0], atol=1e-12)
    path.edges().set_weight([0.8, 1.9])
    ageing.advance(net)
    assert np.allclose(path.weight, [0.0, 1.7], atol=1e-12)
    net.remove(ageing)
    ageing = net.add(ns.Ageing(net.populations["source"], every=1000.0, plasticity=(path, lambda age: age * 0.0 + 0.5)))
    path.edges().set_weight([1.0, 1.7])
    ageing.advance(net)
    assert np.allclose(path.weight, [0.5, 1.7], atol=1e-12)


# ---- the same answer always -----------------------------------------------------------------------------------------


def threshold_of_age(age):
    return -50.0 - 3.0 * np.exp(-age / 30.0)


def speed_of_age(age):
    return np.where(age < 50.0, 2.0, 1.0)


def brief(net):
    """One neuron in ten steps of a hundred."""
    return net.step % 100 == 50


def changing(n, seed=4):
    """Everything of this file in one network."""
    net = small_world(n, seed)
    net.place("cells", ns.positions.ball(100.0))
    cells, source = net.populations["cells"], net.populations["source"]
    net.place(source, ns.positions.ball(50.0, centre=(0.0, 0.0, 100.0)))
    path, ee, zero = (net.projections[name] for name in ("path", "ee", "zero"))
    zero.default_delay = ns.delay_by_distance(40.0, base=0.5)
    cells[: n // 2].age = 200.0
    net.add(
        ns.Apoptosis(
            cells, every=5.0, silent_below=2.0, tau=30.0, older_than=20.0, at_most=3, keep=n // 2, choose="silent"
        )
    )
    net.add(ns.Apoptosis(source, every=5.0, rate=30.0))
    wire = [(path, ns.fixed_indegree(3)), (ee, ns.random(0.05)), (zero, ns.fixed_outdegree(2), 0.3)]
    net.add(ns.Neurogenesis(cells, every=5.0, rate=200.0, wire=wire))
    net.add(ns.Neurogenesis(source, every=5.0, size=n // 2, wire=[(path, ns.random(0.1))]))
    net.add(ns.Neurogenesis(source, every=5.0, trigger=brief))
    surprise = ns.structural.novelty(cells, n=1, expected=5.0, tau=8.0)
    net.add(ns.Neurogenesis(cells, every=5.0, trigger=surprise, at_most=2, most=3 * n))
    net.add(ns.Ageing(cells, every=5.0, v_th=threshold_of_age, plasticity=([path, ee], speed_of_age)))
    net.add(ns.RegionBudget({("source", "cells"): 4 * n - 5}, every=5.0))
    return net


@pytest.mark.filterwarnings("ignore:.*rounded to multiples")
def test_how_a_run_is_cut_saved_or_restored_does_not_matter(sized, tmp_path):
    n, whole, middle = sized(40, 12), float(sized(80, 20)), float(sized(42, 11))
    net = changing(n)
    net.run(whole)
    expected = state(net)
    assert {-2, 2, 1, -1} <= set(net.history.kind.tolist())
    cells = net.populations["cells"]
    assert cells.positions.shape == (len(cells), 3) and (np.sqrt((cells.positions**2).sum(1)) <= 100.0).all()

    net = changing(n)
    net.run(middle)
    net.store()
    net.save(tmp_path / "save")
    for step in (3.3, 5.0, 0.1):
        net.run(step)
    net.run(round(whole - net.now, 6))
    assert_same(state(net), expected)
    net.restore()
    net.run(whole - middle)
    assert_same(state(net), expected)
    functions = {f.__name__: f for f in (threshold_of_age, speed_of_age, brief)}
    again = ns.load(tmp_path / "save", functions=functions)
    again.run(whole - middle)
    assert_same(state(again), expected)
    assert np.array_equal(again.populations["cells"].positions, net.populations["cells"].positions)


# ---- mistakes -------------------------------------------------------------------------------------------------------


def test_mistakes_are_told():
    net = ns.Network(seed=1)
    pop, other = (net.add_population(name, ns.LIF(), 4) for name in ("pop", "other"))
    p = net.connect(other, pop, ns.all_to_all())
    where = net.add_population("where", ns.LIF(), 2, positions=np.zeros((2, 2)))
    for make, told in [
        (lambda: ns.Neurogenesis(pop), "give one of rate"),
        (lambda: ns.Neurogenesis(pop, rate=1.0, size=5), "give one of rate"),
        (lambda: ns.Neurogenesis(pop[:2], rate=1.0), "needs a population"),
        (lambda: ns.Neurogenesis(pop, trigger=3), "needs a function"),
        (lambda: ns.Neurogenesis(pop, rate=1.0, wire=[p]), "needs \\(projection, rule\\)"),
        (lambda: ns.Neurogenesis(pop, rate=1.0, wire=[(p, ns.fixed_outdegree(2))]), "joins nobody of 'pop'"),
        (lambda: ns.Neurogenesis(pop, rate=1.0, wire=[(p, ns.one_to_one())]), "says nothing of newborns"),
        (lambda: ns.Neurogenesis(pop, rate=1.0, initial={"v_t": 1.0}), "v_th"),
        (lambda: ns.Neurogenesis(where, rate=1.0), "say where newborns lie"),
        (lambda: ns.Apoptosis(pop), "says nothing of who dies"),
        (lambda: ns.Apoptosis(pop, rate=1.0, choose="silnt"), "Did you mean 'silent'"),
        (lambda: ns.Apoptosis(pop, unconnected="up"), "must be True, False, 'in' or 'out'"),
        (lambda: ns.Ageing(pop), "nothing depends on age"),
        (lambda: ns.Ageing(pop, v_thh=lambda age: age), "v_th"),
        (lambda: ns.Ageing(pop, v_th=-50.0), "needs a function of age"),
        (lambda: ns.Ageing(pop, plasticity=p), "needs \\(projection or several, function"),
        (lambda: ns.structural.novelty(3), "needs a population"),
        (lambda: ns.structural.saturation(p, degree=3, weight=2), "give either"),
    ]:
        with pytest.raises(ns.ParameterError, match=told):
            make()
    ageing = ns.Ageing(pop, v_th=lambda age: np.zeros(3))
    with pytest.raises(ns.ParameterError, match="one number or 4 of them"):
        ageing.advance(net)


# ---- the scenario ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scenario():
    return cli.scenario_main(cli.find_scenario("neurogenesis"))


@pytest.mark.slow
@pytest.mark.compiled
def test_the_scenario_in_short(scenario, tmp_path):
    out = tmp_path / "runs" / "neurogenesis"
    lines = scenario(duration=960.0, seed=1, out=out)
    assert len(lines) == 3 and all(len(line) <= 120 for line in lines)
    assert (out / "neurogenesis.png").read_bytes().startswith(b"\x89PNG")
    report = json.loads((out / "report.json").read_text())
    assert report["patterns"] == 4 and len(report["turnover"]["recall"]) == 4


@pytest.mark.slow
@pytest.mark.compiled
def test_turnover_improves_recall_of_old_and_new_patterns(scenario, tmp_path):
    """Spec A6 (iii): the sign, in each of five seeds, and so with p = 1/32 for each half of the patterns."""
    for seed in range(1, 6):
        scenario(seed=seed, out=tmp_path)
        report = json.loads((tmp_path / "report.json").read_text())
        for half in ("old", "new"):
            assert report["turnover"][half] > report["no turnover"][half], (seed, half)
