"""ImageSpec → ImageLock → build context → BuiltImage → Report: makes the images, and proves them."""
