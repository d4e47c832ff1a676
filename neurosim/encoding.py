"""Descriptions as plain values for a save: models, rules, stimuli, processes, and references to what the network holds.

Arrays are put aside under a name; functions are named with a fingerprint of their source, never stored.
"""

import hashlib
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from typing import Any

import numpy as np

from neurosim.errors import SaveError

ROOT = "neurosim"


def fingerprint(function: Callable[..., Any]) -> str:
    """Hash of a function's source and of the values it closes over, where they have a stable text."""
    try:
        source = inspect.getsource(function)
    except (OSError, TypeError):
        source = getattr(function, "__qualname__", repr(type(function)))
    return hashlib.sha256(source.encode()).hexdigest()[:16]


class Encoder:
    """Turns values into JSON; `reference(value)` names objects that the network holds, or gives None."""

    def __init__(self, reference: Callable[[Any], dict[str, Any] | None], *, lasting: bool = True) -> None:
        self.lasting = lasting
        self.arrays: dict[str, np.ndarray] = {}
        self.functions: dict[str, Callable[..., Any]] = {}
        self._reference = reference
        self._shared: list[Any] = []  # values that several others hold, in the order in which they were met

    def __call__(self, value: Any) -> Any:
        if value is None or isinstance(value, bool | str):
            return value
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": repr(value)}
        if isinstance(value, np.ndarray):
            name = f"values/{len(self.arrays):04d}"
            self.arrays[name] = value
            return {"array": name}
        if isinstance(value, list | tuple):
            return [self(v) for v in value]
        if isinstance(value, Mapping):
            return {"dict": {k: self(v) for k, v in value.items()}}
        known = self._reference(value)
        if known is not None:
            return known
        shared = next((k for k, other in enumerate(self._shared) if other is value), -1)
        if shared >= 0:
            return {"shared": shared}
        if getattr(type(value), "__neurosim_shared__", False):
            shared = len(self._shared)
            self._shared.append(value)
        if is_dataclass(value) and not isinstance(value, type):
            named = {f.name: self(getattr(value, f.name)) for f in fields(value) if f.init}
            kind = type(value)
            entry = {"class": f"{kind.__module__}:{kind.__qualname__}", "fields": named}
            mark = getattr(kind, "__neurosim_fingerprint__", None)  # a class made of a user's function
            if mark is not None and kind.__module__.split(".")[0] != ROOT:
                entry["fingerprint"] = mark
            return entry if shared < 0 else entry | {"shared": shared}
        if callable(value):
            name = getattr(value, "__qualname__", type(value).__qualname__)
            other = self.functions.setdefault(name, value)
            if self.lasting and other is not value and other != value:
                raise SaveError(
                    f"save: two functions are called {name!r}, and a save names them only; give each a name of its own with def"
                )
            return {"function": name, "fingerprint": fingerprint(value)}
        raise SaveError(
            f"save: cannot keep {value!r} ({type(value).__name__}); use numbers, arrays, or a named function"
        )


class Decoder:
    """Turns what `Encoder` made into values again."""

    def __init__(
        self, arrays: Mapping[str, np.ndarray], resolve: Callable[[dict[str, Any]], Any],
        functions: Mapping[str, Callable[..., Any]], models: Mapping[str, type],
    ) -> None:  # fmt: skip
        self.arrays, self.resolve, self.functions, self.models = arrays, resolve, functions, models
        self._shared: dict[int, Any] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self(v) for v in value]
        if not isinstance(value, dict):
            return value
        if "float" in value:
            return float(value["float"])
        if "array" in value:
            return np.array(self.arrays[value["array"]])
        if "dict" in value:
            return {k: self(v) for k, v in value["dict"].items()}
        if "class" in value:
            kind = self.class_of(value["class"])
            mark = value.get("fingerprint")
            if mark is not None and getattr(kind, "__neurosim_fingerprint__", None) != mark:
                name = value["class"].rpartition(".")[2].rpartition(":")[2]
                raise SaveError(
                    f"load: the model {name!r} has changed since the save (its function, one that it calls, or a number that it "
                    f"finds around it); pass the one that was used"
                )
            made = kind(**{k: self(v) for k, v in value["fields"].items()})
            if "shared" in value:
                self._shared[value["shared"]] = made
            return made
        if "shared" in value:
            return self._shared[value["shared"]]
        if "function" in value:
            return self._function(value)
        return self.resolve(value)

    def class_of(self, path: str) -> Any:
        """The class that a save names: of neurosim, or given as `models={name: class}`."""
        module, _, name = path.partition(":")
        name = name if name in self.models else name.rpartition(".")[2]  # defined in a function: its own name will do
        if name in self.models:
            return self.models[name]
        if module.split(".")[0] != ROOT:
            raise SaveError(
                f"load: the save uses the class {name!r} of {module}; pass it: ns.load(path, models={{{name!r}: {name}}})"
            )
        try:
            return getattr(import_module(module), name)
        except (ImportError, AttributeError):
            raise SaveError(f"load: {path} is not in this neurosim; install the version that wrote the save") from None

    def _function(self, value: dict[str, Any]) -> Callable[..., Any]:
        name = value["function"]
        if name not in self.functions:
            raise SaveError(
                f"load: the save uses your function {name!r}, which is not stored; pass it: ns.load(path, functions={{{name!r}: ...}})"
            )
        function = self.functions[name]
        if fingerprint(function) != value["fingerprint"]:
            raise SaveError(f"load: the function {name!r} has changed since the save; pass the one that was used")
        return function
