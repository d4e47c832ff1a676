"""Long-term memory in synapses that replays make by chance, and the sleep in which a fast store teaches a slow one."""

import json

import numpy as np
import pytest

import neurosim as ns
from neurosim import cli
from neurosim.errors import ParameterError
from neurosim.kernels.rng import hash_pairs, stream_key
from neurosim.memory.associative import AssociativeStore
from neurosim.memory.consolidation import Consolidation, completed
from neurosim.memory.failures import CapacityFull, NotCalibrated
from neurosim.memory.indexed import IndexStore
from neurosim.memory.layer import Layer, volleys
from neurosim.memory.longterm import LongTermMemory, fade
from neurosim.memory.turnover import effectual_connectivity


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def words(rng, number, n, k):
    return np.argsort(rng.random((number, n)), axis=1)[:, :k]


def slow_store(n=64, k=6, seed=1, **options):
    net = ns.Network(dt=1.0, seed=seed)
    return LongTermMemory(net, Layer(net, "content", n, k), **options)


def two_stores(n=64, k=6, seed=1, cells=12, noise=1.0, p_learn=0.3, slow=None, **options):
    net = ns.Network(dt=1.0, seed=seed)
    content = Layer(net, "content", n, k)
    fast = IndexStore(net, content, n=cells)
    slow = LongTermMemory(net, content, p_learn=p_learn, **(slow or {}))
    return Consolidation(fast, slow, noise=noise, **options)


def matrix(slow):
    """Strong synapses by place."""
    edges, uid = slow.projection.edges(), slow.content.uid
    w = np.zeros((uid.size, uid.size), bool)
    strong = edges.weight > 0
    w[np.searchsorted(uid, edges.pre[strong]), np.searchsorted(uid, edges.post[strong])] = True
    return w


def within(cells, n):
    """All ordered pairs of a set of cells."""
    w = np.zeros((n, n), bool)
    w[np.ix_(cells, cells)] = True
    np.fill_diagonal(w, False)
    return w


# ---- learning --------------------------------------------------------------------------------------------------------


def test_learning_is_that_of_the_obvious_loop(rng):
    slow = slow_store(n=30, k=5, p_learn=0.3, max_fill=0.9)
    patterns = words(rng, 8, 30, 5)
    key = np.uint64(stream_key(slow.net.seed, "learn", slow.projection.name))
    uid, expected = slow.content.uid, np.zeros((30, 30), bool)
    for part in (patterns[:3], patterns[3:]):
        slow.study(part)
    for replay, cells in enumerate(patterns):
        for a in cells:
            for b in cells:
                out = np.zeros(1)
                hash_pairs(key, uid[[a]], uid[[b]], np.array([replay]), out)
                expected[a, b] |= a != b and out[0] < 0.3
    assert np.array_equal(matrix(slow), expected)


def test_share_of_pairs_after_so_many_replays_is_the_closed_form(rng):
    slow = slow_store(n=400, k=20, p_learn=0.1)
    patterns = words(rng, 10, 400, 20)
    for replays in (1, 2, 4):  # 1, 3, 7 in all
        slow.study(patterns, times=replays)
    pairs = np.concatenate([matrix(slow)[np.ix_(p, p)][~np.eye(20, dtype=bool)] for p in patterns])
    share = 1.0 - 0.9**7
    assert pairs.mean() == pytest.approx(share, abs=0.02)  # a few pairs belong to two patterns; 3 SE are 0.025
    assert slow.p_eff(patterns).mean() == pytest.approx(pairs.mean())


def test_certain_learning_is_the_one_shot_store(rng):
    patterns = words(rng, 20, 64, 6)
    slow, net = slow_store(p_learn=1.0), ns.Network(dt=1.0, seed=1)
    slow.study(patterns)
    store = AssociativeStore(net, Layer(net, "content", 64, 6), name="slow")
    store.store(patterns)
    assert np.array_equal(slow.projection.pre, store.projection.pre)
    assert np.array_equal(slow.projection.post, store.projection.post)
    assert slow.fill == store.fill
    assert slow.capacity_used == store.capacity_used
    halves = patterns[:, :3]
    assert np.array_equal(slow.recall(halves, steps=2).winners.place, store.recall(halves, steps=2).winners.place)


def test_effectual_connectivity_is_that_of_the_projection(rng):
    slow = slow_store(p_learn=0.4)
    patterns = words(rng, 4, 64, 6)
    slow.study(patterns)
    for cells, found in zip(patterns, slow.p_eff(patterns), strict=True):
        i, j = np.nonzero(within(cells, 64))
        uid = slow.content.uid
        assert found == pytest.approx(effectual_connectivity(slow.projection, uid[i], uid[j]))


def test_a_full_store_refuses_before_any_damage(rng):
    slow = slow_store(p_learn=1.0, max_fill=0.1)
    slow.study(words(rng, 5, 64, 6), range(5))
    before, ids = matrix(slow), slow.ids
    with pytest.raises(CapacityFull, match="nothing was learned") as caught:
        slow.study(words(rng, 30, 64, 6), range(5, 35))
    assert caught.value.fill > caught.value.max_fill == 0.1
    assert np.array_equal(matrix(slow), before)
    assert np.array_equal(slow.ids, ids)


# ---- time ------------------------------------------------------------------------------------------------------------


def test_strong_synapses_fall_silent_at_their_rate_and_silent_ones_go(rng):
    slow = slow_store(n=300, k=20, p_learn=1.0, p_loss=0.03, p_eliminate=0.2)
    slow.study(words(rng, 15, 300, 20))
    strong = slow.strong
    fell = slow.rest(5.0)
    p = 1.0 - 0.97**5
    assert abs(fell.silenced - strong * p) < 4.0 * np.sqrt(strong * p * (1 - p))
    assert (slow.strong, len(slow.projection)) == (strong - fell.silenced, strong)
    silent = len(slow.projection) - slow.strong
    gone = slow.rest(2.0).removed
    p = 1.0 - 0.8**2
    assert abs(gone - silent * p) < 4.0 * np.sqrt(silent * p * (1 - p))


def test_turnover_keeps_the_share_of_silent_synapses_on_potential_places(rng):
    slow = slow_store(n=80, p_learn=0.0, p_potential=0.5, silent=0.1, p_eliminate=0.5)
    wanted = round(0.1 * slow.store.potential)
    before = set(zip(slow.projection.pre.tolist(), slow.projection.post.tolist(), strict=True))
    rested = slow.rest(1.0)
    after = set(zip(slow.projection.pre.tolist(), slow.projection.post.tolist(), strict=True))
    assert len(before) == len(after) == wanted
    assert rested.removed == rested.grown == pytest.approx(wanted / 2, abs=4 * np.sqrt(wanted / 4))
    assert not slow.projection.weight.any()
    assert slow.store.may_grow(slow.projection.pre, slow.projection.post).all()
    assert before != after


def test_structural_plasticity_alone_learns_by_turnover(rng):
    """Without chance in learning, silent synapses that happen to be in place are all there is: P_eff grows with turnover."""
    slow = slow_store(n=100, k=10, p_learn=0.0, silent=0.1, p_eliminate=0.5, p_loss=0.0)
    patterns, seen = words(rng, 4, 100, 10), []
    for _ in range(4):
        slow.study(patterns)
        slow.rest(2.0)
        seen.append(slow.p_eff(patterns).mean())
    assert seen[0] == pytest.approx(0.1, abs=0.06)  # 360 pairs
    assert (np.diff(seen) > 0).all()
    assert seen[-1] > 2 * seen[0]


def test_homeostasis_lets_cells_above_the_set_point_lose_what_was_not_replayed(rng):
    slow = slow_store(n=60, k=10, p_learn=1.0, max_fill=0.9)
    patterns = words(rng, 20, 60, 10)
    slow.study(patterns)
    heard = matrix(slow).sum(0)
    kept = volleys("kept", patterns[:2], 60)
    gone = slow.scale_down(0.3, kept)
    after = matrix(slow)
    spared = np.any([within(p, 60) for p in patterns[:2]], axis=0)
    assert after[spared].all()
    excess = np.maximum(heard - 0.3 * 59, 0).sum()
    assert abs(gone - excess) < 4 * np.sqrt(excess)
    assert np.array_equal(after.sum(0)[heard <= 0.3 * 59], heard[heard <= 0.3 * 59])


def test_what_fades_depends_on_the_name_of_the_day_and_not_on_the_clock():
    def left(steps, day):
        net = ns.Network(dt=1.0, seed=3)
        pre, post = (net.add_population(name, ns.Parrot(), 40) for name in ("pre", "post"))
        p = net.connect(pre, post, ns.random(0.5), weight=1.0)
        net.run(steps)
        before = len(p)
        assert fade(p, 0.25, day) == before - len(p)
        return p.pre.tolist(), len(p) / before

    assert left(1.0, 0) == left(9.0, 0)
    assert left(1.0, 0)[0] != left(1.0, 1)[0]
    assert left(1.0, 0)[1] == pytest.approx(0.75, abs=0.06)  # 800 synapses, 4 SE


# ---- forgetting ------------------------------------------------------------------------------------------------------


def test_forgetting_leaves_what_the_others_would_have_alone(rng):
    patterns = words(rng, 12, 40, 8)
    slow = slow_store(n=40, k=8, p_learn=1.0, max_fill=0.95)
    slow.study(patterns, range(12))
    freed = slow.forget([3, 7])
    expected = np.any([within(p, 40) for m, p in enumerate(patterns) if m not in (3, 7)], axis=0)
    assert np.array_equal(matrix(slow), expected)
    mine = within(patterns[3], 40) | within(patterns[7], 40)
    assert (freed.synapses, freed.shared) == ((mine & ~expected).sum(), (mine & expected).sum())
    assert freed.bytes > 0
    assert 3 not in slow.ids
    with pytest.raises(ParameterError, match="number 3"):
        slow.forget(3)


def test_what_fired_for_two_memories_goes_when_either_is_forgotten(rng):
    a, b = np.arange(4), np.arange(10, 14)
    slow = slow_store(n=20, k=4, p_learn=1.0, max_fill=0.9)
    slow.study([a, b, np.concatenate([a, b])], [[0], [1], [0, 1]])
    slow.forget(1)
    assert np.array_equal(matrix(slow), within(a, 20))


def test_silenced_synapses_are_the_savings(rng):
    left = {}
    for mode in ("silence", "delete"):
        slow = slow_store(p_learn=0.05)
        pattern = words(rng, 1, 64, 6)
        slow.study(pattern, [0], times=100)
        assert slow.p_eff(pattern)[0] > 0.9
        slow.forget(0, mode=mode)
        assert slow.p_eff(pattern)[0] == 0.0
        slow.study(pattern)
        left[mode] = slow.p_eff(pattern)[0]
    assert left["silence"] > 0.9
    assert left["delete"] < 0.3


# ---- recall ----------------------------------------------------------------------------------------------------------


@pytest.mark.compiled
def test_unknown_cues_are_rejected_at_the_rate_that_was_measured(rng):
    slow = slow_store(n=128, k=10, p_learn=0.5)
    patterns = words(rng, 30, 128, 10)
    slow.study(patterns, times=5)
    with pytest.raises(NotCalibrated, match="calibrate"):
        slow.recall(patterns, clamp=False, reject=True)
    with pytest.raises(ParameterError, match="wins by itself"):
        slow.calibrate(0.01)
    found = slow.calibrate(0.01, cues=200, clamp=False)
    assert found.false_alarm_rate <= 0.03
    assert slow.recall(patterns, clamp=False, reject=True).accepted.mean() >= 0.95
    slow.study(words(rng, 10, 128, 10), times=5)
    with pytest.raises(NotCalibrated, match="fill was"):
        slow.recall(patterns, clamp=False, reject=True)


def test_a_store_goes_on_after_loading(rng, tmp_path):
    patterns = words(rng, 6, 64, 6)
    slow = slow_store(p_learn=0.3, silent=0.05)
    slow.study(patterns[:4], range(4))
    slow.rest(3.0)
    slow.calibrate(0.01, size=3, cues=200)
    slow.net.save(str(tmp_path / "net"))
    kept = slow.arrays()
    net = ns.load(str(tmp_path / "net"))
    again = LongTermMemory(net, Layer.attach(net, "content"), p_learn=0.3, projection=net.projections["slow"])
    again.silent = slow.silent
    again.set_arrays(kept)
    for one in (slow, again):
        one.study(patterns[2:], range(2, 6))
        one.rest(2.0)
        one.forget(1)
    assert np.array_equal(matrix(slow), matrix(again))
    assert len(slow.projection) == len(again.projection)
    assert np.array_equal(slow.recall(patterns[:, :3]).winners.place, again.recall(patterns[:, :3]).winners.place)


# ---- sleep -----------------------------------------------------------------------------------------------------------


def test_sleep_teaches_the_slow_store_by_spikes(rng):
    both, patterns = two_stores(), words(rng, 4, 64, 6)
    ids = both.fast.store(patterns)
    report = both.sleep(40)
    assert report.replays.sum() >= 40
    assert report.stopped == "replays"
    assert report.ids.tolist() == ids.tolist()
    assert (report.p_eff_before == 0).all()
    assert np.array_equal(report.p_eff_after, both.slow.p_eff(patterns))
    assert report.p_eff_after.mean() > 0.6
    assert report.formed == both.slow.strong
    alone = [within(p, 64) for p in patterns]
    strange = matrix(both.slow) & ~np.any(alone, axis=0)
    assert not strange.any() or report.mixed  # only cells of one memory fire together, but when two index cells tie
    assert "replays of 4 memories" in str(report)


def test_without_noise_there_is_no_replay_and_nothing_is_learned(rng):
    both = two_stores(noise=0.0)
    both.fast.store(words(rng, 4, 64, 6))
    report = both.sleep(40)
    assert (report.stopped, report.replays.sum(), both.slow.strong) == ("no replay", 0, 0)


def test_nothing_stored_or_no_index_cells_left_is_no_replay(rng):
    both = two_stores()
    assert both.sleep(5).stopped == "no replay"
    both.fast.store(words(rng, 2, 64, 6))
    both.fast.index.cells.remove(both.fast.index.cells.uid)
    report = both.sleep(5)
    assert (report.stopped, both.slow.strong) == ("no replay", 0)


def test_only_what_the_fast_store_still_wakes_is_learned(rng):
    both, patterns = two_stores(p_learn=1.0, set_point=float("inf")), words(rng, 2, 64, 6)
    both.fast.store(patterns)
    value, uid = both.fast.value["what"], both.slow.content.uid
    lost = patterns[0][~np.isin(patterns[0], patterns[1])][:2]
    value.remove(post=uid[lost])
    report = both.sleep(20)
    expected = within(np.setdiff1d(patterns[0], lost), 64) | within(patterns[1], 64)
    if not report.mixed:
        assert np.array_equal(matrix(both.slow), expected)
    assert not matrix(both.slow)[lost].any()


def test_sleep_is_the_same_for_the_same_seed_and_leaves_the_layers_as_they_were(rng):
    patterns, seen = words(rng, 4, 64, 6), []
    for seed in (1, 1, 2):
        both = two_stores(seed=seed)
        both.fast.store(patterns)
        before = both.fast.index.k, both.fast.index.rise
        seen.append(both.sleep(20).replays.tolist())
        assert (both.fast.index.k, both.fast.index.rise) == before
        assert not both.noise_cells.rate.any()
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.compiled
@pytest.mark.parametrize("schedule", ["uniform", "usefulness"])
def test_replays_follow_the_schedule(rng, schedule):
    use = np.array([0.0, 1.0, 1.0, 3.0])
    both = two_stores(schedule=schedule, usefulness=lambda ids: use[ids], noise=0.5)
    both.fast.store(words(rng, 4, 64, 6))
    replays = both.sleep(150, step=1000).replays
    share = use / use.sum() if schedule == "usefulness" else np.full(4, 0.25)
    error = np.sqrt(share * (1 - share) / replays.sum())
    assert (np.abs(replays / replays.sum() - share) <= 4 * error).all()


def test_strength_replays_what_has_kept_its_synapses_and_surprise_what_is_not_yet_learned(rng):
    both, patterns = two_stores(p_learn=0.02), words(rng, 3, 64, 6)
    ids = both.fast.store(patterns)
    weak = both.fast.index.uid[both.fast.cell(0)]
    both.fast.value["what"].remove(pre=weak)
    both.fast.key["what"].remove(which=np.flatnonzero(both.fast.key["what"].post == weak)[:3])
    assert both.strength(ids).tolist() == [0.25, 1.0, 1.0]
    assert both.excitability(ids).tolist() == pytest.approx([0.0, 0.7, 0.7])
    assert both.sleep(20).replays[0] == 0
    both.schedule = "surprise"
    both.slow.study(patterns[[1]], times=300)
    found = both.excitability(ids)
    assert found[1] == pytest.approx(1.0 - both.slow.p_eff(patterns[[1]])[0])
    assert found[1] < 0.05 < found[2]


def test_input_is_gated_off_in_sleep_and_comes_back(rng):
    both = two_stores(noise=0.0)
    net, content = both.net, both.slow.content
    eye = net.add_population("eye", ns.PoissonSource(rate=200.0), 64)
    wire = net.connect(eye, content.cells, ns.one_to_one(), receptor="detonate", delay=3.0)
    both.fast.store(words(rng, 2, 64, 6))
    begin, spikes = net.step, net.record(content.cells)
    assert both.sleep(5).stopped == "no replay"
    assert net.step > begin + 100
    assert (spikes.step < begin + 5).all()  # what was on its way
    assert (wire.weight == 1.0).all()
    net.run(20.0)
    assert spikes.step.size


def test_sleep_ends_when_nothing_is_gained_or_the_slow_store_is_full(rng):
    both = two_stores(p_learn=1.0)
    both.fast.store(words(rng, 3, 64, 6))
    report = both.sleep(10_000)
    assert (report.stopped, report.p_eff_after.tolist()) == ("settled", [1.0, 1.0, 1.0])
    assert report.replays.sum() < 200
    both = two_stores(p_learn=1.0, slow={"max_fill": 0.01}, set_point=float("inf"))
    both.fast.store(words(rng, 6, 64, 6))
    report = both.sleep(200)
    assert report.stopped == "full"
    assert both.slow.fill <= 0.01


# ---- both stores -----------------------------------------------------------------------------------------------------


@pytest.mark.compiled
def test_a_lesion_of_the_fast_store_leaves_what_sleep_has_moved(rng):
    both, patterns = two_stores(n=128, k=8), words(rng, 8, 128, 8)
    both.fast.store(patterns[:6])
    both.sleep(120)
    both.fast.store(patterns[6:])
    half, rest = patterns[:, :4], patterns[:, 4:]
    intact = both.recall(half)
    assert (intact.by == "fast").all()
    assert intact.ids.tolist() == list(range(8))
    assert completed(intact.winners, rest) == 1.0
    slow = both.recall(half, stores="slow")
    both.fast.index.cells.remove(both.fast.index.cells.uid)
    lesioned = both.recall(half)
    assert (lesioned.by == "slow").all()
    assert np.array_equal(lesioned.winners.place, slow.winners.place)
    assert completed(lesioned.winners.take(np.arange(6)), rest[:6]) >= 0.9
    assert completed(lesioned.winners.take(np.arange(6, 8)), rest[6:]) <= 0.3


@pytest.mark.compiled
def test_both_stores_reject_what_neither_knows(rng):
    both, patterns = two_stores(n=128, k=8), words(rng, 10, 128, 8)
    both.fast.store(patterns[:6])
    both.sleep(120)
    both.calibrate(0.02, size=4)
    answer = both.recall(patterns[:, :4], reject=True)
    assert answer.accepted[:6].all()
    strange = both.recall(words(rng, 60, 128, 4), reject=True)
    assert strange.accepted.mean() <= 0.1
    assert set(strange.by[~strange.accepted]) == {"none"}


@pytest.mark.compiled
def test_recalls_teach_the_slow_store_only_if_asked_to(rng):
    both, patterns = two_stores(n=128, k=8, p_learn=1.0), words(rng, 2, 128, 8)
    both.fast.store(patterns[:1])
    both.recall(patterns[:, :4])
    assert both.slow.strong == 0
    both.recall(patterns[:, :4], learn=True)  # nobody answers the second cue
    assert np.array_equal(matrix(both.slow), within(patterns[0], 128))
    assert both.slow.ids.tolist() == [0]


@pytest.mark.compiled
@pytest.mark.parametrize(
    "schedule", ["strength", *(pytest.param(s, marks=pytest.mark.slow) for s in ("uniform", "surprise"))]
)
def test_sleep_does_not_lower_recall(rng, schedule):
    both = two_stores(n=256, k=12, cells=30, p_learn=0.1, schedule=schedule, fast_loss=0.15)
    for _ in range(3):
        both.rest(1.0)
        both.fast.store(words(rng, 10, 256, 12))
        report = both.sleep(60, probes=30)
        assert report.recall_after >= report.recall_before - 0.02
        assert report.slow_after >= report.slow_before - 0.02


def test_noise_cells_grow_with_the_index(rng):
    both = two_stores(cells=2)
    both.fast.grow(3)
    both.fast.store(words(rng, 5, 64, 6))
    assert (both.sleep(60).replays > 0).all()
    assert len(both.noise_cells) == 5


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: slow_store(synapse="graded"), "neurosim.memory.graded"),
        (lambda: slow_store(silent=0.7), "silent"),
        (lambda: two_stores(schedule="often"), "strength, uniform"),
        (lambda: two_stores(schedule="usefulness"), "function of ids"),
        (lambda: two_stores(field="where"), "'what'"),
        (lambda: slow_store().forget([0], mode="soft"), "'silence'"),
        (lambda: slow_store().learn(volleys("v", [[1, 2]], 64), [1, 2]), "2 owners for 1 volleys"),
    ],
)
def test_mistakes_are_told(make, text):
    with pytest.raises(ParameterError, match=text):
        make()


@pytest.mark.slow
@pytest.mark.compiled
def test_b7_a_lesion_takes_the_new_and_leaves_the_old():
    from benchmarks.memory_sleep import b7

    runs = [b7(seed, quick=True) for seed in (11, 12)]
    mean = {name: np.mean([run[name] for run in runs]) for name in runs[0]}
    assert mean["lesioned, 45-60 d over 0-2 d"] >= 2.0  # 8 memories of 0-2 d; 3 of five full runs
    assert mean["intact less no sleep, least of all ages"] >= -0.03
    assert mean["intact, 45-60 d"] >= 0.5
    assert mean["no sleep, lesioned, most of all ages"] <= mean["chance"] + 0.02
    assert mean["forgetting, blocked over interleaved"] >= 3.0


@pytest.mark.compiled
def test_the_scenario_in_short(tmp_path):
    main = cli.scenario_main(cli.find_scenario("sleep"))
    lines = main(duration=3_000.0, seed=2, out=tmp_path, lives=1, replays=12)
    assert len(lines) == 8
    assert all(len(line) <= 100 for line in lines)
    for name in ("sleep.png", "engram.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["replays"] >= 36
    assert report["recall"]["no sleep, fast store lesioned"][0] == [0.0, 0.0]
