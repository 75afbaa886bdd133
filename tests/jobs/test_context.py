from app.commons.config import AgentConfig, EpisodeConfig, GenerativeFramework, GenerativeMind, SamplingConfig
from app.commons.scenario import get_condition
from app.jobs.context import too_long
from app.jobs.estimate import LONGEST_PROMPT


def village(models: list[str], max_tokens: int = 8000) -> EpisodeConfig:
    sampling = SamplingConfig(max_tokens=max_tokens)
    return EpisodeConfig(
        scenario="fishery",
        condition="default",
        phases=get_condition("default").phases(),
        agents=tuple(
            AgentConfig(name=name, mind=GenerativeMind(model=model, sampling=sampling))
            for name, model in zip("ABC", models, strict=True)
        ),
        framework=GenerativeFramework(model=models[0], sampling=sampling),
    )


def test_models_that_are_too_short_are_named_once_with_what_to_do() -> None:
    contexts = {"lab/short": 8192, "lab/tiny": 1024}
    found = too_long(village(["lab/short", "lab/tiny", "lab/short"]), contexts.get)
    room = (8192 - LONGEST_PROMPT) // 100 * 100
    assert len(found) == 2
    assert found[0].startswith("lab/short takes 8,192 tokens;")
    assert found[0].endswith(f"do not fit: lower the longest answer to {room:,}.")
    assert found[1].endswith("do not fit: choose another model.")


def test_what_fits_or_is_unknown_is_not_mentioned() -> None:
    contexts = {"lab/long": 128_000, "lab/exact": LONGEST_PROMPT + 500}
    assert too_long(village(["lab/long", "lab/exact", "lab/unknown"], max_tokens=500), contexts.get) == []
