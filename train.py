"""Trains a model (g3doc/training.md)."""

from deeplab_dpc.programs import train as program

if __name__ == "__main__":
    program.run()
