"""Who negotiates well: negotiators, opponents and scenarios crossed, compared, and put into tables."""
