"""One question, answered as that reader would be answered; nothing is recorded."""

from __future__ import annotations

from datetime import datetime

from bot import access, replies
from bot.knowing import Knowing
from bot.messages import readable
from bot.pack import Pack
from bot.settings import Settings
from bot.terminal.ingesting import bring_up_to_date
from knowledge.answer import Answer


def answer_once(pack: Pack, settings: Settings, person: str, question: str, now: datetime) -> str:
    """The answer with its sources, or that the documents do not say, with the score that it had."""
    knowing = Knowing(settings.index_folder(pack.provider))
    bring_up_to_date(pack, settings.index_folder(pack.provider), knowing=knowing)
    grants = access.direct_grants(pack, pack.person(person))
    found = knowing.answer(question, grants, now.date())
    said = replies.answer(found) if isinstance(found, Answer) else replies.not_in_the_documents(None)
    return readable(f"{said}\n\n(score {found.score:.2f})")
