"""Distributions against closed forms, bounds kept, values that depend on key and uids alone, wording."""

import doctest
import math

import numpy as np
import pytest

from neurosim import distributions
from neurosim.distributions import Distribution, lognormal, normal, uniform
from neurosim.errors import ParameterError

KEY = 12345


def density(z):
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def mass(z):
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def assert_moments(values, mean, sd):
    """Sample mean and SD within 4.5 standard errors; that of the SD from the sampled fourth moment."""
    n = values.size
    assert abs(values.mean() - mean) < 4.5 * sd / math.sqrt(n)
    fourth = ((values - mean) ** 4).mean()
    error = math.sqrt(max(fourth - sd**4, 0.0) / n) / (2 * sd)
    assert abs(values.std() - sd) < 4.5 * error


@pytest.mark.parametrize(
    ("law", "mean", "sd"),
    [
        (normal(-65.0, 3.0), -65.0, 3.0),
        (lognormal(0.4, 0.2), 0.4, 0.2),
        (lognormal(-1.2, 0.3), -1.2, 0.3),
        (uniform(0.5, 2.5), 1.5, 2 / math.sqrt(12)),
    ],
)
def test_mean_and_sd_are_those_of_the_variable(law, mean, sd, sized):
    n = sized(400_000, 2_000)
    assert_moments(law.draw(KEY, np.arange(n), np.arange(n)[::-1], 0), mean, sd)
    assert_moments(law.draw_neurons(KEY, np.arange(n)), mean, sd)


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("law", "cdf"),
    [
        (normal(2.0, 0.5), lambda x: mass((x - 2.0) / 0.5)),
        (lognormal(math.exp(0.5), math.sqrt(math.e * (math.e - 1))), lambda x: mass(math.log(x))),  # mu 0, sigma 1
        (uniform(-1.0, 1.0), lambda x: (x + 1) / 2),
        (normal(0.0, 1.0, low=0.5), lambda x: (mass(x) - mass(0.5)) / (1 - mass(0.5))),
    ],
)
def test_the_whole_distribution(law, cdf):
    n = 50_000
    values = np.sort(law.draw(KEY, np.arange(n), np.full(n, 3), 0))
    expected = np.array([cdf(x) for x in values])
    gap = np.abs(expected - (np.arange(n) + 0.5) / n).max()
    assert gap < 1.95 / math.sqrt(n)  # Kolmogorov-Smirnov, p = 0.001


@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.0), (0.0, None), (None, -0.5), (1.5, 2.0)])
def test_truncated_normal_has_its_mean_and_stays_inside(low, high, sized):
    n = sized(200_000, 1_000)
    values = normal(10.0, 2.0, *(None if z is None else 10.0 + 2.0 * z for z in (low, high))).draw_neurons(
        KEY, np.arange(n)
    )
    a, b = -40.0 if low is None else low, 40.0 if high is None else high
    share = mass(b) - mass(a)
    shift = (density(a) - density(b)) / share
    sd = math.sqrt(1 + (a * density(a) - b * density(b)) / share - shift**2)
    assert_moments(values, 10.0 + 2.0 * shift, 2.0 * sd)
    assert values.min() >= 10.0 + 2.0 * a
    assert values.max() <= 10.0 + 2.0 * b


def test_clip_puts_the_tails_on_the_bounds(sized):
    n = sized(100_000, 2_000)
    values = normal(0.0, 1.0, low=-1.0, high=0.5, outside="clip").draw_neurons(KEY, np.arange(n))
    assert values.min() == -1.0
    assert values.max() == 0.5
    for bound, share in ((-1.0, mass(-1.0)), (0.5, 1 - mass(0.5))):
        assert abs((values == bound).mean() - share) < 4.5 * math.sqrt(share * (1 - share) / n)


def test_a_redraw_changes_only_what_was_outside(sized):
    uid = np.arange(sized(10_000, 300))
    free, bound = normal(0.0, 1.0).draw_neurons(KEY, uid), normal(0.0, 1.0, low=-1.0).draw_neurons(KEY, uid)
    np.testing.assert_array_equal(free[free >= -1.0], bound[free >= -1.0])


@pytest.mark.parametrize("law", [normal(0.0, 1.0, low=-0.5), lognormal(1.0, 0.5, high=2.0), uniform(0.0, 1.0)])
def test_a_value_depends_on_key_uids_and_number_alone(law, sized):
    n = sized(5_000, 100)
    pre, post, nth = np.arange(n) % 17, np.arange(n) % 23, np.arange(n) // 391
    values = law.draw(KEY, pre, post, nth)
    shuffled = np.random.default_rng(1).permutation(n)[: n // 2]
    np.testing.assert_array_equal(law.draw(KEY, pre[shuffled], post[shuffled], nth[shuffled]), values[shuffled])
    others = (
        law.draw(KEY + 1, pre, post, nth),
        law.draw(KEY, post, pre, nth),
        law.draw(KEY, pre, post, nth + 1),
        law.draw_neurons(KEY, np.arange(n)),
    )
    for other in others:
        assert abs(np.corrcoef(values, other)[0, 1]) < 5 / math.sqrt(n) + (other is others[1]) * 0.05
    neurons = law.draw_neurons(KEY, np.arange(n))
    np.testing.assert_array_equal(law.draw_neurons(KEY, shuffled), neurons[shuffled])


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        (normal(0.0, 1.0), ["0x1.1ae62f8dc8bc8p+0", "0x1.4abeda3eb75c3p+0"]),
        (lognormal(1.0, 0.5), ["0x1.81eab1a5ed6b8p+0", "0x1.a589b181177eep+0"]),
        (uniform(0.0, 1.0), ["0x1.15f9e88ffe8c4p-1", "0x1.a5bc2268f6d20p-3"]),
    ],
)
def test_values_are_the_same_with_and_without_compiler_and_in_every_version(law, expected):
    assert [value.hex() for value in law.draw(987, [1, 2], [3, 4], [0, 1]).tolist()] == expected


def test_equal_pairs_differ_by_their_number():
    values = normal(0.0, 1.0).draw(KEY, np.zeros(50, int), np.ones(50, int), np.arange(50))
    assert np.unique(values).size == 50


def test_one_number_for_all_pairs_is_enough():
    law, uid = normal(0.0, 1.0), np.arange(5)
    np.testing.assert_array_equal(law.draw(KEY, uid, uid, 0), law.draw(KEY, uid, uid, np.zeros(5, np.int64)))
    assert law.draw(KEY, [], [], 0).shape == law.draw_neurons(KEY, []).shape == (0,)


def test_no_spread_gives_the_mean():
    uid = np.arange(7)
    assert (normal(2.0, 0.0).draw_neurons(KEY, uid) == 2.0).all()
    assert (lognormal(2.0, 0.0).draw_neurons(KEY, uid) == 2.0).all()
    assert (uniform(2.0, 2.0).draw_neurons(KEY, uid) == 2.0).all()


def test_bounds_are_known_before_anything_is_drawn():
    assert normal(0.0, 1.0).bounds == (None, None)
    assert normal(1.0, 0.0).bounds == (1.0, 1.0)
    assert normal(1.0, 1.0, low=0.1, high=5.0).bounds == (0.1, 5.0)
    assert lognormal(1.0, 1.0).bounds == (0.0, None)
    assert lognormal(1.0, 1.0, low=0.5).bounds == (0.5, None)
    assert lognormal(-1.0, 1.0).bounds == (None, 0.0)
    assert lognormal(1.0, 0.0).bounds == (1.0, 1.0)
    assert normal(1.0, 0.0, low=2.0, outside="clip").bounds == (2.0, 2.0)
    assert uniform(0.5, 2.0).bounds == (0.5, 2.0)


def test_every_distribution_keeps_the_protocol_and_shows_how_to_write_it():
    shown = [
        normal(-65, 3),
        normal(0.0, 0.1, low=-1.0, high=1.0, outside="clip"),
        lognormal(0.4, 0.2, high=3.0),
        lognormal(-1.2, 0.3),
        uniform(0.1, 0.30000001),
    ]
    for law in shown:
        assert isinstance(law, Distribution)
        assert eval(repr(law), vars(distributions)) == law
    assert repr(shown[1]) == 'normal(0, 0.1, low=-1, high=1, outside="clip")'


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: normal(0.0, -1.0), "normal.sd: must not be negative, got -1.0"),
        (lambda: normal("x", 1.0), "normal.mean: must be a number, got 'x'"),
        (lambda: normal(0.0, math.nan), "normal.sd: must be a finite number"),
        (lambda: normal(0.0, 1.0, 2.0, 1.0), "normal.low: must be below high = 1, got 2"),
        (lambda: normal(0.0, 1.0, low=0.0, outside="cut"), 'normal.outside: must be "redraw" or "clip", got \'cut\''),
        (
            lambda: normal(0.0, 1.0, low=6.0),
            r"normal\(0, 1, low=6\): redrawing cannot bring every value into \[6, inf\]",
        ),
        (lambda: normal(0.0, 0.0, low=1.0), 'outside="clip"'),
        (lambda: lognormal(1.0, 0.1, high=0.1), r"cannot bring every value into \[0, 0.1\]"),
        (lambda: lognormal(-1.0, 0.1, low=0.5), "cannot bring every value"),
        (lambda: lognormal(0.0, 1.0), "lognormal.mean: must not be 0"),
        (lambda: uniform(2.0, 1.0), r"uniform.low: must not be above high = 1, got 2; write uniform\(1, 2\)"),
    ],
)
def test_wording(make, said):
    with pytest.raises(ParameterError, match=said):
        make()


def test_bounds_in_a_far_tail_are_met_or_refused():
    values = normal(0.0, 1.0, low=2.9).draw_neurons(KEY, np.arange(20))  # 2 in 1000
    assert (values >= 2.9).all()
    assert normal(0.0, 1.0, low=6.0, outside="clip").draw_neurons(KEY, np.arange(5)).tolist() == [6.0] * 5
    narrow = normal(0.0, 1.0, low=-1.0)
    object.__setattr__(narrow, "low", 7.0)  # beyond what the generator can reach: the last guard
    with pytest.raises(ParameterError, match="redrawing cannot bring"):
        narrow.draw(KEY, np.arange(2), np.arange(2), 0)


def test_examples_in_the_docstrings_run():
    assert doctest.testmod(distributions).failed == 0
