"""Any CSV, Parquet or JSON Lines log, with a mapping of its columns to those of an event. Streams in batches."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl
from pydantic import BaseModel, ConfigDict

from behavior.store import EVENT_SCHEMA

BATCH = 100_000


class Mapping(BaseModel):
    """Which column holds what: `columns` maps an event's field to a column of the file, `types` the file's words to event types.

    Without an `event_id` column the id is made of the source's name and a hash of the row, so that reading a file twice
    stores it once. `time_format` is polars' (chrono's); times without a zone are taken as UTC.
    """

    model_config = ConfigDict(extra="forbid")

    source: str
    columns: dict[str, str]
    types: dict[str, str] = {}
    default_type: str | None = None
    time_format: str | None = None

    @classmethod
    def read(cls, path: Path) -> "Mapping":
        """A mapping from a JSON file. Raises ValueError naming the file and the field."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise ValueError(f"the mapping {str(path)!r} cannot be used: {error}") from error


REES46 = Mapping(
    source="rees46",
    columns={
        "user_id": "user_id",
        "item_id": "product_id",
        "type": "event_type",
        "ts": "event_time",
        "price": "price",
        "session_id": "user_session",
    },
    types={"cart": "cart_add", "remove_from_cart": "cart_remove"},
    time_format="%Y-%m-%d %H:%M:%S UTC",
)
"""The log format of REES46 (the multi-category store of Kaggle)."""


def event_batches(path: Path, mapping: Mapping) -> Iterator[pl.DataFrame]:
    """The rows of a file as event frames, `BATCH` rows at a time.

    Raises ValueError naming the file (and the row reached) when it is missing, cut off or not in the expected encoding;
    what was yielded before stays good.
    """
    read = 0
    try:
        for frame in _open(path).collect_batches(chunk_size=BATCH, maintain_order=True):
            yield _mapped(frame, mapping, path)
            read += len(frame)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{str(path)!r} cannot be read past row {read}: {str(error).splitlines()[0]}") from error


def _open(path: Path) -> pl.LazyFrame:
    if not path.is_file():
        raise ValueError(f"{str(path)!r} is no file")
    match path.suffix.lower():
        case ".csv" | ".tsv":
            return pl.scan_csv(path, separator="\t" if path.suffix.lower() == ".tsv" else ",", infer_schema=False)
        case ".parquet":
            return pl.scan_parquet(path)
        case ".jsonl" | ".ndjson":
            return pl.scan_ndjson(path, infer_schema_length=None)
        case other:
            raise ValueError(f"{str(path)!r} ends in {other!r}: use .csv, .tsv, .parquet or .jsonl")


def _mapped(frame: pl.DataFrame, mapping: Mapping, path: Path) -> pl.DataFrame:
    absent = sorted(set(mapping.columns.values()) - set(frame.columns))
    if absent:
        raise ValueError(f"{str(path)!r} has no columns {absent}, it has {frame.columns}")
    unknown = sorted(set(mapping.columns) - set(EVENT_SCHEMA))
    if unknown:
        raise ValueError(f"the mapping names {unknown}, an event has {list(EVENT_SCHEMA)}")
    out = frame.select(_column(name, frame.schema[column], column, mapping) for name, column in mapping.columns.items())
    if "type" not in out.columns and mapping.default_type:
        out = out.with_columns(type=pl.lit(mapping.default_type))
    if "event_id" not in out.columns:
        key = pl.struct(pl.all().cast(pl.String)).struct.json_encode()
        digest = key.map_elements(_digest, return_dtype=pl.String)
        copy = pl.int_range(pl.len()).over(digest)
        out = out.with_columns(event_id=pl.format(f"{mapping.source}-{{}}-{{}}", digest, copy))
    return out


def _digest(row: str) -> str:
    return hashlib.blake2b(row.encode(), digest_size=10).hexdigest()


def _column(name: str, kind: pl.DataType, column: str, mapping: Mapping) -> pl.Expr:
    value = pl.col(column)
    if name == "ts":
        if kind == pl.String:
            value = value.str.to_datetime(
                mapping.time_format, strict=False, time_unit="us", time_zone=None if mapping.time_format else "UTC"
            )
        if not (isinstance(kind, pl.Datetime) and kind.time_zone):
            return value.cast(pl.Datetime("us")).dt.replace_time_zone("UTC").alias(name)
        return value.dt.convert_time_zone("UTC").cast(EVENT_SCHEMA["ts"]).alias(name)
    if name == "type":
        return value.cast(pl.String).replace(mapping.types).alias(name)
    if name == "attributes" and kind != pl.String:
        return value.struct.json_encode().alias(name)
    return value.cast(EVENT_SCHEMA[name], strict=False).alias(name)
