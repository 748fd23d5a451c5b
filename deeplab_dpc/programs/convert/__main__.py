"""Any converter: `python -m deeplab_dpc.programs.convert cityscapes --output_dir=x`."""

from deeplab_dpc.programs.convert import main

if __name__ == "__main__":
    main.run()
