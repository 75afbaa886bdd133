"""Settings: read once from the environment by the doors (main.py, cli.py), which hand values down."""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.store.records import MAX_COST, MAX_TOKENS, Budget

if TYPE_CHECKING:
    from app.models.endpoints import Endpoint

_PACKAGE = Path(__file__).resolve().parent


class SettingsError(Exception):
    """A setting cannot be used; the message names it."""


def _assets() -> Path:
    """Return where templates, static files and migrations lie: inside an installed package, else in the checkout."""
    packed = _PACKAGE / "assets"
    return packed if packed.is_dir() else _PACKAGE.parent


class Settings(BaseSettings):
    """Every setting, its environment variable (`GOVSIM_` and the name in capitals) and its default."""

    model_config = SettingsConfigDict(env_prefix="GOVSIM_", extra="ignore")

    database_url: str = Field(
        default="sqlite:///govsim-data/govsim.db", description="where runs are stored: a SQLite file or PostgreSQL"
    )
    models_file: Path | None = Field(default=None, description="models.toml: model endpoints by name")
    prompts: Path | None = Field(default=None, description="a folder with prompt sets of your own")
    password: str | None = Field(default=None, min_length=8, description="needed on any address but loopback")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    assets: Path = Field(default_factory=_assets, description="folder with templates/, static/ and migrations/")
    runs_per_worker: int = Field(default=200, ge=1, description="runs one worker process plays at once")
    keep_prompts_days: float | None = Field(
        default=None, ge=1, description="workers drop the prompts of runs that ended longer ago; none: they are kept"
    )
    daily_tokens: int | None = Field(
        default=None, ge=1, le=MAX_TOKENS, description="what all runs may use a day (UTC), in and out"
    )
    daily_cost: float | None = Field(
        default=None,
        gt=0,
        le=MAX_COST,
        allow_inf_nan=False,
        description="what all runs may cost a day (UTC), in US dollars",
    )
    stale_after_s: float = Field(
        default=12.0, gt=2, description="a silent worker's runs and places are taken over after this"
    )
    retry_after_s: float = Field(
        default=5.0, ge=0.1, le=600, description="first wait of a run whose endpoint is down; it doubles, up to 600"
    )

    local_models: Path = Field(
        default=Path("govsim-data/local"), description="a folder with models for this machine, each in one of its own"
    )
    local_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^\s/?#@]+/?$",
        description="where a server of local models runs; without it one is started",
    )
    log_format: Literal["console", "json"] = Field(default="console", description="log lines as text or as JSON")
    log_level: Literal["debug", "info", "warning", "error"] | None = Field(
        default=None, description="the least that is logged; info for serve and worker, else warning"
    )
    metrics_token: str | None = Field(
        default=None, min_length=8, description="opens /metrics to a program that has it, where a password is set"
    )

    @property
    def daily_budget(self) -> Budget:
        """Return what all runs together may spend a day."""
        return Budget(tokens=self.daily_tokens, cost=self.daily_cost)

    @property
    def secrets(self) -> set[str]:
        """Return what no log may hold."""
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            in_url = make_url(self.database_url).password
        except (ArgumentError, ValueError):
            in_url = None  # whoever opens it says what is wrong with it
        return {str(secret) for secret in (self.password, self.metrics_token, in_url) if secret}

    @property
    def keep_prompts(self) -> timedelta | None:
        """Return how long the prompts of runs that are over are kept; None for ever."""
        return None if self.keep_prompts_days is None else timedelta(days=self.keep_prompts_days)

    @property
    def templates(self) -> Path:
        """Return the folder of the page templates and prompt sets."""
        return self.assets / "templates"

    @property
    def prompt_folders(self) -> tuple[Path, ...]:
        """Return where prompt sets lie: the user's folder first."""
        own = (self.prompts,) if self.prompts else ()
        return (*own, self.templates / "prompts")

    @property
    def static(self) -> Path:
        """Return the folder of scripts, styles and pictures."""
        return self.assets / "static"

    @property
    def migrations(self) -> Path:
        """Return the folder of the database migrations."""
        return self.assets / "migrations"

    @property
    def models_path(self) -> Path | None:
        """Return the models file: the one named, else `models.toml` where the program was started, if it is there."""
        if self.models_file is not None:
            return self.models_file
        default = Path("models.toml")
        return default if default.is_file() else None

    def endpoints(self, environ: Mapping[str, str]) -> tuple["Endpoint", ...]:
        """Return the model endpoints: those of the models file, of the keys in *environ*, and the models found here.

        Raises:
            app.models.base.ModelError: if the models file, or a key, cannot be used.
        """
        from app.models.endpoints import load_endpoints
        from app.models.local import with_local

        return with_local(load_endpoints(self.models_path, environ), self.local_models, self.local_url)


def load_settings() -> Settings:
    """Read the settings from the environment.

    Raises:
        SettingsError: if one is not valid; the message names the variable and never holds a password.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        name = "GOVSIM_" + str(first["loc"][0]).upper()
        raise SettingsError(f"{name} is not valid: {first['msg']}.") from None


def environment() -> dict[str, str]:
    """Return a copy of the process environment, where model keys live."""
    return dict(os.environ)
