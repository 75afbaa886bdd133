"""`make bench-local`: four ways to decode with the same weights after the same prompts, in one run.

python -m tests.benchmarks.local [FOLDER] [--prompts N] [--tokens N] [--threads N] [--rounds N] [--json FILE]

FOLDER is a checkpoint, by default the demonstration model. All ways have the threads that our server takes for it,
unless N says otherwise. Prompts are held out from its training. Ours decode one
request at a time and keep no beginnings of prompts, so that nothing but decoding differs. The ways take turns, prompt
by prompt; the fastest of the rounds counts, for each way and prompt.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import machine

DEMO = Path("govsim-data/local/demo")
EARLY_EXIT = "transformers, assistant_early_exit"
GENERATE = "transformers, generate"
PLAIN, DRAFTED = "ours, plain", "ours, self-speculative"


@dataclass
class Way:
    """One way to decode: `run` returns the new tokens of a prompt, how many drafts were made and accepted."""

    name: str
    run: Callable[[list[int]], tuple[list[int], int, int, int]]
    seconds: dict[int, float] = field(default_factory=dict)
    tokens: dict[int, list[int]] = field(default_factory=dict)
    drafted: int = 0
    accepted: int = 0
    verifications: int = 0

    def once(self, number: int, prompt: list[int]) -> None:
        """Decode after prompt *number*; keep the time if it is the shortest so far."""
        began = time.perf_counter()
        tokens, drafted, accepted, verifications = self.run(prompt)
        took = time.perf_counter() - began
        if number not in self.seconds:
            self.drafted += drafted
            self.accepted += accepted
            self.verifications += verifications
        self.seconds[number] = min(took, self.seconds.get(number, took))
        self.tokens[number] = tokens

    @property
    def speed(self) -> float:
        """Tokens per second."""
        return sum(map(len, self.tokens.values())) / sum(self.seconds.values())


def main(arguments: Sequence[str]) -> int:
    """Measure, print a table, and return 2 if there is nothing to measure with."""
    asked = _arguments(arguments)
    try:
        import torch
        from transformers.utils import logging
    except ModuleNotFoundError:
        print("This needs the extra [local]: pip install 'govsim-observatory[local]'", file=sys.stderr)
        return 2
    if not (asked.folder / "config.json").is_file():
        print(f"There is no checkpoint in {asked.folder}; `make local-model` makes one.", file=sys.stderr)
        return 2
    logging.set_verbosity_error()
    from app.local.loading import usual_threads, weights_size

    if threads := asked.threads or usual_threads(weights_size(asked.folder)):
        torch.set_num_threads(threads)
    print(machine())
    ways, about = _ways(asked)
    prompts = _prompts(asked.folder, asked.prompts, about["room"])
    for way in ways:
        way.run(prompts[0])
    for _ in range(asked.rounds):
        for number, prompt in enumerate(prompts):
            for way in ways:
                way.once(number, prompt)
    rows = _rows(ways)
    _print(rows, about, prompts, asked)
    if asked.json:
        asked.json.write_text(json.dumps({"about": about, "ways": rows}, indent=2) + "\n", encoding="utf-8")
    return 0


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.local")
    parser.add_argument("folder", nargs="?", type=Path, default=DEMO)
    parser.add_argument("--prompts", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    return parser.parse_args(arguments)


def _ways(asked: argparse.Namespace) -> tuple[list[Way], dict[str, Any]]:
    import torch
    from transformers import AutoModelForCausalLM

    from app.local.checkpoint import load_model
    from app.local.engine import Engine
    from app.local.requests import Decoding, Sampling
    from app.local.tokens import encode, load_tokenizer
    from app.local.tuning import tune

    tokenizer = load_tokenizer(asked.folder)
    model = load_model(asked.folder, torch.float32, asked.device)
    layers, ends = model.shape.layers, model.shape.eos
    samples = [encode(tokenizer, text) for text in _texts(asked.folder, 4, skip=200)]
    found = tune(model, samples, ends=frozenset(ends))
    drafting = found if found.draft_length else Decoding(max(1, layers // 4), 3)

    def ours(decoding: Decoding) -> Callable[[list[int]], tuple[list[int], int, int, int]]:
        engine = Engine(model, lambda tokens: "", decoding=decoding, rows=1, prefix_bytes=0)

        def run(prompt: list[int]) -> tuple[list[int], int, int, int]:
            result = engine.submit(prompt, Sampling(max_tokens=asked.tokens)).result()
            return list(result.tokens), result.drafted, result.accepted, result.verifications

        return run

    theirs = AutoModelForCausalLM.from_pretrained(asked.folder, dtype=torch.float32).eval().to(asked.device)

    def transformers(**more: Any) -> Callable[[list[int]], tuple[list[int], int, int, int]]:
        def run(prompt: list[int]) -> tuple[list[int], int, int, int]:
            with torch.inference_mode():
                given = torch.tensor([prompt], device=asked.device)
                out = theirs.generate(
                    given,
                    attention_mask=torch.ones_like(given),
                    max_new_tokens=asked.tokens,
                    do_sample=False,
                    eos_token_id=list(ends) or None,
                    pad_token_id=ends[0] if ends else 0,
                    **more,
                )
            return out[0, len(prompt) :].tolist(), 0, 0, 0

        return run

    ways = [
        Way(GENERATE, transformers()),
        Way(EARLY_EXIT, transformers(assistant_early_exit=drafting.exit_layer)),
        Way(PLAIN, ours(Decoding(layers, 0))),
        Way(DRAFTED, ours(drafting)),
    ]
    shape = {"layers": layers, "width": model.shape.width, "vocabulary": model.shape.vocabulary}
    about = {
        **shape,
        "threads": torch.get_num_threads(),
        "parameters": model.shape.parameters,
        "room": min(model.shape.positions, 4096) - asked.tokens,
    }
    return ways, about | {"exit_layer": drafting.exit_layer, "draft_length": drafting.draft_length}


def _texts(folder: Path, count: int, skip: int = 0) -> list[str]:
    from app.local.chat import ChatTemplate
    from app.local.corpus import held_out_prompts
    from app.settings import Settings

    template = ChatTemplate(folder)
    prompts = held_out_prompts(Settings().prompt_folders, skip + count)[skip:]
    return [template.render([{"role": role, "content": text} for role, text in prompt]) for prompt in prompts]


def _prompts(folder: Path, count: int, room: int) -> list[list[int]]:
    from app.local.tokens import encode, load_tokenizer

    tokenizer = load_tokenizer(folder)
    return [encode(tokenizer, text)[-room:] for text in _texts(folder, count)]


def _rows(ways: Sequence[Way]) -> list[dict[str, Any]]:
    by_name = {way.name: way for way in ways}
    plain, early = by_name[PLAIN], by_name[EARLY_EXIT]
    return [
        {
            "name": way.name,
            "tokens_per_second": way.speed,
            "to_ours_plain": way.speed / plain.speed,
            "to_transformers_early_exit": way.speed / early.speed,
            "same_text_as_ours_plain": sum(way.tokens[number] == plain.tokens[number] for number in plain.tokens),
            "accepted": way.accepted / way.drafted if way.drafted else None,
            "tokens_per_verification": (way.accepted + way.verifications) / way.verifications if way.drafted else None,
        }
        for way in ways
    ]


def _print(rows: Sequence[dict[str, Any]], about: dict[str, Any], prompts: Sequence[list[int]], asked: Any) -> None:
    lengths = sorted(map(len, prompts))
    print(f"Model: {about['layers']} layers, width {about['width']}, vocabulary {about['vocabulary']},")
    print(f"  {about['parameters'] / 1e6:.1f} M parameters, float32, {about['threads']} CPU threads, {asked.device}.")
    print(f"Prompts: {len(prompts)}, {lengths[0]} to {lengths[-1]} tokens; up to {asked.tokens} new tokens, greedy.")
    print(f"Drafts: the first {about['exit_layer']} layers, {about['draft_length']} tokens at a time.")
    print()
    print(f"{'way':36} {'tokens/s':>9} {'to plain':>9} {'to early exit':>14} {'same text':>10}  accepted")
    for row in rows:
        kept = "" if row["accepted"] is None else f"{row['accepted']:.2f}, {row['tokens_per_verification']:.2f} a check"
        speeds = (
            f"{row['tokens_per_second']:9.0f} {row['to_ours_plain']:8.2f}x {row['to_transformers_early_exit']:13.2f}x"
        )
        print(f"{row['name']:36} {speeds} {row['same_text_as_ours_plain']:>6}/{len(prompts):<3}  {kept}")
    ours = rows[-1]
    for name, limit in (("to_ours_plain", 1.2), ("to_transformers_early_exit", 1.8)):
        print(f"{name}: {ours[name]:.2f}x, at least {limit}x wanted{'' if ours[name] >= limit else ': MISSED'}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
