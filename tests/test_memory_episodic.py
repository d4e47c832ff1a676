"""Episodic memory: one shot, by parts, under attention, or not at all; and the hippocampal route to it."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ParameterError
from neurosim.memory import Attention, CapacityFull, EpisodicMemory, Hippocampus, Layer, jaccard, volleys

N, K = 200, 12


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def random_patterns(rng, number, n=N, k=K):
    return np.sort(np.argsort(rng.random((number, n)), axis=1)[:, :k], axis=1)


def built(seed=2, **options):
    net = ns.Network(dt=1.0, seed=seed)
    options = {"n": 40, "regions": {"vision": slice(0, 100), "language": slice(100, 200)}} | options
    return EpisodicMemory(net, Layer(net, "content", N, K), **options)


def two_regions(rng, number):
    """Six cells in each region."""
    return np.hstack([random_patterns(rng, number, 100, 6), 100 + random_patterns(rng, number, 100, 6)])


@pytest.mark.compiled
def test_one_presentation_stores_and_half_of_it_recalls(rng):
    memory, patterns = built(), random_patterns(rng, 30)
    engrams = memory.store_many(patterns, labels=[f"day {i}" for i in range(30)])
    assert [e.status for e in engrams] == ["new"] * 30
    assert [e.born_with for e in engrams] == [2 * K] * 30
    for i, answer in enumerate(memory.recall_many(patterns[:, ::2])):
        assert answer.status == "ok"
        assert answer.best.label == f"day {i}"
        assert np.array_equal(answer.pattern, patterns[i])
        assert answer.best.overlap == 1.0
        assert answer.threshold <= 6
        assert answer.false_alarm_rate <= 0.05
    assert {a.status for a in memory.recall_many(random_patterns(rng, 50, k=6))} == {"no_memory"}


def test_an_engram_knows_its_cells_and_synapses(rng):
    memory, pattern = built(), random_patterns(rng, 1)[0]
    engram = memory.store(pattern, label="it", tags=["a"], value=2.0)
    assert engram.p_eff == 1.0
    assert sum(len(e) for e in engram.synapses.values()) == 2 * K
    content, index = memory.content.uid[pattern], memory.index.index.uid[memory.index.cell(engram.id)]
    assert engram.neurons.tolist() == np.union1d(content, index).tolist()
    edges = engram.synapses["episodic.key.what"]
    edges[np.arange(3)].remove()
    assert engram.p_eff == pytest.approx(1 - 3 / (2 * K))


def test_what_is_known_is_strengthened_and_grows_back(rng):
    memory, patterns = built(), random_patterns(rng, 5)
    memory.store_many(patterns)
    engram = memory.engrams[3]
    engram.synapses["episodic.key.what"][np.arange(1)].remove()
    again = memory.store(patterns[3], tags=["seen"], value=5.0)
    assert again is engram
    assert (again.status, again.value, again.tags, len(memory)) == ("strengthened", 5.0, ("seen",), 5)
    assert again.overlap == pytest.approx(11 / 12)
    assert again.p_eff == 1.0
    near = patterns[3].copy()
    near[:4] = np.setdiff1d(np.arange(N), patterns)[:4]
    other = memory.store(near)
    assert (other.status, other.nearest) == ("new", 3)
    assert other.novelty == pytest.approx(4 / 12)


def test_the_second_of_two_equal_ones_in_a_list_is_strengthened(rng):
    memory, patterns = built(), random_patterns(rng, 3)
    engrams = memory.store_many(patterns[[0, 1, 0, 2, 0]])
    assert [e.id for e in engrams] == [0, 1, 0, 2, 0]
    assert len(memory) == 3


@pytest.mark.compiled
def test_attention_chooses_the_region_the_time_and_the_tags(rng):
    memory, patterns = built(), two_regions(rng, 10)
    patterns[7] = np.concatenate([patterns[2][:6], patterns[7][6:]])  # the same sight, another word
    for i, p in enumerate(patterns):
        memory.store(memory.by_region(p), label=i, tags=["even"] if i % 2 == 0 else ["odd"])
        memory.net.run(100.0)
    cue = memory.by_region(np.concatenate([patterns[4][:6], patterns[5][6:]]))  # sees 4, hears 5
    assert memory.recall(cue, attention=Attention(region="vision")).best.label == 4
    assert memory.recall(cue, attention=Attention(region="language")).best.label == 5
    assert {i.label for i in memory.recall(cue, k=2).items} == {4, 5}
    assert memory.recall(cue, attention=Attention(tags="odd")).best.label == 5
    sight = {"vision": patterns[2][:6]}
    both = memory.recall(sight)
    assert both.status == "ambiguous"
    assert [i.label for i in memory.recall(sight, k=2).items] == [2, 7]
    late = Attention(region="vision", since=memory.engrams[5].stored)
    assert memory.recall(sight, attention=late).best.label == 7
    assert memory.recall(sight, attention=Attention(until=memory.engrams[5].stored)).best.label == 2
    assert memory.recall(sight, attention=Attention(tags=["odd", "even"])).status == "no_memory"
    with pytest.raises(ParameterError, match=r"no region 'visoin'.*vision"):
        memory.recall(sight, attention=Attention(region="visoin"))


@pytest.mark.compiled
def test_low_gain_blends_what_high_gain_tells_apart():
    memory = built(regions=None)
    a, b = np.arange(12), np.arange(6, 18)
    memory.store_many([a, b])
    cue = [0, 1, 6, 7, 8, 9, 10, 11]  # eight cells of a, six of them of b
    sharp = memory.recall(cue, attention=Attention(blend=True))
    soft = memory.recall(cue, attention=Attention(gain=0.25, blend=True))
    assert np.array_equal(sharp.pattern, a)
    assert np.isin(np.arange(6, 12), soft.pattern).all()  # what both have in common fires first
    assert {i.label for i in soft.items} == {None}
    assert len(memory.recall(cue, k=2, attention=Attention(gain=0.25)).items) == 2


@pytest.mark.compiled
def test_a_budget_is_a_deadline(rng):
    memory, patterns = built(), random_patterns(rng, 8)
    memory.store_many(patterns)
    noisy = np.concatenate([patterns[0][:8], np.setdiff1d(np.arange(N), patterns)[:4]])
    slow = memory.recall(noisy)
    assert slow.status == "ok"
    assert slow.best.latency == 8.0  # four levels of two steps
    assert memory.recall(noisy, attention=Attention(budget=10.0)).status == "ok"
    hasty = memory.recall(noisy, attention=Attention(budget=4.0))
    assert (hasty.status, hasty.items) == ("timeout", ())
    assert memory.recall(patterns[0], attention=Attention(budget=4.0)).status == "ok"


@pytest.mark.compiled
def test_a_context_tells_equal_cues_apart(rng):
    net = ns.Network(dt=1.0, seed=3)
    context = Layer(net, "context", 100, 8)
    memory = EpisodicMemory(net, Layer(net, "content", N, K), n=20, context=context)
    first, second = random_patterns(rng, 2, 100, 8)
    cue = np.arange(6)
    for where, label in ((first, "home"), (second, "work")):
        rest = 50 + random_patterns(rng, 1, 100, 6)[0]
        memory.store(np.concatenate([cue, rest]), context=where, label=label)
    assert memory.recall(cue, context=first).best.label == "home"
    assert memory.recall(cue, context=second).best.label == "work"
    assert memory.recall(cue).status == "ambiguous"
    with pytest.raises(ParameterError, match="no context layer"):
        built().store(cue, context=first)


@pytest.mark.compiled
def test_full_refuses_before_damage_or_grows_or_asks(rng):
    patterns = random_patterns(rng, 6)
    memory = built(n=4)
    memory.store_many(patterns[:4])
    with pytest.raises(CapacityFull, match="nothing was stored"):
        memory.store(patterns[4])
    assert len(memory) == 4
    assert memory.recall(patterns[2]).best.id == 2
    growing = built(n=4, full="grow")
    growing.store_many(patterns)
    assert growing.index.n == 6
    assert [a.best.id for a in growing.recall_many(patterns)] == [0, 1, 2, 3, 4, 5]
    asking = built(n=4)
    asking.full = lambda number: asking.forget(sorted(asking.engrams)[:number])
    asking.store_many(patterns[:4])
    asking.store_many(patterns[4:])
    assert sorted(asking.engrams) == [2, 3, 4, 5]
    asking.full = lambda number: None
    with pytest.raises(CapacityFull, match="left 0 free cells"):
        asking.store(random_patterns(rng, 1)[0])


@pytest.mark.compiled
def test_only_answers_that_were_used_count(rng):
    memory, patterns = built(), random_patterns(rng, 4)
    memory.store_many(patterns)
    answer = memory.recall(patterns[1])
    assert memory.engrams[1].uses == 0
    memory.use(answer)
    assert memory.engrams[1].uses == 1
    memory.use(memory.recall(random_patterns(rng, 1)[0]))
    assert sum(e.uses for e in memory.engrams.values()) == 1


@pytest.mark.compiled
def test_saved_and_attached_it_continues(rng, tmp_path):
    memory, patterns = built(), random_patterns(rng, 12)
    memory.store_many(patterns, labels=list("abcdefghijkl"))
    memory.forget([3])
    memory.net.save(str(tmp_path / "mind"))
    net = ns.load(str(tmp_path / "mind"))
    again = EpisodicMemory.attach(
        net, Layer.attach(net, "content"), memory.describe(), memory.arrays(), regions=memory.regions
    )
    for one in (memory, again):
        answers = one.recall_many(patterns[:, :6], k=2)
        one.seen = [(a.status, [(i.id, i.label, i.latency, *i.pattern) for i in a.items]) for a in answers]
        one.new = one.store(patterns[3]).id
    assert memory.seen == again.seen
    assert memory.new == again.new == 12
    assert memory.net.step == net.step


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda m: m.store([]), "no cells"),
        (lambda m: m.store([1, 2], value=-1.0), "at least 0"),
        (lambda m: m.store({"visio": [1]}), "no region 'visio'"),
        (lambda m: m.store({"vision": [100]}), "places are 0 ... 99"),
        (lambda m: m.store_many([[1], [2]], labels=["a"]), "1 for 2 patterns"),
        (lambda m: m.recall([1], attention=Attention(gain=2.0)), "Attention.gain"),
        (lambda m: Attention(since=5.0, until=1.0), "before since"),
        (lambda m: built(full="refuze"), "refuse"),
    ],
)
def test_mistakes_are_named(call, text):
    with pytest.raises(ParameterError, match=text):
        call(built())


# ---- the hippocampal route -------------------------------------------------------------------------------------------


def area(seed=4, **options):
    net = ns.Network(dt=1.0, seed=seed)
    content = Layer(net, "content", N, K)
    options = {"granule": 600, "ca3": 400, "k": 10, "fan_in": 0.1, "mossy": 0.1} | options
    return Hippocampus(net, content, **options)


@pytest.mark.compiled
def test_similar_patterns_get_less_similar_codes(rng):
    one = area()
    a = random_patterns(rng, 40)
    b = np.array([np.concatenate([p[:8], rng.choice(np.setdiff1d(np.arange(N), p), 4, False)]) for p in a])
    codes = [one.encode(p) for p in (a, b)]
    assert codes[0].sizes.min() >= 10
    assert codes[0].sizes.mean() < 13  # equal supports fire together
    inside = np.mean(jaccard(volleys("a", a, N), volleys("b", b, N)))
    assert np.mean(jaccard(*codes)) < 0.6 * inside
    again = one.encode(a)
    assert np.array_equal(again.place, codes[0].place)


@pytest.mark.compiled
def test_half_a_pattern_is_completed_to_its_code(rng):
    one, patterns = area(), random_patterns(rng, 20)
    stored = one.store(patterns)
    whole = one.complete(patterns[:, :6])
    assert np.mean(jaccard(whole.codes, stored.codes)) > 0.95
    with pytest.raises(CapacityFull):
        one.store(random_patterns(rng, 500))
    assert len(one.cued.ids) == len(one.recurrent.ids) == 20
    before = len(one.cued.projection) + len(one.recurrent.projection)
    freed = one.forget(stored.numbers[:5])
    assert before - freed.synapses == len(one.cued.projection) + len(one.recurrent.projection)


@pytest.mark.compiled
def test_episodic_memory_on_codes_of_the_hippocampus(rng):
    one, patterns = area(), random_patterns(rng, 15)
    memory = EpisodicMemory(one.net, one.content, n=30, hippocampus=one)
    memory.store_many(patterns, labels=range(15))
    answers = memory.recall_many(patterns[:, :7])
    assert [a.best.label for a in answers] == list(range(15))
    assert all(np.array_equal(a.pattern, p) for a, p in zip(answers, patterns, strict=True))
    assert [a.status for a in memory.recall_many(random_patterns(rng, 40, k=7))].count("no_memory") >= 37
    assert memory.store(patterns[4]).status == "strengthened"
    memory.forget([4])
    assert memory.recall(patterns[4]).status == "no_memory"
    assert [a.best.label for a in memory.recall_many(patterns[:4, :7])] == [0, 1, 2, 3]
