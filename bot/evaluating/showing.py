"""An evaluation on a screen: a table of the numbers, the cues one by one, and what did not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from bot.evaluating import tally
from bot.evaluating.scoring import Failure, Verdict

FAILURES_SHOWN = 40
GOT_SHOWN = 100  # characters


def show(console: Console, verdicts: Sequence[Verdict], latencies: Sequence[float]) -> None:
    """Prints everything a person needs to see at once. The console must not read text as markup."""
    console.print(_numbers(verdicts, latencies))
    cues = {name: one for name, one in tally.by_cue(verdicts).items() if one.occurs}
    if cues:
        console.print(_cues(cues))
    failures = [line(verdict, one) for verdict in verdicts for one in verdict.failures]
    for failure in failures[:FAILURES_SHOWN]:
        console.print(failure, soft_wrap=True)
    if len(failures) > FAILURES_SHOWN:
        console.print(f"and {len(failures) - FAILURES_SHOWN} more; --json has all")
    hold = sum(not verdict.failures for verdict in verdicts)
    console.print(f"{hold} of {len(verdicts)} cases hold.")


def line(verdict: Verdict, failure: Failure) -> str:
    """A failure in one line, with the place of its case in the file."""
    got = " ".join(failure.got.split())
    got = got if len(got) <= GOT_SHOWN else f"{got[: GOT_SHOWN - 1]}…"
    return f"case {failure.case} (line {verdict.line}): {failure.why}; got: {got}"


def _numbers(verdicts: Sequence[Verdict], latencies: Sequence[float]) -> Table:
    table = Table(title="Evaluation", title_justify="left", show_header=False)
    table.add_column()
    table.add_column()
    table.add_column(justify="right")
    _section(table, "answers", tally.answers(verdicts))
    _section(table, "cues", {k: v for k, v in tally.cues(verdicts).items() if k != "by_cue"})
    _section(table, "escalations", tally.escalations(verdicts))
    spread = {f"p{p}": f"{tally.percentile(latencies, p):.0f} ms" for p in (50, 99)}
    _section(table, "a whole turn", spread)
    return table


def _section(table: Table, name: str, values: Mapping[str, object]) -> None:
    for number, (key, value) in enumerate(values.items(), 1):
        shown = f"{value:.3f}" if isinstance(value, float) else str(value)
        table.add_row(name if number == 1 else "", key.replace("_", " "), shown, end_section=number == len(values))


def _cues(counted: Mapping[str, tally.Counts]) -> Table:
    table = Table(title="Cues", title_justify="left")
    table.add_column("cue")
    for heading in ("right", "too many", "not seen", "F1"):
        table.add_column(heading, justify="right")
    for name, one in counted.items():
        table.add_row(name, str(one.tp), str(one.fp), str(one.fn), f"{one.f1:.2f}")
    return table
