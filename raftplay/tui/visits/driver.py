"""The driver of a visitor's screen, which reads keys from standard input and paints packets on standard output."""

import os

from textual.drivers.web_driver import WebDriver


class VisitDriver(WebDriver):
    """The driver of textual for browsers; a screen after another one begins with the size that it had."""

    def on_meta(self, packet_type: str, payload: dict[str, object]) -> None:
        """Take what the server says of the browser."""
        if packet_type == "resize":
            os.environ["COLUMNS"], os.environ["ROWS"] = str(payload["width"]), str(payload["height"])
        super().on_meta(packet_type, payload)
