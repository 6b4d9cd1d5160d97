"""Buttons that were pressed and forms that were sent off, as what they are to the house. Pure.

The shapes are those of block_actions and view_submission (docs.slack.dev/reference/interaction-payloads).
"""

from __future__ import annotations

from bot.channels.slack.facts import JSON, Facts, address, identity, is_direct, moment, padded, ts_of
from bot.messages import SLACK, Identity, Inbound, Kind, Pressed

FORM = "form"
"""The callback_id of the one modal that there is."""
ASKS = "ask:"
"""How the action_id of a button begins that opens a form."""


def presses(body: JSON, facts: Facts) -> tuple[Inbound, ...]:
    """Each button that was pressed, in a message, in a whisper, or on somebody's Home tab."""
    actions = body.get("actions") or ()
    return tuple(_press(body, action, number, facts) for number, action in enumerate(actions))


def asks(body: JSON) -> bool:
    """Whether the button that was pressed has a form to open."""
    actions = body.get("actions") or ()
    return body.get("type") == "block_actions" and any(str(a.get("action_id", "")).startswith(ASKS) for a in actions)


def submitted(body: JSON, facts: Facts) -> Inbound | None:
    """A form that was filled in: the press of the button that opened it."""
    view: JSON = body.get("view") or {}
    if view.get("callback_id") != FORM:
        return None
    fields = {name: given for block in _values(view).values() for name, given in block.items()}
    pressed = Pressed(
        token=str(view.get("private_metadata") or ""),
        choice=_selected(fields.get("choice") or {}),
        words=str((fields.get("words") or {}).get("value") or ""),
        handle=_presser(body).user,
    )
    return _pressed(body, pressed, facts, ts=ts_of(facts.now), key=_press_key(body, facts, str(view.get("id"))))


def _press(body: JSON, action: JSON, number: int, facts: Facts) -> Inbound:
    pressed = Pressed(
        token=str(action.get("value") or ""),
        choice=_selected(action),
        handle=_presser(body).user,
    )
    at = str(action.get("action_ts") or ts_of(facts.now))
    key = _press_key(body, facts, f"{at}:{action.get('action_id')}") + (f":{number}" if number else "")
    return _pressed(body, pressed, facts, ts=at, key=key)


def _pressed(body: JSON, pressed: Pressed, facts: Facts, *, ts: str, key: str) -> Inbound:
    """Where no message was pressed (a modal, a Home tab) the address is the person: Slack posts to a user's id as to
    their direct conversation.
    """
    who, container = _presser(body), body.get("container") or {}
    room = str((body.get("channel") or {}).get("id") or who.user)
    return Inbound(
        event_key=key,
        message_key=key,
        address=address(room, facts),
        sender=who,
        text="",
        sent_at=moment(ts),
        order=padded(ts),
        direct=room == who.user or is_direct(room),
        kind=Kind.PRESS,
        thread=str((body.get("message") or {}).get("thread_ts") or container.get("thread_ts") or ""),
        ref=str(container.get("message_ts") or ""),
        pressed=pressed,
    )


def _press_key(body: JSON, facts: Facts, otherwise: str) -> str:
    return f"{SLACK}:press:{facts.team}:{body.get('trigger_id') or f'{otherwise}:{_presser(body).user}'}"


def _presser(body: JSON) -> Identity:
    # the outer team is the installed one, whoever presses: only `user` says where they belong
    user: JSON = body.get("user") or {}
    return identity(user.get("id"), str(user.get("team_id") or ""))


def _selected(element: JSON) -> str:
    return str((element.get("selected_option") or {}).get("value") or "")


def _values(view: JSON) -> JSON:
    values: JSON = (view.get("state") or {}).get("values") or {}
    return values
