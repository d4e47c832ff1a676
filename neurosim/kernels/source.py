"""Plain scalar functions as text: their source, their arguments, what their names mean, and whether they have changed.

Knows the text of functions only, no model, no rule and no Numba: importing it costs nothing.
"""

import builtins
import inspect
import linecache
import math
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary

from neurosim.errors import ParameterError

#: Builtins that compiled functions may call.
BUILTIN = {"min", "max", "abs", "float", "int", "bool", "range", "pow"}


# ---- words that Python's math does not have ---------------------------------------------------------------------------


def exprel(x: float) -> float:
    """(e**x - 1) / x, and 1 at 0."""
    return 1.0 if abs(x) <= 1e-16 else math.expm1(x) / x


def power(x: float, y: float) -> float:
    """x**y for x >= 0."""
    return float(x**y)


def cos_turns(u: float) -> float:
    """cos(2 pi u)."""
    return math.cos(2.0 * math.pi * u)


# ---- functions as text -----------------------------------------------------------------------------------------------


class SourceFunction:
    """A plain scalar function that exists as text only, such as generated code; it stands wherever a function may stand.

    Parameters
    ----------
    name : str
    text : str
        ``def name(arguments): ...``, without decorators.
    arguments : tuple of str
        The names of its arguments in order.
    """

    def __init__(self, name: str, text: str, arguments: tuple[str, ...]) -> None:
        self.__name__ = self.__qualname__ = name
        self.__neurosim_source__ = text if text.endswith("\n") else text + "\n"
        self.arguments = tuple(arguments)
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(a, kind) for a in self.arguments])

    def __call__(self, *values: object) -> object:
        """Refuse: the text is for the compiler."""
        raise TypeError(f"{self.__name__} is the text of a function, to be compiled; it cannot be called")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SourceFunction) and other._key() == self._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"SourceFunction({self.__name__!r})"

    def _key(self) -> tuple[object, ...]:
        return self.__name__, self.__neurosim_source__, self.arguments


def arguments_of(function: Callable[..., object]) -> tuple[str, ...]:
    """Names of the arguments of a function or `SourceFunction`, in order."""
    if isinstance(function, SourceFunction):
        return function.arguments
    return tuple(inspect.signature(function).parameters)


# ---- source ----------------------------------------------------------------------------------------------------------

_sources: WeakKeyDictionary[CodeType, tuple[str, int]] = WeakKeyDictionary()


def source_of(function: Callable[..., object]) -> str:
    """Source text of a plain function, dedented and without decorators; `__neurosim_source__` where it has one.

    Raises
    ------
    ParameterError
        The source is not available, or is not that of the function any more because its file was edited.
    """
    given = getattr(function, "__neurosim_source__", None)
    if given is not None:
        return str(given)
    lines = whole_source(function)[0].splitlines()
    while lines and not lines[0].startswith("def "):
        lines.pop(0)
    return "\n".join(lines) + "\n"


def whole_source(function: Callable[..., object]) -> tuple[str, int]:
    """(dedented source with decorators, number of its first line in the file) of the code that the function runs.

    A file that was edited after it was imported would give the text of another function: the lines that were cached when
    it was imported are tried first, then the file, and what compiles to other code is refused.
    """
    name = getattr(function, "__name__", repr(function))
    if not isinstance(function, FunctionType):
        raise ParameterError(f"{name}: needs a plain function written with def, got {type(function).__name__}")
    code = function.__code__
    if code in _sources:
        return _sources[code]
    if code.co_name == "<lambda>":
        raise ParameterError("a lambda cannot be compiled: give the function a name with def")
    found = False
    for fresh in (False, True):
        if fresh:
            linecache.checkcache(code.co_filename)
        lines = linecache.getlines(code.co_filename, function.__globals__)
        first = code.co_firstlineno
        found = found or bool(lines)
        if first > len(lines):
            continue
        try:
            text = textwrap.dedent("".join(inspect.getblock(lines[first - 1 :])))
            modules = [n for n in code.co_names if isinstance(function.__globals__.get(n), ModuleType)]
            # Python calls what it sees imported in the same file by other instructions
            heads = ("", "".join(f"import {name}\n" for name in modules))
            if any(_same(code, other) for head in heads for other in _codes_in(text, code, head)):
                _sources[code] = text, first
                return text, first
        except (SyntaxError, IndentationError, ValueError):
            pass
    if found:
        raise ParameterError(
            f"{name}: its source in {code.co_filename} is not what was imported; the file was edited since: start Python again, "
            f"or import the module anew"
        )
    raise ParameterError(
        f"{name}: its source is not available ({code.co_filename}); write it in a file or a notebook cell, since it is compiled "
        f"from its text"
    )


def _codes_in(text: str, code: CodeType, head: str) -> Iterator[CodeType]:
    """Code of the functions that a piece of source defines, under the lines `head`, and that bear the name of `code`."""
    if code.co_freevars:  # a closure: its names must be free in the copy too
        lines = [f"def _({', '.join(code.co_freevars)}):", *textwrap.indent(text, "    ").splitlines()]
        text = "\n".join(lines) + "\n"
    import __future__

    flags = code.co_flags & sum(getattr(__future__, f).compiler_flag for f in __future__.all_feature_names)
    flags &= ~__future__.nested_scopes.compiler_flag
    todo: list[Any] = [compile(head + text, code.co_filename, "exec", flags=flags, dont_inherit=True)]
    while todo:
        one = todo.pop()
        if isinstance(one, CodeType):
            if one.co_name == code.co_name:
                yield one
            todo += one.co_consts


def _same(one: CodeType, two: CodeType) -> bool:
    """Whether two pieces of code do the same; where they stand and what strings they hold does not count."""

    def constants(code: CodeType) -> list[tuple[type, object]]:
        return [(type(c), c) for c in code.co_consts if not isinstance(c, str | CodeType)]

    inner = [[c for c in code.co_consts if isinstance(c, CodeType)] for code in (one, two)]
    return (
        one.co_code == two.co_code
        and one.co_names == two.co_names
        and one.co_varnames == two.co_varnames
        and repr(constants(one)) == repr(constants(two))
        and len(inner[0]) == len(inner[1])
        and all(_same(a, b) for a, b in zip(*inner, strict=True))
    )


# ---- names ----------------------------------------------------------------------------------------------------------

NOTHING = object()


def found_by(name: str, function: FunctionType) -> object:
    """What a name means where a function was written: its closure, the globals, the builtins."""
    free = function.__code__.co_freevars
    if name in free and function.__closure__ is not None:
        try:
            return function.__closure__[free.index(name)].cell_contents
        except ValueError:  # not assigned yet
            return NOTHING
    if name in function.__globals__:
        return function.__globals__[name]
    return getattr(builtins, name) if name in BUILTIN else NOTHING


def is_number(value: object) -> bool:
    """Whether a Python object is a plain number."""
    import numpy as np

    return isinstance(value, bool | int | float | np.bool_ | np.integer | np.floating)


# ---- fingerprints ----------------------------------------------------------------------------------------------------


def whole_text(function: Callable[..., object]) -> str:
    """Source of a function that Python itself runs, with the numbers and plain functions that it finds around it.

    It tells whether the function is still the one it was; what cannot be read is left out.
    """
    texts: dict[object, str] = {}

    def read(one: Any) -> None:
        if one in texts:
            return
        try:
            texts[one] = source_of(one)
        except ParameterError:
            try:
                texts[one] = inspect.getsource(one)
            except (OSError, TypeError):
                texts[one] = getattr(one, "__qualname__", "")
        if isinstance(one, FunctionType):
            for name in sorted({*one.__code__.co_names, *one.__code__.co_freevars}):
                value = found_by(name, one)
                if is_number(value):
                    texts[one] += f"# {name} = {value!r}\n"
                elif isinstance(value, FunctionType) and value.__module__.split(".")[0] not in ("numpy", "scipy"):
                    read(value)

    read(function)
    return "\n".join(texts.values())
