"""PySide6 with the rules of PythonQt, as the module `qt`.

Properties are attributes, so that `label.text()` fails as it does in Slicer; objects of Qt take no new attributes;
signals are connected by their C++ signature and unknown signals are refused; qt.Signal does not exist.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

from PySide6 import QtCore, QtGui, QtUiTools, QtWidgets

MODULES = (QtCore, QtGui, QtWidgets, QtUiTools)
REFUSED = {"Signal", "Slot", "Property"}
"""Names that only PySide6 has."""
STAY_METHODS = {"sizeHint", "minimumSizeHint", "metaObject", "property", "setProperty", "parent", "children"}
"""Methods that C++ calls on Python subclasses, or that are needed to look up properties."""

_native_get = QtCore.QObject.__getattribute__
_meta: dict[type, dict[str, bool]] = {}


def _properties(widget: QtCore.QObject) -> dict[str, bool]:
    """The Qt properties of an object's class, and whether they can be written."""
    kind = type(widget)
    if kind not in _meta:
        meta = QtCore.QObject.metaObject(widget)
        found = (meta.property(n) for n in range(meta.propertyCount()))
        _meta[kind] = {each.name(): each.isWritable() for each in found}
    return _meta[kind]


def _get(self: QtCore.QObject, name: str) -> Any:
    if name.startswith("_") or name in STAY_METHODS:
        return _native_get(self, name)
    if name == "name":
        return QtCore.QObject.property(self, "objectName")
    if name in _properties(self):
        value = QtCore.QObject.property(self, name)
        return tuple(value) if isinstance(value, list) else value  # a QStringList is a tuple in PythonQt
    if name in ("connect", "disconnect"):
        native, ours = _native_get(self, name), _connect if name == "connect" else _disconnect
        # PySide6 calls the same methods for its own signals.
        return lambda *words: ours(self, *words) if _is_signature(words[0]) else native(*words)
    return _native_get(self, name)


def _set(self: QtCore.QObject, name: str, value: Any) -> None:
    name = "objectName" if name == "name" else name
    properties = _properties(self)
    if name in properties:
        if not properties[name]:
            raise AttributeError(f"property '{name}' of {type(self).__name__} is read-only")
        if not QtCore.QObject.setProperty(self, name, list(value) if isinstance(value, tuple) else value):
            raise ValueError(f"property '{name}' of {type(self).__name__} does not take {value!r}")
        return
    own = isinstance(value, QtCore.SignalInstance)  # PySide6 stores a bound signal when it is first used
    if not own and not name.startswith("__") and type(self).__module__.startswith("PySide6"):
        raise AttributeError(f"{type(self).__name__} takes no new attribute '{name}': PythonQt refuses it")
    described = getattr(type(self), name, None)
    if hasattr(described, "__set__"):
        described.__set__(self, value)
    else:
        _native_get(self, "__dict__")[name] = value  # each PySide6 class guards its own __setattr__


def _is_signature(word: Any) -> bool:
    """Whether this is a C++ signature as PythonQt takes it; those of PySide6 begin with a digit."""
    return isinstance(word, str) and not word[:1].isdigit()


def _signal(self: QtCore.QObject, signature: str) -> Any:
    """The bound signal of a C++ signature; raises ValueError for one that the class does not have."""
    known = getattr(type(self), "SIGNATURES", ())
    meta, name = QtCore.QObject.metaObject(self), signature.partition("(")[0]
    plain = QtCore.QMetaObject.normalizedSignature(signature).data().decode()
    if plain not in known and meta.indexOfSignal(plain) < 0:
        raise ValueError(f"{type(self).__name__} has no signal '{signature}'")
    bound = _native_get(self, name)
    if plain not in known and not hasattr(bound, "emit"):
        raise ValueError(f"'{name}' of {type(self).__name__} is not a signal")
    return bound


_slots: dict[tuple[int, str, Any], Callable[..., Any]] = {}


def _connect(self: QtCore.QObject, signature: str, slot: Callable[..., Any]) -> bool:
    count = 0 if "()" in signature else 1 + signature.count(",")
    # PySide6 passes only as many values as the slot takes; this slot takes all of the signature.
    calls = (lambda: slot(), lambda a: slot(a), lambda a, b: slot(a, b))
    _slots[id(self), signature, slot] = calls[count]
    _signal(self, signature).connect(calls[count])
    return True


def _disconnect(self: QtCore.QObject, signature: str, slot: Callable[..., Any]) -> bool:
    _signal(self, signature).disconnect(_slots.pop((id(self), signature, slot)))
    return True


class FileDialog(QtWidgets.QFileDialog):
    """The file dialog, whose answer is only a path in PythonQt."""

    @staticmethod
    def getOpenFileName(*words: Any) -> str:
        return QtWidgets.QFileDialog.getOpenFileName(*words)[0]


def install() -> types.ModuleType:
    """The module `qt`; from now on every QObject of this process follows the rules of PythonQt."""
    qt = types.ModuleType("qt")
    for module in MODULES:
        for name in dir(module):  # not vars(), because PySide6 creates classes when they are first used
            if name in REFUSED or name.startswith("_"):
                continue
            value = getattr(module, name)
            setattr(qt, name, value)
            if isinstance(value, type) and issubclass(value, QtCore.QObject):
                value.__setattr__ = _set
    qt.QFileDialog = FileDialog
    QtCore.QObject.__getattribute__ = _get
    return qt
