"""The import page: a folder is sent, its logs come in one by one, and the report stays."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Observatory
from tests.interop.logs import config, two_months, write_run

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


async def test_a_folder_is_imported_with_an_account_of_how_far_it_is(
    page: Page, observatory: Observatory, tmp_path: Path
) -> None:
    folder = tmp_path / "logs"
    for number in (1, 2, 3):
        write_run(folder / f"good-run-{number}", two_months(), settings=config(seed=number))
    write_run(folder / "broken-run-4", [{"action": "harvesting"}], nodes=False)
    (folder / "good-run-1" / "plot.png").write_bytes(b"x" * 100)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    await page.goto(f"{observatory.base}/import")
    form = page.locator("form", has=page.locator("input[webkitdirectory]"))
    await page.locator("input[webkitdirectory]").set_input_files(folder)
    await form.get_by_role("button", name="Import").click()
    report = page.locator("#import-report")
    await expect(report.get_by_role("heading")).to_have_text("3 runs imported")
    await expect(report.get_by_role("heading")).to_be_focused()
    await expect(report.locator("tbody tr")).to_have_count(4)
    await expect(report.locator("tr", has_text="broken-run-4")).to_contain_text(re.compile("not imported.*record 1"))
    await expect(report).to_contain_text("1 other file was left out")
    await expect(page.locator("#import-progress")).to_be_hidden()
    assert f"{observatory.base}/api/v1/import" in sent

    # What is there already is told, and nothing is imported twice.
    await form.get_by_role("button", name="Import").click()
    await expect(report.get_by_role("heading")).to_have_text("0 runs imported")
    await expect(report.locator("tr", has_text="good-run-2")).to_contain_text("known already imported as run r")

    # What cannot be a run is refused before anything is sent.
    sent.clear()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_text("x")
    await page.locator("input[webkitdirectory]").set_input_files(tmp_path / "notes")
    await form.get_by_role("button", name="Import").click()
    await expect(page.locator("#import-error")).to_contain_text("There is nothing there that a run is read from")
    assert sent == []
