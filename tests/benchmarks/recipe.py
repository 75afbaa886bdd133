"""`make bench-recipe`: the same small model trained with LayerSkip's recipe and without, step for step.

python -m tests.benchmarks.recipe [--chats PATH] [--steps N] [--threads N] [--out FOLDER]     needs the extra [local]

Losses are those of answers to held-out prompts, after N steps of both, 900 unless said otherwise. PATH names chats to
learn from (docs/local-training.md); without it both learn what the demonstration model does.
"""

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import Settings

if TYPE_CHECKING:
    from app.local.journal import Look

LONGEST_CHAT = 2048
STEPS = 900
LAYERS_SHOWN = (1, 2, 4, 6, 8)
FINAL_WITHIN = 0.03
EARLY_BY = 0.8  # nats


def main(arguments: Sequence[str]) -> int:
    """Train both, print the table, write the chart, and return 1 where a limit is missed."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")  # as in `govsim local train`
    import torch

    from app.local.chat_files import MOST_CHATS
    from app.local.demo import demo_job
    from app.local.journal import read_looks
    from app.local.recipe import NONE, Recipe
    from app.local.school import School
    from app.local.training import fast_bf16

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.recipe")
    parser.add_argument("--chats", type=Path, action="append", default=[])
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path("build/recipe"))
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    recipes: dict[str, Recipe | None] = {"with": None, "without": NONE}
    for name, recipe in recipes.items():
        job = demo_job(recipe)
        if options.chats:
            job = replace(job, chats=tuple(options.chats), lessons=MOST_CHATS, longest=LONGEST_CHAT)
        plan = replace(job.plan, bf16=fast_bf16(), steps=options.steps)
        school = School(replace(job, plan=plan), Settings().prompt_folders)
        print(f"{name} the recipe, {len(school.documents)} lessons:")
        school.train(options.out / name, say=_teller(plan.steps))
    return compare(options.out, {name: read_looks(options.out / name) for name in recipes})


def _teller(steps: int) -> "Callable[[Look], None]":
    return lambda look: print(look.told(steps), flush=True)


def compare(out: Path, trainings: "Mapping[str, Sequence[Look]]") -> int:
    """Print the losses at the end of both *trainings*, write the chart to *out*, and judge them."""
    from app.local.journal import chart

    layers = len(trainings["with"][-1].losses)
    shown = [layer for layer in LAYERS_SHOWN if layer <= layers]
    print("| loss at layer | " + " | ".join(map(str, shown)) + " |")
    print("|---|" + "---|" * len(shown))
    for name, looks in trainings.items():
        last = looks[-1]
        losses = " | ".join(f"{last.losses[layer - 1]:.2f}" for layer in shown)
        print(f"| {name} the recipe, {last.step} steps, {last.cpu_seconds:.0f} CPU s | {losses} |")
    out.mkdir(parents=True, exist_ok=True)
    (out / "recipe.svg").write_text(chart(trainings, (1, layers // 4, layers // 2, layers)), encoding="utf-8")
    ours, plain = (trainings[name][-1].losses for name in ("with", "without"))
    ratio, early = ours[-1] / plain[-1] - 1, plain[layers // 4 - 1] - ours[layers // 4 - 1]
    print(f"Final loss {ratio:+.1%} (limit {FINAL_WITHIN:.0%}); at layer {layers // 4} lower by {early:.2f} nats "
          f"(at least {EARLY_BY}).")  # fmt: skip
    return 0 if ratio <= FINAL_WITHIN and early >= EARLY_BY else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
