"""The rules that the laboratory can be asked for by name, and rules in users' files.

Knows the package of rules and Python files; nothing of experiments.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import inspect
import os
import pkgutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from neurosim.checks import did_you_mean
from neurosim.errors import ParameterError


def built_in() -> dict[str, type]:
    """Rules of the package by name that need no argument, in order of their names."""
    import neurosim.plasticity as package

    found = {}
    for module in pkgutil.iter_modules(package.__path__):
        home = importlib.import_module(f"{package.__name__}.{module.name}")
        for name, one in vars(home).items():
            if inspect.isclass(one) and one.__module__ == home.__name__ and not name.startswith("_") and _is_rule(one):
                found[name] = one
    return dict(sorted(found.items()))


def _is_rule(one: type) -> bool:
    """Whether a class describes a rule of a synapse and has a default for everything."""
    if not (hasattr(one, "mechanism") or hasattr(one, "functions")) or not dataclasses.is_dataclass(one):
        return False
    missing = dataclasses.MISSING
    return not any(f.default is missing and f.default_factory is missing for f in dataclasses.fields(one))


def find(asked: str) -> Any:
    """A rule by the name of its class, or `path/to/file.py:object`; classes are made with their defaults.

    Raises
    ------
    ParameterError
        Nothing of that name; the known ones are listed.
    """
    path, colon, name = asked.rpartition(":")
    if colon and path.endswith(".py"):
        one = _from_file(Path(path), name)
    elif asked.endswith(".py") or os.sep in asked:
        raise ParameterError(f"{asked}: say which object of the file is the rule: {asked.rstrip(':')}:my_rule")
    else:
        known = built_in()
        if asked not in known:
            raise ParameterError(
                f"no rule {asked!r}; known: {', '.join(known)}, or path/to/file.py:object.{did_you_mean(asked, known)}"
            )
        one = known[asked]
    if not isinstance(one, type):
        return one
    try:
        return one()
    except TypeError as error:
        raise ParameterError(
            f"{asked}: cannot be made without arguments ({error}); name an object instead of the class"
        ) from None


def _from_file(path: Path, name: str) -> Any:
    """An object of a Python file, which is run."""
    if not path.is_file():
        raise ParameterError(
            f"no file {str(path)!r}; give the path of a Python file and an object in it, as in rules.py:mine"
        )
    spec = importlib.util.spec_from_file_location(f"neurosim_lab_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ParameterError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where inspect finds the source of functions
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ParameterError(f"{path} cannot be run: {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    if not hasattr(module, name):
        own = [n for n, value in vars(module).items() if not n.startswith("_") and not inspect.ismodule(value)]
        raise ParameterError(f"{path} has no {name!r}; it has {', '.join(own) or 'nothing'}.{did_you_mean(name, own)}")
    return getattr(module, name)


def changed(rule: Any, settings: Mapping[str, Any]) -> Any:
    """The rule with other values of some parameters.

    Examples
    --------
    >>> from neurosim.plasticity.pair import PairSTDP
    >>> changed(PairSTDP(), {"a_plus": 0.02}).a_plus
    0.02
    """
    if not settings:
        return rule
    if not dataclasses.is_dataclass(rule) or isinstance(rule, type):
        raise ParameterError(
            f"{type(rule).__name__} {rule!r} is no dataclass, so its parameters cannot be set from outside"
        )
    own = {f.name for f in dataclasses.fields(rule) if f.init}
    inner = dict(getattr(rule, "params", {}))  # of a PlasticityRule
    for key in settings:
        if key not in own and key not in inner:
            known = [*sorted(own), *inner]
            raise ParameterError(
                f"{title(rule)} has no parameter {key!r}; known: {', '.join(known) or 'none'}.{did_you_mean(key, known)}"
            )
    outer = {key: value for key, value in settings.items() if key in own}
    if inner:
        outer["params"] = inner | {key: value for key, value in settings.items() if key in inner}
    return dataclasses.replace(rule, **outer)


def title(rule: Any) -> str:
    """What a rule is called."""
    return str(getattr(rule, "name", None) or type(rule).__name__)


def parameters(rule: Any) -> dict[str, str]:
    """Parameters of a rule and their values, as text."""
    if not dataclasses.is_dataclass(rule):
        return {}
    inner = dict(getattr(rule, "params", {}))
    skip = (
        {"name", "params", "traces", "variables", "helpers", "on_pre", "on_post", "between", "transmit"}
        if inner or hasattr(rule, "params")
        else set()
    )
    shown = {f.name: getattr(rule, f.name) for f in dataclasses.fields(rule) if f.repr and f.name not in skip}
    values = inner | {name: value for name, value in shown.items() if value is not None}
    return {name: f"{value:g}" if isinstance(value, float) else str(value) for name, value in values.items()}


def equation(rule: Any) -> str:
    """The formulas of a rule: the first block of its docstring set off by `::`, or the source of a user's functions."""
    functions = [getattr(rule, kind, None) for kind in ("on_pre", "on_post", "between", "transmit")]
    sources = [inspect.getsource(one).rstrip() for one in functions if inspect.isfunction(one) and _has_source(one)]
    if hasattr(rule, "params") and sources:
        traces = [f"{name}: trace of {t.of} spikes, {_tau(rule, t.tau)}" for name, t in dict(rule.traces).items()]
        return "\n".join([*traces, *sources])
    lines = inspect.cleandoc(type(rule).__doc__ or "").splitlines()
    start = next((k for k, line in enumerate(lines) if line.rstrip().endswith("::")), None)
    if start is None:
        return ""
    block: list[str] = []
    for line in lines[start + 1 :]:
        if line.strip() and not line.startswith(" "):
            break
        block.append(line)
    return inspect.cleandoc("\n".join(block)).strip()


def summary(rule: Any) -> str:
    """The first sentence of a rule's docstring."""
    if hasattr(rule, "params"):
        return "A rule of the user's own."
    return (inspect.cleandoc(type(rule).__doc__ or "").splitlines() or [""])[0]


def references(rule: Any) -> str:
    """The papers that a rule's docstring names."""
    text = inspect.cleandoc(type(rule).__doc__ or "")
    _, found, rest = text.partition("References\n----------\n")
    return " ".join(rest.split("\n\n")[0].split()) if found and not hasattr(rule, "params") else ""


def _tau(rule: Any, tau: float | str) -> str:
    value = getattr(rule, tau) if isinstance(tau, str) else tau
    return f"{tau} = {value:g} ms" if isinstance(tau, str) else f"{value:g} ms"


def _has_source(function: Any) -> bool:
    try:
        inspect.getsource(function)
    except (OSError, TypeError):
        return False
    return True
