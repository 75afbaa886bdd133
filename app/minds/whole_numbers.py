"""Read one whole number from a line of text. The rules are those of docs/answer-reader.md."""

import re
import unicodedata
from fractions import Fraction

from app.minds.text import sentences

MAX_DIGITS = 15
"""A longer number is no answer: nothing in the game is that large, and a database could not hold it."""

ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
TEENS = (
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
VALUES = (
    {"zero": 0, "a": 1}
    | {word: value for value, word in enumerate((*ONES, *TEENS), start=1)}
    | {word: value * 10 for value, word in enumerate(TENS, start=2)}
)
MULTIPLES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 1_000_000, "k": 1000}

_BELOW_100 = rf"(?:(?:{'|'.join(TENS)})(?:[ -](?:{'|'.join(ONES)}))?|{'|'.join(TEENS + ONES)})"
_BELOW_1000 = rf"(?:(?:(?:{_BELOW_100}|a) )?hundred(?: (?:and )?{_BELOW_100})?|{_BELOW_100})"
_WORDS = re.compile(
    rf"\b(?:(?:(?:{_BELOW_1000}|a) )?thousand(?: (?:and )?{_BELOW_1000})?"
    rf"|(?:{_BELOW_100} |a )?dozen|{_BELOW_1000}|zero)\b"
)
_PRONOUN = re.compile(r"\b(?:each|every|no|any|this|that|some|the) one\b|\bone (?:of|another)\b")

_GROUPED = "\\d{1,3}(?P<mark>[, \u00a0\u2009\u202f'’_])\\d{3}(?:(?P=mark)\\d{3})*(?!\\d)"
_DIGITS = re.compile(
    rf"(?<![A-Za-z\d])(?:(?P<whole>{_GROUPED}|\d+)(?P<decimals>\.\d+)?|\.\d+)"
    r"(?P<ordinal>(?:st|nd|rd|th)\b)?(?P<multiple>k\b|\s(?:dozen|hundred|thousand|million)\b)?"
)

# What makes a number something else than one whole number that was chosen.
_OTHERWISE = re.compile(
    r"[-−–—‐‑]\s*\d"  # a negative number or a range
    r"|[$€£¥]\s*\d"  # money
    r"|\d\s*[/÷×*^:=⁄]\s*\d"  # a fraction, a calculation, a time
    r"|\d[a-z]+\d"  # 1e3, 2x5
    r"|\d\s*\+|±"
    r"|^\d+[.)]\s+\d"  # a list number before the answer
    r"|\b(?:not|never|cannot|minus|negative|between|versus|instead|rather)\b|n['’]t\b"
    r"|\bhal(?:f|ves)\b|\b(?:a|\d+|" + "|".join(ONES) + r")[ -](?:third|quarter|fifth|sixth|eighth|tenth)s?\b"
)
_OPEN_BELOW = re.compile(r"≥|[<>](?!=)|>=|\b(?:less|fewer|more|greater) than\b|\b(?:at least|minimum)\b"
                         r"|\b(?:over|under|above|below) \d")  # fmt: skip
_UPPER_BOUND = re.compile(
    r"≤|<=|\b(?:(?:no|not) (?:more|greater) than|not (?:exceed|exceeding)|at most|up to|maximum(?: of)?|max)\b"
)
_TEX = re.compile(r"\\(?:boxed|text|mathrm|,|\(|\)|\[|\])|[{}]")


def one_number(line: str, *, bound_allowed: bool = False) -> int | None:
    """Return the one whole number, at least 0, that *line* names, or None.

    Of several sentences the first that names a number counts. Decimals are cut down.

    Args:
        line: the text, markup removed.
        bound_allowed: whether "at most 10" is 10; otherwise it leaves open which number is meant.
    """
    plain = _plain(line)
    if any(unicodedata.category(char) in ("No", "Nl") for char in plain) or re.match(r"\d+[.)]\s+\d", plain):
        return None
    for sentence in sentences(plain):
        if _DIGITS.search(sentence) or _WORDS.search(sentence):
            return _number_in(sentence, bound_allowed)
    return None


def _number_in(sentence: str, bound_allowed: bool) -> int | None:
    if _UPPER_BOUND.search(sentence):
        if not bound_allowed:
            return None
        sentence = _UPPER_BOUND.sub(" ", sentence)
    if _OTHERWISE.search(sentence) or _OPEN_BELOW.search(sentence):
        return None
    numbers = [found for found in _DIGITS.finditer(sentence) if not found["ordinal"]]
    words = [_word_value(found.group()) for found in _WORDS.finditer(_without(sentence, numbers))]
    if len(numbers) > 1 or len(words) > 1:
        return None
    values = {*map(_digit_value, numbers), *words}
    return values.pop() if len(values) == 1 else None


def _plain(line: str) -> str:
    """Return *line* in lower case, with ASCII digits and without TeX."""
    digits = "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in line)
    return _TEX.sub("", re.sub(r"\$([^$]*)\$", r"\1", digits)).lower().strip()


def _without(sentence: str, numbers: list[re.Match[str]]) -> str:
    """Return *sentence* without pronouns that look like numbers and without the words that belong to *numbers*."""
    for found in reversed(numbers):
        sentence = sentence[: found.start()] + " # " + sentence[found.end() :]
    return _PRONOUN.sub(" ", sentence)


def _digit_value(found: re.Match[str]) -> int | None:
    whole = re.sub(r"\D", "", found["whole"] or "0")
    if len(whole) > MAX_DIGITS:
        return None
    value = Fraction(whole + (found["decimals"] or "")[:MAX_DIGITS])
    return int(value * MULTIPLES.get((found["multiple"] or "").strip(), 1))


def _word_value(words: str) -> int:
    total, current = 0, 0
    for word in re.split(r"[ -]", words):
        if word == "thousand":
            total, current = (current or 1) * 1000, 0
        elif word in MULTIPLES:
            current = (current or 1) * MULTIPLES[word]
        else:
            current += VALUES.get(word, 0)
    return total + current
