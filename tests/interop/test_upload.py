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


def test_an_absolute_name_stays_inside(tmp_path: Path) -> None:
    Unpacker(tmp_path).add("/etc/passwd", io.BytesIO(b"x"))
    assert (tmp_path / "etc" / "passwd").read_bytes() == b"x"


def test_a_bomb_is_stopped_while_it_unpacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MAX_UNPACKED_BYTES", 100_000)
    with pytest.raises(UploadError, match="upload it in parts"):
        Unpacker(tmp_path).add("bomb.zip", archive({"zeros": bytes(10_000_000)}))
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) <= 100_000


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "MAX_FILES", 3)
    with pytest.raises(UploadError, match="more than 3 files"):
        Unpacker(tmp_path).add("many.zip", archive({f"f{number}": b"" for number in range(5)}))


@pytest.mark.parametrize("content", [b"", b"PK not really", b"\x00" * 100])
def test_what_is_no_archive_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(UploadError, match="damaged or of an unknown kind"):
        Unpacker(tmp_path).add("x.zip", io.BytesIO(content))


def test_a_file_that_is_also_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UploadError, match="both a file and a folder"):
        Unpacker(tmp_path).add("x.zip", archive({"a": b"1", "a/b": b"2"}))


def test_uploads_are_told_apart_by_place_and_log(tmp_path: Path) -> None:
    for name, content in (("a", b"[1]"), ("b", b"[1]"), ("c", b"[2]")):
        Unpacker(tmp_path).add(f"{name}/log_env.json", io.BytesIO(content))
    source = upload_source(tmp_path)
    found = {name: source(tmp_path.resolve() / name) for name in "abc"}
    assert len(set(found.values())) == 3
    assert found["a"].split("@")[1] == found["b"].split("@")[1] != found["c"].split("@")[1]
