"""Write the golden prompts anew: `python -m tests.minds.write_golden`. Read the difference before you keep it."""

from app.commons.scenario import conditions, get_scenario
from app.minds.asking import Task
from app.minds.wording import Wording
from tests.minds.samples import GOLDEN, episode, memories, moment, prompt_set, talk, talk_moment

SCENARIOS = ("fishery", "pasture", "pollution")
CASES = [(scenario, condition) for scenario in SCENARIOS for condition in conditions()]
PARAPHRASES = ("paraphrase-1", "paraphrase-2")


def golden_text(scenario_name: str, condition: str, prompts: str = "base") -> str:
    """Everything that models are told in one scenario under one condition, in the order of a month."""
    chosen = prompt_set(prompts)
    scenario = chosen.in_words(get_scenario(scenario_name))
    wording = Wording(chosen, scenario, episode(scenario_name, condition))
    known = [item for item in memories(scenario) if _known(item.purpose, condition)]
    tasks = {"harvest": wording.harvest("John", moment(2), known, 86)}
    if condition != "no_communication":
        after = talk_moment(2)
        tasks |= {
            "utterance": wording.utterance("John", after, known, talk(scenario)),
            "planning": wording.thought("John", after, talk(scenario), "planning"),
            "interesting": wording.thought("John", after, talk(scenario), "interesting"),
            "rating": wording.rating("John", after, known[0].text),
            "insight": wording.insight("John", after, known),
            "summary": wording.summary(after, talk(scenario)),
            "limit": wording.limit(after, talk(scenario)),
        }
    system = tasks["harvest"].messages[0].content
    return "\n\n".join([f"# system\n\n{system}", *(_shown(name, task, system) for name, task in tasks.items())]) + "\n"


def golden_path(scenario_name: str, condition: str, prompts: str = "base"):
    folder = GOLDEN if prompts == "base" else GOLDEN / prompts
    return folder / f"{scenario_name}.{condition}.txt"


def _known(purpose: str, condition: str) -> bool:
    if purpose == "universalization":
        return condition == "universalization"
    return purpose == "stock" or condition != "no_communication"


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
