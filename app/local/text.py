"""From tokens to text while they come: pieces that are final, and nothing behind a stop string."""

from collections.abc import Callable, Sequence

Decode = Callable[[Sequence[int]], str]
"""Text of tokens; a character that is cut off at the end reads as the replacement character."""

_CUT = "\ufffd"


class GrowingText:
    """The text of the tokens pushed so far. `stopped` is True from the token on with which a stop string was whole."""

    def __init__(self, decode: Decode, stop: Sequence[str]) -> None:
        self._decode, self._stop = decode, [one for one in stop if one]
        self._tokens: list[int] = []
        # Tokens before `_settled` are text for good; a few before it are decoded again, since a token's text can depend
        # on the one before it.
        self._settled = self._context = 0
        self._text = ""
        self._given = 0
        self.stopped = False

    @property
    def text(self) -> str:
        """All of it so far."""
        return self._text

    def push(self, token: int) -> str:
        """Add a token; return the text that has become final with it, often none."""
        self._tokens.append(token)
        before = self._decode(self._tokens[self._context : self._settled])
        after = self._decode(self._tokens[self._context :])
        if after.endswith(_CUT):
            return ""
        return self._add(after[len(before) :])

    def finish(self) -> str:
        """Return what was still held back: cut-off characters, and what might have become a stop string."""
        piece = ""
        if not self.stopped:
            before = self._decode(self._tokens[self._context : self._settled])
            piece = self._add(self._decode(self._tokens[self._context :])[len(before) :])
        piece += self._text[self._given :]
        self._given = len(self._text)
        return piece

    def _add(self, new: str) -> str:
        self._context, self._settled = self._settled, len(self._tokens)
        searched = max(0, len(self._text) - max((len(one) for one in self._stop), default=0))
        self._text += new
        found = [place for one in self._stop if (place := self._text.find(one, searched)) >= 0]
        if found:
            self._text = self._text[: min(found)]
            self.stopped = True
        final = len(self._text) if self.stopped else len(self._text) - self._held()
        piece = self._text[self._given : final]
        self._given = max(self._given, final)
        return piece

    def _held(self) -> int:
        """How many characters at the end could begin a stop string."""
        longest = 0
        for one in self._stop:
            for size in range(min(len(one) - 1, len(self._text)), longest, -1):
                if self._text.endswith(one[:size]):
                    longest = size
                    break
        return longest
