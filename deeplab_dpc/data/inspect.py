"""`python -m deeplab_dpc.data.inspect`: what is in a data set (g3doc/inspect.md)."""

from deeplab_dpc.programs import inspect_data

if __name__ == "__main__":
    inspect_data.run()
