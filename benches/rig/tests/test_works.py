"""Samples of every work become rows, and the committed ones become those of the README."""

import unittest

from comparison import results, table
from comparison.paths import README, RESULTS
from comparison.works import WORKS, overload


def overloaded(**other) -> dict:
    """A sample of an overload in which all went well."""
    return {
        "due": 100, "answered": 100, "broken": 0, "seconds": 1.0, "peak_rps": 30.0, "offered_rps": 90, "made": 30,
        "written": 30, "foreign": 0.0,
        "statuses": {"200": {"count": 30}, "503": {"count": 70, "sent": {"p50_us": 900.0}}},
    } | other  # fmt: skip


class Overload(unittest.TestCase):
    """Nothing accepted is lost, and nothing is answered wrongly."""

    def verdicts(self, sample: dict) -> dict[str, bool]:
        """What is met, by what follows the colon."""
        judged = overload.rows({"upstream": [sample]})
        return {row.what.partition(": ")[2]: row.met for row in judged}

    def test_all_is_well(self):
        self.assertEqual(set(self.verdicts(overloaded()).values()), {True})

    def test_less_is_served_than_at_the_peak(self):
        self.assertFalse(self.verdicts(overloaded(peak_rps=40.0))["served, × peak"])

    def test_a_job_that_the_ledger_does_not_know_is_lost(self):
        self.assertFalse(self.verdicts(overloaded(written=29))["accepted and lost"])

    def test_a_job_that_no_client_heard_of_is_lost(self):
        self.assertFalse(self.verdicts(overloaded(made=31, written=31))["accepted and lost"])

    def test_a_client_that_the_driver_no_longer_waited_for_has_lost_nothing(self):
        self.assertTrue(self.verdicts(overloaded(made=31, written=31, due=101))["accepted and lost"])

    def test_any_other_answer_is_wrong(self):
        wrong = overloaded(statuses={"200": {"count": 30}, "502": {"count": 1}})
        self.assertFalse(self.verdicts(wrong)["neither 200 nor 503"])

    def test_a_broken_connection_is_wrong(self):
        self.assertFalse(self.verdicts(overloaded(broken=1))["neither 200 nor 503"])


class Saturation(unittest.TestCase):
    """Ratios to peers."""

    def test_failed_requests_have_a_row_that_is_not_met(self):
        one = {"rps": 9.0, "cpu_100k": 1.0, "foreign": 0, "not_2xx": 0, "broken": 0}
        samples = {"nginx": [one | {"rps": 10.0}], "bare": [one], "reelgate": [one | {"not_2xx": 3}]}
        rows = WORKS["poll"].rows(samples)
        self.assertEqual([row.met for row in rows], [True, True, None, None, False])


class Committed(unittest.TestCase):
    """The README says what was measured."""

    def test_the_table_of_the_readme_is_that_of_the_committed_results(self):
        known = results.read(RESULTS)
        self.assertEqual(set(known["works"]), set(WORKS), "every work has been measured")
        content = table.content(known, results.rows(known))
        page = README.read_text()
        self.assertEqual(table.put(page, content), page, "benches/rig/run draw")

    def test_every_sample_says_how_much_strangers_did(self):
        for name, work in results.read(RESULTS)["works"].items():
            for taken in work["samples"].values():
                self.assertTrue(all("foreign" in one for one in taken), name)
                self.assertGreaterEqual(len(taken), 1, name)
