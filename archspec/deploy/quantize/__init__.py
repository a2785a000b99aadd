"""ONNX models in int8: calibrated with images, quantised, compared with float32."""

from archspec.deploy.quantize.calibration import Calibration, read_images
from archspec.deploy.quantize.compare import Difference, Figures
from archspec.deploy.quantize.static import Quantized, quantize
from archspec.deploy.quantize.tune import Trial, tune

__all__ = [
    "Calibration",
    "Difference",
    "Figures",
    "Quantized",
    "Trial",
    "quantize",
    "read_images",
    "tune",
]
