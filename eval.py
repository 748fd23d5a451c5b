"""Scores a trained model (g3doc/evaluation.md)."""

from deeplab_dpc.programs import eval as program

if __name__ == "__main__":
    program.run()
