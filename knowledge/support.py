"""Whether a sentence in other words stands in the passages that it is said to be taken from.

Of every sentence: its figures, dates and times, names, ids, addresses and little words (not, only, unless, at most)
must stand in one place of a cited passage, and what it says of them must be what is said of them there. Then its
other words are looked at: enough of them must stand there too, and the rest must mean what stands there. Nothing here
is generated or remembered; everything is pure but for the encoder that reads the texts' meanings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise, permutations
from typing import Final

from knowledge.figures import NUMBER_WORDS, Figure, agree, days_named, figures, identifiers, labels, unit_called
from knowledge.lexical import content, stem, word_set, words
from knowledge.passages import Passage
from knowledge.qualifiers import (
    affirms,
    brought_in,
    denies_another,
    exchanged,
    left_out,
    loosened,
    part_for_whole,
    switched,
    turned_round,
)
from knowledge.search import Encoder
from knowledge.sentences import Unit, sentences, units


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """How much of a sentence must be found in its source."""

    covered: float  # share of its telling words that stand there or in the headings above …
    own: float  # … and there itself
    alike: float  # cosine that a word which stands in neither has to have with one that does
    meant: float  # cosine of sentence and source


NORMAL: Final = Bar(covered=0.75, own=0.5, alike=0.65, meant=0.4)
STRICT: Final = Bar(covered=0.85, own=0.7, alike=0.75, meant=0.5)
"""Where the judge doubts that the documents answer at all."""


PLACES: Final = 6
"""Places of the cited passages that are looked at, those first that have most of the sentence's words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One place of a passage: a sentence, item or row, or two that follow each other."""

    passage: Passage
    unit: int  # the place, among the passage's units, where it begins
    text: str
    context: str
    halves: tuple[str, ...] = ()  # where it is two places that follow each other, each of them

    @property
    def whole(self) -> str:
        return f"{self.context}. {self.text}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Support:
    """How a sentence stands in a source: `wrong` names what keeps it from it, "" where nothing does."""

    source: Source | None
    wrong: str
    covered: float = 0.0
    meant: float = 0.0


def support(sentence: str, cited: Sequence[Passage], encoder: Encoder, bar: Bar = NORMAL) -> Support:
    """The place that supports a sentence best, or what is wrong with it in the place that comes nearest."""
    found = Support(source=None, wrong="nothing is cited")
    places = sorted((s for passage in cited for s in sources(passage)), key=lambda s: -_covered(sentence, s))
    for source in [one for one in places if not one.halves or _each_in_one(sentence, one, bar)][:PLACES]:
        found_here = _supported(sentence, source, encoder, bar)
        if not found_here.wrong:
            return found_here
        if found.source is None:
            found = found_here
    return found


def sources(passage: Passage) -> Iterator[Source]:
    """The places of a passage: each sentence, half-sentence, item and row, and each two that follow each other."""
    parts = [(text, unit) for unit in units(passage) for text in _halves(unit)]
    for part in parts:
        yield _source(passage, (part,))
    for both in pairwise(parts):
        yield _source(passage, both)


def _halves(unit: Unit) -> Iterator[str]:
    if unit.passage.kind == "table":
        yield unit.text
        return
    for sentence in sentences(unit.text):
        yield from (half for half in sentence.split("; ") if half)


def _source(passage: Passage, parts: Sequence[tuple[str, Unit]]) -> Source:
    context = ". ".join(dict.fromkeys(unit.context for _, unit in parts))
    lead = parts[0][1].lead
    text = " ".join(part if part.endswith((".", "!", "?")) else f"{part}." for part, _ in parts)
    return Source(
        passage=passage,
        unit=parts[0][1].place,
        # "These stay at home:" belongs to every item under it: a "not" that stands there is the item's
        text=f"{lead} {text}" if lead and not lead.endswith("?") else text,
        context=context,
        halves=tuple(part for part, _ in parts) if len(parts) > 1 else (),
    )


def _each_in_one(sentence: str, source: Source, bar: Bar) -> bool:
    """Whether each clause of a sentence stands in one of two places: what is mixed out of both stands in neither."""
    clauses = [clause for clause in _CLAUSE.split(sentence) if clause and _topic(clause)]
    wholes = [f"{source.context}. {half}" for half in source.halves]
    return len(clauses) > 1 and all(any(_share(clause, whole) >= bar.covered for whole in wholes) for clause in clauses)


def _supported(sentence: str, source: Source, encoder: Encoder, bar: Bar) -> Support:
    if words(sentence) == words(source.text):
        return Support(source=source, wrong="", covered=1.0, meant=1.0)
    wrong = altered(sentence, source)
    covered = _covered(sentence, source)
    if wrong or covered < bar.covered or _share(sentence, source.text) < bar.own:
        return Support(source=source, wrong=wrong or "words of its own", covered=covered)
    mine, theirs, around = encoder.vectors([sentence, source.text, source.whole])
    meant = max(float(mine @ theirs), float(mine @ around))
    if meant < bar.meant:
        return Support(source=source, wrong="another meaning", covered=covered, meant=meant)
    if elsewhere := _elsewhere(sentence, source):
        return Support(source=source, wrong=f"{elsewhere} is spoken of elsewhere", covered=covered, meant=meant)
    strange = _strange(sentence, source, encoder, bar.alike)
    return Support(source=source, wrong=f"{strange} is not spoken of" if strange else "", covered=covered, meant=meant)


def altered(sentence: str, source: Source) -> str:
    """What a sentence says differently from its source, as far as form can tell; "" where nothing."""
    if strangers := _addresses(sentence) - _addresses(source.whole):
        return f"address {min(strangers)}"
    for figure in figures(sentence):
        if not _stands(figure, source) or _loose(figure, sentence, source):
            return "figure"
    if _mislabelled(sentence, source):
        return "number of something else"
    if not days_named(sentence) <= days_named(source.whole):
        return "day"
    if not set(identifiers(sentence)) <= set(identifiers(source.whole)):
        return "id"
    if name := next((name for name in names_in(sentence) if not _named(name, source.whole)), None):
        return f"name {name}"
    if lost := left_out(sentence, source.text):
        return f"{min(lost)} left out"
    if new := brought_in(sentence, source.whole):
        return f"{min(new)} brought in"
    if turned_round(sentence, source.whole):
        return "turned round"
    if denies_another(sentence, source.text):
        return "denies another thing"
    if affirms(sentence, source.text):
        return "negation left out"
    if exchanged(sentence, source.text):
        return "may, must, before or after exchanged"
    if part_for_whole(sentence, source.text):
        return "part for whole"
    if loosened(sentence, source.text) or switched(sentence, source.text):
        return "turned round"
    return "of something else" if crossed(sentence, source.text) or crossed(sentence, source.passage.text) else ""


# ── figures, addresses, names ────────────────────────────────────────────────────────────────────────────────────────

_ADDRESS: Final = re.compile(
    r"https?://\S+|\bwww\.\S+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|@\w+|<[!@#]\S*|\+?\d[\d ()/-]{6,}\d"
    r"|\b[\w-]+\.(?:com|org|net|eu|io|space)\b|\]\(\S+",
    re.IGNORECASE,
)
_ISO_OR_RANGE: Final = re.compile(r"(?:19|20|21)\d\d-\d\d-\d\d|\d{1,4}\s*-\s*\d{1,4}")


def _addresses(text: str) -> set[str]:
    """Links, e-mail addresses, mentions and telephone numbers, without spaces."""
    found = (match.group().rstrip(".,;:)") for match in _ADDRESS.finditer(text))
    return {re.sub(r"[\s()/-]", "", one).casefold() for one in found if not _ISO_OR_RANGE.fullmatch(one)}


def _stands(said: Figure, source: Source) -> bool:
    """Whether a figure stands in the source: in its text, as a date or a name's number in the headings above it, or as
    the number in a column that is headed by its unit ("Days: 5").
    """
    written = figures(source.text)
    if any(agree(said, one) for one in written):
        return True
    if said.unit in {"", "#", "date"}:  # a bare number is looked at with the word before it, too
        return any(agree(said, one) for one in figures(source.context))
    return any(
        not one.unit and one.number == said.number and _heading_unit(one, source.text) == said.unit for one in written
    )


def _mislabelled(sentence: str, source: Source) -> bool:
    """Whether a numbered thing has another number than in the source: "Aurora 3" where that speaks of Aurora 2.

    The headings above count where the text has no such thing.
    """
    here, above = labels(source.text), labels(source.context)
    for word, number in labels(sentence):
        near = {other for known, other in here if known == word} or {other for known, other in above if known == word}
        if near and number not in near:
            return True
    return False


def _loose(said: Figure, sentence: str, source: Source) -> bool:
    """Whether a bare number stands in the headings alone, as the number of something else."""
    if said.unit not in {"", "#"} or any(agree(said, one) for one in figures(source.text)):
        return False
    return not any(number == said.number for _, number in labels(sentence) & labels(source.context))


def _heading_unit(one: Figure, text: str) -> str:
    match = re.search(r"(?:^|;)([^;:]+):\s*$", text[: one.start])
    named = (unit_called(word) for word in re.findall(r"[^\W\d_]+", match[1])) if match else iter(())
    return next(filter(None, named), "")


_CAPITALISED: Final = re.compile(r"(?<!\w)[A-ZÀ-ÖØ-Þ][\w’'-]*(?:\s+[A-ZÀ-ÖØ-Þ][\w’'-]*)*")
_NO_NAMES: Final = word_set("I I'm I'd I've I'll UTC CET CEST")


def names_in(sentence: str) -> tuple[str, ...]:
    """What is capitalised inside a sentence, words that follow each other together; its first word is none by that."""
    found: list[str] = []
    for match in _CAPITALISED.finditer(sentence.replace("°C", "°")):
        name = match.group()
        if not sentence[: match.start()].strip(" “\"'(•-"):
            _, _, name = name.partition(" ")  # a sentence begins with a capital
        if name and name not in _NO_NAMES:
            found.append(name.removesuffix("'s").removesuffix("’s"))
    return tuple(found)


def _named(name: str, text: str) -> bool:
    wanted = [re.sub(r"['’]s$", "", part) for part in name.casefold().split()]
    written = [re.sub(r"['’]s$", "", part) for part in re.findall(r"[\w’'-]+", text.casefold())]
    return any(written[at : at + len(wanted)] == wanted for at in range(len(written) - len(wanted) + 1))


# ── what belongs to what ─────────────────────────────────────────────────────────────────────────────────────────────

_CLAUSE: Final = re.compile(r"[;,.()–—]\s+|\s+(?:and|but|or|while|whereas|so|because)\s+", re.IGNORECASE)
_CELL: Final = re.compile(r";\s+")


def crossed(sentence: str, source: str) -> bool:
    """Whether a figure stands with other words than in the source, where there are several to mix up.

    "The kit may weigh 1.5 kg, the camera 3 kg" does not say that the camera may weigh 1.5 kg.
    """
    written = _clauses(source)
    if any(_crossed(clause, written) for clause in _clauses(sentence)):
        return True
    cells = [(labels(cell), figures(cell)) for cell in _CELL.split(source)]
    mine = [(labels(cell), figures(cell)) for cell in _CELL.split(sentence)]
    return any(_in_anothers_cell(amount, named, cells) for named, amounts in mine for amount in amounts)


def _in_anothers_cell(
    amount: Figure,
    said: frozenset[tuple[str, int]],
    cells: Sequence[tuple[frozenset[tuple[str, int]], tuple[Figure, ...]]],
) -> bool:
    """Whether a figure stands only in cells of another numbered thing: "Aurora 2: 12 May; Aurora 3: 3 June"."""
    holding = [named for named, amounts in cells if any(agree(amount, one) for one in amounts)]
    return bool(holding) and any(
        all(any(word == label[0] for word, _ in named) and label not in named for named in holding) for label in said
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Clause:
    topic: frozenset[str]
    amounts: tuple[Figure, ...]


@lru_cache(maxsize=4_096)
def _clauses(text: str) -> tuple[_Clause, ...]:
    parting = _CELL if _ROW.match(text) else _CLAUSE
    return tuple(_Clause(topic=_topic(part), amounts=figures(part)) for part in parting.split(text) if part.strip())


_ROW: Final = re.compile(r"[^.:;]+: [^;]+; [^.:;]+: ")


def _topic(text: str) -> frozenset[str]:
    """The stems of what a text speaks of: no figures, which are compared by themselves, and no fillers."""
    return frozenset(stem(word) for word in _telling(text))


_FILLERS: Final = word_set("""
    once including includes included include also please note take takes taken place happen happens last lasts remember
    already either well addition however mean means such via am pm utc due get usual usually today following c
    """)


def _telling(text: str) -> list[str]:
    said = dict.fromkeys(content(words(text)))
    return [w for w in said if not w[0].isdecimal() and w not in NUMBER_WORDS and w not in _FILLERS]


def _crossed(said: _Clause, written: Sequence[_Clause]) -> bool:
    for amount in said.amounts:
        rivals = [one for one in written if any(other.unit == amount.unit for other in one.amounts)]
        mine = [one for one in rivals if any(agree(amount, other) for other in one.amounts)]
        if mine and _overlap(said, rivals) > _overlap(said, mine):
            return True
    return any(_parted(one, other, written) for one, other in permutations(said.amounts, 2))


def _parted(one: Figure, other: Figure, written: Sequence[_Clause]) -> bool:
    """Whether two figures of one clause stand in two: with the first stands another of the second's kind."""
    holding = [clause.amounts for clause in written if any(agree(one, amount) for amount in clause.amounts)]
    if not holding or any(agree(other, amount) for amounts in holding for amount in amounts):
        return False
    return all(any(amount.unit == other.unit for amount in amounts) for amounts in holding)


def _overlap(said: _Clause, among: Sequence[_Clause]) -> int:
    return max((len(said.topic & one.topic) for one in among), default=0)


# ── the other words ──────────────────────────────────────────────────────────────────────────────────────────────────


def _covered(sentence: str, source: Source) -> float:
    """Share of a sentence's telling words that stand in its source or the headings above it."""
    return _share(sentence, source.whole)


def _share(sentence: str, text: str) -> float:
    said = _topic(sentence)
    return len(said & _topic(text)) / len(said) if said else 0.0


def _elsewhere(sentence: str, source: Source) -> str:
    """A word that the source has not and another place of the same passage has: two things were mixed up."""
    passage = source.passage
    here, there = _topic(source.whole), _topic(f"{passage.heading} {passage.text}")
    return next((term for term in _topic(sentence) if term in there - here), "")


def _strange(sentence: str, source: Source, encoder: Encoder, alike: float) -> str:
    """A telling word that neither stands in the source nor means what a word does that stands there; "" for none."""
    written = _telling(source.whole)
    known = {stem(word) for word in written}
    new = [word for word in _telling(sentence) if stem(word) not in known and not _counted(word, sentence)]
    if not new or not written:
        return new[0] if new else ""
    if measure := next((word for word in new if unit_called(word)), None):
        return measure  # days are like weeks in meaning
    likeness = encoder.vectors(new) @ encoder.vectors(written).T
    return next((word for word, row in zip(new, likeness, strict=True) if float(row.max()) < alike), "")


def _counted(word: str, sentence: str) -> bool:
    """Whether a word is a measure with a number before it everywhere: that figure was compared already."""
    if not unit_called(word):
        return False
    before = re.findall(rf"(\S+?)[\s-]+{re.escape(word)}\b", f" {sentence.casefold()}")
    return bool(before) and all(w[0].isdigit() or w in NUMBER_WORDS or w in {"a", "an"} for w in before)
