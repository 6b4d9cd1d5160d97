"""An answer in a chat model's words, where they have been checked; else the documents' own, as without a model.

    the documents' own answer → shall the model be asked? → its sentences, each checked → what is told

The judge decides as ever whether the documents answer. The model words what they say, and no more.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import date, timedelta
from enum import StrEnum
from functools import partial
from typing import Final, Protocol

from knowledge.answer import Abstention, Answer, Sentence
from knowledge.checking import WORSE, Checker, composed, given, leans, stays_within
from knowledge.claims import Asked, Claim, Consulted, Think
from knowledge.composing import Composer, ModelAway, ModelFailed
from knowledge.evidence import ANSWER_FEATURES
from knowledge.pairing import PairReader
from knowledge.question import is_beyond_documents, is_courtesy, is_question
from knowledge.search import Encoder
from knowledge.support import NORMAL, STRICT

logger = logging.getLogger(__name__)

NEAR: Final = 0.5  # share of the judge's threshold from which the model may still find the answer
LEAST: Final = 0.0  # log-odds at which the pair reader takes a text for an answer
RESTS: Final = timedelta(seconds=30)  # how long a model that is away is not asked again
MARGIN: Final = timedelta(seconds=2)  # what is left when whoever waits would give up
_PAIR: Final = ANSWER_FEATURES.index("pair_answer")


class Library(Protocol):
    """The documents, and the small models that read them."""

    def consult(self, question: str, grants: frozenset[str], on: date, before: Sequence[str] = ()) -> Consulted:
        """The documents' own answer with what was weighed for it."""
        ...

    def readers(self) -> tuple[Encoder, PairReader]:
        """What turns texts into vectors, and what says how well a text answers a question."""
        ...


class Course(StrEnum):
    """What is made of a question."""

    AS_WRITTEN = "as written"
    COMPOSE = "compose"
    COMPOSE_STRICTLY = "compose strictly"


def course(question: str, *, answered: bool, score: float, threshold: float) -> Course:
    """Whether the model is asked, and how strictly its sentences are checked.

    Only questions are composed for. Where the judge abstains but is near its threshold, the model may show that the
    documents do answer, if every sentence of it passes the stricter bar.
    """
    if not is_question(question) or is_courtesy(question) or is_beyond_documents(question):
        return Course.AS_WRITTEN
    if answered:
        return Course.COMPOSE
    return Course.COMPOSE_STRICTLY if score > 0 and score >= NEAR * threshold else Course.AS_WRITTEN


class Teller:
    """Answers with a chat model over a library. One object serves all conversations of a process."""

    def __init__(
        self, composer: Composer, library: Library, *, within: timedelta, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`within`: how long the model may take over one answer; `clock`: seconds, for how long it rests."""
        self._composer = composer
        self._library = library
        self._within = within
        self._clock = clock
        self._rests_until: float | None = None

    async def answer(
        self,
        question: str,
        grants: frozenset[str],
        on: date,
        before: Sequence[str] = (),
        *,
        think: Think = asyncio.to_thread,
        by: float | None = None,
        tell: Callable[[Sentence], None] | None = None,
    ) -> Answer | Abstention:
        """The answer that this reader may be given on that day, or an abstention; raises what the library raises.

        `by`: when whoever waits gives up, in the event loop's time. `tell`: hears each sentence of a composed answer as
        soon as it has been checked; what is not told that way is in what is returned.
        """
        asked = await self._standalone(question, before, by)
        lean = before if asked == question else ()
        consulted = await think(partial(self._library.consult, asked, grants, on, lean))
        outcome = consulted.outcome
        chosen = course(
            question,
            answered=isinstance(outcome, Answer),
            score=outcome.score,
            threshold=consulted.threshold,
        )
        passages = given(consulted.reading, grants)
        if chosen is Course.AS_WRITTEN or not passages or self._rests():
            return outcome
        strictly = chosen is Course.COMPOSE_STRICTLY
        encoder, pairs = self._library.readers()
        checker = Checker(
            asked,
            passages,
            encoder=encoder,
            pairs=pairs,
            bar=STRICT if strictly else NORMAL,
            enough=LEAST if strictly else min(LEAST, consulted.reading.numbers[_PAIR] - WORSE),
        )
        material = Asked(question=question, before=tuple(before), passages=passages)
        await self._compose(material, checker, think, by, None if strictly else tell)
        if not checker.said or (strictly and checker.dropped):
            return outcome
        return composed(checker.said, passages, outcome.score)

    async def _compose(
        self, asked: Asked, checker: Checker, think: Think, by: float | None, tell: Callable[[Sentence], None] | None
    ) -> None:
        """Has the model's sentences checked. Where it fails, what was checked so far stands."""
        try:
            async with asyncio.timeout_at(self._until(by)), aclosing(self._claims(asked, tell is not None)) as claims:
                async for claim in claims:
                    for sentence in await think(partial(checker.take, claim)):
                        if tell is not None:
                            tell(sentence)
        except (TimeoutError, ModelFailed) as error:
            self._failed(error)

    async def _claims(self, asked: Asked, streaming: bool) -> AsyncGenerator[Claim]:
        if streaming:
            async with aclosing(self._composer.stream(asked)) as claims:
                async for claim in claims:
                    yield claim
        else:
            for claim in await self._composer.claims(asked):
                yield claim

    async def _standalone(self, question: str, before: Sequence[str], by: float | None) -> str:
        """The question as it is looked up: written anew where it leans on the conversation and the model can."""
        if not leans(question, before) or is_courtesy(question) or is_beyond_documents(question) or self._rests():
            return question
        try:
            async with asyncio.timeout_at(self._until(by, share=1 / 3)):
                rewritten = await self._composer.standalone(question, before)
        except (TimeoutError, ModelFailed) as error:
            self._failed(error)
            return question
        return rewritten if stays_within(rewritten, question, before) else question

    # ── a model that is away ─────────────────────────────────────────────────────────────────────────────────────────

    def _until(self, by: float | None, share: float = 1.0) -> float:
        now = asyncio.get_running_loop().time()
        until = now + self._within.total_seconds() * share
        return until if by is None else min(until, by - MARGIN.total_seconds())

    def _rests(self) -> bool:
        return self._rests_until is not None and self._clock() < self._rests_until

    def _failed(self, error: Exception) -> None:
        """Nobody waits again and again for a model that is away. Only names of errors are logged."""
        if isinstance(error, TimeoutError | ModelAway):
            self._rests_until = self._clock() + RESTS.total_seconds()
        logger.warning(
            "the chat model did not compose an answer (%s): the documents' own sentences are told",
            str(error) if isinstance(error, ModelFailed) else "it took too long",
        )
