"""The page: its sections put together into one HTML file with everything inside.

Knows a kept run.  Every text that a user may have written passes through `html.escape`.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from html import escape
from pathlib import Path

from neurosim.errors import SaveError
from neurosim.report import sections
from neurosim.report.inlined import as_json, graph_data
from neurosim.runs import Run, read_run

HERE = Path(__file__).parent
MOST_BYTES = 2_500_000  # of the scenario's own pictures
#: The browser is told to fetch nothing at all.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def write_page(folder: str | Path, out: str | Path | None = None) -> Path:
    """Write the page of a run that `ns.keep_run` kept.

    Parameters
    ----------
    folder : str or Path
        As given to `keep_run`; its pictures are shown too.
    out : str or Path, optional
        The file.  Left out: `folder`/report.html.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    SaveError
        There is no run in the folder, or the file cannot be written.

    Examples
    --------
    ::

        ns.keep_run("runs/mine", net, spikes=spikes)
        ns.report.write_page("runs/mine")
    """
    run = read_run(folder)
    target = Path(out) if out is not None else Path(folder) / "report.html"
    text = page(run, _pictures(Path(folder)))
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise SaveError(f"report(out={str(target)!r}): {error.strerror}; give a file that can be written to") from None
    return target


def page(run: Run, pictures: Sequence[Path] = ()) -> str:
    """The page as HTML: nothing is fetched from anywhere."""
    graph = graph_data(run)
    made = [
        sections.summary(run),
        sections.graph(run, graph),
        sections.raster(run),
        sections.rates(run),
        sections.growth(run),
        sections.weights(run),
        sections.degree(run),
        sections.regions(run),
        sections.parameters(run),
        sections.origin(run),
        _shown(pictures),
    ]
    there = [one for one in made if one.body]
    links = "".join(f'<a href="#{one.name}">{escape(one.title)}</a>' for one in there)
    body = "\n".join(f'<section id="{one.name}"><h2>{escape(one.title)}</h2>\n{one.body}\n</section>' for one in there)
    title = escape(run.manifest["title"])
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("page.css", "graph.js"))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<link rel="icon" href="data:,">\n<title>{title}</title>\n<style>\n{style}</style>\n</head>\n<body>\n'
        f'<header><h1>{title}</h1>\n<p class="soft">{escape(sections.line(run))}</p>\n<nav aria-label="Sections">{links}</nav></header>\n'
        f"<main>\n{body}\n</main>\n"
        f'<script type="application/json" id="graph-data">{as_json(graph)}</script>\n<script>\n{script}</script>\n</body>\n</html>\n'
    )


def _pictures(folder: Path) -> list[Path]:
    """Pictures that lie beside the run."""
    return sorted(path for path in folder.glob("*.png") if path.is_file())


def _shown(pictures: Sequence[Path]) -> sections.Section:
    """The scenario's own pictures, as far as there is room."""
    parts, left, room = [], [], MOST_BYTES
    for path in pictures:
        size = path.stat().st_size
        if size > room:
            left.append(path.name)
            continue
        room -= size
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        name = escape(path.name)
        parts.append(
            f'<figure><div class="scroll"><img alt="Picture {name} of the scenario" src="data:image/png;base64,{data}"></div>'
            f"<figcaption>{name}</figcaption></figure>"
        )
    if left:
        parts.append(f'<p class="soft">Too large for this page: {escape(", ".join(left))}.</p>')
    return sections.Section("pictures", "Pictures of the scenario", "\n".join(parts))
