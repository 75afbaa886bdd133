"""What runs are told and set beside: prompt sets, and figures that others have published."""

from dataclasses import asdict

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool

from app.analysis.published import Published, published
from app.analysis.replay import Replay
from app.engine.version import ENGINE_VERSION
from app.minds.prompt_folders import find_sets
from app.web import urls
from app.web.api.schemas import MethodsOut, MetricOut, PromptSetOut
from app.web.contexts.methods import METRICS
from app.web.services import Use

router = APIRouter(tags=["reference"])


@router.get("/prompts")
async def prompts(services: Use) -> list[PromptSetOut]:
    """Return the prompt sets with their files; one that cannot be used says why."""
    return [
        PromptSetOut(
            name=found.name,
            version=found.prompts and found.prompts.version,
            hash=found.prompts and found.prompts.hash,
            description=found.prompts and found.prompts.description,
            extends=found.extends,
            own=found.own,
            files=found.prompts.files if found.prompts else {},
            problem=found.problem,
        )
        for found in await run_in_threadpool(find_sets, services.prompt_folders, services.prompt_sets)
    ]


@router.get("/methods")
async def methods(services: Use) -> MethodsOut:
    """Return what every metric is, where it is defined, and the versions of the program and its rules."""
    return MethodsOut(
        version=services.version,
        engine_version=ENGINE_VERSION,
        metrics=[MetricOut(**asdict(metric), page=urls.metric(metric.name)) for metric in METRICS],
    )


@router.get("/example")
async def example(services: Use) -> Replay:
    """Return the home page's example as it is replayed, month by month; scripted minds decided, nothing is stored."""
    return await services.example.told()


@router.get("/published")
async def figures() -> Published:
    """Return published figures with source, table and page; they come from other prompts than ours."""
    return published()
