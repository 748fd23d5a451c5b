"""Draws the predictions of a trained model (g3doc/vis.md)."""

from deeplab_dpc.programs import vis as program

if __name__ == "__main__":
    program.run()
