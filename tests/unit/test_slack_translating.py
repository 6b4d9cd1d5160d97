"""What Slack's payloads are to the house."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.slack.facts import Facts, moment, padded, ts_of
from bot.channels.slack.plain import spoken, wire_text
from bot.channels.slack.pressing import asks
from bot.channels.slack.translating import correction, said, translate
from bot.messages import Address, Attachment, Identity, Inbound, Kind, Pressed
from bot.wording import mrkdwn

NOW = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
FACTS = Facts(team="T1", bot="UBOT", actor="T2", now=NOW)
TS = "1803891600.000200"
MESSAGE = {"type": "message", "user": "U7", "text": "kit?", "ts": TS, "channel": "C1", "channel_type": "channel"}


def one(event: dict[str, Any], facts: Facts = FACTS) -> Inbound:
    """The one thing that an event is."""
    [found] = translate(envelope(event), facts)
    return found


def nothing(event: dict[str, Any]) -> bool:
    """Whether an event does not concern the house."""
    return translate(envelope(event), FACTS) == ()


def envelope(event: dict[str, Any]) -> dict[str, Any]:
    return {"type": "event_callback", "event_id": "Ev1", "event": event}


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_message_has_its_place_its_sender_and_its_keys() -> None:
    """Room and installed team, the actor's team, Slack's ts for order, time and reference."""
    found = one(MESSAGE)
    assert found.event_key == "slack:Ev1"
    assert found.message_key == f"slack:T1:C1:{TS}:message:"
    assert found.address == Address(channel="slack", room="C1", team="T1")
    assert found.sender == Identity(channel="slack", user="U7", team="T2")
    assert (found.text, found.kind, found.ref, found.order) == ("kit?", Kind.MESSAGE, TS, TS)
    assert found.sent_at == datetime(2027, 3, 1, 9, 0, 0, 200, tzinfo=UTC)
    assert (found.direct, found.addressed, found.to_others, found.thread, found.answers) == (
        False,
        False,
        False,
        "",
        "",
    )


def test_a_mention_and_its_twin_are_one_message() -> None:
    """The `app_mention` has other fields and another event, and the same name of the message."""
    text = "<@UBOT> kit?"
    message, twin = one({**MESSAGE, "text": text}), one({**MESSAGE, "text": text, "type": "app_mention"})
    assert message.message_key == twin.message_key
    assert (message.text, message.addressed) == (twin.text, twin.addressed) == ("kit?", True)


@pytest.mark.parametrize(("kind", "direct"), [("im", True), ("mpim", False), ("group", False), ("channel", False)])
def test_only_one_to_one_is_direct(kind: str, direct: bool) -> None:
    """A conversation of several people is a room in which the concierge must be meant."""
    found = one({**MESSAGE, "channel_type": kind})
    assert (found.direct, found.addressed) == (direct, direct)


def test_who_is_meant_in_a_room() -> None:
    """A mention, or an answer beneath a post of the concierge; somebody else's name says that others are meant."""
    beneath = {**MESSAGE, "thread_ts": "1803891500.000100", "parent_user_id": "UBOT"}
    assert (one(beneath).addressed, one(beneath).thread) == (True, "1803891500.000100")
    assert one({**beneath, "parent_user_id": "U8"}).addressed is False
    for text in ("<@U8> look", "<!here> look", "<!subteam^S1|@crew> look"):
        assert (one({**MESSAGE, "text": text}).to_others, one({**MESSAGE, "text": text}).addressed) == (True, False)
    both = one({**MESSAGE, "text": "<@UBOT> ask <@U8>"})
    assert (both.to_others, both.addressed) == (False, True)


def test_a_message_that_begins_a_thread_is_not_in_it() -> None:
    """History gives the first message of a thread its own ts as thread."""
    assert one({**MESSAGE, "thread_ts": TS}).thread == ""


@pytest.mark.parametrize(
    "event",
    [
        {**MESSAGE, "user": "UBOT"},
        {**MESSAGE, "bot_id": "B2"},
        {**MESSAGE, "user": "USLACKBOT"},
        {**MESSAGE, "subtype": "bot_message", "user": None},
        {**MESSAGE, "subtype": "channel_join"},
        {**MESSAGE, "subtype": "channel_topic"},
        {**MESSAGE, "subtype": "message_replied", "hidden": True},
        {"type": "reaction_added", "user": "U7"},
        {"type": "app_home_opened", "user": "U7", "channel": "D1", "tab": "messages", "event_ts": TS},
        {},
    ],
)
def test_what_does_not_concern_the_house(event: dict[str, Any]) -> None:
    """Our own posts, programs, lines of Slack's own, reactions."""
    assert nothing(event)


@pytest.mark.parametrize("subtype", ["file_share", "thread_broadcast", "me_message"])
def test_people_also_write_in_other_ways(subtype: str) -> None:
    """With a file, in a thread for the whole room, about themselves."""
    assert one({**MESSAGE, "subtype": subtype}).text == "kit?"


def test_an_organisation_is_not_a_team() -> None:
    """A mention from an organisation's workspace names the organisation: the sender is unknown, and matches nobody."""
    hidden = Facts(team="T1", bot="UBOT", actor="", now=NOW)
    found = one({**MESSAGE, "type": "app_mention", "team": "T1", "user_team": "E9"}, hidden)
    assert found.sender == Identity(channel="slack", user="U7", team="")


def test_words_that_stand_only_in_blocks_are_read() -> None:
    """A rich text without a text beside it."""
    elements = [{"type": "user", "user_id": "UBOT"}, {"type": "text", "text": " a < b"}]
    blocks = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": elements}]}]
    found = one({**MESSAGE, "text": "", "blocks": blocks})
    assert (found.text, found.addressed) == ("a < b", True)


# ── files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("file", "what"),
    [
        ({"name": "plan.pdf", "mimetype": "application/pdf"}, "the file plan.pdf"),
        ({"name": "IMG_1.heic", "mimetype": "image/heic"}, "a photo"),
        ({"name": "audio_message.m4a", "mimetype": "audio/mp4", "subtype": "slack_audio"}, "a voice message"),
        ({"name": "clip.mp4", "mimetype": "video/mp4"}, "a video"),
        ({"file_access": "check_file_info"}, "a file"),
    ],
)
def test_a_file_is_named_as_to_a_person(file: dict[str, Any], what: str) -> None:
    """With its id and where it can be opened; of another organisation's file Slack tells the id alone."""
    found = one({**MESSAGE, "subtype": "file_share", "files": [{"id": "F1", "permalink": "https://s/F1", **file}]})
    assert found.attachments == (Attachment(what=what, ref="F1", link="https://s/F1"),)


def test_a_forwarded_message_is_an_attachment() -> None:
    """What a link shows by itself is not."""
    attachments = [{"is_share": True, "from_url": "https://s/p1"}, {"from_url": "https://example.org", "title": "x"}]
    found = one({**MESSAGE, "attachments": attachments})
    assert found.attachments == (Attachment(what="a forwarded message", link="https://s/p1"),)


# ── edits and deletions ──────────────────────────────────────────────────────────────────────────────────────────────

LATER = "1803891660.000300"
EDITED = {**MESSAGE, "text": "the kit?", "edited": {"user": "U7", "ts": "1803891660.000000"}}


def change(message: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    inside = {name: value for name, value in message.items() if name not in ("channel", "channel_type")}
    event = {"type": "message", "subtype": "message_changed", "channel": "C1", "channel_type": "channel", "ts": LATER}
    return {**event, "message": inside, "previous_message": before}


def test_an_edit_has_the_new_words_and_names_the_message() -> None:
    """Its key has the moment of the edit, so that a second edit is another; its sender's team stands inside."""
    nobody = Facts(team="T1", bot="UBOT", actor="", now=NOW)
    found = one(change({**EDITED, "team": "T2"}, MESSAGE), nobody)
    assert (found.kind, found.text, found.about) == (Kind.EDIT, "the kit?", one(MESSAGE).message_key)
    assert found.message_key == f"slack:T1:C1:{TS}:edit:1803891660.000000"
    assert (found.order, found.ref, found.sender.team) == (LATER, TS, "T2")


@pytest.mark.parametrize(
    ("after", "before"),
    [
        ({**MESSAGE, "attachments": [{"title": "unfurled"}]}, MESSAGE),
        ({**EDITED, "reply_count": 1}, EDITED),
        ({**EDITED, "user": "UBOT"}, {**MESSAGE, "user": "UBOT"}),
        ({**EDITED, "bot_id": "B2"}, MESSAGE),
    ],
)
def test_what_nobody_wrote_is_no_edit(after: dict[str, Any], before: dict[str, Any]) -> None:
    """A link that unfolds, a thread that grows, our own update, another program's."""
    assert nothing(change(after, before))


def test_a_deletion_names_the_message() -> None:
    """Also where Slack leaves a tombstone because there are answers beneath."""
    plain = {"type": "message", "subtype": "message_deleted", "channel": "D1", "channel_type": "im", "ts": LATER}
    gone = one({**plain, "deleted_ts": TS, "previous_message": MESSAGE})
    stone = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": TS}
    left = one(change(stone, MESSAGE))
    assert (gone.kind, gone.about, gone.text, gone.direct) == (Kind.DELETION, f"slack:T1:D1:{TS}:message:", "", True)
    assert (left.kind, left.about, left.sender.user) == (Kind.DELETION, one(MESSAGE).message_key, "U7")
    assert nothing({**plain, "deleted_ts": TS, "previous_message": {**MESSAGE, "user": "UBOT"}})


def test_an_edited_message_in_the_history_of_a_room() -> None:
    """It is a message in its last wording, and that edit, under the names that the events would have had."""
    message, edit = said(EDITED, FACTS), correction(EDITED, FACTS)
    assert message is not None
    assert edit is not None
    assert message.message_key == one(MESSAGE).message_key
    assert edit.message_key == one(change(EDITED, MESSAGE)).message_key
    assert message.event_key == f"slack:history:{message.message_key}"
    assert correction(MESSAGE, FACTS) is None


# ── rooms ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("event", "sender", "words"),
    [
        ({"type": "member_joined_channel", "user": "U7", "team": "T2"}, ("U7", "T2"), "joined"),
        ({"type": "member_left_channel", "user": "U7", "team": "T2"}, ("U7", "T2"), "left"),
        ({"type": "member_joined_channel", "user": "UBOT", "team": "T2"}, ("UBOT", "T2"), "The concierge"),
        ({"type": "channel_shared", "connected_team_id": "T5"}, ("", "T5"), "shared with another"),
        ({"type": "channel_unshared", "previously_connected_team_id": "T5"}, ("", "T5"), "no longer"),
    ],
)
def test_who_reads_in_a_room_has_changed(event: dict[str, Any], sender: tuple[str, str], words: str) -> None:
    """The event says what changed; nobody is answered."""
    found = one({**event, "channel": "C1", "event_ts": TS})
    assert (found.kind, found.address.room, found.addressed) == (Kind.JOIN, "C1", False)
    assert (found.sender.user, found.sender.team) == sender
    assert words in found.text


def test_two_who_join_at_once_are_two() -> None:
    """Slack may give both events one time."""
    joins = [{"type": "member_joined_channel", "user": user, "channel": "C1", "event_ts": TS} for user in ("U7", "U8")]
    assert len({one(event).message_key for event in joins}) == 2


def test_a_room_that_moved_is_known_by_both_ids() -> None:
    """The new one is the address, the old one what it is about."""
    found = one({"type": "channel_id_changed", "old_channel_id": "C1", "new_channel_id": "C2", "event_ts": TS})
    assert (found.kind, found.about, found.address.room) == (Kind.MOVED, "C1", "C2")


def test_the_page_that_somebody_opens() -> None:
    """Its address is their direct conversation."""
    found = one({"type": "app_home_opened", "user": "U7", "channel": "D1", "tab": "home", "event_ts": TS})
    assert (found.kind, found.address.room, found.direct, found.sender.user) == (Kind.HOME, "D1", True, "U7")


# ── presses ──────────────────────────────────────────────────────────────────────────────────────────────────────────

PRESS: dict[str, Any] = {
    "type": "block_actions",
    "trigger_id": "1.2.x",
    "team": {"id": "T1"},
    "user": {"id": "U7", "team_id": "T2"},
    "channel": {"id": "C1"},
    "container": {"type": "message", "message_ts": TS, "channel_id": "C1"},
    "message": {"ts": TS, "thread_ts": "1803891500.000100"},
    "actions": [{"action_id": "press:0", "type": "button", "value": "token-1", "action_ts": LATER}],
}


def test_a_press_says_which_button_and_who() -> None:
    """The presser's team is their own, whatever stands on the outside."""
    [found] = translate(PRESS, FACTS)
    assert found.pressed == Pressed(token="token-1", handle="U7")
    assert found.sender == Identity(channel="slack", user="U7", team="T2")
    assert (found.kind, found.ref, found.thread, found.order) == (Kind.PRESS, TS, "1803891500.000100", LATER)
    assert (found.address.room, found.direct) == ("C1", False)
    assert found.event_key == found.message_key == "slack:press:T1:1.2.x"
    assert not asks(PRESS)
    assert asks({**PRESS, "actions": [{"action_id": "ask:0"}]})


def test_each_of_several_actions_is_a_press() -> None:
    """With a key of its own, also where there is no trigger; a choice is told by its value."""
    choice = {"action_id": "press:1", "selected_option": {"value": "ines"}, "action_ts": LATER}
    for body in (PRESS, {**PRESS, "trigger_id": None}):
        found = translate({**body, "actions": [*PRESS["actions"], choice]}, FACTS)
        assert len({press.event_key for press in found}) == 2
        assert [press.pressed.choice for press in found if press.pressed] == ["", "ines"]


def test_a_press_on_the_home_tab_is_answered_to_the_person() -> None:
    """There is no room: the address is their user id."""
    [found] = translate({**PRESS, "channel": None, "message": None, "container": {"type": "view"}}, FACTS)
    assert (found.address.room, found.direct, found.ref, found.thread) == ("U7", True, "", "")


def test_a_form_that_is_sent_off_is_the_press_of_its_button() -> None:
    """With what was chosen and written; any other form is none of ours."""
    values = {
        "choice": {"choice": {"type": "static_select", "selected_option": {"value": "wrong"}}},
        "words": {"words": {"type": "plain_text_input", "value": "She meant the cake."}},
    }
    view = {"id": "V1", "callback_id": "form", "private_metadata": "token-1", "state": {"values": values}}
    body = {"type": "view_submission", "trigger_id": "3.4.y", "user": {"id": "U7", "team_id": "T2"}, "view": view}
    [found] = translate(body, FACTS)
    assert found.pressed == Pressed(token="token-1", choice="wrong", words="She meant the cake.", handle="U7")
    assert (found.address, found.direct) == (Address(channel="slack", room="U7", team="T1"), True)
    assert (found.sent_at, found.order) == (NOW, "1803891600.000000")
    empty = {**view, "state": {"values": {"words": {"words": {"type": "plain_text_input", "value": None}}}}}
    [without] = translate({**body, "view": empty}, FACTS)
    assert without.pressed == Pressed(token="token-1", handle="U7")
    assert translate({**body, "view": {**view, "callback_id": "else"}}, FACTS) == ()


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_order_is_that_of_the_platform() -> None:
    """Also of a ts with fewer digits; a float would make these two one moment or worse."""
    assert padded("999.5") == "0000000999.500000"
    assert padded("1803891600.000001") < padded("1803891600.000010") < padded("1803891601.")
    assert moment("1803891600.000001").microsecond == 1


@given(st.datetimes(min_value=moment("1.0").replace(tzinfo=None), timezones=st.just(UTC)))
def test_a_moment_as_ts_and_back(at: datetime) -> None:
    """Nothing is lost on the way."""
    assert moment(ts_of(at)) == at


# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("wire", "plain"),
    [
        ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
        ("<@UBOT> kit?", "kit?"),
        ("<@UBOT>, kit?", "kit?"),
        ("hey <@UBOT> kit", "hey kit"),
        ("kit, <@UBOT>?", "kit?"),
        ("one\n<@UBOT|concierge>: two", "one\ntwo"),
        ("<@U8> and <@U9|ines>", "@someone and @ines"),
        ("<#C1|portrait> <#C2> <#C3|>", "#portrait #a-channel #a-channel"),
        ("<!here> <!subteam^S1|@crew> <!subteam^S1>", "@here @crew @a-group"),
        ("<!date^1392734382^{date}|18 February>", "18 February"),
        ("<https://example.org/a|the plan>", "the plan (https://example.org/a)"),
        ("<https://example.org|example.org> <https://example.org>", "https://example.org https://example.org"),
        ("<mailto:lena@example.org|lena@example.org>", "lena@example.org"),
        ("null\x00byte", "nullbyte"),
    ],
)
def test_marks_become_words(wire: str, plain: str) -> None:
    """As a person would read the message, without the concierge's own name."""
    assert spoken(wire, "UBOT").text == plain


@given(st.text())
def test_what_was_escaped_is_words_again(text: str) -> None:
    """Nothing that a person typed names anybody, and nothing of it is lost but what no person can read."""
    found = spoken(mrkdwn(text).replace("\u2060", ""), "UBOT")
    assert not found.to_us
    assert not found.to_others
    assert spoken(mrkdwn(found.text).replace("\u2060", ""), "UBOT").text == found.text


def test_lists_and_links_of_rich_text() -> None:
    """Each item on its line; names and links as in any message."""
    items = [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "kit"}]},
        {"type": "rich_text_section", "elements": [{"type": "link", "url": "https://e.org/p", "text": "plan"}]},
    ]
    said_to = [{"type": "broadcast", "range": "here"}, {"type": "emoji", "name": "wave"}, {"type": "channel"}]
    blocks: list[dict[str, Any]] = [
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": said_to}]},
        {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "bullet", "elements": items}]},
        {"type": "rich_text", "elements": [{"type": "rich_text_list", "style": "ordered", "elements": items[:1]}]},
        {"type": "section", "text": {"type": "mrkdwn", "text": "not typed by a person"}},
    ]
    found = spoken(wire_text(blocks), "UBOT")
    assert found.text == "@here:wave:#a-channel\n• kit\n• plan (https://e.org/p)\n1. kit"
    assert found.to_others
