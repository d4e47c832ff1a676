"""The command line: what it prints, what it refuses, and the cases worked out by hand."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from marks import compiled_slowly

from neurosim import cli

SCRIPT = '''"""A script of a user.\n\nMore."""
from pathlib import Path

import numpy as np

import neurosim as ns


def main(duration=50.0, seed=1, out="runs", progress=None, *, rate=10.0, names=("a",)):
    net = ns.Network(seed=seed)
    net.add_population("n", ns.PoissonSource(rate=rate), 4)
    spikes = net.record("n")
    net.run(duration)
    (Path(out) / "spikes.txt").write_text(str(spikes.count))
    return [f"{duration} {seed} {rate!r} {names!r} {progress}"]
'''


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SCRIPT)
    return path


def run(*arguments, capsys):
    """(exit code, standard output, standard error) of the command line."""
    code = cli.main([str(one) for one in arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


# ---- running a script -----------------------------------------------------------------------------------------------


def test_a_script_of_ones_own(script, tmp_path, capsys):
    out = tmp_path / "here"
    code, told, _ = run(
        "run", script, "--seed", 3, "--duration", 20, "--out", out, "--set", "rate=5", "names=[1, 2]", capsys=capsys
    )
    assert code == 0
    result, saved = told.splitlines()
    assert result == "20.0 3 5 [1, 2] True"
    assert saved.startswith(f"saved spikes.txt in {out} (")
    assert (out / "spikes.txt").is_file()


def test_short_is_a_tenth_and_out_is_runs(script, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code, told, _ = run("run", script, "--duration", "short", "--set", "names=text", capsys=capsys)
    assert code == 0
    assert told.splitlines()[0] == "5.0 1 10.0 'text' True"
    assert (tmp_path / "runs" / "mine" / "spikes.txt").is_file()


def test_a_scenario_is_a_short_ordinary_script():
    for path in cli.scenarios().values():
        text = path.read_text(encoding="utf-8")
        assert 'if __name__ == "__main__":' in text
        assert "neurosim.cli" not in text
        assert lines_of_code(text) <= 100, f"{path.name} is too long for a front door"


def lines_of_code(text):
    """Lines that are not blank, comment or docstring."""
    told = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.FunctionDef) and ast.get_docstring(node):
            told |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(text.splitlines(), 1)
    return sum(bool(line.strip()) and not line.strip().startswith("#") and n not in told for n, line in lines)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["wrom"], "Did you mean 'worm'?"),
        (["nothing/here.py"], "no script 'nothing/here.py'"),
        (["SCRIPT", "--set", "rat=5"], "no setting 'rat'; known: rate, names. Did you mean 'rate'?"),
        (["SCRIPT", "--set", "rate"], "write key=value, for example --set rate=1"),
        (["SCRIPT", "--set", "seed=5"], "use the option --seed instead"),
        (["SCRIPT", "--duration", "long"], "give ms, or the word 'short'"),
        (["SCRIPT", "--duration", "-5"], "must be positive"),
        (["SCRIPT", "--duration", "nan"], "must be positive"),
    ],
)
def test_what_cannot_be_understood_is_told_in_one_line(arguments, told, script, capsys):
    code, out, err = run("run", *[str(script) if one == "SCRIPT" else one for one in arguments], capsys=capsys)
    assert code == 2
    assert not out
    assert told in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1


# ---- settings as plain flags ----------------------------------------------------------------------------------------

FLAGS = '''"""Flags."""
import os


def main(duration=5.0, out="runs", *, scale: float = 0.1, out_degree=3, full: bool = False, quick=True, seed_of=None, threads=1):
    """Say what was given.

    `scale` is a part of the whole.
    """
    return [repr((scale, out_degree, full, quick, seed_of, threads)), str(os.environ.get("NEUROSIM_THREADS"))]
'''


@pytest.fixture
def flags(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NEUROSIM_THREADS", raising=False)
    (tmp_path / "flags.py").write_text(FLAGS)
    return "flags.py"


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ([], (0.1, 3, False, True, None, 1)),
        (["--scale", "0.2"], (0.2, 3, False, True, None, 1)),
        (["--scale=0.2", "--full"], (0.2, 3, True, True, None, 1)),
        (["--full", "--scale", "-1e-3"], (-0.001, 3, True, True, None, 1)),
        (["--no-quick", "--out-degree", "7"], (0.1, 7, False, False, None, 1)),
        (["--out_degree=8", "--full", "False", "--seed-of", "a b"], (0.1, 8, False, True, "a b", 1)),
        (["--full=True", "--set", "scale=2", "threads=3"], (2, 3, True, True, None, 3)),
        (["--set", "scale=2", "--no-full", "--out", "there"], (2, 3, False, True, None, 1)),
    ],
)
def test_settings_are_plain_flags_too(words, seen, flags, capsys):
    code, told, err = run("run", flags, *words, capsys=capsys)
    assert (code, told.splitlines()[0]) == (0, repr(seen)), err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ["--scal", "0.2"],
            "settings: --scale, --out-degree, --full, --quick, --seed-of, --set threads=; options: --seed",
        ),
        (["--scal", "0.2"], "Did you mean '--scale'?"),
        (["--durration", "5"], "Did you mean '--duration'?"),
        (["--scale"], "--scale: needs a value, for example --scale 0.1"),
        (["--scale", "--full"], "--scale: needs a value"),
        (["--no-scale"], "no option or setting '--no-scale'"),
        (["--scale", "1", "--scale", "2"], "scale is given twice"),
        (["--scale", "1", "--set", "scale=2"], "scale is given twice"),
        (["--full", "yes"], "no use for the word 'yes'"),
        (["more"], "no use for the word 'more'"),
        (["--threads", "0"], "give a whole number of at least 1, for example --threads 2"),
        (["--threads", "two"], "--threads two"),
    ],
)
def test_a_flag_that_is_not_understood_is_told_in_one_line(words, told, flags, capsys):
    code, out, err = run("run", flags, *words, capsys=capsys)
    assert code == 2 and not out and told in err
    assert "Traceback" not in err and len([line for line in err.splitlines() if line.startswith("neurosim run")]) == 1


def test_a_flag_before_the_scenario_and_one_of_another_command(flags, capsys):
    code, _, err = run("run", "--scale", "0.2", flags, capsys=capsys)
    assert code == 2 and "no scenario '0.2'" in err and "The scenario comes first" in err
    with pytest.raises(SystemExit) as left:
        run("list", "--scale", "0.2", capsys=capsys)
    assert left.value.code == 2 and "unrecognized arguments: --scale 0.2" in capsys.readouterr().err


def test_threads_are_told_to_the_engine_for_this_run_only(flags, monkeypatch, capsys):
    import os

    code, told, _ = run("run", flags, "--threads", "2", capsys=capsys)
    assert code == 0 and told.splitlines()[1] == "2"
    assert "NEUROSIM_THREADS" not in os.environ
    monkeypatch.setenv("NEUROSIM_THREADS", "4")
    assert run("run", flags, capsys=capsys)[1].splitlines()[1] == "4"
    assert run("run", flags, "--threads", "1", capsys=capsys)[1].splitlines()[1] == "1"
    assert os.environ["NEUROSIM_THREADS"] == "4"


def test_help_of_a_scenario_lists_its_settings_and_runs_nothing(flags, tmp_path, capsys):
    (tmp_path / "flags.py").write_text(FLAGS + "\n\nraise RuntimeError\n")
    with pytest.raises(SystemExit) as left:
        run("run", flags, "--help", capsys=capsys)
    told = capsys.readouterr().out
    assert left.value.code == 0
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in told.splitlines() if line.startswith("  --")}
    assert rows["--scale"] == "0.1" and rows["--out-degree"] == "3" and rows["--seed-of"] == "None"
    assert rows["--full"] == "switch, off; turns on" and rows["--quick"] == "switch, on; --no-quick turns it off"
    assert "`scale` is a part of the whole." in told and {"--seed", "--set", "--threads"} <= rows.keys()


def test_help_of_run_and_of_no_scenario(capsys):
    for words, code, says in ((["--help"], 0, "--KEY VALUE is the same"), (["wrom", "-h"], 2, "Did you mean 'worm'?")):
        with pytest.raises(SystemExit) as left:
            run("run", *words, capsys=capsys)
        told = capsys.readouterr()
        assert left.value.code == code and says in told.out + told.err


def test_every_setting_of_every_scenario_has_a_flag():
    for name, path in cli.scenarios().items():
        settings = cli._settings(ast.parse(path.read_text(encoding="utf-8")))
        assert not set(settings) & (set(cli.OPTIONS) - set(cli.OWN)), name


def test_a_script_without_main(tmp_path, capsys):
    path = tmp_path / "empty.py"
    path.write_text("x = 1\n")
    code, _, err = run("run", path, capsys=capsys)
    assert code == 2
    assert "has no function main; write `def main(" in err


def test_an_error_of_neurosim_is_one_clean_message(script, tmp_path, capsys):
    arguments = ["run", script, "--out", tmp_path, "--set", "rate=-5"]
    code, _, err = run(*arguments, capsys=capsys)
    assert code == 1
    assert "PoissonSource.rate: must be not negative, got -5" in err
    assert "Traceback" not in err
    with pytest.raises(ValueError, match="not negative"):
        run(*arguments, "--debug", capsys=capsys)


def test_an_out_folder_that_is_a_file(script, capsys):
    code, _, err = run("run", script, "--out", script, capsys=capsys)
    assert code == 2
    assert "give a folder that can be written to" in err


# ---- the other commands ---------------------------------------------------------------------------------------------


def test_list_names_every_scenario_without_running_it(capsys):
    code, told, _ = run("list", capsys=capsys)
    assert code == 0
    lines = told.splitlines()
    for name in ("growth", "worm"):
        assert any(line.startswith(f"{name} ") and len(line) > 30 for line in lines)
    assert any("--rule" in line for line in lines)


def test_scenarios_of_a_wheel_are_found(tmp_path, monkeypatch, capsys):
    (tmp_path / "_scenarios").mkdir()
    (tmp_path / "_scenarios" / "inside.py").write_text(SCRIPT)
    (tmp_path / "_scenarios" / "_hidden.py").write_text(SCRIPT)
    monkeypatch.setattr(cli, "FOLDERS", (tmp_path / "scenarios", tmp_path / "_scenarios"))
    code, told, _ = run("list", capsys=capsys)
    assert (code, told.split()[0]) == (0, "inside")
    assert "_hidden" not in told


def test_info(capsys):
    code, told, _ = run("info", capsys=capsys)
    assert code == 0
    rows = dict(line.split(maxsplit=1) for line in told.splitlines())
    assert {"python", "numpy", "numba", "brian2", "scipy", "cache", "cores", "threads", "gpu"} <= rows.keys()
    assert rows["cores"].isdigit()
    assert rows["gpu"] == "no GPU back end"


def test_no_command_shows_the_help(capsys):
    code, told, _ = run(capsys=capsys)
    assert code == 0
    assert "run | report | list | check | lab | info" in told


def test_python_m_neurosim():
    command = [sys.executable, "-m", "neurosim", "run", "wrom"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=Path(cli.__file__).parent.parent)
    assert done.returncode == 2
    assert "Did you mean 'worm'?" in done.stderr


# ---- check ----------------------------------------------------------------------------------------------------------


@compiled_slowly
def test_every_case_is_as_worked_out_by_hand(capsys):
    code, told, _ = run("check", "--json", capsys=capsys)
    outcomes = json.loads(told)
    assert not [one for one in outcomes if not one["ok"]]
    assert code == 0
    assert len(outcomes) >= 10
    assert all(list(one) == ["id", "expected", "seen", "ok"] for one in outcomes)
    assert len({one["id"] for one in outcomes}) == len(outcomes)


def test_a_case_that_fails_is_shown_and_told_by_the_exit_code(monkeypatch, capsys):
    from neurosim import checking

    def broken():
        raise RuntimeError("no such thing")

    cases = [
        checking.Case("right", "one is one", [1.0], lambda: [1.0]),
        checking.Case("wrong", "one is two", [2.0], lambda: [1.0]),
        checking.Case("less", "two are one", [1.0, 2.0], lambda: [1.0]),
        checking.Case("broken", "an error", [1.0], broken),
    ]
    monkeypatch.setattr(checking, "CASES", cases)
    code, told, _ = run("check", capsys=capsys)
    assert code == 1
    lines = told.splitlines()
    assert lines[0].split() == ["id", "expected", "seen", "ok"]
    assert [line.split("  ")[0].strip() for line in lines if "FAILED" in line][:3] == ["wrong", "less", "broken"]
    assert "RuntimeError: no such thing" in told
    assert lines[-1] == "1 of 4 cases as worked out by hand, 3 FAILED"
    code, told, _ = run("check", "--json", capsys=capsys)
    assert code == 1
    assert [one["ok"] for one in json.loads(told)] == [True, False, False, False]


def test_what_is_expected_is_a_literal():
    """Every `@_case(says, expected)` is written with constants: the engine cannot have computed them."""
    tree = ast.parse((Path(cli.__file__).parent / "checking.py").read_text(encoding="utf-8"))
    cases = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_case"]
    assert len(cases) >= 10
    assert all(isinstance(ast.literal_eval(one.args[1]), list) for one in cases)
