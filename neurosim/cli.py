"""The command line: `neurosim run | report | list | check | lab | info`.

Knows scenarios as scripts with a function `main` and nothing of what they do.  Nothing heavy is imported before a command
needs it.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import inspect
import os
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from neurosim import __version__
from neurosim.errors import NeurosimError, NeurosimWarning, ParameterError

PACKAGE = Path(__file__).parent
#: Where scenarios are looked for by name: beside the package in a checkout, inside it in a wheel.
FOLDERS = (PACKAGE.parent / "scenarios", PACKAGE / "_scenarios")
#: Arguments of a scenario's `main` that have options of their own, or are set by the command line.
OWN = ("duration", "seed", "out", "progress")
#: Options of every `run`; a setting of such a name is reached by `--set` only.
OPTIONS = ("seed", "duration", "out", "threads", "mpi", "set", "debug", "help")
THREADS = "NEUROSIM_THREADS"  # what the engine's choice of threads honours
SHORT = 0.1  # part of a scenario's own duration that `--duration short` runs


class UsageError(Exception):
    """The command cannot be understood; its text tells what would be."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0 good, 1 an error or a failed check, 2 a command not understood."""
    parser = _parser()
    given, more = parser.parse_known_args(arguments)
    if given.command == "run":
        given.flags = more  # settings of the scenario, which is not known yet
    elif more:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    if given.command is None:
        parser.print_help()
        return 0
    try:
        return int(given.function(given))
    except UsageError as error:
        print(f"neurosim {given.command}: {error}", file=sys.stderr)
        return 2
    except NeurosimError as error:
        if given.debug:
            raise
        print(f"neurosim {given.command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # `neurosim list | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="neurosim",
        description="Living networks of spiking neurons.",
        epilog="For example: neurosim run worm --seed 2 --rule mirror",
    )
    parser.add_argument("--version", action="version", version=f"neurosim {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="run | report | list | check | lab | info")

    run = commands.add_parser(
        "run",
        help="run a scenario",
        description="Run a scenario: a name of `neurosim list`, or a script of your own.",
        epilog="Settings of the scenario are options too: --scale 0.2, and --full for a yes or no (--no-full). "
        "`neurosim run SCENARIO --help` lists them.",
        allow_abbrev=False,  # else a setting could be taken for an option that begins alike
        add_help=False,
    )
    run.add_argument(
        "-h", "--help", action=_Help, nargs=0, help="show this, and the settings of the scenario named before"
    )
    run.add_argument(
        "scenario",
        metavar="SCENARIO",
        help="a name, or the path of a script with a function main(duration=, seed=, out=, ...)",
    )
    run.add_argument("--seed", type=int, metavar="N", help="everything random depends on it")
    run.add_argument("--duration", metavar="MS", help="simulated time in ms, or 'short' for a tenth of the usual")
    run.add_argument("--out", metavar="DIR", help="folder of pictures and results (default: runs/NAME)")
    run.add_argument(
        "--set",
        dest="settings",
        action="append",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="settings of the scenario; --KEY VALUE is the same",
    )
    run.add_argument("--threads", metavar="N", help="threads of the engine (default: its own choice)")
    run.add_argument(
        "--mpi", nargs="?", const="", metavar="R",
        help="divide the network among R processes (without R: one for each core)",
    )  # fmt: skip
    run.set_defaults(function=_run)

    page = commands.add_parser(
        "report",
        help="make a page of a run",
        description="Write one HTML page of a run, which opens without a network: summary, graph over time, spikes, growth, weights.",
    )
    page.add_argument("folder", metavar="RUN_DIR", help="the --out folder of a run, such as runs/worm")
    page.add_argument("--out", metavar="FILE", help="the page (default: RUN_DIR/report.html)")
    page.add_argument(
        "--film", metavar="FILE", help="also a film of the graph growing: .gif, or .mp4 where there is ffmpeg"
    )
    page.set_defaults(function=_report)

    listing = commands.add_parser("list", help="list the scenarios and their settings")
    listing.set_defaults(function=_list)

    check = commands.add_parser("check", help="compare the engine with cases worked out by hand")
    check.add_argument("--json", action="store_true", help="print a list of {id, expected, seen, ok}")
    check.set_defaults(function=_check)

    lab = commands.add_parser(
        "lab",
        help="put a plasticity rule through the laboratory",
        description="Measure a plasticity rule: its window, pairing, triplets, drift, competition and a protocol, on one page.",
    )
    lab.add_argument(
        "rule",
        metavar="RULE",
        nargs="?",
        help="a name such as TripletSTDP (none: list them), or path/to/file.py:object",
    )
    lab.add_argument("--out", metavar="FILE", help="a .png, .pdf, .svg or .html file (default: RULE.png)")
    lab.add_argument(
        "--only", nargs="+", metavar="NAME", help="experiments to make, such as window pairing (default: all)"
    )
    lab.add_argument("--seed", type=int, default=0, metavar="N", help="everything random depends on it")
    lab.add_argument(
        "--set",
        dest="settings",
        action="append",
        nargs="+",
        default=[],
        metavar="KEY=VALUE",
        help="parameters of the rule",
    )
    lab.set_defaults(function=_lab)

    info = commands.add_parser("info", help="versions, cache, cores")
    info.set_defaults(function=_info)

    for command in (run, page, listing, check, lab, info):
        command.add_argument("--debug", action="store_true", help="show where an error came from")
    return parser


# ---- run ------------------------------------------------------------------------------------------------------------


def _run(given: argparse.Namespace) -> int:
    from neurosim import launching, ranks

    if given.mpi is not None and ranks.SIZE == 1:
        return launching.start(given.mpi, shlex.split(_command(given, None))[1:])
    with launching.quiet(Path(given.out) if given.out else Path("runs") / find_scenario(given.scenario).stem) as out:
        return _run_in(out, given)


def _run_in(out: Path, given: argparse.Namespace) -> int:
    from neurosim.runs import FOLDER, run_as

    path = find_scenario(given.scenario)
    name = path.stem
    seen = set(sys.modules)
    function = scenario_main(path)
    arguments = scenario_arguments(name, function, given)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}; give a folder that can be written to") from None
    before = _files(out)
    told = ", ".join(f"{key}={value!r}" for key, value in arguments.items() if key not in ("out", "progress"))
    if _first():
        print(f"{name}: {told or 'as it is'}", file=sys.stderr)
    if _first() and "numba" not in seen and not _cache().exists():
        print("The first run compiles for about half a minute; later ones do not.", file=sys.stderr)
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("default", NeurosimWarning)
        warnings.showwarning = _tell_warning
        known = inspect.signature(function).parameters
        usual = {key: one.default for key, one in known.items() if one.default is not one.empty}
        with _threads(given.threads), run_as(name, usual | arguments, _command(given, out)):
            lines = function(**arguments, **({"out": out} if "out" in known else {}))
    for line in lines or []:
        print(line)
    saved = [file.relative_to(out) for file, stamp in sorted(_files(out).items()) if before.get(file) != stamp]
    kept = Path(FOLDER, "manifest.json") in saved
    names = [str(file) for file in saved if not (kept and file.parts[0] == FOLDER)] + ([f"{FOLDER}/"] if kept else [])
    print(f"saved {', '.join(names) or 'nothing'} in {out} ({time.perf_counter() - began:.1f} s)")
    if kept:
        print(f"neurosim report {shlex.quote(str(out))} makes a page of it")
    return 0


def _first() -> bool:
    """Whether this process is the one that prints."""
    from neurosim import ranks

    return ranks.once()


def _command(given: argparse.Namespace, out: Path | None) -> str:
    """What was typed, to be typed again."""
    words = ["neurosim", "run", given.scenario, *(["--out", str(out or given.out)] if given.out else [])]
    words += [] if given.seed is None else ["--seed", str(given.seed)]
    words += [] if given.duration is None else ["--duration", given.duration]
    words += [] if given.threads is None else ["--threads", given.threads]
    words += [] if given.mpi is None or out is None else ["--mpi", *([given.mpi] if given.mpi else [])]
    words += ["--debug"] if given.debug and out is None else []
    settings = [text for group in given.settings for text in group]
    return shlex.join([*words, *given.flags, *(["--set", *settings] if settings else [])])


@contextlib.contextmanager
def _threads(text: str | None) -> Iterator[None]:
    """For as long as this holds, networks that are not told a number of threads take this one."""
    if text is None:
        yield
        return
    if not text.isascii() or not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--threads {text}: give a whole number of at least 1, for example --threads 2")
    before = os.environ.get(THREADS)
    os.environ[THREADS] = str(int(text))
    try:
        yield
    finally:
        if before is None:
            del os.environ[THREADS]
        else:
            os.environ[THREADS] = before


def find_scenario(asked: str) -> Path:
    """The script of a scenario, by name or by path."""
    known = scenarios()
    if asked in known:
        return known[asked]
    path = Path(asked)
    if path.is_file() and path.suffix == ".py":
        return path
    if path.suffix == ".py" or os.sep in asked:
        raise UsageError(f"no script {asked!r}; give the path of a Python file, or one of: {', '.join(known)}")
    close = _close(asked, known) or " The scenario comes first, its settings after it."
    raise UsageError(f"no scenario {asked!r}; known: {', '.join(known) or 'none'}.{close}")


def scenarios() -> dict[str, Path]:
    """Scripts by name; a checkout's come before those of the installed package."""
    found: dict[str, Path] = {}
    for folder in FOLDERS:
        for path in sorted(folder.glob("[!_]*.py")):
            found.setdefault(path.stem, path)
    return dict(sorted(found.items()))


def scenario_main(path: Path) -> Callable[..., Any]:
    """The function `main` of a script."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(f"neurosim_scenario_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python script")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where inspect, dataclasses and pickles look
    sys.path.insert(0, str(path.resolve().parent))  # as `python script.py` has it
    spec.loader.exec_module(module)
    function = getattr(module, "main", None)
    if not callable(function):
        raise UsageError(f"{path} has no function main; write `def main(duration=1000.0, seed=1, out='runs'): ...`")
    return function


def scenario_arguments(name: str, function: Callable[..., Any], given: argparse.Namespace) -> dict[str, Any]:
    """Keyword arguments for a scenario's `main` from the command line, checked against its signature."""
    known = inspect.signature(function).parameters
    settings = {key: parameter for key, parameter in known.items() if key not in OWN}
    arguments: dict[str, Any] = {}
    for option in ("duration", "seed"):
        if getattr(given, option) is not None and option not in known:
            raise UsageError(f"scenario {name!r} takes no {option}; its main has: {', '.join(known) or 'no argument'}")
    if given.duration is not None:
        arguments["duration"] = _duration(given.duration, known["duration"].default)
    if given.seed is not None:
        arguments["seed"] = given.seed
    for text in (one for group in given.settings for one in group):
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text}: write key=value, for example --set {next(iter(settings), 'key')}=1")
        if key in OWN:
            raise UsageError(f"--set {text}: use the option --{key} instead")
        if key not in settings:
            raise UsageError(
                f"scenario {name!r} has no setting {key!r}; known: {', '.join(settings) or 'none'}.{_close(key, settings)}"
            )
        arguments[key] = _value(value)
    for key, setting in _flags(name, settings, given.flags):
        if key in arguments:
            raise UsageError(f"scenario {name!r}: {key} is given twice; give it once")
        arguments[key] = setting
    missing = [
        key for key, parameter in settings.items() if parameter.default is parameter.empty and key not in arguments
    ]
    if missing:
        raise UsageError(f"scenario {name!r} needs {', '.join(f'{_flag(key)} ...' for key in missing)}")
    if "progress" in known:
        arguments["progress"] = True
    return arguments


def _flag(key: str) -> str:
    """How a setting is written on the command line."""
    return f"--set {key}=" if key in OPTIONS else f"--{key.replace('_', '-')}"


def _flags(name: str, settings: Mapping[str, inspect.Parameter], words: Sequence[str]) -> Iterator[tuple[str, Any]]:
    """(setting, value) of plain flags: --key VALUE or --key=VALUE, and --key or --no-key where it is True or False."""
    left = list(words)
    while left:
        word = left.pop(0)
        flag, equals, text = word.partition("=")
        key = flag.removeprefix("--").replace("-", "_")
        negated = key.removeprefix("no_") if key not in settings else key
        if negated != key and _is_switch(settings.get(negated)) and not equals:
            yield negated, False
            continue
        if not flag.startswith("--") or key not in settings or key in OPTIONS:
            raise UsageError(_no_flag(name, settings, flag))
        if not equals and _is_switch(settings[key]):
            text = left.pop(0) if left and left[0] in ("True", "False") else "True"
        elif not equals:
            if not left or left[0].startswith("--"):
                usual = settings[key].default
                example = 1 if usual is inspect.Parameter.empty else usual
                raise UsageError(f"{flag}: needs a value, for example {flag} {shlex.quote(str(example))}")
            text = left.pop(0)
        yield key, _value(text)


def _is_switch(setting: inspect.Parameter | None) -> bool:
    """Whether a setting is True or False."""
    return setting is not None and (isinstance(setting.default, bool) or setting.annotation in (bool, "bool"))


def _no_flag(name: str, settings: Mapping[str, inspect.Parameter], flag: str) -> str:
    """What to say of a word that is neither an option nor a setting."""
    known = [_flag(key) for key in settings]
    options = [f"--{option}" for option in OPTIONS]
    what = "option or setting" if flag.startswith("-") else "use for the word"
    return (
        f"scenario {name!r} has no {what} {flag!r}; settings: {', '.join(known) or 'none'}; options: {', '.join(options)}."
        f"{_close(flag, dict.fromkeys([*known, *options]))}"
    )


class _Help(argparse.Action):
    """`neurosim run --help`, and `neurosim run SCENARIO --help` with what the scenario takes; runs nothing."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, *_: object) -> None:
        asked = namespace.scenario
        if asked is None:
            parser.print_help()
            parser.exit()
        try:
            path = find_scenario(asked)
        except UsageError as error:
            parser.exit(2, f"neurosim run: {error}\n")
        tree = ast.parse(path.read_text(encoding="utf-8"))
        print(f"neurosim run {asked}: {(ast.get_docstring(tree) or '').partition(chr(10))[0]}\n")
        settings = {key: default for key, default in _settings(tree).items() if key not in OWN}
        print("settings:" if settings else "It has no settings.")
        width = max((len(_flag(key)) for key in settings), default=0)
        for key, default in settings.items():
            told = "must be given" if default is None else "switch, off; turns on" if default == "False" else default
            told = f"switch, on; {_flag(f'no_{key}')} turns it off" if default == "True" else told
            print(f"  {_flag(key).ljust(width)}  {told}")
        for node in _mains(tree):
            print(f"\n{ast.get_docstring(node) or ''}".rstrip())
        print("\noptions of every run:")
        print(parser.format_help().partition("options:\n")[2].partition("\n\n")[0])
        parser.exit()


def _duration(text: str, usual: object) -> float:
    """Milliseconds of `--duration`."""
    if text == "short":
        if not isinstance(usual, int | float):
            raise UsageError(f"--duration short: the scenario's own duration is {usual!r}, no number of ms; give ms")
        return float(round(usual * SHORT))
    try:
        duration = float(text)
    except ValueError:
        raise UsageError(f"--duration {text}: give ms, or the word 'short'") from None
    if not 0.0 < duration < float("inf"):
        raise UsageError(f"--duration {text}: must be positive (ms); for example --duration 2000")
    return duration


def _value(text: str) -> Any:
    """A Python literal, or else the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _close(name: str, known: Mapping[str, object]) -> str:
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def _files(folder: Path) -> dict[Path, int]:
    """Files of a folder with the time of their last change (ns)."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def _tell_warning(message: object, *_: Any, **__: Any) -> None:
    """A warning as one line."""
    print(f"warning: {message}", file=sys.stderr)


# ---- report, list, check, info --------------------------------------------------------------------------------------


def _report(given: argparse.Namespace) -> int:
    from neurosim.report import write_page

    began = time.perf_counter()
    path = write_page(given.folder, given.out)
    print(f"saved {path}, {path.stat().st_size / 1e6:.1f} MB ({time.perf_counter() - began:.1f} s)")
    if given.film is not None:
        from neurosim.plot import film
        from neurosim.runs import read_run

        run = read_run(given.folder)
        film(run.lifetimes(), given.film, positions=run.positions, title=str(run.manifest["title"]))
        print(f"saved {given.film}, {Path(given.film).stat().st_size / 1e6:.1f} MB")
    return 0


def _list(given: argparse.Namespace) -> int:
    found = scenarios()
    if not found:
        raise ParameterError(f"no scenario in {' or '.join(map(str, FOLDERS))}; reinstall neurosim")
    width = max(map(len, found))
    for name, path in found.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        told = (ast.get_docstring(tree) or "").splitlines()
        print(f"{name.ljust(width)}  {told[0] if told else ''}")
        settings = [key for key in _settings(tree) if key not in OWN]
        if settings:
            print(f"{' ' * width}  {', '.join(map(_flag, settings))}")
    return 0


def _mains(tree: ast.Module) -> list[ast.FunctionDef]:
    """The function `main` of a script, without running it."""
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]


def _settings(tree: ast.Module) -> dict[str, str | None]:
    """Arguments of a script's `main` with the text of their defaults (None: there is none), without running the script."""
    found: dict[str, str | None] = {}
    for node in _mains(tree):
        several, usual = node.args.args, node.args.defaults
        defaults = [*[None] * (len(several) - len(usual)), *usual, *node.args.kw_defaults]
        for one, default in zip([*several, *node.args.kwonlyargs], defaults, strict=True):
            found[one.arg] = None if default is None else ast.unparse(default)
    return found


def _check(given: argparse.Namespace) -> int:
    from neurosim.checking import CASES, run_cases

    outcomes = run_cases()
    failed = sum(not one.ok for one in outcomes)
    if given.json:
        import json

        print(json.dumps([one.to_dict() for one in outcomes], indent=1))
        return 1 if failed else 0
    rows = [("id", "expected", "seen", "ok")]
    rows += [(one.id, _numbers(one.expected), _numbers(one.seen), "ok" if one.ok else "FAILED") for one in outcomes]
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    for k, row in enumerate(rows):
        says = "" if k == 0 else CASES[k - 1].says
        print(
            "  ".join(
                [*(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True)), row[3].ljust(6), says]
            ).rstrip()
        )
    print(
        f"{len(outcomes) - failed} of {len(outcomes)} cases as worked out by hand"
        + (f", {failed} FAILED" if failed else "")
    )
    return 1 if failed else 0


def _lab(given: argparse.Namespace) -> int:
    from neurosim.lab import catalogue
    from neurosim.lab.bench import check_rule, title_of
    from neurosim.lab.report import KINDS, report

    if given.rule is None:
        known = catalogue.built_in()
        width = max(map(len, known))
        for name, one in known.items():
            print(f"{name.ljust(width)}  {catalogue.summary(one())}")
        return 0
    settings: dict[str, Any] = {}
    for text in (one for group in given.settings for one in group):
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text}: write key=value, for example --set a_plus=0.02")
        settings[key] = _value(value)
    try:
        rule = catalogue.changed(catalogue.find(given.rule), settings)
        check_rule("report", rule)
    except ParameterError as error:
        if given.debug:
            raise
        raise UsageError(str(error)) from None
    out = Path(given.out or f"{title_of(rule).replace(' ', '_')}.png")
    if out.suffix.lower() not in KINDS:
        raise UsageError(
            f"--out {out}: the name must end in {', '.join(KINDS)}; for example --out {out.stem or 'rule'}.html"
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: {error.strerror}; give a file in a folder that can be written to") from None
    print(f"{title_of(rule)}: {', '.join(f'{k}={v!r}' for k, v in settings.items()) or 'as it is'}", file=sys.stderr)
    if not _cache().exists():
        print("The first run compiles for about half a minute; later ones do not.", file=sys.stderr)
    began = time.perf_counter()
    print(report(rule, out, only=given.only, seed=given.seed))
    print(f"saved {out} ({time.perf_counter() - began:.1f} s)")
    return 0


def _numbers(values: Sequence[float] | str) -> str:
    return values if isinstance(values, str) else ", ".join(f"{value:.10g}" for value in values) or "nothing"


def _info(given: argparse.Namespace) -> int:
    from neurosim.about import facts

    for name, value in facts(scenarios()).items():
        print(f"{name.ljust(12)}{value}")
    return 0


def _cache() -> Path:
    from neurosim.kernels.compiled import cache_folder

    return cache_folder()
