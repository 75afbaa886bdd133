"""What people type into a search: words, "phrases", -not, begin*. Nothing that is typed is an error."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

MAX_QUERY = 200
MAX_TERMS = 12
LONGEST = 40
"""Signs of a word that count."""

_PARTS = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')
_QUOTES = str.maketrans("“”„«»", '"""""')


class Term(NamedTuple):
    """Words that must (`wanted`) or must not follow each other somewhere in a text; the last may go on (`prefix`)."""

    words: tuple[str, ...]
    prefix: bool = False
    wanted: bool = True


def read_query(query: str, words_of: Callable[[str], list[str]]) -> list[Term]:
    """Return what *query* asks for, at most MAX_TERMS terms; empty if it holds no word."""
    terms: list[Term] = []
    for minus, phrase, word in _PARTS.findall(query[:MAX_QUERY].translate(_QUOTES)):
        if words := tuple(words_of(phrase or word)):
            terms.append(Term(words, word.endswith("*"), not minus))
    return list(dict.fromkeys(terms))[:MAX_TERMS]


def matches(term: Term, words: Sequence[str], at: int) -> bool:
    """Tell whether *term* stands in *words* at place *at*."""
    found = words[at : at + len(term.words)]
    if len(found) < len(term.words):
        return False
    *first, last = term.words
    return list(found[:-1]) == first and (found[-1].startswith(last) if term.prefix else found[-1] == last)
