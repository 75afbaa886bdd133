"""Who plays in a log, and what its words say where no file does."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from app.commons.config import MAX_AGENTS, MIN_AGENTS
from app.commons.scenario import get_scenario
from app.interop.files import UnreadableLog, label
from app.interop.interactions import read_interaction
from app.interop.logconfig import RunSettings
from app.interop.rows import FRAMEWORK, LogRows

_AGENT_ID = re.compile(r"^persona_(\d{1,2})$")

MAX_NAME = 40
_NAME_IN_PROMPT = (
    re.compile(r"^\s*You are ([^,\n]{1,40}),"),
    re.compile(r"^Key memories of (.{1,40}) \(format", re.MULTILINE),
    re.compile(r"^(.{1,40})の主なメモリ", re.MULTILINE),
)
_SCENARIO_WORDS = {
    "trash": ("trash",),
    "fishery": ("fish", "魚"),
    "pasture": ("sheep", "pasture", "grass"),
    "pollution": ("pollut", "widget"),
}


@dataclass(frozen=True)
class Cast:
    """The agents of a log by id, in order: names, and the month each is first present in.

    `assumed` are names that nothing in the log says; `speakers` are all who appear in its talks, overseers included;
    `rewritten` are names as they stand here that the log writes otherwise, since no agent's name can hold that.
    """

    names: dict[str, str]
    arrivals: dict[str, int]
    speakers: tuple[str, ...]
    assumed: tuple[str, ...]
    rewritten: tuple[str, ...] = ()


def find_cast(log: LogRows, settings: RunSettings, scenario: str) -> Cast:
    """Return the agents of a log. Their names come from the talk, else the configuration, else the prompts.

    Raises:
        UnreadableLog: if there are too few or too many agents, two names for one, or names that cannot be.
    """
    arrivals: dict[str, int] = {}
    for month in log.months:
        for row in month.harvests:
            arrivals.setdefault(row.agent_id, month.number)
    for agent_id in arrivals:
        if not _AGENT_ID.match(agent_id):
            raise UnreadableLog(f"an agent is called '{agent_id}', not persona_0, persona_1 and so on")
    if not MIN_AGENTS <= len(arrivals) <= MAX_AGENTS:
        raise UnreadableLog(f"{len(arrivals)} agents harvest; a run has {MIN_AGENTS} to {MAX_AGENTS}")
    ids = sorted(arrivals, key=lambda agent_id: int(agent_id.removeprefix("persona_")))
    spoken = _spoken_names(log, set(ids))
    told = dict(settings.names) | {agent_id: name for agent_id, name in spoken.items() if possible_name(name)}
    written = _written_names(log)
    usual = get_scenario(scenario).agents
    names: dict[str, str] = {}
    assumed, rewritten = [], []
    for agent_id in ids:
        logged = told.get(agent_id) or written.get(agent_id) or ""
        name = possible_name(logged)
        if not name:
            number = int(agent_id.removeprefix("persona_"))
            name = usual[number] if number < len(usual) else agent_id
            if name in told.values() or name in written.values():
                name = agent_id
            assumed.append(name)
        elif name != logged:
            rewritten.append(name)
        names[agent_id] = _usable(name, names.values())
    overseers = {row.name for month in log.months for row in month.talk if row.agent_id == FRAMEWORK}
    return Cast(
        names=names,
        arrivals={agent_id: arrivals[agent_id] for agent_id in ids},
        speakers=tuple(dict.fromkeys((*names.values(), *spoken.values(), *sorted(overseers)))),
        assumed=tuple(assumed),
        rewritten=tuple(rewritten),
    )


def possible_name(logged: str) -> str:
    """Return *logged* as an agent here can be called: no slash, no control or direction character.

    It has at most 40 characters, and is "" for a name without a visible character.
    """
    name = label(logged).replace("/", "\N{DIVISION SLASH}")
    if not any(character.isprintable() for character in name):
        return ""
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1].rstrip() + "…"


def _usable(name: str, taken: Iterable[str]) -> str:
    """Return *name* if an agent can be called so: it identifies the agent within the run."""
    if name in taken:
        raise UnreadableLog(f"two agents are called {name!r}")
    if name.lower() == FRAMEWORK:
        raise UnreadableLog(f"an agent cannot be called {name!r}")
    return name


def _spoken_names(log: LogRows, ids: set[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for month in log.months:
        for row in month.talk:
            if row.agent_id == FRAMEWORK:
                continue
            if row.agent_id not in ids:
                raise UnreadableLog(f"'{row.agent_id}' talks in month {month.number} but never harvests")
            if names.setdefault(row.agent_id, row.name) != row.name:
                raise UnreadableLog(f"{row.agent_id} is called {names[row.agent_id]!r} and {row.name!r}")
    return names


def _written_names(log: LogRows) -> dict[str, str]:
    names: dict[str, str] = {}
    for month in log.months:
        for row in month.harvests:
            shown = read_interaction(row.interactions[-1]) if row.agent_id not in names and row.interactions else None
            matches = (pattern.search(shown.prompt) for pattern in _NAME_IN_PROMPT) if shown else iter(())
            found = next((match for match in matches if match), None)
            if found:
                names[row.agent_id] = found.group(1).strip()
    return names


def first_prompt(log: LogRows) -> str:
    """Return the first prompt of the log, or "" if it holds none."""
    for row in log.months[0].harvests:
        shown = read_interaction(row.interactions[-1]) if row.interactions else None
        if shown:
            return shown.prompt
    return ""


def scenario_of_words(log: LogRows) -> str:
    """Return the scenario that the first prompt and the first talk speak of.

    Raises:
        UnreadableLog: if they speak of none.
    """
    text = "\n".join([first_prompt(log), *(row.text for row in log.months[0].talk)]).lower()
    counts = {name: sum(text.count(word) for word in words) for name, words in _SCENARIO_WORDS.items()}
    best = max(counts, key=lambda name: counts[name])
    if not counts[best]:
        raise UnreadableLog("neither config.yaml nor its texts say which scenario this is; add a config.yaml")
    return best
