"""A shared comparison as data, charts and files; its page is the link's own address."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from app.analysis.comparison_figures import FigureName
from app.analysis.palette import Theme
from app.interop.compared import LaidOut
from app.interop.comparison_files import Kind
from app.web.api.compare import ComparisonOut, comparison_out
from app.web.comparing import figure as chart_of
from app.web.comparing import laid_out
from app.web.dependencies import Compared
from app.web.routes.compare import export_comparison
from app.web.services import Services, Use
from app.web.shared_comparison import SharedComparison

router = APIRouter(prefix="/s/{token}", include_in_schema=False)


@router.get("/api/compare")
async def comparison(services: Use, shared: Compared) -> ComparisonOut:
    """Return a shared comparison's numbers, grouped as the address says."""
    return comparison_out(await _laid_out(services, shared), shared.place.query(shared.ask), shared.notices)


@router.get("/api/compare/figures/{figure}")
async def chart(services: Use, shared: Compared, figure: FigureName, theme: Theme = "light") -> dict[str, Any]:
    """Return a chart of a shared comparison."""
    return chart_of(await _laid_out(services, shared), figure, theme)


@router.get("/export/{kind}")
async def export(services: Use, shared: Compared, kind: Kind) -> Response:
    """Return a shared comparison as a file."""
    return await export_comparison(services, shared.ask, shared.runs, kind, shared.around)


async def _laid_out(services: Services, shared: SharedComparison) -> LaidOut:
    return await laid_out(services, shared.ask, shared.runs, around=shared.around)
