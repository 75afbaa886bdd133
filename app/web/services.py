"""What the handlers work with: made once when the process starts, never a global."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from app.interop.card import Pictures
from app.interop.compared import Summaries
from app.minds.prompt_folders import CompiledSets
from app.models.hub import ModelHub
from app.store.connect import Database
from app.store.records import NO_BUDGET, Budget
from app.store.run_texts import RunTexts
from app.web.assets import Assets
from app.web.gate import Gate
from app.web.instance import Instance
from app.web.local import LocalModels
from app.web.meters import WebMeters
from app.web.samples import ExampleStory
from app.web.templates import Templates
from app.web.watch import Watcher


@dataclass(frozen=True)
class Services:
    """Everything a handler may need.

    `daily` is what the instance may spend a day, `summaries` what is remembered of runs that were compared,
    `prompt_sets` the prompt sets that were looked at, `run_texts` the texts of runs that were searched,
    `pictures` those drawn lately.
    """

    database: Database
    watcher: Watcher
    models: ModelHub
    prompt_folders: tuple[Path, ...]
    folder: Path
    assets: Assets
    templates: Templates
    gate: Gate
    version: str
    meters: WebMeters
    instance: Instance
    local: LocalModels
    daily: Budget = NO_BUDGET
    prompt_sets: CompiledSets = field(default_factory=CompiledSets)
    run_texts: RunTexts = field(default_factory=RunTexts)
    summaries: Summaries = field(default_factory=Summaries)
    pictures: Pictures = field(default_factory=Pictures)
    example: ExampleStory = field(default_factory=ExampleStory)


def services_of(app: FastAPI) -> Services:
    """Return the services of a running application."""
    services: Services = app.state.services
    return services


def get_services(request: Request) -> Services:
    """Return the services of the application that answers *request*."""
    return services_of(request.app)


Use = Annotated[Services, Depends(get_services)]
