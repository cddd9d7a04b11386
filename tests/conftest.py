"""What holds for all tests."""

from hypothesis import settings

# A slow machine is no fault of the code: pytest's own timeout bounds every test.
settings.register_profile("without deadline", deadline=None)
settings.load_profile("without deadline")
