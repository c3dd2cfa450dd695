"""Bindings between parameters and widgets that the parameter node does not provide."""

from __future__ import annotations

from typing import Any

from slicer.parameterNodeWrapper import GuiConnector


class _Connector(GuiConnector):
    """A widget with a signal that is emitted when its value changes."""

    signal = ""

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return False  # created explicitly, never looked up

    @staticmethod
    def create(widget: Any, datatype: Any) -> None:
        return None

    def __init__(self, widget: Any) -> None:
        super().__init__()
        self._widget = widget

    def _connect(self) -> None:
        self._widget.connect(self.signal, self._on_signal)

    def _disconnect(self) -> None:
        self._widget.disconnect(self.signal, self._on_signal)

    def _on_signal(self, *_: Any) -> None:
        self.changed()

    def widget(self) -> Any:
        return self._widget


class Choice(_Connector):
    """A QComboBox whose items stand for these values, in this order."""

    signal = "currentIndexChanged(int)"

    def __init__(self, widget: Any, values: tuple[str, ...]) -> None:
        super().__init__(widget)
        self._values = values

    def read(self) -> str:
        return self._values[self._widget.currentIndex]

    def write(self, value: str) -> None:
        self._widget.currentIndex = self._values.index(value) if value in self._values else 0


class PathText(_Connector):
    """A ctkPathLineEdit without name filters and a string, which is empty for no path.

    The widget does not emit its path when that becomes invalid, only that it did; without name filters the only
    invalid path is the empty one.
    """

    def _connect(self) -> None:
        self._widget.connect("currentPathChanged(QString)", self._on_signal)
        self._widget.connect("validInputChanged(bool)", self._on_signal)

    def _disconnect(self) -> None:
        self._widget.disconnect("currentPathChanged(QString)", self._on_signal)
        self._widget.disconnect("validInputChanged(bool)", self._on_signal)

    def read(self) -> str:
        return self._widget.currentPath.strip()

    def write(self, value: str) -> None:
        if self.read() != value:  # otherwise the cursor jumps while the user types
            self._widget.currentPath = value
