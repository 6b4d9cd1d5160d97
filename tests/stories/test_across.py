"""A customer in one app and a steward in another: one conversation, one state."""

from __future__ import annotations

from pathlib import Path

from conftest import Stores
from town import LENA_ON_TELEGRAM, town


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

