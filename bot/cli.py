"""The command line: one small function a command. Heavy imports wait until a command needs them."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.clock import Clock, now, starting_at
from bot.errors import BotError, PackError
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.pack import Pack

app = typer.Typer(
    name="concierge",
    help="A concierge for people who fly to space.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

PackDir = Annotated[
    Path | None,
    typer.Option("--pack", help="The mission pack's folder; by default CONCIERGE_PACK, or examples/meridian."),
]
Since = Annotated[
    str | None, typer.Option("--since", help="A moment (2027-03-01T00:00:00Z), a day, or an age (72h, 30d).")
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
At = Annotated[str | None, typer.Option("--at", help="Rehearse at this moment, e.g. 2027-03-01T21:00:00Z.")]


def main() -> None:
    """Runs a command; what a person can mend is told in a few lines, with exit status 2."""
    from escalation import EscalationError
    from knowledge.errors import KnowledgeError

    os.environ.setdefault("PTB_TIMEDELTA", "true")  # python-telegram-bot warns about each span of time without it
    try:
        app()
    except PackError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except (BotError, EscalationError, KnowledgeError) as error:
        print(f"concierge: {error}", file=sys.stderr)
        sys.exit(2)


@app.command()
def check(pack: PackDir = None) -> None:
    """Loads a pack and says what is in it, or everything that is wrong with it."""
    found = _pack(_settings(pack), now())
    print(
        f"{found.folder}: {len(found.flights)} flights, {len(found.missions)} missions, "
        f"{len(found.customers)} customers, {len(found.stewards)} stewards, {len(found.rooms)} rooms, "
        f"{len(found.documents)} documents, {len(found.policy.rules)} rules"
    )
    for warning in found.warnings:
        print(f"warning: {warning}")


@app.command()
def ingest(
    pack: PackDir = None,
    watch: Annotated[bool, typer.Option("--watch", help="Stay, and read again whenever documents change.")] = False,
) -> None:
    """Reads the pack's documents into the index; only what changed."""
    from bot.terminal.ingesting import ingest_all

    settings = _settings(pack)
    found = _pack(settings, now())
    if watch:
        from bot.knowing import knowing_of
        from bot.terminal.watching import keep_ingesting

        knowing = knowing_of(settings, found.provider)  # its model is loaded once
        keep_ingesting(found.folder, lambda: ingest_all(_pack(settings, now()), settings, knowing=knowing))
    elif not ingest_all(found, settings):
        raise typer.Exit(1)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="What to ask.")],
    as_: Annotated[str, typer.Option("--as", help="A customer or steward of the pack.")],
    pack: PackDir = None,
    at: At = None,
) -> None:
    """Answers one question from the documents that a person may see. Nothing is recorded."""
    from bot.terminal.asking import answer_once

    settings = _settings(pack)
    clock = _clock(at)
    found = _pack(settings, clock())
    answer_once(found, settings, _known(found, as_), question, clock(), print)


@app.command()
def chat(
    as_: Annotated[str, typer.Option("--as", help="The customer who writes.")],
    pack: PackDir = None,
    at: At = None,
) -> None:
    """A conversation in the terminal. Another terminal with `concierge desk` is the steward."""
    from bot.terminal.chat import chat as run

    settings = _settings(pack)
    clock = _clock(at)
    found = _pack(settings, clock())
    asyncio.run(run(found, settings, _known(found, as_, "customer"), clock))


@app.command()
def desk(
    as_: Annotated[str, typer.Option("--as", help="The steward who works.")],
    pack: PackDir = None,
    at: At = None,
) -> None:
    """A steward's desk in the terminal: open escalations, dossiers, acknowledge, reply, hand over, resolve."""
    from bot.terminal.desk import desk as run

    settings = _settings(pack)
    clock = _clock(at)
    found = _pack(settings, clock())
    asyncio.run(run(found, settings, _known(found, as_, "steward"), clock))


@app.command()
def run(pack: PackDir = None) -> None:
    """Hears Slack and Telegram and answers there, until it is told to end. What is set up is in `.env`."""
    from bot.connections import settled_upon
    from bot.knowing import knowing_of
    from bot.serving import run as serve
    from bot.terminal.ingesting import bring_up_to_date

    settings = _settings(pack)
    settled_upon(settings)
    found = _pack(settings, now())
    bring_up_to_date(found, settings.index_folder(found.provider), knowing=knowing_of(settings, found.provider))
    asyncio.run(serve(found, settings, now))


@app.command()
def doctor(pack: PackDir = None) -> None:
    """Looks whether everything is set up, and says what to do where it is not. Exit status 1 where something fails."""
    from bot.doctor import doctor as examine

    settings = _settings(pack)
    if not asyncio.run(examine(_pack(settings, now()), settings)):
        raise typer.Exit(1)


@app.command()
def invite(
    customer: Annotated[str, typer.Argument(help="The customer of the pack who is invited.")],
    days: Annotated[int, typer.Option("--days", help="How long the invitation holds.", min=1, max=90)] = 7,
    pack: PackDir = None,
) -> None:
    """Makes a single-use invitation: whoever sends its code to the concierge is that customer from then on."""
    from bot.inviting import invitation

    settings = _settings(pack)
    found = _pack(settings, now())
    print(asyncio.run(invitation(found, settings, _known(found, customer, "customer"), now(), timedelta(days=days))))


@app.command()
def gaps(
    since: Since = None,
    everything: Annotated[bool, typer.Option("--all", help="Those that are closed by now, too.")] = False,
    as_json: Json = False,
    pack: PackDir = None,
    at: At = None,
) -> None:
    """The questions that the documents do not answer, or not well: how often, by whom, and what comes nearest."""
    from bot.terminal.gaps import print_gaps

    settings, moment = _settings(pack), _clock(at)()
    found = _pack(settings, moment)
    asyncio.run(print_gaps(found, settings, _since(since), moment, everything=everything, as_json=as_json))


@app.command()
def kept(as_json: Json = False, pack: PackDir = None) -> None:
    """The answers of stewards that were proposed as documents: those that wait, were approved, declined, withdrawn."""
    from bot.terminal.kept import print_kept

    settings = _settings(pack)
    asyncio.run(print_kept(_pack(settings, now()), settings, as_json=as_json))


@app.command()
def outdated(
    since: Since = None,
    as_json: Json = False,
    tell: Annotated[bool, typer.Option("--tell", help="Tell those customers what the documents say now.")] = False,
    as_: Annotated[str | None, typer.Option("--as", help="The steward who has them told.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before telling.")] = False,
    pack: PackDir = None,
    at: At = None,
) -> None:
    """Who was given an answer from a document that has since been replaced, changed or withdrawn; and telling them."""
    from bot.terminal import outdated as telling

    settings, moment = _settings(pack), _clock(at)()
    found = _pack(settings, moment)
    if not tell:
        asyncio.run(telling.print_outdated(found, settings, _since(since), moment, as_json=as_json))
        return
    if as_ is None or as_json:
        raise BotError("--tell needs --as STEWARD, and prints no JSON.")
    steward = _known(found, as_, "steward")
    asyncio.run(telling.tell(found, settings, steward, _since(since), moment, confirmed=yes))


@app.command()
def cues(
    customer: Annotated[str | None, typer.Option("--customer", help="Only this customer's.")] = None,
    since: Since = None,
    as_json: Json = False,
    pack: PackDir = None,
) -> None:
    """The log of cues: when, who, what, how strongly, the words that carried it, and the reader that saw it."""
    from bot.terminal.cue_log import print_log

    settings = _settings(pack)
    found = _pack(settings, now())
    if customer is not None:
        _known(found, customer, "customer")
    asyncio.run(print_log(found, settings, customer, _since(since), as_json=as_json))


@app.command()
def evaluate(
    pack: PackDir = None,
    cases: Annotated[
        Path | None, typer.Option("--cases", help="A file of cases (default: the pack's cases.yaml).")
    ] = None,
    at: At = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="Write the whole result there.")] = None,
) -> None:
    """Runs a pack's cases through real turns and says what was right. Exit status 1 where a case does not hold."""
    from bot.evaluate import run

    settings = _settings(pack)
    moment = _moment(at) if at else None
    found = _pack(settings, moment or now())
    if not asyncio.run(run(found, settings, cases or found.folder / "cases.yaml", moment, json_out)):
        raise typer.Exit(1)


@app.command()
def demo(
    pack: PackDir = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="Draw the scene into this SVG file.")] = None,
) -> None:
    """Plays a scene with both sides visible, then hands over the keyboard."""
    from bot.terminal.demo import play

    asyncio.run(play(_settings(pack), picture))


# ── what every command needs ─────────────────────────────────────────────────────────────────────────────────────────


def _settings(pack: Path | None) -> Settings:
    from pydantic import ValidationError

    try:
        return Settings(pack=pack) if pack is not None else Settings()
    except ValidationError as error:  # its own words have in them what was set
        wrong = "; ".join(f"CONCIERGE_{str(one['loc'][0]).upper()}: {one['msg']}" for one in error.errors())
        raise BotError(f"A setting cannot be used: {wrong}. .env.example says what each one means.") from None


def _pack(settings: Settings, at: datetime) -> Pack:
    from bot.pack import load_pack

    return load_pack(settings.pack, today=at.date())


def _clock(at: str | None) -> Clock:
    return starting_at(_moment(at)) if at else now


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BotError(f"{text!r} is not a moment; write it as 2027-03-01T21:00:00Z.") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _since(text: str | None) -> datetime | None:
    age = re.fullmatch(r"(\d{1,5})([mhd])", text or "")
    if age is not None:
        return (
            now() - int(age[1]) * {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}[age[2]]
        )
    return _moment(text) if text else None


def _known(pack: Pack, person: str, kind: str = "person") -> str:
    among = {
        "customer": list(pack.customers),
        "steward": list(pack.stewards),
        "person": [*pack.customers, *pack.stewards],
    }[kind]
    if person not in among:
        raise BotError(f"The pack knows no {kind} {person!r}. It knows: {', '.join(sorted(among))}.")
    return person
