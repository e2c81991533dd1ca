"""Data sets by name: where their files are looked for, what is accepted, and what comes back."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import scipy.io

from isthmus import datasets
from isthmus.core.errors import InputError, ParameterError
from isthmus.sources import datasets_files
from isthmus.sources.datasets_catalogue import CATALOGUE, Facts
from isthmus.sources.datasets_files import PublishedArray, cache_folder, read_faces_mat
from isthmus.sources.idx import read_idx

RANDOM = np.random.default_rng(0)
PARTS = {
    "train": (RANDOM.integers(0, 256, (20, 4, 3), np.uint8), RANDOM.integers(0, 3, 20, np.uint8)),
    "test": (RANDOM.integers(0, 256, (7, 4, 3), np.uint8), RANDOM.integers(0, 3, 7, np.uint8)),
}


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.delenv("ISTHMUS_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "cache" / "isthmus"


@pytest.fixture
def home(tmp_path):
    """The public home of a tiny data set; ``home.asked`` are the files that were fetched."""
    folder = tmp_path / "home"
    folder.mkdir()
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path.removeprefix("/"))
            super().do_GET()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
    server.folder, server.asked = folder, asked
    server.url = f"http://127.0.0.1:{server.server_address[1]}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tiny(home, cache, monkeypatch):
    def published(array, file):
        (home.folder / f"{file}.gz").write_bytes(gzip.compress(idx(array)))
        digest = hashlib.sha256(array.tobytes()).hexdigest()
        readers = {f"{file}.gz": read_idx, file: read_idx}
        return PublishedArray("tiny_set", readers, (f"{home.url}{file}.gz",), array.shape, digest)

    parts = {
        part: (published(images, f"{part}-images"), published(labels, f"{part}-labels"))
        for part, (images, labels) in PARTS.items()
    }
    monkeypatch.setitem(CATALOGUE, "tiny", Facts("tiny", "tiny images", "nowhere", "none", ("a", "b", "c"), parts))
    return home


def test_names():
    assert datasets.names() == ("digits", "dsprites", "fashion-mnist", "frey-faces", "mnist")
    for name, facts in CATALOGUE.items():
        assert facts.name == name
        assert facts.description
        assert facts.source
        assert facts.licence


def test_digits_span_the_range_of_pixels():
    from sklearn.datasets import load_digits

    data = datasets.load("digits")
    assert (data.X.dtype, data.X.shape, data.y.dtype) == (np.uint8, (1797, 8, 8), np.int64)
    assert (data.X.min(), data.X.max(), len(np.unique(data.X))) == (0, 255, 17)
    np.testing.assert_array_equal(np.rint(data.X / 255 * 16), load_digits().images)
    np.testing.assert_array_equal(data.y, load_digits().target)
    assert data.classes == tuple("0123456789")
    assert len(data) == 1797
    np.testing.assert_array_equal(datasets.load("digits", "all").X, data.X)


def test_sprites_come_with_their_factors():
    data = datasets.load("dsprites", n=50, random_state=3)
    assert (data.X.shape, data.y.shape, data.y.dtype) == ((50, 64, 64), (50, 5), np.int64)
    np.testing.assert_array_equal(datasets.render_dsprites(*data.factors.values.T), data.X)
    np.testing.assert_array_equal(data.factors.values[:, 0], data.y[:, 0] + 1)
    assert data.classes == ("square", "ellipse", "heart")


def test_rows_are_drawn_without_replacement_and_repeatably():
    data = datasets.load("digits", n=1797, random_state=1)
    np.testing.assert_array_equal(np.bincount(data.y), np.bincount(datasets.load("digits").y))
    assert not np.array_equal(data.y, datasets.load("digits").y)
    few, again = (datasets.load("digits", n=10, random_state=5) for _ in range(2))
    np.testing.assert_array_equal(few.X, again.X)
    whole = datasets.load("digits")
    for image, label in zip(few.X, few.y, strict=True):
        assert label in whole.y[(image == whole.X).all((1, 2))]


def test_fetched_once_then_from_the_cache(tiny, cache):
    data = datasets.load("tiny")
    np.testing.assert_array_equal(data.X, PARTS["train"][0])
    np.testing.assert_array_equal(data.y, PARTS["train"][1])
    assert data.y.dtype == np.int64
    assert tiny.asked == ["train-images.gz", "train-labels.gz"]
    assert sorted(path.name for path in (cache / "tiny_set").iterdir()) == ["train-images.gz", "train-labels.gz"]
    again = datasets.load("tiny")
    np.testing.assert_array_equal(again.X, data.X)
    assert len(tiny.asked) == 2
    again.X[0] = 0  # the arrays are the caller's own


def test_splits(tiny):
    np.testing.assert_array_equal(datasets.load("tiny", split="test").X, PARTS["test"][0])
    whole = datasets.load("tiny", "all")
    np.testing.assert_array_equal(whole.X, np.concatenate([PARTS["train"][0], PARTS["test"][0]]))
    np.testing.assert_array_equal(whole.y, np.concatenate([PARTS["train"][1], PARTS["test"][1]]))
    assert repr(whole) == "Dataset('tiny', X=uint8 (27, 4, 3), y=int64 (27,), classes=3)"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train-images.gz", gzip.compress(idx(PARTS["train"][0]), compresslevel=1, mtime=7)),
        ("train-images.gz", idx(PARTS["train"][0])),
        ("train-images", idx(PARTS["train"][0])),
    ],
    ids=["compressed otherwise", "not compressed", "other name"],
)
def test_same_numbers_in_another_file_are_the_same_data(tiny, tmp_path, monkeypatch, name, content):
    own = tmp_path / "own" / "tiny_set"
    own.mkdir(parents=True)
    (own / name).write_bytes(content)
    (own / "train-labels").write_bytes(idx(PARTS["train"][1]))
    monkeypatch.setenv("ISTHMUS_DATA", str(own.parent))
    np.testing.assert_array_equal(datasets.load("tiny").X, PARTS["train"][0])
    assert tiny.asked == []


def test_own_folder_comes_first_and_what_it_lacks_is_fetched(tiny, cache, tmp_path, monkeypatch):
    own = tmp_path / "own" / "tiny_set"
    own.mkdir(parents=True)
    (own / "train-images").write_bytes(idx(PARTS["train"][0]))
    monkeypatch.setenv("ISTHMUS_DATA", str(own.parent))
    np.testing.assert_array_equal(datasets.load("tiny").y, PARTS["train"][1])
    assert tiny.asked == ["train-labels.gz"]
    assert [path.name for path in own.iterdir()] == ["train-images"]


def test_own_folder_comes_before_the_cache(tiny, cache, tmp_path, monkeypatch):
    own = tmp_path / "own"
    for folder, content in ((own, idx(PARTS["train"][0])), (cache, b"damaged")):
        (folder / "tiny_set").mkdir(parents=True)
        (folder / "tiny_set" / "train-images").write_bytes(content)
    monkeypatch.setenv("ISTHMUS_DATA", str(own))
    np.testing.assert_array_equal(datasets.load("tiny").X, PARTS["train"][0])


@pytest.mark.parametrize("where", ["own", "cache"])
def test_one_wrong_pixel_on_the_disk_is_refused_and_kept(tiny, cache, tmp_path, monkeypatch, where):
    folder = tmp_path / "own" / "tiny_set" if where == "own" else cache / "tiny_set"
    folder.mkdir(parents=True)
    if where == "own":
        monkeypatch.setenv("ISTHMUS_DATA", str(folder.parent))
    wrong = PARTS["train"][0].copy()
    wrong[3, 2, 1] ^= 1
    (folder / "train-images.gz").write_bytes(gzip.compress(idx(wrong)))
    with pytest.raises(InputError) as caught:
        datasets.load("tiny")
    found, expected = (hashlib.sha256(array.tobytes()).hexdigest() for array in (wrong, PARTS["train"][0]))
    for words in (str(folder / "train-images.gz"), f"SHA-256 {found}; expected {expected}", "Delete the file"):
        assert words in str(caught.value)
    assert (folder / "train-images.gz").exists()
    assert tiny.asked == []


def test_wrong_pixel_from_the_home_is_refused_and_not_kept(tiny, cache):
    wrong = PARTS["train"][0].copy()
    wrong[3, 2, 1] ^= 1
    (tiny.folder / "train-images.gz").write_bytes(gzip.compress(idx(wrong)))
    expected = hashlib.sha256(PARTS["train"][0].tobytes()).hexdigest()
    with pytest.raises(InputError, match=rf"expected {expected}\. It was deleted\..*curl -L -o train-images\.gz http"):
        datasets.load("tiny")
    assert list((cache / "tiny_set").iterdir()) == []


@pytest.mark.parametrize("wrong", [PARTS["train"][0][:-1], PARTS["train"][0].astype(np.int8)[:, None]])
def test_other_shape_is_refused(tiny, cache, wrong):
    (cache / "tiny_set").mkdir(parents=True)
    (cache / "tiny_set" / "train-images").write_bytes(idx(wrong))
    with pytest.raises(
        InputError, match=r"it has uint8 numbers of shape .*; expected uint8 numbers of shape \(20, 4, 3\)"
    ):
        datasets.load("tiny")


def test_without_download_the_file_and_the_places_are_named(tiny, cache):
    with pytest.raises(InputError, match=r"train-images\.gz is not on this machine") as caught:
        datasets.load("tiny", download=False)
    assert str(cache / "tiny_set") in str(caught.value)
    assert "ISTHMUS_DATA" in str(caught.value)
    assert tiny.asked == []


def test_variable_that_names_no_folder_is_told(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("ISTHMUS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(
        InputError, match=r"ISTHMUS_DATA is '.*nowhere', which is not a folder\. Correct it, or unset it"
    ):
        datasets.load("tiny")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "fashion_mnst"}, "No data set is called 'fashion_mnst'. Did you mean 'fashion-mnist'?"),
        ({"name": "Digits"}, "Did you mean 'digits'"),
        ({"name": "imagenet"}, "'imagenet'. Known: digits, dsprites, fashion-mnist, frey-faces, mnist"),
        ({"name": "digits", "split": "valid"}, "`split` must be one of 'train', 'test', 'all'; got 'valid'"),
        ({"name": "digits", "split": "test"}, "'digits' was published in one piece, without a test part"),
        ({"name": "dsprites", "split": "test"}, "'dsprites' was published in one piece"),
        ({"name": "digits", "n": 1798}, r"`n` must be None or an integer in \[1, 1797\].*got 1798"),
        ({"name": "dsprites", "n": 0}, r"integer in \[1, 737280\].*got 0"),
        ({"name": "digits", "n": True}, "got True"),
        ({"name": "digits", "n": 2.0}, "got 2.0"),
        ({"name": "digits", "n": 2, "random_state": "a"}, "`random_state` must be None, an integer"),
    ],
)
def test_wrong_arguments(given, message):
    with pytest.raises(ParameterError, match=message):
        datasets.load(**given)


def faces(array, key="ff"):
    return {key: np.ascontiguousarray(array.reshape(1965, 560).T)}


def test_frey_faces_from_either_file(cache, tmp_path, monkeypatch):
    X = RANDOM.integers(0, 256, (1965, 28, 20), np.uint8)
    facts = CATALOGUE["frey-faces"]
    array, _ = facts.parts["all"]
    object.__setattr__(own := PublishedArray(**vars(array)), "sha256", hashlib.sha256(X.tobytes()).hexdigest())
    monkeypatch.setitem(CATALOGUE, "frey-faces", Facts(**{**vars(facts), "parts": {"all": (own, None)}}))
    folder = cache / "frey_faces"
    folder.mkdir(parents=True)
    np.savez_compressed(folder / "frey_faces.npz", X=X)
    data = datasets.load("frey-faces")
    np.testing.assert_array_equal(data.X, X)
    assert (data.y, data.classes, data.factors) == (None, (), None)
    (folder / "frey_faces.npz").unlink()
    scipy.io.savemat(folder / "frey_rawface.mat", faces(X))
    np.testing.assert_array_equal(datasets.load("frey-faces", "all").X, X)
    assert datasets.load("frey-faces", n=4, random_state=0).y is None


def test_other_matlab_files_are_refused(tmp_path):
    path = tmp_path / "frey_rawface.mat"
    scipy.io.savemat(path, faces(np.zeros((1965, 28, 20), np.uint8), key="tt"))
    with pytest.raises(InputError, match=r"holds \[\('tt', .*expected the uint8 array 'ff' of shape \(560, 1965\)"):
        read_faces_mat(path)
    scipy.io.savemat(path, {"ff": np.zeros((3, 3), np.uint8)})
    with pytest.raises(InputError, match="expected the uint8 array 'ff'"):
        read_faces_mat(path)
    content = path.read_bytes()
    for length in range(0, len(content), 9):
        path.write_bytes(content[:length])
        with pytest.raises(InputError, match="frey_rawface"):
            read_faces_mat(path)
    path.write_bytes(bytes(5 << 20))
    with pytest.raises(InputError, match="above the limit of 4 MiB"):
        read_faces_mat(path)


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {"HOME": "/home/ada"}, "/home/ada/.cache/isthmus"),
        ("linux", {"HOME": "/home/ada", "XDG_CACHE_HOME": "/fast"}, "/fast/isthmus"),
        ("linux", {"HOME": "/home/ada", "XDG_CACHE_HOME": "not/absolute"}, "/home/ada/.cache/isthmus"),
        ("darwin", {"HOME": "/Users/ada"}, "/Users/ada/Library/Caches/isthmus"),
        ("win32", {"LOCALAPPDATA": "/ada/Local"}, "/ada/Local/isthmus/Cache"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="POSIX paths")
def test_cache_folder(monkeypatch, platform, environment, expected):
    for name in ("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(datasets_files.sys, "platform", platform)
    assert cache_folder().as_posix() == expected


def test_no_home_folder(monkeypatch):
    def nowhere():
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(datasets_files.Path, "home", nowhere)
    monkeypatch.setattr(datasets_files.sys, "platform", "linux")
    with pytest.raises(InputError, match=r"no home folder to keep data sets in\. Set ISTHMUS_DATA"):
        cache_folder()


def test_import_is_light():
    code = (
        "import sys, isthmus.datasets; isthmus.datasets.names(); "
        "heavy = {'torch', 'sklearn', 'scipy', 'urllib.request'} & set(sys.modules); "
        "assert not heavy, heavy; sys.stdout.write('fine')"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.stdout == "fine", found.stderr


def test_page_names_every_data_set_with_its_licence():
    page = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
    for name, facts in CATALOGUE.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name}` |")]
        assert row.endswith(f"| {facts.licence} |")


def test_published_digests_are_hexadecimal_and_distinct():
    arrays = [array for facts in CATALOGUE.values() for part in facts.parts.values() for array in part if array]
    digests = [array.sha256 for array in arrays]
    assert len(arrays) == 9 == len(set(digests))
    assert all(len(digest) == 64 and int(digest, 16) and digest == digest.lower() for digest in digests)
    assert all(array.urls and array.urls[0].startswith("https://") for array in arrays)


@pytest.mark.external
@pytest.mark.parametrize("name", ["fashion-mnist", "frey-faces", "mnist"])
@pytest.mark.skipif("ISTHMUS_DATA" not in os.environ, reason="ISTHMUS_DATA names no folder with the published files")
def test_published_files(name):
    data = datasets.load(name, "all", download=False)
    if name == "frey-faces":
        assert (data.X.shape, data.X.min(), data.X.max()) == ((1965, 28, 20), 8, 238)
        return
    assert data.X.shape == (70_000, 28, 28)
    assert np.bincount(data.y).tolist() == (
        [7000] * 10 if name != "mnist" else [6903, 7877, 6990, 7141, 6824, 6313, 6876, 7293, 6825, 6958]
    )
