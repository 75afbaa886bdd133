"""A checkpoint's tokenizer: `tokenizer.json`, as the library `tokenizers` writes it."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tokenizers import Tokenizer

from app.local.shape import UnusableCheckpoint

FILE = "tokenizer.json"
Encode = Callable[[str], list[int]]


def load_tokenizer(folder: Path) -> Tokenizer:
    """Return the tokenizer of the model in *folder*.

    Raises:
        UnusableCheckpoint: there is none, or it cannot be read.
    """
    path = folder / FILE
    if not path.is_file():
        raise UnusableCheckpoint(f"{folder.name} has no {FILE}. Tokenizers in other formats are not read.")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare exceptions
        raise UnusableCheckpoint(f"{FILE} cannot be read: {error}") from None


def encode(tokenizer: Tokenizer, text: str) -> list[int]:
    """Return the tokens of *text*; special tokens are recognised in it, none is added: chat templates write them."""
    tokens: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return tokens


def decode(tokenizer: Tokenizer, tokens: Sequence[int]) -> str:
    """Return the text of *tokens* without special ones."""
    text: str = tokenizer.decode(list(tokens), skip_special_tokens=True)
    return text
