import os

import pytest

from legacy.code_files import PREFIX, CodeFiles, sweep
from legacy.errors import RayServeException
from legacy.large_code import Pickled

CODE = Pickled(b"the pickle", [(bytearray(b"a buffer"), True), (b"another", False)])


@pytest.fixture
def files(tmp_path):
    (tmp_path / "run").mkdir(mode=0o700)
    return CodeFiles(str(tmp_path / "run"), str(os.getpid()))


def kept(files, code=CODE):
    part, name = files.write(code)
    files.commit(part, name)
    return name


def on_disk(tmp_path):
    return [path for path in (tmp_path / "run").rglob("*") if path.is_file()]


def test_what_is_kept_comes_back_as_it_was(files, tmp_path):
    name = kept(files)
    back = files.read(name)
    assert [bytes(part) for part in back.parts] == [b"the pickle", b"a buffer", b"another"]
    assert [writable for _, writable in back.buffers] == [True, False]
    assert [path.stat().st_mode & 0o777 for path in on_disk(tmp_path)] == [0o600]


def test_the_same_content_is_one_file_and_other_content_another(files, tmp_path):
    assert kept(files) == kept(files, Pickled(CODE.stream, CODE.buffers))
    assert len(on_disk(tmp_path)) == 1
    assert kept(files, Pickled(b"the pickle", [(b"a buffer", False), (b"another", False)])) != kept(files)


@pytest.mark.parametrize("change", [lambda data: data[:-1], lambda data: data[:-1] + b"X", lambda data: b""])
def test_a_damaged_file_is_not_read(files, tmp_path, change):
    name = kept(files)
    [path] = on_disk(tmp_path)
    path.write_bytes(change(path.read_bytes()))
    assert files.read(name) is None
    assert files.read("0" * 64) is None


def test_a_disk_that_takes_nothing_is_named_and_nothing_is_left(files, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("legacy.code_files._written", full)
    with pytest.raises(RayServeException, match=rf"25 bytes .*{tmp_path}.*No space left.*SERVE_COMPAT_RUN_DIR"):
        files.write(CODE)
    assert on_disk(tmp_path) == []


def test_what_is_not_used_and_what_a_killed_writer_left_is_removed(files, tmp_path):
    used, unused = kept(files), kept(files, Pickled(b"other"))
    files.write(Pickled(b"half way"))
    files.keep({used})
    assert [path.name for path in on_disk(tmp_path)] == [used]
    assert files.size(unused) is None
    files.remove(used)
    files.remove(used)
    files.close()
    assert not (tmp_path / "run").exists()


def test_files_of_a_node_that_is_gone_are_swept_and_no_others(files, tmp_path):
    kept(files)
    kept(CodeFiles(str(tmp_path / "run"), "99999999"))
    (tmp_path / "run" / f"{PREFIX}somebody-99999999").mkdir()
    assert sweep(str(tmp_path / "run")) == 1
    assert len(on_disk(tmp_path)) == 1
    assert (tmp_path / "run" / f"{PREFIX}somebody-99999999").exists()
