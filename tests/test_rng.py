"""Random numbers and elementary functions of the kernels: known answers, laws, error bounds, and the same bits anywhere."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import naive
import numpy as np
import pytest
from scipy import stats

from neurosim.kernels import rng as kernel
from neurosim.kernels.compiled import kernel as compiled
from neurosim.kernels.mathematics import cos_turns, exp, log, normal_of, power
from neurosim.kernels.stimuli import fill_normal, fill_uniform

KEY = np.uint64(0x2545F491)
EPS = np.finfo(np.float64).eps

# Random123's kat_vectors, philox 2x32 10 rounds: counter (low, high), key, answer (first word, second word)
KNOWN = [
    ((0, 0, 0), (0xFF1DAE59, 0x6CD10DF2)),
    ((0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF), (0x2C3F628B, 0xAB4FD7AD)),
    ((0x243F6A88, 0x85A308D3, 0x13198A2E), (0xDD7CE038, 0xF62A4C12)),
]


@compiled
def each(which, x, y, out):
    """out[i] = one of the elementary functions of x[i] (and y[i])."""
    for i in range(x.size):
        if which == 0:
            out[i] = exp(x[i])
        elif which == 1:
            out[i] = log(x[i])
        elif which == 2:
            out[i] = cos_turns(x[i])
        else:
            out[i] = power(x[i], y[i])


def applied(which, x, y=None):
    x = np.ascontiguousarray(x, np.float64)
    out = np.zeros(x.size)
    each(which, x, x if y is None else np.ascontiguousarray(y, np.float64), out)
    return out


# ---- random numbers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "answer"), KNOWN)
def test_philox_gives_the_known_answers_of_random123(asked, answer):
    right = answer[0] << 32 | answer[1]
    assert int(kernel.philox(*map(np.uint64, asked))) == right
    assert naive.philox(*asked) == right


def test_draws_equal_their_plain_twins():
    key = int(KEY)
    for step in (0, 1, 77_777, 2**31, 2**32 - 1):
        for uid in (0, 1, 2, 3, 12_345, 2**31 + 1):
            assert int(kernel.philox(np.uint64(uid), np.uint64(step), KEY)) == naive.philox(uid, step, key)
            assert int(kernel.word(KEY, np.int64(step), np.int64(uid))) == naive.word(key, step, uid)
            assert kernel.uniform(KEY, np.int64(step), np.int64(uid)) == naive.uniform(key, step, uid)


def test_stream_keys_are_the_plain_hash_and_tell_names_apart():
    assert int(kernel.stream_key(42, "stimulus", 3)) == naive.stream_key(42, "stimulus", 3)
    keys = [
        kernel.stream_key(seed, *names)
        for seed in range(30)
        for names in [("a",), ("b",), ("a", "b"), ("ab",), ("a", 1)]
    ]
    assert len({int(k) for k in keys}) == len(keys)
    assert max(keys) < 2**32


def test_the_two_words_of_a_pair_are_the_halves_of_one_draw(sized):
    for uid in range(0, sized(200, 20), 2):
        bits = int(kernel.philox(np.uint64(uid // 2), np.uint64(9), KEY))
        assert int(kernel.word(KEY, 9, uid)) == bits & 0xFFFFFFFF
        assert int(kernel.word(KEY, 9, uid + 1)) == bits >> 32


def test_four_neighbours_share_the_bits_of_one_draw():
    quads = np.zeros(20, np.uint64)
    kernel.fill_quads(KEY, 9, 10, quads)
    assert [int(q) for q in quads] == [naive.philox(q, 9, int(KEY)) for q in range(10, 30)]


def test_uniform_numbers_are_uniform_in_every_direction(sized):
    n = sized(200_000, 2_000)
    uid, draws = np.arange(n), np.zeros(n)
    fill_uniform(KEY, 5, uid, 0, n, draws)
    assert draws.min() >= 0
    assert draws.max() < 1
    assert stats.kstest(draws, "uniform").pvalue > 1e-3
    along = np.array([kernel.uniform(KEY, step, 7) for step in range(sized(20_000, 1_000))])
    assert stats.kstest(along, "uniform").pvalue > 1e-3
    for other in (draws[1:], np.roll(draws, 2)[:-1]):  # neighbours say nothing about each other
        assert abs(np.corrcoef(draws[:-1], other)[0, 1]) < 4 / np.sqrt(n)
    later, elsewhere = np.zeros(n), np.zeros(n)
    fill_uniform(KEY, 6, uid, 0, n, later)
    fill_uniform(KEY + np.uint64(1), 5, uid, 0, n, elsewhere)
    assert abs(np.corrcoef(draws, later)[0, 1]) < 4 / np.sqrt(n)
    assert abs(np.corrcoef(draws, elsewhere)[0, 1]) < 4 / np.sqrt(n)


def test_all_64_bits_are_fair_and_independent(sized):
    n = sized(20_000, 1_000)
    bits = np.array([int(kernel.philox(np.uint64(k), np.uint64(3), KEY)) for k in range(n)], np.uint64)
    ones = ((bits[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)).astype(float)
    z = (ones.mean(0) - 0.5) * 2 * np.sqrt(n)
    assert np.abs(z).max() < 4.5
    together = np.corrcoef(ones.T)[np.triu_indices(64, 1)]
    assert np.abs(together).max() * np.sqrt(n) < 5.0


def test_pair_hashes_are_uniform_and_tell_pairs_and_parallels_apart(sized):
    n = sized(300, 30)
    pre, post = (a.ravel() for a in np.meshgrid(np.arange(n), np.arange(n), indexing="ij"))
    draws = {}
    for nth in (0, 1):
        draws[nth] = np.zeros(pre.size)
        kernel.hash_pairs(KEY, pre, post, np.full(pre.size, nth), draws[nth])
        assert stats.kstest(draws[nth], "uniform").pvalue > 1e-3
    turned = np.zeros(pre.size)
    kernel.hash_pairs(KEY, post, pre, np.zeros(pre.size, np.int64), turned)
    bound = 4 / np.sqrt(pre.size)
    assert abs(np.corrcoef(draws[0], draws[1])[0, 1]) < bound
    assert abs(np.corrcoef(draws[0][pre != post], turned[pre != post])[0, 1]) < bound
    assert np.array_equal(draws[0][pre == post], turned[pre == post])


def test_normal_numbers_have_the_moments_and_the_shape(sized):
    n = sized(400_000, 3_000)
    draws = np.zeros(n)
    fill_normal(KEY, 11, np.arange(n), 0, n, draws)
    assert abs(draws.mean()) < 4 / np.sqrt(n)
    assert abs(draws.var() - 1) < 4 * np.sqrt(2 / n)
    assert abs((draws**3).mean()) < 4 * np.sqrt(15 / n)
    assert abs((draws**4).mean() - 3) < 4 * np.sqrt(96 / n)
    assert stats.kstest(draws, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 4 / np.sqrt(n)


def test_the_largest_normal_number():
    ends = [float(normal_of(np.uint64(bits))) for bits in (0, 0x80000000, 0xFFFFFFFF00000000)]
    assert ends[0] == pytest.approx(np.sqrt(66 * np.log(2)), rel=1e-15)  # u = 2**-33
    assert ends[1] == pytest.approx(-ends[0], rel=1e-15)
    assert 0 <= ends[2] < 2e-5


# ---- elementary functions --------------------------------------------------------------------------------------------


def long(function, *x):
    """The function in extended precision (64 bits of mantissa on x86; a few units of float64 are told apart)."""
    return function(*(np.asarray(a, np.longdouble) for a in x))


def test_exp_is_within_two_units_in_the_last_place(sized):
    x = np.concatenate(
        [
            np.linspace(-707.999, 709, sized(200_001, 3_001)),
            np.linspace(-30, 0, sized(100_001, 1_001)),
            [1e-300, -1e-17],
        ]
    )
    right = long(np.exp, x)
    error = np.abs((applied(0, x) - right) / right).astype(float)
    assert error.max() < 2 * EPS


def test_exp_at_its_ends():
    assert applied(0, [0.0, -0.0]).tolist() == [1.0, 1.0]
    assert applied(0, [-708.1, -1e6, -np.inf]).tolist() == [0.0, 0.0, 0.0]
    above = applied(0, [709.0, 710.0, np.inf])
    assert (above == above[0]).all()
    assert np.isfinite(above).all()
    assert np.isnan(applied(0, [np.nan])).all()


def test_log_within_its_bound(sized):
    rng = np.random.default_rng(1)
    x = np.concatenate(
        [
            np.exp(rng.uniform(-700, 700, sized(200_000, 2_000))),
            rng.uniform(0.5, 2.0, sized(200_000, 2_000)),
            [1.0, 2.0**-33],
        ]
    )
    right = long(np.log, x)
    error = (np.abs(applied(1, x) - right) / np.maximum(1, np.abs(right))).astype(float)
    assert error.max() < 3e-16
    assert applied(1, [1.0])[0] == 0.0


def test_power_within_its_bound(sized):
    rng = np.random.default_rng(2)
    x, y = rng.uniform(1e-6, 3.0, sized(100_000, 2_000)), rng.uniform(-3, 3, sized(100_000, 2_000))
    right = long(np.power, x, y)
    error = np.abs((applied(3, x, y) - right) / right).astype(float)
    assert (error < 2e-16 * (2 + np.abs(y * np.log(x)))).all()
    assert applied(3, [0.0, 0.0, 1.0, 0.25], [0.5, 0.0, 7.0, 0.5]).tolist() == [0.0, 1.0, 1.0, 0.5]


def test_cosine_of_turns_within_its_bound(sized):
    rng = np.random.default_rng(3)
    u = np.concatenate([np.linspace(-2, 2, sized(100_001, 2_001)), rng.uniform(-1, 1, sized(100_000, 1_000)) * 2.0**20])
    pi = np.longdouble("3.14159265358979323846264338327950288")
    whole = np.asarray(u, np.longdouble)
    right = np.cos(2 * pi * (whole - np.rint(whole)))
    assert np.abs(applied(2, u) - right).astype(float).max() < 7e-16
    assert applied(2, [0.0, 1.0, 0.5, -3.0, 2.0**31]).tolist() == [1.0, 1.0, -1.0, 1.0, 1.0]


# ---- the same bits with and without the compiler ---------------------------------------------------------------------

SAME = """
import sys
sys.path.insert(0, {tests!r})
import warnings; warnings.simplefilter("error")
from test_rng import fingerprint
print(fingerprint())
"""


def fingerprint():
    """Hash of draws, functions and a small network's run."""
    import neurosim as ns

    x = np.linspace(-40, 40, 500)
    parts = [applied(0, x), applied(1, np.exp(x)), applied(2, x), applied(3, np.exp(x / 20), x / 10)]
    draws = np.zeros(300)
    fill_normal(KEY, 5, np.arange(300), 0, 300, draws)
    parts.append(draws)
    net = ns.Network(seed=3)
    pop = net.add_population("pop", ns.LIF(), 10)
    net.connect(pop, pop, ns.fixed_indegree(3), weight=2.0)
    net.stimulate(pop, ns.PoissonInput(rate=12_000.0, weight=1.0))
    spikes = net.record(pop, "spikes")
    net.run(60.0)
    assert spikes.count > 20
    parts += [pop.v, spikes.step, spikes.uid]
    return hashlib.sha256(b"".join(np.ascontiguousarray(p).tobytes() for p in parts)).hexdigest()


@pytest.mark.compiled
def test_the_same_bits_with_and_without_the_compiler():
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    tests = Path(__file__).parent
    code = SAME.format(tests=str(tests))
    run = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tests.parent, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split()[-1] == fingerprint()
