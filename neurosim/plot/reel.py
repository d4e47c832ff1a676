"""Pictures, one after the other, into a GIF or an MP4.

Knows arrays of pixels and files only.  Pillow writes the GIF, ffmpeg (the program, or the one that the package
imageio-ffmpeg brings) the MP4.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np

from neurosim.errors import ParameterError, SaveError
from neurosim.plot import canvas

ENDINGS = (".gif", ".mp4")


def checked_ending(path: str | os.PathLike[str]) -> str:
    """The ending of a film's name, if it can be written here."""
    ending = Path(path).suffix.lower()
    if ending not in ENDINGS:
        raise ParameterError(f"plot.film(path): must end in .gif or .mp4, got {os.fspath(path)!r}")
    if ending == ".mp4" and ffmpeg() is None:
        other = Path(path).with_suffix(".gif").name
        raise ParameterError(
            f"plot.film({os.fspath(path)!r}): no ffmpeg here; `pip install imageio-ffmpeg` brings one, or write {other!r}"
        )
    return ending


def ffmpeg() -> str | None:
    """The program, or None."""
    found = shutil.which("ffmpeg")
    if found is not None:
        return found
    try:
        return str(import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except ImportError:
        return None
    except RuntimeError:  # the package without the program
        return None


def write(path: str | os.PathLike[str], ending: str, frames: Iterator[np.ndarray], *, fps: float, hold: float) -> None:
    """Write pictures (rows, columns, 3) of uint8; the last one stays for `hold` seconds.

    The file appears whole or not at all.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.stem}.part{ending}")
    try:
        (_gif if ending == ".gif" else _mp4)(temporary, frames, fps, hold)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _gif(path: Path, frames: Iterator[np.ndarray], fps: float, hold: float) -> None:
    from PIL import Image

    colours, number = _palette()
    pictures = []
    for frame in frames:
        red, green, blue = (frame[:, :, k] >> 3 for k in range(3))
        picture = Image.fromarray(number[red, green, blue])
        picture.putpalette(colours.tobytes())
        pictures.append(picture)
    tick = max(2, round(100.0 / fps)) * 10  # GIF counts in 10 ms, and viewers slow down what is faster than 20 ms
    times = [tick] * (len(pictures) - 1) + [max(tick, round(100.0 * hold) * 10)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=times, loop=0, optimize=False)


def _palette() -> tuple[np.ndarray, np.ndarray]:
    """Colours (256, 3) for all frames, shades of the house's; and the nearest to each of 32 x 32 x 32."""
    house = [[int(one[k : k + 2], 16) for k in (1, 3, 5)] for one in (*canvas.PALETTE, canvas.DARK)]
    shades = np.linspace(0.0, 1.0, 24)[:, None]
    mixed = [255.0 - (255.0 - np.array(paint)) * shades for paint in house]
    dark = [0.5 * (np.array(house[1]) + np.array(paint)) for paint in house]  # new synapses over others
    colours = np.unique(np.round(np.concatenate([*mixed, dark])).astype(np.uint8), axis=0)[-256:]
    colours = np.concatenate([colours, np.repeat(colours[-1:], 256 - len(colours), axis=0)])
    level = np.arange(32) * (255.0 / 31.0)
    every = np.stack(np.meshgrid(level, level, level, indexing="ij"), axis=-1).reshape(-1, 3)
    eye = np.array([0.55, 0.77, 0.33])  # how much the eye sees of a difference in red, green and blue, about
    wanted, have = every * eye, colours * eye
    distance = (wanted**2).sum(axis=1)[:, None] - 2.0 * wanted @ have.T + (have**2).sum(axis=1)
    return colours, distance.argmin(axis=1).astype(np.uint8).reshape(32, 32, 32)


def _mp4(path: Path, frames: Iterator[np.ndarray], fps: float, hold: float) -> None:
    first = next(frames)
    rows, columns = (n - n % 2 for n in first.shape[:2])  # the colours of a film are halved in both directions
    command = [
        str(ffmpeg()), "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{columns}x{rows}",
        "-r", f"{fps:g}", "-i", "-", "-an", "-vcodec", "libx264", "-pix_fmt", "yuv420p", "-crf", "20",
        "-movflags", "+faststart", str(path),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stderr is not None
        last = first
        try:
            for last in _chain(first, frames):
                process.stdin.write(np.ascontiguousarray(last[:rows, :columns]).tobytes())
            for _ in range(max(0, round(hold * fps) - 1)):
                process.stdin.write(np.ascontiguousarray(last[:rows, :columns]).tobytes())
            process.stdin.close()
        except BrokenPipeError:
            pass  # it has stopped; below is why
        said = process.stderr.read().decode(errors="replace").strip()
    if process.returncode:
        raise SaveError(f"plot.film: ffmpeg could not write {path.name!r}: {said}")


def _chain(first: np.ndarray, rest: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from rest
