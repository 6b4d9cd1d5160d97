"""A stage for what shared rooms hear: rooms and people, an answerer whose every sentence says for whom it is, channels
that look at each post when it is sent, and a record in memory that is put back to a beginning in a millisecond.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import aiosqlite
from fakes import MONDAY, Hands, Recorder, ScriptedReader

from bot import replies
from bot.app import House, furnished, open_record
from bot.desk import hearing
from bot.desks import Desk, Shape
from bot.ledger import invitations
from bot.ledger.engine import writing
from bot.messages import SLACK, TELEGRAM, Act, Address, Attachment, Identity, Inbound, Kind, Post, Sent
from bot.pack import Pack
from bot.rooms import Answers
from escalation.cues import CUES
from escalation.policy import Severity
from knowledge.answer import Abstention, Answer, Citation, Sentence

HOME, ABROAD = "T0", "T-brightwell"

WHO = """\
provider: meridian
organisations:
  meridian: {name: Meridian Orbital, role: provider}
  brightwell: {name: Brightwell, role: customer}
flights:
  aurora-2: {name: Aurora 2, launch: 2027-03-14T09:20:00Z, landing: 2027-03-24T15:00:00Z, training_starts: 2026-09-01}
  boreal-1: {name: Boreal 1, launch: 2027-06-14T09:20:00Z, landing: 2027-06-24T15:00:00Z, training_starts: 2026-12-01}
missions:
  portrait:
    {flight: aurora-2, customer: lena-voss, kind: art, goal: Paint the GOAL-WORDS., success: [A SUCCESS-WORDS canvas.],
     visibility: private}
  crystals:
    {flight: aurora-2, customer: walter-finch, kind: research, goal: Grow GOAL-WORDS., success: [A SUCCESS-WORDS one.]}
  fibres:
    {flight: boreal-1, customer: noor-haddad, kind: research, goal: Draw GOAL-WORDS., success: [SUCCESS-WORDS.]}
  dancing:
    {flight: boreal-1, customer: omar-reyes, kind: art, goal: Dance GOAL-WORDS., success: [SUCCESS-WORDS.],
     visibility: private}
customers:
  lena-voss:
    name: Lena Voss
    identities: [{channel: telegram, user: "1001"}, {channel: slack, team: T0, user: U1001}]
  walter-finch:
    name: Walter Finch
    organisation: brightwell
    identities: [{channel: telegram, user: "1002"}, {channel: slack, team: T-brightwell, user: U1002}]
  noor-haddad:
    name: Noor Haddad
    organisation: brightwell
    identities: [{channel: telegram, user: "1003"}, {channel: slack, team: T-brightwell, user: U1003}]
  omar-reyes:
    name: Omar Reyes
    identities: [{channel: telegram, user: "1004"}, {channel: slack, team: T0, user: U1004}]
  mila-berg: {name: Mila Berg, organisation: brightwell}
stewards:
  ines-prado:
    {name: Ines Prado, organisation: meridian, timezone: Europe/Paris, hours: always,
     identities: [{channel: telegram, user: "2001"}, {channel: slack, team: T0, user: U2001}]}
  amara-okafor:
    {name: Amara Okafor, organisation: meridian, timezone: Europe/Paris, hours: always,
     identities: [{channel: telegram, user: "2002"}, {channel: slack, team: T0, user: U2002}]}
  rosa-lund:
    {name: Rosa Lund, organisation: meridian, timezone: UTC, hours: always, topics: [medical],
     identities: [{channel: telegram, user: "2003"}, {channel: slack, team: T0, user: U2003}]}
care:
  default: {steward: ines-prado, ladder: [amara-okafor]}
  dancing: {steward: amara-okafor, ladder: [ines-prado]}
channels:
  - {channel: slack, team: T0, room: C-connect, mission: crystals}
  - {channel: slack, team: T0, room: C-internal, mission: portrait}
  - {channel: slack, team: T0, room: C-lobby}
  - {channel: telegram, room: "-100", mission: portrait}
  - {channel: telegram, room: "-200", mission: dancing}
  - {channel: telegram, room: "-250"}
"""

POLICY = """\
severities:
  watch: {}
  care: {acknowledge_within: 4h}
  urgent: {acknowledge_within: 15m}
  critical: {acknowledge_within: 2m, notify: everyone_on_ladder}
rules:
  - {name: RULE-WORDS danger, when: {cue: crisis}, severity: critical, topic: medical, tell_customer: crisis}
  - {name: RULE-WORDS person, when: {cue: asks_for_person}, severity: urgent}
  - {name: RULE-WORDS strong, when: {cue: [anxiety, grief, medical, conflict], intensity: {at_least: 0.8}},
     severity: urgent}
  - {name: RULE-WORDS doubt, when: {cue: [distrust, legal, anger, safety]}, severity: care}
  - {name: RULE-WORDS twice, when: {unanswered: {at_least: 2, within: 1h}}, severity: care}
messages:
  default: "NOTICE-WORDS {steward}, {acknowledge_within}, {local_time}."
  crisis: "NOTICE-WORDS {steward}."
"""

GRANTS = (
    "everyone", "stewards", "flight:aurora-2", "flight:boreal-1", "mission:portrait", "mission:crystals",
    "mission:fibres", "mission:dancing", "organisation:brightwell",
)  # fmt: skip
EVERYONE = frozenset({"everyone"})


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class Somebody:
    """A person as their apps know them. `alone`: what they may read alone; `at_home`: the missions whose rooms are
    theirs. Written down here, by what the pack's format says, and not worked out by the code under test.
    """

    id: str
    number: int
    team: str = HOME
    alone: frozenset[str] = frozenset()
    at_home: frozenset[str] = frozenset()
    steward: bool = False

    def __repr__(self) -> str:
        return self.id or str(self.number)

    def on(self, channel: str) -> Identity:
        if channel == TELEGRAM:
            return Identity(channel=TELEGRAM, user=str(self.number))
        return Identity(channel=SLACK, team=self.team, user=f"U{self.number}")

    def direct(self, channel: str) -> Address:
        if channel == TELEGRAM:
            return Address(channel=TELEGRAM, room=str(self.number))
        return Address(channel=SLACK, team=HOME, room=f"D{self.number}")


def _grants(*of: str) -> frozenset[str]:
    return EVERYONE | frozenset(of)


_EVERY_MISSION = frozenset({"portrait", "crystals", "fibres", "dancing"})
_BRIGHTWELL = frozenset({"crystals", "fibres"})
LENA = Somebody(
    id="lena-voss", number=1001, alone=_grants("flight:aurora-2", "mission:portrait"), at_home=frozenset({"portrait"})
)
WALTER = Somebody(
    id="walter-finch", number=1002, team=ABROAD, at_home=_BRIGHTWELL,
    alone=_grants("flight:aurora-2", "mission:crystals", "organisation:brightwell"),
)  # fmt: skip
NOOR = Somebody(
    id="noor-haddad", number=1003, team=ABROAD, at_home=_BRIGHTWELL,
    alone=_grants("flight:boreal-1", "mission:fibres", "organisation:brightwell"),
)  # fmt: skip
OMAR = Somebody(
    id="omar-reyes", number=1004, alone=_grants("flight:boreal-1", "mission:dancing"), at_home=frozenset({"dancing"})
)
MILA = Somebody(id="mila-berg", number=1005, team=ABROAD, alone=_grants("organisation:brightwell"), at_home=_BRIGHTWELL)
"""Known by an invitation alone."""
INES, AMARA, ROSA = (
    Somebody(id=name, number=2001 + n, alone=frozenset(GRANTS), at_home=_EVERY_MISSION, steward=True)
    for n, name in enumerate(("ines-prado", "amara-okafor", "rosa-lund"))
)
STRANGER = Somebody(id="", number=9999, team="T-elsewhere")
BOT = Somebody(id="", number=7777)
"""Another bot, which reads along and never writes."""
PEOPLE = (LENA, WALTER, NOOR, OMAR, MILA, INES, AMARA, ROSA, STRANGER, BOT)


def _slack(room: str) -> Address:
    return Address(channel=SLACK, team=HOME, room=room)


STEWARDS_ROOM, FORUM = _slack("C-stewards"), Address(channel=TELEGRAM, room="-300")
ROOMS: dict[Address, str | None] = {
    _slack("C-connect"): "crystals",
    _slack("C-internal"): "portrait",
    _slack("C-lobby"): None,
    _slack("C-unlisted"): None,
    Address(channel=TELEGRAM, room="-100"): "portrait",
    Address(channel=TELEGRAM, room="-200"): "dancing",
    Address(channel=TELEGRAM, room="-250"): None,
    STEWARDS_ROOM: None,
    FORUM: None,
}
"""Every shared room, and whose mission's it is. The stewards' rooms are like others unless desks are there."""
_FLIGHTS = {"portrait": "aurora-2", "crystals": "aurora-2", "fibres": "boreal-1", "dancing": "boreal-1"}


def permitted(mission: str | None, present: Sequence[Somebody] | None) -> frozenset[str]:
    """What everybody may read who is in a room; None: nobody can say who that is."""
    if mission is None or present is None or not all(mission in one.at_home for one in present):
        return EVERYONE
    return _grants(f"mission:{mission}", f"flight:{_FLIGHTS[mission]}")


# ── desks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _sentences(steward: Somebody) -> tuple[Desk, ...]:
    return (Desk(address=Address(channel=TELEGRAM, room=f"desk:{steward.id}")),)


def _alone(steward: Somebody) -> tuple[Desk, ...]:
    return tuple(Desk(address=steward.direct(one), shape=Shape.THREAD) for one in (TELEGRAM, SLACK))


def _together(steward: Somebody) -> tuple[Desk, ...]:
    return (
        Desk(address=STEWARDS_ROOM, shape=Shape.THREAD, direct=False),
        Desk(address=FORUM, shape=Shape.TOPIC, direct=False),
    )


def _everything(steward: Somebody) -> tuple[Desk, ...]:
    return (*_together(steward), *_alone(steward), *_sentences(steward))


DESKS: dict[str, Callable[[Somebody], tuple[Desk, ...]]] = {
    "sentences": _sentences,
    "alone": _alone,
    "together": _together,
    "everything": _everything,
}
STEWARDS = {one.id: one for one in PEOPLE if one.steward}


# ── what may be heard ────────────────────────────────────────────────────────────────────────────────────────────────

PHOTO = Attachment(what="the file FILE-WORDS.pdf", ref="file:1", link="https://internal.example/LINK-WORDS")

OLD_BUTTON = "That button is from before and does nothing any more."

FIXED = frozenset(
    part
    for text in (
        replies.failed(),
        replies.not_in_this_room(),
        replies.not_in_this_room_any_more(),
        replies.empty(),
        replies.unread_language(),
        replies.too_long(),
        replies.courtesy(),
        replies.cannot_open(PHOTO.what),
        OLD_BUTTON,
    )
    for part in text.split("\n\n")
)
"""What a room may be told whoever reads there. Everything else must be an answer."""

WHISPERED = frozenset({replies.passed_on(), replies.not_yours(), hearing.NOT_YOURS, OLD_BUTTON})
LABELS = frozenset({"I need a person", "That did not answer it"})
TOKEN = re.compile(r"[A-Za-z0-9_-]{22}")

_NAMES = ("Lena", "Voss", "Walter", "Finch", "Noor", "Haddad", "Omar", "Reyes", "Mila", "Berg", "Ines", "Prado",
          "Amara", "Okafor", "Rosa", "Lund")  # fmt: skip
_IDS = tuple(one.id for one in PEOPLE if one.id)
_CUES = tuple(word for cue in CUES for word in {cue, cue.replace("_", " ")})
_SEVERITIES = tuple(one.name for one in Severity if one is not Severity.none)
_OURS = (
    "escalation",
    "escalations",
    "steward",
    "stewards",
    *_SEVERITIES,
    "RuntimeError",
    "Traceback",
)
NEVER_IN_A_ROOM = re.compile(
    "|".join([r"\w+-WORDS(?<!FILE-WORDS)", *(rf"\b{re.escape(word)}\b" for word in (*_NAMES, *_IDS, *_CUES, *_OURS))]),
    re.IGNORECASE,
)
"""Whatever else is permitted, none of these words stands in a shared room, nor any that a step marks."""
FOR_DESKS_ALONE = re.compile(r"(NOTE|BRIEF|CORRECTION|PROMISE|RULE|RAW|GOAL|SUCCESS)-WORDS")
"""What is marked so never goes to a customer or a stranger, in whatever conversation."""
_MARK = re.compile(r"SECRET (\S+)\.")


def said_for(grant: str) -> str:
    """What the documents say to those who have a grant."""
    return f"SECRET {grant}.\n— Handbook of {grant}, Place"


class Marked:
    """Has one sentence for each grant, and has what it is asked looked at."""

    def __init__(self, look: Callable[[str, frozenset[str]], None]) -> None:
        self._look = look
        self.error: Exception | None = None

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        self._look(question, grants)
        if self.error is not None:
            raise self.error
        wanted = re.search(r"about (\S+)\?", question)
        found = (
            sorted(grants) if wanted and wanted[1] == "everything" else [g for g in grants if wanted and g == wanted[1]]
        )
        if not found:
            return Abstention(score=0.1)
        return Answer(sentences=tuple(_sentence(grant) for grant in found), caveats=(), score=0.9)

    def suggest(self, text: str, grants: frozenset[str], on: date) -> Sequence[str]:
        return tuple(f"SUGGESTED-WORDS {grant}" for grant in sorted(grants))


def _sentence(grant: str) -> Sentence:
    place = Citation(document=grant, title=f"Handbook of {grant}", anchor="Place", passage=f"{grant}#1")
    return Sentence(text=f"SECRET {grant}.", citation=place)


class Watchful(Recorder):
    """A channel that has each post looked at in the moment in which it is sent."""

    def __init__(self, name: str, look: Callable[[Post], None]) -> None:
        super().__init__(name)
        self._look = look

    async def send(self, post: Post) -> Sent:
        self._look(post)
        return await super().send(post)


# ── the stage ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True)
class Gathering:
    """A house, a room with people in it, and everything that was found wrong with what was said there."""

    house: House
    desks: frozenset[Address]
    clock: Hands
    answerer: Marked
    reader: ScriptedReader
    channels: dict[str, Watchful]
    store: sqlite3.Connection
    heard: Counter[str]
    room: Address = STEWARDS_ROOM
    mission: str | None = None
    present: set[Somebody] = field(default_factory=set)
    nobody_can_say: bool = False
    wrong: list[str] = field(default_factory=list)
    asked_by: dict[str, set[tuple[Somebody, bool]]] = field(default_factory=dict)
    """Who has written a text, and whether in the room."""
    looked_up: frozenset[str] = frozenset()
    threads: set[str] = field(default_factory=set)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    kept: str = ""
    """The key of the last message."""

    # ── what people do ───────────────────────────────────────────────────────────────────────────────────────────────

    async def event(self, by: Somebody, at: Address, text: str = "", **named: Any) -> None:
        """Hands something over as a channel would; nobody has looked at it yet."""
        number = next(self.numbers)
        direct = at in {by.direct(SLACK), by.direct(TELEGRAM)}
        values: dict[str, Any] = {
            "event_key": f"{uuid4()}", "message_key": f"message:{number}", "address": at,
            "sender": by.on(at.channel), "text": text, "sent_at": self.clock(), "order": f"{number:08d}",
            "direct": direct, "ref": f"ref:{number}",
        }  # fmt: skip
        inbound = Inbound(**{**values, **named})
        if inbound.kind is Kind.MESSAGE:
            self.kept = inbound.message_key
            self.asked_by.setdefault(text.strip(), set()).add((by, at == self.room))
        await self.house.intake.receive(inbound)

    async def asks(self, by: Somebody, at: Address, about: str, **named: Any) -> None:
        """Asks the documents."""
        await self.event(by, at, f"q{next(self.numbers)}: What about {about}?", **named)

    async def turns(self) -> None:
        """What waits is answered, and nothing is sent yet."""
        for (conversation,) in self.store.execute("SELECT DISTINCT conversation FROM inbox WHERE done_at IS NULL"):
            while await self.house.turns.take_turn(conversation, self.clock()) is not None:
                pass

    async def settles(self) -> None:
        """Does what is due, as the sweeper would."""
        self._tell_who_is_present()
        await self.house.work.sweep()

    def _tell_who_is_present(self) -> None:
        channel = self.channels[self.room.channel]
        there = tuple(one.on(self.room.channel) for one in self.present)
        channel.reads = {self.room: None if self.nobody_can_say else there}

    def comes_or_goes(self, who: Somebody) -> None:
        self.present ^= {who}
        self._tell_who_is_present()

    def goes_blind(self) -> None:
        self.nobody_can_say = not self.nobody_can_say
        self._tell_who_is_present()

    def moved(self, to: Address) -> None:
        """The room has another id: the pack does not know it."""
        self.room, self.mission = to, None
        self._tell_who_is_present()

    def tokens(self) -> list[str]:
        return [token for (token,) in self.store.execute("SELECT token FROM buttons ORDER BY rowid")]

    def cards(self) -> list[tuple[Address, str, str]]:
        """Each card's desk, its thread and its message."""
        rows = self.store.execute("SELECT channel, team, room, thread, message FROM cards ORDER BY id")
        return [(Address(channel=c, team=t, room=r), thread, message) for c, t, r, thread, message in rows]

    # ── what is looked at ────────────────────────────────────────────────────────────────────────────────────────────

    def look(self, post: Post) -> None:
        """At one post, in the moment in which it is sent."""
        if post.address in self.desks:
            self.heard["at desks"] += 1
            if not post.direct and post.purpose != "desk":
                self._look_in_room(post)
        elif post.address == self.room or post.address in ROOMS or not post.direct:
            self._look_in_room(post)
        else:
            self._look_alone(post)
        self._look_at_buttons(post)

    def _look_in_room(self, post: Post) -> None:
        self.heard["in rooms"] += 1
        self.heard[f"in rooms: {post.act}"] += 1
        if post.act is Act.WHISPER:
            may = post.text in WHISPERED
        elif post.act is Act.SAY:
            may = all(self._may_be_said(part) for part in post.text.split("\n\n"))
        else:
            may = False
        if not may:
            self._complain(post, "not for this room")
        if post.text not in WHISPERED and NEVER_IN_A_ROOM.search(post.text):
            self._complain(post, "a word that no room may hear")
        if post.card is not None or post.mentions or post.attachments or post.prompt:
            self._complain(post, "more than words")
        if post.purpose not in ("answer", "notice") and post.text not in WHISPERED:
            self._complain(post, "a purpose that is for no room")
        threads = {"", *self.threads, *(thread for at, thread, _ in self.cards() if at == post.address)}
        if post.thread not in threads or (post.under and not post.under.startswith("ref:")):
            self._complain(post, "a thread that is not of this room")
        if not {button.label for button in post.buttons} <= LABELS:
            self._complain(post, "a button that is for no room")

    def _may_be_said(self, part: str) -> bool:
        grants = permitted(self.mission, None if self.nobody_can_say else tuple(self.present))
        self.heard["secrets in rooms"] += len(_MARK.findall(part)) if part != said_for("everyone") else 0
        self.heard["refused in rooms"] += part == replies.not_in_this_room_any_more()
        return part in FIXED or part in {said_for(grant) for grant in grants}

    def _look_alone(self, post: Post) -> None:
        self.heard["alone"] += 1
        private = post.act in (Act.WHISPER, Act.HOME) or post.text in WHISPERED
        if post.purpose == "desk" and not private and not self._is_stewards(post):
            self._complain(post, "a desk's matter that is no desk's")
        who = next((one for one in PEOPLE if self._reads_alone(one, post.address)), STRANGER)
        if who.steward:
            return
        if FOR_DESKS_ALONE.search(_everything_in(post)) or post.mentions or (post.card and post.act is not Act.HOME):
            self._complain(post, "what stewards keep for themselves")
        if not {*_MARK.findall(post.text)} <= who.alone:
            self._complain(post, "not for this customer")

    def _is_stewards(self, post: Post) -> bool:
        return any(self._reads_alone(one, post.address) for one in STEWARDS.values())

    @staticmethod
    def _reads_alone(one: Somebody, address: Address) -> bool:
        return address in {one.direct(SLACK), one.direct(TELEGRAM)} or address.room == f"U{one.number}"

    def _look_at_buttons(self, post: Post) -> None:
        buttons = [*post.buttons, *(post.card.buttons if post.card else ())]
        buttons += [button for section in (post.card.sections if post.card else ()) for button in section.buttons]
        for button in buttons:
            ours = any(name in button.token for name in (*_IDS, *_FLIGHTS))
            if ours or not TOKEN.fullmatch(button.token):
                self._complain(post, "a button that is not opaque")

    def _complain(self, post: Post, why: str) -> None:
        self.wrong.append(f"{why}: {post}")

    def look_at_question(self, question: str, grants: frozenset[str]) -> None:
        """At what is looked up, in that moment: with nothing that its asker (alone) or the room (for all) lacks."""
        everybody = permitted(self.mission, None if self.nobody_can_say else tuple(self.present))
        askers = self.asked_by.get(question, set())
        first, self.looked_up = question not in self.looked_up, self.looked_up | {question}
        if first and all(in_room for _, in_room in askers) and not grants <= everybody:
            self.wrong.append(f"{question} was looked up for the room with {sorted(grants)}")
        if not any(grants <= who.alone or (in_room and grants <= everybody) for who, in_room in askers):
            self.wrong.append(f"{question} was looked up with {sorted(grants)}")

    # ── beginnings ───────────────────────────────────────────────────────────────────────────────────────────────────

    def begin(self, beginning: Beginning, room: Address, present: set[Somebody], *, nobody_can_say: bool) -> None:
        beginning.store.backup(self.store)
        self.clock.moment = beginning.moment
        for channel in self.channels.values():
            channel.sent.clear()
            channel.tried.clear()
            channel.troubles.clear()
            channel.cannot_say = None
        self.answerer.error = self.reader.error = None
        self.reader.seen.clear()
        self.wrong.clear()
        self.asked_by.clear()
        self.looked_up = frozenset()
        self.threads.clear()
        self.numbers = count(1_000)
        self.room, self.mission = room, ROOMS[room]
        self.present, self.nobody_can_say = set(present), nobody_can_say
        self._tell_who_is_present()


@dataclass(frozen=True, kw_only=True, slots=True)
class Beginning:
    """A record as a story may find it, and the moment."""

    name: str
    store: sqlite3.Connection
    moment: datetime


def _everything_in(post: Post) -> str:
    return repr((post.text, post.card, post.buttons, post.attachments, post.author))


class _Now:
    """In the place of aiosqlite's queue: what is put there is done at once, in this thread."""

    def put_nowait(self, item: tuple[asyncio.Future[object] | None, Callable[[], object]]) -> None:
        future, function = item
        try:
            result = function()
        except Exception as error:
            if future is None:
                raise
            future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


class _NoThread:
    daemon = True

    def start(self) -> None:
        """There is none: a record in memory is not worth the waiting between threads."""


@contextmanager
def records_in_this_thread() -> Iterator[list[aiosqlite.Connection]]:
    """SQLite without aiosqlite's thread, which takes most of the time of a record in memory; yields what is opened."""
    connect, opened = aiosqlite.connect, []

    def here(*args: Any, **named: Any) -> aiosqlite.Connection:
        connection = connect(*args, **named)
        vars(connection).update(_tx=_Now(), _thread=_NoThread())
        opened.append(connection)
        return connection

    with patch.object(aiosqlite, "connect", here):
        yield opened


@asynccontextmanager
async def gathering(pack: Pack, desks: str, answers: Answers) -> AsyncIterator[Gathering]:
    """A house over a record in memory, with the desks of a shape."""
    heard: Counter[str] = Counter()
    stage: list[Gathering] = []
    clock, reader = Hands(), ScriptedReader()
    answerer = Marked(lambda question, grants: stage[0].look_at_question(question, grants))
    channels = {name: Watchful(name, lambda post: stage[0].look(post)) for name in (SLACK, TELEGRAM)}
    shape = DESKS[desks]
    with records_in_this_thread() as opened:
        async with (
            open_record("sqlite+aiosqlite:///:memory:") as engine,
            furnished(
                pack,
                engine,
                answerer=answerer,
                reader=reader,
                docket=f"memory://{uuid4().hex}",
                channels=tuple(channels.values()),
                clock=clock,
                desk_of=lambda steward: shape(STEWARDS[steward]),
                rooms_answer=answers,
            ) as house,
        ):
            stage.append(
                Gathering(
                    house=house,
                    desks=frozenset(desk.address for one in STEWARDS.values() for desk in shape(one)),
                    clock=clock,
                    answerer=answerer,
                    reader=reader,
                    channels=channels,
                    store=opened[0]._conn,
                    heard=heard,
                )
            )
            yield stage[0]


async def beginnings(one: Gathering) -> tuple[Beginning, ...]:
    """Records to begin a story from: nothing yet, somebody asked, seen and noted, held, handed over, resolved."""
    found: list[Beginning] = []

    def keep(name: str) -> None:
        store = sqlite3.connect(":memory:")
        one.store.backup(store)
        found.append(Beginning(name=name, store=store, moment=one.clock()))

    async with writing(one.house.engine) as connection:
        code = await invitations.invite(connection, MILA.id, now=MONDAY, until=MONDAY + timedelta(days=1))
    await one.event(MILA, MILA.direct(SLACK), code)
    await one.settles()
    keep("nothing yet")
    await one.asks(LENA, LENA.direct(TELEGRAM), "everything")
    await one.event(LENA, LENA.direct(TELEGRAM), "crisis! DIRECT-WORDS")
    await one.event(WALTER, WALTER.direct(SLACK), "asks_for_person! DIRECT-WORDS")
    await one.settles()
    keep("asked")
    house, now = one.house.casework, one.clock.forward(minutes=1)
    await house.acknowledge(1, INES.id, now)
    await house.note(1, AMARA.id, "NOTE-WORDS", now)
    await one.settles()
    for at, thread, _ in one.cards()[:1]:
        await one.event(INES, at, "//promise 2027-03-05 PROMISE-WORDS", thread=thread, direct=at not in ROOMS)
    await one.settles()
    keep("seen")
    await house.reply(1, INES.id, "REPLY-WORDS", one.clock.forward(minutes=1))
    await house.reply(2, INES.id, "REPLY-WORDS", one.clock())
    await one.settles()
    keep("held")
    await house.offer(1, INES.id, to=AMARA.id, brief="BRIEF-WORDS", now=one.clock.forward(minutes=1))
    await house.acknowledge(1, AMARA.id, one.clock.forward(minutes=1))
    await house.resolve(2, INES.id, outcome="OUTCOME-WORDS", now=one.clock())
    await one.settles()
    keep("handed over")
    return tuple(found)
