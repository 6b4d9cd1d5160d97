"""Whether words that are to be published hold something that tells of a customer. Pure.

It errs on the side of refusing: a steward who may not write "Art" can reword; a name that was published stays read.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from bot.pack import Customer, Pack
from knowledge.lexical import STOP_WORDS

SHORTEST_ID = 4
"""Characters. Shorter ids of people and accounts would be found in ordinary words."""

_SENTENCE_BEGINS = re.compile(r"(?:^|[.!?:…»”\"]\s*|\n\s*)$")


def private(pack: Pack, text: str, *, audience: str, customer: str | None) -> tuple[str, ...]:
    """What in a text names a customer of the pack, or a customer's organisation that is not its audience's; each once.

    `customer` is whose question it was: a first name that they share with a steward is theirs, too.
    """
    told = _plain(text)
    names = [
        *(name for one in pack.customers.values() for name in _names(pack, one, theirs=one.id == customer)),
        *_organisations(pack, audience),
    ]
    return tuple(dict.fromkeys(name for name in names if _stands_in(_plain(name), told)))


def _names(pack: Pack, customer: Customer, *, theirs: bool) -> Iterator[str]:
    of_stewards = {_plain(part).casefold() for one in pack.stewards.values() for part in one.name.split()}
    yield customer.name
    for part in re.split(r"[\s.]+", customer.name):
        # "von", "de", "bin": what its owner writes small is no name by itself; a single letter is in every text
        shared = _plain(part).casefold() in of_stewards
        if len(part) > 1 and not part[0].islower() and (theirs or not shared):
            yield part
    if len(customer.id) >= SHORTEST_ID:
        yield customer.id
    yield from (one.user for one in customer.identities if len(one.user) >= SHORTEST_ID)


def _organisations(pack: Pack, audience: str) -> Iterator[str]:
    kind, _, id = audience.partition(":")
    mission = pack.missions.get(id) if kind == "mission" else None
    own = pack.customers[mission.customer].organisation if mission else id if kind == "organisation" else None
    yield from (one.name for one in pack.organisations.values() if one.role == "customer" and one.id != own)


def _stands_in(name: str, text: str) -> bool:
    found = re.finditer(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", text, re.IGNORECASE)
    if name.casefold() not in STOP_WORDS:
        return next(found, None) is not None
    # "Will" is a name in the middle of a sentence, and seldom one where it is small or comes first
    return any(one[0][0].isupper() and not _SENTENCE_BEGINS.search(text[: one.start()]) for one in found)


def _plain(text: str) -> str:
    """Without accents, invisible characters and fancy letters, on which one name can look like another."""
    parts = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in parts if unicodedata.category(sign) not in {"Mn", "Cf"})
