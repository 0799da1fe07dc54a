"""Targets and their verdicts."""

import unittest

from comparison import rows
from comparison.figures import Figure


class Verdicts(unittest.TestCase):
    """Met, or not."""

    def test_at_least(self):
        for median, verdict in ((0.89, "not met"), (0.9, "met"), (1.2, "met")):
            row = rows.at_least("poll", "poll", Figure(median, 0, 2), 0.9)
            self.assertEqual(row.verdict, verdict, median)

    def test_at_most(self):
        for median, verdict in ((49, "met"), (50, "met"), (51, "not met")):
            row = rows.at_most("start", "start", Figure(median, 0, 99), 50, " ms", 0)
            self.assertEqual(row.verdict, verdict, median)
            self.assertEqual(row.target, "≤ 50 ms")

    def test_about(self):
        for median, verdict in ((0.89, "not met"), (0.91, "met"), (1.09, "met"), (1.11, "not met")):
            row = rows.about("growth", "growth", Figure(median, 0, 2), 0.1)
            self.assertEqual(row.verdict, verdict, median)

    def test_without_a_target_there_is_nothing_to_meet(self):
        self.assertEqual(rows.shown("poll", "poll", Figure(1, 1, 1)).verdict, "")

    def test_what_is_not_a_number_meets_nothing(self):
        nothing = Figure(float("nan"), 0, 0)
        self.assertFalse(rows.at_least("poll", "poll", nothing, 0.9).met)
        self.assertFalse(rows.at_most("poll", "poll", nothing, 0.9).met)
        self.assertFalse(rows.about("poll", "poll", nothing, 0.1).met)
