"""The endpoints an operator offers: read from `models.toml`, or found by the keys in the environment."""

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator

from app.commons.frozen import Frozen
from app.models.account import Limits
from app.models.base import ModelError, ModelNotConfigured
from app.models.prices import Price

NAME_PATTERN = r"^[A-Za-z0-9_.-]+$"
ModelId = Annotated[str, Field(pattern=r"^\S+$", max_length=150)]


class ModelsFileError(ModelError):
    """`models.toml` cannot be used; the message names the file and the key."""


class DeclaredPrice(Price):
    """One `[[endpoints.NAME.prices]]` table: what the operator says a model costs, in US dollars."""

    model: ModelId


class EndpointTable(Frozen):
    """What one `[endpoints.NAME]` table of `models.toml` may say. Times are in seconds."""

    protocol: Literal["openai", "anthropic"] = Field(default="openai", description="the wire protocol")
    base_url: str = Field(
        max_length=500, description="the address up to, not including, /chat/completions (anthropic: /messages)"
    )
    api_key_env: str | None = Field(
        default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=100, description="the variable that holds the key"
    )
    embeddings: tuple[ModelId, ...] = Field(default=(), description="its embedding models, asked at /embeddings")
    models: tuple[ModelId, ...] = Field(
        default=(), validate_default=True, description="the models offered, as the endpoint names them"
    )
    max_concurrency: int = Field(
        default=25, ge=1, le=2000, description="requests at once, over all processes on a database"
    )
    requests_per_minute: int | None = Field(
        default=None, ge=1, le=10_000_000, description="requests started in any minute, over all processes"
    )
    tokens_per_minute: int | None = Field(
        default=None, ge=1, le=10**12, description="tokens of prompts and completions in any minute, over all processes"
    )
    rate_window_s: float = Field(
        default=60.0, ge=1, le=60, description="the rates hold in any so many seconds, in proportion to a minute"
    )
    send_call_key: bool = Field(default=False, description="send X-Call-Key and X-Run with every request")
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens", description="what the endpoint calls the limit of an answer's length"
    )
    prices: tuple[DeclaredPrice, ...] = Field(default=(), description="what its models cost, where the list is wrong")
    context_tokens: int | None = Field(
        default=None,
        ge=256,
        le=10**9,
        description="tokens of a prompt and its answer together, if not listed",
    )
    connect_timeout_s: float = Field(default=10.0, gt=0, le=600)
    timeout_s: float = Field(default=300.0, gt=0, le=7200, description="for one request, from sending to the last byte")
    attempts: int = Field(default=6, ge=1, le=20, description="requests made for one call before giving up")
    backoff_s: float = Field(
        default=1.0, ge=0, le=60, description="the first wait before a retry; it doubles, up to 30"
    )

    @field_validator("base_url")
    @classmethod
    def _plain_address(cls, base_url: str) -> str:
        try:
            parts = urlsplit(base_url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable or not (base_url.isascii() and base_url.isprintable()) or " " in base_url:
            raise ValueError("must be an address like http://localhost:8000/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("must not hold a user, a password, '?' or '#': a key belongs in the environment")
        return base_url.rstrip("/")

    @field_validator("embeddings")
    @classmethod
    def _embeddings_are_spoken(cls, embeddings: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if embeddings and info.data.get("protocol") == "anthropic":
            raise ValueError("are part of the openai protocol only")
        return embeddings

    @field_validator("models")
    @classmethod
    def _models_differ(cls, models: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        embeddings = info.data.get("embeddings", ())
        if not models and not embeddings:
            raise ValueError("names no model")
        if len({*models, *embeddings}) != len(models) + len(embeddings):
            raise ValueError("names a model twice")
        return models

    @field_validator("prices")
    @classmethod
    def _prices_are_of_its_models(
        cls, prices: tuple[DeclaredPrice, ...], info: ValidationInfo
    ) -> tuple[DeclaredPrice, ...]:
        offered = {*info.data.get("models", ()), *info.data.get("embeddings", ())}
        named = [price.model for price in prices]
        if strangers := [name for name in named if name not in offered]:
            raise ValueError(f"name '{strangers[0]}', which is none of its models")
        if len(set(named)) != len(named):
            raise ValueError("name a model twice")
        return prices


class Endpoint(EndpointTable):
    """One endpoint with its name and, where the environment has it, its key.

    Of models on this machine it knows more than a table says: what each is (`labels`), how many tokens each takes
    (`lengths`), the `place` where others are added, and in a sentence why none can be asked, if so (`unusable`).
    """

    name: str = Field(pattern=NAME_PATTERN, max_length=40)
    key: SecretStr | None = Field(default=None, repr=False, exclude=True)
    labels: Mapping[str, str] = Field(default_factory=dict)
    lengths: Mapping[str, int] = Field(default_factory=dict)
    place: str | None = None
    unusable: str | None = None

    @property
    def key_present(self) -> bool:
        """Whether requests can be made: the key is there, or none is needed."""
        return self.api_key_env is None or self.key is not None

    def declared_price(self, model: str) -> Price | None:
        """Return what the operator says *model* costs, or None."""
        found = next((price for price in self.prices if price.model == model), None)
        return None if found is None else Price(**found.model_dump(exclude={"model"}))

    @property
    def can_ask(self) -> bool:
        """Whether requests can be made: nothing is known to stand in the way."""
        return self.key_present and self.unusable is None

    @property
    def limits(self) -> Limits:
        """What it may be asked at once and in a minute."""
        return Limits(self.max_concurrency, self.requests_per_minute, self.tokens_per_minute, self.rate_window_s)

    @property
    def host(self) -> str:
        """The host and port requests go to."""
        return urlsplit(self.base_url).netloc


# Their models take the standard sampling (temperature 0), Anthropic's only parts of it; others go into models.toml.
KNOWN: Mapping[str, EndpointTable] = MappingProxyType(
    {
        "openai": EndpointTable(
            base_url="https://api.openai.com/v1",
            api_key_env="OPENAI_API_KEY",
            models=("gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini"),
            embeddings=("text-embedding-3-small", "text-embedding-3-large"),
            max_tokens_field="max_completion_tokens",
        ),
        "anthropic": EndpointTable(
            protocol="anthropic",
            base_url="https://api.anthropic.com/v1",
            api_key_env="ANTHROPIC_API_KEY",
            models=(
                "claude-opus-5-5",
                "claude-sonnet-5-5",
                "claude-haiku-5-5",
                "claude-sonnet-4-6",
                "claude-haiku-4-5",
            ),
        ),
        "openrouter": EndpointTable(
            base_url="https://openrouter.ai/api/v1",
            api_key_env="OPENROUTER_API_KEY",
            models=(
                "meta-llama/llama-3.3-70b-instruct",
                "qwen/qwen3-235b-a22b-2507",
                "deepseek/deepseek-v4-flash",
                "openai/gpt-4.1-mini",
                "openai/gpt-oss-120b",
            ),
        ),
        "mistral": EndpointTable(
            base_url="https://api.mistral.ai/v1",
            api_key_env="MISTRAL_API_KEY",
            models=("mistral-small-latest", "mistral-medium-latest", "mistral-large-latest"),
        ),
        "deepseek": EndpointTable(
            base_url="https://api.deepseek.com/v1",
            api_key_env="DEEPSEEK_API_KEY",
            models=("deepseek-v4-flash", "deepseek-v4-pro"),
        ),
        "gemini": EndpointTable(
            base_url="https://generativelanguage.googleapis.com/v1beta/openai",
            api_key_env="GEMINI_API_KEY",
            models=("gemini-2.5-flash", "gemini-2.5-pro", "gemini-3.5-flash"),
        ),
    }
)


def load_endpoints(path: Path | None, environ: Mapping[str, str]) -> tuple[Endpoint, ...]:
    """Return the endpoints of *path* in their order, then those whose key *environ* holds.

    A table of the file stands in for the known endpoint of its name. One that names no `base_url` keeps what is known
    of that endpoint and changes the rest; one that does is wholly the operator's, so that a known endpoint's key never
    goes to another address unasked.

    Raises:
        ModelsFileError: the file cannot be read, or says something it may not.
        ModelNotConfigured: a key in the environment cannot be sent.
    """
    tables = _read_tables(path) if path is not None else {}
    named = [_endpoint(name, table, path, environ) for name, table in tables.items()]
    found = [
        _with_key(name, known, environ)
        for name, known in KNOWN.items()
        if name not in tables and known.api_key_env and environ.get(known.api_key_env, "").strip()
    ]
    return (*named, *found)


def _read_tables(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelsFileError(
            f"The models file {path} cannot be read ({error.strerror}): correct GOVSIM_MODELS_FILE or create the file."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ModelsFileError(f"The models file {path} is not valid TOML: {error}.") from error
    for key in content:
        if key != "endpoints":
            raise ModelsFileError(f"{path}: unknown key '{key}'; the file has only tables called [endpoints.NAME].")
    tables = content.get("endpoints", {})
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise ModelsFileError(f"{path}: 'endpoints' holds something that is no table; write [endpoints.NAME].")
    return tables


def _endpoint(name: str, table: dict[str, Any], path: Path | None, environ: Mapping[str, str]) -> Endpoint:
    inherited = KNOWN[name].model_dump() if name in KNOWN and "base_url" not in table else {}
    try:
        checked = EndpointTable.model_validate(inherited | table)
        return _with_key(name, checked, environ)
    except ValidationError as error:
        raise ModelsFileError(f"{path}: [endpoints.{name}] {_complaint(error)}.") from None


def _with_key(name: str, table: EndpointTable, environ: Mapping[str, str]) -> Endpoint:
    key = environ.get(table.api_key_env, "").strip() if table.api_key_env else ""
    if not (key.isascii() and key.isprintable()):
        raise ModelNotConfigured(
            f"The key in {table.api_key_env} holds characters that cannot be sent: copy it again, without line breaks."
        )
    return Endpoint.model_validate(table.model_dump() | {"name": name, "key": SecretStr(key) if key else None})


def _complaint(error: ValidationError) -> str:
    """Return the first complaint as the end of a sentence. It never repeats a value: somebody may paste a key."""
    first = error.errors(include_input=False, include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "missing":
        return f"has no '{key}'"
    if first["type"] == "extra_forbidden":
        return f"has an unknown key '{key}'{_hint(key)}"
    if key == "name":
        return "needs a name of letters, digits, '.', '_' and '-', at most 40"
    if key == "api_key_env":
        return "has an 'api_key_env' that is no variable's name; it takes the name of the variable, never the key"
    return f"has a '{key}' that cannot be used: {first['msg'].removeprefix('Value error, ')}"


def _hint(key: str) -> str:
    if key in ("api_key", "key"):
        return "; a key stays in the environment, and 'api_key_env' names its variable"
    known = tuple(EndpointTable.model_fields)
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else f"; it may have {', '.join(known)}"
