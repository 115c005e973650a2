//! Types as SQL calls them: the engine has names of its own, which nobody can write.
//!
//! | engine | SQL |
//! |---|---|
//! | `Int64`, `UInt64` | `BIGINT`, `BIGINT UNSIGNED` |
//! | `Utf8`, `Utf8View`, `LargeUtf8`, dictionaries of them | `VARCHAR` |
//! | `Binary` and its kin | `VARBINARY` |
//! | `Timestamp(µs, "UTC")` | `TIMESTAMP WITH TIME ZONE` |
//! | `Decimal128(18, 2)` | `DECIMAL(18, 2)` |
//! | `List(Int64)` | `BIGINT[]` |

use datafusion::arrow::datatypes::DataType;

/// A type as SQL calls it.
pub fn sql_type(data_type: &DataType) -> String {
    use DataType as Type;
    let name = match data_type {
        Type::Null => "NULL",
        Type::Boolean => "BOOLEAN",
        Type::Int8 => "TINYINT",
        Type::Int16 => "SMALLINT",
        Type::Int32 => "INT",
        Type::Int64 => "BIGINT",
        Type::UInt8 => "TINYINT UNSIGNED",
        Type::UInt16 => "SMALLINT UNSIGNED",
        Type::UInt32 => "INT UNSIGNED",
        Type::UInt64 => "BIGINT UNSIGNED",
        Type::Float16 | Type::Float32 => "FLOAT",
        Type::Float64 => "DOUBLE",
        Type::Date32 | Type::Date64 => "DATE",
        Type::Time32(_) | Type::Time64(_) => "TIME",
        Type::Timestamp(_, None) => "TIMESTAMP",
        Type::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE",
        Type::Duration(_) | Type::Interval(_) => "INTERVAL",
        Type::Utf8 | Type::LargeUtf8 | Type::Utf8View => "VARCHAR",
        Type::Binary | Type::LargeBinary | Type::BinaryView | Type::FixedSizeBinary(_) => {
            "VARBINARY"
        }
        Type::Struct(_) => "STRUCT",
        Type::Map(..) => "MAP",
        Type::Union(..) => "UNION",
        Type::Decimal32(precision, scale)
        | Type::Decimal64(precision, scale)
        | Type::Decimal128(precision, scale)
        | Type::Decimal256(precision, scale) => return format!("DECIMAL({precision}, {scale})"),
        Type::List(of)
        | Type::LargeList(of)
        | Type::ListView(of)
        | Type::LargeListView(of)
        | Type::FixedSizeList(of, _) => return format!("{}[]", sql_type(of.data_type())),
        Type::Dictionary(_, of) => return sql_type(of),
        Type::RunEndEncoded(_, of) => return sql_type(of.data_type()),
    };
    name.to_owned()
}

/// A text of the engine with its names of types as SQL has them.
pub fn with_sql_types(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(is_of_word) {
        told.push_str(&rest[..start]);
        rest = &rest[start..];
        let (word, after) = rest.split_at(rest.find(|c| !is_of_word(c)).unwrap_or(rest.len()));
        let (name, after) = named(word, after).unwrap_or_else(|| (word.to_owned(), after));
        told.push_str(&name);
        rest = after;
    }
    told.push_str(rest);
    told
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// What a word with what is in parentheses behind it is in SQL, and the text after both.
fn named<'a>(word: &str, after: &'a str) -> Option<(String, &'a str)> {
    let plain = |name: &str| Some((name.to_owned(), after));
    match word {
        "Null" => plain("NULL"),
        "Boolean" => plain("BOOLEAN"),
        "Int8" => plain("TINYINT"),
        "Int16" => plain("SMALLINT"),
        "Int32" => plain("INT"),
        "Int64" => plain("BIGINT"),
        "UInt8" => plain("TINYINT UNSIGNED"),
        "UInt16" => plain("SMALLINT UNSIGNED"),
        "UInt32" => plain("INT UNSIGNED"),
        "UInt64" => plain("BIGINT UNSIGNED"),
        "Float16" | "Float32" => plain("FLOAT"),
        "Float64" => plain("DOUBLE"),
        "Date32" | "Date64" => plain("DATE"),
        "Utf8" | "LargeUtf8" | "Utf8View" => plain("VARCHAR"),
        "LargeBinary" | "BinaryView" => plain("VARBINARY"),
        "Binary" if !after.starts_with(" operator") && !after.starts_with(" expression") => {
            plain("VARBINARY")
        }
        "Decimal32" | "Decimal64" | "Decimal128" | "Decimal256" => plain("DECIMAL"),
        _ => with_inner(word, after),
    }
}

fn with_inner<'a>(word: &str, after: &'a str) -> Option<(String, &'a str)> {
    let (inner, after) = in_parentheses(after)?;
    let first = || inner.split(", ").next().unwrap_or_default();
    let name = match word {
        "Timestamp" if inner.contains(['"', '+']) => "TIMESTAMP WITH TIME ZONE".to_owned(),
        "Timestamp" => "TIMESTAMP".to_owned(),
        "Time32" | "Time64" => "TIME".to_owned(),
        "Duration" | "Interval" => "INTERVAL".to_owned(),
        "FixedSizeBinary" => "VARBINARY".to_owned(),
        "List" | "LargeList" => format!("{}[]", with_sql_types(first())),
        "Struct" => "STRUCT".to_owned(),
        "Map" => "MAP".to_owned(),
        "Dictionary" => with_sql_types(inner.split_once(", ")?.1),
        _ => return None,
    };
    Some((name, after))
}

/// The text in the parentheses that a text begins with, and the text behind them.
fn in_parentheses(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('(')?;
    let mut open = 1_u32;
    for (place, character) in inner.char_indices() {
        match character {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((&inner[..place], &inner[place + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::datatypes::{Field, TimeUnit};

    use super::*;

    /// Both ways to SQL's names agree.
    #[test]
    fn types_and_texts_that_name_them_read_alike() {
        let list = Arc::new(Field::new_list_field(DataType::Int64, true));
        let texts = Box::new(DataType::Utf8);
        for data_type in [
            DataType::Int64,
            DataType::UInt8,
            DataType::Utf8View,
            DataType::BinaryView,
            DataType::FixedSizeBinary(16),
            DataType::Float32,
            DataType::Null,
            DataType::Date32,
            DataType::Time64(TimeUnit::Microsecond),
            DataType::Timestamp(TimeUnit::Nanosecond, None),
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
            DataType::Decimal128(18, 2),
            DataType::List(list),
            DataType::Dictionary(Box::new(DataType::Int32), texts),
        ] {
            let named = sql_type(&data_type);
            assert_eq!(with_sql_types(&data_type.to_string()), named);
            assert_eq!(named, named.to_uppercase());
        }
    }

    #[test]
    fn other_words_stay() {
        assert_eq!(
            with_sql_types("sum(Utf8View), no Int64s for `my_Int64`; Binary operator of Timestamp"),
            "sum(VARCHAR), no Int64s for `my_Int64`; Binary operator of Timestamp"
        );
    }
}
