"""Symbols: the algebra of block codes against loops and the specification's table; layers, roles and clean-up in spikes."""

import itertools

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ParameterError, WiringError
from neurosim.memory.block_codes import (
    BlockCode,
    Vocabulary,
    bundle,
    expected_recall,
    false_alarm_rate,
    support_threshold,
    unrelated_support,
    unrelated_support_of_union,
)
from neurosim.memory.symbols import CleanUp, SymbolLayer

# Specification 6.1: accuracy (accepted at 1 % false alarms) of K bound pairs, 1,000 symbols, 200 trials; D = 128 ... 2048.
WIDTHS = (128, 256, 512, 1024, 2048)
BLOCK = {
    5: ((0.90, 0.18), (1.0, 0.98), (1.0, 1.0), (1.0, 1.0), (1.0, 1.0)),
    10: ((0.405, 0.04), (0.92, 0.43), (1.0, 0.99), (1.0, 1.0), (1.0, 1.0)),
    20: ((0.14, None), (0.44, 0.04), (0.925, 0.43), (1.0, 0.99), (1.0, 1.0)),
}
MAP = {
    5: (0.99, 1.0, 1.0, 1.0, 1.0),
    10: (0.695, 0.97, 1.0, 1.0, 1.0),
    20: (0.275, 0.635, 0.97, 1.0, 1.0),
}
HRR = {
    5: (0.975, 1.0, 1.0, 1.0, 1.0),
    10: (0.705, 0.97, 1.0, 1.0, 1.0),
    20: (0.215, 0.61, 0.975, 1.0, 1.0),
}


def table_allows(p):
    """The specification's +-0.03, and two standard errors of its 200 trials."""
    return 0.03 + 2.0 * np.sqrt(p * (1.0 - p) / 200)


def some_vocabulary(n, **options):
    vocabulary = Vocabulary(**options)
    vocabulary.add(*(f"word {k}" for k in range(n)))
    return vocabulary


def random_code(rng, blocks=5, size=4, most=3):
    return BlockCode(rng.integers(0, most + 1, (blocks, size)))


# ---- algebra ---------------------------------------------------------------------------------------------------------


def bound_by_hand(a, c):
    """Circular convolution of each block, unit by unit."""
    out = np.zeros_like(a.counts)
    for b, p, q in itertools.product(range(a.blocks), range(a.size), range(a.size)):
        out[b, (p + q) % a.size] += a.counts[b, p] * c.counts[b, q]
    return BlockCode(out)


def test_binding_is_its_twin_and_codes_are_a_ring():
    rng = np.random.default_rng(1)
    for _ in range(20):
        a, b, c = (random_code(rng) for _ in range(3))
        assert a * b == bound_by_hand(a, b) == b * a
        assert (a * b) * c == a * (b * c)
        assert a * (b + c) == a * b + a * c
        assert ~(a * b) == ~a * ~b
        assert a / b == a * ~b
        assert bundle(a, b, c) == c + b + a
        assert (a / b).similarity(c) == a.similarity(c * b)  # unbinding is the adjoint of binding


def test_binding_of_symbols_is_a_shift_that_a_role_takes_back():
    v = some_vocabulary(3, blocks=7, size=5, seed=3)
    a, b, c = (v[name] for name in v)
    assert np.array_equal((a * b).phases, (a.phases + b.phases) % 5)
    assert a * b / b == a
    assert (a * c).similarity(b * c) == a.similarity(b) == int((a.phases == b.phases).sum())
    assert a * b / c != a


def test_a_bundle_thins_to_one_unit_a_block_or_to_each_unit_once():
    rng = np.random.default_rng(2)
    code = BlockCode(np.vstack([rng.integers(0, 4, (40, 6)), np.zeros((1, 6), int)]))
    thin = code.winners()
    phases = thin.phases
    assert phases[-1] == -1
    assert np.array_equal(code.counts[np.arange(40), phases[:40]], code.counts[:40].max(axis=1))
    assert thin.winners() == thin == thin.union()
    assert np.array_equal(code.union().units, np.flatnonzero(code.counts.ravel() > 0))
    with pytest.raises(ParameterError, match=r"BlockCode.phases: some block has several active units.*winners"):
        code.phases  # noqa: B018


def test_ties_favour_no_unit_and_do_not_depend_on_order():
    won = np.zeros(4, int)
    v = some_vocabulary(60, blocks=30, size=4)
    for one, two in itertools.pairwise(v):
        assert (v[one] + v[two]).winners() == (v[two] + v[one]).winners()
        tied = v[one].phases != v[two].phases
        won += np.bincount((v[one] + v[two]).winners().phases[tied], minlength=4)
    expected = won.sum() / 4
    assert ((won - expected) ** 2 / expected).sum() < 16.3  # chi squared, 3 degrees of freedom, p = 0.001
    assert won.sum() > 1000


def test_a_symbol_depends_on_seed_and_name_only():
    one, two = Vocabulary(seed=4), Vocabulary(seed=4)
    one.add("Ada", "Bob")
    two.add("Bob", "works at", "Ada", "Ada")
    assert one["Ada"] == two["Ada"]
    assert len(two) == 3
    assert one["Ada"].phases[:8].tolist() == [4, 14, 12, 3, 8, 8, 9, 7]  # saved networks hold these synapses
    other = Vocabulary(seed=5)
    other.add("Ada")
    assert other["Ada"].similarity(one["Ada"]) < 20
    assert (one.lookup(two["Bob"]), two.lookup(two["Bob"] * two["Ada"])) == ("Bob", None)
    one.remove("Bob")
    assert "Bob" not in one
    assert one.names == ["Ada"]


def test_symbols_coincide_by_chance_in_one_block_of_sixteen():
    v = some_vocabulary(400, seed=1)
    pairs = [v[a].similarity(v[b]) for a, b in itertools.pairwise(v)]  # 399 of Binomial(64, 1/16)
    assert abs(np.mean(pairs) - 4.0) < 4.0 * np.sqrt(3.75 / 399)
    assert abs(np.var(pairs) - 3.75) < 4.0 * 3.75 * np.sqrt(2.0 / 398)


# ---- how sure an answer is -------------------------------------------------------------------------------------------


def test_the_support_of_unrelated_symbols_is_exact():
    code = BlockCode([[2, 0, 1], [1, 1, 0], [0, 0, 0], [3, 0, 0]])
    every = [
        code.similarity(BlockCode.from_phases(phases, 3)) for phases in itertools.product(range(3), repeat=code.blocks)
    ]
    assert np.allclose(unrelated_support(code), np.bincount(every, minlength=7) / 81, atol=1e-15)


def test_the_threshold_is_the_least_that_keeps_the_rate():
    unrelated = unrelated_support_of_union(5, 64, 16)
    assert unrelated.sum() == pytest.approx(1.0)
    assert unrelated @ np.arange(65) == pytest.approx(64 * (1 - (15 / 16) ** 5))
    for symbols, rate in ((1, 0.05), (200, 0.01), (100_000, 0.001)):
        least = support_threshold(unrelated, symbols, rate)
        assert false_alarm_rate(unrelated, symbols, least) <= rate < false_alarm_rate(unrelated, symbols, least - 1)
        assert false_alarm_rate(unrelated, symbols, least) == pytest.approx(
            1 - (1 - unrelated[least:].sum()) ** symbols
        )
    assert support_threshold(unrelated_support_of_union(1, 4, 4), 1000, 0.01) == 5  # more than all blocks: hopeless


def test_an_absent_role_is_refused_and_a_present_one_answered():
    rng = np.random.default_rng(3)
    v = some_vocabulary(60, blocks=32, size=16, seed=2)
    words, roles = v.names[:50], v.names[50:]
    named = []
    for _ in range(150):
        fillers = rng.choice(words, 3, replace=False)
        shifts = BlockCode.from_phases(rng.integers(0, 16, 32), 16)
        fact = bundle(*(v[f] * v[r] for f, r in zip(fillers, roles[:3], strict=True)))
        answer = v.clean_up(fact / v[roles[0]], among=words)
        assert answer.name == fillers[0]
        assert answer.false_alarms <= 0.01
        assert answer.support >= max(32, answer.threshold)
        named.append(v.clean_up(fact / shifts, among=words).name)
    assert sum(name is not None for name in named) <= 6  # 1 % of 150; P(7 or more) = 0.001


def recall_of_blocks(rng, members, width, trials, symbols=1000, size=16):
    """(accuracy, accepted, false alarms) of a bundle with counts, at the threshold for 1 % that fits each bundle."""
    blocks = width // size
    first, won = np.arange(blocks) * size, np.zeros(3)
    words = rng.integers(0, size, (symbols, blocks))
    for _ in range(trials):
        roles, fillers = rng.integers(0, size, (members + 1, blocks)), rng.choice(symbols, members, replace=False)
        unit = first + (words[fillers] + roles[:members]) % size
        counts = np.bincount(unit.ravel(), minlength=width)
        least = support_threshold(unrelated_support(BlockCode(counts.reshape(blocks, size))), symbols, 0.01)
        present, absent = (counts[first + (words + role) % size].sum(axis=1) for role in (roles[0], roles[members]))
        won += present.argmax() == fillers[0], present.max() >= least, absent.max() >= least
    return won / trials


@pytest.mark.parametrize(("members", "width"), [(5, 128), (10, 256), (20, 128)])
def test_a_bundle_keeps_as_much_as_the_specification_measured(members, width):
    spec, accepts = BLOCK[members][WIDTHS.index(width)]
    trials = 400
    accuracy, accepted, wrong = recall_of_blocks(np.random.default_rng(4), members, width, trials)
    expected = expected_recall(members, 1000, blocks=width // 16)
    assert abs(accuracy - spec) < table_allows(spec)
    slack = (
        0.15 if width == 128 else 0.06
    )  # in 8 blocks all supports go up and down together, which the theory leaves out
    assert -0.05 < accuracy - expected.accuracy < slack
    assert -0.05 < accepted - expected.accepted < slack
    assert accepts is None or abs(accepted - accepts) < 0.1
    assert wrong < 0.01 + 3 * np.sqrt(0.01 / trials)


def recall_of_map(rng, members, width, trials, symbols=1000):
    """Multiply-add-permute, for comparison: codes of +-1, bound by products."""
    words, right = rng.choice([-1.0, 1.0], (symbols, width)), 0
    for _ in range(trials):
        roles, fillers = rng.choice([-1.0, 1.0], (members, width)), rng.choice(symbols, members, replace=False)
        right += (words @ ((words[fillers] * roles).sum(axis=0) * roles[0])).argmax() == fillers[0]
    return right / trials


def recall_of_hrr(rng, members, width, trials, symbols=1000):
    """Holographic reduced representations, for comparison: bound by circular convolution with unitary roles."""
    words, right = rng.standard_normal((symbols, width)), 0
    words /= np.linalg.norm(words, axis=1, keepdims=True)
    for _ in range(trials):
        roles = np.fft.rfft(rng.standard_normal((members, width)))
        roles /= np.abs(roles)
        fillers = rng.choice(symbols, members, replace=False)
        total = (np.fft.rfft(words[fillers]) * roles).sum(axis=0)
        right += (words @ np.fft.irfft(total * roles[0].conj(), width)).argmax() == fillers[0]
    return right / trials


@pytest.mark.slow
@pytest.mark.parametrize("members", [5, 10, 20])
def test_the_table_of_the_specification(members):
    rng = np.random.default_rng(5)
    for k, width in enumerate(WIDTHS):
        spec, accepts = BLOCK[members][k]
        trials = 200 if spec == 1.0 else 600
        accuracy, accepted, wrong = recall_of_blocks(rng, members, width, trials)
        expected = expected_recall(members, 1000, blocks=width // 16)
        assert abs(accuracy - spec) < table_allows(spec), width
        # its threshold was a quantile of 200 trials: one block more or less is 0.1 where it matters
        assert accepts is None or abs(accepted - accepts) < (0.25 if 0.1 < accepts < 0.9 else 0.1), width
        assert -0.08 < accepted - expected.accepted < 0.15, width
        assert wrong < 0.01 + 3 * np.sqrt(0.01 / trials), width
        for measured, table in ((recall_of_map, MAP), (recall_of_hrr, HRR)):
            p = table[members][k]
            assert abs(measured(rng, members, width, 200 if p == 1.0 else 600) - p) < table_allows(p), (measured, width)


# ---- volleys and roles -----------------------------------------------------------------------------------------------


def small(seed=1, words=6, blocks=16, size=8, **options):
    """(network, vocabulary of words and three roles, layer)."""
    net = ns.Network(dt=0.1, seed=seed)
    v = some_vocabulary(words, blocks=blocks, size=size, seed=seed)
    v.add("subject", "relation", "object", "elsewhere")
    return net, v, SymbolLayer(net, v, "layer")


def test_a_volley_is_all_units_of_a_code_in_one_step():
    net, v, layer = small()
    spikes = net.record(layer.units, "spikes")
    layer.present(v["word 0"] + v["word 1"])
    net.run(1.0)
    assert spikes.count == (v["word 0"] + v["word 1"]).units.size
    assert set(spikes.step.tolist()) == {2}  # a spike of the input in the first step, of the unit in the second
    assert layer.read() == (v["word 0"] + v["word 1"]).union()
    layer.present(v["word 2"])
    net.run(0.5)
    assert v.lookup(layer.read()) == "word 2"


def test_three_layers_write_a_fact_in_one_volley_and_roles_read_it_in_one_more():
    net, v, fact = small()
    parts = {role: SymbolLayer(net, v, role) for role in ("subject", "relation", "object")}
    answers = {role: SymbolLayer(net, v, f"{role} read") for role in parts}
    for role, part in parts.items():
        assert len(part.binds(v[role], fact)) == v.dimension
        assert len(fact.unbinds(v[role], answers[role])) == v.dimension
    for k, part in enumerate(parts.values()):
        part.present(v[f"word {k}"])
    net.run(0.5)
    said = v["word 0"] * v["subject"] + v["word 1"] * v["relation"] + v["word 2"] * v["object"]
    assert fact.read() == said.union()
    assert [layer.last_step for layer in (parts["object"], fact, answers["object"])] == [2, 3, 4]
    for k, (role, answer) in enumerate(answers.items()):
        assert answer.read() == said.union() / v[role]
        assert v.clean_up(answer.read()).name == f"word {k}"


def test_what_a_layer_cannot_take_is_refused():
    net, v, layer = small()
    with pytest.raises(ParameterError, match=r"layer: its units are 16 blocks of 8, the code has 2 of 3"):
        layer.present(BlockCode.from_phases([0, 1], 3))
    with pytest.raises(ParameterError, match=r"layer: a role needs one active unit in every block"):
        layer.binds(BlockCode.from_phases([-1] + 15 * [0], 8), SymbolLayer(net, v, "other"))
    with pytest.raises(WiringError, match=r"layer: a role needs another layer.*SymbolLayer\(net"):
        layer.binds(v["object"], layer)
    with pytest.raises(ParameterError, match=r"Vocabulary\['word 7'\]: no such symbol.*Did you mean 'word "):
        v["word 7"]
    with pytest.raises(ParameterError, match=r"BlockCode \*: 16 blocks of 8 and 1 blocks of 3 do not go together"):
        v["word 1"] * BlockCode([[1, 0, 0]])
    net.add_population("words", ns.LIF(), 3)
    with pytest.raises(ParameterError, match=r"'words': the network has a population of this name already, of 3 LIF"):
        CleanUp(net, layer, "words")


# ---- clean-up --------------------------------------------------------------------------------------------------------


def with_support(v, name, support, rng):
    """The code of a symbol with all blocks but so many shifted, so that they coincide no more."""
    phases = v[name].phases
    wrong = rng.permutation(v.blocks)[support:]
    phases[wrong] = (phases[wrong] + rng.integers(1, v.size, wrong.size)) % v.size
    return BlockCode.from_phases(phases, v.size)


def test_the_latency_of_the_winner_is_its_support_and_below_threshold_nobody_fires():
    net, v, layer = small()
    clean_up = CleanUp(net, layer, "words", members=1, false_alarms=0.05)
    clean_up.learn(*v.names[:6])
    spikes = net.record(clean_up.cells, "spikes")
    rng = np.random.default_rng(6)
    heard = []
    for support in range(16, clean_up.threshold - 2, -1):
        code = with_support(v, "word 3", support, rng)
        before, exact = spikes.count, v.similarities(code, clean_up.names)
        answer = clean_up.ask(code)
        assert answer.tied == tuple(np.array(clean_up.names)[exact == max(exact.max(), clean_up.threshold)])
        assert spikes.count - before == len(answer.tied)  # inhibition leaves the losers silent
        if exact.max() >= clean_up.threshold:
            assert answer.support == exact.max()
            assert answer.latency == pytest.approx(0.1 * (2 + 3 * (16 - exact.max())))
        heard.append(answer.name)
    assert heard[0] == heard[1] == "word 3"
    assert heard[-1] is None
    before, second = spikes.count, BlockCode.from_units(v["word 4"].units[:15], 16, 8)
    answer = clean_up.ask(v["word 0"] + second)
    assert (answer.tied, answer.support) == (("word 0",), 16)
    assert spikes.count - before == 1  # the second, above the threshold and a block behind, is silenced in time
    assert clean_up.ask(v["word 0"] + v["word 4"]).tied == ("word 0", "word 4")
    assert clean_up.ask(BlockCode(np.zeros((16, 8), int))).name is None  # no volley, and not the last answer again
    assert clean_up.ask(with_support(v, "word 0", 0, rng)).name is None


def test_what_is_left_of_a_weak_volley_or_a_race_does_not_count_for_the_next():
    net, v, layer = small()
    clean_up = CleanUp(net, layer, "words", members=1, false_alarms=0.05)
    clean_up.learn(*v.names[:6])
    gate = net.record(net.populations["words.gate"], "spikes")
    few, more = (BlockCode.from_units(v["word 1"].units[:n], 16, 8) for n in (7, 8))  # half of the blocks are a volley
    weak = with_support(v, "word 1", clean_up.threshold - 1, np.random.default_rng(7))
    layer.present(few)
    net.run(0.1)
    assert clean_up.ask(weak).name is None  # whatever the seven spikes before it said for the word
    assert gate.step.tolist() == [4]  # the full volley alone has opened it: input 2, unit 3
    layer.present(more)
    net.run(clean_up.longest)
    assert gate.count == 2
    assert clean_up.ask(weak).name is None
    assert clean_up.ask(weak).name is None  # twice just too little is not enough
    assert not clean_up.cells.charge.any()
    assert not clean_up.cells.racing.any()


def test_forgetting_removes_the_synapses_of_the_symbol_and_nothing_else():
    net, v, layer = small()
    target = SymbolLayer(net, v, "clean")
    clean_up = CleanUp(net, layer, "words", members=1, target=target)
    clean_up.learn(*v.names[:4])
    edges = clean_up.afferent.edges()
    kept = set(zip(edges.pre.tolist(), edges.post.tolist(), strict=True))
    uid = clean_up.cell("word 2")
    assert clean_up.forget("word 2") == 16 + 16
    edges = clean_up.afferent.edges()
    gone = kept - set(zip(edges.pre.tolist(), edges.post.tolist(), strict=True))
    assert gone == {(int(pre), uid) for pre in layer.units.uid[v["word 2"].units]}
    assert len(edges) == len(clean_up.efferent) == 3 * 16
    assert [clean_up.ask(v[name]).name for name in v.names[:4]] == ["word 0", "word 1", None, "word 3"]
    with pytest.raises(ParameterError, match=r"words: does not know the symbol 'word 2'.*clean_up.learn\('word 2'\)"):
        clean_up.forget("word 2")
    clean_up.learn("word 5", "word 0")
    assert clean_up.cell("word 5") == uid  # the cell is used again
    assert (len(clean_up), len(clean_up.cells)) == (4, 4)
    assert clean_up.ask(v["word 5"]).name == "word 5"
    assert v.lookup(target.read()) == "word 5"  # the winner has spoken


def test_knowledge_is_in_the_synapses_support_falls_with_each_one_lost():
    net, v, layer = small()
    clean_up = CleanUp(net, layer, "words", members=1, false_alarms=0.05)
    clean_up.learn(*v.names[:3])
    uid = layer.units.uid[v["word 1"].units]
    for lost in range(1, 16 - clean_up.threshold + 2):
        clean_up.afferent.remove(pre=uid[lost - 1], post=clean_up.cell("word 1"))
        answer = clean_up.ask(v["word 1"])
        if 16 - lost >= clean_up.threshold:
            assert (answer.name, answer.support) == ("word 1", 16 - lost)
        else:
            assert answer.name is None
    assert clean_up.ask(v["word 2"]).support == 16


def test_a_loaded_network_tells_its_symbols_by_its_synapses(tmp_path):
    net, v, layer = small()
    asked = SymbolLayer(net, v, "asked")
    layer.unbinds(v["object"], asked)
    clean_up = CleanUp(net, asked, "words", members=2)
    clean_up.learn("word 4", "word 1", "word 3")
    clean_up.forget("word 1")
    net.save(str(tmp_path / "net"))
    again = ns.load(str(tmp_path / "net"))
    layers = [SymbolLayer(again, v, name) for name in ("layer", "asked")]
    known = CleanUp(again, layers[1], "words", members=2)
    assert known.names == ["word 4", "word 3"]
    fact = v["word 3"] * v["object"] + v["word 5"] * v["subject"]
    answers = []
    for front, memory in ((layer, clean_up), (layers[0], known)):
        front.present(fact)
        memory.net.run(memory.longest)
        answers.append(memory.read())
    assert answers[0] == answers[1]
    assert answers[0].name == "word 3"


def test_too_many_symbols_for_the_blocks_are_refused_before_anything_grows():
    net, v, layer = small(words=40, blocks=4, size=4)
    clean_up = CleanUp(net, layer, "words", members=1, false_alarms=0.05)
    with pytest.raises(ParameterError, match=r"with 40 symbols and 1 bound pairs even a perfect match.*blocks=8"):
        clean_up.learn(*v.names[:40])
    assert (len(clean_up), len(clean_up.cells), len(clean_up.afferent)) == (0, 0, 0)
    clean_up.learn("word 0")
    assert clean_up.ask(v["word 0"]).name == "word 0"
    with pytest.raises(WiringError, match=r"its target must be another layer"):
        CleanUp(net, layer, "more", target=layer)


def spiking_trials(trials, words, blocks, members, seed=8):
    """(same winner as argmax, right, absent role refused) of unbinding and clean-up in spikes; fractions of the trials."""
    rng = np.random.default_rng(seed)
    net = ns.Network(dt=0.1, seed=seed)
    v, roles = some_vocabulary(words, blocks=blocks, seed=seed), some_vocabulary(members + 1, blocks=blocks, seed=99)
    fact, asked, absent = (SymbolLayer(net, v, name) for name in ("fact", "asked", "absent"))
    fact.unbinds(roles["word 0"], asked)
    fact.unbinds(roles[f"word {members}"], absent)
    found, lost = (CleanUp(net, layer, f"{layer.name} words", members=members) for layer in (asked, absent))
    found.learn(*v.names)
    lost.learn(*v.names)
    counts = np.zeros(3)
    for _ in range(trials):
        fillers = rng.choice(v.names, members, replace=False)
        code = bundle(*(v[name] * roles[f"word {k}"] for k, name in enumerate(fillers)))
        best = v.names[int(v.similarities(code / roles["word 0"]).argmax())]
        began = net.now
        fact.present(code)
        net.run(found.longest)
        answer = found.read(since=began)
        counts += answer.name == best, answer.name == fillers[0], lost.read(since=began).name is None
    return counts / trials


def test_spikes_find_the_winner_of_the_algebra(sized):
    same, right, refused = spiking_trials(sized(40, 3), words=sized(50, 8), blocks=sized(32, 8), members=sized(4, 2))
    assert same >= 0.98
    assert right >= 0.98
    assert refused >= sized(0.92, 0.6)


@pytest.mark.slow
@pytest.mark.compiled
def test_spikes_find_the_winner_of_the_algebra_at_full_size():
    same, right, refused = spiking_trials(200, words=200, blocks=64, members=5)
    assert same >= 0.98
    assert right >= 0.98
    assert refused >= 0.95
