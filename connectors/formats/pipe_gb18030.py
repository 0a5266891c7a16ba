"""The bank file profile of the contract, ``pipe-gb18030`` (sections 3 and 4); all of it stands in its profile file."""

from typing import Final

from connectors.formats.line_profile import LineProfile, line_profiles

PROFILE: Final[LineProfile] = next(profile for profile in line_profiles() if profile.name == "pipe-gb18030")
