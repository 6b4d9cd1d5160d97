"""What the concierge says: pure functions from what was found and decided to words.

Nothing here promises on a person's behalf: "asked" is said when somebody was asked, "seen" when they have acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from escalation.cues import PLEASANT, TROUBLED, Reading
from knowledge.answer import Answer, Citation, Sentence, Side

TOO_LONG = 6_000  # characters: beyond that a message is kept and read for cues, not taken for a question


def answer(found: Answer) -> str:
    """The documents' sentences, each followed by where they stand; the caveats that come with them; what is missing."""
    parts = [_quoted(list(group), citation) for citation, group in groupby(found.sentences, key=_place)]
    if found.conflict:
        parts.append(_do_not_agree(found.conflict))
    parts += [note(caveat) for caveat in found.caveats]
    if found.missing:
        parts.append(not_said_of(found.missing))
    return "\n\n".join(parts)


def not_said_of(questions: Sequence[str]) -> str:
    """Which of several questions the documents leave open."""
    named = " and ".join(f"“{question.strip().rstrip('?').strip()}”" for question in questions)
    return f"About {named} the documents I can quote to you don't say, and I won't guess."


def _do_not_agree(sides: Sequence[Side]) -> str:
    dated = " and ".join(f"{side.sentence.citation.title} ({_since(side.since)})" for side in sides)
    return f"These two do not agree: {dated}. Please rely on neither until a person has told you which one holds."


def _since(day: date | None) -> str:
    return f"in force since {day.day} {day:%B %Y}" if day else "undated"


def note(caveat: str) -> str:
    """What may change about an answer, told with it."""
    return f"Please note: {caveat}"


def _place(sentence: Sentence) -> tuple[str, str]:
    return (sentence.citation.title, sentence.citation.anchor)


def _quoted(sentences: Sequence[Sentence], place: tuple[str, str]) -> str:
    said = "\n".join(_with_lead(lead, [one.text for one in group]) for lead, group in groupby(sentences, key=_lead))
    return f"{said}\n— {source(*place)}"


def _lead(sentence: Sentence) -> str:
    return sentence.lead


def _with_lead(lead: str, texts: Sequence[str]) -> str:
    """Items stand under what leads in to them: "not allowed:" belongs to every one of them."""
    if lead:
        return "\n".join([lead, *(f"• {text}" for text in texts)])
    said = texts[0]
    for text in texts[1:]:
        # a row of a table or an item ends without a full stop, and gets a line of its own
        said += (" " if said.endswith((".", "!", "?", "…", "”", ")")) else "\n") + text
    return said


def source(title: str, anchor: str) -> str:
    """Where something stands, as it is told to a reader."""
    return f"{title}, {anchor}" if anchor and anchor != title else title


def cited(citation: Citation) -> str:
    """The same for a citation."""
    return source(citation.title, citation.anchor)


def not_in_the_documents(steward: str | None) -> str:
    """The documents do not say, or this reader may not see it: both are told alike."""
    offer = f" {steward} would know or find out: write “a person” and I will ask." if steward else ""
    return f"The documents I can quote to you don't say, and I won't guess.{offer}"


def not_in_this_room() -> str:
    """The same in a shared room: everybody is told the same, whatever there is and whoever asks."""
    return (
        "What everyone in this room may read doesn't say. What I may tell you alone I tell you alone: write me a "
        "direct message, or look whether you have one from me."
    )


def not_in_this_room_any_more() -> str:
    """Somebody came into a room between an answer and its sending."""
    return "I had an answer, but not one for everyone who reads here now. Write me a direct message."


def offered_from_a_room(question: str) -> str:
    """What may not be said in a room is offered to its asker alone."""
    asked = question if len(question) <= 200 else f"{question[:199].rstrip()}…"
    return (
        f"You asked in a shared room: “{asked}”. What everyone there may read doesn't say. Here nobody else reads "
        "along: shall I look in your own documents?"
    )


def did_not_answer(steward: str | None) -> str:
    """An answer did not help, and its customer says so."""
    offer = f" {steward} would know or find out: press “I need a person” and I will ask." if steward else ""
    return f"Thank you for saying so; I have noted that the documents did not answer you.{offer}"


def passed_on() -> str:
    """Whispered to a customer who pressed a button."""
    return "I have noted it."


def not_yours() -> str:
    """Whispered to somebody who pressed a button that is not theirs."""
    return "That button is for the person I answered. Write to me directly, and I will see what I can do."


def welcome(name: str, steward: str) -> str:
    """An invitation was taken up."""
    return (
        f"Welcome, {name}. I answer from your mission's documents, and say which one. {steward} looks after you; "
        "write “a person” whenever you want somebody. Whoever looks after you can read along here."
    )


def code_not_valid() -> str:
    """A code that binds nobody, for whatever reason."""
    return "That invitation does not work: it may have been used, or be too old. Ask your steward for a new one."


@dataclass(frozen=True, kw_only=True, slots=True)
class NoLonger:
    """Something that was quoted from a source, and what became of that since."""

    said: str
    source: str
    became: str


def outdated(
    at: datetime, question: str, gone: Sequence[NoLonger], today: Answer | None, *, in_a_room: bool, steward: str
) -> str:
    """An answer that was given does not stand any more; `today` is what the documents say to its reader now."""
    asked = question if len(question) <= 200 else f"{question[:199].rstrip()}…"
    where = " in a shared room" if in_a_room else ""
    parts = [f"On {at:%d %B %Y} you asked{where}: “{asked}”. Part of what I answered does not hold any more."]
    parts += [f"I told you: “{one.said}”\n— {one.source}, which {one.became} since." for one in gone]
    if today is None:
        parts.append(
            f"What I can quote to you now does not say. {steward} would know: write “a person” and I will ask."
        )
    elif {one.said for one in gone} <= {sentence.text for sentence in today.sentences}:
        parts.append(f"What I can quote to you now says the same:\n\n{answer(today)}")
    else:
        parts.append(f"This is what I can quote to you now:\n\n{answer(today)}")
    return "\n\n".join(parts)


def failed() -> str:
    """Something of ours broke; a person is being asked (the notice follows)."""
    return "I could not look that up just now: something on our side failed. Your message is kept."


def heard(reading: Reading, steward: str | None) -> str:
    """A message that asks nothing: what was noticed is answered as a person would, without a verdict."""
    names = {cue.name for cue in reading.cues}
    if names & TROUBLED:
        offer = f" If you would rather talk to somebody, write “a person” and I will ask {steward}." if steward else ""
        return f"Thank you for telling me; I have kept it, so that you need not explain it again.{offer}"
    if names & PLEASANT:
        return "That is good to hear. I have kept it with your mission."
    return "Noted. Ask me anything that your mission's documents may answer, or write “a person”."


def courtesy() -> str:
    """An answer to thanks, a greeting, an "ok"."""
    return "I'm here whenever you need something."


def empty() -> str:
    """An answer to a message without a word in it."""
    return "Your message reached me without any text that I can read. Could you write it again in words?"


def listed(things: Iterable[str]) -> str:
    """ "a photo", "a photo and a voice message", "a photo, a file and a place"."""
    *first, last = things
    return f"{', '.join(first)} and {last}" if first else last


def cannot_open(what: str) -> str:
    """An answer to a file, a picture, a voice, in a place where it cannot be handed on."""
    return f"I cannot open {what}. Could you put it into words?"


def handed_on(what: str, steward: str) -> str:
    """The same where a person gets it."""
    return f"I cannot open {what} myself, so I have handed it on to {steward}. If it is a question, put it into words."


def too_long() -> str:
    """An answer to a message that is too long to be a question."""
    return (
        "That is a long message. I have kept all of it, but I can only look up one question at a time: "
        "which one first? Or write “a person” and somebody will read the whole."
    )


def unread_language() -> str:
    """An answer to a message in a language that the installed reader does not know."""
    return "I can only read English, so I may have missed what you meant. Write “a person” and somebody will read it."


def stranger(provider: str) -> str:
    """What a sender whom nobody knows is told, whatever they ask."""
    return (
        f"This is the concierge of {provider}. I can only speak about missions with the people who fly them, "
        "and I don't know you here yet. If you fly with us, your steward can send you an invitation. "
        "To reach a person of the team, write “a person”."
    )


def stranger_asked(provider: str) -> str:
    """What a sender whom nobody knows is told when a person has been asked for them."""
    return f"I have passed your message to a person at {provider}. They will answer here."


def already_with(steward: str) -> str:
    """A later message joined an escalation that is open."""
    return f"I have added this to what {steward} has from me."


def asked_off_duty(steward: str) -> str:
    """Nobody on the ladder is on duty; said with the notice, so that nobody waits in false hope."""
    return (
        f"It is outside {steward}'s hours, and nobody else is on duty right now; I keep trying until somebody answers."
    )


def seen(steward: str) -> str:
    """A steward has acknowledged."""
    return f"{steward} has seen your message."


def moved_on(before: str, steward: str, *, local: datetime, within: str) -> str:
    """The ladder climbed."""
    return (
        f"{before} has not picked this up yet, so I have now asked {steward} "
        f"(it is {local:%H:%M} there). If nobody answers within {within}, I ask on."
    )


def asked_again(steward: str, *, local: datetime, within: str) -> str:
    """The ladder climbed to the same person again, because nobody else is left."""
    return (
        f"Nobody has picked this up yet. I have asked {steward} again (it is {local:%H:%M} there), "
        f"and keep at it every {within}."
    )


def took_over(steward: str) -> str:
    """A steward holds the conversation."""
    return f"{steward} is with you now and reads along here; I stay quiet until they hand back to me."


def handed_over(before: str, steward: str) -> str:
    """Another steward has accepted."""
    return f"{before} has handed over to {steward}, who has accepted and knows what you have told us."


def handed_back(steward: str) -> str:
    """The concierge speaks again."""
    return f"{steward} has left this conversation to me again. Write “a person” whenever you want somebody."


def resolved(steward: str) -> str:
    """The escalation is over for the steward."""
    return f"{steward} has closed this. If it is not settled for you, write “a person” and I will ask again."
