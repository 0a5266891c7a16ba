"""Alembic's entry: migrations run on the connection that ``hub.ledger.database.migrate`` holds, inside its transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
