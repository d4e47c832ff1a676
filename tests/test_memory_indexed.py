"""Index cells: who answers a cue is the nearest neighbour by coincidences, in spikes; deletion is exact."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ParameterError
from neurosim.memory.failures import CapacityFull, IncompatibleSnapshot, NotCalibrated
from neurosim.memory.indexed import IndexStore
from neurosim.memory.layer import Layer, volleys

N, K = 60, 8


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def random_patterns(rng, number, n=N, k=K):
    return np.sort(np.argsort(rng.random((number, n)), axis=1)[:, :k], axis=1)


def built(n=30, seed=3, fields=("what",)):
    net = ns.Network(dt=1.0, seed=seed)
    return IndexStore(net, {f: Layer(net, f, N, K) for f in fields}, n=n)


def supports(cues, keys, n=N):
    """Coincidences of each cue with each memory, the obvious way."""
    return volleys("c", cues, n).dense().astype(int) @ volleys("k", keys, n).dense().astype(int).T


def noisy(rng, patterns, keep=5, wrong=2):
    cues = []
    for p in patterns:
        others = np.setdiff1d(np.arange(N), p)
        cues.append(np.sort(np.concatenate([rng.choice(p, keep, False), rng.choice(others, wrong, False)])))
    return np.array(cues)


def test_the_order_of_answers_is_that_of_the_coincidences(rng):
    store, patterns = built(), random_patterns(rng, 25)
    ids = store.store(patterns)
    assert ids.tolist() == list(range(25))
    cues = noisy(rng, patterns)
    support = supports(cues, patterns)
    answer = store.recall(cues, k=3)
    for m in range(25):
        ranked = np.sort(support[m])[::-1]
        assert answer.support[m].tolist() == ranked[:3].tolist()
        assert support[m][answer.ids[m]].tolist() == ranked[:3].tolist()
        assert answer.tied[m] == (ranked[2] == ranked[3])
        assert np.array_equal(answer.values["what"][m], patterns[answer.ids[m, 0]])
    top = store.recall(cues)
    assert (top.ids[:, 0] == support.argmax(1)).all()  # of equal ones the cell of the lowest place
    assert top.accepted.all()


def test_a_cue_that_meets_nothing_is_answered_by_nobody(rng):
    store = built()
    store.store(np.arange(8)[None])
    answer = store.recall([np.arange(20, 28)])
    assert not answer.accepted[0]
    assert answer.ids.tolist() == [[-1]]
    assert np.isnan(answer.support[0, 0])
    assert answer.values["what"][0].size == 0


def test_fields_add_up_and_gain_counts_a_field_more_often(rng):
    store = built(fields=("what", "where"))
    what, where = random_patterns(rng, 12), random_patterns(rng, 12)
    store.store({"what": what, "where": where})
    a, b = supports(what, what), supports(where, where)
    swapped = where[::-1]  # each what with the where of another
    for gain in (1, 3):
        want = a + gain * supports(swapped, where)
        got = store.recall({"what": what, "where": swapped}, k=2, gain={"where": gain})
        assert got.support.tolist() == np.sort(want, 1)[:, :-3:-1].tolist()
    assert (store.recall({"where": where}).ids[:, 0] == b.argmax(1)).all()


def test_values_need_not_be_keys(rng):
    net = ns.Network(dt=1.0)
    store = IndexStore(net, Layer(net, "question", N, K), {"reply": Layer(net, "reply", N, K)}, n=10)
    questions, replies = random_patterns(rng, 6), random_patterns(rng, 6)
    store.store(questions, {"reply": replies})
    answer = store.recall(questions)
    assert np.array_equal(answer.values["reply"].place.reshape(6, K), replies)
    assert np.array_equal(store.read([4, 1])["reply"].place.reshape(2, K), replies[[4, 1]])
    with pytest.raises(ParameterError, match="give the values too"):
        store.store(questions)


def test_blend_is_the_race_of_the_summed_values(rng):
    store, patterns = built(), random_patterns(rng, 25)
    store.store(patterns)
    cues = noisy(rng, patterns)
    answer, support = store.recall(cues, k=3, blend=True), supports(cues, patterns)
    for m in range(25):
        together = support[m] >= np.sort(support[m])[-3]  # those equal to the third fire with it
        woken = volleys("w", patterns[together], N).dense().sum(0)
        fires = np.zeros(N, bool)
        for level in range(together.sum(), 0, -1):  # the highest sums first, until K have fired
            if fires.sum() < K:
                fires |= woken >= level
        assert answer.values["what"][m].tolist() == np.flatnonzero(fires).tolist()


def test_a_coarse_race_takes_near_supports_as_equal(rng):
    store, patterns = built(), random_patterns(rng, 25)
    store.store(patterns)
    cues = noisy(rng, patterns)
    support = supports(cues, patterns)
    answer = store.recall(cues, k=25, rise=3.0, least=2.0)
    for m in range(25):
        fired = answer.ids[m][answer.ids[m] >= 0]
        assert sorted(fired) == np.flatnonzero(support[m] >= 2).tolist()
        assert answer.latency[m][: fired.size].tolist() == (2.0 * np.ceil((8 - support[m][fired]) / 3.0)).tolist()


@pytest.mark.compiled
def test_thresholds_belong_to_the_cells_that_cues_come_from(rng):
    store = built(n=40)
    patterns = np.concatenate([random_patterns(rng, 20, 20, 6), 20 + random_patterns(rng, 20, 40, 2)], axis=1)
    store.store(patterns)  # six cells in the first twenty places, two in the rest
    crowded = {"what": np.arange(20)}
    everywhere, here = store.calibrate(0.05, size=5), store.calibrate(0.05, size=5, among=crowded)
    assert here.theta > everywhere.theta
    noise = random_patterns(rng, 400, 20, 5)
    best = supports(noise, patterns).max(1)
    assert (store.recall(noise, reject=True, among=crowded).accepted == (best >= here.theta)).all()
    assert store.calibrated({"what": 5}, among=crowded)
    assert not store.calibrated({"what": 4}, among=crowded)


def test_gates_hold_back_what_a_mask_leaves_out(rng):
    store, patterns = built(), random_patterns(rng, 10)
    ids = store.store(patterns)
    best = store.recall(patterns).ids[:, 0]
    assert (best == ids).all()
    mask = ids != 4
    answer = store.recall(patterns, mask=mask)
    support = supports(patterns, patterns)[:, mask]
    assert (answer.ids[:, 0] == ids[mask][support.argmax(1)]).all()
    assert store.recall(patterns[[2]], mask=[2]).ids.tolist() == [[2]]
    assert store.recall(patterns[[2]], mask=np.zeros(10, bool)).ids.tolist() == [[-1]]


def test_forgetting_frees_exactly_the_cell_and_its_synapses(rng):
    store, patterns = built(n=10), random_patterns(rng, 10)
    store.store(patterns)
    with pytest.raises(CapacityFull, match=r"store.grow\(1\)") as caught:
        store.store(random_patterns(rng, 1))
    assert caught.value.fill == pytest.approx(1.1)
    assert store.synapses == 10 * 2 * K
    freed = store.forget([3, 7])
    assert (freed.synapses, freed.shared) == (2 * 2 * K, 0)
    assert freed.bytes > 0
    assert store.synapses == 8 * 2 * K
    assert (store.free, store.fill) == (2, 0.8)
    for pool in store.net.engine.pools:
        pool.check()  # the graph is whole
    answer = store.recall(patterns)
    assert not np.isin(answer.ids, [3, 7]).any()
    kept = [0, 1, 2, 4, 5, 6, 8, 9]
    assert (answer.ids[kept, 0] == kept).all()
    new = store.store(random_patterns(rng, 2))
    assert new.tolist() == [10, 11]  # numbers are not used twice
    with pytest.raises(ParameterError, match="no memory of number 3"):
        store.forget(3)


def test_growing_adds_cells_with_gates(rng):
    store, patterns = built(n=4), random_patterns(rng, 6)
    store.store(patterns[:4])
    store.grow(2)
    store.store(patterns[4:])
    assert (store.recall(patterns).ids[:, 0] == np.arange(6)).all()
    assert (store.recall(patterns, mask=[0]).ids[:, 0] == np.where(supports(patterns, patterns)[:, 0] > 0, 0, -1)).all()


def test_lesioned_index_cells_are_lost_memories(rng):
    store, patterns = built(n=12), random_patterns(rng, 8)
    store.store(patterns)
    store.index.cells.remove(store.index.uid[[0, 9]])
    assert (store.free, len(store)) == (3, 8)
    answer = store.recall(patterns, least=K)
    assert answer.ids[:, 0].tolist() == [-1, 1, 2, 3, 4, 5, 6, 7]
    store.store(random_patterns(rng, 3))
    assert 9 not in store.cell(store.ids)


@pytest.mark.compiled
def test_rejection_needs_a_threshold_and_keeps_its_rate(rng):
    store, patterns = built(n=40), random_patterns(rng, 20)
    store.store(patterns)
    with pytest.raises(NotCalibrated, match=r"store.calibrate\(size={'what': 8}\)"):
        store.recall(patterns, reject=True)
    table = store.calibrate(fa=0.05, cues=400)
    noise = random_patterns(rng, 500)
    best = supports(noise, patterns).max(1)
    answer = store.recall(noise, reject=True)
    assert (answer.accepted == (best >= table.theta)).all()
    assert np.mean(answer.accepted) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 500)
    assert answer.theta[0] == table.theta
    known = store.recall(patterns, reject=True)
    assert known.accepted.all()
    store.store(random_patterns(rng, 5))
    with pytest.raises(NotCalibrated, match="were 20 memories"):
        store.recall(patterns, reject=True)


def test_recall_changes_no_synapse(rng):
    store, patterns = built(), random_patterns(rng, 10)
    store.store(patterns)
    before = [p.edges() for p in (store.key["what"], store.value["what"])]
    store.recall(noisy(rng, patterns), k=2, mask=[1, 2, 3])
    for p, old in zip((store.key["what"], store.value["what"]), before, strict=True):
        now = p.edges()
        assert all(np.array_equal(getattr(now, a), getattr(old, a)) for a in ("pre", "post", "weight"))


@pytest.mark.compiled
def test_saved_and_attached_it_answers_as_before(rng, tmp_path):
    store, patterns = built(fields=("what", "where")), random_patterns(rng, 9)
    store.store({"what": patterns, "where": patterns[::-1]})
    store.forget([2])
    store.calibrate(size={"what": 5}, fa=0.1, cues=200)
    path = str(tmp_path / "mind.nsim")
    store.net.save(path)
    net = ns.load(path)
    again = IndexStore.attach(net, {f: Layer.attach(net, f) for f in ("what", "where")}, arrays=store.arrays())
    cues = {"what": patterns[:, :5]}
    for one in (store, again):
        one.answer = one.recall(cues, k=2, reject=True)
        one.after = one.store({"what": patterns[[2]], "where": patterns[[2]]})
    assert np.array_equal(store.answer.ids, again.answer.ids)
    assert np.array_equal(store.answer.latency, again.answer.latency, equal_nan=True)
    assert store.after == again.after
    assert store.net.step == net.step
    other = built(n=5, fields=("what", "where"))
    with pytest.raises(IncompatibleSnapshot, match="30 index cells"):
        other.set_arrays(store.arrays())


@pytest.mark.parametrize(
    ("cues", "text"),
    [
        ({"who": [[1]]}, "fields are 'what'"),
        ({"what": [[N]]}, f"places are 0 ... {N - 1}"),
        ({}, "fields are"),
    ],
)
def test_wrong_cues_are_refused(cues, text):
    with pytest.raises(ParameterError, match=text):
        built().recall(cues)
