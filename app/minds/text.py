"""What every reading of a model's text starts from: thinking left out, unusable characters dropped, sentences found."""

import re
from collections.abc import Iterator

_THINKING = re.compile(
    r"<(think|thinking|thought|reasoning)>.*?(?:</\1>|\Z)|\[THINK\].*?(?:\[/THINK\]|\Z)", re.IGNORECASE | re.DOTALL
)
_THINKING_END = re.compile(r"</(?:think|thinking|thought|reasoning)>|\[/THINK\]", re.IGNORECASE)
# A star or underscore between two word characters is a product or part of a name, not markup.
_MARKUP = re.compile(
    r"(?<!\w)[*_]++|(?<![*_])[*_]++(?!\w)|`+|^[ \t]*#+[ \t]+|^[ \t]*>[ \t]?|</?[a-z][a-z0-9]{0,9}[ \t]*/?>",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[\"'”’»)\]]*+(?=\s|$)|[。！？]+[」』”）]*")
_ABBREVIATION = re.compile(r"\b(?:(?i:e\.g|i\.e|cf|vs|etc|approx|ca|mr|mrs|ms|dr|st)|[A-HJ-Z])\.$")
_NUMERO = re.compile(r"\bno\.$", re.IGNORECASE)
_DIGIT_NEXT = re.compile(r"\s*\d")
_UNUSABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_QUOTES = {'"': '"', "“": "”", "'": "'", "«": "»", "「": "」"}


def strip_thinking(text: str) -> str:
    """Return *text* without reasoning blocks and without characters that no database or page can hold.

    A block that is never closed goes to the end of the text; one opened before the text ends at its closing mark.
    """
    *_, rest = _THINKING_END.split(_THINKING.sub("", clean(text)))
    return rest.strip()


def strip_markup(text: str) -> str:
    """Return *text* without Markdown emphasis, code marks, headings and quote marks, and without plain HTML tags."""
    return _MARKUP.sub("", text).strip()


def clean(text: str) -> str:
    """Drop control characters except line breaks and tabs, and halves of characters (lone surrogates)."""
    return _UNUSABLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of *text*. A dot inside a number or after an abbreviation ends none."""
    start = 0
    for end in _SENTENCE_END.finditer(text):
        tail = text[max(start, end.end() - 12) : end.end()]
        numbered = _NUMERO.search(tail) and _DIGIT_NEXT.match(text, end.end())
        if not numbered and not _ABBREVIATION.search(tail):
            yield text[start : end.end()].strip()
            start = end.end()
    if rest := text[start:].strip():
        yield rest


def before_cut(text: str) -> str:
    """Return *text*, which ends where it was cut, up to the end of its last whole line or sentence.

    "Answer: 1" may have been going to be 10, and a sentence without its end something else.
    """
    ends = (end.end() for end in _SENTENCE_END.finditer(text) if end.end() < len(text))
    return text[: max(0, text.rfind("\n"), *ends)].rstrip()


def unquoted(text: str) -> str:
    """Return *text* without the quotation marks around all of it, if there are any."""
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1] and text[-1] not in text[1:-1]:
        return text[1:-1].strip()
    return text
