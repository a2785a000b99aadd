import sys
from hashlib import sha256

import numpy as np
import pytest
from archspec.deploy.quantize import read_images
from archspec.errors import SpecError
from archspec.spec import Normalization
from PIL import Image

SHAPE = (8, 12, 3)


def refusal(*args, **kwargs) -> str:
    with pytest.raises(SpecError) as caught:
        read_images(*args, **kwargs)
    return str(caught.value)


def saved(path, array):
    np.save(path, array)
    return path


def picture(path, pixels, **options):
    Image.fromarray(pixels).save(path, **options)


def pixels(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def test_every_fifth_image_is_held_back_and_of_few_the_last(tmp_path):
    for count, held_back in ((2, [1]), (4, [3]), (5, [4]), (12, [4, 9])):
        images = read_images(saved(tmp_path / "x.npy", np.zeros((count, *SHAPE))), SHAPE)
        assert list(images.held_back) == held_back
        assert list(images.calibrating) == [n for n in range(count) if n not in held_back]


def test_floats_are_what_the_net_reads_and_pixels_are_normalised(tmp_path):
    floats = np.random.default_rng(0).normal(size=(3, *SHAPE))
    images = read_images(saved(tmp_path / "x.npy", floats), SHAPE, Normalization((9.0,), (9.0,)))
    assert np.array_equal(images.load(1), floats[1].astype(np.float32))
    bytes_ = np.stack([pixels(8, 12), pixels(8, 12, 1)])
    path = saved(tmp_path / "y.npy", bytes_)
    plain = read_images(path, SHAPE).load(1)
    assert plain.dtype == np.float32
    assert np.array_equal(plain, bytes_[1])
    mean, std = (0.4, 0.45, 0.5), (0.2, 0.21, 0.22)
    normal = read_images(path, SHAPE, Normalization(mean, std)).load(1)
    expected = (bytes_[1] / 255 - np.array(mean)) / np.array(std)
    assert np.allclose(normal, expected, rtol=1e-6, atol=1e-6)
    turned = read_images(path, SHAPE, Normalization(mean, std, order="bgr")).load(1)
    expected = (bytes_[1, ..., ::-1] / 255 - np.array(mean)) / np.array(std)
    assert np.allclose(turned, expected, rtol=1e-6, atol=1e-6)
    assert read_images(path, SHAPE).digest == sha256(path.read_bytes()).hexdigest()


def test_batches_say_how_many_are_done(tmp_path):
    images = read_images(saved(tmp_path / "x.npy", np.zeros((8, *SHAPE))), SHAPE)
    found = [(done, len(batch)) for done, batch in images.batches(images.calibrating, 3, [])]
    assert found == [(3, 3), (6, 3), (7, 1)]


def test_a_picture_is_scaled_to_eight_sevenths_and_cropped_to_its_middle(tmp_path):
    (tmp_path / "in").mkdir()
    array = pixels(32, 48)
    picture(tmp_path / "in" / "a.png", array)
    picture(tmp_path / "b.PNG", pixels(64, 64))
    images = read_images(tmp_path, (28, 28, 3))
    assert images.names == ["b.PNG", "in/a.png"]
    assert np.array_equal(images.load(1), array[2:30, 10:38])  # 28 / 0.875 = 32: not scaled
    wide = read_images(tmp_path, (14, 42, 3))  # 48 wide already, 32 high
    assert np.array_equal(wide.load(1), array[9:23, 3:45])


def test_scaling_is_bicubic(tmp_path):
    array = pixels(64, 64)
    picture(tmp_path / "a.png", array)
    picture(tmp_path / "b.png", array)
    scaled = np.asarray(Image.fromarray(array).resize((32, 32), Image.Resampling.BICUBIC))
    loaded = read_images(tmp_path, (28, 28, 3)).load(0)
    assert np.array_equal(loaded, scaled[2:30, 2:30])


def test_a_picture_may_be_of_any_proportions(tmp_path):
    Image.new("1", (1, 20_000_000), 1).save(tmp_path / "a.png")
    Image.new("1", (999, 2), 1).save(tmp_path / "b.png")
    images = read_images(tmp_path, (96, 96, 3))
    for place in (0, 1):
        assert np.array_equal(images.load(place), np.full((96, 96, 3), 255))


def test_exif_turns_and_every_mode_becomes_rgb_or_grey(tmp_path):
    array = pixels(32, 32)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter to the right
    picture(tmp_path / "a.png", array, exif=exif)
    Image.fromarray(array).convert("L").save(tmp_path / "b.png")
    Image.fromarray(array).convert("RGBA").save(tmp_path / "c.webp", lossless=True)
    Image.fromarray(array).convert("CMYK").save(tmp_path / "d.jpg")
    images = read_images(tmp_path, (28, 28, 3))
    turned, grey, alpha, printed = (images.load(place) for place in range(4))
    assert np.array_equal(turned, np.rot90(array, -1)[2:30, 2:30])
    assert np.array_equal(grey[..., 0], grey[..., 2])
    assert np.array_equal(alpha, array[2:30, 2:30])
    assert printed.shape == (28, 28, 3)
    single = read_images(tmp_path, (28, 28, 1)).load(1)
    assert np.array_equal(single, grey[..., :1])


def test_files_that_are_no_pictures_are_named(tmp_path, monkeypatch):
    picture(tmp_path / "a.png", pixels(8, 8))
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    (tmp_path / "c.jpg").write_text("no picture")
    picture(tmp_path / "d.png", pixels(40, 40))
    (tmp_path / "notes.txt").write_text("is not looked at")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)  # d.png warns as one of gigapixels does
    images = read_images(tmp_path, SHAPE)
    assert images.names == ["a.png", "b.png", "c.jpg", "d.png"]
    unreadable: list[str] = []
    ((done, batch),) = images.batches(range(4), 4, unreadable)
    assert (done, len(batch), unreadable) == (4, 1, ["b.png", "c.jpg", "d.png"])
    images = read_images(tmp_path, SHAPE)
    assert list(images.batches([1, 2], 1, unreadable)) == []


def test_the_digest_is_of_all_files(tmp_path):
    for name, seed in (("a.png", 0), ("b.png", 1)):
        picture(tmp_path / name, pixels(8, 8, seed))
    first = read_images(tmp_path, SHAPE).digest
    assert read_images(tmp_path, SHAPE).digest == first
    picture(tmp_path / "b.png", pixels(8, 8, 2))
    assert read_images(tmp_path, SHAPE).digest != first


def test_paths_that_cannot_be_read_are_refused(tmp_path):
    path = tmp_path / "none"
    assert refusal(path, SHAPE) == f"E450 cannot read '{path}': No such file or directory"
    path = tmp_path / "none.npy"
    assert refusal(path, SHAPE) == f"E450 cannot read '{path}': No such file or directory"
    path = tmp_path / "x.zip"
    path.write_bytes(b"")
    assert refusal(path, SHAPE) == (
        f"E450 cannot read '{path}': it is neither a folder nor a .npy file"
    )
    assert refusal("a\0b", SHAPE) == (
        "E450 cannot read 'a\\x00b': there is a null character in its name"
    )


def test_a_folder_without_pictures_is_refused(tmp_path):
    assert refusal(tmp_path, SHAPE) == (
        f"E451 there is no picture in '{tmp_path}'\n"
        "   names of pictures end with .jpg, .jpeg, .png, .webp"
    )


def test_too_few_images_are_refused(tmp_path):
    sentence = "wanted: 2 at least, of which one is held back"
    hint = "\n   a hundred or more make good ranges"
    path = saved(tmp_path / "x.npy", np.zeros((0, *SHAPE)))
    assert refusal(path, SHAPE) == f"E452 0 images to calibrate with; {sentence}{hint}"
    picture(tmp_path / "a.png", pixels(8, 8))
    assert refusal(tmp_path, SHAPE) == f"E452 1 image to calibrate with; {sentence}{hint}"


@pytest.mark.parametrize("kind", ["empty", "text", "pickled", "truncated", "zip"])
def test_what_is_no_array_is_refused(tmp_path, kind):
    path = tmp_path / "x.npy"
    np.save(path, np.zeros((4, *SHAPE)) if kind == "truncated" else np.array([{}]))
    data = {"empty": b"", "text": b"no array", "truncated": path.read_bytes()[:500]}
    if kind == "zip":
        np.savez(tmp_path / "x.npz", np.zeros(3))
        data["zip"] = (tmp_path / "x.npz").read_bytes()
    if kind in data:
        path.write_bytes(data[kind])
    assert refusal(path, SHAPE) == f"E453 '{path}' is not a .npy file of numbers"


def test_arrays_that_do_not_fit_are_refused(tmp_path):
    path = saved(tmp_path / "x.npy", np.zeros((5, 3, 8, 12)))
    assert refusal(path, SHAPE) == (
        f"E454 '{path}' holds an array (5, 3, 8, 12); wanted: (n, 8, 12, 3)"
    )
    path = saved(tmp_path / "x.npy", np.zeros(()))
    assert refusal(path, SHAPE) == f"E454 '{path}' holds an array (); wanted: (n, 8, 12, 3)"
    path = saved(tmp_path / "x.npy", np.zeros((5, *SHAPE), np.int64))
    assert refusal(path, SHAPE) == (
        f"E454 '{path}' holds int64; wanted: uint8 pixels, or floats that the net reads"
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_an_image_that_is_not_finite_is_refused(tmp_path, bad):
    array = np.zeros((3, *SHAPE))
    array[2, 1, 1, 1] = bad
    images = read_images(saved(tmp_path / "x.npy", array), SHAPE)
    with pytest.raises(SpecError) as caught:
        list(images.batches([0, 2], 2, []))
    assert str(caught.value) == (
        f"E455 image 2 of '{tmp_path / 'x.npy'}' is not finite: it has NaN or infinity"
    )


def test_pictures_for_other_channels_are_refused(tmp_path):
    picture(tmp_path / "a.png", pixels(8, 8))
    assert refusal(tmp_path, (8, 12, 4)) == (
        "E456 pictures have 1 or 3 channels, the net reads 4\n"
        "   give the images as a .npy file, (n, h, w, c)"
    )


def test_a_normalization_of_other_channels_is_refused(tmp_path):
    path = saved(tmp_path / "x.npy", np.zeros((2, 8, 12, 1), np.uint8))
    with pytest.raises(SpecError) as caught:
        read_images(path, (8, 12, 1), Normalization((0.1, 0.2, 0.3)))
    assert str(caught.value) == "E456 the normalization is of RGB, the net reads 1 channels"


def test_arrays_are_read_without_pillow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert (
        read_images(saved(tmp_path / "x.npy", np.zeros((5, *SHAPE))), SHAPE).load(0).shape == SHAPE
    )
