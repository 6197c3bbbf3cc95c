"""Settings that are worth a name. Torch-free."""

from dataclasses import replace

from msgspec import Struct

from .errors import UserError, did_you_mean
from .settings import ModelSettings, TrainSettings


class Preset(Struct, frozen=True):
    """A model and a way to train it, and what it is for.

    dev_loss: what it reaches on the built-in names, in nats: that of seed 1, or two values that
    span the seeds 1 to 3.
    """

    name: str
    about: str
    dev_loss: str
    model: ModelSettings
    train: TrainSettings


_LECTURE = TrainSettings(learning_rate=0.1, batch_size=32, schedule="step", steps=200_000)
_ADAMW = TrainSettings(optimizer="adamw", schedule="linear")
# fmt: off
_PRESETS = (
    Preset("bigram", "bigram counts with add-one smoothing: the loss to beat", "2.460",
           ModelSettings(kind="ngram", order=2),
           TrainSettings(batch_size=0, steps=1, smoothing=1.0)),
    Preset("trigram", "trigram counts, a tenth added to each", "2.228",
           ModelSettings(kind="ngram", order=3),
           TrainSettings(batch_size=0, steps=1, smoothing=0.1)),
    Preset("kneser-ney", "counts done right: orders 6 to 1, discounted and interpolated", "1.969",
           ModelSettings(kind="ngram", order=6),
           TrainSettings(batch_size=0, steps=1, smoothing_method="kneser-ney")),
    Preset("neural-bigram", "the same table, learnt by gradient descent on all examples",
           "2.470",
           ModelSettings(kind="neural-bigram", init="lecture"),
           TrainSettings(learning_rate=50, batch_size=0, weight_decay=0.01, steps=200)),
    Preset("first-mlp", "the lecture's first MLP: 2-d embedding, which can be drawn",
           "2.264 to 2.274",
           ModelSettings(context=3, embedding=2, hidden=100, init="lecture"), _LECTURE),
    Preset("lecture", "the lecture's larger MLP, weights from N(0,1): a bad start",
           "2.160 to 2.164",
           ModelSettings(context=3, embedding=10, hidden=200, init="lecture"), _LECTURE),
    Preset("scaled", "the same with scaled weights: the first loss is near ln V",
           "2.104 to 2.110",
           ModelSettings(context=3, embedding=10, hidden=200, init="scaled"), _LECTURE),
    Preset("overfit", "memorises the first five items, to see that a model can; train 0.26",
           "11.9",
           ModelSettings(context=3, embedding=2, hidden=100, init="lecture"),
           TrainSettings(learning_rate=0.1, batch_size=0, steps=1000, train_on="first-5")),
    Preset("fast", "the lecture's dev loss, 2.17, in less than a second", "2.135 to 2.137",
           ModelSettings(context=5, embedding=16, hidden=128, init="scaled"),
           replace(_ADAMW, learning_rate=0.03, batch_size=384, steps=400)),
    Preset("tuned", "a network alone in the time of the lecture's 200,000 steps",
           "1.946",
           ModelSettings(context=8, embedding=24, hidden=600, init="scaled"),
           replace(_ADAMW, learning_rate=0.003, batch_size=512, weight_decay=0.06, dropout=0.2,
                   steps=24_000)),
    Preset("best", "the lowest dev loss in that time: distinct contexts, mixed with counts",
           "1.907",
           ModelSettings(context=8, embedding=24, hidden=1200, init="scaled"),
           replace(_ADAMW, learning_rate=0.004, batch_size=224, minibatches="contexts",
                   weight_decay=0.06, dropout=0.3, steps=23_000, mix="auto")),
)
# fmt: on
PRESETS = {preset.name: preset for preset in _PRESETS}
DEFAULT_PRESET = "scaled"


def preset_named(name: str) -> Preset:
    """A preset by its name; raises UserError if there is none of that name."""
    if name not in PRESETS:
        known, meant = f"the presets are {', '.join(PRESETS)}", did_you_mean(name, PRESETS)
        raise UserError(f"there is no preset {name!r}; {f'{meant} ' if meant else ''}{known}")
    return PRESETS[name]
