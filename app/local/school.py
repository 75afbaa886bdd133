"""A training from beginning to end: lessons, tokenizer, model, trainer, log and the checkpoint that comes of it."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer

from app.commons.chance import generator
from app.local.chat_files import UnusableChats, read_chats
from app.local.checkpoint import DTYPES, load_model, save_model
from app.local.corpus import Lesson, held_out, lessons
from app.local.documents import Batch, Batches, Document, Layout, OwnLayout, TemplateLayout, documents, pad_batch
from app.local.episodes import PROMPT_SETS
from app.local.journal import CHART, LOG, Look, chart, forget_after, read_looks, write_look
from app.local.llama import Llama
from app.local.shape import Shape
from app.local.tokenizing import BEGIN, END, PAD, save_tokenizer, train_tokenizer
from app.local.training import STATE, CannotResume, Plan, Progress, Trainer, losses_by_layer

ABOUT = "govsim.json"
HELD_OUT_DOCUMENTS = 120
HELD_OUT_TOGETHER = 4096
"""Tokens of held-out documents that are read at once, padding included."""
PROBED_STEPS = 3


class CannotTrain(ValueError):
    """A training cannot begin; the message says what to change."""


@dataclass(frozen=True)
class Sizes:
    """The shape of a model that is trained from nothing; `vocabulary` is the most its tokenizer may learn."""

    vocabulary: int = 4096
    width: int = 256
    layers: int = 8
    heads: int = 4
    kv_heads: int = 2
    inner: int = 640
    positions: int = 2048


@dataclass(frozen=True)
class Job:
    """What is to be trained, and how.

    Attributes:
        plan: steps, rates and the recipe.
        sizes: the model's shape, if it is trained from nothing.
        start: a checkpoint to continue from instead, with its own tokenizer.
        chats: files of chats to learn from (`app.local.chat_files`); without them lessons of scripted minds are made.
        lessons: how many lessons to make, or to learn from at most.
        longest: lessons of more tokens are left out.
        look_every: steps between two looks at the held-out prompts.
        save_every: steps between two saved states.
        dtype: how the weights of the checkpoint are stored.
        label: what the model is, for whoever may choose it.
    """

    plan: Plan
    sizes: Sizes = Sizes()
    start: Path | None = None
    chats: tuple[Path, ...] = ()
    lessons: int = 9000
    longest: int = 512
    look_every: int = 100
    save_every: int = 200
    dtype: str = "float32"
    label: str = ""


@dataclass(frozen=True)
class Estimate:
    """What a training would take: `seconds` as measured on a few steps on this machine, as busy as it is now."""

    parameters: int
    documents: int
    tokens: int
    seconds: float


class School:
    """A training that is set up: all lessons made, nothing trained yet."""

    def __init__(self, job: Job, folders: Sequence[Path]) -> None:
        """Make the lessons and the model of *job*; prompt sets are read from *folders*.

        Raises:
            CannotTrain: chats cannot be read, no lesson is short enough, or the checkpoint's tokenizer cannot be used.
            app.local.shape.UnusableCheckpoint: the checkpoint to continue from cannot be used.
        """
        self.job = job
        self._tokenizer: Tokenizer | None = None
        self._layout: Layout
        seed = job.plan.seed
        made, apart, self._taught = _lessons(job, folders)
        torch.manual_seed(seed)
        if job.start is not None:
            self.model = load_model(job.start)
            self._layout = _template(job.start)
        else:
            self._tokenizer = train_tokenizer(_texts(made), job.sizes.vocabulary, words=bool(job.chats))
            self._layout = OwnLayout(self._tokenizer)
            self.model = Llama(_shape(job.sizes, self._tokenizer))
        longest = min(job.longest, self.model.shape.positions)
        self.documents = list(documents(self._layout, made, longest))
        self.left_out = len(made) - len(self.documents)
        self.held_out = _side_by_side(list(documents(self._layout, apart, longest)), job.plan.prompt_weight)
        if not self.documents or not self.held_out:
            raise CannotTrain(f"No lesson has {longest} tokens or fewer. Allow more with --longest.")
        self.trainer = self._trainer_of(self.model)

    def estimate(self) -> Estimate:
        """Train a few steps on a copy of the model and say what all of them would take."""
        trainer = self._trainer_of(_copy(self.model))
        trainer.run(1)
        started, before = time.monotonic(), trainer.tokens
        trainer.run(1 + min(PROBED_STEPS, self.job.plan.steps))
        done = max(1, trainer.step - 1)
        a_step = (time.monotonic() - started) / done
        tokens = (trainer.tokens - before) // done * self.job.plan.steps
        return Estimate(self.model.shape.parameters, len(self.documents), tokens, a_step * self.job.plan.steps)

    def train(self, folder: Path, *, resume: bool = False, say: Callable[[Look], None] = lambda _: None) -> None:
        """Train and leave a checkpoint in *folder*, with the log and a chart beside it.

        What is interrupted goes on with *resume* as if it had not been. *say* is told of each look.

        Raises:
            CannotTrain: there is something in the folder, or nothing to go on with.
        """
        before = self._enter(folder, resume)
        started, computed = time.monotonic(), time.process_time()

        def after(progress: Progress) -> None:
            if progress.step % self.job.look_every == 0 or progress.step == self.job.plan.steps:
                look = Look(
                    step=progress.step,
                    loss=progress.loss,
                    losses=tuple(losses_by_layer(self.model, self.held_out)),
                    tokens=progress.tokens,
                    seconds=(before.seconds if before else 0.0) + time.monotonic() - started,
                    cpu_seconds=(before.cpu_seconds if before else 0.0) + time.process_time() - computed,
                )
                write_look(folder, look)
                say(look)
            if progress.step % self.job.save_every == 0:
                self.trainer.save(folder)

        try:
            self.trainer.run(after_step=after)
        except KeyboardInterrupt:
            self.trainer.save(folder)
            raise
        self._finish(folder)

    def _enter(self, folder: Path, resume: bool) -> Look | None:
        """Return the last look before the step that the training goes on from."""
        state = (folder / STATE).is_file()
        if resume:
            if not state:
                raise CannotTrain(f"There is no training to go on with in {folder}.")
            try:
                self.trainer.resume(folder)
            except CannotResume as error:
                raise CannotTrain(f"{error} Give the same options, or train into another folder.") from None
            forget_after(folder, self.trainer.step)
            return next(reversed(read_looks(folder)), None)
        if state:
            raise CannotTrain(f"{folder} holds a training that has not ended. Go on with --resume, or delete it.")
        if (folder / "config.json").exists():
            raise CannotTrain(f"{folder} holds a model already. Choose another folder, or delete it.")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOG).unlink(missing_ok=True)
        return None

    def _finish(self, folder: Path) -> None:
        """Write the checkpoint; `config.json` comes last, so that a folder with one is whole."""
        self._save_tokenizer(folder)
        looks = read_looks(folder)
        layers = sorted({1, *range(2, self.model.shape.layers + 1, 2), self.model.shape.layers})
        (folder / CHART).write_text(chart({"": looks}, layers), encoding="utf-8")
        (folder / ABOUT).write_text(json.dumps(self._about(looks), indent=2) + "\n", encoding="utf-8")
        save_model(self.model, folder, DTYPES[self.job.dtype])
        (folder / STATE).unlink(missing_ok=True)

    def _save_tokenizer(self, folder: Path) -> None:
        if self._tokenizer is not None:
            save_tokenizer(self._tokenizer, folder, self.model.shape.positions)
        elif self.job.start is not None:
            for path in self.job.start.iterdir():
                if path.name.startswith(("tokenizer", "special_tokens", "vocab", "merges", "added_", "chat_template")):
                    (folder / path.name).write_bytes(path.read_bytes())

    def _about(self, looks: Sequence[Look]) -> dict[str, Any]:
        job = self.job
        said = {
            "label": job.label,
            "trained_on": self._taught,
            "version": version("govsim-observatory"),
            "seed": job.plan.seed,
            "lessons": len(self.documents),
            "continued_from": None if job.start is None else job.start.name,
            "parameters": self.model.shape.parameters,
            "plan": asdict(job.plan),
        }
        if looks:
            last = looks[-1]
            said |= {"loss_by_layer": [round(value, 4) for value in last.losses], "tokens": last.tokens}
            said |= {"seconds": round(last.seconds), "cpu_seconds": round(last.cpu_seconds)}
        return {name: value for name, value in said.items() if value not in ("", None)}

    def _trainer_of(self, model: Llama) -> Trainer:
        plan = self.job.plan
        pad = model.shape.pad or 0
        batches = Batches(self.documents, budget=plan.budget, seed=plan.seed, prompt_weight=plan.prompt_weight, pad=pad)
        return Trainer(model, batches, plan, _fingerprint(self.documents))


def _lessons(job: Job, folders: Sequence[Path]) -> tuple[list[Lesson], list[Lesson], str]:
    """Return what is to be learnt, what is held out, and in words what both are."""
    seed = job.plan.seed
    if not job.chats:
        made = list(islice(lessons(seed, folders), job.lessons))
        apart = list(islice(held_out(seed, folders), HELD_OUT_DOCUMENTS))
        return made, apart, f"prompts of the sets {', '.join(dict.fromkeys(PROMPT_SETS))}, answered by scripted minds"
    try:
        split = read_chats(job.chats, seed)
    except UnusableChats as error:
        raise CannotTrain(str(error)) from None
    learnt, apart = list(split.learnt), list(split.held_out[:HELD_OUT_DOCUMENTS])
    if job.lessons < len(learnt):
        # Of all files alike, not the first file's alone.
        learnt = generator(seed, "learnt").sample(learnt, job.lessons)
    what = f"{split.runs} whole runs" if split.runs else f"{len(split.held_out)} of them"
    names = ", ".join(path.name for path in job.chats)
    return learnt, apart, f"{len(learnt)} chats of {names}; {what} held out"


def _shape(sizes: Sizes, tokenizer: Any) -> Shape:
    if sizes.width % sizes.heads:
        raise CannotTrain(f"A width of {sizes.width} cannot be shared evenly by {sizes.heads} heads.")
    return Shape(
        vocabulary=tokenizer.get_vocab_size(),
        width=sizes.width,
        layers=sizes.layers,
        heads=sizes.heads,
        kv_heads=sizes.kv_heads,
        head_size=sizes.width // sizes.heads,
        inner=sizes.inner,
        positions=sizes.positions,
        bos=tokenizer.token_to_id(BEGIN),
        eos=(tokenizer.token_to_id(END),),
        pad=tokenizer.token_to_id(PAD),
        # A head of its own costs no time in decoding, and all layers learn better with it (docs/local-training.md).
        tied=False,
    )


def _template(folder: Path) -> Layout:
    try:
        return TemplateLayout(folder)
    except ValueError as error:
        raise CannotTrain(str(error)) from None


def _texts(made: Sequence[Lesson]) -> Any:
    for lesson in made:
        yield from (text for _, text in lesson.prompt)
        yield lesson.answer


def _side_by_side(found: Sequence[Document], prompt_weight: float) -> list[Batch]:
    rows: list[list[Document]] = []
    for document in sorted(found, key=lambda one: len(one.tokens)):
        if not rows or (len(rows[-1]) + 1) * len(document.tokens) > HELD_OUT_TOGETHER:
            rows.append([])
        rows[-1].append(document)
    return [pad_batch(together, prompt_weight, 0) for together in rows]


def _fingerprint(found: Sequence[Document]) -> str:
    """Return a hash of what is learnt from: a training goes on only with the same lessons."""
    digest = hashlib.sha256()
    for document in found:
        digest.update(repr((document.tokens, document.answer)).encode())
    return digest.hexdigest()


def _copy(model: Llama) -> Llama:
    copy = Llama(model.shape)
    copy.load_state_dict(model.state_dict())
    return copy
