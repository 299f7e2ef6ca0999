from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from llm_core.support.numeric import as_real, as_whole


@pytest.mark.parametrize("given", [3, np.int64(3), np.uint8(3)])
def test_a_whole_number_of_any_type_is_pythons_own(given):
    assert as_whole(given) == 3 and type(as_whole(given)) is int


@pytest.mark.parametrize("given", [True, np.True_, 3.0, "3", None, Fraction(6, 2), [3], 3j])
def test_what_is_no_whole_number_is_none(given):
    assert as_whole(given) is None


@pytest.mark.parametrize("given", [0.5, np.float32(0.5), Fraction(1, 2)])
def test_a_real_number_of_any_type_is_pythons_own(given):
    assert as_real(given) == 0.5 and type(as_real(given)) is float


@pytest.mark.parametrize("given", [True, np.True_, "0.5", None, Decimal("0.5"), 10**400, [0.5], 0.5j])
def test_what_is_no_real_number_is_none_and_so_is_one_that_no_float_can_be(given):
    assert as_real(given) is None
