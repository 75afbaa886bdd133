"""Models on this machine as the endpoint `local`: without a key, without a price."""

from pathlib import Path

from app.models.endpoints import DeclaredPrice, Endpoint
from app.models.local_folder import DEFAULT_PORT, LocalModel, find_models, install_advice, missing_extra

NAME = "local"
DEFAULT_ADDRESS = f"http://127.0.0.1:{DEFAULT_PORT}"

# Requests at once: the engine computes them together, and five agents decide at the same moment.
AT_ONCE = 8
# A long answer of a large model on a CPU; a request also waits while a model is loaded.
TIMEOUT_S = 1800.0


def local_endpoint(models: tuple[LocalModel, ...], address: str | None = None) -> Endpoint | None:
    """Return the endpoint of the *models*, asked at *address* (`http://host:port`); None where there are none.

    They cost nothing. Without the extra they are offered by nobody, and whoever names one is told what to install.
    """
    usable = [model for model in models if model.problem is None]
    if not usable:
        return None
    missing = missing_extra()
    return Endpoint(
        name=NAME,
        base_url=(address or DEFAULT_ADDRESS).rstrip("/") + "/v1",
        models=tuple(model.name for model in usable),
        max_concurrency=AT_ONCE,
        timeout_s=TIMEOUT_S,
        prices=tuple(DeclaredPrice(model=model.name, input_per_mtok=0, output_per_mtok=0) for model in usable),
        labels={model.name: model.label for model in usable if model.label},
        lengths={model.name: model.context_tokens for model in usable if model.context_tokens},
        place="the folder of local models (GOVSIM_LOCAL_MODELS)",
        unusable=None if missing is None else install_advice(missing),
    )


def with_local(endpoints: tuple[Endpoint, ...], folder: Path, address: str | None) -> tuple[Endpoint, ...]:
    """Return *endpoints* and that of the models in *folder*, which a table of that name stands in for."""
    if any(endpoint.name == NAME for endpoint in endpoints):
        return endpoints
    local = local_endpoint(find_models(folder), address)
    return endpoints if local is None else (*endpoints, local)
