"""A chat model in whole turns: a customer asks in a terminal, a steward takes over, the doctor looks."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from chat_server import ChatServer, Fails, Hangs, Reply, chat_server, number_of, sentences
from fakes import Hands, ScriptedReader, write_pack

from bot.app import House, open_house
from bot.channels.terminal import Terminal, Typed, customers_screen
from bot.chat_model import teller_of
from bot.considering import Teller
from bot.doctor import Verdict, examine
from bot.knowing import Knowing
from bot.ledger import conversations
from bot.ledger.engine import writing
from bot.messages import Purpose
from bot.pack import Pack, load_pack
from bot.settings import Settings
from bot.terminal.asking import answer_once
from escalation import record

KIT = """\
---
title: Kit list
audience: everyone
caveat: Weights change with the flight.
---
# Personal kit

Your personal kit may weigh up to 1.5 kg, bag included. Kits are handed in by 22 February 2027.
"""
WRITTEN = "Your personal kit may weigh up to 1.5 kg, bag included."
WORDED = "Your kit may weigh up to 1.5 kg, and that includes the bag."
LIE = "Your kit may weigh up to 15 kg."
HEAVY = "How heavy may my personal kit be?"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A pack with a document that says something, and its index."""
    folder = tmp_path_factory.mktemp("worded")
    pack = write_pack(folder / "pack")
    (pack / "documents" / "kit.md").write_text(KIT)
    Knowing(folder / "index").bring_up_to_date(pack / "documents", lambda *_: None)
    return pack, folder / "index"


@pytest.fixture
def pack(ready: tuple[Path, Path]) -> Pack:
    return load_pack(ready[0], today=Hands()().date())


@pytest.fixture
async def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[ChatServer]:
    monkeypatch.setenv("OPENAI_API_KEY", "not-a-key")
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"CONCIERGE_{name.upper()}", raising=False)
    async with chat_server() as running:
        yield running


class Room:
    """A customer's terminal over a house with a model."""

    def __init__(self, house: House, heard: list[str]) -> None:
        self.house = house
        self.heard = heard
        self._typed = Typed("lena", started=house.clock())

    async def types(self, text: str) -> None:
        await self.house.work.receive(self._typed.message(text, at=self.house.clock()))

    async def asks(self, text: str) -> str:
        """All that appears on the screen by it."""
        before = len(self.heard)
        await self.types(text)
        await self.house.work.sweep()
        return "\n".join(self.heard[before:])


@pytest.fixture
def enter(pack: Pack, ready: tuple[Path, Path], server: ChatServer, tmp_path: Path) -> Callable[..., Any]:
    @asynccontextmanager
    async def opened(**settings: Any) -> AsyncIterator[Room]:
        knowing = Knowing(ready[1])
        teller: Teller | None = teller_of(Settings(model="openai:scripted", model_url=server.url, **settings), knowing)
        terminal, heard = Terminal(), []
        async with open_house(
            pack,
            record=f"sqlite+aiosqlite:///{tmp_path / 'record.db'}",
            answerer=knowing,
            reader=ScriptedReader(),
            docket=f"memory://{uuid4().hex}",
            channels=[terminal],
            clock=Hands(),
            teller=teller,
        ) as house:
            terminal.open(
                customers_screen("lena"),
                lambda post: heard.append(post.text) if post.purpose is Purpose.ANSWER else None,
            )
            yield Room(house, heard)

    return opened


async def test_a_customer_is_told_what_the_model_worded_and_the_documents_say(
    enter: Callable[..., Any], server: ChatServer
) -> None:
    """With source and caveat; what the model made up beside it is not told."""
    server.answers = lambda asked: sentences(
        (WORDED, [number_of(asked, "1.5 kg")]), (LIE, [number_of(asked, "1.5 kg")])
    )
    async with enter() as room:
        said = await room.asks(HEAVY)
    assert said.startswith(f"{WORDED}\n— Kit list")
    assert "Please note: Weights change with the flight." in said
    assert "15 kg" not in said


@pytest.mark.parametrize("reply", [Fails(status=429), Fails(status=500), Hangs()], ids=["429", "500", "hangs"])
async def test_with_the_model_away_the_documents_own_sentences_are_sent(
    enter: Callable[..., Any], server: ChatServer, reply: Reply
) -> None:
    """Nobody is called for it, and the customer sees nothing of it."""
    server.always(reply)
    async with enter(model_timeout=0.5) as room:
        said = await room.asks(HEAVY)
    assert said.startswith(WRITTEN)
    assert "Please note: Weights change with the flight." in said
    assert "failed" not in said


async def test_where_a_person_took_over_while_the_model_wrote_nothing_is_said(
    enter: Callable[..., Any], server: ChatServer
) -> None:
    """What was composed meanwhile is not sent: the transaction looks once more who holds the conversation."""
    async with enter() as room:
        await room.asks("asks_for_person")

        async def taken_over_meanwhile(asked: dict[str, Any]) -> Reply:
            async with writing(room.house.engine) as connection:
                (escalation,) = await record.all_open(connection)
                place = await conversations.at(connection, customers_screen("lena"))
                assert place is not None
                now = room.house.clock()
                await conversations.hold(connection, place.id, steward="ines", escalation=escalation.id, now=now)
            return sentences((WORDED, [number_of(asked, "1.5 kg")]))

        server.answers = taken_over_meanwhile
        assert WORDED not in await room.asks(HEAVY)
        assert len(server.answered) == 1


async def test_a_greeting_and_a_worry_go_to_no_model(enter: Callable[..., Any], server: ChatServer) -> None:
    """Nothing is looked up in them, and they concern nobody else."""
    async with enter() as room:
        await room.asks("Hello!")
        await room.asks("I keep waking up at night, anxiety!")
    assert server.requests == []


async def test_the_doctor_says_which_model_it_is_and_what_goes_to_it(
    server: ChatServer, pack: Pack, ready: tuple[Path, Path], tmp_path: Path
) -> None:
    """It asks the model about a sentence of its own, and never prints the key."""
    settings = Settings(
        home=tmp_path / "home", index=ready[1], listen="127.0.0.1:0", model="openai:scripted", model_url=server.url
    )
    server.answers = lambda _: sentences(("The test weight is 2 kg.", [1]))
    finding = await _model_finding(settings, pack)
    assert finding.verdict is Verdict.OK
    assert "openai:scripted" in finding.told
    assert "customers' questions" in finding.told
    assert "go to it" in finding.told
    server.always(Fails(status=401))
    finding = await _model_finding(settings, pack)
    assert finding.verdict is Verdict.WARNING
    assert "documents' own sentences" in finding.told
    assert "1.5 kg" not in json.dumps(server.requests), "no document of the pack is sent for it"
    finding = await _model_finding(settings.model_copy(update={"model": "nowhere:x"}), pack)
    assert finding.verdict is Verdict.FAILED
    assert (await _model_finding(settings.model_copy(update={"model": None}), pack)).verdict is Verdict.SKIPPED


async def _model_finding(settings: Settings, pack: Pack) -> Any:
    found = await examine(settings, pack, now=Hands())
    return next(one for one in found if one.what == "chat model")


async def test_a_single_question_is_answered_sentence_by_sentence(
    server: ChatServer, pack: Pack, ready: tuple[Path, Path], tmp_path: Path
) -> None:
    """The first sentence is said before the model has written the second; sources and caveats follow."""
    first_said = asyncio.Event()
    loop = asyncio.get_running_loop()
    said: list[str] = []

    def say(words: str) -> None:
        said.append(words)
        loop.call_soon_threadsafe(first_said.set)

    server.answers = lambda asked: sentences(
        (WORDED, [number_of(asked, "1.5 kg")]),
        ("Kits are handed in by 22 February 2027.", [number_of(asked, "1.5 kg")]),
        until=first_said,
    )
    index = shutil.copytree(ready[1], tmp_path / "index")
    settings = Settings(home=tmp_path, index=index, model="openai:scripted", model_url=server.url)
    await asyncio.to_thread(partial(answer_once, pack, settings, "lena", HEAVY, Hands()(), say))
    assert said[0] == WORDED
    assert said[1] == "Kits are handed in by 22 February 2027."
    assert said[2].startswith("— Kit list")
    assert said[3] == "\nPlease note: Weights change with the flight."
    assert server.answered[0]["stream"] is True


async def test_the_command_ends_well_with_a_model(server: ChatServer, ready: tuple[Path, Path], tmp_path: Path) -> None:
    """As a process of its own: nothing is left open, nothing else is printed."""
    server.answers = lambda asked: sentences((WORDED, [number_of(asked, "1.5 kg")]))
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("concierge"),
        *("ask", "--as", "lena", "--pack", ready[0], "--at", "2027-03-01T10:00:00Z", HEAVY),
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(tmp_path),
            "OPENAI_API_KEY": "not-a-key",
            "CONCIERGE_HOME": str(tmp_path / "var"),
            "CONCIERGE_MODEL": "openai:scripted",
            "CONCIERGE_MODEL_URL": server.url,
            "PYTHONWARNINGS": "default::ResourceWarning:asyncio",
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 240)
    assert process.returncode == 0, err.decode()
    assert out.decode().startswith(WORDED)
    assert "Traceback" not in err.decode()
    assert "ResourceWarning" not in err.decode()
