"""What is asked: the messages of a case, from the templates of the tests and the game's own prompt set.

A question in role is the game's harvest prompt, identity, rules, date and memories, with another task at its end; the
choice itself is that prompt as it is. So a test says something about the very prompts that are played.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import Any

from jinja2 import DictLoader, StrictUndefined, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment

from app.commons.calendar import after_month, month_start
from app.commons.config import AgentConfig, EpisodeConfig, ScriptedMind
from app.commons.dynamics import sustainable_share
from app.commons.events import Memory
from app.commons.frozen import content_hash
from app.commons.minds import Moment
from app.commons.scenario import Scenario, amount
from app.minds.asking import Task
from app.minds.prompts import ENDING, PARAGRAPH, SET_FILE, PromptError, PromptSet
from app.minds.wording import Wording
from app.models.base import Message, Segment
from app.store.subskills import SubskillCase
from app.subskills.cases import GAME, Case
from app.subskills.catalogue import TESTS

SET_NAME = "subskills"
# The underscore tells the folder from those of prompt sets of the game.
FOLDER = "_subskills"
GAME_SET = "base"

PIECES: Mapping[str, frozenset[str]] = {
    "game": frozenset({"game"}),
    "ask_next_stock": frozenset({"game", "amount", "unknown"}),
    "ask_limit": frozenset({"game", "stock"}),
    "assume_same": frozenset({"game"}),
    "form": frozenset(),
    "again": frozenset(),
    "no_reply": frozenset(),
}


class SubskillPrompts:
    """The templates of the tests, compiled once. Each may use `words` and the variables named in `PIECES`."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """Check and compile *files*, texts by file name.

        Raises:
            PromptError: if one is missing, cannot be compiled or uses a variable that nobody fills in.
        """
        self.files = dict(sorted(files.items()))
        environment = ImmutableSandboxedEnvironment(
            loader=DictLoader(self.files), undefined=StrictUndefined, autoescape=False
        )
        self._templates = {}
        for name, variables in PIECES.items():
            file = name + ENDING
            if file not in self.files:
                raise PromptError(f"The prompt set '{SET_NAME}' has no file '{file}'.")
            try:
                used = meta.find_undeclared_variables(environment.parse(self.files[file]))
                self._templates[name] = environment.get_template(file)
            except TemplateError as error:
                raise PromptError(f"The prompt set '{SET_NAME}' has an error in '{file}': {error}.") from error
            if unknown := sorted(used - variables - {"words"}):
                raise PromptError(f"The prompt set '{SET_NAME}' uses '{unknown[0]}' in '{file}': nobody fills it in.")

    @classmethod
    def load(cls, folders: Sequence[Path]) -> "SubskillPrompts":
        """Read the set from the first of *folders* that has it.

        Raises:
            PromptError: if none has a usable one.
        """
        folder = next((folder / FOLDER for folder in folders if (folder / FOLDER / SET_FILE).is_file()), None)
        if folder is None:
            raise PromptError(f"There is no folder '{FOLDER}' in {' or '.join(map(str, folders))}.")
        try:
            paths = [folder / SET_FILE, *folder.glob("*" + ENDING)]
            return cls({path.name: path.read_text(encoding="utf-8") for path in paths})
        except (OSError, UnicodeDecodeError) as error:
            raise PromptError(f"The prompt set '{SET_NAME}' cannot be read: {error}.") from error

    def render(self, piece: str, **variables: Any) -> str:
        """Return the text of a piece, without white space around it.

        Raises:
            PromptError: if its template uses something that is not there.
        """
        try:
            return self._templates[piece].render(variables).strip()
        except Exception as error:  # a template is data from outside: whatever it trips over is its error
            raise PromptError(f"The prompt set '{SET_NAME}' cannot fill in '{piece}{ENDING}': {error}.") from error


class Questions:
    """The questions of one scenario in the words of its prompt sets."""

    def __init__(self, prompts: SubskillPrompts, game_prompts: PromptSet, scenario: Scenario) -> None:
        self._prompts = prompts
        self._scenario = scenario
        agents = tuple(AgentConfig(name=name, mind=ScriptedMind(policy="fair-share")) for name in scenario.agents)
        self._wording = Wording(game_prompts, scenario, EpisodeConfig(scenario=scenario.id, game=GAME, agents=agents))
        self._facts = self._wording.facts(scenario.agents)

    def task(self, case: Case) -> Task:
        """Return what is asked in *case*, and what is added when the answer cannot be read.

        Raises:
            PromptError: if a template uses something that is not there.
        """
        test = TESTS[case.test]
        in_role = self._harvest(case, universalization=test.kind == "choice_universalization")
        if test.kind in ("choice", "choice_universalization"):
            return in_role
        if test.role:
            system, user = in_role.messages
            situation = [segment for segment in user.segments if segment.kind != "task"]
            messages: tuple[Message, ...] = (system, Message(role="user", segments=(*situation, *self._question(case))))
        else:
            told = self._scenario.words.stock_told.format(amount=self._amount(case.stock))
            game = Segment(kind="rules", text=self._render("game", game=self._facts))
            stock = Segment(kind="situation", text=PARAGRAPH + told)
            messages = (Message(role="user", segments=(game, stock, *self._question(case))),)
        reminder, no_reply = (Segment(kind="reminder", text=self._render(piece)) for piece in ("again", "no_reply"))
        return Task(messages, reminder, no_reply)

    def _question(self, case: Case) -> list[Segment]:
        kind = TESTS[case.test].kind
        if kind == "next_stock":
            unknown = self._scenario.words.amount.format(n="N")
            taken = self._amount(case.amount or 0)
            texts = [self._render("ask_next_stock", game=self._facts, amount=taken, unknown=unknown)]
        else:
            texts = [self._render("assume_same", game=self._facts)] if kind == "limit_same" else []
            texts.append(self._render("ask_limit", game=self._facts, stock=self._amount(case.stock)))
        texts.append(self._render("form"))
        return [Segment(kind="task", text=PARAGRAPH + text) for text in texts]

    def _harvest(self, case: Case, *, universalization: bool) -> Task:
        words, names = self._scenario.words, self._scenario.agents
        told = [("stock", words.stock_told.format(amount=self._amount(case.stock)))]
        if universalization:
            share = sustainable_share(case.stock, len(names), GAME)
            told.append(("universalization", words.share_told.format(amount=self._amount(share))))
        at, over = datetime.combine(month_start(1), time()), after_month(1)
        memories = [
            Memory(
                id=number,
                kind="event",
                purpose=purpose,
                text=text,
                created=at,
                expires=over,
                importance=10,
                always=True,
            )
            for number, (purpose, text) in enumerate(told)
        ]
        moment = Moment(month=1, at=at, present=names, month_over=over)
        return self._wording.harvest(case.agent, moment, memories, case.stock)

    def _amount(self, units: int) -> str:
        return amount(self._scenario.words, units)

    def _render(self, piece: str, **variables: Any) -> str:
        return self._prompts.render(piece, words=self._scenario.words, **variables)


def prompt_hash(messages: Sequence[Message]) -> str:
    """Return what tells prompts apart: the SHA-256 over roles and texts."""
    return content_hash([[message.role, message.content] for message in messages])


def set_id(test_set: str, scenario: str, cases: Sequence[SubskillCase]) -> str:
    """Return the short hash that names a set of questions: equal only where version, prompts and scoring are equal."""
    questions = [[case.test, case.number, case.prompt_hash, case.low, case.high] for case in cases]
    return content_hash([test_set, scenario, sorted(questions)])[:12]
