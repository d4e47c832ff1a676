"""The class-incremental learner in spikes against plain twins, its rules one by one, its rivals, and the digits themselves."""

import json

import numpy as np
import pytest
from marks import compiled_slowly

import neurosim as ns
from neurosim import cli
from neurosim.errors import ParameterError
from neurosim.memory.class_parameters import Classes
from neurosim.memory.classes import AwakeCortex, ClassMemory
from neurosim.memory.failures import CapacityFull, IncompatibleSnapshot
from neurosim.memory.incremental import Course, NearestMean, Perceptron, StreamingLDA, one_after_another, rivals
from neurosim.memory.sensing import bursts, spread

SMALL = Classes(
    volleys=4, contrast=1.5, engrams=6, vigilance=0.85, keep=2, mixed=24, active=4, inputs=3, up=0.1, down=0.05, margin=1.0,
    bonus=1.0, replays=6,
)  # fmt: skip


def small(seed=1, **changed):
    parameters = Classes(**{**{k: getattr(SMALL, k) for k in SMALL.__dataclass_fields__}, **changed})
    return ClassMemory(ns.Network(dt=1.0, seed=seed), 8, 2, parameters=parameters)


def noisy(rng, labels):
    """Images of two classes: one bright at the left, one at the right, pixels 0 to 1."""
    left = np.array([1.0, 0.9, 0.8, 0.5, 0.2, 0.0, 0.0, 0.0])
    return np.abs(np.where(np.array(labels)[:, None] == 0, left, left[::-1]) + rng.normal(0.0, 0.15, (len(labels), 8)))


def weights(projection, rows, columns):
    """Dense weights by uid, 0 where there is no synapse."""
    table, edges = np.zeros((rows.size, columns.size)), projection.edges()
    table[np.searchsorted(rows, edges.pre), np.searchsorted(columns, edges.post)] = edges.weight
    return table


# ---- images as bursts ---------------------------------------------------------------------------------------------------


def test_bursts_have_constant_contrast_and_are_spread_evenly():
    images = np.array([[3.0, 4.0, 0.0], [30.0, 40.0, 0.0], [0.0, 0.0, 0.0]])
    counts = bursts("images", images, 3, 10, 1.0)
    assert counts.tolist() == [[6, 8, 0], [6, 8, 0], [0, 0, 0]]
    when, shown = spread(np.array([[4, 1, 0]]), np.array([100]), 8)
    fired = [(100 + [1, 3, 5, 7][k], 0) for k in range(4)] + [(104, 1)]
    assert sorted(zip(when[shown.which].tolist(), shown.place.tolist(), strict=True)) == sorted(fired)


# ---- a day ---------------------------------------------------------------------------------------------------------------


@compiled_slowly
def test_one_presentation_writes_the_image_into_synapses():
    memory = small()
    image = np.array([4.0, 3.0, 2.0, 1.0, 0.0, 0.0, 1.0, 0.0])
    day = memory.learn(image, [1])
    assert (day.recognised, day.mistaken, day.novel) == (0, 0, 1)
    rate = bursts("image", image, 8, 4, 1.5)[0] / 4
    keys, values = memory.keys, memory.values
    np.testing.assert_allclose(weights(values, memory.engrams.uid, memory.sensors.uid)[0], rate, rtol=0, atol=1e-6)
    # the trace fades by a few per cent within a burst, so a key knows a little of when its sensor fired
    np.testing.assert_allclose(weights(keys, memory.sensors.uid, memory.engrams.uid)[:, 0], rate, rtol=0, atol=0.02)
    edges = memory.naming.edges()
    assert edges.pre.tolist() == [memory.engrams.uid[0]]
    assert edges.post.tolist() == [memory.names.uid[1]]
    assert memory.recruiting.candidate == 1


def twin_of_a_day(memory, images, labels):
    """Nearest engram by inner product; right: running mean; wrong or not near enough: a new one."""
    p, w, echo, names, wins, told = memory.parameters, [], [], [], [], []
    for x, label in zip(bursts("images", images, 8, p.volleys, p.contrast) / p.volleys, labels, strict=True):
        support = [p.volleys * x @ one / memory.full for one in w]
        best = int(np.argmax(support)) if w else -1
        near = best >= 0 and support[best] >= p.vigilance
        told.append("novel" if not near else "recognised" if names[best] == label else "mistaken")
        if told[-1] == "recognised":
            wins[best] += 1
            w[best] = w[best] + (x - 0.9 * w[best]) / wins[best]
            echo[best] = echo[best] + (x - echo[best]) / wins[best]
        else:
            w, echo, names, wins = [*w, x], [*echo, x], [*names, label], [*wins, 1]
    return told, np.array(w), np.array(echo), names, wins


@compiled_slowly
def test_a_day_is_what_the_twin_says(rng_seed=5):
    labels = [0, 0, 1, 0, 1, 1, 0, 1, 0, 0]
    images = noisy(np.random.default_rng(rng_seed), labels)
    images[-1] = images[2]  # looks like a 1, is called 0: a mistake
    memory = small()
    day = memory.learn(images, labels)
    told, keys, echo, names, wins = twin_of_a_day(memory, images, labels)
    assert [day.recognised, day.mistaken, day.novel] == [told.count(k) for k in ("recognised", "mistaken", "novel")]
    assert day.mistaken == 1
    assert day.recognised >= 4
    means, of = memory.echoes()
    assert of.tolist() == names
    assert memory.engrams.cells.wins[memory.places].tolist() == wins
    np.testing.assert_allclose(means, echo, rtol=0, atol=1e-6)
    found = weights(memory.keys, memory.sensors.uid, memory.engrams.uid)[:, memory.places].T
    np.testing.assert_allclose(found, keys, rtol=0, atol=0.03)


@compiled_slowly
def test_answers_change_nothing_and_follow_the_nearest_engram():
    memory = small()
    images = noisy(np.random.default_rng(2), [0, 1, 0, 1])
    memory.learn(images[:2], [0, 1])
    before = [getattr(memory, part).weight.copy() for part in ("keys", "values", "naming", "evidence")]
    assert memory.answer(images[2:], by="episodic").tolist() == [0, 1]
    memory.dream(2)
    after = [getattr(memory, part).weight for part in ("keys", "values", "naming", "evidence")]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert memory.answer(np.zeros((1, 8)), by="episodic").tolist() == [-1]  # nothing is seen, nobody answers


@compiled_slowly
def test_a_full_memory_says_so_and_forgetting_makes_room():
    memory = small(engrams=2, vigilance=1.0)
    images = np.repeat(np.eye(4)[:3], 2, axis=1)  # two pixels each
    memory.learn(images[:2], [0, 1])
    with pytest.raises(
        CapacityFull, match=r"all 2 engram cells are in use, and 1 images were new; .*Classes\(engrams=4\)"
    ):
        memory.learn(images[2:], [0])
    night = memory.sleep(1)  # each has won once, fewer than keep = 2
    assert (night.forgotten, night.replays, memory.places.size) == (2, 0, 0)
    assert memory.retained()["keys"] == memory.retained()["values"] == memory.retained()["naming"] == 0
    memory.learn(images[2:], [0])
    assert memory.answer(images[2:], by="episodic").tolist() == [0]


# ---- a night --------------------------------------------------------------------------------------------------------------


@compiled_slowly
@pytest.mark.compiled
def test_replays_have_the_rates_that_the_synapses_say():
    memory = small(keep=1, vigilance=0.6)
    rng = np.random.default_rng(3)
    memory.learn(noisy(rng, [0] * 6), [0] * 6)
    memory.sleep(1)
    rate = memory.echoes()[0]
    assert len(rate) == 1  # one engram, so nobody else replays
    dreams = memory.dream(400)
    dreams = dreams[dreams.any(1)]
    error = 4.5 * np.sqrt(4 * rate[0] * (1 - rate[0]) / len(dreams)) + 1e-6
    assert (np.abs(dreams.mean(0) - 4 * rate[0]) <= error).all()


@compiled_slowly
def test_nobody_replays_what_was_not_lived():
    memory = small()
    before = memory.evidence.weight.copy()
    night = memory.sleep(3)
    assert (night.replays, night.forgotten, night.synapses) == (0, 0, 0)
    assert np.array_equal(before, memory.evidence.weight)
    assert not memory.dream(2).any()


@compiled_slowly
def test_the_cortex_learns_taught_minus_guessed():
    memory = small()
    p, labels = memory.parameters, [0, 1, 1, 0, 1]
    mixed, names = memory.net.record(memory.mixed.cells), memory.net.record(memory.names.cells)
    begin = memory.net.step
    memory.study(noisy(np.random.default_rng(4), labels), labels)
    period = (memory.net.step - begin - 1) // len(labels)
    weight = np.full((p.mixed, 2), 0.5)
    for k, label in enumerate(labels):
        low = begin + 1 + k * period
        active = np.unique(mixed.index[(mixed.step > low) & (mixed.step <= low + period)])
        assert active.size >= p.active
        mine = (names.step > low) & (names.step <= low + period)
        guessed = names.index[mine & (names.step > low + 20)]  # the teacher made its name fire at the beginning
        weight[active, label] += 0 if label in guessed else p.up
        for other in np.setdiff1d(guessed, [label]):
            weight[active, other] -= p.down
    np.testing.assert_allclose(weights(memory.evidence, memory.mixed.uid, memory.names.uid), weight, rtol=0, atol=1e-6)
    assert not np.allclose(weight, 0.5)


@compiled_slowly
@pytest.mark.compiled
def test_sleep_teaches_the_cortex_and_the_cortex_answers_alone():
    labels = [0, 1] * 8
    images = noisy(np.random.default_rng(6), labels)
    memory = small(replays=60, vigilance=0.8)
    memory.learn(images, labels)
    night = memory.sleep()
    assert night.replays >= 50
    fresh = noisy(np.random.default_rng(7), labels)
    assert (memory.answer(fresh, by="cortex") == labels).mean() >= 0.9


# ---- saving --------------------------------------------------------------------------------------------------------------


@compiled_slowly
@pytest.mark.compiled
def test_save_load_continue(tmp_path):
    labels = [0, 1, 0, 1, 1]
    images = noisy(np.random.default_rng(8), labels)
    memory = small(keep=1)
    memory.learn(images[:3], labels[:3])
    memory.sleep()
    memory.net.save(tmp_path / "memory.npz")
    other = ClassMemory.attach(ns.load(tmp_path / "memory.npz"), parameters=memory.parameters)
    for one in (memory, other):
        one.learn(images[3:], labels[3:])
        one.sleep()
    for part in ("keys", "values", "naming", "evidence"):
        a, b = getattr(memory, part).edges(), getattr(other, part).edges()
        assert np.array_equal(a.pre, b.pre)
        assert np.array_equal(a.post, b.post)
        assert np.array_equal(a.weight, b.weight)
    assert memory.retained() == other.retained()
    with pytest.raises(IncompatibleSnapshot, match=r"Classes\(engrams=6, mixed=24, active=4\)"):
        ClassMemory.attach(other.net)


# ---- the protocol and the rivals ------------------------------------------------------------------------------------------


def test_forgetting_and_transfer_are_as_defined():
    nan = np.nan
    course = Course(np.array([[0.8, nan, nan], [0.9, 0.7, nan], [0.5, 0.6, 1.0]]), 0.7, True)
    assert course.forgetting == pytest.approx(((0.9 - 0.5) + (0.7 - 0.6)) / 2)
    assert course.backward_transfer == pytest.approx(((0.5 - 0.8) + (0.6 - 0.7)) / 2)


@compiled_slowly
def test_images_are_unreachable_after_their_task_and_a_hoarder_is_caught():
    labels = np.array([0, 1, 0, 1, 0, 1])
    images = noisy(np.random.default_rng(9), labels)

    class Hoarder(NearestMean):
        def learn(self, images, labels):
            super().learn(images, labels)
            self.hoard = images

    memory = small(replays=2)
    split = images, labels, np.arange(4), np.arange(4, 6), [[0], [1]]
    course = one_after_another(memory, *split)
    assert course.unreachable
    assert course.accuracy.shape == (2, 2)
    assert not one_after_another(Hoarder(8, 2), *split).unreachable
    for layer in (memory.sensors, memory.engrams, memory.mixed, memory.names, memory.labels, memory.now):
        block, _ = memory.net.engine.home[layer.cue.number]
        assert all(
            len(part) == 0 for part in block.lists[layer.cue.number]
        )  # no spikes of images wait to be played again


def test_the_nearest_mean_of_what_came_in_parts():
    rng = np.random.default_rng(10)
    labels = rng.integers(0, 3, 60)
    images = rng.normal(size=(60, 5)) + labels[:, None]
    mine = NearestMean(5, 3)
    for part in np.array_split(np.arange(60), 4):
        mine.learn(images[part], labels[part])
    means = [images[labels == c].mean(0) for c in range(3)]
    fresh = rng.normal(size=(40, 5)) + 1.0
    assert mine.answer(fresh).tolist() == [int(np.argmin([np.sum((x - m) ** 2) for m in means])) for x in fresh]


def test_the_streaming_scatter_is_that_within_classes():
    rng = np.random.default_rng(11)
    labels = rng.integers(0, 3, 50)
    images = rng.normal(size=(50, 4)) + labels[:, None]
    mine = StreamingLDA(4, 3)
    mine.learn(images[:20], labels[:20])
    mine.learn(images[20:], labels[20:])
    away = images - np.array([images[labels == c].mean(0) for c in range(3)])[labels]
    np.testing.assert_allclose(mine.scatter, away.T @ away, rtol=1e-9, atol=1e-9)


def test_a_step_of_the_perceptron_goes_down_the_gradient():
    rng = np.random.default_rng(12)
    x, y = rng.random((3, 4)), np.array([0, 1, 1])
    net = Perceptron(4, 2, hidden=5, rate=1e-3, seed=1)

    def loss():
        out = np.maximum(x @ net.weights[0] + net.biases[0], 0.0) @ net.weights[1] + net.biases[1]
        return float((np.log(np.exp(out).sum(1)) - out[np.arange(3), y]).mean())

    slopes = []
    for table in (*net.weights, *net.biases):
        slope = np.zeros_like(table)
        for at in np.ndindex(table.shape):
            kept = table[at]
            table[at] = kept + 1e-6
            up = loss()
            table[at] = kept - 1e-6
            slope[at] = (up - loss()) / 2e-6
            table[at] = kept
        slopes.append(slope)
    before = [a.copy() for a in (*net.weights, *net.biases)]
    net._step(x, y)
    for old, new, slope in zip(before, (*net.weights, *net.biases), slopes, strict=True):
        np.testing.assert_allclose(new - old, -1e-3 * slope, rtol=0, atol=1e-9)


def test_a_buffer_holds_as_many_of_each_class():
    rng = np.random.default_rng(13)
    net = Perceptron(4, 6, buffer=12, epochs=1, seed=1)
    for low in (0, 2, 4):
        net.learn(rng.random((30, 4)), rng.integers(low, low + 2, 30))
    assert np.bincount(net.kept[1]).tolist() == [2] * 6
    assert net.retained()["numbers"] == 4 * 200 + 200 + 200 * 6 + 6 + 12 * 4 + 12


# ---- mistakes -------------------------------------------------------------------------------------------------------------


def test_mistakes_are_told():
    memory = small()
    for call, text in (
        (lambda: memory.learn(np.ones((1, 7)), [0]), r"images: need 8 columns, one per sensor, got shape \(1, 7\)"),
        (lambda: memory.learn(-np.ones((1, 8)), [0]), r"not negative; images - images.min\(\)"),
        (lambda: memory.learn(np.ones((1, 8)), [2]), r"labels are 0 \.\.\. 1, got 2"),
        (lambda: memory.learn(np.ones((2, 8)), [0]), r"needs 2 labels"),
        (lambda: memory.answer(np.ones((1, 8)), by="dream"), r"must be 'both', 'episodic' or 'cortex', got 'dream'"),
        (lambda: memory.sleep(0), r"sleep\(replays\)"),
        (lambda: Classes(vigilance=1.5), r"Classes\.vigilance"),
        (lambda: ClassMemory(ns.Network(dt=0.1), 8, 2), r"steps of 1 ms.*ns\.Network\(dt=1\.0\)"),
        (lambda: ClassMemory(ns.Network(dt=1.0), 4, 2), r"inputs = 8 of 4 sensors"),
    ):
        with pytest.raises(ParameterError, match=text):
            call()


# ---- the digits -----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.compiled
def test_digits_class_by_class_beat_the_nearest_mean_without_stored_samples():
    datasets = pytest.importorskip("sklearn.datasets")
    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.default_rng([20, 64]).permutation(len(labels))
    split = images, labels, order[:1258], order[1258:], [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]]
    memory = ClassMemory(ns.Network(dt=1.0, seed=20), 64, 10, parameters=Classes(replays=600))
    mine = one_after_another(memory, *split)
    theirs = one_after_another(rivals(64, 10)["nearest mean"], *split)
    assert mine.unreachable
    assert mine.final > theirs.final + 0.02
    assert mine.final >= 0.93  # 0.96 +- 0.01 over seeds
    assert memory.retained()["numbers"] < 12_000  # a perceptron of 64-200-10 has 15,010 and forgets
    test = order[1258:]
    alone = (memory.answer(images[test], by="cortex") == labels[test]).mean()
    awake = AwakeCortex(ClassMemory(ns.Network(dt=1.0, seed=20), 64, 10))
    forgets = one_after_another(awake, *split)
    assert alone >= 0.8
    assert forgets.final <= 0.4


@pytest.mark.slow
@pytest.mark.compiled
def test_the_scenario_tells_who_wins_and_who_loses(tmp_path):
    pytest.importorskip("sklearn.datasets")
    main = cli.scenario_main(cli.find_scenario("continual"))
    lines = main(duration=10_000.0, seed=2, out=tmp_path, images=500, epochs=3)
    assert (tmp_path / "continual.png").read_bytes().startswith(b"\x89PNG")
    report = json.loads((tmp_path / "report.json").read_text())
    rows = report["learners"]
    mine = rows.pop("memory")["accuracy"]
    rows.pop("awake cortex")
    told = {verdict: " ".join(x for x in lines if x.startswith(verdict)) for verdict in ("better than", "loses to")}
    for name, row in rows.items():
        assert f"{name} {row['accuracy']:.3f}" in told["better than" if row["accuracy"] < mine else "loses to"]
    assert "images are gone" in lines[-1]
