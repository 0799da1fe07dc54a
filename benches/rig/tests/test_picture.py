"""Pictures are well-formed, and to scale."""

import unittest
from xml.etree import ElementTree

from comparison.paths import README
from comparison.picture import Bar, Panel, picture

SVG = "{http://www.w3.org/2000/svg}"
PANEL = Panel("Polls & more", [Bar("nginx", 40, "40"), Bar("Reelgate", 20, "20 <half>", ours=True)])


class Picture(unittest.TestCase):
    """SVG as a browser reads it."""

    def test_it_is_well_formed_whatever_stands_in_it(self):
        root = ElementTree.fromstring(picture('so "called"', [PANEL, PANEL]))
        self.assertEqual(root.get("aria-label"), 'so "called"')
        texts = [text.text for text in root.iter(f"{SVG}text")]
        self.assertEqual(texts[:5], ["Polls & more", "nginx", "40", "Reelgate", "20 <half>"])

    def test_bars_are_to_scale_and_ours_stands_out(self):
        root = ElementTree.fromstring(picture("", [PANEL]))
        other, ours = root.iter(f"{SVG}rect")
        self.assertAlmostEqual(float(other.get("width")), 2 * float(ours.get("width")), delta=0.2)
        self.assertEqual((other.get("class"), ours.get("class")), ("other", "ours"))

    def test_nothing_stands_outside(self):
        root = ElementTree.fromstring(picture("", [PANEL, PANEL]))
        _, _, width, height = map(float, root.get("viewBox").split())
        for rect in root.iter(f"{SVG}rect"):
            self.assertLessEqual(float(rect.get("x")) + float(rect.get("width")), width)
            self.assertLessEqual(float(rect.get("y")) + float(rect.get("height")), height)

    def test_committed_pictures_are_well_formed_and_readable_in_the_dark(self):
        pictures = sorted(README.parent.glob("*.svg"))
        self.assertEqual([file.name for file in pictures], ["latency.svg", "throughput.svg"])
        for file in pictures:
            self.assertEqual(ElementTree.parse(file).getroot().tag, f"{SVG}svg")
            self.assertIn("prefers-color-scheme: dark", file.read_text())
