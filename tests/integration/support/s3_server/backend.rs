//! s3s-fs over a temporary folder, made to keep the promises S3 makes.
//!
//! | s3s-fs | S3, and here |
//! |---|---|
//! | checks `If-Match` and `If-None-Match`, then writes: racing writers all win | one writer at a time, so one wins |
//! | replaces an object before its e_tag | readers see both or neither |
//! | lists no e_tags | every listed object has its e_tag |
//! | ignores `If-Match` and `If-None-Match` of GET and HEAD | they are checked |
//! | answers 500 for a key that others begin with | 404; deleting it does nothing |
//! | answers 500 for a suffix longer than the object | the whole object |
//! | creates the bucket that a PUT names | `NoSuchBucket` |
//!
//! What a folder cannot hold is refused at once, since clients retry a 500 for minutes: a key that
//! is also the folder of others, and a key that s3s-fs cannot make a file name of.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use tokio::sync::RwLock;

use super::faults::Faults;
use super::requests::{RequestKind, RequestLog};
use super::trouble::{Trouble, Troubles, first_half};

/// s3s-fs keeps an object's attributes in a file named by its key in base64, which may have 255
/// bytes; the file of a multipart upload also carries the upload's id.
const LONGEST_KEY: usize = 160;
const LONGEST_MULTIPART_KEY: usize = 127;

/// Keys that are listed beside those of the folder, and cannot be read.
pub(super) type InvalidKeys = Arc<Mutex<Vec<String>>>;

/// The server's operations: those that the clients of object stores use.
pub(super) struct Backend {
    files: FileSystem,
    folder: PathBuf,
    requests: Arc<RequestLog>,
    troubles: Arc<Troubles>,
    faults: Arc<Faults>,
    invalid_keys: InvalidKeys,
    /// Held by readers while they look, by one writer while it checks and writes.
    objects: RwLock<()>,
}

impl Backend {
    /// Serves the folders of `folder` as buckets, notes every request in `requests`, makes the
    /// trouble that is asked for and lists `invalid_keys` besides.
    pub(super) fn new(
        folder: &Path,
        requests: Arc<RequestLog>,
        (troubles, faults): (Arc<Troubles>, Arc<Faults>),
        invalid_keys: InvalidKeys,
    ) -> Self {
        Self {
            files: FileSystem::new(folder).unwrap(),
            folder: folder.to_owned(),
            requests,
            troubles,
            faults,
            invalid_keys,
            objects: RwLock::new(()),
        }
    }

    fn path(&self, bucket: &str, key: &str) -> PathBuf {
        self.folder.join(bucket).join(key)
    }

    fn check_bucket(&self, bucket: &str) -> S3Result<()> {
        if self.folder.join(bucket).is_dir() {
            return Ok(());
        }
        Err(s3_error!(NoSuchBucket))
    }

    fn check_readable(&self, bucket: &str, key: &str) -> S3Result<()> {
        self.check_bucket(bucket)?;
        if self.path(bucket, key).is_dir() {
            return Err(s3_error!(NoSuchKey));
        }
        Ok(())
    }

    fn check_writable(&self, bucket: &str, key: &str, longest_key: usize) -> S3Result<()> {
        self.check_bucket(bucket)?;
        if key.len() > longest_key {
            let message = "the test server's keys have at most";
            return Err(s3_error!(KeyTooLongError, "{message} {longest_key} bytes"));
        }
        let path = self.path(bucket, key);
        if path.is_dir() || path.ancestors().skip(1).any(Path::is_file) {
            let message = "the test server cannot hold an object and objects below it";
            return Err(s3_error!(InvalidRequest, "{message}: {key}"));
        }
        Ok(())
    }

    /// An e_tag as far as answers have them.
    fn shown(&self, e_tag: Option<ETag>) -> Option<ETag> {
        e_tag.filter(|_| !self.troubles.hides_e_tags())
    }

    /// The e_tag of an object that a listing found.
    async fn e_tag(
        &self,
        listing: &S3Request<ListObjectsV2Input>,
        key: &str,
    ) -> S3Result<Option<ETag>> {
        let head = listing.clone().map_input(|input| HeadObjectInput {
            bucket: input.bucket,
            key: key.to_owned(),
            ..HeadObjectInput::default()
        });
        Ok(self.files.head_object(head).await?.output.e_tag)
    }
}

impl Backend {
    /// Does to an object, or to the answer about it, what goes wrong.
    async fn make(
        &self,
        trouble: Option<Trouble>,
        asked: S3Request<GetObjectInput>,
        response: &mut S3Response<GetObjectOutput>,
    ) -> S3Result<()> {
        let Some(trouble) = trouble else {
            return Ok(());
        };
        match &trouble {
            Trouble::Overwritten(bytes) => {
                let bytes = bytes.clone();
                let put = asked.map_input(|input| PutObjectInput {
                    bucket: input.bucket,
                    key: input.key,
                    body: Some(s3s::Body::from(bytes).into()),
                    ..PutObjectInput::default()
                });
                let _writing = self.objects.write().await;
                self.files.put_object(put).await?;
            }
            Trouble::Removed => {
                let delete = asked.map_input(|input| DeleteObjectInput {
                    bucket: input.bucket,
                    key: input.key,
                    ..DeleteObjectInput::default()
                });
                let _writing = self.objects.write().await;
                self.files.delete_object(delete).await?;
            }
            Trouble::Cut | Trouble::Stalled => {
                let output = &mut response.output;
                let length = output.content_length.unwrap_or_default();
                let body = output.body.take();
                let length = usize::try_from(length).unwrap();
                output.body = body.map(|body| first_half(body, length, &trouble));
            }
            Trouble::TimedOut => return Err(s3_error!(RequestTimeout)),
        }
        Ok(())
    }
}

/// The preconditions of a read.
struct ReadConditions {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
}

impl ReadConditions {
    fn check(&self, e_tag: Option<&ETag>) -> S3Result<()> {
        let Some(current) = e_tag else { return Ok(()) };
        if let Some(ETagCondition::ETag(expected)) = &self.if_match
            && !current.strong_cmp(expected)
        {
            return Err(s3_error!(PreconditionFailed));
        }
        if let Some(ETagCondition::ETag(known)) = &self.if_none_match
            && current.weak_cmp(known)
        {
            return Err(s3_error!(NotModified));
        }
        Ok(())
    }
}

#[async_trait]
impl S3 for Backend {
    async fn get_object(
        &self,
        mut request: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = &mut request.input;
        self.requests
            .record_get(&input.key, input.if_match.is_some());
        let trouble = self.troubles.meet(&input.key);
        let reading = self.objects.read().await;
        self.check_readable(&input.bucket, &input.key)?;
        if let Some(Range::Suffix { length }) = &mut input.range
            && let Ok(file) = self.path(&input.bucket, &input.key).metadata()
        {
            *length = (*length).min(file.len());
        }
        let conditions = ReadConditions {
            if_match: input.if_match.take(),
            if_none_match: input.if_none_match.take(),
        };
        let mut response = self.files.get_object(request.clone()).await?;
        conditions.check(response.output.e_tag.as_ref())?;
        drop(reading);
        self.make(trouble, request, &mut response).await?;
        response.output.e_tag = self.shown(response.output.e_tag);
        Ok(response)
    }

    async fn head_object(
        &self,
        mut request: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = &mut request.input;
        self.requests.record(RequestKind::Head, &input.key);
        let _reading = self.objects.read().await;
        self.check_readable(&input.bucket, &input.key)?;
        let conditions = ReadConditions {
            if_match: input.if_match.take(),
            if_none_match: input.if_none_match.take(),
        };
        let mut response = self.files.head_object(request).await?;
        conditions.check(response.output.e_tag.as_ref())?;
        response.output.e_tag = self.shown(response.output.e_tag);
        Ok(response)
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let prefix = request.input.prefix.clone().unwrap_or_default();
        self.requests.record(RequestKind::List, &prefix);
        let is_deep = request.input.delimiter.is_none();
        let _reading = self.objects.read().await;
        let mut response = self.files.list_objects_v2(request.clone()).await?;
        for object in response.output.contents.iter_mut().flatten() {
            let key = object.key.as_deref().unwrap_or_default();
            object.e_tag = self.shown(self.e_tag(&request, key).await?);
        }
        let invalid_keys = self.invalid_keys.lock().unwrap().clone();
        let invalid_keys = invalid_keys.into_iter();
        let listed = invalid_keys.filter(|key| is_deep && key.starts_with(&prefix));
        let contents = response.output.contents.get_or_insert_default();
        let unseen = self.faults.unseen();
        contents.retain(|object| !unseen.iter().any(|key| object.key.as_ref() == Some(key)));
        contents.extend(listed.map(|key| Object {
            key: Some(key),
            size: Some(9),
            last_modified: Some(std::time::SystemTime::UNIX_EPOCH.into()),
            ..Object::default()
        }));
        Ok(response)
    }

    async fn put_object(
        &self,
        mut request: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let input = &mut request.input;
        if self.troubles.ignores_conditions() {
            input.if_none_match = None;
        }
        self.requests.record(RequestKind::Put, &input.key);
        let _writing = self.objects.write().await;
        self.check_writable(&input.bucket, &input.key, LONGEST_KEY)?;
        self.faults.note_written(&input.key);
        self.files.put_object(request).await
    }

    async fn copy_object(
        &self,
        request: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = &request.input;
        self.requests.record(RequestKind::Copy, &input.key);
        let _writing = self.objects.write().await;
        self.check_writable(&input.bucket, &input.key, LONGEST_KEY)?;
        self.faults.note_written(&input.key);
        self.files.copy_object(request).await
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let input = &request.input;
        self.requests.record(RequestKind::Delete, &input.key);
        let _writing = self.objects.write().await;
        if self.path(&input.bucket, &input.key).is_dir() {
            return Ok(S3Response::new(DeleteObjectOutput::default()));
        }
        self.files.delete_object(request).await
    }

    async fn delete_objects(
        &self,
        mut request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = &mut request.input;
        let objects = &mut input.delete.objects;
        let keys = objects.iter().map(|object| object.key.clone()).collect();
        self.requests.record_batch(RequestKind::Delete, keys);
        let _writing = self.objects.write().await;
        self.check_bucket(&input.bucket)?;
        let is_absent =
            |object: &mut ObjectIdentifier| self.path(&input.bucket, &object.key).is_dir();
        let absent: Vec<_> = objects.extract_if(.., is_absent).collect();
        let mut response = self.files.delete_objects(request).await?;
        let deleted = response.output.deleted.get_or_insert_default();
        deleted.extend(absent.into_iter().map(|object| DeletedObject {
            key: Some(object.key),
            ..DeletedObject::default()
        }));
        Ok(response)
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = &request.input;
        self.requests.record(RequestKind::Multipart, &input.key);
        self.check_writable(&input.bucket, &input.key, LONGEST_MULTIPART_KEY)?;
        self.files.create_multipart_upload(request).await
    }

    async fn upload_part(
        &self,
        request: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        let key = &request.input.key;
        self.requests.record(RequestKind::Multipart, key);
        self.files.upload_part(request).await
    }

    async fn upload_part_copy(
        &self,
        request: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        let key = &request.input.key;
        self.requests.record(RequestKind::Multipart, key);
        let _reading = self.objects.read().await;
        self.files.upload_part_copy(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = &request.input;
        self.requests.record(RequestKind::Multipart, &input.key);
        let _writing = self.objects.write().await;
        self.check_writable(&input.bucket, &input.key, LONGEST_MULTIPART_KEY)?;
        self.files.complete_multipart_upload(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let key = &request.input.key;
        self.requests.record(RequestKind::Multipart, key);
        self.files.abort_multipart_upload(request).await
    }
}
