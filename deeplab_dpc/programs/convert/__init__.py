"""A program a data set: its flags, to one conversion."""
