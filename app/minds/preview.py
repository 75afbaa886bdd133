"""What models would be sent: an episode's first month played with a stand-in that answers in the form asked for.

The prompts come from the minds, the engine and the prompt set themselves, so they are what a model gets, not a drawing
of it. The stand-in's answers are ours: what others say and remember in a real month differs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import get_args

from app.commons import config as configuration
from app.commons.config import EpisodeConfig, GameConfig, SamplingConfig, TalkPhase
from app.commons.dynamics import sustainable_share
from app.commons.events import Event, MonthEnded
from app.commons.scenario import conditions, get_scenario, scenarios
from app.engine.play import play
from app.minds.build import build_minds
from app.minds.generative import BATCH
from app.minds.prompts import PromptError, PromptSet
from app.models.base import CallKey, Completion, Message

STAND_IN = "stand-in/preview"
Answer = Callable[[CallKey, tuple[Message, ...]], str]


@dataclass(frozen=True)
class Sent:
    """One request as a model would get it, and which attempt at which answer it is."""

    key: CallKey
    messages: tuple[Message, ...]


class _Enough(Exception):
    """The month that was asked for is over."""


class _StandIn:
    """Keeps what it is sent and answers with *answer*."""

    name = STAND_IN

    def __init__(self, answer: Answer) -> None:
        self.sent: list[Sent] = []
        self._answer = answer

    async def complete(self, messages: tuple[Message, ...], sampling: SamplingConfig, key: CallKey) -> Completion:
        """Return an answer without asking anybody."""
        self.sent.append(Sent(key, messages))
        return Completion(text=self._answer(key, messages))


async def preview(config: EpisodeConfig, prompts: PromptSet) -> list[Sent]:
    """Return what models would be sent in month 1 of *config* with the set *prompts*, in the order of the month.

    Every agent and the framework count as language models here, whoever decides for them in *config*. Memories are
    found without a model: no vectors are asked for.

    Raises:
        PromptError: if a template cannot be filled in.
    """
    model = _StandIn(_answers(config))
    await _first_month(config, prompts, model)
    return [sent for sent in model.sent if sent.key.attempt == 1]


async def check_set(prompts: PromptSet) -> int:
    """Fill in every template for every scenario and condition, re-asks included; return how many prompts that made.

    Raises:
        PromptError: for the first template that cannot be filled in, naming file, scenario and condition.
    """
    count = 0
    for config in _kinds_of_episode():
        for answer in (_answers(config), _silence):
            model = _StandIn(answer)
            try:
                await _first_month(config, prompts, model)
            except PromptError as error:
                raise PromptError(f"{error} (scenario {config.scenario}, condition {config.condition})") from error
            count += len(model.sent)
    return count


def example_config(scenario: str, condition: str, game: GameConfig | None = None, agents: int = 5) -> EpisodeConfig:
    """Return an episode of *scenario* under *condition* with the scenario's own agents, all of them language models.

    The condition says who they are and when they join.
    """
    mind = configuration.GenerativeMind(model=STAND_IN)
    found, preset = get_scenario(scenario), conditions()[condition]
    names = found.agents[:agents]
    roles = [preset.role(index, len(names), found.words) for index in range(len(names))]
    return EpisodeConfig(
        scenario=scenario,
        condition=condition,
        game=game or GameConfig(months=preset.months),
        agents=tuple(
            configuration.AgentConfig(name=name, mind=mind, **dict(role))
            for name, role in zip(names, roles, strict=True)
        ),
        framework=configuration.GenerativeFramework(model=STAND_IN),
        phases=preset.phases(),
    )


def _kinds_of_episode() -> Iterator[EpisodeConfig]:
    """Give every scenario under every condition, and under each two odd games: one told little, one told all."""
    odd = GameConfig(capacity=80, initial_stock=60, growth=1.5)
    batched = configuration.GenerativeMind(model=STAND_IN, ratings="batched")
    somebody = {"mind": batched, "description": "You are new here.", "goals": ("Learn.", "Rest."), "joins": 1}
    for scenario in (item for item in scenarios().values() if item.playable):
        for condition in conditions():
            yield example_config(scenario.id, condition)
            few = example_config(scenario.id, condition, odd, agents=3)
            yield _reporting(few, "none")
            agents = tuple(agent.model_copy(update=somebody) for agent in few.agents)
            told = {"agents": agents, "disclose": get_args(configuration.Disclosure)}
            yield _reporting(few.model_copy(update=told), "individual")


def _reporting(config: EpisodeConfig, report: configuration.ReportStyle) -> EpisodeConfig:
    phases = tuple(
        phase.model_copy(update={"report": report}) if isinstance(phase, TalkPhase) else phase
        for phase in config.phases
    )
    return config.model_copy(update={"phases": phases})


async def _first_month(config: EpisodeConfig, prompts: PromptSet, model: _StandIn) -> None:
    def stop_after_month(event: Event) -> None:
        if isinstance(event, MonthEnded):
            raise _Enough

    asked = _all_generative(config, prompts.name)
    minds, framework = build_minds(asked, {prompts.name: prompts}, lambda _name: model)
    try:
        await play(asked, minds, framework, stop_after_month)
    except _Enough:
        return
    except BaseExceptionGroup as failures:
        found, _ = failures.split(PromptError)
        if found is None:
            raise
        raise _first(found) from None


def _all_generative(config: EpisodeConfig, prompts: str) -> EpisodeConfig:
    """Return *config* with a language model wherever there is none, all of them with the set called *prompts*."""
    agents = []
    for agent in config.agents:
        mind = agent.mind
        known = mind if isinstance(mind, configuration.GenerativeMind) else None
        mind = known or configuration.GenerativeMind(model=STAND_IN)
        mind = mind.model_copy(update={"prompts": prompts, "embedding": None})
        agents.append(agent.model_copy(update={"mind": mind}))
    framework = configuration.GenerativeFramework(model=STAND_IN, prompts=prompts)
    return config.model_copy(update={"agents": tuple(agents), "framework": framework})


def _silence(_key: CallKey, _messages: tuple[Message, ...]) -> str:
    return ""


def _answers(config: EpisodeConfig) -> Answer:
    """Return what the stand-in answers: everybody takes its share, and speaks once, in turn."""
    names, game = config.present(1), config.game
    share = sustainable_share(game.initial_stock, len(names), game)
    said = {
        "harvest": f"Answer: {share}",
        "limit": f"Answer: {share}",
        "rating": "Answer: 6",
        "insight": "1. It pays to look ahead (because of 1)",
        "planning": "I want to see whether everybody keeps to what was said.",
        "interesting": "It was good to hear what the others think.",
        "summary": "Everybody said how much they want to take.",
    }
    turns = dict(zip(names, (*names[1:], ""), strict=True))

    def answer(key: CallKey, messages: tuple[Message, ...]) -> str:
        if key.item == BATCH:
            statements = sum(segment.kind == "memory" for message in messages for segment in message.segments)
            return "\n".join(f"{number}. 6" for number in range(1, statements + 1))
        if key.purpose != "utterance":
            return said.get(key.purpose, "Answer: 6")
        follower = turns.get(key.agent, "")
        ends = "no" if follower else "yes"
        return f"Response: I think {share} each is enough.\nEnd of talk: {ends}\nNext speaker: {follower or 'none'}"

    return answer


def _first(failure: BaseException) -> BaseException:
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
