"""The whole system in a live network: regions, episodes, sleep, slots, saving, carrying over."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ParameterError, SaveError
from neurosim.memory import ActR, CapacityFull, IncompatibleSnapshot, System
from neurosim.memory.system_state import described


@pytest.fixture
def rng():
    return np.random.default_rng(13)


def built(seed=5, dt=1.0, **options):
    net = ns.Network(dt=dt, seed=seed)
    return System(net, {"vision": 150, "language": 150}, **{"n": 40, "active": 0.04, "items": 0} | options)


def patterns_of(rng, mem, number):
    rows = []
    for region in mem.slices.values():
        n = region.stop - region.start
        rows.append(region.start + np.sort(np.argsort(rng.random((number, n)), axis=1)[:, : round(0.04 * n)], axis=1))
    return np.hstack(rows)


@pytest.mark.compiled
def test_one_region_brings_back_the_other(rng):
    mem = built()
    patterns = patterns_of(rng, mem, 20)
    mem.store_many(patterns, labels=list(range(20)))
    for i, p in enumerate(patterns):
        parts = mem.by_region(p)
        answer = mem.recall({"language": parts["language"]})
        assert (answer.status, answer.best.label, answer.best.source) == ("ok", i, "episodic")
        assert np.array_equal(mem.by_region(answer.pattern)["vision"], parts["vision"])
    unknown = patterns_of(rng, mem, 30)
    assert [a.status for a in mem.recall_many(unknown)].count("no_memory") >= 28


@pytest.mark.compiled
def test_contexts_of_near_times_are_alike(rng):
    mem = built(n=60)
    mem.store_many(patterns_of(rng, mem, 30))
    told = mem.episodic.index
    edges = told.key["context"].edges()
    cells = [set(edges.pre[edges.post == told.index.uid[told.cell(k)[0]]]) for k in range(30)]
    shared = [np.mean([len(cells[i] & cells[i + lag]) for i in range(30 - lag)]) for lag in (1, 3, 10)]
    assert shared[0] > shared[1] > shared[2]


@pytest.mark.compiled
def test_what_live_neurons_do_is_stored_and_brought_back():
    net = ns.Network(dt=1.0, seed=3)
    eye = net.add_population("eye", ns.LIF(), 60)
    ear = net.add_population("ear", ns.LIF(), 60)
    mem = System(net, [eye, ear], n=20, active=0.1, items=0, drive=5000.0)
    sight, sound = np.arange(0, 12, 2), np.arange(30, 42, 2)
    eye.i_e, ear.i_e = 0.0, 0.0
    eye[sight].i_e = 600.0
    ear[sound].i_e = 600.0
    engram = mem.store(label="both")
    assert (
        mem.by_region(mem.recall(mem.episodic.index.read(engram.id)["what"].place).pattern)["eye"].tolist()
        == sight.tolist()
    )
    eye[sight].i_e = 0.0
    net.run(100.0)
    answer = mem.recall()  # it only hears the sound
    assert answer.best.label == "both"
    assert mem.by_region(answer.pattern)["eye"].tolist() == sight.tolist()
    ear[sound].i_e = 0.0
    net.run(200.0)
    heard = net.record(eye, "spikes")
    mem.reinstate(answer)
    net.run(5.0)
    assert sorted(set(heard.index.tolist())) == sight.tolist()
    net.remove(heard)
    before = mem.senses.inputs["eye"].weight
    assert (before == 0).all()
    net.run(200.0)
    with pytest.raises(ParameterError, match="regions were silent"):
        mem.store()


@pytest.mark.compiled
def test_sleep_teaches_the_slow_store_which_then_answers_alone(rng):
    mem = built(longterm={"p_learn": 0.3})
    patterns = patterns_of(rng, mem, 5)
    mem.store_many(patterns, labels=list("abcde"))
    cues = patterns[:, ::2]
    report = mem.sleep(150, schedule="uniform")
    assert report.formed > 0
    assert report.recall_after >= report.recall_before - 0.02
    assert mem.consolidation.schedule == "strength"
    mem.episodic.index.index.cells.remove(mem.episodic.index.index.uid)  # the lesion
    answers = mem.recall_many(cues)
    right = [
        a.best is not None and a.best.source == "long-term" and np.isin(p, a.pattern).mean() > 0.9
        for a, p in zip(answers, patterns, strict=True)
    ]
    assert np.mean(right) >= 0.8
    named = [a.best.label for a, fine in zip(answers, right, strict=True) if fine]
    assert named == [x for x, fine in zip("abcde", right, strict=True) if fine]
    assert [a.status for a in mem.recall_many(patterns_of(rng, mem, 40)[:, ::2])].count("no_memory") >= 36


@pytest.mark.compiled
def test_without_sleep_the_slow_store_knows_nothing(rng):
    mem = built()
    patterns = patterns_of(rng, mem, 3)
    mem.store_many(patterns)
    mem.episodic.forget([0, 1, 2])
    assert {a.status for a in mem.recall_many(patterns)} == {"no_memory"}


@pytest.mark.compiled
def test_full_is_refused_forgotten_or_grown(rng):
    for full in ("refuse", "forget", "grow"):
        mem = built(n=4, full=full)
        patterns = patterns_of(rng, mem, 5)
        mem.store_many(patterns[:4], values=[3.0, 1.0, 2.0, 4.0])
        if full == "refuse":
            with pytest.raises(CapacityFull):
                mem.store(patterns[4])
            assert len(mem.episodic) == 4
            continue
        mem.store(patterns[4])
        there = {True: [0, 2, 3, 4], False: [0, 1, 2, 3, 4]}[full == "forget"]
        assert sorted(mem.episodic.engrams) == there
    with pytest.raises(ParameterError, match="'refuse', 'forget' or 'grow'"):
        built(full="explode")


@pytest.mark.compiled
def test_forgetting_takes_the_least_useful_from_both_stores(rng):
    mem = built(longterm={"p_learn": 0.4})
    patterns = patterns_of(rng, mem, 6)
    mem.store_many(patterns, values=[1.0, 5.0, 1.0, 5.0, 5.0, 5.0], labels=list("abcdef"))
    mem.sleep(80, schedule="uniform", probes=0)
    before, slow = mem.net.n_synapses, mem.longterm.strong
    would = mem.forget(number=2, dry_run=True)
    assert would.dry_run
    assert mem.net.n_synapses == before
    assert abs(would.collateral) < 0.05
    gone = mem.forget(number=2, residue_check=True)
    assert gone.ids.tolist() == [0, 2]
    assert gone.residue.clean
    assert mem.longterm.strong < slow
    assert gone.synapses == would.synapses == before - mem.net.n_synapses
    assert [a.best.id if a.best else None for a in mem.recall_many(patterns[:, ::2])] == [None, 1, None, 3, 4, 5]
    silent = mem.forget([5], mode="silence")
    assert silent.synapses > 0
    assert mem.recall(patterns[5]).status == "no_memory"
    assert mem.forget(below=1.0).ids.tolist() == [5]


@pytest.mark.compiled
def test_only_answers_of_use_keep_a_memory(rng):
    mem = built(full="forget", n=4)
    patterns = patterns_of(rng, mem, 5)
    mem.store_many(patterns[:4])
    mem.forgetting.elapse(20 * 86_400_000.0)
    for i in (0, 1, 3):
        mem.use(mem.recall(patterns[i]))
    mem.recall(patterns[2])  # of no use
    mem.store(patterns[4])
    assert sorted(mem.episodic.engrams) == [0, 1, 3, 4]


@pytest.mark.compiled
def test_stats_say_how_full_and_how_good(rng):
    mem = built(n=50)
    assert mem.stats().memories == 0
    patterns = patterns_of(rng, mem, 20)
    patterns[1, :9] = patterns[0, :9]  # twelve cells, nine of them the same
    mem.store_many(patterns)
    mem.net.run(1000.0)
    mem.episodic.engrams[7].synapses["memory.episodic.key.what"][np.arange(3)].remove()
    found = mem.stats(probes=20)
    assert (found.memories, found.cells, found.capacity_left, found.fill) == (20, 50, 30, 0.4)
    assert found.overlap[2] == pytest.approx(9 / 15)
    assert found.kept[7] == pytest.approx(1 - 3 / mem.episodic.engrams[7].born_with)
    assert found.kept[0] == 1.0
    assert (found.age >= 1000.0).all()
    assert found.recalled >= 0.95
    assert found.matrix.shape == (20, 20)
    assert np.diag(found.matrix).mean() >= 0.95
    assert found.auroc > 0.99
    assert found.false_alarms <= 0.1
    assert found.synapses == mem.net.n_synapses
    assert "20 episodes" in str(found)


@pytest.mark.slow
@pytest.mark.compiled
def test_slots_hold_what_was_recalled(rng):
    mem = built(dt=0.5, items=2)
    patterns = patterns_of(rng, mem, 3)
    mem.store_many(patterns, labels=list("abc"))
    for label, p in zip("abc", patterns, strict=True):
        lost = mem.hold(label, mem.recall(p[::2]))
    assert lost == "a"
    mem.net.run(500.0)
    for label, p in (("b", patterns[1]), ("c", patterns[2])):
        assert mem.held(label).tolist() == p.tolist()
    with pytest.raises(ParameterError, match="no working memory"):
        built().hold("a", patterns[0])


AREA = {"granule": 900, "ca3": 400, "k": 10, "fan_in": 0.1, "mossy": 0.1}


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("hippocampus", "longterm"),
    [
        (False, {"p_learn": 0.2}),
        (AREA, {"p_learn": 0.2}),
        pytest.param(False, {"synapse": "benna_fusi"}, marks=pytest.mark.slow),
    ],
)
def test_saved_and_loaded_it_continues_bit_by_bit(rng, tmp_path, hippocampus, longterm):
    mem = built(hippocampus=hippocampus, longterm=longterm, full="grow", strength=ActR(decay=0.4))
    patterns = patterns_of(rng, mem, 8)
    mem.store_many(patterns[:6], labels=list("abcdef"), tags=[["x"]] * 6)
    mem.sleep(20, probes=0)
    mem.save(str(tmp_path / "mind"))
    again = ns.memory.load(str(tmp_path / "mind"))
    assert isinstance(ns.load(str(tmp_path / "mind")), ns.Network)
    seen = []
    for one in (mem, again):
        spikes = one.net.record(one.content.cells, "spikes")
        one.store_many(patterns[6:], labels=["g", "h"])
        answers = one.recall_many(patterns[:, ::2], k=2)
        one.use(answers[3])
        report = one.sleep(20, probes=5)
        seen.append(
            [
                [(a.status, a.threshold, [(i.id, i.label, i.latency, *i.pattern) for i in a.items]) for a in answers],
                report.replays.tolist(), report.formed, spikes.step.tolist(), spikes.index.tolist(),
                one.longterm.projection.weight.tolist(), described(one), one.usefulness(one.episodic.index.ids).tolist(),
            ]
        )  # fmt: skip
    assert seen[0] == seen[1]


@pytest.mark.compiled
def test_what_cannot_be_saved_is_named(rng, tmp_path):
    mem = built()
    mem.store(patterns_of(rng, mem, 1)[0], label=(1, object()))
    with pytest.raises(SaveError, match=r"memory\.episodic\.engrams\[0\]\.label"):
        mem.save(str(tmp_path / "mind"))
    assert not (tmp_path / "mind").exists()
    mem.net.save(str(tmp_path / "net"))
    with pytest.raises(IncompatibleSnapshot, match="no memory system"):
        ns.memory.load(str(tmp_path / "net"))


@pytest.mark.compiled
def test_memories_are_carried_to_a_larger_network_and_back(rng):
    mem = built()
    patterns = patterns_of(rng, mem, 10)
    mem.store_many(patterns, labels=list(range(10)), tags=[["old"]] * 10)
    there = mem.transplant(ns.Network(dt=1.0, seed=9), {"vision": 300, "language": 300}, n=30, active=0.04, items=0)
    back = there.system.transplant(
        ns.Network(dt=1.0, seed=10), {"vision": 150, "language": 150}, n=30, active=0.04, items=0
    )
    for moved in (there.system, back.system):
        right = 0
        for k, engram in moved.episodic.engrams.items():
            whole = moved.episodic.index.read(k)["what"].place
            answer = moved.recall(whole[::2])
            right += answer.best is not None and answer.best.label == engram.label
            assert engram.tags == ("old",)
        assert right >= 9
    bigger = ns.Network(dt=1.0, seed=11)
    vision = bigger.add_population("vision", ns.LIF(), 200)
    same = mem.transplant(bigger, n=30, active=0.04, items=0).system
    assert same.sources == {"vision": vision}
    assert [s.stop - s.start for s in same.slices.values()] == [200, 150]
    with pytest.raises(ParameterError, match="same names"):
        mem.transplant(ns.Network(dt=1.0), {"vision": 100})


@pytest.mark.parametrize(
    ("regions", "text"),
    [
        ([], "at least one"),
        (["vision"], "needs populations"),
        ({"vision": 1}, r"regions\['vision'\]"),
        ({"vision": 2.5}, "got 2.5"),
    ],
)
def test_mistakes_are_named(regions, text):
    with pytest.raises(ParameterError, match=text):
        System(ns.Network(dt=1.0), regions)


def test_a_population_or_a_region_of_one_will_do():
    net = ns.Network(dt=1.0)
    eye = net.add_population("eye", ns.LIF(), 30, "head")
    mem = System(net, eye, items=0, context=0)
    assert mem.sources == {"eye": eye}
    other = ns.Network(dt=1.0)
    eye = other.add_population("eye", ns.LIF(), 30, "head")
    assert System(other, [other.region("head")], items=0, context=0).sources == {"eye": eye}
    other.add_population("ear", ns.LIF(), 30, "head")
    with pytest.raises(ParameterError, match="a region of 2 populations"):
        System(other, [other.region("head")], items=0, name="second")
