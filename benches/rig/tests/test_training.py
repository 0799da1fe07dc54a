"""What a build is shown, and what counts as having been shown it."""

import tempfile
import unittest
from pathlib import Path

from comparison import training


def answered(statuses: dict[str, int], broken: int = 0) -> dict:
    """What a driver says of these answers."""
    return {"broken": broken, "statuses": {status: {"count": count} for status, count in statuses.items()}}


class Shown(unittest.TestCase):
    """A profile of failures is worth less than none."""

    def test_good_answers_are_good(self):
        training.check("poll", answered({"200": 9}))
        training.check("rejected", answered({"400": 9}))

    def test_anything_else_ends_the_training(self):
        for name, sample in [
            ("poll", answered({"200": 9, "503": 1})),
            ("poll", answered({})),
            ("rejected", answered({"200": 9})),
            ("create", answered({"200": 9}, broken=1)),
        ]:
            with self.subTest(name, sample=sample), self.assertRaisesRegex(RuntimeError, name):
                training.check(name, sample)


class Tools(unittest.TestCase):
    """Counts are joined by a tool of the compiler's own version."""

    def compiler(self, root: Path) -> dict[str, str]:
        """One that nobody has packaged anything for."""
        return {"root": str(root), "host": "some-host", "LLVM version": "999.1.2"}

    def test_the_compilers_own_is_taken(self):
        with tempfile.TemporaryDirectory() as root:
            tool = Path(root, "lib", "rustlib", "some-host", "bin", "llvm-profdata")
            tool.parent.mkdir(parents=True)
            tool.touch()
            self.assertEqual(training.llvm_profdata(self.compiler(Path(root))), tool)

    def test_one_that_is_missing_is_asked_for(self):
        with self.assertRaisesRegex(RuntimeError, "rustup component add llvm-tools, or Debian's llvm-999"):
            training.llvm_profdata(self.compiler(Path("/nowhere")))
