//! The file of `-report`: whether it can be written is found out before the run begins, and it is there whole or not at all.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use crate::cli::quote::quote;

/// How many names are tried for the temporary file: others are left by runs that were killed.
const NAMES: u32 = 100;

/// A file that can be written, as far as can be told.
#[derive(Debug)]
pub(crate) struct ReportFile {
    /// As it was given, for messages.
    given: PathBuf,
    /// Where it is, behind symbolic links.
    path: PathBuf,
}

impl ReportFile {
    /// Checks that the file can be written; the error is a sentence.
    pub(crate) fn prepare(given: &Path) -> Result<Self, String> {
        let file = Self::find(given).and_then(|file| {
            let (probe, temporary) = file.temporary()?;
            drop(probe);
            fs::remove_file(temporary)?;
            Ok(file)
        });
        file.map_err(|error| format!("{}: {error}", cannot(given)))
    }

    fn find(given: &Path) -> io::Result<Self> {
        let path = match fs::canonicalize(given) {
            // A rename would put a file in the place of a device.
            Ok(path) if !path.is_file() => {
                return Err(io::Error::other("it exists and is no regular file"));
            }
            Ok(path) => path,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let directory = directory(given);
                if !directory.is_dir() {
                    let directory = quote(&directory.to_string_lossy());
                    let text = format!("there is no directory {directory}");
                    return Err(io::Error::other(text));
                }
                given.to_owned()
            }
            Err(error) => return Err(error),
        };
        Ok(Self {
            given: given.to_owned(),
            path,
        })
    }

    /// Writes the whole file, in the place of what is there; the error is a sentence.
    pub(super) fn write(&self, content: &str) -> Result<(), String> {
        self.replace(content)
            .map_err(|error| format!("{}: {error}", cannot(&self.given)))
    }

    fn replace(&self, content: &str) -> io::Result<()> {
        let permissions = fs::metadata(&self.path).map(|it| it.permissions()).ok();
        let (mut file, temporary) = self.temporary()?;
        let written =
            fill(&mut file, content, permissions).and_then(|()| fs::rename(&temporary, &self.path));
        if written.is_err() {
            // What matters is why it was not written.
            let _ = fs::remove_file(&temporary);
        }
        written
    }

    /// A new file beside the one to be written: a rename works within one file system only.
    fn temporary(&self) -> io::Result<(File, PathBuf)> {
        let mut taken = None;
        for number in 0..NAMES {
            let mut name = OsString::from(".");
            name.push(self.path.file_name().unwrap_or_default());
            name.push(format!(".{}-{number}.tmp", std::process::id()));
            let path = directory(&self.path).join(name);
            match File::create_new(&path) {
                Ok(file) => return Ok((file, path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => taken = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(taken.unwrap_or_else(|| ErrorKind::AlreadyExists.into()))
    }
}

fn fill(file: &mut File, content: &str, permissions: Option<Permissions>) -> io::Result<()> {
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(content.as_bytes())?;
    file.sync_all()
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn cannot(given: &Path) -> String {
    let path = quote(&given.to_string_lossy());
    format!("The report {path} cannot be written")
}

#[cfg(test)]
mod tests;
