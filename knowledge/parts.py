"""The questions in one message: "How heavy may it be, and when do I hand it in?" asks two things."""

from __future__ import annotations

import re

from knowledge.lexical import clean, content, spoken
from knowledge.question import is_courtesy, is_question

MOST: int = 4
"""More questions than this in one message are not told apart: the last part holds the rest."""

_ASKS = (
    r"(?:(?:by|until|since|from|for|at|on|in|to|with|about|under) )?(?:how|what|when|where|who|whom|whose|which|why)\b"
    r"|(?:is|are|can|could|may|do|does|did|should|will|would|must|has|have) (?:i|we|you|they|he|she|it|there|the|my|our"
    r"|your|a|an|any|that|this|somebody|someone|anybody|anyone)\b"
)
_NEXT = re.compile(rf"[,;]?\s+(?:and|also|plus)(?:,)?\s+(?:also\s+)?(?={_ASKS})", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[?？؟])\s+|(?<=[.!…])\s+(?=\S)|\n+")


def parts(message: str) -> tuple[str, ...]:
    """The questions of a message, each with what is said before it; one where it asks one thing or nothing.

    "My daughter is 13. Is she allowed, and what does it cost?" → ("My daughter is 13. Is she allowed", "what does it
    cost?"). What only opens the conversation, like "Hi! How are you?", is no part.
    """
    found: list[str] = []
    said: list[str] = []
    for sentence in filter(None, (s.strip() for s in _SENTENCE.split(clean(message)))):
        if is_courtesy(sentence):
            continue
        if not is_question(sentence):
            said.append(sentence)
            continue
        first, *others = _clauses(sentence)
        found.append(" ".join([*said, first]))
        found += others
        said = []
    if len(found) < 2:
        return (message,)
    if said:  # "… That is all I need to know." belongs to what was asked last
        found[-1] = " ".join([found[-1], *said])
    return (*found[: MOST - 1], " ".join(found[MOST - 1 :])) if len(found) > MOST else tuple(found)


def _clauses(sentence: str) -> list[str]:
    """A sentence at each "and how …", "and may I …", where what stands before asks something by itself."""
    made: list[str] = []
    start = 0
    for match in _NEXT.finditer(sentence):
        before = sentence[start : match.start()]
        if is_question(before) and content(spoken(before)):
            made.append(before)
            start = match.end()
    return [*made, sentence[start:]]
