"""Installs the package `deeplab_dpc`; pyproject.toml says what that is."""

from setuptools import setup

setup()
