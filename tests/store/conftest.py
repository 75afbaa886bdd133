from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.store.connect import Database
from tests.support import fresh_database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database, _ = fresh_database(tmp_path)
    yield database
    await database.close()
