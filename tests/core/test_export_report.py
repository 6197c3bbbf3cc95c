"""The picture of a run's losses, and the page about it."""

import re
import shutil
import subprocess
import tempfile
import threading
import unicodedata
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import combinations
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from makemore_tui.core.analysis.baselines import baseline_losses
from makemore_tui.core.datasets.dataset import Dataset
from makemore_tui.core.errors import UserError
from makemore_tui.core.export.figures import first_baselines, loss_figure
from makemore_tui.core.export.files import export_figure
from makemore_tui.core.export.report import export_html
from makemore_tui.core.session.session import Session
from makemore_tui.core.session.twins import Twins
from makemore_tui.core.settings import ModelSettings, TrainSettings
from makemore_tui.core.text import shown

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    "\u202egnp",
    "&amp;\"'",
    "{{ 7 * 7 }}",
    "--></style>",
    "שלום",
]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
CHROMIUM_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--hide-scrollbars",
    "--window-size=1000,2600",
)
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
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


def cells_of(page):
    return len([text for text in page.of("title") if ", counted " in text])


def run_of(dataset, model=None, train=None, steps=30):
    session = Session(dataset, model or ModelSettings(hidden=5, embedding=3), train, seed=3)
    session.train(steps)
    session.evaluate("dev")
    return session


def texts_of(svg):
    return ["".join(text.itertext()) for text in svg.iter(f"{SVG}text")]


def test_the_figure_has_dev_losses_edits_and_baselines(small):
    session = run_of(small)
    session.edit(hidden=9)
    session.edit(learning_rate=0.02)
    session.train(30)
    session.evaluate("dev")
    baselines = first_baselines(small)
    (axes,) = loss_figure(session, baselines).axes
    curves = {str(line.get_label()): np.asarray(line.get_xydata()).tolist() for line in axes.lines}
    assert curves["dev"] == [
        [step, pytest.approx(loss)] for step, loss in session.dev_losses.points
    ]
    assert curves["edits"] == [[30, 0], [30, 1]]
    levels = [np.asarray(line.get_ydata()).tolist() for line in axes.lines]
    assert all([baseline.loss] * 2 in levels for baseline in baselines)
    picture = ElementTree.fromstring(export_figure(session, "svg", "mine"))
    titles = [title.text for title in picture.findall(f".//{SVG}g/{SVG}title")]
    assert set(titles) == {"after step 30: hidden 9, lr 0.02"}
    texts = texts_of(picture)
    for baseline in baseline_losses(small)[:3]:
        assert f"{baseline.name} {baseline.loss:.2f}" in texts
    assert {"mine", "hidden 9, lr 0.02", f"dev {session.dev_losses.last:.2f}"} <= set(texts)


@pytest.mark.parametrize(
    ("form", "begin"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")]
)
def test_equal_runs_give_equal_bytes(small, form, begin):
    one, other = (export_figure(run_of(small), form, "run") for _ in range(2))
    assert one == other
    assert one.startswith(begin)
    assert not re.search(rb"20\d\d-\d\d-\d\d|D:20\d\d", one)


def test_labels_of_edits_never_lie_on_one_another(small):
    session = run_of(small, steps=100)
    for step in range(40):
        session.edit(learning_rate=0.1 / (step + 2))
        session.train(1 + step % 3)
    figure = loss_figure(session, first_baselines(small))
    (axes,) = figure.axes
    edits = [line for line in axes.lines if line.get_gid()]
    assert len(edits) == 40
    renderer = FigureCanvasAgg(figure).get_renderer()
    labels = [text.get_window_extent(renderer) for text in axes.texts if text.get_gid()]
    assert len(labels) > 2
    assert all(label.x0 >= 0 and label.x1 < figure.bbox.x1 for label in labels)
    assert not [pair for pair in combinations(labels, 2) if pair[0].overlaps(pair[1])]


def test_labels_of_levels_never_lie_on_one_another(write):
    dataset = Dataset(write("\n".join(["ab", "ba"] * 60)))  # baselines near one another
    figure = loss_figure(run_of(dataset), first_baselines(dataset))
    (axes,) = figure.axes
    renderer = FigureCanvasAgg(figure).get_renderer()
    labels = [text.get_window_extent(renderer) for text in axes.texts]
    assert len(labels) == 4
    assert not [pair for pair in combinations(labels, 2) if pair[0].overlaps(pair[1])]


NAMES = ["$x$", "\\frac{1}{0}", "$", "\x1b[31m", "\u202e", "名前", "<b>&"]


@pytest.mark.parametrize(
    ("form", "name"),
    [*(("svg", name) for name in NAMES), ("png", " ".join(NAMES)), ("pdf", " ".join(NAMES))],
)
def test_a_name_is_only_text_in_a_figure(small, capfd, form, name):
    figure = export_figure(run_of(small, steps=2), form, name)
    if form == "svg":
        assert shown(name) in texts_of(ElementTree.fromstring(figure))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("steps", [1, 2])
def test_a_run_of_a_few_steps_has_a_figure(small, steps):
    (axes,) = loss_figure(run_of(small, steps=steps), first_baselines(small)).axes
    assert axes.get_xlim() == (0, steps)


def test_losses_of_very_different_sizes_are_drawn_on_a_logarithmic_axis(small):
    session = run_of(small, train=TrainSettings(learning_rate=300.0), steps=40)
    (axes,) = loss_figure(session, first_baselines(small)).axes
    assert axes.get_yscale() == "log"
    assert len(axes.get_yticks()) <= 13


def test_a_run_without_a_loss_has_no_picture_and_yet_a_page(small):
    with pytest.raises(UserError, match="no curve"):
        export_figure(Session(small), "svg", "run")
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
    assert cells_of(page) == 2 * size * size
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


def test_the_page_of_a_pair_has_both_and_their_difference(small):
    session = run_of(small)
    twins = Twins(session)
    twins.edit(learning_rate=0.02)
    twins.train(30)
    points = list(session.dev_losses.points)
    page = Page(export_html(session, "my run", twins))
    assert "A and B" in page.of("h2")
    assert {"A", "B", "learning rate", "dev loss"} <= set(page.of("th"))
    assert f"{twins.evaluate().a:.4f}" in page.of("td")
    assert any("too few to compare" in text for text in page.of("p"))
    assert session.dev_losses.points[: len(points)] == points


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
    assert all(value.startswith("#") for name, value in page.attributes if "href" in name)
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
    assert page.tags.count("style") == 1


def test_of_many_characters_the_page_has_the_commonest(write):
    characters = [chr(0x4E00 + i) for i in range(60)]
    items = [c * (1 + i // 20) for i, c in enumerate(characters)]
    page = Page(export_html(run_of(Dataset(write("\n".join(items * 2))), steps=2)))
    assert cells_of(page) == 2 * 40 * 40
    assert any("the 40 commonest" in text for text in page.of("p"))


# In a browser


class Proxy(BaseHTTPRequestHandler):
    """The only network that the browser has: it answers nothing and notes what was asked for."""

    asked: list[str]

    def refuse(self):
        if not re.search(r"google(apis)?\.com", self.path):  # the browser's own
            self.asked.append(self.path)
        self.send_error(404)

    do_GET = do_POST = do_HEAD = do_CONNECT = refuse

    def log_message(self, format, *args):
        pass


@pytest.fixture
def browse(tmp_path):
    """Opens a page in Chromium: what its console says, what it asks the network for, and a
    picture of it."""
    if not CHROMIUM:
        pytest.skip("there is no Chromium (Debian's package chromium)")
    Proxy.asked = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def browse(page, *flags):
            file, picture = tmp_path / "page.html", tmp_path / "page.png"
            file.write_text(page)
            Proxy.asked.clear()
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as user:
                flags = (
                    *flags,
                    f"--proxy-server=127.0.0.1:{server.server_port}",
                    f"--user-data-dir={user}",
                    f"--screenshot={picture}",
                )
                done = subprocess.run(
                    [CHROMIUM, *CHROMIUM_FLAGS, *flags, file.as_uri()],
                    capture_output=True,
                    text=True,
                    check=True,
                    timeout=120,
                )
            console = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
            return console, list(Proxy.asked), Image.open(picture).convert("RGB")

        yield browse
        server.shutdown()


def test_a_browser_shows_the_page_light_and_dark_and_loads_nothing_else(small, browse):
    session = run_of(small, steps=200)
    session.edit(hidden=9)
    page = export_html(session, "my run")
    assert POLICY.search(page)
    console, asked, light = browse(page)
    assert (console, asked) == ([], [])
    assert light.getpixel((2, 2)) == (0xFB, 0xFB, 0xF9)
    assert len(light.getcolors(1 << 20) or []) > 200  # heat maps, curves and text are drawn
    # Without its policy the page would be free to load.
    console, asked, dark = browse(POLICY.sub("", page), "--blink-settings=preferredColorScheme=0")
    assert (console, asked) == ([], [])
    assert dark.getpixel((2, 2)) == (0x10, 0x14, 0x1B)


def test_a_page_that_loads_something_or_fails_is_noticed(browse):
    image = "<img src='http://picture.test/one.png'>"
    console, asked, _ = browse(f"<!DOCTYPE html>{image}<script>nothing()</script>")
    assert asked == ["http://picture.test/one.png"]
    assert len(console) == 1
