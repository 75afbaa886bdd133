"""Alembic's entry: runs migrations on the connection that `app.store.migrate` hands over."""

from alembic import context

import app.store.search_tables
from app.store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
