"""`python -m deeplab_dpc.describe`: what a model is and costs (g3doc/describe.md)."""

from deeplab_dpc.programs import describe

if __name__ == "__main__":
    describe.run()
