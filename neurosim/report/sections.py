"""The sections of the page, each as a piece of HTML.

Knows a kept run and the pictures of `figures`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from neurosim.report import figures
from neurosim.report.bundles import Bundles, bundles
from neurosim.report.figures import Picture
from neurosim.runs import Run

MOST_GROUPS = 14  # in a table of the region matrix
MOST_ROWS = 40  # of other tables


@dataclass(frozen=True)
class Section:
    """A part of the page: its anchor, heading and HTML; an empty one is left out."""

    name: str
    title: str
    body: str


def line(run: Run) -> str:
    """What stands under the title."""
    m = run.manifest
    told = [f"scenario {m['scenario']}"] if m["scenario"] else []
    told += [f"seed {m['seed']}", f"{lasted(run)} of simulated time"]
    return " · ".join(
        [
            *told,
            f"neurosim {m['versions']['neurosim']}",
            f"kept {m['kept'].replace('T', ' ').replace('+00:00', ' UTC')}",
        ]
    )


def lasted(run: Run) -> str:
    """Simulated time, as people say it."""
    ms = run.span[1] - run.span[0]
    if ms < 10_000.0:
        return f"{ms:g} ms"
    if ms < 600_000.0:
        return f"{ms / 1e3:g} s"
    minutes, seconds = divmod(round(ms / 1e3), 60)
    if minutes < 600:
        return f"{minutes} min" + (f" {seconds} s" if seconds else "")
    return f"{minutes // 60} h" + (f" {minutes % 60} min" if minutes % 60 else "")


# ---- numbers in words -----------------------------------------------------------------------------------------------


def summary(run: Run) -> Section:
    """The run in sentences and a few numbers."""
    said = " ".join([_neurons(run), _synapses(run), _activity(run)])
    cards = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in _cards(run))
    notes = run.manifest["notes"].strip("\n")
    told = f"<h3>What the run says</h3><pre>{escape(notes)}</pre>" if notes else ""
    return Section("summary", "Summary", f"<p>{escape(said)}</p>\n<dl class='cards'>{cards}</dl>\n{told}")


def _some(count: float, one: str, many: str = "") -> str:
    return f"{count:,.0f} {one if count == 1 else many or one + 's'}"


def _neurons(run: Run) -> str:
    m = run.manifest
    living = [p for p in m["populations"] if p["model"] != "removed"]
    told = ", ".join(f"{p['name']} {p['neurons']:,}" for p in living[:12])
    told += f" and {len(living) - 12} more" if len(living) > 12 else ""
    text = f"{_some(m['neurons'], 'neuron')} in {_some(len(living), 'population')} ({told or 'none'}) "
    text += f"ran for {lasted(run)} in steps of {run.dt:g} ms."
    born, died = m["history"]["neurons_born"], m["history"]["neurons_died"]
    if born or died:
        text += f" {_some(born, 'neuron')} {'was' if born == 1 else 'were'} born on the way, {died:,} died."
    return text


def _synapses(run: Run) -> str:
    m = run.manifest
    history = m["history"]
    start, late = history["start"], history["connected"]
    if not history["born"] and not history["died"] and not late:
        return f"There are {_some(m['synapses'], 'synapse')}; none was born or died."
    text = f"The network began with {_some(start, 'synapse')} and ended with {m['synapses']:,}: "
    text += f"{late:,} were connected on the way, " if late else ""
    text += f"{history['born']:,} were born and {history['died']:,} died"
    per = [f"{rule} made {born:,} and took {died:,}" for rule, born, died in by_rule(run) if born or died]
    text += f" ({'; '.join(per[:6])})." if per else "."
    if m["neurons"]:
        text += f" A neuron receives {m['synapses'] / m['neurons']:,.1f} synapses on average."
    return text


def _activity(run: Run) -> str:
    parts = []
    for one in run.manifest["spikes"]:
        n, (low, high) = sum(part[2] for part in one["segments"]), one["span"]
        rate = 1e3 * one["count"] / max(1, n) / (high - low) if high > low else 0.0
        parts.append(f"{one['label']} fired {_some(one['count'], 'spike')}, {rate:.3g} Hz per neuron")
    for k, one in enumerate(run.manifest["rates"] if not parts else []):
        hz = run.arrays[f"rates/{k}/rate"]
        parts.append(f"{one['label']} fired at {hz.mean() if hz.size else 0.0:.3g} Hz")
    if not parts:
        return "No spikes were kept."
    return "; ".join(parts[:8]) + "."


def _cards(run: Run) -> list[tuple[str, str]]:
    m = run.manifest
    history = m["history"]
    cards = [("neurons", f"{m['neurons']:,}"), ("synapses at the start", f"{history['start']:,}"), ("at the end", f"{m['synapses']:,}"),
             ("born", f"{history['born']:,}"), ("died", f"{history['died']:,}")]  # fmt: skip
    if m["gap_junctions"]:
        cards.append(("gap junctions", f"{m['gap_junctions']:,}"))
    count = sum(one["count"] for one in m["spikes"])
    return [*cards, *([("spikes", f"{count:,}")] if m["spikes"] else [])]


def by_rule(run: Run) -> list[tuple[str, int, int]]:
    """(rule, synapses born, died)."""
    born, died = (run.arrays[f"growth/{word}"].sum(axis=(0, 2)) for word in ("born", "died"))
    return [(rule, int(born[k]), int(died[k])) for k, rule in enumerate(run.manifest["history"]["rules"])]


# ---- the graph ------------------------------------------------------------------------------------------------------


def graph(run: Run, data: Mapping[str, Any]) -> Section:
    """The interactive graph, drawn by `graph.js`."""
    single = data["kind"] == "neurons"
    hint = (
        "Drag to move, use the buttons to zoom (or click the picture, then wheel or + and -; arrows move it, 0 shows all). Point at a "
        + ("neuron to see its synapses; a click holds it." if single else "group to see its synapses.")
    )
    if not single:
        hint += (
            f" The more synapses, the wider a line; white dashes in it are pruned ones. There are {run.manifest['neurons']:,} neurons, so "
            f"they are not drawn one by one, and counts are those at {run.arrays['growth/step'].size:,} times."
        )
    asked = "uid or name" if single else "name"
    search = f'<label>Find <input type="search" id="graph-find" placeholder="{asked}"></label>'
    body = (
        '<div id="graph-stage"><canvas id="graph-canvas" tabindex="0" role="img" aria-label="The graph at the time of the slider" '
        'aria-describedby="graph-status"></canvas><div id="graph-tip" hidden></div></div>\n'
        '<div class="bar"><span class="grow"><label for="graph-time">Time</label><input type="range" id="graph-time" min="0" max="1000" value="1000" step="1">'
        '<output id="graph-clock" for="graph-time"></output></span><button type="button" id="graph-play">Play</button></div>\n'
        '<div class="bar"><button type="button" id="graph-in" aria-label="Zoom in">+</button>'
        '<button type="button" id="graph-out" aria-label="Zoom out">−</button><button type="button" id="graph-whole">Show all</button>'
        f'<label>Coloured for <select id="graph-recent"></select></label>{search}</div>\n'
        f'<p id="graph-status" role="status"></p>\n{_legend(run, single)}\n<p class="soft">{hint}</p>'
        "<noscript><p>This picture needs JavaScript, which is inside the page.</p></noscript>"
    )
    return Section("graph", "The graph over time", body)


def _legend(run: Run, single: bool) -> str:
    def stroke(colour: str, dash: str = "") -> str:
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        return f'<svg width="26" height="8" aria-hidden="true"><line x1="1" x2="25" y1="4" y2="4" stroke="var(--{colour})" stroke-width="2.5"{dashed}/></svg>'

    entries = []
    if single:
        for k, p in enumerate(run.manifest["populations"][:7]):
            dot = f'<svg width="12" height="12" aria-hidden="true"><circle cx="6" cy="6" r="5" fill="var(--group{k % 7})"/></svg>'
            entries.append(dot + escape(p["name"]))
        if len(run.manifest["populations"]) > 7:
            entries.append("(colours repeat)")
    entries += [stroke("edge") + "excitatory synapse", stroke("inhibitory") + "inhibitory synapse"]
    entries += [stroke("new") + "new synapse", *([stroke("ghost", "4 4") + "pruned"] if single else [])]
    if single:
        entries.append("held or pointed at: dark lines leave the neuron, blue ones arrive")
    return '<ul class="legend">' + "".join(f"<li>{one}</li>" for one in entries) + "</ul>"


# ---- pictures -------------------------------------------------------------------------------------------------------


def _figures(pictures: Iterable[Picture | None]) -> str:
    return "\n".join(
        f'<figure><div class="scroll"><img alt="{escape(one.told)}" src="{one.source}"></div><figcaption>{escape(one.told)}'
        f"{' ' + escape(one.caption) if one.caption else ''}</figcaption></figure>"
        for one in pictures
        if one is not None
    )


def _or_else(body: str, otherwise: str) -> str:
    return body or f'<p class="soft">{escape(otherwise)}</p>'


def raster(run: Run) -> Section:
    """Spikes."""
    told = "No spikes were kept: give a spike recorder, ns.keep_run(..., spikes=spikes)."
    return Section("raster", "Spikes", _or_else(_figures([figures.draw_raster(run)]), told))


def rates(run: Run) -> Section:
    """Rates."""
    told = "No rates were kept: give a spike or rate recorder, ns.keep_run(..., spikes=spikes)."
    return Section("rates", "Rates", _or_else(_figures([figures.draw_rates(run)]), told))


def growth(run: Run) -> Section:
    """Synapses over time, births and deaths by rule."""
    body = _figures([figures.draw_growth(run), figures.draw_rules(run)])
    rows = [(rule, f"{born:,}", f"{died:,}", f"{born - died:+,}") for rule, born, died in by_rule(run) if born or died]
    if rows:
        body += "\n" + table(("rule", "born", "died", "net"), rows, counts=3)
    earlier = run.manifest["history"]["earlier"]
    if earlier:
        body += f'<p class="soft">{earlier:,} events up to the first step are not shown.</p>'
    return Section("growth", "Growth", _or_else(body, "No synapse was born or died."))


def weights(run: Run) -> Section:
    """Distributions of weights."""
    rows = [(p["name"], f"{p['synapses']:,}", *_mean(p["weight"]), p["unit"]) for p in run.manifest["projections"]]
    body = _figures(figures.draw_weights(run))
    if body:
        body += "\n" + table(("projection", "synapses", "mean weight", "deviation", "unit"), rows, counts=3)
    return Section("weights", "Weights", _or_else(body, "There are no synapses."))


def _mean(weight: Sequence[float] | None) -> tuple[str, str]:
    """Mean and standard deviation as text; the dust of rounding is no deviation."""
    if not weight:
        return "", ""
    mean, deviation = weight
    return f"{mean:.4g}", f"{deviation if deviation > 1e-9 * abs(mean) else 0.0:.4g}"


def degree(run: Run) -> Section:
    """Distributions of degree."""
    body = _figures([figures.draw_degrees(run)])
    return Section("degree", "Degree", _or_else(body, "There are no synapses."))


# ---- tables ---------------------------------------------------------------------------------------------------------


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, counts: int = 0) -> str:
    """A table; its columns 1 to `counts` are numbers."""
    align = ['class="count"' if 1 <= k <= counts else "" for k in range(len(head))]
    top = "".join(f"<th {align[k]}>{escape(one)}</th>" for k, one in enumerate(head))
    every = list(rows)
    body = "".join(
        "<tr>" + "".join(f"<td {align[k]}>{escape(one)}</td>" for k, one in enumerate(row)) + "</tr>"
        for row in every[:MOST_ROWS]
    )
    left = len(every) - MOST_ROWS
    more = f'<p class="soft">and {left:,} more</p>' if left > 0 else ""
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>{more}'


def regions(run: Run) -> Section:
    """Synapses from region to region."""
    found = bundles(run)
    if not found.names:
        return Section("regions", "Region matrix", "")
    word = "regions" if len({p["region"] for p in run.manifest["populations"]}) > 1 else "populations"
    body = _matrix(found)
    body += f'<p class="soft">Synapses between {word}, from row to column: at the start → at the end; the darker the more at the end.</p>'
    return Section("regions", "Region matrix", body)


def _matrix(found: Bundles) -> str:
    n = min(len(found.names), MOST_GROUPS)
    if n < len(found.names):
        keep = np.sort(np.argsort(-(found.count[-1].sum(axis=0) + found.count[-1].sum(axis=1)), kind="stable")[:n])
    else:
        keep = np.arange(n)
    start, end = (found.count[k][np.ix_(keep, keep)] for k in (0, -1))
    most = max(1, int(end.max()))
    head = "".join(f'<th scope="col">{escape(found.names[j])}</th>' for j in keep)
    rows = []
    for i in range(n):
        cells = []
        for j in range(n):
            shade = round(45 * float(end[i, j] / most) ** 0.5)
            text = f"{end[i, j]:,}" if start[i, j] == end[i, j] else f"{start[i, j]:,} → <b>{end[i, j]:,}</b>"
            cells.append(f'<td style="background:color-mix(in srgb, var(--group0) {shade}%, transparent)">{text}</td>')
        rows.append(f'<tr><th scope="row">{escape(found.names[keep[i]])}</th>{"".join(cells)}</tr>')
    left = len(found.names) - n
    more = f'<p class="soft">{left} more with fewer synapses are not shown.</p>' if left else ""
    corner = '<th scope="col">from \\ to</th>'
    return f'<div class="scroll"><table class="matrix"><thead><tr>{corner}{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>{more}'


def parameters(run: Run) -> Section:
    """What the run was given, and what it was made of."""
    m = run.manifest
    given = [(name, _value(value)) for name, value in m["parameters"].items()]
    parts = [table(("parameter", "value"), given) if given else '<p class="soft">No parameters were named.</p>']
    parts.append("<h3>Populations</h3>")
    rows = [(p["name"], f"{p['neurons']:,}", p["region"] or "none", p["model"]) for p in m["populations"]]
    parts.append(table(("name", "neurons", "region", "model"), rows, counts=1))
    parts.append("<h3>Projections</h3>")
    named = [(p["name"], f"{p['source']} → {p['target']}", p["rule"]) for p in m["projections"]]
    parts.append(table(("name", "from → to", "plasticity"), named))
    for word, listed in (("Processes", m["processes"]), ("Stimuli", m["stimuli"])):
        if listed:
            items = "".join(f"<li>{escape(one)}</li>" for one in listed)
            parts.append(f"<h3>{word}</h3><ul>{items}</ul>")
    return Section("parameters", "Parameters", "\n".join(parts))


def _value(value: object) -> str:
    return value if isinstance(value, str) else repr(value)


def origin(run: Run) -> Section:
    """Seed, step, versions, and how to do it again."""
    m = run.manifest
    rows = [
        ("seed", str(m["seed"])), ("step", f"{run.dt:g} ms"), ("from", f"{run.span[0]:g} ms"), ("to", f"{run.span[1]:g} ms"),
        ("neurosim", m["versions"]["neurosim"]), ("python", m["versions"]["python"]), ("numpy", m["versions"]["numpy"]),
        ("numba", m["numba"]), ("kept", m["kept"]),
    ]  # fmt: skip
    again = f"<p>To do it again:</p><pre>{escape(m['command'])}</pre>" if m["command"] else ""
    return Section("origin", "Seed and versions", table(("what", "value"), rows) + again)
