"""The budget of the day: what everybody spent, of what."""

from datetime import date, datetime

from pydantic import BaseModel, Field

from app.store.purse import next_day
from app.store.records import Budget
from app.store.runs import now
from app.store.spending import Spent, spent_on
from app.web.services import Services


class Day(BaseModel):
    """What all runs and subskill tests of this instance spent today, and what they may."""

    day: date = Field(description="in UTC")
    budget: Budget = Field(description="tokens in and out together, US dollars; null: no limit")
    spent: Spent
    tokens: int = Field(description="spent, in and out together")
    used_up: bool = Field(description="whether runs pause until the day is over")
    until: datetime = Field(description="when the next day begins")


async def look_at_day(services: Services) -> Day:
    """Return what was spent today."""
    moment = now()
    spent = await spent_on(services.database, moment.date())
    return Day(
        day=moment.date(),
        budget=services.daily,
        spent=spent,
        tokens=spent.tokens,
        used_up=spent.reaches(services.daily),
        until=next_day(moment),
    )
