"""The chat model that the settings name, and what answers with it. Without a setting, nothing of it is loaded."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from bot.errors import BotError
from bot.knowing import Knowing
from bot.settings import Settings

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from knowledge.telling import Teller


class ModelUnusable(BotError):
    """CONCIERGE_MODEL names a model that cannot be used here."""


def teller_of(settings: Settings, knowing: Knowing) -> Teller | None:
    """What answers with the model of the settings, None where they name none. Raises ModelUnusable; calls nobody."""
    if settings.model is None:
        return None
    from knowledge.composing import Composer
    from knowledge.telling import Teller

    composer = Composer(chat_model(settings, settings.model))
    return Teller(composer, knowing, within=timedelta(seconds=settings.model_timeout))


def chat_model(settings: Settings, name: str) -> BaseChatModel:
    """The model's client; its key comes from the provider's own environment variable. Raises ModelUnusable."""
    from langchain.chat_models import init_chat_model

    # an answer now is worth more than a better one later: nothing is tried twice
    how: dict[str, Any] = {"timeout": settings.model_timeout, "max_retries": 0}
    if settings.model_url:
        how["base_url"] = settings.model_url
    try:
        model: BaseChatModel = init_chat_model(name, **how)
    except ImportError as error:
        raise ModelUnusable(
            f"CONCIERGE_MODEL={name} needs a package that is not installed: {error.name or error}. "
            "Install the provider's LangChain package (for openai: langchain-openai)."
        ) from None
    except Exception as error:  # noqa: BLE001 - an adapter's edge: each provider's client refuses in its own words
        raise ModelUnusable(
            f"CONCIERGE_MODEL={name} cannot be used ({type(error).__name__}). It is PROVIDER:NAME, as openai:NAME; the "
            "provider's key stands in its own environment variable, as OPENAI_API_KEY (not in .env)."
        ) from None
    return model


def where_questions_go(settings: Settings) -> str:
    """What an operator must know of a configured model, in one sentence."""
    place = f" at {settings.model_url}" if settings.model_url else ""
    return (
        f"{settings.model}{place} words the answers: customers' questions, what they said before, and the passages "
        "that they may read go to it"
    )
