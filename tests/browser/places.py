"""Every page of the application, in the states in which somebody may find it.

A place is an address in the town (tests/browser/town.py), and what a reader does there first. A page that is added to
the application needs its places here: `test_places.py` compares this table with the application's routes.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from playwright.async_api import Page, expect

Step = Callable[[Page], Awaitable[None]]


@dataclass(frozen=True)
class Place:
    """A page in one state.

    Attributes:
        name: what the state is called; names its screenshots.
        path: its address, with `{finished}` and the like for what the town holds.
        steps: what a reader does there first.
        empty: whether it is a place of the empty town, whose reader has logged in.
        status: with which status it answers.
        loaded: whether all of it arrives.
        long: whether only the long suites go there: close to another place, or slow.
    """

    name: str
    path: str
    steps: tuple[Step, ...] = ()
    empty: bool = False
    status: int = 200
    loaded: bool = True
    long: bool = False


def click(selector: str) -> Step:
    """Press what *selector* finds first."""

    async def step(page: Page) -> None:
        await page.locator(selector).first.click()

    return step


def fill(selector: str, text: str) -> Step:
    """Type *text* into what *selector* finds."""

    async def step(page: Page) -> None:
        await page.locator(selector).fill(text)

    return step


def send(selector: str) -> Step:
    """Send the form that *selector* finds as it is, past the browser's own checks."""

    async def step(page: Page) -> None:
        form = page.locator(selector).first
        await form.evaluate("form => { form.noValidate = true; }")
        async with page.expect_navigation():
            await form.locator("button:not([formaction])").first.click()

    return step


def press(key: str) -> Step:
    """Press a key."""

    async def step(page: Page) -> None:
        await page.keyboard.press(key)

    return step


def upload(selector: str, name: str, body: bytes) -> Step:
    """Choose a file of that name and content."""

    async def step(page: Page) -> None:
        await page.locator(selector).first.set_input_files({"name": name, "mimeType": "", "buffer": body})

    return step


def shown(selector: str) -> Step:
    """Wait until what *selector* finds is there."""

    async def step(page: Page) -> None:
        await expect(page.locator(selector).first).to_be_visible(timeout=20_000)

    return step


def withhold(pattern: str) -> Step:
    """Let no request to an address like *pattern* be answered."""

    async def step(page: Page) -> None:
        await page.route(pattern, lambda _: None)

    return step


def refuse(pattern: str) -> Step:
    """Let requests to addresses like *pattern* fail."""

    async def step(page: Page) -> None:
        await page.route(pattern, lambda route: route.abort())

    return step


async def open_all(page: Page) -> None:
    """Open everything that can be unfolded, menus aside."""
    await page.evaluate("document.querySelectorAll('details:not(.menu)').forEach(each => { each.open = true; })")


PLACES: Mapping[str, tuple[Place, ...]] = MappingProxyType(
    {
        "/": (Place("home", "/"), Place("home-month", "/?month=5", long=True), Place("home-empty", "/", empty=True)),
        "/launch": (
            Place("launch", "/launch"),
            Place("launch-open", "/launch?from={mixed}", (open_all,), long=True),
            Place(
                "launch-preview",
                "/launch?mind=generative:lab/villager&prompts=paraphrase-1",
                (click("[data-preview]"), shown(".sheet h1")),
            ),
            Place(
                "launch-asking",
                "/launch?mind=generative:lab/villager",
                (withhold("**/models/check"), click("[data-check]"), shown("text=Asking…")),
            ),
            Place("launch-no-models", "/launch", empty=True),
            Place(
                "launch-wrong",
                "/launch",
                (open_all, fill("#seeds", "3, 3"), fill("#months", "x"), fill("#growth", "-1"), send("form.launch")),
                status=422,
            ),
        ),
        "/launch/preview": (
            Place("preview", "/launch/preview?scenario=fishery&mind=generative:lab/villager&prompts=paraphrase-1"),
        ),
        "/prompts": (Place("prompts", "/prompts"), Place("prompts-open", "/prompts", (open_all,), long=True)),
        "/runs": (
            Place("runs", "/runs"),
            Place("runs-empty", "/runs", empty=True),
            Place("runs-none-found", "/runs?q=nothing+is+called+this"),
            Place("runs-selected", "/runs", (click("tbody input[type=checkbox]"),)),
            Place("runs-columns", "/runs", (click("#columns summary"),), long=True),
        ),
        "/runs/deleted": (Place("deleted", "/runs/deleted"), Place("deleted-empty", "/runs/deleted", empty=True)),
        "/search": (
            Place("search", "/search?q=limit"),
            Place("search-none-found", "/search?q=nothing+is+called+this"),
            Place("search-empty", "/search", empty=True),
        ),
        "/runs/{run_id}": (
            Place("run-finished", "/runs/{finished}?m=2"),
            Place("run-decision", "/runs/{broken}?m=3&agent=john&tab=decision", long=True),
            Place("run-prompt", "/runs/{finished}?m=2&agent=kate&tab=prompt"),
            Place("run-completion", "/runs/{finished}?m=2&agent=kate&tab=completion", long=True),
            Place("run-memories", "/runs/{finished}?m=2&agent=kate&tab=memories"),
            Place("run-usage", "/runs/{finished}?m=2&agent=kate&tab=usage", long=True),
            Place("run-chat", "/runs/{finished}?m=2&view=chat", long=True),
            Place("run-tables", "/runs/{imported}?m=2&view=charts", (open_all,), long=True),
            Place("run-charts", "/runs/{finished}?m=2&view=charts", long=True),
            Place("run-search", "/runs/{finished}?m=2&q=limit&view=chat"),
            Place(
                "run-loading",
                "/runs/{finished}?m=2",
                (withhold("**/calls?*"), press("2"), shown(".inspector .skeleton")),
                loaded=False,
            ),
            Place(
                "run-panel-failed",
                "/runs/{finished}?m=2",
                (refuse("**/calls?*"), press("2"), shown("text=could not be loaded")),
            ),
            Place("run-keys", "/runs/{finished}?m=2", (press("?"),)),
            Place("run-share-menu", "/runs/{finished}?m=2", (click("summary:text-is('Share')"),)),
            Place(
                "run-more-menu",
                "/runs/{paused}",
                (click(".more > summary"), click(".more .menu > summary:text-is('Priority')")),
            ),
            Place("run-note-menu", "/runs/{broken}", (click("summary:text-is('Edit the note')"),), long=True),
            Place("run-collapsed", "/runs/{collapsed}", long=True),
            Place("run-broken", "/runs/{broken}?m=4"),
            Place("run-crowd", "/runs/{crowd}?m=2", long=True),
            Place("run-long", "/runs/{long}?m=70", long=True),
            Place("run-mixed", "/runs/{mixed}", long=True),
            Place("run-live", "/runs/{live}"),
            Place("run-paused", "/runs/{paused}", long=True),
            Place("run-failed", "/runs/{failed}"),
            Place("run-imported", "/runs/{imported}?m=5"),
            Place("run-wrong-place", "/runs/{finished}?m=99&agent=nobody", long=True),
            Place("run-unknown", "/runs/rzzzzzzz", status=404),
        ),
        "/compare": (
            Place("compare", "/compare?scenario=fishery&group=model&group=scenario"),
            Place(
                "compare-open",
                "/compare?experiment={mixed_experiment}&run={collapsed}&group=model",
                (open_all,),
                long=True,
            ),
            Place("compare-two-runs", "/compare?run={collapsed}&run={mixed}&diff={collapsed}&diff={mixed}"),
            Place("compare-find", "/compare?find=fair", long=True),
            Place("compare-nothing", "/compare?run=rzzzzzzz&group=nonsense", long=True),
            Place("compare-empty", "/compare", empty=True),
        ),
        "/experiments": (
            Place("experiments", "/experiments"),
            Place("experiments-none", "/experiments?q=nothing-of-this-name", long=True),
            Place("experiments-empty", "/experiments", empty=True, long=True),
        ),
        "/experiments/new": (
            Place("experiment-new", "/experiments/new"),
            Place("experiment-new-open", "/experiments/new?from=paper-universalization", (open_all,), long=True),
            Place(
                "experiment-new-wrong",
                "/experiments/new",
                (open_all, fill("#seeds", "3, 3"), fill("#months", "x"), fill("#settings", "a ="), send("form.launch")),
                status=422,
            ),
        ),
        "/experiments/{experiment_id}/plan": (
            Place("experiment-plan", "/experiments/{grid}/plan"),
            Place("experiment-plan-unknown", "/experiments/xzzzzzzz/plan", status=404, long=True),
        ),
        "/experiments/{experiment_id}": (
            Place("experiment", "/experiments/{mixed_experiment}"),
            Place("experiment-grid", "/experiments/{grid}", (open_all,)),
            Place("experiment-unknown", "/experiments/xzzzzzzz", status=404, long=True),
        ),
        "/subskills": (
            Place("subskills", "/subskills"),
            Place("subskills-empty", "/subskills", empty=True),
            Place("subskills-wrong", "/subskills", (fill("#cases", "many"), send("form#new")), status=422),
        ),
        "/subskills/{tests_id}": (Place("subskill-run", "/subskills/{tests}"),),
        "/subskills/{tests_id}/cases/{test}/{number}": (
            Place("subskill-case", "/subskills/{tests}/cases/bare_limit/1"),
        ),
        "/bundle": (Place("bundle", "/bundle?of={finished}"), Place("bundle-refused", "/bundle?of={live}", long=True)),
        "/cite": (
            Place("cite", "/cite?run={finished}"),
            Place("cite-comparison", "/cite?scenario=fishery&group=model", long=True),
        ),
        "/shares": (Place("shares", "/shares"), Place("shares-empty", "/shares", empty=True)),
        "/import": (
            Place("import", "/import"),
            Place(
                "import-report",
                "/import",
                (
                    upload("input[accept]", "log_env.json", b"[]"),
                    click("main form:has(input[accept]) button"),
                    shown("text=not imported"),
                ),
            ),
            Place(
                "import-wrong",
                "/import",
                (
                    upload("input[accept]", "logs.zip", b"no archive"),
                    click("main form:has(input[accept]) button"),
                    shown("text=Nothing was imported"),
                ),
                status=422,
            ),
        ),
        "/settings": (Place("settings", "/settings"), Place("settings-empty", "/settings", empty=True, long=True)),
        "/methods": (Place("methods", "/methods"),),
        "/operations": (
            Place("operations", "/operations"),
            Place("operations-empty", "/operations", empty=True, long=True),
        ),
        "/login": (
            Place("login", "/login", empty=True),
            Place(
                "login-wrong",
                "/login",
                (fill("input[type=password]", "not this"), send("main form")),
                empty=True,
                status=401,
            ),
        ),
        "/s/{token}": (
            Place("shared", "{shared}?m=2&agent=kate&tab=prompt"),
            Place("shared-live", "{followed}"),
            Place("shared-without-prompts", "{shared_bare}?agent=john&tab=prompt", long=True),
            Place("shared-experiment", "{shared_experiment}"),
            Place("shared-comparison", "{shared_comparison}"),
            Place("shared-revoked", "{revoked}", status=410),
            Place("shared-unknown", "/s/nobody-has-this-token", status=404),
        ),
        "/s/{token}/runs/{run_id}": (
            Place("shared-experiment-run", "{shared_experiment}/runs/{mixed}"),
            Place("shared-other-run", "{shared_experiment}/runs/{finished}", status=404),
        ),
    }
)
"""Each page's route, and its states."""

NO_PAGES = frozenset(
    {
        "/launch/estimate",
        "/runs/{run_id}/budget",
        "/runs/{run_id}/corrections",
        "/runs/{run_id}/rerun-check",
        "/runs/{run_id}/export/{kind}",
        "/compare/export/{kind}",
        "/cite/text",
        "/bundle/file",
        "/s/{token}/export/{kind}",
        "/s/{token}/picture.png",
        "/s/{token}/runs/{run_id}/picture.png",
        "/experiments/{experiment_id}/budget",
        "/metrics",
        "/healthz",
        "/static/{build}/{path:path}",
        "/favicon.ico",
    }
)
"""What is read, but is no page of its own: data, files, and addresses that lead to a page above."""


def all_places() -> Iterator[Place]:
    """Give every place."""
    for places in PLACES.values():
        yield from places


async def arrive(page: Page, address: str, place: Place) -> None:
    """Go to *place* at *address*, do its steps and wait until nothing is loading any more."""
    await page.unroute_all(behavior="ignoreErrors")
    answer = await page.goto(address)
    assert answer is not None
    assert place.steps or answer.status == place.status, f"{place.name} answered {answer.status}"
    await settle(page)
    for step in place.steps:
        await step(page)
    if place.loaded:
        await settle(page)


async def settle(page: Page) -> None:
    """Wait until the page's scripts have run and what it shows has been loaded."""
    if await page.locator("#run").count():
        await expect(page.locator("#run")).to_have_attribute("data-ready", "true", timeout=20_000)
    await expect(page.locator(".skeleton")).to_have_count(0, timeout=20_000)
