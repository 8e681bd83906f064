import platform

if platform.system() == "Linux":

    def orders(path: str) -> list:  # flowerpower: ignore FP328 checked with --import in the pipeline's own CI
        return [path]
