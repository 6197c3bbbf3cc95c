"""The picture of a run's losses, and the page about it."""

import math
import unicodedata
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makemore_tui.core.analysis.baselines import baseline_losses
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.export.axis import Axis, apart
from makemore_tui.core.export.picture import export_svg
from makemore_tui.core.export.report import export_html
from makemore_tui.core.session.session import Session
from makemore_tui.core.settings import ModelSettings, TrainSettings

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    "\u202egnp",
    "&amp;\"'",
    "{{ 7 * 7 }}",
    "--></style>",
    "שלום",
]
VOID = ("meta", "br", "link", "img")


class Page(HTMLParser):
    """A page's tags, the text of each kind of tag, and every attribute."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.texts, self.attributes = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def of(self, tag):
        return [text for of, text in self.texts if of == tag]


def run_of(dataset, model=None, train=None, steps=30):
    session = Session(dataset, model or ModelSettings(hidden=5, embedding=3), train, seed=3)
    session.train(steps)
    session.evaluate("dev")
    return session


def test_the_picture_has_dev_losses_edits_and_what_counting_reaches(small):
    session = run_of(small)
    session.edit(hidden=9)
    session.edit(learning_rate=0.02)
    session.train(30)
    session.evaluate("dev")
    picture = ElementTree.fromstring(export_svg(session))
    assert len(picture.findall(f"{SVG}circle")) == 2
    titles = [title.text for title in picture.findall(f"{SVG}g/{SVG}title")]
    assert titles == ["after step 30: hidden 9, lr 0.02"]
    labels = [text.text for text in picture.findall(f"{SVG}text")]
    for baseline in baseline_losses(small)[:3]:
        assert f"{baseline.name} {baseline.loss:.2f}" in labels
    assert f"dev {session.dev_losses.last:.2f}" in labels


def test_labels_of_edits_never_lie_on_one_another(small):
    session = run_of(small, steps=100)
    for step in range(40):
        session.edit(learning_rate=0.1 / (step + 2))
        session.train(1 + step % 3)
    picture = ElementTree.fromstring(export_svg(session))
    assert len(picture.findall(f"{SVG}g")) == 40
    rows = {}
    for text in picture.findall(f"{SVG}g/{SVG}text"):
        assert text.text
        x, width = float(text.get("x", "")), 6 * len(text.text)
        begin = x if text.get("text-anchor") == "start" else x - width
        rows.setdefault(text.get("y"), []).append((begin, begin + width))
    assert rows
    for row in rows.values():
        assert row[-1][1] < 860
        assert all(end < begin for (_, end), (begin, _) in pairwise(row))


def test_a_run_without_a_loss_has_no_picture_and_yet_a_page(small):
    with pytest.raises(UserError, match="no curve"):
        export_svg(Session(small))
    assert "no finite loss" in export_html(Session(small, ModelSettings(hidden=3)))


@pytest.mark.parametrize(
    ("model", "headings"),
    [
        (ModelSettings(hidden=5, embedding=1), {"Embedding"}),
        (ModelSettings(kind="ngram", order=1), set()),
        (ModelSettings(kind="ngram", order=3), set()),
        (ModelSettings(kind="neural-bigram"), set()),
    ],
)
def test_the_page_of_each_kind_of_model(small, model, headings):
    page = Page(export_html(run_of(small, model, TrainSettings(smoothing=0.0), steps=4)))
    assert set(page.of("h2")) == {"Loss", "Settings", "Edits", "Bigrams", "Names"} | headings
    size = small.vocabulary.size
    assert page.tags.count("rect") == 2 * size * size
    assert page.tags.count("li") == 40


def test_the_page_tells_what_the_run_is(small):
    session = run_of(small)
    session.edit(hidden=9, context=2)
    text = export_html(session, "my run")
    assert text == export_html(session, "my run")
    page = Page(text)
    assert "my run" in page.of("bdi")
    assert "hidden 5 → 9, context 3 → 2" in page.of("td")
    loss = session.evaluate("dev").loss
    assert page.of("dd")[0] == f"{loss:.3f}"
    settings = page.of("th")
    assert {"kind", "hidden", "learning rate"} <= set(settings)
    assert "order" not in settings


def test_looking_at_it_for_the_page_leaves_the_run_as_it_was(small, state_hash):
    session = run_of(small)
    before = state_hash(session), list(session.dev_losses.points)
    export_html(session)
    assert (state_hash(session), session.dev_losses.points) == before


def test_the_page_asks_the_network_for_nothing_and_runs_nothing(small):
    text = export_html(run_of(small))
    page = Page(text)
    assert "://" not in text
    assert "url(" not in text
    assert "@import" not in text
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert not {"src", "href", "srcset"} & {name for name, _ in page.attributes}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "prefers-color-scheme: dark" in text


def test_whatever_stands_in_the_data_is_shown_as_text(write):
    path = write("\n".join(HOSTILE * 20), name="<b>\u202e.txt")
    text = export_html(run_of(Dataset(path), steps=5), "<i>\u2066run")
    page = Page(text)
    assert not {"script"} & set(page.tags)
    assert "<b>\N{REPLACEMENT CHARACTER}.txt" in "".join(page.of("bdi"))
    assert "<i>\N{REPLACEMENT CHARACTER}run" in page.of("bdi")
    assert [c for c in text if unicodedata.category(c)[0] == "C" and c != "\n"] == []
    assert page.tags.count("style") == 2


def test_of_many_characters_the_page_has_the_commonest(write):
    characters = [chr(0x4E00 + i) for i in range(60)]
    items = [c * (1 + i // 20) for i, c in enumerate(characters)]
    page = Page(export_html(run_of(Dataset(write("\n".join(items * 2))), steps=2)))
    assert page.tags.count("rect") == 2 * 40 * 40
    assert any("the 40 commonest" in text for text in page.of("p"))


@given(
    st.floats(1e-4, 1e7),
    st.floats(1.001, 1e5),
    st.booleans(),
)
def test_an_axis_is_marked_with_a_few_round_values_in_order(low, factor, log):
    axis = Axis(low, low * factor, 400, 40, log)
    ticks = axis.ticks(6)
    places = [axis.place(tick) for tick in ticks]
    assert len(ticks) <= 13
    assert places == sorted(places, reverse=True)
    assert all(39.9 <= place <= 400.1 for place in places)
    if not log:
        assert len(ticks) >= 2


def test_an_axis_has_its_ends_at_its_ends():
    for log in (False, True):
        axis = Axis(2, 32, 0, 100, log)
        assert (axis.place(2), axis.place(32)) == (0, 100)
    assert Axis(1, 100, 0, 100, log=True).place(10) == 50
    assert Axis(0, 3, 0, 100).ticks(8, least_step=1) == [0, 1, 2, 3]


@given(st.lists(st.floats(0, 400), max_size=6), st.floats(1, 20))
def test_labels_are_moved_apart_and_keep_their_order(places, gap):
    moved = apart(sorted(places), gap)
    assert all(b - a >= gap * (1 - 1e-9) for a, b in pairwise(moved))
    assert all(new >= old for new, old in zip(moved, sorted(places), strict=True))
    assert not any(map(math.isnan, moved))
