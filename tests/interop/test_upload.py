import io
import zipfile
from pathlib import Path

import pytest

from app.interop import upload
from app.interop.upload import Unpacker, UploadError, upload_source


def archive(files: dict[str, bytes]) -> io.BytesIO:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    packed.seek(0)
    return packed


def test_archives_and_single_files_land_where_their_names_say(tmp_path: Path) -> None:
    unpacker = Unpacker(tmp_path)
    unpacker.add("runs.zip", archive({"runs/a/log_env.json": b"[]", "runs/a/persona_0/nodes.json": b"[1]"}))
    unpacker.add("runs/b/log_env.json", io.BytesIO(b"[2]"))
    assert (tmp_path / "runs/a/persona_0/nodes.json").read_bytes() == b"[1]"
    assert (tmp_path / "runs/b/log_env.json").read_bytes() == b"[2]"


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "a\\..\\..\\evil", "", "/", "C:/evil", "a/\x00b"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    with pytest.raises(UploadError, match="cannot be used"):
        Unpacker(inside).add(name, io.BytesIO(b"x"))
    assert [path.name for path in tmp_path.rglob("*")] == ["inside"]


@pytest.mark.parametrize("name", ["x" * 300 + "/log_env.json", "a/" * 3000 + "log_env.json"])
def test_a_name_too_long_for_a_disk_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    with pytest.raises(UploadError, match="cannot be written: File name too long"):
        Unpacker(tmp_path).add(name, io.BytesIO(b"[]"))


def test_an_absolute_name_stays_inside(tmp_path: Path) -> None:
    Unpacker(tmp_path).add("/etc/log_env.json", io.BytesIO(b"x"))
    assert (tmp_path / "etc" / "log_env.json").read_bytes() == b"x"


def test_a_bomb_is_stopped_while_it_unpacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MAX_UNPACKED_BYTES", 100_000)
    with pytest.raises(UploadError, match="upload it in parts"):
        Unpacker(tmp_path).add("bomb.zip", archive({"log_env.json": bytes(10_000_000)}))
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= 100_000


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MAX_FILES", 3)
    with pytest.raises(UploadError, match="more than 3 files"):
        Unpacker(tmp_path).add("many.zip", archive({f"f{number}": b"" for number in range(5)}))


@pytest.mark.parametrize("content", [b"", b"PK not really", b"\x00" * 100])
def test_what_is_no_archive_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UploadError, match="damaged or of an unknown kind"):
        Unpacker(tmp_path).add("x.zip", io.BytesIO(content))


@pytest.mark.parametrize("other", ["a/config.yaml/log_env.json", "a//config.yaml"])
def test_a_file_that_is_there_twice_or_also_a_folder_is_refused(tmp_path: Path, other: str) -> None:
    with pytest.raises(UploadError, match="twice, or both a file and a folder"):
        Unpacker(tmp_path).add("x.zip", archive({"a/config.yaml": b"1", other: b"2"}))


def test_what_no_run_is_read_from_is_left_out_and_counted(tmp_path: Path) -> None:
    unpacker = Unpacker(tmp_path)
    unpacker.add("x.zip", archive({"a/log_env.json": b"[]", "a/plot.png": b"1", "a/plot.png/b": b"2", "README": b""}))
    unpacker.add("b/notes.txt", io.BytesIO(b"x"))
    assert unpacker.left_out == 4
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["log_env.json"]


def test_a_run_packed_without_its_folder_is_named_after_the_archive(tmp_path: Path) -> None:
    for name in ("logs/one.zip", "logs/two.zip"):
        Unpacker(tmp_path).add(name, archive({"log_env.json": name.encode(), "persona_0/nodes.json": b"[]"}))
    assert (tmp_path / "logs/one/log_env.json").read_bytes() == b"logs/one.zip"
    assert (tmp_path / "logs/two/persona_0/nodes.json").is_file()


def test_a_link_in_an_archive_is_the_text_it_holds(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as made:
        link = zipfile.ZipInfo("a/log_env.json")
        link.external_attr = 0o120777 << 16
        made.writestr(link, "/etc/passwd")
    packed.seek(0)
    Unpacker(tmp_path).add("x.zip", packed)
    assert not (tmp_path / "a/log_env.json").is_symlink()
    assert (tmp_path / "a/log_env.json").read_bytes() == b"/etc/passwd"


def test_an_archive_that_lists_too_much_is_refused_before_its_list_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "_MAX_DIRECTORY_BYTES", 200)
    packed = archive({f"f{number}": b"" for number in range(5)})
    with monkeypatch.context() as patched, pytest.raises(UploadError, match="lists more than"):
        patched.setattr(upload.zipfile, "ZipFile", lambda file: pytest.fail("the list was read"))
        Unpacker(tmp_path).add("many.zip", packed)


def test_uploads_are_told_apart_by_place_and_log(tmp_path: Path) -> None:
    for name, content in (("a", b"[1]"), ("b", b"[1]"), ("c", b"[2]")):
        Unpacker(tmp_path).add(f"{name}/log_env.json", io.BytesIO(content))
    source = upload_source(tmp_path)
    found = {name: source(tmp_path.resolve() / name) for name in "abc"}
    assert len(set(found.values())) == 3
    assert found["a"].split("@")[1] == found["b"].split("@")[1] != found["c"].split("@")[1]
