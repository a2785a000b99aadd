"""What is wrong with a data set leaves that out and names it, or refuses the whole; never a crash."""

import json
import os
from time import sleep
from zlib import crc32

import archspec
import pytest
from archspec.training.data import Masked, Picture, load_image, load_mask, read, texts
from hypothesis import given
from hypothesis import strategies as st

BOX = {"image_id": 7, "category_id": 1, "bbox": [1, 1, 9, 9]}
UNUSED = "class 1, 'dog': there is nothing to train with of it"
"""Of two classes, what is said where only the first one is there."""


def voc_box(*corners) -> str:
    words = ("xmin", "ymin", "xmax", "ymax")
    inner = "".join(f"<{word}>{value}</{word}>" for word, value in zip(words, corners, strict=True))
    return f"<bndbox>{inner}</bndbox>"


# Which data set it is.


def test_a_folder_that_is_not_there_is_refused(folder):
    (folder.path / "file").touch()
    for name in ("x", "file"):
        with pytest.raises(archspec.SpecError) as caught:
            read(folder.path / name, "detection", 2)
        assert str(caught.value) == f"E700 there is no folder '{folder.path / name}'"


def test_a_folder_whose_name_no_system_takes_is_refused(folder):
    with pytest.raises(archspec.SpecError) as caught:
        read(folder.path / "a\0b", "detection", 2)
    assert str(caught.value).replace(str(folder.path), "DIR") == (
        "E700 cannot read 'DIR/a\\x00b': there is a null character in its name"
    )
    with pytest.raises(archspec.SpecError) as caught:
        read(folder.path / ("a" * 300), "detection", 2)
    assert str(caught.value).startswith(f"E700 cannot read '{folder.path}/aaa")
    assert str(caught.value).endswith("a': File name too long")


def test_what_was_looked_for_is_said_where_nothing_fits(folder):
    folder.picture("a.png")
    assert folder.refusal("classification") == (
        "E700 'DIR' is no data set for classification\n"
        "   wanted: a folder for each class, DIR/CLASS/*.jpg, or those in DIR/train and DIR/val"
    )
    assert folder.refusal("segmentation") == (
        "E700 'DIR' is no data set for segmentation\n"
        "   wanted: DIR/images and DIR/masks, with train and val in both or neither; or VOC's JPEGImages and SegmentationClass"
    )
    assert folder.refusal("detection") == (
        "E700 'DIR' is no data set for detection\n"
        "   wanted: COCO: DIR/annotations/*train*.json and *val*.json, or one .json, with the pictures in DIR;"
        " or VOC: DIR/Annotations/*.xml and DIR/JPEGImages, with ImageSets/Main/train.txt and val.txt;"
        " or YOLO: DIR/images and DIR/labels, with train and val in both or neither, and data.yaml"
    )


def test_data_for_another_task_is_refused(folder):
    folder.masks("a")
    wanted = "wanted: a folder for each class, DIR/CLASS/*.jpg, or those in DIR/train and DIR/val"
    said = "E705 'DIR' is a data set for segmentation, and the net is for classification\n"
    assert folder.refusal("classification") == f"{said}   {wanted}"
    said = "E705 'DIR' is a data set for segmentation, and the net is for detection\n"
    assert folder.refusal("detection").startswith(said)


@pytest.mark.parametrize("layout", ["coco", "voc", "yolo"])
def test_boxes_are_no_classes_and_no_masks(folder, layout):
    folder.yolo("") if layout == "yolo" else getattr(folder, layout)()
    for task in ("classification", "segmentation"):
        assert folder.refusal(task).startswith(
            f"E705 'DIR' is a data set for detection, and the net is for {task}\n"
        )


def test_folders_of_classes_are_no_boxes(folder):
    folder.picture("train/cat/a.png")
    folder.text("classes.json", "{}")
    assert folder.read("classification", 1).labels == ("cat",)
    assert folder.refusal("detection").startswith(
        "E705 'DIR' is a data set for classification, and the net is for detection\n"
    )


def test_another_number_of_classes_is_refused_with_the_cure(folder):
    for name in ("cat", "dog", "hat"):
        folder.picture(f"{name}/a.png")
    assert folder.refusal("classification", 10) == (
        "E701 'DIR' has 3 classes, and the net has 10\n   --set classes=3 changes the net"
    )


def test_nothing_left_is_refused_with_the_first_reasons(folder):
    for name in "abcd":
        folder.text(f"cat/{name}.png", "")
    assert folder.refusal("classification", 1) == (
        "E704 nothing to train with is left in 'DIR'\n"
        "   cat/b.png: does not decode; cat/c.png: does not decode; cat/d.png: does not decode"
    )


def test_a_part_to_validate_with_of_which_nothing_is_left_is_refused(folder):
    folder.picture("train/cat/a.png")
    folder.text("val/cat/b.png", "")
    assert folder.refusal("classification", 1) == (
        "E704 nothing to validate with is left in 'DIR'\n   val/cat/b.png: does not decode"
    )


def test_a_class_only_to_validate_with_is_refused(folder):
    folder.picture("train/cat/a.png")
    folder.picture("val/dog/a.png")
    assert folder.refusal("classification", 1) == (
        "E703 'DIR/val' has the class 'dog', which 'DIR/train' does not have"
    )


def test_a_class_of_which_nothing_is_left_is_named_and_the_others_are_trained(folder):
    for number in range(4):
        folder.picture(f"cat/{number}.png")
    (folder.path / "dog").mkdir()
    assert folder.problems("classification") == [UNUSED]
    folder.text("dog/a.png", "no picture")
    assert sorted(folder.problems("classification")) == [UNUSED, "dog/a.png: does not decode"]


def test_a_class_without_boxes_is_named(folder):
    folder.coco(BOX)
    assert folder.problems() == [UNUSED]


# Pictures.


def test_pictures_that_do_not_decode_are_named(folder):
    whole = folder.picture("cat/whole.png", size=(200, 200)).read_bytes()
    huge = b"IHDR" + b"\0\0\x40\1" * 2 + whole[24:29]
    bomb = whole[:12] + huge + crc32(huge).to_bytes(4) + whole[33:]
    jpeg = folder.picture("cat/whole.jpg", size=(200, 200), color="red").read_bytes()
    folder.file("cat/bomb.png").write_bytes(bomb)
    folder.file("cat/cut.jpg").write_bytes(jpeg[: len(jpeg) // 2])
    folder.file("cat/cut.png").write_bytes(whole[: len(whole) // 2])
    folder.file("cat/empty.png").touch()
    folder.file("cat/head.png").write_bytes(whole[:20])
    folder.text("cat/text.jpg", "no picture\n")
    folder.text("cat/vector.gif", "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")
    data = folder.read("classification", 1, validation=0)
    assert [sample.picture.file.name for sample in data.train] == ["whole.jpg", "whole.png"]
    assert [": ".join(problem) for problem in data.problems] == [
        f"cat/bomb.png: has more than {1 << 26} pixels",
        "cat/cut.jpg: does not decode",
        "cat/cut.png: does not decode",
        "cat/empty.png: does not decode",
        "cat/head.png: does not decode",
        "cat/text.jpg: does not decode",
        "cat/vector.gif: does not decode",
    ]


def test_a_picture_of_too_many_pixels_is_not_decoded(folder, monkeypatch):
    monkeypatch.setattr("archspec.pictures.LARGEST", 1199)
    folder.picture("cat/a.png", size=(40, 29))
    folder.picture("cat/b.png", size=(40, 30))
    assert folder.problems("classification", 1) == ["cat/b.png: has more than 1199 pixels"]


def test_what_only_looks_like_a_picture_is_not_opened(folder):
    folder.picture("cat/a.png")
    (folder.path / "cat" / "folder.png").mkdir()
    os.mkfifo(folder.path / "cat" / "pipe.png")
    (folder.path / "cat" / "link.png").symlink_to(folder.path / "nowhere")
    data = folder.read("classification", 1)
    assert len(data.train) == 1
    assert data.problems == ()


@pytest.mark.parametrize("name", [b"caf\xe9", b"a\nb\x1b[31m", "\u202ex".encode()])
def test_names_of_files_may_be_of_any_bytes(folder, name):
    whole, empty = (os.fsdecode(name + number + b".png") for number in (b"1", b"2"))
    folder.picture(f"cat/{whole}")
    folder.text(f"cat/{empty}", "")
    data = folder.read("classification", 1, validation=0)
    (sample,) = data.train
    assert load_image(sample.picture).shape == (30, 40, 3)
    (problem,) = data.problems
    assert problem.file.startswith("cat/")
    assert problem.file.isprintable()
    assert problem.what == "does not decode"


def test_what_is_trained_with_is_read_again_as_it_was(folder):
    file = folder.picture("cat/a.png")
    sample = folder.read("classification", 1).train[0]
    folder.picture("cat/a.png", size=(41, 30))
    hint = "   pictures must stay as they are while a net is trained"
    changes = {"it has another size": None, "it does not decode": b"", "it is not there": ...}
    for why, content in changes.items():
        if content is ...:
            file.unlink()
        elif content is not None:
            file.write_bytes(content)
        with pytest.raises(archspec.SpecError) as caught:
            load_image(sample.picture)
        assert str(caught.value) == f"E706 '{file}' is not what it was at the start: {why}\n{hint}"


def test_masks_are_read_again_as_they_were(folder):
    file = folder.picture("a.png", mode="L")
    sample = Masked(Picture(file, 31, 40), file)
    for why in ("it has another size", "it is not there"):
        with pytest.raises(archspec.SpecError) as caught:
            load_mask(sample)
        said = str(caught.value).splitlines()[0]
        assert said == f"E706 '{file}' is not what it was at the start: {why}"
        file.unlink(missing_ok=True)


# Boxes.


@pytest.mark.parametrize(
    ("box", "kept", "problem"),
    [
        ((-5, -5, 50, 40), (0, 0, 40, 30), None),
        ((39.5, 10, 100, 20), (39.5, 10, 40, 20), None),
        ((5, 5, 5.2, 5.2), (5, 5, 5.2, 5.2), None),
        ((40, 10, 50, 20), None, "a box lies outside of its picture"),
        ((10, 10, 20, -1e-300), None, "a box has no size"),
        ((10, -9, 20, 0.01), None, "a box lies outside of its picture"),
        ((-9, 10, -5, 20), None, "a box lies outside of its picture"),
        ((10, 10, 10, 20), None, "a box has no size"),
        ((10, 20, 30, 10), None, "a box has no size"),
        ((10, 10, 10.05, 20), None, "a box has no size"),
        ((10, 10, float("nan"), 20), None, "a box is no four numbers"),
        ((10, float("-inf"), 20, 20), None, "a box is no four numbers"),
        ((10, 10, float("inf"), 20), None, "a box is no four numbers"),
        ((10, 10, 10**400, 20), None, "a box is no four numbers"),
    ],
)
def test_boxes_are_cut_at_the_border_and_left_out_where_nothing_stays(folder, box, kept, problem):
    x1, y1, x2, y2 = box
    folder.coco({"id": 3, "image_id": 7, "category_id": 1, "bbox": [x1, y1, x2 - x1, y2 - y1]})
    folder.voc(f"<name>cat</name>{voc_box(x1 + 1, y1 + 1, x2, y2)}")
    coco, told = folder.read().train[0], folder.problems()
    (folder.path / "annotations" / "instances.json").unlink()
    folder.text("labels.txt", "cat\ndog")
    voc, said = folder.read().train[0], folder.problems()
    for sample in (coco, voc):
        assert [pytest.approx(own) for own in sample.boxes] == ([kept] if kept else [])
        assert sample.labels == (0,) * bool(kept)
        assert sample.ignored == (False,) * bool(kept)
    empty = ["class 0, 'cat': there is nothing to train with of it"]
    named = [f"annotations/instances.json: annotation 3: {problem}", *empty] if problem else []
    assert told == [*named, UNUSED]
    named = [f"Annotations/a.xml: object 1: {problem}", *empty] if problem else []
    assert said == [*named, UNUSED]


@given(st.lists(st.tuples(*[st.floats(-60, 60)] * 4), max_size=8))
def test_whatever_boxes_there_are_those_that_stay_lie_in_their_pictures(tmp_path_factory, corners):
    from archspec.training.data.boxes import Thing, draft

    told = []
    things = [
        Thing(box, place, ignored=False, where=str(place)) for place, box in enumerate(corners)
    ]
    made = draft(tmp_path_factory.getbasetemp(), things, "x").make(
        Picture(tmp_path_factory.getbasetemp(), 30, 40),
        lambda file, what: told.append((file, what)),
    )
    assert sorted([*made.labels, *(int(file) for file, _ in told)]) == list(range(len(corners)))
    for x1, y1, x2, y2 in made.boxes:
        assert 0 <= x1 < x2 <= 40
        assert 0 <= y1 < y2 <= 30


# COCO.


def test_annotations_of_coco_that_say_too_little_are_named(folder):
    folder.coco(
        {"id": 1, "image_id": 7, "category_id": 1},
        {"id": 2, **BOX, "bbox": [1, 2, 3]},
        {"id": 3, **BOX, "bbox": "1234"},
        {"id": 4, **BOX, "bbox": [1, 2, "3", 4]},
        {"id": 5, **BOX, "category_id": "1"},
        {"id": "six", **BOX, "image_id": None},
        "seven",
        BOX,
    )
    told = folder.problems()
    what = "has no image_id, category_id and bbox of four numbers"
    file = "annotations/instances.json: annotation"
    names = ("1", "2", "3", "4", "5", "'six'", "number 7")
    assert told == [*(f"{file} {name}: {what}" for name in names), UNUSED]


def test_an_annotation_of_coco_for_an_image_that_is_not_named_is_left_out(folder):
    folder.coco(
        {**BOX, "id": 1}, {**BOX, "id": 2, "image_id": 8}, {**BOX, "id": 3, "image_id": "7"}
    )
    assert folder.problems() == [
        "annotations/instances.json: annotation 2: there is no image 8",
        "annotations/instances.json: annotation 3: there is no image '7'",
        UNUSED,
    ]


def test_images_of_coco_that_say_too_little_are_named(folder):
    folder.picture("images/a.png")
    images = [{"id": 7, "file_name": "a.png"}, {"id": 7, "file_name": "a.png"}, {"id": 8}, 9]
    images += [{"file_name": "a.png"}, {"id": [], "file_name": "a.png"}, {"id": 10, "file_name": 1}]
    folder.json("annotations/instances.json", images, [BOX])
    file = "annotations/instances.json: image"
    assert folder.problems() == [
        f"{file} 7: has the id of another one",
        f"{file} 8: has no id and file_name",
        f"{file} number 4: has no id and file_name",
        f"{file} number 5: has no id and file_name",
        f"{file} number 6: has no id and file_name",
        f"{file} 10: has no id and file_name",
        UNUSED,
    ]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../secret.png", "'../secret.png'"),
        ("images/../../secret.png", "'images/../../secret.png'"),
        ("/etc/passwd", "'/etc/passwd'"),
        ("..\\secret.png", "'..\\\\secret.png'"),
    ],
)
def test_files_of_coco_outside_of_the_folder_are_not_opened(folder, name, shown):
    folder.picture("a.png")
    folder.json("x.json", [{"id": 1, "file_name": "a.png"}, {"id": 2, "file_name": name}], [])
    assert folder.problems()[0] == f"x.json: image 2: its file {shown} is not below the folder"


@pytest.mark.parametrize("name", ["b.png", "", ".", "a\0b", "x" * 5000, "\ud800.png", "a\nb.png"])
def test_files_of_coco_that_are_not_there_are_named(folder, name):
    folder.picture("images/a.png")
    images = [{"id": 7, "file_name": "a.png"}, {"id": 8, "file_name": name}]
    folder.json("annotations/instances.json", images, [BOX])
    told = folder.problems()
    assert len(told) == 2
    assert told[0].endswith((": is not there", ": is a folder"))
    assert told[0].isprintable()


def test_a_category_of_coco_that_there_is_not_is_refused(folder):
    folder.coco(BOX, {**BOX, "id": 5, "category_id": 3})
    assert folder.refusal() == (
        "E703 DIR/annotations/instances.json: annotation 5 is of category 3, which there is not\n"
        "   there are 1, 2"
    )


def test_of_many_categories_of_coco_a_few_are_said(folder):
    folder.picture("images/a.png")
    categories = [(number, "x") for number in range(1, 91)]
    folder.json("x.json", [], [{**BOX, "category_id": 91}], categories)
    assert folder.refusal().splitlines()[1] == "   there are 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, …"


def test_parts_of_coco_with_other_categories_are_refused(folder):
    folder.json("annotations/train.json", [], [])
    folder.json("annotations/val.json", [], [], [(1, "cat")])
    assert folder.refusal() == (
        "E703 'DIR/annotations/val.json' has other categories than 'DIR/annotations/train.json'"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ('{"images": ' + "9" * 5000 + "}", "is no JSON"),
        (
            "[]",
            "is no file of COCO\n   wanted: an object with the lists images, annotations and categories",
        ),
        (
            '{"images": [], "annotations": {}, "categories": []}',
            "is no file of COCO\n   wanted: an object with the lists images, annotations and categories",
        ),
    ],
)
def test_a_file_that_is_not_of_coco_is_refused(folder, text, said):
    folder.text("annotations/a.json", text)
    assert folder.refusal() == f"E702 'DIR/annotations/a.json' {said}"


@pytest.mark.parametrize("category", ["1", '{"id": 1}', '{"id": "1", "name": "cat"}'])
def test_categories_of_coco_need_id_and_name(folder, category):
    text = f'{{"images": [], "annotations": [], "categories": [{category}]}}'
    folder.text("annotations/a.json", text)
    assert folder.refusal() == "E702 'DIR/annotations/a.json': a category has no id and name"


def test_of_several_files_of_coco_none_is_guessed(folder):
    for name in ("a", "b"):
        folder.json(f"annotations/{name}.json", [], [])
    assert folder.refusal() == (
        "E702 which to read of 'a.json', 'b.json'?\n"
        "   keep one whose name has train in it, and one with val"
    )


def test_a_file_of_coco_has_a_limit(folder, monkeypatch):
    monkeypatch.setattr("archspec.training.data.coco.LARGEST", 1 << 20)
    folder.text("annotations/a.json", " " * ((1 << 20) + 1))
    assert folder.refusal() == "E702 'DIR/annotations/a.json' has more than 1 MiB"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


def objects(*words):
    return VALUES | st.fixed_dictionaries(
        {}, optional={word: VALUES | st.sampled_from([1, 2]) for word in words}
    )


@given(
    images=st.lists(objects("id", "file_name"), max_size=4),
    annotations=st.lists(objects("id", "image_id", "category_id", "bbox", "iscrowd"), max_size=4),
    categories=st.lists(objects("id", "name"), max_size=2),
)
def test_whatever_stands_in_a_file_of_coco_is_read_or_refused(
    tmp_path_factory, images, annotations, categories
):
    path = tmp_path_factory.getbasetemp() / "anything"
    (path / "annotations").mkdir(parents=True, exist_ok=True)
    said = {"images": images, "annotations": annotations, "categories": categories}
    (path / "annotations" / "a.json").write_text(json.dumps(said), encoding="utf-8")
    try:
        read(path, "detection", 2)
    except archspec.SpecError as reason:
        assert reason.diagnostics[0].code in {"E701", "E702", "E703", "E704"}  # noqa: PT017


# VOC.


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<annotation>",
        "no XML",
        '<?xml version="1.0" encoding="nothing"?><annotation/>',
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><annotation>&b;</annotation>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><annotation/>',
    ],
)
def test_annotations_of_voc_that_are_no_plain_xml_are_named(folder, text):
    folder.voc(f"<name>cat</name>{voc_box(1, 1, 9, 9)}")
    folder.text("Annotations/b.xml", text)
    assert folder.problems(classes=1) == ["Annotations/b.xml: is no XML without declarations"]


def test_annotations_of_voc_have_a_limit(folder):
    folder.voc(f"<name>cat</name>{voc_box(1, 1, 9, 9)}")
    with folder.file("Annotations/b.xml").open("wb") as file:
        file.truncate(texts.LABELS + 1)
    (folder.path / "Annotations/c.xml").mkdir()
    os.mkfifo(folder.path / "Annotations/d.xml")
    assert folder.problems(classes=1) == [
        f"Annotations/{name}.xml: is no XML without declarations" for name in "bcd"
    ]


def test_objects_of_voc_that_say_too_little_are_named(folder):
    box = voc_box(1, 1, 9, 9)
    folder.voc(
        f"<name>cat</name>{box}",
        f"<name> </name>{box}",
        "<name>cat</name>",
        f"<name>cat</name>{voc_box(1, 'x', 9, 9)}",
        f"<name>cat</name>{voc_box(1, 'nan', 9, 9)}",
    )
    file = "Annotations/a.xml: object"
    assert folder.problems(classes=1) == [
        f"{file} 2: has no name",
        f"{file} 3: a box is no four numbers",
        f"{file} 4: a box is no four numbers",
        f"{file} 5: a box is no four numbers",
    ]


def test_an_object_of_voc_that_the_list_of_classes_does_not_have_is_refused(folder):
    box = voc_box(1, 1, 9, 9)
    folder.voc(f"<name>cat</name>{box}", f"<name>Cat</name>{box}")
    folder.text("labels.txt", "cat\ndog\n")
    assert folder.refusal() == (
        "E703 DIR/Annotations/a.xml: object 2 is a 'Cat', which labels.txt does not have"
    )


def test_pictures_of_voc_without_annotation_and_the_reverse_are_named(folder):
    folder.voc(f"<name>cat</name>{voc_box(1, 1, 9, 9)}")
    folder.picture("JPEGImages/b.jpg")
    folder.text("Annotations/c.xml", "<annotation/>")
    assert folder.problems(classes=1) == [
        "JPEGImages/b.jpg: has no annotation",
        "JPEGImages/c.jpg: is not there",
    ]


def test_what_the_lists_of_voc_name_and_is_not_there_is_named(folder):
    folder.voc(f"<name>cat</name>{voc_box(1, 1, 9, 9)}")
    folder.text("ImageSets/Main/train.txt", "b\na\n")
    folder.text("ImageSets/Main/val.txt", "a\n\nc 1\n")
    assert folder.problems(classes=1) == [
        "ImageSets/Main/train.txt:1: names what is not there",
        "ImageSets/Main/val.txt:3: names what is not there",
    ]


@pytest.mark.parametrize("filename", ["../a.png", "/etc/passwd", "..", "x" * 500, "C:\\a.png"])
def test_of_the_file_that_voc_names_only_the_last_part_counts(folder, filename):
    folder.voc(f"<name>cat</name>{voc_box(1, 1, 9, 9)}", filename=filename)
    (sample,) = folder.read(classes=1).train
    assert sample.picture.file == folder.path / "JPEGImages" / "a.png"


# YOLO.


def test_lines_of_yolo_that_are_no_boxes_are_named(folder):
    lines = [
        "0 .5 .5 .5 .5",
        "cat .5 .5 .5 .5",
        "0 .5 .5 .5",
        "0 .5 .5 .5 .5 .9",
        "0.5 .5 .5 .5 .5",
        "nan .5 .5 .5 .5",
        "inf .5 .5 .5 .5",
        "0 .5 nan .5 .5",
        "0 .5 .5 1e400 .5",
        "0 .5 .5 0 .5",
        "0 1.5 .5 .5 .5",
        "\0\0\0",
    ]
    folder.yolo("\n".join(lines))
    what = "a line is no class and 4 numbers"
    no_line = [2, 3, 4, 5, 6, 7, 12]
    assert folder.problems() == [
        *(f"labels/a.txt:{number}: {what}" for number in no_line),
        "labels/a.txt:8: a box is no four numbers",
        "labels/a.txt:9: a box is no four numbers",
        "labels/a.txt:10: a box has no size",
        "labels/a.txt:11: a box lies outside of its picture",
        UNUSED,
    ]


@pytest.mark.parametrize("label", ["2", "-1", "1e300"])
def test_a_class_of_yolo_that_there_is_not_is_refused(folder, label):
    folder.yolo(f"0 .5 .5 .5 .5\n{label} .5 .5 .5 .5\n")
    shown = "1e+300" if label == "1e300" else label
    assert folder.refusal() == (
        f"E703 DIR/labels/a.txt:2: there is no class {shown}, there are 2, from 0"
    )


def test_labels_of_yolo_in_which_there_is_no_text_are_named(folder):
    folder.yolo("0 .5 .5 .5 .5")
    folder.picture("images/b.png")
    folder.file("labels/b.txt").write_bytes(b"\xff\xfe0\0 \0")
    folder.picture("images/c.png")
    with folder.file("labels/c.txt").open("wb") as file:
        file.truncate(texts.LABELS + 1)
    folder.text("labels/d.txt", "")
    folder.text("labels/classes.txt", "cat\ndog\n")
    assert folder.problems() == [
        "labels/b.txt:1: a line is no class and 4 numbers",
        "labels/c.txt: has more than 4 MiB",
        "labels/d.txt: has no picture",
        UNUSED,
    ]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("nc: 2", "has no names of classes"),
        ("names: cat", "has no names of classes"),
        ("names: []", "has no names of classes"),
        ("names: {1: cat, 2: dog}", "has no names of classes"),
        ("names: [[cat], dog]", "has no names of classes"),
        ("[", "is no YAML"),
        ("names: !!python/object/apply:os.system [ls]", "is no YAML"),
    ],
)
def test_names_of_yolo_that_are_none_are_refused(folder, names, said):
    folder.yolo("", names)
    wanted = "   wanted: names: [cat, dog], or names: {0: cat, 1: dog}"
    assert folder.refusal() == f"E702 'DIR/data.yaml' {said}\n{wanted}"


def test_a_file_that_the_system_does_not_give_is_named_with_the_reason(folder, monkeypatch):
    folder.yolo("0 .5 .5 .5 .5")

    def refused(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("pathlib.Path.read_bytes", refused)
    assert folder.refusal() == "E702 'DIR/data.yaml' cannot be read: Permission denied"
    (folder.path / "data.yaml").unlink()
    assert folder.problems()[0] == "labels/a.txt: cannot be read: Permission denied"


def test_lists_of_names_have_a_limit(folder):
    folder.yolo("")
    with folder.file("data.yaml").open("wb") as file:
        file.truncate((1 << 20) + 1)
    assert folder.refusal() == "E702 'DIR/data.yaml' has more than 1 MiB"
    (folder.path / "data.yaml").unlink()
    with folder.file("labels.txt").open("wb") as file:
        file.truncate(texts.LIST + 1)
    assert folder.refusal() == "E702 'DIR/labels.txt' has more than 64 MiB"


@given(st.binary(max_size=60) | st.text("0123456789.-+einfa \n", max_size=60).map(str.encode))
def test_whatever_stands_in_a_text_of_yolo_is_read_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "texts"
    for name in ("images", "labels"):
        (path / name).mkdir(parents=True, exist_ok=True)
    if not (path / "images/a.png").exists():
        from PIL import Image

        Image.new("RGB", (8, 8)).save(path / "images/a.png")
    (path / "labels" / "a.txt").write_bytes(content)
    try:
        read(path, "detection", 2)
    except archspec.SpecError as reason:
        assert reason.diagnostics[0].code == "E703"  # noqa: PT017


# Masks.


def test_masks_that_do_not_fit_are_named(folder):
    names = ("all", "class", "color", "damaged", "negative", "size", "wide")
    folder.masks(*names)
    folder.picture("masks/class.png", mode="L", color=3)
    folder.picture("masks/color.png")
    folder.text("masks/damaged.png", "")
    folder.picture("masks/size.png", mode="L", size=(30, 40))
    folder.picture("masks/wide.png", mode="I;16", color=300)
    folder.picture("images/alone.png")
    folder.picture("masks/other.png", mode="L")
    (folder.path / "masks" / "negative.png").unlink()
    folder.picture("masks/negative.tif", mode="I", color=-1)
    data = folder.read("segmentation", 3, validation=0)
    assert [sample.mask.name for sample in data.train] == ["all.png"]
    assert [": ".join(problem) for problem in data.problems] == [
        "images/alone.png: has no mask",
        "masks/other.png: has no picture",
        "masks/class.png: has the class 3, there are 3, from 0",
        "masks/color.png: is no mask: it has colors, and no numbers of classes",
        "masks/damaged.png: does not decode",
        "masks/negative.tif: has the class -1, there are 3, from 0",
        "masks/size.png: is 30x40, its picture 40x30",
        "masks/wide.png: has the class 300, there are 3, from 0",
    ]


def test_pixels_that_do_not_count_are_no_class(folder):
    folder.masks("a")
    folder.picture("masks/a.png", mode="L", color=255)
    assert folder.problems("segmentation", 1) == []


def test_a_part_without_its_masks_is_refused(folder):
    folder.picture("images/train/a.png")
    (folder.path / "masks").mkdir()
    assert folder.refusal("segmentation") == (
        "E704 nothing to train with is left in 'DIR'\n   images/train/a.png: has no mask"
    )


def test_the_lists_of_voc_that_are_too_large_are_named(folder, monkeypatch):
    monkeypatch.setattr(texts.lines_of, "__defaults__", (1,))
    folder.voc()
    folder.text("ImageSets/Main/train.txt", "a\n")
    assert folder.refusal(classes=0) == (
        "E704 nothing to train with is left in 'DIR'\n"
        "   ImageSets/Main/train.txt: has more than 0 MiB"
    )


def test_an_interrupt_does_not_wait_for_what_is_left(folder, monkeypatch):
    looked = []

    def slow(file):
        looked.append(file)
        sleep(0.001)
        return Picture(file, 30, 40)

    def interrupted(done, of):
        assert (done, of) == (1, 500)
        raise KeyboardInterrupt

    for number in range(500):
        folder.text(f"cat/{number}.png", "")
    monkeypatch.setattr("archspec.training.data.samples.look", slow)
    with pytest.raises(KeyboardInterrupt):
        folder.read("classification", 1, progress=interrupted)
    assert len(looked) < 500


def test_names_of_classes_become_text_of_one_line(folder):
    folder.coco(BOX)
    folder.json(
        "annotations/instances.json", [{"id": 7, "file_name": "a.png"}], [BOX], [(1, "a\n\ud800b")]
    )
    assert folder.read(classes=1).labels == ("a??b",)
