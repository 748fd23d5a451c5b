"""The programs of the search, one a command."""
