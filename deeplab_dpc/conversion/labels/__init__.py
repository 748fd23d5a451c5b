"""Label files of every kind, read as ids and checked."""
