"""The database: tables, queries and migrations; the only importer of SQLAlchemy."""
