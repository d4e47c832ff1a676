"""Temporal context, free recall, and sequences: overlaps against the closed form, chains of cells against a model of symbols."""

import json

import numpy as np
import pytest

import neurosim as ns
from benchmarks import memory_sequences as b12
from neurosim import cli
from neurosim.errors import ParameterError
from neurosim.memory.context import FreeRecall, TemporalContext, lag_crp
from neurosim.memory.failures import CapacityFull, IncompatibleSnapshot
from neurosim.memory.indexed import IndexStore
from neurosim.memory.layer import Layer, volleys
from neurosim.memory.separation import overlap, overlaps
from neurosim.memory.sequences import SequenceMemory


def context(n=60, k=6, replace=2, seed=1, **options):
    return TemporalContext(ns.Network(dt=1.0, seed=seed), n, k, replace, **({"levels": 16} | options))


def chains(elements="ABCDEFGH", seed=1, **options):
    return SequenceMemory(
        ns.Network(dt=1.0, seed=seed), elements, **({"cells": 12, "k": 3, "interval": 40.0} | options)
    )


# ---- temporal context ------------------------------------------------------------------------------------------------


@pytest.mark.compiled
def test_overlap_of_contexts_decays_geometrically_with_lag():
    made = context(400, 20, 4, levels=32)
    contexts = made.drift(200)
    active, size = contexts.dense().astype(float), contexts.sizes.mean()
    assert 20 <= size < 20.6 and contexts.sizes.min() == 20
    for lag in (1, 2, 4, 8, 16):
        seen = (active[lag:] * active[:-lag]).sum(1).mean() / size
        assert seen == pytest.approx(0.05 + 0.95 * 0.8**lag, abs=0.04)  # chance + (1 - chance) (1 - 4/20)^lag


def test_drift_without_new_cells_keeps_the_context_and_with_all_new_replaces_it():
    still = context(replace=0)
    assert np.array_equal(still.drift(3).dense()[2], still.drift(1).dense()[0])
    jumps = context(replace=6)
    seen = jumps.drift(4)
    assert np.array_equal(seen.place, jumps.coming(1, 4).place)


def test_new_cells_fire_first_and_depend_on_seed_and_step_only():
    one, other = context(), context()
    other.net.run(50.0)
    other.drift(2)
    other.read()  # a step too
    both = one.drift(6), other.drift(3)
    for seen, new in zip(both, (one.coming(1, 6), one.coming(4, 3)), strict=True):
        assert np.array_equal(seen.place[seen.latency == 0.0], new.place)
    assert not np.array_equal(new.place, context(seed=2).coming(4, 3).place)


def test_the_layer_shows_what_is_held():
    made = context()
    made.drift(1)
    shown = made.net.record(made.layer.cells)
    active = made.read()
    assert np.array_equal(np.unique(np.searchsorted(made.layer.uid, shown.uid)), active)


def test_context_survives_silence_and_a_store_that_uses_its_layer():
    made = context()
    store = IndexStore(made.net, {"context": made.layer}, n=4)
    contexts = made.drift(3)
    ids = store.store({"context": contexts})
    assert store.recall({"context": contexts}).ids[:, 0].tolist() == ids.tolist()
    before = made.now
    made.net.run(300.0)
    assert np.array_equal(store.read(ids[:1])["context"].place, contexts[0])
    assert np.array_equal(made.read(), before)


def test_the_context_is_in_synapses_not_in_python():
    made = context()
    made.drift(2)
    made.now = np.array([1, 2, 3])  # what Python remembers is never asked
    assert made.read().size == 6
    made.sustain.edges().remove()
    made.drift(1)
    assert made.read().size == 0
    assert made.drift(1).sizes.tolist() == [2]  # only what comes in


def test_dead_cells_leave_the_context():
    made = context()
    made.drift(2)
    dead = made.now[:2]
    made.hold.cells.remove(made.hold.uid[dead])
    assert np.array_equal(made.read(), np.setdiff1d(made.now, dead))


@pytest.mark.compiled
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_reinstated_context_takes_its_share_of_the_places(share):
    made, taken = context(600, 20, 4, levels=32, share=share), []
    for _ in range(16):
        old, present = made.renew(), made.renew()
        mixed = made.reinstate([old])
        assert np.isin(mixed, np.concatenate([old, present])).all()
        taken.append(np.isin(mixed, np.setdiff1d(old, present)).sum() / 20)
    assert np.mean(taken) == pytest.approx(share, abs=0.09)  # 16 x 20 places: 3 SE of a fair draw


def test_reinstating_moves_towards_the_old_context():
    made = context()
    old = made.drift(1)
    made.drift(12)
    before = np.isin(made.now, old.place).sum()
    assert np.isin(made.reinstate(old), old.place).sum() > before


def test_a_loaded_context_drifts_on_bit_by_bit(tmp_path):
    made = context()
    made.drift(3)
    made.net.save(str(tmp_path / "net"))
    net = ns.load(str(tmp_path / "net"))
    again = TemporalContext.attach(net, arrays=made.arrays())
    one, other = made.drift(4), again.drift(4)
    assert np.array_equal(one.place, other.place) and np.array_equal(one.latency, other.latency)
    assert again.steps == made.steps == 8  # the first context, three, four
    with pytest.raises(IncompatibleSnapshot, match="TemporalContext"):
        again.set_arrays(context(30, 6).arrays())


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda c: context(replace=7), "replace: at most k = 6"),
        (lambda c: c.drift(2, new=[[0, 1]]), "2 steps, but 1 sets"),
        (lambda c: c.reinstate([[0, 1], [2, 3]]), "one at a time, got 2"),
        (lambda c: c.drift(new=[[60]]), "places are 0 ... 59"),
        (lambda c: FreeRecall(c.net, c, 3, evoke=7), "evoke: at most the 6"),
        (lambda c: FreeRecall(c.net, c, 3, evoke=2).study(4), "4 items, but there are 3"),
        (lambda c: lag_crp([[0, 5]], 5), "items are 0 ... 4, got 5"),
    ],
)
def test_mistakes_with_contexts_are_named(act, text):
    with pytest.raises(ParameterError, match=text):
        act(context())


# ---- free recall -----------------------------------------------------------------------------------------------------


def crp_by_hand(recalls, items, lag):
    """Transitions of this lag over the occasions on which there was an item left at this lag."""
    did, could = 0, 0
    for recall in recalls:
        for step in range(len(recall) - 1):
            target = recall[step] + lag
            if 0 <= target < items and target not in recall[: step + 1]:
                could += 1
                did += recall[step + 1] == target
    return did, could


def test_lag_crp_is_actual_over_possible():
    rng = np.random.default_rng(3)
    recalls = [rng.permutation(6)[: rng.integers(0, 7)].tolist() for _ in range(40)]
    found = lag_crp(recalls, 6)
    assert found.lag.tolist() == [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5]
    for lag, did, could in zip(found.lag.tolist(), found.actual, found.possible, strict=True):
        assert (did, could) == crp_by_hand(recalls, 6, lag)
    # six items, 6, 1 and 4 recalled: what is left is at lags -2, -1 and +1 (psifr's user guide)
    one = lag_crp([[5, -1, 0, -1, 3, 4]], 6)
    assert np.array_equal(one.lag[one.possible > 0], [-2, -1, 1]) and one.at(1) == 1.0
    assert lag_crp([[0, -1, 1]], 3).actual.sum() == 0  # nothing is counted across a break


def test_recall_names_each_studied_item_once_and_nothing_without_synapses():
    made = context(80, 8, 2, levels=8)
    model = FreeRecall(made.net, made, 5, evoke=2, noise=2.0)
    assert model.recall() == []
    for _ in range(2):
        contexts = model.study()
        assert len(model.cue) == len(model.bound) == contexts.place.size
        found = [one for one in model.recall() if one >= 0]
        assert len(found) == len(set(found)) >= 3
    assert len(model.evoked) == 5 * 2
    model.study(3)
    assert {*model.recall()} <= {-1, 0, 1, 2}  # those of the last list are gone
    model.forget()
    assert len(model.cue) == len(model.bound) == len(model.evoked) == 0
    assert model.recall() == []


def test_lags_counts_the_transitions_of_many_lists():
    one, two = (FreeRecall((made := context(80, 8, 2, levels=8)).net, made, 5, evoke=2, noise=2.0) for _ in range(2))
    recalls = []
    for _ in range(3):
        one.study()
        recalls.append(one.recall())
    assert np.array_equal(two.lags(3).actual, lag_crp(recalls, 5).actual)


def test_overlaps_of_all_with_all():
    given = volleys("contexts", [[0, 1, 2, 3], [0, 1], [5, 6]], 8)
    found = overlaps(given)
    assert found[0] == pytest.approx([1.0, 2.0 / np.sqrt(8.0), 0.0])
    assert found[1] == pytest.approx(overlap(given.take(np.array([1, 1, 1])), given))


def test_recall_goes_where_the_context_is():
    """Without noise to speak of, the first item recalled is the last; with another list's context back, that list's item."""
    made = context(120, 8, 2)
    model = FreeRecall(made.net, made, 4, evoke=4, noise=0.5)
    contexts = model.study()
    assert model.recall(1) == [3]
    for wanted in (0, 2):
        made.renew(contexts.take(np.array([wanted])))
        assert model.recall(1) == [wanted]


@pytest.mark.slow
@pytest.mark.compiled
def test_b12_free_recall_goes_to_neighbours_and_more_often_forward():
    seen = [b12.free_recall(seed, quick=True) for seed in (1, 2, 3)]
    one, back, far, ratio = (
        np.mean([s[name] for s in seen]) for name in ("crp_plus_1", "crp_minus_1", "crp_2", "lag_crp_ratio")
    )
    assert one > back > far
    assert 1.2 <= ratio <= 3.0
    assert all(s["first_recall_last_3"] > 0.9 and s["recalled_last_3"] > s["recalled_first_3"] for s in seen)


# ---- sequences -------------------------------------------------------------------------------------------------------


class Symbols:
    """The obvious version: occurrences of symbols; one that was expected stands alone, others all together."""

    def __init__(self, sequences):
        self.sequences = sequences

    def next_of(self, places):
        return {(s, i + 1) for s, i in places if i + 1 < len(self.sequences[s])}

    def after(self, prefix):
        """Occurrences that are expected after a prefix, and whether each of its elements was expected."""
        expected, told = set(), []
        for element in prefix:
            all_of = {(s, i) for s, one in enumerate(self.sequences) for i, e in enumerate(one) if e == element}
            told.append(bool(expected & all_of))
            expected = self.next_of(expected & all_of or all_of)
        return expected, told

    def names(self, places):
        return {self.sequences[s][i] for s, i in places}

    def replay(self, cue):
        places, out = self.after(cue)[0], []
        while places:
            out.append(self.names(places))
            places = self.next_of(places)
        return out


@pytest.fixture(scope="module")
def pair():
    memory = chains()
    memory.store(["ABCDE", "FBCGH"])
    return memory


def test_the_end_depends_on_the_beginning(pair):
    told = pair.predict(["ABC", "FBC", "BC", "E", "B"])
    assert [one.elements for one in told] == [("D",), ("G",), ("D", "G"), (), ("C",)]
    assert [one.status for one in told] == ["ok", "ok", "ambiguous", "no_prediction", "ok"]
    assert [one.share.tolist() for one in told] == [[1.0], [1.0], [1.0, 1.0], [], [2.0]]
    assert told[0].expected.tolist() == [False, True, True]
    assert np.isinf(told[3].latency)


def test_replay_runs_to_the_end_compressed_and_says_when_the_cue_is_shared(pair):
    for cue, rest in (("A", "BCDE"), ("F", "BCGH"), ("AB", "CDE"), ("FB", "CGH")):
        played = pair.replay(cue)
        assert (played.status, "".join(played.elements)) == ("ok", rest)
        assert played.latency[1:].tolist() == [5.0] * (len(rest) - 1)  # 40 ms / 8
        assert played.compression == 8.0
    shared = pair.replay("B")
    assert (shared.status, shared.steps) == ("ambiguous", (("C",), ("D", "G"), ("E", "H")))
    assert pair.replay(sequence=1).elements == tuple("BCGH")
    assert pair.replay("E").status == "no_prediction"
    assert len(pair.replay("A", most=2).steps) == 2


def test_volleys_of_a_replay_are_those_of_the_presentation(pair):
    stored = pair.arrays()["cells"].reshape(2, 5, 3)
    for sequence in (0, 1):
        played = pair.replay(sequence=sequence)
        assert np.array_equal(played.cells.place.reshape(4, 3), stored[sequence, 1:])


def test_cells_and_symbols_expect_the_same():
    rng = np.random.default_rng(5)
    letters = np.array([*"ABCDE"])
    sequences = ["".join(letters[rng.integers(0, 5, rng.integers(2, 6))]) for _ in range(5)]
    memory, symbols = chains("ABCDE", cells=40), Symbols(sequences)
    memory.store(sequences)
    prefixes = ["".join(letters[rng.integers(0, 5, rng.integers(1, 5))]) for _ in range(15)] + [
        s[:3] for s in sequences
    ]
    for prefix, told in zip(prefixes, memory.predict(prefixes), strict=True):
        places, expected = symbols.after(prefix)
        assert {*told.elements} == symbols.names(places)
        assert told.cells.size == 3 * len(places)
        assert told.expected.tolist() == expected
    for cue in prefixes[:8]:
        assert [{*step} for step in memory.replay(cue).steps] == symbols.replay(cue)


def test_an_element_twice_in_a_row_has_other_cells_each_time():
    memory = chains()
    memory.store(["AABAC"])
    assert [p.elements for p in memory.predict(["A", "AA", "AAB", "AABA"])] == [("A", "B", "C"), ("B",), ("A",), ("C",)]
    assert memory.replay(sequence=0).elements == tuple("ABAC")


def test_answers_come_from_synapses_not_from_the_ledger():
    memory = chains()
    memory.store(["ABCDE", "FBCGH"])
    before = memory.predict(["ABC"])[0]
    memory._ledger.clear()
    assert np.array_equal(memory.predict(["ABC"])[0].cells, before.cells)
    edges = memory.links.edges()
    edges[np.isin(edges.post, memory.layer.uid[memory.column == 3])].remove()  # those onto D
    assert memory.predict(["ABC"])[0].status == "no_prediction"
    assert memory.replay("A").elements == ("B", "C")


def test_weak_links_are_slow_and_then_silent():
    memory = chains(cells=30, k=10, theta=0.6, interval=100.0)
    memory.store(["ABCD"])
    for kept, late in ((10, 0), (8, 4), (6, 8), (5, None)):  # the threshold falls by one every 2 ms
        edges = memory.links.edges()
        onto = np.flatnonzero(np.isin(edges.post, memory.layer.uid[memory.column == 2]))
        order = np.lexsort((edges.pre[onto], edges.post[onto]))
        rank = np.empty(onto.size, int)
        rank[order] = np.arange(onto.size) % (onto.size // 10)
        edges[onto[rank >= kept]].remove()
        played = memory.replay("A")
        if late is None:
            assert played.elements == ("B",)
        else:
            assert played.latency[1:].tolist() == [12.0 + late, 12.0 - late]


def test_forgetting_takes_only_its_own_synapses_and_gives_the_cells_back():
    memory = chains()
    ids = memory.store(["ABCDE", "FBCGH"])
    assert len(memory.links) == 2 * 4 * 9
    freed = memory.forget(ids[0])
    assert (freed.synapses, freed.shared, len(memory.links)) == (36, 0, 36)
    assert freed.bytes > 0
    assert memory.predict(["BC"])[0].elements == ("G",)
    assert memory.free("B") == 3 and memory.free("A") == 4
    assert memory.store(["ABC"]).tolist() == [2]  # numbers are never used twice
    with pytest.raises(ParameterError, match="no sequence of number 0"):
        memory.forget([0])


def test_a_full_column_is_refused_before_damage_and_can_grow():
    memory = chains(cells=6)
    memory.store(["ABC", "ADE"])
    before = len(memory.links)
    with pytest.raises(CapacityFull, match=r"'A' occurs 1 times more.*memory.grow\('A', 3\)"):
        memory.store(["FGH", "BAC"])
    assert len(memory.links) == before and len(memory) == 2 and memory.free("F") == 2
    memory.grow("A", 3)
    memory.store(["FGH", "BAC"])
    assert memory.predict(["BA"])[0].elements == ("C",)
    assert memory.replay("A").status == "ambiguous"


def test_what_was_shown_before_leaves_nothing_primed(pair):
    alone = pair.predict(["BC"])[0]
    pair.replay("A", most=1)
    pair.predict(["A"])
    again = pair.predict(["AB", "BC"])[1]
    assert again.elements == alone.elements and np.array_equal(again.cells, alone.cells)


def test_a_loaded_memory_knows_its_sequences(tmp_path):
    memory = chains()
    memory.store(["ABCDE", "FBCGH"])
    memory.grow("B", 3)
    memory.net.save(str(tmp_path / "net"))
    again = SequenceMemory.attach(ns.load(str(tmp_path / "net")), "ABCDEFGH", arrays=memory.arrays())
    assert np.array_equal(again.column, memory.column)
    for one in (memory, again):
        one.forget(0)
        one.store(["GBA"])
    told = [one.predict(["FBC", "GB", "B"]) for one in (memory, again)]
    for a, b in zip(*told, strict=True):
        assert a.elements == b.elements and np.array_equal(a.cells, b.cells)
    with pytest.raises(IncompatibleSnapshot, match="8 elements"):
        chains("ABC").set_arrays(memory.arrays())


def test_episodes_replay_what_they_contained():
    """Cells of a sequence wake pictures by an associative store: what is replayed is content, not labels."""
    from neurosim.memory.associative import AssociativeStore

    memory = chains("ABCD")
    content = Layer(memory.net, "content", 40, 5)
    pictures = np.arange(20).reshape(4, 5)
    memory.store(["ABCD"])
    cells = memory.occurrences()
    store = AssociativeStore(memory.net, memory.layer, content)
    store.store(cells, pictures)
    played = memory.replay("A")
    assert np.array_equal(store.recall(played.cells).winners.place, pictures[1:].ravel())


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda m: chains("ABA"), "labels, each once"),
        (lambda m: chains(k=13), "at most the 12 cells"),
        (lambda m: chains(interval=5.0), "interval: a race takes 8 steps"),
        (lambda m: m.store("ABC"), r"store\(\['ABC'\]\)"),
        (lambda m: m.store(["AXB"]), "no element 'X'; known: A, B"),
        (lambda m: m.store(["A"]), "two elements at least"),
        (lambda m: m.predict("AB"), r"predict\(\['AB'\]\)"),
        (lambda m: m.predict(["A", ""]), "prefix 1 is empty"),
        (lambda m: m.replay(), "needs a cue or the number"),
        (lambda m: m.replay("A", compression=20), "takes 5 ms at least, so at most 8"),
        (lambda m: m.replay(sequence=7), "no number 7"),
    ],
)
def test_mistakes_with_sequences_are_named(act, text, pair):
    with pytest.raises(ParameterError, match=text):
        act(pair)


@pytest.mark.compiled
def test_b12_six_sequences_of_five():
    found = b12.sequences(1, quick=True)
    assert found["next_step_error"] <= 0.1
    assert found["false_positive"] < 0.1
    assert found["replay_correct"] >= 0.9
    assert 5.0 <= found["compression"] <= 10.0
    assert found["next_step_error_lesioned"] <= 0.1  # with a fifth of the synapses cut


@pytest.mark.slow
@pytest.mark.compiled
def test_b12_sequences_of_more_seeds():
    for seed in range(2, 6):
        found = b12.sequences(seed, quick=False)
        assert found["next_step_error"] <= 0.1 and found["false_positive"] < 0.1 and found["replay_correct"] >= 0.9


@pytest.mark.slow
@pytest.mark.compiled
def test_episodes_in_short(tmp_path):
    told = cli.scenario_main(cli.find_scenario("episodes"))(duration=200.0, seed=1, out=tmp_path)
    assert len(told) <= 10 and all(len(line) <= 110 for line in told)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["recalled"] == report["scenes"] == [*"ABCDEFGH"]
    assert len(report["taken_for_known"]) <= 2  # of five; the report names them
    assert report["strengthened"] == ["B", "C"]
    assert [step[0] for step in report["replay"]["F"]["steps"]] == [*"BCGH"]
    assert report["replay"]["B"]["status"] == "ambiguous"
    assert (tmp_path / "episodes.png").read_bytes().startswith(b"\x89PNG")
