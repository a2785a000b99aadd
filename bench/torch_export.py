"""A net as PyTorch exports it, with drawn weights: `torch_export.py NET dynamo|legacy FILE`.

It is run by the Python that `exports.py --torch` names. Python files before NET are run first: what
an installation needs before torchvision can be imported.
"""  # noqa: INP001

import runpy
import sys
import warnings
from collections.abc import Callable, Mapping

import torch

kept = [runpy.run_path(file) for file in sys.argv[1:-3]]  # what they register lives as they do

OPSET = 18
SIZE = (3, 224, 224)


def torchvision_net(name: str) -> torch.nn.Module:
    """A net of torchvision."""
    from torchvision import models  # noqa: PLC0415

    return models.get_model(name)


def timm_net(name: str) -> torch.nn.Module:
    """A net of timm."""
    import timm  # noqa: PLC0415

    return timm.create_model(name)


NETS: Mapping[str, tuple[Callable[[str], torch.nn.Module], str]] = {
    "MobileNetV2": (torchvision_net, "mobilenet_v2"),
    "MobileNetV3-Large": (torchvision_net, "mobilenet_v3_large"),
    "MobileNetV4-conv-small": (timm_net, "mobilenetv4_conv_small"),
    "EfficientNet-B0": (torchvision_net, "efficientnet_b0"),
    "ResNet-50": (torchvision_net, "resnet50"),
}


def main() -> None:
    """Write the net that is named, by the exporter that is named, for any number of images."""
    name, exporter, path = sys.argv[-3:]
    build, called = NETS[name]
    model = build(called).eval()
    draw(model)
    warnings.simplefilter("ignore")
    names = {"input_names": ["input"], "output_names": ["output"], "opset_version": OPSET}
    if exporter == "dynamo":
        images = torch.zeros(2, *SIZE)  # one image would be taken for a fixed number
        shapes = ({0: torch.export.Dim("batch")},)
        torch.onnx.export(
            model, (images,), path, dynamo=True, dynamic_shapes=shapes, external_data=False, **names
        )
    else:
        axes = {"input": {0: "batch"}, "output": {0: "batch"}}
        images = torch.zeros(1, *SIZE)
        torch.onnx.export(model, (images,), path, dynamo=False, dynamic_axes=axes, **names)


def draw(model: torch.nn.Module) -> None:
    """Draw biases and statistics: a new net has zeros and ones there, which exporters drop."""
    torch.manual_seed(0)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for array in (module.weight, module.bias, module.running_mean, module.running_var):
                torch.nn.init.uniform_(array, 0.5, 1.5)
        elif getattr(module, "bias", None) is not None:
            torch.nn.init.normal_(module.bias)


main()
