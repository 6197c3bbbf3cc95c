"""Names sampled from the model."""

from textual.binding import Binding

from makemore_tui.core.errors import UserError
from makemore_tui.core.results import Pair, SampledNames
from makemore_tui.core.worker.protocol import NamesView, Sampling, Snapshot

from .. import messages as say
from ..keymap import bindings_of, key_labels
from ..style.text_rows import Row, paragraph
from .names_rows import (
    PAIR_WIDTH,
    names_rows,
    num_names,
    pair_rows,
    sampling_label,
    share_rows,
    stepped_temperature,
    stepped_top_k,
    typed_sampling,
)
from .panel import Panel
from .panel_title import label_border
from .text_input import InPlaceLine

_MAX_NAMES = 500
_HINTS = "temperature top-k · enter apply · esc cancel", "temperature top-k", "T top-k"


class SamplingLine(InPlaceLine):
    """The line to type temperature and top-k into."""

    _panel: "NamesPanel"

    async def action_submit(self) -> None:
        """Sample with what was typed, or say why not; the next key is the panel's again."""
        try:
            sampling = typed_sampling(self.value)
        except UserError as error:
            self.post_message(Panel.Said(str(error), is_warning=True))
            return
        self.action_leave()
        self._panel.sample_with(sampling)


class NamesPanel(Panel):
    """Sampled names, each marked as standing in the data or new, and what can be said of the last.

    sampling: the temperature and top-k that they are drawn with, which training never sees.
    """

    DEFAULT_CSS = "NamesPanel:focus-within { border: round $primary; }"
    BINDINGS = [  # noqa: RUF012
        *bindings_of("names"),
        Binding("enter", "type_sampling", "type both", show=False),
    ]
    ID = FIELD = "names"
    drawn: SampledNames | None

    def __init__(self):
        super().__init__()
        self.sampling = Sampling()
        self._line: SamplingLine | None = None  # made when first needed

    def view(self) -> NamesView:
        is_pair = self.snapshot is not None and self.snapshot.pair is not None
        return NamesView(min(_MAX_NAMES, num_names(*self.content_size, is_pair)), self.sampling)

    def watch_has_focus(self, has_focus: bool) -> None:
        super().watch_has_focus(has_focus)
        self.relayout()

    def reset(self) -> None:
        self.sampling = Sampling()
        self.post_message(self.ViewChanged(self))

    def action_renew(self) -> None:
        """Ask for other names."""
        self.post_message(self.ViewChanged(self, is_anew=True))

    def action_change_temperature(self, by: int) -> None:
        """Sample with a lower or a higher temperature."""
        self.sample_with(stepped_temperature(self.sampling, by))

    def action_change_top_k(self, by: int) -> None:
        """Sample from fewer or more of the likeliest characters."""
        if self.snapshot is not None:
            characters = self.snapshot.dataset.characters
            self.sample_with(stepped_top_k(self.sampling, by, characters))

    async def action_type_sampling(self) -> None:
        """Open the line to type temperature and top-k into."""
        if self._line is None:
            self._line = SamplingLine(self)
            await self.mount(self._line)
        self._line.open_with(f"{self.sampling.temperature:g} {self.sampling.top_k or 'all'}")

    def sample_with(self, sampling: Sampling) -> None:
        """Sample with this temperature and top-k from now on."""
        is_other = sampling != self.sampling
        self.sampling = sampling
        label = sampling_label(sampling, 100)
        said = say.SAMPLING if is_other else say.SAMPLING_UNCHANGED
        self.post_message(self.Said(said.format(sampling=label)))
        if is_other:
            self.relayout()
            self.post_message(self.ViewChanged(self))

    def action_copy(self) -> None:
        """Copy the names that are shown to the clipboard, one a line."""
        if self.drawn and self.drawn.samples:
            names = [name.text for name in self.drawn.samples]
            self.app.copy_to_clipboard("\n".join(names))
            self.post_message(self.Said(say.COPIED_NAMES.format(count=len(names))))
        else:
            self.post_message(self.Said(say.NO_NAMES.format(key=key_labels(self.app))))

    def rows(self, snapshot: Snapshot, width: int, height: int) -> list[Row]:
        is_typing = self._line is not None and self._line.display
        if is_typing and self._line is not None:
            self._line.styles.width = width
        hint = next((one for one in _HINTS if len(one) <= width - 2), _HINTS[-1])
        label_border(self, subtitle=hint if is_typing else self._border(width))
        pair, drawn = snapshot.pair, self.drawn
        self.title.set(*_titles(pair, width))
        if not drawn or not drawn.samples:
            return paragraph("…", width, self.palette)
        below = share_rows(drawn, width, height, self.palette)
        if pair is not None and len(drawn.other) == len(drawn.samples):
            names = pair_rows(drawn, pair.side, width, self.palette)
        else:
            names = names_rows(drawn.samples, width, self.palette)
        names = names[: height - len(below)]
        return [*names, *([[]] * (height - len(names) - len(below))), *below]

    def _border(self, width: int) -> str:
        """What the names are sampled with, and while the panel is chosen, which key types it."""
        label = sampling_label(self.sampling, width)
        hint = f"{label} · enter to edit"
        return hint if self.has_focus and len(hint) <= width else label


def _titles(pair: Pair | None, width: int) -> tuple[str, ...]:
    """Whose names there are, the widest words first."""
    if pair is None:
        return ("Names",)
    whose = "Names · A and B" if width >= PAIR_WIDTH else f"Names · {pair.side.upper()}"
    return f"{whose}, what differs underlined", whose, "Names"
