"""The little words that turn a sentence round: not, only, unless, at most, may, before.

A sentence in other words than its source must keep those that the source has, and bring none of its own. English.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from knowledge.lexical import terms


class Qualifier(StrEnum):
    """What such a word does to its sentence."""

    negation = "negation"
    restriction = "restriction"
    condition = "condition"
    exception = "exception"
    permission = "permission"
    obligation = "obligation"
    advice = "advice"
    hedge = "hedge"
    estimate = "estimate"
    at_most = "at most"
    at_least = "at least"
    universal = "universal"
    before = "before"
    after = "after"
    until = "until"


_BY: Final = r"due by|by (?:\d+|day|the end|noon|midnight|[A-Z]\w+ \d+)"  # not "paid for by us"

_WORDS: Final[Mapping[Qualifier, re.Pattern[str]]] = {
    qualifier: re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)
    for qualifier, pattern in {
        Qualifier.negation: (
            r"not|no|never|none|nothing|nobody|neither|nor|nowhere|without|cannot|\w+n['’]t|cant|dont|forbidden|"
            r"prohibited|banned|refus(?:e|es|ed|ing)|exclud(?:e|es|ed|ing)|impossible|unable|stays? at home"
        ),
        Qualifier.restriction: r"only|solely|exclusively|just|nobody else|nothing else|no one else|alone",
        Qualifier.condition: (
            r"if|whether|when|whenever|where|once (?:you|the|it|they|we|your)|provided|as long as|in case|with your|"
            r"whoever"
        ),
        Qualifier.exception: r"unless|except|excepting|apart from|other than|but not|besides",
        Qualifier.permission: (
            r"may|might|can|could|allowed|permitted|possible|welcome|free to|cannot|entitled|need not"
        ),
        Qualifier.obligation: (
            r"must|ha(?:s|ve|d) to|needs? to|required?|requires|obliged|obligatory|mandatory|shall|necessary|"
            r"need|needs|is due|are due"
        ),
        Qualifier.advice: r"should|ought|advised?|advises|recommend(?:s|ed)?|suggest(?:s|ed)?",
        Qualifier.hedge: (
            r"usually|normally|typically|generally|often|sometimes|mostly|(?<!at )(?<!at the )most|many|some|probably|"
            r"perhaps|expected|"
            r"planned|likely|in general|as a rule|common|rarely|seldom"
        ),
        Qualifier.estimate: r"about|around|approximately|roughly|nearly|almost|circa|some \d+",
        Qualifier.at_most: (
            r"up to|at most|no more than|not more than|maximum|max|(?:below|under) (?:the age of )?\d+|less than|"
            rf"fewer than|within|limit|at the latest|no later than|{_BY}"
        ),
        Qualifier.at_least: (
            r"at least|at the least|no less than|not less than|minimum|(?:above|over) (?:the age of )?\d+|more than|"
            r"exceeds?|at the earliest|no earlier than"
        ),
        Qualifier.universal: (
            r"all|every|each|any|always|everybody|everyone|anybody|anyone|everything|anything|whatever"
        ),
        Qualifier.before: rf"before|ahead of|prior|earlier|beforehand|{_BY}",
        Qualifier.after: r"after|following|afterwards|later|since|onwards",
        Qualifier.until: r"until|till|up to",
    }.items()
}

_KEPT: Final = frozenset({Qualifier.restriction, Qualifier.condition, Qualifier.exception, Qualifier.hedge})
"""What the source says and a sentence taken from it must not leave out: without it the sentence claims more."""

_STAND_FOR: Final[Mapping[Qualifier, frozenset[Qualifier]]] = {
    # "only if" is kept by "unless", and "unless" by "except" or "if … not"
    Qualifier.restriction: frozenset({Qualifier.exception}),
    Qualifier.exception: frozenset({Qualifier.condition, Qualifier.restriction}),
    Qualifier.condition: frozenset({Qualifier.exception}),
    Qualifier.obligation: frozenset({Qualifier.condition, Qualifier.at_most, Qualifier.at_least}),
    Qualifier.advice: frozenset({Qualifier.permission}),
    Qualifier.until: frozenset({Qualifier.at_most}),
    Qualifier.at_most: frozenset({Qualifier.until, Qualifier.before}),
}
"""What may stand in the source, or in the sentence, in a qualifier's place."""

_MAY_COME: Final = frozenset({Qualifier.obligation, Qualifier.permission, Qualifier.condition})
"""What a sentence may say where its source says it without the word: "Bring two copies" obliges without a "must"."""


def qualifiers(text: str) -> frozenset[Qualifier]:
    """What its little words do to a text."""
    return frozenset(qualifier for qualifier, words in _WORDS.items() if words.search(text))


def left_out(sentence: str, source: str) -> frozenset[Qualifier]:
    """What a sentence should have kept of its source and did not; also one "if" of two, where it repeats both parts."""
    said, written = qualifiers(sentence), qualifiers(source)
    lost = {one for one in written & _KEPT if not said & {one, *_STAND_FOR.get(one, ())}}
    for part in _repeated(sentence, source):
        counted = {one: (_count(one, part), _count(one, sentence)) for one in _KEPT}
        lost |= {one for one, (there, here) in counted.items() if 1 < there > here}
    return frozenset(lost)


def _count(qualifier: Qualifier, text: str) -> int:
    return len(_WORDS[qualifier].findall(text))


def _repeated(sentence: str, source: str) -> list[str]:
    """The parts of a source that a sentence says again."""
    spoken = frozenset(terms(sentence))
    parts = [(part, frozenset(terms(part))) for part in re.split(r"[.;]\s+|\Z", source)]
    return [part for part, whole in parts if whole and len(spoken & whole) >= REPEATS * len(whole)]


def brought_in(sentence: str, source: str) -> frozenset[Qualifier]:
    """What a sentence says that its source does not."""
    said, written = qualifiers(sentence), qualifiers(source)
    if Qualifier.negation in said & written:
        said -= {Qualifier.universal}  # "not any" says no more than "no"
    if Qualifier.permission not in written:
        said -= {Qualifier.advice}  # "Eat nothing" may well be told as "you should not eat"
    return frozenset(one for one in said - _MAY_COME if not written & {one, *_STAND_FOR.get(one, ())})


# ── what a little word is about ──────────────────────────────────────────────────────────────────────────────────────

_FOLLOWING: Final = r"((?:(?![,.;:]\s|\bbut\b|\bwhen\b|\bif\b).){0,90})"
_ABOUT: Final[Mapping[Qualifier, re.Pattern[str]]] = {
    qualifier: re.compile(rf"\b(?:{words})\b(?={_FOLLOWING})", re.IGNORECASE)
    for qualifier, words in {
        Qualifier.negation: r"not|no|never|none|nothing|nobody|neither|nor|without|cannot|\w+n['’]t",
        Qualifier.permission: r"may|might|can|could|allowed to|free to|welcome to",
        Qualifier.obligation: r"must|ha(?:s|ve) to|needs? to|required to|shall|obliged to",
        Qualifier.before: r"before|ahead of|prior to",
        Qualifier.after: r"after|following",
    }.items()
}
_REACH: Final[Mapping[Qualifier, int]] = {
    Qualifier.negation: 5,
    Qualifier.permission: 2,
    Qualifier.obligation: 2,
    Qualifier.before: 2,
    Qualifier.after: 2,
}
"""How many telling words after it a little word is about."""

Scope = frozenset[str]


def scopes(qualifier: Qualifier, text: str) -> tuple[Scope, ...]:
    """What each such word of a text is about, as stems: what follows it in its clause, else what stands before it."""
    parted = r"\s+(?:and|or)\s+(?!not\b)" if qualifier in {Qualifier.before, Qualifier.after} else r"\Z"
    reach, found = _REACH[qualifier], []
    for match in _ABOUT[qualifier].finditer(text):
        following = terms(re.split(parted, match[1])[0])[:reach]
        before = terms(re.split(r"[.;:,]\s|\bbut\b", text[: match.start()])[-1])[-reach:]
        found.append(frozenset(following or before))
    return tuple(found)


def _touch(scope: Scope, others: tuple[Scope, ...]) -> bool:
    return any(scope & other for other in others)


def denies_another(sentence: str, source: str) -> bool:
    """Whether a "not" has moved: "not to the stowage team" against "not to the surgeon's office"."""
    written = scopes(Qualifier.negation, source)
    if not written or not all(written):
        return False
    return any(scope and not _touch(scope, written) for scope in scopes(Qualifier.negation, sentence))


def affirms(sentence: str, source: str) -> bool:
    """Whether a sentence speaks of what its source denies and denies it nowhere, or repeats it with fewer denials."""
    said, written = scopes(Qualifier.negation, sentence), scopes(Qualifier.negation, source)
    spoken = frozenset(terms(sentence))
    if any(scope & spoken and not _touch(scope, said) for scope in written):
        return True
    return any(len(said) < len(scopes(Qualifier.negation, part)) for part in _repeated(sentence, source))


REPEATS: Final = 0.6
"""Share of a source's words from which a sentence repeats it, and then has to deny, and to condition, as often."""

_RIVALS: Final = (
    (Qualifier.permission, Qualifier.obligation),
    (Qualifier.obligation, Qualifier.permission),
    (Qualifier.before, Qualifier.after),
    (Qualifier.after, Qualifier.before),
)


def exchanged(sentence: str, source: str) -> bool:
    """Whether "may" has become "must" of the same thing, "before" "after", or before and after what has changed."""
    for qualifier in (Qualifier.before, Qualifier.after):
        written = scopes(qualifier, source)
        if written and any(scope and not _touch(scope, written) for scope in scopes(qualifier, sentence)):
            return True
    return any(
        scope and _touch(scope, scopes(theirs, source)) and not _touch(scope, scopes(mine, source))
        for mine, theirs in _RIVALS
        for scope in scopes(mine, sentence)
    )


_BOUND: Final = re.compile(r"\b(until|within|up to|at least|at most|before|after)\b(.{0,24})", re.IGNORECASE)
_PARTICLE: Final = re.compile(r"\b(\w{3,}) (on|off|up|down|in|out)\b", re.IGNORECASE)
_COUNTED: Final = re.compile(
    r"\d|\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|noon|midnight)\b", re.IGNORECASE
)


def loosened(sentence: str, source: str) -> bool:
    """Whether "until 21 days before launch" has become "until launch"."""
    written = _bounds(source)
    return any(word in written and all(written[word]) and not any(held) for word, held in _bounds(sentence).items())


def _bounds(text: str) -> dict[str, list[bool]]:
    """For each word that sets a bound: whether a number follows it, each time."""
    found: dict[str, list[bool]] = {}
    for match in _BOUND.finditer(text):
        found.setdefault(match[1].casefold(), []).append(bool(_COUNTED.search(match[2])))
    return found


def switched(sentence: str, source: str) -> bool:
    """Whether "switched on" has become "switched off"."""
    said, written = _particles(sentence), _particles(source)
    return any(verb in written and not particles & written[verb] for verb, particles in said.items())


def _particles(text: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for match in _PARTICLE.finditer(text):
        for verb in terms(match[1]):
            found.setdefault(verb, set()).add(match[2].casefold())
    return found


_OWNED: Final = re.compile(r"\b([^\W\d_]+)['’]s? ([^\W\d_]+)")


def part_for_whole(sentence: str, source: str) -> bool:
    """Whether "the suit's gloves" has become "the suit"."""
    said = frozenset(terms(sentence))
    owned = [(terms(match[1]), terms(match[2])) for match in _OWNED.finditer(source)]
    alone = frozenset(terms(_OWNED.sub(" ", source)))
    return any(said & {*whole} and part and not said & {*part} and not alone & {*whole} for whole, part in owned)


# ── opposites ────────────────────────────────────────────────────────────────────────────────────────────────────────

_OPPOSITES: Final = tuple(
    tuple(frozenset(side.split()) for side in pair)
    for pair in (
        ("open opens opened", "closed closes close shut"),
        ("included includes include including", "excluded excludes exclude excluding"),
        ("allowed permitted", "forbidden prohibited banned refused"),
        ("before", "after"),
        ("earlier early earliest", "later late latest"),
        ("more above over", "fewer less below under"),
        ("least minimum", "most maximum"),
        ("first", "last"),
        ("launch ascent", "landing descent"),
        ("inside indoors", "outside outdoors"),
        ("left", "right"),
        ("public", "private"),
        ("arrival arrive arrives", "departure depart departs leave leaves"),
        ("increase increases rise rises", "decrease decreases fall falls"),
        ("day daily", "month monthly"),
        ("begin begins start starts", "end ends stop stops"),
        ("you your", "we us our"),
        ("keep keeps kept", "return returned returns give given"),
        ("stay stays stayed remain remains", "leave leaves left"),
        ("warm warmer hot hotter", "cold colder cool cooler"),
        ("large larger big bigger tall long longer", "small smaller short shorter little"),
        ("high higher highest", "low lower lowest"),
        ("heavy heavier heaviest", "light lighter lightest"),
        ("fast faster quick quickly", "slow slower slowly"),
        ("new newer newest", "old older oldest former previous"),
        ("full", "empty partial partly"),
        ("same", "another different other"),
        ("buy buys bought", "sell sells sold"),
        ("accepted accept accepts", "refused refuse declined rejected"),
        ("mother sister daughter wife", "father brother son husband"),
        ("morning", "evening afternoon night"),
        ("now already", "later"),
        ("alone", "together accompanied"),
        ("possible common safe usual fit", "impossible uncommon unsafe unusual unfit"),
    )
)


def turned_round(sentence: str, source: str) -> bool:
    """Whether a sentence has a word whose opposite stands in its source, and that word itself does not."""
    said, written = _words(sentence), _words(source)
    doers, their_doers = _doers(sentence), _doers(source)
    if doers and their_doers and not doers <= their_doers:
        return True  # "paid for by you" against "paid for by us"
    for pair in _OPPOSITES:
        for mine, theirs in (pair, pair[::-1]):
            if said & mine and written & theirs and not written & mine and not said & theirs:
                return True
    return False


def _doers(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\bby (us|you|them|anybody|nobody)\b", text.casefold()))


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[a-z]+", text.casefold()))
