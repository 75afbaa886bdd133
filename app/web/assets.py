"""Scripts, styles and pictures: read once, addressed by what they hold, cached for good.

An address is `/static/BUILD/PATH`. BUILD is a hash over everything served, and comes before the path so that scripts
can import each other by relative paths. plotly.js is the copy in the installed Python package.
"""

import gzip
import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

PLOTLY = "vendor/plotly.min.js"

TYPES: Mapping[str, str] = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".json": "application/json",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".ico": "image/x-icon",
        ".woff2": "font/woff2",
        ".txt": "text/plain; charset=utf-8",
    }
)

_COMMENT = re.compile(rb"/\*.*?\*/\s*", re.DOTALL)
_IMPORT = re.compile(r'^(?:import|export)\b[^"();]*"(\.[^"]+)";', re.MULTILINE)


@dataclass(frozen=True)
class Asset:
    """One file, as it is served."""

    path: str
    body: bytes

    @property
    def media_type(self) -> str:
        """What the file is, by its ending."""
        return TYPES.get(Path(self.path).suffix, "application/octet-stream")

    @cached_property
    def packed(self) -> bytes | None:
        """The body compressed, or None where that does not pay. Made at first use: plotly.js takes a moment."""
        if len(self.body) < 500 or not self.media_type.startswith(("text/", "application/json", "image/svg")):
            return None
        return gzip.compress(self.body, compresslevel=9, mtime=0)


class Assets:
    """All files under static/, and plotly.js."""

    def __init__(self, folder: Path) -> None:
        found = {
            file.relative_to(folder).as_posix(): _as_served(file)
            for file in sorted(folder.rglob("*"))
            if file.is_file() and not file.name.startswith(".")
        }
        digest = hashlib.sha256(version("plotly").encode())
        for path, body in found.items():
            digest.update(path.encode() + b"\0" + hashlib.sha256(body).digest())
        self.build = digest.hexdigest()[:10]
        self._files = {path: Asset(path, body) for path, body in found.items()}

    def get(self, path: str) -> Asset | None:
        """Return the file at *path* below static/, or None."""
        return self._plotly if path == PLOTLY else self._files.get(path)

    def modules(self, path: str) -> list[str]:
        """Return the script at *path* and all that it imports, directly or not: what a page can ask for at once.

        Scripts that are imported only when they are needed (`import(...)`) are left out.

        Raises:
            LookupError: if one of them is not there.
        """
        found = [path]
        for name in found:
            if name not in self._files:
                raise LookupError(f"there is no static file '{name}'")
            imported = _IMPORT.findall(self._files[name].body.decode())
            paths = (posixpath.normpath(posixpath.join(posixpath.dirname(name), other)) for other in imported)
            found += [other for other in dict.fromkeys(paths) if other not in found]
        return found

    def __contains__(self, path: str) -> bool:
        return path == PLOTLY or path in self._files

    @cached_property
    def _plotly(self) -> Asset:
        return Asset(PLOTLY, files("plotly").joinpath("package_data", "plotly.min.js").read_bytes())


def _as_served(file: Path) -> bytes:
    """Return what a browser needs of *file*: the comments of our style sheets are for us."""
    body = file.read_bytes()
    return _COMMENT.sub(b"", body) if file.suffix == ".css" else body
