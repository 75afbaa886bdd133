"""Numbers for Prometheus."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from prometheus_client.exposition import choose_encoder
from sqlalchemy.exc import SQLAlchemyError

from app.engine.version import ENGINE_VERSION
from app.store.connect import DatabaseError
from app.web import urls
from app.web.metrics import InstanceCollector, registry_of
from app.web.services import Use

router = APIRouter(include_in_schema=False)


@router.get(urls.metrics())
async def metrics(request: Request, services: Use) -> Response:
    """Tell the numbers; where the database cannot be read, those of this process and that it cannot."""
    try:
        view = await services.instance.view()
    except (SQLAlchemyError, DatabaseError, OSError):
        view = None
    collector = InstanceCollector(view, version=services.version, engine=ENGINE_VERSION)
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    own, of_all = encode(services.meters.registry), encode(registry_of(collector))
    return Response(own.removesuffix(b"# EOF\n") + of_all, media_type=content_type)
