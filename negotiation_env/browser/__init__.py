"""A game in the browser: seats for people, a place to watch from, and studies with people.

A server on this machine alone holds the game; pages ask it for what they show, so that a reload, or a second tab, shows
all of it again. Each page has an address of its own with a token in it, and gets what its seat may know, no more.
"""
