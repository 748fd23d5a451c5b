"""Installs the package `deeplab_dpc`; requirements.txt has the tested versions."""

import pathlib

from setuptools import find_namespace_packages, setup

setup(
    name="deeplab_dpc",
    version="0.1.0",
    description="Dense prediction cells for semantic image segmentation",
    long_description=pathlib.Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    packages=find_namespace_packages(include=["deeplab_dpc", "deeplab_dpc.*"]),
    python_requires=">=3.11",
    install_requires=[
        "absl-py",
        "cityscapesscripts",
        "google-crc32c",
        "keras>=3.15",
        "matplotlib",
        "numpy<2.4",
        "optuna>=5,<6",
        "pillow",
        "scipy",
        "simplejpeg",
        "tensorflow>=2.20",
        "tf-models-official>=2.20",
    ],
)
