"""`make bench`: ratios against peers, each pair measured in the same run, in turn."""
