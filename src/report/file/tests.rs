//! What can be written, what cannot, and that nothing half-written is ever seen.

use super::*;

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn names(directory: &tempfile::TempDir) -> Vec<String> {
    let entries = fs::read_dir(directory.path()).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_and_nothing_else_is_left() {
    let directory = directory();
    let path = directory.path().join("run.json");
    let file = ReportFile::prepare(&path).unwrap();
    assert!(names(&directory).is_empty());
    file.write("one\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
    // One that a run left which was killed.
    let stale = format!(".run.json.{}-0.tmp", std::process::id());
    fs::write(directory.path().join(&stale), "half").unwrap();
    let file = ReportFile::prepare(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "one\n");
    file.write("two\n").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "two\n");
    assert_eq!(names(&directory), [stale, "run.json".to_owned()]);
}

#[test]
fn a_directory_that_is_not_there() {
    let directory = directory();
    let path = directory.path().join("none/run.json");
    let error = ReportFile::prepare(&path).unwrap_err();
    assert_eq!(
        error,
        format!(
            "The report {path:?} cannot be written: there is no directory {:?}",
            directory.path().join("none")
        )
    );
}

#[test]
fn what_is_no_file() {
    let directory = directory();
    for path in [directory.path(), Path::new("/dev/null")] {
        let error = ReportFile::prepare(path).unwrap_err();
        assert!(
            error.ends_with(" cannot be written: it exists and is no regular file"),
            "{error}"
        );
    }
}

#[test]
fn a_failure_in_the_end_leaves_what_was_there() {
    let directory = directory();
    let path = directory.path().join("run.json");
    let file = ReportFile::prepare(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = file.write("one\n").unwrap_err();
    assert!(error.starts_with("The report \""), "{error}");
    assert_eq!(names(&directory), ["run.json"]);
}

#[cfg(unix)]
#[test]
fn links_and_permissions_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};

    let directory = directory();
    let (path, link) = (directory.path().join("real"), directory.path().join("link"));
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
    symlink(&path, &link).unwrap();
    ReportFile::prepare(&link).unwrap().write("new").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
}
