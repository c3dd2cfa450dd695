"""The page of a reader study: one self-contained HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np

from ...evaluation.labels import label
from ...evaluation.page import DISCLAIMER, facts, figure, page, section, table
from ...version import __version__
from .agreement import Agreement
from .analysis import Analysis
from .correlation import BASELINES, Correlation, Difference, with_metrics
from .plots import intervals, scatter
from .resampling import Estimate
from .simulation import RatingModel, known_agreement, quality_of

MAX_SCATTERS = 3
TITLES = {
    "overall": "Overall quality",
    "pedicles": "Pedicles",
    "body": "Vertebral body",
    "navigation": "Usable for navigation",
}


def readers_page(found: Analysis) -> str:
    """The page of an analysis; where ratings are simulated, its title and every section say so."""
    parts = [
        _head(found),
        _section(found, "Known answer", _known(found)),
        _section(found, "Agreement between readers", _agreement(found.agreements)),
        _section(found, "Consistency of each reader", _by_reader(found.agreements)),
        _section(found, "Metrics that follow readers better than PSNR and SSIM", _differences(found)),
        *(_section(found, f"Metrics and ratings: {TITLES[q]}", *_correlations(found, q)) for q in found.rated),
        _section(found, "Notes", _notes(found)),
        section("Method", _method(found)),
        f"<footer>{DISCLAIMER} IXGS {__version__}. Numbers are in readers.json, ratings in ratings.csv.</footer>",
    ]
    return page(_title(found), "\n".join(part for part in parts if part))


def _title(found: Analysis) -> str:
    return "Reader study with SIMULATED ratings" if found.ratings.simulated else "Reader study"


def _section(found: Analysis, title: str, *parts: str) -> str:
    return section(f"{title} (simulated ratings)" if found.ratings.simulated else title, *parts)


def _head(found: Analysis) -> str:
    ratings = found.ratings.ratings
    numbers = [
        ("Readers", str(len(found.ratings.readers)) + (", simulated" if found.ratings.simulated else "")),
        ("Runs", str(len(found.key.runs))),
        ("Specimens", str(len({run.specimen for run in found.key.runs.values()}))),
        ("Ratings", str(len(ratings))),
        ("Second showings", str(sum(rating.showing > 1 for rating in ratings))),
    ]
    simulated = ""
    if found.ratings.simulated:
        simulated = (
            '<p class="notice">SIMULATED RATINGS. No reader has seen these volumes: the answers were drawn from the '
            "model that is stated below, to show what the analysis finds when the truth is known.</p>\n"
        )
    return (
        f'<h1>{escape(_title(found))}</h1>\n<p class="soft">Agreement of readers, and of metrics with readers</p>\n'
        f'{simulated}<p class="notice">{DISCLAIMER}</p>\n{facts(numbers)}'
    )


def _known(found: Analysis) -> str:
    """What the model of simulated ratings leads to, beside what was found."""
    if not found.ratings.simulated:
        return ""
    model = RatingModel(**found.ratings.simulated)
    known, overall = known_agreement(quality_of(found.key, model), model), found.agreements[0]
    best = _ordered([each for each in found.correlations if each.question == overall.question])
    rows = [
        ["ICC between readers", f"{known.inter:.2f}", text(overall.inter_icc), _within(known.inter, overall.inter_icc)],
        ["ICC within readers", f"{known.intra:.2f}", text(overall.intra_icc), _within(known.intra, overall.intra_icc)],
    ]
    if best:
        place = 1 + [each.metric for each in best].index(model.metric)
        rows.append(
            ["Metric that readers follow", label(model.metric).name, label(best[0].metric).name, f"rank {place}"]
        )
    stated = ", ".join(f"{name} {value}" for name, value in found.ratings.simulated.items())
    return (
        "<p>Rating = middle + slope × quality + reader + reading + occasion, rounded and limited to 1 to 5; quality is "
        f"the metric in standard deviations, the last three are normal. {escape(stated)}.</p>"
        + table(["Quantity", "Known", "Found", "Known value"], rows)
    )


def _within(known: float, estimate: Estimate) -> str:
    if not np.isfinite([estimate.low, estimate.high]).all():
        return "no interval"
    return "in the interval" if estimate.low <= known <= estimate.high else "outside the interval"


def _agreement(agreements: Sequence[Agreement]) -> str:
    rows = [
        [
            TITLES[a.question],
            str(a.inter_icc.items),
            text(a.inter_kappa),
            text(a.inter_icc),
            text(a.intra_kappa),
            text(a.intra_icc),
        ]
        for a in agreements
    ]
    head = ["Question", "Runs", "Kappa between", "ICC between", "Kappa within", "ICC within"]
    return table(head, rows, numbers=(1,))


def _by_reader(agreements: Sequence[Agreement]) -> str:
    rows = [
        [reader, TITLES[a.question], str(kappa.items), text(kappa), text(icc)]
        for a in agreements
        for reader, (kappa, icc) in a.by_reader.items()
    ]
    return table(["Reader", "Question", "Runs seen twice", "Kappa", "ICC"], rows, numbers=(2,))


def _differences(found: Analysis) -> str:
    if not found.differences:
        return ""
    sentences = [
        f"{TITLES[question]}: {', '.join(label(name).name for name in better) or 'none'}."
        for question, better in found.better.items()
    ]
    compared = {each.baseline for each in found.differences}
    names = " and ".join(label(name).name for name in BASELINES if name in compared)
    shown = sorted(
        (each for each in found.differences if each.spearman.defined and each.metric not in BASELINES),
        key=lambda each: (list(found.rated).index(each.question), -each.spearman.value),
    )
    head = [
        "Question",
        "Metric",
        "Compared with",
        "Difference of Spearman's correlation",
        "p",
        "p, corrected",
        "Better",
    ]
    return (
        f"<p>Significantly better than {names}, at 5 % after correction for {len(found.differences)} comparisons: "
        f"{escape(' '.join(sentences))}</p>"
    ) + table(head, [_difference_row(each) for each in shown], numbers=(4, 5))


def _difference_row(each: Difference) -> list[str]:
    return [
        TITLES[each.question],
        label(each.metric).name,
        label(each.baseline).name,
        text(each.spearman),
        probability(each.p_value),
        probability(each.adjusted),
        "yes" if each.better else "no",
    ]


def _correlations(found: Analysis, question: str) -> tuple[str, ...]:
    ordered = _ordered([each for each in found.correlations if each.question == question])
    if not ordered:
        return ()
    forest = intervals([label(c.metric).name for c in ordered], [c.spearman for c in ordered], "Spearman's correlation")
    rows = [
        [
            label(c.metric).name,
            str(c.spearman.items),
            text(c.spearman),
            text(c.kendall),
            text(c.slope),
            probability(c.p_value),
        ]
        for c in ordered
    ]
    head = ["Metric", "Runs", "Spearman", "Kendall", "Slope, mixed model", "p of the slope"]
    return forest, table(head, rows, numbers=(1, 5)), _scatters(found, question, ordered)


def _ordered(correlations: Sequence[Correlation]) -> list[Correlation]:
    """Those that are defined, the highest first."""
    defined = [each for each in correlations if each.spearman.defined]
    return sorted(defined, key=lambda each: -each.spearman.value)


def _scatters(found: Analysis, question: str, ordered: Sequence[Correlation]) -> str:
    """The best metric and the baselines against the ratings."""
    shown = list(dict.fromkeys([ordered[0].metric, *(c.metric for c in ordered if c.metric in BASELINES)]))
    figures = []
    for metric in shown[:MAX_SCATTERS]:
        names = with_metrics(found.rated[question], (metric,), found.key.runs)
        x = [float(found.key.runs[name].metrics[metric] or 0.0) for name in names]
        name, unit, _ = label(metric)
        title = f"{name}, {unit}" if unit else name
        plot = scatter(x, [found.rated[question][run] for run in names], title, f"Mean rating against {name}")
        figures.append(figure(plot, f"Mean rating of each run against {name}"))
    return f'<div class="row">{"".join(figures)}</div>'


def _notes(found: Analysis) -> str:
    lost = [
        f"{label(c.metric).name}, {TITLES[c.question]}: {c.spearman.reason}"
        for c in found.correlations
        if not c.spearman.defined
    ]
    lost += [
        f"{label(c.metric).name}, {TITLES[c.question]}: {c.slope.reason}"
        for c in found.correlations
        if c.spearman.defined and not c.slope.defined
    ]
    items = "".join(f"<li>{escape(note)}</li>" for note in dict.fromkeys((*found.notes, *lost)))
    return f"<ul>{items}</ul>" if items else ""


def _method(found: Analysis) -> str:
    return (
        "<p>Kappa has quadratic weights; between readers it is the mean over all pairs. ICC is ICC(A,1), absolute "
        "agreement of single ratings by two-way random effects (McGraw and Wong, 1996), of the runs that all readers "
        "rated. Correlations are those of a metric with the mean rating of a run, with the sign of metrics changed "
        "where lower is better; Kendall's is tau-b. The slope is that of a linear mixed model with random intercepts "
        "of the specimens, in rating categories for each standard deviation of the metric.</p>"
        "<p>Brackets hold 95 % intervals. Those of kappa and of correlations, and the p-values of differences, come "
        f"from a bootstrap over {found.resampled}"
        + (
            "; these specimens are too few to resample, so that the intervals hold for them only"
            if found.resampled == "runs"
            else ""
        )
        + ". Differences resample both metrics together, and their p-values are corrected for all comparisons of the "
        "study by Holm's method.</p>"
    )


def text(estimate: Estimate) -> str:
    """An estimate with its interval; a dash with the reason where it is not defined."""
    if not estimate.defined:
        return f"– ({estimate.reason})" if estimate.reason else "–"
    if not np.isfinite([estimate.low, estimate.high]).all():
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def probability(value: float) -> str:
    return "–" if not np.isfinite(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"
