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
    chroma_url: str | None = Field(
        None, description="Chroma server that serves this shop alone; None keeps the vectors in `home`"
    )

    host: str = Field("127.0.0.1", description="address the app binds; loopback only, as there is no login yet")
    port: int = Field(7860, ge=1, le=65535)

    llm_url: str | None = Field(None, description="an OpenAI-compatible server to use; None starts a vLLM here")
    llm_model: str | None = Field(None, description="the model to ask that server for; None is the first it lists")
    llm_port: int | None = Field(None, ge=1, le=65535, description="port of the vLLM started here; None is a free one")
    base_model: str = Field("Qwen/Qwen3-4B-Instruct-2507", description="what vLLM serves on a GPU (the embedded model on a CPU)")

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the event store."""
        return self.database_url or f"sqlite:///{self.home / 'inkling.db'}"
