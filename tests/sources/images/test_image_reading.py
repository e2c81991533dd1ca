"""One image file: formats, modes, orientation, sizes, and everything that is no image."""

from __future__ import annotations

import contextlib
import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.core.errors import InputError, MissingDependencyError, ParameterError
from isthmus.sources.images.reading import image_form, read_image
from isthmus.sources.images.size import parsed_size

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (6, 9), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (6, 9, 3), dtype=np.uint8)
TRANSPARENT = RANDOM.integers(0, 256, (6, 9, 4), dtype=np.uint8)


def saved(path: Path, image: np.ndarray | Image.Image, **options: object) -> Path:
    (Image.fromarray(image) if isinstance(image, np.ndarray) else image).save(path, **options)
    return path


def png_header(width: int, height: int) -> bytes:
    """The start of an RGB PNG of that size, without pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(b"\0" * 100)
    chunks = [struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in (header, data)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("array", [GREY, COLOUR, TRANSPARENT], ids=["grey", "colour", "transparent"])
@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
def test_lossless_formats_come_back_to_the_bit(tmp_path: Path, suffix: str, array: np.ndarray) -> None:
    path = saved(tmp_path / f"x{suffix}", array, **({"lossless": True, "exact": True} if suffix == ".webp" else {}))
    read = read_image(path)
    if suffix == ".webp" and array.ndim == 2:  # the format has no grey
        array = np.stack([array] * 3, axis=-1)
    assert read.dtype == np.uint8
    assert read.flags.writeable
    np.testing.assert_array_equal(read, array)
    assert image_form(path) == (6, 9, 1 if array.ndim == 2 else array.shape[-1])


@pytest.mark.parametrize("array", [np.full((16, 24), 90, np.uint8), np.full((16, 24, 3), (200, 60, 30), np.uint8)])
def test_jpeg_comes_back_nearly(tmp_path: Path, array: np.ndarray) -> None:
    read = read_image(saved(tmp_path / "x.jpg", array, quality=95))
    assert read.shape == array.shape
    assert np.abs(read.astype(int) - array).max() <= 3


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    Image.fromarray(COLOUR).save(path, format="PNG")
    np.testing.assert_array_equal(read_image(str(path)), COLOUR)


def test_black_and_white_is_0_and_255(tmp_path: Path) -> None:
    read = read_image(saved(tmp_path / "x.png", Image.fromarray(GREY > 127)))
    np.testing.assert_array_equal(read, np.where(GREY > 127, 255, 0))


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
def test_16_bits_are_rounded_to_8(tmp_path: Path, suffix: str) -> None:
    wide = np.array([[0, 128, 129, 257, 32768, 65406, 65407, 65535]], dtype=np.uint16)
    read = read_image(saved(tmp_path / f"x{suffix}", wide))
    assert read.tolist() == [[0, 0, 1, 1, 128, 254, 255, 255]]


def test_a_palette_is_colour_and_with_transparency_has_four_channels(tmp_path: Path) -> None:
    palette = Image.fromarray(COLOUR).quantize(4)
    path = saved(tmp_path / "p.png", palette)
    np.testing.assert_array_equal(read_image(path), np.asarray(palette.convert("RGB")))
    path = saved(tmp_path / "t.png", palette, transparency=0)
    read = read_image(path)
    assert read.shape == (6, 9, 4)
    np.testing.assert_array_equal(read[..., 3], np.where(np.asarray(palette) == 0, 0, 255))
    assert image_form(path) == (6, 9, 4)


def test_grey_with_transparency_has_four_channels(tmp_path: Path) -> None:
    both = np.stack([GREY, GREY[::-1]], axis=-1)
    read = read_image(saved(tmp_path / "x.png", Image.fromarray(both)))
    np.testing.assert_array_equal(read, np.stack([GREY, GREY, GREY, GREY[::-1]], axis=-1))
    keyed = read_image(saved(tmp_path / "k.png", Image.fromarray(GREY), transparency=int(GREY[0, 0])))
    np.testing.assert_array_equal(keyed[..., 3], np.where(GREY[0, 0] == GREY, 0, 255))


def test_cmyk_is_colour(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.tiff", Image.new("CMYK", (9, 6), (0, 255, 255, 0)))
    np.testing.assert_array_equal(read_image(path), np.broadcast_to(np.uint8([255, 0, 0]), (6, 9, 3)))


@pytest.mark.parametrize("mode", ["I", "F"])
def test_pixels_of_unknown_range_are_refused(tmp_path: Path, mode: str) -> None:
    path = saved(tmp_path / "x.tiff", Image.new(mode, (3, 2)))
    with pytest.raises(InputError, match=rf"x\.tiff holds pixels of type {mode}, whose range is not known"):
        read_image(path)


def test_channels_are_what_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "half.png"
    half = np.zeros((1, 2, 4), np.uint8)
    half[0, 0] = (200, 100, 50, 255)  # the other pixel is transparent black
    saved(path, half)
    assert read_image(path, channels=3).tolist() == [[[200, 100, 50], [255, 255, 255]]]
    grey = round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    assert read_image(path, channels=1).tolist() == [[grey, 255]]
    path = saved(tmp_path / "grey.png", GREY)
    np.testing.assert_array_equal(read_image(path, channels=3), np.stack([GREY] * 3, axis=-1))
    np.testing.assert_array_equal(read_image(path, channels=4)[..., 3], 255)
    keyed = saved(tmp_path / "keyed.png", Image.fromarray(GREY), transparency=int(GREY[0, 0]))
    assert read_image(keyed, channels=1)[0, 0] == 255


TURNS = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(image, 2).swapaxes(0, 1),
    8: lambda image: np.rot90(image),
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
def test_images_are_turned_as_their_metadata_say(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == ".webp" else {}
    path = saved(tmp_path / f"x{suffix}", COLOUR, exif=exif.tobytes(), **options)
    expected = TURNS[orientation](COLOUR)
    np.testing.assert_array_equal(read_image(path), expected)
    assert image_form(path) == expected.shape


def test_a_photo_on_its_side_is_upright_at_every_size(tmp_path: Path) -> None:
    photo = np.zeros((400, 800, 3), np.uint8)
    photo[:, :400] = 255  # white on the left; shown with orientation 6, at the top
    exif = Image.Exif()
    exif[0x0112] = 6
    path = saved(tmp_path / "x.jpg", photo, exif=exif.tobytes())
    assert image_form(path) == (800, 400, 3)
    read = read_image(path, size=(8, 4))
    assert read.shape == (8, 4, 3)
    assert (read[:3] > 250).all()
    assert (read[-3:] < 5).all()


def test_damaged_metadata_do_not_damage_the_picture(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.jpg", np.full((8, 8), 100, np.uint8), exif=b"Exif\0\0nonsense nonsense")
    assert read_image(path).shape == (8, 8)


def test_resizing_takes_the_middle(tmp_path: Path) -> None:
    wide = np.zeros((4, 12), np.uint8)
    wide[:, 4:8] = 200
    path = saved(tmp_path / "x.png", wide)
    np.testing.assert_array_equal(read_image(path, size=4), np.full((4, 4), 200))
    np.testing.assert_array_equal(read_image(path, size=4, aspect="crop"), np.full((4, 4), 200))
    padded = read_image(path, size=12, aspect="pad")
    np.testing.assert_array_equal(padded[4:8], wide)
    assert not padded[:4].any()
    assert not padded[8:].any()
    stretched = read_image(path, size=4, aspect="stretch")
    assert stretched[:, 0].max() < 60
    assert stretched[:, 1].min() > 100


def test_resizing_is_antialiased(tmp_path: Path) -> None:
    """A checkerboard of single pixels becomes grey; picking pixels would make it black or white."""
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    small = read_image(saved(tmp_path / "x.png", board), size=8)
    assert np.abs(small.astype(int) - 127).max() <= 12


def test_an_image_of_the_size_keeps_its_bits(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_image(saved(tmp_path / "x.png", COLOUR), size=(6, 9)), COLOUR)


@pytest.mark.parametrize("size", [0, -1, 1.5, "64", (8,), (8, 8, 3), (8, 0), True, (True, 8), 20_000])
def test_sizes_are_whole_and_positive(size: object) -> None:
    with pytest.raises(ParameterError, match=r"`size` must be an integer in \[1, 16384\], or two of them"):
        parsed_size(size)  # type: ignore[arg-type]


def test_sizes_as_numpy_and_python_have_them() -> None:
    assert parsed_size(np.int64(8)) == (8, 8)
    assert parsed_size([8, 9]) == (8, 9)  # type: ignore[arg-type]
    assert parsed_size(None) is None


@pytest.mark.parametrize(
    ("options", "message"),
    [({"channels": 2}, "`channels` must be 1 "), ({"aspect": "zoom"}, "`aspect` must be one of 'crop', 'pad'")],
)
def test_other_forms_are_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        read_image(tmp_path / "nowhere.png", **options)  # type: ignore[arg-type]


# What is no image


@pytest.mark.parametrize("side", [12_000, 20_000, 2**31 - 1])
def test_a_bomb_is_refused_from_its_header(tmp_path: Path, side: int) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(png_header(side, side))
    with pytest.raises(InputError, match=rf"bomb\.png has {side * side:,} pixels .* above the limit of 134,217,728"):
        read_image(path)


def test_the_limit_can_be_lowered_and_is_exact(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.png", COLOUR)
    assert read_image(path, max_pixels=54).shape == (6, 9, 3)
    with pytest.raises(InputError, match=r"has 54 pixels \(6 × 9\), which is above the limit of 53\. Make the image"):
        read_image(path, max_pixels=53)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tiff"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated_files_are_named(tmp_path: Path, suffix: str, share: float) -> None:
    buffer = io.BytesIO()
    noise = RANDOM.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(buffer, format={".jpg": "JPEG", ".tiff": "TIFF"}.get(suffix, suffix[1:].upper()))
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(buffer.getvalue()[: int(share * len(buffer.getvalue()))])
    with pytest.raises(InputError, match=rf"cut\{suffix} (is damaged or cut short|is no PNG, JPEG.*, damaged)"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".webp"])
def test_flipped_bytes_give_an_image_or_an_error_that_names_the_file(tmp_path: Path, suffix: str) -> None:
    path = saved(tmp_path / f"x{suffix}", COLOUR)
    content = path.read_bytes()
    refused = []
    for position in range(0, len(content), 7):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :])
        with contextlib.suppress(InputError):
            assert read_image(path).dtype == np.uint8
            continue
        refused.append(position)
    assert 0 in refused  # the format's mark
    path.write_bytes(bytes([content[0] ^ 0xFF]) + content[1:])
    with pytest.raises(InputError, match=rf"x\{suffix} is no PNG"):
        read_image(path)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "found an empty file"),
        (b"no image, " * 30, "found the text 'no image, no image, '"),
        ("é".encode() * 200, "found the text"),
        (b"GIF89a" + bytes(20), "found a GIF image"),
        (b"BM" + bytes(20), "found a BMP image"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "found a HEIC image"),
        (b"\0\0\0\x18ftypavif" + bytes(20), "found an AVIF image"),
        (b"%PDF-1.7", "found a PDF document"),
        (b"<svg xmlns=''>", "found a text of SVG, XML or HTML"),
        (b"\x89PNG\r\n\x1a\n", "found the start of a PNG, JPEG, WebP or TIFF image, damaged"),
        (bytes([0xFE, 0x00, 0x80, 1, 2, 3, 4, 5, 6]), "found bytes that begin with fe 00 80 01 02 03 04 05"),
    ],
)
def test_a_wrong_suffix_says_what_was_found(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_image(path)
    assert str(caught.value).startswith(f"{path} is no PNG, JPEG, WebP or TIFF image: {found}")
    assert "Save it in one of these formats." in str(caught.value)


def test_formats_outside_of_the_list_are_not_even_tried(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(GREY).save(path, format="BMP")
    with pytest.raises(InputError, match="found a BMP image"):
        read_image(path)


def test_several_pages_are_refused(tmp_path: Path) -> None:
    frames = [Image.fromarray(GREY), Image.fromarray(GREY[::-1].copy())]
    for suffix in (".tiff", ".webp", ".png"):
        path = saved(tmp_path / f"x{suffix}", frames[0], save_all=True, append_images=frames[1:])
        with pytest.raises(InputError, match=r"holds 2 pages or frames\. Expected one image per file"):
            read_image(path)


def test_folders_pipes_and_nowhere(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is a folder\. Expected a file\."):
        read_image(tmp_path)
    with pytest.raises(InputError, match=r"nowhere\.png cannot be read: No such file"):
        read_image(tmp_path / "nowhere.png")
    with pytest.raises(InputError, match="is a device or a pipe"):
        read_image("/dev/null" if sys.platform != "win32" else tmp_path / "nul")


def test_without_pillow_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "x.png", GREY)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'isthmus\[images\]'"):
        read_image(path)
