import os
import stat

import pytest

from makemore_tui.core.atomic import check_can_create, write_atomically
from makemore_tui.core.errors import UserError


def test_a_file_is_written_with_the_folders_that_lead_to_it(tmp_path):
    path = tmp_path / "some" / "folder" / "file"
    write_atomically(path, b"content")
    assert path.read_bytes() == b"content"
    assert os.listdir(path.parent) == ["file"]


def test_a_new_file_can_be_read_by_others_as_far_as_the_umask_allows(tmp_path):
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640


def test_a_replaced_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(0o600)
    write_atomically(path, b"new")
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"new", 0o600)


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "link").symlink_to("file")
    write_atomically(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"new"


@pytest.mark.parametrize("fails", ["fsync", "replace", "chmod"])
def test_an_error_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch, fails):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, fails, fail)
    with pytest.raises(UserError, match=rf"{path} can't be written: No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_an_interrupt_leaves_nothing_either(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", b"new")
    assert os.listdir(tmp_path) == []


def test_a_folder_that_cannot_be_is_said(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UserError, match="can't be written"):
        write_atomically(tmp_path / "file" / "below", b"")


def test_what_can_be_created_is_not_created_yet(tmp_path):
    check_can_create(tmp_path / "some" / "file")
    assert os.listdir(tmp_path / "some") == []
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below", tmp_path / ("x" * 300)):
        with pytest.raises(UserError, match=f"{path} can't be written"):
            check_can_create(path)
    assert sorted(os.listdir(tmp_path)) == ["file", "some"]


def test_a_name_that_no_file_can_have_is_refused(tmp_path):
    for write in (write_atomically, check_can_create):
        with pytest.raises(UserError, match="can't be written: embedded null byte"):
            write(tmp_path / "a\0b")


def test_of_a_long_word_an_error_leaves_the_middle_out():
    assert len(str(UserError(f"there is no {'x' * 100_000!r}"))) < 1000
    assert str(UserError("x" * 900 + " is no word")) == "x" * 900 + " is no word"
