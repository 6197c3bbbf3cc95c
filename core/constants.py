"""Names and limits that the engine and the screens share. Torch-free."""

from typing import NamedTuple

BUILT_IN_DATASETS = ("names", "surnames", "words")
DATASET_NOTES = {
    "names": (
        "This is not the lecture's names.txt, an earlier release of the same list with 32,033 "
        "of these names: losses differ by about 0.005. To use that file: --data names.txt",
    )
}
SPLITS = ("train", "dev", "test")
KNESER_NEY, FLOOR = "Kneser-Ney", "floor"
# What is drawn beside a run's losses: the dev losses of models that only count, of which the first
# needs no counts, and the lowest loss that is possible on a small training set.
BASELINES = ("uniform", "unigram", "bigram", "trigram", "4-gram", KNESER_NEY, FLOOR)
BASELINE_NOTES = {
    "uniform": "ln V, the loss of a model that holds every character equally likely",
    "n-grams": (
        "The dev losses of counts of one to four characters, each with the k that is best on dev. "
        "The lecture's table explodes with the context: it has V^n cells, most of them empty, and "
        "what k adds to those takes most of P"
    ),
    KNESER_NEY: (
        "The dev loss of its best order. Only n-grams that occur are kept, and what is taken from "
        "their counts goes to shorter contexts, so that longer ones help where the table explodes"
    ),
    FLOOR: (
        "The lowest training loss that is possible: where the same context is followed by several "
        "characters, no model is certain of each. For training sets of at most 10,000 examples"
    ),
}
RUN_SUFFIX = ".safetensors"  # of a saved run's file


class ExportForm(NamedTuple):
    """What a run can be exported as: the ending of the file or folder, and what it is."""

    ending: str
    about: str


EXPORT_FORMS = {
    "script": ExportForm(".py", "a Python script that trains the model"),
    "notebook": ExportForm(".ipynb", "a Jupyter notebook that trains the model"),
    "csv": ExportForm(".csv", "the losses as a CSV table"),
    "json": ExportForm(".json", "the settings and losses as JSON"),
    "tensorboard": ExportForm("-tensorboard", "event files for TensorBoard"),
    "svg": ExportForm(".svg", "the loss figure as SVG"),
    "png": ExportForm(".png", "the loss figure as PNG"),
    "pdf": ExportForm(".pdf", "the loss figure as PDF"),
    "html": ExportForm(".html", "a report, one page with figures and losses"),
    "spec": ExportForm(".txt", "the line that starts such a run"),
}
MAX_SEED = 2**62
MIN_ITEMS = 10  # of a dataset
MAX_ITEM_LENGTH = 1000  # characters
MAX_TRACED_WORDS = 100
MAX_CHARACTERS = 4096  # distinct ones of a dataset
