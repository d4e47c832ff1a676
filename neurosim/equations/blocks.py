"""Brian2's statements as the text of scalar Python functions.

The only module beside `brian.py` that imports Brian2; it is imported when equations are translated, never before.  It uses
Brian2's analysis of code (types, order of subexpressions, what does not change in a loop) and writes text of its own.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from brian2.codegen.translation import make_statements
from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS
from brian2.core.variables import AuxiliaryVariable, Subexpression
from brian2.parsing.rendering import NodeRenderer
from brian2.utils.stringtools import get_identifiers

from neurosim.equations.border import Table
from neurosim.equations.functions import CALLED
from neurosim.equations.translation import Part, Slot
from neurosim.errors import ParameterError

#: Independent draws of each kind that a model may make in a step.
MOST_DRAWS = 9
LARGEST_POWER = 64


@dataclass(frozen=True)
class Reading:
    """How a name is read: its name in the text, the arguments and the line that make it, and whether it is known beforehand.

    "Beforehand" means that it follows from constants, dt and shared parameters, so once for a whole population.
    """

    local: str
    arguments: tuple[str, ...]
    line: str = ""
    known: bool = False


@dataclass
class Sheet:
    """What all functions of one model share.

    Attributes
    ----------
    variables : Brian2's records of all names
    readings : how each name is read
    results : how the new value of each variable is returned, in the order of storage
    scalars : (name, expression) of numbers known beforehand
    """

    variables: dict[str, Any]
    readings: dict[str, Reading] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    own_functions: set[str] = field(default_factory=set)
    scalars: list[tuple[str, str]] = field(default_factory=list)
    constants: dict[str, str] = field(default_factory=dict)
    used_tables: dict[str, None] = field(default_factory=dict)
    used_functions: dict[str, None] = field(default_factory=dict)
    used_own: dict[str, None] = field(default_factory=dict)
    draws: dict[str, int] = field(default_factory=lambda: {"uniform": 0, "normal": 0})

    def add_state(self, slot: Slot) -> None:
        """A variable that is stored: kept in its unit, computed in SI."""
        name = slot.name
        if slot.kind == "int":
            self.readings[name] = Reading(f"{name}_si", (name,), f"{name}_si = int({name})")
            self.results[name] = f"float({name}_si)"
        elif slot.kind == "bool":
            self.readings[name] = Reading(f"{name}_si", (name,), f"{name}_si = {name} != 0.0")
            self.results[name] = f"1.0 if {name}_si else 0.0"
        elif slot.scale != 1.0:
            self.readings[name] = Reading(f"{name}_si", (name,), f"{name}_si = {name} * {slot.scale!r}")
            self.results[name] = f"{name}_si / {slot.scale!r}"
        else:
            self.readings[name] = Reading(name, (name,))
            self.results[name] = name

    def add_number(self, name: str, kind: str, *, known: bool) -> None:
        """A parameter or constant: a coefficient in SI."""
        if kind == "float":
            self.readings[name] = Reading(f"{name}_si", (f"{name}_si",), known=known)
        else:
            change = f"int({name}_float)" if kind == "int" else f"{name}_float != 0.0"
            self.readings[name] = Reading(f"{name}_si", (f"{name}_float",), f"{name}_si = {change}")

    def draw(self, kind: str) -> str:
        """A draw of its own for a call of rand() or randn()."""
        self.draws[kind] += 1
        if self.draws[kind] > MOST_DRAWS:
            raise ParameterError(
                f"more than {MOST_DRAWS} calls of {'rand()' if kind == 'uniform' else 'randn() or sources xi'}; "
                f"name one draw by a subexpression marked (constant over dt) and use it several times"
            )
        return kind if self.draws[kind] == 1 else f"{kind}_{self.draws[kind]}"


class _Renderer(NodeRenderer):  # type: ignore[misc]
    """An expression of the language as Python over the names of one function."""

    def __init__(self, block: "Block") -> None:
        super().__init__()
        self.block = block

    def render_Name(self, node: ast.Name) -> str:
        if node.id in DEFAULT_CONSTANTS and node.id not in self.block.readings:
            return "1e400" if node.id == "inf" else repr(float(DEFAULT_CONSTANTS[node.id].value))
        return self.block.read(node.id)

    def render_BinOp(self, node: ast.BinOp) -> str:
        if isinstance(node.op, ast.Pow):
            return self._power(node)
        return str(super().render_BinOp(node))

    def _power(self, node: ast.BinOp) -> str:
        sign, right = 1, node.right
        if isinstance(right, ast.UnaryOp) and isinstance(right.op, ast.USub):
            sign, right = -1, right.operand
        if isinstance(right, ast.Constant) and isinstance(right.value, int | float | np.number):
            exponent = sign * float(right.value)
            base = self.render_element_parentheses(node.left)
            if exponent == int(exponent) and abs(exponent) <= LARGEST_POWER:
                return f"{base} ** {int(exponent)}" if exponent >= 0 else f"1.0 / {base} ** {-int(exponent)}"
            if abs(exponent) == 0.5:
                self.block.sheet.used_functions["sqrt"] = None
                root = f"sqrt({self.render_node(node.left)})"
                return root if exponent > 0 else f"1.0 / {root}"
        self.block.sheet.used_functions["raised"] = None
        return f"raised({self.render_node(node.left)}, {self.render_node(node.right)})"

    def render_element_parentheses(self, node: ast.expr) -> str:
        text = str(super().render_element_parentheses(node))
        return text if text.isidentifier() or text.startswith("(") else f"({text})"

    def render_Call(self, node: ast.Call) -> str:
        name = str(node.func.id)  # type: ignore[attr-defined]
        arguments = [self.render_node(a) for a in node.args]
        return self.block.call(name, arguments)


class Block:
    """One piece of code that becomes one function."""

    def __init__(self, sheet: Sheet, name: str, more: Mapping[str, Reading] | None = None) -> None:
        self.sheet, self.name = sheet, name
        self.readings = {**sheet.readings, **(more or {})}
        self.locals: dict[str, str] = {}
        self.arguments: dict[str, None] = {}
        self.lines: dict[str, None] = {}
        self.renderer = _Renderer(self)

    def read(self, name: str) -> str:
        """The name in the text of a name of the language, with what it needs noted."""
        if name in self.locals:
            return self.locals[name]
        reading = self.readings[name]
        for argument in reading.arguments:
            self.arguments.setdefault(argument)
        if reading.line:
            self.lines.setdefault(reading.line)
        return reading.local

    def call(self, name: str, arguments: list[str]) -> str:
        """A call of a function of the language, of a table, or of a function of the namespace."""
        sheet = self.sheet
        if name in sheet.tables:
            sheet.used_tables.setdefault(name)
            columns = sheet.tables[name].values.ndim == 2
            parts = ("first", "rows", *(("columns",) if columns else ()), "grain", "fine")
            numbers = [f"{name}_si_{part}" for part in parts]
            for argument in ("tables", *numbers):
                self.arguments.setdefault(argument)
            function = "sampled_column" if columns else "sampled"
            sheet.used_functions.setdefault(function)
            return f"{function}(tables, {', '.join(numbers)}, {', '.join(arguments)})"
        if name in sheet.own_functions:
            sheet.used_own.setdefault(name)
            return f"own_{name}({', '.join(arguments)})"
        if name in ("rand", "randn"):
            draw = sheet.draw("uniform" if name == "rand" else "normal")
            self.arguments.setdefault(draw)
            return draw
        if name not in CALLED:
            raise ParameterError(f"the function {name}() is not supported; known: {', '.join(sorted(CALLED))}")
        sheet.used_functions.setdefault(CALLED[name])
        return f"{CALLED[name]}({', '.join(arguments)})"

    def write(
        self, code: str, *, guards: Mapping[str, str] | None = None, result: str = "", writes: tuple[str, ...] = (),
        every: bool = False,
    ) -> Part:  # fmt: skip
        """The function of `code`; it returns the variables that the code changes, or all, or the expression `result` as `writes`."""
        scalar, vector = make_statements(code, self.sheet.variables, np.float64, optimise=True, blockname=self.name)
        body: list[str] = []
        changed: dict[str, None] = {}
        for statement in scalar:
            if not self._beforehand(statement):
                body += self._statement(statement, changed, {})
        for statement in vector:
            body += self._statement(statement, changed, guards or {})
        if not result:
            writes = tuple(name for name in self.sheet.results if name in changed or every)
            result = ", ".join(self._returned(name, name in changed) for name in writes)
        needed = [argument for argument in self.arguments]
        text = f"def {self.name}({', '.join(needed)}):\n"
        text += "".join(f"    {line}\n" for line in [*self.lines, *body])
        return Part(self.name, tuple(needed), writes, text + f"    return {result}\n")

    def _returned(self, name: str, changed: bool) -> str:
        if not changed:
            (argument,) = self.readings[name].arguments
            self.arguments.setdefault(argument)
            return argument
        expression = self.sheet.results[name]
        return f"({expression})" if " if " in expression else expression

    def _beforehand(self, statement: Any) -> bool:
        """Put a scalar statement among the numbers that are computed once per population, if it can be."""
        names = get_identifiers(statement.expr)
        functions = {n for n in names if n in DEFAULT_FUNCTIONS}
        numbers = names - functions
        known = all(n in DEFAULT_CONSTANTS or (n in self.readings and self.readings[n].known) for n in numbers)
        if not known or functions & {"rand", "randn", "poisson"} or statement.op != ":=" or statement.var[0] != "_":
            return False
        if statement.dtype not in (float, np.float64):
            return False
        beforehand = Block(self.sheet, self.name)
        beforehand.readings = self.readings
        self.sheet.scalars.append((statement.var, beforehand.renderer.render_expr(statement.expr)))
        self.readings[statement.var] = Reading(statement.var, (statement.var,), known=True)
        return True

    def _statement(self, statement: Any, changed: dict[str, None], guards: Mapping[str, str]) -> list[str]:
        """Lines of one statement; a guarded variable keeps its value where its condition does not hold."""
        name = statement.var
        record = self.sheet.variables.get(name)
        stored = name in self.sheet.results and not isinstance(record, Subexpression | AuxiliaryVariable)
        expression = self._expression(statement)
        if not stored:
            target = self.locals.setdefault(name, name if name.startswith("_") else f"{name}_si")
            return [f"{target} = {_combined(target, statement, expression)}"]
        changed.setdefault(name)
        guard = guards.get(name)
        local = self.readings[name].local
        if statement.inplace or guard is not None:
            local = self.read(name)
        value = _combined(local, statement, expression)
        if record is not None and record.is_integer:
            value = f"int({value})"
        if guard is not None:
            value = f"({value}) if {self.read(guard)} else {local}"
        return [f"{local} = {value}"]

    def _expression(self, statement: Any) -> str:
        """The right-hand side; one that depends on one truth value as a choice between two simpler ones."""
        flags = getattr(statement, "used_boolean_variables", None) or []
        simplified = getattr(statement, "boolean_simplified_expressions", None) or {}
        names = get_identifiers(statement.expr)
        if len(flags) == 1 and "exp" in names and not names & {"rand", "randn"}:
            (flag,) = flags
            yes, no = (self.renderer.render_expr(simplified[((flag, value),)]) for value in (True, False))
            return f"({yes}) if {self.read(flag)} else ({no})"
        return str(self.renderer.render_expr(statement.expr))


def _combined(target: str, statement: Any, expression: str) -> str:
    """The new value of a statement such as `target += expression`."""
    return f"{target} {statement.op[:-1]} ({expression})" if statement.inplace else expression
