"""Tests of salcomp.codec.files."""

from __future__ import annotations

import threading
import time
import types
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from salcomp.codec import files as file_jobs
from salcomp.codec.files import Job
from salcomp.errors import BitstreamError, InputError, SalcompError
from salcomp.files import images, map_sources
from tests.fixtures import refusal


def plan(places, output_dir=None, overwrite=False):
    if not isinstance(places, dict):
        places = {path: Path(path.name) for path in places}
    return file_jobs.plan(places, ".out", output_dir, overwrite)


def test_output_goes_beside_its_source(tmp_path):
    source = tmp_path / "a.b.png"
    assert plan([source]) == [Job(source, tmp_path / "a.b.out")]


@pytest.mark.parametrize("overwrite, done", [(False, ["b"]), (True, ["a", "b"])])
def test_existing_output_is_kept_unless_asked_otherwise(tmp_path, overwrite, done):
    (tmp_path / "a.out").write_text("old")
    jobs = plan([tmp_path / "a.png", tmp_path / "b.png"], overwrite=overwrite)
    assert [job.source.stem for job in jobs] == done


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_sources_with_one_output_are_refused_by_name(tmp_path, overwrite):
    sources = [tmp_path / "a.jpg", tmp_path / "a.png"]
    message = refusal(plan, sources, overwrite=overwrite)
    assert all(str(source) in message for source in sources)


def test_sources_of_two_folders_collide_in_one_output_folder(tmp_path):
    sources = [tmp_path / "x" / "a.png", tmp_path / "y" / "a.png"]
    assert len(plan(sources)) == 2
    with pytest.raises(InputError, match="would both become"):
        plan(sources, str(tmp_path))


def test_folders_of_the_sources_are_made_in_the_output_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    sources = {tmp_path / place: Path(place) for place in ("x/a.png", "y/a.png")}
    outputs = [job.output for job in plan(sources, "~/out")]
    assert outputs == [tmp_path / "out/x/a.out", tmp_path / "out/y/a.out"]
    assert all(output.parent.is_dir() for output in outputs)


def jobs_of(count):
    return [Job(Path(f"{i}.in"), Path(f"{i}.out")) for i in range(count)]


WORKERS = pytest.mark.parametrize("workers", [1, 2, 5])


@WORKERS
@pytest.mark.parametrize("count", [0, 1, 4, 30])
def test_every_job_is_done_once(count, workers):
    done = []
    file_jobs.run(jobs_of(count), done.append, "test", workers)
    assert sorted(done) == sorted(jobs_of(count))


def test_single_worker_keeps_the_order():
    done = []
    file_jobs.run(jobs_of(30), done.append, "test", 1)
    assert done == jobs_of(30)


@WORKERS
def test_jobs_run_no_more_at_a_time_than_there_are_workers(workers):
    running = threading.Semaphore(workers)

    def work(job):
        assert running.acquire(blocking=False)
        time.sleep(0.002)
        running.release()

    file_jobs.run(jobs_of(20), work, "test", workers)


@WORKERS
def test_failures_stop_no_other_job(workers):
    done = []
    errors = {"1": InputError("cannot be read"), "3": BitstreamError("is damaged")}

    def work(job):
        if job.source.stem in errors:
            raise errors[job.source.stem]
        done.append(job.source.stem)

    with pytest.raises(SalcompError, match="2 of 6 files failed"):
        file_jobs.run(jobs_of(6), work, "test", workers)
    assert sorted(done) == ["0", "2", "4", "5"]


def test_failures_among_several_are_logged_with_their_files(caplog):
    work = mock.Mock(side_effect=BitstreamError("is damaged"))
    with pytest.raises(SalcompError):
        file_jobs.run(jobs_of(2), work, "test")
    assert "0.in: is damaged" in caplog.text and "1.in: is damaged" in caplog.text


@pytest.mark.parametrize("said", ["is damaged", "0.in: is damaged"])
def test_failure_of_the_only_job_is_the_error_and_names_it_once(said):
    work = mock.Mock(side_effect=BitstreamError(said))
    message = refusal(file_jobs.run, jobs_of(1), work, "test", error=SalcompError)
    assert message == "0.in: is damaged"


@pytest.mark.parametrize("folder", ["", "/a/folder"])
def test_message_names_the_file_from_whatever_folder_the_tool_is_started(folder):
    def work(job):
        raise BitstreamError("not a .salc file")

    job = file_jobs.Job(Path(folder, "a"), Path(folder, "a.png"))
    with pytest.raises(SalcompError) as caught:
        file_jobs.run([job], work, "test")
    assert str(caught.value) == f"{job.source}: not a .salc file"


def test_fault_of_the_program_stops_the_jobs_and_is_not_hidden():
    done = []

    def work(job):
        done.append(job)
        time.sleep(0.002)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        file_jobs.run(jobs_of(200), work, "test", 2)
    assert len(done) < 200


class Watched(map_sources.Source):
    """Maps of ones; tells which were asked for."""

    def __init__(self):
        self.asked = []
        self.of_third = threading.Event()

    def of(self, path, image, max_pixels=images.MAX_PIXELS):
        self.asked.append(path.stem)
        if len(self.asked) == 3:
            self.of_third.set()
        return map_sources.Map(np.ones(image.rgb.shape[:2], np.float32), "watched")


@pytest.fixture
def pictures(tmp_path):
    """Jobs on five images."""
    for i in range(5):
        images.write_png(tmp_path / f"{i}.png", np.zeros((1, 1, 3), np.uint8))
    paths = [tmp_path / f"{i}.png" for i in range(5)]
    return [Job(path, path.with_suffix(".salc")) for path in paths]


def slow_encoder(encode):
    """An encoder of one image at a time, as `compress_files` takes it."""
    return types.SimpleNamespace(encode=encode, uses_map=True, workers=1)


def test_map_of_the_next_image_is_made_while_one_is_encoded_and_no_further(pictures):
    maps, seen = Watched(), []

    def encode(name, rgb, saliency):
        seen.append(name)
        if name == "1.png":
            assert maps.of_third.wait(60)
            time.sleep(0.1)
        assert len(maps.asked) <= len(seen) + 1
        return types.SimpleNamespace(data=b"salc", bpp=1.0)

    file_jobs.compress_files(slow_encoder(encode), pictures, maps)
    assert maps.asked == ["0", "1", "2", "3", "4"]
    assert seen == [job.source.name for job in pictures]
    assert all(job.output.read_bytes() == b"salc" for job in pictures)


def test_image_that_cannot_be_read_ahead_stops_no_other(pictures, caplog):
    pictures[1].source.write_bytes(b"no image")
    encoded = types.SimpleNamespace(data=b"salc", bpp=1.0)
    encoder = slow_encoder(mock.Mock(return_value=encoded))
    with pytest.raises(SalcompError, match="1 of 5 files failed"):
        file_jobs.compress_files(encoder, pictures, Watched())
    assert [job.output.exists() for job in pictures] == [True, False, True, True, True]
    assert f"{pictures[1].source}: not an image" in caplog.text


def test_nothing_is_read_further_once_the_jobs_are_stopped(pictures):
    def encode(name, rgb, saliency):
        time.sleep(0.05)
        raise KeyboardInterrupt

    maps = Watched()
    with pytest.raises(KeyboardInterrupt):
        file_jobs.compress_files(slow_encoder(encode), pictures, maps)
    assert len(maps.asked) < 5
