"""From messages to the text that a model is prompted with: the chat template of its folder, or a plain one.

Templates are Jinja of strangers: they run in a sandbox. What they may expect follows the conventions of Hugging Face's
chat templates (`messages`, `add_generation_prompt`, `bos_token`, `raise_exception`, ...).
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Template, TemplateError
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.local.shape import UnusableCheckpoint

TOKENIZER_CONFIG, TEMPLATE = "tokenizer_config.json", "chat_template.jinja"
MAX_TEMPLATE = 200_000  # characters
MARKS = ("bos_token", "eos_token", "unk_token", "pad_token")


class UnfitMessages(ValueError):
    """The template does not take these messages; the text says why, as the template does."""


class ChatTemplate:
    """The template of the model in *folder*.

    A folder without one belongs to a model that was not trained for conversations: it is given the texts below each
    other, and goes on writing.

    Raises:
        UnusableCheckpoint: the template cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        config = _config(folder)
        self._marks = {name: _text(config.get(name)) for name in MARKS}
        source = _source(folder, config)
        self._template = None if source is None else _compiled(source)

    @property
    def plain(self) -> bool:
        """Whether there is no template."""
        return self._template is None

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """Return the prompt for *messages* (`role`, `content`), as far as where the answer begins.

        Raises:
            UnfitMessages: the template refuses them.
        """
        if self._template is None:
            return self._marks["bos_token"] + "".join(f"{message['content'].strip()}\n\n" for message in messages)
        try:
            return self._template.render(
                messages=[dict(message) for message in messages],
                add_generation_prompt=True,
                tools=None,
                documents=None,
                **self._marks,
            )
        except (TemplateError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError) as error:
            raise UnfitMessages(f"The model's chat template refuses these messages: {error}") from error


def _config(folder: Path) -> Mapping[str, Any]:
    try:
        found = json.loads((folder / TOKENIZER_CONFIG).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise UnusableCheckpoint(f"{TOKENIZER_CONFIG} cannot be read: {error}.") from None
    return found if isinstance(found, dict) else {}


def _source(folder: Path, config: Mapping[str, Any]) -> str | None:
    own = folder / TEMPLATE
    try:
        found = own.read_text("utf-8") if own.is_file() else config.get("chat_template")
    except (OSError, ValueError) as error:
        raise UnusableCheckpoint(f"{TEMPLATE} cannot be read: {error}.") from None
    if isinstance(found, list):  # several, by name
        by_name = {one.get("name"): one.get("template") for one in found if isinstance(one, dict)}
        found = by_name.get("default")
    if found is not None and (not isinstance(found, str) or len(found) > MAX_TEMPLATE):
        raise UnusableCheckpoint("Its chat template is no text of a usable length.")
    return found


def _compiled(source: str) -> Template:
    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    def tojson(value: object, indent: int | None = None) -> str:
        return json.dumps(value, ensure_ascii=False, indent=indent)

    sandbox = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    sandbox.filters["tojson"] = tojson
    sandbox.globals["raise_exception"] = raise_exception
    sandbox.globals["strftime_now"] = lambda form: datetime.now(UTC).strftime(form)
    try:
        return sandbox.from_string(source)
    except TemplateError as error:
        raise UnusableCheckpoint(f"Its chat template cannot be read: {error}.") from None


def _text(mark: object) -> str:
    """Return a special token's text, which is written as such or in an object."""
    if isinstance(mark, dict):
        mark = mark.get("content")
    return mark if isinstance(mark, str) else ""
