"""The one settings class, read once: from the environment (CONCIERGE_…) and `.env`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where things are. Everything has a default that needs no server, no account and no download."""

    model_config = SettingsConfigDict(
        env_prefix="CONCIERGE_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    pack: Path = Path("examples/meridian")
    """The mission pack's folder."""

    home: Path = Path("var")
    """Where the record and the index are kept by default, in a folder named for the provider."""

    record: str | None = None
    """The record's URL: sqlite+aiosqlite:///PATH or postgresql+asyncpg://…; by default a file in `home`."""

    index: Path | None = None
    """The retrieval index's folder; by default one in `home`."""

    index_server: str | None = None
    """http://HOST:PORT of a Chroma server that keeps the index, for several machines or more than one can hold."""

    embeddings: str | None = None
    """PROVIDER:MODEL (LangChain's `init_embeddings`) or package.module:factory of an embedding that finds passages
    beside the shipped one; how sure the concierge is goes on being judged by the shipped one."""

    reranker: str | None = None
    """package.module:factory of a LangChain document compressor that says in which order passages are read."""

    precision: float | None = Field(default=None, ge=0.5, le=0.99)
    """How large a share of the answers has to be right: the higher, the more often the concierge abstains. By default
    what README.md gives the figures of."""

    docket: str = "memory://"
    """Wake-ups: memory:// in this process, or redis://…"""

    model: str | None = None
    """PROVIDER:NAME of a chat model that words answers from the documents; without it they are the documents' own
    sentences. Its key is the provider's own environment variable."""

    model_url: str | None = None
    """Where the model is, if not at its provider's own address."""

    model_timeout: float = Field(default=15.0, gt=0, le=18)
    """Seconds that the model may take over an answer; bot.considering gives up after 20."""

    listen: str = "127.0.0.1:8080"
    """Where `concierge run` listens for Slack over HTTP, for Telegram's webhook, and for /healthz."""

    rooms_answer: Literal["mentioned", "people"] = "mentioned"
    """In shared rooms the concierge answers where it is mentioned and in its threads; with `people` also questions of
    the mission's own people that name nobody else."""

    slack_bot_token: SecretStr | None = None
    """xoxb-…, of the one workspace in which the app is installed. Several workspaces: client id and secret instead."""

    slack_signing_secret: SecretStr | None = None
    """Proves that a request over HTTP is Slack's. Needed unless Socket Mode is used."""

    slack_app_token: SecretStr | None = None
    """xapp-…: with it the app connects to Slack (Socket Mode); without it Slack calls `listen`."""

    slack_client_id: str | None = None
    slack_client_secret: SecretStr | None = None
    """With both, workspaces install the app at /slack/install, and their tokens are kept in the record."""

    slack_desk: str | None = None
    """TEAM:CHANNEL of the stewards' private room; without it each steward has their desk in a direct message."""

    slack_api: str = "https://slack.com/api/"

    telegram_token: SecretStr | None = None
    """What BotFather gave."""

    telegram_webhook: str | None = None
    """https://… at which Telegram reaches `listen` (path /telegram/…); without it the bot polls."""

    telegram_secret: SecretStr | None = None
    """Sent by Telegram with each webhook call; needed with a webhook."""

    telegram_desk: str | None = None
    """The id (-100…) of the stewards' forum group; without it each steward has their desk in a private chat."""

    telegram_api: str = "https://api.telegram.org"

    def record_url(self, provider: str) -> str:
        """The record that is meant, for a pack's provider."""
        return self.record or f"sqlite+aiosqlite:///{self.home / provider / 'record.db'}"

    def index_folder(self, provider: str) -> Path:
        """The index that is meant, for a pack's provider."""
        return self.index or self.home / provider / "index"
