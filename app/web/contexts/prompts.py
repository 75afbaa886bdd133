"""The declared variables of the pages about prompts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.minds.differences import Part
from app.minds.prompt_folders import FoundSet
from app.models.base import Segment


@dataclass(frozen=True)
class FileText:
    """A file of a prompt set."""

    name: str
    text: str


@dataclass(frozen=True)
class PromptSetCard:
    """A prompt set: the files it has of its own, how many come from the set it extends, and where it is previewed."""

    found: FoundSet
    own: Sequence[FileText]
    inherited: int
    preview: str


@dataclass(frozen=True)
class PromptsPage:
    """pages/prompts.html: the sets by name, those that cannot be used included."""

    sets: Sequence[PromptSetCard]


@dataclass(frozen=True)
class PreviewMessage:
    """A message as it would be sent: its segments, each in parts that the base set says alike or otherwise."""

    role: str
    segments: Sequence[tuple[Segment, Sequence[Part]]]


@dataclass(frozen=True)
class PreviewPage:
    """pages/preview.html.

    Attributes:
        prompts: name of the set.
        version: of the set.
        digest: its content hash.
        base: the set it is compared with; None where it is that set.
        agent: who is asked.
        agents: who can be asked in this month.
        purpose: what is asked.
        purposes: what this agent is asked in this month.
        scripted: whether the agent is scripted in this launch, so that it would be sent nothing.
        messages: what is sent.
        original: the same messages in the base set's words, as role and text.
        filled: the launch form's fields that differ from its defaults.
        back: the launch form with these fields.
        errors: what is wrong with the form, by field; nothing else is set then.
    """

    prompts: str
    version: str
    digest: str
    base: str | None
    agent: str
    agents: Sequence[str]
    purpose: str
    purposes: Sequence[str]
    scripted: bool
    messages: Sequence[PreviewMessage]
    original: Sequence[tuple[str, str]]
    filled: Mapping[str, str]
    back: str
    errors: Mapping[str, str]

    @classmethod
    def wrong(cls, errors: Mapping[str, str], back: str) -> "PreviewPage":
        """Return the page that can only say what is wrong."""
        return cls("", "", "", None, "", (), "", (), False, (), (), {}, back, errors)
