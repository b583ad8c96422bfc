"""Alembic's entry point: migrates on the connection of `serving.db.migrate`."""

from alembic import context

from serving.db.tables import SCHEMA, metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, version_table_schema=SCHEMA)
with context.begin_transaction():
    context.run_migrations()
