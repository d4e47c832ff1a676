"""The form in which an event rule reaches the compiler: traces, variables, and scalar functions that see one synapse.

A mechanism knows nothing of populations, wiring or pools.  Argument names of its functions are their interface, see
`OFFERED` and `Mechanism`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from neurosim.checks import check_number, check_positive, did_you_mean, names_checked
from neurosim.errors import ParameterError
from neurosim.kernels.plain import arguments_of

Function = Callable[..., Any]
#: Functions that a user's rule may have.
KINDS = ("on_pre", "on_post", "between", "transmit")
PRE_POST = ("pre", "post")
JUMPS = ("add", "set")
#: What the engine offers to each kind of function beside `w`, variables, traces and parameters.
OFFERED = {
    "on_pre": ("elapsed", "uniform"),
    "on_post": ("elapsed", "uniform", "value"),
    "between": ("elapsed",),
    "on_row": ("elapsed",),
    "transmit": (),
    "post_event": ("dt",),
}


@names_checked
@dataclass(frozen=True, slots=True)
class Trace:
    """A memory of spikes that fades exponentially.

    Parameters
    ----------
    of : {"pre", "post"}
        Whose spikes.
    tau : float or str
        Time constant (ms), or the name of the rule's parameter that holds it.
    jump : {"add", "set"}
        At a spike the trace grows by 1 (all spikes count), or becomes 1 (only the nearest counts).

    Examples
    --------
    >>> Trace("pre", 20.0).jump
    'add'
    """

    of: str
    tau: float | str
    jump: str = "add"

    def __post_init__(self) -> None:
        for name, value, allowed in (("of", self.of, PRE_POST), ("jump", self.jump, JUMPS)):
            if value not in allowed:
                raise ParameterError(
                    f"Trace.{name}: must be {' or '.join(map(repr, allowed))}, got {value!r}.{did_you_mean(str(value), allowed)}"
                )
        if not isinstance(self.tau, str):
            object.__setattr__(self, "tau", check_positive("Trace.tau", self.tau, "ms"))


@names_checked
@dataclass(frozen=True, slots=True)
class Variable:
    """One more number that each synapse keeps.

    Parameters
    ----------
    initial : float, str or distribution
        Value of a newborn synapse, or the name of the rule's parameter that holds it.
    tau : float or str, optional
        Time constant (ms) with which it decays to 0 between events, or the name of a parameter; None: it does not.
    """

    initial: Any = 0.0
    tau: float | str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.initial, str) and not hasattr(self.initial, "draw"):
            object.__setattr__(self, "initial", check_number("Variable.initial", self.initial))
        if self.tau is not None and not isinstance(self.tau, str):
            object.__setattr__(self, "tau", check_positive("Variable.tau", self.tau, "ms"))


@dataclass(frozen=True)
class Mechanism:
    """What the engine needs to know about an event rule.

    Attributes
    ----------
    name : str
        Also part of the name of the generated module.
    traces : tuple of (name, Trace)
    variables : tuple of (name, Variable)
        Numbers per synapse, in the order of storage.
    row : tuple of (name, Variable)
        Numbers per presynaptic neuron, shared by its synapses of one projection; advanced by `on_row`.
    parameters : tuple of str
        Attributes of the rule that the functions may name.
    on_pre, on_post : callable or None
        At a presynaptic (postsynaptic) arrival: the new w, or (w, variable, ...).  They see traces as they were before
        this event; `elapsed` is the time (ms) since the last presynaptic arrival of the row; `uniform` a draw in [0, 1).
        on_pre may name post_<state variable>: the state of the target, at the arrival minus the dendritic delay;
        post_late_<state variable>: that of `lag` before.
    between : callable or None
        Carries w and the variables over `elapsed` ms without an event.
    on_row : callable or None
        The new row variables, once for each presynaptic arrival, before on_pre.
    transmit : callable or None
        What is delivered, after on_pre; default w.
    third_factor : str or None
        Variable e with dw/dt = e (level - baseline) between events, where level is that of a `Modulator`.
    post_event : callable or None
        Of the target's state variables (late_<state variable>: that of `lag` before) and `dt`: a postsynaptic event in each
        step in which it is above 0 (instead of spikes); on_post then may name `value`.
    lag : float or str
        How much earlier late states are (ms, on the grid), or the name of the rule's parameter that holds it.
    helpers : tuple of callable
        Further plain functions that these call.
    """

    name: str
    traces: tuple[tuple[str, Trace], ...] = ()
    variables: tuple[tuple[str, Variable], ...] = ()
    row: tuple[tuple[str, Variable], ...] = ()
    parameters: tuple[str, ...] = ()
    on_pre: Function | None = None
    on_post: Function | None = None
    between: Function | None = None
    on_row: Function | None = None
    transmit: Function | None = None
    third_factor: str | None = None
    post_event: Function | None = None
    lag: float | str = 0.0
    helpers: tuple[Function, ...] = ()

    @property
    def pre_traces(self) -> tuple[str, ...]:
        """Names of the traces of presynaptic spikes."""
        return tuple(name for name, trace in self.traces if trace.of == "pre")

    @property
    def post_traces(self) -> tuple[str, ...]:
        """Names of the traces of postsynaptic spikes."""
        return tuple(name for name, trace in self.traces if trace.of == "post")

    @property
    def functions(self) -> dict[str, Function]:
        """The functions that there are, by kind."""
        named = {kind: getattr(self, kind) for kind in OFFERED}
        return {kind: function for kind, function in named.items() if function is not None}

    @property
    def evolves(self) -> bool:
        """Whether a synapse changes between its events, so that the time of its last one must be kept."""
        decays = any(variable.tau is not None for _, variable in self.variables)
        return decays or self.between is not None or self.third_factor is not None

    @property
    def reads(self) -> tuple[str, ...]:
        """State variables of the target that on_pre names."""
        if self.on_pre is None:
            return ()
        known = self.known("on_pre")
        return tuple(
            n.removeprefix("post_") for n in arguments_of(self.on_pre) if n.startswith("post_") and n not in known
        )

    def known(self, kind: str) -> tuple[str, ...]:
        """Names that a function of this kind may use."""
        row, own = tuple(n for n, _ in self.row), ("w", *(n for n, _ in self.variables))
        if kind == "on_row":
            return (*row, *self.parameters, *OFFERED[kind])
        if kind == "post_event":
            return (*self.parameters, *OFFERED[kind])
        traces = tuple(n for n, _ in self.traces) if kind in ("on_pre", "on_post") else ()
        shared = row if kind != "between" else ()
        return (*own, *shared, *traces, *self.parameters, *OFFERED[kind])

    def returned(self, kind: str) -> int:
        """How many numbers a function of this kind returns."""
        return {"on_row": len(self.row), "transmit": 1, "post_event": 1}.get(kind, 1 + len(self.variables))


def check_mechanism(label: str, mechanism: Mechanism) -> None:
    """Refuse what the compiler could not make sense of: names that nobody knows, or that mean two things."""
    names = [n for n, _ in (*mechanism.traces, *mechanism.variables, *mechanism.row)] + list(mechanism.parameters)
    taken = {"w", "elapsed", "uniform", "value"}
    for i, name in enumerate(names):
        if not name.isidentifier() or name in taken or name in names[:i]:
            why = "is not a name" if not name.isidentifier() else "is used twice" if name in names[:i] else "is taken"
            raise ParameterError(f"{label}: {name!r} {why}; give each trace, variable and parameter a name of its own")
    for kind, function in mechanism.functions.items():
        known = mechanism.known(kind)
        for name in arguments_of(function):
            read = name.startswith("post_") and kind == "on_pre"
            if name not in known and not read and kind != "post_event":
                raise ParameterError(
                    f"{label}.{kind}: {function.__name__}() has an unknown argument {name!r}; known: {', '.join(known)}."
                    f"{did_you_mean(name, known)}"
                )
    if mechanism.third_factor is not None and mechanism.third_factor not in dict(mechanism.variables):
        raise ParameterError(
            f"{label}.third_factor: names the variable that the modulator multiplies, got {mechanism.third_factor!r}; "
            f"known: {', '.join(n for n, _ in mechanism.variables) or 'none'}. For example variables={{'c': ns.Variable(0.0, tau=1000.0)}}, third_factor='c'"
        )
    if mechanism.row and mechanism.on_row is None:
        raise ParameterError(f"{label}: has row variables but no on_row that advances them")


def as_parts(rule: Any) -> tuple[Any, ...]:
    """The rules of which a plasticity consists: itself, or those of a composition."""
    return tuple(getattr(rule, "rules", (rule,)))


def value_of(rule: Any, what: float | str) -> float:
    """A number, or that of the rule's parameter of this name."""
    return float(getattr(rule, what)) if isinstance(what, str) else float(what)


def frozen(named: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
    """A mapping as a tuple of pairs, which can be compared and hashed."""
    return tuple(dict(named).items())
