"""The domain: what a set is, what is removed from it, how it is proven and published. Knows no queue and no watcher."""
