"""Each layout is read as what was drawn."""

import numpy as np
import pytest
from archspec.training.data import load_image, load_mask, read
from tests.drawn import LAYOUTS, SHAPES, draw

COUNT, SIZE = 10, 48
"""Of the drawn pictures the last two are to validate with."""


@pytest.fixture
def drawn(tmp_path):
    """Draws a data set in a layout, and gives it as it is read."""

    def drawn(layout, task, classes):
        LAYOUTS[layout](tmp_path, COUNT, SIZE)
        return read(tmp_path, task, classes)

    return drawn


def seeds(samples) -> list[int]:
    return [int(sample.picture.file.stem) for sample in samples]


@pytest.mark.parametrize(
    ("layout", "task", "classes"),
    [
        ("folders", "classification", 3),
        ("coco", "detection", 3),
        ("voc", "detection", 3),
        ("yolo", "detection", 3),
        ("masks", "segmentation", 4),
    ],
)
def test_parts_and_pictures_of_each_layout_are_those_that_were_drawn(drawn, layout, task, classes):
    data = drawn(layout, task, classes)
    assert data.task == task
    assert data.problems == ()
    assert sorted(seeds(data.train)) == list(range(8))
    assert sorted(seeds(data.validation)) == [8, 9]
    most = 1 if layout == "folders" else 3
    for sample in (*data.train, *data.validation):
        image = load_image(sample.picture)
        assert (sample.picture.height, sample.picture.width) == (SIZE, SIZE)
        assert (image == draw(int(sample.picture.file.stem), SIZE, most).pixels).all()


@pytest.mark.parametrize("layout", ["coco", "voc", "yolo"])
def test_boxes_of_each_layout_are_those_that_were_drawn(drawn, layout):
    data = drawn(layout, "detection", 3)
    assert data.labels == SHAPES
    for sample in (*data.train, *data.validation):
        shapes = draw(int(sample.picture.file.stem), SIZE).shapes
        assert sample.labels == tuple(shape.label for shape in shapes)
        np.testing.assert_allclose(sample.boxes, [shape.box for shape in shapes], atol=1e-9)
        assert sample.ignored == (False,) * len(shapes)


def test_masks_are_those_that_were_drawn(drawn):
    data = drawn("masks", "segmentation", 4)
    assert data.labels == ("background", *SHAPES)
    for sample in (*data.train, *data.validation):
        assert (load_mask(sample) == draw(int(sample.picture.file.stem), SIZE).mask).all()


def test_folders_are_classes(drawn):
    data = drawn("folders", "classification", 3)
    assert data.labels == SHAPES
    for sample in (*data.train, *data.validation):
        seed = int(sample.picture.file.stem)
        assert sample.label == draw(seed, SIZE, 1).shapes[0].label


def test_folders_of_classes_need_no_parts(folder):
    for name in ("cat/1.jpg", "cat/2.JPG", "dog/3.webp", ".cache/4.png"):
        folder.picture(name)
    folder.text("cat/notes.txt", "")
    data = folder.read("classification", validation=0)
    assert data.labels == ("cat", "dog")
    names = [(sample.picture.file.name, sample.label) for sample in data.train]
    assert names == [("1.jpg", 0), ("2.JPG", 0), ("3.webp", 1)]
    assert data.validation == ()
    assert data.problems == ()


@pytest.mark.parametrize("part", ["val", "valid", "validation", "test"])
def test_the_part_to_validate_with_has_one_of_four_names(folder, part):
    folder.picture("train/cat/1.png")
    folder.picture(f"{part}/cat/2.png")
    data = folder.read("classification", 1)
    assert [sample.picture.file for sample in data.validation] == [
        folder.path / f"{part}/cat/2.png"
    ]


def test_categories_of_coco_are_numbered_in_the_order_of_their_ids(folder):
    folder.picture("images/a.png")
    boxes = [(90, 1), (5, 2), (17, 3)]
    annotations = [
        {"id": number, "image_id": 1, "category_id": category, "bbox": [number, 2, 3, 4]}
        for category, number in boxes
    ]
    categories = [(90, "hat"), (5, "cat"), (17, "dog")]
    folder.json("coco.json", [{"id": 1, "file_name": "a.png"}], annotations, categories)
    data = folder.read(classes=3)
    assert data.labels == ("cat", "dog", "hat")
    assert data.category_ids == (5, 17, 90)
    assert data.train[0].labels == (2, 0, 1)
    assert data.train[0].boxes == ((1, 2, 4, 6), (2, 2, 5, 6), (3, 2, 6, 6))
    assert data.train[0].id == 1


def test_crowds_of_coco_are_ignored(folder):
    one = {"image_id": 7, "category_id": 1, "bbox": [1, 1, 9, 9]}
    folder.coco({"id": 1, **one, "iscrowd": 1}, {"id": 2, **one, "iscrowd": 0}, {"id": 3, **one})
    assert folder.read().train[0].ignored == (True, False, False)


def test_of_the_files_of_coco_those_with_instances_are_read(folder):
    for part in ("train2017", "val2017"):
        folder.picture(f"{part}/{part}.png")
        images = [{"id": 1, "file_name": f"{part}.png"}]
        folder.json(f"annotations/instances_{part}.json", images, [])
        folder.text(f"annotations/captions_{part}.json", "{}")
    data = folder.read()
    assert [sample.picture.file for sample in data.train] == [
        folder.path / "train2017/train2017.png"
    ]
    assert [sample.picture.file for sample in data.validation] == [
        folder.path / "val2017/val2017.png"
    ]


def test_a_link_to_the_pictures_of_coco_is_followed(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    folder.coco()
    (folder.path / "images").rename(elsewhere / "images")
    (folder.path / "images").symlink_to(elsewhere / "images")
    assert len(folder.read().train) == 1


def test_corners_of_voc_count_from_one_and_lie_inside(folder):
    box = "<bndbox><xmin>1</xmin><ymin>3</ymin><xmax>10.5</xmax><ymax>30</ymax></bndbox>"
    folder.voc(f"<name>dog</name><difficult>1</difficult>{box}", f"<name> cat </name>{box}")
    sample = folder.read().train[0]
    assert sample.boxes == ((0, 2, 10.5, 30),) * 2
    assert sample.labels == (1, 0)
    assert sample.ignored == (True, False)
    assert sample.id == "a"


def test_parts_of_things_in_voc_are_no_things(folder):
    box = "<bndbox><xmin>2</xmin><ymin>3</ymin><xmax>20</xmax><ymax>30</ymax></bndbox>"
    folder.voc(f"<name>man</name>{box}<part><name>head</name>{box}</part>")
    data = folder.read(classes=1)
    assert data.labels == ("man",)
    assert len(data.train[0].boxes) == 1


def test_lists_of_voc_say_what_belongs_to_which_part(folder):
    for name in ("a b", "c", "d", "e"):
        folder.picture(f"JPEGImages/{name}.jpg")
        folder.text(f"Annotations/{name}.xml", "<annotation/>")
    folder.text("ImageSets/Main/train.txt", "c 1\na b\n\n")
    folder.text("ImageSets/Main/val.txt", "d\n")
    folder.text("labels.txt", "cat\ndog\n")
    data = folder.read()
    assert [sample.id for sample in data.train] == ["c", "a b"]
    assert [sample.id for sample in data.validation] == ["d"]


def test_without_a_list_to_validate_with_a_share_of_the_other_one_is_held_back(folder):
    for number in range(30):
        folder.picture(f"JPEGImages/{number}.png", size=(8, 8))
        folder.text(f"Annotations/{number}.xml", "<annotation/>")
    folder.text("ImageSets/Main/train.txt", "".join(f"{number}\n" for number in range(20)))
    folder.text("labels.txt", "cat\ndog\n")
    data = folder.read()
    assert sorted(seeds((*data.train, *data.validation))) == list(range(20))
    assert data.validation


def test_boxes_of_yolo_are_centers_and_sides_as_shares(folder):
    folder.yolo("\ufeff1 0.5 0.5 0.5 0.2\n\n0.0 .25 .5 .5 1\n")
    sample = folder.read().train[0]
    assert sample.labels == (1, 0)
    np.testing.assert_allclose(sample.boxes, [(10, 12, 30, 18), (0, 0, 20, 30)])


def test_pictures_of_yolo_and_coco_may_have_no_boxes(folder):
    folder.yolo("0 .5 .5 .5 .5")
    folder.picture("images/b.png")
    data = folder.read(validation=0)
    assert [sample.boxes for sample in data.train][1] == ()
    assert [problem.file for problem in data.problems] == ["class 1, 'dog'"]


@pytest.mark.parametrize(
    "names", ["names: [cat, dog]", "nc: 2\nnames:\n  1: dog\n  0: cat\n", "names: {0: cat, 1: dog}"]
)
def test_names_of_yolo_are_a_list_or_a_mapping(folder, names):
    folder.yolo("0 .5 .5 .5 .5", names)
    assert folder.read().labels == ("cat", "dog")


def test_names_of_yolo_may_stand_in_a_text_or_nowhere(folder):
    folder.yolo("1 .5 .5 .5 .5")
    (folder.path / "data.yaml").unlink()
    assert folder.read().labels == ("0", "1")
    folder.text("classes.txt", "cat\n\ndog\n")
    assert folder.read().labels == ("cat", "dog")


def test_masks_are_grey_or_places_in_a_palette(folder):
    folder.masks("a", "b")
    grey = np.array([[0, 1], [255, 2]], np.uint8)
    from PIL import Image

    palette = Image.fromarray(grey).convert("P")
    palette.putdata(list(grey.reshape(-1)))
    palette.putpalette([200, 10, 10] * 256)
    for name, mask in (("a", Image.fromarray(grey)), ("b", palette)):
        folder.picture(f"images/{name}.png", size=(2, 2))
        mask.save(folder.path / f"masks/{name}.png")
    data = folder.read("segmentation", 3, validation=0)
    assert data.problems == ()
    assert [load_mask(sample).tolist() for sample in data.train] == [[[0, 1], [255, 2]]] * 2


def test_masks_of_voc_are_found_by_its_lists(folder):
    for name in "abcd":
        folder.picture(f"JPEGImages/{name}.jpg")
    for name in "abc":
        folder.picture(f"SegmentationClass/{name}.png", mode="P")
    folder.text("ImageSets/Segmentation/train.txt", "a\nc\n")
    folder.text("ImageSets/Segmentation/val.txt", "b\n")
    data = folder.read("segmentation")
    assert [sample.picture.file.stem for sample in data.train] == ["a", "c"]
    assert [sample.mask.name for sample in data.validation] == ["b.png"]
    assert data.problems == ()


def test_one_folder_of_voc_serves_two_tasks(folder):
    folder.voc()
    folder.text("labels.txt", "cat\ndog")
    folder.picture("SegmentationClass/a.png", mode="L")
    assert folder.read("detection").train[0].boxes == ()
    assert folder.read("segmentation").train[0].mask == folder.path / "SegmentationClass/a.png"


def test_what_is_held_back_depends_on_names_and_seed_alone(folder):
    def held(seed=0):
        data = folder.read("classification", 2, seed=seed, validation=0.3)
        return {sample.picture.file.name for sample in data.validation}

    for number in range(40):
        folder.picture(f"{'cat' if number % 2 else 'dog'}/{number}.png", size=(4, 4))
    before = held()
    assert 4 <= len(before) <= 20
    assert held() == before
    assert held(seed=1) != before
    for number in range(40, 60):
        folder.picture(f"dog/{number}.png", size=(4, 4))
    (folder.path / "cat" / "1.png").unlink()
    own = {f"{number}.png" for number in range(40)} - {"1.png"}
    assert held() & own == before - {"1.png"}


def test_something_is_held_back_even_of_two_pictures(folder):
    for share in (0.01, 1.0):
        folder.picture("cat/1.png")
        folder.picture("cat/2.png")
        data = folder.read("classification", 1, validation=share)
        assert len(data.train) == len(data.validation) == 1


def test_progress_is_told_of_each_picture(folder):
    for number in range(5):
        folder.picture(f"cat/{number}.png")
    told = []
    folder.read("classification", 1, progress=lambda *done: told.append(done))
    assert told == [(number, 5) for number in range(1, 6)]


def test_of_yolo_without_a_part_to_validate_with_a_share_is_held_back(folder):
    for number in range(20):
        folder.picture(f"images/train/{number}.png", size=(8, 8))
        folder.text(f"labels/train/{number}.txt", "1 .5 .5 .5 .5")
    data = folder.read()
    assert data.validation
    assert sorted(seeds((*data.train, *data.validation))) == list(range(20))
    assert {sample.labels for sample in data.validation} == {(1,)}
