"""Messages that concern several views, and those that are no more than notices."""

import warnings

from IXGSLib.errors import IXGSNotice, Notice, alarms_and_notices, group_views, name_views, views_by_reason
from IXGSLib.messages import collect_warnings, unique, warn


def test_views_are_named_as_the_subject_of_a_sentence():
    assert name_views(["ap"]) == "view 'ap'"
    assert name_views(["ap", "lateral"]) == "views 'ap' and 'lateral'"
    assert name_views(["0", "1", "2"]) == "views '0', '1' and '2'"


def test_a_reason_that_many_views_share_is_said_once():
    reasons = [("a", "too dark; expose longer"), ("b", "no such file"), ("c", "too dark; expose longer")]
    assert views_by_reason(reasons) == ["views 'a' and 'c': too dark; expose longer", "view 'b': no such file"]
    assert views_by_reason([]) == []


def test_reasons_that_differ_in_numbers_alone_are_one_with_their_range():
    reasons = [
        ("a", "3.1 % of 96 x 96 pixels (run1.png) are dark"),
        ("b", "12 % of 96 x 96 pixels (run1.png) are dark"),
    ]
    assert views_by_reason(reasons) == ["views 'a' and 'b': 3.1 to 12 % of 96 x 96 pixels (run1.png) are dark"]
    assert len(views_by_reason([("a", "run1.png is dark"), ("b", "run2.png is dark")])) == 2


def test_messages_that_begin_with_a_view_are_grouped_and_others_stay():
    messages = [
        f"view '{n:03d}' ({n:03d}.png): {n + 1} % of the pixels are saturated and are masked" for n in range(30)
    ]
    (line,) = group_views(messages)
    assert line.startswith("views '000', '001',")
    assert line.endswith("and '029': 1 to 30 % of the pixels are saturated and are masked")
    one = ["view 'ap' (ap.png): is cut off", "the case is old"]
    assert group_views(one) == one


def test_notices_are_told_apart_from_warnings_and_stay_so_when_they_are_grouped():
    with collect_warnings() as messages:
        for id in ("a", "b"):
            warn(f"view '{id}': upside down")
            warnings.warn(f"view '{id}': masked", IXGSNotice, stacklevel=1)
    assert messages == ["view 'a': upside down", "view 'a': masked", "view 'b': upside down", "view 'b': masked"]
    grouped = group_views(unique(messages))
    assert [type(each) for each in grouped] == [str, Notice]
    assert alarms_and_notices(grouped) == (["views 'a' and 'b': upside down"], ["views 'a' and 'b': masked"])
