"""axe-core, as the Python package brings it, asked about a page."""

from functools import cache
from importlib.resources import files
from typing import Any

from playwright.async_api import Page

# All rules of WCAG 2.2 AA and axe's best practices; the size of targets is off unless asked for.
OPTIONS = {"resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
# What depends on the theme.
COLOURS = {
    "resultTypes": ["violations"],
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]},
}


@cache
def _script() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


async def violations(page: Page) -> list[str]:
    """Return what axe-core finds wrong in the light and in the dark theme, one line for each element."""
    # Evaluated through the debugger: the page's security policy, which forbids foreign scripts, stays as it is.
    await page.emulate_media(color_scheme="light")
    await page.evaluate(_script())
    found = [f"light: {line}" for line in await _run(page, OPTIONS)]
    await page.emulate_media(color_scheme="dark")
    return found + [f"dark: {line}" for line in await _run(page, COLOURS)]


async def _run(page: Page, options: dict[str, Any]) -> list[str]:
    results = await page.evaluate("options => axe.run(document, options)", options)
    return [
        f"{violation['id']} at {' '.join(map(str, node['target']))}: {_words(node)}"
        for violation in results["violations"]
        for node in violation["nodes"]
    ]


def _words(node: dict[str, Any]) -> str:
    checks = [check["message"] for kind in ("any", "all", "none") for check in node[kind]]
    return "; ".join(checks)[:300]
