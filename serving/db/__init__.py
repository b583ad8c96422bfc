"""Connects to PostgreSQL: server, tables, transactions, migrations, rules."""
