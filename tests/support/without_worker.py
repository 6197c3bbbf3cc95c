"""The program with a made engine in place of its worker, which takes seconds to load torch."""

from unittest.mock import patch

from makemore_tui.tui.__main__ import main
from tests.support.fake_engine import FakeEngine

with patch("makemore_tui.tui.client.engine.WorkerEngine", lambda _: FakeEngine()):
    main()
