"""Nothing about cues, escalations, other missions or stewards' notes reaches a shared room: whoever is there, whatever
happens, however desks and rooms are set up.

Every post is looked at in the moment in which it is sent (`shared_rooms.Gathering.look`): in a shared room, only what
stands on a short list of fixed sentences may be said, and sentences of documents that everybody there may read then.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from fakes import write_pack
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from shared_rooms import (
    AMARA,
    BOT,
    DESKS,
    GRANTS,
    LENA,
    PEOPLE,
    PHOTO,
    POLICY,
    ROOMS,
    STEWARDS,
    WALTER,
    WHO,
    Gathering,
    Somebody,
    beginnings,
    gathering,
)

from bot.messages import SLACK, TELEGRAM, Address, Kind, Pressed, SendError
from bot.pack import Pack, load_pack
from bot.rooms import Answers
from escalation.cues import CUES

STORIES = 252  # for each of eight houses: 2,016 in all
STEPS = 5


WRITERS = [one for one in PEOPLE if one is not BOT]
WORDS = [f"{cue}! ROOM-WORDS" for cue in CUES] + [
    "", "thanks", "hello there", "I need a person: asks_for_person!", "bonjour tout le monde", "x" * 6_100,
    "// NOTE-WORDS", "Which wine is served?", "A" * 20, "/start ABCDEFGHJKLMNPQRSTUV",
]  # fmt: skip
LINES = [
    "REPLY-WORDS for you", "// NOTE-WORDS", "//ack", "//take", "//back", "//hand amara-okafor: BRIEF-WORDS",
    "//hand ines-prado: BRIEF-WORDS", "//accept", "//decline", "//resolve OUTCOME-WORDS", "//cues", "//help",
    "//promise 2027-03-05 PROMISE-WORDS", "//correct 1 no CORRECTION-WORDS", "//kept 1", "//again 1", "//nonsense",
    "//",
]  # fmt: skip
TROUBLES = [
    SendError("RAW-WORDS 500"),
    SendError("RAW-WORDS gone", retry=False),
    SendError("RAW-WORDS time-out", in_doubt=True),
]


# ── what can happen ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Something that happens; each kind looks at what concerns it. `flag` and `other` turn details on and off."""

    kind: str
    who: Somebody
    number: int
    flag: bool
    other: bool

    async def happens(self, one: Gathering) -> None:
        step: Callable[..., object] = getattr(self, f"_{self.kind}")
        await step(one)  # type: ignore[misc]  # every step below is a coroutine function

    @property
    def _steward(self) -> Somebody:
        return self.who if self.who.steward or self.other else AMARA

    def _alone(self) -> Address:
        return self.who.direct(SLACK if self.flag else TELEGRAM)

    async def _asks_in_room(self, one: Gathering) -> None:
        about = ("everything", *GRANTS, "nothing", "everything")[self.number % (len(GRANTS) + 3)]
        thread = ("", "t1", "t2")[self.number % 3]
        one.threads.add(thread)
        await one.asks(self.who, one.room, about, addressed=not self.flag, thread=thread)

    async def _comes_before_it_is_sent(self, one: Gathering) -> None:
        """Somebody asks who may; it is answered, and before the answer is sent somebody else is there."""
        asker = min((each for each in one.present if each is not BOT), key=lambda each: each.number, default=LENA)
        await one.asks(asker, one.room, "everything")
        if self.other:  # with somebody in the same turn who is gone before it ends
            await one.asks(self.who, one.room, "everything")
        await one.turns()
        one.comes_or_goes(self.who if self.flag else BOT)
        await one.settles()

    async def _says_in_room(self, one: Gathering) -> None:
        attached = (PHOTO,) if self.other else ()
        text = WORDS[self.number % len(WORDS)]
        await one.event(self.who, one.room, text, addressed=not self.flag, attachments=attached)

    async def _asks_alone(self, one: Gathering) -> None:
        await one.asks(self.who, self._alone(), (*GRANTS, "everything")[self.number % (len(GRANTS) + 1)])

    async def _says_alone(self, one: Gathering) -> None:
        attached = (PHOTO,) if self.other else ()
        text = f"{WORDS[self.number % len(WORDS)]} DIRECT-WORDS"
        await one.event(self.who, self._alone(), text, attachments=attached)

    async def _changes_words(self, one: Gathering) -> None:
        kind = Kind.EDIT if self.flag else Kind.DELETION
        await one.event(self.who, one.room, "crisis! EDIT-WORDS" if self.flag else "", kind=kind, about=one.kept)

    async def _writes_at_desk(self, one: Gathering) -> None:
        if not (cards := one.cards()):
            return
        at, thread, message = cards[self.number % len(cards)]
        line = LINES[self.number % len(LINES)]
        await one.event(
            self._steward, at, line, thread=thread if self.flag else "", answers=message, direct=at not in ROOMS
        )

    async def _presses(self, one: Gathering) -> None:
        tokens = one.tokens() or ["A" * 22]
        pressed = Pressed(
            token=tokens[self.number % len(tokens)],
            choice=("", "amara-okafor", "1:no")[self.number % 3],
            words=("", "OUTCOME-WORDS")[self.number % 2],
            handle="" if self.other else "handle",
        )
        at = one.room if self.flag else self._alone()
        await one.event(self.who, at, "", kind=Kind.PRESS, pressed=pressed)

    async def _presses_at_desk(self, one: Gathering) -> None:
        tokens, cards = one.tokens(), one.cards()
        if not (tokens and cards):
            return
        at, thread, _ = cards[self.number % len(cards)]
        pressed = Pressed(token=tokens[self.number % len(tokens)], words="OUTCOME-WORDS", handle="handle")
        await one.event(self._steward, at, "", kind=Kind.PRESS, pressed=pressed, thread=thread, direct=at not in ROOMS)

    async def _opens_home(self, one: Gathering) -> None:
        await one.event(self.who, self._alone(), "", kind=Kind.HOME)

    async def _comes_or_goes(self, one: Gathering) -> None:
        one.comes_or_goes(self.who if self.flag else BOT)
        if self.other:
            await one.event(self.who, one.room, "", kind=Kind.JOIN, addressed=False)

    async def _goes_blind(self, one: Gathering) -> None:
        one.goes_blind()

    async def _moves(self, one: Gathering) -> None:
        before = one.room
        one.moved(Address(channel=before.channel, team=before.team, room=f"{before.room}0"))
        await one.event(self.who, one.room, "", kind=Kind.MOVED, about=before.room, addressed=False)

    async def _answers_wait(self, one: Gathering) -> None:
        await one.turns()

    async def _settles(self, one: Gathering) -> None:
        await one.settles()

    async def _time_passes(self, one: Gathering) -> None:
        one.clock.forward(minutes=(3, 20, 300)[self.number % 3])
        await one.settles()

    async def _sending_fails(self, one: Gathering) -> None:
        for channel in one.channels.values():
            channel.troubles.append(TROUBLES[self.number % len(TROUBLES)])
            channel.cannot_say = SendError("RAW-WORDS no history") if self.flag else None

    async def _something_breaks(self, one: Gathering) -> None:
        if self.flag:
            one.answerer.error = RuntimeError("RAW-WORDS the index is gone")
        else:
            one.reader.error = RuntimeError("RAW-WORDS the reader is gone")


KINDS = [
    *["asks_in_room"] * 4, *["comes_before_it_is_sent"] * 3, *["says_in_room"] * 3, *["writes_at_desk"] * 2,
    *["presses"] * 2, *["comes_or_goes"] * 3, *["answers_wait"] * 3, "asks_alone", "says_alone", "presses_at_desk",
    "settles", "time_passes", "sending_fails", "something_breaks", "goes_blind", "moves", "changes_words", "opens_home",
]  # fmt: skip
STEP = st.builds(
    Step,
    kind=st.sampled_from(KINDS),
    who=st.sampled_from(WRITERS),
    number=st.integers(0, 999),
    flag=st.booleans(),
    other=st.booleans(),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """How a record begins, who is in which room, and what happens."""

    beginning: int
    room: Address
    present: frozenset[Somebody]
    nobody_can_say: bool
    steps: tuple[Step, ...]


def _people_of(room: Address) -> st.SearchStrategy[frozenset[Somebody]]:
    """Often those who belong there, so that there is something to lose; sometimes anybody."""
    at_home = [one for one in PEOPLE if ROOMS[room] in one.at_home] or list(STEWARDS.values())
    own = st.frozensets(st.sampled_from(at_home), min_size=1, max_size=3)
    return st.one_of(own, own, st.frozensets(st.sampled_from(PEOPLE), max_size=4))


_ROOMS = [*ROOMS, *(room for room, mission in ROOMS.items() if mission is not None)]
STORY = st.sampled_from(_ROOMS).flatmap(
    lambda room: st.builds(
        Story,
        beginning=st.integers(0, 4),
        room=st.just(room),
        present=_people_of(room),
        nobody_can_say=st.sampled_from([False] * 7 + [True]),
        steps=st.lists(STEP, min_size=2, max_size=STEPS).map(tuple),
    )
)


SOMEBODY_COMES = Story(
    beginning=0,
    room=next(room for room, mission in ROOMS.items() if mission == "portrait"),
    present=frozenset({LENA}),
    nobody_can_say=False,
    steps=(
        Step(kind="asks_in_room", who=LENA, number=0, flag=False, other=False),
        Step(kind="settles", who=LENA, number=0, flag=False, other=False),
        Step(kind="comes_before_it_is_sent", who=WALTER, number=0, flag=True, other=False),
    ),
)
"""What every house must get right before anything else: an answer for Lena's room, and none once Walter is there."""


# ── the property ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def crowded_pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    folder: Path = write_pack(tmp_path_factory.mktemp("crowded"), who=WHO, policy=POLICY)
    return load_pack(folder, today=date(2027, 3, 1))


@pytest.mark.parametrize("answers", ["mentioned", "people"])
@pytest.mark.parametrize("desks", list(DESKS))
def test_no_shared_room_hears_what_is_not_for_everybody_there(
    crowded_pack: Pack, desks: str, answers: Answers, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever happens in whatever room: what is said there everybody there may know, and nothing was left undone."""

    with asyncio.Runner() as runner, caplog.at_level(logging.WARNING, logger="bot"):
        stack = AsyncExitStack()
        one = runner.run(stack.enter_async_context(gathering(crowded_pack, desks, answers)))
        begun = runner.run(beginnings(one))
        assert one.wrong == []

        @settings(max_examples=STORIES, suppress_health_check=list(HealthCheck), database=None)
        @example(SOMEBODY_COMES)
        @given(STORY)
        def holds(story: Story) -> None:
            one.begin(begun[story.beginning], story.room, set(story.present), nobody_can_say=story.nobody_can_say)
            runner.run(_play(one, story))
            assert one.wrong == []

        try:
            holds()
            print(f"{desks}, {answers}: {dict(one.heard)}")
        finally:
            runner.run(stack.aclose())
            for each in begun:
                each.store.close()
    _something_was_at_stake(one)


async def _play(one: Gathering, story: Story) -> None:
    for step in story.steps:
        await step.happens(one)
        one.heard[step.kind] += 1
    await one.settles()


def _something_was_at_stake(one: Gathering) -> None:
    """Rooms were answered, from what only some may read, and refused where somebody had come in."""
    assert one.heard["in rooms"] > STORIES / 4
    assert one.heard["secrets in rooms"] > STORIES / 50
    assert one.heard["refused in rooms"] > 0
    assert one.heard["at desks"] > STORIES / 4
