"""Prompt sets: what there is, and what a launch as filled in would make a model be sent."""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool

from app.commons.config import EpisodeConfig, ScriptedMind
from app.minds.differences import compared
from app.minds.preview import Sent, preview
from app.minds.prompt_folders import find_sets, load_set
from app.minds.prompts import PromptError
from app.web import urls
from app.web.contexts.prompts import FileText, PreviewMessage, PreviewPage, PromptSetCard, PromptsPage
from app.web.launch_form import DEFAULTS, Form
from app.web.pages import page
from app.web.services import Services, Use

router = APIRouter(include_in_schema=False)

BASE_SET = "base"


@router.get("/prompts")
async def show(request: Request, services: Use) -> HTMLResponse:
    """Show the prompt sets and the texts each of them has of its own."""
    sets = await run_in_threadpool(find_sets, services.prompt_folders, services.prompt_sets)
    cards = [
        PromptSetCard(
            found=found,
            own=[FileText(name, found.prompts.files[name]) for name in found.own] if found.prompts else [],
            inherited=len(found.prompts.files) - len(found.own) if found.prompts else 0,
            preview=urls.preview({"prompts": found.name}),
        )
        for found in sets
    ]
    return page(request, "pages/prompts.html", PromptsPage(sets=cards), section="methods")


@router.get(urls.preview())
async def show_preview(request: Request, services: Use) -> HTMLResponse:
    """Show what one agent would be sent in month 1 of the launch that the query describes."""
    query = dict(request.query_params)
    form = Form(query)
    checked = form.check(services.models.check_name, services.models.price_of)
    errors = dict(form.errors)
    context = None
    if checked:
        try:
            context = await _preview(services, form, checked[1][0], query)
        except PromptError as error:
            errors["prompts"] = str(error)
    context = context or PreviewPage.wrong(errors, urls.launch_with(_filled(form)))
    return page(request, "pages/preview.html", context, section="launch", status=422 if errors else 200)


async def _preview(services: Services, form: Form, config: EpisodeConfig, query: Mapping[str, str]) -> PreviewPage:
    name = form.values["prompts"]
    prompts = await run_in_threadpool(load_set, services.prompt_folders, name, services.prompt_sets)
    base = (
        prompts
        if name == BASE_SET
        else await run_in_threadpool(load_set, services.prompt_folders, BASE_SET, services.prompt_sets)
    )
    sent = await preview(config, prompts)
    chosen = _chosen(sent, query.get("agent", ""), query.get("purpose", ""))
    worded = sent if base is prompts else await preview(config, base)
    same = [item for item in worded if item.key == chosen.key]
    original = same[0].messages if same else ()
    scripted = {agent.name for agent in config.agents if isinstance(agent.mind, ScriptedMind)}
    if config.framework.type == "scripted":
        scripted.add("framework")
    return PreviewPage(
        prompts=prompts.name,
        version=prompts.version,
        digest=prompts.hash,
        base=BASE_SET if prompts.hash != base.hash else None,
        agent=chosen.key.agent,
        agents=list(dict.fromkeys(item.key.agent for item in sent)),
        purpose=chosen.key.purpose,
        purposes=list(dict.fromkeys(item.key.purpose for item in sent if item.key.agent == chosen.key.agent)),
        scripted=chosen.key.agent in scripted,
        messages=[
            PreviewMessage(message.role, segments)
            for message, segments in zip(chosen.messages, compared(chosen.messages, original), strict=True)
        ],
        original=[(message.role, message.content) for message in original],
        filled=_filled(form),
        back=urls.launch_with(_filled(form)),
        errors={},
    )


def _chosen(sent: Sequence[Sent], agent: str, purpose: str) -> Sent:
    """Return the first request that fits both wishes, else the agent's first, else the first of all."""
    of_agent = (
        [item for item in sent if item.key.agent == agent]
        or [item for item in sent if item.key.purpose == purpose]
        or list(sent)
    )
    return next((item for item in of_agent if item.key.purpose == purpose), of_agent[0])


def _filled(form: Form) -> dict[str, str]:
    """Return the fields of the form that say something else than its defaults."""
    return {name: value for name, value in form.values.items() if value != DEFAULTS.get(name, "")}
