"""The one configuration object: environment variables with the prefix `INKLING_`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Where Inkling keeps its files and what it serves on.

    Every field reads `INKLING_<NAME>` from the environment, e.g. `INKLING_HOME=/srv/inkling`.
    """

    model_config = SettingsConfigDict(env_prefix="INKLING_", extra="ignore", frozen=True)

    home: Path = Field(Path.home() / ".inkling", description="folder of all that the program writes")
    database_url: str | None = Field(None, description="SQLAlchemy URL; None is SQLite in `home`")

    host: str = Field("127.0.0.1", description="address the app binds; loopback only, as there is no login yet")
    port: int = Field(7860, ge=1, le=65535)

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the event store."""
        return self.database_url or f"sqlite:///{self.home / 'inkling.db'}"
