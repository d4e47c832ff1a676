"""From the strings of a synapse model to the functions of an event rule, by Brian2's parser, unit checks and integrator.

Imported when something is translated, never before.
"""

import re
from typing import Any

import numpy as np
from brian2.codegen.translation import get_identifiers_recursively
from brian2.core.variables import Variable
from brian2.equations.equations import DIFFERENTIAL_EQUATION, PARAMETER, SUBEXPRESSION, Equations
from brian2.equations.unitcheck import check_dimensions
from brian2.parsing.expressions import parse_expression_dimensions
from brian2.parsing.statements import parse_statement
from brian2.stateupdaters.base import StateUpdateMethod, UnsupportedEquationsException
from brian2.units import second
from brian2.units.fundamentalunits import get_dimensions, get_or_create_dimension
from brian2.utils.stringtools import deindent, get_identifiers

from neurosim.equations.blocks import Block, Reading, Sheet
from neurosim.equations.border import NONE, UNITS, Dimension
from neurosim.equations.brian import KINDS, Scope, at, naming
from neurosim.equations.translation import Part, Slot, Translation
from neurosim.errors import ParameterError

OWNER = "SynapseEquations"
SENT = "sent"
#: Flags of Brian2 that mean nothing here, and what to do instead.
REFUSED_FLAGS = {
    "clock-driven": "changes in every step, which costs a pass over all synapses; if it is linear mark it (event-driven); what follows the sum of "
    "the spikes belongs into the target neuron: ns.Equations('... dg/dt = -g/tau ...', receptors={'exc': 'g'})",
    "summed": "a sum over synapses is not supported; let each spike add to a variable of the target that decays; gap junctions are "
    "made by net.join(...)",
    "constant over dt": "belongs to neurons; synapses change at events only",
}
ALLOWED_FLAGS = {
    DIFFERENTIAL_EQUATION: ("event-driven",),
    PARAMETER: ("constant", "shared"),
    SUBEXPRESSION: ("shared",),
}
MISSING = {
    "t": "the time is not known at synapses, only the time since their last event, over which (event-driven) equations run",
    "dt": "the step is not known at synapses; write rates per time",
    "i": "places are not known at synapses; give the synapses a parameter, initial={...}",
    "j": "places are not known at synapses; give the synapses a parameter, initial={...}",
    "N": "numbers are not known at synapses; give them as a constant",
    "lastupdate": "is kept by the engine; let a variable decay, dx/dt = -x/tau : 1 (event-driven)",
    "randn": "synapses draw one rand() an event only; compare it with a probability",
    "poisson": "synapses draw one rand() an event only; compare it with a probability",
}


class _Elapsed(Variable):  # type: ignore[misc]
    """The time since the last event, which is dt to the integrator, and another one at each synapse."""

    def __init__(self) -> None:
        super().__init__("dt", second.dim, scalar=False, constant=True, read_only=True)

    def get_value(self) -> np.ndarray:
        return np.array([1e-4])


class _OneDraw(Sheet):
    """Names of a synapse: one draw in [0, 1) for each event."""

    def draw(self, kind: str) -> str:
        self.draws[kind] += 1
        if kind == "normal":
            raise ParameterError(f"randn(): {MISSING['randn']}")
        if self.draws[kind] > 1:
            raise ParameterError(
                "more than one call of rand() in one piece of code; draw once: u = rand(), and use u twice"
            )
        return kind


class Synapse:
    """One synapse model on its way to a translation; the attributes of `model` are those of `SynapseEquations`."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.scope = Scope(OWNER, model.namespace, model.offered)
        self.scope.hidden = {"dt"}
        self.sheet = self.scope.sheet = _OneDraw(self.scope.variables)
        with at(OWNER, "equations"):
            self.equations = Equations(model.equations)
            for equation in self.equations.values():
                self._check_flags(equation)
            self.equations.check_flags(ALLOWED_FLAGS)
        self.on_pre, self.on_post = (deindent(code or "", docstring=True) for code in (model.on_pre, model.on_post))
        self.target, self.amount = "", ""
        self.delivers: Dimension = NONE

    def _check_flags(self, equation: Any) -> None:
        name = equation.varname
        for flag in equation.flags:
            if flag in REFUSED_FLAGS:
                raise ParameterError(f"'{name}' ({flag}): {REFUSED_FLAGS[flag]}")
        if equation.type == DIFFERENTIAL_EQUATION and "event-driven" not in equation.flags:
            raise ParameterError(f"'{name}': {REFUSED_FLAGS['clock-driven']}")
        if name.endswith("_pre") or name.endswith("_post"):
            raise ParameterError(f"'{name}': names that end in _pre or _post are those of neurons; take another")

    def translate(self) -> Translation:
        """The whole way."""
        slots = self._declare()
        self._check_units()
        pre = self._presynaptic()
        parts = [self._between(), self._code("on_pre", pre), self._code("on_post", self.on_post), self._transmit()]
        sheet = self.sheet
        state = (*slots, *([Slot(SENT, self.delivers)] if SENT in sheet.results else []))
        return Translation(
            state=state, parameters=tuple(self._shared()), constants=tuple(sheet.constants.items()), scalars=tuple(sheet.scalars),
            stages=tuple(part for part in parts if part is not None), functions=tuple(sheet.used_functions),
            own_functions=tuple(sheet.used_own), target=self.target, delivers=self.delivers if self.target else None,
        )  # fmt: skip

    # ---- names ------------------------------------------------------------------------------------------------------

    def _shared(self) -> list[Slot]:
        return [_slot(e) for e in self.equations.values() if e.type == PARAMETER and "shared" in e.flags]

    def _declare(self) -> list[Slot]:
        """Weight first, then the other numbers per synapse."""
        weight = self.model.weight
        stored = [e for e in self.equations.values() if e.type != SUBEXPRESSION and "shared" not in e.flags]
        if weight not in [e.varname for e in stored if e.type == PARAMETER and e.var_type not in KINDS]:
            raise ParameterError(
                f"{OWNER}.weight: the equations must declare the weight {weight!r} as a parameter, such as '{weight} : volt' or '{weight} : 1'; "
                f"if it is called otherwise say so: weight='name'. Declared: {', '.join(e.varname for e in stored) or 'nothing'}"
            )
        if weight != "w" and "w" in [e.varname for e in stored]:
            raise ParameterError(
                f"{OWNER}.equations: 'w' is how the engine calls the weight, which is {weight!r} here; rename 'w'"
            )
        stored.sort(key=lambda equation: equation.varname != weight)
        slots = [_slot(equation) for equation in stored]
        for slot in slots:
            self.scope.add(slot)
            self.sheet.add_state(slot)
        _call_weight(self.sheet, weight)
        for slot in self._shared():
            self.scope.add(slot, constant=True)
            self.sheet.add_number(slot.name, slot.kind, known=True)
        for equation in self.equations.values():
            if equation.type == SUBEXPRESSION:
                self.scope.add_subexpression(equation)
        self.scope.variables["dt"] = _Elapsed()
        self.sheet.readings["dt"] = Reading("elapsed_si", ("elapsed",), "elapsed_si = elapsed * 0.001")
        for name, unit in self.model.post.items():
            dimension = next(d for d, (known, _) in UNITS.items() if known == unit)
            scale = UNITS[dimension][1]
            self.scope.add(Slot(f"{name}_post", dimension))
            reading = Reading(f"{name}_post_si", (f"post_{name}",), f"{name}_post_si = post_{name} * {scale!r}")
            self.sheet.readings[f"{name}_post"] = reading
        return slots

    # ---- checks -----------------------------------------------------------------------------------------------------

    def _resolve(self, names: set[str]) -> None:
        for name in sorted(names):
            if name in MISSING and name not in self.model.namespace and name not in self.sheet.results:
                raise ParameterError(f"{name}: {MISSING[name]}")
            if name.endswith("_pre") and name not in self.scope.variables:
                raise ParameterError(
                    f"{name!r}: the state of the presynaptic neuron is not known at synapses; only spikes arrive"
                )
            if name.endswith("_post") and name not in self.scope.variables:
                bare = name.removesuffix("_post")
                raise ParameterError(
                    f"{name!r}: say the unit of the target's variable: ns.SynapseEquations(..., post={{{bare!r}: 'mV'}})"
                )
        self.scope.resolve(names)
        for name in names & set(self.sheet.tables):
            raise ParameterError(
                f"{name}: the time is not known at synapses, so no TimedArray; change the rule between runs"
            )

    def _check_units(self) -> None:
        for equation in self.equations.values():
            if equation.expr is None:
                continue
            with at(OWNER, "equations"), naming(f"'{equation.varname}'"):
                self._resolve(set(equation.identifiers))
                slope = equation.type == DIFFERENTIAL_EQUATION
                wanted = equation.dim / second.dim if slope else equation.dim
                check_dimensions(equation.expr.code, wanted, self.scope.variables)

    def _statements(self, place: str, code: str) -> list[tuple[str, str, str]]:
        """(name, operation, expression) of each line."""
        with at(OWNER, place):
            lines = [line.strip() for line in re.split(r"[;\n]", code)]
            return [parse_statement(line)[:3] for line in lines if line and not line.startswith("#")]

    # ---- code -------------------------------------------------------------------------------------------------------

    def _presynaptic(self) -> str:
        """on_pre without what it delivers, which is noted in `target` and `delivers`; the amount is kept if it cannot be found later."""
        kept: list[str] = []
        amount, rest = "", ""
        own: set[str] = set()
        for name, operation, expression in self._statements("on_pre", self.on_pre):
            with at(OWNER, "on_pre"):
                to = self._delivery_to(name, operation, own)
                if to is None:
                    own |= {name} if operation == "=" and name not in self.scope.variables else set()
                    kept.append(f"{name} {operation} {expression}")
                    rest += f"{name} {operation} {expression}\n" if amount else ""
                    continue
                if self.target:
                    raise ParameterError(
                        f"delivers twice ({self.target} and {to}); one synapse reaches one receptor: make two projections"
                    )
                self._resolve(get_identifiers(expression) - own)
                amount = expression if operation == "+=" else f"-({expression})"
                self.target, self.delivers = to, self._dimension(kept, amount)
                kept.append("")
                rest, place = "\n", len(kept) - 1
        self.amount = amount
        if amount and self._later_unknown(amount, rest, own):
            slot = Slot(SENT, self.delivers)
            if SENT in self.scope.variables:
                raise ParameterError(
                    f"{OWNER}.equations: the name {SENT!r} is taken by what a synapse delivers; take another"
                )
            self.scope.add(slot)
            self.sheet.add_state(slot)
            kept[place], self.amount = f"{SENT} = {amount}", SENT
        return "\n".join(line for line in kept if line)

    def _delivery_to(self, name: str, operation: str, own: set[str]) -> str | None:
        """The variable of the target that a statement adds to, if it does."""
        known = name in self.scope.variables or name in own
        if name.endswith("_pre"):
            raise ParameterError(
                f"{name!r}: the presynaptic neuron cannot be changed by its synapse; use its own reset"
            )
        if name.endswith("_post") or (not known and operation != "="):
            if operation not in ("+=", "-="):
                raise ParameterError(
                    f"'{name} {operation} ...': a spike can only add to a variable of its target; write {name} += ..., or use the target's reset"
                )
            return name.removesuffix("_post")
        return None

    def _dimension(self, before: list[str], expression: str) -> Dimension:
        """Dimension of what is delivered, in which temporary values of the lines before may occur."""
        variables = dict(self.scope.variables)
        for line in filter(None, before):
            name, _, value = parse_statement(line)[:3]
            self._resolve(get_identifiers(value) - set(variables))
            variables |= self.scope.variables
            if name not in variables:
                variables[name] = Variable(
                    name, get_dimensions(parse_expression_dimensions(value, variables)), scalar=False
                )
        dimension = get_dimensions(parse_expression_dimensions(expression, variables))
        return tuple(float(power) for power in dimension._dims)

    def _later_unknown(self, amount: str, rest: str, own: set[str]) -> bool:
        """Whether the amount cannot be computed from the synapse after on_pre: it changes there, or needs more."""
        names = get_identifiers_recursively([amount], self.scope.variables)
        changed = {line.split()[0] for line in rest.splitlines() if line.strip()}
        outside = {f"{name}_post" for name in self.model.post} | {"rand"} | own
        return bool(names & (changed | outside))

    def _code(self, name: str, code: str) -> Part | None:
        if not code.strip():
            return None
        with at(OWNER, name):
            own: set[str] = set()
            for target, operation, expression in self._statements(name, code):
                self._resolve(get_identifiers(expression) - own)
                if target not in self.scope.variables:
                    if name == "on_post" and (operation != "=" or target.endswith(("_pre", "_post"))):
                        raise ParameterError(
                            f"{target!r}: a postsynaptic spike changes the synapse only, and delivers nothing; see on_pre"
                        )
                    own.add(target)
            if name == "on_post" and any(n in code for n in (f"{one}_post" for one in self.model.post)):
                raise ParameterError(
                    "the state of the target is known at presynaptic events only; use a variable that on_pre sets"
                )
            self.scope.check_statements(code)
            return self._function(name, code)

    def _between(self) -> Part | None:
        """The exact solution over the time since the last event."""
        driven = [e for e in self.equations.values() if e.type != PARAMETER]
        if not any(e.type == DIFFERENTIAL_EQUATION for e in driven):
            return None
        with at(OWNER, "equations"):
            try:
                code = StateUpdateMethod.apply_stateupdater(Equations(driven), self.scope.variables, "exact")
            except UnsupportedEquationsException as error:
                words = re.sub(r"\s+", " ", str(error)).strip()
                raise ParameterError(
                    f"(event-driven) equations must be linear, to be solved from event to event: {words}"
                ) from None
            self.scope.resolve_code(code)
            return self._function("between", code)

    def _transmit(self) -> Part:
        if not self.amount:
            return Part("transmit", (), (), "def transmit():\n    return 0.0\n")
        if self.amount == SENT:
            return Part("transmit", (SENT,), (), f"def transmit({SENT}):\n    return {SENT}\n")
        with at(OWNER, "on_pre"):
            dimension = get_or_create_dimension(self.delivers)
            scale = Slot("amount", self.delivers).scale
            self.scope.variables["_amount"] = Variable("_amount", dimension, scalar=False)
            result = "_amount" if scale == 1.0 else f"_amount / {scale!r}"
            return Block(self.sheet, "transmit").write(f"_amount = {self.amount}", result=result)

    def _function(self, name: str, code: str) -> Part:
        """A function that returns the weight and all variables."""
        self.sheet.draws = dict.fromkeys(self.sheet.draws, 0)
        block = Block(self.sheet, name)
        return block.write(code, every=True)


def _slot(equation: Any) -> Slot:
    kind = KINDS.get(equation.var_type, "float")
    return Slot(equation.varname, equation.dim._dims, kind, "shared" if "shared" in equation.flags else "")


def _call_weight(sheet: Sheet, name: str) -> None:
    """The engine calls the weight w."""
    reading = sheet.readings[name]
    local, word = reading.local, re.compile(rf"\b{name}\b")
    if local == name:  # a plain number: no conversion
        sheet.readings[name], sheet.results[name] = Reading("w", ("w",)), "w"
    else:
        sheet.readings[name] = Reading(local, ("w",), word.sub("w", reading.line))


def translate(model: Any) -> Translation:
    """The translation of a `SynapseEquations` object: its functions are the stages, by name."""
    return Synapse(model).translate()
