"""Write the golden prompts anew: `python -m tests.minds.write_golden`. Read the difference before you keep it."""

from app.commons.scenario import Condition, conditions, get_condition, get_scenario
from app.minds.asking import Task
from app.minds.wording import Wording
from tests.minds.samples import GOLDEN, episode, memories, moment, prompt_set, talk, talk_moment

SCENARIOS = ("fishery", "pasture", "pollution")
CASES = [(scenario, condition) for scenario in SCENARIOS for condition in conditions()]
PARAPHRASES = ("paraphrase-1", "paraphrase-2")


def golden_text(scenario_name: str, condition: str, prompts: str = "base") -> str:
    """Everything that models are told in one scenario under one condition, in the order of a month."""
    chosen, preset = prompt_set(prompts), get_condition(condition)
    scenario = chosen.in_words(get_scenario(scenario_name))
    config = episode(scenario_name, condition)
    wording = Wording(chosen, scenario, config)
    known = [item for item in memories(scenario) if _known(item.purpose, preset)]
    present = config.present(2)
    tasks = {"harvest": wording.harvest("John", moment(2, present=present), known, 86)}
    after = talk_moment(2, present)
    if preset.talk:
        tasks |= {
            "utterance": wording.utterance("John", after, known, talk(scenario)),
            "planning": wording.thought("John", after, talk(scenario), "planning"),
            "interesting": wording.thought("John", after, talk(scenario), "interesting"),
            "rating": wording.rating("John", after, known[0].text),
            "insight": wording.insight("John", after, known),
            "summary": wording.summary(after, talk(scenario)),
            "limit": wording.limit(after, talk(scenario)),
        }
    elif preset.home:
        tasks["insight"] = wording.insight("John", after, known)
    for agent in config.agents:
        if agent.joins > 1:
            first = moment(agent.joins, present=config.present(agent.joins))
            tasks[f"harvest of {agent.name}"] = wording.harvest(agent.name, first, known[-1:], 86)
    system = tasks["harvest"].messages[0].content
    return "\n\n".join([f"# system\n\n{system}", *(_shown(name, task, system) for name, task in tasks.items())]) + "\n"


def golden_path(scenario_name: str, condition: str, prompts: str = "base"):
    folder = GOLDEN if prompts == "base" else GOLDEN / prompts
    return folder / f"{scenario_name}.{condition}.txt"


def _known(purpose: str, condition: Condition) -> bool:
    if purpose == "universalization":
        return condition.universalization
    return purpose == "stock" or condition.talk


def _shown(name: str, task: Task, system: str) -> str:
    parts = [f"# {name}"]
    if task.messages[0].content != system:
        parts.append(f"## system\n\n{task.messages[0].content}")
    parts.append(task.messages[1].content)
    parts.append(f"## when it cannot be read\n\n{task.reminder.text}")
    return "\n\n".join(parts)


def main() -> None:
    for prompts in ("base", *PARAPHRASES):
        for scenario, condition in CASES:
            path = golden_path(scenario, condition, prompts)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(golden_text(scenario, condition, prompts), encoding="utf-8")


if __name__ == "__main__":
    main()
