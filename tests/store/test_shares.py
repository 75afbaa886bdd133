from datetime import timedelta

import pytest
from sqlalchemy import text

from app.store import runs, shares
from app.store.connect import Database
from tests.support import scripted_config


@pytest.fixture
async def run_id(database: Database) -> str:
    _, [run_id] = await runs.launch(database, [scripted_config()], prompt_sets={}, engine_version="1")
    return run_id


async def test_a_token_opens_its_share_and_no_other(database: Database, run_id: str) -> None:
    share, token = await shares.issue_share(database, run_id, last_seq=7, with_prompts=False)
    assert await shares.open_share(database, token) == share
    with pytest.raises(shares.UnknownShare):
        await shares.open_share(database, token[:-1])


async def test_the_token_itself_is_not_in_the_database(database: Database, run_id: str) -> None:
    _, token = await shares.issue_share(database, run_id, last_seq=None)
    assert len(token) >= 22, "128 bits need 22 characters"
    async with database.read() as connection:
        for table in ("share", "run_log", "run"):
            rows = await connection.execute(text(f"SELECT * FROM {table}"))
            assert token not in str(rows.all())


async def test_revoking_ends_a_share_for_good(database: Database, run_id: str) -> None:
    share, token = await shares.issue_share(database, run_id, last_seq=None)
    assert await shares.revoke_share(database, share.id)
    assert await shares.revoke_share(database, share.id)
    with pytest.raises(shares.EndedShare, match="revoked"):
        await shares.open_share(database, token)
    assert not await shares.revoke_share(database, "snothere")


async def test_a_share_ends_when_its_time_is_over(database: Database, run_id: str) -> None:
    share, token = await shares.issue_share(database, run_id, last_seq=None, lifetime=timedelta(days=7))
    assert share.expires_at is not None
    assert await shares.open_share(database, token, at=share.expires_at - timedelta(seconds=1)) == share
    with pytest.raises(shares.EndedShare, match="expired"):
        await shares.open_share(database, token, at=share.expires_at)


async def test_a_set_is_shared_whole_and_a_snapshot_knows_where_each_run_ended(database: Database) -> None:
    of, ids = await runs.launch(
        database, [scripted_config(seed=seed) for seed in (1, 2)], prompt_sets={}, engine_version="1", experiment="E"
    )
    assert of is not None
    snapshot, token = await shares.share_set(database, ids, shares.ShareTerms(author="Ada"), experiment_id=of)
    follows, _ = await shares.share_set(database, ids, shares.ShareTerms(follows=True), query="group=model")
    assert await shares.open_share(database, token) == snapshot
    assert await shares.shared_runs(database, snapshot) == dict.fromkeys(ids, (0, 0))
    assert await shares.shared_runs(database, follows) == dict.fromkeys(ids, (None, None))
    assert (snapshot.scope, follows.scope) == ("experiment", "comparison")


async def test_a_set_without_runs_is_not_shared(database: Database) -> None:
    with pytest.raises(shares.NothingToShare, match="not 0"):
        await shares.share_set(database, [], shares.ShareTerms(), query="")
    assert await shares.list_shares(database) == []
