"""The engine: requests from any thread, decoded together by one."""

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import torch

from app.local.checkpoint import load_model
from app.local.decoder import Decoder
from app.local.llama import Llama
from app.local.prefixes import Prefixes
from app.local.requests import Cancelled, Decoding, Result, Sampling, TooLong
from app.local.rounds import Row, decode_round
from app.local.sampling import Chooser
from app.local.text import Decode, GrowingText
from app.local.tokens import Encode, decode, encode, load_tokenizer
from app.local.tuning import tune

CHUNK = 512
"""Prompts are read so many tokens at a time; between two of them a request can be cancelled."""
MAX_DRAFT = 8


class Request:
    """A request under way: `future` is its answer to come."""

    def __init__(self, prompt: tuple[int, ...], sampling: Sampling, on_text: Callable[[str], None] | None) -> None:
        self.prompt, self.sampling, self.on_text = prompt, sampling, on_text
        self.future: Future[Result] = Future()
        # From here on it ends by the decoding thread alone: one that others could end would break a round.
        self.future.set_running_or_notify_cancel()
        self.cancelled = False

    def cancel(self) -> None:
        """Give the answer up: `future` fails with Cancelled, before the next token."""
        self.cancelled = True

    def result(self, timeout_s: float | None = None) -> Result:
        """Wait for the answer.

        Raises:
            Cancelled: it was given up.
            TimeoutError: it did not come within *timeout_s* seconds.
        """
        return self.future.result(timeout_s)


@dataclass
class _Active:
    request: Request
    row: Row
    text: GrowingText
    cached: int
    tokens: list[int] = field(default_factory=list)
    drafted: int = 0
    accepted: int = 0
    verifications: int = 0
    finish: Literal["stop", "length"] | None = None


class Engine:
    """Decodes with one model. At most *rows* texts at once, of up to *room* tokens each, prompts included.

    Waiting requests join between two rounds, in order. A request that fails or is cancelled takes nothing from the
    others.
    """

    def __init__(
        self,
        model: Llama,
        decode: Decode,
        encode: Encode | None = None,
        *,
        decoding: Decoding | None = None,
        ends: Sequence[int] | None = None,
        rows: int = 8,
        room: int | None = None,
        prefix_bytes: int = 256_000_000,
    ) -> None:
        """Start the decoding thread.

        Args:
            model: The model; its weights are shared, not copied, where the device allows it.
            decode: From tokens to text.
            encode: From text to tokens, for `encode`.
            decoding: E and K; by default plain decoding. `tune` finds the fastest.
            ends: Tokens that end a text; by default the configuration's.
            rows: How many texts at once.
            room: Tokens of context; by default what the model was made for, at most 4,096.
            prefix_bytes: Memory for beginnings of prompts.

        Raises:
            ValueError: E or K is out of range.
        """
        shape = model.shape
        self.decoding = decoding or Decoding(shape.layers, 0)
        check_decoding(self.decoding, shape.layers)
        self.room = min(shape.positions, room or 4096)
        self.decoder = Decoder(model, rows, self.room + MAX_DRAFT + 1)
        self.ends = frozenset(shape.eos if ends is None else ends)
        self._decode, self._encode = decode, encode
        self._prefixes = Prefixes(prefix_bytes)
        self._waiting: deque[Request] = deque()
        self._active: list[_Active] = []
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name="decoding", daemon=True)
        self._thread.start()

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        threads: int | None = None,
        decoding: Decoding | None = None,
        samples: Sequence[str] = (),
        rows: int = 8,
        room: int | None = None,
    ) -> "Engine":
        """Return an engine for the checkpoint in *folder*.

        Without *decoding*, E and K are tuned on the prompts *samples* (as the chat template renders them); without
        those it decodes plainly. *threads* is how many CPU threads torch may use, in the whole process.

        Raises:
            UnusableCheckpoint: the folder holds no checkpoint that we can run.
            ValueError: E or K is out of range.
        """
        if threads is not None:
            torch.set_num_threads(threads)
        tokenizer = load_tokenizer(folder)
        model = load_model(folder, dtype, device)
        if decoding is None and samples:
            prompts = [encode(tokenizer, sample) for sample in samples]
            decoding = tune(model, prompts, ends=frozenset(model.shape.eos))
        to_text, to_tokens = partial(decode, tokenizer), partial(encode, tokenizer)
        return cls(model, to_text, to_tokens, decoding=decoding, rows=rows, room=room)

    def encode(self, text: str) -> list[int]:
        """Return the tokens of *text*; special tokens are recognised in it, none is added."""
        if self._encode is None:
            raise ValueError("This engine was made without a tokenizer.")
        return self._encode(text)

    def submit(
        self, prompt: Sequence[int], sampling: Sampling | None = None, on_text: Callable[[str], None] | None = None
    ) -> Request:
        """Begin to answer *prompt*; *on_text* is called from the decoding thread with each final piece of text.

        Raises:
            TooLong: the prompt leaves no room for a token.
            ValueError: the prompt is empty, or holds tokens that the vocabulary has not; or the sampling is none.
            Cancelled: the engine is closed.
        """
        tokens = tuple(prompt)
        check_sampling(sampling or Sampling())
        if not tokens or min(tokens) < 0 or max(tokens) >= self.decoder.shape.vocabulary:
            raise ValueError("A prompt is one token or more, all of the vocabulary.")
        if len(tokens) >= self.room:
            raise TooLong(len(tokens), self.room)
        request = Request(tokens, sampling or Sampling(), on_text)
        with self._wake:
            if self._closed:
                raise Cancelled("The engine is closed.")
            self._waiting.append(request)
            self._wake.notify()
        return request

    def close(self) -> None:
        """End the decoding thread; what is under way or waiting fails with Cancelled."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    @torch.inference_mode()
    def _loop(self) -> None:
        while True:
            with self._wake:
                while not (self._closed or self._waiting or self._active):
                    self._wake.wait()
                if self._closed:
                    break
            try:
                self._step()
            except Exception as error:
                # A defect: which text it was cannot be told. The thread lives on, or all that come would wait for ever.
                self._fail_active(error)
        for request in self._waiting:
            _fail(request, Cancelled("The engine was closed."))
        self._fail_active(Cancelled("The engine was closed."))

    def _step(self) -> None:
        self._admit()
        self._drop_finished()
        if self._active:
            self._round()
            self._drop_finished()
        self._drop_waiting()

    def _fail_active(self, error: Exception) -> None:
        for active in self._active:
            _fail(active.request, error)
        self._active.clear()

    def _drop_waiting(self) -> None:
        """Let go of the cancelled that still wait for a row."""
        with self._wake:
            gone = [request for request in self._waiting if request.cancelled]
            for request in gone:
                self._waiting.remove(request)
        for request in gone:
            _fail(request, Cancelled("The request was cancelled."))

    def _admit(self) -> None:
        while len(self._active) < self.decoder.rows:
            with self._wake:
                if not self._waiting:
                    return
                request = self._waiting.popleft()
            if request.cancelled:
                _fail(request, Cancelled("The request was cancelled."))
                continue
            try:
                self._active.append(self._begin(request, len(self._active)))
            except Exception as error:
                _fail(request, error)

    def _begin(self, request: Request, number: int) -> _Active:
        """Read the prompt into row *number* and choose the first token."""
        decoder, prompt = self.decoder, request.prompt
        cached = start = self._prefixes.restore(decoder, number, prompt)
        hidden = None
        while start < len(prompt):
            if request.cancelled:
                raise Cancelled("The request was cancelled.")
            part = torch.tensor(prompt[start : start + CHUNK], device=decoder.device)
            span = decoder.span([start], len(part))
            hidden = decoder.run(decoder.embed(part), span, 0, self._top, row=number)[-1:]
            start += len(part)
        assert hidden is not None  # a prompt is never restored whole
        self._prefixes.keep(decoder, number, prompt)
        chooser = Chooser(request.sampling)
        logits = decoder.logits(hidden)[0]
        first = int(logits.argmax()) if chooser.greedy else chooser.draw(logits)[0]
        text = GrowingText(self._decode, request.sampling.stop)
        active = _Active(request, Row(chooser, len(prompt), first), text, cached)
        self._push(active, [first])
        return active

    @property
    def _top(self) -> int:
        """The layers that a whole answer needs: all, unless an early exit is never checked."""
        return self.decoding.exit_layer if self.decoding.draft_length == 0 else self.decoder.shape.layers

    def _round(self) -> None:
        try:
            found = decode_round(self.decoder, [active.row for active in self._active], self.decoding)
        except Exception as error:
            # Which row it was cannot be told; the cache of all may be half written.
            self._fail_active(error)
            return
        for active, tokens in zip(self._active, found, strict=True):
            before = len(active.tokens)
            self._push(active, tokens)
            if self.decoding.draft_length:
                active.drafted += self.decoding.draft_length
                # What lies behind an end is in no text: it counts as little as what was found wrong.
                active.accepted += max(0, len(active.tokens) - before - 1)
                active.verifications += 1

    def _push(self, active: _Active, tokens: Sequence[int]) -> None:
        request = active.request
        try:
            for token in tokens:
                active.tokens.append(token)
                piece = ""
                if token in self.ends:
                    active.finish = "stop"
                else:
                    piece = active.text.push(token)
                    if active.text.stopped:
                        active.finish = "stop"
                    elif self._full(active):
                        active.finish = "length"
                if active.finish:
                    piece += active.text.finish()
                if piece and request.on_text is not None and not request.cancelled:
                    request.on_text(piece)
                if active.finish:
                    return
        except Exception as error:
            _fail(request, error)

    def _full(self, active: _Active) -> bool:
        count = len(active.tokens)
        return count >= active.request.sampling.max_tokens or len(active.request.prompt) + count >= self.room

    def _drop_finished(self) -> None:
        """Answer the finished, and close the gaps they leave: the rows of a batch lie behind each other."""
        number = 0
        while number < len(self._active):
            active = self._active[number]
            if active.request.cancelled:
                _fail(active.request, Cancelled("The request was cancelled."))
            elif active.finish and not active.request.future.done():
                active.request.future.set_result(self._result(active))
            if not active.request.future.done():
                number += 1
                continue
            last = len(self._active) - 1
            if number < last:
                self.decoder.move(last, number, self._active[last].row.length)
                self._active[number] = self._active[last]
            self._active.pop()

    def _result(self, active: _Active) -> Result:
        return Result(
            text=active.text.text,
            tokens=tuple(active.tokens),
            finish_reason=active.finish or "length",
            prompt_tokens=len(active.request.prompt),
            cached_tokens=active.cached,
            exit_layer=self.decoding.exit_layer,
            draft_length=self.decoding.draft_length,
            drafted=active.drafted,
            accepted=active.accepted,
            verifications=active.verifications,
        )


def check_decoding(decoding: Decoding, layers: int) -> None:
    """Check that a model of so many *layers* can decode so.

    Raises:
        ValueError: E is not 1 to *layers*, or K not 0 to MAX_DRAFT.
    """
    if not 1 <= decoding.exit_layer <= layers:
        raise ValueError(f"The exit layer must be 1 to {layers}, not {decoding.exit_layer}.")
    if not 0 <= decoding.draft_length <= MAX_DRAFT:
        raise ValueError(f"The draft length must be 0 to {MAX_DRAFT}, not {decoding.draft_length}.")


def check_sampling(sampling: Sampling) -> None:
    """Check that tokens can be chosen so: one text's wrong number must not break the round of all.

    Raises:
        ValueError: a number is out of range.
    """
    if sampling.max_tokens < 1:
        raise ValueError(f"At least 1 token must be asked for, not {sampling.max_tokens}.")
    if not 0 <= sampling.temperature < math.inf:
        raise ValueError(f"The temperature must be 0 or more, not {sampling.temperature}.")
    if not 0 < sampling.top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, not {sampling.top_p}.")
    if sampling.seed is not None and not -(2**63) <= sampling.seed < 2**64:
        raise ValueError("A seed has at most 64 bits.")


def _fail(request: Request, error: BaseException) -> None:
    if not request.future.done():
        request.future.set_exception(error)
