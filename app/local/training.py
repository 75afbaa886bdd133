"""The trainer: AdamW over batches in a fixed order, with LayerSkip's recipe, a log by exit layer, and exact resuming.

Everything drawn at a step depends only on the seed and the step, so a training that was stopped goes on as if it had
not been: the state is the weights, the optimizer's moments and the number of steps.
"""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from app.local.documents import Batch, Batches
from app.local.llama import Llama
from app.local.recipe import Recipe

STATE = "training.pt"
BETAS = (0.9, 0.95)


class CannotResume(ValueError):
    """A state that does not belong to this training; the message says why."""


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train.

    `budget` is tokens a step, `rate` the highest learning rate, reached after `warmup` steps; it falls along a cosine
    to a tenth. `prompt_weight` is that of a token of a prompt beside one of an answer. `bf16` computes in bfloat16;
    weights stay in float32.
    """

    steps: int
    budget: int = 2048
    rate: float = 2e-3
    warmup: int = 50
    decay: float = 0.05
    clip: float = 1.0
    prompt_weight: float = 1.0
    bf16: bool = False
    seed: int = 1
    recipe: Recipe = field(default_factory=Recipe)

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: one is out of range.
        """
        for name in ("steps", "budget"):
            if getattr(self, name) < 1:
                raise ValueError(f"The {name} must be at least 1, not {getattr(self, name)}.")
        if not 0 < self.rate <= 1:
            raise ValueError(f"The learning rate must be above 0 and at most 1, not {self.rate:g}.")
        if self.warmup < 0 or self.decay < 0 or self.clip <= 0 or not 0 <= self.prompt_weight <= 1:
            raise ValueError("Warm-up and decay must not be below 0, clipping above 0, the prompts' weight in 0..1.")

    def rate_at(self, step: int) -> float:
        """Return the learning rate of *step*."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.rate * (0.55 + 0.45 * math.cos(math.pi * min(1.0, done)))


@dataclass(frozen=True)
class Progress:
    """What a step did: its loss, weighted over layers, and what has been read and spent so far."""

    step: int
    loss: float
    tokens: int
    seconds: float


class Trainer:
    """Trains *model* on *batches* by *plan*; `step` is how many steps are done.

    *lessons* names what is learnt from: a state is gone on with only where it is the same.
    """

    def __init__(self, model: Llama, batches: Batches, plan: Plan, lessons: str = "") -> None:
        self.model = model.train().requires_grad_(True)
        self.plan = plan
        self.step = 0
        self.tokens = 0
        self._lessons = lessons
        self._batches = batches
        matrices = [weight for weight in model.parameters() if weight.ndim > 1]
        vectors = [weight for weight in model.parameters() if weight.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": plan.decay}, {"params": vectors, "weight_decay": 0.0}]
        self._optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=BETAS, fused=True)

    def run(self, until: int | None = None, after_step: Callable[[Progress], None] = lambda _: None) -> None:
        """Train up to step *until*, by default to the end of the plan; *after_step* is told of each step."""
        started = time.monotonic()
        end = self.plan.steps if until is None else min(until, self.plan.steps)
        while self.step < end:
            loss = self._advance(self._batches[self.step])
            self.step += 1
            after_step(Progress(self.step, loss, self.tokens, time.monotonic() - started))

    def _advance(self, batch: Batch) -> float:
        plan, shape = self.plan, self.model.shape
        for group in self._optimizer.param_groups:
            group["lr"] = plan.rate_at(self.step)
        weights = plan.recipe.weights(shape.layers, self.step, plan.steps)
        with _precision(plan.bf16, batch.inputs.device.type), _attention(plan.bf16, batch.inputs.device.type):
            states = self.model(batch.inputs, kept=self._kept(batch))
            loss = torch.stack(
                [
                    weight * exit_loss(self.model, state, batch)
                    for state, weight in zip(states, weights, strict=True)
                    if weight
                ]
            ).sum()
        if not math.isfinite(loss.item()):
            raise FloatingPointError(f"The loss is no number at step {self.step + 1}. Lower the learning rate.")
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), plan.clip)
        self._optimizer.step()
        self.tokens += batch.tokens
        return loss.item()

    def _kept(self, batch: Batch) -> Tensor | None:
        """Draw which layers are run for which sample."""
        layers = self.model.shape.layers
        rates = torch.tensor(self.plan.recipe.rates(layers, self.step, self.plan.steps))
        if not rates.any():
            return None
        generator = torch.Generator().manual_seed(self.plan.seed * 1_000_003 + self.step)
        return torch.rand(layers, batch.inputs.shape[0], generator=generator) >= rates[:, None]

    def save(self, folder: Path) -> None:
        """Write the state to *folder*, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "plan": asdict(self.plan),
            "shape": asdict(self.model.shape),
            "lessons": self._lessons,
            "step": self.step,
            "tokens": self.tokens,
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }
        partial = folder / f"{STATE}.partial"
        torch.save(state, partial)
        partial.replace(folder / STATE)

    def resume(self, folder: Path) -> None:
        """Go on from the state in *folder*.

        Raises:
            CannotResume: there is none, or it is of another plan or shape.
        """
        state = read_state(folder)
        for what, own in (("plan", self.plan), ("shape", self.model.shape)):
            if differing := _differences(asdict(own), state[what]):
                raise CannotResume(f"The training in {folder} has another {what}: {', '.join(differing)}.")
        if state["lessons"] != self._lessons:
            raise CannotResume(f"The training in {folder} learnt from other lessons.")
        self.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.step, self.tokens = state["step"], state["tokens"]


def read_state(folder: Path) -> dict[str, Any]:
    """Return the state that a trainer saved in *folder*.

    Raises:
        CannotResume: there is none, or it cannot be read.
    """
    try:
        return dict(torch.load(folder / STATE, map_location="cpu", weights_only=True))
    except FileNotFoundError:
        raise CannotResume(f"There is no training to go on with in {folder}.") from None
    except Exception as error:
        raise CannotResume(f"{folder / STATE} cannot be read: {error}") from None


def exit_loss(model: Llama, state: Tensor, batch: Batch) -> Tensor:
    """Return the mean cross-entropy, in nats a token, of *batch* by its weights, given from one layer's *state*."""
    chosen = batch.weights > 0
    weights = batch.weights[chosen]
    losses = F.cross_entropy(model.logits(state[chosen]).float(), batch.targets[chosen], reduction="none")
    return (losses * weights).sum() / weights.sum()


@torch.no_grad()
def losses_by_layer(model: Llama, batches: Sequence[Batch]) -> list[float]:
    """Return the loss at each exit layer over *batches*, in nats a token of theirs, every layer run."""
    training = model.training
    model.eval()
    totals, tokens = torch.zeros(model.shape.layers, dtype=torch.float64), 0.0
    for batch in batches:
        count = float(batch.weights.sum())
        states = model(batch.inputs)
        totals += count * torch.tensor([float(exit_loss(model, state, batch)) for state in states])
        tokens += count
    model.train(training)
    return [float(total) / tokens for total in totals]


def fast_bf16() -> bool:
    """Tell whether this machine's CPU multiplies bfloat16 matrices faster than float32 ones."""
    said = Path("/proc/cpuinfo")
    flags = said.read_text(encoding="utf-8") if said.is_file() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _precision(bf16: bool, device: str) -> Any:
    return torch.autocast(device, dtype=torch.bfloat16) if bf16 else nullcontext()


def _attention(bf16: bool, device: str) -> Any:
    # On CPUs the fused attention's backward pass in bfloat16 takes a third of a step; plain matrix products do not.
    return sdpa_kernel(SDPBackend.MATH) if bf16 and device == "cpu" else nullcontext()


def _differences(own: dict[str, Any], stored: dict[str, Any]) -> list[str]:
    names = sorted(own.keys() | stored.keys())
    # A tuple comes back as a list from some formats.
    return [name for name in names if _plain(own.get(name)) != _plain(stored.get(name))]


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
