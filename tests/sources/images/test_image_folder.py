"""Folders of images: order, classes, mixtures, damaged files, and the cache."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.core.errors import InputError, MissingDependencyError
from isthmus.sources.images import cache as image_folder_cache
from isthmus.sources.images import folder as image_folder
from isthmus.sources.images import reading as image_files
from isthmus.sources.images import threads as image_folder_threads
from isthmus.sources.images.folder import read_images

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (4, 6, 9), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """d.png … a.png, written backwards."""
    made = tmp_path / "photos"
    made.mkdir()
    for name, image in zip("abcd", IMAGES, strict=True):
        Image.fromarray(image).save(made / f"{name}.png")
    return made


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches" / "isthmus" / "images"


def test_images_come_sorted_by_name(folder: Path, own_cache: Path) -> None:
    found = read_images(folder)
    assert found.names == ("a.png", "b.png", "c.png", "d.png")
    np.testing.assert_array_equal(found.images, IMAGES)
    assert (len(found), found.labels, found.skipped, found.ignored, found.changed, found.cache) == (
        4,
        None,
        {},
        0,
        0,
        None,
    )
    assert not own_cache.exists()
    assert "array" not in repr(found)


def test_a_single_file_is_a_set_of_one(folder: Path) -> None:
    found = read_images(str(folder / "b.png"))
    np.testing.assert_array_equal(found.images, IMAGES[1:2])
    assert found.names == ("b.png",)
    assert read_images(folder / "b.png", 4, 3).images.shape == (1, 4, 4, 3)
    assert read_images(folder / "b.png", (6, 9)).changed == 0
    assert read_images(folder / "b.png", (6, 8)).changed == 1


def test_sub_folders_are_classes(folder: Path) -> None:
    for name in "abcd":
        (folder / f"{name}.png").unlink()
    for number, (label, name) in enumerate((("dog", "a.png"), ("cat", "b.PNG"), ("cat", "a.PNG"))):
        (folder / label).mkdir(exist_ok=True)
        Image.fromarray(IMAGES[number]).save(folder / label / name)
    found = read_images(folder)
    assert found.names == ("cat/a.PNG", "cat/b.PNG", "dog/a.png")
    assert found.labels is not None
    assert found.labels.tolist() == ["cat", "cat", "dog"]
    np.testing.assert_array_equal(found.images, IMAGES[[2, 1, 0]])
    Image.fromarray(IMAGES[3]).save(folder / "z.png")
    mixed = read_images(folder)
    assert mixed.names[0] == "z.png"
    assert mixed.labels is None


def test_labels_are_of_the_images_that_are_left(folder: Path) -> None:
    (folder / "cat").mkdir()
    for name in "abcd":
        (folder / f"{name}.png").replace(folder / "cat" / f"{name}.png")
    (folder / "broken.png").write_bytes(b"")
    found = read_images(folder, skip_bad=True)
    assert found.labels is not None
    assert found.labels.tolist() == ["cat"] * 4


def test_what_is_no_image_is_passed_over_and_counted(folder: Path) -> None:
    (folder / "notes.txt").write_text("x")
    (folder / ".hidden.png").write_text("x")
    (folder / "film.gif").write_text("x")
    (folder / "sub" / "deeper").mkdir(parents=True)
    Image.fromarray(IMAGES[0]).save(folder / "sub" / "deeper" / "x.png")
    (folder / ".thumbnails").mkdir()
    Image.fromarray(IMAGES[0]).save(folder / ".thumbnails" / "x.png")
    found = read_images(folder)
    assert len(found) == 4
    assert found.ignored == 5


def test_a_folder_without_images_says_what_there_is(tmp_path: Path) -> None:
    for name in ("a.heic", "b.HEIC", "c.txt", ".x"):
        (tmp_path / name).touch()
    with pytest.raises(InputError) as caught:
        read_images(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} holds no images: looked for .png, .jpg, .jpeg, .webp, .tif, .tiff in it and in its sub-folders, "
        "found 2 .heic, 1 .txt, 1 hidden. Give the folder that the images are in."
    )
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found nothing"):
        read_images(tmp_path / "empty")
    with pytest.raises(InputError, match="nowhere cannot be read: No such file"):
        read_images(tmp_path / "nowhere")


@pytest.mark.skipif(os.name == "nt", reason="links of POSIX")
def test_links_are_followed_and_links_to_nowhere_are_errors(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.png"
    Image.fromarray(IMAGES[0]).save(elsewhere)
    (folder / "e.png").symlink_to(elsewhere)
    np.testing.assert_array_equal(read_images(folder).images[4], IMAGES[0])
    (folder / "f.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(InputError, match=r"f\.png cannot be read: No such file"):
        read_images(folder)
    assert list(read_images(folder, skip_bad=True).skipped) == ["f.png"]
    os.mkfifo(folder / "pipe.png")
    assert read_images(folder, skip_bad=True).ignored == 1


# Mixtures


def test_several_sizes_name_two_files_and_the_fix(folder: Path) -> None:
    Image.fromarray(np.zeros((30, 20), np.uint8)).save(folder / "bb.png")
    with pytest.raises(InputError) as caught:
        read_images(folder)
    assert str(caught.value) == (
        f"{folder}: the images have several sizes: a.png is 6 × 9 (height × width), bb.png is 30 × 20. Bring all to "
        "one with size=64, or another number (in the shell: --size 64)."
    )
    found = read_images(folder, size=(6, 9))
    assert found.images.shape == (5, 6, 9)
    assert found.changed == 1
    np.testing.assert_array_equal(found.images[0], IMAGES[0])


def test_grey_among_colour_names_two_files_and_the_fix(folder: Path) -> None:
    Image.new("RGB", (9, 6)).save(folder / "c.png")
    with pytest.raises(InputError) as caught:
        read_images(folder)
    assert str(caught.value) == (
        f"{folder}: the images are of several kinds: a.png is grey (1 channel), c.png is colour (3). Bring all to one "
        "with channels=3, or channels=1 for grey (in the shell: --channels)."
    )
    with pytest.raises(InputError, match="several kinds"):
        read_images(folder, size=8)
    found = read_images(folder, channels=3)
    assert found.images.shape == (4, 6, 9, 3)
    assert found.changed == 3
    assert read_images(folder, channels=1).images.shape == (4, 6, 9)
    Image.new("RGBA", (9, 6)).save(folder / "c.png")
    with pytest.raises(InputError, match=r"colour with transparency \(4\)\. Bring all to one with channels=4"):
        read_images(folder)


def test_the_mixture_is_found_before_anything_is_decoded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.fromarray(np.zeros((30, 20), np.uint8)).save(folder / "e.png")
    monkeypatch.setattr(image_folder, "decoded", lambda *_: pytest.fail("decoded"))
    with pytest.raises(InputError, match="several sizes"):
        read_images(folder)


def test_with_size_and_channels_given_headers_are_not_read_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folder, "image_form", lambda *_: pytest.fail("header read"))
    assert read_images(folder, 5, 3).images.shape == (4, 5, 5, 3)


# Damaged files


@pytest.mark.parametrize("options", [{}, {"size": 4, "channels": 3}, {"cache": True}])
def test_damaged_files_are_named_or_skipped(folder: Path, options: dict[str, object]) -> None:
    content = (folder / "d.png").read_bytes()
    (folder / "b.png").write_bytes(content[:-30])  # the header is whole
    (folder / "cc.png").write_text("no image")
    with pytest.raises(InputError) as caught:
        read_images(folder, **options)  # type: ignore[arg-type]
    assert "cc.png" in str(caught.value) or "b.png is damaged or cut short" in str(caught.value)
    assert str(caught.value).endswith("Or pass over such files with skip_bad=True (in the shell: --skip-bad).")
    found = read_images(folder, skip_bad=True, **options)  # type: ignore[arg-type]
    assert found.names == ("a.png", "c.png", "d.png")
    assert list(found.skipped) == ["b.png", "cc.png"]
    assert "cc.png is no PNG" in found.skipped["cc.png"]
    assert len(found.images) == 3
    if not options.get("size"):
        np.testing.assert_array_equal(found.images, IMAGES[[0, 2, 3]])


def test_nothing_but_damaged_files_is_an_error(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.png").write_text("x")
    with pytest.raises(InputError, match=r"none of 2 files could be read\. The first: .*a\.png is no PNG"):
        read_images(tmp_path, skip_bad=True)


def test_progress_counts_the_files_of_both_passes(folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    read_images(folder, progress=lambda *one: told.append(one))
    assert told == [("headers", n, 4) for n in (1, 2, 3, 4)] + [("images", n, 4) for n in (1, 2, 3, 4)]


# The cache


def test_a_cache_is_used_again_without_opening_the_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = read_images(folder, cache=tmp_path / "kept")
    assert isinstance(first.images, np.memmap)
    assert not first.images.flags.writeable
    np.testing.assert_array_equal(first.images, IMAGES)
    assert sorted(file.suffix for file in (tmp_path / "kept").iterdir()) == [".json", ".npy"]
    np.testing.assert_array_equal(np.load(first.cache, allow_pickle=False), IMAGES)  # type: ignore[arg-type]
    monkeypatch.setattr(image_folder, "decoded", lambda *_: pytest.fail("decoded"))
    monkeypatch.setattr(image_folder, "image_form", lambda *_: pytest.fail("header read"))
    again = read_images(folder, cache=tmp_path / "kept")
    np.testing.assert_array_equal(again.images, IMAGES)
    assert (again.cache, again.names) == (first.cache, first.names)


def test_skipped_and_changed_are_remembered(folder: Path) -> None:
    (folder / "b.png").write_text("x")
    options = {"size": 4, "skip_bad": True, "cache": True}
    first, again = (read_images(folder, **options) for _ in range(2))  # type: ignore[arg-type]
    assert again.cache == first.cache
    assert again.skipped == first.skipped
    assert (again.changed, again.names) == (3, ("a.png", "c.png", "d.png"))
    np.testing.assert_array_equal(again.images, first.images)
    assert again.images.shape == (3, 4, 4)


def changed_content(folder: Path) -> None:
    Image.fromarray(IMAGES[::-1][0]).save(folder / "a.png", compress_level=0)


def touched(folder: Path) -> None:
    os.utime(folder / "a.png", ns=(1, 1))


def renamed(folder: Path) -> None:
    (folder / "a.png").rename(folder / "aa.png")


def removed(folder: Path) -> None:
    (folder / "a.png").unlink()


@pytest.mark.parametrize("change", [changed_content, touched, renamed, removed])
def test_a_changed_folder_is_decoded_anew_and_the_old_file_removed(folder: Path, own_cache: Path, change) -> None:
    first = read_images(folder, cache=True)
    change(folder)
    again = read_images(folder, cache=True)
    assert again.cache != first.cache
    np.testing.assert_array_equal(again.images, read_images(folder, cache=False).images)
    assert sorted(own_cache.iterdir()) == sorted([again.cache, again.cache.with_suffix(".json")])  # type: ignore[list-item, union-attr]


def test_each_way_of_decoding_has_its_own_file(folder: Path, own_cache: Path) -> None:
    ways = [{}, {"size": 4}, {"channels": 3}, {"size": 4, "aspect": "pad"}, {"skip_bad": True}]
    kept = {read_images(folder, cache=True, **way).cache for way in ways}  # type: ignore[arg-type]
    assert len(kept) == len(ways)
    assert len(list(own_cache.glob("*.npy"))) == len(ways)


@pytest.mark.parametrize("damage", ["truncated", "no notes", "bad notes", "other shape"])
def test_a_damaged_cache_is_made_again(folder: Path, damage: str) -> None:
    kept = read_images(folder, cache=True).cache
    assert kept is not None
    notes = kept.with_suffix(".json")
    if damage == "truncated":
        kept.write_bytes(kept.read_bytes()[:-1])
    elif damage == "no notes":
        notes.unlink()
    elif damage == "bad notes":
        notes.write_text("[]")
    else:
        notes.write_text(json.dumps({**json.loads(notes.read_text()), "shape": [6, 8]}))
    np.testing.assert_array_equal(read_images(folder, cache=True).images, IMAGES)


def test_a_failed_run_leaves_no_file(folder: Path, own_cache: Path) -> None:
    (folder / "d.png").write_bytes((folder / "a.png").read_bytes()[:-30])
    with pytest.raises(InputError, match="damaged or cut short"):
        read_images(folder, cache=True)
    assert list(own_cache.iterdir()) == []


def test_the_cache_comes_by_itself_above_the_limit(
    folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_folder, "IN_MEMORY", 4 * 6 * 9)
    assert read_images(folder).cache is None
    monkeypatch.setattr(image_folder, "IN_MEMORY", 4 * 6 * 9 - 1)
    assert read_images(folder, cache=False).cache is None
    first = read_images(folder)
    assert first.cache is not None
    assert first.cache.parent == own_cache
    monkeypatch.setattr(image_folder, "image_form", lambda *_: pytest.fail("header read"))
    np.testing.assert_array_equal(read_images(folder).images, IMAGES)


def test_large_sets_are_written_in_pieces(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_folder_cache, "PIECE", 100)
    np.testing.assert_array_equal(read_images(folder, cache=True).images, IMAGES)


def test_a_user_without_a_home_needs_a_folder_only_for_large_sets(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", no_home)
    assert len(read_images(folder)) == 4
    with pytest.raises(InputError, match=r"216 bytes of decoded images need a folder .* Pass cache=FOLDER"):
        read_images(folder, cache=True)


def test_a_cache_that_cannot_be_made_says_so(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be kept in .*file.* Pass cache=FOLDER, or cache=False"):
        read_images(folder, cache=tmp_path / "file" / "inside")


def test_without_pillow_the_error_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'isthmus\[images\]'"):
        read_images(folder)


# Threads


def test_large_files_are_decoded_by_several_threads_and_stay_in_order(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    paths = sorted(folder.iterdir())
    assert image_folder_threads.threads_for(paths) == 1
    monkeypatch.setattr(image_folder_threads, "LARGE_FILE", 10)
    assert image_folder_threads.threads_for(paths) == 4
    for number in range(30):
        Image.fromarray(IMAGES[number % 4]).save(folder / f"e{number:02}.png")
    (folder / "e07.png").write_text("x")
    alone = threading.current_thread()
    used = set()

    def decoded(path: Path, *how: object) -> tuple[np.ndarray, bool]:
        used.add(threading.current_thread())
        time.sleep(0.001 * (ord(path.stem[-1]) % 3))
        return image_files.decoded(path, *how)  # type: ignore[arg-type]

    monkeypatch.setattr(image_folder, "decoded", decoded)
    found = read_images(folder, skip_bad=True)
    assert alone not in used
    assert list(found.skipped) == ["e07.png"]
    expected = [*IMAGES, *(IMAGES[number % 4] for number in range(30) if number != 7)]
    np.testing.assert_array_equal(found.images, expected)
    with pytest.raises(InputError, match=r"e07\.png is no PNG"):
        read_images(folder)


def test_no_more_is_decoded_than_is_about_to_be_used(tmp_path: Path) -> None:
    done: list[Path] = []
    results = image_folder_threads.in_order(
        lambda path: done.append(path) or path, [tmp_path / str(n) for n in range(50)], 2
    )
    assert next(results)() == tmp_path / "0"
    time.sleep(0.05)
    assert len(done) <= 4
    results.close()
    assert len(done) <= 4


def test_the_callers_warnings_stay_as_they_are(folder: Path) -> None:
    before = list(warnings.filters)
    read_images(folder)
    assert warnings.filters == before
