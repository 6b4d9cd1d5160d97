"""The one settings class, read once: from the environment (CONCIERGE_…) and `.env`."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where things are. Everything has a default that needs no server, no account and no download."""

    model_config = SettingsConfigDict(env_prefix="CONCIERGE_", env_file=".env", extra="ignore", frozen=True)

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

    def record_url(self, provider: str) -> str:
        """The record that is meant, for a pack's provider."""
        return self.record or f"sqlite+aiosqlite:///{self.home / provider / 'record.db'}"

    def index_folder(self, provider: str) -> Path:
        """The index that is meant, for a pack's provider."""
        return self.index or self.home / provider / "index"
