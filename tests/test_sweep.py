"""Sweeps: the results of calling one by one, whatever is killed on the way; each job in its own folder; errors that name the job."""

import functools
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import numpy as np
import pandas
import pytest
from marks import compiled_slowly

from neurosim import jobs, sweeps
from neurosim.errors import NeurosimWarning, ParameterError, RunError
from neurosim.neurons.lif import LIF
from neurosim.sweeps import sweep

GRID = {"rate": [2.0, 3.5], "word": ["a", "b/ b"]}
WALL = ["seconds", "folder"]


def draw(rate, word, seed, out):
    """Random numbers that depend on all arguments, a file, a line on the screen."""
    print("drawing", rate, word, seed)
    rng = np.random.default_rng([seed, round(10 * rate), len(word)])
    Path(out, "numbers.txt").write_text(f"{rate} {word} {seed}")
    return {"mean": rng.random() * rate, "count": np.int64(seed), "word_again": word, "trace": rng.random(3)}


def one_by_one(function, grid, seeds, folder):
    """The obvious version: nested loops."""
    rows = []
    for rate in grid["rate"]:
        for word in grid["word"]:
            for seed in seeds:
                rows.append({"rate": rate, "word": word, "seed": seed, **function(rate, word, seed, out=folder)})
    return pandas.DataFrame(rows)


def same(table, expected):
    got = table.drop(columns=[*WALL, "error"])
    assert list(got.columns) == list(expected.columns)
    for column in got.columns.drop("trace", errors="ignore"):
        assert list(got[column]) == list(expected[column]), column
    if "trace" in got:
        assert np.array_equal(np.stack(got["trace"]), np.stack(expected["trace"]))


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_the_table_is_that_of_calling_one_by_one(tmp_path, n_jobs):
    table = sweep(draw, GRID, [1, 2], n_jobs=n_jobs, out=tmp_path / "sweep")
    same(table, one_by_one(draw, GRID, [1, 2], tmp_path))
    assert table["error"].eq("").all()
    means = table.pivot(index=["rate", "word"], columns="seed", values="mean")
    assert (means[1] != means[2]).all()  # two seeds differ
    assert table["folder"].nunique() == 8
    for row in table.itertuples():
        assert Path(row.folder, "numbers.txt").read_text() == f"{row.rate} {row.word} {row.seed}"
        assert Path(row.folder, "printed.txt").read_text() == f"drawing {row.rate} {row.word} {row.seed}\n"
    kept = pandas.read_csv(tmp_path / "sweep" / "table.csv")
    assert list(kept["mean"]) == list(table["mean"]), "the file has every digit"
    assert "trace" not in kept


def counted(x, seed, out, log=None):
    """One line in `log` for every time that it is called."""
    with open(log, "a") as file:
        file.write(f"{x} {seed}\n")
    return x * seed


@pytest.mark.slow
def test_finished_jobs_are_read_and_only_new_ones_run(tmp_path):
    log = tmp_path / "log"
    run = functools.partial(sweep, functools.partial(counted, log=str(log)), n_jobs=1, out=tmp_path / "sweep")
    first = run({"x": [1, 2]}, [5])
    assert log.read_text().split("\n")[:-1] == ["1 5", "2 5"]
    pandas.testing.assert_frame_equal(run({"x": [1, 2]}, [5]), first)
    assert len(log.read_text().splitlines()) == 2
    more = run({"x": [1, 2, 3]}, [5, 6])
    assert sorted(log.read_text().splitlines()) == ["1 5", "1 6", "2 5", "2 6", "3 5", "3 6"]
    assert list(more["result"]) == [5, 6, 10, 12, 15, 18]
    run({"x": [1]}, [5], again=True)
    assert log.read_text().splitlines()[-1] == "1 5"
    assert len(log.read_text().splitlines()) == 7


def test_a_damaged_result_runs_again(tmp_path):
    table = sweep(draw, {"rate": [1.0], "word": ["a"]}, [1], n_jobs=1, out=tmp_path)
    file = next(Path(table["folder"][0]).rglob("*.npy"))
    file.write_bytes(file.read_bytes()[:-8])
    same(sweep(draw, {"rate": [1.0], "word": ["a"]}, [1], n_jobs=1, out=tmp_path), table.drop(columns=[*WALL, "error"]))


# ---- other code -----------------------------------------------------------------------------------------------------

SCRIPT = '''
GAIN = {gain}

def helper(x):
    return x{power}

def simulate(x, seed):
    """{text}"""
    return GAIN * helper(x)  # {text}
'''


def scripted(folder, monkeypatch, **how):
    """The function of a script that says this."""
    name = f"script_{uuid.uuid4().hex}"
    (folder / f"{name}.py").write_text(SCRIPT.format(**{"gain": 2, "power": "", "text": "doubles"} | how))
    monkeypatch.syspath_prepend(str(folder))
    return __import__(name).simulate


@pytest.mark.slow
def test_other_code_runs_again_and_other_comments_do_not(tmp_path, monkeypatch):
    out = tmp_path / "sweep"
    make = functools.partial(scripted, tmp_path, monkeypatch)
    assert list(sweep(make(), {"x": [3]}, [1], n_jobs=1, out=out)["result"]) == [6]
    before = jobs.fingerprint(make())
    assert jobs.fingerprint(make(text="twice")) == before
    with pytest.warns(NeurosimWarning, match=r"sweep\(simulate\): the code .* stay in code-"):
        assert list(sweep(make(gain=5), {"x": [3]}, [1], n_jobs=1, out=out)["result"]) == [15]
    assert jobs.fingerprint(make(power=" ** 2")) != before, "a function beside it is part of it"
    sweep(make(), {"x": [3]}, [1], n_jobs=1, out=out)  # back again: known, no warning
    assert len(list(out.glob("code-*"))) == 2


def test_a_function_without_text_is_known_by_its_byte_code(tmp_path):
    def typed(text):
        there = {"__name__": "__main__"}
        exec(f"def typed(x, seed):\n    return {text}\n", there)
        return there["typed"]

    assert jobs.fingerprint(typed("x + 1")) == jobs.fingerprint(typed("x + 1"))
    assert jobs.fingerprint(typed("x + 1")) != jobs.fingerprint(typed("x + 2"))
    assert list(sweep(typed("x + 1"), {"x": [1, 2]}, [0], n_jobs=2, out=tmp_path)["result"]) == [2, 3]


def test_an_argument_fixed_by_partial_is_part_of_the_code():
    assert jobs.fingerprint(functools.partial(draw, rate=1.0)) != jobs.fingerprint(functools.partial(draw, rate=2.0))


# ---- errors of a job ------------------------------------------------------------------------------------------------


def fails_at_two(x, seed, out):
    if x == 2:
        print("about to fail")
        raise ValueError(f"x is {x}")
    return {"half": x / 2}


@pytest.mark.slow
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_error_is_told_with_its_parameters_and_loses_no_other(tmp_path, n_jobs):
    with pytest.warns(NeurosimWarning, match=r"1 of 3 jobs failed: fails_at_two\(x=2, seed=7\): ValueError: x is 2"):
        table = sweep(fails_at_two, {"x": [1, 2, 3]}, [7], n_jobs=n_jobs, out=tmp_path)
    assert list(table["error"]) == ["", "ValueError: x is 2", ""]
    assert table["half"].isna().tolist() == [False, True, False]
    assert list(table["half"].dropna()) == [0.5, 1.5]
    printed = Path(table["folder"][1], "printed.txt").read_text()
    assert printed.startswith("about to fail\nTraceback")
    assert "in fails_at_two" in printed


def test_a_failed_job_runs_again_and_all_failed_is_an_error(tmp_path):
    for _ in range(2):
        with pytest.raises(RunError, match=r"1 of 1 jobs failed: fails_at_two\(x=2, seed=7\)"):
            sweep(fails_at_two, {"x": [2]}, [7], n_jobs=1, out=tmp_path)


def leaves(x, seed):
    if x == 1:
        sys.exit("enough")
    return object()


def test_leaving_and_returning_what_cannot_be_kept_are_errors_of_the_job(tmp_path):
    with pytest.raises(RunError, match=r"SystemExit: enough.*returned 'result' as object; allowed are numbers"):
        sweep(leaves, {"x": [1, 2]}, [0], n_jobs=1, out=tmp_path)


# ---- kills ----------------------------------------------------------------------------------------------------------


def kills_itself(x, seed, out, once=None):
    """At x = 2 the process dies: the first time only, if there is a file `once`."""
    if x == 2 and (once is None or Path(once).exists()):
        if once is not None:
            Path(once).unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return x * 10


@pytest.mark.slow
def test_a_worker_that_is_killed_costs_nothing(tmp_path):
    (tmp_path / "once").touch()
    function = functools.partial(kills_itself, once=str(tmp_path / "once"))
    table = sweep(function, {"x": [1, 2, 3, 4]}, [0], n_jobs=2, out=tmp_path / "sweep")
    assert list(table["result"]) == [10, 20, 30, 40]
    assert table["error"].eq("").all()


@pytest.mark.slow
def test_a_job_that_always_kills_its_worker_is_the_only_one_to_fail(tmp_path):
    with pytest.warns(
        NeurosimWarning, match=r"1 of 4 jobs failed: kills_itself\(x=2, seed=0\): its process died, twice"
    ):
        table = sweep(kills_itself, {"x": [1, 2, 3, 4]}, [0], n_jobs=2, out=tmp_path)
    assert list(table["result"].dropna()) == [10, 30, 40]
    assert "SIGKILL" in table["error"][1]


SWEPT = """
import os, sys, time
from pathlib import Path

HERE = Path(__file__).parent

def waits(x, seed, out):
    with open(HERE / "log", "a") as file:
        file.write(f"{x} {os.getpid()} {len(os.listdir(out))}\\n")
    Path(out, "half").touch()
    while x >= 3 and not (HERE / "go").exists():
        time.sleep(0.05)
    return {"tenfold": 10 * x + seed}

if __name__ == "__main__":
    from swept import waits
    from neurosim.sweeps import sweep

    sweep(waits, {"x": [1, 2, 3, 4, 5]}, [7], n_jobs=2, out=HERE / "sweep")
"""


def log_of(folder):
    """[x, process, files that were in its folder] for every start of a job."""
    return [[int(word) for word in line.split()] for line in (folder / "log").read_text().splitlines()]


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_is_killed_goes_on_where_it_was(tmp_path, monkeypatch, how):
    (tmp_path / "swept.py").write_text(SWEPT)
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(tmp_path), str(Path(sweeps.__file__).parents[1])]))
    with subprocess.Popen([sys.executable, tmp_path / "swept.py"], env=environment, stderr=subprocess.PIPE) as process:
        end = time.monotonic() + 60
        while not (tmp_path / "log").exists() or len(log_of(tmp_path)) < 4:  # two finished, two at work
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        process.send_signal(how)
        assert process.wait(20) != 0
    before = log_of(tmp_path)
    assert sorted(x for x, _, _ in before) == [1, 2, 3, 4]
    end = time.monotonic() + 10
    while any(alive(pid) for _, pid, _ in before):  # its workers end with it, else two would be at one job
        assert time.monotonic() < end
        time.sleep(0.05)
    (tmp_path / "go").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("swept", None)
    import swept

    table = sweep(swept.waits, {"x": [1, 2, 3, 4, 5]}, [7], n_jobs=1, out=tmp_path / "sweep")
    assert sorted(x for x, _, _ in log_of(tmp_path)[4:]) == [3, 4, 5], "the finished ones do not run again"
    assert {files for _, _, files in log_of(tmp_path)} == {1}, "a job begins in a clean folder: with printed.txt alone"
    assert list(table["tenfold"]) == [17, 27, 37, 47, 57]


@pytest.mark.slow
def test_a_job_waits_for_the_one_that_is_still_at_it(tmp_path):
    job = jobs.Job({"x": 1}, 5, tmp_path)
    log = tmp_path / "log"
    function = functools.partial(counted, log=str(log))
    second = threading.Thread(target=jobs.run_job, args=(function, True, job))
    with jobs._turn(job):
        second.start()
        second.join(0.2)
        assert second.is_alive()
        job.folder.mkdir()
        jobs.keep(job, {"result": 99}, "", 0.0)
    second.join(10)
    assert not log.exists(), "what another process finished is not run again"
    assert job.outcome().values == {"result": 99}


# ---- one compilation for all ----------------------------------------------------------------------------------------


def compiles(x, seed, mark=""):
    """How often this process compiled a kernel that no other test has."""
    from neurosim.kernels.specialise import load_module

    text = f"# {mark}\nfrom neurosim.kernels.compiled import kernel\n\n\n@kernel\ndef add(a, b):\n    return a + b\n"
    module = load_module(text, "sweep_test")
    total = module.add(float(x), 1.0)
    time.sleep(0.5)  # so that every worker is there, and gets a job
    misses = sum(module.add.stats.cache_misses.values())
    return {"total": total, "misses": misses, "process": os.getpid()}


@pytest.mark.slow
@pytest.mark.compiled
def test_one_job_compiles_and_the_others_load(tmp_path):
    function = functools.partial(compiles, mark=uuid.uuid4().hex)
    table = sweep(function, {"x": [1, 2, 3, 4, 5]}, [0], n_jobs=2, out=tmp_path)
    assert list(table["total"]) == [2.0, 3.0, 4.0, 5.0, 6.0]
    assert table["process"].nunique() == 2
    assert table.groupby("process")["misses"].max().sum() == 1


def network(weight, seed):
    """A small network that learns."""
    import neurosim as ns

    net = ns.Network(dt=0.1, seed=seed)
    exc = net.add_population("exc", ns.LIF(), 40)
    net.stimulate(exc, ns.PoissonInput(rate=4000.0, weight=weight))
    learning = net.connect(exc, exc, ns.random(0.2), weight=0.4, plasticity=ns.PairSTDP())
    spikes = net.record(exc, "spikes")
    net.run(200.0)
    return {"t": spikes.t, "uid": spikes.uid, "weight_sum": learning.weight.sum(), "count": spikes.count}


@pytest.mark.slow
@compiled_slowly
def test_networks_in_processes_give_the_bits_of_networks_one_by_one(tmp_path):
    table = sweep(network, {"weight": [0.4, 0.5]}, [1, 2], n_jobs=2, out=tmp_path)
    for row in table.itertuples():
        alone = network(row.weight, row.seed)
        assert row.count == alone["count"]
        assert row.weight_sum == alone["weight_sum"]
        assert np.array_equal(row.t, alone["t"])
        assert np.array_equal(row.uid, alone["uid"])
    assert table["count"].min() > 20
    assert table["weight_sum"].nunique() == 4


# ---- arguments ------------------------------------------------------------------------------------------------------


def takes(rate, seed=0):
    return rate


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"function": 3}, r"sweep\(function\): must be a function, or .*got 3; write def simulate"),
        ({"grid": {"rte": [1]}}, r"takes takes no argument 'rte', only rate, seed\. Did you mean 'rate'\? Write def takes\(rte, seed\)"),
        ({"grid": {}}, r"takes cannot be called with seed alone \(missing a required argument: 'rate'\); add it to the grid"),
        ({"grid": {"rate": 5.0}}, r"sweep\(grid\['rate'\]\): must be a list of the values to try, got 5.0; \{'rate': \[5.0\]\}"),
        ({"grid": {"rate": "ab"}}, r"must be a list of the values to try, got 'ab'"),
        ({"grid": {"rate": []}}, r"sweep\(grid\['rate'\]\): must hold at least one value"),
        ({"grid": 4}, r"sweep\(grid\): must map names of arguments to lists of values, .*got 4; grid="),
        ({"grid": {"rate": [1], "seed": [1]}}, r"'seed' cannot be a parameter of the grid, .*seeds=range\(5\)"),
        ({"grid": {"rate": [1.0, 2.0, 1.0]}}, r"takes\(rate=1.0, seed=1\) is asked for twice"),
        ({"grid": {"rate": [takes]}}, r"sweep\(grid\['rate'\]\): <function takes .* has no value .*Give a name"),
        ({"seeds": 3}, r"sweep\(seeds\): must be a list of seeds, got 3; seeds=range\(3\)"),
        ({"seeds": [1.5]}, r"sweep\(seeds\): must be a whole number, at least 0, got 1.5"),
        ({"seeds": []}, r"sweep\(seeds\): must hold at least one seed"),
        ({"n_jobs": 0}, r"sweep\(n_jobs\): must be a whole number of processes, .*got 0; n_jobs=-1"),
        ({"out": 3}, r"sweep\(out\): must be the name of a folder, got 3"),
        ({"out": __file__}, r"sweep\(out\): '.*test_sweep.py' is a file"),
    ],
)  # fmt: skip
def test_arguments_are_checked_before_anything_runs(tmp_path, change, told):
    arguments = {"function": takes, "grid": {"rate": [1.0]}, "seeds": [1], "n_jobs": 1, "out": tmp_path / "x"} | change
    with pytest.raises(ParameterError, match=told):
        sweep(**arguments)
    assert not (tmp_path / "x").exists()


def test_what_cannot_be_sent_to_a_process_is_told(tmp_path):
    lock = threading.Lock()

    def holds(x, seed):
        return lock.locked()

    with pytest.raises(ParameterError, match=r"cannot be sent to other processes \(.*lock.*n_jobs=1"):
        sweep(holds, {"x": [1]}, [1], n_jobs=2, out=tmp_path)
    assert list(sweep(holds, {"x": [1]}, [1], n_jobs=1, out=tmp_path)["result"]) == [False]


def test_points_may_be_listed_and_descriptions_are_values(tmp_path):
    def ask(seed, model=None, scale=1.0):
        return 0.0 if model is None else model.tau_m * scale

    points = [{"model": LIF(tau_m=10.0)}, {"model": LIF(tau_m=20.0), "scale": 2.0}, {}]
    table = sweep(ask, points, range(1), n_jobs=1, out=tmp_path)
    assert list(table["result"]) == [10.0, 40.0, 0.0]
    assert jobs.identity("x", LIF(tau_m=10.0)) == jobs.identity("x", LIF(tau_m=10.0))
    assert jobs.identity("x", LIF(tau_m=10.0)) != jobs.identity("x", LIF(tau_m=10.5))
    long = np.arange(5000.0)
    other = long.copy()
    other[2500] += 1.0  # where repr has dots
    assert jobs.identity("x", long) != jobs.identity("x", other)


def test_progress_counts_what_was_finished_before(tmp_path, capsys):
    sweep(takes, {"rate": [1, 2]}, [1], n_jobs=1, out=tmp_path, progress=True)
    assert "2/2" in capsys.readouterr().err
    sweep(takes, {"rate": [1, 2, 3]}, [1], n_jobs=1, out=tmp_path, progress=True)
    told = capsys.readouterr().err
    assert "sweep takes (2 finished before)" in told
    assert "3/3" in told
    sweep(takes, {"rate": [1, 2, 3]}, [1], n_jobs=1, out=tmp_path, progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_no_process_stays_behind(tmp_path):
    import joblib.externals.loky.reusable_executor as pool

    sweep(takes, {"rate": [1, 2]}, [1], n_jobs=2, out=tmp_path)
    assert not pool._executor._processes
