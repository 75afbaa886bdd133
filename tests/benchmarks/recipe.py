"""`make bench-recipe`: the same small model trained with LayerSkip's recipe and without, step for step.

python -m tests.benchmarks.recipe [--chats PATH | --scripted] [--steps N] [--threads N] [--out FOLDER]

It needs the extra [local]. Both learn from the same chats (docs/local-training.md): those in PATH, or those of the
published logs where they are at hand (GOVSIM_TEST_DATA names the folder that holds govsim-logs/), or else, and with
--scripted, what the demonstration model learns from. Losses are those of held-out prompts and answers.
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from app.interop.chats import NoChats, chat_lines
from app.interop.files import find_logs
from app.interop.library import import_logs
from app.settings import Settings
from app.store.whole import read_whole
from tests.support import ROOT, fresh_database

if TYPE_CHECKING:
    from app.local.journal import Look
    from app.local.recipe import Recipe
    from app.local.school import Job

LOGS = Path(os.environ.get("GOVSIM_TEST_DATA", ROOT.parent / "shared" / "data")) / "govsim-logs" / "runs"
STEPS = 900
LOOKS = 6
LAYERS_SHOWN = (1, 2, 4, 6, 8)
FINAL_WITHIN = 0.03
EARLY_BY = 0.8  # nats


def main(arguments: Sequence[str]) -> int:
    """Train both, print the table, write the chart, and return 1 where a limit is missed."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")  # as in `govsim local train`
    import torch

    from app.local.recipe import NONE

    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.recipe")
    parser.add_argument("--chats", type=Path, action="append", default=[])
    parser.add_argument("--scripted", action="store_true")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path("build/recipe"))
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    with TemporaryDirectory() as folder:
        chats = [] if options.scripted else options.chats or published(Path(folder))
        trainings = {
            name: learn(name, Path(folder) / name, job(recipe, chats, options.steps))
            for name, recipe in (("with", None), ("without", NONE))
        }
    return compare(options.out, trainings)


def published(folder: Path) -> list[Path]:
    """Return a folder with the chats of the published logs; none where these are not at hand."""
    if not LOGS.is_dir():
        print(f"There are no published logs at {LOGS}: both learn what the demonstration model does.")
        return []
    (folder / "chats").mkdir()

    async def write() -> None:
        database, _ = fresh_database(folder)
        for outcome in await import_logs(database, find_logs([LOGS])):
            if outcome.run_id is None:
                continue
            whole = await read_whole(database, outcome.run_id)
            name = str(whole.run.name)
            with suppress(NoChats):
                # By the log's name, which is the same each time: it decides what is held out.
                lines = chat_lines(whole).replace(f'"{whole.run.id}"'.encode(), json.dumps(name).encode())
                (folder / "chats" / f"{name}.jsonl").write_bytes(lines)
        await database.close()

    asyncio.run(write())
    return [folder / "chats"]


def job(recipe: "Recipe | None", chats: Sequence[Path], steps: int) -> "Job":
    """Return the demonstration model's training with another *recipe*, on *chats* if there are any."""
    from app.local.chat_files import LONGEST, MOST_CHATS
    from app.local.demo import demo_job
    from app.local.training import fast_bf16

    usual = demo_job(recipe)
    plan = replace(usual.plan, steps=steps, bf16=fast_bf16())
    if not chats:
        return replace(usual, plan=plan)
    plan = replace(plan, budget=LONGEST)
    every = max(1, steps // LOOKS)
    return replace(usual, plan=plan, chats=tuple(chats), lessons=MOST_CHATS, longest=LONGEST, look_every=every)


def learn(name: str, folder: Path, wanted: "Job") -> "Sequence[Look]":
    """Train and return the losses on the way."""
    from app.local.journal import read_looks
    from app.local.school import School

    school = School(wanted, Settings().prompt_folders)
    print(f"{name} the recipe, {len(school.documents)} lessons, {school.left_out} too long:")
    school.train(folder, say=_teller(wanted.plan.steps))
    return read_looks(folder)


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
