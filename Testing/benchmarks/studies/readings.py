"""What the pages of studies say about their numbers."""

READINGS = {
    "standardization": """\
The network comes closest to a perfect standardisation, but stays far from it. X-rays as they are and the classical
filter give volumes whose bone hardly overlaps with that of the truth: soft tissue is reconstructed as such. More views
help the network only a little, since its errors are not independent noise.""",
    "views": """\
Beyond the knee further views gain little. A narrow span cannot be made up for by more views: what it does not show from
the side stays blurred.""",
    "trajectory": """\
A start from a coarse reconstruction, algebraic or by filtered backprojection, is better than a random one for every
trajectory, and which of the two it is matters little. With a good start an arc with tilt is as good as a full circle,
which few operating rooms have space for; random poses are somewhat worse.""",
    "poses": """\
Errors of a few millimetres spoil the volume. Refining the poses regains most of that, changes nothing where the poses
are exact, and says when it is not sure of its result.""",
    "c-arms": """\
The network bears another spectrum and an old detector. Scatter without a grid, a small round field and pictures of the
display spoil its output, and in each of these cases the in-distribution score warns of some or all of the views. The
classical filter is worse throughout.""",
    "findings": """\
*Finding kept* is the contrast of the finding to its surroundings as a fraction of that in the truth; the anatomy that
was there before has a part in both. A perfect standardisation keeps most of a lesion, less of a narrow fracture. The
network keeps less than half of either: a finding that is not there in the volume may still be there in the patient.
Screws are dense in the volume, which the truth does not show, and the bone around them is much worse than without.""",
    "hard-cases-of-three": """\
Most failures are standardised X-rays, with few views, a narrow span, a low dose or wrong poses. The verdict of the runs
flagged nearly all of them, and no good run. What it missed is near the border: ideal X-rays whose poses are a few
millimetres off, and, among repaired runs, errors of the network in X-rays like those that it was trained on, which no
sign shows. In the other ready studies it flagged no good run either, and missed errors of the network and a volume with
screws. There are few good runs of each patient, so that the true share of false alarms may be larger, as the intervals
say.""",
}
