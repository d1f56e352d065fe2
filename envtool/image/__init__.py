"""ImageSpec → ImageLock → BuildContext → BuiltImage → Report: makes the images, and proves them."""
