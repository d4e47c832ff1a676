"""Calls by address: the same answers, errors that pass through, and a type that differs is refused, not misread."""

import numpy as np
import pytest
from marks import compiled_slowly

import neurosim as ns
from neurosim.kernels.compiled import kernel
from neurosim.kernels.indirect import Kernels, ask, call

pytestmark = pytest.mark.compiled


@kernel
def scale(factor, pair, flag):
    first, second = pair
    for i in range(first.size):
        second[i] = factor * first[i] if flag else -1.0
    if factor < 0.0:
        raise ValueError("negative")


@kernel
def positive(factor):
    return factor > 0.0


@kernel
def drive(kernels, factor, pair):
    if ask(kernels, 1, (factor,)):
        call(kernels, 0, (factor, pair, True))
    return pair[1].sum()


@kernel
def drive_badly(kernels, factor, pair):
    call(kernels, 0, (1, pair, True))


def right_sites(factor, pair):
    return [(factor, pair, True), (factor,)]


def test_it_answers_for_every_kind_of_array():
    driver = Kernels(drive, right_sites, [scale, positive])
    for dtype in (np.float64, np.float32, np.int64):
        for first in (np.arange(5, dtype=dtype), np.arange(10, dtype=dtype)[::2]):
            second = np.zeros(5)
            assert driver(2.0, (first, second)) == 2.0 * first.sum()
            np.testing.assert_array_equal(second, 2.0 * first)
    frozen = np.arange(4.0)
    frozen.flags.writeable = False
    assert driver(3.0, (frozen, np.zeros(4))) == 18.0


def test_an_error_in_a_kernel_comes_through():
    @kernel
    def run(kernels, factor, pair):
        call(kernels, 0, (factor, pair, True))

    driver = Kernels(run, lambda factor, pair: [(factor, pair, True)], [scale])
    with pytest.raises(ValueError, match="negative"):
        driver(-1.0, (np.zeros(2), np.zeros(2)))


def test_a_call_with_other_types_is_refused():
    """An integer where the kernel was compiled for a float would be read as its bits."""
    import numba

    driver = Kernels(drive_badly, right_sites, [scale, positive])
    with pytest.raises(numba.TypingError, match="call 0 is made with"):
        driver(2.0, (np.zeros(2), np.zeros(2)))


@compiled_slowly
def test_rules_with_the_same_arrays_share_one_driver():
    """A new rule compiles its own kernels only."""
    drivers = []
    for on_post in (up, up_twice):
        rule = ns.PlasticityRule(
            "shared", on_post=on_post, on_pre=down, traces=TRACES, params={"gain": 0.01}, w_max=1.0
        )
        net = ns.Network(dt=0.1, seed=1)
        a = net.add_population("a", ns.LIF(i_e=400.0), 5)
        net.connect(a, a, ns.all_to_all(), weight=0.5, delay=1.0, plasticity=rule)
        net.run(1.0)
        drivers.append(net.engine.prepare().drive)
    assert drivers[0].drive is drivers[1].drive
    assert drivers[0].kernels != drivers[1].kernels


TRACES = {"x": ns.Trace("pre", 20.0), "y": ns.Trace("post", 20.0)}


def up(w, x, gain):
    return w + gain * x


def up_twice(w, x, gain):
    return w + 2.0 * gain * x


def down(w, y, gain):
    return w - gain * y
