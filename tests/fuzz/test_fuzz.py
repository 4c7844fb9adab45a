"""Nothing that a stranger sends makes a parser fail otherwise than it promises.

The same inputs at every run (`derandomize`), so that CI fails for what was changed and for nothing
else; `tests/fuzz/by_hand.py` looks for new ones.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.inputs import inputs
from tests.fuzz.targets import TARGETS, corpus

EXAMPLES = 60
"""For each target; all of them take about half a minute."""


@pytest.mark.parametrize("name", TARGETS)
@settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_no_input_breaks_a_promise(name: str, data: st.DataObject) -> None:
    seeds = [path.read_bytes() for path in corpus(name)]

    TARGETS[name](data.draw(inputs(seeds)))
