import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection

from deeplab_dpc.files import locked
from deeplab_dpc.search.storage import JournalLock, StorageError, open_storage
from deeplab_dpc.search.study import Strategy, Study, StudyError
from tests import nightly, odd_values
from tests.search import studies
from tests.search.samplers.studies import sampler_named


def journal_file(path):
    return JournalFileBackend(path, lock_obj=JournalLock(path))


def read(path):
    return list(journal_file(str(path)).read_logs(0))


@pytest.mark.parametrize("torn", [b'{"a', b'{"a":1}', b"x" * 200_000])
@pytest.mark.parametrize("before", [[], [{"n": 1}, {"n": 2}]])
def test_a_torn_last_line_is_cut_off_by_the_next_writer(tmp_path, torn, before):
    path = tmp_path / "journal"
    journal = journal_file(str(path))
    for line in before:  # A whole last line stays.
        journal.append_logs([line])
    with path.open("ab") as file:
        file.write(torn)
    assert read(path) == before  # A reader leaves it alone.
    journal.append_logs([{"n": 3}, {"n": 4}])
    expected = [*before, {"n": 3}, {"n": 4}]
    assert list(journal.read_logs(0)) == read(path) == expected
    assert [json.loads(line) for line in path.read_text().splitlines()] == expected


def test_the_lock_of_a_killed_holder_is_free_at_once(tmp_path):
    path = str(tmp_path / "lock")
    hold = (
        "import sys, time; from deeplab_dpc.files import locked\n"
        "with locked(sys.argv[1]):\n    print('held', flush=True); time.sleep(60)"
    )
    command, entered = [sys.executable, "-c", hold, path], threading.Event()

    def enter():
        with locked(path):
            entered.set()

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        thread = threading.Thread(target=enter)
        thread.start()
        assert not entered.wait(0.2)
        holder.send_signal(signal.SIGKILL)
        assert entered.wait(2.0)
        thread.join()


def _append(path, worker):
    journal = journal_file(path)
    for n in range(100):
        journal.append_logs([{"worker": worker, "n": n, "fill": "x" * (n % 977)}])


def test_lines_of_processes_and_threads_do_not_mix(tmp_path):
    path = str(tmp_path / "journal")
    process = multiprocessing.get_context("spawn").Process
    kinds = [process, process, threading.Thread, threading.Thread]
    workers = [kind(target=_append, args=(path, w)) for w, kind in enumerate(kinds)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    logs = read(path)
    assert len(logs) == 400
    for w in range(4):
        assert [log["n"] for log in logs if log["worker"] == w] == list(range(100))


def test_one_thread_at_a_time_holds_the_lock(tmp_path):
    path, inside, seen = str(tmp_path / "lock"), [0], []

    def enter(_):
        for _ in range(50):
            with locked(path):
                inside[0] += 1
                seen.append(inside[0])
                time.sleep(0.0002)
                inside[0] -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(enter, range(4)))
    assert seen == [1] * 200


def test_the_lock_is_a_file_of_its_own_beside_the_journal(tmp_path):
    journal_file(str(tmp_path / "journal")).append_logs([{"n": 1}])
    assert sorted(os.listdir(tmp_path)) == ["journal", "journal.flock"]


def test_a_journal_that_shrinks_under_a_worker_is_noticed(tmp_path):
    path = tmp_path / "study.journal"
    opened = open_storage(path)
    for name in "ab":
        opened.create_new_study([StudyDirection.MAXIMIZE], name)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.index(b"\n") + 1])
    message = f"journal had {len(whole)} bytes and has"
    for _ in range(2):
        with pytest.raises(StorageError, match=message):
            opened.create_new_study([StudyDirection.MAXIMIZE], "c")
    path.write_bytes(whole + b"torn")  # What a dying writer leaves is no cut.
    opened.create_new_study([StudyDirection.MAXIMIZE], "c")
    assert path.read_bytes().startswith(whole) and b"torn" not in path.read_bytes()


def _changed(rng, lines):
    """A journal of which a line has another value, is gone, twice or elsewhere, or of
    which some bytes are odd.
    """
    how, at, to = rng.random(), rng.randrange(len(lines)), rng.randrange(len(lines))
    if how < 0.1:
        return odd_values.changed(rng, b"".join(lines))
    if how < 0.2:
        line = lines[at]
        rest = lines[:at] + lines[at + rng.randrange(2) :]
        return b"".join(rest[:to] + [line] * rng.randrange(2) + rest[to:])
    value = json.loads(lines[at])
    odd_values.change_json(rng, value)
    changed = json.dumps(value).encode() + b"\n"
    return b"".join(lines[:at] + [changed] + lines[at + 1 :])


def test_a_changed_journal_is_gone_on_with_or_refused_in_few_words(tmp_path):
    path, space = tmp_path / "study.journal", studies.SPACE
    strategy = Strategy(sampler_named("random", space, search_seed=0), key=space.key)
    rng, outcomes = random.Random(4), {"read": 0, "refused": 0}
    studies.run(Study.open(str(path), "a", {"steps": 10}, strategy), 4)
    lines = path.read_bytes().splitlines(keepends=True)
    for _ in range(nightly.of(60, 2000)):
        path.write_bytes(_changed(rng, lines))
        try:
            study = Study.open(str(path), "a", {"steps": 10}, strategy)
            before = len(studies.complete(study))
            studies.run(study, 1)
            assert len(studies.complete(study)) == before + 1
            outcomes["read"] += 1
        except (StorageError, StudyError) as e:
            assert len(str(e)) < 1000 + len(str(path))
            outcomes["refused"] += 1
    assert all(outcomes.values())
