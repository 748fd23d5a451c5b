import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import optuna
import pytest

from benchmarks import search_servers
from deeplab_dpc.genotypes import DPC_TOP1
from deeplab_dpc.search import Outcome, Study, storage
from deeplab_dpc.search.storage import StorageError, open_storage, serve_storage
from tests import nightly

MAXIMIZE = [optuna.study.StudyDirection.MAXIMIZE]


def test_a_journal_is_an_ordinary_one_of_optuna(tmp_path):
    path = tmp_path / "study.journal"
    open_storage(path).create_new_study(MAXIMIZE, "a")
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    plain = optuna.storages.JournalStorage(backend)
    assert [s.study_name for s in plain.get_all_studies()] == ["a"]


@pytest.mark.parametrize(
    "url, message",
    [
        ("missing/study.journal", "missing is no folder"),
        (".", "is a folder; name a file in it"),
        ("sqlite:///a.db", "is SQLite, which loses trials .* give a plain path"),
        ("redis://localhost", "'redis://localhost' is no storage; give a path such"),
        ("grpc://localhost:a", "is no server; give grpc://host:port"),
        ("grpc://:1", "is no server; give grpc://host:port"),
        ("grpc://localhost:1", "No server answers .* search.py serve"),
        ("postgresql://me:secret@localhost:1/a", "answer.* Start the database"),
        ("postgresql:/me:secret@localhost/a", "no address, as it has no ://"),
        ("me:secret@localhost/a", "no address, as it has no ://"),
        ("postgresql://me@localhost:secret/a", "no address of a database; give a path"),
        ("postgresql://me:my@secret@localhost/a", "with an @ of the password as %40"),
        ("grpc://me:secret@localhost:1", "'grpc://me@localhost:1' is no server"),
        ("redis://localhost?pasword=secret", "'redis://localhost' is no storage"),
        ("sqlite://me:secret@localhost/a", "sqlite://me@localhost/a is SQLite"),
    ],
)
def test_what_is_no_storage_is_refused(tmp_path, url, message, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(storage, "_READY_S", 0.3)
    with pytest.raises(StorageError, match=message) as e:
        open_storage(url)
    assert "secret" not in str(e.value)


def test_another_file_is_not_taken_for_a_journal(tmp_path):
    text, database = tmp_path / "notes.txt", tmp_path / "a.db"
    text.write_text("nothing\n")
    with sqlite3.connect(database) as connection:
        connection.execute("create table a (b)")
    message = "is no journal of a search; give a path"
    for path in (text, database):
        before = path.read_bytes()
        with pytest.raises(StorageError, match=message):
            open_storage(path)
        assert path.read_bytes() == before


def test_a_damaged_line_in_the_middle_is_named_as_such(tmp_path):
    path = tmp_path / "study.journal"
    for name in "abc":
        open_storage(path).create_new_study(MAXIMIZE, name)
    first, second, third = path.read_bytes().splitlines(keepends=True)
    for broken in (second[:20] + b"\n", b'{"op_code":99}\n', b"[]\n", b'{"op_code"}\n'):
        path.write_bytes(first)
        opened = open_storage(path)
        path.write_bytes(first + broken + third)
        for read in (lambda: open_storage(path), opened.get_all_studies):
            with pytest.raises(
                StorageError, match="study.journal cannot be read.*Only"
            ):
                read()


def test_mysql_is_tried_with_a_warning():
    with (
        pytest.warns(UserWarning, match="mysql is untested here"),
        pytest.raises(StorageError, match="needs a driver: No module named"),
    ):
        open_storage("mysql://me@localhost:1/a")


def test_a_port_is_not_shared_by_two_servers(tmp_path):
    """gRPC would share it, and workers would write now one study, now the other."""
    with search_servers.grpc_server(str(tmp_path / "a.journal")) as server:
        open_storage(server.url)
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(StorageError, match="Cannot listen on localhost:.*another"):
            serve_storage(tmp_path / "b.journal", port=port)


AWAY_S = [0, pytest.param(nightly.of(15, 60), marks=pytest.mark.slow)]


@pytest.mark.parametrize("away_s", AWAY_S)
def test_workers_wait_for_a_server_that_is_started_again(tmp_path, away_s, caplog):
    """The one has a trial in training; the other looks for one, and must not get it."""
    with search_servers.grpc_server(str(tmp_path / "a.journal")) as server:
        one, other = (Study.open(server.url, "a", {}) for _ in range(2))
        one.enqueue([DPC_TOP1])
        trial = one.ask_queued()
        assert other.ask_queued() is None
        with one.keep_alive(), ThreadPoolExecutor() as pool:
            server.kill()
            began_s = time.monotonic()
            told = pool.submit(one.tell, trial, Outcome(score=0.5))
            looked = pool.submit(other.ask_queued)
            time.sleep(away_s)
            server.start()
            assert told.result() is None and looked.result() is None
        assert away_s <= time.monotonic() - began_s < away_s * 1.4 + 20
        (record,) = other.records()
    assert (record.state, record.score, record.attempt) == ("complete", 0.5, 1)
    assert "localhost" in caplog.text and "waiting for it" in caplog.text


def test_a_server_that_stays_away_is_told_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_PATIENCE_S", 0.5)
    monkeypatch.setattr(storage, "_RETRY_EVERY_S", 0.2)
    journal = tmp_path / "a.journal"
    with search_servers.grpc_server(str(journal)) as server:
        opened = open_storage(server.url)
        opened.create_new_study(MAXIMIZE, "a")
        journal.write_bytes(b"")
        with pytest.raises(StorageError, match="localhost.* failed: .* and has 0: som"):
            opened.create_new_study(MAXIMIZE, "b")
        server.kill()
        with pytest.raises(StorageError, match="not answer for 0 s; start it again"):
            opened.get_all_studies()
