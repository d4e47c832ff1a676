"""What fades for ever ends at zero, in the kernels of neurons only: NumPy's numbers stay as they are."""

import platform

import numpy as np
import pytest

import neurosim as ns

pytestmark = [
    pytest.mark.compiled,
    pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="only x86-64 is told"),
]


def test_a_current_that_fades_ends_at_zero_and_numpy_keeps_small_numbers():
    net = ns.Network(dt=0.1, seed=1)
    pop = net.add_population("pop", ns.LIFExp(tau_exc=2.0), 3)
    pop.i_exc = np.array([1e-300, 5e-324, 1.0])
    net.run(50.0)  # exp(-25): 1e-300 becomes 1e-311
    faded = pop.i_exc
    assert faded[0] == 0.0 and faded[1] == 0.0
    assert faded[2] == pytest.approx(np.exp(-25.0), rel=1e-12)
    small = np.full(4, 5e-324)
    np.testing.assert_array_equal(small * 3.0, np.full(4, 1.5e-323))
    assert (small * 3.0 > 0.0).all()
