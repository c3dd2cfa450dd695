"""The errors and warnings of IXGS: one base class, messages that name the cure."""


class IXGSError(Exception):
    """Something in the input or the surroundings that the user can mend; its message says how."""


class GeometryError(IXGSError):
    """A camera, transform, grid or set of views that cannot be used."""


class FormatError(IXGSError):
    """A file that does not hold what its format asks for."""


class NotAnImage(FormatError):
    """A file whose content is not an image of the kind that its name promises."""


class TruncatedFile(FormatError):
    """A file that ends before its content does."""


class SettingsError(IXGSError):
    """A setting outside its range."""


class ReconstructionError(IXGSError):
    """A reconstruction that could not be brought to a usable result."""


class Cancelled(IXGSError):
    """The user asked to stop."""


class IXGSWarning(UserWarning):
    """Something that the user should know of and that does not stop the work."""
