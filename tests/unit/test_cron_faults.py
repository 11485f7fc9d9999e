"""What a cron expression and a zone may be: each thing that would surprise its author is refused, with a word on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workerflow.domain.cron import Timing, cron_faults, zone_faults
from workerflow.domain.cron_expression import ALIASES, MAX_CRON_CHARACTERS, parse_cron

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)
CRON_LIKE = st.text(alphabet="0123456789*/-,?#LWRHlwrh@ monfeb\t()", max_size=40)


NOT_FIVE = "cron has {} fields, not five (minute, hour, day of month, month, day of week)"
DISAGREE = "with a step over '*' crons disagree whether both must match; if either may, write"


@pytest.mark.parametrize(
    ("cron", "plain"),
    [
        ("* * * * *", "* * * * *"),
        ("0 5 * * *", "0 5 * * *"),
        ("  05\t 07 *  *  * ", "5 7 * * *"),
        ("*/15 8-18/2 1,15 * mon-fri", "0,15,30,45 8,10,12,14,16,18 1,15 * 1,2,3,4,5"),
        ("0 0 * JAN,jul-Sep SUN", "0 0 * 1,7,8,9 0"),
        ("0 0 * * 7", "0 0 * * 0"),
        ("0 0 * * 5-7", "0 0 * * 0,5,6"),
        ("0 0 * * 1-7/2", "0 0 * * 0,1,3,5"),
        ("0 0 * * 0-7", "0 0 * * 0,1,2,3,4,5,6"),
        ("3,1,2,1 0 * * *", "1,2,3 0 * * *"),
        ("10-20,5 0 * * *", "5,10,11,12,13,14,15,16,17,18,19,20 0 * * *"),
        ("*/30,7 0 * * *", "0,7,30 0 * * *"),
        ("*/59 */23 */30 */11 *", "0,59 0,23 1,31 1,12 *"),
        ("0 0 * * */6", "0 0 * * 0,6"),
        ("0 0 29 2 *", "0 0 29 2 *"),
        ("0 0 31 2,3 *", "0 0 31 2,3 *"),
        ("0 0 1-31/2 * mon", "0 0 1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31 * 1"),
    ],
)
def test_fields_take_numbers_names_ranges_steps_and_lists(cron: str, plain: str) -> None:
    assert cron_faults(cron) == []
    assert parse_cron(cron).plain == plain


@pytest.mark.parametrize(
    ("alias", "cron"),
    [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        (" @Daily ", "0 0 * * *"),
    ],
)
def test_an_alias_is_its_expression(alias: str, cron: str) -> None:
    assert cron_faults(alias) == []
    assert parse_cron(alias) == parse_cron(cron)


def test_the_aliases_that_are_tested_are_all_there_are() -> None:
    assert sorted(ALIASES) == ["@annually", "@daily", "@hourly", "@midnight", "@monthly", "@weekly", "@yearly"]


@pytest.mark.parametrize(
    ("cron", "fault"),
    [
        ("", "cron is empty: it has five fields, as in '0 5 * * *'"),
        (" \t ", "cron is empty: it has five fields, as in '0 5 * * *'"),
        (None, "cron is text, as in '0 5 * * *', not NoneType"),
        (b"0 5 * * *", "cron is text, as in '0 5 * * *', not bytes"),
        (["0", "5", "*", "*", "*"], "cron is text, as in '0 5 * * *', not list"),
        ("0" * 501, "cron has 501 characters, more than 500"),
        ("0 5 * * mön", "cron has characters other than plain ASCII: '\\xf6'"),
        ("٣ 5 * * *", "cron has characters other than plain ASCII: '\\u0663'"),
        ("0\xa05 * * *", "cron has characters other than plain ASCII: '\\xa0'"),
        ("0 5 * *\n*", "cron has characters other than plain ASCII: '\\n'"),
        ("0 5 * * *\x00", "cron has characters other than plain ASCII: '\\x00'"),
        ("@reboot", f"cron '@reboot' is none of {', '.join(ALIASES)}"),
        ("@ daily", f"cron '@ daily' is none of {', '.join(ALIASES)}"),
        ("5", "cron has 1 field, not five (minute, hour, day of month, month, day of week)"),
        ("0 5 * *", NOT_FIVE.format(4)),
        ("0 0 5 * * *", f"{NOT_FIVE.format(6)}; seconds and years are not supported"),
        ("0 0 5 * * * 2027", f"{NOT_FIVE.format(7)}; seconds and years are not supported"),
        ("60 * * * *", "the minute '60': '60' is not 0 to 59"),
        ("* 24 * * *", "the hour '24': '24' is not 0 to 23"),
        ("* * 0 * *", "the day of month '0': '0' is not 1 to 31"),
        ("* * 32 * *", "the day of month '32': '32' is not 1 to 31"),
        ("* * * 0 *", "the month '0': '0' is not 1 to 12 or jan to dec"),
        ("* * * 13 *", "the month '13': '13' is not 1 to 12 or jan to dec"),
        ("* * * * 8", "the day of week '8': '8' is not 0 to 7 or sun to sat"),
        ("* * * mon *", "the month 'mon': 'mon' is not 1 to 12 or jan to dec"),
        ("* * * * monday", "the day of week 'monday': 'monday' is not 0 to 7 or sun to sat"),
        ("mon * * * *", "the minute 'mon': 'mon' is not 0 to 59"),
        ("-1 * * * *", "the minute '-1': '' is not 0 to 59"),
        ("+1 * * * *", "the minute '+1': '+1' is not 0 to 59"),
        ("1.5 * * * *", "the minute '1.5': '1.5' is not 0 to 59"),
        ("1_0 * * * *", "the minute '1_0': '1_0' is not 0 to 59"),
        ("1-70 * * * *", "the minute '1-70': '70' is not 0 to 59"),
        ("1- * * * *", "the minute '1-': '' is not 0 to 59"),
        ("1-2-3 * * * *", "the minute '1-2-3': '2-3' is not 0 to 59"),
        ("** * * * *", "the minute '**': '**' is not 0 to 59"),
        ("*-5 * * * *", "the minute '*-5': '*' is not 0 to 59"),
        ("1,,2 * * * *", "the minute '1,,2' has an empty place in its list"),
        ("1, * * * *", "the minute '1,' has an empty place in its list"),
        ("*,5 * * * *", "the minute '*,5' has a '*' in a list: the other values mean nothing"),
        ("* 22-4 * * *", "the hour '22-4' runs backwards: write '22-23,0-4'"),
        ("* 22-4/2 * * *", "the hour '22-4/2' runs backwards: write its values as a list"),
        ("* 23-4 * * *", "the hour '23-4' runs backwards: write '23,0-4'"),
        ("* 22-0 * * *", "the hour '22-0' runs backwards: write '22-23,0'"),
        ("* * * nov-feb *", "the month 'nov-feb' runs backwards: write 'nov-dec,jan-feb'"),
        ("* * * * fri-mon", "the day of week 'fri-mon' runs backwards: write 'fri-sat,sun-mon'"),
        ("* * * * sat-sun", "the day of week 'sat-sun' runs backwards: write 'sat,sun'"),
        ("* * * * 5-1", "the day of week '5-1' runs backwards: write '5-6,0-1'"),
        ("* * * * 7-3", "the day of week '7-3' runs backwards: write '0-3'"),
        ("5-5 * * * *", "the minute '5-5' is a range of one value: write '5'"),
        ("* * * * mon-1", "the day of week 'mon-1' is a range of one value: write 'mon'"),
        ("59/15 * * * *", "the minute '59/15' has a step but no range: write '59'"),
        ("5/15 * * * *", "the minute '5/15' has a step but no range: write '5-59/15' or '5'"),
        ("* * * * 1/2", "the day of week '1/2' has a step but no range: write '1-6/2' or '1'"),
        ("*/0 * * * *", "the minute '*/0' has a step of 0"),
        ("5-10/0 * * * *", "the minute '5-10/0' has a step of 0"),
        ("*/60 * * * *", "the minute '*/60' has a step beyond its range 0-59: it means '0' alone"),
        ("* */24 * * *", "the hour '*/24' has a step beyond its range 0-23: it means '0' alone"),
        ("* * */31 * *", "the day of month '*/31' has a step beyond its range 1-31: it means '1' alone"),
        ("* * * */12 *", "the month '*/12' has a step beyond its range 1-12: it means '1' alone"),
        ("* * * * */7", "the day of week '*/7' has a step beyond its range 0-6: it means '0' alone"),
        ("10-20/11 * * * *", "the minute '10-20/11' has a step beyond its range 10-20: it means '10' alone"),
        ("*/ * * * *", "the minute '*/' has a step '' that is not a whole number"),
        ("*/x * * * *", "the minute '*/x' has a step 'x' that is not a whole number"),
        ("*/5/5 * * * *", "the minute '*/5/5' has a step '5/5' that is not a whole number"),
        ("50/15 * * * *", "the minute '50/15' has a step but no range: write '50'"),
        ("/5 * * * *", "the minute '/5': '' is not 0 to 59"),
        ("H * * * *", "the minute 'h' takes no 'H' or 'R' (a value by hash or at random): write the value"),
        ("H/15 * * * *", "the minute 'h/15' takes no 'H' or 'R' (a value by hash or at random): write the value"),
        ("R(0-10) * * * *", "the minute 'r(0-10)' takes no 'H' or 'R' (a value by hash or at random): write the value"),
        ("0 0 ? * mon", "the day of month '?' takes no '?': write '*'"),
        ("0 0 L * *", "the day of month 'l' takes no 'L' (the last day)"),
        ("0 0 L-3 * *", "the day of month 'l-3' takes no 'L' (the last day)"),
        ("0 0 * * 5L", "the day of week '5l' takes no 'L' (the last day)"),
        ("0 0 * * friL", "the day of week 'fril' takes no 'L' (the last day)"),
        ("0 0 * * L5", "the day of week 'l5' takes no 'L' (the last day)"),
        ("0 0 15W * *", "the day of month '15w' takes no 'W' (the nearest working day)"),
        ("0 0 W15 * *", "the day of month 'w15' takes no 'W' (the nearest working day)"),
        ("0 0 LW * *", "the day of month 'lw' takes no 'W' (the nearest working day)"),
        ("0 0 * * 5#2", "the day of week '5#2' takes no '#' (a weekday of the month by its number)"),
        ("0 0 * * mon#1", "the day of week 'mon#1' takes no '#' (a weekday of the month by its number)"),
        ("30 2 30 2 *", "the day of month '30' never comes in feb"),
        ("0 0 31 2,4 *", "the day of month '31' never comes in feb, apr"),
        ("0 0 31 4,6,9,11 *", "the day of month '31' never comes in apr, jun, sep, nov"),
        ("0 0 30-31 feb *", "the day of month '30-31' never comes in feb"),
        ("0 0 30 2 mon", "the day of month '30' never comes in feb"),
        (
            "0 0 */2 * mon",
            f"the day of month '*/2' beside the day of week 'mon': {DISAGREE} '1-31/2' and 'mon'",
        ),
        (
            "0 0 1 * */2",
            f"the day of month '1' beside the day of week '*/2': {DISAGREE} '1' and '0-6/2'",
        ),
    ],
)
def test_each_fault_of_an_expression_has_its_words(cron: object, fault: str) -> None:
    assert cron_faults(cron) == [fault]


def test_what_a_fault_says_to_write_is_right() -> None:
    for cron in ("* 22-23,0-4 * * *", "59 * * * *", "5-59/15 * * * *", "* * * * sat,sun", "0 0 1-31/2 * mon"):
        assert cron_faults(cron) == []


def test_all_faults_of_an_expression_are_told_at_once() -> None:
    faults = cron_faults("59/15,60 22-4 L 13 mon-8/0")
    assert faults == [
        "the minute '59/15' has a step but no range: write '59'",
        "the minute '60': '60' is not 0 to 59",
        "the hour '22-4' runs backwards: write '22-23,0-4'",
        "the day of month 'l' takes no 'L' (the last day)",
        "the month '13': '13' is not 1 to 12 or jan to dec",
        "the day of week 'mon-8/0': '8' is not 0 to 7 or sun to sat",
        "the day of week 'mon-8/0' has a step of 0",
    ]


def test_every_value_of_every_field_may_be_listed() -> None:
    listed = [range(60), range(24), range(1, 32), range(1, 13), range(8)]
    cron = " ".join(",".join(map(str, values)) for values in listed)
    assert len(cron) < MAX_CRON_CHARACTERS
    assert cron_faults(cron) == []


@pytest.mark.parametrize(
    ("cron", "follows"),
    [
        ("0 * * * *", True),
        ("0 */2 * * *", True),
        ("0 */6,3 * * *", True),
        ("@hourly", True),
        ("* 5 * * *", False),
        ("0 0-23 * * *", False),
        ("@daily", False),
    ],
)
def test_an_expression_follows_real_time_when_its_hours_have_a_star(cron: str, follows: bool) -> None:
    assert parse_cron(cron).follows_real_time is follows


@given(ANYTHING | CRON_LIKE)
def test_no_value_of_any_type_makes_the_rules_raise(value: object) -> None:
    for faults in (cron_faults(value), zone_faults(value)):
        assert all(0 < len(fault) < 600 for fault in faults)


@given(CRON_LIKE)
def test_a_faultless_expression_fires(cron: str) -> None:
    if not cron_faults(cron):
        assert Timing.of(cron, "UTC").next_fire(1_800_000_000_000) is not None


@pytest.mark.parametrize(
    "zone",
    ["UTC", "Europe/Berlin", "America/Argentina/ComodRivadavia", "America/North_Dakota/New_Salem", "Etc/GMT+12", "GB"],
)
def test_the_names_of_the_database_are_zones(zone: str) -> None:
    assert zone_faults(zone) == []


@pytest.mark.parametrize(
    ("zone", "fault"),
    [
        (None, "zone is a name such as 'Europe/Berlin', not NoneType"),
        (["UTC"], "zone is a name such as 'Europe/Berlin', not list"),
        (2, "zone is a name such as 'Europe/Berlin', not int"),
        ("", "zone '' is not in the IANA time zone database"),
        ("Mars/Olympus", "zone 'Mars/Olympus' is not in the IANA time zone database"),
        ("europe/berlin", "zone 'europe/berlin' is not in the IANA time zone database: write 'Europe/Berlin'"),
        ("utc", "zone 'utc' is not in the IANA time zone database: write 'UTC'"),
        ("UTC ", "zone 'UTC ' is not in the IANA time zone database"),
        ("+02:00", "zone '+02:00' is not in the IANA time zone database"),
        ("Europe", "zone 'Europe' is not in the IANA time zone database"),
        ("../x", "zone '../x' is not in the IANA time zone database"),
        ("../zones", "zone '../zones' is not in the IANA time zone database"),
        ("/etc/localtime", "zone '/etc/localtime' is not in the IANA time zone database"),
        ("Europe/../Europe/Berlin", "zone 'Europe/../Europe/Berlin' is not in the IANA time zone database"),
        ("Europe/Berlin\x00", "zone 'Europe/Berlin\\x00' is not in the IANA time zone database"),
        ("tzdata.zi", "zone 'tzdata.zi' is not in the IANA time zone database"),
        ("localtime", "zone 'localtime' is not in the IANA time zone database"),
        ("posixrules", "zone 'posixrules' is not in the IANA time zone database"),
        ("Europe/Berlín", "zone 'Europe/Berlín' is not in the IANA time zone database"),
    ],
)
def test_whatever_is_no_name_of_the_database_is_refused(zone: object, fault: str) -> None:
    assert zone_faults(zone) == [fault]


def test_a_timing_names_every_fault_of_both() -> None:
    with pytest.raises(ValueError, match=r"the minute '60'.*; zone 'Mars' is not in"):
        Timing.of("60 * * * *", "Mars")
