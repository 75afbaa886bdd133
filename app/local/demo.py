"""The demonstration model of `make local-model`: small enough to be trained in minutes on two processor cores."""

from app.local.recipe import Recipe
from app.local.school import Job
from app.local.training import Plan

NAME = "demo"
LABEL = "Demonstration model: answers in the right form and by the stock, no research model"
STEPS = 1800


def demo_job(recipe: Recipe | None = None, seed: int = 1) -> Job:
    """Return the training of the demonstration model, with another *recipe* for comparison."""
    plan = Plan(
        steps=STEPS,
        budget=1000,
        rate=2e-3,
        prompt_weight=1.0,
        seed=seed,
        recipe=recipe or Recipe(dropout=0.1, exit_scale=0.2, curriculum="rotational", rotation=4),
    )
    return Job(plan, lessons=9000, label=LABEL)
