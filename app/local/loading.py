"""From a folder to a model that can be asked: its weights in the engine, its chat template, a hash of both."""

import hashlib
import platform
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import torch

from app import __version__
from app.local.chat import ChatTemplate, UnfitMessages
from app.local.checkpoint import DTYPES, weight_files
from app.local.engine import Engine
from app.local.requests import Decoding, Sampling, TooLong
from app.local.shelf import About
from app.local.wire import Answer, ChatRequest, Refused
from app.models.local_folder import CONFIG, LocalModel

AUTO = "auto"
# Larger weights are halved on a CPU: reading them is what takes the time.
LARGE_BYTES = 1_500_000_000
NAMED = (CONFIG, "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


@dataclass(frozen=True)
class Options:
    """How a model is run: `auto` chooses; E and K are measured where `decoding` is None."""

    device: str = AUTO
    dtype: str = AUTO
    threads: int | None = None
    decoding: Decoding | None = None


def load(model: LocalModel, options: Options) -> "EngineModel":
    """Return *model*, ready to be asked. It takes as long as reading the weights, and a short run to tune E and K.

    Raises:
        UnusableCheckpoint: the folder is none that we can run; the message says why.
    """
    device = _device(options.device)
    dtype = _dtype(options.dtype, device, model.folder)
    template = ChatTemplate(model.folder)
    with ThreadPoolExecutor(1) as beside:
        revision = beside.submit(revision_of, model.folder)
        engine = Engine.load(
            model.folder, device=device, dtype=DTYPES[dtype], threads=options.threads, decoding=options.decoding
        )
        return EngineModel(engine, template, revision.result(), device, dtype)


def revision_of(folder: Path) -> str:
    """Return the SHA-256 of what decides a model's answers: configuration, tokenizer, chat template and weights."""
    total = hashlib.sha256()
    named = [folder / name for name in NAMED if (folder / name).is_file()]
    for path in [*named, *weight_files(folder)]:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.name} {digest}\n".encode())
    return total.hexdigest()


class EngineModel:
    """A loaded model behind the protocol that the server speaks."""

    def __init__(self, engine: Engine, template: ChatTemplate, revision: str, device: str, dtype: str) -> None:
        self._engine = engine
        self._template = template
        used = engine.decoding
        self.about = About(
            revision=revision,
            fingerprint=f"govsim-{__version__}-torch-{torch.__version__}-{platform.machine()}-{device}-{dtype}",
            device=device,
            dtype=dtype,
            exit_layer=used.exit_layer,
            draft_length=used.draft_length,
        )

    def ask(
        self, request: ChatRequest, on_text: Callable[[str], None] | None
    ) -> tuple["Future[Answer]", Callable[[], None]]:
        """Begin to answer; see `app.local.shelf.Loaded`."""
        sampling = Sampling(
            max_tokens=request.longest or self._engine.positions,
            temperature=request.temperature,
            top_p=request.top_p,
            stop=tuple(request.stop),
            seed=request.seed,
        )
        try:
            prompt = self._engine.encode(self._template.render([message.plain for message in request.messages]))
            asked = self._engine.submit(prompt, sampling, on_text)
        except UnfitMessages as error:
            raise Refused(str(error), param="messages", code="invalid_value") from error
        except TooLong as error:
            raise Refused(str(error), param="messages", code="context_length_exceeded") from error
        return asked, asked.cancel

    def close(self) -> None:
        """Give back the memory."""
        self._engine.close()
