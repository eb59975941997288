//! What the store promises, on a disk of its own.

use super::*;

#[test]
fn a_read_sees_the_last_write_whatever_was_read_before() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let disk = SledDisk::open(folder.path()).expect("a store");
    let put = |value: Option<&str>, next| {
        disk.restore_state(7, vec![(b"key".to_vec(), value.map(|value| value.as_bytes().to_vec()))], next, 0);
    };
    disk.begin(7, "changelog", "dedup", 0);
    assert_eq!(disk.get(7, b"key"), None);
    for (next, value) in [Some("one"), Some("two"), None, Some("three")].into_iter().enumerate() {
        put(value, next as i64 + 1);
        for _ in 0..2 {
            assert_eq!(disk.get(7, b"key").as_deref(), value.map(str::as_bytes));
            assert_eq!(disk.get(8, b"key"), None, "another task's");
        }
    }
    disk.drop_task(7);
    assert_eq!(disk.get(7, b"key"), None);
    assert_eq!(disk.take_fault(), None);
    put(Some("four"), 9);
    assert!(disk.take_fault().is_some(), "without a checkpoint");
    assert_eq!(disk.take_fault(), None, "a fault is told once");
}

#[test]
fn what_was_read_lately_is_bounded() {
    let mut recent = Recent::default();
    for number in 0..100_000u32 {
        recent.keep(number.to_be_bytes().to_vec(), vec![0; 1_000].into());
        assert!(recent.bytes <= RECENT);
    }
    let keys: Vec<Vec<u8>> = recent.values.keys().cloned().collect();
    keys.iter().for_each(|key| recent.forget(key));
    assert_eq!(recent.bytes, 0);
}

#[test]
fn a_folder_that_the_system_refuses_stays_as_it_is() {
    use std::io::ErrorKind;
    assert!(refused(ErrorKind::PermissionDenied).is_some_and(|hint| hint.contains("write to the folder")));
    assert!(refused(ErrorKind::ReadOnlyFilesystem).is_some_and(|hint| hint.contains("mount")));
    assert!(refused(ErrorKind::StorageFull).is_some_and(|hint| hint.contains("free space")));
    // A store that was cut off is no refusal: it is set aside and rebuilt.
    assert_eq!(refused(ErrorKind::UnexpectedEof), None);
    // Not even a superuser makes folders there.
    let error = SledDisk::open(std::path::Path::new("/sys/orderflow-store")).err().expect("refused").to_string();
    assert!(error.contains("/sys/orderflow-store") && !error.contains("move"), "{error}");
    assert!(error.contains("os error") || error.contains("denied") || error.contains("permitted"), "{error}");
}
