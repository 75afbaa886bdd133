"""The examination of where the program runs: Python, packages, files, disk, permissions, the port."""

import shutil
import socket
import stat
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

import httpx

from app.keeping.findings import Finding, ok, problem, warning

PACKAGES = (
    "fastapi", "uvicorn", "sqlalchemy", "alembic", "aiosqlite", "psycopg", "procrastinate", "httpx", "pydantic",
    "jinja2", "numpy", "scikit-learn", "plotly", "structlog", "typer",
)  # fmt: skip
LITTLE_DISK, NO_DISK = 2 * 10**9, 200 * 10**6
LOOPBACK = MappingProxyType({"0.0.0.0": ("127.0.0.1",), "::": ("::1", "127.0.0.1")})
"""Where to ask for a program that may listen on every address."""
NEEDED = ("templates/base.html", "templates/prompts/base/set.toml", "static/js/site.js", "migrations/env.py")


def examine_program(program: str) -> list[Finding]:
    """Look at Python and the packages."""
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    python = ".".join(str(part) for part in sys.version_info[:3])
    if missing:
        return [problem("packages", f"Not installed: {', '.join(missing)}.", "Install the program again: make run.")]
    return [ok("program", f"GovSim Observatory {program} on Python {python}, {sys.platform}.", *found)]


def examine_assets(assets: Path) -> list[Finding]:
    """Look for templates, scripts, migrations and plotly.js."""
    lost = [name for name in NEEDED if not (assets / name).is_file()]
    plotly = find_spec("plotly")
    if (
        plotly is None
        or plotly.origin is None
        or not (Path(plotly.origin).parent / "package_data/plotly.min.js").is_file()
    ):
        lost.append("plotly.min.js of the package plotly")
    if lost:
        return [
            problem(
                "files", f"Missing: {', '.join(lost)}.", f"Install the program again, or mend GOVSIM_ASSETS ({assets})."
            )
        ]
    return [ok("files", "Templates, scripts and migrations are there.")]


def examine_folder(file: Path) -> list[Finding]:
    """Look at the folder of a SQLite file: room on its disk, and who may read and write it."""
    folder = file.absolute().parent
    if not folder.is_dir():
        return [ok("disk", f"The folder {folder} is made at the first start.")]
    free = shutil.disk_usage(folder).free
    text = f"{free / 1e9:.1f} GB are free in {folder}."
    advice = "Free some, or drop what is old: govsim retain --prompts-older-than 90d --compact."
    if free < NO_DISK:
        found = [problem("disk", text, advice)]
    elif free < LITTLE_DISK:
        found = [warning("disk", text, advice)]
    else:
        found = [ok("disk", text)]
    return [*found, *_permissions(file)]


def _permissions(file: Path) -> list[Finding]:
    if not file.exists():
        return []
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & stat.S_IWOTH:
        text = f"Every user of this machine can write {file} (mode {mode:o})."
        return [problem("permissions", text, f"Take that away: chmod o-w {file}")]
    readable = mode & stat.S_IROTH and stat.S_IMODE(file.absolute().parent.stat().st_mode) & stat.S_IXOTH
    who = "Every user of this machine" if readable else "Only its owner and group"
    return [ok("permissions", f"{who} can read {file} (mode {mode:o}). It holds prompts and completions, never a key.")]


def examine_models_file(path: Path | None) -> list[Finding]:
    """Look at who may write the models file: its addresses are where keys are sent."""
    if path is None or not path.is_file():
        return []
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & stat.S_IWOTH:
        text = f"Every user of this machine can write {path} (mode {mode:o}), and so choose where your keys are sent."
        return [problem("permissions", text, f"Take that away: chmod o-w {path}")]
    return [ok("permissions", f"{path} can be written by those who should (mode {mode:o}).")]


def examine_port(host: str, port: int) -> list[Finding]:
    """Look whether the web application answers at its address, or could."""
    if port == 0:
        return [ok("address", "A free port is chosen at each start.")]
    where = _place(host, port)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return [_who_answers(host, port, error)]
    return [ok("address", f"{where} is free; govsim serve can listen there.")]


def _place(host: str, port: int) -> str:
    return f"{f'[{host}]' if ':' in host else host}:{port}"


def _who_answers(host: str, port: int, error: OSError) -> Finding:
    for asked in LOOPBACK.get(host, (host,)):
        where = _place(asked, port)
        try:
            health = httpx.get(f"http://{where}/healthz", timeout=3, trust_env=False).json()
            text = f"The web application answers at {where}: {health['status']}, version {health['version']}."
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            continue
        if health["status"] == "ok":
            return ok("address", text)
        return warning("address", text, f"See what it lacks: http://{where}/healthz, and its log.")
    text = f"{_place(host, port)} cannot be listened on ({error.strerror}), and it is not GovSim Observatory that "
    return warning("address", f"{text}answers there.", "Choose another: GOVSIM_HOST, GOVSIM_PORT.")
