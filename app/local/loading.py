"""From a folder to a model that can be asked: weights in the engine, tokenizer and chat template, a hash of all."""

import asyncio
import hashlib
import json
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer

from app import __version__
from app.local.chat import ChatTemplate, UnfitMessages
from app.local.checkpoint import DTYPES, load_model, weight_files
from app.local.engine import Engine
from app.local.requests import Decoding, Result, Sampling, TooLong
from app.local.shape import Shape, UnusableCheckpoint, read_shape
from app.local.shelf import About
from app.local.tokens import FILE as TOKENIZER
from app.local.tokens import decode, encode, load_tokenizer
from app.local.tuning import tune
from app.local.wire import ChatRequest, Refused
from app.minds.preview import example_config, preview
from app.minds.prompt_folders import load_set
from app.models.local_folder import CONFIG, LONGEST_CONTEXT, LocalModel

AUTO = "auto"
GENERATION = "generation_config.json"
DECIDING = (CONFIG, TOKENIZER, "tokenizer_config.json", "chat_template.jinja", GENERATION)
# Weights of this size and more are halved on a CPU, where reading them is what takes the time, and tuned on one prompt.
LARGE_BYTES = 1_000_000_000
# Weights below this are multiplied by one thread: a second gains little, and waits for each turn where cores are busy.
SMALL_BYTES = 100_000_000
MOST_ROWS = 8
CACHE_BYTES = 2_000_000_000
"""Memory for keys and values of all texts that are decoded at once; on a GPU a fifth of its memory, if that is more."""
TUNED_ON = ("utterance", "harvest", "insight")
"""Purposes of the prompts that E and K are measured on."""


def weights_size(folder: Path) -> int:
    """Return how many bytes the weights of the checkpoint in *folder* take on disk.

    Raises:
        UnusableCheckpoint: it has none.
    """
    return sum(path.stat().st_size for path in weight_files(folder))


def usual_threads(size: int) -> int | None:
    """Return how many CPU threads multiply weights of *size* bytes unless somebody says otherwise; None for torch's."""
    return 1 if size < SMALL_BYTES else None


@dataclass(frozen=True)
class Options:
    """How models are run. `auto` chooses; E and K are measured where `decoding` is None.

    `prompt_folders` hold the prompt sets: E and K are measured on what agents are asked.
    """

    device: str = AUTO
    dtype: str = AUTO
    threads: int | None = None
    decoding: Decoding | None = None
    prompt_folders: Sequence[Path] = ()


def load(model: LocalModel, options: Options) -> "EngineModel":
    """Return *model*, ready to be asked. It takes as long as reading the weights, and a short run to measure E and K.

    Raises:
        UnusableCheckpoint: the folder is none that we can run; the message says why.
    """
    shape, tokenizer, template = read_shape(model.folder), load_tokenizer(model.folder), ChatTemplate(model.folder)
    size = weights_size(model.folder)
    device = _device(options.device)
    dtype = options.dtype if options.dtype != AUTO else _dtype(device, size)
    if threads := options.threads or usual_threads(size):
        torch.set_num_threads(threads)
    room = min(shape.positions, LONGEST_CONTEXT)
    ends = ends_of(model.folder, shape, tokenizer)
    with ThreadPoolExecutor(1) as beside:
        revision = beside.submit(revision_of, model.folder)
        weights = load_model(model.folder, DTYPES[dtype], device)
        decoding = options.decoding
        if decoding is None:
            samples = [encode(tokenizer, template.render(prompt)) for prompt in _prompts(options.prompt_folders)]
            decoding = tune(weights, samples[: 1 if size > LARGE_BYTES else None], ends=frozenset(ends))
        engine = Engine(
            weights,
            partial(decode, tokenizer),
            partial(encode, tokenizer),
            decoding=decoding,
            ends=ends,
            rows=_rows(shape, room, dtype, device),
            room=room,
        )
        return EngineModel(engine, template, revision.result(), device, dtype)


class EngineModel:
    """A loaded model behind the protocol that the server speaks."""

    def __init__(self, engine: Engine, template: ChatTemplate, revision: str, device: str, dtype: str) -> None:
        self._engine, self._template = engine, template
        self.about = About(
            revision=revision,
            # E and K too: by chance drawn tokens depend on them, and they are measured anew with each load.
            fingerprint=f"govsim {__version__}, torch {torch.__version__}, {platform.machine()}, {device}, {dtype}, "
            f"E {engine.decoding.exit_layer}, K {engine.decoding.draft_length}",
            device=device,
            dtype=dtype,
            exit_layer=engine.decoding.exit_layer,
            draft_length=engine.decoding.draft_length,
        )

    def ask(
        self, request: ChatRequest, on_text: Callable[[str], None] | None
    ) -> tuple["Future[Result]", Callable[[], None]]:
        """Begin to answer; see `app.local.shelf.Loaded`."""
        sampling = Sampling(
            max_tokens=min(request.longest or self._engine.room, self._engine.room),
            temperature=request.temperature,
            top_p=request.top_p,
            stop=tuple(request.stop),
            seed=request.seed,
        )
        try:
            prompt = self._template.render([message.plain for message in request.messages])
            # Half a character, which JSON can hold and agents have said, has no bytes.
            prompt = prompt.encode("utf-8", "replace").decode("utf-8")
            asked = self._engine.submit(self._engine.encode(prompt), sampling, on_text)
            return asked.future, asked.cancel
        except UnfitMessages as error:
            raise Refused(str(error), param="messages", code="invalid_value") from error
        except TooLong as error:
            raise Refused(str(error), param="messages", code="context_length_exceeded") from error
        except ValueError as error:
            raise Refused(str(error), param="messages", code="invalid_value") from error

    def close(self) -> None:
        """Give back the memory."""
        self._engine.close()


def ends_of(folder: Path, shape: Shape, tokenizer: Tokenizer) -> list[int]:
    """Return the tokens that end an answer, as the configurations of model, generation and tokenizer name them."""
    found = set(shape.eos)
    named = _read(folder / GENERATION).get("eos_token_id")
    found |= {one for one in (named if isinstance(named, list) else [named]) if isinstance(one, int)}
    mark = _read(folder / "tokenizer_config.json").get("eos_token")
    mark = mark.get("content") if isinstance(mark, dict) else mark
    if isinstance(mark, str) and (number := tokenizer.token_to_id(mark)) is not None:
        found.add(number)
    return sorted(found)


def revision_of(folder: Path) -> str:
    """Return the SHA-256 of what decides a model's answers: configuration, tokenizer, chat template and weights."""
    total = hashlib.sha256()
    named = [folder / name for name in DECIDING if (folder / name).is_file()]
    for path in [*named, *weight_files(folder)]:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(f"{path.name} {digest}\n".encode())
    return total.hexdigest()


def _prompts(folders: Sequence[Path]) -> list[list[dict[str, str]]]:
    """Return what agents are asked in the first month of a usual fishery, a prompt for each purpose of TUNED_ON."""
    sent = asyncio.run(preview(example_config("fishery", "default"), load_set(folders, "base")))
    chosen = [next(one for one in sent if one.key.purpose == purpose) for purpose in TUNED_ON]
    return [[{"role": message.role, "content": message.content} for message in one.messages] for one in chosen]


def _device(wanted: str) -> str:
    if wanted == AUTO:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise UnusableCheckpoint(f"The device {wanted} cannot be used: {reason}.") from None
    return wanted


def _dtype(device: str, size: int) -> str:
    return "float32" if device == "cpu" and size < LARGE_BYTES else "bfloat16"


def _rows(shape: Shape, room: int, dtype: str, device: str) -> int:
    """Return how many texts can be decoded at once with the memory that there is for their keys and values."""
    allowed = CACHE_BYTES
    if device.startswith("cuda"):
        allowed = max(allowed, torch.cuda.get_device_properties(device).total_memory // 5)
    token = 2 * shape.layers * shape.kv_heads * shape.head_size * DTYPES[dtype].itemsize
    return max(1, min(MOST_ROWS, allowed // (token * room)))


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
