"""Messages that concern several views."""

from IXGSLib.errors import name_views, views_by_reason


def test_views_are_named_as_the_subject_of_a_sentence():
    assert name_views(["ap"]) == "view 'ap'"
    assert name_views(["ap", "lateral"]) == "views 'ap' and 'lateral'"
    assert name_views(["0", "1", "2"]) == "views '0', '1' and '2'"


def test_a_reason_that_many_views_share_is_said_once():
    reasons = [("a", "too dark; expose longer"), ("b", "no such file"), ("c", "too dark; expose longer")]
    assert views_by_reason(reasons) == ["views 'a' and 'c': too dark; expose longer", "view 'b': no such file"]
    assert views_by_reason([]) == []
