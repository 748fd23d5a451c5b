"""Scores a trained model (g3doc/eval.md)."""

from deeplab_dpc.programs import eval as program
from deeplab_dpc.programs import running

if __name__ == "__main__":
    running.run(program.main)
