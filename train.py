"""Trains a model (g3doc/train.md)."""

from deeplab_dpc.programs import running
from deeplab_dpc.programs import train as program

if __name__ == "__main__":
    running.run(program.main)
