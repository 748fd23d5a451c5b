"""A small data set to convert."""

import pytest

from tests.conversion import toy


@pytest.fixture
def folder(tmp_path):
    return toy.write(tmp_path)
