"""Widgets that the parameter node does not know by itself."""

from __future__ import annotations

from typing import Any

from slicer.parameterNodeWrapper import GuiConnector


class _Connector(GuiConnector):
    """A widget whose signal says that its value changed."""

    signal = ""

    @staticmethod
    def canRepresent(widget: Any, datatype: Any) -> bool:
        return False  # made by hand, never looked up

    @staticmethod
    def create(widget: Any, datatype: Any) -> None:
        return None

    def __init__(self, widget: Any) -> None:
        super().__init__()
        self._widget = widget

    def _connect(self) -> None:
        self._widget.connect(self.signal, self._tell)

    def _disconnect(self) -> None:
        self._widget.disconnect(self.signal, self._tell)

    def _tell(self, *_: Any) -> None:
        self.changed()

    def widget(self) -> Any:
        return self._widget


class Choice(_Connector):
    """A QComboBox whose items, in order, stand for these values."""

    signal = "currentIndexChanged(int)"

    def __init__(self, widget: Any, values: tuple[str, ...]) -> None:
        super().__init__(widget)
        self._values = values

    def read(self) -> str:
        return self._values[self._widget.currentIndex]

    def write(self, value: str) -> None:
        self._widget.currentIndex = self._values.index(value) if value in self._values else 0


class PathText(_Connector):
    """A ctkPathLineEdit without name filters and a string, empty for no path.

    Of a path that it finds invalid the widget tells only that; without filters that is the empty one.
    """

    def _connect(self) -> None:
        self._widget.connect("currentPathChanged(QString)", self._tell)
        self._widget.connect("validInputChanged(bool)", self._tell)

    def _disconnect(self) -> None:
        self._widget.disconnect("currentPathChanged(QString)", self._tell)
        self._widget.disconnect("validInputChanged(bool)", self._tell)

    def read(self) -> str:
        return self._widget.currentPath.strip()

    def write(self, value: str) -> None:
        if self.read() != value:  # else the cursor would jump while someone types
            self._widget.currentPath = value
