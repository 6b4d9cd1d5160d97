"""What kind of message this is: a question, a courtesy or something said; and what an answer would have to hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum

from knowledge.lexical import clean, spoken, word_set, words


class Wants(StrEnum):
    """What a question asks for: the kind of thing that a sentence must hold to answer it."""

    number = "number"
    money = "money"
    time = "time"
    duration = "duration"
    measure = "measure"
    person = "person"
    place = "place"
    reason = "reason"
    manner = "manner"
    decision = "decision"
    listing = "listing"
    thing = "thing"


_WH = word_set("what which who whom whose where why how when")
_AUXILIARIES = word_set("is are am was were do does did can could may might shall should will would must has have had")
# After an auxiliary these make a statement of it: "can not sleep", "will do", "have been better", "would love to".
_NOT_A_SUBJECT = word_set("""
    not be been being have had do done to love like hate never always just also great good fine bad okay ok better
    worse nice lovely rather prefer really so very feeling told no still already gladly
    """)
_EXCLAIMED = word_set("""
    nice lovely great wonderful amazing awful terrible sad beautiful kind sweet cool exciting horrible funny strange
    good dare thoughtful disappointing rude annoying a an
    """)
_REQUEST = re.compile(
    r"\b(?:(?:tell|remind|show|teach|send|give|walk|fill) (?:me|us)\b(?! (?:off|a break|the creeps))"
    r"|let (?:me|us) know"
    r"|(?:please|kindly) (?:explain|describe|list|clarify|confirm|advise|check)"
    r"|(?:like|love|want|need|keen|eager|curious|interested|hoping|trying) to "
    r"(?:know|hear|learn|understand|find out|ask|check|see (?:if|whether|how|what))"
    r"|(?:i|we|was|am|just|been) wonder(?:ing)?\b"
    r"|curious (?:about|if|whether|how|what|when|why)"
    r"|any (?:idea|chance|news|word|update|information|details|way|rules?|limits?)\b"
    r"|question (?:about|on|regarding)"
    r"|information (?:about|on|regarding)"
    r"|(?:looking for|in search of) (?:the|some|a|information|details)"
    r"|(?:not|un)(?: quite| entirely| really)? ?(?:sure|clear|certain) "
    r"(?:if|whether|how|what|when|which|where|who)"
    r"|what about|how about|what if|is it (?:true|possible|ok|okay|allowed)"
    r"|no idea (?:if|whether|how|what|when|which|where|who))"
)
_COMMAND = word_set("explain describe list name define compare summarise summarize clarify confirm")
_FEELING = word_set("""
    tired sad happy angry afraid scared lonely awful terrible great amazing wonderful lovely love hate sorry bored
    worried anxious nervous excited stressed upset ashamed proud glad disappointed exhausted sick hurt miss crying
    ridiculous unacceptable pathetic disgusting joke nightmare wow ugh damn finally congratulations welcome yay
    never nothing nobody
    """)
_FIRST_PERSON = word_set("i my me we our us mine myself am")
_FINITE = word_set("is are was were am has have had do does did will would went came got feel felt keep keeps")
_SOMEBODY = word_set("they he she it you this that these those them him her who everyone everybody")
_REPLIES = word_set("yes yeah yep no nope ok okay thanks thank great fine sure perfect cool good right well hi hello")

_COURTESY = word_set("""
    hi hello hey hiya howdy yo greetings dear good morning afternoon evening night day thanks thank you thankyou thanx
    okay ok k kk great perfect super cool nice fine alright right sure yes yeah yep yup no nope excellent wonderful
    awesome brilliant lovely cheers bye goodbye ciao welcome see later soon tomorrow talk speak then till until again
    have a an the nice very much so many lot lots for all your help that this is was are how doing going today it i
    am we well understood noted got it clear and everyone team there sounds appreciated appreciate really to hear from
    helpful too also weekend take care please sorry no worries problem my
    """)
_COURTESY_CORE = word_set("""
    hi hello hey hiya howdy yo greetings morning afternoon evening night thanks thank thankyou thanx okay ok k kk great
    perfect super cool nice fine alright cheers bye goodbye ciao welcome later noted understood yes yeah yep yup no
    nope excellent wonderful awesome brilliant lovely appreciated appreciate sure helpful
    """)
_CONTENT_OF_COURTESY = re.compile(
    r"\b(?:i am|we are|this is|that is|it is|it was|that was|have a|how are you|how is it)\b"
)


def is_courtesy(text: str) -> bool:
    """Whether a message is nothing but a greeting, thanks, an "ok" or a good-bye: there is nothing to look up."""
    said = spoken(clean(text))
    if not said:
        return any(ord(c) > 0x2190 for c in clean(text))  # 👍 and its like; an empty message is no courtesy
    if len(said) > 12 or not all(w in _COURTESY for w in said):
        return False
    return any(w in _COURTESY_CORE for w in said) or bool(_CONTENT_OF_COURTESY.search(" ".join(said)))


_ERRAND = re.compile(
    r"^(?:(?:please|kindly|can you|could you|would you|will you|hey|hi|hello|and|now) )*"
    r"(?:translate|proofread|rewrite|rephrase|(?:write|compose|sing|draw|make) (?:me|us) (?:a|an|some)"
    r"|tell (?:me|us) (?:a|another|some) (?:\w+ )?(?:jokes?|story|stories|poems?|riddles?))\b"
)
_WEATHER = r"\b(?:rain(?:ing|y)?|snow(?:ing|y)?|sunny|windy|cloudy|weather|forecast)\b"
_THAT_DAY = r"\b(?:today|tonight|tomorrow|right now|this (?:morning|afternoon|evening|weekend))\b"
_FORECAST = re.compile(rf"{_WEATHER}.*{_THAT_DAY}|{_THAT_DAY}.*{_WEATHER}")


def is_beyond_documents(text: str) -> bool:
    """Whether a message wants what no document holds, however near its words come to one: an errand ("translate this",
    "tell me a joke"), or the weather of a certain day.
    """
    said = " ".join(spoken(clean(text)))
    return bool(_ERRAND.search(said) or _FORECAST.search(said))


def is_question(text: str) -> bool:
    """Whether a message asks something of the documents, with or without a question mark.

    "I keep waking up at night" is said, not asked; "baggage allowance" and "tell me how …" ask.
    """
    message = clean(text)
    if is_courtesy(message) or not words(message):
        return False
    if re.search(r"[?？؟]", message):
        return True
    said = spoken(message)
    if _REQUEST.search(" ".join(said)):
        return True
    clauses = [spoken(c) for c in re.split(r"[.!,;:()\n]+|\s[-–—]+\s|\b(?:and|but|so)\b", message)]
    return any(_asks(c) for c in clauses if c) or _is_keywords(message, said)


def _asks(clause: list[str]) -> bool:
    while clause and clause[0] in {
        "hi",
        "hello",
        "hey",
        "please",
        "also",
        "okay",
        "well",
        "now",
        "then",
        "say",
        "um",
    }:
        clause = clause[1:]
    if len(clause) < 2:
        return False
    first, second = clause[0], clause[1]
    if first in _AUXILIARIES:
        return second not in _NOT_A_SUBJECT and len(clause) > 2
    if first in _COMMAND:
        return True
    if first not in _WH:
        return False
    if first == "when":
        return second in _AUXILIARIES or not any(w in _FIRST_PERSON for w in clause)
    if first in {"how", "what"} and second in _EXCLAIMED:
        return False
    if first == "who" and second in {"knows", "cares"}:
        return False
    return not (first == "which" and second in {"is", "was", "means", "makes"})


def _is_keywords(message: str, said: list[str]) -> bool:
    """A few words as one types them into a search box: "baggage allowance", "sunglasses which category"."""
    if len(said) > 9 or message.endswith(("!", ".", "…")) or any(w in _FIRST_PERSON or w in _FEELING for w in said):
        return False
    if any(w in _WH for w in said):
        return True
    return not any(w in _FINITE or w in _SOMEBODY for w in said) and said[0] not in _REPLIES


_ASKED: tuple[tuple[re.Pattern[str], Wants], ...] = tuple(
    (re.compile("|".join(patterns)), wants)
    for wants, patterns in (
        (
            Wants.duration,
            (
                r"\bhow long\b(?! is the (?:room|cable))",
                r"\bhow much time\b",
                r"\bhow many (?:minutes|hours|days|nights|weeks|months|years)\b",
            ),
        ),
        (
            Wants.money,
            (
                r"\bhow much (?:does|do|is|are|would|will|money)\b.*\b(?:cost|costs|charge|pay|price)",
                r"\b(?:price|cost|costs|fee|fees|charge|deposit|fare|expensive)\b",
            ),
        ),
        (
            Wants.time,
            (
                r"\bhow (?:soon|early|late|often|frequently|quickly|fast)\b",
                r"\bwhen\b|\bdeadline\b|\bsince\b|\bby what date\b",
                r"\bwhat (?:time|date|day|days|year|month)\b",
                r"\bwhich (?:day|days|date|year|month|week)\b",
            ),
        ),
        (
            Wants.measure,
            (
                r"\bhow (?:heavy|tall|high|deep|far|wide|big|large|hot|cold|warm|thick|loud|strong|small)\b",
                r"\bhow (?:close|old|young)\b",
                r"\b(?:weight|weigh|weighs|distance|height|size|temperature|dimensions|width|length)\b",
                r"\b(?:depth|volume|age|speed|capacity)\b",
            ),
        ),
        (
            Wants.number,
            (
                r"\bhow (?:many|much)\b|\bnumber of\b|\bwhat share\b|\bpercentage\b",
                r"\b(?:maximum|minimum|limit|allowance)\b",
            ),
        ),
        (
            Wants.person,
            (r"\b(?:who|whom|whose|contact)\b", r"\bwhich (?:person|role|team|doctor|officer)\b"),
        ),
        (
            Wants.place,
            (r"\bwhere\b", r"\bwhich (?:place|city|room|building|country|airport|hotel)\b"),
        ),
        (Wants.reason, (r"\bwhy\b|\bwhat (?:is the )?reason\b|\bhow come\b",)),
        (
            Wants.listing,
            (
                r"\b(?:what are|which|list|what) (?:all )?(?:the )?(?:\w+ )?"
                r"(?:items|things|documents|steps|rules|kinds|types|options)\b",
                r"\blist of\b|\bwhat (?:do|should|must|can|may) (?:i|we) (?:bring|pack|wear|take|eat|leave)\b",
            ),
        ),
        (Wants.manner, (r"\bhow (?:do|does|can|should|to|would|will|is|are)\b",)),
    )
)


def wanted(question: str) -> Wants:
    """What kind of thing answers this question."""
    said = " ".join(spoken(clean(question)))
    for pattern, wants in _ASKED:
        if pattern.search(said):
            return wants
    if any(_decides(c) for c in re.split(r"[.!?,;:]+", clean(question))):
        return Wants.decision
    return Wants.thing


def _decides(clause: str) -> bool:
    said = spoken(clause)
    while said and said[0] in {"hi", "hello", "hey", "please", "and", "so", "but", "also", "okay", "then"}:
        said = said[1:]
    if len(said) < 2:
        return False
    if said[0] in _AUXILIARIES and said[1] not in _NOT_A_SUBJECT:
        return True
    return bool(re.search(r"\b(?:allowed|permitted|okay|possible|forbidden)\b", " ".join(said)))


_NUMBER = (
    r"(?:\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|"
    r"fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|dozen|half|third|quarter|once|twice|none|no|"
    r"single|both)\b)"
)
_SPAN = r"(?:seconds?|minutes?|min|hours?|h|days?|nights?|weeks?|months?|years?|seasons?|orbits?)"
_MONTH = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
)
_ROLE = (
    r"\b(?:officer|clerk|guide|doctor|physician|surgeon|manager|desk|team|lead|leader|director|coordinator|"
    r"steward|crew|commander|pilot|captain|nurse|office|staff|host|agent|concierge|instructor|engineer|"
    r"specialist|operator|committee|board|participants?|customers?|guests?|visitors?|members?|family|partner|"
    r"company|we|you|somebody|anybody|everyone|everybody|nobody|chef|cook|dispatcher|scientist|curator|trainer|"
    r"counsel|liaison|contact)\b|@"
)
_HOLDS: Mapping[Wants, re.Pattern[str]] = {
    wants: re.compile(pattern, re.IGNORECASE)
    for wants, pattern in {
        Wants.number: _NUMBER,
        Wants.money: r"[$€£¥%]|\b(?:usd|eur|gbp|chf|jpy|sek|nok|dkk|aud|cad|nzd|euros?|dollars?|pounds?|francs?|"
        r"free|charge[ds]?|included|price|costs?|pay|paid|fee|refund(?:ed)?|per ?cent)\b",
        Wants.time: rf"\d{{1,2}}:\d\d|\b(?:{_MONTH}|\d{{4}}|before|after|until|within|daily|weekly|monthly|every|"
        r"each|once|twice|noon|midnight|morning|evening|immediately|always|never)\b|"
        rf"{_NUMBER}[\s-]+{_SPAN}",
        Wants.duration: rf"{_NUMBER}[\s-]*(?:full |whole |or \w+ )?{_SPAN}\b|"
        r"\b(?:until|throughout|from .{1,30} to)\b",
        Wants.measure: rf"{_NUMBER}[^.;]{{0,12}}?(?:kg|g|lb|m|km|cm|mm|l|ml|°|degrees?|litres?|metres?|kilos?|%|"
        r"wh|kwh|w|mb|gb|kbit|mbit|db|kph|km/h|bar|pa|hpa|sizes?|years?|inch|feet|in|ft|×|x|hz|n|kn)\b|°|"
        r"\bsizes?\b|\byears? old\b",
        Wants.person: _ROLE,
        Wants.place: r"\b(?:in|at|on|to|from|near|inside|outside|behind|beside|under|over|above|below|between|"
        r"beyond|next to|downwind)\b",
        Wants.reason: r"\b(?:because|since|so that|as|therefore|reason|due to|in order to|otherwise|why|cannot|"
        r"would|causes?|for|to (?:keep|avoid|protect|prevent|make|let))\b|[;:—–]",
        Wants.decision: r"\b(?:may|can|cannot|can't|must|not|no|yes|never|allowed|forbidden|only|unless|if|"
        r"provided|permitted|welcome|possible|always|required|free|included|without|need|needs|is|are|except|"
        r"refused|excluded|available)\b",
    }.items()
}


def holds(text: str, wants: Wants) -> bool | None:
    """Whether a sentence holds the kind of thing that is wanted; None where its form cannot tell."""
    pattern = _HOLDS.get(wants)
    return None if pattern is None else bool(pattern.search(text))


_NAME = re.compile(r"(?<=[^.!?:\s])\s+([A-Z][\w'-]*|[A-Za-z]*\d[\w-]*)")


def names(question: str, is_known: Callable[[str], bool] = lambda _: False) -> tuple[str, ...]:
    """Words that the writer capitalised inside a sentence, and ids such as "A12": names, mostly.

    A text in capitals throughout names nothing by them. `is_known` may exclude words.
    """
    message = clean(question)
    letters = [c for c in message if c.isalpha()]
    if letters and sum(c.isupper() for c in letters) > 0.6 * len(letters):
        return ()
    found = [m.group(1) for m in _NAME.finditer(message)]
    kept = [w for w in found if w.lower() not in {"i", "i'm", "i'd", "i've", "i'll"} and not w.isdigit()]
    return tuple(w for w in kept if not is_known(w.casefold()))
