"""The lists have one content in three forms, and a family alone can be asked for."""

import csv
import io
import json
import re

import pytest

LISTS = ("studies", "datasets", "models", "tasks")


@pytest.mark.parametrize("name", LISTS)
def test_json_csv_and_the_table_have_the_same_rows(command, name):
    rows = json.loads(command(name, "--json")[1])
    written = list(csv.DictReader(io.StringIO(command(name, "--csv")[1])))
    texts = [
        {
            key: ", ".join(value) if isinstance(value, list) else "" if value is None else str(value)
            for key, value in row.items()
        }
        for row in rows
    ]
    assert written == texts
    table = command(name)[1]
    header, *lines = table.splitlines()
    assert re.split(r"  +", header.strip()) == [key.replace("_", " ") for key in rows[0]]
    first = [line.split()[0] for line in lines if line[:1].strip()]
    assert first[: len(rows)] == [row["name"] for row in rows]


def test_numbers_lists_and_missing_values_keep_their_types(command):
    wine = next(row for row in json.loads(command("datasets", "--json")[1]) if row["name"] == "wine")
    assert (wine["rows"], wine["edges"]) == (178, None)
    smoke = next(row for row in json.loads(command("studies", "--json")[1]) if row["name"] == "smoke")
    assert smoke["datasets"] == ["karate", "wine"]


@pytest.mark.parametrize(("name", "asked"), [("models", "gae"), ("models", "ae, control"), ("datasets", "image")])
def test_a_family_is_a_part_of_the_list(command, name, asked):
    whole = json.loads(command(name, "--json")[1])
    part = json.loads(command(name, "--json", "--family", asked)[1])
    families = asked.split(", ")
    assert part == [row for row in whole if row["family"] in families]
    assert 0 < len(part) < len(whole)
