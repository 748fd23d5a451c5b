"""Data sets: records, checks, preprocessing, augmentation and batches."""


class DatasetError(ValueError):
    """A data set that is missing, damaged, or not what was asked for."""
