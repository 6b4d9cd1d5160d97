"""What a steward writes at a desk in a chat app, as a value: to the customer, to other stewards, or to the concierge.

Pure. A thread under a card is the conversation with the customer, so everything that is *not* for them must be marked:
`//verb` is for the concierge, `// words` is a note. Nothing that begins with `//` ever reaches a customer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

INTERNAL: Final = "//"
_COMMAND: Final = re.compile(r"//([a-z]+)(?:\s+(.*))?", re.DOTALL)

HELP: Final = """\
What you write here goes to the customer in your name; a tick says that it was delivered.
// words — a note for other stewards; the customer never sees it
//ack — you have seen it · //take — hold the conversation · //back — give it back to the concierge
//hand STEWARD: brief — ask somebody else to take it · //accept · //decline
//resolve how it ended
//cues — what was noticed, with numbers · //correct N yes|no [0..1] why
//promise 2027-03-05 what was promised · //kept N
//keep "title" for flight:aurora-2 — propose your last answer as a document; other words after a colon, as Q: … A: …
//proposals · //approve N · //reject N why — what others propose; a second steward decides · //withdraw N why
//again N · //arrived N — about a message whose delivery is in doubt"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ToCustomer:
    """Words for the customer."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """Words for other stewards."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Do:
    """An action, with what was chosen and written."""

    action: str
    choice: str = ""
    words: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Promised:
    """A promise to the customer that is to be kept in the list."""

    due: date
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Keep:
    """An answer to a customer that is to be kept as a document. What is '' is taken from the conversation; an audience
    that is '' is the narrowest.
    """

    title: str
    audience: str = ""
    question: str = ""
    answer: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unclear:
    """Something meant for the concierge that it cannot do; `told` says how it is written."""

    told: str


Heard = ToCustomer | Note | Do | Promised | Keep | Unclear

_PLAIN: Final = {
    "ack": "acknowledge",
    "acknowledge": "acknowledge",
    "take": "take",
    "back": "back",
    "accept": "accept",
    "decline": "decline",
    "cues": "cues",
    "proposals": "proposals",
    "help": "help",
}
_NUMBERED: Final = ("kept", "again", "arrived", "approve")
_REASONED: Final = ("reject", "withdraw")
_KEEP: Final = re.compile(
    r"""["“„«](?P<title>[^"“”„«»\n]+)["”“»]
    (?:\s+for\s+(?P<audience>everyone|stewards|(?:flight|mission|organisation):[^\s:]+))?
    \s*(?::\s*(?P<words>.*))?""",
    re.DOTALL | re.VERBOSE,
)
_QUESTION: Final = re.compile(r"Q:\s*(?P<question>.+?)\s+A:\s*(?P<answer>.+)", re.DOTALL | re.IGNORECASE)
HOW_TO_KEEP: Final = (
    '"title" for everyone, flight:ID, mission:ID, organisation:ID or stewards; and, after a colon, other words than '
    "you sent: the answer, or Q: the question A: the answer."
)


def heard(text: str) -> Heard:
    """What a line at a desk means."""
    line = text.strip()
    if not line.startswith(INTERNAL):
        return ToCustomer(text=line)
    command = _COMMAND.fullmatch(line)
    if command is None:
        return Note(text=line.removeprefix(INTERNAL).strip())
    return _command(command[1], (command[2] or "").strip())


def _command(verb: str, rest: str) -> Heard:
    if verb in _PLAIN:
        return Do(action=_PLAIN[verb]) if not rest else Unclear(told=f"Write //{verb} alone. {HELP}")
    if verb in _NUMBERED:
        number = rest.lstrip("#")
        return Do(action=verb, choice=number) if _is_number(number) else Unclear(told=f"Write it as //{verb} NUMBER.")
    if verb in _REASONED:
        number, why = [*rest.lstrip("#").split(maxsplit=1), "", ""][:2]
        if not _is_number(number) or not why:
            return Unclear(told=f"Write it as //{verb} NUMBER why.")
        return Do(action=verb, choice=number, words=why.strip())
    match verb:
        case "keep":
            return keep(rest) or Unclear(told=f"Write it as //keep {HOW_TO_KEEP}")
        case "resolve":
            return Do(action="resolve", words=rest) if rest else Unclear(told="Write it as //resolve how it ended.")
        case "hand":
            to, _, brief = rest.partition(":")
            if not to.strip():
                return Unclear(told="Write it as //hand STEWARD: what they should know.")
            return Do(action="hand", choice=to.strip().removeprefix("to ").strip(), words=brief.strip())
        case "correct":
            return _correct(rest)
        case "promise":
            return _promise(rest)
    return Unclear(told=f"There is no command //{verb}; nothing was sent. A note needs a space: // words.\n{HELP}")


def keep(rest: str) -> Keep | None:
    """What is to be kept; None where that cannot be told."""
    found = _KEEP.fullmatch(rest.strip())
    if found is None or not found["title"].strip():
        return None
    words = (found["words"] or "").strip()
    both = _QUESTION.fullmatch(words)
    return Keep(
        title=" ".join(found["title"].split()),
        audience=found["audience"] or "",
        question=" ".join(both["question"].split()) if both else "",
        answer=both["answer"].strip() if both else words,
    )


def _correct(rest: str) -> Heard:
    number, _, said = rest.partition(" ")
    there, _, note = said.strip().partition(" ")
    if not _is_number(number) or there not in ("yes", "no"):
        return Unclear(told="Write it as //correct N yes|no [0..1] why; //cues shows the numbers.")
    return Do(action="correct", choice=f"{number}:{there}", words=note.strip())


def _promise(rest: str) -> Heard:
    day, _, what = rest.partition(" ")
    try:
        due = date.fromisoformat(day)
    except ValueError:
        due = None
    if due is None or not what.strip():
        return Unclear(told="Write it as //promise 2027-03-05 what was promised.")
    return Promised(due=due, what=what.strip())


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 9
