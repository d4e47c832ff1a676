"""Processes that share a cache of compiled code: one compiles for all, and nobody is given the code of another."""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import NumbaError

from neurosim.kernels import compiled, turns

ROOT = Path(__file__).resolve().parents[1]
COMPILES = """
import sys, time
from neurosim.kernels.specialise import load_module
module = load_module("from neurosim.kernels.compiled import kernel\\n\\n\\n@kernel\\ndef add(a, b):\\n    return a + b\\n", "turns_test")
time.sleep(max(0.0, float(sys.argv[1]) - time.time()))  # all at once
number = {"int": int, "float": float, "complex": complex}[sys.argv[2]]
print(module.add(number(2), number(3)), sum(module.add.stats.cache_misses.values()))
"""


def run(tmp_path, text, *words, **more):
    environment = {**os.environ, "NEUROSIM_CACHE": str(tmp_path), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", text, *map(str, words)], env=environment, text=True, stdout=subprocess.PIPE, **more
    )


def outputs(started):
    out = [one.communicate(timeout=120)[0].split() for one in started]
    assert all(one.returncode == 0 for one in started)
    return out


@pytest.mark.compiled
def test_one_process_compiles_and_the_others_load(tmp_path):
    at = time.time() + 2.5
    out = outputs([run(tmp_path, COMPILES, at, "float") for _ in range(4)])
    assert [total for total, _ in out] == ["5.0"] * 4
    assert sorted(misses for _, misses in out) == ["0", "0", "0", "1"]


@pytest.mark.slow
@pytest.mark.compiled
def test_other_kinds_of_arguments_at_once_do_not_take_each_others_code(tmp_path):
    kinds, totals = ["int", "float", "complex"] * 2, ["5", "5.0", "(5+0j)"] * 2
    at = time.time() + 4.0
    first = outputs([run(tmp_path, COMPILES, at, kind) for kind in kinds])
    assert [total for total, _ in first] == totals
    assert sum(int(misses) for _, misses in first) == 3
    later = outputs([run(tmp_path, COMPILES, 0, kind) for kind in kinds])
    assert later == [[total, "0"] for total in totals]


@pytest.mark.compiled
def test_a_kernel_makes_no_arrays():
    """References are not counted in it."""

    def part(a):
        return a[1:]

    with pytest.raises(NumbaError, match="returning of array"):
        compiled.kernel(part)(np.arange(3.0))
    with pytest.raises(NumbaError, match="NRT"):
        compiled.kernel(lambda n: np.zeros(n).sum())(3)
    assert list(compiled.allocating(part)(np.arange(3.0))) == [1.0, 2.0]


HOLDS = """
import sys, time
from pathlib import Path
from neurosim.kernels.turns import turn
with turn(Path(sys.argv[1]), sys.argv[2]):
    print("inside", flush=True)
    time.sleep(float(sys.argv[3]))
"""


def waited(folder, name):
    began = time.monotonic()
    with turns.turn(folder, name):
        return time.monotonic() - began


def test_a_name_is_for_one_process_at_a_time_and_others_are_free(tmp_path):
    other = run(tmp_path, HOLDS, tmp_path, "a", 1.5)
    assert other.stdout.readline() == "inside\n"
    assert waited(tmp_path, "b") < 0.5
    assert waited(tmp_path, "a") > 0.5
    other.communicate()


def test_a_process_that_is_killed_keeps_nobody_waiting(tmp_path):
    other = run(tmp_path, HOLDS, tmp_path, "a", 60)
    assert other.stdout.readline() == "inside\n"
    other.kill()
    other.communicate()
    assert waited(tmp_path, "a") < 5.0


def test_turns_nest_and_an_error_ends_them(tmp_path):
    with pytest.raises(ValueError, match="wrong"), turns.turn(tmp_path, "a"), turns.turn(tmp_path, "a"):
        raise ValueError("wrong")
    other = run(tmp_path, HOLDS, tmp_path, "a", 0)
    assert other.communicate(timeout=20)[0] == "inside\n"
    with turns.turn(tmp_path, "a"):
        with turns.turn(tmp_path, "a"):
            pass
        other = run(tmp_path, HOLDS, tmp_path, "a", 0, stderr=subprocess.DEVNULL)
        with pytest.raises(subprocess.TimeoutExpired):
            other.communicate(timeout=2)
    assert other.communicate(timeout=20)[0] == "inside\n"


def test_a_folder_that_cannot_be_locked_means_no_turns(tmp_path):
    (tmp_path / "file").write_text("")
    assert waited(tmp_path / "file" / "folder", "a") < 5.0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_is_another_process(tmp_path):
    turns._inside.clear()
    with turns.turn(tmp_path, "a"):
        child = os.fork()
        if child == 0:
            os._exit(len(turns._inside))
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
