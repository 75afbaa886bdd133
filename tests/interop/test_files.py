import gzip
from pathlib import Path

import pytest

from app.interop import files
from app.interop.files import NothingToImport, UnreadableLog, clean, find_logs, log_bytes
from app.interop.research import read_log
from tests.interop.logs import config, two_months, write_run


def test_runs_are_found_at_any_depth_and_in_every_form_of_path(tmp_path: Path) -> None:
    one = write_run(tmp_path / "results" / "v7" / "one", two_months())
    two = write_run(tmp_path / "results" / "two", two_months(), packed=True)
    assert find_logs([tmp_path]) == sorted([one, two])
    assert find_logs([one, two]) == [one, two]
    assert find_logs([two / "log_env.json.gz", one / "log_env.json", tmp_path]) == [two, one]


def test_a_folder_that_was_a_run_but_has_no_log_is_found_and_named(tmp_path: Path) -> None:
    whole = write_run(tmp_path / "whole", two_months())
    memories = write_run(tmp_path / "magic-rain-37", two_months())
    settings = write_run(tmp_path / "settled", two_months(), settings=config(), nodes=False)
    for folder in (memories, settings):
        (folder / "log_env.json").unlink()
    assert find_logs([tmp_path]) == [memories, settings, whole]
    with pytest.raises(UnreadableLog, match=r"^magic-rain-37: has memories but no log_env\.json\.$"):
        read_log(memories)
    with pytest.raises(UnreadableLog, match="settled: has a configuration but no log_env"):
        read_log(settings)


def test_the_settings_of_the_research_code_itself_are_no_run(tmp_path: Path) -> None:
    write_run(tmp_path / "run", two_months())
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("seed: 1")
    assert find_logs([tmp_path]) == [tmp_path / "run"]


@pytest.mark.parametrize(
    ("name", "reason"), [("nowhere", "does not exist"), ("empty", "There is no run in"), ("file.txt", "is no log")]
)
def test_a_path_without_a_run_says_so(name: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.txt").write_text("[]")
    with pytest.raises(NothingToImport, match=reason):
        find_logs([tmp_path / name])


def test_a_packed_log_that_is_cut_off_is_unreadable(tmp_path: Path) -> None:
    whole = gzip.compress(b"[" + b" " * 100_000 + b"]")
    for name, data in (("cut", whole[:-20]), ("damaged", b"no gzip"), ("flipped", whole[:30] + b"\xff" * 9)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "log_env.json.gz").write_bytes(data)
        with pytest.raises(UnreadableLog, match="cut off or damaged"):
            log_bytes(folder)


def test_a_log_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_LOG_BYTES", 1024 * 1024)
    (tmp_path / "log_env.json.gz").write_bytes(gzip.compress(b" " * 2_000_000))
    with pytest.raises(UnreadableLog, match="larger than 1 MiB"):
        log_bytes(tmp_path)


def test_clean_text_is_left_as_it_is() -> None:
    assert clean("魚 😀 </div>\n") == "魚 😀 </div>\n"
    assert clean("a\0b\udc00") == "a�b�"
