"""A page on which one compares pictures coded in several ways, at the same bytes."""
