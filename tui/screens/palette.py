"""The command palette, also where there is no room for its list."""

from textual.command import CommandList, CommandPalette


class Palette(CommandPalette):
    """Textual's, whose list would break where keys move in it before it has a row."""

    def _action_command_list(self, action: str) -> None:
        if self.query_one(CommandList).size:
            super()._action_command_list(action)
