"""Gathers plain functions for a generated module: checked, rewritten, and with everything that they reach.

Knows Python's syntax and the words of compiled functions; no model, no rule and no Numba.
"""

import ast
import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from neurosim.checks import did_you_mean
from neurosim.errors import ParameterError
from neurosim.kernels.source import (
    BUILTIN,
    NOTHING,
    SourceFunction,
    arguments_of,
    found_by,
    is_number,
    source_of,
    whole_source,
    whole_text,
)

__all__ = ["WORDS", "Gathered", "SourceFunction", "arguments_of", "source_of", "whole_text"]

#: What a compiled function may call by these names, besides the functions that it finds itself.
WORDS = (
    "exp", "log", "power", "cos_turns", "expm1", "exprel", "tanh", "sin", "cos", "sqrt", "floor", "ceil",
    "min", "max", "abs", "float", "int", "bool", "range",
)  # fmt: skip
#: Words that the generated module says in another way.
_SPELT = {"sqrt": "np.sqrt", "floor": "np.floor", "ceil": "np.ceil"}
_MATH = {"exp", "log", "expm1", "tanh", "sin", "cos", "sqrt", "floor", "ceil"}
_MATH_ALSO = {"pow": "power", "fabs": "abs"}
_KERNELS = ("neurosim.kernels.source", "neurosim.kernels.mathematics", "neurosim.kernels.elementary")
#: Begins the name of every gathered function in the generated module, so that no variable there is called alike.
_PREFIX = "f_"
_MOST_POWER = 64

_STATEMENTS = (
    ast.Assign, ast.AnnAssign, ast.AugAssign, ast.If, ast.For, ast.Break, ast.Continue, ast.Return, ast.Expr, ast.Pass,
)  # fmt: skip
_EXPRESSIONS = (
    ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.IfExp, ast.Compare, ast.Call, ast.Constant, ast.Name, ast.Tuple, ast.Attribute,
)  # fmt: skip


# ---- what a function reaches -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Place:
    """Where in which function something stands, for errors."""

    what: str
    file: str
    first: int

    def refuse(self, node: ast.AST, why: str) -> ParameterError:
        line = self.first + getattr(node, "lineno", 1) - 1
        return ParameterError(f"{self.what}, line {line} of {self.file}: {why}")


class Gathered:
    """Plain functions made ready for one generated module, with the functions and numbers that they reach.

    `add` gives the text of a function in which numbers that it finds around it (globals, and variables of the function that
    made it) stand as literals, and plain functions that it calls are gathered too, under names of their own.

    Parameters
    ----------
    label : str
        How errors name what is declared.
    """

    def __init__(self, label: str) -> None:
        self.label = label
        self._named: dict[str, FunctionType] = {}
        self._done: dict[FunctionType, SourceFunction] = {}
        self._open: list[FunctionType] = []
        self._asked: set[FunctionType] = set()

    @property
    def helpers(self) -> tuple[SourceFunction, ...]:
        """The functions that the added ones call, those that are called first."""
        return tuple(made for function, made in self._done.items() if function not in self._asked)

    def add(self, function: Callable[..., object], returns: int | None = None) -> SourceFunction:
        """The compiled form of `function`; `returns` is how many values it must return.

        Raises
        ------
        ParameterError
            It says or names something that compiled functions do not know, or returns another number of values.
        """
        made = self._translated(function)
        self._asked.add(_plain(function))
        if returns is not None:
            self._check_returns(_plain(function), returns)
        return made

    def _translated(self, function: Callable[..., object]) -> SourceFunction:
        plain = _plain(function)
        if plain in self._done:
            return self._done[plain]
        tree, place = _parsed(plain, self.label)
        if plain in self._open:
            raise place.refuse(tree, f"{plain.__name__} calls itself; compiled functions cannot")
        _check_assigned(tree, place)
        self._open.append(plain)
        name = self._name(plain)
        new = _Translator(self, plain, tree, place).visit(tree)
        self._open.pop()
        new.name = name
        arguments = tuple(a.arg for a in _arguments(tree))
        made = SourceFunction(name, ast.unparse(ast.fix_missing_locations(new)), arguments)
        self._done[plain] = made
        return made

    def _name(self, function: FunctionType) -> str:
        wanted = name = _PREFIX + function.__code__.co_name
        k = 1
        while name in self._named:
            k += 1
            name = f"{wanted}_{k}"
        self._named[name] = function
        return name

    def _check_returns(self, function: FunctionType, wanted: int) -> None:
        tree, place = _parsed(function, self.label)
        for node, count in _returned(tree, function, self.label):
            if count != wanted:
                raise place.refuse(node, f"returns {count} value{'s' * (count != 1)}, needs {wanted}")


def _plain(function: Any) -> FunctionType:
    """The Python function itself, also of one that Numba has compiled."""
    function = getattr(function, "py_func", function)
    if not isinstance(function, FunctionType):
        raise ParameterError(f"{function!r}: needs a plain function written with def")
    return function


def _arguments(tree: ast.FunctionDef) -> list[ast.arg]:
    return [*tree.args.posonlyargs, *tree.args.args, *tree.args.kwonlyargs]


def _parsed(function: FunctionType, label: str) -> tuple[ast.FunctionDef, _Place]:
    text, first = whole_source(function)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.name == function.__code__.co_name:
            what = label if function.__name__ == label else f"{label}, in {function.__name__}"
            place = _Place(what, function.__code__.co_filename.rpartition("/")[2], first)
            if node.args.vararg or node.args.kwarg:
                raise place.refuse(node, "*arguments are not known here; name each argument")
            return node, place
    raise ParameterError(f"{label}: {function.__name__} is not a plain function written with def")


class _Translator(ast.NodeTransformer):
    """Rewrites one function: what it finds outside itself becomes a literal, a word, or the name of a gathered function."""

    def __init__(self, gathered: Gathered, function: FunctionType, tree: ast.FunctionDef, place: _Place) -> None:
        self.gathered, self.function, self.place = gathered, function, place
        self.local = {a.arg for a in _arguments(tree)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self.local.add(node.id)

    # ---- statements

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        """The function without decorators, types and docstring."""
        body = node.body
        if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            body = body[1:]
        node.args = ast.arguments([], [ast.arg(a.arg) for a in _arguments(node)], None, [], [], None, [])
        node.body = [self._statement(one) for one in body] or [ast.Pass()]
        node.decorator_list, node.returns = [], None
        return node

    def _statement(self, node: ast.stmt) -> ast.stmt:
        if not isinstance(node, _STATEMENTS):
            kind = type(node).__name__.lower()
            raise self.place.refuse(
                node, f"'{kind}' is not known in compiled functions; use assignments, if, for over range, and return"
            )
        if isinstance(node, ast.Expr):
            if isinstance(node.value, ast.Constant):
                return ast.Pass()
            raise self.place.refuse(node, f"{ast.unparse(node)!r} changes nothing; assign it to a name")
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign | ast.For):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for inner in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if not isinstance(inner, ast.Name):
                        raise self.place.refuse(node, f"cannot assign to {ast.unparse(inner)!r}; assign to plain names")
        if isinstance(node, ast.AnnAssign):
            if node.value is None:
                return ast.Pass()
            return ast.Assign([node.target], self.visit(node.value), lineno=node.lineno)
        if isinstance(node, ast.For):
            called = node.iter.func if isinstance(node.iter, ast.Call) else None
            if not (isinstance(called, ast.Name) and called.id == "range") or node.orelse:
                raise self.place.refuse(node, "a loop must be 'for name in range(...)'")
            node.iter = self.visit(node.iter)
            node.body = [self._statement(one) for one in node.body]
            return node
        if isinstance(node, ast.If):
            node.test = self.visit(node.test)
            node.body = [self._statement(one) for one in node.body]
            node.orelse = [self._statement(one) for one in node.orelse]
            return node
        if isinstance(node, ast.AugAssign):
            name = ast.Name(node.target.id, ast.Load())  # type: ignore[union-attr]
            return ast.Assign([node.target], self.visit(ast.BinOp(name, node.op, node.value)), lineno=node.lineno)
        if isinstance(node, ast.Assign | ast.Return) and node.value is not None:
            node.value = self.visit(node.value)
        return node

    # ---- expressions

    def visit(self, node: ast.AST) -> Any:
        """Rewrite an expression; what is not one of the few kinds of expression is refused."""
        if isinstance(node, ast.expr) and not isinstance(node, _EXPRESSIONS):
            kind = type(node).__name__
            raise self.place.refuse(
                node, f"{ast.unparse(node)!r} ({kind}) is not known in compiled functions; use numbers"
            )
        return super().visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """Numbers and truth only."""
        if not isinstance(node.value, int | float):
            raise self.place.refuse(node, f"{node.value!r} is no number; compiled functions know numbers only")
        return node

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A name of its own, or what it means outside."""
        if node.id in self.local:
            return node
        return self._meaning(node, self._outside(node))

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        """`math.exp`, or a number or function of a module."""
        return self._meaning(node, self._outside(node))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """A call of a word or of a gathered function."""
        if isinstance(node.func, ast.Name) and node.func.id in self.local:
            raise self.place.refuse(node, f"{node.func.id!r} is a number here and cannot be called")
        if not isinstance(node.func, ast.Name | ast.Attribute):
            raise self.place.refuse(node, f"{ast.unparse(node.func)!r} cannot be called in compiled functions")
        node.func = self.visit(node.func)
        if not isinstance(node.func, ast.Name | ast.Attribute):
            raise self.place.refuse(node, f"{ast.unparse(node.func)} is a number here and cannot be called")
        node.args = [self.visit(one) for one in node.args]
        if isinstance(node.func, ast.Name) and node.func.id in ("float", "int") and len(node.args) == 1:
            number = ast.BinOp(ast.Constant(1.0), ast.Mult(), node.args[0])  # Numba takes no truth value here
            node.args = [number]
            return number if node.func.id == "float" else node
        for one in node.keywords:
            one.value = self.visit(one.value)
        self._complete(node)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Powers other than small whole ones become `power`, which gives the same bits everywhere."""
        node.left, node.right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Pow) and not _small_power(node.right):
            name = "np.sqrt" if isinstance(node.right, ast.Constant) and node.right.value == 0.5 else "power"
            if name.partition(".")[0] in self.local:
                raise self.place.refuse(
                    node, f"a variable called {name.partition('.')[0]!r} stands in the way of **; rename it"
                )
            arguments = [node.left] if name == "np.sqrt" else [node.left, node.right]
            return ast.Call(ast.parse(name, mode="eval").body, arguments, [])
        return node

    # ---- names from outside

    def _outside(self, node: ast.Name | ast.Attribute) -> object:
        """The Python object that a name of no local variable means, or the word itself."""
        if isinstance(node, ast.Attribute):
            if not isinstance(node.value, ast.Name | ast.Attribute):
                raise self.place.refuse(node, f"{ast.unparse(node)!r} is not known in compiled functions")
            if isinstance(node.value, ast.Name) and node.value.id in self.local:
                raise self.place.refuse(node, f"{node.value.id!r} is a number here and has no {node.attr!r}")
            holder = self._outside(node.value)
            if not isinstance(holder, ModuleType) or not hasattr(holder, node.attr):
                raise self.place.refuse(node, f"{ast.unparse(node)!r} does not exist in compiled functions")
            return getattr(holder, node.attr)
        name = node.id
        value = found_by(name, self.function)
        if value is not NOTHING:
            return value
        if name in WORDS:
            return _Word(name)
        known = [*self.local, *WORDS]
        raise self.place.refuse(
            node, f"{name!r} is not known; it is no argument, no variable, no number, and no function that can be "
            f"compiled.{did_you_mean(name, known)}"
        )  # fmt: skip

    def _meaning(self, node: ast.Name | ast.Attribute, value: object) -> ast.expr:
        word = _word_of(value)
        if word is not None:
            return ast.copy_location(ast.parse(_SPELT.get(word, word), mode="eval").body, node)
        if is_number(value):
            return ast.copy_location(_literal(value), node)
        text = ast.unparse(node)
        if isinstance(getattr(value, "py_func", value), FunctionType):
            made = self.gathered._translated(value)  # type: ignore[arg-type]
            return ast.copy_location(ast.Name(made.__name__, ast.Load()), node)
        name = getattr(value, "__name__", "")
        name = {"power": "power", "float_power": "power"}.get(name, name)
        if name in WORDS:
            raise self.place.refuse(node, f"{text} does not exist in compiled functions; write {name}(...)")
        shown = f"array of shape {value.shape}" if hasattr(value, "shape") else type(value).__name__
        raise self.place.refuse(
            node,
            f"{text!r} ({shown}) does not exist in compiled functions: they know numbers, plain functions, and {', '.join(WORDS)}",
        )

    def _complete(self, node: ast.Call) -> None:
        """Fill in the defaults of a gathered function: its text has none."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        function = self.gathered._named.get(name)
        if function is None:
            if node.keywords:
                raise self.place.refuse(node, f"{ast.unparse(node.func)} takes its arguments by place only")
            return
        signature = inspect.signature(_plain(function))
        try:
            bound = signature.bind(*node.args, **{str(k.arg): k.value for k in node.keywords})
        except TypeError as error:
            raise self.place.refuse(node, f"{name}{signature}: {error}") from None
        values: list[Any] = []
        for argument in signature.parameters.values():
            given = bound.arguments.get(argument.name)
            if given is None:
                if not is_number(argument.default):
                    raise self.place.refuse(node, f"{name}: the default of {argument.name!r} must be a number")
                given = _literal(argument.default)
            values.append(given)
        node.args, node.keywords = values, []


class _Word:
    """A word of the compiled functions that is no Python object here."""

    def __init__(self, name: str) -> None:
        self.name = name


def _word_of(value: object) -> str | None:
    """The word that a Python object stands for: `math.exp` is exp."""
    if isinstance(value, _Word):
        return value.name
    name = getattr(value, "__name__", "")
    module = getattr(value, "__module__", None)
    if isinstance(value, BuiltinFunctionType | type) and module == "builtins" and name in BUILTIN:
        return _MATH_ALSO.get(name, name)
    if isinstance(value, BuiltinFunctionType) and module == "math":
        return _MATH_ALSO.get(name) or (name if name in _MATH else None)
    if module in _KERNELS and name in WORDS:
        return str(name)
    return None


def _literal(value: Any) -> ast.expr:
    """A number as an expression."""
    value = value.item() if hasattr(value, "item") else value
    value = float(value) if isinstance(value, float) else value  # no subclasses
    if isinstance(value, float) and not math.isfinite(value):
        sign = "-" if value < 0 else ""
        return ast.parse("np.nan" if math.isnan(value) else f"{sign}np.inf", mode="eval").body
    if not isinstance(value, bool) and (value < 0 or (value == 0 and math.copysign(1.0, value) < 0)):
        return ast.UnaryOp(ast.USub(), ast.Constant(-value))
    return ast.Constant(value)


def _small_power(node: ast.expr) -> bool:
    """Whether an exponent is a whole number that is multiplied out."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and abs(node.value) <= _MOST_POWER


# ---- what a function returns -----------------------------------------------------------------------------------------


def _returned(tree: ast.FunctionDef, function: FunctionType, label: str) -> Iterator[tuple[ast.AST, int]]:
    """(where, how many values) of every way out of a function."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Return):
            yield from _counted(node.value, node, function, label)
    if not _ends(tree.body):
        yield tree, 0


def _counted(
    value: ast.expr | None, node: ast.AST, function: FunctionType, label: str
) -> Iterator[tuple[ast.AST, int]]:
    if value is None:
        yield node, 0
    elif isinstance(value, ast.IfExp):
        yield from _counted(value.body, node, function, label)
        yield from _counted(value.orelse, node, function, label)
    elif isinstance(value, ast.Tuple):
        yield node, len(value.elts)
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        called = found_by(value.func.id, function)
        called = getattr(called, "py_func", called)
        if isinstance(called, FunctionType) and called is not function:
            tree, _ = _parsed(called, label)
            for _, count in _returned(tree, called, label):
                yield node, count
        else:
            yield node, 1
    else:
        yield node, 1


def _check_assigned(tree: ast.FunctionDef, place: _Place) -> None:
    """Refuse a variable that may have no value where it is used: the compiler would take any number."""
    local = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}

    def used(node: ast.AST | None, have: set[str]) -> None:
        for one in ast.walk(node) if node is not None else ():
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load) and one.id in local - have:
                raise place.refuse(one, f"{one.id!r} may have no value here; give it one before the 'if' or the loop")

    def through(body: list[ast.stmt], have: set[str]) -> set[str] | None:
        """Names that surely have a value after these statements; None if they never get to their end."""
        for one in body:
            if isinstance(one, ast.If):
                used(one.test, have)
                ways = [through(way, set(have)) for way in (one.body, one.orelse)]
                open_ways = [way for way in ways if way is not None]
                if not open_ways:
                    return None
                have = set.intersection(*open_ways)
            elif isinstance(one, ast.For):
                used(one.iter, have)
                through(one.body, have | _targets(one.target))
            elif isinstance(one, ast.Return | ast.Break | ast.Continue):
                used(getattr(one, "value", None), have)
                return None
            elif isinstance(one, ast.Assign | ast.AnnAssign | ast.AugAssign):
                used(one.value, have)
                if isinstance(one, ast.AugAssign):
                    used(ast.copy_location(ast.Name(getattr(one.target, "id", ""), ast.Load()), one), have)
                if one.value is not None:
                    have = have.union(
                        *(_targets(t) for t in (one.targets if isinstance(one, ast.Assign) else [one.target]))
                    )
        return have

    through(tree.body, {a.arg for a in _arguments(tree)})


def _targets(node: ast.expr) -> set[str]:
    """Names that an assignment gives a value."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _ends(body: list[ast.stmt]) -> bool:
    """Whether every way through these statements returns."""
    last = body[-1]
    if isinstance(last, ast.If):
        return bool(last.orelse) and _ends(last.body) and _ends(last.orelse)
    return isinstance(last, ast.Return)
