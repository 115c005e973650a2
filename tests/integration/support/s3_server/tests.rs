//! The server keeps the promises of S3 that tierline is built on.

use std::collections::BTreeSet;
use std::net::TcpStream;

use bytes::Bytes;
use futures::future;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3Builder, S3CopyIfNotExists};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{
    Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutPayload,
    PutResult, Result,
};
use tokio::io::AsyncWriteExt;

use super::{BUCKET, RequestCounts, RequestKind, S3Server};

const MEBIBYTE: usize = 1024 * 1024;

fn path(key: &str) -> Path {
    Path::parse(key).unwrap()
}

async fn read(store: &dyn ObjectStore, key: &str) -> Bytes {
    let object = store.get(&path(key)).await.unwrap();
    object.bytes().await.unwrap()
}

async fn list(store: &dyn ObjectStore, prefix: &str) -> Vec<ObjectMeta> {
    let objects = store.list(Some(&path(prefix)));
    objects.try_collect().await.unwrap()
}

async fn create(store: &dyn ObjectStore, key: &str, content: &str) -> Result<()> {
    let content = content.to_owned().into();
    let options = PutMode::Create.into();
    store.put_opts(&path(key), content, options).await?;
    Ok(())
}

/// Replaces what `previous` has put, and nothing else.
async fn update(
    store: &dyn ObjectStore,
    key: &str,
    previous: &PutResult,
    content: &str,
) -> Result<()> {
    let content = content.to_owned().into();
    let options = PutMode::Update(previous.clone().into()).into();
    store.put_opts(&path(key), content, options).await?;
    Ok(())
}

/// Twenty attempts at once, each with content of its own; returns the content of those accepted.
/// The others must have been told that they came too late.
async fn race(attempt: impl AsyncFn(String) -> Result<()>) -> Vec<String> {
    let contents = (0..20).map(|number| format!("writer {number}"));
    let outcomes = contents.map(async |content| match attempt(content.clone()).await {
        Ok(()) => Some(content),
        Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => None,
        Err(error) => panic!("{error}"),
    });
    let outcomes = stream::iter(outcomes).buffer_unordered(20);
    outcomes.filter_map(future::ready).collect().await
}

#[tokio::test]
async fn object_is_read_back_until_it_is_deleted() {
    let server = S3Server::start();
    let store = server.store();

    let put = store.put(&path("a/b.txt"), "hello".into()).await.unwrap();
    assert_eq!(read(&store, "a/b.txt").await, "hello");
    let head = store.head(&path("a/b.txt")).await.unwrap();
    assert_eq!((head.size, &head.e_tag), (5, &put.e_tag));
    assert!(put.e_tag.is_some());

    store.delete(&path("a/b.txt")).await.unwrap();
    let gone = store.get(&path("a/b.txt")).await;
    assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
    assert!(list(&store, "a").await.is_empty());
}

#[tokio::test]
async fn empty_object_is_an_object() {
    let server = S3Server::start();
    let store = server.store();

    let empty = PutPayload::default();
    store.put(&path("empty"), empty).await.unwrap();

    assert_eq!(read(&store, "empty").await, "");
    assert_eq!(store.head(&path("empty")).await.unwrap().size, 0);
    let listed: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert_eq!(listed[0].size, 0);
}

#[tokio::test]
async fn overwriting_changes_the_e_tag() {
    let server = S3Server::start();
    let store = server.store();

    let first = store.put(&path("a"), "1".into()).await.unwrap();
    let second = store.put(&path("a"), "2".into()).await.unwrap();

    assert_ne!(first.e_tag, second.e_tag);
    assert_eq!(read(&store, "a").await, "2");
}

#[tokio::test]
async fn ranges_are_cut_out_of_the_object() {
    let server = S3Server::start();
    let store = server.store();
    let key = path("digits");
    store.put(&key, "0123456789".into()).await.unwrap();

    assert_eq!(store.get_range(&key, 2..5).await.unwrap(), "234");
    assert_eq!(store.get_range(&key, 8..20).await.unwrap(), "89");
    let parts = store.get_ranges(&key, &[0..1, 7..9]).await.unwrap();
    assert_eq!(parts, ["0", "78"]);

    for (range, expected) in [
        (GetRange::Offset(7), "789"),
        (GetRange::Suffix(3), "789"),
        (GetRange::Suffix(100), "0123456789"),
    ] {
        let options = GetOptions::new().with_range(Some(range));
        let object = store.get_opts(&key, options).await.unwrap();
        assert_eq!(object.bytes().await.unwrap(), expected);
    }
}

#[tokio::test]
async fn listing_goes_on_after_a_thousand_keys() {
    let server = S3Server::start();
    let store = server.store();
    let put = async |number: usize| {
        let key = path(&format!("many/{number:04}"));
        store.put(&key, "x".into()).await.unwrap();
    };
    stream::iter((0..1_050).map(&put))
        .buffer_unordered(16)
        .collect::<()>()
        .await;
    store.put(&path("manyfold"), "x".into()).await.unwrap();
    server.reset_requests();

    let listed = list(&store, "many").await;

    let keys: Vec<_> = listed
        .iter()
        .map(|object| object.location.to_string())
        .collect();
    let expected: Vec<_> = (0..1_050)
        .map(|number| format!("many/{number:04}"))
        .collect();
    assert_eq!(keys, expected);
    let two_pages = RequestCounts {
        list: 2,
        ..RequestCounts::default()
    };
    assert_eq!(server.requests(), two_pages);
    assert_eq!(server.keys(RequestKind::List), ["many/", "many/"]);
}

#[tokio::test]
async fn listing_carries_each_objects_e_tag() {
    let server = S3Server::start();
    let store = server.store();
    store.put(&path("a/1"), "one".into()).await.unwrap();
    store.put(&path("a/2"), "two".into()).await.unwrap();

    for object in list(&store, "a").await {
        let head = store.head(&object.location).await.unwrap();
        assert!(object.e_tag.is_some());
        assert_eq!(object.e_tag, head.e_tag);
    }
}

#[tokio::test]
async fn delimited_listing_shows_one_level() {
    let server = S3Server::start();
    let store = server.store();
    for key in [
        "orders/readme",
        "orders/dt=1/a",
        "orders/dt=1/b",
        "orders/dt=2/a",
    ] {
        store.put(&path(key), "x".into()).await.unwrap();
    }

    let level = store
        .list_with_delimiter(Some(&path("orders")))
        .await
        .unwrap();

    assert_eq!(
        level.common_prefixes,
        [path("orders/dt=1"), path("orders/dt=2")]
    );
    let objects: Vec<_> = level
        .objects
        .iter()
        .map(|object| &object.location)
        .collect();
    assert_eq!(objects, [&path("orders/readme")]);
}

#[tokio::test]
async fn many_objects_are_deleted_in_one_request() {
    let server = S3Server::start();
    let store = server.store();
    let keys = [path("a"), path("b"), path("never-there")];
    for key in &keys[..2] {
        store.put(key, "x".into()).await.unwrap();
    }

    let locations = stream::iter(keys.map(Ok)).boxed();
    let deleted: Vec<_> = store.delete_stream(locations).try_collect().await.unwrap();

    assert_eq!(deleted.len(), 3);
    assert_eq!(server.requests().delete, 1);
    assert_eq!(server.keys(RequestKind::Delete), ["a", "b", "never-there"]);
    assert_eq!(store.list(None).count().await, 0);
}

#[tokio::test]
async fn multipart_upload_appears_when_it_is_complete() {
    let server = S3Server::start();
    let store = server.store();
    let parts = [vec![b'a'; 6 * MEBIBYTE], vec![b'b'; MEBIBYTE]];

    let mut upload = store.put_multipart(&path("big")).await.unwrap();
    for part in parts.clone() {
        upload.put_part(part.into()).await.unwrap();
    }
    assert!(store.head(&path("big")).await.is_err());
    let put = upload.complete().await.unwrap();

    assert_eq!(read(&store, "big").await, parts.concat());
    let head = store.head(&path("big")).await.unwrap();
    assert_eq!(head.e_tag, put.e_tag);
    assert_eq!(server.requests().multipart, 4);
}

#[tokio::test]
async fn aborted_multipart_upload_leaves_nothing() {
    let server = S3Server::start();
    let store = server.store();

    let mut upload = store.put_multipart(&path("big")).await.unwrap();
    upload.put_part("some".into()).await.unwrap();
    upload.abort().await.unwrap();

    assert_eq!(store.list(None).count().await, 0);
}

#[tokio::test]
async fn buffered_writer_uploads_in_parts() {
    let server = S3Server::start();
    let store = server.store();
    let content = vec![b'z'; 21 * MEBIBYTE];

    let mut writer = BufWriter::new(server.store(), path("buffered"));
    writer.write_all(&content).await.unwrap();
    writer.shutdown().await.unwrap();

    assert_eq!(read(&store, "buffered").await, content);
    let requests = server.requests();
    assert_eq!((requests.put, requests.multipart), (0, 5));
}

#[tokio::test]
async fn copy_has_the_content_and_e_tag_of_its_source() {
    let server = S3Server::start();
    let store = server.store();
    let source = store.put(&path("from"), "content".into()).await.unwrap();

    store.copy(&path("from"), &path("deep/to")).await.unwrap();

    assert_eq!(read(&store, "deep/to").await, "content");
    let copy = store.head(&path("deep/to")).await.unwrap();
    assert_eq!(copy.e_tag, source.e_tag);
    assert_eq!(server.requests().copy, 1);
    let missing = store.copy(&path("nothing"), &path("to")).await;
    assert!(
        matches!(missing, Err(Error::NotFound { .. })),
        "{missing:?}"
    );
}

#[tokio::test]
async fn second_create_finds_the_first() {
    let server = S3Server::start();
    let store = server.store();

    create(&store, "log/0.json", "first").await.unwrap();
    let second = create(&store, "log/0.json", "second").await;

    assert!(
        matches!(second, Err(Error::AlreadyExists { .. })),
        "{second:?}"
    );
    assert_eq!(read(&store, "log/0.json").await, "first");
}

#[tokio::test]
async fn one_of_twenty_racing_creates_wins() {
    let server = S3Server::start();
    let store = server.store();

    let winners = race(async |content| create(&store, "log/1.json", &content).await).await;

    assert_eq!(winners.len(), 1);
    assert_eq!(read(&store, "log/1.json").await, winners[0]);
}

#[tokio::test]
async fn update_with_a_stale_e_tag_is_refused() {
    let server = S3Server::start();
    let store = server.store();
    let stale = store.put(&path("state"), "1".into()).await.unwrap();
    let current = store.put(&path("state"), "2".into()).await.unwrap();

    let refused = update(&store, "state", &stale, "3").await;
    assert!(
        matches!(refused, Err(Error::Precondition { .. })),
        "{refused:?}"
    );
    assert_eq!(read(&store, "state").await, "2");

    update(&store, "state", &current, "3").await.unwrap();
    assert_eq!(read(&store, "state").await, "3");

    store.delete(&path("state")).await.unwrap();
    let missing = update(&store, "state", &stale, "4").await;
    assert!(
        matches!(missing, Err(Error::Precondition { .. })),
        "{missing:?}"
    );
}

#[tokio::test]
async fn one_of_twenty_racing_updates_wins() {
    let server = S3Server::start();
    let store = server.store();
    let first = store.put(&path("state"), "0".into()).await.unwrap();

    let winners = race(async |content| update(&store, "state", &first, &content).await).await;

    assert_eq!(winners.len(), 1);
    assert_eq!(read(&store, "state").await, winners[0]);
}

#[tokio::test]
async fn one_of_twenty_racing_multipart_creates_wins() {
    let server = S3Server::start();
    let client = server
        .client()
        .with_copy_if_not_exists(S3CopyIfNotExists::Multipart);
    let store = client.build().unwrap();
    store.put(&path("draft"), "draft".into()).await.unwrap();

    let winners = race(|_| async {
        store
            .copy_if_not_exists(&path("draft"), &path("final"))
            .await
    })
    .await;

    assert_eq!(winners.len(), 1);
    assert_eq!(read(&store, "final").await, "draft");
}

#[tokio::test]
async fn reads_keep_to_the_e_tag_they_ask_for() {
    let server = S3Server::start();
    let store = server.store();
    let stale = store.put(&path("a"), "1".into()).await.unwrap().e_tag;
    let current = store.put(&path("a"), "2".into()).await.unwrap().e_tag;
    let get = async |options| store.get_opts(&path("a"), options).await;

    let read = get(GetOptions::new().with_if_match(current.clone())).await;
    assert!(read.is_ok(), "{read:?}");
    let read = get(GetOptions::new().with_if_none_match(stale.clone())).await;
    assert!(read.is_ok(), "{read:?}");
    for head in [false, true] {
        let changed = get(GetOptions::new()
            .with_if_match(stale.clone())
            .with_head(head))
        .await;
        assert!(
            matches!(changed, Err(Error::Precondition { .. })),
            "{changed:?}"
        );
        let options = GetOptions::new().with_if_none_match(current.clone());
        let same = get(options.with_head(head)).await;
        assert!(matches!(same, Err(Error::NotModified { .. })), "{same:?}");
    }
}

#[tokio::test]
async fn reader_never_sees_half_a_write() {
    let server = S3Server::start();
    let store = server.store();
    let mut versions = BTreeSet::new();
    for content in ["1", "2"] {
        let put = store.put(&path("a"), content.into()).await.unwrap();
        versions.insert((Bytes::from(content), put.e_tag));
    }

    let overwriting = async {
        for number in 0..100 {
            let content = ["1", "2"][number % 2];
            store.put(&path("a"), content.into()).await.unwrap();
        }
    };
    let reading = async {
        for _ in 0..200 {
            let object = store.get(&path("a")).await.unwrap();
            let e_tag = object.meta.e_tag.clone();
            let seen = (object.bytes().await.unwrap(), e_tag);
            assert!(versions.contains(&seen), "{seen:?}");
        }
    };
    tokio::join!(overwriting, reading);
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let server = S3Server::start();
    for (client, code) in [
        (
            server.client().with_secret_access_key("wrong"),
            "SignatureDoesNotMatch",
        ),
        (server.client().with_access_key_id("nobody"), "NotSignedUp"),
        (server.client().with_skip_signature(true), "AccessDenied"),
    ] {
        let store = client.build().unwrap();
        let refused = store.put(&path("a"), "x".into()).await.unwrap_err();
        assert!(
            matches!(refused, Error::PermissionDenied { .. }),
            "{refused:?}"
        );
        assert!(refused.to_string().contains(code), "{refused}");
    }
    assert_eq!(server.requests(), RequestCounts::default());
}

#[tokio::test]
async fn missing_bucket_is_not_made_up() {
    let server = S3Server::start();
    let store = server
        .client()
        .with_bucket_name("elsewhere")
        .build()
        .unwrap();
    let key = path("a");

    let put = store.put(&key, "x".into()).await.map(drop);
    let multipart = store.put_multipart(&key).await.map(drop);
    let get = store.get(&key).await.map(drop);
    let delete = store.delete(&key).await;
    let list = store.list(None).try_collect::<Vec<_>>().await.map(drop);

    for outcome in [put, multipart, get, delete, list] {
        let message = outcome.unwrap_err().to_string();
        assert!(message.contains("NoSuchBucket"), "{message}");
    }
}

#[tokio::test]
async fn key_that_others_begin_with_does_not_exist() {
    let server = S3Server::start();
    let store = server.store();
    let (folder, object) = (path("orders"), path("orders/dt=1"));
    store.put(&object, "x".into()).await.unwrap();

    let get = store.get(&folder).await;
    assert!(matches!(get, Err(Error::NotFound { .. })), "{get:?}");
    let head = store.head(&folder).await;
    assert!(matches!(head, Err(Error::NotFound { .. })), "{head:?}");
    store.delete(&folder).await.unwrap();
    assert_eq!(read(&store, "orders/dt=1").await, "x");
}

#[tokio::test]
async fn what_a_folder_cannot_hold_is_refused_at_once() {
    let server = S3Server::start();
    let store = server.store();
    let too_long = path(&["k".repeat(100), "k".repeat(60)].join("/"));
    store.put(&path("a/b"), "x".into()).await.unwrap();
    server.reset_requests();

    for (key, code) in [
        (path("a"), "InvalidRequest"),
        (path("a/b/c"), "InvalidRequest"),
        (too_long, "KeyTooLongError"),
    ] {
        let refused = store.put(&key, "x".into()).await.unwrap_err();
        assert!(refused.to_string().contains(code), "{refused}");
    }
    assert_eq!(server.requests().put, 3, "none is tried again");
}

#[tokio::test]
async fn longest_keys_are_kept() {
    let server = S3Server::start();
    let store = server.store();
    let key = |length: usize| path(&format!("{}/{}", "k".repeat(100), "k".repeat(length - 101)));

    store.put(&key(160), "x".into()).await.unwrap();
    let mut upload = store.put_multipart(&key(127)).await.unwrap();
    upload.put_part("x".into()).await.unwrap();
    upload.complete().await.unwrap();

    let lengths = store
        .list(None)
        .map_ok(|object| object.location.as_ref().len());
    let lengths: BTreeSet<_> = lengths.try_collect().await.unwrap();
    assert_eq!(lengths, BTreeSet::from([127, 160]));
}

#[tokio::test]
async fn keys_come_back_as_they_were_given() {
    let server = S3Server::start();
    let store = server.store();
    let keys = [
        "dt=2024-01-01/part 0.parquet",
        "a+b/c&d",
        "umlaut/ä",
        "100%25",
        "_delta_log/0",
    ];

    for key in keys {
        store.put(&path(key), key.into()).await.unwrap();
        assert_eq!(read(&store, key).await, key);
    }

    let listed = store
        .list(None)
        .map_ok(|object| object.location.to_string());
    let listed: BTreeSet<_> = listed.try_collect().await.unwrap();
    assert_eq!(listed, BTreeSet::from(keys.map(str::to_owned)));
}

#[tokio::test]
async fn requests_are_counted_by_kind() {
    let server = S3Server::start();
    let store = server.store();

    store.put(&path("a"), "x".into()).await.unwrap();
    store.head(&path("a")).await.unwrap();
    read(&store, "a").await;
    read(&store, "a").await;
    store.copy(&path("a"), &path("b")).await.unwrap();
    store.delete(&path("b")).await.unwrap();
    assert_eq!(store.list(None).count().await, 1);

    let expected = RequestCounts {
        get: 2,
        head: 1,
        list: 1,
        put: 1,
        delete: 1,
        copy: 1,
        multipart: 0,
    };
    assert_eq!(server.requests(), expected);
    assert_eq!(server.keys(RequestKind::Get), ["a", "a"]);

    server.reset_requests();
    assert_eq!(server.requests(), RequestCounts::default());
}

#[tokio::test]
async fn environment_leads_to_the_server() {
    let server = S3Server::start();
    let mut client = AmazonS3Builder::new();
    for (name, value) in server.environment() {
        client = client.with_config(name.to_lowercase().parse().unwrap(), value);
    }
    let store = client.with_bucket_name(BUCKET).build().unwrap();

    store.put(&path("a"), "x".into()).await.unwrap();

    assert_eq!(read(&server.store(), "a").await, "x");
}

#[test]
fn dropped_server_listens_no_more() {
    let server = S3Server::start();
    let address = server.address;
    TcpStream::connect(address).unwrap();

    drop(server);

    assert!(TcpStream::connect(address).is_err());
}
