"""The command palette, also where there is no room for its list."""

import contextlib

from textual.command import CommandPalette, Hit, Hits
from textual.system_commands import SystemCommandsProvider

_TOLD = 1000.0  # more than any likeness of a title scores


class Palette(CommandPalette):
    """Textual's, whose list would break where keys move in it and no line has room."""

    def _action_command_list(self, action: str) -> None:
        with contextlib.suppress(LookupError):
            super()._action_command_list(action)


class Actions(SystemCommandsProvider):
    """The app's commands, found by what their titles are like, and by the words of their help."""

    async def search(self, query: str) -> Hits:
        matcher, words = self.matcher(query), query.lower().split()
        for title, about, run, _ in self.app.get_system_commands(self.screen):
            told = f"{title} {about}".lower()
            score = matcher.match(title) + _TOLD * all(word in told for word in words)
            if score:
                yield Hit(score, matcher.highlight(title), run, help=about)
