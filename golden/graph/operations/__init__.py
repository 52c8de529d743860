"""The operations that a network is made of: one file each, and the list of them (`registry`)."""
