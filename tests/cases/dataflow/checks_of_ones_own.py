"""The name of a check of one's own is in its class."""

from hamilton.data_quality.default_validators import DataInRangeValidatorPrimitives
from hamilton.function_modifiers import check_output_custom


@check_output_custom(DataInRangeValidatorPrimitives(range=(0, 1), importance="fail"))
def share(total: float) -> float:
    return total
