"""Reports as one HTML file each: no network, readable at once, by keyboard and screen reader, and on paper."""
