"""A rule on one page: its card, and every experiment of the laboratory that it allows.

Knows the experiments and how they draw themselves; a report is a PNG, PDF or SVG picture, or one HTML file.
"""

from __future__ import annotations

import base64
import html
import io
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neurosim.checks import did_you_mean
from neurosim.errors import NeurosimError, ParameterError
from neurosim.lab import catalogue
from neurosim.lab.bench import bounds, check_rule, parts, third_factor, title_of
from neurosim.lab.competition import competition
from neurosim.lab.pairs import pairing, window
from neurosim.lab.poisson import poisson_drift
from neurosim.lab.protocol import protocol
from neurosim.lab.triplets import triplets
from neurosim.plot import canvas

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 88  # letters in a line of the card
KINDS = (".png", ".html", ".pdf", ".svg")
DPI = 130
CLASSES = {
    "lazy": "lazy: evaluated when a spike arrives or somebody looks, exact at any time",
    "stepwise": "stepwise: reads its neuron in every step",
    "stepwise history": "stepwise history: evaluated as lazily, from an entry for each step at which the neuron is depolarised",
    "pass": "pass: advanced at intervals",
}


@dataclass(frozen=True, eq=False, repr=False)
class Report:
    """All experiments on one rule; made by `report`.

    Attributes
    ----------
    rule : plasticity rule
    results : dict of str to result
        By the name of the experiment: "window", "pairing", "triplets", "poisson_drift", "competition", "protocol".
    refused : dict of str to str
        Why an experiment does not apply to this rule.
    """

    rule: Any
    results: Mapping[str, Any]
    refused: Mapping[str, str]

    def figure(self) -> Figure:
        """The page as a figure."""
        lines = _card_lines(self.rule)
        rows = [[name for name in row if name in self.results or name in self.refused] for row in LAYOUT]
        rows = [row for row in rows if row]
        course = self.results.get("protocol")
        heights = [0.9 + 0.155 * max(len(lines[0]), -(-len(lines[1]) // 2))]
        heights += [course.height if course is not None and "protocol" in row else 3.2 for row in rows]
        figure = canvas.new_figure(9.0, sum(heights))
        panels: Any = figure.subfigures(1 + len(rows), 1, height_ratios=heights, hspace=0.03)
        _draw_card(panels[0], heights[0], self.rule, *lines)
        for panel, names in zip(panels[1:], rows, strict=True):
            for part, name in zip(np.atleast_1d(panel.subfigures(1, len(names))), names, strict=True):
                self._draw(part, name, 0.01 * len(names))
        return figure

    def _draw(self, panel: Any, name: str, margin: float) -> None:
        """One experiment, or why it was not made."""
        axes = panel.add_subplot()
        panel.suptitle(TITLES[name], fontsize=10, color=canvas.DARK, x=margin, ha="left")
        if name in self.results:
            self.results[name].plot(axes)
        else:
            axes.set_axis_off()
            canvas.say(axes, textwrap.fill(self.refused[name], 50))

    def save(self, path: str | Path) -> Path:
        """Write the page: a picture (.png, .pdf, .svg), or one self-contained .html file; return where it is."""
        target = _checked(path)
        if target.suffix.lower() == ".html":
            target.write_text(self.html(), encoding="utf-8")
        else:
            self.figure().savefig(target, dpi=DPI)
        return target

    def html(self) -> str:
        """The page as HTML with the picture inside: nothing is fetched from anywhere."""
        page = io.BytesIO()
        self.figure().savefig(page, format="png", dpi=DPI)
        picture = base64.b64encode(page.getvalue()).decode("ascii")
        said = [repr(one) for one in self.results.values()]
        said += [f"{TITLES[name]}: not measured. {why}" for name, why in self.refused.items()]
        lines = "\n".join(f"<li>{html.escape(one)}</li>" for one in said)
        cards = "\n".join(_card_html(one) for one in parts(self.rule))
        name = html.escape(title_of(self.rule))
        return (
            f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>\n<style>{STYLE}</style></head>\n'
            f'<body><h1>{name}</h1>\n{cards}\n<img alt="experiments on {name}" src="data:image/png;base64,{picture}">\n'
            f"<h2>In numbers</h2>\n<ul>\n{lines}\n</ul></body></html>\n"
        )

    def __repr__(self) -> str:
        lines = [f"Report({title_of(self.rule)}):", *[f"  {one!r}" for one in self.results.values()]]
        return "\n".join([*lines, *[f"  {name}: {why}" for name, why in self.refused.items()]])


#: Experiments in the rows of the page.
LAYOUT = (("window", "pairing"), ("triplets",), ("poisson_drift", "competition"), ("protocol",))
TITLES = {
    "window": "Window: pairs of spikes", "pairing": "Pairing: how often pairs come", "triplets": "Triplets and quadruplets",
    "poisson_drift": "Drift between Poisson trains", "competition": "Competition for one neuron",
    "protocol": "One synapse: five pairs pre-post, five pairs post-pre",
}  # fmt: skip
STYLE = (
    "body{font:15px/1.45 sans-serif;max-width:62em;margin:2em auto;padding:0 1em;color:#1a1a1a}img{max-width:100%}"
    "pre{background:#f4f5f6;padding:.7em;overflow:auto}table{border-collapse:collapse}td{padding:.1em 1em .1em 0;font-family:monospace}"
)


def report(
    rule: Any, path: str | Path | None = None, *, only: Sequence[str] | None = None, seed: int = 0
) -> Report:  # fmt: skip
    """Put a rule through every experiment and write the page.

    Parameters
    ----------
    rule : plasticity rule, or a list of them
    path : str or Path, optional
        Where to write: a .png, .pdf or .svg picture, or a self-contained .html file.  Left out: only measure.
    only : list of str, optional
        Names of the experiments to make; default: all.
    seed : int

    Returns
    -------
    Report
        With the results of the experiments; those that do not apply to the rule are in `refused`, with the reason.

    Raises
    ------
    ParameterError
        No rule, or one that the laboratory has no neuron for; a path of another kind.
    """
    check_rule("report", rule)
    if path is not None:
        _checked(path)  # before anything is measured
    experiments: dict[str, Callable[[], Any]] = {
        "window": lambda: window(rule, seed=seed),
        "pairing": lambda: pairing(rule, seed=seed),
        "triplets": lambda: triplets(rule, seed=seed),
        "poisson_drift": lambda: poisson_drift(rule, (10.0, 20.0), seed=seed),
        "competition": lambda: competition(rule, scale=None if bounds(rule)[1] < np.inf else 2.0, seed=seed),
        "protocol": lambda: _standard_protocol(rule, seed),
    }
    asked = list(experiments) if only is None else list(only)
    for name in asked:
        if name not in experiments:
            raise ParameterError(
                f"report(only): no experiment {name!r}; known: {', '.join(experiments)}.{did_you_mean(name, experiments)}"
            )
    results, refused = {}, {}
    for name in asked:
        try:
            results[name] = experiments[name]()
        except NeurosimError as error:
            refused[name] = str(error)
    if asked and not results:
        raise ParameterError(
            f"report(rule): no experiment works with {title_of(rule)}; the first says: {refused[asked[0]]}"
        )
    found = Report(rule, results, refused)
    if path is not None:
        found.save(path)
    return found


def _checked(path: str | Path) -> Path:
    """A path that can be written to, of a kind that reports have."""
    target = Path(path)
    if target.suffix.lower() not in KINDS:
        raise ParameterError(f"report(path): must end in {', '.join(KINDS)}, got {str(path)!r}; for example 'rule.png'")
    if not target.parent.is_dir():
        raise ParameterError(f"report(path): there is no folder {str(target.parent)!r}; make it first")
    return target


def _standard_protocol(rule: Any, seed: int) -> Any:
    """Five pairs of one order, five of the other, and with a third factor a reward after each five."""
    begins = np.array([50.0, 150.0, 250.0, 350.0, 450.0])
    pre, post = np.concatenate([begins, 710.0 + begins]), np.concatenate([10.0 + begins, 700.0 + begins])
    rewards = [(600.0, 0.005), (1300.0, 0.005)] if third_factor(rule) else []
    return protocol(rule, pre, post, duration=1500.0, rewards=rewards, seed=seed)


def _card_lines(rule: Any) -> tuple[list[str], list[str]]:
    """(what is told and the formulas, parameters) of a rule, line by line."""
    several = parts(rule)
    told = [line for one in several for line in textwrap.wrap(catalogue.summary(one), WIDTH)]
    told += [
        CLASSES.get(word, word) for word in dict.fromkeys(str(getattr(one, "evaluation", "lazy")) for one in several)
    ]
    told += [line for one in several for line in textwrap.wrap(catalogue.references(one), WIDTH)]
    formulas = [line for one in several for line in catalogue.equation(one).splitlines()]
    wrapped = [part for line in formulas for part in textwrap.wrap(line, WIDTH, subsequent_indent=" " * 12) or [""]]
    left = [*told, "", *wrapped]
    right = [f"{name} = {value}" for one in several for name, value in catalogue.parameters(one).items()]
    return _cut(left, 26), _cut([line if len(line) < 25 else line[:22] + "..." for line in right], 40)


def _draw_card(panel: Any, height: float, rule: Any, left: list[str], right: list[str]) -> None:
    """Name, class, formulas and parameters of a rule; `height` of the panel in inches."""
    panel.text(0.02, 1.0 - 0.12 / height, title_of(rule), fontsize=16, fontweight="bold", va="top", color=canvas.INK)
    blank = left.index("")
    style = {"va": "top", "linespacing": 1.3, "fontsize": 7.8}
    top = 1.0 - 0.55 / height
    panel.text(0.02, top, "\n".join(left[:blank]), color=canvas.DARK, **style)
    lower = top - 0.155 * (blank + 0.5) / height
    panel.text(0.02, lower, "\n".join(left[blank + 1 :]), family="monospace", color=canvas.INK, **style)
    half = -(-len(right) // 2)
    for x, column in ((0.66, right[:half]), (0.84, right[half:])):
        panel.text(x, top, "\n".join(column), family="monospace", color=canvas.DARK, **style)


def _cut(lines: list[str], most: int) -> list[str]:
    """At most so many lines."""
    return lines if len(lines) <= most else [*lines[: most - 1], "..."]


def _card_html(rule: Any) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>"
        for name, value in catalogue.parameters(rule).items()
    )
    kind = str(getattr(rule, "evaluation", "lazy"))
    told = [catalogue.summary(rule), CLASSES.get(kind, kind), catalogue.references(rule)]
    said = "".join(f"<p>{html.escape(one)}</p>" for one in told if one)
    return f"{said}<pre>{html.escape(catalogue.equation(rule))}</pre><table>{rows}</table>"
