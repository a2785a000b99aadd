"""Pictures of every mode become three colors, and lie as they are shown."""

import warnings

import archspec.pictures
import numpy as np
import pytest
from archspec.pictures import PictureError, decoded
from PIL import Image

STEPS = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20


def kept(image, path, **options):
    """What is read of a picture that was written."""
    image.save(path, **options)
    return decoded(path)


@pytest.mark.parametrize(
    ("mode", "suffix"), [("L", "png"), ("L", "bmp"), ("I;16", "png"), ("I", "tiff")]
)
def test_grey_becomes_three_equal_colors(tmp_path, mode, suffix):
    grey = (
        STEPS
        if mode == "L"
        else STEPS.astype(np.uint16 if mode == "I;16" else np.int32) * 256 + 255
    )
    image = Image.fromarray(grey)
    assert image.mode == mode
    assert (kept(image, tmp_path / f"a.{suffix}") == STEPS[..., None]).all()


def test_words_beyond_16_bits_are_cut_off(tmp_path):
    grey = np.array([[-5, 70000, 65535, 256]], np.int32)
    found = kept(Image.fromarray(grey), tmp_path / "a.tiff")
    assert found[..., 0].tolist() == [[0, 255, 255, 1]]


def test_black_and_white_become_0_and_255(tmp_path):
    image = Image.fromarray(STEPS > 100)
    assert image.mode == "1"
    found = kept(image, tmp_path / "a.png")
    assert (found == np.where(STEPS > 100, 255, 0)[..., None]).all()


@pytest.mark.parametrize("transparent", [0, 128, 255])
def test_what_is_transparent_is_as_it_is_stored(tmp_path, transparent):
    alpha = np.full((3, 4), transparent, np.uint8)
    color = np.stack([STEPS, STEPS + 1, 255 - STEPS, alpha], -1)
    assert (kept(Image.fromarray(color), tmp_path / "a.png") == color[..., :3]).all()
    grey = Image.fromarray(np.stack([STEPS, alpha], -1))
    assert grey.mode == "LA"
    assert (kept(grey, tmp_path / "b.png") == STEPS[..., None]).all()


def test_a_palette_becomes_its_colors(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    for options in ({}, {"transparency": 1}, {"transparency": b"\0\x80"}):
        found = kept(image, tmp_path / "a.png", **options)
        assert found.tolist() == [[[10, 20, 30], [40, 50, 60]]]


def test_cmyk_becomes_rgb(tmp_path):
    image = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    found = kept(image, tmp_path / "a.jpg", quality=100)
    np.testing.assert_allclose(found, np.broadcast_to([255, 0, 0], (16, 16, 3)), atol=3)


@pytest.mark.parametrize("suffix", ["gif", "webp", "tiff", "png"])
def test_of_several_frames_the_first_counts(tmp_path, suffix):
    frames = [Image.new("RGB", (16, 16), color) for color in ("red", "lime", "blue")]
    options = {"lossless": True} if suffix == "webp" else {}
    found = kept(
        frames[0], tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], **options
    )
    assert (found == (255, 0, 0)).all()


TURNS = {
    1: lambda pixels: pixels,
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels.transpose(1, 0, 2)[::-1, ::-1],
    8: np.rot90,
    9: lambda pixels: pixels,
}
"""Number of EXIF's orientation → what is shown of what is stored; 9 is none."""


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
def test_pictures_are_turned_as_exif_says(tmp_path, orientation, suffix):
    pixels = np.stack([STEPS, 255 - STEPS, STEPS // 2], -1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True, "exact": True} if suffix == "webp" else {}
    found = kept(Image.fromarray(pixels), tmp_path / f"a.{suffix}", exif=exif, **options)
    np.testing.assert_array_equal(found, TURNS[orientation](pixels))


def test_grey_of_16_bits_is_turned_too(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    found = kept(Image.fromarray(STEPS.astype(np.uint16) * 256), tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(found[..., 0], np.rot90(STEPS, -1))


def test_boxes_of_a_turned_picture_are_those_of_what_is_shown(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    folder.yolo("0 .5 .5 .5 .5\n1 .5 .25 1 .5")
    folder.picture("images/a.png", exif=exif)
    (sample,) = folder.read().train
    assert (sample.picture.height, sample.picture.width) == (40, 30)
    assert sample.boxes == ((7.5, 10, 22.5, 30), (0, 0, 30, 20))


def test_damaged_exif_is_no_reason_to_leave_a_picture_out(tmp_path):
    image = Image.new("RGB", (16, 16))
    for exif in (b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"Exif\0\0" + b"\xff" * 30):
        assert kept(image, tmp_path / "a.jpg", exif=exif).shape == (16, 16, 3)


def test_floating_point_is_no_color(tmp_path):
    Image.fromarray(np.ones((3, 4), np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(PictureError, match="has pixels of floating point"):
        decoded(tmp_path / "a.tiff")


def test_warnings_of_pillow_are_not_shown(tmp_path, monkeypatch):
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 200)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with Image.open(tmp_path / "a.png"):
            assert len(caught) == 1
        decoded(tmp_path / "a.png")
        assert len(caught) == 1
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(PictureError, match=f"has more than {archspec.pictures.LARGEST} pixels"):
        decoded(tmp_path / "a.png")
