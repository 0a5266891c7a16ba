"""Results of profile ``pipe-gb18030``, bank to hub (contract section 4)."""

from connectors.formats import bank_result
from connectors.formats.pipe_gb18030 import PROFILE

read_columns = PROFILE.results.read_columns
read_lines = PROFILE.results.read_lines


class ResultName(bank_result.ResultName):
    """The parts of such a result's file name."""

    @classmethod
    def parse(cls, name: str) -> "bank_result.ResultName | None":
        return PROFILE.results.name_of(name)
