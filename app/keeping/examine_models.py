"""The examination of model endpoints: configured, key there (never shown), and on request whether they answer."""

from pathlib import Path

from app.keeping.findings import Finding, counted, ok, problem, warning
from app.models.check import check_models
from app.models.hub import ModelHub
from app.models.local_folder import find_models


def examine_local(folder: Path) -> list[Finding]:
    """Look at the models on this machine: what is no whole model is named."""
    models = find_models(folder)
    broken = [model for model in models if model.problem is not None]
    if not models:
        return [ok("local models", f"There is none in {folder}.")]
    found = [
        warning("local models", f"{model.folder}: {model.problem}", "Put the whole model there, or take it away.")
        for model in broken
    ]
    if len(broken) < len(models):
        found.append(ok("local models", f"{counted(len(models) - len(broken), 'model')} in {folder}."))
    return found


async def examine_models(hub: ModelHub, *, ask: bool) -> list[Finding]:
    """Look at the endpoints; with *ask* make one tiny call to each model."""
    views = hub.views()
    if not views:
        return [ok("models", "No model endpoint is configured. Scripted minds need none.")]
    found = []
    for view in views:
        about, models = f"endpoint {view.name}", counted(len(view.models) + len(view.embeddings), "model")
        if view.unusable is not None:
            found.append(warning(about, f"{models} on this machine: none can be asked.", view.unusable))
        elif view.api_key_env is not None and not view.key_present:
            text = f"{view.host}, {models}: no key."
            found.append(warning(about, text, f"Set {view.api_key_env} where govsim starts, or take the endpoint out."))
        else:
            key = "needs no key" if view.api_key_env is None else f"key in {view.api_key_env} is set"
            found.append(ok(about, f"{view.host}, {models}, {key}."))
    if ask:
        for check in await check_models(hub):
            if check.ok:
                found.append(ok(check.model, f"It answers, in {check.latency_ms} ms."))
            else:
                found.append(problem(check.model, str(check.error), "Mend the endpoint; its runs would pause."))
    return found
