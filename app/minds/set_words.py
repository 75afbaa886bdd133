"""The words of scenarios as a prompt set puts them: `words.toml`, a table a scenario, only what differs from ours.

Every text that a model sees can then be changed by a prompt set, and is pinned with it. Words that the game itself
speaks in (the overseer and the report, units in charts) are not the set's to change.
"""

import string
import tomllib

from app.commons.scenario import Scenario, Words, scenarios

WORDS_FILE = "words.toml"
GAME_WORDS = frozenset({"unit_short", "report_line", "overseer"})


def read_words(text: str) -> dict[str, dict[str, str]]:
    """Return the words of a `words.toml` by scenario.

    Raises:
        ValueError: with a sentence that names the scenario or the word that is wrong.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"It is no TOML: {error}.") from None
    known = [name for name, scenario in scenarios().items() if scenario.playable]
    for name, table in tables.items():
        if name not in known:
            raise ValueError(f"There is no scenario '{name}'. Choose one of: {', '.join(known)}.")
        if not isinstance(table, dict):
            raise ValueError(f"'{name}' must be a table: a line [{name}], then a line for each word.")
        for word, said in table.items():
            _check(name, word, said)
    return tables


def in_words(scenario: Scenario, words: dict[str, dict[str, str]]) -> Scenario:
    """Return *scenario* with the words of *words* in place of its own."""
    changed = words.get(scenario.id, {})
    return scenario.model_copy(update={"words": scenario.words.model_copy(update=changed)}) if changed else scenario


def _check(scenario: str, word: str, said: object) -> None:
    possible = sorted(set(Words.model_fields) - GAME_WORDS)
    if word not in possible:
        raise ValueError(f"[{scenario}] has '{word}', which is no word to change. Choose from: {', '.join(possible)}.")
    if not isinstance(said, str) or not said.strip():
        raise ValueError(f"[{scenario}] {word} must be a text.")
    wanted = _placeholders(getattr(scenarios()[scenario].words, word))
    try:
        found = _placeholders(said)
    except ValueError as error:
        raise ValueError(f"[{scenario}] {word} has a brace that is not closed: {error}.") from None
    if unknown := sorted(found - _allowed(word, wanted)):
        can = ", ".join("{" + name + "}" for name in sorted(_allowed(word, wanted))) or "none"
        raise ValueError(f"[{scenario}] {word} uses {{{unknown[0]}}}, which nobody fills in. There you can use: {can}.")
    if missing := sorted(wanted - found):
        raise ValueError(f"[{scenario}] {word} lacks {{{missing[0]}}}: models would not be told that number or name.")


def _allowed(word: str, wanted: frozenset[str]) -> frozenset[str]:
    return wanted | {"name", "asked", "got"} if word == "result_told" else wanted


def _placeholders(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
