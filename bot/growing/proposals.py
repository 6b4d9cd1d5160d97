"""Which answers may be kept as documents, for whom, and who decides it. Pure."""

from __future__ import annotations

from datetime import datetime

from bot import access
from bot.errors import BotError
from bot.growing.names import private
from bot.ledger.kept import Draft, Kept, State
from bot.pack import Pack

LONGEST_TITLE = 120
LONGEST_QUESTION = 500
LONGEST_ANSWER = 4_000
"""Characters of what can be kept."""


NOTHING_WAITS = "No proposal waits for a decision."


class NotKept(BotError):
    """An answer cannot be kept as a document, or not by this person; nothing was changed."""


def audiences(pack: Pack, steward: str) -> frozenset[str]:
    """For whom a steward may publish: those whose documents they may read themselves."""
    return access.direct_grants(pack, pack.stewards.get(steward))


def narrowest(pack: Pack, customer: str | None, mission: str | None) -> str | None:
    """For whom an answer is meant that names nobody: the customer's mission. None where they have none."""
    if mission in pack.missions:
        return f"mission:{mission}"
    theirs = pack.missions_of(customer) if customer else ()
    return f"mission:{theirs[0].id}" if theirs else None


def check(pack: Pack, draft: Draft, by: str) -> None:
    """Raises NotKept, saying what to change, where a draft cannot be proposed by this steward."""
    if draft.audience not in (own := audiences(pack, by)):
        raise NotKept(
            f"You cannot keep an answer for {draft.audience}. You can for: {', '.join(sorted(own))}. Nothing was kept."
        )
    if not any(one != by and draft.audience in audiences(pack, one) for one in pack.stewards):
        raise NotKept(f"Nobody but you may read what is for {draft.audience}, so nobody could approve it.")
    _check_words(pack, draft)


def _check_words(pack: Pack, draft: Draft) -> None:
    longest = {"title": LONGEST_TITLE, "question": LONGEST_QUESTION, "answer": LONGEST_ANSWER}
    for what, most in longest.items():
        text: str = getattr(draft, what)
        if not text.strip():
            raise NotKept(f"There is no {what} to keep; write it into the command.")
        if len(text) > most:
            raise NotKept(f"The {what} has {len(text)} characters; {most} can be kept. Write a shorter one.")
    if found := names_in(pack, draft):
        raise NotKept(
            f"Others will read this, and it says {', '.join(f'“{one}”' for one in found)}. Nothing was kept: write the "
            "question and the answer without names of customers."
        )


def names_in(pack: Pack, draft: Draft) -> tuple[str, ...]:
    """What in the words of a draft tells of a customer."""
    words = "\n".join((draft.title, draft.question, draft.answer))
    return private(pack, words, audience=draft.audience, customer=draft.customer)


def check_decision(pack: Pack, kept: Kept | None, number: int, by: str, *, approve: bool) -> None:
    """Raises NotKept where this steward may not approve (or decline) a proposal; it is looked up for them alone."""
    if kept is None or kept.draft.audience not in audiences(pack, by):
        raise NotKept(f"There is no proposal {number} for an audience of yours.")
    if kept.state is not State.PROPOSED:
        raise NotKept(f"Proposal {number} is {kept.state} already{_by(pack, kept.decided_by, kept.decided_at)}.")
    if approve and kept.proposed_by == by:
        raise NotKept("You have proposed it yourself; a second steward approves it. Nothing was published.")
    if approve:
        _check_words(pack, kept.draft)  # somebody may have come into the pack meanwhile


def check_withdrawal(pack: Pack, kept: Kept | None, number: int, by: str) -> None:
    """Raises NotKept where there is nothing to withdraw for this steward."""
    if kept is None or kept.draft.audience not in audiences(pack, by):
        raise NotKept(f"There is no kept answer {number} for an audience of yours.")
    if kept.state is not State.APPROVED:
        raise NotKept(f"Kept answer {number} is {kept.state}, and not among the documents.")


def how_to_decide(pack: Pack, kept: Kept) -> str:
    """What a second steward can write; whoever proposed it is told the same."""
    proposer = _name(pack, kept.proposed_by)
    return (
        f"{proposer} proposes to keep this as a document. Another steward decides: approve {kept.id}, or "
        f"reject {kept.id} why (under a card: //approve {kept.id}, //reject {kept.id} why)."
    )


def decision(pack: Pack, kept: Kept) -> str:
    """What became of a proposal, to whoever made it."""
    by = _name(pack, kept.withdrawn_by or kept.decided_by)
    why = f": {kept.why}" if kept.why else "."
    return f"{by} has {kept.state} what you proposed to keep, “{kept.draft.title}” ({kept.id}){why}"


def _name(pack: Pack, steward: str | None) -> str:
    known = pack.stewards.get(steward or "")
    return known.name if known else steward or "nobody"


def _by(pack: Pack, steward: str | None, at: datetime | None) -> str:
    return f", by {_name(pack, steward)} on {at:%d %B %Y}" if steward and at else ""


def shown(pack: Pack, kept: Kept) -> str:
    """A proposal as stewards see it: every word that would be published, and nothing else of the customer's."""
    draft = kept.draft
    return (
        f"Proposal {kept.id}, to be read by {draft.audience}:\n\n{draft.title}\n{draft.question}\n\n{draft.answer}\n\n"
        f"(answered by {_name(pack, draft.answered_by)} on {draft.answered_at:%d %B %Y})"
    )
