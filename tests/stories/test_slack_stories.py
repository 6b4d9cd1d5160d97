"""Slack's direct messages: a customer asks and is answered, and a steward has them in hand from their own room."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from conftest import Stores
from fakes import found
from slack_server import Fault, Message
from slack_town import (
    ANSWER,
    WITHIN,
    answers,
    card_once,
    kept,
    opened,
    opens,
    options,
    quiet,
    said,
    slack_town,
    taken_in,
    whispered,
)
from town import Town, labels, shown, town, until

from bot.app import House
from bot.ledger import invitations, transcript
from bot.ledger.engine import reading, writing

THREE = {"kit": found("Your kit may weigh 1.5 kg."), "suit": found("The suit is yours."), "seat": found("Seat four.")}

# ── a customer and the concierge ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_question_is_answered_with_its_source_and_two_buttons(tmp_path: Path, stores: Stores) -> None:
    """The answer says where it stands and offers to say that it was none, and to ask for a person."""
    async with slack_town(tmp_path, stores) as (here, house):
        dm = here.slack.dm(here.lena)
        here.slack.says(here.lena, dm, "How heavy may my kit be?")
        answer = await said(here, dm, "1.5 kg")
        await quiet(here, house)
        assert here.slack.said(dm) == [ANSWER]
        assert labels(answer) == ["That did not answer it", "I need a person"]
        assert ANSWER in shown(answer)
        assert list((answer.metadata or {})["event_payload"]) == ["id"]
        assert not here.slack.posts(here.desk), "nobody is called for a question that was answered"


async def test_an_edit_and_a_deletion_are_in_the_record_and_answer_nothing_again(
    tmp_path: Path, stores: Stores
) -> None:
    """What was changed has its new words in the record, what was taken back is marked; nobody is answered twice."""
    async with slack_town(tmp_path, stores) as (here, house):
        dm = here.slack.dm(here.lena)
        first = here.slack.says(here.lena, dm, "How heavy may my kit be?")
        await said(here, dm, "1.5 kg")
        second = here.slack.says(here.lena, dm, "And the kit of my daughter?")
        await said(here, dm, "1.5 kg", 2)
        here.slack.edits(first, "How heavy may my kit and my easel be?")
        here.slack.deletes(second)
        await quiet(here, house)

        async def is_kept() -> bool:
            entries = {one.text: one for one in await kept(here, house, dm)}
            edited = entries.get("How heavy may my kit and my easel be?")
            gone = entries.get("And the kit of my daughter?")
            return bool(edited and edited.edited_at and gone and gone.deleted_at)

        await until(is_kept, "the record has both changes")
        await quiet(here, house)
        assert here.slack.said(dm) == [ANSWER, ANSWER]


async def test_a_file_is_handed_on_and_its_customer_told(tmp_path: Path, stores: Stores) -> None:
    """The steward gets a link to it where stewards read, and the customer hears who has it."""
    async with slack_town(tmp_path, stores) as (here, house):
        dm = here.slack.dm(here.lena)
        plan = here.slack.add_file("plan.pdf", here.lena)
        here.slack.says(here.lena, dm, "", files=[plan])
        told = await said(here, dm, "handed it on to Ines Prado")
        assert "I cannot open the file plan.pdf myself" in told.text
        there = await said(here, here.desk, "Lena Voss sent something that I cannot read")
        assert plan["permalink"] in str(there.blocks)
        assert here.ines.mention in there.text
        await quiet(here, house)
        assert len(here.slack.said(dm)) == 1


async def test_what_slack_delivers_twice_or_in_the_wrong_order_is_answered_once(tmp_path: Path, stores: Stores) -> None:
    """Three questions, the last delivered first and each of them again: three messages kept, each answered once."""
    async with slack_town(tmp_path, stores) as (here, house):
        here.answerer.answers = THREE
        dm = here.slack.dm(here.lena)
        with here.slack.out_of_order():
            for word in THREE:
                here.slack.says(here.lena, dm, f"What about my {word}?")
        asked = [one for one in here.slack.deliveries if one.event.get("user") == here.lena.id]
        here.slack.deliver(*asked)
        await here.slack.settled(WITHIN)
        here.slack.deliver(*asked)
        await quiet(here, house)
        for answer in THREE.values():
            assert answers(here, dm, answer.sentences[0].text) == 1
        assert await taken_in(house) == 3
        assert [one.attempts[-1].outcome for one in asked] == ["ok"] * 3


async def test_whatever_happens_to_a_post_it_stands_there_once(tmp_path: Path, stores: Stores) -> None:
    """Too many, a 500, no answer at all, and an answer that was lost after the post was kept."""
    async with slack_town(tmp_path, stores) as (here, house):
        here.answerer.answers = {f"kit {n}": found(f"It weighs {n} kg.") for n in range(5)}
        dm = here.slack.dm(here.lena)
        faults = [Fault.TOO_MANY(1), Fault.ERROR, Fault.DROPPED, Fault.KEPT_ERROR, Fault.KEPT_DROPPED]
        for number, fault in enumerate(faults):
            here.slack.faults.add("chat.postMessage", fault)
            before = len(here.slack.called("chat.postMessage"))
            here.slack.says(here.lena, dm, f"How heavy is kit {number}?")
            await said(here, dm, f"It weighs {number} kg.")
            await quiet(here, house)
            tries = len(here.slack.called("chat.postMessage")) - before
            assert tries == (1 if fault.kept else 2), "what Slack has kept is found by its id, and not posted again"
        assert here.slack.faults.left == 0
        assert [answers(here, dm, f"It weighs {number} kg.") for number in range(5)] == [1] * 5


async def test_an_answer_that_was_none_is_noted_as_a_gap(tmp_path: Path, stores: Stores) -> None:
    """The press is confirmed, the question stands in the list of what the documents do not say; twice is once."""
    async with slack_town(tmp_path, stores) as (here, house):
        dm = here.slack.dm(here.lena)
        here.slack.says(here.lena, dm, "How heavy may my kit be?")
        answer = await said(here, dm, "1.5 kg")
        here.presses(here.lena, answer, "That did not answer it")
        await said(here, dm, "the documents did not answer you. Ines Prado would know")
        await whispered(here, dm, here.lena, "I have noted it.")
        here.presses(here.lena, answer, "That did not answer it")
        await quiet(here, house)
        async with reading(house.engine) as connection:
            gaps = await transcript.known_gaps(connection)
        assert [(one.customer, one.question) for one in gaps] == [("lena", "How heavy may my kit be?")]


# ── and a steward ────────────────────────────────────────────────────────────────────────────────────────────────────


async def asked_for_a_person(here: Town) -> Message:
    """Lena has asked something, and then pressed that she needs a person; returns the card in the stewards' room."""
    dm = here.slack.dm(here.lena)
    here.slack.says(here.lena, dm, "How heavy may my kit be?")
    here.presses(here.lena, await said(here, dm, "1.5 kg"), "I need a person")
    await said(here, dm, "I have asked Ines Prado")
    return await card_once(here, here.desk)


async def test_a_steward_takes_over_answers_and_gives_back(tmp_path: Path, stores: Stores) -> None:
    """Asked by a button, seen, held, answered by name, with notes that stay inside; then the concierge speaks again."""
    async with slack_town(tmp_path, stores) as (here, house):
        slack, dm = here.slack, here.slack.dm(here.lena)
        card = await asked_for_a_person(here)
        assert "Lena Voss" in shown(card)
        assert "One finished canvas comes home dry." in shown(card)
        assert labels(card) == ["Acknowledge", "Take over", "Resolve…", "Correct a cue…"]

        here.presses(here.ines, card, "Acknowledge")
        await said(here, dm, "Ines Prado has seen your message.")
        await whispered(here, here.desk, here.ines, "Acknowledged.")
        await slack.until(lambda: "Ines Prado has seen it" in shown(card), WITHIN)

        here.presses(here.ines, card, "Take over")
        await said(here, dm, "Ines Prado is with you now")
        await slack.until(lambda: "Give back to the concierge" in labels(card), WITHIN)
        before = len(slack.said(dm))
        slack.says(here.lena, dm, "And how heavy may my kit be on the way back?")
        there = await said(here, here.desk, "Lena Voss: And how heavy may my kit be on the way back?")
        assert there.thread_ts == card.ts
        await quiet(here, house)
        assert len(slack.said(dm)) == before, "the concierge is silent while a person holds the conversation"

        note = slack.says(here.ines, here.desk, "// she sounds tired", card)
        await slack.until(lambda: note.body.get("reactions"), WITHIN)
        mine = slack.says(here.ines, here.desk, "As heavy as on the way up, Lena.", card)
        reply = await said(here, dm, "As heavy as on the way up, Lena.")
        assert "Ines Prado" in shown(reply)
        await slack.until(lambda: [one["name"] for one in mine.body.get("reactions", [])], WITHIN)
        assert mine.body["reactions"][0]["name"] == "white_check_mark"
        await slack.until(lambda: "she sounds tired" in shown(card), WITHIN)

        here.presses(here.ines, card, "Give back to the concierge")
        await said(here, dm, "Ines Prado has left this conversation to me again.")
        slack.says(here.lena, dm, "How heavy may my kit be?")
        await said(here, dm, "1.5 kg", 2)
        await quiet(here, house)
        assert not any("she sounds tired" in str(one.body) for one in [*dm.messages, *slack.whispers])


async def test_an_escalation_is_handed_over_corrected_and_resolved(tmp_path: Path, stores: Stores) -> None:
    """Each by a form; the customer hears who has them now and that it is closed, the card shows how it ended."""
    async with slack_town(tmp_path, stores) as (here, house):
        slack, dm = here.slack, here.slack.dm(here.lena)
        card = await asked_for_a_person(here)
        here.presses(here.ines, card, "Take over")
        await slack.until(lambda: "Hand over…" in labels(card), WITHIN)

        form = await opens(here, card, "Hand over…", here.ines)
        slack.submits(form, {"choice": "amara", "words": "She paints; she wants to know about varnish."})
        await whispered(here, slack.dm(here.ines), here.ines, "Amara Okafor has been asked.")
        await said(here, here.desk, "would like to hand escalation")
        await slack.until(lambda: "Accept" in labels(card), WITHIN)
        assert "She paints; she wants to know about varnish." in shown(card)
        assert answers(here, dm, "Amara") == 0, "nothing is said of somebody who has not accepted"
        here.presses(here.amara, card, "Accept")
        await said(here, dm, "Ines Prado has handed over to Amara Okafor, who has accepted")
        await slack.until(lambda: "Amara Okafor holds the conversation" in shown(card), WITHIN)

        form = await opens(here, card, "Correct a cue…", here.amara)
        choice = next(value for label, value in options(form).items() if label.endswith("was not there"))
        slack.submits(form, {"choice": choice, "words": "She only asked about paint."})
        await whispered(here, slack.dm(here.amara), here.amara, "Kept beside the log")
        await slack.until(lambda: "Amara Okafor says it is not there" in shown(card), WITHIN)

        form = await opens(here, card, "Resolve…", here.amara)
        slack.submits(form, {"words": "Varnish is in the handbook; she is content."})
        await said(here, dm, "Amara Okafor has closed this.")
        await slack.until(lambda: "Varnish is in the handbook; she is content." in shown(card), WITHIN)
        assert labels(card) == []
        await quiet(here, house)
        assert not any("content" in one or "paint" in one for one in slack.said(dm))


async def test_the_home_of_a_steward_lists_what_they_have_to_do(tmp_path: Path, stores: Stores) -> None:
    """Open escalations, customers in care and promises due; and nothing of others on the page of a customer."""
    async with slack_town(tmp_path, stores) as (here, house):
        slack = here.slack
        card = await asked_for_a_person(here)
        here.presses(here.ines, card, "Acknowledge")
        await slack.until(lambda: "Ines Prado has seen it" in shown(card), WITHIN)
        slack.says(here.ines, here.desk, "//promise 2027-03-05 a second brush", card)
        await said(here, here.desk, "Promise 1 is in the list, due 2027-03-05")
        await slack.until(lambda: "a second brush" in shown(card), WITHIN)

        slack.opens_home(here.ines)
        await slack.until(lambda: slack.called("views.publish"), WITHIN)
        page = shown(slack.home(here.ines))
        assert "URGENT · Lena Voss · asked for a person" in page
        assert "by 5 Mar · Lena Voss: a second brush" in page
        assert "Walter Finch · crystals" in page
        assert "Lena Voss · portrait" in page

        slack.says(here.ines, here.desk, "//kept 1", card)
        await slack.until(lambda: "a second brush" not in shown(card), WITHIN)

        slack.opens_home(here.lena)
        await slack.until(lambda: len(slack.called("views.publish")) == 2, WITHIN)
        await quiet(here, house)
        theirs = shown(slack.home(here.lena))
        assert "I am the concierge of Meridian Orbital" in theirs
        assert not any(word in theirs for word in ("Lena", "Walter", "URGENT", "brush"))


async def test_a_desk_in_a_direct_message(tmp_path: Path, stores: Stores) -> None:
    """Where there is no stewards' room, the card comes to the steward alone, and its thread is the conversation."""
    async with slack_town(tmp_path, stores, slack_desk=None) as (here, house):
        slack, dm, hers = here.slack, here.slack.dm(here.lena), here.slack.dm(here.ines)
        slack.says(here.lena, dm, "asks_for_person, please")
        await said(here, dm, "I have asked Ines Prado")
        card = await card_once(here, hers)
        here.presses(here.ines, card, "Acknowledge")
        await said(here, dm, "Ines Prado has seen your message.")
        mine = slack.says(here.ines, hers, "I am here, Lena.", card)
        await said(here, dm, "I am here, Lena.")
        await slack.until(lambda: mine.body.get("reactions"), WITHIN)
        slack.says(here.lena, dm, "Thank you, Ines.")
        assert (await said(here, hers, "Lena Voss: Thank you, Ines.")).thread_ts == card.ts
        slack.says(here.ines, hers, "How heavy may a kit be?")
        assert (await said(here, hers, "1.5 kg")).thread_ts is None, "beside the card they may ask like anybody"
        slack.says(here.ines, hers, "//resolve she is fine", card)
        await said(here, dm, "Ines Prado has closed this.")
        await quiet(here, house)
        assert not slack.posts(slack.dm(here.amara)), "nobody else is told of it"
        assert not slack.posts(here.desk)


# ── a restart of ours, and Socket Mode ────────────────────────────────────────────────────────────────────────────────


async def test_over_http_what_was_said_while_we_were_down_is_answered_once(tmp_path: Path, stores: Stores) -> None:
    """It is found in the history at the start; what Slack delivers again a minute later is known by then."""
    async with town(tmp_path) as here:
        slack, dm = here.slack, here.slack.dm(here.lena)
        slack.clock = here.clock
        here.answerer.answers = {f"kit {n}": found(f"It weighs {n} kg.") for n in range(4)}
        async with opened(here, stores) as house:
            slack.says(here.lena, dm, "How heavy is kit 0?")
            await said(here, dm, "It weighs 0 kg.")
            await quiet(here, house)

        missed = slack.says(here.lena, dm, "How heavy is kit 1?")
        slack.says(here.lena, dm, "How heavy is kit 2?", missed)
        await slack.until(lambda: sum(one.due is not None for one in slack.deliveries) >= 2, WITHIN)

        async with opened(here, stores) as house:
            await said(here, dm, "It weighs 1 kg.")
            assert (await said(here, dm, "It weighs 2 kg.")).thread_ts == missed.ts
            here.clock.ahead += timedelta(minutes=1)
            slack.catch_up()
            slack.says(here.lena, dm, "How heavy is kit 3?")
            await said(here, dm, "It weighs 3 kg.")
            await quiet(here, house)
            late = [one for one in slack.deliveries if one.event.get("user") == here.lena.id and len(one.attempts) > 1]
            assert [one.attempts[-1].outcome for one in late] == ["ok", "ok"]
            assert [answers(here, dm, f"It weighs {n} kg.") for n in range(4)] == [1] * 4
            assert await taken_in(house) == 4


async def test_over_socket_mode_nothing_is_lost_when_a_socket_drops_or_we_restart(
    tmp_path: Path, stores: Stores
) -> None:
    """Asked before, while the socket is down, and while nobody listens: each is answered once, the steward's too."""
    async with town(tmp_path) as here:
        slack, dm, socket = here.slack, here.slack.dm(here.lena), {"slack_app_token": here.slack.app_token}
        here.answerer.answers = {f"kit {n}": found(f"It weighs {n} kg.") for n in range(6)}

        async with opened(here, stores, **socket) as house:
            slack.says(here.lena, dm, "How heavy is kit 0?")
            await said(here, dm, "It weighs 0 kg.")
            slack.drop_sockets()
            slack.says(here.lena, dm, "How heavy is kit 1?")  # comes with the next connection
            with slack.held():
                slack.says(here.lena, dm, "How heavy is kit 2?")  # never delivered: it is in the history only
            await said(here, dm, "It weighs 2 kg.")
            await said(here, dm, "It weighs 1 kg.")
            slack.says(here.lena, dm, "asks_for_person, please")
            await said(here, dm, "I have asked Ines Prado")
            card = await card_once(here, here.desk)
            here.presses(here.ines, card, "Acknowledge")
            await said(here, dm, "Ines Prado has seen your message.")
            await quiet(here, house)

        slack.says(here.lena, dm, "How heavy is kit 3?")
        with slack.held():
            slack.says(here.lena, dm, "How heavy is kit 4?")
            slack.says(here.ines, here.desk, "I look it up for you, Lena.", card)

        async with opened(here, stores, **socket) as house:
            await said(here, dm, "I look it up for you, Lena.")
            await quiet(here, house)
            asked = [entry.text for entry in await kept(here, house, dm) if entry.role == "customer"]
            slack.says(here.ines, here.desk, "//back", card)
            await said(here, dm, "Ines Prado has left this conversation to me again.")
            slack.says(here.lena, dm, "How heavy is kit 5?")
            await said(here, dm, "It weighs 5 kg.")
            slack.deliver(*(one for one in slack.deliveries if one.event.get("user") == here.lena.id))
            await quiet(here, house)
            assert sorted(text for text in asked if "kit" in text) == [f"How heavy is kit {n}?" for n in range(5)]
            assert [answers(here, dm, f"It weighs {n} kg.") for n in (0, 1, 2, 5)] == [1] * 4
            assert answers(here, dm, "I look it up for you, Lena.") == 1


# ── invitations ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def invited(here: Town, house: House, customer: str, lasts: timedelta = timedelta(days=7)) -> str:
    """The code of an invitation."""
    now = here.clock()
    async with writing(house.engine) as connection:
        return await invitations.invite(connection, customer, now=now, until=now + lasts)


async def test_an_invitation_makes_an_unknown_person_a_customer_once(tmp_path: Path, stores: Stores) -> None:
    """Nothing is told before, the answer to the same question after; the code is no good a second time, nor late."""
    async with slack_town(tmp_path, stores) as (here, house):
        slack, noor, otto = here.slack, here.slack.add_user("Noor"), here.slack.add_user("Otto")
        hers, theirs = slack.dm(noor), slack.dm(otto)
        slack.says(noor, hers, "How heavy may my kit be?")
        told = await said(here, hers, "I don't know you here yet")
        assert labels(told) == []
        assert not here.answerer.asked, "nothing is looked up for somebody whom nobody knows"

        code = await invited(here, house, "noor")
        slack.says(noor, hers, code)
        await said(here, hers, "Welcome, Noor Haddad.")
        slack.says(noor, hers, "How heavy may my kit be?")
        await said(here, hers, "1.5 kg")

        late = await invited(here, house, "noor", timedelta(minutes=5))
        here.clock.ahead += timedelta(minutes=6)
        for number, tried in enumerate((code, late, "A" * 20), 1):
            slack.says(otto, theirs, tried)
            await said(here, theirs, "That invitation does not work", number)
        slack.says(otto, theirs, "How heavy may my kit be?")
        await said(here, theirs, "I don't know you here yet")
        await quiet(here, house)
        assert len(set(slack.said(theirs)[:3])) == 1, "used, late and invented are told alike"
        assert answers(here, theirs, "1.5 kg") == 0
