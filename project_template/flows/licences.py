"""The licences of the Python packages installed on this machine, as a Hamilton dataflow.

Every public function is a node: its name is what it makes, its parameters are what it is made from.
Parameters that no function makes (`as_of`, `largest`, `search_path`) are inputs, given by the pipeline's YAML.
"""

import re
from importlib.metadata import Distribution
from importlib.metadata import distributions as find_distributions
from pathlib import Path

import pandas as pd

# The first family that fits wins, so the most demanding comes first: "MIT AND GPL-3.0" counts as GPL.
FAMILIES = {
    "AGPL": r"\bAGPL|\bAffero\b",
    "LGPL": r"\bLGPL|\bLesser General Public\b",
    "GPL": r"\bGPL|\bGeneral Public\b",
    "MPL": r"\bMPL|\bMozilla\b",
    "Apache": r"\bApache\b",
    "BSD": r"BSD\b",
    "MIT": r"\bMIT\b",
    "Python": r"\bPSF|\bPython\b",
    "ISC": r"\bISC\b",
    "Public domain": r"\bUnlicense\b|\bpublic domain\b|\bCC0\b",
}
MEGABYTE = 1_000_000


def distributions(search_path: str = "") -> list[Distribution]:
    """The installed distributions: of this Python, or of the folder *search_path*."""
    found = find_distributions(path=[search_path]) if search_path else find_distributions()
    by_name: dict[str, Distribution] = {}
    for distribution in found:
        name = _name(distribution)
        if name:  # a half-removed package has none
            by_name.setdefault(_normalised(name), distribution)  # Python itself imports the first it finds
    return [by_name[name] for name in sorted(by_name)]


def packages(distributions: list[Distribution]) -> pd.DataFrame:
    """One row per package: name, version, licence as its author wrote it, size on disk in bytes."""
    rows = [
        (_name(distribution), distribution.version, _licence(distribution), _size(distribution))
        for distribution in distributions
    ]
    return pd.DataFrame(rows, columns=["name", "version", "licence", "bytes"])


def requirements(distributions: list[Distribution]) -> pd.DataFrame:
    """One row per requirement that is always needed: the package, and what it requires."""
    rows = [
        (_name(distribution), _normalised(needed))
        for distribution in distributions
        for needed in _needed_names(distribution)
    ]
    return pd.DataFrame(rows, columns=["name", "requires"]).drop_duplicates(ignore_index=True)


def families(packages: pd.DataFrame) -> pd.Series:
    """The licence family of each package."""
    return packages["licence"].map(_family).rename("family")


def required_by(packages: pd.DataFrame, requirements: pd.DataFrame) -> pd.Series:
    """How many installed packages require each package."""
    counts = requirements["requires"].value_counts()
    return packages["name"].map(_normalised).map(counts).fillna(0).astype("int64").rename("required_by")


def report(packages: pd.DataFrame, families: pd.Series, required_by: pd.Series) -> pd.DataFrame:
    """Everything known about each package, the largest first."""
    columns = pd.concat([packages, families, required_by], axis="columns")
    return columns.sort_values(["bytes", "name"], ascending=[False, True], ignore_index=True)


def family_totals(report: pd.DataFrame) -> pd.DataFrame:
    """Count and size of each licence family, the most frequent first."""
    totals = report.groupby("family").agg(packages=("name", "size"), bytes=("bytes", "sum")).reset_index()
    return totals.sort_values(["packages", "family"], ascending=[False, True], ignore_index=True)


def summary(report: pd.DataFrame, family_totals: pd.DataFrame, as_of: str, largest: int = 10) -> str:
    """The report for people to read: licence families, the largest packages, the most required ones."""
    title = f"{len(report)} Python packages, {_megabytes(report['bytes'].sum())} MB, {as_of}"
    family_lines = [
        f"{row.family:<15}{row.packages:>9}{_megabytes(row.bytes):>10}" for row in family_totals.itertuples()
    ]
    largest_lines = [
        f"{row.name:<30}{row.version:>16}{_megabytes(row.bytes):>10}" for row in report.head(largest).itertuples()
    ]
    required = report[report["required_by"] > 0].nlargest(largest, "required_by")
    required_lines = [f"{row.name:<30}{row.required_by:>9}" for row in required.itertuples()]
    unclear = report.loc[report["family"].isin(["Unknown", "Other"]), ["name", "licence"]]
    unclear_lines = [f"{row.name:<30}{row.licence}" for row in unclear.sort_values("name").itertuples()]
    sections = [
        [title],
        [f"{'Licence':<15}{'packages':>9}{'MB':>10}", *family_lines],
        [f"{'Largest':<30}{'version':>16}{'MB':>10}", *largest_lines],
        [f"{'Most required':<30}{'by':>9}", *required_lines],
        ["Look at these licences yourself", *(unclear_lines or ["none"])],
    ]
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


# A leading underscore keeps a function out of the dataflow.


def _field(distribution: Distribution, field: str) -> str:
    metadata = distribution.metadata
    return str(metadata[field]) if field in metadata else ""


def _name(distribution: Distribution) -> str:
    return _field(distribution, "Name")


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(distribution: Distribution) -> str:
    """Return the licence expression, else what the classifiers say, else the first line of the free text."""
    classifiers = [str(line) for line in distribution.metadata.get_all("Classifier") or []]
    named = [line.rsplit(" :: ", 1)[-1] for line in classifiers if line.startswith("License :: ")]
    free_text = _field(distribution, "License").strip().splitlines()
    first_line = free_text[0][:60] if free_text else "unknown"
    return _field(distribution, "License-Expression") or ", ".join(named) or first_line


def _family(licence: str) -> str:
    if licence.lower() in {"unknown", "osi approved"}:
        return "Unknown"
    fitting = (family for family, pattern in FAMILIES.items() if re.search(pattern, licence, re.IGNORECASE))
    return next(fitting, "Other")


def _size(distribution: Distribution) -> int:
    """Return the bytes of the files that the package installed and that are still there."""
    paths = (Path(str(file.locate())) for file in distribution.files or [])
    return sum(path.stat().st_size for path in paths if path.is_file())


def _needed_names(distribution: Distribution) -> list[str]:
    always = [text for text in distribution.requires or [] if not re.search(r"\bextra\s*==", text)]
    return [found[0] for text in always if (found := re.match(r"[\w.-]+", text))]


def _megabytes(size: float) -> str:
    return f"{size / MEGABYTE:,.1f}"
