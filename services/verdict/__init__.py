"""What stands for and against a set: machine, meaning, place, links, in words for who exported it."""
