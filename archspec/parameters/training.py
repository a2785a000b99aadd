"""What a spec says of its training."""

from archspec.parameters.kinds import either, integer, number, ratio, word
from archspec.parameters.parameter import Object, Parameter
from archspec.recipe import Augment, BatchStatistics, LearningRate, Loss, Optimizer, Train

MAX_EPOCHS = 1 << 20
MAX_BATCH = 1 << 16
MAX_SEED = (1 << 31) - 1

OPTIMIZER = Object(
    Optimizer,
    "always",
    {
        "type": Parameter(
            word("sgd", "adamw", "rmsprop"), "adamw without weight_decay is Adam", "adamw"
        ),
        "momentum": Parameter(number(0, 1), "share of the last step that is made again", 0.9),
    },
)
LEARNING_RATE = Object(
    LearningRate,
    "always",
    {
        "peak": Parameter(ratio(100), "the highest rate", 3e-3),
        "schedule": Parameter(
            word("cosine", "constant"), "how it falls after the warm-up, to nothing", "cosine"
        ),
        "warmup": Parameter(number(0, 1), "share of all steps in which it rises", 0.05),
    },
)
AUGMENT = Object(
    Augment,
    "always",
    {
        "flip": Parameter(
            word("horizontal", "vertical", "horizontal_and_vertical"),
            "how half of the pictures are mirrored",
            "horizontal",
            off=True,
        ),
        "crop": Parameter(
            number(0, 1), "share that a picture is scaled up by, before a window is taken", 0.1
        ),
        "color": Parameter(
            number(0, 1), "how far brightness, contrast, saturation and hue change", 0.2
        ),
    },
)
LOSS = Object(
    Loss,
    "always",
    {
        "detection": Parameter(
            word("auto", "softmax", "focal"),
            "of the classes of boxes; auto: focal where scores are sigmoids",
            "auto",
        ),
        "mining": Parameter(
            number(0, 1000), "of softmax: boxes of nothing for each of something", 3.0, off=True
        ),
        "alpha": Parameter(number(0, 1), "of focal: the weight of what is there", 0.75),
        "gamma": Parameter(number(0, 10), "of focal: how little counts what is right", 2.0),
        "localization": Parameter(ratio(1000), "what the loss of coordinates is divided by", 1.0),
        "dice": Parameter(number(0, 100), "of segmentation: weight of 1 - Dice", 0.0),
        "aux": Parameter(number(0, 100), "of segmentation: weight of the output aux", 0.5),
    },
)
BATCH_NORM = Object(
    BatchStatistics,
    "always",
    {
        "statistics": Parameter(
            word("trained", "frozen"), "of the batch, or of the weights at first", "trained"
        ),
        "momentum": Parameter(
            either(word("auto"), number(0, 1)),
            "share of old statistics that a step keeps; auto: the net's, at most 1 - 10 / steps",
            "auto",
        ),
    },
)
TRAIN = Object(
    Train,
    "always",
    {
        "epochs": Parameter(integer(1, MAX_EPOCHS), "how often each picture is seen", 50),
        "batch": Parameter(integer(1, MAX_BATCH), "pictures of a step, over all devices", 32),
        "optimizer": Parameter(OPTIMIZER, "what makes the steps", Optimizer()),
        "learning_rate": Parameter(LEARNING_RATE, "how long they are", LearningRate()),
        "weight_decay": Parameter(
            number(0, 1), "share of kernels, times the rate, taken away each step", 4e-5
        ),
        "clip_norm": Parameter(ratio(1e6), "longest gradient, all of it", 10.0, off=True),
        "label_smoothing": Parameter(
            number(0, 0.99), "of classification: the certainty that all classes share", 0.0
        ),
        "augment": Parameter(AUGMENT, "what is done to pictures at random", Augment(), off=True),
        "loss": Parameter(LOSS, "what is made small", Loss()),
        "batch_norm": Parameter(BATCH_NORM, "what batch norm does", BatchStatistics()),
        "early_stop": Parameter(
            integer(1, MAX_EPOCHS), "epochs without a better score until the end", None, off=True
        ),
        "seed": Parameter(integer(0, MAX_SEED), "of all that is random", 0),
        "precision": Parameter(
            word("float32", "mixed_float16", "mixed_bfloat16"), "of what is computed", "float32"
        ),
        "validation": Parameter(
            number(0, 0.9), "share held back where the data has no part for it", 0.2
        ),
    },
)
