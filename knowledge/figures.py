"""The figures of a text: numbers with their units, dates and times of day, whether in digits or in words.

Two figures are equal where they say the same amount: "two weeks" and "14 days", "6.30 pm" and "18:30". What is written
in another system of measures is another figure: nobody here converts pounds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache
from typing import Final

from knowledge.lexical import STOP_WORDS


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One figure; `unit` is "" for a bare number, "#" for an ordinal, "time" (minutes of the day), "date" (yyyymmdd,
    with zeroes for what is not said), or the measure in which `value` counts. `number` is what was written before the
    unit, and `start` where it stands in the text.
    """

    value: Decimal
    unit: str
    number: Decimal
    start: int

    @property
    def amount(self) -> tuple[Decimal, str]:
        """What is compared."""
        return (self.value, self.unit)


def _listed(words: str) -> list[str]:
    return words.split()


_SMALL: Final = _listed(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_TENS: Final = _listed("twenty thirty forty fifty sixty seventy eighty ninety")
_WORDS: Final = {
    **{word: Decimal(value) for value, word in enumerate(_SMALL)},
    **{word: Decimal(10 * value) for value, word in enumerate(_TENS, 2)},
    "dozen": Decimal(12),
    "half": Decimal("0.5"),
    "quarter": Decimal("0.25"),
    "both": Decimal(2),
    "twice": Decimal(2),
    "double": Decimal(2),
    "triple": Decimal(3),
}
_SCALES: Final = {"hundred": Decimal(100), "thousand": Decimal(1000), "million": Decimal(10**6)}
_ORDINALS: Final = {
    word: Decimal(value)
    for value, word in enumerate(
        _listed("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"), 1
    )
}

_UNITS: Final[dict[str, tuple[str, Decimal]]] = {
    form: (unit, Decimal(factor))
    for unit, factor, forms in (
        ("s", "1", "s sec secs second seconds"),
        ("s", "60", "min mins minute minutes"),
        ("s", "3600", "h hr hrs hour hours"),
        ("s", "86400", "day days night nights"),
        ("s", "604800", "week weeks"),
        ("s", "1209600", "fortnight fortnights"),
        ("months", "1", "month months"),
        ("months", "12", "year years"),
        ("g", "1", "g gram grams"),
        ("g", "0.001", "mg milligram milligrams"),
        ("g", "1000", "kg kilo kilos kilogram kilograms"),
        ("g", "1000000", "tonne tonnes"),
        ("lb", "1", "lb lbs pound pounds"),
        ("mm", "1", "mm millimetre millimetres millimeter millimeters"),
        ("mm", "10", "cm centimetre centimetres centimeter centimeters"),
        ("mm", "1000", "m metre metres meter meters"),
        ("mm", "1000000", "km kilometre kilometres kilometer kilometers"),
        ("ft", "1", "ft foot feet"),
        ("ft", "5280", "mile miles"),
        ("in", "1", "inch inches"),
        ("ml", "1", "ml millilitre millilitres milliliter milliliters"),
        ("ml", "1000", "l litre litres liter liters"),
        ("m/s", "1", "m/s"),
        ("km/h", "1", "km/h kph"),
        ("Pa", "1", "pa"),
        ("Pa", "100", "hpa"),
        ("°C", "1", "°c °  degree degrees celsius"),
        ("%", "1", "% percent"),
        ("W", "1", "w watt watts"),
        ("W", "1000", "kw kilowatt kilowatts"),
        ("Wh", "1", "wh"),
        ("Wh", "1000", "kwh"),
        ("V", "1", "v volt volts"),
        ("B", "1", "mb megabyte megabytes"),
        ("B", "1000", "gb gigabyte gigabytes"),
        ("B", "1000000", "tb terabyte terabytes"),
        ("EUR", "1", "eur euro euros €"),
        ("USD", "1", "usd dollar dollars $"),
        ("GBP", "1", "gbp £"),
        ("CHF", "1", "chf franc francs"),
        ("JPY", "1", "jpy yen ¥"),
    )
    for form in forms.split()
}
_MONTHS: Final = {
    name[:length]: number
    for number, name in enumerate(
        _listed("january february march april may june july august september october november december"), 1
    )
    for length in (3, 4, len(name))
}
_DAYS: Final = _listed("monday tuesday wednesday thursday friday saturday sunday")

_RELATIVE: Final = frozenset({*_DAYS, "today", "tomorrow", "yesterday", "tonight", "weekend", "holiday"})

_MONTH: Final = (
    r"(?-i:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|"
    r"Nov(?:ember)?|Dec(?:ember)?)"
)
_DATES: Final = (
    re.compile(r"\b(?P<y>(?:19|20|21)\d\d)-(?P<m>\d\d)-(?P<d>\d\d)\b"),
    re.compile(
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? (?P<n>{_MONTH})\b\.?,?(?: (?P<y>(?:19|20|21)\d\d)\b)?", re.I
    ),
    re.compile(
        rf"\b(?P<n>{_MONTH})\.? (?:the )?(?P<d>\d{{1,2}})(?:st|nd|rd|th)?\b(?!:)(?:,? (?P<y>(?:19|20|21)\d\d)\b)?", re.I
    ),
    re.compile(r"\b(?P<d>\d{1,2})[./](?P<m>\d{1,2})[./](?P<y>(?:19|20|21)\d\d)\b"),
    re.compile(rf"\b(?P<n>{_MONTH})\.?,? (?P<y>(?:19|20|21)\d\d)\b", re.I),
)
_SPAN_OF_DAYS: Final = re.compile(r"\b(?P<d>\d{1,2})(?:st|nd|rd|th)? ?(?:to|and|or|until|-|–|—) ?$")
_CLOCK: Final = re.compile(
    r"\b(?P<h>[01]?\d|2[0-4])(?:[:.](?P<m>[0-5]\d))? ?(?P<half>[ap])\.?m\b\.?"
    r"|\b(?P<h2>[01]?\d|2[0-4]):(?P<m2>[0-5]\d)\b"
    r"|\b(?P<word>noon|midday|midnight)\b",
    re.IGNORECASE,
)
_TOKEN: Final = re.compile(
    r"(?:m/s|km/h|m/min)\b|\d[\d,]*(?:\.\d+)?(?:st|nd|rd|th)?\b|\d[\d,]*(?:\.\d+)?|[^\W\d_]+(?:['’][a-z]+)?|[€$£¥%°]|[-–—]"
)


@lru_cache(maxsize=8_192)  # the same places are looked at for every sentence that cites them
def figures(text: str) -> tuple[Figure, ...]:
    """Every figure of a text, in order."""
    text = _without_double_spaces(text)
    found: list[Figure] = []
    text = _take(text, found, _dates)
    text = _take(text, found, _times)
    found += _numbers(text)
    return tuple(sorted(found, key=lambda one: one.start))


def agree(said: Figure, written: Figure) -> bool:
    """Whether what is said stands in what is written; a date may leave out the year or the day, and add none."""
    if said.unit != "date" or written.unit != "date":
        return said.amount == written.amount
    return all(mine in {theirs, 0} for mine, theirs in zip(_parts(said.value), _parts(written.value), strict=True))


def _parts(date: Decimal) -> tuple[int, int, int]:
    number = int(date)
    return number // 10_000, number // 100 % 100, number % 100


def days_named(text: str) -> frozenset[str]:
    """Weekdays, months and relative days that a text names."""
    said = {word.removesuffix("s") for word in re.findall(r"[a-z]+", text.casefold())}
    named = re.findall(rf"\b{_MONTH}\b", re.sub(r"^May (?=(?:you|I|we|they|the|it)\b)", "", text))
    months = {_MONTHS[name.casefold()] for name in named}
    return frozenset(said & _RELATIVE) | {str(month) for month in months}


def _without_double_spaces(text: str) -> str:
    return re.sub(r"[ \u00a0\u202f]", " ", text).replace("per cent", "percent ").replace("°C", "° ")


def _take(text: str, found: list[Figure], reader: Callable[[str], Iterator[tuple[Figure, int]]]) -> str:
    """The text with what a reader understood blanked out, so that no figure is read twice."""
    for figure, end in list(reader(text)):
        found.append(figure)
        text = text[: figure.start] + " " * (end - figure.start) + text[end:]
    return text


def _dates(text: str) -> Iterator[tuple[Figure, int]]:
    taken: list[tuple[int, int]] = []
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            part = match.groupdict()
            month = _MONTHS[part["n"].casefold()] if part.get("n") else int(part["m"])
            value = int(part["y"] or 0) * 10_000 + month * 100 + int(part.get("d") or 0)
            taken.append(match.span())
            part_of_span = _SPAN_OF_DAYS.search(text[: match.start()]) if part.get("d") else None
            start = part_of_span.start() if part_of_span else match.start()
            if part_of_span:  # "24 to 27 February 2027"
                first = Decimal(value // 100 * 100 + int(part_of_span["d"]))
                yield Figure(value=first, unit="date", number=first, start=start), match.start()
            yield Figure(value=Decimal(value), unit="date", number=Decimal(value), start=match.start()), match.end()


def _times(text: str) -> Iterator[tuple[Figure, int]]:
    for match in _CLOCK.finditer(text):
        if match["word"]:
            minutes = 0 if match["word"].casefold() == "midnight" else 12 * 60
        elif match["half"]:
            hour = int(match["h"]) % 12 + (12 if match["half"].casefold() == "p" else 0)
            minutes = hour * 60 + int(match["m"] or 0)
        else:
            minutes = int(match["h2"]) % 24 * 60 + int(match["m2"])
        yield Figure(value=Decimal(minutes), unit="time", number=Decimal(minutes), start=match.start()), match.end()


# ── numbers and their units ──────────────────────────────────────────────────────────────────────────────────────────


def _numbers(text: str) -> list[Figure]:
    tokens = [(match.group().casefold(), match.start()) for match in _TOKEN.finditer(text)]
    found: list[Figure] = []
    place = 0
    while place < len(tokens):
        read = _number_at(tokens, place)
        if read is None:
            place += 1
            continue
        value, ordinal, after = read
        unit, factor, end = ("#", Decimal(1), after) if ordinal else _unit(tokens, place, after)
        found.append(
            Figure(value=(value * factor).normalize(), unit=unit, number=value.normalize(), start=tokens[place][1])
        )
        if unit not in {"", "#"}:
            _share(found, factor, unit, text)
        place = max(end, place + 1)
    return found


def _number_at(tokens: list[tuple[str, int]], place: int) -> tuple[Decimal, bool, int] | None:
    """A number's value, whether it is an ordinal, and where the next token stands."""
    word = tokens[place][0]
    if word[0].isdecimal():
        digits = re.sub(r"(?:st|nd|rd|th)$", "", word)
        value, ordinal = Decimal(digits.replace(",", "")), digits != word
        after = place + 1
        if after < len(tokens) and tokens[after][0] in _SCALES and not ordinal:
            return value * _SCALES[tokens[after][0]], False, after + 1
        return value, ordinal, after
    following = tokens[place + 1][0] if place + 1 < len(tokens) else ""
    if word in _ORDINALS and not (word == "second" and place and tokens[place - 1][0] in {"a", "per"}):
        return _ORDINALS[word], True, place + 1
    if word in {"a", "an"} and (following in _UNITS or following in _SCALES) and len(following) > 1:
        return (_SCALES.get(following, Decimal(1))), False, place + (2 if following in _SCALES else 1)
    if word == "one" and (not following.isalpha() or (following in STOP_WORDS and following not in _UNITS)):
        return None  # "one of them", "no one may": no number
    if word not in _WORDS and word not in _SCALES:
        return None
    return _in_words(tokens, place)


def _in_words(tokens: list[tuple[str, int]], place: int) -> tuple[Decimal, bool, int]:
    total, current, at = Decimal(0), Decimal(0), place
    while at < len(tokens):
        word = tokens[at][0]
        if word in _WORDS:
            current += _WORDS[word]
        elif word in _SCALES:
            current = (current or Decimal(1)) * _SCALES[word]
            if word != "hundred":
                total, current = total + current, Decimal(0)
        elif not (word == "-" and _goes_on(tokens, at)):
            break
        at += 1
        if word in {"half", "quarter", "both", "twice", "double", "triple"}:
            break
        if word in _WORDS and word not in _TENS and not (at < len(tokens) and tokens[at][0] in _SCALES):
            break
        if word in _TENS and not (at < len(tokens) and tokens[at][0] in {*_SMALL, *_SCALES, "-"}):
            break
    return total + current, False, at


def _goes_on(tokens: list[tuple[str, int]], at: int) -> bool:
    """Whether a hyphen stands inside a number: "twenty-one"."""
    before, after = tokens[at - 1][0], tokens[at + 1][0] if at + 1 < len(tokens) else ""
    return before in _TENS and after in _SMALL[1:10]


def _unit(tokens: list[tuple[str, int]], place: int, after: int) -> tuple[str, Decimal, int]:
    """The unit of a number, its factor, and where the next token stands; "" where it has none that is known."""
    at = after
    while at < len(tokens) and tokens[at][0] in {"-", "full", "whole", "more", "working", "a", "an", "of"}:
        if tokens[at][0] in {"a", "an", "of"} and tokens[place][0] not in {"half", "quarter"}:
            break  # "half an hour", "a quarter of an hour"; but not "three times a day"
        at += 1
    following = tokens[at][0] if at < len(tokens) else ""
    if following in _UNITS:
        unit, factor = _UNITS[following]
        return unit, factor, at + 1
    before = tokens[place - 1][0] if place else ""
    if before in _UNITS and _UNITS[before][0] in {"EUR", "USD", "GBP", "CHF", "JPY"}:
        unit, factor = _UNITS[before]
        return unit, factor, after
    return "", Decimal(1), after


_RANGE = re.compile(r"^\s*(?:-|–|—|×|x|to|or|and|by)\s*$", re.IGNORECASE)


def _share(found: list[Figure], factor: Decimal, unit: str, text: str) -> None:
    """Gives the unit of "3 to 5 kg" and "25 × 20 × 12 cm" to the numbers before it."""
    for at in range(len(found) - 2, -1, -1):
        one, following = found[at], found[at + 1]
        between = re.sub(r"^[\w.,]+", "", text[one.start : following.start])
        if one.unit or not _RANGE.match(between):
            return
        found[at] = replace(one, value=(one.value * factor).normalize(), unit=unit)


# ── what is identified by its letters ────────────────────────────────────────────────────────────────────────────────

_ID = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\b")
_MEASURE = re.compile(r"\d+(?:[.,]\d+)?-?[A-Za-z]+|\d+-[A-Za-z-]+")


def identifiers(text: str) -> tuple[str, ...]:
    """Ids such as "A12" and "LH-441", folded; a measure ("20kg", "10-minute") is none."""
    return tuple(m.group().casefold() for m in _ID.finditer(text) if not _MEASURE.fullmatch(m.group()))


def labels(text: str) -> frozenset[tuple[str, int]]:
    """Words with the number that follows them at once, folded: "Aurora 2", "block 5", "day 10"."""
    return frozenset((m[1].casefold(), int(m[2])) for m in re.finditer(r"\b([^\W\d_]+)[ -](\d{1,4})\b(?![.:]\d)", text))


NUMBER_WORDS: Final = frozenset({*_WORDS, *_SCALES, *_ORDINALS})


def unit_called(word: str) -> str:
    """The measure that a word names, "" for none."""
    return _UNITS.get(word.casefold(), ("", Decimal(1)))[0]
