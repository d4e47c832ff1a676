"""Facts: words bound and named in spikes against the algebra, questions against a list of triples, thresholds, times, rules, sleep."""

import itertools
import json

import numpy as np
import pytest

import neurosim as ns
from benchmarks import memory_facts
from neurosim import cli
from neurosim.errors import ParameterError
from neurosim.memory.associative import AssociativeStore
from neurosim.memory.block_codes import Vocabulary, bundle
from neurosim.memory.fact_answers import graded
from neurosim.memory.fact_circuit import ROLES, FactCircuit
from neurosim.memory.fact_rules import Rule
from neurosim.memory.fact_trials import lose_synapses, spikes_of
from neurosim.memory.facts import Facts
from neurosim.memory.failures import CapacityFull, IncompatibleSnapshot, NotCalibrated
from neurosim.plot.answers import answers_left, layer_spikes

FAMILY = [
    ("Ada", "parent of", "Bob"), ("Ada", "parent of", "Cy"), ("Bob", "parent of", "Dan"), ("Cy", "parent of", "Eve"),
    ("Dan", "parent of", "Fay"), ("Ada", "works at", "the mill"), ("Bob", "works at", "the lab"), ("Eve", "works at", "the mill"),
    ("the mill", "lies in", "Kent"), ("the lab", "lies in", "Bern"), ("Ada", "knows", "Ada"),
]  # fmt: skip
#: 24 blocks of 8: small and quick; three words of a fact leave 24 of 24 blocks against 8 by chance.
SMALL = {"blocks": 24, "size": 8, "seed": 2}


def small_facts(told=FAMILY, seed=1, **options):
    net = ns.Network(dt=1.0, seed=seed)
    facts = Facts(net, Vocabulary(**SMALL), **{"n_facts": 40, "functional": ["works at"], **options})
    facts.tell_many(told, at=1.0)
    return facts


@pytest.fixture(scope="module")
def family():
    """Told once; tests that ask only may share it."""
    return small_facts()


def answers(triples, pattern):
    """The twin: what a list says."""
    return {t for t in triples if all(p is None or p == w for p, w in zip(pattern, t, strict=True))}


# ---- the circuit -----------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.compiled
def test_the_volley_of_a_fact_is_the_bundle_of_its_bound_words():
    net, v = ns.Network(dt=1.0), Vocabulary(seed=5)
    circuit = FactCircuit(net, v)
    circuit.learn(FAMILY[:3])
    roles = Vocabulary(seed=5)
    roles.add(*(f"role of the {role}" for role in ROLES))
    asked = [FAMILY[0], ("Ada", "parent of", None), FAMILY[2]]
    for volley, triple in zip(circuit.bind(asked), asked, strict=True):
        bound = [v[w] * roles[f"role of the {role}"] for w, role in zip(triple, ROLES, strict=True) if w is not None]
        assert np.array_equal(volley, bundle(*bound).units)


@pytest.mark.slow
@pytest.mark.compiled
def test_clean_ups_name_the_words_of_a_volley_and_of_most_of_it():
    net = ns.Network(dt=1.0)
    circuit = FactCircuit(net, Vocabulary(seed=5))
    circuit.learn(FAMILY)
    volleys = circuit.bind(FAMILY)
    assert [h.words for h in circuit.hear(circuit.fact, list(volleys))] == FAMILY
    rng = np.random.default_rng(1)
    for share in (0.9, 0.6):
        part = [rng.permutation(v)[: round(share * v.size)] for v in volleys]
        for heard, triple in zip(circuit.hear(circuit.fact, part), FAMILY, strict=True):
            assert heard.words == triple
            assert abs(np.mean(heard.support) / 64 - share) < 0.08
    strange = [rng.permutation(circuit.fact.n)[:180]]
    assert circuit.hear(circuit.fact, strange)[0].words == (None, None, None)


def test_a_word_that_was_never_told_stays_unknown_and_has_the_code_it_would_have():
    circuit = FactCircuit(ns.Network(dt=1.0), Vocabulary(**SMALL))
    code = circuit.code("Zoe")
    assert "Zoe" not in circuit.vocabulary
    circuit.vocabulary.add("Zoe")
    assert circuit.vocabulary["Zoe"] == code


def test_a_fact_is_told_asked_and_refused_in_the_smallest_network():
    facts = Facts(ns.Network(dt=1.0, seed=1), Vocabulary(blocks=16, size=4, seed=3), n_facts=3)
    assert facts.tell("Ada", "knows", "Bob").status == "new"
    known, unknown = facts.ask_many([("Ada", "knows", None), ("Bob", "knows", None)])
    assert (known.symbol, unknown.status) == ("Bob", "no_memory")


# ---- questions -------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize("given", [g for g in itertools.product([True, False], repeat=3) if any(g)])
def test_every_pattern_finds_what_a_list_of_triples_finds(family, given):
    patterns = {tuple(w if g else None for w, g in zip(t, given, strict=True)) for t in FAMILY}
    patterns |= {tuple(w if g else None for w, g in zip(t, given, strict=True)) for t in [("Fay", "knows", "Kent"), ("Zoe", "parent of", "Bob")]}  # fmt: skip
    asked = sorted(patterns, key=repr)
    for pattern, found in zip(asked, family.match_many(asked), strict=True):
        assert {f.triple for f in found} == answers(FAMILY, pattern)
        assert len(found) == len({f.id for f in found})


@pytest.mark.slow
@pytest.mark.compiled
def test_ask_gives_one_answer_or_all_and_counts_the_use(family):
    before = family.uses
    one, both, who = family.ask_many(
        [("Bob", "works at", None), ("Ada", "parent of", None), (None, "works at", "the mill")]
    )
    assert (one.symbol, one.status, one.confidence, one.source) == ("the lab", "ok", 1.0, "index")
    assert both.symbol is None
    assert set(both.symbols) == {"Bob", "Cy"}
    assert set(who.symbols) == {"Ada", "Eve"}
    assert family.ask("Ada", None, "Bob").symbol == "parent of"
    used = {k: n - before[k] for k, n in family.uses.items() if n > before[k]}
    assert used == {6: 1, 0: 2, 1: 1, 5: 1, 7: 1}


@pytest.mark.slow
@pytest.mark.compiled
def test_fewer_facts_may_answer_where_inhibition_is_stronger(family):
    assert len(family.ask("Ada", "parent of", k=1).symbols) == 1


@pytest.mark.slow
@pytest.mark.compiled
def test_unknown_words_and_unanswered_questions_are_refused_by_the_threshold_alone(family):
    words = {role: sorted({t[i] for t in FAMILY}) for i, role in enumerate(ROLES)}
    asked = [(s, r, None) for s in words["subject"] for r in words["relation"] if not answers(FAMILY, (s, r, None))]
    asked += [(s, "never heard", None) for s in words["subject"]] + [(None, r, "stranger") for r in words["relation"]]
    told = family.ask_many(asked, check=False)
    assert {a.status for a in told} == {"no_memory"}
    assert all(a.symbol is None and a.symbols == () and a.confidence == 0.0 and a.latency == np.inf for a in told)
    assert len(family.vocabulary) == len({w for t in FAMILY for w in t})  # asking teaches no word


@pytest.mark.slow
@pytest.mark.compiled
def test_the_threshold_is_that_of_facts_that_share_all_words_but_one():
    facts = small_facts()
    p = np.array([1.0])
    for _ in range(24):  # a block coincides by chance in one of 8 cases
        p = np.convolve(p, [7 / 8, 1 / 8])
    for words in (1, 2, 3):
        theta, rate = facts.threshold(words)
        chance = [1 - (1 - p[int(t) - 24 * (words - 1) :].sum()) ** len(FAMILY) for t in (theta - 1, theta)]
        assert chance[1] == pytest.approx(rate)
        assert chance[1] <= facts.false_alarms < chance[0]
    measured = facts.calibrate()
    for words, found in measured.items():
        assert found.false_alarm_rate <= 0.03  # at most 0.01 by theory; 200 questions
        assert facts.threshold(words) == (found.theta, found.false_alarm_rate)


@pytest.mark.slow
@pytest.mark.compiled
def test_answers_are_in_the_synapses_and_fade_with_them():
    facts = small_facts(FAMILY[:3])
    sure = facts.ask("Bob", "parent of")
    key = facts.store.key["subject"]
    edges = key.edges()
    mine = np.flatnonzero(edges.post == facts.store.index.uid[facts.store.cell(sure.ids)[0]])
    edges[mine[:9]].remove()
    less = facts.ask("Bob", "parent of")
    assert less.symbol == "Dan"
    assert less.confidence == pytest.approx((48 - 9) / 48)
    edges = key.edges()
    edges[edges.post == facts.store.index.uid[facts.store.cell(sure.ids)[0]]].remove()
    assert facts.ask("Bob", "parent of").status == "no_memory"
    assert facts.ask("Ada", "parent of").symbols  # others stay


# ---- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.compiled
def test_the_newest_wins_and_the_old_can_be_asked_at_its_time():
    facts = small_facts([])
    told = [
        facts.tell("Ada", "works at", o, at=t) for o, t in (("the mill", 1830), ("the lab", 1842), ("the lab", 1843))
    ]
    assert [(t.status, t.replaced) for t in told] == [("new", None), ("replaces", 0), ("strengthened", None)]
    assert [facts.ask("Ada", "works at", at=t).symbol for t in (1829, 1830, 1841.9, 1842, 2000, None)] == [
        None, "the mill", "the mill", "the lab", "the lab", "the lab"
    ]  # fmt: skip
    old = facts.ask("Ada", "works at", at=1835)
    assert (old.valid_from, old.valid_to) == (1830, 1842)
    between = facts.tell("Ada", "works at", "the inn", at=1835)  # told late, but of an earlier time
    assert between.status == "replaces"
    assert [facts.ask("Ada", "works at", at=t).symbol for t in (1831, 1836, 1842)] == ["the mill", "the inn", "the lab"]
    back = facts.tell("Ada", "works at", "the mill", at=1850)  # an object that was there before
    assert (back.status, back.replaced) == ("replaces", told[1].id)
    assert facts.ask("Ada", "works at").ids == (back.id,)


@pytest.mark.slow
@pytest.mark.compiled
def test_other_relations_collect_and_contradictions_in_one_batch_are_told_in_order():
    facts = small_facts([])
    told = facts.tell_many(
        [("Ada", "likes", "tea"), ("Ada", "likes", "jam"), ("Ada", "likes", "tea")], at=[1.0, 2.0, 3.0]
    )
    assert [t.status for t in told] == ["new", "new", "strengthened"]
    assert told[2].id == told[0].id
    assert set(facts.ask("Ada", "likes").symbols) == {"tea", "jam"}
    told = facts.tell_many(
        [("Ada", "works at", "x"), ("Ada", "works at", "y"), ("Bob", "works at", "x")], at=[1.0, 2.0, 1.0]
    )
    assert [t.status for t in told] == ["new", "replaces", "new"]
    assert facts.ask("Ada", "works at").symbol == "y"
    facts.tell("Cy", "lives in", "Kent", at=1.0)
    facts.tell("Cy", "lives in", "Bern", at=2.0)
    assert facts.ask("Cy", "lives in").status == "ok"
    facts.functional.add("lives in")  # declared too late: both still hold
    assert facts.ask("Cy", "lives in").status == "ambiguous"


# ---- hops and rules --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.compiled
def test_chains_follow_all_answers_of_a_hop(family):
    where = family.chain("Bob", ["works at", "lies in"])
    assert (where.symbol, where.status) == ("Bern", "ok")
    assert [f.triple for f in where.facts] == [FAMILY[6], FAMILY[9]]
    assert set(family.chain("Ada", ["parent of", "parent of"]).symbols) == {"Dan", "Eve"}
    assert family.chain("Ada", ["parent of"] * 3).symbol == "Fay"
    assert family.chain("Fay", ["works at", "lies in"]).status == "no_memory"
    assert family.chain("Bob", ["works at", "parent of"]).status == "no_memory"


@pytest.mark.slow
@pytest.mark.compiled
def test_rules_derive_the_closure_and_tell_it():
    facts = small_facts(FAMILY[:5], n_facts=30)
    rules = [
        Rule([("?x", "parent of", "?y")], ("?x", "ancestor of", "?y")),
        Rule([("?x", "ancestor of", "?y"), ("?y", "parent of", "?z")], ("?x", "ancestor of", "?z")),
        Rule(
            [("?x", "parent of", "?y"), ("?x", "parent of", "?z"), ("?y", "parent of", "Dan")],
            ("?z", "uncle of", "Dan"),
        ),
    ]
    parents = {(s, o) for s, _, o in FAMILY[:5]}
    closure = set(parents)
    for _ in range(4):
        closure |= {(x, z) for x, y in closure for a, z in parents if a == y}
    derived = facts.infer(rules, at=2.0)
    found = {d.triple for d in derived if d.triple[1] == "ancestor of"}
    assert found == {(x, "ancestor of", z) for x, z in closure}
    assert {d.triple for d in derived if d.triple[1] == "uncle of"} == {(z, "uncle of", "Dan") for z in ("Bob", "Cy")}
    assert all(d.told.status == "new" and d.because for d in derived)
    assert {f.triple for f in facts.match(None, "ancestor of")} == found
    assert facts.infer(rules) == []  # nothing new follows


# ---- limits, forgetting, saving --------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.compiled
def test_forgetting_removes_the_synapses_of_a_fact_and_makes_room():
    facts = small_facts(n_facts=11)
    with pytest.raises(CapacityFull, match="0 of 11 index cells are free"):
        facts.tell("Gil", "knows", "Ada")
    assert len(facts) == 11
    before = facts.store.synapses
    volley = facts.store.read([4])["fact"]
    freed = facts.forget(facts.ask("Dan", "parent of").facts[0])
    assert freed.synapses == before - facts.store.synapses == 72 + volley.sizes[0]
    assert facts.ask("Dan", "parent of").status == "no_memory"
    rest = [t for t in FAMILY if t != FAMILY[4]]
    assert {f.triple for f in facts.read(facts.ids)} == set(rest)
    facts.tell("Gil", "knows", "Ada")
    facts.grow(3)
    assert facts.tell("Hal", "knows", "Ada").status == "new"
    assert set(facts.ask(None, "knows", "Ada").symbols) == {"Ada", "Gil", "Hal"}


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda f: f.tell("Ada", "knows", ""), "needs subject, relation and object"),
        (lambda f: f.ask("Ada"), "needs two words and one open"),
        (lambda f: f.match(), "needs at least one word"),
        (lambda f: f.chain("Ada", "works at"), "needs a list of relations"),
        (lambda f: f.tell("Ada", "knows", "Bob", at=np.inf), "must be finite"),
        (lambda f: f.ask_many([("Ada", "knows", None)], stores="fast"), "must be 'both', 'index' or 'slow'"),
        (lambda f: f.sleep(), r"Facts\(net, n_slow=8192\)"),
        (lambda f: Facts(f.net, functional="knows"), r"functional=\['knows'\]"),
        (lambda f: Facts(f.net), r"Facts.attach\(net, arrays"),
        (lambda f: Rule([("?x", "knows", "?y")], ("?x", "knows", "?z")), r"\?z is in no premise"),
    ],
)
def test_what_cannot_be_asked_is_refused(family, act, message):
    with pytest.raises(ParameterError, match=message):
        act(family)


@pytest.mark.slow
@pytest.mark.compiled
def test_too_few_blocks_for_such_a_rate_are_said():
    facts = Facts(ns.Network(dt=1.0), Vocabulary(**SMALL), n_facts=5, false_alarms=1e-30)  # (1/8)^24 is 2e-22
    with pytest.raises(NotCalibrated, match=r"Vocabulary\(blocks=48\)"):
        facts.tell("Ada", "knows", "Bob")


@pytest.mark.slow
@pytest.mark.compiled
def test_no_slow_store_is_said(family):
    with pytest.raises(NotCalibrated, match="n_slow=8192"):
        family.ask_many([("Ada", "knows", None)], stores="slow")


@pytest.mark.slow
@pytest.mark.compiled
def test_a_saved_memory_answers_as_before_and_goes_on(tmp_path):
    facts = small_facts(n_slow=400)
    facts.tell("Ada", "works at", "the lab", at=2.0)
    for _ in range(3):
        facts.ask("Ada", "works at")
    facts.sleep()
    facts.net.save(tmp_path / "net.nsim")
    np.savez(tmp_path / "facts.npz", **facts.arrays())
    with np.load(tmp_path / "facts.npz") as held:
        arrays = dict(held)
    again = Facts.attach(ns.load(tmp_path / "net.nsim"), arrays)
    questions = [("Ada", "works at", None), (None, "works at", "the mill"), ("Zoe", "knows", None)]
    for one in (facts, again):
        one.tell("Gil", "knows", "Bob", at=3.0)
    assert facts.ask_many(questions) == again.ask_many(questions)
    assert facts.ask_many(questions, at=1.5) == again.ask_many(questions, at=1.5)
    assert facts.ask_many(questions, stores="slow") == again.ask_many(questions, stores="slow")
    assert facts.uses == again.uses
    with pytest.raises(IncompatibleSnapshot, match="saved with codes of 24 blocks of 8, seed 2"):
        Facts(ns.Network(dt=1.0), Vocabulary(**SMALL | {"seed": 3}), n_facts=40).set_arrays(arrays)


# ---- sleep -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.compiled
def test_used_facts_survive_the_loss_of_the_index_and_others_are_not_invented():
    facts = small_facts(n_slow=800)
    used = [("Ada", "works at", None), ("Bob", "parent of", None), ("the lab", "lies in", None)]
    for _ in range(3):
        facts.ask_many(used)
    facts.tell("Ada", "works at", "the inn", at=2.0)  # what holds no more is not replayed
    for _ in range(3):
        facts.ask("Ada", "works at")
    report = facts.sleep(60)
    replayed = {k for k, n in zip(report.ids.tolist(), report.replays, strict=True) if n}
    assert replayed == {f.id for q in used for f in facts.match(*q)}
    memory_facts.lesion(facts)
    assert {a.status for a in facts.ask_many(used, stores="index")} == {"no_memory"}
    slow = facts.ask_many(used)
    assert [a.symbol for a in slow] == ["the inn", "Dan", "Bern"]
    assert {a.source for a in slow} == {"slow"}
    others = [
        ("Cy", "parent of", None),
        ("Dan", "parent of", None),
        ("Zoe", "works at", None),
        ("Ada", "lies in", None),
    ]
    assert {a.status for a in facts.ask_many(others)} == {"no_memory"}
    assert facts.ask("Ada", "works at", at=2.5).status == "no_memory"  # the slow store knows no times


@pytest.mark.slow
@pytest.mark.compiled
def test_synapses_of_the_slow_store_grow_as_one_minus_the_chance_to_miss_all_replays():
    facts = small_facts(FAMILY[:4], n_slow=400)
    cortex, shown = facts.slow.cortex, facts.store.read(range(4))["fact"]
    for replays in range(1, 4):
        cortex.learn(shown, range(4))
        pairs = 10 * shown.sizes.sum()
        expected = 1 - (1 - cortex.p_learn) ** replays
        spread = 4 * np.sqrt(expected * (1 - expected) / pairs)
        assert abs(cortex.p_eff(shown).mean() - expected) < spread + 0.01
    removed = cortex.forget([2]).synapses
    assert removed > 0
    assert cortex.p_eff(shown)[[0, 1, 3]].min() > 0.7  # synapses that others share stay
    assert cortex.p_eff(shown.take(np.array([2])))[0] == 0.0


@pytest.mark.slow
@pytest.mark.compiled
def test_auto_association_within_the_fact_layer_holds_sixteen_facts():
    net = ns.Network(dt=1.0, seed=1)
    facts = Facts(net, n_facts=40)
    facts.tell_many([(f"subject {k}", f"relation {k}", f"object {k}") for k in range(40)])
    shown = facts.store.read(facts.ids)["fact"]
    auto, held = AssociativeStore(net, facts.circuit.fact, name="auto"), 0
    with pytest.raises(CapacityFull):
        for k in range(40):
            auto.store(shown.take(np.array([k])))
            held += 1
    active = shown.sizes.mean() / 1024
    predicted = np.log(1 - 0.4) / np.log(1 - active**2)  # Willshaw: random patterns until 0.4 of all synapses exist
    assert abs(held - predicted) < 3
    assert held < 20


@pytest.mark.slow
@pytest.mark.compiled
def test_the_quick_benchmark_reaches_the_acceptance():
    figures = memory_facts.b11(1, quick=True)
    assert figures["one_hop"] >= 0.98
    assert figures["one_hop_who"] >= 0.98
    assert figures["two_hops"] >= 0.95
    assert figures["rejected"] >= 0.95
    assert figures["newest_wins"] == figures["old_kept"] == 1.0
    assert figures["survive_used"] >= 0.9
    assert figures["slow_rejected"] >= 0.95


def test_an_answer_reads_as_a_sentence(family):
    assert str(family.ask("Bob", "works at")).startswith("the lab (index, since 1, ")
    both = family.ask("Ada", "parent of")  # of two facts: no time is that of the answer
    assert str(both) == f"{both.symbols[0]}, {both.symbols[1]} (index, {both.latency:.0f} ms)."
    unknown = family.ask("Zoe", "works at")
    assert str(unknown).startswith(f"I do not know (nobody had {unknown.theta:.0f} key synapses; false alarms ")
    asked = [
        ("Bob", "works at", None),
        ("Dan", "parent of", None),
        ("Zoe", "works at", None),
        ("Eve", "works at", None),
    ]
    assert graded(family.ask_many(asked), ["the lab", "Eve", "the mill", "the mill"]) == [0.5, 0.25]


def test_the_spikes_of_a_question_run_from_its_words_to_the_word_that_is_known(family):
    spikes = spikes_of(family, ("Bob", "works at", None), blocks=5)
    assert list(spikes) == [
        "subject: Bob", "relation: works at", "index cells", "fact", "object, role off", "known words",
    ]  # fmt: skip
    for name in ("subject: Bob", "relation: works at"):
        t, cell, n = spikes[name]
        assert n == 5 * 8
        assert np.all(t[t < 1.0] == 0.0)
        assert sorted(cell[t == 0.0] // 8) == list(range(5))  # one cell in each block that is shown
    t, cell, n = spikes["known words"]
    assert n == len(family.circuit.clean["object"].cells)
    assert family.circuit.clean["object"].names[cell[0]] == "the lab"
    with pytest.raises(ParameterError, match="needs two words and one open, got"):
        spikes_of(family, ("Bob", None, None))


def test_lost_synapses_leave_fewer_answers_and_none_that_are_false():
    facts = small_facts(FAMILY[6:10])
    before = facts.store.synapses
    rng = np.random.default_rng(3)
    assert lose_synapses(facts, 0.0, rng) == 0
    lost = lose_synapses(facts, 0.3, rng)
    assert facts.store.synapses == before - lost
    assert 0.15 < lost / before < 0.45
    assert lost + lose_synapses(facts, 1.0, rng) == before
    assert facts.ask("the lab", "lies in").status == "no_memory"
    with pytest.raises(ParameterError, match="must lie in"):
        lose_synapses(facts, 1.5, rng)


def test_pictures_of_answers():
    spikes = {"word": ([0.0, 0.0, 11.0], [1, 5, 7], 8), "fact": ([], [], 8)}
    figure = layer_spikes(spikes, [("asked", "ms", 0.0, 3.0), ("recalled", "ms", 10.0, 5.0)])
    assert [ax.lines[0].get_xydata().tolist() for ax in figure.axes[:2]] == [[[0.0, 1.0], [0.0, 5.0]], [[1.0, 7.0]]]
    ax = answers_left([0.0, 1.0], {"index": [[1.0, 0.0], [0.2, 0.1]], "used": [1.0, 0.9]})
    assert [line.get_ydata().tolist() for line in ax.lines] == [[1.0, 0.2], [0.0, 0.1], [1.0, 0.9]]
    with pytest.raises(ParameterError, match="at least one layer and one window"):
        layer_spikes({}, [])
    with pytest.raises(ParameterError, match=r"each of 2 losses, got an array of shape \(3,\)"):
        answers_left([0.0, 1.0], {"index": [1.0, 0.5, 0.0]})
    with pytest.raises(ParameterError, match="at least one course"):
        answers_left([0.0], {})


@pytest.mark.slow
@pytest.mark.compiled
def test_the_scenario_answers_and_draws(tmp_path):
    main = cli.scenario_main(cli.find_scenario("facts"))
    lines = main(duration=400.0, seed=1, out=tmp_path / "runs", losses="0.3", n_slow=2048)
    assert "9 of 9 answers are right." in lines
    assert sum("I do not know" in line for line in lines) == 3
    course = json.loads((tmp_path / "runs" / "report.json").read_text())["course"]
    assert course[0]["index"] == [1.0, 0.0]
    assert course[-1]["index"] == [0.0, 0.0]
    assert course[-1]["used"] >= 0.8
    assert max(row[store][1] for row in course for store in ("index", "both")) <= 0.05
    assert (tmp_path / "runs" / "facts.png").read_bytes().startswith(b"\x89PNG")
