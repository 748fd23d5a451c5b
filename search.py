"""Searches for a dense prediction cell (g3doc/search.md)."""

from deeplab_dpc.programs.search import main as program

if __name__ == "__main__":
    program.run()
