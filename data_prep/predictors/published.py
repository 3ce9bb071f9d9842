"""Networks that others have published: brought from a package, kept in a folder.

Every file is known by its SHA-256. pip downloads the package, so that its settings of
proxies and indexes hold; nothing of it is installed or run.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from absl import logging

from salcomp.errors import InputError, OutputError
from salcomp.files import disk


class Member(NamedTuple):
    """A file in a wheel: its path there, and its SHA-256."""

    path: str
    sha256: str


class Network(NamedTuple):
    """A published network, in a wheel of PyPI.

    Attributes:
      package: name==version of the wheel's package.
      sha256: of the wheel.
      files: by the names that they are kept under; the first is what the predictor
        reads.
      licence: of the network and of the package, for the user.
      citation: of the paper.
    """

    package: str
    sha256: str
    files: dict[str, Member]
    licence: str
    citation: str

    def kept_in(self, folder: Path) -> Path | None:
        """Finds the file that the predictor reads; None unless all files are there."""
        paths = [folder / name for name in self.files]
        return paths[0] if all(path.is_file() for path in paths) else None

    def is_whole(self, folder: Path) -> bool:
        """Whether all files are in a folder, with the sums that they should have."""
        try:
            return all(
                disk.sha256(folder / name) == member.sha256
                for name, member in self.files.items()
            )
        except OSError:
            return False


NETWORKS = {
    "unisal": Network(
        package="pyautoflip==0.2.1",
        sha256="34dfcc6cfbf3c142c927345f18baf5f16219b017997c247ed69bb5205130b629",
        files={
            "unisal.onnx": Member(
                "pyautoflip/detection/unisal.onnx",
                "5809e6508ff2a41d3f38a1d7826f6e52e79f4c71264dfdcb874a85083b729648",
            ),
            "unisal.onnx.data": Member(
                "pyautoflip/detection/unisal.onnx.data",
                "616f298851f16f09719aaebd4de6165fa19fdcacf28e02af25e4696f2dbf41a3",
            ),
            "LICENSE.unisal": Member(
                "pyautoflip/3rd_party_libs/unisal/LICENSE",
                "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
            ),
            "LICENSE.pyautoflip": Member(
                "pyautoflip-0.2.1.dist-info/licenses/LICENSE",
                "fcb7af0aa436071af1edb5b9e94a876d6c2da383c212163b85c3293ad2f84fcc",
            ),
        },
        licence="Apache-2.0, and MIT of the package pyautoflip that carries it",
        citation="R. Droste, J. Jiao, J. A. Noble: Unified Image and Video Saliency "
        "Modeling, ECCV 2020",
    )
}


def cache_folder(name: str) -> Path:
    """The folder that a network is kept in by default; it need not exist."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(cache):  # which the XDG specification has ignored
        cache = os.path.expanduser("~/.cache")
    return Path(cache, "salcomp", name)


def bring(network: Network, folder: Path, wheel: Path | None = None) -> None:
    """Puts the files of a network into a folder, all of them or none.

    Args:
      network: to be brought.
      folder: made if need be. Files of the network's names in it are replaced.
      wheel: path of its wheel, if that has been downloaded.

    Raises:
      InputError: the folder cannot be made, the wheel cannot be had, or is not the one
        that was published.
      OutputError: the folder cannot be written, or the disk is full.
    """
    with _made(folder), _workplace(folder) as temporary:
        contents = _unpack(network, wheel or _download(network, temporary))
        for name, data in contents.items():
            disk.write_file(temporary / name, data)
        for name in reversed(network.files):  # what the predictor reads comes last
            _move(temporary / name, folder / name)


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """A folder that is made, and is not left behind if nothing comes into it."""
    made = not folder.exists()
    disk.make_folder("output", folder)
    try:
        yield
    finally:
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()


@contextlib.contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """A folder within a folder, for this process alone and while it lasts."""
    with disk.locked(folder):
        temporary = folder / ".download.tmp"
        disk.remove([temporary])  # of a process that was killed
        temporary.mkdir()
        try:
            yield temporary
        finally:
            disk.remove([temporary])


def _move(path: Path, place: Path) -> None:
    try:
        os.replace(path, place)
    except OSError as error:
        raise OutputError(
            f"{place}: cannot be written ({error.strerror}); choose another place"
        ) from error


def _download(network: Network, folder: Path) -> Path:
    """Downloads the wheel of a network by pip; returns its path."""
    requirements = folder / "requirements.txt"
    line = f"{network.package} --hash=sha256:{network.sha256}\n"
    disk.write_file(requirements, line.encode())
    command = [sys.executable, "-m", "pip", "download", f"--requirement={requirements}"]
    command += [f"--dest={folder}", "--require-hashes", "--no-deps"]
    # Its code is not run, so that it may be for other versions of Python than this.
    command += ["--only-binary=:all:", "--ignore-requires-python"]
    command += [
        "--no-cache-dir",
        "--no-input",
        "--quiet",
        "--disable-pip-version-check",
    ]
    logging.info("pip downloads the wheel of %s", network.package)
    result = subprocess.run(
        command,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        errors="replace",
    )
    if result.returncode:
        raise InputError(_reason(network, result.stderr))
    (wheel,) = folder.glob("*.whl")
    return wheel


def _reason(network: Network, output: str) -> str:
    """Why pip failed, in one line of the many that it prints."""
    if "DO NOT MATCH THE HASHES" in output:
        return (
            f"the wheel of {network.package} that pip finds has another SHA-256 than "
            f"the published one, {network.sha256}: it was damaged or altered, and is "
            "not kept; see to the index and the links that pip is set to"
        )
    lines = output.strip().splitlines() or ["it printed no reason"]
    reason = lines[-1].replace("ERROR: ", "")
    if "connection broken" in output:
        reason = "no connection to the package index"
    return (
        f"pip cannot download {network.package} ({reason}); see to that, or get the "
        "wheel elsewhere and give --wheel=FILE"
    )


def _unpack(network: Network, wheel: Path) -> dict[str, bytes]:
    """Reads the files of a network from its wheel.

    Raises:
      InputError: it cannot be read, or has or holds what was not published.
    """
    try:
        found = disk.sha256(wheel)
    except OSError as error:
        raise InputError(
            f"{wheel}: cannot be read ({error.strerror}); give the wheel of "
            f"{network.package}"
        ) from error
    if found != network.sha256:
        raise InputError(
            f"{wheel}: not the wheel of {network.package}, or damaged: its SHA-256 is "
            f"{found}, not {network.sha256}; download it again"
        )
    with zipfile.ZipFile(wheel) as archive:
        return {
            name: archive.read(member.path) for name, member in network.files.items()
        }
