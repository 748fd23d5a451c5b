"""The settings of a study: it is created with them, or joined if it has the same."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection

from deeplab_dpc.formatting import clipped
from deeplab_dpc.search.storage import experimental
from deeplab_dpc.settings import flat

SETTINGS = "settings"
"""Attribute of the study, which Optuna's dashboard shows."""

Settings = Mapping[str, Any]
_OBJECTIVES = ["score", "multiply_adds"]
_CREATOR_S = 10.0


class StudyError(ValueError):
    """A study that cannot be joined, or that cannot take what it is told."""


class LostTrialError(StudyError):
    """A trial that was given to another worker, since this one was thought dead."""


def create_or_join(
    storage: BaseStorage,
    name: str,
    settings: Settings | None,
    directions: Sequence[str],
) -> optuna.Study:
    """The Optuna study of that name, created if need be; see `Study.open`."""
    wanted = [StudyDirection[d.upper()] for d in directions]
    names = [study.study_name for study in storage.get_all_studies()]
    given = None if settings is None else json.loads(json.dumps(dict(settings)))
    is_there = name in names
    if given is None and not is_there:
        raise StudyError(
            f"There is no study {name!r}; this storage has {names or 'none'}."
        )
    if not is_there:
        try:
            storage.create_new_study(wanted, name)
        except DuplicatedStudyError:  # Another worker was faster.
            is_there = True
    study = optuna.load_study(study_name=name, storage=storage)
    if given is not None and (not is_there or not _has_settings_soon(study)):
        study.set_user_attr(SETTINGS, given)
        with experimental():
            study.set_metric_names(_OBJECTIVES[: len(study.directions)])
    if not isinstance(study.user_attrs.get(SETTINGS), Mapping):
        raise StudyError(
            f"Study {name!r} has no settings: another program made it. "
            "Take another study name."
        )
    if given is not None:
        _check_settings(name, study.user_attrs[SETTINGS], given)
    if study.directions != wanted:
        raise StudyError(
            f"Study {name!r} has the directions "
            f"{[d.name.lower() for d in study.directions]}, not {list(directions)}; "
            "take its sampler, or another study name."
        )
    return study


def _has_settings_soon(study: optuna.Study) -> bool:
    """Waits for the settings; a creator that died has left none, so we give them."""
    until_s = time.monotonic() + _CREATOR_S
    while SETTINGS not in study.user_attrs:
        if study.get_trials(deepcopy=False):
            raise StudyError(
                f"Study {study.study_name!r} has trials but no settings: another "
                "program made it. Take another study name."
            )
        if time.monotonic() > until_s:
            return False
        time.sleep(0.1)
    return True


def _check_settings(name: str, kept: Settings, given: Settings) -> None:
    """Refuses other settings than those kept, and says which differ."""
    there, here = flat(kept), flat(given)
    lines = [
        f"  {clipped(key)}: {clipped(repr(there.get(key, 'absent')), 200)} there, "
        f"{clipped(repr(here.get(key, 'absent')), 200)} here"
        for key in sorted({*there, *here})
        if key not in there or key not in here or there[key] != here[key]
    ]
    if lines:
        raise StudyError(
            f"Study {name!r} was made with other settings, and its scores could not be "
            "compared with these:\n" + "\n".join(lines) + "\nGive the study's settings "
            "to go on with it, or another study name to begin a new search."
        )
