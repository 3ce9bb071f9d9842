"""Tests of salcomp.file_jobs."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from salcomp import file_jobs
from salcomp.errors import BitstreamError, InputError, SalcompError
from salcomp.file_jobs import Job


def plan(sources, output_dir=None, overwrite=False):
    return file_jobs.plan(sources, ".out", output_dir, overwrite)


def test_output_goes_beside_its_source(tmp_path):
    source = tmp_path / "a.b.png"
    assert plan([source]) == [Job(source, tmp_path / "a.b.out")]


def test_output_folder_is_made(tmp_path):
    folder = tmp_path / "deep" / "down"
    (job,) = plan([tmp_path / "a.png"], str(folder))
    assert job.output == folder / "a.out" and folder.is_dir()


def test_output_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--output_dir"):
        plan([tmp_path / "a.png"], str(tmp_path / "file"))


def test_existing_output_is_kept(tmp_path):
    (tmp_path / "a.out").write_text("old")
    sources = [tmp_path / "a.png", tmp_path / "b.png"]
    assert [job.source.name for job in plan(sources)] == ["b.png"]


def test_existing_output_is_replaced_if_asked_to(tmp_path):
    (tmp_path / "a.out").write_text("old")
    assert len(plan([tmp_path / "a.png"], overwrite=True)) == 1


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_sources_with_one_output_are_refused_by_name(tmp_path, overwrite):
    sources = [tmp_path / "a.jpg", tmp_path / "a.png"]
    with pytest.raises(InputError) as caught:
        plan(sources, overwrite=overwrite)
    assert all(str(source) in str(caught.value) for source in sources)


def test_sources_of_two_folders_collide_in_one_output_folder(tmp_path):
    sources = [tmp_path / "x" / "a.png", tmp_path / "y" / "a.png"]
    assert len(plan(sources)) == 2
    with pytest.raises(InputError):
        plan(sources, str(tmp_path))


def jobs_of(count):
    return [Job(Path(f"{i}.in"), Path(f"{i}.out")) for i in range(count)]


@pytest.mark.parametrize("count", [0, 1, 4, 5, 30])
def test_every_job_is_done_in_order_with_what_was_read(count):
    done = []
    file_jobs.run(
        jobs_of(count),
        lambda path: path.stem,
        lambda job, content: done.append((job, content)),
        "test",
    )
    assert done == [(job, job.source.stem) for job in jobs_of(count)]


def test_failures_of_reading_and_of_work_stop_no_other_job():
    done = []

    def read(path):
        if path.stem == "1":
            raise InputError("cannot be read")
        return path

    def work(job, content):
        if job.source.stem == "3":
            raise BitstreamError("is damaged")
        done.append(job.source.stem)

    with pytest.raises(SalcompError, match="2 of 6 files failed"):
        file_jobs.run(jobs_of(6), read, work, "test")
    assert done == ["0", "2", "4", "5"]


def test_failures_among_several_are_logged_with_their_files(caplog):
    def work(job, content):
        raise BitstreamError("is damaged")

    with pytest.raises(SalcompError):
        file_jobs.run(jobs_of(2), lambda path: path, work, "test")
    assert "0.in: is damaged" in caplog.text and "1.in: is damaged" in caplog.text


def test_failure_of_the_only_job_is_the_error():
    def work(job, content):
        raise BitstreamError("is damaged")

    with pytest.raises(SalcompError) as caught:
        file_jobs.run(jobs_of(1), lambda path: path, work, "test")
    assert str(caught.value) == "0.in: is damaged"


def test_message_that_names_the_file_names_it_once():
    def read(path):
        raise InputError(f"{path}: no image")

    with pytest.raises(SalcompError) as caught:
        file_jobs.run(jobs_of(1), read, print, "test")
    assert str(caught.value) == "0.in: no image"


def test_no_more_than_a_few_files_are_read_ahead():
    ahead = []
    reads, lock = [0], threading.Lock()

    def read(path):
        with lock:
            reads[0] += 1

    def work(job, content):
        with lock:
            ahead.append(reads[0] - len(ahead))

    file_jobs.run(jobs_of(40), read, work, "test")
    assert max(ahead) <= 6
