"""A question in its conversation: "why?" and "what about my camera?" lean on what was asked before them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.lexical import clean, content, spoken, word_set
from knowledge.question import is_courtesy

EARLIER_CHARACTERS = 400
"""How much of an earlier message is taken along."""
LONGEST_CHAIN = 3

_FOLLOWS = re.compile(
    r"^(?:ok(?:ay)?,? |oh,? |hm+,? )*(?:and|but|so|also|or|then|what about|how about|same|even|only|why|how come|"
    r"since when|until when|what if|how so|which one|where exactly|when exactly)\b",
    re.IGNORECASE,
)
_POINTS = word_set("it its that this they them their those these one ones he she him her there")
_POINTS_AT_NOTHING = re.compile(
    r"\b(?:is|are|was|were|will|would|be|has|have|if) there\b|\bthere (?:is|are|was|were|will|be)\b"
    r"|\b(?:is|was|be|does|would|will|if) it (?:rain|snow|possible|ok|okay|allowed|permitted|true|necessary|safe|late|"
    r"early|too|take|cost|be|right|fine|normal|mandatory|compulsory)\b(?: \w+)?(?: to| that|$)?"
    r"|\b(?:this|that|these|those|next) (?:year|week|month|time|season|flight|mission|trip|summer|winter|spring|"
    r"autumn)\b"
)
_FEW, _SOME = 2, 4
_ASKS_ITSELF = re.compile(
    r"(?:ok(?:ay)?,? |oh,? |and |but |so |then |also )*(?:(?:by|until|since|from|for|at|on|in|to|with) )?"
    r"(?:how (?!about|come|so)|what (?!about|if)|when|where|who|whose|whom|which|is|are|can|could|may|do|does|did"
    r"|should|will|would|must|has|have)\b",
    re.IGNORECASE,
)
_MEASURE = re.compile(r"\bhow \w+\b|\bwhat (?:time|date|day|colou?r|size|kind|sort)\b", re.IGNORECASE)


def in_conversation(message: str, before: Sequence[str]) -> str:
    """The message with what it leans on; as it is where it stands by itself.

    `before` are the writer's earlier messages, the latest last. A chain of questions that lean ("and on the second
    day?" … "why?") goes back to the one that stands. One that asks something of its own ("when do I hand it in?") is
    told what it is about, and no more: read behind the whole of an earlier question it would be answered by that one's
    answer.
    """
    if not leans(message):
        return message
    chain = _chain(message, before)
    if len(chain) == 1 or not _ASKS_ITSELF.match(message):
        return " ".join(chain)
    topic = content(word for earlier in chain[:-1] for word in spoken(_MEASURE.sub(" ", earlier)))
    return f"{message} ({' '.join(dict.fromkeys(topic))})" if topic else " ".join(chain)


def _chain(message: str, before: Sequence[str]) -> list[str]:
    """The message and what it leans on, the earliest first."""
    chain = [message]
    for earlier in reversed(before):
        if is_courtesy(earlier):
            continue
        chain.insert(0, clean(earlier, EARLIER_CHARACTERS))
        if not leans(earlier) or len(chain) > LONGEST_CHAIN:
            break
    return chain


def leans(message: str) -> bool:
    """Whether a message cannot be understood without the one before it."""
    said = spoken(clean(message))
    meant = content(said)
    if not meant:
        return True
    if len(meant) <= _SOME and _FOLLOWS.match(clean(message)):
        return True
    return len(meant) <= _FEW and bool(_POINTS.intersection(spoken(_POINTS_AT_NOTHING.sub(" ", " ".join(said)))))
