"""`python -m deeplab_dpc.data.inspect`: what is in a data set (g3doc/data.md)."""

if __name__ == "__main__":
    from deeplab_dpc.programs import inspect as inspect_data

    inspect_data.run()
