"""Training: loss, schedules, optimizers, the loop and the run folder it writes."""
