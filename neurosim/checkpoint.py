"""Saves on disk: a folder with manifest.json and one .npy file per array.  Knows arrays and plain values only.

The folder is written under another name, synced and renamed, so that it is there whole or not at all.  No pickle.
"""

import hashlib
import json
import math
import os
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from neurosim import __version__
from neurosim.errors import SaveError

FORMAT = 1
PIECE = 1 << 24  # bytes hashed at a time


def write(path: str | os.PathLike[str], manifest: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write `manifest` (JSON values) and `arrays` (names may hold "/") to the folder `path`, replacing an older save.

    Raises
    ------
    SaveError
        `path` exists and is not a save.
    """
    target = Path(path)
    if target.exists() and not (target / "manifest.json").exists():
        raise SaveError(f"save({str(path)!r}): exists and is not a save of neurosim; choose another folder")
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.tmp")
    temporary.mkdir()
    try:
        entries = {}
        for number, (name, array) in enumerate(sorted(arrays.items())):
            file = f"{number:04d}.npy"
            entries[name] = _write_array(temporary / file, np.asarray(array, order="C")) | {"file": file}
        versions = {"neurosim": __version__, "python": sys.version.split()[0], "numpy": np.__version__}
        whole = {"format": FORMAT, "versions": versions} | manifest | {"arrays": entries}
        whole["sha256"] = _fingerprint(whole)
        with open(temporary / "manifest.json", "w") as file_:
            json.dump(whole, file_, indent=1)
            file_.flush()
            os.fsync(file_.fileno())
        _sync(temporary)
        if target.exists():
            old = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.old")
            os.replace(target, old)
            try:
                os.replace(temporary, target)
            except BaseException:
                os.replace(old, target)
                raise
            shutil.rmtree(old)
        else:
            os.replace(temporary, target)
        _sync(target.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def read(path: str | os.PathLike[str], *, mapped: str | None = None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """(manifest, arrays) of a save, every array checked against its hash; read-only in its file if its name begins with `mapped`.

    Raises
    ------
    SaveError
        Not a save, of an unknown version, or damaged; the message names what.
    """
    folder = Path(path)
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise SaveError(f"load({str(path)!r}): no save there (manifest.json is missing)") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SaveError(f"load({str(path)!r}): manifest.json is damaged ({error})") from None
    if not isinstance(manifest, dict):
        raise SaveError(f"load({str(path)!r}): manifest.json is damaged (it holds no table)")
    if manifest.get("format") != FORMAT:
        raise SaveError(
            f"load({str(path)!r}): format {manifest.get('format')!r} is not known here, this neurosim reads format {FORMAT}; install the version that wrote it"
        )
    if manifest.pop("sha256", None) != _fingerprint(manifest):
        raise SaveError(f"load({str(path)!r}): manifest.json is damaged: its content differs from what was saved")
    arrays = {}
    for name, entry in manifest["arrays"].items():
        lazily = mapped is not None and name.startswith(mapped)
        arrays[name] = _read_array(folder / entry["file"], entry, f"load({str(path)!r}): array {name!r}", lazily)
    return manifest, arrays


def _fingerprint(manifest: dict[str, Any]) -> str:
    """Hash of the values of a manifest, however they are spaced."""
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _write_array(file: Path, array: np.ndarray) -> dict[str, Any]:
    with open(file, "wb") as out:
        np.save(out, array, allow_pickle=False)
        out.flush()
        os.fsync(out.fileno())
    return {"dtype": array.dtype.str, "shape": list(array.shape), "sha256": _hash_of(array)}


def _hash_of(array: np.ndarray) -> str:
    """Hash of the bytes of an array in C order, a piece at a time."""
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    digest = hashlib.sha256()
    for first in range(0, flat.size, PIECE):
        digest.update(flat[first : first + PIECE].data)
    return digest.hexdigest()


def _read_array(file: Path, entry: dict[str, Any], label: str, mapped: bool) -> np.ndarray:
    try:
        array = np.load(file, allow_pickle=False, mmap_mode="r" if mapped and math.prod(entry["shape"]) else None)
    except (OSError, ValueError, EOFError) as error:
        raise SaveError(f"{label} is missing or damaged ({error}); the save cannot be used") from None
    if array.dtype.str != entry["dtype"] or list(array.shape) != entry["shape"]:
        raise SaveError(
            f"{label} has dtype {array.dtype.str} and shape {array.shape}, the manifest says {entry['dtype']} and {entry['shape']}"
        )
    if _hash_of(array) != entry["sha256"]:
        raise SaveError(f"{label} is damaged: its content differs from what was saved")
    return np.asarray(array)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
