"""`python -m deeplab_dpc.describe`: what a model is and costs (g3doc/describe.md)."""

if __name__ == "__main__":
    from deeplab_dpc.programs import describe

    describe.run()
