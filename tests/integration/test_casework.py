"""Turns, and what people do about them, over a real record: what the customer hears, and when, and how often."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from fakes import MONDAY, found, from_a_thread
from scenes import LENA, ROOM, STRANGER, WALTER, Scene, desk

from bot import considering, replies
from bot.casework import NotAllowed, Nowhere
from bot.desk.terminal import TerminalDesk
from bot.ledger.engine import reading
from bot.messages import Attachment, Kind, Purpose
from escalation import record
from escalation.case import CaseError, State
from escalation.policy import Severity
from knowledge.answer import Answer, Side

EASTER_MONDAY = datetime(2027, 4, 5, 10, 0, tzinfo=UTC)
"""A day on which Amara and Ruth are away."""

# ── a turn ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_question_is_answered_from_the_documents(scene: Scene) -> None:
    """A customer asks; the document's sentence comes back with its place and what may change about it."""
    (told,) = await scene.says("How heavy may my kit be?")
    assert "Your kit may weigh 1.5 kg." in told
    assert "Handbook, Baggage" in told
    assert "Weights change." in told


async def test_a_reader_is_asked_for_with_their_own_grants(scene: Scene) -> None:
    """What may be used for an answer is what this customer may see."""
    await scene.says("How heavy may my kit be?")
    ((_, grants, on),) = scene.answerer.asked
    assert grants == {"everyone", "mission:portrait", "flight:aurora-2"}
    assert on == MONDAY.date()


async def test_what_the_documents_do_not_say_is_not_guessed(scene: Scene) -> None:
    """The concierge says that it does not know, and offers the person who stands beside this customer."""
    assert await scene.says("Which wine is served?") == [replies.not_in_the_documents("Ines Prado")]


async def test_the_part_of_a_message_that_stays_open_is_named_and_counts_as_unanswered(scene: Scene) -> None:
    """What the documents say is told; what they do not say is told to be missing, and twice of that brings a person."""
    half = replace(found("Your kit may weigh 1.5 kg."), missing=("which colour must it have?",))
    scene.answerer.answers = {"kit": half}
    (told,) = await scene.says("How heavy may my kit be, and which colour must it have?")
    assert "1.5 kg" in told
    assert "About “which colour must it have” the documents I can quote to you don't say" in told
    scene.clock.forward(minutes=10)
    (told,) = await scene.says("How heavy may my kit be, and which colour must it have?")
    assert "I have asked Ines Prado" in told
    assert (await scene.escalation()).rules == ("unanswered twice",)


async def test_documents_that_disagree_are_both_told_and_a_person_is_asked(scene: Scene) -> None:
    """With their dates; nobody has to find out alone which one holds."""
    one, other = found("Your kit may weigh 1.5 kg.").sentences[0], found("Your kit may weigh 2 kg.").sentences[0]
    sides = (Side(sentence=one, since=date(2026, 10, 1)), Side(sentence=other, since=None))
    scene.answerer.answers = {"kit": Answer(sentences=(one, other), caveats=(), score=0.9, conflict=sides)}
    (told,) = await scene.says("How heavy may my kit be?")
    assert "1.5 kg" in told
    assert "2 kg" in told
    assert "These two do not agree: Handbook (in force since 1 October 2026) and Handbook (undated)." in told
    assert "I have asked Ines Prado" in told
    assert (await scene.escalation()).rules == ("the documents disagree",)


async def test_a_second_question_without_an_answer_brings_a_person(scene: Scene) -> None:
    """Two abstentions within an hour are a sensitive moment by this policy."""
    await scene.says("Which wine is served?")
    assert await scene.escalations() == ()
    scene.clock.forward(minutes=10)
    (told,) = await scene.says("Which cheese is served?")
    assert "I have asked Ines Prado" in told
    assert (await scene.escalation()).rules == ("unanswered twice",)


async def test_a_person_who_takes_over_resets_what_was_unanswered(scene: Scene) -> None:
    """From a take-over on, the earlier abstentions count no more: neither while it is held nor after it."""
    await scene.says("Which wine is served?")
    await scene.says("Which cheese is served?")
    one = await scene.escalation()
    await scene.house.casework.take_over(one.id, "ines", scene.clock.forward(minutes=1))
    scene.clock.forward(minutes=1)
    await scene.says("Thanks for being here")
    assert (await scene.escalation()).messages == one.messages
    await scene.house.casework.resolve(one.id, "ines", outcome="told them", now=scene.clock.forward(minutes=1))
    scene.clock.forward(minutes=1)
    await scene.says("Which fruit is served?")
    assert await scene.escalations() == ()


async def test_several_messages_that_wait_are_taken_together(scene: Scene) -> None:
    """Somebody who sends three lines in a row gets one reply that answers all of them."""
    scene.answerer.answers["water"] = found("Water is recycled.")
    for line in ("How heavy may my kit be?", "And the water?", "thanks"):
        await scene.arrives(line)
    await scene.settle()
    (told,) = scene.heard()
    assert "1.5 kg" in told
    assert "Water is recycled." in told
    assert [entry.role for entry in await scene.transcript()] == ["customer"] * 3 + ["concierge"]


async def test_a_later_message_of_a_turn_is_read_with_the_earlier_ones(scene: Scene) -> None:
    """The reader of cues and the search see what the customer wrote just before, in its order."""
    await scene.arrives("My kit is heavy.")
    await scene.arrives("Is it too heavy?")
    await scene.settle()
    assert scene.reader.seen == [("My kit is heavy.", ()), ("Is it too heavy?", ("My kit is heavy.",))]


async def test_what_arrives_while_a_turn_is_running_is_taken_in_the_next_one(scene: Scene) -> None:
    """The turn answers what it has read; what came meanwhile is neither lost nor answered twice."""
    scene.answerer.meanwhile = from_a_thread(partial(scene.arrives, "How heavy may my other kit be?"))
    await scene.says("How heavy may my kit be?")
    assert len(scene.heard()) == 2
    assert [entry.role for entry in await scene.transcript()] == ["customer", "concierge"] * 2


async def test_a_very_long_row_of_messages_is_still_one_turn(scene: Scene) -> None:
    """Two hundred lines that piled up are answered like three."""
    for number in range(200):
        await scene.arrives(f"line {number}")
    await scene.settle()
    assert len(scene.heard()) == 1
    assert len(await scene.transcript()) == 100  # the last hundred entries, the reply among them


async def test_a_message_is_never_answered_twice(scene: Scene) -> None:
    """Two turns over the same messages, at the same time: one of them stands."""
    await scene.arrives("How heavy may my kit be?")
    place = await scene.place()
    turns = [scene.house.concierge.take_turn(place.id, scene.clock()) for _ in range(4)]
    taken = await asyncio.gather(*turns)
    await scene.settle()
    assert len([turn for turn in taken if turn is not None]) == 1
    assert len(scene.heard()) == 1


async def test_an_edit_changes_what_was_said_and_keeps_what_it_was(scene: Scene) -> None:
    """Nobody is answered for an edit; the transcript says the new text, and that it was edited."""
    message = await scene.arrives("How heavy may my kit be?")
    await scene.settle()
    scene.clock.forward(minutes=1)
    await scene.arrives("How heavy may my bag be?", kind=Kind.EDIT, about=message.message_key)
    await scene.settle()
    first, _answer = await scene.transcript()
    assert (first.text, first.edited_at) == ("How heavy may my bag be?", scene.clock())
    assert len(scene.heard()) == 1


async def test_an_edit_that_arrives_before_the_message_was_taken_is_kept_too(scene: Scene) -> None:
    """A message and its edit wait together: the edit is not lost."""
    message = await scene.arrives("How heavy may my kit be?")
    await scene.arrives("How heavy may my kitbag be?", kind=Kind.EDIT, about=message.message_key)
    await scene.settle()
    first, _answer = await scene.transcript()
    assert first.text == "How heavy may my kitbag be?"


async def test_what_is_taken_back_stays_in_the_record_as_taken_back(scene: Scene) -> None:
    """A deletion marks the entry; it is no longer given to the reader as something the customer said."""
    message = await scene.arrives("I hate this kit")
    await scene.settle()
    await scene.arrives("", kind=Kind.DELETION, about=message.message_key)
    await scene.settle()
    assert (await scene.transcript())[0].deleted_at == scene.clock()
    await scene.says("hello")
    assert scene.reader.seen[-1] == ("hello", ())


async def test_a_change_of_a_message_that_nobody_knows_does_no_harm(scene: Scene) -> None:
    """An edit of something from before the concierge joined is taken and leaves nothing behind."""
    await scene.arrives("new", kind=Kind.EDIT, about="long ago")
    await scene.settle()
    assert await scene.transcript() == []
    assert scene.heard() == []


# ── strangers and rooms ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_stranger_gets_a_courteous_line_and_nothing_else(scene: Scene) -> None:
    """Whatever they ask, nothing is looked up for them."""
    assert await scene.says("How heavy may my kit be?", at=STRANGER) == [replies.stranger("Meridian Orbital")]
    assert scene.answerer.asked == []


async def test_a_stranger_can_reach_a_person(scene: Scene) -> None:
    """They are told that a person will answer, without a name; the steward reads that nobody knows them."""
    (told,) = await scene.says("asks_for_person", at=STRANGER)
    assert told == replies.stranger_asked("Meridian Orbital")
    assert "somebody we do not know" in scene.heard(desk("marc"))[0]
    one = await scene.escalation()
    await scene.house.casework.reply(one.id, "marc", "How can I help?", scene.clock())
    await scene.settle()
    *_, held, reply = scene.heard(STRANGER)
    assert held.startswith("A person of our team is with you now")
    assert reply == "How can I help?"


async def test_a_strangers_escalation_that_nobody_picks_up_is_asked_about_again(scene: Scene) -> None:
    """The ladder climbs for them as well, and names nobody."""
    await scene.says("asks_for_person", at=STRANGER)
    await scene.later(minutes=15)
    assert "I have asked a person of our team again" in scene.heard(STRANGER)[-1]


async def test_a_room_hears_nothing_of_a_cue_or_an_escalation(scene: Scene) -> None:
    """The room gets the answer alone; that somebody was asked is said in the customer's direct conversation."""
    await scene.says("Hello")
    told = await scene.says("anxiety! How heavy may my kit be?", at=ROOM, by="1001")
    assert told == [replies.answer(scene.answerer.answers["kit"])]
    assert "I have asked Ines Prado" in scene.heard(LENA)[-1]
    assert "Lena Voss" in scene.heard(desk("ines"))[0]


async def test_who_only_ever_wrote_in_a_room_is_told_directly(scene: Scene) -> None:
    """The room hears nothing of it; what a steward replies goes where the customer alone reads."""
    told = await scene.says("crisis", at=ROOM, by="1001")
    assert len(told) == 1
    assert "Rosa" not in told[0]
    assert "I have called Rosa Lund" in scene.heard(LENA)[-1]
    one = await scene.escalation()
    await scene.house.casework.reply(one.id, "rosa", "I am here.", scene.clock())
    await scene.settle()
    assert scene.heard(LENA)[-1] == "I am here."
    assert scene.heard(ROOM) == told


async def test_a_stranger_who_wrote_in_a_room_cannot_be_answered_alone(scene: Scene) -> None:
    """Somebody is asked all the same; a steward who wants to reply is told that there is nowhere to."""
    await scene.says("crisis", at=ROOM, by="9999")
    one = await scene.escalation()
    with pytest.raises(Nowhere):
        await scene.house.casework.reply(one.id, "rosa", "I am here.", scene.clock())
    assert (await scene.escalation()).owner is None


async def test_in_a_room_nothing_is_said_to_those_who_talk_to_each_other(scene: Scene) -> None:
    """A message that does not address the concierge is kept, and neither looked up nor answered."""
    await scene.arrives("How heavy may my kit be?", at=ROOM, by="1001", addressed=False)
    await scene.settle()
    assert scene.heard(ROOM) == []
    assert scene.answerer.asked == []
    assert [one.text for one in await scene.transcript(ROOM)] == ["How heavy may my kit be?"]


async def test_what_nobody_was_asked_still_counts_for_how_somebody_is(scene: Scene) -> None:
    """A cue in a room is heard also where the concierge is not meant; what comes of it is said directly."""
    await scene.says("Hello?")
    await scene.arrives("crisis", at=ROOM, by="1001", addressed=False)
    await scene.settle()
    assert scene.heard(ROOM) == []
    assert (await scene.escalation()).customer == "lena"


async def test_an_answer_goes_into_the_thread_where_it_was_asked(scene: Scene) -> None:
    """And nowhere else in the room."""
    await scene.arrives("How heavy may my kit be?", at=ROOM, by="1001", thread="42")
    await scene.settle()
    (post,) = [post for post in scene.channel.sent if post.address == ROOM]
    assert post.thread == "42"


PHOTO = Attachment(what="a photo", ref="telegram:1001:7")


async def test_what_cannot_be_read_goes_to_the_customers_steward(scene: Scene) -> None:
    """With the photo itself, and the customer is told by whom it will be seen; nobody is called for it."""
    await scene.arrives("", attachments=(PHOTO,))
    await scene.settle()
    (said,) = scene.heard()
    assert "a photo" in said
    assert "handed it on to Ines Prado" in said
    (post,) = [post for post in scene.channel.sent if post.address == desk("ines")]
    assert post.attachments == (PHOTO,)
    assert "[a photo]" in post.text
    assert await scene.escalations() == ()


async def test_words_beside_a_file_are_answered_all_the_same(scene: Scene) -> None:
    """The question first, then what became of the file."""
    await scene.arrives("How heavy may my kit be?", attachments=(PHOTO,))
    await scene.settle()
    (said,) = scene.heard()
    assert said.index("1.5 kg") < said.index("handed it on")


async def test_a_file_while_a_person_holds_the_conversation_is_relayed_to_them(scene: Scene) -> None:
    """The concierge says nothing of it."""
    await scene.says("asks_for_person")
    one = await scene.escalation()
    await scene.house.casework.take_over(one.id, "ines", scene.clock())
    await scene.settle()
    before = len(scene.heard())
    await scene.arrives("this one", attachments=(PHOTO,))
    await scene.settle()
    assert len(scene.heard()) == before
    assert scene.channel.sent[-1].attachments == (PHOTO,)
    assert scene.channel.sent[-1].text == "Lena Voss: this one [a photo]"


async def test_a_strangers_file_goes_nowhere(scene: Scene) -> None:
    """They are asked for words; no steward gets a file from somebody whom nobody knows."""
    await scene.arrives("", at=STRANGER, attachments=(PHOTO,))
    await scene.settle()
    assert any("cannot open a photo" in said for said in scene.heard(STRANGER))
    assert all(not post.attachments for post in scene.channel.sent)


async def test_the_weakest_reader_in_a_room_decides(scene: Scene) -> None:
    """With a stranger present only what everyone may read is looked at."""
    await scene.arrives("How heavy may my kit be?", at=ROOM, by="1001", present=("2003",))
    await scene.settle()
    await scene.arrives("How heavy may my kit be?", at=ROOM, by="1001", present=("9999",))
    await scene.settle()
    grants = [grants for _, grants, _ in scene.answerer.asked]
    assert grants == [frozenset({"everyone", "mission:portrait", "flight:aurora-2"}), frozenset({"everyone"})]


# ── when something of ours fails ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_that_fails_is_told_honestly_and_brings_a_person(scene: Scene) -> None:
    """The customer reads that something failed and who has been asked; the message is not lost."""
    scene.answerer.error = RuntimeError("the index is gone")
    (told,) = await scene.says("How heavy may my kit be?")
    assert told.startswith(replies.failed())
    assert "I have asked Ines Prado" in told
    assert (await scene.escalation()).rules == ("the concierge failed",)


async def test_an_answer_that_hangs_is_told_honestly_and_brings_a_person(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the time that an answer may take, the turn goes on without it."""
    monkeypatch.setattr(considering, "ANSWER_WITHIN", timedelta(seconds=0.1))
    scene.answerer.hangs = threading.Event()
    try:
        (told,) = await scene.says("How heavy may my kit be?")
    finally:
        scene.answerer.hangs.set()
    assert told.startswith(replies.failed())
    assert (await scene.escalation()).severity is Severity.care


async def test_a_reader_of_cues_that_fails_brings_a_person_and_leaves_the_answer(scene: Scene) -> None:
    """Nobody can say how the customer is, so a person looks; the question is answered all the same."""
    scene.reader.error = RuntimeError("no model")
    (told,) = await scene.says("How heavy may my kit be?")
    assert "1.5 kg" in told
    assert "I have asked Ines Prado" in told
    assert (await scene.escalation()).rules == ("the concierge failed",)


async def test_one_conversation_that_cannot_be_taken_does_not_stop_the_others(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect in one customer's turn leaves their message waiting and every other customer served."""
    taken = scene.house.concierge.take_turn
    await scene.arrives("How heavy may my kit be?", at=WALTER)
    broken = (await scene.place(WALTER)).id

    async def take_turn(conversation: int, now: datetime, rows: frozenset[int]) -> object:
        if conversation == broken:
            raise KeyError("a defect")
        return await taken(conversation, now, rows)

    monkeypatch.setattr(scene.house.concierge, "take_turn", take_turn)
    assert len(await scene.says("How heavy may my kit be?")) == 1
    monkeypatch.undo()
    await scene.settle()
    assert len(scene.heard(WALTER)) == 1


# ── cues ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_cue_alone_calls_nobody(scene: Scene) -> None:
    """It is logged with the words that carried it and the reader that saw it; policy decides, and did not call."""
    await scene.says("a little anxiety")
    async with reading(scene.house.engine) as connection:
        (logged,) = await record.cues_of(connection, customer="lena")
    assert (logged.cue.name, logged.cue.words, logged.reader) == ("anxiety", ("anxiety",), "script-1")
    assert await scene.escalations() == ()


async def test_a_critical_moment_calls_everybody_at_once(scene: Scene) -> None:
    """The topic's steward is named, everybody on the ladder is asked, and no answer stands before it."""
    (told,) = await scene.says("crisis. How heavy may my kit be?")
    assert told == "You matter. I have called Rosa Lund and everybody beside them."
    for steward in ("rosa", "ines", "amara", "ruth"):
        assert len(scene.heard(desk(steward))) == 1
    assert scene.heard(desk("marc")) == []


async def test_a_message_that_joins_does_not_call_twice(scene: Scene) -> None:
    """The open escalation takes it in; the customer is told that it was added."""
    await scene.says("distrust")
    assert await scene.says("I still feel distrust.") == [replies.already_with("Ines Prado")]
    assert len((await scene.escalation()).messages) == 2
    assert len(scene.heard(desk("ines"))) == 1


async def test_an_escalation_that_grows_asks_anew(scene: Scene) -> None:
    """From care to critical: everybody who was not asked is asked now, within the shorter time."""
    await scene.says("distrust")
    await scene.says("crisis")
    one = await scene.escalation()
    assert one.severity is Severity.critical
    assert one.answer_by == scene.clock() + timedelta(minutes=2)
    assert set(one.asked) == {"ines", "rosa", "amara", "ruth"}


async def test_who_has_it_is_told_when_it_grows(scene: Scene) -> None:
    """Once somebody answers for it nobody else is called; that one hears that it is more severe now."""
    await scene.says("distrust")
    one = await scene.escalation()
    await scene.house.casework.acknowledge(one.id, "ines", scene.clock())
    await scene.says("asks_for_person")
    assert "is urgent now" in scene.heard(desk("ines"))[-1]
    assert (await scene.escalation()).answer_by is None


# ── the ladder ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_ladder_climbs_while_nobody_acknowledges(scene: Scene) -> None:
    """Each rung has its time; then the next is asked, the customer hears whom, and nobody hears it twice."""
    await scene.says("asks_for_person")
    assert scene.heard()[-1].endswith("I have asked Ines Prado, who has 15 minutes; it is 11:00 there.")
    await scene.later(minutes=14, seconds=59)
    assert len(scene.heard()) == 1
    await scene.later(seconds=1)
    await scene.settle()
    assert len(scene.heard()) == 2
    assert scene.heard()[-1].startswith("Ines Prado has not picked this up yet, so I have now asked Amara Okafor")
    await scene.later(minutes=15)
    assert scene.heard()[-1].startswith("Amara Okafor has not picked this up yet, so I have now asked Ruth Calder")
    await scene.later(minutes=15)
    assert scene.heard()[-1].startswith("Ruth Calder has not picked this up yet, so I have now asked Ines Prado")
    assert len(scene.heard(desk("ines"))) == 2


async def test_the_ladder_stops_when_somebody_acknowledges(scene: Scene) -> None:
    """From then on nobody else is asked, however much time passes."""
    await scene.says("asks_for_person")
    await scene.later(minutes=15)
    one = await scene.escalation()
    await scene.house.casework.acknowledge(one.id, "amara", scene.clock())
    await scene.later(hours=48)
    assert scene.heard()[-1] == replies.seen("Amara Okafor")
    assert scene.heard(desk("ruth")) == []
    assert scene.heard(desk("ines"))[-1] == f"Amara Okafor has escalation {one.id} (Lena Voss)."


async def test_a_timer_that_two_processes_mind_climbs_once(scene: Scene) -> None:
    """Two sweepers find the same row due; one rung is asked."""
    await scene.says("asks_for_person")
    one = await scene.escalation()
    scene.clock.forward(minutes=15)
    await asyncio.gather(*(scene.house.casework.climb(one.id, scene.clock()) for _ in range(4)))
    await scene.settle()
    assert (await scene.escalation()).asked == ("ines", "amara")
    assert len(scene.heard()) == 2


async def test_outside_everybodys_hours_the_customer_is_not_left_in_false_hope(scene: Scene) -> None:
    """With nobody on duty the first is asked all the same, and the customer is told how it is."""
    scene.clock.moment = EASTER_MONDAY + timedelta(hours=12)
    (told,) = await scene.says("asks_for_person")
    assert replies.asked_off_duty("Ines Prado") in told
    assert (await scene.escalation()).asked == ("ines",)


async def test_at_night_the_one_who_is_on_duty_is_asked(scene: Scene) -> None:
    """Ines and Amara sleep; Ruth is always on duty."""
    scene.clock.moment = MONDAY + timedelta(hours=12)
    (told,) = await scene.says("asks_for_person")
    assert "I have asked Ruth Calder" in told


# ── people ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_customer_hears_of_every_step_once(scene: Scene) -> None:
    """Asked, seen, taken over, handed over, back, resolved: each is said when it has happened, and once."""
    work = scene.house.casework
    await scene.says("asks_for_person")
    one = (await scene.escalation()).id
    for _ in range(2):
        await work.acknowledge(one, "ines", scene.clock())
    for _ in range(2):
        await work.take_over(one, "ines", scene.clock())
    await work.offer(one, "ines", to="amara", brief="She asks about her daughter.", now=scene.clock())
    await work.acknowledge(one, "amara", scene.clock())
    await work.hand_back(one, "amara", scene.clock())
    await work.resolve(one, "amara", outcome="The call is booked.", now=scene.clock())
    await scene.settle()
    assert scene.heard()[1:] == [
        replies.seen("Ines Prado"),
        replies.took_over("Ines Prado"),
        replies.handed_over("Ines Prado", "Amara Okafor"),
        replies.handed_back("Amara Okafor"),
        replies.resolved("Amara Okafor"),
    ]


async def test_a_reply_takes_the_conversation_over(scene: Scene) -> None:
    """The customer reads who is with them, then the steward's own words in the steward's name."""
    await scene.says("asks_for_person")
    one = await scene.escalation()
    await scene.house.casework.reply(one.id, "ines", "I am here, Lena.", scene.clock())
    await scene.settle()
    assert scene.heard()[1:] == [replies.took_over("Ines Prado"), "I am here, Lena."]
    assert (scene.channel.sent[-1].author, scene.channel.sent[-1].purpose) == ("Ines Prado", Purpose.RELAY)
    entry = (await scene.transcript())[-1]
    assert (entry.role, entry.author) == ("steward", "ines")


async def test_two_replies_at_the_same_moment_both_arrive(scene: Scene) -> None:
    """A clock that has not moved between two replies loses neither."""
    await scene.says("asks_for_person")
    one = await scene.escalation()
    for line in ("I am here.", "Shall I call you?"):
        await scene.house.casework.reply(one.id, "ines", line, scene.clock())
    await scene.settle()
    assert scene.heard()[-2:] == ["I am here.", "Shall I call you?"]


async def test_while_a_person_holds_the_conversation_the_concierge_is_silent(scene: Scene) -> None:
    """What the customer writes goes to the steward, is kept, and is read for cues; nothing is looked up or said."""
    await scene.says("asks_for_person")
    one = await scene.escalation()
    await scene.house.casework.take_over(one.id, "ines", scene.clock())
    await scene.settle()
    looked_up = len(scene.answerer.asked)
    assert await scene.says("How heavy may my kit be? anxiety!") == []
    assert scene.heard(desk("ines"))[-1] == "Lena Voss: How heavy may my kit be? anxiety!"
    assert len(scene.answerer.asked) == looked_up
    assert (await scene.escalation()).rules == ("asked for a person", "distress")


async def test_after_it_is_handed_back_the_concierge_speaks_again(scene: Scene) -> None:
    """The escalation stays with the steward; the conversation is the concierge's."""
    await scene.says("asks_for_person")
    one = await scene.escalation()
    await scene.house.casework.take_over(one.id, "ines", scene.clock())
    await scene.house.casework.hand_back(one.id, "ines", scene.clock())
    await scene.settle()
    assert "1.5 kg" in (await scene.says("How heavy may my kit be?"))[0]
    assert (await scene.escalation()).owner == "ines"


async def _asked_for(scene: Scene) -> int:
    await scene.says("asks_for_person")
    return (await scene.escalation()).id


async def test_a_take_over_while_the_answer_is_looked_up_silences_it(scene: Scene) -> None:
    """Between reading and commit a person takes over: the answer is not said, the message goes to that person."""
    one = await _asked_for(scene)
    scene.answerer.meanwhile = from_a_thread(partial(scene.house.casework.take_over, one, "ines", scene.clock()))
    await scene.says("How heavy may my kit be?")
    assert scene.heard()[1:] == [replies.took_over("Ines Prado")]
    assert scene.heard(desk("ines"))[-1] == "Lena Voss: How heavy may my kit be?"


async def test_a_hand_back_while_a_message_is_read_leaves_it_to_the_concierge(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn began while a person held the conversation and ended after it: it is taken anew, and answered."""
    one = await _asked_for(scene)
    await scene.house.casework.take_over(one, "ines", scene.clock())
    read = scene.reader.read
    step = from_a_thread(partial(scene.house.casework.hand_back, one, "ines", scene.clock()))

    def slowly(text: str, before: tuple[str, ...] = ()) -> object:
        step()
        return read(text, before)

    monkeypatch.setattr(scene.reader, "read", slowly)
    told = await scene.says("How heavy may my kit be?")
    assert "1.5 kg" in told[-1]
    assert len(scene.heard(desk("ines"))) == 1


async def test_an_answer_that_was_not_sent_yet_is_withheld(scene: Scene) -> None:
    """It stood in the outbox when a person took over: it is never said, and the dossier does not claim that it was."""
    one = await _asked_for(scene)
    await scene.arrives("How heavy may my kit be?")
    place = await scene.place()
    await scene.house.concierge.take_turn(place.id, scene.clock())
    await scene.house.casework.take_over(one, "ines", scene.clock())
    await scene.settle()
    assert scene.heard()[1:] == [replies.took_over("Ines Prado")]
    assert not any("1.5 kg" in entry.text for entry in await scene.transcript())


async def test_a_take_over_and_a_turn_at_the_same_time_do_not_stop_each_other(scene: Scene) -> None:
    """Whichever comes first, both happen, and the concierge is silent from the take-over on."""
    one = await _asked_for(scene)
    for number in range(6):
        await scene.arrives(f"distrust {number}")
        place = await scene.place()
        step = scene.house.casework.take_over if number % 2 == 0 else scene.house.casework.hand_back
        turn, _ = await asyncio.gather(
            scene.house.concierge.take_turn(place.id, scene.clock()), step(one, "ines", scene.clock())
        )
        assert turn is not None
    await scene.settle()
    assert len((await scene.escalation()).messages) == 7


async def test_a_step_and_a_turn_in_a_room_do_not_stop_each_other(scene: Scene) -> None:
    """The turn takes place in the room and speaks in the direct conversation, which the steward takes over and back."""
    one = await _asked_for(scene)
    for number in range(6):
        await scene.arrives(f"distrust {number}", at=ROOM, by="1001")
        place = await scene.place(ROOM)
        step = scene.house.casework.take_over if number % 2 == 0 else scene.house.casework.hand_back
        turn, _ = await asyncio.gather(
            scene.house.concierge.take_turn(place.id, scene.clock()), step(one, "ines", scene.clock())
        )
        assert turn is not None
    assert len((await scene.escalation()).messages) == 7


async def test_in_a_held_conversation_a_message_in_a_room_stays_quiet_too(scene: Scene) -> None:
    """What a room called for is not announced into the conversation that a person holds."""
    one = await _asked_for(scene)
    await scene.house.casework.take_over(one, "ines", scene.clock())
    await scene.settle()
    before = scene.heard()
    await scene.says("distrust", at=ROOM, by="1001")
    assert scene.heard() == before
    assert len((await scene.escalation()).messages) == 2


async def test_a_hand_over_needs_to_be_accepted(scene: Scene) -> None:
    """Until the other accepts nothing changes hands; then the conversation is theirs, and both know."""
    one = await _asked_for(scene)
    work = scene.house.casework
    await work.take_over(one, "ines", scene.clock())
    await work.offer(one, "ines", to="marc", brief="Speaks Yoruba.", now=scene.clock())
    await scene.settle()
    assert (await scene.place()).holder == "ines"
    assert "Speaks Yoruba." in scene.heard(desk("marc"))[-1]
    await work.acknowledge(one, "marc", scene.clock())
    await scene.settle()
    assert (await scene.place()).holder == "marc"
    assert scene.heard(desk("ines"))[-1] == f"Marc Oyelaran has accepted escalation {one} (Lena Voss)."
    with pytest.raises(CaseError, match="only they can"):
        await work.resolve(one, "ines", outcome="mine", now=scene.clock())


async def test_a_hand_over_that_nobody_answers_lapses(scene: Scene) -> None:
    """After the time to answer the first steward is told that it is still theirs; the customer hears nothing of it."""
    one = await _asked_for(scene)
    await scene.house.casework.acknowledge(one, "ines", scene.clock())
    await scene.house.casework.offer(one, "ines", to="amara", brief="", now=scene.clock())
    await scene.settle()
    heard = scene.heard()
    await scene.later(minutes=15)
    assert scene.heard(desk("ines"))[-1] == (
        f"Amara Okafor has not answered your offer of escalation {one}; it is still with you."
    )
    assert scene.heard() == heard
    with pytest.raises(CaseError):
        await scene.house.casework.acknowledge(one, "amara", scene.clock())


async def test_a_hand_over_can_be_declined(scene: Scene) -> None:
    """It stays where it was, and who offered it knows."""
    one = await _asked_for(scene)
    await scene.house.casework.acknowledge(one, "ines", scene.clock())
    await scene.house.casework.offer(one, "ines", to="amara", brief="", now=scene.clock())
    await scene.house.casework.decline(one, "amara", scene.clock())
    await scene.settle()
    assert scene.heard(desk("ines"))[-1] == f"Amara Okafor cannot take escalation {one}; it is still with you."
    assert (await scene.escalation()).owner == "ines"


STEPS: dict[str, Callable[[Scene, int], object]] = {
    "acknowledge": lambda scene, one: scene.house.casework.acknowledge(one, "marc", scene.clock()),
    "take_over": lambda scene, one: scene.house.casework.take_over(one, "marc", scene.clock()),
    "reply": lambda scene, one: scene.house.casework.reply(one, "marc", "Hello", scene.clock()),
    "offer": lambda scene, one: scene.house.casework.offer(one, "marc", to="ruth", brief="", now=scene.clock()),
    "decline": lambda scene, one: scene.house.casework.decline(one, "marc", scene.clock()),
    "hand_back": lambda scene, one: scene.house.casework.hand_back(one, "marc", scene.clock()),
    "resolve": lambda scene, one: scene.house.casework.resolve(one, "marc", outcome="x", now=scene.clock()),
}


@pytest.mark.parametrize("step", STEPS)
async def test_who_may_not_act_learns_nothing(scene: Scene, step: str) -> None:
    """A steward outside the care is told the same about an escalation as about a number that does not exist."""
    one = await _asked_for(scene)
    before = await scene.escalation()
    told = []
    for number in (one, one + 1000):
        with pytest.raises(NotAllowed) as refused:
            await STEPS[step](scene, number)  # type: ignore[misc]  # every step is a coroutine
        told.append(str(refused.value).replace(str(number), "N"))
    await scene.settle()
    assert told[0] == told[1]
    assert await scene.escalation() == before
    assert len(scene.heard()) == 1
    assert await scene.house.casework.open_for_steward("marc") == ()


async def test_two_stewards_who_acknowledge_at_once_do_not_both_have_it(scene: Scene) -> None:
    """One has it; the other reads who."""
    one = await _asked_for(scene)
    steps = [scene.house.casework.acknowledge(one, who, scene.clock()) for who in ("ines", "amara", "ruth")]
    outcomes = await asyncio.gather(*steps, return_exceptions=True)
    await scene.settle()
    assert sum(not isinstance(outcome, BaseException) for outcome in outcomes) == 1
    assert [type(outcome) for outcome in outcomes if isinstance(outcome, BaseException)] == [
        CaseError,
        CaseError,
    ]
    assert len(scene.heard()) == 2


async def test_what_is_resolved_stays_resolved_and_a_new_moment_begins_anew(scene: Scene) -> None:
    """Nobody can act on it any more; the customer's next call opens another one."""
    one = await _asked_for(scene)
    await scene.house.casework.resolve(one, "ines", outcome="Spoken to.", now=scene.clock())
    with pytest.raises(CaseError, match="resolved"):
        await scene.house.casework.acknowledge(one, "ines", scene.clock())
    await scene.later(hours=5)
    assert scene.heard()[-1] == replies.resolved("Ines Prado")
    await scene.says("asks_for_person")
    again = await scene.escalation()
    assert (again.id != one, again.state) == (True, State.NOTIFIED)


async def test_customers_who_call_at_once_are_all_called_for(scene: Scene) -> None:
    """Two customers in the same instant: two escalations, each with its own people."""
    await asyncio.gather(scene.arrives("asks_for_person"), scene.arrives("asks_for_person", at=WALTER))
    await scene.settle()
    assert {one.customer for one in await scene.escalations()} == {"lena", "walter"}
    assert len(scene.heard(desk("ines"))) == len(scene.heard(desk("marc"))) == 1


# ── at the desk ──────────────────────────────────────────────────────────────────────────────────────────────────────


def at_desk(scene: Scene, steward: str) -> TerminalDesk:
    return TerminalDesk(scene.house.pack, scene.house.engine, scene.house.casework, steward, scene.clock)


async def test_a_steward_reads_everything_on_one_screen(scene: Scene) -> None:
    """What the customer calls success, what they wrote, what was answered and from where, and who was asked."""
    await scene.says("How heavy may my kit be?")
    await scene.says("anxiety! asks_for_person")
    heard = at_desk(scene, "ines")
    assert "Lena Voss — asked for a person, distress — nobody has acknowledged it" in await heard.hear("list")
    shown = await heard.hear("show 1")
    for expected in (
        "“One finished canvas comes home dry.”",
        "“anxiety! asks_for_person”",
        "anxiety 0.9 (“anxiety”)",
        "Lena Voss: How heavy may my kit be?",
        "Handbook, Baggage",
        "Asked: Ines Prado",
        "it is 11:00 for you",
        "12 days to launch",
    ):
        assert expected in shown


async def test_a_desk_does_every_step_in_words(scene: Scene) -> None:
    """One line is one command; the customer hears of each."""
    await scene.says("asks_for_person")
    ines, amara = at_desk(scene, "ines"), at_desk(scene, "amara")
    said = [
        await ines.hear("ack 1"),
        await ines.hear("reply 1 I am here, Lena."),
        await ines.hear("hand #1 to amara: she asks about her daughter"),
        await amara.hear("accept 1"),
        await amara.hear("back 1"),
        await amara.hear("resolve 1 The call is booked."),
    ]
    assert said[-1] == "Escalation 1 is resolved: The call is booked."
    await scene.settle()
    assert "I am here, Lena." in scene.heard()
    assert await amara.hear("list") == "Nothing is open in your care."


@pytest.mark.parametrize("command", ["show", "ack", "take", "back", "decline", "reply N hi", "resolve N x"])
async def test_a_desk_says_the_same_of_what_is_not_ones_own_and_of_what_is_not_there(
    scene: Scene, command: str
) -> None:
    """A number is not a way to learn who has an escalation."""
    await scene.says("asks_for_person")
    heard = at_desk(scene, "marc")
    line = command if "N" in command else f"{command} N"
    told = [(await heard.hear(line.replace("N", number))).replace(number, "N") for number in ("1", "77")]
    assert told == ["There is no escalation N in your care."] * 2


WRONG = (
    *("", "dance", "ack", "ack x", "ack ²", "ack 99999999999999999999", "reply", "reply 1", "hand 1"),
    *("hand 1 to nobody: x", "resolve 1", "cues", "cues walter", "show -1"),
    *("correct", "correct 1", "correct 1 maybe", "correct 99 no"),
)


@pytest.mark.parametrize("line", WRONG)
async def test_a_line_that_is_wrong_is_explained(scene: Scene, line: str) -> None:
    """Whatever is typed, a steward reads what was wrong with it, and nothing has happened."""
    await scene.says("asks_for_person")
    before = await scene.escalation()
    assert await at_desk(scene, "ines").hear(line)
    assert await scene.escalation() == before


async def test_a_steward_corrects_a_cue_beside_the_log(scene: Scene) -> None:
    """With what they see in it, how strong, and why; what is no number is part of the reason."""
    await scene.says("a little anxiety")
    heard = at_desk(scene, "ines")
    await heard.hear("correct 1 yes 0.2 she jokes")
    await heard.hear("correct 1 no ² is no number")
    async with reading(scene.house.engine) as connection:
        (logged,) = await record.cues_of(connection)
    assert [(one.was_there, one.intensity, one.note) for one in logged.corrections] == [
        (True, 0.2, "she jokes"),
        (False, None, "² is no number"),
    ]
    assert "There is no cue 1" in await at_desk(scene, "marc").hear("correct 1 no")
    assert "No customer 'lena'" in await at_desk(scene, "marc").hear("cues lena")
