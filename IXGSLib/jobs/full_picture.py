"""Write one X-ray of a case as a picture with all of its pixels: full.png, and fiducials.png where it shows some."""

from __future__ import annotations

from ..errors import FormatError
from ..runs.events import Reporter
from ..xray.windowing import grey_picture
from .case_arguments import CaseArguments, case_arguments, case_parser
from .fiducials import write_full_fiducials
from .pictures import save_picture
from .process import run_job

PICTURE, FIDUCIALS = "full.png", "fiducials.png"


def main(reporter: Reporter) -> None:
    parser = case_parser(__doc__)
    parser.add_argument("--view", required=True, help="id of the view")
    parsed = parser.parse_args()
    write_full_picture(case_arguments(parsed), parsed.view)


def write_full_picture(arguments: CaseArguments, view: str) -> None:
    """Write the pictures of a view; raises FormatError where the case has no such view, and what the readers raise."""
    case = arguments.load()
    xray = next((each for each in case.xrays if each.view.id == view), None)
    if xray is None:
        raise FormatError(f"view '{view}': is not in the case any more; read the X-rays again")
    write_full_fiducials(xray, case, arguments.case, arguments.out / FIDUCIALS)
    save_picture(arguments.out / PICTURE, grey_picture(xray.image, xray.mask))


if __name__ == "__main__":
    run_job(main)
