"""Which property a question asks for, and whether a sentence speaks of that property at all.

The commonest false answer is one about the right thing and the wrong property: asked for the suit's colour, told its
weight. Properties have forms of their own: a weight has a unit of mass, a colour has a name, a telephone number has
digits. What has no such form (smell, flavour, music) must at least be named.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from knowledge.lexical import STOP_WORDS, clean, spoken, stem, word_set

_N = (
    r"(?:\d|\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|"
    r"twenty|thirty|forty|fifty|"
    r"sixty|seventy|eighty|ninety|hundred|thousand|half|quarter|several|few|couple)\b)"
)
_LENGTH = (
    rf"{_N}[^.;]{{0,14}}?\b(?:m|km|cm|mm|µm|metres?|meters?|kilomet(?:re|er)s?|ft|feet|foot|"
    rf"inch(?:es)?|miles?|nm|au)\b"
)
_MASS = rf"{_N}[^.;]{{0,14}}?\b(?:kg|g|mg|lbs?|pounds?|kilos?|grams?|kilograms?|tonnes?|tons?|t|oz)\b"
_TIME = (
    rf"{_N}[^.;]{{0,18}}?\b(?:seconds?|s|minutes?|min|hours?|h|days?|nights?|weeks?|months?|"
    rf"years?|orbits?)\b"
)
_MONEY = (
    r"[$€£¥]|\b(?:usd|eur|gbp|chf|jpy|euros?|dollars?|pounds?|francs?|free|charged?|charges|"
    r"included|includes|price|"
    r"costs?|paid|pays?|fees?|refund\w*|expense)\b"
)
_YEAR = r"\b(?:1[5-9]|20|21)\d\d\b"
_NAME = (
    r"\bDr\.? [A-Z]|\b[A-Z][a-z]+ (?:van |de |von |da )?[A-Z][a-z]+(?:,| is| will|\.|;|$)"
    r"|(?<![.!?:;] )(?<!^)\b[A-Z][a-zé]+ [A-Z][a-zé]+\b"
)
_COLOUR = (
    r"\b(?:colou?r\w*|red|blue|green|yellow|orange|white|black|gr[ea]y|silver|gold(?:en)?|"
    r"purple|violet|pink|brown|beige|"
    r"navy|turquoise|amber|crimson|khaki|ivory)\b"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attribute:
    """A property: how it is asked for, what form it has, and by which words it is named."""

    name: str
    asked: re.Pattern[str]
    form: re.Pattern[str] | None  # None: only its name tells
    named: re.Pattern[str]
    strict: bool = False  # the form alone is too common: the name must be there as well

    def held(self, said: str, context: str) -> bool:
        """Whether the property is spoken of at all in what is said, or above it."""
        named = bool(self.named.search(said) or self.named.search(context))
        if self.form is None:
            return named
        return bool(self.form.search(said)) and (named or not self.strict)


def _attribute(name: str, asked: str, form: str | None, named: str, *, strict: bool = False) -> Attribute:
    return Attribute(
        name=name,
        asked=re.compile(asked, re.IGNORECASE),
        form=None if form is None else re.compile(form, 0 if form == _NAME else re.IGNORECASE),
        named=re.compile(named, re.IGNORECASE),
        strict=strict,
    )


ATTRIBUTES: tuple[Attribute, ...] = (
    _attribute("colour", r"\bcolou?rs?\b", _COLOUR, r"\bcolou?r"),
    _attribute(
        "phone",
        r"\b(?:phone|telephone|mobile|fax|whatsapp) numbers?\b|\bnumber (?:to|do i|should i|"
        r"can i) (?:call|ring|dial)\b",
        r"\+?\d[\d ()/-]{5,}\d|\bdial\b",
        r"\b(?:tele)?phone|\bdial",
    ),
    _attribute("e-mail", r"\be ?-?mail address\b|\bemail of\b", r"\S@\S", r"\be-?mail"),
    _attribute(
        "web",
        r"\b(?:website|url|web address|web page|homepage)\b",
        r"\bwww\.|https?:|\.(?:com|org|net|eu|space)\b",
        r"\bweb",
    ),
    _attribute(
        "password",
        r"\b(?:password|passcode|pin code|wifi code|access code)\b",
        None,
        r"\b(?:password|passcode|code)\b",
    ),
    _attribute(
        "maker",
        r"\b(?:what|which) (?:brand|make|model|manufacturer|company|firm)\b|\bbrand of\b|"
        r"\bwho (?:makes|made|built|builds|"
        r"manufactured|manufactures|designed|designs|founded|invented|supplies)\b|\bmanufacturer\b",
        r"\b(?:built|made|manufactured|designed|founded|supplied|produced|developed) by\b",
        r"\b(?:brands?|makes?r?|manufactur\w+|built|designed|founded|supplie[rs]|produced|"
        r"developed|company|model)\b",
    ),
    _attribute(
        "material",
        r"\bmade (?:of|from|out of)\b|\bwhat material\b|\bmaterials? (?:is|are)\b",
        r"\b(?:made (?:of|from)|material|cotton|wool|steel|glass|acrylic|titanium|alumini?um|"
        r"leather|plastic|carbon|wood|"
        r"nylon|silk|polymer|fabric|rubber|ceramic|silica|kevlar|nomex|polyester|film|foam|canvas|"
        r"paper|stone)\b",
        r"\bmade (?:of|from)|\bmaterial",
    ),
    _attribute(
        "year",
        r"\b(?:which|what) year\b|\byear (?:was|were|did|is)\b|\bwhen (?:was|were) .*\b(?:built|"
        r"founded|opened|launched|invented|"
        r"established|made|started)\b",
        _YEAR,
        r"\b(?:built|founded|opened|launched|established|since)\b",
    ),
    _attribute(
        "name",
        r"\b(?:what is|what are|tell me|know|give me) the names?\b|\bnames? of\b|\bwhat (?:is|"
        r"are) (?:your|his|her|its|their) names?\b|"
        r"\b(?:is|are|was) .{0,40}(?:called|named)\b",
        _NAME,
        r"\b(?:named?|called)\b",
    ),
    _attribute(
        "identity",
        r"\b(?:who (?:is|are|was|will be) (?:the |your |our |my |its )?(?:\w+ ){0,2}|which (?:\w+ )?)"
        r"(?:doctor|physician|surgeon|nurse|commander|captain|pilot|chef|cook|manager|director|founder|owner|ceo|"
        r"boss|instructor|trainer|astronaut|guide|leader)s?\b(?! (?:respons|in charge|for))",
        _NAME,
        r"\b(?:name|called|dr)\b",
    ),
    _attribute(
        "temperature",
        r"\b(?:how (?:hot|cold|warm|cool)|temperatures?|hottest|coldest|warmest)\b",
        r"°|\bdegrees?\b|\bkelvin\b",
        r"\b(?:temperature|warm|cold|hot|cool|heat)",
    ),
    _attribute(
        "mass",
        r"\b(?:how heavy|how much (?:does|do|can|may|will|would|should|did) .*\bweigh|weigh|"
        r"weighs|weight|mass|heaviest)\b",
        _MASS + r"|\bper ?cent\b|\d ?%",
        r"\b(?:weigh|mass|heavy|heavier|load)",
    ),
    _attribute("thickness", r"\bhow thick\b|\bthickness\b", _LENGTH, r"\bthick", strict=True),
    _attribute("depth", r"\bhow deep\b|\bdepth\b", _LENGTH, r"\b(?:deep|depth|below|under)", strict=True),
    _attribute(
        "width",
        r"\bhow (?:wide|broad)\b|\b(?:width|diameter|wingspan)\b",
        _LENGTH,
        r"\b(?:wide|width|across|diameter|broad|×|x)\b",
        strict=True,
    ),
    _attribute(
        "height",
        r"\bhow (?:tall|high)\b|\b(?:height|altitude|headroom|ceiling)\b",
        _LENGTH,
        r"\b(?:tall|high|height|altitude|headroom|above|up to|orbit)",
    ),
    _attribute(
        "distance",
        r"\bhow (?:far|close|near)\b|\bdistance\b",
        _LENGTH + "|" + _TIME,
        r"\b(?:far|distance|away|from|close|near|within|apart)",
    ),
    _attribute(
        "size",
        r"\bhow (?:big|large|small)\b|\b(?:size|dimensions|measurements)\b",
        _LENGTH + r"|\bsizes?\b|\d ?(?:×|x) ?\d|\d ?(?:l|litres?|m²|m³|m2|m3)\b|" + _N,
        r"\b(?:size|dimension|measure|large|big|volume|at most)",
    ),
    _attribute(
        "speed",
        r"\bhow fast\b|\b(?:speed|velocity)\b",
        r"\b(?:km/h|kph|mph|m/s|knots?|kn|mach)\b|\b(?:metres?|kilometres?|miles?|m|km) (?:a|per|"
        r"an) (?:second|hour|minute)\b|\b(?:second|minute|hour)s?\b",
        r"\b(?:fast|speed|velocity|slow)",
    ),
    _attribute(
        "age",
        r"\bhow (?:old|young)\b|\b(?:minimum|maximum|upper|lower) age\b|\bage limit\b|"
        r"\b(?:youngest|oldest)\b|\bold enough\b",
        r"\b(?:years?|aged?|older|younger|under|over|from|adults?|children)\b.*\d|\d.*\b(?:years?|"
        r"aged?|older|younger|over)\b|\bage limit\b|\b\d+ or older",
        r"\b(?:age|old|young|year)",
    ),
    _attribute(
        "money",
        r"\b(?:how much (?:is|are|does .* cost|do .* cost|would .* cost|will .* cost|money)|cost|"
        r"costs|price|prices|fee|fees|fare|charged|surcharge|deposit|pay|paid|expensive|cheap)\b|"
        r"\bcharge\b(?! (?:my|our|the|a|up|it|them|batter))",
        _MONEY,
        r"\b(?:cost|price|fee|pay|paid|charge|fare|deposit)",
    ),
    _attribute(
        "duration",
        r"\bhow (?:long|much time|many (?:minutes|hours|days|nights|weeks|months|years))\b",
        _TIME + "|" + _LENGTH + r"|\b(?:days?|hours?|minutes?|weeks?|months?)\b[^.;]{0,14}\d"
        r"|\b(?:until|throughout|overnight)\b|\d\d:\d\d.{1,9}\d\d:\d\d",
        r"\b(?:long|lasts?|takes?|duration|for|within|until|time)\b",
    ),
    _attribute(
        "frequency",
        r"\bhow (?:often|frequently|many times)\b",
        r"\b(?:every|each|once|twice|daily|weekly|monthly|per|a (?:day|week|month|year|flight)|"
        r"times|always|never|hourly)\b",
        r"\b(?:every|once|twice|daily|weekly|often)",
    ),
    _attribute("humidity", r"\bhumid(?:ity)?\b", None, r"\b(?:humid|dry|moist)"),
    _attribute(
        "noise",
        r"\bhow (?:loud|noisy|quiet)\b|\bnoise level\b|\bdecibels?\b",
        r"\bdb\b|\bdecibels?\b|\bdb\(a\)",
        r"\b(?:loud|noise|noisy|quiet)",
    ),
    _attribute(
        "energy",
        r"\b(?:calories|kcal|calorie)\b",
        r"\bk?cal(?:ories)?\b|\bkj\b",
        r"\b(?:calorie|kcal|energy)",
    ),
    _attribute(
        "smell",
        r"\b(?:smell|smells|scent|taste|tastes|flavou?rs?)\b",
        None,
        r"\b(?:smell|scent|taste|flavou?r|odou?r|fragran)",
    ),
    _attribute(
        "music",
        r"\b(?:music|song|songs|playlist|soundtrack)\b",
        None,
        r"\b(?:music|song|play|soundtrack|radio|sing)",
    ),
    _attribute(
        "count",
        r"\bhow many\b|\bnumber of\b",
        r"\d|\b(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|"
        r"thirty|forty|fifty|hundred|no|none|both|single|half|all|each|several)\b",
        r"\d",
    ),
)


@lru_cache(maxsize=64)  # every sentence that is weighed asks this of the same question
def attribute(question: str) -> Attribute | None:
    """The property that is asked for, where it is one of those with a form or name of their own."""
    said = " ".join(spoken(_asking_part(clean(question))))
    return next((a for a in ATTRIBUTES if a.asked.search(said)), None)


def _asking_part(message: str) -> str:
    """The sentences that end in a question mark, where there are any: what else is said asks for no property."""
    asking = [part for part in re.split(r"(?<=[.!?])\s", message) if part.endswith("?")]
    return " ".join(asking) if asking else message


_ASKING = word_set("what which how who where when why")
_BREAKS = word_set(
    """
    is are was were am do does did can could may might must shall should will would has have had to of in on at for
    with from by about under over if when while i we you they he she it the my your our their there be that and or
    """
)
_HEADS = re.compile(
    r"\b(?:what is|what are|what was|know|tell me|about|is there|are there|any|have|has|had|"
    r"get|offer|sell|provide) "
    r"(?:the|an?|any|some|your|my|our|its) ((?:\w+ ?){1,3})"
)


@lru_cache(maxsize=64)
def focus(question: str) -> tuple[str, ...]:
    """The thing itself that is asked for, as stems: "which *seat number* do I have", "is there a *toilet* in …".

    Empty where the form of the question does not set it apart.
    """
    said = spoken(clean(question))
    for place, word in enumerate(said):
        if word in _ASKING:
            rest = said[place + 1 :]
            if word == "how" and rest[:1] and rest[0] not in {"many", "much"}:
                continue
            head = _until_break(rest[1:] if rest[:1] and rest[0] in {"many", "much"} else rest)
            if head:
                return head
    match = _HEADS.search(" ".join(said))
    return _until_break(match.group(1).split()) if match else ()


_NUMBER = re.compile(_N, re.IGNORECASE)


def counted(question: str, said: str) -> bool:
    """Whether a number stands within three words of the thing whose number is asked for."""
    asked = set(focus(question))
    words = re.findall(r"[^\W_]+", said)
    things = [place for place, word in enumerate(words) if stem(word.casefold()) in asked]
    numbers = [place for place, word in enumerate(words) if _NUMBER.match(word)]
    return any(abs(thing - number) <= 3 for thing in things for number in numbers)


def _until_break(following: list[str]) -> tuple[str, ...]:
    head: list[str] = []
    for word in following:
        if word in _BREAKS:
            break
        if word not in STOP_WORDS:
            head.append(stem(word))
    return tuple(head[:3])
