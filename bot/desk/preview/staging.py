"""What scenes are made of: an escalation made by its events, its dossier, and the posts that the house would send."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.desk import actions, cards
from bot.ledger.buttons import Meaning
from bot.messages import Address, Button, Card, Post, Purpose
from bot.pack import Pack, care_for, phase, phase_of
from escalation import care, case
from escalation.case import Escalation, Raised
from escalation.cues import CueReader, Reading
from escalation.dossier import Dossier, Said, Voyage, days_from
from escalation.policy import Signals, decide, words
from escalation.record import Logged
from escalation.strain import Moment, troubled_intensity


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A message as it stands in an app: the concierge's `post`, or the `text` that a person wrote."""

    who: str
    at: str
    text: str = ""
    post: Post | None = None
    mine: bool = False
    reaction: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """One look at one app. `thread` is what stands under the lines, `home` a page in the place of lines."""

    name: str
    about: str
    app: str
    place: str
    lines: tuple[Line, ...] = ()
    thread: tuple[Line, ...] = ()
    home: Card | None = None


def raised(
    pack: Pack, reader: CueReader, *, customer: str, texts: Sequence[str], number: int, now: datetime
) -> Escalation:
    """What the pack's policy makes of the last of a customer's messages, and who is asked."""
    cues = reader.read(texts[-1], texts[:-1]).cues
    decision = decide(pack.policy, Signals(now=now, cues=cues, phase=phase_of(pack, customer, None, now)))
    one = case.begin(
        id=number,
        subject=customer,
        customer=customer,
        mission=pack.missions_of(customer)[0].id,
        conversation=1,
        event=Raised(at=now, severity=decision.severity, rules=decision.rules, topic=decision.topic, message=number),
    )
    asked = case.ask(
        one,
        order=care.order(care_for(pack, customer, None), one.topic, pack.stewards),
        stewards=pack.stewards,
        terms=pack.policy.terms[one.severity],
        now=now,
    )
    return case.after(one, [asked])


def told(pack: Pack, one: Escalation) -> Said:
    """What the customer was told when somebody was asked."""
    steward, terms = pack.stewards[one.asked[0]], pack.policy.terms[one.severity]
    rule = next(each for each in pack.policy.rules if each.name == one.rules[0])
    text = words(
        pack.policy,
        rule.tell_customer,
        steward=steward.name,
        acknowledge_within=terms.acknowledge_within,
        local_time=one.opened_at.astimezone(steward.timezone),
    )
    return Said(at=one.opened_at, who="Concierge", text=text)


def dossier(
    pack: Pack, reader: CueReader, one: Escalation, *, said: Sequence[Said], now: datetime, zone: ZoneInfo
) -> Dossier:
    """What is known when a steward of that zone opens it, right after the last of what the customer said."""
    customer = pack.customers[one.customer or ""]
    theirs = [each for each in said if each.who == customer.name]
    texts = [each.text for each in theirs]
    read = [reader.read(text, texts[:index]) for index, text in enumerate(texts)]
    intensities = [troubled_intensity(each.cues) for each in read]
    return Dossier(
        escalation=one,
        who=customer.name,
        organisation=pack.organisations[customer.organisation].name if customer.organisation else None,
        language=customer.language,
        voyages=tuple(_voyages(pack, customer.id, now)),
        quote=texts[-1],
        cues=tuple(_logged(one, read[-1])),
        moments=tuple(
            Moment(at=each.at, intensity=value) for each, value in zip(theirs, intensities, strict=True) if value
        ),
        last=tuple(said),
        answered_from=(),
        earlier=(),
        names={each.id: each.name for each in pack.stewards.values()},
        local_time=now.astimezone(zone),
        now=now,
    )


def _logged(one: Escalation, reading: Reading) -> list[Logged]:
    return [
        Logged(
            id=number,
            at=one.opened_at,
            conversation=1,
            message=one.messages[0],
            customer=one.customer,
            cue=cue,
            reader=reading.version,
        )
        for number, cue in enumerate(reading.cues)
    ]


def _voyages(pack: Pack, customer: str, now: datetime) -> list[Voyage]:
    voyages = []
    for mission in pack.missions_of(customer):
        flight = pack.flights[mission.flight]
        voyage = Voyage(
            name=mission.id,
            flight=flight.name,
            kind=mission.kind,
            goal=mission.goal,
            success=mission.success,
            phase=phase(flight, now),
            days=days_from(flight.launch, flight.landing, now),
            visibility=mission.visibility,
        )
        voyages.append(voyage)
    return voyages


def post(text: str, *, app: str, purpose: Purpose = Purpose.NOTICE, author: str = "concierge") -> Post:
    """A message that stands nowhere but on the page."""
    return Post(id=1, address=Address(channel=app, room="preview"), text=text, purpose=purpose, author=author)


def card(pack: Pack, shown: Dossier, *, app: str) -> Post:
    """A dossier as it is posted, with the buttons that it has as it stands; it names those who are asked."""
    one = shown.escalation
    meanings = [Meaning(action=name, kind=actions.ESCALATION, number=one.id) for name in actions.actions_on(one)]
    made = cards.card(shown, buttons=buttons(meanings, shown.names), now=shown.now)
    waited_for = () if one.owner else one.asked_now
    asked = [identity for name in waited_for for identity in pack.stewards[name].identities]
    return replace(post(made.title, app=app, purpose=Purpose.DESK), card=made, mentions=tuple(asked))


def buttons(meanings: Sequence[Meaning], names: Mapping[str, str]) -> tuple[Button, ...]:
    """Buttons as they look; here they do nothing."""
    return tuple(actions.button(one, "preview", names) for one in meanings)
