"""All convolutional models of keras.applications, as Keras saves them, compute the same when lifted."""

import pytest
from tests import choices
from tests.lift.models import check_onnx, gap, in_float64, lifted, randomise

keras = pytest.importorskip("keras", exc_type=ImportError)
pytestmark = pytest.mark.keras

FAST = {"MobileNetV2", "MobileNetV3Small"}
NAMES = [
    "MobileNet", "MobileNetV2", "MobileNetV3Small", "MobileNetV3Large", "EfficientNetB0",
    "EfficientNetB3", "EfficientNetV2B0", "EfficientNetV2S", "ResNet50", "ResNet50V2", "DenseNet121",
    "VGG16", "Xception", "InceptionV3", "InceptionResNetV2", "NASNetMobile", "ConvNeXtTiny",
]  # fmt: skip
# Keras rounds the constants of exact GELU, and the statistics of Normalization, to float32.
ROUNDED = {"ConvNeXtTiny"}


@pytest.mark.parametrize("name", choices.all_but(FAST, NAMES))
def test_a_lifted_application_computes_the_same(name, tmp_path):
    size, image = None, (96, 96, 3)
    if name.startswith("MobileNetV3"):
        size, image = (96, 80), (None, None, 3)
    with in_float64():
        model = getattr(keras.applications, name)(
            weights=None, input_shape=image, classes=10, classifier_activation=None
        )
        found = lifted(randomise(model), tmp_path, size)
        assert gap(model, found) <= (1e-7 if name in ROUNDED else 1e-9)
    check_onnx(found)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_lifted_application_has_the_default_classifier(name, tmp_path):
    model = randomise(getattr(keras.applications, name)(weights=None))
    found = lifted(model, tmp_path, (224, 224) if name.startswith("MobileNetV3") else None)
    assert list(found.graph.outputs) == ["output"]
    assert found.graph.shapes[found.graph.outputs["output"]] == (1000,)
