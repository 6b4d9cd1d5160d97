"""One question, answered as that reader would be answered; nothing is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from bot import access, replies
from bot.chat_model import teller_of
from bot.considering import Teller
from bot.knowing import knowing_of
from bot.messages import readable
from bot.pack import Pack
from bot.settings import Settings
from bot.terminal.ingesting import bring_up_to_date
from knowledge.answer import Abstention, Answer, Sentence

Say = Callable[[str], None]


def answer_once(pack: Pack, settings: Settings, person: str, question: str, now: datetime, say: Say) -> None:
    """Says the answer with its sources, or that the documents do not say, and the score that it had.

    With a chat model each sentence is said as soon as it has been checked. That can be done here alone: in a
    conversation nothing may be said before the turn knows that no person has taken over meanwhile.
    """
    knowing = knowing_of(settings, pack.provider)
    bring_up_to_date(pack, settings.index_folder(pack.provider), knowing=knowing)
    grants = access.direct_grants(pack, pack.person(person))
    teller = teller_of(settings, knowing)
    if teller is None:
        found = knowing.answer(question, grants, now.date())
        say(readable(_whole(found)))
    else:
        found = asyncio.run(_aloud(teller, question, grants, now, say))
    say(f"\n(score {found.score:.2f})")


async def _aloud(teller: Teller, question: str, grants: frozenset[str], now: datetime, say: Say) -> Answer | Abstention:
    said: list[Sentence] = []

    def tell(sentence: Sentence) -> None:
        said.append(sentence)
        say(readable(sentence.text))

    found = await teller.answer(question, grants, now.date(), tell=tell)
    if said and isinstance(found, Answer):
        say(readable("\n".join(f"— {place}" for place in dict.fromkeys(replies.cited(s.citation) for s in said))))
        for caveat in found.caveats:
            say(readable(f"\n{replies.note(caveat)}"))
    else:
        say(readable(_whole(found)))
    return found


def _whole(found: Answer | Abstention) -> str:
    return replies.answer(found) if isinstance(found, Answer) else replies.not_in_the_documents(None)
