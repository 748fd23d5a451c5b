"""From the files of a data set, whatever their layout, to checked records."""
