"""What models would be sent by a launch: the twin of /launch/preview, all requests of month 1 at once."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from app.minds.preview import preview as month_of
from app.minds.prompt_folders import load_set
from app.models.base import Message
from app.web.errors import invalid
from app.web.launch_form import Form, given_fields
from app.web.services import Use

router = APIRouter(tags=["catalogue"])


class PreviewedRequest(BaseModel):
    """One request as a model would get it."""

    agent: str = Field(description="who is asked; `framework` for what reads the talk")
    purpose: str
    item: str = Field(description="which of several with the same purpose")
    messages: tuple[Message, ...]


class PreviewOut(BaseModel):
    """The requests of month 1, in order, and the prompt set that words them."""

    prompts: str
    version: str
    hash: str
    requests: list[PreviewedRequest]


@router.get("/preview")
async def preview(request: Request, services: Use) -> PreviewOut:
    """Return what models would be sent in month 1 by a launch; the query has the fields of the launch form.

    Everybody counts as a language model here. What others say and remember is made up; the rest is what a launch sends.
    """
    form = Form(given_fields(request.query_params.multi_items()))
    checked = form.check(services.models.check_name, services.models.price_of)
    if checked is None:
        raise invalid(form.errors)
    prompts = await run_in_threadpool(load_set, services.prompt_folders, form.values["prompts"], services.prompt_sets)
    return PreviewOut(
        prompts=prompts.name,
        version=prompts.version,
        hash=prompts.hash,
        requests=[
            PreviewedRequest(agent=sent.key.agent, purpose=sent.key.purpose, item=sent.key.item, messages=sent.messages)
            for sent in await month_of(checked[1][0], prompts)
        ],
    )
