"""Text on pictures that the server draws: one font that Pillow brings along, so that no machine needs fonts.

That font has the letters of ASCII and little more. Accents are left out and signs written otherwise; what it cannot
show at all becomes a question mark. The same text is always beside the picture as text, letter by letter.
"""

import unicodedata
from collections.abc import Mapping

from PIL import ImageFont

SIGNS: Mapping[str, str] = {
    "×": "x", "–": "-", "—": "-", "−": "-", "‑": "-", "≥": ">=", "≤": "<=", "≠": "!=", "±": "+/-", "ß": "ss",
    "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
    "ı": "i", "↔": "<->", "→": "->", "▼": "v", "▲": "^", "✕": "x",
}  # fmt: skip
MOST = 400
"""Letters of a text that are looked at; no picture has room for more."""
NOWHERE = "\uffff"


class Lettering:
    """Measures and prepares text for one picture."""

    def __init__(self) -> None:
        self._fonts: dict[int, ImageFont.FreeTypeFont] = {}
        self._known: dict[str, bool] = {}

    def font(self, size: int) -> ImageFont.FreeTypeFont:
        """Return the font, *size* px high."""
        if size not in self._fonts:
            found = ImageFont.load_default(size)
            # Without FreeType Pillow has a bitmap font of one size; its wheels all have it.
            if not isinstance(found, ImageFont.FreeTypeFont):
                raise RuntimeError("Pictures need a Pillow with FreeType.")
            self._fonts[size] = found
        return self._fonts[size]

    def fit(self, text: str) -> str:
        """Return *text* in letters that the font has, on one line."""
        return " ".join("".join(map(self._letter, text[:MOST])).split())

    def width(self, text: str, size: int) -> float:
        """Return how wide *text*, fit already, is in px."""
        return self.font(size).getlength(text)

    def shortened(self, text: str, size: int, room: float) -> str:
        """Return *text* fit, and cut where it is wider than *room* px."""
        text = self.fit(text)
        if self.width(text, size) <= room:
            return text
        while text and self.width(f"{text}...", size) > room:
            text = text[:-1]
        return f"{text.rstrip()}..."

    def wrapped(self, text: str, size: int, room: float, lines: int) -> list[str]:
        """Return *text* fit, in at most *lines* lines of *room* px; the last one is cut where there is more."""
        words, found = self.fit(text).split(" "), [""]
        while words:
            longer = f"{found[-1]} {words[0]}".strip()
            if self.width(longer, size) <= room or not found[-1]:
                found[-1] = longer
                words.pop(0)
            elif len(found) == lines:
                found[-1] = f"{found[-1]} {' '.join(words)}"
                break
            else:
                found.append("")
        return [self.shortened(line, size, room) for line in found]

    def _letter(self, letter: str) -> str:
        if letter.isspace():
            return " "
        if unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Mn", "Me"):
            return ""
        if letter in SIGNS:
            return SIGNS[letter]
        if self._has(letter):
            return letter
        plain = "".join(part for part in unicodedata.normalize("NFKD", letter) if self._has(part))
        return plain or "?"

    def _has(self, letter: str) -> bool:
        if letter not in self._known:
            font = self.font(20)
            mask, none = font.getmask(letter), font.getmask(NOWHERE)
            self._known[letter] = mask.size != none.size or bytes(mask) != bytes(none)
        return self._known[letter]
