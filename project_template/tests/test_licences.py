"""The dataflow is made of plain functions, so its tests are plain too."""

from pathlib import Path

import licences
import pandas as pd
import pytest


def install(folder: Path, name: str, metadata: str, size: int = 0) -> None:
    """Put a package into *folder* as an installer would: its metadata and one file."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{metadata}")
    (folder / f"{name}.py").write_bytes(b"#" * size)
    (info / "RECORD").write_text(f"{name}.py,,\nremoved_since.py,,\n")


def packages_in(folder: Path) -> pd.DataFrame:
    return licences.packages(licences.distributions(str(folder)))


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: Apache-2.0\nLicense: see the web\n", "Apache-2.0"),
        ("License: see the web\nClassifier: License :: OSI Approved :: MIT License\n", "MIT License"),
        ("License: BSD\n    and a long text after it\n", "BSD"),
        ("", "unknown"),
    ],
)
def test_the_licence_comes_from_the_most_exact_field(tmp_path: Path, metadata: str, licence: str) -> None:
    install(tmp_path, "alpha", metadata)

    assert packages_in(tmp_path)["licence"].tolist() == [licence]


@pytest.mark.parametrize(
    ("licence", "family"),
    [
        ("MIT License", "MIT"),
        ("BSD-3-Clause", "BSD"),
        ("Apache-2.0 OR MIT", "Apache"),
        ("MIT AND GPL-3.0-or-later", "GPL"),
        ("GNU Lesser General Public License v3 (LGPLv3)", "LGPL"),
        ("unknown", "Unknown"),
        ("Beerware", "Other"),
    ],
)
def test_a_licence_belongs_to_its_most_demanding_family(licence: str, family: str) -> None:
    packages = pd.DataFrame({"licence": [licence]})

    assert licences.families(packages).tolist() == [family]


def test_the_size_counts_the_files_that_are_still_there(tmp_path: Path) -> None:
    install(tmp_path, "alpha", "", size=1234)

    assert packages_in(tmp_path)["bytes"].tolist() == [1234]


def test_a_package_is_required_by_those_that_always_need_it(tmp_path: Path) -> None:
    install(tmp_path, "Base_Lib", "")
    install(tmp_path, "one", "Requires-Dist: base-lib>=1\n")
    install(tmp_path, "two", "Requires-Dist: base.lib[fast] (>=1)\nRequires-Dist: one; extra == 'all'\n")
    distributions = licences.distributions(str(tmp_path))
    packages = licences.packages(distributions)

    counts = licences.required_by(packages, licences.requirements(distributions))

    assert dict(zip(packages["name"], counts, strict=True)) == {"Base_Lib": 2, "one": 0, "two": 0}


def test_the_summary_of_this_machine_names_the_largest_package_and_the_time() -> None:
    distributions = licences.distributions()
    packages = licences.packages(distributions)
    required_by = licences.required_by(packages, licences.requirements(distributions))
    report = licences.report(packages, licences.families(packages), required_by)

    text = licences.summary(report, licences.family_totals(report), as_of="2026-11-22 02:00", largest=3)

    assert text.startswith(f"{len(distributions)} Python packages")
    assert "2026-11-22 02:00" in text
    assert report["name"][0] in text
