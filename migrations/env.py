"""Alembic's entry: runs migrations on the connection that `app.store.migrate` hands over."""

from alembic import context

from app.store import search_tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=search_tables.Base.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
