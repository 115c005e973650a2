//! Decoders that panic over bytes they do not expect: what they say becomes an error, and nothing is
//! printed on the way.

use std::cell::Cell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::pin::pin;
use std::sync::Once;
use std::task::Poll;

use datafusion::error::{DataFusionError, Result};
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use parquet::errors::ParquetError;

/// How much of what a decoder says is passed on, in characters: it may quote what it read.
const SAID: usize = 200;

thread_local! {
    /// Whether this thread is decoding.
    static IS_DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Decodes; a panic is an error of Parquet.
///
/// # Errors
/// Those of the decoder, and its panics.
pub(super) fn decoding<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(decode).flatten()
}

/// The same for a future.
///
/// # Errors
/// Those of the decoder, and its panics.
pub(super) async fn decoded<T>(decode: impl Future<Output = Result<T>>) -> Result<T> {
    let mut decode = pin!(decode);
    poll_fn(|context| match caught(|| decode.as_mut().poll(context)) {
        Ok(poll) => poll,
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// The same for a stream, which ends there.
pub(super) fn decoded_stream<T: Send + 'static>(
    batches: BoxStream<'static, Result<T>>,
) -> BoxStream<'static, Result<T>> {
    let next = |batches: Option<BoxStream<'static, Result<T>>>| async move {
        let mut batches = batches?;
        let next = decoded(async { Ok(batches.next().await) }).await;
        match next.transpose()? {
            Ok(batch) => Some((batch, Some(batches))),
            // Whatever panicked is not asked again.
            Err(panicked) => Some((Err(panicked), None)),
        }
    };
    stream::unfold(Some(batches), next).boxed()
}

fn caught<T>(decode: impl FnOnce() -> T) -> Result<T> {
    hush();
    let was_decoding = IS_DECODING.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(decode));
    IS_DECODING.set(was_decoding);
    outcome.map_err(|panicked| {
        let said = panicked.downcast_ref::<String>().map(String::as_str);
        let said = said.or_else(|| panicked.downcast_ref::<&str>().copied());
        let said = said.unwrap_or("the decoder gave up");
        let said: String = in_words(said).escape_debug().take(SAID).collect();
        DataFusionError::from(ParquetError::General(said))
    })
}

/// How a decoder panics that went by a number in the file without asking whether it can be.
const PANICS_OF_NUMBERS: [&str; 9] = [
    "attempt to ",
    "range start index",
    "range end index",
    "slice index",
    "index out of bounds",
    "byte index",
    "capacity overflow",
    "called `",
    "assertion ",
];

/// What a panic says, in words about the file.
fn in_words(said: &str) -> &str {
    let is_of_numbers = PANICS_OF_NUMBERS
        .iter()
        .any(|start| said.starts_with(start));
    match is_of_numbers {
        true => "a length or a place that it names cannot be",
        false => said,
    }
}

/// Panics of decoders are not printed; all others are, as they were.
fn hush() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = take_hook();
        set_hook(Box::new(move |panicked| {
            if !IS_DECODING.get() {
                usual(panicked);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use bytes::Bytes;
    use datafusion::arrow::array::{ArrayRef, RecordBatch, TimestampMicrosecondArray};
    use parquet::arrow::ArrowWriter;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;

    fn said<T: std::fmt::Debug>(outcome: Result<T>) -> String {
        outcome.unwrap_err().strip_backtrace()
    }

    #[test]
    fn panics_over_numbers_of_a_file_are_told_in_words_about_it() {
        let length = std::hint::black_box(7_usize);
        let over = decoding(|| Ok([1, 2, 3][..length].len()));
        let said = said(over);
        assert!(
            said.ends_with("a length or a place that it names cannot be"),
            "{said}"
        );
        let subtracted = "attempt to subtract with overflow";
        assert_eq!(
            in_words(subtracted),
            in_words("range end index 7 out of range")
        );
        assert_eq!(in_words("unit 18 not supported"), "unit 18 not supported");
    }

    #[tokio::test]
    async fn panics_are_errors_of_parquet() {
        let panicked: Result<()> = decoding(|| panic!("unit {} not supported", 18));
        assert_eq!(
            said(panicked),
            "Parquet error: Parquet error: unit 18 not supported"
        );
        let panicked: Result<()> = decoded(async { panic!("a\nb") }).await;
        assert_eq!(said(panicked), "Parquet error: Parquet error: a\\nb");
        assert_eq!(decoding(|| Ok(1)).unwrap(), 1);
    }

    /// The note in a footer that says what Arrow columns a file was written from is taken for
    /// granted by its reader.
    #[test]
    fn no_flipped_bit_of_a_footer_panics() {
        let times: ArrayRef =
            Arc::new(TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC"));
        let rows = RecordBatch::try_from_iter([("at", times)]).unwrap();
        let mut whole = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut whole, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        let note = whole.windows(12).position(|bytes| bytes == b"ARROW:schema");
        let note = note.unwrap();
        let mut said = BTreeSet::new();
        for (place, bit) in
            (note..whole.len() - 40).flat_map(|place| (0..8).map(move |bit| (place, bit)))
        {
            let mut flipped = whole.clone();
            flipped[place] ^= 1 << bit;
            let opened = decoding(|| {
                Ok(ParquetRecordBatchReaderBuilder::try_new(Bytes::from(
                    flipped,
                ))?)
            });
            said.extend(opened.err().map(|error| error.strip_backtrace()));
        }
        let is_panic = |said: &String| said.contains("Timestamp type with unit");
        assert!(said.iter().any(is_panic), "{said:#?}");
    }

    #[tokio::test]
    async fn stream_ends_where_it_panics() {
        let batches = stream::iter([1, 2, 3]).map(|batch| match batch {
            2 => panic!("no batch {batch}"),
            batch => Ok(batch),
        });
        let batches: Vec<Result<i32>> = decoded_stream(batches.boxed()).collect().await;
        assert_eq!(batches.len(), 2);
        assert_eq!(*batches[0].as_ref().unwrap(), 1);
        assert!(batches[1].is_err());
    }
}
