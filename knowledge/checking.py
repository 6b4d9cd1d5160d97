"""What a chat model may be given, and what of its sentences may be said. Pure but for the small models that read.

A sentence is said when a place of a passage that it cites supports it (`knowledge.support`), when it leans on no
sentence that was dropped, and when all that is said so far answers the question about as well as the documents' own
sentences do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from knowledge.answer import Answer, Reading, Sentence, cite
from knowledge.claims import Claim
from knowledge.figures import figures
from knowledge.lexical import clean, content, spoken, stem, terms, word_set, words
from knowledge.pairing import PairReader, Text
from knowledge.passages import Passage, breadth
from knowledge.question import is_question
from knowledge.saying import LONGEST_ANSWER, leans_back
from knowledge.search import Encoder
from knowledge.sentences import plain, sentences, units
from knowledge.support import Bar, Source, support

GIVEN: Final = 8  # passages
GIVEN_CHARACTERS: Final = 8_000
WORSE: Final = 2.0  # log-odds by which composed words may answer less well than the documents' own

# ── what is given ────────────────────────────────────────────────────────────────────────────────────────────────────


def given(reading: Reading, grants: frozenset[str]) -> tuple[Passage, ...]:
    """The passages that a model may compose from: those that were chosen, then the best of those found.

    None that speaks to machines, and none that a narrower document overrules for this reader.
    """
    best = [unit.passage for unit in reading.chosen] + [found.passage for found in reading.found]
    kept: list[Passage] = []
    for one in dict.fromkeys(best):
        room = len(kept) < GIVEN and sum(len(p.text) for p in kept) + len(one.text) <= GIVEN_CHARACTERS
        if room and not gives_orders(one):
            kept.append(one)
    return tuple(one for one in kept if not any(overrules(other, one, grants) for other in kept))


_ORDERS: Final = re.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b[^.]{0,40}\b(?:instructions?|rules?|prompts?|guidelines|above)\b"
    r"|\b(?:system|developer) (?:prompt|message)\b|\bas an? (?:ai|language model|assistant|chatbot)\b"
    r"|\byou are (?:now |no longer )?(?:an? )?(?:ai|assistant|chatbot|language model|concierge)\b"
    r"|\b(?:reveal|print|repeat|output|disclose|leak)\b[^.]{0,40}"
    r"\b(?:instructions?|prompts?|passages?|documents?|secrets?)\b"
    r"|\b(?:assistant|chatbot|concierge|model|ai)\b ?"
    r"(?:must|should|shall|:|, (?:please )?(?:say|tell|answer|reply|write))"
    r"|\b(?:say|tell|answer|reply|respond|write)\b[^.]{0,30}\b(?:to (?:the|every) (?:customer|user|reader)s?|instead)\b"
    r"|<\|?/?(?:system|im_start|im_end|assistant)",
    re.IGNORECASE,
)


def gives_orders(passage: Passage) -> bool:
    """Whether a passage speaks to whatever machine reads it, in its text or above it: that is no information."""
    return any(_ORDERS.search(clean(text)) for text in (passage.title, passage.heading, passage.text))


SAME_TERMS, SAME_SHARE = 3, 0.7  # so many words in common, of the shorter one's, and two sentences say the same


def overrules(one: Passage, other: Passage, grants: frozenset[str]) -> bool:
    """Whether a narrower document says the same as another with other figures: for this reader it counts alone."""
    if breadth(one, grants) >= breadth(other, grants):
        return False
    return any(_rivals(mine.text, theirs.text) for mine in units(one) for theirs in units(other))


def _rivals(one: str, other: str) -> bool:
    left, right = ({term for term in terms(text) if not term[0].isdigit()} for text in (one, other))
    shared = len(left & right)
    if shared < SAME_TERMS or shared < SAME_SHARE * min(len(left), len(right)):
        return False
    return {figure.amount for figure in figures(one)} != {figure.amount for figure in figures(other)}


# ── what may be said ─────────────────────────────────────────────────────────────────────────────────────────────────


class Checker:
    """Takes a model's claims one by one, and says which sentences may be told."""

    def __init__(
        self,
        question: str,
        passages: Sequence[Passage],
        *,
        encoder: Encoder,
        pairs: PairReader,
        bar: Bar,
        enough: float,
    ) -> None:
        """`enough`: the log-odds, by the pair reader, from which what is said answers the question."""
        self._question = question
        self._passages = passages
        self._encoder = encoder
        self._pairs = pairs
        self._bar = bar
        self._enough = enough
        self._before: Source | None = None
        self._waiting: list[Sentence] = []
        self._context = ""  # the headings above what waits, which the pair reader is used to
        self.said: list[Sentence] = []
        self.dropped = 0

    def take(self, claim: Claim) -> tuple[Sentence, ...]:
        """What may be told now: sentences wait until, together, they answer the question."""
        for text in sentences(without_verdict(plain(clean(claim.text)))):
            source = self._source(text, claim.passages)
            if source is None:
                self.dropped += 1
            else:
                self._context = self._context if self._waiting else source.context
                self._waiting.append(Sentence(text=text, citation=cite(source.passage)))
            self._before = source
        return self._told() if self._waiting and (self.said or self._answers()) else ()

    def _source(self, text: str, cited: Iterable[int]) -> Source | None:
        numbers = list(cited)
        if not numbers or not all(0 < number <= len(self._passages) for number in numbers):
            return None  # of a sentence that cites what was not given, nothing can be trusted
        if not text.endswith((".", "!", "…", "”", '"', ")")) or len(text) + self._length() > LONGEST_ANSWER:
            return None
        found = support(text, [self._passages[number - 1] for number in numbers], self._encoder, self._bar)
        if found.source is None or found.wrong:
            return None
        return None if leans_back(text) and not _follows(found.source, self._before) else found.source

    def _length(self) -> int:
        return sum(len(one.text) + 1 for one in [*self.said, *self._waiting])

    def _answers(self) -> bool:
        text = Text(before=f"{self._context}.", said=" ".join(one.text for one in self._waiting))
        return float(self._pairs.odds(self._question, [text])[0]) >= self._enough

    def _told(self) -> tuple[Sentence, ...]:
        told = tuple(self._waiting)
        self.said += told
        self._waiting.clear()
        return told


def _follows(source: Source, before: Source | None) -> bool:
    """Whether "it" can be what the sentence before spoke of: both stand in the same item, or next to each other."""
    if before is None or before.passage != source.passage:
        return False
    apart = 0 if source.passage.kind in {"list", "table"} else 1
    return abs(source.unit - before.unit) <= apart


_VERDICT: Final = re.compile(r"^(?:yes|no|yeah|yep|nope|sure|certainly|of course)\b ?[,.:;!–—]+ *(?=\S)", re.IGNORECASE)


def without_verdict(text: str) -> str:
    """The text without a "yes" or "no" before it: no document holds that word, and what follows says it."""
    rest = _VERDICT.sub("", text.strip())
    return rest if rest == text.strip() else rest[:1].upper() + rest[1:]


def caveats_of(passages: Iterable[Passage], said: Iterable[str]) -> tuple[str, ...]:
    """What may change about what was said, each once, as with the documents' own sentences."""
    told = set(said)
    found = dict.fromkeys(plain(one.caveat) for one in passages if one.caveat and one.kind != "caveat")
    return tuple(caveat for caveat in found if caveat not in told)


def composed(said: Sequence[Sentence], passages: Sequence[Passage], score: float) -> Answer:
    """The answer that was told, with the caveats of all that it cites."""
    cited = {one.citation.passage for one in said}
    caveats = caveats_of((one for one in passages if one.id in cited), (one.text for one in said))
    return Answer(sentences=tuple(said), caveats=caveats, score=score)


# ── questions that lean on what was said before ──────────────────────────────────────────────────────────────────────

_FOLLOWS: Final = re.compile(r"^(?:and|but|so|also|or|what about|how about|same|then|why|since when)\b", re.IGNORECASE)
_POINTS: Final = word_set("it its that this they them those these there one ones he she him her then same other")
FEW: Final = 4  # telling words; a question of more speaks for itself


def leans(question: str, before: Sequence[str]) -> bool:
    """Whether a question can only be understood in its conversation."""
    message = clean(question)
    said = spoken(message)
    meant = content(said)
    if not before or not is_question(question):
        return False
    return not meant or (len(meant) <= FEW and bool(_FOLLOWS.match(message) or _POINTS.intersection(said)))


def stays_within(rewritten: str, question: str, before: Sequence[str]) -> bool:
    """Whether a question that a model wrote anew has no name, figure or other telling word from outside the
    conversation.
    """
    known = {stem(word) for text in (question, *before) for word in [*spoken(clean(text)), *words(clean(text))]}
    return is_question(rewritten) and all(stem(word) in known for word in content(words(clean(rewritten))))
