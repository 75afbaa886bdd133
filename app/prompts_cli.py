"""`govsim prompts`: which prompt sets there are, whether they can be used, and exactly what models are sent."""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.settings import load_settings

if TYPE_CHECKING:
    from app.minds.preview import Sent
    from app.minds.prompts import PromptSet

prompt_commands = typer.Typer(help="Prompt sets: the texts that language models see.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@prompt_commands.command("list")
def list_sets(as_json: Json = False) -> None:
    """List the prompt sets: those that come along, and your own in the folder GOVSIM_PROMPTS."""
    from app.minds.prompt_folders import find_sets
    from app.minds.prompts import PromptError

    settings = load_settings()
    if settings.prompts and not settings.prompts.is_dir():
        raise PromptError(f"GOVSIM_PROMPTS names {settings.prompts}, which is no folder.")
    sets = find_sets(settings.prompt_folders)
    if as_json:
        rows = [
            {
                "name": found.name,
                "version": found.prompts and found.prompts.version,
                "hash": found.prompts and found.prompts.hash,
                "description": found.prompts and found.prompts.description,
                "extends": found.extends,
                "folder": str(found.folder),
                "problem": found.problem,
            }
            for found in sets
        ]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for found in sets:
        if found.prompts is None:
            typer.echo(f"{found.name}: cannot be used. {found.problem}")
            continue
        extends = f", extends {found.extends}" if found.extends else ""
        typer.echo(f"{found.name}, version {found.prompts.version}, {found.prompts.hash[:12]}{extends}")
        typer.echo(f"  {found.prompts.description}")
        typer.echo(f"  {found.folder}")


@prompt_commands.command("check")
def check(
    names: Annotated[list[str] | None, typer.Argument(help="Names or folders of sets; all sets without any.")] = None,
) -> None:
    """Fill in every text of a set for every scenario and condition, and say what is wrong."""
    from app.minds.preview import check_set
    from app.minds.prompt_folders import find_sets
    from app.minds.prompts import PromptError

    folders = load_settings().prompt_folders
    wanted = names or [found.name for found in find_sets(folders)]
    problems = []
    for name in wanted:
        try:
            found = _set(name, folders)
            count = asyncio.run(check_set(found))
            typer.echo(f"{found.name}, version {found.version}: {count} prompts, nothing wrong.")
        except PromptError as error:
            problems.append(str(error))
    if problems:
        raise PromptError("\ngovsim: ".join(problems))


@prompt_commands.command("new")
def new(
    name: Annotated[str, typer.Argument(help="The new set's name, or a folder that ends in it.")],
    source: Annotated[str, typer.Option("--from", help="The set that is copied.")] = "base",
) -> None:
    """Write a copy of a set to change as you like, into the folder GOVSIM_PROMPTS or the folder you name."""
    from app.minds.prompt_folders import load_set, new_set
    from app.minds.prompts import PromptError

    settings = load_settings()
    if "/" not in name and settings.prompts is None:
        raise PromptError(
            "Set GOVSIM_PROMPTS to the folder of your own prompt sets, or give a folder, like prompts/mine."
        )
    folder = Path(name) if "/" in name or settings.prompts is None else settings.prompts / name
    made = new_set(load_set(settings.prompt_folders, source), folder)
    typer.echo(f"{made} holds a copy of {source}. Change it, then run: govsim prompts check {made}")


@prompt_commands.command("show")
def show(
    scenario: Annotated[str, typer.Option(help="fishery, pasture or pollution.")] = "fishery",
    condition: Annotated[str, typer.Option(help="A condition, as in the launch form.")] = "default",
    purpose: Annotated[str, typer.Option(help="What is asked: harvest, utterance, planning, and so on.")] = "harvest",
    agent: Annotated[str | None, typer.Option(help="Who is asked; the first who is, by default.")] = None,
    prompts: Annotated[str, typer.Option(help="The name or folder of the prompt set.")] = "base",
    as_json: Json = False,
) -> None:
    """Print what a model is sent in the first month, message by message, exactly."""
    from app.commons.scenario import get_condition, get_scenario
    from app.minds.preview import example_config, preview
    from app.minds.prompts import PromptError

    found = _set(prompts, load_settings().prompt_folders)
    if not get_scenario(scenario).playable:
        raise PromptError(f"'{scenario}' runs can be imported, not played: nobody is prompted in them.")
    config = example_config(scenario, get_condition(condition).id)
    sent = _chosen(asyncio.run(preview(config, found)), purpose, agent)
    if as_json:
        messages = [{"role": message.role, "content": message.content} for message in sent.messages]
        typer.echo(json.dumps({"key": str(sent.key), "messages": messages}, indent=2, ensure_ascii=False))
        return
    for message in sent.messages:
        typer.echo(f"===== {message.role}")
        typer.echo(message.content)


def _chosen(sent: list["Sent"], purpose: str, agent: str | None) -> "Sent":
    from app.minds.prompts import PromptError

    agents = sorted({item.key.agent for item in sent})
    if agent is not None and agent not in agents:
        raise PromptError(f"There is no agent '{agent}'. Choose one of: {', '.join(agents)}.")
    asked = [item for item in sent if agent in (None, item.key.agent)]
    found = next((item for item in asked if item.key.purpose == purpose), None)
    if found is None:
        purposes = ", ".join(dict.fromkeys(item.key.purpose for item in asked))
        raise PromptError(f"Nobody is asked for '{purpose}' here. Choose one of: {purposes}.")
    return found


def _set(name: str, folders: tuple[Path, ...]) -> "PromptSet":
    from app.minds.prompt_folders import load_folder, load_set

    return load_folder(Path(name).resolve(), folders) if "/" in name or name == "." else load_set(folders, name)
