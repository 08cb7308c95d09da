"""What goes together in a basket: counts, rules, what is missing, what a trip is for, bundles."""
