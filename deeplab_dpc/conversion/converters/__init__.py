"""The layouts and labels of the usual data sets, and of one's own folders."""
