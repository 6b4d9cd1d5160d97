"""Results as tables: for the terminal, and as Markdown for the docs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.table import Table

from benchmarks.retrieval.asking import Figures, Result
from benchmarks.retrieval.growing import Cost


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """A table as text; `best` names the cells that are the best of their column, by row and column."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    best: frozenset[tuple[int, int]] = frozenset()

    def rich(self) -> Table:
        """For the terminal."""
        table = Table(title=self.title, title_justify="left")
        for number, name in enumerate(self.head):
            table.add_column(name, justify="right" if number else "left")
        for row, cells in enumerate(self.rows):
            table.add_row(*(f"[bold]{c}[/]" if (row, at) in self.best else c for at, c in enumerate(cells)))
        return table

    def markdown(self) -> str:
        """For a page."""
        rule = ["---", *("---:" for _ in self.head[1:])]
        rows = [
            [f"**{c}**" if (row, at) in self.best else c for at, c in enumerate(cells)]
            for row, cells in enumerate(self.rows)
        ]
        lines = [f"| {' | '.join(cells)} |" for cells in ([*self.head], rule, *rows)]
        return "\n".join([f"**{self.title}**", "", *lines])


_MEASURES: tuple[tuple[str, str, int], ...] = (  # heading, figure, +1 the more the better, -1 the less
    ("recall@5", "recall_5", 1),
    ("MRR", "mrr", 1),
    ("nDCG@10", "ndcg_10", 1),
    ("hit, passage", "hit_passage", 1),
    ("hit, said", "hit_said", 1),
    ("characters said", "said_characters", 0),
    ("AUC outside", "auc_outside", 1),
    ("AUC near", "auc_near", 1),
    ("false outside @90 %", "false_outside_90", -1),
    ("false near @90 %", "false_near_90", -1),
    ("precision @80 %, passage", "precision_passage_80", 1),
    ("precision @80 %, said", "precision_said_80", 1),
)


def quality(results: Sequence[Result]) -> list[Grid]:
    """One table for each data set and view, a line a measure; measures that the data does not ask for are left out."""
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.data, result.view), []).append(result)
    return [_quality(f"{data}, {view}", group) for (data, view), group in groups.items()]


def _quality(name: str, group: Sequence[Result]) -> Grid:
    measures = [m for m in _MEASURES if any(getattr(one.figures, m[1]) is not None for one in group)]
    rows = tuple((heading, *(_figure(one.figures, figure) for one in group)) for heading, figure, _ in measures)
    best = frozenset(
        (row, at)
        for row, (_, figure, sign) in enumerate(measures)
        if sign
        for at in _best([getattr(one.figures, figure) for one in group], sign)
    )
    kinds = zip(("answerable", "near", "outside"), group[0].asked, strict=True)
    asked = ", ".join(f"{many} {kind}" for kind, many in kinds if many)
    return Grid(title=f"{name} ({asked})", head=("", *(one.system for one in group)), rows=rows, best=best)


def _figure(figures: Figures, name: str) -> str:
    value: float | None = getattr(figures, name)
    if value is None:
        return "–"
    return f"{value:.0f}" if name == "said_characters" else f"{value:.3f}".removeprefix("0")


def _best(values: Sequence[float | None], sign: int) -> Iterable[int]:
    """Columns of the best values, of which a tie has several; the first column is the names'."""
    known = [round(value, 3) * sign for value in values if value is not None]
    return [at for at, value in enumerate(values, 1) if value is not None and round(value, 3) * sign == max(known)]


def growth(found: Sequence[Cost]) -> Grid:
    """Time and memory, a line for each system and size."""
    rows = tuple(
        (
            one.system,
            f"{one.texts:,}",
            f"{one.search_median:.1f}",
            f"{one.search_p99:.1f}",
            f"{one.answer_median:.1f}",
            f"{one.answer_p99:.1f}",
            f"{one.resident:.0f}",
            f"{one.build:.1f}",
            f"{one.disk:.0f}",
        )
        for one in sorted(found, key=lambda cost: (cost.texts, cost.system != "this search"))
    )
    head = (
        "", "texts", "search ms", "p99", "answer ms", "p99", "memory MB", "build s", "disk MB"
    )  # fmt: skip
    return Grid(title="Time and memory", head=head, rows=rows)
