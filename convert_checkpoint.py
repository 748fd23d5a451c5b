"""Makes a run folder of a TF1 checkpoint, and back (g3doc/convert_checkpoint.md)."""

from deeplab_dpc.programs import convert_checkpoint as program

if __name__ == "__main__":
    program.run()
