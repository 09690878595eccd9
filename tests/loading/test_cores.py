"""Threads that share work sleep while they wait, and a container's quota bounds them; what a user sets stays."""

import os

import pytest

from negotiation_env.loading.cores import share_cores


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")  # so that what is set in a test is taken back after it
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)


@pytest.mark.parametrize(
    ("told", "threads"),
    [("150000 100000", "2"), ("10000 100000", "1"), ("max 100000", None), ("", None), ("9900000 100000", None)],
)
def test_no_more_threads_than_a_container_may_use_cores(tmp_path, told, threads):
    (tmp_path / "cpu.max").write_text(told)
    share_cores(tmp_path / "cpu.max")
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    assert os.environ.get("OMP_NUM_THREADS") == threads


def test_where_there_is_no_quota_the_number_is_left_alone(tmp_path):
    share_cores(tmp_path / "nothing")
    assert "OMP_NUM_THREADS" not in os.environ


def test_what_a_user_sets_stays(tmp_path, monkeypatch):
    (tmp_path / "cpu.max").write_text("100000 100000")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    share_cores(tmp_path / "cpu.max")
    assert (os.environ["OMP_NUM_THREADS"], os.environ["OMP_WAIT_POLICY"]) == ("7", "ACTIVE")
