"""Contracts that what is added to the package inherits as its tests; needs pytest."""
