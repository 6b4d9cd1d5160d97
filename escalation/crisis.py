"""Plain words for what must never be missed: danger to somebody, and the wish for a human.

The trained reader hears indirect ways to say these. The rules here make sure that the plain ways do not
depend on a model: each is a pattern with guards for what looks alike (denied, over, idiom, work of fiction,
rocketry). What they find is added to the model's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

Span = tuple[int, int]

_SOMEBODY: Final = (
    r"(?:him|her|them|you|you all|somebody|someone|everyone|everybody|one of (?:them|you|us)"
    r"|all of (?:them|you|us)"
    r"|that (?:man|woman|guy|bastard|bitch|idiot)|(?:the|my|our|your) \w+|this \w+)"
)
_INTEND: Final = (
    r"(?:i(?:'m| am) (?:going to|gonna|about to)|i(?:'ll| will| might| may)|i want to|i wanna|i(?:'m"
    r"| am) planning to"
    r"|i(?:'d| would) (?:rather|sooner)|i(?:'ve| have) decided to"
    r"|(?:i(?:'m| am)|i(?:'ve| have) been|i|keep|kept) (?:\w+ ){0,3}(?:thinking|dreaming|fantasi[sz]ing"
    r"|considering|planning)"
    r"(?: \w+)? (?:of|about|on)|thoughts? of|urges? to)"
)
_ME: Final = r"(?:myself|my self|me self)"

_CRISIS: Final = (
    # oneself, said plainly
    rf"\b(?:kill(?:ing)?|hang(?:ing)?|shoot(?:ing)?|drown(?:ing)?|poison(?:ing)?) {_ME}\b",
    rf"{_INTEND} (?:\w+ ){{0,2}}(?:hurt|harm|cut|stab|burn)(?:t?ing)? {_ME}\b",
    rf"\bkeep (?:hurting|harming|cutting|burning) {_ME}\b",
    r"\b(?:end|ending|take|taking) my (?:own )?life\b",
    r"\b(?:end|ending) it all\b",
    r"\b(?:i (?:(?:really|just|honestly|actually|only|kind of|kinda|truly|so) )*(?:want to|wanna"
    r"|wish to|long to|need to|would like to) die"
    r"|(?:just )?wanna die|(?:just )?want to die|i(?:'d| would) (?:rather|sooner) (?:die|be dead))\b",
    r"\bwish (?:that )?i (?:was|were|wasn't|weren't|had|hadn't) (?:just )?"
    r"(?:dead|never (?:been )?born|alive|been born|died|woken up)\b",
    r"\bbetter off (?:dead|without me|if i (?:was|were|wasn't|weren't|died|disappeared))\b",
    r"\bbetter (?:off )?without me\b",
    r"\bi(?:'m| am)? (?:really |just |honestly |so |do )*(?:don't|dont|do not|no longer|not|don't even)"
    r" (?:really |even |particularly |much )*(?:want to|wanna|wish to|care to) "
    r"(?:live|be alive|exist|be here any ?more|be around any ?more|wake up(?! (?:to|at|early|late|with"
    r"|so|before|for|next|until|a|the|my|him|her|them|every)\b)|go on living|keep living|carry on living)\b",
    r"\b(?:want|wish|like|like just) (?:to )?(?:sleep and )?(?:to )?(?:not|never) (?:to )?(?:wake up"
    r"|exist|be alive)(?: again)?\b",
    r"\bno (?:reason|point|will|wish|desire) (?:left )?(?:to live|to go on living|in living"
    r"|to stay alive|for living)\b",
    r"\b(?:life|it)(?:'s| is|isn't| is not) (?:just )?(?:not )?worth living(?: any ?more)?\b",
    r"\bcan(?:'t|not| not|t) go on (?:living|any ?more|like this any ?more)\b",
    r"\b(?:i(?:'m| am)|feel(?:ing)?|been|getting|have been) (?:(?!not |never |no )\w+ )?suicidal\b",
    r"\b(?:thought about|thinking (?:about|of)|thoughts? (?:of|about)|contemplat\w+|consider(?:ing)?"
    r"|planning|attempt(?:ing)?"
    r"|going to commit|want to commit|commit(?:ting)?) (?:\w+ )?suicide\b",
    r"\b(?:pills|tablets) (?:are )?(?:all )?(?:counted|lined up|laid out|saved up)\b",
    r"\b(?:counted|lined up|saved up|hoarded) (?:\w+ ){0,3}(?:pills|tablets)\b",
    r"\b(?:took|taken|swallowed) (?:\w+ )?(?:all (?:of )?(?:the|my)|a (?:whole )?(?:bottle|box"
    r"|handful) of|too many)"
    r" (?:\w+ )?(?:pills|tablets|painkillers|sleeping)\b",
    r"\b(?:open|opened|opening) (?:the|that) (?:hatch|airlock)\b[^.?!]{0,60}\b(?:everyone|everybody"
    r"|better|be done|be over|"
    r"finally|peace|and (?:go|let go|step out|float))\b",
    r"\b(?:everyone|everybody|they|you)(?: would|'d|'ll| will)(?: all)? be better off (?:if|when)\b",
    r"\b(?:step|jump|walk|float) out (?:of )?(?:the|that) (?:hatch|airlock)\b[^.?!]{0,40}\b(?:myself"
    r"|done|over|peace|forever|for good)\b",
    r"\b(?:jump|jumping) (?:off|from|in front of) (?:the|a|this|my) (?:\w+ )?"
    r"(?:bridge|roof|building|tower|balcony|train|cliff|window)\b(?![^.?!]*\bif\b)",
    r"\b(?:want|need|wish) (?:it|it all|everything|my life) (?:to be )?over\b(?! (?:with|by|before|soon))",
    r"\b(?:nobody|no one|noone|who)(?: would|'d| will|'ll) (?:even |ever )?(?:miss me\b(?! (?:at|in"
    r"|if i skip))"
    r"|notice if i (?:was|were|died|disappeared|vanished))",
    r"\b(?:easier|better|best|simpler|kinder)(?: off)? (?:to|if i)(?: could| would)? (?:just )?"
    r"(?:not be (?:here|around|alive)|(?:wasn't|weren't|was not|were not) (?:here|around|alive)"
    r"|disappear(?:ed)?)\b",
    r"\b(?:won't|wont|will not|not|never) (?:have to )?be (?:such )?a (?:burden|problem|bother"
    r"|worry) (?:to|for) "
    r"(?:anyone|anybody|any of you|you all|them|my (?:family|kids|children|wife|husband"
    r"|parents)) ?(?:any ?more|again|ever)?\b",
    r"\b(?:see|seeing|find|finding|have|got) (?:no|any|a|much|little) (?:reason|point"
    r"|sense) (?:left )?(?:to|in|for) "
    r"(?:go on|going on|carry on|carrying on|live|living|be alive|being alive|be here|being here"
    r"|come back down"
    r"|coming back down|wake up|waking up|keep going)\b",
    r"\b(?:not|never|won't|shan't) (?:coming|come) (?:back )?(?:down|back|home) alive\b",
    r"\b(?:blow|blowing|blew) (?:my|his|her|their) (?:own )?(?:brains|head) (?:out|off)\b",
    r"\b(?:slit|slitting|slash|slashing|cut|cutting) (?:my|his|her) (?:own )?(?:wrists?|throat|veins)\b",
    r"\b(?:want to|wanna|going to|gonna|thinking (?:of|about)|planning to|might"
    r"|tempted to) (?:take an )?overdos(?:e|ing)\b",
    # others aboard or near
    r"\bput(?:ting)? (?:a|an|the|this|my) \w+ (?:through|in|into) (?:his|her|their|your|\w+'s|(?:the"
    r"|my) \w+'s)"
    r" (?:\w+ )?(?:skull|head|face|throat|eye|neck|chest|heart|back|ribs)\b",
    r"\b(?:he|she|they|my \w+|the \w+) (?:\w+ )?(?:said|says|told me|swore|threatened"
    r"|threatens)(?: that)? (?:he|she|they)"
    r"(?:'ll|'d| will| would| was going to| is going to|'s going to) (?:kill|hurt|shoot|stab|strangle) "
    r"(?:me|us|himself|herself|themsel\w+|him|her|someone|somebody|everyone)\b",
    rf"{_INTEND} (?:\w+ ){{0,2}}(?:murder|shoot|stab|strangle|choke|hurt|harm|poison"
    rf"|kill)(?:ing)? {_SOMEBODY}(?! with kindness)\b",
    r"\b(?:he|she|they|my \w+|the \w+|our \w+)(?:'s| is|'re| are| has been| keeps?|'s been)? "
    r"(?:(?:just|really|always|now|suddenly) )?"
    r"(?:wants? to|going to|threaten(?:s|ed|ing)? to|talk(?:s|ed|ing)? (?:about|of)|say(?:s|ing)? (?:he"
    r"|she|they)(?:'s|'ll| will|'re| is| are|"
    r" wants?| want| would)?(?: to| going to)?) ?(?:\w+ )?"
    r"(?:die|dying|kill(?:ing)? (?:himself|herself|themsel\w+|us|me|him|her|someone|somebody)"
    r"|end(?:ing)? (?:it all|his life|her life|their life)|suicide|hurt(?:ing)? (?:himself|herself"
    r"|themsel\w+|someone|somebody|us))\b",
    r"\b(?:gun|rifle|pistol|knife|noose) (?:\w+ ){0,4}(?:to my (?:head|throat|wrist|neck)"
    r"|in my (?:mouth|hand|sleeve|lap))\b",
    r"\b(?:there is|there's|i (?:have )?(?:put|planted|hid|hidden)) a bomb\b",
)
_JEST: Final = (
    r"\b(?:lol|lmao+|rofl|ha(?:ha)+|ja(?:ja)+|hehe+|jk|just kidding|kidding|joking|only joke|metaphorically"
    r"|figuratively|figure of speech"
    r"|so to speak|hypothetically|manner of speaking)\b|[😂🤣😆😅😹]|;-?\)"
)
_IN_EARNEST: Final = (
    r"\b(?:not (?:a joke|joking|kidding)|isn't (?:a joke|banter)|no joke|i mean it|i'm serious|for real)\b"
)
_FICTION: Final = (
    r"\b(?:novel|chapter|script|screenplay|scene|character|hero|heroine|protagonist|plot|fiction\w*"
    r"|film|movie|opera|lyrics|song|ballad"
    r"|essay|lecture|lesson|headline|podcast episode|documentary|story about|quote[ds]?|the play)\b"
)
_DENIED: Final = (
    r"(?:\bnot|n't|\bnever|\bno longer|\bwithout|\bfar from|\bnobody|\bno one|\bdon't think i"
    r"|\bcant imagine)"
    r"(?: \w+){0,3} ?$"
)
_CANNOT_STOP: Final = (
    r"\b(?:can't|cant|cannot|can not|couldn't|won't|don't|never|not) (?:\w+ )?(?:stop|help|quit|shake)\b"
)
_OVER: Final = (
    r"\b(?:used to|years ago|back then|long ago|in my twenties|as a (?:teen\w*|kid|child)"
    r"|at one point|once upon)\b"
)
_AGAIN: Final = r"\b(?:again|still|now|tonight|today|lately|these days|every (?:day|night))\b"
_IDIOM_AFTER: Final = (
    r"^(?:[,.!]? ?(?:of|from|with) (?:\w+ ){0,2}(?:embarrass\w+|shame|laugh\w+|boredom|curiosity"
    r"|happiness|joy|cringe|cold|heat|hunger"
    r"|thirst|jealousy|envy|awkward\w+|cute\w*)|,? ?(?:laughing|than (?:\w+ ){0,3}(?:miss|wear|eat|sit"
    r"|fill|use|sign|share|listen|fly|do)"
    r"|if (?:i have to|they make me|one more|i (?:see|hear|get|miss) |(?:his|her|my|your|it|that|the) )"
    r"|(?:doing|trying|laughing|getting|climbing|working|over) )"
    r"|(?:\w+ ){0,2}(?:prevention|screening|questionnaire|burn|statistics|hotline policy))"
)
_EMBARRASSED: Final = r"\b(?:embarrass\w+|mortif\w+|cringe|humiliat\w+|blush\w+|awkward)\b"
_TRIFLE: Final = (
    r"^\w* ?(?:mother|grandmother|darlings|time|lights?|engines?|power|mood|beer|wine|pizza|sound|mic|feed"
    r"|process|job|app|bot)\b"
)

_PERSON: Final = (
    r"(?:(?:a|an|some|the|my|our|your|any|one|another|somebody|someone|anybody|anyone)[ -])?"
    r"(?:(?:real|actual|live|living|proper|genuine|human|breathing|flesh[- ]and[- ]blood) )*"
    r"(?:human(?: being)?s?|person|people|somebody|someone|anybody|anyone|steward(?:ess)?|agent"
    r"|operator|representative|rep"
    r"|manager|supervisor|advis[oe]r|colleague|member of staff|team member|somebody real|someone real)"
)
_NAME: Final = (
    r"(?:(?-i:[A-Z][a-z]+)|my steward|our steward|the steward|her|him|someone|somebody|anyone|one of you"
    r"|a person|a human)"
)
_REQUEST: Final = (
    r"(?:(?:can|could|may|might|shall) (?:i|we)|let me|i(?:'d| would)?(?: really| just| much)? (?:want"
    r"|need|like|prefer|rather|wish)"
    r"|i(?:'ve| have) to|i must|we (?:want|need)|(?:i )?(?:just )?(?:want|need|wanna|gotta)|please|pls"
    r"|plz|is there|got|wish i could"
    r"|i would (?:like|rather)|would rather|i'd rather|request(?:ing)?|how (?:do|can) i)"
)
_ASKS: Final = (
    rf"{_REQUEST}(?: \w+){{0,3}}? ?(?:to )?(?:talk|speak|chat|spk|write) (?:\w+ )?(?:to|with|2"
    rf"|w/?) {_PERSON}\b",
    r"\b(?:talk|speak|chat) (?:to|with) (?:a|an|some|any) (?:(?:real|actual|live|living|human|proper) )+"
    r"(?:human(?: being)?|person|agent|steward|someone|somebody)\b",
    r"\b(?:get|give|find|send|fetch|bring|put|want|need) (?:me |us )?(?:on |through )?(?:to "
    r"|with )?(?:a|an|some|any|the)"
    r" (?:(?:real|actual|live|living|proper) )*(?:human(?: being)?|person)\b(?! (?:can|to (?:sign"
    r"|install|fit)|who|for the|responsible|in "
    r"charge))",
    rf"\b(?:put|patch|connect|transfer|pass) me (?:(?:through|over|on) )?(?:to|with) (?:{_PERSON}"
    rf"|{_NAME}|whoever)\b",
    r"\b(?:get|give) me (?:someone|somebody|a manager|an agent|a supervisor|my steward)\b",
    r"\b(?:real|actual|live|living) (?:human(?: being)?|person|voice|agent)\b(?=[^.?!]{0,12}(?:[.?!]"
    r"|please|pls|plz|now|$))",
    r"^\W*(?:(?:please|pls|a|some|any) )?(?:human|agent|operator|representative|steward|person)s?\W*"
    r"(?:(?:please|pls|plz|now|agent|human)\W*)*$",
    r"\b(?:human|person|agent) (?:please|pls|plz)\b",
    rf"\b(?:can|could|would|will|might|may|have|get|ask|let|please have) (?:you |we |please )*(?:have "
    rf"|get |ask |let )?{_NAME}"
    r"(?: \w+)?(?: please)? (?:to )?(?:call|ring|phone|telephone) (?:me|us)\b",
    r"\b(?:please|pls|plz|someone|somebody|anyone|anybody) (?:\w+ )?(?:call|ring|phone"
    r"|telephone)(?: (?:me|us))(?: back)?\b",
    r"^\W*(?:please |pls |just )?(?:call|ring|phone|telephone) me(?: back)?\b(?! (?:a|an|the|mr|mrs|ms"
    r"|dr|by|old|crazy|[A-Z]))",
    r"\b(?:i )?(?:need|want|would like|'d like|request) (?:a |an )?(?:\w+ )?(?:phone |telephone |video "
    r"|voice )?"
    r"(?:call|callback|call back|phone call|conversation) "
    r"(?:back )?(?:with|from) (?:a |an |my |our |the )?(?:real |actual )?(?:person|human|someone"
    r"|somebody|steward|manager)\b",
    r"\b(?:is|are) (?:there )?(?:anyone|anybody|somebody|someone|a (?:real |actual )?(?:person"
    r"|human))(?: \w+)? "
    r"(?:there|here|awake|around|alive|home|back there|on the other end)\b(?=[^.!]{0,25}(?:\?|$"
    r"|or (?:only|just|is)))",
    r"\b(?:not|instead of|rather than|enough (?:with|of)|sick of|tired of|no more"
    r"|stop (?:with )?)(?: this| the| a| that| your| talking to a)* "
    r"(?:chat)?(?:ro)?bots?\b(?=[\s\S]{0,80}\b(?:human|person|someone|somebody|real)\b)",
)
_MORE_ASKS: Final = (
    r"\bput me through to\b(?! (?:hell|this|that|so|it))",
    rf"\b(?:{_NAME}|you|one of you) (?:please )?give (?:me|us) a (?:\w+ )?(?:ring|call|bell|buzz|callback)\b",
    r"\b(?:can|could|would|might) (?!i |we |they )\w+(?: \w+)? (?:please )?(?:call|ring|phone|telephone) me\b"
    r"(?! (?:a|an|the|mr|mrs|ms|dr|by)\b)",
    r"\b(?:request|want|need|like|wish) to (?:talk|speak) (?:to|with) (?-i:[A-Z]\w+)",
    r"\b(?:request|want|need|like|have|get) (?:a|an) (?:tele)?phone (?:call|conversation) with"
    r" (?:your|the|my) \w+",
    r"(?:^|[.!?] )(?:please,? )?(?:a (?:real )?person|some(?:body|one) real)(?:,? please| now)*[.!?,]",
    rf"\b(?:speak|talk) (?:by|on|over) (?:the )?(?:tele)?phone (?:with|to) {_PERSON}\b",
    rf"\b(?:speak|talk) (?:with|to) {_PERSON} (?:by|on|over) (?:the )?(?:tele)?phone\b",
    rf"\b(?:get|have|like|request|prefer|want|need|grateful for) (?:a |an )?(?:tele)?(?:phone )?(?:call"
    rf"|conversation|word|voice contact) "
    rf"(?:from|with) (?:{_PERSON}|{_NAME}|(?:the|my|our) (?:\w+ )?(?:steward|manager|doctor|physician"
    rf"|director|lead))\b",
    rf"\b(?:grateful|obliged|glad|kind|good|appreciate it) if (?:{_PERSON}|{_NAME}|one of you) (?:could"
    rf"|would|might|can) "
    r"(?:\w+ )?(?:call|ring|phone|telephone|come|sit|speak|talk)\b",
    rf"\b(?:kindly |please )?have (?:{_PERSON}|{_NAME})(?: \w+){{0,3}} (?:call|ring|phone"
    rf"|telephone) (?:me|us|the|my|on|back|now|today|tonight)\b",
    r"\b(?:i'd|i would|would) (?:much )?(?:rather|prefer to) (?:talk|speak|say this|put this"
    r"|discuss it) (?:to|with) [^.?!]{1,40} than (?:to )?"
    r"(?:you|a (?:program|machine|bot|computer)|software)\b",
    r"\bdiscuss (?:it|this|that) with (?:a |an )?(?:living|real|actual|human) (?:person|human|being)\b",
    r"(?:^|[.!?] )(?:some(?:body|one) real|(?:some )?human)\b(?=(?:,? (?:please|pls|hello|now"
    r"|here))*[.?!])",
    r"\bput (?:a|an|some|the|your) (?:\w+ )?(?:person|human|officer|manager|engineer|colleague) on\b",
    r"\b(?:someone|somebody) (?:on|from|in) (?:ur|your|the) team (?:to )?(?:hop|jump|get|come) on a call\b",
)
_NOT_WANTED: Final = (
    r"(?:\bnot|n't|\bnever|\bno need|\bwithout|\brather not|\bdont|\bno reason)(?: \w+){0,3} ?$"
    r"|\bno (?:\w+ )?$"
    r"|\b(?:asked|told me|said|wondered|wanted) (?:\w+ ){0,3}$"
)


def _compiled(patterns: Iterable[str], flags: int = re.IGNORECASE) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, flags) for pattern in patterns)


_CRISIS_PATTERNS: Final = _compiled(_CRISIS)
_ASKS_PATTERNS: Final = _compiled((*_ASKS, *_MORE_ASKS), re.IGNORECASE | re.MULTILINE)


def crisis(text: str) -> tuple[Span, ...]:
    """Where the text plainly says that somebody is in danger, as start and end; nothing where it only"
    " sounds like it."""
    plain = _plain(text)
    return _distinct(span for span in _matches(_CRISIS_PATTERNS, plain) if _meant(plain, span))


def asks_for_person(text: str) -> tuple[Span, ...]:
    """Where the text plainly asks for a human."""
    plain = _plain(text)
    return _distinct(span for span in _matches(_ASKS_PATTERNS, plain) if not _search(_NOT_WANTED, _before(plain, span)))


def _plain(text: str) -> str:
    """The text with straight quotes and single blanks, every character in its place."""
    return text.translate(_STRAIGHT)


_STRAIGHT: Final = {ord(mark): "'" for mark in "’‘`´"} | {ord(mark): " " for mark in "\n\r\t\u00a0*_"}


def _matches(patterns: Iterable[re.Pattern[str]], text: str) -> Iterator[Span]:
    for pattern in patterns:
        for match in pattern.finditer(text):
            yield match.span()


def _meant(text: str, span: Span) -> bool:
    """Whether what was found is said of now and in earnest."""
    sentence, found, after = _sentence(text, span), text[span[0] : span[1]], text[span[1] : span[1] + 60]
    if _search(_IN_EARNEST, text):
        return True
    before = _before(text, span)
    denied = (
        _search(_DENIED, before)
        and not _search(_CANNOT_STOP, before)
        and not _search(r"\b(?:don't|dont|not|n't) .*(?:live|alive|wake|exist|here)", found)
    )
    over = _search(_OVER, sentence) and not _search(_AGAIN, sentence)
    idiom = _search(_IDIOM_AFTER, after.strip()) or _search(_TRIFLE, after.strip()) or _search(_IDIOM_INSIDE, found)
    shame = _search(_EMBARRASSED, sentence) and _search(r"\b(?:die|dead|disappear\w*)$", found)
    return not (denied or over or idiom or shame or _search(_JEST, sentence) or _search(_FICTION, sentence))


_IDIOM_INSIDE: Final = (
    r"\b(?:killing|kill) (?:the|this|my|our|your) (?:mother|grandmother|time|lights?|engines?"
    r"|power|mood|feed|process)\b"
)


def _before(text: str, span: Span) -> str:
    """The clause up to what was found."""
    return re.split(r"[.!?;,:]|\bbut\b|\band\b", text[max(0, span[0] - 80) : span[0]])[-1]


def _sentence(text: str, span: Span) -> str:
    """The sentences around what was found, at most 160 characters to each side."""
    left, right = text[max(0, span[0] - 160) : span[0]], text[span[1] : span[1] + 160]
    return re.split(r"[.!?] ", left)[-1] + text[span[0] : span[1]] + re.split(r"(?<=[.!?]) (?=[A-Z])", right)[0]


def _search(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _distinct(spans: Iterable[Span]) -> tuple[Span, ...]:
    """In order, overlapping ones joined."""
    joined: list[Span] = []
    for start, end in sorted(set(spans)):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)
