"""Jinja2, set up once: everything is escaped, unknown variables are errors."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.web import format as say
from app.web import urls
from app.web.assets import PLOTLY, Assets


class Templates:
    """Renders the page templates."""

    def __init__(self, folder: Path, assets: Assets) -> None:
        def asset(path: str) -> str:
            if path not in assets:
                raise LookupError(f"there is no static file '{path}'")
            return urls.asset(assets.build, path)

        self.environment = Environment(
            loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=False
        )
        self.environment.globals |= {
            "asset": asset,
            "modules": assets.modules,
            "plotly_url": urls.asset(assets.build, PLOTLY),
            "urls": urls,
        }
        self.environment.filters |= {
            "number": say.number,
            "percent": say.percent,
            "moment": say.moment,
            "iso": say.iso,
            "count": say.count,
            "months": say.months,
            "cost": say.cost,
        }

    def render(self, name: str, variables: Mapping[str, Any]) -> str:
        """Return the page *name*."""
        return self.environment.get_template(name).render(variables)
