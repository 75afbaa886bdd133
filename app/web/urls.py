"""The one place that knows every address. Pages, redirects, templates and the API build theirs here."""

from collections.abc import Mapping, Sequence
from urllib.parse import quote, urlencode

API = "/api/v1"

Query = Mapping[str, object]


def with_query(path: str, query: Query | None = None) -> str:
    """Return *path* with the entries of *query* that are neither None nor empty."""
    kept = [(name, str(value)) for name, value in (query or {}).items() if value not in (None, "", False)]
    return f"{path}?{urlencode(kept)}" if kept else path


def home(query: Query | None = None) -> str:
    """The home page."""
    return with_query("/", query)


def samples() -> str:
    """Where the sample runs are started (POST)."""
    return "/samples"


def example() -> str:
    """Where the home page's example is played as a run of its own (POST)."""
    return "/example"


def launch(from_run: str | None = None) -> str:
    """The launch form, filled in like the run *from_run* if it is given."""
    return with_query("/launch", {"from": from_run})


def estimate() -> str:
    """What the launch form asks as it changes: how many calls its runs would make."""
    return "/launch/estimate"


def check_chosen() -> str:
    """Where the models that the launch form names are asked for next to nothing (POST)."""
    return "/launch/check"


def preview(query: Query | None = None) -> str:
    """What a model would be sent by the launch that *query* describes, in the launch form's fields."""
    return with_query("/launch/preview", query)


def launch_with(query: Query) -> str:
    """The launch form with the fields of *query* filled in."""
    return with_query("/launch", query)


def prompts() -> str:
    """The prompt sets."""
    return "/prompts"


def runs(query: Query | None = None) -> str:
    """The list of runs."""
    return with_query("/runs", query)


def search(query: Query | None = None) -> str:
    """The search over all runs."""
    return with_query("/search", query)


def api_search(query: Query | None = None) -> str:
    """The search over all runs, in the API."""
    return with_query(f"{API}/search", query)


def deleted_runs() -> str:
    """The runs that were deleted and can still be brought back."""
    return "/runs/deleted"


def runs_action(action: str) -> str:
    """Where several runs at once are tagged, archived, deleted (`selected`) or brought back (`undelete`) (POST)."""
    return f"/runs/{_part(action)}"


def run(run_id: str, query: Query | None = None) -> str:
    """The page of a run."""
    return with_query(f"/runs/{_part(run_id)}", query)


def run_action(run_id: str, action: str) -> str:
    """Where a control of a run is posted to: pause, end, stop, resume, retry, rename, tags, delete and so on."""
    return f"/runs/{_part(run_id)}/{action}"


def export(run_id: str, kind: str) -> str:
    """A run as files."""
    return f"/runs/{_part(run_id)}/export/{_part(kind)}"


def compare(query: Query | None = None) -> str:
    """The comparison of groups of runs."""
    return with_query("/compare", query)


def compare_runs(run_ids: Sequence[str]) -> str:
    """The comparison of these runs."""
    return f"/compare?{urlencode([('run', run_id) for run_id in run_ids])}"


def api_compare() -> str:
    """The comparison in the API; charts are below it."""
    return f"{API}/compare"


def export_comparison() -> str:
    """Where a comparison is had as files; the kind is below it."""
    return f"{compare()}/export"


def share_comparison(query: str) -> str:
    """Where a link to the comparison of a canonical query is made (POST)."""
    return f"{compare()}/share?{query}"


def comparison(query: str) -> str:
    """The comparison of a canonical query."""
    return f"{compare()}?{query}" if query else compare()


def cite(query: str) -> str:
    """How to cite what the canonical query of a comparison names."""
    return f"/cite?{query}"


def cite_run(run_id: str) -> str:
    """How to cite a run."""
    return cite(urlencode({"run": run_id}))


def cite_experiment(experiment_id: str) -> str:
    """How to cite an experiment."""
    return cite(urlencode({"experiment": experiment_id}))


def bundle(names: Sequence[str]) -> str:
    """The form that writes a deposit bundle of these runs and experiments."""
    return f"/bundle?{urlencode([('of', name) for name in names])}"


def bundle_file() -> str:
    """The bundle itself; what goes into it is in its query."""
    return "/bundle/file"


def experiment(experiment_id: str) -> str:
    """The page of an experiment."""
    return f"/experiments/{_part(experiment_id)}"


def experiments(query: Query | None = None) -> str:
    """The list of experiments."""
    return with_query("/experiments", query)


def new_experiment(source: str | None = None) -> str:
    """The form of an experiment, filled in by a bundled definition or like a stored experiment."""
    return with_query("/experiments/new", {"from": source})


def new_experiment_action(action: str) -> str:
    """What the form of an experiment asks (POST): estimate, check, fill, toml."""
    return f"/experiments/new/{_part(action)}"


def definition(experiment_id: str) -> str:
    """The definition of an experiment as a file."""
    return f"{api_experiment(experiment_id)}/definition"


def plan(experiment_id: str) -> str:
    """The plan of an experiment, and where another version is frozen (POST)."""
    return f"{experiment(experiment_id)}/plan"


def api_plan(experiment_id: str) -> str:
    """The plan of an experiment in the API."""
    return f"{API}/experiments/{_part(experiment_id)}/plan"


def import_logs() -> str:
    """Where logs of the research code are brought in."""
    return "/import"


def api_import() -> str:
    """The same in the API, with an account of how far it is."""
    return f"{API}/import"


def subskills(query: Query | None = None) -> str:
    """The subskill tests: results side by side, and the form that starts them."""
    return with_query("/subskills", query)


def subskill_run(run_id: str, query: Query | None = None) -> str:
    """One model's subskill tests in one scenario."""
    return with_query(f"/subskills/{_part(run_id)}", query)


def subskill_action(run_id: str, action: str) -> str:
    """Where a control of subskill tests is posted to: stop or resume."""
    return f"/subskills/{_part(run_id)}/{action}"


def subskill_case(run_id: str, test: str, number: int) -> str:
    """A case of a test: its prompt and completion."""
    return f"/subskills/{_part(run_id)}/cases/{_part(test)}/{number}"


def api_subskill_run(run_id: str) -> str:
    """Subskill tests in the API."""
    return f"{API}/subskills/{_part(run_id)}"


def api_subskill_set(set_id: str, reference: str | None = None) -> str:
    """All subskill tests with the same questions, in the API."""
    return with_query(f"{API}/subskills/sets/{_part(set_id)}", {"reference": reference})


def shares() -> str:
    """The list of issued links."""
    return "/shares"


def revoke(share_id: str) -> str:
    """Where a link is revoked (POST)."""
    return f"/shares/{_part(share_id)}/revoke"


def share(token: str) -> str:
    """The address that a share's holder opens."""
    return f"/s/{_part(token)}"


def shared_run(token: str, run_id: str) -> str:
    """A run of a shared experiment or comparison."""
    return f"{share(token)}/runs/{_part(run_id)}"


def picture(page: str) -> str:
    """The picture that goes with the shared page at *page* where its address is pasted."""
    return f"{page}/picture.png"


def methods() -> str:
    """How the numbers are made."""
    return "/methods"


def metric(name: str) -> str:
    """Where the metric *name*, as the API calls it, is defined."""
    return f"{methods()}#metric-{_part(name)}"


def settings() -> str:
    """Which models there are."""
    return "/settings"


def operations() -> str:
    """What goes on: workers, the queue, what is being played, errors."""
    return "/operations"


def api_operations() -> str:
    """What goes on, in the API."""
    return f"{API}/operations"


def experiment_action(experiment_id: str, action: str) -> str:
    """Where a control of an experiment is posted to: pause, resume or cancel all its runs, budget or share."""
    return f"/experiments/{_part(experiment_id)}/{action}"


def metrics() -> str:
    """Numbers for Prometheus."""
    return "/metrics"


def check_models() -> str:
    """Where every model is asked for next to nothing (POST)."""
    return "/settings/check"


def api_check_models() -> str:
    """The same in the API, for models by name."""
    return f"{API}/models/check"


def login(next_path: str | None = None) -> str:
    """The login page, which leads on to *next_path*."""
    return with_query("/login", {"next": next_path})


def logout() -> str:
    """Where the session is ended (POST)."""
    return "/logout"


def asset(build: str, path: str) -> str:
    """A file under static/, at an address that changes with the build."""
    return f"/static/{build}/{quote(path)}"


def openapi() -> str:
    """The API's description."""
    return "/api/openapi.json"


def api_run(run_id: str) -> str:
    """A run in the API."""
    return f"{API}/runs/{_part(run_id)}"


def api_experiment(experiment_id: str) -> str:
    """An experiment in the API."""
    return f"{API}/experiments/{_part(experiment_id)}"


def _part(text: str) -> str:
    return quote(text, safe="")
