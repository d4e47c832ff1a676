"""What becomes of equations: variables, numbers, and the text of scalar functions; kept on disk, so made once.

Knows names and text only, no Brian2: a translation that lies in the cache needs none.
"""

import hashlib
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from neurosim.equations.border import NONE, Dimension, unit_of


@dataclass(frozen=True)
class Slot:
    """A variable or parameter: `kind` is "float", "int" or "bool", `flag` "" or "shared"; values are kept in `unit`."""

    name: str
    dimension: Dimension = NONE
    kind: str = "float"
    flag: str = ""
    initial: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "dimension", tuple(float(power) for power in self.dimension))

    @property
    def unit(self) -> str:
        """Unit in which it is read and written."""
        return unit_of(self.dimension)[0]

    @property
    def scale(self) -> float:
        """Size of that unit in SI."""
        return unit_of(self.dimension)[1]


@dataclass(frozen=True)
class Part:
    """The text of one scalar function, and the variables whose new values it returns."""

    name: str
    arguments: tuple[str, ...]
    writes: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Translation:
    """A model as the engine needs it.

    Attributes
    ----------
    state, parameters : tuple of Slot
    constants : tuple of (coefficient, name)
        Numbers of the namespace that the functions name.
    scalars : tuple of (coefficient, expression)
        Numbers that follow from constants, shared parameters and dt; computed once, in this order.
    tables : tuple of str
        Timed arrays that are looked up.
    steady : tuple of str
        Those that must not change within a step ("exact" integrates over it).
    stages : tuple of Part
    fires, reset : Part or None
    functions, own_functions : tuple of str
        What the parts call: of the language, and of the namespace.
    method : str
        The integrator, "" if there is nothing to integrate.
    target, delivers
        Of a synapse: the variable of the target that its spikes add to, and the dimension of what they add.
    """

    state: tuple[Slot, ...] = ()
    parameters: tuple[Slot, ...] = ()
    constants: tuple[tuple[str, str], ...] = ()
    scalars: tuple[tuple[str, str], ...] = ()
    tables: tuple[str, ...] = ()
    steady: tuple[str, ...] = ()
    stages: tuple[Part, ...] = ()
    fires: Part | None = None
    reset: Part | None = None
    functions: tuple[str, ...] = ()
    own_functions: tuple[str, ...] = ()
    method: str = ""
    target: str = ""
    delivers: Dimension | None = None


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _from_json(text: str) -> Translation:
    entries = {name: _tuples(value) for name, value in json.loads(text).items()}
    for name in ("state", "parameters"):
        entries[name] = tuple(Slot(**{k: _tuples(v) for k, v in slot.items()}) for slot in entries[name])
    entries["stages"] = tuple(_part(one) for one in entries["stages"])
    entries["fires"], entries["reset"] = _part(entries["fires"]), _part(entries["reset"])
    return Translation(**entries)


def _part(entry: dict[str, Any] | None) -> Part | None:
    return None if entry is None else Part(**{name: _tuples(value) for name, value in entry.items()})


@cache
def _translator() -> str:
    """Hash of this package and of the version of Brian2."""
    digest = hashlib.sha256(version("brian2").encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def key_of(description: object) -> str:
    """Name of a description (plain values only) in the cache."""
    text = json.dumps(description, sort_keys=True)
    return hashlib.sha256((_translator() + text).encode()).hexdigest()[:32]


def find(key: str) -> Translation | None:
    """The translation of this name, if it has been made before by the same code."""
    path = _folder() / f"{key}.json"
    try:
        return _from_json(path.read_text())
    except (OSError, ValueError, TypeError, KeyError):  # none, or not whole: made again
        return None


def keep(key: str, translation: Translation) -> None:
    """Put a translation into the cache; a folder that cannot be written is none."""
    try:
        _folder().mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=_folder(), suffix=".tmp")
        with os.fdopen(handle, "w") as file:
            json.dump(asdict(translation), file)
        os.replace(temporary, _folder() / f"{key}.json")
    except OSError:
        return


def _folder() -> Path:
    from neurosim.kernels.compiled import cache_folder

    return cache_folder() / "equations"
