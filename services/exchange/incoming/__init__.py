"""An incoming delivery: opened, checked set by set, and published here."""
