"""PostgreSQL: the server, the tables, the session, the migrations."""
