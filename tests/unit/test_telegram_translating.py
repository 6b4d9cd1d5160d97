"""What people do on Telegram, and what the house is told of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Update, User
from telegram_server import BOT_ID, JSON, TelegramServer

from bot.channels.telegram.translating import translated
from bot.messages import Address, Attachment, Identity, Inbound, Kind, Pressed

LENA, WALTER, INES = 1001, 1002, 1003
GROUP, FORUM = -1001000000001, -1001000000002
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)
ME = User(id=BOT_ID, first_name="Concierge", is_bot=True, username="concierge_bot")


class Scene(TelegramServer):
    """People and their chats, with a clock; nothing listens."""

    def __init__(self) -> None:
        self.time = NOON
        super().__init__(now=lambda: self.time)
        for id, name in ((LENA, "Lena"), (WALTER, "Walter"), (INES, "Ines")):
            self.user(id, name, username=f"{name}_flies")
        self.group(GROUP, (LENA, WALTER), admins=(INES,))
        self.group(FORUM, (LENA,), forum=True, admins=(INES,))

    def heard(self) -> Inbound | None:
        """The latest update, translated."""
        return read(self.updates[-1])


def read(update: JSON) -> Inbound | None:
    found = Update.de_json(update, None)
    return translated(found, ME, now=NOON + timedelta(hours=1))


def known(user: int) -> Identity:
    return Identity(channel="telegram", user=str(user))


@pytest.fixture
def scene() -> Scene:
    return Scene()


def heard(scene: Scene) -> Inbound:
    found = scene.heard()
    assert found is not None
    return found


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_private_message_is_direct_and_meant_for_the_concierge(scene: Scene) -> None:
    """Every field of it, once."""
    scene.private_says(LENA, "When do we fly?")
    number = scene.updates[-1]["update_id"]
    assert scene.heard() == Inbound(
        event_key=f"telegram:{BOT_ID}:{number}",
        message_key=f"telegram:{BOT_ID}:{LENA}:1:message:",
        address=Address(channel="telegram", room=str(LENA)),
        sender=known(LENA),
        text="When do we fly?",
        sent_at=NOON,
        order="00000000000000000001",
        ref="1",
    )


def test_an_invitation_code_arrives_as_it_was_sent(scene: Scene) -> None:
    """A link t.me/BOT?start=CODE makes the client send this command."""
    scene.private_says(LENA, "/start C0DE-42")
    assert heard(scene).text == "/start C0DE-42"


def test_an_edit_names_the_message_that_it_changes(scene: Scene) -> None:
    """It sorts right after it, and has a moment of its own."""
    said = scene.private_says(LENA, "on Monday")
    original = heard(scene)
    scene.time += timedelta(minutes=2)
    scene.edits(LENA, said, "on Tuesday")
    edit = heard(scene)
    assert (edit.kind, edit.text, edit.about) == (Kind.EDIT, "on Tuesday", original.message_key)
    moment = int(scene.time.timestamp())
    assert edit.message_key == f"telegram:{BOT_ID}:{LENA}:1:edit:{moment}"
    assert edit.sent_at == NOON + timedelta(minutes=2)
    scene.private_says(LENA, "next")
    assert original.order < edit.order < heard(scene).order


def test_in_a_group_not_everything_is_meant_for_the_concierge(scene: Scene) -> None:
    """It hears all of it, and says so."""
    scene.group_says(GROUP, LENA, "Lovely morning")
    said = heard(scene)
    assert (said.direct, said.addressed, said.to_others) == (False, False, False)
    assert said.address == Address(channel="telegram", room=str(GROUP))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("@concierge_bot when do we fly?", "when do we fly?"),
        ("@Concierge_BOT: when do we fly?", "when do we fly?"),
        ("🚀 when, @concierge_bot, do we fly?", "🚀 when, , do we fly?"),
        ("tell me @concierge_bot when", "tell me when"),
        ("when do we fly, @concierge_bot", "when do we fly,"),
        ("@concierge_bot", ""),
        ("/help@concierge_bot", "/help"),
        ("@Walter_flies meet @concierge_bot", "@Walter_flies meet"),
    ],
)
def test_the_concierge_is_mentioned(scene: Scene, text: str, left: str) -> None:
    """Its name is how it is called, and no part of the question."""
    scene.group_says(GROUP, LENA, text)
    said = heard(scene)
    assert (said.addressed, said.to_others, said.text) == (True, False, left)


@pytest.mark.parametrize("text", ["@Walter_flies are you there?", "/help@another_bot", "@concierge_bots hello"])
def test_others_are_mentioned(scene: Scene, text: str) -> None:
    """Names stay where they are others' names."""
    scene.group_says(GROUP, LENA, text)
    said = heard(scene)
    assert (said.addressed, said.to_others, said.text) == (False, True, text)


def test_people_without_a_username_are_mentioned_too(scene: Scene) -> None:
    """Telegram marks the words that stand for them, and the bot's name likewise."""
    scene.group_says(GROUP, LENA, "🚀 Walter, look", names=(WALTER,))
    assert heard(scene).to_others
    scene.group_says(GROUP, LENA, "🚀 Concierge, look", names=(BOT_ID,))
    assert (heard(scene).addressed, heard(scene).text) == (True, "🚀 , look")


def test_an_answer_is_meant_for_whom_it_answers(scene: Scene) -> None:
    """One's own message is nobody else's."""
    walters = scene.group_says(GROUP, WALTER, "I am late")
    scene.group_says(GROUP, LENA, "no matter", reply_to=walters)
    assert (heard(scene).addressed, heard(scene).to_others, heard(scene).answers) == (False, True, "1")
    scene.group_says(GROUP, WALTER, "very late", reply_to=walters)
    assert not heard(scene).to_others
    ours = scene._new_message(scene.bot_user, GROUP)
    scene.group_says(GROUP, LENA, "thanks, and @Walter_flies?", reply_to=ours)
    assert (heard(scene).addressed, heard(scene).to_others, heard(scene).answers) == (True, False, "4")


def test_a_message_in_a_topic_answers_nothing_by_standing_there(scene: Scene) -> None:
    """Telegram says that it answers the message that opened the topic; only a real answer counts."""
    thread = scene._new_topic(FORUM, scene.bot_user, "Lena", tell=False)["message_thread_id"]
    first = scene.group_says(FORUM, LENA, "among ourselves", thread=thread)
    said = heard(scene)
    assert (said.thread, said.answers, said.addressed) == (str(thread), "", False)
    scene.group_says(FORUM, INES, "yes", reply_to=first)
    assert (heard(scene).thread, heard(scene).answers) == (str(thread), str(first["message_id"]))


def test_a_chain_of_answers_is_no_thread(scene: Scene) -> None:
    """Telegram gives it a number like a topic's."""
    first = scene.group_says(GROUP, LENA, "one")
    scene.group_says(GROUP, WALTER, "two", reply_to=first)
    assert scene.updates[-1]["message"]["message_thread_id"] == 1
    assert heard(scene).thread == ""


# ── what comes with words ────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("sent", "what"),
    [
        (TelegramServer().photo(), "a photo"),
        (TelegramServer().document(), "the file plan.pdf"),
        (TelegramServer().document(name="a\nb\x00.txt"), "the file a b.txt"),
        (TelegramServer().document(name="x" * 300), f"the file {'x' * 99}…"),
        (TelegramServer().voice(seconds=12), "a voice message of 12 s"),
        (TelegramServer().sticker(), "a sticker 🚀"),
        (TelegramServer().location(5.231, -52.769), "a place (5.23, -52.77)"),
        ({"contact": {"phone_number": "+33", "first_name": "Jean", "last_name": "Bel"}}, "the contact Jean Bel"),
        ({"dice": {"emoji": "🎲", "value": 4}}, "a 🎲 that shows 4"),
        (
            {
                "venue": {"title": "The pad", "address": "x", "location": {"latitude": 1, "longitude": 2}},
                "location": {"latitude": 1, "longitude": 2},
            },
            "the place The pad",
        ),
        (
            {"video_note": {"file_id": "n", "file_unique_id": "n", "length": 240, "duration": 7}},
            "a video message of 7 s",
        ),
        (
            {"video": {"file_id": "n", "file_unique_id": "n", "width": 1, "height": 1, "duration": 7}},
            "a video of 7 s",
        ),
        ({"audio": {"file_id": "n", "file_unique_id": "n", "duration": 7, "title": "Tides"}}, "the recording Tides"),
        (
            {
                "animation": {"file_id": "n", "file_unique_id": "n", "width": 1, "height": 1, "duration": 7},
                "document": {"file_id": "n", "file_unique_id": "n"},
            },
            "an animation",
        ),
        (
            {
                "poll": {
                    "id": "1",
                    "question": "Now?",
                    "options": [],
                    "total_voter_count": 0,
                    "is_closed": False,
                    "is_anonymous": True,
                    "type": "regular",
                    "allows_multiple_answers": False,
                    "members_only": False,
                    "allows_revoting": False,
                }
            },
            "the poll “Now?”",
        ),
        ({"hologram": {"id": "1"}}, "something that I cannot read"),
    ],
)
def test_what_is_attached_has_a_name(scene: Scene, sent: JSON, what: str) -> None:
    """And says what copyMessage needs; what nobody foresaw is still a message."""
    scene.private_says(LENA, **sent)
    said = heard(scene)
    assert (said.kind, said.text) == (Kind.MESSAGE, "")
    assert said.attachments == (Attachment(what=what, ref=f"{LENA}:1"),)


def test_a_caption_is_the_text(scene: Scene) -> None:
    """With its mentions."""
    scene.group_says(GROUP, LENA, "@concierge_bot is this allowed?", **scene.photo())
    said = heard(scene)
    assert (said.text, said.addressed, len(said.attachments)) == ("is this allowed?", True, 1)


def test_what_no_screen_should_be_handed_is_left_out(scene: Scene) -> None:
    """Control characters do not reach the record."""
    scene.private_says(LENA, "a\x00b\x1bc")
    assert heard(scene).text == "abc"


# ── what is nothing to the house ─────────────────────────────────────────────────────────────────────────────────────


def _of(user: JSON, **more: Any) -> JSON:
    chat = {"id": GROUP, "type": "supergroup", "title": "Group"}
    return {"update_id": 7, "message": {"message_id": 1, "from": user, "chat": chat, "date": 1_800_000_000, **more}}


BOT_USER = {"id": BOT_ID, "is_bot": True, "first_name": "Concierge"}
OTHER_BOT = {"id": 99, "is_bot": True, "first_name": "Other"}
LENA_USER = {"id": LENA, "is_bot": False, "first_name": "Lena"}
TELEGRAM_ITSELF = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
PRIVATE = LENA_USER | {"type": "private"}
CHANNEL = {"id": -1002, "type": "channel", "title": "News"}


@pytest.mark.parametrize(
    "update",
    [
        _of(BOT_USER, text="mine"),
        _of(OTHER_BOT, text="a bot's"),
        _of(LENA_USER, pinned_message={"message_id": 1, "date": 0, "chat": {"id": GROUP, "type": "supergroup"}}),
        _of(LENA_USER, forum_topic_created={"name": "Lena", "icon_color": 1}),
        _of(LENA_USER, new_chat_title="Another name"),
        _of(LENA_USER, migrate_from_chat_id=-5),
        _of(
            {"id": 777000, "is_bot": False, "first_name": "T"}, text="n", sender_chat=CHANNEL, is_automatic_forward=True
        ),
        {"update_id": 7, "channel_post": {"message_id": 1, "chat": CHANNEL, "date": 1, "text": "news"}},
        {
            "update_id": 7,
            "message_reaction": {
                "chat": {"id": LENA, "type": "private"},
                "message_id": 1,
                "date": 1,
                "old_reaction": [],
                "new_reaction": [{"type": "emoji", "emoji": "👍"}],
            },
        },
        {"update_id": 7, "something_new": {"id": 1}},
    ],
)
def test_what_does_not_concern_the_house(update: JSON) -> None:
    """Our own posts, bots, channels, reactions, and what Telegram says of a chat."""
    assert read(update) is None


def test_a_place_that_moves_says_nothing_new(scene: Scene) -> None:
    """Telegram edits a live location every few seconds."""
    scene.private_says(LENA, **scene.location())
    update = scene.updates[-1]
    moved = update["message"] | {"edit_date": 1_800_000_000}
    assert read(update) is not None
    assert read({"update_id": 9, "edited_message": moved}) is None


def test_whoever_hides_behind_a_chat_is_nobody_known() -> None:
    """An anonymous administrator writes through a bot of Telegram's, in the name of the group."""
    anonymous = {"id": 1087968824, "is_bot": True, "first_name": "Group"}
    said = read(_of(anonymous, text="hello", sender_chat={"id": GROUP, "type": "supergroup", "title": "Group"}))
    assert said is not None
    assert said.sender == known(GROUP)


# ── who reads along ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_somebody_comes_and_goes(scene: Scene) -> None:
    """As a message in the chat tells it."""
    scene.joins(GROUP, LENA, by=INES)
    came = heard(scene)
    assert (came.kind, came.text, came.present, came.sender) == (Kind.JOIN, "joined: Lena", (known(LENA),), known(INES))
    scene.leaves(GROUP, LENA)
    gone = heard(scene)
    assert (gone.kind, gone.text, gone.present, gone.addressed) == (Kind.JOIN, "left: Lena", (), False)


def test_the_bot_itself_is_brought_in(scene: Scene) -> None:
    """Which changes who reads there, but adds nobody that it would have to mind."""
    scene.adds_bot(GROUP, INES)
    assert (heard(scene).kind, heard(scene).present) == (Kind.JOIN, ())


def _status(kind: str, old: JSON, new: JSON, chat: JSON | None = None) -> JSON:
    change = {
        "chat": chat or {"id": GROUP, "type": "supergroup", "title": "Group"},
        "from": {"id": INES, "is_bot": False, "first_name": "Ines"},
        "date": 1_800_000_000,
        "old_chat_member": {"user": LENA_USER, **old},
        "new_chat_member": {"user": LENA_USER, **new},
    }
    return {"update_id": 7, kind: change}


def _restricted(*, inside: bool) -> JSON:
    can = (
        "send_messages send_polls send_other_messages add_web_page_previews change_info invite_users pin_messages "
        "manage_topics send_audios send_documents send_photos send_videos send_video_notes send_voice_notes "
        "edit_tag react_to_messages"
    )
    rights = {f"can_{one}": False for one in can.split()}
    return {"status": "restricted", "is_member": inside, "until_date": 0, **rights}


@pytest.mark.parametrize("kind", ["chat_member", "my_chat_member"])
@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ({"status": "left"}, {"status": "member"}, "joined: Lena"),
        ({"status": "left"}, _restricted(inside=True), "joined: Lena"),
        ({"status": "member"}, {"status": "kicked", "until_date": 0}, "left: Lena"),
        ({"status": "member"}, _restricted(inside=False), "left: Lena"),
    ],
)
def test_a_status_tells_who_reads(kind: str, old: JSON, new: JSON, text: str) -> None:
    """Also where the chat shows no message about it; it comes before what waits there."""
    joined = read(_status(kind, old, new))
    assert joined is not None
    assert (joined.kind, joined.text, joined.message_key) == (
        Kind.JOIN,
        text,
        f"telegram:{BOT_ID}:{GROUP}:member:7",
    )
    assert joined.order < f"{1:020d}"


@pytest.mark.parametrize(
    "update",
    [
        _status("chat_member", {"status": "member"}, _restricted(inside=True)),
        _status(
            "my_chat_member",
            {"status": "member"},
            {"status": "kicked", "until_date": 0},
            chat=PRIVATE,
        ),
        _status("my_chat_member", {"status": "left"}, {"status": "member"}, chat=CHANNEL),
    ],
)
def test_a_status_that_changes_no_reader(update: JSON) -> None:
    """Less rights, a person who blocks the bot, a channel."""
    assert read(update) is None


def test_a_group_that_becomes_a_supergroup_moves() -> None:
    """Its messages are numbered anew, so that this comes before them."""
    moved = read(_of(LENA_USER, migrate_to_chat_id=-1009))
    assert moved is not None
    assert (moved.kind, moved.address.room, moved.about) == (Kind.MOVED, "-1009", str(GROUP))
    assert moved.order < f"{1:020d}"


# ── buttons ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_press_says_what_was_pressed_where_and_by_whom(scene: Scene) -> None:
    """A press carries no date: it happens now."""
    thread = scene._new_topic(FORUM, scene.bot_user, "Lena", tell=False)["message_thread_id"]
    ours = scene._new_message(scene.bot_user, FORUM)
    ours |= {"message_thread_id": thread, "is_topic_message": True, "text": "Take it?"}
    ours["reply_markup"] = {"inline_keyboard": [[{"text": "Yes", "callback_data": "t0k3n"}]]}
    query = scene.presses(INES, ours, "t0k3n")
    press = heard(scene)
    assert press.pressed == Pressed(token="t0k3n", handle=query)
    assert (press.kind, press.sender, press.direct, press.addressed) == (Kind.PRESS, known(INES), False, True)
    assert (press.ref, press.thread) == (str(ours["message_id"]), str(thread))
    assert press.message_key == f"telegram:{BOT_ID}:press:{query}"
    assert press.sent_at == NOON + timedelta(hours=1)
    assert f"{ours['message_id']:020d}" < press.order < f"{ours['message_id'] + 1:020d}"


def test_a_press_under_a_message_that_is_out_of_reach() -> None:
    """Telegram then gives only its number."""
    chat = {"id": LENA, "type": "private", "first_name": "Lena"}
    query = {"id": "5", "from": LENA_USER, "chat_instance": "1", "data": "x"}
    old = {"update_id": 7, "callback_query": query | {"message": {"message_id": 3, "date": 0, "chat": chat}}}
    press = read(old)
    assert press is not None
    assert (press.ref, press.direct, press.thread) == ("3", True, "")
    assert read({"update_id": 7, "callback_query": query | {"inline_message_id": "9"}}) is None


# ── any text ─────────────────────────────────────────────────────────────────────────────────────────────────────────

WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=60)


@given(WORDS, WORDS)
def test_the_bots_name_alone_is_taken_out(before: str, after: str) -> None:
    """Wherever it stands, whatever signs count double in UTF-16; white space and what led in to it go too."""
    scene = Scene()
    text = f"{before} @concierge_bot {after}"
    offset = len(f"{before} ".encode("utf-16-le")) // 2
    mention = {"type": "mention", "offset": offset, "length": len("@concierge_bot")}
    scene.group_says(GROUP, LENA, text="x", entities=[])
    message = scene.updates[-1]["message"] | {"text": text, "entities": [mention]}
    said = read({"update_id": 7, "message": message})
    assert said is not None
    assert said.addressed
    kept = after if before.strip() else after.lstrip(" ,:;")
    assert "".join(said.text.split()) == "".join((before + kept).split())
