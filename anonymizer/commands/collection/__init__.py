"""Commands on a collection as a whole: its form, state and reports."""
