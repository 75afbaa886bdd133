"""Where benchmarks happen: instances of their own, and how large their databases are."""

import asyncio
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.fakes.process import FakeModelServer
from tests.support import Instance


@contextmanager
def instance(server: FakeModelServer | None, **endpoint: object) -> Iterator[Instance]:
    """Give an instance of its own whose endpoint `lab` is *server*; *endpoint* are further keys of its table."""
    toml = "" if server is None else server.models_toml("lab", **({"max_concurrency": 25} | endpoint))
    with tempfile.TemporaryDirectory() as folder:
        made = Instance(Path(folder), toml)
        try:
            yield made
        finally:
            asyncio.run(made.close())


def database_bytes(made: Instance) -> dict[str, int]:
    """Return the bytes that each table and its indices take in an instance's SQLite database, once compacted."""
    sizes: Counter[str] = Counter()
    with closing(sqlite3.connect(made.folder / "test.db")) as connection:
        connection.execute("VACUUM")
        tables = dict(connection.execute("SELECT name, tbl_name FROM sqlite_master"))
        try:
            pages = connection.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name").fetchall()
        except sqlite3.OperationalError:  # This SQLite was built without the statistics table.
            pages = [("all tables", (made.folder / "test.db").stat().st_size)]
        for name, size in pages:
            sizes[tables.get(name, name)] += size
    return sizes
