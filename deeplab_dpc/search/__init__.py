"""The search for dense prediction cells; so far its space."""
