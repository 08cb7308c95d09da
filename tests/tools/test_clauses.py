"""Protects the clauses of audiences: JSON in and out, errors that name the clause and quote the value, bounds before recursion.
Run: pytest tests/tools/test_clauses.py"""

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from tools import BadClause, Clause, parse_clause
from tools.clauses import MAX_CLAUSES, MAX_DEPTH, And, InterestClause, Not, TraitClause, in_words, leaves

DOG = {"kind": "interest", "topic": "Dog food", "at_least": 0.3}
TREE = {
    "kind": "and",
    "clauses": [
        DOG,
        {"kind": "not", "clause": {"kind": "behaviour", "event": "purchase", "topic": "Cat food", "times": 2, "days": 90}},
        {"kind": "or", "clauses": [{"kind": "trait", "name": "price sensitivity", "low": 50}, {"kind": "segment", "name": "s1"}]},
    ],
}


def nested(depth: int) -> dict[str, Any]:
    clause: dict[str, Any] = DOG
    for _ in range(depth - 1):
        clause = {"kind": "not", "clause": clause}
    return clause


def test_a_tree_comes_back_from_json_as_it_was() -> None:
    clause = parse_clause(TREE)
    text = TypeAdapter(Clause).dump_json(clause)
    assert parse_clause(json.loads(text)) == clause
    assert [path for path, _, _ in leaves(clause)] == [
        "$.clauses[0]",
        "$.clauses[1].clause",
        "$.clauses[2].clauses[0]",
        "$.clauses[2].clauses[1]",
    ]
    assert [wanted for _, _, wanted in leaves(clause)] == [True, False, True, True]
    assert in_words(clause).startswith("(strength on Dog food at least 30%) and (not (purchase of Cat food at least 2 times")


@pytest.mark.parametrize(
    ("raw", "path", "quoted"),
    [
        ({"kind": "and", "clauses": [DOG, {**DOG, "at_least": 1.5}]}, "$.clauses[1].at_least: ", "'1.5'"),
        ({"kind": "not", "clause": {**DOG, "at_least": float("nan")}}, "$.clause.at_least: ", "'nan'"),
        ({"kind": "horoscope", "sign": "♌"}, "$: ", "horoscope"),
        ({"topic": "Dog food"}, "$: ", "Dog food"),
        ("dog food", "$: ", "'dog food'"),
        ({**DOG, "topic": " "}, "$.topic: ", "' '"),
        ({**DOG, "topic": "x" * 201}, "$.topic: ", "200"),
        ({**DOG, "weight": 3}, "$.weight: ", "'3'"),
        ({"kind": "and", "clauses": []}, "$.clauses: ", "'[]'"),
        ({"kind": "behaviour", "event": "teleport", "days": 3}, "$.event: ", "'teleport'"),
        ({"kind": "behaviour", "event": "view", "days": 0}, "$.days: ", "'0'"),
        ({"kind": "trait", "name": "luck"}, "$.name: ", "'luck'"),
        (
            {"kind": "or", "clauses": [{"kind": "trait", "name": "brand loyalty", "low": 60, "high": 40}]},
            "$.clauses[0]: ",
            "60.0",
        ),
    ],
)
def test_a_bad_clause_is_refused_naming_its_path_and_value(raw: Any, path: str, quoted: str) -> None:
    with pytest.raises(BadClause) as refused:
        parse_clause(raw)
    assert str(refused.value).startswith(path)
    assert quoted in str(refused.value)


def test_trees_are_bounded_before_they_are_walked() -> None:
    assert parse_clause(nested(MAX_DEPTH))
    with pytest.raises(BadClause, match=f"at most {MAX_DEPTH}"):
        parse_clause(nested(5000))
    assert parse_clause({"kind": "or", "clauses": [DOG] * (MAX_CLAUSES - 1)})
    with pytest.raises(BadClause, match=f"at most {MAX_CLAUSES}"):
        parse_clause({"kind": "or", "clauses": [DOG] * MAX_CLAUSES})


def test_clauses_built_in_python_are_bounded_too() -> None:
    clause: Any = TraitClause(name="brand loyalty", low=50)
    for _ in range(MAX_DEPTH):
        clause = Not(clause=clause)
    with pytest.raises(BadClause, match="deep"):
        parse_clause(clause)
    with pytest.raises(BadClause, match="clauses or more"):
        parse_clause(And(clauses=[InterestClause(topic="Tea")] * MAX_CLAUSES))
