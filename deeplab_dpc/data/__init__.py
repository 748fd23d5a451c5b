"""Data sets: records, checks, preprocessing, augmentation and batches."""
