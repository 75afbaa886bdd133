"""Words as the search knows them, and the table that finds texts by them, in each kind of database's own way.

Texts are cut into words here, not by the database: SQLite's FTS5 and PostgreSQL's tsvector get the same words and so
find the same. A word is letters and digits in small letters without accents. What cannot be seen (zero-width signs,
marks of direction, U+0000) is not there: a word with one inside is found as it reads. Of Chinese and Japanese each sign
is a word.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from app.store.search_query import LONGEST, Term

_SIGN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[{_SIGN}]|[^\W_{_SIGN}]+")
_PLAIN = re.compile(r"[a-z0-9]+")
_CONTROLS = dict.fromkeys(place for place in (*range(32), 127) if not chr(place).isspace())
PART = 4_000
"""Words of one entry: a longer text is entered in parts, so that PostgreSQL's limits on a tsvector are never met."""


def words_of(source: str) -> list[str]:
    """Return the words of a text, in order, each cut to `LONGEST` signs."""
    if source.isascii():
        return [word[:LONGEST] for word in _PLAIN.findall(source.translate(_CONTROLS).lower())]
    found = _WORD.findall(_fold(source))
    return [word[:LONGEST] for word in found]


def _fold(source: str) -> str:
    folded = unicodedata.normalize("NFKD", source).casefold()
    return "".join(sign for sign in folded if not _unseen(sign))


def _unseen(sign: str) -> bool:
    category = unicodedata.category(sign)
    return category in ("Mn", "Cf") or (category == "Cc" and not sign.isspace())


class Piece(NamedTuple):
    """A word of a text and where it stands there."""

    word: str
    start: int
    end: int


def pieces(source: str) -> list[Piece]:
    """Return the words of a text with their places, so that they can be marked."""
    found: list[Piece] = []
    word, start, end = "", 0, 0
    for place, sign in enumerate(source):
        folded = sign.lower() if sign.isascii() and sign.isprintable() else _fold(sign)
        if not folded:
            continue
        if _WORD.fullmatch(folded) and not re.match(f"[{_SIGN}]", folded):
            if not word:
                start = place
            word, end = word + folded, place + 1
            continue
        if word:
            found.append(Piece(word[:LONGEST], start, end))
            word = ""
        found += [Piece(single, place, place + 1) for single in _WORD.findall(folded)]
    if word:
        found.append(Piece(word[:LONGEST], start, end))
    return found


def parts(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Give the words of a text in entries of at most PART words."""
    for start in range(0, len(words), PART):
        yield words[start : start + PART]


async def add_words(connection: AsyncConnection, entries: Sequence[tuple[int, Sequence[str]]]) -> None:
    """Enter texts by their numbers, which must be new."""
    if not entries:
        return
    if connection.dialect.name == "postgresql":
        statement = "INSERT INTO search_words (id, words) VALUES (:id, CAST(:words AS tsvector))"
        rows = [{"id": number, "words": _vector(words)} for number, words in entries]
    else:
        statement = "INSERT INTO search_words (rowid, words) VALUES (:id, :words)"
        rows = [{"id": number, "words": " ".join(words)} for number, words in entries]
    await connection.execute(text(statement), rows)


async def remove_words(connection: AsyncConnection, entries: Sequence[tuple[int, Sequence[str]]]) -> None:
    """Take texts out again; FTS5, which keeps no texts, must be told their words once more."""
    if not entries:
        return
    if connection.dialect.name == "postgresql":
        await connection.execute(
            text("DELETE FROM search_words WHERE id = :id"), [{"id": number} for number, _ in entries]
        )
        return
    statement = "INSERT INTO search_words (search_words, rowid, words) VALUES ('delete', :id, :words)"
    await connection.execute(text(statement), [{"id": number, "words": " ".join(words)} for number, words in entries])


async def clear_words(connection: AsyncConnection) -> None:
    """Take all texts out."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("DELETE FROM search_words"))
    else:
        await connection.execute(text("INSERT INTO search_words (search_words) VALUES ('delete-all')"))


async def words_size(connection: AsyncConnection) -> int:
    """Return how many bytes the words take."""
    query = "SELECT coalesce(sum(length(block)), 0) FROM search_words_data"
    if connection.dialect.name == "postgresql":
        query = "SELECT pg_total_relation_size('search_words')"
    return int((await connection.execute(text(query))).scalar_one())


def matching(dialect: str, *, ranked: bool) -> str:
    """Return the SELECT of the matching texts, the latest first, at most `:cap`: `id`, and `rank`, lower if better."""
    if dialect == "postgresql":
        rank = "-ts_rank(words, CAST(:match AS tsquery), 1)" if ranked else "0.0"
        where = "words @@ CAST(:match AS tsquery)"
        return f"SELECT id, {rank} AS rank FROM search_words WHERE {where} ORDER BY id DESC LIMIT :cap"
    rank = "bm25(search_words)" if ranked else "0.0"
    return (
        f"SELECT rowid AS id, {rank} AS rank FROM search_words "
        "WHERE search_words MATCH :match ORDER BY rowid DESC LIMIT :cap"
    )


def match_text(dialect: str, terms: Sequence[Term]) -> str:
    """Return *terms*, at least one of them wanted, as FTS5 or PostgreSQL write a query."""
    if dialect == "postgresql":
        return " & ".join(("" if term.wanted else "!") + _phrase(term) for term in terms)
    quoted = {wanted: [_quoted(term) for term in terms if term.wanted is wanted] for wanted in (True, False)}
    return "(" + " AND ".join(quoted[True]) + ")" + "".join(f" NOT {term}" for term in quoted[False])


def _quoted(term: Term) -> str:
    return f'"{" ".join(term.words)}"' + ("*" if term.prefix else "")


def _phrase(term: Term) -> str:
    words = [f"'{word}'" for word in term.words]
    if term.prefix:
        words[-1] += ":*"
    return f"({' <-> '.join(words)})"


def _vector(words: Sequence[str]) -> str:
    places: dict[str, list[int]] = {}
    for place, word in enumerate(words, 1):
        places.setdefault(word, []).append(place)
    # PostgreSQL keeps no more places of a word than these.
    return " ".join(f"'{word}':{','.join(map(str, found[:255]))}" for word, found in places.items())
