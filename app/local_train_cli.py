"""`govsim local train` and `govsim local evaluate` (extra `[local]`).

What needs the extra is imported inside the commands: `govsim` starts without it, and does not pay for it.
"""

import os
import signal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.command_line import fail
from app.settings import load_settings

if TYPE_CHECKING:
    from app.local.evaluation import Report
    from app.local.school import Estimate, Job

DEMO = "demo"
CHATS_LABEL = "Trained on this machine on chats of recorded runs"
INTERRUPTED = 130


class RecipeName(StrEnum):
    """Which recipe a training follows."""

    layerskip = "layerskip"
    none = "none"


class CurriculumName(StrEnum):
    """Which layers' losses count at a step."""

    rotational = "rotational"
    gradual = "gradual"
    all = "all"


class Numbers(StrEnum):
    """How numbers are computed or stored."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


def train(
    out: Annotated[
        Path | None, typer.Argument(help="Folder of the model; by default 'demo' among the models of this machine.")
    ] = None,
    start: Annotated[
        Path | None, typer.Option("--from", help="Continue from this checkpoint (Hugging Face folder).")
    ] = None,
    chats: Annotated[
        list[Path] | None,
        typer.Option(help="Learn from these chats (.jsonl, or a folder of such files) instead; as often as needed."),
    ] = None,
    recipe: Annotated[RecipeName, typer.Option(help="LayerSkip's recipe, or plain training.")] = RecipeName.layerskip,
    dropout: Annotated[float, typer.Option(help="Layer dropout of the last layer (p_max).")] = 0.1,
    exit_scale: Annotated[float, typer.Option(help="Weight of earlier layers' losses (e_scale).")] = 0.2,
    curriculum: Annotated[
        CurriculumName, typer.Option(help="Which layers' losses count at a step.")
    ] = CurriculumName.rotational,
    rotation: Annotated[int, typer.Option(help="Steps of a turn of the rotational curriculum (R).")] = 4,
    steps: Annotated[int | None, typer.Option(help="Optimizer steps.")] = None,
    batch_tokens: Annotated[int | None, typer.Option(help="Tokens read a step.")] = None,
    rate: Annotated[float | None, typer.Option(help="Highest learning rate.")] = None,
    lessons: Annotated[int | None, typer.Option(min=1, help="Prompts made and answered to learn from.")] = None,
    longest: Annotated[
        int | None, typer.Option(min=8, help="Longer lessons are left out, in tokens; 512, or 2048 for chats.")
    ] = None,
    prompt_weight: Annotated[float | None, typer.Option(help="Weight of a prompt's token, 0..1.")] = None,
    layers: Annotated[int, typer.Option(min=2, max=200, help="Layers, if trained from nothing.")] = 8,
    width: Annotated[int, typer.Option(min=8, max=16384, help="Hidden size, if trained from nothing.")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="Decides lessons, weights and order.")] = 1,
    compute: Annotated[Numbers, typer.Option(help="Numbers of the computation.")] = Numbers.auto,
    store: Annotated[Numbers, typer.Option(help="Numbers in the checkpoint; auto: float32.")] = Numbers.auto,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="CPU threads; by default all cores.")] = None,
    label: Annotated[str | None, typer.Option(help="What the model is, for whoever may choose it.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted training.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take.")] = False,
) -> None:
    """Train a small model, with LayerSkip's recipe: on our prompts, answered by scripted minds, or on chats.

    Without options it is the demonstration model.
    """
    from dataclasses import replace

    # Each size of a matrix product is kept compiled, 1,024 of them by default: a gigabyte in a training's course.
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
    import torch

    from app.local.chat_files import LONGEST as LONGEST_CHAT
    from app.local.chat_files import MOST_CHATS
    from app.local.demo import demo_job
    from app.local.recipe import NONE, Recipe
    from app.local.school import CannotTrain, School
    from app.local.shape import UnusableCheckpoint
    from app.local.training import fast_bf16
    from app.minds.prompts import PromptError

    settings = load_settings()
    if chats and out is None:
        fail(
            f"Name a folder for the model, such as {settings.local_models / 'own'}: it is not the demonstration model."
        )
    folder = out or settings.local_models / DEMO
    if threads is not None:
        torch.set_num_threads(threads)
    # A step holds the longest chat.
    numbers = {
        "steps": steps,
        "budget": batch_tokens or (LONGEST_CHAT if chats else None),
        "rate": rate,
        "prompt_weight": prompt_weight,
    }
    chosen: dict[str, Any] = {name: value for name, value in numbers.items() if value is not None}
    try:
        followed = (
            Recipe(dropout, rising=start is None, exit_scale=exit_scale, curriculum=curriculum.value, rotation=rotation)
            if recipe == RecipeName.layerskip
            else NONE
        )
        usual: Job = demo_job(followed, seed)
        bf16 = fast_bf16() if compute == Numbers.auto else compute == Numbers.bfloat16
        plan = replace(usual.plan, bf16=bf16, **chosen)
        job = replace(
            usual,
            plan=plan,
            sizes=replace(usual.sizes, layers=layers, width=width),
            start=start,
            chats=tuple(chats or ()),
            lessons=lessons or (MOST_CHATS if chats else usual.lessons),
            longest=longest or (LONGEST_CHAT if chats else usual.longest),
            dtype="float32" if store == Numbers.auto else store.value,
            label=(usual.label if not chats else CHATS_LABEL) if label is None else label,
        )
        typer.echo("Reading chats ..." if chats else f"Making {job.lessons} lessons ...")
        school = School(job, settings.prompt_folders)
        if school.left_out:
            typer.echo(f"{school.left_out} lessons have more than {job.longest} tokens and are left out (--longest).")
        if dry_run:
            _say_estimate(school.estimate())
            return
        signal.signal(signal.SIGTERM, _interrupt)
        school.train(folder, resume=resume, say=lambda look: typer.echo(look.told(plan.steps)))
    except KeyboardInterrupt:
        typer.echo(f"Interrupted. The same command with --resume goes on ({folder}).", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except (CannotTrain, UnusableCheckpoint, PromptError, ValueError, OSError) as error:
        fail(str(error))
    except FloatingPointError as error:
        typer.echo(f"govsim: {error}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"The model is in {folder}. Look at it: govsim local evaluate {folder}")


def evaluate(
    path: Annotated[Path, typer.Argument(help="A model's folder.")],
    prompts: Annotated[int, typer.Option(min=1, max=10_000, help="Held-out prompts of all purposes.")] = 60,
    each_stock: Annotated[int, typer.Option(min=1, max=1000, help="Harvest prompts at each stock.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="The seed the model was trained with.")] = 1,
    threads: Annotated[int | None, typer.Option(min=1, max=1024, help="CPU threads; by default all cores.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Ask a model held-out prompts and say which answers can be read, what it harvests by stock, its loss by layer."""
    import torch

    from app.local.checkpoint import load_model
    from app.local.documents import TemplateLayout
    from app.local.evaluation import evaluate as ask
    from app.local.shape import UnusableCheckpoint
    from app.local.training import STATE
    from app.minds.prompts import PromptError

    if threads is not None:
        torch.set_num_threads(threads)
    if (path / STATE).is_file():
        fail(f"The training in {path} has not ended. Go on with the command that began it and --resume.")
    try:
        model, layout = load_model(path), TemplateLayout(path)
        folders = load_settings().prompt_folders
        report = ask(model, layout, folders, seed=seed, prompts=prompts, each_stock=each_stock)
    except (UnusableCheckpoint, PromptError, ValueError, OSError) as error:
        fail(str(error))
    _say_report(report, as_json)


def _interrupt(_number: int, _frame: object) -> None:
    """End as Ctrl+C does: the state is saved."""
    raise KeyboardInterrupt


def _say_estimate(estimate: "Estimate") -> None:
    typer.echo(
        f"{estimate.parameters:,} parameters, {estimate.documents:,} lessons, {estimate.tokens:,} tokens to read: "
        f"about {estimate.seconds / 60:.0f} minutes here. Nothing was written."
    )


def _say_report(report: "Report", as_json: bool) -> None:
    if as_json:
        import json

        said = {
            "readable": {purpose: {"read": read, "asked": asked} for purpose, (read, asked) in report.readable.items()},
            "readable_harvests": report.readable_harvests,
            "harvest_by_stock": {
                stock: {"values": values, "asked": asked} for stock, (values, asked) in report.harvests.items()
            },
            "loss_by_layer": report.losses,
        }
        typer.echo(json.dumps(said, indent=2))
        return
    typer.echo("Readable answers:")
    for purpose, (read, asked) in report.readable.items():
        typer.echo(f"  {purpose:<12} {read} of {asked}")
    typer.echo(f"Readable harvests in all: {report.readable_harvests:.1%}")
    typer.echo("Harvest asked for, by stock (units):")
    for stock, (values, asked) in report.harvests.items():
        typer.echo(f"  {stock:>4}  mean {report.mean_harvest(stock):.2f}  ({len(values)} of {asked} readable)")
    typer.echo("Loss by exit layer (nats a token): " + " ".join(f"{loss:.3f}" for loss in report.losses))
