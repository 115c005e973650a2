"""Files that cannot be read: each is named with its column and the cause, and nothing panics."""

import base64
import struct

import pyarrow
import pyarrow.parquet
import pyarrow.parquet.encryption

from lake import LAST_DAY, Lake, MONEY, ORDERS, ORDER_SCHEMA, of_day, table

FILE = f"dt={LAST_DAY}/part-0.parquet"


def _delivered(lake: Lake, **options) -> "pyarrow.Table":
    """The common rows; the orders of the last day are the caller's."""
    lake.deliver("orders", **options)
    lake.deliver("engagement")
    return table(of_day(ORDERS, LAST_DAY), ORDER_SCHEMA)


def _change(lake: Lake, change) -> None:
    """Changes the bytes of the orders of the last day."""
    path = lake.partition("orders", LAST_DAY) / "part-0.parquet"
    path.write_bytes(change(bytearray(path.read_bytes())))


def _encrypted(lake: Lake, has_plain_footer: bool) -> None:
    class Keys(pyarrow.parquet.encryption.KmsClient):
        def __init__(self, _config):
            super().__init__()

        def wrap_key(self, key, _name):
            return base64.b64encode(key)

        def unwrap_key(self, key, _name):
            return base64.b64decode(key)

    rows = _delivered(lake)
    factory = pyarrow.parquet.encryption.CryptoFactory(Keys)
    connection = pyarrow.parquet.encryption.KmsConnectionConfig()
    keys = pyarrow.parquet.encryption.EncryptionConfiguration(
        footer_key="footer", column_keys={"money": ["amount"]}, plaintext_footer=has_plain_footer)
    properties = factory.file_encryption_properties(connection, keys)
    path = lake.partition("orders", LAST_DAY) / "part-0.parquet"
    with pyarrow.parquet.ParquetWriter(path, rows.schema, encryption_properties=properties) as file:
        file.write_table(rows)


def case_encrypted_footer(lake: Lake) -> None:
    _encrypted(lake, has_plain_footer=False)
    lake.night().refused(3, FILE, "source `orders`", "encrypted")


def case_encrypted_column(lake: Lake) -> None:
    _encrypted(lake, has_plain_footer=True)
    lake.night().refused(3, FILE, "source `orders`", "column `amount`", "encrypted")


def case_lzo(lake: Lake) -> None:
    """Old Hadoop compressed with LZO, whose licence keeps it out of readers."""
    _delivered(lake, compression="snappy")

    def as_lzo(content: bytearray) -> bytearray:
        # The path of the column in its metadata, then the codec: snappy is 1, LZO is 3.
        name = b"\x19\x18\x06amount\x15"
        assert content.count(name + b"\x02") == 1
        return content.replace(name + b"\x02", name + b"\x06")

    _change(lake, as_lzo)
    lake.night().refused(3, FILE, "source `orders`", "column `amount`", "LZO")


def case_latin_1_in_a_text(lake: Lake) -> None:
    """Some writers put bytes into a text column as they came."""
    rows = _delivered(lake)
    texts = [b"paid"] * (rows.num_rows - 1) + [b"bezahlt \xfcber Konto"]
    offsets = [sum(map(len, texts[:index])) for index in range(len(texts) + 1)]
    column = pyarrow.StringArray.from_buffers(
        len(texts), pyarrow.py_buffer(struct.pack(f"<{len(offsets)}i", *offsets)),
        pyarrow.py_buffer(b"".join(texts)))
    rows = rows.set_column(rows.schema.get_field_index("status"), "status", column)
    pyarrow.parquet.write_table(rows, lake.partition("orders", LAST_DAY) / "part-0.parquet")
    lake.night().refused(3, FILE, "source `orders`", "column `status`", "UTF-8")


def _of_column(lake: Lake, name: str) -> tuple[int, int]:
    """Where the pages of a column begin in the orders of the last day, and how long they are."""
    path = lake.partition("orders", LAST_DAY) / "part-0.parquet"
    group = pyarrow.parquet.read_metadata(path).row_group(0)
    columns = [group.column(index) for index in range(group.num_columns)]
    column = next(column for column in columns if column.path_in_schema == name)
    start = column.dictionary_page_offset or column.data_page_offset
    return start, column.total_compressed_size


def case_pages_of_zeros(lake: Lake) -> None:
    _delivered(lake)
    start, length = _of_column(lake, "amount")

    def emptied(content: bytearray) -> bytearray:
        content[start + length // 2:start + length] = bytes(length - length // 2)
        return content

    _change(lake, emptied)
    lake.night().refused(3, FILE, "source `orders`", "column `amount`")


def case_wrong_page_header(lake: Lake) -> None:
    _delivered(lake)
    start, _ = _of_column(lake, "user_id")

    def turned(content: bytearray) -> bytearray:
        content[start:start + 4] = b"\xff\xff\xff\xff"
        return content

    _change(lake, turned)
    lake.night().refused(3, FILE, "source `orders`", "column `user_id`")


def case_one_day_of_users_with_ids_of_another_type(lake: Lake) -> None:
    """Of many files, the one that is odd is named, and not the first."""
    _delivered(lake)
    for number in range(1, 6):
        lake.deliver("orders", [LAST_DAY], rows=[], name=f"part-{number}.parquet")
    schema = ORDER_SCHEMA.set(ORDER_SCHEMA.get_field_index("user_id"), pyarrow.field("user_id", MONEY))
    lake.deliver("orders", [LAST_DAY], name="part-6.parquet", schema=schema)
    lake.night().refused(3, "part-6.parquet", "user_id")
