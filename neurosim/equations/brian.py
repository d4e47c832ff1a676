"""From the strings of a neuron model to its translation, by Brian2's own parser, unit checks and integrators.

Imported when something is translated, never before.  Brian2's words are kept where it refuses something, with the place.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from brian2.codegen.translation import get_identifiers_recursively
from brian2.core.functions import DEFAULT_CONSTANTS, DEFAULT_FUNCTIONS, Function
from brian2.core.namespace import DEFAULT_UNITS
from brian2.core.variables import AuxiliaryVariable, Constant, Subexpression, Variable
from brian2.equations.equations import (
    BOOLEAN,
    DIFFERENTIAL_EQUATION,
    INTEGER,
    PARAMETER,
    SUBEXPRESSION,
    Equations,
    extract_constant_subexpressions,
    is_stateful,
)
from brian2.equations.refractory import add_refractoriness
from brian2.equations.unitcheck import check_dimensions, check_units_statements
from brian2.parsing.expressions import is_boolean_expression, parse_expression_dimensions
from brian2.parsing.statements import parse_statement
from brian2.parsing.sympytools import str_to_sympy
from brian2.stateupdaters.base import StateUpdateMethod, UnsupportedEquationsException
from brian2.units import second
from brian2.units.fundamentalunits import DIMENSIONLESS, Unit, get_or_create_dimension
from brian2.utils.logger import catch_logs
from brian2.utils.stringtools import deindent, get_identifiers

from neurosim.checks import did_you_mean
from neurosim.equations.blocks import Block, Reading, Sheet
from neurosim.equations.border import Named, Number, Table, declared_in
from neurosim.equations.translation import Part, Slot, Translation
from neurosim.errors import ParameterError

#: The order in which Brian2 itself tries, if no method is named.
METHODS = ("exact", "euler", "heun")
KINDS = {BOOLEAN: "bool", INTEGER: "int"}
TYPES: dict[str, type] = {"float": np.float64, "int": np.int32, "bool": np.bool_}
#: Flags of Brian2 that mean nothing here, and what to do instead.
REFUSED_FLAGS = {
    "linked": "linked variables are not supported; give the variable to this population, and set it in net.add(ns.Callback(function, every=0.1)), "
    "or connect the populations",
    "summed": "a summed variable belongs to synapses and is not supported; let each spike add its weight to a variable that "
    "decays, dg/dt = -g/tau, with receptors={'exc': 'g'}",
    "event-driven": "(event-driven) belongs to synapses; see ns.SynapseEquations",
    "clock-driven": "(clock-driven) belongs to synapses; a neuron's equations need no flag for it",
}
REFUSED_FUNCTIONS = {
    "poisson": "is not supported; for events with a rate write rand() < rate*dt, or net.stimulate(pop, ns.PoissonInput(rate=..., weight=...))",
}
ALLOWED_FLAGS = {
    DIFFERENTIAL_EQUATION: ("unless refractory",),
    PARAMETER: ("constant", "shared"),
    SUBEXPRESSION: ("shared", "constant over dt"),
}
GIVEN = ("i", "N", "t", "dt", "t_in_timesteps")
#: Never so many seconds ago that a refractory period could last.
LONG_AGO = -1e4


class _Step(Variable):  # type: ignore[misc]
    """dt: the exact integrator asks for its value; that of a `Table` counts as constant over any."""

    def __init__(self) -> None:
        super().__init__("dt", second.dim, scalar=True, constant=True, read_only=True)

    def get_value(self) -> np.ndarray:
        return np.array([1e-4])


class _Lookup(Function):  # type: ignore[misc]
    """A table as a function of the language; `steady` is set when an integrator relies on its being constant over dt."""

    def __init__(self, table: Table) -> None:
        unit = Unit(1.0, dim=get_or_create_dimension(table.dimension))
        arguments = [second, 1] if table.values.ndim == 2 else [second]
        names = ["t", "i"][: len(arguments)]
        super().__init__(lambda *a: 0.0, arg_units=arguments, arg_names=names, return_unit=unit)
        self.steady = False

    def is_locally_constant(self, dt: float) -> bool:
        self.steady = True
        return True


@contextmanager
def at(owner: str, place: str) -> Iterator[None]:
    """What Brian2 refuses becomes a `ParameterError` that names the place."""
    try:
        with catch_logs():
            yield
    except ParameterError as error:
        text = str(error)
        raise ParameterError(text if text.startswith(owner) else f"{owner}.{place}: {text}") from None
    except Exception as error:  # Brian2 raises whatever Python has: SyntaxError, KeyError, DimensionMismatchError ...
        words = error.args[0] if isinstance(error, KeyError | SyntaxError) and error.args else error
        text = re.sub(r"\s+", " ", str(words)).strip() or type(error).__name__
        raise ParameterError(f"{owner}.{place}: {text}") from error


class Scope:
    """Names of one model: Brian2's records of variables, and of what the namespace adds to them.

    `owner` is how errors name the model, "Equations" or "SynapseEquations"; `offered` are further names that were given.
    """

    def __init__(self, owner: str, namespace: Mapping[str, Named], offered: Iterable[str] = ()) -> None:
        self.offered, self.hidden = list(offered), set[str]()
        self.owner, self.namespace = owner, dict(namespace)
        self.variables: dict[str, Any] = {}
        self.sheet = Sheet(self.variables)
        self.kinds: dict[str, str] = {}

    def add(self, slot: Slot, *, constant: bool = False) -> None:
        """A variable or parameter."""
        shared = slot.flag == "shared"
        self.variables[slot.name] = Variable(
            slot.name, get_or_create_dimension(slot.dimension), dtype=TYPES[slot.kind], scalar=shared, constant=constant, array=True
        )  # fmt: skip

    def add_subexpression(self, equation: Any) -> None:
        """A name for an expression."""
        kind = KINDS.get(equation.var_type, "float")
        self.variables[equation.varname] = Subexpression(
            equation.varname, None, equation.expr.code, None, equation.dim, TYPES[kind], "shared" in equation.flags
        )

    def resolve(self, names: Iterable[str]) -> None:
        """Make records of names that are not variables: of the namespace, functions, constants, units."""
        for name in sorted(set(names) - set(self.variables)):
            value = self.namespace.get(name)
            if isinstance(value, Number):
                self.variables[name] = Constant(name, value.value, get_or_create_dimension(value.dimension))
                kind = "bool" if isinstance(value.value, bool) else "int" if isinstance(value.value, int) else "float"
                self.sheet.add_number(name, kind, known=True)
                self.sheet.constants[self.sheet.readings[name].arguments[0]] = name
            elif isinstance(value, Table):
                self.variables[name] = _Lookup(value)
                self.sheet.tables[name] = value
            elif value is not None:
                self.variables[name] = Function(value, stateless=True)
                self.sheet.own_functions.add(name)
            elif name in REFUSED_FUNCTIONS:
                raise ParameterError(f"{name}() {REFUSED_FUNCTIONS[name]}")
            elif name in DEFAULT_FUNCTIONS:
                self.variables[name] = DEFAULT_FUNCTIONS[name]
            elif name in DEFAULT_CONSTANTS:
                self.variables[name] = DEFAULT_CONSTANTS[name]
            elif name in DEFAULT_UNITS:
                unit = DEFAULT_UNITS[name]
                self.variables[name] = Constant(name, float(unit), unit.dim)
                self.sheet.readings[name] = Reading(repr(float(unit)), (), known=True)
            else:
                self._unknown(name)

    def _unknown(self, name: str) -> None:
        known = [*self.offered, *self.variables, *self.namespace, *DEFAULT_FUNCTIONS]
        listed = [
            n for n in self.variables if n not in DEFAULT_UNITS and n not in DEFAULT_FUNCTIONS and n not in self.hidden
        ]
        raise ParameterError(
            f"unknown name {name!r}; known: {', '.join(listed)}.{did_you_mean(name, known)} Declare it in the equations, or give it as "
            f"namespace={{{name!r}: ...}} or {name}=..."
        )

    def resolve_code(self, code: str) -> None:
        """Make records of the names in statements; those that a statement introduces are temporary."""
        own: set[str] = set()
        for line in re.split(r"[;\n]", code):
            if line.strip():
                target, operation, expression, _ = parse_statement(line.strip())
                self.resolve(get_identifiers(expression) - own)
                if target not in self.variables and operation == "=":
                    own.add(target)
                elif target not in own:
                    self.resolve({target})

    def check_statements(self, code: str) -> None:
        """Units of statements; what cannot be set is refused."""
        self.resolve_code(code)
        for name in assigned(code):
            if name in GIVEN:
                raise ParameterError(
                    f"{name!r} cannot be set; it is {'the number of the neuron' if name == 'i' else 'given by the network'}"
                )
        check_units_statements(code, self.variables)


def assigned(code: str) -> list[str]:
    """Names that statements write, in order."""
    lines = [line.strip() for line in re.split(r"[;\n]", code) if line.strip()]
    return list(dict.fromkeys(parse_statement(line)[0] for line in lines))


def parsed(owner: str, text: str) -> Any:
    """Brian2's equations, with flags that mean nothing here refused by name."""
    with at(owner, "equations"):
        equations = Equations(text)
        for equation in equations.values():
            for flag in equation.flags:
                if flag in REFUSED_FLAGS:
                    raise ParameterError(f"'{equation.varname}' ({flag}): {REFUSED_FLAGS[flag]}")
        equations.check_flags(ALLOWED_FLAGS)
    return equations


class Neuron:
    """One neuron model on its way to a translation; the attributes of `model` are those of `Equations`."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.owner = "Equations"
        self.equations = parsed(self.owner, model.equations)
        self.guards = {e.varname: "not_refractory" for e in self.equations.values() if "unless refractory" in e.flags}
        if self.guards and model.refractory is None:
            raise ParameterError(
                f"{self.owner}.refractory: {', '.join(map(repr, self.guards))} is marked (unless refractory), but there is no refractory "
                f"period; give refractory='5*ms', or take the mark away"
            )
        with at(self.owner, "equations"):
            if model.refractory is not None:
                self.equations = add_refractoriness(self.equations)
            self.equations, self.drawn = extract_constant_subexpressions(self.equations)
        self.scope = Scope(self.owner, model.namespace, model.offered)
        self.sheet = self.scope.sheet
        self.reset = deindent(model.reset or "", docstring=True)
        self.code = ""
        self.method = ""

    def translate(self) -> Translation:
        """The whole way."""
        state, parameters = self._slots()
        self._declare(state, parameters)
        self._check_units()
        self._integrate()
        stages, fires, reset = self._parts()
        sheet = self.sheet
        lookups = {name: self.scope.variables[name] for name in sheet.used_tables}
        return Translation(
            state=tuple(state), parameters=tuple(parameters), constants=tuple(sheet.constants.items()), scalars=tuple(sheet.scalars),
            tables=tuple(lookups), steady=tuple(n for n, f in lookups.items() if f.steady and self.method == "exact"),
            stages=tuple(stages), fires=fires, reset=reset, functions=tuple(sheet.used_functions), own_functions=tuple(sheet.used_own),
            method=self.method,
        )  # fmt: skip

    # ---- names ------------------------------------------------------------------------------------------------------

    def _slots(self) -> tuple[list[Slot], list[Slot]]:
        """What changes while the network runs, and what only the user sets."""
        with at(self.owner, "reset"):
            changed = set(assigned(self.reset)) | {r.lstrip("+-") for r in self.model.receptors.values()}
            if self.model.refractory is not None:
                changed |= {"not_refractory", "lastspike"}
            changed |= set(self.drawn)
        state, parameters = [], []
        for equation in self.equations.values():
            if equation.type == SUBEXPRESSION:
                continue
            initial = {"not_refractory": 1.0, "lastspike": LONG_AGO * 1e3}.get(equation.varname, 0.0)
            slot = Slot(
                equation.varname, equation.dim._dims, KINDS.get(equation.var_type, "float"), "shared" if "shared" in equation.flags else "",
                initial,
            )  # fmt: skip
            if equation.type == DIFFERENTIAL_EQUATION or equation.varname in changed:
                self._check_changed(equation)
                state.append(slot)
            else:
                parameters.append(slot)
        order = {name: k for k, name in enumerate(declared_in(self.model.equations))}
        for slots in (state, parameters):  # as they are written
            slots.sort(key=lambda slot: order.get(slot.name, len(order)))
        return state, parameters

    def _check_changed(self, equation: Any) -> None:
        for flag in {"shared", "constant"} & set(equation.flags):
            raise ParameterError(
                f"{self.owner}.reset: {equation.varname!r} is marked ({flag}), but reset, receptors or (constant over dt) change it for each "
                f"neuron; take the mark away"
            )

    def _declare(self, state: list[Slot], parameters: list[Slot]) -> None:
        scope, sheet = self.scope, self.sheet
        for slot in state:
            scope.add(slot)
            sheet.add_state(slot)
        constant = {e.varname for e in self.equations.values() if "constant" in e.flags}
        for slot in parameters:
            scope.add(slot, constant=slot.name in constant)
            sheet.add_number(slot.name, slot.kind, known=slot.flag == "shared")
        for equation in self.equations.values():
            if equation.type == SUBEXPRESSION:
                scope.add_subexpression(equation)
        for name in self.equations.stochastic_variables:
            scope.variables[name] = AuxiliaryVariable(name, dimensions=(second**-0.5).dim, dtype=np.float64)
        scope.variables |= {
            "t": Variable("t", second.dim, scalar=True, read_only=True),
            "t_in_timesteps": Variable("t_in_timesteps", dtype=np.int64, scalar=True, read_only=True),
            "dt": _Step(),
            "N": Variable("N", dtype=np.int64, scalar=True, constant=True, read_only=True),
            "i": Variable("i", dtype=np.int32, constant=True, read_only=True),
        }
        sheet.readings |= {
            "t": Reading("t_si", ("step", "dt_si"), "t_si = step * dt_si"),
            "t_in_timesteps": Reading("step", ("step",)),
            "dt": Reading("dt_si", ("dt_si",), known=True),
            "N": Reading("size", ("size",)),
            "i": Reading("place", ("place",)),
        }

    # ---- checks -----------------------------------------------------------------------------------------------------

    def _check_units(self) -> None:
        scope, variables = self.scope, self.scope.variables
        for equation in [*self.equations.values(), *self.drawn.values()]:
            if equation.expr is None:
                continue
            with at(self.owner, "equations"), naming(f"'{equation.varname}'"):
                scope.resolve(equation.identifiers)
        for equation in [*self.equations.values(), *self.drawn.values()]:
            if equation.expr is None:
                continue
            with at(self.owner, "equations"), naming(f"'{equation.varname}'"):
                slope = equation.type == DIFFERENTIAL_EQUATION
                check_dimensions(equation.expr.code, equation.dim / second.dim if slope else equation.dim, variables)
                if equation.type == SUBEXPRESSION and equation.varname not in self.drawn:
                    self._check_stateless(equation)
        self._check_threshold()
        with at(self.owner, "reset"):
            scope.check_statements(self.reset)
        self._check_receptors()

    def _check_stateless(self, equation: Any) -> None:
        if is_stateful(str_to_sympy(equation.expr.code, variables=self.scope.variables), self.scope.variables):
            raise ParameterError("calls rand() or randn(), so it must be marked (constant over dt): one draw a step")
        if "shared" in equation.flags:
            other = [
                n for n in equation.identifiers if n in self.scope.variables and not self.scope.variables[n].scalar
            ]
            if other:
                raise ParameterError(
                    f"is marked (shared) but depends on {other[0]!r}, which each neuron has for itself"
                )

    def _check_threshold(self) -> None:
        threshold, variables = self.model.threshold, self.scope.variables
        if threshold is None:
            return
        with at(self.owner, "threshold"):
            self.scope.resolve(get_identifiers(threshold))
            parse_expression_dimensions(threshold, variables)
            if not is_boolean_expression(threshold, variables):
                raise ParameterError(f"must be a condition such as 'v > v_th', got {threshold!r}")

    def _check_receptors(self) -> None:
        equations = self.equations
        stored = [e.varname for e in equations.values() if e.type != SUBEXPRESSION]
        for receptor, target in self.model.receptors.items():
            name = target.lstrip("+-")
            if name not in stored:
                raise ParameterError(
                    f"{self.owner}.receptors[{receptor!r}]: {name!r} is no variable of the equations; known: {', '.join(stored)}."
                    f"{did_you_mean(name, stored)}"
                )
            if equations[name].var_type != "float":
                raise ParameterError(
                    f"{self.owner}.receptors[{receptor!r}]: {name!r} is {equations[name].var_type}, weights are not"
                )
        current = self.model.current
        if current is not None:
            free = [
                e.varname for e in equations.values() if e.type == PARAMETER and e.varname not in self.sheet.results
            ]
            if current not in free:
                raise ParameterError(
                    f"{self.owner}.current: {current!r} must be a parameter of the equations that nothing else changes; add the line "
                    f"'{current} : amp' and use {current} in the equations. Parameters: {', '.join(free) or 'none'}.{did_you_mean(current, free)}"
                )

    # ---- code -------------------------------------------------------------------------------------------------------

    def _integrate(self) -> None:
        """Code of a step: refractoriness, then the integrator."""
        model, scope = self.model, self.scope
        with at(self.owner, "refractory"):
            self.code = self._refractoriness()
        if not self.equations.diff_eq_names:
            return
        with at(self.owner, "method"):
            for method in [model.method] if model.method else METHODS:
                try:
                    code = StateUpdateMethod.apply_stateupdater(self.equations, scope.variables, method)
                except UnsupportedEquationsException as error:
                    if model.method:
                        words = re.sub(r"\s+", " ", str(error)).strip()
                        raise ParameterError(
                            f"{method!r} cannot integrate these equations: {words} Leave method= out, or take 'euler', 'rk4' or 'exponential_euler' "
                            f"(with noise 'euler', 'heun' or 'milstein')"
                        ) from None
                    continue
                self.code, self.method = self.code + _in_order(code), method
                break
            else:
                raise ParameterError("no integrator fits these equations; name one: method='euler'")
            scope.resolve_code(self.code)

    def _refractoriness(self) -> str:
        given, variables = self.model.refractory, self.scope.variables
        if given is None:
            return ""
        if isinstance(given, Number):  # Brian2 keeps the name from being used otherwise
            self.scope.namespace["refractory"], given = given, "refractory"
        self.scope.resolve({"timestep", *get_identifiers(given)})
        dimension = parse_expression_dimensions(given, variables)
        if dimension is second.dim:
            return f"not_refractory = timestep(t - lastspike, dt) >= timestep({given}, dt)\n"
        if dimension is not DIMENSIONLESS or not is_boolean_expression(given, variables):
            raise ParameterError(f"must be a time such as '5*ms' or a condition such as 'v > -40*mV', got {given!r}")
        return f"not_refractory = not_refractory or not ({given})\n"

    def _parts(self) -> tuple[list[Part], Part | None, Part | None]:
        """Functions of a step, in Brian2's order: draws for the step, integration, threshold, arrivals; reset apart."""
        model, sheet = self.model, self.sheet
        more = {}
        if model.current is not None:
            known = sheet.readings[model.current]
            scale = next(s.scale for s in self._slots()[1] if s.name == model.current)
            line = f"{model.current}_now = {known.local} + current * {scale!r}"
            more[model.current] = Reading(f"{model.current}_now", (*known.arguments, "current"), line)
        stages = []
        with at(self.owner, "equations"):
            drawn = "\n".join(f"{e.varname} = {e.expr.code}" for e in self.drawn.ordered)
            for code, name, guards in ((drawn, "before_step", {}), (self.code, "integrate", self.guards)):
                if code:
                    stages.append(Block(sheet, name, more).write(code, guards=guards))
        with at(self.owner, "threshold"):
            early, fires = self._threshold(more)
        stages += [] if early is None else [early]
        stages += self._arrivals(early is not None)
        reset = None
        with at(self.owner, "reset"):
            code = "lastspike = t\nnot_refractory = False\n" if model.refractory is not None else ""
            code += self.reset
            if code.strip() and model.threshold is not None:
                reset = Block(sheet, "reset_fired").write(code)
        return stages, fires, reset

    def _threshold(self, more: Mapping[str, Reading]) -> tuple[Part | None, Part | None]:
        """(stage, test): the stage notes who fires before weights arrive, where those would change the answer."""
        model, variables = self.model, self.scope.variables
        if model.threshold is None:
            return None, None
        test = f"({model.threshold}) and not_refractory" if model.refractory is not None else model.threshold
        variables["_cond"] = AuxiliaryVariable("_cond", dtype=bool)
        targets = {r.lstrip("+-") for r in model.receptors.values()}
        seen = get_identifiers_recursively([test], variables)
        early = bool(seen & targets) or bool(targets & set(self.guards)) or model.current in seen
        block = Block(self.sheet, "fires", more)
        if not early:
            return None, block.write(f"_cond = {test}", result="_cond")
        return block.write(f"_cond = {test}", result="_cond", writes=("fired",)), None

    def _arrivals(self, noted: bool) -> list[Part]:
        """One function for each variable that weights are added to."""
        hit: dict[str, list[tuple[str, str]]] = {}
        for receptor, target in self.model.receptors.items():
            hit.setdefault(target.lstrip("+-"), []).append((receptor, "-" if target.startswith("-") else "+"))
        parts = []
        for name, receptors in hit.items():
            total = f"{name} " + " ".join(f"{sign} {receptor}" for receptor, sign in receptors)
            arguments = [name, *(receptor for receptor, _ in receptors)]
            if name in self.guards:
                total = f"{total} if not_refractory != 0.0{' and not fired' if noted else ''} else {name}"
                arguments += ["not_refractory", *(["fired"] if noted else [])]
            text = f"def arrive_{name}({', '.join(arguments)}):\n    return {total}\n"
            parts.append(Part(f"arrive_{name}", tuple(arguments), (name,), text))
        return parts


def _in_order(code: str) -> str:
    """Sources of noise by name: Brian2 draws them in the order of a set, which is another in each process."""
    lines = code.splitlines()
    noise = [k for k, line in enumerate(lines) if re.match(r"\s*xi(_\w+)?\s*=", line)]
    for k, line in zip(noise, sorted(lines[k] for k in noise), strict=True):
        lines[k] = line
    return "\n".join(lines)


@contextmanager
def naming(what: str) -> Iterator[None]:
    """Put the equation in front of a refusal."""
    try:
        yield
    except ParameterError as error:
        raise ParameterError(f"{what}: {error}") from None
    except Exception as error:
        words = error.args[0] if isinstance(error, KeyError | SyntaxError) and error.args else error
        raise ParameterError(f"{what}: {words}") from error


def translate(model: Any) -> Translation:
    """The translation of an `Equations` object."""
    return Neuron(model).translate()
