"""The tokenizers of models trained here: byte-level BPE with whole numbers as one token.

That of the demonstration model has pieces that span words. Prompts are made of templates, and a pre-tokenizer that cuts
only at numbers, names and line breaks lets merges grow to whole sentences, so that a prompt of 2,400 characters becomes
about 150 tokens: training is several times cheaper, and the number that an answer depends on is a few tokens away. Any
other text is spelt in shorter pieces, bytes at worst. What models and people wrote freely repeats no sentences: there
pieces are words and parts of words, as usual.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

BEGIN, END, PAD = "<|begin|>", "<|end|>", "<|pad|>"
ROLES = ("system", "user", "assistant")
SPECIAL = (PAD, BEGIN, END, *(f"<|{role}|>" for role in ROLES))
HIGHEST_NUMBER = 200
LEAST_OFTEN = 20
"""Merges need at least this many occurrences."""
CHAT_TEMPLATE = (
    "{{ '<|begin|>' }}{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""Roles are marked by tokens of their own; `app.local.documents` lays chats out the same way."""
# Numbers, line breaks, names (a capital within a sentence or before a colon), and what lies between them.
_PIECES = r"[0-9]{1,4}|\n+|(?<=[\p{Ll},:] )\p{Lu}\p{L}+|^\p{Lu}\p{L}+(?=:)"
_WORDS = r"[0-9]{1,4}|\n+| ?\p{L}+| ?[^\s\p{L}\p{N}]+"


def train_tokenizer(texts: Iterable[str], vocabulary: int, *, words: bool = False) -> Tokenizer:
    """Return a tokenizer of at most *vocabulary* tokens, its merges learnt from *texts*; *words* keeps pieces to words.

    Raises:
        ValueError: *vocabulary* has no room for bytes, numbers and marks.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    numbers = [str(number) for number in _numbers()]
    room = vocabulary - len(SPECIAL) - len(numbers)
    if room < len(alphabet):
        raise ValueError(f"The vocabulary must hold at least {vocabulary - room + len(alphabet)} tokens.")
    pieces = _WORDS if words else _PIECES
    learner = _tokenizer(models.BPE(), pieces)
    trainer = trainers.BpeTrainer(
        vocab_size=room,
        min_frequency=LEAST_OFTEN,
        initial_alphabet=alphabet,
        show_progress=False,
    )
    learner.train_from_iterator(texts, trainer)
    learnt = json.loads(learner.to_str())["model"]
    merges = [(number[:-1], number[-1]) for number in numbers]
    merges += [(left, right) for left, right in learnt["merges"] if not (left + right).isdigit()]
    known = list(dict.fromkeys([*SPECIAL, *alphabet, *(left + right for left, right in merges)]))
    vocabulary_of = {word: index for index, word in enumerate(known)}
    made = _tokenizer(models.BPE(vocab=vocabulary_of, merges=merges), pieces)
    made.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in SPECIAL])
    return made


def save_tokenizer(tokenizer: Tokenizer, folder: Path, positions: int) -> None:
    """Write the files that transformers and the engine read: `tokenizer.json` and its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    configuration: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": positions,
        "bos_token": BEGIN,
        "eos_token": END,
        "pad_token": PAD,
        "additional_special_tokens": [f"<|{role}|>" for role in ROLES],
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    text = json.dumps(configuration, indent=2) + "\n"
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")


def _tokenizer(model: Any, pieces: str) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(pieces), "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _numbers() -> list[int]:
    """Return 10..200 in the order in which digits are to be joined.

    Of the pairs in 1xy the first must come before the second: 10 to 19 do, and 11 before all others that begin with 1.
    """
    return [11, 10, *range(12, 100), *range(100, HIGHEST_NUMBER + 1)]
