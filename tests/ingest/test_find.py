"""Which files are taken, and what is said about the others."""

import os
from pathlib import Path

import pytest

from ingest.find import Found, find
from ingest.problems import Problem, display


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_files_come_in_natural_order_each_once(tmp_path: Path) -> None:
    first, second, tenth = (tmp_path / "album" / name for name in ("1.mp3", "2.FLAC", "10.ogg"))
    touch(first, second, tenth, tmp_path / "album" / "cover.jpg", tmp_path / "album" / "film.mp4")
    found = find([tenth, tmp_path, tmp_path / "album"])
    assert found == Found((first, second, tenth), ())


@pytest.mark.parametrize("name", ["a.oga", "a.opus", "a.m4a", "a.wav", "a.wave", "a.aif", "a.aiff", "a.aifc", "a.AAC"])
def test_endings(tmp_path: Path, name: str) -> None:
    touch(tmp_path / name)
    assert find([tmp_path]).files == (tmp_path / name,)


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path / "._song.mp3", tmp_path / ".trash" / "song.mp3", tmp_path / "song.mp3")
    assert find([tmp_path]) == Found((tmp_path / "song.mp3",), ())


def test_a_file_that_is_named_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    odd = tmp_path / ".hidden.bin"
    touch(odd)
    assert find([odd]) == Found((odd,), ())


def test_links_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    song = tmp_path / "elsewhere" / "song.mp3"
    touch(song)
    music = tmp_path / "music"
    music.mkdir()
    (music / "linked").symlink_to(song.parent)
    (music / "same.mp3").symlink_to(song)
    (song.parent / "up").symlink_to(music)
    assert find([music]) == Found((music / "same.mp3",), ())


def test_what_cannot_be_reached_is_a_problem(tmp_path: Path) -> None:
    missing, pipe, empty = tmp_path / "missing.mp3", tmp_path / "pipe.mp3", tmp_path / "empty"
    os.mkfifo(pipe)
    touch(empty / "notes.txt")
    broken = tmp_path / "links" / "gone.mp3"
    touch(tmp_path / "links" / "song.mp3")
    broken.symlink_to(missing)
    looping = tmp_path / "loop"
    looping.symlink_to(looping)
    assert find([missing, pipe, empty, tmp_path / "links", looping, Path("/dev/null")]) == Found(
        (tmp_path / "links" / "song.mp3",),
        (
            Problem(missing, "There is no such file or folder."),
            Problem(pipe, "This is a pipe, not a file."),
            Problem(empty, f"There are no audio files in {empty}."),
            Problem(broken, "There is no such file or folder."),
            Problem(looping, "It cannot be reached: too many levels of symbolic links."),
            Problem(Path("/dev/null"), "This is a device, not a file."),
        ),
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    touch(closed / "song.mp3")
    closed.chmod(0)
    try:
        assert find([closed]).problems == (Problem(closed, "This folder cannot be read: permission denied."),)
    finally:
        closed.chmod(0o700)


def test_a_folder_named_twice_is_no_problem(tmp_path: Path) -> None:
    touch(tmp_path / "song.mp3")
    assert find([tmp_path, tmp_path]) == Found((tmp_path / "song.mp3",), ())


def test_names_that_are_no_text_can_be_shown(tmp_path: Path) -> None:
    song = Path(os.fsdecode(bytes(tmp_path) + b"/Bj\xf6rk\x1b[2J.mp3"))
    touch(song)
    assert find([tmp_path]).files == (song,)
    assert display(song) == f"{tmp_path}/Bj\ufffdrk\ufffd[2J.mp3"
