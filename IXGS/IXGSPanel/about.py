"""What the module says about itself."""

from __future__ import annotations

from slicer.i18n import tr as _

PAPER = "https://arxiv.org/abs/2504.14699"


def help_text() -> str:
    """The help of the module, as HTML."""
    return _(
        "<p><b>IXGS</b> (intraoperative X-rays, Gaussian splatting) reconstructs a volume of the spine from 10 to 30 "
        "calibrated C-arm X-rays taken from arbitrary angles.</p>"
        "<p>To try it, press <i>Sample case</i> in section 1 and <i>Apply</i> in section 4; the review opens when the "
        "volume is there. The sections follow the order of work. Sections that are folded are not needed for a first "
        "result. The tutorial is the page <i>docs/user-guide.md</i> of the extension.</p>"
        '<p>To cite IXGS: Jecklin et al., Scientific Reports 2025, <a href="{paper}">arXiv 2504.14699</a>.</p>'
        "<p><b>Research use only. Not a medical device.</b></p>"
    ).format(paper=PAPER)


def acknowledgement_text() -> str:
    """Whom the module owes its method and its data."""
    return _(
        'IXGS extends the method of <a href="{paper}">arXiv 2504.14699</a>. The sample cases are simulated from a CT '
        "of the collection TCGA-OV, The Cancer Imaging Archive, CC BY 3.0."
    ).format(paper=PAPER)
