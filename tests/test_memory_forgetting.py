"""Forgetting: synapses that fade, curves measured in spikes, usefulness, deletion and silence, the stream, residue and savings."""

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ParameterError
from neurosim.memory.associative import AssociativeStore
from neurosim.memory.belonging import belonging, jaccard
from neurosim.memory.fading import FadingSynapses
from neurosim.memory.forgetting import Forgetting
from neurosim.memory.indexed import IndexStore
from neurosim.memory.layer import Layer, volleys
from neurosim.memory.stream import Stream, StreamRun, associative_store, index_store
from neurosim.memory.strength import DAY, Exponential, Fsrs, PowerLaw
from neurosim.memory.studying import RETENTION, StudiedList, _top, retention_curve, savings, spacing


def patterns(rng, number, n, k):
    return np.sort(np.argsort(rng.random((number, n)), axis=1)[:, :k], axis=1)


@pytest.fixture
def rng():
    return np.random.default_rng(6)


# ---- synapses that fade ----------------------------------------------------------------------------------------------


def strong_net(seed=1, n=60, **options):
    """All pairs strong, and a process that makes them fade."""
    net = ns.Network(dt=1.0, seed=seed)
    pre, post = (net.add_population(name, ns.Parrot(), n) for name in ("pre", "post"))
    p = net.connect(pre, post, ns.all_to_all(), weight=1.0)
    return net.add(FadingSynapses(p, **options))


def within(count, share, trials, sigmas=4.0):
    """Whether a binomial count is what its share says."""
    return abs(count - share * trials) <= sigmas * np.sqrt(trials * share * (1 - share)) + 1e-9


@pytest.mark.parametrize("cuts", [1, 7])
def test_synapses_fade_as_the_mixture_of_exponentials_says_however_time_is_cut(cuts):
    fading = strong_net(exponent=0.2, turnover=1e6 * DAY)
    for _ in range(cuts):
        fading.elapse(10.0 * DAY / cuts)
    expected = sum(c * np.exp(-10.0 * DAY / tau) for c, tau in zip(fading.chances, fading.lifetimes, strict=True))
    assert within(fading.strong, expected, 3600)
    assert fading.left(10.0 * DAY) == pytest.approx(expected)


def test_the_share_left_is_a_power_law_over_four_decades():
    fading = strong_net(n=2, exponent=0.15)
    t = np.geomspace(0.05 * DAY, 500.0 * DAY, 9)
    slope = np.polyfit(np.log(t), np.log(fading.left(t)), 1)[0]
    assert slope == pytest.approx(-0.15, abs=0.01)


def test_silent_synapses_are_replaced_within_days_and_their_number_stays():
    net = ns.Network(dt=1.0, seed=2)
    pre, post = (net.add_population(name, ns.Parrot(), 80) for name in ("pre", "post"))
    p = net.connect(pre, post, ns.random(0.3), weight=0.0)
    fading = net.add(FadingSynapses(p, turnover=3.0 * DAY))
    number, before = len(p), set(zip(p.pre.tolist(), p.post.tolist(), strict=True))
    fading.elapse(3.0 * DAY)
    after = set(zip(p.pre.tolist(), p.post.tolist(), strict=True))
    assert len(p) == number
    # A pair that lost its synapse may get a new one: as many grow as go, at any free place.
    gone = number * (1 - np.exp(-1.0))
    kept = number - gone + gone * gone / (6400 - number + gone)
    assert len(before & after) == pytest.approx(kept, abs=4 * np.sqrt(kept))


def test_use_makes_silent_synapses_strong_and_strong_ones_last_longer_by_the_ratio():
    fading = strong_net(exponent=0.2, ratio=4.0)
    p = fading.projection
    first = fading.level()
    fading.use(p.edges()[np.arange(1800)])
    second = fading.level()
    assert (second[:1800] == np.minimum(first[:1800] + 1, 13)).all()
    assert (second[1800:] == first[1800:]).all()
    p.edges()[np.arange(100)].set_weight(0.0)
    assert (fading.level()[:100] == -1).all()
    assert fading.use(p.edges()[np.arange(100)]) == 100
    assert within((fading.level()[:100] == 0).sum(), fading.chances[0], 100)


def test_only_what_fires_while_learning_becomes_strong():
    one = StudiedList(3, items=6, n=100, k=10, density=0.5)
    one.store.present(one.patterns, np.arange(6)[:, None])
    assert one.fading.strong == 0
    one.study(np.array([2]))
    edges = one.store.projection.edges()
    strong = edges.weight > 0
    assert set(edges.post[strong]) == {one.store.target.uid[2]}
    assert set(edges.pre[strong]) <= set(one.store.source.uid[one.patterns[2]])
    assert len(one.store.projection) == 300


def test_the_time_of_the_clock_counts():
    fading = strong_net(n=20, exponent=0.3, shortest=1000.0, every=50.0)
    fading.projection.network.run(5000.0)
    assert within(fading.strong, fading.left(5000.0), 400)


def test_levels_are_saved_with_the_network(tmp_path):
    fading = strong_net(n=20)
    fading.elapse(DAY)
    net = fading.projection.network
    net.save(str(tmp_path / "net"))
    (other,) = [p for p in ns.load(str(tmp_path / "net")).processes if isinstance(p, FadingSynapses)]
    for one in (fading, other):
        one.elapse(5.0 * DAY)
    assert (one.level() == fading.level()).all()
    assert (other.projection.weight == fading.projection.weight).all()


@pytest.mark.parametrize(
    "wrong", [{"ratio": 1.0}, {"exponent": 0.0}, {"turnover": -1.0}, {"density": 2.0}, {"levels": 0}]
)
def test_fading_synapses_name_the_argument_that_is_wrong(wrong):
    with pytest.raises(ParameterError, match=f"FadingSynapses.{next(iter(wrong))}"):
        strong_net(n=2, **wrong)


# ---- curves measured in spikes ---------------------------------------------------------------------------------------


def test_a_test_is_what_the_synapses_say():
    """The obvious twin: an item is known if its index cell has more strong synapses from the cue than any other."""
    one = StudiedList(4, items=40, n=200, k=12, density=0.4)
    one.study()
    one.wait(5.0 * DAY)
    weight = np.zeros((200, 40))
    edges = one.store.projection.edges()
    weight[np.searchsorted(one.store.source.uid, edges.pre), np.searchsorted(one.store.target.uid, edges.post)] = (
        edges.weight
    )
    support = np.array([weight[p].sum(axis=0) for p in one.patterns])
    best = support.max(axis=1)
    expected = (support.diagonal() == best) & ((support == best[:, None]).sum(axis=1) == 1) & (best > 0)
    assert 0.1 < expected.mean() < 1.0
    assert (one.test() == expected).all()


def test_the_top_of_a_parabola_is_found():
    x = np.linspace(0.0, 4.0, 9)
    assert _top(x, 1.0 - 0.1 * (x - 2.3) ** 2) == pytest.approx(2.3)
    assert _top(x, x) == 4.0


@pytest.mark.compiled
def test_retention_is_a_power_law_and_no_exponential():
    curve = retention_curve(1, RETENTION[::2], items=120, n=512)
    assert curve.fit.power.r2 >= 0.95
    assert curve.fit.delta_aic > 10.0
    assert 0.05 <= curve.fit.power.parameters["b"] <= 0.3


@pytest.mark.compiled
def test_one_time_constant_fails_the_same_test():
    """The control: with a single level of 10 days nothing is lost for days, then all: no slow fall, by any measure."""
    curve = retention_curve(1, RETENTION[::2], items=40, n=256, levels=1, shortest=10.0 * DAY)
    assert curve.fit.power.parameters["b"] > 0.8
    assert curve.recalled[curve.delay < 2.0 * DAY].min() > 0.9
    assert curve.recalled[-1] < 0.1


@pytest.mark.slow
@pytest.mark.compiled
def test_the_best_gap_between_sessions_falls_in_relation_to_the_delay():
    gaps, delays = np.array([0.25, 1.0, 4.0, 11.0, 35.0]) * DAY, np.array([7.0, 350.0]) * DAY
    table = spacing(1, gaps, delays, items=250)
    assert table.ratio[0] > 2.0 * table.ratio[1]
    still = spacing(1, gaps[[0, 2]], delays, items=250, turnover=1e6 * DAY)
    gain, less = table.recalled[2] - table.recalled[0], still.recalled[1] - still.recalled[0]
    assert gain[1] > 0.05  # spaced beats massed at a year
    assert gain[1] > less[1]  # in part because silent synapses came to new places


@pytest.mark.compiled
def test_silenced_memories_are_relearned_in_fewer_sessions():
    one = savings(1, 20.0 * 60e3, items=60, n=512)
    assert one.known > 0.7
    assert one.silenced == 0.0
    assert one.saved >= 0.3


# ---- counting --------------------------------------------------------------------------------------------------------


def small_index(rng, number=12, n=100, k=8, cells=20, **options):
    net = ns.Network(dt=1.0, seed=5)
    store = IndexStore(net, Layer(net, "content", n, k), n=cells)
    shown = patterns(rng, number, n, k)
    store.store(shown)
    return store, shown, Forgetting(store, **options)


@pytest.mark.compiled
def test_only_accepted_and_used_recalls_count(rng):
    store, shown, forgetting = small_index(rng)
    store.calibrate(0.01, size=8, cues=200)
    strange = patterns(rng, 3, 100, 8)
    answer = store.recall(np.concatenate([shown[:4], strange]), reject=True)
    assert not answer.accepted[4:].any()
    forgetting.elapse(DAY)
    forgetting.recalled(answer, used=[True, True, False, False, True, True, True])
    assert forgetting.table["uses"].tolist() == [1, 1] + [0] * 10
    assert forgetting.table["last"].tolist()[1:3] == [forgetting.now, 0.0 + forgetting.table["last"][2]]


def test_uses_are_those_of_the_policy(rng):
    _, _, forgetting = small_index(rng, strength=Fsrs())
    policy, stored = Fsrs(), forgetting.table["stored"][0]
    forgetting.elapse(3.0 * DAY)
    forgetting.used([4, 4, 5], success=[True, True, False])
    now = forgetting.now
    twice = policy.used(policy.used(policy.first(stored), now), now)
    failed = policy.used(policy.first(stored), now, False)
    forgetting.elapse(9.0 * DAY)
    expected = [policy.retrievability(s, forgetting.now) for s in (twice, failed, policy.first(stored))]
    assert forgetting.usefulness()[[4, 5, 6]] == pytest.approx(expected)
    assert forgetting.table["uses"][[4, 5, 6]].tolist() == [2, 0, 0]


def test_value_and_strength_are_a_choice(rng):
    _, _, forgetting = small_index(rng, strength=Exponential(tau=DAY), value=lambda t: t["value"] * (1.0 + t["id"]))
    forgetting.track([3], 0.5)
    forgetting.elapse(DAY)
    assert forgetting.usefulness()[[2, 3]] == pytest.approx([3.0 * np.exp(-1.0), 2.0 * np.exp(-1.0)], rel=1e-6)
    with pytest.raises(ParameterError, match=r"track\(value\)"):
        forgetting.track([3], -1.0)
    with pytest.raises(ParameterError, match="no memory of number 99"):
        forgetting.used([99])


def test_competitors_lose_five_percent_of_their_own_synapses(rng):
    net = ns.Network(dt=1.0, seed=5)
    store = IndexStore(net, Layer(net, "content", 400, 60), n=4)
    a, near = np.arange(60), np.concatenate([np.arange(40), np.arange(100, 120)])
    store.store(np.stack([a, near, np.arange(200, 260)]))
    forgetting = Forgetting(store)
    done = forgetting.recalled(store.recall([a], k=3))
    assert done.strengthened.tolist() == [0]
    assert done.weakened.tolist() == [1]  # 40 of 60; the third had no support
    assert within(done.lost, 0.05, 120)
    assert done.lost > 0
    key = store.key["what"].edges()
    lost = key.post[key.weight == 0.0]
    assert set(lost) <= {store.index.uid[store.cell(1)[0]]}
    assert Forgetting(store, loss=0.0).recalled(store.recall([a], k=3)).lost == 0


def test_a_used_recall_makes_the_synapses_of_its_memory_more_lasting(rng):
    net = ns.Network(dt=1.0, seed=5)
    store = IndexStore(net, Layer(net, "content", 100, 8), n=20)
    store.store(patterns(rng, 6, 100, 8))
    fading = net.add(FadingSynapses(store.key["what"]))
    before = fading.level()
    forgetting = Forgetting(store, fading=fading)
    forgetting.used([2])
    mine = store.key["what"].post == store.index.uid[store.cell(2)[0]]
    assert (fading.level()[mine] == before[mine] + 1).all()
    assert (fading.level()[~mine] == before[~mine]).all()


# ---- forgetting ------------------------------------------------------------------------------------------------------


def small_pairs(rng, number=40, n=128, k=8):
    net = ns.Network(dt=1.0, seed=7)
    store = AssociativeStore(net, Layer(net, "a", n, k), Layer(net, "b", n, k))
    x, y = patterns(rng, number, n, k), patterns(rng, number, n, k)
    store.store(x, y)
    return store, x, y, Forgetting(store)


def owners(x, y, n):
    """How many pairs need each synapse: the obvious count."""
    count = np.zeros((n, n), int)
    for a, b in zip(x, y, strict=True):
        count[np.ix_(a, b)] += 1
    return count


def test_forgetting_takes_what_belongs_to_nobody_else(rng):
    store, x, y, forgetting = small_pairs(rng)
    store.net.compact()
    gone, size = np.array([3, 11, 30]), store.net.estimate()["bytes"]
    kept = np.setdiff1d(np.arange(40), gone)
    expected = (owners(x[gone], y[gone], 128) > 0) & (owners(x[kept], y[kept], 128) == 0)
    plan = forgetting.forget(gone)
    assert plan.dry_run
    assert plan.synapses == expected.sum()
    assert len(store.ids) == 40
    assert size == store.net.estimate()["bytes"]
    done = forgetting.forget(gone, dry_run=False)
    assert (done.synapses, done.shared, done.engrams) == (plan.synapses, plan.shared, 3)
    assert done.shared == ((owners(x[gone], y[gone], 128) > 0) & ~expected).sum()
    assert size - store.net.estimate()["bytes"] <= done.bytes
    assert store.net.estimate()["bytes"] < size
    assert done.collateral >= 0.0
    assert (store.recall(x[kept]).winners.dense() >= volleys("y", y[kept], 128).dense()).all()


@pytest.mark.compiled
@pytest.mark.parametrize("kind", ["pairs", "index"])
def test_what_was_deleted_is_not_found_again_and_what_was_not_is(rng, kind):
    if kind == "pairs":
        store, x, y, forgetting = small_pairs(rng)
        number = 40
    else:
        store, x, forgetting = small_index(rng)
        y, number = x, 12
    done = forgetting.forget(number=number // 2, dry_run=False, residue_check=True, probes=0)
    assert done.residue.cues == number // 2
    assert done.residue.clean
    assert done.residue.accepted <= 0.1
    answer = store.recall(x, reject=True)  # with the thresholds of the check
    back = answer.winners if kind == "pairs" else answer.values["what"]
    right = answer.accepted & (jaccard(back, volleys("y", y, back.n)) == 1.0)
    assert right.tolist() == np.isin(np.arange(number), store.ids).tolist()


def test_a_dry_run_changes_nothing(rng):
    store, _, _, forgetting = small_pairs(rng)
    weight, table = store.projection.weight.copy(), forgetting.table
    for mode in ("delete", "silence"):
        forgetting.forget(number=10, mode=mode)
    assert (store.projection.weight == weight).all()
    now = forgetting.table
    assert all((table[k] == now[k]).all() for k in ("id", "uses", "value", "silenced"))


def test_a_dry_run_measures_what_deletion_would_cost_the_others(rng):
    """Silence for a moment and deletion leave the same supports; the measurement must see damage where there is some."""
    net = ns.Network(dt=1.0, seed=7)
    store = AssociativeStore(net, Layer(net, "a", 64, 6), Layer(net, "b", 64, 6), max_fill=0.9)
    x, y = patterns(rng, 90, 64, 6), patterns(rng, 90, 64, 6)
    store.store(x, y)
    forgetting = Forgetting(store)
    expected = forgetting.forget(number=45, probes=1000)
    kept = np.setdiff1d(store.ids, expected.ids)
    before = jaccard(store.recall(x[kept]).winners, volleys("y", y[kept], 64)).mean()
    forgetting.forget(expected.ids, dry_run=False, probes=0)
    after = jaccard(store.recall(x[kept]).winners, volleys("y", y[kept], 64)).mean()
    assert expected.collateral == pytest.approx(after - before)
    assert expected.collateral > 0.05  # an overfull store gets better


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_a_budget_of_bytes_is_kept(rng, share):
    store, x, y, forgetting = small_pairs(rng)
    forgetting.elapse(DAY)
    forgetting.used([5, 6])
    budget = share * forgetting.nbytes
    done = forgetting.forget(budget_bytes=budget, dry_run=False)
    assert forgetting.nbytes <= budget
    assert len(store.ids) > 0.5 * share * 40
    assert {5, 6} <= set(store.ids.tolist())
    assert done.engrams == 40 - len(store.ids)
    assert forgetting.forget(budget_bytes=budget).engrams == 0


def test_who_goes_can_be_said_in_five_ways_but_only_one(rng):
    _, _, forgetting = small_index(rng, strength=PowerLaw())
    forgetting.track([0, 1, 2], [0.1, 0.0, 0.2])
    assert forgetting.plan(number=3).tolist() == [1, 0, 2]
    assert forgetting.plan(below=0.15).tolist() == [1, 0]
    assert forgetting.plan([2, 0]).tolist() == [0, 2]
    assert forgetting.plan(where=lambda t: t["value"] < 0.05).tolist() == [1]
    assert forgetting.plan(where=np.arange(12) == 4).tolist() == [4]
    assert forgetting.plan(budget_bytes=0).size == 12
    for wrong, text in [
        ({}, "in one way"),
        ({"below": 1.0, "number": 3}, "below, number"),
        ({"where": np.zeros(3)}, "bool for each"),
    ]:
        with pytest.raises(ParameterError, match=text):
            forgetting.plan(**wrong)
    with pytest.raises(ParameterError, match="'delete' or 'silence'"):
        forgetting.forget(number=1, mode="delet")
    with pytest.raises(ParameterError, match="needs mode='delete'"):
        forgetting.forget(number=1, residue_check=True)


@pytest.mark.parametrize("kind", ["pairs", "index"])
def test_silenced_memories_are_silent_and_wake_without_new_synapses(rng, kind):
    if kind == "pairs":
        store, x, y, forgetting = small_pairs(rng)
        shown = (x[[4, 9]], y[[4, 9]])
    else:
        store, x, forgetting = small_index(rng)
        shown = (x[[4, 9]],)
    net, view = store.net, belonging(store)
    cues, number = view.cues(np.array([4, 9])), net.n_synapses
    done = forgetting.forget([4, 9], mode="silence", dry_run=False)
    assert (done.bytes, net.n_synapses) == (0, number)
    assert view.answers(cues).quality.max() < 0.5
    assert forgetting.usefulness()[[4, 9]].tolist() == [0.0, 0.0]
    woken, grown = forgetting.relearn([4, 9], *shown)
    assert (woken, grown) == (done.synapses, 0)  # a new memory would have grown all of them
    assert (view.answers(cues).quality == 1.0).all()
    assert not forgetting.table["silenced"].any()


def test_a_silenced_memory_can_be_deleted_later_and_shared_synapses_wait_for_the_last(rng):
    store, x, y, forgetting = small_pairs(rng)
    forgetting.forget(number=20, mode="silence", dry_run=False)
    forgetting.forget(where=lambda t: ~t["silenced"], dry_run=False)
    assert (store.projection.weight == 0.0).all()  # only silenced ones are left
    done = forgetting.forget(where=lambda t: t["silenced"], dry_run=False)
    assert done.engrams == 20
    assert len(store.projection) == 0


def test_a_new_memory_wakes_silent_synapses_that_it_needs(rng):
    store, x, y, forgetting = small_pairs(rng)
    forgetting.forget([0], mode="silence", dry_run=False)
    (again,) = store.store(x[:1], y[:1])
    assert (store.recall(x[:1]).winners.place == y[0]).all()
    forgetting.forget([int(again)], dry_run=False)
    assert jaccard(store.recall(x[:1]).winners, volleys("y", y[:1], 128))[0] < 0.5


def test_times_and_counters_survive_saving(rng):
    store, _, forgetting = small_index(rng)
    forgetting.elapse(DAY)
    forgetting.used([1, 1, 7])
    other = Forgetting(store)
    other.set_arrays(forgetting.arrays())
    for k, v in forgetting.table.items():
        assert (other.table[k] == v).all(), k
    with pytest.raises(ParameterError, match="same strength"):
        Forgetting(store, strength=PowerLaw()).set_arrays(forgetting.arrays())


# ---- the stream ------------------------------------------------------------------------------------------------------


def test_a_stream_has_what_was_asked_for():
    stream = Stream.draw(1, 200, 128, 8)
    assert len(stream) == 600
    assert stream.useful.sum() == 60
    assert (stream.late <= stream.useful).all()
    asked = np.bincount(stream.cue[:, 1], minlength=600)
    assert set(asked[~stream.useful]) == {0}
    assert (asked[stream.late] == 5).all()
    assert (stream.cue[:, 0] > stream.cue[:, 1]).all()


@pytest.mark.compiled
def test_a_small_stream_keeps_what_is_useful_and_the_most_recent_do_not():
    results = {}
    for policy in ("useful", "lru"):
        store, capacity = index_store(1, n=128, k=10, cells=100)
        results[policy] = StreamRun(store, Stream.draw(1, capacity, 128, 10), policy, batch=4).run()
    kept, lru = results["useful"], results["lru"]
    assert kept.useful >= 0.95
    assert kept.useless <= 0.2
    assert kept.precision >= 0.95
    assert kept.fill.max() <= 0.4
    assert kept.flat <= 0.02
    assert kept.late - lru.late >= 0.2


@pytest.mark.slow
@pytest.mark.compiled
def test_a_stream_of_pairs_in_shared_synapses_keeps_what_is_useful():
    results = {}
    for policy in ("useful", "lru"):
        store, capacity = associative_store(2, n=512, k=16)
        results[policy] = StreamRun(store, Stream.draw(2, capacity, 512, 16), policy, batch=20).run()
    kept, lru = results["useful"], results["lru"]
    assert kept.useful >= 0.95
    assert kept.useless <= 0.2
    assert kept.precision >= 0.95
    assert kept.fill.max() <= 0.4
    assert kept.flat <= 0.02
    assert kept.late - lru.late >= 0.2
