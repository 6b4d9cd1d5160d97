"""What is known grows: gaps, answers of stewards that become documents, and answers that are outdated."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from fakes import MONDAY, Hands, Recorder, ScriptedAnswerer, ScriptedReader, found, write_pack
from numpy.typing import NDArray
from scenes import LENA, ROOM, WALTER, Scene, desk, until

from bot.app import at_work, furnished, open_record
from bot.desk.terminal import TerminalDesk
from bot.desks import Desk, Shape
from bot.growing.gaps import ANSWERED_SINCE, Gap, Gaps
from bot.growing.outdated import Became
from bot.growing.publishing import Publisher, restore
from bot.growing.retelling import Concerned, Retelling, Whether
from bot.knowing import Knowing
from bot.ledger import kept
from bot.ledger.engine import reading, writing
from bot.ledger.kept import Kept, State
from bot.messages import Act, Address, Identity, Inbound, Kind, Pressed
from bot.pack import Pack, load_pack
from knowledge.answer import Abstention, Answer, Citation
from knowledge.errors import KnowledgeError
from knowledge.metadata import DocumentMeta
from knowledge.passages import Passage

TOGETHER = Address(channel="telegram", room="-300")
ASKED = "How many batteries may I bring?"


@dataclass(kw_only=True, slots=True)
class House(Scene):
    """A scene over a pack of its own; `ingested` counts how often its documents were read."""

    pack: Pack
    ingested: list[int] = field(default_factory=list)

    def at(self, steward: str) -> TerminalDesk:
        house = self.house
        return TerminalDesk(self.pack, house.engine, house.casework, steward, self.clock, house.keeping)

    async def answered(self, said: str = "Two per camera, in your hand luggage.") -> None:
        """Lena asks, is not answered, wants a person, and Ines writes to her."""
        await self.says(ASKED)
        await self.says("I want asks_for_person now.")
        assert (await self.at("ines").hear(f"reply 1 {said}")).startswith("Sent.")
        await self.settle()

    async def kept(self) -> tuple[Kept, ...]:
        async with reading(self.house.engine) as connection:
            return await kept.every(connection)

    def files(self) -> dict[str, str]:
        folder = self.pack.folder / "documents" / "kept"
        return {path.name: path.read_text() for path in folder.glob("*")} if folder.is_dir() else {}


@asynccontextmanager
async def opened(url: str, folder: Path, sits: Mapping[str, Desk] | None = None) -> AsyncIterator[House]:
    pack = load_pack(write_pack(folder), today=MONDAY.date())
    clock, channel, reader, answerer = Hands(), Recorder(), ScriptedReader(), ScriptedAnswerer()
    ingested: list[int] = []
    async with (
        open_record(url) as engine,
        furnished(
            pack,
            engine,
            answerer=answerer,
            reader=reader,
            docket=f"memory://{uuid4().hex}",
            channels=[channel],
            clock=clock,
            desk_of=lambda steward: (sits[steward] if sits else Desk(address=desk(steward)),),
            ingest=lambda: ingested.append(1),
        ) as house,
    ):
        yield House(
            house=house,
            clock=clock,
            reader=reader,
            answerer=answerer,
            channel=channel,
            numbers=count(1),
            pack=pack,
            ingested=ingested,
        )


@pytest.fixture
async def house(record_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """A house whose stewards have terminals."""
    async with opened(record_url, tmp_path / "pack") as one:
        yield one


# ── kept answers ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_becomes_a_document_once_a_second_steward_approves(house: House) -> None:
    """Proposed with question and answer from the conversation; shown word for word; written, and read."""
    await house.answered()
    told = await house.at("ines").hear('keep 1 "Camera batteries" for flight:aurora-2')
    for part in ("Camera batteries", ASKED, "Two per camera", "flight:aurora-2"):
        assert part in told
    await house.settle()
    assert "Ines Prado proposes to keep this" in house.heard(desk("amara"))[-1]
    assert "Two per camera" in await house.at("amara").hear("proposals")
    assert house.files() == {}
    assert (await house.at("amara").hear("approve 1")).startswith("Approved.")
    await house.house.publisher.publish()
    (name, text), *others = house.files().items()
    assert (name, others) == ("0001-camera-batteries.md", [])
    assert "audience:\n- flight:aurora-2" in text
    assert text.endswith("approved by Amara Okafor on 01 March 2027.\n")
    assert "Lena" not in text
    assert house.ingested == [1]
    await house.settle()
    assert "Amara Okafor has approved" in house.heard(desk("ines"))[-1]


async def test_the_default_audience_is_the_customers_mission(house: House) -> None:
    """Nobody else reads it unless a steward says so."""
    await house.answered()
    assert "to be read by mission:portrait" in await house.at("ines").hear('keep 1 "Batteries"')


async def test_question_and_answer_can_be_written_anew(house: House) -> None:
    """What was said to one person is seldom what should stand in a document."""
    await house.answered("Dear Lena, two.")
    assert "“Lena”" in await house.at("ines").hear('keep 1 "Batteries"')
    assert await house.kept() == ()
    told = await house.at("ines").hear('keep 1 "Batteries": Q: How many batteries? A: Two per camera.')
    assert "How many batteries?\n\nTwo per camera." in told


async def test_nobody_approves_their_own_and_both_decisions_are_logged(house: House) -> None:
    """Who proposed, who decided, and when."""
    await house.answered()
    ines, amara = house.at("ines"), house.at("amara")
    await ines.hear('keep 1 "Batteries"')
    assert "second steward" in await ines.hear("approve 1")
    later = house.clock.forward(hours=1)
    assert "declined" in await amara.hear("reject 1 it is in the handbook")
    (one,) = await house.kept()
    assert (one.state, one.proposed_by, one.proposed_at) == (State.DECLINED, "ines", later - timedelta(hours=1))
    assert (one.decided_by, one.decided_at, one.why) == ("amara", later, "it is in the handbook")
    assert "declined already, by Amara Okafor" in await house.at("ruth").hear("approve 1")
    await house.house.publisher.publish()
    assert house.files() == {}


async def test_a_steward_of_other_missions_neither_sees_nor_decides_it(house: House) -> None:
    """Marc does not look after Lena: to him there is no such proposal, nor such an escalation."""
    await house.answered()
    await house.at("ines").hear('keep 1 "Batteries"')
    marc = house.at("marc")
    assert "There is no proposal 1" in await marc.hear("approve 1")
    assert await marc.hear("proposals") == "No proposal waits for a decision."
    assert "There is no escalation 1" in await marc.hear('keep 1 "Mine"')


async def test_there_must_be_an_answer_to_keep(house: House) -> None:
    """Before anybody has written, there is none."""
    await house.says("asks_for_person")
    assert "there is nothing to keep" in await house.at("ines").hear('keep 1 "Batteries"')


async def test_of_two_who_decide_at_once_one_does(house: House) -> None:
    """One approves while another declines: one is told that it is decided, and the record says one thing."""
    for number in range(1, 6):
        async with writing(house.house.engine) as connection:
            await kept.propose(connection, _draft(), by="ines", now=house.clock())
        told = await asyncio.gather(
            house.at("amara").hear(f"approve {number}"), house.at("ruth").hear(f"reject {number} no")
        )
        done = [one for one in told if one.startswith("Approved") or "Nothing is published" in one]
        assert len(done) == 1
        one = (await house.kept())[-1]
        assert one.decided_by == ("amara" if one.state is State.APPROVED else "ruth")


async def test_two_approvals_in_one_instant_publish_once(record_url: str, tmp_path: Path) -> None:
    """Two processes, two records open on one database: the row's state lets one through."""
    async with opened(record_url, tmp_path / "pack") as one, open_record(record_url) as other:
        async with writing(one.house.engine) as connection:
            number = await kept.propose(connection, _draft(), by="ines", now=MONDAY)

        async def approve(engine: object, by: str) -> bool:
            async with writing(engine) as connection:  # type: ignore[arg-type]
                return await kept.decide(connection, number, approve=True, by=by, now=MONDAY)

        done = await asyncio.gather(approve(one.house.engine, "amara"), approve(other, "ruth"))
        assert sorted(done) == [False, True]


def _draft() -> kept.Draft:
    return kept.Draft(
        title="Batteries",
        question=ASKED,
        answer="Two per camera.",
        audience="flight:aurora-2",
        answered_by="ines",
        answered_at=MONDAY,
        escalation=1,
        asked=None,
        customer="lena",
    )


async def _decided(house: House) -> int:
    async with writing(house.house.engine) as connection:
        number = await kept.propose(connection, _draft(), by="ines", now=MONDAY)
        await kept.decide(connection, number, approve=True, by="amara", now=MONDAY)
    return number


async def _approved(house: House) -> str:
    number = await _decided(house)
    await house.house.publisher.publish()
    return f"{number:04}-batteries.md"


async def test_the_record_is_the_truth(house: House) -> None:
    """A file that vanished or was changed is written again; without a change nothing is written or read."""
    name = await _approved(house)
    path = house.pack.folder / "documents" / "kept" / name
    whole = path.read_text()
    path.unlink()
    assert (await house.house.publisher.publish()).written == (f"kept/{name}",)
    path.write_text(whole.replace("Two", "Ten"))
    assert (await house.house.publisher.publish()).written == (f"kept/{name}",)
    assert path.read_text() == whole
    assert not (await house.house.publisher.publish()).changed
    assert len(house.ingested) == 3


async def test_what_could_not_be_read_is_read_the_next_time(house: House) -> None:
    """The file is there, but some other document is broken: the index is brought up to date once it is mended."""
    publisher = house.house.publisher
    broken = Publisher(house.pack, house.house.engine, _Breaks(house.ingested))
    await _decided(house)
    with pytest.raises(KnowledgeError):
        await broken.publish()
    assert house.files()
    assert house.ingested == []
    await broken.publish()
    await broken.publish()
    assert house.ingested == [1]
    assert not (await publisher.publish()).changed


class _Breaks:
    """Brings nothing up to date the first time."""

    def __init__(self, ingested: list[int]) -> None:
        self._ingested = ingested
        self._tried = False

    def __call__(self) -> None:
        if not self._tried:
            self._tried = True
            raise KnowledgeError("handbook.md has a mistake")
        self._ingested.append(1)


async def test_what_is_withdrawn_is_taken_away(house: House) -> None:
    """By a steward of its readers, with a reason; other files beside it stay."""
    name = await _approved(house)
    beside = house.pack.folder / "documents" / "kept" / "by-hand.md"
    beside.write_text("---\naudience: everyone\n---\nOurs.")
    assert "is withdrawn" in await house.at("ruth").hear("withdraw 1 the rule has changed")
    assert name not in house.files()
    assert list(house.files()) == ["by-hand.md"]
    (one,) = await house.kept()
    assert (one.state, one.withdrawn_by, one.why) == (State.WITHDRAWN, "ruth", "the rule has changed")


async def test_a_folder_that_cannot_be_written_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The approval stands; whoever gave it reads why nothing is published, and so does whoever runs it."""
    await house.answered()
    await house.at("ines").hear('keep 1 "Batteries"')
    (house.pack.folder / "documents" / "kept").write_text("a file where a folder should be")
    monkeypatch.setattr("bot.growing.publishing.os.access", lambda *_: False)
    assert "not among the documents yet" in await house.at("amara").hear("approve 1")
    done = await house.house.publisher.publish()
    assert done.written == ()
    assert "cannot be written" in done.troubles[0]
    (house.pack.folder / "documents" / "kept").unlink()
    assert (await house.house.publisher.publish()).written


async def test_what_is_for_nobody_any_more_is_not_written(house: House) -> None:
    """A mission that left the pack: its file would keep the whole pack from loading."""
    name = await _approved(house)
    (house.pack.folder / "documents" / "kept" / name).unlink()
    pack = replace(house.pack, flights={}, missions={})
    done = await asyncio.to_thread(restore, pack, await house.kept())
    assert done.written == ()
    assert "flight:aurora-2" in done.troubles[0]


async def test_approved_answers_are_published_while_the_house_is_at_work(house: House) -> None:
    """What another process approved before, and at once what is decided in this one."""

    async def there(files: int) -> bool:
        return len(house.files()) == len(house.ingested) == files

    await _decided(house)
    async with at_work(house.house):
        await until(lambda: there(1), "the first document")
        await _decided(house)
        house.house.keeping.soon()
        await until(lambda: there(2), "the second document")


# ── at a desk in a chat app ──────────────────────────────────────────────────────────────────────────────────────────


async def _writes(house: House, steward: str, text: str, *, thread: str, answers: str = "") -> None:
    number = next(house.numbers)
    inbound = Inbound(
        event_key=f"event:{number}",
        message_key=f"message:{number}",
        address=TOGETHER,
        sender=Identity(channel="telegram", user=steward),
        text=text,
        sent_at=house.clock(),
        order=f"{number:08d}",
        direct=False,
        ref=f"line:{number}",
        thread=thread,
        answers=answers,
    )
    assert await house.house.work.receive(inbound)
    await house.settle()


async def test_under_a_card_in_a_chat_app(record_url: str, tmp_path: Path) -> None:
    """//keep under the card, //approve by somebody else there; the line that is answered is the one that is kept."""
    shared = Desk(address=TOGETHER, shape=Shape.THREAD, direct=False)
    sits = dict.fromkeys(("ines", "amara", "ruth", "rosa", "marc"), shared)
    async with opened(record_url, tmp_path / "pack", sits) as house:
        for steward, user in (("ines", "2001"), ("amara", "2002")):
            known = replace(house.pack.stewards[steward], identities=(Identity(channel="telegram", user=user),))
            house.pack.stewards[steward] = known  # type: ignore[index]
        await house.says(ASKED)
        await house.says("asks_for_person")
        (card,) = (post for post in house.channel.posts(TOGETHER) if post.card is not None and post.act is Act.SAY)
        thread = f"telegram:{card.id}"
        await _writes(house, "2001", "Two per camera.", thread=thread)
        await _writes(house, "2001", "And have a good night.", thread=thread)
        first = next(post for post in house.channel.sent if post.act is Act.REACT).target
        await _writes(house, "2001", '//keep "Batteries" for flight:aurora-2', thread=thread, answers=first)
        said = house.channel.at(TOGETHER)
        assert sum("Proposal 1, to be read by flight:aurora-2" in text for text in said) == 1
        await _writes(house, "2001", "//approve 1", thread=thread)
        assert "second steward" in house.channel.at(TOGETHER)[-1]
        await _writes(house, "2002", "//approve 1", thread=thread)
        assert house.channel.at(TOGETHER)[-1].startswith("Approved.")
        (one,) = await house.kept()
        assert (one.draft.answer, one.draft.question, one.decided_by) == ("Two per camera.", ASKED, "amara")
        assert not any("Proposal" in text or "keep" in text for text in house.heard(LENA))


# ── gaps ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def by_words(texts: Sequence[str]) -> NDArray[np.float32]:
    """Vectors in which only equal texts, and those about batteries, are near each other."""
    kinds = list(dict.fromkeys("battery" if "batter" in text else text for text in texts))
    rows = [kinds.index("battery" if "batter" in text else text) for text in texts]
    return np.eye(len(kinds), dtype=np.float32)[rows]


async def gaps(house: House, **more: object) -> tuple[Gap, ...]:
    one = Gaps(house.pack, house.house.engine, house.answerer, by_words)
    return await one.found(house.clock(), since=more.get("since"))  # type: ignore[arg-type]


NEAR = Citation(document="handbook", title="Handbook", anchor="Cameras", passage="handbook#2-11111111")


async def test_a_question_that_went_unanswered_is_a_gap_with_what_came_nearest(house: House) -> None:
    """Who asked, how often, why, and where something close stands; the most frequent first."""
    house.answerer.answers = {}
    answer = house.answerer.answer
    house.answerer.answer = lambda *args, **more: replace(answer(*args, **more), nearest=(NEAR,))  # type: ignore
    await house.says("Is there wine on board?")
    house.clock.forward(minutes=1)
    await house.says(ASKED)
    house.clock.forward(minutes=1)
    await house.says("What about batteries?", at=WALTER)
    await house.says("Thank you!")
    often, once = await gaps(house)
    assert (often.newest.question, often.times, often.why) == ("What about batteries?", 2, ("abstained",))
    assert [one.asked.customer for one in often.missed] == ["walter", "lena"]
    assert [(place.title, place.anchor, place.passage) for place in often.nearest] == [
        ("Handbook", "Cameras", "handbook#2-11111111")
    ]
    assert (once.newest.question, once.closed) == ("Is there wine on board?", "")
    assert len(await gaps(house, since=house.clock())) == 1


async def test_different_figures_are_different_questions(house: House) -> None:
    """ "On day 2" is not "on day 3", however near they are."""
    await house.says("Which battery on day 2?")
    await house.says("Which battery on day 3?")
    assert len(await gaps(house)) == 2


async def test_a_failure_and_an_answer_that_did_not_help_are_gaps_too(house: House) -> None:
    """Each says which it was; an answer that would be the same today does not close it."""
    house.answerer.error = RuntimeError("broken")
    await house.says("Is there wine on board?")
    house.answerer.error = None
    await house.says("How heavy may my kit be?")
    (under,) = [post for post in house.channel.posts(LENA) if "1.5 kg" in post.text]
    await _presses(house, next(one.token for one in under.buttons if "did not" in one.label))
    assert {one.newest.question: one.why for one in await gaps(house)} == {
        "Is there wine on board?": ("failed",),
        "How heavy may my kit be?": ("unhelpful",),
    }
    other = replace(found("It may weigh 2 kg.").sentences[0].citation, passage="handbook#9-99999999")
    today = replace(found("x"), sentences=(replace(found("It may weigh 2 kg.").sentences[0], citation=other),))
    house.answerer.answers["kit"] = today
    assert {one.newest.question: one.closed for one in await gaps(house)}["How heavy may my kit be?"] == ANSWERED_SINCE


async def _presses(house: House, token: str) -> None:
    number = next(house.numbers)
    inbound = Inbound(
        event_key=f"event:{number}",
        message_key=f"message:{number}",
        address=LENA,
        sender=Identity(channel="telegram", user=LENA.room),
        text="",
        sent_at=house.clock(),
        order=f"{number:08d}",
        kind=Kind.PRESS,
        pressed=Pressed(token=token),
    )
    assert await house.house.work.receive(inbound)
    await house.settle()


async def test_a_gap_is_closed_when_it_is_answered_today(house: House) -> None:
    """With the rights of whoever asked, and on today's documents."""
    await house.says(ASKED)
    assert [one.closed for one in await gaps(house)] == [""]
    house.answerer.answers["batteries"] = found("Two per camera.")
    house.clock.forward(days=2)
    assert [one.closed for one in await gaps(house)] == [ANSWERED_SINCE]
    asked, grants, on = house.answerer.asked[-1]
    assert (asked, on) == (ASKED, house.clock().date())
    assert "mission:portrait" in grants
    assert "stewards" not in grants


async def test_a_gap_is_closed_by_an_answer_that_was_kept_for_it(house: House) -> None:
    """For this question, or for one that asks the same; one that is only proposed closes nothing."""
    await house.answered()
    await house.says("What about batteries?", at=WALTER)
    await house.at("ines").hear('keep 1 "Camera batteries" for flight:aurora-2')
    assert [one.closed for one in await gaps(house)] == [""]
    await house.at("amara").hear("approve 1")
    assert [one.closed for one in await gaps(house)] == ["kept as 1, “Camera batteries”"]


async def test_asking_for_a_person_is_no_gap(house: House) -> None:
    """No document answers "a person, please"; a question that comes with it is one."""
    await house.says("asks_for_person please")
    await house.says("asks_for_person: how many spare batteries may I bring?")
    assert [one.newest.question for one in await gaps(house)] == [
        "asks_for_person: how many spare batteries may I bring?"
    ]


async def test_what_a_customer_took_back_is_no_gap(house: House) -> None:
    """They did not want to be asked about it."""
    inbound = await house.arrives(ASKED)
    await house.settle()
    await house.arrives("", kind=Kind.DELETION, about=inbound.message_key)
    await house.settle()
    assert await gaps(house) == ()


# ── answers that are outdated ────────────────────────────────────────────────────────────────────────────────────────

STANDS = Passage(
    id="handbook#1-00000000",
    document="handbook",
    title="Handbook",
    anchor="Baggage",
    heading="Baggage",
    text="Your kit may weigh 1.5 kg.",
    kind="paragraph",
    position=1,
    audience=frozenset({"everyone"}),
)
HANDBOOK = DocumentMeta(id="handbook", title="Handbook", audience=frozenset({"everyone"}), path=Path("handbook.md"))


class Shelf:
    """What is known, by hand: passages, and what is answered."""

    def __init__(self, house: House, *passages: Passage) -> None:
        self._house = house
        self._passages = passages

    def passages(self) -> Sequence[Passage]:
        return self._passages

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        return self._house.answerer.answer(question, grants, on, before)


def retelling(house: House, *passages: Passage, metas: Sequence[DocumentMeta] = (HANDBOOK,)) -> Retelling:
    pack = replace(house.pack, documents=tuple(metas))
    return Retelling(pack, house.house.engine, house.house.casework, Shelf(house, *passages))


async def concerned(house: House, one: Retelling) -> tuple[Concerned, ...]:
    return await one.concerned(house.clock(), since=None)


async def test_an_answer_that_stands_is_not_outdated(house: House) -> None:
    """Also where its passage has moved on its page."""
    await house.says("How heavy may my kit be?")
    assert await concerned(house, retelling(house, STANDS)) == ()
    assert await concerned(house, retelling(house, replace(STANDS, id="handbook#7-00000000", position=7))) == ()


async def test_changed_withdrawn_and_replaced_are_told_apart(house: House) -> None:
    """And by what it is replaced: of a row of replacements by the last that is in force today."""
    await house.says("How heavy may my kit be?")
    changed = replace(STANDS, id="handbook#1-22222222")
    newer = replace(HANDBOOK, id="newer", title="Newer", replaces=("handbook",))
    newest = replace(HANDBOOK, id="newest", title="Newest", replaces=("newer",), valid_from=date(2027, 3, 1))
    coming = replace(HANDBOOK, id="coming", title="Coming", replaces=("newest",), valid_from=date(2027, 4, 1))
    gone = replace(STANDS, replaced_from=date(2027, 3, 1))
    became = []
    for one in (
        retelling(house, changed),
        retelling(house, metas=()),
        retelling(house, gone, metas=(HANDBOOK, newer, newest, coming)),
    ):
        ((only,),) = (each.outdated.gone for each in await concerned(house, one))
        became.append((only.became, only.by.id if only.by else None, only.place.said))
    said = "Your kit may weigh 1.5 kg."
    assert became == [(Became.CHANGED, None, said), (Became.WITHDRAWN, None, said), (Became.REPLACED, "newest", said)]


async def test_what_was_never_said_is_not_outdated(house: House) -> None:
    """A person took over before the answer was sent: the customer was told nothing."""
    await house.says("asks_for_person")
    await house.arrives("How heavy may my kit be?")
    place = await house.place()
    await house.house.turns.take_turn(place.id, house.clock())
    await house.at("ines").hear("take 1")
    await house.settle()
    assert not any("1.5 kg" in text for text in house.heard())
    assert await concerned(house, retelling(house, metas=())) == ()


async def test_a_customer_is_told_once_what_they_were_told_and_what_holds_now(house: House) -> None:
    """In the concierge's voice, in their direct conversation, with today's answer and its source."""
    await house.says("How heavy may my kit be?")
    house.clock.forward(days=3)
    house.answerer.answers["kit"] = found("Your kit may weigh 2 kg.")
    one = retelling(house, replace(STANDS, id="handbook#1-22222222"))
    (only,) = await concerned(house, one)
    assert (only.who, only.customer, only.whether) == ("Lena Voss", "lena", Whether.OPEN)
    assert (one.may_tell(only, "amara"), one.may_tell(only, "marc")) == (True, False)
    words = await one.words(only, house.clock())
    told = await asyncio.gather(
        *(one.tell(only, words, by=steward, now=house.clock()) for steward in ("amara", "ines", "ruth"))
    )
    assert set(told) == {Whether.TOLD}
    await house.settle()
    (notice,) = house.heard()[1:]
    for part in (
        "On 01 March 2027 you asked: “How heavy may my kit be?”",
        "I told you: “Your kit may weigh 1.5 kg.”\n— Handbook, Baggage, which has been changed since.",
        "This is what I can quote to you now:\n\nYour kit may weigh 2 kg.\n— Handbook, Baggage",
    ):
        assert part in notice
    (after,) = await concerned(house, one)
    assert after.whether is Whether.TOLD
    assert after.told is not None
    assert after.told.steward in ("amara", "ines", "ruth")
    assert (await house.transcript())[-1].text == notice


async def test_where_nothing_is_said_any_more_a_named_steward_is_offered(house: House) -> None:
    """Neither a guess nor the old answer."""
    await house.says("How heavy may my kit be?")
    house.answerer.answers = {}
    one = retelling(house, metas=())
    (only,) = await concerned(house, one)
    words = await one.words(only, house.clock())
    assert "which has been withdrawn since" in words
    assert "does not say. Ines Prado would know" in words


async def test_a_document_that_the_customer_may_not_see_is_not_named(house: House) -> None:
    """That theirs was replaced is told; by what only to those who may read it."""
    await house.says("How heavy may my kit be?")
    secret = replace(
        HANDBOOK, id="secret", title="Steward's manual", audience=frozenset({"stewards"}), replaces=("handbook",)
    )
    one = retelling(house, metas=(HANDBOOK, secret))
    (only,) = await concerned(house, one)
    words = await one.words(only, house.clock())
    assert "which has been replaced since" in words
    assert "manual" not in words


async def test_while_a_person_holds_the_conversation_it_is_theirs_to_tell(house: House) -> None:
    """Seen before, and again in the transaction; what was kept back at the door is told later."""
    await house.says("How heavy may my kit be?")
    one = retelling(house, metas=())
    (before,) = await concerned(house, one)
    words = await one.words(before, house.clock())
    await house.says("asks_for_person")
    await house.at("ines").hear("take 1")
    (held,) = await concerned(house, one)
    assert held.whether is Whether.HELD
    assert not one.may_tell(held, "ines")
    assert await one.tell(before, words, by="ines", now=house.clock()) is Whether.HELD
    await house.at("ines").hear("back 1")
    assert await one.tell(before, words, by="ines", now=house.clock()) is Whether.TOLD
    await house.at("ines").hear("take 1")
    await house.settle()
    assert words not in house.heard()
    await house.at("ines").hear("back 1")
    (again,) = await concerned(house, one)
    assert again.whether is Whether.OPEN
    assert await one.tell(again, words, by="ines", now=house.clock()) is Whether.TOLD
    await house.settle()
    assert house.heard().count(words) == 1


async def test_what_was_asked_in_a_room_is_told_to_its_asker_alone(house: House) -> None:
    """Never into the room."""
    house.channel.reads[ROOM] = (Identity(channel="telegram", user="1001"),)
    await house.says("How heavy may my kit be?", at=ROOM, by="1001")
    one = retelling(house, metas=())
    (only,) = await concerned(house, one)
    assert (only.customer, only.outdated.given.asked.direct, only.whether) == ("lena", False, Whether.NOWHERE)
    await house.says("hello")
    (only,) = await concerned(house, one)
    await one.tell(only, await one.words(only, house.clock()), by="ines", now=house.clock())
    before = len(house.heard(ROOM))
    await house.settle()
    assert "you asked in a shared room" in house.heard(LENA)[-1]
    assert len(house.heard(ROOM)) == before


# ── re-ingestion under load ──────────────────────────────────────────────────────────────────────────────────────────

KIT = "---\naudience: everyone\n---\n# Kit\n\nYour personal kit may weigh {} kg, bag included.\n"
OLD_AND_NEW = [f"{number} kg" for number in (11, 12, 13, 14, 15)]


def test_an_index_that_is_replaced_under_load_is_never_half_there(tmp_path: Path) -> None:
    """Threads ask while documents are replaced: every answer has one generation's words; none is missing or an error;
    and what was replaced is not quoted by anybody who asks after it was.
    """
    documents = tmp_path / "documents"
    documents.mkdir()
    for number in range(20):
        text = f"---\naudience: everyone\n---\n# Room {number}\n\nRoom {number} has {number} beds and a window."
        (documents / f"room-{number}.md").write_text(text)
    (documents / "kit.md").write_text(KIT.format(11))
    knowing = Knowing(tmp_path / "index")
    knowing.bring_up_to_date(documents)
    newest, done, told, failed = [11], threading.Event(), [], []

    def ask() -> None:
        while not done.is_set():
            at_least = newest[0]
            try:
                answer = knowing.answer("How heavy may my personal kit be?", frozenset({"everyone"}), date(2027, 3, 1))
            except Exception as error:  # noqa: BLE001  any error at all is what must not be
                failed.append(error)
                return
            told.append((at_least, answer))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for number in (12, 13, 14, 15):
        (documents / "kit.md").write_text(KIT.format(number))
        knowing.bring_up_to_date(documents)
        newest[0] = number  # whoever asks from now on must not hear of an older one
        seen = len(told)
        while len(told) < seen + 8 and not failed:
            threading.Event().wait(0.005)
    done.set()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(told) >= 32
    for at_least, answer in told:
        assert isinstance(answer, Answer)
        said = " ".join(sentence.text for sentence in answer.sentences)
        (weight,) = [one for one in range(11, 16) if f"{one} kg" in said]
        assert weight >= at_least
