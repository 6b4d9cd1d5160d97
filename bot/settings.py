"""The one settings class, read once: from the environment (CONCIERGE_…) and `.env`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import SecretStr
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

    docket: str = "memory://"
    """Wake-ups: memory:// in this process, or redis://…"""

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
