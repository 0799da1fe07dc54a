"""What the clients expect is told like what tests expect."""

import pytest

pytest.register_assert_rewrite("clients", "prometheus")
