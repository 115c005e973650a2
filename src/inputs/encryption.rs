//! Whether a Parquet file is encrypted, which a reader without keys takes for damage.
//!
//! | in the file | |
//! |---|---|
//! | ends with `PARE` | the footer is encrypted, and all columns are |
//! | ends with `PAR1`, and field 8 of the footer's struct is there | some columns are |
//!
//! The footer is Thrift in its compact form, of which only as much is read as it takes to step over
//! the fields before the eighth.

/// `encryption_algorithm` of `FileMetaData`.
const ENCRYPTION_ALGORITHM: i64 = 8;

/// How deep structs and lists may lie in one another: footers need five.
const DEEPEST: usize = 16;

/// Whether the footer or a column of a file is encrypted.
pub(super) fn is_encrypted(file: &[u8]) -> bool {
    if file.ends_with(b"PARE") {
        return true;
    }
    let footer = footer_of(file);
    footer.is_some_and(|footer| Thrift(footer).has_field(ENCRYPTION_ALGORITHM) == Some(true))
}

fn footer_of(file: &[u8]) -> Option<&[u8]> {
    let file = file.strip_suffix(b"PAR1")?;
    let (file, length) = file.split_last_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    file.get(file.len().checked_sub(length)?..)
}

/// What is left to be read; every step is none at the end of it, or where it is no Thrift.
struct Thrift<'a>(&'a [u8]);

impl Thrift<'_> {
    /// Whether a struct has a field.
    fn has_field(&mut self, wanted: i64) -> Option<bool> {
        let mut number = 0;
        loop {
            let Some((field, kind)) = self.field(number)? else {
                return Some(false);
            };
            if field == wanted {
                return Some(true);
            }
            number = field;
            self.skip(kind, 0)?;
        }
    }

    /// The number and the kind of the next field after `number`; none at the end of the struct.
    fn field(&mut self, number: i64) -> Option<Option<(i64, u8)>> {
        let head = self.byte()?;
        if head == 0 {
            return Some(None);
        }
        let number = match head >> 4 {
            0 => {
                let zigzag = self.number()?;
                (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed())
            }
            step => number + i64::from(step),
        };
        Some(Some((number, head & 0x0f)))
    }

    fn skip(&mut self, kind: u8, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        match kind {
            // True and false, which are their kind.
            1 | 2 => Some(()),
            3 => self.bytes(1),
            4..=6 => self.number().map(drop),
            7 => self.bytes(8),
            8 => {
                let length = self.number()?;
                self.bytes(usize::try_from(length).ok()?)
            }
            9 | 10 => self.skip_list(depth),
            12 => {
                let mut number = 0;
                while let Some((field, kind)) = self.field(number)? {
                    number = field;
                    self.skip(kind, depth + 1)?;
                }
                Some(())
            }
            _ => None,
        }
    }

    fn skip_list(&mut self, depth: usize) -> Option<()> {
        let head = self.byte()?;
        let count = match head >> 4 {
            15 => self.number()?,
            count => u64::from(count),
        };
        for _ in 0..count {
            match head & 0x0f {
                // In a list each takes a byte.
                1 | 2 => self.bytes(1)?,
                kind => self.skip(kind, depth + 1)?,
            }
        }
        Some(())
    }

    fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    fn bytes(&mut self, count: usize) -> Option<()> {
        self.0 = self.0.get(count..)?;
        Some(())
    }

    /// Seven bits of each byte, the lowest first, as long as the eighth is set.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::file::metadata::KeyValue;
    use parquet::file::properties::WriterProperties;

    use super::*;

    fn file() -> Vec<u8> {
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["a", "b"]));
        let rows = RecordBatch::try_from_iter([("id", ids), ("text", texts)]).unwrap();
        let note = KeyValue::new("note".to_owned(), "text".to_owned());
        let properties = WriterProperties::builder();
        let properties = properties.set_key_value_metadata(Some(vec![note])).build();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties)).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        bytes
    }

    /// The file with an algorithm behind the last field of its footer, which is the seventh.
    fn with_algorithm() -> Vec<u8> {
        let mut bytes = file();
        let footer = footer_of(&bytes).unwrap().to_vec();
        let (end, fields) = footer.split_last().unwrap();
        assert_eq!(*end, 0);
        let footer = [fields, &[0x1c, 0x1c, 0, 0, 0]].concat();
        bytes.truncate(bytes.len() - 8 - fields.len() - 1);
        bytes.extend_from_slice(&footer);
        bytes.extend_from_slice(&u32::try_from(footer.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(b"PAR1");
        bytes
    }

    #[test]
    fn files_with_encrypted_columns_are_told_from_others() {
        assert!(!is_encrypted(&file()));
        assert!(is_encrypted(&with_algorithm()));
        assert!(is_encrypted(b"....PARE"));
    }

    #[test]
    fn what_is_no_footer_is_not_encrypted() {
        let whole = file();
        let (file, end) = whole.split_at(whole.len() - 8);
        for length in 0..file.len() {
            // Whatever is found, nothing is read that is not there.
            let _found = is_encrypted(&[&file[..length], end].concat());
        }
        assert!(!is_encrypted(b""));
        assert!(!is_encrypted(b"PAR1"));
        assert!(!is_encrypted(
            &[&[0xff; 64][..], &[64, 0, 0, 0], b"PAR1"].concat()
        ));
    }
}
