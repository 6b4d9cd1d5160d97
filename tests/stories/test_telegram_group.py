"""The Telegram group of a mission: the concierge speaks when it is meant, and the weakest reader decides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path

from conftest import Stores
from fakes import ScriptedAnswerer, found, from_a_thread
from phones import TELEGRAM_ALONE, Phone, buttons, labels, phone, words
from town import FORUM, GROUP, INES_ON_TELEGRAM, LENA_ON_TELEGRAM, STRANGER_ON_TELEGRAM, Town, town

from knowledge.answer import Abstention, Answer

FOR_THE_MISSION = "The easel folds to forty centimetres."
IN_THE_ROOM = "What everyone in this room may read doesn't say."


class OfTheMission(ScriptedAnswerer):
    """Knows of the easel only for those who may read what belongs to Lena's mission."""

    def answer(
        self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()
    ) -> Answer | Abstention:
        known = super().answer(question, grants, on, before)
        return known if "easel" not in question or "mission:portrait" in grants else Abstention(score=0.1)


@asynccontextmanager
async def group(tmp_path: Path, stores: Stores, **named: object) -> AsyncIterator[tuple[Town, Phone, Phone]]:
    """The town with Telegram alone; Lena's phone at the group, and at her own chat, which she has begun."""
    async with town(tmp_path) as here:
        here.answerer = OfTheMission()
        here.answerer.answers["easel"] = found(FOR_THE_MISSION)
        async with here.opened(here.settings(stores, **TELEGRAM_ALONE, **named)):
            alone = phone(here, LENA_ON_TELEGRAM)
            alone.says("Hello")
            await alone.reads("I'm here whenever you need something.")
            yield here, phone(here, LENA_ON_TELEGRAM, GROUP), alone


async def test_it_answers_where_it_is_meant_and_is_silent_elsewhere(tmp_path: Path, stores: Stores) -> None:
    """A mention and an answer to its own words are answered, under the question; people's talk is left to people."""
    async with group(tmp_path, stores) as (here, lena, _):
        ines = phone(here, INES_ON_TELEGRAM, GROUP)
        lena.says("How heavy may a suit be?")
        from_ines = ines.says("Lena, how heavy may your kit be?")
        lena.says("Should my kit be lighter?", reply_to=from_ines)
        lena.says("Ines, may my kit have wheels?", names=[INES_ON_TELEGRAM])
        asked = lena.says("@concierge_bot How heavy may my kit be?")
        answer = await lena.reads("1.5 kg")
        assert answer["reply_to_message"]["message_id"] == asked["message_id"]
        assert labels(answer) == ["That did not answer it", "I need a person"]
        again = lena.says("And how big may the easel be?", reply_to=answer)
        second = await lena.reads(FOR_THE_MISSION)
        assert second["reply_to_message"]["message_id"] == again["message_id"]
        assert [one for one, *_ in here.answerer.asked] == ["How heavy may my kit be?", "And how big may the easel be?"]
        assert len(lena.posts) == 2


async def test_where_it_may_it_answers_the_missions_own_people_unasked(tmp_path: Path, stores: Stores) -> None:
    """With `rooms_answer=people` a question of Lena's is answered; a steward's, and one to a steward, is not."""
    async with group(tmp_path, stores, rooms_answer="people") as (here, lena, _):
        from_ines = phone(here, INES_ON_TELEGRAM, GROUP).says("Lena, how heavy may your kit be?")
        lena.says("Should my kit be lighter?", reply_to=from_ines)
        lena.says("I have packed my kit.")
        asked = lena.says("How heavy may my kit be?")
        answer = await lena.reads("1.5 kg")
        assert answer["reply_to_message"]["message_id"] == asked["message_id"]
        lena.says("@concierge_bot How big may the easel be?")
        await lena.reads(FOR_THE_MISSION)
        assert len(lena.posts) == 2


async def test_a_stranger_in_the_room_makes_it_say_only_what_everyone_may_read(tmp_path: Path, stores: Stores) -> None:
    """What belongs to the mission is offered directly to whoever may read it; the room gets what everyone may read."""
    async with group(tmp_path, stores) as (here, lena, alone):
        lena.says("@concierge_bot How big may the easel be?")
        await lena.reads(FOR_THE_MISSION)
        here.telegram.joins(GROUP, STRANGER_ON_TELEGRAM)
        lena.says("@concierge_bot How big is the easel when it is folded?")
        await lena.reads(IN_THE_ROOM)
        await alone.reads("You asked in a shared room: “How big is the easel when it is folded?”")
        assert FOR_THE_MISSION not in alone.screen, "it is looked up for her when she says so"
        await alone.presses("Look it up for me")
        await alone.reads(FOR_THE_MISSION)
        stranger = phone(here, STRANGER_ON_TELEGRAM, GROUP)
        stranger.says("@concierge_bot How big is the easel?")
        await lena.reads(IN_THE_ROOM, 2)
        stranger.says("@concierge_bot How heavy may a kit be?")
        await lena.reads("1.5 kg")
        here.telegram.leaves(GROUP, STRANGER_ON_TELEGRAM)
        lena.says("@concierge_bot And how heavy may the easel be?")
        await lena.reads(FOR_THE_MISSION, 2)
        assert not here.telegram.posts(STRANGER_ON_TELEGRAM), "nothing is sent to somebody whom nobody knows"
        assert "Lena" not in lena.screen, "nobody is named in a room"


async def test_somebody_who_joins_before_it_is_sent_does_not_read_it(tmp_path: Path, stores: Stores) -> None:
    """A stranger comes in while the answer is looked up: the answer stays unsaid."""
    async with group(tmp_path, stores) as (here, lena, _):

        async def joins() -> None:
            here.telegram.joins(GROUP, STRANGER_ON_TELEGRAM)

        here.answerer.meanwhile = from_a_thread(joins)
        lena.says("@concierge_bot How big may the easel be?")
        await lena.reads("I had an answer, but not one for everyone who reads here now.")
        assert FOR_THE_MISSION not in lena.screen


async def test_a_strangers_press_does_nothing(tmp_path: Path, stores: Stores) -> None:
    """Whoever reads along can press what stands under an answer: they are told, alone, that it is not theirs."""
    async with group(tmp_path, stores) as (here, lena, alone):
        here.telegram.joins(GROUP, STRANGER_ON_TELEGRAM)
        lena.says("@concierge_bot How heavy may my kit be?")
        answer = await lena.reads("1.5 kg")
        stranger = phone(here, STRANGER_ON_TELEGRAM, GROUP)
        for label in labels(answer):
            assert "That button is for the person I answered." in await stranger.presses(label)
        shown = [one for one in here.telegram.called("answerCallbackQuery") if one["show_alert"]]
        assert len(shown) == 2
        old = here.telegram.presses(STRANGER_ON_TELEGRAM, answer, "made-up", stale=True)
        assert "does nothing any more" in await stranger.answered(old)
        assert await lena.presses("I need a person") == "I have noted it."
        await alone.reads("I have asked Ines Prado")
        assert words(answer) == lena.screen, "the room hears nothing of it"
        assert all(len(one["callback_data"]) == 22 for one in buttons(answer)), "a token says nothing"


async def test_who_needs_a_person_is_looked_after_outside_of_the_room(tmp_path: Path, stores: Stores) -> None:
    """The room hears nothing of worry and of who was asked; card and conversation are elsewhere."""
    async with group(tmp_path, stores) as (here, lena, alone):
        lena.says("@concierge_bot asks_for_person, I feel such anxiety!")
        await alone.reads("I have asked Ines Prado")
        ines = await phone(here, INES_ON_TELEGRAM, FORUM).opens_topic()
        await ines.reads("Lena Voss")
        ines.says("I am calling you in a minute.")
        await alone.reads("I am calling you in a minute.")
        lena.says("@concierge_bot How heavy may my kit be?")
        await lena.reads("1.5 kg")
        for word in ("Ines", "Lena", "asked", "anxiety", "calling"):
            assert word not in lena.screen
