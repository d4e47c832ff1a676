"""The door for neuron models that users write: a plain scalar function becomes a class like the built-in ones.

Knows models and their text; no population, no network.
"""

import hashlib
import inspect
import keyword
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, make_dataclass
from typing import Any

import numpy as np

from neurosim.checks import did_you_mean, names_checked
from neurosim.errors import ParameterError
from neurosim.kernels.plain import Gathered, arguments_of, whole_text
from neurosim.neurons.parameters import check_model, unit_of
from neurosim.neurons.physics import Array, Physics, SourceFunction, Stage
from neurosim.units import plain

_FURTHER = tuple(f"{kind}_{k}" for k in range(2, 10) for kind in ("uniform", "normal"))
#: Arguments that every function may name: what is injected (pA), draws, the step (ms), the time (ms), steps still refractory.
OFFERED = ("current", "uniform", "normal", "dt", "t", "waiting", *_FURTHER)
#: Names that a model cannot give to its own things, because populations or the engine use them.
_RESERVED = {
    "network", "population", "name", "model", "number", "region", "where", "positions", "alive", "uid", "index", "label",
    "born", "birth", "age", "placement",
    "add", "remove", "play", "physics", "wait", "fired", "spontaneous", *OFFERED,
}  # fmt: skip
_LIMITS = ("positive", "not negative", "finite", "any")


@dataclass(frozen=True)
class State:
    """A state variable of a model written as a function.

    Parameters
    ----------
    initial : float, str or callable
        What it starts from: a number, the name of a parameter, or a function of parameters (by argument name).
    unit : str
        Its unit, for results and plots.

    Examples
    --------
    >>> import neurosim as ns
    >>> ns.State("e_l", "mV")
    State(initial='e_l', unit='mV')
    """

    initial: float | str | Callable[..., object] = 0.0
    unit: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.initial, str) or callable(self.initial):
            return
        number = plain("State.initial", self.initial, self.unit)
        if not isinstance(number, int | float | np.number) or not math.isfinite(number):
            raise ParameterError(
                f"State.initial: must be a finite number, the name of a parameter, or a function of parameters, got {self.initial!r}"
            )
        object.__setattr__(self, "initial", float(number))


def neuron_model(
    function: Callable[..., object] | None = None,
    /,
    *,
    state: Mapping[str, State | float | str] | None = None,
    receptors: Iterable[str] | Mapping[str, int] = ("delta",),
    reset: Callable[..., object] | None = None,
    refractory: bool | None = None,
    derive: Callable[..., Mapping[str, Any]] | None = None,
    params: Mapping[str, float] | None = None,
    units: Mapping[str, str] | None = None,
    limits: Mapping[str, str] | None = None,
    resolved: Iterable[str] = (),
    receptor_unit: str = "mV",
    spontaneous: bool = True,
) -> Any:
    """Make a neuron model of a plain function that advances one neuron by one step.

    The names of its arguments are its interface: state variables, receptors (what arrived in this step, in
    `receptor_unit`), parameters (arguments with a default), coefficients (what `derive` gives), and `current` (pA),
    `waiting` (steps left of the refractory period), `dt`, `t` (ms), `uniform`, `normal`, `uniform_2` ... `normal_9` (draws
    of this neuron and step).  It returns the new values of the state variables in the order in which they are declared,
    and last whether the neuron fires.  It is compiled, not called: numbers, arithmetic, comparisons, if, for over range,
    exp, log, power, expm1, exprel, tanh, sin, cos, sqrt, floor, ceil, min, max, abs (those of `math` are the same), and
    plain functions and numbers that it finds around it, which become part of the model when it is declared.

    Parameters
    ----------
    state : mapping of str to State, float or str
        State variables in order, with what they start from.
    receptors : names, or mapping of name to sign
        What spikes can arrive at: sign 1 takes positive weights, -1 negative ones, 0 (the default) any.
    reset : callable, optional
        Applied to neurons that fired: arguments likewise (no receptors), returns new values of all state variables.
    refractory : bool, optional
        Whether a neuron may fire again only `t_ref` after its spike; by default, if there is a parameter `t_ref` (ms).
        What the state does meanwhile is the function's: ``v if waiting > 0 else ...``.
    derive : callable, optional
        Coefficients that are computed once and not in every step: arguments are parameters (arrays) and `dt`, it returns a
        dict; NumPy is welcome.
    params : mapping of str to float, optional
        Further parameters with their defaults, that no function names as a default.
    units : mapping of str to str, optional
        Units of parameters, where the start of the name (tau, t_ref, c_m, g_l, i_e, rate, e_, v_, delta_) does not tell.
    limits : mapping of str to str, optional
        What parameters may be: "positive", "not negative", "finite" or "any" (also infinite), where the name does not tell.
    resolved : names, optional
        Time constants that must be at least 2 dt.
    receptor_unit : str
        Unit of the weights.
    spontaneous : bool
        Whether `SpontaneousRate` may make it fire.

    Returns
    -------
    class
        A frozen dataclass of the parameters, used like the built-in models.

    Raises
    ------
    ParameterError
        When the model is declared: an unknown argument, a wrong number of returned values, or something that compiled
        functions do not know, with its name and line; the source of a function cannot be read.

    Examples
    --------
    >>> import neurosim as ns
    >>> def to_reset(v_reset=0.0):
    ...     return v_reset
    >>> @ns.neuron_model(state={"v": ns.State("e_l", "mV")}, reset=to_reset)
    ... def Leaky(v, delta, waiting, dt, tau_m=20.0, e_l=0.0, v_th=20.0, t_ref=2.0):
    ...     v = v if waiting > 0 else v + dt * (e_l - v) / tau_m + delta
    ...     return v, v >= v_th
    >>> Leaky(tau_m=10.0)
    Leaky(tau_m=10.0, e_l=0.0, v_th=20.0, t_ref=2.0, v_reset=0.0)
    """

    def declared(function: Callable[..., object]) -> type[Any]:
        return _Declaration(
            function, _states(function, state), _signs(function, receptors), reset, refractory, derive, dict(params or {}),
            dict(units or {}), dict(limits or {}), tuple(resolved), receptor_unit, spontaneous,
        ).model()  # fmt: skip

    return declared if function is None else declared(function)


def _states(function: Callable[..., object], given: Mapping[str, Any] | None) -> dict[str, State]:
    if given is not None and not isinstance(given, Mapping):
        raise ParameterError(
            f'{function.__name__}: state must be a mapping such as {{"v": ns.State(0.0, "mV")}}, got {given!r}'
        )
    return {name: one if isinstance(one, State) else State(one) for name, one in (given or {}).items()}


def _signs(function: Callable[..., object], given: Iterable[str] | Mapping[str, int]) -> dict[str, int]:
    signs = (
        dict(given) if isinstance(given, Mapping) else dict.fromkeys([given] if isinstance(given, str) else given, 0)
    )
    for name, sign in signs.items():
        if sign not in (-1, 0, 1):
            raise ParameterError(
                f"{function.__name__}: receptor {name!r} must have sign 1, -1 or 0 (any), got {sign!r}"
            )
    return signs


@dataclass
class _Declaration:
    """What was declared, on its way to a class."""

    function: Callable[..., object]
    state: dict[str, State]
    signs: dict[str, int]
    reset: Callable[..., object] | None
    refractory: bool | None
    derive: Callable[..., Mapping[str, Any]] | None
    params: dict[str, float]
    units: dict[str, str]
    limits: dict[str, str]
    resolved: tuple[str, ...]
    receptor_unit: str
    spontaneous: bool
    derived: tuple[str, ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.function.__name__

    def model(self) -> type[Any]:
        """The class."""
        self._collect_parameters()
        self._check_names()
        gathered = Gathered(self.name)
        step = self._gather(gathered, self.function, [*self.state, *self.signs, *OFFERED], len(self.state) + 1)
        reset = None
        if self.reset is not None:
            offered = [name for name in OFFERED if name not in ("current", "waiting")]
            reset = self._gather(gathered, self.reset, [*self.state, *offered], len(self.state))
        unread = [name for name in self.signs if name not in step.arguments]
        if unread:
            raise ParameterError(
                f"{self.name}: the function does not name its receptor {unread[0]!r}; add it to the arguments, or leave it out: "
                f"receptors={tuple(n for n in self.signs if n not in unread)!r}"
            )
        return self._class(self._physics(step, reset, gathered.helpers))

    # ---- names

    def _collect_parameters(self) -> None:
        """Every argument with a default is a parameter."""
        found: dict[str, Any] = dict(self.params)
        for one in (self.function, self.reset, self.derive):
            for argument in inspect.signature(one).parameters.values() if one is not None else ():
                if argument.default is inspect.Parameter.empty:
                    continue
                known = found.setdefault(argument.name, argument.default)
                if not _equal(known, argument.default):
                    raise ParameterError(
                        f"{self.name}: the parameter {argument.name!r} has two defaults, {known!r} and {argument.default!r}"
                    )
        for name, value in found.items():
            if not isinstance(value, bool | int | float | np.number) and not hasattr(value, "dim"):
                raise ParameterError(f"{self.name}.{name}: the default of a parameter must be a number, got {value!r}")
        self.defaults = found
        if self.derive is not None:
            self._check_arguments(self.derive, [*found, "dt"])
            given = self._coefficients({name: np.asarray(float(v)) for name, v in self._plain().items()}, 0.1)
            self.derived = tuple(given)

    def _plain(self) -> dict[str, float]:
        said = self._says()
        return {n: float(plain(f"{self.name}.{n}", v, unit_of(said, n))) for n, v in self.defaults.items()}  # type: ignore[arg-type]

    def _says(self) -> Any:
        """Something that tells units as a model does."""
        return type("Said", (), {"physics": type("Said", (), {"units": self.units})})

    def _coefficients(self, p: Mapping[str, Any], dt: float) -> dict[str, Any]:
        """What `derive` gives."""
        if self.derive is None:
            return {}
        numbers = self.derive(**{a: dt if a == "dt" else p[a] for a in inspect.signature(self.derive).parameters})
        if not isinstance(numbers, Mapping):
            raise ParameterError(f"{self.name}: derive must return a dict of numbers by name, got {numbers!r}")
        return dict(numbers)

    def _check_names(self) -> None:
        """All names are different, and free."""
        kinds = {"state variable": list(self.state), "receptor": list(self.signs), "parameter": list(self.defaults)}
        if self.name == "spike_source":
            raise ParameterError(f"{self.name}: this name belongs to ns.SpikeSource; take another")
        taken: dict[str, str] = {}
        for kind, names in kinds.items():
            for name in names:
                if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_") or name in _RESERVED:
                    raise ParameterError(f"{self.name}: {name!r} cannot be the name of a {kind}; take another")
                if name in taken:
                    raise ParameterError(f"{self.name}: {name!r} is both a {taken[name]} and a {kind}; rename one")
                taken[name] = kind
        for name in self.derived:
            if name in self.state or name in self.signs or name in OFFERED or name == "wait":
                raise ParameterError(f"{self.name}: derive gives {name!r}, which has a meaning already; rename it")
        said = {"units": list(self.units), "limits": list(self.limits), "resolved": list(self.resolved)}
        for option, names in said.items():
            for name in names:
                if name not in self.defaults:
                    known = ", ".join(self.defaults) or "none"
                    raise ParameterError(
                        f"{self.name}: {option} names {name!r}, which is no parameter; known: {known}.{did_you_mean(name, self.defaults)}"
                    )
        for name, limit in self.limits.items():
            if limit not in _LIMITS:
                raise ParameterError(f"{self.name}: limits of {name!r} must be one of {_LIMITS}, got {limit!r}")
        for name, one in self.state.items():
            if isinstance(one.initial, str) and one.initial not in self.defaults:
                known = ", ".join(self.defaults) or "none"
                raise ParameterError(
                    f"{self.name}: state {name!r} starts from {one.initial!r}, which is no parameter; known: {known}."
                    f"{did_you_mean(one.initial, self.defaults)}"
                )
            if callable(one.initial):
                self._check_arguments(one.initial, list(self.defaults))
        if self.refractory is None:
            self.refractory = "t_ref" in self.defaults
        if self.refractory and "t_ref" not in self.defaults:
            raise ParameterError(
                f'{self.name}: refractory=True needs a parameter t_ref (ms); for example params={{"t_ref": 2.0}}'
            )
        if self.reset is not None and not self.state:
            raise ParameterError(f"{self.name}: there is no state that could be reset; leave out reset")

    def _check_arguments(self, function: Callable[..., object], known: list[str]) -> None:
        for name in arguments_of(function):
            if name not in known:
                listed = ", ".join(n for n in known if n not in _FURTHER)
                where = "" if function is self.function else f", in {getattr(function, '__name__', 'a function')}"
                raise ParameterError(
                    f"{self.name}{where}: unknown argument {name!r}; a parameter needs a default ({name}=1.0), known are: "
                    f"{listed}.{did_you_mean(name, known)}"
                )

    def _gather(
        self, gathered: Gathered, function: Callable[..., object], known: list[str], returns: int
    ) -> SourceFunction:
        self._check_arguments(function, [*known, *self.defaults, *self.derived])
        return gathered.add(function, returns)

    # ---- what comes out

    def _physics(
        self, step: SourceFunction, reset: SourceFunction | None, helpers: tuple[SourceFunction, ...]
    ) -> Physics:
        used = dict.fromkeys([*step.arguments, *(reset.arguments if reset else ())])
        needed = tuple(name for name in used if name in self.defaults or name in self.derived)

        def derive(p: dict[str, Array], dt: float) -> dict[str, Array]:
            given = self._coefficients(p, dt)
            numbers = {name: given[name] if name in given else p[name] for name in needed}
            if self.refractory:
                numbers["wait"] = np.round(p["t_ref"] / dt)
            return numbers

        return Physics(
            name=self.name,
            state={name: (_initial(one.initial), one.unit) for name, one in self.state.items()},
            receptors=self.signs,
            coefficients=(*needed, *(("wait",) if self.refractory else ())),
            derive=derive,
            stages=(Stage((*self.state, "fired"), step),),
            fires=None,
            reset=Stage(tuple(self.state), reset) if reset is not None else None,
            refractory=bool(self.refractory),
            receptor_unit=self.receptor_unit,
            helpers=helpers,
            takes_current="current" in step.arguments,
            takes_spontaneous=self.spontaneous,
            units=self.units,
            limits=self.limits,
            resolved=self.resolved,
        )

    def _class(self, physics: Physics) -> type[Any]:
        function = self.function
        made = make_dataclass(
            self.name, [(n, float, field(default=v)) for n, v in self._plain().items()], frozen=True,
            namespace={"physics": physics, "__post_init__": check_model, "__neurosim_fingerprint__": self._fingerprint(physics)},
        )  # fmt: skip
        made.__module__ = function.__module__
        made.__qualname__ = function.__qualname__
        made.__doc__ = (
            inspect.getdoc(function) or f"{self.name}, a neuron model with the state {', '.join(self.state)}."
        )
        model = names_checked(made)
        model()  # the defaults must be possible
        return model

    def _fingerprint(self, physics: Physics) -> str:
        """Hash of everything that decides what the model does, but for the values of its parameters."""
        stages = [*physics.stages, *([physics.reset] if physics.reset else [])]
        texts = [f.__neurosim_source__ for f in (*physics.helpers, *(s.function for s in stages))]  # type: ignore[attr-defined]
        texts += [whole_text(self.derive)] if self.derive is not None else []
        texts += [
            whole_text(one.initial) if callable(one.initial) else repr(one.initial) for one in self.state.values()
        ]
        texts.append(repr((tuple(self.state), self.signs, tuple(self.defaults), self.refractory)))
        return hashlib.sha256("\x1f".join(texts).encode()).hexdigest()[:16]


def _initial(initial: Any) -> Any:
    """As `Physics.state` wants it: a function takes the mapping of parameters."""
    if not callable(initial):
        return initial
    names = arguments_of(initial)
    return lambda p: initial(**{name: p[name] for name in names})


def _equal(one: Any, two: Any) -> bool:
    return bool(np.all(one == two)) or (one != one and two != two)
