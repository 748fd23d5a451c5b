"""What is in a data set, and what to look at before training on it."""
