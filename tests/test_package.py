"""What is handed to people: version, wheel, the README's code, notebooks, and no path of anybody's machine."""

import importlib.metadata
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from marks import compiled_slowly

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SKIP = "<!-- not run -->"


def test_one_version_everywhere():
    import neurosim

    installed = importlib.metadata.version("neurosim")
    assert installed == neurosim.__version__, "the installed package is of another version: pip install -e . again"


def test_changelog_tells_of_this_version():
    import neurosim

    headings = re.findall(r"^## (\S+)", read("CHANGELOG.md"), re.MULTILINE)
    assert neurosim.__version__ in headings, f"CHANGELOG.md has no '## {neurosim.__version__}'; it has {headings}"


def test_no_path_of_a_machine_in_tracked_files():
    names = tracked()
    pattern = re.compile(r"(?<![\w.~-])/(?:work/|root/|home/\w+/|tmp/(?:envs|scratch)\b)")
    found = []
    for name in names:
        try:
            lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
            continue  # binary, deleted but not yet committed, or a link to a folder
        found += [
            f"{name}:{number}: {line.strip()[:99]}" for number, line in enumerate(lines, 1) if pattern.search(line)
        ]
    assert not found, "paths of one machine:\n" + "\n".join(found)


@compiled_slowly
@pytest.mark.compiled
def test_readme_code_runs(tmp_path, monkeypatch):
    blocks = list(python_blocks(read("README.md")))
    assert blocks, "README.md has no ```python block"
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "readme"}
    for line, code in blocks:
        try:
            exec(compile("\n" * line + code, str(ROOT / "README.md"), "exec"), names)
        except Exception as error:
            error.add_note(f"in the block of README.md that begins at line {line}")
            raise


def test_readme_blocks_are_found_as_written():
    text = f"a\n```python\nx = 1\n```\n{SKIP}\n\n```python\nraise\n```\n```bash\nls\n```\n  ```python\n  y = x\n  ```\n"
    assert list(python_blocks(text)) == [(2, "x = 1\n"), (13, "y = x\n")]


@pytest.mark.slow
def test_wheel_holds_code_data_and_scenarios(tmp_path):
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    command = [sys.executable, "-m", "pip", "wheel", *options, tmp_path, ROOT]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = tmp_path.glob("neurosim-*.whl")
    inside = set(zipfile.ZipFile(wheel).namelist())

    ours = {f"neurosim/{path}" for path in files_below(ROOT / "neurosim")}
    scenarios = {f"neurosim/_scenarios/{path}" for path in files_below(ROOT / "scenarios")}
    assert any(name.endswith(".py") for name in scenarios), "no scenario to ship"
    assert any(name.startswith("neurosim/datasets/") and not name.endswith(".py") for name in ours), "no data to ship"
    assert not ours - inside
    assert not scenarios - inside
    strangers = {name for name in inside - ours - scenarios if ".dist-info/" not in name}
    assert not strangers, f"the wheel holds more than the package: {sorted(strangers)}"
    assert any(name.endswith("licenses/LICENSE") for name in inside)


@pytest.mark.slow
@pytest.mark.compiled
@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(notebook, tmp_path):
    import nbclient
    import nbformat

    # Executed in a folder of its own, with this interpreter and not with whatever kernel is installed under that name.
    content = nbformat.read(notebook, as_version=4)
    client = nbclient.NotebookClient(content, timeout=110, resources={"metadata": {"path": str(tmp_path)}})
    client.create_kernel_manager()
    assert client.km is not None
    client.km.kernel_spec.argv[0] = sys.executable
    client.execute()


def read(name: str) -> str:
    path = ROOT / name
    assert path.is_file(), f"{name} is missing"
    return path.read_text(encoding="utf-8")


def python_blocks(text: str) -> Iterator[tuple[int, str]]:
    """(line of the fence, code) of each ```python block that has no `<!-- not run -->` before it."""
    lines = text.splitlines()
    number, skip = 0, False
    while number < len(lines):
        line = lines[number].strip()
        number += 1
        if line.startswith("```"):
            fence, indent = number, len(lines[number - 1]) - len(lines[number - 1].lstrip())
            while number < len(lines) and lines[number].strip() != "```":
                number += 1
            if line == "```python" and not skip:
                yield fence, "".join(f"{code[indent:]}\n" for code in lines[fence:number])
            number += 1
        if line:
            skip = line == SKIP


def tracked() -> list[str]:
    """Files that git knows; skips where there is no checkout."""
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, timeout=30)
    except FileNotFoundError:
        pytest.skip("git is not installed")
    names = [name for name in done.stdout.split("\0") if name]
    if done.returncode != 0 or not names:
        pytest.skip("not a checkout of the repository")
    return names


def files_below(folder: Path) -> set[str]:
    """Relative names of the files in a folder that git would keep."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(folder).as_posix() for path in found}
