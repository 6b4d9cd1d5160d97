"""Desks in chat apps: one card for all who sit there, the thread under it, and posts that do not arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import count
from uuid import uuid4

import pytest
from fakes import Hands, Recorder, ScriptedAnswerer, ScriptedReader
from scenes import LENA, Scene

from bot.app import furnished, open_record
from bot.casework import NotAllowed
from bot.desks import Desk, Shape
from bot.ledger import buttons, outbox
from bot.ledger.engine import RecordUnavailable, reading
from bot.messages import Act, Address, Identity, Inbound, Kind, Post, Pressed, Purpose, SendError, Sent
from bot.pack import Pack
from escalation.case import State

TOGETHER = Address(channel="telegram", room="-300")
RUTH = Address(channel="telegram", room="2003")
SITS = {
    "ines": (Desk(address=TOGETHER, shape=Shape.THREAD, direct=False),),
    "amara": (Desk(address=TOGETHER, shape=Shape.THREAD, direct=False),),
    "rosa": (Desk(address=TOGETHER, shape=Shape.THREAD, direct=False),),
    "marc": (Desk(address=TOGETHER, shape=Shape.THREAD, direct=False),),
    "ruth": (Desk(address=RUTH, shape=Shape.THREAD),),
}


class Deaf(Recorder):
    """A channel that refuses posts to some addresses, each with its own trouble."""

    def __init__(self) -> None:
        super().__init__()
        self.refuses: dict[Address, SendError] = {}

    async def send(self, post: Post) -> Sent:
        if post.address in self.refuses:
            self.tried.append(post.id)
            raise self.refuses[post.address]
        return await super().send(post)


@pytest.fixture
async def scene(little_pack: Pack, record_url: str) -> AsyncIterator[Scene]:
    """Ines and Amara share a desk, Ruth has one of her own."""
    clock, channel, reader, answerer = Hands(), Deaf(), ScriptedReader(), ScriptedAnswerer()
    async with (
        open_record(record_url) as engine,
        furnished(
            little_pack,
            engine,
            answerer=answerer,
            reader=reader,
            docket=f"memory://{uuid4().hex}",
            channels=[channel],
            clock=clock,
            desk_of=lambda steward: SITS[steward],
        ) as house,
    ):
        yield Scene(house=house, clock=clock, reader=reader, answerer=answerer, channel=channel, numbers=count(1))


def cards(scene: Scene, at: Address = TOGETHER, act: Act = Act.SAY) -> list[Post]:
    return [post for post in scene.channel.posts(at) if post.card is not None and post.act is act]


def deaf(scene: Scene) -> Deaf:
    assert isinstance(scene.channel, Deaf)
    return scene.channel


async def test_two_stewards_at_one_desk_get_one_card(scene: Scene) -> None:
    """The next on the ladder is asked under the same card; the customer is on it once."""
    await scene.says("asks_for_person")
    await scene.later(minutes=15)
    assert len(cards(scene)) == 1
    assert (await scene.escalation()).asked == ("ines", "amara")
    (card,) = cards(scene)
    asked = [post for post in scene.channel.posts(TOGETHER) if "acknowledge" in post.text and post.card is None]
    assert [post.thread for post in asked] == [f"telegram:{card.id}"]


async def test_what_is_said_under_a_card_waits_for_the_card(scene: Scene) -> None:
    """The platform refuses the card for a while: then the card comes first, and everything stands in its thread."""
    deaf(scene).refuses[TOGETHER] = SendError("500")
    await scene.says("asks_for_person")
    await scene.says("I am still here, anxiety")
    assert scene.channel.posts(TOGETHER) == []
    deaf(scene).refuses.clear()
    await scene.later(minutes=1)
    first, *rest = scene.channel.posts(TOGETHER)
    assert first.card is not None
    assert "Lena Voss: I am still here, anxiety" in [post.text for post in rest]
    assert {post.thread or post.target for post in rest} == {f"telegram:{first.id}"}


async def test_a_card_is_brought_up_to_date_with_each_step(scene: Scene) -> None:
    """The message that is there already is edited: who has it, and the buttons that are left."""
    await scene.says("asks_for_person")
    (card,) = cards(scene)
    one = await scene.escalation()
    await scene.house.casework.take_over(one.id, "ines", scene.clock())
    await scene.settle()
    newest = cards(scene, act=Act.EDIT)[-1]
    assert newest.target == f"telegram:{card.id}"
    assert newest.card is not None
    assert card.card is not None
    before, after = (
        {button.label for section in each.sections for button in section.buttons} for each in (card.card, newest.card)
    )
    assert "Acknowledge" in before - after
    assert "Give back to the concierge" in after - before


async def test_a_steward_whom_no_desk_reaches_is_not_waited_for(scene: Scene) -> None:
    """The post to their only desk fails for good: the next one is due at once, and the customer is told."""
    deaf(scene).refuses[TOGETHER] = SendError("no such chat", retry=False)
    await scene.says("asks_for_person")
    for _ in range(3):
        await scene.later(seconds=1)
    assert "ruth" in (await scene.escalation()).asked
    assert len(cards(scene, RUTH)) == 1
    assert "I have now asked Ruth Calder" in scene.heard(LENA)[-1]


async def test_a_reply_that_fails_is_told_to_who_wrote_it(scene: Scene) -> None:
    """With its words and why, under the card."""
    await scene.says("asks_for_person")
    one = await scene.escalation()
    deaf(scene).refuses[LENA] = SendError("the customer has blocked the bot", retry=False)
    await scene.house.casework.reply(one.id, "ines", "I am here.", scene.clock())
    await scene.settle()
    await scene.settle()
    told = [post.text for post in scene.channel.posts(TOGETHER) if "did not reach Lena Voss" in post.text]
    assert len(told) == 1
    assert "I am here." in told[0]
    assert "blocked" in told[0]


async def in_doubt(scene: Scene) -> tuple[Post, int]:
    """A reply of Ines's of which nobody can say whether it arrived; what she is shown, and its row."""
    await scene.says("asks_for_person")
    one = await scene.escalation()
    await scene.house.casework.take_over(one.id, "ines", scene.clock())
    await scene.settle()
    deaf(scene).refuses[LENA] = SendError("time-out", in_doubt=True)
    deaf(scene).cannot_say = SendError("no history here")
    await scene.house.casework.reply(one.id, "ines", "I am here.", scene.clock())
    await scene.settle()
    await scene.settle()
    deaf(scene).refuses.clear()
    deaf(scene).cannot_say = None
    (shown,) = [post for post in scene.channel.posts(TOGETHER) if "cannot say whether" in post.text]
    async with reading(scene.house.engine) as connection:
        meaning = await buttons.meaning_of(connection, shown.buttons[0].token)
    assert meaning is not None
    return shown, meaning.number


async def state_of(scene: Scene, row: int) -> str:
    async with reading(scene.house.engine) as connection:
        found = await outbox.by_id(connection, row)
    assert found is not None
    assert found.draft.purpose is Purpose.RELAY
    return found.state


@pytest.mark.parametrize(("which", "arrives"), [(0, ["I am here."]), (1, [])])
async def test_a_reply_in_doubt_is_settled_by_who_wrote_it(scene: Scene, which: int, arrives: list[str]) -> None:
    """It waits with two buttons, and nothing is repeated by itself; sent again, or left, as the steward says."""
    shown, row = await in_doubt(scene)
    assert [button.label for button in shown.buttons] == ["Send it again", "It arrived"]
    await scene.later(minutes=10)
    assert await state_of(scene, row) == "uncertain"
    await scene.house.work.receive(press(scene, shown, which))
    await scene.settle()
    assert [text for text in scene.heard(LENA) if text == "I am here."] == arrives
    assert await state_of(scene, row) == "sent"


def press(scene: Scene, shown: Post, which: int) -> Inbound:
    """Ruth, who is on the ladder, presses a button of what was shown."""
    return Inbound(
        event_key="press",
        message_key="press",
        address=TOGETHER,
        sender=Identity(channel="telegram", user="2003"),
        text="",
        sent_at=scene.clock(),
        order="99999999",
        direct=False,
        kind=Kind.PRESS,
        thread=shown.thread,
        ref=f"telegram:{shown.id}",
        pressed=Pressed(token=shown.buttons[which].token, handle="handle"),
    )


async def test_nobody_else_settles_it(scene: Scene) -> None:
    """A steward who neither looks after her nor was asked is refused, and it stays in doubt."""
    _, row = await in_doubt(scene)
    with pytest.raises(NotAllowed, match="no message"):
        await scene.house.casework.settle(row, "marc", again=True, now=scene.clock())
    assert await state_of(scene, row) == "uncertain"


async def test_a_resolved_escalation_keeps_its_card(scene: Scene) -> None:
    """It is edited to say how it ended, and has no buttons any more."""
    await scene.says("asks_for_person")
    one = await scene.escalation()
    done = await scene.house.casework.resolve(one.id, "ines", outcome="they talked", now=scene.clock())
    assert done.state is State.RESOLVED
    await scene.settle()
    newest = cards(scene, act=Act.EDIT)[-1].card
    assert newest is not None
    assert not [button for section in newest.sections for button in section.buttons]
    assert len(cards(scene)) == 1


def under(scene: Scene, card: Post, said: str, *, by: str = "2003", at: Address = RUTH) -> Inbound:
    """Ruth writes under her card."""
    number = next(scene.numbers)
    return Inbound(
        event_key=f"event:{number}",
        message_key=f"message:{number}",
        address=at,
        sender=Identity(channel="telegram", user=by),
        text=said,
        sent_at=scene.clock(),
        order=f"{number:08d}",
        thread=f"telegram:{card.id}",
        ref=f"ref:{number}",
    )


async def with_ruth(scene: Scene) -> Post:
    """An escalation that has climbed to Ruth; her card."""
    await scene.says("asks_for_person")
    await scene.later(minutes=15)
    await scene.later(minutes=15)
    (card,) = cards(scene, RUTH)
    return card


async def test_what_a_steward_writes_while_the_record_is_away_is_sent_afterwards(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no mistake of theirs: they are refused nothing, and the customer gets it once the record is back."""
    card = await with_ruth(scene)
    reply = scene.house.casework.reply

    async def away(*_: object, **__: object) -> None:
        raise RecordUnavailable("the record", "database is locked")

    monkeypatch.setattr(scene.house.casework, "reply", away)
    await scene.house.work.receive(under(scene, card, "I am here, Lena."))
    before = len(scene.channel.posts(RUTH))
    await scene.settle()
    assert len(scene.channel.posts(RUTH)) == before
    monkeypatch.setattr(scene.house.casework, "reply", reply)
    await scene.settle()
    assert scene.heard(LENA)[-1] == "I am here, Lena."


async def test_a_steward_is_refused_by_name(scene: Scene) -> None:
    """Who has it is said as people say it, not by the pack's ids."""
    card = await with_ruth(scene)
    await scene.house.casework.acknowledge((await scene.escalation()).id, "amara", scene.clock())
    await scene.house.work.receive(under(scene, card, "//ack"))
    await scene.settle()
    assert "Amara Okafor has acknowledged escalation 1" in scene.heard(RUTH)[-1]


async def test_what_a_customer_changes_is_shown_under_the_card(scene: Scene) -> None:
    """A steward who has read the first words learns of the change, and of a message that was taken back."""
    await with_ruth(scene)
    said = await scene.arrives("It is anxiety, all night")
    await scene.settle()
    await scene.arrives("It is better now", kind=Kind.EDIT, about=said.message_key)
    await scene.settle()
    assert "Lena Voss changed a message: It is better now" in scene.heard(RUTH)
    await scene.arrives("", kind=Kind.DELETION, about=said.message_key)
    await scene.settle()
    assert "Lena Voss took a message back." in scene.heard(RUTH)


async def test_no_card_goes_where_a_customer_reads(scene: Scene) -> None:
    """Whatever the settings call a desk: the next is asked at once, at a desk that is one."""
    scene.channel.reads[TOGETHER] = (Identity(channel="telegram", user="1002"),)
    await scene.says("asks_for_person")
    for _ in range(4):
        await scene.settle()
    assert scene.channel.posts(TOGETHER) == []
    assert len(cards(scene, RUTH)) == 1
