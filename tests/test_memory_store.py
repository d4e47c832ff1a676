"""The substrate of episodic memory: layers that race, the binary store, separation, structural consolidation."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ParameterError
from neurosim.kernels.compiled import JIT
from neurosim.memory.associative import AssociativeStore
from neurosim.memory.failures import CapacityFull, IncompatibleSnapshot, NotCalibrated
from neurosim.memory.layer import Layer, Timetable, volleys
from neurosim.memory.reference import bits_per_synapse, willshaw_fill, willshaw_patterns
from neurosim.memory.separation import Separation, jaccard, overlap
from neurosim.memory.turnover import StructuralConsolidation, effectual_connectivity


@pytest.fixture
def rng():
    return np.random.default_rng(6)


def random_patterns(rng, number, n, k):
    return np.argsort(rng.random((number, n)), axis=1)[:, :k]


def mask(places, n):
    return volleys("patterns", places, n).dense()


def hetero(n=64, k=4, seed=1, **options):
    net = ns.Network(dt=1.0, seed=seed)
    return AssociativeStore(net, Layer(net, "a", n, k), Layer(net, "b", n, k), **options)


def auto(n=64, k=6, seed=1, **options):
    net = ns.Network(dt=1.0, seed=seed)
    return AssociativeStore(net, Layer(net, "a", n, k), **options)


# ---- the obvious versions --------------------------------------------------------------------------------------------


def willshaw(x, y, *, diagonal=True):
    """The matrix: 1 where two cells were ever active together."""
    w = (x.T.astype(np.float32) @ y.astype(np.float32)) > 0
    return w if diagonal else w & ~np.eye(len(w), dtype=bool)


def first_to_fire(support, k, forced=None, ceiling=None):
    """Cells in order of support until k have fired, ties together (as all from the ceiling on are); `forced` ones at once."""
    fired = np.zeros(support.size, bool)
    for level in range(int(support.max(initial=0) if ceiling is None else ceiling), 0, -1):
        if fired.sum() >= k:
            break
        fired |= support >= level
        if forced is not None:
            fired |= forced
    return fired


# ---- layers ----------------------------------------------------------------------------------------------------------


def test_patterns_in_three_forms_are_the_same_volleys():
    table = np.array([[3, 1], [0, 2]])
    forms = [table, mask(table, 5), [[1, 3], [2, 0]], [np.array([3, 1]), np.array([2, 0])]]
    for form in forms:
        assert volleys("p", form, 5).place.tolist() == [1, 3, 0, 2]
    ragged = volleys("p", [[4], [], [0, 1, 2]], 5)
    assert ragged.sizes.tolist() == [1, 0, 3]
    assert [p.tolist() for p in ragged] == [[4], [], [0, 1, 2]]
    assert ragged.take(np.array([2, 0])).place.tolist() == [0, 1, 2, 4]


@pytest.mark.parametrize(
    ("patterns", "text"),
    [
        ([[0, 5]], "places are 0 ... 4"),
        ([[1, 1]], "a cell twice"),
        ([[0.5, 1.0]], "whole numbers"),
        (np.ones((1, 4), bool), "5 columns"),
    ],
)
def test_wrong_patterns_are_refused(patterns, text):
    with pytest.raises(ParameterError, match=text):
        volleys("cues", patterns, 5)


def test_layer_refuses_more_winners_than_cells():
    with pytest.raises(ParameterError, match=r"Layer\('a'\).k"):
        Layer(ns.Network(dt=1.0), "a", 3, 4)


def test_volleys_fire_when_the_timetable_says():
    net = ns.Network(dt=1.0)
    layer = Layer(net, "a", 8, 2)
    for _ in range(2):  # a second run plays its own list only
        table = Timetable(net)
        table.cue(layer, np.array([0, 4]), [[1, 2], [5, 7]])
        spikes = table.run(8)[layer]
        assert spikes.step.tolist() == [0, 0, 4, 4]
        assert spikes.place.tolist() == [1, 2, 5, 7]


# ---- recall against the matrix ---------------------------------------------------------------------------------------


def test_spikes_and_willshaw_matrix_have_the_same_winners(rng):
    n, k = 64, 4
    store = hetero(n, k, max_fill=0.6)
    x, y = (mask(random_patterns(rng, 150, n, k), n) for _ in range(2))
    store.store(x, y)
    w = willshaw(x, y)
    assert len(store.projection) == w.sum()
    assert store.fill == pytest.approx(w.mean())
    half = x & (rng.random(x.shape) < 0.7)
    half = half[half.any(1)]
    for cues in (x, half):
        support = cues.astype(int) @ w
        answer = store.recall(cues, mode="threshold")
        assert np.array_equal(answer.winners.dense(), support >= cues.sum(1, keepdims=True))
        answer = store.recall(cues)
        expected = np.array([first_to_fire(s, k) for s in support])
        assert np.array_equal(answer.winners.dense(), expected)
        assert np.array_equal(answer.support, support[answer.winners.which, answer.winners.place])
        last = [np.sort(s[f])[0] if f.sum() >= k else -np.inf for s, f in zip(support, expected, strict=True)]
        assert np.array_equal(answer.familiarity, last)
        assert np.array_equal(answer.accepted, expected.sum(1) >= k)


def test_a_given_threshold_is_that_of_the_matrix(rng):
    store = hetero()
    x, y = (mask(random_patterns(rng, 60, 64, 4), 64) for _ in range(2))
    store.store(x, y)
    answer = store.recall(x, mode="threshold", threshold=3)
    assert np.array_equal(answer.winners.dense(), x.astype(int) @ willshaw(x, y) >= 3)


@pytest.mark.parametrize("clamp", [True, False])
def test_completion_and_its_twin(rng, clamp):
    n, k, steps = 64, 6, 3
    store = auto(n, k, max_fill=0.6)
    x = mask(random_patterns(rng, 40, n, k), n)
    store.store(x)
    w = willshaw(x, x, diagonal=False)
    assert len(store.projection) == w.sum()
    cues = np.array([mask([np.flatnonzero(p)[:3]], n)[0] for p in x])
    state = cues
    for step in range(steps):
        forced = cues if clamp and step == 0 else np.zeros_like(cues)
        state = np.array(
            [first_to_fire(s.astype(int) @ w, k, f, ceiling=8) for s, f in zip(state, forced, strict=True)]
        )
    whole = np.array([s.astype(int) @ w for s in cues]) >= 3
    one = store.recall(cues, mode="threshold", clamp=clamp).winners.dense()
    assert np.array_equal(one, whole | cues if clamp else whole)
    answer = store.recall(cues, steps=steps, clamp=clamp)
    assert store.target.cells.ceiling[0] == 8  # a quarter above k
    assert np.array_equal(answer.winners.dense(), state)


def test_steps_of_a_tenth_of_a_millisecond_empty_cues_and_none_at_all():
    net = ns.Network(seed=1)
    store = AssociativeStore(net, Layer(net, "a", 20, 2), Layer(net, "b", 20, 2))
    assert store.store([], []).size == 0
    store.store([[0, 1], [2, 3]], [[4, 5], [6, 7]])
    answer = store.recall([[2, 3], [], [0]])
    assert [w.tolist() for w in answer.winners] == [[6, 7], [], [4, 5]]
    assert answer.accepted.tolist() == [True, False, True]
    assert answer.winners.latency.tolist() == [0.0] * 4
    assert store.recall([[], [0, 19, 18]], mode="threshold").winners.place.size == 0
    late = store.recall([[0, 19, 18]])
    assert late.support.tolist() == [1.0, 1.0]
    assert late.latency[0] == pytest.approx(0.4)  # two levels below the ceiling, 0.2 ms each
    assert store.recall([]).accepted.size == 0


def test_recall_changes_nothing_and_repeats_itself(rng):
    store = hetero()
    x, y = (random_patterns(rng, 50, 64, 4) for _ in range(2))
    store.store(x, y)
    before = store.projection.edges()
    first, second = store.recall(x), store.recall(x[::-1])
    after = store.projection.edges()
    assert np.array_equal(before.weight, after.weight)
    assert np.array_equal(before.post, after.post)
    assert np.array_equal(first.winners.dense(), second.winners.dense()[::-1])  # no cue hears the one before


def test_dead_cells_are_missing_from_answers_and_from_what_is_stored(rng):
    store = hetero()
    x, y = (random_patterns(rng, 20, 64, 4) for _ in range(2))
    store.store(x, y)
    dead = y[0][:2]
    store.target.cells.remove(store.target.uid[dead])
    answer = store.recall(x[:1], mode="threshold").winners
    whole = (mask(x[:1], 64).astype(int) @ willshaw(mask(x, 64), mask(y, 64)) >= 4)[0]
    whole[dead] = False
    assert np.array_equal(answer.dense()[0], whole)
    store.store(x[:1], y[:1])
    assert not np.isin(store.projection.post, store.target.uid[dead]).any()


def test_steps_need_one_layer(rng):
    with pytest.raises(ParameterError, match="steps=2"):
        hetero().recall([[0, 1]], steps=2)
    with pytest.raises(ParameterError, match="'winners' or 'threshold'"):
        hetero().recall([[0, 1]], mode="best")
    with pytest.raises(ParameterError, match="one list of patterns"):
        auto().store([[0, 1]], [[0, 1]])


# ---- capacity --------------------------------------------------------------------------------------------------------


def test_fill_follows_its_closed_form(rng):
    n, k = 64, 4
    store = hetero(n, k)
    store.store(random_patterns(rng, 100, n, k), random_patterns(rng, 100, n, k))
    expected = willshaw_fill(100, n, k)  # 1 - (1 - 16/4096)^100 = 0.324
    assert expected == pytest.approx(0.3239, abs=1e-4)
    assert store.fill == pytest.approx(expected, abs=0.015)
    assert willshaw_patterns(0.4, 1024, 10) == pytest.approx(5356, abs=1)  # spec table 2.1
    assert store.capacity_used == pytest.approx(np.log(1 - store.fill) / np.log(0.6))


def test_bits_of_perfect_recall_are_the_entropy_of_the_patterns():
    f = 10 / 1024
    entropy = -f * np.log2(f) - (1 - f) * np.log2(1 - f)
    assert bits_per_synapse(500, 1024, 1024, 10) == pytest.approx(500 * entropy / 1024)
    assert bits_per_synapse(500, 1024, 1024, 10, false_alarms=f, misses=1 - f) == pytest.approx(0.0, abs=1e-9)


def test_a_full_store_refuses_before_damage(rng):
    store = hetero(max_fill=0.3)
    x, y = (random_patterns(rng, 90, 64, 4) for _ in range(2))
    ids = store.store(x[:80], y[:80])
    before = len(store.projection)
    with pytest.raises(CapacityFull, match="max_fill = 0.3; nothing was stored") as error:
        store.store(random_patterns(rng, 60, 64, 4), random_patterns(rng, 60, 64, 4))
    assert error.value.fill > error.value.max_fill == 0.3
    assert len(store.projection) == before
    assert np.array_equal(store.ids, ids)
    store.store(x[:80], y[:80])  # what is there already needs no room


def test_only_potential_pairs_grow(rng):
    store = hetero(p_potential=0.5)
    x, y = (mask(random_patterns(rng, 60, 64, 4), 64) for _ in range(2))
    store.store(x, y)
    edges = store.projection.edges()
    assert store.may_grow(edges.pre, edges.post).all()
    i, j = np.nonzero(willshaw(x, y))
    wanted = store.may_grow(store.source.uid[i], store.target.uid[j])
    assert len(edges) == wanted.sum()
    assert wanted.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(wanted.size))


def test_new_cells_take_part(rng):
    store = hetero()
    fresh = store.target.grow(8)
    assert fresh.tolist() == list(range(64, 72))
    store.store([[0, 1, 2, 3]], [[5, 64, 70, 71]])
    assert store.recall([[0, 1, 2, 3]]).winners.place.tolist() == [5, 64, 70, 71]
    assert store.potential == 64 * 72


# ---- forgetting ------------------------------------------------------------------------------------------------------


def test_forgetting_leaves_exactly_what_the_others_need(rng):
    n, k = 64, 4
    store = hetero(n, k, max_fill=0.9)
    x, y = (mask(random_patterns(rng, 120, n, k), n) for _ in range(2))
    x, y = np.concatenate([x, x[:5]]), np.concatenate([y, y[:5]])  # five pairs are stored twice
    ids = np.concatenate([store.store(x[:50], y[:50]), store.store(x[50:], y[50:])])
    keep = np.ones(len(ids), bool)
    order = rng.permutation(len(ids))
    for part in np.split(order, [30, 31, 90]):
        keep[part] = False
        freed = store.forget(ids[part])
        left = willshaw(x[keep], y[keep])
        edges = store.projection.edges()
        held = np.zeros((n, n), bool)
        held[np.searchsorted(store.source.uid, edges.pre), np.searchsorted(store.target.uid, edges.post)] = True
        assert np.array_equal(held, left)
        assert freed.bytes >= 0
    assert len(store.projection) == 0
    assert store.nbytes == 0


def test_forgetting_gives_bytes_back_and_leaves_no_residue(rng):
    store = auto(256, 8)
    x = random_patterns(rng, 200, 256, 8)
    ids = store.store(x)
    store.net.compact()
    before, held = store.net.estimate()["bytes"], store.nbytes
    freed = store.forget(ids[:150])
    assert freed.synapses > 0
    assert freed.bytes == before - store.net.estimate()["bytes"] >= 4 * freed.synapses  # float64 weight, packed target
    assert store.nbytes < held
    gone = store.recall(x[:150, :4], mode="threshold").winners
    assert (gone.sizes >= 4).all()  # the cells of the cue, and hardly any other
    assert np.mean(gone.sizes >= 8) < 0.05
    with pytest.raises(ParameterError, match="number 0 is stored"):
        store.forget(0)


# ---- "I do not know" -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not JIT, reason="takes long without the compiler")
def test_known_cues_are_accepted_and_noise_is_not(rng, sized):
    n, k, cues = 256, 8, sized(400, 100)
    store = hetero(n, k)
    with pytest.raises(NotCalibrated, match=r"calibrate\(size=8\)"):
        store.recall([list(range(8))], reject=True)
    x, y = (random_patterns(rng, 400, n, k) for _ in range(2))
    store.store(x, y)
    found = store.calibrate(fa=0.01, cues=sized(500, 200))
    assert found.cues >= 200
    noise = store.recall(random_patterns(rng, cues, n, k), reject=True)
    known = store.recall(x[:cues], reject=True)
    assert known.accepted.mean() >= 0.95
    assert noise.accepted.mean() <= 0.03
    assert (known.theta, known.false_alarm_rate) == (found.theta, found.false_alarm_rate)
    assert (noise.winners.sizes[noise.accepted] >= k).all()
    assert (noise.familiarity[~noise.accepted] == -np.inf).all()  # the counter stayed silent
    store.store(random_patterns(rng, 80, n, k), random_patterns(rng, 80, n, k))
    with pytest.raises(NotCalibrated, match="the fill was"):
        store.recall(x[:1], reject=True)


def test_a_store_that_knows_everything_cannot_be_calibrated(rng):
    store = hetero(16, 2, max_fill=0.999)
    every = np.stack(np.triu_indices(16, 1), 1)
    store.store(every, rng.permutation(every))
    with pytest.raises(NotCalibrated, match="no threshold rejects them"):
        store.calibrate(cues=200)


# ---- saving ----------------------------------------------------------------------------------------------------------


def test_a_saved_store_continues(rng, tmp_path):
    store = hetero(p_potential=0.9)
    x, y = (random_patterns(rng, 50, 64, 4) for _ in range(2))
    ids = store.store(x, y)
    store.calibrate(cues=200)
    store.net.save(str(tmp_path / "net"))
    net = ns.load(str(tmp_path / "net"))
    layers = [Layer.attach(net, name) for name in ("a", "b")]
    other = AssociativeStore(net, *layers, p_potential=0.9, projection=net.projections["a->b"])
    other.set_arrays(store.arrays())
    first, second = (one.recall(x, reject=True) for one in (store, other))
    assert np.array_equal(first.winners.place, second.winners.place)
    assert np.array_equal(first.latency, second.latency)
    assert first.theta == second.theta
    assert other.forget(ids[:25]) == store.forget(ids[:25])
    assert np.array_equal(other.store(x[:25], y[:25]), store.store(x[:25], y[:25]))
    assert np.array_equal(other.projection.edges().post, store.projection.edges().post)
    with pytest.raises(IncompatibleSnapshot, match="64 and 64 cells"):
        hetero(32).set_arrays(store.arrays())
    with pytest.raises(ParameterError, match="no population 'c'"):
        Layer.attach(net, "c")
    with pytest.raises(ParameterError, match="joins 'a' to 'b', not 'b' to 'a'"):
        AssociativeStore(net, layers[1], layers[0], projection=net.projections["a->b"])


def test_inhibition_sets_how_many_win(rng):
    store = hetero()
    store.store([[0, 1, 2, 3]], [[10, 11, 12, 13]])
    store.store([[0, 1, 2, 8]], [[20, 21, 22, 23]])
    assert store.recall([[0, 1, 2, 3]]).winners.place.tolist() == [10, 11, 12, 13]
    store.target.k = 5
    assert store.recall([[0, 1, 2, 3]]).winners.place.tolist() == [10, 11, 12, 13, 20, 21, 22, 23]


# ---- separation ------------------------------------------------------------------------------------------------------


def alike(rng, n, k, share, number):
    """Pairs of patterns of k of n cells that have `share` of them in common."""
    order = np.argsort(rng.random((number, n)), axis=1)
    common = round(share * k)
    return order[:, :k], np.concatenate([order[:, :common], order[:, k : 2 * k - common]], axis=1)


def separated(dentate, rng, share, number):
    first, second = alike(rng, dentate.source.n, dentate.source.k, share, number)
    codes = dentate.separate(np.concatenate([first, second]))
    rows = np.arange(number)
    return overlap(codes.take(rows), codes.take(rows + number)).mean(), codes.sizes


@pytest.mark.skipif(not JIT, reason="takes long without the compiler")
def test_similar_patterns_become_less_similar(rng, sized):
    net = ns.Network(dt=1.0, seed=1)
    dentate = Separation(net, Layer(net, "ec", 200, 20), sized(1000, 400), 10, fan_in=0.2)
    assert (dentate.projection.in_degree() == 40).all()
    out = [separated(dentate, rng, share, sized(15, 3))[0] for share in (0.2, 0.7, 1.0)]
    assert out[0] < 0.15
    assert out[0] < out[1] < 0.5
    assert out[2] == 1.0


# ---- structural consolidation ----------------------------------------------------------------------------------------


def turned(rng, **options):
    store = hetero(40, 4)
    process = StructuralConsolidation(store.projection, every=50.0, **options)
    assert process.grow(store.net, 320) == 320
    store.net.add(process)
    x, y = (volleys("p", random_patterns(rng, 6, 40, 4), 40) for _ in range(2))
    need = np.nonzero(willshaw(x.dense(), y.dense()))
    return store, process, x, y, (store.source.uid[need[0]], store.target.uid[need[1]])


def test_what_fires_together_is_consolidated_and_the_number_stays(rng):
    store, process, x, y, need = turned(rng, p_eliminate=0.5)
    p = store.projection
    edges = p.edges()
    there = np.isin((need[0] << 32) | need[1], (edges.pre << 32) | edges.post)
    linked = []
    for _ in range(12):
        store.present(x, y)
        store.net.run(-store.net.step % 50 * 1.0)
        linked.append(effectual_connectivity(p, *need))
        strong = p.edges().weight > 0
        assert len(p) == 320
        assert strong.sum() == round(linked[-1] * need[0].size)  # nothing but what replay needs
    assert linked[0] == there.mean()
    assert linked == sorted(linked)
    pairs, made, gained = need[0].size, 320, linked[0] * need[0].size
    for _ in range(11):  # as many silent ones as were pruned, on what is free, and of these some are needed
        moved = 0.5 * (made - gained)
        gained += moved * (pairs - gained) / (1600 - made + moved)
    assert linked[-1] == pytest.approx(gained / pairs, abs=0.1)
    assert process.consolidated == round(linked[-1] * need[0].size)
    assert process.pruned > 0


def test_no_replay_no_consolidation_and_no_gate_no_turnover(rng):
    store, process, x, y, _ = turned(rng)
    before = store.projection.edges()
    process.active = False
    store.present(x, y)
    store.net.run(-store.net.step % 50 * 1.0)
    after = store.projection.edges()
    assert np.array_equal(before.post, after.post)
    assert not after.weight.any()
    process.active = True
    store.net.run(50.0)
    assert not store.projection.weight.any()
    assert process.pruned == pytest.approx(0.2 * 320, abs=4 * np.sqrt(320 * 0.16))


def test_unused_synapses_fall_silent_and_only_potential_places_are_taken(rng):
    store, process, x, y, need = turned(
        rng, p_decay=1.0, p_eliminate=1.0, potential=lambda pre, post: (pre + post) % 2 == 0
    )
    store.present(x, y)
    store.net.run(-store.net.step % 50 * 1.0)
    edges = store.projection.edges()
    weak = edges.weight == 0
    assert ((edges.pre + edges.post)[weak] % 2 == 0).all()
    assert (~weak).any()
    store.net.run(50.0)
    assert not store.projection.weight.any()
    assert len(store.projection) == 320


def test_parallel_synapses_are_refused():
    net = ns.Network(dt=1.0)
    pop = net.add_population("pop", ns.Parrot(), 3)
    p = net.connect(pop, pop, ns.all_to_all(), parallel=True)
    with pytest.raises(ParameterError, match="must have static synapses"):
        StructuralConsolidation(p)


# ---- the numbers of the specification --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize(
    ("pairs", "bits", "perfect"), [(2339, 0.18, 1.0), (5356, 0.409, 0.87), (7267, 0.528, 0.292), (9607, 0.588, 0.0)]
)
def test_capacity_of_spikes_is_that_of_table_2_1(rng, pairs, bits, perfect):
    # At 7267 the table has .34 perfect from a sample; the matrix gives .292 (all pairs, 8 seeds, SD .006).
    n, k = 1024, 10
    store = hetero(n, k, max_fill=0.65)
    x, y = (random_patterns(rng, pairs, n, k) for _ in range(2))
    store.store(x, y)
    fired, true = store.recall(x, mode="threshold").winners.dense(), mask(y, n)
    w = willshaw(x_mask := mask(x, n), true)
    assert np.array_equal(fired, x_mask.astype(np.float32) @ w.astype(np.float32) > k - 0.5)
    missed, false = np.mean(~fired[true]), np.mean(fired[~true])
    got = bits_per_synapse(pairs, n, n, k, false_alarms=false, misses=missed)
    assert missed == 0.0
    assert got == pytest.approx(bits, rel=0.05)
    every = (fired == true).all(1).mean()
    assert every == pytest.approx(perfect, abs=max(3 * np.sqrt(perfect * (1 - perfect) / 1000), 0.01))
    if pairs == 5356:  # more than ln 2 for each synapse that exists, which a matrix of fixed size cannot reach
        assert got * n * n / len(store.projection) > 0.95
        assert np.mean(fired[true].size * false * (n - k) / k / true.sum()) <= 0.02


@pytest.mark.slow
@pytest.mark.compiled
def test_half_cues_and_wrong_cells_are_completed_at_fill_0_4(rng):
    n, k = 2048, 22
    pairs = int(np.log(0.6) / np.log1p(-k * (k - 1) / (n * (n - 1))))  # a cell has no synapse onto itself
    store = auto(n, k, max_fill=0.41)
    x = random_patterns(rng, pairs, n, k)
    store.store(x)
    assert store.fill == pytest.approx(0.4, abs=0.002)
    some = x[:200]
    true = volleys("true", some, n)
    answer = store.recall(some[:, :11], steps=3, least=6.0).winners
    assert jaccard(answer, true).min() == 1.0  # spec table 2.2: perfect 1.00
    wrong = some[:, :11].copy()
    for row, pattern in zip(wrong, some, strict=True):
        row[0] = rng.choice(np.setdiff1d(np.arange(n), pattern))
    assert jaccard(store.recall(wrong, steps=3, least=6.0).winners, true).mean() >= 0.95
    store.calibrate(size=11)
    noise = random_patterns(rng, 200, n, 11)
    accepted = [store.recall(cues, reject=True).accepted.mean() for cues in (some[:, :11], wrong, noise)]
    assert min(accepted[:2]) >= 0.95
    assert accepted[2] <= 0.02


@pytest.mark.slow
@pytest.mark.compiled
def test_separation_is_that_of_table_2_3(rng):
    net = ns.Network(dt=1.0, seed=2)
    dentate = Separation(net, Layer(net, "ec", 1000, 100))
    out, sizes = zip(*(separated(dentate, rng, share, 30) for share in (0.1, 0.3, 0.5, 0.7, 0.9)), strict=True)
    assert out[1] <= 0.08
    assert out[3] <= 0.32
    assert list(out) == sorted(out)
    assert 50 <= np.mean(sizes) <= 55


@pytest.mark.slow
@pytest.mark.compiled
def test_turnover_raises_hits_at_a_constant_number_of_synapses(rng):
    n, k, number = 1000, 50, 100
    net = ns.Network(dt=1.0, seed=3)
    store = AssociativeStore(net, Layer(net, "a", n, k), Layer(net, "b", n, k, noise=0.999, rise=1 / 32))
    process = StructuralConsolidation(store.projection, every=300.0)
    process.grow(net, 220_000)
    net.add(process)
    x, y = (volleys("p", random_patterns(rng, number, n, k), n) for _ in range(2))
    need = np.nonzero(willshaw(x.dense(), y.dense()))
    uids = store.source.uid[need[0]], store.target.uid[need[1]]
    half = [rng.permutation(p)[:25] for p in x]
    found = {}
    for step in range(41):
        store.present(x, y)
        net.run(-net.step % 300 * 1.0)
        if step in (0, 40):
            process.active = False
            fired = store.recall(half, least=4.0).winners.dense()
            net.run(-net.step % 300 * 1.0)
            process.active = True
            hit = (fired & y.dense()).sum() / (number * k)
            assert fired.sum() == pytest.approx(number * k, rel=0.015)  # ties are broken: k fire, hardly more
            found[step] = effectual_connectivity(store.projection, *uids), hit
            assert len(store.projection) == 220_000
    assert found[0] == pytest.approx((0.22, 0.70), abs=0.02)
    assert found[40][0] == pytest.approx(0.72, abs=0.03)
    assert found[40][1] >= 0.97
