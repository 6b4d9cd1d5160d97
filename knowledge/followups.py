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


def in_conversation(message: str, before: Sequence[str]) -> str:
    """The message with what it leans on in front of it; as it is where it stands by itself.

    `before` are the writer's earlier messages, the latest last. A chain of questions that lean ("and on the second
    day?" … "why?") goes back to the one that stands.
    """
    if not leans(message):
        return message
    chain = [message]
    for earlier in reversed(before):
        if is_courtesy(earlier):
            continue
        chain.insert(0, clean(earlier, EARLIER_CHARACTERS))
        if not leans(earlier) or len(chain) > LONGEST_CHAIN:
            break
    return " ".join(chain)


def leans(message: str) -> bool:
    """Whether a message cannot be understood without the one before it."""
    said = spoken(clean(message))
    meant = content(said)
    if not meant:
        return True
    if len(meant) <= _SOME and _FOLLOWS.match(clean(message)):
        return True
    return len(meant) <= _FEW and bool(_POINTS.intersection(spoken(_POINTS_AT_NOTHING.sub(" ", " ".join(said)))))
