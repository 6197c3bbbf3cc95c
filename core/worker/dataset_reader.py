"""Reads the datasets that requests name."""

from ..datasets.dataset import Dataset
from ..datasets.stats import dataset_stats
from ..results import DatasetStats
from ..text import shown


class DatasetReader:
    """Reads datasets, and keeps the last one described: what was shown is what is then used."""

    def __init__(self):
        self._described: tuple[tuple[str, bool], Dataset] | None = None

    def describe(self, name: str, unique: bool) -> DatasetStats:
        """A dataset in numbers.

        Raises:
            UserError: the file is missing, or not one item a line of UTF-8 text.
        """
        dataset = Dataset.load(name, unique)
        facts = dataset_stats(dataset)
        self._described = (name, unique), dataset
        return DatasetStats(
            name=name,
            unique=unique,
            path=shown(facts["path"]),
            items=facts["items"],
            distinct=facts["distinct"],
            characters=facts["vocabulary"],
            shortest=facts["shortest"],
            longest=facts["longest"],
            examples=tuple(facts["examples"].values()),
            seen=tuple(facts["seen"].values()),
        )

    def load(self, name: str, unique: bool) -> Dataset:
        """The dataset as it was described last, otherwise as its file is now.

        Raises:
            UserError: as `describe`.
        """
        described, self._described = self._described, None
        if described is not None and described[0] == (name, unique):
            return described[1]
        return Dataset.load(name, unique)
