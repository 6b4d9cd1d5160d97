"""Whether the chat model that the settings name answers, and what goes to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from bot.chat_model import ModelUnusable, chat_model, where_questions_go
from bot.examining.findings import Finding, attempt, ok, skipped, unforeseen, warning
from bot.settings import Settings
from knowledge.passages import Passage

_FALLS_BACK: Final = "Until it answers, customers are told the documents' own sentences."
_CHECK: Final = "Check CONCIERGE_MODEL, CONCIERGE_MODEL_URL, the provider's key and the network."


async def examine_model(settings: Settings) -> tuple[Finding, ...]:
    """One finding: the model is asked about a sentence of ours, never about a customer's."""
    if settings.model is None:
        told = "none is set: answers are the documents' own sentences, and nothing leaves this machine for them"
        return (skipped("chat model", told, "Nothing, unless you want answers worded: CONCIERGE_MODEL."),)
    within = timedelta(seconds=settings.model_timeout)
    return (await attempt("chat model", _ask(settings, settings.model), within=within, explain=_explain),)


async def _ask(settings: Settings, name: str) -> Finding:
    from knowledge.claims import Asked
    from knowledge.composing import Composer, ModelFailed

    asked = Asked(question="How heavy is the test weight?", before=(), passages=(_OURS,))
    try:
        claims = await Composer(chat_model(settings, name)).claims(asked)
    except ModelFailed as error:
        return warning(
            "chat model", f"{where_questions_go(settings)}; just now it failed: {error}. {_FALLS_BACK}", _CHECK
        )
    if not claims:
        told = f"{where_questions_go(settings)}; it did not find an answer that stood before it. {_FALLS_BACK}"
        return warning("chat model", told, "Choose a model that can give structured output.")
    return ok("chat model", f"{where_questions_go(settings)}; it answers")


_OURS: Final = Passage(
    id="doctor#0",
    document="doctor",
    title="A test",
    anchor="A test",
    heading="",
    text="The test weight is 2 kg.",
    kind="paragraph",
    position=0,
    audience=frozenset({"everyone"}),
)


def _explain(error: Exception) -> tuple[str, str]:
    return (str(error), _CHECK) if isinstance(error, ModelUnusable) else unforeseen(error)
