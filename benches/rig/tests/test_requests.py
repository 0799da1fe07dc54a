"""Requests are what the SDK sends."""

import unittest

from comparison import requests
from comparison.paths import CAPTURES


class Requests(unittest.TestCase):
    """Bytes on the wire."""

    def test_a_create_differs_from_the_recorded_one_only_in_host_and_the_order_of_headers(self):
        recorded = (CAPTURES / "py-create-int.http").read_bytes()
        sent = requests.create().bytes_for(18081)
        self.assertEqual(sorted(sent.split(b"\r\n")), sorted(recorded.split(b"\r\n")))
        self.assertEqual(sent.partition(b"\r\n\r\n")[2], recorded.partition(b"\r\n\r\n")[2])

    def test_a_length_counts_the_filler(self):
        sent = requests.upload(20).bytes_for(1)
        body = sent.partition(b"\r\n\r\n")[2]
        length = len(body) - len(requests.FILLER) + (20 << 20)
        self.assertIn(f"Content-Length: {length}".encode(), sent)
        self.assertEqual(body.count(requests.FILLER), 1)

    def test_words_that_are_not_there_cannot_be_replaced(self):
        with self.assertRaises(ValueError):
            requests.create().words("sora-9", "film")

    def test_no_other_header_is_lost(self):
        changed = requests.poll().header("Authorization", "Bearer other")
        self.assertEqual(len(changed.headers), len(requests.poll().headers))
