"""Which tests a make target runs.

`make test-all` runs all. `make test` leaves out the markers `large` and `real_server`, and
`make check` runs the unit tests without `large` and `slow`. Most tests get their markers here,
by what was measured; a new test may as well have `@pytest.mark.slow` of its own.
"""

import pytest

_SERVERS = {"prometheus", "victoria_metrics", "installed", "required"}
"""Functions of `testing.servers` that start a real server or look for its program."""

_ONE_CASE = ("tests/extension_process/",)
"""Folders whose tests each start a process: of a family of cases, one is not large."""

_LARGE_FOLDERS = ("tests/extension_load/",)

_LARGE = {
    # tests/handler, tests/extension
    *("test_the_largest_event_fits_the_smallest_function", "test_conversion_ends_in_time"),
    "test_slow_destination",
    # tests/extension_process
    *("test_outage", "test_treatment", "test_comes_late", "test_black_hole"),
    *("test_own_drops_and_those_of_the_platform", "test_account", "test_lost_runtime_done"),
    # tests/testing, tests/tools
    *("test_timeout", "test_window"),
    *("test_a_short_run", "test_a_short_run_measures_everything", "test_bounded_time_and_memory"),
}
"""Names of tests of more than five seconds."""

_SLOW = {
    # tests/converters
    *("test_random_deliveries", "test_all_points_are_accounted_for", "test_bounded_time"),
    *("test_limit", "test_bit_flips", "test_large_delivery", "test_down_to_samples"),
    *("test_memory_of_random_deliveries", "test_framing", "test_any_attributes"),
    # tests/handler
    *("test_refusal_whose_words_drip_stands", "test_stalling_store_within_a_delivery"),
    "test_late_answer_of_one_delivery_is_not_counted_in_the_next",
    *("test_answer_comes_before_lambda_would_kill", "test_one_bad_among_a_thousand"),
    *("test_a_delivery_that_takes_too_much", "test_one_attempt_is_bounded_as_a_whole"),
    *("test_answer_comes_when_the_budget_is_over", "test_old_and_new_key"),
    *("test_whole_points_are_bad", "test_failed_look_keeps_what_is_known"),
    "test_any_event_is_answered",
    # tests/replay
    *("test_killed_in_the_middle", "test_no_time_for_the_rate_in_lambda"),
    *("test_a_listener_that_is_down", "test_what_failed_is_sent_and_moved"),
    *("test_a_rate_that_is_slower_than_patience", "test_interrupted_by_its_operator"),
    *("test_a_second_one_takes_an_object_over", "test_all_data_is_read_back"),
    *("test_killed_at_any_moment", "test_the_body_fits_too"),
    # tests/extension
    *("test_retry", "test_stalled", "test_hostile_store", "test_dripping", "test_role_that_fails"),
    *("test_bounded", "test_flush_ends", "test_python", "test_kept", "test_exchange_that_hangs"),
    *("test_any_record", "test_json_text", "test_freaks", "test_any_environment", "test_whole"),
    *("test_damaged", "test_cut_is_marked", "test_logzio_under_root"),
}
"""Names of unit tests of half a second or more."""


def mark(items: list[pytest.Item]) -> None:
    """Mark all tests that were collected."""
    seen: set[str] = set()
    # Sorted, so that the case of a family that is not large is always the same one.
    for item in sorted(items, key=lambda item: item.nodeid):
        function = item.nodeid.partition("[")[0]
        name = function.rpartition("::")[2]
        repeated = item.nodeid.startswith(_ONE_CASE) and function in seen
        seen.add(function)
        if repeated or name in _LARGE or item.nodeid.startswith(_LARGE_FOLDERS):
            item.add_marker("large")
        if name in _SLOW:
            item.add_marker("slow")
        if _needs_a_server(item):
            item.add_marker("real_server")


def _needs_a_server(item: pytest.Item) -> bool:
    """Return whether the module of a test, or a fixture of it, starts a real server."""
    names = vars(getattr(item, "module", None)).items() if hasattr(item, "module") else ()
    return any(
        name in _SERVERS and getattr(value, "__module__", "") == "testing.servers"
        for name, value in names
    ) or any(
        fixture.endswith(("prometheus", "victoria"))
        for fixture in getattr(item, "fixturenames", ())
    )
