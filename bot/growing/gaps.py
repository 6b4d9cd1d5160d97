"""Questions that the documents do not answer: which are the same, how often they come, and which are closed by now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot import access
from bot.considering import EARLIER, Answerer
from bot.ledger import answered, invitations, kept
from bot.ledger.answered import UNHELPFUL, Asked, Missed, Place
from bot.ledger.engine import reading
from bot.ledger.kept import Kept, State
from bot.messages import Identity
from bot.pack import Customer, Pack, Steward
from bot.people import find, room_at
from escalation import record
from knowledge.answer import Answer
from knowledge.lexical import terms

CLOSE: Final = 0.8
"""The cosine from which on two questions are taken for the same one."""

OF_A_CALL: Final = 2
"""So many content words are in a message that only asks for a person."""

Vectors = Callable[[Sequence[str]], NDArray[np.float32]]
"""Texts to unit vectors, one row a text."""

ANSWERED_SINCE: Final = "answered since"


@dataclass(frozen=True, kw_only=True, slots=True)
class Gap:
    """One question, however often and by whomever it was asked, newest first. `closed` says what closed it, or ''."""

    missed: tuple[Missed, ...]
    closed: str = ""

    @property
    def newest(self) -> Asked:
        return self.missed[0].asked

    @property
    def times(self) -> int:
        return len(self.missed)

    @property
    def why(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.why for one in self.missed))

    @property
    def nearest(self) -> tuple[Place, ...]:
        """Where something close to an answer stands; of an answer that did not help, where that stood."""
        places = (place for one in self.missed for place in (*one.nearest, *one.cited))
        return tuple({(place.title, place.anchor): place for place in places}.values())


class Likeness:
    """Questions, each with whether another one asks the same: the same content words, or nearly the same meaning with
    the same figures.
    """

    def __init__(self, questions: Sequence[str], vectors: Vectors) -> None:
        self._words = [frozenset(terms(text)) for text in questions]
        self._vectors = vectors(questions) if questions else np.zeros((0, 1), np.float32)

    def first_like(self, question: int, among: Sequence[int]) -> int | None:
        """The first among some questions that asks the same."""
        mine = self._words[question]
        cosines = self._vectors[list(among)] @ self._vectors[question] if among else ()
        for other, cosine in zip(among, cosines, strict=True):
            theirs = self._words[other]
            if (mine and mine == theirs) or (cosine >= CLOSE and _figures(mine) == _figures(theirs)):
                return other
        return None


def _figures(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word for word in words if word[0].isdigit())


def grouped(missed: Sequence[Missed], vectors: Vectors) -> tuple[Gap, ...]:
    """Questions (newest first) that ask the same together; the most frequent first, and of these the newest."""
    each = list({one.asked.message: one for one in reversed(missed)}.values())[::-1]
    likeness = Likeness([one.asked.question for one in each], vectors)
    groups: dict[int, list[Missed]] = {}
    for number, one in enumerate(each):
        first = likeness.first_like(number, list(groups))
        groups.setdefault(number if first is None else first, []).append(one)
    gaps = [Gap(missed=tuple(group)) for group in groups.values()]
    return tuple(sorted(gaps, key=lambda gap: (gap.times, gap.newest.at), reverse=True))


def closed_by_kept(gaps: Sequence[Gap], answers: Sequence[Kept], vectors: Vectors) -> tuple[Gap, ...]:
    """The gaps, those closed to which, or to the same question, an answer was approved."""
    if not gaps or not answers:
        return tuple(gaps)
    likeness = Likeness([*(one.newest.question for one in gaps), *(one.draft.question for one in answers)], vectors)
    kept_ones = range(len(gaps), len(gaps) + len(answers))
    return tuple(
        _closed_by(gap, answers, likeness.first_like(number, kept_ones), len(gaps)) for number, gap in enumerate(gaps)
    )


def _closed_by(gap: Gap, answers: Sequence[Kept], like: int | None, first: int) -> Gap:
    messages = {one.asked.message for one in gap.missed}
    by = next((one for one in answers if one.draft.asked in messages), None)
    if by is None and like is not None:
        by = answers[like - first]
    return gap if by is None else replace(gap, closed=f"kept as {by.id}, “{by.draft.title}”")


class Gaps:
    """The gaps of one record, looked at with what is known today."""

    def __init__(self, pack: Pack, engine: AsyncEngine, answerer: Answerer, vectors: Vectors) -> None:
        self._pack = pack
        self._engine = engine
        self._answerer = answerer
        self._vectors = vectors

    async def found(self, now: datetime, *, since: datetime | None) -> tuple[Gap, ...]:
        """All of them, those that are closed by now too. Raises RecordUnavailable and KnowledgeError."""
        async with reading(self._engine) as connection:
            missed = await _questions(connection, await answered.missed(connection, since=since))
            approved = await kept.every(connection, State.APPROVED)
            bound = await invitations.bound(connection)
        gaps = await asyncio.to_thread(grouped, missed, self._vectors)
        closed = await asyncio.to_thread(closed_by_kept, gaps, approved, self._vectors)
        return tuple([gap if gap.closed else await self._asked_again(gap, bound, now) for gap in closed])

    async def _asked_again(self, gap: Gap, bound: Mapping[Identity, str], now: datetime) -> Gap:
        """The gap, closed where whoever asked last would be answered today; after an answer that did not help, only
        where it would be another one.
        """
        one = gap.missed[0]
        async with reading(self._engine) as connection:
            before = await answered.said_before(connection, one.asked.message, count=EARLIER)
        grants = grants_of(self._pack, one.asked, bound)
        if not grants:
            return gap
        today = await asyncio.to_thread(self._answerer.answer, one.asked.question, grants, now.date(), before)
        if not isinstance(today, Answer):
            return gap
        new = {sentence.citation.passage for sentence in today.sentences} - {place.passage for place in one.cited}
        return replace(gap, closed=ANSWERED_SINCE) if new or one.why != UNHELPFUL else gap


async def _questions(connection: AsyncConnection, missed: Sequence[Missed]) -> tuple[Missed, ...]:
    """Without those that ask for a person and for nothing else ("a person, please"): no document answers that."""
    logged = await record.cues_in(connection, [one.asked.message for one in missed])
    called = {one.message for one in logged if one.cue.name == "asks_for_person"}
    return tuple(one for one in missed if one.asked.message not in called or len(terms(one.asked.question)) > OF_A_CALL)


def who_asked(pack: Pack, asked: Asked, bound: Mapping[Identity, str]) -> Customer | Steward | None:
    """Who had asked, as far as the pack or an invitation knows them."""
    return find(pack, asked.sender, bound) or pack.customers.get(asked.customer or "")


def grants_of(pack: Pack, asked: Asked, bound: Mapping[Identity, str]) -> frozenset[str]:
    """What may be told where a question was asked; in a room, to its mission's own people."""
    person = who_asked(pack, asked, bound)
    if asked.direct:
        return access.direct_grants(pack, person)
    room = room_at(pack, asked.address)
    return access.room_grants(pack, room, (person,)) if room else access.EVERYONE
