"""What owners say of runs: notes, tags, an archive, deletion; and the index of the search over all runs."""

import sqlalchemy as sa
from alembic import op

from app.store.types import UtcDateTime, Whole, Words

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None

BEFORE = (
    *("scenario", "condition", "state", "minds", "models", "name"),
    *("experiment_id", "survived", "censored", "unreadable", "id"),
)
SORTED = ("created_at", "survival_time", "mean_gain", "efficiency", "equality", "over_usage")
LISTED = (*BEFORE[:-1], "origin", "archived_at", "deleted_at", *SORTED, "id")


def upgrade() -> None:
    op.add_column("run", sa.Column("owner_note", Words(), nullable=True))
    op.add_column("run", sa.Column("owner_note_at", UtcDateTime(), nullable=True))
    op.add_column("run", sa.Column("retry_of", Words(16), nullable=True))
    for table in ("run", "experiment"):
        op.add_column(table, sa.Column("archived_at", UtcDateTime(), nullable=True))
        op.add_column(table, sa.Column("deleted_at", UtcDateTime(), nullable=True))
    op.create_index("ix_run_retry_of", "run", ["retry_of"])
    deleted = sa.text("deleted_at IS NOT NULL")
    op.create_index("ix_run_deleted_at", "run", ["deleted_at"], sqlite_where=deleted, postgresql_where=deleted)
    op.drop_index("ix_run_lists", "run")
    op.create_index("ix_run_lists", "run", [*LISTED])
    op.drop_index("ix_run_state_created", "run")
    op.create_index("ix_run_state_created", "run", ["state", "created_at", "archived_at", "deleted_at"])
    op.create_table(
        "run_tag",
        sa.Column("run_id", Words(16), sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("tag", Words(40), primary_key=True),
    )
    op.create_index("ix_run_tag_tag", "run_tag", ["tag"])
    _create_search_index()


def _create_search_index() -> None:
    op.create_table(
        "search_run",
        sa.Column("no", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("run_id", Words(16), sa.ForeignKey("run.id", ondelete="CASCADE"), nullable=False, unique=True),
        sa.Column("events", Whole, nullable=False),
        sa.Column("calls", Whole, nullable=False),
        sa.Column("last_call", Whole, nullable=False),
        sa.Column("months", Whole, nullable=False),
        sa.Column("whole", sa.Boolean, nullable=False),
    )
    op.create_table(
        "search_text",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    )
    op.create_table(
        "search_place",
        sa.Column("text_id", sa.Integer, primary_key=True),
        sa.Column("run_no", sa.Integer, sa.ForeignKey("search_run.no", ondelete="CASCADE"), primary_key=True),
        sa.Column("kind", sa.SmallInteger, primary_key=True),
        sa.Column("ref", Whole, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_search_place_run_no", "search_place", ["run_no"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE search_words (id integer PRIMARY KEY, words tsvector NOT NULL)")
        op.execute("CREATE INDEX ix_search_words_words ON search_words USING gin (words)")
    else:
        op.execute(
            "CREATE VIRTUAL TABLE search_words USING fts5"
            "(words, content='', tokenize=\"unicode61 remove_diacritics 0 categories 'L* M* N* Co'\")"
        )


def downgrade() -> None:
    for table in ("search_words", "search_place", "search_text", "search_run", "run_tag"):
        op.execute(f"DROP TABLE {table}")
    op.drop_index("ix_run_lists", "run")
    op.create_index("ix_run_lists", "run", [*BEFORE])
    op.drop_index("ix_run_state_created", "run")
    op.create_index("ix_run_state_created", "run", ["state", "created_at"])
    op.drop_index("ix_run_deleted_at", "run")
    op.drop_index("ix_run_retry_of", "run")
    for table in ("experiment", "run"):
        op.drop_column(table, "deleted_at")
        op.drop_column(table, "archived_at")
    for column in ("retry_of", "owner_note_at", "owner_note"):
        op.drop_column("run", column)
