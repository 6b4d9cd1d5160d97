"""What is said about a message: its answer, who has been asked, or nothing. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from bot import replies
from bot.considering import Considered, Failure, Setting
from bot.desk.actions import ACTIONS, answer_buttons
from bot.ledger.buttons import Meaning
from bot.messages import Kind
from bot.pack import Pack, care_for
from escalation.policy import Severity
from knowledge.answer import Abstention, Answer
from knowledge.question import is_courtesy


class Speaking:
    """Words for what was considered, over one pack."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack

    def words(self, one: Considered, notice: str | None, handed_on: str | None) -> str:
        """What is said about one message: its answer, and who has been asked. In a room, the answer alone.

        Nothing is said there to those who talk to each other.
        """
        if not one.message.addressed:
            return ""
        if handed_on is not None:
            said = "" if not one.message.text.strip() and notice is None else self._in_words(one, notice)
            return f"{said}\n\n{handed_on}" if said else handed_on
        return self._in_words(one, notice)

    def _in_words(self, one: Considered, notice: str | None) -> str:
        if one.pressed is not None or one.message.kind is Kind.PRESS:
            return self._of_press(one, notice)
        if not one.setting.conversation.direct:
            return self._said(one, steward=None)
        if one.setting.person is None:
            return notice or replies.stranger(self._pack.organisations[self._pack.provider].name)
        if notice is None:
            return self._said(one, steward=self._steward_of(one.setting))
        if one.decision.severity is Severity.critical or one.found is None:
            return notice  # nothing stands before it
        if isinstance(one.found, Abstention) and not one.question:
            return notice
        return f"{self._said(one, steward=None)}\n\n{notice}"

    def _of_press(self, one: Considered, notice: str | None) -> str:
        if not one.may_press or not one.setting.conversation.direct:
            return ""
        if one.pressed is not None and one.pressed.action == "here":
            steward = None if notice else self._steward_of(one.setting)
            return "\n\n".join(part for part in (self._said(one, steward=steward), notice) if part)
        gap = one.pressed is not None and one.pressed.action == "gap"
        return notice or (replies.did_not_answer(self._steward_of(one.setting)) if gap else "")

    def _said(self, one: Considered, *, steward: str | None) -> str:
        text = one.message.text.strip()
        match one.found:
            case Answer():
                return replies.answer(one.found)
            case Failure():
                return replies.failed()
            case Abstention() if one.question and not one.setting.conversation.direct:
                return replies.not_in_this_room()
            case Abstention() if one.question:
                return replies.not_in_the_documents(steward)
            case _ if not text:
                return replies.empty()
            case _ if one.reading.unread_language:
                return replies.unread_language()
            case _ if len(text) > replies.TOO_LONG:
                return replies.too_long()
            case _ if one.found is None and is_courtesy(text) and not one.reading.cues:
                return replies.courtesy()
            case _ if one.setting.conversation.direct:
                return replies.heard(one.reading, steward)
            case _:
                return replies.courtesy()

    def _steward_of(self, setting: Setting) -> str | None:
        if setting.customer is None:
            return None
        return self._pack.stewards[care_for(self._pack, setting.customer, setting.mission).steward].name


def said_by(one: Considered) -> str:
    if one.message.kind is not Kind.PRESS:
        return one.message.text
    return f"[pressed: {ACTIONS[one.pressed.action].label if one.pressed else 'an old button'}]"


def buttons_for(considered: Sequence[Considered]) -> tuple[Meaning, ...]:
    """Under what was looked up: that it did not help, and that a person is needed."""
    looked_up = [one for one in considered if one.setting.customer and isinstance(one.found, Answer | Abstention)]
    if not looked_up:
        return ()
    last = looked_up[-1]
    return answer_buttons(last.pressed.number if last.pressed else last.message.id)


def without_trifles(parts: Sequence[str]) -> list[str]:
    """Of several replies in one turn, a mere "I'm here" goes where something was said; nothing is said twice."""
    unique = list(dict.fromkeys(parts))
    return [one for one in unique if one != replies.courtesy()] or unique
