"""Plots as light SVG files that can be read on a white page and on a dark one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from benchmarks.retrieval.asking import Result
from benchmarks.retrieval.growing import Cost
from benchmarks.retrieval.measures import Bin

GREY = "#808891"  # 3.6 : 1 on white, 5 : 1 on GitHub's dark page
COLOURS = ("#1f9d6b", "#d97a1e", "#6f7fe0", "#c4589b")  # of one lightness, and apart for most who see few colours
MARKS = ("o", "s", "^", "D")
STYLE: Mapping[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": GREY,
    "axes.labelcolor": GREY,
    "axes.edgecolor": GREY,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "grid.color": GREY,
    "grid.alpha": 0.25,
    "legend.frameon": False,
    "svg.fonttype": "none",  # letters stay letters: a tenth of the size, and they can be searched for
    "svg.hashsalt": "concierge",  # the same figures give the same file
}
SHOWN = (
    ("recall@5", "recall_5"),
    ("nDCG@10", "ndcg_10"),
    ("hit, said", "hit_said"),
    ("AUC outside", "auc_outside"),
    ("AUC near", "auc_near"),
    ("precision @80 %, said", "precision_said_80"),
)


@contextmanager
def drawing(file: Path, panels: int, height: float = 3.2) -> Iterator[tuple[Figure, Sequence[Any]]]:
    """A row of panels that is written to a file at the end, without a background."""
    with mpl.rc_context(dict(STYLE)):
        figure = Figure(figsize=(4.2 * panels, height), layout="constrained")
        axes = figure.subplots(1, panels, squeeze=False)[0]
        yield figure, list(axes)
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        file.write_text("\n".join(line.rstrip() for line in file.read_text().splitlines()) + "\n", encoding="utf-8")


def quality(results: Sequence[Result], file: Path) -> None:
    """A dot for each system and measure, a panel for each data set and view."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(f"{result.data}, {result.view}", []).append(result)
    with drawing(file, len(groups)) as (figure, panels):
        for panel, (title, group) in zip(panels, groups.items(), strict=True):
            _dots(panel, title, group)
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))


def _dots(panel: Any, title: str, group: Sequence[Result]) -> None:
    shown = [one for one in SHOWN if any(getattr(r.figures, one[1]) is not None for r in group)]
    places = range(len(shown))
    panel.hlines(places, 0, 1, color=GREY, alpha=0.2, linewidth=1)
    for colour, mark, result in zip(COLOURS, MARKS, group, strict=False):
        known = [(getattr(result.figures, name), place) for place, (_, name) in enumerate(shown)]
        known = [(value, place) for value, place in known if value is not None]
        panel.scatter(*zip(*known, strict=True), color=colour, marker=mark, label=result.system, s=34, zorder=3)
    panel.set_yticks(places, [name for name, _ in shown])
    panel.invert_yaxis()
    panel.set_xlim(0, 1.02)
    panel.set_title(title)


def growth(found: Sequence[Cost], file: Path) -> None:
    """Time to search, time to answer and memory, each against the number of texts."""
    wanted = {
        "a search, median ms": "search_median",
        "a whole answer, median ms": "answer_median",
        "memory, MB": "resident",
    }
    by_system: dict[str, list[Cost]] = {}
    for cost in found:
        by_system.setdefault(cost.system, []).append(cost)
    with drawing(file, len(wanted)) as (figure, panels):
        for panel, (title, name) in zip(panels, wanted.items(), strict=True):
            _lines(panel, title, name, by_system)
        handles, names = panels[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names))


def _lines(panel: Any, title: str, name: str, by_system: Mapping[str, Sequence[Cost]]) -> None:
    for colour, mark, (system, group) in zip(COLOURS, MARKS, by_system.items(), strict=False):
        x, y = [cost.texts for cost in group], [getattr(cost, name) for cost in group]
        panel.plot(x, y, color=colour, marker=mark, label=system)
    panel.set_ylim(bottom=0)
    panel.set_xlim(left=0)
    sizes = sorted({cost.texts for group in by_system.values() for cost in group})
    panel.set_xticks(sizes, [f"{size / 1000:g}k" for size in sizes])
    panel.set_xlabel("texts")
    panel.set_title(title)
    panel.grid(axis="y")


def reliability(curves: Mapping[str, Sequence[Bin]], file: Path) -> None:
    """How often answers were right against how likely they were said to be; the area of a dot is their number."""
    with drawing(file, 1, height=4.2) as (_, panels):
        panel = panels[0]
        panel.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1)
        for colour, mark, (name, bins) in zip(COLOURS, MARKS, curves.items(), strict=False):
            x, y = [one.predicted for one in bins], [one.right for one in bins]
            most = max((one.count for one in bins), default=1)
            panel.plot(x, y, color=colour, linewidth=1, clip_on=False)
            areas = [12 + 120 * one.count / most for one in bins]
            panel.scatter(x, y, areas, color=colour, marker=mark, label=name, clip_on=False)
        panel.set_xlim(0, 1)
        panel.set_ylim(0, 1)
        panel.set_xlabel("predicted probability")
        panel.set_ylabel("share that was right")
        panel.legend(loc="upper left")
        panel.grid()
