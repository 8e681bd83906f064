orders = lambda path: [path]  # flowerpower: ignore FP328
