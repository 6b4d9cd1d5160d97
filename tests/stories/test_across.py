"""A customer in one app and a steward in another: one conversation, one state."""

from __future__ import annotations

from pathlib import Path

from conftest import Stores
from phones import TELEGRAM_ALONE, WITHIN, labels, phone
from town import AMARA_ON_TELEGRAM, FORUM, INES_ON_TELEGRAM, LENA_ON_TELEGRAM, shown, town
from town import labels as slack_labels


async def test_a_customer_in_telegram_is_answered_by_a_steward_in_slack(tmp_path: Path, stores: Stores) -> None:
    """Asked, seen, answered by name, handed back, resolved: each side in the app that it uses."""
    async with town(tmp_path) as here, here.opened(here.settings(stores, slack_desk=here.slack_desk)):
        slack, telegram = here.slack, here.telegram
        telegram.private_says(LENA_ON_TELEGRAM, "How heavy may my kit be?")
        await telegram.until(lambda: "1.5 kg" in " ".join(telegram.said(LENA_ON_TELEGRAM)), 20)
        telegram.private_says(LENA_ON_TELEGRAM, "asks_for_person, please")
        await telegram.until(lambda: "I have asked Ines Prado" in " ".join(telegram.said(LENA_ON_TELEGRAM)), 20)
        await slack.until(lambda: bool(slack.posts(here.desk, slack.bot)), 20)
        card = here.card(here.desk)
        slack.presses(here.ines, card, "press:0")
        await telegram.until(lambda: "Ines Prado has seen" in telegram.said(LENA_ON_TELEGRAM)[-1], 20)
        mine = slack.says(here.ines, here.desk, "I am here, Lena.", card)
        await telegram.until(lambda: "I am here, Lena." in telegram.said(LENA_ON_TELEGRAM)[-1], 20)
        await slack.until(lambda: bool(mine.body.get("reactions")), 20)
        telegram.private_says(LENA_ON_TELEGRAM, "Thank you, Ines.")
        await slack.until(lambda: "Thank you, Ines." in slack.said(here.desk, slack.bot)[-1], 20)
        slack.says(here.ines, here.desk, "//resolve she is fine", card)
        await telegram.until(lambda: "Ines Prado has closed this" in telegram.said(LENA_ON_TELEGRAM)[-1], 20)


async def test_a_customer_in_slack_is_answered_by_a_steward_in_telegram(tmp_path: Path, stores: Stores) -> None:
    """The same the other way round: a direct message in Slack, a topic in Telegram."""
    async with town(tmp_path) as here, here.opened(here.settings(stores, telegram_desk=str(FORUM))):
        slack, dm = here.slack, here.slack.dm(here.lena)
        slack.says(here.lena, dm, "asks_for_person, please")
        await slack.until(lambda: "I have asked Ines Prado" in " ".join(slack.said(dm, slack.bot)), WITHIN)
        ines = await phone(here, INES_ON_TELEGRAM, FORUM).opens_topic()
        await ines.presses("Acknowledge")
        await slack.until(lambda: "Ines Prado has seen" in slack.said(dm, slack.bot)[-1], WITHIN)
        mine = ines.says("I am here, Lena.")
        await slack.until(lambda: "I am here, Lena." in slack.said(dm, slack.bot)[-1], WITHIN)
        assert "Ines Prado" in shown(slack.posts(dm, slack.bot)[-1])
        await ines.sees_delivered(mine)
        slack.says(here.lena, dm, "Thank you, Ines.")
        await ines.reads("Lena Voss: Thank you, Ines.")
        ines.says("//resolve she is fine")
        await slack.until(lambda: "Ines Prado has closed this" in slack.said(dm, slack.bot)[-1], WITHIN)
        assert not here.telegram.posts(LENA_ON_TELEGRAM)


async def test_a_steward_in_both_apps_has_one_state(tmp_path: Path, stores: Stores) -> None:
    """What is done in one app shows in the other: the card, what was said, who holds it, and that it is over."""
    async with (
        town(tmp_path) as here,
        here.opened(here.settings(stores, slack_desk=here.slack_desk, telegram_desk=str(FORUM))),
    ):
        slack, lena = here.slack, phone(here, LENA_ON_TELEGRAM)
        lena.says("asks_for_person, please")
        forum = await phone(here, INES_ON_TELEGRAM, FORUM).opens_topic()
        await slack.until(lambda: bool(slack.posts(here.desk, slack.bot)), WITHIN)
        here.presses(here.ines, here.card(here.desk), "Acknowledge")
        await lena.reads("Ines Prado has seen your message.")
        await forum.reads("Ines Prado has seen it.")
        assert "Acknowledge" not in labels(forum.posts[0])

        mine = forum.says("I am here, Lena.")
        await lena.reads("Ines Prado\nI am here, Lena.")
        await forum.sees_delivered(mine)
        await slack.until(lambda: "Ines Prado to Lena Voss: I am here, Lena." in slack.said(here.desk), WITHIN)
        await slack.until(lambda: "Ines Prado holds the conversation." in shown(here.card(here.desk)), WITHIN)
        also = slack.says(here.ines, here.desk, "And in Slack, too.", here.card(here.desk))
        await lena.reads("Ines Prado\nAnd in Slack, too.")
        await slack.until(lambda: bool(also.body.get("reactions")), WITHIN)
        await forum.reads("Ines Prado to Lena Voss: And in Slack, too.")
        lena.says("I see you twice.")
        await forum.reads("Lena Voss: I see you twice.")
        await slack.until(lambda: "Lena Voss: I see you twice." in slack.said(here.desk), WITHIN)
        assert [lena.screen.count(one) for one in ("I am here, Lena.", "And in Slack, too.")] == [1, 1]

        await forum.presses("Resolve…")
        prompt = await forum.reads("How did it end?")
        forum.says("she is fine", reply_to=prompt)
        await lena.reads("Ines Prado has closed this.")
        await slack.until(lambda: "By Ines Prado: “she is fine”" in shown(here.card(here.desk)), WITHIN)
        assert not slack_labels(here.card(here.desk)), "nothing is left to press"


async def test_one_customer_in_two_apps_is_one_person(tmp_path: Path, stores: Stores) -> None:
    """Lena writes in Telegram and in Slack: one escalation, held in both; a reply goes where she wrote last."""
    async with town(tmp_path) as here, here.opened(here.settings(stores, slack_desk=here.slack_desk)):
        slack, dm, lena = here.slack, here.slack.dm(here.lena), phone(here, LENA_ON_TELEGRAM)
        slack.says(here.lena, dm, "How heavy may my kit be?")
        await slack.until(lambda: "1.5 kg" in " ".join(slack.said(dm, slack.bot)), WITHIN)
        lena.says("asks_for_person, please")
        await lena.reads("I have asked Ines Prado")
        await slack.until(lambda: bool(slack.posts(here.desk, slack.bot)), WITHIN)
        card = here.card(here.desk)
        slack.says(here.ines, here.desk, "I am here, Lena.", card)
        await lena.reads("Ines Prado\nI am here, Lena.")

        slack.says(here.lena, dm, "How heavy may my second kit be? I am in Slack now.")
        await slack.until(lambda: "I am in Slack now." in slack.said(here.desk, slack.bot)[-1], WITHIN)
        slack.says(here.ines, here.desk, "So am I.", card)
        await slack.until(lambda: "So am I." in slack.said(dm, slack.bot)[-1], WITHIN)
        lena.says("And here I am again.")
        await slack.until(lambda: "And here I am again." in slack.said(here.desk, slack.bot)[-1], WITHIN)
        slack.says(here.ines, here.desk, "Welcome back.", card)
        await lena.reads("Ines Prado\nWelcome back.")
        assert "So am I." not in lena.screen
        assert " ".join(slack.said(dm, slack.bot)).count("1.5 kg") == 1, "the concierge is silent there, too"

        slack.says(here.ines, here.desk, "//back", card)
        await lena.reads("has left this conversation to me again")
        slack.says(here.lena, dm, "How heavy may my second kit be?")
        await slack.until(lambda: " ".join(slack.said(dm, slack.bot)).count("1.5 kg") == 2, WITHIN)
        slack.says(here.lena, dm, "asks_for_person, in Slack")
        await slack.until(lambda: ", in Slack" in slack.said(here.desk, slack.bot)[-2], WITHIN)
        cards = [one for one in slack.posts(here.desk, slack.bot) if not one.is_reply]
        assert len(cards) == 1


async def test_a_steward_who_cannot_be_reached_is_not_waited_for(tmp_path: Path, stores: Stores) -> None:
    """Ines has blocked the bot, and it is her only desk: Amara is asked at once, and Lena told so."""
    given = {**TELEGRAM_ALONE, "telegram_desk": None}
    async with town(tmp_path) as here, here.opened(here.settings(stores, **given)):
        ines, amara = phone(here, INES_ON_TELEGRAM), phone(here, AMARA_ON_TELEGRAM)
        lena = phone(here, LENA_ON_TELEGRAM)
        for one in (ines, amara):
            one.says("Hello")
            await one.reads("I'm here whenever you need something.")
        here.telegram.blocks(INES_ON_TELEGRAM)
        lena.says("asks_for_person, please")
        await lena.reads("so I have now asked Amara Okafor")
        await amara.reads("Lena Voss")
        await amara.presses("Take over")
        await lena.reads("Amara Okafor is with you now")
        assert "Lena Voss" not in ines.screen
