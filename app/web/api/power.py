"""What so many runs a group would show, as data."""

from fastapi import APIRouter, Request

from app.analysis.pilots import PilotPower
from app.web.routes.power import Runs, pilots, power_found
from app.web.services import Use

router = APIRouter(tags=["comparison"])


@router.get("/compare/power")
async def power(request: Request, services: Use, n: Runs = 10) -> list[PilotPower]:
    """Return the chance to find such differences from the reference with *n* runs a group.

    The compared runs, chosen as for `/compare`, are the pilots; with few of them `low` and `high` are far apart.
    """
    shown, _ = await pilots(request, services)
    return await power_found(shown, n)
