"""Definitions that come with the application: the tables of the paper, and one that needs no model."""

from functools import cache
from importlib.resources import files

from app.commons.scenario import UnknownName
from app.jobs.definition import Definition, GridModel
from app.jobs.definition_text import read_definition


@cache
def bundled_definitions() -> dict[str, Definition]:
    """Return every bundled definition by its name, in the order of the names."""
    folder = files("app.scenarios").joinpath("experiments")
    found = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    return {name.removesuffix(".toml"): read_definition(folder.joinpath(name).read_bytes()) for name in found}


def bundled_definition(name: str) -> Definition:
    """Return the bundled definition called *name*.

    Raises:
        UnknownName: if there is none; the message lists those there are.
    """
    known = bundled_definitions()
    if name not in known:
        raise UnknownName(f"There is no bundled experiment '{name[:60]}'. Choose one of: {', '.join(known)}.")
    return known[name]


def with_minds(definition: Definition, minds: tuple[str, ...]) -> Definition:
    """Return *definition* with other models: one for each of *minds*, each deciding for all agents.

    Raises:
        pydantic.ValidationError: if there are too many for the grid, or two are the same.
    """
    models = tuple(GridModel.model_validate(mind) for mind in minds)
    return Definition.model_validate(dict(definition) | {"models": models})
