"""Plain words for how somebody is: what is denied, over or mere idiom is not heard; what is said outright is.

A small network judges tone well and grammar badly: "I'm not worried" and "I was nervous, it went fine" sound to it like
what they deny. And it may not have met a word that leaves no doubt to anybody. Both are matters of plain words, and
their patterns stand here; `training/README.md` says how each was measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# ruff: noqa: E501 - a pattern that is broken in the middle of a word list is harder to read than a long line

Span = tuple[int, int]

_TROUBLE: Final = (
    r"(?:worried|worrying|nervous|scared|afraid|frightened|anxious|panick(?:ing|ed)|angry|upset|annoyed|mad|cross|"
    r"disappointed|sad|lonely|alone|embarrassed|ashamed|stressed|bothered|concerned|confused|fazed|unhappy|complaining)"
)
_FINE: Final = (
    r"(?:(?:it |that |all |everything )?(?:went|turned out|was|is all|worked out) (?:\w+ )?"
    r"(?:fine|well|smoothly|ok|okay|all right|alright|great|perfectly|good|a breeze|behind me)|"
    r"(?:it|that) (?:passed|has passed|is over|'s over)|all (?:good|fine|behind me) (?:now|again)|"
    r"(?:i'm|i am) (?:fine|over it|past (?:it|that)) now)"
)
_NOT_HEARD: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        # denied: "I'm not worried about the landing", "never scared of it", "no longer nervous"
        rf"\b(?:i(?:'m| am|'ve been| was| wasn'?t|'m really)?|we(?:'re| are)?|am|is|are)?\s*(?:not|n't|never|no longer|hardly|isn'?t|aren'?t)"
        rf"(?: (?:at all|really|even|in the least|remotely|that|very|overly|particularly|so|especially))* {_TROUBLE}\b"
        r"(?:(?: about| of| by| with| at| that)\b[^.,;!?\n]{0,60})?",
        # over: "I was nervous about the centrifuge in April. It went fine."
        rf"\b(?:i|we) (?:was|were|used to be|had been|felt) (?:\w+ ){{0,3}}{_TROUBLE}\b[^.!?\n]{{0,80}}[.,;!?]?\s*(?:but |and |then |in the end )?{_FINE}",
        # idiom: "I'd kill for a coffee", "dying to see it", "this form is killing me"
        r"\b(?:kill|murder|die) for (?:a|an|some|the|one|that)\b(?: [\w-]+){0,2}",
        r"\b(?:dying|dead keen|itching) (?:to|for)\b",
        r"\b(?:died?|dying|die) (?:of|from|with) (?:boredom|curiosity|laughter|laughing|embarrassment|shame|envy|heat|cold)\b",
        r"\b(?:is|are|was|were|been|'s|'re) (?:absolutely |slowly |still )?killing (?:me|us)\b",
        r"\bscared (?:stiff of missing|of missing)\b|\bto death\b(?= (?:of|with) (?:paperwork|forms|boredom))",
    )
)


def heard(text: str) -> str:
    """The text with what is denied, over or idiom blanked out, letter by letter, so that places stay what they were."""
    for pattern in _NOT_HEARD:
        text = pattern.sub(lambda found: " " * len(found[0]), text)
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class Plain:
    """A cue that is said outright, how strongly at least, and where. `alone`: even where the network hears nothing."""

    cue: str
    intensity: float
    alone: bool
    spans: tuple[Span, ...]


_I: Final = r"\b(?:i|we)(?:'m| am|'re| are|'ve been| have been| feel)"
_VERY: Final = r"(?: (?:so|very|really|quite|absolutely|completely|utterly|truly|just|getting|honestly))*"

_STRONG, _CLEAR = 0.85, 0.6

_SAID: Final[tuple[tuple[str, float, bool, tuple[str, ...]], ...]] = (
    (
        "anxiety",
        _STRONG,
        True,
        (
            rf"{_I}{_VERY} (?:terrified|petrified|panicking)\b",
            r"\bpanic attacks?\b",
        ),
    ),
    (
        "anxiety",
        _STRONG,
        False,
        (
            r"\b(?:terrified|petrified|beside myself|panicking)\b",
            r"\bcan(?:'t|not) (?:cope|think of anything (?:else|but))\b",
            r"\b(?:haven't|have not) slept (?:in|for) (?:days|nights|a week|weeks)\b",
        ),
    ),
    ("anger", _STRONG, True, (rf"{_I}{_VERY} (?:furious|livid|enraged|seething|incandescent|outraged)\b",)),
    ("anger", _STRONG, False, (r"\b(?:furious|livid|enraged|seething|incandescent|outraged)\b",)),
    (
        "anger",
        _CLEAR,
        True,
        (
            rf"{_I}{_VERY} (?:angry|fed up|sick of|pissed off|fuming)\b",
            r"\b(?:this|that|it)(?:'s| is) (?:\w+ )?(?:ridiculous|unacceptable|outrageous|a disgrace|disgraceful|an insult)\b",
        ),
    ),
    (
        "disappointment",
        _CLEAR,
        True,
        (rf"{_I}{_VERY} (?:gutted|crushed|crestfallen|(?:bitterly )?disappointed|let down)\b",),
    ),
    (
        "isolation",
        _CLEAR,
        True,
        (
            r"\b(?:i|i'm|i've|am|been|feel|feeling) (?:been )?(?:so|utterly|completely|terribly|very|desperately) (?:lonely|alone|isolated)\b",
            r"\b(?:nobody|no one|no-one|not anybody) (?:else )?(?:i can|to) (?:talk to|tell|turn to|share (?:it|this) with)\b",
            r"\b(?:don't|do not|can't) (?:feel close to|have) (?:anyone|anybody)\b(?: (?:i can|to) (?:talk|turn|tell))?",
            r"\bcut off from (?:everyone|everybody|everything)\b",
        ),
    ),
    (
        "conflict",
        _CLEAR,
        True,
        (
            r"\bnot (?:speaking|talking)(?: to (?:each other|one another))? any ?(?:more|longer)\b",
            r"\b(?:shouting match|screaming match|blazing row)\b",
            r"\b(?:i|we) can(?:'t|not) (?:stand|work with) (?:him|her|the commander|my crewmate|the pilot)\b",
        ),
    ),
    (
        "legal",
        0.5,
        True,
        (
            r"\b(?:my|our|his|her|the company's) (?:lawyers?|attorneys?|counsel|legal team)\b",
            r"\b(?:breach of (?:contract|agreement|the agreement)|as a breach|sue you|legal action)\b",
        ),
    ),
    (
        "medical",
        0.9,
        False,
        (
            r"\bchest (?:pains?|hurts|is tight)\b",
            r"\b(?:i|she|he) (?:just )?(?:collapsed|passed out|blacked out|had a seizure)\b",
            r"\bcan(?:'t|not) breathe\b",
        ),
    ),
    (
        "medical",
        0.9,
        True,
        (
            r"\b(?:a lot of|coughing|spitting|vomiting) blood\b",
            r"\bcan(?:'t|not) (?:feel|move) my (?:\w+ )?(?:arm|leg|hand|face|side|fingers)\b",
            r"\bspeech (?:is|comes out) slurred\b",
        ),
    ),
    (
        "exposure",
        _STRONG,
        True,
        (
            r"\b(?:reporters?|journalists?|paparazzi|photographers?|tv crews?|press) (?:\w+ ){0,3}(?:at|outside|in front of|on) my "
            r"(?:\w+ )?(?:gate|door|house|home|doorstep|garden|street|office)\b",
            r"\ball over the (?:front page|papers|press|internet)s?\b",
        ),
    ),
    ("grief", _STRONG, False, (r"\b(?:mourning|grieving|inconsolable)\b",)),
)
_SAID_COMPILED: Final = tuple(
    (cue, intensity, alone, tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns))
    for cue, intensity, alone, patterns in _SAID
)


def said(text: str) -> tuple[Plain, ...]:
    """What a text that went through `heard` says outright."""
    found = []
    for cue, intensity, alone, patterns in _SAID_COMPILED:
        spans = sorted({hit.span() for pattern in patterns for hit in pattern.finditer(text)})
        if spans:
            found.append(Plain(cue=cue, intensity=intensity, alone=alone, spans=_apart(spans)))
    return tuple(found)


def _apart(spans: Iterable[Span]) -> tuple[Span, ...]:
    kept: list[Span] = []
    for start, end in spans:
        if kept and start < kept[-1][1]:
            kept[-1] = (kept[-1][0], max(end, kept[-1][1]))
        else:
            kept.append((start, end))
    return tuple(kept)


_DANGER: Final = re.compile(
    r"\b(?:di(?:e|es|ed|ying)|dead|death|suicid\w*|kill\w*|hurt\w*|harm\w*|end(?:ing|ed)? (?:it|my|this|things|everything|all)|"
    r"over with|disappear\w*|alive|liv(?:e|ing)|exist\w*|here any ?more|goodbyes?|farewell|hatch|airlock|tether|visor|valve|vent|unclip\w*|"
    r"jump\w*|step(?:ping)? off|roof|bridge|rope|hang\w*|pills?|tablets|overdose|knife|knives|blade|razor|gun|rifle|pistol|weapon|wrench|"
    r"hammer|fire|burn\w*|petrol|accelerant|poison\w*|blood|bleed\w*|cut(?:ting)?|stab\w*|shoot\w*|strangl\w*|chok\w*|drown\w*|"
    r"better off|without me|no (?:point|reason|way out|tomorrow)|any point|point in|pointless|come (?:back|down|home)|wake up|waking up|"
    r"can'?t (?:do this|take|stand|go on|carry on|face|bear)|go on|going on|carry on|gone|affairs|my will|letters?|note|rest|peace|sleep|"
    r"stop (?:it|this|breathing|everything)|make it stop|regret|pay for|with me|fists?|threat\w*|revenge|break his|break her|neck|face in|"
    r"vanish\w*|let go|drift|dark|quick|quiet|silence|nothing left|give up|giving up|enough|last (?:time|message|words|day)|safe|danger\w*|"
    r"hit|beat|smash|attack\w*|self)\b",
    re.IGNORECASE,
)


def of_danger(text: str) -> bool:
    """Whether any word stands in the text without which nobody hints at danger to themselves or others."""
    return _DANGER.search(text) is not None
