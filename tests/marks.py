"""Marks that several test files use."""

import pytest

from neurosim.kernels.compiled import JIT

#: Compiles for seconds: a slow test, which also runs interpreted.
compiled_slowly = pytest.mark.slow if JIT else lambda test: test
