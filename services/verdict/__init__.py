"""Evaluation of a set: machine, meaning, position, links, in words for the person who exported it."""
