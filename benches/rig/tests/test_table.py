"""The table and where it is put."""

import unittest
from dataclasses import replace

from comparison import table
from comparison.rows import Row

MET = Row("poll", "poll, × nginx", "0.95", "≥ 0.90", True)
UNMET = Row("idle", "idle memory", "14 MiB", "≤ 12 MiB", False)
SHOWN = Row("poll", "polls/s", "30,000")


class Table(unittest.TestCase):
    """For terminals and for the README."""

    def test_what_is_not_met_is_easy_to_find(self):
        text = table.markdown([MET, UNMET, SHOWN])
        self.assertIn("| poll, × nginx | 0.95 | ≥ 0.90 | met |", text)
        self.assertIn("| idle memory | 14 MiB | ≤ 12 MiB | **not met** |", text)
        self.assertIn("| polls/s | 30,000 |", text)

    def test_columns_of_a_terminal_stand_beneath_each_other(self):
        first, second = table.plain([MET, UNMET]).splitlines()
        self.assertEqual(first.index("≥"), second.index("≤"))
        self.assertTrue(second.endswith("not met"))

    def test_whoever_measured_beside_others_says_so(self):
        noisy = replace(SHOWN, noisy=True)
        self.assertIn("Others", table.caveat([noisy, noisy, MET]))
        self.assertEqual(table.caveat([noisy, MET, UNMET]), "")

    def test_only_what_is_between_the_marks_is_replaced(self):
        page = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
        self.assertEqual(table.put(page, "new"), f"before\n{table.BEGIN}\n\nnew\n\n{table.END}\nafter\n")
        self.assertEqual(table.put(table.put(page, "x"), "new"), table.put(page, "new"))

    def test_a_page_without_marks_is_left_alone(self):
        for page in ("", table.BEGIN, table.END + table.BEGIN, (table.BEGIN + table.END) * 2):
            with self.assertRaises(ValueError):
                table.put(page, "new")
