"""Which of the objects in a folder make up its sets, and which belong to none."""
