"""Every variant of the zoo that names timm or torchvision, against what these computed.

The files are in specs/vectors: by default ONNX Runtime is compared with those of the smallest
variant of each spec, and Keras with as many as have all the blocks; on request with all of them.
"""

import json

import pytest
from archspec import verdicts, zoo
from archspec.proof import of, read
from archspec.proof.vector import VECTORS
from tests import choices

HERE = zoo.folder() / VECTORS
LARGE = 30_000_000
"""Parameters; such a net takes seconds."""

# A small net for each block.
KERAS = [
    "timm:densenetblur121d",  # activation, blur, densely_connected, norm, transition
    "timm:edgenext_xx_small",  # convnext, split_depthwise_attention
    "timm:efficientvit_b0",
    "timm:fasternet_t0",
    "timm:ghostnet_050",
    "timm:hgnetv2_b0",  # forked_stem, one_shot_aggregation
    "timm:lcnet_035",  # depthwise_separable
    "timm:lcnetv2_small",  # multiscale_separable
    "timm:mobilenet_edgetpu_v2_xs",  # fused_inverted_residual
    "timm:mobilenetv3_small_050",  # inverted_residual
    "timm:mobilenetv4_hybrid_medium_075",  # mobile_mqa, uib
    "timm:mobileone_s1",  # rep_conv, rep_separable
    "timm:mobilevit_xxs",
    "timm:regnetx_002",  # bottleneck
    "timm:repghostnet_050",
    "timm:repvit_m1",  # distilled_classifier
    "timm:resnet10t",  # basic
    "timm:resnetv2_18",  # preactivation_basic
    "timm:resnetv2_50",  # preactivation_bottleneck
    "timm:starnet_s050",
    "torchvision:shufflenet_v2_x0_5",
    "torchvision:squeezenet1_1",  # fire
]


def smallest() -> set[str]:
    """Of each spec the variant with the fewest parameters, of each library, if it is not large."""
    params = {vector.reference: vector.params for vector in map(read, HERE.iterdir())}
    best: dict[tuple[str, str], tuple[int, str]] = {}
    for other, spec in choices.named().items():
        family = spec.partition(":")[0], other.partition(":")[0]
        size = params.get(other, 0), other  # without a vector it is there, and fails
        best[family] = min(best.get(family, size), size)
    return {other for size, other in best.values() if size < LARGE}


def check(other: str, via: str) -> None:
    found = verdicts.verify(choices.named()[other], via=via)
    verdict = next(verdict for verdict in found if verdict.reference == other)
    assert verdict.holds, verdict


@pytest.mark.parametrize("other", choices.all_but(smallest(), sorted(choices.named())))
def test_a_variant_is_equal_in_onnx_runtime(other):
    check(other, "onnx")


@pytest.mark.keras
@pytest.mark.parametrize("other", choices.all_but(KERAS, sorted(choices.named())))
def test_a_variant_is_equal_in_keras(other):
    check(other, "keras")


def test_every_vector_is_of_a_variant_and_every_variant_has_one():
    assert {read(path).reference for path in HERE.iterdir()} == set(choices.named())
    assert all(of(other).reference == other for other in choices.named())


def test_no_two_specs_name_the_same_model_of_timm_or_torchvision():
    every = [other for _, other in verdicts.named() if not other.startswith("keras:")]
    assert sorted(set(every)) == sorted(every)


def test_a_vector_is_one_line():
    for path in HERE.iterdir():
        assert len(path.read_text(encoding="utf-8").splitlines()) == 1, path.name
        said = json.loads(path.read_text(encoding="utf-8"))
        assert said.get("output") or said["outputs"]
