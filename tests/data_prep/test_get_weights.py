"""Bringing published weights; but for one test, those of a package made up here."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest

from data_prep import get_weights
from data_prep.predictors import published
from salcomp.errors import OutputError
from tests.fixtures import ROOT, refusal

WHEEL = "made_up_net-1.0-py3-none-any.whl"
CONTENTS = {
    "net/a.onnx": b"network" * 100,
    "net/a.onnx.data": b"weights" * 10_000,
    "net/LICENSE": b"Apache",
}
REFUSING = "http://127.0.0.1:9"  # where nothing listens


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """The wheel of a network `unisal`, which pip finds in its folder alone."""
    path = tmp_path / "links" / WHEEL
    path.parent.mkdir()
    information = "made_up_net-1.0.dist-info"
    metadata = "Metadata-Version: 2.1\nName: made-up-net\nVersion: 1.0\n"
    metadata += "Requires-Python: >=3.99\nRequires-Dist: no-such-package\n"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in CONTENTS.items():
            archive.writestr(name, data)
        archive.writestr(f"{information}/METADATA", metadata)
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\n")
        archive.writestr(f"{information}/RECORD", "")
    network = published.Network(
        "made-up-net==1.0",
        digest(path.read_bytes()),
        {
            name.rpartition("/")[2]: published.Member(name, digest(data))
            for name, data in CONTENTS.items()
        },
        "Apache-2.0",
        "A paper",
    )
    monkeypatch.setitem(published.NETWORKS, "unisal", network)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    return path


@pytest.fixture
def kept(tmp_path):
    """Where the files are kept."""
    return tmp_path / "cache/salcomp/unisal"


def alter(path, place: int = 300) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def get(*arguments: str) -> None:
    get_weights.main(["get_weights", *arguments])


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def assert_nothing_is_left(cache) -> None:
    assert not [path for path in cache.rglob("*") if path.name != "salcomp"]


EXPECTED = {name.rpartition("/")[2]: data for name, data in CONTENTS.items()}


def test_the_files_of_the_package_come_into_the_cache_alone(wheel, kept, capsys):
    get("unisal")
    assert contents(kept) == EXPECTED
    printed = capsys.readouterr().out
    for told in (str(kept), "0 MB", "Apache-2.0", "A paper"):
        assert told in printed


def test_files_that_are_there_are_not_brought_again(wheel, kept, capsys):
    get("unisal", f"--wheel={wheel}")
    wheel.unlink()
    get("unisal")
    assert "there already" in capsys.readouterr().out.splitlines()[3]


@pytest.mark.parametrize("name", EXPECTED)
@pytest.mark.parametrize("damage", [lambda path: alter(path, 0), os.unlink])
def test_files_that_are_damaged_are_brought_again(wheel, kept, name, damage):
    get("unisal", f"--wheel={wheel}")
    damage(kept / name)
    get("unisal", f"--wheel={wheel}")
    assert contents(kept) == EXPECTED


def test_another_folder_may_be_named_and_keeps_what_is_in_it(wheel, kept, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/LICENSES").write_text("mine")
    get("unisal", f"--output={tmp_path / 'mine'}", f"--wheel={wheel}")
    assert contents(tmp_path / "mine") == {**EXPECTED, "LICENSES": b"mine"}
    assert not kept.exists()


def test_a_wheel_that_was_downloaded_elsewhere_needs_no_pip(
    wheel, kept, tmp_path, monkeypatch
):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    moved = wheel.rename(tmp_path / "w.whl")
    get("unisal", f"--wheel={moved}")
    assert contents(kept) == EXPECTED


def test_a_wheel_with_one_byte_changed_is_refused(wheel, tmp_path):
    alter(wheel)
    message = refusal(get, "unisal")
    assert "another SHA-256 than the published one" in message
    message = refusal(get, "unisal", f"--wheel={wheel}")
    assert f"{WHEEL}: not the wheel of made-up-net==1.0, or damaged" in message
    assert_nothing_is_left(tmp_path / "cache")


def test_a_wheel_that_cannot_be_read_is_refused(wheel, tmp_path):
    for path in (tmp_path / "missing.whl", tmp_path):
        message = refusal(get, "unisal", f"--wheel={path}")
        assert f"{path}: cannot be read" in message


def test_without_a_connection_the_way_round_it_is_told(wheel, tmp_path, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_RETRIES", "1")
    for variable in ("PIP_INDEX_URL", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, REFUSING)
    message = refusal(get, "unisal")
    assert "(no connection to the package index)" in message and "--wheel" in message
    assert_nothing_is_left(tmp_path / "cache")


def test_a_package_that_the_index_has_not_is_told(wheel, tmp_path):
    wheel.unlink()
    message = refusal(get, "unisal")
    assert "(No matching distribution found for made-up-net==1.0" in message
    assert_nothing_is_left(tmp_path / "cache")


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """The path of what runs in the place of pip."""
    path = tmp_path / "path/pip/__main__.py"
    path.parent.mkdir(parents=True)
    (path.parent / "__init__.py").touch()
    paths = [str(path.parents[1]), os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return path


def test_a_python_without_pip_is_told(wheel, pip, tmp_path):
    message = refusal(get, "unisal")
    assert "No module named pip.__main__" in message and "--wheel" in message
    assert_nothing_is_left(tmp_path / "cache")


def test_why_pip_failed_is_told_without_its_traceback(wheel, pip, tmp_path):
    pip.write_text("raise OSError(28, 'No space left on device')")
    message = refusal(get, "unisal")
    assert "(OSError: [Errno 28] No space left on device)" in message
    assert_nothing_is_left(tmp_path / "cache")


def test_a_folder_that_cannot_be_made_is_refused(wheel, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file/cache"))
    assert "no folder can be made there" in refusal(get, "unisal")


def test_a_disk_that_is_full_is_told_and_what_was_there_stays(
    wheel, kept, tmp_path, monkeypatch
):
    get("unisal", f"--wheel={wheel}")
    alter(kept / "a.onnx", 0)
    before = contents(kept)

    def fail(self, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", fail)
    message = refusal(get, "unisal", f"--wheel={wheel}", error=OutputError)
    assert "No space left on device" in message
    assert contents(kept) == before


def test_a_folder_in_the_place_of_a_file_is_told(wheel, kept):
    (kept / "LICENSE").mkdir(parents=True)
    message = refusal(get, "unisal", f"--wheel={wheel}", error=OutputError)
    assert "LICENSE: cannot be written (Is a directory)" in message
    assert [path.name for path in kept.iterdir()] == ["LICENSE"]


def test_a_cache_folder_that_is_not_absolute_is_none(monkeypatch):
    monkeypatch.setenv("HOME", "/home/of/someone")
    for value in ("relative", ""):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        folder = published.cache_folder("unisal")
        assert str(folder) == "/home/of/someone/.cache/salcomp/unisal"


def test_weights_that_no_package_carries_are_told_where_to_be_had():
    message = refusal(get, "attention-center")
    assert "https://github.com/google/attention-center" in message
    assert "model/center.tflite" in message


@pytest.mark.parametrize("names", [[], ["unisal", "unisal"], ["center"]])
def test_the_names_there_are_are_told(names):
    assert refusal(get, *names).endswith("unisal, attention-center")


SLOW_PIP = """
import os, pathlib, sys, time
dest = [a.partition("=")[2] for a in sys.argv if a.startswith("--dest=")]
pathlib.Path(*dest, "half.whl").write_bytes(bytes(1000))
pathlib.Path(os.environ["STARTED"]).touch()
time.sleep(100)
"""


@pytest.mark.parametrize("kill", [signal.SIGINT, signal.SIGKILL])
def test_a_download_that_was_stopped_leaves_nothing_to_the_next(
    wheel, kept, pip, tmp_path, monkeypatch, kill
):
    pip.write_text(SLOW_PIP)
    monkeypatch.setenv("STARTED", str(tmp_path / "started"))
    process = subprocess.Popen(
        [sys.executable, "-m", "data_prep.get_weights", "unisal"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while not (tmp_path / "started").exists() and time.monotonic() < until:
        time.sleep(0.05)
    os.killpg(process.pid, kill)  # as the terminal does by Ctrl-C
    errors = process.communicate()[1]
    if kill == signal.SIGINT:
        assert errors.endswith("\ninterrupted\n") and errors.count("\n") == 2
        assert_nothing_is_left(tmp_path / "cache")
    get("unisal", f"--wheel={wheel}")
    assert contents(kept) == EXPECTED


def test_unisal_is_brought_from_its_package(tmp_path, unisal_weights):
    network = published.NETWORKS["unisal"]
    assert network.is_whole(unisal_weights.parent)
    licences = "Apache License", "MIT License"
    for name, licence in zip(("unisal", "pyautoflip"), licences):
        assert licence in (unisal_weights.parent / f"LICENSE.{name}").read_text()
