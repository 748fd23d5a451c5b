"""The programs: flags into settings, settings into one call."""

import os

# Only our own messages. It counts as long as TensorFlow is not imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
