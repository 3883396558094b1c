"""One file for each migration, never changed once it has shipped, never importing the tables."""
