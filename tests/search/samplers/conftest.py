import optuna
import pytest


@pytest.fixture(autouse=True)
def optuna_is_quiet():
    optuna.logging.set_verbosity(optuna.logging.WARNING)
