"""`concierge doctor`: what is set up, what is not, and what to do about it. It changes nothing and tells no secret."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot import clock
from bot.clock import Clock
from bot.examining.findings import WITHIN, Finding, Verdict, discreet, skipped
from bot.examining.house import examine_house
from bot.examining.model import examine_model
from bot.examining.slack import examine_slack
from bot.examining.telegram import examine_telegram
from bot.messages import readable
from bot.pack import Pack
from bot.settings import Settings

__all__ = ["Finding", "Verdict", "doctor", "examine"]

_SIGNS = {
    Verdict.OK: ("✓", "green"),
    Verdict.WARNING: ("!", "yellow"),
    Verdict.FAILED: ("✗", "bold red"),
    Verdict.SKIPPED: ("–", "dim"),
}


async def doctor(pack: Pack, settings: Settings) -> bool:
    """Prints what was found; whether nothing failed."""
    findings = await examine(settings, pack, now=clock.now)
    show(findings, Console(highlight=False))
    return all(finding.verdict is not Verdict.FAILED for finding in findings)


async def examine(settings: Settings, pack: Pack, *, now: Clock, within: timedelta = WITHIN) -> tuple[Finding, ...]:
    """Looks at everything that is configured, each thing for at most `within`; one that fails stops no other."""
    house, model, slack, telegram = await asyncio.gather(
        examine_house(settings, pack, within=within),
        examine_model(settings),
        examine_slack(settings, pack, now=now, within=within),
        examine_telegram(settings, pack, now=now, within=within),
    )
    findings = (*house, *model, *slack, *telegram)
    if settings.slack_bot_token is None and settings.telegram_token is None:
        findings += (skipped("clock", "no platform to compare it with", "Set up Slack or Telegram."),)
    secrets = tuple(_secrets(settings))
    return tuple(discreet(finding, secrets) for finding in findings)


def show(findings: Iterable[Finding], console: Console) -> None:
    """A line for each finding, and beneath it what to do."""
    table = Table.grid(padding=(0, 1))
    for _ in range(3):
        table.add_column(overflow="fold")
    for finding in findings:
        sign, style = _SIGNS[finding.verdict]
        told = Text(readable(finding.told), style="dim" if finding.verdict is Verdict.SKIPPED else "")
        if finding.do:
            told.append(f"\n→ {readable(finding.do)}", style="" if finding.verdict is Verdict.FAILED else "dim")
        table.add_row(Text(sign, style=style), Text(readable(finding.what), style="bold"), told)
    console.print(table)


def _secrets(settings: Settings) -> Iterator[str]:
    """Everything that must never be printed: also passwords that stand in addresses."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
    for url in filter(None, (settings.record, settings.docket)):
        password = urlsplit(url).password
        if password:
            yield from {password, unquote(password)}
