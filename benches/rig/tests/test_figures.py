"""From samples to figures."""

import unittest

from comparison import figures


def samples(*values: float, foreign: float = 0) -> list[dict]:
    """Samples of requests a second."""
    return [{"rps": value, "foreign": foreign} for value in values]


class Figures(unittest.TestCase):
    """Medians, quartiles and noise."""

    def test_a_figure_is_a_median_with_quartiles(self):
        figure = figures.of(samples(5, 1, 3, 2, 4), lambda one: one["rps"])
        self.assertEqual((figure.low, figure.median, figure.high), (2, 3, 4))

    def test_one_sample_is_its_own_quartiles(self):
        figure = figures.of(samples(7), lambda one: one["rps"])
        self.assertEqual((figure.low, figure.median, figure.high), (7, 7, 7))

    def test_ratios_are_taken_within_each_round(self):
        ours, theirs = samples(10, 20, 40), samples(20, 40, 80)
        self.assertEqual(figures.of_pairs(ours, theirs, figures.ratio("rps")), figures.Figure(0.5, 0.5, 0.5))

    def test_rounds_of_different_number_are_not_compared(self):
        with self.assertRaises(ValueError):
            figures.of_pairs(samples(1, 2), samples(1), figures.ratio("rps"))

    def test_disturbed_samples_do_not_count_beside_enough_quiet_ones(self):
        taken = samples(1, 2, 3) + samples(100, 100, 100, foreign=0.5)
        figure = figures.of(taken, lambda one: one["rps"])
        self.assertEqual((figure.median, figure.noisy), (2, False))

    def test_where_quiet_ones_are_few_all_count_and_it_is_said(self):
        taken = samples(1, 2) + samples(3, 3, 3, foreign=0.5)
        figure = figures.of(taken, lambda one: one["rps"])
        self.assertEqual((figure.median, figure.noisy), (3, True))
        self.assertEqual(figure.text(0), "~3 [2–3]")

    def test_a_pair_is_disturbed_if_one_of_both_is(self):
        figure = figures.of_pairs(samples(1), samples(1, foreign=1), figures.ratio("rps"))
        self.assertTrue(figure.noisy)

    def test_nothing_has_no_figure(self):
        with self.assertRaises(ValueError):
            figures.of([], lambda one: one["rps"])
