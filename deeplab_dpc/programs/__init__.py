"""The programs: flags into settings, settings into one call."""
