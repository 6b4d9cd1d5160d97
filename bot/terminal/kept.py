"""Answers of stewards that were proposed as documents, and what became of them, as lines or as JSON."""

from __future__ import annotations

import json
import sys

from bot.app import open_record
from bot.growing import document
from bot.growing.publishing import DOCUMENTS
from bot.ledger import kept
from bot.ledger.engine import reading
from bot.ledger.kept import Kept, State
from bot.pack import Pack
from bot.settings import Settings
from bot.terminal.screen import console, plain


async def print_kept(pack: Pack, settings: Settings, *, as_json: bool) -> None:
    """Prints each, in the order in which they were proposed."""
    async with open_record(settings.record_url(pack.provider)) as engine, reading(engine) as connection:
        found = await kept.every(connection)
    if as_json:
        for one in found:
            sys.stdout.write(json.dumps(_row(pack, one), ensure_ascii=False) + "\n")
        return
    screen = console()
    for one in found:
        screen.print(plain(f"{one.id}  {one.state}  “{one.draft.title}”, for {one.draft.audience}"), style="bold")
        screen.print(plain(f"    {one.draft.question}\n    {one.draft.answer}"))
        screen.print(plain(f"    {_story(pack, one)}"))
    if not found:
        screen.print(plain("No steward has proposed to keep an answer."))


def _story(pack: Pack, one: Kept) -> str:
    """Who did what, when; and whether the file is there."""
    steps = [
        f"answered by {_name(pack, one.draft.answered_by)} {one.draft.answered_at:%Y-%m-%d}"
        f" (escalation {one.draft.escalation})",
        f"proposed by {_name(pack, one.proposed_by)} {one.proposed_at:%Y-%m-%d}",
    ]
    if one.decided_by and one.decided_at:
        decided = State.DECLINED if one.state is State.DECLINED else State.APPROVED
        steps.append(f"{decided} by {_name(pack, one.decided_by)} {one.decided_at:%Y-%m-%d}")
    if one.withdrawn_by and one.withdrawn_at:
        steps.append(f"withdrawn by {_name(pack, one.withdrawn_by)} {one.withdrawn_at:%Y-%m-%d}")
    if one.why:
        steps.append(one.why)
    if one.state is State.APPROVED and not _path(pack, one):
        steps.append("NOT among the documents: `concierge ingest` writes it, or says why it cannot")
    return "; ".join(steps)


def _path(pack: Pack, one: Kept) -> str | None:
    """Its file under the pack, where it is there."""
    path = pack.folder / DOCUMENTS / document.FOLDER / document.file_name(one)
    return path.relative_to(pack.folder).as_posix() if path.is_file() else None


def _name(pack: Pack, steward: str) -> str:
    known = pack.stewards.get(steward)
    return known.name if known else steward


def _row(pack: Pack, one: Kept) -> dict[str, object]:
    return {
        "number": one.id,
        "state": one.state.value,
        "title": one.draft.title,
        "audience": one.draft.audience,
        "question": one.draft.question,
        "answer": one.draft.answer,
        "answered_by": one.draft.answered_by,
        "answered_at": one.draft.answered_at.isoformat(),
        "escalation": one.draft.escalation,
        "proposed_by": one.proposed_by,
        "proposed_at": one.proposed_at.isoformat(),
        "decided_by": one.decided_by,
        "decided_at": one.decided_at.isoformat() if one.decided_at else None,
        "withdrawn_by": one.withdrawn_by,
        "withdrawn_at": one.withdrawn_at.isoformat() if one.withdrawn_at else None,
        "why": one.why or None,
        "file": _path(pack, one),
    }
