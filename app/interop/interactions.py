"""Reads one logged interaction: a prompt and what the model answered, written side by side without escaping.

The research code writes `<div><strong>USER</strong>: PROMPT</div>` and, unless the answer is empty,
`<div><strong>ASSISTANT</strong>: COMPLETION</div>`. Nothing is escaped, so this is no HTML and is not parsed as such.
"""

from dataclasses import dataclass

from app.interop.files import clean
from app.models.base import Completion

_USER = "<div><strong>USER</strong>: "
_ASSISTANT = "</div><div><strong>ASSISTANT</strong>: "
_END = "</div>"


@dataclass(frozen=True)
class Interaction:
    """A prompt and its completion; None where the log holds no completion."""

    prompt: str
    completion: Completion | None


def read_interaction(logged: object) -> Interaction | None:
    """Return the interaction in *logged*, or None if it holds none (a report needs no model)."""
    if not isinstance(logged, str) or not logged.startswith(_USER):
        return None
    prompt, answered, answer = logged[len(_USER) :].partition(_ASSISTANT)
    if not answered:
        return Interaction(clean(prompt.removesuffix(_END)), None)
    text, thinking = split_thinking(answer.removesuffix(_END))
    return Interaction(clean(prompt), Completion(text=clean(text), thinking=clean(thinking) or None))


def split_thinking(text: str) -> tuple[str, str]:
    """Return the answer and the thinking before it. Most logs show only the end of the thinking, `</think>`."""
    before, end, after = text.partition("</think>")
    opened = before.lstrip().startswith("<think>")
    if not opened and not end:
        return text, ""
    return after.lstrip(), before.lstrip().removeprefix("<think>").strip()


def write_interaction(prompt: str, completion: Completion | None) -> str:
    """Return an interaction as the research code writes it; read back it gives the same, and is written the same."""
    written = _written(Interaction(prompt, completion))
    # Texts that hold the marks themselves, or half characters, are read as something else: what is read counts.
    for _ in range(10):
        shown = read_interaction(written)
        again = "" if shown is None else _written(shown)
        if again == written:
            break
        written = again
    return written


def _written(shown: Interaction) -> str:
    completion = shown.completion
    if completion is None:
        return f"{_USER}{shown.prompt}{_END}"
    thought = f"{completion.thinking}\n</think>\n\n" if completion.thinking else ""
    return f"{_USER}{shown.prompt}{_ASSISTANT}{thought}{completion.text}{_END}"
