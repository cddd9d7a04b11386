"""Domain logic: reading, checking, anonymizing, proving and publishing sets. Knows neither queue nor watcher."""
