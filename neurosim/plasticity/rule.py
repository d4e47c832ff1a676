"""A user's plasticity rule, made of scalar functions that see one synapse; and several rules on one synapse.

The engine compiles the functions into its own loops, see `mechanism.py` for what they may name.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from neurosim.checks import check_number, did_you_mean, names_checked
from neurosim.errors import ParameterError
from neurosim.kernels.plain import Gathered, arguments_of, source_of
from neurosim.plasticity.mechanism import KINDS, Mechanism, Trace, Variable, check_mechanism

SEES = ("delay", "spikes")


@names_checked
@dataclass(frozen=True)
class PlasticityRule:
    """A plasticity rule of your own: plain Python functions of one synapse, compiled into the engine's loops.

    Parameters
    ----------
    name : str
        What cards and error messages call it.
    on_pre, on_post : function, optional
        What a presynaptic (postsynaptic) arrival at the synapse does.  The arguments are found by name: `w` (the weight),
        traces, variables, parameters, `elapsed` (ms since the last presynaptic arrival), `uniform` (a random number in
        [0, 1)), in on_pre also `post_v`, `post_<any state variable of the target>`.  Returns the new weight; with
        variables the tuple (w, variable, ...) in the order of `variables`.  Traces are as they were just before this event.
    traces : dict of str to Trace
        ``{"x": ns.Trace("pre", tau=20.0)}``; `tau` may name a parameter.
    variables : dict of str to Variable or number
        Further numbers of each synapse.
    params : dict of str to number
        Parameters; also attributes of the rule.
    between : function, optional
        Carries (w, variable, ...) over `elapsed` ms without an event.
    transmit : function, optional
        What is delivered to the target, after on_pre; default w.
    third_factor : str, optional
        A variable e: between events dw/dt = e (level - baseline), w per ms, where level is that of the population of
        `ns.Modulator` given to ``net.connect(..., modulator=...)`` and `baseline` a parameter (default 0).
    w_min, w_max : float
        Bounds of the weight, kept after every event.
    sees : {"delay", "spikes"}
        As for `PairSTDP`.

    Notes
    -----
    The functions may call other plain functions and name numbers that stand around them; these are found, and an edit of any of
    them gives new code.

    A presynaptic spike that meets a postsynaptic one in the same step comes second (NEST's order).  A rule of two traces
    whose functions change nothing while their trace is 0 runs in the same loops as `PairSTDP`, as fast.

    Raises
    ------
    ParameterError
        An argument that nobody knows, a wrong number of results, two things of one name.

    Examples
    --------
    >>> def depress(w, y, a_minus):
    ...     return w - a_minus * y
    >>> def potentiate(w, x, a_plus):
    ...     return w + a_plus * x
    >>> PlasticityRule(
    ...     "mine", on_pre=depress, on_post=potentiate,
    ...     traces={"x": Trace("pre", 20.0), "y": Trace("post", 20.0)}, params={"a_plus": 0.01, "a_minus": 0.011}, w_max=1.0,
    ... ).a_plus
    0.01
    """

    name: str
    on_pre: Callable[..., Any] | None = None
    on_post: Callable[..., Any] | None = None
    traces: Mapping[str, Trace] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    between: Callable[..., Any] | None = None
    transmit: Callable[..., Any] | None = None
    third_factor: str | None = None
    w_min: float = 0.0
    w_max: float = np.inf
    sees: str = "delay"

    mechanism: Mechanism = field(init=False, repr=False, compare=False)

    evaluation: ClassVar[str] = "lazy"

    def __post_init__(self) -> None:
        label = f"PlasticityRule({self.name!r})"
        if not isinstance(self.name, str):
            raise ParameterError(f"PlasticityRule.name: comes first and is a text, got {self.name!r}")
        for kind in KINDS:
            function = getattr(self, kind)
            if function is not None and (not inspect.isfunction(function) or function.__name__ == "<lambda>"):
                raise ParameterError(
                    f"{label}.{kind}: must be a plain function written with def, got {function!r}; for example "
                    f"def {kind}(w): return w"
                )
        if all(getattr(self, kind) is None for kind in KINDS):
            raise ParameterError(f"{label}: does nothing; give on_pre=, on_post= or between=")
        for name, trace in self.traces.items():
            if not isinstance(trace, Trace):
                raise ParameterError(
                    f"{label}.traces: {name!r} must be a trace such as ns.Trace('pre', tau=20.0), got {trace!r}"
                )
        variables = {n: v if isinstance(v, Variable) else Variable(v) for n, v in self.variables.items()}
        object.__setattr__(self, "variables", variables)
        params = {n: check_number(f"{label}.params[{n!r}]", value) for n, value in self.params.items()}
        object.__setattr__(self, "params", params)
        kept: tuple[Trace | Variable, ...] = (*self.traces.values(), *variables.values())
        for name in (t.tau for t in kept if isinstance(t.tau, str)):
            if name not in params or params[name] <= 0:
                raise ParameterError(
                    f"{label}: the time constant {name!r} must be one of params, positive (ms); got {params.get(name)!r}.{did_you_mean(name, params)}"
                )
        check_bounds(label, self)
        check_mechanism(label, self._described(*(getattr(self, kind) for kind in KINDS)))
        object.__setattr__(self, "mechanism", self._compiled(label))

    def __getattr__(self, name: str) -> float:
        params = self.__dict__.get("params", {})
        if name in params:
            return float(params[name])
        if name == "baseline":
            return 0.0
        raise AttributeError(
            f"PlasticityRule {self.__dict__.get('name')!r} has no parameter {name!r}; known: {', '.join(params)}"
        )

    def __hash__(self) -> int:
        return hash(self.mechanism)

    def _described(self, *functions: Any, helpers: tuple[Any, ...] = ()) -> Mechanism:
        return Mechanism(
            name=self.name, traces=tuple(self.traces.items()), variables=tuple(self.variables.items()),
            parameters=(*self.params, "w_min", "w_max"), **dict(zip(KINDS, functions, strict=True)),
            third_factor=self.third_factor, helpers=helpers,
        )  # fmt: skip

    def _compiled(self, label: str) -> Mechanism:
        """The rule as the engine takes it: functions as text, with all that they call."""
        described = self._described(*(getattr(self, kind) for kind in KINDS))
        gathered, functions = Gathered(label), []
        for kind in KINDS:
            function = getattr(self, kind)
            if function is not None:
                gathered.label = f"{label}.{kind}"
                function = gathered.add(function, returns=described.returned(kind))
            functions.append(function)
        texts = "".join(source_of(one) for one in (*functions, *gathered.helpers) if one is not None)
        called = [one for one in functions if one is not None and texts.count(f"{one.__name__}(") > 1]
        return self._described(*functions, helpers=(*gathered.helpers, *dict.fromkeys(called)))

    @cached_property
    def functions(self) -> tuple[Callable[..., float], Callable[..., float], bool] | None:
        """(potentiate, depress, False) if this is a pair rule, which the fast loops can run, else None."""
        return pair_functions(self)

    @property
    def tau_plus(self) -> float:
        """Time constant (ms) of the one presynaptic trace of a pair rule."""
        return self._tau_of("pre")

    @property
    def tau_minus(self) -> float:
        """Time constant (ms) of the one postsynaptic trace of a pair rule."""
        return self._tau_of("post")

    def _tau_of(self, side: str) -> float:
        tau = next((t.tau for t in self.traces.values() if t.of == side), 20.0)
        return float(self.params[tau]) if isinstance(tau, str) else float(tau)


@dataclass(frozen=True)
class Composition:
    """Several rules on one synapse: at each event they act in the order given; one of them may say what is transmitted."""

    rules: tuple[Any, ...]

    def __post_init__(self) -> None:
        sees = {rule.sees for rule in self.rules}
        if len(sees) > 1:
            raise ParameterError(
                "plasticity: the rules of one synapse must agree in sees=, got "
                + ", ".join(f"{type(rule).__name__}(sees={rule.sees!r})" for rule in self.rules)
            )
        for what in ("transmit", "third_factor", "post_event"):
            having = [type(rule).__name__ for rule in self.rules if getattr(rule.mechanism, what) is not None]
            if len(having) > 1:
                raise ParameterError(
                    f"plasticity: only one rule of a synapse may have {what}=, got {' and '.join(having)}; leave one out"
                )
        if self.w_min >= self.w_max:
            raise ParameterError(
                f"plasticity: the rules leave no room for weights, w_min = {self.w_min:g} and w_max = {self.w_max:g}; widen the bounds"
            )

    @property
    def sees(self) -> str:
        """What all rules see."""
        return str(self.rules[0].sees)

    @property
    def evaluation(self) -> str:
        """Class of the rules."""
        return " + ".join(dict.fromkeys(str(rule.evaluation) for rule in self.rules))

    @property
    def w_min(self) -> float:
        """The highest of the lower bounds."""
        return float(max(rule.w_min for rule in self.rules))

    @property
    def w_max(self) -> float:
        """The lowest of the upper bounds."""
        return float(min(rule.w_max for rule in self.rules))

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.rules))


def check_bounds(label: str, rule: Any) -> None:
    """w_min below w_max, sees known."""
    for name in ("w_min", "w_max"):
        check_number(f"{label}.{name}", getattr(rule, name), allow_infinite=True)
    if not rule.w_min < rule.w_max:
        raise ParameterError(
            f"{label}.w_max: must be above w_min = {rule.w_min:g}, got {rule.w_max:g}; for example w_min=0.0, w_max=1.0"
        )
    if rule.sees not in SEES:
        raise ParameterError(
            f"{label}.sees: must be 'delay' or 'spikes', got {rule.sees!r}.{did_you_mean(str(rule.sees), SEES)}"
        )


def pair_functions(rule: PlasticityRule) -> tuple[Callable[..., float], Callable[..., float], bool] | None:
    """The two functions of a rule that the loops of `kernels/lazy.py` can run: w and one trace each, nothing else."""
    m = rule.mechanism
    plain = not (m.variables or m.between or m.transmit or m.third_factor or m.helpers)
    if not plain or m.on_pre is None or m.on_post is None or len(m.pre_traces) != 1 or len(m.post_traces) != 1:
        return None
    if any(trace.jump != "add" for _, trace in m.traces):
        return None
    allowed = (*m.parameters,)
    for function, trace in ((m.on_post, m.pre_traces[0]), (m.on_pre, m.post_traces[0])):
        names = arguments_of(function)
        if names[:2] != ("w", trace) or any(name not in allowed for name in names[2:]) or not _still(rule, function):
            return None
    return m.on_post, m.on_pre, False


def _still(rule: PlasticityRule, function: Callable[..., Any]) -> bool:
    """Whether a function of one expression leaves w alone while its trace is 0."""
    (tree,) = ast.parse(source_of(function)).body
    assert isinstance(tree, ast.FunctionDef)
    body = [s for s in tree.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]
    branches = any(isinstance(n, ast.IfExp | ast.Compare | ast.BoolOp) for n in ast.walk(tree))
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} - {a.arg for a in tree.args.args}
    if len(body) != 1 or branches or names - {"exp", "log", "power"}:
        return False
    own: dict[str, Any] = {"exp": math.exp, "log": math.log, "power": math.pow}
    exec(source_of(function), own)
    call = own[tree.name]
    low, high = max(rule.w_min, -1e3), min(rule.w_max, 1e3)
    more = [float(getattr(rule, name)) for name in arguments_of(function)[2:]]
    return all(float(call(float(w), 0.0, *more)) == float(w) for w in np.linspace(low, high, 61)[1:-1])


def as_plasticity(label: str, plasticity: Any) -> Any:
    """One rule, or the composition of a list of rules; refuses everything else."""
    rules = tuple(plasticity) if isinstance(plasticity, list | tuple) else (plasticity,)
    for rule in rules:
        if inspect.isclass(rule) or not (hasattr(rule, "mechanism") or isinstance(rule, Composition)):
            instance = f"; it is a class, make one: {rule.__name__}()" if inspect.isclass(rule) else ""
            raise ParameterError(
                f"{label}: plasticity must be a rule such as ns.PairSTDP(), or a list of rules, got {rule!r}{instance}"
            )
    if not rules:
        raise ParameterError(f"{label}: plasticity=[] holds no rule; leave it out for static synapses")
    return rules[0] if len(rules) == 1 else Composition(rules)
