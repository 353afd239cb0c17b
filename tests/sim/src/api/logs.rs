//! `/v1/client/fs/logs/:alloc`: what a task has printed (recording l-task-logs).

use super::Api;
use super::call::Call;
use super::reply::{Content, Outcome, Reply};
use crate::model::ApiError;

/// The most bytes of a log in one frame.
const FRAME: usize = 64 * 1024;

impl Api {
    /// Any method will do. The real agent goes on for as long as the task prints where it is told to follow;
    /// this one does not.
    pub(super) fn logs(&self, call: &Call, id: &str) -> Outcome {
        let bad = |text: &str| ApiError::new(400, text);
        let task = call.param("task").unwrap_or_default();
        if task.is_empty() {
            return Err(bad("must provide task name"));
        }
        let kind = call.param("type").unwrap_or_default();
        if !["stdout", "stderr"].contains(&kind) {
            return Err(bad("must provide log type (stdout/stderr)"));
        }
        if call.bool("follow")?.unwrap_or(false) {
            let text = "the simulated cluster does not follow logs";
            return Err(ApiError::new(501, text));
        }
        let plain = call.bool("plain")?.unwrap_or(false);
        let offset: usize = match call.param("offset").unwrap_or_default() {
            "" => 0,
            given => given.parse().map_err(|_| bad("error parsing offset"))?,
        };
        let from_end = match call.param("origin").unwrap_or_default() {
            "" | "start" => false,
            "end" => true,
            _ => return Err(bad("origin must be start or end")),
        };
        self.reach(call, id, &["read-logs", "read-fs"])?;
        let log = self.cluster.log(id, task, kind == "stderr")?;
        let start = if from_end {
            log.len().saturating_sub(offset)
        } else {
            offset.min(log.len())
        };
        let wanted = &log[start..];
        if plain {
            return Ok(Reply::chunked(Content::Plain, wanted.to_vec()));
        }
        let mut frames = Vec::new();
        for (number, part) in wanted.chunks(FRAME).enumerate() {
            let end = start + number * FRAME + part.len();
            let (data, file) = (base64(part), format!("alloc/logs/{task}.{kind}.0"));
            let frame = serde_json::json!({"Data": data, "File": file, "Offset": end});
            frames.extend_from_slice(frame.to_string().as_bytes());
        }
        Ok(Reply::chunked(Content::Json, frames))
    }
}

/// The standard alphabet, with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let at = |number: usize| u32::from(three.get(number).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            if digit <= three.len() {
                let value = (bits >> (18 - 6 * digit)) & 63;
                text.push(char::from(ALPHABET[value as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn frames_hold_base64() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("line 1 of what", "bGluZSAxIG9mIHdoYXQ="),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
